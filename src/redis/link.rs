//! One connection, or one to each primary of a cluster.

use super::{Config, RedisError};
use crate::telemetry::metrics::redis as metrics;
use fred::clients::Client;
use fred::error::Error;
use fred::interfaces::{ClientLike, ClusterInterface};
use fred::types::config::{Options, Server};
use fred::types::{ClusterHash, CustomCommand, Value};
use parking_lot::Mutex;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long a link that was renewed is left alone, whatever its commands say.
const RENEWAL_PAUSE: Duration = Duration::from_secs(1);

/// A way to give commands. Cheap to clone; commands of all clones share the connection and are answered in order.
#[derive(Clone)]
pub struct Link {
    client: Client,
    timeout: Duration,
    clustered: bool,
    renewed: Arc<Mutex<Option<Instant>>>,
}

/// A command on its way to Redis.
#[derive(Debug, Clone)]
pub struct Command {
    name: &'static str,
    arguments: Vec<Value>,
    place: ClusterHash,
    node: Option<Server>,
    blocks: Option<Duration>,
}

impl Command {
    /// A command without arguments, for any node.
    pub fn new(name: &'static str) -> Self {
        Self { name, arguments: Vec::new(), place: ClusterHash::Random, node: None, blocks: None }
    }

    /// Adds an argument.
    #[must_use]
    pub fn arg(mut self, value: impl Into<Value>) -> Self {
        self.arguments.push(value.into());
        self
    }

    /// Adds a key, which says as well which node of a cluster is asked. All keys of a command are in one slot.
    #[must_use]
    pub fn key(mut self, key: &str) -> Self {
        self.place = ClusterHash::from(key);
        self.arg(key)
    }

    /// Asks the node of a cluster that has `key`, which is no argument.
    #[must_use]
    pub fn beside(mut self, key: &str) -> Self {
        self.place = ClusterHash::from(key);
        self
    }

    /// Asks this node of a cluster, whatever the keys.
    #[must_use]
    pub fn at(mut self, node: Option<Server>) -> Self {
        self.node = node;
        self
    }

    /// Says that the command itself waits for up to `wait`, which is added to its timeout.
    #[must_use]
    pub fn blocks(mut self, wait: Duration) -> Self {
        self.blocks = Some(wait);
        self
    }

    /// Adds an argument to a command that is being made.
    pub fn push(&mut self, value: impl Into<Value>) {
        self.arguments.push(value.into());
    }

    /// Bytes of its arguments, about.
    pub fn size(&self) -> usize {
        self.arguments.iter().map(|argument| argument.as_bytes().map_or(8, <[u8]>::len)).sum()
    }
}

impl Link {
    pub(super) fn new(client: Client, config: &Config, clustered: bool) -> Self {
        Self { client, timeout: config.command_timeout(), clustered, renewed: Arc::default() }
    }

    /// Gives one command and waits for its answer.
    ///
    /// # Errors
    /// [`RedisError`]; then the command may have been done all the same, unless Redis refused it.
    pub async fn ask(&self, command: Command) -> Result<Value, RedisError> {
        let since = Instant::now();
        let (name, options) = (command.name, self.options(&command));
        let answer = self.client.with_options(&options).custom::<Value, Value>(custom(&command), command.arguments).await;
        metrics::command_ended(name, since.elapsed());
        self.judge(answer, options.timeout)
    }

    /// Gives commands at once and waits for all answers, in order.
    ///
    /// # Errors
    /// [`RedisError`] where none was answered; a command that was refused is an error of its own.
    pub async fn ask_all(&self, commands: Vec<Command>) -> Result<Vec<Result<Value, RedisError>>, RedisError> {
        let Some(first) = commands.first() else { return Ok(Vec::new()) };
        let since = Instant::now();
        let (name, count) = (first.name, commands.len());
        let blocks: Duration = commands.iter().filter_map(|command| command.blocks).sum();
        let pipeline = self.client.pipeline();
        for command in commands {
            let options = Options { timeout: Some(self.timeout + blocks), ..self.options(&command) };
            let queued = pipeline.with_options(&options).custom::<Value, Value>(custom(&command), command.arguments).await;
            self.judge(queued, options.timeout)?;
        }
        let answers = pipeline.try_all::<Value>().await;
        metrics::command_ended(name, since.elapsed());
        let mut judged: Vec<_> = answers.into_iter().map(|answer| self.judge(answer, Some(self.timeout + blocks))).collect();
        // Where nothing was answered there is one error for all of them.
        if judged.len() == count { Ok(judged) } else { Err(judged.pop().and_then(Result::err).unwrap_or(RedisError::Closed)) }
    }

    /// Whether the connection is up, as far as is known.
    pub fn connected(&self) -> bool {
        self.client.is_connected()
    }

    /// The primaries of a cluster, or the one server.
    pub fn primaries(&self) -> Vec<Option<Server>> {
        if !self.clustered {
            return vec![None];
        }
        let known = self.client.cached_cluster_state().map(|state| state.unique_primary_nodes()).unwrap_or_default();
        known.into_iter().map(Some).collect()
    }

    /// Whether it is to a cluster.
    pub fn clustered(&self) -> bool {
        self.clustered
    }

    /// Ends the connection after what is under way.
    pub async fn close(self) {
        let _ = self.client.quit().await;
    }

    fn options(&self, command: &Command) -> Options {
        Options {
            max_attempts: Some(1),
            timeout: Some(self.timeout + command.blocks.unwrap_or_default()),
            cluster_node: command.node.clone(),
            fail_fast: true,
            ..Options::default()
        }
    }

    fn judge(&self, answer: Result<Value, Error>, timeout: Option<Duration>) -> Result<Value, RedisError> {
        answer.map_err(|error| {
            let ms = timeout.map_or(0, |timeout| u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX));
            let error = RedisError::of(&error, ms);
            metrics::command_failed(error.kind());
            if error.wants_another() {
                self.renew();
            }
            error
        })
    }

    /// Makes the connection anew, and finds out anew who is the primary. The client does that itself where a connection breaks; a server
    /// that hangs, or that became a replica, keeps its connections.
    fn renew(&self) {
        let mut renewed = self.renewed.lock();
        if renewed.is_some_and(|at| at.elapsed() < RENEWAL_PAUSE) {
            return;
        }
        *renewed = Some(Instant::now());
        let client = self.client.clone();
        tokio::spawn(async move {
            let _ = client.force_reconnection().await;
        });
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link").field("connected", &self.connected()).field("clustered", &self.clustered).finish_non_exhaustive()
    }
}

fn custom(command: &Command) -> CustomCommand {
    CustomCommand::new_static(command.name, command.place.clone(), false)
}
