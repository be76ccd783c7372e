//! The question before with what a fragment says; nothing where it is not sure what is meant.

use super::super::compile::sql::Dialect;
use super::super::compile::{compile, level_name};
use super::super::intent::{Filter, Intent, Ranking, Relation as Bound, View};
use super::super::layer::{End, Layer};
use super::super::words::{Extreme, Fragment};
use super::{Changed, Relation};

/// Groupings of one question at most, as for a question that is asked whole.
const DIMENSIONS_MAX: usize = 3;

/// The year that the window of a question is within.
pub(super) fn year(intent: &Intent) -> Option<i16> {
    let window = intent.window?;
    let (from, last) = (window.from?, window.until?.yesterday().ok()?);
    (from.year() == last.year()).then_some(from.year())
}

/// The question before, changed; none where the fragment could mean something else too.
pub(super) fn changed(layer: &Layer, previous: &Intent, fragment: &Fragment, relation: Relation) -> Option<Changed> {
    if relation.adds && relation.replaces {
        return None;
    }
    let mut merge = Merge { layer, intent: previous.clone(), relation, changes: Vec::new() };
    merge.fits(fragment)?;
    merge.filters(fragment)?;
    merge.window(fragment)?;
    merge.groups(fragment)?;
    merge.thresholds(fragment)?;
    merge.ranking(fragment)?;
    let Merge { intent, changes, .. } = merge;
    let intent = intent.canonical();
    // What can't be said in SQL was not meant.
    compile(layer, &intent, Dialect::Clickhouse).ok()?;
    Some(Changed { intent, changes })
}

struct Merge<'a> {
    layer: &'a Layer,
    intent: Intent,
    relation: Relation,
    changes: Vec<String>,
}

fn words(name: &str) -> String {
    name.replace('_', " ")
}

