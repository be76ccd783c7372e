//! Traces as a collector receives them.

use crate::service::{Builder, Service, entry};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::Span;
use parking_lot::Mutex;
use prost::Message;
use serde_json::json;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A collector that takes OTLP over HTTP and keeps the spans.
struct Collector {
    endpoint: String,
    spans: Arc<Mutex<Vec<Span>>>,
}

impl Collector {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let spans = Arc::<Mutex<Vec<Span>>>::default();
        let kept = Arc::clone(&spans);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let kept = Arc::clone(&kept);
                std::thread::spawn(move || while take(&stream, &kept).is_some() {});
            }
        });
        Self { endpoint, spans }
    }

    /// The spans of a trace, once there are `count`.
    fn spans_of(&self, trace: &str, count: usize) -> Vec<Span> {
        let since = Instant::now();
        loop {
            let all: Vec<Span> = self.spans.lock().iter().filter(|span| hex::encode(&span.trace_id) == trace).cloned().collect();
            if all.len() >= count {
                return all;
            }
            assert!(since.elapsed() < Duration::from_secs(30), "{count} spans were expected, and these came: {all:?}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

fn take(stream: &TcpStream, kept: &Mutex<Vec<Span>>) -> Option<()> {
    let (mut reader, mut length, mut line) = (BufReader::new(stream), 0, String::new());
    reader.read_line(&mut line).ok().filter(|bytes| *bytes > 0)?;
    assert!(line.starts_with("POST /v1/traces "), "{line}");
    loop {
        line.clear();
        reader.read_line(&mut line).ok()?;
        if line.trim().is_empty() {
            break;
        }
        if let Some(said) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = said.trim().parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let request = ExportTraceServiceRequest::decode(&body[..]).unwrap();
    let spans = request.resource_spans.into_iter().flat_map(|of| of.scope_spans).flat_map(|of| of.spans);
    kept.lock().extend(spans);
    (&*stream).write_all(b"HTTP/1.1 200 OK\r\ncontent-type: application/x-protobuf\r\ncontent-length: 0\r\n\r\n").ok()
}

fn decide(service: &Service, text: &str, traceparent: Option<&str>) -> reqwest::blocking::Response {
    let mut request = reqwest::blocking::Client::new().post(format!("{}/v1/decide", service.url));
    if let Some(traceparent) = traceparent {
        request = request.header("traceparent", traceparent);
    }
    let response = request.body(json!({"text": text, "allow": "fast"}).to_string()).send().unwrap();
    assert_eq!(response.status(), 200);
    response
}

fn service(collector: &Collector, sample: &str) -> Service {
    let builder = Builder::new().set("TRACES__ENDPOINT", &collector.endpoint).set("TRACES__SAMPLE", sample);
    let service = builder.start();
    service.remember(&entry("SEC approves spot ETH ETF", 1));
    service
}

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

#[test]
fn a_recorded_request_becomes_a_span_for_each_stage_below_that_of_its_caller() {
    let collector = Collector::start();
    let service = service(&collector, "0");
    let response = decide(&service, "SEC approves a spot ETH ETF", Some(&format!("00-{TRACE}-00f067aa0ba902b7-01")));
    assert_eq!(response.headers()["x-trace-id"], TRACE);
    assert_eq!(service.terminate(), Some(0));
    let spans = collector.spans_of(TRACE, 4);
    let named = |name: &str| spans.iter().find(|span| span.name == name).unwrap_or_else(|| panic!("no {name} in {spans:?}"));
    let (server, whole, embed) = (named("POST /v1/decide"), named("decide"), named("embed"));
    assert_eq!(hex::encode(&server.parent_span_id), "00f067aa0ba902b7");
    assert_eq!(whole.parent_span_id, server.span_id);
    assert_eq!(embed.parent_span_id, whole.span_id);
    let attribute = |key: &str| whole.attributes.iter().any(|told| told.key == key);
    assert!(attribute("instinct.strategy") && attribute("instinct.path") && attribute("instinct.outcome"));
    for span in &spans {
        assert!(span.end_time_unix_nano >= span.start_time_unix_nano);
        // What a text says is nobody's business who reads traces.
        assert!(!format!("{span:?}").contains("ETH"), "{span:?}");
    }
    assert!(embed.end_time_unix_nano <= whole.end_time_unix_nano + 1_000_000, "the stages lie within the whole");
}

#[test]
fn a_request_that_its_caller_does_not_record_is_not_recorded_and_others_are_by_lot() {
    let collector = Collector::start();
    let service = service(&collector, "1");
    decide(&service, "Fed holds rates", Some(&format!("00-{TRACE}-00f067aa0ba902b7-00")));
    let of_its_own = decide(&service, "ECB cuts rates", None).headers()["x-trace-id"].to_str().unwrap().to_owned();
    assert_eq!(service.terminate(), Some(0));
    assert!(collector.spans_of(&of_its_own, 3).iter().any(|span| span.name == "decide"));
    assert!(collector.spans_of(TRACE, 0).is_empty());
}

#[test]
fn a_collector_that_is_away_costs_no_answer() {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap();
    let collector = Collector { endpoint: format!("http://{}", nobody.local_addr().unwrap()), spans: Arc::default() };
    drop(nobody);
    let service = Builder::new().set("TRACES__ENDPOINT", &collector.endpoint).set("TRACES__SAMPLE", "1").start();
    for _ in 0..20 {
        decide(&service, "Fed holds rates", None);
    }
    assert_eq!(service.terminate(), Some(0));
}
