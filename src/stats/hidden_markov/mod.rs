//! Gaussian hidden Markov models: a chain of states that nobody sees, and normal observations in each.
//!
//! Rabiner (1989), "A tutorial on hidden Markov models", Proc. IEEE 77(2), for the passes, scaled so that nothing underflows; Gauvain and
//! Lee (1994), IEEE Trans. Speech and Audio Processing 2(2), for the prior on means and transitions.

mod errors;
mod fit;
mod passes;

pub use errors::{Errors, standard_errors};
pub use fit::{Fit, Prior, Settings, Shape, fit};
pub use passes::{Passes, passes, viterbi};

use super::StatsError;
use super::gaussian::Gaussian;

/// The parameters of a model of `k` states over `d` numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    /// The chance of each state at the first observation.
    pub start: Vec<f64>,
    /// The chance of the next state, a row for each present one.
    pub transitions: Vec<f64>,
    /// The mean in each state, row by row.
    pub means: Vec<f64>,
    /// The covariance in each state, row by row; all the same where they are tied.
    pub covariances: Vec<Vec<f64>>,
}

impl Model {
    /// How many states there are.
    pub fn states(&self) -> usize {
        self.start.len()
    }

    fn dim(&self) -> usize {
        self.means.len() / self.states().max(1)
    }

    fn densities(&self) -> Result<Vec<Gaussian>, StatsError> {
        let centres = self.means.chunks_exact(self.dim().max(1)).zip(&self.covariances);
        centres.map(|(mean, covariance)| Gaussian::new(mean, covariance)).collect()
    }

    /// The chances of each state after `steps` steps, a row for each present state: a power of the transition matrix.
    pub fn after(&self, steps: usize) -> Vec<f64> {
        power(&self.transitions, self.states(), steps)
    }

    /// The share of time in each state in the long run: the left eigenvector of the transition matrix to the eigenvalue one, by the
    /// state reduction of Grassmann, Taksar and Heyman (1985), which subtracts nothing.
    ///
    /// # Errors
    /// [`StatsError::NotConverged`] where some states are never left for the others.
    pub fn stationary(&self) -> Result<Vec<f64>, StatsError> {
        let k = self.states();
        let mut reduced = self.transitions.clone();
        for last in (1..k).rev() {
            let left: f64 = reduced[last * k..last * k + last].iter().sum();
            if left <= 0.0 {
                return Err(StatsError::NotConverged { iterations: 0, why: "a state is never left: there is no long run" });
            }
            for i in 0..last {
                reduced[i * k + last] /= left;
                for j in 0..last {
                    reduced[i * k + j] += reduced[i * k + last] * reduced[last * k + j];
                }
            }
        }
        let mut shares = vec![1.0; k];
        for at in 1..k {
            shares[at] = (0..at).map(|i| shares[i] * reduced[i * k + at]).sum();
        }
        let total: f64 = shares.iter().sum();
        Ok(shares.iter().map(|share| share / total).collect())
    }

    /// This model with its states in another order: the state `order[i]` comes to place `i`.
    #[must_use]
    pub fn reordered(&self, order: &[usize]) -> Self {
        let (k, d) = (self.states(), self.dim());
        Self {
            start: order.iter().map(|&i| self.start[i]).collect(),
            transitions: order.iter().flat_map(|&i| order.iter().map(move |&j| self.transitions[i * k + j])).collect(),
            means: order.iter().flat_map(|&i| self.means[i * d..(i + 1) * d].iter().copied()).collect(),
            covariances: order.iter().map(|&i| self.covariances[i].clone()).collect(),
        }
    }
}

/// A power of a square matrix that is given row by row.
pub(super) fn power(matrix: &[f64], size: usize, steps: usize) -> Vec<f64> {
    let mut result: Vec<f64> = (0..size * size).map(|at| f64::from(u8::from(at / size == at % size))).collect();
    for _ in 0..steps {
        let mut next = vec![0.0; size * size];
        for i in 0..size {
            for via in 0..size {
                for j in 0..size {
                    next[i * size + j] += result[i * size + via] * matrix[via * size + j];
                }
            }
        }
        result = next;
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two states that are hard to leave and lie four standard deviations apart.
    pub(super) fn two_states() -> Model {
        Model {
            start: vec![0.5, 0.5],
            transitions: vec![0.9, 0.1, 0.2, 0.8],
            means: vec![0.0, 3.0],
            covariances: vec![vec![1.0], vec![0.5]],
        }
    }

    /// Observations of a model of two states over one number, and the states that they were made in.
    pub(super) fn simulate(model: &Model, n: usize, seed: u64) -> (Vec<f64>, Vec<usize>) {
        let mut chance = fastrand::Rng::with_seed(seed);
        let (mut state, mut values, mut states) = (0, Vec::new(), Vec::new());
        for _ in 0..n {
            let normal = (-2.0 * (1.0 - chance.f64()).ln()).sqrt() * (std::f64::consts::TAU * chance.f64()).cos();
            values.push(model.means[state] + model.covariances[state][0].sqrt() * normal);
            states.push(state);
            state = usize::from(chance.f64() > model.transitions[state * 2]);
        }
        (values, states)
    }

    #[test]
    fn the_long_run_is_left_as_it_is_by_one_more_step() {
        let model = Model {
            start: vec![1.0, 0.0, 0.0],
            transitions: vec![0.7, 0.2, 0.1, 0.3, 0.6, 0.1, 0.25, 0.25, 0.5],
            means: vec![0.0; 3],
            covariances: vec![vec![1.0]; 3],
        };
        let shares = model.stationary().unwrap();
        for to in 0..3 {
            let after: f64 = (0..3).map(|from| shares[from] * model.transitions[from * 3 + to]).sum();
            assert!((after - shares[to]).abs() < 1e-15, "{shares:?}");
        }
        let two = two_states().stationary().unwrap();
        assert!((two[0] - 2.0 / 3.0).abs() < 1e-15);
    }

    #[test]
    fn a_chain_that_never_leaves_a_state_has_no_long_run() {
        let model = Model { transitions: vec![0.5, 0.5, 0.0, 1.0], ..two_states() };
        assert!(matches!(model.stationary(), Err(StatsError::NotConverged { .. })));
    }

    #[test]
    fn two_steps_are_the_product_of_one_and_one_and_rows_stay_chances() {
        let after = two_states().after(2);
        assert!((after[0] - (0.9 * 0.9 + 0.1 * 0.2)).abs() < 1e-15);
        let week = two_states().after(7);
        assert!(((week[0] + week[1]) - 1.0).abs() < 1e-14 && ((week[2] + week[3]) - 1.0).abs() < 1e-14);
    }

    #[test]
    fn another_order_of_the_states_is_the_same_model() {
        let turned = two_states().reordered(&[1, 0]);
        assert_eq!(turned.transitions, [0.8, 0.2, 0.1, 0.9]);
        assert_eq!(turned.means, [3.0, 0.0]);
        assert_eq!(turned.reordered(&[1, 0]), two_states());
    }
}
