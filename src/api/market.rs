//! `/v1/market/{instrument}`: past prices, which engines look at.

use super::access::caller;
use super::audit::Audited;
use super::error::{Answered, At, Kind, Problem, ProblemDetails};
use super::json;
use super::ndjson::{self, Line, LineResult};
use crate::app::App;
use crate::decide::NewBar;
use crate::domain::audit_chain::Action;
use crate::domain::field::FieldError;
use crate::domain::ids::TenantId;
use crate::domain::market::{Bar, INTERVAL_SEC_DEFAULT, Instrument, Series, checked_interval};
use crate::domain::time::Timestamp;
use crate::limits::{CLOCK_SKEW_MS_MAX, MARKET_BATCH_LINES_MAX};
use actix_web::web::{self, Data};
use actix_web::{HttpRequest, HttpResponse};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::sync::Arc;

/// A bar, as it comes over the wire.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct BarLine {
    /// When it begins. It must have closed: what still changes is no bar yet.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// Its seconds, an hour where absent; the same for all bars of an instrument.
    #[serde(default = "an_hour")]
    #[schema(minimum = 1, maximum = 604_800)]
    interval_sec: u32,
    /// The first price.
    open: f64,
    /// The greatest price.
    high: f64,
    /// The least price.
    low: f64,
    /// The last price.
    close: f64,
    /// How much traded, in units of the instrument.
    #[schema(minimum = 0)]
    volume: f64,
}

fn an_hour() -> u32 {
    INTERVAL_SEC_DEFAULT
}

/// What is held of an instrument.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct MarketAnswer {
    /// Its name, in upper case.
    #[schema(value_type = String)]
    instrument: Instrument,
    /// Seconds of each bar.
    interval_sec: u32,
    /// How many bars there are.
    count: usize,
    /// When the oldest begins.
    #[schema(value_type = String, format = DateTime)]
    first: Timestamp,
    /// When the latest begins.
    #[schema(value_type = String, format = DateTime)]
    last: Timestamp,
    /// The last price of the latest.
    last_close: f64,
}

impl BarLine {
    pub(super) fn checked(self, now: Timestamp) -> Result<NewBar, FieldError> {
        let interval_sec = checked_interval(self.interval_sec)?;
        let bar = Bar::new(self.at, [self.open, self.high, self.low, self.close], self.volume)?;
        let closes = self.at.plus_seconds(u64::from(interval_sec));
        if closes > now.plus_millis(CLOCK_SKEW_MS_MAX) {
            return Err(FieldError::new("/at", format!("the bar closes at {closes}, and it is {now}")));
        }
        Ok(NewBar { bar, interval_sec })
    }
}

fn not_allowed(error: FieldError) -> Problem {
    Problem::field(Kind::NOT_ALLOWED, error)
}

fn missing(name: &str) -> Problem {
    Problem::new(Kind::NOT_FOUND, format!("there are no bars of \"{name}\""))
}

/// Write past prices of an instrument in bulk: NDJSON in, one result line out for each line in.
///
/// A bar takes the place of the one of the same time. All bars of an instrument take the same seconds and none overlaps another.
#[utoipa::path(
    put, path = "/v1/market/{instrument}", operation_id = "put_market", tag = "market",
    params(("instrument" = String, Path, description = "The name of the instrument; upper and lower case are one")),
    request_body(content = String, content_type = "application/x-ndjson", description = "One `BarLine` a line"),
    responses(
        (status = 200, description = "One `LineResult` a line, whose `id` is the start of the bar", body = LineResult, content_type = "application/x-ndjson"),
        (status = 400, description = "A query parameter", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 408, description = "The body came too slowly", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 413, description = "The body is too large", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 422, description = "No name of an instrument", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 503, description = "Too many bulk writes at once, or the store is away", body = ProblemDetails, content_type = "application/problem+json"),
    )
)]
pub(super) async fn put(app: Data<App>, http: HttpRequest, name: web::Path<String>, payload: web::Payload) -> Answered {
    let answered = async {
        let instrument = Instrument::new(&name).map_err(|e| not_allowed(FieldError::new("/instrument", e.to_string())))?;
        let audited = Audited::of(&http, Action::MarketWrite, json!({ "instrument": &instrument }))?;
        let of = (caller(&http)?.tenant, instrument);
        let write = move |app: Data<App>, lines: Vec<Line<BarLine>>| write(app, of.clone(), lines);
        ndjson::bulk(&app, &http, payload, (MARKET_BATCH_LINES_MAX, audited), write).await
    };
    answered.await.at(&http)
}

