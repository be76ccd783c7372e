//! The share that lasts longer than t, without assuming a shape.

use super::{Life, checked};
use crate::stats::StatsError;
use crate::stats::interval::{Interval, normal_quantile};

/// On which scale the interval of a survival curve is symmetric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scale {
    /// S ± z·s, cut to [0, 1]: the oldest.
    Plain,
    /// Symmetric in log(−log S): stays within [0, 1], and keeps its level in small samples (Kalbfleisch and Prentice 2002,
    /// section 1.4.1).
    LogLog,
}

/// The curve right after one time at which an event came.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Step {
    /// The time.
    pub time: f64,
    /// How many were at risk just before.
    pub at_risk: usize,
    /// How many events came.
    pub events: usize,
    /// The share that lasts longer than this time.
    pub survival: f64,
    /// Its standard error by Greenwood's formula.
    pub standard_error: f64,
    /// Where the true share may lie; absent after the last one at risk has gone, where the formula has no value.
    pub interval: Option<Interval>,
}

/// A quantile of the times, such as their median, with its ends where the data reach them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Quantile {
    /// The time; none where the curve never comes so low.
    pub time: Option<f64>,
    /// The lower end.
    pub low: Option<f64>,
    /// The upper end.
    pub high: Option<f64>,
}

/// The mean time up to a horizon.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RestrictedMean {
    /// The area under the curve up to the horizon.
    pub mean: f64,
    /// Its standard error.
    pub standard_error: f64,
    /// The horizon, cut to the longest time that was watched.
    pub horizon: f64,
}

/// A survival curve.
#[derive(Debug, Clone, PartialEq)]
pub struct Curve {
    /// One step for each distinct time with an event, in order.
    pub steps: Vec<Step>,
    /// How many lives it rests on.
    pub lives: usize,
    /// How many events.
    pub events: usize,
    /// The longest time watched.
    pub longest: f64,
    /// Whether every life ended in an event, so that the curve is known to the end. Where some were censored it may come to 0 as well,
    /// but only because the last one at risk had the event.
    pub complete: bool,
}

/// Kaplan and Meier (1958), "Nonparametric estimation from incomplete observations", JASA 53:457–481; the variance by Greenwood
/// (1926).
///
/// # Errors
/// [`StatsError`] without a life, for a time below 0, or a level out of range.
pub fn kaplan_meier(lives: &[Life], scale: Scale, level: f64) -> Result<Curve, StatsError> {
    checked(lives, 1)?;
    let z = normal_quantile(level)?;
    let mut sorted = lives.to_vec();
    sorted.sort_by(|a, b| a.time.total_cmp(&b.time));
    let (mut steps, mut at) = (Vec::new(), 0);
    let (mut survival, mut greenwood) = (1.0, 0.0);
    while at < sorted.len() {
        let (time, at_risk) = (sorted[at].time, sorted.len() - at);
        let same = sorted[at..].iter().take_while(|life| life.time == time);
        let (mut count, mut events) = (0, 0);
        for life in same {
            count += 1;
            events += usize::from(life.event);
        }
        at += count;
        if events == 0 {
            continue;
        }
        let (n, d) = (at_risk as f64, events as f64);
        survival *= (n - d) / n;
        greenwood += if events == at_risk { 0.0 } else { d / (n * (n - d)) };
        let interval = (events < at_risk).then(|| pointwise(survival, greenwood.sqrt(), scale, z));
        steps.push(Step { time, at_risk, events, survival, standard_error: survival * greenwood.sqrt(), interval });
    }
    let longest = sorted[sorted.len() - 1].time;
    let events: usize = steps.iter().map(|step| step.events).sum();
    Ok(Curve { steps, lives: lives.len(), events, longest, complete: events == lives.len() })
}

/// The interval of S, with `relative` the standard error of S divided by S.
fn pointwise(survival: f64, relative: f64, scale: Scale, z: f64) -> Interval {
    match scale {
        Scale::Plain => Interval::around(survival, survival * relative, z).within(0.0, 1.0),
        Scale::LogLog => {
            let power = (z * relative / survival.ln().abs()).exp();
            Interval { low: survival.powf(power), high: survival.powf(1.0 / power) }
        }
    }
}

