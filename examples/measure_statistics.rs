//! How many digits our estimators get right on the Statistical Reference Datasets of NIST.
//!
//! `cargo run --example measure_statistics -- FOLDER`, where the folder holds the .dat files (<https://www.itl.nist.gov/div898/strd/>) in any
//! arrangement. For each set a line tells the log relative error (LRE = −log₁₀(|found − certified| / |certified|), the number of correct
//! digits) of the worst estimate, the worst standard error and the worst of the other certified values, for nonlinear sets from each of their
//! two starts. The exit status is 1 where a set of lower difficulty has less than 9 digits, or one of average difficulty less than 7.

use clap::Parser;
use instinct::stats::formula::Formula;
use instinct::stats::nonlinear::{self, FormulaCurve};
use instinct::stats::regression::{LinearFit, Options, linear, polynomial};
use instinct::stats::{anova, univariate};
use std::error::Error;
use std::fs;
use std::io::{Write, stdout};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// How many digits are right on NIST's reference sets.
#[derive(Debug, Parser)]
struct Arguments {
    /// The folder with the .dat files.
    folder: PathBuf,
}

type Fault = Box<dyn Error>;
/// The runs of one set by their starts; a fit that failed says why.
type Runs = Vec<(&'static str, Result<Compared, String>)>;

/// One file, read.
struct Set {
    name: String,
    level: String,
    text: String,
    /// Column names as the file has them, in lower case.
    names: Vec<String>,
    rows: Vec<Vec<f64>>,
}

/// Found and certified values side by side.
#[derive(Default)]
struct Compared {
    estimates: Vec<(f64, f64)>,
    errors: Vec<(f64, f64)>,
    others: Vec<(f64, f64)>,
}

impl Set {
    fn read(path: &Path) -> Result<Self, Fault> {
        let text = fs::read_to_string(path)?;
        let name = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        let level = text.lines().find_map(|line| line.split_once("Level of Difficulty")).map_or("", |(before, _)| before);
        let level = level.split_whitespace().last().unwrap_or("Lower").to_owned();
        let lines: Vec<&str> = text.lines().collect();
        let head = lines.iter().rposition(|line| line.trim_start().starts_with("Data:")).ok_or("there are no data")?;
        let names = lines[head].trim_start()["Data:".len()..].split_whitespace().map(str::to_lowercase).collect();
        let row = |line: &&str| line.split_whitespace().map(|word| word.parse().ok()).collect::<Option<Vec<f64>>>();
        let rows = lines[head + 1..].iter().filter_map(row).filter(|row| !row.is_empty()).collect();
        Ok(Self { name, level, names, rows, text })
    }

    fn column(&self, at: usize) -> Vec<f64> {
        self.rows.iter().map(|row| row[at]).collect()
    }

    /// The numbers after this label, on the first line that has both.
    fn numbers_after(&self, label: &str) -> Vec<f64> {
        let after = self.text.lines().filter_map(|line| line.split_once(label)).map(|(_, after)| after);
        let mut numbers = after.map(|after| after.split_whitespace().filter_map(|word| word.parse().ok()).collect::<Vec<f64>>());
        numbers.find(|numbers| !numbers.is_empty()).unwrap_or_default()
    }

    fn number_after(&self, label: &str) -> Result<f64, Fault> {
        self.numbers_after(label).first().copied().ok_or_else(|| format!("there is no number after `{label}`").into())
    }

    /// The lines `B0 1.0 0.1` or `b1 = 500 250 238.9 2.7`.
    fn parameters(&self) -> Vec<Vec<f64>> {
        let row = |line: &str| {
            let mut words = line.split_whitespace();
            let (letter, number) = words.next()?.split_at_checked(1)?;
            let own = letter.eq_ignore_ascii_case("b") && number.parse::<u32>().is_ok();
            let values: Vec<f64> = words.filter(|word| *word != "=").map(|word| word.parse().ok()).collect::<Option<_>>()?;
            (own && values.len() >= 2).then_some(values)
        };
        self.text.lines().filter_map(row).collect()
    }

    /// The model as a formula: its left and its right side.
    fn formula(&self) -> Result<(String, String), Fault> {
        let lines = self.text.lines().skip_while(|line| !line.trim_start().starts_with("Model:"));
        let model: Vec<&str> = lines.skip_while(|line| !starts_model(line)).take_while(|line| !line.trim().is_empty()).collect();
        let model = model.join(" ");
        let (left, right) = model.split_once('=').ok_or("there is no model")?;
        let right =
            right.trim().strip_suffix('e').and_then(|right| right.trim().strip_suffix('+')).ok_or("the model has no error")?;
        Ok((left.trim().to_lowercase(), right.to_lowercase()))
    }
}

fn starts_model(line: &str) -> bool {
    line.split_once('=').is_some_and(|(left, _)| matches!(left.trim(), "y" | "log[y]"))
}

fn main() -> Result<ExitCode, Fault> {
    let mut files = Vec::new();
    gather(&Arguments::parse().folder, &mut files)?;
    files.sort();
    if files.is_empty() {
        return Err("there is no .dat file in the folder".into());
    }
    let mut out = stdout().lock();
    writeln!(out, "{:<12}{:<9}{:<8}{:>10}{:>10}{:>10}", "set", "level", "start", "estimates", "errors", "others")?;
    let mut passed = true;
    for file in files {
        let set = Set::read(&file)?;
        let runs = measure(&set).map_err(|error| format!("{}: {error}", set.name))?;
        for (start, compared) in runs {
            passed &= print(&mut out, &set, start, compared)?;
        }
    }
    writeln!(
        out,
        "{}",
        if passed { "every set of lower difficulty has 9 digits, every one of average difficulty 7" } else { "TOO FEW DIGITS" }
    )?;
    Ok(if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn gather(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), Fault> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            gather(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "dat") {
            files.push(path);
        }
    }
    Ok(())
}

fn print(out: &mut impl Write, set: &Set, start: &str, compared: Result<Compared, String>) -> Result<bool, Fault> {
    let needed = match set.level.as_str() {
        "Lower" => 9.0,
        "Average" => 7.0,
        _ => f64::NEG_INFINITY,
    };
    write!(out, "{:<12}{:<9}{:<8}", set.name, set.level, start)?;
    let compared = match compared {
        Ok(compared) => compared,
        Err(error) => {
            writeln!(out, "{error}")?;
            return Ok(needed == f64::NEG_INFINITY);
        }
    };
    let most = if start == "-" { 15.0 } else { 11.0 };
    let mut passed = true;
    for pairs in [&compared.estimates, &compared.errors, &compared.others] {
        let worst = pairs.iter().map(|(found, known)| digits(*found, *known, most)).reduce(f64::min);
        passed &= worst.is_none_or(|worst| worst >= needed);
        write!(out, "{:>10}", worst.map_or("-".to_owned(), |worst| format!("{worst:.1}")))?;
    }
    writeln!(out, "{}", if passed { "" } else { "  <--" })?;
    Ok(passed)
}

/// Log relative error, or log absolute error where the certified value is 0, at most as many as are certified.
fn digits(found: f64, known: f64, most: f64) -> f64 {
    let error = if known == 0.0 { found.abs() } else { ((found - known) / known).abs() };
    (-error.log10()).clamp(0.0, most)
}

fn measure(set: &Set) -> Result<Runs, Fault> {
    if set.text.contains("Starting") {
        return nonlinear_runs(set);
    }
    let compared = if set.text.contains("Certified Regression Statistics") {
        linear_run(set)
    } else if set.text.contains("Between ") {
        anova_run(set)
    } else {
        univariate_run(set)
    };
    Ok(vec![("-", compared.map_err(|error| error.to_string()))])
}

fn univariate_run(set: &Set) -> Result<Compared, Fault> {
    let found = univariate::summary(&set.column(0), 0.95)?;
    let others = vec![(found.sd, set.number_after(" s:")?), (found.autocorrelation, set.number_after("r(1):")?)];
    Ok(Compared { estimates: vec![(found.mean.value, set.number_after("ybar:")?)], others, ..Compared::default() })
}

fn anova_run(set: &Set) -> Result<Compared, Fault> {
    let (labels, values) = (set.column(0), set.column(1));
    let mut groups: Vec<(f64, Vec<f64>)> = Vec::new();
    for (label, value) in labels.into_iter().zip(values) {
        match groups.iter_mut().find(|(known, _)| *known == label) {
            Some((_, group)) => group.push(value),
            None => groups.push((label, vec![value])),
        }
    }
    let groups: Vec<Vec<f64>> = groups.into_iter().map(|(_, group)| group).collect();
    let found = anova::one_way(&groups)?;
    let line = |label: &str| set.numbers_after(label);
    let (between, within) = (line("Between "), line("Within "));
    let mut others = vec![
        (found.between_degrees as f64, between[0]),
        (found.between_squares, between[1]),
        (found.within_degrees as f64, within[0]),
        (found.within_squares, within[1]),
        (found.r_squared, set.number_after("R-Squared")?),
        (found.residual_sd, set.number_after("Standard Deviation")?),
    ];
    others.extend(found.f.zip(between.get(3).copied()));
    Ok(Compared { others, ..Compared::default() })
}

fn linear_run(set: &Set) -> Result<Compared, Fault> {
    let certified = set.parameters();
    let response = set.column(0);
    let columns: Vec<Vec<f64>> = (1..set.rows[0].len()).map(|at| set.column(at)).collect();
    let intercept = set.text.lines().any(|line| line.split_whitespace().next() == Some("B0"));
    let options = Options { intercept, ..Options::default() };
    let slopes = certified.len() - usize::from(intercept);
    let never = || false;
    let found: LinearFit = if columns.len() == 1 {
        polynomial(&response, &columns[0], u32::try_from(slopes)?, &options, &never)?
    } else {
        let columns: Vec<&[f64]> = columns.iter().map(Vec::as_slice).collect();
        linear(&response, &columns, &options, &never)?
    };
    let pairs = |pick: fn(&instinct::stats::regression::Estimate) -> f64, at: usize| {
        found.coefficients.iter().zip(&certified).map(|(found, known)| (pick(found), known[at])).collect()
    };
    // The table comes after the words `Mean` and `Squares`, and its residual line repeats the label of the deviation above.
    let table = set.text.split_once("Analysis of Variance").map_or("", |(_, after)| after);
    let row = |label: &str| -> Vec<f64> {
        let line = table.lines().find_map(|line| line.trim().strip_prefix(label)).unwrap_or("");
        line.split_whitespace().filter_map(|word| word.parse().ok()).collect()
    };
    let (regression, residual) = (row("Regression"), row("Residual"));
    let mut others = vec![
        (found.residual_sd, set.number_after("Standard Deviation")?),
        (found.r_squared, set.number_after("R-Squared")?),
        (found.model_squares, regression[1]),
        (found.residual_squares, residual[1]),
    ];
    others.extend(found.f.zip(regression.get(3).copied().filter(|f| f.is_finite())));
    Ok(Compared { estimates: pairs(|found| found.value, 0), errors: pairs(|found| found.standard_error, 1), others })
}

fn nonlinear_runs(set: &Set) -> Result<Runs, Fault> {
    let certified = set.parameters();
    let (left, right) = set.formula()?;
    let names: Vec<String> = (1..=certified.len()).map(|at| format!("b{at}")).collect();
    let formula = Formula::parse(&right, &names.iter().map(String::as_str).collect::<Vec<_>>())?;
    let transform = Formula::parse(&left, &[])?;
    let mut columns = Vec::new();
    for variable in formula.variables() {
        let at = set.names.iter().position(|name| name == variable).ok_or_else(|| format!("there is no column {variable}"))?;
        columns.push(set.column(at));
    }
    let columns: Vec<&[f64]> = columns.iter().map(Vec::as_slice).collect();
    let curve = FormulaCurve::new(&formula, &columns, &set.column(0), Some(&transform))?;
    let run = |start: usize| -> Result<Compared, String> {
        let begin: Vec<f64> = certified.iter().map(|row| row[start]).collect();
        let found =
            nonlinear::formula(&curve, &begin, &nonlinear::Options::default(), &|| false).map_err(|error| error.to_string())?;
        let squares = set.number_after("Residual Sum of Squares:").map_err(|error| error.to_string())?;
        let deviation = set.number_after("Residual Standard Deviation:").map_err(|error| error.to_string())?;
        Ok(Compared {
            estimates: found.parameters.iter().zip(&certified).map(|(found, known)| (found.value, known[2])).collect(),
            errors: found.parameters.iter().zip(&certified).map(|(found, known)| (found.standard_error, known[3])).collect(),
            others: vec![(found.residual_squares, squares), (found.residual_sd, deviation)],
        })
    };
    Ok(vec![("start 1", run(0)), ("start 2", run(1))])
}
