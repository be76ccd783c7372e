//! Running the queries of a question.

use super::floor::{Floor, Tables};
use super::{Analyst, AnalyticsError, Resulted, dialects};
use crate::decide::Decider;
use crate::domain::deadline::Deadline;
use crate::domain::ids::TenantId;
use crate::domain::sql_value::Cell;
use crate::engine::analytics::Source;
use crate::engine::analytics::compile::{ColumnRole, Compiled, Query, compile};
use crate::engine::analytics::intent::Intent;
use crate::engine::analytics::library::Reader;
use crate::engine::analytics::reconcile::{
    Expectation, Frame, KeyCount, KeyProbe, Reconciliation, Skip, multiplied, probes, reconcile, sane, whole,
};
use crate::sql::{Gate, RefusalKind, Who};
use crate::telemetry::metrics::analytics as metrics;
use crate::warehouse::{Bounds, Rows, Statement, Warehouse};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use tokio::time::timeout;

/// What is run, for whom.
#[derive(Debug)]
pub(super) struct Run<'a> {
    pub tenant: &'a TenantId,
    pub who: &'a Who,
    pub reader: &'a Arc<Reader>,
    pub intent: &'a Intent,
    pub compiled: &'a Compiled,
    pub versions: &'a [(String, String)],
    pub deadline: Deadline,
}

/// One who waits is counted for as long as he does.
struct Waiting<'a>(&'a std::sync::atomic::AtomicUsize);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Decider {
    /// Runs the queries of a question as soon as it is its turn.
    pub(super) async fn run_data(&self, run: Run<'_>) -> Result<Arc<Resulted>, AnalyticsError> {
        let source = self.analyst.source.as_ref().ok_or(AnalyticsError::NoWarehouse)?;
        let most = Duration::from_millis(self.analyst.config.query_ms_max);
        let deadline = Deadline::after(run.deadline.remaining().min(most));
        let _turn = self.analyst.turn(deadline).await?;
        let floor = self.analyst.floors.of(run.tenant, source);
        self.fill((run.tenant, &floor), (&run.reader.layer, run.versions), deadline).await?;
        self.query_all(&run, (source, &floor), deadline).await.map(Arc::new)
    }

    async fn query_all(
        &self,
        run: &Run<'_>,
        (source, floor): (&Source, &Arc<Floor>),
        deadline: Deadline,
    ) -> Result<Resulted, AnalyticsError> {
        let began = Instant::now();
        let tables = timeout(deadline.remaining(), floor.tables.read()).await.map_err(|_| AnalyticsError::Late)?;
        let gate = tables.gate.clone().ok_or(AnalyticsError::Busy)?;
        let desk = Queries { gate: &gate, who: run.who, warehouse: source.warehouse(), config: &self.analyst.config, deadline };
        let primary = desk.query(&run.compiled.primary).await?;
        let mut siblings = Vec::with_capacity(run.compiled.siblings.len());
        for query in &run.compiled.siblings {
            siblings.push(match desk.query(query).await {
                Ok(frame) => Some(frame),
                Err(error @ (AnalyticsError::Late | AnalyticsError::Busy)) => return Err(error),
                // An answer that nothing confirms is worth less, but it is one.
                Err(error) => {
                    tracing::warn!(%error, definition = query.definition, "another definition could not be run");
                    None
                }
            });
        }
        let relaxed = match &run.compiled.relaxed {
            Some(query) if primary.rows.is_empty() => Some(desk.query(query).await?),
            _ => None,
        };
        let there: Vec<&Frame> = siblings.iter().flatten().collect();
        let reconciliations = match Skip::of(run.intent.view, run.compiled.siblings.len(), there.len()) {
            Some(skip) => vec![Reconciliation::skipped(skip)],
            None => there.iter().map(|sibling| reconcile(&primary, sibling)).collect(),
        };
        let (keys, all_counted) = self.key_counts(run, (&desk, &tables)).await?;
        // Where it is not known of every key that it is one, the parts are held against their whole.
        let whole = if all_counted { None } else { self.whole(run, &desk).await? };
        let expected = Expectation { grouped: run.intent.is_grouped(), whole, relaxed: relaxed.as_ref() };
        metrics::queried(began.elapsed());
        let version =
            |(table, _): &(String, String)| tables.versions.get(table).map(|(version, _)| (table.clone(), version.clone()));
        Ok(Resulted {
            findings: sane(&primary, expected).into_iter().chain(multiplied(&keys)).collect(),
            versions: run.versions.iter().filter_map(version).collect(),
            compiled: run.compiled.clone(),
            primary,
            siblings,
            relaxed,
            reconciliations,
            query_ms: began.elapsed().as_secs_f64() * 1e3,
        })
    }
}

