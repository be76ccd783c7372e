//! The threads that build graphs in the background, shared by every index of the service.
//!
//! A graph of 100,000 entries takes the better part of a minute of one core, so builds queue for a few threads instead
//! of each taking one.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use parking_lot::Mutex;

use crate::limits::INDEX_BUILDS_QUEUED_MAX;

pub(super) type Job = Box<dyn FnOnce() + Send>;

/// A handle to the builder threads; cheap to clone. They end when the last handle is dropped and the build at hand is
/// done.
#[derive(Clone, Debug)]
pub struct Builder {
    jobs: SyncSender<Job>,
}

impl Builder {
    /// Starts `threads` builder threads, one at least.
    pub fn start(threads: usize) -> std::io::Result<Self> {
        let (jobs, queue) = sync_channel(INDEX_BUILDS_QUEUED_MAX);
        let queue = Arc::new(Mutex::new(queue));
        for n in 0..threads.max(1) {
            let queue = Arc::clone(&queue);
            std::thread::Builder::new().name(format!("index-build-{n}")).spawn(move || work(&queue))?;
        }
        Ok(Self { jobs })
    }

    /// Queues a build. `false` where the queue is full: the index asks again at its next write.
    pub(super) fn submit(&self, job: Job) -> bool {
        self.jobs.try_send(job).is_ok()
    }
}

/// Runs builds until there is nobody left to ask for one.
fn work(queue: &Mutex<Receiver<Job>>) {
    loop {
        // The lock is held only while this thread is the one that waits, and not while it builds.
        let job = queue.lock().recv();
        match job {
            Ok(job) => job(),
            Err(_) => return,
        }
    }
}
