//! A worker started ahead: a process takes milliseconds to load its library and lock itself in, as long as a small program takes to solve.
//!
//! Invariants: a spare never saw a job, and works for one only; at most one waits, for as long as [`IDLE`]; it is for the setup of the
//! solve before it, and one with another setup starts a worker of its own.

use super::SolverError;
use super::process::{Setup, Worker};
use parking_lot::Mutex;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

/// How long a spare waits for work.
const IDLE: Duration = Duration::from_secs(30);

/// The spare, and the thread that starts it.
#[derive(Debug)]
pub(super) struct Spare {
    program: PathBuf,
    waiting: Arc<Mutex<Option<(Setup, Worker)>>>,
    wanted: Option<SyncSender<Setup>>,
}

impl Spare {
    /// Starts the thread. Where there can be none, every solve starts its own worker.
    pub(super) fn new(program: &Path) -> Self {
        let waiting = Arc::new(Mutex::new(None));
        let (wanted, orders) = sync_channel(1);
        let keeper = Keeper { program: program.to_owned(), waiting: Arc::clone(&waiting), orders };
        let started = std::thread::Builder::new().name("solver-spare".to_owned()).spawn(move || keeper.keep());
        Self { program: program.to_owned(), waiting, wanted: started.ok().map(|_| wanted) }
    }

    /// A worker of this setup: the spare, where it is one and lives, else a new one.
    pub(super) fn take(&self, setup: &Setup) -> Result<Worker, SolverError> {
        let spare = self.waiting.lock().take().filter(|(its, _)| its == setup);
        if let Some((_, mut worker)) = spare
            && worker.lives()
        {
            return Ok(worker);
        }
        Worker::start(&self.program, setup)
    }

    /// Has the next one started, unless one is being started already.
    pub(super) fn want(&self, setup: &Setup) {
        if let Some(wanted) = &self.wanted {
            let _ = wanted.try_send(setup.clone());
        }
    }
}

/// Workers are started by a thread that stays: the kernel ends a worker with the thread that started it.
struct Keeper {
    program: PathBuf,
    waiting: Arc<Mutex<Option<(Setup, Worker)>>>,
    orders: Receiver<Setup>,
}

impl Keeper {
    fn keep(self) {
        loop {
            match self.orders.recv_timeout(IDLE) {
                Ok(setup) => self.start(setup),
                Err(RecvTimeoutError::Timeout) => drop(self.waiting.lock().take()),
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        self.waiting.lock().take();
    }

    fn start(&self, setup: Setup) {
        if self.waiting.lock().as_ref().is_some_and(|(its, _)| *its == setup) {
            return;
        }
        // A failure is told to the solve that meets it again.
        if let Ok(worker) = Worker::start(&self.program, &setup) {
            *self.waiting.lock() = Some((setup, worker));
        }
    }
}
