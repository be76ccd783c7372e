//! Filling the parameters of a case from the words of a question, each by its type. What is not said gets its default, and what has none
//! is asked for by name; nothing is guessed.

use super::catalogue::{Case, Kind, Parameter, Scope};
use super::symbol;
use serde_json::{Map, Value};
use std::collections::VecDeque;

/// What a question lacks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lacks {
    /// The name of the parameter.
    pub parameter: String,
    /// What to ask for, or what is wrong with what was said.
    pub ask: String,
}

/// A word of a question.
#[derive(Debug, Clone, PartialEq)]
struct Word {
    text: String,
    lower: String,
    number: Option<Figure>,
}

/// A number of a question.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Figure {
    value: f64,
    percent: bool,
    // Whether it is a part of a name, such as the 3 of `VIP-3`.
    named: bool,
}

/// The parameters that a question gives, with defaults; `likely` are symbols that were found otherwise.
///
/// # Errors
/// Each parameter that is missing or wrong.
pub fn fill(case: &Case, question: &str, likely: &[String]) -> Result<Map<String, Value>, Vec<Lacks>> {
    let words = words(question);
    let mut taken = vec![false; words.len()];
    let mut symbols = symbols_in(&words);
    if symbols.is_empty() {
        symbols.extend(likely.iter().filter_map(|text| symbol::canonical(text)).take(1));
    }
    let (mut values, mut lacks) = (Map::new(), Vec::new());
    // Numbers beside a word that tells what they are go first, so that nobody else takes them.
    let mut order: Vec<(&String, &Parameter)> = case.parameters.iter().collect();
    order.sort_by_key(|(name, parameter)| (!cued(&words, &cues(name, parameter)), *name != "symbol"));
    for (name, parameter) in order {
        let found = match parameter.kind {
            Kind::Symbol => symbols.pop_front().map(Value::String),
            Kind::Choice => choice_in(parameter, question),
            Kind::Date => words.iter().find_map(|word| parameter.of_text(&word.text).ok()),
            Kind::Text => quoted(question).map(Value::String),
            Kind::Number | Kind::Percent | Kind::Integer => number_in(name, parameter, &words, &mut taken),
        };
        let lack = |ask: String| Lacks { parameter: name.clone(), ask };
        match found.map(|value| parameter.value(&value)) {
            Some(Ok(value)) => drop(values.insert(name.clone(), value)),
            Some(Err(rule)) => lacks.push(lack(format!("{name}: {rule}"))),
            None => {
                if let Some(default) = &parameter.default {
                    values.insert(name.clone(), default.clone());
                } else if parameter.required {
                    lacks.push(lack(format!("{name}: {}", parameter.description)));
                }
            }
        }
    }
    if lacks.is_empty() { Ok(values) } else { Err(lacks) }
}

/// Names that only the fit knows, such as those of segments: of each text that is chosen from the fitted values, the longest key that
/// the question has, in place of the default.
pub fn fill_from_values(case: &Case, question: &str, parameters: &mut Map<String, Value>, values: &Map<String, Value>) {
    let question = plain(question);
    for (name, parameter) in case.parameters.iter().filter(|(_, parameter)| parameter.kind == Kind::Text && !parameter.fit) {
        if parameters.get(name) != parameter.default.as_ref() {
            continue;
        }
        let found = {
            let scope = Scope::new(parameters, values);
            let tables = case.sentence.paths().into_iter().filter_map(|path| path.chosen_by(name, &scope));
            let said = tables.flat_map(Map::keys).filter(|key| question.contains(&plain(key)));
            said.max_by_key(|key| key.len()).cloned()
        };
        parameters.extend(found.map(|key| (name.clone(), Value::String(key))));
    }
}

/// The words of a text in small letters, with blanks around each.
fn plain(text: &str) -> String {
    let spaced: String = text.to_lowercase().chars().map(|c| if c.is_alphanumeric() { c } else { ' ' }).collect();
    format!(" {} ", spaced.split_whitespace().collect::<Vec<_>>().join(" "))
}

fn words(question: &str) -> Vec<Word> {
    let mut all: Vec<Word> = Vec::new();
    for raw in question.split_whitespace() {
        let text = raw.trim_matches(|c: char| !(c.is_alphanumeric() || matches!(c, '%' | '$' | '-' | '+' | '.')));
        let text = text.trim_end_matches(['.', '?', '!', ',', '\'']);
        let text = text.strip_suffix("'s").or_else(|| text.strip_suffix("’s")).unwrap_or(text);
        if text.is_empty() {
            continue;
        }
        let lower = text.to_lowercase();
        if let Some((figure, unit)) = figure(&lower) {
            all.push(Word { text: text.to_owned(), lower: unit, number: Some(figure) });
            continue;
        }
        if symbol::of_word(text).is_none()
            && let Some((name, digits)) = lower.split_once('-')
            && name.chars().all(char::is_alphabetic)
            && let Ok(value) = digits.parse::<f64>()
        {
            all.push(Word { text: name.to_owned(), lower: name.to_owned(), number: None });
            all.push(Word {
                text: digits.to_owned(),
                lower: String::new(),
                number: Some(Figure { value, percent: false, named: true }),
            });
            continue;
        }
        if matches!(lower.as_str(), "percent" | "pct" | "percents")
            && let Some(number) = all.last_mut().and_then(|word| word.number.as_mut())
        {
            number.percent = true;
            continue;
        }
        all.push(Word { text: text.to_owned(), lower, number: None });
    }
    all
}

