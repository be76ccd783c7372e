//! NR-02: by how much open interest answers to the funding rate.

use super::estimates::{complete, dots, estimate, once, span};
use super::tabular::doubt;
use super::{plot, setting};
use crate::domain::answer::Confidence;
use crate::domain::field::FieldError;
use crate::engine::numeric::method::{FitFault, FitInput, FitRun, Fitted, Method};
use crate::stats::regression::{Covariance, Estimate, LinearFit, Options, cosine_terms, linear};
use crate::stats::univariate::{quantile, quantile_of_sorted, sorted};
use serde_json::{Map, Value, json};

/// The semi-elasticity of open interest to funding: the change of the logarithm of open interest over an interval, in percent, by the funding
/// rate at its start, in basis points, with the return and the change of the interval before held fixed; least squares with errors by cosines.
/// Its frame `funding` has `time`, `funding_rate` (a share of notional per interval), `open_interest` and `price`, one row for each
/// interval. Settings: `level`; `terms`, the cosines of the errors if not by rule; `winsor`, the share of the changes that is drawn in at each end.
#[derive(Debug, Clone, Copy)]
pub struct FundingElasticity;

struct Settings {
    level: f64,
    terms: Option<usize>,
    winsor: f64,
}

impl Settings {
    fn read(given: &Map<String, Value>) -> Result<Self, FieldError> {
        setting::only(given, &["level", "terms", "winsor"])?;
        let terms = given.contains_key("terms").then(|| setting::whole(given, "terms", 1, 1..=500)).transpose()?;
        Ok(Self {
            level: setting::number(given, "level", 0.95, 0.5..=0.999)?,
            terms: terms.map(|terms| terms as usize),
            winsor: setting::number(given, "winsor", 0.001, 0.0..=0.1)?,
        })
    }
}

/// What is regressed on what, by interval.
struct Series {
    /// Change of log open interest, percent.
    change: Vec<f64>,
    /// Funding at the start of the interval, basis points.
    funding_bps: Vec<f64>,
    /// Return of the price over the interval before, percent.
    past_return: Vec<f64>,
    /// The change of the interval before, percent.
    past_change: Vec<f64>,
}

impl Method for FundingElasticity {
    fn check(&self, settings: &Map<String, Value>) -> Result<(), FieldError> {
        Settings::read(settings).map(drop)
    }

    fn fit(&self, input: &FitInput<'_>, run: &FitRun<'_>) -> Result<Fitted, FitFault> {
        let settings = Settings::read(input.settings)?;
        let mut told = Vec::new();
        let rows = complete(input.frame("funding")?, &["time", "funding_rate", "open_interest", "price"], &mut told)?;
        let rows = once(&rows, &["time"], &mut told)?;
        let mut order: Vec<usize> = (0..rows.rows()).collect();
        let times = rows.times("time")?;
        order.sort_by_key(|&row| times[row]);
        let rows = rows.take(&order);
        let series = series(&rows, settings.winsor, &mut told)?;
        let terms = settings.terms.unwrap_or_else(|| cosine_terms(series.change.len()));
        let options = Options { covariance: Covariance::Cosines(Some(terms)), level: settings.level, ..Options::default() };
        let columns = [&series.funding_bps[..], &series.past_return, &series.past_change];
        let fit = linear(&series.change, &columns, &options, run.stop)?;
        let slope = &fit.coefficients[1];
        let doubts = [
            (fit.observations < 90).then(|| doubt(Confidence::Medium, format!("There are only {} intervals.", fit.observations))),
            (slope.interval[0] <= 0.0 && slope.interval[1] >= 0.0)
                .then(|| doubt(Confidence::Medium, "The elasticity can't be told from none at this level.")),
        ];
        Ok(Fitted {
            values: values(&series, &fit, terms),
            observations: fit.observations as u64,
            window: span(&rows),
            doubts: doubts.into_iter().flatten().collect(),
            told,
            chart: Some(chart(&series, slope)),
        })
    }
}

