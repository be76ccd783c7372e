//! The trading engine over language models that say anything at all.

use async_trait::async_trait;
use instinct::domain::component::{ModelRef, Role};
use instinct::domain::deadline::Deadline;
use instinct::domain::decision::{AgentOutcome, AgentSource, Decision, Payload, Trade};
use instinct::domain::fit_record::{FitAbout, FitKey, FitMade, FitRecord};
use instinct::domain::ids::{ComponentId, StrategyName, TenantId};
use instinct::domain::market::{Bar, Instrument, Series};
use instinct::domain::request::Market;
use instinct::domain::text::FreshText;
use instinct::domain::time::Timestamp;
use instinct::domain::vector::UnitVector;
use instinct::engine::numeric::catalogue::Catalogue;
use instinct::engine::numeric::{Desk, Numeric};
use instinct::engine::steps::Steps;
use instinct::engine::trading::agents::{AgentConfig, Paths};
use instinct::engine::trading::{Config, Trading};
use instinct::engine::{ContextText, Engine, EngineFailure, Question};
use instinct::llm::{Chat, ChatModel, Finish, LlmError, Reply};
use instinct::verify::sanity;
use parking_lot::Mutex;
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What the model says to one agent.
#[derive(Debug, Clone)]
enum Says {
    Text(String),
    Fails,
    Hangs,
}

/// Says its piece to each agent, and keeps what it was asked.
#[derive(Debug)]
struct Scripted {
    says: [Says; 3],
    asked: Mutex<Vec<Chat>>,
}

const NEWS: usize = 0;
const MARKET: usize = 1;
const RISK: usize = 2;

fn of_agent(chat: &Chat) -> usize {
    match chat.schema.as_ref().map(|schema| &*schema.name) {
        Some("caution") => RISK,
        _ if chat.user.contains("Past prices:") => MARKET,
        _ => NEWS,
    }
}

#[async_trait]
impl ChatModel for Scripted {
    async fn complete(&self, chat: &Chat, _: Deadline) -> Result<Reply, LlmError> {
        self.asked.lock().push(chat.clone());
        let text = match &self.says[of_agent(chat)] {
            Says::Text(text) => text.clone(),
            Says::Fails => return Err(LlmError::Protocol { endpoint: "e".to_owned(), detail: "a secret".to_owned() }),
            Says::Hangs => std::future::pending().await,
        };
        Ok(Reply {
            text,
            finish: Finish::Stop,
            usage: None,
            cost_usd: None,
            endpoint: "e".to_owned(),
            model: "m".to_owned(),
            took: Duration::ZERO,
            ttft: None,
        })
    }
}

