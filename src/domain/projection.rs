//! A linear projection of composed vectors to fewer dimensions, as a calibration holds it.

use super::field::FieldError;
use super::vector::{UnitVector, dot};
use crate::limits::PROJECTION_CELLS_MAX;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::sync::Arc;

/// A projection, and how much it keeps of what it was learnt from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Projection {
    /// Dimensions of the vectors that it takes.
    pub from: usize,
    /// Dimensions of the vectors that it gives.
    pub to: usize,
    /// The share of the second moment that it keeps of vectors that it was not learnt from.
    pub explained: f64,
    /// BLAKE3 of the matrix, in hexadecimal digits.
    pub digest: String,
    /// The matrix; left out where a projection is only shown.
    #[serde(default, skip_serializing_if = "Matrix::is_empty")]
    #[schema(value_type = String, required = false)]
    matrix: Matrix,
}

/// The rows of a matrix one after the other; base64 of little-endian float32 in a file.
#[derive(Clone, PartialEq, Default)]
struct Matrix(Arc<[f32]>);

impl Projection {
    /// A projection from `from` dimensions by the rows of `matrix`, which lie one after the other.
    ///
    /// # Errors
    /// A [`FieldError`] where the rows don't fit.
    pub fn new(from: usize, matrix: Vec<f32>, explained: f64) -> Result<Self, FieldError> {
        let matrix = Matrix(matrix.into());
        let to = matrix.0.len() / from.max(1);
        let made = Self { from, to, explained, digest: matrix.digest(), matrix };
        made.check()?;
        Ok(made)
    }

    /// Checks what types alone can't say. Pointers begin at the projection.
    ///
    /// # Errors
    /// A [`FieldError`] for the first thing wrong.
    pub fn check(&self) -> Result<(), FieldError> {
        let wrong = |field: &str, detail: String| Err(FieldError::new(format!("/{field}"), detail));
        let Self { from, to, .. } = *self;
        if to == 0 || to > from {
            return wrong("to", format!("{to} is not 1 to {from}, the dimensions that come in"));
        }
        if from.checked_mul(to).is_none_or(|cells| cells > PROJECTION_CELLS_MAX) {
            return wrong("from", format!("{from} × {to} is more than {PROJECTION_CELLS_MAX} numbers"));
        }
        if !(0.0..=1.0 + 1e-9).contains(&self.explained) {
            return wrong("explained", format!("{} is no share", self.explained));
        }
        if self.matrix.0.len() != from * to {
            return wrong("matrix", format!("{} numbers, and {from} × {to} are expected", self.matrix.0.len()));
        }
        if !self.matrix.0.iter().all(|cell| cell.is_finite()) {
            return wrong("matrix", "a number is not finite".to_owned());
        }
        if self.digest != self.matrix.digest() {
            return wrong("digest", "the matrix is another: it was changed or damaged".to_owned());
        }
        Ok(())
    }

    /// The vector in fewer dimensions, of length one again. `None` where it has other dimensions, or nothing of it is left.
    pub fn apply(&self, vector: &UnitVector) -> Option<UnitVector> {
        if vector.dim() != self.from {
            return None;
        }
        UnitVector::normalised(self.matrix.0.chunks_exact(self.from).map(|row| dot(row, vector.as_slice())).collect())
    }

    /// The same without its matrix, which nobody reads in an answer or a report.
    #[must_use]
    pub fn in_short(&self) -> Self {
        Self { matrix: Matrix::default(), ..self.clone() }
    }
}

impl Matrix {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn bytes(&self) -> Vec<u8> {
        self.0.iter().flat_map(|cell| cell.to_le_bytes()).collect()
    }

    fn digest(&self) -> String {
        blake3::hash(&self.bytes()).to_hex().to_string()
    }
}

impl fmt::Debug for Matrix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Matrix of {} numbers", self.0.len())
    }
}

impl Serialize for Matrix {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&BASE64.encode(self.bytes()))
    }
}

impl<'de> Deserialize<'de> for Matrix {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let bytes = BASE64.decode(text).map_err(serde::de::Error::custom)?;
        let (words, rest) = bytes.as_chunks::<4>();
        if !rest.is_empty() {
            return Err(serde::de::Error::custom("the numbers have four bytes each, and one is cut"));
        }
        Ok(Self(words.iter().map(|word| f32::from_le_bytes(*word)).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn matrix() -> impl Strategy<Value = (usize, Vec<f32>)> {
        (1_usize..12).prop_flat_map(|from| {
            (1..=from).prop_flat_map(move |to| (Just(from), prop::collection::vec(-1.0_f32..1.0, from * to)))
        })
    }

    proptest! {
        #[test]
        fn a_projection_reads_back_bit_for_bit_and_gives_vectors_of_length_one(
            (from, cells) in matrix(),
            vector in prop::collection::vec(-1.0_f32..1.0, 12),
        ) {
            let made = Projection::new(from, cells, 0.5).unwrap();
            let read: Projection = serde_json::from_str(&serde_json::to_string(&made).unwrap()).unwrap();
            prop_assert_eq!(read.check(), Ok(()));
            prop_assert_eq!(&read, &made);
            if let Some(projected) = UnitVector::normalised(vector[..from].to_vec()).and_then(|v| made.apply(&v)) {
                prop_assert_eq!(projected.dim(), made.to);
                prop_assert!((projected.dot(&projected) - 1.0).abs() < 1e-4);
            }
        }

        #[test]
        fn whatever_stands_for_a_matrix_is_read_or_refused(text in ".{0,40}") {
            let file = serde_json::json!({"from": 2, "to": 1, "explained": 1.0, "digest": "", "matrix": text});
            if let Ok(read) = serde_json::from_value::<Projection>(file) {
                prop_assert!(read.check().is_err());
            }
        }
    }

    #[test]
    fn each_thing_that_does_not_fit_is_refused_by_its_field() {
        let good = Projection::new(2, vec![0.0, 1.0], 1.0).unwrap();
        let changed = |change: fn(&mut Projection)| {
            let mut projection = good.clone();
            change(&mut projection);
            projection.check().unwrap_err().pointer
        };
        assert_eq!(changed(|p| p.to = 0), "/to");
        assert_eq!(changed(|p| p.to = 3), "/to");
        assert_eq!(changed(|p| p.from = PROJECTION_CELLS_MAX + 1), "/from");
        assert_eq!(changed(|p| p.explained = f64::NAN), "/explained");
        assert_eq!(changed(|p| p.from = 3), "/matrix");
        assert_eq!(changed(|p| p.matrix = Matrix(Arc::from([f32::NAN, 1.0]))), "/matrix");
        assert_eq!(changed(|p| p.matrix = Matrix(Arc::from([0.5, 1.0]))), "/digest");
        assert_eq!(good.in_short().check().unwrap_err().pointer, "/matrix", "what is only shown can't be composed with");
    }

    #[test]
    fn a_vector_of_other_dimensions_or_across_all_rows_gives_none() {
        let projection = Projection::new(2, vec![0.0, 1.0], 1.0).unwrap();
        let unit = |values: &[f32]| UnitVector::normalised(values.to_vec()).unwrap();
        assert_eq!(projection.apply(&unit(&[1.0, 0.0])), None);
        assert_eq!(projection.apply(&unit(&[1.0, 0.0, 0.0])), None);
        assert_eq!(projection.apply(&unit(&[3.0, 4.0])), Some(unit(&[1.0])));
    }
}
