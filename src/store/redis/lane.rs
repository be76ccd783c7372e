//! The writes of one tenant on their way.

use super::operation::Operation;
use super::state::State;
use crate::domain::ids::TenantId;
use crate::store::{RecordKey, StoreError, Write};
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Instant;
use tokio::sync::{OwnedSemaphorePermit, oneshot};

/// Records that are stored by one script at most, for a script keeps everybody else waiting.
pub(super) const BEHIND_MAX: usize = 64;

/// Commits that are on their way to Redis together.
const COMMITS_MAX: usize = 64;

/// Bytes after which nothing is added to what goes out together.
pub(super) const BATCH_BYTES_MAX: usize = 4 << 20;

/// Where the answer to a job goes: whether it was done, or the lease had gone.
pub(super) type Answer = oneshot::Sender<Result<bool, StoreError>>;

/// What a tenant's lane is asked to do.
#[derive(Debug)]
pub(super) enum Job {
    /// Writes that take effect together.
    Commit(Commit),
    /// A write that nobody waits for.
    Behind(Behind),
    /// Says when all before it is done.
    Flush(Arc<Joint>),
}

/// Writes that take effect together.
#[derive(Debug)]
pub(super) struct Commit {
    pub(super) operations: Vec<Operation>,
    /// The name and the fence of the lease under which they are done.
    pub(super) lease: Option<(String, u64)>,
    pub(super) answer: Arc<Joint>,
}

/// A write that nobody waits for.
#[derive(Debug)]
pub(super) struct Behind {
    pub(super) sequence: u64,
    pub(super) write: Write,
    pub(super) _room: OwnedSemaphorePermit,
}

/// One answer for what is done in several lanes: the first failure, or success once all is done.
#[derive(Debug)]
pub(super) struct Joint {
    answer: Mutex<Option<Answer>>,
    open: AtomicUsize,
    all_done: AtomicBool,
    // Held until the answer is given, where the queue bounds it.
    _room: Option<OwnedSemaphorePermit>,
}

impl Joint {
    /// Answers after as many calls of [`Self::done`] as there are `parts`.
    pub(super) fn new(answer: Answer, parts: usize, room: Option<OwnedSemaphorePermit>) -> Arc<Self> {
        Arc::new(Self {
            answer: Mutex::new(Some(answer)),
            open: AtomicUsize::new(parts),
            all_done: AtomicBool::new(true),
            _room: room,
        })
    }

    pub(super) fn done(&self, result: Result<bool, StoreError>) {
        if !matches!(result, Ok(true)) {
            self.all_done.store(false, Ordering::Release);
        }
        let last = self.open.fetch_sub(1, Ordering::AcqRel) == 1;
        if (last || result.is_err())
            && let Some(answer) = self.answer.lock().take()
        {
            // Whoever stopped waiting is not told.
            let _ = answer.send(result.map(|_| self.all_done.load(Ordering::Acquire)));
        }
    }
}

/// The jobs of one tenant, in their order; what is under way is not among them.
#[derive(Debug, Default)]
pub(super) struct Lane {
    jobs: VecDeque<Job>,
    /// Whether something is under way, or the lane waits before it tries again.
    pub(super) busy: bool,
    /// Since when the tenant is known to those who follow.
    pub(super) known: Option<Instant>,
    /// Tries in a row that failed.
    pub(super) failures: u32,
}

/// What goes to Redis together.
#[derive(Debug)]
pub(super) enum Batch {
    Commits(Vec<Commit>),
    Behind(Vec<Behind>),
}

impl Lane {
    pub(super) fn push(&mut self, job: Job) {
        self.jobs.push_back(job);
    }

    pub(super) fn is_idle(&self) -> bool {
        self.jobs.is_empty() && !self.busy
    }

    /// The next jobs that may go together: a run of commits, or a run of writes that nobody waits for. Nothing follows before they are
    /// done, so that the writes of a key take effect in their order whatever fails.
    pub(super) fn next(&mut self) -> Option<Batch> {
        let mut bytes = 0;
        let (mut commits, mut behind) = (Vec::new(), Vec::new());
        while let Some(job) = self.jobs.pop_front() {
            match job {
                Job::Commit(commit) if behind.is_empty() && commits.len() < COMMITS_MAX && bytes < BATCH_BYTES_MAX => {
                    bytes += commit.operations.iter().map(Operation::size).sum::<usize>();
                    commits.push(commit);
                }
                Job::Behind(write) if commits.is_empty() && behind.len() < BEHIND_MAX => behind.push(write),
                Job::Flush(answer) if commits.is_empty() && behind.is_empty() => answer.done(Ok(true)),
                later => {
                    self.jobs.push_front(later);
                    break;
                }
            }
        }
        match (commits.is_empty(), behind.is_empty()) {
            (false, _) => Some(Batch::Commits(commits)),
            (_, false) => Some(Batch::Behind(behind)),
            _ => None,
        }
    }

    /// Puts back what will be tried again, and tells all who wait for something behind it that it failed.
    pub(super) fn put_back(&mut self, batch: Vec<Behind>, error: &StoreError) {
        let mut kept: VecDeque<Job> = batch.into_iter().map(Job::Behind).collect();
        for job in self.jobs.drain(..) {
            match job {
                Job::Behind(_) => kept.push_back(job),
                Job::Commit(commit) => commit.answer.done(Err(error.clone())),
                Job::Flush(answer) => answer.done(Err(error.clone())),
            }
        }
        self.jobs = kept;
    }

    /// Gives up all that is left, on the way down.
    pub(super) fn give_up(&mut self, state: &State, error: &StoreError) {
        self.put_back(Vec::new(), error);
        for job in self.jobs.drain(..) {
            if let Job::Behind(behind) = job {
                state.lose(&[(behind.write.key(), behind.sequence)], error);
            }
        }
    }
}

/// Keys and numbers of writes that nobody waits for.
pub(super) fn marks(batch: &[Behind]) -> Vec<(RecordKey, u64)> {
    batch.iter().map(|behind| (behind.write.key(), behind.sequence)).collect()
}

/// What the writer is asked to do.
#[derive(Debug)]
pub(super) enum Message {
    /// A job of one tenant.
    Job(TenantId, Job),
    /// Says when all before it is done.
    Flush(Answer),
}
