//! Components: reusable texts.

use super::access::caller;
use super::audit::{Audited, written};
use super::decide::{checked_as_of, checked_tags};
use super::error::{Answered, At, Kind, Problem, ProblemDetails};
use super::json::{self, Json};
use super::ndjson::{self, Line, LineResult};
use super::trace::Arrival;
use crate::app::App;
use crate::decide::NewComponent;
use crate::domain::audit_chain::Action;
use crate::domain::component::{Component, Role};
use crate::domain::deadline::Deadline;
use crate::domain::field::FieldError;
use crate::domain::ids::{ComponentId, TenantId};
use crate::domain::text::FreshText;
use crate::domain::time::Timestamp;
use crate::limits::{BULK_BATCH_LINES_MAX, TTL_SEC_MAX};
use actix_web::http::StatusCode;
use actix_web::web::{self, Data};
use actix_web::{HttpRequest, HttpResponse};
use futures_util::StreamExt;
use futures_util::stream;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::sync::Arc;
use std::time::Duration;

/// How long the embedding of one component may take, waiting included: the longest has hundreds of chunks.
const EMBED_WITHIN: Duration = Duration::from_secs(120);

/// A component to write, as it comes over the wire.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ComponentRequest {
    /// Its id; in bulk only, since elsewhere the path says it.
    id: Option<String>,
    /// What it is for.
    role: Role,
    /// The text, 1 to 262,144 bytes; a long one is embedded in chunks.
    #[schema(min_length = 1, max_length = 262_144)]
    text: String,
    /// By what a request finds it.
    #[serde(default)]
    #[schema(max_items = 32)]
    tags: Vec<String>,
    /// The moment that it speaks of; now where absent.
    #[schema(value_type = Option<String>, format = DateTime)]
    as_of: Option<Timestamp>,
    /// Seconds to live; for ever where absent.
    #[schema(minimum = 1, maximum = 315_360_000)]
    ttl_sec: Option<u64>,
    /// What the writer attaches.
    #[serde(default)]
    #[schema(value_type = Object)]
    meta: Map<String, Value>,
}

/// A component, as it goes over the wire.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct ComponentAnswer {
    /// Its id.
    #[schema(value_type = String)]
    id: ComponentId,
    /// What it is for.
    role: Role,
    /// The text, in normal form.
    text: String,
    /// By what a request finds it.
    tags: Vec<String>,
    /// The moment that it speaks of.
    #[schema(value_type = String, format = DateTime)]
    as_of: Timestamp,
    /// Seconds to live.
    ttl_sec: Option<u64>,
    /// What the writer attached.
    #[schema(value_type = Object)]
    meta: Map<String, Value>,
    /// When it was written.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When it ends.
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Timestamp>,
    /// Which model made its vector.
    model: String,
    /// Dimensions of its vector.
    dim: usize,
    /// BLAKE3 of the text.
    text_hash: String,
    /// Into how many chunks the text was cut.
    chunks: u32,
}

impl From<&Component> for ComponentAnswer {
    fn from(c: &Component) -> Self {
        Self {
            id: c.id.clone(),
            role: c.role,
            text: c.text.to_string(),
            tags: c.tags.clone(),
            as_of: c.as_of,
            ttl_sec: c.ttl_sec,
            meta: c.meta.clone(),
            created_at: c.created_at,
            expires_at: c.expires_at(),
            model: c.model.to_string(),
            dim: c.vector.dim(),
            text_hash: c.text_hash.to_string(),
            chunks: c.chunks,
        }
    }
}

/// Checks seconds to live.
///
/// # Errors
/// Where they are 0 or too many.
pub(super) fn checked_ttl(ttl_sec: Option<u64>) -> Result<Option<u64>, FieldError> {
    match ttl_sec {
        Some(ttl) if !(1..=TTL_SEC_MAX).contains(&ttl) => {
            Err(FieldError::new("/ttl_sec", format!("{ttl} is not 1 to {TTL_SEC_MAX}")))
        }
        good => Ok(good),
    }
}

