//! What each request would have met, had every request before it been stored.
//!
//! All rows are stored, hit or miss, so that the samples don't depend on floors that are still to be chosen. Nothing is served, hence
//! nothing is missing where an earlier setting would have answered.

use super::sets::{Set, Source};
use crate::budget::evidence::{self, Aside, Neighbour};
use crate::budget::fit::Labelled;
use crate::domain::answer::Gate;
use crate::domain::strategy::Thresholds;
use crate::domain::text::FreshText;
use crate::domain::time::Timestamp;
use crate::eval::dataset::{Pair, Row};
use crate::eval::decision::same_decision;
use crate::eval::observe::{Near, Observer, Sample};
use crate::eval::workbench::{EvalError, Workbench};
use crate::eval::{pairs, stream};
use crate::facts::{self, Lexicon};
use crate::limits::EVIDENCE_NEIGHBOURS_MAX;
use std::time::Instant;

/// The floors while samples are gathered: low enough that what lies below is never right, and the model may see what lies above.
pub const LOW: Thresholds = Thresholds { tau: 0.3, tau_fresh: 0.3 };

/// What one request met.
#[derive(Debug, Default)]
pub struct Asked {
    near: Vec<Near>,
    unread: f32,
    // The very same text in the same context is served before anything near is looked at.
    exact: bool,
    /// Microseconds from the embedded question to its candidates; 0 where nobody looked at the clock.
    pub took_us: u64,
}

impl Asked {
    fn of(near: Vec<Near>, unread: f32) -> Self {
        let exact = near.iter().any(|n| n.same_text && let_through(n) && n.similarity > 1.0 - 1e-4);
        Self { near, unread, exact, took_us: 0 }
    }

    /// The candidate that gates and floors would let through, with its evidence, and whether it is right.
    pub fn sample(&self, floors: Thresholds) -> Option<Labelled> {
        let clears = |near: &&Near| near.similarity >= floors.tau && near.fresh_similarity >= floors.tau_fresh;
        let candidate = self.near.iter().filter(clears).find(|near| let_through(near))?;
        if self.exact {
            return None;
        }
        let neighbours: Vec<Neighbour> = self.near.iter().map(neighbour).collect();
        let age_sec = u64::try_from(candidate.age_ms / 1_000).unwrap_or(0);
        let evidence = evidence::gather(neighbour(candidate), &neighbours, Aside { age_sec, unread: self.unread });
        Some(Labelled { evidence, right: candidate.right })
    }
}

/// Whether every gate let a candidate pass but those whose measure is being learnt here.
fn let_through(near: &Near) -> bool {
    near.refused.is_none_or(|gate| matches!(gate, Gate::Floors | Gate::Budget))
}

fn neighbour(near: &Near) -> Neighbour {
    let Near { similarity, fresh_similarity, .. } = *near;
    Neighbour { similarity, fresh_similarity, decision: near.decision.agreement_key() }
}

/// The samples of some requests under these floors.
pub fn samples(asked: &[Asked], floors: Thresholds) -> Vec<Labelled> {
    asked.iter().filter_map(|asked| asked.sample(floors)).collect()
}

/// Asks the first `upto` requests of a set.
///
/// # Errors
/// [`EvalError`].
pub async fn gather(
    (bench, lexicon): (&Workbench, &Lexicon),
    set: &Set<'_>,
    upto: usize,
    tick: &mut dyn FnMut(usize),
) -> Result<Vec<Asked>, EvalError> {
    match &set.source {
        Source::Stream(rows) => of_stream((bench, lexicon), rows.get(..upto).unwrap_or(rows), tick).await,
        Source::Pairs(pairs) => of_pairs((bench, lexicon), pairs.get(..upto).unwrap_or(pairs), tick).await,
    }
}

async fn of_stream(
    (bench, lexicon): (&Workbench, &Lexicon),
    rows: &[Row],
    tick: &mut dyn FnMut(usize),
) -> Result<Vec<Asked>, EvalError> {
    let pipeline = stream::opened(bench, rows.iter(), LOW).await?;
    let mut all = Vec::with_capacity(rows.len());
    for (index, row) in rows.iter().enumerate() {
        tick(index);
        let question = stream::arrive(&pipeline, row, index).await?;
        let right = |found: &_| same_decision(found, &row.decision);
        // Embedded before the clock starts, and not again after it; what can't be embedded is told of below.
        drop(bench.vector(&question.text).await);
        let since = Instant::now();
        let found = stream::candidates(&pipeline, &question, EVIDENCE_NEIGHBOURS_MAX, &right).await;
        let took_us = u64::try_from(since.elapsed().as_micros()).unwrap_or(u64::MAX);
        let asked = match found {
            Err(error) if error.is_unembeddable_text() => Asked::default(),
            near => Asked::of(near?, unread((bench, lexicon), &question.text, question.as_of)),
        };
        all.push(Asked { took_us, ..asked });
        stream::remember(&pipeline, &question, row).await?;
    }
    Ok(all)
}

async fn of_pairs(
    (bench, lexicon): (&Workbench, &Lexicon),
    all: &[Pair],
    tick: &mut dyn FnMut(usize),
) -> Result<Vec<Asked>, EvalError> {
    let mut watched = Watched { all: Vec::new(), of: (bench, lexicon) };
    watched.all.resize_with(all.len(), Asked::default);
    pairs::replay(bench, all, LOW, &mut watched, tick).await?;
    Ok(watched.all)
}

/// Keeps what each pair met.
struct Watched<'a> {
    all: Vec<Asked>,
    of: (&'a Workbench, &'a Lexicon),
}

impl Observer for Watched<'_> {
    fn candidates(&self) -> usize {
        EVIDENCE_NEIGHBOURS_MAX
    }

    fn observe(&mut self, sample: &Sample<'_>) {
        let asked = Asked::of(sample.candidates.to_vec(), unread(self.of, sample.text, sample.as_of));
        if let Some(place) = self.all.get_mut(sample.index) {
            *place = asked;
        }
    }
}

/// The share of a text's words that the reader of facts doesn't know, as the pipeline takes it.
fn unread((bench, lexicon): (&Workbench, &Lexicon), text: &FreshText, as_of: Timestamp) -> f32 {
    if !bench.strategy().facts.enabled {
        return 0.0;
    }
    facts::read(text.as_str(), as_of, lexicon).unread_share()
}
