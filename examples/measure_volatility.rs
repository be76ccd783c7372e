//! Volatility against reference fits, and how long regimes take and how stable their labels are.
//!
//! `cargo run --release --example measure_volatility -- --prices sp500.csv.gz --reference statistics_reference.json
//! --candles BTC=first.csv.gz --candles BTC=second.csv.gz …`. Prices have a column `Adj Close`; the reference is that of the Python
//! package `arch`; candles have the time first and a column `close`. Exits with 1 where a figure is beyond its bound.

use clap::Parser;
use flate2::read::GzDecoder;
use instinct::domain::frame::{Column, Frame};
use instinct::domain::time::Timestamp;
use instinct::engine::numeric::method::{FitInput, FitRun, Fitted, Method};
use instinct::engine::numeric::methods;
use instinct::stats::garch;
use instinct::stats::monte_carlo::normal;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::error::Error;
use std::fs::File;
use std::io::{Read, Write, stdout};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

/// Relative error of a parameter beside the reference: four digits.
const REFERENCE_ERROR_MAX: f64 = 5e-5;
/// Seconds of one refit.
const REFIT_SECONDS_MAX: f64 = 10.0;
/// The least share of the last 60 days whose regime is the same after a day or a week more of data, over all refits.
const AGREEMENT_MIN: f64 = 0.95;
/// Years of candles.
const YEARS: f64 = 4.0;
/// The weeks of refits that are looked at.
const WEEKS: i64 = 8;

type Outcome<T> = Result<T, Box<dyn Error>>;

/// Volatility against reference fits.
#[derive(Debug, Parser)]
struct Arguments {
    /// Daily prices of an index.
    #[arg(long)]
    prices: PathBuf,
    /// The reference fits.
    #[arg(long)]
    reference: PathBuf,
    /// `SYMBOL=FILE` with hourly candles; the files of one symbol follow each other.
    #[arg(long)]
    candles: Vec<String>,
    /// A folder for the charts of the regimes.
    #[arg(long)]
    charts: Option<PathBuf>,
    /// Runs of the recovery of simulated parameters.
    #[arg(long, default_value_t = 1000)]
    runs: u64,
}

