//! The general nonlinear regression: a catalogue entry with a formula and start values is a case of its own.

use super::estimates::{complete, dots, estimate, named, span};
use super::linear_regression::{covariance, name, only_frame};
use super::{plot, setting};
use crate::domain::field::FieldError;
use crate::engine::numeric::method::{FitFault, FitInput, FitRun, Fitted, Method};
use crate::stats::formula::Formula;
use crate::stats::nonlinear::{FormulaCurve, NonlinearFit, Options, formula};
use serde_json::{Map, Value, json};

/// Least squares of a formula. Its one frame has any name. Settings: `response`, a column or a formula of one such as
/// `log(y)`; `formula` such as `a*(1-exp(-b*x))`, whose names without a
/// start value are columns; `start`, a table of the parameters with their start values; `covariance` as in the linear regression; `level`.
#[derive(Debug, Clone, Copy)]
pub struct NonlinearRegression;

struct Settings {
    /// As it was written, and as a formula of one column.
    response: (String, Formula),
    formula: Formula,
    start: Vec<f64>,
    options: Options,
}

impl Settings {
    fn read(given: &Map<String, Value>) -> Result<Self, FieldError> {
        setting::only(given, &["response", "formula", "start", "covariance", "lags", "level"])?;
        let wrong = || FieldError::new("/start", "a table of parameters with their start values is expected");
        let table = given.get("start").and_then(Value::as_object).filter(|table| !table.is_empty()).ok_or_else(wrong)?;
        let start: Vec<f64> = table.values().map(|value| value.as_f64().ok_or_else(wrong)).collect::<Result<_, _>>()?;
        let names: Vec<&str> = table.keys().map(String::as_str).collect();
        let text = given.get("formula").and_then(Value::as_str);
        let text = text.ok_or_else(|| FieldError::new("/formula", "a formula is expected, such as a*(1-exp(-b*x))"))?;
        let formula = Formula::parse(text, &names).map_err(|error| FieldError::new("/formula", error.to_string()))?;
        if formula.variables().is_empty() {
            return Err(FieldError::new("/formula", "no column occurs in it"));
        }
        let written = name(given, "response")?;
        let response = Formula::parse(&written, &[]).map_err(|error| FieldError::new("/response", error.to_string()))?;
        let [column] = response.variables() else {
            return Err(FieldError::new("/response", "a column, or a formula of one column, is expected"));
        };
        if formula.variables().contains(column) {
            return Err(FieldError::new("/formula", format!("`{column}` is the response, and can't explain itself")));
        }
        let level = setting::number(given, "level", 0.95, 0.5..=0.999)?;
        Ok(Self {
            response: (written, response),
            formula,
            start,
            options: Options { covariance: covariance(given)?, level, seed: 0 },
        })
    }
}

impl Method for NonlinearRegression {
    fn check(&self, settings: &Map<String, Value>) -> Result<(), FieldError> {
        Settings::read(settings).map(drop)
    }

    fn fit(&self, input: &FitInput<'_>, run: &FitRun<'_>) -> Result<Fitted, FitFault> {
        let settings = Settings::read(input.settings)?;
        let mut told = Vec::new();
        let (_, observed) = &settings.response;
        let variables = settings.formula.variables();
        let needed: Vec<&str> = variables.iter().chain(observed.variables()).map(String::as_str).collect();
        let rows = complete(only_frame(input)?, &needed, &mut told)?;
        let columns = variables.iter().map(|name| rows.numbers(name)).collect::<Result<Vec<_>, _>>()?;
        let response = rows.numbers(&observed.variables()[0])?;
        let curve = FormulaCurve::new(&settings.formula, &columns, response, Some(observed))?;
        let fit = formula(&curve, &settings.start, &Options { seed: run.seed, ..settings.options.clone() }, run.stop)?;
        if fit.agreeing < fit.searches {
            told.push(format!("{} of {} searches ended at this minimum.", fit.agreeing, fit.searches));
        }
        Ok(Fitted {
            values: values(&settings, &fit),
            observations: fit.observations as u64,
            window: span(&rows),
            doubts: Vec::new(),
            told,
            chart: Some(chart(&settings, &fit, &curve.observed(), &columns)),
        })
    }
}

