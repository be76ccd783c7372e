//! Making one fit.

use super::flights::{Landed, Pilot};
use super::{Failure, NumericError, Research};
use crate::decide::Decider;
use crate::domain::fit_record::{FitAbout, FitDoubt, FitKey, FitMade, FitRecord, FitSource};
use crate::domain::ids::TenantId;
use crate::domain::time::Timestamp;
use crate::engine::numeric::catalogue::Case;
use crate::engine::numeric::method::{FitFault, FitInput, FitRun, Fitted};
use crate::engine::numeric::source::{self, Sourced};
use crate::limits::{FIT_CHART_BYTES_MAX, FIT_VALUES_BYTES_MAX};
use crate::stats::StatsError;
use crate::store::{Record, RecordKey, Write};
use crate::telemetry::metrics::numeric as metrics;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// Failures of fits that are remembered.
const FAILURES_MAX: usize = 10_000;

/// What a fit is made of.
struct Making {
    case: Arc<Case>,
    parameters: Map<String, Value>,
    frames: BTreeMap<String, Sourced>,
    previous: Option<Arc<FitRecord>>,
    as_of: Timestamp,
    seed: u64,
}

/// What came of it, with the data that it rests on.
struct Made {
    fitted: Fitted,
    sources: Vec<FitSource>,
    took: Duration,
}

impl Research {
    /// The versions of the data sets that a case takes.
    pub(super) fn data_of(&self, tenant: &TenantId, case: &Case) -> Vec<Option<String>> {
        case.inputs.values().map(|input| self.frames().version(tenant, &input.dataset)).collect()
    }
}

impl Decider {
    /// Makes a fit to its end, for all who wait for it, and notes how it failed where it did.
    pub(super) async fn fit(
        self: Arc<Self>,
        pilot: Pilot,
        (tenant, key): (TenantId, FitKey),
        case: Arc<Case>,
        (parameters, by): (Map<String, Value>, Option<Arc<str>>),
    ) {
        let since = Instant::now();
        let data = self.numeric.data_of(&tenant, &case);
        let parameters = case.of_fit(&parameters);
        let left = pilot.given_up();
        let landed = self.make_fit((&tenant, &key), &case, (parameters, by), &left).await;
        metrics::fitted(&case.id, landed.as_ref().map_or_else(NumericError::word, |_| "fitted"), since.elapsed());
        let place = (tenant, key);
        match &landed {
            Ok(_) => drop(self.numeric.failures.lock().remove(&place)),
            // Nothing is wrong with the data: who asks next has it fitted.
            Err(NumericError::Stopped { .. }) if left.load(Ordering::Acquire) => {
                tracing::debug!(case = &*case.id, key = %place.1, "a fit was given up: whoever asked for it is gone");
            }
            Err(error) => {
                tracing::warn!(%error, case = &*case.id, key = %place.1, "a model could not be fitted");
                let detail = match error {
                    NumericError::NoModel { reason } => reason.clone(),
                    other => other.to_string(),
                };
                let mut failures = self.numeric.failures.lock();
                if failures.len() < FAILURES_MAX || failures.contains_key(&place) {
                    failures.insert(place, Failure { at: self.clock.now(), detail, data });
                }
            }
        }
        pilot.land(landed);
    }

