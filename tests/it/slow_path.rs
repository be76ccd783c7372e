//! The slow step: whole prompts, and near misses of both spaces.

use super::service::{Builder, Service, entry, project};
use async_trait::async_trait;
use instinct::app::{App, Parts};
use instinct::config::{Config, Overrides};
use instinct::domain::answer::{self, Outcome};
use instinct::domain::deadline::Deadline;
use instinct::domain::decision::Payload;
use instinct::domain::ids::{StrategyName, TenantId};
use instinct::domain::request::{Caller, Request};
use instinct::domain::text::FreshText;
use instinct::domain::time::Clock;
use instinct::engine::{Engine, EngineFailure, Engines, Question};
use instinct::{embed, store};
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

const HELD: &str = "Federal Reserve cuts interest rates by 50 basis points";
const OTHER: &str = "The Federal Reserve has cut interest rates by 50 basis points";
const TRAP: &str = "The Federal Reserve has cut interest rates by 25 basis points";

/// The shipped strategy without its budget, with `lines` before it; `strict` floors are such that nothing near clears them.
fn strategy(folder: &Path, lines: &str, strict: bool) {
    let shipped = std::fs::read_to_string(project().join("strategies/news-impact.toml")).unwrap();
    let kept = |line: &&str| !["error_budget", "calibration", "engine"].iter().any(|name| line.starts_with(name));
    let mut bare: String = shipped.lines().filter(kept).fold(String::new(), |all, l| all + l + "\n");
    if strict {
        bare = bare.replace("tau = 0.72", "tau = 0.999").replace("tau_fresh = 0.56", "tau_fresh = 0.999");
    }
    std::fs::write(folder.join("s.toml"), format!("{lines}\n{bare}")).unwrap();
}

fn with(lines: &str, strict: bool) -> (Builder, TempDir) {
    let folder = TempDir::new().unwrap();
    strategy(folder.path(), lines, strict);
    (Builder::new().with_the_real_model().strategies(folder.path()), folder)
}

/// A vote that a single near miss cannot win.
const NO_LONE_VOTE: &str = "vote = { evidence_min = 9.0 }";

fn asked(service: &Service, text: &str) -> Value {
    service.decide(&json!({"text": text, "deadline_ms": 20_000}))
}

fn reason(answer: &Value) -> &str {
    answer["reason"].as_str().unwrap_or_else(|| panic!("{answer}"))
}

#[test]
fn a_prompt_that_is_near_enough_answers_alone_and_says_how_near_it_was() {
    let (builder, _strategies) = with(&format!("slow = {{ tau_prompt = 0.9 }}\n{NO_LONE_VOTE}"), true);
    let service = builder.start();
    let id = service.remember(&entry(HELD, 1));
    let answer = asked(&service, OTHER);
    assert_eq!((answer["path"].as_str(), answer["decision"]["signal"].as_i64()), (Some("slow"), Some(1)), "{answer}");
    let matched = &answer["match"];
    assert_eq!(matched["entry"], json!(id));
    assert!(matched["similarity"].as_f64() >= Some(0.9) && (matched["tau"].as_f64().unwrap() - 0.9).abs() < 1e-6, "{answer}");
    assert!(
        matched["vote"].is_null() && matched["gates"].to_string().contains("facts") && answer["timing_us"]["slow"] != 0,
        "{answer}"
    );
    assert!(!matched["gates"].to_string().contains("floors"), "the floors are those of another space: {answer}");
    let no_further = service.decide(&json!({"text": OTHER, "allow": "fast"}));
    assert_eq!((no_further["path"].as_str(), no_further["outcome"].as_str()), (Some("fast"), Some("abstained")), "{no_further}");
}

#[test]
fn a_strategy_without_the_step_keeps_no_prompts_and_does_not_ask_for_them() {
    let (builder, strategies) = with("", true);
    let folder = TempDir::new().unwrap();
    let data = folder.path().join("d");
    let service = builder.data(&data).start();
    service.remember(&entry(HELD, 1));
    let answer = asked(&service, OTHER);
    assert_eq!((answer["path"].as_str(), &answer["timing_us"]["slow"]), (Some("fast"), &json!(0)), "{answer}");
    service.kill();
    // What was remembered then takes no part now; what is remembered now does.
    let lines = format!("slow = {{ tau_prompt = 0.9 }}\n{NO_LONE_VOTE}");
    strategy(strategies.path(), &lines, true);
    let service = Builder::new().with_the_real_model().strategies(strategies.path()).data(&data).start();
    let answer = asked(&service, OTHER);
    assert!(answer["outcome"] == "abstained" && reason(&answer).contains("no prompt is remembered"), "{answer}");
    assert_eq!(asked(&service, HELD)["path"], "exact", "an entry without a prompt serves all the same");
    service.remember(&entry(HELD, 1));
    assert_eq!(asked(&service, OTHER)["path"], "slow");
    let before = asked(&service, OTHER)["match"]["similarity"].clone();
    service.kill();
    let service = Builder::new().with_the_real_model().strategies(strategies.path()).data(&data).start();
    let again = asked(&service, OTHER);
    assert_eq!(
        (again["path"].as_str(), &again["match"]["similarity"]),
        (Some("slow"), &before),
        "a restart keeps prompts: {again}"
    );
}

