//! Two readings held against each other, slot by slot.

use super::amounts;
use super::bridges;
use super::order;
use super::periods;
use super::roles;
use crate::domain::fact_rules::{Rule, Rules, Slot, Unknown};
use crate::domain::facts::{Event, Facts, Modality, Role};

/// Why two readings aren't the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// The slot that refused.
    pub slot: Slot,
    /// What it saw, held first: `direction: up vs down`.
    pub saw: String,
}

/// Whether what was `held` answers what is `asked`.
///
/// # Errors
/// The first [`Conflict`], in the order of the slots.
pub fn compare(held: &Facts, asked: &Facts, rules: &Rules) -> Result<(), Conflict> {
    if held == asked {
        return Ok(());
    }
    entities(held, asked, rules)?;
    amounts::amounts(held, asked, rules)?;
    let missing = |a: &[String], b: &[String]| a.iter().filter(|x| !b.contains(x)).cloned().collect();
    sides(Slot::Date, missing(&held.dates, &asked.dates), missing(&asked.dates, &held.dates), rules)?;
    // The same wording with its dates in another order compares them the other way round.
    if held.words == asked.words && held.dates != asked.dates && rules.date.rule != Rule::Ignore {
        return refuse(Slot::Date, &held.dates.join(", "), &asked.dates.join(", "));
    }
    poles(held, asked, rules)?;
    negations(held, asked, rules)?;
    modalities(held, asked, rules)?;
    qualifiers(held, asked, rules)?;
    questions(held, asked, rules)?;
    reversals(held, asked, rules)?;
    lists(held, asked, rules)?;
    periods::differ(held, asked, rules)?;
    wording(held, asked, rules)
}

/// A choice such as `quantifier:all` may be left out where leaving it out says the same.
fn qualifiers(held: &Facts, asked: &Facts, rules: &Rules) -> Result<(), Conflict> {
    const LEFT_OUT: [&str; 8] = [
        "cause:because",
        "degree:much",
        "degree:little",
        "quantifier:all",
        "quantifier:one",
        "asks:whether",
        "quantifier:both",
        "compare:more",
    ];
    let only = |a: &Facts, b: &Facts| -> Vec<String> {
        let group = |word: &str| word.split_once(':').map(|(group, _)| group.to_owned());
        // `both nodes` and `one node`
        let one = b.quantities.iter().any(|quantity| quantity.value == 1.0 && quantity.unit == "count");
        let any = |word: &str| word == "quantifier:any" && !a.negations.is_empty();
        let soft = |word: &String| {
            (LEFT_OUT.contains(&&**word) && !(one && word.starts_with("quantifier:")) || any(word))
                && !b.qualifiers.iter().any(|other| group(other) == group(word))
        };
        lacking(&a.qualifiers, &b.qualifiers).into_iter().filter(|word| !soft(word)).collect()
    };
    sides(Slot::Qualifier, only(held, asked), only(asked, held), rules)
}

fn lacking(a: &[String], b: &[String]) -> Vec<String> {
    a.iter().filter(|word| !b.contains(word)).cloned().collect()
}

pub(super) fn refuse(slot: Slot, held: &str, asked: &str) -> Result<(), Conflict> {
    let or_none = |text: &str| if text.is_empty() { "nothing".to_owned() } else { text.to_owned() };
    Err(Conflict { slot, saw: format!("{}: {} vs {}", slot.label(), or_none(held), or_none(asked)) })
}

/// Judges what only one side says, by the rule of the slot.
pub(super) fn sides(slot: Slot, only_held: Vec<String>, only_asked: Vec<String>, rules: &Rules) -> Result<(), Conflict> {
    let rule = rules.of(slot);
    let differs = match (only_held.is_empty(), only_asked.is_empty()) {
        (true, true) => false,
        (false, false) => true,
        (_, nothing_added) => match (rule.rule, rule.unknown) {
            (Rule::MustEqual, _) | (_, Unknown::Refuse) => true,
            (_, Unknown::RefuseAdded) => !nothing_added,
            (_, Unknown::Pass) => false,
        },
    };
    if differs && rule.rule != Rule::Ignore { refuse(slot, &only_held.join(", "), &only_asked.join(", ")) } else { Ok(()) }
}

