//! An evaluation of a few rows that can be counted by hand.

use super::service::{binary, project};
use instinct::config::{Config, Overrides};
use instinct::embed;
use instinct::eval::dataset::{Reading, Rows, read};
use instinct::eval::observe::{Observer, Sample};
use instinct::eval::{Workbench, stream};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

const STRATEGY: &str = r#"
    name = "s"
    version = 1
    composition = "sum"
    deadline_ms = 500
    facts = false
    thresholds = { tau = 0.5, tau_fresh = 0.5 }
    slots = [{ role = "fresh", weight = 1.0 }]
"#;

/// A miss, a right exact hit, a wrong exact hit, a miss, a bad line, and a right hit by meaning.
const STREAM: &str = r#"{"text":"alpha beta gamma delta","label":"x","at":"2026-01-01T00:00:00Z"}
{"text":"alpha beta gamma delta","label":"x","at":"2026-01-01T00:00:01Z"}
{"text":"alpha beta gamma delta","label":"y","at":"2026-01-01T00:00:02Z"}
{"text":"omega psi chi phi","label":"z","at":"2026-01-01T00:00:03Z"}
nonsense </script><script>alert(1)</script>
{"text":"alpha beta gamma delta epsilon","label":"x","at":"2026-01-01T00:00:04Z"}
"#;

const PAIRS: &str = r#"{"a":"alpha beta gamma delta","b":"alpha beta gamma delta epsilon","same":true,"class":"near"}
{"a":"alpha beta gamma delta","b":"omega psi chi phi","same":false,"class":"far"}
{"a":"alpha beta gamma delta","b":"alpha beta gamma delta </script> epsilon","same":false,"class":"trap"}
"#;

struct Scene {
    folder: TempDir,
}

impl Scene {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        fs::create_dir(folder.path().join("strategies")).unwrap();
        fs::write(folder.path().join("strategies/s.toml"), STRATEGY).unwrap();
        fs::write(folder.path().join("stream.ndjson"), STREAM).unwrap();
        fs::write(folder.path().join("pairs.ndjson"), PAIRS).unwrap();
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn eval(&self, arguments: &[&str]) -> Output {
        Command::new(binary())
            .arg("eval")
            .args(arguments)
            .current_dir(self.folder.path())
            .env("INSTINCT_STRATEGIES__DIR", self.path("strategies"))
            .env("INSTINCT_STRATEGIES__DEFAULT", "s")
            .env("INSTINCT_EMBED__MODEL", "hashing-384")
            .env("INSTINCT_EMBED__RUNTIME_DIR", project().join("runtime"))
            .output()
            .unwrap()
    }
}

fn counts(value: &Value, shares: &[&str]) -> Vec<(u64, u64)> {
    shares.iter().map(|name| (value[name]["count"].as_u64().unwrap(), value[name]["of"].as_u64().unwrap())).collect()
}

