//! Words, numbers and days of a question.

use super::numbers;
use jiff::civil::Date;

/// A question's words at most: a longer text is no question about data.
pub const TOKENS_MAX: usize = 120;

/// Words in short and in full.
const ABBREVIATED: &[(&str, &str)] = &[
    ("qtr", "quarter"),
    ("qtrs", "quarters"),
    ("trimester", "quarter"),
    ("trimesters", "quarters"),
    ("semester", "half"),
    ("yr", "year"),
    ("yrs", "years"),
    ("mth", "month"),
    ("mths", "months"),
    ("wk", "week"),
    ("wks", "weeks"),
    ("avg", "average"),
    ("pct", "percent"),
    ("perc", "percent"),
    ("calc", "calculate"),
    ("calcs", "calculations"),
    ("num", "number"),
    ("nr", "number"),
    ("qty", "quantity"),
    ("thru", "through"),
    ("diff", "different"),
    ("cust", "customer"),
    ("custs", "customers"),
    ("min", "minimum"),
    ("max", "maximum"),
    ("r", "are"),
    ("u", "you"),
];

/// A word, number or day.
#[derive(Debug, Clone, PartialEq)]
pub struct Token {
    /// As it was written.
    pub raw: String,
    /// In small letters, without accents and without the ending of a plural.
    pub stem: String,
    /// In small letters, without accents.
    pub word: String,
    /// The number, where it is one.
    pub number: Option<f64>,
    /// The day, where it is one as ISO 8601 writes it.
    pub day: Option<Date>,
}

/// Takes a question apart.
pub fn tokens(question: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let text = spelt_out(&question.chars().map(unaccented).collect::<String>());
    for chunk in text.split(|c: char| c.is_whitespace() || "?!;:\"()[]{}/&|*=_<>".contains(c)) {
        let chunk = chunk.trim_matches(|c: char| ",.'-".contains(c));
        if let Ok(day) = chunk.parse::<Date>()
            && chunk.len() == 10
        {
            tokens.push(Token { day: Some(day), ..word(chunk) });
            continue;
        }
        let parts: Vec<&str> = chunk.split(['-', '–', '—']).collect();
        for (at, part) in parts.iter().enumerate() {
            // `Jul-Sep`, `2017-2018`: a dash between two of a kind is a way from one to the other.
            if at.checked_sub(1).is_some_and(|before| kind(parts[before]).is_some_and(|before| Some(before) == kind(part))) {
                tokens.push(word("to"));
            }
            split(part, &mut tokens);
        }
    }
    numbers::joined(tokens)
}

/// Of which kind a part of a period is: a month, a quarter, a year or a day.
fn kind(part: &str) -> Option<u8> {
    let small = part.to_lowercase();
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if super::calendar::is_month(&small) {
        return Some(0);
    }
    match small.strip_prefix('q') {
        Some(quarter) if quarter.len() == 1 && digits(quarter) => Some(1),
        _ if small.len() == 4 && digits(&small) => Some(2),
        _ if small.len() == 1 && digits(&small) => Some(3),
        _ => None,
    }
}

/// Signs as the words that they stand for, and years in two digits behind an apostrophe as those in four.
fn spelt_out(text: &str) -> String {
    const SIGNS: [(&str, &str); 15] = [
        ("->", " to "),
        ("→", " to "),
        (">=", " at least "),
        ("=>", " at least "),
        ("≥", " at least "),
        ("<=", " at most "),
        ("≤", " at most "),
        (">", " more than "),
        ("<", " less than "),
        ("&", " and "),
        ("no. of ", "number of "),
        ("No. of ", "number of "),
        ("# of ", "number of "),
        ("w/o ", "without "),
        ("w/ ", "with "),
    ];
    let spelt = SIGNS.iter().fold(text.to_owned(), |text, (sign, words)| text.replace(sign, words));
    let chars: Vec<char> = spelt.chars().collect();
    let digit = |at: usize| chars.get(at).is_some_and(char::is_ascii_digit);
    let mut out = String::with_capacity(spelt.len());
    for (at, c) in chars.iter().enumerate() {
        let ends = chars.get(at + 3).is_none_or(|next| !next.is_alphanumeric());
        match *c == '\'' && digit(at + 1) && digit(at + 2) && ends {
            true => out.push_str(" 20"),
            false => out.push(*c),
        }
    }
    out
}

