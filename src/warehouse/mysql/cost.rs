//! What a statement would cost, by the planner's own estimate.

use super::connection::Session;
use super::error;
use super::flavour::Flavour;
use super::query::limit;
use super::value::given;
use crate::domain::deadline::Deadline;
use crate::warehouse::{Cost, Statement, WarehouseError};
use mysql_async::prelude::Queryable;
use mysql_async::{Row, Value};

/// One line of the plan: a table that is read.
#[derive(Debug, Clone, Default, PartialEq)]
struct Step {
    /// The SELECT that it belongs to.
    select: u64,
    rows: f64,
    /// The part of the rows that its conditions leave, in a hundred.
    filtered: f64,
    /// Whether it is read once, and its rows compared in memory.
    buffered: bool,
}

pub(super) async fn of(session: &mut Session, statement: &Statement, deadline: Deadline) -> Result<Option<Cost>, WarehouseError> {
    let failed = |error: mysql_async::Error| error::of_statement(&error);
    // Its plan has another shape.
    if session.flavour == Flavour::StarRocks {
        return Ok(None);
    }
    limit(session, deadline).await?;
    // MariaDB tells of the part that conditions leave only where it is asked for more.
    let word = if session.flavour == Flavour::MariaDb { "EXPLAIN EXTENDED" } else { "EXPLAIN" };
    let prepared = session.conn.prep(format!("{word} {}", statement.sql)).await.map_err(failed)?;
    if usize::from(prepared.num_params()) != statement.values.len() {
        session.conn.close(prepared).await.map_err(failed)?;
        return Ok(None);
    }
    let values: Vec<Value> = statement.values.iter().map(|value| given(&value.value)).collect();
    let plan: Result<Vec<Row>, _> = session.conn.exec(&prepared, values).await;
    session.conn.close(prepared).await.map_err(failed)?;
    let steps: Vec<Step> = plan.map_err(failed)?.iter().map(step).collect();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "an estimate that is too large for the type is its largest"
    )]
    Ok(Some(Cost { rows: rows(&steps).ceil() as u64 }))
}

fn step(row: &Row) -> Step {
    let number = |name: &str| row.get_opt::<Option<f64>, _>(name).and_then(Result::ok).flatten();
    let whole = |name: &str| row.get_opt::<Option<u64>, _>(name).and_then(Result::ok).flatten();
    let extra = row.get_opt::<Option<String>, _>("Extra").and_then(Result::ok).flatten().unwrap_or_default();
    Step {
        select: whole("id").unwrap_or_default(),
        #[expect(clippy::cast_precision_loss, reason = "an estimate")]
        rows: whole("rows").unwrap_or_default() as f64,
        filtered: number("filtered").unwrap_or(100.0),
        buffered: extra.contains("join buffer"),
    }
}

/// Rows that are read, or that a join compares where these are more: the tables of one SELECT are read in the order of their lines, each
/// for every row that the ones before it leave.
fn rows(steps: &[Step]) -> f64 {
    let (mut read, mut most, mut left, mut select) = (0.0, 0.0_f64, 1.0, None);
    for step in steps {
        if select != Some(step.select) {
            (select, left) = (Some(step.select), 1.0);
        }
        read += if step.buffered { step.rows } else { step.rows * left };
        most = most.max(step.rows * left);
        left = (left * step.rows * step.filtered / 100.0).max(1.0);
    }
    most.max(read)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(select: u64, rows: f64, filtered: f64, buffered: bool) -> Step {
        Step { select, rows, filtered, buffered }
    }

    #[test]
    fn the_inner_table_is_read_for_every_row_that_the_outer_leaves() {
        assert_eq!(rows(&[step(1, 1_000.0, 100.0, false)]), 1_000.0);
        assert_eq!(rows(&[step(1, 1_000.0, 10.0, false), step(1, 5.0, 100.0, false)]), 1_500.0);
        assert_eq!(rows(&[step(1, 1_000.0, 100.0, false), step(1, 1_000.0, 100.0, true)]), 1_000_000.0, "compared in memory");
        assert_eq!(rows(&[step(1, 10.0, 100.0, false), step(2, 20.0, 100.0, false)]), 30.0);
        assert_eq!(rows(&[]), 0.0);
    }
}
