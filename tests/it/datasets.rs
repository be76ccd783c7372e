//! `/v1/datasets`: rows in, rows out, and what is told of them.

use super::credentials::{ask, new_key};
use super::redis::RedisServer;
use super::service::{Builder, Reply, Service, binary, project, start};
use serde_json::{Value, json};
use std::io::Write;
use std::process::Command;
use std::time::{Duration, Instant};
use tempfile::TempDir;

const BOOK: &str =
    "time,symbol,depth_usd\n2025-03-14T12:00:00Z,BTC,1000.5\n2025-03-14T12:01:00Z,ETH,\n2025-03-14T12:02:00Z,BTC,7\n";

fn send(
    service: &Service,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: impl Into<reqwest::blocking::Body>,
) -> Reply {
    let http = reqwest::blocking::Client::builder().timeout(Duration::from_secs(120)).build().unwrap();
    let mut request = http.request(method.parse().unwrap(), format!("{}{path}", service.url)).body(body);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = request.send().unwrap();
    Reply { status: response.status().as_u16(), headers: response.headers().clone(), text: response.text().unwrap() }
}

fn put(service: &Service, path: &str, csv: &str) -> Reply {
    send(service, "PUT", path, &[("content-type", "text/csv")], csv.to_owned())
}

fn rows(service: &Service, name: &str) -> Vec<Value> {
    let reply = service.get(&format!("/v1/datasets/{name}/rows"));
    assert_eq!(reply.status, 200, "{}", reply.text);
    reply.lines()
}

#[test]
fn a_dataset_is_put_told_of_read_back_replaced_and_forgotten() {
    let service = start();
    let first = put(&service, "/v1/datasets/book?time=time&key=time,symbol", BOOK);
    assert_eq!(first.status, 201, "{}", first.text);
    let told = first.json();
    assert_eq!((told["version"].as_u64(), told["rows"].as_u64()), (Some(1), Some(3)));
    let columns =
        json!([{"name": "time", "type": "time"}, {"name": "symbol", "type": "text"}, {"name": "depth_usd", "type": "number"}]);
    assert_eq!(told["columns"], columns);
    assert_eq!(told["window"], json!(["2025-03-14T12:00:00Z", "2025-03-14T12:02:00Z"]));
    assert_eq!(told["report"]["missing"], json!([["depth_usd", 1]]));
    assert_eq!(service.get("/v1/datasets/book").json(), told);
    assert_eq!(service.get("/v1/datasets").json()["datasets"][0]["hash"], told["hash"]);
    let lines = rows(&service, "book");
    assert_eq!(lines[1], json!({"time": "2025-03-14T12:01:00Z", "symbol": "ETH", "depth_usd": null}));
    let page = send(&service, "GET", "/v1/datasets/book/rows?from=1&limit=1", &[("accept", "text/csv")], "");
    assert_eq!(page.text, "time,symbol,depth_usd\n2025-03-14T12:01:00Z,ETH,\n");
    let link = page.headers["link"].to_str().unwrap();
    assert_eq!(link, "</v1/datasets/book/rows?from=2&limit=1&format=csv>; rel=\"next\"");
    assert_eq!(page.headers["etag"], first.headers["etag"]);

    let second = put(&service, "/v1/datasets/book", "n\n1\n");
    assert_eq!((second.status, second.json()["version"].as_u64()), (200, Some(2)));
    assert_ne!(second.json()["hash"], told["hash"]);
    assert_eq!(rows(&service, "book"), [json!({"n": 1.0})]);
    assert_eq!(service.request("DELETE", "/v1/datasets/book", "").status, 204);
    assert_eq!(service.request("DELETE", "/v1/datasets/book", "").status, 404);
    for path in ["/v1/datasets/book", "/v1/datasets/book/rows"] {
        assert_eq!(service.get(path).status, 404);
    }
    assert_eq!(service.get("/v1/datasets").json(), json!({"datasets": []}));
}

