//! A function for each fact that is counted or timed; names, labels and buckets are hidden here.
//!
//! The children of labelled metrics are bound once, so that counting on the hot path is an atomic addition.

pub mod admission;
pub mod analytics;
pub mod llm;
pub mod numeric;
pub mod plans;
pub mod recall;
pub mod redis;
pub mod replicas;
pub mod tenants;

use crate::domain::answer::{Gate, Outcome, Path, TimingUs};
use prometheus::{
    Encoder, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
    TextEncoder,
};
use std::sync::LazyLock;
use std::time::Duration;

/// 0.1 ms to 30 s: an exact hit takes a fraction of a millisecond, an engine many seconds.
const SECONDS: &[f64] =
    &[0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 10.0, 30.0];

/// 1 µs to 30 ms, for the stages of the fast path.
const STAGE_SECONDS: &[f64] =
    &[1e-6, 2.5e-6, 5e-6, 1e-5, 2.5e-5, 5e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 1e-2, 3e-2, 1e-1, 1.0];

/// Cosines are crowded near one, where the floors are.
const COSINES: &[f64] = &[0.0, 0.25, 0.5, 0.6, 0.7, 0.75, 0.8, 0.84, 0.86, 0.88, 0.9, 0.92, 0.94, 0.96, 0.98, 0.99, 1.0];

struct Metrics {
    registry: Registry,
    requests: IntCounterVec,
    request_seconds: HistogramVec,
    errors: IntCounterVec,
    hits: IntCounter,
    misses: IntCounter,
    cache_seconds: Histogram,
    embedding_seconds: Histogram,
    text_cache_hits: IntCounter,
    inserts: IntCounter,
    insert_seconds: Histogram,
    decisions: Vec<IntCounter>,
    decision_seconds: Vec<Histogram>,
    stages: Stages,
    refusals: Vec<IntCounter>,
    similarity: Histogram,
    fresh_similarity: Histogram,
    audit_dropped: IntCounter,
    judgements: IntCounterVec,
    exact_only: IntGaugeVec,
    shadows_left_out: IntCounter,
    engine_runs: IntCounterVec,
    engine_seconds: HistogramVec,
    engine_shared: IntCounter,
    agents: IntCounterVec,
    agent_breakers: IntGaugeVec,
    backfills_not_stored: IntCounter,
    journal_records: IntGauge,
    journal_bytes: IntGauge,
    journal_replayed: IntCounter,
    journal_refused: IntCounter,
    replicas: replicas::Metrics,
    pending: IntGauge,
    entries: IntGauge,
    partitions: IntGauge,
    components: IntGauge,
    index_bytes: IntGauge,
    dead_nodes: IntGauge,
    queues: IntGaugeVec,
    store_writable: IntGauge,
    store_disk_bytes: IntGauge,
    admission: admission::Metrics,
    llm: llm::Metrics,
    analytics: analytics::Metrics,
    numeric: numeric::Metrics,
    plans: plans::Metrics,
    recall: recall::Metrics,
    redis: redis::Metrics,
    tenants: tenants::Metrics,
}

struct Stages {
    exact: Histogram,
    embed: Histogram,
    context: Histogram,
    compose: Histogram,
    search: Histogram,
    gates: Histogram,
    total: Histogram,
}

const PATHS: [Path; 4] = [Path::Exact, Path::Fast, Path::Slow, Path::Engine];
const OUTCOMES: [Outcome; 3] = [Outcome::Decided, Outcome::Abstained, Outcome::Pending];
const GATES: [Gate; 6] = [Gate::Floors, Gate::Facts, Gate::Validity, Gate::Trust, Gate::Action, Gate::Budget];

#[expect(clippy::expect_used, reason = "names are constants: a bad or doubled one fails in the first test that counts anything")]
static METRICS: LazyLock<Metrics> = LazyLock::new(|| Metrics::new().expect("metric names are valid and distinct"));

