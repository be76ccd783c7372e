//! The words of the sentiment lexicon, by what they do.

use serde::Deserialize;
use std::collections::HashMap;

const BUILT_IN: &str = include_str!("lexicon.toml");

/// What a word or a phrase does in a sentence.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Sense {
    /// Moves what stands beside it, up or down, with this much weight.
    Move(f32),
    /// Is counted; 1 where more of it is good, −1 where more is bad.
    Measure(f32),
    /// Is counted, more of it is bad, and it is bad where nothing moves it.
    Loss,
    /// Is counted, more of it is good, and other figures are held against it.
    Forecast,
    /// Is good or bad by itself.
    Polar(f32),
    /// Turns what follows around.
    Negator,
    /// Ends or undoes what follows.
    Undo,
    /// Scales its neighbour.
    Scale(f32),
    /// Says that the matter is not certain.
    Hedge,
    /// Says that the matter is to come.
    Future,
    /// Opens a part that the rest overrules.
    Concession,
    /// Opens a part that speaks of something else.
    Turn,
    /// Above or below what follows, where that is an expectation.
    Beside(f32),
    /// What was expected.
    Expectation,
    /// Stands between the figure of now and that of then.
    Versus,
    /// Is told for the record.
    Record,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    r#move: Moves,
    measure: Measures,
    polar: Polars,
    context: Context,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Moves {
    up_strong: Vec<String>,
    up: Vec<String>,
    down_strong: Vec<String>,
    down: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Measures {
    rise_is_good: Vec<String>,
    rise_is_bad: Vec<String>,
    forecast: Vec<String>,
    loss: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Polars {
    good_strong: Vec<String>,
    good: Vec<String>,
    bad: Vec<String>,
    bad_strong: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Context {
    negator: Vec<String>,
    undo: Vec<String>,
    strengthen: Vec<String>,
    weaken: Vec<String>,
    hedge: Vec<String>,
    future: Vec<String>,
    concession: Vec<String>,
    turn: Vec<String>,
    above: Vec<String>,
    below: Vec<String>,
    expectation: Vec<String>,
    versus: Vec<String>,
    record_only: Vec<String>,
}

impl File {
    fn lists(&self) -> [(Sense, &[String]); 25] {
        let (polar, context) = (&self.polar, &self.context);
        [
            (Sense::Move(1.5), &self.r#move.up_strong),
            (Sense::Move(1.0), &self.r#move.up),
            (Sense::Move(-1.5), &self.r#move.down_strong),
            (Sense::Move(-1.0), &self.r#move.down),
            (Sense::Measure(1.0), &self.measure.rise_is_good),
            (Sense::Measure(-1.0), &self.measure.rise_is_bad),
            (Sense::Forecast, &self.measure.forecast),
            (Sense::Loss, &self.measure.loss),
            (Sense::Polar(1.5), &polar.good_strong),
            (Sense::Polar(0.8), &polar.good),
            (Sense::Polar(-0.8), &polar.bad),
            (Sense::Polar(-1.5), &polar.bad_strong),
            (Sense::Negator, &context.negator),
            (Sense::Undo, &context.undo),
            (Sense::Scale(1.4), &context.strengthen),
            (Sense::Scale(0.6), &context.weaken),
            (Sense::Hedge, &context.hedge),
            (Sense::Future, &context.future),
            (Sense::Concession, &context.concession),
            (Sense::Turn, &context.turn),
            (Sense::Beside(1.0), &context.above),
            (Sense::Beside(-1.0), &context.below),
            (Sense::Expectation, &context.expectation),
            (Sense::Versus, &context.versus),
            (Sense::Record, &context.record_only),
        ]
    }
}

/// Phrases by their first word, the longest first.
#[derive(Debug)]
pub(super) struct Lexicon {
    by_first: HashMap<String, Vec<(Vec<String>, Sense)>>,
}

impl Lexicon {
    /// Reads the words that are compiled in.
    ///
    /// # Errors
    /// What is wrong with them, as text.
    pub fn built_in() -> Result<Self, String> {
        Self::parse(BUILT_IN)
    }

    fn parse(toml: &str) -> Result<Self, String> {
        let file: File = toml::from_str(toml).map_err(|error| error.to_string())?;
        let mut written: HashMap<String, Sense> = HashMap::new();
        let mut derived: Vec<(String, Sense)> = Vec::new();
        for (sense, entries) in file.lists() {
            for form in entries.iter().flat_map(|entry| entry.split('|')) {
                let (exact, form) = form.strip_prefix('=').map_or((false, form), |form| (true, form));
                if written.insert(form.to_owned(), sense).is_some() {
                    return Err(format!("{form:?} is written twice"));
                }
                if !exact && !form.contains(' ') {
                    let forms = if matches!(sense, Sense::Measure(_) | Sense::Forecast | Sense::Loss) {
                        plurals(form)
                    } else {
                        inflected(form)
                    };
                    derived.extend(forms.into_iter().map(|form| (form, sense)));
                } else if !exact && matches!(sense, Sense::Measure(_) | Sense::Forecast | Sense::Loss) {
                    derived.extend(plurals(form).into_iter().map(|form| (form, sense)));
                }
            }
        }
        for (form, sense) in derived {
            // What is written wins over what is derived, and what is derived first over what comes later.
            written.entry(form).or_insert(sense);
        }
        let mut by_first: HashMap<String, Vec<(Vec<String>, Sense)>> = HashMap::new();
        for (form, sense) in written {
            let words: Vec<String> = form.split(' ').map(str::to_owned).collect();
            by_first.entry(words[0].clone()).or_default().push((words, sense));
        }
        by_first.values_mut().for_each(|phrases| phrases.sort_by(|a, b| b.0.len().cmp(&a.0.len()).then_with(|| a.0.cmp(&b.0))));
        Ok(Self { by_first })
    }

    /// The longest phrase that starts at `at`, where `word` gives the words: how many words it takes, and what it does.
    pub fn find<'t>(&self, at: usize, word: impl Fn(usize) -> Option<&'t str>) -> Option<(usize, Sense)> {
        let phrases = self.by_first.get(word(at)?)?;
        let matches =
            |words: &[String]| words.iter().enumerate().skip(1).all(|(i, wanted)| word(at + i) == Some(wanted.as_str()));
        phrases.iter().find(|(words, _)| matches(words)).map(|(words, sense)| (words.len(), *sense))
    }
}

/// The plural of a noun.
fn plurals(noun: &str) -> Vec<String> {
    match noun.strip_suffix('y') {
        Some(stem) if !noun.ends_with("ey") => vec![format!("{stem}ies")],
        _ if noun.ends_with("ss") => vec![format!("{noun}es")],
        _ if noun.ends_with('s') => Vec::new(),
        _ => vec![format!("{noun}s")],
    }
}

/// The regular forms of a verb or adjective. Some are no words, and do no harm.
fn inflected(word: &str) -> Vec<String> {
    let last = word.chars().next_back();
    let mut forms = vec![format!("{word}s")];
    match last {
        Some('e') => {
            let stem = &word[..word.len() - 1];
            forms.extend([format!("{word}d"), format!("{stem}ing")]);
        }
        Some('y') if !word.ends_with("ay") && !word.ends_with("oy") && !word.ends_with("ey") => {
            let stem = &word[..word.len() - 1];
            forms.extend([format!("{stem}ies"), format!("{stem}ied"), format!("{word}ing")]);
        }
        Some(last) => {
            if matches!(last, 's' | 'x' | 'h' | 'z') {
                forms.push(format!("{word}es"));
            }
            forms.extend([format!("{word}ed"), format!("{word}ing"), format!("{word}{last}ed"), format!("{word}{last}ing")]);
        }
        None => {}
    }
    forms
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sense(text: &str) -> Option<Sense> {
        let words: Vec<&str> = text.split(' ').collect();
        Lexicon::built_in().unwrap().find(0, |i| words.get(i).copied()).map(|(_, sense)| sense)
    }

    #[test]
    fn regular_forms_are_found_and_the_longest_phrase_wins() {
        for text in ["rose", "rises", "climbed", "climbing"] {
            assert_eq!(sense(text), Some(Sense::Move(1.0)), "{text}");
        }
        for text in ["slashed", "plunging"] {
            assert_eq!(sense(text), Some(Sense::Move(-1.5)), "{text}");
        }
        assert_eq!(sense("dropped"), Some(Sense::Move(-1.0)));
        assert_eq!(sense("liabilities"), Some(Sense::Measure(-1.0)));
        assert_eq!(sense("profit warning"), Some(Sense::Polar(-1.5)));
        assert_eq!(sense("profit"), Some(Sense::Measure(1.0)));
    }

    #[test]
    fn a_form_that_is_written_twice_is_refused() {
        let twice = BUILT_IN.replacen("\"soar\"", "\"soar\", \"rise\"", 1);
        assert_ne!(twice, BUILT_IN);
        assert_eq!(Lexicon::parse(&twice).unwrap_err(), "\"rise\" is written twice");
    }
}
