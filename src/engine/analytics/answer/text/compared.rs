//! Two periods held against one another.

use super::super::super::intent::Comparison;
use super::super::super::layer::{End, Unit};
use super::super::figures::{distance, percent};
use super::super::phrases::{capital, in_period, period, subject, title, verb};
use super::{Scene, Weight};
use crate::domain::sql_value::Cell;

impl Scene<'_> {
    /// One row for each period.
    pub(super) fn two_periods(&mut self) {
        let Some(comparison) = self.given.asked.intent.comparison.clone() else { return };
        let row = |label: String| {
            self.frame.rows.iter().position(|row| match row.first() {
                Some(Cell::Text(text)) => *text == label,
                Some(Cell::Integer(number)) => number.to_string() == label,
                _ => false,
            })
        };
        let (before, after) = (row(comparison.before.label()), row(comparison.after.label()));
        let scope = self.scope.words.clone();
        for (at, column) in self.values().into_iter().enumerate() {
            let value = |row: Option<usize>| row.and_then(|row| self.number(row, column));
            let name = subject(self.layer(), &self.frame.columns[column].name);
            let scope = if at == 0 { scope.as_str() } else { "" };
            let weight = if at == 0 { Weight::Answer } else { Weight::Detail };
            let lead = format!("{}{scope}", capital(&name));
            match (value(before), value(after)) {
                (Some(from), Some(to)) => {
                    let moved = self.moved((from, to), column, true);
                    let sentence = self.both_periods(&lead, (from, to), (column, &comparison));
                    self.say(weight, format!("{sentence}{moved}."));
                }
                (None, Some(only)) => self.one_period(&lead, only, (column, &comparison.after, &comparison.before)),
                (Some(only), None) => self.one_period(&lead, only, (column, &comparison.before, &comparison.after)),
                (None, None) => {}
            }
        }
        self.unfinished(&comparison);
    }

    fn both_periods(&self, lead: &str, (from, to): (f64, f64), (column, comparison): (usize, &Comparison)) -> String {
        let (before, after) = (period(&comparison.before), period(&comparison.after));
        let (from_shown, to_shown) = (self.shown(from, column), self.shown(to, column));
        if from == to {
            return format!("{lead} did not change: {from_shown} in {before} and in {after} [Q1]");
        }
        let moved = if to > from { "rose" } else { "fell" };
        format!("{lead} {moved} from {from_shown} in {before} to {to_shown} in {after} [Q1]")
    }

    fn one_period(
        &mut self,
        lead: &str,
        only: f64,
        (column, has, has_not): (
            usize,
            &super::super::super::intent::period::Window,
            &super::super::super::intent::period::Window,
        ),
    ) {
        let (value, verb) = (self.shown(only, column), verb(lead));
        let sentence =
            format!("{lead} {verb} {value}{} [Q1]; there is nothing{} to compare it with.", in_period(has), in_period(has_not));
        self.say(Weight::Answer, sentence);
    }

    /// Both periods of each group.
    pub(super) fn changes(&mut self) {
        let Some(comparison) = self.given.asked.intent.comparison.clone() else { return };
        let [before, after] = self.values()[..] else { return self.groups() };
        let changed: Vec<(usize, f64)> = (0..self.frame.rows.len())
            .filter_map(|row| Some((row, self.number(row, after)? - self.number(row, before)?)))
            .collect();
        let by = |(_, a): &&(usize, f64), (_, b): &&(usize, f64)| a.total_cmp(b);
        let (rise, fall) = (changed.iter().max_by(by).copied(), changed.iter().min_by(by).copied());
        let rose = rise.filter(|(_, change)| *change > 0.0);
        let fell = fall.filter(|(_, change)| *change < 0.0);
        let low = self.given.asked.intent.ranking.as_ref().is_some_and(|ranking| ranking.first == End::Low);
        let mut told = vec![(rose, "most"), (fell, "most")];
        if low {
            told.reverse();
        }
        let mut first = true;
        for ((row, _), most) in told.into_iter().filter_map(|(row, most)| Some((row?, most))) {
            self.one_change((row, most, first), (before, after), &comparison);
            first = false;
        }
        if first {
            let (kinds, what) = (self.kinds(), self.measured());
            let lead = if changed.is_empty() { "No value can be compared" } else { "Nothing changed" };
            self.say(Weight::Answer, format!("{lead} in {what} among the {kinds}."));
        }
        self.unfinished(&comparison);
        self.tally(&changed);
        if self.adds_up() {
            let sum = |column: usize| self.present(column).iter().map(|(_, value)| value).sum::<f64>();
            let (from, to) = (self.shown(sum(before), before), self.shown(sum(after), after));
            let (was, is) = (period(&comparison.before), period(&comparison.after));
            self.say(Weight::Detail, format!("Together they went from {from} in {was} to {to} in {is} [Q1 sum]."));
        }
    }

    fn one_change(&mut self, (row, most, first): (usize, &str, bool), (before, after): (usize, usize), comparison: &Comparison) {
        let (Some(from), Some(to)) = (self.number(row, before), self.number(row, after)) else { return };
        let moved = if to > from { "rose" } else { "fell" };
        let (was, is) = (period(&comparison.before), period(&comparison.after));
        let (from_shown, to_shown) = (self.shown(from, before), self.shown(to, after));
        let apart = distance((to - from).abs(), self.unit(before), self.layer().currency.as_deref());
        let proportion = match from > 0.0 && self.unit(before) != Some(Unit::Share) {
            true => format!(" or {} [Q1 change]", percent((to - from).abs() / from)),
            false => String::new(),
        };
        let what = if first {
            format!("{}{} {moved} {most} for ", capital(&self.measured()), self.scope.words)
        } else {
            format!("It {moved} {most} for ")
        };
        let sentence = format!(
            "{what}{}: from {from_shown} in {was} to {to_shown} in {is} [Q1], by {apart} [Q1 difference]{proportion}.",
            if first { self.subject(row) } else { self.short(row) }
        );
        self.say(Weight::Answer, sentence);
    }

    /// That the later period was still running.
    fn unfinished(&mut self, comparison: &Comparison) {
        if comparison.after.until.is_some_and(|until| until > self.given.as_of) {
            self.say(Weight::Doubt, format!("{} was not over on the day of asking.", capital(&period(&comparison.after))));
        }
    }

    /// How many rose, fell and can't be compared.
    fn tally(&mut self, changed: &[(usize, f64)]) {
        let count = self.frame.rows.len();
        let rose = changed.iter().filter(|(_, change)| *change > 0.0).count();
        let fell = changed.iter().filter(|(_, change)| *change < 0.0).count();
        let cut = self.is_cut();
        let kinds = self.kinds();
        let shown = if cut { " shown" } else { "" };
        if count > 2 && !cut {
            self.say(Weight::Detail, format!("Of the {count} {kinds}{shown}, {rose} rose and {fell} fell [Q1 rows]."));
        }
        let alone = count - changed.len();
        if alone > 0 {
            let verb = if alone == 1 { "has" } else { "have" };
            self.say(
                Weight::Doubt,
                format!("{alone} of the {count} {kinds}{shown} {verb} a value in only one of the periods [Q1 rows]."),
            );
        }
    }
}

/// What a column of a comparison is called: its measure and its period.
pub(in super::super) fn column_title(name: &str, comparison: &Comparison) -> Option<String> {
    let (measure, suffix) = name.rsplit_once('_')?;
    match suffix {
        "before" => Some(format!("{}{}", title(measure), in_period(&comparison.before))),
        "after" => Some(format!("{}{}", title(measure), in_period(&comparison.after))),
        "change" => Some(format!("change of {}", title(measure))),
        _ => None,
    }
}
