//! A decision as it comes about, as server-sent events (WHATWG HTML, section 9.2).

use super::access::caller;
use super::decisions::{answer_of, decided_elsewhere, work};
use super::error::{Answered, At, Kind, Problem, ProblemDetails};
use crate::app::App;
use crate::decide::Work;
use crate::domain::ids::TenantId;
use crate::engine::steps::Step;
use actix_web::web::{self, Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use futures_util::stream;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;

/// After so long without an event a comment is sent, so that proxies keep the connection and a client that went away is noticed.
pub(super) const KEEP_ALIVE: Duration = Duration::from_secs(10);

/// A stream of one decision.
struct Following {
    app: Data<App>,
    tenant: TenantId,
    id: String,
    work: Arc<Work>,
    told: usize,
    waiting: VecDeque<Step>,
    over: bool,
    _room: OwnedSemaphorePermit,
}

/// One event of the stream, as its fields `event` and `data` say it.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "it describes what `event` writes")]
pub(super) struct ServerEvent {
    /// What it tells.
    #[schema(value_type = String, pattern = "^(step|answer|error)$")]
    event: &'static str,
    /// JSON: a step of the engine, the answer as of `/v1/decisions/{id}`, or why that can't be read.
    data: String,
}

/// A pending decision as it comes about: an event `step` for each step of the engine, then one event `answer`, and the stream ends. A past
/// decision has `answer` alone.
#[utoipa::path(
    get, path = "/v1/decisions/{id}/events", operation_id = "get_decision_events", tag = "decide",
    params(("id" = String, Path, description = "The id of the answer")),
    responses(
        (status = 200, description = "Events", body = ServerEvent, content_type = "text/event-stream"),
        (status = 404, description = "No such decision", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 503, description = "The store is away, or as many streams are open as may be", body = ProblemDetails, content_type = "application/problem+json"),
    )
)]
pub(super) async fn events(app: Data<App>, http: HttpRequest, id: web::Path<String>) -> Answered {
    let answered = async {
        let mut response = HttpResponse::Ok();
        response.content_type("text/event-stream").insert_header(("cache-control", "no-cache"));
        let tenant = caller(&http)?.tenant;
        let work = work(&app, &tenant, &id);
        if work.is_none() {
            let answer = answer_of(&app, &tenant, &id).await?;
            if answer["outcome"] != "pending" {
                return Ok::<_, Problem>(response.body(event("answer", &answer)));
            }
        }
        let Ok(room) = Arc::clone(&app.streams).try_acquire_owned() else {
            return Err(Problem::new(Kind::OVERLOADED, "as many streams of events are open as may be"));
        };
        let Some(work) = work else {
            let waiting = Waiting { app, tenant, id: id.into_inner(), over: false, _room: room };
            return Ok(response.streaming(stream::unfold(waiting, |waiting| waiting.next())));
        };
        let (id, waiting) = (id.into_inner(), VecDeque::new());
        let following = Following { app, tenant, id, work, told: 0, waiting, over: false, _room: room };
        Ok(response.streaming(stream::unfold(following, |following| following.next())))
    };
    answered.await.at(&http)
}

impl Following {
    /// The next event; `None` after the answer.
    async fn next(mut self) -> Option<(Result<Bytes, Infallible>, Self)> {
        if self.over {
            return None;
        }
        loop {
            if let Some(step) = self.waiting.pop_front() {
                return Some((Ok(event("step", &step)), self));
            }
            self.waiting.extend(self.work.steps.from(self.told));
            self.told += self.waiting.len();
            if !self.waiting.is_empty() {
                continue;
            }
            let more = tokio::select! {
                biased;
                () = self.work.steps.more_than(self.told) => continue,
                ended = timeout(KEEP_ALIVE, self.work.ended()) => ended,
            };
            let bytes = match more {
                Ok(()) => {
                    self.over = true;
                    self.answer().await
                }
                Err(_) => Bytes::from_static(STILL),
            };
            return Some((Ok(bytes), self));
        }
    }

    async fn answer(&self) -> Bytes {
        answer(&self.app, &self.tenant, &self.id).await
    }
}

/// A stream of a decision that another process works on: its steps are told there, and its answer here as well.
struct Waiting {
    app: Data<App>,
    tenant: TenantId,
    id: String,
    over: bool,
    _room: OwnedSemaphorePermit,
}

impl Waiting {
    async fn next(mut self) -> Option<(Result<Bytes, Infallible>, Self)> {
        if self.over {
            return None;
        }
        let waited = decided_elsewhere(&self.app, &self.tenant, &self.id, KEEP_ALIVE).await;
        let pending = waited.is_ok()
            && answer_of(&self.app, &self.tenant, &self.id).await.is_ok_and(|answer| answer["outcome"] == "pending");
        self.over = !pending;
        let bytes = if pending { Bytes::from_static(STILL) } else { answer(&self.app, &self.tenant, &self.id).await };
        Some((Ok(bytes), self))
    }
}

pub(super) const STILL: &[u8] = b": still at work\n\n";

async fn answer(app: &App, tenant: &TenantId, id: &str) -> Bytes {
    match answer_of(app, tenant, id).await {
        Ok(answer) => event("answer", &answer),
        // The status is sent long ago; the client is told where to look.
        Err(_) => Bytes::from_static(
            b"event: error\ndata: {\"detail\":\"the answer can't be read now; ask for the decision by its id\"}\n\n",
        ),
    }
}

pub(super) fn event(name: &str, data: &impl serde::Serialize) -> Bytes {
    let data = serde_json::to_string(data).unwrap_or_else(|_| "null".to_owned());
    Bytes::from(format!("event: {name}\ndata: {data}\n\n"))
}