impl Metrics {
    fn new() -> Result<Self, prometheus::Error> {
        let registry = Registry::new();
        let r = &registry;
        let stage =
            histogram_vec(r, "decide_stage_duration_seconds", "Time of each stage of a decision.", &["stage"], STAGE_SECONDS)?;
        let decisions = counter_vec(r, "decisions_total", "Answers by path and outcome.", &["path", "outcome"])?;
        let refusals = counter_vec(r, "gate_refusals_total", "Candidates refused, by gate.", &["gate"])?;
        let inserts = counter_vec(r, "redis_insert_operations_total", "Entries written to the store.", &["operation"])?;
        let insert_seconds =
            histogram_vec(r, "redis_insert_duration_seconds", "Time to write entries to the store.", &["operation"], SECONDS)?;
        let cache_seconds = histogram_vec(
            r,
            "semantic_cache_duration_seconds",
            "Time to look a vector up and run the gates.",
            &["operation"],
            SECONDS,
        )?;
        let embedding = histogram_vec(
            r,
            "embedding_duration_seconds",
            "Time to embed one fresh text, waiting included.",
            &["operation"],
            SECONDS,
        )?;
        let by_path = histogram_vec(
            r,
            "decision_duration_seconds",
            "Time of a decision in the pipeline, by the path that ended it.",
            &["path"],
            SECONDS,
        )?;
        // Memory, processor time, open files and the start of this process.
        r.register(Box::new(prometheus::process_collector::ProcessCollector::for_self()))?;
        let build = gauge_vec(r, "instinct_build_info", "Always 1; the labels tell the build.", &["version"])?;
        build.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
        Ok(Self {
            requests: counter_vec(r, "http_requests_total", "Requests answered.", &["method", "endpoint", "status"])?,
            request_seconds: histogram_vec(
                r,
                "http_request_duration_seconds",
                "Time from a request's head to its answer.",
                &["method", "endpoint"],
                SECONDS,
            )?,
            errors: counter_vec(r, "application_errors_total", "Requests answered with an error.", &["endpoint", "status"])?,
            hits: counter(r, "semantic_cache_hits_total", "Decisions served from memory, exact or by meaning.")?,
            misses: counter(r, "semantic_cache_misses_total", "Requests for which nothing in memory could be reused.")?,
            cache_seconds: cache_seconds.with_label_values(&["acheck"]),
            embedding_seconds: embedding.with_label_values(&["embedding"]),
            text_cache_hits: counter(r, "embedding_cache_hits_total", "Fresh texts whose vector was known already.")?,
            inserts: inserts.with_label_values(&["astore"]),
            insert_seconds: insert_seconds.with_label_values(&["astore"]),
            decisions: PATHS
                .iter()
                .flat_map(|path| OUTCOMES.iter().map(|outcome| decisions.with_label_values(&[path.as_str(), outcome.as_str()])))
                .collect(),
            decision_seconds: PATHS.iter().map(|path| by_path.with_label_values(&[path.as_str()])).collect(),
            stages: Stages {
                exact: stage.with_label_values(&["exact"]),
                embed: stage.with_label_values(&["embed"]),
                context: stage.with_label_values(&["context"]),
                compose: stage.with_label_values(&["compose"]),
                search: stage.with_label_values(&["search"]),
                gates: stage.with_label_values(&["gates"]),
                total: stage.with_label_values(&["total"]),
            },
            judgements: counter_vec(
                r,
                "judgements_total",
                "Decisions judged after the event, by where it is known from.",
                &["source", "verdict"],
            )?,
            exact_only: gauge_vec(
                r,
                "error_budget_exact_only",
                "1 while the error budget of a strategy is spent and only exact hits are served.",
                &["strategy"],
            )?,
            shadows_left_out: counter(
                r,
                "shadow_decisions_left_out_total",
                "Hits chosen to be decided again that were not: no room, or the engine gave no decision.",
            )?,
            engine_runs: counter_vec(r, "engine_runs_total", "Runs of engines, by how they ended.", &["engine", "outcome"])?,
            engine_seconds: histogram_vec(
                r,
                "engine_duration_seconds",
                "Time of one run of an engine, waiting included.",
                &["engine"],
                SECONDS,
            )?,
            engine_shared: counter(
                r,
                "engine_runs_shared_total",
                "Requests that waited for the run of another in place of one of their own.",
            )?,
            agents: counter_vec(
                r,
                "agent_runs_total",
                "Runs of agents, by what stood behind what they said and by how they ended.",
                &["agent", "source", "outcome"],
            )?,
            agent_breakers: gauge_vec(
                r,
                "agent_breaker_state",
                "Whether an agent asks its language model: 0 closed, it does; 1 half-open, one probe; 2 open, it does not.",
                &["agent"],
            )?,
            backfills_not_stored: counter(
                r,
                "backfills_not_stored_total",
                "Decisions of engines that memory has and the store did not take.",
            )?,
            journal_records: gauge(r, "journal_records", "Records that the journal keeps for a store that was away.")?,
            journal_bytes: gauge(r, "journal_bytes", "Bytes of the journal on disk.")?,
            journal_replayed: counter(r, "journal_replayed_total", "Records of the journal that the store has now.")?,
            journal_refused: counter(
                r,
                "journal_refused_total",
                "Records that neither the store nor the journal took: no room, or the disk or the record was at fault.",
            )?,
            pending: gauge(
                r,
                "decisions_pending",
                "Decisions that callers were told to come back for, those that ended within the last minute among them.",
            )?,
            refusals: GATES.iter().map(|gate| refusals.with_label_values(&[gate.as_str()])).collect(),
            similarity: histogram(r, "candidate_similarity", "Cosine of the nearest candidate's composed vector.", COSINES)?,
            fresh_similarity: histogram(
                r,
                "candidate_fresh_similarity",
                "Cosine of the nearest candidate's fresh vector.",
                COSINES,
            )?,
            audit_dropped: counter(r, "audit_records_dropped_total", "Audit records given up because their queue was full.")?,
            entries: gauge(r, "semantic_cache_entries", "Entries that a search can find.")?,
            partitions: gauge(r, "semantic_cache_partitions", "Partitions in memory.")?,
            components: gauge(r, "embedding_cache_components", "Components in memory.")?,
            index_bytes: gauge(r, "index_bytes", "Bytes that the vector indexes hold.")?,
            dead_nodes: gauge(r, "index_dead_nodes", "Deleted nodes that no rebuild has dropped yet.")?,
            store_writable: gauge(r, "store_writable", "1 while the store takes writes, as far as is known.")?,
            store_disk_bytes: gauge(r, "store_disk_bytes", "Bytes on disk of the embedded store.")?,
            queues: gauge_vec(r, "queue_depth", "Jobs that wait, by queue.", &["queue"])?,
            admission: admission::Metrics::new(r)?,
            replicas: replicas::Metrics::new(r)?,
            llm: llm::Metrics::new(r)?,
            analytics: analytics::Metrics::new(r)?,
            numeric: numeric::Metrics::new(r)?,
            plans: plans::Metrics::new(r)?,
            recall: recall::Metrics::new(r)?,
            redis: redis::Metrics::new(r)?,
            tenants: tenants::Metrics::new(r)?,
            registry,
        })
    }
}

