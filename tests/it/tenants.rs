//! Nothing of one tenant is seen, counted or taken by another: at random and in bulk, through every door.

use super::credentials::{ask, new_key};
use super::redis::RedisServer;
use super::service::{Builder, Service, entry, project, trade};
use async_trait::async_trait;
use instinct::app::{App, Parts};
use instinct::config::{Config, Overrides};
use instinct::decide::{Feedback, FeedbackError, Forget, NewBar, NewComponent, NewEntry};
use instinct::domain::answer::Answer;
use instinct::domain::component::Role;
use instinct::domain::deadline::Deadline;
use instinct::domain::decision::Payload;
use instinct::domain::entry::{Provenance, Validity};
use instinct::domain::ids::{ComponentId, DecisionId, EntryId, StrategyName, TenantId};
use instinct::domain::market::{Bar, Instrument};
use instinct::domain::request::{Allow, Caller, Request};
use instinct::domain::text::FreshText;
use instinct::domain::time::{Clock, Timestamp};
use instinct::embed;
use instinct::engine::{Engine, EngineFailure, Engines, Question};
use instinct::store;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Two tenants who hold the same texts, ids and tags, and one who holds nothing.
const TENANTS: [&str; 3] = ["acme", "zenith", "nobody"];
const HEADLINES: usize = 40;

fn tenant(of: usize) -> TenantId {
    TenantId::new(TENANTS[of]).unwrap()
}

/// A word that stands in all that is of one tenant.
fn mark(of: usize) -> String {
    format!("secret-of-{}", TENANTS[of])
}

fn headline(n: usize) -> String {
    let what = ["oil", "gold", "wheat", "copper", "gas"][n % 5];
    format!("Shipment {n} of {what} arrives late at the port of Rotterdam after a storm in the North Sea")
}

fn within() -> Deadline {
    Deadline::after(Duration::from_secs(120))
}

/// What each tenant holds, for others to try.
#[derive(Default, Clone)]
struct Held {
    entries: Vec<EntryId>,
    decisions: Vec<DecisionId>,
}

struct World {
    app: App,
    held: [Held; 3],
}

fn request(text: &str, allow: Allow) -> Request {
    let as_of = Clock::System.now();
    let strategy = StrategyName::new("news-impact").unwrap();
    Request { allow, ..Request::plain(FreshText::new(text).unwrap(), strategy, as_of, within()) }
}

/// An engine that says for whom it was asked.
#[derive(Debug, Default)]
struct ForWhom {
    asked: AtomicUsize,
}

#[async_trait]
impl Engine for ForWhom {
    async fn decide(&self, question: Question) -> Result<Payload, EngineFailure> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(Duration::from_millis(300)).await;
        let reasoning = format!("secret-of-{}", question.tenant);
        let decision = json!({"kind": "trade", "signal": 1, "conviction": 0.5, "reasoning": reasoning});
        Ok(Payload::parse(&decision.to_string()).unwrap())
    }
}

impl World {
    async fn new() -> Self {
        Self::with_engines(Engines::default()).await
    }

    async fn with_engines(engines: Engines) -> Self {
        let mut config = Config::load(None, &Overrides::default()).unwrap();
        config.strategies.dir = project().join("strategies");
        config.embed.model = "hashing-384".to_owned();
        let embedder = embed::open(&config.embed).unwrap();
        let parts =
            Parts { embedder, store: store::in_memory(Clock::System), search: None, graphs: None, engines, clock: Clock::System };
        // The strategy's engine is not asked for here, but has to be there.
        let mut strategies = instinct::app::read_strategies(&config.strategies, &instinct::app::ENGINES).unwrap();
        strategies.calibrations.clear();
        let app = App::with_strategies(&config, parts, strategies).await.unwrap();
        let mut world = Self { app, held: Default::default() };
        for of in 0..2 {
            world.fill(of).await;
        }
        world
    }

