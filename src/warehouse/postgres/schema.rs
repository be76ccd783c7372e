//! What tables there are.

use super::config::Versions;
use super::error;
use super::query::beginning;
use crate::domain::deadline::Deadline;
use crate::warehouse::{ColumnInfo, TableInfo, WarehouseError};
use futures_util::future;
use tokio_postgres::{Client, Row};

/// Tables, partitioned tables, views, materialized views and foreign tables that the role may read, a row for each column that it may.
const COLUMNS: &str = "SELECT c.oid, c.relname::text, coalesce(obj_description(c.oid, 'pg_class'), '') AS said, \
    a.attname::text, format_type(a.atttypid, a.atttypmod) AS data_type, coalesce(col_description(c.oid, a.attnum), '') AS column_said, \
    c.relkind::text, c.reltuples::float8, c.relfilenode \
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid \
    WHERE n.nspname = $1 AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND a.attnum > 0 AND NOT a.attisdropped \
    AND has_column_privilege(c.oid, a.attnum, 'SELECT') \
    ORDER BY c.relname COLLATE \"C\", a.attnum";

/// The snapshot that sees the same rows of every table of the server as another that is equal to it; and whether some tables are elsewhere.
const SNAPSHOT: &str = "SELECT txid_current_snapshot()::text, EXISTS (SELECT FROM pg_foreign_table)";

/// The rows ever written to each table, with the file that they are in, and the start of the server, which may begin to count anew.
const COUNTERS: &str = "SELECT s.relid, concat_ws(':', s.n_tup_ins, s.n_tup_upd, s.n_tup_del, c.relfilenode, \
    extract(epoch FROM pg_postmaster_start_time())::bigint) \
    FROM pg_stat_all_tables s JOIN pg_class c ON c.oid = s.relid WHERE s.schemaname = $1 AND NOT c.relhassubclass \
    AND NOT pg_is_in_recovery()";

pub(super) async fn tables(
    client: &Client,
    schema: &str,
    versions: Versions,
    deadline: Deadline,
) -> Result<Vec<TableInfo>, WarehouseError> {
    let result = listed(client, schema, versions, deadline).await;
    let ended = client.batch_execute("ROLLBACK").await;
    let tables = result?;
    ended.map_err(|error| error::of_statement(&error))?;
    Ok(tables)
}

async fn listed(client: &Client, schema: &str, versions: Versions, deadline: Deadline) -> Result<Vec<TableInfo>, WarehouseError> {
    let failed = |error: tokio_postgres::Error| error::of_statement(&error);
    // The versions are read before all else: what is written after that is in the next reading.
    client.batch_execute(&beginning(deadline)).await.map_err(failed)?;
    let of_oid: Vec<Row> = match versions {
        Versions::Snapshot => Vec::new(),
        Versions::Counters => client.query(COUNTERS, &[&schema]).await.map_err(failed)?,
    };
    let (snapshot, columns) =
        future::try_join(client.query_one(SNAPSHOT, &[]), client.query(COLUMNS, &[&schema])).await.map_err(failed)?;
    let (snapshot, elsewhere): (String, bool) = (snapshot.get(0), snapshot.get(1));
    let version = |oid: u32, kind: &str| match (versions, kind) {
        // The rows of a view may change with the clock, those of a foreign table with another server.
        (_, "v" | "f") => None,
        (Versions::Snapshot, "p") if elsewhere => None,
        (Versions::Snapshot, _) => Some(snapshot.clone()),
        (Versions::Counters, _) => of_oid.iter().find(|row| row.get::<_, u32>(0) == oid).map(|row| row.get(1)),
    };
    let mut tables: Vec<TableInfo> = Vec::new();
    for row in &columns {
        let (name, kind): (String, String) = (row.get(1), row.get(6));
        if tables.last().is_none_or(|last| last.name != name) {
            tables.push(TableInfo {
                database: schema.to_owned(),
                name,
                comment: row.get(2),
                columns: Vec::new(),
                rows: estimate(row.get(7), &kind),
                version: version(row.get(0), &kind),
            });
        }
        if let Some(table) = tables.last_mut() {
            table.columns.push(ColumnInfo { name: row.get(3), data_type: plain(row.get(4)), comment: row.get(5) });
        }
    }
    Ok(tables)
}

/// The number of rows at the last `ANALYZE` or `VACUUM`; a table that has seen none has -1, or 0 before PostgreSQL 14.
fn estimate(rows: f64, kind: &str) -> Option<u64> {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an estimate, and not negative")]
    (rows > 0.0 && kind != "v").then_some(rows as u64)
}

/// The name of a type without its schema and its quotes: `shop."Mood"[]` is `Mood[]`.
fn plain(name: &str) -> String {
    let (head, tail) = name.split_at(name.find('(').unwrap_or(name.len()));
    let head = head.rsplit('.').next().unwrap_or_default();
    let plain: String =
        format!("{head}{tail}").chars().filter(|sign| sign.is_ascii_alphanumeric() || "_(), []".contains(*sign)).collect();
    if plain.is_empty() { "unknown".to_owned() } else { plain }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_type_is_told_without_schema_and_quotes() {
        for (name, expected) in [
            ("timestamp(3) without time zone", "timestamp(3) without time zone"),
            ("numeric(10,2)", "numeric(10,2)"),
            ("shop.\"Mood\"[]", "Mood[]"),
            ("\"char\"", "char"),
            ("gis.geometry(Point,4326)", "geometry(Point,4326)"),
            ("\"größe\"", "gre"),
            ("\"大\"", "unknown"),
        ] {
            assert_eq!(plain(name), expected);
        }
    }
}
