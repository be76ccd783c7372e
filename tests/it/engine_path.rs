//! What engines decide: once for all who ask the same, remembered, and there for those who come back.

use super::service::project;
use async_trait::async_trait;
use instinct::app::{App, Parts};
use instinct::config::{Config, Overrides};
use instinct::decide::{DecideError, Decided};
use instinct::domain::answer::{Answer, Outcome, Path};
use instinct::domain::deadline::Deadline;
use instinct::domain::decision::Payload;
use instinct::domain::entry::Provenance;
use instinct::domain::ids::{StrategyName, TenantId};
use instinct::domain::request::{Allow, Caller, Request};
use instinct::domain::text::FreshText;
use instinct::domain::time::Clock;
use instinct::embed;
use instinct::engine::{Engine, EngineFailure, Engines, Question};
use instinct::store::{self, Store};
use parking_lot::Mutex;
use serde_json::Value;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

type Said = Result<Payload, EngineFailure>;

/// An engine that says one thing after the other, the last for ever, and keeps what it was asked.
#[derive(Debug)]
struct Scripted {
    script: Mutex<VecDeque<Said>>,
    takes: Duration,
    asked: Mutex<Vec<String>>,
}

#[async_trait]
impl Engine for Scripted {
    async fn decide(&self, question: Question) -> Said {
        self.asked.lock().push(question.text.as_str().to_owned());
        question.steps.tell("thinking", "about it");
        tokio::time::sleep(self.takes).await;
        let mut script = self.script.lock();
        if script.len() > 1 { script.pop_front().unwrap() } else { script[0].clone() }
    }
}

fn scripted(script: impl IntoIterator<Item = Said>, takes_ms: u64) -> Arc<Scripted> {
    let script = Mutex::new(script.into_iter().collect());
    Arc::new(Scripted { script, takes: Duration::from_millis(takes_ms), asked: Mutex::default() })
}

