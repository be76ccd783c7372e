//! Known decisions in bulk.

use crate::api::access::caller;
use crate::api::audit::Audited;
use crate::api::components::checked_ttl;
use crate::api::decide::{checked_as_of, checked_context, checked_tags, strategy_of};
use crate::api::error::{Answered, At, Kind, Problem, ProblemDetails};
use crate::api::json;
use crate::api::ndjson::{self, Line, LineResult};
use crate::app::App;
use crate::decide::NewEntry;
use crate::domain::audit_chain::Action;
use crate::domain::deadline::Deadline;
use crate::domain::decision::{Decision, DecisionKind, Payload};
use crate::domain::entry::{Provenance, StoredEntry, Validity};
use crate::domain::field::FieldError;
use crate::domain::ids::{EntryId, TenantId};
use crate::domain::text::FreshText;
use crate::domain::time::Timestamp;
use crate::limits::{BULK_BATCH_LINES_MAX, DECISION_BYTES_MAX};
use actix_web::HttpRequest;
use actix_web::web::{self, Data};
use futures_util::StreamExt;
use futures_util::stream;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use serde_json::value::RawValue;
use std::time::Duration;

/// How long the embedding of one entry's text may take, waiting included.
const EMBED_WITHIN: Duration = Duration::from_secs(60);

/// A known decision, as it comes over the wire.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EntryRequest {
    /// The fresh text, 1 to 262,144 bytes.
    #[schema(min_length = 1, max_length = 262_144)]
    text: String,
    /// What was decided.
    #[schema(value_type = Decision)]
    decision: Box<RawValue>,
    /// Under which strategy; the configured one where absent.
    strategy: Option<String>,
    /// The moment that the decision speaks of; now where absent.
    #[schema(value_type = Option<String>, format = DateTime)]
    as_of: Option<Timestamp>,
    /// The last moment as of which it may serve.
    #[schema(value_type = Option<String>, format = DateTime)]
    valid_until: Option<Timestamp>,
    /// Seconds to live; the strategy's where absent.
    #[schema(minimum = 1, maximum = 315_360_000)]
    ttl_sec: Option<u64>,
    /// By what it can be found and deleted, and by what its soft context is chosen.
    #[serde(default)]
    #[schema(max_items = 32)]
    tags: Vec<String>,
    /// Soft context by component id, instead of by tags.
    #[serde(default)]
    #[schema(max_items = 16)]
    context: Vec<String>,
    /// Under which conditions it may be used again.
    #[serde(default)]
    validity: Validity,
    /// Who decided; `import` where absent.
    provenance: Option<Provenance>,
}

impl EntryRequest {
    #[cfg(fuzzing)]
    pub(in crate::api) fn raw_decision(&self) -> &RawValue {
        &self.decision
    }

    /// The entry as the pipeline takes it.
    pub(crate) fn checked(self, app: &App) -> Result<NewEntry, Problem> {
        let strategy = strategy_of(app, self.strategy.as_deref())?;
        let decision = checked_decision("/decision", &self.decision)?;
        let mut validity = self.validity;
        if validity.valid_until.is_some() && self.valid_until.is_some_and(|until| Some(until) != validity.valid_until) {
            let error = FieldError::new("/valid_until", "it differs from /validity/valid_until");
            return Err(Problem::field(Kind::NOT_ALLOWED, error));
        }
        validity.valid_until = validity.valid_until.or(self.valid_until);
        for (what, bands) in [("price", &validity.price), ("position", &validity.position)] {
            if let Some((name, band)) = bands.iter().find(|(_, band)| band.min > band.max) {
                let error = FieldError::new(format!("/validity/{what}/{name}"), format!("{} is above {}", band.min, band.max));
                return Err(Problem::field(Kind::NOT_ALLOWED, error));
            }
        }
        let checked = || {
            Ok(NewEntry {
                text: FreshText::stored(&self.text).map_err(|e| FieldError::new("/text", e.to_string()))?,
                decision,
                strategy: strategy.name.clone(),
                as_of: checked_as_of(self.as_of, app.decider.clock.now())?,
                ttl_sec: checked_ttl(self.ttl_sec)?,
                tags: checked_tags(self.tags)?,
                context: checked_context(&self.context)?,
                validity,
                provenance: self.provenance.unwrap_or(Provenance::Import),
            })
        };
        checked().map_err(|error| Problem::field(Kind::NOT_ALLOWED, error))
    }
}

/// Reads the decision in the field `at` strictly: what can't be read is a bad request, what is out of its range is not allowed.
pub(in crate::api) fn checked_decision(at: &str, json: &RawValue) -> Result<Payload, Problem> {
    let within = |error: FieldError| FieldError::new(format!("{at}{}", error.pointer), error.detail);
    if json.get().len() > DECISION_BYTES_MAX {
        let error = FieldError::new("", format!("it has more than the {DECISION_BYTES_MAX} bytes that are allowed"));
        return Err(Problem::field(Kind::NOT_ALLOWED, within(error)));
    }
    let decision = read_decision(json.get().as_bytes()).map_err(|e| Problem::field(Kind::BAD_REQUEST, within(e)))?;
    Payload::new(&decision).map_err(|e| Problem::field(Kind::NOT_ALLOWED, within(e)))
}

