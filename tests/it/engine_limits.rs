//! The engine path where it is full, where an engine breaks, and where the clock jumps.

use async_trait::async_trait;
use instinct::app::{App, Parts};
use instinct::config::{Config, Overrides};
use instinct::decide::{DecideError, Decided, Feedback};
use instinct::domain::answer::{Answer, Outcome, Path};
use instinct::domain::deadline::Deadline;
use instinct::domain::decision::Payload;
use instinct::domain::ids::{StrategyName, TenantId};
use instinct::domain::request::{Caller, Request};
use instinct::domain::text::FreshText;
use instinct::domain::time::{Clock, Timestamp};
use instinct::engine::{Engine, EngineFailure, Engines, Question};
use instinct::limits::THINKING_MAX;
use instinct::{embed, store};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tempfile::TempDir;

/// An engine that counts those who are in it, takes its time, panics at the first few, and may have nothing to say.
#[derive(Debug, Default)]
struct Counting {
    takes: Duration,
    panics: usize,
    abstains: bool,
    asked: AtomicUsize,
    inside: AtomicUsize,
    most_inside: AtomicUsize,
}

#[async_trait]
impl Engine for Counting {
    async fn decide(&self, _: Question) -> Result<Payload, EngineFailure> {
        let asked = self.asked.fetch_add(1, Ordering::Relaxed);
        let inside = self.inside.fetch_add(1, Ordering::Relaxed) + 1;
        self.most_inside.fetch_max(inside, Ordering::Relaxed);
        tokio::time::sleep(self.takes).await;
        self.inside.fetch_sub(1, Ordering::Relaxed);
        assert!(asked >= self.panics, "an engine that panics");
        if self.abstains { Err(EngineFailure::Abstained { reason: "no data".to_owned() }) } else { Ok(buy()) }
    }
}

fn counting(takes_ms: u64, panics: usize) -> Arc<Counting> {
    Arc::new(Counting { takes: Duration::from_millis(takes_ms), panics, ..Counting::default() })
}