impl ComponentRequest {
    fn checked(self, id: ComponentId, now: Timestamp) -> Result<NewComponent, FieldError> {
        Ok(NewComponent {
            id,
            role: self.role,
            text: FreshText::stored(&self.text).map_err(|e| FieldError::new("/text", e.to_string()))?,
            tags: checked_tags(self.tags)?,
            as_of: checked_as_of(self.as_of, now)?,
            ttl_sec: checked_ttl(self.ttl_sec)?,
            meta: self.meta,
        })
    }
}

fn not_allowed(error: FieldError) -> Problem {
    Problem::field(Kind::NOT_ALLOWED, error)
}

fn id_of(text: &str) -> Result<ComponentId, Problem> {
    ComponentId::new(text).map_err(|e| not_allowed(FieldError::new("/id", e.to_string())))
}

/// Write a component: its text is embedded now and reused from then on.
#[utoipa::path(
    put, path = "/v1/components/{id}", operation_id = "put_component", tag = "components",
    params(("id" = String, Path, description = "The id of the component")), request_body = ComponentRequest,
    responses(
        (status = 200, description = "It took the place of an earlier one", body = ComponentAnswer),
        (status = 201, description = "It is new", body = ComponentAnswer),
        (status = 400, description = "Not JSON, an unknown field, a wrong type, a bad time", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 408, description = "The body came too slowly", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 413, description = "The body is too large", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 422, description = "Well formed but not allowed", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 503, description = "Overloaded, or a required part is away", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 504, description = "Embedding it took too long", body = ProblemDetails, content_type = "application/problem+json"),
    )
)]
pub(super) async fn put(
    app: Data<App>,
    http: HttpRequest,
    arrival: Arrival,
    id: web::Path<String>,
    Json(wire): Json<ComponentRequest>,
) -> Answered {
    let answered = async {
        let id = id_of(&id)?;
        if wire.id.as_ref().is_some_and(|said| said != id.as_str()) {
            return Err(not_allowed(FieldError::new("/id", "it differs from the id in the path")));
        }
        let audited = Audited::of(&http, Action::ComponentsWrite, json!({ "ids": [&id] }))?;
        let (decider, tenant) = (Arc::clone(&app.decider), caller(&http)?.tenant);
        let new = wire.checked(id, decider.clock.now()).map_err(not_allowed)?;
        let deadline = Deadline::from_start(arrival.at, EMBED_WITHIN);
        let work = async move {
            let component = decider.embed_component(&tenant, new, deadline).await?;
            let answer = ComponentAnswer::from(&*component);
            let new = decider.put_components(vec![component]).await?.contains(&true);
            Ok(((answer, new), written(new)))
        };
        let (answer, new) = audited.run(&app, work).await?;
        let status = if new { StatusCode::CREATED } else { StatusCode::OK };
        Ok(HttpResponse::build(status).json(answer))
    };
    answered.await.at(&http)
}

fn missing(id: &str) -> Problem {
    Problem::new(Kind::NOT_FOUND, format!("there is no component \"{id}\""))
}

/// One component.
#[utoipa::path(
    get, path = "/v1/components/{id}", operation_id = "get_component", tag = "components",
    params(("id" = String, Path, description = "The id of the component")),
    responses(
        (status = 200, description = "The component", body = ComponentAnswer),
        (status = 404, description = "No such component", body = ProblemDetails, content_type = "application/problem+json"),
    )
)]
pub(super) async fn get(app: Data<App>, http: HttpRequest, id: web::Path<String>) -> Answered {
    let decider = &app.decider;
    let found = caller(&http).and_then(|caller| {
        let known = ComponentId::new(&id).ok();
        let found = known.and_then(|id| decider.embeddings.component(&caller.tenant, &id, decider.clock.now()));
        found.map(|c| json::ok(&ComponentAnswer::from(&*c))).ok_or_else(|| missing(&id))
    });
    found.at(&http)
}