fn split(part: &str, tokens: &mut Vec<Token>) {
    let part = part.trim_matches(|c: char| ",.'".contains(c)).trim_start_matches("R$").trim_start_matches(['$', '€', '#']);
    if part == "+" {
        tokens.push(word("and"));
        return;
    }
    if part.is_empty() {
        return;
    }
    let (part, sign) = match part.char_indices().next_back() {
        Some((at, last @ ('%' | '+'))) => (&part[..at], Some(last)),
        _ => (part, None),
    };
    // `3Q17`, `1H2018`.
    if let Some((at, year)) = quarter_first(part) {
        tokens.push(word(&at));
        split(&year, tokens);
        return;
    }
    // `2017Q3`.
    if part.len() == 6
        && part.is_char_boundary(4)
        && part[..4].bytes().all(|byte| byte.is_ascii_digit())
        && part[4..].starts_with(['q', 'Q', 'h', 'H'])
    {
        split(&part[..4], tokens);
        tokens.push(word(&part[4..]));
        return;
    }
    // `2017's`.
    let part = part.strip_suffix("'s").filter(|start| start.ends_with(|c: char| c.is_ascii_digit())).unwrap_or(part);
    let plain = part.replace(',', "");
    let thousands = plain.strip_suffix(['k', 'K']).filter(|start| !start.is_empty()).and_then(decimal);
    let numeric = plain.starts_with(|c: char| c.is_ascii_digit()) && plain.chars().all(|c| c.is_ascii_digit() || c == '.');
    if let Some(number) = thousands {
        tokens.push(Token { number: Some(number * 1_000.0), ..word(part) });
    } else if let (true, Ok(number)) = (numeric, plain.parse::<f64>()) {
        tokens.push(Token { number: Some(number), ..word(part) });
    } else {
        for piece in part.split([',', '.']).filter(|piece| !piece.is_empty()) {
            contracted(piece, tokens);
        }
    }
    tokens.extend(sign.map(|sign| word(if sign == '%' { "percent" } else { "plus" })));
}

fn decimal(text: &str) -> Option<f64> {
    let plain = text.starts_with(|c: char| c.is_ascii_digit()) && text.chars().all(|c| c.is_ascii_digit() || c == '.');
    text.parse().ok().filter(|_| plain)
}

/// `3Q17` as `q3` and `2017`.
fn quarter_first(part: &str) -> Option<(String, String)> {
    let mut chars = part.chars();
    let (number, letter) = (chars.next()?, chars.next()?.to_ascii_lowercase());
    let year = chars.as_str();
    let fits = matches!((letter, number), ('q', '1'..='4') | ('h', '1'..='2')) && year.bytes().all(|byte| byte.is_ascii_digit());
    let year = match year.len() {
        2 => format!("20{year}"),
        0 | 4 => year.to_owned(),
        _ => return None,
    };
    fits.then(|| (format!("{letter}{number}"), year))
}

/// `what's` is `what`, `don't` is `do not`.
fn contracted(piece: &str, tokens: &mut Vec<Token>) {
    // Split as it was written: small letters may be longer or shorter than their capitals (`Ⱥ` has two bytes, `ⱥ` three).
    match piece.split_once('\'') {
        Some((stem, "t" | "T")) if stem.ends_with(['n', 'N']) => {
            tokens.push(word(if stem.eq_ignore_ascii_case("can") { stem } else { &stem[..stem.len() - 1] }));
            tokens.push(word("not"));
        }
        Some((stem, _)) if !stem.is_empty() => tokens.push(word(stem)),
        _ => tokens.push(word(piece)),
    }
}

