//! From one embedding model to another, and back.

use super::service::{Builder, Service, binary, entry, project, trade};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;

/// The data folder of one test, its model and its strategies.
struct Scene {
    _folder: TempDir,
    data: PathBuf,
    model: &'static str,
    strategies: PathBuf,
}

impl Scene {
    fn new(model: &'static str) -> Self {
        let folder = TempDir::new().unwrap();
        Self { data: folder.path().join("d"), model, strategies: project().join("strategies"), _folder: folder }
    }

    fn serve(&self) -> Service {
        Builder::new().set("EMBED__MODEL", self.model).data(&self.data).strategies(&self.strategies).start()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(binary());
        command
            .args(arguments)
            .arg("--data-dir")
            .arg(&self.data)
            .env("INSTINCT_EMBED__MODEL", self.model)
            .env("INSTINCT_EMBED__RUNTIME_DIR", project().join("runtime"))
            .env("INSTINCT_STRATEGIES__DIR", &self.strategies)
            .stdin(Stdio::null());
        command
    }

    fn run(&self, arguments: &[&str]) -> (Option<i32>, Value, String) {
        let output = self.command(arguments).arg("--json").output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.code(), serde_json::from_slice(&output.stdout).unwrap_or_default(), said)
    }

    fn good(&self, arguments: &[&str]) -> Value {
        let (code, report, said) = self.run(arguments);
        assert_eq!(code, Some(0), "{arguments:?}: {said}");
        report
    }

    fn load(&self, lines: &[String], kind: &str) {
        let file = self.data.with_extension("ndjson");
        fs::write(&file, lines.join("\n")).unwrap();
        let output = self.command(&["ingest", "--kind", kind]).arg(&file).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

fn model(service: &Service) -> String {
    service.get("/health/ready").json()["parts"]["embedder"]["model"].as_str().unwrap().to_owned()
}

fn text(i: usize) -> String {
    format!("the price of asset number {i} moves by {} percent on news of a merger", i * 7 % 101)
}

#[test]
fn another_model_is_built_beside_compared_cut_over_to_and_left_again() {
    let scene = Scene::new("hashing-384");
    let component = |id: &str| {
        json!({"id": id, "role": "context", "text": format!("Rates are high, says {id}"), "tags": ["rates"]}).to_string()
    };
    scene.load(&[component("c1"), component("c2")], "components");
    let with_context = |i: usize| json!({"text": text(i), "decision": trade(1), "context": ["c1"], "tags": ["x"]}).to_string();
    scene.load(
        &(0..200).map(|i| if i < 50 { with_context(i) } else { entry(&text(i), -1).to_string() }).collect::<Vec<_>>(),
        "entries",
    );
    let first = scene.serve();
    let wrong = first.decide(&json!({"text": text(60), "allow": "fast"}));
    assert_eq!(first.post("/v1/feedback", &json!({"decision_id": wrong["id"], "verdict": "wrong"})).status, 200);
    assert_eq!(first.decide(&json!({"text": text(61), "allow": "fast"}))["path"], "exact");
    let kept = first.decide(&json!({"text": text(3), "context": ["c1"], "allow": "fast"}));
    assert_eq!(kept["path"], "exact");
    let (code, _, said) = scene.run(&["generations", "build", "--model", "hashing-256"]);
    assert!(code == Some(1) && said.contains("is in use by another process"), "{said}");
    first.terminate();

    let built = scene.good(&["generations", "build", "--model", "hashing-256"]);
    assert_eq!(
        (built["generation"].as_u64(), built["entries"].as_u64(), built["components"].as_u64()),
        (Some(2), Some(200), Some(2)),
        "{built}"
    );
    assert_eq!((built["was"].as_str(), built["model"].as_str()), (Some("hashing-384@1"), Some("hashing-256@1")));
    let service = scene.serve();
    assert_eq!(model(&service), "hashing-384@1", "what is served has not changed");
    assert_eq!(service.decide(&json!({"text": text(61), "allow": "fast"}))["path"], "exact");
    let late = service.remember(&entry("written to the first alone", 1));
    service.terminate();

    let compared = scene.good(&["generations", "compare", "2"]);
    let asked = &compared["asked"];
    assert!(asked["questions"].as_u64() >= Some(3) && asked["same_share"] == json!(1.0), "{compared}");
    assert_eq!(compared["neighbours"]["questions"], 201, "{compared}");
    assert!(compared["neighbours"]["shift"][1].as_f64().is_some(), "{compared}");

    let used = scene.good(&["generations", "use", "2"]);
    assert_eq!((used["left"].as_u64(), used["made_since"]["entry"].as_u64()), (Some(1), Some(1)), "{used}");
    let second = scene.serve();
    assert_eq!(model(&second), "hashing-256@1", "the data say which model they need");
    let again = second.decide(&json!({"text": text(3), "context": ["c1"], "allow": "fast"}));
    assert_eq!((again["path"].as_str(), &again["decision"]), (Some("exact"), &kept["decision"]));
    assert_ne!(again["match"]["entry"], kept["match"]["entry"], "another model is another partition");
    let near = second.decide(&json!({"text": text(3).replace("on news", "on the news"), "context": ["c1"], "allow": "fast"}));
    assert_eq!((near["path"].as_str(), &near["match"]["entry"]), (Some("fast"), &again["match"]["entry"]), "{near}");
    let closed = second.decide(&json!({"text": text(60), "allow": "fast"}));
    assert_eq!(closed["outcome"], "abstained", "what was reported as wrong stays closed");
    assert_eq!(second.decide(&json!({"text": "written to the first alone", "allow": "fast"}))["outcome"], "abstained");
    assert_eq!(second.get(&format!("/v1/decisions/{}", kept["id"].as_str().unwrap())).status, 200);
    second.remember(&entry("written to the second alone", 1));
    second.terminate();

    let back = scene.good(&["generations", "use", "1"]);
    assert_eq!((back["served"].as_u64(), back["made_since"]["entry"].as_u64()), (Some(1), Some(1)), "{back}");
    let first = scene.serve();
    assert_eq!(model(&first), "hashing-384@1");
    assert_eq!(first.get(&format!("/v1/entries/{late}")).status, 200);
    assert_eq!(first.decide(&json!({"text": "written to the second alone", "allow": "fast"}))["outcome"], "abstained");
    first.terminate();
    let list = scene.good(&["generations", "list"]);
    assert_eq!(
        (list[0]["served"].as_bool(), list[1]["served"].as_bool(), list[1]["complete"].as_bool()),
        (Some(true), Some(false), Some(true))
    );
}

#[test]
fn a_build_that_was_killed_is_completed_and_holds_what_is_served_now() {
    let scene = Scene::new("hashing-384");
    scene.load(&(0..1_500).map(|i| entry(&text(i), 1).to_string()).collect::<Vec<_>>(), "entries");
    let mut random = fastrand::Rng::with_seed(7);
    for _ in 0..5 {
        let mut build = scene.command(&["generations", "build", "--model", "hashing-256"]);
        let mut child = build.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(random.u64(40..180)));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let (code, _, said) = scene.run(&["generations", "use", "2"]);
    // Where nothing had been made there is no such generation yet, which is refused as well.
    assert_eq!(code, Some(2), "{said}");
    let service = scene.serve();
    let gone = service.request("DELETE", "/v1/entries", json!({"ids": [id_of(&service, 0)], "confirm": true}).to_string());
    assert_eq!(gone.json()["deleted"], 1);
    service.terminate();
    let built = scene.good(&["generations", "build", "--model", "hashing-256"]);
    assert_eq!(built["generation"], 2, "{built}");
    let (made, here) = (built["entries"].as_u64().unwrap(), built["entries_here"].as_u64().unwrap());
    assert_eq!(made + here, 1_499, "{built}");
    scene.good(&["generations", "use", "2"]);
    let service = scene.serve();
    assert_eq!(service.get("/health/ready").json()["parts"]["cache"]["entries"], 1_499);
    assert_ne!(service.decide(&json!({"text": text(0), "allow": "fast"}))["path"], "exact", "it was deleted between two builds");
    assert_eq!(service.decide(&json!({"text": text(1_499), "allow": "fast"}))["path"], "exact");
}

fn id_of(service: &Service, i: usize) -> Value {
    service.decide(&json!({"text": text(i), "allow": "fast"}))["match"]["entry"].clone()
}

#[test]
fn a_generation_that_could_not_be_served_is_refused_with_the_reason() {
    let scene = Scene::new("hashing-384");
    let (code, _, said) = scene.run(&["generations", "build", "--model", "hashing-256"]);
    assert_eq!(code, Some(2), "{said}");
    scene.load(&[entry("a", 1).to_string()], "entries");
    for (arguments, words) in [
        (&["generations", "build", "--model", "hashing-384"][..], "already"),
        (&["generations", "use", "7"], "no generation 7"),
        (&["generations", "compare", "1"], "name another"),
    ] {
        let (code, _, said) = scene.run(arguments);
        assert!(code == Some(2) && said.contains(words), "{arguments:?}: {said}");
    }
    let (code, _, said) = scene.run(&["generations", "build", "--model", "no-such-model"]);
    assert!(code == Some(1) && said.contains("no-such-model"), "{said}");
    scene.good(&["generations", "build", "--model", "hashing-256"]);
    fs::write(scene.data.join("current"), "9\n").unwrap();
    let (code, said) = Builder::new().data(&scene.data).fail_to_start();
    assert!(code == Some(1) && said.contains("current says"), "it is never guessed: {said}");
}

#[test]
fn the_same_model_in_another_precision_comes_to_nearly_the_same() {
    let scene = Scene::new("all-minilm-l6-v2-int8");
    let sample = |name: &str| fs::read_to_string(project().join("sample").join(name)).unwrap();
    let lines = |name: &str| sample(name).lines().map(ToOwned::to_owned).collect::<Vec<_>>();
    scene.load(&lines("components.ndjson"), "components");
    scene.load(&lines("entries.ndjson"), "entries");
    scene.good(&["generations", "build", "--model", "all-minilm-l6-v2-fp32"]);
    let questions = Path::new("sample/requests.ndjson");
    let compared = scene.good(&["generations", "compare", "2", "--questions", &project().join(questions).display().to_string()]);
    let asked = &compared["asked"];
    assert!(asked["both"].as_u64() > Some(10) && asked["same_decision"] == asked["both"], "{asked}");
    assert!(asked["same_share"].as_f64() > Some(0.9), "{asked}");
}
