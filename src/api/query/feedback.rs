//! Whether an answer to a question about data was right, and what was learnt from it.

use super::super::access::caller;
use super::super::audit::Audited;
use super::super::decisions::query;
use super::super::error::{Answered, At, Kind, Problem, ProblemDetails};
use super::super::json::{self, Json};
use super::page;
use crate::app::App;
use crate::decide::analytics::AnswerVerdict;
use crate::domain::audit_chain::Action;
use crate::domain::field::FieldError;
use crate::domain::ids::QueryId;
use crate::domain::time::Timestamp;
use crate::engine::analytics::knowledge::{Act, Check, Standing, TEXT_CHARS_MAX, VerifiedPair};
use actix_web::HttpRequest;
use actix_web::web::{self, Data};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Whether an answer was right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
enum Thumb {
    /// It was.
    Up,
    /// It was not.
    Down,
}

/// A verdict on an answer.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct QueryFeedbackRequest {
    /// The `query_id` of the answer.
    query_id: String,
    /// Whether it was right.
    verdict: Thumb,
    /// Why, in words, at most 2,000 characters.
    #[serde(default)]
    #[schema(max_length = 2_000)]
    comment: Option<String>,
}

/// Whether a pair is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::api) enum PairState {
    /// It was found right.
    Verified,
    /// It was found wrong, and nobody has released it.
    Quarantined,
}

/// Who said something, and when.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = KnowledgeAct)]
pub(in crate::api) struct ActAnswer {
    /// Who; absent where no credentials are asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    who: Option<String>,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
}

impl ActAnswer {
    pub(super) fn of(act: &Act) -> Self {
        Self { who: Some(act.who.clone()).filter(|who| !who.is_empty()), at: act.at }
    }
}

/// A question with an answer that was found right, or wrong.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = QuestionPair)]
pub(in crate::api) struct PairAnswer {
    id: String,
    state: PairState,
    /// Who said so.
    by: Vec<ActAnswer>,
    /// Why it was found wrong, in words.
    #[serde(skip_serializing_if = "String::is_empty")]
    why: String,
    question: String,
    /// The SQL that answered it.
    sql: String,
    layer: String,
    /// The version of the layer as it was reviewed.
    layer_version: u32,
    /// The checks that the answer passed.
    checks: BTreeSet<Check>,
}

impl PairAnswer {
    fn of(id: &str, pair: &VerifiedPair) -> Self {
        let (state, by, why) = match &pair.standing {
            Standing::Verified { by } => (PairState::Verified, by.iter().map(ActAnswer::of).collect(), String::new()),
            Standing::Quarantined { by, why } => (PairState::Quarantined, vec![ActAnswer::of(by)], why.clone()),
        };
        Self {
            id: id.to_owned(),
            state,
            by,
            why,
            question: pair.question.clone(),
            sql: pair.sql.clone(),
            layer: pair.layer.0.clone(),
            layer_version: pair.layer.1,
            checks: pair.checks.clone(),
        }
    }
}

/// What came of a verdict.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(in crate::api) struct QueryFeedbackAnswer {
    #[schema(value_type = String)]
    query_id: QueryId,
    verdict: Thumb,
    /// What is known of the answer now.
    pair: PairAnswer,
}

/// Say whether an answer to a question about data was right.
///
/// What was right, and passed the checks, is kept as an example for the questions to come. What was wrong is never again served from what is
/// kept, and its label is `LOW` with this as a reason, until an operator releases it. The latest answers of a tenant,
/// a thousand or less, can be judged for seven days.
#[utoipa::path(
    post, path = "/v1/query/feedback", operation_id = "judge_query", tag = "query", request_body = QueryFeedbackRequest,
    responses(
        (status = 200, description = "What came of it; it is durable", body = QueryFeedbackAnswer),
        (status = 400, description = "Not JSON, an unknown field, a wrong type", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 404, description = "No such answer is remembered", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 408, description = "The body came too slowly", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 410, description = "It was given too long ago", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 413, description = "The body is too large", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 422, description = "The answer did not pass the checks, or was found wrong before, and is not kept as right; or a comment that is too long", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 503, description = "The store is away", body = ProblemDetails, content_type = "application/problem+json"),
    )
)]
pub(in crate::api) async fn judge(app: Data<App>, http: HttpRequest, Json(wire): Json<QueryFeedbackRequest>) -> Answered {
    let answered = async {
        let (caller, thumb) = (caller(&http)?, wire.verdict);
        let verdict = wire.checked()?;
        let query_id = verdict.query;
        let about = json!({ "query": query_id, "verdict": thumb, "commented": !verdict.comment.is_empty() });
        let audited = Audited::of(&http, Action::QueryFeedback, about)?;
        let decider = Arc::clone(&app.decider);
        let work = async move {
            let (id, pair) = decider.judge_answer(&caller, verdict).await?;
            let came = json!({ "pair": id, "layer": pair.layer.0 });
            Ok((PairAnswer::of(&id, &pair), came))
        };
        let pair = audited.run(&app, work).await?;
        Ok::<_, Problem>(json::ok(&QueryFeedbackAnswer { query_id, verdict: thumb, pair }))
    };
    answered.await.at(&http)
}

