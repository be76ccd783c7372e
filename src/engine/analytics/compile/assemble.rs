//! The measures of a question joined by what they are taken by, then held against thresholds, ranked and cut.

use super::super::intent::period::Level;
use super::super::intent::{Intent, Relation, View};
use super::super::layer::{End, Layer, Measure, Unit};
use super::grain::{Grain, Part};
use super::sql::{Binding, Dialect, Sql};
use super::{Column, ColumnRole, CompileError, ROWS_MAX};

/// The select of each measure is one of these.
const FIRST: &str = "measure_0";

pub(super) struct Assembly<'a> {
    layer: &'a Layer,
    intent: &'a Intent,
    dialect: Dialect,
    names: Vec<String>,
    measures: Vec<&'a Measure>,
    pub columns: Vec<Column>,
    pub assumptions: Vec<String>,
    // The condition on the assembled rows, and the selects that it needs beside the measures.
    conditions: Vec<Sql>,
    beside: Vec<Part>,
}

impl<'a> Assembly<'a> {
    pub(super) fn new(layer: &'a Layer, intent: &'a Intent, dialect: Dialect, asked: &[&str]) -> Result<Self, CompileError> {
        let measures = asked.iter().map(|name| super::measure(layer, name)).collect::<Result<Vec<_>, _>>()?;
        let names = asked.iter().map(|name| (*name).to_owned()).collect();
        let (columns, assumptions) = (Vec::new(), Vec::new());
        Ok(Self { layer, intent, dialect, names, measures, columns, assumptions, conditions: Vec::new(), beside: Vec::new() })
    }

    /// Notes what a group must have; says whether there is anything of the kind.
    pub(super) fn thresholds(&mut self, grain: &Grain<'_>) -> Result<bool, CompileError> {
        let intent = self.intent;
        if !intent.is_grouped() && !intent.thresholds.is_empty() {
            return Err(CompileError::Senseless("a threshold is about groups, and the question has none".to_owned()));
        }
        for threshold in &intent.thresholds {
            let own = self.names.contains(&threshold.measure) || intent.measures.contains(&threshold.measure);
            let mut condition = Sql::default();
            if own {
                let place = intent.measures.iter().position(|name| *name == threshold.measure).unwrap_or(0);
                condition.column(&format!("measure_{place}"), "v");
            } else if self.measures.first().is_some_and(|first| first.population.contains(&threshold.measure)) {
                // The things that the value is taken over, not all of their kind.
                condition.column(FIRST, "n");
            } else {
                let place = self.measures.len() + self.beside.len();
                self.beside.push(grain.part(&threshold.measure)?);
                condition.column(&format!("measure_{place}"), "v");
            }
            let relation = match threshold.relation {
                Relation::AtLeast => " >= ",
                Relation::MoreThan => " > ",
                Relation::AtMost => " <= ",
                Relation::LessThan => " < ",
                Relation::Exactly => " = ",
            };
            condition.text(relation).bind(number(threshold.bound));
            self.conditions.push(condition);
        }
        let least = self.measures.first().and_then(|first| first.ranking_support);
        if let (Some(least), true, true) = (least, intent.thresholds.is_empty(), intent.ranking.is_some()) {
            let mut condition = Sql::default();
            condition.column(FIRST, "n").text(" >= ").bind(Binding::Integer(i64::from(least)));
            self.conditions.push(condition);
            self.assumptions.push(format!("only groups with at least {least} behind the value are ranked"));
        }
        Ok(!self.conditions.is_empty())
    }

    /// How many columns tell the rows apart, and their names within the selects.
    fn keys(&self) -> Vec<(String, String)> {
        let mut keys: Vec<(String, String)> =
            self.intent.dimensions.iter().enumerate().map(|(index, name)| (format!("d{index}"), name.clone())).collect();
        keys.extend(self.intent.by_time.map(|level| ("t".to_owned(), level_name(level).to_owned())));
        keys
    }

