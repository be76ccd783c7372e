//! Numbers that limit: what groups must have, and which values of a number count.

use super::super::intent::period::Level;
use super::super::intent::{Filter, Relation, Threshold};
use super::super::layer::{Layer, Unit};
use super::calendar::What;
use super::elements::{Elements, Kind};
use super::grammar::Cue;
use super::lexicon::Meaning;
use super::roles::{Roles, counted, dimensions_of, is_extreme, measures_of};

/// `at least 100 orders`, `100 or more orders`, `revenue above 10,000`.
pub(super) fn thresholds(layer: &Layer, elements: &mut Elements, roles: &mut Roles) {
    for index in 0..elements.all.len() {
        let Kind::Number(bound) = elements.all[index].kind else { continue };
        let before = elements.before(index).filter(|before| elements.is_cue(*before, |cue| matches!(cue, Cue::Bound(_))));
        let open_ended = |cue| matches!(cue, Cue::OrMore | Cue::OrLess);
        let behind = elements.behind(index).filter(|behind| elements.is_cue(*behind, open_ended));
        // `100 orders or more`, `100 orders minimum`.
        let last = elements
            .behind(index)
            .filter(|noun| before.is_none() && !measures_of(elements, *noun).is_empty())
            .and_then(|noun| elements.behind(noun))
            .filter(|last| elements.is_cue(*last, open_ended) || elements.is_cue(*last, |cue| matches!(cue, Cue::Bound(_))))
            // `100 orders or more`, but not `top 5 sellers over 100 …`, where the bound has its own number.
            .filter(|last| elements.behind(*last).is_none_or(|next| !matches!(elements.all[next].kind, Kind::Number(_))));
        // `a minimum order count of 100`.
        let early = elements
            .before(index)
            .filter(|noun| {
                before.is_none() && !measures_of(elements, *noun).is_empty() && dimensions_of(elements, *noun).is_empty()
            })
            .and_then(|noun| elements.before(noun))
            .filter(|mark| elements.is_cue(*mark, |cue| matches!(cue, Cue::Bound(_))));
        // `over 20 days` limits what is in days, `over the two quarters` nothing.
        let unit = elements.behind(index).and_then(|unit| match elements.all[unit].kind {
            Kind::Time(What::Level { level, .. }) => Some((unit, level)),
            _ => None,
        });
        let ((Some(mark), None) | (None, Some(mark))) = (before, behind.or(last).or(early)) else { continue };
        let Some(relation) = relation_of(elements, mark) else { continue };
        let number = if Some(mark) == last || Some(mark) == early { index } else { index.max(mark) };
        let after = elements.behind(number).filter(|next| !measures_of(elements, *next).is_empty());
        // `more than one payment method`: the number is of what stands behind it, which is nothing that is measured.
        let other = elements.behind(number).is_some_and(|next| {
            let near = elements.between(number, next).next().is_none();
            near && after.is_none() && !dimensions_of(elements, next).is_empty()
        });
        // What is limited stands behind the number, or where nothing does, before the bound.
        let noun = after.filter(|_| !other).or_else(|| {
            if other {
                return None;
            }
            let named = |prior: &usize| !measures_of(elements, *prior).is_empty() && dimensions_of(elements, *prior).is_empty();
            let limit = if Some(mark) == early { index } else { index.min(mark) };
            elements.before(limit).filter(named)
        });
        let Some(noun) = noun else { continue };
        let names = measures_of(elements, noun);
        let chosen = names.iter().find(|name| counted(layer, name)).filter(|_| after.is_some()).or_else(|| names.first());
        let Some(measure) = chosen.cloned() else { continue };
        let in_days = layer.measures.get(&measure).is_some_and(|found| found.unit == Unit::Days);
        match unit {
            Some((unit, Level::Day)) if in_days => elements.all[unit].used = true,
            Some(_) => continue,
            None => {}
        }
        elements.all[index].used = true;
        elements.all[mark].used = true;
        elements.all[noun].used = after.is_some();
        // `100 orders each`.
        let each = elements.behind(noun.max(index).max(mark)).filter(|each| {
            elements.written(*each).eq_ignore_ascii_case("each")
                && elements.behind(*each).is_none_or(|next| dimensions_of(elements, next).is_empty())
        });
        let relation = match left_out(elements, index.min(mark).min(noun)) {
            Some(not) => {
                elements.all[not].used = true;
                relation.turned()
            }
            None => Some(relation),
        };
        let Some(relation) = relation else {
            roles.trouble = Some((elements.written(mark), Vec::new()));
            continue;
        };
        if let Some(each) = each.filter(|each| !matches!(elements.all[*each].kind, Kind::Time(_))) {
            elements.all[each].used = true;
        }
        roles.thresholds.push(Threshold { measure, relation, bound });
    }
}

