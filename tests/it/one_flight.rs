//! One run of an engine for one question, however many replicas are asked it.

use super::in_step::{ask, replica_of, strategy, tenant};
use super::stores::{Stores, over_each_store};
use async_trait::async_trait;
use futures_util::future::join_all;
use instinct::app::App;
use instinct::decide::{PastBound, Replicas};
use instinct::domain::answer::{Answer, Outcome, Path};
use instinct::domain::deadline::Deadline;
use instinct::domain::decision::Payload;
use instinct::domain::ids::StrategyName;
use instinct::domain::request::{Caller, Request};
use instinct::domain::text::FreshText;
use instinct::engine::{Engine, EngineFailure, Engines, Question};
use instinct::store::{Record, RecordKind};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

const TEXT: &str = "SEC approves spot ETH ETF for retail investors";

/// An engine that does as it is told and counts how often it was asked.
#[derive(Debug)]
struct Told {
    result: Result<Payload, EngineFailure>,
    takes: Duration,
    asked: AtomicUsize,
}

#[async_trait]
impl Engine for Told {
    async fn decide(&self, _: Question) -> Result<Payload, EngineFailure> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        tokio::time::sleep(self.takes).await;
        self.result.clone()
    }
}

impl Told {
    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

fn engine(result: Result<Payload, EngineFailure>, takes_ms: u64) -> Arc<Told> {
    Arc::new(Told { result, takes: Duration::from_millis(takes_ms), asked: AtomicUsize::new(0) })
}

fn says(signal: i8) -> Result<Payload, EngineFailure> {
    Ok(Payload::parse(&format!(r#"{{"kind":"trade","signal":{signal},"conviction":0.6,"reasoning":"told"}}"#)).unwrap())
}

fn settings() -> Replicas {
    Replicas { lag_bound_ms: 800, past_lag_bound: PastBound::Serve, lease_ms: 500 }
}

/// A replica that follows the others.
async fn replica(stores: &Stores, engine: &Arc<Told>) -> Arc<App> {
    let engines = Engines::default().with("told", Arc::<Told>::clone(engine));
    let app = replica_of(stores.join(), &strategy("engine = \"told\""), engines, settings()).await;
    let decider = Arc::clone(&app.decider);
    tokio::spawn(async move { decider.keep_in_step().await });
    app
}

async fn replicas(stores: &Stores, engine: &Arc<Told>, n: usize) -> Vec<Arc<App>> {
    join_all((0..n).map(|_| replica(stores, engine))).await
}

async fn ask_all(all: &[Arc<App>]) -> Vec<Answer> {
    join_all(all.iter().map(|app| ask(app, TEXT))).await.into_iter().map(Result::unwrap).collect()
}

fn stored(app: &App) -> Vec<Payload> {
    let mut found = Vec::new();
    let scanned = app.decider.store.scan(RecordKind::Entry, &mut |record| {
        if let Ok(Record::Entry(stored)) = record {
            found.push(stored.entry.decision.clone());
        }
        ControlFlow::Continue(())
    });
    scanned.unwrap();
    found
}

/// Waits for what is about to be so.
async fn soon(what: &str, mut so: impl FnMut() -> bool) {
    let since = Instant::now();
    while !so() {
        assert!(since.elapsed() < Duration::from_secs(20), "{what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn ten_replicas_that_are_asked_one_headline_run_one_engine(stores: Stores) {
    let engine = engine(says(1), 600);
    let all = replicas(&stores, &engine, 10).await;
    let answers = ask_all(&all).await;
    assert_eq!(engine.asked(), 1);
    assert!(answers.iter().all(|answer| answer.outcome == Outcome::Decided && answer.decision == says(1).ok()));
    assert_eq!(answers.iter().filter(|answer| answer.path == Path::Engine).count(), 1);
    assert_eq!(stored(&all[0]).len(), 1);
    assert!(ask_all(&all).await.iter().all(|answer| answer.path == Path::Exact));
}

async fn who_asks_just_after_another_replica_decided_gets_that_decision_though_it_has_not_followed(stores: Stores) {
    let engine = engine(says(1), 0);
    let first = replica(&stores, &engine).await;
    // It follows nobody by itself.
    let engines = Engines::default().with("told", Arc::<Told>::clone(&engine));
    let second = replica_of(stores.join(), &strategy("engine = \"told\""), engines, settings()).await;
    assert_eq!(ask(&first, TEXT).await.unwrap().path, Path::Engine);
    let answer = ask(&second, TEXT).await.unwrap();
    assert_eq!((answer.path, answer.decision, engine.asked()), (Path::Exact, says(1).ok(), 1));
}

async fn an_engine_that_has_nothing_to_say_is_asked_once_for_all(stores: Stores) {
    let nothing = EngineFailure::Abstained { reason: "no bars of it".to_owned() };
    let engine = engine(Err(nothing), 400);
    let all = replicas(&stores, &engine, 5).await;
    let answers = ask_all(&all).await;
    assert_eq!(engine.asked(), 1);
    for answer in answers {
        assert_eq!((answer.outcome, answer.reason.as_deref()), (Outcome::Abstained, Some("no bars of it")));
    }
}

async fn an_engine_that_fails_here_may_be_asked_elsewhere(stores: Stores) {
    let (fails, works) = (engine(Err(EngineFailure::TimedOut), 300), engine(says(-1), 0));
    let (one, other) = (replica(&stores, &fails).await, replica(&stores, &works).await);
    let asked = Arc::clone(&fails);
    let later = async {
        soon("the first runs", || asked.asked() == 1).await;
        ask(&other, TEXT).await.unwrap()
    };
    let (_, other) = tokio::join!(ask(&one, TEXT), later);
    assert_eq!((other.decision, works.asked()), (says(-1).ok(), 1));
}

fn a_run_of_a_replica_that_dies(stores: Stores) {
    let stores = Arc::new(stores);
    let (hangs, works) = (engine(says(1), 600_000), engine(says(-1), 0));
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (of_holder, died) = ((Arc::clone(&stores), Arc::clone(&hangs)), Arc::new(AtomicUsize::new(0)));
    let (dies, holder) = std::sync::mpsc::channel::<()>();
    let holds = std::thread::spawn({
        let died = Arc::clone(&died);
        move || {
            let runtime = runtime();
            runtime.block_on(async {
                let app = replica(&of_holder.0, &of_holder.1).await;
                let ends = async {
                    while holder.try_recv().is_err() {
                        tokio::time::sleep(Duration::from_millis(5)).await;
                    }
                };
                tokio::select! { _ = ask(&app, TEXT) => {}, () = ends => {} }
            });
            // Nothing of it runs any more, and it gave nothing back.
            runtime.shutdown_background();
            died.store(1, Ordering::SeqCst);
        }
    });
    runtime().block_on(async {
        let successor = replica(&stores, &works).await;
        soon("the first runs", || hangs.asked() == 1).await;
        let waits = tokio::spawn({
            let successor = Arc::clone(&successor);
            async move { ask(&successor, TEXT).await.unwrap() }
        });
        tokio::time::sleep(Duration::from_millis(1_200)).await;
        assert_eq!(works.asked(), 0, "while the first lives its lease is renewed");
        dies.send(()).unwrap();
        soon("it dies", || died.load(Ordering::SeqCst) == 1).await;
        let since = Instant::now();
        let answer = waits.await.unwrap();
        assert_eq!((answer.path, answer.decision), (Path::Engine, says(-1).ok()));
        assert!(since.elapsed() < Duration::from_secs(2), "{:?}", since.elapsed());
    });
    holds.join().unwrap();
}

#[test]
fn the_run_of_a_replica_that_dies_is_taken_over() {
    a_run_of_a_replica_that_dies(Stores::in_memory());
    a_run_of_a_replica_that_dies(Stores::in_redis());
}

/// Has the first of two replicas lose its lease while its engine runs, and the second be asked the same.
async fn overtaken(stores: &Stores, first_takes_ms: u64, second_takes_ms: u64) -> (Answer, Answer, Vec<Arc<App>>) {
    let (one, other) = (engine(says(1), first_takes_ms), engine(says(-1), second_takes_ms));
    let all = vec![replica(stores, &one).await, replica(stores, &other).await];
    let first = tokio::spawn({
        let app = Arc::clone(&all[0]);
        async move { ask(&app, TEXT).await.unwrap() }
    });
    soon("the first runs", || one.asked() == 1).await;
    stores.set_away(true);
    tokio::time::sleep(Duration::from_millis(700)).await;
    stores.set_away(false);
    let follows = || all[1].decider.standing().unwrap().trouble.is_none();
    soon("the second follows again", follows).await;
    let second = ask(&all[1], TEXT).await.unwrap();
    assert_eq!((one.asked(), other.asked()), (1, 1));
    (first.await.unwrap(), second, all)
}

async fn a_replica_that_lost_its_lease_stores_nothing_and_tells_its_own_caller(stores: Stores) {
    let (first, second, all) = overtaken(&stores, 2_000, 3_000).await;
    assert_eq!((first.decision, second.decision), (says(1).ok(), says(-1).ok()));
    assert_eq!(stored(&all[0]), [says(-1).unwrap()]);
    for app in &all {
        assert_eq!(ask(app, TEXT).await.unwrap().decision, says(-1).ok());
    }
}

async fn a_replica_that_was_overtaken_tells_what_the_other_decided(stores: Stores) {
    let (first, second, all) = overtaken(&stores, 3_000, 0).await;
    assert_eq!((first.path, first.decision, second.decision), (Path::Exact, says(-1).ok(), says(-1).ok()));
    assert_eq!(stored(&all[0]), [says(-1).unwrap()]);
}

async fn while_the_store_is_away_each_replica_decides_for_itself(stores: Stores) {
    let engine = engine(says(1), 0);
    let all = replicas(&stores, &engine, 2).await;
    stores.set_away(true);
    let answers = ask_all(&all).await;
    assert!(answers.iter().all(|answer| answer.path == Path::Engine && answer.decision == says(1).ok()));
    assert_eq!(engine.asked(), 2);
    assert!(ask_all(&all).await.iter().all(|answer| answer.path == Path::Exact), "memory has it");
}

async fn a_pending_decision_can_be_asked_for_at_any_replica(stores: Stores) {
    let engine = engine(says(1), 1_500);
    let all = replicas(&stores, &engine, 2).await;
    let deadline = Deadline::after(Duration::from_millis(300));
    let strategy = StrategyName::new("news-impact").unwrap();
    let request = Request::plain(FreshText::new(TEXT).unwrap(), strategy, all[0].decider.clock.now(), deadline);
    let told = all[0].decider.decide(&Caller::trusted(tenant()), &request).await.unwrap().answer;
    assert_eq!(told.outcome, Outcome::Pending);
    let other = &all[1].decider;
    let outcome = |json: &str| serde_json::from_str::<serde_json::Value>(json).unwrap()["outcome"].clone();
    other.decided_elsewhere(&tenant(), told.id, Duration::from_millis(50)).await.unwrap();
    let record = other.audit(&tenant(), told.id).await.unwrap().unwrap();
    assert!(outcome(record.answer.get()) == "pending" && other.may_be_under_way(&record));
    other.decided_elsewhere(&tenant(), told.id, Duration::from_secs(20)).await.unwrap();
    let record = other.audit(&tenant(), told.id).await.unwrap().unwrap();
    assert_eq!(outcome(record.answer.get()), "decided");
}

over_each_store!(
    ten_replicas_that_are_asked_one_headline_run_one_engine,
    who_asks_just_after_another_replica_decided_gets_that_decision_though_it_has_not_followed,
    an_engine_that_has_nothing_to_say_is_asked_once_for_all,
    an_engine_that_fails_here_may_be_asked_elsewhere,
    a_replica_that_lost_its_lease_stores_nothing_and_tells_its_own_caller,
    a_replica_that_was_overtaken_tells_what_the_other_decided,
    while_the_store_is_away_each_replica_decides_for_itself,
    a_pending_decision_can_be_asked_for_at_any_replica,
);