    pub(super) fn assemble(&mut self, parts: Vec<Part>, whole: Option<Part>, thresholds: bool) -> Result<Sql, CompileError> {
        let mut sql = Sql::default();
        let beside = if thresholds { std::mem::take(&mut self.beside) } else { Vec::new() };
        let count = parts.len() + beside.len();
        sql.text("WITH ");
        for (index, part) in parts.into_iter().chain(beside).enumerate() {
            sql.text(if index > 0 { ", " } else { "" }).name(&format!("measure_{index}")).text(" AS (").add(part.sql).text(")");
        }
        if let Some(whole) = whole {
            sql.text(", ").name("measure_whole").text(" AS (").add(whole.sql).text(")");
            sql.add(self.share());
            return Ok(sql);
        }
        match (&self.intent.comparison, self.keys().is_empty()) {
            (Some(_), false) => sql.add(self.compared()?),
            _ => sql.add(self.listed(count)),
        };
        Ok(sql)
    }

    /// One row for each group, with the measures beside one another.
    fn listed(&mut self, count: usize) -> Sql {
        let mut keys = self.keys();
        if self.intent.comparison.is_some() {
            keys.push(("p".to_owned(), "period".to_owned()));
        }
        let mut sql = Sql::default();
        sql.text(" SELECT ");
        let mut selected: Vec<Sql> = Vec::new();
        for (inner, name) in &keys {
            let mut key = Sql::default();
            match (inner.as_str(), &self.intent.comparison) {
                ("p", Some(comparison)) => {
                    key.text("CASE ").column(FIRST, "p").text(" WHEN 0 THEN ").literal(&comparison.before.label());
                    key.text(" ELSE ").literal(&comparison.after.label()).text(" END");
                }
                _ => {
                    key.column(FIRST, inner);
                }
            }
            key.text(" AS ").name(name);
            selected.push(key);
            self.columns.push(Column { name: name.clone(), role: ColumnRole::Key, unit: None, range: None });
        }
        for index in 0..self.measures.len() {
            let mut value = Sql::default();
            value.column(&format!("measure_{index}"), "v");
            selected.push(self.value(value, index, None));
        }
        if !keys.is_empty() {
            selected.extend(self.support());
        }
        sql.joined(selected, ", ").text(" FROM ").name(FIRST);
        for index in 1..count {
            let other = format!("measure_{index}");
            let how = if index < self.measures.len() { " LEFT JOIN " } else { " JOIN " };
            sql.text(if keys.is_empty() { " CROSS JOIN " } else { how }).name(&other);
            let equal = keys.iter().map(|(inner, _)| {
                let mut equal = Sql::default();
                equal.column(FIRST, inner).text(" = ").column(&other, inner);
                equal
            });
            if !keys.is_empty() {
                sql.text(" ON ").joined(equal.collect(), " AND ");
            }
        }
        let mut value = Sql::default();
        value.column(FIRST, "v");
        let order = self.order(FIRST, &value, &keys);
        self.finish(sql, order)
    }

    /// The first measure's value, rounded and named.
    fn value(&mut self, value: Sql, index: usize, suffix: Option<&str>) -> Sql {
        let measure = self.measures[index];
        let asked = self.intent.measures.get(index).unwrap_or(&self.names[index]);
        let name = suffix.map_or_else(|| asked.clone(), |suffix| format!("{asked}_{suffix}"));
        let role = if suffix.is_some_and(|suffix| suffix.starts_with("change")) { ColumnRole::Aside } else { ColumnRole::Value };
        let range = if role == ColumnRole::Value { measure.range } else { None };
        let mut sql = self.rounded(value, decimals(measure));
        sql.text(" AS ").name(&name);
        self.columns.push(Column { name, role, unit: Some(measure.unit), range });
        sql
    }

    fn rounded(&self, value: Sql, decimals: Option<u8>) -> Sql {
        let Some(decimals) = decimals else { return value };
        let mut sql = Sql::default();
        match self.dialect {
            // Its ROUND takes a tie of two floating-point numbers to the even one, where every other warehouse goes away from zero.
            Dialect::Clickhouse => {
                let (sign, scale) = (value.clone(), 10_u64.pow(u32::from(decimals.min(12))));
                sql.text("(SIGN(").add(sign).text(") * FLOOR(ABS(").add(value).text(&format!(") * {scale} + 0.5) / {scale})"))
            }
            Dialect::Postgres => sql.text("ROUND(CAST(").add(value).text(&format!(" AS NUMERIC), {decimals})")),
            _ => sql.text("ROUND(").add(value).text(&format!(", {decimals})")),
        };
        sql
    }

