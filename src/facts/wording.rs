//! The words that no slot of their own holds, held against each other.

use super::bridges;
use super::compare::{Conflict, refuse};
use crate::domain::fact_rules::{Rule, Rules, Slot};
use crate::domain::facts::Facts;

/// The words apart from entities, which have a slot of their own, and from marks.
pub(super) fn wording_of(facts: &Facts) -> Vec<String> {
    let marks = |word: &&String| *word != "," && !word.starts_with('|') && !facts.entities.iter().any(|e| e.id == **word);
    facts.words.iter().filter(marks).cloned().collect()
}

/// A word in the place of another, neither of them known to mean the same, is an unknown change.
pub(super) fn differs(held: &Facts, asked: &Facts, rules: &Rules) -> Result<(), Conflict> {
    if rules.wording.rule == Rule::Ignore {
        return Ok(());
    }
    let (held_words, asked_words) = (wording_of(held), wording_of(asked));
    let lacking = |a: &[String], b: &[String]| -> Vec<String> {
        a.iter()
            .filter(|word| {
                !b.iter()
                    .any(|other| other == *word || same_family(word, other) || bridges::joined(word, other) && !a.contains(other))
            })
            .cloned()
            .collect()
    };
    let (only_held, only_asked) = (lacking(&held_words, &asked_words), lacking(&asked_words, &held_words));
    let replaced = only_held.len().min(only_asked.len());
    let added = only_held.len().max(only_asked.len());
    let share = held.unread_share().max(asked.unread_share());
    let unread = share > rules.unread_share_max && replaced + added > 0;
    let asks = !held.question.is_empty() || !asked.question.is_empty();
    let span = |words: &[String], other: &Facts| {
        words.iter().filter(|word| !is_span(word) && (asks && !says_order(word) || !is_spare(word, other))).count()
    };
    // A word more in a question asks for less of what there is.
    let most = if asks { 0 } else { rules.words_added_max };
    let equal = rules.wording.rule == Rule::MustEqual && added > 0;
    if equal
        || unread
        || replaced > rules.words_replaced_max as usize
        || span(&only_held, asked).max(span(&only_asked, held)) > most as usize
    {
        return refuse(Slot::Wording, &only_held.join(", "), &only_asked.join(", "));
    }
    Ok(())
}

/// A word that says again what the number of rows and the order of a question say.
fn says_order(word: &str) -> bool {
    word == "sorted" || word == "forecast+" || word.starts_with("extreme")
}

/// A word that tells what the rest of a sentence tells as well: what kind of thing a name is, or that something became so.
fn is_spare(word: &str, other: &Facts) -> bool {
    const SPARE: [&str; 62] = [
        "access",
        "cluster",
        "policy-word",
        "facilit",
        "reach-deal",
        "straight",
        "package",
        "system",
        "session",
        "submit",
        "reach",
        "rate",
        "new+",
        "company",
        "change",
        "worker",
        "version",
        "value",
        "user",
        "trader",
        "thread",
        "server",
        "price",
        "post",
        "move",
        "give-",
        "give+",
        "exchange",
        "deal",
        "bank",
        "current",
        "chancellor",
        "network",
        "index",
        "know",
        "check",
        "require",
        "affect",
        "across",
        "order",
        "token",
        "share",
        "level",
        "data",
        "currency",
        "country",
        "city",
        "team",
        "ticket",
        "host",
        "coin",
        "firm",
        "report",
        "release",
        "minister",
        "president",
        "governor",
        "alert",
        "edg",
        "queue",
        "calculate",
        "compare",
    ];
    let says = |axis: &str| other.words.iter().any(|w| w.starts_with(axis));
    SPARE.contains(&word)
        || matches!(word, "extreme+" | "extreme-" | "forecast+") && other.question.top.is_some()
        || word == "sorted" && other.question.order.is_some()
        || word == "forecast" && (says("forecast+") || says("forecast-"))
        // `tripled` and `rose threefold`
        || word == "direction+" && other.quantities.iter().any(|q| q.unit == "x" && q.value > 1.0)
        || word.starts_with("direction") && other.words.iter().any(|w| w.starts_with("extreme"))
}

/// A length of time as a word, which `per month` and `by month` have or lack.
pub(super) fn is_span(word: &str) -> bool {
    matches!(
        word,
        "day" | "week" | "month" | "quarter" | "year" | "hour" | "minut" | "daily" | "weekly" | "monthly" | "quarterly"
    )
}

/// `liquidation` and `liquidate`, `effective` and `effect`: one word in two forms.
fn same_family(a: &str, b: &str) -> bool {
    let root = |word: &str| -> usize {
        let mut left = word;
        for suffix in ["ly", "enc", "al", "ive", "iv", "ment", "ation", "ion", "at", "e"] {
            left = left.strip_suffix(suffix).filter(|rest| rest.len() >= 5).unwrap_or(left);
        }
        left.len()
    };
    let (x, y) = (root(a), root(b));
    x == y && a.len() != b.len() && a.is_ascii() && b.is_ascii() && a[..x] == b[..y]
}
