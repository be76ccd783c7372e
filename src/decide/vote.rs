//! The third step: near misses vote.

use super::fast::{Situated, matched, question_is_open};
use super::situation::Setting;
use super::{Decider, Found, Hit, Run, micros};
use crate::cache::partition::Candidate;
use crate::domain::answer::{GateVerdict, Match, Path};
use crate::domain::vote::{Tally, VoteRules};
use crate::gates::{self, Nearness};
use crate::verify::confidence;
use crate::verify::vote::{self, Vote, Voter};
use std::time::Instant;

impl Decider {
    /// The decision that the nearest entries agree on, where each alone is not near enough. Every gate but the floors holds for a voter,
    /// none votes for a decision that was wrong for this question before, and nobody votes while only exact hits may be served.
    pub(super) fn vote(&self, run: &mut Run<'_>, setting: &Setting, situated: &Situated, rules: &VoteRules) -> Found {
        if let Some(why) = run.budget.as_ref().and_then(|budget| budget.exact_only()) {
            return Found::Nothing(format!("no vote: exact hits only {why}"));
        }
        let since = Instant::now();
        let found =
            self.semantic.partition(&setting.partition).map(|p| p.nearest(&situated.vector, rules.voters)).unwrap_or_default();
        let near = |candidate: &Candidate| Nearness {
            similarity: candidate.similarity,
            fresh_similarity: candidate.live.fresh_similarity(&situated.known.vector),
        };
        let may_vote: Vec<(Candidate, Nearness)> = found
            .into_iter()
            .filter(|candidate| candidate.similarity >= rules.floor)
            .filter_map(|candidate| {
                let near = near(&candidate);
                let may_vote = self.passes_beyond_floors(run, &candidate.live, near)
                    && question_is_open(run, &situated.known, &candidate.live, near);
                may_vote.then_some((candidate, near))
            })
            .collect();
        let voters: Vec<Voter> = may_vote.iter().map(|(candidate, _)| voter(run, candidate, rules)).collect();
        let counted = vote::count(&voters, rules);
        run.timing.slow = micros(since.elapsed());
        match counted {
            Vote::Won(at, tally) => may_vote.get(at).map_or_else(
                || Found::Nothing("nobody voted".to_owned()),
                |(candidate, near)| Found::Hit(Box::new(won(run, candidate, *near, tally))),
            ),
            Vote::Undecided(tally) => Found::Nothing(format!(
                "{} near misses did not agree: the leader's share is {:.2} of {:.2}, with evidence {:.2} of {:.2}",
                tally.voters, tally.share, rules.share_min, tally.evidence, rules.evidence_min
            )),
        }
    }
}

fn voter(run: &Run<'_>, candidate: &Candidate, rules: &VoteRules) -> Voter {
    let entry = &candidate.live.entry;
    let age_sec = run.request.as_of.millis_since(entry.as_of) as f64 / 1_000.0;
    let weight = rules.weight(candidate.similarity, age_sec, entry.decision.conviction());
    Voter { decision: entry.decision.agreement_key(), weight }
}

fn won(run: &Run<'_>, candidate: &Candidate, near: Nearness, tally: Tally) -> Hit {
    let entry = &candidate.live.entry;
    let beyond_floors = |verdict: &GateVerdict| gates::PASSED.iter().skip(1).any(|passed| passed == verdict);
    Hit {
        path: Path::Slow,
        decision: entry.decision.clone(),
        confidence: confidence::of_vote(&tally),
        matched: Some(Match {
            vote: Some(tally),
            ..matched(run, entry, near, gates::PASSED.into_iter().filter(beyond_floors).collect())
        }),
        weighed: None,
    }
}
