//! A vector in two 8-bit planes, and the kernels over them.
//!
//! A value becomes a 16-bit code, `value ≈ step · code` with `step = max|value| / 32512`. The code is split into
//! `256 · coarse + residual`. The graph is walked on the coarse plane alone, 384 bytes for 384 dimensions; only the
//! few that are returned read the residual as well, which brings the error of a cosine, for directions
//! without a dominant axis, from an estimated 5e-4 to 3e-6; the tests below hold it under 1e-4. One step serves both planes, because the residual's is by construction a 256th of the coarse one's.
//!
//! The kernels are plain loops compiled for several processors and picked at run time. Measured on 2 shared AVX-512
//! cores, 384 dimensions, rows in cache: this loop 12.5 ns, `numkong` 7.8 8.5 ns, hand-written VNNI 7.1 ns. The
//! library is within 1.5 times of this and adds three minutes of C to a build. VNNI is not: it is the next thing to take
//! where a walk must be faster, at the price of `unsafe` here.

use multiversion::multiversion;

use super::rows::{Block, LANES};

/// Largest absolute 16-bit code: 127 · 256, so that the coarse code stays within −127 to 127.
const CODE_MAX: f32 = 32_512.0;

/// Coarse codes count in steps of this many.
const COARSE: f32 = 256.0;

/// One quantised vector.
#[derive(Clone, Debug)]
pub(super) struct Codes {
    pub(super) coarse: Vec<Block>,
    pub(super) residual: Vec<Block>,
    /// The value of one 16-bit step.
    pub(super) step: f32,
}

impl Codes {
    /// Room for a vector of `dim` values.
    pub(super) fn new(dim: usize) -> Self {
        let blocks = dim.div_ceil(LANES);
        Self { coarse: vec![Block::ZERO; blocks], residual: vec![Block::ZERO; blocks], step: 0.0 }
    }

    /// Makes room for vectors of `dim` values, all zero.
    pub(super) fn resize(&mut self, dim: usize) {
        for plane in [&mut self.coarse, &mut self.residual] {
            plane.clear();
            plane.resize(dim.div_ceil(LANES), Block::ZERO);
        }
    }

    /// Takes the codes of `values`, which must be as many as the dimension that this has room for. The same values
    /// give the same codes on every machine.
    pub(super) fn quantise(&mut self, values: &[f32]) {
        let largest = values.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
        // The smallest normal number keeps the division finite; unit vectors are far from it.
        self.step = (largest / CODE_MAX).max(f32::MIN_POSITIVE);
        let planes = self.coarse.iter_mut().zip(&mut self.residual);
        for ((coarse, residual), values) in planes.zip(values.chunks(LANES)) {
            let mut padded = [0.0; LANES];
            padded[..values.len()].copy_from_slice(values);
            split(&padded, 1.0 / self.step, &mut coarse.0, &mut residual.0);
        }
    }

    /// First eight bytes of the BLAKE3 of the codes, by which a snapshot knows that a vector is still the same.
    pub(super) fn fingerprint(&self) -> u64 {
        let mut hasher = blake3::Hasher::new();
        for block in self.coarse.iter().chain(&self.residual) {
            hasher.update(&block.0.map(i8::cast_unsigned));
        }
        hasher.update(&self.step.to_le_bytes());
        let hash = hasher.finalize();
        hash.as_bytes().first_chunk::<8>().map_or(0, |bytes| u64::from_le_bytes(*bytes))
    }
}

/// The two codes of each value.
#[multiversion(targets("x86_64+avx512f+avx512bw+avx512vl", "x86_64+avx2+fma", "aarch64+neon"))]
fn split(values: &[f32; LANES], per_value: f32, coarse: &mut [i8; LANES], residual: &mut [i8; LANES]) {
    for lane in 0..LANES {
        let code = (values[lane] * per_value).round_ties_even().clamp(-CODE_MAX, CODE_MAX) as i32;
        let high = (code + 128) >> 8;
        coarse[lane] = high as i8;
        residual[lane] = (code - 256 * high) as i8;
    }
}

/// Cosine of two vectors from their coarse planes.
#[inline]
pub(super) fn coarse_similarity(a: &[Block], a_step: f32, b: &[Block], b_step: f32) -> f32 {
    coarse_dot(a, b) as f32 * (a_step * COARSE) * (b_step * COARSE)
}

/// Σ aᵢ·bᵢ.
#[inline]
pub(super) fn coarse_dot(a: &[Block], b: &[Block]) -> i32 {
    lanes_dot(Block::lanes(a), Block::lanes(b))
}

