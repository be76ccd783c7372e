//! Which rows count: values of dimensions and terms of the glossary, with whatever turns them round.

use super::super::intent::Filter;
use super::super::layer::{Aggregation, Layer};
use super::elements::Elements;
use super::grammar::Cue;
use super::lexicon::Meaning;
use super::roles::{Roles, dimensions_of, measures_of};

/// Values and terms, with whatever turns them round.
pub(super) fn values(layer: &Layer, elements: &mut Elements, roles: &mut Roles) {
    let mut negated_before = false;
    for index in 0..elements.all.len() {
        if elements.all[index].used {
            continue;
        }
        let term = elements.meanings(index).iter().find_map(|meaning| match meaning {
            Meaning::Term(term) => Some(term.clone()),
            _ => None,
        });
        let candidates: Vec<(String, String)> = elements
            .meanings(index)
            .iter()
            .filter_map(|meaning| match meaning {
                Meaning::Value(dimension, value) => Some((dimension.clone(), value.clone())),
                _ => None,
            })
            .collect();
        if (term.is_none() && candidates.is_empty()) || (term.is_some() && !limits(layer, elements, index)) {
            continue;
        }
        // `reviews created in May`: of the moment of what stands before, rather than of the state of something else.
        if let Some(time) = moment_of(layer, elements, index, &candidates) {
            elements.all[index].used = true;
            roles.time = Some(time);
            continue;
        }
        let not = elements.before(index).filter(|before| elements.is_cue(*before, |cue| cue == Cue::Not));
        // `neither … nor`, `not in A or B`: what is joined to a negated value is negated too.
        let joined = elements.before(index).filter(|before| elements.is_cue(*before, |cue| matches!(cue, Cue::And | Cue::Or)));
        let follows = joined
            .and_then(|joined| elements.before(joined))
            .is_some_and(|prior| roles.filters.iter().any(|(at, _)| *at == prior));
        let negated = not.is_some() || (follows && negated_before);
        let filter = match term {
            Some(term) => Filter::Term { term, negated },
            None => match chosen(layer, elements, index, &candidates) {
                Ok((dimension, value)) => Filter::Values { dimension, values: vec![value], negated },
                Err(choices) => {
                    roles.trouble = Some((elements.written(index), choices));
                    continue;
                }
            },
        };
        // `from A to B` is a way and not a choice.
        let way = roles.filters.last().is_some_and(|(prior, _)| elements.between(*prior, index).any(|word| word == "to"));
        if way && joined.is_none() {
            continue;
        }
        negated_before = negated;
        let joined = joined.filter(|_| follows);
        for used in [Some(index), not, joined].into_iter().flatten() {
            elements.all[used].used = true;
        }
        roles.filters.push((index, filter));
    }
}

/// The moment that a word is of which also names a value of another table.
fn moment_of(layer: &Layer, elements: &Elements, index: usize, candidates: &[(String, String)]) -> Option<String> {
    let tables: Vec<&String> = measures_of(elements, elements.before(index)?)
        .iter()
        .filter_map(|name| layer.measures.get(name))
        .map(|found| &found.table)
        .collect();
    let time = elements.meanings(index).iter().find_map(|meaning| match meaning {
        Meaning::Time(name) => Some(name),
        _ => None,
    })?;
    let of_moment = layer.times.get(time).is_some_and(|found| tables.contains(&&found.column.table));
    let of_value = candidates
        .iter()
        .any(|(dimension, _)| layer.dimensions.get(dimension).is_some_and(|found| tables.contains(&&found.table)));
    (of_moment && !of_value).then(|| time.clone())
}

/// Whether a phrase that is a share as well as a condition is the condition: beside another mean, that nothing holds against it.
fn limits(layer: &Layer, elements: &Elements, index: usize) -> bool {
    let Some(share) = measures_of(elements, index).into_iter().next() else { return true };
    let held = elements.cues(|cue| {
        matches!(
            cue,
            Cue::Relationship
                | Cue::Comparative
                | Cue::Compare
                | Cue::Rise
                | Cue::Fall
                | Cue::Change
                | Cue::Share
                | Cue::Distribution
                | Cue::And
        )
    });
    let mean = |name: &String| {
        layer
            .measures
            .get(name)
            .is_some_and(|measure| matches!(measure.aggregation, Aggregation::Average | Aggregation::Ratio | Aggregation::Sum))
    };
    let other = (0..elements.all.len()).any(|at| {
        at != index && !elements.all[at].used && measures_of(elements, at).iter().any(|name| *name != share && mean(name))
    });
    other && held.is_empty()
}

/// Of which dimension a value is, where it is one of several: the one that is named beside it, or that of the seller where the seller is.
fn chosen(
    layer: &Layer,
    elements: &mut Elements,
    index: usize,
    candidates: &[(String, String)],
) -> Result<(String, String), Vec<String>> {
    let around = [elements.before(index), elements.behind(index)];
    for near in around.into_iter().flatten() {
        let named = dimensions_of(elements, near);
        if let Some(found) = candidates.iter().find(|(dimension, _)| named.contains(dimension))
            && !elements.all[near].used
            && measures_of(elements, near).is_empty()
        {
            elements.all[near].used = true;
            return Ok(found.clone());
        }
    }
    // A dimension whose own table is spoken of right before: `sellers in …`.
    let spoken = elements.before(index).map(|before| dimensions_of(elements, before)).unwrap_or_default();
    let same = |dimension: &str| {
        let table = layer.dimensions.get(dimension).map(|found| &found.table);
        spoken.iter().any(|name| layer.dimensions.get(name).map(|found| &found.table) == table)
    };
    let of_subject: Vec<&(String, String)> = candidates.iter().filter(|(dimension, _)| same(dimension)).collect();
    let of_subject = if of_subject.is_empty() { counted_subject(layer, elements, candidates) } else { of_subject };
    // Without a subject the first table that the layer joins to its facts directly is meant: a state is the customer's.
    let default = |dimension: &str| layer.dimensions.get(dimension).is_some_and(|found| layer.is_default_side(&found.table));
    let pool: Vec<&(String, String)> = match of_subject.is_empty() {
        false => of_subject,
        true if candidates.len() > 1 => candidates.iter().filter(|(dimension, _)| default(dimension)).collect(),
        true => candidates.iter().collect(),
    };
    match pool.as_slice() {
        [only] => Ok((*only).clone()),
        _ => Err(candidates.iter().map(|(dimension, value)| format!("{} {value}", dimension.replace('_', " "))).collect()),
    }
}

/// Those of a dimension whose own table's things the question counts: `how many sellers are in …`.
pub(super) fn counted_subject<'c>(
    layer: &Layer,
    elements: &Elements,
    candidates: &'c [(String, String)],
) -> Vec<&'c (String, String)> {
    let table = |name: &str| layer.dimensions.get(name).map(|dimension| dimension.table.as_str());
    let nouns = (0..elements.all.len()).filter(|index| {
        let counted = elements.before(*index).is_some_and(|before| {
            elements.is_cue(before, |cue| matches!(cue, Cue::Count | Cue::Share | Cue::Most | Cue::Fewest))
        });
        !measures_of(elements, *index).is_empty() && (counted || *index == 0)
    });
    let tables: Vec<&str> = nouns.flat_map(|index| dimensions_of(elements, index)).filter_map(|name| table(&name)).collect();
    candidates.iter().filter(|(dimension, _)| table(dimension).is_some_and(|owner| tables.contains(&owner))).collect()
}
