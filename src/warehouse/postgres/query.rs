//! One statement in a transaction of its own.

use super::error;
use super::value::{Given, Raw, Reading, declared};
use crate::domain::deadline::Deadline;
use crate::domain::sql_value::{Binding, Cell};
use crate::warehouse::gathered::Gathered;
use crate::warehouse::{Bounds, Rows, Statement, WarehouseError};
use futures_util::{StreamExt, future};
use std::pin::pin;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Row};

/// Runs a SELECT.
pub(super) async fn rows(client: &Client, statement: &Statement, bounds: &Bounds) -> Result<Rows, WarehouseError> {
    let result = transaction(client, &statement.sql, &statement.values, bounds).await;
    if matches!(result, Err(WarehouseError::Refused { .. })) {
        client.batch_execute("ROLLBACK").await.map_err(|error| error::of_statement(&error))?;
    }
    result
}

async fn transaction(client: &Client, sql: &str, values: &[Binding], bounds: &Bounds) -> Result<Rows, WarehouseError> {
    let failed = |error: tokio_postgres::Error| error::of_statement(&error);
    // The protocol ends a text there, and the client would take that for a broken connection.
    if sql.contains('\0') {
        return Err(no_select("nul", "it holds a byte that ends a text"));
    }
    let types: Vec<Type> = values.iter().map(|value| declared(&value.data_type)).collect();
    // Both go out at once, and the server takes them in this order.
    let begin = beginning(bounds.deadline);
    let (begun, prepared) = future::join(client.batch_execute(&begin), client.prepare_typed(sql, &types)).await;
    begun.map_err(failed)?;
    let mut prepared = prepared.map_err(failed)?;
    // Whatever makes no rows is no SELECT: a setting, the end of the transaction, a copy to a file. It was read and is not run.
    if prepared.columns().is_empty() {
        return Err(no_select("no_columns", "it gives no columns, so it is no SELECT"));
    }
    if prepared.params().len() != values.len() {
        return Err(no_select("values", "it has another number of placeholders than there are values"));
    }
    let columns: Vec<String> = prepared.columns().iter().map(|column| column.name().to_owned()).collect();
    if prepared.columns().iter().any(|column| Reading::of(column.type_()).is_none()) {
        let readable: Vec<bool> = prepared.columns().iter().map(|column| Reading::of(column.type_()).is_some()).collect();
        prepared = client.prepare_typed(&with_texts(sql, &readable), &types).await.map_err(failed)?;
    }
    // What is still unknown after that is a text or an error, never a guess at bytes.
    let readings: Vec<Reading> =
        prepared.columns().iter().map(|column| Reading::of(column.type_()).unwrap_or(Reading::Text)).collect();
    let stream = client.query_raw(&prepared, values.iter().map(|value| Given(&value.value))).await.map_err(failed)?;
    let mut gathered = Gathered::new(columns, bounds);
    let taken = async {
        let mut stream = pin!(stream);
        while let Some(row) = stream.next().await {
            gathered.push(cells(&row.map_err(failed)?, &readings)?)?;
        }
        Ok(gathered.done())
    };
    // The end of the transaction waits in the server behind the rows, and costs no way of its own. Where the rows end early
    // it is not waited for: then the connection is given up.
    let ended = async { client.batch_execute("ROLLBACK").await.map_err(failed) };
    let (rows, ()) = future::try_join(taken, ended).await?;
    Ok(rows)
}

fn no_select(code: &str, said: &str) -> WarehouseError {
    WarehouseError::Refused { code: code.to_owned(), said: said.to_owned() }
}

/// The words that begin a transaction in which nothing is written, and no statement runs on after the deadline.
pub(super) fn beginning(deadline: Deadline) -> String {
    // Zero would mean no limit.
    let millis = deadline.remaining().as_millis().clamp(1, i32::MAX as u128);
    format!("BEGIN READ ONLY; SET LOCAL statement_timeout = {millis}")
}

/// The statement with a text in place of each column that is not read otherwise. Rows of a subquery keep their order where nothing is
/// done to them.
fn with_texts(sql: &str, readable: &[bool]) -> String {
    let names: Vec<String> = (1..=readable.len()).map(|number| format!("c{number}")).collect();
    let read = names.iter().zip(readable).map(|(name, readable)| if *readable { name.clone() } else { format!("{name}::text") });
    // A comment at the end of the statement must not swallow the rest.
    format!("SELECT {} FROM (\n{sql}\n) AS q({})", read.collect::<Vec<_>>().join(", "), names.join(", "))
}

fn cells(row: &Row, readings: &[Reading]) -> Result<Vec<Cell>, WarehouseError> {
    let read = readings.iter().enumerate().map(|(at, reading)| {
        let Raw(bytes) = row.try_get(at).map_err(|error| error::of_statement(&error))?;
        let cell = bytes.map_or(Some(Cell::Null), |bytes| reading.cell(bytes));
        cell.ok_or_else(|| WarehouseError::Refused {
            code: "value".to_owned(),
            said: format!("a value of the column {} does not read as {reading:?}", at + 1),
        })
    });
    read.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_columns_that_are_not_read_become_texts() {
        assert_eq!(
            with_texts("SELECT 1, b -- x", &[true, false]),
            "SELECT c1, c2::text FROM (\nSELECT 1, b -- x\n) AS q(c1, c2)"
        );
    }
}
