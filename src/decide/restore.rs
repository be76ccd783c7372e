//! Filling memory from the store at the start, without embedding anything again.

use super::Decider;
use crate::cache::embedding::KnownText;
use crate::domain::entry::StoredEntry;
use crate::domain::field::FieldError;
use crate::domain::ids::TenantId;
use crate::domain::market::{Chunk, Instrument, Series};
use crate::domain::partition::PartitionKey;
use crate::store::{Record, RecordKind, StoreError};
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What a start found in the store.
#[derive(Debug, Clone, Default)]
pub struct Restored {
    /// Entries that searches find now.
    pub entries: usize,
    /// Components that requests find now.
    pub components: usize,
    /// Vectors of fresh texts.
    pub texts: usize,
    /// Bars of all instruments.
    pub bars: usize,
    /// Records that had ended.
    pub ended: usize,
    /// Records of another model, which are left alone.
    pub other_model: usize,
    /// Records that could not be read, which are left alone.
    pub damaged: usize,
    /// Judgements of past decisions, which bring back the error budgets.
    pub judgements: usize,
    /// Entries whose place in a graph was known from the last run.
    pub from_graphs: usize,
    /// How long it took.
    pub took: Duration,
}

/// Entries by partition, on their way into memory.
type Entries = BTreeMap<PartitionKey, Vec<StoredEntry>>;

/// Bars by tenant and instrument, on their way into memory.
type Bars = BTreeMap<(TenantId, Instrument), Vec<Arc<Chunk>>>;

impl Decider {
    /// Loads components, entries and vectors of texts. Blocks; call it before serving.
    ///
    /// # Errors
    /// [`StoreError`] where the store can't be read. A single damaged record is counted, logged and left alone.
    pub fn restore(&self) -> Result<Restored, StoreError> {
        let since = Instant::now();
        let mut restored = Restored::default();
        let mut entries = Entries::new();
        // Where the server searches, entries come into memory as they are asked for.
        let all = [
            RecordKind::TagEnd,
            RecordKind::Component,
            RecordKind::Text,
            RecordKind::Plan,
            RecordKind::Fit,
            RecordKind::Dataset,
            RecordKind::Knowledge,
            RecordKind::Entry,
        ];
        for kind in all.into_iter().filter(|kind| self.recall.is_none() || *kind != RecordKind::Entry) {
            self.store.scan(kind, &mut |record| {
                match record {
                    Ok(record) => self.restore_record(record, &mut entries, &mut restored),
                    Err(error) => {
                        restored.damaged += 1;
                        tracing::warn!(%error, "a record can't be read and is left alone");
                    }
                }
                ControlFlow::Continue(())
            })?;
        }
        for (key, entries) in entries {
            match self.semantic.restore(&key, &entries, self.graphs.as_deref()) {
                Ok(from_graph) => {
                    restored.from_graphs += from_graph;
                    restored.entries += entries.len();
                }
                Err(error) => {
                    restored.damaged += entries.len();
                    tracing::warn!(partition = %key, %error, "the entries of a partition do not fit into memory");
                }
            }
        }
        self.restore_bars(&mut restored)?;
        restored.judgements = self.replay_judgements(None)?;
        restored.took = since.elapsed();
        Ok(restored)
    }

    /// Puts the chunks of every instrument together again.
    fn restore_bars(&self, restored: &mut Restored) -> Result<(), StoreError> {
        let mut bars = Bars::new();
        self.store.scan(RecordKind::Market, &mut |record| {
            match record {
                Ok(Record::Market(chunk)) => {
                    bars.entry((chunk.tenant.clone(), chunk.instrument.clone())).or_default().push(chunk);
                }
                Ok(_) => {}
                Err(error) => {
                    restored.damaged += 1;
                    tracing::warn!(%error, "a chunk of bars can't be read and is left alone");
                }
            }
            ControlFlow::Continue(())
        })?;
        for ((tenant, instrument), chunks) in bars {
            match together(&chunks) {
                Ok(series) => {
                    restored.bars += series.bars().len();
                    self.market.put(&tenant, &instrument, Arc::new(series));
                }
                Err(error) => {
                    restored.damaged += chunks.len();
                    tracing::warn!(%instrument, %error, "the bars of an instrument do not fit together and are left alone");
                }
            }
        }
        Ok(())
    }

    /// Whether memory holds a record: one that has not ended, and whose vectors the embedder of this process made.
    pub(super) fn belongs(&self, record: &Record) -> bool {
        let model = match record {
            Record::Component(component) => &component.model,
            Record::Entry(stored) => &stored.entry.model,
            Record::Text(text) => &text.model,
            Record::Decision(_) | Record::TagEnd(_) | Record::Judgement(_) | Record::Market(_) => return true,
            Record::AuditEvent(_) | Record::AuditChain(_) | Record::Plan(_) | Record::Fit(_) => return true,
            Record::Dataset(_) | Record::DatasetPart(_) | Record::Knowledge(_) | Record::Judgeable(_) => return true,
        };
        model == self.embedder.model() && !record.expired(self.clock.now())
    }

    fn restore_record(&self, record: Record, entries: &mut Entries, restored: &mut Restored) {
        let now = self.clock.now();
        let model = self.embedder.model();
        match record {
            Record::Component(c) if c.expired(now) => restored.ended += 1,
            Record::Component(c) if c.model != *model => restored.other_model += 1,
            Record::Component(c) => match self.embeddings.put(c) {
                Ok(_) => restored.components += 1,
                Err(error) => {
                    restored.damaged += 1;
                    tracing::warn!(%error, "a component does not fit into memory");
                }
            },
            Record::Text(t) if t.model != *model => restored.other_model += 1,
            Record::Text(t) if t.ttl_sec.is_some_and(|ttl| t.created_at.plus_seconds(ttl) <= now) => restored.ended += 1,
            Record::Text(t) => {
                self.embeddings.restore_text(t);
                restored.texts += 1;
            }
            Record::Entry(e) if e.entry.model != *model => restored.other_model += 1,
            Record::Entry(e) if e.entry.expires_at().is_some_and(|end| end <= now) => restored.ended += 1,
            Record::Entry(e) => {
                let known = KnownText { vector: e.fresh.clone(), cut: e.entry.cut };
                self.embeddings.remember_text(&e.entry.tenant, e.entry.text_hash, known);
                entries.entry(e.entry.partition).or_default().push(e);
            }
            Record::TagEnd(end) => self.semantic.generations().end(&end.tenant, [&*end.tag], end.generation),
            Record::Plan(plan) => self.plans.index.put(&plan.tenant, plan.brief()),
            Record::Fit(fit) => self.numeric.index.put(&fit),
            Record::Dataset(head) => self.datasets.index.put(head),
            Record::Knowledge(taught) => self.analyst.restore_taught(&taught),
            Record::DatasetPart(_) | Record::Judgeable(_) => {}
            Record::Decision(_) | Record::Judgement(_) | Record::Market(_) | Record::AuditEvent(_) | Record::AuditChain(_) => {}
        }
    }
}

/// The series that chunks of one instrument make.
fn together(chunks: &[Arc<Chunk>]) -> Result<Series, FieldError> {
    let interval_sec = chunks.first().map_or(0, |chunk| chunk.bars.interval_sec());
    if chunks.iter().any(|chunk| chunk.bars.interval_sec() != interval_sec) {
        return Err(FieldError::new("/interval_sec", "there are bars of two intervals"));
    }
    Series::new(interval_sec, chunks.iter().flat_map(|chunk| chunk.bars.bars()).copied().collect())
}
