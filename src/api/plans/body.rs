//! What comes over the wire of a question for a plan.

use super::super::error::{Kind, Problem};
use super::super::json::{body, no_query, read};
use crate::domain::field::FieldError;
use crate::domain::plan_record::{AskedAlternative, AskedChange, PlanAsked, PlanLimits};
use crate::limits::{
    DEADLINE_MS_MAX, ID_BYTES_MAX, NOTE_BYTES_MAX, PLAN_BODY_BYTES_MAX, PLAN_EXTRAS_MAX, PLAN_LINKS_MAX, PLAN_TITLE_BYTES_MAX,
    SOLVE_MS_MAX, TEXT_BYTES_MAX,
};
use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpMessage, HttpRequest, web};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

/// Milliseconds that a caller waits for a plan who does not say.
pub(super) const DEADLINE_MS: u32 = 60_000;

/// Types of a body that is a model in MPS. There is no registered one.
const MPS_TYPES: [&str; 3] = ["text/plain", "application/mps", "application/x-mps"];

/// A body that may be large, as it came.
#[derive(Debug)]
pub(in crate::api) struct Large(pub web::Bytes);

impl FromRequest for Large {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let body = body(request, payload, PLAN_BODY_BYTES_MAX);
        let request = request.clone();
        Box::pin(async move {
            let bytes = body.await?;
            no_query(&request)?;
            Ok(Self(bytes))
        })
    }
}

/// A question for a plan. The body may also be the model itself, which has `model_type` at its top, or, as `text/plain`, a model in MPS.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(in crate::api) struct PlanRequest {
    /// The model, in the model language: see `cache-schemas/model.schema.json`.
    #[schema(value_type = Option<Object>)]
    pub model: Option<Box<RawValue>>,
    /// The model in MPS, instead.
    pub mps: Option<String>,
    /// The question in words. Without a model one is made from them; what they leave open is asked for and never guessed.
    #[schema(min_length = 1, max_length = 8192)]
    pub text: Option<String>,
    /// What the plan is to be called.
    #[schema(max_length = 256)]
    pub title: Option<String>,
    /// Decisions of the caller's own, to be held against the plan.
    #[schema(max_items = 32)]
    pub alternatives: Vec<AskedAlternative>,
    /// Parameters to be changed, beside those that are changed by themselves.
    #[schema(max_items = 32)]
    pub sensitivity: Vec<AskedChange>,
    /// How far the solvers may go.
    pub limits: PlanLimits,
    /// Ids of decisions and plans that this one is made from.
    #[schema(max_items = 16)]
    pub from: Vec<String>,
    /// Whether it is made anew though it is known.
    pub fresh: bool,
    /// Milliseconds that the caller waits, 1 to 120,000; 60,000 where absent. Short ones do not make the solver stop sooner: `limits` does.
    #[schema(minimum = 1, maximum = 120_000)]
    pub deadline_ms: Option<u32>,
    /// Whether a plan that is not there by then may come later, which is answered with 202; where it may not, the status is 504. Yes where
    /// absent.
    pub pending: Option<bool>,
}

/// A question, read and checked.
#[derive(Debug)]
pub(super) struct Read {
    pub model: Option<Arc<RawValue>>,
    /// Where the model stands in the body, for the pointers of what is wrong with it.
    pub at: &'static str,
    pub asked: PlanAsked,
    pub from: Vec<String>,
    pub fresh: bool,
    pub pending: bool,
    pub deadline_ms: u32,
}

/// Bytes of a body that takes long enough to read for others to notice who are served by the same thread.
const LONG: usize = 262_144;

/// Reads the body of a question.
pub(super) async fn question(http: &HttpRequest, bytes: web::Bytes) -> Result<Read, Problem> {
    let is_mps = MPS_TYPES.contains(&http.content_type());
    if bytes.len() < LONG {
        return read_question(is_mps, &bytes);
    }
    let read = web::block(move || read_question(is_mps, &bytes)).await;
    read.unwrap_or_else(|error| Err(Problem::new(Kind::INTERNAL, error.to_string())))
}

