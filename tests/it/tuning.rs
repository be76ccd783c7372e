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

/// A stream of windows: two events fill the slot of news, and the later is the fresh text. Four topics of eight words, of which an event
/// leaves out one or two: sixty-four words and places, so that half of 128 dimensions hold all there is.
fn windows(rows: u64) -> String {
    let row = |i: u64| {
        let topic = i * 7 % 4;
        let event = |of: u64| {
            let said = (0..8).filter(|k| *k != of % 8 && *k != of / 8 % 8).map(|k| format!("word{topic}x{k}"));
            let summary = said.collect::<Vec<_>>().join(" ");
            json!({"datetime_est": format!("2025-03-{:02} 08:{:02}:00", 1 + i / 24, of % 60), "summary": summary})
        };
        let at = format!("2025-03-{:02} {:02}:30:00", 1 + i / 24, i % 24);
        let signal = i64::try_from(topic % 3).unwrap() - 1;
        json!({"datetime_est": at, "signal": signal, "conviction": 0.5, "events": [event(i), event(i + 1)]}).to_string()
    };
    (0..rows).map(row).collect::<Vec<_>>().join("\n")
}

struct Scene {
    folder: TempDir,
    model: &'static str,
}

impl Scene {
    fn new() -> Self {
        Self::of("hashing-384", STRATEGY, &stream(500))
    }

    /// Two slots side by side, of an embedder with few dimensions.
    fn side_by_side() -> Self {
        let strategy =
            STRATEGY.replace("\"sum\"", "\"concat\"").replace("\"context\"", "\"news\"").replace("latest = 1", "latest = 2");
        Self::of("hashing-64", &strategy, &windows(400))
    }

    fn of(model: &'static str, strategy: &str, stream: &str) -> Self {
        let folder = TempDir::new().unwrap();
        fs::create_dir(folder.path().join("strategies")).unwrap();
        fs::write(folder.path().join("strategies/s.toml"), strategy).unwrap();
        fs::write(folder.path().join("stream.ndjson"), stream).unwrap();
        Self { folder, model }
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
            .env("INSTINCT_EMBED__MODEL", self.model)
            .env("INSTINCT_EMBED__RUNTIME_DIR", project().join("runtime"))
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        output
    }

    fn service(&self) -> Builder {
        Builder::new().strategies(&self.path("strategies")).set("STRATEGIES__DEFAULT", "s").set("EMBED__MODEL", self.model)
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
    let learnt = |scene: &Scene| {
        scene.tune(&["--error-budget", "0.05"]);
        let mut calibration = scene.calibration();
        calibration["made_at"].take();
        calibration
    };
    let projected = Scene::side_by_side();
    assert_eq!(learnt(&projected), learnt(&projected));
    assert!(projected.calibration().get("projection").is_some());
    let scene = Scene::new();
    assert_eq!(learnt(&scene), learnt(&scene));
    fs::remove_file(scene.path("strategies/s.calibration.json")).unwrap();
    let output = scene.tune(&["--error-budget", "0.05", "--floors-only"]);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.contains("[thresholds] tau_fresh = ") && !said.contains("error_budget ="), "{said}");
    assert!(!scene.path("strategies/s.calibration.json").exists());
}

#[test]
fn a_projection_that_was_learnt_composes_what_is_written_and_asked_and_entries_of_another_are_never_met() {
    let scene = Scene::side_by_side();
    let report: Value = serde_json::from_slice(&scene.tune(&["--error-budget", "0.05", "--apply", "--json"]).stdout).unwrap();
    let tried = report["tried"].as_array().unwrap();
    let chosen = tried.iter().find(|tried| tried["chosen"] == true).unwrap();
    assert_eq!((chosen["projected"].as_bool(), chosen["vector_bytes"].as_u64()), (Some(true), Some(256)), "{}", report["why"]);
    assert!(report["why"].as_str().unwrap().contains("A projection to 64 of 128 dimensions"), "{}", report["why"]);
    assert_eq!(report["calibration"]["projection"].get("matrix"), None, "nobody reads a matrix in a report");
    let calibration = scene.calibration();
    let learnt = &calibration["projection"];
    assert_eq!((learnt["from"].as_u64(), learnt["to"].as_u64()), (Some(128), Some(64)));
    assert!(learnt["explained"].as_f64().unwrap() >= 0.95);

    let data = scene.path("data");
    let entry = json!({"text": "word3x1 word3x2", "strategy": "s", "context": ["c"],
        "decision": {"kind": "trade", "signal": 1, "conviction": 0.5, "reasoning": "a test"}});
    let asked = json!({"text": "word3x1 word3x2", "strategy": "s", "context": ["c"]});
    let first = scene.service().data(&data).start();
    let news = json!({"role": "news", "text": "word3x0 word3x4"}).to_string();
    assert_eq!(first.request("PUT", "/v1/components/c", news).status, 201);
    let id = first.remember(&entry);
    let told = first.get("/v1/strategies/s").json();
    assert_eq!((told["entries"].as_u64(), told["calibration"]["projection"]["to"].as_u64()), (Some(1), Some(64)));
    assert_eq!(told["calibration"]["projection"].get("matrix"), None);
    let found = first.post("/v1/entries/search", &asked).json();
    assert_eq!(first.terminate(), Some(0));

    let again = scene.service().data(&data).start();
    assert_eq!(again.decide(&asked)["match"]["entry"], *id);
    assert_eq!(again.post("/v1/entries/search", &asked).json()["results"], found["results"]);
    assert_eq!(again.terminate(), Some(0));

    let mut whole = calibration.clone();
    whole.as_object_mut().unwrap().remove("projection");
    fs::write(scene.path("strategies/s.calibration.json"), whole.to_string()).unwrap();
    let without = scene.service().data(&data).start();
    let now = without.get("/v1/strategies/s").json();
    assert_eq!(now["entries"], 0, "an entry of fewer dimensions is in another partition");
    assert_ne!(now["partition"], told["partition"]);
    assert_eq!(without.decide(&asked)["outcome"], "abstained");
    drop(without);

    let mut damaged = calibration;
    damaged["projection"]["digest"] = json!("00");
    fs::write(scene.path("strategies/s.calibration.json"), damaged.to_string()).unwrap();
    let (_, said) = scene.service().fail_to_start();
    assert!(said.contains("/projection/digest") && said.contains("s.calibration.json"), "{said}");
}

#[test]
fn a_slot_that_the_data_never_fill_is_not_forgotten_by_a_projection() {
    let strategy = STRATEGY.replace("\"sum\"", "\"concat\"");
    let scene = Scene::of("hashing-64", &strategy, &stream(500));
    let said = String::from_utf8_lossy(&scene.tune(&["--error-budget", "0.05"]).stdout).into_owned();
    assert!(said.contains("the data never fill the slot of role \"context\""), "{said}");
    assert_eq!(scene.calibration().get("projection"), None);
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
