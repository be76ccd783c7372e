//! Intervals by resampling for amounts with a heavy tail.
//!
//! The bootstrap-t (Efron & Tibshirani, 1993, section 12.5), where the largest √n amounts are not drawn from themselves but from Pareto's law
//! with the index that Hill (1975) estimates from them: what a sample lacks most are amounts larger than its own (Davidson & Flachaire,
//! 2007, Journal of Econometrics 141; Cowell & Flachaire, 2007, ibid.).

use crate::stats::interval::Interval;
use crate::stats::{StatsError, Stop};
use fastrand::Rng;

/// The fewest amounts for which a tail can be told from the rest.
const AMOUNTS_MIN: usize = 20;
/// Draws of amounts over all trials at the most, with which a book of a million accounts still has its trials in seconds.
const DRAWS_MAX: usize = 40_000_000;
/// The fewest trials that have quantiles.
const TRIALS_MIN: usize = 99;

/// How often is drawn anew, and by which chance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resampling {
    /// Trials; fewer for very many amounts.
    pub trials: usize,
    /// Where chance begins.
    pub seed: u64,
}

/// A law like that of a sample: its own amounts, and above them a tail.
#[derive(Debug, Clone, Copy)]
pub(super) struct Law<'a> {
    /// The amounts below the tail, rising.
    pub body: &'a [f64],
    /// The share of the amounts that is in the tail.
    pub share: f64,
    /// Where the tail begins.
    pub from: f64,
    /// The index of the tail: the chance of more than x falls as x to the power of this with its sign turned.
    pub index: f64,
}

impl<'a> Law<'a> {
    /// Of rising amounts; a tail heavier than `index_min` counts as one of it, under which what is estimated still has a meaning.
    pub fn of(sorted: &'a [f64], index_min: f64) -> Option<Self> {
        let n = sorted.len();
        if n < AMOUNTS_MIN {
            return None;
        }
        let tail = n.isqrt();
        let (body, from) = (&sorted[..n - tail], sorted[n - tail - 1]);
        let index = tail_index(sorted)?.clamp(index_min, 1_000.0);
        Some(Self { body, share: tail as f64 / n as f64, from, index })
    }

    /// The mean of a power of the amounts that is lower than the index.
    pub fn moment(&self, power: i32) -> f64 {
        let body: f64 = self.body.iter().map(|x| x.powi(power)).sum();
        let own = body / self.body.len() as f64 * (1.0 - self.share);
        own + self.share * self.from.powi(power) * self.index / (self.index - f64::from(power))
    }

    pub fn draw(&self, chance: &mut Rng, amounts: &mut [f64]) {
        for amount in amounts {
            *amount = if chance.f64() < self.share {
                self.from * (1.0 - chance.f64()).powf(-1.0 / self.index)
            } else {
                self.body[chance.usize(0..self.body.len())]
            };
        }
    }

    /// Where a quantity of the population lies, given what it is under this law, and how it and its error come out of amounts. Nothing where
    /// too few trials have an error.
    pub fn interval(
        &self,
        (sorted, truth): (&[f64], f64),
        (level, resampling): (f64, Resampling),
        of: impl Fn(&mut [f64]) -> Option<(f64, f64)>,
        stop: Stop<'_>,
    ) -> Result<Option<Interval>, StatsError> {
        let mut amounts = sorted.to_vec();
        let Some((estimate, error)) = of(&mut amounts) else { return Ok(None) };
        let trials = resampling.trials.min(DRAWS_MAX / amounts.len()).max(TRIALS_MIN);
        let mut chance = Rng::with_seed(resampling.seed);
        let mut ratios = Vec::with_capacity(trials);
        for _ in 0..trials {
            if stop() {
                return Err(StatsError::Stopped);
            }
            self.draw(&mut chance, &mut amounts);
            ratios.extend(of(&mut amounts).map(|(found, error)| (found - truth) / error).filter(|ratio| ratio.is_finite()));
        }
        if ratios.len() < trials / 2 {
            return Ok(None);
        }
        ratios.sort_by(f64::total_cmp);
        let at = |share: f64| {
            let place = (share * (ratios.len() + 1) as f64).round() as usize;
            ratios[place.clamp(1, ratios.len()) - 1]
        };
        let outside = 0.5 * (1.0 - level);
        let (low, high) = (estimate - at(1.0 - outside) * error, estimate - at(outside) * error);
        let sound = low.is_finite() && high.is_finite();
        Ok(sound.then_some(Interval { low: low.min(estimate), high: high.max(estimate) }))
    }
}

/// The index of the tail of rising amounts, by Hill (1975), Annals of Statistics 3:1163, over the largest √n: the lower, the heavier; below 2 the
/// spread of ever larger samples has no limit. Nothing where there are fewer than twenty, or no spread among the largest.
pub(super) fn tail_index(sorted: &[f64]) -> Option<f64> {
    let (n, tail) = (sorted.len(), sorted.len().isqrt());
    let from = *sorted.get(n.checked_sub(tail + 1)?)?;
    let above: f64 = sorted[n - tail..].iter().map(|x| (x / from).ln()).sum();
    let index = tail as f64 / above;
    (n >= AMOUNTS_MIN && from > 0.0 && index.is_finite()).then_some(index)
}