fn read_question(is_mps: bool, bytes: &[u8]) -> Result<Read, Problem> {
    if is_mps {
        let model = Some(mps_model(utf8(bytes)?.to_owned(), "")?);
        return PlanRequest::default().checked(model, "");
    }
    let at_top: BTreeMap<String, Box<RawValue>> = read(bytes).map_err(bad)?;
    if at_top.contains_key("model_type") {
        drop(at_top);
        let model =
            RawValue::from_string(utf8(bytes)?.trim().to_owned()).map_err(|error| bad(FieldError::new("", error.to_string())))?;
        return PlanRequest::default().checked(Some(model.into()), "");
    }
    drop(at_top);
    let mut wire: PlanRequest = read(bytes).map_err(bad)?;
    let (model, at) = model_of(wire.model.take(), wire.mps.take())?;
    if model.is_none() && wire.text.is_none() {
        let detail =
            "one of model, mps and text says what is to be planned; a body that is the model itself has model_type at its top";
        return Err(not_allowed(FieldError::new("/model", detail)));
    }
    wire.checked(model, at)
}

/// A decision that somebody brings, and the model that it is held against.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct CheckRequest {
    /// The model, in the model language.
    #[schema(value_type = Option<Object>)]
    model: Option<Box<RawValue>>,
    /// The model in MPS, instead.
    mps: Option<String>,
    /// The decision: a value for each variable, such as `{"x_btc": 20000000}` or `{"x[btc]": 20000000}`.
    pub values: BTreeMap<String, f64>,
    /// How far a constraint may be broken, relative to the size of what is compared, and still count as held; 1e-6 where absent.
    #[schema(minimum = 0, maximum = 0.01)]
    pub tolerance: Option<f64>,
}

impl CheckRequest {
    /// The model, where it stands, and the tolerance.
    pub(super) fn checked(&mut self) -> Result<(Arc<RawValue>, &'static str, f64), Problem> {
        let tolerance = self.tolerance.unwrap_or(1e-6);
        if !(0.0..=0.01).contains(&tolerance) {
            return Err(not_allowed(FieldError::new("/tolerance", format!("{tolerance} is not 0 to 0.01"))));
        }
        let (model, at) = model_of(self.model.take(), self.mps.take())?;
        let missing = || not_allowed(FieldError::new("/model", "model or mps says what the values are held against"));
        Ok((model.ok_or_else(missing)?, at, tolerance))
    }
}

/// What a person says of a plan.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(in crate::api) struct ReviewRequest {
    /// Why, at most 4,096 bytes.
    #[schema(max_length = 4096)]
    pub note: Option<String>,
}

/// How long to wait for a plan that is made again.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(in crate::api) struct ReplayRequest {
    /// Milliseconds, 1 to 120,000; 60,000 where absent.
    #[schema(minimum = 1, maximum = 120_000)]
    pub deadline_ms: Option<u32>,
}

/// Reads a body that may be left out.
pub(in crate::api) fn optional<T: Default + serde::de::DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    if bytes.iter().all(u8::is_ascii_whitespace) { Ok(T::default()) } else { read(bytes).map_err(bad) }
}

impl ReviewRequest {
    pub(super) fn checked(self) -> Result<Option<String>, Problem> {
        if self.note.as_ref().is_some_and(|note| note.len() > NOTE_BYTES_MAX) {
            return Err(not_allowed(FieldError::new("/note", format!("a note has at most {NOTE_BYTES_MAX} bytes"))));
        }
        Ok(self.note.filter(|note| !note.trim().is_empty()))
    }
}

pub(super) fn checked_deadline(given: Option<u32>) -> Result<u32, Problem> {
    let deadline_ms = given.unwrap_or(DEADLINE_MS);
    if (1..=DEADLINE_MS_MAX).contains(&deadline_ms) {
        Ok(deadline_ms)
    } else {
        Err(not_allowed(FieldError::new("/deadline_ms", format!("{deadline_ms} is not 1 to {DEADLINE_MS_MAX}"))))
    }
}

