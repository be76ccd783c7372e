//! NR-20: whether settlements still come out the way they used to.

use super::estimates::{complete, has, keep, once, span};
use super::tabular::doubt;
use super::{plot, setting};
use crate::domain::answer::Confidence;
use crate::domain::field::FieldError;
use crate::domain::frame::Frame;
use crate::engine::numeric::method::{FitFault, FitInput, FitRun, Fitted, Method};
use crate::stats::StatsError;
use crate::stats::kolmogorov_smirnov::{KsTest, two_sample};
use crate::stats::robust::{Centre, centre};
use crate::stats::univariate::{sorted, summary};
use serde_json::{Map, Value, json};

/// The test of Kolmogorov and Smirnov between the settlements of the last days and those before: how far each settled from its reference, in basis
/// points. Its frame `settlements` has `time`, `settlement`, `reference`, both prices, and `id` where there is one. Settings: `recent_days`;
/// `baseline_days`, those before them; `significance`.
#[derive(Debug, Clone, Copy)]
pub struct SettlementKs;

/// Settlements on each side that the test needs.
const LEAST: usize = 8;
/// Autocorrelation from which the chance of the test, which takes settlements for independent, is too low.
const DEPENDENT: f64 = 0.2;

struct Settings {
    recent_days: u32,
    baseline_days: u32,
    significance: f64,
}

impl Settings {
    fn read(given: &Map<String, Value>) -> Result<Self, FieldError> {
        setting::only(given, &["recent_days", "baseline_days", "significance"])?;
        Ok(Self {
            recent_days: setting::whole(given, "recent_days", 30, 1..=3_650)?,
            baseline_days: setting::whole(given, "baseline_days", 180, 1..=3_650)?,
            significance: setting::number(given, "significance", 0.01, 1e-9..=0.5)?,
        })
    }
}

/// Deviations from the reference in basis points, in the order of time.
struct Windows {
    recent: Vec<f64>,
    baseline: Vec<f64>,
}

impl Method for SettlementKs {
    fn check(&self, settings: &Map<String, Value>) -> Result<(), FieldError> {
        Settings::read(settings).map(drop)
    }

    fn fit(&self, input: &FitInput<'_>, run: &FitRun<'_>) -> Result<Fitted, FitFault> {
        let settings = Settings::read(input.settings)?;
        let mut told = Vec::new();
        let rows = complete(input.frame("settlements")?, &["time", "settlement", "reference"], &mut told)?;
        let rows = if has(&rows, "id") { once(&rows, &["id"], &mut told)? } else { rows };
        let (settled, reference) = (rows.numbers("settlement")?, rows.numbers("reference")?);
        let rows = keep(&rows, &mut told, "a price is not above 0", |row| settled[row] > 0.0 && reference[row] > 0.0);
        let windows = windows(&rows, &settings)?;
        let least = windows.recent.len().min(windows.baseline.len());
        if least < LEAST {
            return Err(StatsError::TooFew { needed: LEAST, got: least }.into());
        }
        let test = two_sample(&windows.recent, &windows.baseline, run.stop)?;
        let series: Vec<f64> = windows.baseline.iter().chain(&windows.recent).copied().collect();
        let dependence = summary(&series, 0.95)?.autocorrelation;
        let dependent = (dependence > DEPENDENT).then(|| {
            doubt(
                Confidence::Medium,
                format!("Settlements follow one another (autocorrelation {dependence:.2}); the test takes them for independent."),
            )
        });
        Ok(Fitted {
            values: values(&windows, &test, &settings, dependence)?,
            observations: series.len() as u64,
            window: span(&rows),
            doubts: dependent.into_iter().collect(),
            told,
            chart: Some(chart(&windows)),
        })
    }
}

fn windows(rows: &Frame, settings: &Settings) -> Result<Windows, FitFault> {
    let (times, settled, reference) = (rows.times("time")?, rows.numbers("settlement")?, rows.numbers("reference")?);
    let last = times.iter().flatten().max().ok_or_else(|| FitFault::NoData("settlements".to_owned()))?;
    let mut order: Vec<usize> = (0..rows.rows()).collect();
    order.sort_by_key(|&row| times[row]);
    let mut windows = Windows { recent: Vec::new(), baseline: Vec::new() };
    for row in order {
        let Some(time) = times[row] else { continue };
        let age_days = (last.as_micros() - time.as_micros()) / 86_400_000_000;
        let deviation = 1e4 * (settled[row] / reference[row]).ln();
        if age_days < i64::from(settings.recent_days) {
            windows.recent.push(deviation);
        } else if age_days < i64::from(settings.recent_days) + i64::from(settings.baseline_days) {
            windows.baseline.push(deviation);
        }
    }
    Ok(windows)
}

