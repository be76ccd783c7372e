//! One segment of users: its survival curve, Weibull's distribution and the value up to the horizon.

use super::super::plot;
use super::super::tabular::pair;
use super::{ALL, Settings, User};
use crate::stats::StatsError;
use crate::stats::interval::{Interval, normal_quantile};
use crate::stats::survival::Life;
use crate::stats::survival::kaplan_meier::{Curve, RestrictedMean, Scale, kaplan_meier};
use crate::stats::survival::weibull::{Weibull, weibull};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// What was found of a segment; times in months.
pub(super) struct Segment {
    users: usize,
    curve: Curve,
    shape: Option<Weibull>,
    /// Months that a user stays up to the horizon, and whether Weibull's distribution carried it beyond the data.
    stay: RestrictedMean,
    extrapolated: bool,
    monthly: f64,
    monthly_error: f64,
    value: f64,
    value_error: f64,
    value_interval: Interval,
    ages: Vec<u32>,
}

impl Segment {
    /// The value is revenue for each month there, a ratio of sums, times the mean months up to the horizon: the area under Kaplan
    /// and Meier's curve where the data reach the horizon, that under Weibull's otherwise. Its relative variance adds those of
    /// both factors.
    pub fn of(users: &[&User], settings: &Settings) -> Result<Self, StatsError> {
        let lives: Vec<Life> = users.iter().map(|user| user.life).collect();
        let curve = kaplan_meier(&lives, Scale::LogLog, settings.level)?;
        let shape = weibull(&lives, settings.level).ok();
        let reached = curve.complete || curve.longest >= settings.horizon_months;
        let (stay, extrapolated) = match (&shape, reached) {
            (Some(shape), false) => (shape.restricted_mean(settings.horizon_months), true),
            _ => (curve.restricted_mean(settings.horizon_months), false),
        };
        let (monthly, monthly_error) = rate(users)?;
        let value = monthly * stay.mean;
        let value_error = (monthly_error * stay.mean).hypot(monthly * stay.standard_error);
        let z = normal_quantile(settings.level)?;
        let value_interval = if value > 0.0 {
            Interval::around_log(value, value_error / value, z)
        } else {
            Interval::around(value, value_error, z)
        };
        let ages = settings.ages.clone();
        Ok(Self {
            users: users.len(),
            curve,
            shape,
            stay,
            extrapolated,
            monthly,
            monthly_error,
            value,
            value_error,
            value_interval,
            ages,
        })
    }

    /// How many left.
    pub fn churned(&self) -> usize {
        self.curve.events
    }

    /// Whether the horizon lies beyond the data.
    pub fn extrapolated(&self) -> bool {
        self.extrapolated
    }

    /// As the fitted values have it.
    pub fn json(&self, name: &str) -> Value {
        let median = self.curve.quantile(0.5);
        let staying: Vec<(u32, Value)> = self.ages.iter().filter_map(|age| Some((*age, self.staying(*age)?))).collect();
        let by_age: Map<String, Value> = staying.iter().map(|(age, share)| (age.to_string(), share.clone())).collect();
        let mut value = json!({
            "segment": name,
            "users": self.users,
            "churned": self.curve.events,
            "median_months": median.time,
            "median_interval": [median.low, median.high],
            "median_low": median.low,
            "median_high": median.high,
            "longest_followed_months": self.curve.longest,
            "staying": by_age,
            "staying_list": staying.iter().map(|(_, share)| share).collect::<Vec<_>>(),
            "months_to_horizon": self.stay.mean,
            "months_to_horizon_standard_error": self.stay.standard_error,
            "horizon_months": self.stay.horizon,
            "extrapolated": self.extrapolated,
            "monthly_revenue": self.monthly,
            "monthly_revenue_standard_error": self.monthly_error,
            "ltv": self.value,
            "ltv_standard_error": self.value_error,
            "ltv_interval": pair(self.value_interval),
            "ltv_model": if self.extrapolated { "weibull" } else { "kaplan-meier" },
        });
        if let Some(shape) = &self.shape {
            let risk = match (shape.shape.interval.low > 1.0, shape.shape.interval.high < 1.0) {
                (true, _) => "rises with age",
                (_, true) => "falls with age",
                _ => "is about the same at every age",
            };
            value["churn_risk"] = json!(risk);
            value["weibull"] = json!({
                "shape": shape.shape.estimate,
                "shape_standard_error": shape.shape.standard_error,
                "shape_interval": pair(shape.shape.interval),
                "scale_months": shape.scale.estimate,
                "scale_standard_error": shape.scale.standard_error,
                "scale_interval": pair(shape.scale.interval),
                "median_months": shape.median().estimate,
                "median_interval": pair(shape.median().interval),
                "log_likelihood": shape.log_likelihood,
            });
        }
        value
    }

