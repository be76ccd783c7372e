//! The audit trail: what doors put on record, and its export.

use super::access::caller;
use super::decisions::query;
use super::error::{Answered, At, Kind, Problem, ProblemDetails};
use super::ndjson::LineResult;
use super::trace::Arrival;
use crate::app::App;
use crate::audit::{self, AuditError};
use crate::domain::audit_chain::{Action, Deed, ExportedEvent, Outcome};
use crate::domain::field::FieldError;
use crate::domain::ids::TraceId;
use crate::domain::request::Caller;
use crate::limits::AUDIT_PAGE_MAX;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;
use serde_json::{Value, json};
use std::future::Future;
use std::sync::Arc;

/// Something that is done for a caller and goes on record.
#[derive(Debug, Clone)]
pub(crate) struct Audited {
    caller: Caller,
    trace: Option<TraceId>,
    action: Action,
    about: Value,
}

impl Audited {
    /// What the caller of a request asks for; `about` says of what, in an object.
    pub(super) fn of(http: &HttpRequest, action: Action, about: Value) -> Result<Self, Problem> {
        Ok(Self { caller: caller(http)?, trace: Some(Arrival::of(http).trace), action, about })
    }

    /// The same for a command, which works as the tenant that it names.
    pub(crate) fn by_command(caller: Caller, action: Action, about: Value) -> Self {
        Self { caller, trace: None, action, about }
    }

    /// Puts it on record, with what came of it.
    pub(crate) async fn record(self, app: &App, outcome: Outcome, came: Value) -> Result<(), AuditError> {
        if self.action.is_write() && !app.audit_writes {
            return Ok(());
        }
        let mut about = self.about;
        if let (Value::Object(about), Value::Object(came)) = (&mut about, came) {
            about.extend(came);
        }
        let Caller { tenant, user, roles } = self.caller;
        let deed = Deed { tenant, user, roles, action: self.action, about: audit::about(about)?, outcome, trace: self.trace };
        app.audit.append(deed).await.map(drop)
    }

    /// Does it and puts it on record, to the end of both also where the caller goes away meanwhile. `work` gives what came of it twice:
    /// for the caller, and for the record.
    pub(super) async fn run<T: 'static>(
        self,
        app: &Data<App>,
        work: impl Future<Output = Result<(T, Value), Problem>> + 'static,
    ) -> Result<T, Problem> {
        let app = Data::clone(app);
        let to_its_end = actix_web::rt::spawn(async move {
            match work.await {
                Ok((done, came)) => self.record(&app, Outcome::Done, came).await.map(|()| done).map_err(Problem::from),
                Err(problem) => {
                    // What was refused did nothing, and what failed may have done a part.
                    if problem.is_of_the_service()
                        && let Err(error) = self.record(&app, Outcome::Failed, json!({ "why": problem.to_string() })).await
                    {
                        tracing::error!(%error, "what failed could not be put on record");
                    }
                    Err(problem)
                }
            }
        });
        to_its_end.await.unwrap_or_else(|error| Err(Problem::new(Kind::INTERNAL, error.to_string())))
    }
}

impl From<AuditError> for Problem {
    fn from(error: AuditError) -> Self {
        Self::new(Kind::AWAY, format!("it was done, but its audit event could not be written: {error}"))
    }
}

/// What came of a write of one.
pub(super) fn written(new: bool) -> Value {
    json!({ "created": u8::from(new), "replaced": u8::from(!new), "failed": 0 })
}

/// A bulk write on its way to the record: what became of its lines so far. Dropped before its end, it says so there.
pub(super) struct BulkRecord {
    app: Arc<App>,
    audited: Option<Audited>,
    created: usize,
    replaced: usize,
    failed: usize,
}

impl BulkRecord {
    pub(super) fn new(app: Arc<App>, audited: Audited) -> Self {
        Self { app, audited: Some(audited), created: 0, replaced: 0, failed: 0 }
    }

    pub(super) fn count(&mut self, results: &[LineResult]) {
        for result in results {
            match result.status {
                "created" => self.created += 1,
                "replaced" => self.replaced += 1,
                _ => self.failed += 1,
            }
        }
    }

