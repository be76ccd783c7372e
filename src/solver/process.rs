//! The service's side of a worker: starts it, hands it the job, waits for the reply, and ends it whatever happens.

use super::frame::{self, FrameError, JobRef, REPLY_BYTES_MAX, Reply};
use super::{Cancel, Name, SolverError};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

/// How often a solve under way looks whether it was cancelled.
const LOOK: Timespec = Timespec { tv_sec: 0, tv_nsec: 20_000_000 };
/// Bytes that are read from a pipe at a time: as many as a pipe holds.
const PIPE_BYTES: usize = 65_536;
/// Bytes kept of what a worker says to its standard error.
const SAID_BYTES_MAX: usize = 4_096;
/// All that a worker finds in its environment: the allocator of the service is not to take a gigabyte ahead, which counts as used.
const ALLOCATOR: [(&str, &str); 2] = [("MIMALLOC_ARENA_EAGER_COMMIT", "0"), ("MIMALLOC_ARENA_RESERVE", "32M")];
/// This process: the name holds even where its file was replaced by a newer one.
pub(super) const THIS_PROGRAM: &str = "/proc/self/exe";

/// What a worker is told when it starts, as its argument: all that it must know before it locks itself in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Setup {
    /// Which solver it is.
    pub solver: Name,
    /// The library to load, where it is not compiled in.
    pub library: Option<PathBuf>,
    /// Bytes of memory that it may take.
    pub memory_bytes: u64,
    /// Seconds of the processor that it may take.
    pub cpu_sec: u64,
    /// Whose child it is; it ends where that process has gone.
    pub parent: u32,
}

/// For how long a worker may run.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    /// As long as the solver was given.
    pub time: Duration,
    /// How much longer, before it is killed.
    pub grace: Duration,
}

/// Has one worker work: it gets the job and gives a reply. It has ended when this returns.
pub(super) fn run(
    mut worker: Worker,
    setup: &Setup,
    job: &[u8],
    patience: Patience,
    cancel: &Cancel,
) -> Result<Reply, SolverError> {
    let begin = Instant::now();
    let outcome = worker.exchange(job, begin, patience, cancel);
    worker.end(outcome, setup)
}

/// The bytes of a job.
pub(super) fn job(job: &JobRef<'_>) -> Result<Vec<u8>, SolverError> {
    frame::encode(job, frame::JOB_BYTES_MAX).map_err(|error| match error {
        FrameError::TooLong { bytes, max } => {
            SolverError::Refused(format!("the program takes {bytes} bytes, and {max} are allowed"))
        }
        other => SolverError::Failed(format!("the job can't be written: {other}")),
    })
}

/// A worker. It is killed when this goes.
#[derive(Debug)]
pub(super) struct Worker {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: ChildStdout,
    stderr: Option<ChildStderr>,
    reply: Vec<u8>,
    said: Vec<u8>,
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What one look at the pipes came to.
enum Step {
    /// Nothing that ends the exchange.
    More,
    /// The whole reply is here.
    Whole,
    /// The worker closed its output before.
    Closed,
}

impl Worker {
    /// Starts one. It ends with the thread that calls this.
    pub(super) fn start(program: &Path, setup: &Setup) -> Result<Self, SolverError> {
        let failed = |error: String| SolverError::Failed(format!("no worker could be started: {error}"));
        let argument = serde_json::to_string(setup).map_err(|error| failed(error.to_string()))?;
        let mut command = Command::new(program);
        command.arg("solve-worker").arg(argument).env_clear().envs(ALLOCATOR).current_dir("/");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(|error| failed(error.to_string()))?;
        let (Some(stdin), Some(stdout), Some(stderr)) = (child.stdin.take(), child.stdout.take(), child.stderr.take()) else {
            return Err(failed("it has no pipes".to_owned()));
        };
        let worker = Self { child, stdin: Some(stdin), stdout, stderr: Some(stderr), reply: Vec::new(), said: Vec::new() };
        worker.unblock().map_err(|error| failed(error.to_string()))?;
        Ok(worker)
    }

