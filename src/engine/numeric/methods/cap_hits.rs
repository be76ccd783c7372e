//! NR-15: how often a value such as the funding rate stands at its cap, for how long, and how likely that is ahead.

use super::plot;
use super::setting;
use super::tabular::{doubt, last_of_each, left_out, pair, window};
use crate::domain::answer::Confidence;
use crate::domain::field::FieldError;
use crate::domain::frame::Frame;
use crate::domain::time::Timestamp;
use crate::engine::numeric::method::{FitFault, FitInput, FitRun, Fitted, Method};
use crate::stats::StatsError;
use crate::stats::interval::Interval;
use crate::stats::markov::{Chain, chain};
use crate::stats::proportion::{Proportion, poisson_rate, wilson};
use nalgebra::DMatrix;
use serde_json::{Map, Value, json};

/// Hits of a cap as a chain of two states, at the cap and free. Its frame `caps` has `time`, `value` and `cap`; a row is a hit
/// where |value| is at least the cap less a tolerance. Rows have to come at one pace; where one is missing, the moves around it
/// are not counted.
#[derive(Debug, Clone, Copy)]
pub struct CapHits;

struct Settings {
    tolerance: f64,
    ahead_days: f64,
    level: f64,
}

impl Settings {
    fn read(given: &Map<String, Value>) -> Result<Self, FieldError> {
        setting::only(given, &["tolerance", "ahead_days", "level"])?;
        Ok(Self {
            tolerance: setting::number(given, "tolerance", 1e-6, 0.0..=0.5)?,
            ahead_days: setting::number(given, "ahead_days", 7.0, 0.01..=366.0)?,
            level: setting::number(given, "level", 0.95, 0.5..=0.999)?,
        })
    }
}

/// The hits in order of time.
struct Hits {
    at: Vec<(Timestamp, bool)>,
    /// How near to the cap each came, 1 at it.
    nearness: Vec<f64>,
    /// The usual pace in days.
    pace: f64,
    told: Vec<String>,
}

impl Method for CapHits {
    fn check(&self, settings: &Map<String, Value>) -> Result<(), FieldError> {
        Settings::read(settings).map(drop)
    }

    fn fit(&self, input: &FitInput<'_>, _run: &FitRun<'_>) -> Result<Fitted, FitFault> {
        let settings = Settings::read(input.settings)?;
        let hits = Hits::read(input.frame("caps")?, &settings)?;
        let rows = hits.at.len() as f64;
        let count = hits.at.iter().filter(|(_, hit)| *hit).count() as f64;
        let (moves, spells) = hits.moves();
        let chain = chain(&moves, settings.level)?;
        let share = share(count, rows, &chain, settings.level)?;
        let days = rows * hits.pace;
        let rate = poisson_rate(spells as f64, days, settings.level)?;
        let ahead = Ahead::of(&hits, &moves, &settings)?;
        let value = json!({
            "observations": hits.at.len(),
            "hits": count,
            "hit_share": share.estimate,
            "hit_share_interval": pair(share.interval),
            "spells": spells,
            "spells_per_30_days": 30.0 * rate.estimate,
            "spells_per_30_days_interval": [30.0 * rate.interval.low, 30.0 * rate.interval.high],
            "mean_spell_hours": (spells > 0).then(|| 24.0 * hits.pace * count / spells as f64),
            "at_cap_now": ahead.now,
            "enter_probability": chain.probabilities[(0, 1)],
            "stay_probability": (count > 0.0).then(|| chain.probabilities[(1, 1)]),
            "ahead_days": settings.ahead_days,
            "probability_ahead": ahead.probability,
            "probability_ahead_interval": pair(ahead.interval),
            "days_since_last_hit": ahead.days_since,
            "pace_hours": 24.0 * hits.pace,
        });
        let mut doubts = Vec::new();
        if spells < 5 {
            doubts.push(doubt(Confidence::Medium, format!("The cap was reached in {spells} spells only.")));
        }
        if days < 14.0 {
            doubts.push(doubt(Confidence::Low, "The data cover less than two weeks."));
        }
        Ok(Fitted {
            values: value.as_object().cloned().unwrap_or_default(),
            observations: hits.at.len() as u64,
            window: window(hits.at.iter().map(|(at, _)| *at)),
            doubts,
            chart: Some(chart(&hits)),
            told: hits.told,
        })
    }
}

