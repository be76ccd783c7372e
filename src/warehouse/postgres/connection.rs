//! Connections: made with every write forbidden, lent to one statement at a time, given up where a statement had to be ended.

use super::config::{Config, SECTION};
use super::error;
use crate::domain::deadline::Deadline;
use crate::warehouse::WarehouseError;
use crate::warehouse::server::{self, OpenError, PoolConfig, Writable};
use deadpool_postgres::{ClientWrapper, Hook, HookError, Manager, ManagerConfig, Object, Pool, RecyclingMethod, Runtime};
use std::time::Duration;
use tokio_postgres::{CancelToken, Client, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

/// How long one try to cancel a statement may take, and how often it is tried: one that overtakes its statement ends nothing.
const CANCEL_WITHIN: Duration = Duration::from_secs(2);
const CANCEL_TRIES: usize = 3;
/// How long the server may take to end a statement before it is told once more.
const CANCELLED_WITHIN: Duration = Duration::from_millis(250);

/// What every session is set to. A gate that wrote the statement counts on the first; the bounds of time are for what our own fail to end.
const SESSION: &str = "SET standard_conforming_strings = on; SET default_transaction_read_only = on; \
    SET idle_in_transaction_session_timeout = 10000; SET lock_timeout = 5000; SET TimeZone = 'GMT'; SET DateStyle = 'ISO, YMD'; \
    SET IntervalStyle = 'iso_8601'; SET bytea_output = 'hex'; SET extra_float_digits = 1";

/// What the role's rights would let it do in the schema: roles of the server that reach out of it, the schema itself, its tables.
const RIGHTS: &str = "SELECT \
    (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) \
    OR EXISTS (SELECT FROM pg_roles WHERE rolname IN ('pg_write_server_files', 'pg_execute_server_program') \
        AND pg_has_role(current_user, oid, 'MEMBER')) AS of_server, \
    EXISTS (SELECT FROM pg_namespace WHERE nspname = $1 AND has_schema_privilege(oid, 'CREATE')) AS of_schema, \
    (SELECT min(c.relname)::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
        WHERE n.nspname = $1 AND c.relkind IN ('r', 'p', 'f', 'v') \
        AND (has_table_privilege(c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE') OR has_any_column_privilege(c.oid, 'INSERT, UPDATE'))) \
        AS of_table";

#[derive(Clone)]
enum Encryption {
    Off,
    On(MakeRustlsConnect),
}

/// The connections to one server.
#[derive(Clone)]
pub(super) struct Connections {
    pool: Pool,
    encryption: Encryption,
    bounds: PoolConfig,
}

impl Connections {
    pub(super) fn new(config: &Config) -> Result<Self, OpenError> {
        let mut client = config.client()?;
        if let Some(password) = config.password()? {
            client.password(password.reveal());
        }
        let encryption = config.tls.client(SECTION)?.map_or(Encryption::Off, |tls| Encryption::On(MakeRustlsConnect::new(tls)));
        let kept = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let manager = match encryption.clone() {
            Encryption::Off => Manager::from_config(client, NoTls, kept),
            Encryption::On(tls) => Manager::from_config(client, tls, kept),
        };
        let (schema, writable) = (config.schema.clone(), config.writable);
        let settle = Hook::async_fn(move |client: &mut ClientWrapper, _| {
            let schema = schema.clone();
            Box::pin(async move { set_up(client, &schema, writable).await })
        });
        let pool = Pool::builder(manager).max_size(config.pool.connections_max).runtime(Runtime::Tokio1).post_create(settle);
        let pool = pool.build().map_err(|error| OpenError::setting(format!("{SECTION}.pool"), error.to_string()))?;
        Ok(Self { pool, encryption, bounds: config.pool })
    }

    /// Waits for a connection, at most until the deadline; makes one where fewer are open than may be.
    pub(super) async fn take(&self, deadline: Deadline) -> Result<Running, WarehouseError> {
        let connection = server::take(&self.pool, self.bounds, deadline, |error| error::of_connection(&error)).await?;
        let (kept, cancel) = (Object::metrics(&connection).recycle_count > 0, connection.cancel_token());
        Ok(Running { connection: Some(connection), cancel, encryption: self.encryption.clone(), kept })
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

impl std::fmt::Debug for Connections {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connections").field("status", &self.pool.status()).finish_non_exhaustive()
    }
}

/// Sets a new session up, and looks at what its role may do.
async fn set_up(client: &Client, schema: &str, writable: Writable) -> Result<(), HookError> {
    let path = schema.replace('"', "\"\"");
    client.batch_execute(&format!("{SESSION}; SET search_path = \"{path}\"")).await.map_err(HookError::Backend)?;
    // Only newer servers look whether the client is still there while a statement runs.
    let _ = client.batch_execute("SET client_connection_check_interval = 1000").await;
    let rights = client.query_one(RIGHTS, &[&schema]).await.map_err(HookError::Backend)?;
    let found = if rights.get("of_server") {
        "it may do anything on the server".to_owned()
    } else if rights.get("of_schema") {
        format!("it may make tables in the schema {schema}")
    } else if let Some(table) = rights.get::<_, Option<String>>("of_table") {
        format!("it may change the table {table}")
    } else {
        return Ok(());
    };
    server::judge(SECTION, writable, &found).map_err(HookError::message)
}

/// A connection with the statement that runs on it. Where it is dropped before it is settled, the statement is ended in the server.
pub(super) struct Running {
    connection: Option<Object>,
    cancel: CancelToken,
    encryption: Encryption,
    /// Whether the connection was made for an earlier statement, and so may have died meanwhile.
    pub(super) kept: bool,
}

impl Running {
    /// The connection's client.
    pub(super) fn client(&self) -> Result<&Client, WarehouseError> {
        let client = self.connection.as_ref().map(|connection| -> &Client { connection });
        client.ok_or_else(|| WarehouseError::Away { said: "the connection was given up".to_owned() })
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
        let (cancel, encryption) = (self.cancel.clone(), self.encryption.clone());
        // Without a runtime nothing can be sent any more; the server's own limit of time ends the statement.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(call_off(connection, cancel, encryption));
        } else {
            drop(Object::take(connection));
        }
    }
}

/// Has the server end what runs on a connection, and gives the connection up.
async fn call_off(connection: Object, cancel: CancelToken, encryption: Encryption) {
    for _ in 0..CANCEL_TRIES {
        let told = match &encryption {
            Encryption::Off => tokio::time::timeout(CANCEL_WITHIN, cancel.cancel_query(NoTls)).await,
            Encryption::On(tls) => tokio::time::timeout(CANCEL_WITHIN, cancel.cancel_query(tls.clone())).await,
        };
        if !matches!(told, Ok(Ok(()))) {
            break;
        }
        // It answers this as soon as it is done with what ran before.
        if tokio::time::timeout(CANCELLED_WITHIN, connection.batch_execute("")).await.is_ok() {
            break;
        }
    }
    drop(Object::take(connection));
}
