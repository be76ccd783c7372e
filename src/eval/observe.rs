//! Watching a replay: what each request saw, for whoever learns from it.

use crate::domain::answer::Gate;
use crate::domain::decision::Payload;
use crate::domain::text::FreshText;
use crate::domain::time::Timestamp;

/// A remembered entry near a request, before anything was served.
#[derive(Debug, Clone)]
pub struct Near {
    /// Cosine of the composed vectors.
    pub similarity: f32,
    /// Cosine of the fresh vectors.
    pub fresh_similarity: f32,
    /// Whether its text is the very same.
    pub same_text: bool,
    /// What it would answer.
    pub decision: Payload,
    /// Milliseconds between the moment that it speaks of and that of the request.
    pub age_ms: i64,
    /// The first gate that turns it away; `None` where it would be served.
    pub refused: Option<Gate>,
    /// Whether its decision is the one that the row is labelled with.
    pub right: bool,
}

/// One request of a replay.
#[derive(Debug)]
pub struct Sample<'a> {
    /// Its place in the replay, from 0.
    pub index: usize,
    /// The fresh text.
    pub text: &'a FreshText,
    /// The moment that it speaks of.
    pub as_of: Timestamp,
    /// The nearest entries, nearest first, as many as [`Observer::candidates`] asked for.
    pub candidates: &'a [Near],
    /// Whether what was served was right; `None` where nothing was.
    pub served: Option<bool>,
}

/// Who is told of each request, after its answer and before its row is stored.
pub trait Observer {
    /// How many candidates it wants to see; with 0 none are looked for, and the replay is quicker.
    fn candidates(&self) -> usize;

    /// Is told.
    fn observe(&mut self, sample: &Sample<'_>);
}

/// Watches nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Nobody;

impl Observer for Nobody {
    fn candidates(&self) -> usize {
        0
    }

    fn observe(&mut self, _: &Sample<'_>) {}
}
