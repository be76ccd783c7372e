//! The engine's way to the desk: a question of the decision path, answered as a table or refused with the reason.

use super::{AnalyticsError, DataQuestion};
use crate::decide::Decider;
use crate::domain::decision::Payload;
use crate::engine::analytics::Desk;
use crate::engine::{EngineFailure, Question};
use async_trait::async_trait;
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
            role: Arc::from("decide"),
            text: question.text.as_str().to_owned(),
            as_of: question.as_of,
            layer: None,
            deadline: question.deadline,
            fresh: false,
        };
        let answer = decider.ask_data(&asked).await.map_err(failure)?;
        let _ = answer;
        todo!()
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
