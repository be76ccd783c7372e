//! From a question in words to its result.

use super::kept::{KeptKey, Scope};
use super::run::Run;
use super::session::{Heard, Turn};
use super::{AnalyticsError, Resulted, Wrote, dialects};
use crate::decide::Decider;
use crate::domain::answer::Confidence;
use crate::domain::deadline::Deadline;
use crate::domain::ids::TenantId;
use crate::domain::time::Timestamp;
use crate::engine::analytics::answer::ChartHint;
use crate::engine::analytics::compile::{Compiled, compile};
use crate::engine::analytics::derive::{derive, may_follow};
use crate::engine::analytics::intent::Intent;
use crate::engine::analytics::knowledge::Answer;
use crate::engine::analytics::layer::Layer;
use crate::engine::analytics::library::Reader;
use crate::engine::analytics::reconcile::{Expectation, Reconciliation, Rule, Skip, sane};
use crate::engine::analytics::words::{Asked, Reading};
use crate::engine::steps::Steps;
use crate::sql::{Scalar, Who};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

/// Times that a question is begun anew because its tables were replaced meanwhile.
const TRIES: usize = 3;

/// A question about data.
#[derive(Debug, Clone)]
pub struct DataQuestion {
    /// For whom.
    pub tenant: TenantId,
    /// In which role.
    pub role: Arc<str>,
    /// Its words.
    pub text: String,
    /// The moment that `last month` is counted from.
    pub as_of: Timestamp,
    /// The conversation that it belongs to.
    pub session: Option<Arc<str>>,
    /// By which layer; found from the words where absent.
    pub layer: Option<String>,
    /// By when the caller wants to hear.
    pub deadline: Deadline,
    /// Whether what is kept is passed over.
    pub fresh: bool,
    /// Where the work is told as it is done.
    pub steps: Steps,
}

/// Where a result came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = DataCame)]
pub enum Came {
    /// A question of the same meaning was answered before, from the same rows.
    Kept,
    /// It follows from a finer or longer result that was kept, of the same rows.
    Derived,
    /// It was run now.
    Run,
    /// A language model wrote its query now.
    Written,
}

impl Came {
    /// The word in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Kept => "kept",
            Self::Derived => "derived",
            Self::Run => "run",
            Self::Written => "written",
        }
    }
}

/// Milliseconds that the parts of an answer took.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, utoipa::ToSchema)]
#[schema(as = DataTook)]
pub struct Took {
    /// Reading the words.
    pub intent: f64,
    /// Writing the SQL; all that a language model did, its queries included.
    pub sql_gen: f64,
    /// The queries, or finding their result.
    pub db_query: f64,
}

/// What became of a question.
#[derive(Debug)]
pub struct DataOutcome {
    /// The layer that it was read by.
    pub reader: Arc<Reader>,
    /// What it turned out to be.
    pub reading: Reading,
    /// What it is beside those before it.
    pub turn: Turn,
    /// The chart that its words ask for.
    pub hint: Option<ChartHint>,
    /// The result, where it was a question about data; or why these tables can't give one.
    pub result: Result<Option<(Arc<Resulted>, Came)>, AnalyticsError>,
    /// What a language model made of it, where one was asked.
    pub wrote: Option<(Arc<Wrote>, Came)>,
    /// How long it took.
    pub took: Took,
}

fn ms_since(began: Instant) -> f64 {
    began.elapsed().as_secs_f64() * 1e3
}

/// The day that a moment is on, in UTC.
pub(super) fn day(moment: Timestamp) -> Date {
    let zoned = jiff::Timestamp::from_microsecond(moment.as_micros()).map(|moment| moment.to_zoned(TimeZone::UTC).date());
    zoned.unwrap_or_else(|_| jiff::civil::date(1970, 1, 1))
}

impl Decider {
    /// Answers a question about data, or says what it was taken for.
    ///
    /// # Errors
    /// [`AnalyticsError`] where it was understood and could not be answered.
    pub async fn ask_data(&self, question: &DataQuestion) -> Result<DataOutcome, AnalyticsError> {
        let began = Instant::now();
        let last = self.last_turn(question).await;
        let Heard { turn, read, hint } = self.analyst.heard(question, last, day(question.as_of));
        if turn == Turn::Reset {
            self.forget_turn(question).await;
        }
        let (reader, reading) = match read {
            Some(read) => read,
            None => self.understood(question)?,
        };
        let mut took = Took { intent: ms_since(began), ..Took::default() };
        question.steps.tell("reading", format!("{} by the layer {}", class(&reading), reader.layer.name));
        let result = match &reading {
            Reading::Data(asked) => self.compiled(question, (&reader, asked), &mut took).await?,
            _ => Ok(None),
        };
        let began = Instant::now();
        let wrote = match turn {
            Turn::NewQuery => self.asked_model(question, (&reader, &reading), &result).await,
            // A fragment is a question only beside the one before it, which the model is not shown.
            Turn::DataFilter | Turn::VisualUpdate | Turn::Reset => None,
        };
        took.sql_gen += if wrote.is_some() { ms_since(began) } else { 0.0 };
        let reading = match wrote.as_ref().is_some_and(|(wrote, _)| wrote.answered().is_some()) {
            true => reading,
            false => self.with_choices(question, &reader, reading).await,
        };
        Ok(DataOutcome { reader, reading, turn, hint, result, wrote, took })
    }

