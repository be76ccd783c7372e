//! Bounds on a share of which a sample was counted.
//!
//! Counts may be fractions, for old samples fade; the formulas hold for real numbers as they stand.

use statrs::function::beta::checked_beta_reg;

/// Halvings of the interval in which a quantile is sought: past fifty the ends are neighbouring floats.
const HALVINGS: usize = 60;

/// How likely it is to see at most `wrong` of `n` where the share of wrong ones is `share` (the exact binomial test). A small value speaks
/// for a share below that.
pub fn at_most(wrong: f64, n: f64, share: f64) -> f64 {
    if n <= 0.0 || wrong >= n {
        return 1.0;
    }
    // The tail of the binomial distribution is the regularised incomplete beta function.
    beta(n - wrong, wrong + 1.0, 1.0 - share)
}

fn beta(a: f64, b: f64, x: f64) -> f64 {
    // It fails only for arguments out of range. One proves nothing, which is the safe answer.
    checked_beta_reg(a, b, x.clamp(0.0, 1.0)).unwrap_or(1.0)
}

/// The exact one-sided upper bound of a share (Clopper and Pearson 1934): but for one sample in 1 / `level` the share is below it.
pub fn upper(wrong: f64, n: f64, level: f64) -> f64 {
    if n <= 0.0 || wrong >= n {
        return 1.0;
    }
    if wrong <= 0.0 {
        return 1.0 - level.powf(1.0 / n);
    }
    // The least share at which so few wrong ones are unlikely.
    halve(|share| at_most(wrong, n, share) > level)
}

/// The exact one-sided lower bound of a share (Clopper and Pearson 1934).
pub fn lower(wrong: f64, n: f64, level: f64) -> f64 {
    if n <= 0.0 || wrong <= 0.0 {
        return 0.0;
    }
    // The greatest share at which so many wrong ones are unlikely.
    halve(|share| beta(wrong, n - wrong + 1.0, share) < level)
}

/// Where a condition on a share that begins true becomes false.
fn halve(holds: impl Fn(f64) -> bool) -> f64 {
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..HALVINGS {
        let middle = f64::midpoint(low, high);
        if holds(middle) {
            low = middle;
        } else {
            high = middle;
        }
    }
    high
}

/// The two-sided interval of Wilson (1927) at `z` standard deviations, to be shown: it is never empty and stays within 0 and 1.
pub fn wilson(wrong: f64, n: f64, z: f64) -> (f64, f64) {
    if n <= 0.0 {
        return (0.0, 1.0);
    }
    let (share, square) = (wrong / n, z * z);
    let middle = share + square / (2.0 * n);
    let half = z * (share * (1.0 - share) / n + square / (4.0 * n * n)).sqrt();
    let scale = 1.0 + square / n;
    (((middle - half) / scale).max(0.0), ((middle + half) / scale).min(1.0))
}

/// Standard deviations of a two-sided interval of 95%.
pub const Z_95: f64 = 1.959_963_984_540_054;

/// How many samples, all of them right, prove that the share of wrong ones is at most `share`.
pub fn least_samples(share: f64, level: f64) -> f64 {
    (level.ln() / (1.0 - share).ln()).ceil()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn near(a: f64, b: f64) {
        assert!((a - b).abs() < 1e-5, "{a} is not {b}");
    }

    /// The tail of the binomial distribution, summed term by term.
    fn summed(wrong: u32, n: u32, share: f64) -> f64 {
        // In logarithms, since the first terms of a long sum are too small for a float.
        let mut term = f64::from(n) * (1.0 - share).ln();
        let mut sum = term.exp();
        for k in 0..wrong {
            term += (f64::from(n - k) / f64::from(k + 1) * share / (1.0 - share)).ln();
            sum += term.exp();
        }
        sum
    }

    #[test]
    fn the_bounds_are_those_of_published_tables() {
        // Two-sided 95% of 10 in 100 and one-sided 95% of 0 in 300, "the rule of three".
        near(lower(10.0, 100.0, 0.025), 0.049_005);
        near(upper(10.0, 100.0, 0.025), 0.176_223);
        near(upper(0.0, 300.0, 0.05), 0.009_936);
        let (low, high) = wilson(10.0, 100.0, Z_95);
        near(low, 0.055_229);
        near(high, 0.174_368);
    }

    #[test]
    fn nothing_counted_says_nothing() {
        near(upper(0.0, 0.0, 0.05), 1.0);
        near(lower(0.0, 0.0, 0.05), 0.0);
        near(at_most(0.0, 0.0, 0.01), 1.0);
        assert_eq!(wilson(0.0, 0.0, Z_95), (0.0, 1.0));
        near(upper(5.0, 5.0, 0.05), 1.0);
    }

    #[test]
    fn two_hundred_and_ninety_nine_right_ones_prove_one_in_a_hundred() {
        near(least_samples(0.01, 0.05), 299.0);
        assert!(upper(0.0, 299.0, 0.05) <= 0.01 && upper(0.0, 298.0, 0.05) > 0.01);
    }

    #[test]
    fn large_counts_are_as_exact_as_small_ones() {
        for (wrong, n) in [(80, 10_000), (950, 100_000), (4_900, 500_000)] {
            near(at_most(f64::from(wrong), f64::from(n), 0.01), summed(wrong, n, 0.01));
        }
    }

    proptest! {
        #[test]
        fn the_test_is_the_sum_of_the_binomial_distribution(n in 1_u32..400, part in 0.0_f64..1.0, share in 0.001_f64..0.5) {
            let wrong = (f64::from(n) * part) as u32;
            let summed = if wrong == n { 1.0 } else { summed(wrong, n, share) };
            prop_assert!((at_most(wrong.into(), n.into(), share) - summed).abs() < 1e-9);
        }

        #[test]
        fn a_bound_keeps_to_the_budget_just_where_the_test_says_so(n in 1_u32..5_000, wrong in 0_u32..40, share in 0.002_f64..0.3) {
            let (wrong, n) = (f64::from(wrong.min(n)), f64::from(n));
            let bound = upper(wrong, n, 0.05);
            prop_assume!((bound - share).abs() > 1e-9);
            prop_assert_eq!(bound <= share, at_most(wrong, n, share) <= 0.05);
        }

        #[test]
        fn the_lower_bound_is_below_the_share_and_the_upper_above_it(n in 1_u32..2_000, part in 0.0_f64..=1.0) {
            let n = f64::from(n);
            let wrong = (n * part).floor();
            prop_assert!(lower(wrong, n, 0.05) <= wrong / n && wrong / n <= upper(wrong, n, 0.05));
        }
    }
}
