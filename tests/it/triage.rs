//! Which engine a request needs, with the real model.

use super::service::project;
use async_trait::async_trait;
use instinct::app::{App, Parts, StartError};
use instinct::config::{Config, Overrides};
use instinct::domain::answer::{Answer, Outcome, Path};
use instinct::domain::component::ModelRef;
use instinct::domain::deadline::Deadline;
use instinct::domain::decision::Payload;
use instinct::domain::ids::{StrategyName, TenantId};
use instinct::domain::request::{Caller, Request};
use instinct::domain::text::FreshText;
use instinct::domain::time::Clock;
use instinct::domain::triage::Triaged;
use instinct::domain::vector::UnitVector;
use instinct::embed::{self, DocumentEmbedding, EmbedError, EmbedStats, Embedder, Embedding};
use instinct::engine::{Engine, EngineFailure, Engines, Question};
use instinct::store;
use instinct::triage::{self, CONFIDENCE_MIN, Example, Triage, Verdict};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// An engine that always says the same, after a while.
#[derive(Debug)]
struct Says(Duration);

#[async_trait]
impl Engine for Says {
    async fn decide(&self, _: Question) -> Result<Payload, EngineFailure> {
        tokio::time::sleep(self.0).await;
        Ok(Payload::parse(r#"{"kind":"trade","signal":1,"conviction":0.6,"reasoning":"told"}"#).unwrap())
    }
}

fn engines(names: &[&str]) -> Engines {
    names.iter().fold(Engines::default(), |all, name| all.with(name, Arc::new(Says(Duration::ZERO))))
}

/// A service with the real model and the shipped strategy, whose engine is `engine`, with further examples where there are any.
async fn start(engine: &str, engines: Engines, examples: Option<&str>) -> Result<App, StartError> {
    start_over(embedder(), engine, engines, examples).await
}

async fn start_over(
    embedder: Arc<dyn Embedder>,
    engine: &str,
    engines: Engines,
    examples: Option<&str>,
) -> Result<App, StartError> {
    let folder = TempDir::new().unwrap();
    let shipped = std::fs::read_to_string(project().join("strategies/news-impact.toml")).unwrap();
    let shipped: String = shipped.lines().filter(|line| !line.starts_with("engine")).fold(String::new(), |all, l| all + l + "\n");
    let mut own = format!("engine = \"{engine}\"\nbudget.shadow_rate = 0.0\n");
    if let Some(examples) = examples {
        own += "triage.examples = \"own.ndjson\"\n";
        std::fs::write(folder.path().join("own.ndjson"), examples).unwrap();
    }
    std::fs::write(folder.path().join("s.toml"), own + &shipped).unwrap();
    let mut config = Config::load(None, &Overrides::default()).unwrap();
    config.strategies.dir = folder.path().to_owned();
    let parts =
        Parts { embedder, store: store::in_memory(Clock::System), search: None, graphs: None, engines, clock: Clock::System };
    App::with_parts(&config, parts).await
}

async fn answered_for(app: &App, tenant: &str, text: &str) -> Answer {
    answered_within(app, tenant, text, 60_000).await
}

async fn answered_within(app: &App, tenant: &str, text: &str, deadline_ms: u64) -> Answer {
    let caller = Caller::trusted(TenantId::new(tenant).unwrap());
    app.decider.decide(&caller, &request(text, deadline_ms)).await.unwrap().answer
}

fn request(text: &str, deadline_ms: u64) -> Request {
    Request::plain(
        FreshText::new(text).unwrap(),
        StrategyName::new("news-impact").unwrap(),
        Clock::System.now(),
        Deadline::after(Duration::from_millis(deadline_ms)),
    )
}

async fn answered(app: &App, text: &str) -> Answer {
    answered_for(app, "default", text).await
}

fn embedder() -> Arc<dyn Embedder> {
    let config = embed::Config { runtime_dir: project().join("runtime"), ..embed::Config::default() };
    embed::open(&config).unwrap()
}

async fn vector(embedder: &dyn Embedder, text: &FreshText) -> UnitVector {
    embedder.embed(text, Deadline::after(Duration::from_secs(60))).await.unwrap().vector
}

/// What the compiled-in examples teach.
async fn learnt(embedder: &dyn Embedder) -> Triage {
    let mut examples = Vec::new();
    for example in triage::built_in().unwrap() {
        let vector = vector(embedder, &example.text).await;
        examples.push((example, vector));
    }
    Triage::learn(examples, ["analytics", "numeric", "optimise", "trading"].into_iter())
}

fn told(verdict: Verdict) -> Triaged {
    let (Verdict::Clear(triaged) | Verdict::Unclear(triaged, _)) = verdict;
    triaged
}

/// The expected calibration error (Naeini et al. 2015): how far confidence and accuracy are apart, over ten bins of confidence.
fn calibration_error(all: &[(f64, bool)]) -> f64 {
    let bin = |confidence: f64| ((confidence * 10.0) as usize).min(9);
    (0..10)
        .map(|at| {
            let inside: Vec<_> = all.iter().filter(|(confidence, _)| bin(*confidence) == at).collect();
            let sure: f64 = inside.iter().map(|(confidence, _)| confidence).sum();
            let right = inside.iter().filter(|(_, right)| *right).count() as f64;
            (sure - right).abs() / all.len() as f64
        })
        .sum()
}

#[tokio::test]
async fn the_examples_tell_each_other_and_texts_never_seen_apart() {
    let embedder = embedder();
    let triage = learnt(&*embedder).await;
    let own = triage.leave_one_out();
    println!("examples, each by the others: {own:?}, {:?}", triage.calibration());
    assert!(own.accuracy >= 0.91 && own.log_loss <= 0.26, "{own:?}");

    let held_out = std::fs::read_to_string(project().join("tests/data/triage.ndjson")).unwrap();
    let held_out: Vec<Example> = triage::read(&held_out).unwrap();
    assert!(held_out.len() >= 170);
    let known = triage::built_in().unwrap();
    let mut all = Vec::new();
    let (mut clear, mut clear_wrong) = (0, 0);
    for example in &held_out {
        assert!(known.iter().all(|k| k.text != example.text), "{:?} is among the examples", example.text);
        let verdict = triage.of(&vector(&*embedder, &example.text).await);
        let is_clear = matches!(verdict, Verdict::Clear(_));
        let triaged = told(verdict);
        let right = triaged.engine == example.engine;
        if !right {
            println!("{:?} needs {}, taken for {} at {}", example.text, example.engine, triaged.engine, triaged.confidence);
        }
        clear += usize::from(is_clear);
        clear_wrong += usize::from(is_clear && !right);
        all.push((triaged.confidence, right));
    }
    let accuracy = all.iter().filter(|(_, right)| *right).count() as f64 / all.len() as f64;
    let error = calibration_error(&all);
    println!(
        "{} held out: accuracy {accuracy:.3}, calibration error {error:.3}; {clear} clear, {clear_wrong} of them wrong",
        all.len()
    );
    assert!(accuracy >= 0.93 && error <= 0.06 && clear_wrong <= 4, "accuracy {accuracy}, error {error}, wrong {clear_wrong}");
}

#[tokio::test]
async fn a_headline_gets_the_engine_that_it_needs_and_the_answer_says_so() {
    let since = Instant::now();
    let fixed = start("trading", engines(&["trading"]), None).await.unwrap();
    let fixed_took = since.elapsed();
    let since = Instant::now();
    let app = start("auto", engines(&["trading"]), None).await.unwrap();
    println!("a start with triage took {:?}, one without {fixed_took:?}", since.elapsed());
    app.decider.settled().await;
    println!("and what triage needs was learnt after {:?}", since.elapsed());
    let text = "Bank of Korea cuts its base rate by half a point";
    let answer = answered(&app, text).await;
    assert_eq!((answer.outcome, answer.path), (Outcome::Decided, Path::Engine), "{answer:?}");
    let triaged = answer.triage.as_ref().unwrap();
    assert_eq!(triaged.engine, "trading");
    assert!(triaged.confidence >= CONFIDENCE_MIN, "{triaged:?}");
    let json = serde_json::to_value(&answer).unwrap();
    assert!(json["triage"]["second"]["engine"] == "none" && json["triage"]["reason"].is_string(), "{json}");
    assert!(json.get("clarify").is_none() && json["triage"].get("nearest").is_none(), "{json}");

    let json = serde_json::to_value(answered(&fixed, text).await).unwrap();
    assert!(json["outcome"] == "decided" && json.get("triage").is_none(), "a fixed engine needs no triage: {json}");
    let again = answered(&app, text).await;
    assert!(again.path == Path::Exact && again.triage.is_none(), "what is remembered needs no triage: {again:?}");
}

#[tokio::test]
async fn what_no_engine_is_for_is_asked_back_in_one_sentence_with_choices() {
    let app = start("auto", engines(&["trading"]), None).await.unwrap();
    let text = "my debit card was swallowed by the machine";
    let answer = answered(&app, text).await;
    assert_eq!((answer.outcome, answer.path), (Outcome::Abstained, Path::Engine), "{answer:?}");
    assert_eq!(answer.triage.as_ref().unwrap().engine, "none");
    assert!(answer.reason.as_ref().unwrap().contains("no engine here is for this request"), "{:?}", answer.reason);
    let clarify = answer.clarify.unwrap();
    assert_eq!(clarify.question.matches(['?', '.', '!']).count(), 1, "{}", clarify.question);
    let choices: Vec<&str> = clarify.choices.iter().map(|choice| choice.engine.as_str()).collect();
    assert_eq!(choices, ["trading", "none"]);
    assert!(clarify.choices.iter().all(|choice| !choice.description.is_empty()));

    let chosen = Request { engine: Some(choices[0].to_owned()), ..request(text, 60_000) };
    let caller = Caller::trusted(TenantId::default_tenant());
    let answer = app.decider.decide(&caller, &chosen).await.unwrap().answer;
    assert_eq!((answer.outcome, answer.path, answer.triage), (Outcome::Decided, Path::Engine, None), "the caller may answer");
}

#[tokio::test]
async fn every_tenant_has_the_examples_that_are_compiled_in() {
    let app = start("auto", engines(&["trading"]), None).await.unwrap();
    let text = "Copper slides as smelters cut their orders";
    let (a, b) = (answered_for(&app, "one", text).await, answered_for(&app, "other", text).await);
    assert!(a.triage.is_some() && a.triage == b.triage, "{a:?} {b:?}");
}

#[tokio::test]
async fn an_engine_that_is_not_here_is_never_chosen() {
    let app = start("auto", engines(&["optimise"]), None).await.unwrap();
    let answer = answered(&app, "Bitcoin slides 7% after the exchange was hacked").await;
    assert_eq!((answer.outcome, answer.triage.unwrap().engine.as_str()), (Outcome::Abstained, "none"));
    assert!(answer.reason.unwrap().contains("trading, which is not here"));
    let error = start("poetry", engines(&["trading"]), None).await.unwrap_err();
    assert!(matches!(error, StartError::UnknownEngine { .. }), "an engine that is fixed must be here: {error}");
}

#[tokio::test]
async fn an_answer_that_says_come_back_tells_the_engine_that_is_at_work() {
    let slow = Engines::default().with("trading", Arc::new(Says(Duration::from_secs(3))));
    let app = start("auto", slow, None).await.unwrap();
    app.decider.settled().await;
    let answer = answered_within(&app, "default", "Copper slides as smelters cut their orders", 1_500).await;
    assert_eq!((answer.outcome, answer.triage.unwrap().engine.as_str()), (Outcome::Pending, "trading"));
    app.decider.settled().await;
    let kept = app.decider.audit(&TenantId::default_tenant(), answer.id).await.unwrap().unwrap();
    assert!(
        kept.answer.get().contains(r#""outcome":"decided""#) && kept.answer.get().contains(r#""triage":{"engine":"trading""#)
    );
}

/// An embedder that never comes to the examples.
#[derive(Debug)]
struct Busy(Arc<dyn Embedder>);

#[async_trait]
impl Embedder for Busy {
    fn model(&self) -> &ModelRef {
        self.0.model()
    }

    fn dim(&self) -> usize {
        self.0.dim()
    }

    async fn embed(&self, text: &FreshText, deadline: Deadline) -> Result<Embedding, EmbedError> {
        self.0.embed(text, deadline).await
    }

    async fn embed_document(&self, text: &FreshText, deadline: Deadline) -> Result<DocumentEmbedding, EmbedError> {
        // The texts of the strategy's slots are longer than any example.
        if text.as_str().len() < 300 { std::future::pending().await } else { self.0.embed_document(text, deadline).await }
    }

    fn stats(&self) -> EmbedStats {
        self.0.stats()
    }

    fn close(&self) {
        self.0.close();
    }
}

#[tokio::test]
async fn while_nothing_is_learnt_yet_a_request_abstains_within_its_deadline_and_says_why() {
    let app = start_over(Arc::new(Busy(embedder())), "auto", engines(&["trading"]), None).await.unwrap();
    let answer = answered_within(&app, "default", "Copper slides as smelters cut their orders", 4_000).await;
    assert_eq!((answer.outcome, &answer.triage, &answer.clarify), (Outcome::Abstained, &None, &None));
    assert!(answer.reason.as_ref().unwrap().contains("has just started"), "{:?}", answer.reason);
}

/// Questions to a beekeeper, as examples of an engine of their own.
const BEES: &str = r#"{"text":"when do bees swarm?","engine":"bees"}
{"text":"how do I keep wax moths out of a hive?","engine":"bees"}
{"text":"should I feed the colony before winter?","engine":"bees"}
{"text":"my queen bee is gone","engine":"bees"}
"#;

#[tokio::test]
async fn a_strategys_own_examples_change_the_choice_where_their_engine_is_here() {
    let text = "when should I feed the bees in the hive?";
    let engine = |answer: &Answer| answer.triage.as_ref().unwrap().engine.clone();
    let without = start("auto", engines(&["trading", "bees"]), None).await.unwrap();
    assert_eq!(engine(&answered(&without, text).await), "none");
    let with = start("auto", engines(&["trading", "bees"]), Some(BEES)).await.unwrap();
    let answer = answered(&with, text).await;
    assert_eq!((answer.outcome, engine(&answer).as_str()), (Outcome::Decided, "bees"), "{answer:?}");
    let headline = answered(&with, "Bitcoin slides 7% after the exchange was hacked").await;
    assert_eq!(engine(&headline), "trading", "its neighbours keep their engine: {headline:?}");
    let not_here = start("auto", engines(&["trading"]), Some(BEES)).await.unwrap();
    assert_eq!(engine(&answered(&not_here, text).await), "none");
}

#[tokio::test]
async fn a_question_about_data_is_for_analytics_where_that_is_here_and_for_none_where_it_is_not() {
    let texts = ["average order value by state last month", "how many parcels came late in June, by courier?"];
    let engine = |answer: &Answer| answer.triage.as_ref().unwrap().engine.clone();
    let with = start("auto", engines(&["analytics", "numeric", "optimise", "trading"]), None).await.unwrap();
    let without = start("auto", engines(&["numeric", "optimise", "trading"]), None).await.unwrap();
    for text in texts {
        assert_eq!(engine(&answered(&with, text).await), "analytics", "{text}");
        assert_eq!(engine(&answered(&without, text).await), "none", "{text}");
    }
}

#[tokio::test]
async fn examples_that_are_damaged_are_refused_at_the_start_by_their_line() {
    let error =
        start("auto", engines(&["trading"]), Some("{\"text\":\"a\",\"engine\":\"x\"}\n{\"text\":\"\"}")).await.unwrap_err();
    let said = error.to_string();
    assert!(said.contains("own.ndjson") && said.contains("/2"), "{said}");
}

#[test]
fn any_text_has_a_verdict() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let embedder = embed::open(&embed::Config { model: "hashing-64".to_owned(), ..embed::Config::default() }).unwrap();
    let triage = runtime.block_on(learnt(&*embedder));
    let verdict = |text: String| {
        let Ok(text) = FreshText::new(&text) else { return Ok(()) };
        // Of a text without words this embedder makes no vector.
        let embedded = runtime.block_on(embedder.embed(&text, Deadline::after(Duration::from_secs(60))));
        let Ok(embedding) = embedded else { return Ok(()) };
        let triaged = told(triage.of(&embedding.vector));
        let second = triaged.second.as_ref().map_or(0.0, |second| second.confidence);
        prop_assert!((0.0..=1.0).contains(&triaged.confidence) && triaged.confidence + second <= 1.0 + 1e-9, "{:?}", triaged);
        Ok(())
    };
    let odd = prop_oneof![
        any::<String>(),
        "[a-zA-Z0-9 $%.,?!-]{1,200}",
        prop::collection::vec("\\PC{1,12}", 1..60).prop_map(|w| w.join(" "))
    ];
    TestRunner::default().run(&odd, verdict).unwrap();
}

/// For whoever has texts of their own: the share of each verdict among the lines of the file that `INSTINCT_TRIAGE_TEXTS` names.
#[tokio::test]
#[ignore = "needs a file of texts"]
async fn shares_of_verdicts_on_a_file_of_texts() {
    let file = std::env::var("INSTINCT_TRIAGE_TEXTS").unwrap();
    let embedder = embedder();
    let triage = learnt(&*embedder).await;
    let (mut clear, mut none, mut all) = (0_u32, 0_u32, 0_u32);
    for text in std::fs::read_to_string(file).unwrap().lines().filter_map(|line| FreshText::new(line).ok()) {
        let verdict = triage.of(&vector(&*embedder, &text).await);
        let is_clear = matches!(verdict, Verdict::Clear(_));
        let triaged = told(verdict);
        all += 1;
        clear += u32::from(is_clear);
        none += u32::from(triaged.engine == "none" && triaged.confidence >= CONFIDENCE_MIN);
    }
    let share = |n: u32| f64::from(n) / f64::from(all.max(1));
    println!("{all} texts: clear {:.3}, unsure {:.3}, none {:.3}", share(clear), share(all - clear - none), share(none));
}
