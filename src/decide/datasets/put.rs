//! Putting rows under a name.

use super::delete::own_parts;
use super::stored::deletes;
use super::{Datasets, DatasetsError};
use crate::dataset::{self, Packed};
use crate::decide::lease::Leased;
use crate::decide::{Decider, order};
use crate::domain::dataset::{
    ContentHash, DatasetColumn, DatasetHead, DatasetPart, DatasetReport, DatasetSettings, PartNote, Unfinished,
};
use crate::domain::field::FieldError;
use crate::domain::frame::{Column, Frame};
use crate::domain::ids::{DatasetName, TenantId, UploadId};
use crate::domain::request::Caller;
use crate::domain::time::Timestamp;
use crate::limits::{DATASET_CELLS_MAX, DATASET_PARTS_TOGETHER, DATASET_ROWS_MAX, DATASET_TURN_MS};
use crate::store::{Record, StoreError, Write};
use std::sync::Arc;
use std::time::Duration;

/// Rows that were read, on their way under a name.
#[derive(Debug, Clone)]
pub struct NewRows {
    /// The rows.
    pub frame: Frame,
    /// How they were read.
    pub settings: DatasetSettings,
    /// What was found.
    pub report: DatasetReport,
    /// Whether they come behind those that are there, and not in their place.
    pub append: bool,
    /// Seconds for which they are kept; as the settings say where absent.
    pub ttl_sec: Option<u64>,
}

/// Rows, arranged and packed.
struct Ready {
    frame: Arc<Frame>,
    settings: DatasetSettings,
    report: DatasetReport,
    window: Option<[Timestamp; 2]>,
    hash: ContentHash,
    memory: u64,
    parts: Vec<Packed>,
}

/// Under which name the writes of a dataset take turns.
pub(super) fn turn(name: &DatasetName) -> String {
    format!("dataset:{}", blake3::hash(name.as_str().as_bytes()).to_hex())
}

impl Decider {
    /// Puts rows under a name, in place of those that are there or behind them, and gives the new head.
    ///
    /// # Errors
    /// [`DatasetsError`]; what was there is still there then.
    pub async fn put_dataset(
        self: &Arc<Self>,
        caller: &Caller,
        name: &DatasetName,
        rows: NewRows,
    ) -> Result<Arc<DatasetHead>, DatasetsError> {
        let (decider, caller, name) = (Arc::clone(self), caller.clone(), name.clone());
        let written = order::to_its_end(async move {
            let tenant = &caller.tenant;
            let lease = decider.alone(tenant, &turn(&name), Duration::from_millis(DATASET_TURN_MS)).await?;
            let _writing = decider.datasets.writing.hold(std::iter::once((tenant, &name))).await;
            let ttl_sec = rows.ttl_sec.or(decider.datasets.retention_sec);
            let append_to = if rows.append { decider.rows_to_append_to(tenant, &name).await? } else { None };
            let ready = made_ready(append_to, rows).await?;
            decider.write_dataset((&caller, &name), ready, (lease, ttl_sec)).await
        });
        written.await.unwrap_or_else(|error| Err(DatasetsError::broken(error)))
    }

    async fn rows_to_append_to(
        &self,
        tenant: &TenantId,
        name: &DatasetName,
    ) -> Result<Option<(Arc<Frame>, DatasetSettings)>, DatasetsError> {
        let Some(head) = self.dataset(tenant, name) else { return Ok(None) };
        Ok(self.frame_of(tenant, name).await?.map(|(frame, _)| (frame, head.settings.clone())))
    }

    async fn write_dataset(
        self: &Arc<Self>,
        (caller, name): (&Caller, &DatasetName),
        ready: Ready,
        (lease, ttl_sec): (Option<Leased>, Option<u64>),
    ) -> Result<Arc<DatasetHead>, DatasetsError> {
        let (tenant, now) = (&caller.tenant, self.clock.now());
        let Datasets { index, frames, .. } = &self.datasets;
        let held = index.get(tenant, name);
        if held.is_none() {
            index.room()?;
        }
        let head = DatasetHead {
            tenant: tenant.clone(),
            name: name.clone(),
            version: held.as_ref().map_or(0, |held| held.version) + 1,
            created_at: now,
            written_by: caller.user.clone(),
            columns: DatasetColumn::all_of(&ready.frame),
            rows: ready.frame.rows() as u64,
            hash: ready.hash,
            window: ready.window,
            settings: ready.settings,
            report: ready.report,
            upload: UploadId::new(now, fastrand::u128(..)),
            parts: ready.parts.iter().map(note).collect(),
            unfinished: Vec::new(),
            ttl_sec,
        };
        let before = held.as_ref().map_or(0, |held| held.bytes());
        self.room_for_datasets(tenant, u64::from(before == 0), head.bytes().saturating_sub(before))?;
        let gone: Vec<Unfinished> =
            held.iter().flat_map(|held| held.unfinished.iter().copied().chain([own_parts(held)])).collect();
        let parts: Vec<Write> = (0..).zip(ready.parts).map(|(number, packed)| part(&head, number, packed)).collect();
        let mut last = parts;
        if last.len() > DATASET_PARTS_TOGETHER {
            self.note_unfinished(held.as_deref(), &head, lease.as_ref()).await?;
            let rest = last.split_off(last.len() / DATASET_PARTS_TOGETHER * DATASET_PARTS_TOGETHER);
            let mut some = last.into_iter().peekable();
            while some.peek().is_some() {
                let group = some.by_ref().take(DATASET_PARTS_TOGETHER).collect();
                self.commit_held(lease.as_ref(), group).await?;
            }
            last = rest;
        }
        let head = Arc::new(head);
        last.push(Write::Put(Record::Dataset(Arc::clone(&head))));
        last.extend(gone.iter().flat_map(|one| deletes(tenant, one)));
        let _held = self.order.hold(std::iter::once(("dataset", tenant, name))).await;
        self.commit_in_turn(lease, last).await?;
        index.put(Arc::clone(&head));
        frames.put(tenant, head.hash, (ready.frame, ready.memory));
        self.datasets.changed(tenant, name);
        Ok(head)
    }

