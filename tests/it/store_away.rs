//! Over HTTP: what is answered while a store that is shared is away, and at another replica than the one that works.

use super::in_step::{replica_of, strategy};
use async_trait::async_trait;
use instinct::app::App;
use instinct::config::{Config, Overrides};
use instinct::decide::{PastBound, Replicas};
use instinct::domain::decision::Payload;
use instinct::domain::time::Clock;
use instinct::engine::{Engine, EngineFailure, Engines, Question};
use instinct::store::Common;
use instinct::tenant::Credentials;
use serde_json::{Value, json};
use std::net::TcpListener;
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

const TEXT: &str = "SEC approves spot ETH ETF for retail investors";

/// An engine that takes its time.
#[derive(Debug)]
struct Slow(Duration);

#[async_trait]
impl Engine for Slow {
    async fn decide(&self, _: Question) -> Result<Payload, EngineFailure> {
        tokio::time::sleep(self.0).await;
        Ok(Payload::parse(r#"{"kind":"trade","signal":1,"conviction":0.6,"reasoning":"told"}"#).unwrap())
    }
}

/// A replica in this process that answers over HTTP.
struct Replica {
    url: String,
    http: reqwest::blocking::Client,
    stop: Option<actix_web::dev::ServerHandle>,
}

impl Replica {
    fn start(common: &Common, engine_takes: Duration, past_lag_bound: PastBound) -> Self {
        let (common, (told, started)) = (common.clone(), mpsc::channel());
        std::thread::spawn(move || {
            actix_web::rt::System::new().block_on(async move {
                let settings = Replicas { lag_bound_ms: 300, past_lag_bound, lease_ms: 1_000 };
                let engines = Engines::default().with("slow", Arc::new(Slow(engine_takes)));
                let app = replica_of(common.join(), &strategy("engine = \"slow\""), engines, settings).await;
                let listener = TcpListener::bind("127.0.0.1:0").unwrap();
                listener.set_nonblocking(true).unwrap();
                let url = format!("http://{}", listener.local_addr().unwrap());
                let config = Config::load(None, &Overrides::default()).unwrap();
                let decider = Arc::clone(&app.decider);
                actix_web::rt::spawn(async move { decider.keep_in_step().await });
                let credentials = actix_web::web::Data::new(Credentials::open(&config.auth).unwrap());
                let server =
                    instinct::api::server(actix_web::web::Data::<App>::from(app), credentials, listener, &config).unwrap();
                told.send((url, server.handle())).unwrap();
                server.await.unwrap();
            });
        });
        let (url, stop) = started.recv().unwrap();
        Self { url, http: reqwest::blocking::Client::new(), stop: Some(stop) }
    }

    /// Status, whether it says when to come again, and the body.
    fn call(&self, method: &str, path: &str, body: &str) -> (u16, bool, String) {
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        let request = self.http.request(method, format!("{}{path}", self.url)).timeout(Duration::from_secs(30));
        let reply = request.header("content-type", "application/json").body(body.to_owned()).send().unwrap();
        (reply.status().as_u16(), reply.headers().contains_key("retry-after"), reply.text().unwrap())
    }

    fn decide(&self, body: &Value) -> Value {
        let (status, _, text) = self.call("POST", "/v1/decide", &body.to_string());
        assert_eq!(status, 200, "{text}");
        serde_json::from_str(&text).unwrap()
    }

    fn ready(&self) -> (u16, Value) {
        let (status, _, text) = self.call("GET", "/health/ready", "");
        (status, serde_json::from_str(&text).unwrap())
    }

    fn until_ready_is(&self, wanted: u16) -> Value {
        let since = Instant::now();
        loop {
            let (status, said) = self.ready();
            if status == wanted {
                return said;
            }
            assert!(since.elapsed() < Duration::from_secs(20), "{said}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Replica {
    fn drop(&mut self) {
        if let Some(handle) = self.stop.take() {
            // It is sent at once; nobody waits for the end of the server.
            drop(handle.stop(false));
        }
    }
}

fn entry() -> String {
    json!({"text": TEXT, "decision": {"kind": "trade", "signal": 1, "conviction": 0.5}, "tags": ["ETH"]}).to_string()
}

#[test]
fn while_the_store_is_away_hits_are_served_durable_writes_get_503_and_readiness_says_how_old_memory_is() {
    let common = Common::new(Clock::System);
    let replica = Replica::start(&common, Duration::ZERO, PastBound::Serve);
    let (status, _, text) = replica.call("POST", "/v1/entries", &entry());
    assert!(status == 200 && text.contains("created"), "{text}");
    let hit = replica.decide(&json!({"text": TEXT}));
    assert_eq!(hit["path"], "exact");
    let (status, said) = replica.ready();
    assert_eq!((status, &said["parts"]["replica"]["state"]), (200, &json!("in-step")), "{said}");
    assert_eq!(said["parts"]["replica"]["lag_bound_ms"], 300);

    common.set_away(true);
    let said = replica.until_ready_is(503);
    assert_eq!(said["parts"]["replica"]["state"], "store-away", "{said}");
    assert!(said["parts"]["replica"]["behind_ms"].as_u64().unwrap() >= 300, "{said}");
    let component = json!({"role": "context", "text": "The Fed meets on Wednesday"}).to_string();
    let bar = json!({"at": "2026-01-01T00:00:00Z", "open": 1, "high": 1, "low": 1, "close": 1, "volume": 1, "interval_sec": 60});
    let feedback = json!({"decision_id": hit["id"], "verdict": "wrong"}).to_string();
    let by_tag = json!({"tags": ["ETH"], "confirm": true}).to_string();
    let by_strategy = json!({"strategy": "news-impact", "confirm": true}).to_string();
    for (method, path, body) in [
        ("PUT", "/v1/components/fed", &*component),
        ("POST", "/v1/components", &*component),
        ("POST", "/v1/entries", &*entry()),
        ("PUT", "/v1/market/ETH", &*bar.to_string()),
        ("POST", "/v1/feedback", &*feedback),
        ("DELETE", "/v1/entries", &*by_tag),
        ("GET", &*format!("/v1/decisions/{}", hit["id"].as_str().unwrap()), ""),
    ] {
        let (status, retry_after, text) = replica.call(method, path, body);
        assert!(status == 503 && retry_after, "{method} {path}: {status} {text}");
        assert!(text.contains("urn:instinct:problem:part-away"), "{text}");
        assert_eq!(replica.decide(&json!({"text": TEXT}))["path"], "exact", "after {method} {path}");
    }
    let (status, retry_after, text) = replica.call("DELETE", "/v1/entries", &by_strategy);
    assert!(status == 503 && retry_after, "{status} {text}");
    let metrics = replica.call("GET", "/metrics", "").2;
    let value = |name: &str| metrics.lines().find_map(|l| l.strip_prefix(&format!("{name} "))?.parse::<f64>().ok());
    assert!(value("audit_records_dropped_total") >= Some(7.0), "what could not be kept is counted");
    assert!(value("replica_behind_seconds") > Some(0.3));

    common.set_away(false);
    replica.until_ready_is(200);
    assert_eq!(replica.decide(&json!({"text": TEXT}))["path"], "exact", "no deletion of it was stored");
}

#[test]
fn a_replica_that_is_told_to_refuse_answers_503_once_memory_may_be_too_old() {
    let common = Common::new(Clock::System);
    let replica = Replica::start(&common, Duration::ZERO, PastBound::Refuse);
    replica.call("POST", "/v1/entries", &entry());
    common.set_away(true);
    assert_eq!(replica.decide(&json!({"text": TEXT}))["path"], "exact", "within the bound");
    replica.until_ready_is(503);
    let (status, retry_after, text) = replica.call("POST", "/v1/decide", &json!({"text": TEXT}).to_string());
    assert!(status == 503 && retry_after && text.contains("behind the store"), "{text}");
    common.set_away(false);
    replica.until_ready_is(200);
    assert_eq!(replica.decide(&json!({"text": TEXT}))["path"], "exact");
}

#[test]
fn a_pending_decision_is_waited_for_and_followed_at_another_replica() {
    let common = Common::new(Clock::System);
    let works = Replica::start(&common, Duration::from_secs(2), PastBound::Serve);
    let other = Replica::start(&common, Duration::ZERO, PastBound::Serve);
    let told = works.decide(&json!({"text": TEXT, "deadline_ms": 300}));
    assert_eq!(told["outcome"], "pending");
    let location = told["location"].as_str().unwrap();
    let at_once: Value = serde_json::from_str(&other.call("GET", location, "").2).unwrap();
    assert_eq!((&at_once["outcome"], at_once["location"].as_str()), (&json!("pending"), Some(location)), "{at_once}");
    let events = std::thread::scope(|scope| {
        let events = scope.spawn(|| other.call("GET", &format!("{location}/events"), "").2);
        let there: Value = serde_json::from_str(&other.call("GET", &format!("{location}?wait_ms=20000"), "").2).unwrap();
        assert_eq!((&there["outcome"], &there["decision"]["signal"]), (&json!("decided"), &json!(1)), "{there}");
        events.join().unwrap()
    });
    assert!(events.starts_with("event: answer") && events.contains("\"outcome\":\"decided\""), "{events}");
    // A verdict at the other finds the entry that the decision became.
    let wrong = json!({"decision_id": told["id"], "verdict": "wrong"}).to_string();
    let (status, _, text) = other.call("POST", "/v1/feedback", &wrong);
    let said: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((status, &said["quarantined"]), (200, &json!(true)), "{text}");
}
