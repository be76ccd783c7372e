//! `/v1/numeric`: the catalogue of fitted models, and what they say, for programs.

mod answer;
mod problem;

pub(super) use answer::{CaseAnswer, CatalogueAnswer, CompareAnswer, FitAnswer, VersionsAnswer, WishesAnswer};

use self::answer::FitInShort;
use super::access::caller;
use super::audit::Audited;
use super::error::{Answered, At, Kind, Problem, ProblemDetails};
use super::json;
use super::plans::{Large, read_optional};
use super::trace::Arrival;
use crate::app::App;
use crate::decide::numeric::{Compared, Consulted, NumericQuestion};
use crate::domain::audit_chain::Action;
use crate::domain::deadline::Deadline;
use crate::domain::field::FieldError;
use crate::domain::fit_record::FitRecord;
use crate::engine::numeric::catalogue::Case;
use crate::limits::DEADLINE_MS_MAX;
use actix_web::HttpRequest;
use actix_web::web::{self, Data};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Milliseconds that a caller waits for a fit that has to be made, where the request doesn't say.
const DEADLINE_MS: u32 = 30_000;

/// The catalogue: every case with its parameters, its data and the state of its fits.
#[utoipa::path(
    get, path = "/v1/numeric", operation_id = "list_numeric", tag = "numeric",
    responses(
        (status = 200, description = "Every case of the catalogue, with the fits that the tenant has of it", body = CatalogueAnswer),
    )
)]
pub(super) async fn list(app: Data<App>, http: HttpRequest) -> Answered {
    let answered = caller(&http).map(|caller| {
        let (numeric, now) = (&app.decider.numeric, app.decider.clock.now());
        let fits = |case: &Arc<Case>| {
            let fits = numeric.index.all_latest(&caller.tenant, Some(&case.id));
            fits.iter().map(|fit| FitInShort::of(fit, &numeric.standing(case, fit, now))).collect()
        };
        json::ok(&CatalogueAnswer { cases: numeric.cases().map(|of| CaseAnswer::of(of, fits(of))).collect() })
    });
    answered.at(&http)
}

/// What was asked for and has no model yet, those asked for most first.
#[utoipa::path(
    get, path = "/v1/numeric/wishes", operation_id = "list_numeric_wishes", tag = "numeric",
    responses((status = 200, description = "Since this process started, the latest of each tenant", body = WishesAnswer))
)]
pub(super) async fn wishes(app: Data<App>, http: HttpRequest) -> Answered {
    let answered = caller(&http).map(|caller| json::ok(&WishesAnswer { wishes: app.decider.numeric.wishes(&caller.tenant) }));
    answered.at(&http)
}

/// What a fitted model says: the latest fit where it is fresh, else one that is made now, else the stale one, told so.
///
/// Each parameter of the case is a parameter of the query.
#[utoipa::path(
    get, path = "/v1/numeric/{case}", operation_id = "get_numeric", tag = "numeric",
    params(
        ("case" = String, Path, description = "The id of the case, such as `NR-01`"),
        ("version" = Option<u64>, Query, minimum = 1, description = "An older version, as it is on record"),
        ("chart" = Option<bool>, Query, description = "Whether the chart is wanted; true where absent"),
        ("deadline_ms" = Option<u32>, Query, minimum = 1, maximum = 120_000, description = "Milliseconds to wait for a fit that has to be made; 30,000 where absent"),
        ("parameters" = Option<std::collections::HashMap<String, String>>, Query, style = Form, explode, description = "The parameters of the case by name, such as `symbol=BTC-PERP`"),
    ),
    responses(
        (status = 200, description = "The fit", body = FitAnswer),
        (status = 400, description = "A parameter that is unknown, wrong or missing", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 404, description = "No such case or version; or no model for this yet, and why", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 500, description = "The fit failed", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 503, description = "Too many fits at once, or the store is away", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 504, description = "There is no fit yet, and none was made in time; it is being made", body = ProblemDetails, content_type = "application/problem+json"),
    )
)]
pub(super) async fn get(app: Data<App>, http: HttpRequest, arrival: Arrival, id: web::Path<String>) -> Answered {
    let answered = async {
        let mut asked = Asked::of(&http)?;
        let (version, chart) = (asked.number("version")?, asked.flag("chart")?.unwrap_or(true));
        let question = asked.question(&app, (&http, arrival), &id)?;
        let now = app.decider.clock.now();
        let found = match version {
            None => app.decider.consult(&question).await?,
            Some(version) => {
                let fit = app.decider.fit_version(&question.tenant, &question.key(), version).await?;
                let standing = app.decider.numeric.standing(&question.case, &fit, now);
                Consulted { case: question.case, parameters: question.parameters, fit, standing, refitted: false }
            }
        };
        Ok::<_, Problem>(json::ok(&FitAnswer::of(&found, chart, (app.decider.clock.now(), arrival.trace))))
    };
    answered.await.at(&http)
}

