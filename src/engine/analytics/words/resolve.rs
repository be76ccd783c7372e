//! From elements to a reading.

use super::super::intent::{Filter, Intent, Share, View};
use super::super::layer::{Aggregation, Layer};
use super::elements::{Elements, Kind};
use super::grammar::Cue;
use super::lexicon::{Lexicon, Meaning};
use super::periods::{Periods, periods};
use super::roles::{Roles, roles};
use super::talk;
use super::{Asked, Reading, Unplaced};
use jiff::civil::Date;
use std::collections::{BTreeMap, BTreeSet};

pub(super) struct Resolver<'a> {
    pub(super) layer: &'a Layer,
    pub(super) elements: Elements,
    pub(super) roles: Roles,
    pub(super) periods: Periods,
    // Whether each thing is told to be counted once.
    once: bool,
    pub(super) assumptions: Vec<String>,
    pub(super) is_ranked: bool,
}

/// Puts everything together, or says what has no place.
pub(super) fn resolve(layer: &Layer, lexicon: &Lexicon, mut elements: Elements, as_of: Date) -> Reading {
    if let Some(reading) = without_data(layer, &elements) {
        return reading;
    }
    // A greeting before a question is no part of it.
    elements.take(|cue| cue == Cue::Greeting);
    talk::haste(&mut elements);
    talk::definitions(&mut elements);
    let once = talk::once(&mut elements);
    let periods = periods(&mut elements);
    if let Some((about, reason)) = future(layer, &periods, as_of) {
        return Reading::Unanswerable { about, reason };
    }
    let roles = roles(layer, &mut elements);
    let mut resolver = Resolver { layer, elements, roles, periods, once, assumptions: Vec::new(), is_ranked: false };
    match resolver.intent() {
        Ok((intent, percent)) => {
            resolver.passing();
            let unplaced = resolver.elements.unplaced(lexicon);
            if !unplaced.is_empty() {
                return unclear(unplaced);
            }
            let Resolver { elements, assumptions, .. } = resolver;
            let intent = intent.canonical();
            Reading::Data(Box::new(Asked { intent, percent, corrections: elements.corrections, assumptions }))
        }
        Err(trouble) => {
            resolver.passing();
            let mut unplaced = resolver.elements.unplaced(lexicon);
            unplaced.retain(|word| word.words != trouble.words);
            unplaced.insert(0, trouble);
            unclear(unplaced)
        }
    }
}

fn unclear(unplaced: Vec<Unplaced>) -> Reading {
    let told: Vec<String> = unplaced
        .iter()
        .map(|word| if word.words.is_empty() { word.reason.clone() } else { format!("`{}`: {}", word.words, word.reason) })
        .collect();
    Reading::Unclear { unplaced, reason: told.join("; ") }
}

/// Questions that need no data: what the tables don't hold, greetings, and what has nothing to do with them.
fn without_data(layer: &Layer, elements: &Elements) -> Option<Reading> {
    let meanings = || (0..elements.all.len()).flat_map(|index| elements.meanings(index));
    // Of two the one that is told at greater length: `spend to win a new customer` rather than `we spend`; of two as long the one that is told last.
    let told = (0..elements.all.len()).filter_map(|index| {
        let absent = elements.meanings(index).iter().find_map(|meaning| match meaning {
            Meaning::Absent(name) => Some(name),
            _ => None,
        })?;
        Some((elements.all[index].last - elements.all[index].first, absent))
    });
    let absent = told.max_by_key(|(length, _)| *length).map(|(_, name)| name);
    if let Some(name) = absent {
        let reason = layer.absent.get(name).map(|absent| absent.reason.clone()).unwrap_or_default();
        return Some(Reading::Unanswerable { about: name.clone(), reason });
    }
    let of_layer = meanings().any(|meaning| !matches!(meaning, Meaning::Cue(_) | Meaning::Passing | Meaning::Time(_)));
    if of_layer {
        return None;
    }
    let unknown = elements.all.iter().filter(|element| matches!(element.kind, Kind::Unknown)).count();
    let greeted = !elements.cues(|cue| cue == Cue::Greeting).is_empty();
    if unknown == 0 && (greeted || elements.all.iter().all(|element| element.used)) {
        return Some(Reading::Conversational);
    }
    let reason = format!("nothing in it is known to the layer `{}`: {}", layer.name, layer.comment);
    (unknown > 0).then_some(Reading::OutOfScope { reason })
}

