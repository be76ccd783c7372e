//! One measure at its own grain: the rows of its table, brought together by what the question asks for, before anything else is joined.

use super::super::intent::Filter;
use super::super::intent::period::{Level, Window};
use super::super::layer::expression::Expression;
use super::super::layer::{Bridge, ColumnName, Dimension, Hop, Layer, Measure};
use super::CompileError;
use super::expression::{expression, level, stepped};
use super::sql::{Binding, Dialect, Sql};

/// What a measure is taken by and over.
#[derive(Debug, Clone, Copy)]
pub(super) struct Grain<'a> {
    pub layer: &'a Layer,
    pub dialect: Dialect,
    pub dimensions: &'a [String],
    pub by_time: Option<Level>,
    pub filters: &'a [Filter],
    pub time: Option<&'a str>,
    /// None, one, or two to be told apart.
    pub windows: &'a [Window],
}

/// A measure's select and what had to be done for it.
#[derive(Debug, Clone)]
pub(super) struct Part {
    pub sql: Sql,
    /// A row may stand in several groups, so the groups do not add up to the whole.
    pub overlapping: bool,
    /// A row counts whole though only a part of what belongs to it passed a filter.
    pub attributed: bool,
}

/// The way that a dimension or a condition takes over a table with several rows for one of the measure's.
pub(super) struct Crossing {
    pub(super) bridge: Bridge,
    pub(super) values: Vec<(usize, Sql)>,
    pub(super) conditions: Vec<Sql>,
    pub(super) tables: Vec<String>,
}

pub(super) struct Builder<'a> {
    pub(super) grain: Grain<'a>,
    pub(super) measure: &'a Measure,
    pub(super) name: &'a str,
    pub(super) joins: Vec<(Hop, bool)>,
    pub(super) conditions: Vec<Sql>,
    pub(super) crossings: Vec<Crossing>,
    pub(super) keys: Vec<Sql>,
    pub(super) attributed: bool,
}

/// How many of the dimensions and filters can only be reached by a detour; none where one can't be reached at all.
pub(super) fn detours(grain: &Grain<'_>, measure: &Measure) -> Option<usize> {
    let dimensions = grain.dimensions.iter().map(|name| grain.layer.dimensions.get(name).map(|found| &found.table));
    let filters = grain.filters.iter().map(|filter| match filter {
        Filter::Values { dimension, .. } => grain.layer.dimensions.get(dimension).map(|found| &found.table),
        Filter::Term { term, .. } => grain.layer.glossary.get(term).map(|found| &found.table),
    });
    let mut detours = 0;
    for table in dimensions.chain(filters) {
        let table = table?;
        if grain.layer.way(&measure.table, table).is_none() {
            grain.layer.bridge(&measure.table, table)?;
            detours += 1;
        }
    }
    Some(detours)
}

impl<'a> Grain<'a> {
    /// The select of a measure: columns `d0…` for the dimensions, `t` for the step of time, `p` for the period, `v` and `n` for the value
    /// and what stands behind it.
    pub(super) fn part(self, name: &'a str) -> Result<Part, CompileError> {
        let unknown = || CompileError::Unknown { kind: "measure", name: name.to_owned() };
        let measure = self.layer.measures.get(name).ok_or_else(unknown)?;
        let mut builder = Builder {
            grain: self,
            measure,
            name,
            joins: Vec::new(),
            conditions: Vec::new(),
            crossings: Vec::new(),
            keys: Vec::new(),
            attributed: false,
        };
        builder.dimensions()?;
        builder.filters()?;
        builder.times()?;
        Ok(builder.finish())
    }

    fn dimension(&self, name: &str) -> Result<&'a Dimension, CompileError> {
        let found = self.layer.dimensions.get(name);
        found.ok_or_else(|| CompileError::Unknown { kind: "dimension", name: name.to_owned() })
    }
}

pub(super) fn tables_of<'e>(expressions: impl IntoIterator<Item = &'e Expression>) -> Vec<String> {
    expressions.into_iter().flat_map(|expression| expression.tables()).map(str::to_owned).collect()
}

