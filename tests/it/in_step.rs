//! Several replicas over one store, in one process: what one writes the others have, whatever comes between.

use super::service::project;
use super::stores::{Stores, over_each_store};
use instinct::app::{App, Parts};
use instinct::config::{Config, Overrides};
use instinct::decide::{DecideError, Feedback, Followed, Forget, NewBar, NewComponent, NewEntry, PastBound, Replicas};
use instinct::domain::answer::{Answer, Outcome, Path};
use instinct::domain::component::Role;
use instinct::domain::deadline::Deadline;
use instinct::domain::decision::Payload;
use instinct::domain::entry::{Entry, Provenance, Validity};
use instinct::domain::ids::{ComponentId, EntryId, StrategyName, TenantId};
use instinct::domain::market::{Bar, Instrument};
use instinct::domain::request::{Caller, Request};
use instinct::domain::text::FreshText;
use instinct::domain::time::{Clock, Timestamp};
use instinct::embed;
use instinct::engine::Engines;
use instinct::store::{Record, RecordKey, RecordKind, Store, StoreError, Write};
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tempfile::TempDir;

pub(super) const NOW: Duration = Duration::ZERO;

pub(super) fn tenant() -> TenantId {
    TenantId::default_tenant()
}

/// The shipped strategy, which asks this engine, if any.
pub(super) fn strategy(engine: &str) -> TempDir {
    let folder = TempDir::new().unwrap();
    let shipped = std::fs::read_to_string(project().join("strategies/news-impact.toml")).unwrap();
    let bare: String = shipped
        .lines()
        .filter(|l| !["engine =", "error_budget", "calibration"].iter().any(|start| l.starts_with(start)))
        .fold(String::new(), |all, l| all + l + "\n");
    std::fs::write(folder.path().join("s.toml"), format!("{engine}\n{bare}")).unwrap();
    folder
}

pub(super) async fn replica_of(store: Arc<dyn Store>, folder: &TempDir, engines: Engines, replicas: Replicas) -> Arc<App> {
    let mut config = Config::load(None, &Overrides::default()).unwrap();
    config.strategies.dir = folder.path().to_owned();
    config.embed.model = "hashing-64".to_owned();
    config.embed.workers = 1;
    config.replicas = replicas;
    let embedder = embed::open(&config.embed).unwrap();
    let parts = Parts { embedder, store, search: None, graphs: None, engines, clock: Clock::System };
    Arc::new(App::with_parts(&config, parts).await.unwrap())
}

/// Replicas over one store that follow when they are told to.
async fn replicas(stores: &Stores, n: usize) -> Vec<Arc<App>> {
    let folder = strategy("");
    let mut all = Vec::new();
    for _ in 0..n {
        all.push(replica_of(stores.join(), &folder, Engines::default(), Replicas::default()).await);
    }
    all
}

fn news() -> StrategyName {
    StrategyName::new("news-impact").unwrap()
}

