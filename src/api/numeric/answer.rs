//! What goes over the wire of fitted models.

use crate::decide::numeric::{Compared, Consulted, Failure, Standing, Wish};
use crate::domain::answer::Confidence;
use crate::domain::fit_record::{FitAbout, FitMade, FitRecord, FitSource};
use crate::domain::ids::TraceId;
use crate::domain::time::Timestamp;
use crate::engine::numeric::catalogue::{Case, Kind};
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// The catalogue.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(in crate::api) struct CatalogueAnswer<'a> {
    /// The cases by id.
    pub cases: Vec<CaseAnswer<'a>>,
}

/// A case of the catalogue.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(in crate::api) struct CaseAnswer<'a> {
    /// Its id.
    id: &'a str,
    /// What it is called.
    title: &'a str,
    /// What it tells.
    description: &'a str,
    /// To what it belongs.
    category: &'a str,
    /// The name of its method.
    method: &'a str,
    /// Where the method comes from.
    reference: &'a str,
    /// Who uses it.
    used_by: &'a [String],
    /// How people ask for it.
    questions: &'a [String],
    /// Its parameters by name.
    parameters: BTreeMap<&'a str, ParameterAnswer<'a>>,
    /// The data that it takes, by the names that the method has for them.
    inputs: BTreeMap<&'a str, InputAnswer<'a>>,
    /// Seconds after which it is fitted again ahead.
    cadence_sec: u64,
    /// Seconds after which a fit is stale.
    fresh_for_sec: u64,
    /// Seconds that one fit may take.
    fit_within_sec: u64,
    /// A JSON Schema of the fitted values.
    #[schema(value_type = Object)]
    output: &'a Value,
    /// The latest fit for each value of its parameters.
    fits: Vec<FitInShort>,
}

/// A parameter of a case.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = NumericParameter)]
struct ParameterAnswer<'a> {
    /// `symbol`, `text`, `number`, `percent`, `integer`, `choice` or `date`.
    #[serde(rename = "type")]
    #[schema(value_type = String)]
    kind: &'static str,
    /// What it means.
    description: &'a str,
    /// Whether each value has a fit of its own.
    fit: bool,
    /// Whether it has to be given.
    required: bool,
    /// What it is where it is not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Value)]
    default: Option<&'a Value>,
    /// The values that it may have; any where there are none.
    #[serde(skip_serializing_if = "<[Value]>::is_empty")]
    #[schema(value_type = Vec<Value>)]
    choices: &'a [Value],
}

/// The data of a case.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = NumericInput)]
struct InputAnswer<'a> {
    /// The data set.
    dataset: &'a str,
    /// What the method calls a column, and what the data set calls it.
    columns: &'a BTreeMap<String, String>,
    /// Columns that hold the value of a parameter.
    #[serde(rename = "where", skip_serializing_if = "BTreeMap::is_empty")]
    filter: &'a BTreeMap<String, String>,
    /// Whether the case can do without.
    optional: bool,
    /// What the columns mean, with units.
    describe: &'a str,
}

/// A version of a fit in short.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(in crate::api) struct FitInShort {
    /// The parameters that it is for.
    #[schema(value_type = Object)]
    parameters: Map<String, Value>,
    /// Counted from 1.
    version: u64,
    /// When it was fitted.
    #[schema(value_type = String, format = DateTime)]
    fitted_at: Timestamp,
    /// When it is fitted again ahead.
    #[schema(value_type = String, format = DateTime)]
    next_run_at: Timestamp,
    /// Whether it is stale.
    stale: bool,
    /// How far it can be relied on.
    confidence: Confidence,
    /// How many observations it rests on.
    observations: u64,
    /// Milliseconds that it took.
    took_ms: u64,
    /// How the latest try to fit it again failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<Failure>,
}

/// What a fitted model says.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(in crate::api) struct FitAnswer<'a> {
    /// The id of the case.
    case: &'a str,
    /// What it is called.
    title: &'a str,
    /// The parameters, with defaults.
    #[schema(value_type = Object)]
    parameters: &'a Map<String, Value>,
    /// The fitted values, as the case's output schema says.
    #[schema(value_type = Object)]
    values: &'a Map<String, Value>,
    /// The same as a sentence; absent where the fit says nothing for these parameters, and then `unsaid` says what it lacks.
    #[serde(skip_serializing_if = "Option::is_none")]
    sentence: Option<String>,
    /// What the sentence lacks.
    #[serde(skip_serializing_if = "Option::is_none")]
    unsaid: Option<String>,
    /// The one number of the case, where it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<f64>,
    /// The unit of that number.
    #[serde(skip_serializing_if = "String::is_empty")]
    unit: String,
    /// The interval of that number.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<f64>>, min_items = 2, max_items = 2)]
    interval: Option<[f64; 2]>,
    /// How far it can be relied on, by its freshness, its doubts and the age of its data.
    confidence: Confidence,
    /// What lowers that, in whole sentences.
    confidence_reasons: Vec<String>,
    /// Whether it is stale.
    stale: bool,
    /// Whether it was made for this request.
    refitted: bool,
    /// When it was fitted.
    #[schema(value_type = String, format = DateTime)]
    fitted_at: Timestamp,
    /// Seconds since then.
    age_sec: u64,
    /// When it is fitted again ahead.
    #[schema(value_type = String, format = DateTime)]
    next_run_at: Timestamp,
    /// From when on it is stale, whatever the data do.
    #[schema(value_type = String, format = DateTime)]
    stale_at: Timestamp,
    /// Counted from 1.
    version: u64,
    /// How many observations it rests on, of when, what is in doubt, and what was done with the data before.
    diagnostics: &'a FitAbout,
    /// The data that it rests on.
    sources: &'a [FitSource],
    /// How it was made.
    made: &'a FitMade,
    /// The method and where it comes from.
    method: String,
    /// How the latest try to fit it again failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<&'a Failure>,
    /// A chart in Plotly's JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    chart: Option<&'a RawValue>,
    /// The trace of the request.
    #[schema(value_type = String)]
    trace_id: TraceId,
}

