//! The shape of a question to a warehouse: aggregate, group, first rows, window and order.

use super::inflection::stem;
use super::items::{Item, Kind};
use super::lexicon::Sense;
use crate::domain::facts::Question;

/// Fills what the parts alone don't show.
pub(super) fn read(items: &[Item<'_>], question: &mut Question) {
    let asks =
        items.iter().any(|item| matches!(item.sense(), Some(Sense::Aggregate(_))) || matches!(item.kind, Kind::Symbol('?')))
            || items
                .first()
                .is_some_and(|item| matches!(item.text, "list" | "show" | "which" | "what" | "how" | "top" | "bottom" | "rank"));
    for (at, item) in items.iter().enumerate() {
        let next = items.get(at + 1);
        match item.text {
            "top" | "bottom" => {
                if let Some(n) = next.and_then(number) {
                    question.top = Some(if item.text == "top" { n } else { -n });
                }
            }
            "by" | "per" if asks => question.group_by.extend(next.and_then(group)),
            "ascending" | "asc" | "alphabetical" | "alphabetically" => question.order = Some("asc".into()),
            "descending" | "desc" => question.order = Some("desc".into()),
            "last" | "past" | "next" | "previous" => {
                let count = next.and_then(number);
                if let (Some(n), Some(unit)) = (count, items.get(at + 2)) {
                    question.window.push(format!(
                        "{} {n} {}",
                        if item.text == "next" { "next" } else { "last" },
                        stem(unit.text)
                    ));
                }
            }
            _ => {}
        }
    }
    question.aggregate.sort_unstable();
    question.aggregate.dedup();
    question.group_by.sort_unstable();
    question.group_by.dedup();
}

fn number(item: &Item<'_>) -> Option<i64> {
    match (item.kind, item.sense()) {
        (Kind::Number { value, .. }, _) => Some(value as i64),
        (_, Some(Sense::Number(n))) => Some(*n as i64),
        _ => None,
    }
}

fn group(item: &Item<'_>) -> Option<String> {
    match (item.kind, item.sense()) {
        (Kind::Unknown, _) => Some(stem(item.text).into()),
        (_, Some(Sense::Word(canon))) => Some(canon.to_string()),
        (_, Some(Sense::Unit { .. })) => Some(stem(item.text).into()),
        _ => None,
    }
}
