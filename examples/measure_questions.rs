//! What the words of questions become: intent, SQL and class, one JSON object on each line; and what their answers are worth.
//!
//! `cargo run --example measure_questions -- layers/olist.yaml questions.jsonl [--dialect sqlite] [--as-of 2018-10-17]`. Each line of the
//! questions is an object with a `question`; whatever else it holds comes back beside the result. Where it holds `rows`, the rows of the
//! primary query, of each sibling and of the relaxed one, the label and all that led to it comes back too.
//! `scripts/measure_questions.py` runs the SQL, holds the rows against known ones and can write such lines.

use clap::Parser;
use instinct::engine::analytics::answer::{Given, answer, refused};
use instinct::engine::analytics::compile::sql::Dialect;
use instinct::engine::analytics::compile::{Compiled, Query, compile};
use instinct::engine::analytics::layer::Layer;
use instinct::engine::analytics::reconcile::{
    Cell, Derivation, Expectation, Frame, Reconciliation, Signals, Skip, label, reconcile, sane,
};
use instinct::engine::analytics::words::{Asked, Reading, Words};
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
        if let Some(refusal) = refused(&words, &reading, (&question, arguments.as_of)) {
            row["answer"] = serde_json::to_value(refusal)?;
        }
        if let Reading::Data(asked) = &reading {
            row["digest"] = json!(hex::encode(asked.intent.digest()));
            row["compiled"] = match compile(&layer, &asked.intent, arguments.dialect) {
                Ok(compiled) => {
                    if row["rows"].is_object() {
                        let rows = Rows::of(&compiled, &row["rows"]);
                        let derivation = derived(asked, &compiled, &rows);
                        row["answer"] =
                            serde_json::to_value(answer(&rows.given(&words, (asked, &compiled), &derivation, arguments.as_of)))?;
                        row["derivation"] = serde_json::to_value(derivation)?;
                    }
                    serde_json::to_value(compiled)?
                }
                Err(error) => json!({ "error": error.to_string() }),
            };
        } else if let Reading::Unanswerable { reason, .. } = &reading {
            let signals = Signals { unanswerable: Some(reason.clone()), ..Signals::default() };
            row["derivation"] = serde_json::to_value(label(&signals))?;
        }
        row["reading"] = serde_json::to_value(reading)?;
        writeln!(out, "{row}")?;
    }
    Ok(())
}

/// The rows of all queries of a question.
struct Rows {
    primary: Frame,
    siblings: Vec<Option<Frame>>,
    relaxed: Option<Frame>,
}

impl Rows {
    fn of(compiled: &Compiled, rows: &Value) -> Self {
        let sibling = |(index, query)| rows["siblings"][index].is_array().then(|| frame(query, &rows["siblings"][index]));
        Self {
            primary: frame(&compiled.primary, &rows["primary"]),
            siblings: compiled.siblings.iter().enumerate().map(sibling).collect(),
            relaxed: compiled.relaxed.as_ref().map(|query| frame(query, &rows["relaxed"])),
        }
    }

    fn given<'a>(
        &'a self,
        words: &'a Words,
        (asked, compiled): (&'a Asked, &'a Compiled),
        derivation: &'a Derivation,
        as_of: Date,
    ) -> Given<'a> {
        let (primary, siblings, relaxed) = (&self.primary, self.siblings.as_slice(), self.relaxed.as_ref());
        Given { words, asked, compiled, primary, siblings, relaxed, derivation, hint: None, as_of }
    }
}

/// The label of an answer whose rows are known.
fn derived(asked: &Asked, compiled: &Compiled, rows: &Rows) -> Derivation {
    let expected = Expectation { grouped: asked.intent.is_grouped(), whole: None, relaxed: rows.relaxed.as_ref() };
    let siblings: Vec<&Frame> = rows.siblings.iter().flatten().collect();
    let reconciliations = match Skip::of(asked.intent.view, compiled.siblings.len(), siblings.len()) {
        Some(skip) => vec![Reconciliation::skipped(skip)],
        None => siblings.iter().map(|sibling| reconcile(&rows.primary, sibling)).collect(),
    };
    label(&Signals {
        findings: sane(&rows.primary, expected),
        reconciliations,
        assumptions: compiled.primary.assumptions.clone(),
        corrections: asked.corrections.clone(),
        attributed: compiled.primary.attributed,
        overlapping: compiled.primary.overlapping,
        ..Signals::default()
    })
}

fn frame(query: &Query, rows: &Value) -> Frame {
    let cell = |value: &Value| match value {
        Value::String(text) => Cell::Text(text.clone()),
        Value::Number(number) => match number.as_i64() {
            Some(whole) => Cell::Integer(whole),
            None => number.as_f64().map_or(Cell::Null, Cell::Number),
        },
        _ => Cell::Null,
    };
    let row = |row: &Value| row.as_array().into_iter().flatten().map(cell).collect();
    Frame { columns: query.columns.clone(), rows: rows.as_array().into_iter().flatten().map(row).collect() }
}
