//! The partial likelihood of Cox's model with its first two derivatives.

use super::Ties;
use crate::stats::survival::Life;
use crate::stats::{StatsError, Stop};
use nalgebra::{DMatrix, DVector};

/// Every so many lives the caller is asked whether to go on.
const ASK_EVERY: usize = 256;

/// Lives in falling order of time, each covariate with mean 0 and standard deviation 1.
#[derive(Debug)]
pub(super) struct Sample {
    pub lives: Vec<Life>,
    /// By rows, `width` numbers each.
    covariates: Vec<f64>,
    pub width: usize,
    pub means: Vec<f64>,
    pub deviations: Vec<f64>,
}

/// The log partial likelihood at one point.
#[derive(Debug, Clone)]
pub(super) struct Point {
    pub value: f64,
    pub gradient: DVector<f64>,
    /// The second derivative with its sign turned.
    pub information: DMatrix<f64>,
}

/// The baseline hazard's jump at one time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Jump {
    pub time: f64,
    pub hazard: f64,
}

/// Σ w, Σ w x and Σ w x xᵀ over a set of lives.
#[derive(Debug, Clone)]
struct Sums {
    zero: f64,
    one: DVector<f64>,
    two: DMatrix<f64>,
}

impl Sums {
    fn new(width: usize) -> Self {
        Self { zero: 0.0, one: DVector::zeros(width), two: DMatrix::zeros(width, width) }
    }

    fn add(&mut self, weight: f64, row: &[f64]) {
        self.zero += weight;
        for (i, &x) in row.iter().enumerate() {
            self.one[i] += weight * x;
            for (j, &y) in row[..=i].iter().enumerate() {
                self.two[(i, j)] += weight * x * y;
            }
        }
    }

    fn clear(&mut self) {
        self.zero = 0.0;
        self.one.fill(0.0);
        self.two.fill(0.0);
    }
}

impl Sample {
    /// Sorts and standardises.
    ///
    /// # Errors
    /// [`StatsError::Value`], [`StatsError::Constant`] and [`StatsError::Collinear`].
    pub fn new(lives: &[Life], covariates: &DMatrix<f64>) -> Result<Self, StatsError> {
        let (rows, width) = covariates.shape();
        if rows != lives.len() {
            return Err(StatsError::Lengths(lives.len(), rows));
        }
        if let Some(at) = covariates.iter().position(|x| !x.is_finite()) {
            let value = covariates[(at % rows, at / rows)];
            return Err(StatsError::Value { what: "covariates", row: at % rows + 1, value, wanted: "a number" });
        }
        let (mut scaled, mut means, mut deviations) = (covariates.clone(), Vec::new(), Vec::new());
        for mut column in scaled.column_iter_mut() {
            let mean = column.mean();
            column.add_scalar_mut(-mean);
            let deviation = column.norm() / (rows as f64).sqrt();
            if deviation.is_nan() || deviation <= 1e-12 * mean.abs() || deviation == 0.0 {
                return Err(StatsError::Constant("a covariate"));
            }
            column /= deviation;
            means.push(mean);
            deviations.push(deviation);
        }
        independent(&scaled)?;
        let mut order: Vec<usize> = (0..rows).collect();
        order.sort_by(|&a, &b| lives[b].time.total_cmp(&lives[a].time));
        let rows_of = order.iter().flat_map(|&row| scaled.row(row).iter().copied().collect::<Vec<_>>()).collect();
        Ok(Self { lives: order.iter().map(|&row| lives[row]).collect(), covariates: rows_of, width, means, deviations })
    }

    fn row(&self, at: usize) -> &[f64] {
        &self.covariates[at * self.width..(at + 1) * self.width]
    }

    /// xᵀβ of each life in order.
    pub fn scores(&self, beta: &DVector<f64>) -> Vec<f64> {
        (0..self.lives.len()).map(|at| self.row(at).iter().zip(beta.iter()).map(|(x, b)| x * b).sum()).collect()
    }

