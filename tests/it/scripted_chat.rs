//! A server of chat completions that says what a test wrote down, by the kind of answer that is asked for, and remembers its prompts.

use super::chat_server::{HEAD, end, read_request, token};
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::io::Write;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

/// What it says, in order, each once; the last of a kind again and again.
#[derive(Debug, Default)]
struct Script {
    says: Vec<(String, String)>,
    asked: Vec<Value>,
    slow: Duration,
}

#[derive(Debug)]
pub struct ScriptedChat {
    base: String,
    script: Arc<Mutex<Script>>,
}

impl ScriptedChat {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base = format!("http://{}/v1", listener.local_addr().unwrap());
        let script = Arc::<Mutex<Script>>::default();
        let shared = Arc::clone(&script);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let script = Arc::clone(&shared);
                std::thread::spawn(move || {
                    let Some(request) = read_request(&stream) else { return };
                    let (said, slow) = answer(&mut script.lock(), request);
                    std::thread::sleep(slow);
                    // Who asked may be gone.
                    let _ = (&stream).write_all(format!("{HEAD}{}{}", token(&said), end()).as_bytes());
                });
            }
        });
        Self { base, script }
    }

    /// Forgets what it was asked, and what it was to say.
    pub fn forget(&self) -> &Self {
        let mut script = self.script.lock();
        (script.says, script.asked) = (Vec::new(), Vec::new());
        self
    }

    /// Takes so long for each answer from now on.
    pub fn takes(&self, slow: Duration) -> &Self {
        self.script.lock().slow = slow;
        self
    }

    pub fn says(&self, kind: &str, answer: &Value) -> &Self {
        self.script.lock().says.push((kind.to_owned(), answer.to_string()));
        self
    }

    /// Takes the question for one about data of these parts.
    pub fn plans(&self, parts: &[&str]) -> &Self {
        self.says("plan", &json!({ "class": "data", "reason": "the tables hold it", "parts": parts }))
    }

    /// Writes a query with columns of these names and roles.
    pub fn writes(&self, sql: &str, columns: &[(&str, &str, &str)]) -> &Self {
        let column = |(name, role, unit): &(&str, &str, &str)| json!({ "name": name, "role": role, "unit": unit });
        let columns: Vec<Value> = columns.iter().map(column).collect();
        self.says(
            "query",
            &json!({ "sql": sql, "explanation": "Computes what was asked.", "columns": columns, "assumptions": [], "refusal": "" }),
        )
    }

    /// Finds that a result answers its question, or what is wrong with it.
    pub fn finds(&self, problem: &str) -> &Self {
        self.says("verdict", &json!({ "answers": problem.is_empty(), "problem": problem }))
    }

    /// The prompts of a kind, the first first.
    pub fn asked(&self, kind: &str) -> Vec<Value> {
        let user = |request: &Value| {
            let text =
                request["messages"].as_array()?.iter().find(|message| message["role"] == "user")?["content"].as_str()?.to_owned();
            serde_json::from_str(&text).ok()
        };
        self.script.lock().asked.iter().filter(|request| kind_of(request) == kind).filter_map(user).collect()
    }

    /// How many requests came.
    pub fn calls(&self) -> usize {
        self.script.lock().asked.len()
    }

    /// Everything that it was sent, as one text.
    pub fn heard(&self) -> String {
        self.script.lock().asked.iter().map(Value::to_string).collect()
    }

    /// A file of settings with this server as the one endpoint.
    pub fn settings(&self) -> String {
        format!("[[llm.endpoints]]\nname = \"m\"\nbase = \"{}\"\nmodel = \"a-model\"\n", self.base)
    }
}

fn kind_of(request: &Value) -> String {
    request["response_format"]["json_schema"]["name"].as_str().unwrap_or_default().to_owned()
}

fn answer(script: &mut Script, request: Value) -> (String, Duration) {
    let kind = kind_of(&request);
    script.asked.push(request);
    let places: Vec<usize> = (0..script.says.len()).filter(|at| script.says[*at].0 == kind).collect();
    let said = match places.as_slice() {
        [] => String::new(),
        [only] => script.says[*only].1.clone(),
        [first, ..] => script.says.remove(*first).1,
    };
    (said, script.slow)
}
