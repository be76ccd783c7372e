//! A classifier of what the agents say: learnt by the command, taken by the engine that it was learnt with, and by no other.

use super::service::{binary, project};
use instinct::app::engines;
use instinct::config::{Config, Overrides};
use instinct::embed;
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use tempfile::TempDir;

/// Headlines on coins of which good ones rise and bad ones fall, but for every seventh.
fn rows() -> String {
    let coins = [("Bitcoin", "BTC"), ("Ethereum", "ETH"), ("Solana", "SOL")];
    let news = [
        ("{} jumps to a record as funds take in fresh money", 1),
        ("{} plunges after an exchange stops withdrawals", -1),
        ("{} developers publish the minutes of their meeting", 0),
        ("{} rallies on strong demand", 1),
        ("{} slumps as regulators sue the issuer", -1),
    ];
    let row = |i: usize| {
        let ((coin, instrument), (pattern, signal)) = (coins[i % 3], news[i % 5]);
        let outcome = if i.is_multiple_of(7) { -signal } else { signal };
        let (day, hour) = (1 + i / 24, i % 24);
        let at = format!("2024-01-{day:02}T{hour:02}:00:00Z");
        json!({"text": pattern.replace("{}", coin), "at": at, "instrument": instrument, "outcome": outcome}).to_string()
    };
    (0..300).map(row).collect::<Vec<_>>().join("\n")
}

fn tune(folder: &Path, arguments: &[&str]) -> Output {
    let runtime = project().join("runtime");
    fs::write(folder.join("news.ndjson"), rows()).unwrap();
    Command::new(binary())
        .args(["tune", "--aggregator", "news.ndjson"])
        .args(arguments)
        .current_dir(folder)
        .env("INSTINCT_RUNTIME_DIR", runtime)
        .env("INSTINCT_STRATEGIES__DIR", project().join("strategies"))
        .output()
        .unwrap()
}

/// Whether a service with the real model starts with this classifier.
fn started(folder: &Path, classifier: &Value) -> Result<(), String> {
    fs::write(folder.join("taken.json"), classifier.to_string()).unwrap();
    let mut config = Config::load(None, &Overrides::default()).unwrap();
    config.strategies.dir = folder.to_owned();
    config.embed.runtime_dir = project().join("runtime");
    config.engine.trading.aggregate.classifier = Some("taken.json".into());
    let embedder = embed::open(&config.embed).unwrap();
    engines(&config, &embedder).map(drop).map_err(|error| error.to_string())
}

#[test]
fn what_is_learnt_is_the_same_twice_and_the_engine_takes_it() {
    let folder = TempDir::new().unwrap();
    let [first, second] = ["a.json", "b.json"].map(|out| {
        let output = tune(folder.path(), &["--json", "--out", out]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(report["parts"][2]["examples"], 75);
        assert!(report["threshold"].is_number(), "{report}");
        fs::read_to_string(folder.path().join(out)).unwrap()
    });
    assert_eq!(first, second);
    let mut classifier: Value = serde_json::from_str(&first).unwrap();
    assert_eq!(started(folder.path(), &classifier), Ok(()));
    classifier["learnt_with"]["head"] = json!("000000000000");
    let refused = started(folder.path(), &classifier).unwrap_err();
    assert!(refused.contains("taken.json") && refused.contains("the sentiment head 000000000000 and here is"), "{refused}");
}

#[test]
fn a_classifier_that_is_not_there_or_proved_nothing_stops_the_start() {
    let folder = TempDir::new().unwrap();
    let mut config = Config::load(None, &Overrides::default()).unwrap();
    config.strategies.dir = folder.path().to_owned();
    config.embed.runtime_dir = project().join("runtime");
    config.engine.trading.aggregate.classifier = Some("gone.json".into());
    let embedder = embed::open(&config.embed).unwrap();
    assert!(engines(&config, &embedder).unwrap_err().to_string().contains("gone.json"));
}

#[test]
fn what_belongs_to_the_other_way_to_tune_is_bad_usage() {
    let folder = TempDir::new().unwrap();
    for arguments in [["--apply", ""].as_slice(), &["--error-budget", "0.1"], &["--kind", "pairs"], &["--band", "2"]] {
        let arguments: Vec<&str> = arguments.iter().copied().filter(|a| !a.is_empty()).collect();
        assert_eq!(tune(folder.path(), &arguments).status.code(), Some(2), "{arguments:?}");
    }
}
