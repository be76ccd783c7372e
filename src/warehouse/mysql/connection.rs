//! Connections: made with every write forbidden, lent to one statement at a time, killed where a statement had to be ended.

use super::config::{Config, SECTION};
use super::error;
use super::flavour::Flavour;
use crate::domain::deadline::Deadline;
use crate::warehouse::WarehouseError;
use crate::warehouse::server::{self, OpenError, PoolConfig, Writable};
use deadpool::Runtime;
use deadpool::managed::{Manager, Metrics, Object, Pool, RecycleError, RecycleResult};
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Opts, Row, Value};
use std::fmt;
use std::time::Duration;

/// How long it may take to have a connection killed.
const KILL_WITHIN: Duration = Duration::from_secs(5);

/// The rights of a role that reads. Every other one, also one that a newer server brings, is taken for one to write.
const READING: [&str; 5] = ["USAGE", "SELECT", "SHOW VIEW", "SHOW DATABASES", "PROCESS"];

/// A connection that is set up.
pub(super) struct Session {
    pub(super) conn: Conn,
    pub(super) flavour: Flavour,
}

/// Makes connections.
struct Maker {
    opts: Opts,
    writable: Writable,
}

impl Manager for Maker {
    type Type = Session;
    type Error = WarehouseError;

    async fn create(&self) -> Result<Session, WarehouseError> {
        let failed = |error: mysql_async::Error| error::of_connection(&error);
        let mut conn = Conn::new(self.opts.clone()).await.map_err(failed)?;
        let version: Option<(String, String)> = conn.query_first("SELECT VERSION(), @@version_comment").await.map_err(failed)?;
        let (version, comment) = version.unwrap_or_default();
        let flavour = Flavour::of(&version, &comment);
        for setting in flavour.settings() {
            conn.query_drop(*setting).await.map_err(failed)?;
        }
        for wish in flavour.wishes() {
            if let Err(error) = conn.query_drop(*wish).await {
                tracing::debug!(setting = wish, %error, "the server does not know a setting of the session");
            }
        }
        if let Some(found) = rights(&mut conn, flavour).await.map_err(failed)? {
            server::judge(SECTION, self.writable, &found)
                .map_err(|said| WarehouseError::Refused { code: "writable".to_owned(), said })?;
        }
        Ok(Session { conn, flavour })
    }

    async fn recycle(&self, session: &mut Session, _: &Metrics) -> RecycleResult<WarehouseError> {
        if session.conn.is_disconnected() { Err(RecycleError::message("it is closed")) } else { Ok(()) }
    }
}

/// What the role's grants would let it write.
async fn rights(conn: &mut Conn, flavour: Flavour) -> Result<Option<String>, mysql_async::Error> {
    let mut sql = "SHOW GRANTS".to_owned();
    // MariaDB shows what a role that is taken on brings; MySQL only where it is asked for by name.
    if flavour == Flavour::MySql {
        let roles: Option<String> = conn.query_first("SELECT CURRENT_ROLE()").await.unwrap_or_default();
        if let Some(roles) = roles.filter(|roles| !roles.eq_ignore_ascii_case("none") && !roles.is_empty()) {
            sql = format!("SHOW GRANTS FOR CURRENT_USER() USING {roles}");
        }
    }
    let lines: Vec<Row> = conn.query(sql).await?;
    // StarRocks says in other columns whose they are.
    let grants = lines.iter().filter_map(|line| match line.as_ref(line.len().checked_sub(1)?) {
        Some(Value::Bytes(text)) => Some(String::from_utf8_lossy(text).into_owned()),
        _ => None,
    });
    Ok(grants.filter_map(|grant| writes(&grant)).next())
}

