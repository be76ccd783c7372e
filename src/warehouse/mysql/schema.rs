//! What tables there are.

use super::connection::Session;
use super::error;
use super::query::limit;
use crate::domain::deadline::Deadline;
use crate::warehouse::{ColumnInfo, TableInfo, WarehouseError};
use mysql_async::Row;
use mysql_async::prelude::Queryable;

/// Tables and views. The last change is told to the second, so one that is younger than two says nothing: another may follow within it.
/// A view may change with the clock.
const TABLES: &str = "SELECT TABLE_NAME, IF(TABLE_TYPE = 'BASE TABLE', TABLE_COMMENT, ''), \
    IF(TABLE_TYPE = 'BASE TABLE', TABLE_ROWS, NULL), \
    IF(TABLE_TYPE = 'BASE TABLE' AND UPDATE_TIME < NOW() - INTERVAL 2 SECOND, \
        CONCAT(COALESCE(CREATE_TIME, ''), '/', UPDATE_TIME), NULL) \
    FROM information_schema.TABLES WHERE TABLE_SCHEMA = ";

/// Their columns. The type of a choice is told without what there is to choose, which may be any text.
const COLUMNS: &str = "SELECT TABLE_NAME, COLUMN_NAME, IF(DATA_TYPE IN ('enum', 'set'), DATA_TYPE, COLUMN_TYPE), COLUMN_COMMENT \
    FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = ";

pub(super) async fn tables(session: &mut Session, database: &str, deadline: Deadline) -> Result<Vec<TableInfo>, WarehouseError> {
    let failed = |error: mysql_async::Error| error::of_statement(&error);
    limit(session, deadline).await?;
    // In the text itself, for StarRocks prepares no such statement; a name in base 16 needs no quotes to be right.
    let named = format!("CONVERT(0x{} USING utf8mb4)", hex::encode(database));
    let named =
        if session.flavour.prepares() { named } else { format!("'{}'", database.replace('\\', "\\\\").replace('\'', "''")) };
    let listed: Vec<Row> = session.conn.query(format!("{TABLES}{named}")).await.map_err(failed)?;
    let columns: Vec<Row> =
        session.conn.query(format!("{COLUMNS}{named} ORDER BY TABLE_NAME, ORDINAL_POSITION")).await.map_err(failed)?;
    let mut tables: Vec<TableInfo> = listed.iter().filter_map(|row| table(database, row)).collect();
    tables.sort_by(|one, other| one.name.cmp(&other.name));
    for row in &columns {
        let Some(of) = text(row, 0) else { continue };
        let column = ColumnInfo {
            name: text(row, 1).unwrap_or_default(),
            data_type: text(row, 2).unwrap_or_default(),
            comment: text(row, 3).unwrap_or_default(),
        };
        if let Ok(at) = tables.binary_search_by(|table| table.name.cmp(&of))
            && let Some(table) = tables.get_mut(at)
        {
            table.columns.push(column);
        }
    }
    Ok(tables)
}

fn table(database: &str, row: &Row) -> Option<TableInfo> {
    Some(TableInfo {
        database: database.to_owned(),
        name: text(row, 0)?,
        comment: text(row, 1).unwrap_or_default(),
        columns: Vec::new(),
        rows: row.get_opt::<Option<u64>, _>(2).and_then(Result::ok).flatten(),
        version: text(row, 3),
    })
}

fn text(row: &Row, at: usize) -> Option<String> {
    row.get_opt::<Option<String>, _>(at).and_then(Result::ok).flatten()
}
