//! The engine's way to the desk: a question of the decision path, answered as a table or refused with the reason.

use super::{AnalyticsError, DataQuestion};
use crate::decide::Decider;
use crate::domain::decision::{Decision, Payload, Table, TableBasis};
use crate::domain::role::Role;
use crate::engine::analytics::Desk;
use crate::engine::{EngineFailure, Question};
use crate::limits::CHART_IN_ANSWER_BYTES_MAX;
use async_trait::async_trait;
use serde_json::{Map, Value, json};
use std::sync::{Arc, Weak};

/// The desk of a service, which does not keep the service up.
#[derive(Debug)]
pub struct Analysts(pub Weak<Decider>);

#[async_trait]
impl Desk for Analysts {
    async fn answer(&self, question: &Question) -> Result<Payload, EngineFailure> {
        let Some(decider) = self.0.upgrade() else {
            return Err(EngineFailure::Failed { detail: "the service is gone".to_owned() });
        };
        let asked = DataQuestion {
            tenant: question.tenant.clone(),
            // Decisions are shared by all of a tenant who may ask, so that they hold what every one of them may see.
            role: Arc::from(Role::Decide.as_str()),
            text: question.text.as_str().to_owned(),
            as_of: question.as_of,
            session: None,
            layer: None,
            deadline: question.deadline,
            fresh: false,
            steps: question.steps.clone(),
        };
        let told = decider.tell_data(&asked, None).await.map_err(failure)?;
        let answer = told.answer;
        let Some(table) = answer.table else {
            return Err(EngineFailure::Abstained { reason: answer.text });
        };
        let rows = table.rows.iter().map(|row| row.iter().map(|cell| json!(cell)).collect()).collect();
        let decision = Decision::Table(Table {
            columns: table.columns.iter().map(|column| column.name.clone()).collect(),
            rows,
            summary: answer.text,
            basis: Some(Box::new(TableBasis {
                confidence: answer.label,
                reasons: answer.reasons.into_iter().map(|reason| reason.because).collect(),
                layer: told.reader.layer.name.clone(),
                sql: answer.queries.iter().map(|query| query.sql.clone()).collect(),
                assumptions: answer.assumptions,
                chart: answer.chart.and_then(small),
                follow_ups: answer.follow_ups,
            })),
        });
        Payload::new(&decision).map_err(|error| EngineFailure::Abstained { reason: format!("the answer is too large: {error}") })
    }
}

/// A chart that is small enough to go with an answer.
fn small(chart: Value) -> Option<Map<String, Value>> {
    let fits = chart.to_string().len() <= CHART_IN_ANSWER_BYTES_MAX;
    match chart {
        Value::Object(chart) if fits => Some(chart),
        _ => None,
    }
}

fn failure(error: AnalyticsError) -> EngineFailure {
    match error {
        AnalyticsError::Late => EngineFailure::TimedOut,
        AnalyticsError::Warehouse(error) => EngineFailure::Failed { detail: format!("{error:?}") },
        error @ (AnalyticsError::Datasets(_) | AnalyticsError::Catalogue(_) | AnalyticsError::Gate(_)) => {
            EngineFailure::Failed { detail: error.to_string() }
        }
        error => EngineFailure::Abstained { reason: error.to_string() },
    }
}
