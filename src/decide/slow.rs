//! The third step: the whole prompt, and the vote of near misses.

use super::fast::{Situated, matched, question_is_open};
use super::prompt::End;
use super::recall::Look;
use super::situation::{Context, Setting};
use super::{Decider, Hit, Run, micros};
use crate::cache::partition::Candidate;
use crate::domain::answer::{GateVerdict, Match, Path};
use crate::domain::deadline::Deadline;
use crate::domain::slow::SlowRules;
use crate::domain::strategy::Thresholds;
use crate::embed::EmbedError;
use crate::gates::{self, Nearness};
use crate::verify::confidence;
use std::time::Instant;

/// What the step came to.
#[derive(Debug)]
pub(super) enum Slow {
    Hit(Box<Hit>),
    /// Nothing, and why.
    Nothing(String),
    /// It was not tried, and why.
    LeftOut(String),
}

impl Decider {
    /// The decision of the nearest prompt, or else the one that the near misses of both spaces agree on. Every gate but the floors holds for
    /// each of them, and nobody answers while only exact hits may be served. `None` where the strategy asks for none of this.
    pub(super) async fn slow(
        &self,
        run: &mut Run<'_>,
        (setting, context): (&Setting, &Context),
        situated: &mut Situated,
    ) -> Option<Slow> {
        if run.strategy.slow.is_none() && run.strategy.vote.is_none() {
            return None;
        }
        if let Some(why) = run.budget.as_ref().and_then(|budget| budget.exact_only()) {
            return Some(Slow::Nothing(format!("no vote: exact hits only {why}")));
        }
        let since = Instant::now();
        let came = self.prompt_or_vote(run, (setting, context), situated).await;
        run.timing.slow = micros(since.elapsed());
        Some(came)
    }

    async fn prompt_or_vote(&self, run: &mut Run<'_>, (setting, context): (&Setting, &Context), situated: &mut Situated) -> Slow {
        let (mut prompts, mut seen) = (Vec::new(), String::new());
        if let Some(rules) = run.strategy.slow {
            let left_ms = run.request.deadline.remaining().as_millis();
            if left_ms < u128::from(rules.least_ms) {
                seen = format!("prompts are not compared with {left_ms} ms of {} left", rules.least_ms);
                if run.strategy.vote.is_none() {
                    return Slow::LeftOut(seen);
                }
            } else if let Err(error) = self.embed_prompt(run, context, situated).await {
                seen = format!("its prompt was not embedded: {error}");
            } else {
                prompts = self.near_prompts(Look::of(run, setting), situated, &rules).await;
                if let Some(hit) = self.answers_alone(run, situated, &prompts, &rules) {
                    return Slow::Hit(Box::new(hit));
                }
                seen = told(&prompts, &rules);
            }
        }
        let rules = run.strategy.vote.unwrap_or_default();
        match self.vote(run, (setting, situated), &prompts, &rules).await {
            Ok(hit) => Slow::Hit(Box::new(hit)),
            Err(why) if seen.is_empty() => Slow::Nothing(why),
            Err(why) => Slow::Nothing(format!("{seen}; {why}")),
        }
    }

    /// Embeds the prompt, within half of what is left: the other half is the engine's, which comes next.
    async fn embed_prompt(&self, run: &Run<'_>, context: &Context, situated: &mut Situated) -> Result<(), EmbedError> {
        let deadline = Deadline::after(run.request.deadline.remaining() / 2);
        let end = End { tenant: &run.caller.tenant, text: &run.request.text, known: &situated.known };
        situated.prompt = Some(self.prompt(&run.strategy, context, end, deadline).await?);
        Ok(())
    }

    async fn near_prompts(&self, look: Look<'_>, situated: &Situated, rules: &SlowRules) -> Vec<Candidate> {
        match &situated.prompt {
            Some(prompt) => self.nearest_prompts(look, prompt, rules.candidates).await,
            None => Vec::new(),
        }
    }

    /// The decision of the nearest prompt that clears its floor and that the gates let through.
    fn answers_alone(&self, run: &mut Run<'_>, situated: &Situated, prompts: &[Candidate], rules: &SlowRules) -> Option<Hit> {
        // Where only the vote may answer no single entry may; nor where the budget has held one back, for what is proven of the nearest
        // text is not proven of the nearest prompt.
        if run.strategy.vote.is_some_and(|vote| vote.alone) || run.held_back.is_some() {
            return None;
        }
        prompts.iter().take_while(|candidate| candidate.similarity >= rules.tau_prompt).find_map(|candidate| {
            let fresh_similarity = candidate.live.fresh_similarity(&situated.known.vector);
            let near = Nearness { similarity: candidate.similarity, fresh_similarity };
            let may_answer = self.passes_beyond_floors(run, &candidate.live, near)
                && question_is_open(run, &situated.known, &candidate.live, near);
            may_answer.then(|| alone(run, candidate, near, rules))
        })
    }
}

fn alone(run: &Run<'_>, candidate: &Candidate, near: Nearness, rules: &SlowRules) -> Hit {
    let entry = &candidate.live.entry;
    let floors = Thresholds { tau: rules.tau_prompt, ..run.strategy.floors() };
    Hit {
        path: Path::Slow,
        decision: entry.decision.clone(),
        confidence: confidence::of_near(near.similarity, near.fresh_similarity, floors),
        matched: Some(Match { tau: rules.tau_prompt, ..matched(run, entry, near, beyond_floors()) }),
        weighed: None,
    }
}

/// The gates that a candidate of this step has passed, in order.
pub(super) fn beyond_floors() -> Vec<GateVerdict> {
    gates::PASSED.into_iter().skip(1).collect()
}

/// What the prompts came to, where none answers.
fn told(prompts: &[Candidate], rules: &SlowRules) -> String {
    match prompts.first() {
        None => "no prompt is remembered".to_owned(),
        Some(nearest) if nearest.similarity < rules.tau_prompt => {
            format!("the nearest prompt has {:.3} of {:.3}", nearest.similarity, rules.tau_prompt)
        }
        Some(nearest) => format!("the nearest prompt has {:.3}, and none may answer alone", nearest.similarity),
    }
}
