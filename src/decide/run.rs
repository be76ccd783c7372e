//! A request on its way through the pipeline, with what was found so far.

use super::DecideError;
use super::budgets::{Budget, Weighed};
use crate::budget::neighbourhood::Neighbourhood;
use crate::cache::partition::LiveEntry;
use crate::domain::answer::{Explanation, Refused, TimingUs};
use crate::domain::component::Cut;
use crate::domain::facts::Facts;
use crate::domain::ids::DecisionId;
use crate::domain::request::{Caller, Request};
use crate::domain::strategy::Strategy;
use crate::domain::time::Timestamp;
use crate::domain::triage::Triaged;
use std::sync::Arc;
use std::time::Instant;

/// A request on its way through the pipeline.
#[derive(Debug)]
pub(super) struct Run<'a> {
    pub id: DecisionId,
    pub caller: &'a Caller,
    pub request: &'a Request,
    pub strategy: Arc<Strategy>,
    pub now: Timestamp,
    // Of tags, when the request came in: a deletion by tag that comes while an engine is at work ends what it decides as well.
    pub generation: u64,
    pub start: Instant,
    pub timing: TimingUs,
    pub refused: Vec<Refused>,
    pub cut: Option<Cut>,
    pub explanation: Option<Explanation>,
    pub facts: Option<Facts>,
    pub budget: Option<Arc<Budget>>,
    pub neighbourhood: Option<Arc<Neighbourhood>>,
    // The nearest candidate that the gates let through and the budget did not: what an engine decides instead tells whether it was right.
    pub held_back: Option<(Arc<LiveEntry>, Weighed)>,
    pub triaged: Option<Triaged>,
}

impl<'a> Run<'a> {
    pub(super) fn new(caller: &'a Caller, request: &'a Request, strategy: Arc<Strategy>, now: Timestamp) -> Self {
        let start = request.deadline.start();
        Self {
            id: DecisionId::new(now, fastrand::u128(..)),
            caller,
            request,
            strategy,
            now,
            generation: 0,
            start,
            timing: TimingUs::default(),
            refused: Vec::new(),
            cut: None,
            explanation: None,
            facts: None,
            budget: None,
            neighbourhood: None,
            held_back: None,
            triaged: None,
        }
    }

    /// What a caller can be told while the rest is still to come.
    pub(super) fn unfinished(&self) -> Self {
        let mut told = Self::new(self.caller, self.request, Arc::clone(&self.strategy), self.now);
        told.id = self.id;
        told.timing = self.timing;
        told.refused = self.refused.clone();
        told.cut = self.cut;
        told.budget = self.budget.clone();
        told.triaged = self.triaged.clone();
        told
    }

    /// The same run without its borrows, to go on with the same request elsewhere.
    pub(super) fn parked(self) -> impl for<'b> FnOnce(&'b Caller, &'b Request) -> Run<'b> + Send + 'static {
        let Self {
            id,
            caller: _,
            request: _,
            strategy,
            now,
            generation,
            start,
            timing,
            refused,
            cut,
            explanation,
            facts,
            budget,
            neighbourhood,
            held_back,
            triaged,
        } = self;
        move |caller, request| Run {
            id,
            caller,
            request,
            strategy,
            now,
            generation,
            start,
            timing,
            refused,
            cut,
            explanation,
            facts,
            budget,
            neighbourhood,
            held_back,
            triaged,
        }
    }

    pub(super) fn too_late(&self) -> DecideError {
        let budget = self.request.deadline.at().saturating_duration_since(self.request.deadline.start());
        DecideError::DeadlinePassed { deadline_ms: u64::try_from(budget.as_millis()).unwrap_or(u64::MAX) }
    }
}
