//! Why a query of a model gave no rows, in words that are safe to show to that model.
//!
//! What may leak, and what is done about it. The gate's refusal quotes the statement alone, which the model wrote itself, so it is told in
//! full. A warehouse's error may quote a cell: of the caller's own rows, and, since a warehouse may evaluate an expression before it drops a
//! row, of a row that the caller's filter hides. So nothing of it passes but its code and those of its words that are names of the schema
//! that the model was shown or stand on a list of words that errors are made of; every other word, every number and whatever stands in quotes
//! is left out. The words of the statement are not let through: a model that lists candidates in a comment would learn which of them an error
//! quotes. What remains is that a query failed at all, and by which code: one bit and a class of error for each of the few attempts, which the
//! bound on attempts keeps small. It cannot be closed without running nothing.

use super::super::words::token::tokens;
use crate::sql::Refused;
use crate::warehouse::WarehouseError;
use serde::Serialize;
use std::collections::BTreeSet;

/// Words of a warehouse's error that are looked at.
const WORDS_MAX: usize = 60;

/// Characters of a refusal that are told.
const TOLD_CHARS_MAX: usize = 600;

/// Words that errors of warehouses are made of, and that no cell is betrayed by.
const WORDS: &str = "a aggregate aggregates aggregation all allowed ambiguous an and any appear are argument arguments array as at avg be \
    between bigint boolean by cannot cast clause column columns compare comparison conversion convert count date datetime decimal different \
    division does double duplicate enum equal error exception exist expected expression expressions field first float float32 float64 for \
    format found from function functions group grouped grouping has have having identifier if illegal in incompatible incorrect inner input \
    int int16 int32 int64 int8 integer interval into invalid is join key least left like limit literal match maybe memory missing must name \
    negative nested no not null nullable number numeric of on one only operand operands operation operator or order out outer overflow \
    parameter parse position precision query range read reference required result return returned returns right row rows same scalar select \
    signature specified string subquery sum supported syntax table tables text than that the there time timestamp to too truncated tuple type \
    types uint16 uint32 uint64 uint8 unexpected unknown unsupported use used using value values varchar was when where while with within \
    wrong zero";

/// What kind of fault it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// The gate refused the statement.
    Refused,
    /// The warehouse did not take it, or failed at it.
    Failed,
    /// The result is larger than allowed.
    TooLarge,
    /// The rows were not what the model said that they would be.
    Misdescribed,
    /// It took too long.
    Late,
    /// The warehouse can't be reached, or is too busy.
    Away,
}

/// Why a query gave no rows. It can only be made from what is safe to show.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RunFault {
    kind: FaultKind,
    told: String,
}

impl RunFault {
    /// The gate's refusal, in full.
    pub fn refused(refused: &Refused) -> Self {
        Self::of(FaultKind::Refused, format!("the query was refused: {refused}"))
    }

    /// A warehouse's error by its code, with those of its words that are safe; `names` are those of the schema that the model was shown.
    pub fn warehouse(error: &WarehouseError, names: &BTreeSet<String>) -> Self {
        match error {
            WarehouseError::Refused { code, said } => {
                let code: String = code.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_').take(40).collect();
                Self::of(FaultKind::Failed, format!("the warehouse failed at the query, error {code}: {}", safe(said, names)))
            }
            WarehouseError::TooLarge(what) => Self::of(FaultKind::TooLarge, format!("the result is larger than {what} allowed")),
            WarehouseError::Late => Self::of(FaultKind::Late, "the query took too long".to_owned()),
            WarehouseError::Away { .. } => Self::of(FaultKind::Away, "the warehouse can't be reached".to_owned()),
            WarehouseError::Busy => Self::of(FaultKind::Away, "too many queries are running".to_owned()),
        }
    }

    /// The query would read more rows than it may. How many is not told, for it counts the rows of others too.
    pub fn costly(allowed: u64) -> Self {
        let told = format!(
            "the query would read more than the {allowed} rows that it may; limit it to a shorter time or to fewer tables"
        );
        Self::of(FaultKind::TooLarge, told)
    }

    /// Nothing can be asked for a reason that has nothing to do with the query.
    pub fn away() -> Self {
        Self::of(FaultKind::Away, "the tables can't be asked now".to_owned())
    }

    pub(super) fn misdescribed(told: String) -> Self {
        Self::of(FaultKind::Misdescribed, told)
    }

    pub(super) fn late() -> Self {
        Self::of(FaultKind::Late, "the deadline passed while the query ran".to_owned())
    }

    fn of(kind: FaultKind, told: String) -> Self {
        Self { kind, told: told.chars().take(TOLD_CHARS_MAX).collect() }
    }

    /// What kind it is.
    pub fn kind(&self) -> FaultKind {
        self.kind
    }

    /// In words.
    pub fn told(&self) -> &str {
        &self.told
    }

