//! What callers say afterwards of a decision, and what follows from it.

use super::service::{Builder, Service, entry, project, start, trade};
use serde_json::{Value, json};
use tempfile::TempDir;

const HELD: &str = "Federal Reserve cuts interest rates by 50 basis points";
const OTHER: &str = "The Federal Reserve has cut interest rates by 50 basis points";
const THIRD: &str = "Federal Reserve cuts interest rates by half a percentage point";

fn say(service: &Service, verdict: &Value) -> Value {
    let reply = service.post("/v1/feedback", verdict);
    assert_eq!(reply.status, 200, "{}", reply.text);
    reply.json()
}

fn budgeted(lines: &str) -> (Builder, TempDir) {
    let folder = TempDir::new().unwrap();
    let shipped = std::fs::read_to_string(project().join("strategies/news-impact.toml")).unwrap();
    let bare: String = shipped
        .lines()
        .filter(|l| !l.starts_with("error_budget") && !l.starts_with("calibration"))
        .fold(String::new(), |all, l| all + l + "\n");
    std::fs::write(folder.path().join("s.toml"), format!("{lines}\n{bare}")).unwrap();
    (Builder::new().with_the_real_model().strategies(folder.path()), folder)
}

#[test]
fn a_wrong_decision_closes_its_entry_and_lists_who_was_served_from_it() {
    let folder = TempDir::new().unwrap();
    let data = folder.path().join("d");
    let service = Builder::new().with_the_real_model().data(&data).start();
    let id = service.remember(&entry(HELD, 1));
    let exact = service.decide(&json!({"text": HELD, "session": "desk-7"}));
    let near = service.decide(&json!({"text": OTHER}));
    assert_eq!((exact["path"].as_str(), near["path"].as_str()), (Some("exact"), Some("fast")));

    let told = say(&service, &json!({"decision_id": near["id"], "verdict": "wrong", "note": "it was a rumour"}));
    assert_eq!((&told["entry"], &told["quarantined"], &told["served_count"]), (&json!(id), &json!(true), &json!(2)));
    let served: Vec<&Value> = told["served"].as_array().unwrap().iter().map(|s| &s["decision_id"]).collect();
    assert_eq!(served, [&near["id"], &exact["id"]]);
    assert_eq!(told["served"][1]["session"], "desk-7");

    let closed = |service: &Service, text: &str| {
        let answer = service.decide(&json!({"text": text}));
        assert_eq!((&answer["outcome"], &answer["refused"][0]["gate"]), (&json!("abstained"), &json!("trust")), "{answer}");
    };
    closed(&service, HELD);
    closed(&service, OTHER);
    let shown = service.get(&format!("/v1/entries/{id}")).json();
    assert_eq!((&shown["quarantine"]["decision"], &shown["quarantine"]["note"]), (&near["id"], &json!("it was a rumour")));
    service.kill();
    let service = Builder::new().with_the_real_model().data(&data).start();
    closed(&service, HELD);
}

#[test]
fn the_question_of_a_wrong_decision_is_closed_to_other_entries_of_the_same_decision() {
    let folder = TempDir::new().unwrap();
    let data = folder.path().join("d");
    let service = Builder::new().with_the_real_model().data(&data).start();
    service.remember(&entry(HELD, 1));
    let near = service.decide(&json!({"text": OTHER}));
    assert_eq!(near["path"], "fast");
    say(&service, &json!({"decision_id": near["id"], "verdict": "wrong"}));
    service.remember(&entry(THIRD, 1));
    let answer = service.decide(&json!({"text": OTHER}));
    assert_eq!(
        (answer["outcome"].as_str(), answer["refused"][0]["gate"].as_str()),
        (Some("abstained"), Some("trust")),
        "{answer}"
    );
    assert!(answer["refused"].to_string().contains("was wrong at"), "{answer}");
    service.kill();
    let service = Builder::new().with_the_real_model().data(&data).start();
    assert_eq!(service.decide(&json!({"text": OTHER}))["outcome"], "abstained", "a restart must not forget it");
    service.remember(&entry(THIRD, -1));
    assert_eq!(service.decide(&json!({"text": OTHER}))["decision"]["signal"], -1, "another decision may answer it");
}

