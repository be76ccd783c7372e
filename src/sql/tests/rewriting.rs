//! What the gate makes of a statement.

use super::{analyst, catalogue, gate};
use crate::sql::{Catalogue, CatalogueError, Column, Dialect, Gate, Limits, RefusalKind, Rows, Scalar, Table, Values, Who};
use std::collections::BTreeMap;

fn passed(dialect: Dialect, sql: &str) -> String {
    gate(dialect).pass(sql, &analyst()).unwrap_or_else(|refused| panic!("{sql}: {refused}")).sql
}

fn references(sql: &str, quote: char) -> (usize, usize) {
    let filters = sql.matches(&format!("{quote}tenant_id{quote} = 'acme'")).count();
    let tables =
        ["orders", "customers"].iter().map(|name| sql.matches(&format!("{quote}shop{quote}.{quote}{name}{quote}")).count()).sum();
    (tables, filters)
}

#[test]
fn the_filter_stands_at_every_reference_to_a_table() {
    for (sql, expected) in [
        ("SELECT order_id FROM orders", 1),
        ("SELECT a.order_id FROM orders a JOIN orders b ON a.order_id = b.order_id, customers c", 3),
        ("SELECT order_id FROM orders WHERE customer_id IN (SELECT customer_id FROM customers)", 2),
        ("SELECT order_id FROM orders o WHERE EXISTS (SELECT 1 FROM customers c WHERE c.customer_id = o.customer_id)", 2),
        ("SELECT order_id FROM orders UNION ALL SELECT customer_id FROM customers UNION SELECT order_id FROM orders", 3),
        ("WITH x AS (SELECT * FROM orders) SELECT * FROM x JOIN x AS y ON x.order_id = y.order_id", 1),
        ("SELECT (SELECT max(amount) FROM orders), (SELECT count(*) FROM customers)", 2),
        ("SELECT count(*) FROM orders ORDER BY (SELECT max(amount) FROM orders)", 2),
        ("SELECT category FROM products", 0),
        ("SELECT 1 FROM (SELECT 1 AS a FROM (SELECT order_id FROM orders) AS x) AS y", 1),
    ] {
        for dialect in Dialect::ALL {
            let text = passed(dialect, sql);
            assert_eq!(references(&text, dialect.quote()), (expected, expected), "{}: {text}", dialect.as_str());
        }
    }
}

#[test]
fn a_star_is_written_out_as_the_columns_that_the_role_may_see() {
    assert_eq!(
        passed(Dialect::PostgreSql, "SELECT * FROM customers"),
        "SELECT \"customer_id\", \"name\", \"country\" FROM (SELECT \"customer_id\", \"name\", \"country\" FROM \"shop\".\"customers\" \
         WHERE \"tenant_id\" = 'acme') AS customers LIMIT 10000"
    );
    let two = passed(Dialect::MySql, "SELECT p.*, c.name FROM products p, customers c");
    assert!(two.starts_with("SELECT p.`product_id`, p.`category`, p.`price`, c.name FROM"), "{two}");
}

#[test]
fn a_common_table_expression_never_keeps_the_name_of_a_table() {
    let text = passed(Dialect::PostgreSql, "WITH Orders AS (SELECT order_id FROM orders) SELECT orders.order_id FROM ORDERS");
    assert!(text.starts_with("WITH \"Orders_cte1\" AS (SELECT order_id FROM (SELECT"), "{text}");
    assert!(text.ends_with("SELECT orders.order_id FROM \"Orders_cte1\" AS ORDERS LIMIT 10000"), "{text}");
    // Qualified, the name is the table's even where the expression hides it.
    let both =
        passed(Dialect::DuckDb, "WITH orders AS (SELECT 1 AS x) SELECT a.x, b.order_id FROM orders AS a, shop.orders AS b");
    assert_eq!(references(&both, '"'), (1, 1), "{both}");
}