    /// How much stands behind the first value.
    fn support(&mut self) -> Option<Sql> {
        let first = self.measures.first()?;
        if !first.aggregation.has_support() {
            return None;
        }
        let population = first.population.first().filter(|name| !self.intent.measures.contains(name));
        let name = population.map_or_else(|| "support".to_owned(), Clone::clone);
        let mut sql = Sql::default();
        sql.column(FIRST, "n").text(" AS ").name(&name);
        self.columns.push(Column { name, role: ColumnRole::Support, unit: Some(Unit::Count), range: None });
        Some(sql)
    }

    /// Values without a number last, ties by the keys.
    fn order(&self, table: &str, value: &Sql, keys: &[(String, String)]) -> Vec<Sql> {
        let mut order = Vec::new();
        if let Some(ranking) = &self.intent.ranking {
            let mut missing = Sql::default();
            missing.text("CASE WHEN ").add(value.clone()).text(" IS NULL THEN 1 ELSE 0 END");
            let mut by = Sql::default();
            by.add(value.clone()).text(if ranking.first == End::High { " DESC" } else { " ASC" });
            order.extend([missing, by]);
        }
        for (inner, name) in keys {
            let mut key = Sql::default();
            match self.layer.dimensions.get(name).filter(|dimension| !dimension.steps.is_empty()) {
                Some(dimension) => {
                    key.text("CASE ").column(table, inner);
                    for (index, step) in dimension.steps.iter().enumerate() {
                        key.text(" WHEN ").literal(&step.label).text(&format!(" THEN {index}"));
                    }
                    key.text(" END");
                }
                None => {
                    key.column(table, inner);
                }
            }
            order.push(key);
        }
        order
    }

    fn finish(&self, mut sql: Sql, order: Vec<Sql>) -> Sql {
        if !self.conditions.is_empty() {
            sql.text(" WHERE ").joined(self.conditions.clone(), " AND ");
        }
        if !order.is_empty() {
            sql.text(" ORDER BY ").joined(order, ", ");
        }
        let limit = self.intent.ranking.as_ref().map_or(ROWS_MAX, |ranking| ranking.limit.min(ROWS_MAX));
        sql.text(&format!(" LIMIT {limit}"));
        sql
    }

    /// Both periods of each group in one row, with what changed between them.
    fn compared(&mut self) -> Result<Sql, CompileError> {
        if self.measures.len() > 1 || !self.intent.thresholds.is_empty() || self.intent.view != View::Table {
            let reason = "a comparison of groups between periods takes one measure and no threshold";
            return Err(CompileError::Senseless(reason.to_owned()));
        }
        let keys = self.keys();
        let mut sql = Sql::default();
        sql.text(", ").name("measure_periods").text(" AS (SELECT ");
        for (inner, _) in &keys {
            sql.name(inner).text(", ");
        }
        for (alias, what, period) in [("b", "v", 0), ("a", "v", 1), ("bn", "n", 0), ("n", "n", 1)] {
            sql.text(&format!("{}MAX(CASE WHEN ", if alias == "b" { "" } else { ", " })).name("p");
            sql.text(&format!(" = {period} THEN ")).name(what).text(" END) AS ").name(alias);
        }
        let ordinals: Vec<String> = (1..=keys.len()).map(|ordinal| ordinal.to_string()).collect();
        sql.text(" FROM ").name(FIRST).text(&format!(" GROUP BY {})", ordinals.join(", ")));
        let table = "measure_periods";
        let mut selected = Vec::new();
        for (inner, name) in &keys {
            let mut key = Sql::default();
            key.column(table, inner).text(" AS ").name(name);
            selected.push(key);
            self.columns.push(Column { name: name.clone(), role: ColumnRole::Key, unit: None, range: None });
        }
        let (mut before, mut after, mut change) = (Sql::default(), Sql::default(), Sql::default());
        before.column(table, "b");
        after.column(table, "a");
        change.text("(").column(table, "a").text(" - ").column(table, "b").text(")");
        selected.push(self.value(before, 0, Some("before")));
        selected.push(self.value(after.clone(), 0, Some("after")));
        selected.push(self.value(change.clone(), 0, Some("change")));
        sql.text(" SELECT ").joined(selected, ", ").text(" FROM ").name(table);
        self.conditions.clear();
        if let Some(least) =
            self.measures.first().and_then(|first| first.ranking_support).filter(|_| self.intent.ranking.is_some())
        {
            for column in ["bn", "n"] {
                let mut condition = Sql::default();
                condition.column(table, column).text(" >= ").bind(Binding::Integer(i64::from(least)));
                self.conditions.push(condition);
            }
        }
        let by_change = self.intent.ranking.as_ref().is_some_and(|ranking| ranking.by_change);
        let order = self.order(table, if by_change { &change } else { &after }, &keys);
        Ok(self.finish(sql, order))
    }

