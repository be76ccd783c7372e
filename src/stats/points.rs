//! Observations of several numbers each, stored row by row.

use super::StatsError;

/// Observations of `dim` numbers each. Invariant: every number is finite, and there is at least one row and one column.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Points<'a> {
    values: &'a [f64],
    dim: usize,
}

impl<'a> Points<'a> {
    /// Rows of `dim` numbers, one after the other.
    ///
    /// # Errors
    /// [`StatsError::TooFew`], [`StatsError::Setting`] where the last row is cut, and [`StatsError::Value`] for a number that isn't finite.
    pub fn new(values: &'a [f64], dim: usize) -> Result<Self, StatsError> {
        if dim == 0 || !values.len().is_multiple_of(dim) {
            return Err(StatsError::Setting { name: "dim", wanted: "it has to divide the number of values" });
        }
        if values.is_empty() {
            return Err(StatsError::TooFew { needed: 1, got: 0 });
        }
        if let Some(at) = values.iter().position(|value| !value.is_finite()) {
            return Err(StatsError::Value { what: "points", row: at / dim + 1, value: values[at], wanted: "a finite number" });
        }
        Ok(Self { values, dim })
    }

    /// How many observations there are.
    pub fn len(&self) -> usize {
        self.values.len() / self.dim
    }

    /// Never: there is at least one observation.
    pub fn is_empty(&self) -> bool {
        false
    }

    /// How many numbers each has.
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// One observation.
    pub fn row(&self, at: usize) -> &'a [f64] {
        &self.values[at * self.dim..(at + 1) * self.dim]
    }

    /// All observations in order.
    pub fn rows(&self) -> std::slice::ChunksExact<'a, f64> {
        self.values.chunks_exact(self.dim)
    }

    /// The mean of each column.
    pub fn means(&self) -> Vec<f64> {
        let mut sums = vec![0.0; self.dim];
        for row in self.rows() {
            sums.iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
        }
        let n = self.len() as f64;
        sums.iter().map(|sum| sum / n).collect()
    }

    /// The covariance of the columns, divided by n, row by row: the maximum-likelihood estimate.
    pub fn covariance(&self) -> Vec<f64> {
        let (means, dim) = (self.means(), self.dim);
        let mut sums = vec![0.0; dim * dim];
        for row in self.rows() {
            add_outer(&mut sums, row, &means, 1.0);
        }
        let n = self.len() as f64;
        sums.iter().map(|sum| sum / n).collect()
    }
}

/// Adds `weight · (row − centre)(row − centre)ᵀ` to `sums`.
pub(super) fn add_outer(sums: &mut [f64], row: &[f64], centre: &[f64], weight: f64) {
    let dim = row.len();
    for i in 0..dim {
        let left = weight * (row[i] - centre[i]);
        for j in 0..dim {
            sums[i * dim + j] += left * (row[j] - centre[j]);
        }
    }
}

/// Squared Euclidean distance.
pub(super) fn squared_distance(left: &[f64], right: &[f64]) -> f64 {
    left.iter().zip(right).map(|(l, r)| (l - r) * (l - r)).sum()
}

/// For each of `new`, the index of that one of `old` which is its own, so that the sum of squared distances is smallest; rows of `dim`
/// numbers. All orders are tried, which is quick for up to seven.
///
/// # Errors
/// [`StatsError::Lengths`] where the two differ in length, and [`StatsError::Setting`] for more than seven.
pub fn matching(new: &[f64], old: &[f64], dim: usize) -> Result<Vec<usize>, StatsError> {
    if new.len() != old.len() {
        return Err(StatsError::Lengths(new.len(), old.len()));
    }
    let rows = new.len() / dim.max(1);
    if rows > 7 || rows == 0 {
        return Err(StatsError::Setting { name: "centres", wanted: "between one and seven can be matched" });
    }
    let cost = |i: usize, j: usize| squared_distance(&new[i * dim..(i + 1) * dim], &old[j * dim..(j + 1) * dim]);
    let (mut order, mut best): (Vec<usize>, Option<(f64, Vec<usize>)>) = ((0..rows).collect(), None);
    each_order(&mut order, rows, &mut |order| {
        let total: f64 = order.iter().enumerate().map(|(i, &j)| cost(i, j)).sum();
        if best.as_ref().is_none_or(|(least, _)| total < *least) {
            best = Some((total, order.to_vec()));
        }
    });
    Ok(best.map_or_else(Vec::new, |(_, order)| order))
}

/// Heap's algorithm (1963): every order of the first `count` of `order`.
fn each_order(order: &mut [usize], count: usize, seen: &mut impl FnMut(&[usize])) {
    if count <= 1 {
        return seen(order);
    }
    for at in 0..count {
        each_order(order, count - 1, seen);
        order.swap(if count.is_multiple_of(2) { at } else { 0 }, count - 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_row_no_rows_and_a_missing_number_are_refused() {
        assert!(Points::new(&[1.0, 2.0, 3.0], 2).is_err());
        assert!(Points::new(&[], 2).is_err());
        assert!(matches!(Points::new(&[1.0, 2.0, 3.0, f64::NAN], 2), Err(StatsError::Value { row: 2, .. })));
    }

    #[test]
    fn mean_and_covariance_divide_by_n() {
        let points = Points::new(&[1.0, 0.0, 3.0, 4.0], 2).unwrap();
        assert_eq!(points.means(), [2.0, 2.0]);
        assert_eq!(points.covariance(), [1.0, 2.0, 2.0, 4.0]);
    }

    #[test]
    fn each_new_centre_finds_the_old_one_that_it_was() {
        let old = [0.0, 0.0, 10.0, 0.0, 0.0, 10.0, 10.0, 10.0];
        let new = [9.0, 9.5, 0.5, -0.5, 10.5, 0.0, 1.0, 9.0];
        assert_eq!(matching(&new, &old, 2).unwrap(), [3, 0, 1, 2]);
        assert!(matching(&new[..2], &old, 2).is_err());
    }
}
