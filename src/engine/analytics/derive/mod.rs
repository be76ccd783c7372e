//! An answer from a result that is there already: a finer one rolled up, a wider one filtered, a longer one cut.
//!
//! Only where the result is what the warehouse would have given, cell by cell; everything else is none, and the query runs. What stands in
//! the way of a roll-up: values that do not add up, rows that have no group and are in the whole all the same, rows in several groups,
//! parts that were rounded, parts that a limit cut off. Texts are ordered by their bytes, as most warehouses do; where an order decides
//! which rows are cut, it is not decided here.

mod rows;
mod steps;
#[cfg(test)]
mod tests;

use self::rows::Row;
use super::compile::sql::Dialect;
use super::compile::{Compiled, ROWS_MAX, compile, decimals};
use super::intent::period::Window;
use super::intent::{Filter, Intent, Relation, Threshold};
use super::layer::{Aggregation, Layer, Measure, Unit};
use super::reconcile::{Cell, Frame, key};

/// The result of `want` from the result of `have`; none where that can't be had without the warehouse.
pub fn derive(layer: &Layer, have: &Intent, frame: &Frame, want: &Intent) -> Option<Frame> {
    let (have, want) = (have.clone().canonical(), want.clone().canonical());
    let (had, wanted) = (compile(layer, &have, Dialect::Sqlite).ok()?, compile(layer, &want, Dialect::Sqlite).ok()?);
    let plan = Plan { layer, have: &have, want: &want, had: &had, wanted: &wanted };
    if frame.columns != had.primary.columns || had.primary.definition != wanted.primary.definition {
        return None;
    }
    plan.is_possible(frame)?;
    let rows = plan.kept(frame)?;
    let rows = if plan.rolls_up() { plan.rolled_up(frame, rows)? } else { plan.arranged(frame, rows)? };
    let rows = plan.limited(rows)?;
    let rows = plan.ordered(rows)?;
    Some(Frame { columns: wanted.primary.columns.clone(), rows: rows.into_iter().map(Row::cells).collect() })
}

/// Whether the result of `want` could follow from that of `have` at all, by what both ask alone.
pub fn may_follow(have: &Intent, want: &Intent) -> bool {
    asks_the_same(&have.clone().canonical(), &want.clone().canonical())
}

/// Whether two canonical intents are of the same measures, and the groups of the second are among those of the first.
fn asks_the_same(have: &Intent, want: &Intent) -> bool {
    let same = have.layer == want.layer
        && have.measures == want.measures
        && have.time == want.time
        && have.comparison == want.comparison
        && have.share == want.share;
    same && want.dimensions.iter().all(|name| have.dimensions.contains(name))
}

struct Plan<'a> {
    layer: &'a Layer,
    have: &'a Intent,
    want: &'a Intent,
    had: &'a Compiled,
    wanted: &'a Compiled,
}

