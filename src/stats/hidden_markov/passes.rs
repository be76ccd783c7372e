//! Forward, backward and the likeliest path.

use super::Model;
use crate::stats::gaussian::Gaussian;
use crate::stats::points::Points;
use crate::stats::{StatsError, Stop};

/// What the observations say of the states, given a model.
#[derive(Debug, Clone, PartialEq)]
pub struct Passes {
    /// The logarithm of the likelihood.
    pub log_likelihood: f64,
    /// The chance of each state at each observation, given all of them; row by row.
    pub smoothed: Vec<f64>,
    /// The expected number of steps from one state to another.
    pub steps: Vec<f64>,
}

/// The forward and the backward pass (Baum & al., 1970; Rabiner, 1989, §V-A for the scaling). Densities are divided by the largest of each
/// observation before their exponential is taken, so that an observation far from every state does no harm.
///
/// # Errors
/// [`StatsError::Collinear`] for a covariance that isn't positive definite, [`StatsError::NotConverged`] where the model gives the
/// observations no chance at all, and [`StatsError::Stopped`].
pub fn passes(points: Points<'_>, model: &Model, stop: Stop<'_>) -> Result<Passes, StatsError> {
    let (n, k, densities) = (points.len(), model.states(), model.densities()?);
    let (mut emitted, mut forward) = (vec![0.0; n * k], vec![0.0; n * k]);
    let mut scales = vec![0.0; n];
    let mut log_likelihood = 0.0;
    let mut before = model.start.clone();
    for (at, row) in points.rows().enumerate() {
        if at.is_multiple_of(4096) && stop() {
            return Err(StatsError::Stopped);
        }
        let emitted = &mut emitted[at * k..(at + 1) * k];
        let most = emit(row, &densities, emitted);
        let now = &mut forward[at * k..(at + 1) * k];
        now.iter_mut().zip(before.iter().zip(emitted.iter())).for_each(|(now, (before, emitted))| *now = before * emitted);
        let scale: f64 = now.iter().sum();
        if scale.is_nan() || scale <= 0.0 {
            return Err(StatsError::NotConverged { iterations: 0, why: "the model gives the observations no chance" });
        }
        now.iter_mut().for_each(|now| *now /= scale);
        (scales[at], log_likelihood) = (scale, log_likelihood + scale.ln() + most);
        before = step(now, &model.transitions);
    }
    let (smoothed, steps) = backward(model, &emitted, forward, &scales);
    Ok(Passes { log_likelihood, smoothed, steps })
}

/// The densities of a row, divided by the largest of them, and the logarithm of that.
fn emit(row: &[f64], densities: &[Gaussian], emitted: &mut [f64]) -> f64 {
    emitted.iter_mut().zip(densities).for_each(|(emitted, density)| *emitted = density.log_density(row));
    let most = emitted.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    emitted.iter_mut().for_each(|emitted| *emitted = (*emitted - most).exp());
    most
}

/// The chances one step on.
fn step(now: &[f64], transitions: &[f64]) -> Vec<f64> {
    let k = now.len();
    (0..k).map(|to| (0..k).map(|from| now[from] * transitions[from * k + to]).sum()).collect()
}

/// Turns the forward chances into smoothed ones, and counts the expected steps.
fn backward(model: &Model, emitted: &[f64], mut forward: Vec<f64>, scales: &[f64]) -> (Vec<f64>, Vec<f64>) {
    let k = model.states();
    let mut steps = vec![0.0; k * k];
    let mut beyond = vec![1.0; k];
    for at in (0..scales.len().saturating_sub(1)).rev() {
        let next = (at + 1) * k;
        let arriving: Vec<f64> = (0..k).map(|to| emitted[next + to] * beyond[to] / scales[at + 1]).collect();
        let mut earlier = vec![0.0; k];
        for from in 0..k {
            let here = forward[at * k + from];
            for to in 0..k {
                let path = model.transitions[from * k + to] * arriving[to];
                earlier[from] += path;
                steps[from * k + to] += here * path;
            }
        }
        beyond = earlier;
        let row = &mut forward[at * k..(at + 1) * k];
        row.iter_mut().zip(&beyond).for_each(|(chance, beyond)| *chance *= beyond);
        let total: f64 = row.iter().sum();
        row.iter_mut().for_each(|chance| *chance /= total);
    }
    (forward, steps)
}

