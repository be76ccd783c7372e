//! Gives statements to the SQL gate and says which it refuses and why:
//! `cargo run --example measure_gate -- DIALECT SCHEMA STATEMENTS [DIALECT SCHEMA STATEMENTS …]`.
//!
//! SCHEMA is a catalogue as JSON, a folder of CSV files with headers (a table each), or a datasource file whose lines after `SCHEMA >` begin
//! with a column and its type, and whose name is the table's. STATEMENTS is JSON or lines of JSON in which every object with a text `sql`
//! holds a statement, or plain text with an empty line between statements. Every table gets a tenant column and its row filter.

use instinct::sql::{Catalogue, Column, Dialect, Gate, Limits, Rows, Scalar, Table, Values, Who};
use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::path::Path;
use std::process::ExitCode;

type Failure = Box<dyn Error>;

/// The tenant's column that tables without a row filter of their own get.
const TENANT: &str = "tenant_id";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.is_empty() || !arguments.len().is_multiple_of(3) {
        return complain("usage: measure_gate DIALECT SCHEMA STATEMENTS [DIALECT SCHEMA STATEMENTS …]");
    }
    let mut refused = 0;
    for set in arguments.chunks(3) {
        match measure(&set[0], Path::new(&set[1]), Path::new(&set[2])) {
            Ok(more) => refused += more,
            Err(error) => return complain(&format!("{}: {error}", set.join(" "))),
        }
    }
    if refused == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

#[expect(clippy::print_stderr, reason = "what an example says to a person goes to standard error")]
fn complain(why: &str) -> ExitCode {
    eprintln!("{why}");
    ExitCode::FAILURE
}

/// Measures one set; how many were refused, or did not pass a second time unchanged.
fn measure(dialect: &str, schema: &Path, statements: &Path) -> Result<usize, Failure> {
    let Some(dialect) = Dialect::ALL.into_iter().find(|known| known.as_str() == dialect) else {
        return Err(format!("there is no dialect {dialect}").into());
    };
    let gate = Gate::new(catalogue(schema)?, dialect, Limits { values: Values::Written, ..Limits::default() })?;
    let who = Who { tenant: Scalar::Text("acme".into()), role: "analyst".into(), attributes: BTreeMap::new() };
    let statements = read(statements)?;
    let (mut refused, mut micros) = (0, Vec::new());
    for (name, sql) in &statements {
        let begin = std::time::Instant::now();
        let passed = gate.pass(sql, &who);
        micros.push(begin.elapsed().as_micros());
        match passed {
            Ok(passed) => match gate.pass(&passed.sql, &who) {
                Ok(again) if again == passed => {}
                Ok(again) => {
                    refused += 1;
                    println!("{name}: changes when it is passed again\n  {}\n  {}", passed.sql, again.sql);
                }
                Err(why) => {
                    refused += 1;
                    println!("{name}: refused when it is passed again: {why}\n  {}", passed.sql);
                }
            },
            Err(why) => {
                refused += 1;
                println!("{name}: {:?}: {why}\n  {}", why.kind, sql.split_whitespace().collect::<Vec<_>>().join(" "));
            }
        }
    }
    micros.sort_unstable();
    let median = micros.get(micros.len() / 2).copied().unwrap_or(0);
    println!("{}: {} of {} pass, p50 {median} µs", dialect.as_str(), statements.len() - refused, statements.len());
    Ok(refused)
}

fn catalogue(path: &Path) -> Result<Catalogue, Failure> {
    if path.is_dir() {
        let mut tables = Vec::new();
        for entry in fs::read_dir(path)? {
            let path = entry?.path();
            let header = fs::read_to_string(&path)?.lines().next().unwrap_or_default().trim_start_matches('\u{feff}').to_owned();
            let columns = header.split(',').map(|name| (name.trim().trim_matches('"').to_owned(), "TEXT".to_owned()));
            tables.push(table(&path, columns.collect()));
        }
        return Ok(Catalogue { tables });
    }
    let text = fs::read_to_string(path)?;
    match text.split_once("SCHEMA >") {
        None => Ok(serde_json::from_str(&text)?),
        Some((_, lines)) => {
            let lines = lines.lines().filter(|line| line.starts_with("    "));
            let columns = lines.filter_map(|line| {
                let mut words = line.split_whitespace();
                Some((words.next()?.to_owned(), words.next()?.trim_end_matches(',').to_owned()))
            });
            Ok(Catalogue { tables: vec![table(path, columns.collect())] })
        }
    }
}

fn table(path: &Path, columns: Vec<(String, String)>) -> Table {
    let own = columns.into_iter().chain([(TENANT.to_owned(), "String".to_owned())]);
    let columns: Vec<Column> = own.map(|(name, data_type)| Column { name, data_type }).collect();
    let visible = columns.iter().map(|column| column.name.clone()).filter(|name| name != TENANT).collect();
    Table {
        schema: None,
        name: path.file_stem().unwrap_or_default().to_string_lossy().into_owned(),
        columns,
        rows: Rows::Tenant(TENANT.to_owned()),
        roles: BTreeMap::from([("analyst".to_owned(), visible)]),
    }
}

/// The statements of a file with their names.
fn read(path: &Path) -> Result<Vec<(String, String)>, Failure> {
    let text = fs::read_to_string(path)?;
    let mut found = Vec::new();
    if let Ok(whole) = serde_json::from_str(&text) {
        collect("", &whole, &mut found);
        return Ok(found);
    }
    if text.trim_start().starts_with('{') {
        for line in text.lines() {
            collect("", &serde_json::from_str(line)?, &mut found);
        }
        return Ok(found);
    }
    let paragraphs = text.split("\n\n").map(str::trim).filter(|paragraph| !paragraph.is_empty());
    Ok(paragraphs.enumerate().map(|(at, sql)| (format!("{}", at + 1), sql.to_owned())).collect())
}

fn collect(name: &str, value: &serde_json::Value, found: &mut Vec<(String, String)>) {
    use serde_json::Value as V;
    match value {
        V::Array(items) => items.iter().for_each(|item| collect(name, item, found)),
        V::Object(fields) => {
            let own = ["name", "id", "question"].iter().find_map(|key| fields.get(*key)?.as_str()).unwrap_or(name);
            if let Some(V::String(sql)) = fields.get("sql") {
                found.push((own.to_owned(), sql.clone()));
            }
            fields.iter().for_each(|(key, item)| collect(key, item, found));
        }
        _ => {}
    }
}
