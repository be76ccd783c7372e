//! The task that writes.
//!
//! The writes of a tenant go one batch after the other, so that they take effect in the order in which they were handed over; those of
//! different tenants, which a cluster may have on different nodes, do not wait for one another. What piles up while a batch is under way
//! goes together in the next, so that many callers at once cost few round trips.

use super::lane::{Batch, Behind, Commit, Job, Joint, Lane, Message, marks};
use super::names;
use super::operation::{Operation, Writer, take_back};
use super::state::State;
use crate::domain::ids::TenantId;
use crate::domain::time::Clock;
use crate::redis::{Command, Link, RedisError, Value};
use crate::store::StoreError;
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// The pause after a first failure, which doubles with each further one up to the longest.
const PAUSE: Duration = Duration::from_millis(50);
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// Names a tenant to those who follow, also where memory is full.
const INTRODUCE: &str = "#!lua flags=allow-oom
return redis.call('SADD', KEYS[1], ARGV[1])";

/// How long a tenant counts as known: a failover, or an operator, may lose what says so.
const KNOWN_FOR: Duration = Duration::from_secs(10);

/// How writes are done durably.
#[derive(Debug, Clone, Copy)]
pub(super) struct Durability {
    pub(super) replicas: u32,
    pub(super) fsync: bool,
    /// Less than a command has: what stands behind it on the same connection is to be answered in time.
    pub(super) timeout: Duration,
}

/// What the writer needs for one batch.
#[derive(Debug)]
pub(super) struct Way {
    pub(super) link: Link,
    /// For what is not waited for to be durable: it would stand behind those that are.
    pub(super) behind: Link,
    pub(super) writer: Writer,
    pub(super) durability: Durability,
    pub(super) clock: Clock,
    pub(super) state: Arc<State>,
}

/// Something that a lane waited for.
enum Event {
    /// A batch has ended; since when the tenant is known, what must be tried again, and why something failed.
    Ended { tenant: TenantId, known: Option<Instant>, again: Vec<Behind>, failure: Option<StoreError> },
    /// A pause has ended.
    Woken { tenant: TenantId },
}

/// The writer's own state.
pub(super) struct Lanes {
    way: Arc<Way>,
    lanes: HashMap<TenantId, Lane>,
    running: FuturesUnordered<BoxFuture<'static, Event>>,
    number: u64,
}

impl Lanes {
    pub(super) fn new(way: Way) -> Self {
        Self { way: Arc::new(way), lanes: HashMap::new(), running: FuturesUnordered::new(), number: 0 }
    }

    /// Does what comes until all senders are gone and everything is done or given up.
    pub(super) async fn run(mut self, mut messages: mpsc::UnboundedReceiver<Message>) {
        let mut open = true;
        while open || !self.running.is_empty() {
            tokio::select! {
                message = messages.recv(), if open => match message {
                    Some(first) => {
                        // Whatever else is there already may go with it.
                        let mut touched = self.sort_in(first);
                        while let Ok(message) = messages.try_recv() {
                            touched.extend(self.sort_in(message));
                        }
                        touched.into_iter().for_each(|tenant| self.start(tenant));
                    }
                    None => open = false,
                },
                Some(event) = self.running.next(), if !self.running.is_empty() => self.take(event),
            }
        }
        for lane in self.lanes.values_mut() {
            lane.give_up(&self.way.state, &StoreError::Closed);
        }
    }

    /// Puts a message into its lane, and gives the tenants whose lanes may start.
    fn sort_in(&mut self, message: Message) -> BTreeSet<TenantId> {
        match message {
            Message::Job(tenant, job) => {
                self.lanes.entry(tenant.clone()).or_default().push(job);
                [tenant].into()
            }
            Message::Flush(answer) => {
                let mut at_work: Vec<_> = self.lanes.iter_mut().filter(|(_, lane)| !lane.is_idle()).collect();
                // One part more, so that there is an answer where no lane is at work.
                let joint = Joint::new(answer, at_work.len() + 1, None);
                at_work.iter_mut().for_each(|(_, lane)| lane.push(Job::Flush(Arc::clone(&joint))));
                let touched = at_work.into_iter().map(|(tenant, _)| tenant.clone()).collect();
                joint.done(Ok(true));
                touched
            }
        }
    }

