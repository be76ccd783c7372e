//! What a statement would cost, by the planner's own estimate.

use super::error;
use super::query::beginning;
use super::value::{Given, Raw, declared};
use crate::domain::deadline::Deadline;
use crate::warehouse::{Cost, Statement, WarehouseError};
use futures_util::{StreamExt, future};
use serde_json::Value;
use std::collections::HashMap;
use std::pin::pin;
use tokio_postgres::Client;
use tokio_postgres::types::Type;

/// Parts of a plan inside one another. A deeper one is a statement that no gate passes.
const DEPTH_MAX: usize = 500;

/// How many rows the tables of the schemas have, for a scan's own number is that after its filter.
const ROWS: &str = "SELECT n.nspname::text, c.relname::text, c.reltuples::float8 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
    WHERE c.relkind IN ('r', 'm') AND c.relname = ANY($1)";

pub(super) async fn of(client: &Client, statement: &Statement, deadline: Deadline) -> Result<Option<Cost>, WarehouseError> {
    let result = explained(client, statement, deadline).await;
    let ended = client.batch_execute("ROLLBACK").await;
    let cost = result?;
    ended.map_err(|error| error::of_statement(&error))?;
    Ok(cost)
}

async fn explained(client: &Client, statement: &Statement, deadline: Deadline) -> Result<Option<Cost>, WarehouseError> {
    let failed = |error: tokio_postgres::Error| error::of_statement(&error);
    let types: Vec<Type> = statement.values.iter().map(|value| declared(&value.data_type)).collect();
    let (begin, explain) = (beginning(deadline), format!("EXPLAIN (FORMAT JSON, VERBOSE) {}", statement.sql));
    let (begun, prepared) = future::join(client.batch_execute(&begin), client.prepare_typed(&explain, &types)).await;
    begun.map_err(failed)?;
    let prepared = prepared.map_err(failed)?;
    if prepared.params().len() != statement.values.len() {
        return Ok(None);
    }
    let values = statement.values.iter().map(|value| Given(&value.value));
    let mut plans = pin!(client.query_raw(&prepared, values).await.map_err(failed)?);
    let Some(row) = plans.next().await else { return Ok(None) };
    let row = row.map_err(failed)?;
    let Raw(bytes) = row.try_get(0).map_err(failed)?;
    let Some(plan) = bytes.and_then(|bytes| serde_json::from_slice::<Value>(bytes).ok()) else { return Ok(None) };
    let Some(root) = plan.get(0).and_then(|whole| whole.get("Plan")) else { return Ok(None) };
    let mut names = Vec::new();
    relations(root, &mut names, DEPTH_MAX);
    let known = client.query(ROWS, &[&names]).await.map_err(failed)?;
    let sizes = known.iter().map(|row| ((row.get::<_, String>(0), row.get::<_, String>(1)), row.get::<_, f64>(2))).collect();
    let Some(read) = read(root, &sizes, DEPTH_MAX) else { return Ok(None) };
    // A join of few rows with few may make many, so what any part of the plan makes counts too.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "an estimate that is too large for the type is its largest"
    )]
    Ok(Some(Cost { rows: read.max(most(root, DEPTH_MAX)).ceil() as u64 }))
}

fn parts(node: &Value) -> &[Value] {
    node.get("Plans").and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn number(node: &Value, name: &str) -> f64 {
    node.get(name).and_then(Value::as_f64).unwrap_or(0.0)
}

fn word<'a>(node: &'a Value, name: &str) -> &'a str {
    node.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn relations(node: &Value, names: &mut Vec<String>, depth: usize) {
    names.extend(node.get("Relation Name").and_then(Value::as_str).map(ToOwned::to_owned));
    if depth > 0 {
        parts(node).iter().for_each(|part| relations(part, names, depth - 1));
    }
}

/// Rows that are read from tables. The inner side of a nested loop is read once for each row of the outer one, unless it is kept.
fn read(node: &Value, sizes: &HashMap<(String, String), f64>, depth: usize) -> Option<f64> {
    let depth = depth.checked_sub(1)?;
    let kind = word(node, "Node Type");
    let own = match node.get("Relation Name").and_then(Value::as_str) {
        None => 0.0,
        Some(name) if kind == "Seq Scan" => {
            let size = sizes.get(&(word(node, "Schema").to_owned(), name.to_owned()));
            // A table that was never counted has -1.
            size.copied().unwrap_or(0.0).max(number(node, "Plan Rows"))
        }
        Some(_) => number(node, "Plan Rows"),
    };
    let mut sum = own;
    for part in parts(node) {
        let kept = matches!(word(part, "Node Type"), "Materialize" | "Memoize");
        let again = kind == "Nested Loop" && word(part, "Parent Relationship") == "Inner" && !kept;
        let outer = parts(node).iter().find(|other| word(other, "Parent Relationship") == "Outer");
        let times = if again { outer.map_or(1.0, |outer| number(outer, "Plan Rows").max(1.0)) } else { 1.0 };
        sum += times * read(part, sizes, depth)?;
    }
    Some(sum)
}

/// The most rows that a part of the plan makes.
fn most(node: &Value, depth: usize) -> f64 {
    let own = number(node, "Plan Rows");
    if depth == 0 { own } else { parts(node).iter().map(|part| most(part, depth - 1)).fold(own, f64::max) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn scan(name: &str, rows: u64, side: &str) -> Value {
        json!({"Node Type": "Seq Scan", "Relation Name": name, "Schema": "public", "Plan Rows": rows, "Parent Relationship": side})
    }

    fn sizes() -> HashMap<(String, String), f64> {
        HashMap::from([(("public".into(), "a".into()), 1_000.0), (("public".into(), "b".into()), -1.0)])
    }

    #[test]
    fn a_scan_reads_the_whole_table_whatever_its_filter_leaves() {
        assert_eq!(read(&scan("a", 3, "Outer"), &sizes(), 9), Some(1_000.0));
        assert_eq!(read(&scan("b", 3, "Outer"), &sizes(), 9), Some(3.0));
    }

    #[test]
    fn the_inner_side_of_a_loop_is_read_as_often_as_the_outer_has_rows() {
        let of = |inner| json!({"Node Type": "Nested Loop", "Plan Rows": 9_000_000, "Plans": [scan("b", 50, "Outer"), inner]});
        assert_eq!(read(&of(scan("a", 1, "Inner")), &sizes(), 9), Some(50_050.0));
        let kept = json!({"Node Type": "Materialize", "Parent Relationship": "Inner", "Plans": [scan("a", 1, "Outer")]});
        assert_eq!(read(&of(kept.clone()), &sizes(), 9), Some(1_050.0));
        assert_eq!(most(&of(kept), 9), 9_000_000.0);
    }

    #[test]
    fn a_plan_that_is_too_deep_has_no_cost_and_ends() {
        let deep = (0..20).fold(scan("a", 1, "Outer"), |inner, _| json!({"Node Type": "Limit", "Plans": [inner]}));
        assert_eq!(read(&deep, &sizes(), 9), None);
    }
}
