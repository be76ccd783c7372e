//! Words, numbers and days of a question.

use jiff::civil::Date;

/// A question's words at most: a longer text is no question about data.
pub const TOKENS_MAX: usize = 120;

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
    let text: String = question.chars().map(unaccented).collect();
    for chunk in text.split(|c: char| c.is_whitespace() || "?!;:\"()[]{}/&|*=_<>".contains(c)) {
        let chunk = chunk.trim_matches(|c: char| ",.'-".contains(c));
        if let Ok(day) = chunk.parse::<Date>()
            && chunk.len() == 10
        {
            tokens.push(Token { day: Some(day), ..word(chunk) });
            continue;
        }
        for part in chunk.split(['-', '–', '—']) {
            split(part, &mut tokens);
        }
    }
    tokens
}

fn split(part: &str, tokens: &mut Vec<Token>) {
    let part = part.trim_matches(|c: char| ",.'".contains(c)).trim_start_matches("R$").trim_start_matches(['$', '€', '#']);
    if part.is_empty() {
        return;
    }
    let (part, sign) = match part.char_indices().next_back() {
        Some((at, last @ ('%' | '+'))) => (&part[..at], Some(last)),
        _ => (part, None),
    };
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
    let plain = part.replace(',', "");
    let numeric = plain.starts_with(|c: char| c.is_ascii_digit()) && plain.chars().all(|c| c.is_ascii_digit() || c == '.');
    if let (true, Ok(number)) = (numeric, plain.parse::<f64>()) {
        tokens.push(Token { number: Some(number), ..word(part) });
    } else {
        for piece in part.split([',', '.']).filter(|piece| !piece.is_empty()) {
            contracted(piece, tokens);
        }
    }
    tokens.extend(sign.map(|sign| word(if sign == '%' { "percent" } else { "plus" })));
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

/// A stem without the endings of a verb, for phrases whose other words say what is meant: `arrive`, `arrived` and `arriving` on time.
pub fn lemma(stem: &str) -> &str {
    let cut = ["ing", "ed", "e"].iter().find_map(|end| stem.strip_suffix(end));
    cut.filter(|start| start.len() >= 3 && stem.len() >= 5).unwrap_or(stem)
}

/// The stems of a phrase of a layer.
pub fn stems(phrase: &str) -> Vec<String> {
    tokens(phrase).into_iter().map(|token| token.stem).collect()
}