/// For which parameters, and how long to wait.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[schema(as = NumericRunRequest)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RunRequest {
    /// The parameters of the case by name.
    #[schema(value_type = Object)]
    parameters: Map<String, Value>,
    /// Milliseconds to wait for the fit; it goes on past that.
    #[schema(minimum = 1, maximum = 120_000)]
    deadline_ms: Option<u32>,
}

/// Fit a model now, though the latest fit is fresh. Of several who ask for the same at the same time one has it made for all.
#[utoipa::path(
    post, path = "/v1/numeric/{case}/run", operation_id = "run_numeric", tag = "numeric",
    params(("case" = String, Path, description = "The id of the case, such as `NR-01`")),
    request_body(content = RunRequest, description = "For which parameters, or nothing"),
    responses(
        (status = 200, description = "The new fit; it is stored", body = FitAnswer),
        (status = 400, description = "Not JSON, or a parameter that is unknown, wrong or missing", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 404, description = "No such case; or the data allow no model, and why: the fit before stays", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 408, description = "The body came too slowly", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 413, description = "The body is too large", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 500, description = "The fit failed; the one before stays", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 503, description = "Too many fits at once, or the store is away", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 504, description = "The deadline passed; the fit goes on", body = ProblemDetails, content_type = "application/problem+json"),
    )
)]
pub(super) async fn run(app: Data<App>, http: HttpRequest, arrival: Arrival, id: web::Path<String>, body: Large) -> Answered {
    let answered = async {
        let RunRequest { parameters, deadline_ms } = read_optional(&body.0)?;
        let by = caller(&http)?.user;
        let asked = Asked { given: parameters.into_iter().collect(), deadline_ms };
        let mut question = asked.question(&app, (&http, arrival), &id)?;
        question.again = Some(by);
        let about = json!({ "case": question.case.id, "parameters": question.parameters });
        let audited = Audited::of(&http, Action::NumericRun, about)?;
        let decider = Arc::clone(&app.decider);
        let work = async move {
            let found = decider.consult(&question).await?;
            let came = json!({ "version": found.fit.version, "fit": found.fit.key.to_string() });
            Ok((found, came))
        };
        let found = audited.run(&app, work).await?;
        Ok::<_, Problem>(json::ok(&FitAnswer::of(&found, true, (app.decider.clock.now(), arrival.trace))))
    };
    answered.await.at(&http)
}

/// The versions of a fit, the latest first.
#[utoipa::path(
    get, path = "/v1/numeric/{case}/versions", operation_id = "list_numeric_versions", tag = "numeric",
    params(
        ("case" = String, Path, description = "The id of the case, such as `NR-01`"),
        ("parameters" = Option<std::collections::HashMap<String, String>>, Query, style = Form, explode, description = "The parameters of the case by name"),
    ),
    responses(
        (status = 200, description = "What is on record, in short", body = VersionsAnswer),
        (status = 400, description = "A parameter that is unknown, wrong or missing", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 404, description = "No such case", body = ProblemDetails, content_type = "application/problem+json"),
    )
)]
pub(super) async fn versions(app: Data<App>, http: HttpRequest, arrival: Arrival, id: web::Path<String>) -> Answered {
    let answered = Asked::of(&http).and_then(|asked| asked.question(&app, (&http, arrival), &id)).map(|question| {
        let (numeric, now) = (&app.decider.numeric, app.decider.clock.now());
        let fits = numeric.index.versions(&question.tenant, &question.key());
        let in_short = |fit: &Arc<FitRecord>| FitInShort::of(fit, &numeric.standing(&question.case, fit, now));
        json::ok(&VersionsAnswer { case: question.case.id.to_string(), versions: fits.iter().map(in_short).collect() })
    });
    answered.at(&http)
}

