//! Questions about data over HTTP, on the marketplace of the sample: right rows, honest refusals, results kept by meaning, tenants apart.

use super::credentials::{ask as ask_as, new_key};
use super::redis::RedisServer;
use super::service::{Builder, Service, project};
use serde_json::{Value, json};
use std::io::Read;
use std::time::{Duration, Instant};

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

#[test]
fn a_value_that_its_layer_could_not_read_is_named_by_its_place_and_not_counted_as_missing() {
    let service = marketplace(Builder::new());
    let items = table("olist_order_items_dataset");
    let (head, rest) = items.split_once('\n').unwrap();
    let price = head.split(',').position(|name| name == "price").unwrap();
    let mut lines: Vec<String> = rest.lines().map(str::to_owned).collect();
    let mut cells: Vec<&str> = lines[6].split(',').collect();
    cells[price] = "R$ 12,50 or so";
    let spoilt = cells.iter().map(|cell| format!("\"{cell}\"")).collect::<Vec<_>>().join(",");
    lines[6] = spoilt;
    put(&service, "olist_order_items_dataset", format!("{head}\n{}\n", lines.join("\n")));
    let answer = ask(&service, "What was total revenue in 2017?");
    assert_eq!(answer["label"], "UNABLE", "{answer}");
    let text = answer["answer"]["text"].as_str().unwrap();
    assert!(text.contains("(row ") && text.contains("its column price") && !text.contains("12,50"), "{text}");
}

#[test]
fn a_role_is_answered_from_the_columns_that_it_may_see_and_what_others_were_told_is_not_served_to_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("keys.toml");
    let key = |role: &str| format!("Bearer {}", new_key(&file, "acme", &[role]));
    let (clerk, lead, admin) = (key("decide"), key("operate"), key("admin"));
    let customers = "ENGINE__ANALYTICS__COLUMNS__OLIST_CUSTOMERS_DATASET";
    let service = Builder::new()
        .set("AUTH__KEYS_FILE", file.to_str().unwrap())
        .set(&format!("{customers}__DECIDE"), "[\"customer_id\", \"customer_unique_id\"]")
        .set(&format!("{customers}__OPERATE"), "all")
        .start();
    for name in TABLES {
        let headers = [("Content-Type", "text/csv"), ("Authorization", admin.as_str())];
        let reply = service.send("PUT", &format!("/v1/datasets/{name}"), &headers, table(name).into_bytes());
        assert!(reply.status < 300, "{name}: {}", reply.text);
    }
    let say = |who: &str, body: Value| {
        let reply = ask_as(&service, who, ("POST", "/v1/query"), &body.to_string());
        assert_eq!(reply.status, 200, "{}", reply.text);
        reply.json()
    };
    let asked = |prompt: &str| json!({ "prompt": prompt, "as_of": "2018-09-01T00:00:00Z", "deadline_ms": 110_000 });
    let hidden = asked("How many orders by customer state?");
    for told in [say(&lead, hidden.clone()), say(&admin, hidden.clone())] {
        assert!(told["row_count"].as_u64().unwrap() > 10, "{told}");
    }
    let refused = say(&clerk, hidden.clone());
    assert_eq!((&refused["label"], &refused["answer"]["refusal"]["class"]), (&json!("UNABLE"), &json!("forbidden")), "{refused}");
    assert_eq!((&refused["sql"], &refused["answer"]["table"], &refused["row_count"]), (&Value::Null, &Value::Null, &json!(0)));
    let text = refused["answer"]["text"].as_str().unwrap();
    assert!(text.contains("`decide`") && !text.contains("SP"), "{text}");
    let filtered = say(&clerk, asked("How many orders for SP in 2017?"));
    assert_eq!(filtered["answer"]["refusal"]["class"], "forbidden", "a filter tells of a column as well: {filtered}");
    let open = say(&clerk, asked("How many orders were placed in 2017?"));
    assert_eq!(number(&open), number(&say(&lead, asked("How many orders were placed in 2017?"))));
    // A decision is seen by all of the tenant who may ask, whoever asked for it first.
    let decide = json!({ "text": "How many orders by customer state?", "strategy": "analytics", "allow": "engine", "deadline_ms": 60_000 });
    let decided = ask_as(&service, &admin, ("POST", "/v1/decide"), &decide.to_string()).json();
    assert_eq!(decided["outcome"], "abstained", "{decided}");
}

