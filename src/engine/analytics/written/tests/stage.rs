//! A scripted model, a warehouse behind the real gate, and a question between them.

use super::super::super::linking::{Excerpt, TableExcerpt};
use super::super::super::reconcile::{Cell, Frame};
use super::super::{Answered, Ask, Checks, Config, Example, Outcome, RunFault, Runs, Sibling, Written, answer};
use crate::domain::deadline::Deadline;
use crate::engine::steps::Steps;
use crate::llm::{Chat, ChatModel, Finish, LlmError, Reply, Usage};
use crate::sql::{Catalogue, Column, Dialect, Gate, Limits, Rows as Seen, Scalar, Table, Who};
use crate::warehouse::{Rows, WarehouseError};
use async_trait::async_trait;
use jiff::civil::date;
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

/// Answers by the name of the schema and a word of the prompt, each once, and remembers what it was asked.
#[derive(Debug, Default)]
pub struct Script {
    pub answers: Mutex<Vec<(&'static str, String, String)>>,
    pub asked: Mutex<Vec<Chat>>,
    pub slow: Option<Duration>,
}

impl Script {
    pub fn new() -> Self {
        Self::default()
    }

    /// Answers the next chat of that kind in whose prompt `word` stands.
    pub fn says(self, kind: &'static str, word: &str, answer: impl ToString) -> Self {
        self.answers.lock().push((kind, word.to_owned(), answer.to_string()));
        self
    }

    pub fn plans(self, parts: &[&str]) -> Self {
        self.says("plan", "", json!({ "class": "data", "reason": "rows answer it", "parts": parts }))
    }

    pub fn writes(self, sql: &str) -> Self {
        self.says("query", "", draft(sql))
    }

    pub fn finds(self, answers: bool, problem: &str) -> Self {
        self.says("verdict", "", json!({ "answers": answers, "problem": problem }))
    }

    pub fn kinds(&self) -> Vec<String> {
        self.asked.lock().iter().filter_map(|chat| chat.schema.as_ref().map(|schema| schema.name.clone())).collect()
    }

