//! The engine of a process: loaded once, its folder, its connections, and what ends its queries.
//!
//! Invariants:
//! - a connection that runs what came through the seam is set to read only before, and is closed after;
//! - a query whose caller is gone or whose deadline passed is ended in the engine, and again until it is gone.

use super::super::config::Config;
use super::super::{WarehouseError, clickhouse_text};
use super::library::{self, Connection, Fault, Functions, VERSION, away};
use parking_lot::Mutex;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

/// Where tables are filled before they take their place; no other database may have the name.
pub(super) const STAGING: &str = "_put";

/// How often a query that has to end is told so until it has.
const AGAIN: Duration = Duration::from_millis(20);

/// The engine's own configuration. What is dropped is deleted at once, and nobody may look out of the database: the one user has no right
/// to files, URLs or other servers.
const CONFIG: &str = "<clickhouse><users_config>{users}</users_config><logger><level>none</level></logger>\
    <database_atomic_delay_before_drop_table_sec>0</database_atomic_delay_before_drop_table_sec>\
    <background_pool_size>1</background_pool_size></clickhouse>";
const USERS: &str = "<clickhouse><profiles><default/></profiles><quotas><default/></quotas><users><default><password></password>\
    <networks><ip>::1</ip><ip>127.0.0.1</ip></networks><profile>default</profile><quota>default</quota><grants><query>GRANT SELECT, INSERT, \
    CREATE DATABASE, CREATE TABLE, DROP DATABASE, DROP TABLE, SHOW ON *.*</query></grants></default></users></clickhouse>";

/// The engine of this process, once it runs.
static RUNNING: Mutex<Option<Arc<Engine>>> = Mutex::new(None);

/// A query that runs: told apart by its number, and whether it has ended.
#[derive(Debug, Clone)]
pub(super) struct Running {
    number: u64,
    left: Arc<AtomicBool>,
    ended: Arc<AtomicBool>,
}

/// What a query is held to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// How long it may take.
    pub time: Duration,
    /// Rows that may come back.
    pub rows_max: usize,
    /// Bytes that may come back.
    pub bytes_max: usize,
}

/// The engine.
#[derive(Debug)]
pub(super) struct Engine {
    functions: &'static Functions,
    folder: PathBuf,
    config: Config,
    queries: AtomicU64,
    ends: Sender<Running>,
    /// Open for as long as the process lives: without a connection the engine goes down, and comes up again with the next.
    #[cfg_attr(not(test), expect(dead_code, reason = "what counts is that it is open"))]
    first: Mutex<Connection>,
}

/// What a fault of this module's own statements means: that the engine is of no use.
fn broken(fault: Fault) -> WarehouseError {
    WarehouseError::Away { said: fault.0 }
}

impl Engine {
    /// The engine of this process, which is loaded and started where it is not running yet. Blocks for a second or so then.
    pub(super) fn get(library: &Path, folder: &Path, config: &Config) -> Result<Arc<Self>, WarehouseError> {
        let mut running = RUNNING.lock();
        fs::create_dir_all(folder).map_err(|error| away(folder, error))?;
        let folder = folder.canonicalize().map_err(|error| away(folder, error))?;
        if let Some(engine) = &*running {
            if engine.folder != folder {
                return Err(away(&folder, format!("the engine of this process has the folder {}", engine.folder.display())));
            }
            return Ok(Arc::clone(engine));
        }
        let engine = Arc::new(Self::start(Functions::load(library)?, folder, config)?);
        *running = Some(Arc::clone(&engine));
        Ok(engine)
    }

    fn start(functions: &'static Functions, folder: PathBuf, config: &Config) -> Result<Self, WarehouseError> {
        let users = folder.join("users.xml").display().to_string().replace('&', "&amp;").replace('<', "&lt;");
        for (name, text) in [("config.xml", CONFIG.replace("{users}", &users).as_str()), ("users.xml", USERS)] {
            fs::write(folder.join(name), text).map_err(|error| away(&folder, error))?;
        }
        let arguments = arguments(&folder);
        let connect = || functions.connect(&arguments).ok_or_else(|| away(&folder, "the engine does not start on this folder"));
        let mut first = connect()?;
        if !library::exit_before_destructors() {
            return Err(away(&folder, "nothing can be done at the exit of the process"));
        }
        let version = first.query(b"SELECT version()", "TSVRaw", &[]).map_err(broken)?;
        let version = String::from_utf8_lossy(version.bytes()).trim().to_owned();
        if version != VERSION {
            return Err(away(&folder, format!("the engine is {version} instead of {VERSION}")));
        }
        // What a process that was killed had not put in place yet.
        first.execute(&format!("DROP DATABASE IF EXISTS {STAGING}")).map_err(broken)?;
        first.execute(&format!("CREATE DATABASE {STAGING}")).map_err(broken)?;
        let (ends, to_end) = channel();
        let ender = connect()?;
        let started = std::thread::Builder::new().name("warehouse-end".to_owned()).spawn(move || end_queries(ender, &to_end));
        started.map_err(|error| away(&folder, error))?;
        Ok(Self { functions, folder, config: config.clone(), queries: AtomicU64::new(1), ends, first: Mutex::new(first) })
    }

