//! NR-07: by how much the volume of makers answers to their rebate.

use super::estimates::{complete, dots, groups, keep, once, span};
use super::tabular::{doubt, labels};
use super::{plot, setting};
use crate::domain::answer::Confidence;
use crate::domain::field::FieldError;
use crate::domain::frame::Frame;
use crate::engine::numeric::method::{FitFault, FitInput, FitRun, Fitted, Method};
use crate::stats::regression::{Covariance, LinearFit, Options, linear};
use serde_json::{Map, Value, json};

/// The elasticity of maker volume to the rebate: the logarithm of volume on the logarithms of rebate and market volume, within makers (fixed
/// effects; Wooldridge, 2010, "Econometric Analysis of Cross Section and Panel Data", section 10.5), with errors clustered by maker. Its frame
/// `makers` has `time`, `maker`, `volume`, `rebate_bps` and `market_volume`. Settings: `level`; `taker_fee_bps`, from which the rebate
/// that earns most is told.
#[derive(Debug, Clone, Copy)]
pub struct RebateElasticity;

struct Settings {
    level: f64,
    taker_fee_bps: Option<f64>,
}

impl Settings {
    fn read(given: &Map<String, Value>) -> Result<Self, FieldError> {
        setting::only(given, &["level", "taker_fee_bps"])?;
        let fee = given
            .contains_key("taker_fee_bps")
            .then(|| setting::number(given, "taker_fee_bps", 0.0, 0.0..=1_000.0))
            .transpose()?;
        Ok(Self { level: setting::number(given, "level", 0.95, 0.5..=0.999)?, taker_fee_bps: fee })
    }
}

/// Logarithms less the mean of their maker.
struct Within {
    volume: Vec<f64>,
    rebate: Vec<f64>,
    market: Vec<f64>,
    clusters: Vec<u32>,
    makers: usize,
}

impl Method for RebateElasticity {
    fn check(&self, settings: &Map<String, Value>) -> Result<(), FieldError> {
        Settings::read(settings).map(drop)
    }

    fn fit(&self, input: &FitInput<'_>, run: &FitRun<'_>) -> Result<Fitted, FitFault> {
        let settings = Settings::read(input.settings)?;
        let mut told = Vec::new();
        let rows = complete(input.frame("makers")?, &["time", "maker", "volume", "rebate_bps", "market_volume"], &mut told)?;
        let rows = once(&rows, &["maker", "time"], &mut told)?;
        let (volume, rebate, market) = (rows.numbers("volume")?, rows.numbers("rebate_bps")?, rows.numbers("market_volume")?);
        let why = "volume, rebate or market volume is not above 0, so that it has no logarithm";
        let rows = keep(&rows, &mut told, why, |row| volume[row] > 0.0 && rebate[row] > 0.0 && market[row] > 0.0);
        let within = within(&rows)?;
        let options = Options {
            intercept: false,
            covariance: Covariance::Clustered(within.clusters.clone()),
            level: settings.level,
            // The effects of makers lie within the clusters, so that only the common mean counts (Cameron and Miller, 2015, section II.C).
            absorbed: 1,
        };
        let fit = linear(&within.volume, &[&within.rebate, &within.market], &options, run.stop)?;
        let slope = &fit.coefficients[0];
        let doubts = [
            (within.makers < 30)
                .then(|| doubt(Confidence::Medium, format!("There are only {} makers to learn errors from.", within.makers))),
            (slope.interval[0] <= 0.0 && slope.interval[1] >= 0.0)
                .then(|| doubt(Confidence::Medium, "The elasticity can't be told from none at this level.")),
        ];
        let mean_rebate = rows.numbers("rebate_bps")?.iter().sum::<f64>() / rows.rows() as f64;
        Ok(Fitted {
            values: values(&fit, &within, &settings, mean_rebate),
            observations: fit.observations as u64,
            window: span(&rows),
            doubts: doubts.into_iter().flatten().collect(),
            told,
            chart: Some(chart(&fit, &within)),
        })
    }
}

fn within(rows: &Frame) -> Result<Within, FitFault> {
    let (clusters, names) = groups(&labels(rows, "maker")?);
    let mut counts = vec![0.0_f64; names.len()];
    clusters.iter().for_each(|&maker| counts[maker as usize] += 1.0);
    let demeaned = |column: &str| -> Result<Vec<f64>, FitFault> {
        let logs: Vec<f64> = rows.numbers(column)?.iter().map(|value| value.ln()).collect();
        let mut means = vec![0.0; names.len()];
        logs.iter().zip(&clusters).for_each(|(log, &maker)| means[maker as usize] += log / counts[maker as usize]);
        // What is left of a maker whose value never changes is rounding, and no variation to learn from.
        let left = |(log, &maker): (&f64, &u32)| {
            let left = log - means[maker as usize];
            if left.abs() <= 1e-12 * log.abs().max(1.0) { 0.0 } else { left }
        };
        Ok(logs.iter().zip(&clusters).map(left).collect())
    };
    Ok(Within {
        volume: demeaned("volume")?,
        rebate: demeaned("rebate_bps")?,
        market: demeaned("market_volume")?,
        makers: names.len(),
        clusters,
    })
}

