//! The general summary of one column, as a whole and by groups.

use super::estimates::{complete, estimate, groups, span};
use super::linear_regression::{name, only_frame};
use super::tabular::{labels, left_out};
use super::{plot, setting};
use crate::domain::field::FieldError;
use crate::engine::numeric::method::{FitFault, FitInput, FitRun, Fitted, Method};
use crate::stats::robust::huber;
use crate::stats::univariate::{Summary as Numbers, summary};
use crate::stats::{StatsError, Stop};
use serde_json::{Map, Value, json};

/// Mean, spread, autocorrelation and quantiles of a column. Its one frame has any name. Settings: `value`, the column; `by`, a column of labels,
/// if any; `level`.
#[derive(Debug, Clone, Copy)]
pub struct Summary;

/// Groups of one summary.
const GROUPS_MAX: usize = 200;

struct Settings {
    value: String,
    by: Option<String>,
    level: f64,
}

impl Settings {
    fn read(given: &Map<String, Value>) -> Result<Self, FieldError> {
        setting::only(given, &["value", "by", "level"])?;
        let by = given.contains_key("by").then(|| name(given, "by")).transpose()?;
        Ok(Self { value: name(given, "value")?, by, level: setting::number(given, "level", 0.95, 0.5..=0.999)? })
    }
}

impl Method for Summary {
    fn check(&self, settings: &Map<String, Value>) -> Result<(), FieldError> {
        Settings::read(settings).map(drop)
    }

    fn fit(&self, input: &FitInput<'_>, run: &FitRun<'_>) -> Result<Fitted, FitFault> {
        let settings = Settings::read(input.settings)?;
        let frame = only_frame(input)?;
        let mut told = Vec::new();
        let needed: Vec<&str> = [&settings.value].into_iter().chain(&settings.by).map(String::as_str).collect();
        let rows = complete(frame, &needed, &mut told)?;
        let all = rows.numbers(&settings.value)?;
        let whole = summary(all, settings.level)?;
        let mut values = described(&whole, all, settings.level, run.stop)?;
        let mut bars: Vec<(String, Numbers)> = Vec::new();
        if let Some(by) = &settings.by {
            let (places, names) = groups(&labels(&rows, by)?);
            let mut list = Vec::new();
            for (place, label) in names.iter().enumerate().take(GROUPS_MAX) {
                let own: Vec<f64> =
                    all.iter().zip(&places).filter(|(_, at)| **at as usize == place).map(|(value, _)| *value).collect();
                match summary(&own, settings.level) {
                    Ok(found) => {
                        let mut part = described(&found, &own, settings.level, run.stop)?;
                        part.insert("group".to_owned(), json!(label));
                        list.push(Value::Object(part));
                        bars.push((label.to_string(), found));
                    }
                    Err(StatsError::Stopped) => return Err(StatsError::Stopped.into()),
                    Err(error) => told.push(format!("The group {label} was left out: {error}.")),
                }
            }
            left_out(&mut told, names.len().saturating_sub(GROUPS_MAX), "there are too many groups");
            values.insert("groups".to_owned(), Value::Array(list));
        } else {
            bars.push((settings.value.clone(), whole));
        }
        let names: Vec<String> = bars.iter().map(|(name, _)| name.clone()).collect();
        let means: Vec<f64> = bars.iter().map(|(_, found)| found.mean.value).collect();
        let ends: Vec<[f64; 2]> = bars.iter().map(|(_, found)| found.mean.interval).collect();
        let trace = plot::bars("mean", &names, &means, Some(&ends));
        let chart = plot::chart(
            vec![trace],
            &format!("Mean of {}", settings.value),
            settings.by.as_deref().unwrap_or("column"),
            &settings.value,
        );
        Ok(Fitted { values, observations: all.len() as u64, window: span(&rows), doubts: Vec::new(), told, chart: Some(chart) })
    }
}

fn described(found: &Numbers, values: &[f64], level: f64, stop: Stop<'_>) -> Result<Map<String, Value>, StatsError> {
    let robust = huber(values, level, stop)?;
    let [minimum, lower, median, upper, maximum] = found.quartiles;
    let value = json!({
        "mean": estimate(&found.mean),
        "sd": found.sd,
        "autocorrelation": found.autocorrelation,
        "skewness": found.skewness,
        "excess_kurtosis": found.excess_kurtosis,
        "minimum": minimum,
        "lower_quartile": lower,
        "median": median,
        "upper_quartile": upper,
        "maximum": maximum,
        "robust_location": robust.value,
        "robust_location_interval": robust.interval,
        "robust_scale": robust.scale,
        "n_obs": found.observations,
    });
    Ok(value.as_object().cloned().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::frame::Column;
    use crate::engine::numeric::methods::trial;

    #[test]
    fn a_column_is_summarised_whole_and_by_group() {
        let frame = trial::frame(vec![
            ("x", Column::Number(vec![1.0, 3.0, 2.0, 11.0, 12.0, 13.0, 5.0, f64::NAN])),
            ("desk", trial::texts(&["a", "a", "a", "b", "b", "b", "c", "a"])),
        ]);
        let fitted = trial::fit(&Summary, &[("rows", frame)], json!({"value": "x", "by": "desk"})).unwrap();
        trial::sound(&fitted);
        assert_eq!(fitted.values["groups"][0]["mean"]["estimate"], 2.0);
        assert_eq!(fitted.values["groups"][1]["median"], 12.0);
        assert_eq!(fitted.values["groups"].as_array().unwrap().len(), 2);
        assert_eq!(fitted.told.len(), 2, "{:?}", fitted.told);
    }

    #[test]
    fn a_constant_column_has_no_summary() {
        let frame = trial::frame(vec![("x", Column::Number(vec![1.0; 5]))]);
        let found = trial::fit(&Summary, &[("rows", frame)], json!({"value": "x"}));
        assert_eq!(found, Err(FitFault::Stats(StatsError::Constant("the series"))));
        assert_eq!(Summary.check(json!({}).as_object().unwrap()).unwrap_err().pointer, "/value");
    }
}