#[test]
fn a_stream_and_pairs_give_the_figures_that_a_person_counts() {
    let scene = Scene::new();
    let output = scene.eval(&["stream.ndjson", "pairs.ndjson", "--taus", "0.5,0.999", "--json", "--report", "out"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.contains("stream.ndjson:5: "), "{said}");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((report["version"].as_u64(), report["data"][0]["bad"].as_u64()), (Some(1), Some(1)));

    let stream = &report["streams"][0];
    let shares = ["hit_rate", "error", "precision_per_hit", "precision_exact", "precision_by_meaning", "agreement", "abstention"];
    assert_eq!(counts(&stream["tally"], &shares), [(3, 5), (1, 5), (2, 3), (1, 2), (1, 1), (4, 5), (2, 5)]);
    assert_eq!(counts(&stream["curve"][1]["tally"], &["hit_rate", "error"]), [(2, 5), (1, 5)]);
    assert_eq!(
        stream["gates"],
        serde_json::json!([
        {"gate": "floors", "nearest_right": 0, "nearest_wrong": 1, "all_right": 0, "all_wrong": 1}])
    );
    assert_eq!(stream["wrong"][0]["line"], 3);
    let baseline = |i: usize| counts(&stream["baselines"][i]["tally"], &["hit_rate", "error"]);
    assert_eq!(baseline(0), [(5, 5), (2, 5)], "the most common is x");
    assert_eq!(baseline(1), [(4, 5), (3, 5)], "the last is repeated");
    assert_eq!(baseline(2), [(2, 5), (1, 5)], "exact match");
    assert_eq!(baseline(3), [(3, 5), (1, 5)], "plain cosine");
    assert_eq!(baseline(4), [(0, 5), (0, 5)], "vCache has seen too little");
    assert_eq!(stream["cumulative"].as_array().unwrap().last().unwrap()["error"]["count"], 1);

    let classes = report["pairs"]["classes"].as_array().unwrap();
    let of: Vec<_> =
        classes.iter().map(|c| (c["class"].as_str().unwrap(), counts(c, &["same_served", "different_served"]))).collect();
    assert_eq!(
        of,
        [
            ("near", vec![(1, 1), (0, 0)]),
            ("far", vec![(0, 0), (0, 1)]),
            ("trap", vec![(0, 0), (1, 1)]),
            ("all", vec![(1, 1), (1, 2)])
        ]
    );
    holds_the_report(&scene.path("out"), &report);
}

/// The page must carry the same data, and texts of the data must not break out of it.
fn holds_the_report(folder: &Path, report: &Value) {
    let written: Value = serde_json::from_slice(&fs::read(folder.join("report.json")).unwrap()).unwrap();
    assert_eq!(&written, report);
    let page = fs::read_to_string(folder.join("report.html")).unwrap();
    let (_, from) = page.split_once(r#"<script type="application/json" id="report">"#).unwrap();
    let (json, _) = from.split_once("</script>").unwrap();
    assert_eq!(&serde_json::from_str::<Value>(json).unwrap(), report);
    assert!(!page.contains("@@"), "a mark of the page was not filled");
    for attribute in ["src=\"http", "href=\"http", "@import", "url(http"] {
        assert!(!page.contains(attribute), "the page fetches something: {attribute}");
    }
}

#[test]
fn an_evaluation_repeats_itself_but_for_its_times() {
    let scene = Scene::new();
    let figures = || {
        let output = scene.eval(&["stream.ndjson", "--json", "--max-curve-requests", "0"]);
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        (report["streams"][0]["tally"].clone(), report["streams"][0]["baselines"].clone(), report["data"].clone())
    };
    assert_eq!(figures(), figures());
}

#[test]
fn what_is_typed_wrong_and_what_fails_have_exit_codes_of_their_own() {
    let scene = Scene::new();
    assert_eq!(scene.eval(&[]).status.code(), Some(2));
    assert_eq!(scene.eval(&["stream.ndjson", "--error-budget", "2"]).status.code(), Some(2));
    assert_eq!(scene.eval(&["stream.ndjson", "--strategy", "none"]).status.code(), Some(2));
    assert_eq!(scene.eval(&["nothing.ndjson"]).status.code(), Some(1));
    fs::write(scene.path("poem.txt"), "a poem\nin two lines\n").unwrap();
    let output = scene.eval(&["poem.txt"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("--kind"), "{output:?}");
}

/// Six hundred questions of ten families, each in words of its own, and all of one family with one label.
fn families() -> String {
    let row = |i: usize| {
        let (family, minute, second) = (i * 7 % 10, i / 60, i % 60);
        format!(
            "{{\"text\":\"alpha{family} beta{family} gamma{family} delta{family} word{i}\",\"label\":\"label {family}\",\
             \"at\":\"2026-01-01T00:{minute:02}:{second:02}Z\"}}\n"
        )
    };
    (0..600).map(row).collect()
}

#[test]
fn an_error_budget_starts_closed_learns_from_what_is_asked_anyway_and_is_held() {
    let scene = Scene::new();
    fs::write(scene.path("strategies/s.toml"), STRATEGY.replace("0.5, tau_fresh = 0.5", "0.95, tau_fresh = 0.95")).unwrap();
    fs::write(scene.path("families.ndjson"), families()).unwrap();
    let figures = |arguments: &[&str]| {
        let output = scene.eval(&[&["families.ndjson", "--json", "--max-curve-requests", "0"], arguments].concat());
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        report["streams"][0].clone()
    };
    let stream = figures(&["--error-budget", "0.2"]);
    let budget = &stream["error_budget"];
    assert_eq!((&budget["rules"]["start"], &budget["state"]["state"]), (&"closed".into(), &"open".into()), "{budget}");
    assert_eq!((&budget["held_late"], &budget["held_whole"]), (&true.into(), &true.into()), "{budget}");
    assert_eq!(budget["course"][0]["state"], "exact_only");
    let hits = |kept: &Value| (kept["hits"]["count"].as_u64().unwrap(), kept["hits"]["of"].as_u64().unwrap());
    let (late, of) = hits(&budget["late"]);
    assert!(of == 240 && late > 200, "{budget}");
    assert!(hits(&budget["whole"]).0 < 400, "nothing near may be served before something is proven: {budget}");
    assert!(budget["state"]["samples"]["engine"]["n"].as_u64().unwrap() >= 200, "{budget}");
    assert!(budget["state"]["samples"]["shadow"]["n"].as_u64().unwrap() > 0, "{budget}");
    assert_eq!(budget["beside"].as_array().unwrap().len(), 2);
    let again = figures(&["--error-budget", "0.2"]);
    assert_eq!((&again["tally"], &again["error_budget"]), (&stream["tally"], budget));
    let without = figures(&["--error-budget", "0.2", "--no-budget"]);
    assert_eq!((&without["error_budget"], &without["tally"]["hit_rate"]["count"]), (&Value::Null, &0.into()));
    assert_eq!(figures(&[])["error_budget"], Value::Null);
}

#[test]
fn where_near_misses_vote_the_curve_runs_along_the_share_of_the_winner() {
    let scene = Scene::new();
    let vote = "[vote]\nalone = true\nfloor = 0.5\nevidence_min = 0.01\n";
    fs::write(scene.path("strategies/s.toml"), format!("{STRATEGY}\n{vote}")).unwrap();
    fs::write(scene.path("families.ndjson"), families()).unwrap();
    let output = scene.eval(&["families.ndjson", "--json", "--limit", "80", "--taus", "0.9"]);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let curve = report["streams"][0]["curve"].as_array().unwrap();
    let shares: Vec<f64> = curve.iter().map(|point| point["share_min"].as_f64().unwrap()).collect();
    assert!(shares.len() > 10 && shares[0] <= 0.5 && shares[shares.len() - 1] >= 0.98, "{shares:?}");
    let hits: Vec<u64> = curve.iter().map(|point| point["tally"]["hit_rate"]["count"].as_u64().unwrap()).collect();
    assert!(hits[0] > 50 && hits[hits.len() - 1] < hits[0], "{hits:?}");
    let text = scene.eval(&["families.ndjson", "--limit", "80", "--taus", "0.9"]);
    let text = String::from_utf8_lossy(&text.stdout).into_owned();
    assert!(text.contains("agreement") && text.contains("share_min 0.500"), "{text}");
}

/// What an observer was shown of each request: candidates, those of them that are right, what was served.
#[derive(Default)]
struct Gathered(Vec<(usize, usize, Option<bool>)>);

impl Observer for Gathered {
    fn candidates(&self) -> usize {
        8
    }

    fn observe(&mut self, sample: &Sample<'_>) {
        let right = sample.candidates.iter().filter(|near| near.right).count();
        self.0.push((sample.candidates.len(), right, sample.served));
    }
}

#[tokio::test]
async fn an_observer_sees_the_candidates_of_each_request_before_its_row_is_stored() {
    let scene = Scene::new();
    let mut config = Config::load(None, &Overrides::default()).unwrap();
    config.strategies.dir = scene.path("strategies");
    config.strategies.default = "s".to_owned();
    config.embed.model = "hashing-384".to_owned();
    let bench = Workbench::with_embedder(&config, embed::open(&config.embed).unwrap()).unwrap();
    let Rows::Stream(rows) = read(&scene.path("stream.ndjson"), &Reading::default()).unwrap().rows else {
        panic!("a stream was read as pairs")
    };
    let mut gathered = Gathered::default();
    let floors = bench.strategy().thresholds;
    let replay = stream::replay(&bench, &rows, floors, &mut gathered, &mut |_| {}).await.unwrap();
    assert_eq!(replay.judged.len(), 5);
    assert_eq!(gathered.0, [(0, 0, None), (1, 1, Some(true)), (1, 0, Some(false)), (1, 0, None), (2, 1, Some(true))]);
}

#[test]
fn a_replay_with_engines_tells_what_each_step_answered_and_how_much_of_it_agrees() {
    let scene = Scene::new();
    let row = |text: &str, signal: i8, second: u8| {
        format!(
            r#"{{"text":"{text}","decision":{{"kind":"trade","signal":{signal},"conviction":0.5}},"at":"2026-01-01T00:00:0{second}Z"}}"#
        )
    };
    let rows = [
        row("Acme Semiconductor beats earnings estimates and raises its full-year guidance", 1, 0),
        row("Acme Semiconductor tops earnings estimates and lifts its full-year guidance", 1, 1),
        row("Acme Semiconductor beats earnings estimates and raises its full-year guidance", -1, 2),
    ];
    fs::write(scene.path("news.ndjson"), rows.join("\n")).unwrap();
    let output = Command::new(binary())
        .args(["eval", "news.ndjson", "--kind", "stream", "--engines", "--json", "--max-curve-requests", "0"])
        .current_dir(scene.folder.path())
        .env("INSTINCT_STRATEGIES__DIR", project().join("strategies"))
        .env("INSTINCT_EMBED__RUNTIME_DIR", project().join("runtime"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let engines = &report["streams"][0]["engines"];
    let of = |path: &str| {
        let found = engines["by_path"].as_array().unwrap().iter().find(|tally| tally["path"] == path);
        found.map(|tally| (tally["answered"]["count"].as_u64().unwrap(), tally["agreement"]["count"].as_u64().unwrap()))
    };
    assert_eq!((of("engine"), of("fast"), of("exact")), (Some((1, 1)), Some((1, 1)), Some((1, 0))), "{engines}");
    assert_eq!((&engines["reached_an_engine"]["count"], &engines["abstained"]["count"]), (&1.into(), &0.into()));
}