    async fn fill(&mut self, of: usize) {
        let (decider, tenant) = (&self.app.decider, tenant(of));
        let past = Timestamp::parse("2026-01-01T00:00:00Z").unwrap();
        for n in 0..HEADLINES {
            let text = FreshText::new(&headline(n)).unwrap();
            let id = ComponentId::new(&format!("c{n}")).unwrap();
            let component = NewComponent {
                id,
                role: Role::Context,
                text: FreshText::stored(&format!("{} {n}", mark(of))).unwrap(),
                tags: vec![format!("t{n}")],
                as_of: past,
                ttl_sec: None,
                meta: serde_json::Map::new(),
            };
            let component = decider.embed_component(&tenant, component, within()).await.unwrap();
            decider.put_components(vec![component]).await.unwrap();
            let decision = json!({"kind": "trade", "signal": 1, "conviction": 0.5, "reasoning": mark(of)});
            let new = NewEntry {
                text,
                decision: Payload::parse(&decision.to_string()).unwrap(),
                strategy: StrategyName::new("news-impact").unwrap(),
                as_of: past,
                ttl_sec: None,
                tags: vec!["all".to_owned()],
                context: Vec::new(),
                validity: Validity::default(),
                provenance: Provenance::Operator,
            };
            let stored = decider.prepare(&tenant, new, within()).await.unwrap();
            self.held[of].entries.push(stored.entry.id);
            decider.remember(vec![stored]).await.unwrap();
            let answer = self.decide(of, &request(&headline(n), Allow::Fast)).await;
            self.held[of].decisions.push(answer.id);
        }
        let bar = Bar::new(past, [1.0 + of as f64; 4], 1.0).unwrap();
        decider.put_bars(&tenant, &Instrument::new("ETH").unwrap(), vec![NewBar { bar, interval_sec: 60 }]).await.unwrap();
        decider.store.flush().await.unwrap();
    }

    async fn decide(&self, of: usize, request: &Request) -> Answer {
        self.app.decider.decide(&Caller::trusted(tenant(of)), request).await.unwrap().answer
    }

    /// Nothing that a tenant was told is of another.
    fn own(&self, of: usize, told: &str, door: &str) {
        for other in (0..TENANTS.len()).filter(|other| *other != of) {
            assert!(!told.contains(&mark(other)), "{} was told by {door}: {told}", TENANTS[of]);
        }
    }

    /// One try of `asker` to see something of `other`, through one of the doors that read.
    async fn try_once(&self, asker: usize, other: usize, n: usize) {
        let (decider, tenant) = (&self.app.decider, tenant(asker));
        let pick = n % HEADLINES;
        let entry = self.held[other].entries.get(pick).copied();
        let decision = self.held[other].decisions.get(pick).copied();
        let component = ComponentId::new(&format!("c{pick}")).unwrap();
        match fastrand::u8(..) {
            0..=3 => {
                // Exact, and by meaning: a headline with one word less.
                let text = if n.is_multiple_of(2) { headline(pick) } else { headline(pick).replace(" after a storm", "") };
                let mut asked = request(&text, if n.is_multiple_of(3) { Allow::Slow } else { Allow::Fast });
                asked.tags = vec![format!("t{pick}")];
                let answer = self.decide(asker, &asked).await;
                let told = serde_json::to_string(&answer).unwrap();
                self.own(asker, &told, "decide");
                assert!(asker != 2 || (answer.decision.is_none() && answer.refused.is_empty()), "{told}");
                assert!(self.held[other].entries.iter().all(|id| !told.contains(&id.to_string())), "{told}");
            }
            4 => {
                let mut asked = request(&headline(pick), Allow::Fast);
                asked.context = vec![component];
                let probe = decider.probe(&tenant, &asked, 20).await;
                assert_eq!(probe.is_err(), asker == 2, "a component of another can't be named");
                for scored in probe.into_iter().flat_map(|probe| probe.candidates) {
                    assert_eq!(scored.live.entry.tenant, tenant);
                }
            }
            5..=79 => assert!(entry.is_none_or(|id| decider.semantic.entry(&tenant, &id).is_none())),
            80..=129 => {
                let found = decider.embeddings.component(&tenant, &component, Clock::System.now());
                assert_eq!(found.is_none(), asker == 2);
                found.into_iter().for_each(|found| self.own(asker, &found.text, "components"));
            }
            130..=169 => assert!(decision.is_none_or(|id| decider.work(&tenant, id).is_none())),
            170..=209 => {
                if let Some(id) = decision {
                    assert!(decider.audit(&tenant, id).await.unwrap().is_none());
                }
            }
            210..=212 => {
                let filter = Forget { ids: Some(self.held[other].entries.iter().copied().collect()), ..Forget::default() };
                assert!(decider.meant_by(&tenant, &filter).await.unwrap().is_empty());
                assert!(decider.forget(&tenant, filter).await.unwrap().is_empty());
            }
            213..=215 => {
                let own = decider.meant_by(&tenant, &Forget { tags: vec!["all".to_owned()], ..Forget::default() }).await.unwrap();
                assert!(own.iter().all(|id| self.held[asker].entries.contains(id)));
            }
            216..=220 => {
                if let Some(decision) = decision {
                    let feedback = Feedback { decision, right: false, expected: None, note: None };
                    let told = decider.feedback(&tenant, feedback, within()).await;
                    assert!(matches!(told, Err(FeedbackError::UnknownDecision { .. })));
                }
            }
            221..=240 => {
                let bars = decider.bars(&tenant, &Instrument::new("ETH").unwrap());
                let closes = bars.and_then(|bars| bars.last().map(|bar| bar.close()));
                assert_eq!(closes, [Some(1.0), Some(2.0), None][asker]);
            }
            _ => {
                let held = decider.holdings(&tenant);
                assert_eq!((held.entries == 0, held.components == 0, held.bytes == 0), (asker == 2, asker == 2, asker == 2));
            }
        }
    }
}

