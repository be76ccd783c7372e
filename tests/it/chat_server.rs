//! A server of chat completions that misbehaves as it is told.

use parking_lot::Mutex;
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// What it does with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// Answers well after so many milliseconds.
    Answers(u64),
    /// Answers well, but for the agent of risk, whom it answers 500.
    AnswersAllButRisk,
    /// Takes the request and says nothing.
    Hangs,
    /// Answers bytes that are no protocol.
    Garbage,
    /// Answers in the protocol what nobody asked for.
    Babbles,
    /// Answers 500.
    Fails,
    /// Closes in the middle of the answer.
    ClosesHalfWay,
    /// Answers well, one token a second.
    TokenASecond,
}

#[derive(Debug)]
pub struct ChatServer {
    pub base: String,
    manner: Arc<Mutex<Manner>>,
    asked: Arc<AtomicUsize>,
}

impl ChatServer {
    pub fn start(manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base = format!("http://{}/v1", listener.local_addr().unwrap());
        let (manner, asked) = (Arc::new(Mutex::new(manner)), Arc::<AtomicUsize>::default());
        let (at, counted) = (Arc::clone(&manner), Arc::clone(&asked));
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (at, counted) = (Arc::clone(&at), Arc::clone(&counted));
                std::thread::spawn(move || {
                    if let Some(request) = read_request(&stream) {
                        counted.fetch_add(1, Ordering::Relaxed);
                        let manner = *at.lock();
                        // That the client goes away is what most of these are about.
                        let _ = behave(&stream, manner, &request);
                    }
                });
            }
        });
        Self { base, manner, asked }
    }

    pub fn set(&self, manner: Manner) {
        *self.manner.lock() = manner;
    }

    /// How many requests came.
    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }

    /// Settings with this server as the one endpoint, called `m`.
    pub fn settings(&self, more: &str) -> String {
        format!("{more}\n[[llm.endpoints]]\nname = \"m\"\nbase = \"{}\"\nmodel = \"a-model\"\n", self.base)
    }
}

pub(super) fn read_request(mut stream: &TcpStream) -> Option<Value> {
    let mut bytes = Vec::new();
    let mut piece = [0; 4_096];
    loop {
        let read = stream.read(&mut piece).ok().filter(|n| *n > 0)?;
        bytes.extend_from_slice(&piece[..read]);
        let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&bytes[..end]).to_lowercase();
        let length: usize = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok())?;
        if bytes.len() >= end + 4 + length {
            return serde_json::from_slice(&bytes[end + 4..]).ok();
        }
    }
}

/// The answer that the schema of the request asks for.
fn wanted(request: &Value) -> String {
    let answer = match request["response_format"]["json_schema"]["name"].as_str() {
        Some("caution") => json!({"veto": false, "size_factor": 1.0, "reasoning": "nothing is in the way"}),
        _ => json!({"abstain": false, "signal": 1, "conviction": 0.8, "reasoning": "the model likes it"}),
    };
    answer.to_string()
}

pub(super) const HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";

pub(super) fn token(text: &str) -> String {
    format!(
        "data: {}\n\n",
        json!({"model": "a-model", "choices": [{"index": 0, "delta": {"content": text}, "finish_reason": null}]})
    )
}

pub(super) fn end() -> String {
    let last = json!({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]});
    let usage = json!({"choices": [], "usage": {"prompt_tokens": 300, "completion_tokens": 30}});
    format!("data: {last}\n\ndata: {usage}\n\ndata: [DONE]\n\n")
}

fn behave(mut stream: &TcpStream, manner: Manner, request: &Value) -> std::io::Result<()> {
    let mut send = |text: &str| stream.write_all(text.as_bytes());
    let is_of_risk = request["response_format"]["json_schema"]["name"] == "caution";
    match manner {
        Manner::AnswersAllButRisk if !is_of_risk => send(&format!("{HEAD}{}{}", token(&wanted(request)), end())),
        Manner::Answers(after_ms) => {
            std::thread::sleep(Duration::from_millis(after_ms));
            send(&format!("{HEAD}{}{}", token(&wanted(request)), end()))
        }
        Manner::Hangs => {
            let mut gone = stream;
            gone.read(&mut [0]).map(drop)
        }
        Manner::Garbage => send("\u{1}\u{2}garbage\r\n\r\n"),
        Manner::Babbles => send(&format!("{HEAD}{}{}", token("Well, it depends on how you look at it."), end())),
        Manner::Fails | Manner::AnswersAllButRisk => send("HTTP/1.1 500 X\r\ncontent-length: 4\r\nconnection: close\r\n\r\noops"),
        Manner::ClosesHalfWay => send(&format!("{HEAD}{}", token("{\"abstain\": fal"))),
        Manner::TokenASecond => {
            send(HEAD)?;
            for letter in wanted(request).chars() {
                send(&token(&letter.to_string()))?;
                std::thread::sleep(Duration::from_secs(1));
            }
            send(&end())
        }
    }
}
