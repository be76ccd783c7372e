//! What phrases can mean: the layer's own and those of the grammar, found in a question the longest first.

use super::super::layer::{End, Layer};
use super::grammar::{CUES, Cue, GLUE, SAYS_NOTHING};
use super::token::{Token, lemma, stem, stems, tokens};
use std::collections::{BTreeMap, BTreeSet};

/// Words of a phrase at most.
const PHRASE_WORDS_MAX: usize = 7;

/// Letters of the words of the grammar that a misspelt one is held against.
const GRAMMAR_CORRECTED: usize = 9;

/// Words that may not change places within a phrase.
const ORDERED: &[&str] = &[
    "per",
    "by",
    "to",
    "from",
    "than",
    "not",
    "before",
    "after",
    "until",
    "no",
    "without",
    "excluding",
    "more",
    "less",
    "or",
    "is",
    "are",
    "was",
    "were",
    "how",
    "many",
];

/// Words that may stand within a phrase of the layer without belonging to it.
const LIGHT: &[&str] = &[
    "did", "do", "does", "we", "you", "they", "i", "it", "is", "are", "was", "were", "have", "has", "had", "been", "be", "us",
    "this", "that", "all", "monetary",
];

/// What a phrase can mean.
#[derive(Debug, Clone, PartialEq)]
pub enum Meaning {
    /// A measure.
    Measure(String),
    /// A dimension.
    Dimension(String),
    /// A value of a dimension.
    Value(String, String),
    /// A term of the glossary.
    Term(String),
    /// Something that the tables do not hold.
    Absent(String),
    /// A moment, where a period follows.
    Time(String),
    /// One end of a measure.
    End(String, End),
    /// A word of the grammar.
    Cue(Cue),
    /// A word of the trade that says nothing.
    Passing,
}

/// A phrase found in a question.
#[derive(Debug, Clone, PartialEq)]
pub struct Mark {
    /// The first token.
    pub first: usize,
    /// The last token.
    pub last: usize,
    /// What it can mean.
    pub meanings: Vec<Meaning>,
}

#[derive(Debug, Clone)]
struct Entry {
    stems: Vec<String>,
    meaning: Meaning,
    upper: bool,
}

/// All phrases, by their stems in alphabetical order.
#[derive(Debug, Clone)]
pub struct Lexicon {
    entries: BTreeMap<String, Vec<Entry>>,
    // Phrases of several words without the endings of their verbs.
    lemmas: BTreeMap<String, Vec<Entry>>,
    // The same with one word of the layer for all that are alike.
    alike: BTreeMap<String, Vec<Entry>>,
    // The word that stands for another, both without the endings of verbs.
    standing: BTreeMap<String, String>,
    words: BTreeSet<String>,
    // Words of the layer alone, which a misspelt one is held against.
    trade: BTreeSet<String>,
}

fn is_glue(stem: &str) -> bool {
    GLUE.contains(&stem)
}

/// The words of a phrase as phrases of the layer are compared at the loosest.
pub(super) fn alike(layer: &Layer, phrase: &str) -> Vec<String> {
    let standing = standing(layer);
    let said = tokens(phrase).into_iter().filter(|token| !is_glue(&token.stem) && !LIGHT.contains(&token.word.as_str()));
    let mut said: Vec<String> = said.map(|token| lemma(&token.stem).to_owned()).collect();
    for word in &mut said {
        if let Some(other) = standing.get(word) {
            word.clone_from(other);
        }
    }
    said.sort();
    said
}

fn standing(layer: &Layer) -> BTreeMap<String, String> {
    let lemma_of = |word: &str| lemma(&stem(word)).to_owned();
    let pairs = layer.alike.iter().flat_map(|(word, others)| others.iter().map(move |other| (other, word)));
    pairs.map(|(other, word)| (lemma_of(other), lemma_of(word))).collect()
}

fn key(stems: &[String]) -> String {
    let mut sorted: Vec<&str> = stems.iter().map(String::as_str).collect();
    sorted.sort_unstable();
    sorted.join(" ")
}

