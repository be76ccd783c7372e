//! The general linear regression: a catalogue entry with this method and its settings is a case of its own.

use super::estimates::{complete, dots, estimate, keep, named, span};
use super::{plot, setting};
use crate::domain::field::FieldError;
use crate::domain::frame::Frame;
use crate::engine::numeric::method::{FitFault, FitInput, FitRun, Fitted, Method};
use crate::stats::regression::{Covariance, LinearFit, Options, linear, polynomial};
use serde_json::{Map, Value, json};

/// Least squares of one column on others. Its one frame has any name. Settings: `response`, `predictors`, `log` (those of them whose natural
/// logarithm is taken), `degree` (powers of a single predictor), `intercept`, `level`, and `covariance`: `classical`, `hc1`, `hc3`,
/// `newey-west` (with `lags`; rows in the order of time).
#[derive(Debug, Clone, Copy)]
pub struct LinearRegression;

struct Settings {
    response: String,
    predictors: Vec<String>,
    logs: Vec<String>,
    degree: u32,
    options: Options,
}

const KNOWN: &[&str] = &["response", "predictors", "log", "degree", "intercept", "level", "covariance", "lags"];
/// Columns of one regression.
const PREDICTORS_MAX: usize = 64;

/// A setting that is a name.
pub(super) fn name(settings: &Map<String, Value>, key: &str) -> Result<String, FieldError> {
    let found = settings.get(key).and_then(Value::as_str).filter(|name| !name.is_empty());
    found.map(ToOwned::to_owned).ok_or_else(|| FieldError::new(format!("/{key}"), "the name of a column is expected"))
}

/// The setting `covariance`, with `lags`.
pub(super) fn covariance(settings: &Map<String, Value>) -> Result<Covariance, FieldError> {
    let word = settings.get("covariance").map_or(Some("classical"), Value::as_str);
    let lags = setting::whole(settings, "lags", 0, 0..=10_000)? as usize;
    match word {
        Some("classical") => Ok(Covariance::Classical),
        Some("hc1") => Ok(Covariance::Hc1),
        Some("hc3") => Ok(Covariance::Hc3),
        Some("newey-west") => Ok(Covariance::NeweyWest(settings.contains_key("lags").then_some(lags))),
        _ => Err(FieldError::new("/covariance", "one of classical, hc1, hc3, newey-west is expected")),
    }
}

/// The only frame of a method that does not care for its name.
pub(super) fn only_frame<'a>(input: &FitInput<'a>) -> Result<&'a Frame, FitFault> {
    input.frames.values().next().map(|frame| &**frame).ok_or_else(|| FitFault::NoData("the input".to_owned()))
}

impl Settings {
    fn read(given: &Map<String, Value>) -> Result<Self, FieldError> {
        setting::only(given, KNOWN)?;
        let predictors = setting::names(given, "predictors")?;
        if predictors.is_empty() || predictors.len() > PREDICTORS_MAX {
            return Err(FieldError::new("/predictors", format!("a list of 1 to {PREDICTORS_MAX} columns is expected")));
        }
        let response = name(given, "response")?;
        let logs = setting::names(given, "log")?;
        if let Some(unknown) = logs.iter().find(|one| **one != response && !predictors.contains(one)) {
            return Err(FieldError::new("/log", format!("`{unknown}` is neither the response nor a predictor")));
        }
        let degree = setting::whole(given, "degree", 1, 1..=12)?;
        if degree > 1 && predictors.len() > 1 {
            return Err(FieldError::new("/degree", "powers are taken of a single predictor"));
        }
        let intercept = match given.get("intercept") {
            None => true,
            Some(value) => value.as_bool().ok_or_else(|| FieldError::new("/intercept", "true or false is expected"))?,
        };
        let level = setting::number(given, "level", 0.95, 0.5..=0.999)?;
        Ok(Self {
            response,
            predictors,
            logs,
            degree,
            options: Options { intercept, covariance: covariance(given)?, level, absorbed: 0 },
        })
    }

    /// What a coefficient is called.
    fn names(&self) -> Vec<String> {
        let own = |name: &String| if self.logs.contains(name) { format!("log {name}") } else { name.clone() };
        let mut names: Vec<String> = if self.options.intercept { vec!["intercept".to_owned()] } else { Vec::new() };
        names.extend(self.predictors.iter().map(own));
        names.extend((2..=self.degree).map(|power| format!("{}^{power}", own(&self.predictors[0]))));
        names
    }
}

impl Method for LinearRegression {
    fn check(&self, settings: &Map<String, Value>) -> Result<(), FieldError> {
        Settings::read(settings).map(drop)
    }

    fn fit(&self, input: &FitInput<'_>, run: &FitRun<'_>) -> Result<Fitted, FitFault> {
        let settings = Settings::read(input.settings)?;
        let mut told = Vec::new();
        let needed: Vec<&str> = settings.predictors.iter().chain([&settings.response]).map(String::as_str).collect();
        let mut rows = complete(only_frame(input)?, &needed, &mut told)?;
        for logged in &settings.logs {
            let values = rows.numbers(logged)?.to_vec();
            rows =
                keep(&rows, &mut told, &format!("{logged} is not above 0, so that it has no logarithm"), |row| values[row] > 0.0);
        }
        let column = |name: &String| -> Result<Vec<f64>, FitFault> {
            let values = rows.numbers(name)?;
            Ok(if settings.logs.contains(name) { values.iter().map(|value| value.ln()).collect() } else { values.to_vec() })
        };
        let response = column(&settings.response)?;
        let predictors = settings.predictors.iter().map(column).collect::<Result<Vec<_>, _>>()?;
        let fit = if settings.degree > 1 {
            polynomial(&response, &predictors[0], settings.degree, &settings.options, run.stop)?
        } else {
            linear(&response, &predictors.iter().map(Vec::as_slice).collect::<Vec<_>>(), &settings.options, run.stop)?
        };
        Ok(Fitted {
            values: values(&settings, &fit),
            observations: fit.observations as u64,
            window: span(&rows),
            doubts: Vec::new(),
            told,
            chart: Some(chart(&settings, &fit, &response, &predictors)),
        })
    }
}

