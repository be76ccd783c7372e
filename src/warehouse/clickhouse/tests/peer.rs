//! A small server that speaks ClickHouse's HTTP interface over the engine in process: settings and values in the URL, the statement in the
//! body, a user and a password in headers, faults with their code, packed answers, and queries that are ended by their name.

use super::super::super::embedded::tests as engine;
use flate2::Compression;
use flate2::write::GzEncoder;
use reqwest::Url;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// What stands in a URL and is no setting.
const NOT_SETTINGS: [&str; 5] = ["query_id", "database", "default_format", "enable_http_compression", "readonly"];

pub(super) struct Peer {
    port: u16,
    stopped: Arc<AtomicBool>,
}

struct Request {
    pairs: Vec<(String, String)>,
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

impl Peer {
    pub(super) fn start(user: &'static str, password: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (port, stopped) = (listener.local_addr().unwrap().port(), Arc::new(AtomicBool::new(false)));
        let stop = Arc::clone(&stopped);
        std::thread::spawn(move || {
            for stream in listener.incoming().take_while(|_| !stop.load(Ordering::Relaxed)) {
                std::thread::spawn(move || converse(stream.unwrap(), user, password));
            }
        });
        Self { port, stopped }
    }

    pub(super) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}

fn converse(stream: TcpStream, user: &str, password: &str) {
    let (mut reader, mut writer) = (BufReader::new(stream.try_clone().unwrap()), stream);
    while let Some(request) = read(&mut reader) {
        // Nobody waits for it any more.
        if gone(&writer) {
            return;
        }
        let header = |name: &str| request.headers.get(name).map_or("", String::as_str);
        let answer = if (header("x-clickhouse-user"), header("x-clickhouse-key")) == (user, password) {
            answer(&request)
        } else {
            Err(format!("Code: 516. DB::Exception: {user}: Authentication failed. (AUTHENTICATION_FAILED)"))
        };
        let (status, bytes) = match answer {
            Ok(rows) => ("200 OK", rows),
            Err(said) => ("500 Internal Server Error", said.into_bytes()),
        };
        let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
        packed.write_all(&bytes).unwrap();
        let (head, bytes) = match header("accept-encoding") {
            "gzip" => ("Content-Encoding: gzip\r\n", packed.finish().unwrap()),
            _ => ("", bytes),
        };
        let head = format!("HTTP/1.1 {status}\r\n{head}Content-Length: {}\r\n\r\n", bytes.len());
        if writer.write_all(head.as_bytes()).and_then(|()| writer.write_all(&bytes)).is_err() {
            return;
        }
    }
}

fn gone(stream: &TcpStream) -> bool {
    stream.set_nonblocking(true).unwrap();
    let gone = matches!(stream.peek(&mut [0]), Ok(0));
    stream.set_nonblocking(false).unwrap();
    gone
}

fn read(reader: &mut impl BufRead) -> Option<Request> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|count| *count > 0)?;
    let url = Url::parse("http://peer").unwrap().join(line.split(' ').nth(1)?).unwrap();
    let pairs = url.query_pairs().into_owned().collect();
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        headers.insert(name.to_ascii_lowercase(), value.to_owned());
    }
    let length = headers.get("content-length").map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Request { pairs, headers, body })
}

fn answer(request: &Request) -> Result<Vec<u8>, String> {
    let given = |name: &str| request.pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    let sql = String::from_utf8(request.body.clone()).unwrap();
    if let Some(named) = sql.strip_prefix("KILL QUERY WHERE query_id = ") {
        // The engine in process names queries itself, so the name stands in the comment.
        return engine::raw(&[], &format!("KILL QUERY WHERE Settings['log_comment'] = {named}"), &[], "TSV");
    }
    assert!(given("readonly") == Some("1"), "whatever is asked may only read");
    let quoted = |value: &str| format!("'{}'", value.replace('\\', "\\\\").replace('\'', "\\'"));
    let is_setting = |name: &str| !NOT_SETTINGS.contains(&name) && !name.starts_with("param_");
    let settings =
        request.pairs.iter().filter(|(name, _)| is_setting(name)).map(|(name, value)| format!("{name} = {}", quoted(value)));
    let mut settings: Vec<String> = settings.collect();
    settings.push(format!("log_comment = {}", quoted(given("query_id").unwrap())));
    settings.push("readonly = 1".to_owned());
    let before = [format!("USE `{}`", given("database").unwrap()), format!("SET {}", settings.join(", "))];
    let values: Vec<(String, String)> =
        request.pairs.iter().filter_map(|(name, value)| Some((name.strip_prefix("param_")?.to_owned(), value.clone()))).collect();
    // A server takes one statement, writes no file for a client and reads none for a function.
    let guarded = sql.strip_prefix("EXPLAIN ESTIMATE ").unwrap_or(&sql);
    if let Some(fault) = engine::guarded(guarded) {
        return Err(format!("Code: 62. DB::Exception: {fault}. (SYNTAX_ERROR)"));
    }
    engine::raw(&before, &sql, &values, given("default_format").unwrap())
}