/// An entity that is told by its country, or a name that the other side has as a common word, is no difference.
fn entities(held: &Facts, asked: &Facts, rules: &Rules) -> Result<(), Conflict> {
    let only = |a: &Facts, b: &Facts| -> Vec<String> {
        let known = a.entities.iter().filter(|entity| !b.entities.contains(entity)).map(|entity| entity.id.clone());
        let names = a.names.iter().filter(|name| !b.words.contains(name)).cloned();
        known.chain(names).collect()
    };
    let (mut only_held, mut only_asked) = (only(held, asked), only(asked, held));
    let places = |facts: &Facts| facts.entities.iter().filter(|entity| entity.kind == "place").count();
    // Who writes of the country's own news often leaves its name out; where another place is named it isn't left out.
    let says_more = |a: &Facts, b: &Facts| !lacking(&wording_of(a), &wording_of(b)).is_empty();
    if only_held.is_empty() && places(held) == 0 && !says_more(held, asked) {
        only_asked.retain(|id| id != "US");
    }
    if only_asked.is_empty() && places(asked) == 0 && !says_more(asked, held) {
        only_held.retain(|id| id != "US");
    }
    sides(Slot::Entity, only_held, only_asked, rules)
}

fn poles(held: &Facts, asked: &Facts, rules: &Rules) -> Result<(), Conflict> {
    for a in &held.events {
        let slot = slot_of(&a.axis);
        let rule = rules.of(slot);
        if rule.rule == Rule::Ignore {
            continue;
        }
        let there: Vec<i8> = asked.events.iter().filter(|b| b.axis == a.axis).map(|b| b.pole).collect();
        let here: Vec<i8> = held.events.iter().filter(|b| b.axis == a.axis).map(|b| b.pole).collect();
        let missing = |x: &[i8], y: &[i8]| x.iter().find(|pole| !y.contains(pole)).copied();
        let (only_here, only_there) = (missing(&here, &there), missing(&there, &here));
        if let (Some(x), Some(y)) = (only_here, only_there) {
            return refuse(slot, &pole_name(&a.axis, x), &pole_name(&a.axis, y));
        }
        if let Some(x) = only_here.filter(|_| slot == Slot::Direction && !there.is_empty()) {
            return one_sided(slot, &pole_name(&a.axis, x), "", rules);
        }
        if let Some(y) = only_there.filter(|_| slot == Slot::Direction) {
            return one_sided(slot, "", &pole_name(&a.axis, y), rules);
        }
        if let Some(x) = only_here.filter(|x| is_strong(&a.axis) && !bridges::answered(&canon(&a.axis, *x), held, asked)) {
            return one_sided(slot, &pole_name(&a.axis, x), "", rules);
        }
        if let Some(y) = only_there.filter(|y| is_strong(&a.axis) && !bridges::answered(&canon(&a.axis, *y), asked, held)) {
            return one_sided(slot, "", &pole_name(&a.axis, y), rules);
        }
        if let Some(b) = moved_otherwise(a, held, asked) {
            let show = |event: &Event| format!("{} {}", event.of, pole_name(&event.axis, event.pole));
            return refuse(slot, &show(a), &show(b));
        }
    }
    for b in &asked.events {
        let answered = || bridges::answered(&canon(&b.axis, b.pole), asked, held);
        if is_strong(&b.axis)
            && rules.of(slot_of(&b.axis)).rule != Rule::Ignore
            && !held.events.iter().any(|a| a.axis == b.axis)
            && !answered()
        {
            return one_sided(slot_of(&b.axis), "", &pole_name(&b.axis, b.pole), rules);
        }
    }
    Ok(())
}

/// The same moves, but of the other thing: `Apple up, Tesla down` and `Apple down, Tesla up`.
fn moved_otherwise<'a>(event: &Event, held: &Facts, asked: &'a Facts) -> Option<&'a Event> {
    let about = |other: &&Event| other.axis == event.axis && other.of == event.of;
    if event.of.is_empty() || asked.events.iter().filter(about).any(|other| other.pole == event.pole) {
        return None;
    }
    asked.events.iter().filter(about).find(|other| !held.events.contains(other))
}

/// Axes whose move is often told by the rest of the sentence as well, so that leaving it out says nothing.
const SOFT: [&str; 15] = [
    "direction",
    "timing",
    "inout",
    "extreme",
    "strength",
    "forecast",
    "supply",
    "flow",
    "spend",
    "time",
    "pass",
    "new",
    "give",
    "able",
    "switch",
];