impl Hits {
    fn read(frame: &Frame, settings: &Settings) -> Result<Self, FitFault> {
        let (times, values, caps) = (frame.times("time")?, frame.numbers("value")?, frame.numbers("cap")?);
        let mut told = Vec::new();
        let kept = last_of_each(times.iter().copied());
        kept.tell("time", &mut told);
        let whole = |row: &usize| !values[*row].is_nan() && caps[*row] > 0.0;
        let (rows, others): (Vec<usize>, Vec<usize>) = kept.rows.into_iter().partition(whole);
        left_out(&mut told, others.len(), "the value is missing, or the cap is not above 0");
        let mut found: Vec<(Timestamp, f64)> =
            rows.iter().filter_map(|&row| Some((times[row]?, values[row].abs() / caps[row]))).collect();
        if found.is_empty() {
            return Err(FitFault::NoData("caps".to_owned()));
        }
        if found.len() < 3 {
            return Err(StatsError::TooFew { needed: 3, got: found.len() }.into());
        }
        found.sort_by_key(|(at, _)| *at);
        let mut gaps: Vec<i64> = found.windows(2).map(|pair| pair[1].0.as_micros() - pair[0].0.as_micros()).collect();
        gaps.sort_unstable();
        let pace = gaps[gaps.len() / 2];
        let holes = gaps.iter().filter(|gap| is_hole(**gap, pace)).count();
        if holes > 0 {
            told.push(format!("There are {holes} gaps in the data; moves across them are not counted."));
        }
        let at = found.iter().map(|(at, nearness)| (*at, *nearness >= 1.0 - settings.tolerance)).collect();
        let nearness = found.iter().map(|(_, nearness)| *nearness).collect();
        Ok(Self { at, nearness, pace: pace as f64 / 86_400e6, told })
    }

    /// Moves between free (0) and at the cap (1), and how many spells at the cap began.
    fn moves(&self) -> (DMatrix<f64>, usize) {
        let pace = (self.pace * 86_400e6).round() as i64;
        let mut moves = DMatrix::zeros(2, 2);
        let mut spells = usize::from(self.at.first().is_some_and(|(_, hit)| *hit));
        for pair in self.at.windows(2) {
            let hole = is_hole(pair[1].0.as_micros() - pair[0].0.as_micros(), pace);
            spells += usize::from(pair[1].1 && (!pair[0].1 || hole));
            if !hole {
                moves[(usize::from(pair[0].1), usize::from(pair[1].1))] += 1.0;
            }
        }
        (moves, spells)
    }
}

/// Half a step late is late; more is a row that is missing.
fn is_hole(gap: i64, pace: i64) -> bool {
    2 * gap > 3 * pace
}

/// The share of time at the cap. Hits come in spells, so Wilson's interval counts with as many independent rows as a chain of two
/// states is worth: n (1 − ρ) ⁄ (1 + ρ), with ρ its autocorrelation, p₁₁ − p₀₁ (Brockwell and Davis 1991, "Time Series", section
/// 7.1).
fn share(count: f64, rows: f64, chain: &Chain, level: f64) -> Result<Proportion, StatsError> {
    let correlation = if count > 0.0 { chain.probabilities[(1, 1)] - chain.probabilities[(0, 1)] } else { 0.0 };
    let worth = ((1.0 - correlation) / (1.0 + correlation)).clamp(0.0, 1.0);
    let effective = (rows * worth).clamp(1.0, rows);
    wilson(count / rows * effective, effective, level)
}

/// How likely a hit is within the days ahead.
struct Ahead {
    now: bool,
    days_since: Option<f64>,
    probability: f64,
    interval: Interval,
}

impl Ahead {
    /// 1 − (1 − the probability to enter)^steps from a free state; certain while at the cap.
    fn of(hits: &Hits, moves: &DMatrix<f64>, settings: &Settings) -> Result<Self, StatsError> {
        let last = hits.at[hits.at.len() - 1];
        let days_since = hits.at.iter().rev().find(|(_, hit)| *hit).map(|(at, _)| super::tabular::days_between(*at, last.0));
        if last.1 {
            return Ok(Self { now: true, days_since, probability: 1.0, interval: Interval { low: 1.0, high: 1.0 } });
        }
        let free: f64 = moves.row(0).iter().sum();
        let enter = wilson(moves[(0, 1)], free, settings.level)?;
        let steps = (settings.ahead_days / hits.pace).max(1.0);
        let within = |p: f64| -(steps * (-p).ln_1p()).exp_m1();
        let interval = Interval { low: within(enter.interval.low), high: within(enter.interval.high.min(1.0 - 1e-12)) };
        Ok(Self { now: false, days_since, probability: within(enter.estimate.min(1.0 - 1e-12)), interval })
    }
}

