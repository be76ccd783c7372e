//! Writing past prices: checked against what is held, stored, then seen by engines.

use super::lease::Leased;
use super::{Decider, QuotaReached, order};
use crate::cache::market::MarketFull;
use crate::domain::field::FieldError;
use crate::domain::ids::TenantId;
use crate::domain::market::{Bar, Chunk, Instrument, Series, checked_interval};
use crate::domain::time::Timestamp;
use crate::limits::{MARKET_BARS_MAX, MARKET_TURN_MS};
use crate::store::{Record, RecordKey, StoreError, Write};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// A bar to write.
#[derive(Debug, Clone, Copy)]
pub struct NewBar {
    /// The bar.
    pub bar: Bar,
    /// Its seconds, which are those of all bars of its instrument.
    pub interval_sec: u32,
}

/// What became of one bar: whether it is new or took the place of another, or why it was refused.
pub type BarWritten = Result<bool, FieldError>;

/// Why bars are not written.
#[derive(Debug, thiserror::Error)]
pub enum MarketError {
    /// There is no room.
    #[error(transparent)]
    Full(#[from] MarketFull),
    /// A quota of the tenant is reached.
    #[error(transparent)]
    Quota(#[from] QuotaReached),
    /// The store did not take them.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The write broke off.
    #[error("the write broke off: {detail}")]
    Broken {
        /// For the log.
        detail: String,
    },
}

/// What a write makes of a series.
#[derive(Debug)]
struct Merged {
    results: Vec<BarWritten>,
    series: Series,
    writes: Vec<Write>,
}

impl Decider {
    /// The bars that are held of an instrument.
    pub fn bars(&self, tenant: &TenantId, instrument: &Instrument) -> Option<Arc<Series>> {
        self.market.series(tenant, instrument)
    }

    /// Writes bars durably, those that can join what is held all or none, and then lets engines see them. A bar takes the place of the
    /// one of the same time; of several with one time the last holds. Where an instrument has more than [`MARKET_BARS_MAX`] the oldest
    /// leave. Returns for each bar what became of it.
    ///
    /// # Errors
    /// [`MarketError`]; nothing was written then.
    pub async fn put_bars(
        self: &Arc<Self>,
        tenant: &TenantId,
        instrument: &Instrument,
        bars: Vec<NewBar>,
    ) -> Result<Vec<BarWritten>, MarketError> {
        let (decider, tenant, instrument) = (Arc::clone(self), tenant.clone(), instrument.clone());
        let written = order::to_its_end(async move {
            let lease = decider.turn_to_write(&tenant, &instrument).await?;
            let _held = decider.order.hold(std::iter::once(("market", &tenant, &instrument))).await;
            let held = decider.market.series(&tenant, &instrument);
            let before = held.as_ref().map_or(0, |series| series.bars().len());
            let merged = merge((&tenant, &instrument), held.as_deref(), &bars);
            if merged.writes.is_empty() {
                return Ok(merged.results);
            }
            let more = merged.series.bars().len().saturating_sub(before);
            decider.market.room_for(&tenant, &instrument, more)?;
            decider.room_for_bars(&tenant, (more * size_of::<Bar>()) as u64)?;
            decider.commit_in_turn(lease, merged.writes).await?;
            decider.market.put(&tenant, &instrument, Arc::new(merged.series));
            decider.bars_changed(&tenant);
            Ok(merged.results)
        });
        written.await.unwrap_or_else(|error| Err(MarketError::Broken { detail: error.to_string() }))
    }

    /// Forgets all bars of an instrument for good; `None` where there are none, else how many there were.
    ///
    /// # Errors
    /// [`MarketError`] where the deletion could not be made durable; engines have stopped seeing them all the same.
    pub async fn delete_bars(self: &Arc<Self>, tenant: &TenantId, instrument: &Instrument) -> Result<Option<usize>, MarketError> {
        let (decider, tenant, instrument) = (Arc::clone(self), tenant.clone(), instrument.clone());
        let written = order::to_its_end(async move {
            let lease = decider.turn_to_write(&tenant, &instrument).await?;
            let _held = decider.order.hold(std::iter::once(("market", &tenant, &instrument))).await;
            let Some(held) = decider.market.remove(&tenant, &instrument) else { return Ok(None) };
            let numbers: BTreeSet<i64> = held.bars().iter().map(|bar| Chunk::number_of(bar.at(), held.interval_sec())).collect();
            let key = |number| key_of((&tenant, &instrument), held.interval_sec(), number);
            let deletes = numbers.into_iter().map(|number| Write::Delete(key(number))).collect();
            decider.commit_in_turn(lease, deletes).await?;
            decider.bars_changed(&tenant);
            Ok(Some(held.bars().len()))
        });
        written.await.unwrap_or_else(|error| Err(MarketError::Broken { detail: error.to_string() }))
    }
}

impl Decider {
    /// A write of bars writes their chunks whole, so of two processes only one may at a time, and only where it knows what the other wrote.
    async fn turn_to_write(self: &Arc<Self>, tenant: &TenantId, instrument: &Instrument) -> Result<Option<Leased>, StoreError> {
        let name = format!("market:{}", blake3::hash(instrument.as_str().as_bytes()).to_hex());
        self.alone(tenant, &name, Duration::from_millis(MARKET_TURN_MS)).await
    }

    pub(super) async fn commit_in_turn(&self, lease: Option<Leased>, writes: Vec<Write>) -> Result<(), StoreError> {
        let Some(lease) = lease else { return self.commit(writes).await };
        let committed = lease.commit(writes).await;
        if committed? { Ok(()) } else { Err(StoreError::Away { detail: "another process has taken over the write".to_owned() }) }
    }
}

fn key_of((tenant, instrument): (&TenantId, &Instrument), interval_sec: u32, chunk: i64) -> RecordKey {
    RecordKey::Market { tenant: tenant.clone(), instrument: instrument.clone(), interval_sec, chunk }
}

/// Joins new bars to those that are held, one after the other.
fn merge(whose: (&TenantId, &Instrument), held: Option<&Series>, bars: &[NewBar]) -> Merged {
    // The first bar of an instrument says how long its bars are.
    let first = bars.iter().find_map(|new| Series::new(new.interval_sec, Vec::new()).ok());
    let held = held.cloned().or(first).unwrap_or_default();
    let interval_sec = held.interval_sec();
    let mut added: BTreeMap<Timestamp, Bar> = BTreeMap::new();
    let mut results: Vec<BarWritten> = bars
        .iter()
        .map(|new| {
            fits(new, &held, &added)?;
            let is_new = added.insert(new.bar.at(), new.bar).is_none() && !held.has(new.bar.at());
            Ok(is_new)
        })
        .collect();
    let all = held.with(&added.values().copied().collect::<Vec<_>>());
    let (series, dropped) = within_limit(all);
    let oldest = series.bars().first().map(Bar::at);
    let mut touched = BTreeSet::new();
    for (new, result) in bars.iter().zip(&mut results) {
        if result.is_ok() && oldest.is_none_or(|oldest| new.bar.at() < oldest) {
            let detail = format!("{MARKET_BARS_MAX} later bars of {} are held, which is the limit", whose.1);
            *result = Err(FieldError::new("/at", detail));
        } else if result.is_ok() {
            touched.insert(Chunk::number_of(new.bar.at(), interval_sec));
        }
    }
    let gone = dropped.iter().filter(|at| held.has(**at)).map(|at| Chunk::number_of(*at, interval_sec)).collect::<BTreeSet<_>>();
    let deletes = gone.into_iter().map(|number| Write::Delete(key_of(whose, interval_sec, number)));
    let puts = Chunk::all_of(whose.0, whose.1, &series).filter(|chunk| touched.contains(&chunk.number));
    let writes = deletes.chain(puts.map(|chunk| Write::Put(Record::Market(chunk.into())))).collect();
    Merged { results, series, writes }
}

/// Whether a bar is of the interval of a series and overlaps none of its bars, nor of those that join before it.
fn fits(new: &NewBar, held: &Series, added: &BTreeMap<Timestamp, Bar>) -> Result<(), FieldError> {
    let (interval_sec, stated) = (held.interval_sec(), checked_interval(new.interval_sec)?);
    if stated != interval_sec {
        let detail = format!("the bars of this instrument take {interval_sec} seconds, not {stated}; DELETE them to change that");
        return Err(FieldError::new("/interval_sec", detail));
    }
    let at = new.bar.at();
    let near = added.range(..at).next_back().into_iter().chain(added.range(at..).next()).map(|(_, bar)| *bar);
    let beside = Series::new(interval_sec, near.collect()).unwrap_or_default();
    match held.clash(&new.bar).or_else(|| beside.clash(&new.bar)) {
        Some(detail) => Err(FieldError::new("/at", detail)),
        None => Ok(()),
    }
}

/// The series without what is past the limit, in whole chunks, and the times of the bars that left.
fn within_limit(series: Series) -> (Series, Vec<Timestamp>) {
    let bars = series.bars();
    let excess = bars.len().saturating_sub(MARKET_BARS_MAX);
    if excess == 0 {
        return (series, Vec::new());
    }
    let number = |bar: &Bar| Chunk::number_of(bar.at(), series.interval_sec());
    let last_to_go = bars.get(excess - 1).map_or(i64::MIN, number);
    let n = bars.partition_point(|bar| number(bar) <= last_to_go);
    let gone = bars.iter().take(n).map(Bar::at).collect();
    (series.without_oldest(n), gone)
}

#[cfg(test)]
mod tests;