#[test]
fn rules_of_columns_that_would_hide_nothing_are_refused_at_the_start_by_their_field() {
    for (table, role, columns, pointer) in [
        ("OLIST_CUSTOMERS_DATASET", "DECIDE", "[\"customer_id\", \"customer_stat\"]", "columns/olist_customers_dataset/decide"),
        ("OLIST_CUSTOMER_DATASET", "DECIDE", "all", "columns/olist_customer_dataset"),
        ("OLIST_CUSTOMERS_DATASET", "WRITE", "all", "columns/olist_customers_dataset/write"),
    ] {
        let (code, said) = Builder::new().set(&format!("ENGINE__ANALYTICS__COLUMNS__{table}__{role}"), columns).fail_to_start();
        assert_ne!(code, Some(0));
        assert!(said.replace('.', "/").contains(pointer), "{said}");
    }
}

#[test]
fn a_question_about_data_finds_its_engine_where_the_strategy_names_none() {
    let folder = tempfile::tempdir().unwrap();
    let shipped = std::fs::read_to_string(project().join("strategies/analytics.toml")).unwrap();
    let any = shipped.replace("engine = \"analytics\"", "engine = \"auto\"").replace("name = \"analytics\"", "name = \"any\"");
    std::fs::write(folder.path().join("any.toml"), any).unwrap();
    let builder = Builder::new().with_the_real_model().strategies(folder.path()).set("STRATEGIES__DEFAULT", "any");
    let service = marketplace(builder);
    let asked = |text: &str| json!({ "text": text, "as_of": "2018-09-01T00:00:00Z", "allow": "engine", "deadline_ms": 110_000 });
    let decide = |text: &str| service.decide(&asked(text));
    let answer = decide("How many orders were placed in 2017?");
    assert_eq!((&answer["triage"]["engine"], &answer["decision"]["kind"]), (&json!("analytics"), &json!("table")), "{answer}");
    let other = decide("what is the weather in Lisbon tomorrow?");
    assert_eq!((&other["outcome"], &other["triage"]["engine"]), (&json!("abstained"), &json!("none")), "{other}");
    assert!(other["clarify"]["choices"].to_string().contains("analytics"), "{other}");
}

#[test]
fn a_conversation_goes_on_whichever_replica_is_asked() {
    let server = RedisServer::start(&[]);
    let over = || Builder::new().set("STORE__BACKEND", &server.url());
    let (one, other) = (marketplace(over()), over().start());
    let since = Instant::now();
    while TABLES.iter().any(|name| other.get(&format!("/v1/datasets/{name}")).status != 200) {
        assert!(since.elapsed() < Duration::from_secs(60), "the other was never told of the tables");
        std::thread::sleep(Duration::from_millis(20));
    }
    let say =
        |service: &Service, session: &str, prompt: &str| ask_with(service, json!({ "prompt": prompt, "session_id": session }));
    say(&one, "a", "Revenue by customer state in 2017");
    let only = say(&other, "a", "only for SP");
    assert_eq!((&only["intent"], &only["row_count"]), (&json!("DATA_FILTER"), &json!(1)), "{only}");
    // What the other was told last holds here as well.
    let shown = say(&one, "a", "as a bar chart");
    assert_eq!((&shown["intent"], &shown["answer"]["table"]), (&json!("VISUAL_UPDATE"), &only["answer"]["table"]), "{shown}");
    assert_eq!(say(&other, "b", "only for SP")["intent"], "NEW_QUERY", "another conversation knows nothing of it");
    assert_eq!(say(&other, "a", "start over")["intent"], "RESET");
    assert_eq!(say(&one, "a", "only for RJ")["intent"], "NEW_QUERY");
}