    /// Whether it still runs.
    pub(super) fn lives(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    fn unblock(&self) -> io::Result<()> {
        let pipes = [self.stdin.as_ref().map(AsFd::as_fd), Some(self.stdout.as_fd()), self.stderr.as_ref().map(AsFd::as_fd)];
        for pipe in pipes.into_iter().flatten() {
            let flags = rustix::fs::fcntl_getfl(pipe)?;
            rustix::fs::fcntl_setfl(pipe, flags | rustix::fs::OFlags::NONBLOCK)?;
        }
        Ok(())
    }

    /// Writes the job and reads the reply, both as the pipes allow.
    fn exchange(&mut self, job: &[u8], begin: Instant, patience: Patience, cancel: &Cancel) -> Result<Reply, SolverError> {
        let until = begin + patience.time + patience.grace;
        let mut written = 0;
        loop {
            if cancel.is_cancelled() {
                return Err(SolverError::Cancelled);
            }
            if Instant::now() >= until {
                return Err(SolverError::TimedOut(patience.time));
            }
            let broken = |error: io::Error| SolverError::Failed(format!("the pipe to the worker broke: {error}"));
            match self.step(job, &mut written).map_err(broken)? {
                Step::More => {}
                Step::Closed => return Err(SolverError::Failed("it ended without a reply".to_owned())),
                Step::Whole => {
                    let reply = frame::decode(&self.reply, REPLY_BYTES_MAX);
                    return reply.map_err(|error| SolverError::Failed(format!("its reply does not read: {error}")));
                }
            }
        }
    }

    /// Waits until a pipe is ready, not for long, and moves what can be moved.
    fn step(&mut self, job: &[u8], written: &mut usize) -> io::Result<Step> {
        let mut ready = vec![PollFd::new(&self.stdout, PollFlags::IN)];
        if let Some(stderr) = &self.stderr {
            ready.push(PollFd::new(stderr, PollFlags::IN));
        }
        if let Some(stdin) = &self.stdin {
            ready.push(PollFd::new(stdin, PollFlags::OUT));
        }
        match poll(&mut ready, Some(&LOOK)) {
            Err(Errno::INTR) | Ok(0) => return Ok(Step::More),
            Err(error) => return Err(error.into()),
            Ok(_) => {}
        }
        drop(ready);
        self.write(job, written)?;
        self.listen()?;
        self.read()
    }

    fn write(&mut self, job: &[u8], written: &mut usize) -> io::Result<()> {
        let Some(stdin) = &mut self.stdin else { return Ok(()) };
        while *written < job.len() {
            match stdin.write(&job[*written..]) {
                Ok(bytes) => *written += bytes,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // It has ended, or wants no more; what it says to that is still to be read.
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => break,
                Err(error) => return Err(error),
            }
        }
        self.stdin = None;
        Ok(())
    }

    /// Reads what it says to its standard error, and keeps the beginning.
    fn listen(&mut self) -> io::Result<()> {
        let mut piece = [0; 4_096];
        while let Some(stderr) = &mut self.stderr {
            match stderr.read(&mut piece) {
                Ok(0) => self.stderr = None,
                Ok(bytes) => {
                    let room = SAID_BYTES_MAX.saturating_sub(self.said.len());
                    self.said.extend_from_slice(&piece[..bytes.min(room)]);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn read(&mut self) -> io::Result<Step> {
        let before = self.reply.len();
        self.reply.resize(before + PIPE_BYTES, 0);
        let read = self.stdout.read(&mut self.reply[before..]);
        self.reply.truncate(before + *read.as_ref().unwrap_or(&0));
        match read {
            Ok(0) => return Ok(Step::Closed),
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {
                return Ok(Step::More);
            }
            Err(error) => return Err(error),
            Ok(_) => {}
        }
        match frame::length(&self.reply, REPLY_BYTES_MAX) {
            Ok(Some(bytes)) if bytes <= self.reply.len() => Ok(Step::Whole),
            Ok(_) => Ok(Step::More),
            Err(error) => Err(io::Error::other(error)),
        }
    }

    /// Ends the worker and says what came of it, its own last words heard.
    fn end(mut self, outcome: Result<Reply, SolverError>, setup: &Setup) -> Result<Reply, SolverError> {
        let Err(SolverError::Failed(why)) = outcome else { return outcome };
        // Where it ended by itself, its status says why; what still runs is killed.
        let status = match self.child.try_wait() {
            Ok(Some(status)) => Some(status),
            _ => self.wait_a_moment(),
        };
        let _ = self.listen();
        let said = String::from_utf8_lossy(&self.said).trim().replace('\n', " ");
        let status = status.map_or_else(|| "it had to be killed".to_owned(), |status| status.to_string());
        tracing::warn!(solver = %setup.solver, status, said, "a solver's worker failed: {why}");
        if ran_out_of_memory(&said) {
            return Ok(Reply::OutOfMemory);
        }
        let said = if said.is_empty() { String::new() } else { format!("; it said: {said}") };
        Err(SolverError::Failed(format!("{why} ({status}{said})")))
    }

    fn wait_a_moment(&mut self) -> Option<std::process::ExitStatus> {
        for _ in 0..20 {
            std::thread::sleep(Duration::from_millis(5));
            if let Ok(Some(status)) = self.child.try_wait() {
                return Some(status);
            }
        }
        None
    }
}

/// Whether a worker's last words are those of a program whose memory ran out: Rust's, and those of C++ and of CP-SAT.
fn ran_out_of_memory(said: &str) -> bool {
    said.contains("memory allocation of") || said.contains("bad_alloc") || said.contains("out of memory")
}