#[test]
fn with_too_little_of_the_deadline_left_the_step_is_left_out_and_the_answer_says_so() {
    let (builder, _strategies) = with("slow = { tau_prompt = 0.9, least_ms = 60000 }", true);
    let service = builder.start();
    service.remember(&entry(HELD, 1));
    let answer = asked(&service, OTHER);
    assert_eq!((answer["path"].as_str(), answer["outcome"].as_str()), (Some("fast"), Some("abstained")), "{answer}");
    assert!(reason(&answer).contains("prompts are not compared with"), "{answer}");
    let answer = service.decide(&json!({"text": OTHER, "deadline_ms": 90_000}));
    assert_eq!(answer["path"], "slow", "{answer}");

    let (builder, _strategies) = with(&format!("slow = {{ tau_prompt = 0.9, least_ms = 60000 }}\n{NO_LONE_VOTE}"), true);
    let service = builder.start();
    service.remember(&entry(HELD, 1));
    let answer = asked(&service, OTHER);
    assert!(
        answer["path"] == "slow"
            && reason(&answer).contains("prompts are not compared")
            && reason(&answer).contains("did not agree"),
        "a vote that the strategy states is held all the same: {answer}"
    );
}

#[test]
fn no_gate_but_the_floors_is_left_out_for_a_near_prompt() {
    let (builder, _strategies) = with("slow = { tau_prompt = 0.5, near = 0.4 }", true);
    let service = builder.start();
    let id = service.remember(&entry(HELD, 1));
    let gate = |answer: &Value, gate: &str| {
        assert_eq!(answer["outcome"], "abstained", "{answer}");
        assert_eq!(answer["refused"][0]["gate"], gate, "{answer}");
    };
    let trap = asked(&service, TRAP);
    gate(&trap, "facts");
    assert!(reason(&trap).contains("none may answer alone"), "{trap}");
    gate(&service.decide(&json!({"text": OTHER, "as_of": "2001-01-01T00:00:00Z", "deadline_ms": 20_000})), "validity");
    let answer = asked(&service, OTHER);
    assert_eq!(answer["match"]["entry"], json!(id), "{answer}");
    let verdict = json!({"decision_id": answer["id"], "verdict": "wrong"});
    assert_eq!(service.post("/v1/feedback", &verdict).json()["quarantined"], true);
    gate(&asked(&service, OTHER), "trust");
    // The question is closed to others that say the same, too.
    service.remember(&entry("Federal Reserve cuts interest rates by half a percentage point", 1));
    assert_eq!(asked(&service, OTHER)["outcome"], "abstained");
}

#[test]
fn nobody_answers_by_a_near_prompt_while_exact_hits_only_may_be_served() {
    let (builder, _strategies) = with("error_budget = 0.01\nbudget.start = \"closed\"\nslow = { tau_prompt = 0.5 }", true);
    let service = builder.start();
    service.remember(&entry(HELD, 1));
    let answer = asked(&service, OTHER);
    assert!(answer["outcome"] == "abstained" && reason(&answer).contains("exact hits only"), "{answer}");
    assert_eq!(asked(&service, HELD)["path"], "exact");
}

#[test]
fn near_misses_by_their_prompts_have_a_vote() {
    // Nothing is near by its composed vector: τ less `near` is above all of them.
    let (builder, _strategies) =
        with("slow = { tau_prompt = 0.999, near = 0.5 }\nvote = { floor = 0.9, evidence_min = 0.1, share_min = 0.6 }", true);
    let service = builder.start();
    service.remember(&entry(HELD, 1));
    let answer = asked(&service, OTHER);
    assert_eq!((answer["path"].as_str(), answer["match"]["vote"]["voters"].as_u64()), (Some("slow"), Some(1)), "{answer}");
    let (builder, _strategies) =
        with("slow = { tau_prompt = 0.999, near = 0.0 }\nvote = { evidence_min = 0.1, share_min = 0.6 }", true);
    let service = builder.start();
    service.remember(&entry(HELD, 1));
    let answer = asked(&service, OTHER);
    assert!(answer["outcome"] == "abstained" && reason(&answer).contains("0 near misses"), "{answer}");
}

