//! Whatever replicas over one store write and whenever they follow, lose answers or are cut off: memory ends up as the store is.

use super::in_step::{NOW, ask, follow, memory, new_entry, put_component, replica_of, stored, strategy, tenant, try_remember};
use super::stores::Stores;
use async_trait::async_trait;
use instinct::app::App;
use instinct::decide::{Feedback, Forget, Replicas};
use instinct::domain::answer::Outcome;
use instinct::domain::component::Role;
use instinct::domain::deadline::Deadline;
use instinct::domain::ids::{ComponentId, TenantId};
use instinct::domain::role::Role as CallerRole;
use instinct::domain::time::Timestamp;
use instinct::engine::Engines;
use instinct::store::buckets::{Rate, SharedBuckets, Taken};
use instinct::store::shared::{Acquired, Changes, Lease, Position};
use instinct::store::{CodecError, Record, RecordKey, RecordKind, Shared, Store, StoreError, StoreHealth, Visit, Write};
use proptest::prelude::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// By then a replica that can reach the store has what the store has.
const CATCHES_UP: Duration = Duration::from_secs(10);

/// A store whose answers are lost on the way: what it is told to do it does.
#[derive(Debug)]
struct Lossy {
    inner: Arc<dyn Store>,
    loses: AtomicBool,
}

#[async_trait]
impl Store for Lossy {
    async fn commit(&self, writes: Vec<Write>) -> Result<(), StoreError> {
        self.beyond().await;
        self.inner.commit(writes).await?;
        self.beyond().await;
        if self.loses.load(Ordering::Relaxed) { Err(StoreError::Away { detail: "lost".to_owned() }) } else { Ok(()) }
    }
    fn record(&self, write: Write) -> Result<(), StoreError> {
        self.inner.record(write)
    }
    async fn get(&self, key: &RecordKey) -> Result<Option<Record>, StoreError> {
        self.inner.get(key).await
    }
    fn scan(&self, kind: RecordKind, visit: &mut Visit<'_>) -> Result<(), StoreError> {
        self.inner.scan(kind, visit)
    }
    async fn flush(&self) -> Result<(), StoreError> {
        self.inner.flush().await
    }
    async fn prune(&self, before: Timestamp) -> Result<(), StoreError> {
        self.inner.prune(before).await
    }
    async fn sweep(&self) -> Result<Vec<RecordKey>, StoreError> {
        self.inner.sweep().await
    }
    fn health(&self) -> StoreHealth {
        self.inner.health()
    }
    fn shared(&self) -> Option<&dyn Shared> {
        Some(self)
    }
}

impl Lossy {
    /// The other side, after a way on which others may be faster.
    async fn beyond(&self) -> &dyn Shared {
        for _ in 0..fastrand::u8(0..3) {
            tokio::task::yield_now().await;
        }
        self.inner.shared().unwrap()
    }
}

#[async_trait]
impl SharedBuckets for Lossy {
    async fn take(&self, tenant: &TenantId, role: CallerRole, rate: Rate) -> Result<Taken, StoreError> {
        self.beyond().await.take(tenant, role, rate).await
    }
}

#[async_trait]
impl Shared for Lossy {
    async fn position(&self) -> Result<Position, StoreError> {
        self.beyond().await.position().await
    }
    async fn changes(&self, after: &Position, wait: Duration) -> Result<Changes, StoreError> {
        self.beyond().await.changes(after, wait).await
    }
    async fn get_many(&self, keys: &[RecordKey]) -> Result<Vec<Result<Option<Record>, CodecError>>, StoreError> {
        let found = self.beyond().await.get_many(keys).await;
        self.beyond().await;
        found
    }
    async fn generation(&self) -> Result<u64, StoreError> {
        self.beyond().await.generation().await
    }

    async fn next_generation(&self, above: u64) -> Result<u64, StoreError> {
        self.beyond().await.next_generation(above).await
    }
    async fn acquire(&self, tenant: &TenantId, name: &str, lasts: Duration) -> Result<Acquired, StoreError> {
        self.beyond().await.acquire(tenant, name, lasts).await
    }
    async fn renew(&self, lease: &Lease, lasts: Duration) -> Result<bool, StoreError> {
        self.beyond().await.renew(lease, lasts).await
    }
    async fn release(&self, lease: &Lease, word: Option<(&str, Duration)>) -> Result<bool, StoreError> {
        self.beyond().await.release(lease, word).await
    }
    async fn commit_under(&self, lease: &Lease, writes: Vec<Write>) -> Result<bool, StoreError> {
        self.beyond().await.commit_under(lease, writes).await
    }
    async fn leave_note(&self, tenant: &TenantId, name: &str, note: &str, lasts: Duration) -> Result<(), StoreError> {
        self.beyond().await.leave_note(tenant, name, note, lasts).await
    }
    async fn note(&self, tenant: &TenantId, name: &str) -> Result<Option<String>, StoreError> {
        self.beyond().await.note(tenant, name).await
    }
}

/// What the replicas of a property do, one after the other.
#[derive(Debug, Clone)]
enum Step {
    Put(usize, u8, i8),
    Delete(usize, u8),
    Component(usize, u8, bool),
    DeleteComponent(usize, u8),
    EndTag(usize, u8),
    Wrong(usize, u8),
    Sweep(usize),
    Follow(usize),
    Trim(usize),
    Away(bool),
    Loses(usize, bool),
    TwoAtOnce(u8),
}

