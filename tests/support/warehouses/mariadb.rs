//! MariaDB.

use super::{START_WITHIN, done, is_root, logged_to, program, unpacked};
use crate::redis::{free_port, spawn_bound};
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, OptsBuilder, Row, SslOpts};
use parking_lot::Mutex;
use std::fmt;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// What makes the tables of the system, in the order in which its own installer gives them.
const SYSTEM: [&str; 3] = ["mysql_system_tables.sql", "mysql_performance_tables.sql", "mysql_system_tables_data.sql"];

/// One server, with its port on 127.0.0.1, where `owner` may do everything without a password.
pub struct MariaDbServer {
    root: PathBuf,
    arguments: Vec<String>,
    port: u16,
    dir: TempDir,
    child: Option<Child>,
    encrypted: bool,
}

impl MariaDbServer {
    /// One that all tests share which run at the same time; it ends with the last of them.
    pub fn shared() -> Arc<Self> {
        static SHARED: Mutex<Weak<MariaDbServer>> = Mutex::new(Weak::new());
        let mut shared = SHARED.lock();
        shared.upgrade().unwrap_or_else(|| {
            let server = Arc::new(Self::start(&[]));
            *shared = Arc::downgrade(&server);
            server
        })
    }

    /// One of the test's own, with more arguments: `&["--max-connections=5"]`.
    pub fn start(arguments: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let encrypted = arguments.contains(&"--require-secure-transport=on");
        let arguments = arguments.iter().map(ToString::to_string).collect();
        let mut server = Self { root: unpacked("mariadb"), arguments, port: 0, dir, child: None, encrypted };
        server.install();
        // Another process may take the port between our look and the start.
        for _ in 0..5 {
            server.port = free_port();
            server.spawn();
            if server.answers() {
                return server;
            }
            assert!(server.log().contains("Address already in use"), "it ended:\n{}", server.log());
        }
        panic!("no free port in five tries");
    }

    /// One that takes encrypted connections alone.
    pub fn start_with_tls(certificate: &Path, key: &Path) -> Self {
        let file = |name: &str, path: &Path| format!("--{name}={}", path.display());
        Self::start(&[&file("ssl-cert", certificate), &file("ssl-key", key), "--require-secure-transport=on"])
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.as_ref().unwrap().id()
    }

    /// `mysql://<role>@127.0.0.1:<port>/<database>`.
    pub fn url(&self, role: &str, database: &str) -> String {
        format!("mysql://{role}@127.0.0.1:{}/{database}", self.port)
    }

    /// Has its owner say something, and gives the first column of the rows that come back.
    pub fn say(&self, sql: &str) -> Vec<String> {
        self.try_say(sql).unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    fn try_say(&self, sql: &str) -> Result<Vec<String>, String> {
        let encryption = SslOpts::default().with_danger_accept_invalid_certs(true);
        let opts = OptsBuilder::default()
            .ip_or_hostname("127.0.0.1")
            .tcp_port(self.port)
            .user(Some("owner"))
            .prefer_socket(false)
            .ssl_opts(self.encrypted.then_some(encryption));
        let sql = sql.to_owned();
        // A thread of its own, for a test may itself run on a runtime.
        let asked = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let mut owner = Conn::new(opts).await?;
                let mut result = owner.query_iter(sql).await?;
                let mut all: Vec<Row> = Vec::new();
                while !result.is_empty() {
                    all.extend(result.collect::<Row>().await?);
                }
                result.drop_result().await?;
                owner.disconnect().await?;
                Ok(all.into_iter().map(|row| row.get::<Option<String>, _>(0).flatten().unwrap_or("NULL".to_owned())).collect())
            })
        });
        asked.join().unwrap().map_err(|error: mysql_async::Error| error.to_string())
    }

    /// Kills it at once, as a loss of power would; its folder and its port stay.
    pub fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Starts it again on its port; returns when it answers.
    pub fn restart(&mut self) {
        self.stop();
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
        std::fs::read_to_string(self.dir.path().join("log")).unwrap_or_default()
    }

    fn signal(&self, signal: i32) {
        let pid = i32::try_from(self.pid()).unwrap();
        // SAFETY: `kill` takes two numbers; the process is our child and was not waited for, so its number is not another's.
        assert_eq!(unsafe { libc::kill(pid, signal) }, 0);
    }

    fn command(&self) -> Command {
        let mut command = program(&self.root, "mariadbd");
        let inside = |path: &str| self.dir.path().join(path).display().to_string();
        let usr = if self.root.join("usr").is_dir() { self.root.join("usr") } else { PathBuf::from("/usr") };
        command.current_dir(self.dir.path()).arg("--no-defaults");
        command.arg(format!("--basedir={}", usr.display())).arg(format!("--lc-messages-dir={}/share/mysql", usr.display()));
        for (name, path) in [("datadir", "data"), ("tmpdir", "tmp"), ("socket", "socket"), ("pid-file", "pid")] {
            command.arg(format!("--{name}={}", inside(path)));
        }
        command.args(["--innodb-buffer-pool-size=32M", "--innodb-flush-log-at-trx-commit=0", "--innodb-log-file-size=8M"]);
        command.args(["--character-set-server=utf8mb4", "--collation-server=utf8mb4_bin", "--performance-schema=off"]);
        if is_root() {
            command.arg("--user=root");
        }
        command
    }

    fn install(&self) {
        for folder in ["data/mysql", "tmp"] {
            std::fs::create_dir_all(self.dir.path().join(folder)).unwrap();
        }
        let share = [self.root.join("usr/share/mysql"), PathBuf::from("/usr/share/mysql"), PathBuf::from("/usr/share/mariadb")];
        let share = share
            .iter()
            .find(|folder| folder.join(SYSTEM[0]).is_file())
            .unwrap_or_else(|| panic!("the server's own SQL is missing"));
        let mut sql = "USE mysql;\n".to_owned();
        SYSTEM.iter().for_each(|name| sql += &std::fs::read_to_string(share.join(name)).unwrap());
        let path = self.dir.path().join("install.sql");
        std::fs::write(&path, sql).unwrap();
        let mut command = self.command();
        command.args(["--bootstrap", "--skip-networking", "--log-warnings=0"]).stdin(File::open(path).unwrap());
        done(command);
        let owner = "CREATE USER IF NOT EXISTS owner@'%';\nGRANT ALL PRIVILEGES ON *.* TO owner@'%' WITH GRANT OPTION;\n\
            DELETE FROM mysql.global_priv WHERE User = '';\nFLUSH PRIVILEGES;\n";
        std::fs::write(self.dir.path().join("owner.sql"), owner).unwrap();
    }

    fn spawn(&mut self) {
        let mut command = self.command();
        command.arg(format!("--port={}", self.port)).args(["--bind-address=127.0.0.1", "--skip-name-resolve"]);
        command.arg(format!("--init-file={}", self.dir.path().join("owner.sql").display()));
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

impl Drop for MariaDbServer {
    fn drop(&mut self) {
        self.stop();
    }
}

impl fmt::Debug for MariaDbServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MariaDbServer({})", self.port)
    }
}
