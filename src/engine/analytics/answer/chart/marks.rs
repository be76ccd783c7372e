//! What a chart is drawn from: labels, numbers and axes.

use super::super::super::compile::ColumnRole;
use super::super::super::layer::Unit;
use super::super::Given;
use super::super::phrases::{key_forms, title};
use super::super::table::heading;
use super::{BARS_MAX, LINES_MAX};
use crate::domain::sql_value::Cell;
use crate::engine::analytics::reconcile::Frame;
use serde_json::{Value, json};

/// Characters of a label.
const LABEL_MAX: usize = 40;

/// Characters of a label that stands below a bar.
const SHORT_MAX: usize = 12;

/// The rows as a chart looks at them.
pub(super) struct Marks<'a> {
    given: &'a Given<'a>,
    frame: &'a Frame,
    /// What tells rows apart.
    pub keys: Vec<usize>,
    /// What was asked for.
    pub values: Vec<usize>,
}

/// An axis.
pub(super) struct Axis {
    pub title: String,
    pub kind: Option<&'static str>,
    pub tick: Option<&'static str>,
}

impl Axis {
    pub(super) fn layout(&self) -> Value {
        let mut layout = json!({"title": {"text": plain(&self.title)}, "automargin": true});
        if let Some(kind) = self.kind {
            layout["type"] = json!(kind);
        }
        if let Some(tick) = self.tick {
            layout["tickformat"] = json!(tick);
        }
        layout
    }
}

impl<'a> Marks<'a> {
    pub(super) fn new(given: &'a Given<'a>) -> Self {
        let frame = given.primary;
        Self { given, frame, keys: frame.places(ColumnRole::Key), values: frame.places(ColumnRole::Value) }
    }

    pub(super) fn rows(&self) -> usize {
        self.frame.rows.len()
    }

    /// Whether there is no number to be drawn.
    pub(super) fn is_empty(&self) -> bool {
        !self.values.iter().any(|column| self.frame.numbers(*column).any(|number| number.is_some()))
    }

    pub(super) fn is_negative(&self) -> bool {
        self.values.iter().any(|column| self.frame.numbers(*column).flatten().any(|number| number < 0.0))
    }

    pub(super) fn number(&self, row: usize, column: usize) -> Option<f64> {
        self.frame.rows.get(row)?.get(column)?.number()
    }

    pub(super) fn unit(&self, column: usize) -> Option<Unit> {
        self.frame.columns[column].unit
    }

    pub(super) fn title(&self, column: usize) -> String {
        heading(self.given, self.frame, column)
    }

    /// A key as a reader names it.
    pub(super) fn label(&self, row: usize, key: usize) -> String {
        let column = &self.frame.columns[key];
        let form = key_forms(column, self.frame.rows[row].get(key)).into_iter().next().unwrap_or_else(|| "unnamed".to_owned());
        // The axis says already what the number is of.
        let form = form.strip_prefix(&format!("{} ", title(&column.name))).map_or(form.clone(), str::to_owned);
        let form = form.strip_prefix("hour ").unwrap_or(&form);
        let short: String = form.chars().take(LABEL_MAX).collect();
        plain(&if short.len() < form.len() { format!("{short}…") } else { short })
    }

    /// A key as the rows have it, which an axis of dates can read.
    pub(super) fn raw(&self, row: usize, key: usize) -> String {
        match self.frame.rows[row].get(key) {
            Some(Cell::Text(text)) if self.is_date(key) => plain(text),
            _ => self.label(row, key),
        }
    }

    fn is_date(&self, key: usize) -> bool {
        matches!(self.frame.columns[key].name.as_str(), "day" | "week" | "month")
    }

    /// The key that is a step of time, else the first.
    pub(super) fn time_key(&self) -> usize {
        let intent = &self.given.asked.intent;
        let dimension = |key: &&usize| intent.dimensions.contains(&self.frame.columns[**key].name);
        self.keys.iter().find(|key| !dimension(key)).or(self.keys.first()).copied().unwrap_or_default()
    }

    /// The groups of a key in the order in which they come, each once.
    pub(super) fn groups(&self, key: usize) -> Vec<String> {
        let mut seen = std::collections::BTreeSet::new();
        (0..self.rows()).map(|row| self.label(row, key)).filter(|label| seen.insert(label.clone())).collect()
    }

    /// The key with the most groups, and the other where there is one.
    pub(super) fn long_and_short(&self) -> (usize, Option<usize>) {
        match self.keys[..] {
            [first, second, ..] if self.groups(first).len() < self.groups(second).len() => (second, Some(first)),
            [first, second, ..] => (first, Some(second)),
            _ => (self.keys[0], None),
        }
    }

    /// Whether few enough groups of two keys stand side by side for bars.
    pub(super) fn are_few(&self) -> bool {
        let counts: Vec<usize> = self.keys.iter().map(|key| self.groups(*key).len()).collect();
        counts.iter().min().is_some_and(|least| *least <= LINES_MAX) && counts.iter().product::<usize>() <= BARS_MAX * 2
    }

    /// Whether the groups of a key have an order of their own.
    pub(super) fn is_ordered(&self, key: usize) -> bool {
        let name = &self.frame.columns[key].name;
        let dimension = self.given.layer().dimensions.get(name);
        dimension.is_none_or(|dimension| dimension.numeric || !dimension.steps.is_empty())
    }

    pub(super) fn key_axis(&self, key: usize) -> Axis {
        let drawn_as_date = self.is_date(key) && self.keys.len() <= 2 && self.time_key() == key;
        let kind = if drawn_as_date && self.given.asked.intent.ranking.is_none() { None } else { Some("category") };
        Axis { title: self.title(key), kind, tick: None }
    }

    pub(super) fn value_axis(&self, column: usize) -> Axis {
        Axis { title: self.with_unit(&self.title(column), column), kind: None, tick: Some(self.tick(column)) }
    }

    /// A title with its unit: `revenue (BRL)`.
    pub(super) fn with_unit(&self, title: &str, column: usize) -> String {
        let unit = match self.unit(column) {
            Some(Unit::Money) => self.given.layer().currency.clone(),
            Some(Unit::Days) => Some("days".to_owned()),
            Some(Unit::Points) => Some("points".to_owned()),
            _ => None,
        };
        unit.map_or_else(|| title.to_owned(), |unit| format!("{title} ({unit})"))
    }

    /// How one number of a column is written, in d3's format.
    pub(super) fn exact(&self, column: usize) -> &'static str {
        if self.unit(column) == Some(Unit::Money) { ",.2f" } else { self.tick(column) }
    }

    /// How the numbers of a column are written along an axis, in d3's format.
    pub(super) fn tick(&self, column: usize) -> &'static str {
        match self.unit(column) {
            Some(Unit::Share) => ".1%",
            Some(Unit::Count) => ",d",
            _ => ",.2~f",
        }
    }
}

/// Plotly reads a few tags in its texts: a text of the data is never one.
pub(super) fn plain(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// Whether labels want to lie beside their bars rather than below them.
pub(super) fn are_long(labels: &[String]) -> bool {
    labels.iter().any(|label| label.chars().count() > SHORT_MAX)
}