/// First of which kind it is, and then the rest as that kind has it: read at once, an error could name no field within it.
fn read_decision(bytes: &[u8]) -> Result<Decision, FieldError> {
    #[derive(Deserialize)]
    struct Tag {
        kind: DecisionKind,
    }
    fn rest<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, FieldError> {
        json::read_tagged(bytes, Some("kind"))
    }
    let Tag { kind } = json::read(bytes)?;
    Ok(match kind {
        DecisionKind::Trade => Decision::Trade(rest(bytes)?),
        DecisionKind::Table => Decision::Table(rest(bytes)?),
        DecisionKind::Numeric => Decision::Numeric(rest(bytes)?),
        DecisionKind::Plan => Decision::Plan(rest(bytes)?),
        DecisionKind::Report => Decision::Report(rest(bytes)?),
        DecisionKind::Refusal => Decision::Refusal(rest(bytes)?),
    })
}

/// Remember known decisions in bulk: NDJSON in, one result line out for each line in.
#[utoipa::path(
    post, path = "/v1/entries", operation_id = "put_entries", tag = "entries",
    request_body(content = String, content_type = "application/x-ndjson", description = "One `EntryRequest` a line"),
    responses(
        (status = 200, description = "One `LineResult` a line", body = LineResult, content_type = "application/x-ndjson"),
        (status = 400, description = "A query parameter", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 408, description = "The body came too slowly", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 413, description = "The body is too large", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 503, description = "Too many bulk writes at once, or the store is away", body = ProblemDetails, content_type = "application/problem+json"),
    )
)]
pub(in crate::api) async fn bulk(app: Data<App>, http: HttpRequest, payload: web::Payload) -> Answered {
    let answered = async {
        let tenant = caller(&http)?.tenant;
        let write = move |app, lines| write(app, tenant.clone(), lines);
        let audited = Audited::of(&http, Action::EntriesWrite, json!({}))?;
        ndjson::bulk(&app, &http, payload, (BULK_BATCH_LINES_MAX, audited), write).await
    };
    answered.await.at(&http)
}

pub(crate) async fn write(app: Data<App>, tenant: TenantId, lines: Vec<Line<EntryRequest>>) -> Vec<LineResult> {
    let checked = lines
        .into_iter()
        .map(|(line, read)| (line, read.map_err(|e| Problem::field(Kind::BAD_REQUEST, e)).and_then(|wire| wire.checked(&app))))
        .collect();
    remember_lines(&app, &tenant, checked).await
}

/// Remembers what could be read of a batch of lines, in one durable commit.
pub(crate) async fn remember_lines(
    app: &App,
    tenant: &TenantId,
    lines: Vec<(usize, Result<NewEntry, Problem>)>,
) -> Vec<LineResult> {
    let decider = &app.decider;
    let workers = decider.embedder.stats().workers;
    let prepare = |(line, new): (usize, Result<NewEntry, Problem>)| async move {
        let prepared = async { Ok::<_, Problem>(decider.prepare(tenant, new?, Deadline::after(EMBED_WITHIN)).await?) };
        (line, prepared.await)
    };
    // As many at once as there are workers: more would only stand in the queue before the requests of others.
    let prepared: Vec<_> = stream::iter(lines).map(prepare).buffer_unordered(workers.max(1)).collect().await;
    let mut results = Vec::with_capacity(prepared.len());
    let mut good: Vec<(usize, StoredEntry)> = Vec::new();
    for (line, entry) in prepared {
        match entry {
            Ok(entry) => good.push((line, entry)),
            Err(error) => results.push(LineResult::error(line, error)),
        }
    }
    // In the order of the lines, so that of two lines for one entry the later holds.
    good.sort_by_key(|(line, _)| *line);
    let ids: Vec<EntryId> = good.iter().map(|(_, stored)| stored.entry.id).collect();
    // Where the store can't say it can't write either, and no line is told to be stored.
    let mut seen = decider.remembered(tenant, &ids).await.unwrap_or_default();
    let told: Vec<_> = good
        .iter()
        .map(|(line, stored)| {
            let id = stored.entry.id;
            let new = seen.insert(id);
            LineResult { line: *line, id: Some(id.to_string()), status: if new { "created" } else { "replaced" }, error: None }
        })
        .collect();
    match decider.remember(good.into_iter().map(|(_, entry)| entry).collect()).await {
        Ok(()) => results.extend(told),
        Err(error) => {
            let problem = Problem::from(error);
            results.extend(told.into_iter().map(|told| LineResult::error(told.line, problem.clone())));
        }
    }
    results
}

/// Writes one entry, for doors that write one: its id, and whether it is new.
pub(in crate::api) async fn remember_one(app: &App, tenant: &TenantId, new: NewEntry) -> Result<(String, bool), Problem> {
    let result = remember_lines(app, tenant, vec![(1, Ok(new))]).await.pop();
    match result {
        Some(LineResult { id: Some(id), status, .. }) => Ok((id, status == "created")),
        Some(LineResult { error: Some(problem), .. }) => Err(problem),
        _ => Err(Problem::new(Kind::INTERNAL, "nothing was written")),
    }
}
