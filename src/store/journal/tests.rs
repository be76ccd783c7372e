use super::{Config, Journaled};
use crate::domain::ids::TenantId;
use crate::domain::tag_end::TagEnd;
use crate::domain::time::Clock;
use crate::domain::trust::Quarantine;
use crate::store::sample::{self, decision_of, entry_of, moment, same};
use crate::store::shared::Acquired;
use crate::store::{Common, Record, RecordKey, RecordKind, Shared, Store, StoreError, StoreHealth, Visit, Write};
use crate::store::{contract, in_memory, open, shared_contract};
use async_trait::async_trait;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

fn config() -> Config {
    Config { commit_timeout_ms: 50, probe_interval_ms: 10, ..Config::default() }
}

/// The journal of the process before may still be held for a moment by what it had under way.
async fn journaled(inner: &Arc<dyn Store>, config: &Config, dir: &Path, clock: &Clock) -> Journaled {
    let since = Instant::now();
    loop {
        match Journaled::open(Arc::clone(inner), config, dir, clock.clone()) {
            Err(StoreError::Locked { .. }) if since.elapsed() < Duration::from_secs(10) => {
                tokio::time::sleep(Duration::from_millis(5)).await
            }
            opened => return opened.unwrap(),
        }
    }
}

fn entry(text: &str) -> Record {
    Record::Entry(entry_of("a", text))
}

fn decision(number: u128) -> Record {
    Record::Decision(decision_of("a", moment(), number))
}

fn put(record: &Record) -> Vec<Write> {
    vec![Write::Put(record.clone())]
}

async fn holds(store: &dyn Store, record: &Record) -> bool {
    store.get(&record.key()).await.unwrap().is_some_and(|found| same(&found, record))
}

