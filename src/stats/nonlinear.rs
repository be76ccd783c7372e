//! Nonlinear least squares.
//!
//! Several searches look for the least sum of squares: Levenberg–Marquardt from the start that was given, the same with the linear parameters
//! projected out, and, where these don't agree, from starts around it. The best is then refined by Gauss–Newton, for a formula in double-double
//! numbers on the decimals that the data print as. The certified values of NIST's Statistical Reference Datasets are the standard.

mod search;

use super::double_double::{DoubleDouble, Real, decimals};
use super::formula::{Formula, Workspace};
use super::least_squares::Qr;
use super::regression::{Basis, Covariance, Estimate};
use super::{StatsError, Stop};
use std::cell::RefCell;

/// A parameter whose slope lies within this share of the other slopes' span can't be told from them.
const UNIDENTIFIED: f64 = 1e-15;
/// Rows after which it is asked whether to go on, about a millisecond of work.
const ROWS_BETWEEN_STOPS: usize = 1_024;
/// Steps of the refinement.
const REFINEMENTS_MAX: usize = 200;

/// Residuals and slopes at one place.
#[derive(Debug, Clone)]
pub struct Point<R> {
    /// Observed less fitted, by row.
    pub residuals: Vec<R>,
    /// The derivative of the fitted value in each parameter: a column of rows for each.
    pub slopes: Vec<Vec<R>>,
}

impl<R: Real> Point<R> {
    /// The sum of squared residuals.
    fn squares(&self) -> R {
        self.residuals.iter().fold(R::ZERO, |sum, &residual| sum + residual * residual)
    }
}

/// What is fitted: a curve through observations.
pub trait Curve<R> {
    /// Residuals and slopes for these parameters; nothing where one of them is not finite, or where it was stopped.
    fn at(&self, parameters: &[R], stop: Stop<'_>) -> Option<Point<R>>;
}

/// A curve from a closure, which gives the fitted value of a row and puts the derivative in each parameter into its last argument.
pub struct Closure<'a, F> {
    /// What was observed.
    pub response: &'a [f64],
    /// Row from 0, parameters, gradient.
    pub curve: F,
}

impl<F> std::fmt::Debug for Closure<'_, F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Closure").field("rows", &self.response.len()).finish_non_exhaustive()
    }
}

impl<F: Fn(usize, &[f64], &mut [f64]) -> f64> Curve<f64> for Closure<'_, F> {
    fn at(&self, parameters: &[f64], stop: Stop<'_>) -> Option<Point<f64>> {
        gather((self.response.len(), parameters.len()), stop, |row, gradient| {
            self.response[row] - (self.curve)(row, parameters, gradient)
        })
    }
}

/// A formula with its data.
#[derive(Debug)]
pub struct FormulaCurve<'a> {
    formula: &'a Formula,
    response: Vec<DoubleDouble>,
    rows: Vec<Vec<DoubleDouble>>,
    plain: RefCell<Workspace<f64>>,
    precise: RefCell<Workspace<DoubleDouble>>,
}

impl<'a> FormulaCurve<'a> {
    /// The formula over these columns, one for each of its variables in their order. Where `transform` is given, a formula of one variable
    /// and no parameter, the response is what it makes of the observed, such as `log[y]`.
    ///
    /// # Errors
    /// [`StatsError::Lengths`], [`StatsError::Value`] where a number is not finite.
    pub fn new(
        formula: &'a Formula,
        columns: &[&[f64]],
        response: &[f64],
        transform: Option<&Formula>,
    ) -> Result<Self, StatsError> {
        if columns.len() != formula.variables().len() {
            return Err(StatsError::Lengths(formula.variables().len(), columns.len()));
        }
        if let Some(column) = columns.iter().find(|column| column.len() != response.len()) {
            return Err(StatsError::Lengths(response.len(), column.len()));
        }
        let mut space = Workspace::default();
        let mut observed = decimals(response);
        if let Some(transform) = transform {
            let width = transform.variables().len();
            observed.iter_mut().for_each(|value| *value = transform.evaluate(&vec![*value; width], &[], &mut space, &mut []));
        }
        if let Some(row) = observed.iter().position(|value| !value.is_finite()) {
            return Err(StatsError::Value {
                what: "the response",
                row: row + 1,
                value: response[row],
                wanted: "a number that can be fitted",
            });
        }
        if let Some((row, value)) =
            columns.iter().flat_map(|column| column.iter().enumerate()).find(|(_, value)| !value.is_finite())
        {
            return Err(StatsError::Value { what: "a variable", row: row + 1, value: *value, wanted: "finite" });
        }
        let columns: Vec<Vec<DoubleDouble>> = columns.iter().map(|column| decimals(column)).collect();
        let rows = (0..response.len()).map(|row| columns.iter().map(|column| column[row]).collect()).collect();
        Ok(Self { formula, response: observed, rows, plain: RefCell::default(), precise: RefCell::default() })
    }

