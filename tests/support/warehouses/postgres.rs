//! PostgreSQL.

use super::{NOBODY, START_WITHIN, done, give, is_root, logged_to, open_to_all, program, unpacked};
use crate::redis::{free_port, spawn_bound};
use parking_lot::Mutex;
use std::fmt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio_postgres::{NoTls, SimpleQueryMessage};

/// One server, with its port on 127.0.0.1, where `postgres` may do everything without a password.
pub struct PostgresServer {
    root: PathBuf,
    arguments: Vec<String>,
    port: u16,
    dir: TempDir,
    child: Option<Child>,
}

impl PostgresServer {
    /// One that all tests share which run at the same time; it ends with the last of them.
    pub fn shared() -> Arc<Self> {
        static SHARED: Mutex<Weak<PostgresServer>> = Mutex::new(Weak::new());
        let mut shared = SHARED.lock();
        shared.upgrade().unwrap_or_else(|| {
            let server = Arc::new(Self::start(&[]));
            *shared = Arc::downgrade(&server);
            server
        })
    }

    /// One of the test's own, with more arguments: `&["-c", "autovacuum=off"]`.
    pub fn start(arguments: &[&str]) -> Self {
        let mut server = Self::made(arguments);
        server.serve();
        server
    }

    /// One that takes encrypted connections alone, and asks `reader` for a password.
    pub fn start_with_tls(certificate: &Path, key: &Path) -> Self {
        let mut server = Self::made(&["-c", "ssl=on", "-c", "ssl_cert_file=server.pem", "-c", "ssl_key_file=server.key"]);
        for (from, name) in [(certificate, "server.pem"), (key, "server.key")] {
            let to = server.data().join(name);
            std::fs::copy(from, &to).unwrap();
            give(&to, 0o600);
        }
        let who = "hostssl all reader 127.0.0.1/32 scram-sha-256\nhost all postgres 127.0.0.1/32 trust\n";
        std::fs::write(server.data().join("pg_hba.conf"), who).unwrap();
        server.serve();
        server
    }

    fn made(arguments: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        give(dir.path(), 0o755);
        let mut root = unpacked("postgres");
        // It does not run as root, and another user may not be let into the folder of the project.
        if is_root() && !open_to_all(&root.join("bin/postgres").canonicalize().unwrap()) {
            let copy = dir.path().join("programs");
            let mut copies = Command::new("cp");
            copies.arg("-a").args([&root, &copy]);
            done(copies);
            root = copy;
        }
        let arguments = arguments.iter().map(ToString::to_string).collect();
        let server = Self { root, arguments, port: 0, dir, child: None };
        let mut init = server.command("initdb");
        init.args(["-U", "postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync", "-D"]).arg(server.data());
        done(init);
        server
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.as_ref().unwrap().id()
    }

    /// `postgres://<role>@127.0.0.1:<port>/postgres`.
    pub fn url(&self, role: &str) -> String {
        format!("postgres://{role}@127.0.0.1:{}/postgres", self.port)
    }

    /// Has its owner say something, and gives the first column of the rows that come back.
    pub fn say(&self, sql: &str) -> Vec<String> {
        self.try_say(sql).unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    fn try_say(&self, sql: &str) -> Result<Vec<String>, String> {
        let (url, sql) = (self.url("postgres"), sql.to_owned());
        // A thread of its own, for a test may itself run on a runtime.
        let asked = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let (client, connection) = tokio_postgres::connect(&url, NoTls).await?;
                let driven = tokio::spawn(connection);
                let said = client.simple_query(&sql).await?;
                driven.abort();
                let first = |message: &SimpleQueryMessage| match message {
                    SimpleQueryMessage::Row(row) => Some(row.get(0).unwrap_or("NULL").to_owned()),
                    _ => None,
                };
                Ok(said.iter().filter_map(first).collect())
            })
        });
        asked.join().unwrap().map_err(|error: tokio_postgres::Error| {
            error.as_db_error().map_or_else(|| error.to_string(), |said| said.message().to_owned())
        })
    }

    /// Kills it and all its processes at once, as a loss of power would; its folder and its port stay.
    pub fn stop(&mut self) {
        if self.child.is_some() {
            self.signal(libc::SIGKILL);
        }
        if let Some(mut child) = self.child.take() {
            let _ = child.wait();
        }
    }

    /// Starts it again on its port; returns when it answers.
    pub fn restart(&mut self) {
        self.stop();
        // What the killed one left running holds the memory that both share.
        for _ in 0..100 {
            self.spawn();
            if self.answers() {
                return;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        panic!("it does not start again:\n{}", self.log());
    }

    /// Has it hang: connections stay open and nothing is answered.
    pub fn pause(&self) {
        self.signal(libc::SIGSTOP);
    }

    /// Has it go on.
    pub fn resume(&self) {
        self.signal(libc::SIGCONT);
    }

    /// What it logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("log")).unwrap_or_default()
    }

    fn signal(&self, signal: i32) {
        let own = i32::try_from(self.pid()).unwrap();
        let listed = std::fs::read_to_string(format!("/proc/{own}/task/{own}/children")).unwrap_or_default();
        for pid in std::iter::once(own).chain(listed.split_whitespace().filter_map(|pid| pid.parse().ok())) {
            // SAFETY: `kill` takes two numbers; the processes are our child, which was not waited for, and its children.
            unsafe { libc::kill(pid, signal) };
        }
    }

    fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    fn command(&self, name: &str) -> Command {
        let mut command = program(&self.root, name);
        command.current_dir(self.dir.path());
        if is_root() {
            command.uid(NOBODY).gid(NOBODY);
        }
        command
    }

    fn serve(&mut self) {
        // Another process may take the port between our look and the start.
        for _ in 0..5 {
            self.port = free_port();
            self.spawn();
            if self.answers() {
                return;
            }
            assert!(self.log().contains("Address already in use"), "it ended:\n{}", self.log());
        }
        panic!("no free port in five tries");
    }

    fn spawn(&mut self) {
        let mut command = self.command("postgres");
        command.arg("-D").arg(self.data()).args(["-p", &self.port.to_string()]);
        let set = ["listen_addresses=127.0.0.1", "unix_socket_directories=", "fsync=off", "jit=off", "shared_buffers=16MB"];
        for setting in set.into_iter().chain(["max_connections=60", "timezone=GMT", "log_timezone=GMT"]) {
            command.args(["-c", setting]);
        }
        command.args(&self.arguments);
        logged_to(&mut command, &self.dir.path().join("log"));
        self.child = Some(spawn_bound(command));
    }

    /// Waits until it answers; `false` where it ended instead.
    fn answers(&mut self) -> bool {
        let since = Instant::now();
        while self.child.as_mut().unwrap().try_wait().unwrap().is_none() {
            if self.try_say("SELECT 1").is_ok() {
                return true;
            }
            assert!(since.elapsed() < START_WITHIN, "no answer within {START_WITHIN:?}:\n{}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
        false
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            // SAFETY: `kill` takes two numbers; the process is our child and was not waited for, so its number is not another's.
            // This signal is that for an end at once that takes its own processes along.
            unsafe { libc::kill(i32::try_from(child.id()).unwrap(), libc::SIGQUIT) };
            let since = Instant::now();
            while since.elapsed() < Duration::from_secs(5) && matches!(child.try_wait(), Ok(None)) {
                std::thread::sleep(Duration::from_millis(5));
            }
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl fmt::Debug for PostgresServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PostgresServer({})", self.port)
    }
}