impl Lexicon {
    /// The phrases of a layer and of the grammar.
    pub fn new(layer: &Layer) -> Self {
        let mut lexicon = Self {
            entries: BTreeMap::new(),
            lemmas: BTreeMap::new(),
            alike: BTreeMap::new(),
            standing: standing(layer),
            words: BTreeSet::new(),
            trade: BTreeSet::new(),
        };
        for (cue, phrases) in CUES {
            for phrase in phrases.split('|') {
                lexicon.add(phrase, &Meaning::Cue(*cue));
            }
        }
        lexicon.words.extend(SAYS_NOTHING.split(' ').chain(GLUE.iter().copied()).map(|word| stems(word).concat()));
        let grammar = std::mem::take(&mut lexicon.words);
        for (name, measure) in &layer.measures {
            let meaning = Meaning::Measure(name.clone());
            // A measure without synonyms is another definition of one that has them, and has no name of its own.
            if !measure.synonyms.is_empty() {
                lexicon.add(&name.replace('_', " "), &meaning);
            }
            measure.synonyms.iter().chain(&measure.share_synonyms).for_each(|synonym| lexicon.add(synonym, &meaning));
            let ends = [(End::High, &measure.high_words), (End::Low, &measure.low_words)];
            for (end, words) in ends {
                words.iter().for_each(|word| lexicon.add(word, &Meaning::End(name.clone(), end)));
            }
        }
        for (name, dimension) in &layer.dimensions {
            let meaning = Meaning::Dimension(name.clone());
            lexicon.add(&name.replace('_', " "), &meaning);
            dimension.synonyms.iter().for_each(|synonym| lexicon.add(synonym, &meaning));
            for (value, synonyms) in &dimension.values {
                let meaning = Meaning::Value(name.clone(), value.clone());
                // A bare number is a value only by a synonym that says of what.
                if !value.bytes().all(|byte| byte.is_ascii_digit()) {
                    lexicon.add(&value.replace('_', " "), &meaning);
                }
                synonyms.iter().for_each(|synonym| lexicon.add(synonym, &meaning));
            }
        }
        for (name, term) in &layer.glossary {
            term.synonyms.iter().for_each(|synonym| lexicon.add(synonym, &Meaning::Term(name.clone())));
        }
        for (name, absent) in &layer.absent {
            absent.synonyms.iter().for_each(|synonym| lexicon.add(synonym, &Meaning::Absent(name.clone())));
        }
        for (name, time) in &layer.times {
            time.synonyms.iter().for_each(|synonym| lexicon.add(synonym, &Meaning::Time(name.clone())));
        }
        let telling = lexicon.words.clone();
        layer.said_in_passing.iter().for_each(|word| lexicon.add(word, &Meaning::Passing));
        let passing: Vec<String> = lexicon.words.difference(&telling).cloned().collect();
        // Words that are alike are known, so that they are not taken for misspelt ones.
        let alike = layer.alike.values().flatten();
        lexicon.words.extend(alike.map(|word| stem(word)));
        // Long words of the grammar, and those that say nothing, may be misspelt as well; short ones are too near to too many, and a word
        // that is taken for one which says nothing is lost.
        let long = grammar.iter().chain(&passing).filter(|word| word.len() >= GRAMMAR_CORRECTED);
        let telling = lexicon.words.iter().filter(|word| !passing.contains(word));
        lexicon.trade = telling.chain(long).cloned().collect();
        lexicon.words.extend(grammar);
        lexicon
    }

