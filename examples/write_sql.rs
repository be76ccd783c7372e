//! One question through the path on which a language model writes the SQL, against a real server: the protocol, not the quality.
//!
//! `make llm`, then `runtime/llm/llama-server --model runtime/llm/SmolLM2-135M-Instruct.Q4_1.gguf --ctx-size 8192 --port 8123` and
//! `cargo run --example write_sql -- --base http://127.0.0.1:8123/v1 --model smollm2 "How many orders has each state?"`. The gate is the real one;
//! behind it stands no warehouse but one row for whatever passed. What came of it is printed as JSON.

use async_trait::async_trait;
use clap::Parser;
use instinct::domain::deadline::Deadline;
use instinct::domain::sql_value::Cell;
use instinct::engine::analytics::layer::Layer;
use instinct::engine::analytics::linking::{Documents, Linker};
use instinct::engine::analytics::reconcile::Frame;
use instinct::engine::analytics::written::{Ask, Checks, Config, RunFault, Runs, answer};
use instinct::engine::steps::Steps;
use instinct::llm;
use instinct::sql::{Catalogue, Column, Dialect, Gate, Limits, Rows as Seen, Scalar, Table, Who};
use instinct::warehouse::Rows;
use jiff::civil::date;
use serde_json::json;
use std::collections::BTreeMap;
use std::error::Error;
use std::io::{Write, stdout};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// One question through the path of the language model.
#[derive(Debug, Parser)]
struct Arguments {
    /// The question.
    question: String,
    /// Where the server is.
    #[arg(long)]
    base: String,
    /// The model.
    #[arg(long, default_value = "smollm2")]
    model: String,
    /// The layer.
    #[arg(long, default_value = "layers/olist.yaml")]
    layer: PathBuf,
    /// Columns of the schema in the prompt.
    #[arg(long, default_value_t = 6)]
    columns: usize,
    /// Seconds that it may take.
    #[arg(long, default_value_t = 120)]
    seconds: u64,
}

/// A gate with one row behind it.
struct OneRow {
    gate: Gate,
}

#[async_trait]
impl Runs for OneRow {
    async fn run(&self, sql: &str, _deadline: Deadline) -> Result<Rows, RunFault> {
        let who = Who { tenant: Scalar::Integer(1), role: "example".to_owned(), attributes: BTreeMap::new() };
        let passed = self.gate.pass(sql, &who).map_err(|refused| RunFault::refused(&refused))?;
        Ok(Rows { columns: vec![passed.tables.into_iter().next().unwrap_or_default()], rows: vec![vec![Cell::Integer(1)]] })
    }
}

/// Lets no text through that has a number.
struct NoNumbers;

impl Checks for NoNumbers {
    fn sound(&self, text: &str, _frames: &[Option<&Frame>], _said: &[String]) -> String {
        if text.chars().any(|c| c.is_ascii_digit()) { String::new() } else { text.to_owned() }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    let layer = Layer::load(&arguments.layer)?;
    let config: llm::Config = serde_json::from_value(json!({
        "endpoints": [{ "name": "example", "base": arguments.base, "model": arguments.model }],
        "first_token_timeout_ms": 60_000, "token_gap_timeout_ms": 60_000,
    }))?;
    let model = llm::open(&config)?.ok_or("no endpoint is configured")?;
    let linker = Linker::new(Documents::default().with_layer(&layer));
    let linked = linker.link(&arguments.question, None, 3);
    let excerpt = linker.excerpt(&linked, (&layer, &[]), arguments.columns);
    let runs = OneRow { gate: gate(&layer)? };
    let ask = Ask {
        question: &arguments.question,
        as_of: date(2018, 10, 17),
        excerpt: &excerpt,
        examples: &[],
        dialect: Dialect::ClickHouse,
        sibling: None,
        runs: &runs,
        checks: &NoNumbers,
        rows_shown: 3,
        deadline: Deadline::after(Duration::from_secs(arguments.seconds)),
        steps: &Steps::new(Instant::now()),
    };
    let written = answer(&*model, &Config::default(), &ask).await;
    writeln!(stdout(), "{}", serde_json::to_string_pretty(&written)?)?;
    Ok(())
}

fn gate(layer: &Layer) -> Result<Gate, Box<dyn Error>> {
    let column = |name: &String| Column { name: name.clone(), data_type: "String".to_owned() };
    let table = |(name, table): (&String, &instinct::engine::analytics::layer::Table)| Table {
        schema: None,
        name: name.clone(),
        columns: table.columns.keys().map(column).collect(),
        rows: Seen::All,
        roles: BTreeMap::new(),
    };
    Ok(Gate::new(Catalogue { tables: layer.tables.iter().map(table).collect() }, Dialect::ClickHouse, Limits::default())?)
}
