//! Memory as a working set: the server searches, and what it says there is, is what is served. The search here is the exact twin over
//! what the store holds; processes share that store and follow no stream.

use super::service::project;
use async_trait::async_trait;
use instinct::app::{App, Parts};
use instinct::config::{Config, Overrides};
use instinct::decide::{Feedback, Forget, NewEntry};
use instinct::domain::answer::{Answer, Outcome, Path};
use instinct::domain::deadline::Deadline;
use instinct::domain::decision::Payload;
use instinct::domain::entry::{Provenance, Validity};
use instinct::domain::ids::{EntryId, StrategyName, TenantId};
use instinct::domain::request::{Allow, Caller, Request};
use instinct::domain::text::{FreshText, TextHash};
use instinct::domain::time::Clock;
use instinct::embed;
use instinct::engine::{Engine, EngineFailure, Engines, Question};
use instinct::index::server::{Exact, Found, IndexState, Nearest, SearchError, ServerSearch, Space};
use instinct::store::{Common, Record, RecordKey, RecordKind, Store, Write};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;
use tempfile::TempDir;

/// A server that searches what the store holds at that moment.
#[derive(Debug)]
struct OverStore {
    store: Arc<dyn Store>,
    late: AtomicBool,
}

impl OverStore {
    fn now(&self) -> Exact {
        let twin = Exact::default();
        let mut put = |record| {
            if let Ok(Record::Entry(stored)) = record {
                twin.put(&stored);
            }
            ControlFlow::Continue(())
        };
        if let Err(error) = self.store.scan(RecordKind::Entry, &mut put) {
            twin.fail(Some(SearchError::Away { detail: error.to_string() }));
        }
        if self.late.load(Ordering::Relaxed) {
            twin.fail(Some(SearchError::Late { within_ms: 50 }));
        }
        twin
    }
}

#[async_trait]
impl ServerSearch for OverStore {
    async fn ensure(&self, space: &Space) -> Result<IndexState, SearchError> {
        self.now().ensure(space).await
    }

    async fn nearest(&self, space: &Space, wanted: Nearest<'_>, within: Duration) -> Result<Vec<Found>, SearchError> {
        self.now().nearest(space, wanted, within).await
    }

    async fn exact(&self, space: &Space, text: TextHash, within: Duration) -> Result<Vec<Found>, SearchError> {
        self.now().exact(space, text, within).await
    }
}

/// What processes share.
struct World {
    common: Common,
    search: Arc<OverStore>,
    folder: TempDir,
}

const STRATEGY: &str = r#"
    name = "s"
    version = 1
    composition = "sum"
    deadline_ms = 60000
    thresholds = { tau = 0.7, tau_fresh = 0.7 }
    slots = [{ role = "fresh", weight = 1.0 }]
"#;

const GOLD: &str = "gold climbs to a record as buyers return";
const GOLD_AGAIN: &str = "gold climbs to a record as the buyers return";

fn world() -> World {
    let common = Common::new(Clock::System);
    let search = Arc::new(OverStore { store: common.join(), late: AtomicBool::new(false) });
    let folder = TempDir::new().unwrap();
    World { common, search, folder }
}

impl World {
    /// One more process.
    async fn join(&self) -> App {
        self.join_with("", Engines::default()).await
    }

    /// One more process, with engines, that follows the others.
    async fn follow_with(&self, line: &str, engines: Engines) -> App {
        let app = self.join_with(line, engines).await;
        let decider = Arc::clone(&app.decider);
        tokio::spawn(async move { decider.keep_in_step().await });
        app
    }

    async fn join_with(&self, line: &str, engines: Engines) -> App {
        std::fs::write(self.folder.path().join("s.toml"), format!("{line}\n{STRATEGY}")).unwrap();
        let file = self.folder.path().join("settings");
        let lines = "strategies.default = \"s\"\nembed.model = \"hashing-384\"\nindex.server.entries_max = 4096\nindex.server.timeout_ms = 60000\n";
        std::fs::write(&file, lines).unwrap();
        let mut config = Config::load(Some(&file), &Overrides::default()).unwrap();
        config.strategies.dir = self.folder.path().to_owned();
        config.embed.runtime_dir = project().join("runtime");
        let parts = Parts {
            embedder: embed::open(&config.embed).unwrap(),
            store: self.common.join(),
            search: Some(Arc::clone(&self.search) as Arc<dyn ServerSearch>),
            graphs: None,
            engines,
            clock: Clock::System,
        };
        App::with_parts(&config, parts).await.unwrap()
    }
}

