//! How the markets move together.

use super::book::Market;
use crate::domain::frame::Frame;
use crate::domain::time::Timestamp;
use crate::engine::numeric::method::FitFault;
use crate::engine::numeric::methods::bars::{Bars, common};
use crate::engine::numeric::symbol;
use crate::stats::StatsError;
use crate::stats::correlation::shrunk;
use crate::stats::monte_carlo::{Draws, tail_degrees};
use crate::stats::points::Points;

/// The fewest days from which moves are estimated.
const DAYS_MIN: usize = 60;

/// Daily log-returns of the markets under Student's law in several dimensions.
pub(super) struct Moves {
    /// The standard deviation of each.
    pub deviations: Vec<f64>,
    pub correlation: Vec<f64>,
    pub intensity: f64,
    pub degrees: f64,
    pub degrees_interval: [f64; 2],
    /// The share of each market in all that is open: the market on the whole is their mean by these.
    pub weights: Vec<f64>,
    pub days: usize,
    pub window: Option<[Timestamp; 2]>,
}

impl Moves {
    /// Of the last `days` daily returns of the markets, from bars with `time`, `symbol` and `close`.
    pub fn read(
        frame: &Frame,
        markets: &[Market],
        days: usize,
        as_of: Timestamp,
        told: &mut Vec<String>,
    ) -> Result<Self, FitFault> {
        let symbols = frame.texts("symbol")?;
        let (mut all, mut window) = (Vec::new(), None);
        for market in markets {
            let base = symbol::base(&market.name);
            let rows = (0..frame.rows()).filter(|&row| symbols[row].as_deref().is_some_and(|own| symbol::base(own) == base));
            let rows: Vec<usize> = rows.collect();
            if rows.is_empty() {
                return Err(FitFault::NoData(format!("bars of {}", market.name)));
            }
            let bars = Bars::read(&frame.take(&rows), "bars", as_of)?;
            let mut own = bars.told.clone();
            all.push(bars.days(&mut own)?);
            told.extend(own.into_iter().map(|told| format!("{}: {told}", market.name)));
            window = bars.window();
        }
        let (moments, columns) = common(&all);
        if moments.len() < DAYS_MIN {
            return Err(StatsError::TooFew { needed: DAYS_MIN, got: moments.len() }.into());
        }
        let from = moments.len().saturating_sub(days);
        let columns: Vec<&[f64]> = columns.iter().map(|column| &column[from..]).collect();
        let total: f64 = markets.iter().map(|market| market.open_usdt).sum();
        Self::of(&columns, markets.iter().map(|market| market.open_usdt / total).collect(), window)
    }

    fn of(columns: &[&[f64]], weights: Vec<f64>, window: Option<[Timestamp; 2]>) -> Result<Self, FitFault> {
        let (p, n) = (columns.len(), columns[0].len());
        let (mut deviations, mut standardised) = (Vec::new(), Vec::new());
        for column in columns {
            let mean = column.iter().sum::<f64>() / n as f64;
            let deviation = (column.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (n - 1) as f64).sqrt();
            if deviation <= 1e-9 {
                return Err(StatsError::Constant("the price of a market").into());
            }
            standardised.extend(column.iter().map(|value| (value - mean) / deviation));
            deviations.push(deviation);
        }
        let (degrees, degrees_interval) = tail_degrees(&standardised)?;
        let rows: Vec<f64> = (0..n).flat_map(|day| columns.iter().map(move |column| column[day])).collect();
        let (correlation, intensity) = if p == 1 {
            (vec![1.0], 0.0)
        } else {
            let found = shrunk(Points::new(&rows, p)?)?;
            (found.correlation, found.intensity)
        };
        Ok(Self { deviations, correlation, intensity, degrees, degrees_interval, weights, days: n, window })
    }

    fn covariance(&self, i: usize, j: usize) -> f64 {
        self.correlation[i * self.weights.len() + j] * self.deviations[i] * self.deviations[j]
    }

    /// The covariance of each market with the market on the whole, and the variance of that.
    fn whole(&self) -> (Vec<f64>, f64) {
        let p = self.weights.len();
        let with: Vec<f64> = (0..p).map(|i| (0..p).map(|j| self.covariance(i, j) * self.weights[j]).sum()).collect();
        let variance = with.iter().zip(&self.weights).map(|(with, weight)| with * weight).sum();
        (with, variance)
    }

    /// How far each market moves when all move by one on the whole.
    pub fn betas(&self) -> Vec<f64> {
        let (with, variance) = self.whole();
        with.iter().map(|with| with / variance).collect()
    }

    /// Independent draws of the move of each market in one day, row by row.
    pub fn draws(&self, trials: usize, seed: u64, stop: crate::stats::Stop<'_>) -> Result<Vec<f64>, StatsError> {
        let mut draws = Draws::new(&self.correlation, Some(self.degrees), seed)?.independent();
        let mut all = Vec::with_capacity(trials * self.deviations.len());
        for trial in 0..trials {
            if trial.is_multiple_of(1_024) && stop() {
                return Err(StatsError::Stopped);
            }
            all.extend(draws.draw().iter().zip(&self.deviations).map(|(draw, deviation)| draw * deviation));
        }
        Ok(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_have_the_volatility_of_each_market_and_betas_average_to_one() {
        let found = Moves {
            deviations: vec![0.03, 0.05],
            correlation: vec![1.0, 0.7, 0.7, 1.0],
            intensity: 0.0,
            degrees: 6.0,
            degrees_interval: [6.0, 6.0],
            weights: vec![0.6, 0.4],
            days: 365,
            window: None,
        };
        let rows = found.draws(40_000, 1, &|| false).unwrap();
        for (at, truth) in [0.03, 0.05].into_iter().enumerate() {
            let own = (rows.iter().skip(at).step_by(2).map(|value| value * value).sum::<f64>() / 40_000.0).sqrt();
            assert!((own / truth - 1.0).abs() < 0.03, "{own}");
        }
        let betas = found.betas();
        assert!((0.6 * betas[0] + 0.4 * betas[1] - 1.0).abs() < 1e-12 && betas[1] > betas[0]);
    }

    #[test]
    fn the_tail_of_the_returns_is_found_from_all_markets_together() {
        let mut draws = Draws::new(&[1.0, 0.5, 0.5, 1.0], Some(4.0), 9).unwrap().independent();
        let rows: Vec<[f64; 2]> = (0..800)
            .map(|_| {
                let row = draws.draw();
                [0.02 * row[0], 0.04 * row[1]]
            })
            .collect();
        let column = |at: usize| rows.iter().map(|row| row[at]).collect::<Vec<f64>>();
        let found = Moves::of(&[&column(0), &column(1)], vec![0.5, 0.5], None).unwrap();
        assert!((2.8..6.5).contains(&found.degrees), "{}", found.degrees);
        assert!((found.correlation[1] - 0.5).abs() < 0.12);
    }
}
