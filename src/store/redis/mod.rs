//! The store in Redis: records as hashes, on a server that other processes use as well.
//!
//! The writes of a commit to one tenant are one script, which Redis runs as a whole: the hashes, their time to live, and a change in the
//! tenant's stream for each record that others follow. A script and not MULTI, because it is one command, which a cluster redirects as a
//! whole and a timeout ends as a whole, and because it may look before it writes: at the fence of a lease, and at the number of this
//! process's last write, so that what was held up on its way never undoes what came after it.
//!
//! A commit to several tenants is one script for each of them: each is stored as a whole or not at all, and where one fails the caller
//! hears of a failure although others may be stored. Nothing commits to several tenants but tools and tests.
//!
//! What is durable is Redis's to say: see [`Config::wait_fsync`] and [`Config::wait_replicas`].

mod buckets;
mod config;
mod follow;
#[cfg(fuzzing)]
pub mod fuzz;
mod lane;
mod lease;
mod names;
mod operation;
mod read;
mod scan;
mod state;
#[cfg(test)]
mod tests;
mod writer;

pub use config::Config;

use super::buckets::{Rate, SharedBuckets, Taken};
use super::shared::{Acquired, Changes, Lease, Position};
use super::{CodecError, Record, RecordKey, RecordKind, Shared, Store, StoreError, StoreHealth, Visit, Write};
use crate::domain::ids::TenantId;
use crate::domain::role::Role;
use crate::domain::time::{Clock, Timestamp};
use crate::redis::{Command, Found, Link, Redis, RedisError};
use async_trait::async_trait;
use follow::{Follower, Seen};
use lane::{Behind, Commit, Job, Joint, Message};
use operation::{Operation, Writer};
use parking_lot::Mutex;
use read::View;
use state::State;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::sync::{OnceCell, OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use writer::{Durability, Lanes, Way};

/// The store in Redis.
pub(super) struct InRedis {
    redis: Arc<Redis>,
    link: Link,
    /// Reads of the streams wait for a change, so they have a connection of their own.
    follower: OnceCell<Link>,
    seen: Seen,
    state: Arc<State>,
    clock: Clock,
    config: Config,
    writer: String,
    /// Microseconds since the epoch; decision records of before are pruned.
    floor: AtomicI64,
    /// For writes that nobody waits for. Commits have room of their own, for these wait as long as Redis is away.
    room_behind: Arc<Semaphore>,
    room: Arc<Semaphore>,
    command_timeout: Duration,
    messages: Option<mpsc::UnboundedSender<Message>>,
    ended: Mutex<std::sync::mpsc::Receiver<()>>,
}

impl InRedis {
    /// Connects and starts the writer. Blocks.
    pub(super) fn open(redis: Arc<Redis>, command_timeout: Duration, config: &Config, clock: Clock) -> Result<Self, StoreError> {
        config.check()?;
        let links = (redis.link_soon(), redis.link_soon(), redis.link_soon());
        let (link, writing, behind) = redis.wait(async move {
            let (link, writing, behind) = (links.0.await?, links.1.await?, links.2.await?);
            let found = Found::ask(&link).await?;
            for warning in found.warnings() {
                tracing::warn!("{warning}");
            }
            Ok::<_, RedisError>((link, writing, behind))
        })??;
        let state = Arc::new(State::default());
        let name = format!("{:016x}", fastrand::u64(..));
        let writer = Writer {
            name: name.clone(),
            stream_length_max: config.stream_length_max,
            decision_retention_sec: config.decision_retention_sec,
        };
        let durability = Durability { replicas: config.wait_replicas, fsync: config.wait_fsync, timeout: command_timeout / 2 };
        let lanes =
            Lanes::new(Way { link: writing, behind, writer, durability, clock: clock.clone(), state: Arc::clone(&state) });
        let (messages, taken) = mpsc::unbounded_channel();
        let (end, ended) = std::sync::mpsc::channel();
        redis.spawn(async move {
            lanes.run(taken).await;
            let _ = end.send(());
        });
        state.note(&Ok(()));
        redis.spawn(heartbeat(link.clone(), Arc::downgrade(&state), name.clone()));
        Ok(Self {
            redis,
            link,
            follower: OnceCell::new(),
            seen: Seen::default(),
            state,
            clock,
            config: config.clone(),
            writer: name,
            floor: AtomicI64::new(i64::MIN),
            room_behind: Arc::new(Semaphore::new(config.queue_records)),
            room: Arc::new(Semaphore::new(config.queue_records)),
            command_timeout,
            messages: Some(messages),
            ended: Mutex::new(ended),
        })
    }

    fn view(&self) -> View {
        View {
            now: self.clock.now(),
            retention_sec: self.config.decision_retention_sec,
            floor: Timestamp::from_micros(self.floor.load(Ordering::Acquire)),
        }
    }

    fn send(&self, message: Message) -> Result<(), StoreError> {
        self.messages.as_ref().ok_or(StoreError::Closed)?.send(message).map_err(|_| StoreError::Closed)
    }

    async fn commit_all(&self, writes: &[Write], lease: Option<&Lease>) -> Result<bool, StoreError> {
        // Encoded here and not by the writer, which is one task for all.
        let mut of_tenants: BTreeMap<TenantId, Vec<Operation>> = BTreeMap::new();
        for write in writes {
            let operation = Operation::of(write, self.config.decision_retention_sec)?;
            of_tenants.entry(operation.key.tenant().clone()).or_default().push(operation);
        }
        if let Some(lease) = lease {
            // A commit of nothing asks still whether the lease holds.
            of_tenants.entry(lease.tenant.clone()).or_default();
        }
        if of_tenants.is_empty() {
            return Ok(true);
        }
        let room = self.room_for_a_commit().await?;
        let (answer, answered) = oneshot::channel();
        let joint = Joint::new(answer, of_tenants.len(), Some(room));
        for (tenant, operations) in of_tenants {
            let lease = lease.map(|lease| (lease.name.clone(), lease.fence));
            let commit = Commit { operations, lease, answer: Arc::clone(&joint) };
            self.send(Message::Job(tenant, Job::Commit(commit)))?;
        }
        answered.await.map_err(|_| StoreError::Closed)?
    }

    /// Room for a commit, within the time that a command has: a caller is told of a store that gets nowhere, and never left waiting.
    async fn room_for_a_commit(&self) -> Result<OwnedSemaphorePermit, StoreError> {
        let room = Arc::clone(&self.room).acquire_owned();
        let full = || StoreError::Away { detail: format!("{} commits wait for it already", self.config.queue_records) };
        tokio::time::timeout(self.command_timeout, room).await.map_err(|_| full())?.map_err(|_| StoreError::Closed)
    }

    fn follower<'a>(&'a self, link: &'a Link) -> Follower<'a> {
        Follower { link, writer: &self.writer, seen: &self.seen }
    }
}

#[async_trait]
impl Store for InRedis {
    async fn commit(&self, writes: Vec<Write>) -> Result<(), StoreError> {
        self.commit_all(&writes, None).await.map(drop)
    }

    fn record(&self, write: Write) -> Result<(), StoreError> {
        let full = || StoreError::QueueFull { capacity: self.config.queue_records };
        let room = Arc::clone(&self.room_behind).try_acquire_owned().map_err(|_| full())?;
        let tenant = write.key().tenant().clone();
        let sequence = self.state.pending.insert(&write);
        self.send(Message::Job(tenant, Job::Behind(Behind { sequence, write, _room: room })))
    }

    async fn get(&self, key: &RecordKey) -> Result<Option<Record>, StoreError> {
        let view = self.view();
        if let Some(waiting) = self.state.pending.get(key) {
            return Ok(waiting.and_then(|record| view.of(record)));
        }
        view.read(key, self.link.ask(read::command(key)).await)
    }

    fn scan(&self, kind: RecordKind, visit: &mut Visit<'_>) -> Result<(), StoreError> {
        scan::scan(&self.redis, kind, self.view(), visit)
    }

    async fn flush(&self) -> Result<(), StoreError> {
        let (answer, answered) = oneshot::channel();
        self.send(Message::Flush(answer))?;
        answered.await.map_err(|_| StoreError::Closed)?.map(drop)
    }

    async fn prune(&self, before: Timestamp) -> Result<(), StoreError> {
        // What waits may be older than `before` too.
        self.flush().await?;
        self.floor.fetch_max(before.as_micros(), Ordering::AcqRel);
        Ok(scan::prune(&self.link, self.view()).await?)
    }

    /// Redis drops what has ended by itself.
    async fn sweep(&self) -> Result<Vec<RecordKey>, StoreError> {
        Ok(Vec::new())
    }

    fn health(&self) -> StoreHealth {
        StoreHealth {
            failed: self.state.failure(),
            queued: self.config.queue_records.saturating_sub(self.room_behind.available_permits()),
            queue_capacity: self.config.queue_records,
            lost: self.state.lost(),
            disk_bytes: 0,
            journal: None,
            server: Some(self.redis.address().to_string()),
        }
    }

    fn shared(&self) -> Option<&dyn Shared> {
        Some(self)
    }
}

#[async_trait]
impl SharedBuckets for InRedis {
    async fn take(&self, tenant: &TenantId, role: Role, rate: Rate) -> Result<Taken, StoreError> {
        Ok(buckets::take(&self.link, tenant, role, rate).await?)
    }
}

#[async_trait]
impl Shared for InRedis {
    async fn position(&self) -> Result<Position, StoreError> {
        Ok(self.follower(&self.link).position().await?)
    }

    async fn changes(&self, after: &Position, wait: Duration) -> Result<Changes, StoreError> {
        let link = self.follower.get_or_try_init(|| self.redis.link()).await?;
        Ok(self.follower(link).changes(after, wait).await?)
    }

    async fn get_many(&self, keys: &[RecordKey]) -> Result<Vec<Result<Option<Record>, CodecError>>, StoreError> {
        let view = self.view();
        let mut answers = self.link.ask_all(keys.iter().map(read::command).collect()).await?.into_iter();
        let mut records = Vec::with_capacity(keys.len());
        for key in keys {
            let answer = answers.next().unwrap_or(Err(RedisError::Closed));
            if let Some(waiting) = self.state.pending.get(key) {
                records.push(Ok(waiting.and_then(|record| view.of(record))));
                continue;
            }
            records.push(match view.read(key, answer) {
                Ok(record) => Ok(record),
                Err(StoreError::Codec(error)) => Err(error),
                Err(error) => return Err(error),
            });
        }
        Ok(records)
    }

    async fn generation(&self) -> Result<u64, StoreError> {
        Ok(lease::generation(&self.link).await?)
    }

    async fn next_generation(&self, above: u64) -> Result<u64, StoreError> {
        Ok(lease::next_generation(&self.link, above).await?)
    }

    async fn leave_note(&self, tenant: &TenantId, name: &str, note: &str, lasts: Duration) -> Result<(), StoreError> {
        let command = Command::new("SET").key(&names::note(tenant, name)).arg(note).arg("PX");
        self.link.ask(command.arg(lasts.as_millis().max(1).to_string())).await?;
        Ok(())
    }

    async fn note(&self, tenant: &TenantId, name: &str) -> Result<Option<String>, StoreError> {
        Ok(self.link.ask(Command::new("GET").key(&names::note(tenant, name))).await?.into_string())
    }

    async fn acquire(&self, tenant: &TenantId, name: &str, lasts: Duration) -> Result<Acquired, StoreError> {
        Ok(lease::acquire(&self.link, tenant, name, lasts).await?)
    }

    async fn renew(&self, lease: &Lease, lasts: Duration) -> Result<bool, StoreError> {
        Ok(lease::renew(&self.link, lease, lasts).await?)
    }

    async fn release(&self, lease: &Lease, word: Option<(&str, Duration)>) -> Result<bool, StoreError> {
        Ok(lease::release(&self.link, lease, word).await?)
    }

    async fn commit_under(&self, lease: &Lease, writes: Vec<Write>) -> Result<bool, StoreError> {
        self.commit_all(&writes, Some(lease)).await
    }
}

impl Drop for InRedis {
    fn drop(&mut self) {
        // The writer ends once nothing is left to do; from here on it tries nothing twice.
        self.state.close();
        self.messages = None;
        let _ = self.ended.lock().recv();
    }
}

/// Finds out every second whether a write would be taken, so that [`Store::health`] knows without asking and also where nobody writes.
async fn heartbeat(link: Link, state: Weak<State>, name: String) {
    loop {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let key = format!("instinct:alive:{name}");
        let written = link.ask(Command::new("SET").key(&key).arg("1").arg("EX").arg("60")).await;
        let Some(state) = state.upgrade() else { return };
        state.note(&written);
    }
}

impl fmt::Debug for InRedis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InRedis").field("redis", &self.redis).finish_non_exhaustive()
    }
}
