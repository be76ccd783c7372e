//! How many of the columns that the SQL of a question reads are among the first that the question is linked to.
//!
//! `cargo run --example measure_linking -- questions.jsonl [--layer layers/olist.yaml | --datasource events.datasource] [--dialect duckdb]`.
//! Each line of the questions is an object with a `question` and its `sql`. What the SQL reads is told by the gate; a statement that the gate
//! refuses is counted and left out. One line is printed for each way of linking: by words, by meaning too, and with the other questions as
//! answered ones beside both.

use clap::Parser;
use instinct::domain::deadline::Deadline;
use instinct::domain::text::FreshText;
use instinct::domain::vector::UnitVector;
use instinct::embed::{self, Embedder};
use instinct::engine::analytics::layer::Layer;
use instinct::engine::analytics::linking::{Documents, Linked, Linker, Pair, Place};
use instinct::sql::{Catalogue, Column, Dialect, Gate, Limits, Rows, Scalar, Table, Who};
use instinct::warehouse::{ColumnInfo, TableInfo};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::fs;
use std::io::{Write, stdout};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How well questions are linked.
#[derive(Debug, Parser)]
struct Arguments {
    /// The questions, one JSON object on each line.
    questions: PathBuf,
    /// A layer.
    #[arg(long)]
    layer: Option<PathBuf>,
    /// A table in the words of a Tinybird data source.
    #[arg(long)]
    datasource: Option<PathBuf>,
    /// Words to offer choices for, beside the questions.
    #[arg(long)]
    near: Vec<String>,
    /// Whose SQL it is.
    #[arg(long, default_value = "duckdb")]
    dialect: String,
}

type Columns = BTreeSet<(String, String)>;
type Samples = BTreeMap<(String, String), Vec<String>>;