    fn start(&mut self, tenant: TenantId) {
        let Some(lane) = self.lanes.get_mut(&tenant).filter(|lane| !lane.busy) else { return };
        let Some(batch) = lane.next() else { return };
        lane.busy = true;
        let failed_at = self.way.state.failed_at();
        let still_known = |since: &Instant| since.elapsed() < KNOWN_FOR && failed_at.is_none_or(|failed| *since > failed);
        let (way, known) = (Arc::clone(&self.way), lane.known.filter(still_known));
        // A number for each command of the batch, growing with their order.
        let first = self.number + 1;
        self.number += match &batch {
            Batch::Commits(commits) => commits.len() as u64,
            Batch::Behind(_) => 1,
        };
        self.running.push(Box::pin(async move {
            let introduced = if known.is_some() { Ok(()) } else { way.introduce(&tenant).await };
            let known = known.or_else(|| introduced.is_ok().then(Instant::now));
            let (again, failure) = match (introduced, batch) {
                (Ok(()), Batch::Commits(commits)) => (Vec::new(), way.commits(&tenant, first, commits).await),
                (Ok(()), Batch::Behind(writes)) => way.behind(&tenant, first, writes).await,
                (Err(error), batch) => (way.refuse(batch, &error), Some(error)),
            };
            Event::Ended { tenant, known, again, failure }
        }));
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::Woken { tenant } => {
                if let Some(lane) = self.lanes.get_mut(&tenant) {
                    lane.busy = false;
                }
                self.start(tenant);
            }
            Event::Ended { tenant, known, again, failure } => {
                let Some(lane) = self.lanes.get_mut(&tenant) else { return };
                lane.known = known;
                lane.busy = false;
                match failure {
                    None => lane.failures = 0,
                    Some(error) if self.way.state.closing() => {
                        lane.put_back(again, &error);
                        lane.give_up(&self.way.state, &error);
                    }
                    Some(error) if !again.is_empty() => {
                        lane.put_back(again, &error);
                        lane.busy = true;
                        lane.failures += 1;
                        let longest = PAUSE.saturating_mul(1 << lane.failures.min(10)).min(PAUSE_MAX);
                        let pause = longest.mul_f64(0.5 + fastrand::f64() / 2.0);
                        return self.running.push(Box::pin(async move {
                            tokio::time::sleep(pause).await;
                            Event::Woken { tenant }
                        }));
                    }
                    // Each commit was told, and the next may fare better.
                    Some(_) => {}
                }
                self.start(tenant);
            }
        }
    }
}

impl Way {
    /// Has those who follow look for changes of this tenant, before there are any.
    async fn introduce(&self, tenant: &TenantId) -> Result<(), StoreError> {
        let introduced =
            self.behind.ask(Command::new("EVAL").arg(INTRODUCE).arg("1").key(names::TENANTS).arg(tenant.as_str())).await;
        if introduced.is_err() {
            self.state.note(&introduced);
        }
        Ok(introduced.map(drop)?)
    }

    /// Says of a batch that it was not done; gives what is to be tried again.
    fn refuse(&self, batch: Batch, error: &StoreError) -> Vec<Behind> {
        match batch {
            Batch::Behind(writes) if error.passes() => return writes,
            Batch::Behind(writes) => self.state.lose(&marks(&writes), error),
            Batch::Commits(commits) => commits.into_iter().for_each(|commit| commit.answer.done(Err(error.clone()))),
        }
        Vec::new()
    }