    async fn make_fit(
        self: &Arc<Self>,
        (tenant, key): (&TenantId, &FitKey),
        case: &Arc<Case>,
        (parameters, by): (Map<String, Value>, Option<Arc<str>>),
        left: &Arc<AtomicBool>,
    ) -> Landed {
        let seen = self.numeric.index.latest(tenant, key).map_or(0, |fit| fit.version);
        // Of several processes one fits, and the others find it in the store.
        let lease = self
            .alone(tenant, &format!("fit:{key}"), self.numeric.config.patience * case.fit_within + Duration::from_secs(5))
            .await?;
        let previous = self.numeric.index.latest(tenant, key);
        if let Some(fit) = previous.as_ref().filter(|fit| fit.version > seen) {
            return Ok(Arc::clone(fit));
        }
        let frames = self.frames_of(tenant, case).await?;
        let version = previous.as_ref().map_or(1, |fit| fit.version + 1);
        let making = Making {
            case: Arc::clone(case),
            parameters: parameters.clone(),
            frames,
            previous,
            as_of: self.clock.now(),
            seed: self.numeric.config.seed,
        };
        let Made { mut fitted, sources, took } = self.run_apart(making, Arc::clone(left)).await?;
        let now = self.clock.now();
        let chart = fitted.chart.take().and_then(|chart| serde_json::value::to_raw_value(&chart).ok());
        let large = chart.as_ref().is_some_and(|chart| chart.get().len() > FIT_CHART_BYTES_MAX);
        if large {
            fitted.told.push("The chart was too large to be kept.".to_owned());
        }
        let record = Arc::new(FitRecord {
            tenant: tenant.clone(),
            key: key.clone(),
            version,
            created_at: now,
            next_run_at: next_run(case, key, now),
            stale_at: now.plus_seconds(case.fresh_for.as_secs()),
            about: about(case, &parameters, &fitted),
            values: fitted.values,
            parameters,
            chart: chart.filter(|_| !large).map(Into::into),
            sources,
            made: FitMade {
                instinct: env!("CARGO_PKG_VERSION").to_owned(),
                method: case.method_name.clone(),
                entry: case.digest.clone(),
                seed: self.numeric.config.seed,
                took_ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
            },
            by,
            ttl_sec: Some(self.numeric.config.retention_sec).filter(|seconds| *seconds > 0),
        });
        let too_many = self.numeric.index.versions(tenant, key).into_iter().skip(self.numeric.config.versions_max - 1);
        let gone: Vec<u64> = too_many.map(|fit| fit.version).collect();
        let delete =
            |version: &u64| Write::Delete(RecordKey::Fit { tenant: tenant.clone(), key: key.clone(), version: *version });
        let writes = std::iter::once(Write::Put(Record::Fit(Arc::clone(&record)))).chain(gone.iter().map(delete)).collect();
        let _held = self.order.hold(std::iter::once(("fit", tenant, key.to_string()))).await;
        self.commit_in_turn(lease, writes).await?;
        self.numeric.index.put(&record);
        gone.iter().for_each(|version| self.numeric.index.remove(tenant, key, *version));
        Ok(record)
    }

    /// The data of a case as they stand.
    async fn frames_of(&self, tenant: &TenantId, case: &Case) -> Result<BTreeMap<String, Sourced>, NumericError> {
        let mut frames = BTreeMap::new();
        for (name, input) in &case.inputs {
            let found = self.numeric.frames().frame(tenant, &input.dataset).await.map_err(NumericError::broken)?;
            match found {
                Some(found) => drop(frames.insert(name.clone(), found)),
                None if input.optional => {}
                None => {
                    let reason = format!("there is no data set `{0}`; PUT /v1/datasets/{0} brings it", input.dataset);
                    return Err(NumericError::NoModel { reason });
                }
            }
        }
        Ok(frames)
    }

    /// Fits on a thread of low priority, within the time that the case has for it and as long as somebody waits.
    async fn run_apart(&self, making: Making, left: Arc<AtomicBool>) -> Result<Made, NumericError> {
        let (tell, told) = oneshot::channel();
        let (given_up, patience) = (self.numeric.pool.given_up(), self.numeric.config.patience);
        let fit = move || {
            let until = Instant::now() + patience * making.case.fit_within;
            let gone = || left.load(Ordering::Acquire);
            let stop = || given_up.load(Ordering::Acquire) || gone() || Instant::now() >= until;
            if gone() {
                return Err(NumericError::Stopped { why: "nobody waits for it any more" });
            }
            let ended = catch_unwind(AssertUnwindSafe(|| run(&making, &stop)));
            let ended = ended.unwrap_or_else(|_| Err(NumericError::broken("the method panicked")));
            let stopped = matches!(ended, Err(NumericError::Stopped { .. }));
            match stopped {
                true if gone() => Err(NumericError::Stopped { why: "nobody waits for it any more" }),
                true if Instant::now() >= until => Err(NumericError::Stopped { why: "it took too long" }),
                _ => ended,
            }
        };
        // Where nobody waits any more there is nobody to tell.
        if !self.numeric.pool.submit(fit, |ended| _ = tell.send(ended)) {
            return Err(NumericError::Busy);
        }
        told.await.unwrap_or_else(|_| Err(NumericError::broken("the fit was lost")))
    }
}

