//! Which of its meanings each phrase has here: what is measured, what it is taken by, which rows count.

use super::super::intent::{Filter, Threshold};
use super::super::layer::{Aggregation, Layer};
use super::elements::{Elements, Kind};
use super::grammar::{Cue, GLUE};
use super::lexicon::Meaning;
use super::limits::{bounded, listed, thresholds};
use super::values::{counted_subject, values};

/// What the phrases of a question turned out to be.
#[derive(Debug, Clone, Default)]
pub struct Roles {
    /// Measures, with where they stand.
    pub measures: Vec<(usize, String)>,
    /// Dimensions, with where they stand.
    pub dimensions: Vec<(usize, String)>,
    /// Conditions on rows, with where they stand.
    pub filters: Vec<(usize, Filter)>,
    /// What groups must have.
    pub thresholds: Vec<Threshold>,
    /// The moment that rows are of, where a word says so away from the period.
    pub time: Option<String>,
    /// Why it can't be understood.
    pub trouble: Option<(String, Vec<String>)>,
}

/// Words between `which` and what is chosen from.
const CHOSEN: &[&str] = &[
    "of",
    "the",
    "our",
    "these",
    "those",
    "this",
    "all",
    "different",
    "specific",
    "particular",
    "various",
    "a",
    "an",
    "in",
    "from",
];

pub const fn is_extreme(cue: Cue) -> bool {
    matches!(
        cue,
        Cue::Highest | Cue::Most | Cue::Lowest | Cue::Fewest | Cue::Best | Cue::Worst | Cue::Descending | Cue::Ascending
    )
}

/// Takes up what is measured, grouped and filtered.
pub fn roles(layer: &Layer, elements: &mut Elements) -> Roles {
    let mut roles = Roles::default();
    thresholds(layer, elements, &mut roles);
    listed(layer, elements, &mut roles);
    bounded(layer, elements, &mut roles);
    values(layer, elements, &mut roles);
    nouns(layer, elements, &mut roles);
    negated(layer, elements, &mut roles);
    roles
}

/// `were not late`: the share of all others.
fn negated(layer: &Layer, elements: &mut Elements, roles: &mut Roles) {
    for (index, name) in &mut roles.measures {
        let Some(other) = layer.measures.get(name).and_then(|measure| measure.complement.clone()) else { continue };
        let not = elements.before(*index).filter(|at| elements.is_cue(*at, |cue| cue == Cue::Not) && !elements.all[*at].used);
        if let Some(not) = not {
            elements.all[not].used = true;
            *name = other;
        }
    }
}

pub(super) fn measures_of(elements: &Elements, index: usize) -> Vec<String> {
    let measures = elements.meanings(index).iter().filter_map(|meaning| match meaning {
        Meaning::Measure(name) => Some(name.clone()),
        _ => None,
    });
    measures.collect()
}

pub(super) fn dimensions_of(elements: &Elements, index: usize) -> Vec<String> {
    let dimensions = elements.meanings(index).iter().filter_map(|meaning| match meaning {
        Meaning::Dimension(name) => Some(name.clone()),
        _ => None,
    });
    dimensions.collect()
}

pub(super) fn counted(layer: &Layer, name: &str) -> bool {
    layer.measures.get(name).is_some_and(|measure| matches!(measure.aggregation, Aggregation::Count | Aggregation::Distinct))
}

/// Of several dimensions of the same name the one that the question is about.
fn dimension_meant(layer: &Layer, elements: &Elements, dimensions: &[String]) -> String {
    let candidates: Vec<(String, String)> = dimensions.iter().map(|name| (name.clone(), String::new())).collect();
    let subject = counted_subject(layer, elements, &candidates);
    let default = dimensions
        .iter()
        .find(|name| layer.dimensions.get(*name).is_some_and(|dimension| layer.is_default_side(&dimension.table)));
    let found = subject.first().map(|(name, _)| name).filter(|_| dimensions.len() > 1).or(default).or(dimensions.first());
    found.cloned().unwrap_or_default()
}

