//! What is true of every statement that passes, and of every text at all.

use super::legitimate::list;
use super::{analyst, gate};
use crate::sql::reading::read;
use crate::sql::{Dialect, Gate};
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree;
use sqlparser::ast::{Cte, JoinOperator, Query, Select, TableFactor, Visit, Visitor};
use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::LazyLock;

static GATES: LazyLock<[Gate; 4]> = LazyLock::new(|| Dialect::ALL.map(gate));

/// Walks a printed statement for a table that stands anywhere but alone behind its filter.
#[derive(Default)]
struct Unfiltered {
    common: BTreeSet<String>,
    found: Vec<String>,
}

impl Visitor for Unfiltered {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        let names = query.with.iter().flat_map(|with| &with.cte_tables).map(|Cte { alias, .. }| alias.name.value.to_lowercase());
        self.common.extend(names);
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<()> {
        let joins = select.from.iter().flat_map(|from| &from.joins);
        let joined = joins
            .filter(|join| {
                !matches!(
                    join.join_operator,
                    JoinOperator::ArrayJoin | JoinOperator::LeftArrayJoin | JoinOperator::InnerArrayJoin
                )
            })
            .map(|join| &join.relation);
        for factor in select.from.iter().map(|from| &from.relation).chain(joined) {
            let TableFactor::Table { name, .. } = factor else { continue };
            let text = name.to_string().replace(['`', '"'], "").to_lowercase();
            let tenants = text == "shop.orders" || text == "shop.customers";
            let filter = select.selection.as_ref().map(ToString::to_string).unwrap_or_default().replace(['`', '"'], "");
            let alone = select.from.len() == 1 && select.from.iter().all(|from| from.joins.is_empty());
            let fine = (tenants && alone && filter == "tenant_id = 'acme'")
                || (text == "shop.products" && alone)
                || self.common.contains(&text);
            if !fine {
                self.found.push(text);
            }
        }
        ControlFlow::Continue(())
    }
}

/// Holds of any text: it is refused, or what passes is filtered throughout and passes again as it is.
fn holds(dialect: Dialect, sql: &str) -> Result<bool, TestCaseError> {
    let gate = GATES.iter().find(|gate| gate.dialect() == dialect).expect("a gate for each dialect");
    let Ok(passed) = gate.pass(sql, &analyst()) else { return Ok(false) };
    let known = ["shop.orders", "shop.customers", "shop.products"];
    prop_assert!(passed.tables.iter().all(|table| known.contains(&table.as_str())), "{:?}", passed.tables);
    let reading = read(&passed.sql, dialect);
    prop_assert!(reading.is_ok(), "{} is not read", passed.sql);
    let mut unfiltered = Unfiltered::default();
    if let Ok(reading) = &reading {
        let _ = reading.query.visit(&mut unfiltered);
    }
    prop_assert!(unfiltered.found.is_empty(), "{:?} in {}", unfiltered.found, passed.sql);
    match gate.pass(&passed.sql, &analyst()) {
        Ok(again) => prop_assert_eq!(&again.sql, &passed.sql),
        // What the gate wrote out may be too long or too deep for another pass; nothing else may be wrong with it.
        Err(refused) => prop_assert_eq!(refused.kind, crate::sql::RefusalKind::Size, "{} of {}", refused, passed.sql),
    }
    Ok(true)
}

fn dialect() -> impl Strategy<Value = Dialect> {
    select(Dialect::ALL.to_vec())
}

const WORDS: [&str; 66] = [
    "SELECT",
    "FROM",
    "WHERE",
    "AND",
    "OR",
    "NOT",
    "IN",
    "EXISTS",
    "(",
    ")",
    ",",
    "*",
    ".",
    "orders",
    "customers",
    "products",
    "shop",
    "order_id",
    "amount",
    "status",
    "customer_id",
    "name",
    "tenant_id",
    "email",
    "AS",
    "a",
    "b",
    "JOIN",
    "LEFT",
    "ON",
    "USING",
    "GROUP",
    "BY",
    "HAVING",
    "ORDER",
    "LIMIT",
    "1",
    "'x'",
    "=",
    "<",
    "+",
    "-",
    "count",
    "sum",
    "UNION",
    "ALL",
    "EXCEPT",
    "WITH",
    "RECURSIVE",
    "LATERAL",
    "CASE",
    "WHEN",
    "THEN",
    "END",
    "OVER",
    "PARTITION",
    "\"orders\"",
    "`orders`",
    "[",
    "]",
    "ARRAY",
    "::",
    "x -> x",
    "NULL",
    "FINAL",
    "OFFSET",
];