fn counter(r: &Registry, name: &str, help: &str) -> Result<IntCounter, prometheus::Error> {
    let metric = IntCounter::new(name, help)?;
    r.register(Box::new(metric.clone()))?;
    Ok(metric)
}

fn counter_vec(r: &Registry, name: &str, help: &str, labels: &[&str]) -> Result<IntCounterVec, prometheus::Error> {
    let metric = IntCounterVec::new(Opts::new(name, help), labels)?;
    r.register(Box::new(metric.clone()))?;
    Ok(metric)
}

fn gauge(r: &Registry, name: &str, help: &str) -> Result<IntGauge, prometheus::Error> {
    let metric = IntGauge::new(name, help)?;
    r.register(Box::new(metric.clone()))?;
    Ok(metric)
}

fn gauge_vec(r: &Registry, name: &str, help: &str, labels: &[&str]) -> Result<IntGaugeVec, prometheus::Error> {
    let metric = IntGaugeVec::new(Opts::new(name, help), labels)?;
    r.register(Box::new(metric.clone()))?;
    Ok(metric)
}

fn histogram(r: &Registry, name: &str, help: &str, buckets: &[f64]) -> Result<Histogram, prometheus::Error> {
    let metric = Histogram::with_opts(HistogramOpts::new(name, help).buckets(buckets.to_vec()))?;
    r.register(Box::new(metric.clone()))?;
    Ok(metric)
}

fn histogram_vec(
    r: &Registry,
    name: &str,
    help: &str,
    labels: &[&str],
    buckets: &[f64],
) -> Result<HistogramVec, prometheus::Error> {
    let metric = HistogramVec::new(HistogramOpts::new(name, help).buckets(buckets.to_vec()), labels)?;
    r.register(Box::new(metric.clone()))?;
    Ok(metric)
}

