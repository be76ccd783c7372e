//! The HTTP door: from the wire to a domain value, one call to the pipeline, and back.

mod access;
mod audit;
mod components;
mod console;
mod datasets;
mod decide;
mod decisions;
mod docs;
mod entries;
mod error;
mod events;
mod feedback;
#[cfg(fuzzing)]
pub mod fuzz;
mod health;
mod json;
mod market;
mod ndjson;
mod numeric;
mod plans;
mod prototype;
mod query;
mod strategies;
mod strict;
mod trace;

pub use docs::openapi;

// What the command line writes in bulk is read just as what comes over the wire.
pub(crate) use audit::Audited;
pub(crate) use components::{ComponentRequest, write as write_components};
pub(crate) use entries::bulk::{EntryRequest, remember_lines, write as write_entries};
pub(crate) use error::{Kind, Problem};
pub(crate) use json::read as read_json;
pub(crate) use ndjson::LineResult;
pub(crate) use prototype::InsertRequest;

use self::access::MetricsFor;
use self::json::BodyWithin;
use crate::app::App;
use crate::config::Config;
use crate::tenant::Credentials;
use actix_web::dev::Server as ActixServer;
use actix_web::middleware::from_fn;
use actix_web::rt::net::TcpStream;
use actix_web::web::{self, Data};
use actix_web::{App as ActixApp, HttpRequest, HttpServer, Resource};
use socket2::SockRef;
use std::any::Any;
use std::net::TcpListener;
use std::time::Duration;

/// Every route, with `405` for the methods that it doesn't have.
fn routes(service: &mut web::ServiceConfig) {
    let at = |path: &str, allowed: &'static str| -> Resource {
        let refused = move |http: HttpRequest| async move { error::method_not_allowed(&http, allowed) };
        web::resource(path).default_service(web::to(refused))
    };
    service
        .service(at("/v1/decide", "POST").route(web::post().to(decide::decide)))
        .service(at("/v1/decisions", "GET").route(web::get().to(decisions::list)))
        .service(at("/v1/decisions/{id}", "GET").route(web::get().to(decisions::decision)))
        .service(at("/v1/decisions/{id}/events", "GET").route(web::get().to(events::events)))
        .service(at("/v1/components", "POST").route(web::post().to(components::bulk)))
        .service(
            at("/v1/components/{id}", "PUT, GET, DELETE")
                .route(web::put().to(components::put))
                .route(web::get().to(components::get))
                .route(web::delete().to(components::delete)),
        )
        .service(
            at("/v1/entries", "POST, DELETE")
                .route(web::post().to(entries::bulk::bulk))
                .route(web::delete().to(entries::delete::delete)),
        )
        .service(at("/v1/entries/search", "POST").route(web::post().to(entries::search::search)))
        .service(at("/v1/entries/{id}", "GET").route(web::get().to(entries::whole::get)))
        .service(at("/v1/feedback", "POST").route(web::post().to(feedback::feedback)))
        .service(at("/v1/audit", "GET").route(web::get().to(audit::export)))
        .service(
            at("/v1/market/{instrument}", "PUT, GET, DELETE")
                .route(web::put().to(market::put))
                .route(web::get().to(market::get))
                .route(web::delete().to(market::delete)),
        )
        .service(at("/v1/query", "POST").route(web::post().to(query::ask)))
        .service(at("/v1/query/stream", "POST").route(web::post().to(query::follow)))
        .service(at("/v1/query/layers", "GET").route(web::get().to(query::layers)))
        .service(at("/v1/query/feedback", "POST").route(web::post().to(query::feedback::judge)))
        .service(at("/v1/query/pairs", "GET").route(web::get().to(query::feedback::pairs)))
        .service(at("/v1/query/pairs/{id}/release", "POST").route(web::post().to(query::feedback::release)))
        .service(
            at("/v1/query/terms", "POST, GET")
                .route(web::post().to(query::terms::propose))
                .route(web::get().to(query::terms::terms)),
        )
        .service(at("/v1/query/terms/{id}/confirm", "POST").route(web::post().to(query::terms::confirm)))
        .service(at("/v1/query/terms/{id}/approve", "POST").route(web::post().to(query::terms::approve)))
        .service(at("/v1/query/terms/{id}/reject", "POST").route(web::post().to(query::terms::reject)))
        .service(at("/v1/query/terms/{id}/withdraw", "POST").route(web::post().to(query::terms::withdraw)))
        .service(at("/v1/numeric", "GET").route(web::get().to(numeric::list)))
        .service(at("/v1/numeric/wishes", "GET").route(web::get().to(numeric::wishes)))
        .service(at("/v1/numeric/{case}", "GET").route(web::get().to(numeric::get)))
        .service(at("/v1/numeric/{case}/run", "POST").route(web::post().to(numeric::run)))
        .service(at("/v1/numeric/{case}/versions", "GET").route(web::get().to(numeric::versions)))
        .service(at("/v1/numeric/{case}/compare", "GET").route(web::get().to(numeric::compare)))
        .service(at("/v1/datasets", "GET").route(web::get().to(datasets::list)))
        .service(
            at("/v1/datasets/{name}", "PUT, GET, DELETE")
                .route(web::put().to(datasets::put))
                .route(web::get().to(datasets::get))
                .route(web::delete().to(datasets::delete)),
        )
        .service(at("/v1/datasets/{name}/rows", "GET").route(web::get().to(datasets::rows)))
        .service(at("/v1/plans", "POST, GET").route(web::post().to(plans::ask)).route(web::get().to(plans::list)))
        .service(at("/v1/plans/check", "POST").route(web::post().to(plans::check)))
        .service(at("/v1/plans/{id}", "GET").route(web::get().to(plans::get)))
        .service(at("/v1/plans/{id}/approve", "POST").route(web::post().to(plans::approve)))
        .service(at("/v1/plans/{id}/reject", "POST").route(web::post().to(plans::reject)))
        .service(at("/v1/plans/{id}/replay", "POST").route(web::post().to(plans::replay)))
        .service(at("/v1/strategies", "GET").route(web::get().to(strategies::list)))
        .service(at("/v1/strategies/{name}", "GET").route(web::get().to(strategies::get)))
        .service(at("/health/live", "GET, HEAD").route(web::get().to(health::live)).route(web::head().to(health::live)))
        .service(at("/health/ready", "GET, HEAD").route(web::get().to(health::ready)).route(web::head().to(health::ready)))
        .service(at("/metrics", "GET").route(web::get().to(health::metrics)))
        .service(at("/openapi.json", "GET").route(web::get().to(docs::document)))
        .service(web::redirect("/docs", "/docs/"))
        .service(at("/docs/{file:.*}", "GET").route(web::get().to(docs::page)))
        .service(at("/", "GET, HEAD").route(web::get().to(console::index)).route(web::head().to(console::index)))
        .service(web::redirect("/console", "/"))
        .service(at("/console/{file}", "GET, HEAD").route(web::get().to(console::file)).route(web::head().to(console::file)))
        .service(at("/decide", "POST").route(web::post().to(prototype::decide)))
        .service(at("/insert_data", "POST").route(web::post().to(prototype::insert_data)))
        .service(at("/clear", "POST, GET").route(web::post().to(prototype::clear)).route(web::get().to(prototype::clear_by_get)))
        .default_service(web::to(error::not_found));
}