fn is_strong(axis: &str) -> bool {
    !SOFT.contains(&axis)
}

fn one_sided(slot: Slot, held: &str, asked: &str, rules: &Rules) -> Result<(), Conflict> {
    let list = |text: &str| if text.is_empty() { Vec::new() } else { vec![text.to_owned()] };
    sides(slot, list(held), list(asked), rules)
}

fn slot_of(axis: &str) -> Slot {
    if axis == "direction" { Slot::Direction } else { Slot::Polarity }
}

/// The word that a move leaves in the wording.
fn canon(axis: &str, pole: i8) -> String {
    format!(
        "{axis}{}",
        match pole {
            1.. => '+',
            0 => '=',
            _ => '-',
        }
    )
}

fn pole_name(axis: &str, pole: i8) -> String {
    match (axis, pole) {
        ("direction", 1) => "up".into(),
        ("direction", -1) => "down".into(),
        ("direction", _) => "unchanged".into(),
        (axis, 1) => format!("{axis} +"),
        (axis, -1) => format!("{axis} -"),
        (axis, _) => format!("{axis} ="),
    }
}

fn negations(held: &Facts, asked: &Facts, rules: &Rules) -> Result<(), Conflict> {
    if held.negations.len() == asked.negations.len() {
        return Ok(());
    }
    let list = |facts: &Facts| {
        if facts.negations.is_empty() { Vec::new() } else { vec![format!("not {}", facts.negations.join(", not "))] }
    };
    sides(Slot::Negation, list(held), list(asked), rules)
}

/// A deed told in the present covers both what is done and what is settled to come, but those two aren't the same.
fn modalities(held: &Facts, asked: &Facts, rules: &Rules) -> Result<(), Conflict> {
    let says = |facts: &Facts, any: &[Modality]| any.iter().any(|modality| facts.modality.contains(modality));
    let only = |a: &Facts, b: &Facts| -> Vec<String> {
        let open = |modality: &&Modality| match modality {
            Modality::Done => {
                says(b, &[Modality::Future, Modality::Planned, Modality::Ongoing])
                    && !says(a, &[Modality::Future, Modality::Planned])
            }
            Modality::Ongoing => says(b, &[Modality::Done]),
            // `is likely to` and `will probably`.
            Modality::Future => !(says(a, &[Modality::Possible]) && says(b, &[Modality::Possible])),
            _ => true,
        };
        let alone = a.modality.iter().filter(|modality| !b.modality.contains(modality));
        alone.filter(open).map(|modality| format!("{modality:?}").to_lowercase()).collect()
    };
    sides(Slot::Modality, only(held, asked), only(asked, held), rules)
}

fn questions(held: &Facts, asked: &Facts, rules: &Rules) -> Result<(), Conflict> {
    let flat = |facts: &Facts| -> Vec<String> {
        let question = &facts.question;
        let mut all: Vec<String> = question.aggregate.clone();
        all.extend(question.group_by.iter().map(|group| format!("by {group}")));
        all.extend(question.top.map(|n| format!("top {n}")));
        all.extend(question.order.clone());
        all
    };
    let (a, b) = (flat(held), flat(asked));
    if let (Some(x), Some(y)) = (&held.question.of, &asked.question.of)
        && x != y
        && rules.question.rule != Rule::Ignore
    {
        return refuse(Slot::Question, &format!("of {x}"), &format!("of {y}"));
    }
    // Who asks in the form of a list may name the group without `by`.
    let only = |x: &[String], y: &[String], other: &Facts| -> Vec<String> {
        let told = |group: &String| group.strip_prefix("by ").is_some_and(|word| other.words.iter().any(|w| w == word));
        lacking(x, y).into_iter().filter(|shape| !told(shape)).collect()
    };
    // `Logins per day` are counted, said or not.
    let counted = |shape: &[String], other: &Facts| {
        shape.iter().any(|s| s == "count")
            && other.question.aggregate.is_empty()
            && held.quantities.len() == asked.quantities.len()
            && shape
                .iter()
                .filter_map(|s| s.strip_prefix("by "))
                .any(|group| is_span(group) || other.words.iter().any(|w| w == group))
    };
    let uncounted = |shape: Vec<String>, drop: bool| -> Vec<String> {
        if drop { shape.into_iter().filter(|s| s != "count" && !s.starts_with("by ")).collect() } else { shape }
    };
    let (a, b) = (uncounted(a.clone(), counted(&a, asked)), uncounted(b.clone(), counted(&b, held)));
    sides(Slot::Question, only(&a, &b, asked), only(&b, &a, held), rules)
}

