//! The search for the least sum of squares, in `f64`.

mod symmetry;

use super::super::least_squares::{Qr, norm};
use super::super::{StatsError, Stop};
use super::{Curve, Point};

/// Steps of one search.
const ITERATIONS_MAX: usize = 1_000;
/// Searches in all.
const SEARCHES_MAX: usize = 24;
/// Sums of squares within this share of one another are the same minimum.
const SAME: f64 = 1e-8;
/// Linear parameters whose columns are closer to one another than this are not solved for.
const SINGULAR: f64 = 1e-13;
/// Damping beyond which no step is left.
const DAMPING_MAX: f64 = 1e30;

/// The best of all searches.
pub(super) struct Found {
    pub(super) parameters: Vec<f64>,
    pub(super) searches: usize,
    pub(super) agreeing: usize,
    pub(super) iterations: usize,
}

/// One search: where from, how cautiously, and whether the linear parameters are projected out.
struct Attempt {
    start: Vec<f64>,
    damping: f64,
    projected: bool,
}

/// Where one search ended.
struct End {
    parameters: Vec<f64>,
    squares: f64,
    converged: bool,
}

/// Runs searches until two of different kinds end at the same least sum of squares.
pub(super) fn search(
    curve: &dyn Curve<f64>,
    linear: &[bool],
    start: &[f64],
    seed: u64,
    stop: Stop<'_>,
) -> Result<Found, StatsError> {
    let separable = linear.contains(&true);
    let mut chance = fastrand::Rng::with_seed(seed);
    let mut ends: Vec<End> = Vec::new();
    let (mut searches, mut iterations) = (0, 0);
    while searches < SEARCHES_MAX {
        let attempt = plan(searches, separable, start, &mut chance);
        searches += 1;
        if stop() {
            return Err(StatsError::Stopped);
        }
        let ended = if attempt.projected {
            projected(curve, linear, &attempt, &mut iterations, stop)?
        } else {
            descend(&attempt.start, attempt.damping, &mut iterations, &|place: &[f64]| curve.at(place, stop), stop)?
        };
        ends.extend(ended.filter(|end| end.squares.is_finite()));
        let agreeing = agreeing(&ends);
        if agreeing >= 2 && (agreeing >= 3 || searches <= 2 || searches >= 6) {
            break;
        }
    }
    let agreeing = agreeing(&ends);
    let best = ends.into_iter().min_by(|a, b| a.squares.total_cmp(&b.squares));
    match best {
        Some(best) if best.converged => {
            let parameters = symmetry::ordered(curve, best.parameters, start, (best.squares, stop));
            Ok(Found { parameters, searches, agreeing, iterations })
        }
        Some(_) => Err(StatsError::NotConverged { iterations, why: "the sum of squares was still falling" }),
        None => Err(StatsError::NotConverged { iterations, why: "the curve is not finite at the start" }),
    }
}

/// How many searches ended at the least sum of squares of all.
fn agreeing(ends: &[End]) -> usize {
    let best = ends.iter().map(|end| end.squares).fold(f64::INFINITY, f64::min);
    ends.iter().filter(|end| end.squares <= best * (1.0 + SAME) + f64::MIN_POSITIVE).count()
}

/// The searches in order: plain, projected, more cautious, bolder, then from starts scattered by up to a factor of ten each way.
fn plan(number: usize, separable: bool, start: &[f64], chance: &mut fastrand::Rng) -> Attempt {
    let dampings = if separable { [1e-3, 1e-3, 1.0, 1.0, 1e-6, 1e2] } else { [1e-3, 1.0, 1e-6, 1e2, 1e-1, 1e4] };
    let scatter = |value: &f64| if *value == 0.0 { chance.f64() - 0.5 } else { value * 10.0_f64.powf(2.0 * chance.f64() - 1.0) };
    match dampings.get(number) {
        Some(&damping) => Attempt { start: start.to_vec(), damping, projected: separable && number % 2 == 1 },
        None => Attempt { start: start.iter().map(scatter).collect(), damping: 1e-2, projected: separable },
    }
}

/// Variable projection (Golub and Pereyra, 1973) with Kaufman's (1975) slopes: the linear parameters are solved for at every step, and the
/// search moves the others alone.
fn projected(
    curve: &dyn Curve<f64>,
    linear: &[bool],
    attempt: &Attempt,
    iterations: &mut usize,
    stop: Stop<'_>,
) -> Result<Option<End>, StatsError> {
    let others: Vec<usize> = (0..linear.len()).filter(|&at| !linear[at]).collect();
    let start: Vec<f64> = others.iter().map(|&at| attempt.start[at]).collect();
    let place = |reduced: &[f64]| {
        let mut whole = vec![0.0; linear.len()];
        others.iter().zip(reduced).for_each(|(&at, &value)| whole[at] = value);
        whole
    };
    let reduced = |values: &[f64]| project(curve, linear, place(values), stop).map(|(point, _)| point);
    let ended = descend(&start, attempt.damping, iterations, &reduced, stop)?;
    Ok(ended
        .and_then(|end| project(curve, linear, place(&end.parameters), stop).map(|(_, parameters)| End { parameters, ..end })))
}

