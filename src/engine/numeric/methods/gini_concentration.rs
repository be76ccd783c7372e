//! NR-14: how unevenly revenue is spread over users.

use super::plot;
use super::setting;
use super::tabular::{doubt, labels, left_out, pair, window};
use crate::domain::answer::Confidence;
use crate::domain::field::FieldError;
use crate::engine::numeric::method::{FitFault, FitInput, FitRun, Fitted, Method};
use crate::stats::concentration::{Resampling, gini, lorenz, top_share};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Gini's index and Lorenz's curve of revenue. Its frame `revenue` has `user` and `revenue`, any number of rows for a user, and
/// `time` where rows have one. A user whose revenue adds up to less than 0 counts as 0.
#[derive(Debug, Clone, Copy)]
pub struct GiniConcentration;

fn settings(given: &Map<String, Value>) -> Result<(f64, usize), FieldError> {
    setting::only(given, &["level", "trials"])?;
    let trials = setting::whole(given, "trials", 999, 199..=9_999)? as usize;
    Ok((setting::number(given, "level", 0.95, 0.5..=0.999)?, trials))
}

impl Method for GiniConcentration {
    fn check(&self, settings: &Map<String, Value>) -> Result<(), FieldError> {
        self::settings(settings).map(drop)
    }

    fn fit(&self, input: &FitInput<'_>, run: &FitRun<'_>) -> Result<Fitted, FitFault> {
        let (level, trials) = settings(input.settings)?;
        let frame = input.frame("revenue")?;
        let (users, revenue) = (labels(frame, "user")?, frame.numbers("revenue")?);
        let mut told = Vec::new();
        let mut sums: BTreeMap<Arc<str>, f64> = BTreeMap::new();
        let mut missing = 0;
        for (user, revenue) in users.iter().zip(revenue) {
            match user {
                Some(user) if !revenue.is_nan() => *sums.entry(Arc::clone(user)).or_default() += revenue,
                _ => missing += 1,
            }
        }
        left_out(&mut told, missing, "user or revenue is missing");
        let below = sums.values().filter(|sum| **sum < 0.0).count();
        if below > 0 {
            told.push(format!("{below} users with more rebates than fees count with a revenue of 0."));
        }
        let amounts: Vec<f64> = sums.values().map(|sum| sum.max(0.0)).collect();
        if amounts.is_empty() {
            return Err(FitFault::NoData("revenue".to_owned()));
        }
        let index = gini(&amounts, level, Resampling { trials, seed: run.seed }, run.stop)?;
        let users = amounts.len();
        let one_percent = users.div_ceil(100);
        let ten_percent = users.div_ceil(10);
        let largest = top_share(&amounts, 1)?;
        let value = json!({
            "gini": index.estimate,
            "gini_standard_error": index.standard_error,
            "gini_interval": pair(index.interval),
            "seed": run.seed,
            "users": users,
            "users_with_revenue": amounts.iter().filter(|x| **x > 0.0).count(),
            "total_revenue": amounts.iter().sum::<f64>(),
            "top_user_share": largest,
            "top_1_percent_share": top_share(&amounts, one_percent)?,
            "top_1_percent_users": one_percent,
            "top_10_percent_share": top_share(&amounts, ten_percent)?,
            "top_10_percent_users": ten_percent,
        });
        let heavy = (largest > 0.2).then(|| {
            doubt(Confidence::Medium, "One user has more than a fifth of all revenue, so that the interval may be too narrow.")
        });
        let times = frame.columns().iter().any(|(name, _)| &**name == "time").then(|| frame.times("time")).transpose()?;
        let curve = lorenz(&amounts, 200)?;
        let traces = vec![
            plot::line("users by revenue", &curve, "linear"),
            plot::line("even spread", &[(0.0, 0.0), (1.0, 1.0)], "linear"),
        ];
        Ok(Fitted {
            values: value.as_object().cloned().unwrap_or_default(),
            observations: users as u64,
            window: times.and_then(|times| window(times.iter().copied().flatten())),
            doubts: heavy.into_iter().collect(),
            told,
            chart: Some(plot::chart(traces, "Lorenz curve of revenue", "share of users, poorest first", "share of revenue")),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::trial;
    use super::*;
    use crate::domain::frame::Column;

    fn fitted(users: &[&str], revenue: &[f64]) -> Result<Fitted, FitFault> {
        let frame = trial::frame(vec![("user", trial::texts(users)), ("revenue", Column::Number(revenue.to_vec()))]);
        trial::fit(&GiniConcentration, &[("revenue", frame)], json!({}))
    }

    #[test]
    fn rows_of_a_user_add_up_before_the_index() {
        let fit = fitted(&["a", "a", "b", "c", "d", "e", ""], &[1.0, 2.0, 1.0, 5.0, 2.0, 4.0, 9.0]).unwrap();
        assert!((trial::number(&fit, "gini") - 1.0 / 3.0).abs() < 1e-12);
        assert_eq!(trial::number(&fit, "users"), 5.0);
        assert_eq!(fit.told, ["1 row was left out: user or revenue is missing."]);
        trial::sound(&fit);
    }

    #[test]
    fn rebates_beyond_fees_count_as_nothing_and_no_revenue_is_an_error() {
        let fit = fitted(&["a", "b", "c", "d"], &[-5.0, 1.0, 1.0, 1.0]).unwrap();
        assert!((trial::number(&fit, "gini") - 1.0 / 3.0).abs() < 1e-12);
        assert!(fitted(&["a", "b", "c"], &[0.0, 0.0, 0.0]).is_err());
        assert!(matches!(fitted(&[], &[]), Err(FitFault::NoData(_))));
        assert!(fitted(&["a"], &[1.0]).is_err());
    }

    #[test]
    fn the_sample_has_the_index_of_its_distribution() {
        // Log-normal with σ = 1.6: G = 2 Φ(σ ⁄ √2) − 1 = 0.742.
        let fit = trial::case(include_str!("../cases/nr-14.toml"), &[]);
        let interval = &fit.values["gini_interval"];
        assert!(interval[0].as_f64().unwrap() < 0.742 && 0.742 < interval[1].as_f64().unwrap(), "{interval}");
    }
}
