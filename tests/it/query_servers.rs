//! Questions about data put to servers: the same rows from PostgreSQL and MariaDB as from the engine in process.

use super::query::{TABLES, ask, marketplace, table};
use super::scripted_chat::ScriptedChat;
use super::service::{Builder, Service, project};
use super::warehouses::{MariaDbServer, PostgresServer};
use instinct::engine::analytics::layer::{ColumnType, Layer};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Rows that one statement inserts.
const ROWS_AT_ONCE: usize = 1_000;

/// Of every measure, level and kind of window at least one.
const QUESTIONS: [&str; 24] = [
    "How many orders were placed in 2017?",
    "What was total revenue in 2017?",
    "What was total revenue in 2017 by month?",
    "How many orders by customer state?",
    "Top 5 product categories by revenue in 2017",
    "Bottom 3 seller states by freight in 2018",
    "Average review score by product category",
    "On time rate by customer state",
    "Late rate in 2018 by month",
    "Average delivery time by quarter",
    "Average delivery delay in 2017",
    "Average order value by payment type",
    "Repeat purchase rate in 2017",
    "Orders per customer",
    "Cancellation rate by year",
    "How did revenue change from 2017 to 2018?",
    "Revenue in the first quarter of 2018 compared to the first quarter of 2017",
    "How many reviews with a score of 1 in 2018?",
    "Total freight by seller city in SP",
    "Payments by payment type in 2017",
    "How many customers bought in March 2018?",
    "Average installments by payment type",
    "Weekly orders in March 2018",
    "Share of revenue by customer state in 2017",
];

/// The statements that make a table of the sample, in the words of a dialect, as the layer says what its columns hold.
fn statements(
    layer: &Layer,
    name: &str,
    quoted: impl Fn(&str) -> String,
    of: impl Fn(&str, ColumnType) -> &'static str,
) -> Vec<String> {
    let columns = &layer.tables[name].columns;
    let heads: Vec<String> = columns.iter().map(|(column, kind)| format!("{column} {}", of(column, *kind))).collect();
    let text = table(name);
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let head: BTreeMap<String, usize> =
        reader.headers().unwrap().iter().enumerate().map(|(at, name)| (name.to_owned(), at)).collect();
    let rows: Vec<String> = reader
        .records()
        .map(|record| {
            let record = record.unwrap();
            let cells = columns.iter().map(|(column, kind)| {
                let cell = record[head[column]].trim();
                match kind {
                    _ if cell.is_empty() => "NULL".to_owned(),
                    ColumnType::Integer | ColumnType::Number => cell.to_owned(),
                    ColumnType::Text | ColumnType::Timestamp => quoted(&record[head[column]]),
                }
            });
            format!("({})", cells.collect::<Vec<_>>().join(", "))
        })
        .collect();
    let inserts = rows.chunks(ROWS_AT_ONCE).map(|rows| format!("INSERT INTO {name} VALUES {}", rows.join(", ")));
    std::iter::once(format!("CREATE TABLE {name} ({})", heads.join(", "))).chain(inserts).collect()
}

fn in_postgres(layer: &Layer) -> PostgresServer {
    let server = PostgresServer::start(&[]);
    let of = |_: &str, kind| match kind {
        ColumnType::Text => "text",
        ColumnType::Integer => "bigint",
        ColumnType::Number => "double precision",
        ColumnType::Timestamp => "timestamp",
    };
    let written = |text: &str| format!("'{}'", text.replace('\'', "''"));
    let made = TABLES.into_iter().flat_map(|name| statements(layer, name, written, of));
    server.say(&made.collect::<Vec<_>>().join(";\n"));
    server.say("ANALYZE; CREATE ROLE reader LOGIN; GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader; REVOKE CREATE ON SCHEMA public FROM public");
    server
}

fn in_mariadb(layer: &Layer) -> MariaDbServer {
    let server = MariaDbServer::start(&[]);
    server.say("CREATE DATABASE shop; CREATE USER reader@'%'; GRANT SELECT ON shop.* TO reader@'%'");
    let of = |column: &str, kind| match kind {
        ColumnType::Text if column.ends_with("_id") => "VARCHAR(64), INDEX USING BTREE (%)",
        ColumnType::Text => "TEXT",
        ColumnType::Integer => "BIGINT",
        ColumnType::Number => "DOUBLE",
        ColumnType::Timestamp => "DATETIME",
    };
    let written = |text: &str| format!("'{}'", text.replace('\\', "\\\\").replace('\'', "''"));
    for name in TABLES {
        for statement in statements(layer, name, written, of) {
            // An index is of the column that it stands behind.
            let indexed = layer.tables[name].columns.iter().filter(|(column, kind)| of(column, **kind).ends_with("(%)"));
            let statement = indexed.fold(statement, |sql, (column, _)| sql.replacen("(%)", &format!("({column})"), 1));
            server.say(&format!("USE shop; {statement}"));
        }
        server.say(&format!("ANALYZE TABLE shop.{name}"));
    }
    server
}