    /// The share that stays for so many months, from the data where they reach it.
    fn staying(&self, age: u32) -> Option<Value> {
        let months = f64::from(age);
        if let Some(share) = self.curve.survival_at(months) {
            let interval = self.curve.step_at(months).and_then(|step| step.interval).map(pair);
            return Some(json!({"months": age, "share": share, "interval": interval, "seen": true}));
        }
        let shape = self.shape.as_ref()?;
        Some(
            json!({"months": age, "share": shape.survival_at(months), "interval": pair(shape.survival_interval(months)), "seen": false}),
        )
    }
}

/// Revenue for each month there: Σ revenue ⁄ Σ months with the linearised error of a ratio, Cochran (1977), "Sampling
/// Techniques", section 6.4.
fn rate(users: &[&User]) -> Result<(f64, f64), StatsError> {
    let (revenue, months) = users.iter().fold((0.0, 0.0), |(r, m), user| (r + user.revenue, m + user.life.time));
    if months <= 0.0 {
        return Err(StatsError::Constant("the time for which users were there"));
    }
    let (rate, n) = (revenue / months, users.len() as f64);
    let spread: f64 = users.iter().map(|user| (user.revenue - rate * user.life.time).powi(2)).sum();
    let error = if users.len() > 1 { (n / (n - 1.0) * spread).sqrt() / months } else { 0.0 };
    Ok((rate, error))
}

/// The curves of all segments, that of all users with its interval and Weibull's.
pub(super) fn chart(segments: &BTreeMap<&str, Segment>, horizon: f64) -> Value {
    let mut traces = Vec::new();
    if let Some(all) = segments.get(ALL) {
        let steps = |pick: fn(Interval) -> f64| -> Vec<(f64, f64)> {
            let ends =
                all.curve.steps.iter().filter_map(|step| step.interval.map(|interval| (step.time, 100.0 * pick(interval))));
            std::iter::once((0.0, 100.0)).chain(ends).collect()
        };
        traces.extend(plot::band("interval", &steps(|i| i.low), &steps(|i| i.high), "hv"));
        if let Some(shape) = &all.shape {
            let points: Vec<(f64, f64)> =
                (0..=100).map(|at| horizon * f64::from(at) / 100.0).map(|t| (t, 100.0 * shape.survival_at(t))).collect();
            let mut line = plot::line("all, Weibull", &points, "linear");
            line["line"]["dash"] = json!("dot");
            traces.push(line);
        }
    }
    for (name, segment) in segments.iter().take(8) {
        let steps = segment.curve.steps.iter().map(|step| (step.time, 100.0 * step.survival));
        let end = segment.curve.steps.last().map(|step| (segment.curve.longest, 100.0 * step.survival));
        let points: Vec<(f64, f64)> = std::iter::once((0.0, 100.0)).chain(steps).chain(end).collect();
        traces.push(plot::line(name, &points, "hv"));
    }
    let mut chart = plot::chart(traces, "How long users stay", "months since joining", "users still there, %");
    chart["layout"]["yaxis"]["rangemode"] = json!("tozero");
    chart
}
