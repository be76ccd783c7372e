//! Nothing came back: which limit or filter lets nothing through.

use super::super::super::compile::ColumnRole;
use super::super::super::intent::Relation;
use super::super::super::reconcile::Frame;
use super::super::phrases::{counted, limit, listed};
use super::siblings::named;
use super::{Scene, Weight};

impl Scene<'_> {
    pub(super) fn empty(&mut self) {
        let intent = &self.given.asked.intent;
        let (what, scope, kinds) = (self.measured(), self.scope.words.clone(), self.kinds());
        let limits: Vec<String> = intent.thresholds.iter().map(limit).collect();
        let relaxed = self.given.relaxed.filter(|frame| !frame.rows.is_empty() && frame.rows.iter().any(|row| !row.is_empty()));
        match (relaxed, limits.is_empty()) {
            (Some(relaxed), false) => {
                let limits = listed(&limits, "and");
                self.say(Weight::Answer, format!("None of the {kinds} has {limits}{scope}, so nothing is left to show."));
                self.without_limits(relaxed);
            }
            (Some(relaxed), true) => {
                let lead = format!("None of the {kinds}{scope} has enough behind its {what} to be ranked");
                self.say(Weight::Answer, format!("{lead}, so nothing is left to show."));
                self.without_limits(relaxed);
            }
            _ => {
                let cause = match (intent.filters.is_empty(), intent.window.is_some() || intent.comparison.is_some()) {
                    (true, true) => "no row lies in that period",
                    (false, false) => "no row passes the filter",
                    (false, true) => "no row passes the filter in that period",
                    (true, false) => "the tables have no row for it",
                };
                self.say(Weight::Answer, format!("There is no {what}{scope}: {cause}."));
            }
        }
    }

    fn without_limits(&mut self, relaxed: &Frame) {
        let number = 2 + self.given.compiled.siblings.len();
        let (count, kinds) = (relaxed.rows.len(), self.kinds());
        let intent = &self.given.asked.intent;
        // A ranking cuts the rows without the limit as well, so they are not all that there are.
        if intent.ranking.as_ref().is_some_and(|ranking| count >= ranking.limit as usize) {
            self.unlimited(relaxed, number);
            return;
        }
        let sentence = match count {
            1 => format!("Without that limit there is 1 row [Q{number} rows]."),
            _ => format!("Without that limit there are {count} {kinds} [Q{number} rows]."),
        };
        self.say(Weight::Answer, sentence);
        // What the limit is about, where it stands in the result.
        let limited: Option<usize> = match self.given.asked.intent.thresholds.first() {
            Some(threshold) => relaxed.columns.iter().position(|column| {
                column.name == threshold.measure || (column.role == ColumnRole::Support && column.name != "support")
            }),
            None => relaxed.places(ColumnRole::Support).first().copied(),
        };
        let Some(column) = limited else { return };
        let below =
            intent.thresholds.first().is_none_or(|limit| matches!(limit.relation, Relation::AtLeast | Relation::MoreThan));
        let values = relaxed.rows.iter().enumerate().filter_map(|(row, cells)| Some((row, cells.get(column)?.number()?)));
        let order = |a: &f64, b: &f64| if below { a.total_cmp(b) } else { b.total_cmp(a) };
        if let Some((row, nearest)) = values.max_by(|(_, a), (_, b)| order(a, b)) {
            let name = relaxed.columns[column].name.clone();
            let shown = super::shown(nearest, relaxed.columns[column].unit, self.layer().currency.as_deref());
            let who = named(relaxed, row);
            let sentence = format!("The nearest to it is {who} with {} [Q{number}].", counted(&shown, &name));
            self.say(Weight::Detail, sentence);
        }
    }

    /// What the ranking would begin with.
    fn unlimited(&mut self, relaxed: &Frame, number: usize) {
        let Some(column) = relaxed.places(ColumnRole::Value).first().copied() else { return };
        let Some(value) = relaxed.rows.first().and_then(|row| row.get(column)?.number()) else { return };
        let value = super::shown(value, relaxed.columns[column].unit, self.layer().currency.as_deref());
        let who = named(relaxed, 0);
        self.say(Weight::Detail, format!("Without that limit the first would be {who} with {value} [Q{number}]."));
    }
}