impl<'a> Builder<'a> {
    pub(super) fn need(&mut self, table: &str) -> bool {
        let Some(way) = self.grain.layer.way(&self.measure.table, table) else { return false };
        self.walk(&way);
        true
    }

    fn walk(&mut self, way: &[Hop]) {
        let mut optional = false;
        for hop in way {
            optional |= hop.optional;
            if !self.joins.iter().any(|(known, _)| known.to.table == hop.to.table) {
                self.joins.push((hop.clone(), optional));
            }
        }
    }

    fn value(&self, dimension: &Dimension) -> Sql {
        let value = expression(self.grain.dialect, &dimension.value);
        if dimension.steps.is_empty() { value } else { stepped(&value, &dimension.steps) }
    }

    /// What a row must have to stand in a group of a dimension.
    fn meaningful(&self, dimension: &Dimension) -> Vec<Sql> {
        let dialect = self.grain.dialect;
        let mut present = Sql::default();
        let value = expression(dialect, &dimension.value);
        present.text("(").add(value.clone()).text(" IS NOT NULL");
        if !dimension.numeric && dimension.steps.is_empty() {
            present.text(" AND ").add(value).text(" <> ''");
        }
        present.text(")");
        let mut all = vec![present];
        all.extend(dimension.filter.as_ref().map(|filter| expression(dialect, filter)));
        all
    }

    fn dimensions(&mut self) -> Result<(), CompileError> {
        let grain = self.grain;
        for (index, name) in grain.dimensions.iter().enumerate() {
            let dimension = grain.dimension(name)?;
            let (value, conditions) = (self.value(dimension), self.meaningful(dimension));
            let tables = tables_of(std::iter::once(&dimension.value).chain(&dimension.filter));
            if self.need(&dimension.table) {
                for table in &tables {
                    self.need(table);
                }
                self.keys.push(value);
                self.conditions.extend(conditions);
                continue;
            }
            let crossing = self.crossing(&dimension.table, name)?;
            crossing.values.push((index, value));
            crossing.conditions.extend(conditions);
            crossing.tables.extend(tables);
            let entry = format!("bridge_{}", crossing.bridge.entry.table);
            let mut key = Sql::default();
            key.column(&entry, &format!("d{index}"));
            self.keys.push(key);
        }
        Ok(())
    }

    fn crossing(&mut self, table: &str, wanted: &str) -> Result<&mut Crossing, CompileError> {
        let bridge = self.grain.layer.bridge(&self.measure.table, table);
        let unreached = || CompileError::Unreached { measure: self.name.to_owned(), wanted: wanted.to_owned() };
        let bridge = bridge.ok_or_else(unreached)?;
        self.walk(&bridge.approach);
        let known = self.crossings.iter().position(|crossing| crossing.bridge.entry == bridge.entry);
        let index = known.unwrap_or_else(|| {
            self.crossings.push(Crossing {
                bridge: bridge.clone(),
                values: Vec::new(),
                conditions: Vec::new(),
                tables: Vec::new(),
            });
            self.crossings.len() - 1
        });
        let crossing = &mut self.crossings[index];
        crossing.tables.push(table.to_owned());
        Ok(crossing)
    }

    fn filters(&mut self) -> Result<(), CompileError> {
        let grain = self.grain;
        for filter in grain.filters {
            let (table, wanted, condition, tables) = self.condition(filter)?;
            if self.need(&table) {
                for table in &tables {
                    self.need(table);
                }
                self.conditions.push(condition);
                continue;
            }
            let bridge = grain.layer.bridge(&self.measure.table, &table);
            let unreached = || CompileError::Unreached { measure: self.name.to_owned(), wanted: wanted.clone() };
            let bridge = bridge.ok_or_else(unreached)?;
            self.attributed = true;
            if let Some(crossing) = self.crossings.iter_mut().find(|crossing| crossing.bridge.entry == bridge.entry) {
                crossing.conditions.push(condition);
                crossing.tables.extend(tables);
                continue;
            }
            self.walk(&bridge.approach);
            let negated = matches!(filter, Filter::Values { negated: true, .. } | Filter::Term { negated: true, .. });
            let positive = if negated { self.condition(&affirmed(filter))?.2 } else { condition };
            let mut member = Sql::default();
            member.column(&bridge.pivot.table, &bridge.pivot.column).text(if negated {
                " NOT IN (SELECT "
            } else {
                " IN (SELECT "
            });
            member.column(&bridge.entry.table, &bridge.entry.column);
            member.add(self.joined_from(&bridge, &tables)).text(" WHERE ").add(positive);
            member.text(" AND ").column(&bridge.entry.table, &bridge.entry.column).text(" IS NOT NULL)");
            self.conditions.push(member);
        }
        Ok(())
    }