/// As many tries as `TENANT_TRIES` says; a fraction of the million where nothing does, for each costs some hundred microseconds in a debug build.
#[tokio::test]
async fn of_random_cross_tenant_tries_through_every_door_none_is_answered() {
    let tries: usize = std::env::var("TENANT_TRIES").ok().and_then(|text| text.parse().ok()).unwrap_or(50_000);
    let world = World::new().await;
    let since = Instant::now();
    for n in 0..tries {
        let asker = fastrand::usize(..TENANTS.len());
        let other = (asker + fastrand::usize(1..TENANTS.len())) % TENANTS.len();
        world.try_once(asker, other, n).await;
    }
    // And all is there still: nobody deleted or closed anything of another.
    for of in 0..2 {
        for n in 0..HEADLINES {
            let answer = world.decide(of, &request(&headline(n), Allow::Fast)).await;
            assert!(answer.decision.unwrap().as_json().contains(&mark(of)), "{n}");
        }
        assert_eq!(world.app.decider.holdings(&tenant(of)).entries as usize, HEADLINES);
    }
    println!("{tries} tries in {:?}, none of them answered", since.elapsed());
}

#[tokio::test]
async fn two_tenants_who_ask_the_same_at_the_same_time_share_no_run_of_an_engine() {
    let engine = Arc::new(ForWhom::default());
    let world = World::with_engines(Engines::default().with("trading", Arc::clone(&engine) as Arc<dyn Engine>)).await;
    let asked = request("A new headline that nobody has seen before", Allow::Engine);
    let all = futures_util::future::join_all((0..30).map(|n| world.decide(n % 3, &asked))).await;
    for (n, answer) in all.iter().enumerate() {
        let decision = answer.decision.as_ref().unwrap().as_json();
        assert!(decision.contains(&mark(n % 3)), "{} was told {decision}", TENANTS[n % 3]);
    }
    assert_eq!(engine.asked.load(Ordering::Relaxed), 3, "one run for each tenant");
}

struct Doors {
    service: Service,
    keys: [String; 3],
    _folder: TempDir,
}

impl Doors {
    fn start(settings: &[(&str, &str)]) -> Self {
        let folder = TempDir::new().unwrap();
        let file = folder.path().join("keys.toml");
        let keys = TENANTS.map(|tenant| new_key(&file, tenant, &["admin"]));
        let builder = Builder::new().set("AUTH__KEYS_FILE", file.to_str().unwrap());
        let builder = settings.iter().fold(builder, |builder, (name, value)| builder.set(name, value));
        Self { service: builder.start(), keys, _folder: folder }
    }

    fn ask(&self, of: usize, at: (&str, &str), body: &Value) -> super::service::Reply {
        ask(&self.service, &format!("Bearer {}", self.keys[of]), at, &body.to_string())
    }
}