async fn until(what: &str, done: impl AsyncFn() -> bool) {
    let since = Instant::now();
    while !done().await {
        assert!(since.elapsed() < Duration::from_secs(20), "{what} did not come");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn replayed(store: &Journaled) {
    until("the replay", async || store.core.log.is_empty() && !store.health().journal.unwrap().in_use).await;
}

#[tokio::test]
async fn a_store_with_a_journal_holds_the_contract_of_stores() {
    let dir = tempfile::tempdir().unwrap();
    let count = AtomicUsize::new(0);
    let next = || dir.path().join(count.fetch_add(1, Ordering::Relaxed).to_string());
    let over = |inner, clock| -> Arc<dyn Store> { Arc::new(Journaled::open(inner, &config(), &next(), clock).unwrap()) };
    contract::hold(|clock| over(in_memory(clock.clone()), clock)).await;
    contract::hold(|clock| over(Common::new(clock.clone()).join(), clock)).await;
    let embedded = |clock: &Clock| open(&crate::store::Config::default(), &next(), clock.clone()).unwrap();
    contract::hold(|clock| over(embedded(&clock), clock)).await;
}

#[tokio::test]
async fn a_shared_store_with_a_journal_holds_the_contract_of_shared_stores() {
    let dir = Arc::new(tempfile::tempdir().unwrap());
    let count = Arc::new(AtomicUsize::new(0));
    shared_contract::hold(|clock| {
        let (common, dir, count) = (Common::new(clock.clone()), Arc::clone(&dir), Arc::clone(&count));
        Box::new(move || {
            let own = dir.path().join(count.fetch_add(1, Ordering::Relaxed).to_string());
            Arc::new(Journaled::open(common.join(), &config(), &own, clock.clone()).unwrap())
        })
    })
    .await;
}

/// A server, one more process over it, and the journal before that.
struct Scene {
    dir: tempfile::TempDir,
    clock: Clock,
    server: Common,
    inner: Arc<dyn Store>,
}

impl Scene {
    fn new() -> Self {
        let clock = Clock::manual(moment());
        let server = Common::new(clock.clone());
        Self { dir: tempfile::tempdir().unwrap(), inner: server.join(), clock, server }
    }

    async fn store(&self) -> Journaled {
        self.store_with(&config()).await
    }

    async fn store_with(&self, config: &Config) -> Journaled {
        journaled(&self.inner, config, self.dir.path(), &self.clock).await
    }
}

#[tokio::test]
async fn backfills_of_a_store_that_is_away_are_kept_seen_and_given_to_it_when_it_is_back() {
    let scene = Scene::new();
    let (store, other) = (scene.store().await, scene.server.join());
    assert!(store.backfill(put(&entry("before"))).await.unwrap());
    let position = store.shared().unwrap().position().await.unwrap();
    scene.server.set_away(true);
    for number in 0..100 {
        let both = vec![Write::Put(entry(&number.to_string())), Write::Put(decision(number))];
        assert!(!store.backfill(both).await.unwrap());
    }
    let journal = store.health().journal.unwrap();
    assert!(journal.in_use && journal.records == 200 && journal.bytes > 0 && journal.refused == 0, "{journal:?}");
    assert!(holds(&store, &decision(99)).await && holds(&store, &entry("7")).await);
    assert!(matches!(store.commit(put(&entry("promised"))).await, Err(StoreError::Away { .. })));
    assert!(matches!(store.get(&entry("promised").key()).await, Err(StoreError::Away { .. })));
    scene.server.set_away(false);
    replayed(&store).await;
    for number in 0..100 {
        assert!(holds(&*other, &entry(&number.to_string())).await && holds(&*other, &decision(number)).await);
    }
    let changes = other.shared().unwrap().changes(&position, Duration::ZERO).await.unwrap().changes;
    assert_eq!(changes.len(), 100, "other processes are told of each entry once");
    until("the room on disk", async || store.health().journal.unwrap().bytes == 0).await;
    let journal = store.health().journal.unwrap();
    assert!(!journal.in_use && (journal.records, journal.bytes, journal.replayed) == (0, 0, 200), "{journal:?}");
    assert!(store.backfill(put(&entry("after"))).await.unwrap());
}

#[tokio::test]
async fn what_was_kept_outlives_the_process_and_a_scan_shows_it_until_it_is_replayed() {
    let scene = Scene::new();
    let store = scene.store().await;
    store.commit(put(&entry("stored"))).await.unwrap();
    scene.server.set_away(true);
    assert!(!store.backfill(vec![Write::Put(entry("kept")), Write::Put(decision(1))]).await.unwrap());
    drop(store);
    let store = scene.store().await;
    assert!(holds(&store, &entry("kept")).await);
    // The turn keeps the replay waiting while the scan looks.
    let turn = store.core.turn.lock().await;
    scene.server.set_away(false);
    let expected = [entry("stored"), entry("kept")].map(|record| record.key().to_string()).into();
    assert_eq!(contract::keys_of(&store, RecordKind::Entry), expected);
    assert_eq!(contract::keys_of(&*scene.inner, RecordKind::Entry).len(), 1);
    drop(turn);
    replayed(&store).await;
    assert_eq!(contract::keys_of(&*scene.inner, RecordKind::Entry), expected);
    assert_eq!(contract::keys_of(&store, RecordKind::Entry), expected);
}

/// Has the journal keep `kept`, then has another process do `since` once the server is back, and gives what the replay made of it.
async fn after(kept: &Record, since: Vec<Write>) -> Option<Record> {
    let scene = Scene::new();
    let store = scene.store().await;
    scene.server.set_away(true);
    assert!(!store.backfill(put(kept)).await.unwrap());
    let turn = store.core.turn.lock().await;
    scene.server.set_away(false);
    scene.server.join().commit(since).await.unwrap();
    drop(turn);
    replayed(&store).await;
    scene.inner.get(&kept.key()).await.unwrap()
}

fn changed(text: &str, change: impl Fn(&mut crate::domain::entry::Entry)) -> Record {
    let mut stored = entry_of("a", text);
    change(Arc::make_mut(&mut stored.entry));
    Record::Entry(stored)
}

#[tokio::test]
async fn a_replay_puts_nothing_in_the_place_of_what_is_later() {
    let kept = entry("text");
    let later = changed("text", |entry| entry.created_at = moment().plus_seconds(1));
    assert!(same(&after(&kept, put(&later)).await.unwrap(), &later));
    let earlier = changed("text", |entry| entry.created_at = moment().plus_millis(-1));
    assert!(same(&after(&kept, put(&earlier)).await.unwrap(), &kept));
    let quarantine = Quarantine { since: moment(), decision: decision_of("a", moment(), 1).id, note: None };
    let closed = changed("text", |entry| entry.quarantine = Some(quarantine.clone()));
    assert!(same(&after(&kept, put(&closed)).await.unwrap(), &closed));
}

#[tokio::test]
async fn a_replay_brings_nothing_back_that_was_deleted_by_its_tag() {
    let kept = changed("text", |entry| (entry.tags, entry.generation) = (vec!["NVDA".into()], 3));
    let end = |generation| {
        let tenant = TenantId::new("a").unwrap();
        put(&Record::TagEnd(TagEnd { tenant, tag: "NVDA".into(), generation, at: moment() }))
    };
    assert!(after(&kept, end(4)).await.is_none());
    assert!(after(&kept, end(3)).await.is_some());
}

#[tokio::test]
async fn an_answer_takes_the_place_of_the_notice_that_it_is_pending() {
    let mut answer = decision_of("a", moment().plus_seconds(1), 1);
    answer.id = decision_of("a", moment(), 1).id;
    let answer = Record::Decision(answer);
    assert!(same(&after(&answer, put(&decision(1))).await.unwrap(), &answer));
    assert!(same(&after(&decision(1), put(&answer)).await.unwrap(), &answer));
}

#[tokio::test]
async fn what_this_process_deleted_or_wrote_since_stays_so_though_it_is_started_again_before_the_replay() {
    let scene = Scene::new();
    let store = scene.store().await;
    scene.server.set_away(true);
    for text in ["deleted", "anew", "left"] {
        assert!(!store.backfill(put(&entry(text))).await.unwrap());
    }
    // Nothing is replayed until the restart.
    store.replaying.as_ref().unwrap().abort();
    until("the end of the replay", async || store.core.turn.try_lock().is_ok()).await;
    scene.server.set_away(false);
    let anew = changed("anew", |entry| entry.tau = 0.5);
    store.commit(vec![Write::Delete(entry("deleted").key()), Write::Put(anew.clone())]).await.unwrap();
    assert!(store.get(&entry("deleted").key()).await.unwrap().is_none() && holds(&store, &anew).await);
    let left = [&anew, &entry("left")].map(|record| record.key().to_string()).into();
    assert_eq!(contract::keys_of(&store, RecordKind::Entry), left);
    drop(store);
    let store = scene.store().await;
    replayed(&store).await;
    assert_eq!(contract::keys_of(&*scene.inner, RecordKind::Entry), left);
    assert!(holds(&*scene.inner, &anew).await);
}

#[tokio::test]
async fn a_full_journal_refuses_and_takes_again_when_there_is_room() {
    let scene = Scene::new();
    let store = scene.store_with(&Config { records_max: 4, ..config() }).await;
    scene.server.set_away(true);
    for number in 0..4 {
        assert!(!store.backfill(put(&decision(number))).await.unwrap());
    }
    let refused = store.backfill(put(&decision(4))).await.unwrap_err();
    assert!(matches!(refused, StoreError::JournalFull { records: 4, .. }), "{refused}");
    assert_eq!(store.health().journal.unwrap().refused, 1);
    scene.server.set_away(false);
    replayed(&store).await;
    scene.server.set_away(true);
    assert!(!store.backfill(put(&decision(5))).await.unwrap());

    let scene = Scene::new();
    let store = scene.store_with(&Config { bytes_max: 1 << 20, ..config() }).await;
    scene.server.set_away(true);
    let mut large = decision_of("a", moment(), 1);
    large.answer = sample::raw(&format!("\"{}\"", "answer ".repeat(60_000)));
    for number in 0..2 {
        large.id = decision_of("a", moment(), number).id;
        assert!(!store.backfill(put(&Record::Decision(large.clone()))).await.unwrap());
    }
    assert!(matches!(store.backfill(put(&Record::Decision(large))).await, Err(StoreError::JournalFull { records: 2, .. })));
}

/// A store that never answers a write.
#[derive(Debug)]
struct Hanging {
    inner: Arc<dyn Store>,
    asked: AtomicUsize,
}

#[async_trait]
impl Store for Hanging {
    async fn commit(&self, _: Vec<Write>) -> Result<(), StoreError> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        std::future::pending().await
    }
    fn record(&self, write: Write) -> Result<(), StoreError> {
        self.inner.record(write)
    }
    async fn get(&self, _: &RecordKey) -> Result<Option<Record>, StoreError> {
        std::future::pending().await
    }
    fn scan(&self, kind: RecordKind, visit: &mut Visit<'_>) -> Result<(), StoreError> {
        self.inner.scan(kind, visit)
    }
    async fn flush(&self) -> Result<(), StoreError> {
        self.inner.flush().await
    }
    async fn prune(&self, before: crate::domain::time::Timestamp) -> Result<(), StoreError> {
        self.inner.prune(before).await
    }
    async fn sweep(&self) -> Result<Vec<RecordKey>, StoreError> {
        self.inner.sweep().await
    }
    fn health(&self) -> StoreHealth {
        self.inner.health()
    }
    fn shared(&self) -> Option<&dyn Shared> {
        None
    }
}

#[tokio::test]
async fn a_store_that_hangs_is_waited_for_once_and_not_by_each_backfill() {
    let dir = tempfile::tempdir().unwrap();
    let hanging = Arc::new(Hanging { inner: in_memory(Clock::System), asked: AtomicUsize::new(0) });
    let inner: Arc<dyn Store> = Arc::clone(&hanging) as Arc<dyn Store>;
    let store = journaled(&inner, &Config { commit_timeout_ms: 500, ..config() }, dir.path(), &Clock::System).await;
    let since = Instant::now();
    assert!(!store.backfill(put(&decision(0))).await.unwrap());
    assert!(since.elapsed() >= Duration::from_millis(500));
    let since = Instant::now();
    for number in 1..20 {
        assert!(!store.backfill(put(&decision(number))).await.unwrap());
    }
    let took = since.elapsed();
    assert!(took < Duration::from_millis(19 * 500 / 2), "{took:?}");
    assert_eq!(hanging.asked.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_second_process_is_told_that_the_journal_is_in_use() {
    let scene = Scene::new();
    let store = scene.store().await;
    let error = Journaled::open(Arc::clone(&scene.inner), &config(), scene.dir.path(), Clock::System).unwrap_err();
    assert!(matches!(error, StoreError::Locked { .. }), "{error}");
    drop(store);
    scene.store().await;
}

#[tokio::test]
async fn a_damaged_segment_is_replayed_up_to_the_damage_and_kept() {
    let scene = Scene::new();
    let store = scene.store().await;
    scene.server.set_away(true);
    for number in 0..10 {
        assert!(!store.backfill(put(&decision(number))).await.unwrap());
    }
    drop(store);
    let segment = std::fs::read_dir(scene.dir.path()).unwrap().map(|item| item.unwrap().path());
    let segment = segment.into_iter().find(|path| path.extension().is_some_and(|e| e == "journal")).unwrap();
    let mut bytes = std::fs::read(&segment).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&segment, bytes).unwrap();
    scene.server.set_away(false);
    let store = scene.store().await;
    replayed(&store).await;
    let there = contract::keys_of(&*scene.inner, RecordKind::Decision).len();
    assert!((4..=5).contains(&there), "{there} of the five before the damage");
    assert!(!segment.exists() && segment.with_extension("kept").exists());
}

#[tokio::test]
async fn a_journal_of_a_later_version_is_refused_and_left_alone() {
    let scene = Scene::new();
    let segment = scene.dir.path().join("000000000007.journal");
    std::fs::write(&segment, b"INJRNAL\x09whatever").unwrap();
    let error = Journaled::open(Arc::clone(&scene.inner), &config(), scene.dir.path(), Clock::System).unwrap_err();
    assert!(matches!(&error, StoreError::Layout { found, .. } if found == "9 of the journal"), "{error}");
    assert!(segment.exists());
}

#[tokio::test]
async fn what_was_replayed_is_not_replayed_again_after_a_restart_though_its_segment_is_still_there() {
    let scene = Scene::new();
    let store = scene.store().await;
    scene.server.set_away(true);
    let (first, anew, last) = (entry("first"), entry("anew"), Record::Entry(entry_of("b", "last")));
    for record in [&first, &anew, &last] {
        assert!(!store.backfill(put(record)).await.unwrap());
    }
    store.replaying.as_ref().unwrap().abort();
    until("the end of the replay", async || store.core.turn.try_lock().is_ok()).await;
    scene.server.set_away(false);
    let queue = store.queue.as_ref().unwrap().downgrade();
    super::replay::some(&store.core, &queue, 64).await.unwrap();
    assert!(holds(&*scene.inner, &first).await && !holds(&*scene.inner, &last).await, "a part was replayed");
    scene.server.set_away(true);
    store.journal(&put(&anew)).await.unwrap();
    scene.server.set_away(false);
    scene.server.join().commit([&first, &anew].map(|record| Write::Delete(record.key())).into()).await.unwrap();
    drop(store);
    let store = scene.store().await;
    replayed(&store).await;
    assert!(!holds(&*scene.inner, &first).await, "another process deleted it since");
    assert!(holds(&*scene.inner, &anew).await, "this was journaled anew");
    assert!(holds(&*scene.inner, &last).await);
}

#[tokio::test]
async fn what_is_owed_is_read_with_what_the_store_has_and_is_out_of_date_after_a_commit_under_a_lease() {
    let scene = Scene::new();
    let store = scene.store().await;
    scene.server.set_away(true);
    let (kept, stale, deleted) = (entry("kept"), entry("stale"), entry("deleted"));
    for record in [&kept, &stale, &deleted] {
        assert!(!store.backfill(put(record)).await.unwrap());
    }
    // Nothing is replayed before the commit under the lease is done.
    let turn = store.core.turn.lock().await;
    scene.server.set_away(false);
    store.core.set_away(false, None);
    let later = changed("stale", |entry| entry.created_at = moment().plus_seconds(1));
    scene.server.join().commit(put(&later)).await.unwrap();
    assert!(holds(&store, &kept).await && holds(&store, &later).await);
    let shared = store.shared().unwrap();
    let many = shared.get_many(&[&kept, &stale, &entry("none")].map(Record::key)).await.unwrap();
    let many: Vec<_> = many.into_iter().map(Result::unwrap).collect();
    assert!(same(many[0].as_ref().unwrap(), &kept) && same(many[1].as_ref().unwrap(), &later) && many[2].is_none());
    let tenant = TenantId::new("a").unwrap();
    let lasts = Duration::from_secs(60);
    let Acquired::Mine(lease) = shared.acquire(&tenant, "purge", lasts).await.unwrap() else { panic!("it is free") };
    store.replaying.as_ref().unwrap().abort();
    drop(turn);
    assert!(shared.commit_under(&lease, vec![Write::Delete(deleted.key())]).await.unwrap());
    drop(store);
    let store = scene.store().await;
    replayed(&store).await;
    assert!(holds(&*scene.inner, &kept).await && holds(&*scene.inner, &later).await);
    assert!(scene.inner.get(&deleted.key()).await.unwrap().is_none());
}