#[test]
fn a_limit_is_put_in_or_lowered_at_the_outermost_query_alone() {
    for (sql, end) in [
        ("SELECT 1", "SELECT 1 LIMIT 10000"),
        ("SELECT 1 LIMIT 5", "SELECT 1 LIMIT 5"),
        ("SELECT 1 LIMIT 50000", "SELECT 1 LIMIT 10000"),
        ("SELECT 1 LIMIT 50000 OFFSET 7", "SELECT 1 LIMIT 10000 OFFSET 7"),
        ("SELECT 1 UNION ALL SELECT 2", "SELECT 1 UNION ALL SELECT 2 LIMIT 10000"),
        ("SELECT x FROM (SELECT 1 AS x LIMIT 20000) AS t", "(SELECT 1 AS x LIMIT 20000) AS t LIMIT 10000"),
    ] {
        for dialect in Dialect::ALL {
            assert!(passed(dialect, sql).ends_with(end), "{}", passed(dialect, sql));
        }
    }
    assert!(passed(Dialect::PostgreSql, "SELECT 1 LIMIT ALL").ends_with("LIMIT 10000"));
    assert!(passed(Dialect::PostgreSql, "SELECT 1 FETCH FIRST 20000 ROWS ONLY").ends_with("LIMIT 10000"));
    assert!(passed(Dialect::MySql, "SELECT 1 LIMIT 5, 20000").ends_with("LIMIT 5, 10000"));
    assert!(
        passed(Dialect::ClickHouse, "SELECT order_id FROM orders LIMIT 2 BY status LIMIT 70000")
            .ends_with("LIMIT 2 BY status LIMIT 10000")
    );
    assert!(
        passed(Dialect::ClickHouse, "SELECT order_id FROM orders LIMIT 2 BY status").ends_with("LIMIT 2 BY status LIMIT 10000")
    );
}

#[test]
fn expressions_named_in_with_or_group_by_stand_where_their_names_do() {
    let text = passed(Dialect::ClickHouse, "WITH amount * 2 AS twice SELECT twice, twice + 1 AS more FROM orders");
    assert!(text.starts_with("SELECT (amount * 2) AS twice, (amount * 2) + 1 AS more FROM"), "{text}");
    let text = passed(Dialect::ClickHouse, "SELECT y, count() FROM orders WHERE y > 2020 GROUP BY toYear(created_at) AS y");
    assert!(text.starts_with("SELECT (toYear(created_at)) AS y, count() FROM"), "{text}");
    assert!(text.contains("WHERE (toYear(created_at)) > 2020 GROUP BY (toYear(created_at))"), "{text}");
}

#[test]
fn values_are_bound_beside_the_statement_in_the_form_of_the_dialect() {
    let hostile = "a' OR '1'='1";
    let who = Who { tenant: Scalar::Text(hostile.into()), ..analyst() };
    let sql = "SELECT status FROM orders WHERE status = '?1 $1 {p1}' UNION SELECT name FROM customers";
    for (dialect, placeholder, count) in [
        (Dialect::ClickHouse, "`tenant_id` = {p1:VARCHAR}", 1),
        (Dialect::DuckDb, "\"tenant_id\" = $1", 1),
        (Dialect::MySql, "`tenant_id` = ?)", 2),
        (Dialect::PostgreSql, "\"tenant_id\" = $1", 1),
    ] {
        let gate = Gate::new(catalogue(), dialect, Limits::default()).expect("a sound catalogue");
        let passed = gate.pass(sql, &who).expect("a plain statement");
        assert_eq!(passed.sql.matches(placeholder).count(), 2, "{}", passed.sql);
        assert!(!passed.sql.contains(hostile) && passed.sql.contains("'?1 $1 {p1}'"), "{}", passed.sql);
        assert_eq!(passed.bindings.len(), count);
        assert!(
            passed.bindings.iter().all(|binding| binding.value == Scalar::Text(hostile.into()) && binding.data_type == "VARCHAR")
        );
    }
    let refused = gate(Dialect::ClickHouse).pass(sql, &who).expect_err("a literal cannot hold it");
    assert_eq!(refused.kind, RefusalKind::Caller);
}