fn reversals(held: &Facts, asked: &Facts, rules: &Rules) -> Result<(), Conflict> {
    if rules.role.rule == Rule::Ignore {
        return Ok(());
    }
    if let Some((a, b)) = order::reordered(held, asked) {
        return refuse(Slot::Role, &a, &b);
    }
    if let Some((a, b)) = order::turned_round(held, asked) {
        return refuse(Slot::Role, &a, &b);
    }
    // Where names act on one another only they tell who is who; `the bill passes the Senate` is no reversal.
    let is_name = |word: &str| held.entities.iter().any(|e| e.id == word) || held.names.iter().any(|name| name == word);
    let named = held.entities.len() + held.names.len() >= 2;
    let is_side = |word: &str| !named || is_name(word);
    for a in &held.roles {
        if asked.roles.contains(a) {
            continue;
        }
        let turned = |b: &&Role| {
            b.object == a.object
                && opposite(&a.verb, &b.verb)
                && !held.roles.iter().any(|x| x.verb == b.verb && x.object == b.object)
                && !asked.roles.iter().any(|x| x.verb == a.verb && x.object == a.object)
        };
        if let Some(b) = asked.roles.iter().find(turned) {
            return refuse(
                Slot::Role,
                &format!("{} {}", a.verb, a.object.join(" ")),
                &format!("{} {}", b.verb, b.object.join(" ")),
            );
        }
        // `hours logged by contractor` groups; who did it is not said.
        let grouped = !held.question.group_by.is_empty() || !asked.question.group_by.is_empty();
        if let Some(b) =
            asked.roles.iter().filter(|_| !grouped).find(|b| roles::reversed(a, b, &is_side) && !held.roles.contains(b))
        {
            let show = |role: &Role| format!("{} {} {}", role.subject.join(" "), role.verb, role.object.join(" "));
            return refuse(Slot::Role, &show(a), &show(b));
        }
    }
    Ok(())
}

fn opposite(a: &str, b: &str) -> bool {
    matches!((a, b), ("to" | "into" | "onto", "from") | ("from", "to" | "into" | "onto") | ("over", "under") | ("under", "over"))
}

/// The words apart from entities, which have a slot of their own, and from marks.
fn wording_of(facts: &Facts) -> Vec<String> {
    let marks = |word: &&String| *word != "," && !word.starts_with('|') && !facts.entities.iter().any(|e| e.id == **word);
    facts.words.iter().filter(marks).cloned().collect()
}

/// `Peru and Chile unions`, where the other text has both names but puts them in different places.
fn parted(a: &Facts, b: &Facts) -> Option<(String, String)> {
    const SYMMETRIC: [&str; 6] = ["join+", "partner", "trade+", "join-", "talk", "|by"];
    let known = |word: &&String| b.entities.iter().any(|entity| entity.id == **word);
    let listed: Vec<&String> = a.members.iter().filter(known).collect();
    let symmetric = b.words.iter().any(|word| SYMMETRIC.contains(&&**word));
    let apart = listed.len() >= 2 && b.members.is_empty() && !symmetric && !b.words.iter().any(|word| word == ",");
    apart.then(|| (a.members.join(" and "), b.words.join(" ")))
}

/// A list that has lost or gained a member.
fn lists(held: &Facts, asked: &Facts, rules: &Rules) -> Result<(), Conflict> {
    if rules.list.rule != Rule::Ignore
        && let Some((a, b)) = parted(held, asked).or_else(|| parted(asked, held))
    {
        return refuse(Slot::List, &a, &b);
    }
    sides(Slot::List, lacking(&held.members, &asked.words), lacking(&asked.members, &held.words), rules)
}

/// A word in the place of another, neither of them known to mean the same, is an unknown change.
fn wording(held: &Facts, asked: &Facts, rules: &Rules) -> Result<(), Conflict> {
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
fn is_span(word: &str) -> bool {
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
