//! Distributed traces over OTLP: a span for each request, and below it one for each stage of the pipeline.
//!
//! The hot path is not traced while it runs. A request that is recorded gets its server span where it comes in; its stages become spans
//! once, from the times that the answer carries anyway, when the answer is made. So a request that is not recorded costs one comparison.
//! The stages follow each other, and each span begins where the one before it ended: its length is measured, its start is that to within
//! the microseconds between stages.
//!
//! Whether a request is recorded is its caller's word where it brings a `traceparent` (W3C Trace Context), and a share of the others.

use crate::domain::answer::Answer;
use crate::domain::decision::Decision;
use crate::domain::ids::TraceId;
use crate::domain::trace::TraceParent;
use opentelemetry::trace::{
    Span, SpanContext, SpanId, SpanKind, Status, TraceContextExt, TraceFlags, TraceState, Tracer, TracerProvider,
};
use opentelemetry::{Context, KeyValue};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{BatchConfigBuilder, BatchSpanProcessor, SdkTracer, SdkTracerProvider};
use serde::Deserialize;
use std::sync::OnceLock;
use std::time::{Duration, Instant, SystemTime};

/// How traces are sent.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where a collector takes OTLP over HTTP, such as `http://127.0.0.1:4318`; nothing is recorded where it is absent.
    pub endpoint: Option<String>,
    /// The share of requests without a `traceparent` that are recorded, 0 to 1.
    pub sample: f64,
    /// The name of this service in traces.
    pub service: String,
    /// Spans that may wait to be sent, 64 to 1,000,000; more are dropped.
    pub queue_spans: usize,
    /// Milliseconds that one sending may take, 100 to 60,000.
    pub timeout_ms: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self { endpoint: None, sample: 0.01, service: "instinct".to_owned(), queue_spans: 8_192, timeout_ms: 5_000 }
    }
}

/// Why traces can't be sent as asked.
#[derive(Debug, thiserror::Error)]
#[error("traces.{setting}: {rule}")]
pub struct TraceError {
    /// Which setting.
    pub setting: &'static str,
    /// What it must be, or what went wrong.
    pub rule: String,
}

impl Config {
    /// Checks every setting.
    ///
    /// # Errors
    /// [`TraceError`] for the first that can't be used.
    pub fn check(&self) -> Result<(), TraceError> {
        let rule = |setting, rule: &str| Err(TraceError { setting, rule: rule.to_owned() });
        if self.endpoint.as_ref().is_some_and(|url| !url.starts_with("http://") && !url.starts_with("https://")) {
            return rule("endpoint", "it must begin with http:// or https://");
        }
        if !(0.0..=1.0).contains(&self.sample) {
            return rule("sample", "it must be 0 to 1");
        }
        if !(64..=1_000_000).contains(&self.queue_spans) {
            return rule("queue_spans", "it must be 64 to 1,000,000");
        }
        if !(100..=60_000).contains(&self.timeout_ms) {
            return rule("timeout_ms", "it must be 100 to 60,000");
        }
        Ok(())
    }
}

struct Tracing {
    provider: SdkTracerProvider,
    tracer: SdkTracer,
    sample: f64,
}

static TRACING: OnceLock<Tracing> = OnceLock::new();

/// Starts sending traces for the whole process, where an endpoint is set; a second call changes nothing.
///
/// # Errors
/// [`TraceError`] where a setting can't be used.
pub fn start(config: &Config) -> Result<(), TraceError> {
    config.check()?;
    let Some(endpoint) = &config.endpoint else { return Ok(()) };
    let url = format!("{}/v1/traces", endpoint.trim_end_matches('/'));
    let exporter = SpanExporter::builder()
        .with_http()
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(url)
        .with_timeout(Duration::from_millis(config.timeout_ms))
        .build()
        .map_err(|error| TraceError { setting: "endpoint", rule: error.to_string() })?;
    let batches = BatchConfigBuilder::default().with_max_queue_size(config.queue_spans).build();
    let resource = Resource::builder()
        .with_service_name(config.service.clone())
        .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .build();
    let provider = SdkTracerProvider::builder()
        .with_span_processor(BatchSpanProcessor::builder(exporter).with_batch_config(batches).build())
        .with_resource(resource)
        .build();
    let tracer = provider.tracer("instinct");
    let _ = TRACING.set(Tracing { provider, tracer, sample: config.sample });
    Ok(())
}

/// Sends what waits, and stops. Blocks for as long as one sending may take.
pub fn stop() {
    if let Some(tracing) = TRACING.get()
        && let Err(error) = tracing.provider.shutdown()
    {
        tracing::warn!(%error, "the last spans could not be sent");
    }
}

/// The span of a request that is recorded.
#[derive(Debug)]
pub struct Request {
    span: opentelemetry_sdk::trace::Span,
}

/// Begins the span of a request, where it is recorded: where its caller says so, or by lot where the caller says nothing.
pub fn request(method: &str, parent: Option<TraceParent>) -> Option<Request> {
    let tracing = TRACING.get()?;
    let recorded = parent.map_or_else(|| fastrand::f64() < tracing.sample, |parent| parent.sampled);
    if !recorded {
        return None;
    }
    let context = parent.map_or_else(Context::new, context_of);
    let builder = tracing.tracer.span_builder(method.to_owned()).with_kind(SpanKind::Server);
    Some(Request { span: builder.start_with_context(&tracing.tracer, &context) })
}

