//! From the neighbours of a request to the evidence for one of them.

use crate::domain::agreement::AgreementKey;
use crate::domain::calibration::Evidence;
use crate::limits::EVIDENCE_NEIGHBOURS_MAX;

/// The widest margin that counts. A lead of more says no more.
pub const MARGIN_MAX: f32 = 0.3;

/// How fast the weight of a neighbour falls with its distance behind the nearest: by half for each 0.035 of cosine.
const SHARPNESS: f32 = 20.0;

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
    let top = nearest.iter().map(|n| n.fresh_similarity).fold(candidate.fresh_similarity, f32::max);
    let (mut all, mut agreed, mut sum, mut agreeing) = (0.0_f32, 0.0_f32, 0.0_f32, 0_u8);
    let (mut rival, mut last) = (f32::NEG_INFINITY, candidate.fresh_similarity);
    for neighbour in nearest {
        let weight = (SHARPNESS * (neighbour.fresh_similarity - top)).exp();
        all += weight;
        sum += neighbour.fresh_similarity;
        last = last.min(neighbour.fresh_similarity);
        if neighbour.decision == candidate.decision {
            agreed += weight;
            agreeing += 1;
        } else {
            rival = rival.max(neighbour.fresh_similarity);
        }
    }
    let unanimous = rival == f32::NEG_INFINITY;
    let lead = if !unanimous {
        candidate.fresh_similarity - rival
    } else if nearest.len() < EVIDENCE_NEIGHBOURS_MAX {
        // There is no more to look at, and nothing of it contradicts.
        MARGIN_MAX
    } else {
        // What contradicts lies somewhere behind the last that was looked at.
        candidate.fresh_similarity - last
    };
    Evidence {
        fresh_similarity: candidate.fresh_similarity,
        similarity: candidate.similarity,
        margin: lead.clamp(-MARGIN_MAX, MARGIN_MAX),
        unanimous,
        agreement: if all > 0.0 { agreed / all } else { 1.0 },
        agreeing,
        spread: if nearest.is_empty() { 0.0 } else { candidate.fresh_similarity - sum / nearest.len() as f32 },
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
        // The weights are 1, e^-1, e^-2 and e^-4.
        assert!((evidence.agreement - 1.3679 / 1.5215).abs() < 1e-3, "{evidence:?}");
        assert!((evidence.spread - (0.9 - 3.25 / 4.0)).abs() < 1e-6);
        assert_eq!((evidence.agreeing, evidence.neighbours, evidence.unanimous), (2, 4, false));
        assert_eq!((evidence.age_sec, evidence.unread), (5, 0.25));
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
        assert_eq!((evidence.margin, evidence.agreement, evidence.unanimous), (MARGIN_MAX, 1.0, true));
    }

    #[test]
    fn among_eight_that_agree_the_margin_reaches_to_the_last() {
        let all: Vec<_> = (0..8_u8).map(|i| neighbour(0.9 - f32::from(i) / 100.0, "a")).collect();
        assert!((gather(all[0], &all, ASIDE).margin - 0.07).abs() < 1e-6);
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
            prop_assert!((-MARGIN_MAX..=MARGIN_MAX).contains(&evidence.margin));
            prop_assert!((0.0..=1.0).contains(&evidence.agreement));
        }
    }
}
