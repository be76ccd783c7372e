//! Which endpoint is asked, and how calls at once share it.

use super::super::breaker::State;
use super::super::faults::{Act, Server, answer, config, response, token};
use super::super::router::Router;
use super::*;

#[tokio::test]
async fn a_breaker_opens_half_opens_and_closes_and_an_open_one_costs_nothing() {
    let ill = Arc::new(std::sync::atomic::AtomicBool::new(true));
    let state = Arc::clone(&ill);
    let server = Server::start(move |_, _| {
        let ill = state.load(std::sync::atomic::Ordering::Relaxed);
        if ill { response(500, "", "") } else { answer("well") }
    })
    .await;
    let mut config = Config { attempts_max: 1, ..config(vec![server.endpoint("ill")]) };
    config.breaker = BreakerConfig { calls_min: 3, open_ms: 300, ..BreakerConfig::default() };
    let router = Router::open(&config).unwrap();
    for _ in 0..3 {
        assert_eq!(router.states(), [State::Closed]);
        assert_eq!(router.complete(&chat(), in_ms(1_000)).await.unwrap_err().as_str(), "unavailable");
    }
    assert_eq!(router.states(), [State::Open]);
    assert!(matches!(router.complete(&chat(), in_ms(1_000)).await, Err(LlmError::AllBroken { retry_in_ms: 0..=300 })));
    assert_eq!(server.seen().len(), 3);
    tokio::time::sleep(Duration::from_millis(310)).await;
    assert_eq!(router.states(), [State::HalfOpen]);
    assert_eq!(router.complete(&chat(), in_ms(1_000)).await.unwrap_err().as_str(), "unavailable");
    assert_eq!((router.states(), server.seen().len()), (vec![State::Open], 4));
    ill.store(false, std::sync::atomic::Ordering::Relaxed);
    tokio::time::sleep(Duration::from_millis(310)).await;
    assert_eq!(router.complete(&chat(), in_ms(1_000)).await.unwrap().text, "well");
    assert_eq!(router.states(), [State::Closed]);
    let metrics = String::from_utf8(crate::telemetry::metrics::exposition().unwrap()).unwrap();
    for line in ["llm_breaker_state{endpoint=\"ill\"} 0", "llm_calls_total{endpoint=\"ill\",outcome=\"unavailable\"} 4"] {
        assert!(metrics.contains(line), "{line} is missing");
    }
}

#[tokio::test]
async fn a_deadline_in_a_hurry_opens_no_breaker_and_a_patient_one_does() {
    let server = Server::start(|_, _| vec![Act::Hang]).await;
    let mut config = config(vec![server.endpoint("one")]);
    config.breaker = BreakerConfig { calls_min: 2, slow_ms: 100, ..BreakerConfig::default() };
    let router = Router::open(&config).unwrap();
    for _ in 0..4 {
        router.complete(&chat(), in_ms(10)).await.unwrap_err();
    }
    assert_eq!(router.states(), [State::Closed]);
    router.complete(&chat(), in_ms(150)).await.unwrap_err();
    let abandoned =
        tokio::time::timeout(Duration::from_millis(150), async { router.complete(&chat(), in_ms(5_000)).await }).await;
    assert!(abandoned.is_err());
    assert_eq!(router.states(), [State::Open], "one who went away after a while counts as well");
}

#[tokio::test]
async fn the_next_in_order_answers_where_the_first_fails_or_its_breaker_is_open() {
    let (bad, good) = (Server::start(|_, _| response(500, "", "")).await, Server::start(|_, _| answer("second")).await);
    let second = EndpointConfig { order: 1, ..good.endpoint("second") };
    let mut config = config(vec![second, bad.endpoint("first")]);
    config.breaker = BreakerConfig { calls_min: 2, ..BreakerConfig::default() };
    let router = Router::open(&config).unwrap();
    for _ in 0..5 {
        let reply = router.complete(&chat(), in_ms(5_000)).await.unwrap();
        assert_eq!((reply.text.as_str(), reply.endpoint.as_str()), ("second", "second"));
    }
    assert_eq!((bad.seen().len(), good.seen().len()), (2, 5));
    assert_eq!(router.states(), [State::Closed, State::Open]);
}

#[tokio::test]
async fn a_bad_key_at_one_endpoint_is_no_reason_not_to_ask_the_other() {
    let (bad, good) = (Server::start(|_, _| response(401, "", "")).await, Server::start(|_, _| answer("good")).await);
    let second = EndpointConfig { order: 1, ..good.endpoint("second") };
    let model = open(&config(vec![bad.endpoint("first"), second])).unwrap().unwrap();
    assert_eq!(model.complete(&chat(), in_ms(5_000)).await.unwrap().text, "good");
}

#[tokio::test]
async fn endpoints_of_one_order_share_the_calls_by_weight() {
    let (light, heavy) = (Server::start(|_, _| answer("light")).await, Server::start(|_, _| answer("heavy")).await);
    let model =
        open(&config(vec![light.endpoint("light"), EndpointConfig { weight: 3, ..heavy.endpoint("heavy") }])).unwrap().unwrap();
    for _ in 0..200 {
        model.complete(&chat(), in_ms(5_000)).await.unwrap();
    }
    // Three quarters of 200 are 150, and six standard deviations of that are 37.
    assert!((113..=187).contains(&heavy.seen().len()), "{} of 200", heavy.seen().len());
    // A call may begin before the connection of the one before is free again, so there may be a few.
    let opened = light.connections() + heavy.connections();
    assert!(opened <= 10, "{opened} connections for 200 calls one after the other");
}

#[tokio::test]
async fn calls_beyond_the_concurrency_wait_and_beyond_the_queue_are_refused() {
    let server = Server::start(|_, _| {
        let mut acts = vec![Act::Wait(200)];
        acts.extend(answer("done"));
        acts
    })
    .await;
    let endpoint = EndpointConfig { concurrency_max: 2, waiting_max: 1, ..server.endpoint("one") };
    let model = open(&Config { attempts_max: 1, ..config(vec![endpoint]) }).unwrap().unwrap();
    let ask = |millis| {
        let model = model.clone();
        tokio::spawn(async move { model.complete(&chat(), in_ms(millis)).await })
    };
    let (first, second) = (ask(5_000), ask(5_000));
    tokio::time::sleep(Duration::from_millis(50)).await;
    let third = ask(50);
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert_eq!(ask(5_000).await.unwrap(), Err(LlmError::Overloaded { endpoint: "one".into(), waiting_max: 1 }));
    assert_eq!(third.await.unwrap(), Err(LlmError::DeadlinePassed { waiting: Waiting::Turn }));
    let fourth = ask(5_000);
    for call in [first, second, fourth] {
        assert_eq!(call.await.unwrap().unwrap().text, "done");
    }
    assert_eq!(server.seen().len(), 3);
}

#[tokio::test]
async fn a_caller_who_goes_away_ends_the_call_at_the_server_and_frees_its_turn() {
    let server =
        Server::start(|number, _| if number == 0 { stream_of(vec![token("a"), Act::Hang]) } else { answer("next") }).await;
    let model = open(&config(vec![EndpointConfig { concurrency_max: 1, ..server.endpoint("one") }])).unwrap().unwrap();
    let first = tokio::spawn({
        let model = model.clone();
        async move { model.complete(&chat(), in_ms(60_000)).await }
    });
    while server.seen().is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    first.abort();
    assert_eq!(model.complete(&chat(), in_ms(5_000)).await.unwrap().text, "next");
    while server.gone() == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
