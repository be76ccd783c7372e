//! What callers say afterwards of a decision.

use super::access::caller;
use super::audit::Audited;
use super::entries::bulk::checked_decision;
use super::error::{Answered, At, Kind, Problem, ProblemDetails};
use super::json::{self, Json};
use crate::app::App;
use crate::budget::ledger::BudgetState;
use crate::decide::{Feedback, FeedbackError};
use crate::domain::audit_chain::Action;
use crate::domain::deadline::Deadline;
use crate::domain::decision::Decision;
use crate::domain::field::FieldError;
use crate::domain::ids::{DecisionId, EntryId, StrategyName};
use crate::domain::time::Timestamp;
use crate::limits::NOTE_BYTES_MAX;
use actix_web::HttpRequest;
use actix_web::web::Data;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

/// How long the text of the decision may take to embed, where its vector is not known any more.
const EMBED_WITHIN: Duration = Duration::from_secs(10);

/// Whether a decision was right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
enum VerdictWord {
    /// It was.
    Right,
    /// It was not: its entry serves no more.
    Wrong,
}

/// A verdict on a past decision.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct FeedbackRequest {
    /// The id of the answer.
    decision_id: String,
    /// Whether it was right.
    verdict: VerdictWord,
    /// What should have been decided; it is remembered with the provenance `feedback` where the verdict is `wrong`.
    #[schema(value_type = Option<Decision>)]
    expected: Option<Box<RawValue>>,
    /// Why, in words, at most 4,096 bytes.
    #[schema(max_length = 4096)]
    note: Option<String>,
}

/// A decision that was served from the same entry.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct ServedAnswer {
    #[schema(value_type = String)]
    decision_id: DecisionId,
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// What was asked.
    text: Option<String>,
    /// The session that it belonged to.
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<String>,
}

/// What came of a verdict.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct FeedbackAnswer {
    #[schema(value_type = String)]
    decision_id: DecisionId,
    verdict: VerdictWord,
    #[schema(value_type = String)]
    strategy: StrategyName,
    /// The entry that the decision was served from, or that it became where an engine decided; null where there is none.
    #[schema(value_type = Option<String>)]
    entry: Option<EntryId>,
    /// Whether that entry serves no more.
    quarantined: bool,
    /// The entry that remembers what should have been decided.
    #[schema(value_type = Option<String>)]
    remembered: Option<EntryId>,
    /// How many decisions on record were served from the entry, this one among them.
    served_count: usize,
    /// The latest hundred of them, newest first.
    served: Vec<ServedAnswer>,
    /// How it stands with the error budget of the strategy now; null where it states none.
    error_budget: Option<BudgetState>,
}

/// Say whether a decision was right. A wrong one quarantines its entry, keeps a hard negative, and lists who was served from it.
#[utoipa::path(
    post, path = "/v1/feedback", operation_id = "give_feedback", tag = "decide", request_body = FeedbackRequest,
    responses(
        (status = 200, description = "What came of it; all of it is durable", body = FeedbackAnswer),
        (status = 400, description = "Not JSON, an unknown field, a wrong type", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 404, description = "No such decision", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 408, description = "The body came too slowly", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 413, description = "The body is too large", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 422, description = "Nothing was decided, or the expected decision doesn't fit the verdict", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 503, description = "The store is away", body = ProblemDetails, content_type = "application/problem+json"),
    )
)]
pub(super) async fn feedback(app: Data<App>, http: HttpRequest, Json(wire): Json<FeedbackRequest>) -> Answered {
    let answered = async {
        let tenant = caller(&http)?.tenant;
        let verdict = wire.verdict;
        let feedback = wire.checked()?;
        let decision_id = feedback.decision;
        let about = json!({ "decision": decision_id, "verdict": verdict, "expected_given": feedback.expected.is_some() });
        let audited = Audited::of(&http, Action::Feedback, about)?;
        let (decider, of) = (Arc::clone(&app.decider), tenant.clone());
        let work = async move {
            let told = decider.feedback(&of, feedback, Deadline::after(EMBED_WITHIN)).await?;
            let came = json!({
                "strategy": &told.strategy, "entry": told.entry, "quarantined": told.quarantined, "remembered": told.remembered,
                "served": told.served.count,
            });
            Ok((told, came))
        };
        let told = audited.run(&app, work).await?;
        let error_budget =
            app.decider.strategies.by_name.get(&told.strategy).and_then(|strategy| app.decider.budget_state(&tenant, strategy));
        let served = told.served.latest.iter().map(|decision| {
            let asked: Value = serde_json::from_str(decision.request.get()).unwrap_or_default();
            let text = |name: &str| asked[name].as_str().map(str::to_owned);
            ServedAnswer { decision_id: decision.id, at: decision.at, text: text("text"), session: text("session") }
        });
        Ok::<_, Problem>(json::ok(&FeedbackAnswer {
            decision_id,
            verdict,
            strategy: told.strategy,
            entry: told.entry,
            quarantined: told.quarantined,
            remembered: told.remembered,
            served_count: told.served.count,
            served: served.collect(),
            error_budget,
        }))
    };
    answered.await.at(&http)
}

impl FeedbackRequest {
    fn checked(self) -> Result<Feedback, Problem> {
        let decision = DecisionId::parse(&self.decision_id)
            .map_err(|e| Problem::field(Kind::NOT_FOUND, FieldError::new("/decision_id", e.to_string())))?;
        if self.note.as_ref().is_some_and(|note| note.len() > NOTE_BYTES_MAX) {
            let error = FieldError::new("/note", format!("a note has at most {NOTE_BYTES_MAX} bytes"));
            return Err(Problem::field(Kind::NOT_ALLOWED, error));
        }
        let expected = self.expected.map(|json| checked_decision("/expected", &json)).transpose()?;
        Ok(Feedback { decision, right: self.verdict == VerdictWord::Right, expected, note: self.note })
    }
}

impl From<FeedbackError> for Problem {
    fn from(error: FeedbackError) -> Self {
        let detail = error.to_string();
        match error {
            FeedbackError::UnknownDecision { .. } => Self::field(Kind::NOT_FOUND, FieldError::new("/decision_id", detail)),
            FeedbackError::NotAllowed(field) => Self::field(Kind::NOT_ALLOWED, field),
            FeedbackError::Remember(e) => e.into(),
            FeedbackError::Store(e) => e.into(),
            FeedbackError::Record(_) => Self::new(Kind::INTERNAL, detail),
        }
    }
}