    /// A part over its whole, group by group; a group without a part has a share of nought.
    fn share(&mut self) -> Sql {
        let keys = self.keys();
        let matched = !self.intent.filters.is_empty();
        let table = if matched { "measure_whole" } else { FIRST };
        let mut sql = Sql::default();
        let mut selected = Vec::new();
        for (inner, name) in &keys {
            let mut key = Sql::default();
            key.column(table, inner).text(" AS ").name(name);
            selected.push(key);
            self.columns.push(Column { name: name.clone(), role: ColumnRole::Key, unit: None, range: None });
        }
        let (mut part, mut quotient) = (Sql::default(), Sql::default());
        part.text("COALESCE(").column(FIRST, "v").text(", 0)");
        quotient.text("(1e0 * ").add(part.clone()).text(" / NULLIF(").column("measure_whole", "v").text(", 0))");
        let asked = self.intent.measures.first().cloned().unwrap_or_default();
        let unit = self.measures.first().map(|first| first.unit);
        let mut shown = self.rounded(quotient.clone(), Some(6));
        shown.text(" AS ").name(&format!("share_of_{asked}"));
        let share = Column {
            name: format!("share_of_{asked}"),
            role: ColumnRole::Value,
            unit: Some(Unit::Share),
            range: Some((0.0, 1.0)),
        };
        let mut whole = Sql::default();
        whole.column("measure_whole", "v").text(" AS ").name(&format!("{asked}_whole"));
        part.text(" AS ").name(&asked);
        selected.extend([shown, part, whole]);
        self.columns.push(share);
        for name in [asked.clone(), format!("{asked}_whole")] {
            self.columns.push(Column { name, role: ColumnRole::Aside, unit, range: None });
        }
        sql.text(" SELECT ").joined(selected, ", ").text(" FROM ");
        match (matched, keys.is_empty()) {
            (true, false) => {
                sql.name("measure_whole").text(" LEFT JOIN ").name(FIRST).text(" ON ");
                let equal = keys.iter().map(|(inner, _)| {
                    let mut equal = Sql::default();
                    equal.column(FIRST, inner).text(" = ").column("measure_whole", inner);
                    equal
                });
                sql.joined(equal.collect(), " AND ");
            }
            _ => {
                sql.name(FIRST).text(" CROSS JOIN ").name("measure_whole");
            }
        }
        self.conditions.clear();
        let order = self.order(table, &quotient, &keys);
        self.finish(sql, order)
    }
}

/// A whole number where it is one, so that a driver need not guess.
fn number(bound: f64) -> Binding {
    #[expect(clippy::cast_possible_truncation, reason = "whole and below 2^53 is checked before")]
    let whole = (bound.fract() == 0.0 && bound.abs() < 9e15).then_some(bound as i64);
    whole.map_or(Binding::Number(bound), Binding::Integer)
}

/// Places behind the point that a value of a measure keeps; all of them where there is no such number.
pub(in super::super) fn decimals(measure: &Measure) -> Option<u8> {
    measure.decimals.or(match measure.unit {
        Unit::Count => None,
        Unit::Money => Some(2),
        Unit::Share => Some(6),
        Unit::Days | Unit::Points | Unit::Number => Some(4),
    })
}

/// The name of a step of time as a column.
pub(in super::super) fn level_name(level: Level) -> &'static str {
    match level {
        Level::HourOfDay => "hour_of_day",
        Level::DayOfWeek => "day_of_week",
        Level::Day => "day",
        Level::Week => "week",
        Level::Month => "month",
        Level::Quarter => "quarter",
        Level::Year => "year",
    }
}
