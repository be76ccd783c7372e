//! Least squares by Householder reflections, over `f64` or double-double numbers.
//!
//! Source: Golub and Van Loan (2013), "Matrix Computations", 4th edition, sections 5.1, 5.2 and 5.3. The columns are first scaled by powers of
//! two to a norm near 1 (van der Sluis, 1969: within √p of the best scaling), which costs no digit. Normal equations are formed nowhere.

use super::double_double::Real;
use super::{StatsError, Stop};

/// The QR decomposition of a matrix held by its columns, at least as tall as wide.
#[derive(Debug, Clone)]
pub struct Qr<R> {
    /// Column k: above row k what R has there, from row k on the reflector.
    columns: Vec<Vec<R>>,
    diagonal: Vec<R>,
    scales: Vec<f64>,
}

fn dot<R: Real>(a: &[R], b: &[R]) -> R {
    a.iter().zip(b).fold(R::ZERO, |total, (&a, &b)| total + a * b)
}

/// The Euclidean norm.
pub fn norm<R: Real>(values: &[R]) -> R {
    dot(values, values).sqrt()
}

/// Takes out of `target` what the reflector says: target − 2 v vᵀ target / vᵀv, where vᵀv is 2.
fn reflect<R: Real>(reflector: &[R], target: &mut [R]) {
    let share = dot(reflector, target);
    for (target, &part) in target.iter_mut().zip(reflector) {
        *target = *target - share * part;
    }
}

impl<R: Real> Qr<R> {
    /// Decomposes. A column of which a share of at most `tolerance` is left beside the columns before it counts as their combination;
    /// below 0 no column does, and solving leaves out those of which nothing is left.
    ///
    /// # Errors
    /// [`StatsError::TooFew`], [`StatsError::Collinear`] with the column's number from 1, [`StatsError::Stopped`].
    pub fn new(mut columns: Vec<Vec<R>>, tolerance: f64, stop: Stop<'_>) -> Result<Self, StatsError> {
        let width = columns.len();
        let rows = columns.first().map_or(0, Vec::len);
        if rows < width || width == 0 {
            return Err(StatsError::TooFew { needed: width.max(1), got: rows });
        }
        let mut scales = Vec::with_capacity(width);
        for column in &mut columns {
            let largest = column.iter().fold(0.0, |most: f64, value| most.max(value.rounded().abs()));
            let scale = power_of_two(largest) * power_of_two((rows as f64).sqrt());
            column.iter_mut().for_each(|value| *value = *value / R::of(scale));
            scales.push(scale);
        }
        let mut diagonal = Vec::with_capacity(width);
        for at in 0..width {
            if stop() {
                return Err(StatsError::Stopped);
            }
            let (done, rest) = columns.split_at_mut(at + 1);
            let Some(column) = done.last_mut() else { continue };
            let whole = norm(column);
            let left = norm(&column[at..]);
            if left.rounded() <= whole.rounded() * tolerance || (tolerance >= 0.0 && !whole.is_finite()) {
                return Err(StatsError::Collinear(at + 1));
            }
            diagonal.push(make_reflector(&mut column[at..], left));
            for other in rest {
                if stop() {
                    return Err(StatsError::Stopped);
                }
                reflect(&column[at..], &mut other[at..]);
            }
        }
        Ok(Self { columns, diagonal, scales })
    }

    /// How many columns there are.
    pub fn width(&self) -> usize {
        self.columns.len()
    }

    /// Qᵀ times this vector, in its place.
    pub fn q_transpose(&self, vector: &mut [R]) {
        for (at, column) in self.columns.iter().enumerate() {
            reflect(&column[at..], &mut vector[at..]);
        }
    }

    /// Q times this vector, in its place.
    pub fn q(&self, vector: &mut [R]) {
        for (at, column) in self.columns.iter().enumerate().rev() {
            reflect(&column[at..], &mut vector[at..]);
        }
    }

    /// The entry of the upper triangle, for the columns as they were given.
    pub fn r(&self, row: usize, column: usize) -> R {
        let entry = if row == column { self.diagonal[row] } else { self.columns[column][row] };
        entry * R::of(self.scales[column])
    }

    /// The coefficients of the least squares fit to `response`.
    pub fn solve(&self, response: &[R]) -> Vec<R> {
        let mut rotated = response.to_vec();
        self.q_transpose(&mut rotated);
        self.solve_upper(&rotated)
    }

    /// Solves R x = the first entries of `rotated`.
    pub fn solve_upper(&self, rotated: &[R]) -> Vec<R> {
        let width = self.width();
        let mut solution = rotated[..width].to_vec();
        for row in (0..width).rev() {
            for column in row + 1..width {
                solution[row] = solution[row] - self.columns[column][row] * solution[column];
            }
            let divided = solution[row] / self.diagonal[row];
            solution[row] = if divided.is_finite() { divided } else { R::ZERO };
        }
        solution.iter().zip(&self.scales).map(|(&value, &scale)| value / R::of(scale)).collect()
    }

