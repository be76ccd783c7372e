//! NR-06: how long users stay, what drives it, and what they are worth over a horizon.

mod segment;
#[cfg(test)]
mod tests;

use super::setting;
use super::tabular::{DAYS_PER_MONTH, days_between, doubt, labels, labels_if_any, last_of_each, left_out, window};
use crate::domain::answer::Confidence;
use crate::domain::field::FieldError;
use crate::domain::frame::Frame;
use crate::domain::time::Timestamp;
use crate::engine::numeric::method::{FitFault, FitInput, FitRun, Fitted, Method};
use crate::stats::StatsError;
use crate::stats::survival::Life;
use crate::stats::survival::cox::{Options, Ties, cox};
use crate::stats::survival::log_rank::log_rank;
use nalgebra::DMatrix;
use segment::Segment;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Survival of users and their value. Its frame `users` has `user`, `joined`, `left` (missing while the user is there), `revenue`
/// (all of it so far), `segment` where there are any, and the columns of numbers that the setting `covariates` names. Users still
/// there are censored at the last moment of the data.
#[derive(Debug, Clone, Copy)]
pub struct LtvSurvival;

/// Under which name all users together stand.
const ALL: &str = "all";

/// What the fit is asked for.
pub(super) struct Settings {
    pub horizon_months: f64,
    pub ages: Vec<u32>,
    pub level: f64,
    covariates: Vec<String>,
}

impl Settings {
    fn read(given: &Map<String, Value>) -> Result<Self, FieldError> {
        setting::only(given, &["horizon_months", "ages_months", "level", "covariates"])?;
        Ok(Self {
            horizon_months: setting::number(given, "horizon_months", 24.0, 1.0..=240.0)?,
            ages: setting::rising(given, "ages_months", &[3, 6, 12, 24])?,
            level: setting::number(given, "level", 0.95, 0.5..=0.999)?,
            covariates: setting::names(given, "covariates")?,
        })
    }
}

/// One user as followed; times in months.
pub(super) struct User {
    segment: Option<Arc<str>>,
    pub life: Life,
    pub revenue: f64,
    covariates: Vec<f64>,
}

impl Method for LtvSurvival {
    fn check(&self, settings: &Map<String, Value>) -> Result<(), FieldError> {
        Settings::read(settings).map(drop)
    }

    fn fit(&self, input: &FitInput<'_>, run: &FitRun<'_>) -> Result<Fitted, FitFault> {
        let settings = Settings::read(input.settings)?;
        let frame = input.frame("users")?;
        let mut told = Vec::new();
        let moments = frame.times("joined")?.iter().chain(frame.times("left")?).copied().flatten();
        let Some(seen) = window(moments.filter(|at| *at <= input.as_of)) else {
            return Err(FitFault::NoData("users".to_owned()));
        };
        let users = read(frame, &settings, seen[1], &mut told)?;
        if users.is_empty() {
            return Err(FitFault::NoData("users".to_owned()));
        }
        let mut groups: BTreeMap<&str, Vec<&User>> = BTreeMap::new();
        for user in &users {
            groups.entry(ALL).or_default().push(user);
            if let Some(segment) = user.segment.as_deref().filter(|segment| *segment != ALL) {
                groups.entry(segment).or_default().push(user);
            }
        }
        let mut segments = BTreeMap::new();
        for (name, group) in &groups {
            segments.insert(*name, Segment::of(group, &settings)?);
            if (run.stop)() {
                return Err(StatsError::Stopped.into());
            }
        }
        let rows: Map<String, Value> = segments.iter().map(|(name, found)| ((*name).to_owned(), found.json(name))).collect();
        let mut value = json!({
            "segments": rows,
            "segment_names": groups.keys().filter(|name| **name != ALL).collect::<Vec<_>>(),
            "horizon_months": settings.horizon_months,
            "users": users.len(),
        });
        let lives: Vec<Vec<Life>> = groups
            .iter()
            .filter(|(name, _)| **name != ALL)
            .map(|(_, group)| group.iter().map(|one| one.life).collect())
            .collect();
        if let Ok(test) = log_rank(&lives) {
            value["log_rank"] = json!({"statistic": test.statistic, "freedom": test.freedom, "p_value": test.p_value});
            value["segments_differ"] = json!(test.p_value < 0.05);
        }
        let mut doubts = Vec::new();
        if !settings.covariates.is_empty() {
            add_drivers(&mut value, &users, &settings, run, &mut doubts)?;
        }
        let all = &segments[ALL];
        if all.churned() < 30 {
            doubts.push(doubt(Confidence::Medium, format!("Only {} users have left so far.", all.churned())));
        }
        if all.extrapolated() {
            doubts.push(doubt(
                Confidence::Medium,
                "The horizon lies beyond the data, so that the value rests on the shape of Weibull's distribution.",
            ));
        }
        Ok(Fitted {
            values: value.as_object().cloned().unwrap_or_default(),
            observations: users.len() as u64,
            window: Some(seen),
            doubts,
            told,
            chart: Some(segment::chart(&segments, settings.horizon_months)),
        })
    }
}