/// A service over a server, which shows every tenant all rows.
fn over(kind: &str, url: &str) -> Service {
    builder_over(kind, url).start()
}

fn builder_over(kind: &str, url: &str) -> Builder {
    let section = format!("WAREHOUSE__{}", kind.to_uppercase());
    let mut builder = Builder::new()
        .set("WAREHOUSE__KIND", kind)
        .set(&format!("{section}__URL"), url)
        .set(&format!("{section}__TLS__ON"), "false");
    for name in TABLES {
        builder = builder.set(&format!("ENGINE__ANALYTICS__ROWS__{}", name.to_uppercase()), "all");
    }
    builder
}

fn same(one: &Value, other: &Value) -> bool {
    match (one.as_f64(), other.as_f64()) {
        (Some(one), Some(other)) => (one - other).abs() <= 1e-6 * one.abs().max(other.abs()).max(1e-3),
        _ => match (one.as_array(), other.as_array()) {
            (Some(one), Some(other)) => one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other)),
            _ => one == other,
        },
    }
}

#[test]
fn servers_give_the_rows_that_the_engine_in_process_gives() {
    let layer = Layer::load(&project().join("layers/olist.yaml")).unwrap();
    let (postgres, mariadb) = (in_postgres(&layer), in_mariadb(&layer));
    let reference = marketplace(Builder::new());
    let servers = [over("postgresql", &postgres.url("reader")), over("mysql", &mariadb.url("reader", "shop"))];
    let mut wrong = Vec::new();
    for question in QUESTIONS {
        let expected = ask(&reference, question);
        let rows = &expected["answer"]["table"]["rows"];
        assert!(rows.as_array().is_some_and(|rows| !rows.is_empty()), "{question}: {expected}");
        for (service, name) in servers.iter().zip(["PostgreSQL", "MariaDB"]) {
            let got = ask(service, question);
            if !same(rows, &got["answer"]["table"]["rows"]) || got["label"] != expected["label"] {
                wrong.push(format!("{name}: {question}\n  {}\n  {}\n  {}", rows, got["answer"], got["sql"]));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), 2 * QUESTIONS.len(), wrong.join("\n"));
}

#[test]
fn a_model_is_shown_the_tables_of_a_server_that_have_a_rule_and_reaches_no_other() {
    let layer = Layer::load(&project().join("layers/olist.yaml")).unwrap();
    let postgres = in_postgres(&layer);
    postgres.say(
        "CREATE TABLE depots (depot_id bigint, bulky bigint); INSERT INTO depots VALUES (1, 10), (2, 30); CREATE TABLE secrets (word text); \
         INSERT INTO secrets VALUES ('hush'); GRANT SELECT ON depots, secrets TO reader",
    );
    let (chat, folder) = (ScriptedChat::start(), tempfile::tempdir().unwrap());
    let settings = folder.path().join("settings.toml");
    std::fs::write(&settings, chat.settings()).unwrap();
    let builder = builder_over("postgresql", &postgres.url("reader")).set("CONFIG", settings.to_str().unwrap());
    let service = builder.set("ENGINE__ANALYTICS__ROWS__DEPOTS", "all").start();
    let question = "How many bulky orders has each depot?";
    let columns = [("depot_id", "key", "none"), ("bulky_orders", "value", "count")];
    let depots = "SELECT depot_id, bulky AS bulky_orders FROM depots ORDER BY depot_id";
    chat.plans(&[question])
        .writes("SELECT word AS depot_id, 1 AS bulky_orders FROM secrets", &columns)
        .writes(depots, &columns)
        .finds("");
    let answer = ask(&service, question);
    assert_eq!((&answer["sql"], &answer["reflection"]["attempts"]), (&json!(depots), &json!(2)), "{answer}");
    let rows = answer["answer"]["table"]["rows"].as_array().unwrap();
    assert!(rows.len() == 2 && rows[1][1].as_f64() == Some(30.0), "{answer}");
    let tables = &chat.asked("plan")[0]["schema"]["tables"];
    assert!(tables["depots"]["columns"]["bulky"].is_string() && tables["secrets"].is_null(), "{tables}");
    assert!(!chat.heard().contains("hush"));
}