fn buy() -> Payload {
    Payload::parse(r#"{"kind":"trade","signal":1,"conviction":0.6,"reasoning":"told"}"#).unwrap()
}

/// A service of which only its frame is real.
async fn app(engine: &Arc<Counting>, settings: &str, more_of_the_strategy: &str, clock: Clock) -> Arc<App> {
    let folder = TempDir::new().unwrap();
    let strategy = r#"
        name = "test"
        version = 1
        composition = "sum"
        deadline_ms = 500
        facts = false
        engine = "counting"
        thresholds = { tau = 0.5, tau_fresh = 0.5 }
        slots = [{ role = "fresh", weight = 1.0 }]
    "#;
    std::fs::write(folder.path().join("s.toml"), format!("{strategy}\n{more_of_the_strategy}\n")).unwrap();
    let file = folder.path().join("settings");
    std::fs::write(&file, settings).unwrap();
    let mut config = Config::load(Some(&file), &Overrides::default()).unwrap();
    config.strategies.dir = folder.path().to_owned();
    config.strategies.default = "test".to_owned();
    config.embed.model = "hashing-64".to_owned();
    config.embed.queue_capacity = 100_000;
    let engine: Arc<dyn Engine> = Arc::<Counting>::clone(engine);
    let parts = Parts {
        embedder: embed::open(&config.embed).unwrap(),
        store: store::in_memory(clock.clone()),
        search: None,
        graphs: None,
        engines: Engines::default().with("counting", engine),
        clock,
    };
    Arc::new(App::with_parts(&config, parts).await.unwrap())
}

fn caller() -> Caller {
    Caller::trusted(TenantId::default_tenant())
}

fn request(app: &App, text: &str, deadline_ms: u64) -> Request {
    Request::plain(
        FreshText::new(text).unwrap(),
        StrategyName::new("test").unwrap(),
        app.decider.clock.now(),
        Deadline::after(Duration::from_millis(deadline_ms)),
    )
}

async fn ask(app: &App, text: &str, deadline_ms: u64) -> Result<Decided, DecideError> {
    app.decider.decide(&caller(), &request(app, text, deadline_ms)).await
}

async fn answered(app: &App, text: &str) -> Answer {
    ask(app, text, 60_000).await.unwrap().answer
}

/// Asks all at once.
async fn all(app: &Arc<App>, texts: Vec<String>) -> Vec<Answer> {
    let one = |text: String| {
        let app = Arc::clone(app);
        tokio::spawn(async move { answered(&app, &text).await })
    };
    let asking: Vec<_> = texts.into_iter().map(one).collect();
    let mut answers = Vec::new();
    for answer in asking {
        answers.push(answer.await.unwrap());
    }
    answers
}

fn nothing_is_left_behind(app: &App) {
    assert_eq!((app.decider.thinking.flights.count(), app.decider.thinking.pending.len()), (0, 0));
}

/// Texts that share no word and hardly a part of one.
fn unlike(n: usize) -> String {
    let word = |seed: usize| -> String {
        let mut random = fastrand::Rng::with_seed((1_000 * n + seed) as u64);
        (0..9).map(|_| random.lowercase()).collect()
    };
    (0..5).map(word).collect::<Vec<_>>().join(" ")
}

#[tokio::test]
async fn with_room_for_one_run_fifty_headlines_wait_for_their_turn_and_all_are_answered() {
    let engine = counting(20, 0);
    let app = app(&engine, "[engine]\nruns_max = 1\n", "", Clock::System).await;
    let answers = all(&app, (0..50).map(unlike).collect()).await;
    assert!(answers.iter().all(|answer| answer.outcome == Outcome::Decided), "{answers:?}");
    assert_eq!((engine.asked.load(Ordering::Relaxed), engine.most_inside.load(Ordering::Relaxed)), (50, 1));
    nothing_is_left_behind(&app);
}

#[tokio::test]
async fn who_finds_no_turn_within_the_budget_is_told_so_and_the_rest_are_answered() {
    let engine = counting(200, 0);
    let app = app(&engine, "[engine]\nruns_max = 1\nbudget_ms = 500\n", "", Clock::System).await;
    let answers = all(&app, (0..10).map(unlike).collect()).await;
    let decided = answers.iter().filter(|answer| answer.outcome == Outcome::Decided).count();
    assert!((1..=2).contains(&decided), "{answers:?}");
    let told = answers.iter().filter(|answer| answer.reason.as_deref() == Some("the engine ran out of time")).count();
    assert_eq!(decided + told, 10, "{answers:?}");
    nothing_is_left_behind(&app);
}

#[tokio::test]
async fn more_who_wait_than_may_are_refused_at_once_and_those_who_wait_are_answered() {
    let engine = counting(12_000, 0);
    let app = app(&engine, "", "", Clock::System).await;
    let waiting: Vec<_> = (0..THINKING_MAX)
        .map(|_| {
            let app = Arc::clone(&app);
            tokio::spawn(async move { answered(&app, "one headline for all").await })
        })
        .collect();
    while app.decider.thinking.room_left() > 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let refused = ask(&app, "one headline more", 60_000).await;
    assert!(matches!(refused, Err(DecideError::Overloaded { .. })), "{refused:?}");
    for answer in waiting {
        assert_eq!(answer.await.unwrap().outcome, Outcome::Decided);
    }
    assert_eq!(engine.asked.load(Ordering::Relaxed), 1);
    assert_eq!(answered(&app, "one headline more").await.outcome, Outcome::Decided, "there is room again");
    nothing_is_left_behind(&app);
}

#[tokio::test]
async fn an_engine_that_panics_has_failed_and_takes_nobody_down() {
    let engine = counting(100, 1);
    let app = app(&engine, "", "", Clock::System).await;
    let answers = all(&app, vec!["a headline".to_owned(); 5]).await;
    let failed: Vec<_> = answers.iter().filter(|answer| answer.outcome == Outcome::Abstained).collect();
    assert_eq!((failed.len(), failed[0].reason.as_deref()), (1, Some("the engine failed")), "{answers:?}");
    assert_eq!(engine.asked.load(Ordering::Relaxed), 2);
    app.decider.settled().await;
    nothing_is_left_behind(&app);
}

#[tokio::test]
async fn a_pending_decision_whose_engine_panics_ends_for_who_waits_and_is_on_record() {
    let engine = counting(400, 1);
    let app = app(&engine, "", "", Clock::System).await;
    let told = ask(&app, "a headline", 100).await.unwrap().answer;
    assert_eq!(told.outcome, Outcome::Pending);
    let work = app.decider.work(&caller().tenant, told.id).unwrap();
    tokio::time::timeout(Duration::from_secs(5), work.ended()).await.unwrap();
    let record = app.decider.audit(&caller().tenant, told.id).await.unwrap().unwrap();
    assert!(record.answer.get().contains("the engine failed"), "{}", record.answer);
}

#[tokio::test]
async fn a_pending_decision_is_found_the_moment_that_its_caller_is_told() {
    let engine = counting(300, 0);
    let app = app(&engine, "", "", Clock::System).await;
    for deadline_ms in [1, 4, 20, 100] {
        let told = match ask(&app, &unlike(deadline_ms as usize), deadline_ms).await {
            Ok(told) => told.answer,
            Err(DecideError::DeadlinePassed { .. } | DecideError::Embed(_)) => continue,
            Err(other) => panic!("{other}"),
        };
        assert_eq!(told.outcome, Outcome::Pending);
        let record = app.decider.audit(&caller().tenant, told.id).await.unwrap();
        assert!(record.is_some(), "with a deadline of {deadline_ms} ms");
    }
    app.decider.settled().await;
}

/// Thirty wordings that are near one another.
fn wordings() -> Vec<String> {
    (0..30).map(|n| format!("the central bank lowers its rates by half a point today {}", "again ".repeat(n))).collect()
}

#[tokio::test]
async fn where_only_the_very_same_text_may_be_reused_each_wording_is_decided_once() {
    let engine = counting(200, 0);
    let app = app(&engine, "", "[action]\nclass = \"irreversible\"", Clock::System).await;
    let four_of_each: Vec<String> = (0..4).flat_map(|_| wordings()).collect();
    let answers = all(&app, four_of_each).await;
    assert!(answers.iter().all(|answer| answer.outcome == Outcome::Decided && answer.path != Path::Fast), "{answers:?}");
    assert_eq!(engine.asked.load(Ordering::Relaxed), 30);
    nothing_is_left_behind(&app);
}

#[tokio::test]
async fn a_clock_that_jumps_makes_an_engine_be_asked_again_at_worst() {
    let engine = counting(0, 0);
    let clock = Clock::manual(Timestamp::parse("2026-03-01T12:00:00Z").unwrap());
    let app = app(&engine, "", "[validity]\nttl_sec = 3600", clock.clone()).await;
    let path = async || answered(&app, "a headline").await.path;
    assert_eq!(path().await, Path::Engine);
    assert_eq!(path().await, Path::Exact);
    clock.advance_millis(-60_000);
    assert_eq!(path().await, Path::Engine, "what was decided later than the question is not reused");
    assert_eq!(path().await, Path::Exact);
    clock.advance_millis(2 * 3_600_000);
    assert_eq!(path().await, Path::Engine, "its time to live is over");
    assert_eq!(engine.asked.load(Ordering::Relaxed), 3);
    nothing_is_left_behind(&app);
}

#[tokio::test]
async fn what_an_engine_decided_and_a_caller_called_wrong_is_not_served_again_though_the_engine_insists() {
    let engine = counting(100, 0);
    let app = app(&engine, "", "", Clock::System).await;
    let first = answered(&app, "a headline").await;
    assert_eq!(answered(&app, "a headline").await.path, Path::Exact);
    let wrong = Feedback { decision: first.id, right: false, expected: None, note: None };
    let told = app.decider.feedback(&caller().tenant, wrong, Deadline::after(Duration::from_secs(5))).await.unwrap();
    assert!(told.quarantined && told.entry.is_some(), "{told:?}");
    assert_eq!(told.served.count, 1, "the second one was served from it");
    for _ in 0..2 {
        let answers = all(&app, vec!["a headline".to_owned(); 10]).await;
        assert!(answers.iter().all(|answer| answer.path == Path::Engine && answer.decision == Some(buy())), "{answers:?}");
    }
    assert_eq!(engine.asked.load(Ordering::Relaxed), 3, "those who ask at the same time share a run all the same");
    let held = app.decider.semantic.entry(&caller().tenant, &told.entry.unwrap()).unwrap();
    assert!(held.entry.quarantine.is_some());
    nothing_is_left_behind(&app);
}

#[tokio::test]
async fn who_asks_for_a_past_moment_is_told_nothing_that_was_found_for_a_later_one() {
    let engine = Arc::new(Counting { takes: Duration::from_millis(300), abstains: true, ..Counting::default() });
    let app = app(&engine, "", "", Clock::System).await;
    let leader = tokio::spawn({
        let app = Arc::clone(&app);
        async move { answered(&app, "a headline").await }
    });
    tokio::time::sleep(Duration::from_millis(100)).await;
    let now = app.decider.clock.now();
    let mut past = request(&app, "a headline", 10_000);
    (past.as_of, past.as_of_now) = (now.plus_millis(-3_600_000), false);
    let mut later = request(&app, "a headline", 10_000);
    (later.as_of, later.as_of_now) = (now, false);
    let caller = caller();
    let (past, later) = tokio::join!(app.decider.decide(&caller, &past), app.decider.decide(&caller, &later));
    assert_eq!((past.unwrap().answer.outcome, later.unwrap().answer.outcome), (Outcome::Abstained, Outcome::Abstained));
    leader.await.unwrap();
    assert_eq!(engine.asked.load(Ordering::Relaxed), 2, "the past one asks for itself, the later one shares");
}

#[test]
fn settings_of_the_engine_that_are_out_of_range_are_refused_before_anything_starts() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("settings");
    for (settings, named) in [
        ("[engine]\nruns_max = 0\n", "/engine/runs_max"),
        ("[engine]\nbudget_ms = 1\n", "/engine/budget_ms"),
        ("[engine.trading.news_sentiment]\nsoft_timeout_ms = 5000\n", "/engine/trading/news_sentiment/soft_timeout_ms"),
        ("[engine.trading.risk_agent]\nhard_timeout_ms = 0\n", "/engine/trading/risk_agent/hard_timeout_ms"),
        ("[engine.trading.aggregate]\nquorum = 0\n", "/engine/trading/aggregate/quorum"),
        ("[engine.trading.aggregate]\nconviction_min = 1.5\n", "/engine/trading/aggregate/conviction_min"),
        ("[engine.trading.risk]\ntarget_volatility = 0.0\n", "/engine/trading/risk/target_volatility"),
    ] {
        std::fs::write(&file, settings).unwrap();
        let refused = Config::load(Some(&file), &Overrides::default()).unwrap_err().to_string();
        assert!(refused.contains(named), "{settings}: {refused}");
    }
}
