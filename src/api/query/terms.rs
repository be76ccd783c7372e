//! Words that are to have a meaning: proposed, confirmed by a user, approved by an operator, and read in questions from then on.

use super::super::access::caller;
use super::super::audit::Audited;
use super::super::decisions::query;
use super::super::error::{Answered, At, Kind, Problem, ProblemDetails};
use super::super::json::{self, Json};
use super::feedback::ActAnswer;
use super::page;
use crate::app::App;
use crate::decide::analytics::TermProposal;
use crate::domain::audit_chain::Action;
use crate::domain::field::FieldError;
use crate::domain::ids::TenantId;
use crate::engine::analytics::knowledge::{Meaning, Proposal, Says, State};
use actix_web::HttpRequest;
use actix_web::web::{self, Data};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::sync::Arc;

/// What a term is to mean: a condition on the rows of a table, or the same as something that the layer has. Just one of `where` (with
/// `table`), `measure`, `dimension` (with or without `value`) and `term`.
#[derive(Debug, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct TermMeaning {
    /// In words.
    #[schema(min_length = 1, max_length = 2_000)]
    comment: String,
    /// The table whose rows are meant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    table: Option<String>,
    /// Which of its rows, as layers write conditions: `price > 100 and freight_value = 0`.
    #[serde(default, rename = "where", skip_serializing_if = "Option::is_none")]
    condition: Option<String>,
    /// The measure that it is another name of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    measure: Option<String>,
    /// The dimension that it is another name of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    dimension: Option<String>,
    /// The value of the dimension that it is another name of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    value: Option<String>,
    /// The term of the glossary that it is another name of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    term: Option<String>,
}

impl TermMeaning {
    fn of(meaning: &Meaning) -> Self {
        let mut wire = Self {
            comment: meaning.comment.clone(),
            table: None,
            condition: None,
            measure: None,
            dimension: None,
            value: None,
            term: None,
        };
        match meaning.says.clone() {
            Says::Rows { table, condition } => (wire.table, wire.condition) = (Some(table), Some(condition)),
            Says::Measure(name) => wire.measure = Some(name),
            Says::Dimension(name) => wire.dimension = Some(name),
            Says::Value { dimension, value } => (wire.dimension, wire.value) = (Some(dimension), Some(value)),
            Says::Term(name) => wire.term = Some(name),
        }
        wire
    }

    fn read(self) -> Result<Meaning, FieldError> {
        let Self { comment, table, condition, measure, dimension, value, term } = self;
        let beside = |at: &str| FieldError::new(format!("/meaning/{at}"), "it stands beside another meaning");
        let says = match (condition, measure, dimension, term) {
            (Some(condition), None, None, None) => {
                let table =
                    table.as_ref().ok_or_else(|| FieldError::new("/meaning/table", "of which table's rows is it said?"))?;
                Says::Rows { table: table.clone(), condition }
            }
            (None, Some(measure), None, None) => Says::Measure(measure),
            (None, None, Some(dimension), None) => match value.clone() {
                Some(value) => Says::Value { dimension, value },
                None => Says::Dimension(dimension),
            },
            (None, None, None, Some(term)) => Says::Term(term),
            (None, None, None, None) => {
                let detail =
                    "it says nothing: one of `where` (with `table`), `measure`, `dimension` (with or without `value`) and `term`";
                return Err(FieldError::new("/meaning", detail));
            }
            (_, Some(_), ..) => return Err(beside("measure")),
            (_, _, Some(_), _) => return Err(beside("dimension")),
            (.., Some(_)) => return Err(beside("term")),
        };
        match (&says, table, value) {
            (Says::Rows { .. }, _, Some(_)) | (Says::Measure(_) | Says::Term(_), _, Some(_)) => Err(beside("value")),
            (Says::Rows { .. }, ..) | (_, None, _) => Ok(Meaning { comment, says }),
            (_, Some(_), _) => Err(beside("table")),
        }
    }
}

/// A meaning for words that have none.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct TermRequest {
    /// The words, as people write them.
    #[schema(min_length = 1, max_length = 60)]
    term: String,
    /// The semantic layer that they are to be read by; it need not be said where there is only one.
    #[serde(default)]
    layer: Option<String>,
    /// What they are to mean.
    meaning: TermMeaning,
}

/// A step of a proposal.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct TermStep {
    /// What it became.
    to: State,
    #[serde(flatten)]
    by: ActAnswer,
}

/// A proposal of what words mean, as it stands.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = GlossaryTerm)]
pub(in crate::api) struct TermAnswer {
    id: String,
    term: String,
    layer: String,
    meaning: TermMeaning,
    state: State,
    /// Whether questions are read by it.
    applies: bool,
    /// Why it does not apply although it was approved.
    #[serde(skip_serializing_if = "Option::is_none")]
    left_out: Option<String>,
    /// Every step, oldest first.
    steps: Vec<TermStep>,
}

