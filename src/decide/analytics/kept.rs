//! Results that are kept by what was asked, of which rows.

use super::held::Held;
use crate::domain::ids::TenantId;
use crate::domain::sql_value::Cell;
use crate::engine::analytics::compile::Compiled;
use crate::engine::analytics::intent::Intent;
use crate::engine::analytics::reconcile::{Derivation, Finding, Frame, Reconciliation, Signals, label};
use crate::engine::analytics::words::Asked;
use parking_lot::Mutex;
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use std::collections::VecDeque;
use std::sync::Arc;

/// What a result is kept under: equal for the same question of the same rows to the same eyes, and for nothing else.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct KeptKey {
    pub tenant: TenantId,
    /// Of role, layer, meaning and the versions of the tables.
    pub digest: [u8; 32],
}

/// What the queries of a question came to.
#[derive(Debug, Clone, PartialEq)]
pub struct Resulted {
    /// The queries.
    pub compiled: Compiled,
    /// The rows of the answer.
    pub primary: Frame,
    /// Those by other definitions, in their order; none where one could not be run.
    pub siblings: Vec<Option<Frame>>,
    /// Those without the thresholds, where there are any.
    pub relaxed: Option<Frame>,
    /// What the rules of sanity found.
    pub findings: Vec<Finding>,
    /// How the definitions compare.
    pub reconciliations: Vec<Reconciliation>,
    /// The versions of the tables, by name.
    pub versions: Vec<(String, String)>,
    /// Milliseconds that the queries took.
    pub query_ms: f64,
}

impl Resulted {
    /// What it is worth as the answer to a question that was read so; where another way to the question came to the same, misspelt words are
    /// no doubt any more.
    pub fn label(&self, asked: &Asked, confirmed: bool) -> Derivation {
        let mut assumptions = asked.assumptions.clone();
        assumptions.extend(self.compiled.primary.assumptions.iter().filter(|own| !asked.assumptions.contains(own)).cloned());
        label(&Signals {
            findings: self.findings.clone(),
            reconciliations: self.reconciliations.clone(),
            assumptions,
            corrections: if confirmed { Vec::new() } else { asked.corrections.clone() },
            attributed: self.compiled.primary.attributed,
            overlapping: self.compiled.primary.overlapping,
            ..Signals::default()
        })
    }

    /// Bytes that it takes in memory, about.
    pub(super) fn bytes(&self) -> u64 {
        let rows: usize = self.frames().map(frame_bytes).sum();
        let queries = std::iter::once(&self.compiled.primary).chain(&self.compiled.siblings).chain(&self.compiled.relaxed);
        let texts: usize = queries.map(|query| 2 * (query.sql.len() + query.inlined.len())).sum();
        (rows + texts + 1_024) as u64
    }

    /// All its rows.
    pub(super) fn frames(&self) -> impl Iterator<Item = &Frame> {
        std::iter::once(&self.primary).chain(self.siblings.iter().flatten()).chain(&self.relaxed)
    }

    /// The same, to be changed, in the same order.
    pub(super) fn frames_mut(&mut self) -> impl Iterator<Item = &mut Frame> {
        std::iter::once(&mut self.primary).chain(self.siblings.iter_mut().flatten()).chain(&mut self.relaxed)
    }
}

/// Bytes of memory that a frame takes, about.
pub(super) fn frame_bytes(frame: &Frame) -> usize {
    let cell = |cell: &Cell| 24 + if let Cell::Text(text) = cell { text.len() } else { 0 };
    frame.rows.iter().flatten().map(cell).sum::<usize>() + 64 * frame.rows.len()
}

#[derive(Debug, Clone)]
struct ByBytes;

impl Weighter<KeptKey, Arc<Held>> for ByBytes {
    fn weight(&self, _: &KeptKey, held: &Arc<Held>) -> u64 {
        held.bytes()
    }
}

/// Intents whose results are kept, that a coarser question is held against. Each costs some microseconds.
const LATELY_MAX: usize = 64;

/// Whose result of which rows: within one of these a result may follow from another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Scope {
    pub tenant: TenantId,
    pub role: Arc<str>,
    pub layer: [u8; 32],
}

#[derive(Debug)]
struct Lately {
    scope: Scope,
    key: KeptKey,
    intent: Intent,
}

/// The results that are kept.
#[derive(Debug)]
pub(super) struct Kept {
    results: Cache<KeptKey, Arc<Held>, ByBytes>,
    lately: Mutex<VecDeque<Lately>>,
}

impl Kept {
    /// Results at one time, about.
    const RESULTS_ABOUT: usize = 1_024;

    pub fn new(bytes_max: u64) -> Self {
        Self { results: Cache::with_weighter(Self::RESULTS_ABOUT, bytes_max, ByBytes), lately: Mutex::default() }
    }

    pub fn get(&self, key: &KeptKey) -> Option<Arc<Resulted>> {
        self.results.get(key)?.result()
    }

    /// Keeps what followed from another result.
    pub fn put(&self, key: KeptKey, result: &Arc<Resulted>) {
        self.results.insert(key, Arc::new(Held::of(result)));
    }

    /// Notes whose result is kept under a key, so that others may follow from it.
    pub fn note(&self, scope: &Scope, key: &KeptKey, intent: &Intent) {
        let mut lately = self.lately.lock();
        lately.retain(|noted| noted.key != *key);
        lately.push_front(Lately { scope: scope.clone(), key: key.clone(), intent: intent.clone() });
        lately.truncate(LATELY_MAX);
    }

    /// The results of the same scope that are kept, with what they answer, the latest first.
    pub fn near(&self, scope: &Scope) -> Vec<(Intent, Arc<Held>)> {
        let lately = self.lately.lock();
        let same = lately.iter().filter(|noted| noted.scope == *scope);
        same.filter_map(|noted| Some((noted.intent.clone(), self.results.get(&noted.key)?))).collect()
    }

    pub fn forget(&self, key: &KeptKey) {
        self.results.remove(key);
    }

    /// What is kept, else what `run` gives, once for all who ask at the same time; who fails at it leaves the next one to try.
    pub async fn get_or_run<E>(
        &self,
        key: &KeptKey,
        run: impl Future<Output = Result<Arc<Resulted>, E>>,
    ) -> Result<Arc<Resulted>, E> {
        loop {
            match self.results.get_value_or_guard_async(key).await {
                Ok(held) => match held.result() {
                    Some(result) => return Ok(result),
                    None => self.forget(key),
                },
                Err(place) => {
                    let result = run.await?;
                    // Who forgot it meanwhile wants it run again, and has this one all the same.
                    let _ = place.insert(Arc::new(Held::of(&result)));
                    return Ok(result);
                }
            }
        }
    }
}
