//! Which remembered decisions are trusted: who made them, for what, and what was deleted or reported since.

use super::service::{Builder, Service, entry, project, start, trade};
use serde_json::{Value, json};
use tempfile::TempDir;

fn delete(service: &Service, filter: &Value) -> Value {
    let reply = service.request("DELETE", "/v1/entries", filter.to_string());
    assert_eq!(reply.status, 200, "{}", reply.text);
    reply.json()
}

fn refused_by(answer: &Value) -> (&str, Option<&str>) {
    (answer["outcome"].as_str().unwrap(), answer["refused"][0]["gate"].as_str())
}

/// A service whose default strategy is the shipped one with `more` before it.
fn with_strategy(more: &str) -> (Builder, TempDir) {
    let folder = TempDir::new().unwrap();
    let shipped = std::fs::read_to_string(project().join("strategies/news-impact.toml")).unwrap();
    std::fs::write(folder.path().join("s.toml"), format!("{more}\n{shipped}")).unwrap();
    (Builder::new().strategies(folder.path()), folder)
}

#[test]
fn a_deletion_by_tag_ends_what_was_there_survives_a_kill_and_leaves_what_comes_later() {
    let folder = TempDir::new().unwrap();
    let data = folder.path().join("d");
    let service = Builder::new().data(&data).start();
    let tagged = |text: &str, tags: Value| json!({"text": text, "decision": trade(1), "tags": tags});
    let ended = service.remember(&tagged("Nvidia beats", json!(["NVDA", "chips"])));
    service.remember(&tagged("AMD beats", json!(["AMD", "chips"])));
    let filter = json!({"tags": ["NVDA"], "confirm": true});
    let told = delete(&service, &filter);
    assert_eq!((told["deleted"].as_u64(), &told["ids"]), (Some(1), &json!([ended])));
    let of = |service: &Service, text: &str| service.decide(&json!({"text": text}))["path"].clone();
    let outcome = |service: &Service, text: &str| service.decide(&json!({"text": text}))["outcome"].clone();
    assert_eq!((outcome(&service, "Nvidia beats"), of(&service, "AMD beats")), (json!("abstained"), json!("exact")));
    assert_eq!(service.get(&format!("/v1/entries/{ended}")).status, 404);
    service.kill();

    let service = Builder::new().data(&data).start();
    assert_eq!((outcome(&service, "Nvidia beats"), of(&service, "AMD beats")), (json!("abstained"), json!("exact")));
    service.remember(&tagged("Nvidia beats", json!(["NVDA"])));
    assert_eq!(of(&service, "Nvidia beats"), "exact");
    service.kill();

    let service = Builder::new().data(&data).start();
    assert_eq!(of(&service, "Nvidia beats"), "exact");
    assert_eq!(delete(&service, &filter)["deleted"], 1);
    assert_eq!(delete(&service, &filter)["deleted"], 0);
}

#[test]
fn an_empty_list_of_ids_is_refused_like_an_empty_filter() {
    let reply = start().request("DELETE", "/v1/entries", json!({"ids": [], "confirm": true}).to_string());
    assert_eq!((reply.status, reply.pointers()), (422, vec!["/ids".to_owned()]));
}

#[test]
fn a_strategy_serves_only_what_was_decided_by_whom_it_trusts() {
    let (builder, _folder) = with_strategy("trust = { provenance = \"engine\" }");
    let service = builder.start();
    service.remember(&entry("Ether rises", 1));
    let answer = service.decide(&json!({"text": "Ether rises"}));
    assert_eq!(refused_by(&answer), ("abstained", Some("trust")), "{answer}");
    assert_eq!(answer["refused"][0]["saw"], "provenance: import is below engine");
    service.remember(&json!({"text": "Ether rises", "decision": trade(1), "provenance": "operator"}));
    assert_eq!(service.decide(&json!({"text": "Ether rises"}))["path"], "exact");
}

#[test]
fn an_irreversible_action_is_taken_from_the_very_same_text_and_from_no_other() {
    let service = Builder::new().with_the_real_model().start();
    let text = "Federal Reserve cuts interest rates by 50 basis points";
    let other = "The Federal Reserve has cut interest rates by 50 basis points";
    service.remember(&json!({"text": text, "decision": trade(1), "validity": {"action": "irreversible"}}));
    assert_eq!(service.decide(&json!({"text": text}))["path"], "exact");
    let answer = service.decide(&json!({"text": other}));
    assert_eq!(refused_by(&answer), ("abstained", Some("action")), "{answer}");
}

#[test]
fn a_position_and_versions_are_conditions_like_the_price() {
    let (builder, _folder) = with_strategy("versions = { pricing = \"2\" }");
    let service = builder.start();
    let validity = json!({"position": {"ETH": {"min": -1.0, "max": 0.0}}, "versions": {"pricing": "2"}});
    service.remember(&json!({"text": "Ether rises", "decision": trade(1), "validity": validity}));
    service.remember(&json!({"text": "Ether falls", "decision": trade(-1), "validity": {"versions": {"pricing": "1"}}}));
    let ask = |text: &str, held: Value| service.decide(&json!({"text": text, "market": {"position": held}}));
    assert_eq!(ask("Ether rises", json!({"ETH": -0.5}))["path"], "exact");
    assert_eq!(refused_by(&ask("Ether rises", json!({"ETH": 0.5}))), ("abstained", Some("validity")));
    assert_eq!(refused_by(&ask("Ether rises", json!({}))), ("abstained", Some("validity")));
    let other = ask("Ether falls", json!({}));
    assert_eq!(other["refused"][0]["saw"], "versions: pricing 1 vs 2");
    let upside_down = json!({"text": "a", "decision": trade(1), "validity": {"position": {"ETH": {"min": 1.0, "max": 0.0}}}});
    let line = &service.post("/v1/entries", &upside_down).lines()[0];
    assert_eq!(line["error"]["errors"][0]["pointer"], "/validity/position/ETH");
}