fn own() -> TenantId {
    TenantId::default_tenant()
}

fn strategy() -> StrategyName {
    StrategyName::new("s").unwrap()
}

fn signal(n: i8) -> Payload {
    Payload::parse(&format!(r#"{{"kind":"trade","signal":{n},"conviction":0.6}}"#)).unwrap()
}

fn new_entry(text: &str, tags: &[&str]) -> NewEntry {
    NewEntry {
        text: FreshText::new(text).unwrap(),
        decision: signal(1),
        strategy: strategy(),
        as_of: Clock::System.now(),
        ttl_sec: None,
        tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
        context: Vec::new(),
        validity: Validity::default(),
        provenance: Provenance::Import,
    }
}

fn soon() -> Deadline {
    Deadline::after(Duration::from_secs(60))
}

async fn remember(app: &App, text: &str, tags: &[&str]) -> EntryId {
    let stored = app.decider.prepare(&own(), new_entry(text, tags), soon()).await.unwrap();
    let id = stored.entry.id;
    app.decider.remember(vec![stored]).await.unwrap();
    id
}

async fn ask(app: &App, text: &str) -> Answer {
    let request =
        Request { allow: Allow::Fast, ..Request::plain(FreshText::new(text).unwrap(), strategy(), Clock::System.now(), soon()) };
    app.decider.decide(&Caller::trusted(own()), &request).await.unwrap().answer
}

fn entry_of(answer: &Answer) -> Option<EntryId> {
    answer.matched.as_ref().map(|matched| matched.entry)
}

#[tokio::test]
async fn what_another_process_wrote_answers_at_once_by_text_and_by_meaning_and_is_then_in_memory() {
    let world = world();
    let (one, two) = (world.join().await, world.join().await);
    let id = remember(&one, GOLD, &[]).await;
    remember(&one, "oil falls on weak demand", &[]).await;
    assert_eq!(two.decider.semantic.stats().entries, 0);
    let near = ask(&two, GOLD_AGAIN).await;
    assert_eq!((near.path, near.outcome, entry_of(&near)), (Path::Fast, Outcome::Decided, Some(id)));
    let same = ask(&two, GOLD).await;
    assert_eq!((same.path, entry_of(&same)), (Path::Exact, Some(id)));
    assert!(two.decider.semantic.entry(&own(), &id).is_some());
    assert_eq!(two.restored.entries, 0, "a start loads none");
    assert_eq!(two.decider.entries_in_server(&own(), two.decider.partition_of(&own(), &strategy()).unwrap()), Some(0));
    assert!(two.decider.see_to_indexes(&own()).await);
    assert_eq!(two.decider.entries_in_server(&own(), two.decider.partition_of(&own(), &strategy()).unwrap()), Some(2));
}

#[tokio::test]
async fn what_another_process_deleted_is_not_served_though_it_is_in_memory() {
    let world = world();
    let (one, two) = (world.join().await, world.join().await);
    let id = remember(&one, GOLD, &[]).await;
    assert_eq!(entry_of(&ask(&two, GOLD).await), Some(id));
    let meant = Forget { ids: Some([id].into()), ..Forget::default() };
    assert_eq!(one.decider.forget(&own(), meant).await.unwrap(), [id]);
    assert!(two.decider.semantic.entry(&own(), &id).is_some(), "it has not heard of it");
    for text in [GOLD, GOLD_AGAIN] {
        assert_eq!(ask(&two, text).await.outcome, Outcome::Abstained);
    }
}

#[tokio::test]
async fn what_another_process_changed_is_served_as_it_is_now() {
    let world = world();
    let (one, two) = (world.join().await, world.join().await);
    let id = remember(&one, GOLD, &[]).await;
    let answer = ask(&two, GOLD_AGAIN).await;
    assert_eq!(entry_of(&answer), Some(id));
    let wrong = Feedback { decision: answer.id, right: false, expected: None, note: None };
    two.decider.store.flush().await.unwrap();
    let came = one.decider.feedback(&own(), wrong, soon()).await.unwrap();
    assert!(came.quarantined, "the process that was told had the entry in the store alone");
    let closed = ask(&two, GOLD).await;
    assert_eq!(closed.outcome, Outcome::Abstained);
    assert_eq!(closed.refused[0].gate.as_str(), "trust");
    let mut again = new_entry(GOLD, &[]);
    again.decision = signal(-1);
    let stored = one.decider.prepare(&own(), again, soon()).await.unwrap();
    one.decider.remember(vec![stored]).await.unwrap();
    assert_eq!(ask(&two, GOLD).await.decision, Some(signal(-1)));
}

#[tokio::test]
async fn while_the_server_does_not_answer_memory_serves_what_it_has() {
    let world = world();
    let (one, two) = (world.join().await, world.join().await);
    let id = remember(&one, GOLD, &[]).await;
    remember(&one, "oil falls on weak demand", &[]).await;
    assert_eq!(entry_of(&ask(&two, GOLD).await), Some(id));
    world.search.late.store(true, Ordering::Relaxed);
    assert_eq!(entry_of(&ask(&two, GOLD).await), Some(id));
    assert_eq!(entry_of(&ask(&two, GOLD_AGAIN).await), Some(id));
    assert_eq!(ask(&two, "oil falls on weak demand").await.outcome, Outcome::Abstained);
    world.search.late.store(false, Ordering::Relaxed);
    // It was left alone after a few looks in vain, for half a second.
    tokio::time::sleep(Duration::from_millis(600)).await;
    assert_eq!(ask(&two, "oil falls on weak demand").await.path, Path::Exact);
    world.common.set_away(true);
    assert_eq!(entry_of(&ask(&two, GOLD).await), Some(id), "the store may be away altogether");
}

#[tokio::test]
async fn a_deletion_by_filter_finds_what_memory_never_had() {
    let world = world();
    let (one, two) = (world.join().await, world.join().await);
    let tagged = remember(&one, GOLD, &["GOLD"]).await;
    let other = remember(&one, "oil falls on weak demand", &["OIL"]).await;
    let third = remember(&one, "silver is flat", &["SILVER"]).await;
    assert_eq!(two.decider.semantic.stats().entries, 0);
    let by_time = Forget { older_than: Some(Clock::System.now()), strategy: Some(strategy()), ..Forget::default() };
    assert_eq!(two.decider.meant_by(&own(), &by_time).await.unwrap().len(), 3);
    let by_id = Forget { ids: Some([other].into()), ..Forget::default() };
    assert_eq!(two.decider.meant_by(&own(), &by_id).await.unwrap(), [other]);
    let by_tag = Forget { tags: vec!["GOLD".to_owned()], ..Forget::default() };
    assert_eq!(two.decider.forget(&own(), by_tag).await.unwrap(), [tagged]);
    assert_eq!(ask(&two, GOLD).await.outcome, Outcome::Abstained);
    two.decider.sweep().await.unwrap();
    let key = |id| RecordKey::Entry { tenant: own(), id };
    for _ in 0..100 {
        if two.decider.store.get(&key(tagged)).await.unwrap().is_none() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(two.decider.store.get(&key(tagged)).await.unwrap().is_none(), "its room is given back");
    assert_eq!(two.decider.forget(&own(), by_id).await.unwrap(), [other]);
    assert_eq!(ask(&two, "oil falls on weak demand").await.outcome, Outcome::Abstained);
    assert_eq!(two.decider.meant_by(&own(), &by_time).await.unwrap(), [third]);
    assert_eq!(two.decider.forget(&own(), Forget::default()).await.unwrap(), [third]);
}

#[tokio::test]
async fn an_entry_that_was_written_anew_meanwhile_and_is_no_longer_meant_stays() {
    let world = world();
    let app = world.join().await;
    let id = remember(&app, GOLD, &["OLD"]).await;
    remember(&app, GOLD, &["NEW"]).await;
    let meant = Forget { tags: vec!["OLD".to_owned()], ids: Some([id].into()), ..Forget::default() };
    assert!(app.decider.forget(&own(), meant).await.unwrap().is_empty());
    assert_eq!(entry_of(&ask(&app, GOLD).await), Some(id));
}

#[tokio::test]
async fn memory_stays_within_its_bounds_and_what_left_it_comes_back_when_it_is_asked_for() {
    let world = world();
    let app = world.join().await;
    let mut all = Vec::new();
    for n in 0..4_200 {
        all.push(app.decider.prepare(&own(), new_entry(&format!("headline of number {n}"), &[]), soon()).await.unwrap());
    }
    let ids: Vec<EntryId> = all.iter().map(|stored| stored.entry.id).collect();
    // Each was of use once, in this order.
    for stored in &all {
        app.decider.store.commit(vec![Write::Put(Record::Entry(stored.clone()))]).await.unwrap();
        app.decider.semantic.insert(stored).unwrap();
        app.decider.semantic.recalled(&app.decider.semantic.entry(&own(), &stored.entry.id).unwrap());
    }
    assert_eq!(ask(&app, "headline of number 4199").await.path, Path::Exact);
    let left = app.decider.semantic.stats().entries;
    assert!(left <= 4_096, "{left}");
    assert!(app.decider.semantic.entry(&own(), &ids[0]).is_none());
    let back = ask(&app, "headline of number 0").await;
    assert_eq!((back.path, entry_of(&back)), (Path::Exact, Some(ids[0])));
    assert!(app.decider.semantic.entry(&own(), &ids[0]).is_some());
}

#[tokio::test]
async fn a_process_that_follows_takes_in_nothing_unasked_and_forgets_what_was_deleted() {
    let world = world();
    let one = world.join().await;
    let two = world.follow_with("", Engines::default()).await;
    let gold = remember(&one, GOLD, &[]).await;
    let oil = remember(&one, "oil falls on weak demand", &[]).await;
    assert_eq!(entry_of(&ask(&two, GOLD).await), Some(gold));
    let meant = Forget { ids: Some([gold, oil].into()), ..Forget::default() };
    assert_eq!(one.decider.forget(&own(), meant).await.unwrap().len(), 2);
    let silver = remember(&one, "silver is flat", &[]).await;
    for _ in 0..500 {
        if two.decider.semantic.entry(&own(), &gold).is_none() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(two.decider.semantic.stats().entries, 0);
    assert_eq!(entry_of(&ask(&two, "silver is flat").await), Some(silver));
}

/// An engine that takes its time and counts.
#[derive(Debug, Default)]
struct Slow(AtomicUsize);

#[async_trait]
impl Engine for Slow {
    async fn decide(&self, _: Question) -> Result<Payload, EngineFailure> {
        self.0.fetch_add(1, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(400)).await;
        Ok(signal(1))
    }
}

#[tokio::test]
async fn processes_that_are_asked_one_thing_run_one_engine() {
    let world = world();
    let engine = Arc::new(Slow::default());
    let mut all = Vec::new();
    for _ in 0..4 {
        all.push(world.follow_with("engine = \"slow\"", Engines::default().with("slow", Arc::<Slow>::clone(&engine))).await);
    }
    let decide = |app: &App| {
        let (decider, request) =
            (Arc::clone(&app.decider), Request::plain(FreshText::new(GOLD).unwrap(), strategy(), Clock::System.now(), soon()));
        async move { decider.decide(&Caller::trusted(own()), &request).await.unwrap().answer }
    };
    let answers = futures_util::future::join_all(all.iter().map(decide)).await;
    assert_eq!(engine.0.load(Ordering::SeqCst), 1);
    assert!(answers.iter().all(|answer| answer.decision == Some(signal(1))));
    assert_eq!(answers.iter().filter(|answer| answer.path == Path::Engine).count(), 1);
}
