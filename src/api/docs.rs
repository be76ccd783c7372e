//! The OpenAPI document and the interactive documentation.

use super::access::{Needs, methods_of};
use super::error::{Answered, At, Kind, Problem};
use super::{
    audit, components, datasets, decide, decisions, entries, events, feedback, health, market, ndjson, numeric, plans, prototype,
    query, strategies,
};
use crate::domain::role::Role;
use crate::tenant::Credentials;
use actix_web::web::{self, Data};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Value, json};
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
        numeric::list, numeric::wishes, numeric::get, numeric::run, numeric::versions, numeric::compare,
        query::ask, query::follow, query::layers, query::feedback::judge, query::feedback::pairs, query::feedback::release,
        query::terms::propose, query::terms::terms, query::terms::confirm, query::terms::approve, query::terms::reject,
        query::terms::withdraw,
        datasets::put, datasets::list, datasets::get, datasets::rows, datasets::delete,
        plans::ask, plans::list, plans::check, plans::get, plans::approve, plans::reject, plans::replay,
        strategies::list, strategies::get, audit::export,
        health::live, health::ready, health::metrics,
        prototype::decide, prototype::insert_data, prototype::clear, prototype::clear_by_get,
    ),
    components(schemas(ndjson::LineResult, components::ComponentRequest, entries::bulk::EntryRequest, market::BarLine)),
    tags(
        (name = "decide", description = "Ask, and look at past answers"),
        (name = "entries", description = "Remembered decisions"),
        (name = "components", description = "Reusable texts, embedded ahead"),
        (name = "market", description = "Past prices, for engines"),
        (name = "numeric", description = "Fitted models: looked up in milliseconds, fitted again where they are stale"),
        (name = "query", description = "Questions about data, answered with the rows, the query and what they are worth"),
        (name = "datasets", description = "Rows under a name, for whatever estimates from them"),
        (name = "plans", description = "Optimisation plans, which people approve or reject; nothing acts on them"),
        (name = "strategies", description = "Ways to decide"),
        (name = "operations", description = "Health, metrics and the audit trail"),
        (name = "prototype", description = "The prototype's endpoints, kept for its clients"),
    )
)]
struct Document;

static JSON: LazyLock<String> = LazyLock::new(|| with_roles(true).to_string());

/// The same for a service that asks nobody for credentials: it takes them, and does without.
static OPEN: LazyLock<String> = LazyLock::new(|| with_roles(false).to_string());

/// The OpenAPI 3.1 document, as JSON.
pub fn openapi() -> &'static str {
    &JSON
}

/// `GET /openapi.json`.
pub(super) async fn document(credentials: Data<Credentials>) -> HttpResponse {
    let document: &str = if credentials.asked_for() { &JSON } else { &OPEN };
    HttpResponse::Ok().content_type("application/json").body(document)
}

