use super::super::{Config, FaultKind, Outcome, Review, Silence, WhyMissing};
use super::stage::{BY_TOWN, House, Script, Stage, two_towns};
use crate::domain::answer::Confidence;
use std::time::{Duration, Instant};

fn right() -> Script {
    Script::new().plans(&["loans"]).writes(BY_TOWN).finds(true, "")
}

#[tokio::test]
async fn a_model_that_does_not_answer_is_left_at_the_deadline() {
    let model = Script { slow: Some(Duration::from_secs(60)), ..right() };
    let stage = Stage { within: Duration::from_millis(80), ..Stage::new() };
    let since = Instant::now();
    let Outcome::Failed { reason, .. } = stage.ask(&model, &House::new(|_| Ok(two_towns()))).await.outcome else {
        panic!("it is late")
    };
    assert_eq!(reason, Silence::Late.to_string());
    assert!(since.elapsed() < Duration::from_secs(10), "it did not wait for the model");
}

#[tokio::test]
async fn a_warehouse_that_does_not_answer_is_left_at_the_deadline() {
    let mut house = House::new(|_| Ok(two_towns()));
    house.slow = Some(Duration::from_secs(60));
    let stage = Stage { within: Duration::from_millis(80), ..Stage::new() };
    let Outcome::Failed { missing, .. } = stage.ask(&right(), &house).await.outcome else { panic!("it is late") };
    assert_eq!(missing[0].because, WhyMissing::Failed { fault: FaultKind::Late });
}

#[tokio::test]
async fn a_budget_that_is_used_up_ends_the_question_or_leaves_it_without_a_review() {
    let house = House::new(|_| Ok(two_towns()));
    let with = |calls_max, tokens_max| Stage { config: Config { calls_max, tokens_max, ..Config::default() }, ..Stage::new() };
    let written = with(1, 150_000).ask(&right(), &house).await;
    assert!(matches!(&written.outcome, Outcome::Failed { reason, .. } if *reason == Silence::Spent.to_string()), "{written:?}");
    assert!(written.spent.used_up && written.spent.calls == 1);
    let answered = with(2, 150_000).answered(&right(), &house).await;
    assert_eq!(answered.parts[0].review, Review::NotMade { because: Silence::Spent });
    assert_eq!(answered.derivation.label, Confidence::Medium);
    let model = right();
    let written = with(20, 1_000).ask(&model, &house).await;
    assert!(matches!(written.outcome, Outcome::Failed { .. }) && model.asked.lock().is_empty(), "the prompt alone is more");
}

#[tokio::test]
async fn what_was_spent_is_what_the_server_told() {
    let written = Stage::new().ask(&right(), &House::new(|_| Ok(two_towns()))).await;
    assert_eq!((written.spent.calls, written.spent.tokens, written.spent.used_up), (3, 360, false));
}

#[tokio::test]
async fn an_ask_that_is_dropped_asks_no_more() {
    let model = Script { slow: Some(Duration::from_millis(30)), ..right() };
    let house = House::new(|_| Ok(two_towns()));
    let stage = Stage::new();
    let dropped = tokio::time::timeout(Duration::from_millis(45), stage.ask(&model, &house)).await;
    assert!(dropped.is_err());
    let asked = model.asked.lock().len();
    tokio::time::sleep(Duration::from_millis(120)).await;
    assert_eq!(model.asked.lock().len(), asked, "nothing went on by itself");
}

#[tokio::test]
async fn parts_are_written_beside_one_another() {
    let script = Script::new().plans(&["a", "b", "c", "d"]);
    let script = (0..4).fold(script, |script, _| script.writes(BY_TOWN).finds(true, ""));
    let model = Script { slow: Some(Duration::from_millis(100)), ..script };
    let since = Instant::now();
    let answered = Stage::new().answered(&model, &House::new(|_| Ok(two_towns()))).await;
    assert_eq!(answered.parts.len(), 4);
    assert!(
        since.elapsed() < Duration::from_millis(700),
        "nine calls one after another would take 900 ms: {:?}",
        since.elapsed()
    );
}

#[tokio::test]
async fn a_question_that_is_too_long_is_sent_to_nobody() {
    let question: &'static str = Box::leak("loans ".repeat(500).into_boxed_str());
    let model = right();
    let outcome = Stage { question, ..Stage::new() }.ask(&model, &House::new(|_| Ok(two_towns()))).await.outcome;
    assert!(matches!(outcome, Outcome::OutOfScope { .. }) && model.asked.lock().is_empty());
}

#[test]
fn settings_out_of_range_are_named() {
    assert_eq!(Config::default().check(), Ok(()));
    let wrong = |config: Config| config.check().expect_err("it is out of range").0;
    assert_eq!(wrong(Config { calls_max: 0, ..Config::default() }), "calls_max");
    assert_eq!(wrong(Config { tokens_max: 10, ..Config::default() }), "tokens_max");
    assert_eq!(wrong(Config { ms_max: 99, ..Config::default() }), "ms_max");
    assert_eq!(wrong(Config { columns_max: 61, ..Config::default() }), "columns_max");
    assert_eq!(wrong(Config { rows_shown: 51, ..Config::default() }), "rows_shown");
}