impl PlanRequest {
    fn checked(self, model: Option<Arc<RawValue>>, at: &'static str) -> Result<Read, Problem> {
        let text = self.text.map(|text| text.trim().to_owned());
        if text.as_ref().is_some_and(|text| text.is_empty() || text.len() > TEXT_BYTES_MAX) {
            return Err(not_allowed(FieldError::new("/text", format!("a text has 1 to {TEXT_BYTES_MAX} bytes"))));
        }
        if self.title.as_ref().is_some_and(|title| title.len() > PLAN_TITLE_BYTES_MAX) {
            return Err(not_allowed(FieldError::new("/title", format!("a title has at most {PLAN_TITLE_BYTES_MAX} bytes"))));
        }
        let counts = [
            ("/alternatives", self.alternatives.len(), PLAN_EXTRAS_MAX),
            ("/sensitivity", self.sensitivity.len(), PLAN_EXTRAS_MAX),
            ("/from", self.from.len(), PLAN_LINKS_MAX),
        ];
        if let Some((pointer, count, max)) = counts.into_iter().find(|(_, count, max)| count > max) {
            return Err(not_allowed(FieldError::new(pointer, format!("{count} are more than the {max} that are allowed"))));
        }
        let named = |name: &str| (1..=ID_BYTES_MAX).contains(&name.len());
        let bad_name = |pointer: String| not_allowed(FieldError::new(pointer, format!("a name has 1 to {ID_BYTES_MAX} bytes")));
        if let Some(n) = self.alternatives.iter().position(|alternative| !named(&alternative.name)) {
            return Err(bad_name(format!("/alternatives/{n}/name")));
        }
        if let Some(n) = self.sensitivity.iter().position(|change| !named(&change.parameter)) {
            return Err(bad_name(format!("/sensitivity/{n}/parameter")));
        }
        check_limits(&self.limits)?;
        let deadline_ms = checked_deadline(self.deadline_ms)?;
        Ok(Read {
            model,
            at,
            asked: PlanAsked {
                title: self.title.filter(|title| !title.trim().is_empty()),
                text,
                alternatives: self.alternatives,
                sensitivity: self.sensitivity,
                assumptions: Vec::new(),
                limits: self.limits,
            },
            from: self.from,
            fresh: self.fresh,
            pending: self.pending.unwrap_or(true),
            deadline_ms,
        })
    }
}

fn check_limits(limits: &PlanLimits) -> Result<(), Problem> {
    if limits.time_ms.is_some_and(|ms| !(1..=SOLVE_MS_MAX).contains(&ms)) {
        return Err(not_allowed(FieldError::new("/limits/time_ms", format!("it is not 1 to {SOLVE_MS_MAX}"))));
    }
    if limits.nodes == Some(0) {
        return Err(not_allowed(FieldError::new("/limits/nodes", "it is at least 1")));
    }
    if limits.gap.is_some_and(|gap| !(0.0..=1.0).contains(&gap)) {
        return Err(not_allowed(FieldError::new("/limits/gap", "it is not 0 to 1")));
    }
    Ok(())
}

/// The model of a body that has it under one of two names.
fn model_of(model: Option<Box<RawValue>>, mps: Option<String>) -> Result<(Option<Arc<RawValue>>, &'static str), Problem> {
    match (model, mps) {
        (Some(_), Some(_)) => Err(not_allowed(FieldError::new("/mps", "there is a model already"))),
        (Some(model), None) if !model.get().starts_with('{') => Err(bad(FieldError::new("/model", "a model is an object"))),
        (Some(model), None) => Ok((Some(model.into()), "/model")),
        (None, Some(mps)) => Ok((Some(mps_model(mps, "/mps")?), "/mps")),
        (None, None) => Ok((None, "")),
    }
}

fn mps_model(mps: String, at: &str) -> Result<Arc<RawValue>, Problem> {
    if mps.trim().is_empty() {
        return Err(bad(FieldError::new(at, "it is empty; a model in MPS is expected")));
    }
    let model = serde_json::value::to_raw_value(&mps).map_err(|error| bad(FieldError::new(at, error.to_string())))?;
    Ok(model.into())
}

fn utf8(bytes: &[u8]) -> Result<&str, Problem> {
    std::str::from_utf8(bytes).map_err(|error| bad(FieldError::new("", format!("the body is no UTF-8: {error}"))))
}

fn bad(error: FieldError) -> Problem {
    Problem::field(Kind::BAD_REQUEST, error)
}

fn not_allowed(error: FieldError) -> Problem {
    Problem::field(Kind::NOT_ALLOWED, error)
}
