//! The catalogue, and the planner's estimate.

use super::super::{ColumnInfo, Cost, Rows, TableInfo};
use crate::domain::sql_value::Cell;

/// What a statement is asked for its cost with.
pub(in super::super) const ESTIMATE: &str = "EXPLAIN ESTIMATE ";

/// What changes whenever rows may have changed: an expression over the table `t` and what is joined for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct Version {
    expression: &'static str,
    joined: &'static str,
}

impl Version {
    /// The number of the table itself, where a table is never written to but another is put in its place.
    pub(in super::super) const OF_TABLE: Self = Self { expression: "toString(t.uuid)", joined: "" };

    /// The parts of the table, which its rows lie in. A merge of parts changes them too.
    pub(in super::super) const OF_PARTS: Self = Self {
        expression: "if(t.engine LIKE '%MergeTree', concat(toString(t.uuid), ' ', toString(v.parts)), '')",
        joined: "LEFT JOIN (SELECT table, groupBitXor(cityHash64(name, hash_of_all_files)) AS parts FROM system.parts \
                 WHERE active AND database = {p1:String} GROUP BY table) AS v ON v.table = t.name ",
    };

    /// Not to be had.
    pub(in super::super) const UNKNOWN: Self = Self { expression: "''", joined: "" };
}

/// The statement whose rows [`tables`] reads, of the database `p1`.
pub(in super::super) fn catalogue(version: Version) -> String {
    let Version { expression: version, joined } = version;
    format!(
        "SELECT t.database, t.name, t.comment, t.total_rows, {version} AS version, c.name, c.type, c.comment FROM system.tables AS t \
         INNER JOIN system.columns AS c ON c.database = t.database AND c.table = t.name {joined}\
         WHERE t.database = {{p1:String}} AND c.database = {{p1:String}} AND NOT t.is_temporary ORDER BY t.name, c.position"
    )
}

fn text(cell: Option<Cell>) -> String {
    match cell {
        Some(Cell::Text(text)) => text,
        _ => String::new(),
    }
}

/// The tables that the rows of the catalogue tell of.
pub(in super::super) fn tables(rows: Rows) -> Vec<TableInfo> {
    let mut tables: Vec<TableInfo> = Vec::new();
    for row in rows.rows {
        let mut cells = row.into_iter();
        let mut next = || text(cells.next());
        let (database, name, comment) = (next(), next(), next());
        let rows = cells.next().and_then(|cell| if let Cell::Integer(rows) = cell { u64::try_from(rows).ok() } else { None });
        let mut next = || text(cells.next());
        let (version, column) = (next(), ColumnInfo { name: next(), data_type: next(), comment: next() });
        match tables.last_mut() {
            Some(last) if last.name == name => last.columns.push(column),
            _ => {
                let version = Some(version).filter(|version| !version.is_empty());
                tables.push(TableInfo { database, name, comment, columns: vec![column], rows, version });
            }
        }
    }
    tables
}

/// The cost that the rows of an estimate tell of; `None` where it knows none of the tables.
pub(in super::super) fn estimate(rows: &Rows) -> Option<Cost> {
    let at = rows.columns.iter().position(|column| column == "rows")?;
    let counts = rows.rows.iter().filter_map(|row| match row.get(at) {
        Some(Cell::Integer(count)) => u64::try_from(*count).ok(),
        _ => None,
    });
    (!rows.rows.is_empty()).then(|| Cost { rows: counts.fold(0, u64::saturating_add) })
}
