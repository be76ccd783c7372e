//! Tests of GARCH(1,1).

use super::*;
use fastrand::Rng;

const ON: fn() -> bool = || false;
const TRUTH: Parameters = Parameters { mu: 0.05, omega: 0.1, alpha: 0.12, beta: 0.8 };

fn simulate(p: &Parameters, n: usize, seed: u64) -> Vec<f64> {
    let mut chance = Rng::with_seed(seed);
    let mut variance = p.omega / (1.0 - p.persistence());
    let one = |_| {
        let normal = (-2.0 * (1.0 - chance.f64()).ln()).sqrt() * (std::f64::consts::TAU * chance.f64()).cos();
        let shock = variance.sqrt() * normal;
        variance = p.omega + p.alpha * shock * shock + p.beta * variance;
        p.mu + shock
    };
    (0..n).map(one).collect()
}

#[test]
fn the_score_is_the_slope_of_the_likelihood() {
    let returns = simulate(&TRUTH, 300, 4);
    let (_, slope) = likelihood(&returns, 0.7, &TRUTH).unwrap();
    for at in 0..4 {
        let value = |by: f64| {
            let mut row = TRUTH.row();
            row[at] += by;
            likelihood(&returns, 0.7, &Parameters::of_row(row)).unwrap().0
        };
        let numeric = (value(1e-6) - value(-1e-6)) / 2e-6;
        assert!((numeric - slope[at]).abs() < 1e-4 * (1.0 + slope[at].abs()), "{at}: {numeric} {slope:?}");
    }
}

#[test]
fn intervals_cover_the_true_parameters_as_often_as_they_say() {
    const RUNS: u64 = 50;
    let mut covered = [0_u64; 4];
    for run in 0..RUNS {
        let found = fit(&simulate(&TRUTH, 3000, 100 + run), &ON).unwrap();
        let errors = found.standard_errors.unwrap();
        for at in 0..4 {
            covered[at] += u64::from((found.parameters.row()[at] - TRUTH.row()[at]).abs() <= 1.96 * errors[at]);
        }
    }
    // 50 runs at 95%: the share has a standard error of 3.1 points, and three of them are allowed.
    assert!(covered.iter().all(|&count| count >= 43), "{covered:?}");
}

#[test]
fn another_unit_of_the_returns_is_the_same_fit() {
    let returns = simulate(&TRUTH, 600, 8);
    let hundredth: Vec<f64> = returns.iter().map(|value| value / 100.0).collect();
    let (own, other) = (fit(&returns, &ON).unwrap(), fit(&hundredth, &ON).unwrap());
    assert!((own.parameters.alpha - other.parameters.alpha).abs() < 1e-9);
    assert!((own.parameters.omega / 1e4 - other.parameters.omega).abs() < 1e-12);
    assert!((own.log_likelihood - (other.log_likelihood - 600.0 * 100.0_f64.ln())).abs() < 1e-6);
}

#[test]
fn forecasts_come_back_to_the_long_run() {
    let found = fit(&simulate(&TRUTH, 2000, 21), &ON).unwrap();
    let far = found.forecast(2000);
    let long = found.long_run_variance().unwrap();
    assert!((far[1999].variance / long - 1.0).abs() < 1e-9);
    let last = found.variances.len() - 1;
    let (p, shock) = (found.parameters, found.standardised[last] * found.variances[last].sqrt());
    let next = p.omega + p.alpha * shock * shock + p.beta * found.variances[last];
    assert!((far[0].variance - next).abs() < 1e-12 && (far[0].volatility - next.sqrt()).abs() < 1e-12);
    assert!(far[6].standard_error.unwrap() > 0.0);
}

#[test]
fn a_constant_series_a_short_one_and_a_missing_number_are_refused() {
    assert!(matches!(fit(&[1.0; 200], &ON), Err(StatsError::Constant(_))));
    assert!(matches!(fit(&[0.0; 200], &ON), Err(StatsError::Constant(_))));
    assert!(matches!(fit(&[1.0; 20], &ON), Err(StatsError::TooFew { .. })));
    let mut returns = simulate(&TRUTH, 200, 1);
    returns[7] = f64::NAN;
    assert!(matches!(fit(&returns, &ON), Err(StatsError::Value { row: 8, .. })));
}

#[test]
fn returns_without_clusters_give_finite_numbers() {
    let mut chance = Rng::with_seed(3);
    let returns: Vec<f64> = (0..500).map(|_| chance.f64() - 0.5).collect();
    if let Ok(found) = fit(&returns, &ON) {
        assert!(found.log_likelihood.is_finite() && found.forecast(30).iter().all(|ahead| ahead.volatility.is_finite()));
    }
}
