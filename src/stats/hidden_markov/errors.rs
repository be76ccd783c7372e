//! Standard errors from the observed information.

use super::fit::{Prior, Shape};
use super::passes::passes;
use super::{Model, power};
use crate::stats::gaussian::Gaussian;
use crate::stats::points::{Points, add_outer};
use crate::stats::{StatsError, Stop};
use nalgebra::DMatrix;

/// A chance below this is held where it is: it lies on the edge, where there is no standard error.
const EDGE: f64 = 1e-6;

/// How well the parameters of a model are known.
#[derive(Debug, Clone, PartialEq)]
pub struct Errors {
    /// Of each chance of a step.
    pub transitions: Vec<f64>,
    /// Of each mean, in the order of the model.
    pub means: Vec<f64>,
    /// The covariance of the log-odds of leaving against staying, over `(from, to)` in `free`.
    odds: DMatrix<f64>,
    free: Vec<(usize, usize)>,
}

impl Errors {
    /// Standard errors of the chances of each state `steps` steps after the state `from`, by the delta method.
    pub fn after(&self, model: &Model, from: usize, steps: usize) -> Vec<f64> {
        let k = model.states();
        let slopes = DMatrix::from_fn(k, self.free.len(), |to, at| {
            let (row, column) = self.free[at];
            let shifted = |by: f64| power(&tilted(&model.transitions, k, row, column, by), k, steps)[from * k + to];
            (shifted(1e-5) - shifted(-1e-5)) / 2e-5
        });
        let spread = &slopes * &self.odds * slopes.transpose();
        (0..k).map(|at| spread[(at, at)].max(0.0).sqrt()).collect()
    }
}

/// The chances after the log-odds of one step against staying grew by `by`.
fn tilted(transitions: &[f64], k: usize, from: usize, to: usize, by: f64) -> Vec<f64> {
    let mut result = transitions.to_vec();
    let row = &mut result[from * k..(from + 1) * k];
    row[to] *= by.exp();
    let total: f64 = row.iter().sum();
    row.iter_mut().for_each(|chance| *chance /= total);
    result
}

/// The free parameters of a model in one row: log-odds of steps, means, and covariances without what is there twice.
struct Layout {
    k: usize,
    dim: usize,
    shape: Shape,
    free: Vec<(usize, usize)>,
}

impl Layout {
    fn of(model: &Model, shape: Shape) -> Self {
        let (k, dim) = (model.states(), model.dim());
        let pairs = (0..k).flat_map(|from| (0..k).map(move |to| (from, to)));
        let free = pairs.filter(|&(from, to)| from != to && model.transitions[from * k + to] > EDGE).collect();
        Self { k, dim, shape, free }
    }

    fn spreads(&self) -> usize {
        if self.shape == Shape::Tied { 1 } else { self.k }
    }

    fn count(&self) -> usize {
        self.free.len() + self.k * self.dim + self.spreads() * self.dim * (self.dim + 1) / 2
    }

    /// The model with one parameter moved, and by how much it really was: the step is in proportion to the parameter's own scale.
    fn moved(&self, model: &Model, at: usize, step: f64) -> (Model, f64) {
        let mut moved = model.clone();
        let first_mean = self.free.len();
        let first_spread = first_mean + self.k * self.dim;
        if at < first_mean {
            let (from, to) = self.free[at];
            moved.transitions = tilted(&model.transitions, self.k, from, to, step);
            return (moved, step);
        }
        if at < first_spread {
            let (state, column) = ((at - first_mean) / self.dim, (at - first_mean) % self.dim);
            let by = step * model.covariances[state][column * (self.dim + 1)].sqrt();
            moved.means[at - first_mean] += by;
            return (moved, by);
        }
        let each = self.dim * (self.dim + 1) / 2;
        let (state, (row, column)) = ((at - first_spread) / each, triangle(self.dim)[(at - first_spread) % each]);
        let diagonal = |at: usize| model.covariances[state][at * (self.dim + 1)];
        let by = step * (diagonal(row) * diagonal(column)).sqrt();
        for (other, covariance) in moved.covariances.iter_mut().enumerate() {
            if self.shape == Shape::Tied || other == state {
                covariance[row * self.dim + column] += by;
                if row != column {
                    covariance[column * self.dim + row] += by;
                }
            }
        }
        (moved, by)
    }
}

