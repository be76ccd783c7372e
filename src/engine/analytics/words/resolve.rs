//! From elements to a reading.

use super::super::intent::{Filter, Intent, Ranking, Share, View};
use super::super::layer::{Aggregation, End, Layer};
use super::elements::{Elements, Kind};
use super::grammar::Cue;
use super::lexicon::{Lexicon, Meaning};
use super::periods::{Periods, periods};
use super::roles::{Roles, is_extreme, roles};
use super::{Asked, Reading, Unplaced};
use jiff::civil::Date;

/// Groups that a ranking shows where the question gives no number.
const RANKED: u32 = 10;

/// The most groups that a question can ask for.
const RANKED_MAX: f64 = 1_000.0;

pub(super) struct Resolver<'a> {
    pub(super) layer: &'a Layer,
    pub(super) elements: Elements,
    pub(super) roles: Roles,
    pub(super) periods: Periods,
    assumptions: Vec<String>,
    is_ranked: bool,
}

/// Puts everything together, or says what has no place.
pub(super) fn resolve(layer: &Layer, lexicon: &Lexicon, mut elements: Elements, as_of: Date) -> Reading {
    if let Some(reading) = without_data(layer, &elements) {
        return reading;
    }
    // A greeting before a question is no part of it.
    elements.take(|cue| cue == Cue::Greeting);
    let periods = periods(&mut elements);
    if let Some((about, reason)) = future(layer, &periods, as_of) {
        return Reading::Unanswerable { about, reason };
    }
    let roles = roles(layer, &mut elements);
    let mut resolver = Resolver { layer, elements, roles, periods, assumptions: Vec::new(), is_ranked: false };
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
    let absent = meanings().find_map(|meaning| match meaning {
        Meaning::Absent(name) => Some(name),
        _ => None,
    });
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
        let measures = self.measures(&mut dimensions, view)?;
        let mut intent = Intent::of(&self.layer.name, measures);
        intent.view = view;
        intent.dimensions = dimensions;
        intent.by_time = self.periods.by;
        intent.window = self.periods.window;
        intent.comparison = self.periods.comparison.take();
        intent.thresholds = std::mem::take(&mut self.roles.thresholds);
        intent.time = self.periods.time.take().filter(|time| self.own_time(&intent).is_none_or(|own| own != *time));
        let percent = self.share(&mut intent)?;
        let rate = intent.measures.first().and_then(|name| self.aggregation(name)) == Some(Aggregation::Share);
        if intent.view == View::Distribution && (rate || !intent.is_grouped()) {
            intent.view = View::Table;
        }
        self.ranking(&mut intent)?;
        self.shape(&intent)?;
        Ok((intent, percent))
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
        let compared = self.roles.measures.len() == 2
            && self.periods.comparison.is_none()
            && self.elements.take(|cue| matches!(cue, Cue::Comparative | Cue::Compare));
        if related || compared {
            self.elements.take(|cue| matches!(cue, Cue::And | Cue::Average | Cue::Change | Cue::Compare));
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
        let filters: Vec<(usize, Filter)> = std::mem::take(&mut self.roles.filters);
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
        if intent.filters.len() > 1 {
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

    fn ranking(&mut self, intent: &mut Intent) -> Result<(), Unplaced> {
        let extremes = self.elements.cues(is_extreme);
        let ends: Vec<usize> = (0..self.elements.all.len())
            .filter(|index| !self.elements.all[*index].used)
            .filter(|index| self.elements.meanings(*index).iter().any(|meaning| matches!(meaning, Meaning::End(..))))
            .collect();
        let limit = self.limit(&extremes, &ends)?;
        let first = intent.measures.first().and_then(|name| self.layer.measures.get(name));
        let better = first.and_then(|measure| measure.better);
        let mut firsts = Vec::new();
        let mut refused = None;
        for index in extremes.iter().chain(&ends) {
            let end = self.elements.meanings(*index).iter().find_map(|meaning| match meaning {
                Meaning::Cue(Cue::Highest | Cue::Most) => Some(End::High),
                Meaning::Cue(Cue::Lowest | Cue::Fewest) => Some(End::Low),
                Meaning::Cue(Cue::Best) => better,
                Meaning::Cue(Cue::Worst) => better.map(|end| if end == End::High { End::Low } else { End::High }),
                Meaning::End(name, end) if intent.measures.first() == Some(name) => Some(*end),
                _ => None,
            });
            match end {
                Some(end) => firsts.push(end),
                None => refused = Some(*index),
            }
        }
        if let Some(index) = refused {
            return Err(trouble(
                self.elements.written(index),
                "which end of this is meant: the highest or the lowest?",
                Vec::new(),
            ));
        }
        let Some(end) = firsts.first().copied() else { return Ok(()) };
        let at = extremes.first().or(ends.first()).copied();
        if firsts.iter().any(|other| *other != end) {
            return Err(trouble("", "the highest or the lowest?", Vec::new()));
        }
        if intent.dimensions.is_empty() && intent.by_time.is_none() {
            let words = at.map(|at| self.elements.written(at)).unwrap_or_default();
            return Err(trouble(
                words,
                "the highest or lowest of what groups?",
                vec!["by state".to_owned(), "by category".to_owned(), "by month".to_owned()],
            ));
        }
        for index in extremes.into_iter().chain(ends) {
            self.elements.all[index].used = true;
        }
        // The greatest fall is the lowest change.
        let direction = intent.comparison.as_ref().and_then(|comparison| comparison.direction);
        let end = if direction == Some(End::Low) && end == End::High { End::Low } else { end };
        self.is_ranked = true;
        intent.ranking = Some(Ranking { first: end, limit: limit.unwrap_or(RANKED), by_change: intent.comparison.is_some() });
        if limit.is_none() {
            self.assumptions.push(format!("the first {RANKED} are shown"));
        }
        Ok(())
    }

    /// The number beside `top` or `worst`, or beside what is ranked.
    fn limit(&mut self, extremes: &[usize], ends: &[usize]) -> Result<Option<u32>, Unplaced> {
        let numbers: Vec<(usize, f64)> = (0..self.elements.all.len())
            .filter_map(|index| match self.elements.all[index].kind {
                Kind::Number(number) if !self.elements.all[index].used => Some((index, number)),
                _ => None,
            })
            .collect();
        let ranked = |index: usize| extremes.contains(&index) || ends.contains(&index);
        for (index, number) in numbers {
            let (before, behind) = (self.elements.before(index), self.elements.behind(index));
            // `min 100 orders` limits the groups, it does not count them off.
            let limits = behind.is_some_and(|behind| {
                let count = |name: &String| matches!(self.aggregation(name), Some(Aggregation::Count | Aggregation::Distinct));
                let groups = self.roles.dimensions.iter().any(|(at, _)| *at == behind);
                !groups
                    && self
                        .elements
                        .meanings(behind)
                        .iter()
                        .any(|meaning| matches!(meaning, Meaning::Measure(name) if count(name)))
            });
            if limits {
                continue;
            }
            let beside = [before, behind].into_iter().flatten().any(ranked);
            let subject =
                behind.is_some_and(|behind| self.roles.dimensions.iter().any(|(at, _)| *at == behind)) && !extremes.is_empty();
            if !(beside || subject) {
                continue;
            }
            if number.fract() != 0.0 || !(1.0..=RANKED_MAX).contains(&number) {
                return Err(trouble(self.elements.written(index), "so many groups can't be shown", Vec::new()));
            }
            self.elements.all[index].used = true;
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "held to 1 to 1,000 just before")]
            return Ok(Some(number as u32));
        }
        Ok(None)
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
        if intent.dimensions.len() > 3 {
            return Err(trouble("", "that is taken by too many things at once", intent.dimensions.clone()));
        }
        Ok(())
    }

    /// Takes up words that say nothing more once all others have their place.
    fn passing(&mut self) {
        self.between_groups();
        self.elements.take(|cue| cue == Cue::Definitions);
        self.elements.take(|cue| matches!(cue, Cue::What | Cue::And | Cue::Verb));
        for index in 0..self.elements.all.len() {
            if self.elements.all[index].used {
                continue;
            }
            let leads = self.elements.is_cue(index, |cue| matches!(cue, Cue::By | Cue::Across | Cue::Which));
            // `top categories by revenue`: what is ranked by stands behind.
            let ranked = self.is_ranked && self.elements.is_cue(index, |cue| cue == Cue::By) && self.is_measured_behind(index);
            let grouped = self.elements.behind(index).is_some_and(|next| self.is_group(next) || self.is_definitions(next));
            let across = self.elements.is_cue(index, |cue| matches!(cue, Cue::Across | Cue::Which));
            let over_all = across && self.elements.behind(index).is_none_or(|next| self.elements.all[next].used);
            let own_time = self.own_moment(index);
            let compared = self.elements.is_cue(index, |cue| matches!(cue, Cue::Compare));
            let definitions = compared && (self.asks_definitions() || !self.roles.dimensions.is_empty());
            if (leads && grouped) || ranked || over_all || own_time || definitions {
                self.elements.all[index].used = true;
            }
        }
    }

    fn is_measured_behind(&self, index: usize) -> bool {
        let mut next = self.elements.behind(index);
        while let Some(at) = next.filter(|at| {
            self.elements.is_cue(*at, is_extreme)
                || self.elements.is_cue(*at, |cue| matches!(cue, Cue::Average | Cue::Total | Cue::Count))
        }) {
            next = self.elements.behind(at);
        }
        next.is_some_and(|at| self.roles.measures.iter().any(|(place, _)| *place == at))
    }

    fn is_definitions(&self, index: usize) -> bool {
        self.elements.is_cue(index, |cue| cue == Cue::Definitions)
    }

    fn asks_definitions(&self) -> bool {
        (0..self.elements.all.len()).any(|index| self.is_definitions(index))
    }

    fn is_group(&self, index: usize) -> bool {
        let named = self.roles.dimensions.iter().any(|(at, _)| *at == index);
        let again = self.elements.meanings(index).iter().any(|meaning| match meaning {
            Meaning::Dimension(name) => self.roles.dimensions.iter().any(|(_, known)| known == name),
            _ => false,
        });
        named || again || matches!(self.elements.all[index].kind, Kind::Time(super::calendar::What::Level { .. }))
    }

    /// A word of the very moment that the measure is about: `orders placed`.
    fn own_moment(&self, index: usize) -> bool {
        let own = self
            .roles
            .measures
            .first()
            .and_then(|(_, name)| self.layer.measures.get(name))
            .and_then(|measure| measure.time.as_ref());
        self.elements.meanings(index).iter().any(|meaning| matches!(meaning, Meaning::Time(time) if Some(time) == own))
    }

    /// `differ between states`.
    fn between_groups(&mut self) {
        for index in 0..self.elements.all.len() {
            let word = matches!(self.elements.all[index].kind, Kind::Unknown)
                && self.elements.written(index).eq_ignore_ascii_case("between");
            if word && self.elements.behind(index).is_some_and(|next| self.is_group(next)) {
                self.elements.all[index].used = true;
                self.elements.take(|cue| cue == Cue::Compare);
            }
        }
    }
}
