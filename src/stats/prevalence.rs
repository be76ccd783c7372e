//! What a detector's share of findings says about the true share: correction for its sensitivity and specificity.

use super::StatsError;
use super::interval::{Interval, normal_quantile};
use super::proportion::{Proportion, wilson};

/// How a detector did on cases whose truth is known.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Validation {
    /// Cases that are truly so.
    pub positives: f64,
    /// How many of these it found.
    pub found: f64,
    /// Cases that are truly not so.
    pub negatives: f64,
    /// How many of these it left alone.
    pub cleared: f64,
}

/// A share as a detector shows it and as it truly may be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Prevalence {
    /// What the detector found, with Wilson's interval.
    pub apparent: Proportion,
    /// Corrected for what it misses and for its false alarms, cut to [0, 1].
    pub corrected: Proportion,
    /// The standard error of the corrected share.
    pub standard_error: f64,
    /// Which share of true cases it finds, with Wilson's interval.
    pub sensitivity: Proportion,
    /// Which share of others it leaves alone, with Wilson's interval.
    pub specificity: Proportion,
    /// Whether the correction went below 0 or above 1: the detector's errors explain what it found, or more.
    pub cut: bool,
}

/// The estimator of Rogan and Gladen (1978), "Estimating prevalence from the results of a screening test", American Journal of
/// Epidemiology 107:71–76, its standard error by their delta method with sensitivity and specificity estimated, and the interval
/// of Lang and Reiczigel (2014), "Confidence limits for prevalence of disease adjusted for estimated sensitivity and
/// specificity", Preventive Veterinary Medicine 113:13–22, section 2.
///
/// `trials` may be an effective number where trials come in clusters.
///
/// # Errors
/// [`StatsError`] where there is no trial or no validation, or where the detector is no better than chance.
pub fn rogan_gladen(flagged: f64, trials: f64, validation: &Validation, level: f64) -> Result<Prevalence, StatsError> {
    let apparent = wilson(flagged, trials, level)?;
    let sensitivity = wilson(validation.found, validation.positives, level)?;
    let specificity = wilson(validation.cleared, validation.negatives, level)?;
    let (se, sp, p) = (sensitivity.estimate, specificity.estimate, apparent.estimate);
    let youden = se + sp - 1.0;
    // With Youden's index at or below 0 a finding says nothing, or the contrary.
    if youden <= 0.05 {
        return Err(StatsError::Setting {
            name: "validation",
            wanted: "sensitivity and specificity that add up to more than 1.05",
        });
    }
    let raw = (p + sp - 1.0) / youden;
    let variance = |p: f64, n: f64, of: f64, se: f64, n_se: f64, sp: f64, n_sp: f64| {
        let index = se + sp - 1.0;
        let parts = p * (1.0 - p) / n + of * of * se * (1.0 - se) / n_se + (1.0 - of).powi(2) * sp * (1.0 - sp) / n_sp;
        parts.max(0.0).sqrt() / index
    };
    let standard_error = variance(p, trials, raw.clamp(0.0, 1.0), se, validation.positives, sp, validation.negatives);

    let z = normal_quantile(level)?;
    let (n, n_se, n_sp) = (trials + z * z, validation.positives + 2.0, validation.negatives + 2.0);
    let p_star = (flagged + z * z / 2.0) / n;
    let (se_star, sp_star) = ((validation.found + 1.0) / n_se, (validation.cleared + 1.0) / n_sp);
    if se_star + sp_star <= 1.0 {
        return Err(StatsError::Setting { name: "validation", wanted: "more cases whose truth is known" });
    }
    let centre = (p_star + sp_star - 1.0) / (se_star + sp_star - 1.0);
    let shift = 2.0 * z * z * (centre * se_star * (1.0 - se_star) / n_se - (1.0 - centre) * sp_star * (1.0 - sp_star) / n_sp);
    let half = z * variance(p_star, n, centre, se_star, n_se, sp_star, n_sp);
    let interval = Interval { low: centre + shift - half, high: centre + shift + half }.within(0.0, 1.0);

    let estimate = raw.clamp(0.0, 1.0);
    // The interval is centred elsewhere than the estimate and may miss it by a hair at the bounds.
    let interval = Interval { low: interval.low.min(estimate), high: interval.high.max(estimate) };
    let corrected = Proportion { estimate, interval };
    Ok(Prevalence { apparent, corrected, standard_error, sensitivity, specificity, cut: raw != estimate })
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALIDATED: Validation = Validation { positives: 200.0, found: 180.0, negatives: 400.0, cleared: 392.0 };

    #[test]
    fn a_perfect_detector_changes_nothing_and_a_known_one_is_inverted() {
        let perfect = Validation { positives: 1e9, found: 1e9, negatives: 1e9, cleared: 1e9 };
        let seen = rogan_gladen(130.0, 1_000.0, &perfect, 0.95).unwrap();
        assert!((seen.corrected.estimate - 0.13).abs() < 1e-12);
        assert!((seen.corrected.interval.low - seen.apparent.interval.low).abs() < 1e-3);
        // 0.9 · 0.2 + 0.02 · 0.8 = 0.196 is what a detector of 0.9 and 0.98 shows of a share of 0.2.
        let seen = rogan_gladen(196.0, 1_000.0, &VALIDATED, 0.95).unwrap();
        assert!((seen.corrected.estimate - 0.2).abs() < 1e-12);
        assert!(seen.standard_error > 0.0 && !seen.cut);
    }

    #[test]
    fn fewer_findings_than_false_alarms_give_none_and_say_so() {
        let seen = rogan_gladen(5.0, 1_000.0, &VALIDATED, 0.95).unwrap();
        assert!(seen.cut);
        assert_eq!(seen.corrected.estimate, 0.0);
    }

    #[test]
    fn a_detector_no_better_than_chance_is_refused() {
        let chance = Validation { positives: 100.0, found: 50.0, negatives: 100.0, cleared: 50.0 };
        assert!(matches!(rogan_gladen(5.0, 100.0, &chance, 0.95), Err(StatsError::Setting { .. })));
    }

    #[test]
    fn the_interval_covers_the_true_share_at_its_level() {
        let mut random = fastrand::Rng::with_seed(11);
        let mut draw = |n: u32, p: f64| f64::from((0..n).map(|_| u32::from(random.f64() < p)).sum::<u32>());
        let (truth, se, sp) = (0.12, 0.88, 0.97);
        let (mut covered, runs) = (0, 400);
        for _ in 0..runs {
            let validation = Validation { positives: 150.0, found: draw(150, se), negatives: 300.0, cleared: draw(300, sp) };
            let flagged = draw(800, truth * se + (1.0 - truth) * (1.0 - sp));
            covered += u32::from(rogan_gladen(flagged, 800.0, &validation, 0.95).unwrap().corrected.interval.contains(truth));
        }
        // Three binomial errors at 400 runs are 0.033.
        assert!((f64::from(covered) / f64::from(runs) - 0.95).abs() < 0.035, "{covered}");
    }
}
