//! A question as a row of elements: phrases with their possible meanings, periods and numbers.

use super::calendar::{self, What};
use super::courtesy::without_courtesies;
use super::grammar::{Cue, GLUE, SAYS_NOTHING};
use super::lexicon::{Lexicon, Meaning};
use super::token::{TOKENS_MAX, Token, stem, tokens};
use super::{Reading, Unplaced};
use jiff::civil::Date;

/// What an element is.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// A phrase.
    Phrase(Vec<Meaning>),
    /// A period or a step of time.
    Time(What),
    /// A number that is neither.
    Number(f64),
    /// A word that means nothing here.
    Unknown,
}

/// A part of a question.
#[derive(Debug, Clone, PartialEq)]
pub struct Element {
    /// The first token.
    pub first: usize,
    /// The last token.
    pub last: usize,
    /// What it is.
    pub kind: Kind,
    /// Whether it has its place in what was understood.
    pub used: bool,
}

/// A question as a row of elements.
#[derive(Debug, Clone)]
pub struct Elements {
    /// The tokens.
    pub tokens: Vec<Token>,
    /// The elements, in order.
    pub all: Vec<Element>,
    /// Misspelt words and what they were taken for.
    pub corrections: Vec<(String, String)>,
}

/// Words before a number that make it a count rather than a year.
const COUNTING: &[&str] =
    &["least", "most", "over", "above", "under", "below", "top", "bottom", "minimum", "maximum", "exactly", "best", "worst"];

impl Elements {
    /// The elements of a question.
    pub(super) fn of(lexicon: &Lexicon, question: &str, as_of: Date) -> Result<Self, Box<Reading>> {
        let tokens = tokens(question);
        if tokens.len() > TOKENS_MAX {
            return Err(Box::new(Reading::OutOfScope { reason: format!("a question has at most {TOKENS_MAX} words") }));
        }
        if tokens.is_empty() {
            return Err(Box::new(Reading::Conversational));
        }
        let mut tokens = without_courtesies(tokens);
        let corrections = correct(lexicon, &mut tokens);
        let mut taken = vec![false; tokens.len()];
        let mut all: Vec<Element> = Vec::new();
        if let Some((at, sorts)) = told_to(&tokens) {
            taken[at] = true;
            let cue = if sorts { Cue::Sorted } else { Cue::Nothing };
            all.push(Element { first: at, last: at, kind: Kind::Phrase(vec![Meaning::Cue(cue)]), used: !sorts });
        }
        let mut marked = lexicon.marks(&tokens, &mut taken, true);
        let blocked = taken.clone();
        let counted = |at: usize| {
            let word = |back: usize| at.checked_sub(back).map_or("", |at| tokens[at].word.as_str());
            // `more than 2017` may be a count, `shorter in 2018 than 2017` is none.
            let more = word(1) == "than" && ["more", "less", "fewer", "greater", "higher", "lower", "larger"].contains(&word(2));
            let behind_bound = more || COUNTING.contains(&word(1));
            blocked[at] || (tokens[at].number.is_some() && behind_bound)
        };
        for said in calendar::said(&tokens, as_of, &counted) {
            // A bare unit may be a word of a phrase, so phrases have it first.
            let doubtful = matches!(said.what, What::Level { certain: false, .. });
            if taken[said.first..=said.last].contains(&true) || doubtful {
                continue;
            }
            taken[said.first..=said.last].fill(true);
            all.push(Element { first: said.first, last: said.last, kind: Kind::Time(said.what), used: false });
        }
        marked.extend(lexicon.marks(&tokens, &mut taken, false));
        all.extend(marked.into_iter().map(|mark| {
            let nothing = [Meaning::Passing, Meaning::Cue(Cue::Verb), Meaning::Cue(Cue::Nothing)];
            let used = mark.meanings.iter().all(|meaning| nothing.contains(meaning));
            Element { first: mark.first, last: mark.last, kind: Kind::Phrase(mark.meanings), used }
        }));
        for said in calendar::said(&tokens, as_of, &|at| taken[at]) {
            if matches!(said.what, What::Level { certain: false, .. }) && !taken[said.first..=said.last].contains(&true) {
                all.push(Element { first: said.first, last: said.last, kind: Kind::Time(said.what), used: false });
            }
        }
        for element in &all {
            taken[element.first..=element.last].fill(true);
        }
        for (at, token) in tokens.iter().enumerate().filter(|(at, _)| !taken[*at]) {
            let kind = match numeral(token) {
                Some(number) => Kind::Number(number),
                _ if says_nothing(token) || is_idle(&tokens, at) => continue,
                _ => Kind::Unknown,
            };
            all.push(Element { first: at, last: at, kind, used: false });
        }
        all.sort_by_key(|element| element.first);
        Ok(Self { tokens, all, corrections })
    }

