//! How the reading of questions and the language of models do on NL4OPT (Ramamonjison et al., 2022), whose problems come with structured
//! declarations of their objective and constraints.
//!
//! `cargo run --example measure_nl4opt -- nl4opt_dev.jsonl reference.ndjson [--json]`. The reference is what `scripts/nl4opt_reference.py`
//! writes: the answers of a solver that never saw this project. Measured are the declarations, translated by rule, and the words alone.

use clap::Parser;
use instinct::engine::optimise::templates::Catalogue;
use instinct::engine::optimise::words::Words;
use instinct::engine::optimise::words::tokens::Text;
use instinct::modelling::Model;
use instinct::solver::{self, Cancel, Limits, SolveStatus, Solver};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::error::Error;
use std::io::{Write, stdout};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// How NL4OPT comes out.
#[derive(Debug, Parser)]
struct Arguments {
    /// The problems, one on each line.
    problems: PathBuf,
    /// The answers of an independent solver.
    reference: PathBuf,
    /// The folder with the solvers.
    #[arg(long, default_value = "runtime")]
    runtime_dir: PathBuf,
    /// Print JSON instead of a table.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Deserialize)]
struct Known {
    status: String,
    objective: Option<f64>,
}

/// How many came out how.
#[derive(Debug, Default, Serialize)]
struct Counts {
    right: usize,
    wrong: usize,
    refused: usize,
    wrong_problems: Vec<usize>,
}

/// What is printed.
#[derive(Debug, Default, Serialize)]
struct Measured {
    problems: usize,
    /// The declarations, translated by rule.
    declarations: Counts,
    /// The words alone; refused is asked back.
    words: Counts,
}

fn main() -> ExitCode {
    let given: Vec<String> = std::env::args().skip(1).collect();
    // This program is its own worker.
    if given.first().map(String::as_str) == Some("solve-worker") {
        return solver::worker_main(given.get(1).map_or("", String::as_str));
    }
    match measure() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => complain(&error.to_string()),
    }
}

#[expect(clippy::print_stderr, reason = "what an example says to a person goes to standard error")]
fn complain(why: &str) -> ExitCode {
    eprintln!("{why}");
    ExitCode::FAILURE
}

fn measure() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    let solver = solver::open(&solver::Config::default(), &arguments.runtime_dir)?;
    let words = Words::new(Catalogue::built_in().map_err(|error| error.to_string())?);
    let known: Vec<Known> =
        std::fs::read_to_string(&arguments.reference)?.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
    let mut measured = Measured::default();
    for (at, (line, known)) in std::fs::read_to_string(&arguments.problems)?.lines().zip(&known).enumerate() {
        let problem: Map<String, Value> = serde_json::from_str(line)?;
        let Some(problem) = problem.values().next() else { continue };
        measured.problems += 1;
        count(&mut measured.declarations, at, known, Some(declared(problem)?), &solver)?;
        let question = problem["document"].as_str().unwrap_or_default();
        count(&mut measured.words, at, known, words.read(question, None).ok().map(|read| read.model), &solver)?;
    }
    if arguments.json {
        writeln!(stdout(), "{}", serde_json::to_string_pretty(&measured)?)?;
        return Ok(());
    }
    writeln!(stdout(), "{} problems", measured.problems)?;
    for (name, Counts { right, wrong, refused, wrong_problems }) in
        [("declarations", &measured.declarations), ("words alone", &measured.words)]
    {
        writeln!(stdout(), "{name:12}  right {right:3}  wrong {wrong:3} {wrong_problems:?}  asked back {refused:3}")?;
    }
    Ok(())
}

/// Solves a model and holds the answer against the known one.
fn count(counts: &mut Counts, at: usize, known: &Known, model: Option<Value>, solver: &dyn Solver) -> Result<(), Box<dyn Error>> {
    let Some(model) = model else {
        counts.refused += 1;
        return Ok(());
    };
    let told = |errors: Vec<instinct::modelling::ModelError>| format!("problem {at}: {errors:?}");
    let model = Model::parse(&serde_json::to_vec(&model)?).map_err(told)?;
    let expanded = model.expand().map_err(told)?;
    let limits = Limits { time: Duration::from_secs(30), memory_bytes: 1 << 30, nodes: None, gap: 1e-9 };
    let solution = solver.solve(&expanded.program, &limits, &Cancel::default())?;
    let same = match (solution.status, solution.objective, known.objective) {
        (SolveStatus::Optimal, Some(found), Some(known)) => (found - known).abs() <= 1e-6 * known.abs().max(1.0),
        (SolveStatus::Infeasible, ..) => known.status == "infeasible",
        (SolveStatus::Unbounded, ..) => known.status == "unbounded",
        _ => false,
    };
    if same {
        counts.right += 1;
    } else {
        counts.wrong += 1;
        counts.wrong_problems.push(at);
    }
    Ok(())
}