    /// Whether another query may do better.
    pub(super) fn can_be_mended(&self) -> bool {
        matches!(self.kind, FaultKind::Refused | FaultKind::Failed | FaultKind::TooLarge | FaultKind::Misdescribed)
    }
}

/// The words of an error that say what is wrong and nothing of the data; the others are left out with a mark.
fn safe(said: &str, names: &BTreeSet<String>) -> String {
    let mut told: Vec<String> = Vec::new();
    for (quoted, part) in pieces(said) {
        for token in part.split_whitespace().flat_map(|word| word.split([',', ';', ':', '(', ')', '.', '=', '[', ']', '{', '}']))
        {
            let token = token.trim_matches(|c: char| !c.is_alphanumeric() && c != '_');
            if token.is_empty() {
                continue;
            }
            let plain = !quoted && WORDS.split(' ').any(|word| word.eq_ignore_ascii_case(token));
            let named = names.iter().any(|name| name.eq_ignore_ascii_case(token));
            if plain || named {
                told.push(token.to_owned());
            } else if told.last().is_none_or(|last| last != "…") {
                told.push("…".to_owned());
            }
        }
        if told.len() > WORDS_MAX {
            break;
        }
    }
    told.truncate(WORDS_MAX);
    told.join(" ")
}

/// A text as what stands in quotes of any kind and what does not.
fn pieces(said: &str) -> Vec<(bool, &str)> {
    let mut pieces = Vec::new();
    let mut rest = said;
    while let Some(at) = rest.find(['\'', '"', '`']) {
        let quote = rest[at..].chars().next().unwrap_or('\'');
        pieces.push((false, &rest[..at]));
        let inner = &rest[at + 1..];
        // A quote without an end may hold a cell to the end.
        let end = inner.find(quote).unwrap_or(inner.len());
        pieces.push((true, &inner[..end]));
        rest = inner.get(end + 1..).unwrap_or_default();
    }
    pieces.push((false, rest));
    pieces
}

/// A text of a model for a reader: one line of bounded length; nothing where it has a link or markup, which no explanation needs.
pub(super) fn plain(text: &str, chars_max: usize) -> String {
    let line: Vec<String> = text.split_whitespace().map(|word| word.chars().filter(|c| shown(*c)).collect()).collect();
    let line = line.join(" ");
    let small = line.to_lowercase();
    let marked = ["http", "www.", "](", "<", "javascript:", "://"].iter().any(|mark| small.contains(mark));
    if marked || tokens(&line).is_empty() { String::new() } else { line.chars().take(chars_max).collect() }
}

/// Controls and marks that turn the direction of a line or are not seen.
fn shown(c: char) -> bool {
    !c.is_control()
        && !matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn names() -> BTreeSet<String> {
        ["loans", "status", "member_id"].into_iter().map(str::to_owned).collect()
    }

    fn told(said: &str) -> String {
        let error = WarehouseError::Refused { code: "53".to_owned(), said: said.to_owned() };
        RunFault::warehouse(&error, &names()).told().to_owned()
    }

    #[test]
    fn an_error_is_told_without_the_values_that_it_quotes() {
        for (said, kept, lost) in [
            ("Cannot parse string 'maria.silva@x.org' as Int32: while executing", "Cannot parse string … as Int32", "maria"),
            ("invalid input syntax for type integer: \"4417 1234\"", "invalid input syntax for type integer", "4417"),
            ("Incorrect DATE value: 'secret' for column `status` at row 812", "for column status at row", "812"),
            ("Key (member_id)=(joao) is duplicate", "member_id", "joao"),
            ("Cannot parse salary 912345 unquoted", "Cannot parse …", "912345"),
            ("division by zero 'and a quote that never ends maria", "division by zero", "maria"),
        ] {
            let told = told(said);
            assert!(told.contains(kept), "{told}");
            assert!(!told.contains(lost), "{told}");
        }
    }

    #[test]
    fn a_text_with_a_link_or_markup_or_hidden_letters_is_not_shown_so() {
        for text in ["see https://evil.example", "![x](y)", "<script>", "go to WWW.evil.example", " \u{202e} "] {
            assert_eq!(plain(text, 99), "", "{text}");
        }
        assert_eq!(plain("Counts \u{200b}loans\nby town.", 99), "Counts loans by town.");
        assert_eq!(plain("abcdef", 3), "abc");
    }

    proptest! {
        #[test]
        fn no_word_passes_that_is_neither_of_errors_nor_of_the_schema(said in "\\PC{0,120}|(cannot|parse|'|\"|maria|status|[0-9]{1,6}| |:|\\(){0,24}") {
            for word in safe(&said, &names()).split_whitespace() {
                let known = WORDS.split_whitespace().any(|known| known.eq_ignore_ascii_case(word));
                prop_assert!(known || word == "…" || names().iter().any(|name| name.eq_ignore_ascii_case(word)), "{}", word);
            }
        }
    }
}