/// A period that has not begun on the day of asking.
fn future(layer: &Layer, periods: &Periods, as_of: Date) -> Option<(String, String)> {
    let windows = [periods.window, periods.comparison.as_ref().map(|comparison| comparison.after)];
    let ahead = windows.into_iter().flatten().any(|window| window.from.is_some_and(|from| from > as_of));
    let reason =
        layer.absent.get("forecast").map_or_else(|| "that period has not begun".to_owned(), |absent| absent.reason.clone());
    ahead.then(|| ("forecast".to_owned(), reason))
}

pub(super) fn trouble(words: impl Into<String>, reason: &str, choices: Vec<String>) -> Unplaced {
    Unplaced { words: words.into(), reason: reason.to_owned(), choices }
}

impl Resolver<'_> {
    fn intent(&mut self) -> Result<(Intent, bool), Unplaced> {
        if let Some(reason) = self.periods.trouble.take() {
            return Err(trouble("", &reason, Vec::new()));
        }
        if let Some((words, choices)) = self.roles.trouble.take() {
            return Err(trouble(words, "this can be several things", choices));
        }
        let view = self.view()?;
        let mut dimensions: Vec<String> = self.roles.dimensions.iter().map(|(_, name)| name.clone()).collect();
        self.spread(&mut dimensions);
        let measures = self.measures(&mut dimensions, view)?;
        if self.once && measures.iter().any(|name| self.aggregation(name) != Some(Aggregation::Distinct)) {
            return Err(trouble("once", "only different things are counted once", Vec::new()));
        }
        let mut intent = Intent::of(&self.layer.name, measures);
        intent.view = view;
        intent.dimensions = dimensions;
        intent.by_time = self.periods.by;
        intent.window = self.periods.window;
        intent.comparison = self.periods.comparison.take();
        if let Some(comparison) = intent.comparison.as_ref().filter(|_| self.periods.assumed) {
            self.assumptions.push(format!("{} is held against {}", comparison.after.label(), comparison.before.label()));
        }
        intent.thresholds = std::mem::take(&mut self.roles.thresholds);
        intent.time = self
            .periods
            .time
            .take()
            .or_else(|| self.moment(&intent))
            .filter(|time| self.own_time(&intent).is_none_or(|own| own != *time));
        self.held_together(&mut intent);
        let percent = self.share(&mut intent)?;
        let rate = intent.measures.first().and_then(|name| self.aggregation(name)) == Some(Aggregation::Share);
        if intent.view == View::Distribution && (rate || !intent.is_grouped()) {
            intent.view = View::Table;
        }
        self.ranking(&mut intent)?;
        self.shape(&intent)?;
        // Reviews by their score are the distribution of scores, however they are asked for.
        let counted = |name: &String| self.layer.dimensions.get(name).and_then(|dimension| dimension.counts.as_ref());
        let plain = intent.by_time.is_none() && intent.comparison.is_none() && intent.ranking.is_none() && intent.share.is_none();
        if let ([measure], [dimension], View::Table, true) =
            (intent.measures.as_slice(), intent.dimensions.as_slice(), intent.view, plain && intent.thresholds.is_empty())
            && counted(dimension) == Some(measure)
        {
            intent.view = View::Distribution;
        }
        Ok((intent, percent))
    }

    /// `revenue in SP versus RJ`: values that are compared are each a group.
    fn held_together(&mut self, intent: &mut Intent) {
        if intent.is_grouped() || self.elements.cues(|cue| cue == Cue::Compare).is_empty() {
            return;
        }
        let values: Vec<(&String, &Vec<String>)> = self
            .roles
            .filters
            .iter()
            .filter_map(|(_, filter)| match filter {
                Filter::Values { dimension, values, negated: false } => Some((dimension, values)),
                _ => None,
            })
            .collect();
        let [(dimension, first), (other, second)] = values.as_slice() else { return };
        if dimension == other && first != second {
            intent.dimensions.push((*dimension).clone());
            self.elements.take(|cue| cue == Cue::Compare);
        }
    }

    /// `reviews written per month`: a moment that is told away from the period.
    fn moment(&mut self, intent: &Intent) -> Option<String> {
        if let Some(time) = self.roles.time.take() {
            return Some(time);
        }
        intent.by_time?;
        let own = self.own_time(intent)?;
        let told = (0..self.elements.all.len()).filter(|index| !self.elements.all[*index].used).find_map(|index| {
            let meanings = self.elements.meanings(index);
            meanings.iter().find_map(|meaning| match meaning {
                Meaning::Time(time) if *time != own && meanings.len() == 1 => Some((index, time.clone())),
                _ => None,
            })
        });
        let (index, time) = told?;
        self.elements.all[index].used = true;
        Some(time)
    }

    /// `how many 1, 2, 3, 4 and 5 star reviews`: all values that there are, each of which is to be counted.
    fn spread(&mut self, dimensions: &mut Vec<String>) {
        let mut values: BTreeMap<&String, Vec<&String>> = BTreeMap::new();
        for (_, filter) in &self.roles.filters {
            if let Filter::Values { dimension, values: told, negated: false } = filter {
                values.entry(dimension).or_default().extend(told);
            }
        }
        let whole = values.into_iter().find_map(|(name, told)| {
            let known = &self.layer.dimensions.get(name)?.values;
            (known.len() > 2 && known.keys().all(|value| told.contains(&value))).then(|| name.clone())
        });
        let Some(name) = whole else { return };
        self.roles.filters.retain(|(_, filter)| !matches!(filter, Filter::Values { dimension, .. } if *dimension == name));
        if !dimensions.contains(&name) {
            dimensions.push(name);
        }
    }

    fn own_time(&self, intent: &Intent) -> Option<String> {
        self.layer.measures.get(intent.measures.first()?)?.time.clone()
    }

    pub(super) fn aggregation(&self, name: &str) -> Option<Aggregation> {
        self.layer.measures.get(name).map(|measure| measure.aggregation)
    }

    pub(super) fn population(&self, name: &str) -> &[String] {
        self.layer.measures.get(name).map_or(&[], |measure| measure.population.as_slice())
    }

    /// Whether the question is after a relationship or a distribution.
    fn view(&mut self) -> Result<View, Unplaced> {
        let related = self.elements.take(|cue| cue == Cue::Relationship);
        // Of a lower score with a longer delay is a relationship too, where two measures are named.
        let ended = self.ended();
        let names: BTreeSet<&String> = self.roles.measures.iter().map(|(_, name)| name).chain(&ended).collect();
        // `are fewer stars given when an order is late`: what is counted in points of its own is one of the two.
        let points = self.roles.dimensions.iter().filter(|(_, name)| self.mean_of(name).is_some()).count();
        let own = points + names.iter().filter(|name| !names.iter().any(|other| self.population(other).contains(name))).count();
        let compared = own == 2
            && self.periods.comparison.is_none()
            && (self.elements.take(|cue| matches!(cue, Cue::Comparative | Cue::Compare))
                || (self.periods.by.is_none()
                    && self.elements.cues(|cue| cue == Cue::And).is_empty()
                    && self.elements.take(|cue| matches!(cue, Cue::Rise | Cue::Fall | Cue::Change))));
        if related || compared {
            self.elements.take(|cue| {
                matches!(cue, Cue::And | Cue::Average | Cue::Change | Cue::Compare | Cue::Comparative | Cue::Rise | Cue::Fall)
            });
            self.between();
            return Ok(View::Relationship);
        }
        let distributed = self.elements.take(|cue| cue == Cue::Distribution);
        let broken = self.elements.take(|cue| cue == Cue::Breakdown);
        let grouped = !self.roles.dimensions.is_empty() || self.periods.by.is_some();
        Ok(if distributed || (broken && !grouped) { View::Distribution } else { View::Table })
    }

    fn between(&mut self) {
        for index in 0..self.elements.all.len() {
            if matches!(self.elements.all[index].kind, Kind::Unknown)
                && self.elements.written(index).eq_ignore_ascii_case("between")
            {
                self.elements.all[index].used = true;
            }
        }
    }

    /// A share of a whole, or of percent only in the way it is shown. Puts the filters where they belong.
    fn share(&mut self, intent: &mut Intent) -> Result<bool, Unplaced> {
        let filters: Vec<(usize, Filter)> = self.roles.filters.clone();
        let asked = self.elements.cues(|cue| cue == Cue::Share);
        let plain: Vec<Filter> = filters.iter().map(|(_, filter)| filter.clone()).collect();
        let Some(at) = asked.first().copied() else {
            intent.filters = plain;
            return Ok(false);
        };
        self.elements.take(|cue| cue == Cue::Share);
        let aggregation = intent.measures.first().and_then(|name| self.aggregation(name));
        if aggregation == Some(Aggregation::Share) {
            intent.filters = plain;
            return Ok(true);
        }
        if !matches!(aggregation, Some(Aggregation::Sum | Aggregation::Count | Aggregation::Distinct)) {
            return Err(trouble(self.elements.written(at), "one takes no share of this", Vec::new()));
        }
        let mut share = Share { of: Vec::new() };
        // What stands before the verb says of what, what stands behind it says which part.
        let verb = (at..self.elements.all.len()).rev().find(|index| self.elements.is_cue(*index, |cue| cue == Cue::Verb));
        for (index, filter) in &filters {
            match verb {
                Some(verb) if *index < verb && *index > at && filters.iter().any(|(other, _)| *other > verb) => {
                    share.of.push(filter.clone())
                }
                _ => intent.filters.push(filter.clone()),
            }
        }
        // `4 or 5 stars` is one part.
        let kind = |filter: &Filter| match filter {
            Filter::Values { dimension, negated, .. } => (dimension.clone(), *negated),
            Filter::Term { term, negated } => (term.clone(), *negated),
        };
        if intent.filters.windows(2).any(|pair| kind(&pair[0]) != kind(&pair[1])) {
            return Err(trouble(self.elements.written(at), "of what is this the share, and what is the part?", Vec::new()));
        }
        if intent.filters.is_empty() && !intent.is_grouped() {
            return Err(trouble(self.elements.written(at), "what is the part that is asked for?", Vec::new()));
        }
        // By the very thing that is filtered, each group would be all or nothing: its part of the whole is meant.
        let own = |dimension: &String| matches!(intent.filters.first(), Some(Filter::Values { dimension: filtered, .. }) if filtered == dimension);
        if intent.dimensions.iter().any(own) {
            intent.dimensions.clear();
        }
        intent.share = Some(share);
        Ok(true)
    }

    /// Whether the parts make sense together.
    fn shape(&self, intent: &Intent) -> Result<(), Unplaced> {
        if !intent.thresholds.is_empty() && intent.dimensions.is_empty() && intent.by_time.is_none() {
            return Err(trouble(
                "",
                "the limit is about groups, and the question names none",
                vec!["by seller".to_owned(), "by state".to_owned()],
            ));
        }
        // Different things by themselves are one each.
        let itself = self.roles.dimensions.iter().find(|(index, name)| {
            intent.dimensions.contains(name)
                && self.elements.meanings(*index).iter().any(|meaning| match meaning {
                    Meaning::Measure(name) => {
                        intent.measures.first() == Some(name) && self.aggregation(name) == Some(Aggregation::Distinct)
                    }
                    _ => false,
                })
        });
        if let Some((index, _)) = itself {
            return Err(trouble(
                self.elements.written(*index),
                "each of these is one; what is counted for each of them?",
                Vec::new(),
            ));
        }
        if intent.dimensions.len() > 3 {
            return Err(trouble("", "that is taken by too many things at once", intent.dimensions.clone()));
        }
        Ok(())
    }
}
