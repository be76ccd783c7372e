//! What people say of answers about data, and what they teach: it lasts, it stays with its tenant, and it counts from then on.

use super::credentials;
use super::query::table;
use super::redis::RedisServer;
use super::service::{Builder, Reply, Service};
use serde_json::{Value, json};
use std::path::Path;
use std::time::{Duration, Instant};
use tempfile::TempDir;

const ORDERS: &str = "olist_orders_dataset";
const PLACED: &str = "How many orders were placed in 2017?";
const ZORKY: &str = "How many zorky orders were placed in 2017?";

/// One who asks, with credentials or without.
struct Person<'a> {
    service: &'a Service,
    bearer: Option<String>,
}

impl<'a> Person<'a> {
    fn anybody(service: &'a Service) -> Self {
        Self { service, bearer: None }
    }

    fn call(&self, method: &str, path: &str, body: &str) -> Reply {
        match &self.bearer {
            Some(bearer) => credentials::ask(self.service, bearer, (method, path), body),
            None => self.service.request(method, path, body.to_owned()),
        }
    }

    fn post(&self, path: &str, body: &Value) -> Reply {
        self.call("POST", path, &body.to_string())
    }

    fn ask(&self, prompt: &str) -> Value {
        self.ask_with(json!({ "prompt": prompt }))
    }

    fn ask_with(&self, mut body: Value) -> Value {
        body["as_of"] = json!("2018-09-01T00:00:00Z");
        body["deadline_ms"] = json!(55_000);
        let reply = self.post("/v1/query", &body);
        assert_eq!(reply.status, 200, "{}", reply.text);
        reply.json()
    }

    fn judge(&self, answer: &Value, verdict: &str) -> Reply {
        self.post("/v1/query/feedback", &json!({ "query_id": answer["query_id"], "verdict": verdict, "comment": "as I see it" }))
    }

    fn list(&self, what: &str) -> Value {
        let reply = self.call("GET", &format!("/v1/query/{what}"), "");
        assert_eq!(reply.status, 200, "{}", reply.text);
        reply.json()
    }

    /// Has a proposal be moved on.
    fn step(&self, id: &Value, step: &str) -> Reply {
        self.call("POST", &format!("/v1/query/terms/{}/{step}", id.as_str().unwrap()), "")
    }
}

/// The people of two tenants.
struct People {
    file: std::path::PathBuf,
    _folder: TempDir,
}

impl People {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        Self { file: folder.path().join("keys.toml"), _folder: folder }
    }

    fn hire(&self, tenant: &str, roles: &[&str]) -> String {
        format!("Bearer {}", credentials::new_key(&self.file, tenant, roles))
    }

    fn builder(&self) -> Builder {
        Builder::new().set("AUTH__KEYS_FILE", self.file.to_str().unwrap())
    }
}

/// Every order of the sample, once it is a data set.
fn put_orders(writer: &Person<'_>) -> String {
    let orders = table(ORDERS);
    let mut headers = vec![("Content-Type", "text/csv")];
    headers.extend(writer.bearer.as_deref().map(|bearer| ("Authorization", bearer)));
    let reply = writer.service.send("PUT", &format!("/v1/datasets/{ORDERS}"), &headers, orders.clone().into_bytes());
    assert!(reply.status < 300, "{}", reply.text);
    orders
}

/// Orders of 2017 in this state; of all states where none is said.
fn counted(orders: &str, status: Option<&str>) -> f64 {
    let rows = orders.lines().skip(1).map(|line| line.split(',').collect::<Vec<_>>());
    rows.filter(|row| row[3].starts_with("2017") && status.is_none_or(|status| row[2] == status)).count() as f64
}

fn number(answer: &Value) -> f64 {
    let row = answer["answer"]["table"]["rows"][0].as_array().unwrap_or_else(|| panic!("no rows: {answer}"));
    row.iter().find_map(Value::as_f64).unwrap_or_else(|| panic!("no number: {answer}"))
}

fn zorky() -> Value {
    json!({ "term": "zorky", "meaning": { "comment": "It was called off.", "table": ORDERS, "where": "order_status = 'canceled'" } })
}

