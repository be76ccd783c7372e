//! One statement.

use super::connection::Session;
use super::error;
use super::value::{Reading, given};
use crate::domain::deadline::Deadline;
use crate::warehouse::gathered::Gathered;
use crate::warehouse::{Bounds, Rows, Statement, WarehouseError};
use mysql_async::prelude::{Protocol, Queryable};
use mysql_async::{QueryResult, Value};
use std::time::Duration;

/// How long after the deadline the server's own limit of time comes.
const LIMIT_AFTER: Duration = Duration::from_millis(500);

/// Runs a SELECT.
pub(super) async fn rows(session: &mut Session, statement: &Statement, bounds: &Bounds) -> Result<Rows, WarehouseError> {
    limit(session, bounds.deadline).await?;
    asked(session, statement, bounds).await
}

/// The same without a limit of time in the server.
pub(super) async fn asked(session: &mut Session, statement: &Statement, bounds: &Bounds) -> Result<Rows, WarehouseError> {
    let failed = |error: mysql_async::Error| error::of_statement(&error);
    let (conn, prepares) = (&mut session.conn, session.flavour.prepares());
    if !prepares && statement.values.is_empty() {
        return gather(conn.query_iter(statement.sql.as_str()).await.map_err(failed)?, bounds).await;
    }
    let prepared = conn.prep(statement.sql.as_str()).await.map_err(failed)?;
    // Whatever makes no rows is no SELECT: a setting, a copy to a file, a procedure. It was read and is not run.
    let flaw = if prepared.columns().is_empty() && prepares {
        Some(("no_columns", "it gives no columns, so it is no SELECT"))
    } else if usize::from(prepared.num_params()) != statement.values.len() {
        Some(("values", "it has another number of placeholders than there are values"))
    } else {
        None
    };
    if let Some((code, said)) = flaw {
        conn.close(prepared).await.map_err(failed)?;
        return Err(WarehouseError::Refused { code: code.to_owned(), said: said.to_owned() });
    }
    let values: Vec<Value> = statement.values.iter().map(|value| given(&value.value)).collect();
    let result = match conn.exec_iter(&prepared, values).await {
        Ok(result) => gather(result, bounds).await,
        Err(error) => Err(failed(error)),
    };
    // Of a connection that is given up nothing is left to close.
    if matches!(result, Ok(_) | Err(WarehouseError::Refused { .. })) {
        conn.close(prepared).await.map_err(failed)?;
    }
    result
}

/// Takes rows until there are no more, or more than there may be.
async fn gather<P: Protocol>(mut result: QueryResult<'_, 'static, P>, bounds: &Bounds) -> Result<Rows, WarehouseError> {
    let columns = result.columns().unwrap_or_default();
    let readings: Vec<Reading> = columns.iter().map(Reading::of).collect();
    let names = columns.iter().map(|column| column.name_str().into_owned()).collect();
    let mut gathered = Gathered::new(names, bounds);
    while let Some(row) = result.next().await.map_err(|error| error::of_statement(&error))? {
        gathered.push(
            row.unwrap_raw()
                .into_iter()
                .zip(&readings)
                .map(|(value, reading)| reading.cell(value.unwrap_or(Value::NULL)))
                .collect(),
        )?;
    }
    result.drop_result().await.map_err(|error| error::of_statement(&error))?;
    Ok(gathered.done())
}

/// Has the server end what runs on long after the deadline, should nobody else. It comes later than our own end, because a function that the
/// limit interrupts may answer as if it were done: MariaDB's `SLEEP` and `BENCHMARK` do.
pub(super) async fn limit(session: &mut Session, deadline: Deadline) -> Result<(), WarehouseError> {
    let sql = session.flavour.limit(deadline.remaining() + LIMIT_AFTER);
    session.conn.query_drop(sql).await.map_err(|error| error::of_statement(&error))
}
