//! One entry.

use crate::api::access::caller;
use crate::api::error::{Answered, At, Kind, Problem, ProblemDetails};
use crate::api::json;
use crate::app::App;
use crate::domain::component::Cut;
use crate::domain::decision::{Decision, Payload};
use crate::domain::entry::{Entry, Part, Provenance, Validity};
use crate::domain::facts::Facts;
use crate::domain::ids::{EntryId, StrategyName};
use crate::domain::time::Timestamp;
use crate::domain::trust::Quarantine;
use crate::facts;
use actix_web::HttpRequest;
use actix_web::web::{self, Data};
use serde::Serialize;

/// One entry, whole but for its vectors.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(in crate::api) struct EntryAnswer {
    #[schema(value_type = String)]
    id: EntryId,
    #[schema(value_type = String)]
    strategy: StrategyName,
    strategy_version: u32,
    partition: String,
    model: String,
    text: String,
    text_hash: String,
    /// What is read of the text.
    facts: Facts,
    #[serde(skip_serializing_if = "Option::is_none")]
    truncated: Option<Cut>,
    /// What its composed vector was made of.
    vec_details: Vec<Part>,
    tau: f32,
    #[schema(value_type = Decision)]
    decision: Payload,
    validity: Validity,
    provenance: Provenance,
    #[schema(value_type = String, format = DateTime)]
    as_of: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    ttl_sec: Option<u64>,
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Timestamp>,
    tags: Vec<String>,
    /// Since when, and why, it serves no more.
    #[serde(skip_serializing_if = "Option::is_none")]
    quarantine: Option<Quarantine>,
}

impl EntryAnswer {
    fn new(entry: &Entry, facts: Facts) -> Self {
        Self {
            id: entry.id,
            strategy: entry.strategy.clone(),
            strategy_version: entry.strategy_version,
            partition: entry.partition.to_string(),
            model: entry.model.to_string(),
            text: entry.text.to_string(),
            text_hash: entry.text_hash.to_string(),
            facts,
            truncated: entry.cut,
            vec_details: entry.parts.clone(),
            tau: entry.tau,
            decision: entry.decision.clone(),
            validity: entry.validity.clone(),
            provenance: entry.provenance,
            as_of: entry.as_of,
            created_at: entry.created_at,
            ttl_sec: entry.ttl_sec,
            expires_at: entry.expires_at(),
            tags: entry.tags.clone(),
            quarantine: entry.quarantine.clone(),
        }
    }
}

/// One entry.
#[utoipa::path(
    get, path = "/v1/entries/{id}", operation_id = "get_entry", tag = "entries",
    params(("id" = String, Path, description = "The id of the entry, `sc:combo:` and 64 hexadecimal digits")),
    responses(
        (status = 200, description = "The entry", body = EntryAnswer),
        (status = 404, description = "No such entry", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 503, description = "The store is away", body = ProblemDetails, content_type = "application/problem+json"),
    )
)]
pub(in crate::api) async fn get(app: Data<App>, http: HttpRequest, id: web::Path<String>) -> Answered {
    let answered = async {
        let now = app.decider.clock.now();
        let found = match EntryId::parse(&id) {
            Ok(id) => app.decider.entry(&caller(&http)?.tenant, &id).await?,
            Err(_) => None,
        };
        let held = found.filter(|entry| entry.expires_at().is_none_or(|end| end > now));
        let answer = |entry: &Entry| EntryAnswer::new(entry, facts::read(&entry.text, entry.as_of, &app.decider.lexicon));
        held.map(|entry| json::ok(&answer(&entry)))
            .ok_or_else(|| Problem::new(Kind::NOT_FOUND, format!("there is no entry \"{}\"", *id)))
    };
    answered.await.at(&http)
}
