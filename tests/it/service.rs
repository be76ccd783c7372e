//! A running service, for one test.

use super::redis::RedisServer;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How long a start may take before the test gives up; generous, since the machines are shared.
const START_WITHIN: Duration = Duration::from_secs(60);

/// The binary under test, with its data folder. It is killed when it is dropped.
pub struct Service {
    pub url: String,
    pub data: PathBuf,
    child: Child,
    http: reqwest::blocking::Client,
    _folder: Option<TempDir>,
}

/// How to start one.
pub struct Builder {
    pub data: Option<PathBuf>,
    pub env: Vec<(String, String)>,
    strategies: Option<PathBuf>,
}

/// A status and a JSON body.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub text: String,
}

impl Reply {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|e| panic!("{e}: {}", self.text))
    }

    pub fn lines(&self) -> Vec<Value> {
        self.text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The pointers of the fields that a problem names.
    pub fn pointers(&self) -> Vec<String> {
        let problem = self.json();
        problem["errors"].as_array().into_iter().flatten().map(|e| e["pointer"].as_str().unwrap().to_owned()).collect()
    }
}

pub fn binary() -> &'static str {
    env!("CARGO_BIN_EXE_instinct")
}

/// The folder of the project, where runtime/ and strategies/ are.
pub fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

pub fn start() -> Service {
    Builder::new().start()
}

impl Builder {
    /// The twin that hashes words stands in for the model where a test is not about meaning: it needs no files and starts at once.
    pub fn new() -> Self {
        Self { data: None, env: Vec::new(), strategies: None }.set("EMBED__MODEL", "hashing-384")
    }

    /// The real model, whose files `make setup` fetches. Where they are missing the start fails, and so does the test.
    pub fn with_the_real_model(self) -> Self {
        self.set("EMBED__MODEL", "all-minilm-l6-v2-int8")
    }

    pub fn set(mut self, name: &str, value: &str) -> Self {
        self.env.push((format!("INSTINCT_{name}"), value.to_owned()));
        self
    }

    /// For what is tested of the embedded store itself.
    pub fn embedded(self) -> Self {
        self.set("STORE__BACKEND", "embedded")
    }

    pub fn data(mut self, data: &Path) -> Self {
        self.data = Some(data.to_owned());
        self
    }

    pub fn strategies(mut self, folder: &Path) -> Self {
        self.strategies = Some(folder.to_owned());
        self
    }

    fn command(&self, data: &Path, port: u16) -> Command {
        let mut command = Command::new(binary());
        command
            .arg("serve")
            .args(["--listen", &format!("127.0.0.1:{port}")])
            .arg("--data-dir")
            .arg(data)
            .env("INSTINCT_STRATEGIES__DIR", self.strategies.clone().unwrap_or_else(|| project().join("strategies")))
            .env("INSTINCT_EMBED__RUNTIME_DIR", project().join("runtime"))
            .envs(store_of(data))
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        command
    }

    pub fn start(self) -> Service {
        let folder = self.data.is_none().then(|| TempDir::new().unwrap());
        let data = self.data.clone().unwrap_or_else(|| folder.as_ref().unwrap().path().join("data"));
        let http = reqwest::blocking::Client::builder().timeout(Duration::from_secs(60)).build().unwrap();
        // Another process may take the port between our look and the start, so a start that fails for that is tried again.
        for _ in 0..5 {
            let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            let mut child = self.command(&data, port).spawn().unwrap();
            let log = gather_log(&mut child);
            let url = format!("http://127.0.0.1:{port}");
            let since = Instant::now();
            loop {
                if let Some(status) = child.try_wait().unwrap() {
                    let said = log.join().unwrap();
                    assert!(said.contains("can't be listened on"), "the service ended with {status}:\n{said}");
                    break;
                }
                if http.get(format!("{url}/health/ready")).send().is_ok_and(|r| r.status() == 200) {
                    return Service { url, data, child, http, _folder: folder };
                }
                assert!(since.elapsed() < START_WITHIN, "the service was not ready within {START_WITHIN:?}");
                std::thread::sleep(Duration::from_millis(20));
            }
        }
        panic!("no free port was found");
    }