    /// What is fitted, by row: the response as its formula makes it.
    pub fn observed(&self) -> Vec<f64> {
        self.response.iter().map(|value| value.rounded()).collect()
    }

    fn point<R: Real>(&self, parameters: &[R], space: &RefCell<Workspace<R>>, stop: Stop<'_>) -> Option<Point<R>> {
        let mut space = space.borrow_mut();
        let mut row_values = Vec::new();
        gather((self.rows.len(), parameters.len()), stop, |row, gradient| {
            row_values.clear();
            row_values.extend(self.rows[row].iter().map(|&value| R::narrowed(value)));
            R::narrowed(self.response[row]) - self.formula.evaluate(&row_values, parameters, &mut space, gradient)
        })
    }
}

impl Curve<f64> for FormulaCurve<'_> {
    fn at(&self, parameters: &[f64], stop: Stop<'_>) -> Option<Point<f64>> {
        self.point(parameters, &self.plain, stop)
    }
}

impl Curve<DoubleDouble> for FormulaCurve<'_> {
    fn at(&self, parameters: &[DoubleDouble], stop: Stop<'_>) -> Option<Point<DoubleDouble>> {
        self.point(parameters, &self.precise, stop)
    }
}

fn gather<R: Real>(
    (rows, width): (usize, usize),
    stop: Stop<'_>,
    mut residual: impl FnMut(usize, &mut [R]) -> R,
) -> Option<Point<R>> {
    let mut point = Point { residuals: Vec::with_capacity(rows), slopes: vec![Vec::with_capacity(rows); width] };
    let mut gradient = vec![R::ZERO; width];
    for row in 0..rows {
        if row % ROWS_BETWEEN_STOPS == 0 && stop() {
            return None;
        }
        let value = residual(row, &mut gradient);
        if !value.is_finite() || gradient.iter().any(|slope| !slope.is_finite()) {
            return None;
        }
        point.residuals.push(value);
        point.slopes.iter_mut().zip(&gradient).for_each(|(column, &slope)| column.push(slope));
    }
    Some(point)
}

/// How to fit.
#[derive(Debug, Clone)]
pub struct Options {
    /// Which standard errors.
    pub covariance: Covariance,
    /// The level of the intervals.
    pub level: f64,
    /// Where chance begins that scatters further starts.
    pub seed: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self { covariance: Covariance::Classical, level: 0.95, seed: 1 }
    }
}

/// What came of a fit.
#[derive(Debug, Clone, PartialEq)]
pub struct NonlinearFit {
    /// One for each parameter; errors by linearisation at the estimate.
    pub parameters: Vec<Estimate>,
    /// Observed less fitted, by row.
    pub residuals: Vec<f64>,
    /// How many observations.
    pub observations: usize,
    /// Observations less parameters.
    pub residual_degrees: usize,
    /// Sum of squared residuals.
    pub residual_squares: f64,
    /// √(residual squares / residual degrees).
    pub residual_sd: f64,
    /// Share of the sum of squares about the mean that is explained; below 0 where the mean alone is better.
    pub r_squared: f64,
    /// How many searches ran.
    pub searches: usize,
    /// How many of them ended at this sum of squares.
    pub agreeing: usize,
    /// Steps of all searches together.
    pub iterations: usize,
}

/// Fits a formula.
///
/// Source: Moré (1978), "The Levenberg–Marquardt algorithm: implementation and theory"; Nielsen (1999), "Damping parameter in Marquardt's method";
/// Golub and Pereyra (1973) and Kaufman (1975) on separable problems; Seber and Wild (1989), "Nonlinear Regression", section 5.1 on the errors.
///
/// # Errors
/// Any [`StatsError`]: [`StatsError::Collinear`] names a parameter, from 1, that the data can't tell from the others;
/// [`StatsError::NotConverged`] where no search ends.
pub fn formula(curve: &FormulaCurve<'_>, start: &[f64], options: &Options, stop: Stop<'_>) -> Result<NonlinearFit, StatsError> {
    check(curve.response.len(), start)?;
    let found = search::search(curve, &curve.formula.linear_parameters(), start, options.seed, stop)?;
    let start = found.parameters.iter().map(|&value| DoubleDouble::of(value)).collect();
    let total = total_squares(&curve.response)?;
    let (parameters, point) = refine(curve, start, 1e-18, stop)?;
    report(parameters, point, total, &found, options, stop)
}

