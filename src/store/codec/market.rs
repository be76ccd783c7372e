//! The record of a chunk of bars.

use super::{Fault, Field, Fields, Shape};
use crate::domain::ids::TenantId;
use crate::domain::market::{Bar, Chunk, Instrument, Series};
use crate::domain::time::Timestamp;
use crate::store::record::RecordKind;

const BARS: Field = Field::required(1, "bars", Shape::Json);

pub(super) const TABLE: &[Field] = &[BARS];

/// A bar as it is written: start, open, high, low, close, volume.
type Row = (Timestamp, f64, f64, f64, f64, f64);

pub(super) fn write(chunk: &Chunk) -> Result<Fields<'_>, Fault> {
    let row = |bar: &Bar| -> Row { (bar.at(), bar.open(), bar.high(), bar.low(), bar.close(), bar.volume()) };
    let mut fields = Fields::new(RecordKind::Market);
    fields.put_json(&BARS, &chunk.bars.bars().iter().map(row).collect::<Vec<_>>())?;
    Ok(fields)
}

pub(super) fn read(
    (tenant, instrument): (&TenantId, &Instrument),
    interval_sec: u32,
    number: i64,
    fields: &Fields<'_>,
) -> Result<Chunk, Fault> {
    let rows: Vec<Row> = fields.json(&BARS)?;
    let bar = |(at, open, high, low, close, volume): Row| Bar::new(at, [open, high, low, close], volume);
    let bars = rows.into_iter().map(bar).collect::<Result<_, _>>().map_err(|e| BARS.bad(e))?;
    let series = Series::new(interval_sec, bars).map_err(|e| BARS.bad(e))?;
    Chunk::new(tenant.clone(), instrument.clone(), number, series).map_err(|e| BARS.bad(e))
}

#[cfg(test)]
mod tests {
    use super::super::check;
    use crate::store::sample;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_chunk_of_bars_reads_back_as_it_was_written(chunk in sample::market()) {
            check::reads_back(&chunk)?;
        }

        #[test]
        fn a_damaged_chunk_of_bars_is_an_error(chunk in sample::market(), damage in check::damage()) {
            check::damage_is_noticed(&chunk, &damage)?;
        }
    }

    #[test]
    fn a_chunk_of_bars_of_format_2_still_reads() {
        check::fixture_reads(&sample::fixed_market(), include_bytes!("fixtures/market.v2.bin"));
    }
}