/// The intervals that follow one another without a gap.
fn series(rows: &crate::domain::frame::Frame, winsor: f64, told: &mut Vec<String>) -> Result<Series, FitFault> {
    let (funding, interest, price) = (rows.numbers("funding_rate")?, rows.numbers("open_interest")?, rows.numbers("price")?);
    let moments: Vec<i64> = rows.times("time")?.iter().flatten().map(|at| at.as_micros()).collect();
    let steps: Vec<f64> = moments.windows(2).map(|pair| (pair[1] - pair[0]) as f64).collect();
    let usual = quantile(&steps, 0.5);
    let mut series = Series { change: Vec::new(), funding_bps: Vec::new(), past_return: Vec::new(), past_change: Vec::new() };
    let (mut gaps, mut wrong) = (0, 0);
    for at in 1..rows.rows().saturating_sub(1) {
        if steps[at - 1].max(steps[at]) > 1.5 * usual {
            gaps += 1;
            continue;
        }
        if [interest[at - 1], interest[at], interest[at + 1], price[at - 1], price[at]].iter().any(|value| *value <= 0.0) {
            wrong += 1;
            continue;
        }
        series.change.push(100.0 * (interest[at + 1] / interest[at]).ln());
        series.funding_bps.push(1e4 * funding[at]);
        series.past_return.push(100.0 * (price[at] / price[at - 1]).ln());
        series.past_change.push(100.0 * (interest[at] / interest[at - 1]).ln());
    }
    if gaps > 0 {
        told.push(format!("{gaps} intervals at gaps in the series were left out."));
    }
    if wrong > 0 {
        told.push(format!("{wrong} intervals were left out: open interest or price is not above 0."));
    }
    let ordered = sorted(&series.change);
    let [low, high] = [quantile_of_sorted(&ordered, winsor), quantile_of_sorted(&ordered, 1.0 - winsor)];
    let drawn = series.change.iter().filter(|change| **change < low || **change > high).count();
    if drawn > 0 {
        told.push(format!("{drawn} changes beyond the {:.1}% at each end were drawn in to it.", 100.0 * winsor));
        series.change.iter_mut().for_each(|change| *change = change.clamp(low, high));
    }
    Ok(series)
}

fn values(series: &Series, fit: &LinearFit, terms: usize) -> Map<String, Value> {
    let slope = &fit.coefficients[1];
    let mean_size = series.funding_bps.iter().map(|bps| bps.abs()).sum::<f64>() / series.funding_bps.len() as f64;
    let value = json!({
        "elasticity_pct_per_bp": slope.value,
        "size_pct_per_bp": slope.value.abs(),
        "standard_error": slope.standard_error,
        "elasticity_interval": slope.interval,
        "t": slope.t,
        "p_value": slope.p_value,
        "change_for_5_bps_pct": 5.0 * slope.value,
        "mean_funding_size_bps": mean_size,
        "elasticity_at_mean": slope.value * mean_size / 100.0,
        "direction": if slope.value < 0.0 { "falls" } else { "rises" },
        "return_effect": estimate(&fit.coefficients[2]),
        "persistence": estimate(&fit.coefficients[3]),
        "r_squared": fit.r_squared,
        "residual_sd_pct": fit.residual_sd,
        "cosine_terms": terms,
        "n_obs": fit.observations,
    });
    value.as_object().cloned().unwrap_or_default()
}

