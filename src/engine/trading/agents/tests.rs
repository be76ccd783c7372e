use super::*;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::time::Instant as Paused;

/// What a language model does, and after how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Does {
    Answers,
    Abstains,
    Babbles,
    Fails,
    Hangs,
}

const MODEL: u8 = 1;
const LOCAL: u8 = 2;

async fn said(does: Does) -> Result<u8, Silence> {
    tokio::time::sleep(Duration::from_millis(100)).await;
    match does {
        Does::Answers => Ok(MODEL),
        Does::Abstains => Err(Silence::Abstained("it can't tell".to_owned())),
        Does::Babbles => Err(Silence::Failed(unparsable())),
        Does::Fails => Err(Silence::Failed(unavailable())),
        Does::Hangs => std::future::pending().await,
    }
}

fn unparsable() -> LlmError {
    LlmError::Unparsable { detail: "a secret".to_owned(), answer: "Well,".to_owned(), usage: None, cost_usd: None }
}

fn unavailable() -> LlmError {
    LlmError::Unavailable { endpoint: "e".to_owned(), status: Some(500), detail: "a secret".to_owned(), retry_after_ms: None }
}

fn agent(paths: Paths) -> Agent {
    Agent::new("agent", AgentConfig { paths, ..AgentConfig::default() })
}

fn local(has_something_to_say: bool) -> Result<u8, Abstention> {
    if has_something_to_say { Ok(LOCAL) } else { Err(Abstention::new("no data")) }
}

fn minute(since: Instant) -> Deadline {
    Deadline::from_start(since, Duration::from_secs(60))
}

/// Runs an agent whose question began at `since`, and tells how many milliseconds that took.
async fn run_at(agent: &Agent, since: Instant, local: Result<u8, Abstention>, does: Does) -> (Heard<u8>, u128) {
    let began = Paused::now();
    let heard = agent.run((since, minute(since)), local, Some(said(does))).await;
    (heard, began.elapsed().as_millis())
}

fn now() -> Instant {
    Paused::now().into_std()
}

type Expected = (AgentSource, AgentOutcome, Option<u8>, u128);

/// The table that the documentation of [`Paths`] is.
fn expected(paths: Paths, does: Does, has_local: bool) -> Expected {
    use AgentOutcome::{Abstained, Error, Ok, Timeout};
    let own = if has_local { (AgentSource::Local, Ok, Some(LOCAL), 0) } else { (AgentSource::Local, Abstained, None, 0) };
    let asked = match does {
        Does::Answers => (AgentSource::Llm, Ok, Some(MODEL), 100),
        Does::Abstains => (AgentSource::Llm, Abstained, None, 100),
        Does::Babbles | Does::Fails => (AgentSource::Llm, Error, None, 100),
        Does::Hangs => (AgentSource::Llm, Timeout, None, 1_500),
    };
    match (paths, has_local, does) {
        (Paths::Local, _, _) | (Paths::Race, true, _) => own,
        (Paths::Fallback, true, Does::Answers) => asked,
        (Paths::Fallback, true, Does::Hangs) => (AgentSource::Local, Ok, Some(LOCAL), 800),
        (Paths::Fallback, true, _) => (AgentSource::Local, Ok, Some(LOCAL), 100),
        (Paths::Llm | Paths::Fallback | Paths::Race, _, _) => asked,
    }
}