/// Solves for the linear parameters: what is left of residuals and slopes beside their columns, and all parameters.
fn project(curve: &dyn Curve<f64>, linear: &[bool], mut place: Vec<f64>, stop: Stop<'_>) -> Option<(Point<f64>, Vec<f64>)> {
    // With the linear parameters at 0 the residual is what they have to fit, and their slopes are the columns to fit it with.
    let bare = curve.at(&place, stop)?;
    let columns: Vec<Vec<f64>> =
        bare.slopes.into_iter().zip(linear).filter(|(_, linear)| **linear).map(|(column, _)| column).collect();
    let width = columns.len();
    let qr = Qr::new(columns, SINGULAR, stop).ok()?;
    let solved = qr.solve(&bare.residuals);
    (0..place.len()).filter(|&at| linear[at]).zip(solved).for_each(|(at, value)| place[at] = value);
    let full = curve.at(&place, stop)?;
    let beside = |mut column: Vec<f64>| {
        qr.q_transpose(&mut column);
        column.split_off(width)
    };
    let slopes = full.slopes.into_iter().zip(linear).filter(|(_, linear)| !**linear).map(|(column, _)| beside(column)).collect();
    Some((Point { residuals: beside(full.residuals), slopes }, place))
}

/// Levenberg–Marquardt with Moré's scaling and Nielsen's damping. Nothing where the curve is not finite at the start.
fn descend(
    start: &[f64],
    damping: f64,
    iterations: &mut usize,
    at: &dyn Fn(&[f64]) -> Option<Point<f64>>,
    stop: Stop<'_>,
) -> Result<Option<End>, StatsError> {
    let Some(mut point) = at(start) else { return Ok(None) };
    let mut place = start.to_vec();
    let mut squares = point.squares();
    if place.is_empty() {
        return Ok(Some(End { parameters: place, squares, converged: true }));
    }
    let (mut damping, mut growth) = (damping, 2.0);
    let mut scales = vec![0.0_f64; place.len()];
    for _ in 0..ITERATIONS_MAX {
        if stop() {
            return Err(StatsError::Stopped);
        }
        *iterations += 1;
        for (scale, column) in scales.iter_mut().zip(&point.slopes) {
            *scale = scale.max(norm(column));
        }
        let step = damped_step(&point, &scales, damping)?;
        let next: Vec<f64> = place.iter().zip(&step.moves).map(|(place, step)| place + step).collect();
        let small = step.moves.iter().zip(&place).all(|(step, place)| step.abs() <= 1e-11 * place.abs());
        let found = at(&next).map(|point| (point.squares(), point));
        match found.filter(|(next, _)| *next < squares) {
            Some((lower, better)) => {
                let gain = (squares - lower) / step.expected;
                let done = small || squares - lower <= 1e-15 * squares && step.expected <= 1e-15 * squares;
                damping *= (1.0 - (2.0 * gain - 1.0).powi(3)).max(1.0 / 3.0);
                damping = damping.max(1e-30);
                growth = 2.0;
                (place, point, squares) = (next, better, lower);
                if done || squares == 0.0 {
                    return Ok(Some(End { parameters: place, squares, converged: true }));
                }
            }
            None if small || damping > DAMPING_MAX => return Ok(Some(End { parameters: place, squares, converged: true })),
            None => {
                damping *= growth;
                growth *= 2.0;
            }
        }
    }
    Ok(Some(End { parameters: place, squares, converged: false }))
}

struct Step {
    moves: Vec<f64>,
    /// By how much the sum of squares falls where the curve is straight.
    expected: f64,
}

/// Solves min ‖J s − r‖² + damping ‖D s‖² by QR, twice: once for J, once for its triangle over √damping D.
fn damped_step(point: &Point<f64>, scales: &[f64], damping: f64) -> Result<Step, StatsError> {
    let width = scales.len();
    let qr = Qr::new(point.slopes.clone(), -1.0, &|| false)?;
    let mut rotated = point.residuals.clone();
    qr.q_transpose(&mut rotated);
    rotated.truncate(width);
    rotated.resize(2 * width, 0.0);
    let tall = (0..width).map(|column| {
        let mut tall: Vec<f64> = (0..width).map(|row| if row <= column { qr.r(row, column) } else { 0.0 }).collect();
        tall.extend(
            (0..width)
                .map(|row| if row == column { damping.sqrt() * if scales[row] > 0.0 { scales[row] } else { 1.0 } } else { 0.0 }),
        );
        tall
    });
    let moves = Qr::new(tall.collect(), -1.0, &|| false)?.solve(&rotated);
    // ‖r‖² − ‖r − J s‖² = 2 rᵀJs − ‖Js‖², with J s = Q R s.
    let expected: f64 = (0..width)
        .map(|row| {
            let moved: f64 = (row..width).map(|column| qr.r(row, column) * moves[column]).sum();
            moved * (2.0 * rotated[row] - moved)
        })
        .sum();
    Ok(Step { moves, expected: expected.max(f64::MIN_POSITIVE) })
}