fn read(frame: &Frame, settings: &Settings, last: Timestamp, told: &mut Vec<String>) -> Result<Vec<User>, FitFault> {
    let (names, joined, left) = (labels(frame, "user")?, frame.times("joined")?, frame.times("left")?);
    let (revenue, segments) = (frame.numbers("revenue")?, labels_if_any(frame, "segment")?);
    let columns: Vec<&[f64]> = settings.covariates.iter().map(|name| frame.numbers(name)).collect::<Result<_, _>>()?;
    let kept = last_of_each(names.iter().cloned());
    kept.tell("user", told);
    let (mut users, mut missing, mut backwards) = (Vec::new(), 0, 0);
    for row in kept.rows {
        let covariates: Vec<f64> = columns.iter().map(|column| column[row]).collect();
        let Some(start) =
            joined[row].filter(|at| *at <= last && !revenue[row].is_nan() && covariates.iter().all(|x| !x.is_nan()))
        else {
            missing += 1;
            continue;
        };
        let end = left[row].filter(|at| *at <= last);
        let months = days_between(start, end.unwrap_or(last)) / DAYS_PER_MONTH;
        if months < 0.0 {
            backwards += 1;
            continue;
        }
        // Who left within the day of joining stayed for half a day: a time of 0 has no place in Weibull's distribution.
        let time = if end.is_some() { months.max(0.5 / DAYS_PER_MONTH) } else { months };
        let segment = segments.as_ref().and_then(|all| all[row].clone());
        users.push(User { segment, life: Life { time, event: end.is_some() }, revenue: revenue[row], covariates });
    }
    left_out(told, missing, "joined, revenue or a covariate is missing, or the user joins later");
    left_out(told, backwards, "left before joining");
    Ok(users)
}

/// Adds what Cox's model says of the covariates; where it can't be fitted, the rest stands and the reason is told.
fn add_drivers(
    value: &mut Value,
    users: &[User],
    settings: &Settings,
    run: &FitRun<'_>,
    doubts: &mut Vec<crate::engine::numeric::method::Doubt>,
) -> Result<(), FitFault> {
    let lives: Vec<Life> = users.iter().map(|user| user.life).collect();
    let cells: Vec<f64> = users.iter().flat_map(|user| user.covariates.iter().copied()).collect();
    let matrix = DMatrix::from_row_slice(users.len(), settings.covariates.len(), &cells);
    let fit = match cox(&lives, &matrix, Options { ties: Ties::Efron, level: settings.level }, run.stop) {
        Ok(fit) => fit,
        Err(StatsError::Stopped) => return Err(StatsError::Stopped.into()),
        Err(error) => {
            doubts.push(doubt(Confidence::Medium, format!("What drives leaving could not be estimated: {error}.")));
            return Ok(());
        }
    };
    let drivers: Vec<Value> = settings
        .covariates
        .iter()
        .zip(&fit.coefficients)
        .map(|(name, found)| {
            json!({
                "name": name,
                "coefficient": found.estimate,
                "standard_error": found.standard_error,
                "hazard_ratio": found.estimate.exp(),
                "hazard_ratio_interval": [found.interval.low.exp(), found.interval.high.exp()],
                "p_value": found.p_value,
                "proportional_p": found.proportional_p,
            })
        })
        .collect();
    if fit.coefficients.iter().any(|found| found.proportional_p < 0.01) {
        doubts.push(doubt(
            Confidence::Medium,
            "The effect of a covariate changes with time, so that its hazard ratio is a mean over time only.",
        ));
    }
    value["drivers"] = json!(drivers);
    value["concordance"] = json!(fit.concordance);
    value["drivers_p_value"] = json!(fit.p_value);
    Ok(())
}