impl Curve {
    /// The last step at or before `time`; none where no event had come yet, so that the share is 1.
    pub fn step_at(&self, time: f64) -> Option<&Step> {
        let passed = self.steps.partition_point(|step| step.time <= time);
        passed.checked_sub(1).map(|at| &self.steps[at])
    }

    /// The share that lasts longer than `time`; none beyond the longest time watched unless every life had ended.
    pub fn survival_at(&self, time: f64) -> Option<f64> {
        (time <= self.longest || self.complete).then(|| self.step_at(time).map_or(1.0, |step| step.survival))
    }

    /// The first time at which the curve is at or below `1 − share`: the median for 0.5. Its ends are the first times at which
    /// the ends of the pointwise interval are: Brookmeyer and Crowley (1982), "A confidence interval for the median survival
    /// time", Biometrics 38:29–41.
    pub fn quantile(&self, share: f64) -> Quantile {
        // A product of factors comes to 0.5 only within rounding.
        let level = 1.0 - share + 1e-12;
        let first =
            |value: fn(&Step) -> Option<f64>| self.steps.iter().find(|s| value(s).is_some_and(|v| v <= level)).map(|s| s.time);
        Quantile {
            time: first(|step| Some(step.survival)),
            low: first(|step| step.interval.map(|i| i.low)),
            high: first(|step| step.interval.map(|i| i.high)),
        }
    }

    /// The mean of min(T, horizon) as the area under the curve: Klein and Moeschberger (2003), "Survival Analysis", 2nd edition,
    /// section 4.5, formulas 4.5.1 and 4.5.2.
    pub fn restricted_mean(&self, horizon: f64) -> RestrictedMean {
        let horizon = if self.complete { horizon } else { horizon.min(self.longest) };
        let steps: Vec<&Step> = self.steps.iter().take_while(|step| step.time < horizon).collect();
        let (mut mean, mut from, mut height) = (0.0, 0.0, 1.0);
        // The area of each strip right of a step; summed from the right it is what an event at that step costs.
        let mut strips = Vec::with_capacity(steps.len());
        for (at, step) in steps.iter().enumerate() {
            mean += height * (step.time - from);
            (from, height) = (step.time, step.survival);
            let to = steps.get(at + 1).map_or(horizon, |next| next.time);
            strips.push(height * (to - from));
        }
        mean += height * (horizon - from).max(0.0);
        let (mut right, mut variance) = (0.0, 0.0);
        for (step, strip) in steps.iter().zip(&strips).rev() {
            right += strip;
            if step.events < step.at_risk {
                let (n, d) = (step.at_risk as f64, step.events as f64);
                variance += right * right * d / (n * (n - d));
            }
        }
        RestrictedMean { mean, standard_error: variance.sqrt(), horizon }
    }
}

#[cfg(test)]
mod tests {
    use super::super::known::{placebo, treated};
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_curve_of_the_treated_children_is_that_of_the_textbooks() {
        // Kalbfleisch and Prentice (2002), table 1.3; Klein and Moeschberger (2003), table 4.1A.
        let curve = kaplan_meier(&treated(), Scale::LogLog, 0.95).unwrap();
        let seen: Vec<(f64, usize)> = curve.steps.iter().map(|s| (s.time, s.at_risk)).collect();
        assert_eq!(seen, [(6.0, 21), (7.0, 17), (10.0, 15), (13.0, 12), (16.0, 11), (22.0, 7), (23.0, 6)]);
        let survival = [0.857, 0.807, 0.753, 0.690, 0.627, 0.538, 0.448];
        let errors = [0.0764, 0.0869, 0.0963, 0.1068, 0.1141, 0.1282, 0.1346];
        for ((step, s), e) in curve.steps.iter().zip(survival).zip(errors) {
            assert!((step.survival - s).abs() < 5e-4 && (step.standard_error - e).abs() < 5e-5, "{step:?}");
        }
        // The log-log interval at 10 weeks: [0.503, 0.889] of the same table's example.
        let at_ten = curve.step_at(12.0).unwrap().interval.unwrap();
        assert!((at_ten.low - 0.5032).abs() < 5e-4 && (at_ten.high - 0.8894).abs() < 5e-4, "{at_ten:?}");
        assert_eq!(curve.quantile(0.5).time, Some(23.0));
        assert_eq!(curve.quantile(0.5).low, Some(13.0));
        assert_eq!(curve.quantile(0.5).high, None);
    }