    fn add(&mut self, phrase: &str, meaning: &Meaning) {
        let read = tokens(phrase);
        // Codes of two capitals, such as those of states, are words of the language in small letters.
        let upper = phrase.len() == 2 && phrase.bytes().all(|byte| byte.is_ascii_uppercase());
        let stems: Vec<String> = read.into_iter().map(|token| token.stem).filter(|stem| !is_glue(stem)).collect();
        if stems.is_empty() || stems.len() > PHRASE_WORDS_MAX {
            return;
        }
        if !upper {
            self.words.extend(stems.iter().cloned());
        }
        let entry = Entry { stems: stems.clone(), meaning: meaning.clone(), upper };
        if stems.len() > 1 && !matches!(meaning, Meaning::Cue(_)) {
            let lemmas: Vec<String> = stems.iter().map(|stem| lemma(stem).to_owned()).collect();
            let alike = self.standing_for(&lemmas);
            let entry = Entry { stems: alike.clone(), ..entry.clone() };
            self.alike.entry(key(&alike)).or_default().push(entry.clone());
            let entry = Entry { stems: lemmas.clone(), ..entry };
            self.lemmas.entry(key(&lemmas)).or_default().push(entry);
        }
        let entries = self.entries.entry(key(&stems)).or_default();
        if !entries.iter().any(|known| known.meaning == entry.meaning && known.stems == entry.stems) {
            entries.push(entry);
        }
    }

    /// The meanings of these tokens as one phrase; those in the phrase's own order where there are any.
    fn meanings(&self, phrase: &[&Token]) -> Vec<Meaning> {
        let stems: Vec<String> = phrase.iter().map(|token| token.stem.clone()).collect();
        let found = Self::looked_up(&self.entries, &stems, phrase);
        if !found.is_empty() || stems.len() < 2 {
            return found;
        }
        let lemmas: Vec<String> = stems.iter().map(|stem| lemma(stem).to_owned()).collect();
        let found = Self::looked_up(&self.lemmas, &lemmas, phrase);
        match found.is_empty() {
            true => Self::looked_up(&self.alike, &self.standing_for(&lemmas), phrase),
            false => found,
        }
    }

    fn standing_for(&self, lemmas: &[String]) -> Vec<String> {
        lemmas.iter().map(|lemma| self.standing.get(lemma).unwrap_or(lemma).clone()).collect()
    }

    fn looked_up(entries: &BTreeMap<String, Vec<Entry>>, stems: &[String], phrase: &[&Token]) -> Vec<Meaning> {
        let Some(entries) = entries.get(&key(stems)) else { return Vec::new() };
        let cased =
            |entry: &&Entry| !entry.upper || phrase.iter().all(|token| token.raw.bytes().all(|byte| byte.is_ascii_uppercase()));
        let exact: Vec<&Entry> = entries.iter().filter(|entry| entry.stems == stems).filter(cased).collect();
        // `in average review score` begins with a word that binds it to what stands before.
        // So does `delivery time on stars` end with one that binds what stands behind.
        let bound = stems.first().is_some_and(|first| ["in", "for", "with"].contains(&first.as_str()))
            || stems.last().is_some_and(|last| ["on", "in", "at", "for", "with"].contains(&last.as_str()));
        let fixed = bound || stems.len() < 2 || stems.iter().any(|stem| ORDERED.contains(&stem.as_str()));
        let chosen = match exact.is_empty() {
            false => exact,
            true if fixed => Vec::new(),
            // In another order only phrases of the layer: those of the grammar are words that need their places.
            // What is absent is told in its order, too: `how many new customers did we get` asks for no cost of getting one.
            true => {
                let moves = |entry: &&Entry| !matches!(entry.meaning, Meaning::Cue(_) | Meaning::Absent(_));
                entries.iter().filter(moves).filter(cased).collect()
            }
        };
        let mut meanings: Vec<Meaning> = Vec::new();
        for entry in chosen {
            if !meanings.contains(&entry.meaning) {
                meanings.push(entry.meaning.clone());
            }
        }
        meanings
    }

