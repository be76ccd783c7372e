//! The vote of near misses.

use crate::domain::agreement::AgreementKey;
use crate::domain::vote::{Tally, VoteRules};

/// One entry that votes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Voter {
    /// What it decided.
    pub decision: AgreementKey,
    /// What it weighs.
    pub weight: f64,
}

/// What a vote came to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Vote {
    /// The place of the heaviest voter of the winning decision, and the tally.
    Won(usize, Tally),
    /// Too little weight, or no decision has enough of it.
    Undecided(Tally),
}

/// Counts a vote. Where no one may vote there is no evidence, and nothing is decided.
pub fn count(voters: &[Voter], rules: &VoteRules) -> Vote {
    let evidence: f64 = voters.iter().fold(0.0, |sum, voter| sum + voter.weight);
    let mut best: Option<(usize, f64)> = None;
    for (at, voter) in voters.iter().enumerate() {
        let agree = |other: &&Voter| other.decision == voter.decision;
        let for_it: f64 = voters.iter().filter(agree).map(|other| other.weight).sum();
        // Each decision counts a third more often than it came up, so that one which did not come up yet is never held impossible.
        let before = (voters.iter().filter(agree).count() as f64 + 1.0 / 3.0) / (voters.len() as f64 + 1.0);
        let share = (for_it + rules.prior * before) / (evidence + rules.prior).max(f64::MIN_POSITIVE);
        let heavier = |held: usize| voters.get(held).is_some_and(|held| held.weight >= voter.weight);
        if best.is_none_or(|(held, lead)| share > lead || (share >= lead && !heavier(held))) {
            best = Some((at, share));
        }
    }
    let (at, share) = best.unwrap_or((0, 0.0));
    let tally = Tally { voters: voters.len(), evidence, share };
    if evidence >= rules.evidence_min && share >= rules.share_min { Vote::Won(at, tally) } else { Vote::Undecided(tally) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const RULES: VoteRules = VoteRules {
        alone: false,
        voters: 8,
        floor: 0.5,
        kernel: 20.0,
        half_life_sec: Some(3_600),
        conviction_pivot: 0.75,
        conviction_gain: 10.0,
        prior: 0.5,
        evidence_min: 0.9,
        share_min: 0.75,
    };

    fn voters(all: &[(u64, f64)]) -> Vec<Voter> {
        all.iter().map(|(decision, weight)| Voter { decision: AgreementKey::from_bits(*decision), weight: *weight }).collect()
    }

    #[test]
    fn the_winner_is_served_from_its_heaviest_voter() {
        let all = voters(&[(1, 0.4), (2, 0.2), (1, 0.9), (1, 0.1)]);
        let Vote::Won(at, tally) = count(&all, &RULES) else { panic!("{:?}", count(&all, &RULES)) };
        assert_eq!((at, tally.voters), (2, 4));
        assert!((tally.evidence - 1.6).abs() < 1e-12);
        assert!((tally.share - (1.4 + 0.5 * (3.0 + 1.0 / 3.0) / 5.0) / 2.1).abs() < 1e-12);
    }

    #[test]
    fn voters_that_disagree_or_weigh_too_little_decide_nothing() {
        for all in [&[(1, 0.6), (2, 0.6)][..], &[(1, 0.3), (1, 0.3)], &[]] {
            assert!(matches!(count(&voters(all), &RULES), Vote::Undecided(_)), "{all:?}");
        }
    }

    #[test]
    fn weight_falls_with_distance_and_age_and_rises_with_conviction() {
        let base = RULES.weight(0.95, 1_800.0, Some(0.75));
        assert!(RULES.weight(0.90, 1_800.0, Some(0.75)) < base && RULES.weight(0.95, 3_600.0, Some(0.75)) < base);
        assert!(RULES.weight(0.95, 1_800.0, Some(0.85)) > base);
        assert!(RULES.weight(0.95, 1_800.0, Some(0.1)).abs() < 1e-12, "a conviction far below the pivot has no vote");
        assert!((RULES.weight(1.0, 3_600.0, None) - 0.5).abs() < 1e-12);
    }

    proptest! {
        #[test]
        fn a_winner_always_has_enough_evidence_and_share(all in prop::collection::vec((0_u64..3, 0.0_f64..2.0), 0..12)) {
            let all = voters(&all);
            if let Vote::Won(at, tally) = count(&all, &RULES) {
                prop_assert!(tally.evidence >= RULES.evidence_min && tally.share >= RULES.share_min);
                let winner = all[at];
                prop_assert!(all.iter().filter(|v| v.decision == winner.decision).all(|v| v.weight <= winner.weight));
            }
        }

        #[test]
        fn the_order_of_the_voters_changes_nothing_but_who_stands_for_them(all in prop::collection::vec((0_u64..3, 0.0_f64..2.0), 1..12)) {
            let forth = voters(&all);
            let back: Vec<Voter> = forth.iter().rev().copied().collect();
            let (a, b) = (count(&forth, &RULES), count(&back, &RULES));
            prop_assert_eq!(matches!(a, Vote::Won(..)), matches!(b, Vote::Won(..)));
            if let (Vote::Won(x, _), Vote::Won(y, _)) = (a, b) {
                prop_assert_eq!(forth[x].decision, back[y].decision);
            }
        }
    }
}
