//! The place of the engines: asked last, within the deadline, and only where both request and strategy say so.

use super::service::project;
use async_trait::async_trait;
use instinct::app::{App, Parts};
use instinct::config::{Config, Overrides};
use instinct::decide::{DecideError, Decided, NewBar, NewComponent, NewEntry};
use instinct::domain::answer::{Outcome, Path};
use instinct::domain::component::Role;
use instinct::domain::deadline::Deadline;
use instinct::domain::decision::Payload;
use instinct::domain::entry::{Provenance, Validity};
use instinct::domain::ids::{ComponentId, StrategyName, TenantId};
use instinct::domain::market::{Bar, Instrument};
use instinct::domain::request::{Allow, Caller, Market, PostedSeries, Request};
use instinct::domain::text::FreshText;
use instinct::domain::time::{Clock, Timestamp};
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

/// An engine that keeps what it is asked.
#[derive(Debug, Default)]
struct Overheard {
    question: std::sync::Mutex<Option<Question>>,
}

#[async_trait]
impl Engine for Overheard {
    async fn decide(&self, question: Question) -> Result<Payload, EngineFailure> {
        *self.question.lock().unwrap() = Some(question);
        Ok(sell())
    }
}

fn sell() -> Payload {
    Payload::parse(r#"{"kind":"trade","signal":-1,"conviction":0.6,"reasoning":"told"}"#).unwrap()
}

async fn app(engine: Arc<Told>) -> App {
    let folder = TempDir::new().unwrap();
    let shipped =
        std::fs::read_to_string(project().join("strategies/news-impact.toml")).unwrap().replace("engine = \"trading\"\n", "");
    app_of(folder.path(), &format!("engine = \"told\"\n{shipped}"), engine).await
}

async fn app_of(folder: &std::path::Path, strategy: &str, engine: Arc<dyn Engine>) -> App {
    std::fs::write(folder.join("s.toml"), strategy).unwrap();
    let mut config = Config::load(None, &Overrides::default()).unwrap();
    config.strategies.dir = folder.to_owned();
    config.embed.model = "hashing-64".to_owned();
    let parts = Parts {
        embedder: embed::open(&config.embed).unwrap(),
        store: store::in_memory(Clock::System),
        search: None,
        graphs: None,
        engines: Engines::default().with("told", engine),
        clock: Clock::System,
    };
    App::with_parts(&config, parts).await.unwrap()
}

fn request(app: &App, allow: Allow, deadline_ms: u64) -> Request {
    Request {
        allow,
        ..Request::plain(
            FreshText::new("a headline never seen").unwrap(),
            StrategyName::new("news-impact").unwrap(),
            app.decider.clock.now(),
            Deadline::after(Duration::from_millis(deadline_ms)),
        )
    }
}

async fn ask(app: &App, allow: Allow, deadline_ms: u64) -> Result<Decided, DecideError> {
    let request = request(app, allow, deadline_ms);
    app.decider.decide(&Caller::trusted(TenantId::default_tenant()), &request).await
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
    let late = app.decider.decide(&Caller::trusted(TenantId::default_tenant()), &request).await;
    assert!(matches!(late, Err(DecideError::DeadlinePassed { deadline_ms: 50 })), "{late:?}");
}

/// How many hits were decided again, and how many of those wrongly, after a hit on an entry that this source decided: when it was answered,
/// and once all is settled.
async fn judged(provenance: Provenance) -> [(u64, u64); 2] {
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
    let app = app_of(folder.path(), strategy, Arc::<Told>::clone(&engine)).await;
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
        provenance,
    };
    let caller = Caller::trusted(TenantId::default_tenant());
    let stored = app.decider.prepare(&caller.tenant, new, near.deadline).await.unwrap();
    app.decider.remember(vec![stored]).await.unwrap();
    let answer = app.decider.decide(&caller, &near).await.unwrap().answer;
    assert_eq!(answer.path, Path::Fast);
    let shadows = || {
        let strategy = app.decider.strategies.named(&near.strategy).unwrap();
        app.decider.budget_state(&caller.tenant, strategy).unwrap().samples.shadow
    };
    let at_once = (shadows().n, shadows().wrong);
    app.decider.settled().await;
    [at_once, (shadows().n, shadows().wrong)]
}

#[tokio::test]
async fn a_judgement_that_is_under_way_can_be_waited_for() {
    assert_eq!(judged(Provenance::Engine).await, [(0, 0), (1, 1)], "the engine takes longer than the answer");
}

#[tokio::test]
async fn an_engine_that_disagrees_with_an_operator_or_an_import_says_nothing_of_the_reuse() {
    for provenance in [Provenance::Operator, Provenance::Import, Provenance::Feedback] {
        assert_eq!(judged(provenance).await, [(0, 0), (0, 0)], "{provenance:?}");
    }
}

