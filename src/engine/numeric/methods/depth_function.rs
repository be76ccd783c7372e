//! NR-03: how the depth of a book grows with the distance from the middle, depth = a·δ^γ.

use super::estimates::{complete, has, keep, once, span};
use super::tabular::{doubt, labels, left_out};
use super::{plot, setting};
use crate::domain::answer::Confidence;
use crate::domain::field::FieldError;
use crate::domain::frame::Frame;
use crate::engine::numeric::method::{Doubt, FitFault, FitInput, FitRun, Fitted, Method};
use crate::stats::regression::{Covariance, Estimate, Options, cosine_terms, linear};
use crate::stats::univariate::{quantile_of_sorted, sorted, summary};
use crate::stats::{StatsError, Stop};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A line through the logarithms of depth and distance in every snapshot, and the mean of the lines over time with errors by cosines (Fama and
/// MacBeth, 1973), for levels of one snapshot are not independent of one another. Its frame `book` has `time`, `distance_bps`, `depth` (of
/// all orders up to that distance) and, where both sides are told apart, `side`. Settings: `level`; `distances`, in basis points, for
/// which the depth is told; `terms`, the cosines of the errors if not by rule.
#[derive(Debug, Clone, Copy)]
pub struct DepthFunction;

/// Levels that a line needs.
const LEVELS_MIN: usize = 3;
/// Snapshots that tell as much as all together, as though none was like the one before, below which the intervals are doubted.
const ALONE_MIN: f64 = 10.0;
/// Cosines of the errors by rule: few, since a deep or thin market lasts for hours (Müller, 2014, JBES 32, holds their number fixed for this reason).
const TERMS_MOST: usize = 8;

struct Settings {
    distances: Vec<u32>,
    level: f64,
    terms: Option<usize>,
}

impl Settings {
    fn read(given: &Map<String, Value>) -> Result<Self, FieldError> {
        setting::only(given, &["level", "distances", "terms"])?;
        let terms = given.contains_key("terms").then(|| setting::whole(given, "terms", 1, 1..=500)).transpose()?;
        let level = setting::number(given, "level", 0.95, 0.5..=0.999)?;
        let distances = setting::rising(given, "distances", &[1, 5, 10, 25, 50, 100])?;
        Ok(Self { distances, level, terms: terms.map(|terms| terms as usize) })
    }
}

/// The line of one snapshot of one side.
#[derive(Clone, Copy)]
struct Line {
    log_depth_at_1: f64,
    gamma: f64,
    r_squared: f64,
}

/// Logarithms of the distances and depths of one snapshot.
type Levels = (Vec<f64>, Vec<f64>);

/// The lines of one side over time.
struct Side {
    name: Arc<str>,
    lines: BTreeMap<i64, Line>,
}

impl Method for DepthFunction {
    fn check(&self, settings: &Map<String, Value>) -> Result<(), FieldError> {
        Settings::read(settings).map(drop)
    }

    fn fit(&self, input: &FitInput<'_>, run: &FitRun<'_>) -> Result<Fitted, FitFault> {
        let settings = Settings::read(input.settings)?;
        let mut told = Vec::new();
        let rows = complete(input.frame("book")?, &["time", "distance_bps", "depth"], &mut told)?;
        let (distances, depths) = (rows.numbers("distance_bps")?, rows.numbers("depth")?);
        let rows = keep(&rows, &mut told, "distance or depth is not above 0", |row| distances[row] > 0.0 && depths[row] > 0.0);
        let key: &[&str] = if has(&rows, "side") { &["time", "side", "distance_bps"] } else { &["time", "distance_bps"] };
        let rows = once(&rows, key, &mut told)?;
        let sides = sides(&rows, &mut told, run.stop)?;
        let both = both(&sides);
        let whole = described(&both, &settings, run.stop)?;
        let mut values = whole;
        let parts = sides.iter().map(|side| {
            let lines: Vec<Line> = side.lines.values().copied().collect();
            let mut part = described(&lines, &settings, run.stop)?;
            part.insert("side".to_owned(), json!(side.name));
            Ok(Value::Object(part))
        });
        values.insert("sides".to_owned(), Value::Array(parts.collect::<Result<_, FitFault>>()?));
        let few = (both.len() < 30).then(|| doubt(Confidence::Medium, format!("There are only {} snapshots.", both.len())));
        let lasting = lasting(&both);
        let chart = chart(&sides, &settings.distances);
        Ok(Fitted {
            values,
            observations: rows.rows() as u64,
            window: span(&rows),
            doubts: few.into_iter().chain(lasting).collect(),
            told,
            chart: Some(chart),
        })
    }
}

/// The line of every snapshot, side by side.
fn sides(rows: &Frame, told: &mut Vec<String>, stop: Stop<'_>) -> Result<Vec<Side>, FitFault> {
    let names = if has(rows, "side") { labels(rows, "side")? } else { vec![Some("book".into()); rows.rows()] };
    let (times, distances, depths) = (rows.times("time")?, rows.numbers("distance_bps")?, rows.numbers("depth")?);
    let mut snapshots: BTreeMap<(Arc<str>, i64), Levels> = BTreeMap::new();
    for row in 0..rows.rows() {
        let (Some(name), Some(time)) = (&names[row], times[row]) else { continue };
        let (x, y) = snapshots.entry((Arc::clone(name), time.as_micros())).or_default();
        x.push(distances[row].ln());
        y.push(depths[row].ln());
    }
    let mut sides: Vec<Side> = Vec::new();
    let mut short = 0;
    for ((name, time), (x, y)) in snapshots {
        let line =
            if x.len() < LEVELS_MIN { Err(StatsError::TooFew { needed: LEVELS_MIN, got: x.len() }) } else { line(&x, &y, stop) };
        match line {
            Ok(line) => match sides.last_mut().filter(|side| side.name == name) {
                Some(side) => drop(side.lines.insert(time, line)),
                None => sides.push(Side { name, lines: BTreeMap::from([(time, line)]) }),
            },
            Err(StatsError::Stopped) => return Err(StatsError::Stopped.into()),
            Err(_) => short += x.len(),
        }
    }
    left_out(told, short, &format!("a snapshot has fewer than {LEVELS_MIN} levels, or no depth beyond the first"));
    if sides.is_empty() {
        Err(StatsError::TooFew { needed: LEVELS_MIN, got: rows.rows().min(LEVELS_MIN - 1) }.into())
    } else {
        Ok(sides)
    }
}

fn line(x: &[f64], y: &[f64], stop: Stop<'_>) -> Result<Line, StatsError> {
    let fit = linear(y, &[x], &Options::default(), stop)?;
    Ok(Line { log_depth_at_1: fit.coefficients[0].value, gamma: fit.coefficients[1].value, r_squared: fit.r_squared })
}

/// The mean of the sides at every moment at which all of them are there.
fn both(sides: &[Side]) -> Vec<Line> {
    let Some((first, others)) = sides.split_first() else { return Vec::new() };
    let at = |(time, line): (&i64, &Line)| {
        let mut sum = *line;
        for other in others {
            let other = other.lines.get(time)?;
            sum.log_depth_at_1 += other.log_depth_at_1;
            sum.gamma += other.gamma;
            sum.r_squared += other.r_squared;
        }
        let count = sides.len() as f64;
        Some(Line { log_depth_at_1: sum.log_depth_at_1 / count, gamma: sum.gamma / count, r_squared: sum.r_squared / count })
    };
    first.lines.iter().filter_map(at).collect()
}

/// The mean of a series over time with its long-run error.
fn mean(series: &[f64], settings: &Settings, stop: Stop<'_>) -> Result<Estimate, StatsError> {
    let terms = settings.terms.unwrap_or_else(|| cosine_terms(series.len()).min(TERMS_MOST));
    let options = Options { covariance: Covariance::Cosines(Some(terms)), level: settings.level, ..Options::default() };
    match linear(series, &[], &options, stop) {
        Ok(fit) => Ok(fit.coefficients[0]),
        // Every snapshot has the same line: there is nothing to estimate an error from.
        Err(StatsError::Constant(_)) => {
            Ok(Estimate { value: series[0], standard_error: 0.0, t: None, p_value: None, interval: [series[0]; 2] })
        }
        Err(error) => Err(error),
    }
}

/// Where depth lasts so long from one snapshot to the next that few of them tell anything new, intervals hold less often than they say: 0.82
/// of the time in 48 snapshots with an autocorrelation of 0.9.
fn lasting(lines: &[Line]) -> Option<Doubt> {
    let levels: Vec<f64> = lines.iter().map(|line| line.log_depth_at_1).collect();
    let seen = summary(&levels, 0.95).ok()?.autocorrelation;
    // A short series shows less of it than there is (Kendall, 1954, Biometrika 41).
    let again = (seen + (1.0 + 3.0 * seen) / lines.len() as f64).min(0.999);
    let alone = lines.len() as f64 * (1.0 - again) / (1.0 + again);
    (again > 0.0 && alone < ALONE_MIN).then(|| {
        let reason = format!(
            "Depth lasts so long that {} snapshots tell no more than {alone:.0} apart, so that intervals may be too narrow.",
            lines.len()
        );
        doubt(Confidence::Medium, reason)
    })
}

fn described(lines: &[Line], settings: &Settings, stop: Stop<'_>) -> Result<Map<String, Value>, FitFault> {
    let over = |of: &dyn Fn(&Line) -> f64| mean(&lines.iter().map(of).collect::<Vec<_>>(), settings, stop);
    let gamma = over(&|line| line.gamma)?;
    let mut depths = Map::new();
    for &distance in &settings.distances {
        let reach = f64::from(distance).ln();
        let found = over(&|line| line.log_depth_at_1 + line.gamma * reach)?;
        depths.insert(distance.to_string(), json!({"depth": found.value.exp(), "interval": found.interval.map(f64::exp)}));
    }
    let at_1 = over(&|line| line.log_depth_at_1)?;
    let fits = sorted(&lines.iter().map(|line| line.r_squared).collect::<Vec<_>>());
    let value = json!({
        "gamma": gamma.value,
        "gamma_standard_error": gamma.standard_error,
        "gamma_interval": gamma.interval,
        "depth_at_1_bp": at_1.value.exp(),
        "depth_at_1_bp_interval": at_1.interval.map(f64::exp),
        "depth_at_bps": depths,
        "median_r_squared": quantile_of_sorted(&fits, 0.5),
        "snapshots": lines.len(),
    });
    Ok(value.as_object().cloned().unwrap_or_default())
}

fn chart(sides: &[Side], distances: &[u32]) -> Value {
    let far = f64::from(distances.last().copied().unwrap_or(100)).max(2.0);
    let traces = sides.iter().map(|side| {
        let count = side.lines.len() as f64;
        let (level, gamma) =
            side.lines.values().fold((0.0, 0.0), |(a, g), line| (a + line.log_depth_at_1 / count, g + line.gamma / count));
        let at = |step: i32| far.powf(f64::from(step) / 60.0);
        let points: Vec<(f64, f64)> = (0..=60).map(|step| (at(step), (level + gamma * at(step).ln()).exp())).collect();
        plot::line(&side.name, &points, "linear")
    });
    plot::chart(
        traces.collect(),
        "Depth by distance from the middle",
        "distance, bps",
        "cumulative depth, in the unit of the data",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::frame::Column;
    use crate::engine::numeric::methods::trial;

    fn sample() -> Frame {
        trial::only(&trial::sample("book_depth.csv"), "symbol", "BTC-PERP")
    }

    /// The script that simulates the sample has γ = 0.85 in the mean of both sides and 2.0 million within 1 bp of BTC-PERP.
    #[test]
    fn the_sample_gives_back_the_function_that_it_was_made_with() {
        let fitted = trial::fit(&DepthFunction, &[("book", sample())], json!({})).unwrap();
        trial::sound(&fitted);
        let error = trial::number(&fitted, "gamma_standard_error");
        assert!((trial::number(&fitted, "gamma") - 0.85).abs() < 3.0 * error && error < 0.02, "{error}");
        let [low, high] = [0, 1].map(|at| trial::number(&fitted, &format!("depth_at_1_bp_interval.{at}")));
        assert!(low < 2.2e6 && high > 1.8e6 && high / low < 1.5, "{low} {high}");
        assert!(trial::number(&fitted, "depth_at_bps.100.depth") > trial::number(&fitted, "depth_at_bps.10.depth"));
        assert_eq!(fitted.values["sides"].as_array().unwrap().len(), 2);
        assert!(fitted.told.iter().any(|told| told.contains("not above 0")), "{:?}", fitted.told);
    }

    /// Snapshots of a book whose depth lasts: of one hour this share comes again in the next.
    fn simulated(snapshots: i64, lasts: f64, seed: u64) -> Frame {
        let mut chance = fastrand::Rng::with_seed(seed);
        let mut gauss = || crate::stats::monte_carlo::normal(&mut chance);
        let begin = crate::domain::time::Timestamp::parse("2026-01-01T00:00:00Z").unwrap();
        let (mut times, mut distances, mut depths) = (Vec::new(), Vec::new(), Vec::new());
        let mut lasting = 0.08 / (1.0 - lasts * lasts).sqrt() * gauss();
        for at in 0..snapshots {
            lasting = lasts * lasting + 0.08 * gauss();
            let (level, gamma) = (14.5 + lasting + 0.06 * gauss(), 0.85 + 0.03 * gauss());
            for distance in [1.0, 5.0, 20.0, 100.0_f64] {
                times.push(Some(begin.plus_millis(at * 3_600_000)));
                distances.push(distance);
                depths.push((level + gamma * distance.ln() + 0.05 * gauss()).exp());
            }
        }
        let columns =
            vec![("time", Column::Time(times)), ("distance_bps", Column::Number(distances)), ("depth", Column::Number(depths))];
        trial::frame(columns)
    }

    #[test]
    fn intervals_cover_though_a_deep_book_stays_deep_for_hours() {
        let mut covered = [0_u32; 3];
        for run in 0..200 {
            let fitted = trial::fit(&DepthFunction, &[("book", simulated(60, 0.6, run))], json!({"distances": [10]})).unwrap();
            let truths = [
                ("gamma_interval", 0.85),
                ("depth_at_1_bp_interval", 14.5_f64.exp()),
                ("depth_at_bps.10.interval", (14.5 + 0.85 * 10.0_f64.ln()).exp()),
            ];
            for (count, (path, truth)) in covered.iter_mut().zip(truths) {
                let [low, high] = [0, 1].map(|end| trial::number(&fitted, &format!("{path}.{end}")));
                *count += u32::from((low..=high).contains(&truth));
            }
        }
        // 200 runs at 95%: the share has a standard error of 1.5 points, and three of them are allowed.
        assert!(covered.iter().all(|count| (181..=199).contains(count)), "{covered:?}");
    }

    #[test]
    fn depth_that_lasts_longer_than_the_data_is_doubted() {
        let doubts =
            |lasts: f64, seed| trial::fit(&DepthFunction, &[("book", simulated(48, lasts, seed))], json!({})).unwrap().doubts;
        let doubted = |lasts: f64| (0..40).filter(|seed| !doubts(lasts, *seed).is_empty()).count();
        let [none, usual, long] = [0.0, 0.6, 0.95].map(doubted);
        assert!(none == 0 && usual <= 8 && long >= 25, "{none} {usual} {long}");
    }

    #[test]
    fn an_exact_law_comes_back_exactly_and_short_snapshots_are_told() {
        let mut time = Vec::new();
        let (mut distance, mut depth) = (Vec::new(), Vec::new());
        for day in 1..=9 {
            for level in [1.0, 4.0, 16.0].iter().take(if day == 9 { 2 } else { 3 }) {
                time.push(format!("2026-01-0{day}T00:00:00Z"));
                distance.push(*level);
                depth.push(100.0 * f64::sqrt(*level));
            }
        }
        let columns = vec![
            ("time", trial::times(&time.iter().map(String::as_str).collect::<Vec<_>>())),
            ("distance_bps", Column::Number(distance)),
            ("depth", Column::Number(depth)),
        ];
        let fitted = trial::fit(&DepthFunction, &[("book", trial::frame(columns))], json!({})).unwrap();
        assert!((trial::number(&fitted, "gamma") - 0.5).abs() < 1e-14);
        assert!((trial::number(&fitted, "depth_at_bps.25.depth") - 500.0).abs() < 1e-9);
        assert_eq!(fitted.told, ["2 rows were left out: a snapshot has fewer than 3 levels, or no depth beyond the first."]);
        assert_eq!(fitted.doubts.len(), 1);
    }

    #[test]
    fn one_row_or_none_is_told() {
        let one = trial::fit(&DepthFunction, &[("book", sample().take(&[0]))], json!({}));
        assert!(matches!(one, Err(FitFault::Stats(StatsError::TooFew { .. }))));
        assert!(matches!(trial::fit(&DepthFunction, &[], json!({})), Err(FitFault::NoData(_))));
        assert!(DepthFunction.check(json!({"distances": [5, 1]}).as_object().unwrap()).is_err());
    }
}