/// The first right of a grant that is not one to read. It is said without the rest of the line, which may hold the hash of a password.
fn writes(grant: &str) -> Option<String> {
    let rest = grant.trim().strip_prefix("GRANT ")?;
    // A line without a place names a role, whose own grants are lines of their own.
    let (rights, place) = rest.split_once(" ON ")?;
    let mut depth = 0_u32;
    let split = |sign: char| {
        match sign {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        sign == ',' && depth == 0
    };
    let mut named = rights.split(split).map(|right| right.split('(').next().unwrap_or_default().trim().to_ascii_uppercase());
    let found = named.find(|right| !READING.contains(&right.as_str()))?;
    Some(format!("{found} on {}", place.split(" TO ").next().unwrap_or_default()))
}

/// The connections to one server.
#[derive(Clone)]
pub(super) struct Connections {
    pool: Pool<Maker>,
    opts: Opts,
    bounds: PoolConfig,
}

impl Connections {
    pub(super) fn new(config: &Config) -> Result<Self, OpenError> {
        let opts = config.client()?;
        let maker = Maker { opts: opts.clone(), writable: config.writable };
        let pool = Pool::builder(maker).max_size(config.pool.connections_max).runtime(Runtime::Tokio1).build();
        let pool = pool.map_err(|error| OpenError::setting(format!("{SECTION}.pool"), error.to_string()))?;
        Ok(Self { pool, opts, bounds: config.pool })
    }

    /// Waits for a connection, at most until the deadline; makes one where fewer are open than may be.
    pub(super) async fn take(&self, deadline: Deadline) -> Result<Running, WarehouseError> {
        let connection = server::take(&self.pool, self.bounds, deadline, |error| error).await?;
        let kept = Object::metrics(&connection).recycle_count > 0;
        let id = connection.conn.id();
        Ok(Running { connection: Some(connection), id, opts: self.opts.clone(), kept })
    }

    /// Closes the connections that nobody uses.
    pub(super) fn forget_idle(&self) {
        self.pool.retain(|_, _| false);
    }

    #[cfg(test)]
    pub(super) fn open(&self) -> usize {
        self.pool.status().size
    }

    #[cfg(test)]
    pub(super) fn waiting(&self) -> usize {
        self.pool.status().waiting
    }
}

impl fmt::Debug for Connections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connections").field("status", &self.pool.status()).finish_non_exhaustive()
    }
}

/// A connection with the statement that runs on it. Where it is dropped before it is settled, the statement is ended in the server.
pub(super) struct Running {
    connection: Option<Object<Maker>>,
    id: u32,
    opts: Opts,
    /// Whether the connection was made for an earlier statement, and so may have died meanwhile.
    pub(super) kept: bool,
}

impl Running {
    pub(super) fn session(&mut self) -> Result<&mut Session, WarehouseError> {
        let session = self.connection.as_mut().map(|connection| -> &mut Session { connection });
        session.ok_or_else(|| WarehouseError::Away { said: "the connection was given up".to_owned() })
    }

    /// Says what became of the statement: one that is over leaves a connection that can be used again.
    pub(super) fn end<T>(
        mut self,
        result: Result<Result<T, WarehouseError>, tokio::time::error::Elapsed>,
    ) -> Result<T, WarehouseError> {
        let result = result.unwrap_or(Err(WarehouseError::Late));
        match &result {
            Ok(_) | Err(WarehouseError::Refused { .. } | WarehouseError::Busy) => self.settle(),
            Err(WarehouseError::Away { .. }) => drop(self.connection.take().map(Object::take)),
            Err(WarehouseError::Late | WarehouseError::TooLarge(_)) => drop(self),
        }
        result
    }

    /// Gives the connection back.
    pub(super) fn settle(mut self) {
        self.connection = None;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let Some(connection) = self.connection.take() else { return };
        // Without a runtime nothing can be sent any more; the server's own limit of time ends the statement.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(call_off(connection, self.id, self.opts.clone()));
        } else {
            drop(Object::take(connection));
        }
    }
}

/// Has the server end a connection with what runs on it. `KILL QUERY` would spare the connection, but one that overtakes its statement ends
/// nothing, and one that comes late ends the next.
async fn call_off(connection: Object<Maker>, id: u32, opts: Opts) {
    let told = tokio::time::timeout(KILL_WITHIN, async {
        let mut other = Conn::new(opts).await?;
        other.query_drop(format!("KILL {id}")).await?;
        other.disconnect().await
    });
    match told.await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!(%error, "a statement could not be called off; its limit of time ends it"),
        Err(_) => tracing::warn!("a statement could not be called off in time; its limit of time ends it"),
    }
    drop(Object::take(connection));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grant_of_anything_but_reading_is_found_and_said_without_a_password() {
        for grant in [
            "GRANT USAGE ON *.* TO `r`@`%` IDENTIFIED BY PASSWORD '*HASH'",
            "GRANT SELECT, SHOW VIEW ON `shop`.* TO `r`@`%`",
            "GRANT SELECT (`a`, `b`) ON `shop`.`t` TO `r`@`%`",
            "GRANT `analyst` TO `r`@`%`",
            "GRANT SELECT ON ALL TABLES IN ALL DATABASES TO USER 'r'@'%'",
        ] {
            assert_eq!(writes(grant), None, "{grant}");
        }
        let all = writes("GRANT ALL PRIVILEGES ON *.* TO `r`@`%` IDENTIFIED BY PASSWORD '*HASH' WITH GRANT OPTION");
        assert_eq!(all.as_deref(), Some("ALL PRIVILEGES on *.*"));
        assert_eq!(writes("GRANT SELECT (`a`, `b`), INSERT (`a`) ON `s`.`t` TO `r`@`%`").as_deref(), Some("INSERT on `s`.`t`"));
        assert_eq!(writes("GRANT EXECUTE ON `s`.* TO `r`@`%`").as_deref(), Some("EXECUTE on `s`.*"));
    }
}