fn said(signal: i8) -> Payload {
    Payload::parse(&format!(r#"{{"kind":"trade","signal":{signal},"conviction":0.6,"reasoning":"told"}}"#)).unwrap()
}

pub(super) fn new_entry(text: &str, signal: i8, tags: &[&str]) -> NewEntry {
    NewEntry {
        text: FreshText::new(text).unwrap(),
        decision: said(signal),
        strategy: news(),
        as_of: Timestamp::from_micros(1_000_000),
        ttl_sec: None,
        tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
        context: Vec::new(),
        validity: Validity::default(),
        provenance: Provenance::Import,
    }
}

pub(super) async fn try_remember(app: &App, new: NewEntry) -> Result<EntryId, String> {
    let stored = app.decider.prepare(&tenant(), new, Deadline::after(Duration::from_secs(20))).await.unwrap();
    let id = stored.entry.id;
    app.decider.remember(vec![stored]).await.map(|()| id).map_err(|error| error.to_string())
}

async fn remember(app: &App, text: &str, signal: i8, tags: &[&str]) -> EntryId {
    try_remember(app, new_entry(text, signal, tags)).await.unwrap()
}

pub(super) async fn put_component(app: &App, id: &str, role: Role, text: &str) -> Result<(), String> {
    let new = NewComponent {
        id: ComponentId::new(id).unwrap(),
        role,
        text: FreshText::new(text).unwrap(),
        tags: vec!["ETH".to_owned()],
        as_of: Timestamp::from_micros(1_000_000),
        ttl_sec: None,
        meta: serde_json::Map::new(),
    };
    let component = app.decider.embed_component(&tenant(), new, Deadline::after(Duration::from_secs(20))).await.unwrap();
    app.decider.put_components(vec![component]).await.map(drop).map_err(|error| error.to_string())
}

pub(super) async fn ask(app: &App, text: &str) -> Result<Answer, DecideError> {
    let deadline = Deadline::after(Duration::from_secs(20));
    let request = Request::plain(FreshText::new(text).unwrap(), news(), app.decider.clock.now(), deadline);
    app.decider.decide(&Caller::trusted(tenant()), &request).await.map(|decided| decided.answer)
}

async fn signal(app: &App, text: &str) -> Option<i64> {
    let answer = ask(app, text).await.unwrap();
    let decided: Option<serde_json::Value> = answer.decision.map(|payload| serde_json::to_value(&payload).unwrap());
    decided.map(|decision| decision["signal"].as_i64().unwrap())
}

pub(super) async fn follow(app: &App) {
    // A server that was away is reached again some moments after it is back.
    let since = Instant::now();
    loop {
        match app.decider.follow_once(NOW).await {
            Ok(Followed::Changes(0)) => return,
            Ok(_) => {}
            Err(error) => assert!(since.elapsed() < Duration::from_secs(20), "{error}"),
        }
        tokio::task::yield_now().await;
    }
}

async fn follow_all(all: &[Arc<App>]) {
    for app in all {
        follow(app).await;
    }
}

/// What a replica has in memory that may be served, and that it chooses context from.
pub(super) type Memory = (BTreeMap<EntryId, Entry>, BTreeMap<String, (Role, String)>);

pub(super) fn memory(app: &App) -> Memory {
    let entries = app.decider.semantic.select(&tenant(), |_| true);
    let entry = |id: EntryId| (id, Entry::clone(&app.decider.semantic.entry(&tenant(), &id).unwrap().entry));
    let components = app.decider.embeddings.ids().into_iter().map(|(tenant, id)| {
        let held = app.decider.embeddings.own_component(&tenant, &id).unwrap();
        (id.to_string(), (held.role, held.text.to_string()))
    });
    (entries.into_iter().map(entry).collect(), components.collect())
}

/// What the store holds of the same.
pub(super) fn stored(app: &App) -> Memory {
    let (mut entries, mut components) = (BTreeMap::new(), BTreeMap::new());
    let generations = app.decider.semantic.generations();
    app.decider
        .store
        .scan(RecordKind::Entry, &mut |record| {
            if let Ok(Record::Entry(stored)) = record
                && !generations.has_ended(&stored.entry)
            {
                entries.insert(stored.entry.id, Entry::clone(&stored.entry));
            }
            ControlFlow::Continue(())
        })
        .unwrap();
    app.decider
        .store
        .scan(RecordKind::Component, &mut |record| {
            if let Ok(Record::Component(c)) = record {
                components.insert(c.id.to_string(), (c.role, c.text.to_string()));
            }
            ControlFlow::Continue(())
        })
        .unwrap();
    (entries, components)
}

async fn what_one_replica_writes_the_others_serve_and_what_it_deletes_they_do_not(stores: Stores) {
    let all = replicas(&stores, 3).await;
    let text = "SEC approves spot ETH ETF";
    let id = remember(&all[0], text, 1, &["ETH"]).await;
    assert_eq!(signal(&all[0], text).await, Some(1), "who wrote it has it at once");
    assert_eq!(signal(&all[1], text).await, None);
    follow_all(&all).await;
    for app in &all {
        assert_eq!(signal(app, text).await, Some(1));
    }
    let filter = Forget { ids: Some([id].into()), ..Forget::default() };
    assert_eq!(all[2].decider.forget(&tenant(), filter).await.unwrap(), [id]);
    follow_all(&all).await;
    for app in &all {
        assert_eq!(signal(app, text).await, None);
    }
}

async fn a_deletion_by_tag_ends_entries_on_all_replicas_and_spares_what_comes_after_it(stores: Stores) {
    let all = replicas(&stores, 3).await;
    let (old, new) = ("Nvidia halts shipments to China", "Nvidia resumes shipments to China");
    remember(&all[0], old, -1, &["NVDA"]).await;
    follow_all(&all).await;
    for by in [1, 2] {
        let by_tag = Forget { tags: vec!["NVDA".to_owned()], ..Forget::default() };
        all[by].decider.forget(&tenant(), by_tag).await.unwrap();
        follow_all(&all).await;
        for app in &all {
            assert_eq!((signal(app, old).await, signal(app, new).await), (None, None));
        }
        // The same entry once more, by a replica that learnt of the deletion as a follower.
        remember(&all[0], new, 1, &["NVDA"]).await;
        follow_all(&all).await;
        for app in &all {
            assert_eq!((signal(app, old).await, signal(app, new).await), (None, Some(1)));
        }
    }
    for app in &all {
        app.decider.sweep().await.unwrap();
    }
    follow_all(&all).await;
    let stored = stored(&all[0]);
    assert_eq!(stored.0.len(), 1);
    assert!(all.iter().all(|app| memory(app) == stored));
}

async fn a_sweep_does_not_delete_what_another_replica_wrote_anew(stores: Stores) {
    let all = replicas(&stores, 2).await;
    let text = "Nvidia halts shipments to China";
    remember(&all[0], text, -1, &["NVDA"]).await;
    follow_all(&all).await;
    // The second learns of the deletion, and of the new entry not yet.
    let shared = all[0].decider.store.shared().unwrap();
    let generation = shared.next_generation(0).await.unwrap();
    let end = instinct::domain::tag_end::TagEnd {
        tenant: tenant(),
        tag: "NVDA".to_owned(),
        generation,
        at: all[0].decider.clock.now(),
    };
    all[0].decider.store.commit(vec![Write::Put(Record::TagEnd(end))]).await.unwrap();
    all[0].decider.semantic.generations().end(&tenant(), ["NVDA"], generation);
    all[1].decider.semantic.generations().end(&tenant(), ["NVDA"], generation);
    let id = remember(&all[0], text, 1, &["NVDA"]).await;
    all[1].decider.sweep().await.unwrap();
    let key = RecordKey::Entry { tenant: tenant(), id };
    assert!(all[1].decider.store.get(&key).await.unwrap().is_some());
    assert_eq!(signal(&all[1], text).await, Some(1));
}

async fn a_wrong_decision_is_closed_on_every_replica_and_all_who_were_served_are_told(stores: Stores) {
    let all = replicas(&stores, 3).await;
    let text = "Federal Reserve cuts rates by 50 basis points";
    let id = remember(&all[0], text, 1, &[]).await;
    follow_all(&all).await;
    let mut answers = Vec::new();
    for app in &all {
        answers.push(ask(app, text).await.unwrap());
    }
    let wrong = Feedback { decision: answers[1].id, right: false, expected: Some(said(-1)), note: None };
    let told = all[2].decider.feedback(&tenant(), wrong, Deadline::after(Duration::from_secs(20))).await.unwrap();
    assert_eq!((told.entry, told.quarantined, told.served.count), (Some(id), true, 3));
    follow_all(&all).await;
    for app in &all {
        assert_eq!(signal(app, text).await, Some(-1));
    }
    let counts = |app: &App| {
        let strategy = app.decider.strategies.named(&news()).unwrap();
        app.decider.budgets.calibration(&strategy.name).is_some()
    };
    assert!(all.iter().all(|app| !counts(app)), "the strategy of this test has no budget");
}

async fn what_one_replica_learns_of_a_decision_the_others_count_once(stores: Stores) {
    let folder = strategy("error_budget = 0.2");
    let mut all = Vec::new();
    for _ in 0..2 {
        all.push(replica_of(stores.join(), &folder, Engines::default(), Replicas::default()).await);
    }
    let (held, near) = ("SEC approves spot ETH ETF for retail investors", "SEC approves spot ETH ETF for retail investors now");
    remember(&all[0], held, 1, &[]).await;
    follow_all(&all).await;
    let reports = |app: &App| {
        let strategy = app.decider.strategies.named(&news()).unwrap();
        let tally = app.decider.budget_state(&tenant(), strategy).unwrap().samples.feedback;
        (tally.n, tally.wrong)
    };
    let mut say = Vec::new();
    for _ in 0..2 {
        let answer = ask(&all[0], near).await.unwrap();
        assert_eq!(answer.path, Path::Fast);
        say.push(answer.id);
    }
    let verdict = |decision, right| Feedback { decision, right, expected: None, note: None };
    let within = || Deadline::after(Duration::from_secs(20));
    all[0].decider.feedback(&tenant(), verdict(say[0], true), within()).await.unwrap();
    follow_all(&all).await;
    assert_eq!([reports(&all[0]), reports(&all[1])], [(1, 0), (1, 0)]);
    all[1].decider.feedback(&tenant(), verdict(say[1], true), within()).await.unwrap();
    // What is told twice, by the stream and by a look at the whole store, is one verdict.
    stores.trim(1);
    all[0].decider.begin_to_follow().await.unwrap();
    follow_all(&all).await;
    all[0].decider.feedback(&tenant(), verdict(say[1], true), within()).await.unwrap();
    follow_all(&all).await;
    assert_eq!(reports(&all[1]), (2, 0));
    // A verdict that is taken back is counted anew by all, and its question is closed.
    all[0].decider.feedback(&tenant(), verdict(say[0], false), within()).await.unwrap();
    follow_all(&all).await;
    assert_eq!(reports(&all[1]), (2, 1));
    assert_eq!(signal(&all[1], near).await, None);
}

async fn a_component_that_changes_its_role_is_one_component_everywhere(stores: Stores) {
    let all = replicas(&stores, 2).await;
    put_component(&all[0], "fed", Role::Context, "The Fed meets on Wednesday").await.unwrap();
    follow_all(&all).await;
    put_component(&all[1], "fed", Role::Tool, "A tool now").await.unwrap();
    follow_all(&all).await;
    for app in &all {
        assert_eq!(memory(app).1["fed"], (Role::Tool, "A tool now".to_owned()));
    }
    let id = ComponentId::new("fed").unwrap();
    put_component(&all[0], "late", Role::Tool, "Not followed yet").await.unwrap();
    assert!(all[1].decider.delete_component(&tenant(), &ComponentId::new("late").unwrap()).await.unwrap());
    assert!(all[0].decider.delete_component(&tenant(), &id).await.unwrap());
    follow_all(&all).await;
    assert!(all.iter().all(|app| memory(app).1.is_empty()));
}

fn bars(from: i64, n: i64, interval_sec: u32) -> Vec<NewBar> {
    let bar = |i: i64| Bar::new(Timestamp::from_micros(i * i64::from(interval_sec) * 1_000_000), [1.0; 4], 0.0).unwrap();
    (from..from + n).map(|i| NewBar { bar: bar(i), interval_sec }).collect()
}

async fn bars_follow_and_of_two_replicas_that_write_the_same_instrument_none_loses_one(stores: Stores) {
    let all = replicas(&stores, 3).await;
    let eth = Instrument::new("ETH").unwrap();
    let held = |app: &App| app.decider.bars(&tenant(), &eth).map_or(0, |series| series.bars().len());
    all[0].decider.put_bars(&tenant(), &eth, bars(0, 10, 3_600)).await.unwrap();
    // Neither has followed the other when it writes.
    all[1].decider.put_bars(&tenant(), &eth, bars(10, 10, 3_600)).await.unwrap();
    all[2].decider.put_bars(&tenant(), &eth, bars(5_000, 10, 3_600)).await.unwrap();
    follow_all(&all).await;
    assert_eq!([0, 1, 2].map(|n| held(&all[n])), [30, 30, 30]);
    all[1].decider.delete_bars(&tenant(), &eth).await.unwrap();
    all[1].decider.put_bars(&tenant(), &eth, bars(0, 5, 60)).await.unwrap();
    follow_all(&all).await;
    assert_eq!([0, 1, 2].map(|n| held(&all[n])), [5, 5, 5]);
}

async fn a_replica_that_missed_changes_is_held_against_the_store_and_drops_what_is_gone(stores: Stores) {
    let all = replicas(&stores, 2).await;
    let eth = Instrument::new("ETH").unwrap();
    let gone = remember(&all[0], "Apple buys a maker of chips", 1, &[]).await;
    put_component(&all[0], "gone", Role::Context, "Gone").await.unwrap();
    all[0].decider.put_bars(&tenant(), &eth, bars(0, 10, 3_600)).await.unwrap();
    remember(&all[0], "Stays as it is and is not touched", 1, &[]).await;
    follow_all(&all).await;
    let filter = Forget { ids: Some([gone].into()), ..Forget::default() };
    all[0].decider.forget(&tenant(), filter).await.unwrap();
    all[0].decider.delete_component(&tenant(), &ComponentId::new("gone").unwrap()).await.unwrap();
    all[0].decider.delete_bars(&tenant(), &eth).await.unwrap();
    remember(&all[0], "Written after the stream was cut", -1, &[]).await;
    stores.trim(0);
    // Where nothing follows what was cut, a store may tell of it a second late.
    let since = Instant::now();
    while all[1].decider.follow_once(NOW).await.unwrap() != Followed::Resynced {
        assert!(since.elapsed() < Duration::from_secs(10), "it is not noticed");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(memory(&all[1]), stored(&all[0]));
    assert!(all[1].decider.bars(&tenant(), &eth).is_none());
    assert_eq!(all[1].decider.follow_once(NOW).await.unwrap(), Followed::Changes(0));
    remember(&all[0], "And it follows on from there", 1, &[]).await;
    follow_all(&all).await;
    assert_eq!(memory(&all[1]), stored(&all[0]));
}

async fn while_the_store_is_away_hits_are_served_writes_are_refused_and_the_age_of_memory_is_told(stores: Stores) {
    let folder = strategy("");
    let settings = Replicas { lag_bound_ms: 100, past_lag_bound: PastBound::Serve, lease_ms: 300 };
    let strict = Replicas { past_lag_bound: PastBound::Refuse, ..settings.clone() };
    let app = replica_of(stores.join(), &folder, Engines::default(), settings).await;
    let refuses = replica_of(stores.join(), &folder, Engines::default(), strict).await;
    let text = "SEC approves spot ETH ETF";
    let id = remember(&app, text, 1, &["ETH"]).await;
    follow(&app).await;
    follow(&refuses).await;
    stores.set_away(true);
    let standing = app.decider.standing().unwrap();
    assert!(standing.in_step() && standing.trouble.is_none());
    assert!(matches!(app.decider.follow_once(NOW).await, Err(StoreError::Away { .. })));
    assert!(try_remember(&app, new_entry("Another text", 1, &[])).await.is_err());
    assert!(put_component(&app, "a", Role::Context, "text").await.is_err());
    assert!(app.decider.forget(&tenant(), Forget { tags: vec!["ETH".to_owned()], ..Forget::default() }).await.is_err());
    assert!(app.decider.forget(&tenant(), Forget { ids: Some([id].into()), ..Forget::default() }).await.is_err());
    let eth = Instrument::new("ETH").unwrap();
    assert!(app.decider.put_bars(&tenant(), &eth, bars(0, 1, 60)).await.is_err());
    tokio::time::sleep(Duration::from_millis(120)).await;
    let standing = app.decider.standing().unwrap();
    assert!(!standing.in_step() && standing.behind >= Duration::from_millis(100) && standing.trouble.is_some());
    assert!(matches!(ask(&refuses, text).await, Err(DecideError::OutOfStep { .. })));
    stores.set_away(false);
    follow(&app).await;
    follow(&refuses).await;
    assert!(app.decider.standing().unwrap().in_step());
    assert_eq!((signal(&app, text).await, signal(&refuses, text).await), (Some(1), Some(1)), "no deletion of it was stored");
    assert_eq!(memory(&app), stored(&app));
}

async fn hits_do_not_fail_while_the_store_is_away(stores: Stores) {
    let all = replicas(&stores, 1).await;
    let (held, near) = ("SEC approves spot ETH ETF for retail investors", "SEC approves spot ETH ETF for retail investors now");
    remember(&all[0], held, 1, &[]).await;
    stores.set_away(true);
    for text in [held, near] {
        let answer = ask(&all[0], text).await.unwrap();
        assert_eq!(answer.outcome, Outcome::Decided);
        assert!([Path::Exact, Path::Fast].contains(&answer.path));
    }
    assert_eq!(ask(&all[0], "Of something else nothing is known").await.unwrap().outcome, Outcome::Abstained);
}

over_each_store!(
    what_one_replica_writes_the_others_serve_and_what_it_deletes_they_do_not,
    a_deletion_by_tag_ends_entries_on_all_replicas_and_spares_what_comes_after_it,
    a_sweep_does_not_delete_what_another_replica_wrote_anew,
    a_wrong_decision_is_closed_on_every_replica_and_all_who_were_served_are_told,
    what_one_replica_learns_of_a_decision_the_others_count_once,
    a_component_that_changes_its_role_is_one_component_everywhere,
    bars_follow_and_of_two_replicas_that_write_the_same_instrument_none_loses_one,
    a_replica_that_missed_changes_is_held_against_the_store_and_drops_what_is_gone,
    while_the_store_is_away_hits_are_served_writes_are_refused_and_the_age_of_memory_is_told,
    hits_do_not_fail_while_the_store_is_away,
);