/// Σ aᵢ·bᵢ. At 4,096 dimensions the sum is below 2²⁷.
#[multiversion(targets("x86_64+avx512f+avx512bw+avx512vl+avx512vnni", "x86_64+avx2+fma", "aarch64+neon"))]
fn lanes_dot(a: &[i8], b: &[i8]) -> i32 {
    a.iter().zip(b).map(|(a, b)| i32::from(*a) * i32::from(*b)).sum()
}

/// Cosine of the query `values` in full precision and a stored vector from both planes.
#[inline]
pub(super) fn full_similarity(values: &[f32], coarse: &[Block], residual: &[Block], step: f32) -> f32 {
    full_dot(values, coarse, residual) * step
}

/// Σ valuesᵢ·(256·coarseᵢ + residualᵢ).
#[multiversion(targets("x86_64+avx512f+avx512bw+avx512vl", "x86_64+avx2+fma", "aarch64+neon"))]
fn full_dot(values: &[f32], coarse: &[Block], residual: &[Block]) -> f32 {
    // As many independent sums as lanes, or the order of additions would keep the loop scalar.
    let mut sums = [0.0_f32; LANES];
    for ((values, coarse), residual) in values.chunks(LANES).zip(coarse).zip(residual) {
        let mut padded = [0.0_f32; LANES];
        for (lane, value) in padded.iter_mut().zip(values) {
            *lane = *value;
        }
        for lane in 0..LANES {
            let code = i32::from(coarse.0[lane]) * 256 + i32::from(residual.0[lane]);
            sums[lane] += padded[lane] * code as f32;
        }
    }
    sums.iter().sum()
}

/// Σ aᵢ·bᵢ of full-precision vectors.
#[multiversion(targets("x86_64+avx512f+avx512vl+fma", "x86_64+avx2+fma", "aarch64+neon"))]
pub(super) fn exact_dot(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0_f32; LANES];
    let (a_lanes, a_rest) = a.as_chunks::<LANES>();
    let (b_lanes, b_rest) = b.as_chunks::<LANES>();
    for (a, b) in a_lanes.iter().zip(b_lanes) {
        for lane in 0..LANES {
            sums[lane] += a[lane] * b[lane];
        }
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum();
    sums.iter().sum::<f32>() + rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::vector::UnitVector;
    use proptest::prelude::*;

    fn unit(dim: usize) -> impl Strategy<Value = UnitVector> {
        prop::collection::vec(-1.0_f32..1.0, dim).prop_filter_map("needs a direction", UnitVector::normalised)
    }

    proptest! {
        #[test]
        fn the_full_similarity_is_within_1e_4_and_the_coarse_within_1e_2(
            (a, b) in (1_usize..520).prop_flat_map(|dim| (unit(dim), unit(dim)))
        ) {
            let (mut codes, mut query) = (Codes::new(a.dim()), Codes::new(a.dim()));
            codes.quantise(a.as_slice());
            query.quantise(b.as_slice());
            let exact = exact_dot(a.as_slice(), b.as_slice());
            let full = full_similarity(b.as_slice(), &codes.coarse, &codes.residual, codes.step);
            let coarse = coarse_similarity(&query.coarse, query.step, &codes.coarse, codes.step);
            prop_assert!((exact - full).abs() < 1e-4, "{exact} {full}");
            prop_assert!((exact - coarse).abs() < 2e-2, "{exact} {coarse}");
            prop_assert!((exact - a.dot(&b)).abs() < 1e-5);
        }

        #[test]
        fn the_same_vector_has_the_same_fingerprint_and_another_has_another(a in unit(70), b in unit(70)) {
            let (mut first, mut second) = (Codes::new(70), Codes::new(70));
            first.quantise(a.as_slice());
            second.quantise(b.as_slice());
            prop_assert_ne!(first.fingerprint(), second.fingerprint());
            second.quantise(a.as_slice());
            prop_assert_eq!(first.fingerprint(), second.fingerprint());
        }
    }

    #[test]
    fn a_vector_along_one_axis_keeps_its_length() {
        let mut codes = Codes::new(100);
        let axis: Vec<f32> = (0..100).map(|i| if i == 99 { -1.0 } else { 0.0 }).collect();
        codes.quantise(&axis);
        assert!((full_similarity(&axis, &codes.coarse, &codes.residual, codes.step) - 1.0).abs() < 1e-6);
    }
}