fn step() -> impl Strategy<Value = Step> {
    let (who, what) = (0..3_usize, 0..6_u8);
    prop_oneof![
        6 => (who.clone(), what.clone(), -1..=1_i8).prop_map(|(who, n, signal)| Step::Put(who, n, signal)),
        3 => (who.clone(), what.clone()).prop_map(|(who, n)| Step::Delete(who, n)),
        2 => (who.clone(), what.clone(), any::<bool>()).prop_map(|(who, n, tool)| Step::Component(who, n, tool)),
        2 => (who.clone(), what.clone()).prop_map(|(who, n)| Step::DeleteComponent(who, n)),
        1 => (who.clone(), 0..2_u8).prop_map(|(who, n)| Step::EndTag(who, n)),
        1 => (who.clone(), what.clone()).prop_map(|(who, n)| Step::Wrong(who, n)),
        1 => who.clone().prop_map(Step::Sweep),
        6 => who.clone().prop_map(Step::Follow),
        1 => (0..4_usize).prop_map(Step::Trim),
        1 => any::<bool>().prop_map(Step::Away),
        1 => (who, any::<bool>()).prop_map(|(who, loses)| Step::Loses(who, loses)),
        3 => what.prop_map(Step::TwoAtOnce),
    ]
}

async fn take(step: &Step, stores: &Stores, all: &[(Arc<App>, Arc<Lossy>)]) {
    let text = |n: u8| format!("headline number {n} of this test");
    let entry = |n: u8, signal| new_entry(&text(n), signal, &[["even", "odd"][usize::from(n % 2)]]);
    // Whether a step succeeds is not what is looked at: a refused one may leave nothing behind that differs.
    match *step {
        Step::Put(who, n, signal) => drop(try_remember(&all[who].0, entry(n, signal)).await),
        Step::TwoAtOnce(n) => drop(tokio::join!(
            try_remember(&all[0].0, entry(n, 1)),
            all[0].0.decider.follow_once(NOW),
            try_remember(&all[1].0, entry(n, -1)),
            all[0].0.decider.sweep(),
            all[1].0.decider.follow_once(NOW),
            try_remember(&all[0].0, entry(n, 0)),
            all[0].0.decider.follow_once(NOW),
        )),
        Step::Delete(who, n) => {
            let meant = all[who].0.decider.semantic.select(&tenant(), |live| *live.entry.text == *text(n));
            let filter = Forget { ids: Some(meant.into_iter().collect()), ..Forget::default() };
            drop(all[who].0.decider.forget(&tenant(), filter).await);
        }
        Step::Component(who, n, tool) => {
            let role = if tool { Role::Tool } else { Role::Context };
            drop(put_component(&all[who].0, &format!("c{n}"), role, &format!("by {who}")).await);
        }
        Step::DeleteComponent(who, n) => {
            let id = ComponentId::new(&format!("c{n}")).unwrap();
            drop(all[who].0.decider.delete_component(&tenant(), &id).await);
        }
        Step::EndTag(who, n) => {
            let tags = vec![["even", "odd"][usize::from(n)].to_owned()];
            drop(all[who].0.decider.forget(&tenant(), Forget { tags, ..Forget::default() }).await);
        }
        Step::Wrong(who, n) => {
            if let Ok(answer) = ask(&all[who].0, &text(n)).await
                && answer.outcome == Outcome::Decided
            {
                let wrong = Feedback { decision: answer.id, right: false, expected: None, note: None };
                drop(all[who].0.decider.feedback(&tenant(), wrong, Deadline::after(Duration::from_secs(20))).await);
            }
        }
        Step::Sweep(who) => drop(all[who].0.decider.sweep().await),
        Step::Follow(who) => drop(all[who].0.decider.follow_once(NOW).await),
        Step::Trim(keep) => stores.trim(keep),
        // A real server is paused elsewhere: here each command would wait for its timeout.
        Step::Away(away) => match stores {
            Stores::InMemory(common) => common.set_away(away),
            Stores::InRedis(..) => {}
        },
        Step::Loses(who, loses) => all[who].1.loses.store(loses, Ordering::Relaxed),
    }
}

async fn end_alike(stores: &Stores, steps: &[Step]) {
    let folder = strategy("");
    let mut all = Vec::new();
    for _ in 0..3 {
        let store = Arc::new(Lossy { inner: stores.join(), loses: AtomicBool::new(false) });
        let as_store: Arc<dyn Store> = Arc::<Lossy>::clone(&store);
        all.push((replica_of(as_store, &folder, Engines::default(), Replicas::default()).await, store));
    }
    for step in steps {
        take(step, stores, &all).await;
    }
    stores.set_away(false);
    for (_, store) in &all {
        store.loses.store(false, Ordering::Relaxed);
    }
    // What one does to catch up may itself be a change; and that a stream was trimmed to its last change is looked for once a second.
    let since = Instant::now();
    loop {
        for (app, _) in &all {
            follow(app).await;
        }
        let stored = stored(&all[0].0);
        let Some(n) = all.iter().position(|(app, _)| memory(app) != stored) else { return };
        assert!(since.elapsed() < CATCHES_UP, "replica {n} after {steps:?}: {:?} and not {stored:?}", memory(&all[n].0));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn on_a_runtime(work: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn whatever_replicas_write_and_whenever_they_follow_all_end_as_the_store_is(steps in prop::collection::vec(step(), 1..60)) {
        on_a_runtime(end_alike(&Stores::in_memory(), &steps));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6))]

    #[test]
    fn the_same_over_redis(steps in prop::collection::vec(step(), 1..60)) {
        on_a_runtime(end_alike(&Stores::in_redis_unpaused(), &steps));
    }
}
