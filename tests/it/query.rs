//! Questions about data over HTTP, on the marketplace of the sample: right rows, honest refusals, results kept by meaning, tenants apart.

use super::service::{Builder, Service, project};
use serde_json::{Value, json};
use std::io::Read;
use std::time::Duration;

pub(super) const TABLES: [&str; 9] = [
    "olist_customers_dataset",
    "olist_geolocation_dataset",
    "olist_order_items_dataset",
    "olist_order_payments_dataset",
    "olist_order_reviews_dataset",
    "olist_orders_dataset",
    "olist_products_dataset",
    "olist_sellers_dataset",
    "product_category_name_translation",
];

/// The text of a table of the sample.
pub(super) fn table(name: &str) -> String {
    let path = project().join(format!("sample/marketplace/{name}.csv.gz"));
    let file = std::fs::File::open(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut text = String::new();
    flate2::read::GzDecoder::new(file).read_to_string(&mut text).unwrap();
    text
}

/// The rows of a table of the sample, by the names of its columns. Its cells hold neither commas nor line breaks in quotes where tests look.
fn rows(name: &str) -> Vec<std::collections::BTreeMap<String, String>> {
    let text = table(name);
    let mut lines = text.lines();
    let names: Vec<&str> = lines.next().unwrap().split(',').collect();
    let row = |line: &str| names.iter().zip(line.split(',')).map(|(name, cell)| ((*name).to_owned(), cell.to_owned())).collect();
    lines.map(row).collect()
}

pub(super) fn put(service: &Service, name: &str, csv: String) {
    let reply = service.send("PUT", &format!("/v1/datasets/{name}"), &[("Content-Type", "text/csv")], csv.into_bytes());
    assert!(reply.status < 300, "{name}: {}", reply.text);
}

pub(super) fn marketplace(builder: Builder) -> Service {
    let service = builder.start();
    for name in TABLES {
        put(&service, name, table(name));
    }
    service
}

/// The answer to a question that is asked at the end of the sample's two years.
pub(super) fn ask(service: &Service, prompt: &str) -> Value {
    ask_with(service, json!({ "prompt": prompt }))
}

pub(super) fn ask_with(service: &Service, mut body: Value) -> Value {
    body["as_of"] = json!("2018-09-01T00:00:00Z");
    body["deadline_ms"] = json!(110_000);
    let reply = service.post("/v1/query", &body);
    assert_eq!(reply.status, 200, "{}", reply.text);
    reply.json()
}

/// The only number of an answer with one row.
pub(super) fn number(answer: &Value) -> f64 {
    let table = &answer["answer"]["table"];
    assert_eq!(table["rows"].as_array().map(Vec::len), Some(1), "{answer}");
    let at = table["columns"].as_array().unwrap().iter().position(|column| column["role"] == "value").unwrap();
    table["rows"][0][at].as_f64().unwrap_or_else(|| panic!("no number: {answer}"))
}

#[test]
fn a_question_is_answered_from_the_rows_with_its_query_and_what_it_is_worth() {
    let service = marketplace(Builder::new());
    let orders = rows("olist_orders_dataset");
    let counted = orders.iter().filter(|order| order["order_purchase_timestamp"].starts_with("2017")).count();

    let answer = ask(&service, "How many orders were placed in 2017?");
    assert_eq!(number(&answer), counted as f64);
    assert!(["HIGH", "MEDIUM"].contains(&answer["label"].as_str().unwrap()), "{}", answer["answer"]["reasons"]);
    assert!(answer["sql"].as_str().unwrap().to_uppercase().contains("SELECT"));
    let text = answer["answer"]["text"].as_str().unwrap();
    assert!(text.contains("[Q1]"), "{text}");
    assert_eq!(answer["from_cache"], false);
    assert_eq!(answer["intent"], "NEW_QUERY");

    let by_state = ask(&service, "How many orders by customer state?");
    let states: std::collections::BTreeSet<String> =
        rows("olist_customers_dataset").into_iter().map(|customer| customer["customer_state"].clone()).collect();
    assert_eq!(by_state["row_count"], states.len());
    let total: f64 = by_state["answer"]["table"]["rows"].as_array().unwrap().iter().map(|row| row[1].as_f64().unwrap()).sum();
    assert_eq!(total, orders.len() as f64);
    assert!(by_state["plotly_json"]["data"].is_array(), "{by_state}");
}

#[test]
fn the_same_meaning_in_other_words_is_kept_and_another_number_period_direction_or_measure_never_is() {
    let service = marketplace(Builder::new());
    let first = ask(&service, "What was total revenue in 2017?");
    assert_eq!(first["from_cache"], false);
    let again = ask(&service, "total sales revenue during 2017");
    assert_eq!(again["from_cache"], true, "{again}");
    assert_eq!(number(&again), number(&first));
    for other in [
        "What was total revenue in 2018?",
        "What was total freight in 2017?",
        "What was total revenue in March 2017?",
        "What was total revenue in 2017 by month?",
        "What was total revenue in 2017 for SP?",
        "How many orders were placed in 2017?",
    ] {
        let answer = ask(&service, other);
        assert_eq!(answer["from_cache"], false, "{other}");
        assert_ne!(answer["answer"]["table"]["rows"], first["answer"]["table"]["rows"], "{other}");
    }
    let top = ask(&service, "Top 5 product categories by revenue in 2017");
    for other in ["Top 6 product categories by revenue in 2017", "Bottom 5 product categories by revenue in 2017"] {
        let answer = ask(&service, other);
        assert_eq!(answer["from_cache"], false, "{other}");
        assert_ne!(answer["answer"]["table"]["rows"], top["answer"]["table"]["rows"], "{other}");
    }
    let fresh = ask_with(&service, json!({ "prompt": "What was total revenue in 2017?", "fresh": true }));
    assert_eq!(fresh["from_cache"], false);
}

#[test]
fn a_coarser_question_follows_from_a_finer_result_to_the_cell() {
    let service = marketplace(Builder::new());
    ask(&service, "How many orders by customer state and month in 2017?");
    let derived = ask(&service, "How many orders by month in 2017?");
    let run = ask_with(&service, json!({ "prompt": "How many orders by month in 2017?", "fresh": true }));
    assert_eq!((&derived["from_cache"], &run["from_cache"]), (&json!(true), &json!(false)), "{derived}");
    assert_eq!(derived["answer"]["table"], run["answer"]["table"]);
    assert_eq!(derived["label"], run["label"]);
    assert_eq!(derived["answer"]["text"], run["answer"]["text"]);
}

#[test]
fn new_rows_are_in_the_next_answer() {
    let service = marketplace(Builder::new());
    let before = number(&ask(&service, "How many orders were placed in 2017?"));
    let orders = table("olist_orders_dataset");
    let (head, rest) = orders.split_once('\n').unwrap();
    let dropped: Vec<&str> = rest.lines().filter(|line| line.split(',').nth(3).unwrap().starts_with("2017")).take(10).collect();
    let kept: Vec<&str> = rest.lines().filter(|line| !dropped.contains(line)).collect();
    put(&service, "olist_orders_dataset", format!("{head}\n{}\n", kept.join("\n")));
    let after = ask(&service, "How many orders were placed in 2017?");
    assert_eq!(after["from_cache"], false);
    assert_eq!(number(&after), before - 10.0);
}

#[test]
fn what_the_tables_can_not_answer_is_refused_with_the_reason_and_no_query() {
    let service = marketplace(Builder::new());
    for (prompt, class) in [
        ("What was the profit margin by category in 2017?", "unanswerable"),
        ("Which frumious sellers outgrabe the most?", "unclear"),
        ("hello there", "conversational"),
    ] {
        let answer = ask(&service, prompt);
        assert_eq!(answer["label"], "UNABLE", "{prompt}: {answer}");
        assert_eq!(answer["answer"]["refusal"]["class"], class, "{prompt}: {answer}");
        assert_eq!(answer["sql"], Value::Null, "{prompt}");
        assert!(!answer["answer"]["refusal"]["reason"].as_str().unwrap().is_empty());
    }
}

#[test]
fn without_its_tables_a_question_is_refused_by_their_names() {
    let service = Builder::new().start();
    let answer = ask(&service, "How many orders were placed in 2017?");
    assert_eq!(answer["label"], "UNABLE");
    assert!(answer["answer"]["text"].as_str().unwrap().contains("olist_orders_dataset"), "{answer}");
    put(&service, "olist_orders_dataset", "order_id,order_status\na,delivered\n".to_owned());
    let answer = ask(&service, "How many orders were placed in 2017?");
    assert!(answer["answer"]["text"].as_str().unwrap().contains("order_purchase_timestamp"), "{answer}");
}

#[test]
fn a_decision_by_the_strategy_is_the_table_with_its_basis() {
    let service = marketplace(Builder::new());
    let answer = service.decide(&json!({
        "text": "How many orders were placed in 2017?", "strategy": "analytics", "as_of": "2018-09-01T00:00:00Z", "allow": "engine",
        "deadline_ms": 60_000
    }));
    assert_eq!(answer["path"], "engine", "{answer}");
    let decision = &answer["decision"];
    assert_eq!(decision["kind"], "table", "{answer}");
    assert_eq!(answer["confidence"], decision["basis"]["confidence"]);
    let direct = number(&ask(&service, "How many orders were placed in 2017?"));
    assert!(decision["rows"][0].as_array().unwrap().iter().any(|cell| cell.as_f64() == Some(direct)), "{answer}");
    let refused =
        service.decide(&json!({ "text": "What was the profit margin in 2017?", "strategy": "analytics", "allow": "engine", "deadline_ms": 60_000 }));
    assert_eq!(refused["outcome"], "abstained", "{refused}");
}

#[test]
fn a_bad_question_is_refused_by_the_name_of_its_field() {
    let service = Builder::new().start();
    for (body, status, pointer) in [
        (json!({ "prompt": "" }), 422, "/prompt"),
        (json!({ "prompt": "x".repeat(2_001) }), 422, "/prompt"),
        (json!({ "prompt": "orders", "locale": "vi" }), 422, "/locale"),
        (json!({ "prompt": "orders", "deadline_ms": 0 }), 422, "/deadline_ms"),
        (json!({ "prompt": "orders", "chart_hint": "radar" }), 400, "/chart_hint"),
        (json!({ "prompt": "orders", "sql": "DROP TABLE x" }), 400, "/sql"),
        (json!({}), 400, "/prompt"),
    ] {
        let reply = service.post("/v1/query", &body);
        assert_eq!(reply.status, status, "{body}: {}", reply.text);
        assert_eq!(reply.pointers(), [pointer], "{body}");
    }
    assert_eq!(service.post("/v1/query", &json!({ "prompt": "orders", "layer": "moon" })).status, 404);
    let layers = service.get("/v1/query/layers").json();
    assert_eq!(layers["layers"][0]["name"], "olist");
}

#[test]
fn a_service_without_the_library_of_its_warehouse_says_so_and_answers_all_else() {
    let empty = tempfile::tempdir().unwrap();
    let service = Builder::new().set("EMBED__RUNTIME_DIR", empty.path().to_str().unwrap()).start();
    for name in TABLES {
        put(&service, name, table(name));
    }
    let reply = service.post("/v1/query", &json!({ "prompt": "How many orders were placed in 2017?" }));
    assert_eq!(reply.status, 503, "{}", reply.text);
    assert!(!reply.text.contains(empty.path().to_str().unwrap()), "{}", reply.text);
    assert_eq!(service.get("/health/ready").status, 200);
    assert_eq!(ask(&service, "thanks a lot")["label"], "UNABLE");
}

#[test]
fn many_who_ask_the_same_at_once_are_told_the_same() {
    let service = marketplace(Builder::new());
    let answers: Vec<Value> = std::thread::scope(|scope| {
        let asks: Vec<_> = (0..12).map(|_| scope.spawn(|| ask(&service, "Monthly revenue in 2017"))).collect();
        asks.into_iter().map(|ask| ask.join().unwrap()).collect()
    });
    for answer in &answers {
        assert_eq!(answer["answer"]["table"], answers[0]["answer"]["table"]);
    }
    std::thread::sleep(Duration::from_millis(50));
    let metrics = service.get("/metrics").text;
    let ran = metrics.lines().find(|line| line.contains("data_queries_duration_seconds_count")).unwrap();
    assert!(ran.ends_with(" 1"), "{ran}");
}

#[test]
fn a_conversation_changes_the_question_before_shows_it_otherwise_and_ends() {
    let service = marketplace(Builder::new());
    let session = "6f1c1c0e-9f5e-4a57-8a2e-0d5b3f7f2a11";
    let say = |prompt: &str| ask_with(&service, json!({ "prompt": prompt, "session_id": session }));
    let first = say("Revenue by customer state in 2017");
    assert_eq!((&first["intent"], &first["session_id"]), (&json!("NEW_QUERY"), &json!(session)));
    let only = say("only for SP");
    assert_eq!(only["intent"], "DATA_FILTER", "{only}");
    assert_eq!(only["row_count"], 1, "{only}");
    let shown = say("as a bar chart");
    assert_eq!(shown["intent"], "VISUAL_UPDATE", "{shown}");
    assert_eq!(shown["answer"]["table"], only["answer"]["table"]);
    assert_eq!(shown["from_cache"], true);
    assert_eq!(say("start over")["intent"], "RESET");
    let after = say("only for RJ");
    assert_eq!(after["intent"], "NEW_QUERY", "{after}");
    // Another conversation, and none, know nothing of it.
    say("Revenue by customer state in 2017");
    for other in [json!({ "prompt": "only for SP" }), json!({ "prompt": "only for SP", "session_id": "another" })] {
        assert_eq!(ask_with(&service, other)["intent"], "NEW_QUERY");
    }
}

#[test]
fn a_stream_tells_each_part_of_the_work_and_then_the_answer() {
    let service = marketplace(Builder::new());
    let body = json!({ "prompt": "Monthly revenue in 2017", "deadline_ms": 110_000 });
    let reply = service.post("/v1/query/stream", &body);
    assert_eq!(reply.status, 200, "{}", reply.text);
    let events: Vec<&str> = reply.text.lines().filter_map(|line| line.strip_prefix("event: ")).collect();
    assert_eq!(events.last(), Some(&"answer"), "{}", reply.text);
    assert!(events.iter().filter(|event| **event == "step").count() >= 3, "{events:?}");
    let answer = reply.text.lines().filter_map(|line| line.strip_prefix("data: ")).next_back().unwrap();
    let answer: Value = serde_json::from_str(answer).unwrap();
    assert_eq!(answer["row_count"], 12);
    assert_eq!(service.post("/v1/query/stream", &json!({ "prompt": "" })).status, 422);
}

#[test]
fn a_tie_is_rounded_away_from_zero() {
    let service = marketplace(Builder::new());
    let (mut reviews, orders) = (
        String::from(
            "review_id,order_id,review_score,review_comment_title,review_comment_message,review_creation_date,review_answer_timestamp\n",
        ),
        rows("olist_orders_dataset"),
    );
    // 46 fives, 10 twos and 8 threes: a mean of 4.28125, which is a floating-point number exactly.
    let scores = std::iter::repeat_n(5, 46).chain(std::iter::repeat_n(2, 10)).chain(std::iter::repeat_n(3, 8));
    for (at, (score, order)) in scores.zip(&orders).enumerate() {
        reviews += &format!("r{at},{},{score},,x,2018-01-01 00:00:00,2018-01-02 00:00:00\n", order["order_id"]);
    }
    put(&service, "olist_order_reviews_dataset", reviews);
    assert_eq!(number(&ask(&service, "What is the average review score?")), 4.2813);
}
