//! `/v1/datasets`: rows under a name, in CSV, NDJSON or Parquet.

mod answer;
mod body;
mod query;

use self::answer::{DatasetAnswer, DatasetInShort, DatasetsAnswer, rows_as};
use self::query::{DatasetQuery, DatasetsPage, RowsPage};
use super::access::caller;
use super::audit::Audited;
use super::decisions::query;
use super::error::{Answered, At, Kind, Problem, ProblemDetails};
use super::json;
use crate::app::App;
use crate::dataset::ReadError;
use crate::decide::datasets::{DatasetsError, NewRows};
use crate::domain::audit_chain::Action;
use crate::domain::field::FieldError;
use crate::domain::ids::DatasetName;
use actix_web::http::header::{ETAG, LINK};
use actix_web::web::{self, Data};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::json;
use std::sync::Arc;

impl From<DatasetsError> for Problem {
    fn from(error: DatasetsError) -> Self {
        let detail = error.to_string();
        match error {
            DatasetsError::Unknown { .. } => Self::new(Kind::NOT_FOUND, detail),
            DatasetsError::NotAllowed(field) => Self::field(Kind::NOT_ALLOWED, field),
            DatasetsError::Read(error) => match error {
                ReadError::Unreadable(field) => Self::field(Kind::BAD_REQUEST, field),
                ReadError::NotAllowed(fields) => Self::fields(Kind::NOT_ALLOWED, detail, fields),
                ReadError::TooLarge(_) => Self::new(Kind::TOO_LARGE, detail),
            },
            DatasetsError::Busy => Self::new(Kind::OVERLOADED, detail),
            DatasetsError::Quota(_) => Self::new(Kind::QUOTA, detail),
            DatasetsError::Full(_) => Self::new(Kind::NOT_ALLOWED, detail),
            DatasetsError::Damaged { .. } | DatasetsError::Broken { .. } => Self::new(Kind::INTERNAL, detail),
            DatasetsError::Store(error) => error.into(),
        }
    }
}

fn missing(name: &str) -> Problem {
    Problem::new(Kind::NOT_FOUND, format!("there is no dataset \"{}\"", name.chars().take(64).collect::<String>()))
}

/// Put rows under a name: in place of those that are there, or behind them.
///
/// Types are found out where they are not told. A row that can't be read is told by its number and left out, unless `strict`. What was
/// found and done is in the answer's `report`. A body may be compressed by gzip.
#[utoipa::path(
    put, path = "/v1/datasets/{name}", operation_id = "put_dataset", tag = "datasets",
    params(("name" = String, Path, description = "The name of the dataset"), DatasetQuery),
    request_body(content((String = "text/csv"), (String = "application/x-ndjson"), (String = "application/vnd.apache.parquet")), description = "The rows"),
    responses(
        (status = 200, description = "Another version is there now", body = DatasetAnswer),
        (status = 201, description = "The first version is there", body = DatasetAnswer),
        (status = 400, description = "A query parameter, or a body that is not of its kind", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 408, description = "The body came too slowly", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 413, description = "The body is too large", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 415, description = "A kind of body that is not read", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 422, description = "Rows, columns or parameters that can't be used, or a quota that is reached", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 503, description = "Too many uploads at once, or the store is away", body = ProblemDetails, content_type = "application/problem+json"),
    )
)]
pub(super) async fn put(app: Data<App>, http: HttpRequest, name: web::Path<String>, payload: web::Payload) -> Answered {
    let answered = async {
        let name = DatasetName::new(&name)
            .map_err(|error| Problem::field(Kind::NOT_ALLOWED, FieldError::new("/name", error.to_string())))?;
        let (told, who) = (query::<DatasetQuery>(&http)?, caller(&http)?);
        let format = body::format_of(&http)?;
        let (mut options, append) = (told.options(format)?, told.appends()?);
        let ttl_sec = told.ttl_sec()?;
        // Told before anything of the body is read.
        if let Some(why) = app.decider.store.health().failed {
            return Err(Problem::new(Kind::AWAY, why));
        }
        let (bytes, place) = body::gathered(&http, &mut payload.into_inner(), &app.decider.datasets.bodies).await?;
        if append {
            options = app.decider.options_to_append(&who.tenant, &name, options);
        }
        let audited = Audited::of(&http, Action::DatasetsWrite, json!({ "dataset": &name, "append": append }))?;
        let decider = Arc::clone(&app.decider);
        let work = async move {
            let settings = options.settings.clone();
            let read = decider.read_rows(bytes, options, place).await?;
            let rows = NewRows { frame: read.frame, settings, report: read.report, append, ttl_sec };
            let head = decider.put_dataset(&who, &name, rows).await?;
            let came = json!({ "version": head.version, "rows": head.rows, "bad_rows": head.report.bad_rows, "hash": head.hash });
            Ok((head, came))
        };
        let head = audited.run(&app, work).await?;
        let mut response = if head.version == 1 { HttpResponse::Created() } else { HttpResponse::Ok() };
        Ok::<_, Problem>(response.insert_header((ETAG, format!("\"{}\"", head.hash))).json(DatasetAnswer::of(&head)))
    };
    answered.await.at(&http)
}