    fn condition(&self, filter: &Filter) -> Result<(String, String, Sql, Vec<String>), CompileError> {
        let mut sql = Sql::default();
        match filter {
            Filter::Values { dimension: name, values, negated } => {
                let dimension = self.grain.dimension(name)?;
                sql.text("(").add(self.value(dimension)).text(if *negated { " NOT IN (" } else { " IN (" });
                let mut bound = Vec::new();
                for value in values {
                    let mut one = Sql::default();
                    one.bind(match value.parse::<i64>() {
                        Ok(number) if dimension.numeric && dimension.steps.is_empty() => Binding::Integer(number),
                        _ => Binding::Text(value.clone()),
                    });
                    bound.push(one);
                }
                sql.joined(bound, ", ").text("))");
                let tables = tables_of([&dimension.value]);
                Ok((dimension.table.clone(), name.clone(), sql, tables))
            }
            Filter::Term { term: name, negated } => {
                let unknown = || CompileError::Unknown { kind: "term", name: name.clone() };
                let term = self.grain.layer.glossary.get(name).ok_or_else(unknown)?;
                let condition = expression(self.grain.dialect, &term.filter);
                sql.text(if *negated { "(NOT " } else { "(" }).add(condition).text(")");
                Ok((term.table.clone(), name.clone(), sql, tables_of([&term.filter])))
            }
        }
    }

    fn times(&mut self) -> Result<(), CompileError> {
        let grain = self.grain;
        if grain.by_time.is_none() && grain.windows.is_empty() {
            return Ok(());
        }
        let untimed = || CompileError::Untimed { measure: self.name.to_owned() };
        let chosen = grain.time.or(self.measure.time.as_deref()).ok_or_else(untimed)?;
        let time = grain.layer.times.get(chosen).ok_or_else(untimed)?;
        if !self.need(&time.column.table) {
            return Err(CompileError::Unreached { measure: self.name.to_owned(), wanted: chosen.to_owned() });
        }
        if let Some(by) = grain.by_time {
            self.keys.push(level(grain.dialect, by, &time.column));
            let mut present = Sql::default();
            present.column(&time.column.table, &time.column.column).text(" IS NOT NULL");
            self.conditions.push(present);
        }
        let inside: Vec<Sql> = grain.windows.iter().map(|window| within(&time.column, window)).collect();
        if let [before, after] = inside.as_slice() {
            let mut period = Sql::default();
            period.text("CASE WHEN ").add(before.clone()).text(" THEN 0 ELSE 1 END");
            self.keys.push(period);
            let mut either = Sql::default();
            either.text("(").add(before.clone()).text(" OR ").add(after.clone()).text(")");
            self.conditions.push(either);
        } else {
            self.conditions.extend(inside.into_iter().filter(|window| !window.is_empty()));
        }
        Ok(())
    }
}

fn affirmed(filter: &Filter) -> Filter {
    let mut filter = filter.clone();
    match &mut filter {
        Filter::Values { negated, .. } | Filter::Term { negated, .. } => *negated = false,
    }
    filter
}

fn within(column: &ColumnName, window: &Window) -> Sql {
    let mut sql = Sql::default();
    let ends = [(" >= ", window.from), (" < ", window.until)];
    for (relation, day) in ends {
        if let Some(day) = day {
            let between = if sql.is_empty() { "(" } else { " AND " };
            sql.text(between).column(&column.table, &column.column).text(relation).bind(Binding::Moment(day));
        }
    }
    if !sql.is_empty() {
        sql.text(")");
    }
    sql
}