    /// R⁻¹ by rows: the covariance of the coefficients is σ² R⁻¹ R⁻ᵀ.
    pub fn inverse_upper(&self) -> Vec<Vec<R>> {
        let width = self.width();
        let mut rows = vec![vec![R::ZERO; width]; width];
        for column in 0..width {
            let mut unit = vec![R::ZERO; width];
            unit[column] = R::ONE;
            for (row, value) in self.solve_upper(&unit).into_iter().enumerate() {
                rows[row][column] = value;
            }
        }
        rows
    }

    /// The first columns of Q, an orthonormal basis of what the matrix spans.
    pub fn basis(&self) -> Vec<Vec<R>> {
        let rows = self.columns.first().map_or(0, Vec::len);
        let unit = |at: usize| {
            let mut vector = vec![R::ZERO; rows];
            vector[at] = R::ONE;
            self.q(&mut vector);
            vector
        };
        (0..self.width()).map(unit).collect()
    }
}

/// Turns a column into its reflector v with vᵀv = 2, and gives the diagonal entry of R.
fn make_reflector<R: Real>(column: &mut [R], length: R) -> R {
    let first = column[0];
    if length.rounded() == 0.0 || !length.is_finite() {
        column.iter_mut().for_each(|value| *value = R::ZERO);
        return R::ZERO;
    }
    // The sign that adds lengths rather than cancelling them.
    let entry = if first < R::ZERO { length } else { -length };
    column[0] = first - entry;
    let half = norm(column) / R::of(2.0).sqrt();
    column.iter_mut().for_each(|value| *value = *value / half);
    entry
}

/// The power of two below a length, within what can be divided by.
fn power_of_two(value: f64) -> f64 {
    if value > 0.0 && value.is_finite() { 2.0_f64.powi((value.log2().floor() as i32).clamp(-1000, 1000)) } else { 1.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::double_double::DoubleDouble;
    use proptest::prelude::*;

    fn never() -> bool {
        false
    }

    proptest! {
        #[test]
        fn the_residual_is_orthogonal_to_every_column(
            rows in prop::collection::vec(prop::array::uniform4(-1e3..1e3_f64), 6..30)
        ) {
            let columns: Vec<Vec<DoubleDouble>> = (0..3).map(|at| rows.iter().map(|row| DoubleDouble::of(row[at])).collect()).collect();
            let response: Vec<DoubleDouble> = rows.iter().map(|row| DoubleDouble::of(row[3])).collect();
            let qr = Qr::new(columns.clone(), 1e-13, &never);
            prop_assume!(qr.is_ok());
            let solution = qr.unwrap().solve(&response);
            for column in &columns {
                let residual = response.iter().enumerate().map(|(row, &y)| {
                    y - columns.iter().zip(&solution).fold(DoubleDouble::ZERO, |sum, (column, &b)| sum + column[row] * b)
                });
                let product = residual.zip(column).fold(DoubleDouble::ZERO, |sum, (residual, &x)| sum + residual * x);
                prop_assert!(product.rounded().abs() < 1e-18);
            }
        }
    }

    #[test]
    fn a_combination_of_earlier_columns_is_named_by_its_number() {
        let columns = vec![vec![1.0; 4], vec![1.0, 2.0, 3.0, 5.0], vec![3.0, 5.0, 7.0, 11.0]];
        assert_eq!(Qr::new(columns, 1e-13, &never).map(|_| ()), Err(StatsError::Collinear(3)));
        assert_eq!(Qr::new(vec![vec![0.0; 3]], 1e-13, &never).map(|_| ()), Err(StatsError::Collinear(1)));
        assert_eq!(Qr::new(vec![vec![1.0]; 2], 1e-13, &never).map(|_| ()), Err(StatsError::TooFew { needed: 2, got: 1 }));
    }

    #[test]
    fn the_basis_times_r_is_the_matrix_at_any_scale() {
        let columns = vec![vec![1e200, 2e200, 3e200], vec![4e-200, -5e-200, 7e-200]];
        let qr = Qr::new(columns.clone(), 1e-13, &never).unwrap();
        let basis = qr.basis();
        for (at, column) in columns.iter().enumerate() {
            for (row, &value) in column.iter().enumerate() {
                let product: f64 = (0..=at).map(|inner| basis[inner][row] * qr.r(inner, at)).sum();
                assert!((product / value - 1.0).abs() < 1e-12, "{product} for {value}");
            }
        }
    }
}
