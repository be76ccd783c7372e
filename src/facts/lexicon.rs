//! The words that the reader knows, as a trie over tokens.

use super::inflection::forms;
use super::tokens::{Shape, cut};
use crate::domain::facts::{Bound, Modality};
use serde::Deserialize;
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The words of the grammar, and groups of words that mean the same; where both have a word the first wins.
const BUILT_IN: [&str; 3] = [include_str!("synonyms_more.toml"), include_str!("synonyms.toml"), include_str!("lexicon.toml")];

/// What a word or a phrase means.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Sense {
    /// An entity, with its kind.
    Entity { id: Arc<str>, kind: Arc<str> },
    /// A move along an axis.
    Pole { axis: Arc<str>, pole: i8, canon: Arc<str> },
    /// A verb that can carry roles.
    Verb(Arc<str>),
    /// A noun or another content word.
    Word(Arc<str>),
    /// A word that limits.
    Qualifier(Arc<str>),
    /// A word without content.
    Stop,
    /// Turns what comes next around.
    Negator,
    /// How the text stands to what comes next.
    Modal(Modality),
    /// A number in words.
    Number(f64),
    /// Thousand, million.
    Scale(f64),
    /// Second, third.
    Ordinal(f64),
    /// A factor: doubled.
    Multiple(f64),
    /// What a number counts: the unit that it is kept in, and how many of those it is.
    Unit { unit: Arc<str>, factor: f64 },
    /// A bound of the number that follows.
    Bound(Bound),
    /// January is 1.
    Month(u8),
    /// Monday is 1.
    Weekday(u8),
    /// Today is 0, and others by days.
    Day(i64),
    /// Last is -1, this 0, next 1.
    Shift(i8),
    /// `sum`, `mean`.
    Aggregate(Arc<str>),
}

/// A condition on how a phrase is written.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Case {
    Any,
    Capital,
    Shouted,
}

#[derive(Debug, Clone)]
struct Meaning {
    sense: Sense,
    case: Case,
    /// It was loaded from a file of the operator's, which wins over what is compiled in.
    extends: bool,
    /// It was written down rather than derived.
    written: bool,
    /// How many files came before its own.
    file: usize,
}

/// The settings of the fact reader.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Files of further words, in the form of `sample/lexicon.toml`; a later one wins over an earlier.
    pub lexicon: Vec<PathBuf>,
}

/// Why a lexicon can't be used.
#[derive(Debug, thiserror::Error)]
pub enum LexiconError {
    /// A file can't be read.
    #[error("facts.lexicon: {path}: {error}")]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// What a file says can't be used.
    #[error("facts.lexicon: {path}: {error}")]
    In {
        /// Which file.
        path: PathBuf,
        /// What is wrong, and where.
        error: Box<LexiconError>,
    },
    /// The text isn't the TOML that is expected.
    #[error("it isn't a lexicon: {0}")]
    Parse(#[from] toml::de::Error),
    /// A word stands where the grammar has no such name.
    #[error("it says `{name}` under `{table}`, which isn't one of its names")]
    UnknownName {
        /// The table.
        table: &'static str,
        /// What it said.
        name: String,
    },
}

/// A table of the file, and what its values mean.
type Table<'a, T, V> = (&'a T, fn(V) -> Sense);

