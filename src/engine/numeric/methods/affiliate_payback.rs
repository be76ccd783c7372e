//! NR-17: how long an affiliate's cost takes to come back as revenue.

use super::plot;
use super::setting;
use super::tabular::{days_between, doubt, labels, labels_if_any, last_of_each, left_out, window};
use crate::domain::answer::Confidence;
use crate::domain::field::FieldError;
use crate::domain::frame::Frame;
use crate::domain::time::Timestamp;
use crate::engine::numeric::method::{FitFault, FitInput, FitRun, Fitted, Method};
use crate::stats::StatsError;
use crate::stats::survival::Life;
use crate::stats::survival::kaplan_meier::{Curve, Scale, kaplan_meier};
use crate::stats::survival::log_rank::log_rank;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// Time to payback as survival. Its frame `affiliates` has `affiliate`, `started`, `cost` and, where there are any, `channel`;
/// its frame `revenue` has `affiliate`, `time` and `revenue`. Payback is the first moment at which revenue since the start adds
/// up to the cost; an affiliate that has not come so far by the last moment of the data is censored there, so that young ones do
/// not make payback look slow.
#[derive(Debug, Clone, Copy)]
pub struct AffiliatePayback;

/// Under which name all affiliates together stand.
const ALL: &str = "all";

/// The revenue of each affiliate with its moments.
type Earned = HashMap<Arc<str>, Vec<(Timestamp, f64)>>;

struct Settings {
    horizons: Vec<u32>,
    level: f64,
}

impl Settings {
    fn read(given: &Map<String, Value>) -> Result<Self, FieldError> {
        setting::only(given, &["horizons_days", "level"])?;
        let horizons = setting::rising(given, "horizons_days", &[90, 180, 365])?;
        Ok(Self { horizons, level: setting::number(given, "level", 0.95, 0.5..=0.999)? })
    }
}

/// One affiliate as it was followed.
struct Followed {
    channel: Option<Arc<str>>,
    life: Life,
    cost: f64,
    earned: f64,
}

impl Method for AffiliatePayback {
    fn check(&self, settings: &Map<String, Value>) -> Result<(), FieldError> {
        Settings::read(settings).map(drop)
    }

    fn fit(&self, input: &FitInput<'_>, run: &FitRun<'_>) -> Result<Fitted, FitFault> {
        let settings = Settings::read(input.settings)?;
        let mut told = Vec::new();
        let (affiliates, revenue) = (input.frame("affiliates")?, input.frame("revenue")?);
        let seen = window(
            revenue.times("time")?.iter().chain(affiliates.times("started")?).copied().flatten().filter(|at| *at <= input.as_of),
        );
        let Some(seen) = seen else { return Err(FitFault::NoData("revenue".to_owned())) };
        let earned = by_affiliate(revenue, seen[1], &mut told)?;
        let followed = follow(affiliates, &earned, seen[1], &mut told)?;
        if followed.is_empty() {
            return Err(FitFault::NoData("affiliates".to_owned()));
        }
        let mut groups: BTreeMap<&str, Vec<&Followed>> = BTreeMap::new();
        for one in &followed {
            groups.entry(ALL).or_default().push(one);
            if let Some(channel) = one.channel.as_deref().filter(|channel| *channel != ALL) {
                groups.entry(channel).or_default().push(one);
            }
        }
        let mut curves: BTreeMap<&str, Curve> = BTreeMap::new();
        for (name, group) in &groups {
            let lives: Vec<Life> = group.iter().map(|one| one.life).collect();
            curves.insert(name, kaplan_meier(&lives, Scale::LogLog, settings.level)?);
            if (run.stop)() {
                return Err(StatsError::Stopped.into());
            }
        }
        let rows: Map<String, Value> =
            groups.iter().map(|(name, group)| ((*name).to_owned(), row(name, group, &curves[name], &settings))).collect();
        let lives: Vec<Vec<Life>> = groups
            .iter()
            .filter(|(name, _)| **name != ALL)
            .map(|(_, group)| group.iter().map(|one| one.life).collect())
            .collect();
        let mut value = json!({"channels": rows, "channel_names": groups.keys().filter(|name| **name != ALL).collect::<Vec<_>>(), "affiliates": followed.len()});
        if let Ok(test) = log_rank(&lives) {
            value["log_rank"] = json!({"statistic": test.statistic, "freedom": test.freedom, "p_value": test.p_value});
            value["channels_differ"] = json!(test.p_value < 0.05);
        }
        let events = curves[ALL].events;
        let few = (events < 30).then(|| {
            doubt(
                if events < 10 { Confidence::Low } else { Confidence::Medium },
                format!("Only {events} affiliates have paid back."),
            )
        });
        Ok(Fitted {
            values: value.as_object().cloned().unwrap_or_default(),
            observations: followed.len() as u64,
            window: Some(seen),
            doubts: few.into_iter().collect(),
            told,
            chart: Some(chart(&curves)),
        })
    }
}

