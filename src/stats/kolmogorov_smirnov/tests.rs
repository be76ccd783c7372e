use super::*;
use proptest::prelude::*;

fn never() -> bool {
    false
}

/// The first is the example of Marsaglia, Tsang and Wang (2003), P(D₁₀ < 0.274) = 0.6284796154565042739; the others come from SciPy 1.17's
/// `kstwo.sf`.
#[test]
fn exact_chances_of_one_sample_agree_with_published_ones() {
    let known = [
        (10, 0.274, 1.0 - 0.628_479_615_456_504_3),
        (1, 0.7, 0.6),
        (5, 0.4, 0.3088),
        (20, 0.3, 0.043_067_066_658_516_23),
        (100, 0.12, 0.103_303_749_018_199_39),
        (140, 0.05, 0.857_648_029_765_611_4),
    ];
    for (count, distance, chance) in known {
        let found = 1.0 - kolmogorov(count, distance, &never).unwrap();
        assert!((found - chance).abs() < 1e-13, "{count} {distance}: {found}");
    }
}

/// SciPy 1.17's `kstwobign.sf`.
#[test]
fn the_limit_agrees_with_published_chances_on_both_series() {
    for (x, chance) in [
        (0.5, 0.963_945_243_664_875_1),
        (0.9, 0.392_730_707_940_654_3),
        (1.2, 0.112_249_666_670_724_97),
        (1.6, 0.011_952_043_239_196_616),
    ] {
        assert!((limit(x) - chance).abs() < 1e-13, "{x}: {}", limit(x));
    }
    assert_eq!(limit(0.0), 1.0);
}

/// SciPy 1.17's `ks_2samp(…, method="exact")`.
#[test]
fn exact_chances_of_two_samples_agree_with_published_ones() {
    let first = [
        0.61, 0.29, 0.06, 0.59, -1.73, -0.74, 0.51, -0.56, 0.39, 1.64, 0.05, -0.06, 0.64, -0.82, 0.37, 1.77, 1.09, -1.28, 2.36,
        1.31, 1.05, -0.32, -0.40, 1.06, -2.47,
    ];
    let second: Vec<f64> = first[..17].iter().map(|x| x * 1.7 + 0.5).collect();
    let found = two_sample(&first, &second, &never).unwrap();
    assert!((found.distance - 0.369_411_764_705_882_3).abs() < 1e-15);
    assert!((found.p_value - 0.089_607_837_005_101_98).abs() < 1e-13, "{found:?}");
    assert_eq!(found.at, 1.09);
    let apart = two_sample(&[1.0, 2.0, 3.0, 4.0, 5.0], &[4.5, 5.5, 6.5, 7.5], &never).unwrap();
    assert!((apart.p_value - 0.079_365_079_365_079_37).abs() < 1e-15);
}

/// All ways to deal {1, 1, 2, 3} into two hands of two: a distance of 1 needs the hands {1, 1} and {2, 3}, in 2 of 6 ways.
#[test]
fn ties_are_dealt_with_as_a_permutation_of_the_pooled_sample() {
    let found = two_sample(&[1.0, 1.0], &[2.0, 3.0], &never).unwrap();
    assert_eq!((found.distance, found.exact), (1.0, true));
    assert!((found.p_value - 1.0 / 3.0).abs() < 1e-15);
    // With a tie across the samples the distances of the six ways are 0.5 four times and 1 twice … or 0.5 in all others.
    let tied = two_sample(&[1.0, 1.0], &[1.0, 3.0], &never).unwrap();
    assert_eq!((tied.distance, tied.p_value), (0.5, 1.0));
}

#[test]
fn what_is_no_sample_or_no_distribution_is_refused() {
    assert!(matches!(one_sample(&[], |_| 0.5, &never), Err(StatsError::TooFew { .. })));
    assert!(matches!(one_sample(&[1.0], |_| 1.5, &never), Err(StatsError::Value { .. })));
    assert!(matches!(one_sample(&[f64::NAN], |_| 0.5, &never), Err(StatsError::Value { .. })));
    assert!(matches!(two_sample(&[1.0], &[], &never), Err(StatsError::TooFew { .. })));
    assert_eq!(two_sample(&[1.0; 60], &[2.0; 60], &|| true), Err(StatsError::Stopped));
}

/// 400 samples of 30 from the uniform law: the test at 5% refuses 20 of them, ± 4 Monte Carlo standard errors.
#[test]
fn the_test_refuses_at_its_level_where_there_is_no_difference() {
    let mut chance = fastrand::Rng::with_seed(11);
    let (mut one, mut two) = (0, 0);
    for _ in 0..400 {
        let mut draw = |count: usize| (0..count).map(|_| chance.f64()).collect::<Vec<f64>>();
        let (first, second) = (draw(30), draw(45));
        one += usize::from(one_sample(&first, |x| x, &never).unwrap().p_value <= 0.05);
        two += usize::from(two_sample(&first, &second, &never).unwrap().p_value <= 0.05);
    }
    assert!((3..=37).contains(&one), "{one}");
    assert!((3..=37).contains(&two), "{two}");
}

proptest! {
    #[test]
    fn samples_can_change_places_and_units(a in prop::collection::vec(-9_i8..9, 1..25), b in prop::collection::vec(-9_i8..9, 1..25)) {
        let as_numbers = |values: &[i8], by: f64| values.iter().map(|&value| f64::from(value) * by).collect::<Vec<_>>();
        let plain = two_sample(&as_numbers(&a, 1.0), &as_numbers(&b, 1.0), &never).unwrap();
        let swapped = two_sample(&as_numbers(&b, 3.0), &as_numbers(&a, 3.0), &never).unwrap();
        prop_assert_eq!(plain.distance, swapped.distance);
        prop_assert!((plain.p_value - swapped.p_value).abs() < 1e-12);
        prop_assert!((0.0..=1.0).contains(&plain.p_value));
    }
}