/// Writes what could be read of a batch of lines, in one durable commit.
async fn write(app: Data<App>, (tenant, instrument): (TenantId, Instrument), lines: Vec<Line<BarLine>>) -> Vec<LineResult> {
    let now = app.decider.clock.now();
    let mut results = Vec::with_capacity(lines.len());
    let (mut numbers, mut bars) = (Vec::new(), Vec::new());
    for (line, read) in lines {
        let read = read.map_err(|e| Problem::field(Kind::BAD_REQUEST, e));
        match read.and_then(|wire| wire.checked(now).map_err(not_allowed)) {
            Ok(new) => {
                numbers.push((line, new.bar.at()));
                bars.push(new);
            }
            Err(error) => results.push(LineResult::error(line, error)),
        }
    }
    let told = |line, at: Timestamp, new| {
        let status = if new { "created" } else { "replaced" };
        LineResult { line, id: Some(at.to_string()), status, error: None }
    };
    match app.decider.put_bars(&tenant, &instrument, bars).await {
        Ok(written) => results.extend(numbers.into_iter().zip(written).map(|((line, at), written)| match written {
            Ok(new) => told(line, at, new),
            Err(error) => LineResult::error(line, not_allowed(error)),
        })),
        Err(error) => {
            let problem = Problem::from(error);
            results.extend(numbers.into_iter().map(|(line, _)| LineResult::error(line, problem.clone())));
        }
    }
    results
}

fn answer(instrument: Instrument, series: &Series) -> Option<MarketAnswer> {
    let (first, last) = (series.bars().first()?, series.last()?);
    Some(MarketAnswer {
        instrument,
        interval_sec: series.interval_sec(),
        count: series.bars().len(),
        first: first.at(),
        last: last.at(),
        last_close: last.close(),
    })
}

/// What is held of an instrument.
#[utoipa::path(
    get, path = "/v1/market/{instrument}", operation_id = "get_market", tag = "market",
    params(("instrument" = String, Path, description = "The name of the instrument; upper and lower case are one")),
    responses(
        (status = 200, description = "How many bars there are, from when to when", body = MarketAnswer),
        (status = 404, description = "There are none", body = ProblemDetails, content_type = "application/problem+json"),
    )
)]
pub(super) async fn get(app: Data<App>, http: HttpRequest, name: web::Path<String>) -> Answered {
    let told = caller(&http).and_then(|caller| {
        let held = Instrument::new(&name).ok().and_then(|instrument| {
            let series = app.decider.bars(&caller.tenant, &instrument)?;
            answer(instrument, &series)
        });
        held.map(|held| json::ok(&held)).ok_or_else(|| missing(&name))
    });
    told.at(&http)
}

/// Forget all bars of an instrument.
#[utoipa::path(
    delete, path = "/v1/market/{instrument}", operation_id = "delete_market", tag = "market",
    params(("instrument" = String, Path, description = "The name of the instrument; upper and lower case are one")),
    responses(
        (status = 204, description = "They are gone"),
        (status = 404, description = "There are none", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 503, description = "The store is away", body = ProblemDetails, content_type = "application/problem+json"),
    )
)]
pub(super) async fn delete(app: Data<App>, http: HttpRequest, name: web::Path<String>) -> Answered {
    let answered = async {
        let instrument = Instrument::new(&name).map_err(|_| missing(&name))?;
        let audited = Audited::of(&http, Action::MarketDelete, json!({ "instrument": &instrument }))?;
        let (decider, tenant) = (Arc::clone(&app.decider), caller(&http)?.tenant);
        let work = async move {
            let deleted = decider.delete_bars(&tenant, &instrument).await?;
            deleted.map(|bars| ((), json!({ "deleted": bars }))).ok_or_else(|| missing(&name))
        };
        audited.run(&app, work).await?;
        Ok::<_, Problem>(HttpResponse::NoContent().finish())
    };
    answered.await.at(&http)
}
