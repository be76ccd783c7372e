//! Fitting ahead: on the cadence of each case, when its data change, and when data come in that no fit rests on yet.

use super::NumericQuestion;
use crate::decide::Decider;
use crate::domain::deadline::Deadline;
use crate::domain::fit_record::FitRecord;
use crate::domain::frame::Column;
use crate::domain::ids::TenantId;
use crate::domain::time::Timestamp;
use crate::engine::numeric::catalogue::{Case, Kind};
use crate::engine::numeric::symbol;
use crate::limits::FITS_AHEAD_MAX;
use serde_json::{Map, Value};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::sleep;

/// A fit after new data waits so many times as long as it took, so that data that come in all the time take a twentieth of one thread.
const REST: i64 = 20;

/// Milliseconds between two fits after new data at the least.
const REST_MS_MIN: i64 = 60_000;

/// The data of a case for which all that is to be fitted ahead is known.
type Seen = HashMap<(TenantId, Arc<str>), Vec<Option<String>>>;

impl Decider {
    /// Fits what is due, again and again; ends when its task is dropped.
    pub async fn keep_fitted(self: &Arc<Self>) {
        let config = &self.numeric.config;
        if !config.schedule || self.numeric.catalogue.is_empty() {
            return;
        }
        let mut seen = Seen::new();
        loop {
            // Not all processes look at the same time.
            sleep(Duration::from_secs(config.look_every_sec).mul_f64(0.75 + 0.5 * fastrand::f64())).await;
            self.fit_ahead(&mut seen).await;
        }
    }

    async fn fit_ahead(self: &Arc<Self>, seen: &mut Seen) {
        let config = &self.numeric.config;
        let mut due = self.due();
        due.extend(self.never_fitted(seen).await);
        for (tenant, case, parameters) in due {
            let deadline = Deadline::after(2 * config.patience * case.fit_within + Duration::from_secs(30));
            let question = NumericQuestion { tenant, case, parameters, deadline, again: Some(None) };
            if self.numeric.flights.has(&(question.tenant.clone(), question.key())) {
                continue;
            }
            if let Err(error) = self.consult(&question).await {
                tracing::debug!(%error, case = &*question.case.id, "what was due could not be fitted");
            }
        }
    }

    /// The fits whose time has come.
    fn due(&self) -> Vec<(TenantId, Arc<Case>, Map<String, Value>)> {
        let now = self.clock.now();
        let mut due = Vec::new();
        for tenant in self.numeric.index.tenants() {
            for fit in self.numeric.index.all_latest(&tenant, None) {
                let Some(case) = self.numeric.catalogue.get(&fit.key.case) else { continue };
                if self.is_due(case, &fit, now) {
                    due.push((tenant.clone(), Arc::clone(case), fit.parameters.clone()));
                }
            }
        }
        due
    }

    fn is_due(&self, case: &Case, fit: &FitRecord, now: Timestamp) -> bool {
        let failed = self.numeric.failures.lock().get(&(fit.tenant.clone(), fit.key.clone())).cloned();
        if failed.is_some_and(|failure| {
            now.millis_since(failure.at) < REST_MS_MIN * 10 && failure.data == self.numeric.data_of(&fit.tenant, case)
        }) {
            return false;
        }
        if fit.next_run_at <= now {
            return true;
        }
        let took = i64::try_from(fit.made.took_ms).unwrap_or(i64::MAX);
        let rested = now.millis_since(fit.created_at) >= took.saturating_mul(REST).max(REST_MS_MIN);
        rested && self.numeric.standing(case, fit, now).is_stale()
    }

    /// What no fit is there of though there are data for it: once for each state of the data.
    async fn never_fitted(&self, seen: &mut Seen) -> Vec<(TenantId, Arc<Case>, Map<String, Value>)> {
        let tenants: BTreeSet<TenantId> = self.numeric.frames().known().into_iter().map(|(tenant, _)| tenant).collect();
        let mut missing = Vec::new();
        for tenant in tenants {
            for case in self.numeric.catalogue.iter() {
                let data = self.numeric.data_of(&tenant, case);
                let there = case.inputs.values().zip(&data).all(|(input, version)| input.optional || version.is_some());
                let place = (tenant.clone(), Arc::clone(&case.id));
                if !there || seen.get(&place) == Some(&data) {
                    continue;
                }
                for parameters in self.fits_of(&tenant, case).await {
                    let question = NumericQuestion {
                        tenant: tenant.clone(),
                        case: Arc::clone(case),
                        parameters,
                        deadline: Deadline::after(Duration::ZERO),
                        again: None,
                    };
                    if self.numeric.index.latest(&tenant, &question.key()).is_none() {
                        missing.push((tenant.clone(), Arc::clone(case), question.parameters));
                    }
                }
                seen.insert(place, data);
            }
        }
        missing
    }

    /// For which parameters a case is fitted ahead: its defaults, and each symbol of its data where it has fits for each.
    async fn fits_of(&self, tenant: &TenantId, case: &Case) -> Vec<Map<String, Value>> {
        let fitted: Vec<_> = case.parameters.iter().filter(|(_, parameter)| parameter.fit).collect();
        let defaults: Map<String, Value> =
            fitted.iter().filter_map(|(name, parameter)| Some(((*name).clone(), parameter.default.clone()?))).collect();
        let open: Vec<_> = fitted.iter().filter(|(_, parameter)| parameter.default.is_none() && parameter.required).collect();
        match open.as_slice() {
            [] => vec![defaults],
            [(name, parameter)] if parameter.kind == Kind::Symbol => {
                let chosen = case.inputs.values().find_map(|input| {
                    let (column, _) = input.filter.iter().find(|(_, of)| *of == *name)?;
                    Some((input.dataset.clone(), column.clone()))
                });
                let Some((dataset, column)) = chosen else { return Vec::new() };
                let Ok(Some(sourced)) = self.numeric.frames().frame(tenant, &dataset).await else { return Vec::new() };
                let Ok(Column::Text(texts)) = sourced.frame.column(&column) else { return Vec::new() };
                let symbols: BTreeSet<String> = texts.iter().flatten().filter_map(|text| symbol::canonical(text)).collect();
                let with = |symbol: String| {
                    let mut parameters = defaults.clone();
                    parameters.insert((*name).clone(), Value::String(symbol));
                    parameters
                };
                symbols.into_iter().take(FITS_AHEAD_MAX).map(with).collect()
            }
            _ => Vec::new(),
        }
    }
}