#[test]
fn a_tenant_of_another_type_than_its_column_is_refused() {
    let who = Who { tenant: Scalar::Integer(7), ..analyst() };
    let refused = gate(Dialect::MySql).pass("SELECT order_id FROM orders", &who).expect_err("a number for a text");
    assert_eq!(refused.kind, RefusalKind::Caller);
    assert!(gate(Dialect::MySql).pass("SELECT price FROM products", &who).is_ok(), "a table for all asks nothing");
}

#[test]
fn a_role_that_a_table_does_not_name_does_not_see_it() {
    let auditor = Who { role: "auditor".into(), ..analyst() };
    assert!(gate(Dialect::DuckDb).pass("SELECT line FROM audit", &auditor).is_ok());
    for sql in ["SELECT order_id FROM orders", "SELECT category FROM products"] {
        assert_eq!(gate(Dialect::DuckDb).pass(sql, &auditor).expect_err("another role's").kind, RefusalKind::Table);
    }
}

fn regional(filter: &str) -> Result<Gate, CatalogueError> {
    let columns = [("id", "Int64"), ("region", "String"), ("gone", "UInt8")];
    let columns = columns.map(|(name, data_type)| Column { name: name.into(), data_type: data_type.into() });
    let table = Table {
        schema: None,
        name: "visits".into(),
        columns: columns.into(),
        rows: Rows::Where(filter.into()),
        roles: BTreeMap::new(),
    };
    Gate::new(Catalogue { tables: vec![table] }, Dialect::ClickHouse, Limits { values: Values::Written, ..Limits::default() })
}

#[test]
fn a_row_filter_of_the_operators_takes_values_of_the_caller() {
    let gate = regional("region IN (:region, 'all') AND gone = 0").expect("a filter over the table's columns");
    let mut who = analyst();
    assert_eq!(gate.pass("SELECT id FROM visits", &who).expect_err("no region").kind, RefusalKind::Caller);
    who.attributes.insert("region".into(), Scalar::Text("eu".into()));
    let text = gate.pass("SELECT id FROM visits", &who).expect("a region").sql;
    assert!(text.contains("FROM `visits` WHERE region IN ('eu', 'all') AND gone = 0) AS visits"), "{text}");
}

#[test]
fn a_row_filter_over_anything_but_the_tables_columns_makes_no_gate() {
    for wrong in ["secret = 1", "id IN (SELECT 1)", "evil(id)", "id = 1; DROP TABLE visits", "", "id ="] {
        assert!(regional(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn what_was_read_is_told() {
    let passed = gate(Dialect::DuckDb)
        .pass("SELECT c.name, sum(o.amount) FROM orders o JOIN customers c USING (customer_id) GROUP BY c.name", &analyst())
        .expect("a plain statement");
    assert_eq!(passed.tables.iter().map(String::as_str).collect::<Vec<_>>(), ["shop.customers", "shop.orders"]);
    let columns: Vec<String> = passed.columns.iter().map(|(table, column)| format!("{table}.{column}")).collect();
    assert_eq!(columns, ["shop.customers.name", "shop.orders.amount", "shop.orders.customer_id"]);
}

#[test]
fn a_refusal_says_where() {
    let refused =
        gate(Dialect::PostgreSql).pass("SELECT order_id,\n  emial FROM orders", &analyst()).expect_err("a column that is not");
    assert_eq!(refused.to_string(), "line 2, column 3: there is no column emial here");
}

#[test]
fn names_that_cannot_be_printed_make_no_gate() {
    for name in ["a\"b", "a`b", "", "a\\b", "a\nb"] {
        let mut catalogue = catalogue();
        catalogue.tables[0].name = name.into();
        assert!(matches!(Gate::new(catalogue, Dialect::MySql, Limits::default()), Err(CatalogueError::Name(_))), "{name}");
    }
}
