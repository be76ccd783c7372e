//! Language models that misbehave, behind the real service: every answer in time, with the right outcome and reason.

use super::chat_server::{ChatServer, Manner};
use super::service::{Builder, Service};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tempfile::TempDir;

const DEADLINE_MS: u64 = 2_500;

/// No breaker of an endpoint opens, so that each fault is met.
const NO_BREAKER: &str = "[llm.breaker]\ncalls_min = 1000\n";

/// The bad ones.
const BAD: [Manner; 6] =
    [Manner::Hangs, Manner::Garbage, Manner::Babbles, Manner::Fails, Manner::ClosesHalfWay, Manner::TokenASecond];

/// Headlines of which the local path has an opinion, and which say different things.
const HEADLINES: [&str; 12] = [
    "Apple beats profit estimates and raises its forecast",
    "Boeing posts a record loss and cuts its outlook",
    "Tesla wins approval for its plant in Berlin",
    "Intel shares plunge after a weak forecast",
    "Nokia profit rises 20 percent on strong demand",
    "Siemens raises its full-year forecast after orders jump",
    "Pfizer drug fails a late-stage trial",
    "Netflix adds more subscribers than expected",
    "Walmart raises its dividend by 10 percent",
    "Exxon earnings fall short of expectations",
    "Nvidia reports record revenue and lifts guidance",
    "Lufthansa warns of lower profit this year",
];

/// A service with the real embedder over one chat server.
pub struct Asking {
    pub service: Service,
    pub server: ChatServer,
    _folder: TempDir,
}

pub fn over(manner: Manner, more: &str) -> Asking {
    let server = ChatServer::start(manner);
    let folder = TempDir::new().unwrap();
    let settings = folder.path().join("settings.toml");
    std::fs::write(&settings, server.settings(more)).unwrap();
    let service = Builder::new().with_the_real_model().set("CONFIG", settings.to_str().unwrap()).start();
    Asking { service, server, _folder: folder }
}

/// Settings with which every agent asks its language model and nobody else.
pub fn models_alone(hard_timeout_ms: u64) -> String {
    let agent = |name| format!("[engine.trading.{name}]\npaths = \"llm\"\nhard_timeout_ms = {hard_timeout_ms}\n");
    ["news_sentiment", "market_context", "risk_agent"].map(agent).concat()
}

/// A request with limits, so that all of Risk is asked as well.
fn question(text: &str) -> Value {
    let risk = json!({"daily_pnl": -1.0, "limits": {"max_daily_loss": 100.0}});
    json!({"text": text, "allow": "engine", "deadline_ms": DEADLINE_MS, "market": {"risk": risk}})
}

/// Asks, and holds the answer against the deadline.
fn ask(service: &Service, text: &str) -> Value {
    let since = Instant::now();
    let answer = service.decide(&question(text));
    let took = since.elapsed();
    assert!(took < Duration::from_millis(DEADLINE_MS), "{took:?}: {answer}");
    assert_eq!(answer["path"], "engine", "{answer}");
    answer
}

/// Source and outcome of each agent: News Sentiment, Market Context, Risk.
fn agents(answer: &Value) -> Vec<(String, String)> {
    let agents = answer["decision"]["agents"].as_array().unwrap_or_else(|| panic!("{answer}"));
    let word = |agent: &Value, field: &str| agent[field].as_str().unwrap().to_owned();
    agents.iter().map(|agent| (word(agent, "source"), word(agent, "outcome"))).collect()
}

fn pair(source: &str, outcome: &str) -> (String, String) {
    (source.to_owned(), outcome.to_owned())
}

/// The value of a metric with these labels; 0 where it was never counted.
pub fn metric(service: &Service, name: &str) -> f64 {
    let text = service.get("/metrics").text;
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ').map(ToOwned::to_owned));
    line.map_or(0.0, |value| value.parse().unwrap())
}

