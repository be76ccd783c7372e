//! Values along time, and along the steps of something else.

use super::super::super::compile::level_name;
use super::super::super::layer::Unit;
use super::super::figures::{distance, percent};
use super::super::phrases::{at_step, capital, listed, subject, title, verb};
use super::groups::{NAMED_MAX, Ranked};
use super::{Scene, Weight};

/// A first or last step with less than this part of its neighbour may have been cut off by the window or the data.
const PARTIAL: f64 = 0.2;

/// A change of more than this many times says less than the two values do.
const CHANGE_MAX: f64 = 10.0;

impl Scene<'_> {
    /// One measure over time.
    pub(super) fn series(&mut self) {
        let column = self.first();
        let rows = self.present(column);
        let [(first, from), .., (last, to)] = rows.as_slice() else {
            let counts = self.unit(column) == Some(Unit::Count);
            let ranked = Ranked { column, what: self.measured(), counts, detail: |scene, row| scene.support(row) };
            return self.ranked(&ranked);
        };
        let name = subject(self.layer(), &self.frame.columns[column].name);
        let by = |(_, a): &&(usize, f64), (_, b): &&(usize, f64)| a.total_cmp(b);
        let (Some(peak), Some(trough)) = (rows.iter().rev().max_by(by), rows.iter().min_by(by)) else { return };
        let verb = verb(&name);
        let scope = self.scope.words.clone();
        if peak.1 == trough.1 {
            let value = self.shown(peak.1, column);
            self.say(Weight::Answer, format!("{}{scope} {verb} {value} throughout [Q1].", capital(&name)));
            return;
        }
        let ends = self.ends(column, &rows, (peak.1, trough.1));
        self.say(Weight::Answer, format!("{}{scope} {verb} {ends}.", capital(&name)));
        let (from_shown, to_shown) = (self.shown(*from, column), self.shown(*to, column));
        let by_how_much = self.moved((*from, *to), column, false);
        let (first, last) = (self.short(*first), self.short(*last));
        let lead = format!("From {first} to {last} it went from {from_shown} to {to_shown} [Q1]");
        self.say(Weight::Answer, format!("{lead}{by_how_much}."));
        for column in self.values().into_iter().skip(1) {
            self.extremes(column);
        }
        self.partial(&rows);
        if self.adds_up() {
            self.sum(column);
        }
    }

    /// The first and the last step, where so little stands in them that they may not be whole.
    fn partial(&mut self, rows: &[(usize, f64)]) {
        let [(first, start), (_, second), .., (_, before), (last, end)] = rows else { return };
        let additive = self.measure().is_some_and(|measure| measure.aggregation.is_additive());
        let mut ends = Vec::new();
        ends.extend((*start < second * PARTIAL).then(|| self.short(*first)));
        ends.extend((*end < before * PARTIAL).then(|| self.short(*last)));
        if additive && !ends.is_empty() {
            self.say(Weight::Doubt, format!("{} may not be whole.", capital(&listed(&ends, "and"))));
        }
    }

    fn extremes(&mut self, column: usize) {
        let rows = self.present(column);
        let by = |(_, a): &&(usize, f64), (_, b): &&(usize, f64)| a.total_cmp(b);
        let (Some(peak), Some(trough)) = (rows.iter().rev().max_by(by), rows.iter().min_by(by)) else { return };
        let name = subject(self.layer(), &self.frame.columns[column].name);
        let ends = self.ends(column, &rows, (peak.1, trough.1));
        let verb = verb(&name);
        self.say(Weight::Detail, format!("{} {verb} {ends}.", capital(&name)));
    }

    /// Where a series was highest and lowest: `highest in May 2018, 7, and lowest in 3 of the 12 months, 1 [Q1 rows]`.
    fn ends(&self, column: usize, rows: &[(usize, f64)], (high, low): (f64, f64)) -> String {
        let level = self.given.asked.intent.by_time.map(level_name).unwrap_or_default();
        let of = |end: f64| {
            let alike: Vec<String> = rows.iter().filter(|(_, value)| *value == end).map(|(row, _)| self.short(*row)).collect();
            let place = match alike.len() {
                few if few <= NAMED_MAX => listed(&alike, "and"),
                many => format!("{many} of the {} {}", self.frame.rows.len(), self.kinds()),
            };
            format!("{} {place}, {}", at_step(level), self.shown(end, column))
        };
        format!("highest {}, and lowest {} [Q1 rows]", of(high), of(low))
    }

    /// By how much a value moved: `, a rise of 12.3% [Q1 change]`.
    pub(super) fn moved(&self, (from, to): (f64, f64), column: usize, with_distance: bool) -> String {
        if from == to {
            return String::new();
        }
        let direction = if to > from { "rise" } else { "fall" };
        let apart = distance((to - from).abs(), self.unit(column), self.layer().currency.as_deref());
        let meaningful = from > 0.0 && to >= 0.0 && (to - from).abs() / from <= CHANGE_MAX;
        let proportion = (meaningful && self.unit(column) != Some(Unit::Share)).then(|| percent((to - from).abs() / from));
        match (proportion, with_distance) {
            (Some(proportion), false) => format!(", a {direction} of {proportion} [Q1 change]"),
            (Some(proportion), true) => format!(", by {apart} [Q1 difference] or {proportion} [Q1 change]"),
            (None, true) => format!(", by {apart} [Q1 difference]"),
            (None, false) => format!(", a {direction} of {apart} [Q1 difference]"),
        }
    }

    /// A measure along the steps of something else.
    pub(super) fn related(&mut self) {
        let column = self.first();
        let rows = self.present(column);
        let by = self.given.asked.intent.dimensions.first().map(|name| title(name)).unwrap_or_default();
        let name = self.measured();
        let [(first, from), .., (last, to)] = rows.as_slice() else { return self.groups() };
        let steps: Vec<f64> = rows.windows(2).map(|pair| pair[1].1 - pair[0].1).collect();
        let way = match () {
            () if steps.iter().all(|step| *step < 0.0) => ", falling at every step",
            () if steps.iter().all(|step| *step > 0.0) => ", rising at every step",
            () if from == to => "",
            () => ", though not at every step in the same direction",
        };
        let (from_shown, to_shown) = (self.shown(*from, column), self.shown(*to, column));
        let ends = format!("{from_shown} at {} to {to_shown} at {}", self.short(*first), self.short(*last));
        let scope = self.scope.words.clone();
        self.say(Weight::Answer, format!("Along {by}, the {name}{scope} goes from {ends} [Q1]{way}."));
        let most = self.frame.places(super::ColumnRole::Support).first().copied();
        let heaviest = most.and_then(|support| {
            let rows = self.present(support);
            rows.into_iter().max_by(|(_, a), (_, b)| a.total_cmp(b)).map(|(row, count)| (support, row, count))
        });
        if let Some((support, row, count)) = heaviest {
            let whole: f64 = self.present(support).iter().map(|(_, count)| count).sum();
            let (shown, what) = (self.shown(count, support), title(&self.frame.columns[support].name));
            let what = if what == "support" { "rows".to_owned() } else { what };
            let (part, short) = (percent(count / whole), self.short(row));
            self.say(Weight::Detail, format!("The largest step is {short}, with {shown} {what} [Q1], {part} of all [Q1 share]."));
        }
        self.say(Weight::Doubt, "That they go together does not say that one brings about the other.");
    }
}
