//! What the words of questions become: intent, SQL and class, one JSON object on each line.
//!
//! `cargo run --example measure_questions -- layers/olist.yaml questions.jsonl [--dialect sqlite] [--as-of 2018-10-17]`. Each line of the
//! questions is an object with a `question`; whatever else it holds comes back beside the result. `scripts/measure_questions.py` runs the
//! SQL and holds the rows against known ones.

use clap::Parser;
use instinct::engine::analytics::compile::compile;
use instinct::engine::analytics::compile::sql::Dialect;
use instinct::engine::analytics::layer::Layer;
use instinct::engine::analytics::words::{Reading, Words};
use jiff::civil::Date;
use serde_json::{Value, json};
use std::error::Error;
use std::fs;
use std::io::{Write, stdout};
use std::path::PathBuf;
use std::sync::Arc;

/// What the words of questions become.
#[derive(Debug, Parser)]
struct Arguments {
    /// The layer.
    layer: PathBuf,
    /// The questions, one JSON object on each line.
    questions: PathBuf,
    /// The dialect of the SQL.
    #[arg(long, default_value = "sqlite")]
    dialect: Dialect,
    /// The day of asking.
    #[arg(long, default_value = "2018-10-17")]
    as_of: Date,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    let layer = Arc::new(Layer::load(&arguments.layer)?);
    let words = Words::new(Arc::clone(&layer));
    let mut out = stdout().lock();
    for line in fs::read_to_string(&arguments.questions)?.lines().filter(|line| !line.trim().is_empty()) {
        let mut row: Value = serde_json::from_str(line)?;
        let question = row["question"].as_str().unwrap_or_default().to_owned();
        let reading = words.read(&question, arguments.as_of);
        if let Reading::Data(asked) = &reading {
            row["digest"] = json!(hex::encode(asked.intent.digest()));
            row["compiled"] = match compile(&layer, &asked.intent, arguments.dialect) {
                Ok(compiled) => serde_json::to_value(compiled)?,
                Err(error) => json!({ "error": error.to_string() }),
            };
        }
        row["reading"] = serde_json::to_value(reading)?;
        writeln!(out, "{row}")?;
    }
    Ok(())
}
