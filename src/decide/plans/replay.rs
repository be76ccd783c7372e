//! Making a plan again from what is on record, to see whether the same comes out.

use super::PlansError;
use super::ask::{blocking, too_late};
use crate::decide::Decider;
use crate::domain::deadline::Deadline;
use crate::domain::ids::{PlanId, TenantId};
use crate::domain::plan::{PlanReport, PlanStatus};
use crate::domain::plan_record::{PlanKey, PlanRecord};
use crate::engine::planning::PlanRun;
use crate::limits::REPLAY_DIFFERENCES_MAX;
use crate::solver::Cancel;
use crate::telemetry::metrics;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::time::timeout;

/// How far two numbers may be apart, relative to the larger of one and their size, and still be the same: what solvers promise.
const TOLERANCE: f64 = 1e-6;

/// What making a plan again gave.
#[derive(Debug, Clone)]
pub struct Replayed {
    /// The plan on record.
    pub record: Arc<PlanRecord>,
    /// Whether the model that is on record still means what it meant.
    pub key_agrees: bool,
    /// How the two searches ended: on record, and now.
    pub status: (PlanStatus, PlanStatus),
    /// The objectives: on record, and now.
    pub objective: (Option<f64>, Option<f64>),
    /// Whether status and objective are the same.
    pub objective_agrees: bool,
    /// Whether each variable has the value that it had. Where it has not and the objective is the same, there are several best decisions.
    pub decision_agrees: bool,
    /// Variables that came out otherwise, at most [`REPLAY_DIFFERENCES_MAX`].
    pub differences: Vec<Differs>,
    /// The solvers: on record, and now.
    pub solver: (String, String),
}

/// A variable that came out otherwise.
#[derive(Debug, Clone, PartialEq)]
pub struct Differs {
    /// Which.
    pub variable: String,
    /// What it is on record.
    pub stored: Option<f64>,
    /// What it is now.
    pub replayed: Option<f64>,
}

/// Ends a making that nobody waits for any more.
struct GivenUp(Cancel);

impl Drop for GivenUp {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

impl Decider {
    /// Makes a plan again and holds the two against each other. Nothing of it is stored.
    ///
    /// # Errors
    /// [`PlansError::State`] where there is no report on record.
    pub async fn replay_plan(&self, tenant: &TenantId, id: PlanId, deadline: Deadline) -> Result<Replayed, PlansError> {
        let record = self.plan_that_is_there(tenant, id).await?;
        let stored = record.read_report().map_err(|error| PlansError::broken(format!("the report can't be read: {error}")))?;
        let Some(stored) = stored else {
            let detail = "there is no report that could be made again".to_owned();
            return Err(PlansError::State { state: record.state, detail });
        };
        let read = self.read_model(Arc::clone(&record.model), deadline).await?;
        let key_agrees = PlanKey::of(read.intent_key(), &record.asked) == record.key;
        let permit = timeout(deadline.remaining(), Arc::clone(&self.plans.runs).acquire_owned()).await;
        let Ok(Ok(permit)) = permit else { return Err(PlansError::Busy) };
        let run = PlanRun { deadline, cancel: Cancel::default(), decision_alone: true };
        let _given_up = GivenUp(run.cancel.clone());
        let asked = record.asked.clone();
        let work = move || {
            let _permit = permit;
            read.plan(&asked, &run).map_err(PlansError::from)
        };
        let now = blocking(work, deadline).await.map_err(|error| if deadline.passed() { too_late(deadline) } else { error })?;
        let replayed = compare(record, key_agrees, &stored, &now);
        metrics::plans::replayed(replayed.objective_agrees && replayed.decision_agrees);
        Ok(replayed)
    }
}

fn compare(record: Arc<PlanRecord>, key_agrees: bool, stored: &PlanReport, now: &PlanReport) -> Replayed {
    let objective = (stored.objective, now.objective);
    let values = |report: &PlanReport| -> BTreeMap<String, f64> {
        report.decision.iter().map(|row| (row.variable.clone(), row.value)).collect()
    };
    let (before, after) = (values(stored), values(now));
    let mut differences = Vec::new();
    let mut agrees = before.len() == after.len();
    for (variable, stored) in &before {
        let replayed = after.get(variable).copied();
        if !same(Some(*stored), replayed) {
            agrees = false;
            differences.push(Differs { variable: variable.clone(), stored: Some(*stored), replayed });
        }
    }
    let new = after.iter().filter(|(variable, _)| !before.contains_key(*variable));
    differences.extend(new.map(|(variable, value)| Differs { variable: variable.clone(), stored: None, replayed: Some(*value) }));
    differences.truncate(REPLAY_DIFFERENCES_MAX);
    Replayed {
        record,
        key_agrees,
        status: (stored.status, now.status),
        objective_agrees: stored.status == now.status && same(objective.0, objective.1),
        decision_agrees: agrees,
        objective,
        differences,
        solver: (stored.solver.name.clone(), now.solver.name.clone()),
    }
}

fn same(a: Option<f64>, b: Option<f64>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => (a - b).abs() <= TOLERANCE * a.abs().max(b.abs()).max(1.0),
        (a, b) => a.is_none() && b.is_none(),
    }
}