impl QueryFeedbackRequest {
    fn checked(self) -> Result<AnswerVerdict, Problem> {
        let query = QueryId::parse(&self.query_id)
            .map_err(|error| Problem::field(Kind::NOT_FOUND, FieldError::new("/query_id", error.to_string())))?;
        let comment = self.comment.unwrap_or_default();
        if comment.chars().count() > TEXT_CHARS_MAX {
            let error = FieldError::new("/comment", format!("a comment has at most {TEXT_CHARS_MAX} characters"));
            return Err(Problem::field(Kind::NOT_ALLOWED, error));
        }
        Ok(AnswerVerdict { query, right: self.verdict == Thumb::Up, comment })
    }
}

/// Which pairs.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct PairsPage {
    /// Those that are used, or those that were found wrong, alone.
    #[param(value_type = PairState, required = false)]
    state: Option<String>,
    /// How many, 1 to 200; 50 where absent.
    #[param(value_type = u64, required = false, minimum = 1, maximum = 200)]
    limit: Option<String>,
    /// The id that they come after, as `next` gives it.
    #[param(value_type = String, required = false, pattern = "^[0-9a-f]{32}$")]
    after: Option<String>,
}

impl PairsPage {
    fn quarantined(&self) -> Result<Option<bool>, Problem> {
        match self.state.as_deref() {
            None => Ok(None),
            Some("verified") => Ok(Some(false)),
            Some("quarantined") => Ok(Some(true)),
            Some(_) => Err(Problem::field(Kind::BAD_REQUEST, FieldError::new("/state", "it is one of verified, quarantined"))),
        }
    }
}

/// Pairs of the caller's tenant.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = QuestionPairs)]
pub(in crate::api) struct PairsAnswer {
    pairs: Vec<PairAnswer>,
    /// What to ask for as `after` to see more; null where there are none.
    next: Option<String>,
    /// How many there are in all.
    total: usize,
}

/// The questions of the caller's tenant whose answers were found right or wrong, in the order of their ids.
#[utoipa::path(
    get, path = "/v1/query/pairs", operation_id = "list_pairs", tag = "query", params(PairsPage),
    responses(
        (status = 200, description = "The pairs", body = PairsAnswer),
        (status = 400, description = "An unknown or bad parameter", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 422, description = "A limit out of range", body = ProblemDetails, content_type = "application/problem+json"),
    )
)]
pub(in crate::api) async fn pairs(app: Data<App>, http: HttpRequest) -> Answered {
    let answered = query::<PairsPage>(&http).and_then(|wanted| {
        let (quarantined, limit) = (wanted.quarantined()?, page::limit(wanted.limit.as_deref())?);
        let after = page::after(wanted.after.as_deref())?;
        let taught = app.decider.analyst.taught(&caller(&http)?.tenant);
        let all = taught.knowledge.pairs().iter();
        let meant = all.filter(|(_, pair)| quarantined.is_none_or(|quarantined| pair.is_quarantined() == quarantined));
        let (found, next) = page::of(meant, (after, limit));
        let pairs = found.into_iter().map(|(id, pair)| PairAnswer::of(id, pair)).collect();
        Ok(json::ok(&PairsAnswer { pairs, next, total: taught.knowledge.pairs().len() }))
    });
    answered.at(&http)
}

/// Release an answer that was found wrong: it is served as any other again. It is not thereby right, and somebody may find it so.
#[utoipa::path(
    post, path = "/v1/query/pairs/{id}/release", operation_id = "release_pair", tag = "query",
    params(("id" = String, Path, description = "The id of the pair")),
    responses(
        (status = 200, description = "What it was; the release is durable", body = PairAnswer),
        (status = 404, description = "No such pair", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 409, description = "Nobody found it wrong", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 503, description = "The store is away", body = ProblemDetails, content_type = "application/problem+json"),
    )
)]
pub(in crate::api) async fn release(app: Data<App>, http: HttpRequest, id: web::Path<String>) -> Answered {
    let answered = async {
        let (caller, id) = (caller(&http)?, page::name(&id)?);
        let audited = Audited::of(&http, Action::QueryRelease, json!({ "pair": id }))?;
        let (decider, of) = (Arc::clone(&app.decider), id.clone());
        let work = async move {
            let pair = decider.release_pair(&caller.tenant, of).await?;
            let came = json!({ "layer": pair.layer.0 });
            Ok((pair, came))
        };
        let pair = audited.run(&app, work).await?;
        Ok::<_, Problem>(json::ok(&PairAnswer::of(&id, &pair)))
    };
    answered.await.at(&http)
}
