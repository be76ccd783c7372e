//! Rows brought together, arranged and cut.

use super::super::compile::{Column, ColumnRole, decimals, level_name};
use super::super::intent::Ranking;
use super::super::layer::{End, Unit};
use super::super::reconcile::{Cell, Frame, key};
use super::{Plan, steps};
use std::cmp::Ordering;
use std::collections::BTreeMap;

/// The largest whole number that a sum of floating numbers holds without loss.
const WHOLE_MAX: f64 = 9_007_199_254_740_992.0;

/// A row of what is wanted: the cells in the order of its columns.
#[derive(Debug, Clone)]
pub(super) struct Row {
    columns: std::sync::Arc<[ColumnRole]>,
    cells: Vec<Cell>,
}

/// A cell that a limit is held against.
#[derive(Debug, Clone, Copy)]
pub(super) enum Place {
    /// The value of this measure.
    Value(usize),
    /// What stands behind the first.
    Support,
}

impl Row {
    pub(super) fn cells(self) -> Vec<Cell> {
        self.cells
    }

    fn of(&self, role: ColumnRole) -> impl Iterator<Item = &Cell> {
        self.columns.iter().zip(&self.cells).filter(move |(found, _)| **found == role).map(|(_, cell)| cell)
    }

    fn number(&self, place: Place) -> Option<f64> {
        match place {
            Place::Value(place) => self.of(ColumnRole::Value).nth(place)?.number(),
            Place::Support => self.of(ColumnRole::Support).next()?.number(),
        }
    }
}

/// The rows whose number passes; none where a row has none to be held against.
pub(super) fn passing(rows: Vec<Row>, place: Place, holds: impl Fn(f64) -> bool) -> Option<Vec<Row>> {
    let mut kept = Vec::new();
    for row in rows {
        if holds(row.number(place)?) {
            kept.push(row);
        }
    }
    Some(kept)
}

