//! Bars that other processes wrote.

use super::Decider;
use super::apply::readable;
use crate::domain::ids::TenantId;
use crate::domain::market::{Bar, Chunk, Instrument, Series};
use crate::domain::time::Timestamp;
use crate::store::{Record, RecordKey, Shared, StoreError};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Chunks that are read in one round trip; one has some 80 kB.
const CHUNKS_TOGETHER: usize = 32;

/// Whose bars of what.
type Whose<'a> = (&'a TenantId, &'a Instrument);

impl Decider {
    /// Has memory hold of these chunks of an instrument what the store holds of them, and nothing of another interval.
    ///
    /// # Errors
    /// [`StoreError`] where the store is away.
    pub(in crate::decide) async fn apply_prices(
        &self,
        shared: &dyn Shared,
        (tenant, instrument): Whose<'_>,
        keys: Vec<RecordKey>,
    ) -> Result<(), StoreError> {
        let _held = self.order.hold(std::iter::once(("market", tenant, instrument))).await;
        self.read_prices(shared, (tenant, instrument), &keys).await.map(drop)
    }

    /// Has memory hold of all chunks of an instrument what the store holds of them; `stored` are those that a scan found.
    pub(super) async fn apply_all_prices(
        &self,
        shared: &dyn Shared,
        (tenant, instrument): Whose<'_>,
        stored: BTreeSet<(u32, i64)>,
    ) -> Result<(), StoreError> {
        let _held = self.order.hold(std::iter::once(("market", tenant, instrument))).await;
        let held = self.market.series(tenant, instrument);
        let numbers = held.iter().flat_map(|series| {
            series.bars().iter().map(|bar| (series.interval_sec(), Chunk::number_of(bar.at(), series.interval_sec())))
        });
        let all: BTreeSet<(u32, i64)> = numbers.chain(stored).collect();
        let key = |(interval_sec, chunk)| RecordKey::Market {
            tenant: tenant.clone(),
            instrument: instrument.clone(),
            interval_sec,
            chunk,
        };
        self.read_prices(shared, (tenant, instrument), &all.into_iter().map(key).collect::<Vec<_>>()).await.map(drop)
    }

    /// The same for whoever holds the place of the instrument in the order of writes; gives what memory holds then.
    ///
    /// # Errors
    /// [`StoreError`] where the store is away.
    pub(in crate::decide) async fn read_prices(
        &self,
        shared: &dyn Shared,
        (tenant, instrument): Whose<'_>,
        keys: &[RecordKey],
    ) -> Result<Option<Arc<Series>>, StoreError> {
        let held = self.market.series(tenant, instrument);
        let mut read = Vec::with_capacity(keys.len());
        for some in keys.chunks(CHUNKS_TOGETHER) {
            read.extend(shared.get_many(some).await?.into_iter().map(readable));
        }
        let chunks: Vec<Arc<Chunk>> = read.into_iter().flatten().filter_map(chunk).collect();
        match replaced(held.as_deref(), keys, &chunks) {
            Ok(series) if series.bars().is_empty() => drop(self.market.remove(tenant, instrument)),
            Ok(series) => self.market.put(tenant, instrument, Arc::new(series)),
            Err(error) => {
                tracing::warn!(%instrument, %error, "bars that another process wrote do not fit to those that are held")
            }
        }
        Ok(self.market.series(tenant, instrument))
    }
}

fn chunk(record: Record) -> Option<Arc<Chunk>> {
    match record {
        Record::Market(chunk) => Some(chunk),
        _ => None,
    }
}