    /// The element before, where nothing but words that say nothing stands between.
    pub fn before(&self, index: usize) -> Option<usize> {
        index.checked_sub(1)
    }

    /// The element behind.
    pub fn behind(&self, index: usize) -> Option<usize> {
        Some(index + 1).filter(|next| *next < self.all.len())
    }

    /// The words between two neighbours.
    pub fn between(&self, left: usize, right: usize) -> impl Iterator<Item = &str> {
        let (from, to) = (self.all[left].last + 1, self.all[right].first);
        self.tokens[from.min(to)..to].iter().map(|token| token.word.as_str())
    }

    /// The word right before an element.
    pub fn word_before(&self, index: usize) -> &str {
        let at = self.all[index].first.checked_sub(1);
        at.map_or("", |at| self.tokens[at].word.as_str())
    }

    /// What a phrase can mean.
    pub fn meanings(&self, index: usize) -> &[Meaning] {
        match &self.all[index].kind {
            Kind::Phrase(meanings) => meanings,
            _ => &[],
        }
    }

    /// Whether an element is a word of the grammar of this sort.
    pub fn is_cue(&self, index: usize, sort: impl Fn(Cue) -> bool) -> bool {
        self.meanings(index).iter().any(|meaning| matches!(meaning, Meaning::Cue(cue) if sort(*cue)))
    }

    /// The unused words of the grammar of this sort.
    pub fn cues(&self, sort: impl Fn(Cue) -> bool) -> Vec<usize> {
        (0..self.all.len()).filter(|index| !self.all[*index].used && self.is_cue(*index, &sort)).collect()
    }

    /// Takes up all words of the grammar of this sort; says whether there were any.
    pub fn take(&mut self, sort: impl Fn(Cue) -> bool) -> bool {
        let found = self.cues(sort);
        found.iter().for_each(|index| self.all[*index].used = true);
        !found.is_empty()
    }

    /// As it was written.
    pub fn written(&self, index: usize) -> String {
        let element = &self.all[index];
        let words: Vec<&str> = self.tokens[element.first..=element.last].iter().map(|token| token.raw.as_str()).collect();
        words.join(" ")
    }

    /// What has no place, with words near to it.
    pub fn unplaced(&self, lexicon: &Lexicon) -> Vec<Unplaced> {
        let left = (0..self.all.len()).filter(|index| !self.all[*index].used);
        let unplaced = left.map(|index| {
            let reason = match self.all[index].kind {
                Kind::Unknown => "this word is not known here",
                Kind::Number(_) => "what this number limits was not understood",
                Kind::Time(What::Yearless(_)) => "of which year?",
                Kind::Time(_) => "what this period has to do with the question was not understood",
                Kind::Phrase(_) => "what this has to do with the question was not understood",
            };
            let choices = match self.all[index].kind {
                Kind::Unknown => lexicon.near(&self.tokens[self.all[index].first].stem),
                _ => Vec::new(),
            };
            Unplaced { words: self.written(index), reason: reason.to_owned(), choices }
        });
        unplaced.collect()
    }
}

/// Puts the word that was meant in place of a misspelt one.
fn correct(lexicon: &Lexicon, tokens: &mut [Token]) -> Vec<(String, String)> {
    let mut corrections = Vec::new();
    for token in tokens {
        let plain = token.number.is_none() && token.day.is_none() && token.word.bytes().all(|byte| byte.is_ascii_alphabetic());
        if !plain || lexicon.knows(&token.stem) || says_nothing(token) || calendar_word(&token.word) {
            continue;
        }
        if let Some(meant) = lexicon.corrected(&token.stem, token.word.chars().count()) {
            corrections.push((token.raw.clone(), meant.to_owned()));
            token.stem = meant.to_owned();
            token.word = meant.to_owned();
        }
    }
    corrections
}

