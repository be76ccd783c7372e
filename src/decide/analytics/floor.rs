//! The tables that a tenant asks: in process a copy of his data sets, in a server those that the settings name; and the gate before them.

use super::{Analyst, AnalyticsError, dialects};
use crate::decide::Decider;
use crate::domain::deadline::Deadline;
use crate::domain::frame::Frame;
use crate::domain::ids::{DatasetName, TenantId};
use crate::engine::analytics::Source;
use crate::engine::analytics::layer::{ColumnType, Layer};
use crate::engine::analytics::reconcile::KeyCount;
use crate::sql::{Catalogue, Column, Gate, Limits, Rows, Table};
use crate::warehouse::{Filled, Holds, NewTable, TableInfo, first_lost};
use parking_lot::Mutex;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::RwLock;
use tokio::time::timeout;

/// The floors of all tenants.
#[derive(Debug, Default)]
pub(super) struct Floors {
    by_tenant: Mutex<HashMap<TenantId, Arc<Floor>>>,
    asked: AtomicU64,
}

/// The tables of one tenant.
#[derive(Debug)]
pub(super) struct Floor {
    /// His database in the warehouse in process; that of the settings in a server.
    pub database: Option<String>,
    /// Held for reading while a question's queries run, so that all of them see the same rows.
    pub tables: RwLock<Tables>,
    asked_at: AtomicU64,
}

/// What is there.
#[derive(Debug, Default)]
pub(super) struct Tables {
    /// Versions of what was put, by table, with the cells of each.
    pub versions: BTreeMap<String, (String, u64)>,
    /// The gate before them.
    pub gate: Option<Arc<Gate>>,
    /// Keys that were counted, by table and column.
    pub keys: Mutex<HashMap<(String, String), KeyCount>>,
    /// Those of a server that are shown at all.
    listed: Arc<Listed>,
    seen: Option<Instant>,
}

impl Floors {
    /// That of a tenant, made where there is none.
    pub fn of(&self, tenant: &TenantId, source: &Source) -> Arc<Floor> {
        let mut floors = self.by_tenant.lock();
        let floor = floors.entry(tenant.clone()).or_insert_with(|| {
            let database = match source {
                Source::Filled(_) => {
                    Some(format!("t_{}", hex::encode(&blake3::hash(tenant.as_str().as_bytes()).as_bytes()[..8])))
                }
                Source::Served(_) => None,
            };
            Arc::new(Floor { database, tables: RwLock::default(), asked_at: AtomicU64::new(0) })
        });
        floor.asked_at.store(self.asked.fetch_add(1, Ordering::Relaxed), Ordering::Relaxed);
        Arc::clone(floor)
    }

    /// The others, the one that was asked least lately first.
    fn others(&self, floor: &Arc<Floor>) -> Vec<Arc<Floor>> {
        let mut others: Vec<_> = self.by_tenant.lock().values().filter(|other| !Arc::ptr_eq(other, floor)).cloned().collect();
        others.sort_by_key(|other| other.asked_at.load(Ordering::Relaxed));
        others
    }
}

/// Tables beside those that a layer knows.
#[derive(Debug, Default)]
pub(super) struct Listed {
    /// Their columns, as the server tells them.
    pub tables: Vec<TableInfo>,
    /// Of names, types and comments.
    pub digest: [u8; 32],
}

impl Listed {
    fn new(tables: Vec<TableInfo>) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key("instinct 2026 analytics tables");
        for table in &tables {
            let columns = table.columns.iter().flat_map(|column| [&column.name, &column.data_type, &column.comment]);
            for part in [&table.name, &table.comment].into_iter().chain(columns) {
                hasher.update(&(part.len() as u64).to_le_bytes()).update(part.as_bytes());
            }
        }
        Self { tables, digest: *hasher.finalize().as_bytes() }
    }
}

impl Tables {
    /// Whether these are the versions that are there.
    pub fn stand(&self, versions: &[(String, String)]) -> bool {
        let held = |table: &String| self.versions.get(table).map(|(held, _)| held);
        self.gate.is_some() && versions.iter().all(|(table, version)| held(table) == Some(version))
    }

    fn cells(&self) -> u64 {
        self.versions.values().map(|(_, cells)| cells).sum()
    }
}

