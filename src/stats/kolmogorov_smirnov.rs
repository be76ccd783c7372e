//! Whether a sample follows a distribution, and whether two samples follow the same one.

use super::univariate::{check, sorted};
use super::{StatsError, Stop};

/// A sample up to this size gets its exact chance.
const EXACT_ONE_SAMPLE_MAX: usize = 200;
/// Two samples whose sizes multiply to this at most do.
const EXACT_TWO_SAMPLE_MAX: usize = 4_000_000;

/// How far two distribution functions are apart at most.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct KsTest {
    /// The greatest distance, D.
    pub distance: f64,
    /// The chance of such a distance where there is no difference, two-sided.
    pub p_value: f64,
    /// Whether that chance is exact, or the limit for large samples.
    pub exact: bool,
    /// The value at which the distance is greatest.
    pub at: f64,
}

/// Compares a sample with a distribution function.
///
/// Source: Kolmogorov (1933); exact chance by Marsaglia, Tsang and Wang (2003), "Evaluating Kolmogorov's distribution", up to 200 values,
/// then the limit with Stephens' (1970) correction √n + 0.12 + 0.11/√n.
///
/// # Errors
/// [`StatsError::TooFew`] without a value, [`StatsError::Value`] where one is not finite or the function leaves [0, 1].
pub fn one_sample(values: &[f64], cdf: impl Fn(f64) -> f64, stop: Stop<'_>) -> Result<KsTest, StatsError> {
    check(values)?;
    let count = values.len();
    if count == 0 {
        return Err(StatsError::TooFew { needed: 1, got: 0 });
    }
    let (mut distance, mut at) = (0.0, values[0]);
    for (rank, &value) in sorted(values).iter().enumerate() {
        let expected = cdf(value);
        if !(0.0..=1.0).contains(&expected) {
            return Err(StatsError::Value {
                what: "the distribution function",
                row: rank + 1,
                value: expected,
                wanted: "a probability",
            });
        }
        let apart = (expected - rank as f64 / count as f64).max((rank + 1) as f64 / count as f64 - expected);
        if apart > distance {
            (distance, at) = (apart, value);
        }
    }
    let root = (count as f64).sqrt();
    let exact = count <= EXACT_ONE_SAMPLE_MAX;
    // Where n D² is large the exact chance is so small that the limit has the same digits, at no cost (Simard and L'Ecuyer, 2011).
    let p_value = if exact && distance * root < 3.5 {
        1.0 - kolmogorov(count, distance, stop)?
    } else {
        limit((root + 0.12 + 0.11 / root) * distance)
    };
    Ok(KsTest { distance, p_value: p_value.clamp(0.0, 1.0), exact, at })
}

/// Compares two samples.
///
/// Source: Smirnov (1939); exact chance by counting lattice paths (Hodges, 1958), with ties as in Schröer and Trenkler (1995), where the sizes
/// multiply to 4 million at most, then the limit.
///
/// # Errors
/// [`StatsError::TooFew`] where one sample is empty, [`StatsError::Value`] where a value is not finite.
pub fn two_sample(first: &[f64], second: &[f64], stop: Stop<'_>) -> Result<KsTest, StatsError> {
    check(first)?;
    check(second)?;
    if first.is_empty() || second.is_empty() {
        return Err(StatsError::TooFew { needed: 1, got: 0 });
    }
    let (first, second) = (sorted(first), sorted(second));
    let (m, n) = (first.len(), second.len());
    let (mut i, mut j) = (0, 0);
    let (mut widest, mut at) = (0_u64, first[0]);
    // Whether the pooled sample changes its value after so many.
    let mut ends = vec![false; m + n + 1];
    while i < m || j < n {
        let value = match (first.get(i), second.get(j)) {
            (Some(&a), Some(&b)) => a.min(b),
            (Some(&a), None) => a,
            (None, Some(&b)) => b,
            (None, None) => break,
        };
        i += first[i..].iter().take_while(|&&one| one == value).count();
        j += second[j..].iter().take_while(|&&one| one == value).count();
        ends[i + j] = true;
        // In units of 1/(m n), so that equal distances compare equal.
        let apart = (i as u64 * n as u64).abs_diff(j as u64 * m as u64);
        if apart > widest {
            (widest, at) = (apart, value);
        }
    }
    let distance = widest as f64 / (m as f64 * n as f64);
    let exact = m * n <= EXACT_TWO_SAMPLE_MAX;
    let p_value = if exact {
        paths_outside(m, n, widest, &ends, stop)?
    } else {
        let size = m as f64 * n as f64 / (m + n) as f64;
        limit(size.sqrt() * distance)
    };
    Ok(KsTest { distance, p_value: p_value.clamp(0.0, 1.0), exact, at })
}