/// A statement by a grammar of its own, over names that are there, hidden or shadowed.
fn statement() -> impl Strategy<Value = String> {
    let column = select(vec![
        "order_id",
        "amount",
        "o.amount",
        "c.name",
        "customer_id",
        "x.a",
        "a",
        "email",
        "orders.amount",
        "1",
        "'t'",
        "NULL",
    ]);
    let scalar = column.prop_map(str::to_owned).prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            (inner.clone(), select(vec!["+", "=", "<", "AND", "OR"]), inner.clone())
                .prop_map(|(a, op, b)| format!("{a} {op} {b}")),
            (select(vec!["sum", "count", "lower", "evil", "coalesce"]), inner.clone()).prop_map(|(f, a)| format!("{f}({a})")),
            inner.clone().prop_map(|a| format!("({a})")),
            inner.clone().prop_map(|a| format!("CASE WHEN {a} THEN 1 ELSE 2 END")),
            inner.prop_map(|a| format!("{a} IN (1, 2)")),
        ]
    });
    let source = select(vec![
        "orders",
        "orders AS o",
        "customers c",
        "shop.orders o",
        "products",
        "x",
        "\"orders\" o",
        "`orders` AS o",
        "secrets",
        "ORDERS o",
    ]);
    let select_of = |scalar: BoxedStrategy<String>, source: BoxedStrategy<String>| {
        (
            prop::collection::vec(scalar.clone(), 1..3),
            prop::collection::vec(source, 1..3),
            prop::option::of(scalar),
            any::<bool>(),
            any::<bool>(),
        )
            .prop_map(|(columns, sources, filter, star, cross)| {
                let columns = if star { "*".to_owned() } else { columns.join(", ") };
                let sources = sources.join(if cross { " CROSS JOIN " } else { ", " });
                format!("SELECT {columns} FROM {sources}{}", filter.map(|filter| format!(" WHERE {filter}")).unwrap_or_default())
            })
    };
    let leaf = select_of(scalar.clone().boxed(), source.prop_map(str::to_owned).boxed());
    leaf.prop_recursive(3, 10, 3, move |inner| {
        let scalar = scalar.clone();
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("{a} UNION ALL {b}")),
            (select(vec!["x", "orders", "Orders", "secrets"]), inner.clone(), inner.clone())
                .prop_map(|(n, a, b)| format!("WITH {n} AS ({a}) {b}")),
            (inner.clone(), scalar.clone()).prop_map(|(a, s)| format!("SELECT {s} FROM ({a}) AS x")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("{a} WHERE EXISTS ({b})")),
            (inner.clone(), select(vec!["LIMIT 3", "ORDER BY 1", "GROUP BY a", "LIMIT 99999999"]))
                .prop_map(|(a, end)| format!("{a} {end}")),
            (inner.clone(), inner).prop_map(|(a, b)| format!("SELECT ({a}) FROM ({b}) x")),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn statements_by_a_grammar_are_refused_or_filtered_throughout(dialect in dialect(), sql in statement()) {
        holds(dialect, &sql)?;
    }

    #[test]
    fn words_in_any_order_are_refused_or_filtered_throughout(dialect in dialect(), words in prop::collection::vec(select(WORDS.to_vec()), 0..24)) {
        holds(dialect, &words.join(" "))?;
        holds(dialect, &format!("SELECT {}", words.join(" ")))?;
    }

    #[test]
    fn any_text_is_refused_or_filtered_throughout(dialect in dialect(), sql in any::<String>()) {
        holds(dialect, &sql)?;
        holds(dialect, &format!("SELECT '{sql}' FROM orders"))?;
        holds(dialect, &format!("SELECT status AS \"{sql}\" FROM orders"))?;
    }

    #[test]
    fn a_legitimate_statement_with_a_part_put_in_or_left_out_is_refused_or_filtered_throughout(
        (dialect, sql) in select(list()),
        cut in 0..200_usize,
        length in 0..12_usize,
        put in prop_oneof![select(WORDS.to_vec()).prop_map(str::to_owned), any::<char>().prop_map(String::from)],
    ) {
        let mut characters: Vec<char> = sql.chars().collect();
        let begin = cut.min(characters.len());
        let end = (begin + length).min(characters.len());
        characters.splice(begin..end, put.chars());
        holds(dialect, &characters.into_iter().collect::<String>())?;
    }
}

#[test]
fn statements_of_the_grammar_often_pass() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let (mut passed, tries) = (0, 400);
    for _ in 0..tries {
        let sql = statement().new_tree(&mut runner).expect("a statement").current();
        passed += usize::from(holds(Dialect::PostgreSql, &sql).expect("the properties hold"));
    }
    assert!(passed > tries / 20, "{passed} of {tries}: the properties above would say little");
}

#[test]
fn the_deepest_and_longest_statements_fit_a_small_stack() {
    let deep = |open: &str, close: &str, times: usize| format!("SELECT {}1{}", open.repeat(times), close.repeat(times));
    let mut texts = Vec::new();
    for times in [10, 20, 30, 32, 33, 60, 300, 2_000] {
        for (open, close) in
            [("(", ")"), ("lower(", ")"), ("(SELECT ", ")"), ("CASE WHEN ", " THEN 1 END"), ("- ", ""), ("NOT ", ""), ("[", "]")]
        {
            texts.push(deep(open, close, times));
        }
        texts.push(format!("SELECT 1{}", " + 1".repeat(times)));
        texts.push(format!("SELECT 1{}", "::int".repeat(times)));
        texts.push(format!("SELECT 1{}", " UNION ALL SELECT 1".repeat(times)));
        texts.push(format!("SELECT order_id{} FROM orders", "[1]".repeat(times)));
        texts.push(format!("SELECT 1 FROM {}orders{}", "(SELECT 1 FROM ".repeat(times), ") AS x".repeat(times)));
        texts.push(format!("SELECT 1 FROM orders{}", " JOIN orders".repeat(times)));
        texts.push(format!("{}SELECT 1", "WITH x AS (SELECT 1) ".repeat(times)));
    }
    let tried = std::thread::Builder::new().stack_size(2 << 20).spawn(move || {
        for sql in &texts {
            for dialect in Dialect::ALL {
                let _ = gate(dialect).pass(sql, &analyst());
            }
        }
        texts.len()
    });
    assert!(tried.expect("a thread").join().expect("no panic") > 100);
}