fn values(settings: &Settings, fit: &NonlinearFit) -> Map<String, Value> {
    let names = settings.formula.parameters();
    let list: Vec<Value> = names.iter().zip(&fit.parameters).map(|(name, found)| named(name, found)).collect();
    let by_name: Map<String, Value> =
        names.iter().zip(&fit.parameters).map(|(name, found)| (name.clone(), estimate(found))).collect();
    let value = json!({
        "response": settings.response.0,
        "coefficients": list,
        "effects": by_name,
        "r_squared": fit.r_squared,
        "residual_squares": fit.residual_squares,
        "residual_sd": fit.residual_sd,
        "residual_degrees": fit.residual_degrees,
        "searches": fit.searches,
        "agreeing_searches": fit.agreeing,
        "n_obs": fit.observations,
    });
    value.as_object().cloned().unwrap_or_default()
}

fn chart(settings: &Settings, fit: &NonlinearFit, response: &[f64], columns: &[&[f64]]) -> Value {
    let fitted = response.iter().zip(&fit.residuals).map(|(y, residual)| y - residual);
    let title = &settings.response.0;
    if let [x] = columns {
        let points: Vec<(f64, f64)> = x.iter().copied().zip(response.iter().copied()).collect();
        let mut line: Vec<(f64, f64)> = x.iter().copied().zip(fitted).collect();
        line.sort_by(|a, b| a.0.total_cmp(&b.0));
        let name = &settings.formula.variables()[0];
        return plot::chart(
            vec![dots("observed", &points), plot::line("fitted", &line, "linear")],
            &format!("{title} by {name}"),
            name,
            title,
        );
    }
    let points: Vec<(f64, f64)> = fitted.zip(response.iter().copied()).collect();
    plot::chart(vec![dots("rows", &points)], &format!("{title}, observed over fitted"), "fitted", "observed")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::frame::Column;
    use crate::engine::numeric::methods::trial;

    fn settings() -> Value {
        json!({"response": "y", "formula": "a*(1-exp(-b*x))", "start": {"a": 1.0, "b": 1.0}})
    }

    /// BoxBOD of NIST's Statistical Reference Datasets, of higher difficulty, from its first start.
    #[test]
    fn a_formula_of_the_catalogue_is_fitted_from_its_start() {
        let frame = trial::frame(vec![
            ("x", Column::Number(vec![1.0, 2.0, 3.0, 5.0, 7.0, 10.0, f64::NAN])),
            ("y", Column::Number(vec![109.0, 149.0, 149.0, 191.0, 213.0, 224.0, 1.0])),
        ]);
        let fitted = trial::fit(&NonlinearRegression, &[("rows", frame)], settings()).unwrap();
        trial::sound(&fitted);
        assert!((trial::number(&fitted, "effects.a.estimate") / 213.809_408_89 - 1.0).abs() < 1e-10);
        assert!((trial::number(&fitted, "effects.b.standard_error") / 0.104_551_098_69 - 1.0).abs() < 1e-4);
        assert_eq!(fitted.told[0], "1 row was left out: a value is missing.");
    }

    #[test]
    fn a_response_may_be_a_formula_of_its_column() {
        let x: Vec<f64> = (1..8).map(f64::from).collect();
        let y = x.iter().map(|x| (0.5 + 0.25 * x).exp()).collect();
        let frame = trial::frame(vec![("x", Column::Number(x)), ("y", Column::Number(y))]);
        let settings = json!({"response": "log(y)", "formula": "a + b*x", "start": {"a": 1, "b": 1}});
        let fitted = trial::fit(&NonlinearRegression, &[("rows", frame)], settings).unwrap();
        assert!((trial::number(&fitted, "effects.b.estimate") - 0.25).abs() < 1e-14);
        assert_eq!(fitted.values["response"], "log(y)");
    }

    #[test]
    fn wrong_formulas_and_starts_are_refused_when_the_entry_is_read() {
        let check = |key: &str, value: Value| {
            let mut settings = settings();
            settings[key] = value;
            NonlinearRegression.check(settings.as_object().unwrap()).unwrap_err().pointer
        };
        assert_eq!(check("formula", json!("a*(1-exp(-b*x)")), "/formula");
        assert_eq!(check("formula", json!("a*b")), "/formula");
        assert_eq!(check("formula", json!("a*b*y")), "/formula");
        assert_eq!(check("start", json!({"a": "x"})), "/start");
        assert_eq!(check("start", json!({"a": 1, "b": 1, "c": 1})), "/formula");
        assert_eq!(check("response", json!(1)), "/response");
        assert_eq!(check("response", json!("y + z")), "/response");
    }
}