/// Revenue of each affiliate by moment, in order.
fn by_affiliate(frame: &Frame, last: Timestamp, told: &mut Vec<String>) -> Result<Earned, FitFault> {
    let (names, times, amounts) = (labels(frame, "affiliate")?, frame.times("time")?, frame.numbers("revenue")?);
    let mut earned = Earned::new();
    let mut missing = 0;
    for row in 0..frame.rows() {
        match (&names[row], times[row]) {
            (Some(name), Some(at)) if !amounts[row].is_nan() && at <= last => {
                earned.entry(Arc::clone(name)).or_default().push((at, amounts[row]))
            }
            _ => missing += 1,
        }
    }
    left_out(told, missing, "affiliate, time or revenue is missing, or the time has not come yet");
    earned.values_mut().for_each(|list| list.sort_by_key(|(at, _)| *at));
    Ok(earned)
}

fn follow(frame: &Frame, earned: &Earned, last: Timestamp, told: &mut Vec<String>) -> Result<Vec<Followed>, FitFault> {
    let (names, starts, costs) = (labels(frame, "affiliate")?, frame.times("started")?, frame.numbers("cost")?);
    let channels = labels_if_any(frame, "channel")?;
    let kept = last_of_each(names.iter().cloned());
    kept.tell("affiliate", told);
    let (mut followed, mut wrong) = (Vec::new(), 0);
    for row in kept.rows {
        let (Some(name), Some(start)) = (&names[row], starts[row].filter(|at| *at <= last)) else {
            wrong += 1;
            continue;
        };
        // A missing cost is NaN, which is not above 0.
        let cost = costs[row];
        if cost.is_nan() || cost <= 0.0 {
            wrong += 1;
            continue;
        }
        let since = earned.get(name).map_or(&[][..], Vec::as_slice).iter().filter(|(at, _)| *at >= start);
        let (mut sum, mut paid) = (0.0, None);
        for (at, amount) in since {
            sum += amount;
            if paid.is_none() && sum >= cost {
                paid = Some(*at);
            }
        }
        let life = Life { time: days_between(start, paid.unwrap_or(last)), event: paid.is_some() };
        followed.push(Followed { channel: channels.as_ref().and_then(|all| all[row].clone()), life, cost, earned: sum });
    }
    left_out(told, wrong, "the start is missing or has not come yet, or the cost is not above 0");
    Ok(followed)
}

fn row(name: &str, group: &[&Followed], curve: &Curve, settings: &Settings) -> Value {
    let median = curve.quantile(0.5);
    let within: Vec<(u32, Value)> = settings.horizons.iter().filter_map(|days| Some((*days, paid_back(curve, *days)?))).collect();
    let by_days: Map<String, Value> = within.iter().map(|(days, share)| (days.to_string(), share.clone())).collect();
    let (cost, earned) = group.iter().fold((0.0, 0.0), |(cost, earned), one| (cost + one.cost, earned + one.earned));
    json!({
        "channel": name,
        "affiliates": group.len(),
        "paid_back": curve.events,
        "median_days": median.time,
        "median_interval": [median.low, median.high],
        "median_low": median.low,
        "median_high": median.high,
        "paid_back_within": by_days,
        "horizons": within.iter().map(|(_, share)| share).collect::<Vec<_>>(),
        "longest_followed_days": curve.longest,
        "total_cost": cost,
        "total_revenue": earned,
        "return_on_cost": earned / cost,
    })
}

/// The share that has paid back within so many days; none beyond the data.
fn paid_back(curve: &Curve, days: u32) -> Option<Value> {
    let days = f64::from(days);
    let share = 1.0 - curve.survival_at(days)?;
    let interval = curve.step_at(days).and_then(|step| step.interval);
    Some(json!({"days": days, "share": share, "interval": interval.map(|i| [1.0 - i.high, 1.0 - i.low])}))
}