/// What each noun is that can be a measure, a dimension or both.
fn nouns(layer: &Layer, elements: &mut Elements, roles: &mut Roles) {
    let mut open = Vec::new();
    for index in 0..elements.all.len() {
        let (measures, dimensions) = (measures_of(elements, index), dimensions_of(elements, index));
        if elements.all[index].used || (measures.is_empty() && dimensions.is_empty()) {
            continue;
        }
        let place = Place::of(elements, index);
        let again =
            place.is_by && elements.cues(is_extreme).len() == 1 && roles.measures.iter().any(|(_, name)| measures.contains(name));
        // `how many people are among our customers`: once more what is counted.
        let counted_again = roles.measures.iter().any(|(_, name)| measures.contains(name))
            && elements.before(index).filter(|at| elements.is_cue(*at, |cue| cue == Cue::Across)).is_some();
        if let Some(by) = elements.before(index).filter(|_| (again && place.is_grouped) || counted_again) {
            // `best liked according to review scores`.
            elements.all[by].used = true;
        } else if !(place.is_grouped || place.is_counted) && qualifies(layer, elements, roles, index) {
            // `revenue from customers in MG`: whose state it is, and nothing to be taken by.
        } else if !place.is_counted && !roles.measures.is_empty() && takes_part(layer, elements, index) {
            // `arrived at the customer`.
        } else if dimensions.is_empty() || ranks_by_mean(layer, elements, index, &measures, &dimensions) {
            roles.measures.push((index, measure_meant(layer, elements, index, &measures)));
        } else if measures.is_empty() || ((place.is_grouped || place.is_what) && !place.is_counted) {
            roles.dimensions.push((index, dimension_meant(layer, elements, &dimensions)));
        } else if place.is_counted {
            roles.measures.push((index, measure_meant(layer, elements, index, &measures)));
        } else {
            open.push((index, measures, dimensions));
            continue;
        }
        elements.all[index].used = true;
    }
    for noun in open {
        undecided(layer, elements, roles, noun);
    }
    // `the top categories by rating`: what stands behind `by` is what they are ranked by.
    let ranked = (0..elements.all.len()).any(|index| elements.is_cue(index, |cue| is_extreme(cue) || cue == Cue::Sorted));
    if roles.measures.is_empty() && ranked && roles.dimensions.len() > 1 {
        roles.dimensions.sort_by_key(|(index, _)| *index);
        if let Some((index, _)) = roles.dimensions.last().cloned()
            && let measures = measures_of(elements, index)
            && !measures.is_empty()
        {
            roles.dimensions.pop();
            roles.measures.push((index, measure_meant(layer, elements, index, &measures)));
        }
    }
    roles.measures.sort_by_key(|(index, _)| *index);
    roles.dimensions.sort_by_key(|(index, _)| *index);
}

/// What stands before a noun.
struct Place {
    is_by: bool,
    is_grouped: bool,
    is_counted: bool,
    is_what: bool,
}

impl Place {
    fn of(elements: &Elements, index: usize) -> Self {
        let before = elements.before(index);
        let led = |sort: fn(Cue) -> bool| before.is_some_and(|before| elements.is_cue(before, sort));
        // `orders which came to the client`: the noun is not what is chosen from.
        let relative = before.is_some_and(|before| {
            elements.is_cue(before, |cue| cue == Cue::Which)
                && elements.between(before, index).any(|word| !CHOSEN.contains(&word))
        });
        let leads =
            led(|cue| matches!(cue, Cue::By | Cue::Across | Cue::Which | Cue::Distribution | Cue::Breakdown)) && !relative;
        // `distribution of customers by state`: what is distributed is counted, over what stands behind `by`.
        let over = led(|cue| matches!(cue, Cue::Distribution | Cue::Breakdown))
            && elements.behind(index).is_some_and(|behind| elements.is_cue(behind, |cue| matches!(cue, Cue::By | Cue::Across)));
        Self {
            is_by: led(|cue| cue == Cue::By),
            is_grouped: (leads || after_number(elements, index)) && !over,
            is_counted: over || led(|cue| matches!(cue, Cue::Count | Cue::Most | Cue::Fewest)),
            is_what: before.is_some_and(|before| {
                elements.written(before).eq_ignore_ascii_case("what") && elements.between(before, index).next().is_none()
            }),
        }
    }
}

