//! Which hits are decided again after they were served.
//!
//! The choice is by lot and by nothing else, so that the share of wrong ones among the chosen is that of all. A lot is drawn for every hit
//! on the hot path, so it costs one atomic addition.

use super::bound::least_samples;
use crate::domain::budget::BudgetRules;
use crate::domain::time::Timestamp;
use crate::limits::SHADOWS_PER_MINUTE_MAX;
use std::sync::atomic::{AtomicU64, Ordering};

/// How many times the rate is while there are too few samples to see whether the budget is kept.
const EARLY_TIMES: f64 = 5.0;

/// The odd number nearest to 2^64 over the golden ratio, whose multiples are spread evenly (Knuth, "The Art of Computer Programming" 3,
/// 6.4): the seeds of neighbouring lots are far apart.
const SPREAD: u64 = 0x9E37_79B9_7F4A_7C15;

/// Draws lots.
#[derive(Debug)]
pub struct Sampler {
    rate: f64,
    /// Samples after which the rate is no longer raised.
    enough: u64,
    seed: u64,
    drawn: AtomicU64,
    // The minute in the upper half, and how many were chosen in it in the lower.
    minute: AtomicU64,
}

impl Sampler {
    /// A sampler under `rules`; the same seed chooses the same hits.
    pub fn new(rules: &BudgetRules, seed: u64) -> Self {
        let enough = least_samples(rules.error_budget, rules.level()) as u64;
        Self { rate: rules.shadow_rate, enough, seed, drawn: AtomicU64::new(0), minute: AtomicU64::new(0) }
    }

    /// Whether this hit is decided again. `samples` is how many there are of the strategy.
    pub fn chooses(&self, samples: u64, now: Timestamp) -> bool {
        let times = if samples < self.enough { EARLY_TIMES } else { 1.0 };
        let drawn = self.drawn.fetch_add(1, Ordering::Relaxed);
        let lot = fastrand::Rng::with_seed(self.seed ^ drawn.wrapping_mul(SPREAD)).f64();
        lot < self.rate * times && self.fits(now)
    }

    /// Takes one of the places of this minute.
    fn fits(&self, now: Timestamp) -> bool {
        let minute = u64::try_from(now.as_millis()).unwrap_or(0) / 60_000;
        let taken = |held: u64| {
            let count = if held >> 32 == minute { held & u64::from(u32::MAX) } else { 0 };
            (count < u64::from(SHADOWS_PER_MINUTE_MAX)).then(|| (minute << 32) | (count + 1))
        };
        self.minute.fetch_update(Ordering::Relaxed, Ordering::Relaxed, taken).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(shadow_rate: f64) -> BudgetRules {
        BudgetRules { shadow_rate, ..BudgetRules::usual(0.01, true) }
    }

    /// How many of `n` hits are chosen, one a second.
    fn chosen(sampler: &Sampler, n: u32, samples: u64) -> u32 {
        let at = |i: u32| Timestamp::from_micros(i64::from(i) * 1_000_000);
        (0..n).map(|i| u32::from(sampler.chooses(samples, at(i)))).sum()
    }

    #[test]
    fn the_share_of_the_chosen_is_the_rate_and_five_times_that_while_there_are_few() {
        // Two standard deviations are 56 of 40,000 at a rate of 0.02, and 120 at 0.1.
        let late = chosen(&Sampler::new(&rules(0.02), 1), 40_000, 1_000);
        assert!((700..900).contains(&late), "{late}");
        let early = chosen(&Sampler::new(&rules(0.02), 1), 40_000, 0);
        assert!((3_800..4_200).contains(&early), "{early}");
    }

    #[test]
    fn neighbouring_hits_are_chosen_independently_of_each_other() {
        let sampler = Sampler::new(&rules(0.1), 7);
        let lots: Vec<bool> = (0..50_000_i64).map(|i| sampler.chooses(1_000, Timestamp::from_micros(i * 1_000_000))).collect();
        let pairs = lots.windows(2).filter(|pair| pair[0] && pair[1]).count();
        assert!((400..600).contains(&pairs), "{pairs} pairs, and 500 are expected");
    }

    #[test]
    fn the_same_seed_chooses_the_same_hits_and_another_seed_others() {
        let lots = |seed| {
            let sampler = Sampler::new(&rules(0.1), seed);
            (0..500_i64).map(|i| sampler.chooses(1_000, Timestamp::from_micros(i * 1_000_000))).collect::<Vec<_>>()
        };
        assert_eq!(lots(1), lots(1));
        assert_ne!(lots(1), lots(2));
    }

    #[test]
    fn a_rate_of_zero_chooses_none_and_a_rate_of_one_all_that_fit_into_the_minute() {
        assert_eq!(chosen(&Sampler::new(&rules(0.0), 1), 10_000, 0), 0);
        let sampler = Sampler::new(&rules(1.0), 1);
        let in_one_minute = |minute: i64| {
            let at = Timestamp::from_micros(minute * 60_000_000);
            (0..1_000).filter(|_| sampler.chooses(1_000, at)).count()
        };
        assert_eq!(in_one_minute(1), SHADOWS_PER_MINUTE_MAX as usize);
        assert_eq!(in_one_minute(1), 0);
        assert_eq!(in_one_minute(2), SHADOWS_PER_MINUTE_MAX as usize);
    }
}