/// Fits a closure. Without a formula no parameter is known to be linear, and the numbers are those of `f64` to the end.
///
/// # Errors
/// As [`formula`].
pub fn closure<F>(curve: &Closure<'_, F>, start: &[f64], options: &Options, stop: Stop<'_>) -> Result<NonlinearFit, StatsError>
where
    F: Fn(usize, &[f64], &mut [f64]) -> f64,
{
    check(curve.response.len(), start)?;
    let found = search::search(curve, &vec![false; start.len()], start, options.seed, stop)?;
    let total = total_squares(&decimals(curve.response))?;
    let (parameters, point) = refine(curve, found.parameters.clone(), 1e-15, stop)?;
    let precise = |values: &[f64]| values.iter().map(|&value| DoubleDouble::of(value)).collect::<Vec<_>>();
    let slopes = point.slopes.iter().map(|column| precise(column)).collect();
    report(precise(&parameters), Point { residuals: precise(&point.residuals), slopes }, total, &found, options, stop)
}

fn check(rows: usize, start: &[f64]) -> Result<(), StatsError> {
    if start.is_empty() || start.iter().any(|value| !value.is_finite()) {
        return Err(StatsError::Setting { name: "start", wanted: "a finite number for each parameter" });
    }
    if rows <= start.len() {
        return Err(StatsError::TooFew { needed: start.len() + 1, got: rows });
    }
    Ok(())
}

fn total_squares(response: &[DoubleDouble]) -> Result<DoubleDouble, StatsError> {
    let square = |value: DoubleDouble| value * value;
    let add = |sum: DoubleDouble, value: DoubleDouble| sum + value;
    let mean = response.iter().copied().fold(DoubleDouble::ZERO, add) / DoubleDouble::of(response.len() as f64);
    let total = response.iter().map(|&value| square(value - mean)).fold(DoubleDouble::ZERO, add);
    let size = response.iter().map(|&value| square(value)).fold(DoubleDouble::ZERO, add);
    if total.rounded() <= size.rounded() * 1e-60 { Err(StatsError::Constant("the response")) } else { Ok(total) }
}

/// Gauss–Newton with halved steps, until a step moves no parameter by more than `least` of its size.
fn refine<R: Real>(
    curve: &dyn Curve<R>,
    mut place: Vec<R>,
    least: f64,
    stop: Stop<'_>,
) -> Result<(Vec<R>, Point<R>), StatsError> {
    let lost = StatsError::NotConverged { iterations: 0, why: "the curve is not finite at the estimate" };
    let mut point = curve.at(&place, stop).ok_or(lost)?;
    for _ in 0..REFINEMENTS_MAX {
        let step = Qr::new(point.slopes.clone(), UNIDENTIFIED, stop)?.solve(&point.residuals);
        let moved = step.iter().zip(&place).any(|(step, place)| step.rounded().abs() > least * place.rounded().abs());
        let squares = point.squares();
        let mut share = 1.0;
        let better = loop {
            let next: Vec<R> = place.iter().zip(&step).map(|(&place, &step)| place + step * R::of(share)).collect();
            // Near the end the sum of squares changes by less than its own rounding.
            let allowed = if moved && share > 1e-3 { squares * R::of(1.0 + 1e-14) } else { squares };
            match curve.at(&next, stop).filter(|next| next.squares() <= allowed) {
                Some(found) => break Some((next, found)),
                None if share < 1e-9 => break None,
                None => share /= 2.0,
            }
        };
        if stop() {
            return Err(StatsError::Stopped);
        }
        let Some(better) = better else { break };
        (place, point) = better;
        if !moved {
            break;
        }
    }
    Ok((place, point))
}

fn report(
    parameters: Vec<DoubleDouble>,
    point: Point<DoubleDouble>,
    total: DoubleDouble,
    found: &search::Found,
    options: &Options,
    stop: Stop<'_>,
) -> Result<NonlinearFit, StatsError> {
    let (rows, width) = (point.residuals.len(), parameters.len());
    let residual_degrees = rows - width;
    let squares = point.squares();
    let variance = squares / DoubleDouble::of(residual_degrees as f64);
    let qr = Qr::new(point.slopes, UNIDENTIFIED, stop)?;
    let basis = Basis { qr: &qr, residuals: &point.residuals, residual_degrees };
    let (covariance, degrees) = basis.covariance(variance, &options.covariance, stop)?;
    let estimate = |(at, value): (usize, &DoubleDouble)| {
        let error = if covariance[at][at] > DoubleDouble::ZERO { covariance[at][at].sqrt() } else { DoubleDouble::ZERO };
        Estimate::new(value.rounded(), error.rounded(), degrees as f64, options.level)
    };
    Ok(NonlinearFit {
        parameters: parameters.iter().enumerate().map(estimate).collect::<Result<_, _>>()?,
        residuals: point.residuals.iter().map(|residual| residual.rounded()).collect(),
        observations: rows,
        residual_degrees,
        residual_squares: squares.rounded(),
        residual_sd: variance.sqrt().rounded(),
        r_squared: (DoubleDouble::ONE - squares / total).rounded(),
        searches: found.searches,
        agreeing: found.agreeing,
        iterations: found.iterations,
    })
}

#[cfg(test)]
mod tests;