/// `the worst review score`: the mean of what has numbers for values, by which something else is ranked.
fn ranks_by_mean(layer: &Layer, elements: &Elements, index: usize, measures: &[String], dimensions: &[String]) -> bool {
    let numeric = dimensions.iter().all(|name| layer.dimensions.get(name).is_some_and(|found| found.numeric));
    let ends = |cue| matches!(cue, Cue::Highest | Cue::Lowest | Cue::Best | Cue::Worst);
    let led = elements.before(index).is_some_and(|before| elements.is_cue(before, ends));
    let groups = (0..elements.all.len()).any(|at| {
        at != index
            && dimensions_of(elements, at).iter().any(|name| layer.dimensions.get(name).is_some_and(|found| !found.numeric))
    });
    numeric && led && groups && measures.iter().any(|name| !counted(layer, name))
}

/// Whether a noun behind a measure says of what table the value behind it is.
fn qualifies(layer: &Layer, elements: &Elements, roles: &Roles, index: usize) -> bool {
    let dimensions = dimensions_of(elements, index);
    let table = |name: &String| layer.dimensions.get(name).map(|found| &found.table);
    let beside = |filter: &Filter| match filter {
        Filter::Values { dimension, .. } => dimensions.iter().any(|name| name != dimension && table(name) == table(dimension)),
        Filter::Term { .. } => false,
    };
    let value =
        elements.behind(index).is_some_and(|value| roles.filters.iter().any(|(at, filter)| *at == value && beside(filter)));
    value && (0..index).any(|at| !measures_of(elements, at).is_empty())
}

/// Whether a noun is of those who have a part in every row anyhow.
fn takes_part(layer: &Layer, elements: &mut Elements, index: usize) -> bool {
    let different = |name: &String| layer.measures.get(name).is_some_and(|measure| measure.aggregation == Aggregation::Distinct);
    let party = !dimensions_of(elements, index).is_empty() && measures_of(elements, index).iter().any(different);
    party && is_party(elements, index)
}

/// A noun that nothing before it decides: what is measured, what that is taken by, or only of what it is.
fn undecided(layer: &Layer, elements: &mut Elements, roles: &mut Roles, noun: (usize, Vec<String>, Vec<String>)) {
    let (index, measures, dimensions) = noun;
    let meant = measure_meant(layer, elements, index, &measures);
    let of = |name: &String| measures.iter().any(|other| population(layer, name).contains(other));
    let known = roles.measures.iter().any(|(_, name)| *name == meant || of(name));
    let repeated = roles.dimensions.iter().any(|(_, name)| dimensions.contains(name));
    if !known && !repeated && !roles.measures.is_empty() && elements.cues(is_extreme).is_empty() && owns(elements, index) {
        return;
    }
    let spread = !elements.cues(|cue| cue == Cue::Distribution).is_empty()
        && roles.measures.is_empty()
        && layer.dimensions.get(&dimensions[0]).is_some_and(|dimension| dimension.counts.is_some());
    let related = !elements
        .cues(|cue| matches!(cue, Cue::Relationship | Cue::Comparative | Cue::Compare | Cue::Change | Cue::Rise | Cue::Fall))
        .is_empty();
    // `orders and customers`: two that are asked for.
    let joined = elements.before(index).is_some_and(|before| {
        let prior = elements.before(before).is_some_and(|prior| roles.measures.iter().any(|(at, _)| *at == prior));
        prior && elements.is_cue(before, |cue| cue == Cue::And) && elements.all[before].last + 2 >= elements.all[index].first
    });
    if joined {
        roles.measures.push((index, meant));
    } else if known || repeated {
        // It only says of what the measure is taken, or names the groups once more.
    } else if spread || (!roles.measures.is_empty() && !related) {
        roles.dimensions.push((index, dimensions[0].clone()));
    } else {
        roles.measures.push((index, meant));
    }
    elements.all[index].used = true;
}

