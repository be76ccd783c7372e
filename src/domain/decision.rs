//! The payload: what was decided, as one tagged enum.
//!
//! A payload is read strictly when it comes in and kept as the JSON that was read, so that serving it again
//! copies bytes and writes nothing anew.

use super::agreement::AgreementKey;
use super::answer::Confidence;
use super::field::FieldError;
use super::plan::{PlanReport, PlanStatus};
use super::time::Timestamp;
use crate::limits::DECISION_BYTES_MAX;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What was decided.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub enum Decision {
    /// A trading signal with what the agents said.
    Trade(Trade),
    /// Rows of an analytics answer.
    Table(Table),
    /// One computed quantity with its interval.
    Numeric(Numeric),
    /// An optimisation plan, to be approved by a person.
    Plan(Plan),
    /// A text in sections.
    Report(Report),
    /// The question can't be answered, and why.
    Refusal(Refusal),
}

/// A trading signal: 1 expects a rise, −1 a fall, 0 neither.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Trade {
    /// 1, 0 or −1.
    #[schema(minimum = -1, maximum = 1)]
    pub signal: i8,
    /// How sure, 0 to 1.
    #[schema(minimum = 0, maximum = 1)]
    pub conviction: f64,
    /// Why, in words.
    #[serde(default)]
    pub reasoning: String,
    /// What each agent said.
    #[serde(default)]
    pub agents: Vec<AgentReport>,
    /// Versions of what took part, by name.
    #[serde(default)]
    pub versions: BTreeMap<String, String>,
    /// Labels that the writer attached, by name.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
}

/// What one agent said.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AgentReport {
    /// Which agent, such as `news_sentiment`.
    pub name: String,
    /// Its signal, 1, 0 or −1.
    #[schema(minimum = -1, maximum = 1)]
    pub signal: i8,
    /// How sure it was, 0 to 1.
    #[schema(minimum = 0, maximum = 1)]
    pub conviction: f64,
    /// Why, in words.
    #[serde(default)]
    pub reasoning: String,
    /// Whether a language model or a local model spoke.
    pub source: AgentSource,
    /// How long it took.
    pub latency_ms: u64,
    /// How it ended.
    pub outcome: AgentOutcome,
}

/// What stood behind an agent's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum AgentSource {
    /// A language model.
    Llm,
    /// A model in this process.
    Local,
}

/// How an agent's run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum AgentOutcome {
    /// It answered.
    Ok,
    /// It ran out of time.
    Timeout,
    /// It failed.
    Error,
    /// It had nothing to say.
    Abstained,
}

/// Rows under named columns.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Table {
    /// Column names, in order.
    pub columns: Vec<String>,
    /// Rows; each has one value for each column.
    pub rows: Vec<Vec<serde_json::Value>>,
    /// What the rows say, in words.
    #[serde(default)]
    pub summary: String,
    /// How they came about, where they answer a question about data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub basis: Option<Box<TableBasis>>,
}

/// How the rows of an answer came about, and how far they can be relied on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TableBasis {
    /// The label.
    pub confidence: Confidence,
    /// Why not a better one.
    pub reasons: Vec<String>,
    /// The semantic layer that the question was read by.
    pub layer: String,
    /// The queries, the first of which is the answer; the others are it by other definitions.
    pub sql: Vec<String>,
    /// What was taken for granted beside the question.
    pub assumptions: Vec<String>,
    /// A chart in Plotly's JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub chart: Option<serde_json::Map<String, serde_json::Value>>,
    /// Questions that can be asked next.
    pub follow_ups: Vec<String>,
}

/// One computed quantity, or what a fitted model says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Numeric {
    /// Its value; absent where a fitted model says more than one number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<f64>,
    /// Its unit, such as `USD` or `bps`.
    #[serde(default)]
    pub unit: String,
    /// Lower and upper end of its interval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<f64>>, min_items = 2, max_items = 2)]
    pub interval: Option<[f64; 2]>,
    /// How it was computed, in words.
    #[serde(default)]
    pub method: String,
    /// The fitted model that it is read from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fit: Option<Box<NumericFit>>,
}