/// Has the operating system end a connection whose other end takes nothing of what is sent to it for so long (RFC 5482). The server itself
/// waits for ever for room to write, and an answer that is made while it is taken holds its place meanwhile.
fn cut_off_who_takes_nothing(connection: &dyn Any, within: Duration) {
    let Some(stream) = connection.downcast_ref::<TcpStream>() else { return };
    if let Err(error) = SockRef::from(stream).set_tcp_user_timeout(Some(within)) {
        tracing::debug!(%error, "a connection has no limit for what is not taken");
    }
}

/// The server, listening on `listener`, for callers who show `credentials`; it runs when it is awaited, until its handle stops it.
///
/// # Errors
/// Where the listener can't be used.
pub fn server(
    app: Data<App>,
    credentials: Data<Credentials>,
    listener: TcpListener,
    config: &Config,
) -> std::io::Result<ActixServer> {
    let (metrics, config) = (MetricsFor(config.auth.metrics), &config.server);
    let body_within = BodyWithin(Duration::from_secs(config.body_within_sec));
    let taken_within = Duration::from_secs(config.taken_within_sec);
    let workers = match config.workers {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        some => some,
    };
    let server = HttpServer::new(move || {
        let app = ActixApp::new().app_data(Data::clone(&app)).app_data(Data::clone(&credentials)).app_data(metrics);
        let app = app.app_data(body_within);
        // The last that is wrapped around comes first.
        app.wrap(from_fn(access::guard)).wrap(from_fn(trace::follow)).configure(routes)
    });
    let server = server
        // SIGTERM and SIGINT are followed by whoever awaits the server; actix's own handler would cut requests short on SIGINT.
        .disable_signals()
        .workers(workers)
        .max_connections(config.connections_max.div_ceil(workers))
        .keep_alive(Duration::from_secs(config.keep_alive_sec))
        .client_request_timeout(Duration::from_secs(config.head_within_sec))
        // A client that closes is gone: what only it waits for ends. One that means to read on does not close its half.
        .h1_allow_half_closed(false)
        .on_connect(move |connection, _| cut_off_who_takes_nothing(connection, taken_within))
        .shutdown_timeout(config.drain_sec)
        .listen(listener)?;
    Ok(server.run())
}