    /// A connection that may write, for what this module asks itself.
    pub(super) fn connect(&self) -> Result<Connection, WarehouseError> {
        let connection = self.functions.connect(&arguments(&self.folder));
        connection.ok_or_else(|| away(&self.folder, "the engine takes no further connection"))
    }

    /// A query to be.
    pub(super) fn register(&self) -> Running {
        let number = self.queries.fetch_add(1, Ordering::Relaxed);
        Running { number, left: Arc::default(), ended: Arc::default() }
    }

    /// Ends a query, where it has not ended.
    pub(super) fn end(&self, query: &Running) {
        query.left.store(true, Ordering::Release);
        if !query.ended.load(Ordering::Acquire) {
            // The other side hangs up only with the process.
            let _ = self.ends.send(query.clone());
        }
    }

    /// Runs something on a connection that may only read, within limits, as this query.
    pub(super) fn read<T>(
        &self,
        query: &Running,
        limits: &Limits,
        work: impl FnOnce(&mut Connection) -> Result<T, WarehouseError>,
    ) -> Result<T, WarehouseError> {
        let _ended = Ended(query);
        if query.left.load(Ordering::Acquire) || limits.time.is_zero() {
            return Err(WarehouseError::Late);
        }
        let mut connection = self.connect()?;
        connection.execute(&self.settings(query, limits)).map_err(broken)?;
        if query.left.load(Ordering::Acquire) {
            return Err(WarehouseError::Late);
        }
        work(&mut connection)
    }

    /// `readonly` stands last: nothing can be set after it, not by the statement either.
    fn settings(&self, query: &Running, limits: &Limits) -> String {
        let format = clickhouse_text::FORMAT_SETTINGS.map(|(name, value)| format!("{name} = '{value}'")).join(", ");
        // Nought would be without an end.
        let time = limits.time.min(self.config.time_max()).as_secs_f64().max(0.001);
        let (rows, bytes) = (limits.rows_max.max(1), limits.bytes_max.max(1));
        let Config { threads, query_memory_bytes_max, memory_bytes_max, .. } = self.config;
        format!(
            "SET {format}, max_execution_time = {time:.3}, timeout_overflow_mode = 'throw', timeout_before_checking_execution_speed = 0, \
             max_result_rows = {rows}, max_result_bytes = {bytes}, result_overflow_mode = 'throw', max_threads = {threads}, \
             max_memory_usage = {query_memory_bytes_max}, max_memory_usage_for_user = {memory_bytes_max}, \
             log_comment = '{}', allow_introspection_functions = 0, allow_ddl = 0, readonly = 1",
            tag(query.number)
        )
    }

    /// Statements that run in the engine now and begin so.
    #[cfg(test)]
    pub(super) fn running(&self, begin: &str) -> usize {
        let sql = format!("SELECT count() FROM system.processes WHERE startsWith(query, '{begin}')");
        let answer = self.first.lock().query(sql.as_bytes(), "TSVRaw", &[]).unwrap();
        String::from_utf8_lossy(answer.bytes()).trim().parse().unwrap()
    }
}

fn arguments(folder: &Path) -> Vec<String> {
    let config = format!("--config-file={}", folder.join("config.xml").display());
    vec!["instinct".to_owned(), format!("--path={}", folder.display()), config]
}

/// What a query is known by among those that the engine runs.
fn tag(number: u64) -> String {
    format!("instinct-{number}")
}

/// Says that a query has ended, however it did.
struct Ended<'a>(&'a Running);

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        self.0.ended.store(true, Ordering::Release);
    }
}

/// Ends queries until they have ended; one may not have begun yet when it is told for the first time.
fn end_queries(mut connection: Connection, to_end: &Receiver<Running>) {
    let mut open: Vec<Running> = Vec::new();
    loop {
        let received =
            if open.is_empty() { to_end.recv().map_err(|_| RecvTimeoutError::Disconnected) } else { to_end.recv_timeout(AGAIN) };
        match received {
            Ok(query) => open.push(query),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        open.extend(to_end.try_iter());
        open.retain(|query| !query.ended.load(Ordering::Acquire));
        if open.is_empty() {
            continue;
        }
        let tags: Vec<String> = open.iter().map(|query| format!("'{}'", tag(query.number))).collect();
        let kill = format!("KILL QUERY WHERE Settings['log_comment'] IN ({}) ASYNC", tags.join(", "));
        if let Err(fault) = connection.execute(&kill) {
            tracing::warn!(fault = fault.0, "the warehouse did not take that a query has to end");
        }
    }
}