/// The shipped strategy with floors that nothing near clears, so that the near misses have to vote.
fn voting(lines: &str) -> (Builder, TempDir) {
    let (builder, folder) = budgeted(lines);
    let file = folder.path().join("s.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let text = text.replace("tau = 0.72", "tau = 0.999").replace("tau_fresh = 0.56", "tau_fresh = 0.999");
    std::fs::write(&file, format!("{text}\n[vote]\nfloor = 0.5\nevidence_min = 0.01\n")).unwrap();
    (builder, folder)
}

#[test]
fn entries_of_a_decision_that_was_wrong_for_a_question_have_no_vote_on_it() {
    let (builder, _strategies) = voting("");
    let service = builder.start();
    for text in [HELD, THIRD] {
        service.remember(&entry(text, 1));
    }
    let voted = service.decide(&json!({"text": OTHER}));
    assert_eq!((voted["path"].as_str(), voted["decision"]["signal"].as_i64()), (Some("slow"), Some(1)), "{voted}");
    say(&service, &json!({"decision_id": voted["id"], "verdict": "wrong"}));
    let answer = service.decide(&json!({"text": OTHER}));
    assert_eq!(answer["outcome"], "abstained", "one entry is quarantined, and the other may not say the same: {answer}");
    assert!(answer["refused"].to_string().contains("was wrong at"), "{answer}");
}

#[test]
fn nobody_votes_while_the_budget_allows_exact_hits_only() {
    let (builder, _strategies) = voting("error_budget = 0.01\nbudget.start = \"closed\"");
    let service = builder.start();
    for text in [HELD, THIRD] {
        service.remember(&entry(text, 1));
    }
    let answer = service.decide(&json!({"text": OTHER}));
    assert_eq!(answer["outcome"], "abstained", "{answer}");
    assert!(answer["reason"].as_str().unwrap().contains("no vote: exact hits only"), "{answer}");
    assert_eq!(service.decide(&json!({"text": HELD}))["path"], "exact");
}

#[test]
fn a_search_says_of_each_candidate_what_a_decision_would() {
    let (builder, _strategies) = budgeted("");
    let service = builder.start();
    service.remember(&entry(HELD, 1));
    let near = service.decide(&json!({"text": OTHER}));
    say(&service, &json!({"decision_id": near["id"], "verdict": "wrong"}));
    service.remember(&entry(THIRD, 1));
    let found = service.post("/v1/entries/search", &json!({"text": OTHER})).json();
    for candidate in found["candidates"].as_array().unwrap() {
        assert_eq!(candidate["servable"], false, "{candidate}");
        assert_eq!(candidate["gates"].as_array().unwrap().last().unwrap(), &json!({"gate": "trust", "passed": false}));
    }

    let (builder, _strategies) = budgeted("error_budget = 0.01\nbudget.start = \"closed\"");
    let service = builder.start();
    service.remember(&entry(HELD, 1));
    service.remember(&entry(THIRD, 1));
    assert_eq!(service.decide(&json!({"text": OTHER}))["refused"][0]["gate"], "budget");
    let found = service.post("/v1/entries/search", &json!({"text": OTHER})).json();
    for (candidate, saw) in found["candidates"].as_array().unwrap().iter().zip(["exact hits only", "held back"]) {
        assert_eq!(candidate["servable"], false, "{candidate}");
        assert!(candidate["saw"].as_str().unwrap().contains(saw), "{candidate}");
    }
}

#[test]
fn what_should_have_been_decided_is_remembered_and_answers_the_next_time() {
    let service = Builder::new().with_the_real_model().start();
    service.remember(&entry(HELD, 1));
    service.remember(&entry("Tesla recalls cars over a braking fault", 1));
    for text in [OTHER, "Tesla recalls cars over a braking fault"] {
        let answer = service.decide(&json!({"text": text}));
        let told = say(&service, &json!({"decision_id": answer["id"], "verdict": "wrong", "expected": trade(-1)}));
        let again = service.decide(&json!({"text": text}));
        assert_eq!((again["path"].as_str(), again["decision"]["signal"].as_i64()), (Some("exact"), Some(-1)), "{again}");
        assert_eq!(again["match"]["entry"], told["remembered"]);
        let kept = service.get(&format!("/v1/entries/{}", told["remembered"].as_str().unwrap())).json();
        assert_eq!(kept["provenance"], "feedback");
    }
}

#[test]
fn feedback_that_does_not_fit_is_refused_and_names_the_field() {
    let service = start();
    service.remember(&entry("Ether rises", 1));
    let decided = service.decide(&json!({"text": "Ether rises"}))["id"].clone();
    let abstained = service.decide(&json!({"text": "quite another matter"}))["id"].clone();
    let cases = [
        (json!({"decision_id": "nonsense", "verdict": "right"}), 404, "/decision_id"),
        (json!({"decision_id": "01ARZ3NDEKTSV4RRFFQ69G5FAV", "verdict": "right"}), 404, "/decision_id"),
        (json!({"decision_id": abstained, "verdict": "wrong"}), 422, "/decision_id"),
        (json!({"decision_id": decided, "verdict": "perhaps"}), 400, "/verdict"),
        (json!({"decision_id": decided, "verdict": "wrong", "mood": 1}), 400, "/mood"),
        (json!({"decision_id": decided, "verdict": "wrong", "expected": trade(1)}), 422, "/expected"),
        (json!({"decision_id": decided, "verdict": "right", "expected": trade(-1)}), 422, "/expected"),
        (
            json!({"decision_id": decided, "verdict": "wrong", "expected": {"kind": "trade", "signal": 7, "conviction": 0.1}}),
            422,
            "/expected/signal",
        ),
        (json!({"decision_id": decided, "verdict": "wrong", "note": "x".repeat(4_097)}), 422, "/note"),
        (json!({"decision_id": decided}), 400, "/verdict"),
    ];
    for (body, status, pointer) in cases {
        let reply = service.post("/v1/feedback", &body);
        assert_eq!((reply.status, reply.pointers()), (status, vec![pointer.to_owned()]), "{body}: {}", reply.text);
    }
    assert_eq!(service.decide(&json!({"text": "Ether rises"}))["path"], "exact", "nothing of that changed anything");
}

#[test]
fn a_budget_that_is_overspent_leaves_exact_hits_only_says_so_and_survives_a_restart() {
    let (builder, _strategies) = budgeted("error_budget = 0.01");
    let folder = TempDir::new().unwrap();
    let data = folder.path().join("d");
    let service = builder.data(&data).start();
    let state = |service: &Service| service.get("/v1/strategies/news-impact").json()["error_budget"].clone();
    assert_eq!((state(&service)["state"].as_str(), state(&service)["error_budget"].as_f64()), (Some("open"), Some(0.01)));
    let companies =
        ["Apple", "Tesla", "Nvidia", "Boeing", "Intel", "Pfizer", "Nike", "Ford", "Oracle", "Shell", "Adobe", "Cisco"];
    for company in companies {
        service.remember(&entry(&format!("{company} shares rise 5% after earnings beat"), 1));
    }
    let mut wrong = 0;
    for company in companies {
        let answer = service.decide(&json!({"text": format!("{company} shares gain 5% after an earnings beat")}));
        if answer["path"] == "fast" && answer["outcome"] == "decided" {
            assert!(answer["match"]["evidence"]["fresh_similarity"].as_f64().unwrap() > 0.7, "{answer}");
            wrong += 1;
            say(&service, &json!({"decision_id": answer["id"], "verdict": "wrong"}));
        }
    }
    assert!(wrong >= 3, "only {wrong} near hits");
    let held = |service: &Service| {
        assert_eq!(state(service)["state"], "exact_only", "{}", state(service));
        service.remember(&entry(HELD, 1));
        let near = service.decide(&json!({"text": OTHER}));
        assert_eq!(
            (near["outcome"].as_str(), near["refused"][0]["gate"].as_str()),
            (Some("abstained"), Some("budget")),
            "{near}"
        );
        assert!(near["exact_only"].as_str().unwrap().starts_with("since "), "{near}");
        assert_eq!(service.decide(&json!({"text": HELD}))["path"], "exact");
    };
    held(&service);
    assert!(service.get("/metrics").text.contains("error_budget_exact_only{strategy=\"news-impact\"} 1"));
    service.kill();
    let (builder, _strategies) = budgeted("error_budget = 0.01");
    held(&builder.data(&data).start());
}