    /// Notes which parts are about to be written, before the first of them is: whoever is killed meanwhile leaves a note with them.
    async fn note_unfinished(
        &self,
        held: Option<&DatasetHead>,
        head: &DatasetHead,
        lease: Option<&Leased>,
    ) -> Result<(), DatasetsError> {
        let nothing_yet = || DatasetHead {
            version: 0,
            columns: Vec::new(),
            rows: 0,
            window: None,
            report: DatasetReport::default(),
            parts: Vec::new(),
            ..head.clone()
        };
        let mut noted = held.cloned().unwrap_or_else(nothing_yet);
        noted.unfinished.push(own_parts(head));
        let noted = Arc::new(noted);
        let _held = self.order.hold(std::iter::once(("dataset", &head.tenant, &head.name))).await;
        self.commit_held(lease, vec![Write::Put(Record::Dataset(Arc::clone(&noted)))]).await?;
        self.datasets.index.put(noted);
        Ok(())
    }

    async fn commit_held(&self, lease: Option<&Leased>, writes: Vec<Write>) -> Result<(), StoreError> {
        let Some(lease) = lease else { return self.commit(writes).await };
        let committed = lease.commit(writes).await?;
        if committed { Ok(()) } else { Err(StoreError::Away { detail: "another process has taken over the write".to_owned() }) }
    }
}

fn note(part: &Packed) -> PartNote {
    PartNote { rows: part.rows, bytes: u32::try_from(part.data.len()).unwrap_or(u32::MAX) }
}

fn part(head: &DatasetHead, number: u32, packed: Packed) -> Write {
    let part = DatasetPart {
        tenant: head.tenant.clone(),
        upload: head.upload,
        number,
        rows: packed.rows,
        created_at: head.created_at,
        ttl_sec: head.ttl_sec,
        data: packed.data.into(),
    };
    Write::Put(Record::DatasetPart(part.into()))
}

/// Joins, arranges and packs rows, beside the threads that serve.
async fn made_ready(append_to: Option<(Arc<Frame>, DatasetSettings)>, rows: NewRows) -> Result<Ready, DatasetsError> {
    let work = move || {
        let NewRows { frame, mut settings, mut report, .. } = rows;
        let mut joined = frame;
        if let Some((held, of_held)) = append_to {
            joined = dataset::appended(&held, joined)?;
            settings = inherited(settings, of_held);
        }
        within_limits(&joined)?;
        if settings.time_column.is_none()
            && let Some(found) = only_time(&joined)
        {
            report.notes.push(format!("Column `{found}` is the only one of times, and was taken for the one that says when."));
            settings.time_column = Some(found);
        }
        let frame = dataset::arranged(joined, &settings, &mut report)?;
        let parts = dataset::packed(&frame).collect::<std::io::Result<Vec<_>>>().map_err(DatasetsError::broken)?;
        let window = settings.time_column.as_deref().and_then(|name| window(&frame, name));
        let (hash, memory) = (dataset::content_hash(&frame), dataset::memory_of(&frame));
        Ok(Ready { frame: Arc::new(frame), settings, report, window, hash, memory, parts })
    };
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(DatasetsError::broken(error)))
}

/// The column of times, where there is one and no other.
fn only_time(frame: &Frame) -> Option<String> {
    let mut times = frame.columns().iter().filter(|(_, column)| matches!(column, Column::Time(_)));
    let (name, _) = times.next()?;
    times.next().is_none().then(|| name.to_string())
}

/// What an appending writer doesn't say is as it was said before.
fn inherited(settings: DatasetSettings, of_held: DatasetSettings) -> DatasetSettings {
    let list = |own: Vec<String>, held: Vec<String>| if own.is_empty() { held } else { own };
    DatasetSettings {
        time_column: settings.time_column.or(of_held.time_column),
        time_zone: settings.time_zone.or(of_held.time_zone),
        key: list(settings.key, of_held.key),
        order: list(settings.order, of_held.order),
        step_sec: settings.step_sec.or(of_held.step_sec),
    }
}

fn within_limits(frame: &Frame) -> Result<(), FieldError> {
    let (rows, columns) = (frame.rows(), frame.columns().len());
    if rows > DATASET_ROWS_MAX || rows.saturating_mul(columns) > DATASET_CELLS_MAX {
        let detail =
            format!("{rows} rows of {columns} columns are more than {DATASET_ROWS_MAX} rows or {DATASET_CELLS_MAX} cells");
        return Err(FieldError::new("/rows", detail));
    }
    Ok(())
}

fn window(frame: &Frame, name: &str) -> Option<[Timestamp; 2]> {
    let Ok(Column::Time(times)) = frame.column(name) else { return None };
    let there = || times.iter().flatten().copied();
    Some([there().min()?, there().max()?])
}
