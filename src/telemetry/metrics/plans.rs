//! The facts about optimisation plans and the solvers behind them. Every label is a constant word.

use super::{METRICS, SECONDS, counter_vec, gauge, histogram_vec};
use prometheus::{HistogramVec, IntCounterVec, IntGauge, Registry};
use std::time::Duration;

pub(super) struct Metrics {
    made: IntCounterVec,
    seconds: HistogramVec,
    found_again: IntCounterVec,
    reviews: IntCounterVec,
    checks: IntCounterVec,
    replays: IntCounterVec,
    solver_runs: IntCounterVec,
    solver_seconds: HistogramVec,
    under_way: IntGauge,
    held: IntGauge,
}

impl Metrics {
    pub(super) fn new(r: &Registry) -> Result<Self, prometheus::Error> {
        let of_model = &["model_type"];
        Ok(Self {
            made: counter_vec(r, "plans_total", "Plans that were made, by how that ended.", &["model_type", "status"])?,
            seconds: histogram_vec(r, "plan_duration_seconds", "Time of making a plan, waiting included.", of_model, SECONDS)?,
            found_again: counter_vec(r, "plan_cache_hits_total", "Plans that were known already.", of_model)?,
            reviews: counter_vec(r, "plan_reviews_total", "Plans that people approved or rejected.", &["state"])?,
            checks: counter_vec(r, "plan_checks_total", "Decisions held against a model.", &["result"])?,
            replays: counter_vec(r, "plan_replays_total", "Plans that were made again.", &["result"])?,
            solver_runs: counter_vec(r, "solver_runs_total", "Runs of solvers, by how they ended.", &["solver", "outcome"])?,
            solver_seconds: histogram_vec(
                r,
                "solver_run_duration_seconds",
                "Time of one run of a solver.",
                &["solver"],
                SECONDS,
            )?,
            under_way: gauge(r, "plans_under_way", "Plans that are being made or wait for their turn.")?,
            held: gauge(r, "plans_held", "Plans on record.")?,
        })
    }
}

/// A plan was made, or could not be; both words are constants.
pub fn made(model_type: &'static str, status: &'static str, took: Duration) {
    METRICS.plans.made.with_label_values(&[model_type, status]).inc();
    METRICS.plans.seconds.with_label_values(&[model_type]).observe(took.as_secs_f64());
}

/// A plan was known.
pub fn found_again(model_type: &'static str) {
    METRICS.plans.found_again.with_label_values(&[model_type]).inc();
}

/// A person approved or rejected a plan.
pub fn reviewed(state: &'static str) {
    METRICS.plans.reviews.with_label_values(&[state]).inc();
}

/// A decision was held against a model.
pub fn checked(passed: bool) {
    METRICS.plans.checks.with_label_values(&[if passed { "passed" } else { "refused" }]).inc();
}

/// A plan was made again.
pub fn replayed(agrees: bool) {
    METRICS.plans.replays.with_label_values(&[if agrees { "agrees" } else { "differs" }]).inc();
}

/// A solver ran, and ended so; both words are constants.
pub fn solver_ran(solver: &'static str, outcome: &'static str, took: Duration) {
    METRICS.plans.solver_runs.with_label_values(&[solver, outcome]).inc();
    METRICS.plans.solver_seconds.with_label_values(&[solver]).observe(took.as_secs_f64());
}

/// How many plans there are, read when metrics are asked for.
pub fn state(under_way: usize, held: usize) {
    METRICS.plans.under_way.set(i64::try_from(under_way).unwrap_or(i64::MAX));
    METRICS.plans.held.set(i64::try_from(held).unwrap_or(i64::MAX));
}
