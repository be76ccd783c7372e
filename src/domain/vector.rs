//! Embedding vectors.

use std::sync::Arc;

/// A vector of Euclidean length one; cheap to clone. Its dot product with another is their cosine.
#[derive(Clone, Debug, PartialEq)]
pub struct UnitVector(Arc<[f32]>);

impl UnitVector {
    /// Scales `values` to length one. `None` where no direction can be had from them: empty, all zero,
    /// or with a value that is not finite.
    pub fn normalised(mut values: Vec<f32>) -> Option<Self> {
        // The sum is taken in double precision: a long vector of large values would overflow f32.
        let norm = values.iter().map(|v| f64::from(*v) * f64::from(*v)).sum::<f64>().sqrt();
        if !norm.is_finite() || norm < 1e-12 {
            return None;
        }
        for value in &mut values {
            *value = (f64::from(*value) / norm) as f32;
        }
        Some(Self(values.into()))
    }

    /// The values, of length [`Self::dim`].
    pub fn as_slice(&self) -> &[f32] {
        &self.0
    }

    /// How many dimensions it has.
    pub fn dim(&self) -> usize {
        self.0.len()
    }

    /// Cosine similarity, in −1 to 1; 0 where the dimensions differ, for such vectors share no space.
    pub fn dot(&self, other: &Self) -> f32 {
        if self.dim() == other.dim() { dot(&self.0, &other.0) } else { 0.0 }
    }

    /// Raw little-endian float32, as the records hold it.
    pub fn to_le_bytes(&self) -> Vec<u8> {
        self.0.iter().flat_map(|v| v.to_le_bytes()).collect()
    }

    /// Reads raw little-endian float32. `None` where the length is no multiple of four or the vector is not of
    /// length one within 1e-3, which means that it was damaged or never normalised.
    pub fn from_le_bytes(bytes: &[u8]) -> Option<Self> {
        let (words, rest) = bytes.as_chunks::<4>();
        if words.is_empty() || !rest.is_empty() {
            return None;
        }
        let values: Arc<[f32]> = words.iter().map(|w| f32::from_le_bytes(*w)).collect();
        let norm = values.iter().map(|v| f64::from(*v) * f64::from(*v)).sum::<f64>().sqrt();
        ((norm - 1.0).abs() < 1e-3).then_some(Self(values))
    }
}

/// Dot product of two slices of one length, in the widest lanes that the processor has.
#[multiversion::multiversion(targets("x86_64+avx512f+avx512vl+fma", "x86_64+avx2+fma", "aarch64+neon"))]
pub fn dot(a: &[f32], b: &[f32]) -> f32 {
    // Sixteen independent sums let the compiler keep them in vector registers; one sum would force the order.
    let mut sums = [0.0_f32; 16];
    let (a_lanes, a_rest) = a.as_chunks::<16>();
    let (b_lanes, b_rest) = b.as_chunks::<16>();
    for (x, y) in a_lanes.iter().zip(b_lanes) {
        for lane in 0..16 {
            sums[lane] += x[lane] * y[lane];
        }
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(x, y)| x * y).sum();
    sums.iter().sum::<f32>() + rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_vector_without_direction_is_refused() {
        assert!(UnitVector::normalised(vec![]).is_none());
        assert!(UnitVector::normalised(vec![0.0; 8]).is_none());
        assert!(UnitVector::normalised(vec![1.0, f32::NAN]).is_none());
        assert!(UnitVector::normalised(vec![1.0, f32::INFINITY]).is_none());
    }

    #[test]
    fn a_damaged_vector_does_not_read() {
        let good = UnitVector::normalised(vec![1.0, 2.0, 3.0]).unwrap().to_le_bytes();
        assert!(UnitVector::from_le_bytes(&good).is_some());
        assert!(UnitVector::from_le_bytes(&good[..7]).is_none());
        assert!(UnitVector::from_le_bytes(&good[..8]).is_none());
        assert!(UnitVector::from_le_bytes(&[]).is_none());
    }

    proptest! {
        #[test]
        fn length_is_one_and_the_bytes_read_back_the_same(values in prop::collection::vec(-1e6_f32..1e6, 1..600)) {
            if let Some(vector) = UnitVector::normalised(values) {
                prop_assert!((vector.dot(&vector) - 1.0).abs() < 1e-4);
                prop_assert_eq!(UnitVector::from_le_bytes(&vector.to_le_bytes()).unwrap(), vector);
            }
        }
    }
}
