//! Minimisation of smooth functions whose slope is known.

use super::{StatsError, Stop};

/// Where a function is smallest.
#[derive(Debug, Clone, PartialEq)]
pub struct Minimum {
    /// The place.
    pub at: Vec<f64>,
    /// The value there.
    pub value: f64,
    /// How many steps it took.
    pub iterations: usize,
}

/// Minimises by BFGS with a line search that halves the step until it descends enough (Nocedal & Wright, 2006, algorithms 6.1 and 3.1). The
/// function gives its value and its slope, or nothing where it isn't defined. Settled is where no component of the slope is larger
/// than `tolerance`, or where no step descends any more although the slope is within a thousand times that.
///
/// # Errors
/// [`StatsError::NotConverged`] and [`StatsError::Stopped`].
pub fn minimise(
    function: impl Fn(&[f64]) -> Option<(f64, Vec<f64>)>,
    start: &[f64],
    tolerance: f64,
    iterations_max: usize,
    stop: Stop<'_>,
) -> Result<Minimum, StatsError> {
    let failed = |iterations, why| Err(StatsError::NotConverged { iterations, why });
    let Some((mut value, mut slope)) = function(start) else {
        return failed(0, "the function is not defined where the search begins");
    };
    let size = start.len();
    let (mut at, mut inverse) = (start.to_vec(), identity(size));
    for iterations in 0..iterations_max {
        if stop() {
            return Err(StatsError::Stopped);
        }
        let steepest = slope.iter().fold(0.0_f64, |most, part| most.max(part.abs()));
        if steepest <= tolerance {
            return Ok(Minimum { at, value, iterations });
        }
        let mut direction = product(&inverse, &slope, -1.0);
        if dot(&direction, &slope) >= 0.0 {
            inverse = identity(size);
            direction = slope.iter().map(|part| -part).collect();
        }
        match descend(&function, (&at, value, &slope), &direction) {
            Some((next, lower, next_slope)) => {
                // What is gained is below the rounding of the value: nothing more can be seen.
                if value - lower <= 4.0 * f64::EPSILON * value.abs() && steepest <= 1_000.0 * tolerance {
                    return Ok(Minimum { at: next, value: lower, iterations });
                }
                update(&mut inverse, &difference(&next, &at), &difference(&next_slope, &slope));
                (at, value, slope) = (next, lower, next_slope);
            }
            None if steepest <= 1_000.0 * tolerance => return Ok(Minimum { at, value, iterations }),
            // A bad picture of the curvature can spoil the direction: once more from the steepest one.
            None if inverse != identity(size) => inverse = identity(size),
            None => return failed(iterations, "no step descends"),
        }
    }
    failed(iterations_max, "the slope is not flat yet")
}

type Place = (Vec<f64>, f64, Vec<f64>);

/// A step that descends as Armijo's rule asks.
fn descend(
    function: &impl Fn(&[f64]) -> Option<(f64, Vec<f64>)>,
    (at, value, slope): (&[f64], f64, &[f64]),
    direction: &[f64],
) -> Option<Place> {
    let fall = dot(direction, slope);
    let mut length = 1.0;
    for _ in 0..60 {
        let next: Vec<f64> = at.iter().zip(direction).map(|(at, part)| at + length * part).collect();
        if let Some((lower, slope)) = function(&next)
            && lower.is_finite()
            && slope.iter().all(|part| part.is_finite())
            && lower <= value + 1e-4 * length * fall
        {
            return Some((next, lower, slope));
        }
        length *= 0.5;
    }
    None
}

/// The BFGS update of the inverse curvature; left out where the curvature along the step isn't positive.
fn update(inverse: &mut [f64], step: &[f64], bend: &[f64]) {
    let curvature = dot(step, bend);
    if curvature <= 1e-12 * dot(bend, bend).sqrt() * dot(step, step).sqrt() {
        return;
    }
    let size = step.len();
    let turned = product(inverse, bend, 1.0);
    let scale = (1.0 + dot(bend, &turned) / curvature) / curvature;
    for i in 0..size {
        for j in 0..size {
            inverse[i * size + j] += scale * step[i] * step[j] - (turned[i] * step[j] + step[i] * turned[j]) / curvature;
        }
    }
}

fn identity(size: usize) -> Vec<f64> {
    (0..size * size).map(|at| f64::from(u8::from(at / size == at % size))).collect()
}

fn product(matrix: &[f64], vector: &[f64], sign: f64) -> Vec<f64> {
    matrix.chunks_exact(vector.len()).map(|row| sign * dot(row, vector)).collect()
}

fn dot(left: &[f64], right: &[f64]) -> f64 {
    left.iter().zip(right).map(|(l, r)| l * r).sum()
}

fn difference(left: &[f64], right: &[f64]) -> Vec<f64> {
    left.iter().zip(right).map(|(l, r)| l - r).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ON: fn() -> bool = || false;

    #[test]
    fn rosenbrocks_valley_is_followed_to_its_end() {
        let valley = |x: &[f64]| {
            let (a, b) = (1.0 - x[0], x[1] - x[0] * x[0]);
            Some((a * a + 100.0 * b * b, vec![-2.0 * a - 400.0 * x[0] * b, 200.0 * b]))
        };
        let found = minimise(valley, &[-1.2, 1.0], 1e-9, 500, &ON).unwrap();
        assert!(found.at.iter().all(|x| (x - 1.0).abs() < 1e-8), "{found:?}");
    }

    #[test]
    fn a_function_without_an_end_is_told_and_not_followed_for_ever() {
        let slide = |x: &[f64]| Some((-x[0], vec![-1.0]));
        assert!(matches!(minimise(slide, &[0.0], 1e-9, 50, &ON), Err(StatsError::NotConverged { .. })));
        assert!(minimise(|_| None, &[0.0], 1e-9, 50, &ON).is_err());
        assert_eq!(minimise(slide, &[0.0], 1e-9, 50, &|| true), Err(StatsError::Stopped));
    }

    #[test]
    fn an_edge_where_the_function_ends_is_kept() {
        let edge = |x: &[f64]| (x[0] > 0.0).then(|| (x[0] - x[0].ln(), vec![1.0 - 1.0 / x[0]]));
        let found = minimise(edge, &[20.0], 1e-9, 200, &ON).unwrap();
        assert!((found.at[0] - 1.0).abs() < 1e-8);
    }
}