    /// The phrases of a question, the longest first; no token stands in two, and none of those in `taken`. With `timed`, only phrases of
    /// several words in which a unit of the calendar stands, which otherwise would be read as a period.
    pub fn marks(&self, tokens: &[Token], taken: &mut [bool], timed: bool) -> Vec<Mark> {
        let mut marks = Vec::new();
        for length in (1 + usize::from(timed)..=PHRASE_WORDS_MAX).rev() {
            for (light, first) in [false, true].into_iter().flat_map(|light| (0..tokens.len()).map(move |first| (light, first))) {
                // Only words of the layer stand apart: `money did we bring in`.
                let Some(places) = places(tokens, taken, first, length, light).filter(|_| !light || length > 1) else { continue };
                let phrase: Vec<&Token> = places.iter().map(|place| &tokens[*place]).collect();
                let units = ["day", "week", "month", "quarter", "year", "period"];
                if timed && !phrase.iter().any(|token| units.contains(&token.stem.as_str())) {
                    continue;
                }
                let mut meanings = self.meanings(&phrase);
                if light {
                    meanings.retain(|meaning| !matches!(meaning, Meaning::Cue(_)));
                }
                if let (false, Some(last)) = (meanings.is_empty(), places.last()) {
                    taken[first..=*last].fill(true);
                    marks.push(Mark { first, last: *last, meanings });
                }
            }
        }
        marks.sort_by_key(|mark| mark.first);
        marks
    }

    /// Whether a word is of the layer or of the grammar.
    pub fn knows(&self, stem: &str) -> bool {
        self.words.contains(stem)
    }

    /// The one word of the layer that a misspelt one must be: one slip in five letters or more, two in eleven (Damerau, 1964). `letters` are those
    /// of the word with its ending.
    pub fn corrected(&self, stem: &str, letters: usize) -> Option<&str> {
        let (short, start) = (stem.chars().count() == 4 && letters > 4, stem.chars().next());
        let slips = match stem.chars().count() {
            // `ordrs` has a letter too few, and its first is right.
            4 if short => 1,
            0..=4 => return None,
            5..=10 => 1,
            _ => 2,
        };
        let near = |most: usize| {
            let mut near = self.trade.iter().filter(|word| {
                word.chars().count() >= 5 && distance(stem, word) <= most && (!short || word.chars().next() == start)
            });
            let first = near.next();
            first.filter(|_| near.next().is_none()).map(String::as_str)
        };
        // A word that is near to two is corrected to neither.
        (1..=slips).find_map(near)
    }

    /// Phrases that begin like a word or are spelt much like it.
    pub fn near(&self, stem: &str) -> Vec<String> {
        let start: String = stem.chars().take(4).collect();
        let close = |word: &str| (start.chars().count() == 4 && word.starts_with(&start)) || distance(stem, word) <= 2;
        let mut found: Vec<String> = Vec::new();
        for entry in self.entries.values().flatten() {
            let named =
                matches!(entry.meaning, Meaning::Measure(_) | Meaning::Dimension(_) | Meaning::Value(..) | Meaning::Term(_));
            let phrase = entry.stems.join(" ");
            if named
                && stem.chars().count() >= 4
                && entry.stems.iter().any(|word| word.len() >= 4 && close(word))
                && !found.contains(&phrase)
            {
                found.push(phrase);
            }
        }
        found.sort_by_key(|phrase| (distance(stem, phrase), phrase.clone()));
        found.truncate(5);
        found
    }
}

/// Where the next `length` words from `first` on stand, passing over glue; none where one of them is taken.
fn places(tokens: &[Token], taken: &[bool], first: usize, length: usize, light: bool) -> Option<Vec<usize>> {
    let mut places = Vec::new();
    for (place, token) in tokens.iter().enumerate().skip(first) {
        if taken[place] {
            return None;
        }
        if is_glue(&token.word) {
            if places.is_empty() {
                return None;
            }
            continue;
        }
        if light && !places.is_empty() && LIGHT.contains(&token.word.as_str()) {
            continue;
        }
        places.push(place);
        if places.len() == length {
            return Some(places);
        }
    }
    None
}

/// Slips from one word to the other: a letter more, less, wrong, or two swapped (optimal string alignment).
pub fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    if a.len().abs_diff(b.len()) > 2 {
        return a.len().abs_diff(b.len());
    }
    let mut rows: Vec<Vec<usize>> = vec![(0..=b.len()).collect()];
    for (i, letter) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, other) in b.iter().enumerate() {
            let changed = rows[i][j] + usize::from(letter != other);
            let mut least = changed.min(rows[i][j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && a[i - 1] == *other && *letter == b[j - 1] {
                least = least.min(rows[i - 1][j - 1] + 1);
            }
            row.push(least);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}