struct Question {
    text: String,
    sql: String,
    columns: Columns,
    vector: Option<UnitVector>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    let layer = arguments.layer.as_deref().map(Layer::load).transpose()?;
    let (tables, samples) = match &arguments.datasource {
        Some(file) => datasource(file)?,
        None => (layer.as_ref().map(of_layer).unwrap_or_default(), Samples::new()),
    };
    let base = || {
        let documents = Documents::default().with_tables(&tables, &samples);
        layer.iter().fold(documents, |documents, layer| documents.with_layer(layer))
    };
    let embedder = embed::open(&embed::Config { workers: 1, ..embed::Config::default() })?;
    let dialect: Dialect = serde_json::from_value(Value::from(arguments.dialect.as_str()))?;
    let gate = gate(&tables, dialect)?;
    let (mut questions, mut refused) = (Vec::new(), 0);
    for line in fs::read_to_string(&arguments.questions)?.lines().filter(|line| !line.trim().is_empty()) {
        let row: Value = serde_json::from_str(line)?;
        let (text, sql) = (row["question"].as_str().unwrap_or_default(), row["sql"].as_str().unwrap_or_default());
        let who = Who { tenant: Scalar::Integer(1), role: "measure".to_owned(), attributes: BTreeMap::new() };
        let Ok(passed) = gate.pass(sql, &who) else {
            refused += 1;
            continue;
        };
        let vector = embedded(&*embedder, text).await;
        let columns = passed.columns.into_iter().map(|(table, column)| (bare(&table), column)).collect();
        questions.push(Question { text: text.to_owned(), sql: sql.to_owned(), columns, vector });
    }
    let mut out = stdout().lock();
    writeln!(out, "{} questions, {refused} refused by the gate, {} documents", questions.len(), base().into_vec().len())?;
    let words = Linker::new(base());
    let mut texts: BTreeMap<String, Option<UnitVector>> = BTreeMap::new();
    for text in words.texts().map(str::to_owned).chain(questions.iter().map(|question| question.text.clone())) {
        let vector = embedded(&*embedder, &text).await;
        texts.insert(text, vector);
    }
    let with_vectors = |linker: Linker| {
        let vectors = linker.texts().map(|text| texts.get(text).cloned().flatten()).collect();
        linker.with_vectors(vectors)
    };
    let both = with_vectors(words.clone());
    for word in &arguments.near {
        let vector = embedded(&*embedder, word).await;
        let told = |choice: &Linked| format!("{} ({:.2})", choice.called, choice.by_meaning.map_or(0.0, |near| near.score));
        let choices: Vec<String> = both.choices(word, vector.as_ref(), 5).iter().map(told).collect();
        writeln!(out, "{word}: {}", choices.join(", "))?;
    }
    told(&mut out, "by words", &questions, |at| words.link(&questions[at].text, None, usize::MAX), |_| words.clone())?;
    told(&mut out, "by words and meaning", &questions, |at| link(&both, &questions[at]), |_| both.clone())?;
    let others = |at: usize| {
        let pair = |(id, question): (usize, &Question)| Pair {
            id: id.to_string(),
            question: question.text.clone(),
            sql: question.sql.clone(),
            columns: question.columns.clone(),
        };
        let pairs: Vec<Pair> =
            questions.iter().enumerate().filter(|(_, other)| other.text != questions[at].text).map(pair).collect();
        with_vectors(Linker::new(base().with_pairs(&pairs)))
    };
    let bare = Layer::read("{name: none, version: 1, comment: none, tables: {}, measures: {}}")?;
    let mut prompts = vec![(0, 0); 2];
    for question in &questions {
        for (columns_max, (found, told)) in [30, 60].into_iter().zip(&mut prompts) {
            let linked = both.link(&question.text, question.vector.as_ref(), 20);
            let excerpt = both.excerpt(&linked, (layer.as_ref().unwrap_or(&bare), &tables), columns_max);
            let has = |(table, column): &&(String, String)| {
                excerpt.tables.get(table).is_some_and(|own| own.columns.contains_key(column))
            };
            *found += question.columns.iter().filter(has).count();
            *told += excerpt.tables.values().map(|table| table.columns.len()).sum::<usize>();
        }
    }
    let all: usize = questions.iter().map(|question| question.columns.len()).sum();
    for (columns_max, (found, told)) in [30, 60].into_iter().zip(prompts) {
        let each = told / questions.len().max(1);
        writeln!(out, "excerpt of up to {columns_max} columns: {found}/{all} columns are in it, which has {each} on average")?;
    }
    told(&mut out, "with the other questions", &questions, |at| link(&others(at), &questions[at]), others)?;
    Ok(())
}

fn link(linker: &Linker, question: &Question) -> Vec<Linked> {
    linker.link(&question.text, question.vector.as_ref(), usize::MAX)
}

/// One line: of all columns, and of all questions, how many are found within the first so many columns; and the tables.
fn told(
    out: &mut impl Write,
    name: &str,
    questions: &[Question],
    links: impl Fn(usize) -> Vec<Linked>,
    linker: impl Fn(usize) -> Linker,
) -> Result<(), Box<dyn Error>> {
    write!(out, "{name:26}")?;
    let ranked: Vec<_> = (0..questions.len()).map(|at| ranked(&links(at), &linker(at))).collect();
    for top in [5, 10, 15, 20] {
        let (mut found, mut all, mut whole) = (0, 0, 0);
        for (question, (columns, _)) in questions.iter().zip(&ranked) {
            let near: BTreeSet<&(String, String)> = columns.iter().take(top).collect();
            let hits = question.columns.iter().filter(|column| near.contains(column)).count();
            found += hits;
            all += question.columns.len();
            whole += usize::from(hits == question.columns.len());
        }
        write!(out, " | top {top}: {found}/{all} columns, {whole}/{} whole", questions.len())?;
    }
    let tables = |columns: &Columns| columns.iter().map(|(table, _)| table.clone()).collect::<BTreeSet<_>>();
    let near =
        |near: &[String], wanted: &BTreeSet<String>| wanted.iter().all(|table| near.iter().take(4).any(|own| own == table));
    let whole = questions.iter().zip(&ranked).filter(|(question, (_, own))| near(own, &tables(&question.columns))).count();
    writeln!(out, " | tables in the first 4: {whole}/{}", questions.len())?;
    Ok(())
}