#[test]
fn rows_that_are_appended_join_those_that_are_there_by_their_key() {
    let service = start();
    put(&service, "/v1/datasets/book?time=time&key=time,symbol", BOOK);
    let more = "time,symbol,depth_usd\n2025-03-14T12:02:00Z,BTC,8\n2025-03-14T11:59:00Z,BTC,9\n";
    let appended = put(&service, "/v1/datasets/book?mode=append", more);
    assert_eq!(appended.status, 200, "{}", appended.text);
    let told = appended.json();
    assert_eq!((told["version"].as_u64(), told["rows"].as_u64()), (Some(2), Some(4)));
    assert_eq!((&told["report"]["duplicates"], &told["report"]["rows_read"]), (&json!(1), &json!(2)));
    let depths: Vec<Value> = rows(&service, "book").iter().map(|row| row["depth_usd"].clone()).collect();
    assert_eq!(depths, [json!(9.0), json!(1000.5), json!(null), json!(8.0)]);
    // Digits alone stay texts where the column holds texts.
    let digits = put(&service, "/v1/datasets/book?mode=append", "time,symbol,depth_usd\n2025-03-14T12:03:00Z,1000,1\n");
    assert_eq!(digits.status, 200, "{}", digits.text);
    let other = put(&service, "/v1/datasets/book?mode=append", "time,symbol\n2025-03-14T12:03:00Z,BTC\n");
    assert_eq!((other.status, other.pointers()), (422, vec!["/columns/depth_usd".to_owned()]), "{}", other.text);
    assert_eq!(put(&service, "/v1/datasets/fresh?mode=append", BOOK).status, 201, "where nothing is there it is the first");
}

#[test]
fn what_is_wrong_with_an_upload_is_named() {
    let service = start();
    let refused = |path: &str, body: &str| {
        let reply = put(&service, path, body);
        (reply.status, reply.pointers())
    };
    let one = |status, pointer: &str| (status, vec![pointer.to_owned()]);
    assert_eq!(refused("/v1/datasets/a%20b", BOOK), one(422, "/name"));
    assert_eq!(refused("/v1/datasets/a?mood=good", BOOK), one(400, "/mood"));
    assert_eq!(refused("/v1/datasets/a?mode=merge", BOOK), one(422, "/mode"));
    assert_eq!(refused("/v1/datasets/a?time=when", BOOK), one(422, "/time_column"));
    assert_eq!(refused("/v1/datasets/a?time=symbol", BOOK), one(422, "/time_column"));
    assert_eq!(refused("/v1/datasets/a?key=time,market", BOOK), one(422, "/key/1"));
    assert_eq!(refused("/v1/datasets/a?types=symbol:date", BOOK), one(422, "/types"));
    assert_eq!(refused("/v1/datasets/a?time_zone=Mars", BOOK), one(422, "/time_zone"));
    assert_eq!(refused("/v1/datasets/a?ttl_sec=1", BOOK), one(422, "/ttl_sec"));
    assert_eq!(refused("/v1/datasets/a", ""), one(400, ""));
    let bad = "n,s\n1,a\n2,b,c\n";
    assert_eq!(refused("/v1/datasets/a?strict=true", bad), one(422, "/rows/2"));
    for kind in ["application/json", ""] {
        assert_eq!(send(&service, "PUT", "/v1/datasets/a", &[("content-type", kind)], BOOK).status, 415, "{kind}");
    }
    let deflated = [("content-type", "text/csv"), ("content-encoding", "br")];
    assert_eq!(send(&service, "PUT", "/v1/datasets/a", &deflated, BOOK).status, 415);
    let huge = vec![b'1'; (64 << 20) + 1];
    assert_eq!(send(&service, "PUT", "/v1/datasets/a", &[("content-type", "text/csv")], huge).status, 413);
    assert_eq!(service.get("/v1/datasets/a").status, 404, "nothing of it was kept");
    let kept = put(&service, "/v1/datasets/a", bad).json();
    assert_eq!((&kept["rows"], &kept["report"]["bad"][0]["row"]), (&json!(1), &json!(2)));
    assert_eq!(service.get("/v1/datasets/a/rows?limit=0").pointers(), ["/limit"]);
    assert_eq!(service.get("/v1/datasets/a/rows?from=x").pointers(), ["/from"]);
    assert_eq!(service.get("/v1/datasets?limit=0").pointers(), ["/limit"]);
    let posted = service.request("POST", "/v1/datasets/a", "");
    assert_eq!((posted.status, &posted.headers["allow"]), (405, &"PUT, GET, DELETE".parse().unwrap()));
}