    /// Puts to a language model what was not understood whole, what has no SQL, and what the answer to is in doubt. What the tables can't answer
    /// stays refused.
    async fn asked_model(
        &self,
        question: &DataQuestion,
        (reader, reading): (&Arc<Reader>, &Reading),
        result: &Result<Option<(Arc<Resulted>, Came)>, AnalyticsError>,
    ) -> Option<(Arc<Wrote>, Came)> {
        let other = match (reading, result) {
            (Reading::Unclear { .. }, _) | (Reading::Data(_), Err(AnalyticsError::Compile(_))) => None,
            (Reading::Data(asked), Ok(Some((resulted, _)))) => {
                let doubtful = !asked.corrections.is_empty() || resulted.label(asked, false).label >= Confidence::Low;
                if !(doubtful && self.analyst.config.written.doubtful) {
                    return None;
                }
                Some((&asked.intent, &resulted.primary))
            }
            _ => return None,
        };
        let wrote = self.write(question, reader, other).await;
        if matches!(reading, Reading::Unclear { .. }) && wrote.as_ref().is_some_and(|(wrote, _)| wrote.answered().is_some()) {
            self.forget_turn(question).await;
        }
        wrote
    }

    /// The result of a question that was understood; the outer error is one that trying again, or elsewhere, may help.
    async fn compiled(
        &self,
        question: &DataQuestion,
        (reader, asked): (&Arc<Reader>, &Asked),
        took: &mut Took,
    ) -> Result<Result<Option<(Arc<Resulted>, Came)>, AnalyticsError>, AnalyticsError> {
        let began = Instant::now();
        let source = self.analyst.source.as_ref().ok_or(AnalyticsError::NoWarehouse)?;
        let compiled = compile(&reader.layer, &asked.intent, dialects(source)?.0);
        took.sql_gen = ms_since(began);
        if let Ok(compiled) = &compiled {
            question.steps.tell("sql", compiled.primary.sql.clone());
        }
        let began = Instant::now();
        let result = match compiled {
            Ok(compiled) => self.result_of(question, (reader, asked), &compiled).await,
            Err(error) => Err(error.into()),
        };
        took.db_query = ms_since(began);
        if let Ok((result, came)) = &result {
            question.steps.tell("db_query", format!("{} rows, {}", result.primary.rows.len(), came.as_str()));
        }
        let result = match result {
            Err(error) if error.class().is_none() => return Err(error),
            result => result.map(Some),
        };
        self.remember_turn(question, (reader, asked)).await;
        Ok(result)
    }

    fn understood(&self, question: &DataQuestion) -> Result<(Arc<Reader>, Reading), AnalyticsError> {
        let library = self.analyst.library_of(&question.tenant);
        let no_layer = || AnalyticsError::NoLayer { name: question.layer.clone().unwrap_or_default() };
        let as_of = day(question.as_of);
        match &question.layer {
            Some(name) => {
                let reader = library.named(name).ok_or_else(no_layer)?;
                Ok((Arc::clone(reader), reader.read(&question.text, as_of)))
            }
            None => {
                let (reader, reading) = library.understand(&question.text, as_of).ok_or_else(no_layer)?;
                Ok((Arc::clone(reader), reading))
            }
        }
    }

