//! How good alarms are: precision, recall and F₁ with intervals, recall also where quiet cases are known from a sample only.

use super::StatsError;
use super::interval::{Interval, normal_quantile};
use super::proportion::{Proportion, wilson};

/// Alarms that were looked into, and quiet cases that were.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reviewed {
    /// Alarms raised in all, looked into or not.
    pub alarms: f64,
    /// Alarms looked into.
    pub alarms_reviewed: f64,
    /// Of these, right ones.
    pub right: f64,
    /// Quiet cases in all.
    pub quiet: f64,
    /// Quiet cases looked into, drawn at random.
    pub quiet_reviewed: f64,
    /// Of these, such as should have raised an alarm.
    pub missed: f64,
}

/// How good the alarms are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Detection {
    /// Which share of alarms is right, with Wilson's interval.
    pub precision: Proportion,
    /// Which share of true cases raised an alarm; none where no quiet case was looked into.
    pub recall: Option<Proportion>,
    /// The harmonic mean of both; none where there is no recall, or both are 0.
    pub f1: Option<f64>,
    /// The estimated number of true cases among the quiet ones.
    pub missed: Option<Proportion>,
}

/// Precision by Wilson's interval. Recall is A ⁄ (A + B), where A, right alarms, and B, true cases among the quiet ones, are both
/// estimated from what was looked into (stratified, as in van Rijsbergen (1979), "Information Retrieval", chapter 7); its
/// interval by the method of variance estimates recovery on log(A ⁄ B): Donner and Zou (2012), "Closed-form confidence intervals
/// for functions of the normal mean and standard deviation", Statistical Methods in Medical Research 21:347–359, from Wilson's
/// intervals of both shares.
///
/// # Errors
/// [`StatsError`] where no alarm was looked into, or counts contradict one another.
pub fn detection(reviewed: &Reviewed, level: f64) -> Result<Detection, StatsError> {
    let precision = wilson(reviewed.right, reviewed.alarms_reviewed, level)?;
    normal_quantile(level)?;
    if reviewed.alarms_reviewed > reviewed.alarms || reviewed.quiet_reviewed > reviewed.quiet {
        return Err(StatsError::Setting { name: "reviewed", wanted: "no more than there are" });
    }
    if reviewed.quiet == 0.0 || reviewed.quiet_reviewed == 0.0 {
        return Ok(Detection { precision, recall: None, f1: None, missed: None });
    }
    let share = wilson(reviewed.missed, reviewed.quiet_reviewed, level)?;
    let recall = recall_of(reviewed, &precision, &share, level);
    let f1 = recall.map(|r| (precision.estimate, r.estimate)).filter(|(p, r)| p + r > 0.0).map(|(p, r)| 2.0 * p * r / (p + r));
    let of_all = |share: f64| share * reviewed.quiet;
    let interval = Interval { low: of_all(share.interval.low), high: of_all(share.interval.high) };
    Ok(Detection { precision, recall, f1, missed: Some(Proportion { estimate: of_all(share.estimate), interval }) })
}

fn recall_of(reviewed: &Reviewed, precision: &Proportion, missed: &Proportion, level: f64) -> Option<Proportion> {
    let (a, b) = (reviewed.alarms * precision.estimate, reviewed.quiet * missed.estimate);
    if a + b <= 0.0 {
        return None;
    }
    if reviewed.alarms_reviewed == reviewed.alarms && reviewed.quiet_reviewed == reviewed.quiet {
        // Everything was looked into: recall is a share of counted cases.
        return wilson(reviewed.right, reviewed.right + reviewed.missed, level).ok();
    }
    let scaled = |of: &Proportion, all: f64| Interval { low: of.interval.low * all, high: of.interval.high * all };
    let (in_a, in_b) = (scaled(precision, reviewed.alarms), scaled(missed, reviewed.quiet));
    let share = |a: f64, b: f64| if a + b > 0.0 { a / (a + b) } else { 0.0 };
    let log_gap = |from: f64, to: f64| if from > 0.0 && to > 0.0 { (to / from).ln() } else { f64::INFINITY };
    // Where a count is 0 its logarithm has no lower end; the other's end alone bounds the share then.
    let low = match (a > 0.0, b > 0.0) {
        (false, _) => 0.0,
        (true, false) => share(in_a.low, in_b.high),
        (true, true) => share(a, b * log_gap(in_a.low, a).hypot(log_gap(b, in_b.high)).exp()),
    };
    let high = match (a > 0.0, b > 0.0) {
        (_, false) => 1.0,
        (false, true) => share(in_a.high, in_b.low),
        (true, true) => share(a, b * (-log_gap(a, in_a.high).hypot(log_gap(in_b.low, b))).exp()),
    };
    Some(Proportion { estimate: share(a, b), interval: Interval { low, high }.within(0.0, 1.0) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn with_everything_looked_into_the_shares_are_those_of_the_counts() {
        let all =
            Reviewed { alarms: 100.0, alarms_reviewed: 100.0, right: 60.0, quiet: 900.0, quiet_reviewed: 900.0, missed: 20.0 };
        let seen = detection(&all, 0.95).unwrap();
        assert!((seen.precision.estimate - 0.6).abs() < 1e-12);
        let recall = seen.recall.unwrap();
        assert!((recall.estimate - 0.75).abs() < 1e-12);
        assert!((seen.f1.unwrap() - 2.0 * 0.6 * 0.75 / 1.35).abs() < 1e-12);
        assert_eq!(recall, wilson(60.0, 80.0, 0.95).unwrap());
    }

    #[test]
    fn without_a_look_at_quiet_cases_there_is_no_recall() {
        let some = Reviewed { alarms: 10.0, alarms_reviewed: 8.0, right: 4.0, quiet: 900.0, quiet_reviewed: 0.0, missed: 0.0 };
        assert!(detection(&some, 0.95).unwrap().recall.is_none());
        assert!(detection(&Reviewed { alarms_reviewed: 0.0, right: 0.0, ..some }, 0.95).is_err());
        assert!(detection(&Reviewed { alarms_reviewed: 20.0, ..some }, 0.95).is_err());
    }

    #[test]
    fn none_missed_in_a_small_sample_leaves_recall_open_downwards() {
        let lucky =
            Reviewed { alarms: 50.0, alarms_reviewed: 50.0, right: 25.0, quiet: 5_000.0, quiet_reviewed: 100.0, missed: 0.0 };
        let recall = detection(&lucky, 0.95).unwrap().recall.unwrap();
        assert_eq!(recall.estimate, 1.0);
        assert!(recall.interval.low < 0.2, "{recall:?}");
    }

    #[test]
    fn the_interval_of_recall_covers_at_its_level() {
        let mut random = fastrand::Rng::with_seed(3);
        let mut draw = |n: u32, p: f64| f64::from((0..n).map(|_| u32::from(random.f64() < p)).sum::<u32>());
        let (alarms, quiet, right, missed) = (600.0, 20_000.0, 0.35, 0.01);
        let truth = alarms * right / (alarms * right + quiet * missed);
        let (mut covered, runs) = (0, 400);
        for _ in 0..runs {
            let seen = Reviewed {
                alarms,
                alarms_reviewed: 250.0,
                right: draw(250, right),
                quiet,
                quiet_reviewed: 1_500.0,
                missed: draw(1_500, missed),
            };
            covered += u32::from(detection(&seen, 0.95).unwrap().recall.unwrap().interval.contains(truth));
        }
        assert!((f64::from(covered) / f64::from(runs) - 0.95).abs() < 0.035, "{covered}");
    }
}