#[test]
fn the_same_rows_have_one_hash_whether_they_come_as_csv_ndjson_or_compressed() {
    let service = start();
    let csv = put(&service, "/v1/datasets/csv", BOOK).json();
    assert_eq!(csv["window"], json!(["2025-03-14T12:00:00Z", "2025-03-14T12:02:00Z"]), "the only times say when");
    let lines = r#"{"time":"2025-03-14T13:00:00+01:00","symbol":"BTC","depth_usd":1000.5}
{"time":"2025-03-14T12:01:00Z","symbol":"ETH","depth_usd":null}
{"time":"2025-03-14T12:02:00Z","symbol":"BTC","depth_usd":7}"#;
    let ndjson = send(&service, "PUT", "/v1/datasets/ndjson", &[("content-type", "application/x-ndjson")], lines);
    assert_eq!(ndjson.json()["hash"], csv["hash"], "{}", ndjson.text);
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(BOOK.as_bytes()).unwrap();
    let headers = [("content-type", "text/csv"), ("content-encoding", "gzip")];
    let gz = send(&service, "PUT", "/v1/datasets/gz", &headers, encoder.finish().unwrap());
    assert_eq!(gz.json()["hash"], csv["hash"], "{}", gz.text);
    let parquet = std::fs::read(project().join("fuzz/seeds/parquet/snappy.parquet")).unwrap();
    let parquet = send(&service, "PUT", "/v1/datasets/p", &[("content-type", "application/vnd.apache.parquet")], parquet);
    assert!(parquet.status == 201 && parquet.json()["rows"].as_u64() > Some(0), "{}", parquet.text);
    assert_eq!(service.get("/v1/datasets?limit=2").json()["next"], "gz");
    assert_eq!(service.get("/v1/datasets?after=gz").json()["datasets"].as_array().unwrap().len(), 2);
}

#[test]
fn datasets_are_there_after_a_kill_and_a_restart() {
    let folder = TempDir::new().unwrap();
    let data = folder.path().join("d");
    let first = Builder::new().data(&data).start();
    let told = put(&first, "/v1/datasets/book?time=time", BOOK).json();
    let lines = rows(&first, "book");
    first.kill();
    let second = Builder::new().data(&data).start();
    assert_eq!(second.get("/v1/datasets/book").json(), told);
    assert_eq!(rows(&second, "book"), lines);
    assert_eq!(put(&second, "/v1/datasets/book", BOOK).json()["version"], 2);
}