/// A request was answered; `endpoint` is the route's pattern, never a path with ids in it.
pub fn request_answered(method: &str, endpoint: &str, status: u16, took: Duration) {
    let mut digits = [0_u8; 3];
    let status = status_label(status, &mut digits);
    METRICS.requests.with_label_values(&[method, endpoint, status]).inc();
    METRICS.request_seconds.with_label_values(&[method, endpoint]).observe(took.as_secs_f64());
    if !status.starts_with(['1', '2', '3']) {
        METRICS.errors.with_label_values(&[endpoint, status]).inc();
    }
}

fn status_label(status: u16, digits: &mut [u8; 3]) -> &str {
    for (place, digit) in [100, 10, 1].into_iter().zip(digits.iter_mut()) {
        *digit = b'0' + u8::try_from(status / place % 10).unwrap_or(0);
    }
    std::str::from_utf8(digits).unwrap_or("000")
}

/// A request was decided, abstained from or left pending, with the time of each stage.
pub fn decided(path: Path, outcome: Outcome, timing: &TimingUs) {
    let at = PATHS.iter().position(|p| *p == path).zip(OUTCOMES.iter().position(|o| *o == outcome));
    if let Some(counter) = at.and_then(|(p, o)| METRICS.decisions.get(p * OUTCOMES.len() + o)) {
        counter.inc();
    }
    let on_path = PATHS.iter().position(|p| *p == path).and_then(|at| METRICS.decision_seconds.get(at));
    if let Some(histogram) = on_path {
        histogram.observe(timing.total as f64 / 1e6);
    }
    let served = outcome == Outcome::Decided && path != Path::Engine;
    if served {
        METRICS.hits.inc()
    } else {
        METRICS.misses.inc()
    }
    let seconds = |us: u64| us as f64 / 1e6;
    METRICS.stages.total.observe(seconds(timing.total));
    METRICS.stages.exact.observe(seconds(timing.exact));
    if path != Path::Exact {
        METRICS.stages.context.observe(seconds(timing.context));
        METRICS.stages.compose.observe(seconds(timing.compose));
        METRICS.stages.search.observe(seconds(timing.search));
        METRICS.stages.gates.observe(seconds(timing.gates));
        METRICS.cache_seconds.observe(seconds(timing.search + timing.gates));
    }
}

/// A fresh text was embedded, which took `took` with the wait for a worker.
pub fn text_embedded(took: Duration) {
    METRICS.embedding_seconds.observe(took.as_secs_f64());
    METRICS.stages.embed.observe(took.as_secs_f64());
}

/// The vector of a fresh text was known already.
pub fn text_known() {
    METRICS.text_cache_hits.inc();
}

/// The nearest candidate of a search was this near.
pub fn nearest_candidate(similarity: f32, fresh_similarity: f32) {
    METRICS.similarity.observe(f64::from(similarity));
    METRICS.fresh_similarity.observe(f64::from(fresh_similarity));
}

/// A gate turned a candidate away.
pub fn candidate_refused(gate: Gate) {
    if let Some(counter) = GATES.iter().position(|g| *g == gate).and_then(|i| METRICS.refusals.get(i)) {
        counter.inc();
    }
}

/// `count` entries were written durably.
pub fn entries_stored(count: usize, took: Duration) {
    METRICS.inserts.inc_by(count as u64);
    METRICS.insert_seconds.observe(took.as_secs_f64());
}

/// An audit record could not be queued.
pub fn audit_dropped() {
    METRICS.audit_dropped.inc();
}

/// It became known whether a decision was right.
pub fn judged(source: &str, right: bool) {
    METRICS.judgements.with_label_values(&[source, if right { "right" } else { "wrong" }]).inc();
}

/// A hit that was chosen to be decided again was not.
pub fn shadow_left_out() {
    METRICS.shadows_left_out.inc();
}

/// An engine was asked, and how that ended.
pub fn engine_ran(engine: &str, outcome: &'static str, took: Duration) {
    METRICS.engine_runs.with_label_values(&[engine, outcome]).inc();
    METRICS.engine_seconds.with_label_values(&[engine]).observe(took.as_secs_f64());
}

/// A request waits for what an engine decides for another.
pub fn engine_shared() {
    METRICS.engine_shared.inc();
}

/// An agent was heard; all of it constant words.
pub fn agent_heard(agent: &'static str, source: &'static str, outcome: &'static str) {
    METRICS.agents.with_label_values(&[agent, source, outcome]).inc();
}