    /// Goes from the last time to the first, the set of those at risk growing, and gives it to `visit` with the events of each
    /// time.
    fn walk(&self, scores: &[f64], stop: Stop<'_>, mut visit: impl FnMut(Tied<'_>)) -> Result<(), StatsError> {
        // All weights are divided by the largest, so that none overflows.
        let shift = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let (mut risk, mut dying) = (Sums::new(self.width), Sums::new(self.width));
        let mut at = 0;
        while at < self.lives.len() {
            let (time, first) = (self.lives[at].time, at);
            dying.clear();
            let mut events = 0;
            while at < self.lives.len() && self.lives[at].time == time {
                if at.is_multiple_of(ASK_EVERY) && stop() {
                    return Err(StatsError::Stopped);
                }
                let weight = (scores[at] - shift).exp();
                risk.add(weight, self.row(at));
                if self.lives[at].event {
                    dying.add(weight, self.row(at));
                    events += 1;
                }
                at += 1;
            }
            if events > 0 {
                visit(Tied { time, lives: first..at, events, risk: &risk, dying: &dying, shift });
            }
        }
        Ok(())
    }

    /// Value, gradient and information at β.
    pub fn at(&self, beta: &DVector<f64>, ties: Ties, stop: Stop<'_>) -> Result<Point, StatsError> {
        let scores = self.scores(beta);
        let mut point =
            Point { value: 0.0, gradient: DVector::zeros(self.width), information: DMatrix::zeros(self.width, self.width) };
        self.walk(&scores, stop, |tied| {
            for at in tied.lives.clone().filter(|&at| self.lives[at].event) {
                point.value += scores[at] - tied.shift;
                for (g, x) in point.gradient.iter_mut().zip(self.row(at)) {
                    *g += x;
                }
            }
            for k in 0..tied.events {
                let part = ties.part(k, tied.events);
                let zero = tied.risk.zero - part * tied.dying.zero;
                let mean = (&tied.risk.one - part * &tied.dying.one) / zero;
                point.value -= zero.ln();
                point.gradient -= &mean;
                for i in 0..self.width {
                    for j in 0..=i {
                        point.information[(i, j)] +=
                            (tied.risk.two[(i, j)] - part * tied.dying.two[(i, j)]) / zero - mean[i] * mean[j];
                    }
                }
            }
        })?;
        point.information.fill_upper_triangle_with_lower_triangle();
        Ok(point)
    }

    /// The baseline hazard at the covariates' means, in rising order of time.
    pub fn baseline(&self, beta: &DVector<f64>, ties: Ties, stop: Stop<'_>) -> Result<Vec<Jump>, StatsError> {
        let mut jumps = Vec::new();
        self.walk(&self.scores(beta), stop, |tied| {
            let parts = (0..tied.events).map(|k| 1.0 / (tied.risk.zero - ties.part(k, tied.events) * tied.dying.zero));
            jumps.push(Jump { time: tied.time, hazard: parts.sum::<f64>() * (-tied.shift).exp() });
        })?;
        jumps.reverse();
        Ok(jumps)
    }

    /// For each event, in falling order of time, the covariates less their expectation among those at risk.
    pub fn schoenfeld(&self, beta: &DVector<f64>, ties: Ties, stop: Stop<'_>) -> Result<Vec<DVector<f64>>, StatsError> {
        let mut residuals = Vec::new();
        self.walk(&self.scores(beta), stop, |tied| {
            let mut mean = DVector::zeros(self.width);
            for k in 0..tied.events {
                let part = ties.part(k, tied.events);
                mean +=
                    (&tied.risk.one - part * &tied.dying.one) / (tied.risk.zero - part * tied.dying.zero) / tied.events as f64;
            }
            for at in tied.lives.clone().filter(|&at| self.lives[at].event) {
                residuals.push(DVector::from_row_slice(self.row(at)) - &mean);
            }
        })?;
        Ok(residuals)
    }
}

/// The lives of one time at which events came.
struct Tied<'a> {
    time: f64,
    lives: std::ops::Range<usize>,
    events: usize,
    risk: &'a Sums,
    dying: &'a Sums,
    shift: f64,
}

/// Refuses a column that the columns before it span, by Gram and Schmidt's orthogonalisation, twice for each column (Björck
/// 1994).
fn independent(columns: &DMatrix<f64>) -> Result<(), StatsError> {
    let mut basis: Vec<DVector<f64>> = Vec::with_capacity(columns.ncols());
    for (at, column) in columns.column_iter().enumerate() {
        let mut rest = column.into_owned();
        let before = rest.norm();
        for _ in 0..2 {
            for one in &basis {
                let along = one.dot(&rest);
                rest.axpy(-along, one, 1.0);
            }
        }
        let norm = rest.norm();
        if norm <= 1e-9 * before {
            return Err(StatsError::Collinear(at + 1));
        }
        basis.push(rest / norm);
    }
    Ok(())
}