/// Delete a component.
#[utoipa::path(
    delete, path = "/v1/components/{id}", operation_id = "delete_component", tag = "components",
    params(("id" = String, Path, description = "The id of the component")),
    responses(
        (status = 204, description = "It is gone"),
        (status = 404, description = "No such component", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 503, description = "The store is away", body = ProblemDetails, content_type = "application/problem+json"),
    )
)]
pub(super) async fn delete(app: Data<App>, http: HttpRequest, id: web::Path<String>) -> Answered {
    let answered = async {
        let known = ComponentId::new(&id).map_err(|_| missing(&id))?;
        let audited = Audited::of(&http, Action::ComponentsDelete, json!({ "ids": [&known] }))?;
        let (decider, tenant) = (Arc::clone(&app.decider), caller(&http)?.tenant);
        let work = async move {
            let gone = decider.delete_component(&tenant, &known).await?;
            if gone { Ok(((), json!({}))) } else { Err(missing(&id)) }
        };
        audited.run(&app, work).await?;
        Ok::<_, Problem>(HttpResponse::NoContent().finish())
    };
    answered.await.at(&http)
}

/// Write components in bulk: NDJSON in, one result line out for each line in.
#[utoipa::path(
    post, path = "/v1/components", operation_id = "put_components", tag = "components",
    request_body(content = String, content_type = "application/x-ndjson", description = "One `ComponentLine` a line"),
    responses(
        (status = 200, description = "One `LineResult` a line", body = LineResult, content_type = "application/x-ndjson"),
        (status = 400, description = "A query parameter", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 408, description = "The body came too slowly", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 413, description = "The body is too large", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 503, description = "Too many bulk writes at once, or the store is away", body = ProblemDetails, content_type = "application/problem+json"),
    )
)]
pub(super) async fn bulk(app: Data<App>, http: HttpRequest, payload: web::Payload) -> Answered {
    let answered = async {
        let tenant = caller(&http)?.tenant;
        let write = move |app, lines| write(app, tenant.clone(), lines);
        let audited = Audited::of(&http, Action::ComponentsWrite, json!({}))?;
        ndjson::bulk(&app, &http, payload, (BULK_BATCH_LINES_MAX, audited), write).await
    };
    answered.await.at(&http)
}

/// Writes what could be read of a batch of lines, in one durable commit.
pub(crate) async fn write(app: Data<App>, tenant: TenantId, lines: Vec<Line<ComponentRequest>>) -> Vec<LineResult> {
    let decider = &app.decider;
    let workers = decider.embedder.stats().workers;
    let prepare = |(line, read): Line<ComponentRequest>| {
        let tenant = &tenant;
        async move {
            let prepared = async {
                let mut wire = read.map_err(|e| Problem::field(Kind::BAD_REQUEST, e))?;
                let id = wire
                    .id
                    .take()
                    .ok_or_else(|| Problem::field(Kind::BAD_REQUEST, FieldError::new("/id", "missing field `id`")))?;
                let new = wire.checked(id_of(&id)?, decider.clock.now()).map_err(not_allowed)?;
                Ok::<_, Problem>(decider.embed_component(tenant, new, Deadline::after(EMBED_WITHIN)).await?)
            };
            (line, prepared.await)
        }
    };
    // As many at once as there are workers: more would only stand in the queue before the requests of others.
    let prepared: Vec<_> = stream::iter(lines).map(prepare).buffer_unordered(workers.max(1)).collect().await;
    let mut results = Vec::with_capacity(prepared.len());
    let mut good = Vec::new();
    for (line, component) in prepared {
        match component {
            Ok(component) => good.push((line, component)),
            Err(error) => results.push(LineResult::error(line, error)),
        }
    }
    good.sort_by_key(|(line, _)| *line);
    let told: Vec<_> = good.iter().map(|(line, c)| (*line, c.id.to_string())).collect();
    match decider.put_components(good.into_iter().map(|(_, c)| c).collect()).await {
        Ok(new) => results.extend(told.into_iter().zip(new).map(|((line, id), new)| LineResult {
            line,
            id: Some(id),
            status: if new { "created" } else { "replaced" },
            error: None,
        })),
        Err(error) => {
            let problem = Problem::from(error);
            results.extend(told.into_iter().map(|(line, _)| LineResult::error(line, problem.clone())));
        }
    }
    results
}
