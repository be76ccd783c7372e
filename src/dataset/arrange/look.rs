//! What rows show that whoever estimates from them should know: gaps in a regular step, and numbers far from the others.

use crate::domain::dataset::{DatasetReport, DatasetSettings, Gaps, Outliers};
use crate::domain::frame::{Column, Frame};
use crate::domain::time::Timestamp;
use crate::limits::{DATASET_OUTLIER_COLUMNS_MAX, DATASET_SHOWN_MAX};
use std::collections::HashMap;

/// Robust z past which a number counts as far from the others: Iglewicz and Hoaglin, "How to Detect and Handle Outliers" (1993).
const FAR_Z: f64 = 3.5;

/// The median of the absolute deviations of normal numbers from their median, in standard deviations; from the same source.
const MAD_OF_NORMAL: f64 = 0.6745;

/// Numbers below which none is called far from the others, and steps below which none is called regular.
const FEW: usize = 10;

/// The share of steps that are the same, where a series counts as regular.
const REGULAR: f64 = 0.8;

const MICROS: f64 = 1e6;

/// Looks at rows that are in their order, apart for each value of the key that is no time.
pub(super) fn at(frame: &Frame, settings: &DatasetSettings, report: &mut DatasetReport) {
    let groups = groups(frame, settings);
    report.gaps = settings.time_column.as_deref().and_then(|name| match frame.column(name) {
        Ok(Column::Time(times)) => gaps(times, &groups, settings.step_sec),
        _ => None,
    });
    report.outliers = outliers(frame, &groups);
}

/// The rows that belong together: of one market, of one user.
fn groups(frame: &Frame, settings: &DatasetSettings) -> Vec<Vec<usize>> {
    let named = settings.key.iter().filter(|name| Some(*name) != settings.time_column.as_ref());
    let columns: Vec<&Column> = named.filter_map(|name| frame.column(name).ok()).collect();
    if columns.is_empty() {
        return vec![(0..frame.rows()).collect()];
    }
    let mut places: HashMap<Vec<u8>, usize> = HashMap::new();
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for row in 0..frame.rows() {
        let mut key = Vec::new();
        columns.iter().for_each(|column| super::super::parts::put_value(&mut key, column, row));
        let place = *places.entry(key).or_insert_with(|| {
            groups.push(Vec::new());
            groups.len() - 1
        });
        if let Some(group) = groups.get_mut(place) {
            group.push(row);
        }
    }
    groups
}

fn gaps(times: &[Option<Timestamp>], groups: &[Vec<usize>], told: Option<u64>) -> Option<Gaps> {
    let mut steps: Vec<(i64, [Timestamp; 2])> = Vec::new();
    for group in groups {
        let mut own: Vec<Timestamp> = group.iter().filter_map(|&row| times[row]).collect();
        own.sort_unstable();
        own.dedup();
        steps.extend(own.windows(2).filter_map(|pair| match pair {
            [a, b] => Some((b.as_micros() - a.as_micros(), [*a, *b])),
            _ => None,
        }));
    }
    let step = match told {
        Some(seconds) => i64::try_from(seconds).ok()?.checked_mul(1_000_000).filter(|step| *step > 0)?,
        None => regular_step(&steps)?,
    };
    let wide = |(taken, _): &&(i64, _)| *taken as f64 > 1.5 * step as f64;
    let mut found: Vec<_> = steps.iter().filter(wide).collect();
    if found.is_empty() {
        return None;
    }
    found.sort_by_key(|(_, ends)| *ends);
    let missing = |taken: i64| ((taken as f64 / step as f64).round() as u64).saturating_sub(1);
    Some(Gaps {
        step_sec: step as f64 / MICROS,
        count: found.len() as u64,
        missing: found.iter().map(|(taken, _)| missing(*taken)).sum(),
        shown: found.iter().take(DATASET_SHOWN_MAX).map(|(_, ends)| *ends).collect(),
    })
}

/// The step that most rows keep.
fn regular_step(steps: &[(i64, [Timestamp; 2])]) -> Option<i64> {
    if steps.len() < FEW {
        return None;
    }
    let mut counts: HashMap<i64, usize> = HashMap::new();
    steps.iter().for_each(|(taken, _)| *counts.entry(*taken).or_default() += 1);
    let (step, count) = counts.into_iter().max_by_key(|(taken, count)| (*count, -taken))?;
    (count as f64 >= REGULAR * steps.len() as f64).then_some(step)
}

fn outliers(frame: &Frame, groups: &[Vec<usize>]) -> Vec<Outliers> {
    let mut found = Vec::new();
    for (name, column) in frame.columns() {
        let Column::Number(values) = column else { continue };
        let mut far: Vec<(u64, f64)> = groups.iter().flat_map(|group| far_off(values, group)).collect();
        if far.is_empty() {
            continue;
        }
        let count = far.len() as u64;
        far.sort_by(|(_, a), (_, b)| b.abs().total_cmp(&a.abs()));
        far.truncate(DATASET_SHOWN_MAX);
        found.push(Outliers { column: name.to_string(), count, shown: far });
    }
    found.sort_by_key(|outliers| std::cmp::Reverse(outliers.count));
    found.truncate(DATASET_OUTLIER_COLUMNS_MAX);
    found
}

/// The rows of a group, from 1, whose number is far from those of the others, with their robust z: 0.6745 times the distance from the
/// median over the median of all distances.
fn far_off(values: &[f64], group: &[usize]) -> Vec<(u64, f64)> {
    let mut there: Vec<f64> = group.iter().map(|&row| values[row]).filter(|value| !value.is_nan()).collect();
    if there.len() < FEW {
        return Vec::new();
    }
    let Some(middle) = median(&mut there) else { return Vec::new() };
    there.iter_mut().for_each(|value| *value = (*value - middle).abs());
    // Where half of all numbers are the same, nothing says how far the others are.
    let Some(spread) = median(&mut there).filter(|spread| *spread > 0.0) else { return Vec::new() };
    let z = |row: usize| MAD_OF_NORMAL * (values[row] - middle) / spread;
    let rows = group.iter().map(|&row| (row as u64 + 1, z(row)));
    rows.filter(|(_, z)| z.is_finite() && z.abs() > FAR_Z).collect()
}

fn median(values: &mut [f64]) -> Option<f64> {
    let half = values.len() / 2;
    if values.is_empty() {
        return None;
    }
    let even = values.len().is_multiple_of(2);
    let (below, middle, _) = values.select_nth_unstable_by(half, f64::total_cmp);
    let upper = *middle;
    if !even {
        return Some(upper);
    }
    let lower = below.iter().copied().max_by(f64::total_cmp)?;
    // Halved first: the sum of two large numbers may not be finite.
    Some(lower / 2.0 + upper / 2.0)
}