/// What differs between the numbers of two versions of a fit, those that changed most first.
#[utoipa::path(
    get, path = "/v1/numeric/{case}/compare", operation_id = "compare_numeric", tag = "numeric",
    params(
        ("case" = String, Path, description = "The id of the case, such as `NR-01`"),
        ("from" = Option<u64>, Query, minimum = 1, description = "The earlier version; the one before `to` where absent"),
        ("to" = Option<u64>, Query, minimum = 1, description = "The later version; the latest where absent"),
        ("parameters" = Option<std::collections::HashMap<String, String>>, Query, style = Form, explode, description = "The parameters of the case by name"),
    ),
    responses(
        (status = 200, description = "What differs", body = CompareAnswer),
        (status = 400, description = "A parameter that is unknown, wrong or missing", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 404, description = "No such case or version", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 503, description = "The store is away", body = ProblemDetails, content_type = "application/problem+json"),
    )
)]
pub(super) async fn compare(app: Data<App>, http: HttpRequest, arrival: Arrival, id: web::Path<String>) -> Answered {
    let answered = async {
        let mut asked = Asked::of(&http)?;
        let (from, to) = (asked.number("from")?, asked.number("to")?);
        let question = asked.question(&app, (&http, arrival), &id)?;
        let (tenant, key) = (&question.tenant, question.key());
        let held = app.decider.numeric.index.versions(tenant, &key);
        let missing = || Problem::new(Kind::NOT_FOUND, "there are no two versions of this fit");
        let to = to.or_else(|| held.first().map(|fit| fit.version)).ok_or_else(missing)?;
        let before = || held.iter().map(|fit| fit.version).find(|version| *version < to);
        let from = from.or_else(before).ok_or_else(missing)?;
        let (a, b) = (app.decider.fit_version(tenant, &key, from).await?, app.decider.fit_version(tenant, &key, to).await?);
        Ok::<_, Problem>(json::ok(&CompareAnswer::of((&a, &b), Compared::of(&a, &b))))
    };
    answered.await.at(&http)
}

/// What a query says of a case.
struct Asked {
    given: BTreeMap<String, Value>,
    deadline_ms: Option<u32>,
}

impl Asked {
    fn of(http: &HttpRequest) -> Result<Self, Problem> {
        let read = web::Query::<Vec<(String, String)>>::from_query(http.query_string());
        let pairs = read.map_err(|error| bad("", error.to_string()))?.into_inner();
        let mut given = BTreeMap::new();
        for (name, value) in pairs {
            if given.insert(name.clone(), Value::String(value)).is_some() {
                return Err(bad(&name, "it is there twice".to_owned()));
            }
        }
        let mut asked = Self { given, deadline_ms: None };
        asked.deadline_ms = asked.number("deadline_ms")?.map(|ms| u32::try_from(ms).unwrap_or(u32::MAX));
        Ok(asked)
    }

    fn take(&mut self, name: &str) -> Option<String> {
        self.given.remove(name).and_then(|value| value.as_str().map(ToOwned::to_owned))
    }

    fn number(&mut self, name: &str) -> Result<Option<u64>, Problem> {
        let read = |text: String| {
            text.parse::<u64>()
                .ok()
                .filter(|number| *number > 0)
                .ok_or_else(|| bad(name, format!("`{text}` is no number from 1")))
        };
        self.take(name).map(read).transpose()
    }

    fn flag(&mut self, name: &str) -> Result<Option<bool>, Problem> {
        let read = |text: String| text.parse::<bool>().map_err(|_| bad(name, format!("`{text}` is neither true nor false")));
        self.take(name).map(read).transpose()
    }

    fn question(self, app: &App, (http, arrival): (&HttpRequest, Arrival), id: &str) -> Result<NumericQuestion, Problem> {
        let deadline_ms = self.deadline_ms.unwrap_or(DEADLINE_MS);
        if !(1..=DEADLINE_MS_MAX).contains(&deadline_ms) {
            return Err(bad("deadline_ms", format!("{deadline_ms} is not 1 to {DEADLINE_MS_MAX}")));
        }
        let case = Arc::clone(app.decider.numeric.case(id)?);
        let parameters = case.given(&self.given).map_err(crate::decide::numeric::NumericError::Parameters)?;
        Ok(NumericQuestion {
            tenant: caller(http)?.tenant,
            case,
            parameters,
            deadline: Deadline::from_start(arrival.at, Duration::from_millis(u64::from(deadline_ms))),
            again: None,
        })
    }
}

fn bad(name: &str, detail: String) -> Problem {
    Problem::field(Kind::BAD_REQUEST, FieldError::new(format!("/{name}"), detail))
}
