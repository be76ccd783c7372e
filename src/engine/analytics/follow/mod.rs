//! What a prompt within a conversation is: a new question, a change of what was asked before, a change of how it is shown, or a fresh start.
//! Read by rule, without a model: whatever is not surely a fragment is a new question, which costs a query and never a wrong answer.

mod look;
mod merge;
#[cfg(test)]
mod tests;

use super::answer::ChartHint;
use super::intent::Intent;
use super::words::{Reading, Words};
use jiff::civil::Date;
use serde::Serialize;

/// Words of a fragment at most: who writes more asks a question.
const FRAGMENT_WORDS_MAX: usize = 16;

/// What a prompt is.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE", tag = "intent")]
pub enum FollowUp {
    /// A question of its own.
    NewQuery,
    /// The question before, changed.
    DataFilter(Box<Changed>),
    /// The result before, shown otherwise.
    VisualUpdate {
        /// How; none where it is left to the rule.
        look: Option<ChartHint>,
    },
    /// Nothing of what was before.
    Reset,
}

/// The question before, changed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Changed {
    /// What is asked now, in canonical form.
    pub intent: Intent,
    /// What was changed, in words, so that whoever asked sees what the fragment was taken for.
    pub changes: Vec<String>,
}

/// What was asked before.
#[derive(Debug, Clone, Copy)]
pub struct Previous<'a> {
    /// What it asks, where the words of the layer could say it: what a language model answered can be shown otherwise, but not changed.
    pub intent: Option<&'a Intent>,
    /// The question, or the prompt that changed it.
    pub question: &'a str,
}

/// What a fragment says of its relation to the question before.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Relation {
    /// `and`, `also`: beside what there is.
    adds: bool,
    /// `instead`, `rather`: in place of it.
    replaces: bool,
}

/// Phrases before a fragment that say that it is one, with what they say of its relation.
const OPENERS: &[(&str, Relation)] = &[
    ("what about", PLAIN),
    ("how about", PLAIN),
    ("the same", PLAIN),
    ("filter to", PLAIN),
    ("filter by", PLAIN),
    ("filter for", PLAIN),
    ("filter it to", PLAIN),
    ("narrow to", PLAIN),
    ("narrow it to", PLAIN),
    ("narrow it down to", PLAIN),
    ("restrict to", PLAIN),
    ("restrict it to", PLAIN),
    ("limit to", PLAIN),
    ("limit it to", PLAIN),
    ("break it down", PLAIN),
    ("break that down", PLAIN),
    ("split it", PLAIN),
    ("split that", PLAIN),
    ("broken down", PLAIN),
    ("break down", PLAIN),
    ("split", PLAIN),
    ("grouped", PLAIN),
    ("show me", PLAIN),
    ("show", PLAIN),
    ("give me", PLAIN),
    ("make it", PLAIN),
    ("make that", PLAIN),
    ("same", PLAIN),
    ("only", PLAIN),
    ("just", PLAIN),
    ("now", PLAIN),
    ("then", PLAIN),
    ("but", PLAIN),
    ("please", PLAIN),
    ("ok", PLAIN),
    ("okay", PLAIN),
    ("it", PLAIN),
    ("and", ADDS),
    ("also", ADDS),
    ("plus", ADDS),
    ("instead", REPLACES),
    ("rather", REPLACES),
];

/// Phrases behind one.
const CLOSERS: &[(&str, Relation)] = &[
    ("instead", REPLACES),
    ("rather", REPLACES),
    ("too", ADDS),
    ("as well", ADDS),
    ("also", ADDS),
    ("only", PLAIN),
    ("please", PLAIN),
    ("now", PLAIN),
    ("then", PLAIN),
    ("alone", PLAIN),
];

/// Words that hang on something before them.
const LEADS: &[&str] = &["by", "per", "for", "in", "excluding", "without", "except", "with", "since", "during", "not"];

const PLAIN: Relation = Relation { adds: false, replaces: false };
const ADDS: Relation = Relation { adds: true, replaces: false };
const REPLACES: Relation = Relation { adds: false, replaces: true };

/// Prompts that begin afresh.
const RESETS: &[&str] = &[
    "start over",
    "start again",
    "start afresh",
    "start from scratch",
    "start fresh",
    "from scratch",
    "begin again",
    "reset",
    "reset it",
    "reset that",
    "reset this",
    "reset everything",
    "reset all",
    "reset the conversation",
    "clear",
    "clear all",
    "clear everything",
    "clear the conversation",
    "forget that",
    "forget it",
    "forget everything",
    "forget all that",
    "never mind",
    "nevermind",
    "new question",
    "new topic",
    "new session",
    "new conversation",
    "scratch that",
];

