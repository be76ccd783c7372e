//! When it happens, by the form of the verbs: under way, done, to come.

use super::items::{Item, Kind};
use super::lexicon::Sense;
use crate::domain::facts::Modality;

const BETWEEN: [&str; 9] = ["not", "now", "still", "also", "currently", "already", "just", "being", "been"];
const NO_VERBS: [&str; 9] = ["during", "according", "pending", "following", "including", "king", "nothing", "morning", "evening"];
const PAST: [&str; 40] = [
    "rose", "fell", "sold", "bought", "won", "lost", "began", "froze", "sank", "shut", "sued", "grew", "drew", "went", "came",
    "took", "gave", "made", "got", "held", "kept", "left", "met", "paid", "said", "sent", "shrank", "slid", "spent", "broke",
    "brought", "built", "chose", "became", "leapt", "overtook", "quit", "sought", "stole", "withdrew",
];

/// What the forms of the verbs say, apart from words that say it themselves.
pub(super) fn read(items: &[Item<'_>]) -> Vec<Modality> {
    let mut found = Vec::new();
    let mut verb_seen = false;
    for (at, item) in items.iter().enumerate() {
        let next = after(items, at + 1);
        match item.text {
            "is" | "are" | "am" if next.is_some_and(is_ing) => found.push(Modality::Ongoing),
            "being" if items.get(at + 1).is_some_and(is_participle) => found.push(Modality::Ongoing),
            "was" | "were" if next.is_some_and(is_ing) || items.get(at + 1).is_some_and(|next| next.text == "to") => {
                found.push(Modality::Former);
            }
            "has" | "have" if next.is_some_and(|next| is_participle(next)) => found.push(Modality::Done),
            "had" if next.is_some_and(|next| is_participle(next)) => found.push(Modality::Former),
            "to" if !verb_seen && at > 0 && infinitive(items, at) => {
                found.push(Modality::Future);
                verb_seen = true;
            }
            _ if is_past(item) && !passive(items, at) => found.push(Modality::Done),
            _ => {}
        }
        let deal = matches!(item.sense(), Some(Sense::Verb(canon)) if &**canon == "reach-deal")
            && items.get(at + 1).is_some_and(|next| next.text == "to");
        if deal || item.text.starts_with("agree") && item.last == "to" {
            found.push(Modality::Future);
            verb_seen = true;
        }
        // An order begins with its verb, perhaps after `please`.
        let first = items[..at].iter().all(|before| matches!(before.sense(), Some(Sense::Stop)));
        verb_seen |= is_finite(item) || first && is_verb(item) || matches!(item.text, "cut" | "hit" | "set" | "beat");
    }
    found
}

fn after<'s, 'a>(items: &'s [Item<'a>], at: usize) -> Option<&'s Item<'a>> {
    items.iter().skip(at).take(3).find(|item| !BETWEEN.contains(&item.text))
}

fn is_ing(item: &Item<'_>) -> bool {
    item.text.len() > 4 && item.text.ends_with("ing") && !NO_VERBS.contains(&item.text)
}

fn is_verb(item: &Item<'_>) -> bool {
    matches!(item.sense(), Some(Sense::Pole { .. } | Sense::Verb(_)))
}

fn is_participle(item: &Item<'_>) -> bool {
    let form = item.text.ends_with("ed") || item.text.ends_with("en") || item.text == "become" || PAST.contains(&item.text);
    form && !item.capital
}

fn is_past(item: &Item<'_>) -> bool {
    is_verb(item) && item.text != "expected" && !item.joined && (item.text.ends_with("ed") || PAST.contains(&item.text))
}

fn passive(items: &[Item<'_>], at: usize) -> bool {
    let before = at.checked_sub(1).and_then(|before| items.get(before)).map_or("", |before| before.text);
    matches!(before, "" | "be" | "been" | "being" | "is" | "are" | "a" | "an" | "the" | "to" | "its" | "not")
}

fn is_finite(item: &Item<'_>) -> bool {
    // `Analysts expect`: a bare verb is one, where a bare move is mostly a noun, as in `the upgrade`.
    if matches!(item.sense(), Some(Sense::Verb(_))) && !item.text.ends_with("ing") {
        return true;
    }
    is_verb(item) && (item.text.ends_with('s') || item.text.ends_with("ed") || PAST.contains(&item.text))
        || matches!(item.sense(), Some(Sense::Modal(_) | Sense::Negator))
        || matches!(
            item.text,
            "is" | "are"
                | "was"
                | "were"
                | "has"
                | "have"
                | "had"
                | "says"
                | "said"
                | "tells"
                | "told"
                | "asks"
                | "asked"
                | "sees"
                | "saw"
                | "let"
                | "brings"
                | "brought"
                | "gets"
                | "got"
                | "makes"
                | "made"
                | "takes"
                | "took"
                | "goes"
                | "went"
                | "gives"
                | "gave"
                | "comes"
                | "came"
                | "faces"
                | "stands"
                | "hits"
                | "puts"
                | "moves"
                | "agrees"
                | "announces"
                | "cites"
        )
}

/// `Peabody to purchase mines`: a deed that is to come, told as headlines do.
fn infinitive(items: &[Item<'_>], at: usize) -> bool {
    let Some(next) = items.get(at + 1) else { return false };
    let base = |text: &str| !text.ends_with("ed") && !text.ends_with("ing");
    let deed = |axis: &str| !matches!(axis, "extreme" | "strength" | "price" | "recency" | "new" | "time" | "side");
    let verb = matches!(next.sense(), Some(Sense::Verb(_)))
        || matches!(next.sense(), Some(Sense::Pole { axis, .. }) if deed(axis))
        || matches!(next.sense(), Some(Sense::Modal(Modality::Done)));
    let stop = matches!(next.sense(), Some(Sense::Bound(_))) && matches!(next.text, "exceed" | "top")
        || matches!(
            next.text,
            "be" | "make"
                | "take"
                | "get"
                | "hit"
                | "reach"
                | "become"
                | "go"
                | "come"
                | "report"
                | "show"
                | "announce"
                | "receive"
                | "present"
                | "put"
        );
    let unknown = matches!(next.kind, Kind::Unknown)
        && !next.capital
        && items
            .get(at + 2)
            .is_some_and(|object| object.capital || matches!(object.kind, Kind::Number { .. } | Kind::Symbol('$' | '€')));
    (verb || stop || unknown) && base(next.text) && items[..at].iter().all(|item| !matches!(item.kind, Kind::Symbol('?')))
}
