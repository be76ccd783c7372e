//! The OpenAPI document and the interactive documentation.

use super::error::{Answered, At, Kind, Problem};
use super::{components, decide, decisions, entries, events, feedback, health, market, ndjson, prototype, strategies};
use actix_web::web;
use actix_web::{HttpRequest, HttpResponse};
use std::sync::{Arc, LazyLock};
use utoipa::OpenApi;
use utoipa_swagger_ui::Config;

#[derive(Debug, OpenApi)]
#[openapi(
    info(title = "Instinct", description = "A latency-first semantic-cache decision service: remembered decisions in milliseconds, proven reusable."),
    paths(
        decide::decide, decisions::list, decisions::decision, events::events, feedback::feedback,
        components::put, components::get, components::delete, components::bulk,
        entries::bulk::bulk, entries::search::search, entries::whole::get, entries::delete::delete,
        market::put, market::get, market::delete,
        strategies::list, strategies::get,
        health::live, health::ready, health::metrics,
        prototype::decide, prototype::insert_data, prototype::clear, prototype::clear_by_get,
    ),
    components(schemas(ndjson::LineResult, components::ComponentRequest, entries::bulk::EntryRequest, market::BarLine, prototype::PythonBool)),
    tags(
        (name = "decide", description = "Ask, and look at past answers"),
        (name = "entries", description = "Remembered decisions"),
        (name = "components", description = "Reusable texts, embedded ahead"),
        (name = "market", description = "Past prices, for engines"),
        (name = "strategies", description = "Ways to decide"),
        (name = "operations", description = "Health and metrics"),
        (name = "prototype", description = "The prototype's endpoints, kept for its clients"),
    )
)]
struct Document;

static JSON: LazyLock<String> = LazyLock::new(|| Document::openapi().to_json().unwrap_or_default());

/// The OpenAPI 3.1 document, as JSON.
pub fn openapi() -> &'static str {
    &JSON
}

/// `GET /openapi.json`.
pub(super) async fn document() -> HttpResponse {
    HttpResponse::Ok().content_type("application/json").body(openapi())
}

/// `GET /docs/…`: the pages of Swagger UI, which are compiled in.
pub(super) async fn page(http: HttpRequest, file: web::Path<String>) -> Answered {
    let config = Arc::new(Config::from("/openapi.json"));
    let found = utoipa_swagger_ui::serve(&file, config);
    let page = match found {
        Ok(Some(file)) => Ok(HttpResponse::Ok().content_type(file.content_type).body(file.bytes.to_vec())),
        Ok(None) => Err(Problem::new(Kind::NOT_FOUND, format!("there is no page \"{}\"", *file))),
        Err(error) => Err(Problem::new(Kind::INTERNAL, error.to_string())),
    };
    page.at(&http)
}