fn is_doubted(answer: &Value) -> bool {
    let reasons = answer["answer"]["reasons"].as_array().unwrap();
    let told = reasons.iter().any(|reason| reason["because"].as_str().unwrap().starts_with("somebody found the answer"));
    assert_eq!(told, answer["label"] == "LOW", "{answer}");
    told
}

fn over(data: &Path) -> Builder {
    Builder::new().data(data)
}

#[test]
fn an_answer_found_right_is_kept_and_one_found_wrong_is_worth_little_until_it_is_released() {
    let people = People::new();
    let (asks, operates) = (people.hire("acme", &["decide"]), people.hire("acme", &["operate"]));
    let (writes, audits) = (people.hire("acme", &["write"]), people.hire("acme", &["admin"]));
    let (other, other_writes) = (people.hire("other", &["decide", "operate"]), people.hire("other", &["write"]));
    let service = people.builder().start();
    let person = |bearer: &String| Person { service: &service, bearer: Some(bearer.clone()) };
    let [asks, operates, writes, audits, other, other_writes] =
        [&asks, &operates, &writes, &audits, &other, &other_writes].map(person);
    put_orders(&writes);
    put_orders(&other_writes);

    let answer = asks.ask(PLACED);
    let id = answer["query_id"].as_str().unwrap();
    assert_eq!(id.len(), 26);
    assert_eq!(other.judge(&answer, "down").status, 404, "another tenant knows nothing of it");
    assert_eq!(writes.judge(&answer, "down").status, 403);
    let right = asks.judge(&answer, "up");
    assert_eq!(right.status, 200, "{}", right.text);
    let pair = right.json()["pair"].clone();
    assert_eq!((&pair["state"], &pair["question"]), (&json!("verified"), &json!(PLACED)));
    assert!(pair["checks"].as_array().unwrap().contains(&json!("gate")), "{pair}");
    assert_eq!(asks.list("pairs")["pairs"], json!([pair]));
    assert_eq!(other.list("pairs")["pairs"], json!([]));
    assert_eq!(asks.ask(PLACED)["from_cache"], true, "it is served as before");

    // In other blanks it is the same question.
    let again = asks.ask("how many orders  were placed in 2017");
    let wrong = asks.judge(&again, "down");
    assert_eq!(wrong.status, 200, "{}", wrong.text);
    assert_eq!((&wrong.json()["pair"]["state"], &wrong.json()["pair"]["id"]), (&json!("quarantined"), &pair["id"]));
    let doubted = asks.ask(PLACED);
    assert!(is_doubted(&doubted), "{doubted}");
    assert_eq!(doubted["from_cache"], false, "it is looked up anew");
    assert_eq!(number(&doubted), number(&answer));
    assert!(!is_doubted(&asks.ask("How many orders were placed in 2018?")), "another question is as good as before");
    assert!(!is_doubted(&other.ask(PLACED)), "and so is another tenant's");
    let refused = asks.judge(&doubted, "up");
    assert_eq!((refused.status, refused.pointers()), (422, vec!["/verdict".to_owned()]), "{}", refused.text);
    assert_eq!(asks.list("pairs?state=verified")["pairs"], json!([]));

    let release = format!("/v1/query/pairs/{}/release", pair["id"].as_str().unwrap());
    assert_eq!(asks.call("POST", &release, "").status, 403, "who asks does not release");
    assert_eq!(other.call("POST", &release, "").status, 404);
    let released = operates.call("POST", &release, "");
    assert_eq!(released.status, 200, "{}", released.text);
    assert_eq!(operates.call("POST", &release, "").status, 404, "it is gone");
    let after = asks.ask(PLACED);
    assert!(!is_doubted(&after), "{after}");
    assert_eq!(asks.judge(&after, "up").status, 200, "and may be found right again");
    assert_eq!(operates.call("POST", &release, "").status, 409, "nobody found it wrong since");

    // What goes on from the question before it says too little by itself.
    let talk = |prompt: &str| asks.ask_with(json!({ "prompt": prompt, "session_id": "talk" }));
    talk("How many orders by order status in 2018?");
    let shown = talk("as a bar chart");
    assert_eq!(shown["intent"], "VISUAL_UPDATE", "{shown}");
    let alone = asks.judge(&shown, "up");
    assert_eq!((alone.status, alone.pointers()), (422, vec!["/verdict".to_owned()]), "{}", alone.text);
    let metrics = service.get("/metrics").text;
    assert!(metrics.contains("data_verdicts_total{verdict=\"up\"} 2"), "{metrics}");

    let trail = audits.call("GET", "/v1/audit", "").lines();
    let of_queries = trail.iter().filter(|event| event["action"].as_str().unwrap().starts_with("query."));
    let actions: Vec<&str> = of_queries.clone().map(|event| event["action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["query.feedback", "query.feedback", "query.release", "query.feedback"]);
    assert!(of_queries.clone().all(|event| event["about"]["pair"] == pair["id"]), "{trail:?}");
    assert!(!trail.iter().any(|event| event.to_string().contains("placed in 2017")), "no text of a question is on the record");
}

#[test]
fn a_word_is_read_once_it_was_proposed_confirmed_and_approved_by_somebody_else() {
    let people = People::new();
    let [asks, approves, all] =
        [&["decide"][..], &["operate"], &["decide", "operate", "write"]].map(|roles| people.hire("acme", roles));
    let (other, audits) = (people.hire("other", &["decide", "operate", "write"]), people.hire("acme", &["admin"]));
    let service = people.builder().start();
    let [asks, approves, all, other, audits] =
        [asks, approves, all, other, audits].map(|bearer| Person { service: &service, bearer: Some(bearer) });
    let orders = put_orders(&all);
    put_orders(&other);

    let unclear = asks.ask(ZORKY);
    assert_eq!((&unclear["label"], &unclear["query_id"]), (&json!("UNABLE"), &Value::Null));
    assert_eq!(unclear["answer"]["refusal"]["unplaced"][0]["words"], "zorky", "{unclear}");
    let first = asks.ask(PLACED);
    let session = |prompt: &str| asks.ask_with(json!({ "prompt": prompt, "session_id": "talk" }));
    session("How many orders by order status in 2017?");

    let proposed = all.post("/v1/query/terms", &zorky());
    assert_eq!(proposed.status, 200, "{}", proposed.text);
    let term = proposed.json();
    assert_eq!((&term["state"], &term["applies"], &term["term"]), (&json!("proposed"), &json!(false), &json!("zorky")));
    assert_eq!(all.post("/v1/query/terms", &zorky()).status, 409, "it was proposed before");
    let id = &term["id"];
    assert_eq!(other.step(id, "confirm").status, 404);
    assert_eq!(approves.step(id, "approve").status, 409, "no user has confirmed it");
    assert_eq!(asks.step(id, "confirm").status, 200);
    assert_eq!(asks.step(id, "approve").status, 403, "who asks does not approve");
    let own = all.step(id, "approve");
    assert_eq!(own.status, 403, "nor who proposed it: {}", own.text);
    assert_eq!(asks.ask(ZORKY)["label"], "UNABLE", "it applies to nothing yet");
    let approved = approves.step(id, "approve");
    assert_eq!((approved.status, &approved.json()["applies"]), (200, &json!(true)), "{}", approved.text);
    let steps: Vec<Value> = approved.json()["steps"].as_array().unwrap().iter().map(|step| step["to"].clone()).collect();
    assert_eq!(steps, ["proposed", "confirmed", "approved"]);

    let answer = asks.ask(ZORKY);
    assert_eq!(number(&answer), counted(&orders, Some("canceled")), "{answer}");
    assert_eq!(answer["understood"]["filters"][0]["term"], "zorky");
    assert_eq!(other.ask(ZORKY)["label"], "UNABLE", "it is one tenant's word");
    assert_eq!(number(&asks.ask(PLACED)), number(&first));
    assert_eq!(number(&first), counted(&orders, None));
    assert_eq!(session("as a bar chart")["intent"], "NEW_QUERY", "what was said by other words is not gone on with");
    let layers = asks.list("layers");
    assert!(layers["layers"][0]["glossary"].as_array().unwrap().contains(&json!("zorky")), "{layers}");
    assert_eq!(other.list("terms")["total"], 0);

    assert_eq!(asks.step(id, "withdraw").status, 403, "what applies an operator withdraws");
    assert_eq!(approves.step(id, "withdraw").status, 200);
    assert_eq!(asks.ask(ZORKY)["label"], "UNABLE");
    assert_eq!(asks.list("terms?state=withdrawn")["terms"][0]["id"], *id);
    let synonym =
        json!({ "term": "zorks", "layer": "olist", "meaning": { "comment": "Orders, as we call them.", "measure": "orders" } });
    let second = asks.post("/v1/query/terms", &synonym);
    assert_eq!(second.status, 200, "{}", second.text);
    assert_eq!(approves.step(&second.json()["id"], "reject").status, 200);
    assert_eq!(approves.step(&second.json()["id"], "approve").status, 409);
    let trail = audits.call("GET", "/v1/audit", "").lines();
    let actions: Vec<&str> =
        trail.iter().map(|event| event["action"].as_str().unwrap()).filter(|action| action.starts_with("terms.")).collect();
    let [propose, confirm, approve, withdraw, reject] = ["propose", "confirm", "approve", "withdraw", "reject"];
    let done = [propose, confirm, approve, withdraw, propose, reject].map(|step| format!("terms.{step}"));
    assert_eq!(actions, done);
}

#[test]
fn what_was_acknowledged_survives_a_kill() {
    let folder = TempDir::new().unwrap();
    let data = folder.path().join("d");
    let service = over(&data).start();
    let anybody = Person::anybody(&service);
    let orders = put_orders(&anybody);
    let answer = anybody.ask(PLACED);
    let term = anybody.post("/v1/query/terms", &zorky()).json();
    for step in ["confirm", "approve"] {
        let moved = anybody.step(&term["id"], step);
        assert_eq!(moved.status, 200, "where nobody has a name nobody is another: {}", moved.text);
    }
    assert_eq!(anybody.judge(&answer, "down").status, 200);
    service.kill();

    let service = over(&data).start();
    let anybody = Person::anybody(&service);
    assert!(is_doubted(&anybody.ask(PLACED)));
    assert_eq!(number(&anybody.ask(ZORKY)), counted(&orders, Some("canceled")));
    let pairs = anybody.list("pairs");
    assert_eq!((&pairs["total"], &pairs["pairs"][0]["why"]), (&json!(1), &json!("as I see it")));
    let still = anybody.judge(&answer, "up");
    assert_eq!(
        (still.status, still.pointers()),
        (422, vec!["/verdict".to_owned()]),
        "it is known, and found wrong: {}",
        still.text
    );
    let release = format!("/v1/query/pairs/{}/release", pairs["pairs"][0]["id"].as_str().unwrap());
    assert_eq!(anybody.call("POST", &release, "").status, 200);
    service.kill();
    let service = over(&data).start();
    assert!(!is_doubted(&Person::anybody(&service).ask(PLACED)));
}

#[test]
fn a_bad_verdict_or_proposal_is_refused_by_the_name_of_its_field() {
    let service = Builder::new().start();
    let anybody = Person::anybody(&service);
    let unknown = "01ARZ3NDEKTSV4RRFFQ69G5FAV";
    for (body, status, pointer) in [
        (json!({ "query_id": "x", "verdict": "up" }), 404, "/query_id"),
        (json!({ "query_id": unknown, "verdict": "up" }), 404, "/query_id"),
        (json!({ "query_id": unknown, "verdict": "maybe" }), 400, "/verdict"),
        (json!({ "query_id": unknown }), 400, "/verdict"),
        (json!({ "query_id": unknown, "verdict": "down", "comment": "x".repeat(2_001) }), 422, "/comment"),
        (json!({ "query_id": unknown, "verdict": "down", "mood": 1 }), 400, "/mood"),
    ] {
        let reply = anybody.post("/v1/query/feedback", &body);
        assert_eq!((reply.status, reply.pointers()), (status, vec![pointer.to_owned()]), "{body}: {}", reply.text);
    }
    let with = |term: &str, meaning: Value| json!({ "term": term, "meaning": meaning });
    let rows = |table: &str, condition: &str| json!({ "comment": "c", "table": table, "where": condition });
    for (body, status, pointer) in [
        (with("", rows(ORDERS, "order_status = 'canceled'")), 422, "/term"),
        (with("orders", rows(ORDERS, "order_status = 'canceled'")), 422, "/term"),
        (with("zorky", rows(ORDERS, "nothing = 1")), 422, "/meaning/where"),
        (with("zorky", rows(ORDERS, "1 = 1")), 422, "/meaning/where"),
        (with("zorky", rows(ORDERS, "drop table x")), 422, "/meaning/where"),
        (with("zorky", json!({ "comment": "c", "where": "order_status = 'canceled'" })), 422, "/meaning/table"),
        (with("zorky", json!({ "comment": "c" })), 422, "/meaning"),
        (with("zorky", json!({ "comment": "c", "measure": "orders", "term": "without_comment" })), 422, "/meaning/measure"),
        (with("zorky", json!({ "comment": "c", "measure": "nothing" })), 422, "/meaning/measure"),
        (with("zorky", json!({ "comment": "", "measure": "orders" })), 422, "/meaning/comment"),
        (with("zorky", json!({ "comment": "c", "dimension": "customer_state", "value": "XX" })), 422, "/meaning/value"),
        (with("zorky", json!({ "comment": "c", "sql": "1" })), 400, "/meaning/sql"),
        (json!({ "term": "zorky", "layer": "moon", "meaning": rows(ORDERS, "order_status = 'x'") }), 404, "/layer"),
    ] {
        let reply = anybody.post("/v1/query/terms", &body);
        assert_eq!((reply.status, reply.pointers()), (status, vec![pointer.to_owned()]), "{body}: {}", reply.text);
    }
    for path in ["pairs/x/release", "terms/x/confirm", "terms/00112233445566778899aabbccddeeff/approve"] {
        assert_eq!(anybody.call("POST", &format!("/v1/query/{path}"), "").status, 404, "{path}");
    }
    for (path, status, pointer) in [
        ("pairs?state=good", 400, "/state"),
        ("terms?state=good", 400, "/state"),
        ("pairs?limit=0", 422, "/limit"),
        ("pairs?after=null", 400, "/after"),
        ("terms?after=AB", 400, "/after"),
        ("terms?limit=201", 422, "/limit"),
        ("pairs?mood=1", 400, "/mood"),
    ] {
        let reply = anybody.call("GET", &format!("/v1/query/{path}"), "");
        assert_eq!((reply.status, reply.pointers()), (status, vec![pointer.to_owned()]), "{path}: {}", reply.text);
    }
}

#[test]
fn what_two_replicas_are_taught_at_one_time_both_know() {
    let server = RedisServer::start(&[]);
    let start = || Builder::new().set("STORE__BACKEND", &server.url()).start();
    let services = [start(), start()];
    let [one, two] = [&services[0], &services[1]].map(Person::anybody);
    let orders = put_orders(&one);
    let there = |person: &Person<'_>| person.ask(PLACED)["label"] != "UNABLE";
    until("the data set is known to both", || there(&one) && there(&two));
    let months = ["January", "February", "March", "April", "May", "June"];
    std::thread::scope(|scope| {
        for (person, year) in [(&one, 2017), (&two, 2018)] {
            scope.spawn(move || {
                for month in months {
                    let answer = person.ask(&format!("How many orders were placed in {month} {year}?"));
                    let judged = person.judge(&answer, "down");
                    assert_eq!(judged.status, 200, "{}", judged.text);
                }
            });
        }
    });
    for person in [&one, &two] {
        until("all is known", || person.list("pairs")["total"] == 12);
    }
    assert!(is_doubted(&two.ask("How many orders were placed in May 2017?")), "found wrong at the other");
    let term = one.post("/v1/query/terms", &zorky()).json();
    assert_eq!(one.step(&term["id"], "confirm").status, 200);
    until("the other has heard of it", || two.step(&term["id"], "approve").status == 200);
    until("it is read by both", || one.ask(ZORKY)["label"] != "UNABLE");
    for person in [&one, &two] {
        assert_eq!(number(&person.ask(ZORKY)), counted(&orders, Some("canceled")));
    }
    let answer = one.ask(PLACED);
    until("an answer can be judged at the other too", || two.judge(&answer, "up").status == 200);
}

fn until(what: &str, mut so: impl FnMut() -> bool) {
    let since = Instant::now();
    while !so() {
        assert!(since.elapsed() < Duration::from_secs(60), "{what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}