impl Decider {
    /// The versions of tables as they stand, in order of their names.
    ///
    /// # Errors
    /// [`AnalyticsError::Missing`].
    pub(super) async fn table_versions(
        &self,
        tenant: &TenantId,
        (layer, tables): (&Layer, &[String]),
        deadline: Deadline,
    ) -> Result<Vec<(String, String)>, AnalyticsError> {
        let source = self.analyst.source.as_ref().ok_or(AnalyticsError::NoWarehouse)?;
        let found: Vec<(String, Option<String>)> = match source {
            Source::Filled(_) => {
                let version = |table: &String| {
                    let name = DatasetName::new(table).ok()?;
                    self.dataset_version(tenant, &name).map(|version| version.hash.to_string())
                };
                tables.iter().map(|table| (table.clone(), version(table))).collect()
            }
            Source::Served(_) => {
                let floor = self.analyst.floors.of(tenant, source);
                self.look_at_server(&floor, source, deadline).await?;
                let held = floor.tables.read().await;
                tables.iter().map(|table| (table.clone(), held.versions.get(table).map(|(version, _)| version.clone()))).collect()
            }
        };
        let (there, missing): (Vec<_>, Vec<_>) = found.into_iter().partition(|(_, version)| version.is_some());
        if !missing.is_empty() {
            let tables = missing.into_iter().map(|(table, _)| table).collect();
            return Err(AnalyticsError::Missing { layer: layer.name.clone(), tables });
        }
        Ok(there.into_iter().map(|(table, version)| (table, version.unwrap_or_default())).collect())
    }

    /// Sees to it that the tables are there in these versions, or in later ones.
    pub(super) async fn fill(
        &self,
        (tenant, floor): (&TenantId, &Arc<Floor>),
        (layer, versions): (&Layer, &[(String, String)]),
        deadline: Deadline,
    ) -> Result<(), AnalyticsError> {
        let Some(Source::Filled(warehouse)) = &self.analyst.source else { return Ok(()) };
        let late = |_| AnalyticsError::Late;
        if timeout(deadline.remaining(), floor.tables.read()).await.map_err(late)?.stand(versions) {
            return Ok(());
        }
        let mut held = timeout(deadline.remaining(), floor.tables.write()).await.map_err(late)?;
        if held.stand(versions) {
            return Ok(());
        }
        let database = floor.database.clone().unwrap_or_default();
        for (table, version) in versions {
            if held.versions.get(table).is_some_and(|(held, _)| held == version) {
                continue;
            }
            if deadline.passed() {
                return Err(AnalyticsError::Late);
            }
            let name = DatasetName::new(table).ok();
            let found = match &name {
                Some(name) => self.frame_of(tenant, name).await?,
                None => None,
            };
            let missing = |what: String| AnalyticsError::Missing { layer: layer.name.clone(), tables: vec![what] };
            let (frame, version) = found.ok_or_else(|| missing(table.clone()))?;
            let (columns, holds) = shaped(layer, table, &frame).map_err(missing)?;
            let cells = (columns.rows() * columns.columns().len()) as u64;
            self.analyst.make_room(warehouse, floor, cells + held.cells()).await?;
            held.gate = None;
            held.versions.remove(table);
            held.keys.lock().retain(|(of, _), _| of != table);
            warehouse.put(&database, NewTable { name: table.clone(), holds, rows: Arc::new(columns) }).await?;
            held.versions.insert(table.clone(), (version.hash.to_string(), cells));
            tracing::debug!(table, cells, "a data set was put into the warehouse in process");
        }
        let there = warehouse.tables(Some(&database), deadline).await?;
        held.gate = Some(Arc::new(self.analyst.gate(&there)?));
        Ok(())
    }

    /// The tables beside those of a layer that questions can be about.
    pub(super) async fn listed(
        &self,
        tenant: &TenantId,
        source: &Source,
        deadline: Deadline,
    ) -> Result<Arc<Listed>, AnalyticsError> {
        if matches!(source, Source::Filled(_)) {
            return Ok(Arc::default());
        }
        let floor = self.analyst.floors.of(tenant, source);
        self.look_at_server(&floor, source, deadline).await?;
        let listed = Arc::clone(&floor.tables.read().await.listed);
        Ok(listed)
    }