/// A text of some 600 tokens, more than twice what the model reads at once, that ends with `end`.
fn long(end: &str) -> String {
    let body: Vec<String> = ["committee", "board", "market", "economy", "council", "treasury", "labour", "housing", "export", "credit"]
        .iter()
        .map(|part| {
            format!(
                "Officials who follow the {part} said in a statement that conditions remain uncertain and that they will watch what comes \
                 in before they say more about the way ahead, as they have done at each of their meetings."
            )
        })
        .collect();
    format!("{} {end}", body.join(" "))
}

#[test]
fn a_text_longer_than_the_model_reads_at_once_is_compared_whole_by_its_prompt_and_by_nothing_else() {
    let (builder, _strategies) = with("slow = { tau_prompt = 0.95 }", false);
    let service = builder.start();
    service.remember(&entry(&long(HELD), 1));
    let answer = asked(&service, &long(OTHER));
    assert_eq!((answer["path"].as_str(), answer["decision"]["signal"].as_i64()), (Some("slow"), Some(1)), "{answer}");
    let fast = service.decide(&json!({"text": long(OTHER), "allow": "fast"}));
    assert!(fast["refused"].to_string().contains("only the first"), "{fast}");
    let trap = asked(&service, &long(TRAP));
    assert_eq!((trap["outcome"].as_str(), trap["refused"].to_string().contains("25")), (Some("abstained"), true), "{trap}");
}

#[test]
fn the_context_that_stands_next_to_the_text_is_part_of_the_prompt() {
    let (builder, _strategies) = with(&format!("slow = {{ tau_prompt = 0.9 }}\n{NO_LONE_VOTE}"), true);
    let service = builder.start();
    for (id, text) in
        [("calm", "Markets are calm and banks lend freely"), ("panic", "Two large banks have failed and credit has dried up")]
    {
        let component = json!({"role": "context", "text": text, "tags": [id]});
        assert_eq!(service.request("PUT", &format!("/v1/components/{id}"), component.to_string()).status, 201);
    }
    let mut held = entry(HELD, 1);
    held["context"] = json!(["calm"]);
    service.remember(&held);
    let near = |context: &str| {
        let answer = service.decide(&json!({"text": OTHER, "context": [context], "deadline_ms": 20_000}));
        answer["match"]["similarity"].as_f64().unwrap_or(0.0)
    };
    assert!(near("calm") > near("panic") + 0.02, "{} {}", near("calm"), near("panic"));
}

#[test]
fn where_only_the_vote_may_answer_no_prompt_answers_alone() {
    let (builder, _strategies) = with("slow = { tau_prompt = 0.5 }\nvote = { alone = true, evidence_min = 9.0 }", true);
    let service = builder.start();
    service.remember(&entry(HELD, 1));
    let answer = asked(&service, OTHER);
    assert!(answer["outcome"] == "abstained" && reason(&answer).contains("did not agree"), "{answer}");
}

/// An engine that buys.
#[derive(Debug)]
struct Buys;

#[async_trait]
impl Engine for Buys {
    async fn decide(&self, _: Question) -> Result<Payload, EngineFailure> {
        Ok(Payload::parse(r#"{"kind":"trade","signal":1,"conviction":0.6}"#).unwrap())
    }
}

fn request(text: &str, deadline_sec: u64) -> Request {
    Request::plain(
        FreshText::new(text).unwrap(),
        StrategyName::new("news-impact").unwrap(),
        Clock::System.now(),
        Deadline::after(Duration::from_secs(deadline_sec)),
    )
}

#[tokio::test]
async fn what_an_engine_decided_is_remembered_with_its_prompt_whether_the_step_was_left_out_or_not() {
    let folder = TempDir::new().unwrap();
    let lines = format!("engine = \"buys\"\nslow = {{ tau_prompt = 0.9, least_ms = 60000 }}\n{NO_LONE_VOTE}");
    strategy(folder.path(), &lines, true);
    let mut config = Config::load(None, &Overrides::default()).unwrap();
    config.strategies.dir = folder.path().to_owned();
    config.embed.runtime_dir = project().join("runtime");
    for deadline_sec in [10, 100] {
        let parts = Parts {
            embedder: embed::open(&config.embed).unwrap(),
            store: store::in_memory(Clock::System),
            search: None,
            graphs: None,
            engines: Engines::default().with("buys", Arc::new(Buys)),
            clock: Clock::System,
        };
        let app = App::with_parts(&config, parts).await.unwrap();
        let caller = Caller::trusted(TenantId::default_tenant());
        let answered =
            async |text: &str, deadline_sec| app.decider.decide(&caller, &request(text, deadline_sec)).await.unwrap().answer;
        let first = answered(HELD, deadline_sec).await;
        assert_eq!((first.outcome, first.path), (Outcome::Decided, answer::Path::Engine), "{first:?}");
        assert_eq!(answered(OTHER, 100).await.path, answer::Path::Slow, "after a first request with {deadline_sec} s");
    }
}