/// The likeliest path of states (Viterbi, 1967), in logarithms.
///
/// # Errors
/// As [`passes`].
pub fn viterbi(points: Points<'_>, model: &Model, stop: Stop<'_>) -> Result<Vec<usize>, StatsError> {
    let (n, k, densities) = (points.len(), model.states(), model.densities()?);
    let log_transitions: Vec<f64> = model.transitions.iter().map(|chance| chance.ln()).collect();
    let mut best: Vec<f64> =
        model.start.iter().zip(&densities).map(|(start, density)| start.ln() + density.log_density(points.row(0))).collect();
    let mut came_from = vec![0_usize; n * k];
    for at in 1..n {
        if at.is_multiple_of(4096) && stop() {
            return Err(StatsError::Stopped);
        }
        let next = (0..k).map(|to| {
            let ways = (0..k).map(|from| best[from] + log_transitions[from * k + to]);
            let (from, way) = ways.enumerate().fold((0, f64::NEG_INFINITY), |most, way| if way.1 > most.1 { way } else { most });
            came_from[at * k + to] = from;
            way + densities[to].log_density(points.row(at))
        });
        best = next.collect();
    }
    let mut path = vec![0; n];
    path[n - 1] = crate::stats::gaussian::likeliest(&best);
    for at in (1..n).rev() {
        path[at - 1] = came_from[at * k + path[at]];
    }
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::super::tests::two_states;
    use super::*;
    use proptest::prelude::*;

    const ON: fn() -> bool = || false;

    /// The chance of a path and the observations together, written out.
    fn joint(model: &Model, values: &[f64], path: &[usize]) -> f64 {
        let densities = model.densities().unwrap();
        let mut chance = model.start[path[0]] * densities[path[0]].log_density(&values[..1]).exp();
        for at in 1..values.len() {
            chance *= model.transitions[path[at - 1] * 2 + path[at]] * densities[path[at]].log_density(&values[at..=at]).exp();
        }
        chance
    }

    fn paths(n: usize) -> impl Iterator<Item = Vec<usize>> {
        (0..1_usize << n).map(move |bits| (0..n).map(|at| bits >> at & 1).collect())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(30))]
        #[test]
        fn the_passes_say_what_the_sum_over_all_paths_says(values in prop::collection::vec(-2.0..5.0_f64, 2..8)) {
            let (model, n) = (two_states(), values.len());
            let points = Points::new(&values, 1).unwrap();
            let whole: f64 = paths(n).map(|path| joint(&model, &values, &path)).sum();
            let found = passes(points, &model, &ON).unwrap();
            prop_assert!((found.log_likelihood - whole.ln()).abs() < 1e-10);
            let first_high: f64 = paths(n).filter(|path| path[0] == 1).map(|path| joint(&model, &values, &path)).sum();
            prop_assert!((found.smoothed[1] - first_high / whole).abs() < 1e-10);
            let rises = |path: &[usize]| path.windows(2).filter(|pair| pair == &[0, 1]).count() as f64;
            let steps: f64 = paths(n).map(|path| rises(&path) * joint(&model, &values, &path)).sum();
            prop_assert!((found.steps[1] - steps / whole).abs() < 1e-9);
        }

        #[test]
        fn no_path_is_likelier_than_that_of_viterbi(values in prop::collection::vec(-2.0..5.0_f64, 1..8)) {
            let model = two_states();
            let path = viterbi(Points::new(&values, 1).unwrap(), &model, &ON).unwrap();
            let own = joint(&model, &values, &path);
            prop_assert!(paths(values.len()).all(|other| joint(&model, &values, &other) <= own * (1.0 + 1e-12)));
        }
    }

    #[test]
    fn an_observation_far_from_every_state_does_not_underflow() {
        let values = [0.0, 1e6, 3.0];
        let found = passes(Points::new(&values, 1).unwrap(), &two_states(), &ON).unwrap();
        assert!(found.log_likelihood.is_finite() && found.smoothed.iter().all(|chance| chance.is_finite()));
    }

    #[test]
    fn a_stop_is_obeyed() {
        let stopped = passes(Points::new(&[1.0, 2.0], 1).unwrap(), &two_states(), &|| true);
        assert_eq!(stopped, Err(StatsError::Stopped));
    }
}