    fn came(&self) -> Value {
        json!({ "created": self.created, "replaced": self.replaced, "failed": self.failed })
    }

    /// Puts it on record. Lines that only now turn out not to be are told so, for a line that is not on record was not done.
    pub(super) async fn end(mut self, results: &mut [LineResult]) {
        let Some(audited) = self.audited.take() else { return };
        if let Err(error) = audited.record(&self.app, Outcome::Done, self.came()).await {
            let problem = Problem::from(error);
            for result in results.iter_mut().filter(|result| result.error.is_none()) {
                *result = LineResult::error(result.line, problem.clone());
            }
        }
    }
}

impl Drop for BulkRecord {
    fn drop(&mut self) {
        let (came, app) = (self.came(), Arc::clone(&self.app));
        if let (Some(audited), Ok(runtime)) = (self.audited.take(), tokio::runtime::Handle::try_current()) {
            runtime.spawn(async move {
                if let Err(error) = audited.record(&app, Outcome::Failed, came).await {
                    tracing::error!(%error, "a bulk write that was cut short could not be put on record");
                }
            });
        }
    }
}

/// Which events.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct Which {
    /// The number behind which they come: that of the last event that was read; 0 where absent.
    #[param(value_type = u64, required = false, minimum = 0)]
    after: Option<String>,
    /// How many, 1 to 1,000; 100 where absent.
    #[param(value_type = u64, required = false, minimum = 1, maximum = 1000)]
    limit: Option<String>,
}

impl Which {
    pub(super) fn checked(&self) -> Result<(u64, usize), Problem> {
        let bad = |pointer: &str, detail: String| Problem::field(Kind::BAD_REQUEST, FieldError::new(pointer, detail));
        // A 64-bit integer as most languages have it, which is what the document says; no trail is as long.
        let number = |text: &String| {
            let read = text.parse::<i64>().map_err(|e| e.to_string());
            read.and_then(|n| u64::try_from(n).map_err(|e| e.to_string())).map_err(|detail| bad("/after", detail))
        };
        let after = self.after.as_ref().map(number);
        let limit = self.limit.as_ref().map(|text| text.parse::<usize>().map_err(|e| bad("/limit", e.to_string())));
        let (after, limit) = (after.transpose()?.unwrap_or(0), limit.transpose()?.unwrap_or(100));
        if !(1..=AUDIT_PAGE_MAX).contains(&limit) {
            let error = FieldError::new("/limit", format!("{limit} is not 1 to {AUDIT_PAGE_MAX}"));
            return Err(Problem::field(Kind::NOT_ALLOWED, error));
        }
        Ok((after, limit))
    }
}

/// The audit trail of the caller's tenant, oldest first: one event a line, each with the hash of the one before it. An empty answer means that
/// there is nothing behind `after` yet.
#[utoipa::path(
    get, path = "/v1/audit", operation_id = "export_audit", tag = "operations", params(Which),
    responses(
        (status = 200, description = "One `ExportedEvent` a line", body = ExportedEvent, content_type = "application/x-ndjson"),
        (status = 400, description = "An unknown or bad parameter", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 422, description = "A limit out of range", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 500, description = "An event can't be read", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 503, description = "The store is away", body = ProblemDetails, content_type = "application/problem+json"),
    )
)]
pub(super) async fn export(app: Data<App>, http: HttpRequest) -> Answered {
    let answered = async {
        let (after, limit) = query::<Which>(&http)?.checked()?;
        let page = app.audit.page(&caller(&http)?.tenant, after, limit).await?;
        // A trail with a hole in it must not look like a whole one.
        if let Some(damaged) = page.damaged.first() {
            return Err(Problem::new(Kind::INTERNAL, damaged.clone()));
        }
        let mut lines = String::new();
        for event in &page.events {
            let line = serde_json::to_string(&ExportedEvent::from(&**event));
            lines += &line.map_err(|error| Problem::new(Kind::INTERNAL, error.to_string()))?;
            lines.push('\n');
        }
        Ok(HttpResponse::Ok().content_type("application/x-ndjson").body(lines))
    };
    answered.await.at(&http)
}