/// The datasets of the caller's tenant in short, by name.
#[utoipa::path(
    get, path = "/v1/datasets", operation_id = "list_datasets", tag = "datasets", params(DatasetsPage),
    responses(
        (status = 200, description = "The datasets", body = DatasetsAnswer),
        (status = 400, description = "An unknown or bad parameter", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 422, description = "A limit out of range", body = ProblemDetails, content_type = "application/problem+json"),
    )
)]
pub(super) async fn list(app: Data<App>, http: HttpRequest) -> Answered {
    let answered = query::<DatasetsPage>(&http).and_then(|page| {
        let ((after, limit), tenant) = (page.checked()?, caller(&http)?.tenant);
        let all = app.decider.list_datasets(&tenant);
        let from = after.map_or(0, |after| all.partition_point(|head| head.name.as_str() <= &*after));
        let rest = all.get(from..).unwrap_or_default();
        let found = rest.get(..limit).unwrap_or(rest);
        let next = found.last().filter(|_| rest.len() > limit).map(|last| last.name.to_string());
        Ok(json::ok(&DatasetsAnswer { datasets: found.iter().map(|head| DatasetInShort::of(head)).collect(), next }))
    });
    answered.at(&http)
}

/// What is known of a dataset: its columns, its version, and what was found when it was read.
///
/// `ohlcv` are the bars of `/v1/market`, as version 0, where nothing was put under that name.
#[utoipa::path(
    get, path = "/v1/datasets/{name}", operation_id = "get_dataset", tag = "datasets",
    params(("name" = String, Path, description = "The name of the dataset")),
    responses(
        (status = 200, description = "The dataset without its rows", body = DatasetAnswer),
        (status = 404, description = "There is none", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 503, description = "The store is away", body = ProblemDetails, content_type = "application/problem+json"),
    )
)]
pub(super) async fn get(app: Data<App>, http: HttpRequest, name: web::Path<String>) -> Answered {
    let answered = async {
        let of = DatasetName::new(&name).map_err(|_| missing(&name))?;
        let tenant = caller(&http)?.tenant;
        if let Some(head) = app.decider.dataset(&tenant, &of) {
            return Ok(HttpResponse::Ok().insert_header((ETAG, format!("\"{}\"", head.hash))).json(DatasetAnswer::of(&head)));
        }
        let (frame, version) = app.decider.frame_of(&tenant, &of).await?.ok_or_else(|| missing(&name))?;
        Ok::<_, Problem>(json::ok(&DatasetAnswer::of_bars(&of, (&frame, version))))
    };
    answered.await.at(&http)
}

/// Some rows of a dataset, as NDJSON or as CSV.
#[utoipa::path(
    get, path = "/v1/datasets/{name}/rows", operation_id = "get_dataset_rows", tag = "datasets",
    params(("name" = String, Path, description = "The name of the dataset"), RowsPage),
    responses(
        (status = 200, description = "The rows; a header `Link` leads to those behind them", content((String = "application/x-ndjson"), (String = "text/csv"))),
        (status = 400, description = "An unknown or bad parameter", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 404, description = "There is no such dataset", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 422, description = "A limit out of range", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 500, description = "Its rows are damaged", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 503, description = "The store is away", body = ProblemDetails, content_type = "application/problem+json"),
    )
)]
pub(super) async fn rows(app: Data<App>, http: HttpRequest, name: web::Path<String>) -> Answered {
    let answered = async {
        let (page, tenant) = (query::<RowsPage>(&http)?.checked(&http)?, caller(&http)?.tenant);
        let of = DatasetName::new(&name).map_err(|_| missing(&name))?;
        let wanted = page.from..page.from.saturating_add(page.limit);
        let (frame, total, hash) = match app.decider.rows_of(&tenant, &of, wanted.clone()).await? {
            Some((frame, head)) => (frame, head.rows, head.hash),
            None => {
                let (frame, version) = app.decider.frame_of(&tenant, &of).await?.ok_or_else(|| missing(&name))?;
                let at = |row: u64| usize::try_from(row).unwrap_or(usize::MAX).min(frame.rows());
                let some = frame.take(&(at(wanted.start)..at(wanted.end)).collect::<Vec<_>>());
                (some, frame.rows() as u64, version.hash)
            }
        };
        let csv = page.csv;
        let written = web::block(move || rows_as(&frame, csv)).await;
        let text =
            written.unwrap_or_else(|error| Err(error.to_string())).map_err(|detail| Problem::new(Kind::INTERNAL, detail))?;
        let mut response = HttpResponse::Ok();
        response.content_type(if csv { "text/csv; charset=utf-8" } else { "application/x-ndjson" });
        response.insert_header((ETAG, format!("\"{hash}\"")));
        if wanted.end < total {
            let format = if csv { "csv" } else { "ndjson" };
            let next = format!("</v1/datasets/{of}/rows?from={}&limit={}&format={format}>; rel=\"next\"", wanted.end, page.limit);
            response.insert_header((LINK, next));
        }
        Ok::<_, Problem>(response.body(text))
    };
    answered.await.at(&http)
}

/// Forget a dataset.
#[utoipa::path(
    delete, path = "/v1/datasets/{name}", operation_id = "delete_dataset", tag = "datasets",
    params(("name" = String, Path, description = "The name of the dataset")),
    responses(
        (status = 204, description = "It is gone"),
        (status = 404, description = "There is none", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 503, description = "The store is away", body = ProblemDetails, content_type = "application/problem+json"),
    )
)]
pub(super) async fn delete(app: Data<App>, http: HttpRequest, name: web::Path<String>) -> Answered {
    let answered = async {
        let of = DatasetName::new(&name).map_err(|_| missing(&name))?;
        let audited = Audited::of(&http, Action::DatasetsDelete, json!({ "dataset": &of }))?;
        let (decider, tenant) = (Arc::clone(&app.decider), caller(&http)?.tenant);
        let work = async move {
            let gone = decider.delete_dataset(&tenant, &of).await?;
            Ok(((), json!({ "version": gone.version, "rows": gone.rows, "hash": gone.hash })))
        };
        audited.run(&app, work).await?;
        Ok::<_, Problem>(HttpResponse::NoContent().finish())
    };
    answered.await.at(&http)
}