impl Plan<'_> {
    fn measure(&self) -> Option<&Measure> {
        self.layer.measures.get(&self.had.primary.definition)
    }

    /// Whether groups of the one are brought together to groups of the other.
    fn rolls_up(&self) -> bool {
        self.have.dimensions != self.want.dimensions || self.have.by_time != self.want.by_time
    }

    /// All that can be said without looking at the rows.
    fn is_possible(&self, frame: &Frame) -> Option<()> {
        let (have, want) = (self.have, self.want);
        // Where rows were cut, what was cut off is not there.
        let whole = frame.rows.len() < ROWS_MAX as usize;
        let changed = self.rolls_up() || have.filters != want.filters || have.window != want.window;
        if !asks_the_same(have, want) || !whole {
            return None;
        }
        let ranked = have.ranking.is_none() || self.is_shorter();
        let limits = have.thresholds.iter().all(|limit| want.thresholds.contains(limit));
        if !ranked || !limits || (have.ranking.is_some() && changed) {
            return None;
        }
        // A share is of what its filters leave out, and an inner step looks at all rows of a key.
        if changed && (have.share.is_some() || self.has_inner_step()) {
            return None;
        }
        if self.rolls_up() {
            self.may_roll_up()?;
        }
        Some(())
    }

    /// Whether both rank alike, and what is wanted is no longer and held to the same limits.
    fn is_shorter(&self) -> bool {
        let (Some(had), Some(wanted)) = (&self.have.ranking, &self.want.ranking) else { return false };
        let alike = had.first == wanted.first && had.by_change == wanted.by_change;
        alike && wanted.limit <= had.limit && self.have.thresholds == self.want.thresholds
    }

    fn has_inner_step(&self) -> bool {
        let names = self.have.measures.iter().skip(1).chain([&self.had.primary.definition]);
        names.into_iter().any(|name| self.layer.measures.get(name).is_none_or(|measure| measure.per.is_some()))
    }

    fn may_roll_up(&self) -> Option<()> {
        let measure = self.measure()?;
        let (have, want) = (self.have, self.want);
        let single = have.measures.len() == 1 && have.comparison.is_none() && have.thresholds.is_empty();
        let exact = match measure.aggregation {
            Aggregation::Count => decimals(measure).is_none() || measure.places == Some(0),
            Aggregation::Sum => measure.places.is_some_and(|places| decimals(measure).is_none_or(|kept| places <= kept)),
            _ => false,
        };
        if !single || !exact || self.had.primary.overlapping {
            return None;
        }
        for name in have.dimensions.iter().filter(|name| !want.dimensions.contains(name)) {
            self.may_drop(name, measure)?;
        }
        match (have.by_time, want.by_time) {
            (had, wanted) if had == wanted => Some(()),
            (Some(had), Some(wanted)) => steps::nests(had, wanted).then_some(()),
            // Rows without a moment are in no step, and in no window either.
            (Some(_), None) => {
                let bounded = want.window.is_some_and(|window| window.from.is_some() || window.until.is_some());
                bounded.then_some(())
            }
            (None, _) => None,
        }
    }

    /// A dimension can be left out where its groups make up the whole, or where a filter holds it to some of its values.
    fn may_drop(&self, name: &str, measure: &Measure) -> Option<()> {
        let dimension = self.layer.dimensions.get(name)?;
        self.layer.way(&measure.table, &dimension.table)?;
        if dimension.complete && dimension.filter.is_none() {
            return Some(());
        }
        let held = self.want.filters.iter().any(|filter| match filter {
            Filter::Values { dimension, values, negated } => {
                dimension == name && !negated && values.iter().all(|value| !value.is_empty())
            }
            Filter::Term { .. } => false,
        });
        (held && dimension.steps.is_empty() && dimension.filter.is_none()).then_some(())
    }

    /// The rows that pass the filters and lie in the window of what is wanted.
    fn kept<'f>(&self, frame: &'f Frame) -> Option<Vec<&'f Vec<Cell>>> {
        let (have, want) = (self.have, self.want);
        let own = |filter: &Filter| matches!(filter, Filter::Values { dimension, .. } if have.dimensions.contains(dimension));
        let rest = |intent: &Intent| intent.filters.iter().filter(|filter| !own(filter)).cloned().collect::<Vec<Filter>>();
        if rest(have) != rest(want) {
            return None;
        }
        let implied = |filter: &Filter| {
            want.filters.iter().any(|other| match (filter, other) {
                (
                    Filter::Values { dimension, values, negated: false },
                    Filter::Values { dimension: same, values: fewer, negated: false },
                ) => dimension == same && fewer.iter().all(|value| values.contains(value)),
                _ => filter == other,
            })
        };
        if !have.filters.iter().filter(|filter| own(filter)).all(implied) {
            return None;
        }
        let mut rows: Vec<&Vec<Cell>> = frame.rows.iter().collect();
        for filter in want.filters.iter().filter(|filter| own(filter) && !have.filters.contains(filter)) {
            let Filter::Values { dimension, values, negated } = filter else { return None };
            let place = frame.columns.iter().position(|column| column.name == *dimension)?;
            // A value that is not there may only be written otherwise in the warehouse.
            let there = |value: &String| rows.iter().any(|row| row.get(place).is_some_and(|cell| key(cell) == *value));
            if !values.iter().all(there) {
                return None;
            }
            rows.retain(|row| row.get(place).is_some_and(|cell| values.contains(&key(cell)) != *negated));
        }
        if have.window != want.window {
            rows = self.within(frame, rows)?;
        }
        Some(rows)
    }

    /// The rows whose steps lie in a narrower window; none where a step lies across its edge.
    fn within<'f>(&self, frame: &Frame, rows: Vec<&'f Vec<Cell>>) -> Option<Vec<&'f Vec<Cell>>> {
        let (level, window) = (self.have.by_time?, self.want.window?);
        let wide = self.have.window.unwrap_or(Window { from: None, until: None });
        if !contains(&wide, &window) || !steps::is_aligned(level, &window) {
            return None;
        }
        let place = frame.columns.iter().position(|column| column.name == super::compile::level_name(level))?;
        let mut kept = Vec::new();
        for row in rows {
            let first = steps::first_day(level, row.get(place)?)?;
            let inside = window.from.is_none_or(|from| first >= from) && window.until.is_none_or(|until| first < until);
            if inside {
                kept.push(row);
            }
        }
        Some(kept)
    }

    /// Groups that reach the limits that are wanted beside those that were there.
    fn limited(&self, mut rows: Vec<Row>) -> Option<Vec<Row>> {
        let (first, measures) = (self.measure()?, &self.want.measures);
        let fresh = |limit: &&Threshold| !self.have.thresholds.contains(limit);
        for limit in self.want.thresholds.iter().filter(fresh) {
            let whole = |name: &String| self.layer.measures.get(name).is_some_and(|measure| measure.unit == Unit::Count);
            let place = match measures.iter().position(|name| *name == limit.measure) {
                // A value that was rounded may lie on the other side of the bound.
                Some(place) if whole(&limit.measure) => rows::Place::Value(place),
                None if first.population.contains(&limit.measure) && first.aggregation.has_support() => rows::Place::Support,
                _ => return None,
            };
            if self.want.comparison.is_some() || self.want.share.is_some() {
                return None;
            }
            rows = rows::passing(rows, place, |number| holds(number, limit))?;
        }
        let ranked = self.want.ranking.is_some() && self.have.ranking.is_none();
        match first.ranking_support.filter(|_| ranked && self.want.thresholds.is_empty() && self.want.share.is_none()) {
            Some(_) if self.want.comparison.is_some() || !first.aggregation.has_support() => None,
            Some(least) => rows::passing(rows, rows::Place::Support, |number| number >= f64::from(least)),
            None => Some(rows),
        }
    }
}

fn holds(number: f64, limit: &Threshold) -> bool {
    match limit.relation {
        Relation::AtLeast => number >= limit.bound,
        Relation::MoreThan => number > limit.bound,
        Relation::AtMost => number <= limit.bound,
        Relation::LessThan => number < limit.bound,
        Relation::Exactly => number == limit.bound,
    }
}

fn contains(wide: &Window, narrow: &Window) -> bool {
    let from = wide.from.is_none_or(|from| narrow.from.is_some_and(|other| other >= from));
    let until = wide.until.is_none_or(|until| narrow.until.is_some_and(|other| other <= until));
    from && until
}
