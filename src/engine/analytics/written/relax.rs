//! Which condition of a query leaves nothing over: the query without each of its conditions in turn.

use crate::sql::Dialect;
use sqlparser::ast::{BinaryOperator, Expr, Query, SetExpr, Statement, VisitMut, VisitorMut};
use sqlparser::dialect::{ClickHouseDialect, Dialect as Grammar, DuckDbDialect, MySqlDialect, PostgreSqlDialect};
use sqlparser::parser::Parser;
use std::ops::ControlFlow;

/// Conditions that are tried.
const CONDITIONS_MAX: usize = 6;

/// Levels of brackets and calls that the parser follows.
const DEPTH_MAX: usize = 40;

/// A query without one of its conditions. It is text of a model as much as the query was, and goes through the same gate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Relaxed {
    /// The condition, as the query writes it.
    pub(super) condition: String,
    /// The query without it.
    pub(super) sql: String,
}

/// The query without each of its conditions in turn, of every SELECT in it; none where the query can't be read. Only a statement that the
/// gate passed comes here, so it is no larger than the gate allows.
pub(super) fn relaxed(sql: &str, dialect: Dialect) -> Vec<Relaxed> {
    let grammar: &dyn Grammar = match dialect {
        Dialect::ClickHouse => &ClickHouseDialect {},
        Dialect::DuckDb => &DuckDbDialect {},
        Dialect::MySql => &MySqlDialect {},
        Dialect::PostgreSql => &PostgreSqlDialect {},
    };
    let parsed =
        Parser::new(grammar).with_recursion_limit(DEPTH_MAX).try_with_sql(sql).and_then(|mut parser| parser.parse_statements());
    let Ok([Statement::Query(query)]) = parsed.as_deref() else { return Vec::new() };
    let mut all = Vec::new();
    for at in 0..CONDITIONS_MAX {
        let mut query = query.clone();
        let mut dropper = Dropper { left: at, dropped: None };
        let _ = query.visit(&mut dropper);
        let Some(condition) = dropper.dropped else { break };
        all.push(Relaxed { condition: condition.to_string(), sql: query.to_string() });
    }
    all
}

/// Takes the condition of a number away.
struct Dropper {
    left: usize,
    dropped: Option<Expr>,
}

impl VisitorMut for Dropper {
    type Break = ();

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        self.body(&mut query.body);
        if self.dropped.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

impl Dropper {
    fn body(&mut self, body: &mut SetExpr) {
        match body {
            SetExpr::Select(select) => {
                self.clause(&mut select.selection);
                self.clause(&mut select.having);
            }
            SetExpr::SetOperation { left, right, .. } => {
                self.body(left);
                self.body(right);
            }
            // A query in brackets is visited as a query of its own.
            _ => {}
        }
    }

    fn clause(&mut self, clause: &mut Option<Expr>) {
        let Some(whole) = clause.take() else { return };
        let mut conditions = Vec::new();
        apart(whole, &mut conditions);
        if self.dropped.is_none() && self.left < conditions.len() {
            self.dropped = Some(conditions.remove(self.left));
        } else {
            self.left = self.left.saturating_sub(conditions.len());
        }
        let and = |left, right| Expr::BinaryOp { left: Box::new(left), op: BinaryOperator::And, right: Box::new(right) };
        *clause = conditions.into_iter().reduce(and);
    }
}

/// Conditions that must all hold, one by one.
fn apart(expression: Expr, conditions: &mut Vec<Expr>) {
    match expression {
        Expr::BinaryOp { left, op: BinaryOperator::And, right } => {
            apart(*left, conditions);
            apart(*right, conditions);
        }
        Expr::Nested(inner) if matches!(*inner, Expr::BinaryOp { op: BinaryOperator::And, .. }) => apart(*inner, conditions),
        other => conditions.push(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn conditions(sql: &str) -> Vec<(String, String)> {
        relaxed(sql, Dialect::DuckDb).into_iter().map(|relaxed| (relaxed.condition, relaxed.sql)).collect()
    }

    #[test]
    fn each_condition_is_taken_away_once_wherever_it_stands() {
        let sql = "WITH w AS (SELECT a FROM t WHERE x = 1) SELECT a, count(*) FROM w WHERE (b > 2 AND (c = 3 OR d = 4)) GROUP BY a HAVING count(*) > 5";
        let all = conditions(sql);
        let mut dropped: Vec<&str> = all.iter().map(|(condition, _)| condition.as_str()).collect();
        dropped.sort_unstable();
        assert_eq!(dropped, ["(c = 3 OR d = 4)", "b > 2", "count(*) > 5", "x = 1"]);
        for (condition, sql) in &all {
            assert!(!sql.contains(condition.as_str()), "{sql}");
            assert_eq!(conditions(sql).len(), 3, "the others stay: {sql}");
        }
    }

    #[test]
    fn what_has_no_condition_or_is_no_single_query_has_nothing_to_take_away() {
        for sql in ["SELECT 1", "DROP TABLE t", "SELECT a FROM t WHERE x = 1; SELECT 2", "SELECT FROM WHERE", ""] {
            assert!(conditions(sql).is_empty(), "{sql}");
        }
        let a_union = conditions("SELECT a FROM t WHERE x = 1 UNION ALL SELECT a FROM u WHERE y = 2");
        assert_eq!(a_union.len(), 2);
    }

    proptest! {
        #[test]
        fn no_text_breaks_it_and_it_tries_few(sql in "\\PC{0,60}|(SELECT|a|FROM|t|WHERE|x = 1|AND|OR|\\(|\\)|HAVING| ){0,24}") {
            prop_assert!(relaxed(&sql, Dialect::ClickHouse).len() <= CONDITIONS_MAX);
        }
    }
}
