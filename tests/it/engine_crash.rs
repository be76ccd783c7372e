//! What an engine decided and somebody was told survives `kill -9`, and nothing is ever kept by half.

use super::chat_server::{ChatServer, Manner};
use super::engine_faults::models_alone;
use super::service::{Builder, Service};
use instinct::config::{Config, Overrides};
use instinct::domain::entry::Provenance;
use instinct::domain::time::Clock;
use instinct::store::{self, Record, RecordKind};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::path::Path;
use std::time::Duration;
use tempfile::TempDir;

/// Kills of the real process, each at a random moment around the end of some engines.
const KILLS: u64 = 40;

/// Headlines of one round; they come one after the other, so that at any moment some engine is about to end.
const HEADLINES: u64 = 10;

/// Milliseconds between two of them, and within which the kill falls.
const APART_MS: u64 = 12;
const KILLED_WITHIN_MS: u64 = 200;

fn text(round: u64, n: u64) -> String {
    format!("Company {} raises its dividend by {} percent", 1_000 * round + n, n + 1)
}

fn start(data: &Path, server: &ChatServer) -> Service {
    let settings = data.with_extension("toml");
    std::fs::write(&settings, server.settings(&models_alone(20_000))).unwrap();
    Builder::new().embedded().data(data).set("CONFIG", settings.to_str().unwrap()).start()
}

/// Asks, and gives the id of the answer where all of it came and an engine had decided.
fn ask_until_killed(url: &str, text: &str) -> Option<String> {
    let http = reqwest::blocking::Client::builder().timeout(Duration::from_secs(20)).build().unwrap();
    let body = json!({"text": text, "allow": "engine", "deadline_ms": 10_000}).to_string();
    let reply = http.post(format!("{url}/v1/decide")).body(body).send().ok()?.text().ok()?;
    let answer: Value = serde_json::from_str(&reply).unwrap();
    let engine = answer["path"] == "engine" && answer["outcome"] == "decided";
    engine.then(|| answer["id"].as_str().unwrap().to_owned())
}

/// The texts of the entries that engines made, and of the records of what they decided. Nothing may be damaged.
fn kept(data: &Path) -> (BTreeSet<String>, BTreeSet<String>) {
    let config = Config::load(None, &Overrides::default()).unwrap();
    let store = store::open(&config.store.embedded, &data.join("store"), Clock::System).unwrap();
    let (mut entries, mut decided) = (BTreeSet::new(), BTreeSet::new());
    for kind in [RecordKind::Entry, RecordKind::Decision] {
        let mut visit = |record: Result<Record, _>| {
            match record.unwrap_or_else(|error| panic!("a record is damaged: {error}")) {
                Record::Entry(stored) if stored.entry.provenance == Provenance::Engine => {
                    entries.insert(stored.entry.text.to_string());
                }
                Record::Decision(record) => {
                    let answer: Value = serde_json::from_str(record.answer.get()).unwrap();
                    let request: Value = serde_json::from_str(record.request.get()).unwrap();
                    if answer["path"] == "engine" && answer["outcome"] == "decided" {
                        decided.insert(request["text"].as_str().unwrap().to_owned());
                    }
                }
                _ => {}
            }
            ControlFlow::Continue(())
        };
        store.scan(kind, &mut visit).unwrap();
    }
    (entries, decided)
}

#[test]
fn an_engine_s_answer_is_kept_whole_or_not_at_all_in_40_kills_around_its_end() {
    let folder = TempDir::new().unwrap();
    let (data, server) = (folder.path().join("d"), ChatServer::start(Manner::Answers(5)));
    let mut random = fastrand::Rng::with_seed(20_261_122);
    let mut told: BTreeMap<String, String> = BTreeMap::new();
    let mut cut_short = 0;
    for round in 0..KILLS {
        let service = start(&data, &server);
        let asking: Vec<_> = (0..HEADLINES)
            .map(|n| {
                let (url, text) = (service.url.clone(), text(round, n));
                std::thread::spawn(move || {
                    std::thread::sleep(Duration::from_millis(APART_MS * n));
                    (ask_until_killed(&url, &text), text)
                })
            })
            .collect();
        std::thread::sleep(Duration::from_millis(random.u64(10..KILLED_WITHIN_MS)));
        service.kill();
        let answered: Vec<_> =
            asking.into_iter().map(|asking| asking.join().unwrap()).filter_map(|(id, text)| Some((text, id?))).collect();
        cut_short += u64::from((1..HEADLINES as usize).contains(&answered.len()));
        told.extend(answered);
        let (entries, decided) = kept(&data);
        assert_eq!(entries, decided, "round {round}: an entry and the record of its decision are kept together");
        let lost: Vec<&String> = told.keys().filter(|text| !entries.contains(*text)).collect();
        assert!(lost.is_empty(), "round {round}: told and lost: {lost:?}");
    }
    println!("{} answers told in {KILLS} kills, {cut_short} of which fell among the answers of a round", told.len());
    assert!(
        told.len() > 20 && cut_short > 5,
        "the kills fell where they show nothing: {} told, {cut_short} cut short",
        told.len()
    );

    let service = start(&data, &server);
    for (text, id) in &told {
        let answer = service.decide(&json!({"text": text, "allow": "fast"}));
        assert_eq!(answer["path"], "exact", "told and lost: {text}");
        assert_eq!(service.get(&format!("/v1/decisions/{id}")).json()["outcome"], "decided");
    }
    assert_eq!(service.get("/health/ready").json()["parts"]["cache"]["damaged_records"], 0);
}
