//! What is measured: of the measures that a question names, those that it asks for.

use super::super::intent::{Filter, View};
use super::super::layer::{Aggregation, Measure, Unit};
use super::Unplaced;
use super::grammar::Cue;
use super::lexicon::Meaning;
use super::lexicon::alike;
use super::resolve::{Resolver, trouble};
use super::roles::is_extreme;

impl Resolver<'_> {
    pub(super) fn measures(&mut self, dimensions: &mut Vec<String>, view: View) -> Result<Vec<String>, Unplaced> {
        let mut measures: Vec<String> = Vec::new();
        for (_, name) in &self.roles.measures {
            if !measures.contains(name) {
                measures.push(name.clone());
            }
        }
        // `faster` names its measure as well as its end.
        for name in self.ended() {
            if !measures.contains(&name) {
                measures.push(name);
            }
        }
        if view == View::Relationship {
            // `less satisfied`: which end it is says no more than that the two go together.
            for index in 0..self.elements.all.len() {
                self.elements.all[index].used |=
                    self.elements.meanings(index).iter().any(|meaning| matches!(meaning, Meaning::End(..)));
            }
            // `how many days late an order is`: of a mean, which counts no things.
            for at in self.elements.cues(|cue| cue == Cue::Count) {
                let mean = self.elements.behind(at).is_some_and(|next| {
                    self.roles.measures.iter().any(|(place, name)| {
                        *place == next && self.layer.measures.get(name).is_some_and(|found| found.unit == Unit::Days)
                    })
                });
                self.elements.all[at].used |= mean;
            }
            return self.related(measures, dimensions);
        }
        if let Some(each) = self.of_each(&measures) {
            self.elements.take(|cue| matches!(cue, Cue::Count | Cue::Average));
            return Ok(vec![each]);
        }
        if view == View::Distribution {
            self.distributed(&mut measures, dimensions)?;
        }
        // What a measure is taken over adds nothing beside it.
        let all = measures.clone();
        let mut absorbed = Vec::new();
        measures.retain(|name| {
            let over = all.iter().any(|other| {
                // A count is taken over what stands behind it: `orders with reviews` are not the reviews of orders.
                let order = !matches!(self.aggregation(other), Some(Aggregation::Count | Aggregation::Distinct))
                    || self.stands_before(other, name);
                other != name
                    && order
                    && !self.is_joined(other, name)
                    && self.population(other).contains(name)
                    && !self.population(name).contains(other)
            });
            if over {
                absorbed.push(name.clone());
            }
            !over
        });
        self.mutual(&mut measures, &mut absorbed);
        self.worth(&mut measures, &mut absorbed);
        self.lasting(&mut measures, &mut absorbed);
        self.number_of(&mut measures, &mut absorbed);
        if measures.is_empty() {
            let counted = self.counted(dimensions);
            measures.extend(if self.asks_how_much() {
                counted.and_then(|name| self.money_of(&name).or((!dimensions.is_empty()).then_some(name)))
            } else {
                counted
            });
        }
        let Some(first) = measures.first() else {
            let choices = self.layer.measures.iter().filter(|(_, measure)| !measure.synonyms.is_empty());
            return Err(trouble(
                "",
                "what is measured was not understood",
                choices.map(|(name, _)| name.replace('_', " ")).take(8).collect(),
            ));
        };
        self.counting(first, &absorbed)?;
        self.shared(first, view)?;
        if measures.len() > 1 {
            let joined = !self.elements.cues(|cue| cue == Cue::And).is_empty() && measures.len() == 2;
            if !joined {
                return Err(trouble(
                    "",
                    "which of these is asked for?",
                    measures.iter().map(|name| name.replace('_', " ")).collect(),
                ));
            }
        }
        Ok(measures)
    }

    /// A phrase that is after a share only where the question says so; and a spread, which is of things and not of means.
    fn shared(&self, name: &str, view: View) -> Result<(), Unplaced> {
        let spread = view == View::Distribution && self.aggregation(name).is_some_and(Aggregation::has_support);
        let counts = |name: &String| self.layer.dimensions.get(name).is_some_and(|dimension| dimension.counts.is_some());
        // How often something happens in each group is its rate there.
        let rate =
            self.aggregation(name) == Some(Aggregation::Share) && !self.roles.dimensions.iter().any(|(_, name)| counts(name));
        if spread && !rate && (!self.roles.dimensions.is_empty() || self.periods.by.is_some()) {
            return Err(trouble(
                "",
                "a mean or a rate of groups is no distribution; which of the two is asked for?",
                vec![name.replace('_', " ")],
            ));
        }
        let Some(measure) = self.layer.measures.get(name) else { return Ok(()) };
        let said = !self.elements.cues(|cue| cue == Cue::Share || is_extreme(cue)).is_empty() || view == View::Distribution;
        let places: Vec<usize> = self.roles.measures.iter().filter(|(_, found)| found == name).map(|(index, _)| *index).collect();
        let [index, ..] = places.as_slice() else { return Ok(()) };
        if !said && places.iter().all(|index| self.is_share_phrase(measure, *index)) {
            return Err(trouble(self.elements.written(*index), "how many of them, or what share?", vec![name.replace('_', " ")]));
        }
        Ok(())
    }

    /// Whether a phrase is one that is after a share only where the question says so.
    pub(super) fn is_share_phrase(&self, measure: &Measure, index: usize) -> bool {
        let said = alike(self.layer, &self.elements.written(index));
        measure.share_synonyms.iter().any(|phrase| alike(self.layer, phrase) == said)
    }

    /// Two counts that are each taken over the other: the one that is asked for stands first or is counted.
    fn mutual(&self, measures: &mut Vec<String>, absorbed: &mut Vec<String>) {
        let [first, second] = measures.as_slice() else { return };
        let mutual = self.population(first).contains(second) && self.population(second).contains(first);
        if mutual && !self.is_joined(first, second) {
            let counted = |name: &str| {
                self.roles.measures.iter().any(|(index, found)| {
                    found == name
                        && self
                            .elements
                            .before(*index)
                            .is_some_and(|before| self.elements.is_cue(before, |cue| cue == Cue::Count))
                })
            };
            // `how many times customers placed an order` counts what they did.
            let different = |name: &str| self.aggregation(name) == Some(Aggregation::Distinct);
            let gone = match self.counts_times() {
                true if different(first) && !different(second) => 0,
                true => 1,
                false if counted(second) && !counted(first) => 0,
                false => 1,
            };
            // `customers who placed orders` says nothing more than `customers`; `orders of customers` nothing more than `orders`.
            absorbed.push(measures.remove(gone));
        }
    }

    /// Two measures against one another: the one that comes in steps becomes what the other is taken by.
    fn related(&mut self, mut measures: Vec<String>, dimensions: &mut Vec<String>) -> Result<Vec<String>, Unplaced> {
        let steps = |name: &String| self.layer.dimensions.get(name).is_some_and(|dimension| !dimension.steps.is_empty());
        let stepped = |name: &String| self.layer.measures.get(name).and_then(|measure| measure.stepped.clone()).filter(steps);
        if measures.len() + dimensions.len() > 2 {
            let all = measures.clone();
            measures.retain(|name| !all.iter().any(|other| other != name && self.population(other).contains(name)));
        }
        match (measures.as_slice(), dimensions.as_slice()) {
            ([first, second], []) => {
                let (taken, by) = match (stepped(first), stepped(second)) {
                    (Some(by), _) => (second.clone(), by),
                    (None, Some(by)) => (first.clone(), by),
                    (None, None) => {
                        let choices = vec!["by month".to_owned(), "by state".to_owned(), "by category".to_owned()];
                        return Err(trouble("", "these two can only be held against one another by something", choices));
                    }
                };
                dimensions.push(by);
                Ok(vec![taken])
            }
            // `how do stars move with the delay`: what is counted in steps of its own is the mean of it here.
            ([only], [by]) if self.mean_of(by).is_some_and(|mean| mean != only) && stepped(only).is_some() => {
                let mean = self.mean_of(by).cloned().into_iter().collect();
                *dimensions = stepped(only).into_iter().collect();
                Ok(mean)
            }
            ([_], [_]) => Ok(measures),
            _ => {
                let choices = measures.iter().chain(dimensions.iter()).map(|name| name.replace('_', " ")).collect();
                Err(trouble("", "a relationship is between two things", choices))
            }
        }
    }

    /// Whether a dimension is what the question takes something by.
    pub(super) fn is_taken_by(&self, dimension: &str) -> bool {
        let mut places = self.roles.dimensions.iter().filter(|(_, name)| name == dimension).map(|(index, _)| *index);
        places.any(|index| {
            self.elements.before(index).is_some_and(|before| {
                self.elements.is_cue(before, |cue| matches!(cue, Cue::By | Cue::Across | Cue::Which | Cue::What))
            })
        })
    }

    /// A measure that comes in steps is spread over those.
    fn distributed(&self, measures: &mut Vec<String>, dimensions: &mut Vec<String>) -> Result<(), Unplaced> {
        let [only] = measures.as_slice() else { return Ok(()) };
        let rate = self.aggregation(only) == Some(Aggregation::Share);
        if rate || !dimensions.is_empty() || self.periods.by.is_some() {
            return Ok(());
        }
        let Some(by) = self.layer.measures.get(only).and_then(|measure| measure.stepped.clone()) else {
            return Err(trouble(
                "",
                "over what is it distributed?",
                vec!["by state".to_owned(), "by category".to_owned(), "by month".to_owned()],
            ));
        };
        *measures = self.layer.dimensions.get(&by).and_then(|dimension| dimension.counts.clone()).into_iter().collect();
        dimensions.push(by);
        Ok(())
    }

    /// Whether two measures are asked for beside one another: `revenue and orders`.
    fn is_joined(&self, first: &str, second: &str) -> bool {
        let places: Vec<usize> =
            self.roles.measures.iter().filter(|(_, name)| name == first || name == second).map(|(index, _)| *index).collect();
        let and = |index: usize| self.elements.is_cue(index, |cue| cue == Cue::And);
        places.len() == 2
            && places
                .last()
                .and_then(|last| self.elements.before(*last))
                .is_some_and(|between| and(between) && between > places[0])
    }

    fn stands_before(&self, first: &str, second: &str) -> bool {
        let place = |wanted: &str| self.roles.measures.iter().find(|(_, name)| name == wanted).map(|(index, _)| *index);
        place(first) < place(second)
    }

    /// The measures of words for one of their ends, such as `slowest`.
    pub(super) fn ended(&self) -> Vec<String> {
        let ends =
            (0..self.elements.all.len()).flat_map(|index| self.elements.meanings(index)).filter_map(|meaning| match meaning {
                Meaning::End(name, _) => Some(name.clone()),
                _ => None,
            });
        let mut ends: Vec<String> = ends.collect();
        ends.sort();
        ends.dedup();
        ends
    }

    /// What a question counts that names only what it is taken by.
    fn counted(&self, dimensions: &[String]) -> Option<String> {
        let filtered = self.roles.filters.iter().find_map(|(_, filter)| match filter {
            Filter::Values { dimension, .. } => Some(dimension),
            Filter::Term { .. } => None,
        });
        self.layer.dimensions.get(dimensions.first().or(filtered)?)?.counts.clone()
    }

    /// `how many`, `average` and `total` have to fit the measure.
    fn counting(&mut self, name: &str, absorbed: &[String]) -> Result<(), Unplaced> {
        use Aggregation::{Average, Count, Distinct, Ratio, Share, Sum};
        let Some(aggregation) = self.aggregation(name) else { return Ok(()) };
        self.in_money(name);
        // `the revenue number`.
        for at in self.elements.cues(|cue| cue == Cue::Count) {
            let noun = ["number", "numbers", "count"].contains(&self.elements.written(at).to_lowercase().as_str());
            let named =
                self.elements.before(at).is_some_and(|before| self.roles.measures.iter().any(|(place, _)| *place == before));
            let counts_behind = self
                .elements
                .behind(at)
                .is_some_and(|next| self.elements.meanings(next).iter().any(|meaning| matches!(meaning, Meaning::Measure(_))));
            if noun && named && !counts_behind {
                self.elements.all[at].used = true;
            }
        }
        let choice = || vec![self.layer.measures.get(name).map_or_else(String::new, |measure| measure.comment.clone())];
        let counts = self.elements.cues(|cue| cue == Cue::Count);
        let of_absorbed = counts.first().and_then(|at| self.elements.behind(*at)).is_some_and(|noun| {
            self.elements
                .meanings(noun)
                .iter()
                .any(|meaning| matches!(meaning, Meaning::Measure(found) if absorbed.contains(found)))
        });
        let how_many_days =
            matches!(aggregation, Average) && !self.counts_points(name) && counts.iter().all(|at| self.counts_units(name, *at));
        if let Some(at) = counts.first().copied() {
            // `how many orders, in percent`.
            let in_percent = aggregation == Share && !self.elements.cues(|cue| cue == Cue::Share).is_empty();
            // `how many times did people pay by voucher` counts no people.
            let fits = matches!(aggregation, Count | Distinct) && !(aggregation == Distinct && self.counts_times())
                || (how_many_days && !of_absorbed)
                || in_percent;
            let of_absorbed = of_absorbed && !in_percent && !self.counts_times();
            if !fits || of_absorbed {
                return Err(trouble(self.elements.written(at), "this counts, and what it stands with is not a count", choice()));
            }
            self.elements.take(|cue| cue == Cue::Count);
        }
        if let Some(at) = self.elements.cues(|cue| cue == Cue::Average).first().copied() {
            if !matches!(aggregation, Average | Ratio | Share) {
                return Err(trouble(self.elements.written(at), "an average of this is over what?", choice()));
            }
            self.elements.take(|cue| cue == Cue::Average);
        }
        if let Some(at) = self.elements.cues(|cue| cue == Cue::Total).first().copied() {
            if !matches!(aggregation, Sum | Count | Distinct) {
                return Err(trouble(self.elements.written(at), "this is not something that is summed", choice()));
            }
            self.elements.take(|cue| cue == Cue::Total);
        }
        Ok(())
    }
}