    async fn commits(&self, tenant: &TenantId, first: u64, commits: Vec<Commit>) -> Option<StoreError> {
        let now = self.clock.now();
        let command = |(number, commit): (u64, &Commit)| {
            let lease = commit.lease.as_ref().map(|(name, fence)| (name.as_str(), *fence));
            self.writer.commit(tenant, number, lease, &commit.operations, now)
        };
        let mut commands: Vec<Command> = (first..).zip(&commits).map(command).collect();
        commands.extend(self.durability.wait(tenant, &self.writer.name));
        let mut results = match self.link.ask_all(commands).await {
            Ok(results) => results,
            Err(error) => vec![Err(error); commits.len()],
        };
        let kept = results.split_off(commits.len().min(results.len())).pop().map_or(Ok(()), |kept| self.durability.judge(kept));
        let mut failure = None;
        for (commit, result) in commits.into_iter().zip(results) {
            let done = result.and_then(|value| kept.clone().map(|()| value.as_i64() == Some(1)));
            // What is done in a full memory says nothing of whether there is room.
            if done.is_err() || !take_back(&commit.operations) {
                self.state.note(&done);
            }
            let done = done.map_err(StoreError::from);
            failure = done.as_ref().err().cloned().or(failure);
            commit.answer.done(done);
        }
        failure
    }

    async fn behind(&self, tenant: &TenantId, number: u64, writes: Vec<Behind>) -> (Vec<Behind>, Option<StoreError>) {
        let (mut operations, mut stored, mut refused) = (Vec::new(), Vec::new(), Vec::new());
        for behind in writes {
            match Operation::of(&behind.write, self.writer.decision_retention_sec) {
                Ok(operation) => {
                    operations.push(operation);
                    stored.push(behind);
                }
                Err(error) => refused.push((behind, error)),
            }
        }
        for (behind, error) in refused {
            self.state.lose(&marks(&[behind]), &error.into());
        }
        if operations.is_empty() {
            return (Vec::new(), None);
        }
        let result = self.behind.ask(self.writer.commit(tenant, number, None, &operations, self.clock.now())).await;
        self.state.note(&result);
        match result {
            Ok(_) => self.state.settle(&marks(&stored)),
            Err(error) if error.passes() => return (stored, Some(error.into())),
            Err(error) => self.state.lose(&marks(&stored), &error.into()),
        }
        (Vec::new(), None)
    }
}

impl Durability {
    /// The command that waits for what went before it on the same connection.
    fn wait(self, tenant: &TenantId, writer: &str) -> Option<Command> {
        let ms = u64::try_from(self.timeout.as_millis()).unwrap_or(u64::MAX);
        let place = names::guard(tenant, writer);
        let command = match (self.fsync, self.replicas) {
            (false, 0) => return None,
            (false, replicas) => Command::new("WAIT").beside(&place).arg(replicas.to_string()),
            (true, replicas) => Command::new("WAITAOF").beside(&place).arg("1").arg(replicas.to_string()),
        };
        Some(command.arg(ms.to_string()).blocks(self.timeout))
    }

    /// Whether enough acknowledged.
    fn judge(self, answer: Result<Value, RedisError>) -> Result<(), RedisError> {
        let ms = u64::try_from(self.timeout.as_millis()).unwrap_or(u64::MAX);
        let (on_disk, replicas) = match answer? {
            Value::Array(parts) => {
                (parts.first().and_then(Value::as_u64).unwrap_or(0), parts.get(1).and_then(Value::as_u64).unwrap_or(0))
            }
            count => (1, count.as_u64().unwrap_or(0)),
        };
        if replicas < u64::from(self.replicas) {
            let what = format!("{replicas} of {} replicas acknowledged it", self.replicas);
            return Err(RedisError::NotAcknowledged { what, ms });
        }
        if self.fsync && on_disk == 0 {
            return Err(RedisError::NotAcknowledged { what: "it was not on its disk".to_owned(), ms });
        }
        Ok(())
    }
}
