use super::super::contract::{column, empty, integer, limits, real, row, runtime_dir};
use super::super::worker::probe::Probe;
use super::super::{Class, Config, SolveStatus};
use super::*;
use crate::solver::program::{Program, Sense};
use std::time::Instant;

const INF: f64 = f64::INFINITY;

/// The allocation of the seed: 14.0 with 20, 20 and 10 million.
fn allocation(class: Class) -> Program {
    let mut program = empty(class);
    program.columns = vec![column(2.5, 20.0); 3];
    program.objective = vec![(0, 0.18), (1, 0.31), (2, 0.42)];
    program.rows = vec![row(&[(0, 1.0), (1, 1.0), (2, 1.0)], 50.0, 50.0)];
    program
}

#[test]
fn highs_solves_a_program_in_a_worker() {
    let solution = real().solve(&allocation(Class::Lp), &limits(), &Cancel::default()).unwrap();
    assert_eq!(solution.status, SolveStatus::Optimal);
    assert!((solution.objective.unwrap() - 14.0).abs() < 1e-9);
    assert_eq!(solution.values, [20.0, 20.0, 10.0]);
    assert_eq!(solution.duals, Some(vec![0.42]));
    assert!(solution.solver.starts_with("HiGHS 1."), "{}", solution.solver);
}

#[test]
fn a_worker_that_is_locked_in_can_do_nothing_but_solve() {
    let reply = real().0.probe(Probe::Rights, &limits(), &Cancel::default()).unwrap();
    assert_eq!(reply, Reply::Refused(String::new()));
}

#[test]
fn a_worker_that_is_locked_in_can_start_threads() {
    let reply = real().0.probe(Probe::Thread, &limits(), &Cancel::default()).unwrap();
    assert_eq!(reply, Reply::Refused("a thread ran".to_owned()));
}

#[test]
fn an_endless_loop_is_killed_at_its_limit() {
    let limits = Limits { time: Duration::from_millis(200), ..limits() };
    let config = Config { grace_ms: 100, ..Config::default() };
    let solvers = open(&config, &runtime_dir()).unwrap();
    let begin = Instant::now();
    let error = solvers.0.probe(Probe::EndlessLoop, &limits, &Cancel::default()).unwrap_err();
    assert_eq!(error, SolverError::TimedOut(limits.time));
    assert!(begin.elapsed() < Duration::from_secs(10));
}

#[test]
fn memory_past_the_limit_is_said_to_be_that_and_the_next_solve_works() {
    let limits = Limits { memory_bytes: 256 << 20, ..limits() };
    let reply = real().0.probe(Probe::EndlessMemory, &limits, &Cancel::default()).unwrap();
    assert_eq!(reply, Reply::OutOfMemory);
    assert_eq!(answer(reply, &allocation(Class::Lp), &limits).unwrap_err(), SolverError::OutOfMemory { limit_bytes: 256 << 20 });
    highs_solves_a_program_in_a_worker();
}

#[test]
fn a_worker_that_crashes_or_babbles_has_failed_and_the_next_solve_works() {
    for probe in [Probe::Crash, Probe::Babble] {
        let error = real().0.probe(probe, &limits(), &Cancel::default()).unwrap_err();
        assert!(matches!(error, SolverError::Failed(_)), "{error:?}");
    }
    highs_solves_a_program_in_a_worker();
}