fn values(windows: &Windows, test: &KsTest, settings: &Settings, dependence: f64) -> Result<Map<String, Value>, FitFault> {
    let of = |sample: &[f64]| match centre(sample) {
        Err(StatsError::Constant(_)) => Ok(Centre { median: sample[0], scale: 0.0, mad: 0.0, interval: [sample[0]; 2] }),
        other => other,
    };
    let (recent, baseline) = (of(&windows.recent)?, of(&windows.baseline)?);
    let changed = test.p_value < settings.significance;
    let value = json!({
        "ks_distance": test.distance,
        "p_value": test.p_value,
        "p_value_exact": test.exact,
        "changed": changed,
        "verdict": if changed { "differ from" } else { "are in line with" },
        "significance": settings.significance,
        "widest_at_bps": test.at,
        "recent_median_bps": recent.median,
        "recent_median_interval": recent.interval,
        "recent_scale_bps": recent.scale,
        "baseline_median_bps": baseline.median,
        "baseline_median_interval": baseline.interval,
        "baseline_scale_bps": baseline.scale,
        "shift_bps": recent.median - baseline.median,
        "autocorrelation": dependence,
        "recent_days": settings.recent_days,
        "baseline_days": settings.baseline_days,
        "n_recent": windows.recent.len(),
        "n_baseline": windows.baseline.len(),
    });
    Ok(value.as_object().cloned().unwrap_or_default())
}

fn chart(windows: &Windows) -> Value {
    let steps = |sample: &[f64]| -> Vec<(f64, f64)> {
        let count = sample.len() as f64;
        sorted(sample).into_iter().enumerate().map(|(rank, value)| (value, (rank + 1) as f64 / count)).collect()
    };
    let data = vec![plot::line("recent", &steps(&windows.recent), "hv"), plot::line("baseline", &steps(&windows.baseline), "hv")];
    plot::chart(data, "Settlement against reference", "deviation, bps", "share of settlements")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::frame::Column;
    use crate::domain::time::Timestamp;
    use crate::engine::numeric::methods::trial;

    fn sample(symbol: &str) -> Frame {
        trial::only(&trial::sample("settlements.csv"), "symbol", symbol)
    }

    /// The script that simulates the sample moves the settlements of PT-ETH by 3 bps and widens them in the last 30 days, and leaves PT-BTC alone.
    #[test]
    fn the_product_that_was_changed_is_found_and_the_other_is_not() {
        let run = |symbol: &str| trial::fit(&SettlementKs, &[("settlements", sample(symbol))], json!({})).unwrap();
        let (changed, same) = (run("PT-ETH"), run("PT-BTC"));
        trial::sound(&changed);
        assert_eq!((&changed.values["changed"], &same.values["changed"]), (&json!(true), &json!(false)));
        assert!(trial::number(&changed, "p_value") < 1e-3 && trial::number(&same, "p_value") > 0.05);
        assert!((trial::number(&changed, "shift_bps") - 3.0).abs() < 1.5);
        assert!(same.doubts.is_empty());
        assert!(changed.told.iter().any(|told| told.contains("not above 0")), "{:?}", changed.told);
    }

    /// 200 pairs of windows from one law: a test at 5% finds a change in 10 ± 4 Monte Carlo standard errors of them at most.
    #[test]
    fn a_change_is_seldom_found_where_there_is_none() {
        let mut chance = fastrand::Rng::with_seed(4);
        let mut found = 0;
        for _ in 0..200 {
            let time = |day: i64| Some(Timestamp::from_micros(1_760_000_000_000_000 + day * 86_400_000_000));
            let prices: Vec<f64> = (0..120).map(|_| 100.0 * (1.0 + 0.001 * (chance.f64() + chance.f64() - 1.0))).collect();
            let frame = trial::frame(vec![
                ("time", Column::Time((0..120).map(time).collect())),
                ("settlement", Column::Number(prices)),
                ("reference", Column::Number(vec![100.0; 120])),
            ]);
            let fitted = trial::fit(&SettlementKs, &[("settlements", frame)], json!({"significance": 0.05})).unwrap();
            found += i32::from(fitted.values["changed"] == json!(true));
        }
        assert!((1..=22).contains(&found), "{found} of 200");
    }

    #[test]
    fn too_few_settlements_and_none_are_told() {
        let few = trial::fit(&SettlementKs, &[("settlements", sample("PT-BTC").take(&[0, 1, 2]))], json!({}));
        assert!(matches!(few, Err(FitFault::Stats(StatsError::TooFew { needed: LEAST, .. }))), "{few:?}");
        assert!(matches!(trial::fit(&SettlementKs, &[], json!({})), Err(FitFault::NoData(_))));
        assert!(SettlementKs.check(json!({"recent_days": 0}).as_object().unwrap()).is_err());
    }
}
