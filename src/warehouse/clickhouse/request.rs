//! What is asked of the server, and how a query is ended.

use super::super::clickhouse_text;
use super::super::server::OpenError;
use super::super::{Bounds, Rows, Statement, WarehouseError};
use super::answer;
use super::config::{Config, SECTION};
use reqwest::header::{ACCEPT_ENCODING, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Response, Url};
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;
use ulid::Ulid;

const USER: HeaderName = HeaderName::from_static("x-clickhouse-user");
const KEY: HeaderName = HeaderName::from_static("x-clickhouse-key");

/// How long a server may take to be told that a query has to end.
const END_WITHIN: Duration = Duration::from_secs(10);

/// Milliseconds after each time that it did not know the query, until it is told once more: one that was just sent may not have begun.
const AGAIN_AFTER_MS: [u64; 6] = [50, 100, 250, 500, 1_000, 2_000];

/// Bytes of the values of a statement, which stand in the URL; a server takes a megabyte of it.
const VALUES_BYTES_MAX: usize = 256 << 10;

/// Who asks the server.
#[derive(Debug)]
pub(super) struct Asker {
    client: Client,
    url: Url,
    database: String,
    threads: u32,
    memory: u64,
}

fn away(error: &dyn std::error::Error) -> WarehouseError {
    let causes = std::iter::successors(Some(error), |error| error.source()).map(ToString::to_string);
    WarehouseError::Away { said: causes.collect::<Vec<_>>().join(": ") }
}

impl Asker {
    pub(super) fn new(config: &Config) -> Result<Self, OpenError> {
        let wrong = |field: &str, rule: String| OpenError::setting(format!("{SECTION}.{field}"), rule);
        let mut headers = HeaderMap::new();
        headers.insert(USER, HeaderValue::from_str(&config.user).map_err(|error| wrong("user", error.to_string()))?);
        if let Some(password) = config.password()? {
            let value = HeaderValue::from_str(password.reveal());
            let mut value = value.map_err(|_| wrong("password_file", "a password has visible ASCII letters alone".to_owned()))?;
            value.set_sensitive(true);
            headers.insert(KEY, value);
        }
        // A server packs what it answers in the way that is asked for first.
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
        let url = config.address()?;
        let client = Client::builder()
            .user_agent(concat!("instinct/", env!("CARGO_PKG_VERSION")))
            .default_headers(headers)
            .connect_timeout(config.pool.connect_timeout())
            .pool_max_idle_per_host(config.pool.connections_max)
            .redirect(reqwest::redirect::Policy::none());
        let client = match config.tls.client(SECTION) {
            // Without encryption no certificates are needed, which a container may not even have.
            _ if url.scheme() == "http" => client.tls_certs_only([]),
            Ok(Some(tls)) => client.tls_backend_preconfigured(tls),
            Ok(None) => return Err(wrong("tls.on", "it is off, and the URL begins with https://".to_owned())),
            Err(error) => return Err(error),
        };
        let client = client.build().map_err(|error| wrong("url", error.to_string()))?;
        let (database, threads, memory) = (config.database.clone(), config.threads, config.query_memory_bytes_max);
        Ok(Self { client, url, database, threads, memory })
    }

    /// Asks a statement under this name, and reads its rows as they come.
    pub(super) async fn rows(&self, query: &str, statement: &Statement, bounds: &Bounds) -> Result<Rows, WarehouseError> {
        let values = clickhouse_text::parameters(statement);
        if values.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>() > VALUES_BYTES_MAX {
            let said = format!("its values have more than {VALUES_BYTES_MAX} bytes");
            return Err(WarehouseError::Refused { code: "values".to_owned(), said });
        }
        let mut url = self.url.clone();
        let time = bounds.deadline.remaining().as_secs_f64().max(0.001);
        {
            let mut pairs = url.query_pairs_mut();
            pairs.extend_pairs(clickhouse_text::FORMAT_SETTINGS);
            pairs.extend_pairs(values.iter().map(|(name, value)| (format!("param_{name}"), value)));
            pairs
                .append_pair("query_id", query)
                .append_pair("database", &self.database)
                .append_pair("default_format", clickhouse_text::FORMAT)
                .append_pair("readonly", "1")
                .append_pair("cancel_http_readonly_queries_on_client_close", "1")
                .append_pair("enable_http_compression", "1")
                .append_pair("max_execution_time", &format!("{time:.3}"))
                .append_pair("timeout_overflow_mode", "throw")
                .append_pair("max_result_rows", &bounds.rows_max.max(1).to_string())
                .append_pair("max_result_bytes", &bounds.bytes_max.max(1).to_string())
                .append_pair("result_overflow_mode", "throw")
                .append_pair("max_threads", &self.threads.to_string())
                .append_pair("max_memory_usage", &self.memory.to_string());
        }
        let response = self.post(url, statement.sql.clone()).await?;
        answer::rows(response, bounds).await
    }

    async fn post(&self, url: Url, body: String) -> Result<Response, WarehouseError> {
        // The URL holds values, which are no more for a log than rows are.
        self.client.post(url).body(body).send().await.map_err(|error| away(&error.without_url()))
    }

    /// Has the server end a query of this user.
    async fn end(&self, query: &str) -> Result<(), WarehouseError> {
        // The name is made here, of letters and digits.
        let kill = format!("KILL QUERY WHERE query_id = '{query}' ASYNC");
        let mut url = self.url.clone();
        url.query_pairs_mut().append_pair("database", &self.database);
        for pause_ms in AGAIN_AFTER_MS {
            // It answers with a row for each query that it ends.
            if answer::says_something(self.post(url.clone(), kill.clone()).await?).await? {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(pause_ms)).await;
        }
        Ok(())
    }
}

/// The name of a query, which is ended in the server when this is dropped before it is settled.
pub(super) struct Ending {
    asker: Option<Arc<Asker>>,
    query: String,
}

impl Ending {
    pub(super) fn new(asker: &Arc<Asker>) -> Self {
        Self { asker: Some(Arc::clone(asker)), query: format!("instinct-{}", Ulid::generate()) }
    }

    /// The name.
    pub(super) fn query(&self) -> &str {
        &self.query
    }

    /// The server has ended it by itself.
    pub(super) fn settle(mut self) {
        self.asker = None;
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        let (Some(asker), Ok(runtime)) = (self.asker.take(), Handle::try_current()) else { return };
        let query = std::mem::take(&mut self.query);
        runtime.spawn(async move {
            match tokio::time::timeout(END_WITHIN, asker.end(&query)).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => {
                    tracing::warn!(query, ?error, "a server did not take that a query has to end; it ends at its limit of time")
                }
                Err(_) => tracing::warn!(query, "a server does not answer that a query has to end; it ends at its limit of time"),
            }
        });
    }
}
