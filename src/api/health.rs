//! Whether the service is alive, whether it is ready, and what it counts.

use super::error::{Answered, Kind, Problem};
use super::json;
use crate::app::App;
use crate::decide::{Recall, Standing};
use crate::domain::ids::TenantId;
use crate::telemetry::metrics;
use crate::tenant::Credentials;
use actix_web::HttpResponse;
use actix_web::web::Data;
use serde::Serialize;
use serde_json::{Value, json};

/// The state of each part.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct Ready {
    /// `ready` or `not-ready`.
    status: &'static str,
    /// Each part by name, with its state.
    #[schema(value_type = Object)]
    parts: Value,
}

/// Alive.
#[utoipa::path(get, path = "/health/live", operation_id = "health_live", tag = "operations", responses((status = 200, description = "The process answers", body = Object)))]
pub(super) async fn live() -> HttpResponse {
    json::ok(&json!({"status": "live"}))
}

/// Ready for requests.
#[utoipa::path(get, path = "/health/ready", operation_id = "health_ready", tag = "operations", responses(
    (status = 200, description = "Requests can be sent here", body = Ready),
    (status = 503, description = "Requests should go elsewhere", body = Ready),
))]
pub(super) async fn ready(app: Data<App>, credentials: Data<Credentials>) -> HttpResponse {
    let decider = &app.decider;
    let store = decider.store.health();
    let embed = decider.embedder.stats();
    let cache = decider.semantic.stats();
    let strategies: Vec<Value> = decider
        .strategies
        .by_name
        .keys()
        .map(|name| match decider.partition_of(&TenantId::default_tenant(), name) {
            Ok(_) => json!({"name": name, "ready": true}),
            Err(error) => json!({"name": name, "ready": false, "reason": error.to_string()}),
        })
        .collect();
    let standing = decider.standing();
    // What several processes share may be away for a moment without harm: memory tells by itself when it is too old.
    let fresh = standing.as_ref().map_or(store.failed.is_none(), Standing::in_step);
    let known = credentials.state();
    // Where nobody can be let in there is nothing to send requests for.
    let lets_in = !credentials.asked_for() || known.api_keys > 0 || known.signing_keys.is_some_and(|keys| keys > 0);
    let search = decider.recall.as_ref();
    let good = fresh && lets_in && !app.draining() && search.is_none_or(Recall::ready);
    let mut parts = json!({
        "server": {"draining": app.draining()},
        "store": {"writable": store.failed.is_none(), "error": store.failed, "queued": store.queued,
                  "queue_capacity": store.queue_capacity, "lost": store.lost, "disk_bytes": store.disk_bytes, "server": store.server,
                  "journal": store.journal},
        "embedder": {"model": decider.embedder.model().to_string(), "workers": embed.workers, "queued": embed.queued,
                     "queue_capacity": embed.queue_capacity},
        "cache": {"entries": cache.entries, "partitions": cache.partitions, "components": decider.embeddings.len(),
                  "indexes_building": cache.building, "restored_entries": app.restored.entries,
                  "instruments": decider.market.len(), "bars": decider.market.bars(), "restored_bars": app.restored.bars,
                  "restored_from_graphs": app.restored.from_graphs, "restored_in_ms": app.restored.took.as_millis() as u64,
                  "damaged_records": app.restored.damaged},
        "search": search.map_or_else(|| json!({"where": "process"}), told),
        "strategies": strategies,
        "credentials": {"asked_for": credentials.asked_for(), "api_keys": known.api_keys, "signing_keys": known.signing_keys},
    });
    if let (Some(standing), Some(parts)) = (&standing, parts.as_object_mut()) {
        parts.insert("replica".to_owned(), replica(standing));
    }
    let state = Ready { status: if good { "ready" } else { "not-ready" }, parts };
    if good { json::ok(&state) } else { HttpResponse::ServiceUnavailable().insert_header(("retry-after", "1")).json(&state) }
}

/// Where this process stands with the others over its store.
fn replica(standing: &Standing) -> Value {
    let Standing { behind, bound, past_bound, trouble } = standing;
    let state = match (trouble, standing.in_step()) {
        (Some(_), _) => "store-away",
        (None, true) => "in-step",
        (None, false) => "behind",
    };
    json!({"state": state, "behind_ms": behind.as_millis() as u64, "lag_bound_ms": bound.as_millis() as u64,
           "past_lag_bound": past_bound, "error": trouble})
}

/// What is told of a search in the server.
fn told(search: &Recall) -> Value {
    let indexes: Vec<Value> = search
        .states()
        .into_iter()
        .map(|(space, state)| match state {
            Ok(state) => json!({"tenant": space.tenant, "partition": space.partition.to_string(), "name": state.name, "version": state.version,
                                "entries": state.entries, "failures": state.failures, "last_failure": state.last_failure,
                                "bytes": state.bytes, "built": state.built,
                                "successor": state.successor.map(|(version, built)| json!({"version": version, "built": built}))}),
            Err(error) => json!({"tenant": space.tenant, "partition": space.partition.to_string(), "error": error.to_string()}),
        })
        .collect();
    json!({"where": "server", "ready": search.ready(), "indexes": indexes})
}

/// Every metric, in Prometheus' text format.
#[utoipa::path(get, path = "/metrics", operation_id = "metrics", tag = "operations",
    responses((status = 200, description = "Prometheus text format", body = String, content_type = "text/plain")))]
pub(super) async fn metrics(app: Data<App>) -> Answered {
    let cache = app.decider.semantic.stats();
    let store = app.decider.store.health();
    metrics::memory_state(metrics::MemoryState {
        entries: cache.entries,
        partitions: cache.partitions,
        components: app.decider.embeddings.len(),
        index_bytes: cache.index_bytes,
        dead_nodes: cache.dead_nodes,
        embed_queue: app.decider.embedder.stats().queued,
        store_queue: store.queued,
        store_writable: store.failed.is_none(),
        store_disk_bytes: store.disk_bytes,
        pending: app.decider.thinking.pending.len(),
    });
    app.decider.tell_fits();
    metrics::plans::state(app.decider.plans.under_way(), app.decider.plans.index.len());
    metrics::replicas::behind(app.decider.standing().map(|standing| standing.behind).unwrap_or_default());
    let held = app.decider.holdings_by_label();
    metrics::tenants::held(held.iter().map(|(label, held)| {
        (
            &**label,
            [
                ("entries", held.entries),
                ("components", held.components),
                ("plans", held.plans),
                ("datasets", held.datasets),
                ("bytes", held.bytes),
            ],
        )
    }));
    let states = app.decider.recall.as_ref().map(Recall::states).unwrap_or_default();
    let states: Vec<_> = states.into_iter().filter_map(|(_, state)| state.ok()).collect();
    metrics::recall::indexes(metrics::recall::Indexes {
        entries: states.iter().map(|state| state.entries).sum(),
        failures: states.iter().map(|state| state.failures).sum(),
        bytes: states.iter().map(|state| state.bytes).sum(),
        building: states.iter().filter(|state| !state.ready() || state.successor.is_some()).count(),
    });
    let text = metrics::exposition().map_err(|e| Problem::new(Kind::INTERNAL, e.to_string()))?;
    Ok(HttpResponse::Ok().content_type("text/plain; version=0.0.4; charset=utf-8").body(text))
}
