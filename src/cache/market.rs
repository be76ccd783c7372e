//! Past prices in memory: one series for each instrument of a tenant, swapped as a whole when it is written.

use super::usage::{Usage, Used};
use crate::domain::ids::TenantId;
use crate::domain::market::{Instrument, Series};
use crate::limits::{MARKET_BARS_TOTAL_MAX, MARKET_SERIES_MAX};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Why further bars are not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{held} are held for all instruments together, and no more than {max} may be")]
pub struct MarketFull {
    /// What is held, with its number.
    pub held: String,
    /// The limit.
    pub max: usize,
}

/// Bytes of memory that a series takes.
fn bytes_of(series: &Series) -> u64 {
    size_of_val(series.bars()) as u64
}

/// The series in memory.
#[derive(Debug, Default)]
pub struct MarketCache {
    series: papaya::HashMap<(TenantId, Instrument), Arc<Series>>,
    bars: AtomicUsize,
    usage: Usage,
}

impl MarketCache {
    /// The bars of an instrument.
    pub fn series(&self, tenant: &TenantId, instrument: &Instrument) -> Option<Arc<Series>> {
        self.series.pin().get(&(tenant.clone(), instrument.clone())).cloned()
    }

    /// Whether `more` bars of an instrument may join. Two writers that ask at the same time may both be told yes; what that passes the limit
    /// by is bounded by the bulk writes at one time.
    ///
    /// # Errors
    /// [`MarketFull`].
    pub fn room_for(&self, tenant: &TenantId, instrument: &Instrument, more: usize) -> Result<(), MarketFull> {
        let (bars, series) = (self.bars(), self.series.pin());
        if bars.saturating_add(more) > MARKET_BARS_TOTAL_MAX {
            return Err(MarketFull { held: format!("{bars} bars"), max: MARKET_BARS_TOTAL_MAX });
        }
        if series.len() >= MARKET_SERIES_MAX && !series.contains_key(&(tenant.clone(), instrument.clone())) {
            return Err(MarketFull { held: format!("bars of {} instruments", series.len()), max: MARKET_SERIES_MAX });
        }
        Ok(())
    }

    /// Puts a series in place of the one that is held. Writes of one instrument come one after the other.
    pub fn put(&self, tenant: &TenantId, instrument: &Instrument, series: Arc<Series>) {
        self.bars.fetch_add(series.bars().len(), Ordering::Relaxed);
        let came = bytes_of(&series);
        let held = self.series.pin().insert((tenant.clone(), instrument.clone()), series).cloned();
        self.usage.changed(tenant, held.as_deref().map(bytes_of), Some(came));
        let before = held.map(|held| held.bars().len());
        self.bars.fetch_sub(before.unwrap_or(0), Ordering::Relaxed);
    }

    /// Forgets an instrument, and gives what was held of it.
    pub fn remove(&self, tenant: &TenantId, instrument: &Instrument) -> Option<Arc<Series>> {
        let held = self.series.pin().remove(&(tenant.clone(), instrument.clone())).cloned();
        self.bars.fetch_sub(held.as_ref().map_or(0, |series| series.bars().len()), Ordering::Relaxed);
        if let Some(held) = &held {
            self.usage.changed(tenant, Some(bytes_of(held)), None);
        }
        held
    }

    /// All that bars are held of.
    pub fn instruments(&self) -> Vec<(TenantId, Instrument)> {
        self.series.pin().keys().cloned().collect()
    }

    /// The series of a tenant, and the bytes that their bars take.
    pub fn used(&self, tenant: &TenantId) -> Used {
        self.usage.of(tenant)
    }

    /// The same of every tenant.
    pub fn used_by_all(&self) -> Vec<(TenantId, Used)> {
        self.usage.all()
    }

    /// How many instruments there are.
    pub fn len(&self) -> usize {
        self.series.pin().len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many bars there are of all instruments together.
    pub fn bars(&self) -> usize {
        self.bars.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::market::Bar;
    use crate::domain::time::Timestamp;

    fn series(bars: i64) -> Arc<Series> {
        let bar = |n: i64| Bar::new(Timestamp::from_micros(n * 60_000_000), [1.0; 4], 0.0).unwrap();
        Series::new(60, (0..bars).map(bar).collect()).unwrap().into()
    }

    #[test]
    fn a_series_takes_the_place_of_the_one_before_and_the_count_follows() {
        let (cache, own) = (MarketCache::default(), TenantId::default_tenant());
        let other = TenantId::new("other").unwrap();
        let eth = Instrument::new("ETH").unwrap();
        cache.put(&own, &eth, series(3));
        cache.put(&own, &eth, series(5));
        assert_eq!((cache.len(), cache.bars()), (1, 5));
        assert!(cache.series(&other, &eth).is_none(), "nothing of one tenant is seen by another");
        cache.put(&other, &eth, series(2));
        assert_eq!(cache.remove(&own, &eth).unwrap().bars().len(), 5);
        assert_eq!((cache.len(), cache.bars()), (1, 2));
        assert_eq!((cache.used(&own), cache.used(&other).bytes), (Used::default(), 2 * size_of::<Bar>() as u64));
        assert!(cache.remove(&own, &eth).is_none());
    }

    #[test]
    fn more_bars_than_there_is_room_for_are_refused() {
        let (cache, own) = (MarketCache::default(), TenantId::default_tenant());
        let eth = Instrument::new("ETH").unwrap();
        cache.put(&own, &eth, series(10));
        assert!(cache.room_for(&own, &eth, MARKET_BARS_TOTAL_MAX - 10).is_ok());
        assert!(cache.room_for(&own, &eth, MARKET_BARS_TOTAL_MAX - 9).is_err());
    }
}