/// Where the breaker of an agent stands: 0 closed, 1 half-open, 2 open.
pub fn agent_breaker_state(agent: &'static str, state: i64) {
    METRICS.agent_breakers.with_label_values(&[agent]).set(state);
}

/// What an engine decided is in memory and not in the store.
pub fn backfill_not_stored() {
    METRICS.backfills_not_stored.inc();
}

/// What the journal keeps for a store that was away.
pub fn journal_size(records: usize, bytes: u64) {
    METRICS.journal_records.set(i64::try_from(records).unwrap_or(i64::MAX));
    METRICS.journal_bytes.set(i64::try_from(bytes).unwrap_or(i64::MAX));
}

/// The store has so many records that the journal kept for it.
pub fn journal_replayed(records: usize) {
    METRICS.journal_replayed.inc_by(records as u64);
}

/// Neither the store nor the journal took so many records.
pub fn journal_refused(records: usize) {
    METRICS.journal_refused.inc_by(records as u64);
}

/// Whether the error budget of a strategy is spent. With several tenants it tells of the one that changed last.
pub fn budget_state(strategy: &str, exact_only: bool) {
    METRICS.exact_only.with_label_values(&[strategy]).set(i64::from(exact_only));
}

/// What memory holds, read when metrics are asked for.
#[derive(Debug, Clone, Copy, Default)]
pub struct MemoryState {
    /// Entries that a search can find.
    pub entries: usize,
    /// Partitions in memory.
    pub partitions: usize,
    /// Components in memory.
    pub components: usize,
    /// Bytes of the vector indexes.
    pub index_bytes: usize,
    /// Deleted nodes not dropped yet.
    pub dead_nodes: usize,
    /// Texts that wait for an embedding worker.
    pub embed_queue: usize,
    /// Records that wait to be written behind.
    pub store_queue: usize,
    /// Whether the store takes writes.
    pub store_writable: bool,
    /// Bytes on disk of the store.
    pub store_disk_bytes: u64,
    /// Decisions that callers were told to come back for.
    pub pending: usize,
}

/// Sets the gauges of what memory holds.
pub fn memory_state(state: MemoryState) {
    let set = |gauge: &IntGauge, value: usize| gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
    set(&METRICS.entries, state.entries);
    set(&METRICS.partitions, state.partitions);
    set(&METRICS.components, state.components);
    set(&METRICS.index_bytes, state.index_bytes);
    set(&METRICS.dead_nodes, state.dead_nodes);
    set(&METRICS.pending, state.pending);
    METRICS.store_writable.set(i64::from(state.store_writable));
    METRICS.store_disk_bytes.set(i64::try_from(state.store_disk_bytes).unwrap_or(i64::MAX));
    set(&METRICS.queues.with_label_values(&["embed"]), state.embed_queue);
    set(&METRICS.queues.with_label_values(&["store"]), state.store_queue);
}

/// All of it in Prometheus' text format.
///
/// # Errors
/// Where the encoder fails, which means that a metric was built wrongly.
pub fn exposition() -> Result<Vec<u8>, prometheus::Error> {
    let mut text = Vec::with_capacity(16 * 1024);
    TextEncoder::new().encode(&METRICS.registry.gather(), &mut text)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_metrics_of_the_prototype_keep_their_names() {
        request_answered("POST", "/decide", 422, Duration::from_millis(3));
        decided(Path::Fast, Outcome::Decided, &TimingUs::default());
        decided(Path::Fast, Outcome::Abstained, &TimingUs::default());
        entries_stored(1, Duration::from_millis(1));
        text_embedded(Duration::from_millis(1));
        let text = String::from_utf8(exposition().unwrap()).unwrap();
        for name in [
            "http_requests_total{endpoint=\"/decide\",method=\"POST\",status=\"422\"}",
            "http_request_duration_seconds_bucket{endpoint=\"/decide\"",
            "application_errors_total{endpoint=\"/decide\",status=\"422\"}",
            "semantic_cache_hits_total",
            "semantic_cache_misses_total",
            "semantic_cache_duration_seconds_sum",
            "redis_insert_operations_total{operation=\"astore\"}",
            "redis_insert_duration_seconds_bucket{operation=\"astore\"",
            "embedding_duration_seconds_bucket{operation=\"embedding\"",
        ] {
            assert!(text.contains(name), "{name} is missing from\n{text}");
        }
    }
}
