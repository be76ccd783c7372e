//! Who may do what over HTTP: one table of routes and roles, which guards every request and which the documentation is written from.
//!
//! A route that is not in the table is answered as if it were not there, so that one that is added without a thought is closed and not open.

use super::error::{Kind, Problem, allowed_methods};
use super::trace::Endpoint;
use crate::app::App;
use crate::domain::ids::TenantId;
use crate::domain::request::Caller;
use crate::domain::role::Role;
use crate::telemetry::metrics::tenants as metrics;
use crate::tenant::{Credentials, MetricsReaders, Refusal};
use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::AUTHORIZATION;
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, HttpMessage, HttpRequest, ResponseError};
use std::time::Duration;

/// What a route asks of its caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Needs {
    /// Nothing.
    Nothing,
    /// What `auth.metrics` says.
    ToReadMetrics,
    /// One of these roles; the rate is that of the first.
    OneOf(&'static [Role]),
}

use Needs::{Nothing, OneOf, ToReadMetrics};
use Role::{Admin, Decide, Operate, Write};

/// Every route: its pattern, and for each of its methods what that needs.
#[rustfmt::skip]
const ROUTES: &[(&str, &[(&str, Needs)])] = &[
    ("/v1/decide", &[("POST", OneOf(&[Decide]))]),
    ("/v1/decisions", &[("GET", OneOf(&[Operate]))]),
    ("/v1/decisions/{id}", &[("GET", OneOf(&[Decide]))]),
    ("/v1/decisions/{id}/events", &[("GET", OneOf(&[Decide]))]),
    ("/v1/components", &[("POST", OneOf(&[Write]))]),
    ("/v1/components/{id}", &[("PUT", OneOf(&[Write])), ("GET", OneOf(&[Write, Operate])), ("DELETE", OneOf(&[Write]))]),
    ("/v1/entries", &[("POST", OneOf(&[Write])), ("DELETE", OneOf(&[Operate]))]),
    ("/v1/entries/search", &[("POST", OneOf(&[Operate]))]),
    ("/v1/entries/{id}", &[("GET", OneOf(&[Operate]))]),
    // A verdict closes entries and may write one, which is more than to ask.
    ("/v1/feedback", &[("POST", OneOf(&[Operate]))]),
    ("/v1/market/{instrument}", &[("PUT", OneOf(&[Write])), ("GET", OneOf(&[Write, Operate])), ("DELETE", OneOf(&[Write]))]),
    ("/v1/numeric", &[("GET", OneOf(&[Decide, Operate]))]),
    ("/v1/numeric/wishes", &[("GET", OneOf(&[Operate]))]),
    ("/v1/numeric/{case}", &[("GET", OneOf(&[Decide, Operate]))]),
    ("/v1/numeric/{case}/run", &[("POST", OneOf(&[Operate]))]),
    ("/v1/numeric/{case}/versions", &[("GET", OneOf(&[Decide, Operate]))]),
    ("/v1/numeric/{case}/compare", &[("GET", OneOf(&[Decide, Operate]))]),
    ("/v1/query", &[("POST", OneOf(&[Decide]))]),
    ("/v1/query/stream", &[("POST", OneOf(&[Decide]))]),
    ("/v1/query/layers", &[("GET", OneOf(&[Decide, Operate]))]),
    // Who asks may say whether the answer was right: that serves nothing to anybody that the checks did not pass.
    ("/v1/query/feedback", &[("POST", OneOf(&[Decide]))]),
    ("/v1/query/pairs", &[("GET", OneOf(&[Decide, Operate]))]),
    ("/v1/query/pairs/{id}/release", &[("POST", OneOf(&[Operate]))]),
    ("/v1/query/terms", &[("POST", OneOf(&[Decide])), ("GET", OneOf(&[Decide, Operate]))]),
    ("/v1/query/terms/{id}/confirm", &[("POST", OneOf(&[Decide]))]),
    ("/v1/query/terms/{id}/approve", &[("POST", OneOf(&[Operate]))]),
    ("/v1/query/terms/{id}/reject", &[("POST", OneOf(&[Operate]))]),
    ("/v1/query/terms/{id}/withdraw", &[("POST", OneOf(&[Decide, Operate]))]),
    ("/v1/datasets", &[("GET", OneOf(&[Write, Operate]))]),
    ("/v1/datasets/{name}", &[("PUT", OneOf(&[Write])), ("GET", OneOf(&[Write, Operate])), ("DELETE", OneOf(&[Write]))]),
    ("/v1/datasets/{name}/rows", &[("GET", OneOf(&[Write, Operate]))]),
    ("/v1/plans", &[("POST", OneOf(&[Decide])), ("GET", OneOf(&[Decide]))]),
    ("/v1/plans/check", &[("POST", OneOf(&[Decide]))]),
    ("/v1/plans/{id}", &[("GET", OneOf(&[Decide]))]),
    // Who asks does not thereby approve.
    ("/v1/plans/{id}/approve", &[("POST", OneOf(&[Operate]))]),
    ("/v1/plans/{id}/reject", &[("POST", OneOf(&[Operate]))]),
    ("/v1/plans/{id}/replay", &[("POST", OneOf(&[Decide]))]),
    ("/v1/audit", &[("GET", OneOf(&[Admin]))]),
    ("/v1/strategies", &[("GET", OneOf(&[Operate]))]),
    ("/v1/strategies/{name}", &[("GET", OneOf(&[Operate]))]),
    ("/decide", &[("POST", OneOf(&[Decide]))]),
    ("/insert_data", &[("POST", OneOf(&[Write]))]),
    ("/clear", &[("POST", OneOf(&[Operate])), ("GET", OneOf(&[Operate]))]),
    ("/health/live", &[("GET", Nothing), ("HEAD", Nothing)]),
    ("/health/ready", &[("GET", Nothing), ("HEAD", Nothing)]),
    ("/metrics", &[("GET", ToReadMetrics)]),
    ("/openapi.json", &[("GET", Nothing)]),
    ("/docs", &[("GET", Nothing)]),
    ("/docs/{file:.*}", &[("GET", Nothing)]),
    // The page itself says nothing of any tenant; what it shows it asks for like everybody else.
    ("/", &[("GET", Nothing), ("HEAD", Nothing)]),
    ("/console", &[("GET", Nothing), ("HEAD", Nothing)]),
    ("/console/{file}", &[("GET", Nothing), ("HEAD", Nothing)]),
];