/// The word that leaves out the groups which a limit is told of: `excluding any seller with fewer than 10 orders`.
fn left_out(elements: &Elements, limit: usize) -> Option<usize> {
    let mut before = elements.before(limit);
    while let Some(at) = before {
        if elements.is_cue(at, |cue| cue == Cue::Not) {
            return Some(at);
        }
        let group = !dimensions_of(elements, at).is_empty();
        let any = ["any", "all", "those", "with"].contains(&elements.written(at).to_lowercase().as_str());
        if !(group || any || elements.is_cue(at, |cue| cue == Cue::Verb)) {
            return None;
        }
        before = elements.before(at);
    }
    None
}

/// `1, 2, 3, 4 and 5 star reviews`, `each score from 1 to 5`: numbers beside a dimension that has them for values.
pub(super) fn listed(layer: &Layer, elements: &mut Elements, roles: &mut Roles) {
    for index in 0..elements.all.len() {
        let of_value = elements.meanings(index).iter().find_map(|meaning| match meaning {
            Meaning::Value(dimension, _) => {
                layer.dimensions.get(dimension).filter(|found| found.numeric).map(|_| dimension.clone())
            }
            _ => None,
        });
        if let Some(name) = of_value {
            let mut at = index;
            // `1 to 5 stars`.
            if let Some(from) = elements.before(index).filter(|from| is_listed(layer, elements, *from, &name))
                && elements.between(from, index).any(|word| ["to", "through"].contains(&word))
                && let (Kind::Number(least), Some(most)) = (&elements.all[from].kind, value_of(elements, index))
            {
                let within = |value: &&String| value.parse().is_ok_and(|value: f64| value >= *least && value <= most);
                let values: Vec<String> = layer.dimensions[&name].values.keys().filter(within).cloned().collect();
                elements.all[from].used = true;
                elements.all[index].used = true;
                roles.filters.push((index, Filter::Values { dimension: name.clone(), values, negated: false }));
                continue;
            }
            // `the scores 1 to 5`, where the first of them is told with its noun.
            let least = value_of(elements, index);
            let to = elements.behind(index).filter(|to| {
                elements.between(index, *to).any(|word| ["to", "through"].contains(&word))
                    && is_listed(layer, elements, *to, &name)
                    && elements.tokens[elements.all[index].last].number.is_some()
            });
            if let (Some(to), Some(least)) = (to, least)
                && let Kind::Number(most) = elements.all[to].kind
            {
                let within = |value: &&String| value.parse().is_ok_and(|value: f64| value >= least && value <= most);
                let values: Vec<String> = layer.dimensions[&name].values.keys().filter(within).cloned().collect();
                let each = elements.before(index).filter(|by| {
                    elements.is_cue(*by, |cue| cue == Cue::By) && values.len() == layer.dimensions[&name].values.len()
                });
                [Some(to), Some(index), each].into_iter().flatten().for_each(|at| elements.all[at].used = true);
                roles.filters.push((index, Filter::Values { dimension: name.clone(), values, negated: false }));
                continue;
            }
            while let Some(before) = elements.before(at).filter(|before| is_listed(layer, elements, *before, &name)) {
                let number = elements.written(before);
                elements.all[before].used = true;
                if !elements.is_cue(before, |cue| matches!(cue, Cue::And | Cue::Or)) {
                    roles
                        .filters
                        .push((before, Filter::Values { dimension: name.clone(), values: vec![number], negated: false }));
                }
                at = before;
            }
            continue;
        }
        // The whole range of its values names the dimension once more.
        let Some((least, most)) = dimensions_of(elements, index).iter().find_map(|name| range(layer, name)) else { continue };
        let spreads = |cue| matches!(cue, Cue::Distribution | Cue::Breakdown);
        let leads = |cue| spreads(cue) || matches!(cue, Cue::By | Cue::Across | Cue::Which);
        let each = elements.before(index).is_some_and(|before| elements.is_cue(before, leads))
            || (0..elements.all.len()).any(|at| elements.is_cue(at, spreads));
        // `the scores, how are they divided from 1 until 5`.
        let mut at = index + 1;
        let scale = |at: usize| at < elements.all.len() && elements.written(at).eq_ignore_ascii_case("scale");
        let passed = |at: usize| {
            scale(at)
                || (at < elements.all.len() && elements.is_cue(at, |cue| spreads(cue) || matches!(cue, Cue::Verb | Cue::Across)))
        };
        while passed(at) {
            at += 1;
        }
        // `across the scale of 1 to 5`.
        let across = (index + 1..at).filter(|at| scale(*at) || elements.is_cue(*at, |cue| cue == Cue::Across));
        let number = |at: usize| match elements.all.get(at).map(|element| &element.kind) {
            Some(Kind::Number(number)) => Some(*number),
            _ => None,
        };
        let until = (at + 2 < elements.all.len()
            && ["until", "till"].contains(&elements.written(at + 1).to_lowercase().as_str()))
        .then_some(at + 1);
        let second = until.unwrap_or(at) + 1;
        if each && [number(at), number(second)] == [Some(least), Some(most)] {
            let named = scale(second + 1).then_some(second + 1);
            let told: Vec<usize> = [Some(at), until, Some(second), named].into_iter().flatten().chain(across).collect();
            told.into_iter().for_each(|at| elements.all[at].used = true);
        }
    }
}

