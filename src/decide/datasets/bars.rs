//! The bars of `/v1/market` as a dataset.

use super::{BARS, DatasetsError};
use crate::dataset;
use crate::decide::Decider;
use crate::domain::dataset::{ContentHash, DatasetVersion};
use crate::domain::frame::{Column, Frame};
use crate::domain::ids::{DatasetName, TenantId};
use crate::domain::market::{Bar, Instrument, Series};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;

/// The hash of each series that was looked at, with the series itself: whether it is still the same is then one comparison of addresses.
pub(super) type Prints = Mutex<HashMap<(TenantId, Instrument), (Arc<Series>, ContentHash)>>;

/// The bars of an instrument.
type Held = (Instrument, Arc<Series>);

impl Decider {
    /// Tells whoever subscribed that the bars of a tenant have changed, where they can be read as a dataset.
    pub(in crate::decide) fn bars_changed(&self, tenant: &TenantId) {
        if let Ok(name) = DatasetName::new(BARS)
            && self.dataset(tenant, &name).is_none()
        {
            self.datasets.changed(tenant, &name);
        }
    }

    fn bars_held(&self, tenant: &TenantId) -> Vec<Held> {
        let mut own: Vec<Instrument> =
            self.market.instruments().into_iter().filter(|(of, _)| of == tenant).map(|(_, instrument)| instrument).collect();
        own.sort();
        let held = |instrument: Instrument| self.market.series(tenant, &instrument).map(|series| (instrument, series));
        own.into_iter().filter_map(held).filter(|(_, series)| !series.bars().is_empty()).collect()
    }

    /// Which bars a tenant has now; `None` where it has none.
    pub(super) fn bars_version(&self, tenant: &TenantId) -> Option<DatasetVersion> {
        self.version_of(tenant, &self.bars_held(tenant))
    }

    fn version_of(&self, tenant: &TenantId, held: &[Held]) -> Option<DatasetVersion> {
        let ends = |series: &Arc<Series>| Some([series.bars().first()?.at(), series.closes_at(series.last()?)]);
        let windows: Vec<_> = held.iter().filter_map(|(_, series)| ends(series)).collect();
        let (first, last) = (windows.iter().map(|[first, _]| *first).min()?, windows.iter().map(|[_, last]| *last).max()?);
        let mut hasher = blake3::Hasher::new_derive_key("instinct dataset bars v1");
        let mut prints = self.datasets.prints.lock();
        for (instrument, series) in held {
            let key = (tenant.clone(), instrument.clone());
            let known = prints.get(&key).filter(|(of, _)| Arc::ptr_eq(of, series)).map(|(_, print)| *print);
            let print = known.unwrap_or_else(|| print_of(series));
            hasher.update(instrument.as_str().as_bytes());
            hasher.update(&[0]);
            hasher.update(&print.0);
            prints.insert(key, (Arc::clone(series), print));
        }
        // What nobody holds any more is let go of.
        prints.retain(|(of, instrument), _| of != tenant || held.iter().any(|(held, _)| held == instrument));
        Some(DatasetVersion { version: 0, hash: ContentHash(*hasher.finalize().as_bytes()), window: Some([first, last]) })
    }

    /// The bars of a tenant as rows: time (when a bar begins), symbol, open, high, low, close and volume; by symbol, then by time.
    ///
    /// # Errors
    /// [`DatasetsError::Broken`].
    pub(super) async fn bars_frame(&self, tenant: &TenantId) -> Result<Option<(Arc<Frame>, DatasetVersion)>, DatasetsError> {
        let held = self.bars_held(tenant);
        let Some(version) = self.version_of(tenant, &held) else { return Ok(None) };
        let read = async {
            let work = move || {
                let frame = frame_of(&held);
                let bytes = dataset::memory_of(&frame);
                (Arc::new(frame), bytes)
            };
            tokio::task::spawn_blocking(work).await.map_err(DatasetsError::broken)
        };
        let frame = self.datasets.frames.get_or_read(tenant, version.hash, read).await?;
        Ok(Some((frame, version)))
    }
}

fn print_of(series: &Series) -> ContentHash {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&series.interval_sec().to_le_bytes());
    let mut bytes = Vec::with_capacity(1 << 16);
    for bars in series.bars().chunks(1_024) {
        for bar in bars {
            bytes.extend_from_slice(&bar.at().as_micros().to_le_bytes());
            for value in [bar.open(), bar.high(), bar.low(), bar.close(), bar.volume()] {
                bytes.extend_from_slice(&value.to_le_bytes());
            }
        }
        hasher.update(&bytes);
        bytes.clear();
    }
    ContentHash(*hasher.finalize().as_bytes())
}

fn frame_of(held: &[Held]) -> Frame {
    let numbers =
        |of: fn(&Bar) -> f64| Column::Number(held.iter().flat_map(|(_, series)| series.bars().iter().map(of)).collect());
    let times = held.iter().flat_map(|(_, series)| series.bars().iter().map(|bar| Some(bar.at()))).collect();
    let symbols = held.iter().flat_map(|(instrument, series)| {
        let symbol: Arc<str> = instrument.as_str().into();
        series.bars().iter().map(move |_| Some(Arc::clone(&symbol)))
    });
    let columns = vec![
        ("time".into(), Column::Time(times)),
        ("symbol".into(), Column::Text(symbols.collect())),
        ("open".into(), numbers(Bar::open)),
        ("high".into(), numbers(Bar::high)),
        ("low".into(), numbers(Bar::low)),
        ("close".into(), numbers(Bar::close)),
        ("volume".into(), numbers(Bar::volume)),
    ];
    // Names are unique, lengths equal and bars finite.
    Frame::new(columns).unwrap_or_default()
}
