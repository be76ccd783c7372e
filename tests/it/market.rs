//! `/v1/market/{instrument}`: bars in bulk, what is held, and that it lasts.

use super::service::{Builder, Service, start};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// The start of a bar of that many hours after the start of 2024.
fn hour(n: usize) -> String {
    let (day, hour) = (n / 24, n % 24);
    let month_starts = [0, 31, 60, 91, 121, 152, 182, 213, 244, 274, 305, 335, 366];
    let month = month_starts.iter().rposition(|start| *start <= day).unwrap();
    format!("2024-{:02}-{:02}T{hour:02}:00:00Z", month + 1, day - month_starts[month] + 1)
}

fn bar(n: usize, close: f64) -> Value {
    json!({"at": hour(n), "open": close, "high": close * 1.01, "low": close * 0.99, "close": close, "volume": 10})
}

fn put(service: &Service, instrument: &str, bars: &[Value]) -> Vec<Value> {
    let body = bars.iter().map(Value::to_string).collect::<Vec<_>>().join("\n");
    let reply = service.request("PUT", &format!("/v1/market/{instrument}"), body);
    assert_eq!(reply.status, 200, "{}", reply.text);
    reply.lines()
}

fn statuses(lines: &[Value]) -> Vec<&str> {
    lines.iter().map(|line| line["status"].as_str().unwrap()).collect()
}

#[test]
fn bars_are_written_replaced_told_of_and_forgotten() {
    let service = start();
    assert_eq!(service.get("/v1/market/ETH").status, 404);
    let lines = put(&service, "eth", &[bar(1, 100.0), bar(0, 99.0)]);
    assert_eq!(statuses(&lines), ["created", "created"]);
    assert_eq!((lines[0]["line"].as_u64(), lines[0]["id"].as_str()), (Some(1), Some("2024-01-01T01:00:00Z")));
    assert_eq!(statuses(&put(&service, "ETH", &[bar(1, 101.0), bar(2, 102.0)])), ["replaced", "created"]);
    let held = service.get("/v1/market/Eth").json();
    let expected = json!({"instrument": "ETH", "interval_sec": 3600, "count": 3, "first": "2024-01-01T00:00:00Z",
                          "last": "2024-01-01T02:00:00Z", "last_close": 102.0});
    assert_eq!(held, expected);
    assert_eq!(service.request("DELETE", "/v1/market/ETH", "").status, 204);
    assert_eq!(service.request("DELETE", "/v1/market/ETH", "").status, 404);
    assert_eq!(service.get("/v1/market/ETH").status, 404);
    let minute = json!({"at": hour(0), "interval_sec": 60, "open": 1, "high": 1, "low": 1, "close": 1, "volume": 0});
    assert_eq!(statuses(&put(&service, "ETH", &[minute])), ["created"], "what was forgotten binds nobody to its interval");
}

#[test]
fn a_bad_line_fails_alone_and_names_its_field() {
    let service = start();
    let with = |field: &str, value: Value| {
        let mut line = bar(5, 100.0);
        line[field] = value;
        line
    };
    let cases = [
        (with("close", json!("high")), 400, "/close"),
        (with("mood", json!(1)), 400, "/mood"),
        (with("at", json!("yesterday")), 400, "/at"),
        (with("high", json!(1)), 422, "/high"),
        (with("low", json!(1e6)), 422, "/low"),
        (with("open", json!(-1)), 422, "/open"),
        (with("volume", json!(-1)), 422, "/volume"),
        (with("interval_sec", json!(0)), 422, "/interval_sec"),
        (with("interval_sec", json!(60)), 422, "/interval_sec"),
        (with("at", json!("2024-01-01T00:30:00Z")), 422, "/at"),
        (with("at", json!("2999-01-01T00:00:00Z")), 422, "/at"),
    ];
    let mut bars = vec![bar(0, 100.0)];
    bars.extend(cases.iter().map(|(line, ..)| line.clone()));
    bars.push(bar(1, 100.0));
    let lines = put(&service, "ETH", &bars);
    assert_eq!(lines.len(), cases.len() + 2);
    for ((sent, status, pointer), line) in cases.iter().zip(&lines[1..]) {
        assert_eq!(line["status"], "error", "{sent}: {line}");
        let problem = &line["error"];
        assert_eq!(
            (problem["status"].as_u64(), problem["errors"][0]["pointer"].as_str()),
            (Some(*status), Some(*pointer)),
            "{line}"
        );
    }
    assert_eq!(service.get("/v1/market/ETH").json()["count"], 2);
}