type Names = BTreeMap<String, Vec<String>>;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct File {
    entity: BTreeMap<String, Names>,
    axis: BTreeMap<String, Axis>,
    verb: Names,
    word: Names,
    qualifier: Names,
    choice: BTreeMap<String, Names>,
    modal: BTreeMap<Modality, Vec<String>>,
    bound: Names,
    unit: BTreeMap<String, BTreeMap<String, f64>>,
    number: BTreeMap<String, f64>,
    scale: BTreeMap<String, f64>,
    ordinal: BTreeMap<String, f64>,
    multiple: BTreeMap<String, f64>,
    month: BTreeMap<String, u8>,
    weekday: BTreeMap<String, u8>,
    day: BTreeMap<String, i64>,
    shift: BTreeMap<String, i8>,
    aggregate: Names,
    negator: Vec<String>,
    stop: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Axis {
    plus: Vec<String>,
    minus: Vec<String>,
    zero: Vec<String>,
}

/// The words that the reader knows.
#[derive(Debug, Clone)]
pub struct Lexicon {
    words: HashMap<Box<str>, u32>,
    steps: HashMap<(u32, u32), u32>,
    meanings: Vec<Vec<Meaning>>,
    extending: bool,
    files: usize,
}

impl Lexicon {
    /// The lexicon that is compiled in.
    ///
    /// # Errors
    /// [`LexiconError`], which a test shows not to happen.
    pub fn built_in() -> Result<Self, LexiconError> {
        let mut lexicon =
            Self { words: HashMap::new(), steps: HashMap::new(), meanings: vec![Vec::new()], extending: false, files: 0 };
        for text in BUILT_IN {
            lexicon.load(toml::from_str(text)?)?;
        }
        lexicon.extending = true;
        Ok(lexicon)
    }

    /// The lexicon that is compiled in, and what `files` add to it.
    ///
    /// # Errors
    /// [`LexiconError`], which names the file and the place in it.
    pub fn with_files<'p>(files: impl Iterator<Item = &'p Path>) -> Result<Self, LexiconError> {
        let mut lexicon = Self::built_in()?;
        for path in files {
            let text = std::fs::read_to_string(path).map_err(|error| LexiconError::File { path: path.to_owned(), error })?;
            lexicon.extend(&text).map_err(|error| LexiconError::In { path: path.to_owned(), error: Box::new(error) })?;
        }
        Ok(lexicon)
    }

    /// Adds the words of a text of the same form. Where it says otherwise of a word than the lexicon does, the text wins.
    ///
    /// # Errors
    /// [`LexiconError`] where the text isn't of that form.
    pub fn extend(&mut self, text: &str) -> Result<(), LexiconError> {
        self.load(toml::from_str(text)?)
    }

    fn load(&mut self, file: File) -> Result<(), LexiconError> {
        self.files += 1;
        self.load_plain(&file);
        for (kind, names) in file.entity {
            let kind: Arc<str> = kind.into();
            for (id, aliases) in names {
                // A ticker in capitals names what it stands for.
                let ticker = (3..=5).contains(&id.len()) && matches!(&*kind, "company" | "coin");
                let shouted = ticker.then(|| format!("={}", id.to_lowercase()));
                let sense = Sense::Entity { id: id.into(), kind: Arc::clone(&kind) };
                shouted.iter().for_each(|ticker| self.add(ticker, sense.clone(), false));
                aliases.iter().for_each(|alias| self.add(alias, sense.clone(), false));
            }
        }
        for (axis, poles) in file.axis {
            let name: Arc<str> = axis.into();
            for (pole, words) in [(1, poles.plus), (-1, poles.minus), (0, poles.zero)] {
                let canon: Arc<str> = format!("{name}{}", ["-", "=", "+"][(pole + 1) as usize]).into();
                let sense = Sense::Pole { axis: Arc::clone(&name), pole: pole as i8, canon };
                words.iter().for_each(|word| self.add(word, sense.clone(), true));
            }
        }
        for (name, words) in file.bound {
            let bound = match name.as_str() {
                "at-least" => Bound::AtLeast,
                "at-most" => Bound::AtMost,
                "more-than" => Bound::MoreThan,
                "less-than" => Bound::LessThan,
                _ => return Err(LexiconError::UnknownName { table: "bound", name }),
            };
            words.iter().for_each(|word| self.add(word, Sense::Bound(bound), false));
        }
        for (group, values) in file.choice {
            for (value, words) in values {
                let sense = Sense::Qualifier(format!("{group}:{value}").into());
                words.iter().for_each(|word| self.add(word, sense.clone(), false));
            }
        }
        for (modality, words) in file.modal {
            words.iter().for_each(|word| self.add(word, Sense::Modal(modality), true));
        }
        for (unit, words) in file.unit {
            let unit: Arc<str> = unit.into();
            for (word, factor) in words {
                self.add(&word, Sense::Unit { unit: Arc::clone(&unit), factor }, false);
            }
        }
        Ok(())
    }

    fn load_plain(&mut self, file: &File) {
        let tables: [Table<'_, Names, Arc<str>>; 4] = [
            (&file.verb, Sense::Verb),
            (&file.word, Sense::Word),
            (&file.qualifier, Sense::Qualifier),
            (&file.aggregate, Sense::Aggregate),
        ];
        for (table, make) in tables {
            for (canon, words) in table {
                let sense = make(canon.as_str().into());
                words.iter().for_each(|word| self.add(word, sense.clone(), true));
            }
        }
        let numbers: [Table<'_, BTreeMap<String, f64>, f64>; 4] = [
            (&file.number, Sense::Number),
            (&file.scale, Sense::Scale),
            (&file.ordinal, Sense::Ordinal),
            (&file.multiple, Sense::Multiple),
        ];
        for (table, make) in numbers {
            table.iter().for_each(|(word, value)| self.add(word, make(*value), false));
        }
        file.month.iter().for_each(|(word, n)| self.add(word, Sense::Month(*n), false));
        file.weekday.iter().for_each(|(word, n)| self.add(word, Sense::Weekday(*n), false));
        file.day.iter().for_each(|(word, n)| self.add(word, Sense::Day(*n), false));
        file.shift.iter().for_each(|(word, n)| self.add(word, Sense::Shift(*n), false));
        file.negator.iter().for_each(|word| self.add(word, Sense::Negator, false));
        file.stop.iter().for_each(|word| self.add(word, Sense::Stop, false));
    }

    /// Adds a phrase; `^` before it asks for a capital, `=` for capitals, and with `inflect` its first word and its last
    /// are also taken in their other regular forms.
    fn add(&mut self, phrase: &str, sense: Sense, inflect: bool) {
        let (phrase, case) = match phrase.as_bytes().first() {
            Some(b'^') => (&phrase[1..], Case::Capital),
            Some(b'=') => (&phrase[1..], Case::Shouted),
            _ => (phrase, Case::Any),
        };
        let tokens: Vec<String> = cut(phrase)
            .0
            .into_iter()
            .filter(|token| token.shape != Shape::Break)
            .map(|token| match token.shape {
                Shape::Number { value, .. } => format!("{value}{}", token.text),
                _ => token.text,
            })
            .collect();
        let Some((first, rest)) = tokens.split_first() else { return };
        let meaning = Meaning { sense, case, extends: self.extending, written: true, file: self.files };
        self.insert(&tokens, &meaning, true);
        if !inflect || case != Case::Any {
            return;
        }
        for form in forms(first) {
            let mut other = vec![form];
            other.extend_from_slice(rest);
            self.insert(&other, &meaning, false);
        }
        if let Some(last) = rest.last() {
            let mut other = tokens.clone();
            if let Some(end) = other.last_mut() {
                *end = format!("{last}s");
            }
            self.insert(&other, &meaning, false);
        }
    }

    /// A form that was only derived never takes the place of one that was written down, nor of one that its own file derived before.
    fn insert(&mut self, tokens: &[String], meaning: &Meaning, written: bool) {
        let mut node = 0;
        for token in tokens {
            let fresh = self.words.len() as u32;
            let word = *self.words.entry(token.as_str().into()).or_insert(fresh);
            let next = self.meanings.len() as u32;
            node = *self.steps.entry((node, word)).or_insert(next);
            if node == next {
                self.meanings.push(Vec::new());
            }
        }
        let held = &mut self.meanings[node as usize];
        if written && meaning.extends {
            held.retain(|other| other.extends);
        }
        if let Some(same) = held.iter_mut().find(|m| m.case == meaning.case) {
            if written || !same.written && same.file < meaning.file {
                *same = Meaning { written, ..meaning.clone() };
            }
        } else {
            held.push(Meaning { written, ..meaning.clone() });
            // The stricter way of writing is looked at first.
            held.sort_by_key(|m| match m.case {
                Case::Shouted => 0,
                Case::Capital => 1,
                Case::Any => 2,
            });
        }
    }

    /// The longest phrase that begins at `at`, and how many tokens it takes.
    pub(super) fn longest(
        &self,
        at: usize,
        shouting: bool,
        word_at: impl Fn(usize) -> Option<(u32, bool, bool)>,
    ) -> Option<(&Sense, usize)> {
        let mut node = 0;
        let mut found = None;
        let (mut capital, mut shouted) = (true, true);
        let mut here = at;
        while let Some((word, is_capital, is_shouted)) = word_at(here) {
            let Some(next) = self.steps.get(&(node, word)) else { break };
            node = *next;
            here += 1;
            capital &= is_capital || here > at + 1;
            shouted &= is_shouted || here > at + 1;
            let fits = |meaning: &&Meaning| match meaning.case {
                Case::Any => true,
                Case::Capital => capital,
                Case::Shouted => shouted,
            };
            // Where all is written in capitals they tell nothing.
            let chosen = |held: &'_ Vec<Meaning>| -> Option<usize> {
                if shouting { held.iter().rposition(|m| fits(&m)) } else { held.iter().position(|m| fits(&m)) }
            };
            if let Some(meaning) = self.meanings.get(node as usize).and_then(|held| chosen(held).and_then(|at| held.get(at))) {
                found = Some((&meaning.sense, here - at));
            }
        }
        found
    }

    /// The sense of one word alone.
    pub(super) fn single(&self, text: &str) -> Option<&Sense> {
        let word = self.word(text)?;
        self.longest(0, false, |at| (at == 0).then_some((word, false, false))).map(|(sense, _)| sense)
    }

    /// The number of a word, where any phrase holds it.
    pub(super) fn word(&self, text: &str) -> Option<u32> {
        self.words.get(text).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lexicon_that_is_compiled_in_loads() {
        Lexicon::built_in().unwrap();
    }

    fn sense(lexicon: &Lexicon, text: &str) -> Option<Sense> {
        let word = lexicon.word(text)?;
        lexicon.longest(0, false, |at| (at == 0).then_some((word, true, false))).map(|(sense, _)| sense.clone())
    }

    #[test]
    fn a_further_file_extends_it_and_a_table_that_is_not_known_is_refused() {
        let mut lexicon = Lexicon::built_in().unwrap();
        lexicon.extend("[entity.coin]\nFOO = [\"foocoin\"]").unwrap();
        assert!(matches!(sense(&lexicon, "foocoin"), Some(Sense::Entity { id, .. }) if &*id == "FOO"));
        let error = lexicon.extend("[entities]\nFOO = [\"foo coin\"]").unwrap_err().to_string();
        assert!(error.contains("entities") && error.contains("line 1"), "{error}");
    }

    #[test]
    fn where_a_file_says_otherwise_of_a_word_the_file_wins() {
        let mut lexicon = Lexicon::built_in().unwrap();
        assert!(matches!(sense(&lexicon, "apple"), Some(Sense::Entity { id, .. }) if &*id == "AAPL"));
        lexicon.extend("[word]\nfruit = [\"apple\"]").unwrap();
        assert_eq!(sense(&lexicon, "apple"), Some(Sense::Word("fruit".into())));
    }

    #[test]
    fn the_sample_extends_it_and_a_file_with_an_error_is_named() {
        let sample = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/sample/lexicon.toml"));
        let lexicon = Lexicon::with_files([sample].into_iter()).unwrap();
        assert!(matches!(sense(&lexicon, "acmecoin"), Some(Sense::Entity { id, .. }) if &*id == "ACME"));
        let missing = Lexicon::with_files([Path::new("no-such-lexicon.toml")].into_iter()).unwrap_err().to_string();
        assert!(missing.contains("no-such-lexicon.toml"), "{missing}");
        let dir = tempfile::tempdir().unwrap();
        let bad = dir.path().join("bad.toml");
        std::fs::write(&bad, "[bound]\nroughly = [\"about\"]").unwrap();
        let error = Lexicon::with_files([&*bad].into_iter()).unwrap_err().to_string();
        assert!(error.contains("bad.toml") && error.contains("roughly") && error.contains("bound"), "{error}");
    }
}
