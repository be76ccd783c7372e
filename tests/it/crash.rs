//! What was acknowledged survives `kill -9`, at any moment.

use super::service::{Builder, entry};
use serde_json::json;
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;
use tempfile::TempDir;

/// Kills of the real process; each at a random point of a stream of writes.
const KILLS: u64 = 200;

/// Lines of each bulk write; several batches, so that kills fall between and within commits.
const LINES: usize = 256;

/// Sends one bulk write and gives the texts whose result lines came back before the connection broke.
fn write_until_killed(address: &str, round: u64) -> Vec<String> {
    let text = |line: usize| format!("round {round} line {line}");
    let body = (1..=LINES).map(|line| entry(&text(line), 1).to_string()).collect::<Vec<_>>().join("\n");
    let Ok(mut stream) = TcpStream::connect(address) else { return Vec::new() };
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let head = format!("POST /v1/entries HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
    if stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes())).is_err() {
        return Vec::new();
    }
    // A line counts as acknowledged only when all of it came, its newline included.
    let mut acknowledged = Vec::new();
    let mut reader = BufReader::new(stream);
    let mut line = Vec::new();
    while reader.by_ref().take(1 << 20).read_until(b'\n', &mut line).is_ok_and(|n| n > 0) {
        if line.ends_with(b"\n")
            && let Ok(result) = serde_json::from_slice::<serde_json::Value>(&line)
        {
            assert_ne!(result["status"], "error", "{result}");
            acknowledged.extend(result["line"].as_u64().map(|n| text(n as usize)));
        }
        line.clear();
    }
    acknowledged
}

#[test]
fn nothing_acknowledged_is_lost_in_200_kills_at_random_points() {
    let folder = TempDir::new().unwrap();
    let data = folder.path().join("d");
    let mut random = fastrand::Rng::with_seed(20_261_121);
    let mut acknowledged: BTreeSet<String> = BTreeSet::new();
    let mut cut_short = 0;
    for round in 0..KILLS {
        // The start itself is part of the test: it must succeed on whatever the kill left behind.
        let service = Builder::new().data(&data).start();
        let address = service.url.strip_prefix("http://").unwrap().to_owned();
        let writer = std::thread::spawn(move || write_until_killed(&address, round));
        std::thread::sleep(Duration::from_micros(random.u64(0..60_000)));
        service.kill();
        let survived = writer.join().unwrap();
        cut_short += u64::from(!survived.is_empty() && survived.len() < LINES);
        acknowledged.extend(survived);
    }
    println!("{} lines acknowledged in {KILLS} kills, {cut_short} of which fell into the middle of a write", acknowledged.len());
    assert!(acknowledged.len() > 100, "the kills came too early to show anything");
    assert!(cut_short > 0, "no kill fell into the middle of a write");

    let service = Builder::new().data(&data).start();
    for text in &acknowledged {
        let answer = service.decide(&json!({"text": text, "allow": "fast"}));
        assert_eq!(answer["path"], "exact", "acknowledged and lost: {text}");
    }
    let ready = service.get("/health/ready").json();
    assert_eq!(ready["parts"]["cache"]["damaged_records"], 0, "{ready}");
}
