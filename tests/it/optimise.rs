//! Questions in words become plans, end to end with the real model and the real solvers.

use super::service::{Builder, Service, project, start};
use serde_json::{Value, json};

const FUND: &str =
    "Allocate the $50M insurance fund across BTC/ETH/SOL to minimize worst-case 30-day loss with 5% per-market floor.";

const ROUTING: &str = "Assign today's 25 open cases (12 SAR drafts, 8 KYC reviews, 5 transaction audits) to the 8 investigators on shift. \
    Minimize SLA breach risk. SAR drafts require senior investigators.";

fn asked(service: &Service, text: &str) -> Value {
    let reply = service.post("/v1/decide", &json!({"text": text, "strategy": "optimise", "deadline_ms": 60_000}));
    assert_eq!(reply.status, 200, "{}", reply.text);
    reply.json()
}

fn near(value: &Value, expected: f64) -> bool {
    value.as_f64().is_some_and(|value| (value - expected).abs() <= 1e-6 * expected.abs().max(1.0))
}

#[test]
fn the_insurance_fund_in_words_is_twenty_twenty_ten_and_the_same_words_are_remembered() {
    let service = Builder::new().with_the_real_model().start();
    let answer = asked(&service, FUND);
    let plan = &answer["decision"];
    assert_eq!(
        (&answer["outcome"], &answer["path"], &plan["kind"]),
        (&json!("decided"), &json!("engine"), &json!("plan")),
        "{answer}"
    );
    for (variable, value) in [("x[btc]", 20e6), ("x[eth]", 20e6), ("x[sol]", 10e6)] {
        assert!(near(&plan["variables"][variable], value), "{variable}: {plan}");
    }
    assert!(near(&plan["objective"], 14e6), "{plan}");
    let report = &plan["report"];
    assert_eq!((&report["status"], &report["check"]["passed"]), (&json!("optimal"), &json!(true)), "{report}");
    let binding: Vec<&str> = report["binding"].as_array().unwrap().iter().map(|b| b["constraint"].as_str().unwrap()).collect();
    assert!(binding.contains(&"ceiling[btc]") && binding.contains(&"ceiling[eth]"), "{binding:?}");
    let assumed = report["assumptions"].to_string();
    assert!(assumed.contains("NR-04") && assumed.contains("glossary"), "what was not said has its source: {assumed}");

    let again = asked(&service, FUND);
    assert_eq!((&again["path"], &again["decision"]), (&json!("exact"), plan));
    let other = asked(&service, &FUND.replace("5%", "25%"));
    assert_eq!(other["path"], json!("engine"), "another number is another plan: {other}");
    assert!(near(&other["decision"]["variables"]["x[sol]"], 12.5e6), "{other}");
}

#[test]
fn what_a_question_leaves_open_is_asked_for_by_name() {
    let service = start();
    let answer = asked(&service, &FUND.replace("SOL", "AVAX"));
    assert_eq!((&answer["outcome"], &answer["decision"]), (&json!("abstained"), &Value::Null), "{answer}");
    let reason = answer["reason"].as_str().unwrap();
    assert!(reason.contains("AVAX") && reason.contains("For instance"), "{reason}");
    let answer = asked(&service, &format!("{FUND} ETH must not get more than SOL."));
    assert!(
        answer["reason"].as_str().unwrap().contains("ETH must not get more than SOL"),
        "nothing is left out silently: {answer}"
    );

    let reply = service.post("/v1/plans", &json!({"text": ROUTING}));
    assert_eq!(reply.status, 422, "{}", reply.text);
    let pointers = reply.pointers();
    assert!(pointers.iter().any(|p| p.ends_with("/hours")) && pointers.iter().any(|p| p.ends_with("/skilled")), "{pointers:?}");
}

#[test]
fn cases_are_routed_where_there_are_seniors_enough_and_else_it_says_why_not() {
    let service = start();
    let hours = "A SAR draft takes 3 hours, a KYC review takes 2 hours and an audit takes 1.5 hours.";
    let answer = asked(&service, &format!("{ROUTING} {hours} 6 of them are senior. At most 8 hours each."));
    let plan = &answer["decision"];
    assert_eq!(plan["report"]["status"], json!("optimal"), "{answer}");
    let cases = |kind: &str| -> f64 {
        plan["variables"]
            .as_object()
            .unwrap()
            .iter()
            .filter(|(name, _)| name.contains(kind))
            .map(|(_, v)| v.as_f64().unwrap())
            .sum()
    };
    assert_eq!((cases("sar_draft"), cases("kyc_review"), cases("transaction_audit")), (12.0, 8.0, 5.0), "{plan}");

    let answer = asked(&service, &format!("{ROUTING} {hours} 4 of them are senior. At most 8 hours each."));
    let report = &answer["decision"]["report"];
    assert_eq!((&report["status"], answer["decision"].get("objective")), (&json!("infeasible"), None), "{answer}");
    let conflict = report["conflict"].to_string();
    assert!(conflict.contains("senior_only") && conflict.contains("hours_available"), "{conflict}");
}

#[test]
fn a_question_of_this_kind_is_routed_here_by_what_it_means() {
    let folder = tempfile::TempDir::new().unwrap();
    let shipped = std::fs::read_to_string(project().join("strategies/optimise.toml")).unwrap();
    std::fs::write(folder.path().join("any.toml"), shipped.replace("engine = \"optimise\"", "engine = \"auto\"")).unwrap();
    let news = std::fs::read_to_string(project().join("strategies/news-impact.toml")).unwrap();
    std::fs::write(folder.path().join("news-impact.toml"), news).unwrap();
    let service = Builder::new().with_the_real_model().strategies(folder.path()).start();
    let answer = asked(&service, FUND);
    assert_eq!((&answer["outcome"], &answer["triage"]["engine"]), (&json!("decided"), &json!("optimise")), "{answer}");
    assert!(near(&answer["decision"]["objective"], 14e6));
}