    /// Reads what a server has, unless that was done a moment ago.
    async fn look_at_server(&self, floor: &Arc<Floor>, source: &Source, deadline: Deadline) -> Result<(), AnalyticsError> {
        let fresh = Duration::from_secs(self.analyst.config.fresh_sec);
        let seen = |held: &Tables| held.seen.is_some_and(|seen| seen.elapsed() < fresh);
        if seen(&*floor.tables.read().await) {
            return Ok(());
        }
        let mut held = timeout(deadline.remaining(), floor.tables.write()).await.map_err(|_| AnalyticsError::Late)?;
        if seen(&held) {
            return Ok(());
        }
        let there = source.warehouse().tables(None, deadline).await?;
        let now = self.clock.now().as_micros();
        let version = |table: &TableInfo| {
            let columns = table.columns.iter().fold(blake3::Hasher::new(), |mut hasher, column| {
                hasher.update(column.name.as_bytes()).update(&[0]).update(column.data_type.as_bytes()).update(&[0]);
                hasher
            });
            // A server that does not tell whether its rows changed is believed until the next look.
            let rows = table.version.clone().unwrap_or_else(|| now.to_string());
            (table.name.clone(), (format!("{}:{rows}", columns.finalize().to_hex()), 0))
        };
        held.versions = there.iter().map(version).collect();
        held.keys.lock().clear();
        held.gate = Some(Arc::new(self.analyst.gate(&there)?));
        let shown = there.into_iter().filter(|table| self.analyst.config.rows.contains_key(&table.name));
        held.listed = Arc::new(Listed::new(shown.collect()));
        held.seen = Some(Instant::now());
        Ok(())
    }
}

impl Analyst {
    /// Takes the tables of those who asked least lately away until so many cells more have room.
    async fn make_room(&self, warehouse: &Arc<dyn Filled>, floor: &Arc<Floor>, wanted: u64) -> Result<(), AnalyticsError> {
        let mut total = wanted;
        for other in self.floors.others(floor) {
            // Whoever is being asked or filled right now stays.
            let Ok(mut tables) = other.tables.try_write() else { continue };
            total += tables.cells();
            if total <= self.config.cells_max {
                continue;
            }
            total -= tables.cells();
            for table in std::mem::take(&mut *tables).versions.keys() {
                warehouse.drop_table(other.database.as_deref().unwrap_or_default(), table).await?;
            }
        }
        Ok(())
    }

    /// The gate before tables.
    fn gate(&self, there: &[TableInfo]) -> Result<Gate, AnalyticsError> {
        let source = self.source.as_ref().ok_or(AnalyticsError::NoWarehouse)?;
        let config = &self.config;
        let rule = |table: &TableInfo| match (config.rows.get(&table.name), source) {
            (Some(rule), _) => Some(rule.clone()),
            (None, Source::Filled(_)) => Some(Rows::All),
            (None, Source::Served(_)) => None,
        };
        let table = |table: &TableInfo| {
            let columns = table.columns.iter();
            let names: Vec<String> = columns.clone().map(|column| column.name.clone()).collect();
            Some(Table {
                schema: Some(table.database.clone()),
                name: table.name.clone(),
                columns: columns
                    .map(|column| Column { name: column.name.clone(), data_type: column.data_type.clone() })
                    .collect(),
                rows: rule(table)?,
                roles: config.columns.get(&table.name).map(|rules| rules.seen(&names)).unwrap_or_default(),
            })
        };
        let catalogue = Catalogue { tables: there.iter().filter_map(table).collect() };
        let limits = Limits { rows_max: config.rows_max as u64, ..Limits::default() };
        Ok(Gate::new(catalogue, dialects(source)?.1, limits)?)
    }
}

/// The name of a table without that of the database it is in, as layers call it.
pub(super) fn bare(table: &str) -> &str {
    table.rsplit('.').next().unwrap_or(table)
}

/// The columns of a frame that a layer's table has, with what they hold; or what of it is not there.
fn shaped(layer: &Layer, table: &str, frame: &Frame) -> Result<(Frame, Vec<Holds>), String> {
    let known = layer.tables.get(table).ok_or_else(|| table.to_owned())?;
    let lacking: Vec<&str> = known.columns.keys().filter(|name| frame.column(name).is_err()).map(String::as_str).collect();
    if !lacking.is_empty() {
        return Err(format!("{table} (without {})", lacking.join(", ")));
    }
    let (mut columns, mut holds) = (Vec::new(), Vec::new());
    for (name, kind) in &known.columns {
        let column = frame.column(name).map_err(|error| format!("{table} ({error})"))?;
        let (to_hold, kind) = match kind {
            ColumnType::Text => (Holds::Text, "text"),
            ColumnType::Integer => (Holds::Integer, "whole number"),
            ColumnType::Number => (Holds::Number, "number"),
            ColumnType::Timestamp => (Holds::Timestamp, "time"),
        };
        // A value that became null would be counted as missing by whoever asks, and nobody would know.
        if let Some(row) = first_lost(column, to_hold) {
            return Err(format!("{table} (row {} of its column {name} has no {kind})", row + 1));
        }
        columns.push((Arc::from(name.as_str()), column.clone()));
        holds.push(to_hold);
    }
    Ok((Frame::new(columns).map_err(|error| format!("{table} ({error})"))?, holds))
}
