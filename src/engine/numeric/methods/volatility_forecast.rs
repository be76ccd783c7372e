//! NR-13: how much a market will move in the days to come, by GARCH(1,1).

use super::bars::{Bars, DAYS_PER_YEAR, Day};
use super::plot::{band, chart, line};
use super::setting;
use super::tabular::doubt;
use crate::domain::answer::Confidence;
use crate::domain::field::FieldError;
use crate::engine::numeric::method::{Doubt, FitFault, FitInput, FitRun, Fitted, Method};
use crate::stats::garch::{self, Forecast, Garch, RETURNS_MIN};
use crate::stats::serial::{ChiSquareTest, ljung_box};
use crate::stats::{StatsError, interval::normal_quantile};
use serde_json::{Map, Value, json};

/// GARCH(1,1) of daily log-returns in percent, with normal innovations and a constant mean. Its frame `bars` has `time` and `close`.
#[derive(Debug, Clone, Copy)]
pub struct VolatilityForecast;

/// Lags of the Ljung–Box tests.
const LAGS: usize = 10;
/// Days of the past in the chart.
const CHART_DAYS: usize = 365;

struct Settings {
    days_ahead: usize,
    level: f64,
}

impl Settings {
    fn read(given: &Map<String, Value>) -> Result<Self, FieldError> {
        setting::only(given, &["days_ahead", "level"])?;
        Ok(Self {
            days_ahead: setting::whole(given, "days_ahead", 30, 1..=365)? as usize,
            level: setting::number(given, "level", 0.95, 0.5..=0.999)?,
        })
    }
}

impl Method for VolatilityForecast {
    fn check(&self, settings: &Map<String, Value>) -> Result<(), FieldError> {
        Settings::read(settings).map(drop)
    }

    fn fit(&self, input: &FitInput<'_>, run: &FitRun<'_>) -> Result<Fitted, FitFault> {
        let settings = Settings::read(input.settings)?;
        let bars = Bars::read(input.frame("bars")?, "bars", input.as_of)?;
        let mut told = bars.told.clone();
        let days = bars.days(&mut told)?;
        if days.len() < RETURNS_MIN {
            return Err(StatsError::TooFew { needed: RETURNS_MIN, got: days.len() }.into());
        }
        let returns: Vec<f64> = days.iter().map(|day| 100.0 * day.log_return).collect();
        let found = garch::fit(&returns, run.stop)?;
        let squares: Vec<f64> = found.standardised.iter().map(|value| value * value).collect();
        let left = ljung_box(&squares, LAGS, 0)?;
        let z = normal_quantile(settings.level)?;
        let ahead: Vec<Ahead> =
            found.forecast(settings.days_ahead).into_iter().enumerate().map(|(at, one)| Ahead::of(at + 1, one, z)).collect();
        Ok(Fitted {
            values: values(&found, &left, &ahead, days.len()),
            observations: bars.rows.len() as u64,
            window: bars.window(),
            doubts: doubts(&found, &left, days.len()),
            told,
            chart: Some(picture(&days, &found, &ahead, input.parameters)),
        })
    }
}

/// What is told of some days ahead, as shares and not in percent.
struct Ahead {
    days: usize,
    /// Per year, the mean over these days.
    annual: f64,
    interval: Option<[f64; 2]>,
    /// The standard deviation of the return over all these days.
    over_all: f64,
}

impl Ahead {
    fn of(days: usize, forecast: Forecast, z: f64) -> Self {
        let annual = yearly(forecast.volatility * forecast.volatility);
        // Even on the scale of logarithms, so that no volatility is negative.
        let spread = forecast.standard_error.map(|error| (z * error / forecast.volatility).min(5.0));
        Self {
            days,
            annual,
            interval: spread.map(|spread| [annual * (-spread).exp(), annual * spread.exp()]),
            over_all: forecast.volatility / 100.0 * (days as f64).sqrt(),
        }
    }

    fn json(&self) -> Value {
        json!({"annual_volatility": self.annual, "annual_volatility_interval": self.interval, "expected_move": self.over_all})
    }
}

/// The yearly volatility, as a share, of a daily variance in squared percent.
fn yearly(variance: f64) -> f64 {
    (variance * DAYS_PER_YEAR).sqrt() / 100.0
}

fn values(found: &Garch, left: &ChiSquareTest, ahead: &[Ahead], days: usize) -> Map<String, Value> {
    let p = found.parameters;
    let forecast: Map<String, Value> = ahead.iter().map(|one| (one.days.to_string(), one.json())).collect();
    let errors = found.standard_errors;
    let error = |at: usize| errors.map(|errors| errors[at]);
    let now = found.variances.last().copied().unwrap_or_default();
    let long_run = found.long_run_variance().map(yearly);
    let mut values = Map::new();
    let mut put = |name: &str, value: Value| values.insert(name.to_owned(), value);
    put("forecast", forecast.into());
    put("current_annual_volatility", json!(yearly(now)));
    put("long_run_annual_volatility", json!(long_run));
    put("persistence", json!(p.persistence()));
    put("half_life_days", json!(found.half_life()));
    put("parameters", json!({"mu": p.mu, "omega": p.omega, "alpha": p.alpha, "beta": p.beta}));
    put("standard_errors", json!({"mu": error(0), "omega": error(1), "alpha": error(2), "beta": error(3)}));
    put("log_likelihood", json!(found.log_likelihood));
    put("ljung_box_squares", json!({"statistic": left.statistic, "degrees": left.degrees, "p_value": left.p_value}));
    put("days", json!(days));
    put("iterations", json!(found.iterations));
    put("method", json!("garch_1_1_normal_constant_mean"));
    values
}