fn main() -> Outcome<ExitCode> {
    let arguments = Arguments::parse();
    let reference: Value = serde_json::from_reader(File::open(&arguments.reference)?)?;
    let mut fine = garch_reference(&arguments.prices, &reference["garch11_sp500"])?;
    fine &= garch_recovery(arguments.runs)?;
    let mut files: BTreeMap<&str, Vec<&Path>> = BTreeMap::new();
    for pair in &arguments.candles {
        let (symbol, file) = pair.split_once('=').ok_or("SYMBOL=FILE is expected")?;
        files.entry(symbol).or_default().push(Path::new(file));
    }
    for (symbol, files) in files {
        fine &= regimes(symbol, &files, arguments.charts.as_deref())?;
    }
    Ok(if fine { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn text(path: &Path) -> Outcome<String> {
    let mut text = String::new();
    if path.extension().is_some_and(|end| end == "gz") {
        GzDecoder::new(File::open(path)?).read_to_string(&mut text)?;
    } else {
        File::open(path)?.read_to_string(&mut text)?;
    }
    Ok(text)
}

/// GARCH(1,1) of percentage returns of the adjusted close, held against the reference.
fn garch_reference(prices: &Path, reference: &Value) -> Outcome<bool> {
    let text = text(prices)?;
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let place = reader.headers()?.iter().position(|name| name == "Adj Close").ok_or("there is no column `Adj Close`")?;
    let mut closes: Vec<f64> = Vec::new();
    for row in reader.records() {
        closes.push(row?.get(place).ok_or("a row is cut")?.parse()?);
    }
    let returns: Vec<f64> = closes.windows(2).map(|pair| 100.0 * (pair[1] / pair[0] - 1.0)).collect();
    let begun = Instant::now();
    let found = garch::fit(&returns, &|| false)?;
    let seconds = begun.elapsed().as_secs_f64();
    let p = found.parameters;
    writeln!(
        stdout(),
        "GARCH(1,1), {} simple returns in percent, constant mean, normal, backcast 0.94; {seconds:.4} s",
        returns.len()
    )?;
    let mut fine = reference["n"].as_u64() == Some(returns.len() as u64);
    let pairs = [("mu", p.mu), ("omega", p.omega), ("alpha[1]", p.alpha), ("beta[1]", p.beta)];
    let wanted = |name: &str| reference["params"][name].as_f64().ok_or("the reference lacks a parameter");
    for (at, (name, own)) in pairs.into_iter().enumerate() {
        fine &= close(name, own, wanted(name)?)?;
        if let Some(errors) = found.standard_errors {
            writeln!(stdout(), "  {:10} robust standard error {:.6}", "", errors[at])?;
        }
    }
    fine &= close("loglik", found.log_likelihood, reference["loglik"].as_f64().ok_or("the reference lacks loglik")?)?;
    Ok(fine)
}

fn close(name: &str, own: f64, reference: f64) -> Outcome<bool> {
    let error = (own / reference - 1.0).abs();
    let fine = error <= REFERENCE_ERROR_MAX;
    writeln!(
        stdout(),
        "  {name:10} {own:.8} reference {reference:.8} relative error {error:.1e}{}",
        if fine { "" } else { "  BEYOND" }
    )?;
    Ok(fine)
}

/// How often intervals of two standard errors hold the parameters that the returns were made with.
fn garch_recovery(runs: u64) -> Outcome<bool> {
    let truth = garch::Parameters { mu: 0.05, omega: 0.1, alpha: 0.12, beta: 0.8 };
    let mut covered = [0_u64; 4];
    for run in 0..runs {
        let mut chance = fastrand::Rng::with_seed(run);
        let mut variance = truth.omega / (1.0 - truth.persistence());
        let one = |_| {
            let shock = variance.sqrt() * normal(&mut chance);
            variance = truth.omega + truth.alpha * shock * shock + truth.beta * variance;
            truth.mu + shock
        };
        let found = garch::fit(&(0..5_000).map(one).collect::<Vec<f64>>(), &|| false)?;
        let (p, errors) = (found.parameters, found.standard_errors.ok_or("no standard errors")?);
        for (at, (own, truth)) in
            [(p.mu, truth.mu), (p.omega, truth.omega), (p.alpha, truth.alpha), (p.beta, truth.beta)].into_iter().enumerate()
        {
            covered[at] += u64::from((own - truth).abs() <= 1.959_964 * errors[at]);
        }
    }
    let shares = covered.map(|count| count as f64 / runs as f64);
    let reach = 3.0 * (0.95 * 0.05 / runs as f64).sqrt();
    let fine = shares.iter().all(|share| (share - 0.95).abs() <= reach);
    writeln!(
        stdout(),
        "GARCH(1,1), {runs} runs of 5,000: 95% intervals cover mu, omega, alpha, beta in {shares:.3?}, 0.95 ± {reach:.3} allowed{}",
        if fine { "" } else { "  BEYOND" }
    )?;
    Ok(fine)
}

/// The last years of candles.
fn candles(files: &[&Path]) -> Outcome<Frame> {
    let (mut times, mut closes) = (Vec::new(), Vec::new());
    for file in files {
        let text = text(file)?;
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let place =
            reader.headers()?.iter().position(|name| name.eq_ignore_ascii_case("close")).ok_or("there is no column `close`")?;
        for row in reader.records() {
            let row = row?;
            let cell = |at: usize| row.get(at).ok_or("a row is cut");
            times.push(Some(Timestamp::parse(&cell(0)?.replacen(' ', "T", 1))?));
            closes.push(cell(place)?.parse::<f64>()?);
        }
    }
    let last = times.iter().flatten().max().ok_or("there are no candles")?.as_micros();
    let from = last - (YEARS * 365.25 * 86_400e6) as i64;
    let rows: Vec<usize> = (0..times.len()).filter(|&row| times[row].is_some_and(|time| time.as_micros() >= from)).collect();
    Ok(Frame::new(vec![("time".into(), Column::Time(times)), ("close".into(), Column::Number(closes))])?.take(&rows))
}

/// One refit as of a moment, and its seconds.
fn refit(
    method: &dyn Method,
    frames: &BTreeMap<String, Arc<Frame>>,
    symbol: &str,
    as_of: Timestamp,
    previous: Option<&Map<String, Value>>,
) -> Outcome<(Fitted, f64)> {
    let parameters: Map<String, Value> = [("symbol".to_owned(), json!(symbol))].into_iter().collect();
    let begun = Instant::now();
    let input = FitInput { frames, parameters: &parameters, settings: &Map::new(), previous, as_of };
    let fitted = method.fit(&input, &FitRun { seed: 20_260_101, stop: &|| false })?;
    Ok((fitted, begun.elapsed().as_secs_f64()))
}

/// Refits as the weeks go by: a week, then a day, and so on; each knows the one before.
fn regimes(symbol: &str, files: &[&Path], charts: Option<&Path>) -> Outcome<bool> {
    let frame = candles(files)?;
    let last = *frame.times("time")?.iter().flatten().max().ok_or("there are no candles")?;
    let rows = frame.rows();
    let frames = BTreeMap::from([("bars".to_owned(), Arc::new(frame))]);
    let method = methods::named("volatility-regimes").ok_or("the method is gone")?;
    let mut previous: Option<Map<String, Value>> = None;
    let (mut slowest, mut agreements, mut relabelled, mut flips) = (0.0_f64, Vec::new(), 0, 0);
    let steps = (0..=WEEKS).rev().flat_map(|week| [7 * week + 1, 7 * week]);
    for back in steps {
        let (fitted, seconds) = refit(&*method, &frames, symbol, last.plus_millis(-back * 86_400_000), previous.as_ref())?;
        slowest = slowest.max(seconds);
        agreements.extend(fitted.values["agreement_with_previous_fit"].as_f64());
        relabelled += u32::from(fitted.values["relabelled"] == json!(true));
        flips += u32::from(fitted.doubts.iter().any(|doubt| doubt.reason.contains("do not have the shape")));
        if back == 0 {
            tell(symbol, rows, &fitted)?;
            if let (Some(folder), Some(chart)) = (charts, &fitted.chart) {
                std::fs::write(folder.join(format!("{symbol}.json")), chart.to_string())?;
            }
        }
        previous = Some(fitted.values);
    }
    let mean = agreements.iter().sum::<f64>() / agreements.len() as f64;
    let least = agreements.iter().copied().fold(1.0, f64::min);
    let same = agreements.iter().filter(|share| **share >= 0.999).count();
    let fine = slowest <= REFIT_SECONDS_MAX && mean >= AGREEMENT_MIN && flips == 0;
    writeln!(
        stdout(),
        "  {} refits, slowest {slowest:.2} s; labels of the last 60 days agree in {mean:.3} (least {least:.3}, {same} refits wholly), {relabelled} turned, {flips} with wrong names{}",
        agreements.len() + 1,
        if fine { "" } else { "  BEYOND" }
    )?;
    Ok(fine)
}

fn tell(symbol: &str, rows: usize, fitted: &Fitted) -> Outcome<()> {
    let value = |name: &str| fitted.values[name].as_f64().unwrap_or_default();
    writeln!(
        stdout(),
        "{symbol}: {rows} bars, {} days; {} for {} days, chance {:.2}; persistence {:.1} days; silhouette {:.3} (k-means {:.3})",
        value("days"),
        fitted.values["regime_label"],
        value("days_in_current_regime"),
        value("current_probability"),
        value("avg_persistence_days"),
        value("silhouette_score"),
        value("k_means_silhouette"),
    )?;
    for regime in fitted.values["regimes"].as_array().into_iter().flatten() {
        let number = |name: &str| regime[name].as_f64().unwrap_or_default();
        writeln!(
            stdout(),
            "  {:28} {:4} days in {:2} spells, {:4.1} days each; volatility {:3.0}%, {:+.2}% a day",
            regime["label"].as_str().unwrap_or_default(),
            number("days"),
            number("spells"),
            number("persistence_days"),
            100.0 * number("realised_volatility"),
            100.0 * number("mean_daily_return"),
        )?;
    }
    Ok(())
}