#[test]
fn a_good_model_is_heard_and_counted() {
    let asking = over(Manner::Answers(10), "");
    let answer = ask(&asking.service, HEADLINES[0]);
    assert_eq!(agents(&answer), [pair("llm", "ok"), pair("local", "abstained"), pair("llm", "ok")], "{answer}");
    assert_eq!(answer["decision"]["signal"], 1);
    assert_eq!(answer["decision"]["agents"][0]["reasoning"], "the model likes it");
    assert_eq!(answer["decision"]["versions"]["prompts"], "1");
    for (name, value) in [
        ("engine_runs_total{engine=\"trading\",outcome=\"decided\"}", 1.0),
        ("llm_calls_total{endpoint=\"m\",outcome=\"answered\"}", 2.0),
        ("llm_structured_answers_total{result=\"parsed\"}", 2.0),
        ("llm_tokens_total{endpoint=\"m\",kind=\"completion\"}", 60.0),
        ("llm_breaker_state{endpoint=\"m\"}", 0.0),
        ("agent_runs_total{agent=\"news_sentiment\",outcome=\"ok\",source=\"llm\"}", 1.0),
        ("agent_breaker_state{agent=\"news_sentiment\"}", 0.0),
    ] {
        assert!((metric(&asking.service, name) - value).abs() < 1e-9, "{name}: {}", metric(&asking.service, name));
    }
}

#[test]
fn a_bad_model_costs_time_and_never_the_answer_where_the_local_path_may_be_taken() {
    // Few for each service: after five failures an agent leaves its model alone.
    for (faults, texts) in BAD.chunks(3).zip(HEADLINES.chunks(3)) {
        let asking = over(Manner::Hangs, NO_BREAKER);
        for (manner, text) in faults.iter().zip(texts) {
            asking.server.set(*manner);
            let asked = asking.server.asked();
            let answer = ask(&asking.service, text);
            assert_eq!(answer["outcome"], "decided", "{manner:?}: {answer}");
            assert_eq!(agents(&answer), [pair("local", "ok"), pair("local", "abstained"), pair("local", "ok")], "{manner:?}");
            assert!(asking.server.asked() > asked, "{manner:?} was not met");
        }
        let decided = metric(&asking.service, "engine_runs_total{engine=\"trading\",outcome=\"decided\"}");
        assert_eq!(decided as usize, faults.len());
    }
}

#[test]
fn breakers_open_over_a_model_that_fails_and_close_when_it_is_well_again() {
    let asking = over(Manner::Fails, "[llm.breaker]\nopen_ms = 300\n");
    let state = |name: &str| metric(&asking.service, name) as i64;
    let (endpoint, agent) = ("llm_breaker_state{endpoint=\"m\"}", "agent_breaker_state{agent=\"news_sentiment\"}");
    assert_eq!(state(endpoint), 0);
    let mut texts = HEADLINES.into_iter();
    for text in texts.by_ref().take(5) {
        assert_eq!(ask(&asking.service, text)["outcome"], "decided");
    }
    assert_eq!((state(endpoint), state(agent)), (2, 2));
    let (asked, since) = (asking.server.asked(), Instant::now());
    let answer = ask(&asking.service, texts.next().unwrap());
    assert_eq!(agents(&answer)[0], pair("local", "ok"));
    assert!(asking.server.asked() == asked, "a model that is left alone was asked, after {:?}", since.elapsed());
    assert!(metric(&asking.service, "llm_calls_total{endpoint=\"m\",outcome=\"unavailable\"}") >= 5.0);

    asking.server.set(Manner::Answers(0));
    // The breaker of an agent stays open for five seconds.
    std::thread::sleep(Duration::from_millis(5_200));
    let answer = ask(&asking.service, texts.next().unwrap());
    assert_eq!(agents(&answer)[0], pair("llm", "ok"), "{answer}");
    assert_eq!((state(endpoint), state(agent)), (0, 0));
}

