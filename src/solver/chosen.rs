//! The solvers together: which one a program goes to, and the way there.

use super::config::{BadSetting, Config};
use super::files::Libraries;
use super::frame::{JobRef, Reply};
use super::places::Places;
use super::process::{self, Patience, Setup};
use super::program::Program;
use super::solution::{Limits, Solution, SolverError};
use super::spare::Spare;
use super::{Cancel, Name, Solver, check, worker};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Every solver that there is, each in a process of its own for each solve. As a [`Solver`] it takes the one that the settings have
/// for the class of a program.
#[derive(Debug, Clone)]
pub struct Chosen(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    config: Config,
    libraries: Libraries,
    places: Places,
    spare: Spare,
}

/// One solver by its name.
#[derive(Debug, Clone)]
pub struct Named {
    name: Name,
    shared: Arc<Shared>,
}

/// Why the solvers can't be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A setting is wrong.
    #[error(transparent)]
    Setting(#[from] BadSetting),
    /// The manifest that is compiled in is damaged.
    #[error("the manifest of solvers that is compiled in: {0}")]
    Manifest(Box<toml::de::Error>),
}

/// Opens the solvers, whose libraries lie in this folder. None is loaded yet: one that is missing is missed by who asks for it.
///
/// # Errors
/// Where a setting is wrong.
pub fn open(config: &Config, runtime_dir: &Path) -> Result<Chosen, OpenError> {
    config.check()?;
    let libraries = Libraries::new(runtime_dir).map_err(|error| OpenError::Manifest(Box::new(error)))?;
    let places = Places::new(config.workers_max, config.waiting_max, config.wait());
    let spare = Spare::new(config.worker.as_deref().unwrap_or(Path::new(process::THIS_PROGRAM)));
    Ok(Chosen(Arc::new(Shared { config: config.clone(), libraries, places, spare })))
}

impl Chosen {
    /// The solver of this name, whatever the settings say.
    pub fn named(&self, name: Name) -> Named {
        Named { name, shared: Arc::clone(&self.0) }
    }

    /// Solves in this very process, for who measures what a worker costs. Nothing contains the solver: it can crash the process, or
    /// never end.
    ///
    /// # Errors
    /// As [`Solver::solve`], as far as the process survives.
    #[doc(hidden)]
    pub fn solve_unguarded(&self, program: &Program, limits: &Limits) -> Result<Solution, SolverError> {
        check::check(program)?;
        let limits = self.0.bounded(limits);
        let setup = self.0.setup(self.0.config.name_for(program.class), program, &limits)?;
        answer(worker::solve_here(&setup, program, &limits), program, &limits)
    }

    /// Reads the library of this solver through, so that the first solve need not.
    ///
    /// # Errors
    /// [`SolverError::Missing`].
    pub fn ready(&self, name: Name) -> Result<(), SolverError> {
        self.0.libraries.find(name, name.home()).map(drop)
    }
}

impl Solver for Chosen {
    fn solve(&self, program: &Program, limits: &Limits, cancel: &Cancel) -> Result<Solution, SolverError> {
        self.0.solve(self.0.config.name_for(program.class), program, limits, cancel)
    }
}

impl Solver for Named {
    fn solve(&self, program: &Program, limits: &Limits, cancel: &Cancel) -> Result<Solution, SolverError> {
        self.shared.solve(self.name, program, limits, cancel)
    }
}

impl Shared {
    fn solve(&self, name: Name, program: &Program, limits: &Limits, cancel: &Cancel) -> Result<Solution, SolverError> {
        check::check(program)?;
        if !name.takes(program.class) {
            let class = program.class;
            return Err(SolverError::Refused(format!("{name} does not take programs of the class {class:?}")));
        }
        if let Some(solution) = check::settled(program, name) {
            return Ok(solution);
        }
        let limits = self.bounded(limits);
        let job = process::job(&JobRef::Solve(program, &limits))?;
        let setup = self.setup(name, program, &limits)?;
        let reply = self.run(&setup, &job, &limits, cancel)?;
        answer(reply, program, &limits)
    }

    fn setup(&self, name: Name, program: &Program, limits: &Limits) -> Result<Setup, SolverError> {
        let library = self.libraries.find(name, program.class)?.map(|library| library.path);
        let sec = (limits.time + Duration::from_millis(self.config.grace_ms)).as_secs() + 1;
        Ok(Setup { solver: name, library, memory_bytes: limits.memory_bytes, cpu_sec: sec, parent: std::process::id() })
    }

    fn run(&self, setup: &Setup, job: &[u8], limits: &Limits, cancel: &Cancel) -> Result<Reply, SolverError> {
        let _place = self.places.take(cancel)?;
        let patience = Patience { time: limits.time, grace: Duration::from_millis(self.config.grace_ms) };
        let worker = self.spare.take(setup)?;
        // While this one solves, the next one gets ready.
        self.spare.want(setup);
        process::run(worker, setup, job, patience, cancel)
    }

    /// What a solve may take: what it asks for, and no more than the settings allow.
    fn bounded(&self, limits: &Limits) -> Limits {
        Limits {
            time: limits.time.min(Duration::from_millis(self.config.time_ms_max)),
            memory_bytes: limits.memory_bytes.min(self.config.memory_bytes_max),
            nodes: limits.nodes,
            gap: if limits.gap.is_finite() { limits.gap.max(0.0) } else { 0.0 },
        }
    }

    /// Has a worker try what it must not be able to do.
    #[cfg(test)]
    fn probe(&self, probe: worker::probe::Probe, limits: &Limits, cancel: &Cancel) -> Result<Reply, SolverError> {
        let program = super::contract::empty(super::Class::Lp);
        let setup = self.setup(Name::Highs, &program, limits)?;
        self.run(&setup, &process::job(&JobRef::Probe(probe))?, limits, cancel)
    }
}

/// What a reply says, where it fits the program.
fn answer(reply: Reply, program: &Program, limits: &Limits) -> Result<Solution, SolverError> {
    let solution = match reply {
        Reply::Solved(solution) => *solution,
        Reply::Refused(why) => return Err(SolverError::Refused(why)),
        Reply::OutOfMemory => return Err(SolverError::OutOfMemory { limit_bytes: limits.memory_bytes }),
        Reply::Failed(why) => return Err(SolverError::Failed(why)),
    };
    check::shape(&solution, program)
        .map_err(|what| SolverError::Failed(format!("its reply does not fit the program: {what}")))?;
    Ok(solution)
}

#[cfg(test)]
mod tests;
