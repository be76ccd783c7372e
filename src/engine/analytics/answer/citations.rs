//! Whether the numbers in a text are those of the rows that it cites. Texts of rules and texts of models pass through the same check.
//!
//! A text marks what it rests on behind it, within the sentence: `SP has 1,257 orders [Q1]`. A number that follows from the rows rather
//! than stands in them says how: `[Q1 sum]`, `[Q1 share]`, `[Q1, Q2 delta]`. A sentence that names groups may only use numbers of theirs.
//! Numbers written as words are read from two to twelve; `half`, `twice` and the like claim nothing that rounding could be checked by and
//! are not read.

mod numbers;
mod support;
#[cfg(test)]
mod tests;

use self::numbers::Written;
use self::support::{Naming, Sources};
use super::super::reconcile::Frame;
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// The longest text that is checked, in bytes.
pub const TEXT_BYTES_MAX: usize = 16_384;

/// How a number follows from rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Derived {
    /// It stands in them.
    Cell,
    /// The sum of a column, over all rows or over those that the sentence names.
    Sum,
    /// What part a value, or the sum of those that the sentence names, has in the sum of its column.
    Share,
    /// The distance of two values.
    Difference,
    /// The distance of two values over the second, in percent.
    Change,
    /// The quotient of two values.
    Ratio,
    /// How many rows there are, or how many of them are of a sort: without a value, above or below nought, alike.
    Rows,
    /// The place of a row.
    Rank,
    /// How far two queries are apart.
    Delta,
}

/// A number in a text and what it rests on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = CitedNumber)]
pub struct Claim {
    /// As it is written.
    pub number: String,
    /// The queries, such as `Q1`.
    pub queries: Vec<String>,
    /// How it follows from their rows.
    pub by: Derived,
}

/// A number that has nothing to rest on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsupported {
    /// As it is written.
    pub number: String,
    /// The sentence.
    pub sentence: String,
    /// Why.
    pub because: Because,
}

/// Why a number has nothing to rest on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Because {
    /// No citation stands behind it.
    Uncited,
    /// There is no such query, or it brought no rows.
    UnknownQuery,
    /// The citation is not written as one.
    Unreadable,
    /// The cited rows neither have it nor give it.
    NotInRows,
    /// The text is too long to be checked.
    TooLong,
}

/// What a text may rest on.
#[derive(Debug, Clone, Default)]
pub struct Evidence<'a> {
    /// The rows of `Q1`, `Q2` and so on; none where a query brought none.
    pub frames: Vec<Option<&'a Frame>>,
    /// What a text may say without a citation, because the question or the layer says it: periods, values of filters, limits.
    pub said: Vec<String>,
}

/// A text that was checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Checked {
    /// Its sentences, with citations as a reader wants them.
    pub sentences: Vec<Sentence>,
}

/// A sentence that was checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Sentence {
    /// For a reader: with `[Q1]` where it said `[Q1 sum]`, each query once.
    pub text: String,
    /// The numbers that rest on something.
    pub claims: Vec<Claim>,
    /// The numbers that do not.
    pub unsupported: Vec<Unsupported>,
}

impl Checked {
    /// Every number that has nothing to rest on.
    pub fn unsupported(&self) -> impl Iterator<Item = &Unsupported> {
        self.sentences.iter().flat_map(|sentence| &sentence.unsupported)
    }

    /// The sentences whose every number rests on something, and what they claim.
    pub fn sound(self) -> (String, Vec<Claim>) {
        let sound: Vec<Sentence> = self.sentences.into_iter().filter(|sentence| sentence.unsupported.is_empty()).collect();
        let text: Vec<&str> = sound.iter().map(|sentence| sentence.text.as_str()).collect();
        (text.join(" "), sound.iter().flat_map(|sentence| sentence.claims.clone()).collect())
    }
}

/// A citation in a sentence.
struct Mark {
    place: Range<usize>,
    queries: Vec<usize>,
    by: Vec<Derived>,
    readable: bool,
}

/// Checks every number of a text.
pub fn check(text: &str, evidence: &Evidence<'_>) -> Checked {
    if text.len() > TEXT_BYTES_MAX {
        let unsupported = Unsupported { number: String::new(), sentence: String::new(), because: Because::TooLong };
        return Checked { sentences: vec![Sentence { text: String::new(), claims: Vec::new(), unsupported: vec![unsupported] }] };
    }
    let sources = Sources::new(&evidence.frames);
    let named = sources.named_in(text);
    let mut masks: Vec<Range<usize>> = named.values().flatten().cloned().collect();
    masks.extend(evidence.said.iter().flat_map(|said| numbers::places(text, said)));
    let sentences = sentences(text, &masks).into_iter().map(|place| {
        let inside = |mask: &Range<usize>| mask.start >= place.start && mask.end <= place.end;
        let shifted = |mask: &Range<usize>| mask.start - place.start..mask.end - place.start;
        let masks: Vec<Range<usize>> = masks.iter().filter(|mask| inside(mask)).map(shifted).collect();
        sentence(&text[place.clone()], &masks, (&sources, &sources.naming(&named, &place)))
    });
    Checked { sentences: sentences.filter(|sentence| !sentence.text.is_empty()).collect() }
}