/// The methods of a route, and what each needs; `None` where there is no such route.
pub(super) fn methods_of(pattern: &str) -> Option<&'static [(&'static str, Needs)]> {
    ROUTES.iter().find(|(known, _)| *known == pattern).map(|(_, methods)| *methods)
}

/// Who may read the metrics.
#[derive(Debug, Clone, Copy)]
pub(super) struct MetricsFor(pub MetricsReaders);

/// Who is asking, as the guard found it.
pub(super) fn caller(http: &HttpRequest) -> Result<Caller, Problem> {
    // The guard lets nobody through to a route that asks for its caller without one.
    http.extensions().get::<Caller>().cloned().ok_or_else(unauthorised)
}

fn unauthorised() -> Problem {
    Problem::new(Kind::UNAUTHORISED, "credentials are needed that are valid here")
}

/// Lets a request through whose caller may make it, and answers all others itself, before anything of the body is read.
pub(super) async fn guard<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    match admitted(request.request()).await {
        Ok(caller) => {
            if let Some(caller) = caller {
                request.extensions_mut().insert(caller);
            }
            Ok(next.call(request).await?.map_into_left_body())
        }
        Err(problem) => {
            let answer = problem.at(request.request()).error_response();
            Ok(request.into_response(answer).map_into_right_body())
        }
    }
}

async fn admitted(http: &HttpRequest) -> Result<Option<Caller>, Problem> {
    // A path that no route has goes on to the answer that says so.
    let Some(pattern) = Endpoint::of(http) else { return Ok(None) };
    let Some(methods) = methods_of(&pattern) else {
        tracing::error!(pattern = &*pattern, "a route is not in the table of roles and stays closed");
        return Err(Problem::new(Kind::NOT_FOUND, "there is nothing here"));
    };
    let Some((_, needs)) = methods.iter().find(|(method, _)| *method == http.method().as_str()) else {
        return Err(allowed_methods(http, methods.iter().map(|(method, _)| *method)));
    };
    let roles = match needs {
        Nothing => return Ok(None),
        ToReadMetrics if metrics_are_open(http) => return Ok(None),
        ToReadMetrics => &[Operate][..],
        OneOf(roles) => roles,
    };
    let caller = authenticated(http).await?;
    authorised(http, &caller, roles).await?;
    Ok(Some(caller))
}

fn metrics_are_open(http: &HttpRequest) -> bool {
    match http.app_data::<MetricsFor>().map_or(MetricsReaders::Operate, |who| who.0) {
        MetricsReaders::Everybody => true,
        MetricsReaders::Loopback => http.peer_addr().is_some_and(|peer| peer.ip().to_canonical().is_loopback()),
        MetricsReaders::Operate => false,
    }
}

