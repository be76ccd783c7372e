//! What goes over the wire of an answered question about data.

use crate::api::trace::Arrival;
use crate::decide::analytics::{Came, DataQuestion, DataTold, Turn};
use crate::domain::answer::Confidence;
use crate::domain::ids::{QueryId, TraceId};
use crate::engine::analytics::answer::DataAnswer;
use crate::engine::analytics::intent::Intent;
use crate::engine::analytics::layer::{Layer, Unit};
use crate::engine::analytics::words::Reading;
use serde::Serialize;
use serde_json::{Value, json};
use std::sync::Arc;

/// Whether the answer was held against itself.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct Reflection {
    /// Queries that were written for it, those of a language model that did not do counted too.
    attempts: u32,
    /// Whether it is an answer.
    valid: bool,
}

/// Milliseconds that the parts of the answer took.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct QueryLatency {
    /// All of it, from the first byte of the request.
    total: f64,
    /// Reading the words.
    intent: f64,
    /// Writing the SQL; all that a language model did, its queries included.
    sql_gen: f64,
    /// The queries, or finding their result.
    db_query: f64,
    /// The text, the report and the chart.
    plotly: f64,
}

/// The answer to a question about data.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(in crate::api) struct QueryAnswer {
    #[schema(value_type = String)]
    request_id: TraceId,
    /// Under which the answer can be judged; null where there is no result.
    #[schema(value_type = Option<String>)]
    query_id: Option<QueryId>,
    /// The session that the question named.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    session_id: Option<Arc<str>>,
    /// What it is beside those before it.
    intent: Turn,
    /// How far it can be relied on.
    label: Confidence,
    /// The semantic layer that it was read by.
    layer: String,
    /// What was understood, in canonical form: what results are kept by; null where it was not understood.
    #[schema(value_type = Option<Object>)]
    understood: Option<Intent>,
    /// The query, with a mark for each value; null where none was run.
    sql: Option<String>,
    /// Rows of the answer.
    row_count: usize,
    /// Whether its result was found out before.
    from_cache: bool,
    reflection: Reflection,
    /// The chart as Plotly takes it; null where there is none.
    #[schema(value_type = Option<Object>)]
    plotly_json: Option<Value>,
    latency_ms: QueryLatency,
    /// The answer with all that led to it.
    answer: DataAnswer,
}

impl QueryAnswer {
    pub(super) fn of((told, id): (DataTold, Option<QueryId>), question: &DataQuestion, arrival: Arrival) -> Self {
        let mut answer = told.answer;
        let understood = match told.reading {
            Reading::Data(asked) => Some(asked.intent),
            _ => None,
        };
        Self {
            request_id: arrival.trace,
            query_id: id,
            session_id: question.session.clone(),
            intent: told.turn,
            label: answer.label,
            layer: told.reader.layer.name.clone(),
            understood,
            sql: answer.queries.first().map(|query| query.sql.clone()),
            row_count: answer.table.as_ref().map_or(0, |table| table.rows.len()),
            from_cache: matches!(told.came, Some(Came::Kept | Came::Derived)),
            reflection: Reflection {
                attempts: u32::try_from(told.attempts).unwrap_or(u32::MAX),
                valid: answer.refusal.is_none(),
            },
            // A chart may be large, and once is enough.
            plotly_json: answer.chart.take().map(whole),
            latency_ms: QueryLatency {
                total: arrival.at.elapsed().as_secs_f64() * 1e3,
                intent: told.took.intent,
                sql_gen: told.took.sql_gen,
                db_query: told.took.db_query,
                plotly: told.told_ms,
            },
            answer,
        }
    }
}

/// The chart with the settings that a page needs to show it.
fn whole(mut chart: Value) -> Value {
    if let Some(chart) = chart.as_object_mut() {
        chart.entry("config").or_insert_with(|| json!({ "responsive": true, "displaylogo": false }));
    }
    chart
}

/// The semantic layers.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(in crate::api) struct LayersAnswer {
    pub(super) layers: Vec<LayerAnswer>,
}

/// A semantic layer in short.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = SemanticLayer)]
pub(in crate::api) struct LayerAnswer {
    name: String,
    version: u32,
    comment: String,
    /// The tables, which data sets of these names fill.
    tables: Vec<String>,
    measures: Vec<MeasureAnswer>,
    dimensions: Vec<NamedAnswer>,
    /// Terms with a fixed meaning.
    glossary: Vec<String>,
    /// What the tables do not hold.
    absent: Vec<String>,
}

/// A measure in short.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = LayerMeasure)]
struct MeasureAnswer {
    name: String,
    comment: String,
    unit: Unit,
    /// What people call it.
    synonyms: Vec<String>,
}

/// A dimension in short.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = LayerDimension)]
struct NamedAnswer {
    name: String,
    comment: String,
    /// What people call it.
    synonyms: Vec<String>,
}

impl LayerAnswer {
    pub(super) fn of(layer: &Layer) -> Self {
        let measure = |(name, measure): (&String, &crate::engine::analytics::layer::Measure)| MeasureAnswer {
            name: name.clone(),
            comment: measure.comment.clone(),
            unit: measure.unit,
            synonyms: measure.synonyms.clone(),
        };
        let dimension = |(name, dimension): (&String, &crate::engine::analytics::layer::Dimension)| NamedAnswer {
            name: name.clone(),
            comment: dimension.comment.clone(),
            synonyms: dimension.synonyms.clone(),
        };
        Self {
            name: layer.name.clone(),
            version: layer.version,
            comment: layer.comment.clone(),
            tables: layer.tables.keys().cloned().collect(),
            measures: layer.measures.iter().map(measure).collect(),
            dimensions: layer.dimensions.iter().map(dimension).collect(),
            glossary: layer.glossary.keys().cloned().collect(),
            absent: layer.absent.keys().cloned().collect(),
        }
    }
}