/// `how many states do our sellers come from`: who has what is counted, and not what it is taken by.
fn owns(elements: &Elements, index: usize) -> bool {
    let asks = |word: &str| ["do", "does", "did"].contains(&word);
    let many = (0..index).any(|at| elements.written(at).to_lowercase().starts_with("how many"));
    let asked = elements.before(index).is_some_and(|before| {
        let verb = elements.is_cue(before, |cue| cue == Cue::Verb) && asks(&elements.written(before).to_lowercase());
        verb || elements.between(before, index).any(asks)
    });
    many && asked
}

/// `arrived at the customer`, `placed by customers`: who has a part in every row anyhow.
fn is_party(elements: &mut Elements, index: usize) -> bool {
    let first = elements.all[index].first;
    let word = |back: usize| first.checked_sub(back).map_or("", |at| elements.tokens[at].word.as_str());
    let back = if GLUE.contains(&word(1)) { 2 } else { 1 };
    let (preposition, verb) = (word(back), word(back + 1));
    // `what happens to review scores` is a phrase of its own.
    let free = elements.before(index).is_none_or(|before| elements.all[before].last + back < first);
    let ends = free && elements.behind(index).is_none_or(|next| !matches!(elements.all[next].kind, Kind::Number(_)));
    if ["at", "to"].contains(&preposition) && ends {
        return true;
    }
    const DONE: &[&str] = &[
        "placed",
        "made",
        "ordered",
        "bought",
        "purchased",
        "left",
        "written",
        "given",
        "submitted",
        "sent",
        "paid",
        "spent",
        "received",
        "accepted",
        "done",
        "sold",
        "shipped",
        "reached",
    ];
    let agent = preposition == "by" && DONE.contains(&verb);
    let reached = ["reach", "reached", "reaches", "reaching"].contains(&preposition);
    if let Some(by) = elements.before(index).filter(|by| agent && elements.is_cue(*by, |cue| cue == Cue::By)) {
        elements.all[by].used = true;
    }
    agent || reached
}

/// `the top 5 sellers`, `the 5 worst sellers`: what is counted off is what there is a row for.
fn after_number(elements: &Elements, index: usize) -> bool {
    let Some(before) = elements.before(index) else { return false };
    let number = |at: usize| matches!(elements.all[at].kind, Kind::Number(_));
    number(before) || (elements.is_cue(before, is_extreme) && elements.before(before).is_some_and(number))
}

fn population<'a>(layer: &'a Layer, name: &str) -> &'a [String] {
    layer.measures.get(name).map_or(&[], |measure| measure.population.as_slice())
}

/// Of several measures of the same name the one that the words around ask for: a count, or a mean.
fn measure_meant(layer: &Layer, elements: &Elements, index: usize, measures: &[String]) -> String {
    let before = elements.before(index);
    let counts = before.is_some_and(|before| elements.is_cue(before, |cue| matches!(cue, Cue::Count | Cue::Most | Cue::Fewest)));
    let mean = (0..elements.all.len()).any(|other| {
        elements.is_cue(other, |cue| {
            matches!(
                cue,
                Cue::Average | Cue::Highest | Cue::Lowest | Cue::Best | Cue::Worst | Cue::Relationship | Cue::Comparative
            )
        })
    });
    let wanted = measures.iter().find(|name| counted(layer, name) == (counts || !mean));
    wanted.or_else(|| measures.first()).cloned().unwrap_or_default()
}
