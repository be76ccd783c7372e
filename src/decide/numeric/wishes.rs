//! What people asked for that no model answers yet: a list for whoever keeps the catalogue and the data.

use super::Research;
use crate::domain::ids::TenantId;
use crate::domain::time::Timestamp;
use crate::telemetry::metrics::numeric as metrics;
use parking_lot::Mutex;
use serde::Serialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Bytes of the words of a wish.
const TEXT_BYTES_MAX: usize = 500;

/// Something that was asked and has no model.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Wish {
    /// The case, where one was meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub case: Option<String>,
    /// The parameters, where there was a case.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub parameters: Option<Map<String, Value>>,
    /// The words of the latest who asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Why there is no model.
    pub reason: String,
    /// How often it was asked.
    pub count: u64,
    /// When it was asked first.
    #[schema(value_type = String, format = DateTime)]
    pub first_at: Timestamp,
    /// When it was asked last.
    #[schema(value_type = String, format = DateTime)]
    pub last_at: Timestamp,
}

/// The wishes of all tenants, those of the latest askers.
#[derive(Debug)]
pub(super) struct Wishes {
    all: Mutex<BTreeMap<(TenantId, String), Wish>>,
    max: usize,
}

impl Wishes {
    pub(super) fn new(max: usize) -> Self {
        Self { all: Mutex::default(), max }
    }
}

impl Research {
    /// Notes what somebody asked for in vain.
    pub(super) fn wish(
        &self,
        tenant: &TenantId,
        (why, reason): (&'static str, &str),
        of: Option<(&str, &Map<String, Value>)>,
        text: Option<&str>,
        now: Timestamp,
    ) {
        metrics::wished(why);
        let text = text.map(|text| text.chars().take(TEXT_BYTES_MAX).collect::<String>());
        let asked = match of {
            Some((case, parameters)) => format!("{case} {}", Value::Object(parameters.clone())),
            None => text.clone().unwrap_or_default().to_lowercase(),
        };
        tracing::info!(%tenant, why, reason, asked, "somebody asked for a model that is not there");
        let mut all = self.wishes.all.lock();
        let place = (tenant.clone(), asked);
        if !all.contains_key(&place) && all.len() >= self.wishes.max.max(1) {
            let oldest = all.iter().min_by_key(|(_, wish)| wish.last_at).map(|(place, _)| place.clone());
            oldest.and_then(|place| all.remove(&place));
        }
        let wish = all.entry(place).or_insert_with(|| Wish {
            case: of.map(|(case, _)| case.to_owned()),
            parameters: of.map(|(_, parameters)| parameters.clone()),
            text: None,
            reason: String::new(),
            count: 0,
            first_at: now,
            last_at: now,
        });
        wish.count += 1;
        wish.last_at = now;
        wish.reason = reason.to_owned();
        wish.text = text.or_else(|| wish.text.take());
    }

    /// The wishes of a tenant, those asked for most first.
    pub fn wishes(&self, tenant: &TenantId) -> Vec<Wish> {
        let all = self.wishes.all.lock();
        let mut own: Vec<Wish> = all.iter().filter(|((of, _), _)| of == tenant).map(|(_, wish)| wish.clone()).collect();
        own.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| b.last_at.cmp(&a.last_at)));
        own
    }
}