/// Who shows the credentials of a request. Where none are asked for, everybody is the default tenant and may do everything.
async fn authenticated(http: &HttpRequest) -> Result<Caller, Problem> {
    let credentials = http.app_data::<Data<Credentials>>().ok_or_else(unauthorised)?;
    if !credentials.asked_for() {
        // Whoever is on this machine may do everything, and that goes for the pages of strangers in his browser too, unless they are kept out
        // here. A browser says so of itself (Fetch Metadata), and a page can't have it say otherwise.
        if http.headers().get("sec-fetch-site").is_some_and(|site| site == "cross-site") {
            return Err(Problem::new(Kind::FORBIDDEN, "pages of other sites may not ask here"));
        }
        return Ok(Caller::trusted(TenantId::default_tenant()));
    }
    let mut shown = http.headers().get_all(AUTHORIZATION);
    let known = match (shown.next(), shown.next()) {
        (None, _) => Err(Refusal::Missing),
        (Some(one), None) => credentials.caller(one.as_bytes()).await,
        (Some(_), Some(_)) => Err(Refusal::Malformed),
    };
    known.map_err(|refusal| {
        metrics::refused(refusal.as_str());
        tracing::debug!(%refusal, path = http.path(), "credentials were refused");
        unauthorised()
    })
}

/// Whether a caller may make a request that needs one of `roles`, and make it now.
async fn authorised(http: &HttpRequest, caller: &Caller, roles: &[Role]) -> Result<(), Problem> {
    let (Some(app), Some(class)) = (http.app_data::<Data<App>>(), roles.first().copied()) else { return Err(unauthorised()) };
    let tenants = &app.decider.tenants;
    let (label, role) = (tenants.label(&caller.tenant), class.as_str());
    if !roles.iter().any(|role| caller.roles.may(*role)) {
        metrics::forbidden(label, role);
        let names: Vec<&str> = roles.iter().map(|role| role.as_str()).collect();
        return Err(Problem::new(Kind::FORBIDDEN, format!("this needs the role {}", names.join(" or "))));
    }
    app.rates.admit(tenants, &caller.tenant, class).await.map_err(|wait| {
        metrics::limited(label, role);
        let detail = format!("the rate of the tenant for requests that need the role {role} is used up");
        Problem::new(Kind::RATE, detail).retry_after(whole_seconds(wait))
    })?;
    metrics::admitted(label, role);
    Ok(())
}

/// Rounded up: who waits for less would be refused again.
fn whole_seconds(wait: Duration) -> u32 {
    u32::try_from(wait.as_nanos().div_ceil(1_000_000_000)).unwrap_or(u32::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    /// The routes of `mod.rs`: pattern, and methods.
    fn routes() -> BTreeMap<String, Vec<String>> {
        let source = include_str!("mod.rs");
        let mut found = BTreeMap::new();
        for (at, _) in source.match_indices("at(\"") {
            let mut quoted = source[at..].split('"').skip(1).step_by(2);
            let (path, methods) = (quoted.next().unwrap(), quoted.next().unwrap());
            found.insert(path.to_owned(), methods.split(", ").map(ToOwned::to_owned).collect());
        }
        for (at, _) in source.match_indices("web::redirect(\"") {
            found.insert(source[at..].split('"').nth(1).unwrap().to_owned(), Vec::new());
        }
        found
    }

    #[test]
    fn every_route_is_in_the_table_with_the_methods_that_it_has() {
        let routes = routes();
        assert!(routes.len() >= 21, "mod.rs was not understood: {routes:?}");
        for (path, methods) in routes {
            let known = methods_of(&path).unwrap_or_else(|| panic!("{path} is not in the table of roles"));
            let known: Vec<&str> = known.iter().map(|(method, _)| *method).collect();
            assert!(methods.is_empty() || known == methods, "{path}: {known:?} and {methods:?}");
        }
    }

    #[test]
    fn what_is_open_is_known_by_name_and_nothing_under_v1_is() {
        let open: Vec<&str> = ROUTES
            .iter()
            .filter(|(_, methods)| methods.iter().any(|(_, needs)| *needs == Nothing))
            .map(|(path, _)| *path)
            .collect();
        assert_eq!(
            open,
            ["/health/live", "/health/ready", "/openapi.json", "/docs", "/docs/{file:.*}", "/", "/console", "/console/{file}"]
        );
        assert!(ROUTES.iter().flat_map(|(_, methods)| *methods).all(|(_, needs)| *needs != OneOf(&[])));
    }

    #[test]
    fn a_wait_is_told_in_whole_seconds_that_are_enough() {
        let told = |ms| whole_seconds(Duration::from_millis(ms));
        assert_eq!([told(0), told(1), told(1_000), told(1_001), told(59_999)], [1, 1, 1, 2, 60]);
        assert_eq!(whole_seconds(Duration::MAX), u32::MAX);
    }
}
