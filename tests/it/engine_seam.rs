//! The place of the engines: asked last, within the deadline, and only where both request and strategy say so.

use super::service::project;
use async_trait::async_trait;
use instinct::app::{App, Parts};
use instinct::config::{Config, Overrides};
use instinct::decide::{DecideError, Decided, NewEntry};
use instinct::domain::answer::{Outcome, Path};
use instinct::domain::deadline::Deadline;
use instinct::domain::decision::Payload;
use instinct::domain::entry::{Provenance, Validity};
use instinct::domain::ids::{StrategyName, TenantId, TraceId};
use instinct::domain::request::{Allow, Caller, Market, Request};
use instinct::domain::text::FreshText;
use instinct::domain::time::Clock;
use instinct::engine::{Engine, EngineFailure, Engines, Question};
use instinct::{embed, store};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tempfile::TempDir;

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
        self.asked.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(self.takes).await;
        self.result.clone()
    }
}

fn sell() -> Payload {
    Payload::parse(r#"{"kind":"trade","signal":-1,"conviction":0.6,"reasoning":"told"}"#).unwrap()
}

async fn app(engine: Arc<Told>) -> App {
    let folder = TempDir::new().unwrap();
    let shipped = std::fs::read_to_string(project().join("strategies/news-impact.toml")).unwrap();
    app_of(folder.path(), &format!("engine = \"told\"\n{shipped}"), engine).await
}

async fn app_of(folder: &std::path::Path, strategy: &str, engine: Arc<Told>) -> App {
    std::fs::write(folder.join("s.toml"), strategy).unwrap();
    let mut config = Config::load(None, &Overrides::default()).unwrap();
    config.strategies.dir = folder.to_owned();
    config.embed.model = "hashing-64".to_owned();
    let parts = Parts {
        embedder: embed::open(&config.embed).unwrap(),
        store: store::in_memory(Clock::System),
        graphs: None,
        engines: Engines::default().with("told", engine),
        clock: Clock::System,
    };
    App::with_parts(&config, parts).await.unwrap()
}

fn request(app: &App, allow: Allow, deadline_ms: u64) -> Request {
    Request {
        text: FreshText::new("a headline never seen").unwrap(),
        strategy: StrategyName::new("news-impact").unwrap(),
        as_of: app.decider.clock.now(),
        as_of_now: true,
        tags: Vec::new(),
        context: Vec::new(),
        market: Market::default(),
        allow,
        session: None,
        explain: false,
        pending: true,
        deadline: Deadline::after(Duration::from_millis(deadline_ms)),
        trace: TraceId::new(1),
    }
}

async fn ask(app: &App, allow: Allow, deadline_ms: u64) -> Result<Decided, DecideError> {
    let request = request(app, allow, deadline_ms);
    app.decider.decide(&Caller { tenant: TenantId::default_tenant() }, &request).await
}

fn told(result: Result<Payload, EngineFailure>, takes_ms: u64) -> Arc<Told> {
    Arc::new(Told { result, takes: Duration::from_millis(takes_ms), asked: AtomicUsize::new(0) })
}

#[tokio::test]
async fn an_engine_is_asked_only_where_the_request_goes_so_far() {
    let engine = told(Ok(sell()), 0);
    let app = app(Arc::clone(&engine)).await;
    for allow in [Allow::Fast, Allow::Slow] {
        let answer = ask(&app, allow, 5_000).await.unwrap().answer;
        assert_eq!((answer.outcome, answer.path), (Outcome::Abstained, Path::Fast));
    }
    assert_eq!(engine.asked.load(Ordering::Relaxed), 0);
    let answer = ask(&app, Allow::Engine, 5_000).await.unwrap().answer;
    assert_eq!((answer.outcome, answer.path, answer.decision), (Outcome::Decided, Path::Engine, Some(sell())));
    assert_eq!(engine.asked.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn an_engine_that_abstains_or_fails_makes_an_abstention_and_never_a_default() {
    for failure in [
        EngineFailure::Abstained { reason: "no data".to_owned() },
        EngineFailure::Failed { detail: "a secret".to_owned() },
        EngineFailure::TimedOut,
    ] {
        let app = app(told(Err(failure), 0)).await;
        let decided = ask(&app, Allow::Engine, 5_000).await.unwrap();
        assert_eq!((decided.answer.outcome, decided.answer.path), (Outcome::Abstained, Path::Engine));
        assert!(decided.answer.decision.is_none() && decided.answer.reason.is_some());
        assert!(!decided.json.get().contains("a secret"), "the detail of a failure is for the log");
    }
}

#[tokio::test]
async fn a_caller_that_will_not_come_back_is_told_that_the_deadline_passed() {
    let app = app(told(Ok(sell()), 60_000)).await;
    let request = Request { pending: false, ..request(&app, Allow::Engine, 50) };
    let late = app.decider.decide(&Caller { tenant: TenantId::default_tenant() }, &request).await;
    assert!(matches!(late, Err(DecideError::DeadlinePassed { deadline_ms: 50 })), "{late:?}");
}

#[tokio::test]
async fn a_judgement_that_is_under_way_can_be_waited_for() {
    let engine = told(Ok(sell()), 30);
    let folder = TempDir::new().unwrap();
    let strategy = r#"
        name = "news-impact"
        version = 1
        composition = "sum"
        deadline_ms = 500
        facts = false
        engine = "told"
        error_budget = 0.1
        budget = { start = "open", shadow_rate = 1.0 }
        thresholds = { tau = 0.5, tau_fresh = 0.5 }
        slots = [{ role = "fresh", weight = 1.0 }]
    "#;
    let app = app_of(folder.path(), strategy, Arc::clone(&engine)).await;
    let near = Request { text: FreshText::new("alpha beta gamma delta").unwrap(), ..request(&app, Allow::Engine, 5_000) };
    let new = NewEntry {
        text: FreshText::new("alpha beta gamma delta epsilon").unwrap(),
        decision: Payload::parse(r#"{"kind":"trade","signal":1,"conviction":0.6,"reasoning":""}"#).unwrap(),
        strategy: near.strategy.clone(),
        as_of: near.as_of,
        ttl_sec: None,
        tags: Vec::new(),
        context: Vec::new(),
        validity: Validity::default(),
        provenance: Provenance::Engine,
    };
    let caller = Caller { tenant: TenantId::default_tenant() };
    let stored = app.decider.prepare(&caller.tenant, new, near.deadline).await.unwrap();
    app.decider.remember(vec![stored]).await.unwrap();
    let answer = app.decider.decide(&caller, &near).await.unwrap().answer;
    assert_eq!(answer.path, Path::Fast);
    let shadows = || {
        let strategy = app.decider.strategies.named(&near.strategy).unwrap();
        app.decider.budget_state(&caller.tenant, strategy).unwrap().samples.shadow
    };
    assert_eq!(shadows().n, 0, "the engine takes longer than the answer");
    app.decider.settled().await;
    assert_eq!((shadows().n, shadows().wrong), (1, 1));
    app.decider.settled().await;
}

#[tokio::test]
async fn a_strategy_that_names_an_engine_which_is_not_here_is_refused_at_the_start() {
    let folder = TempDir::new().unwrap();
    let shipped = std::fs::read_to_string(project().join("strategies/news-impact.toml")).unwrap();
    std::fs::write(folder.path().join("s.toml"), format!("engine = \"oracle\"\n{shipped}")).unwrap();
    let mut config = Config::load(None, &Overrides::default()).unwrap();
    config.strategies.dir = folder.path().to_owned();
    let refused = instinct::app::read_strategies(&config.strategies, &Engines::default()).unwrap_err().to_string();
    assert!(refused.contains("oracle"), "{refused}");
}