/// Columns, and their tables, in the order in which links lead to them, each once.
fn ranked(links: &[Linked], linker: &Linker) -> (Vec<(String, String)>, Vec<String>) {
    let of: BTreeMap<&Place, &Columns> = linker.documents().iter().map(|document| (&document.place, &document.columns)).collect();
    let (mut columns, mut tables): (Vec<(String, String)>, Vec<String>) = (Vec::new(), Vec::new());
    for link in links {
        if let Place::Table { table } = &link.place
            && !tables.contains(table)
        {
            tables.push(table.clone());
        }
        for column in of.get(&link.place).into_iter().flat_map(|columns| columns.iter()) {
            if !columns.contains(column) {
                columns.push(column.clone());
            }
            if !tables.contains(&column.0) {
                tables.push(column.0.clone());
            }
        }
    }
    (columns, tables)
}

async fn embedded(embedder: &dyn Embedder, text: &str) -> Option<UnitVector> {
    let text = FreshText::new(text).ok()?;
    embedder.embed_document(&text, Deadline::after(Duration::from_secs(60))).await.ok().map(|embedding| embedding.vector)
}

fn gate(tables: &[TableInfo], dialect: Dialect) -> Result<Gate, Box<dyn Error>> {
    let column = |column: &ColumnInfo| Column { name: column.name.clone(), data_type: column.data_type.clone() };
    let table = |table: &TableInfo| Table {
        schema: None,
        name: table.name.clone(),
        columns: table.columns.iter().map(column).collect(),
        rows: Rows::All,
        roles: BTreeMap::new(),
    };
    let catalogue = Catalogue { tables: tables.iter().map(table).collect() };
    Ok(Gate::new(catalogue, dialect, Limits::default())?)
}

fn bare(table: &str) -> String {
    table.rsplit('.').next().unwrap_or(table).to_owned()
}

fn of_layer(layer: &Layer) -> Vec<TableInfo> {
    let table = |(name, table): (&String, &instinct::engine::analytics::layer::Table)| TableInfo {
        database: String::new(),
        name: name.clone(),
        comment: table.comment.clone(),
        columns: table.columns.keys().map(|name| column(name, "text")).collect(),
        rows: None,
        version: None,
    };
    layer.tables.iter().map(table).collect()
}

fn column(name: &str, data_type: &str) -> ColumnInfo {
    ColumnInfo { name: name.to_owned(), data_type: data_type.to_owned(), comment: String::new() }
}

/// A table and the values that its description lists.
fn datasource(file: &Path) -> Result<(Vec<TableInfo>, Samples), Box<dyn Error>> {
    let text = fs::read_to_string(file)?;
    let name = file.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default().to_owned();
    let (description, schema) = text.split_once("SCHEMA >").ok_or("the data source has no schema")?;
    let schema = schema.split("\n\n").next().unwrap_or_default();
    let typed = schema.lines().filter_map(|line| line.split_once('`').map(|(typed, _)| typed.trim()));
    let columns: Vec<ColumnInfo> =
        typed.filter_map(|typed| typed.split_once(' ')).map(|(name, _)| column(name, "String")).collect();
    let (mut samples, mut comment) = (Samples::new(), Vec::new());
    for line in description.lines().map(str::trim) {
        match line.split_once(" Enum(") {
            Some((column, values)) => {
                let values = values.split('\'').skip(1).step_by(2).map(str::to_owned).collect();
                samples.insert((name.clone(), column.to_owned()), values);
            }
            None if line.starts_with("DESCRIPTION") => {}
            None => comment.push(line),
        }
    }
    let table = TableInfo { database: String::new(), name, comment: comment.join(" "), columns, rows: None, version: None };
    Ok((vec![table], samples))
}