/// The places on and below the diagonal.
fn triangle(dim: usize) -> Vec<(usize, usize)> {
    (0..dim).flat_map(|row| (0..=row).map(move |column| (row, column))).collect()
}

/// Standard errors at a fitted model: the inverse of the observed information, which is the numerical derivative of the score by Fisher's
/// identity (Jamshidian & Jennrich, 2000, "Standard errors for EM estimation", JRSS B 62(2)). With a prior they are the curvature of
/// the posterior. They take the model for true; where neighbouring observations share data, they are too small.
///
/// # Errors
/// Those of [`passes`], and [`StatsError::NotConverged`] where the information is not positive definite: the fit is no maximum.
pub fn standard_errors(
    points: Points<'_>,
    model: &Model,
    shape: Shape,
    prior: Option<&Prior>,
    stop: Stop<'_>,
) -> Result<Errors, StatsError> {
    const STEP: f64 = 1e-4;
    let layout = Layout::of(model, shape);
    let count = layout.count();
    let mut information = DMatrix::zeros(count, count);
    for at in 0..count {
        let ((up, ahead), (down, back)) = (layout.moved(model, at, STEP), layout.moved(model, at, -STEP));
        let (above, below) = (score(points, &up, &layout, prior, stop)?, score(points, &down, &layout, prior, stop)?);
        for other in 0..count {
            information[(other, at)] = (below[other] - above[other]) / (ahead - back);
        }
    }
    let symmetric = (&information + information.transpose()) * 0.5;
    let flat = StatsError::NotConverged { iterations: 0, why: "the likelihood is flat at the fit: there are no standard errors" };
    let inverse = symmetric.cholesky().ok_or(flat)?.inverse();
    let odds = inverse.view((0, 0), (layout.free.len(), layout.free.len())).into_owned();
    let first = layout.free.len();
    let means = (0..layout.k * layout.dim).map(|at| inverse[(first + at, first + at)].sqrt()).collect();
    let mut errors = Errors { transitions: Vec::new(), means, odds, free: layout.free };
    errors.transitions = (0..model.states()).flat_map(|from| errors.after(model, from, 1)).collect();
    Ok(errors)
}

