//! The indexes that the server searches, and how each of them stands.

use super::Wanted;
use super::patience::Patience;
use crate::domain::ids::TenantId;
use crate::domain::partition::PartitionKey;
use crate::index::server::{Config, Found, IndexState, SearchError, ServerSearch, Space};
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How often a look sees to an index that doesn't answer yet.
const ENSURE_EVERY: Duration = Duration::from_secs(1);

/// The search of the server, and how it stands with its indexes.
#[derive(Debug)]
pub struct Recall {
    search: Arc<dyn ServerSearch>,
    pub(super) entries_max: usize,
    pub(super) within: Duration,
    pub(super) patience: Patience,
    known: papaya::HashMap<(TenantId, PartitionKey), Arc<Known>>,
    /// Whether the store may hold entries that a deletion by tag has ended.
    pub(in crate::decide) unswept: AtomicBool,
}

/// What is known of one index.
#[derive(Debug)]
struct Known {
    space: Space,
    ready: AtomicBool,
    state: Mutex<Result<IndexState, SearchError>>,
    ensuring: tokio::sync::Mutex<Option<Instant>>,
}

impl Recall {
    /// Looks through `search`, and keeps as much in memory as the settings say.
    pub fn new(search: Arc<dyn ServerSearch>, config: &Config) -> Self {
        Self {
            search,
            entries_max: config.entries_max,
            within: Duration::from_millis(config.timeout_ms),
            patience: Patience::default(),
            known: papaya::HashMap::new(),
            unswept: AtomicBool::new(true),
        }
    }

    /// Takes note of a space, so that its index is seen to.
    pub(super) fn know(&self, space: &Space) {
        self.known(space);
    }

    fn known(&self, space: &Space) -> Arc<Known> {
        let known = self.known.pin();
        let place = (space.tenant.clone(), space.partition);
        let new = || {
            let not_yet = SearchError::NoIndex { name: space.partition.to_string() };
            Arc::new(Known {
                space: space.clone(),
                ready: AtomicBool::new(false),
                state: Mutex::new(Err(not_yet)),
                ensuring: tokio::sync::Mutex::default(),
            })
        };
        Arc::clone(known.get_or_insert_with(place, new))
    }

    /// Sees to an index and notes how it stands.
    async fn ensure(&self, known: &Known) -> Result<IndexState, SearchError> {
        let mut last = known.ensuring.lock().await;
        *last = Some(Instant::now());
        let state = self.search.ensure(&known.space).await;
        let ready = state.as_ref().is_ok_and(IndexState::ready);
        if ready != known.ready.swap(ready, Ordering::AcqRel) || state.is_err() {
            tell(&known.space, &state);
        }
        known.state.lock().clone_from(&state);
        state
    }

    /// Sees to all indexes that are known of, and tells how each stands.
    pub(super) async fn ensure_all(&self) -> Vec<Result<IndexState, SearchError>> {
        let all: Vec<Arc<Known>> = self.known.pin().values().cloned().collect();
        let mut states = Vec::with_capacity(all.len());
        for known in all {
            states.push(self.ensure(&known).await);
        }
        states
    }

    /// Waits for nothing but one look at an index that was not ready when it was last looked at, and that not too often.
    async fn answers(&self, known: &Known) -> Result<(), SearchError> {
        if known.ready.load(Ordering::Acquire) {
            return Ok(());
        }
        let lately = |last: &Option<Instant>| last.is_some_and(|at| at.elapsed() < ENSURE_EVERY);
        let due = known.ensuring.try_lock().is_ok_and(|last| !lately(&last));
        let state = if due { self.ensure(known).await? } else { known.state.lock().clone()? };
        match state.ready() {
            true => Ok(()),
            false => Err(SearchError::Building { percent: state.built * 100.0, name: state.name }),
        }
    }

    pub(super) async fn find(&self, space: &Space, wanted: Wanted<'_>, within: Duration) -> Result<Vec<Found>, SearchError> {
        let known = self.known(space);
        self.answers(&known).await?;
        let found = match wanted {
            Wanted::SameText(text) => self.search.exact(space, text, within).await,
            Wanted::Nearest(nearest) => self.search.nearest(space, nearest, within).await,
        };
        if matches!(found, Err(SearchError::NoIndex { .. })) {
            known.ready.store(false, Ordering::Release);
        }
        found
    }

    /// How it stands with each index, as of the last look at it.
    pub fn states(&self) -> Vec<(Space, Result<IndexState, SearchError>)> {
        self.known.pin().values().map(|known| (known.space.clone(), known.state.lock().clone())).collect()
    }

    /// Whether every index answers, as of the last look at it. That the server is away is told elsewhere.
    pub fn ready(&self) -> bool {
        let answers = |state: &Result<IndexState, SearchError>| match state {
            Ok(state) => state.ready(),
            Err(SearchError::Away { .. } | SearchError::Late { .. }) => true,
            Err(_) => false,
        };
        self.known.pin().values().all(|known| answers(&known.state.lock()))
    }

    /// Entries of a tenant in the server, as of the last look at its indexes.
    pub(in crate::decide) fn entries_of(&self, tenant: &TenantId) -> u64 {
        let known = self.known.pin();
        let own = known.values().filter(|known| known.space.tenant == *tenant);
        own.filter_map(|known| known.state.lock().as_ref().ok().map(|state| state.entries)).sum()
    }

    /// Entries of a partition in the server, as of the last look at its index.
    pub fn entries(&self, tenant: &TenantId, partition: PartitionKey) -> Option<u64> {
        let known = self.known.pin().get(&(tenant.clone(), partition)).cloned()?;
        let state = known.state.lock();
        state.as_ref().ok().map(|state| state.entries)
    }
}

fn tell(space: &Space, state: &Result<IndexState, SearchError>) {
    let partition = space.partition;
    match state {
        Ok(state) if state.ready() => {
            tracing::info!(%partition, index = state.name, entries = state.entries, "an index of the server answers")
        }
        Ok(state) => tracing::info!(%partition, index = state.name, built = state.built, "an index of the server is being built"),
        Err(error) => tracing::warn!(%partition, %error, "an index of the server can't be used"),
    }
}
