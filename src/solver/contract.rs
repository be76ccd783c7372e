//! What every solver must do, the exact one in this process and the real ones alike.

use super::program::{Class, Column, Program, Row, Sense};
use super::{Chosen, Config, Limits, open};
use std::path::PathBuf;
use std::sync::LazyLock;
use std::time::Duration;

/// The runtime folder of the tests.
pub(super) fn runtime_dir() -> PathBuf {
    std::env::var_os("INSTINCT_RUNTIME_DIR")
        .map_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/runtime")), PathBuf::from)
}

/// Where the test binary itself is started as a worker: it does a worker's work and never comes to its tests.
#[used]
#[unsafe(link_section = ".init_array")]
static WORKER: extern "C" fn() = {
    extern "C" fn work_where_asked() {
        let mut arguments = std::env::args().skip(1);
        if arguments.next().as_deref() == Some("solve-worker") {
            super::worker_main(&arguments.next().unwrap_or_default());
        }
    }
    work_where_asked
};

/// The real solvers, opened once: their libraries are read through once.
pub(super) fn real() -> &'static Chosen {
    static REAL: LazyLock<Chosen> = LazyLock::new(|| {
        let config = Config { workers_max: 4, waiting_max: 1_000, wait_ms: 60_000, ..Config::default() };
        open(&config, &runtime_dir()).unwrap_or_else(|error| panic!("the solvers did not open, run `make setup`: {error}"))
    });
    &REAL
}

/// Limits that no test comes to.
pub(super) fn limits() -> Limits {
    Limits { time: Duration::from_secs(30), memory_bytes: 1 << 30, nodes: None, gap: 1e-9 }
}

/// A program with nothing in it.
pub(super) fn empty(class: Class) -> Program {
    Program {
        class,
        sense: Sense::Minimize,
        columns: Vec::new(),
        objective: Vec::new(),
        offset: 0.0,
        quadratic: Vec::new(),
        rows: Vec::new(),
        cones: Vec::new(),
        rules: Vec::new(),
    }
}

/// A continuous column.
pub(super) fn column(lower: f64, upper: f64) -> Column {
    Column { name: "x".to_owned(), lower, upper, integer: false }
}

/// An integer column.
pub(super) fn integer(lower: f64, upper: f64) -> Column {
    Column { integer: true, ..column(lower, upper) }
}

/// A row.
pub(super) fn row(terms: &[(u32, f64)], lower: f64, upper: f64) -> Row {
    Row { name: "r".to_owned(), terms: terms.to_vec(), lower, upper, only_if: Vec::new() }
}