/// The series with the bars of `chunks` in place of those that it had under `keys`.
fn replaced(
    held: Option<&Series>,
    keys: &[RecordKey],
    chunks: &[Arc<Chunk>],
) -> Result<Series, crate::domain::field::FieldError> {
    // Bars of another interval are there only once all those before were deleted.
    let of_held = held.map(Series::interval_sec);
    let interval_sec = chunks.iter().map(|c| c.bars.interval_sec()).rfind(|i| Some(*i) != of_held).or(of_held);
    let interval_sec = interval_sec.or_else(|| chunks.last().map(|c| c.bars.interval_sec())).unwrap_or_default();
    let touched: BTreeSet<i64> = keys.iter().filter_map(|key| number_of(key, interval_sec)).collect();
    let stays = |bar: &&Bar| !touched.contains(&Chunk::number_of(bar.at(), interval_sec));
    let held = held.filter(|series| series.interval_sec() == interval_sec);
    let mut bars: BTreeMap<Timestamp, Bar> =
        held.iter().flat_map(|series| series.bars().iter().filter(stays)).map(|bar| (bar.at(), *bar)).collect();
    for chunk in chunks.iter().filter(|chunk| chunk.bars.interval_sec() == interval_sec) {
        bars.extend(chunk.bars.bars().iter().map(|bar| (bar.at(), *bar)));
    }
    if bars.is_empty() {
        return Ok(Series::default());
    }
    Series::new(interval_sec, bars.into_values().collect())
}

fn number_of(key: &RecordKey, of_interval_sec: u32) -> Option<i64> {
    match key {
        RecordKey::Market { interval_sec, chunk, .. } if *interval_sec == of_interval_sec => Some(*chunk),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whose() -> (TenantId, Instrument) {
        (TenantId::default_tenant(), Instrument::new("ETH").unwrap())
    }

    fn bar(interval_sec: u32, n: i64, price: f64) -> Bar {
        Bar::new(Timestamp::from_micros(n * i64::from(interval_sec) * 1_000_000), [price; 4], 0.0).unwrap()
    }

    fn series(interval_sec: u32, bars: &[(i64, f64)]) -> Series {
        Series::new(interval_sec, bars.iter().map(|(n, price)| bar(interval_sec, *n, *price)).collect()).unwrap()
    }

    fn chunks(series: &Series) -> Vec<Arc<Chunk>> {
        let (tenant, instrument) = whose();
        Chunk::all_of(&tenant, &instrument, series).map(Arc::new).collect()
    }

    fn key(interval_sec: u32, chunk: i64) -> RecordKey {
        let (tenant, instrument) = whose();
        RecordKey::Market { tenant, instrument, interval_sec, chunk }
    }

    fn prices(series: &Series) -> Vec<f64> {
        series.bars().iter().map(Bar::close).collect()
    }

    #[test]
    fn a_chunk_takes_the_place_of_the_bars_that_were_held_of_it() {
        let held = series(60, &[(1, 1.0), (2, 2.0), (2_000, 3.0)]);
        let new = series(60, &[(2, 9.0), (3, 10.0)]);
        let after = replaced(Some(&held), &[key(60, 0)], &chunks(&new)).unwrap();
        assert_eq!(prices(&after), [9.0, 10.0, 3.0]);
        let gone = replaced(Some(&held), &[key(60, 1)], &[]).unwrap();
        assert_eq!(prices(&gone), [1.0, 2.0]);
        assert!(replaced(Some(&held), &[key(60, 0), key(60, 1)], &[]).unwrap().bars().is_empty());
        assert_eq!(prices(&replaced(None, &[key(60, 0)], &chunks(&new)).unwrap()), [9.0, 10.0]);
    }

    #[test]
    fn bars_of_another_interval_take_the_place_of_all() {
        let held = series(60, &[(1, 1.0), (2_000, 3.0)]);
        let new = series(3_600, &[(5, 7.0)]);
        let keys = [key(60, 0), key(3_600, 0)];
        assert_eq!(prices(&replaced(Some(&held), &keys, &chunks(&new)).unwrap()), [7.0]);
        // A late word of a deletion of the old ones is about nothing that is held.
        assert_eq!(prices(&replaced(Some(&new), &[key(60, 1)], &[]).unwrap()), [7.0]);
    }
}
