//! The prototype's endpoints, as its clients call them.

use super::service::{Builder, start};
use serde_json::json;

fn row(prompt: &str) -> serde_json::Value {
    json!({
        "input_report": prompt, "output_report": "{\"report_news\": \"bullish\"}", "datetime_est": "2025-03-01 03:00:00",
        "signal": 1, "conviction": 0.75, "causality": "because", "close": 84321.5
    })
}

#[test]
fn what_was_inserted_is_decided_again() {
    let service = start();
    let prompt = "Column descriptions: ".to_owned() + &"a row of news about bitcoin; ".repeat(600);
    let inserted = service.post("/insert_data", &row(&prompt));
    assert_eq!((inserted.status, inserted.json()["response"].is_string()), (200, true), "{}", inserted.text);
    for query in ["", "?manual_embedding=true", "?manual_embedding=False", "?manual_embeddings=1"] {
        let answer = service.post(&format!("/decide{query}"), &json!({"prompt": prompt})).json();
        assert_eq!((answer["hit"].as_bool(), answer["response"]["signal"].as_i64()), (Some(true), Some(1)), "{query}: {answer}");
        assert_eq!(answer["match"]["as_of"], "2025-03-01T08:00:00Z");
        assert_eq!(answer["decision"]["labels"]["close"], "84321.5");
    }
    let other = service.post("/decide", &json!({"prompt": "something else"})).json();
    assert_eq!(
        (other["hit"].as_bool(), other["response"].is_null(), other["outcome"].as_str()),
        (Some(false), true, Some("abstained"))
    );
}

#[test]
fn bad_rows_are_refused_with_the_field() {
    let service = start();
    for (field, value, status, pointer) in [
        ("datetime_est", json!("2025-03-01T03:00:00"), 422, "/datetime_est"),
        ("datetime_est", json!("2025-03-01"), 422, "/datetime_est"),
        ("datetime_est", json!("2999-03-01 03:00:00"), 422, "/datetime_est"),
        ("datetime_est", json!(7), 400, "/datetime_est"),
        ("signal", json!(5), 422, "/signal"),
        ("signal", json!(0.5), 400, "/signal"),
        ("conviction", json!(1.5), 422, "/conviction"),
        ("input_report", json!(""), 422, "/input_report"),
        ("mood", json!(1), 400, "/mood"),
    ] {
        let mut body = row("a prompt");
        body[field] = value;
        let reply = service.post("/insert_data", &body);
        assert_eq!((reply.status, reply.pointers()), (status, vec![pointer.to_owned()]), "{body}: {}", reply.text);
    }
    assert_eq!(service.post("/decide", &json!({"prompt": ""})).pointers(), ["/prompt"]);
    assert_eq!(service.post("/decide?manual_embedding=perhaps", &json!({"prompt": "a"})).status, 400);
    assert_eq!(service.post("/decide?mood=1", &json!({"prompt": "a"})).status, 400);
}

#[test]
fn a_row_without_a_signal_is_a_report() {
    let service = start();
    assert_eq!(service.post("/insert_data", &json!({"input_report": "a", "output_report": {"report_news": "x"}})).status, 200);
    assert_eq!(service.post("/decide", &json!({"prompt": "a"})).json()["response"]["kind"], "report");
}

#[test]
fn clearing_by_either_method_empties_the_cache_for_good() {
    for method in ["POST", "GET"] {
        let service = start();
        service.post("/insert_data", &row("a prompt"));
        assert_eq!(service.request(method, "/clear", "").json()["deleted"], 1);
        assert_eq!(service.post("/decide", &json!({"prompt": "a prompt"})).json()["hit"], false);
        let data = tempfile::TempDir::new().unwrap();
        let kept = Builder::new().data(&data.path().join("d")).start();
        kept.post("/insert_data", &row("a prompt"));
        kept.request(method, "/clear", "");
        let folder = kept.kill();
        let again = Builder::new().data(&folder).start();
        assert_eq!(again.post("/decide", &json!({"prompt": "a prompt"})).json()["hit"], false, "what was cleared came back");
    }
}
