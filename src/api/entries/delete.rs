//! Deletion by filter.

use crate::api::access::caller;
use crate::api::audit::Audited;
use crate::api::decide::strategy_of;
use crate::api::error::{Answered, At, Kind, Problem, ProblemDetails};
use crate::api::json::{self, Json};
use crate::app::App;
use crate::decide::Forget;
use crate::domain::audit_chain::Action;
use crate::domain::entry::Provenance;
use crate::domain::field::FieldError;
use crate::domain::ids::EntryId;
use crate::domain::time::Timestamp;
use crate::limits::DELETE_IDS_MAX;
use actix_web::HttpRequest;
use actix_web::web::Data;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::sync::Arc;

/// Ids that an answer and an audit event name.
const SHOWN_MAX: usize = 100;

/// Which entries to delete: those for which all that is said holds.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct DeleteRequest {
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
    #[schema(value_type = Option<Vec<EntryIdText>>, min_items = 1, max_items = 10_000)]
    ids: Option<Vec<EntryId>>,
    /// Deletes; without it, it is only told what would be deleted.
    #[serde(default)]
    confirm: bool,
}

/// The id of an entry.
#[derive(utoipa::ToSchema)]
#[schema(pattern = "^sc:combo:[0-9a-fA-F]{64}$")]
#[expect(dead_code, reason = "it describes `EntryId`")]
struct EntryIdText(String);

/// What was deleted, or would be.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(in crate::api) struct DeleteAnswer {
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

/// Delete entries by filter; a dry run unless `confirm` is true. Tags alone end whatever any replica has made by then; another filter means
/// the entries that the replica that is asked has in memory.
#[utoipa::path(
    delete, path = "/v1/entries", operation_id = "delete_entries", tag = "entries", request_body = DeleteRequest,
    responses(
        (status = 200, description = "What was deleted, or would be", body = DeleteAnswer),
        (status = 400, description = "Not JSON, an unknown field, a wrong type, a bad time", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 404, description = "No such strategy", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 408, description = "The body came too slowly", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 413, description = "The body is too large", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 422, description = "An empty filter", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 503, description = "The store is away", body = ProblemDetails, content_type = "application/problem+json"),
    )
)]
pub(in crate::api) async fn delete(app: Data<App>, http: HttpRequest, Json(wire): Json<DeleteRequest>) -> Answered {
    let answered = async {
        let refuse = |at: &str, detail: &str| Err(Problem::field(Kind::NOT_ALLOWED, FieldError::new(at, detail)));
        if wire.ids.as_ref().is_some_and(|ids| ids.len() > DELETE_IDS_MAX) {
            return refuse("/ids", "at most 10,000 ids are allowed");
        }
        if wire.ids.as_ref().is_some_and(Vec::is_empty) {
            return refuse("/ids", "an empty list means no entry: leave it out, or name ids");
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
        let tenant = caller(&http)?.tenant;
        let meant = if wire.confirm {
            let about = json!({
                "strategy": &filter.strategy, "tags": &filter.tags, "older_than": filter.older_than, "provenance": filter.provenance,
                "ids_named": filter.ids.as_ref().map(std::collections::BTreeSet::len),
            });
            let (decider, of) = (Arc::clone(&app.decider), tenant.clone());
            let work = async move {
                let gone = decider.forget(&of, filter).await?;
                let shown: Vec<_> = gone.iter().take(SHOWN_MAX).collect();
                let came = json!({ "deleted": gone.len(), "ids": shown });
                Ok((gone, came))
            };
            Audited::of(&http, Action::EntriesDelete, about)?.run(&app, work).await?
        } else {
            app.decider.meant_by(&tenant, &filter).await?
        };
        let deleted = if wire.confirm { meant.len() } else { 0 };
        let shown = meant.iter().take(SHOWN_MAX).copied().collect();
        Ok(json::ok(&DeleteAnswer { matched: meant.len(), deleted, dry_run: !wire.confirm, ids: shown }))
    };
    answered.await.at(&http)
}
