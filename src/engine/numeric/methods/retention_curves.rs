//! NR-12: which share of new users is still active so many months later.

use super::plot;
use super::setting;
use super::tabular::{doubt, labels, left_out, pair, window};
use crate::domain::answer::Confidence;
use crate::domain::field::FieldError;
use crate::domain::frame::Frame;
use crate::domain::time::Timestamp;
use crate::engine::numeric::method::{FitFault, FitInput, FitRun, Fitted, Method};
use crate::stats::StatsError;
use crate::stats::proportion::Proportion;
use crate::stats::retention::{Cohort, Member, RetentionCurve, cohorts, pooled, retention_curve};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Monthly retention. Its frame `activity` has `user`, `joined` and `active`, one row for each user and month of activity (any
/// moment within it; a user that was never active again has one row, with `active` missing or in the month of joining). Months
/// are those of UTC; the last one counts only when it is over.
#[derive(Debug, Clone, Copy)]
pub struct RetentionCurves;

struct Settings {
    ages: Vec<u32>,
    level: f64,
}

impl Settings {
    fn read(given: &Map<String, Value>) -> Result<Self, FieldError> {
        setting::only(given, &["ages", "level"])?;
        Ok(Self {
            ages: setting::rising(given, "ages", &[1, 3, 6, 12])?,
            level: setting::number(given, "level", 0.95, 0.5..=0.999)?,
        })
    }
}

/// Users by the month in which they joined, counted from year 0.
struct Users {
    members: Vec<Member>,
    /// The month of cohort 0.
    first: i64,
    seen: Option<[Timestamp; 2]>,
    told: Vec<String>,
}

impl Method for RetentionCurves {
    fn check(&self, settings: &Map<String, Value>) -> Result<(), FieldError> {
        Settings::read(settings).map(drop)
    }

    fn fit(&self, input: &FitInput<'_>, run: &FitRun<'_>) -> Result<Fitted, FitFault> {
        let settings = Settings::read(input.settings)?;
        let users = Users::read(input.frame("activity")?, input.as_of)?;
        let table = cohorts(&users.members, settings.level)?;
        let shares = pooled(&users.members, settings.level)?;
        if (run.stop)() {
            return Err(StatsError::Stopped.into());
        }
        let curve = retention_curve(&users.members, settings.level, run.stop)?;
        let misfit = misfit(&shares, &curve);
        let mut value = json!({
            "users": users.members.len(),
            "cohorts": table.iter().enumerate().filter(|(_, c)| c.size > 0).map(|(at, c)| cohort(users.first + at as i64, c)).collect::<Vec<_>>(),
            "curve": shares.iter().enumerate().map(|(at, share)| point(at as f64 + 1.0, share, &curve)).collect::<Vec<_>>(),
            "level": curve.level,
            "level_standard_error": curve.level_error,
            "decay": curve.decay,
            "decay_standard_error": curve.decay_error,
            "largest_misfit": misfit,
            "months_seen": shares.len(),
        });
        let ages: Map<String, Value> = settings.ages.iter().map(|age| (age.to_string(), at_age(*age, &shares, &curve))).collect();
        value["retention"] = ages.into();
        value["ages"] = json!(settings.ages.iter().map(|age| at_age(*age, &shares, &curve)).collect::<Vec<_>>());
        if let Some(newest) = newest(&table, &shares, users.first) {
            value["newest_cohort"] = newest;
        }
        let mut doubts = Vec::new();
        if misfit > 0.05 {
            doubts.push(doubt(Confidence::Medium, "The fitted curve is more than 5 points off what was seen at some age."));
        }
        if users.members.len() < 100 {
            doubts.push(doubt(Confidence::Medium, "Fewer than 100 users can be followed for a month."));
        }
        Ok(Fitted {
            values: value.as_object().cloned().unwrap_or_default(),
            observations: users.members.len() as u64,
            window: users.seen,
            doubts,
            chart: Some(chart(&table, &shares, &curve, users.first)),
            told: users.told,
        })
    }
}

/// Months since year 0, in UTC.
fn month(at: Timestamp) -> i64 {
    let day = jiff::Timestamp::from_microsecond(at.as_micros()).unwrap_or_default().to_zoned(jiff::tz::TimeZone::UTC);
    i64::from(day.year()) * 12 + i64::from(day.month()) - 1
}

fn month_name(month: i64) -> String {
    format!("{:04}-{:02}", month.div_euclid(12), month.rem_euclid(12) + 1)
}

impl Users {
    fn read(frame: &Frame, as_of: Timestamp) -> Result<Self, FitFault> {
        let (names, joined, active) = (labels(frame, "user")?, frame.times("joined")?, frame.times("active")?);
        let mut told = Vec::new();
        let mut known: BTreeMap<Arc<str>, (i64, BTreeSet<i64>)> = BTreeMap::new();
        let (mut missing, mut early, mut twice) = (0, 0, 0);
        for row in 0..frame.rows() {
            let (Some(name), Some(start)) = (&names[row], joined[row]) else {
                missing += 1;
                continue;
            };
            let of = known.entry(Arc::clone(name)).or_insert_with(|| (month(start), BTreeSet::new()));
            let Some(at) = active[row].map(month) else { continue };
            if at < of.0 {
                early += 1;
            } else {
                twice += usize::from(!of.1.insert(at));
            }
        }
        left_out(&mut told, missing, "user or joined is missing");
        left_out(&mut told, early, "active before the user joined");
        left_out(&mut told, twice, "the same user and month came again");
        let moments = || joined.iter().chain(active).copied().flatten().filter(|at| *at <= as_of);
        let Some(seen) = window(moments()) else { return Err(FitFault::NoData("activity".to_owned())) };
        // The month of the last moment may be under way still; it is whole where the fit is of a later month.
        let last_whole = if month(as_of) > month(seen[1]) { month(seen[1]) } else { month(seen[1]) - 1 };
        let first = known.values().map(|(start, _)| *start).min().unwrap_or_default();
        let mut members = Vec::new();
        let mut fresh = 0;
        for (start, months) in known.values() {
            let ages = (last_whole - start).max(0);
            if ages == 0 {
                fresh += 1;
                continue;
            }
            let active = (1..=ages).map(|age| months.contains(&(start + age))).collect();
            members.push(Member { cohort: usize::try_from(start - first).unwrap_or_default(), active });
        }
        if fresh > 0 {
            told.push(format!("{fresh} users joined too late to be followed for a whole month."));
        }
        if members.is_empty() {
            return Err(StatsError::TooFew { needed: 10, got: 0 }.into());
        }
        Ok(Self { members, first, seen: Some(seen), told })
    }
}

fn cohort(month: i64, cohort: &Cohort) -> Value {
    json!({
        "month": month_name(month),
        "users": cohort.size,
        "retained": cohort.retained.iter().map(|share| share.estimate).collect::<Vec<_>>(),
        "intervals": cohort.retained.iter().map(|share| pair(share.interval)).collect::<Vec<_>>(),
    })
}

fn point(age: f64, share: &Proportion, curve: &RetentionCurve) -> Value {
    let fitted = curve.at(age);
    json!({"month": age, "retained": share.estimate, "retained_interval": pair(share.interval), "fitted": fitted.estimate, "fitted_interval": pair(fitted.interval)})
}

/// What was seen at an age, and the curve where the data do not reach it.
fn at_age(age: u32, shares: &[Proportion], curve: &RetentionCurve) -> Value {
    let fitted = curve.at(f64::from(age));
    let seen = shares.get(age as usize - 1);
    let told = seen.copied().unwrap_or(fitted);
    json!({"month": age, "retained": told.estimate, "interval": pair(told.interval), "seen": seen.is_some(), "fitted": fitted.estimate})
}

/// The latest cohort that can be followed, against all of its age.
fn newest(table: &[Cohort], shares: &[Proportion], first: i64) -> Option<Value> {
    let (at, cohort) = table.iter().enumerate().rev().find(|(_, cohort)| cohort.size > 0 && !cohort.retained.is_empty())?;
    let (own, all) = (cohort.retained[0], shares[0]);
    let word = match (own.interval.low > all.estimate, own.interval.high < all.estimate) {
        (true, _) => "above",
        (_, true) => "below",
        _ => "in line with",
    };
    Some(
        json!({"month": month_name(first + at as i64), "users": cohort.size, "retained": own.estimate, "interval": pair(own.interval), "against_all": word}),
    )
}

/// The largest distance between curve and share among ages that a tenth of all users, and a hundred, can have reached in effect:
/// intervals narrower than 10 points.
fn misfit(shares: &[Proportion], curve: &RetentionCurve) -> f64 {
    let sure = shares.iter().enumerate().filter(|(_, share)| share.interval.high - share.interval.low < 0.1);
    sure.map(|(at, share)| (share.estimate - curve.at(at as f64 + 1.0).estimate).abs()).fold(0.0, f64::max)
}

fn chart(table: &[Cohort], shares: &[Proportion], curve: &RetentionCurve, first: i64) -> Value {
    let ages = |list: &[Proportion]| -> Vec<(f64, f64)> {
        list.iter().enumerate().map(|(at, p)| (at as f64 + 1.0, 100.0 * p.estimate)).collect()
    };
    let reach = shares.len().max(12);
    let fitted: Vec<Proportion> = (1..=reach).map(|age| curve.at(age as f64)).collect();
    let ends = |pick: fn(&Proportion) -> f64| -> Vec<(f64, f64)> {
        fitted.iter().enumerate().map(|(at, p)| (at as f64 + 1.0, 100.0 * pick(p))).collect()
    };
    let mut traces: Vec<Value> = plot::band("interval", &ends(|p| p.interval.low), &ends(|p| p.interval.high), "linear").into();
    for (at, cohort) in table.iter().enumerate().filter(|(_, cohort)| cohort.retained.len() > 1).rev().take(12) {
        let mut line = plot::line(&month_name(first + at as i64), &ages(&cohort.retained), "linear");
        line["opacity"] = json!(0.35);
        traces.push(line);
    }
    traces.push(plot::line("all users", &ages(shares), "linear"));
    traces.push(plot::line("fitted", &ages(&fitted), "linear"));
    let mut chart = plot::chart(traces, "Retention by cohort", "months since joining", "active users, %");
    chart["layout"]["yaxis"]["rangemode"] = json!("tozero");
    chart
}

#[cfg(test)]
mod tests {
    use super::super::trial;
    use super::*;

    fn fitted(rows: &[(&str, &str, &str)]) -> Result<Fitted, FitFault> {
        let column =
            |pick: fn(&(&'static str, &'static str, &'static str)) -> &'static str,
             rows: &[(&'static str, &'static str, &'static str)]| { rows.iter().map(pick).collect::<Vec<_>>() };
        // The rows live as long as the test does.
        let rows: Vec<(&'static str, &'static str, &'static str)> =
            rows.iter().map(|row| (&*row.0.to_owned().leak(), &*row.1.to_owned().leak(), &*row.2.to_owned().leak())).collect();
        let frame = trial::frame(vec![
            ("user", trial::texts(&column(|row| row.0, &rows))),
            ("joined", trial::times(&column(|row| row.1, &rows))),
            ("active", trial::times(&column(|row| row.2, &rows))),
        ]);
        trial::fit(&RetentionCurves, &[("activity", frame)], json!({"ages": [1, 2, 6]}))
    }

    #[test]
    fn a_month_of_the_calendar_counts_once_and_the_year_turns() {
        let mut rows = Vec::new();
        for at in 0..20 {
            let name: &str = format!("u{at}").leak();
            rows.push((name, "2026-11-30T23:00:00Z", ""));
            if at < 10 {
                rows.push((name, "2026-11-30T23:00:00Z", "2026-12-01T00:30:00Z"));
                rows.push((name, "2026-11-30T23:00:00Z", "2026-12-20T00:00:00Z"));
            }
            let old: &str = format!("o{at}").leak();
            rows.push((old, "2026-10-05T00:00:00Z", if at < 5 { "2026-12-09T00:00:00Z" } else { "2026-10-06T00:00:00Z" }));
        }
        let fit = fitted(&rows).unwrap();
        assert_eq!(fit.values["cohorts"][1]["month"], "2026-11");
        assert_eq!(fit.values["cohorts"][1]["retained"], json!([0.5]));
        assert_eq!(fit.values["cohorts"][0]["retained"], json!([0.0, 0.25]));
        assert_eq!(trial::number(&fit, "retention.1.retained"), 0.25);
        assert_eq!(fit.values["retention"]["6"]["seen"], false);
        assert_eq!(fit.told, ["10 rows were left out: the same user and month came again."]);
        trial::sound(&fit);
    }

    #[test]
    fn nobody_to_follow_is_told() {
        assert!(matches!(fitted(&[]), Err(FitFault::NoData(_))));
        assert!(matches!(fitted(&[("a", "2026-12-05T00:00:00Z", "")]), Err(FitFault::Stats(_))));
    }

    #[test]
    fn the_sample_has_the_curve_that_it_was_made_with() {
        let fit = trial::case(include_str!("../cases/nr-12.toml"), &[]);
        let near =
            |path: &str, error: &str, truth: f64| (trial::number(&fit, path) - truth).abs() < 3.0 * trial::number(&fit, error);
        assert!(near("level", "level_standard_error", 0.2) && near("decay", "decay_standard_error", 0.7), "{:?}", fit.values);
    }
}
