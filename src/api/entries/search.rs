//! Looking without serving.

use crate::api::access::caller;
use crate::api::decide::DecideRequest;
use crate::api::error::{Answered, At, Kind, Problem, ProblemDetails};
use crate::api::json::{self, Json};
use crate::api::trace::Arrival;
use crate::app::App;
use crate::decide::Scored;
use crate::domain::answer::GateVerdict;
use crate::domain::component::Cut;
use crate::domain::decision::{Decision, Payload};
use crate::domain::entry::Provenance;
use crate::domain::facts::Facts;
use crate::domain::field::FieldError;
use crate::domain::ids::{EntryId, StrategyName};
use crate::domain::request::{Allow, Market};
use crate::domain::time::Timestamp;
use crate::limits::SEARCH_RESULTS_MAX;
use actix_web::HttpRequest;
use actix_web::web::Data;
use serde::{Deserialize, Serialize};

/// What to search for: a decision request without what only serving needs, and how many candidates to show.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct SearchRequest {
    /// The fresh text, 1 to 8,192 bytes.
    #[schema(min_length = 1, max_length = 8192)]
    text: String,
    /// By which strategy; the configured one where absent.
    strategy: Option<String>,
    /// The moment that the question speaks of; now where absent.
    #[schema(value_type = Option<String>, format = DateTime)]
    as_of: Option<Timestamp>,
    /// By what soft context is chosen.
    #[serde(default)]
    #[schema(max_items = 32)]
    tags: Vec<String>,
    /// Soft context by component id, instead of by tags.
    #[serde(default)]
    #[schema(max_items = 16)]
    context: Vec<String>,
    /// The state of the market that the caller sees.
    #[serde(default)]
    market: Market,
    /// Milliseconds, 1 to 120,000; the strategy's where absent.
    #[schema(minimum = 1, maximum = 120_000)]
    deadline_ms: Option<u32>,
    /// How many candidates, 1 to 100; 10 where absent.
    #[schema(minimum = 1, maximum = 100)]
    limit: Option<usize>,
}

impl From<SearchRequest> for DecideRequest {
    fn from(wire: SearchRequest) -> Self {
        Self {
            text: wire.text,
            strategy: wire.strategy,
            as_of: wire.as_of,
            tags: wire.tags,
            context: wire.context,
            market: wire.market,
            allow: Allow::Fast,
            deadline_ms: wire.deadline_ms,
            session: None,
            explain: false,
            engine: None,
            pending: false,
        }
    }
}

/// A candidate with its scores and verdicts.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct CandidateAnswer {
    #[schema(value_type = String)]
    entry: EntryId,
    /// Cosine of the composed vectors.
    similarity: f32,
    /// Cosine of the fresh vectors.
    fresh_similarity: f32,
    /// Whether it would be served.
    servable: bool,
    /// The gates that ran, in order.
    gates: Vec<GateVerdict>,
    /// What the gate saw that turned it away.
    #[serde(skip_serializing_if = "Option::is_none")]
    saw: Option<String>,
    /// The entry's text.
    text: String,
    /// What was read of it; absent where the strategy doesn't hold facts against each other.
    #[serde(skip_serializing_if = "Option::is_none")]
    facts: Option<Facts>,
    #[schema(value_type = Decision)]
    decision: Payload,
    #[schema(value_type = String, format = DateTime)]
    as_of: Timestamp,
    provenance: Provenance,
    tags: Vec<String>,
}

impl From<Scored> for CandidateAnswer {
    fn from(scored: Scored) -> Self {
        let gates = scored.verdicts().map(|(gate, passed)| GateVerdict { gate, passed }).collect();
        let entry = &scored.live.entry;
        Self {
            entry: entry.id,
            similarity: scored.near.similarity,
            fresh_similarity: scored.near.fresh_similarity,
            servable: scored.refusal.is_none(),
            gates,
            saw: scored.refusal.map(|refusal| refusal.saw),
            text: entry.text.to_string(),
            facts: scored.facts,
            decision: entry.decision.clone(),
            as_of: entry.as_of,
            provenance: entry.provenance,
            tags: entry.tags.clone(),
        }
    }
}

/// What a search found.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(in crate::api) struct SearchAnswer {
    #[schema(value_type = String)]
    strategy: StrategyName,
    /// The floor on the composed vector.
    tau: f32,
    /// The floor on the fresh vector.
    tau_fresh: f32,
    /// The partition that was searched.
    partition: String,
    /// The soft context that the query was composed with.
    context: Vec<String>,
    /// Where the text was longer than the model reads.
    #[serde(skip_serializing_if = "Option::is_none")]
    truncated: Option<Cut>,
    /// What was read of the request's text; absent where the strategy doesn't hold facts against each other.
    #[serde(skip_serializing_if = "Option::is_none")]
    facts: Option<Facts>,
    /// The candidates, nearest first.
    candidates: Vec<CandidateAnswer>,
}

/// The nearest entries with every score and verdict; nothing is served, nothing counted.
#[utoipa::path(
    post, path = "/v1/entries/search", operation_id = "search_entries", tag = "entries", request_body = SearchRequest,
    responses(
        (status = 200, description = "The candidates", body = SearchAnswer),
        (status = 400, description = "Not JSON, an unknown field, a wrong type, a bad time", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 404, description = "No such strategy or component", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 408, description = "The body came too slowly", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 413, description = "The body is too large", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 422, description = "Well formed but not allowed", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 503, description = "Overloaded, or a required part is away", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 504, description = "The deadline passed", body = ProblemDetails, content_type = "application/problem+json"),
    )
)]
pub(in crate::api) async fn search(
    app: Data<App>,
    http: HttpRequest,
    arrival: Arrival,
    Json(wire): Json<SearchRequest>,
) -> Answered {
    let answered = async {
        let limit = wire.limit.unwrap_or(10);
        if !(1..=SEARCH_RESULTS_MAX).contains(&limit) {
            let error = FieldError::new("/limit", format!("{limit} is not 1 to {SEARCH_RESULTS_MAX}"));
            return Err(Problem::field(Kind::NOT_ALLOWED, error));
        }
        let request = DecideRequest::from(wire).checked(&app, arrival)?;
        let floors = app.decider.strategies.named(&request.strategy)?.floors();
        let probe = app.decider.probe(&caller(&http)?.tenant, &request, limit).await?;
        Ok(json::ok(&SearchAnswer {
            strategy: request.strategy,
            tau: floors.tau,
            tau_fresh: floors.tau_fresh,
            partition: probe.partition.to_string(),
            context: probe.context,
            truncated: probe.cut,
            facts: probe.facts,
            candidates: probe.candidates.into_iter().map(Into::into).collect(),
        }))
    };
    answered.await.at(&http)
}