/// The model that the declarations of a problem state.
fn declared(problem: &Value) -> Result<Value, Box<dyn Error>> {
    let order = problem["order_mapping"].as_object().ok_or("order_mapping")?;
    let variable = |name: &Value| {
        let place = name.as_str().and_then(|name| order.get(name)).and_then(Value::as_u64);
        place.map(|place| format!("v{place}")).ok_or_else(|| format!("{name} is no variable"))
    };
    let last = order.values().filter_map(Value::as_u64).max().unwrap_or_default();
    let variables: Vec<String> = (0..=last).map(|place| format!("v{place}")).collect();
    let sum = |terms: &Map<String, Value>| -> Result<String, Box<dyn Error>> {
        let term = |(name, factor): (&String, &Value)| Ok(format!("{}*{}", number(factor)?, variable(&Value::from(&**name))?));
        // Two constraints and two objectives of the data have lost their terms: nothing is left of them but a number.
        let none = terms.is_empty().then(|| Ok("0*v0".to_owned()));
        Ok(terms.iter().map(term).chain(none).collect::<Result<Vec<_>, Box<dyn Error>>>()?.join(" + "))
    };
    let goal = &problem["obj_declaration"];
    let objective = match goal["terms"].as_object() {
        Some(terms) => sum(terms)?,
        None => goal["vars"].as_array().into_iter().flatten().map(variable).collect::<Result<Vec<_>, _>>()?.join(" + "),
    };
    let objective = if objective.is_empty() { "0*v0".to_owned() } else { objective };
    let largest = matches!(goal["direction"].as_str(), Some("maximize" | "maximizing" | "highest" | "maximum" | "increase"));
    let mut constraints = Vec::new();
    for constraint in problem["const_declarations"].as_array().into_iter().flatten() {
        let sign = if constraint["operator"] == "GREATER_OR_EQUAL" { ">=" } else { "<=" };
        constraints.push(match constraint["type"].as_str().unwrap_or_default() {
            "linear" => {
                let terms = constraint["terms"].as_object().ok_or("terms")?;
                format!("{} {sign} {}", sum(terms)?, number(&constraint["limit"])?)
            }
            "sum" => format!("{} {sign} {}", variables.join(" + "), number(&constraint["limit"])?),
            "lowerbound" | "upperbound" => format!("{} {sign} {}", variable(&constraint["var"])?, number(&constraint["limit"])?),
            "ratio" => {
                let all = variables.join(" + ");
                format!("{} {sign} {} * ({all})", variable(&constraint["var"])?, number(&constraint["limit"])?)
            }
            "xy" => format!("{} {sign} {}", variable(&constraint["x_var"])?, variable(&constraint["y_var"])?),
            "xby" => {
                format!(
                    "{} {sign} {} * {}",
                    variable(&constraint["x_var"])?,
                    number(&constraint["param"])?,
                    variable(&constraint["y_var"])?
                )
            }
            other => return Err(format!("{other} is no kind of constraint").into()),
        });
    }
    let declared: Vec<Value> = variables.iter().map(|name| json!({"name": name, "type": "continuous", "lb": 0})).collect();
    Ok(json!({
        "model_type": "lp", "decision_variables": declared, "constraints": constraints,
        "objective": {"sense": if largest { "maximize" } else { "minimize" }, "expression": objective},
    }))
}

/// A number as the data writes it: `4,000`, `70%`, `one hundred thousand`, `3 times`.
fn number(value: &Value) -> Result<f64, Box<dyn Error>> {
    let text = value.as_str().ok_or("a number is a text here")?;
    // A limit may repeat its unit, which the coefficients leave out.
    let read = Text::read(text.strip_suffix(" minutes").unwrap_or(text));
    let [number] = &*read.numbers else { return Err(format!("{text:?} is no number").into()) };
    Ok(number.value)
}