#[test]
fn what_one_replica_is_given_the_others_read_also_when_it_is_killed() {
    let server = RedisServer::start(&["--appendonly", "yes"]);
    let over = || Builder::new().set("STORE__BACKEND", &server.url()).start();
    let (one, other) = (over(), over());
    let told = put(&one, "/v1/datasets/book?time=time", BOOK).json();
    let lines = rows(&one, "book");
    one.kill();
    let since = Instant::now();
    while other.get("/v1/datasets/book").status != 200 {
        assert!(since.elapsed() < Duration::from_secs(30), "the other was never told");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(other.get("/v1/datasets/book").json(), told);
    assert_eq!(rows(&other, "book"), lines);
    let next = put(&other, "/v1/datasets/book?mode=append", "time,symbol,depth_usd\n2025-03-14T12:09:00Z,BTC,1\n").json();
    assert_eq!((&next["version"], &next["rows"]), (&json!(2), &json!(4)));
    assert_eq!(other.request("DELETE", "/v1/datasets/book", "").status, 204);
}

#[test]
fn a_dataset_is_seen_by_its_tenant_alone_and_its_writes_are_on_record() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("keys.toml");
    let bearer = |tenant: &str, roles: &[&str]| format!("Bearer {}", new_key(&file, tenant, roles));
    let (writes, asks) = (bearer("acme", &["write"]), bearer("acme", &["decide"]));
    let (stranger, audits) = (bearer("other", &["admin", "write", "operate"]), bearer("acme", &["admin"]));
    let service =
        Builder::new().set("AUTH__KEYS_FILE", file.to_str().unwrap()).set("TENANTS__ACME__QUOTA__DATASETS", "1").start();
    let put = |who: &str, name: &str| {
        let headers = [("content-type", "text/csv"), ("authorization", who)];
        send(&service, "PUT", &format!("/v1/datasets/{name}"), &headers, BOOK)
    };
    assert_eq!(put(&asks, "book").status, 403);
    assert_eq!(put(&writes, "book").status, 201);
    assert_eq!(put(&writes, "book").status, 200, "another version is not another dataset");
    let over = put(&writes, "more");
    assert_eq!((over.status, over.json()["type"].as_str()), (422, Some("urn:instinct:problem:quota-reached")), "{}", over.text);
    for (method, path) in [("GET", "/v1/datasets/book"), ("GET", "/v1/datasets/book/rows"), ("DELETE", "/v1/datasets/book")] {
        assert_eq!(ask(&service, &stranger, (method, path), "").status, 404, "{method} {path}");
    }
    assert_eq!(ask(&service, &stranger, ("GET", "/v1/datasets"), "").json()["datasets"], json!([]));
    assert_eq!(ask(&service, &writes, ("DELETE", "/v1/datasets/book"), "").status, 204);
    let trail = ask(&service, &audits, ("GET", "/v1/audit"), "").lines();
    let actions: Vec<&str> = trail.iter().map(|event| event["action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["datasets.write", "datasets.write", "datasets.delete"]);
    assert_eq!((&trail[1]["about"]["dataset"], &trail[1]["about"]["version"]), (&json!("book"), &json!(2)));
}

#[test]
fn the_bars_of_the_market_are_the_dataset_ohlcv_until_something_is_put_under_that_name() {
    let service = start();
    assert_eq!(service.get("/v1/datasets/ohlcv").status, 404);
    let bar = |minute: u32, close: f64| {
        let at = format!("2024-01-01T00:{minute:02}:00Z");
        json!({"at": at, "interval_sec": 60, "open": 1, "high": 9, "low": 1, "close": close, "volume": 5}).to_string()
    };
    let bars = format!("{}\n{}", bar(0, 2.0), bar(1, 3.0));
    for instrument in ["ETH", "BTC"] {
        assert_eq!(service.request("PUT", &format!("/v1/market/{instrument}"), bars.clone()).status, 200);
    }
    let told = service.get("/v1/datasets/ohlcv").json();
    assert_eq!((&told["version"], &told["rows"]), (&json!(0), &json!(4)));
    let lines = rows(&service, "ohlcv");
    let first = json!({"time": "2024-01-01T00:00:00Z", "symbol": "BTC", "open": 1.0, "high": 9.0, "low": 1.0, "close": 2.0, "volume": 5.0});
    assert_eq!((&lines[0], &lines[2]["symbol"]), (&first, &json!("ETH")));
    service.request("PUT", "/v1/market/BTC", bar(1, 4.0));
    assert_ne!(service.get("/v1/datasets/ohlcv").json()["hash"], told["hash"], "a bar that changed is another content");
    put(&service, "/v1/datasets/ohlcv", BOOK);
    assert_eq!(service.get("/v1/datasets/ohlcv").json()["version"], 1);
    assert_eq!(service.get("/v1/datasets").json()["datasets"].as_array().unwrap().len(), 1);
}

#[test]
fn files_are_ingested_as_a_dataset_the_first_in_place_of_it_and_further_ones_behind() {
    let folder = TempDir::new().unwrap();
    let (a, b) = (folder.path().join("a.csv"), folder.path().join("b.ndjson"));
    std::fs::write(&a, BOOK).unwrap();
    std::fs::write(&b, "{\"time\":\"2025-03-14T12:05:00Z\",\"symbol\":\"SOL\",\"depth_usd\":3}\n").unwrap();
    let data = folder.path().join("d");
    let ingest = |arguments: &[&str]| {
        let mut command = Command::new(binary());
        command.arg("ingest").arg("--data-dir").arg(&data).args(arguments).env("INSTINCT_EMBED__MODEL", "hashing-64");
        command.env("INSTINCT_STRATEGIES__DIR", project().join("strategies")).output().unwrap()
    };
    let files = [a.to_str().unwrap(), b.to_str().unwrap()];
    let done = ingest(&["--kind", "dataset", "--name", "book", "--time", "time", files[0], files[1]]);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let nameless = ingest(&["--kind", "dataset", files[0]]);
    assert!(nameless.status.success(), "{}", String::from_utf8_lossy(&nameless.stderr));
    let wrong = ingest(&["--kind", "dataset", "--name", "book", "--time-zone", "Mars", files[0]]);
    assert!(String::from_utf8_lossy(&wrong.stderr).contains("--time-zone"));
    let service = Builder::new().embedded().data(&data).start();
    assert_eq!(service.get("/v1/datasets/book").json()["version"], 2);
    assert_eq!(service.get("/v1/datasets/a").json()["version"], 1, "without a name it is that of the file");
    assert_eq!(rows(&service, "book").last().unwrap()["symbol"], "SOL");
}

#[test]
fn a_folder_is_ingested_each_file_in_place_of_the_dataset_of_its_name_or_beside_those_that_are_kept() {
    let folder = TempDir::new().unwrap();
    let (tables, data) = (folder.path().join("tables"), folder.path().join("d"));
    std::fs::create_dir(&tables).unwrap();
    std::fs::write(tables.join("shops.csv"), "shop,zip\na,01310\nb,20040\n").unwrap();
    std::fs::write(tables.join(".hidden"), "not a table").unwrap();
    let ingest = |arguments: &[&str]| {
        let mut command = Command::new(binary());
        command
            .arg("ingest")
            .arg("--json")
            .arg("--data-dir")
            .arg(&data)
            .args(arguments)
            .env("INSTINCT_EMBED__MODEL", "hashing-64");
        let done = command.env("INSTINCT_STRATEGIES__DIR", project().join("strategies")).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        let report: Value = serde_json::from_slice(&done.stdout).unwrap();
        report.as_array().unwrap().iter().map(|file| (file["created"].clone(), file["skipped"].clone())).collect::<Vec<_>>()
    };
    let path = tables.to_str().unwrap();
    assert_eq!(ingest(&[path]), [(json!(2), json!(0))], "no kind is needed for CSV");
    std::fs::write(tables.join("shops.csv"), "shop,zip\na,01310\nb,20040\nc,30110\n").unwrap();
    assert_eq!(ingest(&["--keep", path]), [(json!(0), json!(2))]);
    assert_eq!(ingest(&[path]), [(json!(3), json!(0))]);
    std::fs::write(tables.join("streets.csv"), "street\nx\n").unwrap();
    assert_eq!(ingest(&["--keep", path]), [(json!(0), json!(3)), (json!(1), json!(0))]);
    let service = Builder::new().embedded().data(&data).start();
    assert_eq!(rows(&service, "shops").last().unwrap()["zip"], "30110");
    assert_eq!(service.get("/v1/datasets").json()["datasets"].as_array().unwrap().len(), 2);
}

#[test]
fn an_id_that_a_number_would_spoil_is_kept_wherever_it_stands_and_what_is_appended_to_numbers_is_not_changed() {
    let service = start();
    let mut shops = "shop,zip,phone,sold\n".to_owned();
    (0..400).for_each(|n| shops += &format!("s{n},{},{},{n}.25\n", 20_000 + n, 4_900_000_000_u64 + n));
    shops += "last,01310,+4930901820,7\n";
    let told = put(&service, "/v1/datasets/shops", &shops).json();
    let types: Vec<&str> = told["columns"].as_array().unwrap().iter().map(|column| column["type"].as_str().unwrap()).collect();
    assert_eq!(types, ["text", "text", "text", "number"]);
    let notes = told["report"]["notes"].to_string();
    assert!(notes.contains("`01310`") && notes.contains("`+4930901820`"), "{notes}");
    let last = json!({"shop": "last", "zip": "01310", "phone": "+4930901820", "sold": 7.0});
    assert_eq!(rows(&service, "shops").last(), Some(&last));

    put(&service, "/v1/datasets/zips", "zip\n20001\n");
    let more = put(&service, "/v1/datasets/zips?mode=append", "zip\n20002\n01310\n").json();
    let bad = &more["report"]["bad"];
    assert_eq!((&bad[0]["row"], &bad[0]["column"], &more["rows"]), (&json!(2), &json!("zip"), &json!(2)), "{more}");
    let strict = put(&service, "/v1/datasets/zips?mode=append&strict=true", "zip\n01310\n");
    assert_eq!((strict.status, strict.pointers()), (422, vec!["/rows/1/zip".to_owned()]));
    let numbers = put(&service, "/v1/datasets/numbers?types=zip:number", "zip\n01310\n").json();
    assert!(numbers["report"]["notes"].to_string().contains("noughts"), "who says so has numbers: {numbers}");
}
