use super::*;
use crate::stats::survival::known::{placebo, treated};

const GO_ON: &(dyn Fn() -> bool + Sync) = &|| false;

fn options(ties: Ties) -> Options {
    Options { ties, level: 0.95 }
}

fn children() -> (Vec<Life>, DMatrix<f64>) {
    let lives: Vec<Life> = treated().into_iter().chain(placebo()).collect();
    let group = DMatrix::from_iterator(42, 1, (0..42).map(|at| if at < 21 { 0.0 } else { 1.0 }));
    (lives, group)
}

#[test]
fn the_children_under_placebo_fare_as_printed_for_both_ways_with_ties() {
    // R 4, survival::coxph on MASS::gehan: Efron 1.5721 (0.4124), Breslow 1.5092 (0.4096).
    let (lives, group) = children();
    for (ties, estimate, error) in [(Ties::Efron, 1.572_13, 0.412_40), (Ties::Breslow, 1.509_19, 0.409_56)] {
        let fit = cox(&lives, &group, options(ties), GO_ON).unwrap();
        assert!((fit.coefficients[0].estimate - estimate).abs() < 6e-6, "{fit:?}");
        assert!((fit.coefficients[0].standard_error - error).abs() < 6e-6, "{fit:?}");
        assert!((fit.concordance.unwrap() - 0.690).abs() < 5e-4, "{fit:?}");
    }
}

#[test]
fn units_of_a_covariate_change_its_coefficient_and_nothing_else() {
    let (lives, group) = children();
    let one = cox(&lives, &group, options(Ties::Efron), GO_ON).unwrap();
    let thousand = cox(&lives, &group.map(|x| 1e6 + 1e3 * x), options(Ties::Efron), GO_ON).unwrap();
    assert!((one.coefficients[0].estimate - 1e3 * thousand.coefficients[0].estimate).abs() < 1e-6);
    assert!((one.log_likelihood - thousand.log_likelihood).abs() < 1e-9);
    assert_eq!(one.concordance, thousand.concordance);
}

#[test]
fn the_baseline_reproduces_the_number_of_events() {
    // With Breslow's ties the martingale residuals add up to 0: the expected events are the events.
    let (lives, group) = children();
    let fit = cox(&lives, &group, options(Ties::Breslow), GO_ON).unwrap();
    let expected: f64 = lives
        .iter()
        .zip(group.iter())
        .map(|(life, x)| {
            let passed = fit.baseline.partition_point(|b| b.time <= life.time);
            let hazard = passed.checked_sub(1).map_or(0.0, |at| fit.baseline[at].cumulative_hazard);
            hazard * (fit.coefficients[0].estimate * (x - fit.means[0])).exp()
        })
        .sum();
    assert!((expected - 30.0).abs() < 1e-9, "{expected}");
}

#[test]
fn a_constant_and_a_collinear_covariate_and_one_that_separates_are_refused() {
    let (lives, group) = children();
    let constant = DMatrix::from_element(42, 1, 3.0);
    assert!(matches!(cox(&lives, &constant, options(Ties::Efron), GO_ON), Err(StatsError::Constant(_))));
    let twice = DMatrix::from_fn(42, 2, |row, column| group[row] * (column + 1) as f64 + 0.1 * column as f64);
    assert_eq!(cox(&lives, &twice, options(Ties::Efron), GO_ON).unwrap_err(), StatsError::Collinear(2));
    let first = DMatrix::from_iterator(42, 1, lives.iter().map(|life| f64::from(u8::from(life.event && life.time < 6.0))));
    assert!(matches!(cox(&lives, &first, options(Ties::Efron), GO_ON), Err(StatsError::NotConverged { .. })));
    assert!(matches!(
        cox(&lives[..2], &group.rows(0, 2).into_owned(), options(Ties::Efron), GO_ON),
        Err(StatsError::TooFew { .. })
    ));
    assert_eq!(cox(&lives, &group, options(Ties::Efron), &|| true).unwrap_err(), StatsError::Stopped);
}

fn simulated(random: &mut fastrand::Rng, count: usize, beta: [f64; 2]) -> (Vec<Life>, DMatrix<f64>) {
    let covariates =
        DMatrix::from_fn(
            count,
            2,
            |_, column| {
                if column == 0 { f64::from(u8::from(random.f64() < 0.4)) } else { random.f64() * 3.0 - 1.0 }
            },
        );
    let lives = (0..count)
        .map(|row| {
            let rate = (beta[0] * covariates[(row, 0)] + beta[1] * covariates[(row, 1)]).exp();
            let (t, c) = (-random.f64().ln() / rate, 2.0 * random.f64());
            // Times on a grid, so that there are ties.
            Life { time: (t.min(c) * 50.0).ceil() / 50.0, event: t <= c }
        })
        .collect();
    (lives, covariates)
}

#[test]
fn intervals_of_known_coefficients_cover_at_their_level() {
    let mut random = fastrand::Rng::with_seed(29);
    let (beta, runs) = ([0.7, -0.5], 200);
    let (mut covered, mut bent) = ([0u32; 2], 0u32);
    for _ in 0..runs {
        let (lives, covariates) = simulated(&mut random, 120, beta);
        let fit = cox(&lives, &covariates, options(Ties::Efron), GO_ON).unwrap();
        for j in 0..2 {
            covered[j] += u32::from(fit.coefficients[j].interval.contains(beta[j]));
        }
        bent += u32::from(fit.coefficients[0].proportional_p < 0.05);
    }
    // Three binomial errors of 0.95 at 200 runs are 0.046.
    for covers in [covered[0], covered[1], 200 - bent] {
        assert!((f64::from(covers) / f64::from(runs) - 0.95).abs() < 0.047, "{covered:?}, {bent}");
    }
}

#[test]
fn concordance_is_that_of_counting_all_pairs() {
    let mut random = fastrand::Rng::with_seed(31);
    let (mut lives, _) = simulated(&mut random, 90, [0.0, 0.0]);
    lives.sort_by(|a, b| b.time.total_cmp(&a.time));
    let scores: Vec<f64> = (0..90).map(|_| f64::from(random.u8(0..9))).collect();
    let (mut concordant, mut comparable) = (0.0, 0.0);
    for (a, short) in lives.iter().enumerate().filter(|(_, life)| life.event) {
        for (b, long) in lives.iter().enumerate() {
            if long.time > short.time || (long.time == short.time && !long.event) {
                comparable += 1.0;
                concordant += if scores[a] > scores[b] { 1.0 } else { 0.5 * f64::from(u8::from(scores[a] == scores[b])) };
            }
        }
    }
    assert_eq!(concordance(&lives, &scores), Some(concordant / comparable));
    assert_eq!(concordance(&lives[..1], &scores[..1]), None);
}
