//! How survival analysis agrees with an independent implementation (lifelines) on two public data sets.
//!
//! `cargo run --example measure_survival -- rossi.csv waltons_dataset.csv statistics_reference.json`. Conventions: Cox's model
//! with Efron's ties and errors from the observed information, Harrell's C with ties of risk counting half; Kaplan and Meier's
//! median is the first time at which the curve is at or below one half; the log-rank test has all weights 1 and the
//! hypergeometric variance. Every figure has to agree to four significant digits; where one does not, the exit status is 1.

use clap::Parser;
use instinct::stats::survival::Life;
use instinct::stats::survival::cox::{self, Options, Ties};
use instinct::stats::survival::kaplan_meier::{Scale, kaplan_meier};
use instinct::stats::survival::log_rank::log_rank;
use nalgebra::DMatrix;
use serde_json::Value;
use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::io::{Write, stdout};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// How survival analysis agrees with a reference.
#[derive(Debug, Parser)]
struct Arguments {
    /// Rossi's data on recidivism: columns week, arrest and seven covariates.
    rossi: PathBuf,
    /// Walton's data on fruit flies: columns T, E and group.
    waltons: PathBuf,
    /// What the other implementation found.
    reference: PathBuf,
}

/// Four significant digits: half a unit of the fourth.
const RELATIVE_MAX: f64 = 5e-5;

/// One figure held against the reference.
struct Compared {
    name: String,
    got: f64,
    wanted: f64,
}

impl Compared {
    fn relative(&self) -> f64 {
        (self.got - self.wanted).abs() / self.wanted.abs().max(f64::MIN_POSITIVE)
    }
}

fn main() -> ExitCode {
    match measure() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => complain(&error.to_string()),
    }
}

#[expect(clippy::print_stderr, reason = "what an example says to a person goes to standard error")]
fn complain(why: &str) -> ExitCode {
    eprintln!("{why}");
    ExitCode::FAILURE
}

fn measure() -> Result<bool, Box<dyn Error>> {
    let arguments = Arguments::parse();
    let reference: Value = serde_json::from_slice(&fs::read(&arguments.reference)?)?;
    let mut compared = recidivism(&arguments.rossi, &reference["cox_rossi"])?;
    compared.extend(fruit_flies(&arguments.waltons, &reference["waltons"])?);
    let mut out = stdout().lock();
    writeln!(out, "{:<28} {:>18} {:>18} {:>10}", "figure", "here", "reference", "relative")?;
    let mut agreed = true;
    for figure in &compared {
        let beyond = figure.relative().is_nan() || figure.relative() > RELATIVE_MAX;
        agreed &= !beyond;
        let mark = if beyond { "  beyond four digits" } else { "" };
        writeln!(out, "{:<28} {:>18.10} {:>18.10} {:>10.1e}{mark}", figure.name, figure.got, figure.wanted, figure.relative())?;
    }
    writeln!(out, "{} figures, {}", compared.len(), if agreed { "all agree to four digits" } else { "not all agree" })?;
    Ok(agreed)
}

/// The rows of a file, each cell by the name of its column.
fn rows(path: &Path) -> Result<Vec<BTreeMap<String, String>>, Box<dyn Error>> {
    csv::Reader::from_path(path)?.deserialize().map(|row| row.map_err(Into::into)).collect()
}

fn cell<'a>(row: &'a BTreeMap<String, String>, name: &str) -> Result<&'a str, String> {
    row.get(name).map(String::as_str).ok_or_else(|| format!("there is no column `{name}`"))
}

fn life(row: &BTreeMap<String, String>, time: &str, event: &str) -> Result<Life, Box<dyn Error>> {
    Ok(Life { time: cell(row, time)?.parse()?, event: cell(row, event)?.parse::<f64>()? != 0.0 })
}

fn number(value: &Value, name: &str) -> Result<f64, String> {
    value[name].as_f64().ok_or_else(|| format!("the reference has no number `{name}`"))
}

fn recidivism(path: &Path, reference: &Value) -> Result<Vec<Compared>, Box<dyn Error>> {
    let covariates = ["fin", "age", "race", "wexp", "mar", "paro", "prio"];
    let (mut lives, mut cells) = (Vec::new(), Vec::new());
    for row in rows(path)? {
        lives.push(life(&row, "week", "arrest")?);
        for name in covariates {
            cells.push(cell(&row, name)?.parse::<f64>()?);
        }
    }
    let matrix = DMatrix::from_row_slice(lives.len(), covariates.len(), &cells);
    let fit = cox::cox(&lives, &matrix, Options { ties: Ties::Efron, level: 0.95 }, &|| false)?;
    let mut compared = vec![Compared { name: "cox n".to_owned(), got: fit.lives as f64, wanted: number(reference, "n")? }];
    for (name, found) in covariates.iter().zip(&fit.coefficients) {
        let (estimate, error) = (number(&reference["coef"], name)?, number(&reference["se"], name)?);
        compared.push(Compared { name: format!("cox coefficient {name}"), got: found.estimate, wanted: estimate });
        compared.push(Compared { name: format!("cox standard error {name}"), got: found.standard_error, wanted: error });
    }
    compared.push(Compared {
        name: "cox log likelihood".to_owned(),
        got: fit.log_likelihood,
        wanted: number(reference, "loglik")?,
    });
    let concordance = fit.concordance.ok_or("no pair of lives can be compared")?;
    compared.push(Compared { name: "cox concordance".to_owned(), got: concordance, wanted: number(reference, "c_index")? });
    Ok(compared)
}

fn fruit_flies(path: &Path, reference: &Value) -> Result<Vec<Compared>, Box<dyn Error>> {
    let mut groups: BTreeMap<String, Vec<Life>> = BTreeMap::new();
    for row in rows(path)? {
        groups.entry(cell(&row, "group")?.to_owned()).or_default().push(life(&row, "T", "E")?);
    }
    let mut compared = Vec::new();
    for (name, lives) in &groups {
        let curve = kaplan_meier(lives, Scale::LogLog, 0.95)?;
        let median = curve.quantile(0.5).time.ok_or_else(|| format!("the curve of {name} never comes to one half"))?;
        compared.push(Compared { name: format!("{name} n"), got: curve.lives as f64, wanted: number(&reference[name], "n")? });
        compared.push(Compared { name: format!("{name} median"), got: median, wanted: number(&reference[name], "median")? });
    }
    let test = log_rank(&groups.into_values().collect::<Vec<_>>())?;
    compared.push(Compared { name: "log-rank χ²".to_owned(), got: test.statistic, wanted: number(reference, "logrank_stat")? });
    Ok(compared)
}