/// What a fitted model says, and how far it can be relied on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NumericFit {
    /// The case of the catalogue, such as `NR-01`.
    pub case: String,
    /// What it is called.
    pub title: String,
    /// The parameters that were taken from the question, with defaults.
    #[schema(value_type = Object)]
    pub parameters: serde_json::Map<String, serde_json::Value>,
    /// The answer in words: a sentence around the numbers of `result`.
    pub sentence: String,
    /// The fitted values, as the case's output schema says.
    #[schema(value_type = Object)]
    pub result: serde_json::Map<String, serde_json::Value>,
    /// A chart in Plotly's JSON; a large one is left out, and `GET /v1/numeric/{case}` has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub chart: Option<serde_json::Map<String, serde_json::Value>>,
    /// When the model was fitted.
    #[schema(value_type = String, format = DateTime)]
    pub fitted_at: Timestamp,
    /// When it is fitted again ahead.
    #[schema(value_type = String, format = DateTime)]
    pub next_run_at: Timestamp,
    /// The version of the fit.
    pub version: u64,
    /// Whether it is stale.
    pub stale: bool,
    /// How far it can be relied on, by its freshness, its doubts and the age of its data.
    pub confidence: Confidence,
    /// What lowers that, in whole sentences.
    #[serde(default)]
    pub confidence_reasons: Vec<String>,
}

/// A plan that a person approves.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// The value of the objective; absent where there is no decision, and then the report says why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub objective: Option<f64>,
    /// The decision variables by name.
    pub variables: BTreeMap<String, f64>,
    /// What the plan does, in words.
    #[serde(default)]
    pub summary: String,
    /// The id under which the plan is kept until a person approves or rejects it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan_id: Option<String>,
    /// The whole plan: what binds, what else was looked at, what it rests on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report: Option<Box<PlanReport>>,
    /// The model that it is the plan of, in the language of models.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub model: Option<Box<serde_json::Value>>,
}

/// A text in sections.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// The text as a whole, or its first section.
    pub text: String,
    /// Further sections by heading.
    #[serde(default)]
    pub sections: BTreeMap<String, String>,
}

/// Why a question can't be answered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Refusal {
    /// The reason, in words.
    pub reason: String,
}

/// Which kind a decision is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the variants are those of `Decision`, which documents them")]
pub enum DecisionKind {
    Trade,
    Table,
    Numeric,
    Plan,
    Report,
    Refusal,
}

impl Decision {
    /// Checks what types alone can't say.
    ///
    /// # Errors
    /// The first [`FieldError`], with a pointer within the decision.
    pub fn check(&self) -> Result<(), FieldError> {
        match self {
            Self::Trade(trade) => trade.check(),
            Self::Table(table) => table.check(),
            Self::Numeric(numeric) => numeric.check(),
            Self::Plan(plan) => plan.check(),
            Self::Report(_) | Self::Refusal(_) => Ok(()),
        }
    }

    /// Which kind it is of.
    pub fn kind(&self) -> DecisionKind {
        match self {
            Self::Trade(_) => DecisionKind::Trade,
            Self::Table(_) => DecisionKind::Table,
            Self::Numeric(_) => DecisionKind::Numeric,
            Self::Plan(_) => DecisionKind::Plan,
            Self::Report(_) => DecisionKind::Report,
            Self::Refusal(_) => DecisionKind::Refusal,
        }
    }
}

fn check_size(json: &str) -> Result<(), FieldError> {
    if json.len() > DECISION_BYTES_MAX {
        let detail = format!("the decision has {} bytes, more than the {DECISION_BYTES_MAX} that are allowed", json.len());
        return Err(FieldError::new("", detail));
    }
    Ok(())
}

