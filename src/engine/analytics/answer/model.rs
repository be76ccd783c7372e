//! An answer as it goes over the wire and into the store.

use super::citations::Claim;
use crate::domain::answer::Confidence;
use crate::domain::sql_value::Cell;
use crate::engine::analytics::compile::ColumnRole;
use crate::engine::analytics::compile::sql::Binding;
use crate::engine::analytics::layer::{ColumnType, Unit};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The answer of a question about data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DataAnswer {
    /// How far it can be relied on.
    pub label: Confidence,
    /// Each reason with the highest label that it allows.
    pub reasons: Vec<LabelReason>,
    /// The answer in a paragraph; its every number is computed from the rows and cites their query.
    pub text: String,
    /// The numbers of the paragraph, and what each rests on.
    pub claims: Vec<Claim>,
    /// The rows; absent where nothing was asked of the data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub table: Option<AnswerTable>,
    /// The rows of the further parts of a question that was taken apart, in the order of their queries.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub further: Vec<AnswerTable>,
    /// The answer as an analyst would hand it in.
    pub report: DataReport,
    /// A chart in Plotly's JSON; absent where a table says it better.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub chart: Option<Value>,
    /// The queries, the first of which is the answer.
    pub queries: Vec<CitedQuery>,
    /// What was taken for granted beside the question.
    pub assumptions: Vec<String>,
    /// Misspelt words and what they were taken for.
    pub corrections: Vec<Correction>,
    /// Questions that can be asked next; each of them has been read and has SQL.
    pub follow_ups: Vec<String>,
    /// Why there is no answer, where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refusal: Option<DataRefusal>,
}

/// A reason of a label.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LabelReason {
    /// The highest label that it allows.
    pub allows: Confidence,
    /// In words.
    pub because: String,
}

/// A word that was read as another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Correction {
    /// As it was written.
    pub written: String,
    /// As it was read.
    pub read: String,
}

/// The rows of an answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AnswerTable {
    /// The columns.
    pub columns: Vec<AnswerColumn>,
    /// The rows, each as long as there are columns.
    #[schema(value_type = Vec<Vec<Value>>)]
    pub rows: Vec<Vec<Cell>>,
}

/// A column of an answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AnswerColumn {
    /// Its name.
    pub name: String,
    /// Its heading.
    pub title: String,
    /// What it is for.
    pub role: ColumnRole,
    /// What its values are.
    #[serde(rename = "type")]
    #[schema(value_type = String)]
    pub holds: ColumnType,
    /// Its unit, where it was measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<Unit>,
    /// How its numbers are shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<NumberFormat>,
}

/// How the numbers of a column are shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NumberFormat {
    /// In which style.
    pub style: NumberStyle,
    /// Places behind the point.
    pub decimals: u8,
    /// Whether thousands are set apart.
    pub thousands: bool,
    /// The currency by its ISO 4217 code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
    /// What stands behind the number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suffix: Option<String>,
}

/// A style of numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum NumberStyle {
    /// As it is.
    Decimal,
    /// A part of one, shown as percent.
    Percent,
    /// Money.
    Currency,
}

/// The answer as an analyst would hand it in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DataReport {
    /// What was found.
    pub answer: String,
    /// How it was worked out.
    pub method: Vec<String>,
    /// What speaks against it, and what to keep in mind.
    pub caveats: Vec<String>,
    /// Where the numbers come from.
    pub sources: Vec<ReportSource>,
}

/// Where numbers come from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReportSource {
    /// The query, such as `Q1`.
    pub query: String,
    /// What it measures.
    pub about: String,
    /// The tables that it reads.
    pub tables: Vec<String>,
    /// Rows that came back; absent where it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<u64>,
}

/// A query of an answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CitedQuery {
    /// What texts cite it by, such as `Q1`.
    pub id: String,
    /// What it is for.
    pub purpose: QueryPurpose,
    /// Which definition of the measure it is by.
    pub definition: String,
    /// With a mark for each value.
    pub sql: String,
    /// The values, in the order of their marks.
    #[schema(value_type = Vec<Object>)]
    pub bindings: Vec<Binding>,
    /// Rows that came back; absent where it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<u64>,
}

/// What a query is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum QueryPurpose {
    /// It is the answer.
    Primary,
    /// The same by another definition.
    Sibling,
    /// The same without its limits.
    Relaxed,
    /// It answers a further part of the question.
    Part,
    /// The same as a language model wrote it.
    Written,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DataRefusal {
    /// Of what sort the question is.
    pub class: RefusalClass,
    /// What was asked for that is not there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
    /// Why it can't be answered.
    pub reason: String,
    /// Words that had no place, with what may have been meant.
    pub unplaced: Vec<UnplacedWords>,
}

/// Of what sort a question without an answer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RefusalClass {
    /// Something in it was not understood.
    Unclear,
    /// These tables can't answer it.
    Unanswerable,
    /// It asks nothing of the data.
    Conversational,
    /// It is about something else.
    OutOfScope,
    /// It was understood and could not be turned into SQL.
    NotExpressible,
    /// It reads tables or columns that the caller's role may not see.
    Forbidden,
    /// Its query failed.
    Failed,
}

/// Words that had no place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UnplacedWords {
    /// As they were written.
    pub words: String,
    /// Why.
    pub reason: String,
    /// What may have been meant.
    pub choices: Vec<String>,
}

/// The chart that a caller asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ChartHint {
    /// Bars.
    Bar,
    /// Lines.
    Line,
    /// A pie.
    Pie,
    /// Points.
    Scatter,
    /// A heat map.
    Heatmap,
    /// A table.
    Table,
    /// No chart.
    None,
}