/// The versions of a fit.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(in crate::api) struct VersionsAnswer {
    /// The id of the case.
    pub case: String,
    /// The latest first.
    pub versions: Vec<FitInShort>,
}

/// What differs between two versions of a fit.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(in crate::api) struct CompareAnswer {
    /// The earlier version.
    from: u64,
    /// The later version.
    to: u64,
    /// When they were fitted.
    #[schema(value_type = Vec<String>, min_items = 2, max_items = 2)]
    fitted_at: [Timestamp; 2],
    /// What differs.
    #[serde(flatten)]
    compared: Compared,
}

/// What was asked for and has no model yet.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(in crate::api) struct WishesAnswer {
    /// Those asked for most first.
    pub wishes: Vec<Wish>,
}

impl<'a> CaseAnswer<'a> {
    pub(super) fn of(case: &'a Case, fits: Vec<FitInShort>) -> Self {
        let parameters = case.parameters.iter().map(|(name, parameter)| {
            let kind = match parameter.kind {
                Kind::Symbol => "symbol",
                Kind::Text => "text",
                Kind::Number => "number",
                Kind::Percent => "percent",
                Kind::Integer => "integer",
                Kind::Choice => "choice",
                Kind::Date => "date",
            };
            let (description, default) = (parameter.description.as_str(), parameter.default.as_ref());
            let told = ParameterAnswer {
                kind,
                description,
                fit: parameter.fit,
                required: parameter.required,
                default,
                choices: &parameter.choices,
            };
            (name.as_str(), told)
        });
        let inputs = case.inputs.iter().map(|(name, input)| {
            let told = InputAnswer {
                dataset: &input.dataset,
                columns: &input.columns,
                filter: &input.filter,
                optional: input.optional,
                describe: &input.describe,
            };
            (name.as_str(), told)
        });
        Self {
            id: &case.id,
            title: &case.title,
            description: &case.description,
            category: &case.category,
            method: &case.method_name,
            reference: &case.reference,
            used_by: &case.used_by,
            questions: &case.questions,
            parameters: parameters.collect(),
            inputs: inputs.collect(),
            cadence_sec: case.cadence.as_secs(),
            fresh_for_sec: case.fresh_for.as_secs(),
            fit_within_sec: case.fit_within.as_secs(),
            output: &case.output_json,
            fits,
        }
    }
}

impl FitInShort {
    pub(super) fn of(fit: &FitRecord, standing: &Standing) -> Self {
        Self {
            parameters: fit.parameters.clone(),
            version: fit.version,
            fitted_at: fit.created_at,
            next_run_at: fit.next_run_at,
            stale: standing.is_stale(),
            confidence: standing.confidence,
            observations: fit.about.observations,
            took_ms: fit.made.took_ms,
            failure: standing.failure.clone(),
        }
    }
}

impl<'a> FitAnswer<'a> {
    pub(super) fn of(found: &'a Consulted, chart: bool, (now, trace_id): (Timestamp, TraceId)) -> Self {
        let (fit, case, standing) = (&found.fit, &found.case, &found.standing);
        let (value, unit, interval) = found.headline();
        let (sentence, unsaid) = match found.sentence(now) {
            Ok(said) => (Some(said), None),
            Err(reason) => (None, Some(reason)),
        };
        Self {
            case: &case.id,
            title: &case.title,
            parameters: &found.parameters,
            values: &fit.values,
            sentence,
            unsaid,
            value,
            unit,
            interval,
            confidence: standing.confidence,
            confidence_reasons: standing.reasons.clone(),
            stale: standing.is_stale(),
            refitted: found.refitted,
            fitted_at: fit.created_at,
            age_sec: u64::try_from(now.millis_since(fit.created_at) / 1_000).unwrap_or(0),
            next_run_at: fit.next_run_at,
            stale_at: fit.stale_at,
            version: fit.version,
            diagnostics: &fit.about,
            sources: &fit.sources,
            made: &fit.made,
            method: format!("{}: {}", fit.made.method, case.reference),
            failure: standing.failure.as_ref(),
            chart: fit.chart.as_deref().filter(|_| chart),
            trace_id,
        }
    }
}

impl CompareAnswer {
    pub(super) fn of((from, to): (&FitRecord, &FitRecord), compared: Compared) -> Self {
        Self { from: from.version, to: to.version, fitted_at: [from.created_at, to.created_at], compared }
    }
}