fn run(making: &Making, stop: &(dyn Fn() -> bool + Sync)) -> Result<Made, NumericError> {
    let (case, since) = (&making.case, Instant::now());
    let (mut frames, mut sources, mut told) = (BTreeMap::new(), Vec::new(), Vec::new());
    for (name, sourced) in &making.frames {
        let Some(input) = case.inputs.get(name) else { continue };
        let shaped = source::shape(&sourced.frame, input, (&case.parameters, &making.parameters), making.as_of)
            .map_err(|fault| no_model(case, &making.parameters, &fault))?;
        let rows = shaped.frame.rows() as u64;
        let (dataset, version) = (input.dataset.clone(), sourced.version.clone());
        sources.push(FitSource { input: name.clone(), dataset, version, hash: shaped.hash, rows });
        told.extend(sourced.told.iter().cloned());
        frames.insert(name.clone(), shaped.frame);
    }
    let input = FitInput {
        frames: &frames,
        parameters: &making.parameters,
        settings: &case.settings,
        previous: making.previous.as_ref().map(|fit| &fit.values),
        as_of: making.as_of,
    };
    let fitted = case.method.fit(&input, &FitRun { seed: making.seed, stop });
    let mut fitted = fitted.map_err(|fault| no_model(case, &making.parameters, &fault))?;
    // What a method says against its own entry is not served.
    case.output
        .check(&fitted.values)
        .map_err(|error| NumericError::broken(format!("the method broke its output schema: {error}")))?;
    let bytes = serde_json::to_vec(&fitted.values).map_or(usize::MAX, |json| json.len());
    if bytes > FIT_VALUES_BYTES_MAX {
        return Err(NumericError::broken(format!("the values have {bytes} bytes, more than {FIT_VALUES_BYTES_MAX}")));
    }
    told.append(&mut fitted.told);
    fitted.told = told;
    Ok(Made { fitted, sources, took: since.elapsed() })
}

/// Why the data allow no fit, told of the parameters that they were chosen by.
fn no_model(case: &Case, parameters: &Map<String, Value>, fault: &FitFault) -> NumericError {
    if matches!(fault, FitFault::Stats(StatsError::Stopped)) {
        return NumericError::Stopped { why: "the service is stopping" };
    }
    let of: Vec<String> =
        parameters.iter().map(|(name, value)| format!("{name} {}", crate::engine::numeric::catalogue::key_of(value))).collect();
    let of = if of.is_empty() { String::new() } else { format!(" for {}", of.join(", ")) };
    NumericError::NoModel { reason: format!("{}{of}: {fault}", case.id) }
}

/// What is known of fitted values, with the doubts of the catalogue.
fn about(case: &Case, parameters: &Map<String, Value>, fitted: &Fitted) -> FitAbout {
    let own = fitted.doubts.iter().map(|doubt| FitDoubt { at_most: doubt.at_most, reason: doubt.reason.clone() });
    let ruled = case.doubts.iter().filter(|rule| rule.when.holds(parameters, &fitted.values));
    let ruled = ruled.map(|rule| FitDoubt { at_most: rule.at_most, reason: rule.reason.clone() });
    FitAbout {
        observations: fitted.observations,
        window: fitted.window,
        doubts: own.chain(ruled).collect(),
        told: fitted.told.clone(),
    }
}

/// When a fit is made again ahead: up to a tenth earlier than its cadence has it, each at a time of its own, so that not all come at once.
fn next_run(case: &Case, key: &FitKey, now: Timestamp) -> Timestamp {
    let lot = u64::from(blake3::hash(key.to_string().as_bytes()).as_bytes()[0]);
    let millis = u64::try_from(case.cadence.as_millis()).unwrap_or(u64::MAX);
    now.plus_millis(i64::try_from(millis - millis / 10 * lot / 255).unwrap_or(i64::MAX))
}