impl TermAnswer {
    fn of(app: &App, tenant: &TenantId, (id, proposal): (&str, &Proposal)) -> Self {
        let state = proposal.state();
        let left_out = (state == State::Approved).then(|| {
            let vocabulary = app.decider.analyst.vocabulary(tenant);
            let known = vocabulary.library.named(&proposal.layer).is_some();
            let told = vocabulary.left_out.iter().find(|left| left.id == id).map(|left| left.reason.clone());
            told.or_else(|| (!known).then(|| format!("there is no layer `{}`", proposal.layer)))
        });
        let left_out = left_out.flatten();
        Self {
            id: id.to_owned(),
            term: proposal.phrase.clone(),
            layer: proposal.layer.clone(),
            meaning: TermMeaning::of(&proposal.meaning),
            state,
            applies: state == State::Approved && left_out.is_none(),
            left_out,
            steps: proposal.steps.iter().map(|step| TermStep { to: step.to, by: ActAnswer::of(&step.by) }).collect(),
        }
    }
}

/// Propose a meaning for words that questions use and the layer does not know.
///
/// It is refused where it does not fit the layer, or where the words have a meaning already. A user then confirms it, and an operator, who is
/// neither of the two where callers have names, approves it.
#[utoipa::path(
    post, path = "/v1/query/terms", operation_id = "propose_term", tag = "query", request_body = TermRequest,
    responses(
        (status = 200, description = "The proposal; it is durable", body = TermAnswer),
        (status = 400, description = "Not JSON, an unknown field, a wrong type", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 404, description = "No such semantic layer", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 408, description = "The body came too slowly", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 409, description = "The same was proposed before", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 413, description = "The body is too large", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 422, description = "The words or their meaning don't fit the layer, or there are as many proposals as may be", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 503, description = "The store is away", body = ProblemDetails, content_type = "application/problem+json"),
    )
)]
pub(in crate::api) async fn propose(app: Data<App>, http: HttpRequest, Json(wire): Json<TermRequest>) -> Answered {
    let answered = async {
        let caller = caller(&http)?;
        let tenant = caller.tenant.clone();
        let meaning = wire.meaning.read().map_err(|error| Problem::field(Kind::NOT_ALLOWED, error))?;
        let proposal = TermProposal { layer: wire.layer, phrase: wire.term, meaning };
        let audited = Audited::of(&http, Action::TermsPropose, json!({}))?;
        let decider = Arc::clone(&app.decider);
        let work = async move {
            let (id, proposal) = decider.propose_term(&caller, proposal).await?;
            let came = json!({ "term": id, "layer": proposal.layer });
            Ok(((id, proposal), came))
        };
        let (id, proposal) = audited.run(&app, work).await?;
        Ok::<_, Problem>(json::ok(&TermAnswer::of(&app, &tenant, (&id, &proposal))))
    };
    answered.await.at(&http)
}

/// Say that a proposed meaning is what is meant.
#[utoipa::path(
    post, path = "/v1/query/terms/{id}/confirm", operation_id = "confirm_term", tag = "query",
    params(("id" = String, Path, description = "The id of the proposal")),
    responses(
        (status = 200, description = "The proposal; the step is durable", body = TermAnswer),
        (status = 404, description = "No such proposal", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 409, description = "It is not at that step", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 503, description = "The store is away", body = ProblemDetails, content_type = "application/problem+json"),
    )
)]
pub(in crate::api) async fn confirm(app: Data<App>, http: HttpRequest, id: web::Path<String>) -> Answered {
    moved(&app, &http, (&id, State::Confirmed, Action::TermsConfirm)).await.at(&http)
}

/// Approve a meaning that a user confirmed: questions are read by it from then on. Whoever proposed or confirmed it may not.
#[utoipa::path(
    post, path = "/v1/query/terms/{id}/approve", operation_id = "approve_term", tag = "query",
    params(("id" = String, Path, description = "The id of the proposal")),
    responses(
        (status = 200, description = "The proposal; the step is durable", body = TermAnswer),
        (status = 404, description = "No such proposal", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 409, description = "It is not at that step", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 422, description = "As many terms apply as may", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 503, description = "The store is away", body = ProblemDetails, content_type = "application/problem+json"),
    )
)]
pub(in crate::api) async fn approve(app: Data<App>, http: HttpRequest, id: web::Path<String>) -> Answered {
    moved(&app, &http, (&id, State::Approved, Action::TermsApprove)).await.at(&http)
}

