//! Which groups come first, and how many of them are shown.

use super::super::intent::{Intent, Ranking};
use super::super::layer::{Aggregation, End};
use super::Unplaced;
use super::calendar::What;
use super::elements::Kind;
use super::grammar::Cue;
use super::lexicon::Meaning;
use super::resolve::{Resolver, trouble};
use super::roles::is_extreme;

/// Groups that a ranking shows where the question gives no number.
const RANKED: u32 = 10;

/// Groups that are shown where all of them are to be sorted.
const RANKED_ALL: u32 = 1_000;

/// The most groups that a question can ask for.
const RANKED_MAX: f64 = 1_000.0;

/// Words that, behind `most`, say of a thing that there is much of it.
pub(super) const COMMON: &[&str] = &["popular", "common", "frequent", "prevalent", "usual"];

impl Resolver<'_> {
    pub(super) fn ranking(&mut self, intent: &mut Intent) -> Result<(), Unplaced> {
        let extremes = self.elements.cues(is_extreme);
        let ends: Vec<usize> = (0..self.elements.all.len())
            .filter(|index| !self.elements.all[*index].used)
            .filter(|index| self.elements.meanings(*index).iter().any(|meaning| matches!(meaning, Meaning::End(..))))
            // `slower or faster` is neither.
            .filter(|index| !self.elements.is_cue(*index, |cue| cue == Cue::Comparative))
            .collect();
        let limit = self.limit(&extremes, &ends)?;
        let first = intent.measures.first().and_then(|name| self.layer.measures.get(name));
        let better = first.and_then(|measure| measure.better);
        let mut firsts = Vec::new();
        let mut refused = None;
        // `least expensive` is the low end, `most dissatisfied` the end that the word itself is of.
        let leads = |index: usize, sort: fn(Cue) -> bool| {
            let before = self.elements.before(index).filter(|before| extremes.contains(before));
            before.filter(|before| self.elements.is_cue(*before, sort))
        };
        let led: Vec<usize> =
            ends.iter().filter_map(|index| leads(*index, |cue| matches!(cue, Cue::Most | Cue::Fewest))).collect();
        let turned: Vec<usize> = ends.iter().copied().filter(|index| leads(*index, |cue| cue == Cue::Fewest).is_some()).collect();
        for index in extremes.iter().filter(|index| !led.contains(index)).chain(&ends) {
            let end = self.elements.meanings(*index).iter().find_map(|meaning| match meaning {
                Meaning::Cue(Cue::Highest | Cue::Most | Cue::Descending) => Some(End::High),
                Meaning::Cue(Cue::Lowest | Cue::Fewest | Cue::Ascending) => Some(End::Low),
                Meaning::Cue(Cue::Best) => better,
                Meaning::Cue(Cue::Worst) => better.map(|end| if end == End::High { End::Low } else { End::High }),
                Meaning::End(name, end) if intent.measures.first() == Some(name) => Some(*end),
                _ => None,
            });
            let other = |end| if end == End::High { End::Low } else { End::High };
            let end = if turned.contains(index) { end.map(other) } else { end };
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
        // `rank the categories by revenue`: the greatest first, as one ranks.
        let (ranked, sorted) = self.is_put_in_order();
        if firsts.is_empty() && (ranked || sorted) && !intent.dimensions.is_empty() {
            firsts.push(End::High);
        }
        let Some(end) = firsts.first().copied() else { return Ok(()) };
        self.extreme_of_number()?;
        // `score best` is of a mean, never of how many there are.
        let scores = extremes.iter().copied().find(|at| self.elements.written(*at).to_lowercase().contains("scor"));
        let mean = intent.measures.first().and_then(|name| self.aggregation(name)).is_some_and(Aggregation::has_support);
        if let Some(at) = scores.filter(|_| !mean) {
            return Err(trouble(self.elements.written(at), "in what do they score?", Vec::new()));
        }
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
        // Who asks for one group, and who wants all of them in order.
        let all = sorted.then_some(RANKED_ALL).filter(|_| !ranked && at.is_none());
        let limit = limit.or_else(|| self.asks_one(intent).then_some(1)).or(all);
        intent.ranking = Some(Ranking { first: end, limit: limit.unwrap_or(RANKED), by_change: intent.comparison.is_some() });
        if limit.is_none() {
            self.assumptions.push(format!("the first {RANKED} are shown"));
        }
        self.turned(intent);
        Ok(())
    }

    /// `the highest number of installments`: the end of a number itself, which no ranking of what there is of each tells.
    fn extreme_of_number(&self) -> Result<(), Unplaced> {
        for (index, name) in &self.roles.dimensions {
            let Some(dimension) = self.layer.dimensions.get(name).filter(|found| found.numeric) else { continue };
            let mut before = self.elements.before(*index);
            while let Some(at) = before.filter(|at| self.elements.is_cue(*at, |cue| matches!(cue, Cue::Count | Cue::Total))) {
                before = self.elements.before(at);
            }
            let led = before.filter(|at| {
                self.elements.is_cue(*at, |cue| matches!(cue, Cue::Highest | Cue::Most | Cue::Lowest | Cue::Fewest))
            });
            let counted = dimension.counts.as_ref();
            let ranked = (*index..self.elements.all.len()).any(|at| {
                let by = self.elements.is_cue(at, |cue| cue == Cue::By) && self.is_measured_behind(at);
                by || self.elements.is_cue(at, is_extreme)
            });
            let others = self.roles.measures.iter().any(|(_, measure)| Some(measure) != counted);
            if let Some(at) = led.filter(|_| !ranked && !others) {
                return Err(trouble(
                    self.elements.written(at),
                    "of the number itself, or of what there is with each?",
                    counted
                        .map(|counted| format!("most {} by {}", counted.replace('_', " "), name.replace('_', " ")))
                        .into_iter()
                        .collect(),
                ));
            }
        }
        Ok(())
    }

    /// Whether the groups are to be ranked, and whether they are to be sorted by the measure.
    fn is_put_in_order(&mut self) -> (bool, bool) {
        let ranks = self.elements.cues(|cue| cue == Cue::Which);
        let ranks: Vec<usize> =
            ranks.into_iter().filter(|index| self.elements.written(*index).to_lowercase().starts_with("rank")).collect();
        ranks.iter().for_each(|index| self.elements.all[*index].used = true);
        let ranked = !ranks.is_empty();
        let sorted = self.elements.cues(|cue| cue == Cue::Sorted);
        sorted.iter().for_each(|index| self.elements.all[*index].used = true);
        let measured = sorted.iter().any(|index| self.is_measured_behind(*index) || self.by_behind(*index));
        (ranked, measured)
    }

    /// `order the categories by revenue`.
    fn by_behind(&self, index: usize) -> bool {
        (index..self.elements.all.len()).any(|at| self.elements.is_cue(at, |cue| cue == Cue::By) && self.is_measured_behind(at))
    }

    /// `which state has the most sellers`: one is asked for, where neither the noun nor the verb is of several.
    fn asks_one(&self, intent: &Intent) -> bool {
        let groups: Vec<usize> = match intent.by_time {
            Some(_) => (0..self.elements.all.len())
                .filter(|index| matches!(self.elements.all[*index].kind, Kind::Time(What::Level { .. })))
                .collect(),
            None => self.roles.dimensions.iter().map(|(index, _)| *index).collect(),
        };
        let [group] = groups.as_slice() else { return false };
        if intent.dimensions.len() + usize::from(intent.by_time.is_some()) != 1 {
            return false;
        }
        // `the most common payment method`.
        let common = |at: &usize| COMMON.contains(&self.elements.written(*at).to_lowercase().as_str());
        let led =
            self.elements.before(*group).map(|before| self.elements.before(before).filter(|_| common(&before)).unwrap_or(before));
        let led = led.is_some_and(|before| {
            let which = self.elements.is_cue(before, |cue| matches!(cue, Cue::Which | Cue::What))
                && ["which", "what"].contains(&self.elements.written(before).to_lowercase().as_str());
            let end = self.elements.meanings(before).iter().any(|meaning| matches!(meaning, Meaning::End(..)));
            which || end || self.elements.is_cue(before, is_extreme)
        });
        let element = &self.elements.all[*group];
        let plural = self.elements.tokens[element.first..=element.last]
            .iter()
            .any(|token| token.word != token.stem && token.word.ends_with('s') && token.day.is_none());
        led && !plural
    }

    /// `late most often` is the lowest share on time: of two shares that make up a whole the one that the layer ranks by.
    fn turned(&self, intent: &mut Intent) {
        let Some(name) = intent.measures.first().cloned() else { return };
        let Some(measure) = self.layer.measures.get(&name) else { return };
        let Some(other) = measure.complement.clone().filter(|_| intent.measures.len() == 1) else { return };
        let said = self.roles.measures.iter().filter(|(_, found)| *found == name).map(|(index, _)| *index);
        let happens = said.clone().all(|index| self.is_share_phrase(measure, index)) && said.count() > 0;
        let higher = measure.better == Some(End::Low);
        if let (true, true, Some(ranking)) = (happens, higher, &mut intent.ranking) {
            ranking.first = if ranking.first == End::High { End::Low } else { End::High };
            intent.measures = vec![other];
        }
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
}
