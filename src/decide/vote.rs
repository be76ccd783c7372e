//! The vote of near misses, the last part of the third step.

use super::fast::{Situated, matched, question_is_open};
use super::recall::Look;
use super::situation::Setting;
use super::slow::beyond_floors;
use super::{Decider, Hit, Run};
use crate::cache::partition::Candidate;
use crate::domain::answer::{Match, Path};
use crate::domain::vote::{Tally, VoteRules};
use crate::gates::Nearness;
use crate::verify::confidence;
use crate::verify::vote::{self, Vote, Voter};

/// A candidate that is near, and its nearness on the scale of the composed vectors.
#[derive(Debug, Clone)]
struct NearMiss {
    found: Candidate,
    scaled: f32,
}

impl Decider {
    /// The decision that the nearest entries agree on, where each alone is not near enough; or why there is none. Every gate but the floors
    /// holds for a voter, and none votes for a decision that was wrong for this question before.
    pub(super) async fn vote(
        &self,
        run: &mut Run<'_>,
        (setting, situated): (&Setting, &Situated),
        prompts: &[Candidate],
        rules: &VoteRules,
    ) -> Result<Hit, String> {
        let found = self.nearest(Look::of(run, setting), &situated.vector, rules.voters).await.unwrap_or_default();
        let near = |candidate: &Candidate| Nearness {
            similarity: candidate.similarity,
            fresh_similarity: candidate.live.fresh_similarity(&situated.known.vector),
        };
        let may_vote: Vec<(NearMiss, Nearness)> = near_misses(run, found, prompts, rules)
            .into_iter()
            .filter_map(|miss| {
                let near = near(&miss.found);
                let may_vote = self.passes_beyond_floors(run, &miss.found.live, near)
                    && question_is_open(run, &situated.known, &miss.found.live, near);
                may_vote.then_some((miss, near))
            })
            .collect();
        let voters: Vec<Voter> = may_vote.iter().map(|(miss, _)| voter(run, miss, rules)).collect();
        match vote::count(&voters, rules) {
            Vote::Won(at, tally) => {
                may_vote.get(at).map(|(miss, near)| won(run, &miss.found, *near, tally)).ok_or_else(|| "nobody voted".to_owned())
            }
            Vote::Undecided(tally) => Err(format!(
                "{} near misses did not agree: the leader's share is {:.2} of {:.2}, with evidence {:.2} of {:.2}",
                tally.voters, tally.share, rules.share_min, tally.evidence, rules.evidence_min
            )),
        }
    }
}

/// Who is near enough to be asked, the nearest first: those that are by their composed vectors and, where the strategy matches prompts, those
/// that are by their prompts. One that both found counts once, as the nearer of the two.
fn near_misses(run: &Run<'_>, found: Vec<Candidate>, prompts: &[Candidate], rules: &VoteRules) -> Vec<NearMiss> {
    let tau = run.strategy.floors().tau;
    let floor = run.strategy.slow.map_or(rules.floor, |slow| rules.floor.max(tau - slow.near));
    let mut near: Vec<NearMiss> = found
        .into_iter()
        .filter(|candidate| candidate.similarity >= floor)
        .map(|candidate| NearMiss { scaled: candidate.similarity, found: candidate })
        .collect();
    let Some(slow) = run.strategy.slow else { return near };
    for candidate in prompts.iter().filter(|candidate| candidate.similarity >= slow.tau_prompt - slow.near) {
        let scaled = slow.on_the_scale_of(tau, candidate.similarity);
        let known = near.iter_mut().find(|miss| miss.found.live.entry.id == candidate.live.entry.id);
        match known {
            Some(miss) => miss.scaled = miss.scaled.max(scaled),
            None if scaled >= rules.floor => near.push(NearMiss { found: candidate.clone(), scaled }),
            None => {}
        }
    }
    near.sort_by(|a, b| b.scaled.total_cmp(&a.scaled));
    near.truncate(rules.voters);
    near
}

fn voter(run: &Run<'_>, miss: &NearMiss, rules: &VoteRules) -> Voter {
    let entry = &miss.found.live.entry;
    let age_sec = run.request.as_of.millis_since(entry.as_of) as f64 / 1_000.0;
    let weight = rules.weight(miss.scaled, age_sec, entry.decision.conviction());
    Voter { decision: entry.decision.agreement_key(), weight }
}

fn won(run: &Run<'_>, candidate: &Candidate, near: Nearness, tally: Tally) -> Hit {
    let entry = &candidate.live.entry;
    Hit {
        path: Path::Slow,
        decision: entry.decision.clone(),
        confidence: confidence::of_vote(&tally),
        matched: Some(Match { vote: Some(tally), ..matched(run, entry, near, beyond_floors()) }),
        weighed: None,
    }
}
