//! How a fit stands now: whether it is stale, why, and how far it can be relied on.

use super::Research;
use crate::domain::answer::Confidence;
use crate::domain::fit_record::FitRecord;
use crate::domain::time::Timestamp;
use crate::engine::numeric::catalogue::Case;
use crate::verify::confidence::{self, FitSignals};
use serde::Serialize;
use std::time::Duration;

/// How a fit stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Standing {
    /// Why it is stale; empty for a fresh one.
    pub stale_because: Vec<String>,
    /// How far it can be relied on.
    pub confidence: Confidence,
    /// What lowers that, in whole sentences.
    pub reasons: Vec<String>,
    /// How the latest try to fit it again failed, where it did.
    pub failure: Option<Failure>,
}

/// A fit that failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = FitFailure)]
pub struct Failure {
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// Why, in words.
    pub detail: String,
    /// Which versions of the data it was.
    #[serde(skip)]
    pub data: Vec<Option<String>>,
}

impl Standing {
    /// Whether it is stale.
    pub fn is_stale(&self) -> bool {
        !self.stale_because.is_empty()
    }
}

impl Research {
    /// How a fit stands.
    pub fn standing(&self, case: &Case, fit: &FitRecord, now: Timestamp) -> Standing {
        let past = Duration::from_millis(u64::try_from(now.millis_since(fit.stale_at)).unwrap_or(0));
        let mut stale_because = Vec::new();
        if fit.stale_at <= now {
            stale_because.push(format!(
                "It was fitted {} ago, and stays fresh for {}.",
                told(now, fit.created_at),
                words(case.fresh_for)
            ));
        }
        let changed = |dataset: &str, version: &str| self.frames().version(&fit.tenant, dataset).as_deref() != Some(version);
        let mut datasets: Vec<&str> = fit
            .sources
            .iter()
            .filter(|source| changed(&source.dataset, &source.version))
            .map(|source| source.dataset.as_str())
            .collect();
        datasets.dedup();
        stale_because.extend(datasets.iter().map(|dataset| format!("The data set `{dataset}` has changed since.")));
        if fit.made.entry != case.digest || fit.made.method != case.method_name {
            stale_because.push("The catalogue's entry has changed since.".to_owned());
        }
        let data_age = fit.about.window.map(|[_, end]| Duration::from_millis(u64::try_from(now.millis_since(end)).unwrap_or(0)));
        let mut signals = FitSignals {
            stale: !stale_because.is_empty(),
            past: past.as_secs_f64() / case.fresh_for.as_secs_f64(),
            data_age: data_age.map_or(0.0, |age| age.as_secs_f64() / case.fresh_for.max(case.cadence).as_secs_f64()),
            doubts: Vec::new(),
        };
        let mut reasons = stale_because.clone();
        if confidence::of_fit(&signals) > confidence::of_fit(&FitSignals { data_age: 0.0, ..signals.clone() }) {
            reasons.push(format!("The data end {} ago.", words(data_age.unwrap_or_default())));
        }
        for doubt in &fit.about.doubts {
            signals.doubts.push(doubt.at_most);
            reasons.push(doubt.reason.clone());
        }
        let failure = self
            .failures
            .lock()
            .get(&(fit.tenant.clone(), fit.key.clone()))
            .filter(|failure| failure.at >= fit.created_at)
            .cloned();
        if let Some(failure) = &failure {
            reasons.push(format!("The latest try to fit it again failed: {}.", failure.detail));
        }
        Standing { confidence: confidence::of_fit(&signals), stale_because, reasons, failure }
    }
}

fn told(now: Timestamp, then: Timestamp) -> String {
    words(Duration::from_millis(u64::try_from(now.millis_since(then)).unwrap_or(0)))
}

/// A time as people say it.
pub(super) fn words(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..=119 => format!("{seconds} s"),
        120..=7_199 => format!("{} min", seconds / 60),
        7_200..=172_799 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}