/// The least and the greatest listed value of a dimension of numbers.
fn range(layer: &Layer, dimension: &str) -> Option<(f64, f64)> {
    let found = layer.dimensions.get(dimension).filter(|found| found.numeric && found.values.len() > 1)?;
    let numbers: Vec<f64> = found.values.keys().filter_map(|value| value.parse().ok()).collect();
    Some((numbers.iter().copied().fold(f64::INFINITY, f64::min), numbers.iter().copied().fold(f64::NEG_INFINITY, f64::max)))
}

/// `a score of 5`, `10 or more installments`, `at least 4 stars`, where things are counted: the listed values that this leaves.
pub(super) fn bounded(layer: &Layer, elements: &mut Elements, roles: &mut Roles) {
    let counts = !elements.cues(|cue| matches!(cue, Cue::Count | Cue::Share)).is_empty();
    for index in 0..elements.all.len() {
        let Kind::Number(bound) = elements.all[index].kind else { continue };
        if elements.all[index].used {
            continue;
        }
        let before = elements.before(index).filter(|at| elements.is_cue(*at, |cue| matches!(cue, Cue::Bound(_))));
        let behind = elements
            .behind(index)
            .filter(|at| before.is_none() && elements.is_cue(*at, |cue| matches!(cue, Cue::OrMore | Cue::OrLess)));
        let numeric = |at: usize| {
            let names = dimensions_of(elements, at);
            names
                .into_iter()
                .find(|name| layer.dimensions.get(name).is_some_and(|found| found.numeric && !found.values.is_empty()))
        };
        let after = elements.behind(behind.unwrap_or(index)).and_then(|at| numeric(at).map(|name| (at, name)));
        let prior = elements.before(before.unwrap_or(index)).and_then(|at| numeric(at).map(|name| (at, name)));
        let Some((noun, dimension)) = after.or(prior) else { continue };
        // `reviews with a score of at least 4`.
        let things = layer.dimensions[&dimension].counts.iter().any(|counted| {
            (0..noun.min(index)).any(|at| at != noun && measures_of(elements, at).contains(counted))
                && elements.cues(is_extreme).is_empty()
        });
        if !(counts || things) {
            continue;
        }
        let relation = before.or(behind).and_then(|mark| relation_of(elements, mark)).unwrap_or(Relation::Exactly);
        let values: Vec<String> = layer.dimensions[&dimension]
            .values
            .keys()
            .filter(|value| value.parse().is_ok_and(|value: f64| relation.holds(value, bound)))
            .cloned()
            .collect();
        if values.is_empty() {
            continue;
        }
        for used in [Some(index), before, behind, Some(noun)].into_iter().flatten() {
            elements.all[used].used = true;
        }
        roles.filters.push((noun, Filter::Values { dimension, values, negated: false }));
    }
}

fn relation_of(elements: &Elements, at: usize) -> Option<Relation> {
    elements.meanings(at).iter().find_map(|meaning| match meaning {
        Meaning::Cue(Cue::Bound(relation)) => Some(*relation),
        Meaning::Cue(Cue::OrMore) => Some(Relation::AtLeast),
        Meaning::Cue(Cue::OrLess) => Some(Relation::AtMost),
        _ => None,
    })
}

/// The number that a value stands for.
fn value_of(elements: &Elements, index: usize) -> Option<f64> {
    elements.meanings(index).iter().find_map(|meaning| match meaning {
        Meaning::Value(_, value) => value.parse().ok(),
        _ => None,
    })
}

fn is_listed(layer: &Layer, elements: &Elements, at: usize, dimension: &str) -> bool {
    let joins =
        elements.is_cue(at, |cue| matches!(cue, Cue::And | Cue::Or)) && at > 0 && is_listed(layer, elements, at - 1, dimension);
    let number = matches!(elements.all[at].kind, Kind::Number(_))
        && layer.dimensions.get(dimension).is_some_and(|found| found.values.contains_key(&elements.written(at)))
        && !elements.all[at].used;
    joins || number
}