#[test]
fn a_model_that_hangs_is_soon_left_alone_and_costs_no_more_time() {
    let asking = over(Manner::Hangs, "");
    for text in HEADLINES.into_iter().take(5) {
        let answer = ask(&asking.service, text);
        let took = answer["decision"]["agents"][0]["latency_ms"].as_u64().unwrap();
        assert!((700..1_500).contains(&took), "the soft timeout is 800 ms: {answer}");
    }
    let answer = ask(&asking.service, HEADLINES[5]);
    assert!(answer["decision"]["agents"][0]["latency_ms"].as_u64().unwrap() < 500, "{answer}");
    assert_eq!(metric(&asking.service, "agent_breaker_state{agent=\"news_sentiment\"}") as i64, 2);
}

#[test]
fn with_models_alone_every_fault_is_an_honest_abstention() {
    for (faults, texts) in BAD.chunks(3).zip(HEADLINES.chunks(3)) {
        let asking = over(Manner::Hangs, &format!("{NO_BREAKER}{}", models_alone(1_500)));
        for (manner, text) in faults.iter().zip(texts) {
            asking.server.set(*manner);
            let answer = ask(&asking.service, text);
            let outcome = (answer["outcome"].as_str(), answer["confidence"].as_str(), &answer["decision"]);
            assert_eq!(outcome, (Some("abstained"), Some("UNABLE"), &Value::Null), "{manner:?}: {answer}");
            let slow = [Manner::Hangs, Manner::TokenASecond].contains(manner);
            let why = if slow { "the language model was not done in time" } else { "the language model failed" };
            let reason = answer["reason"].as_str().unwrap();
            assert!(reason.contains(&format!("news_sentiment: {why}")), "{manner:?}: {reason}");
        }
        let ran = metric(&asking.service, "engine_runs_total{engine=\"trading\",outcome=\"abstained\"}");
        assert_eq!(ran as usize, faults.len());
        let timeouts = metric(&asking.service, "agent_runs_total{agent=\"news_sentiment\",outcome=\"timeout\",source=\"llm\"}");
        assert_eq!(timeouts as usize, 1, "one of each three is slow");
    }
}

#[test]
fn what_a_model_can_not_say_does_not_loosen_the_limits_of_the_book() {
    let asking = over(Manner::AnswersAllButRisk, &models_alone(1_500));
    let mut body = question(HEADLINES[0]);
    body["market"]["risk"] = json!({"gross_exposure": 10.0, "limits": {"max_gross": 5.0}});
    let answer = asking.service.decide(&body);
    assert_eq!(agents(&answer)[2], pair("llm", "error"), "{answer}");
    assert_eq!(answer["decision"]["agents"][0]["signal"], 1, "News Sentiment would have bought");
    assert_eq!(answer["decision"]["signal"], 0, "{answer}");
    assert!(answer["decision"]["reasoning"].as_str().unwrap().starts_with("vetoed by risk"), "{answer}");
}

#[test]
fn without_a_model_three_agents_decide_locally_and_other_words_are_answered_from_memory() {
    let service = Builder::new().with_the_real_model().start();
    let risk = json!({"risk": {"daily_pnl": -1.0, "limits": {"max_daily_loss": 100.0}}});
    let ask = |text: &str| service.decide(&json!({"text": text, "allow": "engine", "deadline_ms": 10_000, "market": risk}));
    let first = ask("Nvidia raises its dividend by 10 percent after record profit");
    assert_eq!((first["outcome"].as_str(), first["path"].as_str()), (Some("decided"), Some("engine")), "{first}");
    let agents = first["decision"]["agents"].as_array().unwrap();
    let names: Vec<&str> = agents.iter().map(|agent| agent["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["news_sentiment", "market_context", "risk"]);
    assert!(agents.iter().all(|agent| agent["source"] == "local"), "{first}");
    let next = ask("Nvidia has raised its dividend by 10 percent after record profit");
    assert_eq!((next["path"].as_str(), &next["decision"]), (Some("fast"), &first["decision"]), "{next}");
    assert_eq!(ask("Nvidia raises its dividend by 20 percent after record profit")["path"], "engine");
}
