//! Real PostgreSQL and MariaDB servers for tests, which `make warehouses` brings. Each has a free port and a folder of its own, and ends
//! with the test.
//!
//! Both the unit tests and `tests/it` include this folder, beside that of the Redis servers, so it knows nothing of the program.

mod mariadb;
mod postgres;

pub use mariadb::MariaDbServer;
pub use postgres::PostgresServer;

use std::fs::File;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

/// How long a server may take to answer on a busy machine.
const START_WITHIN: Duration = Duration::from_secs(60);
/// Who runs a server that refuses to be run by root: `nobody` and `nogroup`.
const NOBODY: u32 = 65_534;

/// The unpacked folder of a server. Where it is missing the test fails: one that skips itself proves nothing.
fn unpacked(name: &str) -> PathBuf {
    let beside = || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/runtime"));
    let runtime = std::env::var_os("INSTINCT_RUNTIME_DIR").map_or_else(beside, PathBuf::from);
    let path = runtime.join("warehouses").join(name);
    assert!(path.join("bin").is_dir(), "{} is missing: run `make warehouses`, which brings it in seconds", path.display());
    path.canonicalize().unwrap()
}

/// A command of a program of a server, with the libraries that were brought with it.
fn program(root: &Path, name: &str) -> Command {
    let mut command = Command::new(root.join("bin").join(name));
    let items = ["usr/lib", "lib"].iter().flat_map(|top| std::fs::read_dir(root.join(top)).into_iter().flatten().flatten());
    let folders = items.map(|item| item.path()).filter(|path| path.to_string_lossy().ends_with("-linux-gnu"));
    let libraries: Vec<PathBuf> = folders.collect();
    if !libraries.is_empty() {
        command.env("LD_LIBRARY_PATH", std::env::join_paths(libraries).unwrap());
    }
    command.env("LC_ALL", "C").stdin(Stdio::null());
    command
}

fn is_root() -> bool {
    // SAFETY: the call takes nothing and cannot fail.
    unsafe { libc::geteuid() == 0 }
}

/// Whether everybody may come to a file through its folders.
fn open_to_all(path: &Path) -> bool {
    path.ancestors().skip(1).all(|folder| folder.metadata().is_ok_and(|found| found.mode() & 0o001 != 0))
}

/// Gives a folder or a file to the user that runs the server.
fn give(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    if is_root() {
        std::os::unix::fs::chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
    }
}

fn done(mut command: Command) -> Output {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let said = String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{command:?}: {}\n{said}", output.status);
    output
}

fn logged_to(command: &mut Command, path: &Path) {
    let log = File::options().create(true).append(true).open(path).unwrap();
    command.stdout(log.try_clone().unwrap()).stderr(log);
}
