//! Two readings held against each other, slot by slot.

use super::amounts;
use super::order;
use super::periods;
use super::poles;
use super::roles;
use super::wording::{self, is_span, wording_of};
use crate::domain::fact_rules::{Rule, Rules, Slot, Unknown};
use crate::domain::facts::{Facts, Modality, Role};

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
    poles::differ(held, asked, rules)?;
    negations(held, asked, rules)?;
    modalities(held, asked, rules)?;
    qualifiers(held, asked, rules)?;
    questions(held, asked, rules)?;
    reversals(held, asked, rules)?;
    lists(held, asked, rules)?;
    periods::differ(held, asked, rules)?;
    wording::differs(held, asked, rules)
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
    sides(Slot::Entity, only_held, only_asked, rules)?;
    // `the SOL/USDC pool, in SOL` and `the SOL/USDC pool, in USDC`
    let said = |facts: &Facts, id: &str| facts.words.iter().filter(|word| **word == *id).count();
    let more = |a: &Facts, b: &Facts| {
        let often = a.entities.iter().find(|entity| said(b, &entity.id) > 0 && said(a, &entity.id) > said(b, &entity.id));
        often.map(|entity| entity.id.clone())
    };
    match (more(held, asked), more(asked, held)) {
        (Some(a), Some(b)) => sides(Slot::Entity, vec![a], vec![b], rules),
        _ => Ok(()),
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
        let adjective = |word: &str, said: &str| match word {
            "day" => said == "daily",
            _ => said.strip_suffix("ly").is_some_and(|span| span == word),
        };
        let told = |group: &String| {
            group.strip_prefix("by ").is_some_and(|word| {
                other.words.iter().any(|said| said == word || is_span(said) && is_span(word) && adjective(word, said))
            })
        };
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
    // `accuses a former market maker`, of whom no word was read: who accuses doesn't come to be accused.
    if let Some((a, b)) = order::accused(held, asked).or_else(|| order::accused(asked, held)) {
        return refuse(Slot::Role, &a, &b);
    }
    // Where names act on one another only they tell who is who; `the bill passes the Senate` is no reversal.
    let names =
        |facts: &Facts, word: &str| facts.entities.iter().any(|e| e.id == word) || facts.names.iter().any(|name| name == word);
    let is_name = |word: &str| names(held, word) || names(asked, word);
    let acts = |role: &Role| role.subject.iter().any(|word| is_name(word)) && role.object.iter().any(|word| is_name(word));
    let named = held.roles.iter().chain(&asked.roles).any(acts);
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