#[tokio::test]
async fn a_strategy_that_names_an_engine_which_is_not_here_is_refused_at_the_start() {
    let folder = TempDir::new().unwrap();
    let shipped =
        std::fs::read_to_string(project().join("strategies/news-impact.toml")).unwrap().replace("engine = \"trading\"\n", "");
    std::fs::write(folder.path().join("s.toml"), format!("engine = \"oracle\"\n{shipped}")).unwrap();
    let mut config = Config::load(None, &Overrides::default()).unwrap();
    config.strategies.dir = folder.path().to_owned();
    let refused = instinct::app::read_strategies(&config.strategies, &[]).unwrap_err().to_string();
    assert!(refused.contains("oracle"), "{refused}");
}

/// The start of an hour of the year 2024, counted from its first.
fn hour(n: i64) -> Timestamp {
    Timestamp::parse("2024-01-01T00:00:00Z").unwrap().plus_millis(n * 3_600_000)
}

fn instrument(name: &str) -> Instrument {
    Instrument::new(name).unwrap()
}

async fn hold_bars(app: &App, name: &str, close: f64) {
    let bar = |n| NewBar { bar: Bar::new(hour(n), [close; 4], 1.0).unwrap(), interval_sec: 3_600 };
    let written = app.decider.put_bars(&TenantId::default_tenant(), &instrument(name), (0..10).map(bar).collect()).await.unwrap();
    assert!(written.iter().all(|result| *result == Ok(true)));
}

async fn note(app: &App, id: &str, as_of: Timestamp) {
    let new = NewComponent {
        id: ComponentId::new(id).unwrap(),
        role: Role::Context,
        text: FreshText::new(&format!("the note {id}")).unwrap(),
        tags: vec!["SOL".to_owned()],
        as_of,
        ttl_sec: None,
        meta: serde_json::Map::new(),
    };
    let deadline = Deadline::after(Duration::from_secs(5));
    let component = app.decider.embed_component(&TenantId::default_tenant(), new, deadline).await.unwrap();
    app.decider.put_components(vec![component]).await.unwrap();
}

#[tokio::test]
async fn an_engine_is_asked_with_the_context_the_vector_and_the_past_that_had_closed_by_then() {
    let folder = TempDir::new().unwrap();
    let shipped =
        std::fs::read_to_string(project().join("strategies/news-impact.toml")).unwrap().replace("engine = \"trading\"\n", "");
    let engine = Arc::new(Overheard::default());
    let app = app_of(folder.path(), &format!("engine = \"told\"\n{shipped}"), Arc::clone(&engine) as Arc<dyn Engine>).await;
    for (name, close) in [("ETH", 1.0), ("SOL", 2.0), ("BTC", 3.0)] {
        hold_bars(&app, name, close).await;
    }
    note(&app, "early", hour(1)).await;
    note(&app, "late", hour(9)).await;
    let bar = |n| (hour(n), 7.0, 7.0, 7.0, 7.0, 1.0);
    let posted = PostedSeries { interval_sec: 3_600, bars: vec![bar(8), bar(2)] };
    let asked = Request {
        text: FreshText::new("Bitcoin falls after the SEC delays a decision").unwrap(),
        as_of: hour(5).plus_millis(1),
        tags: vec!["rates".to_owned(), "SOL".to_owned()],
        market: Market {
            price: [("eth".to_owned(), 1.0), ("XRP".to_owned(), 1.0)].into(),
            bars: [("Eth".to_owned(), posted)].into(),
            ..Market::default()
        },
        ..request(&app, Allow::Engine, 5_000)
    };
    app.decider.decide(&Caller::trusted(TenantId::default_tenant()), &asked).await.unwrap();
    let question = engine.question.lock().unwrap().take().unwrap();
    assert_eq!(question.instruments, ["SOL", "BTC", "ETH", "XRP"].map(instrument), "tags, then the text, then the market");
    let closes =
        |name: &str| question.history.get(&instrument(name)).map(|s| s.bars().iter().map(Bar::close).collect::<Vec<_>>());
    assert_eq!(closes("SOL"), Some(vec![2.0; 5]), "the bar of the hour that is running has not closed");
    assert_eq!(closes("BTC"), Some(vec![3.0; 5]));
    assert_eq!(closes("ETH"), Some(vec![7.0]), "what the caller brings along stands before what is held");
    assert_eq!(closes("XRP"), None);
    assert!(question.market.bars.is_empty(), "the bars are in the history alone, cut");
    assert_eq!(question.subject().map(|(name, _)| name.clone()), Some(instrument("SOL")));
    let context: Vec<&str> = question.context.iter().map(|text| &*text.text).collect();
    assert_eq!(context, ["the note early"]);
    let known = app.decider.embeddings.text(&TenantId::default_tenant(), asked.text.hash()).unwrap();
    assert_eq!(question.fresh, known.vector);
}