/// The derivative of the objective by each free parameter.
fn score(
    points: Points<'_>,
    model: &Model,
    layout: &Layout,
    prior: Option<&Prior>,
    stop: Stop<'_>,
) -> Result<Vec<f64>, StatsError> {
    let (k, dim) = (layout.k, layout.dim);
    let seen = passes(points, model, stop)?;
    let count = |from: usize, to: usize| {
        let before = prior.map_or(0.0, |prior| prior.spread + if from == to { prior.stay } else { 0.0 });
        seen.steps[from * k + to] + before
    };
    let mut result = Vec::with_capacity(layout.count());
    for &(from, to) in &layout.free {
        let total: f64 = (0..k).map(|to| count(from, to)).sum();
        result.push(count(from, to) - model.transitions[from * k + to] * total);
    }
    let mut spreads = vec![vec![0.0; dim * (dim + 1) / 2]; layout.spreads()];
    for state in 0..k {
        let mean = &model.means[state * dim..(state + 1) * dim];
        let precision = Gaussian::new(mean, &model.covariances[state])?.precision();
        let (mut pulls, mut squares, mut weight) = (vec![0.0; dim], vec![0.0; dim * dim], 0.0);
        let mut take = |row: &[f64], share: f64| {
            weight += share;
            pulls.iter_mut().zip(row.iter().zip(mean)).for_each(|(pull, (value, mean))| *pull += share * (value - mean));
            add_outer(&mut squares, row, mean, share);
        };
        points.rows().enumerate().for_each(|(at, row)| take(row, seen.smoothed[at * k + state]));
        if let Some(prior) = prior {
            take(&prior.means[state * dim..(state + 1) * dim], prior.weight);
        }
        let precision = DMatrix::from_row_slice(dim, dim, &precision);
        result.extend((&precision * DMatrix::from_column_slice(dim, 1, &pulls)).iter());
        let curve = (&precision * DMatrix::from_row_slice(dim, dim, &squares) * &precision - &precision * weight) * 0.5;
        let own = if layout.shape == Shape::Tied { 0 } else { state };
        for (sum, (row, column)) in spreads[own].iter_mut().zip(triangle(dim)) {
            *sum += if row == column { curve[(row, column)] } else { 2.0 * curve[(row, column)] };
        }
    }
    result.extend(spreads.into_iter().flatten());
    Ok(result)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{simulate, two_states};
    use super::super::{Settings, fit};
    use super::*;

    const ON: fn() -> bool = || false;

    #[test]
    fn the_score_is_the_slope_of_the_likelihood() {
        let values: Vec<f64> = (0..80).map(|at| f64::from(at * at % 11) * 0.4 + f64::from(at % 3)).collect();
        let points = Points::new(&values, 2).unwrap();
        let covariances = vec![vec![1.5, 0.2, 0.2, 1.0], vec![1.0, -0.1, -0.1, 2.0]];
        let model =
            Model { start: vec![0.3, 0.7], transitions: vec![0.7, 0.3, 0.4, 0.6], means: vec![1.0, 2.0, 3.0, 2.5], covariances };
        let layout = Layout::of(&model, Shape::Full);
        let slopes = score(points, &model, &layout, None, &ON).unwrap();
        for (at, slope) in slopes.iter().enumerate() {
            let ((up, ahead), (down, back)) = (layout.moved(&model, at, 1e-5), layout.moved(&model, at, -1e-5));
            let rise = passes(points, &up, &ON).unwrap().log_likelihood - passes(points, &down, &ON).unwrap().log_likelihood;
            let numeric = rise / (ahead - back);
            assert!((numeric - slope).abs() < 1e-5 * (1.0 + slope.abs()), "{at}: {numeric} {slope}");
        }
    }

    #[test]
    fn intervals_cover_the_true_parameters_as_often_as_they_say() {
        const RUNS: u64 = 200;
        let (truth, mut covered) = (two_states(), [0_u64; 3]);
        for run in 0..RUNS {
            let (values, _) = simulate(&truth, 400, 1000 + run);
            let points = Points::new(&values, 1).unwrap();
            let settings = Settings {
                states: 2,
                shape: Shape::Full,
                prior: None,
                first: Some(&truth),
                loyalty: 0.0,
                starts: 0,
                ridge: 0.0,
                iterations_max: 500,
                tolerance: 1e-7,
                seed: run,
            };
            let found = fit(points, &settings, &ON).unwrap().model;
            let errors = standard_errors(points, &found, Shape::Full, None, &ON).unwrap();
            let week = (found.after(7)[0], truth.after(7)[0], errors.after(&found, 0, 7)[0]);
            let step = (found.transitions[1], truth.transitions[1], errors.transitions[1]);
            let mean = (found.means[1], truth.means[1], errors.means[1]);
            for (count, (own, truth, error)) in covered.iter_mut().zip([step, mean, week]) {
                *count += u64::from((own - truth).abs() <= 1.96 * error);
            }
        }
        // 200 runs at 95%: the share has a standard error of 1.5 points, and three of them are allowed.
        assert!(covered.iter().all(|&count| (181..=199).contains(&count)), "{covered:?}");
    }

    #[test]
    fn a_chance_on_the_edge_has_no_error_and_spoils_no_other() {
        let truth = two_states();
        let (values, _) = simulate(&truth, 400, 2);
        let three = Model {
            start: vec![0.5, 0.5, 0.0],
            transitions: vec![0.9, 0.1, 0.0, 0.2, 0.8, 0.0, 0.1, 0.1, 0.8],
            means: vec![0.0, 3.0, 50.0],
            covariances: vec![vec![1.0]; 3],
        };
        let prior = Prior { means: vec![0.0, 3.0, 50.0], weight: 1.0, stay: 1.0, spread: 1.0 };
        let errors = standard_errors(Points::new(&values, 1).unwrap(), &three, Shape::Tied, Some(&prior), &ON).unwrap();
        assert!(errors.transitions[2] == 0.0 && errors.transitions[1] > 0.0);
    }
}