fn values(settings: &Settings, fit: &LinearFit) -> Map<String, Value> {
    let names = settings.names();
    let list: Vec<Value> = names.iter().zip(&fit.coefficients).map(|(name, found)| named(name, found)).collect();
    let by_name: Map<String, Value> =
        names.iter().zip(&fit.coefficients).map(|(name, found)| (name.clone(), estimate(found))).collect();
    let value = json!({
        "response": settings.response,
        "coefficients": list,
        "effects": by_name,
        "r_squared": fit.r_squared,
        "adjusted_r_squared": fit.adjusted_r_squared,
        "residual_sd": fit.residual_sd,
        "residual_degrees": fit.residual_degrees,
        "f": fit.f,
        "f_p_value": fit.f_p_value,
        "n_obs": fit.observations,
    });
    value.as_object().cloned().unwrap_or_default()
}

/// The line through the points of a single predictor; else observed over fitted.
fn chart(settings: &Settings, fit: &LinearFit, response: &[f64], predictors: &[Vec<f64>]) -> Value {
    let title = |name: &String| if settings.logs.contains(name) { format!("log {name}") } else { name.clone() };
    let pairs = |x: &[f64], y: &[f64]| -> Vec<(f64, f64)> { x.iter().copied().zip(y.iter().copied()).collect() };
    let response_title = title(&settings.response);
    if let [x] = predictors {
        let mut line = pairs(x, &fit.fitted);
        line.sort_by(|a, b| a.0.total_cmp(&b.0));
        let data = vec![dots("observed", &pairs(x, response)), plot::line("fitted", &line, "linear")];
        let x_title = title(&settings.predictors[0]);
        return plot::chart(data, &format!("{response_title} by {x_title}"), &x_title, &response_title);
    }
    let data = vec![dots("rows", &pairs(&fit.fitted, response))];
    plot::chart(data, &format!("{response_title}, observed over fitted"), "fitted", "observed")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::frame::Column;
    use crate::engine::numeric::methods::trial;
    use crate::stats::StatsError;

    #[test]
    fn a_power_law_is_a_line_in_logarithms_and_rows_without_one_are_told() {
        let x: Vec<f64> = (1..=10).map(f64::from).chain([0.0, f64::NAN]).collect();
        let y: Vec<f64> = x.iter().enumerate().map(|(at, x)| 3.0 * x.powf(0.5) * if at % 2 == 0 { 1.01 } else { 0.99 }).collect();
        let frame = trial::frame(vec![("size", Column::Number(x)), ("cost", Column::Number(y))]);
        let settings = json!({"response": "cost", "predictors": ["size"], "log": ["cost", "size"], "covariance": "hc3"});
        let fitted = trial::fit(&LinearRegression, &[("rows", frame)], settings).unwrap();
        trial::sound(&fitted);
        assert!((trial::number(&fitted, "effects.log size.estimate") - 0.5).abs() < 0.02);
        assert_eq!(fitted.observations, 10);
        assert_eq!(fitted.told.len(), 2, "{:?}", fitted.told);
        assert_eq!(fitted.values["coefficients"][1]["name"], "log size");
    }

    #[test]
    fn powers_of_one_predictor_are_named_by_their_degree() {
        let x: Vec<f64> = (0..8).map(f64::from).collect();
        let y = x.iter().map(|x| 1.0 + x * x).collect();
        let frame = trial::frame(vec![("x", Column::Number(x)), ("y", Column::Number(y))]);
        let fitted =
            trial::fit(&LinearRegression, &[("rows", frame)], json!({"response": "y", "predictors": ["x"], "degree": 2}))
                .unwrap();
        assert!((trial::number(&fitted, "effects.x^2.estimate") - 1.0).abs() < 1e-14);
        assert_eq!(fitted.values["f"], Value::Null);
    }

    #[test]
    fn wrong_settings_and_data_are_told_by_name() {
        let check = |settings: Value| LinearRegression.check(settings.as_object().unwrap()).unwrap_err().pointer;
        assert_eq!(check(json!({"response": "y"})), "/predictors");
        assert_eq!(check(json!({"predictors": ["x"]})), "/response");
        assert_eq!(check(json!({"response": "y", "predictors": ["x"], "log": ["z"]})), "/log");
        assert_eq!(check(json!({"response": "y", "predictors": ["x", "z"], "degree": 2})), "/degree");
        assert_eq!(check(json!({"response": "y", "predictors": ["x"], "covariance": "white"})), "/covariance");
        assert_eq!(check(json!({"response": "y", "predictors": ["x"], "robust": true})), "/robust");
        let run = |x: Vec<f64>, y: Vec<f64>| {
            let frame = trial::frame(vec![("x", Column::Number(x)), ("y", Column::Number(y))]);
            trial::fit(&LinearRegression, &[("rows", frame)], json!({"response": "y", "predictors": ["x"]})).unwrap_err()
        };
        assert_eq!(run(vec![1.0; 4], vec![1.0, 2.0, 3.0, 4.0]), FitFault::Stats(StatsError::Collinear(1)));
        assert_eq!(run(vec![1.0], vec![1.0]), FitFault::Stats(StatsError::TooFew { needed: 3, got: 1 }));
        let none = trial::fit(&LinearRegression, &[], json!({"response": "y", "predictors": ["x"]}));
        assert!(matches!(none, Err(FitFault::NoData(_))));
    }
}