#[test]
fn a_name_that_is_none_a_query_and_a_wrong_method_are_refused() {
    let service = start();
    let line = bar(0, 1.0).to_string();
    assert_eq!(service.request("PUT", "/v1/market/a%20b", line.clone()).pointers(), ["/instrument"]);
    assert_eq!(service.get("/v1/market/a%20b").status, 404);
    let queried = service.request("PUT", "/v1/market/ETH?interval_sec=60", line.clone());
    assert_eq!((queried.status, queried.pointers()), (400, vec!["/interval_sec".to_owned()]));
    let posted = service.request("POST", "/v1/market/ETH", line);
    assert_eq!((posted.status, &posted.headers["allow"]), (405, &"PUT, GET, DELETE".parse().unwrap()));
}

#[test]
fn what_is_wrong_with_the_market_of_a_request_is_named_to_the_value() {
    let service = start();
    let decide = |market: Value| service.post("/v1/decide", &json!({"text": "a", "market": market}));
    let row = |close: f64| json!(["2024-01-01T00:00:00Z", 1.0, 1.0, 1.0, close, 5]);
    for (market, status, pointer) in [
        (json!({"bars": {"ETH": {"bars": [row(1.0), ["yesterday", 1, 1, 1, 1, 1]]}}}), 400, "/market/bars/ETH/bars/1/0"),
        (json!({"bars": {"ETH": {"bars": [row(2.0)]}}}), 422, "/market/bars/ETH/bars/0/2"),
        (json!({"bars": {"ETH": {"bars": [row(1.0), row(1.0)]}}}), 422, "/market/bars/ETH/bars/1"),
        (json!({"bars": {"ETH": {"bars": vec![row(1.0); 4_097]}}}), 422, "/market/bars"),
        (json!({"risk": {"limits": {"max_gross": -1}}}), 422, "/market/risk/limits/max_gross"),
        (
            json!({"risk": {"events": [{"at": "2024-01-01T00:00:00Z", "name": "FOMC", "impact": "huge"}]}}),
            400,
            "/market/risk/events/0/impact",
        ),
    ] {
        let reply = decide(market.clone());
        assert_eq!((reply.status, reply.pointers()), (status, vec![pointer.to_owned()]), "{market}: {}", reply.text);
    }
    let good = json!({"bars": {"eth": {"bars": [row(1.0)]}}, "risk": {"equity": 1000, "halted": ["SOL"]}});
    assert_eq!(decide(good).status, 200);
}

