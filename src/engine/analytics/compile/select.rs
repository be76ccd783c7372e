//! The select of one measure, once all that it reaches is known.

use super::super::layer::{Bridge, Hop};
use super::expression::expression;
use super::grain::{Builder, Crossing, Part, tables_of};
use super::sql::Sql;

impl Builder<'_> {
    fn aliases(&self) -> Vec<String> {
        let mut aliases: Vec<String> = (0..self.grain.dimensions.len()).map(|index| format!("d{index}")).collect();
        aliases.extend(self.grain.by_time.map(|_| "t".to_owned()));
        aliases.extend((self.grain.windows.len() == 2).then(|| "p".to_owned()));
        aliases
    }

    /// The table that a crossing goes through and those beyond it.
    pub(super) fn joined_from(&self, bridge: &Bridge, tables: &[String]) -> Sql {
        let mut hops: Vec<(Hop, bool)> = Vec::new();
        let ways = tables.iter().filter_map(|table| self.grain.layer.way(&bridge.entry.table, table));
        for way in std::iter::once(bridge.onward.clone()).chain(ways) {
            let mut optional = false;
            for hop in way {
                optional |= hop.optional;
                if !hops.iter().any(|(known, _)| known.to.table == hop.to.table) {
                    hops.push((hop, optional));
                }
            }
        }
        from(&bridge.entry.table, &hops)
    }

    /// A crossing as a table of the pairs that belong together, each once, so that nothing is counted twice within a group's member.
    fn crossed(&self, crossing: &Crossing) -> Sql {
        let Bridge { entry, pivot, onward, .. } = &crossing.bridge;
        let name = format!("bridge_{}", entry.table);
        let mut sql = Sql::default();
        sql.text(" JOIN (SELECT DISTINCT ").column(&entry.table, &entry.column).text(" AS ").name("k");
        if let Some(hop) = onward.first() {
            sql.text(", ").column(&hop.from.table, &hop.from.column).text(" AS ").name("e");
        }
        for (index, value) in &crossing.values {
            sql.text(", ").add(value.clone()).text(" AS ").name(&format!("d{index}"));
        }
        sql.add(self.joined_from(&crossing.bridge, &crossing.tables)).text(" WHERE ");
        sql.joined(crossing.conditions.clone(), " AND ");
        sql.text(") AS ").name(&name).text(" ON ").column(&name, "k").text(" = ").column(&pivot.table, &pivot.column);
        sql
    }

    fn rows(&self) -> Sql {
        let mut sql = from(&self.measure.table, &self.joins);
        for crossing in &self.crossings {
            sql.add(self.crossed(crossing));
        }
        let dialect = self.grain.dialect;
        let mut conditions: Vec<Sql> = self.measure.filter.iter().map(|filter| expression(dialect, filter)).collect();
        conditions.extend(self.conditions.iter().cloned());
        if !conditions.is_empty() {
            sql.text(" WHERE ").joined(conditions, " AND ");
        }
        sql
    }

    pub(super) fn finish(mut self) -> Part {
        let measure = self.measure;
        let mut used = tables_of(measure.filter.iter().chain(measure.support.iter()).chain([&measure.value]));
        if let Some(per) = &measure.per {
            used.extend(tables_of(per.values.values()));
            used.push(per.key.table.clone());
        }
        for table in used {
            self.need(&table);
        }
        let sql = if measure.per.is_some() { self.nested() } else { self.flat() };
        let overlapping = self.crossings.iter().any(|crossing| !crossing.values.is_empty());
        Part { sql, overlapping, attributed: self.attributed }
    }

    fn measured(&self, sql: &mut Sql) {
        let dialect = self.grain.dialect;
        sql.add(expression(dialect, &self.measure.value)).text(" AS ").name("v").text(", ");
        match &self.measure.support {
            Some(support) => sql.add(expression(dialect, support)),
            None => sql.text("COUNT(*)"),
        };
        sql.text(" AS ").name("n");
    }

    fn flat(&self) -> Sql {
        let mut sql = Sql::default();
        sql.text("SELECT ");
        for (key, alias) in self.keys.iter().zip(self.aliases()) {
            sql.add(key.clone()).text(" AS ").name(&alias).text(", ");
        }
        self.measured(&mut sql);
        sql.add(self.rows());
        grouped(&mut sql, self.keys.len());
        sql
    }

    /// First by the key of the inner step, then by what the question asks for. A dimension of the row itself is taken once for each key,
    /// so that nobody stands in two groups; steps of time, periods and what is reached by a detour are part of the key.
    fn nested(&self) -> Sql {
        let Some(per) = &self.measure.per else { return self.flat() };
        let aliases = self.aliases();
        let fixed = |index: usize| {
            index >= self.grain.dimensions.len()
                || self.crossings.iter().any(|crossing| crossing.values.iter().any(|(value, _)| *value == index))
        };
        let mut order: Vec<usize> = (0..self.keys.len()).collect();
        order.sort_by_key(|index| !fixed(*index));
        let mut inner = Sql::default();
        inner.text("SELECT ").column(&per.key.table, &per.key.column).text(" AS ").name("k");
        for index in &order {
            let (open, close) = if fixed(*index) { ("", "") } else { ("MIN(", ")") };
            inner.text(", ").text(open).add(self.keys[*index].clone()).text(close).text(" AS ").name(&aliases[*index]);
        }
        for (name, value) in &per.values {
            inner.text(", ").add(expression(self.grain.dialect, value)).text(" AS ").name(name);
        }
        inner.add(self.rows());
        grouped(&mut inner, 1 + order.iter().filter(|index| fixed(**index)).count());
        let mut sql = Sql::default();
        sql.text("SELECT ");
        for alias in &aliases {
            sql.name(alias).text(", ");
        }
        self.measured(&mut sql);
        sql.text(" FROM (").add(inner).text(") AS ").name("measure_inner");
        grouped(&mut sql, aliases.len());
        sql
    }
}

fn grouped(sql: &mut Sql, keys: usize) {
    if keys > 0 {
        let ordinals: Vec<String> = (1..=keys).map(|ordinal| ordinal.to_string()).collect();
        sql.text(" GROUP BY ").text(&ordinals.join(", "));
    }
}

fn from(table: &str, hops: &[(Hop, bool)]) -> Sql {
    let mut sql = Sql::default();
    sql.text(" FROM ").name(table);
    for (hop, optional) in hops {
        sql.text(if *optional { " LEFT JOIN " } else { " JOIN " }).name(&hop.to.table).text(" ON ");
        sql.column(&hop.from.table, &hop.from.column).text(" = ").column(&hop.to.table, &hop.to.column);
    }
    sql
}
