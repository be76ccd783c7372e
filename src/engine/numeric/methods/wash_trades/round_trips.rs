//! Round trips among linked accounts.

use std::collections::HashMap;
use std::ops::RangeInclusive;

/// A trade between two accounts of one owner.
#[derive(Debug, Clone, Copy)]
pub(super) struct Passed {
    pub at_micros: i64,
    pub buyer: usize,
    pub seller: usize,
    pub quantity: f64,
}

/// What counts as a round trip.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rule {
    /// From its first to its last trade.
    pub window_micros: i64,
    /// What an account may hold more or less afterwards, as a share of the trip's largest trade.
    pub tolerance: f64,
    /// The most trades of one trip.
    pub longest_run: usize,
}

impl Rule {
    /// The shortest runs of trades, in order of time, after which each account holds what it held before; they don't overlap. An
    /// account that trades with itself is a trip of one trade.
    pub fn find(&self, trades: &[Passed]) -> Vec<RangeInclusive<usize>> {
        let mut found: Vec<RangeInclusive<usize>> = Vec::new();
        for last in 0..trades.len() {
            let free = found.last().map_or(0, |trip| trip.end() + 1);
            if let Some(first) = self.begin(trades, free, last) {
                found.push(first..=last);
            }
        }
        found
    }

    /// Goes back from `last` until all that was moved has come back.
    fn begin(&self, trades: &[Passed], free: usize, last: usize) -> Option<usize> {
        let mut net: HashMap<usize, f64> = HashMap::new();
        let mut largest: f64 = 0.0;
        let earliest = free.max((last + 1).saturating_sub(self.longest_run));
        for at in (earliest..=last).rev() {
            let trade = &trades[at];
            if trades[last].at_micros - trade.at_micros > self.window_micros {
                return None;
            }
            *net.entry(trade.buyer).or_default() += trade.quantity;
            *net.entry(trade.seller).or_default() -= trade.quantity;
            largest = largest.max(trade.quantity);
            if net.values().all(|held| held.abs() <= self.tolerance * largest) {
                return Some(at);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: Rule = Rule { window_micros: 3_600_000_000, tolerance: 0.01, longest_run: 6 };

    fn trips(trades: &[(i64, usize, usize, f64)]) -> Vec<RangeInclusive<usize>> {
        let passed = |&(minute, buyer, seller, quantity): &(i64, usize, usize, f64)| Passed {
            at_micros: minute * 60_000_000,
            buyer,
            seller,
            quantity,
        };
        RULE.find(&trades.iter().map(passed).collect::<Vec<_>>())
    }

    #[test]
    fn there_and_back_around_a_ring_and_with_itself_are_trips() {
        assert_eq!(trips(&[(0, 1, 2, 5.0), (3, 2, 1, 5.0)]), [0..=1]);
        assert_eq!(trips(&[(0, 1, 2, 5.0), (3, 2, 3, 5.0), (9, 3, 1, 5.02)]), [0..=2]);
        assert_eq!(trips(&[(0, 1, 1, 5.0)]), [0..=0]);
        // Back in two parts, then a second trip.
        assert_eq!(trips(&[(0, 1, 2, 5.0), (1, 2, 1, 2.0), (2, 2, 1, 3.0), (5, 1, 2, 1.0), (6, 2, 1, 1.0)]), [0..=2, 3..=4]);
    }

    #[test]
    fn one_way_too_late_and_other_sizes_are_none() {
        assert!(trips(&[(0, 1, 2, 5.0), (3, 1, 2, 5.0)]).is_empty());
        assert!(trips(&[(0, 1, 2, 5.0), (61, 2, 1, 5.0)]).is_empty());
        assert!(trips(&[(0, 1, 2, 5.0), (3, 2, 1, 4.0)]).is_empty());
        assert!(trips(&[]).is_empty());
    }
}