impl Request {
    /// What belongs to this span.
    pub fn as_parent(&self) -> TraceParent {
        let context = self.span.span_context();
        let bits = u128::from_be_bytes(context.trace_id().to_bytes());
        TraceParent { trace: TraceId::new(bits), span: u64::from_be_bytes(context.span_id().to_bytes()), sampled: true }
    }

    /// Ends it, by the semantic conventions for HTTP servers of OpenTelemetry.
    pub fn end(mut self, method: &str, route: &str, status: u16) {
        self.span.update_name(format!("{method} {route}"));
        self.span.set_attribute(KeyValue::new("http.request.method", method.to_owned()));
        self.span.set_attribute(KeyValue::new("http.route", route.to_owned()));
        self.span.set_attribute(KeyValue::new("http.response.status_code", i64::from(status)));
        if status >= 500 {
            self.span.set_status(Status::error(""));
        }
        self.span.end();
    }
}

fn context_of(parent: TraceParent) -> Context {
    let trace = opentelemetry::trace::TraceId::from_bytes(parent.trace.bits().to_be_bytes());
    let span = SpanId::from_bytes(parent.span.to_be_bytes());
    Context::new().with_remote_span_context(SpanContext::new(trace, span, TraceFlags::SAMPLED, true, TraceState::NONE))
}

/// The spans of a decision that began at `start`: one for the whole, below it one for each stage that took any time, and below the engine's
/// one for each agent.
pub fn decision(parent: TraceParent, start: Instant, answer: &Answer) {
    let Some(tracing) = TRACING.get().filter(|_| parent.sampled) else { return };
    let began = SystemTime::now().checked_sub(start.elapsed()).unwrap_or_else(SystemTime::now);
    let timing = &answer.timing_us;
    let whole = Piece { name: "decide", began, took_us: timing.total };
    let told = [
        KeyValue::new("instinct.strategy", answer.strategy.to_string()),
        KeyValue::new("instinct.path", answer.path.as_str()),
        KeyValue::new("instinct.outcome", answer.outcome.as_str()),
        KeyValue::new("instinct.decision", answer.id.to_string()),
        KeyValue::new("instinct.refused", answer.refused.len() as i64),
    ];
    let below = whole.emit(tracing, &context_of(parent), told.to_vec());
    let stages = [
        ("context", timing.context),
        ("exact", timing.exact),
        ("embed", timing.embed),
        ("compose", timing.compose),
        ("search", timing.search),
        ("gates", timing.gates),
        ("slow", timing.slow),
        ("engine", timing.engine),
    ];
    let mut at = began;
    for (name, took_us) in stages.into_iter().filter(|(_, took_us)| *took_us > 0) {
        let stage = Piece { name, began: at, took_us };
        let of_stage = stage.emit(tracing, &below, Vec::new());
        if name == "engine" {
            agents(tracing, &of_stage, (at, answer));
        }
        at += Duration::from_micros(took_us);
    }
}

fn agents(tracing: &Tracing, engine: &Context, (began, answer): (SystemTime, &Answer)) {
    // A payload is kept as its bytes; only a request that is recorded pays for reading them.
    let read = answer.decision.as_ref().and_then(|payload| serde_json::from_str::<Decision>(payload.as_json()).ok());
    let Some(Decision::Trade(trade)) = read else { return };
    for agent in &trade.agents {
        let piece = Piece { name: "agent", began, took_us: agent.latency_ms.saturating_mul(1_000) };
        let _ = piece.emit(tracing, engine, vec![KeyValue::new("instinct.agent", agent.name.clone())]);
    }
}

struct Piece {
    name: &'static str,
    began: SystemTime,
    took_us: u64,
}

impl Piece {
    fn emit(&self, tracing: &Tracing, parent: &Context, told: Vec<KeyValue>) -> Context {
        let builder = tracing.tracer.span_builder(self.name).with_start_time(self.began).with_attributes(told);
        let mut span = builder.start_with_context(&tracing.tracer, parent);
        let context = Context::new().with_remote_span_context(span.span_context().clone());
        span.end_with_timestamp(self.began + Duration::from_micros(self.took_us));
        context
    }
}

tokio::task_local! {
    static CURRENT: TraceParent;
}

/// Runs `work` so that what it sends to other services belongs to this trace.
pub async fn within<F: Future>(parent: Option<TraceParent>, work: F) -> F::Output {
    match parent {
        Some(parent) => CURRENT.scope(parent, work).await,
        None => work.await,
    }
}

/// The trace that the running task works for.
pub fn current() -> Option<TraceParent> {
    CURRENT.try_with(|parent| *parent).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_out_of_its_range_is_named() {
        let default = Config::default();
        assert!(default.check().is_ok());
        for (config, setting) in [
            (Config { endpoint: Some("127.0.0.1:4318".into()), ..default.clone() }, "endpoint"),
            (Config { sample: f64::NAN, ..default.clone() }, "sample"),
            (Config { queue_spans: 0, ..default.clone() }, "queue_spans"),
            (Config { timeout_ms: 1, ..default.clone() }, "timeout_ms"),
        ] {
            assert_eq!(config.check().unwrap_err().setting, setting);
        }
    }

    #[tokio::test]
    async fn what_runs_within_a_trace_knows_it_and_what_follows_does_not() {
        let parent = TraceParent { trace: TraceId::new(7), span: 3, sampled: true };
        assert_eq!(within(Some(parent), async { current() }).await, Some(parent));
        assert_eq!(within(None, async { current() }).await, None);
        assert_eq!(current(), None);
    }
}