    /// What was wrong with earlier queries, as the last chat for a query told.
    pub fn told_last(&self) -> String {
        let asked = self.asked.lock();
        let query = |chat: &&Chat| chat.schema.as_ref().is_some_and(|schema| schema.name == "query");
        let last = asked.iter().rev().find(query).expect("a query was asked for");
        let user: Value = serde_json::from_str(&last.user).expect("the prompt is JSON");
        user["tried"].as_array().and_then(|tried| tried.last()).map_or_else(String::new, |last| last["wrong"].to_string())
    }
}

#[async_trait]
impl ChatModel for Script {
    async fn complete(&self, chat: &Chat, _deadline: Deadline) -> Result<Reply, LlmError> {
        chat.check()?;
        self.asked.lock().push(chat.clone());
        if let Some(slow) = self.slow {
            tokio::time::sleep(slow).await;
        }
        let kind = chat.schema.as_ref().map_or("", |schema| schema.name.as_str());
        let mut answers = self.answers.lock();
        let place = answers.iter().position(|(of, word, _)| *of == kind && chat.user.contains(word.as_str()));
        let Some(place) = place else {
            return Err(LlmError::NotRecorded { request: kind.to_owned() });
        };
        let (_, _, text) = answers.remove(place);
        Ok(Reply {
            text,
            finish: Finish::Stop,
            usage: Some(Usage { prompt_tokens: 100, completion_tokens: 20 }),
            cost_usd: None,
            endpoint: "script".to_owned(),
            model: "script-1".to_owned(),
            took: Duration::from_millis(1),
            ttft: None,
        })
    }
}

/// A query over the sample with columns `town` and `n`, or of `n` alone where no town is in it.
pub fn draft(sql: &str) -> Value {
    let key = json!({ "name": "town", "role": "key", "unit": "none" });
    let value = json!({ "name": "n", "role": "value", "unit": "count" });
    json!({
        "sql": sql, "explanation": "Counts the loans of each town.", "columns": [key, value], "assumptions": [], "refusal": "",
    })
}

type Answering = Box<dyn Fn(&str) -> Result<Rows, WarehouseError> + Send + Sync>;

/// A warehouse behind the real gate, which remembers what reached it.
pub struct House {
    gate: Gate,
    answering: Answering,
    pub reached: Mutex<Vec<String>>,
    pub slow: Option<Duration>,
}

impl House {
    pub fn new(answering: impl Fn(&str) -> Result<Rows, WarehouseError> + Send + Sync + 'static) -> Self {
        let column = |name: &str| Column { name: name.to_owned(), data_type: "String".to_owned() };
        let table = |name: &str, columns: &[&str]| Table {
            schema: None,
            name: name.to_owned(),
            columns: columns.iter().map(|name| column(name)).collect(),
            rows: Seen::Tenant("tenant".to_owned()),
            roles: BTreeMap::from([("reader".to_owned(), columns.iter().map(|name| (*name).to_owned()).collect())]),
        };
        let mut secret = table("secrets", &["tenant", "text"]);
        secret.roles = BTreeMap::from([("nobody".to_owned(), BTreeSet::new())]);
        let tables = vec![table("loans", &["tenant", "town", "status", "lent_at", "amount"]), secret];
        let gate = Gate::new(Catalogue { tables }, Dialect::ClickHouse, Limits::default()).expect("the catalogue is right");
        Self { gate, answering: Box::new(answering), reached: Mutex::default(), slow: None }
    }
}

#[async_trait]
impl Runs for House {
    async fn run(&self, sql: &str, _deadline: Deadline) -> Result<Rows, RunFault> {
        let who = Who { tenant: Scalar::Text("seven".to_owned()), role: "reader".to_owned(), attributes: BTreeMap::new() };
        let passed = self.gate.pass(sql, &who).map_err(|refused| RunFault::refused(&refused))?;
        assert!(passed.sql.contains("tenant"), "the filter is in it: {}", passed.sql);
        if let Some(slow) = self.slow {
            tokio::time::sleep(slow).await;
        }
        self.reached.lock().push(sql.to_owned());
        let names = ["loans", "town", "status"].into_iter().map(str::to_owned).collect();
        (self.answering)(sql).map_err(|error| RunFault::warehouse(&error, &names))
    }
}

/// Lets a text through unless it has a digit that the question has not.
pub struct NoNumbers;

impl Checks for NoNumbers {
    fn sound(&self, text: &str, _frames: &[Option<&Frame>], said: &[String]) -> String {
        let known = |c: char| said.iter().any(|said| said.contains(c));
        if text.chars().any(|c| c.is_ascii_digit() && !known(c)) { String::new() } else { text.to_owned() }
    }
}

pub fn rows(rows: &[(&str, i64)]) -> Rows {
    let row = |(town, n): &(&str, i64)| vec![Cell::Text((*town).to_owned()), Cell::Integer(*n)];
    Rows { columns: vec!["town".to_owned(), "n".to_owned()], rows: rows.iter().map(row).collect() }
}

pub fn two_towns() -> Rows {
    rows(&[("Aldham", 3), ("Borley", 5)])
}

pub const BY_TOWN: &str = "SELECT town, count() AS n FROM loans GROUP BY town";

/// How a question is asked.
pub struct Stage {
    pub question: &'static str,
    pub config: Config,
    pub within: Duration,
    pub sibling: Option<Frame>,
    pub excerpt: Excerpt,
    pub steps: Steps,
}

impl Stage {
    pub fn new() -> Self {
        let columns = [("town", "text"), ("status", "text"), ("lent_at", "timestamp"), ("amount", "number")];
        let columns = columns.into_iter().map(|(name, said)| (name.to_owned(), said.to_owned())).collect();
        let table = TableExcerpt { comment: "One row for each loan.".to_owned(), columns };
        let excerpt = Excerpt { tables: BTreeMap::from([("loans".to_owned(), table)]), ..Excerpt::default() };
        let (config, within) = (Config::default(), Duration::from_secs(20));
        Self {
            question: "How many loans has each town?",
            config,
            within,
            sibling: None,
            excerpt,
            steps: Steps::new(Instant::now()),
        }
    }

    pub async fn ask(&self, model: &dyn ChatModel, house: &House) -> Written {
        let examples = [Example { question: "loans".to_owned(), sql: "SELECT count() AS n FROM loans".to_owned() }];
        let ask = Ask {
            question: self.question,
            as_of: date(2018, 10, 17),
            excerpt: &self.excerpt,
            examples: &examples,
            dialect: Dialect::ClickHouse,
            sibling: self.sibling.as_ref().map(|frame| Sibling { frame }),
            runs: house,
            checks: &NoNumbers,
            rows_shown: self.config.rows_shown,
            deadline: Deadline::after(self.within),
            steps: &self.steps,
        };
        answer(model, &self.config, &ask).await
    }

    pub async fn answered(&self, model: &Script, house: &House) -> Answered {
        match self.ask(model, house).await.outcome {
            Outcome::Answered(answered) => *answered,
            other => panic!("it was not answered: {other:?}"),
        }
    }
}
