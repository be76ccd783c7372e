//! How long to wait before the next try: exponential backoff with full jitter (M. Brooker, "Exponential Backoff And Jitter", AWS
//! Architecture Blog, 2015). The wait is drawn evenly from nothing to a bound that doubles with each round, so that many callers who
//! failed together do not come back together.

use std::time::Duration;

/// The wait after `round` rounds of tries, with `draw` from 0 to 1.
pub(super) fn full_jitter(base: Duration, cap: Duration, round: u32, draw: f64) -> Duration {
    let bound = base.saturating_mul(1_u32.checked_shl(round).unwrap_or(u32::MAX)).min(cap);
    bound.mul_f64(draw.clamp(0.0, 1.0))
}

/// One of several by weight, with `draw` from 0 up to 1.
pub(super) fn weighted(weights: &[u32], draw: f64) -> usize {
    let total: f64 = weights.iter().map(|w| f64::from(*w)).sum();
    let mut left = draw * total;
    for (at, weight) in weights.iter().enumerate() {
        left -= f64::from(*weight);
        if left < 0.0 {
            return at;
        }
    }
    weights.len().saturating_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_bound_doubles_with_each_round_up_to_the_cap() {
        let wait = |round| full_jitter(Duration::from_millis(100), Duration::from_millis(1_000), round, 1.0).as_millis();
        assert_eq!([0, 1, 2, 3, 4, 40].map(wait), [100, 200, 400, 800, 1_000, 1_000]);
    }

    #[test]
    fn a_weight_is_a_share_of_the_draws() {
        let mut counts = [0; 3];
        for step in 0..1_000 {
            counts[weighted(&[1, 7, 2], f64::from(step) / 1_000.0)] += 1;
        }
        assert_eq!(counts, [100, 700, 200]);
    }

    proptest! {
        #[test]
        fn a_wait_is_never_longer_than_the_cap(base in 0_u64..10_000, cap in 0_u64..10_000, round in any::<u32>(), draw in 0.0..=1.0) {
            let wait = full_jitter(Duration::from_millis(base), Duration::from_millis(cap), round, draw);
            prop_assert!(wait <= Duration::from_millis(cap));
        }

        #[test]
        fn a_draw_always_names_one_of_them(weights in prop::collection::vec(1_u32..1_000, 1..16), draw in 0.0..1.0) {
            prop_assert!(weighted(&weights, draw) < weights.len());
        }
    }
}
