//! From cosines to probabilities.

/// Nearest examples of each engine that count.
const NEIGHBOURS: usize = 20;

/// How far, in cosine, the influence of an example reaches.
///
/// Of 5, 10, 20, 30, 50 and all neighbours, and widths from 0.02 to 0.2, 20 and 0.1 gave the least leave-one-out log-loss on the examples
/// that are compiled in (0.126, where the one nearest alone gives 0.230), and their surroundings are flat.
const WIDTH: f64 = 0.1;

/// What may be chosen for [`Calibration::temperature`].
const TEMPERATURES: [f64; 12] = [0.005, 0.0075, 0.01, 0.0125, 0.015, 0.0175, 0.02, 0.025, 0.03, 0.04, 0.06, 0.1];

/// What may be chosen for [`Calibration::floor`]; −1 is no floor at all.
const FLOORS: [f64; 10] = [-1.0, 0.0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.6];

/// A probability is never held to be further from 1 than this when it is judged, or one odd example would decide everything.
const PROBABILITY_MIN: f64 = 1e-6;

/// How closeness becomes probability.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Calibration {
    /// The difference in closeness that makes one engine e times as likely as another.
    pub temperature: f64,
    /// The closeness below which an engine is less likely than none.
    pub floor: f64,
}

/// How close a text is to an engine: the soft maximum over the cosines of its nearest examples, by an exponential kernel; 1 where all
/// of them are the text itself, −∞ where there is none. Reorders what it is given.
pub(super) fn closeness(similarities: &mut [f32]) -> f64 {
    let count = NEIGHBOURS.min(similarities.len());
    if count < similarities.len() {
        similarities.select_nth_unstable_by(count, |a, b| b.total_cmp(a));
    }
    let nearest = similarities.get(..count).unwrap_or_default();
    let sum: f64 = nearest.iter().map(|s| ((f64::from(*s) - 1.0) / WIDTH).exp()).sum();
    1.0 + WIDTH * (sum / count.max(1) as f64).ln()
}

/// The probability of each engine by how close it is; the first is none, which has the floor as well.
pub(super) fn probabilities(close: &[f64], calibration: Calibration) -> Vec<f64> {
    let Calibration { temperature, floor } = calibration;
    let most = close.iter().copied().fold(floor, f64::max);
    let weight = |close: f64| ((close - most) / temperature).exp();
    let mut weights: Vec<f64> = close.iter().map(|close| weight(*close)).collect();
    if let Some(none) = weights.first_mut() {
        *none += weight(floor);
    }
    let sum: f64 = weights.iter().sum();
    weights.iter().map(|weight| weight / sum).collect()
}

/// The calibration of the least log-loss on what is known, with that loss: for each example how close it is to each engine without
/// itself, and which one it is of.
pub(super) fn calibrate(known: &[(Vec<f64>, usize)]) -> (Calibration, f64) {
    let mut best = (Calibration { temperature: 0.0175, floor: 0.2 }, f64::INFINITY);
    for temperature in TEMPERATURES {
        for floor in FLOORS {
            let calibration = Calibration { temperature, floor };
            let loss: f64 = known
                .iter()
                .map(|(close, class)| {
                    let right = probabilities(close, calibration).get(*class).copied().unwrap_or_default();
                    -right.max(PROBABILITY_MIN).ln()
                })
                .sum();
            let mean = loss / known.len().max(1) as f64;
            if mean < best.1 {
                best = (calibration, mean);
            }
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const USUAL: Calibration = Calibration { temperature: 0.02, floor: 0.2 };

    #[test]
    fn the_same_text_is_as_close_as_can_be_and_nothing_is_not_close_at_all() {
        assert!((closeness(&mut [1.0]) - 1.0).abs() < 1e-9);
        assert_eq!(closeness(&mut []), f64::NEG_INFINITY);
        assert!(closeness(&mut [0.9, 0.1]) > closeness(&mut [0.7, 0.6]), "one that is near outweighs many that are not");
        let far = vec![-1.0; 500];
        let with_near = [far.clone(), vec![0.8; NEIGHBOURS]].concat();
        assert!((closeness(&mut with_near.clone()) - 0.8).abs() < 1e-6, "those behind the nearest don't count");
    }

    #[test]
    fn what_is_near_nothing_is_for_none() {
        assert!(probabilities(&[0.0, 0.1], USUAL)[0] > 0.9);
        assert!(probabilities(&[0.3, 0.5], USUAL)[1] > 0.9);
        assert!((probabilities(&[f64::NEG_INFINITY], USUAL)[0] - 1.0).abs() < 1e-9);
    }

    #[test]
    fn calibration_is_surer_where_closeness_tells_more() {
        let clear: Vec<_> = (0..40).map(|i| (if i % 2 == 0 { vec![0.5, 0.4] } else { vec![0.4, 0.5] }, i % 2)).collect();
        let mut noisy = clear.clone();
        for (_, class) in noisy.iter_mut().step_by(4) {
            *class = 1 - *class;
        }
        let ((clear, clear_loss), (noisy, noisy_loss)) = (calibrate(&clear), calibrate(&noisy));
        assert!(clear.temperature < noisy.temperature && clear_loss < noisy_loss, "{clear:?} {noisy:?}");
    }

    proptest! {
        #[test]
        fn probabilities_are_within_zero_and_one_and_add_up_to_one(
            close in prop::collection::vec(prop_oneof![-1.0..=1.0_f64, Just(f64::NEG_INFINITY)], 1..6),
            temperature in prop::sample::select(&TEMPERATURES[..]),
            floor in prop::sample::select(&FLOORS[..]),
        ) {
            let all = probabilities(&close, Calibration { temperature, floor });
            prop_assert!(all.iter().all(|p| (0.0..=1.0).contains(p)), "{:?}", all);
            prop_assert!((all.iter().sum::<f64>() - 1.0).abs() < 1e-9);
        }

        #[test]
        fn a_further_example_that_is_nearer_than_all_brings_an_engine_closer(
            mut others in prop::collection::vec(-1.0..0.5_f32, 1..60),
        ) {
            let without = closeness(&mut others.clone());
            others.push(0.99);
            prop_assert!(closeness(&mut others) > without);
        }
    }
}
