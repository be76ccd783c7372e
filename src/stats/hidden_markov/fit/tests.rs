//! Tests of Baum–Welch.

use super::*;
use crate::stats::hidden_markov::tests::{simulate, two_states};

const ON: fn() -> bool = || false;

fn settings<'a>() -> Settings<'a> {
    Settings {
        states: 2,
        shape: Shape::Full,
        prior: None,
        first: None,
        loyalty: 0.0,
        starts: 2,
        ridge: 1e-6,
        iterations_max: 300,
        tolerance: 1e-8,
        seed: 3,
    }
}

#[test]
fn the_parameters_that_the_data_were_made_with_come_back() {
    let (values, states) = simulate(&two_states(), 3000, 17);
    let found = fit(Points::new(&values, 1).unwrap(), &settings(), &ON).unwrap();
    let model = if found.model.means[0] < found.model.means[1] { found.model.clone() } else { found.model.reordered(&[1, 0]) };
    for (own, truth) in model.transitions.iter().zip(&two_states().transitions) {
        assert!((own - truth).abs() < 0.03, "{model:?}");
    }
    assert!((model.means[0]).abs() < 0.08 && (model.means[1] - 3.0).abs() < 0.08, "{model:?}");
    let high = usize::from(found.model.means[1] > found.model.means[0]);
    let right = found.path.iter().zip(&states).filter(|(own, truth)| (**own == high) == (**truth == 1)).count();
    assert!(right as f64 / 3000.0 > 0.95, "{right}");
}

#[test]
fn no_round_lowers_the_objective_with_or_without_a_prior() {
    let (values, _) = simulate(&two_states(), 300, 5);
    let points = Points::new(&values, 1).unwrap();
    let prior = Prior { means: vec![0.5, 2.0], weight: 20.0, stay: 5.0, spread: 1.0 };
    for (prior, shape) in [(None, Shape::Full), (Some(&prior), Shape::Full), (Some(&prior), Shape::Tied), (None, Shape::Tied)] {
        // Without a ridge, each round is exact expectation and maximisation.
        let settings = Settings { prior, shape, ridge: 0.0, ..settings() };
        let mut model = around(points, &[1.0, 2.0], &settings);
        let mut before = f64::NEG_INFINITY;
        for _ in 0..25 {
            let seen = passes(points, &model, &ON).unwrap();
            let objective = seen.log_likelihood + prior.map_or(0.0, |prior| log_prior(&model, prior).unwrap());
            assert!(objective >= before - 1e-9, "{objective} {before} {shape:?}");
            before = objective;
            model = maximise(points, &seen, &settings);
        }
    }
}

#[test]
fn the_prior_fixes_the_order_of_the_states() {
    let (values, _) = simulate(&two_states(), 600, 9);
    for means in [vec![0.0, 3.0], vec![3.0, 0.0]] {
        let prior = Prior { means: means.clone(), weight: 5.0, stay: 0.0, spread: 1.0 };
        let found = fit(Points::new(&values, 1).unwrap(), &Settings { prior: Some(&prior), ..settings() }, &ON).unwrap();
        assert_eq!(found.model.means[0] < found.model.means[1], means[0] < means[1]);
    }
}

#[test]
fn too_few_observations_and_those_that_do_not_vary_are_refused() {
    assert!(matches!(fit(Points::new(&[1.0, 2.0], 1).unwrap(), &settings(), &ON), Err(StatsError::TooFew { .. })));
    assert!(fit(Points::new(&[1.0; 50], 1).unwrap(), &settings(), &ON).is_err());
}
