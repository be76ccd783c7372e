//! Pairs through the pipeline: remember `a`, ask `b`, forget `a`.

use super::dataset::Pair;
use super::decision;
use super::observe::{Observer, Sample};
use super::statistics::{Judged, Latencies, Rate};
use super::stream::{Expected, Replay, candidates, judge, start};
use super::workbench::{EvalError, Question, Workbench};
use crate::decide::DecideError;
use crate::domain::decision::Payload;
use crate::domain::strategy::Thresholds;
use crate::domain::text::FreshText;
use crate::embed::EmbedError;
use serde::Serialize;

/// What became of the pairs of one class.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ClassTally {
    /// Which class.
    pub class: String,
    /// Pairs that share a decision and were served, of all that share one: the higher the better.
    pub same_served: Rate,
    /// Pairs that don't and were served all the same, of all that don't: traps, the fewer the better.
    pub different_served: Rate,
}

impl ClassTally {
    /// Counts pairs by whether they share a decision and whether they were served.
    pub fn of(class: &str, pairs: impl IntoIterator<Item = (bool, bool)>) -> Self {
        // [same][served]
        let mut counts = [[0_u64; 2]; 2];
        for (same, served) in pairs {
            counts[usize::from(same)][usize::from(served)] += 1;
        }
        let rate = |[missed, served]: [u64; 2]| Rate::new(served, missed + served);
        let [different, same] = counts;
        Self { class: class.to_owned(), same_served: rate(same), different_served: rate(different) }
    }
}

fn question(text: &FreshText) -> Question {
    Question { text: text.clone(), as_of: start(), tags: Vec::new(), context: Vec::new() }
}

/// Replays pairs, each into an empty memory, under these floors.
///
/// # Errors
/// [`EvalError`]; a text that the model makes nothing of is no error but a request without an answer.
pub async fn replay(
    bench: &Workbench,
    pairs: &[Pair],
    floors: Thresholds,
    observer: &mut dyn Observer,
    tick: &mut dyn FnMut(usize),
) -> Result<Replay, EvalError> {
    let pipeline = bench.pipeline(floors, start()).await?;
    let (mut replay, mut latencies) = (Replay::default(), Latencies::default());
    for (index, pair) in pairs.iter().enumerate() {
        tick(index);
        // What `a` decided is a matter of form: whether it is right for `b` is what the pair says.
        let Ok(decided) = decision::labelled(if pair.same { "same" } else { "different" }) else { continue };
        let entry = match pipeline.remember(&question(&pair.a), decided.clone()).await {
            Err(EvalError::Decide(DecideError::Embed(EmbedError::TextNotEmbeddable { .. }))) => {
                replay.judged.push(Judged::default());
                continue;
            }
            other => other?,
        };
        let asked = question(&pair.b);
        let right = |_: &Payload| pair.same;
        match pipeline.ask(&asked).await {
            Err(EvalError::Decide(DecideError::Embed(EmbedError::TextNotEmbeddable { .. }))) => {
                replay.judged.push(Judged::default());
            }
            Err(error) => return Err(error),
            Ok(answer) => {
                latencies.record(&answer.timing_us);
                let judged = judge(&pipeline, &answer, &right);
                replay.keep_examples(
                    &pipeline,
                    &answer,
                    &Expected { line: pair.line, decision: &decided, right: &right },
                    &asked,
                );
                if observer.candidates() > 0 {
                    let near = candidates(&pipeline, &asked, observer.candidates(), &right).await?;
                    let served = judged.served.map(|served| served.right);
                    observer.observe(&Sample { index, text: &asked.text, as_of: asked.as_of, candidates: &near, served });
                }
                replay.judged.push(judged);
            }
        }
        pipeline.forget(entry).await?;
    }
    replay.latency = latencies.stages();
    Ok(replay)
}

/// The figures of each class, in the order in which they first appear, and of all pairs together, last.
pub fn classes(pairs: &[Pair], judged: &[Judged]) -> Vec<ClassTally> {
    let mut names: Vec<&str> = Vec::new();
    for pair in pairs {
        if !names.contains(&&*pair.class) {
            names.push(&pair.class);
        }
    }
    let served = |judged: &Judged| judged.served.is_some();
    let of = |name: &str| {
        let members = pairs.iter().zip(judged).filter(|(pair, _)| pair.class == name);
        ClassTally::of(name, members.map(|(pair, judged)| (pair.same, served(judged))))
    };
    let mut classes: Vec<ClassTally> = names.iter().map(|name| of(name)).collect();
    let all = pairs.iter().zip(judged).map(|(pair, judged)| (pair.same, served(judged)));
    classes.push(ClassTally::of("all", all));
    classes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_served_counts_for_or_against_by_whether_the_pair_is_the_same() {
        let tally = ClassTally::of("flip", [(true, true), (true, false), (false, true), (false, false), (false, false)]);
        assert_eq!((tally.same_served.count, tally.same_served.of), (1, 2));
        assert_eq!((tally.different_served.count, tally.different_served.of), (1, 3));
    }
}