fn values(fit: &LinearFit, within: &Within, settings: &Settings, mean_rebate: f64) -> Map<String, Value> {
    let slope = &fit.coefficients[0];
    // max over r of (fee − r)·r^ε is at r = fee·ε/(1 + ε).
    let best = settings.taker_fee_bps.filter(|_| slope.value > 0.0).map(|fee| fee * slope.value / (1.0 + slope.value));
    let value = json!({
        "elasticity": slope.value,
        "standard_error": slope.standard_error,
        "elasticity_interval": slope.interval,
        "t": slope.t,
        "p_value": slope.p_value,
        "volume_change_for_10pct_more_pct": 100.0 * (1.1_f64.powf(slope.value) - 1.0),
        "market_volume_elasticity": fit.coefficients[1].value,
        "market_volume_elasticity_interval": fit.coefficients[1].interval,
        "mean_rebate_bps": mean_rebate,
        "best_rebate_bps": best,
        "within_r_squared": fit.r_squared,
        "makers": within.makers,
        "n_obs": fit.observations,
    });
    value.as_object().cloned().unwrap_or_default()
}

/// Volume beside market volume, by rebate, both less the mean of their maker.
fn chart(fit: &LinearFit, within: &Within) -> Value {
    let market = fit.coefficients[1].value;
    let beside = within.volume.iter().zip(&within.market).map(|(volume, other)| volume - market * other);
    let points: Vec<(f64, f64)> = within.rebate.iter().copied().zip(beside).collect();
    let ends = points.iter().fold([f64::INFINITY, f64::NEG_INFINITY], |[low, high], point| [low.min(point.0), high.max(point.0)]);
    let line: Vec<(f64, f64)> = ends.iter().map(|&x| (x, fit.coefficients[0].value * x)).collect();
    let data = vec![dots("maker and month", &points), plot::line("elasticity", &line, "linear")];
    plot::chart(data, "Maker volume by rebate", "log rebate, less the maker's mean", "log volume, less the maker's mean")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::frame::Column;
    use crate::engine::numeric::methods::trial;
    use crate::stats::StatsError;

    /// The script that simulates the sample has an elasticity of 0.35 and one of 0.9 to market volume.
    #[test]
    fn the_sample_gives_back_the_elasticity_that_it_was_made_with() {
        let frame = trial::sample("maker_rebates.csv");
        let fitted = trial::fit(&RebateElasticity, &[("makers", frame)], json!({"taker_fee_bps": 4.0})).unwrap();
        trial::sound(&fitted);
        let error = trial::number(&fitted, "standard_error");
        assert!((trial::number(&fitted, "elasticity") - 0.35).abs() < 3.0 * error && error < 0.06, "{error}");
        let [low, high] = [0, 1].map(|at| trial::number(&fitted, &format!("market_volume_elasticity_interval.{at}")));
        assert!(low < 0.9 && 0.9 < high);
        assert!((0.5..1.6).contains(&trial::number(&fitted, "best_rebate_bps")));
        assert!(fitted.told.iter().any(|told| told.contains("no logarithm")), "{:?}", fitted.told);
    }

    /// 200 panels of 40 makers with effects that go with the rebate, and errors that last within a maker.
    #[test]
    fn the_interval_covers_the_elasticity_beside_makers_of_any_size() {
        let mut chance = fastrand::Rng::with_seed(2);
        let mut gauss = || (-2.0 * (1.0 - chance.f64()).ln()).sqrt() * (std::f64::consts::TAU * chance.f64()).cos();
        let mut covered = 0;
        for _ in 0..200 {
            let (mut names, mut times, mut columns) = (Vec::new(), Vec::new(), [Vec::new(), Vec::new(), Vec::new()]);
            for maker in 0..40 {
                let (size, mut lasting) = (gauss(), 0.0);
                for month in 1..=8 {
                    lasting = 0.6 * lasting + 0.3 * gauss();
                    let (rebate, market) = ((0.3 * gauss() + 0.4 * size).exp(), (0.2 * gauss()).exp());
                    names.push(format!("m{maker}"));
                    times.push(format!("2026-0{month}-01T00:00:00Z"));
                    columns[0].push((2.0 * size + 0.4 * rebate.ln() + market.ln() + lasting).exp());
                    columns[1].push(rebate);
                    columns[2].push(market);
                }
            }
            let [volume, rebate, market] = columns.map(Column::Number);
            let frame = trial::frame(vec![
                ("maker", trial::texts(&names.iter().map(String::as_str).collect::<Vec<_>>())),
                ("time", trial::times(&times.iter().map(String::as_str).collect::<Vec<_>>())),
                ("volume", volume),
                ("rebate_bps", rebate),
                ("market_volume", market),
            ]);
            let fitted = trial::fit(&RebateElasticity, &[("makers", frame)], json!({})).unwrap();
            let end = |at: usize| trial::number(&fitted, &format!("elasticity_interval.{at}"));
            covered += i32::from(end(0) <= 0.4 && 0.4 <= end(1));
        }
        assert!((176..=200).contains(&covered), "{covered} of 200");
    }

    #[test]
    fn a_rebate_that_never_changes_has_no_elasticity() {
        let sample = trial::sample("maker_rebates.csv");
        let rows = sample.rows();
        let mut columns = vec![("rebate_bps", Column::Number(vec![0.7; rows]))];
        columns.extend(["time", "maker", "volume", "market_volume"].map(|name| (name, sample.column(name).unwrap().clone())));
        let found = trial::fit(&RebateElasticity, &[("makers", trial::frame(columns))], json!({}));
        assert_eq!(found, Err(FitFault::Stats(StatsError::Collinear(1))));
        let one = trial::fit(&RebateElasticity, &[("makers", sample.take(&[0]))], json!({}));
        assert!(matches!(one, Err(FitFault::Stats(_))), "{one:?}");
        assert!(matches!(trial::fit(&RebateElasticity, &[], json!({})), Err(FitFault::NoData(_))));
    }
}