#[test]
fn a_worker_that_is_killed_half_way_has_failed_and_the_next_solve_works() {
    // The limit is like no other test's, and so names the worker.
    let limits = Limits { memory_bytes: 777_777_777, ..limits() };
    std::thread::scope(|scope| {
        let solve = scope.spawn(|| real().0.probe(Probe::EndlessLoop, &limits, &Cancel::default()));
        while !solve.is_finished() {
            for worker in workers_with("777777777") {
                // SAFETY: the process is a worker, or a spare, that this test has started.
                unsafe { libc::kill(worker, libc::SIGKILL) };
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        let error = solve.join().unwrap().unwrap_err();
        assert!(matches!(&error, SolverError::Failed(why) if why.contains("signal: 9")), "{error:?}");
    });
    highs_solves_a_program_in_a_worker();
}

/// The workers whose command line has this in it, but for those that have ended and were not waited for yet.
fn workers_with(text: &str) -> Vec<libc::pid_t> {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let workers = processes.filter(|process| {
        let command = std::fs::read_to_string(process.path().join("cmdline")).unwrap_or_default();
        command.contains("solve-worker") && command.contains(text)
    });
    workers.filter_map(|process| process.file_name().to_str()?.parse().ok()).collect()
}

/// The spare that a solve with this limit leaves behind.
fn spare_with(text: &str) -> libc::pid_t {
    let since = Instant::now();
    loop {
        if let [spare] = workers_with(text)[..] {
            return spare;
        }
        assert!(since.elapsed() < Duration::from_secs(20), "no spare was started, or several");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Waits until there is none.
fn none_with(text: &str) {
    let since = Instant::now();
    while !workers_with(text).is_empty() {
        assert!(since.elapsed() < Duration::from_secs(20), "a worker stays");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn the_next_worker_is_started_ahead_and_works_or_is_replaced_where_it_has_died() {
    let solvers = open(&Config::default(), &runtime_dir()).unwrap();
    let limits = Limits { memory_bytes: 555_555_555, ..limits() };
    let solve = || solvers.solve(&allocation(Class::Lp), &limits, &Cancel::default()).unwrap().objective.unwrap();
    assert!((solve() - 14.0).abs() < 1e-9);
    let first = spare_with("555555555");
    assert!((solve() - 14.0).abs() < 1e-9);
    let second = spare_with("555555555");
    assert_ne!(first, second, "a worker that has worked does not work again");
    // SAFETY: the process is a spare that this test has started.
    assert_eq!(unsafe { libc::kill(second, libc::SIGKILL) }, 0);
    // Its command line is gone before it has ended, and until then nobody can know that it was killed.
    let begin = Instant::now();
    while std::fs::read_to_string(format!("/proc/{second}/stat")).is_ok_and(|stat| !stat.contains(") Z ")) {
        assert!(begin.elapsed() < Duration::from_secs(30), "it does not end");
        std::thread::sleep(Duration::from_millis(1));
    }
    none_with("555555555");
    assert!((solve() - 14.0).abs() < 1e-9);
    spare_with("555555555");
    drop(solvers);
    none_with("555555555");
}

#[test]
fn a_solve_that_is_cancelled_stops_at_once() {
    let cancel = Cancel::default();
    std::thread::scope(|scope| {
        let solve = scope.spawn(|| real().0.probe(Probe::EndlessLoop, &limits(), &cancel));
        std::thread::sleep(Duration::from_millis(300));
        let begin = Instant::now();
        cancel.cancel();
        assert_eq!(solve.join().unwrap(), Err(SolverError::Cancelled));
        assert!(begin.elapsed() < Duration::from_millis(500), "{:?}", begin.elapsed());
    });
}

#[test]
fn a_solver_is_chosen_by_the_class_and_by_name() {
    let mut program = allocation(Class::Lp);
    program.sense = Sense::Maximize;
    program.columns[0].upper = INF;
    let solution = real().named(Name::Highs).solve(&program, &limits(), &Cancel::default()).unwrap();
    assert!((solution.objective.unwrap() - (20.0 * 0.42 + 20.0 * 0.31 + 10.0 * 0.18)).abs() < 1e-9);
    let error = real().named(Name::CpSat).solve(&program, &limits(), &Cancel::default()).unwrap_err();
    assert!(matches!(error, SolverError::Refused(_)), "{error:?}");
}

#[test]
fn a_missing_library_is_said_to_be_missing() {
    let folder = tempfile::tempdir().unwrap();
    let solvers = open(&Config::default(), folder.path()).unwrap();
    let error = solvers.solve(&allocation(Class::Lp), &limits(), &Cancel::default()).unwrap_err();
    assert!(error.to_string().contains("make setup"), "{error}");
}

/// Thirty items of which half the weight is to be chosen, in four weights at once, as nearly as can be: a market split (Cornuéjols and
/// Dawande, *A class of hard small 0-1 programs*, 1998).
fn hard() -> Program {
    let mut program = empty(Class::Mip);
    let mut state = 7_u64;
    let mut weight = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        f64::from(u8::try_from(state >> 57).unwrap())
    };
    program.columns = vec![integer(0.0, 1.0); 30];
    for _ in 0..4 {
        let mut terms: Vec<(u32, f64)> = (0..30).map(|item| (item, weight())).collect();
        let half = (terms.iter().map(|(_, weight)| weight).sum::<f64>() / 2.0).floor();
        for sign in [1.0, -1.0] {
            let over = u32::try_from(program.columns.len()).unwrap();
            program.columns.push(column(0.0, INF));
            program.objective.push((over, 1.0));
            terms.push((over, sign));
        }
        program.rows.push(row(&terms, half, half));
    }
    program
}

#[test]
fn a_limit_of_time_is_kept_by_the_solver_itself() {
    let limits = Limits { time: Duration::from_millis(700), ..limits() };
    let begin = Instant::now();
    let solution = real().solve(&hard(), &limits, &Cancel::default()).unwrap();
    assert_eq!(solution.status, SolveStatus::Feasible, "{solution:?}");
    assert!(solution.bound.unwrap() < solution.objective.unwrap(), "{solution:?}");
    assert!(solution.solve_ms < 5_000.0, "{solution:?}");
    assert!(begin.elapsed() < Duration::from_secs(15));
}

#[test]
fn a_limit_of_nodes_ends_a_solve() {
    let limits = Limits { nodes: Some(1), ..limits() };
    let solution = real().solve(&hard(), &limits, &Cancel::default()).unwrap();
    assert!(solution.nodes.unwrap() <= 10 && solution.status != SolveStatus::Optimal, "{solution:?}");
}

/// A chain: each column is at least one more than the one before it.
fn chain(columns: u32) -> Program {
    let mut program = empty(Class::Lp);
    program.columns = vec![column(0.0, INF); columns as usize];
    program.objective = vec![(columns - 1, 1.0)];
    program.rows = (1..columns).map(|at| row(&[(at, 1.0), (at - 1, -1.0)], 1.0, INF)).collect();
    program
}

#[test]
fn a_hundred_thousand_columns_are_solved() {
    let solution = real().solve(&chain(100_000), &limits(), &Cancel::default()).unwrap();
    assert!((solution.objective.unwrap() - 99_999.0).abs() < 1e-3, "{:?} {:?}", solution.status, solution.objective);
}

#[test]
fn a_program_that_needs_more_memory_than_there_is_says_so() {
    let limits = Limits { memory_bytes: 48 << 20, ..limits() };
    let error = real().solve(&chain(100_000), &limits, &Cancel::default()).unwrap_err();
    assert_eq!(error, SolverError::OutOfMemory { limit_bytes: 48 << 20 });
}
