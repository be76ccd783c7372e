//! The part that nothing was learnt from, through the pipeline that serves.

use super::sets::{Set, Source};
use crate::domain::answer::Path;
use crate::eval::baseline::{self, Run, Stored};
use crate::eval::evaluate::points;
use crate::eval::observe::Nobody;
use crate::eval::statistics::{Rate, Served, Tally};
use crate::eval::workbench::{EvalError, Workbench};
use crate::eval::{pairs, stream};
use serde::Serialize;

/// What a memory holds when a trial begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Memory {
    /// All that was learnt from, as after an operator has loaded it.
    Learnt,
    /// Nothing.
    Empty,
}

/// The figures of one way to answer, on the part that nothing was learnt from.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Outcome {
    /// Its name.
    pub name: String,
    /// What it does, in words.
    pub does: String,
    /// Its figures.
    pub tally: Tally,
    /// Wrong answers of all answers.
    pub wrong_of_hits: Rate,
    /// Wrong answers of those by meaning, which is what an error budget bounds.
    pub wrong_by_meaning: Rate,
}

impl Outcome {
    /// The figures of a run.
    pub fn of(name: &str, does: &str, run: &Run) -> Self {
        let wrong = |only_near: bool| {
            let counted = run.iter().flatten().filter(|served| !only_near || served.path != Path::Exact);
            let (n, wrong) = counted.fold((0, 0), |(n, wrong), served| (n + 1, wrong + u64::from(!served.right)));
            Rate::new(wrong, n)
        };
        let (name, does) = (name.to_owned(), does.to_owned());
        Self { name, does, tally: Tally::of(run), wrong_of_hits: wrong(false), wrong_by_meaning: wrong(true) }
    }
}

/// Runs the last part of every set through the pipeline of a workbench; a miss is stored.
///
/// # Errors
/// [`EvalError`].
pub async fn run(
    bench: &Workbench,
    sets: &[Set<'_>],
    memory: Memory,
    tick: &mut dyn FnMut(&str, usize, usize),
) -> Result<Run, EvalError> {
    let floors = bench.strategy().thresholds;
    let mut all = Run::new();
    for set in sets {
        let (from, of) = (set.test().start, set.test().len());
        let tick = &mut |done: usize| tick(&set.name, done, of);
        let replay = match &set.source {
            Source::Stream(rows) => {
                let (before, rows) = rows.split_at(from);
                let before = if memory == Memory::Learnt { before } else { &[] };
                stream::replay_after(bench, (before, rows), floors, &mut Nobody, tick).await?
            }
            Source::Pairs(pairs) => {
                pairs::replay(bench, pairs.get(from..).unwrap_or_default(), floors, &mut Nobody, tick).await?
            }
        };
        all.extend(replay.judged.iter().map(|judged| judged.served));
    }
    Ok(all)
}

/// What baselines without a part to learn from do on the last part of every stream, having seen the whole of it: exact match, and
/// per-entry calibration. Empty where there is no stream.
///
/// # Errors
/// [`EvalError`].
pub async fn baselines(bench: &Workbench, sets: &[Set<'_>], (budget, seed): (f64, u64)) -> Result<Vec<Outcome>, EvalError> {
    let (mut exact, mut vcache) = (Run::new(), Run::new());
    for set in sets {
        let Source::Stream(rows) = &set.source else { continue };
        let points = points(bench, rows).await?;
        let last = |run: Run| run.into_iter().skip(set.test().start).collect::<Vec<Option<Served>>>();
        exact.extend(last(baseline::exact_only(&points)));
        vcache.extend(last(baseline::vcache(&points, budget, Stored::WhereWrong, seed)));
    }
    if exact.is_empty() {
        return Ok(Vec::new());
    }
    Ok(vec![
        Outcome::of("exact match", "the decision of the very same text, and nothing else", &exact),
        Outcome::of(
            &format!("vCache δ={budget}"),
            "a logistic curve for each entry, which has watched the whole stream from its first request on",
            &vcache,
        ),
    ])
}