fn check_signal(at: &str, signal: i8, conviction: f64) -> Result<(), FieldError> {
    if !(-1..=1).contains(&signal) {
        return Err(FieldError::new(format!("{at}/signal"), format!("{signal} is not one of -1, 0 and 1")));
    }
    if !(0.0..=1.0).contains(&conviction) {
        return Err(FieldError::new(format!("{at}/conviction"), format!("{conviction} is not between 0 and 1")));
    }
    Ok(())
}

impl Trade {
    fn check(&self) -> Result<(), FieldError> {
        check_signal("", self.signal, self.conviction)?;
        self.agents
            .iter()
            .enumerate()
            .try_for_each(|(i, agent)| check_signal(&format!("/agents/{i}"), agent.signal, agent.conviction))
    }
}

impl Table {
    fn check(&self) -> Result<(), FieldError> {
        let width = self.columns.len();
        match self.rows.iter().position(|row| row.len() != width) {
            Some(i) => {
                Err(FieldError::new(format!("/rows/{i}"), format!("the row does not have {width} values, one for each column")))
            }
            None => Ok(()),
        }
    }
}

impl Plan {
    fn check(&self) -> Result<(), FieldError> {
        let decided = |report: &PlanReport| matches!(report.status, PlanStatus::Optimal | PlanStatus::Feasible);
        if self.objective.is_none() && self.report.as_deref().is_none_or(decided) {
            return Err(FieldError::new("/objective", "a plan without the value of its objective needs a report that says why"));
        }
        Ok(())
    }
}

impl Numeric {
    fn check(&self) -> Result<(), FieldError> {
        if self.value.is_none() && self.fit.is_none() {
            return Err(FieldError::new("/value", "a quantity has a value, unless it is what a fitted model says"));
        }
        match self.interval {
            Some([low, high]) if low > high => Err(FieldError::new("/interval", "the lower end is above the upper end")),
            _ => Ok(()),
        }
    }
}

/// A decision that was checked, as the JSON that serving copies out.
#[derive(Clone, Debug)]
pub struct Payload {
    kind: DecisionKind,
    agreement: AgreementKey,
    signal: Option<i8>,
    conviction: Option<f32>,
    json: Arc<RawValue>,
}

impl Payload {
    /// Reads and checks a decision.
    ///
    /// # Errors
    /// A [`FieldError`] whose pointer is within the decision.
    pub fn parse(json: &str) -> Result<Self, FieldError> {
        check_size(json)?;
        let decision: Decision = serde_json::from_str(json).map_err(|e| FieldError::new("", e.to_string()))?;
        Self::new(&decision)
    }

    /// The payload of a decision that was made in this process.
    ///
    /// # Errors
    /// A [`FieldError`] where it doesn't pass its own check.
    pub fn new(decision: &Decision) -> Result<Self, FieldError> {
        decision.check()?;
        let json = serde_json::value::to_raw_value(decision).map_err(|e| FieldError::new("", e.to_string()))?;
        // What could not be read back must not be written.
        check_size(json.get())?;
        let (signal, conviction) = match decision {
            Decision::Trade(trade) => (Some(trade.signal), Some(trade.conviction as f32)),
            _ => (None, None),
        };
        Ok(Self { kind: decision.kind(), agreement: decision.agreement_key(), signal, conviction, json: json.into() })
    }

    /// Which kind it is of.
    pub fn kind(&self) -> DecisionKind {
        self.kind
    }

    /// The key that it shares with the payloads that decide the same.
    pub fn agreement_key(&self) -> AgreementKey {
        self.agreement
    }

    /// The signal of a trade; `None` for the other kinds.
    pub fn signal(&self) -> Option<i8> {
        self.signal
    }

    /// How sure a trade is, 0 to 1; `None` for the kinds that don't say.
    pub fn conviction(&self) -> Option<f64> {
        self.conviction.map(f64::from)
    }

