//! Words that say nothing more once all others have their place.

use super::super::intent::Filter;
use super::super::layer::{Aggregation, Measure, Unit};
use super::calendar::What;
use super::elements::Kind;
use super::grammar::Cue;
use super::lexicon::Meaning;
use super::ranking::COMMON;
use super::resolve::Resolver;
use super::roles::is_extreme;

impl Resolver<'_> {
    /// Takes up words that say nothing more once all others have their place.
    pub(super) fn passing(&mut self) {
        self.between_groups();
        self.units();
        self.elements.take(|cue| cue == Cue::Definitions);
        self.elements.take(|cue| matches!(cue, Cue::What | Cue::And | Cue::Verb));
        for index in 0..self.elements.all.len() {
            if self.elements.all[index].used {
                continue;
            }
            let leads = self.elements.is_cue(index, |cue| matches!(cue, Cue::By | Cue::Across | Cue::Which));
            // `top categories by revenue`: what is ranked by stands behind.
            let ranked = self.is_ranked && self.elements.is_cue(index, |cue| cue == Cue::By) && self.is_measured_behind(index);
            let grouped = self
                .elements
                .behind(index)
                .is_some_and(|next| self.is_group(next) || self.is_definitions(next) || self.is_taken_over(next));
            let across = self.elements.is_cue(index, |cue| matches!(cue, Cue::Across | Cue::Which));
            // `compare states by repeat purchase rate`.
            let held = self.elements.is_cue(index, |cue| cue == Cue::By)
                && self.is_measured_behind(index)
                && !self.roles.dimensions.is_empty()
                && (0..index).any(|at| self.elements.is_cue(at, |cue| cue == Cue::Compare));
            // `divided over the payment methods`.
            let held = held
                || (self.elements.written(index).eq_ignore_ascii_case("over")
                    && self.elements.behind(index).is_some_and(|next| self.is_group(next)));
            let each_one = self.is_each_one(index);
            let over_all = across && self.elements.behind(index).is_none_or(|next| self.elements.all[next].used);
            let own_time = self.own_moment(index);
            let compared = self.elements.is_cue(index, |cue| matches!(cue, Cue::Compare));
            let definitions = compared && (self.asks_definitions() || !self.roles.dimensions.is_empty());
            let held = held || self.is_over_everything(index);
            if (leads && grouped) || ranked || held || over_all || own_time || definitions || each_one {
                self.elements.all[index].used = true;
            }
        }
    }

    /// `over the data set`, `in the available data`: a word that limits, before what is the whole anyhow.
    fn is_over_everything(&self, index: usize) -> bool {
        let word = self.elements.written(index).to_lowercase();
        let limits = ["over", "available", "complete", "present", "underlying"].contains(&word.as_str());
        limits
            && self.elements.behind(index).is_some_and(|next| {
                let passing = !self.elements.meanings(next).is_empty()
                    && self.elements.meanings(next).iter().all(|meaning| *meaning == Meaning::Passing);
                let follows =
                    word == "over" && ["complete", "available"].contains(&self.elements.written(next).to_lowercase().as_str());
                // `over all orders`: what the mean is taken over anyhow.
                let all = word == "over" && self.elements.between(index, next).any(|word| ["all", "the"].contains(&word));
                passing || (follows && self.is_over_everything(next)) || (all && self.is_taken_over(next))
            })
    }

    /// `how much is it on average for each one`: of what the mean is taken over anyhow.
    fn is_each_one(&mut self, index: usize) -> bool {
        let mean = self.roles.measures.iter().any(|(_, name)| {
            let worth = self.layer.measures.get(name).is_some_and(|measure| measure.worth.is_some());
            let averaged = (0..self.elements.all.len()).any(|at| self.elements.is_cue(at, |cue| cue == Cue::Average));
            (worth && averaged) || self.aggregation(name).is_some_and(Aggregation::has_support)
        });
        let plain = self.roles.dimensions.is_empty() && self.periods.by.is_none();
        let counts = (0..self.elements.all.len()).any(|at| self.elements.is_cue(at, |cue| cue == Cue::Count));
        if !(mean && plain && !counts && self.elements.is_cue(index, |cue| cue == Cue::By)) {
            return false;
        }
        match self.elements.behind(index) {
            None => self.elements.written(index).to_lowercase().ends_with("each"),
            Some(next) => {
                // `the average value for each order`.
                let worth = self.roles.measures.iter().any(|(at, name)| {
                    *at == next && self.layer.measures.get(name).is_some_and(|measure| measure.worth.is_some())
                });
                if worth {
                    return true;
                }
                let one = ["one", "single one"].contains(&self.elements.written(next).to_lowercase().as_str());
                let ends = self.elements.behind(next).is_none_or(|more| self.elements.all[more].used);
                self.elements.all[next].used |= one && ends;
                one && ends
            }
        }
    }

    /// Takes up words that only say in what unit, or of which groups alone, where that is so anyhow.
    fn units(&mut self) {
        for index in 0..self.elements.all.len() {
            if self.elements.all[index].used {
                continue;
            }
            let word = self.elements.written(index).to_lowercase();
            if self.is_days(index, &word) {
                self.elements.all[index].used = true;
                // `by how many days`, `in days`.
                let before = self.elements.before(index);
                for at in before.into_iter().chain(before.and_then(|before| self.elements.before(before))) {
                    self.elements.all[at].used |= self.elements.is_cue(at, |cue| matches!(cue, Cue::Count | Cue::By));
                }
            }
            self.elements.all[index].used |= self.is_unit(&word) || self.is_manner(index, &word);
        }
    }

    fn has_unit(&self, unit: Unit) -> bool {
        let ended = self.ended();
        let names = self.roles.measures.iter().map(|(_, name)| name).chain(&ended);
        names.filter_map(|name| self.layer.measures.get(name)).any(|measure| measure.unit == unit)
    }

    fn is_days(&self, index: usize, word: &str) -> bool {
        let level = matches!(self.elements.all[index].kind, Kind::Time(What::Level { certain: false, .. }));
        level && ["day", "days"].contains(&word) && self.has_unit(Unit::Days)
    }

    /// Whether a word says of what unit the measure is, or that one of what the mean is taken over is meant.
    fn is_unit(&self, word: &str) -> bool {
        const MONEY: &[&str] = &[
            "money",
            "cash",
            "pay",
            "pays",
            "paid",
            "charged",
            "collected",
            "earn",
            "earns",
            "earned",
            "amount",
            "amounts",
            "value",
            "values",
            "worth",
            "reach",
            "reached",
            "monetary",
        ];
        let means = |(_, name): &(usize, String)| self.aggregation(name).is_some_and(Aggregation::has_support);
        let currency = self.layer.currency.as_ref().is_some_and(|code| code.eq_ignore_ascii_case(word));
        let alone = self.roles.thresholds.is_empty() && self.roles.filters.is_empty();
        match word {
            "single" | "one" if alone => self.roles.measures.iter().any(means),
            "amount" | "amounts" if !self.roles.measures.iter().any(means) => true,
            "points" | "stars" => self.has_unit(Unit::Points),
            "rate" | "rates" => self.has_unit(Unit::Share),
            _ => self.has_unit(Unit::Money) && (MONEY.contains(&word) || currency),
        }
    }

    /// Whether a word says of the groups or filters around it what holds of them anyhow.
    fn is_manner(&self, index: usize, word: &str) -> bool {
        let (before, behind) = (self.elements.before(index), self.elements.behind(index));
        let grouped = |next: usize| self.roles.dimensions.iter().any(|(at, _)| *at == next);
        match word {
            "only" | "just" | "solely" | "alone" => self.is_only_idle(index),
            // `made by credit card`.
            "by" => behind.is_some_and(|next| self.roles.filters.iter().any(|(at, _)| *at == next)),
            // `lowest revenue first`.
            "first" => {
                self.is_ranked
                    && (0..index).any(|at| {
                        self.elements.is_cue(at, |cue| matches!(cue, Cue::Highest | Cue::Lowest | Cue::Best | Cue::Worst))
                    })
                    && matches!(self.elements.all[index].kind, Kind::Unknown)
            }
            "big" | "large" | "sizeable" | "bigger" | "larger" | "major" | "established" => {
                behind.is_some_and(grouped) && !self.roles.thresholds.is_empty()
            }
            _ => {
                let much = before.is_some_and(|at| self.elements.is_cue(at, |cue| matches!(cue, Cue::Most | Cue::Fewest)));
                let counts = |name: &String| self.layer.dimensions.get(name).is_some_and(|found| found.counts.is_some());
                COMMON.contains(&word) && much && self.roles.dimensions.iter().any(|(_, name)| counts(name))
            }
        }
    }

    /// Whether `only` stands before, or at the end behind, something that limits anyhow. Before a value that a thing may have beside others it
    /// says more: `paid only by voucher`.
    fn is_only_idle(&self, index: usize) -> bool {
        let limits = |at: usize| {
            let single = |dimension: &String| {
                let table = self.layer.dimensions.get(dimension).map(|found| &found.table);
                let of =
                    self.roles.measures.first().and_then(|(_, name)| self.layer.measures.get(name)).map(|measure| &measure.table);
                matches!((table, of), (Some(table), Some(of)) if self.layer.way(of, table).is_some())
            };
            let filtered = self.roles.filters.iter().find(|(place, _)| *place == at);
            match filtered {
                Some((_, Filter::Values { dimension, .. })) => single(dimension),
                Some((_, Filter::Term { .. })) => true,
                None => {
                    self.elements.all[at].used
                        && (matches!(self.elements.all[at].kind, Kind::Time(_) | Kind::Number(_))
                            || self.elements.is_cue(at, |cue| matches!(cue, Cue::Bound(_) | Cue::Count))
                            || self.roles.dimensions.iter().any(|(place, _)| *place == at)
                            || self.roles.measures.iter().any(|(place, _)| *place == at))
                }
            }
        };
        match self.elements.behind(index) {
            Some(behind) => limits(behind),
            None => self.elements.before(index).is_some_and(limits),
        }
    }

    pub(super) fn is_measured_behind(&self, index: usize) -> bool {
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

    /// `the average basket per order`: what the mean is taken over anyhow.
    fn is_taken_over(&self, index: usize) -> bool {
        let mut means = self
            .roles
            .measures
            .iter()
            .filter(|(at, name)| *at != index && self.aggregation(name).is_some_and(Aggregation::has_support));
        let named = self.roles.measures.iter().find(|(at, _)| *at == index);
        means.any(|(_, mean)| named.is_some_and(|(_, name)| self.population(mean).contains(name)))
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
        named || again || matches!(self.elements.all[index].kind, Kind::Time(What::Level { .. }))
    }

    /// A word of the very moment that the measure is about: `orders placed`.
    fn own_moment(&self, index: usize) -> bool {
        let own = |time: &String| {
            let ended = self.ended();
            let names = self.roles.measures.iter().map(|(_, name)| name).chain(&ended);
            let mut measures = names.filter_map(|name| self.layer.measures.get(name));
            // `did we deliver faster`: of the deliveries that the mean is taken over.
            let over = |measure: &Measure| {
                let mut things = measure.population.iter().filter_map(|name| self.layer.measures.get(name));
                measure.aggregation.has_support() && things.any(|thing| thing.time.as_ref() == Some(time))
            };
            // `the score that customers leave`: of what the mean is taken over, too.
            let table = self.layer.times.get(time).map(|time| &time.column.table);
            let same = |measure: &Measure| measure.aggregation.has_support() && Some(&measure.table) == table;
            measures.any(|measure| measure.time.as_ref() == Some(time) || over(measure) || same(measure))
        };
        self.elements.meanings(index).iter().any(|meaning| matches!(meaning, Meaning::Time(time) if own(time)))
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
