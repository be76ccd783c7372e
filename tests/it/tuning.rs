//! Tuning on a stream whose right answers are known by construction.

use super::service::{Builder, binary, project};
use serde_json::{Value, json};
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};
use tempfile::TempDir;

const STRATEGY: &str = r#"# What a question is about.
name = "s"
version = 1   # its first
composition = "sum"
deadline_ms = 5000
facts = false

[thresholds]
tau = 0.99
tau_fresh = 0.99

[[slots]]
role = "context"
latest = 1
weight = 0.30

[[slots]]
role = "fresh"
weight = 0.70
"#;

const TOPICS: u64 = 12;

/// Words of a topic, of which a row takes most, and a word of its own.
fn text(topic: u64, choice: u64) -> String {
    let words: Vec<String> = (0..6).filter(|k| *k != choice % 6).map(|k| format!("word{topic}x{k}")).collect();
    format!("{} own{choice}", words.join(" "))
}

/// A stream of topics; every twentieth row mixes the words of two of them, and its label is a matter of chance.
fn stream(rows: u64) -> String {
    let row = |i: u64| {
        let (topic, other) = (i * 7 % TOPICS, (i * 5 + 3) % TOPICS);
        let text = if i.is_multiple_of(20) {
            format!("word{topic}x1 word{topic}x2 word{other}x1 word{other}x2 own{i}")
        } else {
            text(topic, i)
        };
        json!({"text": text, "label": format!("topic {}", if i.is_multiple_of(40) { other } else { topic })}).to_string()
    };
    (0..rows).map(row).collect::<Vec<_>>().join("\n")
}

struct Scene {
    folder: TempDir,
}

impl Scene {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        fs::create_dir(folder.path().join("strategies")).unwrap();
        fs::write(folder.path().join("strategies/s.toml"), STRATEGY).unwrap();
        fs::write(folder.path().join("stream.ndjson"), stream(500)).unwrap();
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    fn calibration(&self) -> Value {
        serde_json::from_str(&self.read("strategies/s.calibration.json")).unwrap()
    }

    fn tune(&self, arguments: &[&str]) -> Output {
        let output = Command::new(binary())
            .args(["tune", "stream.ndjson", "--strategy", "s"])
            .args(arguments)
            .current_dir(self.folder.path())
            .env("INSTINCT_STRATEGIES__DIR", self.path("strategies"))
            .env("INSTINCT_STRATEGIES__DEFAULT", "s")
            .env("INSTINCT_EMBED__MODEL", "hashing-384")
            .env("INSTINCT_EMBED__RUNTIME_DIR", project().join("runtime"))
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        output
    }

    fn service(&self) -> Builder {
        Builder::new().strategies(&self.path("strategies")).set("STRATEGIES__DEFAULT", "s")
    }
}

#[test]
fn a_tuned_strategy_starts_and_serves_and_one_that_changed_since_is_refused_by_its_field() {
    let scene = Scene::new();
    let output = scene.tune(&["--error-budget", "0.05", "--apply", "--json", "--report", "out"]);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["requests"], json!([100, 200, 200]));
    assert_eq!(report, serde_json::from_str::<Value>(&scene.read("out/tuning.json")).unwrap());
    let calibration = scene.calibration();
    assert_eq!(calibration["acceptance"]["state"], "proven", "{}", calibration["why"]);
    assert_eq!(calibration["learnt_for"]["error_budget"], 0.05);
    let outcome = |name: &str| {
        let all = report["outcomes"].as_array().unwrap();
        let of = &all.iter().find(|outcome| outcome["name"] == name).unwrap();
        (of["tally"]["hit_rate"]["rate"].as_f64().unwrap(), of["wrong_of_hits"]["rate"].as_f64().unwrap_or(0.0))
    };
    let ((before, _), (tuned, wrong)) = (outcome("before"), outcome("tuned"));
    assert!(tuned > before + 0.3 && wrong <= 0.05, "{before} {tuned} {wrong}");

    let written = scene.read("strategies/s.toml");
    assert!(
        written.contains("version = 1   # its first") && written.contains("calibration = \"s.calibration.json\""),
        "{written}"
    );
    let service = scene.service().start();
    for choice in 0..6 {
        let decision = json!({"kind": "report", "text": "topic 3", "sections": {}});
        service.remember(&json!({"text": text(3, choice), "strategy": "s", "decision": decision}));
    }
    let answer = service.decide(&json!({"text": text(3, 100), "strategy": "s"}));
    assert_eq!(answer["decision"]["text"], "topic 3", "{answer}");
    let budget = answer["match"]["gates"].as_array().unwrap().iter().find(|gate| gate["gate"] == "budget").unwrap();
    assert_eq!(budget["passed"], true);
    drop(service);

    fs::write(scene.path("strategies/s.toml"), written.replace("0.30", "0.40").replace("0.70", "0.60")).unwrap();
    let (_, said) = scene.service().fail_to_start();
    assert!(said.contains("/learnt_for/weights") && said.contains("tune again"), "{said}");
    scene.tune(&["--apply"]);
    assert_eq!(scene.calibration()["learnt_for"]["error_budget"], 0.05, "the strategy's own budget is the default");
    drop(scene.service().start());
}

#[test]
fn a_budget_out_of_reach_is_no_failure_and_the_calibration_says_why() {
    let scene = Scene::new();
    let output = scene.tune(&["--error-budget", "0.001"]);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.contains("The budget is not attainable on these data") && said.contains("error_budget = 0.001"), "{said}");
    let calibration = scene.calibration();
    assert_eq!(calibration["acceptance"]["state"], "unattainable");
    assert!(calibration["acceptance"]["reason"].as_str().unwrap().contains("takes"), "{calibration}");
    assert_eq!(scene.read("strategies/s.toml"), STRATEGY, "without --apply the file stays as it is");
}

#[test]
fn the_same_data_and_seed_give_the_same_calibration_and_floors_alone_write_none() {
    let scene = Scene::new();
    let learnt = || {
        scene.tune(&["--error-budget", "0.05"]);
        let mut calibration = scene.calibration();
        calibration["made_at"].take();
        calibration
    };
    assert_eq!(learnt(), learnt());
    fs::remove_file(scene.path("strategies/s.calibration.json")).unwrap();
    let output = scene.tune(&["--error-budget", "0.05", "--floors-only"]);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.contains("[thresholds] tau_fresh = ") && !said.contains("error_budget ="), "{said}");
    assert!(!scene.path("strategies/s.calibration.json").exists());
}

#[test]
fn what_is_typed_wrong_is_bad_usage() {
    let scene = Scene::new();
    let code = |arguments: &[&str]| {
        Command::new(binary()).arg("tune").args(arguments).current_dir(scene.folder.path()).output().unwrap()
    };
    assert_eq!(code(&[]).status.code(), Some(2));
    assert_eq!(code(&["stream.ndjson", "--error-budget", "0.5"]).status.code(), Some(2));
    assert_eq!(code(&["stream.ndjson", "--strategy", "none"]).status.code(), Some(2));
}