/// What `prompt` is, asked on a day after `previous`, where something was asked and answered before.
pub fn follow(words: &Words, previous: Option<Previous<'_>>, prompt: &str, as_of: Date) -> FollowUp {
    let said: Vec<&str> = prompt.split_whitespace().collect();
    let plain = plain(&said);
    if is_reset(&plain) {
        return FollowUp::Reset;
    }
    let Some(previous) = previous else { return FollowUp::NewQuery };
    let again = plain == self::plain(&previous.question.split_whitespace().collect::<Vec<_>>());
    if again || plain.is_empty() || said.len() > FRAGMENT_WORDS_MAX {
        return FollowUp::NewQuery;
    }
    let (rest, relation) = stripped(&said, &plain);
    // A whole question stands by itself, and what the tables don't hold is refused rather than left out. What begins with a word that
    // hangs on something before it is no whole question, though a reader of questions may make one of it.
    let led = rest.split_whitespace().next().is_some_and(|first| LEADS.contains(&first.to_lowercase().as_str()));
    for text in [prompt, &rest] {
        match words.read(text, as_of) {
            Reading::Unanswerable { .. } => return FollowUp::NewQuery,
            Reading::Data(_) if !led => return FollowUp::NewQuery,
            _ => {}
        }
    }
    if let Some(look) = look::read(&plain) {
        return FollowUp::VisualUpdate { look };
    }
    let Some(intent) = previous.intent.filter(|intent| intent.layer == words.layer().name) else { return FollowUp::NewQuery };
    let fragment = words.fragment(&rest, as_of, merge::year(intent));
    let changed = fragment.and_then(|fragment| merge::changed(words.layer(), intent, &fragment, relation));
    changed.map_or(FollowUp::NewQuery, |changed| FollowUp::DataFilter(Box::new(changed)))
}

/// Words in small letters without the marks around them.
fn plain(said: &[&str]) -> Vec<String> {
    let bare = |word: &&str| word.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase();
    said.iter().map(bare).filter(|word| !word.is_empty()).collect()
}

fn is_reset(plain: &[String]) -> bool {
    const POLITE: &[&str] =
        &["please", "ok", "okay", "lets", "let's", "now", "just", "can", "could", "we", "you", "i", "want", "to", "a", "with"];
    let words: Vec<&str> = plain.iter().map(String::as_str).collect();
    let core = |words: &[&str]| RESETS.contains(&words.join(" ").as_str());
    let first = words.iter().position(|word| !POLITE.contains(word)).unwrap_or(words.len());
    let last = words.iter().rposition(|word| !POLITE.contains(word)).map_or(first, |last| last + 1);
    core(&words[first.min(last)..last])
}

/// The prompt without what says that it is a fragment, and what that says.
fn stripped(said: &[&str], plain: &[String]) -> (String, Relation) {
    // Where a word is nothing but marks, such as a lone dash, the two don't run side by side; then nothing is taken off.
    if said.len() != plain.len() {
        return (said.join(" "), PLAIN);
    }
    let (mut first, mut last) = (0, said.len());
    let mut relation = Relation::default();
    loop {
        let here = &plain[first..last];
        let opened = OPENERS.iter().find(|(phrase, _)| starts(here, phrase));
        let closed = CLOSERS.iter().find(|(phrase, _)| ends(here, phrase));
        let (phrase, said) = match (opened, closed) {
            (Some((phrase, said)), _) => {
                first += phrase.split(' ').count();
                (phrase, said)
            }
            (None, Some((phrase, said))) => {
                last -= phrase.split(' ').count();
                (phrase, said)
            }
            (None, None) => break,
        };
        debug_assert!(!phrase.is_empty());
        relation = Relation { adds: relation.adds || said.adds, replaces: relation.replaces || said.replaces };
    }
    (said[first..last].join(" "), relation)
}

fn starts(words: &[String], phrase: &str) -> bool {
    let count = phrase.split(' ').count();
    words.len() >= count && phrase.split(' ').zip(words).all(|(one, other)| one == other)
}

fn ends(words: &[String], phrase: &str) -> bool {
    let count = phrase.split(' ').count();
    words.len() >= count && phrase.split(' ').zip(&words[words.len() - count..]).all(|(one, other)| one == other)
}