fn chart(hits: &Hits) -> Value {
    // The nearest of each day tells more than every so manieth row.
    let mut days: Vec<(String, f64)> = Vec::new();
    for ((at, _), nearness) in hits.at.iter().zip(&hits.nearness) {
        let day = at.to_string().chars().take(10).collect::<String>();
        match days.last_mut() {
            Some((known, most)) if *known == day => *most = most.max(100.0 * nearness),
            _ => days.push((day, 100.0 * nearness)),
        }
    }
    let from = days.len().saturating_sub(plot::POINTS_MAX);
    let (names, heights): (Vec<String>, Vec<f64>) = days.split_off(from).into_iter().unzip();
    plot::chart(vec![plot::bars("highest of the day", &names, &heights, None)], "How near the cap", "day", "share of the cap, %")
}

#[cfg(test)]
mod tests {
    use super::super::trial;
    use super::*;
    use crate::domain::frame::Column;

    fn fitted(values: &[f64], settings: Value) -> Result<Fitted, FitFault> {
        let start = Timestamp::parse("2026-01-01T00:00:00Z").unwrap();
        let times = (0..values.len()).map(|at| Some(start.plus_seconds(28_800 * at as u64))).collect();
        let frame = trial::frame(vec![
            ("time", Column::Time(times)),
            ("value", Column::Number(values.to_vec())),
            ("cap", Column::Number(vec![0.0075; values.len()])),
        ]);
        trial::fit(&CapHits, &[("caps", frame)], settings)
    }

    #[test]
    fn spells_on_both_sides_of_the_cap_are_counted() {
        let mut values = vec![0.0001; 90];
        (values[10], values[11], values[40]) = (0.0075, 0.0075, -0.0075);
        let fit = fitted(&values, json!({})).unwrap();
        assert_eq!(trial::number(&fit, "hits"), 3.0);
        assert_eq!(trial::number(&fit, "spells"), 2.0);
        assert_eq!(trial::number(&fit, "mean_spell_hours"), 12.0);
        assert!((trial::number(&fit, "spells_per_30_days") - 2.0).abs() < 1e-9);
        // Two entries in 87 moves from a free state, 21 steps ahead (the last row's state is free: 86 + … moves).
        let enter = trial::number(&fit, "enter_probability");
        assert!((trial::number(&fit, "probability_ahead") - (1.0 - (1.0 - enter).powi(21))).abs() < 1e-9);
        trial::sound(&fit);
    }

    #[test]
    fn never_at_the_cap_has_an_upper_end_and_at_the_cap_now_is_certain() {
        let fit = fitted(&[0.0001; 60], json!({})).unwrap();
        assert_eq!(trial::number(&fit, "probability_ahead"), 0.0);
        assert!(fit.values["probability_ahead_interval"][1].as_f64().unwrap() > 0.3);
        assert_eq!(fit.values["mean_spell_hours"], Value::Null);
        trial::sound(&fit);
        let fit = fitted(&[0.0001, 0.0075, 0.0075], json!({})).unwrap();
        assert_eq!(fit.values["at_cap_now"], true);
        let fit = fitted(&[0.0075; 5], json!({})).unwrap();
        assert_eq!(trial::number(&fit, "hit_share"), 1.0);
        trial::sound(&fit);
        assert!(fitted(&[0.1], json!({})).is_err() && fitted(&[], json!({})).is_err());
    }

    #[test]
    fn the_share_of_time_covers_although_hits_come_in_spells() {
        let mut random = fastrand::Rng::with_seed(53);
        let (enter, stay, runs) = (0.03, 0.7, 200);
        let truth = enter / (enter + 1.0 - stay);
        let mut covered = 0;
        for _ in 0..runs {
            let mut at_cap = false;
            let values: Vec<f64> = (0..700)
                .map(|_| {
                    at_cap = random.f64() < if at_cap { stay } else { enter };
                    if at_cap { 0.0075 } else { 0.0 }
                })
                .collect();
            let fit = fitted(&values, json!({})).unwrap();
            let interval = &fit.values["hit_share_interval"];
            covered += u32::from((interval[0].as_f64().unwrap()..=interval[1].as_f64().unwrap()).contains(&truth));
        }
        assert!((f64::from(covered) / f64::from(runs) - 0.95).abs() < 0.05, "{covered}");
    }

    #[test]
    fn the_sample_has_the_chances_that_it_was_made_with() {
        let fit = trial::case(include_str!("../cases/nr-15.toml"), &[("symbol", "SOL-PERP")]);
        assert!((trial::number(&fit, "enter_probability") - 0.02).abs() < 0.015);
        assert!((trial::number(&fit, "stay_probability") - 0.6).abs() < 0.2);
    }
}
