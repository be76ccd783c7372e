//! The general one-way analysis of variance.

use super::estimates::{complete, groups, span};
use super::linear_regression::{name, only_frame};
use super::tabular::{doubt, labels};
use super::{plot, setting};
use crate::domain::answer::Confidence;
use crate::domain::field::FieldError;
use crate::engine::numeric::method::{FitFault, FitInput, FitRun, Fitted, Method};
use crate::stats::anova::one_way;
use crate::stats::univariate::summary;
use serde_json::{Map, Value, json};

/// Whether the means of groups differ. Its one frame has any name. Settings: `response`, the column of numbers; `group`, the column of labels.
#[derive(Debug, Clone, Copy)]
pub struct Anova;

struct Settings {
    response: String,
    group: String,
}

impl Settings {
    fn read(given: &Map<String, Value>) -> Result<Self, FieldError> {
        setting::only(given, &["response", "group"])?;
        Ok(Self { response: name(given, "response")?, group: name(given, "group")? })
    }
}

impl Method for Anova {
    fn check(&self, settings: &Map<String, Value>) -> Result<(), FieldError> {
        Settings::read(settings).map(drop)
    }

    fn fit(&self, input: &FitInput<'_>, _run: &FitRun<'_>) -> Result<Fitted, FitFault> {
        let settings = Settings::read(input.settings)?;
        let mut told = Vec::new();
        let rows = complete(only_frame(input)?, &[&settings.response, &settings.group], &mut told)?;
        let (places, names) = groups(&labels(&rows, &settings.group)?);
        let mut samples = vec![Vec::new(); names.len()];
        for (&value, &place) in rows.numbers(&settings.response)?.iter().zip(&places) {
            samples[place as usize].push(value);
        }
        let found = one_way(&samples)?;
        let spreads: Vec<f64> = samples.iter().filter_map(|sample| summary(sample, 0.95).ok()).map(|one| one.sd).collect();
        let (narrow, wide) = spreads.iter().fold((f64::INFINITY, 0.0_f64), |(low, high), &sd| (low.min(sd), high.max(sd)));
        // Box (1954): with groups of unequal size the test goes wrong where the spreads differ by more than this.
        let uneven = (wide > 3.0 * narrow)
            .then(|| doubt(Confidence::Medium, "The groups differ in their spread by more than a factor of three."));
        let list: Vec<Value> = names
            .iter()
            .zip(&found.groups)
            .map(|(name, (mean, count))| json!({"group": name, "mean": mean, "n_obs": count}))
            .collect();
        let values = json!({
            "groups": list,
            "f": found.f,
            "p_value": found.p_value,
            "r_squared": found.r_squared,
            "residual_sd": found.residual_sd,
            "between_degrees": found.between_degrees,
            "between_squares": found.between_squares,
            "within_degrees": found.within_degrees,
            "within_squares": found.within_squares,
            "n_obs": rows.rows(),
        });
        let bars: Vec<String> = names.iter().map(ToString::to_string).collect();
        let means: Vec<f64> = found.groups.iter().map(|(mean, _)| *mean).collect();
        let trace = plot::bars("mean", &bars, &means, None);
        let chart = plot::chart(
            vec![trace],
            &format!("{} by {}", settings.response, settings.group),
            &settings.group,
            &settings.response,
        );
        Ok(Fitted {
            values: values.as_object().cloned().unwrap_or_default(),
            observations: rows.rows() as u64,
            window: span(&rows),
            doubts: uneven.into_iter().collect(),
            told,
            chart: Some(chart),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::frame::Column;
    use crate::engine::numeric::methods::trial;

    #[test]
    fn groups_are_compared_by_their_means() {
        let frame = trial::frame(vec![
            ("x", Column::Number(vec![1.0, 2.0, 3.0, 3.0, 4.0, 5.0])),
            ("venue", trial::texts(&["a", "a", "a", "b", "b", "b"])),
        ]);
        let fitted = trial::fit(&Anova, &[("rows", frame)], json!({"response": "x", "group": "venue"})).unwrap();
        trial::sound(&fitted);
        assert!((trial::number(&fitted, "f") - 6.0).abs() < 1e-12);
        assert_eq!(fitted.values["groups"][1], json!({"group": "b", "mean": 4.0, "n_obs": 3}));
        assert!(fitted.doubts.is_empty());
    }

    #[test]
    fn one_group_or_a_wrong_column_is_told() {
        let frame = trial::frame(vec![("x", Column::Number(vec![1.0, 2.0])), ("venue", trial::texts(&["a", "a"]))]);
        let run = |settings: Value| trial::fit(&Anova, &[("rows", frame.clone())], settings);
        assert!(matches!(run(json!({"response": "x", "group": "venue"})), Err(FitFault::Stats(_))));
        assert!(matches!(run(json!({"response": "z", "group": "venue"})), Err(FitFault::Frame(_))));
        assert!(Anova.check(json!({"response": "x"}).as_object().unwrap()).is_err());
    }
}
