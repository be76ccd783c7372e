//! Entries: known decisions in bulk, search, one whole, deletion.

use super::components::checked_ttl;
use super::decide::{DecideRequest, caller, checked_as_of, checked_context, checked_tags, strategy_of};
use super::error::{Answered, At, Kind, Problem};
use super::json::{self, Json};
use super::ndjson::{self, Line, LineResult};
use super::trace::Arrival;
use crate::app::App;
use crate::decide::{Forget, NewEntry, Scored};
use crate::domain::answer::GateVerdict;
use crate::domain::component::Cut;
use crate::domain::deadline::Deadline;
use crate::domain::decision::{Decision, Payload};
use crate::domain::entry::{Entry, Part, Provenance, StoredEntry, Validity};
use crate::domain::field::FieldError;
use crate::domain::ids::{EntryId, StrategyName};
use crate::domain::request::{Allow, Market};
use crate::domain::text::FreshText;
use crate::domain::time::Timestamp;
use crate::limits::{BULK_BODY_BYTES_MAX, DELETE_IDS_MAX, SEARCH_RESULTS_MAX};
use actix_web::HttpRequest;
use actix_web::web::{self, Data};
use futures_util::StreamExt;
use futures_util::stream;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
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
    decision: Payload,
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
    /// The entry as the pipeline takes it.
    pub(crate) fn checked(self, app: &App) -> Result<NewEntry, Problem> {
        let strategy = strategy_of(app, self.strategy.as_deref())?;
        let mut validity = self.validity;
        if validity.valid_until.is_some() && self.valid_until.is_some_and(|until| Some(until) != validity.valid_until) {
            let error = FieldError::new("/valid_until", "it differs from /validity/valid_until");
            return Err(Problem::field(Kind::NOT_ALLOWED, error));
        }
        validity.valid_until = validity.valid_until.or(self.valid_until);
        if let Some((name, band)) = validity.price.iter().find(|(_, band)| band.min > band.max) {
            let error = FieldError::new(format!("/validity/price/{name}"), format!("{} is above {}", band.min, band.max));
            return Err(Problem::field(Kind::NOT_ALLOWED, error));
        }
        let checked = || {
            Ok(NewEntry {
                text: FreshText::stored(&self.text).map_err(|e| FieldError::new("/text", e.to_string()))?,
                decision: self.decision,
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

/// Remember known decisions in bulk: NDJSON in, one result line out for each line in.
#[utoipa::path(
    post, path = "/v1/entries", tag = "entries",
    request_body(content = String, content_type = "application/x-ndjson", description = "One `EntryRequest` a line"),
    responses(
        (status = 200, description = "One `LineResult` a line", body = LineResult, content_type = "application/x-ndjson"),
        (status = 413, description = "The body is too large", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "Too many bulk writes at once", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn bulk(app: Data<App>, http: HttpRequest, payload: web::Payload) -> Answered {
    let answered = async {
        let _room = app
            .bulk
            .try_acquire()
            .map_err(|_| Problem::new(Kind::OVERLOADED, "as many bulk writes are under way as are allowed"))?;
        let body = json::body(&http, &mut payload.into_inner(), BULK_BODY_BYTES_MAX).await?;
        Ok::<_, Problem>(ndjson::respond(Data::clone(&app), body, write))
    };
    answered.await.at(&http)
}

pub(crate) async fn write(app: Data<App>, lines: Vec<Line<EntryRequest>>) -> Vec<LineResult> {
    let checked = lines
        .into_iter()
        .map(|(line, read)| (line, read.map_err(|e| Problem::field(Kind::BAD_REQUEST, e)).and_then(|wire| wire.checked(&app))))
        .collect();
    remember_lines(&app, checked).await
}

/// Remembers what could be read of a batch of lines, in one durable commit.
pub(crate) async fn remember_lines(app: &App, lines: Vec<(usize, Result<NewEntry, Problem>)>) -> Vec<LineResult> {
    let decider = &app.decider;
    let tenant = caller().tenant;
    let workers = decider.embedder.stats().workers;
    let prepare = |(line, new): (usize, Result<NewEntry, Problem>)| {
        let tenant = &tenant;
        async move {
            let prepared = async { Ok::<_, Problem>(decider.prepare(tenant, new?, Deadline::after(EMBED_WITHIN)).await?) };
            (line, prepared.await)
        }
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
    let mut seen = BTreeSet::new();
    let told: Vec<_> = good
        .iter()
        .map(|(line, stored)| {
            let id = stored.entry.id;
            let new = seen.insert(id) && decider.semantic.entry(&tenant, &id).is_none();
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

/// What to search for: a decision request without what only serving needs, and how many candidates to show.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SearchRequest {
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
            decision: entry.decision.clone(),
            as_of: entry.as_of,
            provenance: entry.provenance,
            tags: entry.tags.clone(),
        }
    }
}

/// What a search found.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct SearchAnswer {
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
    /// The candidates, nearest first.
    candidates: Vec<CandidateAnswer>,
}

/// The nearest entries with every score and verdict; nothing is served, nothing counted.
#[utoipa::path(
    post, path = "/v1/entries/search", tag = "entries", request_body = SearchRequest,
    responses(
        (status = 200, description = "The candidates", body = SearchAnswer),
        (status = 400, description = "Not JSON, an unknown field, a wrong type, a bad time", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such strategy or component", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "The body is too large", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "Well formed but not allowed", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "Overloaded, or a required part is away", body = Problem, content_type = "application/problem+json"),
        (status = 504, description = "The deadline passed", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn search(app: Data<App>, http: HttpRequest, arrival: Arrival, Json(wire): Json<SearchRequest>) -> Answered {
    let answered = async {
        let limit = wire.limit.unwrap_or(10);
        if !(1..=SEARCH_RESULTS_MAX).contains(&limit) {
            let error = FieldError::new("/limit", format!("{limit} is not 1 to {SEARCH_RESULTS_MAX}"));
            return Err(Problem::field(Kind::NOT_ALLOWED, error));
        }
        let request = DecideRequest::from(wire).checked(&app, arrival)?;
        let floors = app.decider.strategies.named(&request.strategy)?.thresholds;
        let probe = app.decider.probe(&caller().tenant, &request, limit).await?;
        Ok(json::ok(&SearchAnswer {
            strategy: request.strategy,
            tau: floors.tau,
            tau_fresh: floors.tau_fresh,
            partition: probe.partition.to_string(),
            context: probe.context,
            truncated: probe.cut,
            candidates: probe.candidates.into_iter().map(Into::into).collect(),
        }))
    };
    answered.await.at(&http)
}

/// One entry, whole but for its vectors.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct EntryAnswer {
    #[schema(value_type = String)]
    id: EntryId,
    #[schema(value_type = String)]
    strategy: StrategyName,
    strategy_version: u32,
    partition: String,
    model: String,
    text: String,
    text_hash: String,
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
}

impl From<&Entry> for EntryAnswer {
    fn from(entry: &Entry) -> Self {
        Self {
            id: entry.id,
            strategy: entry.strategy.clone(),
            strategy_version: entry.strategy_version,
            partition: entry.partition.to_string(),
            model: entry.model.to_string(),
            text: entry.text.to_string(),
            text_hash: entry.text_hash.to_string(),
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
        }
    }
}

/// One entry.
#[utoipa::path(
    get, path = "/v1/entries/{id}", tag = "entries",
    params(("id" = String, Path, description = "The id of the entry, `sc:combo:` and 64 hexadecimal digits")),
    responses(
        (status = 200, description = "The entry", body = EntryAnswer),
        (status = 404, description = "No such entry", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn get(app: Data<App>, http: HttpRequest, id: web::Path<String>) -> Answered {
    let now = app.decider.clock.now();
    let found = EntryId::parse(&id).ok().and_then(|id| app.decider.semantic.entry(&caller().tenant, &id));
    let live = found.filter(|live| live.entry.expires_at().is_none_or(|end| end > now));
    live.map(|live| json::ok(&EntryAnswer::from(&*live.entry)))
        .ok_or_else(|| Problem::new(Kind::NOT_FOUND, format!("there is no entry \"{}\"", *id)))
        .at(&http)
}

/// Which entries to delete: those for which all that is said holds.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct DeleteRequest {
    /// Of this strategy.
    strategy: Option<String>,
    /// With one of these tags.
    #[serde(default)]
    tags: Vec<String>,
    /// With an `as_of` before this.
    #[schema(value_type = Option<String>, format = DateTime)]
    older_than: Option<Timestamp>,
    /// Decided by these.
    provenance: Option<Provenance>,
    /// With one of these ids.
    #[schema(value_type = Option<Vec<String>>)]
    ids: Option<Vec<EntryId>>,
    /// Deletes; without it, it is only told what would be deleted.
    #[serde(default)]
    confirm: bool,
}

/// What was deleted, or would be.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct DeleteAnswer {
    /// Entries that the filter means.
    matched: usize,
    /// Entries that are gone.
    deleted: usize,
    /// Whether nothing was deleted because `confirm` was not true.
    dry_run: bool,
    /// The first hundred ids.
    #[schema(value_type = Vec<String>)]
    ids: Vec<EntryId>,
}

/// Delete entries by filter; a dry run unless `confirm` is true.
#[utoipa::path(
    delete, path = "/v1/entries", tag = "entries", request_body = DeleteRequest,
    responses(
        (status = 200, description = "What was deleted, or would be", body = DeleteAnswer),
        (status = 400, description = "Not JSON, an unknown field, a wrong type, a bad time", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such strategy", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "The body is too large", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "An empty filter", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The store is away", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn delete(app: Data<App>, http: HttpRequest, Json(wire): Json<DeleteRequest>) -> Answered {
    let answered = async {
        let refuse = |at: &str, detail: &str| Err(Problem::field(Kind::NOT_ALLOWED, FieldError::new(at, detail)));
        if wire.ids.as_ref().is_some_and(|ids| ids.len() > DELETE_IDS_MAX) {
            return refuse("/ids", "at most 10,000 ids are allowed");
        }
        let filter = Forget {
            strategy: wire.strategy.as_deref().map(|name| strategy_of(&app, Some(name)).map(|s| s.name.clone())).transpose()?,
            tags: wire.tags,
            older_than: wire.older_than,
            provenance: wire.provenance,
            ids: wire.ids.map(|ids| ids.into_iter().collect()),
        };
        if filter.is_empty() {
            return refuse(
                "",
                "the filter is empty and would mean every entry: say strategy, tags, older_than, provenance or ids",
            );
        }
        let tenant = caller().tenant;
        let meant = app.decider.meant_by(&tenant, &filter);
        let deleted = if wire.confirm { app.decider.forget(&tenant, &meant).await? } else { 0 };
        let shown = meant.iter().take(100).copied().collect();
        Ok(json::ok(&DeleteAnswer { matched: meant.len(), deleted, dry_run: !wire.confirm, ids: shown }))
    };
    answered.await.at(&http)
}

/// The answer to a bulk write of one entry, for doors that write one.
pub(super) async fn remember_one(app: &App, new: NewEntry) -> Result<String, Problem> {
    let result = remember_lines(app, vec![(1, Ok(new))]).await.pop();
    match result {
        Some(LineResult { id: Some(id), .. }) => Ok(id),
        Some(LineResult { error: Some(problem), .. }) => Err(problem),
        _ => Err(Problem::new(Kind::INTERNAL, "nothing was written")),
    }
}