/// A number with what stands right behind it, such as `15%`, `2.5m`, `1,000` and `30d`; the unit is what is left of the word.
fn figure(word: &str) -> Option<(Figure, String)> {
    let word = word.strip_prefix(['$', '+', '€']).unwrap_or(word);
    let end = word.find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | ',' | '-'))).unwrap_or(word.len());
    let (digits, unit) = word.split_at(end);
    let value: f64 = digits.replace(',', "").parse().ok()?;
    let (factor, percent) = match unit {
        "" | "d" | "h" | "days" | "x" => (1.0, false),
        "%" => (1.0, true),
        "bps" | "bp" => (0.01, true),
        "k" => (1e3, false),
        "m" | "mn" | "mio" => (1e6, false),
        "b" | "bn" => (1e9, false),
        _ => return None,
    };
    let unit = match unit {
        "d" | "days" => "days",
        "h" => "hours",
        _ => "",
    };
    Some((Figure { value: value * factor, percent, named: false }, unit.to_owned()))
}

/// The symbols of a question in their order, each once.
fn symbols_in(words: &[Word]) -> VecDeque<String> {
    let mut found = VecDeque::new();
    for symbol in words.iter().filter_map(|word| symbol::of_word(&word.text)) {
        if !found.contains(&symbol) {
            found.push_back(symbol);
        }
    }
    found
}

/// The longest of the words to choose from that the question has.
fn choice_in(parameter: &Parameter, question: &str) -> Option<Value> {
    let question = plain(question);
    let mut found: Vec<&Value> =
        parameter.choices.iter().filter(|choice| choice.as_str().is_some_and(|text| question.contains(&plain(text)))).collect();
    found.sort_by_key(|choice| choice.as_str().map_or(0, str::len));
    found.last().map(|choice| (*choice).clone())
}

fn quoted(question: &str) -> Option<String> {
    let (_, rest) = question.split_once(['"', '“'])?;
    let (text, _) = rest.split_once(['"', '”'])?;
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// The words beside which the value of a parameter stands.
fn cues(name: &str, parameter: &Parameter) -> Vec<String> {
    let own =
        name.split('_').filter(|part| part.len() > 2 && !matches!(*part, "pct" | "max" | "min" | "the")).map(ToOwned::to_owned);
    own.chain(parameter.cues.iter().map(|cue| cue.to_lowercase())).collect()
}

fn is_cue(word: &Word, cues: &[String]) -> bool {
    let singular = word.lower.strip_suffix('s').unwrap_or(&word.lower);
    !singular.is_empty() && cues.iter().any(|cue| cue.strip_suffix('s').unwrap_or(cue) == singular)
}

/// Whether a number stands beside one of these words.
fn cued(words: &[Word], cues: &[String]) -> bool {
    words.iter().enumerate().any(|(at, word)| word.number.is_some() && beside(words, at, cues))
}

fn beside(words: &[Word], at: usize, cues: &[String]) -> bool {
    let near = at.saturating_sub(2)..(at + 3).min(words.len());
    words.get(near).is_some_and(|near| near.iter().any(|word| is_cue(word, cues)))
}

fn number_in(name: &str, parameter: &Parameter, words: &[Word], taken: &mut [bool]) -> Option<Value> {
    let cues = cues(name, parameter);
    let percent = parameter.kind == Kind::Percent;
    let fits = |at: usize, figure: Figure| {
        let beside = beside(words, at, &cues);
        // A share may be written as one, where it is clear what it is of.
        if percent {
            figure.percent || (beside && figure.value.abs() <= 1.0)
        } else {
            !figure.percent && (beside || !figure.named)
        }
    };
    let free: Vec<(usize, Figure)> = words
        .iter()
        .enumerate()
        .filter_map(|(at, word)| Some((at, word.number?)))
        .filter(|(at, figure)| !taken.get(*at).copied().unwrap_or(true) && fits(*at, *figure))
        .collect();
    let (at, figure) = free.iter().find(|(at, _)| beside(words, *at, &cues)).or_else(|| free.first())?;
    if let Some(taken) = taken.get_mut(*at) {
        *taken = true;
    }
    let value = if percent && figure.percent { super::catalogue::of_percent(figure.value) } else { figure.value };
    serde_json::Number::from_f64(value).map(Value::Number)
}
