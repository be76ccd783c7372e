//! A server of chat completions for tests, which does whatever a script says, down to the bytes.

use super::{Config, EndpointConfig};
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// One thing that the server does.
pub(super) enum Act {
    Send(Vec<u8>),
    Wait(u64),
    /// Sends the same bytes for ever.
    Flood(Vec<u8>),
    Hang,
    Close,
}

/// A request that came.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub(super) head: String,
    pub(super) body: Value,
}

type Script = dyn Fn(usize, &Seen) -> Vec<Act> + Send + Sync;

#[derive(Debug)]
pub(super) struct Server {
    pub(super) base: String,
    seen: Arc<Mutex<Vec<Seen>>>,
    connections: Arc<AtomicUsize>,
    gone: Arc<AtomicUsize>,
    task: tokio::task::JoinHandle<()>,
}

impl Server {
    /// Starts a server that does what `script` says to the request of each number, the first is 0.
    pub(super) async fn start(script: impl Fn(usize, &Seen) -> Vec<Act> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}/v1", listener.local_addr().unwrap());
        let (seen, connections, gone) =
            (Arc::<Mutex<Vec<Seen>>>::default(), Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
        let script: Arc<Script> = Arc::new(script);
        let (log, opened, closed) = (Arc::clone(&seen), Arc::clone(&connections), Arc::clone(&gone));
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                opened.fetch_add(1, Ordering::Relaxed);
                stream.set_nodelay(true).unwrap();
                let (script, log, closed) = (Arc::clone(&script), Arc::clone(&log), Arc::clone(&closed));
                tokio::spawn(async move {
                    let _ = serve(stream, &script, &log).await;
                    closed.fetch_add(1, Ordering::Relaxed);
                });
            }
        });
        Self { base, seen, connections, gone, task }
    }

    pub(super) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().clone()
    }

    /// Connections that were opened.
    pub(super) fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    /// Connections that have ended.
    pub(super) fn gone(&self) -> usize {
        self.gone.load(Ordering::Relaxed)
    }

    /// An endpoint at this server.
    pub(super) fn endpoint(&self, name: &str) -> EndpointConfig {
        endpoint(name, &self.base)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(mut stream: TcpStream, script: &Arc<Script>, log: &Mutex<Vec<Seen>>) -> std::io::Result<()> {
    while let Some(request) = read_request(&mut stream).await? {
        let acts = {
            let mut log = log.lock();
            log.push(request.clone());
            script(log.len() - 1, &request)
        };
        for act in acts {
            match act {
                Act::Send(bytes) => stream.write_all(&bytes).await?,
                Act::Wait(millis) => tokio::time::sleep(Duration::from_millis(millis)).await,
                Act::Flood(bytes) => loop {
                    stream.write_all(&bytes).await?;
                },
                // Until the client goes away.
                Act::Hang => return stream.read(&mut [0]).await.map(drop),
                Act::Close => return Ok(()),
            }
        }
    }
    Ok(())
}

async fn read_request(stream: &mut TcpStream) -> std::io::Result<Option<Seen>> {
    let mut bytes = Vec::new();
    loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
            let length =
                head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ").map(ToOwned::to_owned));
            let whole = end + 4 + length.map_or(0, |length| length.parse::<usize>().unwrap());
            if bytes.len() >= whole {
                return Ok(Some(Seen { head, body: serde_json::from_slice(&bytes[end + 4..whole]).unwrap_or_default() }));
            }
        }
        if stream.read_buf(&mut bytes).await? == 0 {
            return Ok(None);
        }
    }
}

/// A whole response, with its head.
pub(super) fn response(status: u16, headers: &str, body: &str) -> Vec<Act> {
    vec![Act::Send(format!("HTTP/1.1 {status} X\r\n{headers}content-length: {}\r\n\r\n{body}", body.len()).into_bytes())]
}

/// A whole response of JSON.
pub(super) fn json_response(status: u16, body: &Value) -> Vec<Act> {
    response(status, "content-type: application/json\r\n", &body.to_string())
}

/// The head of a stream.
pub(super) fn stream_head() -> Act {
    Act::Send(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\ntransfer-encoding: chunked\r\n\r\n".to_vec())
}

/// Bytes as one chunk of the transfer.
pub(super) fn chunk(text: &str) -> Act {
    Act::Send(format!("{:x}\r\n{text}\r\n", text.len()).into_bytes())
}

pub(super) fn token(text: &str) -> Act {
    chunk(&format!(
        "data: {}\n\n",
        json!({"model": "m-1", "choices": [{"index": 0, "delta": {"content": text}, "finish_reason": null}]})
    ))
}

/// The end of a stream: why, the tokens, the mark, and the end of the transfer.
pub(super) fn stream_end(finish: &str) -> Vec<Act> {
    let last = json!({"choices": [{"index": 0, "delta": {}, "finish_reason": finish}]});
    let usage = json!({"choices": [], "usage": {"prompt_tokens": 1_000, "completion_tokens": 200, "total_tokens": 1_200}});
    vec![chunk(&format!("data: {last}\n\ndata: {usage}\n\ndata: [DONE]\n\n")), Act::Send(b"0\r\n\r\n".to_vec())]
}

/// A good answer in pieces.
pub(super) fn answer(text: &str) -> Vec<Act> {
    let half = text.len() / 2;
    let half = (0..=half).rev().find(|at| text.is_char_boundary(*at)).unwrap();
    let mut acts = vec![stream_head(), token(&text[..half]), token(&text[half..])];
    acts.extend(stream_end("stop"));
    acts
}

/// A good answer as a whole.
pub(super) fn whole_answer(text: &str) -> Vec<Act> {
    json_response(
        200,
        &json!({
            "model": "m-1",
            "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 1_000, "completion_tokens": 200},
        }),
    )
}

/// An endpoint with prices.
pub(super) fn endpoint(name: &str, base: &str) -> EndpointConfig {
    let mut endpoint: EndpointConfig = serde_json::from_value(json!({"name": name, "base": base, "model": "asked-for"})).unwrap();
    endpoint.prompt_usd_per_million = Some(2.0);
    endpoint.completion_usd_per_million = Some(10.0);
    endpoint
}

/// Settings with short waits.
pub(super) fn config(endpoints: Vec<EndpointConfig>) -> Config {
    let mut config = Config { endpoints, backoff_base_ms: 5, backoff_cap_ms: 20, ..Config::default() };
    config.breaker.calls_min = 1_000;
    config
}