impl Plan<'_> {
    fn roles(&self) -> std::sync::Arc<[ColumnRole]> {
        self.wanted.primary.columns.iter().map(|column| column.role).collect()
    }

    /// The same groups, with their cells in the order that is wanted.
    pub(super) fn arranged(&self, frame: &Frame, rows: Vec<&Vec<Cell>>) -> Option<Vec<Row>> {
        let place = |column: &Column| frame.columns.iter().position(|found| found.name == column.name);
        let places: Vec<usize> = self.wanted.primary.columns.iter().map(place).collect::<Option<_>>()?;
        let columns = self.roles();
        let row = |row: &Vec<Cell>| {
            let cells = places.iter().map(|place| row.get(*place).cloned()).collect::<Option<Vec<Cell>>>()?;
            Some(Row { columns: std::sync::Arc::clone(&columns), cells })
        };
        rows.into_iter().map(row).collect()
    }

    /// Groups that fall together, with their values added up.
    pub(super) fn rolled_up(&self, frame: &Frame, rows: Vec<&Vec<Cell>>) -> Option<Vec<Row>> {
        let value = *frame.places(ColumnRole::Value).first()?;
        let mut groups: BTreeMap<Vec<String>, (Vec<Cell>, Vec<Cell>)> = BTreeMap::new();
        for row in rows {
            let keys = self.wanted_keys(frame, row)?;
            let of = keys.iter().map(key).collect();
            groups.entry(of).or_insert_with(|| (keys, Vec::new())).1.push(row.get(value)?.clone());
        }
        // No row at all is one row without groups, and what stands in it is for the warehouse to say.
        if groups.is_empty() && self.want.dimensions.is_empty() && self.want.by_time.is_none() {
            return None;
        }
        let columns = self.roles();
        let row = |(mut cells, parts): (Vec<Cell>, Vec<Cell>)| {
            cells.push(self.sum(&parts)?);
            (cells.len() == columns.len()).then(|| Row { columns: std::sync::Arc::clone(&columns), cells })
        };
        groups.into_values().map(row).collect()
    }

    fn wanted_keys(&self, frame: &Frame, row: &[Cell]) -> Option<Vec<Cell>> {
        let cell = |name: &str| row.get(frame.columns.iter().position(|column| column.name == name)?);
        let mut keys: Vec<Cell> = self.want.dimensions.iter().map(|name| cell(name).cloned()).collect::<Option<_>>()?;
        if let (Some(fine), Some(coarse)) = (self.have.by_time, self.want.by_time) {
            let found = cell(level_name(fine))?;
            keys.push(if fine == coarse { found.clone() } else { steps::coarser(fine, found, coarse)? });
        }
        Some(keys)
    }

    /// The sum of parts, rounded as the measure is; none where a part is missing, for then more may be.
    fn sum(&self, parts: &[Cell]) -> Option<Cell> {
        let whole = |part: &Cell| if let Cell::Integer(number) = part { Some(*number) } else { None };
        if let Some(numbers) = parts.iter().map(whole).collect::<Option<Vec<i64>>>() {
            return numbers.into_iter().try_fold(0_i64, i64::checked_add).map(Cell::Integer);
        }
        let numbers: Vec<f64> = parts.iter().map(Cell::number).collect::<Option<_>>()?;
        let kept = usize::from(decimals(self.measure()?)?);
        let sum: f64 = numbers.iter().sum();
        let size: f64 = numbers.iter().map(|number| number.abs()).sum();
        let scale = 10_f64.powi(i32::try_from(kept).ok()?);
        // Beyond this the noise of adding reaches the places that are kept.
        if size * scale * 64.0 > WHOLE_MAX {
            return None;
        }
        format!("{sum:.kept$}").parse().ok().map(Cell::Number)
    }

    /// In the order that is wanted, and no more than are wanted.
    pub(super) fn ordered(&self, mut rows: Vec<Row>) -> Option<Vec<Row>> {
        let Some(ranking) = &self.want.ranking else {
            // What was not brought together stands in the warehouse's own order.
            if self.rolls_up() {
                rows.sort_by(|a, b| self.by_keys(a, b));
            }
            return Some(rows);
        };
        if self.have.ranking.is_some() {
            rows.truncate(ranking.limit as usize);
            return Some(rows);
        }
        let value = |row: &Row| self.ranked_by(ranking, row);
        rows.sort_by(|a, b| by_value(value(a), value(b), ranking.first).then_with(|| self.by_keys(a, b)));
        let limit = ranking.limit as usize;
        // Values that are alike when rounded may not be, and which of two alike comes first is the warehouse's to say.
        let counts = self.measure().is_some_and(|measure| measure.unit == Unit::Count) && self.want.share.is_none();
        let near = rows.windows(2).take(limit).enumerate();
        let tied = near.filter(|(_, pair)| value(&pair[0]) == value(&pair[1])).any(|(at, _)| !counts || at + 1 == limit);
        if tied {
            return None;
        }
        rows.truncate(limit);
        Some(rows)
    }

    fn ranked_by(&self, ranking: &Ranking, row: &Row) -> Option<f64> {
        match (&self.want.comparison, ranking.by_change) {
            (None, _) => row.of(ColumnRole::Value).next()?.number(),
            (Some(_), true) => row.of(ColumnRole::Aside).next()?.number(),
            (Some(_), false) => row.of(ColumnRole::Value).nth(1)?.number(),
        }
    }

    /// By the keys in their order: numbers by size, steps as the layer has them, texts by their bytes.
    fn by_keys(&self, a: &Row, b: &Row) -> Ordering {
        let keys = self.wanted.primary.columns.iter().filter(|column| column.role == ColumnRole::Key);
        let cells = a.of(ColumnRole::Key).zip(b.of(ColumnRole::Key));
        let order = keys.zip(cells).map(|(column, (a, b))| {
            let steps = self.layer.dimensions.get(&column.name).map(|dimension| dimension.steps.as_slice()).unwrap_or_default();
            let step = |cell: &Cell| steps.iter().position(|step| step.label == key(cell));
            match (a.number(), b.number()) {
                (Some(a), Some(b)) => a.total_cmp(&b),
                _ if !steps.is_empty() => step(a).cmp(&step(b)),
                _ => key(a).cmp(&key(b)),
            }
        });
        order.fold(Ordering::Equal, Ordering::then)
    }
}

/// Rows without a value last, whichever end comes first.
fn by_value(a: Option<f64>, b: Option<f64>, first: End) -> Ordering {
    match (a, b) {
        (Some(a), Some(b)) if first == End::High => b.total_cmp(&a),
        (Some(a), Some(b)) => a.total_cmp(&b),
        (None, None) => Ordering::Equal,
        (None, Some(_)) => Ordering::Greater,
        (Some(_), None) => Ordering::Less,
    }
}