fn chart(series: &Series, slope: &Estimate) -> Value {
    let points: Vec<(f64, f64)> = series.funding_bps.iter().copied().zip(series.change.iter().copied()).collect();
    let count = points.len() as f64;
    let (x_mean, y_mean) =
        (points.iter().map(|point| point.0).sum::<f64>() / count, points.iter().map(|point| point.1).sum::<f64>() / count);
    let ends = points.iter().fold([f64::INFINITY, f64::NEG_INFINITY], |[low, high], point| [low.min(point.0), high.max(point.0)]);
    let line: Vec<(f64, f64)> = ends.iter().map(|&x| (x, y_mean + slope.value * (x - x_mean))).collect();
    let data = vec![dots("intervals", &points), plot::line("effect of funding", &line, "linear")];
    plot::chart(data, "Open interest after funding", "funding rate, bps per interval", "change of open interest, %")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::frame::Column;
    use crate::engine::numeric::methods::trial;
    use crate::stats::StatsError;

    /// The script that simulates the sample has −0.45% for each basis point in BTC-PERP and −0.80% in SOL-PERP.
    #[test]
    fn the_sample_gives_back_the_elasticity_that_it_was_made_with() {
        for (symbol, truth) in [("BTC-PERP", -0.45), ("SOL-PERP", -0.80)] {
            let frame = trial::only(&trial::sample("funding.csv"), "symbol", symbol);
            let fitted = trial::fit(&FundingElasticity, &[("funding", frame)], json!({})).unwrap();
            trial::sound(&fitted);
            let error = trial::number(&fitted, "standard_error");
            assert!((trial::number(&fitted, "elasticity_pct_per_bp") - truth).abs() < 3.0 * error, "{symbol}");
            assert!(error < 0.1, "{error}");
            assert_eq!(fitted.values["direction"], "falls");
        }
    }

    /// A market of which all is known, with noise that grows with funding: −0.45% for a basis point, 0.3 of a return and 0.15 of a change.
    fn simulated(intervals: i64, seed: u64) -> crate::domain::frame::Frame {
        let mut chance = fastrand::Rng::with_seed(seed);
        let mut gauss = || crate::stats::monte_carlo::normal(&mut chance);
        let begin = crate::domain::time::Timestamp::parse("2026-01-01T00:00:00Z").unwrap();
        let (mut rate, mut change, mut past, mut price, mut interest) = (1.0, 0.0, 0.0, 64_000.0, 9.2e9);
        let (mut times, mut rates, mut interests, mut prices) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for at in 0..intervals {
            times.push(Some(begin.plus_millis(at * 8 * 3_600_000)));
            rates.push(rate * 1e-4);
            interests.push(interest);
            prices.push(price);
            let noise = (0.3 + f64::abs(rate - 1.0)) * gauss();
            change = -0.45 * (rate - 1.0) + 0.30 * past + 0.15 * change + noise;
            past = 1.2 * gauss();
            interest *= f64::exp(change / 100.0);
            price *= f64::exp(past / 100.0);
            rate = 1.0 + 0.85 * (rate - 1.0) + 0.45 * gauss();
        }
        trial::frame(vec![
            ("time", Column::Time(times)),
            ("funding_rate", Column::Number(rates)),
            ("open_interest", Column::Number(interests)),
            ("price", Column::Number(prices)),
        ])
    }

    #[test]
    fn intervals_cover_the_effects_where_noise_grows_with_funding() {
        let mut covered = [0_u32; 3];
        for run in 0..200 {
            let fitted = trial::fit(&FundingElasticity, &[("funding", simulated(150, run))], json!({})).unwrap();
            let truths = [("elasticity_interval", -0.45), ("return_effect.interval", 0.30), ("persistence.interval", 0.15)];
            for (count, (path, truth)) in covered.iter_mut().zip(truths) {
                let [low, high] = [0, 1].map(|end| trial::number(&fitted, &format!("{path}.{end}")));
                *count += u32::from((low..=high).contains(&truth));
            }
        }
        // 200 runs at 95%: the share has a standard error of 1.5 points, and three of them are allowed.
        assert!(covered.iter().all(|count| (181..=199).contains(count)), "{covered:?}");
    }

    #[test]
    fn gaps_repeats_and_impossible_values_are_left_out_and_told() {
        let frame = trial::only(&trial::sample("funding.csv"), "symbol", "BTC-PERP");
        let rows: Vec<usize> = [0].into_iter().chain((0..frame.rows()).filter(|row| *row != 40)).collect();
        let fitted = trial::fit(&FundingElasticity, &[("funding", frame.take(&rows))], json!({})).unwrap();
        assert!(fitted.told.iter().any(|told| told.contains("same time came again")), "{:?}", fitted.told);
        assert!(fitted.told.iter().any(|told| told.contains("gaps")), "{:?}", fitted.told);
    }

    #[test]
    fn a_short_or_constant_series_has_no_elasticity() {
        let frame = trial::only(&trial::sample("funding.csv"), "symbol", "BTC-PERP");
        let run = |frame| trial::fit(&FundingElasticity, &[("funding", frame)], json!({}));
        assert!(matches!(run(frame.take(&[0])), Err(FitFault::Stats(StatsError::TooFew { .. }))));
        assert!(matches!(run(frame.take(&[0, 1, 2, 3])), Err(FitFault::Stats(StatsError::TooFew { .. }))));
        assert!(matches!(trial::fit(&FundingElasticity, &[], json!({})), Err(FitFault::NoData(_))));
        let flat = trial::frame(vec![
            ("time", frame.column("time").unwrap().clone()),
            ("funding_rate", frame.column("funding_rate").unwrap().clone()),
            ("open_interest", Column::Number(vec![5.0; frame.rows()])),
            ("price", frame.column("price").unwrap().clone()),
        ]);
        assert!(run(flat).is_err());
    }
}
