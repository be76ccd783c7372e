//! The SQL gate as a filter: `pass_statements CATALOGUE.json DIALECT` reads a line of JSON for each statement, with `sql` and `who`, and
//! writes one with what passed, or with `refused`. Scripts that compare what passes on real engines are driven by it.

use instinct::sql::{Dialect, Gate, Limits, Who};
use serde::Deserialize;
use std::error::Error;
use std::io::{BufRead, Write};
use std::process::ExitCode;

#[derive(Deserialize)]
struct Asked {
    sql: String,
    who: Who,
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => complain(&error.to_string()),
    }
}

#[expect(clippy::print_stderr, reason = "what an example says to a person goes to standard error")]
fn complain(why: &str) -> ExitCode {
    eprintln!("{why}");
    ExitCode::FAILURE
}

fn run() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [catalogue, dialect] = arguments.as_slice() else { return Err("usage: pass_statements CATALOGUE.json DIALECT".into()) };
    let Some(dialect) = Dialect::ALL.into_iter().find(|known| known.as_str() == dialect) else {
        return Err(format!("there is no dialect {dialect}").into());
    };
    let gate = Gate::new(serde_json::from_str(&std::fs::read_to_string(catalogue)?)?, dialect, Limits::default())?;
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let asked: Asked = serde_json::from_str(&line?)?;
        let said = match gate.pass(&asked.sql, &asked.who) {
            Ok(passed) => serde_json::to_string(&passed)?,
            Err(refused) => serde_json::to_string(&serde_json::json!({ "refused": refused }))?,
        };
        writeln!(out, "{said}")?;
    }
    Ok(())
}
