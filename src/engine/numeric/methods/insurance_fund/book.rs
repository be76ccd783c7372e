//! The open positions, as what they leave uncovered at a price.

use crate::domain::frame::Frame;
use crate::engine::numeric::method::FitFault;
use crate::engine::numeric::methods::tabular::left_out;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The positions of one market, ready to be asked what they lack at a return.
pub(super) struct Market {
    pub name: Arc<str>,
    /// Long and short positions together, in USDT.
    pub open_usdt: f64,
    longs: Side,
    shorts: Side,
}

/// Positions in the order in which they run out of margin.
#[derive(Default)]
struct Side {
    /// The adverse move from which on the first n positions lack something.
    thresholds: Vec<f64>,
    /// Sums of notional and of margin over the first n.
    notional: Vec<f64>,
    margin: Vec<f64>,
}

impl Side {
    /// Of pairs of notional and margin, both positive.
    fn of(mut positions: Vec<[f64; 2]>) -> Self {
        positions.sort_by(|left, right| (left[1] / left[0]).total_cmp(&(right[1] / right[0])));
        let mut side = Self { notional: vec![0.0], margin: vec![0.0], ..Self::default() };
        let (mut all, mut held) = (0.0, 0.0);
        for [notional, margin] in positions {
            (all, held) = (all + notional, held + margin);
            side.thresholds.push(margin / notional);
            side.notional.push(all);
            side.margin.push(held);
        }
        side
    }

    /// What the positions lack together after an adverse move of this share of their value.
    fn shortfall(&self, adverse: f64) -> f64 {
        let gone = self.thresholds.partition_point(|threshold| *threshold < adverse);
        (self.notional[gone] * adverse - self.margin[gone]).max(0.0)
    }
}

impl Market {
    /// What the positions of the market lack after a return of the price, with what it costs to close them.
    pub fn shortfall(&self, simple_return: f64, cost: f64) -> f64 {
        self.longs.shortfall(cost - simple_return) + self.shorts.shortfall(cost + simple_return)
    }
}

/// The markets of a frame with `market`, `notional_usdt` (negative where short) and `margin_usdt`, one row for each position.
pub(super) fn read(frame: &Frame, told: &mut Vec<String>) -> Result<(Vec<Market>, usize), FitFault> {
    let (names, notional, margin) = (frame.texts("market")?, frame.numbers("notional_usdt")?, frame.numbers("margin_usdt")?);
    let mut sides: BTreeMap<Arc<str>, [Vec<[f64; 2]>; 2]> = BTreeMap::new();
    let (mut wrong, mut positions) = (0, 0);
    for row in 0..frame.rows() {
        let (Some(name), size, held) = (&names[row], notional[row], margin[row]) else {
            wrong += 1;
            continue;
        };
        if !(size.is_finite() && size != 0.0 && held.is_finite() && held >= 0.0) {
            wrong += 1;
            continue;
        }
        positions += 1;
        sides.entry(Arc::clone(name)).or_default()[usize::from(size < 0.0)].push([size.abs(), held]);
    }
    left_out(told, wrong, "the market, a notional other than zero or a margin of zero or more is missing");
    if sides.is_empty() {
        return Err(FitFault::NoData("positions".to_owned()));
    }
    let markets = sides.into_iter().map(|(name, [longs, shorts])| {
        let open_usdt = longs.iter().chain(&shorts).map(|position| position[0]).sum();
        Market { name, open_usdt, longs: Side::of(longs), shorts: Side::of(shorts) }
    });
    Ok((markets.collect(), positions))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::domain::frame::Column;
    use proptest::prelude::*;

    pub(in crate::engine::numeric::methods::insurance_fund) fn frame(rows: &[(&str, f64, f64)]) -> Frame {
        Frame::new(vec![
            ("market".into(), Column::Text(rows.iter().map(|row| Some(row.0.into())).collect())),
            ("notional_usdt".into(), Column::Number(rows.iter().map(|row| row.1).collect())),
            ("margin_usdt".into(), Column::Number(rows.iter().map(|row| row.2).collect())),
        ])
        .unwrap()
    }

    proptest! {
        #[test]
        fn the_shortfall_is_the_sum_over_positions(
            rows in prop::collection::vec((-1000.0..1000.0_f64, 0.0..300.0_f64), 1..20), change in -0.9..0.9_f64,
        ) {
            let named: Vec<(&str, f64, f64)> = rows.iter().filter(|row| row.0 != 0.0).map(|row| ("X", row.0, row.1)).collect();
            prop_assume!(!named.is_empty());
            let (markets, count) = read(&frame(&named), &mut Vec::new()).unwrap();
            let by_hand: f64 = named.iter().map(|(_, size, held)| (-size * change + 0.002 * size.abs() - held).max(0.0)).sum();
            prop_assert_eq!(count, named.len());
            prop_assert!((markets[0].shortfall(change, 0.002) - by_hand).abs() < 1e-9 * (1.0 + by_hand));
        }
    }

    #[test]
    fn positions_without_a_size_are_left_out_and_told() {
        let mut told = Vec::new();
        let (markets, count) = read(&frame(&[("A", 100.0, 10.0), ("A", 0.0, 1.0), ("A", f64::NAN, 1.0)]), &mut told).unwrap();
        assert_eq!((markets.len(), count, told.len()), (1, 1, 1));
        assert!(matches!(read(&frame(&[("A", 0.0, 1.0)]), &mut told), Err(FitFault::NoData(_))));
    }
}