fn buy() -> Payload {
    Payload::parse(r#"{"kind":"trade","signal":1,"conviction":0.6,"reasoning":"told"}"#).unwrap()
}

fn failed() -> Said {
    Err(EngineFailure::Failed { detail: "a secret".to_owned() })
}

/// A service with the real model and the shipped strategy, whose engine is scripted.
async fn app(engine: Arc<Scripted>) -> App {
    app_over(engine, store::in_memory(Clock::System), "").await
}

async fn app_over(engine: Arc<Scripted>, store: Arc<dyn Store>, lines: &str) -> App {
    let folder = TempDir::new().unwrap();
    let shipped = std::fs::read_to_string(project().join("strategies/news-impact.toml")).unwrap();
    let shipped: String = shipped.lines().filter(|line| !line.starts_with("engine")).fold(String::new(), |all, l| all + l + "\n");
    // No hit is decided again, so that each time the engine is asked is a run for somebody who waits.
    let own = "engine = \"scripted\"\nbudget.shadow_rate = 0.0\n";
    std::fs::write(folder.path().join("s.toml"), format!("{own}{shipped}")).unwrap();
    let file = folder.path().join("settings");
    std::fs::write(&file, lines).unwrap();
    let mut config = Config::load(Some(&file), &Overrides::default()).unwrap();
    config.strategies.dir = folder.path().to_owned();
    config.embed.runtime_dir = project().join("runtime");
    let parts = Parts {
        embedder: embed::open(&config.embed).unwrap(),
        store,
        search: None,
        graphs: None,
        engines: Engines::default().with("scripted", engine),
        clock: Clock::System,
    };
    App::with_parts(&config, parts).await.unwrap()
}

fn request(text: &str, deadline_ms: u64) -> Request {
    Request::plain(
        FreshText::new(text).unwrap(),
        StrategyName::new("news-impact").unwrap(),
        Clock::System.now(),
        Deadline::after(Duration::from_millis(deadline_ms)),
    )
}

fn caller() -> Caller {
    Caller::trusted(TenantId::default_tenant())
}

async fn ask(app: &App, text: &str, deadline_ms: u64) -> Result<Decided, DecideError> {
    app.decider.decide(&caller(), &request(text, deadline_ms)).await
}

async fn answered(app: &App, text: &str) -> Answer {
    ask(app, text, 60_000).await.unwrap().answer
}

/// The headline in thirty wordings, all of which say the same.
fn wordings() -> Vec<String> {
    let mut all = Vec::new();
    for who in ["Federal Reserve", "The Federal Reserve", "Fed", "The Fed", "The US Federal Reserve"] {
        for does in ["cuts", "lowers", "has cut"] {
            for by in ["50 basis points", "50 bps"] {
                all.push(format!("{who} {does} interest rates by {by}"));
            }
        }
    }
    all
}

#[tokio::test]
async fn a_thousand_requests_of_one_headline_in_thirty_wordings_ask_the_engine_once() {
    let engine = scripted([Ok(buy())], 300);
    let app = Arc::new(app(Arc::clone(&engine)).await);
    let wordings = wordings();
    assert_eq!(wordings.len(), 30);
    let asking = (0..1_000).map(|i| {
        let (app, text) = (Arc::clone(&app), wordings[i % wordings.len()].clone());
        tokio::spawn(async move { answered(&app, &text).await })
    });
    let mut by_engine = 0;
    for answer in asking.collect::<Vec<_>>() {
        let answer = answer.await.unwrap();
        assert_eq!((answer.outcome, answer.decision.as_ref()), (Outcome::Decided, Some(&buy())), "{answer:?}");
        by_engine += usize::from(answer.path == Path::Engine);
        assert!(
            answer.path == Path::Engine || answer.matched.is_some(),
            "who shares a decision is told which, and what its gates saw"
        );
    }
    assert_eq!(by_engine, 1, "{:?}", engine.asked.lock());
    assert_eq!(engine.asked.lock().len(), 1);
    assert_eq!(app.decider.thinking.flights.count(), 0);
}

#[tokio::test]
async fn two_headlines_that_state_different_facts_never_share_a_run() {
    let engine = scripted([Ok(buy())], 200);
    let app = app(Arc::clone(&engine)).await;
    let texts = ["Fed cuts interest rates by 50 basis points", "Fed cuts interest rates by 25 basis points"];
    let (a, b) = tokio::join!(answered(&app, texts[0]), answered(&app, texts[1]));
    assert_eq!((a.path, b.path), (Path::Engine, Path::Engine));
    assert_eq!(engine.asked.lock().len(), 2);
}

#[tokio::test]
async fn who_holds_other_positions_does_not_share_a_run() {
    let engine = scripted([Ok(buy())], 200);
    let app = app(Arc::clone(&engine)).await;
    let text = "Fed cuts interest rates by 50 basis points";
    let mut long = request(text, 10_000);
    long.market.position.insert("BTC".to_owned(), 3.0);
    let plain = request(text, 10_000);
    let caller = caller();
    let (a, b) = tokio::join!(app.decider.decide(&caller, &long), app.decider.decide(&caller, &plain));
    assert_eq!((a.unwrap().answer.path, b.unwrap().answer.path), (Path::Engine, Path::Engine));
}

#[tokio::test]
async fn what_an_engine_decided_answers_the_next_wording_from_memory() {
    let engine = scripted([Ok(buy())], 0);
    let app = app(Arc::clone(&engine)).await;
    let first = answered(&app, "Federal Reserve cuts interest rates by 50 basis points").await;
    let next = answered(&app, "The Federal Reserve has cut interest rates by 50 basis points").await;
    assert_eq!((first.path, next.path), (Path::Engine, Path::Fast));
    let entry = app.decider.semantic.entry(&caller().tenant, &next.matched.unwrap().entry).unwrap();
    assert_eq!((entry.entry.provenance, entry.entry.ttl_sec), (Provenance::Engine, Some(2_592_000)));
    assert_eq!(engine.asked.lock().len(), 1);
}

#[tokio::test]
async fn a_leader_that_fails_does_not_take_its_followers_down() {
    let engine = scripted([failed(), Ok(buy())], 150);
    let app = app(Arc::clone(&engine)).await;
    let text = "Fed cuts interest rates by 50 basis points";
    let (a, b, c) = tokio::join!(answered(&app, text), answered(&app, text), answered(&app, text));
    let decided = [&a, &b, &c].iter().filter(|answer| answer.outcome == Outcome::Decided).count();
    assert_eq!((decided, engine.asked.lock().len()), (2, 2), "{a:?} {b:?} {c:?}");
    let told = [&a, &b, &c].map(|answer| format!("{answer:?}"));
    assert!(told.iter().all(|answer| !answer.contains("a secret")), "the detail of a failure is for the log");
}

#[tokio::test]
async fn an_engine_that_keeps_failing_is_asked_twice_and_not_once_for_each_who_waits() {
    let engine = scripted([failed()], 500);
    let app = Arc::new(app(Arc::clone(&engine)).await);
    // The text's vector is known then, so that all of them wait before the first run ends.
    let known = Request { allow: Allow::Fast, ..request("Fed cuts interest rates by 50 basis points", 60_000) };
    app.decider.decide(&caller(), &known).await.unwrap();
    let asking = (0..50).map(|_| {
        let app = Arc::clone(&app);
        tokio::spawn(async move { answered(&app, "Fed cuts interest rates by 50 basis points").await })
    });
    for answer in asking.collect::<Vec<_>>() {
        assert_eq!(answer.await.unwrap().outcome, Outcome::Abstained);
    }
    assert_eq!(engine.asked.lock().len(), 2);
}

#[tokio::test]
async fn an_abstention_is_shared_by_those_who_wait_and_never_remembered() {
    let engine = scripted([Err(EngineFailure::Abstained { reason: "no data".to_owned() }), Ok(buy())], 100);
    let app = app(Arc::clone(&engine)).await;
    let text = "Fed cuts interest rates by 50 basis points";
    let (a, b) = tokio::join!(answered(&app, text), answered(&app, text));
    assert_eq!((a.reason.as_deref(), b.reason.as_deref()), (Some("no data"), Some("no data")));
    assert_eq!(answered(&app, text).await.reason.as_deref(), Some("no data"), "a burst is not over at once");
    assert_eq!(engine.asked.lock().len(), 1);
    tokio::time::sleep(Duration::from_millis(1_050)).await;
    assert_eq!(answered(&app, text).await.decision, Some(buy()), "who asks later asks the engine");
    assert_eq!(engine.asked.lock().len(), 2);
}

#[tokio::test]
async fn at_the_deadline_the_caller_is_told_where_the_answer_will_be_and_finds_it_there() {
    let engine = scripted([Ok(buy())], 600);
    let app = app(Arc::clone(&engine)).await;
    let told = ask(&app, "Fed cuts interest rates by 50 basis points", 300).await.unwrap().answer;
    assert_eq!((told.outcome, told.decision.as_ref()), (Outcome::Pending, None));
    assert_eq!(told.location, Some(format!("/v1/decisions/{}", told.id)));

    let work = app.decider.work(&caller().tenant, told.id).unwrap();
    let other = TenantId::new("someone-else").unwrap();
    assert!(app.decider.work(&other, told.id).is_none(), "a decision is its tenant's alone");
    work.ended().await;
    let record = app.decider.audit(&caller().tenant, told.id).await.unwrap().unwrap();
    let answer: Value = serde_json::from_str(record.answer.get()).unwrap();
    assert_eq!((&answer["outcome"], &answer["decision"]["signal"]), (&"decided".into(), &1.into()), "{answer}");
    assert_eq!(answer["id"], told.id.to_string());
    let steps: Vec<String> = work.steps.from(0).into_iter().map(|step| step.step).collect();
    assert_eq!(steps, ["engine", "thinking"]);
    assert_eq!(answered(&app, "The Fed has cut interest rates by 50 basis points").await.path, Path::Fast);
    assert_eq!(engine.asked.lock().len(), 1);
}

#[tokio::test]
async fn a_caller_that_goes_away_neither_stops_the_engine_nor_leaves_anything_behind() {
    let engine = scripted([Ok(buy())], 200);
    let app = app(Arc::clone(&engine)).await;
    let text = "Fed cuts interest rates by 50 basis points";
    let left = tokio::time::timeout(Duration::from_millis(100), ask(&app, text, 60_000)).await;
    assert!(left.is_err(), "the caller left before the answer");
    app.decider.settled().await;
    assert_eq!((app.decider.thinking.flights.count(), app.decider.thinking.pending.len()), (0, 0));
    assert_eq!(answered(&app, text).await.path, Path::Exact);
    assert_eq!(engine.asked.lock().len(), 1);
}

#[tokio::test]
async fn an_engine_that_never_ends_is_stopped_by_its_own_budget() {
    let engine = scripted([Ok(buy())], 3_600_000);
    let app = app_over(Arc::clone(&engine), store::in_memory(Clock::System), "[engine]\nbudget_ms = 200\n").await;
    let answer = answered(&app, "Fed cuts interest rates by 50 basis points").await;
    assert_eq!((answer.outcome, answer.reason.as_deref()), (Outcome::Abstained, Some("the engine ran out of time")));
    app.decider.settled().await;
}

#[tokio::test]
async fn a_decision_that_does_not_hold_together_is_neither_served_nor_remembered() {
    let agent = r#"{"name":"a","signal":-1,"conviction":0.5,"source":"local","latency_ms":1,"outcome":"ok"}"#;
    let odd = Payload::parse(&format!(r#"{{"kind":"trade","signal":1,"conviction":0.5,"agents":[{agent}]}}"#)).unwrap();
    let engine = scripted([Ok(odd)], 0);
    let app = app(Arc::clone(&engine)).await;
    let answer = answered(&app, "Fed cuts interest rates by 50 basis points").await;
    assert_eq!((answer.outcome, answer.decision), (Outcome::Abstained, None));
    assert_eq!(answered(&app, "Fed cuts interest rates by 50 basis points").await.outcome, Outcome::Abstained);
}

#[tokio::test]
async fn a_decision_holds_for_the_regime_the_book_and_the_prices_it_was_made_for() {
    let engine = scripted([Ok(buy())], 0);
    let app = app(Arc::clone(&engine)).await;
    let text = "Fed cuts interest rates by 50 basis points";
    let with = |regime: &str, cash: f64, price: f64| {
        let market = format!(r#"{{"regime":"{regime}","price":{{"BTC":{price}}},"risk":{{"equity":{cash}}}}}"#);
        Request { market: serde_json::from_str(&market).unwrap(), ..request(text, 10_000) }
    };
    let path = async |request: Request| app.decider.decide(&caller(), &request).await.unwrap().answer.path;
    assert_eq!(path(with("calm", 1e6, 100.0)).await, Path::Engine);
    assert_eq!(path(with("calm", 1e6, 101.0)).await, Path::Exact);
    assert_eq!(path(with("stormy", 1e6, 100.0)).await, Path::Engine);
    assert_eq!(path(with("stormy", 2e6, 100.0)).await, Path::Engine, "another book");
    assert_eq!(path(with("stormy", 2e6, 150.0)).await, Path::Engine, "another price");
}