fn calendar_word(word: &str) -> bool {
    const WORDS: &[&str] = &[
        "since",
        "before",
        "after",
        "until",
        "till",
        "first",
        "second",
        "third",
        "fourth",
        "half",
        "halves",
        "today",
        "yesterday",
        "previous",
        "prior",
        "current",
        "monthly",
        "yearly",
        "annual",
        "annually",
        "quarterly",
        "weekly",
        "daily",
        "hourly",
        "weekday",
        "weekdays",
        "between",
        "through",
        "hour",
        "hours",
        "during",
        "ending",
        "starting",
    ];
    calendar::is_month(word) || WORDS.contains(&word)
}

/// The verb of a request that is a noun elsewhere, `state the revenue`, `order the categories by …`; and whether it asks for an order.
fn told_to(tokens: &[Token]) -> Option<(usize, bool)> {
    const POLITE: &[&str] =
        &["please", "kindly", "can", "could", "would", "will", "you", "pls", "to", "i", "need", "just", "me", "and"];
    let at = tokens.iter().position(|token| !POLITE.contains(&token.word.as_str()))?;
    let sorts = match tokens[at].word.as_str() {
        "determine" => return Some((at, false)),
        "state" | "report" | "review" => false,
        "order" => true,
        _ => return None,
    };
    let asked =
        at.checked_sub(1).is_some_and(|before| ["please", "kindly", "you", "pls"].contains(&tokens[before].word.as_str()));
    let next = tokens.get(at + 1).map_or("", |token| token.word.as_str());
    let object = ["the", "our", "all", "how", "what", "which", "me", "each", "every"].contains(&next);
    (asked || object).then_some((at, sorts))
}

/// Words that say nothing beside certain others: `break … down by`, `the value of a single order`, `when` inside of a question.
fn is_idle(tokens: &[Token], at: usize) -> bool {
    let word = |at: Option<usize>| at.and_then(|at| tokens.get(at)).map_or("", |token| token.word.as_str());
    let before = |words: &[&str]| tokens[..at].iter().any(|token| words.contains(&token.word.as_str()));
    match tokens[at].word.as_str() {
        "break" | "breaking" | "broken" => tokens[at..].iter().any(|token| ["down", "out", "up"].contains(&token.word.as_str())),
        "down" | "out" | "up" => before(&["break", "breaking", "broken", "split", "divide", "divided", "separate", "separated"]),
        // A question that begins so asks for a time.
        "when" => {
            let asks = ["did", "was", "were", "is", "are", "do", "does", "will", "has", "had", "have"];
            !(at == 0 && asks.contains(&word(Some(1))))
        }
        // `approved but never shipped`; but `all states but one` leaves one out.
        "but" => ["not", "never", "without", "were", "was", "are", "have", "had"].contains(&word(Some(at + 1))),
        // `from the start of July to the end of September`.
        "start" | "beginning" => tokens[at..].iter().any(|token| token.word == "end"),
        "end" => before(&["start", "beginning", "from"]) && before(&["to", "until", "till", "through", "and"]),
        "single" => ["each", "every", "per"].contains(&word(at.checked_sub(1))),
        _ => false,
    }
}

fn says_nothing(token: &Token) -> bool {
    let empty = SAYS_NOTHING.split(' ').any(|word| word == token.word || stem(word) == token.stem);
    empty || GLUE.contains(&token.word.as_str())
}

/// A number in digits or as a word.
fn numeral(token: &Token) -> Option<f64> {
    const SPELT: [&str; 13] =
        ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"];
    let spelt = || SPELT.iter().position(|word| *word == token.word).and_then(|index| u32::try_from(index).ok());
    let dozen = || (token.word == "dozen").then_some(12);
    token.number.or_else(|| spelt().or_else(dozen).map(f64::from))
}
