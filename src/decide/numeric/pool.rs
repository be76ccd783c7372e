//! The threads that fit: few, of low priority, apart from those that serve.

use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

/// How nice a fit is: what serves goes first (setpriority(2)).
const NICE: i32 = 10;

type Job = Box<dyn FnOnce() + Send>;

/// The threads. They end when the last handle is dropped and the fit at hand is done.
#[derive(Debug)]
pub(super) struct Pool {
    jobs: SyncSender<Job>,
    busy: Arc<AtomicUsize>,
    room: usize,
    given_up: Arc<AtomicBool>,
}

impl Pool {
    pub(super) fn start(threads: usize, waiting_max: usize) -> std::io::Result<Self> {
        let (jobs, queue) = sync_channel::<Job>(threads + waiting_max);
        let queue = Arc::new(Mutex::new(queue));
        for n in 0..threads {
            let queue = Arc::clone(&queue);
            std::thread::Builder::new().name(format!("fit-{n}")).spawn(move || work(&queue))?;
        }
        Ok(Self { jobs, busy: Arc::default(), room: threads + waiting_max, given_up: Arc::default() })
    }

    /// Has a fit run when its turn comes, and tells what came of it once its place is free again. `false` where as many wait as may.
    pub(super) fn submit<T>(&self, job: impl FnOnce() -> T + Send + 'static, tell: impl FnOnce(T) + Send + 'static) -> bool {
        let busy = Arc::clone(&self.busy);
        if busy.fetch_add(1, Ordering::AcqRel) >= self.room {
            busy.fetch_sub(1, Ordering::AcqRel);
            return false;
        }
        let counted = Counted(busy);
        let job = move || {
            let counted = counted;
            let ended = job();
            drop(counted);
            tell(ended);
        };
        // What could not be sent is dropped, and counts no more.
        self.jobs.try_send(Box::new(job)).is_ok()
    }

    /// Has all fits stop.
    pub(super) fn give_up(&self) {
        self.given_up.store(true, Ordering::Release);
    }

    /// Tells whether all fits are to stop.
    pub(super) fn given_up(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.given_up)
    }
}

/// A fit that waits or runs, until this is dropped.
struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

fn work(queue: &Mutex<Receiver<Job>>) {
    // Of no process stands for the calling thread on Linux; where it is refused, fits only compete on equal terms.
    if let Err(error) = rustix::process::setpriority_process(None, NICE) {
        tracing::debug!(%error, "the threads that fit could not be given a low priority");
    }
    loop {
        let job = queue.lock().recv();
        match job {
            Ok(job) => job(),
            Err(_) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;
    use std::time::Duration;

    #[test]
    fn one_more_than_may_wait_is_refused_and_there_is_room_again_once_one_is_done() {
        let pool = Pool::start(1, 1).unwrap();
        let (go, wait) = channel::<()>();
        let (done, ended) = channel::<i32>();
        let wait = Arc::new(Mutex::new(wait));
        let submit = || {
            let (wait, done) = (Arc::clone(&wait), done.clone());
            let job = move || {
                wait.lock().recv().unwrap();
                rustix::process::getpriority_process(None).unwrap()
            };
            pool.submit(job, move |nice| done.send(nice).unwrap())
        };
        assert!(submit() && submit());
        assert!(!submit());
        go.send(()).unwrap();
        let nice = ended.recv_timeout(Duration::from_secs(10)).unwrap();
        assert!(nice >= NICE.min(19), "{nice}");
        assert!(submit(), "who hears of the end finds the place free");
        for _ in 0..2 {
            go.send(()).unwrap();
            ended.recv_timeout(Duration::from_secs(10)).unwrap();
        }
    }
}