#[test]
fn ten_thousand_cross_tenant_tries_over_http_are_answered_as_if_nothing_were_there() {
    let doors = Doors::start(&[]);
    let (mut entries, mut decisions) = (Vec::new(), Vec::new());
    for of in 0..2 {
        let mut lines = String::new();
        for n in 0..HEADLINES {
            let mut line = entry(&headline(n), 1);
            line["decision"]["reasoning"] = json!(mark(of));
            line["tags"] = json!(["all"]);
            lines += &format!("{line}\n");
        }
        let written = ask(&doors.service, &format!("Bearer {}", doors.keys[of]), ("POST", "/v1/entries"), &lines).lines();
        entries.push(written.iter().map(|line| line["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>());
        let component = json!({"role": "context", "text": mark(of), "tags": ["all"]});
        assert_eq!(doors.ask(of, ("PUT", "/v1/components/c"), &component).status, 201);
        let bar = json!({"at": "2026-01-01T00:00:00Z", "open": 1, "high": 1, "low": 1, "close": 1, "volume": 1});
        assert_eq!(doors.ask(of, ("PUT", "/v1/market/ETH"), &bar).status, 200);
        let asked = json!({"text": headline(0), "allow": "fast"});
        decisions.push(doors.ask(of, ("POST", "/v1/decide"), &asked).json()["id"].as_str().unwrap().to_owned());
    }
    let count = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let http = reqwest::blocking::Client::new();
                while count.fetch_add(1, Ordering::Relaxed) < 10_000 {
                    let asker = fastrand::usize(..3);
                    let other = if asker == 2 { fastrand::usize(..2) } else { 1 - asker };
                    let n = fastrand::usize(..HEADLINES);
                    let none = Value::Null;
                    let (method, path, body, missing) = match fastrand::u8(..9) {
                        0 => (
                            "POST",
                            "/v1/decide".to_owned(),
                            json!({"text": headline(n), "allow": "slow", "tags": ["all"]}),
                            false,
                        ),
                        1 => ("POST", "/decide".to_owned(), json!({"prompt": headline(n)}), false),
                        2 => ("POST", "/v1/entries/search".to_owned(), json!({"text": headline(n), "limit": 20}), false),
                        3 => ("GET", format!("/v1/entries/{}", entries[other][n]), none, true),
                        4 => ("GET", format!("/v1/decisions/{}", decisions[other]), none, true),
                        5 => ("GET", format!("/v1/decisions/{}/events", decisions[other]), none, true),
                        6 => (
                            "POST",
                            "/v1/feedback".to_owned(),
                            json!({"decision_id": decisions[other], "verdict": "wrong"}),
                            true,
                        ),
                        7 => ("DELETE", "/v1/entries".to_owned(), json!({"ids": entries[other], "confirm": true}), false),
                        _ => ("GET", "/v1/components/c".to_owned(), none, asker == 2),
                    };
                    let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
                    let request = http.request(method, format!("{}{path}", doors.service.url)).bearer_auth(&doors.keys[asker]);
                    let reply = request.body(if body.is_null() { String::new() } else { body.to_string() }).send().unwrap();
                    let (status, text) = (reply.status().as_u16(), reply.text().unwrap());
                    assert_eq!(status, if missing { 404 } else { 200 }, "{path}: {text}");
                    for of in (0..3).filter(|of| *of != asker) {
                        assert!(!text.contains(&mark(of)), "{} by {path}: {text}", TENANTS[asker]);
                    }
                    if path == "/v1/entries" {
                        assert!(text.contains("\"matched\":0"), "{text}");
                    }
                }
            });
        }
    });
    let answer = |of| doors.ask(of, ("POST", "/v1/decide"), &json!({"text": headline(1), "allow": "fast"})).json();
    for of in 0..2 {
        assert_eq!(answer(of)["decision"]["reasoning"], mark(of));
    }
    assert_eq!(doors.ask(1, ("POST", "/clear"), &Value::Null).json()["deleted"], HEADLINES);
    assert_eq!((answer(0)["outcome"].as_str(), answer(1)["outcome"].as_str()), (Some("decided"), Some("abstained")));
}

#[test]
fn a_tenant_that_asks_too_often_is_told_when_to_come_again_and_no_other_waits_for_it() {
    let doors = Doors::start(&[("TENANTS__ACME__RATE__DECIDE__PER_SECOND", "0.2"), ("TENANTS__ACME__RATE__DECIDE__BURST", "3")]);
    let decide = |of| doors.ask(of, ("POST", "/v1/decide"), &json!({"text": "a", "allow": "fast"}));
    for _ in 0..3 {
        assert_eq!(decide(0).status, 200);
    }
    let refused = decide(0);
    assert_eq!(refused.status, 429, "{}", refused.text);
    let wait: u64 = refused.headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=5).contains(&wait), "{wait}");
    assert_eq!(refused.json()["type"], "urn:instinct:problem:rate-passed");
    assert_eq!((decide(1).status, doors.ask(0, ("GET", "/v1/strategies"), &Value::Null).status), (200, 200));
    std::thread::sleep(Duration::from_secs(wait));
    assert_eq!(decide(0).status, 200, "whoever waits as long as was told is let through");
    let metrics = doors.service.get("/metrics").text;
    assert!(metrics.contains("rate_limited_total{role=\"decide\",tenant=\"acme\"} 1"), "{metrics}");
    assert!(
        metrics.contains("tenant_requests_total{role=\"decide\",tenant=\"other\"} 1"),
        "a tenant without settings has no label"
    );
    assert!(!metrics.contains("zenith"));
}

