//! Parameters of a model that are read from fitted models: `{"from": "numeric", "case": "NR-19", "path": "BTC-PERP.alpha"}`.
//!
//! They are put in before the model is read, so that what is kept, planned and made again has the numbers themselves, each with its source.

use super::PlansError;
use crate::decide::Decider;
use crate::decide::numeric::NumericQuestion;
use crate::domain::deadline::Deadline;
use crate::domain::field::FieldError;
use crate::domain::ids::TenantId;
use crate::domain::plan_record::PlanLink;
use crate::engine::numeric::catalogue::{Path, Scope};
use crate::engine::planning::PlanFault;
use crate::limits::FITTED_PARAMETERS_MAX;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What stands for a fitted value.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Reference {
    #[serde(rename = "from")]
    _from: String,
    case: String,
    // A path as sentences have it, or a JSON Pointer.
    path: String,
    #[serde(default)]
    parameters: BTreeMap<String, Value>,
    #[serde(default, rename = "unit")]
    _unit: Option<String>,
}

impl Decider {
    /// The model with the fitted values that it refers to, and the fits that they are of.
    ///
    /// # Errors
    /// [`PlanFault::Model`] where a reference can't be read or leads nowhere, [`PlansError::Numeric`] where there is no fit.
    pub(super) async fn with_fitted(
        self: &Arc<Self>,
        tenant: &TenantId,
        model: Arc<RawValue>,
        deadline: Deadline,
    ) -> Result<(Arc<RawValue>, Vec<PlanLink>), PlansError> {
        // Most models refer to nothing, and are left byte for byte as they are.
        if !model.get().contains("\"from\"") {
            return Ok((model, Vec::new()));
        }
        let Ok(mut read) = serde_json::from_str::<Value>(model.get()) else { return Ok((model, Vec::new())) };
        let mut wanted = Vec::new();
        if let Some(parameters) = read.get("parameters") {
            gather(parameters, "/parameters".to_owned(), &mut wanted);
        }
        if wanted.is_empty() {
            return Ok((model, Vec::new()));
        }
        if wanted.len() > FITTED_PARAMETERS_MAX {
            return Err(wrong("/parameters", format!("more than {FITTED_PARAMETERS_MAX} of them are read from fitted models")));
        }
        let mut links = Vec::new();
        for (pointer, reference) in wanted {
            let (value, source, link) = self.fitted(tenant, (&pointer, reference.clone()), deadline).await?;
            if !links.contains(&link) {
                links.push(link);
            }
            let Some(place) = read.pointer_mut(&pointer) else { continue };
            // A parameter of its own tells where it comes from; a part of a table has no room for that.
            let whole = pointer.matches('/').count() == 2;
            *place = match whole {
                true => {
                    let mut rich = Map::from_iter([("value".to_owned(), value), ("source".to_owned(), json!(source))]);
                    rich.extend(reference.get("unit").map(|unit| ("unit".to_owned(), unit.clone())));
                    Value::Object(rich)
                }
                false => value,
            };
        }
        let model = serde_json::value::to_raw_value(&read).map_err(|error| PlansError::broken(error.to_string()))?;
        Ok((model.into(), links))
    }

    async fn fitted(
        self: &Arc<Self>,
        tenant: &TenantId,
        (pointer, reference): (&str, Value),
        deadline: Deadline,
    ) -> Result<(Value, String, PlanLink), PlansError> {
        let Reference { case, path, parameters, .. } =
            serde_json::from_value::<Reference>(reference).map_err(|error| wrong(pointer, error.to_string()))?;
        let case = Arc::clone(self.numeric.case(&case).map_err(|error| wrong(&format!("{pointer}/case"), error.to_string()))?);
        let parameters = case.given(&parameters).map_err(|errors| {
            let placed = |error: FieldError| FieldError::new(format!("{pointer}/parameters{}", error.pointer), error.detail);
            PlansError::Fault(PlanFault::Model(errors.into_iter().map(placed).collect()))
        })?;
        let question = NumericQuestion { tenant: tenant.clone(), case, parameters, deadline, again: None };
        let found = self.consult(&question).await?;
        let at = format!("{pointer}/path");
        let value = if path.starts_with('/') {
            found.fit.values.get(path.split('/').nth(1).unwrap_or_default()).and_then(|first| {
                let rest: String = path.split('/').skip(2).map(|part| format!("/{part}")).collect();
                first.pointer(&rest)
            })
        } else {
            let read = Path::read(&path).map_err(|rule| wrong(&at, rule))?;
            read.find(&Scope::new(&found.parameters, &found.fit.values))
        };
        let value = value.filter(|value| all_numbers(value)).cloned();
        let value = value
            .ok_or_else(|| wrong(&at, format!("version {} of {} has no numbers there", found.fit.version, found.case.id)))?;
        let stale = if found.standing.is_stale() { ", stale" } else { "" };
        let source = format!("{} version {}, fitted at {}{stale}", found.case.id, found.fit.version, found.fit.created_at);
        Ok((value, source, PlanLink::Fit(format!("{}:{}", found.fit.key, found.fit.version))))
    }
}

fn wrong(pointer: &str, detail: String) -> PlansError {
    PlansError::Fault(PlanFault::Model(vec![FieldError::new(pointer, detail)]))
}

/// A number, a list of numbers, or a table of them.
fn all_numbers(value: &Value) -> bool {
    match value {
        Value::Number(_) => true,
        Value::Array(list) => !list.is_empty() && list.iter().all(all_numbers),
        Value::Object(table) => !table.is_empty() && table.values().all(all_numbers),
        _ => false,
    }
}

/// Every reference with where it stands.
fn gather(value: &Value, at: String, all: &mut Vec<(String, Value)>) {
    match value {
        Value::Object(object) if object.get("from").and_then(Value::as_str) == Some("numeric") => all.push((at, value.clone())),
        Value::Object(object) => {
            for (name, value) in object {
                gather(value, format!("{at}/{}", name.replace('~', "~0").replace('/', "~1")), all);
            }
        }
        Value::Array(list) => list.iter().enumerate().for_each(|(i, value)| gather(value, format!("{at}/{i}"), all)),
        _ => {}
    }
}