fn doubts(found: &Garch, left: &ChiSquareTest, days: usize) -> Vec<Doubt> {
    let mut doubts = Vec::new();
    if found.standard_errors.is_none() {
        doubts.push(doubt(Confidence::Low, "The likelihood is flat at the fit, so that the parameters have no standard errors."));
    }
    if found.parameters.persistence() > 0.995 {
        doubts.push(doubt(Confidence::Medium, "Shocks hardly fade in this fit, so that forecasts far ahead say little."));
    }
    if left.p_value < 0.01 {
        doubts.push(doubt(Confidence::Medium, "The model leaves clusters of volatility unexplained (Ljung–Box on squares)."));
    }
    if days < 500 {
        doubts.push(doubt(Confidence::Medium, "There are fewer than 500 days, from which the parameters are known loosely."));
    }
    doubts
}

fn picture(days: &[Day], found: &Garch, ahead: &[Ahead], parameters: &Map<String, Value>) -> Value {
    let symbol = parameters.get("symbol").and_then(Value::as_str).unwrap_or("The market");
    let from = days.len().saturating_sub(CHART_DAYS);
    // Days count from the last one, so that the past is left of zero and the forecast right of it.
    let past = |value: &dyn Fn(usize) -> f64| -> Vec<(f64, f64)> {
        (from..days.len()).map(|at| (at as f64 + 1.0 - days.len() as f64, 100.0 * value(at))).collect()
    };
    let future = |value: &dyn Fn(&Ahead) -> f64| -> Vec<(f64, f64)> {
        ahead.iter().map(|one| (one.days as f64, 100.0 * value(one))).collect()
    };
    let mut data = vec![
        line("realised in the day", &past(&|at| (DAYS_PER_YEAR * days[at].variance).sqrt()), "linear"),
        line("of the model", &past(&|at| yearly(found.variances[at])), "linear"),
    ];
    let ends = |end: usize| future(&|one: &Ahead| one.interval.map_or(one.annual, |interval| interval[end]));
    data.extend(band("interval", &ends(0), &ends(1), "linear"));
    data.push(line("mean over the days ahead", &future(&|one| one.annual), "linear"));
    data[0]["line"] = json!({"color": "#b8bcc4", "width": 1});
    data[1]["line"] = json!({"color": "#6a4fb3", "width": 1.5});
    data[4]["line"] = json!({"color": "#d6503f", "width": 2.5});
    chart(data, &format!("{symbol}: volatility and its forecast"), "days from the last whole day", "volatility, % a year")
}

#[cfg(test)]
mod tests {
    use super::super::bars::tests::hourly;
    use super::super::trial;
    use super::*;
    use crate::stats::monte_carlo::normal;
    use fastrand::Rng;

    /// Hourly prices whose daily variance follows GARCH(1,1) with this persistence of 0.95.
    fn prices(days: usize, seed: u64) -> Vec<f64> {
        let mut chance = Rng::with_seed(seed);
        let (mut price, mut variance) = (100.0_f64, 9.0_f64);
        let mut closes = vec![price];
        for _ in 0..days {
            let mut shock = 0.0;
            for _ in 0..24 {
                let step = (variance / 24.0).sqrt() * normal(&mut chance);
                shock += step;
                price *= (step / 100.0).exp();
                closes.push(price);
            }
            variance = 0.45 + 0.1 * shock * shock + 0.85 * variance;
        }
        closes
    }

    #[test]
    fn the_forecast_comes_back_to_the_long_run_and_every_horizon_has_an_interval() {
        let fitted = trial::fit(&VolatilityForecast, &[("bars", hourly(&prices(900, 2)))], json!({"days_ahead": 365})).unwrap();
        trial::sound(&fitted);
        let (now, far) =
            (trial::number(&fitted, "forecast.1.annual_volatility"), trial::number(&fitted, "forecast.365.annual_volatility"));
        let long = trial::number(&fitted, "long_run_annual_volatility");
        assert!((far - long).abs() < (now - long).abs() + 0.05 * long, "{now} {far} {long}");
        // The truth is √(365 · 9) percent.
        assert!((long - 0.573).abs() < 0.15, "{long}");
        let week = &fitted.values["forecast"]["7"];
        let [low, high] = [0, 1].map(|at| week["annual_volatility_interval"][at].as_f64().unwrap());
        assert!(low < week["annual_volatility"].as_f64().unwrap() && week["annual_volatility"].as_f64().unwrap() < high);
    }

    #[test]
    fn a_still_price_too_few_days_and_an_unknown_setting_are_refused() {
        let fit = |closes: &[f64], settings| trial::fit(&VolatilityForecast, &[("bars", hourly(closes))], settings);
        assert!(matches!(fit(&[100.0; 6000], json!({})), Err(FitFault::Stats(StatsError::Constant(_)))));
        assert!(matches!(fit(&prices(30, 1), json!({})), Err(FitFault::Stats(StatsError::TooFew { .. }))));
        assert!(matches!(fit(&prices(30, 1), json!({"lags": 3})), Err(FitFault::Parameter(_))));
        assert!(matches!(fit(&[], json!({})), Err(FitFault::NoData(_))));
    }
}
