//! Questions about data, answered without a model: a semantic layer says what the words mean, the words become a typed intent, the intent
//! becomes SQL, and what the SQL returned is verified before it is believed. Where the words are not enough, a language model may write
//! the SQL ([`written`]).
//!
//! All but [`written`] is pure: nothing runs a query, and the same question on the same day against the same layer gives the same SQL. Where
//! queries are run, and what is kept of their rows, is behind [`Desk`].

pub mod answer;
pub mod columns;
pub mod compile;
pub mod derive;
pub mod follow;
pub mod frames;
pub mod intent;
pub mod knowledge;
pub mod layer;
pub mod library;
pub mod linking;
pub mod reconcile;
pub mod words;
pub mod written;

use self::columns::ByRole;
use self::library::Library;
use super::{Engine, EngineFailure, Question};
use crate::domain::decision::Payload;
use crate::domain::field::FieldError;
use crate::llm::ChatModel;
use crate::sql::Rows;
use crate::warehouse::{Filled, Warehouse};
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

/// The name under which strategies ask for it.
pub const NAME: &str = "analytics";

/// The settings of the analytics engine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The folder of semantic layers, one YAML file for each.
    pub layers_dir: PathBuf,
    /// Questions whose queries run at one time, 1 to 256.
    pub runs_max: usize,
    /// Questions that may wait for their turn, up to 10,000; one more is refused.
    pub waiting_max: usize,
    /// Milliseconds that the queries of one question may take, 10 to 600,000, however long the caller would wait.
    pub query_ms_max: u64,
    /// Rows of one result, 1 to 100,000.
    pub rows_max: usize,
    /// Bytes of one result, from 1,024.
    pub bytes_max: usize,
    /// Rows that a query may read by the planner's estimate; more is refused before it runs. 0 asks for no estimate.
    pub read_rows_max: u64,
    /// Bytes of results that are kept in memory; 0 keeps none.
    pub cache_bytes: u64,
    /// Seconds for which a kept result serves where the warehouse does not tell whether its rows changed, 1 to 86,400.
    pub fresh_sec: u64,
    /// Cells, rows times columns, of all tenants' data sets in the warehouse in process. The tables of the tenant who asked least lately
    /// make room.
    pub cells_max: u64,
    /// Which rows of a table a caller sees, by its name. A warehouse that is a server shows no table that is not named here; in that in
    /// process each tenant has a database of its own, and sees all of it where nothing is said.
    pub rows: BTreeMap<String, Rows>,
    /// Which columns of a table each role sees, by its name; of a table that is not named here every role sees all.
    pub columns: BTreeMap<String, ByRole>,
    /// When a language model writes the SQL, and what that may cost.
    pub written: written::Config,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            layers_dir: "layers".into(),
            runs_max: 4,
            waiting_max: 64,
            query_ms_max: 30_000,
            rows_max: 10_000,
            bytes_max: 16 << 20,
            read_rows_max: 2_000_000_000,
            cache_bytes: 128 << 20,
            fresh_sec: 60,
            cells_max: 100_000_000,
            rows: BTreeMap::new(),
            columns: BTreeMap::new(),
            written: written::Config::default(),
        }
    }
}

impl Config {
    /// Checks every setting against its range.
    ///
    /// # Errors
    /// A [`FieldError`] for the first that is out of it.
    pub fn check(&self) -> Result<(), FieldError> {
        let refuse = |name: &str, rule: String| Err(FieldError::new(format!("/engine/analytics/{name}"), rule));
        if !(1..=256).contains(&self.runs_max) {
            return refuse("runs_max", format!("{} is not 1 to 256", self.runs_max));
        }
        if self.waiting_max > 10_000 {
            return refuse("waiting_max", format!("{} is more than 10,000", self.waiting_max));
        }
        if !(10..=600_000).contains(&self.query_ms_max) {
            return refuse("query_ms_max", format!("{} is not 10 to 600,000", self.query_ms_max));
        }
        if !(1..=100_000).contains(&self.rows_max) {
            return refuse("rows_max", format!("{} is not 1 to 100,000", self.rows_max));
        }
        if self.bytes_max < 1_024 {
            return refuse("bytes_max", format!("{} is below 1,024", self.bytes_max));
        }
        if !(1..=86_400).contains(&self.fresh_sec) {
            return refuse("fresh_sec", format!("{} is not 1 to 86,400", self.fresh_sec));
        }
        self.columns.iter().try_for_each(|(table, rules)| rules.check(None).map_err(|error| of_table(table, &error)))?;
        self.written.check().map_err(|(name, rule)| FieldError::new(format!("/engine/analytics/written/{name}"), rule))
    }

