//! Memory and disk say the same, whoever leaves and whoever writes at once.

use super::service::{Builder, Service};
use serde_json::json;
use std::io::Write;
use std::net::{Shutdown, TcpStream};
use std::time::Duration;
use tempfile::TempDir;

fn conviction(service: &Service, text: &str) -> Option<f64> {
    service.decide(&json!({"text": text, "allow": "fast"}))["decision"]["conviction"].as_f64()
}

fn entry(text: &str, conviction: f64) -> String {
    json!({"text": text, "decision": {"kind": "trade", "signal": 1, "conviction": conviction}}).to_string()
}

#[test]
fn a_client_that_leaves_in_the_middle_of_a_write_leaves_memory_and_disk_alike() {
    let folder = TempDir::new().unwrap();
    let service = Builder::new().data(&folder.path().join("d")).start();
    let address = service.url.strip_prefix("http://").unwrap().to_owned();
    let mut random = fastrand::Rng::with_seed(3);
    for i in 0..150 {
        let body = entry(&format!("headline {i}"), 0.5);
        let mut stream = TcpStream::connect(&address).unwrap();
        let head = format!("POST /v1/entries HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        stream.write_all(head.as_bytes()).unwrap();
        std::thread::sleep(Duration::from_micros(random.u64(0..9_000)));
        stream.shutdown(Shutdown::Both).unwrap();
    }
    // A write that was begun is ended by the service alone; this one comes after all of them.
    std::thread::sleep(Duration::from_millis(500));
    let before: Vec<_> = (0..150).map(|i| conviction(&service, &format!("headline {i}"))).collect();
    assert!(before.iter().any(Option::is_some), "nothing was written at all");
    let data = service.kill();
    let again = Builder::new().data(&data).start();
    let after: Vec<_> = (0..150).map(|i| conviction(&again, &format!("headline {i}"))).collect();
    assert_eq!(before, after);
}

#[test]
fn writers_of_one_entry_at_once_leave_the_same_one_in_memory_and_on_disk() {
    let folder = TempDir::new().unwrap();
    let service = Builder::new().data(&folder.path().join("d")).start();
    std::thread::scope(|scope| {
        for writer in 0..4 {
            let service = &service;
            scope.spawn(move || {
                for round in 0..25 {
                    let lines: Vec<String> =
                        (0..4).map(|text| entry(&format!("text {text}"), f64::from(writer * 100 + round) / 1_000.0)).collect();
                    service.request("POST", "/v1/entries", lines.join("\n"));
                }
            });
        }
    });
    let told = |service: &Service| (0..4).map(|text| conviction(service, &format!("text {text}"))).collect::<Vec<_>>();
    let before = told(&service);
    let data = service.kill();
    assert_eq!(told(&Builder::new().data(&data).start()), before);
}