#[test]
fn fifty_five_thousand_bars_go_in_at_once_and_are_there_after_a_restart() {
    let folder = TempDir::new().unwrap();
    let data = folder.path().join("d");
    let first = Builder::new().data(&data).start();
    // Minutes, so that all of them lie within one year; `hour` counts them in sixties.
    let minute = |n: usize| {
        let at = hour(n / 60).replace(":00:00Z", &format!(":{:02}:00Z", n % 60));
        json!({"at": at, "interval_sec": 60, "open": 1.5, "high": 2, "low": 1, "close": 1 + n % 2, "volume": n})
    };
    let bars: Vec<Value> = (0..55_000).map(minute).collect();
    let lines = put(&first, "BTC", &bars);
    assert_eq!(lines.iter().filter(|line| line["status"] == "created").count(), 55_000);
    put(&first, "ETH", &[bar(0, 1.0)]);
    put(&first, "SOL", &[bar(0, 1.0)]);
    assert_eq!(first.request("DELETE", "/v1/market/SOL", "").status, 204);
    let held = first.get("/v1/market/BTC").json();
    assert_eq!((held["count"].as_u64(), held["last_close"].as_f64()), (Some(55_000), Some(2.0)));
    assert_eq!(first.terminate(), Some(0));

    let second = Builder::new().data(&data).start();
    assert_eq!(second.get("/v1/market/BTC").json(), held);
    assert_eq!(second.get("/v1/market/SOL").status, 404, "what was forgotten stays forgotten");
    assert_eq!(second.get("/health/ready").json()["parts"]["cache"]["restored_bars"], 55_001);
}

/// Sends bars and gives how many lines were acknowledged before the connection broke.
fn write_until_killed(address: &str, bars: &[Value]) -> usize {
    let body = bars.iter().map(Value::to_string).collect::<Vec<_>>().join("\n");
    let Ok(mut stream) = TcpStream::connect(address) else { return 0 };
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let head = format!("PUT /v1/market/ETH HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
    if stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes())).is_err() {
        return 0;
    }
    let (mut acknowledged, mut line, mut reader) = (0, Vec::new(), BufReader::new(stream));
    while reader.by_ref().take(1 << 20).read_until(b'\n', &mut line).is_ok_and(|n| n > 0) {
        // A line counts only when all of it came, its newline included.
        acknowledged += usize::from(line.ends_with(b"\n") && line.windows(9).any(|part| part == b"\"status\":"));
        line.clear();
    }
    acknowledged
}

#[test]
fn bars_that_were_acknowledged_survive_a_kill_in_the_middle_of_a_write() {
    let folder = TempDir::new().unwrap();
    let data = folder.path().join("d");
    let bars: Vec<Value> = (0..8_000).map(|n| bar(n, 100.0 + n as f64)).collect();
    let mut cut_short = 0;
    for round in 0..8_u64 {
        let service = Builder::new().data(&data).start();
        let before = service.get("/v1/market/ETH");
        let address = service.url.strip_prefix("http://").unwrap().to_owned();
        let sent = bars.clone();
        let writer = std::thread::spawn(move || write_until_killed(&address, &sent));
        std::thread::sleep(Duration::from_millis(40 + 60 * round));
        service.kill();
        let acknowledged = writer.join().unwrap();
        cut_short += usize::from(acknowledged > 0 && acknowledged < bars.len());
        let again = Builder::new().data(&data).start();
        let held = again.get("/v1/market/ETH");
        let count = |reply: &super::service::Reply| if reply.status == 200 { reply.json()["count"].as_u64().unwrap() } else { 0 };
        let expected = count(&before).max(acknowledged as u64);
        assert!(count(&held) >= expected, "{acknowledged} bars were acknowledged and {} are held", count(&held));
        assert_eq!(again.get("/health/ready").json()["parts"]["cache"]["damaged_records"], 0);
        if count(&held) > 0 {
            let last = usize::try_from(count(&held)).unwrap() - 1;
            assert_eq!(
                held.json()["last_close"].as_f64(),
                Some(100.0 + last as f64),
                "a prefix of what was sent is held, nothing else"
            );
            // Over Redis the killed service may have held the instrument's lease, which has to end first.
            let since = Instant::now();
            let mut gone = again.request("DELETE", "/v1/market/ETH", "");
            while gone.status == 503 && since.elapsed() < Duration::from_secs(20) {
                gone = again.request("DELETE", "/v1/market/ETH", "");
            }
            assert_eq!(gone.status, 204, "{}", gone.text);
        }
        again.terminate();
    }
    assert!(cut_short > 0, "no kill fell into the middle of a write");
}