    /// Starts a service that must not start, and gives what it said.
    pub fn fail_to_start(self) -> (Option<i32>, String) {
        let folder = TempDir::new().unwrap();
        let data = self.data.clone().unwrap_or_else(|| folder.path().join("data"));
        let output = self.command(&data, 0).output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

/// Where TEST_STORE=redis is set, each data folder has a Redis of its own in place of the embedded store, which stays while
/// services over it are killed and started.
fn store_of(data: &Path) -> Option<(&'static str, String)> {
    static SERVERS: Mutex<BTreeMap<PathBuf, RedisServer>> = Mutex::new(BTreeMap::new());
    if std::env::var_os("TEST_STORE")? != "redis" {
        return None;
    }
    let mut servers = SERVERS.lock().unwrap();
    let server = servers.entry(data.to_owned()).or_insert_with(|| RedisServer::start(&[]));
    Some(("INSTINCT_STORE__BACKEND", server.url()))
}

fn gather_log(child: &mut Child) -> std::thread::JoinHandle<String> {
    let stderr = BufReader::new(child.stderr.take().unwrap());
    std::thread::spawn(move || stderr.lines().map_while(Result::ok).fold(String::new(), |log, line| log + &line + "\n"))
}

impl Service {
    pub fn request(&self, method: &str, path: &str, body: impl Into<reqwest::blocking::Body>) -> Reply {
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        let response = self.http.request(method, format!("{}{path}", self.url)).body(body).send().unwrap();
        Reply { status: response.status().as_u16(), headers: response.headers().clone(), text: response.text().unwrap() }
    }

    /// The same with headers.
    pub fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Vec<u8>) -> Reply {
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        let request = self.http.request(method, format!("{}{path}", self.url));
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        let response = request.body(body).send().unwrap();
        Reply { status: response.status().as_u16(), headers: response.headers().clone(), text: response.text().unwrap() }
    }

    pub fn get(&self, path: &str) -> Reply {
        self.request("GET", path, "")
    }

    pub fn post(&self, path: &str, body: &Value) -> Reply {
        self.request("POST", path, body.to_string())
    }

    /// Decides from memory alone, unless the body says how far it may go: what is tested of memory must not depend on what engines say.
    pub fn decide(&self, body: &Value) -> Value {
        let mut body = body.clone();
        if body.get("allow").is_none() {
            body["allow"] = "slow".into();
        }
        let reply = self.post("/v1/decide", &body);
        assert_eq!(reply.status, 200, "{}", reply.text);
        reply.json()
    }

    /// Remembers one decision and gives its entry's id.
    pub fn remember(&self, entry: &Value) -> String {
        let reply = self.post("/v1/entries", entry);
        let line = &reply.lines()[0];
        line["id"].as_str().unwrap_or_else(|| panic!("{line}")).to_owned()
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Ends the process without a chance to tidy up.
    pub fn kill(mut self) -> PathBuf {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.data.clone()
    }

    /// Asks the process to end, and gives its exit code.
    pub fn terminate(self) -> Option<i32> {
        self.signal("-TERM")
    }

    /// Sends a signal, and gives the exit code that follows.
    pub fn signal(mut self, signal: &str) -> Option<i32> {
        Command::new("kill").args([signal, &self.child.id().to_string()]).status().unwrap();
        self.child.wait().unwrap().code()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A small trade decision.
pub fn trade(signal: i8) -> Value {
    json!({"kind": "trade", "signal": signal, "conviction": 0.7, "reasoning": "a test"})
}

/// An entry of the default strategy.
pub fn entry(text: &str, signal: i8) -> Value {
    json!({"text": text, "decision": trade(signal)})
}
