//! Fitted models over HTTP: the worked examples of the seed from the sample data, what invalidates a fit, and what is refused.

use super::service::{Builder, Reply, Service, project};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};
use tempfile::TempDir;

const CSV: (&str, &str) = ("Content-Type", "text/csv");

/// A service with these data sets of the sample. It fits only when it is asked, so that a test knows why there is a version.
fn service(builder: Builder, datasets: &[&str]) -> Service {
    // An unoptimised build on a busy machine fits slowly.
    let service = builder.set("ENGINE__NUMERIC__SCHEDULE", "false").set("ENGINE__NUMERIC__PATIENCE", "20").start();
    for dataset in datasets {
        put_sample(&service, dataset);
    }
    service
}

/// The text of a data set of the sample.
fn sample(dataset: &str) -> String {
    let path = project().join(format!("sample/datasets/{dataset}.csv"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Puts a data set of the sample, as it lies there: some are compressed.
fn put_sample(service: &Service, dataset: &str) {
    let packed = project().join(format!("sample/datasets/{dataset}.csv.gz"));
    match std::fs::read(packed) {
        Ok(bytes) => {
            taken(dataset, &service.send("PUT", &format!("/v1/datasets/{dataset}"), &[CSV, ("Content-Encoding", "gzip")], bytes))
        }
        Err(_) => put(service, dataset, &sample(dataset)),
    }
}

fn put(service: &Service, dataset: &str, csv: &str) {
    taken(dataset, &service.send("PUT", &format!("/v1/datasets/{dataset}"), &[CSV], csv.to_owned().into_bytes()));
}

fn taken(dataset: &str, reply: &Reply) {
    assert!(reply.status < 300, "{dataset}: {}", reply.text);
}

/// The data sets that a case takes, as the catalogue says.
fn datasets_of(service: &Service, case: &str) -> Vec<String> {
    let catalogue = service.get("/v1/numeric").json();
    let found =
        catalogue["cases"].as_array().unwrap().iter().find(|one| one["id"] == case).unwrap_or_else(|| panic!("no {case}"));
    let inputs = found["inputs"].as_object().unwrap().values().filter(|input| input["optional"] != true);
    inputs.map(|input| input["dataset"].as_str().unwrap().to_owned()).collect::<BTreeSet<_>>().into_iter().collect()
}

fn with_cases(builder: Builder, cases: &[&str]) -> Service {
    let service = service(builder, &[]);
    let datasets: BTreeSet<String> = cases.iter().flat_map(|case| datasets_of(&service, case)).collect();
    for dataset in datasets {
        put_sample(&service, &dataset);
    }
    service
}

fn ask(service: &Service, text: &str) -> Value {
    let reply = service.post("/v1/decide", &json!({"text": text, "strategy": "numeric", "deadline_ms": 50_000}));
    assert_eq!(reply.status, 200, "{}", reply.text);
    reply.json()
}

/// How long a slow machine may take for one fit.
const FITTED_WITHIN: Duration = Duration::from_secs(300);

/// The answer to a request that is made again while the fit goes on.
fn fitted(service: &Service, path: &str) -> Reply {
    let since = Instant::now();
    loop {
        let reply = service.get(path);
        if reply.status != 504 {
            return reply;
        }
        assert!(since.elapsed() < FITTED_WITHIN, "{}", reply.text);
    }
}

/// The fit once it is as it should be: a slow machine tells the stale one while the next is made.
fn until(service: &Service, path: &str, as_it_should_be: impl Fn(&Value) -> bool) -> Value {
    let since = Instant::now();
    loop {
        let fit = fitted(service, path).json();
        if as_it_should_be(&fit) {
            return fit;
        }
        assert!(since.elapsed() < FITTED_WITHIN, "{fit:#}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// The fit that answers a question, of this case; asked again while the fit goes on.
fn answered(service: &Service, text: &str, case: &str) -> Value {
    let since = Instant::now();
    let mut answer = ask(service, text);
    while answer["reason"].as_str().is_some_and(|reason| reason.contains("ran out of time")) && since.elapsed() < FITTED_WITHIN {
        answer = ask(service, text);
    }
    let fit = &answer["decision"]["fit"];
    assert_eq!((&answer["outcome"], &fit["case"]), (&json!("decided"), &json!(case)), "{answer:#}");
    assert_eq!(answer["confidence"], fit["confidence"]);
    no_strange_numbers(&answer);
    fit.clone()
}

/// Neither NaN nor infinity can be written as JSON, so it is null or words that would tell of them.
fn no_strange_numbers(value: &Value) {
    let text = value.to_string().to_lowercase();
    for word in ["nan%", "nan ", "\"nan\"", "inf%", "\"inf\"", "infinity"] {
        assert!(!text.contains(word), "{word}: {value:#}");
    }
}

fn has(values: &Value, names: &[&str]) {
    for name in names {
        assert!(values.pointer(name).is_some_and(|value| !value.is_null()), "{name}: {values:#}");
    }
}

fn refused(reply: &Reply, status: u16, what: &str) {
    assert!(reply.status == status && reply.text.contains(what), "{} {}", reply.status, reply.text);
    assert!(reply.headers["content-type"].to_str().unwrap().starts_with("application/problem+json"));
}

#[test]
fn the_worked_examples_of_the_seed_are_answered_from_the_sample_data_and_the_second_time_by_a_lookup() {
    let service = with_cases(Builder::new().with_the_real_model(), &["NR-01", "NR-04", "NR-08", "NR-19"]);
    let questions = [
        ("What market regime is BTC-PERP in right now?", "NR-01", "BTC-PERP is in regime"),
        ("What's our insurance fund coverage probability at a 15% shock?", "NR-04", "15%"),
        ("Forecast next month's VIP tier distribution. Are we losing VIP-3 users?", "NR-08", "VIP-3"),
    ];
    let first: Vec<Value> = questions.iter().map(|(text, case, _)| answered(&service, text, case)).collect();
    for (fit, (text, case, said)) in first.iter().zip(questions) {
        let sentence = fit["sentence"].as_str().unwrap();
        println!("{case}: {sentence}");
        assert!(sentence.contains(said) && sentence.contains("just now"), "{sentence}");
        let since = Instant::now();
        let again = answered(&service, text, case);
        let took = since.elapsed();
        println!("{case}: again in {took:?}");
        assert_eq!((&again["version"], &again["result"]), (&fit["version"], &fit["result"]));
        assert!(took < Duration::from_secs(2), "{case}: {took:?}");
    }
    has(
        &first[0]["result"],
        &[
            "/current_regime",
            "/regime_label",
            "/days_in_current_regime",
            "/avg_persistence_days",
            "/transition_probs",
            "/silhouette_score",
        ],
    );
    has(
        &first[1]["result"],
        &[
            "/method",
            "/current_if_usdt",
            "/results_by_shock",
            "/top_tail_risk_contributors/0/market",
            "/top_tail_risk_contributors/0/share_pct",
        ],
    );
    let by_shock = first[1]["result"]["results_by_shock"].as_object().unwrap();
    let of = by_shock.iter().find(|(shock, _)| shock.parse::<f64>() == Ok(0.15)).map(|(_, of)| of).unwrap();
    has(of, &["/p_breach", "/wilson_ci_95/0", "/wilson_ci_95/1"]);

    let impact = fitted(&service, "/v1/numeric/NR-19");
    assert_eq!(impact.status, 200, "{}", impact.text);
    let since = Instant::now();
    let impact = service.get("/v1/numeric/NR-19").json();
    assert!(since.elapsed() < Duration::from_secs(1) && impact["refitted"] == false, "{:?}", since.elapsed());
    has(&impact["values"]["BTC-PERP"], &["/alpha", "/beta", "/r_squared", "/n_obs"]);
    has(&impact, &["/diagnostics/observations", "/sources/0/hash", "/made/seed", "/next_run_at", "/chart/data"]);
    no_strange_numbers(&impact);
}

#[test]
fn the_solver_takes_its_coefficients_from_a_fit_and_the_plan_says_where_they_are_from() {
    let service = with_cases(Builder::new(), &["NR-19"]);
    assert_eq!(fitted(&service, "/v1/numeric/NR-19").status, 200);
    let model = json!({
        "model_type": "lp", "title": "Sell", "decision_variables": [{"name": "x", "type": "continuous", "lb": 0}],
        "parameters": {"alpha": {"from": "numeric", "case": "NR-19", "path": "BTC-PERP.alpha", "unit": "bps"}, "floor": 3},
        "objective": {"sense": "minimize", "expression": "alpha * x"}, "constraints": ["x >= floor"],
    });
    let plan = service.post("/v1/plans", &model);
    assert_eq!(plan.status, 200, "{}", plan.text);
    let plan = plan.json();
    let alpha = service.get("/v1/numeric/NR-19").json()["values"]["BTC-PERP"]["alpha"].as_f64().unwrap();
    let objective = plan["report"]["objective"].as_f64().unwrap();
    assert!((objective - 3.0 * alpha).abs() < 1e-6 * objective.abs().max(1.0), "{objective} {alpha}");
    let from = plan["refers_to"][0]["fit"].as_str().unwrap();
    assert!(from.starts_with("NR-19:") && from.ends_with(":1"), "{from}");
    let assumptions = plan["report"]["assumptions"].to_string();
    assert!(assumptions.contains("NR-19 version 1, fitted at"), "{assumptions}");
    let mut wrong = model.clone();
    wrong["parameters"]["alpha"]["path"] = "BTC-PERP.gamma".into();
    let reply = service.post("/v1/plans", &wrong);
    assert_eq!((reply.status, reply.pointers()), (422, vec!["/parameters/alpha/path".to_owned()]), "{}", reply.text);
    wrong["parameters"]["alpha"]["case"] = "NR-77".into();
    assert_eq!(service.post("/v1/plans", &wrong).pointers(), ["/parameters/alpha/case"]);
}

#[test]
fn new_data_and_a_refit_show_at_once_and_versions_can_be_compared() {
    let service = with_cases(Builder::new(), &["NR-19"]);
    let dataset = datasets_of(&service, "NR-19").remove(0);
    let first = fitted(&service, "/v1/numeric/nr-19").json();
    assert_eq!((&first["version"], &first["refitted"], &first["stale"]), (&json!(1), &json!(true), &json!(false)));
    let csv = sample(&dataset);
    let lines: Vec<&str> = csv.lines().collect();
    put(&service, &dataset, &lines[..lines.len() * 9 / 10].join("\n"));
    let second = until(&service, "/v1/numeric/NR-19", |fit| fit["stale"] == false);
    assert_eq!(second["version"], 2);
    put(&service, &dataset, &lines[..lines.len() * 9 / 10].join("\n"));
    assert_eq!(service.get("/v1/numeric/NR-19").json()["version"], 2, "the same rows once more are no new data");
    let third = service.post("/v1/numeric/NR-19/run", &json!({"deadline_ms": 50_000}));
    assert!(third.status == 504 || third.json()["version"] == 3, "{}", third.text);
    until(&service, "/v1/numeric/NR-19", |fit| fit["version"] == 3);

    let versions = service.get("/v1/numeric/NR-19/versions").json();
    let of = |name: &str| versions["versions"].as_array().unwrap().iter().map(|v| v[name].clone()).collect::<Vec<_>>();
    assert_eq!(of("version"), [3, 2, 1]);
    let old = service.get("/v1/numeric/NR-19?version=1").json();
    assert_eq!((&old["values"], &old["stale"]), (&first["values"], &json!(true)));
    let compared = service.get("/v1/numeric/NR-19/compare?from=1&to=2").json();
    assert!(compared["same"] == false && compared["same_data"] == false, "{compared:#}");
    assert!(
        compared["differences"].as_array().unwrap().iter().any(|d| d["pointer"] == "/BTC-PERP/alpha" && d["change"].is_number())
    );
    let same = service.get("/v1/numeric/NR-19/compare").json();
    assert_eq!(
        (&same["same"], &same["same_data"]),
        (&json!(true), &json!(true)),
        "the same data and seed give the same numbers: {same:#}"
    );
    refused(&service.get("/v1/numeric/NR-19?version=9"), 404, "no version 9");
}

#[test]
fn what_is_unknown_wrong_or_has_no_data_is_said() {
    let service = service(Builder::new().with_the_real_model(), &[]);
    let catalogue = service.get("/v1/numeric").json();
    let ids: Vec<&str> = catalogue["cases"].as_array().unwrap().iter().map(|case| case["id"].as_str().unwrap()).collect();
    println!("{ids:?}");
    assert!(ids.is_sorted());
    refused(&service.get("/v1/numeric/NR-77"), 404, "no case");
    refused(&service.get("/v1/numeric/NR-01?symbol=BTC&mood=good"), 400, "/mood");
    refused(&service.get("/v1/numeric/NR-01"), 400, "/symbol");
    refused(&service.get("/v1/numeric/NR-01?symbol=BTC&symbol=ETH"), 400, "twice");
    refused(&service.get("/v1/numeric/NR-01?symbol=BTC&version=0"), 400, "/version");
    refused(&service.get("/v1/numeric/NR-01?symbol=BTC&deadline_ms=999999"), 400, "/deadline_ms");
    refused(&service.get("/v1/numeric/NR-01?symbol=BTC"), 404, "no model for this yet");
    refused(&service.post("/v1/numeric/NR-01/run", &json!({"parameters": {"symbol": "BTC"}, "now": true})), 400, "now");
    let told = ask(&service, "What market regime is BTC-PERP in right now?");
    assert_eq!((&told["outcome"], &told["decision"], &told["confidence"]), (&json!("abstained"), &Value::Null, &json!("UNABLE")));
    assert!(told["reason"].as_str().unwrap().contains("no model for this yet"), "{told:#}");
    let unknown = ask(&service, "Which colour should we paint the office kitchen?");
    assert!(unknown["reason"].as_str().unwrap().contains("no case of the catalogue"), "{unknown:#}");
    let wishes = service.get("/v1/numeric/wishes").json();
    let wishes = wishes["wishes"].as_array().unwrap();
    assert!(wishes.iter().any(|wish| wish["case"] == "NR-01" && wish["parameters"]["symbol"] == "BTC-PERP"), "{wishes:#?}");
    assert!(wishes.iter().any(|wish| wish["text"] == "Which colour should we paint the office kitchen?"), "{wishes:#?}");
    let metrics = service.get("/metrics").text;
    assert!(metrics.contains("numeric_wishes_total{why=\"no_case\"} 1"), "{metrics}");
}

#[test]
fn fits_survive_a_kill() {
    let folder = TempDir::new().unwrap();
    let data = folder.path().join("data");
    let first = {
        let service = service(Builder::new().data(&data), &[]);
        for dataset in datasets_of(&service, "NR-19") {
            put_sample(&service, &dataset);
        }
        let first = fitted(&service, "/v1/numeric/NR-19").json();
        service.kill();
        first
    };
    let service = service(Builder::new().data(&data), &[]);
    let again = service.get("/v1/numeric/NR-19").json();
    assert_eq!((&again["version"], &again["refitted"], &again["values"]), (&first["version"], &json!(false), &first["values"]));
    assert_eq!(again["chart"], first["chart"]);
}
