//! The shape of a question to a warehouse: aggregate, group, first rows, window and order.

use super::inflection::stem;
use super::items::{Item, Kind};
use super::lexicon::Sense;
use super::parts::Part;
use crate::domain::facts::Facts;

/// Fills what the parts alone don't show.
pub(super) fn read(items: &[Item<'_>], parts: &[Part<'_>], facts: &mut Facts) {
    facts.qualifiers.extend(asked_for(items).map(|what| format!("asks:{what}")));
    let question = &mut facts.question;
    question.of = counted(items, parts);
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
            "by" if at > 0 && is_sorting(&items[at - 1]) => {
                question.group_by.extend(next.and_then(group).map(|key| format!("sort {key}")));
            }
            "sort" | "sorted" | "ordered"
                if item.last == "by" && (at == 0 || !matches!(items[at - 1].text, "is" | "are" | "was" | "were")) =>
            {
                question.group_by.extend(next.and_then(group).map(|key| format!("sort {key}")));
            }
            "by" | "per" | "each" | "every"
                if asks
                    && (matches!(item.text, "by" | "per")
                        || next.is_some_and(|next| matches!(next.sense(), Some(Sense::Unit { .. })))) =>
            {
                question.group_by.extend(next.and_then(group))
            }
            "ascending" | "asc" | "alphabetical" | "alphabetically" => question.order = Some("asc".into()),
            "descending" | "desc" => question.order = Some("desc".into()),
            _ if item.text != item.last && matches!(item.sense(), Some(Sense::Pole { axis, .. }) if &**axis == "extreme") => {
                let last_is = |any: &[&str]| any.contains(&item.last);
                if last_is(&["lowest", "low"]) && item.text != "all" && item.text != "record" {
                    question.order = Some("desc".into());
                } else if last_is(&["highest", "high"]) && !matches!(item.text, "all" | "record" | "historic") {
                    question.order = Some("asc".into());
                } else if item.last == "first" {
                    question.order = Some(if matches!(item.text, "smallest" | "lowest") { "asc" } else { "desc" }.into());
                }
            }
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
    // `the five worst stores`
    let straight = items.windows(2).find_map(|pair| match pair[1].sense() {
        Some(Sense::Pole { axis, pole, .. }) if &**axis == "extreme" && pair[1].text == pair[1].last => {
            number(&pair[0]).filter(|n| (2..=100).contains(n)).map(|n| n * i64::from(*pole))
        }
        _ => None,
    });
    question.top = question.top.or(straight);
    // `Which five countries have the highest churn?` asks for the top five.
    if asks && question.top.is_none() && items.iter().all(|item| !matches!(item.text, "top" | "bottom")) {
        let n = items.iter().take(4).find_map(number).filter(|n| (2..=100).contains(n));
        let end = items.iter().find_map(|item| match item.sense() {
            Some(Sense::Pole { axis, pole, .. }) if &**axis == "extreme" && item.text == item.last => Some(i64::from(*pole)),
            _ => None,
        });
        question.top = n.zip(end).map(|(n, end)| n * end);
    }
    question.aggregate.sort_unstable();
    question.aggregate.dedup();
    question.group_by.sort_unstable();
    question.group_by.dedup();
}

/// What a question wants to know, where it isn't a figure. `I need to know who approved it` asks as `who approved it` does.
fn asked_for(items: &[Item<'_>]) -> Option<&'static str> {
    let word = |item: &Item<'_>| {
        matches!(
            item.text,
            "when"
                | "why"
                | "where"
                | "who"
                | "by"
                | "how"
                | "did"
                | "do"
                | "does"
                | "is"
                | "are"
                | "was"
                | "were"
                | "has"
                | "have"
                | "will"
        ) && item.last == item.text
    };
    let spoken = |item: &&Item<'_>| !word(item) && matches!(item.kind, Kind::Break | Kind::Sense(Sense::Stop));
    let start = items.iter().take_while(spoken).count();
    let first = items.get(start)?;
    let texts = |n: usize| items.get(start + n).map_or("", |item| item.text);
    let asks = start > 0 || matches!(texts(1), "did" | "do" | "does" | "is" | "are" | "was" | "were" | "will" | "has" | "have");
    match first.text {
        "when" if asks => Some("when"),
        "why" if asks => Some("why"),
        "where" if asks => Some("where"),
        "who" if !matches!(texts(1), "are" | "were" | "is" | "was") => Some("who"),
        "by" if texts(1) == "how" => Some("how much"),
        "how" if texts(1) == "much" => Some("how much"),
        "did" | "do" | "does" | "is" | "are" | "was" | "were" | "has" | "have" | "will" if start == 0 => Some("whether"),
        _ => None,
    }
}

/// What `how many` and `rank` are about: the content word right behind.
fn counted(items: &[Item<'_>], parts: &[Part<'_>]) -> Option<String> {
    let rank = items.first().is_some_and(|item| item.text == "rank");
    let at =
        parts.iter().position(|part| matches!(part, Part::Aggregate("count")) || rank && matches!(part, Part::Small("rank")))?;
    let behind = || parts.iter().skip(at + 1).take_while(|part| !matches!(part, Part::Break)).take(3);
    let content = behind().find_map(|part| if let Part::Content { canon, .. } = part { Some(*canon) } else { None });
    let verb = || {
        behind().find_map(|part| match part {
            Part::Pole { axis: "new" | "strength" | "extreme" | "price", .. } => None,
            Part::Verb(canon) | Part::Pole { canon, .. } => Some(*canon),
            _ => None,
        })
    };
    let first = behind().find(|part| !matches!(part, Part::Small(_)));
    // `orders` is a verb to the lexicon, and what is counted where it stands right behind.
    if matches!(first, Some(Part::Verb(_))) { verb().map(Into::into) } else { content.or_else(verb).map(Into::into) }
}

fn is_sorting(item: &Item<'_>) -> bool {
    matches!(
        item.text,
        "sort"
            | "sorted"
            | "order"
            | "ordered"
            | "rank"
            | "ranked"
            | "alphabetical"
            | "alphabetically"
            | "ascending"
            | "descending"
            | "asc"
            | "desc"
    )
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
