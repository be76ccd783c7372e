//! From the neighbours of a request to the evidence for one of them.

use crate::domain::agreement::AgreementKey;
use crate::domain::calibration::Evidence;
use crate::limits::EVIDENCE_NEIGHBOURS_MAX;

/// The margin of a candidate that no neighbour contradicts. As far as a sentence model sets apart what has nothing in common with what is
/// the same, so that the lack of a contradiction counts as a wide margin, and not as an endless one.
pub const MARGIN_UNCONTRADICTED: f32 = 1.0;

/// What the evidence looks at in one neighbour.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Neighbour {
    /// Cosine of the composed vectors.
    pub similarity: f32,
    /// Cosine of the fresh vectors.
    pub fresh_similarity: f32,
    /// What it decided.
    pub decision: AgreementKey,
}

/// What is known of the candidate and the request beside their neighbours.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Aside {
    /// Seconds since the candidate was written.
    pub age_sec: u64,
    /// Share of the request's words that the reader of facts doesn't know.
    pub unread: f32,
}

/// The evidence for `candidate`, which is one of `neighbours`. They come nearest first, and those past the eighth are left out.
pub fn gather(candidate: Neighbour, neighbours: &[Neighbour], aside: Aside) -> Evidence {
    let nearest = neighbours.get(..EVIDENCE_NEIGHBOURS_MAX).unwrap_or(neighbours);
    let (mut all, mut agreeing, mut rival) = (0.0_f32, 0.0_f32, f32::NEG_INFINITY);
    for neighbour in nearest {
        let weight = neighbour.fresh_similarity.max(0.0);
        all += weight;
        if neighbour.decision == candidate.decision {
            agreeing += weight;
        } else {
            rival = rival.max(neighbour.fresh_similarity);
        }
    }
    let margin =
        if rival.is_finite() { (candidate.fresh_similarity - rival).min(MARGIN_UNCONTRADICTED) } else { MARGIN_UNCONTRADICTED };
    Evidence {
        fresh_similarity: candidate.fresh_similarity,
        similarity: candidate.similarity,
        margin,
        agreement: if all > 0.0 { agreeing / all } else { 1.0 },
        age_sec: aside.age_sec,
        unread: aside.unread,
        neighbours: u8::try_from(nearest.len()).unwrap_or(u8::MAX),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::decision::Decision;
    use crate::domain::decision::Refusal;
    use proptest::prelude::*;

    const ASIDE: Aside = Aside { age_sec: 5, unread: 0.25 };

    fn key(word: &str) -> AgreementKey {
        Decision::Refusal(Refusal { reason: word.to_owned() }).agreement_key()
    }

    fn neighbour(fresh_similarity: f32, word: &str) -> Neighbour {
        Neighbour { similarity: fresh_similarity, fresh_similarity, decision: key(word) }
    }

    #[test]
    fn the_margin_is_the_lead_over_the_nearest_that_decided_otherwise() {
        let all = [neighbour(0.9, "a"), neighbour(0.85, "a"), neighbour(0.8, "b"), neighbour(0.7, "c")];
        let evidence = gather(all[0], &all, ASIDE);
        assert!((evidence.margin - 0.1).abs() < 1e-6);
        assert!((evidence.agreement - 1.75 / 3.25).abs() < 1e-6);
        assert_eq!((evidence.neighbours, evidence.age_sec, evidence.unread), (4, 5, 0.25));
    }

    #[test]
    fn a_candidate_behind_one_that_decided_otherwise_has_a_negative_margin() {
        let all = [neighbour(0.9, "a"), neighbour(0.8, "b")];
        assert!(gather(all[1], &all, ASIDE).margin < 0.0);
    }

    #[test]
    fn a_candidate_that_nothing_contradicts_has_the_widest_margin() {
        let all = [neighbour(0.9, "a"), neighbour(0.8, "a")];
        let evidence = gather(all[0], &all, ASIDE);
        assert_eq!((evidence.margin, evidence.agreement), (MARGIN_UNCONTRADICTED, 1.0));
    }

    #[test]
    fn neighbours_past_the_eighth_change_nothing() {
        let mut all: Vec<_> = (0..8_u8).map(|i| neighbour(0.9 - f32::from(i) / 100.0, "a")).collect();
        let before = gather(all[0], &all, ASIDE);
        all.push(neighbour(0.5, "b"));
        assert_eq!(gather(all[0], &all, ASIDE), before);
    }

    proptest! {
        #[test]
        fn evidence_is_always_within_its_range(all in prop::collection::vec((-1.0_f32..=1.0, 0_u8..3), 1..20)) {
            let all: Vec<_> = all.into_iter().map(|(s, word)| neighbour(s, &word.to_string())).collect();
            let evidence = gather(all[0], &all, ASIDE);
            prop_assert!((-2.0..=MARGIN_UNCONTRADICTED).contains(&evidence.margin));
            prop_assert!((0.0..=1.0).contains(&evidence.agreement));
        }
    }
}
