//! The paragraph of an answer, by rule: what it says follows from the shape of the rows, and each number carries what it rests on.

mod compared;
mod empty;
mod groups;
mod periods;
mod shares;
mod siblings;
mod single;

pub(super) use self::compared::column_title;
use super::super::compile::{Column, ColumnRole, ROWS_MAX};
use super::super::intent::View;
use super::super::intent::period::Level;
use super::super::layer::{Layer, Measure, Unit};
use super::super::reconcile::Frame;
use super::Given;
use super::figures::shown;
use super::phrases::{Scope, at_step, counted, key_forms, scope, title};

/// Sentences of a paragraph.
const SENTENCES_MAX: usize = 5;

/// How much a sentence matters where not all have room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Weight {
    /// It is the answer.
    Answer,
    /// It changes what the answer is worth.
    Doubt,
    /// It is worth knowing.
    Detail,
}

/// What a sentence is written from.
pub(super) struct Scene<'a> {
    pub given: &'a Given<'a>,
    pub frame: &'a Frame,
    pub scope: Scope,
    sentences: Vec<(Weight, String)>,
}

/// The paragraph with its marks.
pub(super) fn marked(given: &Given<'_>) -> String {
    let scope = scope(given.layer(), &given.asked.intent);
    let mut scene = Scene { given, frame: given.primary, scope, sentences: Vec::new() };
    scene.write();
    let mut order: Vec<usize> = (0..scene.sentences.len()).collect();
    order.sort_by_key(|at| scene.sentences[*at].0);
    order.truncate(SENTENCES_MAX);
    order.sort_unstable();
    let text: Vec<&str> = order.iter().map(|at| scene.sentences[*at].1.as_str()).collect();
    text.join(" ")
}

impl<'a> Scene<'a> {
    fn write(&mut self) {
        let intent = &self.given.asked.intent;
        let grouped = !intent.dimensions.is_empty() || intent.by_time.is_some();
        if !self.has_values() {
            self.empty();
            return;
        }
        let cyclic = matches!(intent.by_time, Some(Level::HourOfDay | Level::DayOfWeek));
        match (intent.share.is_some(), intent.comparison.is_some(), grouped) {
            (true, _, false) => self.share_of_whole(),
            (true, _, true) => self.shares(),
            (false, true, false) => self.two_periods(),
            (false, true, true) => self.changes(),
            (false, false, false) => self.single(),
            (false, false, true) if intent.view == View::Relationship && intent.dimensions.len() == 1 => self.related(),
            (false, false, true) if intent.dimensions.is_empty() && !cyclic && intent.ranking.is_none() => self.series(),
            (false, false, true) => self.groups(),
        }
        self.siblings();
        self.missing();
    }

    pub(super) fn say(&mut self, weight: Weight, sentence: impl Into<String>) {
        self.sentences.push((weight, sentence.into()));
    }

    pub(super) fn layer(&self) -> &'a Layer {
        self.given.layer()
    }

    /// The first measure, by the definition that was used.
    pub(super) fn measure(&self) -> Option<&'a Measure> {
        self.layer().measures.get(&self.given.compiled.primary.definition)
    }

    /// What the first measure is called.
    pub(super) fn measured(&self) -> String {
        self.given.asked.intent.measures.first().map(|name| title(name)).unwrap_or_default()
    }

    /// The columns that were asked for.
    pub(super) fn values(&self) -> Vec<usize> {
        self.frame.places(ColumnRole::Value)
    }

    pub(super) fn first(&self) -> usize {
        self.values().first().copied().unwrap_or_default()
    }

    pub(super) fn number(&self, row: usize, column: usize) -> Option<f64> {
        self.frame.rows.get(row)?.get(column)?.number()
    }

    pub(super) fn unit(&self, column: usize) -> Option<Unit> {
        self.frame.columns.get(column)?.unit
    }

    /// A value as it is shown.
    pub(super) fn shown(&self, value: f64, column: usize) -> String {
        shown(value, self.unit(column), self.layer().currency.as_deref())
    }

    fn has_values(&self) -> bool {
        self.values().into_iter().any(|column| self.frame.numbers(column).any(|number| number.is_some()))
    }

    /// The rows that have a value in a column, in their order.
    pub(super) fn present(&self, column: usize) -> Vec<(usize, f64)> {
        self.frame.numbers(column).enumerate().filter_map(|(row, number)| Some((row, number?))).collect()
    }

    /// Whether a ranking may have cut off further groups.
    pub(super) fn is_cut(&self) -> bool {
        let ranking = self.given.asked.intent.ranking.as_ref();
        ranking.is_some_and(|ranking| self.frame.rows.len() >= ranking.limit as usize)
    }

    /// Whether the values of the rows add up to something that means the whole.
    pub(super) fn adds_up(&self) -> bool {
        let intent = &self.given.asked.intent;
        let cut = self.is_cut() || self.frame.rows.len() >= ROWS_MAX as usize;
        let additive = self.measure().is_some_and(|measure| measure.aggregation.is_additive() && measure.per.is_none());
        additive && !cut && !self.given.compiled.primary.overlapping && intent.thresholds.is_empty()
    }

    /// A group by the names of its keys, each with what it is: `customer state SP with payment type voucher in May 2018`.
    pub(super) fn subject(&self, row: usize) -> String {
        self.keyed(row, |column, form| match self.layer().dimensions.get(&column.name) {
            Some(dimension) if !dimension.steps.is_empty() => format!("the step {form} of {}", title(&column.name)),
            // A number has the name of its dimension before it already.
            Some(dimension) if !dimension.numeric => format!("{} {form}", title(&column.name)),
            Some(_) if !form.starts_with(&title(&column.name)) => format!("{} {form}", title(&column.name)),
            _ => form,
        })
    }

    /// A group by the names of its keys alone.
    pub(super) fn short(&self, row: usize) -> String {
        self.keyed(row, |_, form| form)
    }

    fn keyed(&self, row: usize, name: impl Fn(&Column, String) -> String) -> String {
        let mut told = String::new();
        for place in self.frame.places(ColumnRole::Key) {
            let column = &self.frame.columns[place];
            let form = key_forms(column, self.frame.rows[row].get(place)).into_iter().next();
            let form = form.map_or_else(|| format!("an unnamed {}", title(&column.name)), |form| name(column, form));
            let time = !self.layer().dimensions.contains_key(&column.name);
            let join = if time { at_step(&column.name) } else { "with" };
            if !told.is_empty() {
                told.push_str(&format!(" {join} "));
            }
            told.push_str(&form);
        }
        told
    }

    /// How much stands behind the value of a row: `, over 25 reviews`.
    pub(super) fn support(&self, row: usize) -> String {
        let Some(column) = self.frame.places(ColumnRole::Support).first().copied() else { return String::new() };
        let Some(number) = self.number(row, column) else { return String::new() };
        match self.frame.columns[column].name.as_str() {
            "support" => String::new(),
            name => format!(", over {}", counted(&self.shown(number, column), name)),
        }
    }

    /// Groups without a value.
    fn missing(&mut self) {
        let column = self.first();
        let missing = self.frame.rows.len() - self.present(column).len();
        if missing > 0 && self.given.asked.intent.comparison.is_none() {
            let rows = self.frame.rows.len();
            let what = self.measured();
            self.say(Weight::Doubt, format!("{missing} of the {rows} groups have no {what} [Q1 rows]."));
        }
    }
}
