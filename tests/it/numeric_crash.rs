//! What `kill -9` leaves of data sets that are being put and of models that are being fitted: the old whole, nothing of the new, and all that was
//! acknowledged.

use super::service::{Builder, Service};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Kills in the middle of uploads.
const KILLS: u64 = 9;
/// Rows of each upload: enough to be in several pieces on disk.
const ROWS: u64 = 20_000;

/// A data set whose every row says which upload it came by.
fn csv(upload: u64) -> String {
    let rows: Vec<String> = (0..ROWS).map(|row| format!("{row},{upload},{}", row * 7 + upload)).collect();
    format!("row,upload,value\n{}\n", rows.join("\n"))
}

fn begin(service: &Service, body: &str) -> TcpStream {
    let mut stream = TcpStream::connect(service.url.strip_prefix("http://").unwrap()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let head = "PUT /v1/datasets/book HTTP/1.1\r\nhost: x\r\ncontent-type: text/csv\r\nconnection: close";
    write!(stream, "{head}\r\ncontent-length: {}\r\n\r\n", body.len()).unwrap();
    stream
}

/// The version of the data set and the upload that each of its rows came by, or nothing where there is none.
fn held(service: &Service) -> Option<(u64, u64)> {
    let told = service.get("/v1/datasets/book");
    if told.status == 404 {
        return None;
    }
    let told = told.json();
    let mut uploads = Vec::new();
    while (uploads.len() as u64) < told["rows"].as_u64().unwrap() {
        let page = service.get(&format!("/v1/datasets/book/rows?from={}&limit=10000", uploads.len()));
        assert_eq!(page.status, 200, "{}", page.text);
        let lines = page.lines();
        assert!(!lines.is_empty(), "rows are missing after {}", uploads.len());
        uploads.extend(lines.iter().map(|row| row["upload"].as_f64().unwrap() as u64));
    }
    assert_eq!(uploads.len() as u64, ROWS);
    assert!(uploads.iter().all(|upload| *upload == uploads[0]), "rows of two uploads are mixed");
    Some((told["version"].as_u64().unwrap(), uploads[0]))
}

#[test]
fn a_dataset_is_there_whole_as_it_was_or_as_it_was_acknowledged_whenever_an_upload_is_killed() {
    let folder = TempDir::new().unwrap();
    let data = folder.path().join("d");
    let mut random = fastrand::Rng::with_seed(20_261_122);
    // The first one tells how long an upload takes here, and is kept.
    let service = Builder::new().data(&data).start();
    let since = Instant::now();
    let first = service.send("PUT", "/v1/datasets/book", &[("Content-Type", "text/csv")], csv(0).into_bytes());
    assert_eq!(first.status, 201, "{}", first.text);
    let lasts = u64::try_from(since.elapsed().as_micros()).unwrap();
    service.kill();
    let (mut before, mut cut, mut kept) = (Some((1, 0)), 0, 0);
    for upload in 1..=KILLS {
        let service = Builder::new().data(&data).start();
        assert_eq!(held(&service), before, "what the last start held");
        let body = csv(upload);
        let mut stream = begin(&service, &body);
        // One in three is killed before all of its body came.
        let part = if upload % 3 == 0 { random.usize(1..body.len()) } else { body.len() };
        stream.write_all(&body.as_bytes()[..part]).unwrap();
        let mut answer = stream.try_clone().unwrap();
        let reader = std::thread::spawn(move || {
            let mut said = String::new();
            let _ = answer.read_to_string(&mut said);
            said
        });
        std::thread::sleep(Duration::from_micros(random.u64(0..lasts * 5 / 4)));
        service.kill();
        let acknowledged = reader.join().unwrap().starts_with("HTTP/1.1 2");
        cut += u64::from(!acknowledged);
        let service = Builder::new().data(&data).start();
        let now = held(&service);
        let (old, new) = (before, before.map(|(version, _)| (version + 1, upload)));
        assert!(if acknowledged { now == new } else { now == old || now == new }, "{acknowledged}: {old:?} became {now:?}");
        assert!(part == body.len() || now == old, "a body that was cut off was taken");
        kept += u64::from(now == new);
        before = now;
        service.kill();
    }
    println!("{KILLS} kills, {cut} of them before the answer; {kept} uploads are kept");
    assert!(cut > 0, "no kill fell into the middle of an upload");
}

/// A case whose fit takes seconds: its intervals are drawn many times.
const CASE: &str = r#"
id = "XX-01"
title = "Slow concentration"
description = "How concentrated values are."
category = "Test"
method = "hhi-concentration"
reference = "Hirschman (1964)"
questions = ["How concentrated are the values of the book?"]
cadence = "24h"
fresh_for = "24h"
fit_within = "120s"
sentence = "The index is {hhi|number:4}."

[inputs.positions]
dataset = "book"
columns = { account = "account", notional = "value" }

[settings]
trials = 9999

[output]
type = "object"
required = ["hhi"]
[output.properties.hhi]
type = "number"
"#;

fn with_the_case(data: &Path, cases: &Path) -> Service {
    let set = Builder::new().data(data).set("ENGINE__NUMERIC__SCHEDULE", "false").set("ENGINE__NUMERIC__PATIENCE", "20");
    set.set("ENGINE__NUMERIC__CASES_DIR", cases.to_str().unwrap()).start()
}

fn accounts(service: &Service, count: u64) {
    let rows: Vec<String> = (1..=count).map(|row| format!("a{row},{}", row * row % 977 + 1)).collect();
    let body = format!("account,value\n{}\n", rows.join("\n"));
    let reply = service.send("PUT", "/v1/datasets/book", &[("Content-Type", "text/csv")], body.into_bytes());
    assert!(reply.status < 300, "{}", reply.text);
}

#[test]
fn a_fit_that_is_killed_leaves_the_one_before_and_nothing_of_itself() {
    let folder = TempDir::new().unwrap();
    let (data, cases) = (folder.path().join("d"), folder.path().join("cases"));
    std::fs::create_dir(&cases).unwrap();
    std::fs::write(cases.join("xx-01.toml"), CASE).unwrap();
    let service = with_the_case(&data, &cases);
    accounts(&service, 15);
    let first = service.get("/v1/numeric/XX-01").json();
    assert_eq!(first["version"], json!(1), "{first:#}");
    accounts(&service, 4_000);
    let mut stream = TcpStream::connect(service.url.strip_prefix("http://").unwrap()).unwrap();
    stream.write_all(b"GET /v1/numeric/XX-01?deadline_ms=100000 HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
    let since = Instant::now();
    while !service.get("/metrics").text.contains("numeric_fits_under_way 1") {
        assert!(since.elapsed() < Duration::from_secs(20), "the fit never began: {}", service.get("/metrics").text);
    }
    // Its data are read and its numbers are being made by now.
    std::thread::sleep(Duration::from_millis(100));
    service.kill();
    let service = with_the_case(&data, &cases);
    let told = service.get("/v1/numeric/XX-01/versions").json();
    let versions: Vec<&Value> = told["versions"].as_array().unwrap().iter().map(|fit| &fit["version"]).collect();
    assert_eq!(versions, [&json!(1)], "{told:#}");
    let old = service.get("/v1/numeric/XX-01?version=1").json();
    assert_eq!((&old["values"], &old["fitted_at"]), (&first["values"], &first["fitted_at"]));
    assert_eq!(old["stale"], json!(true), "the data that were acknowledged are there: {old:#}");
    assert_eq!(service.get("/v1/datasets/book").json()["rows"], json!(4_000));
}

#[test]
fn a_fit_ends_where_the_connection_of_the_only_caller_closes() {
    let folder = TempDir::new().unwrap();
    let (data, cases) = (folder.path().join("d"), folder.path().join("cases"));
    std::fs::create_dir(&cases).unwrap();
    std::fs::write(cases.join("xx-01.toml"), CASE).unwrap();
    let service = with_the_case(&data, &cases);
    accounts(&service, 4_000);
    let mut stream = TcpStream::connect(service.url.strip_prefix("http://").unwrap()).unwrap();
    stream.write_all(b"GET /v1/numeric/XX-01?deadline_ms=100000 HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
    let until = |count: &str| {
        let (since, wanted) = (Instant::now(), format!("numeric_fits_under_way {count}"));
        while !service.get("/metrics").text.contains(&wanted) {
            assert!(since.elapsed() < Duration::from_secs(20), "never {wanted}");
            std::thread::sleep(Duration::from_millis(20));
        }
    };
    until("1");
    drop(stream);
    until("0");
    let told = service.get("/v1/numeric/XX-01/versions").json();
    assert_eq!(told["versions"], json!([]), "it was ended, not made: {told:#}");
}