#[tokio::test(start_paused = true)]
async fn each_way_to_run_an_agent_ends_as_it_says_and_in_time() {
    for paths in [Paths::Local, Paths::Llm, Paths::Fallback, Paths::Race] {
        for does in [Does::Answers, Does::Abstains, Does::Babbles, Does::Fails, Does::Hangs] {
            for has_local in [true, false] {
                let (heard, took) = run_at(&agent(paths), now(), local(has_local), does).await;
                let (source, outcome, value, millis) = expected(paths, does, has_local);
                let case = format!("{paths:?}, the model {does:?}, local {has_local}: {heard:?} after {took} ms");
                assert_eq!((heard.source, heard.outcome, heard.value), (source, outcome, value), "{case}");
                assert!((millis..=millis + 2).contains(&took), "{case}");
                assert_eq!(heard.reason.is_empty(), heard.value.is_some(), "who has nothing to say says why: {case}");
                assert!(!heard.reason.contains("a secret"), "what a server said is for the log: {case}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_language_model_there_is_the_local_path_alone() {
    for paths in [Paths::Local, Paths::Llm, Paths::Fallback, Paths::Race] {
        let none = None::<std::future::Ready<Result<u8, Silence>>>;
        let heard = agent(paths).run((now(), minute(now())), local(true), none).await;
        assert_eq!((heard.source, heard.value), (AgentSource::Local, Some(LOCAL)), "{paths:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn no_agent_outlives_the_deadline_of_its_question() {
    for (paths, has_local, outcome) in [
        (Paths::Llm, true, AgentOutcome::Timeout),
        (Paths::Fallback, false, AgentOutcome::Timeout),
        (Paths::Fallback, true, AgentOutcome::Ok),
    ] {
        let (began, since) = (Paused::now(), now());
        let deadline = Deadline::from_start(since, Duration::from_millis(300));
        let heard = agent(paths).run((since, deadline), local(has_local), Some(said(Does::Hangs))).await;
        assert_eq!(heard.outcome, outcome, "{paths:?}");
        assert!((300..=302).contains(&began.elapsed().as_millis()), "{paths:?}: {:?}", began.elapsed());
    }
}

/// Fails so often that the breaker opens; the moment is the last question's.
async fn broken(paths: Paths, does: Does) -> (Agent, Instant) {
    let agent = agent(paths);
    for _ in 0..BreakerConfig::default().calls_min {
        assert_eq!(agent.breaker.closed_for(now()), Duration::ZERO, "it opened too early");
        run_at(&agent, Instant::now(), local(paths == Paths::Fallback), does).await;
    }
    let since = Instant::now();
    assert!(agent.breaker.closed_for(since) > Duration::ZERO, "{paths:?}, {does:?}: it did not open");
    (agent, since)
}

async fn counted(asked: &AtomicUsize, does: Does) -> Result<u8, Silence> {
    asked.fetch_add(1, Ordering::Relaxed);
    said(does).await
}

#[tokio::test(start_paused = true)]
async fn a_model_that_keeps_failing_is_left_alone_and_asked_again_when_it_is_well() {
    for does in [Does::Fails, Does::Babbles, Does::Hangs] {
        let (agent, since) = broken(Paths::Fallback, does).await;
        let asked = AtomicUsize::new(0);
        let heard = agent.run((since, minute(since)), local(true), Some(counted(&asked, Does::Answers))).await;
        assert_eq!((heard.source, heard.value, asked.load(Ordering::Relaxed)), (AgentSource::Local, Some(LOCAL), 0));

        let later = since + Duration::from_millis(BreakerConfig::default().open_ms);
        let (probe, _) = run_at(&agent, later, local(true), Does::Answers).await;
        assert_eq!((probe.source, probe.value), (AgentSource::Llm, Some(MODEL)));
        let (next, _) = run_at(&agent, later, local(true), Does::Answers).await;
        assert_eq!(next.source, AgentSource::Llm, "it closed");
    }
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_may_only_ask_its_model_never_takes_its_local_path_while_that_is_left_alone() {
    let (agent, since) = broken(Paths::Llm, Does::Fails).await;
    let asked = AtomicUsize::new(0);
    let heard = agent.run((since, minute(since)), local(true), Some(counted(&asked, Does::Answers))).await;
    assert_eq!((heard.source, heard.outcome, heard.value), (AgentSource::Llm, AgentOutcome::Error, None));
    assert!(heard.reason.contains("left alone") && asked.load(Ordering::Relaxed) == 0, "{heard:?}");
}

#[tokio::test(start_paused = true)]
async fn a_model_that_can_not_tell_is_well() {
    let agent = agent(Paths::Llm);
    for _ in 0..2 * BreakerConfig::default().calls_min {
        run_at(&agent, Instant::now(), local(false), Does::Abstains).await;
    }
    assert_eq!(agent.breaker.closed_for(Instant::now()), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_question_in_a_hurry_says_nothing_of_the_model() {
    let agent = agent(Paths::Fallback);
    for _ in 0..2 * BreakerConfig::default().calls_min {
        let since = now();
        let deadline = Deadline::from_start(since, Duration::from_millis(200));
        agent.run((since, deadline), local(false), Some(said(Does::Hangs))).await;
    }
    assert_eq!(agent.breaker.closed_for(Instant::now()), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn what_is_no_fault_of_the_model_does_not_open_the_breaker() {
    let agent = agent(Paths::Fallback);
    for _ in 0..2 * BreakerConfig::default().calls_min {
        let ours = LlmError::NotRecorded { request: "r".to_owned() };
        let model = std::future::ready(Err(Silence::Failed(ours)));
        agent.run((now(), minute(now())), local(true), Some(model)).await;
    }
    assert_eq!(agent.breaker.closed_for(Instant::now()), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_is_dropped_on_the_way_leaves_room_for_another() {
    let (agent, since) = broken(Paths::Fallback, Does::Fails).await;
    let later = since + Duration::from_millis(BreakerConfig::default().open_ms);
    let dropped = tokio::time::timeout(Duration::from_millis(50), run_at(&agent, later, local(false), Does::Answers)).await;
    assert!(dropped.is_err());
    let (heard, _) = run_at(&agent, later, local(true), Does::Answers).await;
    assert_eq!(heard.source, AgentSource::Llm);
}

#[tokio::test(start_paused = true)]
async fn a_report_of_an_agent_without_a_value_is_no_signal() {
    let (heard, _) = run_at(&agent(Paths::Llm), now(), local(true), Does::Babbles).await;
    let report = heard.report("agent", |_| Opinion { signal: 1, conviction: 1.0, reasoning: "made up".to_owned() });
    assert_eq!((report.signal, report.conviction, report.outcome), (0, 0.0, AgentOutcome::Error));
    assert_eq!(report.reasoning, heard.reason);
}
