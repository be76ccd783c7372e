//! From errors to status codes: the only place that knows them. Answers are RFC 9457 problem details.

use crate::decide::{ComponentError, DecideError, MarketError, RememberError};
use crate::domain::field::FieldError;
use crate::embed::EmbedError;
use crate::store::StoreError;
use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::{HttpRequest, HttpResponse, ResponseError};
use serde::Serialize;
use std::borrow::Cow;
use std::fmt;

/// A problem on its way to the caller; boxed, since every handler may return one.
#[derive(Debug, Clone, Serialize)]
#[serde(transparent)]
pub(crate) struct Problem(Box<ProblemDetails>);

/// A problem, as it goes over the wire (RFC 9457).
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub(super) struct ProblemDetails {
    /// What kind of problem it is; stable, for programs.
    #[serde(rename = "type")]
    #[schema(example = "urn:instinct:problem:bad-request")]
    kind: String,
    /// The same for people.
    title: &'static str,
    /// The HTTP status.
    status: u16,
    /// What happened this time.
    detail: String,
    /// The path that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    instance: Option<String>,
    /// The fields that are bad.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<FieldError>,
    #[serde(skip)]
    retry_after_sec: Option<u32>,
    #[serde(skip)]
    allow: Option<Cow<'static, str>>,
}

/// Kinds of problems: status, name for programs, title for people.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Kind(u16, &'static str, &'static str);

impl Kind {
    pub(super) const BAD_REQUEST: Self = Self(400, "bad-request", "The request can't be read");
    pub(super) const UNAUTHORISED: Self = Self(401, "unauthorised", "Credentials are needed");
    pub(super) const FORBIDDEN: Self = Self(403, "forbidden", "The caller may not do this");
    pub(super) const NOT_FOUND: Self = Self(404, "not-found", "There is no such thing");
    pub(super) const NO_MODEL: Self = Self(404, "no-model", "There is no model for this yet");
    pub(super) const METHOD: Self = Self(405, "method-not-allowed", "The method is not allowed here");
    pub(super) const CONFLICT: Self = Self(409, "wrong-state", "The state does not allow it");
    pub(super) const TIMEOUT: Self = Self(408, "body-timeout", "The body came too slowly");
    pub(super) const GONE: Self = Self(410, "gone", "It is no longer there");
    pub(super) const TOO_LARGE: Self = Self(413, "too-large", "The body is too large");
    pub(super) const MEDIA_TYPE: Self = Self(415, "unsupported-media-type", "The body is of a kind that is not read here");
    pub(crate) const NOT_ALLOWED: Self = Self(422, "not-allowed", "The request is well formed but not allowed");
    pub(super) const QUOTA: Self = Self(422, "quota-reached", "A quota of the tenant is reached");
    pub(super) const UNCLEAR: Self = Self(422, "unclear", "The words leave something open");
    pub(super) const RATE: Self = Self(429, "rate-passed", "The tenant asks too often");
    pub(super) const OVERLOADED: Self = Self(503, "overloaded", "The service is busy");
    pub(super) const AWAY: Self = Self(503, "part-away", "A required part is away");
    pub(super) const TOO_LATE: Self = Self(504, "deadline-passed", "The deadline passed");
    pub(super) const SOLVER: Self = Self(500, "solver-failed", "The solver failed");
    pub(super) const INTERNAL: Self = Self(500, "internal", "The service failed");
}

impl Problem {
    /// What goes over the wire.
    pub(super) fn details(&self) -> &ProblemDetails {
        &self.0
    }

    pub(super) fn new(kind: Kind, detail: impl Into<String>) -> Self {
        let Kind(status, name, title) = kind;
        Self(Box::new(ProblemDetails {
            kind: format!("urn:instinct:problem:{name}"),
            title,
            status,
            detail: detail.into(),
            instance: None,
            errors: Vec::new(),
            retry_after_sec: (status == 503).then_some(1),
            allow: None,
        }))
    }

    /// A problem with one field.
    pub(crate) fn field(kind: Kind, error: FieldError) -> Self {
        let detail = error.to_string();
        Self::new(kind, detail).with(error)
    }

    /// A problem with several fields.
    pub(super) fn fields(kind: Kind, detail: impl Into<String>, errors: Vec<FieldError>) -> Self {
        let mut problem = Self::new(kind, detail);
        problem.0.errors = errors;
        problem
    }

    /// The same, with the seconds after which it may go better.
    pub(super) fn retry_after(mut self, seconds: u32) -> Self {
        self.0.retry_after_sec = Some(seconds);
        self
    }

    fn with(mut self, error: FieldError) -> Self {
        self.0.errors.push(error);
        self
    }

    /// Whether the same again would fail the same: the input itself is wrong. A thing that is not there may come, and a busy part may rest.
    pub(crate) fn is_final(&self) -> bool {
        matches!(self.0.status, 400 | 413 | 422) && !self.0.kind.ends_with(Kind::QUOTA.1)
    }

    /// Whether it is the service that failed, and not the request.
    pub(super) fn is_of_the_service(&self) -> bool {
        self.0.status >= 500
    }

    /// The same, for the path of a request.
    pub(super) fn at(mut self, request: &HttpRequest) -> Self {
        self.0.instance = Some(request.path().to_owned());
        self
    }