#[test]
fn services_over_one_redis_share_the_rate_of_a_tenant_and_keep_their_own_while_it_is_away() {
    let folder = TempDir::new().unwrap();
    let keys = folder.path().join("keys.toml");
    let key = new_key(&keys, "acme", &["decide"]);
    let mut server = RedisServer::start(&[]);
    let over = || {
        let builder = Builder::new().set("STORE__BACKEND", &server.url()).set("AUTH__KEYS_FILE", keys.to_str().unwrap());
        builder.set("TENANTS__ACME__RATE__DECIDE__PER_SECOND", "0.01").set("TENANTS__ACME__RATE__DECIDE__BURST", "6").start()
    };
    let services = [over(), over()];
    let asked = json!({"text": "a", "allow": "fast"}).to_string();
    let statuses = |service: &Service, times: usize| -> Vec<u16> {
        (0..times).map(|_| ask(service, &format!("Bearer {key}"), ("POST", "/v1/decide"), &asked).status).collect()
    };
    assert_eq!(statuses(&services[0], 4), [200; 4]);
    assert_eq!(statuses(&services[1], 4), [200, 200, 429, 429]);
    assert_eq!(statuses(&services[0], 1), [429]);
    server.stop();
    for service in &services {
        assert_eq!(statuses(service, 8), [200, 200, 200, 200, 200, 200, 429, 429], "each has a bucket of its own meanwhile");
    }
}

#[test]
fn a_quota_holds_over_deletions_and_a_restart_and_names_itself() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("keys.toml");
    let keys = ["acme", "zenith"].map(|tenant| new_key(&file, tenant, &["admin"]));
    let data = folder.path().join("data");
    let start = || {
        let builder = Builder::new().data(&data).set("AUTH__KEYS_FILE", file.to_str().unwrap());
        let builder = builder.set("TENANTS__ACME__QUOTA__ENTRIES", "2").set("TENANTS__ACME__QUOTA__COMPONENTS", "1");
        builder.set("TENANTS__ZENITH__QUOTA__BYTES", "20000").start()
    };
    let service = start();
    let write = |service: &Service, of: usize, text: &str| {
        let reply = ask(service, &format!("Bearer {}", keys[of]), ("POST", "/v1/entries"), &entry(text, 1).to_string());
        reply.lines()[0].clone()
    };
    let put = |service: &Service, of: usize, id: &str, text: &str| {
        let body = json!({"role": "context", "text": text}).to_string();
        ask(service, &format!("Bearer {}", keys[of]), ("PUT", &format!("/v1/components/{id}")), &body)
    };
    assert_eq!(
        (write(&service, 0, "one")["status"].as_str(), write(&service, 0, "two")["status"].as_str()),
        (Some("created"), Some("created"))
    );
    let refused = write(&service, 0, "three");
    assert_eq!(refused["error"]["status"], 422, "{refused}");
    assert_eq!(refused["error"]["type"], "urn:instinct:problem:quota-reached");
    assert!(refused["error"]["detail"].as_str().unwrap().contains("2 entries are held"), "{refused}");
    assert_eq!(write(&service, 0, "two")["status"], "replaced", "what takes the place of another needs no room");
    assert_eq!(put(&service, 0, "a", "one").status, 201);
    assert_eq!((put(&service, 0, "b", "two").status, put(&service, 0, "a", "three").status), (422, 200));
    let bearer = format!("Bearer {}", keys[0]);
    let delete = json!({"ids": [write(&service, 0, "one")["id"]], "confirm": true});
    assert_eq!(ask(&service, &bearer, ("DELETE", "/v1/entries"), &delete.to_string()).json()["deleted"], 1);
    assert_eq!(write(&service, 0, "four")["status"], "created", "what is deleted makes room");
    service.kill();
    let service = start();
    assert_eq!(write(&service, 0, "five")["error"]["status"], 422, "it is counted anew at a start");
    assert_eq!((put(&service, 0, "b", "two").status, write(&service, 0, "four")["status"].as_str()), (422, Some("replaced")));
    assert_eq!(put(&service, 1, "large", &"x".repeat(30_000)).status, 422, "a quota of bytes");
    assert_eq!(put(&service, 1, "small", "x").status, 201);
    let long = json!({"text": "y".repeat(19_000), "decision": trade(1)}).to_string();
    let line = ask(&service, &format!("Bearer {}", keys[1]), ("POST", "/v1/entries"), &long).lines()[0].clone();
    assert_eq!(line["error"]["status"], 422, "entries and components share it: {line}");
    let metrics = service.get("/metrics").text;
    assert!(metrics.contains("tenant_held{tenant=\"acme\",what=\"entries\"} 2"), "{metrics}");
    assert!(metrics.contains("quota_refused_total{quota=\"bytes\",tenant=\"zenith\"} 2"), "{metrics}");
}
