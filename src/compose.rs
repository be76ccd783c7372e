//! From the vectors of the slots to the one vector that is searched.
//!
//! Two compositions. `sum` is V = normalise(Σ wᵢ·vᵢ). It pushes all vectors that share parts together, which is why the fresh
//! vector is kept beside V and has a floor of its own. `concat` lays the slots side by side, each scaled by √wᵢ, so that the cosine
//! of two composed vectors is Σ wᵢ·cos(vᵢ, vᵢ′): nothing is blurred, at the price of as many dimensions as there are slots.

use crate::domain::strategy::Composition;
use crate::domain::vector::UnitVector;

/// The vector of one slot; `None` where nothing fills it.
#[derive(Debug, Clone, Copy)]
pub struct Piece<'a> {
    /// Of the embedder's dimensions.
    pub vector: Option<&'a UnitVector>,
    /// The weight of the slot.
    pub weight: f32,
}

/// Composes the slots, in the order of the strategy, into a vector of `dim` dimensions for `sum` and `dim` times the number of
/// slots for `concat`. `None` where no slot is filled, or the parts cancel out.
pub fn compose(composition: Composition, pieces: &[Piece<'_>], dim: usize) -> Option<UnitVector> {
    let fitting = |piece: &Piece<'_>| piece.vector.is_none_or(|v| v.dim() == dim);
    if !pieces.iter().all(fitting) {
        return None;
    }
    match composition {
        Composition::Sum => sum(pieces, dim),
        Composition::Concat => concat(pieces, dim),
    }
}

/// How many dimensions a composed vector has.
pub fn composed_dim(composition: Composition, slots: usize, dim: usize) -> usize {
    match composition {
        Composition::Sum => dim,
        Composition::Concat => dim * slots,
    }
}

fn sum(pieces: &[Piece<'_>], dim: usize) -> Option<UnitVector> {
    let mut total = vec![0.0_f32; dim];
    for piece in pieces {
        let Some(vector) = piece.vector else { continue };
        for (t, v) in total.iter_mut().zip(vector.as_slice()) {
            *t += piece.weight * v;
        }
    }
    UnitVector::normalised(total)
}

fn concat(pieces: &[Piece<'_>], dim: usize) -> Option<UnitVector> {
    let mut laid = Vec::with_capacity(dim * pieces.len());
    for piece in pieces {
        match piece.vector {
            Some(vector) => {
                let scale = piece.weight.sqrt();
                laid.extend(vector.as_slice().iter().map(|v| scale * v));
            }
            None => laid.resize(laid.len() + dim, 0.0),
        }
    }
    UnitVector::normalised(laid)
}

/// The normalised mean of several vectors, such as the components that fill one slot. `None` for none, or where they cancel out.
pub fn mean<'a>(vectors: impl Iterator<Item = &'a UnitVector>) -> Option<UnitVector> {
    let mut total: Vec<f32> = Vec::new();
    for vector in vectors {
        total.resize(vector.dim(), 0.0);
        for (t, v) in total.iter_mut().zip(vector.as_slice()) {
            *t += v;
        }
    }
    UnitVector::normalised(total)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn unit(values: &[f32]) -> UnitVector {
        UnitVector::normalised(values.to_vec()).unwrap()
    }

    fn piece(vector: &UnitVector, weight: f32) -> Piece<'_> {
        Piece { vector: Some(vector), weight }
    }

    #[test]
    fn shared_parts_push_unrelated_texts_together_under_sum_and_not_under_the_fresh_vector() {
        // DESIGN's example: a shared context of weight 0.4, a fresh–context cosine of 0.4, a fresh similarity of 0.70.
        let context = unit(&[1.0, 0.0, 0.0]);
        let rest = (1.0_f32 - 0.16).sqrt();
        let turn = ((0.70_f32 - 0.16) / 0.84).acos();
        let (a, b) = (unit(&[0.4, rest, 0.0]), unit(&[0.4, rest * turn.cos(), rest * turn.sin()]));
        assert!((a.dot(&b) - 0.70).abs() < 1e-3);
        let v = |fresh| compose(Composition::Sum, &[piece(&context, 0.4), piece(fresh, 0.6)], 3).unwrap();
        assert!((v(&a).dot(&v(&b)) - 0.85).abs() < 0.02, "{}", v(&a).dot(&v(&b)));
    }

    #[test]
    fn a_slot_that_nothing_fills_is_left_out_of_the_sum_and_zero_in_concat() {
        let a = unit(&[1.0, 2.0]);
        let empty = Piece { vector: None, weight: 0.5 };
        assert_eq!(compose(Composition::Sum, &[empty, piece(&a, 0.5)], 2), Some(a.clone()));
        let laid = compose(Composition::Concat, &[empty, piece(&a, 0.5)], 2).unwrap();
        assert_eq!(&laid.as_slice()[..2], &[0.0, 0.0]);
        assert_eq!(compose(Composition::Sum, &[empty], 2), None);
    }

    #[test]
    fn a_vector_of_another_model_is_not_composed() {
        assert_eq!(compose(Composition::Sum, &[piece(&unit(&[1.0, 2.0, 3.0]), 1.0)], 2), None);
    }

    fn vectors() -> impl Strategy<Value = Vec<UnitVector>> {
        prop::collection::vec(prop::collection::vec(-1.0_f32..1.0, 8), 4)
            .prop_filter_map("a vector needs a direction", |vs| vs.into_iter().map(UnitVector::normalised).collect())
    }

    proptest! {
        #[test]
        fn the_cosine_under_concat_is_the_weighted_mean_of_the_cosines_of_the_slots(v in vectors(), w in 0.1_f32..0.9) {
            let composed = |a, b| compose(Composition::Concat, &[piece(a, w), piece(b, 1.0 - w)], 8).unwrap();
            let whole = composed(&v[0], &v[1]).dot(&composed(&v[2], &v[3]));
            let parts = w * v[0].dot(&v[2]) + (1.0 - w) * v[1].dot(&v[3]);
            prop_assert!((whole - parts).abs() < 1e-4);
        }

        #[test]
        fn a_sum_does_not_depend_on_the_order_of_its_slots(v in vectors(), w in 0.1_f32..0.9) {
            let one = compose(Composition::Sum, &[piece(&v[0], w), piece(&v[1], 1.0 - w)], 8);
            let other = compose(Composition::Sum, &[piece(&v[1], 1.0 - w), piece(&v[0], w)], 8);
            match (one, other) {
                (Some(a), Some(b)) => prop_assert!((a.dot(&b) - 1.0).abs() < 1e-4),
                (a, b) => prop_assert_eq!(a, b),
            }
        }
    }
}