/// Reject a proposal, for good.
#[utoipa::path(
    post, path = "/v1/query/terms/{id}/reject", operation_id = "reject_term", tag = "query",
    params(("id" = String, Path, description = "The id of the proposal")),
    responses(
        (status = 200, description = "The proposal; the step is durable", body = TermAnswer),
        (status = 404, description = "No such proposal", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 409, description = "It is not at that step", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 503, description = "The store is away", body = ProblemDetails, content_type = "application/problem+json"),
    )
)]
pub(in crate::api) async fn reject(app: Data<App>, http: HttpRequest, id: web::Path<String>) -> Answered {
    moved(&app, &http, (&id, State::Rejected, Action::TermsReject)).await.at(&http)
}

/// Take a proposal back, which its proposer and every operator may; or have an approved term apply no more, which an operator may.
#[utoipa::path(
    post, path = "/v1/query/terms/{id}/withdraw", operation_id = "withdraw_term", tag = "query",
    params(("id" = String, Path, description = "The id of the proposal")),
    responses(
        (status = 200, description = "The proposal; the step is durable", body = TermAnswer),
        (status = 404, description = "No such proposal", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 409, description = "It is not at that step", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 503, description = "The store is away", body = ProblemDetails, content_type = "application/problem+json"),
    )
)]
pub(in crate::api) async fn withdraw(app: Data<App>, http: HttpRequest, id: web::Path<String>) -> Answered {
    moved(&app, &http, (&id, State::Withdrawn, Action::TermsWithdraw)).await.at(&http)
}

async fn moved(app: &Data<App>, http: &HttpRequest, (id, to, action): (&str, State, Action)) -> Answered {
    let (caller, id) = (caller(http)?, page::name(id)?);
    let tenant = caller.tenant.clone();
    let audited = Audited::of(http, action, json!({ "term": id }))?;
    let (decider, of) = (Arc::clone(&app.decider), id.clone());
    let work = async move {
        let proposal = decider.move_term(&caller, of, to).await?;
        let came = json!({ "layer": proposal.layer });
        Ok((proposal, came))
    };
    let proposal = audited.run(app, work).await?;
    Ok(json::ok(&TermAnswer::of(app, &tenant, (&id, &proposal))))
}

/// Which proposals.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct TermsPage {
    /// Those in this state alone.
    #[param(value_type = State, required = false)]
    state: Option<String>,
    /// How many, 1 to 200; 50 where absent.
    #[param(value_type = u64, required = false, minimum = 1, maximum = 200)]
    limit: Option<String>,
    /// The id that they come after, as `next` gives it.
    #[param(value_type = String, required = false, pattern = "^[0-9a-f]{32}$")]
    after: Option<String>,
}

impl TermsPage {
    fn state(&self) -> Result<Option<State>, Problem> {
        let known = || State::ALL.map(State::as_str).join(", ");
        let read = |word: &String| {
            let state = State::ALL.into_iter().find(|state| state.as_str() == word);
            state.ok_or_else(|| Problem::field(Kind::BAD_REQUEST, FieldError::new("/state", format!("it is one of {}", known()))))
        };
        self.state.as_ref().map(read).transpose()
    }
}

/// Proposals of the caller's tenant.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = GlossaryTerms)]
pub(in crate::api) struct TermsAnswer {
    terms: Vec<TermAnswer>,
    /// What to ask for as `after` to see more; null where there are none.
    next: Option<String>,
    /// How many there are in all.
    total: usize,
}

/// The words that the people of the caller's tenant gave a meaning, or want to, in the order of their ids.
#[utoipa::path(
    get, path = "/v1/query/terms", operation_id = "list_terms", tag = "query", params(TermsPage),
    responses(
        (status = 200, description = "The proposals", body = TermsAnswer),
        (status = 400, description = "An unknown or bad parameter", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 422, description = "A limit out of range", body = ProblemDetails, content_type = "application/problem+json"),
    )
)]
pub(in crate::api) async fn terms(app: Data<App>, http: HttpRequest) -> Answered {
    let answered = query::<TermsPage>(&http).and_then(|wanted| {
        let (state, limit, tenant) = (wanted.state()?, page::limit(wanted.limit.as_deref())?, caller(&http)?.tenant);
        let after = page::after(wanted.after.as_deref())?;
        let taught = app.decider.analyst.taught(&tenant);
        let meant =
            taught.knowledge.proposals().iter().filter(|(_, proposal)| state.is_none_or(|state| proposal.state() == state));
        let (found, next) = page::of(meant, (after, limit));
        let terms = found.into_iter().map(|(id, proposal)| TermAnswer::of(&app, &tenant, (id, proposal))).collect();
        Ok(json::ok(&TermsAnswer { terms, next, total: taught.knowledge.proposals().len() }))
    });
    answered.at(&http)
}
