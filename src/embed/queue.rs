//! The bounded queue between callers and workers: a lane for fresh texts and one for documents, under one short lock.
//!
//! A document goes back to the head of its lane after each run, with its sum so far, so fresh texts pass it and documents
//! still finish in the order they came.

use super::worker::Progress;
use super::{DocumentEmbedding, EmbedError, Embedding};
use crate::domain::deadline::Deadline;
use crate::domain::text::FreshText;
use parking_lot::{Condvar, Mutex};
use std::collections::VecDeque;
use std::time::Instant;
use tokio::sync::oneshot;

/// A text on its way: `R` is its reply, `P` what was done of it before.
pub(super) struct Job<R, P> {
    pub text: FreshText,
    pub submitted: Instant,
    pub progress: P,
    deadline: Deadline,
    reply: oneshot::Sender<Result<R, EmbedError>>,
}

/// A fresh text; it is run once and done.
pub(super) type FreshJob = Job<Embedding, ()>;
/// A document, with what is done of it.
pub(super) type DocumentJob<T> = Job<DocumentEmbedding, Option<Progress<T>>>;

impl<R, P> Job<R, P> {
    /// A job and the end at which its answer comes out.
    pub(super) fn new(text: &FreshText, deadline: Deadline, progress: P) -> (Self, oneshot::Receiver<Result<R, EmbedError>>) {
        let (reply, answer) = oneshot::channel();
        (Self { text: text.clone(), deadline, submitted: Instant::now(), reply, progress }, answer)
    }

    /// Gives the job back where it is still worth running.
    pub(super) fn if_wanted(self) -> Option<Self> {
        if self.deadline.passed() {
            self.answer(Err(EmbedError::DeadlinePassed));
            None
        } else {
            (!self.reply.is_closed()).then_some(self)
        }
    }

    /// Ends the job.
    pub(super) fn answer(self, result: Result<R, EmbedError>) {
        // The caller may have gone; then nobody wants to know.
        let _ = self.reply.send(result);
    }
}

/// What waits.
pub(super) struct Lanes<T> {
    pub fresh: VecDeque<FreshJob>,
    pub documents: VecDeque<DocumentJob<T>>,
    closed: bool,
}

/// The next work of a worker.
pub(super) enum Taken<T> {
    Fresh(Vec<FreshJob>),
    Document(DocumentJob<T>),
}

/// The queue of one pool.
pub(super) struct Queue<T> {
    lanes: Mutex<Lanes<T>>,
    ready: Condvar,
    capacity: usize,
}

impl<T> Queue<T> {
    /// `capacity` is that of each lane.
    pub(super) fn new(capacity: usize) -> Self {
        let lanes = Lanes { fresh: VecDeque::with_capacity(capacity), documents: VecDeque::new(), closed: false };
        Self { lanes: Mutex::new(lanes), ready: Condvar::new(), capacity }
    }

    /// Puts a job at the end of a lane, or refuses it at once.
    pub(super) fn submit<J>(&self, lane: impl FnOnce(&mut Lanes<T>) -> &mut VecDeque<J>, job: J) -> Result<(), EmbedError> {
        let mut lanes = self.lanes.lock();
        if lanes.closed {
            return Err(EmbedError::ShuttingDown);
        }
        let lane = lane(&mut lanes);
        if lane.len() >= self.capacity {
            return Err(EmbedError::Overloaded { queue_capacity: self.capacity });
        }
        lane.push_back(job);
        drop(lanes);
        self.ready.notify_one();
        Ok(())
    }

    /// Puts a document that has more chunks at the head of its lane. It holds its place, so no capacity is asked.
    pub(super) fn resume(&self, job: DocumentJob<T>) {
        self.lanes.lock().documents.push_front(job);
        // The caller takes next, but it may take a fresh text, and another worker may be idle.
        self.ready.notify_one();
    }

    /// How many fresh texts and documents wait.
    pub(super) fn lengths(&self) -> (usize, usize) {
        let lanes = self.lanes.lock();
        (lanes.fresh.len(), lanes.documents.len())
    }

    /// Takes no more jobs, and lets the workers end once those that wait are done.
    pub(super) fn close(&self) {
        self.lanes.lock().closed = true;
        self.ready.notify_all();
    }

    /// The next work, fresh texts first; `None` once closed and empty.
    pub(super) fn take(&self, batch_size_max: usize) -> Option<Taken<T>> {
        let mut lanes = self.lanes.lock();
        loop {
            if !lanes.fresh.is_empty() {
                let count = lanes.fresh.len().min(batch_size_max);
                return Some(Taken::Fresh(lanes.fresh.drain(..count).collect()));
            }
            if let Some(document) = lanes.documents.pop_front() {
                return Some(Taken::Document(document));
            }
            if lanes.closed {
                return None;
            }
            self.ready.wait(&mut lanes);
        }
    }
}
