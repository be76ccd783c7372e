//! Real Redis servers for tests, which `make redis` brings. Each has a free port and a folder of its own, and ends with the test.
//!
//! Both the unit tests and `tests/it` include this folder, so it knows nothing of the program.

mod cluster;
mod reply;
mod sentinel;
mod tls;

pub use cluster::Cluster;
pub use sentinel::Sentinel;
pub use tls::Certificates;

use std::fmt;
use std::fs::File;
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{OnceLock, mpsc};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How long a server may take to answer on a busy machine.
const START_WITHIN: Duration = Duration::from_secs(30);

/// One server, with its port on 127.0.0.1.
pub struct RedisServer {
    program: PathBuf,
    arguments: Vec<String>,
    port: u16,
    dir: TempDir,
    child: Option<Child>,
}

impl RedisServer {
    /// Redis 8 without modules, without persistence unless `arguments` ask for it: `&["--appendonly", "yes"]`.
    pub fn start(arguments: &[&str]) -> Self {
        Self::start_program("redis-server", arguments)
    }

    /// The same with the search module.
    pub fn start_with_search(arguments: &[&str]) -> Self {
        let module = file("redisearch.so");
        Self::start(&[&["--loadmodule", &module.to_string_lossy()], arguments].concat())
    }

    /// Redis 7 as Debian has it.
    pub fn start_older(arguments: &[&str]) -> Self {
        Self::start_program("redis-server-tls", arguments)
    }

    fn start_program(program: &str, arguments: &[&str]) -> Self {
        // Another process may take the port between our look and the start.
        for _ in 0..5 {
            let mut server = Self {
                program: file(program),
                arguments: arguments.iter().map(ToString::to_string).collect(),
                port: free_port(),
                dir: tempfile::tempdir().unwrap(),
                child: None,
            };
            server.spawn();
            if server.answers() {
                return server;
            }
            let log = server.log();
            assert!(log.contains("Address already in use"), "{program} {arguments:?} ended:\n{log}");
        }
        panic!("{program} found no free port in five tries");
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Where its files are.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.as_ref().unwrap().id()
    }

    /// `redis://127.0.0.1:<port>`.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// What it says to a command, the parts of an array one to a line.
    pub fn say(&self, command: &[&str]) -> String {
        self.try_say(command).unwrap_or_else(|error| panic!("{command:?} on {}: {error}", self.port))
    }

    /// The same, where an error is an answer too.
    ///
    /// # Errors
    /// What the server or the network said.
    pub fn try_say(&self, command: &[&str]) -> Result<String, String> {
        reply::ask(self.port, command)
    }

    /// Kills it at once, as a loss of power would; its folder and its port stay.
    pub fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Starts it again on its port with the files that it left behind; returns when it answers.
    pub fn restart(&mut self) {
        self.stop();
        // A socket of the killed process may linger for a moment.
        for _ in 0..20 {
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
        std::fs::read_to_string(self.dir().join("log")).unwrap_or_default()
    }

    fn signal(&self, signal: i32) {
        let pid = i32::try_from(self.pid()).unwrap();
        // SAFETY: `kill` takes two numbers; the process is our child and was not waited for, so its number is not another's.
        assert_eq!(unsafe { libc::kill(pid, signal) }, 0);
    }

    fn spawn(&mut self) {
        let log = File::create(self.dir().join("log")).unwrap();
        let mut command = Command::new(&self.program);
        // A file of settings, where there is one, comes before all else and makes the server another kind.
        let first = self.arguments.first().filter(|first| !first.starts_with("--"));
        command.args(first).args(["--port", &self.port.to_string(), "--bind", "127.0.0.1", "--dir"]).arg(self.dir());
        if first.is_none() {
            command.args([
                "--save",
                "",
                "--appendonly",
                "no",
                "--repl-diskless-sync-delay",
                "0",
                "--enable-debug-command",
                "yes",
            ]);
        }
        command.args(self.arguments.iter().skip(usize::from(first.is_some())));
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log).current_dir(self.dir());
        self.child = Some(spawn_bound(command));
    }

    /// Waits until it answers; `false` where it ended instead.
    fn answers(&mut self) -> bool {
        let since = Instant::now();
        while self.child.as_mut().unwrap().try_wait().unwrap().is_none() {
            // A server that asks for a password answers too.
            match self.try_say(&["PING"]) {
                Ok(_) => return true,
                Err(said) if said.starts_with("NOAUTH") => return true,
                Err(_) => {}
            }
            assert!(since.elapsed() < START_WITHIN, "no answer within {START_WITHIN:?}:\n{}", self.log());
            std::thread::sleep(Duration::from_millis(5));
        }
        false
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.stop();
    }
}

impl fmt::Debug for RedisServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RedisServer({})", self.port)
    }
}

/// Waits until `holds`, for at most ten seconds.
pub fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let since = Instant::now();
    while !holds() {
        assert!(since.elapsed() < Duration::from_secs(10), "not within ten seconds: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Where `make redis` puts a file. Where it is missing the test fails: one that skips itself proves nothing.
pub fn file(name: &str) -> PathBuf {
    let beside = || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/runtime"));
    let path = std::env::var_os("INSTINCT_RUNTIME_DIR").map_or_else(beside, PathBuf::from).join("redis/bin").join(name);
    assert!(path.is_file(), "{} is missing: run `make redis`, which brings it in seconds", path.display());
    path
}

/// A port that nobody listens on. From below those that the system gives to outgoing connections, or a client that tries to reconnect
/// could be given the very port of a server that is down.
pub fn free_port() -> u16 {
    let free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
    std::iter::repeat_with(|| fastrand::u16(15_000..32_000)).take(1_000).find(free).unwrap()
}

/// Starts a process that ends with this one, however that ends. The kernel binds a child to the thread that started it, and threads
/// of tests end early, so one that never does starts them all.
pub fn spawn_bound(mut command: Command) -> Child {
    type Order = (Command, mpsc::Sender<Child>);
    static STARTER: OnceLock<mpsc::Sender<Order>> = OnceLock::new();
    let starter = STARTER.get_or_init(|| {
        let (orders, taken) = mpsc::channel::<Order>();
        std::thread::spawn(move || {
            for (mut command, answer) in taken {
                let _ = answer.send(command.spawn().unwrap());
            }
        });
        orders
    });
    // SAFETY: between fork and exec there is but one system call, which touches no memory of this process.
    unsafe {
        command.pre_exec(|| {
            if libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) == 0 { Ok(()) } else { Err(std::io::Error::last_os_error()) }
        })
    };
    let (answer, child) = mpsc::channel();
    starter.send((command, answer)).unwrap();
    child.recv().unwrap()
}