impl Decider {
    /// The one value that the parts of the answer must not exceed, where there is such a thing.
    async fn whole(&self, run: &Run<'_>, desk: &Queries<'_>) -> Result<Option<f64>, AnalyticsError> {
        let dialect = dialects(self.analyst.source.as_ref().ok_or(AnalyticsError::NoWarehouse)?)?.0;
        let (layer, parts) = (&run.reader.layer, &run.compiled.primary);
        let Some(query) = whole(layer, run.intent, parts).and_then(|intent| compile(layer, &intent, dialect).ok()) else {
            return Ok(None);
        };
        let value = |frame: &Frame| {
            let place = frame.columns.iter().position(|column| column.role == ColumnRole::Value)?;
            frame.rows.first()?.get(place)?.number()
        };
        match desk.query(&query.primary).await {
            Ok(frame) if query.primary.definition == parts.definition => Ok(value(&frame)),
            Err(error @ (AnalyticsError::Late | AnalyticsError::Busy)) => Err(error),
            // An answer that nothing confirms is worth less, but it is one.
            Ok(_) | Err(_) => Ok(None),
        }
    }

    /// What the keys are that the joins of the answer rely on, and whether all could be counted; looked at once for each version of their
    /// tables.
    async fn key_counts(
        &self,
        run: &Run<'_>,
        (desk, tables): (&Queries<'_>, &Tables),
    ) -> Result<(Vec<KeyCount>, bool), AnalyticsError> {
        let dialect = dialects(self.analyst.source.as_ref().ok_or(AnalyticsError::NoWarehouse)?)?.0;
        let (mut counts, mut all) = (Vec::new(), true);
        for probe in probes(&run.reader.layer, &run.compiled.primary, dialect) {
            let known = tables.keys.lock().get(&(probe.table.clone(), probe.column.clone())).cloned();
            let count = match known {
                Some(count) => count,
                None => match desk.count(&probe).await {
                    Ok(count) => {
                        tables.keys.lock().insert((probe.table.clone(), probe.column.clone()), count.clone());
                        count
                    }
                    Err(error @ (AnalyticsError::Late | AnalyticsError::Busy)) => return Err(error),
                    // Nothing is known of the key then, which is no finding.
                    Err(error) => {
                        tracing::warn!(%error, table = probe.table, "a key could not be counted");
                        all = false;
                        continue;
                    }
                },
            };
            counts.push(count);
        }
        Ok((counts, all))
    }
}

impl Analyst {
    /// The right to run, once it is there.
    pub(super) async fn turn(&self, deadline: Deadline) -> Result<tokio::sync::SemaphorePermit<'_>, AnalyticsError> {
        if let Ok(turn) = self.turns.try_acquire() {
            return Ok(turn);
        }
        let before = self.waiting.fetch_add(1, Ordering::Relaxed);
        let _waiting = Waiting(&self.waiting);
        if before >= self.config.waiting_max {
            return Err(AnalyticsError::Busy);
        }
        let turn = timeout(deadline.remaining(), self.turns.acquire()).await.map_err(|_| AnalyticsError::Late)?;
        turn.map_err(|_| AnalyticsError::Busy)
    }
}

/// What one question's queries go through.
pub(super) struct Queries<'a> {
    pub gate: &'a Arc<Gate>,
    pub who: &'a Who,
    pub warehouse: &'a dyn Warehouse,
    pub config: &'a crate::engine::analytics::Config,
    pub deadline: Deadline,
}

impl Queries<'_> {
    async fn query(&self, query: &Query) -> Result<Frame, AnalyticsError> {
        Ok(Frame { columns: query.columns.clone(), rows: self.rows(&query.inlined).await? })
    }

    async fn count(&self, probe: &KeyProbe) -> Result<KeyCount, AnalyticsError> {
        let rows = self.rows(&probe.sql).await?;
        let number = |place: usize| match rows.first().and_then(|row| row.get(place)) {
            Some(Cell::Integer(number)) => u64::try_from(*number).unwrap_or(0),
            _ => 0,
        };
        Ok(KeyCount { table: probe.table.clone(), column: probe.column.clone(), rows: number(0), different: number(1) })
    }

    /// What is said to who may not see all that a query reads: that, and no more.
    fn told(&self, error: AnalyticsError) -> AnalyticsError {
        match error {
            AnalyticsError::Gate(refused)
                if matches!(refused.kind, RefusalKind::Table | RefusalKind::Column) && !self.config.columns.is_empty() =>
            {
                tracing::debug!(%refused, role = self.who.role, "a role may not see what a question reads");
                AnalyticsError::Hidden { role: self.who.role.clone() }
            }
            other => other,
        }
    }

    async fn rows(&self, sql: &str) -> Result<Vec<Vec<Cell>>, AnalyticsError> {
        Ok(self.rows_of(sql).await.map_err(|error| self.told(error))?.0.rows)
    }

    /// What a statement brings, and the tables that it reads, if the gate lets it through for the caller and it does not cost too much.
    pub(super) async fn rows_of(&self, sql: &str) -> Result<(Rows, BTreeSet<String>), AnalyticsError> {
        let passed = self.gate.pass(sql, self.who).map_err(AnalyticsError::Gate)?;
        let statement = Statement { sql: passed.sql, values: passed.bindings };
        let allowed = self.config.read_rows_max;
        if allowed > 0
            && let Some(cost) = self.warehouse.cost(&statement, self.deadline).await?
            && cost.rows > allowed
        {
            return Err(AnalyticsError::TooCostly { rows: cost.rows, allowed });
        }
        let bounds = Bounds { deadline: self.deadline, rows_max: self.config.rows_max, bytes_max: self.config.bytes_max };
        Ok((self.warehouse.run(&statement, &bounds).await?, passed.tables))
    }
}