impl Merge<'_> {
    /// Whether the question before can take such a change at all.
    fn fits(&self, fragment: &Fragment) -> Option<()> {
        let groups = !fragment.dimensions.is_empty() || fragment.by_time.is_some() || fragment.limit.is_some();
        // Of a comparison one does not know which of its two windows is meant, of a share whether the part or the whole.
        let compared = self.intent.comparison.is_some() && (fragment.window.is_some() || fragment.by_time.is_some());
        let shared = self.intent.share.is_some() && (!fragment.filters.is_empty() || groups);
        let spread = self.intent.view != View::Table && groups;
        (!(compared || shared || spread)).then_some(())
    }

    fn filters(&mut self, fragment: &Fragment) -> Option<()> {
        // Values of one dimension are brought together first, so that none takes the place of another.
        let said = Intent { filters: fragment.filters.clone(), ..Intent::of("", Vec::new()) }.canonical().filters;
        let both = |dimension: &String| {
            let of_it = |filter: &&Filter| matches!(filter, Filter::Values { dimension: other, .. } if other == dimension);
            said.iter().filter(of_it).count() > 1
        };
        for filter in &said {
            match filter {
                // `Aldham, not Borley`.
                Filter::Values { dimension, .. } if both(dimension) => return None,
                Filter::Values { dimension, values, negated } => self.values((dimension, values, *negated))?,
                Filter::Term { term, negated } => {
                    self.intent.filters.retain(|known| !matches!(known, Filter::Term { term: other, .. } if other == term));
                    let not = if *negated { "not " } else { "" };
                    self.changes.push(format!("only where it is {not}{}", words(term)));
                    self.intent.filters.push(filter.clone());
                }
            }
        }
        Some(())
    }

    fn values(&mut self, (dimension, values, negated): (&String, &[String], bool)) -> Option<()> {
        let of_it = |filter: &Filter| matches!(filter, Filter::Values { dimension: other, .. } if other == dimension);
        let known: Vec<Filter> = self.intent.filters.iter().filter(|filter| of_it(filter)).cloned().collect();
        let known_negated = known.iter().any(|filter| matches!(filter, Filter::Values { negated: true, .. }));
        match (known.is_empty(), known_negated, negated) {
            // `and for RJ` behind `for SP` may add to it or ask the same of another.
            (false, false, false) if self.relation.adds => return None,
            // Who excludes one after the other may mean both or the second.
            (false, true, true) if !self.relation.adds => return None,
            (false, true, true) | (true, ..) => {}
            // Without one of those that were asked for.
            (false, false, true) => {}
            (false, _, false) => self.intent.filters.retain(|filter| !of_it(filter)),
        }
        let only = if negated { "without" } else { "only" };
        self.changes.push(format!("{only} {} {}", words(dimension), values.join(" or ")));
        self.intent.filters.push(Filter::Values { dimension: dimension.clone(), values: values.to_vec(), negated });
        Some(())
    }

    fn window(&mut self, fragment: &Fragment) -> Option<()> {
        let Some(window) = fragment.window else {
            // A moment without a window changes nothing that one could name.
            return fragment.time.is_none().then_some(());
        };
        // `and 2018` may add a year or ask the same of another.
        if self.relation.adds && self.intent.window.is_some() {
            return None;
        }
        self.changes.push(format!("in {}", window.label()));
        self.intent.window = Some(window);
        if let Some(time) = &fragment.time {
            let own = self.intent.measures.first().and_then(|name| self.layer.measures.get(name)?.time.clone());
            self.intent.time = Some(time.clone()).filter(|time| own.as_ref() != Some(time));
        }
        Some(())
    }

    fn groups(&mut self, fragment: &Fragment) -> Option<()> {
        if fragment.limit.is_some() {
            // `top 5 sellers` names the groups that there are; others would be another question.
            let same = fragment.dimensions.iter().all(|name| self.intent.dimensions.contains(name));
            return (same && fragment.by_time.is_none()).then_some(());
        }
        let (dimensions, by_time) = (&fragment.dimensions, fragment.by_time);
        if dimensions.is_empty() && by_time.is_none() {
            return Some(());
        }
        let before = self.intent.dimensions.len() + usize::from(self.intent.by_time.is_some());
        let told = dimensions.iter().map(|name| words(name)).chain(by_time.map(|level| words(level_name(level))));
        let told = told.collect::<Vec<_>>().join(" and ");
        if self.relation.adds || before == 0 {
            // Groups within ranked groups would rank something else, and time has one step.
            let steps = by_time.is_some() && self.intent.by_time.is_some_and(|level| Some(level) != by_time);
            if (self.intent.ranking.is_some() && before > 0) || steps {
                return None;
            }
            self.intent
                .dimensions
                .extend(dimensions.iter().filter(|name| !self.intent.dimensions.contains(name)).cloned().collect::<Vec<_>>());
            self.intent.by_time = by_time.or(self.intent.by_time);
            self.changes.push(format!("by {told}"));
        } else {
            // What stands in place of several groupings may stand beside some of them, and of ranked groups one does not know whether
            // others are to be ranked, unless it is said.
            let ranked = self.intent.ranking.is_some() && (by_time.is_some() || !self.relation.replaces);
            let same = *dimensions == self.intent.dimensions && by_time == self.intent.by_time;
            if same {
                self.changes.push(format!("by {told}"));
                return Some(());
            }
            if before > 1 || ranked {
                return None;
            }
            let old = self
                .intent
                .dimensions
                .iter()
                .map(|name| words(name))
                .chain(self.intent.by_time.map(|level| words(level_name(level))));
            self.changes.push(format!("by {told} in place of {}", old.collect::<Vec<_>>().join(" and ")));
            self.intent.dimensions = dimensions.clone();
            self.intent.by_time = by_time;
        }
        (self.intent.dimensions.len() <= DIMENSIONS_MAX).then_some(())
    }

    fn thresholds(&mut self, fragment: &Fragment) -> Option<()> {
        for threshold in &fragment.thresholds {
            self.intent.thresholds.retain(|known| known.measure != threshold.measure);
            let bound = match threshold.relation {
                Bound::AtLeast => "at least",
                Bound::MoreThan => "more than",
                Bound::AtMost => "at most",
                Bound::LessThan => "less than",
                Bound::Exactly => "exactly",
            };
            self.changes.push(format!("only with {bound} {} {}", threshold.bound, words(&threshold.measure)));
            self.intent.thresholds.push(threshold.clone());
        }
        // A limit is about groups.
        let grouped = !self.intent.dimensions.is_empty() || self.intent.by_time.is_some();
        (fragment.thresholds.is_empty() || grouped).then_some(())
    }

    fn ranking(&mut self, fragment: &Fragment) -> Option<()> {
        let Some(limit) = fragment.limit else { return Some(()) };
        if self.intent.dimensions.is_empty() && self.intent.by_time.is_none() {
            return None;
        }
        let better = self.intent.measures.first().and_then(|name| self.layer.measures.get(name)?.better);
        let other = |end| if end == End::High { End::Low } else { End::High };
        let end = match (fragment.extreme, self.intent.ranking.as_ref().map(|ranking| ranking.first)) {
            (None, Some(first)) => first,
            (None, None) => return None,
            // `top 5` behind the lowest ones may mean the first five of them.
            (Some(Extreme::High), Some(End::Low)) => return None,
            (Some(Extreme::High), _) => End::High,
            (Some(Extreme::Low), _) => End::Low,
            (Some(Extreme::Best), _) => better?,
            (Some(Extreme::Worst), _) => other(better?),
        };
        let by_change = match &self.intent.ranking {
            Some(ranking) => ranking.by_change,
            None => self.intent.comparison.is_some(),
        };
        let side = if end == End::High { "highest" } else { "lowest" };
        self.changes.push(format!("the {limit} {side}"));
        self.intent.ranking = Some(Ranking { first: end, limit, by_change });
        Some(())
    }
}