    async fn result_of(
        &self,
        question: &DataQuestion,
        (reader, asked): (&Arc<Reader>, &Asked),
        compiled: &Compiled,
    ) -> Result<(Arc<Resulted>, Came), AnalyticsError> {
        let tables = tables_of(&reader.layer, compiled);
        let who = who(question);
        // What somebody found wrong is looked up anew each time.
        let stale =
            question.fresh || self.analyst.doubted(question, reader, &Answer::Intent(Box::new(asked.intent.clone()))).is_some();
        let mut fresh = stale;
        for _ in 1..TRIES {
            let versions = self.table_versions(&question.tenant, (&reader.layer, &tables), question.deadline).await?;
            let key = key(question, (reader, asked), &versions);
            if std::mem::take(&mut fresh) {
                self.analyst.kept.forget(&key);
            }
            if let Some(kept) = self.analyst.kept.get(&key) {
                return Ok((kept, Came::Kept));
            }
            let scope = Scope { tenant: question.tenant.clone(), role: Arc::clone(&question.role), layer: reader.digest };
            if !stale && let Some(derived) = self.derived(&scope, (reader, &asked.intent, compiled), &versions) {
                self.analyst.kept.put(key, &derived);
                return Ok((derived, Came::Derived));
            }
            let run = Run {
                tenant: &question.tenant,
                who: &who,
                reader,
                intent: &asked.intent,
                compiled,
                versions: &versions,
                deadline: question.deadline,
            };
            let result = self.analyst.kept.get_or_run(&key, self.run_data(run)).await?;
            if result.versions == versions {
                self.analyst.kept.note(&scope, &key, &asked.intent);
                return Ok((result, Came::Run));
            }
            // The tables were replaced while it waited, so that it is the answer to another question.
            self.analyst.kept.forget(&key);
        }
        Err(AnalyticsError::Busy)
    }

    /// The result where it follows, to the cell, from one that is kept. Only of a measure with one definition: nothing then has to be held
    /// against others.
    fn derived(
        &self,
        scope: &Scope,
        (reader, intent, compiled): (&Reader, &Intent, &Compiled),
        versions: &[(String, String)],
    ) -> Option<Arc<Resulted>> {
        if !compiled.siblings.is_empty() || compiled.relaxed.is_some() {
            return None;
        }
        let began = Instant::now();
        for (have, held) in self.analyst.kept.near(scope) {
            let same_rows = versions.iter().all(|version| held.versions().contains(version));
            // Many rows have to be unpacked first, so that this is asked before.
            let Some(held) = (same_rows && may_follow(&have, intent)).then(|| held.result()).flatten() else { continue };
            let Some(primary) = derive(&reader.layer, &have, &held.primary, intent) else { continue };
            let expected = Expectation { grouped: intent.is_grouped(), whole: None, relaxed: None };
            let keys = held.findings.iter().filter(|finding| finding.rule == Rule::FanOut).cloned();
            let skip = Skip::of(intent.view, 0, 0);
            return Some(Arc::new(Resulted {
                findings: sane(&primary, expected).into_iter().chain(keys).collect(),
                compiled: compiled.clone(),
                primary,
                siblings: Vec::new(),
                relaxed: None,
                reconciliations: skip.map(Reconciliation::skipped).into_iter().collect(),
                versions: versions.to_vec(),
                query_ms: began.elapsed().as_secs_f64() * 1e3,
            }));
        }
        None
    }
}

/// For whom the gate lets a question's queries through.
pub(super) fn who(question: &DataQuestion) -> Who {
    Who {
        tenant: Scalar::Text(question.tenant.as_str().to_owned()),
        role: question.role.to_string(),
        attributes: BTreeMap::new(),
    }
}

/// The tables that the queries read.
fn tables_of(layer: &Layer, compiled: &Compiled) -> Vec<String> {
    let queries = std::iter::once(&compiled.primary).chain(&compiled.siblings).chain(&compiled.relaxed);
    let mut tables: Vec<String> =
        queries.flat_map(|query| &query.names).filter(|name| layer.tables.contains_key(*name)).cloned().collect();
    tables.sort();
    tables.dedup();
    tables
}

fn key(question: &DataQuestion, (reader, asked): (&Reader, &Asked), versions: &[(String, String)]) -> KeptKey {
    let mut hasher = blake3::Hasher::new_derive_key("instinct 2026 analytics result");
    hasher.update(&asked.intent.digest()).update(&reader.digest);
    for part in
        std::iter::once(&*question.role).chain(versions.iter().flat_map(|(table, version)| [table.as_str(), version.as_str()]))
    {
        hasher.update(&(part.len() as u64).to_le_bytes()).update(part.as_bytes());
    }
    KeptKey { tenant: question.tenant.clone(), digest: *hasher.finalize().as_bytes() }
}

/// The word for what a question turned out to be.
fn class(reading: &Reading) -> &'static str {
    match reading {
        Reading::Data(_) => "a question about data",
        Reading::Unclear { .. } => "not understood whole",
        Reading::Unanswerable { .. } => "not answerable",
        Reading::Conversational => "conversation",
        Reading::OutOfScope { .. } => "about something else",
    }
}
