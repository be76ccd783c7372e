//! The worker: a process that solves one program and ends.
//!
//! Invariants:
//! - the library is loaded first, from a path that was checked; then the process locks itself in, and only then it reads what came from
//!   outside, so that neither a program nor a fault of a solver reaches anything but the reply;
//! - it says one reply on its standard output and nothing else there.

mod conic;
mod cp;
mod cp_messages;
mod cp_model;
mod highs;
mod highs_library;
mod lockdown;
#[cfg(test)]
pub(super) mod probe;
mod tidy;

use super::Name;
use super::frame::{self, Job, Reply};
use super::process::Setup;
use super::program::Program;
use super::solution::Limits;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

/// The worker's main function: `argument` is what the service gave it.
pub fn worker_main(argument: &str) -> ExitCode {
    let reply = match prepare(argument) {
        Ok(engine) => work(&engine),
        Err(why) => Reply::Failed(why),
    };
    if say(&reply).is_err() {
        return ExitCode::FAILURE;
    }
    // Without this, what the solver still holds would be given back piece by piece.
    // SAFETY: ends the process, and nothing of it is needed any more; the reply was flushed.
    unsafe { libc::_exit(0) }
}

/// Solves without a process of its own. What is loaded once stays.
pub(super) fn solve_here(setup: &Setup, program: &Program, limits: &Limits) -> Reply {
    static LOADED: Mutex<BTreeMap<Name, Arc<Engine>>> = Mutex::new(BTreeMap::new());
    let loaded = || {
        let mut loaded = LOADED.lock();
        if let Some(engine) = loaded.get(&setup.solver) {
            return Ok(Arc::clone(engine));
        }
        let engine = Arc::new(Engine::load(setup.solver, setup.library.as_deref())?);
        loaded.insert(setup.solver, Arc::clone(&engine));
        Ok(engine)
    };
    loaded().map_or_else(Reply::Failed, |engine: Arc<Engine>| engine.solve(program, limits))
}

/// A solver that is loaded.
enum Engine {
    Highs(highs::Highs),
    Clarabel,
    CpSat(cp::CpSat),
}

/// Loads the solver and locks the process in.
fn prepare(argument: &str) -> Result<Engine, String> {
    let setup: Setup = serde_json::from_str(argument).map_err(|error| format!("its argument does not read: {error}"))?;
    lockdown::begin(&setup)?;
    let engine = Engine::load(setup.solver, setup.library.as_deref())?;
    lockdown::finish()?;
    Ok(engine)
}

fn work(engine: &Engine) -> Reply {
    match frame::read(&mut io::stdin().lock(), frame::JOB_BYTES_MAX) {
        Ok(Job::Solve(program, limits)) => engine.solve(&program, &limits),
        #[cfg(test)]
        Ok(Job::Probe(probe)) => probe.attempt(),
        Err(error) => Reply::Failed(format!("the job does not read: {error}")),
    }
}

fn say(reply: &Reply) -> Result<(), frame::FrameError> {
    let bytes = frame::encode(reply, frame::REPLY_BYTES_MAX)?;
    let mut out = io::stdout().lock();
    out.write_all(&bytes)?;
    Ok(out.flush()?)
}

impl Engine {
    fn load(name: Name, library: Option<&Path>) -> Result<Self, String> {
        match (name, library) {
            (Name::Highs, Some(path)) => Ok(Self::Highs(highs::Highs::load(path)?)),
            (Name::CpSat, Some(path)) => Ok(Self::CpSat(cp::CpSat::load(path)?)),
            (Name::Clarabel, None) => Ok(Self::Clarabel),
            _ => Err(format!("no library was named for {name}")),
        }
    }

    fn solve(&self, program: &Program, limits: &Limits) -> Reply {
        match self {
            Self::Highs(highs) => highs.solve(program, limits),
            Self::Clarabel => conic::solve(program, limits),
            Self::CpSat(cp_sat) => cp_sat.solve(program, limits),
        }
    }
}
