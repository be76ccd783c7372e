//! Which of its meanings each phrase has here: what is measured, what it is taken by, which rows count.

use super::super::intent::{Filter, Threshold};
use super::super::layer::{Aggregation, Layer};
use super::elements::{Elements, Kind};
use super::grammar::Cue;
use super::lexicon::Meaning;

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
    /// Why it can't be understood.
    pub trouble: Option<(String, Vec<String>)>,
}

pub const fn is_extreme(cue: Cue) -> bool {
    matches!(cue, Cue::Highest | Cue::Most | Cue::Lowest | Cue::Fewest | Cue::Best | Cue::Worst)
}

/// Takes up what is measured, grouped and filtered.
pub fn roles(layer: &Layer, elements: &mut Elements) -> Roles {
    let mut roles = Roles::default();
    thresholds(layer, elements, &mut roles);
    values(layer, elements, &mut roles);
    nouns(layer, elements, &mut roles);
    roles
}

fn measures_of(elements: &Elements, index: usize) -> Vec<String> {
    let measures = elements.meanings(index).iter().filter_map(|meaning| match meaning {
        Meaning::Measure(name) => Some(name.clone()),
        _ => None,
    });
    measures.collect()
}

fn dimensions_of(elements: &Elements, index: usize) -> Vec<String> {
    let dimensions = elements.meanings(index).iter().filter_map(|meaning| match meaning {
        Meaning::Dimension(name) => Some(name.clone()),
        _ => None,
    });
    dimensions.collect()
}

fn counted(layer: &Layer, name: &str) -> bool {
    layer.measures.get(name).is_some_and(|measure| matches!(measure.aggregation, Aggregation::Count | Aggregation::Distinct))
}

/// `at least 100 orders`, `100 or more orders`, `revenue above 10,000`.
fn thresholds(layer: &Layer, elements: &mut Elements, roles: &mut Roles) {
    for index in 0..elements.all.len() {
        let Kind::Number(bound) = elements.all[index].kind else { continue };
        let relation = |elements: &Elements, at: usize| {
            elements.meanings(at).iter().find_map(|meaning| match meaning {
                Meaning::Cue(Cue::Bound(relation)) => Some(*relation),
                Meaning::Cue(Cue::OrMore) => Some(super::super::intent::Relation::AtLeast),
                Meaning::Cue(Cue::OrLess) => Some(super::super::intent::Relation::AtMost),
                _ => None,
            })
        };
        let before = elements.before(index).filter(|before| elements.is_cue(*before, |cue| matches!(cue, Cue::Bound(_))));
        let behind =
            elements.behind(index).filter(|behind| elements.is_cue(*behind, |cue| matches!(cue, Cue::OrMore | Cue::OrLess)));
        let ((Some(mark), None) | (None, Some(mark))) = (before, behind) else { continue };
        let Some(relation) = relation(elements, mark) else { continue };
        let after = elements.behind(index.max(mark)).filter(|next| !measures_of(elements, *next).is_empty());
        // What is limited stands behind the number, or where nothing does, before the bound.
        let noun = after.or_else(|| elements.before(index.min(mark)).filter(|prior| !measures_of(elements, *prior).is_empty()));
        let Some(noun) = noun else { continue };
        let names = measures_of(elements, noun);
        let chosen = names.iter().find(|name| counted(layer, name)).filter(|_| after.is_some()).or_else(|| names.first());
        let Some(measure) = chosen.cloned() else { continue };
        elements.all[index].used = true;
        elements.all[mark].used = true;
        elements.all[noun].used = after.is_some();
        roles.thresholds.push(Threshold { measure, relation, bound });
    }
}

/// Values and terms, with whatever turns them round.
fn values(layer: &Layer, elements: &mut Elements, roles: &mut Roles) {
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
        if term.is_none() && candidates.is_empty() {
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
fn counted_subject<'c>(layer: &Layer, elements: &Elements, candidates: &'c [(String, String)]) -> Vec<&'c (String, String)> {
    let table = |name: &str| layer.dimensions.get(name).map(|dimension| dimension.table.as_str());
    let nouns = (0..elements.all.len()).filter(|index| {
        let counted =
            elements.before(*index).is_some_and(|before| elements.is_cue(before, |cue| matches!(cue, Cue::Count | Cue::Share)));
        !measures_of(elements, *index).is_empty() && (counted || *index == 0)
    });
    let tables: Vec<&str> = nouns.flat_map(|index| dimensions_of(elements, index)).filter_map(|name| table(&name)).collect();
    candidates.iter().filter(|(dimension, _)| table(dimension).is_some_and(|owner| tables.contains(&owner))).collect()
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
        let before = elements.before(index);
        let led = |sort: fn(Cue) -> bool| before.is_some_and(|before| elements.is_cue(before, sort));
        let grouped = led(|cue| matches!(cue, Cue::By | Cue::Across | Cue::Which | Cue::Distribution | Cue::Breakdown))
            || after_number(elements, index);
        // `distribution of customers by state`: what is distributed is counted, over what stands behind `by`.
        let over = led(|cue| matches!(cue, Cue::Distribution | Cue::Breakdown))
            && elements.behind(index).is_some_and(|behind| elements.is_cue(behind, |cue| matches!(cue, Cue::By | Cue::Across)));
        let grouped = grouped && !over;
        let what = before.is_some_and(|before| {
            elements.written(before).eq_ignore_ascii_case("what") && elements.between(before, index).next().is_none()
        });
        let counted_here = over || led(|cue| matches!(cue, Cue::Count | Cue::Most | Cue::Fewest));
        if dimensions.is_empty() {
            roles.measures.push((index, measure_meant(layer, elements, index, &measures)));
        } else if measures.is_empty() || ((grouped || what) && !counted_here) {
            roles.dimensions.push((index, dimension_meant(layer, elements, &dimensions)));
        } else if counted_here {
            roles.measures.push((index, measure_meant(layer, elements, index, &measures)));
        } else {
            open.push((index, measures, dimensions));
            continue;
        }
        elements.all[index].used = true;
    }
    let distributed = !elements.cues(|cue| cue == Cue::Distribution).is_empty();
    for (index, measures, dimensions) in open {
        let meant = measure_meant(layer, elements, index, &measures);
        let known = roles
            .measures
            .iter()
            .any(|(_, name)| *name == meant || measures.iter().any(|other| population(layer, name).contains(other)));
        let repeated = roles.dimensions.iter().any(|(_, name)| dimensions.contains(name));
        let spread = distributed
            && roles.measures.is_empty()
            && layer.dimensions.get(&dimensions[0]).is_some_and(|dimension| dimension.counts.is_some());
        let related = !elements.cues(|cue| matches!(cue, Cue::Relationship | Cue::Comparative | Cue::Compare)).is_empty();
        if known || repeated {
            // It only says of what the measure is taken, or names the groups once more.
        } else if spread || (!roles.measures.is_empty() && !related) {
            roles.dimensions.push((index, dimensions[0].clone()));
        } else {
            roles.measures.push((index, meant));
        }
        elements.all[index].used = true;
    }
    // `the top categories by rating`: what stands behind `by` is what they are ranked by.
    let ranked = (0..elements.all.len()).any(|index| elements.is_cue(index, is_extreme));
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