    /// Whether it was read from a fitted model, which is looked up anew each time: the next fit would make a memory of it wrong.
    pub fn is_looked_up(&self) -> bool {
        let fitted = |decision| matches!(decision, Decision::Numeric(Numeric { fit: Some(_), .. }));
        self.kind == DecisionKind::Numeric && self.decision().is_ok_and(fitted)
    }

    /// The JSON text.
    pub fn as_json(&self) -> &str {
        self.json.get()
    }

    /// The decision itself, read anew.
    ///
    /// # Errors
    /// Never for a payload that was checked; the error type is that of the reader.
    pub fn decision(&self) -> Result<Decision, serde_json::Error> {
        serde_json::from_str(self.json.get())
    }
}

impl PartialEq for Payload {
    fn eq(&self, other: &Self) -> bool {
        self.json.get() == other.json.get()
    }
}

impl Serialize for Payload {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.json.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Payload {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let decision = Decision::deserialize(deserializer)?;
        Self::new(&decision).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_or_conviction_out_of_range_names_its_field() {
        let error = Payload::parse(r#"{"kind":"trade","signal":2,"conviction":0.5}"#).unwrap_err();
        assert_eq!(error.pointer, "/signal");
        let error = Payload::parse(r#"{"kind":"trade","signal":1,"conviction":1.5}"#).unwrap_err();
        assert_eq!(error.pointer, "/conviction");
    }

    #[test]
    fn an_unknown_kind_and_an_unknown_field_are_refused() {
        assert!(Payload::parse(r#"{"kind":"guess"}"#).is_err());
        assert!(Payload::parse(r#"{"kind":"trade","signal":1,"conviction":0.5,"mood":"good"}"#).is_err());
        assert!(Payload::parse(r#"{"signal":1,"conviction":0.5}"#).is_err());
    }

    #[test]
    fn a_payload_reads_back_as_the_decision_it_was_made_from() {
        for json in [
            r#"{"kind":"trade","signal":-1,"conviction":0.25,"reasoning":"r","agents":[],"versions":{},"labels":{"a":"b"}}"#,
            r#"{"kind":"table","columns":["a"],"rows":[[1]],"summary":""}"#,
            r#"{"kind":"numeric","value":1.5,"unit":"bps","interval":[1.0,2.0],"method":"m"}"#,
            r#"{"kind":"plan","objective":14.0,"variables":{"x":1.0},"summary":""}"#,
            r#"{"kind":"report","text":"t","sections":{}}"#,
            r#"{"kind":"refusal","reason":"no data"}"#,
        ] {
            let payload = Payload::parse(json).unwrap();
            assert_eq!(payload.as_json(), json);
            assert_eq!(Payload::new(&payload.decision().unwrap()).unwrap(), payload);
        }
    }

    #[test]
    fn what_is_too_large_to_be_read_back_is_not_made_either() {
        let report = Decision::Report(Report { text: "x".repeat(DECISION_BYTES_MAX), sections: BTreeMap::new() });
        assert!(Payload::new(&report).unwrap_err().detail.contains("more than"));
    }

    #[test]
    fn a_plan_of_the_format_before_reports_reads_and_one_without_objective_needs_a_report() {
        let old = r#"{"kind":"plan","objective":14.0,"variables":{"x":1.0}}"#;
        let Decision::Plan(plan) = Payload::parse(old).unwrap().decision().unwrap() else { panic!("it is a plan") };
        assert_eq!((plan.objective, plan.report, plan.plan_id), (Some(14.0), None, None));
        assert_eq!(Payload::parse(r#"{"kind":"plan","variables":{}}"#).unwrap_err().pointer, "/objective");
    }

    #[test]
    fn a_row_of_the_wrong_width_is_named() {
        let error = Payload::parse(r#"{"kind":"table","columns":["a"],"rows":[[1],[1,2]]}"#).unwrap_err();
        assert_eq!(error.pointer, "/rows/1");
    }
}
