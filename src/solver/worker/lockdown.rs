//! How a worker gives up every right that solving doesn't need, for good.
//!
//! First the limits, which hold while the library is loaded, too; then, before anything from outside is read, Landlock (no file, no
//! network; where the kernel has it) and seccomp (a short list of system calls, all others refused), which the threads of a solver inherit.

use crate::solver::process::Setup;
use landlock::{ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, Ruleset, RulesetAttr, Scope};
use rustix::process::{Resource, Rlimit, Signal, getppid, set_parent_process_death_signal, setrlimit};
use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen as Len, SeccompCmpOp as Op, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch,
};
use std::collections::BTreeMap;

/// Bytes of address space beyond the memory that may be used: libraries, and what allocators reserve for threads without using it.
const ADDRESS_BYTES_BESIDE: u64 = 4 << 30;
/// Files open at a time. Loading a library with a hundred others opens one after the other.
const FILES_MAX: u64 = 32;

/// The limits. The error is text for the operator.
pub(super) fn begin(setup: &Setup) -> Result<(), String> {
    set_parent_process_death_signal(Some(Signal::KILL)).map_err(|error| format!("prctl: {error}"))?;
    // The parent may have gone before it was asked for a sign of that.
    if getppid().map(|parent| parent.as_raw_nonzero().get().unsigned_abs()) != Some(setup.parent) {
        return Err("the service that started it has gone".to_owned());
    }
    rustix::thread::set_no_new_privs(true).map_err(|error| format!("no_new_privs: {error}"))?;
    close_foreign_files();
    let limits = [
        (Resource::Core, 0),
        (Resource::Fsize, 0),
        (Resource::Nofile, FILES_MAX),
        (Resource::Cpu, setup.cpu_sec),
        (Resource::Data, setup.memory_bytes),
        (Resource::As, setup.memory_bytes.saturating_add(ADDRESS_BYTES_BESIDE)),
    ];
    for (resource, most) in limits {
        let limit = Rlimit { current: Some(most), maximum: Some(most) };
        setrlimit(resource, limit).map_err(|error| format!("the limit {resource:?}: {error}"))?;
    }
    Ok(())
}

/// What the service had open without saying that it is not to be inherited: libraries do that.
fn close_foreign_files() {
    // SAFETY: nothing in this process has opened a file yet; only numbers from 3 on are closed. An old kernel without the call says so.
    unsafe { libc::syscall(libc::SYS_close_range, 3_u32, u32::MAX, 0_u32) };
}

/// Files, network and system calls. The error is text for the operator: a worker that can't lock itself in does not work.
pub(super) fn finish() -> Result<(), String> {
    landlock().map_err(|error| format!("Landlock: {error}"))?;
    for program in [without_clone3(), allowed()] {
        let program = program.map_err(|error| format!("seccomp: {error}"))?;
        seccompiler::apply_filter(&program).map_err(|error| format!("seccomp: {error}"))?;
    }
    Ok(())
}

/// No rules at all: nothing is allowed. Kernels that know less of it keep less from the worker, and seccomp keeps the rest.
fn landlock() -> Result<(), landlock::RulesetError> {
    let newest = ABI::V6;
    Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(newest))?
        .handle_access(AccessNet::from_all(newest))?
        .scope(Scope::from_all(newest))?
        .create()?
        .restrict_self()?;
    Ok(())
}

/// glibc starts threads with `clone3`, whose flags lie in memory, where a filter can't look; told that there is none, it uses `clone`.
fn without_clone3() -> Result<BpfProgram, BackendError> {
    let rules = BTreeMap::from([(libc::SYS_clone3, Vec::new())]);
    let missing = SeccompAction::Errno(libc::ENOSYS.unsigned_abs());
    SeccompFilter::new(rules, SeccompAction::Allow, missing, arch()?)?.try_into()
}

/// What solving needs. Everything else is refused as not permitted, which a solver survives where it only wanted to know something.
fn allowed() -> Result<BpfProgram, BackendError> {
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> = ALWAYS.iter().map(|call| (*call, Vec::new())).collect();
    let own_pid = u64::from(std::process::id());
    let only = |call, argument, op, value| -> Result<_, BackendError> {
        Ok((call, vec![SeccompRule::new(vec![SeccompCondition::new(argument, Len::Qword, op, value)?])?]))
    };
    let executable = Op::MaskedEq(libc::PROT_EXEC.unsigned_abs().into());
    let thread = u64::from((libc::CLONE_THREAD | libc::CLONE_VM).unsigned_abs());
    rules.extend([
        only(libc::SYS_mmap, 2, executable.clone(), 0)?,
        only(libc::SYS_mprotect, 2, executable, 0)?,
        only(libc::SYS_clone, 0, Op::MaskedEq(thread), thread)?,
        only(libc::SYS_tgkill, 0, Op::Eq, own_pid)?,
        // Limits may be read, not set.
        only(libc::SYS_prlimit64, 2, Op::Eq, 0)?,
    ]);
    let name = |option: i32| -> Result<_, BackendError> {
        SeccompRule::new(vec![SeccompCondition::new(0, Len::Dword, Op::Eq, option.unsigned_abs().into())?])
    };
    // Threads give themselves names, and allocators their memory.
    rules.insert(libc::SYS_prctl, vec![name(libc::PR_SET_NAME)?, name(libc::PR_SET_VMA)?]);
    let refused = SeccompAction::Errno(libc::EPERM.unsigned_abs());
    SeccompFilter::new(rules, refused, SeccompAction::Allow, arch()?)?.try_into()
}

fn arch() -> Result<TargetArch, BackendError> {
    std::env::consts::ARCH.try_into()
}

/// Memory, threads, clocks and the pipes that are open.
const ALWAYS: [i64; 38] = [
    libc::SYS_read,
    libc::SYS_readv,
    libc::SYS_write,
    libc::SYS_writev,
    libc::SYS_close,
    libc::SYS_lseek,
    libc::SYS_fstat,
    libc::SYS_brk,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_madvise,
    libc::SYS_mincore,
    libc::SYS_membarrier,
    libc::SYS_futex,
    // Refused by the other filter, with another error than this one's.
    libc::SYS_clone3,
    libc::SYS_set_robust_list,
    libc::SYS_rseq,
    libc::SYS_sched_yield,
    libc::SYS_sched_getaffinity,
    libc::SYS_getcpu,
    libc::SYS_gettid,
    libc::SYS_getpid,
    libc::SYS_clock_gettime,
    libc::SYS_clock_getres,
    libc::SYS_clock_nanosleep,
    libc::SYS_nanosleep,
    libc::SYS_gettimeofday,
    libc::SYS_times,
    libc::SYS_getrusage,
    libc::SYS_getrandom,
    libc::SYS_sysinfo,
    libc::SYS_uname,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sigaltstack,
    libc::SYS_exit,
    libc::SYS_exit_group,
];
