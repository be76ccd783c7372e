//! What surrounds every request: its trace id, its arrival, its metrics.

use crate::domain::ids::TraceId;
use crate::domain::trace::TraceParent;
use crate::telemetry::{metrics, traces};
use actix_web::body::MessageBody;
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{Error, FromRequest, HttpMessage, HttpRequest};
use std::convert::Infallible;
use std::future::{Ready, ready};
use std::sync::Arc;
use std::time::Instant;

const X_TRACE_ID: HeaderName = HeaderName::from_static("x-trace-id");

/// When a request came in, and to which trace it belongs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Arrival {
    pub at: Instant,
    pub trace: TraceId,
    /// Its place in the trace, where that is recorded.
    pub span: Option<TraceParent>,
}

impl Arrival {
    /// The arrival that was noted for a request; a new one where none was, which only a test can bring about.
    pub(super) fn of(request: &HttpRequest) -> Self {
        request.extensions().get::<Self>().copied().unwrap_or_else(Self::now)
    }

    fn now() -> Self {
        Self { at: Instant::now(), trace: TraceId::new(fastrand::u128(..)), span: None }
    }
}

impl FromRequest for Arrival {
    type Error = Infallible;
    type Future = Ready<Result<Self, Infallible>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self::of(request)))
    }
}

/// The pattern of the route that a request is for.
#[derive(Debug, Clone)]
pub(super) struct Endpoint(Option<Arc<str>>);

impl Endpoint {
    /// What was noted for a request; `None` where no route has its path.
    pub(super) fn of(request: &HttpRequest) -> Option<Arc<str>> {
        request.extensions().get::<Self>()?.0.clone()
    }
}

/// Notes the arrival and the route, lets the request through, and counts its answer.
pub(super) async fn follow<B: MessageBody>(request: ServiceRequest, next: Next<B>) -> Result<ServiceResponse<B>, Error> {
    let mut arrival = Arrival::now();
    let given = request.headers().get("traceparent").and_then(|header| header.to_str().ok());
    let given = given.and_then(TraceParent::parse);
    let span = traces::request(request.method().as_str(), given);
    arrival.span = span.as_ref().map(traces::Request::as_parent);
    if let Some(parent) = arrival.span.or(given) {
        arrival.trace = parent.trace;
    }
    let endpoint: Option<Arc<str>> = request.match_pattern().map(Into::into);
    request.extensions_mut().insert(arrival);
    request.extensions_mut().insert(Endpoint(endpoint.clone()));
    let mut response = next.call(request).await?;
    if let Ok(value) = HeaderValue::from_str(&arrival.trace.to_string()) {
        response.headers_mut().insert(X_TRACE_ID, value);
    }
    let answered = response.request();
    // A path that no route matches goes under one name, so that strangers can't fill the memory with labels.
    let endpoint = endpoint.as_deref().unwrap_or("unmatched");
    let method = match answered.method().as_str() {
        known @ ("GET" | "POST" | "PUT" | "DELETE" | "HEAD" | "OPTIONS" | "PATCH") => known,
        _ => "other",
    };
    if let Some(span) = span {
        span.end(method, endpoint, response.status().as_u16());
    }
    metrics::request_answered(method, endpoint, response.status().as_u16(), arrival.at.elapsed());
    Ok(response)
}
