//! The way of SQL that a language model wrote to the warehouse: the gate, the cost check, the turns and the bounds of every other query.

use super::ask::who;
use super::floor::{Floor, bare};
use super::linked::Shown;
use super::run::Queries;
use super::{AnalyticsError, DataQuestion};
use crate::decide::Decider;
use crate::domain::deadline::Deadline;
use crate::engine::analytics::Source;
use crate::engine::analytics::library::Reader;
use crate::engine::analytics::written::{RunFault, Runs};
use crate::sql::Who;
use crate::telemetry::metrics::analytics as metrics;
use crate::warehouse::{Rows, WarehouseError};
use async_trait::async_trait;
use parking_lot::Mutex;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// Queries of one question that run or wait at one time, so that one question leaves room for others.
const AT_ONCE: usize = 2;

/// The way of a model's SQL to rows: for this caller, as every other query.
#[derive(Debug)]
pub(super) struct Behind<'a> {
    decider: &'a Decider,
    question: &'a DataQuestion,
    who: Who,
    reader: &'a Reader,
    floor: (&'a Source, Arc<Floor>),
    shown: &'a Shown,
    names: BTreeSet<String>,
    at_once: Semaphore,
    replaced: AtomicBool,
    /// The tables that each query read.
    read: Mutex<BTreeMap<String, Vec<String>>>,
}

impl<'a> Behind<'a> {
    pub fn new(
        decider: &'a Decider,
        question: &'a DataQuestion,
        (reader, source): (&'a Reader, &'a Source),
        shown: &'a Shown,
    ) -> Self {
        Self {
            decider,
            question,
            who: who(question),
            reader,
            floor: (source, decider.analyst.floors.of(&question.tenant, source)),
            shown,
            names: shown.names(),
            at_once: Semaphore::new(AT_ONCE),
            replaced: AtomicBool::new(false),
            read: Mutex::default(),
        }
    }

    /// Whether the tables were replaced since the question was begun.
    pub fn were_replaced(&self) -> bool {
        self.replaced.load(Ordering::Relaxed)
    }

    /// The tables that a query read which ran.
    pub fn tables_of(&self, sql: &str) -> Vec<String> {
        self.read.lock().get(sql).cloned().unwrap_or_default()
    }
}

#[async_trait]
impl Runs for Behind<'_> {
    async fn run(&self, sql: &str, deadline: Deadline) -> Result<Rows, RunFault> {
        self.rows(sql, deadline).await.map_err(|error| fault(&error, &self.names))
    }
}

impl Behind<'_> {
    async fn rows(&self, sql: &str, deadline: Deadline) -> Result<Rows, AnalyticsError> {
        let analyst = &self.decider.analyst;
        let (source, floor) = (self.floor.0, &self.floor.1);
        let late = |_| AnalyticsError::Late;
        let _one = timeout(deadline.remaining(), self.at_once.acquire()).await.map_err(late)?;
        let deadline = Deadline::after(deadline.remaining().min(Duration::from_millis(analyst.config.query_ms_max)));
        let _turn = analyst.turn(deadline).await?;
        let versions = &self.shown.versions;
        self.decider.fill((&self.question.tenant, floor), (&self.reader.layer, versions), deadline).await?;
        let tables = timeout(deadline.remaining(), floor.tables.read()).await.map_err(late)?;
        if !tables.stand(versions) {
            self.replaced.store(true, Ordering::Relaxed);
            return Err(AnalyticsError::Busy);
        }
        let gate = tables.gate.clone().ok_or(AnalyticsError::Busy)?;
        let desk = Queries { gate: &gate, who: &self.who, warehouse: source.warehouse(), config: &analyst.config, deadline };
        let began = Instant::now();
        let (rows, read) = desk.rows_of(sql).await?;
        metrics::queried(began.elapsed());
        self.read.lock().insert(sql.to_owned(), read.iter().map(|table| bare(table).to_owned()).collect());
        Ok(rows)
    }
}

/// What the model is told of an error: of the gate's refusal all, of a warehouse's error what quotes no cell, of everything else nothing.
fn fault(error: &AnalyticsError, names: &BTreeSet<String>) -> RunFault {
    match error {
        AnalyticsError::Gate(refused) => RunFault::refused(refused),
        AnalyticsError::Warehouse(error) => RunFault::warehouse(error, names),
        AnalyticsError::TooCostly { allowed, .. } => RunFault::costly(*allowed),
        AnalyticsError::Late => RunFault::warehouse(&WarehouseError::Late, names),
        AnalyticsError::Busy => RunFault::warehouse(&WarehouseError::Busy, names),
        AnalyticsError::NoWarehouse
        | AnalyticsError::NoLayer { .. }
        | AnalyticsError::Missing { .. }
        | AnalyticsError::Hidden { .. }
        | AnalyticsError::Compile(_)
        | AnalyticsError::Catalogue(_)
        | AnalyticsError::Datasets(_) => RunFault::away(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::datasets::DatasetsError;
    use crate::domain::ids::DatasetName;
    use crate::engine::analytics::written::FaultKind;

    fn told(error: &AnalyticsError) -> (FaultKind, String) {
        let fault = fault(error, &BTreeSet::from(["loans".to_owned()]));
        (fault.kind(), fault.told().to_owned())
    }

    #[test]
    fn an_error_is_told_to_the_model_without_rows_versions_or_addresses() {
        let refused = WarehouseError::Refused { code: "53".to_owned(), said: "Cannot parse 'maria' of loans".to_owned() };
        let (kind, said) = told(&AnalyticsError::Warehouse(refused));
        assert!(kind == FaultKind::Failed && said.contains("53") && said.contains("loans") && !said.contains("maria"), "{said}");
        let (kind, said) = told(&AnalyticsError::TooCostly { rows: 918_273, allowed: 1_000 });
        assert!(kind == FaultKind::TooLarge && !said.contains("918273"), "the estimate counts the rows of others too: {said}");
        let (kind, said) = told(&AnalyticsError::Warehouse(WarehouseError::Away { said: "10.0.0.7:9000 refused".to_owned() }));
        assert!(kind == FaultKind::Away && !said.contains("10.0.0.7"), "{said}");
        let (kind, said) = told(&AnalyticsError::Missing { layer: "l".to_owned(), tables: vec!["secrets".to_owned()] });
        assert!(kind == FaultKind::Away && !said.contains("secrets"), "{said}");
        assert_eq!(told(&AnalyticsError::Late).0, FaultKind::Late);
        assert_eq!(told(&AnalyticsError::Busy).0, FaultKind::Away);
        assert_eq!(
            told(&AnalyticsError::Datasets(DatasetsError::Damaged {
                name: DatasetName::new("secrets").expect("a name"),
                detail: "x".to_owned()
            }))
            .0,
            FaultKind::Away
        );
    }
}