/// The document, with what each operation needs of its caller, as the table of routes says it.
fn with_roles(asked_for: bool) -> Value {
    let mut document = serde_json::to_value(Document::openapi()).unwrap_or_default();
    close_tagged(&mut document);
    tell_of_plans(&mut document);
    // In bulk no path says the id.
    let mut line = document["components"]["schemas"]["ComponentRequest"].clone();
    line["properties"]["id"] = json!({"type": "string", "description": "Its id"});
    line["required"] = json!(["id", "role", "text"]);
    document["components"]["schemas"]["ComponentLine"] = line;
    let problem = json!({"application/problem+json": {"schema": {"$ref": "#/components/schemas/ProblemDetails"}}});
    let seconds = json!({"Retry-After": {"description": "Seconds to wait", "schema": {"type": "integer", "minimum": 1}}});
    let scheme = json!({"WWW-Authenticate": {"description": "The scheme", "schema": {"type": "string", "const": "Bearer"}}});
    document["components"]["responses"] = json!({
        "Unauthorised": {"description": "No credentials, or none that are valid here", "headers": scheme, "content": problem},
        "Forbidden": {"description": "The caller has not the role that this needs", "content": problem},
        "RatePassed": {"description": "The tenant asks too often", "headers": seconds, "content": problem},
    });
    document["components"]["securitySchemes"] = json!({"bearer": {"type": "http", "scheme": "bearer", "description": "An API key (`ik_…`), or a token of the identity provider"}});
    let paths = document["paths"].as_object_mut().into_iter().flatten();
    for (path, item) in paths {
        for (method, operation) in item.as_object_mut().into_iter().flatten() {
            // A body without a line, or no body at all, writes nothing and is answered with no line.
            let ndjson = operation.pointer("/requestBody/content/application~1x-ndjson").is_some();
            // A dataset without a row is none.
            if ndjson && !path.starts_with("/v1/datasets") {
                operation["requestBody"]["required"] = json!(false);
            }
            let methods = methods_of(path).unwrap_or_default();
            let needs = methods.iter().find(|(known, _)| known.eq_ignore_ascii_case(method)).map(|(_, needs)| *needs);
            let roles = match needs {
                Some(Needs::OneOf(roles)) => roles,
                Some(Needs::ToReadMetrics) => &[Role::Operate],
                Some(Needs::Nothing) | None => continue,
            };
            // A caller on this machine may read the metrics without credentials, as a setting says.
            let optional = !asked_for || needs == Some(Needs::ToReadMetrics);
            operation["security"] = if optional { json!([{"bearer": []}, {}]) } else { json!([{"bearer": []}]) };
            operation["x-roles"] = json!(roles);
            for (status, name) in [("401", "Unauthorised"), ("403", "Forbidden"), ("429", "RatePassed")] {
                operation["responses"][status] = json!({"$ref": format!("#/components/responses/{name}")});
            }
        }
    }
    document
}

/// What of the bodies about plans the types don't say: a question may be the model itself, and who only approves need send nothing.
fn tell_of_plans(document: &mut Value) {
    let body = |document: &mut Value, path: &str| document["paths"][path]["post"]["requestBody"].take();
    let mut question = body(document, "/v1/plans");
    let model = json!({"type": "object", "required": ["model_type"], "description": "The model itself, in the model language"});
    let schema = question["content"]["application/json"]["schema"].take();
    question["content"]["application/json"]["schema"] = json!({"anyOf": [schema, model]});
    document["paths"]["/v1/plans"]["post"]["requestBody"] = question;
    for path in ["/v1/plans/{id}/approve", "/v1/plans/{id}/reject", "/v1/plans/{id}/replay", "/v1/numeric/{case}/run"] {
        let mut optional = body(document, path);
        optional["required"] = json!(false);
        document["paths"][path]["post"]["requestBody"] = optional;
    }
}

/// Makes one closed object of each kind of a tagged enumeration. It is described as all of its struct, which has no field but its own, and of
/// an object with the tag; no value is both.
fn close_tagged(document: &mut Value) {
    let schemas = document["components"]["schemas"].clone();
    let of_all = document["components"]["schemas"].as_object_mut().into_iter().flatten();
    for kind in of_all.filter_map(|(_, schema)| schema.get_mut("oneOf")?.as_array_mut()).flatten() {
        let Some([of_struct, tag]) = kind["allOf"].as_array().map(Vec::as_slice) else { continue };
        let name = of_struct["$ref"].as_str().and_then(|reference| reference.rsplit('/').next());
        let Some(mut closed) = name.and_then(|name| schemas.get(name)).cloned() else { continue };
        for (field, schema) in tag["properties"].as_object().into_iter().flatten() {
            closed["properties"][field] = schema.clone();
        }
        let required = [&tag["required"], &closed["required"]].into_iter().filter_map(Value::as_array).flatten();
        closed["required"] = required.cloned().collect();
        *kind = closed;
    }
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