    /// Checks the rules of columns against the tables that the layers know: what is misspelt would hide nothing.
    ///
    /// # Errors
    /// A [`FieldError`] for the first table or column that no layer has.
    pub fn check_columns(&self, library: &Library) -> Result<(), FieldError> {
        for (table, rules) in &self.columns {
            let tables: Vec<_> = library.all().filter_map(|reader| reader.layer.tables.get(table)).collect();
            let known = tables.iter().flat_map(|table| table.columns.keys()).map(String::as_str).collect();
            if tables.is_empty() {
                return Err(of_table(table, &FieldError::new("", "no layer has a table of this name")));
            }
            rules.check(Some(&known)).map_err(|error| of_table(table, &error))?;
        }
        Ok(())
    }
}

fn of_table(table: &str, error: &FieldError) -> FieldError {
    FieldError::new(format!("/engine/analytics/columns/{table}{}", error.pointer), error.detail.clone())
}

/// Where the rows are.
#[derive(Debug, Clone)]
pub enum Source {
    /// In process; filled from the data sets of each tenant.
    Filled(Arc<dyn Filled>),
    /// In a server, whose tables are there.
    Served(Arc<dyn Warehouse>),
}

impl Source {
    /// What runs the queries.
    pub fn warehouse(&self) -> &dyn Warehouse {
        match self {
            Self::Filled(warehouse) => &**warehouse,
            Self::Served(warehouse) => &**warehouse,
        }
    }
}

/// Where questions are answered.
#[async_trait]
pub trait Desk: Send + Sync + Debug {
    /// Answers a question in words.
    async fn answer(&self, question: &Question) -> Result<Payload, EngineFailure>;
}

/// The engine: a door to the desk, which is there once the service is put together.
#[derive(Debug)]
pub struct Analytics {
    /// The layers.
    pub library: Library,
    /// The settings.
    pub config: Config,
    /// Where the rows are, where there is a warehouse.
    pub source: Option<Source>,
    /// The language model that may write SQL, where there is one and the settings let it.
    pub model: Option<Arc<dyn ChatModel>>,
    desk: OnceLock<Arc<dyn Desk>>,
}

impl Analytics {
    /// The engine over its layers.
    pub fn new(config: &Config, library: Library) -> Self {
        Self { library, config: config.clone(), source: None, model: None, desk: OnceLock::new() }
    }

    /// The same over a warehouse.
    #[must_use]
    pub fn over(mut self, source: Source) -> Self {
        self.source = Some(source);
        self
    }

    /// Whether there is anything to ask: a layer to read questions by, and a warehouse with rows.
    pub fn is_ready(&self) -> bool {
        self.source.is_some() && self.library.all().next().is_some()
    }

    /// The same with a language model, where there is one and the settings let it write.
    #[must_use]
    pub fn with_model(mut self, model: Option<Arc<dyn ChatModel>>) -> Self {
        self.model = model.filter(|_| self.config.written.enabled);
        self
    }

    /// Opens the desk; a second one is left out.
    pub fn open(&self, desk: Arc<dyn Desk>) {
        let _ = self.desk.set(desk);
    }
}

#[async_trait]
impl Engine for Analytics {
    async fn decide(&self, question: Question) -> Result<Payload, EngineFailure> {
        let Some(desk) = self.desk.get() else {
            return Err(EngineFailure::Failed { detail: "the desk of questions about data is not open".to_owned() });
        };
        desk.answer(&question).await
    }
}
