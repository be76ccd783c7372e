//! The thread on which connections live.

use super::{Address, Config, Link, RedisError};
use fred::clients::Client;
use fred::interfaces::ClientLike;
use fred::types::RespVersion;
use std::fmt;
use std::thread::JoinHandle;
use tokio::runtime::Handle;
use tokio::sync::oneshot;

/// A Redis that links can be made to. The links end with it.
pub struct Redis {
    address: Address,
    config: Config,
    handle: Handle,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Redis {
    /// Starts the thread; connects to nothing yet.
    ///
    /// # Errors
    /// [`RedisError::Setting`], or [`RedisError::Unreachable`] where no thread can be started.
    pub fn start(address: &Address, config: &Config) -> Result<Self, RedisError> {
        config.check()?;
        let failed = |error: std::io::Error| RedisError::Unreachable { detail: format!("its thread can't be started: {error}") };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::Builder::new().name("redis".into()).spawn(move || {
            let _ = runtime.block_on(stopped);
        });
        Ok(Self {
            address: address.clone(),
            config: config.clone(),
            handle,
            stop: Some(stop),
            thread: Some(thread.map_err(failed)?),
        })
    }

    /// Connects. Returns when commands can be given, or when the first try failed.
    ///
    /// # Errors
    /// [`RedisError`], which says what to do.
    pub async fn link(&self) -> Result<Link, RedisError> {
        self.link_soon().await
    }

    /// The same for a task that outlives this borrow.
    pub fn link_soon(&self) -> impl Future<Output = Result<Link, RedisError>> + Send + use<> {
        let (handle, config) = (self.handle.clone(), self.config.clone());
        let (client, clustered) = (self.client(), self.address.clustered());
        async move {
            let client = client?;
            let made = client.clone();
            let connected = handle.spawn(async move { made.init().await }).await.map_err(|_| RedisError::Closed)?;
            connected.map_err(|error| RedisError::of(&error, config.connect_timeout_ms))?;
            Ok(Link::new(client, &config, clustered))
        }
    }

    fn client(&self) -> Result<Client, RedisError> {
        let mut settings = self.address.settings().map_err(|error| RedisError::Unreachable { detail: error.to_string() })?;
        settings.version = RespVersion::RESP3;
        settings.fail_fast = true;
        if let Some(password) = self.config.password()? {
            settings.password = Some(password);
        }
        if self.address.encrypted() {
            settings.tls = Some(self.config.tls()?);
        }
        let (performance, connection) = (self.config.performance(), self.config.connection());
        Ok(Client::new(settings, Some(performance), Some(connection), Some(self.config.reconnecting())))
    }

    /// Runs a task on the thread.
    pub fn spawn<F>(&self, task: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.handle.spawn(task);
    }

    /// Runs a future on the thread and waits for it, blocking. Not for the thread itself.
    ///
    /// # Errors
    /// [`RedisError::Closed`] where the thread has ended.
    pub fn wait<F>(&self, future: F) -> Result<F::Output, RedisError>
    where
        F: Future + Send + 'static,
        F::Output: Send,
    {
        let (answer, answered) = std::sync::mpsc::channel();
        self.handle.spawn(async move {
            let _ = answer.send(future.await);
        });
        answered.recv().map_err(|_| RedisError::Closed)
    }

    /// Where it is.
    pub fn address(&self) -> &Address {
        &self.address
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread of the connections to Redis ended by a panic");
        }
    }
}

impl fmt::Debug for Redis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redis").field("address", &self.address).finish_non_exhaustive()
    }
}
