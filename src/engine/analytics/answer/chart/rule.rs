//! Which chart suits the rows.

use super::super::super::intent::period::Level;
use super::super::Given;
use super::super::model::ChartHint;
use super::marks::Marks;
use super::{BARS_MAX, LINES_MAX};

/// Parts of a pie that can be told apart.
const SLICES_MAX: usize = 6;

/// How rows are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Drawn {
    Indicator,
    Line,
    Bar,
    Grouped,
    Heatmap,
    Pie,
    Scatter,
    TwoAxes,
    Table,
}

/// What a caller asked for, where the rows can be drawn so.
pub(super) fn hinted(hint: ChartHint, marks: &Marks<'_>) -> Option<Drawn> {
    let (keys, values) = (marks.keys.len(), marks.values.len());
    match hint {
        ChartHint::Table => Some(Drawn::Table),
        ChartHint::Bar if keys == 1 && values == 1 => Some(Drawn::Bar),
        ChartHint::Bar if keys == 1 || (keys == 2 && marks.are_few()) => Some(Drawn::Grouped),
        ChartHint::Line if keys == 1 || keys == 2 => Some(Drawn::Line),
        ChartHint::Pie if keys == 1 && marks.rows() <= BARS_MAX && !marks.is_negative() => Some(Drawn::Pie),
        ChartHint::Scatter if keys == 1 => Some(Drawn::Scatter),
        ChartHint::Heatmap if keys == 2 => Some(Drawn::Heatmap),
        _ => None,
    }
}

/// The chart for the shape of the rows.
pub(super) fn by_rule(given: &Given<'_>, marks: &Marks<'_>) -> Option<Drawn> {
    let intent = &given.asked.intent;
    let (keys, values) = (marks.keys.len(), marks.values.len());
    let along_time = intent.by_time.is_some_and(|level| !matches!(level, Level::HourOfDay | Level::DayOfWeek));
    let ranked = intent.ranking.is_some();
    let same_unit = marks.values.windows(2).all(|pair| marks.unit(pair[0]) == marks.unit(pair[1]));
    match keys {
        0 => Some(Drawn::Indicator),
        _ if intent.comparison.is_some() && keys == 1 => Some(if values == 1 { Drawn::Bar } else { Drawn::Grouped }),
        1 if along_time && !ranked && values == 2 && !same_unit => Some(Drawn::TwoAxes),
        1 if along_time && !ranked => Some(Drawn::Line),
        1 if values == 1 => {
            let parts = intent.share.is_some() && intent.filters.is_empty() && intent.thresholds.is_empty();
            let pie = parts && !ranked && marks.rows() <= SLICES_MAX && !marks.is_negative();
            Some(if pie { Drawn::Pie } else { Drawn::Bar })
        }
        1 if same_unit => Some(Drawn::Grouped),
        1 if marks.rows() > SLICES_MAX * 2 => Some(Drawn::Scatter),
        1 => Some(Drawn::TwoAxes),
        2 if values == 1 => {
            let least = marks.keys.iter().map(|key| marks.groups(*key).len()).min().unwrap_or_default();
            match along_time {
                true if least <= LINES_MAX => Some(Drawn::Line),
                false if marks.are_few() => Some(Drawn::Grouped),
                _ => Some(Drawn::Heatmap),
            }
        }
        _ => None,
    }
}