fn word(raw: &str) -> Token {
    let word = raw.to_lowercase();
    let word = ABBREVIATED.iter().find(|(short, _)| *short == word).map_or(word, |(_, long)| (*long).to_owned());
    Token { raw: raw.to_owned(), stem: stem(&word), word, number: None, day: None }
}

fn unaccented(c: char) -> char {
    match c {
        'á' | 'à' | 'â' | 'ã' | 'ä' => 'a',
        'é' | 'è' | 'ê' | 'ë' => 'e',
        'í' | 'ì' | 'î' | 'ï' => 'i',
        'ó' | 'ò' | 'ô' | 'õ' | 'ö' => 'o',
        'ú' | 'ù' | 'û' | 'ü' => 'u',
        'ç' => 'c',
        'Á' | 'À' | 'Â' | 'Ã' => 'A',
        'É' | 'Ê' => 'E',
        'Í' => 'I',
        'Ó' | 'Ô' | 'Õ' => 'O',
        'Ú' => 'U',
        'Ç' => 'C',
        '\u{2018}' | '\u{2019}' => '\'',
        _ => c,
    }
}

/// A word without the ending of its plural, in American spelling where the two differ in a doubled letter. Endings of verbs stay: `shipped`
/// and `shipping` are different things to a business.
pub fn stem(word: &str) -> String {
    let word = match word {
        "cancelled" => "canceled",
        "cancellation" => "cancelation",
        "instalment" | "instalments" => "installment",
        "avg" => "average",
        "fulfillment" => "fulfilment",
        _ => word,
    };
    let short = word.len() <= 3 || ["ss", "us", "is"].iter().any(|end| word.ends_with(end));
    if short {
        return word.to_owned();
    }
    if let Some(start) = word.strip_suffix("ies").filter(|start| start.len() > 1) {
        return format!("{start}y");
    }
    let hissing = ["sses", "ches", "shes", "xes"].iter().any(|end| word.ends_with(end));
    let cut = if hissing { word.strip_suffix("es") } else { word.strip_suffix('s') };
    cut.unwrap_or(word).to_owned()
}

/// Forms of irregular verbs, and those that lose a letter before their ending, with the one that stands for all.
const FORMS: &[(&str, &str)] = &[
    ("bought", "buy"),
    ("came", "come"),
    ("coming", "come"),
    ("got", "get"),
    ("gotten", "get"),
    ("getting", "get"),
    ("made", "make"),
    ("making", "make"),
    ("sold", "sell"),
    ("took", "take"),
    ("taken", "take"),
    ("taking", "take"),
    ("paid", "pay"),
    ("spent", "spend"),
    ("won", "win"),
    ("winning", "win"),
    ("gave", "give"),
    ("given", "give"),
    ("giving", "give"),
    ("brought", "bring"),
    ("went", "go"),
    ("gone", "go"),
    ("kept", "keep"),
    ("met", "meet"),
    ("sent", "send"),
    ("missed", "miss"),
    ("missing", "miss"),
    ("misse", "miss"),
    ("used", "use"),
    ("using", "use"),
];

/// A stem without the endings of a verb, for phrases whose other words say what is meant: `arrive`, `arrived` and `arriving` on time.
pub fn lemma(stem: &str) -> &str {
    if let Some((_, verb)) = FORMS.iter().find(|(form, _)| *form == stem) {
        return verb;
    }
    let cut = ["ing", "ed", "e"].iter().find_map(|end| stem.strip_suffix(end));
    let Some(cut) = cut.filter(|start| start.len() >= 3 && stem.len() >= 5) else { return stem };
    // `shipped` is of `ship`.
    let doubled = ["bb", "dd", "gg", "mm", "nn", "pp", "rr", "tt"].iter().any(|pair| cut.ends_with(pair));
    if doubled { &cut[..cut.len() - 1] } else { cut }
}

/// The stems of a phrase of a layer.
pub fn stems(phrase: &str) -> Vec<String> {
    tokens(phrase).into_iter().map(|token| token.stem).collect()
}