    /// Logs what a caller can't mend, once, where it leaves the service.
    fn log(&self) {
        let problem = &self.0;
        if problem.status >= 500 {
            tracing::warn!(status = problem.status, kind = %problem.kind, detail = %problem.detail, "a request failed");
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0.title, self.0.detail)
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse {
        self.log();
        let mut response = HttpResponse::build(self.status_code());
        response.insert_header((CONTENT_TYPE, "application/problem+json"));
        if let Some(seconds) = self.0.retry_after_sec {
            response.insert_header((RETRY_AFTER, seconds.to_string()));
        }
        if let Some(methods) = &self.0.allow {
            response.insert_header((ALLOW, &**methods));
        }
        if self.0.status == 401 {
            // No more than the scheme: why credentials were refused helps whoever has none that are good.
            response.insert_header((WWW_AUTHENTICATE, "Bearer"));
        }
        response.body(serde_json::to_string(self).unwrap_or_default())
    }
}

impl From<DecideError> for Problem {
    fn from(error: DecideError) -> Self {
        let detail = error.to_string();
        match error {
            DecideError::UnknownStrategy { .. } => Self::field(Kind::NOT_FOUND, FieldError::new("/strategy", detail)),
            DecideError::UnknownComponent { .. } => Self::field(Kind::NOT_FOUND, FieldError::new("/context", detail)),
            DecideError::MissingComponent { .. } => Self::new(Kind::AWAY, detail),
            DecideError::DeadlinePassed { .. } => Self::new(Kind::TOO_LATE, detail),
            DecideError::Overloaded { .. } | DecideError::NotAdmitted(_) => Self::new(Kind::OVERLOADED, detail),
            DecideError::OutOfStep { .. } => Self::new(Kind::AWAY, detail),
            DecideError::Embed(e) => e.into(),
            DecideError::Store(e) => e.into(),
            DecideError::ComponentsFull(_) => Self::new(Kind::NOT_ALLOWED, detail),
            DecideError::Quota(_) => Self::new(Kind::QUOTA, detail),
            DecideError::NoDirection => Self::field(Kind::NOT_ALLOWED, FieldError::new("/text", detail)),
            DecideError::Json(_) | DecideError::Broken { .. } => Self::new(Kind::INTERNAL, detail),
        }
    }
}

impl From<EmbedError> for Problem {
    fn from(error: EmbedError) -> Self {
        let detail = error.to_string();
        match error {
            EmbedError::Overloaded { .. } => Self::new(Kind::OVERLOADED, detail),
            EmbedError::DeadlinePassed => Self::new(Kind::TOO_LATE, detail),
            EmbedError::ShuttingDown => Self::new(Kind::AWAY, detail),
            EmbedError::TextNotEmbeddable { .. } => Self::field(Kind::NOT_ALLOWED, FieldError::new("/text", detail)),
            EmbedError::Runtime { .. } => Self::new(Kind::INTERNAL, detail),
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        Self::new(Kind::AWAY, error.to_string())
    }
}

impl From<ComponentError> for Problem {
    fn from(error: ComponentError) -> Self {
        DecideError::from(error).into()
    }
}

impl From<RememberError> for Problem {
    fn from(error: RememberError) -> Self {
        match error {
            RememberError::Decide(e) => e.into(),
            RememberError::Store(e) => e.into(),
            RememberError::Quota(e) => Self::new(Kind::QUOTA, e.to_string()),
            RememberError::Broken { detail } => Self::new(Kind::INTERNAL, detail),
            RememberError::Cache(e) => Self::new(Kind::NOT_ALLOWED, e.to_string()),
        }
    }
}

impl From<MarketError> for Problem {
    fn from(error: MarketError) -> Self {
        match error {
            MarketError::Full(e) => Self::new(Kind::NOT_ALLOWED, e.to_string()),
            MarketError::Quota(e) => Self::new(Kind::QUOTA, e.to_string()),
            MarketError::Store(e) => e.into(),
            MarketError::Broken { detail } => Self::new(Kind::INTERNAL, detail),
        }
    }
}

/// The answer where no route is.
pub(super) async fn not_found(request: HttpRequest) -> Said {
    Said(Problem::new(Kind::NOT_FOUND, format!("there is nothing at {}; /docs lists what there is", request.path())).at(&request))
}

/// The answer where a route doesn't have the method, with those that it has (RFC 9110, 15.5.6).
pub(super) fn method_not_allowed(request: &HttpRequest, allowed: &'static str) -> Said {
    Said(not_among(request, allowed.into()).at(request))
}

/// The same as a problem, for the methods that a route is known to have.
pub(super) fn allowed_methods(request: &HttpRequest, methods: impl Iterator<Item = &'static str>) -> Problem {
    not_among(request, methods.collect::<Vec<_>>().join(", ").into())
}

fn not_among(request: &HttpRequest, allowed: Cow<'static, str>) -> Problem {
    let mut problem = Problem::new(Kind::METHOD, format!("{} is not allowed at {}", request.method(), request.path()));
    problem.0.allow = Some(allowed);
    problem
}

/// A problem that is the answer itself.
#[derive(Debug)]
pub(super) struct Said(Problem);

impl actix_web::Responder for Said {
    type Body = actix_web::body::BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        self.0.error_response()
    }
}

/// What every handler gives.
pub(super) type Answered = Result<HttpResponse, Problem>;

/// Lets a handler name the path in any problem that it meets.
pub(super) trait At {
    /// The same result, with the path of the request in the problem.
    fn at(self, request: &HttpRequest) -> Answered;
}

impl<E: Into<Problem>> At for Result<HttpResponse, E> {
    fn at(self, request: &HttpRequest) -> Answered {
        self.map_err(|e| e.into().at(request))
    }
}