fn view(signal: f64, conviction: f64, reasoning: &str) -> String {
    format!(r#"{{"abstain":false,"signal":{signal},"conviction":{conviction},"reasoning":"{reasoning}"}}"#)
}

fn caution(veto: bool, size_factor: f64) -> String {
    format!(r#"{{"veto":{veto},"size_factor":{size_factor},"reasoning":"it looks at the book"}}"#)
}

fn says(news: &str, market: &str, risk: &str) -> [Says; 3] {
    [news, market, risk].map(|text| Says::Text(text.to_owned()))
}

fn engine(paths: Paths, says: [Says; 3]) -> (Trading, Arc<Scripted>) {
    let agent = AgentConfig { paths, ..AgentConfig::default() };
    let config = Config { news_sentiment: agent, market_context: agent, risk_agent: agent, ..Config::default() };
    let model = Arc::new(Scripted { says, asked: Mutex::default() });
    let embedder = ModelRef { id: "all-minilm-l6-v2-int8".into(), revision: "278ea1622058".into() };
    let asked: Arc<dyn ChatModel> = Arc::<Scripted>::clone(&model);
    let trading = Trading::new(&config, (&embedder, 384), Some(asked));
    assert_eq!(trading.without_sentiment(), None);
    (trading, model)
}

/// The start of an hour of the year 2024, counted from its first.
fn hour(n: i64) -> Timestamp {
    Timestamp::parse("2024-01-01T00:00:00Z").unwrap().plus_millis(n * 3_600_000)
}

/// Hourly bars of a price that goes up and down a little by turns, up to the hour `last`.
fn bars(last: i64) -> Series {
    let bar = |n: i64| {
        let close = 100.0 + 0.02 * f64::from(i32::try_from(n % 7).unwrap());
        Bar::new(hour(n), [close; 4], 10.0).unwrap()
    };
    Series::new(3_600, (0..last).map(bar).collect()).unwrap()
}

const AS_OF: i64 = 800;

fn question(text: &str, history: Option<Series>, market: Market) -> Question {
    let eth = Instrument::new("ETH").unwrap();
    let vector = (0..384).map(|i| (i as f32 * 0.37).sin()).collect();
    Question {
        tenant: TenantId::default_tenant(),
        strategy: StrategyName::new("news-impact").unwrap(),
        text: FreshText::new(text).unwrap(),
        as_of: hour(AS_OF),
        fresh: UnitVector::normalised(vector).unwrap(),
        context: Vec::new(),
        market,
        instruments: vec![eth.clone()],
        history: history.map(|series| (eth, Arc::new(series))).into_iter().collect::<BTreeMap<_, _>>(),
        deadline: Deadline::after(Duration::from_secs(30)),
        wanted_by: Deadline::after(Duration::from_secs(30)),
        steps: Steps::new(Instant::now()),
    }
}

fn market(json: &str) -> Market {
    serde_json::from_str(json).unwrap()
}

const GOOD_NEWS: &str = "Profit rises 20 percent, beats expectations, and the forecast is raised";

fn trade(payload: &Payload) -> Trade {
    match payload.decision().unwrap() {
        Decision::Trade(trade) => trade,
        other => panic!("{other:?}"),
    }
}

async fn decided(paths: Paths, says: [Says; 3], market: Market) -> Result<Trade, EngineFailure> {
    let (engine, _) = engine(paths, says);
    engine.decide(question(GOOD_NEWS, Some(bars(AS_OF)), market)).await.map(|payload| trade(&payload))
}

#[tokio::test(start_paused = true)]
async fn what_three_models_say_is_weighed_and_each_is_named() {
    let trade = decided(
        Paths::Llm,
        says(&view(1.0, 0.8, "it likes it"), &view(-1.0, 0.2, "it doubts it"), &caution(false, 0.5)),
        Market::default(),
    );
    let trade = trade.await.unwrap();
    assert_eq!(trade.signal, 1);
    assert!((trade.conviction - 0.7 * 0.8 * 0.5).abs() < 1e-9, "{}", trade.conviction);
    assert!(trade.agents.iter().all(|agent| agent.source == AgentSource::Llm && agent.outcome == AgentOutcome::Ok));
    assert_eq!(trade.labels.get("instrument").map(String::as_str), Some("ETH"));
}

#[tokio::test(start_paused = true)]
async fn what_does_not_parse_is_no_signal() {
    for bad in [
        "",
        "I would buy. {\"abstain\":false,\"signal\":1,\"conviction\":1,\"reasoning\":\"\"}",
        "{\"signal\":1,\"conviction\":1,\"reasoning\":\"\"}",
        &view(1.5, 0.5, ""),
        &view(2.0, 0.5, ""),
        &view(1.0, 1.5, ""),
        &view(1.0, -0.1, ""),
        &view(1.0, f64::NAN, ""),
        &view(1.0, 0.9, &"x".repeat(5_000)),
        "{\"abstain\":\"no\",\"signal\":1,\"conviction\":1,\"reasoning\":\"\"}",
        "null",
        "[]",
    ] {
        let failure = decided(Paths::Llm, says(bad, bad, bad), Market::default()).await.unwrap_err();
        let EngineFailure::Abstained { reason } = failure else { panic!("{bad}: {failure:?}") };
        assert!(reason.contains("no agent has an opinion") && !reason.contains("secret"), "{bad}: {reason}");
        let trade = decided(Paths::Fallback, says(bad, bad, bad), Market::default()).await.unwrap();
        assert!(trade.agents.iter().all(|agent| agent.source == AgentSource::Local), "{bad}: {trade:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn no_model_loosens_what_the_rules_of_risk_forbid() {
    let buy = || view(1.0, 1.0, "all in");
    for (book, why) in [
        (r#"{"risk":{"halted":["ETH"]}}"#, "ETH is halted"),
        (r#"{"risk":{"daily_pnl":-100.0,"limits":{"max_daily_loss":50.0}}}"#, "the day's loss"),
        (r#"{"risk":{"gross_exposure":10.0,"limits":{"max_gross":5.0}}}"#, "the gross exposure"),
        (r#"{"position":{"ETH":3.0},"price":{"ETH":100.0},"risk":{"limits":{"max_position":200.0}}}"#, "the position"),
    ] {
        for risk in [Says::Text(caution(false, 1.0)), Says::Text("all clear".to_owned()), Says::Fails, Says::Hangs] {
            for paths in [Paths::Llm, Paths::Fallback, Paths::Race] {
                let said = [Says::Text(buy()), Says::Text(buy()), risk.clone()];
                let trade = decided(paths, said, market(book)).await.unwrap();
                assert!(trade.signal == 0 && trade.reasoning.contains(why), "{book}, {risk:?}, {paths:?}: {trade:?}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_model_of_risk_that_says_nothing_leaves_the_size_that_the_rules_leave() {
    let event = r#"{"risk":{"events":[{"at":"2024-02-03T18:00:00Z","name":"FOMC","impact":"high"}]}}"#;
    let size = async |risk: Says| {
        let said = [Says::Text(view(1.0, 1.0, "")), Says::Text(view(1.0, 1.0, "")), risk];
        decided(Paths::Llm, said, market(event)).await.unwrap().conviction
    };
    let by_rule = size(Says::Text(caution(false, 1.0))).await;
    assert!(by_rule <= 0.5, "{by_rule}: half a day before the event size is halved");
    assert!((size(Says::Fails).await - by_rule).abs() < 1e-12);
    assert!((size(Says::Hangs).await - by_rule).abs() < 1e-12);
    assert!(size(Says::Text(caution(false, 0.1))).await < by_rule, "a model may make it smaller");
}

#[tokio::test(start_paused = true)]
async fn a_model_of_risk_may_forbid() {
    let said = says(&view(1.0, 1.0, ""), &view(1.0, 1.0, ""), &caution(true, 1.0));
    let trade = decided(Paths::Llm, said, market(r#"{"risk":{"daily_pnl":1.0}}"#)).await.unwrap();
    assert!(trade.signal == 0 && trade.reasoning.contains("the risk agent: it looks at the book"), "{trade:?}");
}

fn paused() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap()
}

#[test]
fn the_slowest_agent_ends_at_its_own_timeout_and_they_wait_side_by_side() {
    for (paths, least, most) in [(Paths::Fallback, 800, 810), (Paths::Llm, 1_500, 1_510)] {
        let (engine, _) = engine(paths, [Says::Hangs, Says::Hangs, Says::Hangs]);
        // Each in a runtime of its own, whose clock has not run ahead of the machine's yet.
        let took = paused().block_on(async {
            let since = tokio::time::Instant::now();
            let _ = engine.decide(question(GOOD_NEWS, None, market(r#"{"risk":{"daily_pnl":1.0}}"#))).await;
            since.elapsed().as_millis()
        });
        // The machine's clock moves on a little between the start of the runtime and the question.
        assert!((least - 50..=most).contains(&took), "{paths:?}: {took} ms");
    }
}

#[tokio::test(start_paused = true)]
async fn no_prompt_holds_anything_later_than_its_moment() {
    let said = || says(&view(1.0, 0.5, ""), &view(1.0, 0.5, ""), &caution(false, 1.0));
    let prompts = async |last_bar: i64| {
        let (engine, model) = engine(Paths::Llm, said());
        let note = |id: &str, at: i64| ContextText {
            id: ComponentId::new(id).unwrap(),
            role: Role::Context,
            text: format!("the note {id}").into(),
            as_of: hour(at),
        };
        let mut question = question(GOOD_NEWS, Some(bars(last_bar)), market(r#"{"risk":{"daily_pnl":1.0}}"#));
        question.context = vec![note("early", AS_OF - 1), note("now", AS_OF), note("late", AS_OF + 1)];
        engine.decide(question).await.unwrap();
        let mut asked = model.asked.lock().clone();
        asked.sort_by_key(of_agent);
        asked
    };
    let asked = prompts(AS_OF).await;
    assert_eq!(asked.iter().map(of_agent).collect::<Vec<_>>(), [NEWS, MARKET, RISK]);
    for chat in &asked {
        assert!(chat.user.starts_with(&format!("It is {}.", hour(AS_OF))), "{}", chat.user);
        assert!(chat.user.contains("the note early") && chat.user.contains("the note now"), "{}", chat.user);
        assert!(!chat.user.contains("the note late"), "{}", chat.user);
        assert!(chat.user.contains(GOOD_NEWS) && chat.temperature.abs() < f32::EPSILON && chat.schema.is_some());
    }
    assert_eq!(prompts(AS_OF + 100).await, asked, "bars that had not closed yet change no prompt");
    assert_ne!(prompts(AS_OF - 10).await, asked, "bars that had closed do");
}

fn any_view() -> impl Strategy<Value = Says> {
    let number = prop_oneof![Just(-1.0), Just(0.0), Just(1.0), Just(0.5), Just(2.0), -3.0..3.0_f64];
    let share = prop_oneof![0.0..1.0_f64, Just(0.0), Just(1.0), Just(1.1), Just(-0.1)];
    let good = prop_oneof![Just(-1.0), Just(0.0), Just(1.0)];
    prop_oneof![
        4 => (good, 0.0..1.0_f64).prop_map(|(signal, conviction)| {
            // An integer, as the schema asks.
            Says::Text(format!(r#"{{"abstain":false,"signal":{},"conviction":{conviction},"reasoning":"r"}}"#, signal as i8))
        }),
        2 => (number, share).prop_map(|(signal, conviction)| Says::Text(view(signal, conviction, "r"))),
        1 => "\\PC{0,60}".prop_map(Says::Text),
        1 => Just(Says::Text(r#"{"abstain":true,"signal":1,"conviction":1.0,"reasoning":"no idea"}"#.to_owned())),
        1 => Just(Says::Fails),
        1 => Just(Says::Hangs),
    ]
}

fn any_caution() -> impl Strategy<Value = Says> {
    prop_oneof![
        3 => (any::<bool>(), 0.0..1.0_f64).prop_map(|(veto, size)| Says::Text(caution(veto, size))),
        1 => (-2.0..3.0_f64).prop_map(|size| Says::Text(caution(false, size))),
        1 => any_view(),
    ]
}

fn any_book() -> impl Strategy<Value = Market> {
    prop_oneof![
        Just("{}"),
        Just(r#"{"risk":{"daily_pnl":1.0,"limits":{"max_daily_loss":5.0}}}"#),
        Just(r#"{"risk":{"halted":["ETH"]}}"#),
        Just(r#"{"position":{"ETH":-3.0},"risk":{"gross_exposure":10.0,"limits":{"max_gross":5.0}}}"#),
    ]
    .prop_map(market)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn whatever_the_agents_say_what_is_decided_holds_together(
        news in any_view(),
        prices in any_view(),
        risk in any_caution(),
        book in any_book(),
        paths in prop_oneof![Just(Paths::Local), Just(Paths::Llm), Just(Paths::Fallback), Just(Paths::Race)],
        has_bars in any::<bool>(),
        text in prop_oneof![Just(GOOD_NEWS), Just("A heavy loss, a lawsuit and a profit warning"), Just("The meeting is on Tuesday")],
    ) {
        let (engine, _) = engine(paths, [news, prices, risk]);
        let halted = !book.risk.halted.is_empty();
        let asked = question(text, has_bars.then(|| bars(AS_OF)), book);
        match paused().block_on(engine.decide(asked)) {
            Ok(payload) => {
                prop_assert_eq!(sanity::check(&payload), Ok(()));
                let trade = trade(&payload);
                prop_assert_eq!(Decision::Trade(trade.clone()).check(), Ok(()));
                prop_assert_eq!(&Payload::parse(payload.as_json()).unwrap(), &payload, "what is kept can be read back");
                prop_assert!(!halted || trade.signal == 0);
                for agent in &trade.agents {
                    prop_assert!(agent.outcome == AgentOutcome::Ok || (agent.signal == 0 && agent.conviction == 0.0), "{:?}", agent);
                }
            }
            Err(EngineFailure::Abstained { reason }) => prop_assert!(!halted && !reason.is_empty()),
            Err(other) => prop_assert!(false, "{:?}", other),
        }
    }
}

/// A desk with one fit of the regimes of ETH, made at a moment and fresh for a day.
#[derive(Debug)]
struct OneFit(Timestamp);

#[async_trait]
impl Desk for OneFit {
    async fn answer(&self, _: &Question) -> Result<Payload, EngineFailure> {
        Err(EngineFailure::TimedOut)
    }

    fn fresh_at(&self, _: &TenantId, case: &str, given: &Map<String, Value>, moment: Timestamp) -> Option<Arc<FitRecord>> {
        assert_eq!((case, given["symbol"].as_str()), ("NR-01", Some("ETH")));
        let Self(at) = *self;
        let values = json!({"regime_label": "high-vol bearish skew"});
        let fit = FitRecord {
            tenant: TenantId::default_tenant(),
            key: FitKey { case: "NR-01".into(), parameters: "0".repeat(16).into() },
            version: 7,
            parameters: given.clone(),
            created_at: at,
            next_run_at: at.plus_seconds(86_400),
            stale_at: at.plus_seconds(86_400),
            values: values.as_object().unwrap().clone(),
            about: FitAbout::default(),
            chart: None,
            sources: Vec::new(),
            made: FitMade { instinct: "0".into(), method: "m".into(), entry: "e".into(), seed: 1, took_ms: 1 },
            by: None,
            ttl_sec: None,
        };
        (fit.created_at <= moment && moment < fit.stale_at).then(|| Arc::new(fit))
    }
}

#[tokio::test(start_paused = true)]
async fn market_context_takes_its_regime_from_a_fit_that_was_there_and_fresh_and_says_which() {
    for (at, told) in [(AS_OF - 3, true), (AS_OF + 1, false), (AS_OF - 40, false)] {
        let numeric = Arc::new(Numeric::new(&instinct::engine::numeric::Config::default(), Catalogue::default()));
        numeric.open(Arc::new(OneFit(hour(at))));
        let (trading, _) = engine(Paths::Local, says("", "", ""));
        let asked = question(GOOD_NEWS, Some(bars(AS_OF)), Market::default());
        let decided = trading.with_regimes(numeric).decide(asked).await.unwrap();
        let context = trade(&decided).agents[MARKET].reasoning.clone();
        let regime = format!("high-vol bearish skew by NR-01 version 7, fitted at {}", hour(at));
        assert_eq!(context.contains(&regime), told, "{at}: {context}");
    }
}