fn chart(curves: &BTreeMap<&str, Curve>) -> Value {
    let mut traces = Vec::new();
    let points = |curve: &Curve, pick: &dyn Fn(f64, Option<[f64; 2]>) -> f64| -> Vec<(f64, f64)> {
        let steps = curve.steps.iter().map(|s| (s.time, 100.0 * (1.0 - pick(s.survival, s.interval.map(|i| [i.low, i.high])))));
        std::iter::once((0.0, 0.0)).chain(steps).collect()
    };
    if let Some(all) = curves.get(ALL) {
        let low = points(all, &|s, ends| ends.map_or(s, |ends| ends[1]));
        let high = points(all, &|s, ends| ends.map_or(s, |ends| ends[0]));
        traces.extend(plot::band("interval", &low, &high, "hv"));
    }
    for (name, curve) in curves.iter().take(8) {
        traces.push(plot::line(name, &points(curve, &|s, _| s), "hv"));
    }
    plot::chart(traces, "Affiliates that have paid back", "days since the start", "share, %")
}

#[cfg(test)]
mod tests {
    use super::super::trial;
    use super::*;
    use crate::domain::frame::Column;

    #[test]
    fn payback_is_when_revenue_adds_up_to_the_cost_and_the_young_are_censored() {
        let affiliates = trial::frame(vec![
            ("affiliate", trial::texts(&["a", "b", "c", "d"])),
            (
                "started",
                trial::times(&["2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z", "2026-03-01T00:00:00Z", "2026-01-01T00:00:00Z"]),
            ),
            ("cost", Column::Number(vec![100.0, 100.0, 100.0, 0.0])),
        ]);
        let revenue = trial::frame(vec![
            ("affiliate", trial::texts(&["a", "a", "b", "b", "c", "a"])),
            (
                "time",
                trial::times(&[
                    "2026-02-10T00:00:00Z",
                    "2026-01-11T00:00:00Z",
                    "2025-12-01T00:00:00Z",
                    "2026-01-21T00:00:00Z",
                    "2026-03-31T00:00:00Z",
                    "",
                ]),
            ),
            ("revenue", Column::Number(vec![50.0, 50.0, 999.0, 100.0, 99.0, 1.0])),
        ]);
        let fit = trial::fit(
            &AffiliatePayback,
            &[("affiliates", affiliates), ("revenue", revenue)],
            json!({"horizons_days": [25, 40, 90]}),
        )
        .unwrap();
        // a after 40 days, b after 20 (what came before the start does not count), c is censored at 30.
        assert_eq!(trial::number(&fit, "channels.all.paid_back"), 2.0);
        assert_eq!(trial::number(&fit, "channels.all.median_days"), 40.0);
        assert!((trial::number(&fit, "channels.all.paid_back_within.25.share") - 1.0 / 3.0).abs() < 1e-12);
        assert_eq!(trial::number(&fit, "channels.all.paid_back_within.40.share"), 1.0);
        // Nobody was followed for 90 days.
        assert!(fit.values["channels"]["all"]["paid_back_within"].get("90").is_none());
        assert_eq!(fit.told.len(), 2, "{:?}", fit.told);
        assert!(fit.values.get("log_rank").is_none());
        trial::sound(&fit);
    }

    #[test]
    fn no_affiliate_is_no_data() {
        let none = trial::frame(vec![
            ("affiliate", trial::texts(&[])),
            ("started", trial::times(&[])),
            ("cost", Column::Number(vec![])),
        ]);
        let revenue = trial::frame(vec![
            ("affiliate", trial::texts(&["a"])),
            ("time", trial::times(&["2026-01-01T00:00:00Z"])),
            ("revenue", Column::Number(vec![1.0])),
        ]);
        assert!(matches!(
            trial::fit(&AffiliatePayback, &[("affiliates", none), ("revenue", revenue)], json!({})),
            Err(FitFault::NoData(_))
        ));
        assert!(AffiliatePayback.check(json!({"horizons_days": [9, 3]}).as_object().unwrap()).is_err());
    }

    #[test]
    fn the_sample_tells_fast_channels_from_slow_ones() {
        let fit = trial::case(include_str!("../cases/nr-17.toml"), &[]);
        assert!(trial::number(&fit, "channels.influencer.median_days") > trial::number(&fit, "channels.referral.median_days"));
        assert_eq!(fit.values["channels_differ"], true);
    }
}