/// The share of the ways from (0, 0) to (m, n) that get as far from the diagonal as `widest`, where the pooled sample changes its value.
fn paths_outside(m: usize, n: usize, widest: u64, ends: &[bool], stop: Stop<'_>) -> Result<f64, StatsError> {
    // Row by row, the share of the ways to (i, j) that have been outside: the next row needs the one before alone.
    let mut row = vec![0.0; n + 1];
    for i in 0..=m {
        if i % 64 == 0 && stop() {
            return Err(StatsError::Stopped);
        }
        for j in 0..=n {
            let apart = (i as u64 * n as u64).abs_diff(j as u64 * m as u64);
            let outside = ends[i + j] && apart >= widest && widest > 0;
            row[j] = if outside {
                1.0
            } else if i + j == 0 {
                0.0
            } else {
                let (from_left, from_below) = (if j > 0 { row[j - 1] } else { 0.0 }, if i > 0 { row[j] } else { 0.0 });
                (from_left * j as f64 + from_below * i as f64) / (i + j) as f64
            };
        }
    }
    Ok(if widest == 0 { 1.0 } else { row[n] })
}

/// P(D < d) for a sample of n, by the power of a small matrix, with the exponent of ten kept apart.
fn kolmogorov(n: usize, d: f64, stop: Stop<'_>) -> Result<f64, StatsError> {
    let scaled = n as f64 * d;
    let k = scaled.floor() as usize + 1;
    let size = 2 * k - 1;
    let h = k as f64 - scaled;
    let mut matrix = vec![0.0; size * size];
    for (at, cell) in matrix.iter_mut().enumerate() {
        *cell = f64::from(at / size + 1 >= at % size);
    }
    for at in 0..size {
        matrix[at * size] -= h.powi(at as i32 + 1);
        matrix[(size - 1) * size + at] -= h.powi((size - at) as i32);
    }
    matrix[(size - 1) * size] += if 2.0 * h > 1.0 { (2.0 * h - 1.0).powi(size as i32) } else { 0.0 };
    for (at, cell) in matrix.iter_mut().enumerate() {
        let (row, column) = (at / size, at % size);
        for divisor in 1..=(row + 1).saturating_sub(column) {
            *cell /= divisor as f64;
        }
    }
    let (power, mut exponent) = power_of(&matrix, size, n, stop)?;
    let mut chance = power[(k - 1) * size + k - 1];
    for at in 1..=n {
        chance = chance * at as f64 / n as f64;
        if chance < 1e-140 {
            chance *= 1e140;
            exponent -= 140;
        }
    }
    Ok(chance * 10.0_f64.powi(exponent))
}

/// A matrix to the power of n, and the exponent of ten that was taken out.
fn power_of(matrix: &[f64], size: usize, n: usize, stop: Stop<'_>) -> Result<(Vec<f64>, i32), StatsError> {
    let mut result: Vec<f64> = (0..size * size).map(|at| f64::from(at / size == at % size)).collect();
    let (mut base, mut left) = (matrix.to_vec(), n);
    let (mut of_result, mut of_base) = (0, 0);
    while left > 0 {
        if stop() {
            return Err(StatsError::Stopped);
        }
        if left & 1 == 1 {
            result = product(&result, &base, size);
            of_result += of_base;
            shrink(&mut result, size, &mut of_result);
        }
        left >>= 1;
        if left > 0 {
            base = product(&base, &base, size);
            of_base *= 2;
            shrink(&mut base, size, &mut of_base);
        }
    }
    Ok((result, of_result))
}

fn shrink(matrix: &mut [f64], size: usize, exponent: &mut i32) {
    if matrix[(size / 2) * size + size / 2] > 1e140 {
        matrix.iter_mut().for_each(|cell| *cell *= 1e-140);
        *exponent += 140;
    }
}

fn product(a: &[f64], b: &[f64], size: usize) -> Vec<f64> {
    let mut result = vec![0.0; size * size];
    for (row, target) in result.chunks_mut(size).enumerate() {
        for (inner, other) in b.chunks(size).enumerate() {
            let factor = a[row * size + inner];
            target.iter_mut().zip(other).for_each(|(cell, &other)| *cell += factor * other);
        }
    }
    result
}

/// Kolmogorov's limit, P(K > x); the second series where the first is slow (Jacobi's theta function).
fn limit(x: f64) -> f64 {
    if x < 0.2 {
        return 1.0;
    }
    if x < 1.18 {
        let terms = (1..=7).map(|k| (-(f64::from(2 * k - 1) * std::f64::consts::PI / x).powi(2) / 8.0).exp());
        return 1.0 - (2.0 * std::f64::consts::PI).sqrt() / x * terms.sum::<f64>();
    }
    2.0 * (1..=7).map(|k| if k % 2 == 1 { 1.0 } else { -1.0 } * (-2.0 * f64::from(k * k) * x * x).exp()).sum::<f64>()
}

#[cfg(test)]
mod tests;