    #[test]
    fn without_censoring_the_curve_is_the_share_and_the_mean_is_the_mean() {
        let curve = kaplan_meier(&placebo(), Scale::Plain, 0.95).unwrap();
        assert_eq!(curve.quantile(0.5).time, Some(8.0));
        let step = curve.step_at(8.0).unwrap();
        assert!((step.survival - 8.0 / 21.0).abs() < 1e-12);
        assert!((step.standard_error - (8.0 / 21.0 * 13.0 / 21.0 / 21.0_f64).sqrt()).abs() < 1e-12);
        let times: Vec<f64> = placebo().iter().map(|life| life.time).collect();
        let mean = times.iter().sum::<f64>() / 21.0;
        let restricted = curve.restricted_mean(100.0);
        assert!((restricted.mean - mean).abs() < 1e-12);
        let spread = times.iter().map(|t| (t - mean).powi(2)).sum::<f64>() / 21.0 / 21.0;
        assert!((restricted.standard_error - spread.sqrt()).abs() < 1e-12);
        assert_eq!(curve.survival_at(1e9), Some(0.0));
    }

    #[test]
    fn beyond_the_longest_censored_time_nothing_is_said() {
        let curve = kaplan_meier(&treated(), Scale::LogLog, 0.95).unwrap();
        assert_eq!(curve.survival_at(36.0), None);
        assert_eq!(curve.restricted_mean(99.0).horizon, 35.0);
        assert!(kaplan_meier(&[], Scale::Plain, 0.95).is_err());
        let wrong = kaplan_meier(&[Life { time: -1.0, event: true }], Scale::Plain, 0.95).unwrap_err();
        assert_eq!(wrong.to_string(), "time, row 1: -1 is not a duration of at least 0");
    }

    #[test]
    fn a_single_life_gives_one_step_without_an_interval() {
        let curve = kaplan_meier(&[Life { time: 3.0, event: true }], Scale::LogLog, 0.95).unwrap();
        assert_eq!(curve.steps[0].interval, None);
        assert_eq!(curve.steps[0].survival, 0.0);
        let lost = kaplan_meier(&[Life { time: 3.0, event: false }], Scale::LogLog, 0.95).unwrap();
        assert!(lost.steps.is_empty());
        assert_eq!(lost.survival_at(2.0), Some(1.0));
    }

    #[test]
    fn the_interval_and_the_restricted_mean_cover_at_their_level() {
        let mut random = fastrand::Rng::with_seed(17);
        let truth = (-0.8_f64).exp();
        let restricted = 1.0 - (-0.8_f64).exp();
        let (mut curve_covers, mut mean_covers, runs) = (0, 0, 400);
        for _ in 0..runs {
            let lives: Vec<Life> = (0..150)
                .map(|_| {
                    let (t, c) = (-random.f64().ln(), 2.5 * random.f64());
                    Life { time: t.min(c), event: t <= c }
                })
                .collect();
            let curve = kaplan_meier(&lives, Scale::LogLog, 0.95).unwrap();
            curve_covers += u32::from(curve.step_at(0.8).unwrap().interval.unwrap().contains(truth));
            let mean = curve.restricted_mean(0.8);
            mean_covers += u32::from(Interval::around(mean.mean, mean.standard_error, 1.96).contains(restricted));
        }
        for covers in [curve_covers, mean_covers] {
            assert!((f64::from(covers) / f64::from(runs) - 0.95).abs() < 0.035, "{covers}");
        }
    }

    proptest! {
        #[test]
        fn a_curve_falls_from_one_and_stays_within_its_interval(lives in prop::collection::vec((0u32..40, any::<bool>()), 1..80)) {
            let lives: Vec<Life> = lives.into_iter().map(|(t, event)| Life { time: f64::from(t), event }).collect();
            for scale in [Scale::Plain, Scale::LogLog] {
                let curve = kaplan_meier(&lives, scale, 0.95).unwrap();
                let mut before = 1.0;
                for step in &curve.steps {
                    prop_assert!(step.survival < before && step.survival >= 0.0 && step.standard_error.is_finite());
                    prop_assert!(step.interval.is_none_or(|i| i.low <= step.survival + 1e-12 && i.high >= step.survival - 1e-12));
                    before = step.survival;
                }
            }
        }
    }
}