/// Where each sentence stands: to the point before a space, with the citations behind it. A point within a name ends nothing.
fn sentences(text: &str, masks: &[Range<usize>]) -> Vec<Range<usize>> {
    let mut all = Vec::new();
    let mut from = 0;
    for (at, letter) in text.char_indices().filter(|(_, letter)| matches!(letter, '.' | '!' | '?')) {
        let end = at + letter.len_utf8();
        let ends = text[end..].chars().next().is_none_or(char::is_whitespace);
        if end <= from || !ends || masks.iter().any(|mask| mask.contains(&at) && mask.end > end) {
            continue;
        }
        let mut end = end;
        while let Some(behind) = text[end..].trim_start().strip_prefix("[Q").and_then(|rest| rest.find(']')) {
            end += text[end..].len() - text[end..].trim_start().len() + "[Q".len() + behind + 1;
            end += usize::from(text[end..].starts_with('.'));
        }
        all.push(from..end);
        from = end;
    }
    all.push(from..text.len());
    let trimmed = |place: Range<usize>| {
        let inner = &text[place.clone()];
        let start = place.start + (inner.len() - inner.trim_start().len());
        start..(start + inner.trim().len())
    };
    all.into_iter().map(trimmed).filter(|place| !place.is_empty()).collect()
}

fn sentence(text: &str, masks: &[Range<usize>], (sources, naming): (&Sources<'_>, &[Naming])) -> Sentence {
    let marks = marks(text);
    let (mut claims, mut unsupported) = (Vec::new(), Vec::new());
    let mut refuse = |number: &str, because| {
        unsupported.push(Unsupported { number: number.to_owned(), sentence: text.to_owned(), because });
    };
    for mark in marks.iter().filter(|mark| !mark.readable) {
        refuse(&text[mark.place.clone()], Because::Unreadable);
    }
    let quoted = |place: &Range<usize>| {
        let overlaps = |other: &Range<usize>| other.start < place.end && place.start < other.end;
        masks.iter().any(overlaps) || marks.iter().any(|mark| overlaps(&mark.place))
    };
    for number in numbers::read(text).into_iter().filter(|number| !quoted(&number.place)) {
        let shown = &text[number.place.clone()];
        match marks.iter().find(|mark| mark.place.start >= number.place.end) {
            None => refuse(shown, Because::Uncited),
            Some(mark) => match judged(&number, mark, sources, naming) {
                Ok(by) => claims.push(Claim { number: shown.to_owned(), queries: names(mark), by }),
                Err(because) => refuse(shown, because),
            },
        }
    }
    Sentence { text: readable(text, &marks), claims, unsupported }
}

fn judged(number: &Written, mark: &Mark, sources: &Sources<'_>, naming: &[Naming]) -> Result<Derived, Because> {
    if !mark.readable {
        return Err(Because::Unreadable);
    }
    if mark.queries.iter().any(|query| !sources.has(*query)) {
        return Err(Because::UnknownQuery);
    }
    let ways = std::iter::once(Derived::Cell).chain(mark.by.iter().copied());
    let found = ways.into_iter().find(|by| sources.supports(number, *by, &mark.queries, naming));
    found.ok_or(Because::NotInRows)
}

fn names(mark: &Mark) -> Vec<String> {
    mark.queries.iter().map(|query| format!("Q{}", query + 1)).collect()
}

/// The citations of a sentence: whatever begins with `[Q` and a digit.
fn marks(text: &str) -> Vec<Mark> {
    let mut marks: Vec<Mark> = Vec::new();
    for (start, _) in text.match_indices("[Q") {
        if marks.last().is_some_and(|last| last.place.end > start) {
            continue;
        }
        let Some(length) = text[start..].find(']') else { continue };
        let inside = &text[start + 1..start + length];
        if !inside[1..].starts_with(|letter: char| letter.is_ascii_digit()) {
            continue;
        }
        let mut mark = Mark { place: start..start + length + 1, queries: Vec::new(), by: Vec::new(), readable: true };
        for word in inside.split([',', ' ']).filter(|word| !word.is_empty()) {
            let query =
                word.strip_prefix('Q').and_then(|number| number.parse::<usize>().ok()).and_then(|number| number.checked_sub(1));
            match (query, way(word)) {
                (Some(query), _) => mark.queries.push(query),
                (None, Some(by)) => mark.by.push(by),
                (None, None) => mark.readable = false,
            }
        }
        mark.readable &= !mark.queries.is_empty();
        marks.push(mark);
    }
    marks
}

fn way(word: &str) -> Option<Derived> {
    Some(match word {
        "sum" => Derived::Sum,
        "share" => Derived::Share,
        "difference" => Derived::Difference,
        "change" => Derived::Change,
        "ratio" => Derived::Ratio,
        "rows" => Derived::Rows,
        "rank" => Derived::Rank,
        "delta" => Derived::Delta,
        _ => return None,
    })
}

/// The sentence with plain citations, those that come again further on left out.
fn readable(text: &str, marks: &[Mark]) -> String {
    let mut shown = String::new();
    let mut from = 0;
    for (at, mark) in marks.iter().enumerate() {
        shown.push_str(&text[from..mark.place.start]);
        from = mark.place.end;
        if marks[at + 1..].iter().any(|later| later.queries == mark.queries) {
            shown.truncate(shown.trim_end().len());
        } else {
            let queries: Vec<String> = names(mark).into_iter().map(|name| format!("[{name}]")).collect();
            shown.push_str(&queries.join(""));
        }
    }
    shown.push_str(&text[from..]);
    shown
}
