//! Which directions composed vectors of `concat` can lose.
//!
//! Uncentred principal components: the eigenvectors of the second moment of the vectors that have the largest eigenvalues span, among all
//! subspaces of their dimension, the one that keeps the most of the vectors' squared length (Eckart & Young, "The approximation of one
//! matrix by another of lower rank", Psychometrika 1936). They are not centred because what is to be kept is the cosine from the origin, not
//! the distance from the mean. Where two vectors keep all but ε of their squared length, their cosine moves by less than 2ε / (1 − ε).

use crate::domain::projection::Projection;
use crate::domain::vector::UnitVector;
use nalgebra::{DMatrix, SymmetricEigen};

/// Dimensions that are tried, the fewest first: whole cache lines of an index's codes.
pub const DIMENSIONS: [usize; 5] = [64, 128, 192, 256, 384];

/// The share of the second moment that must be kept before a projection is tried, of vectors that the directions were not learnt from: a
/// share of what they were learnt from would say nothing where there are fewer vectors than dimensions, for it is then always 1. Sentences
/// of an embedder of 384 dimensions keep 0.99 in hardly fewer than 384; at 0.95 no cosine moves by more than 0.1, and what that costs is seen
/// in the hits, by which the projection is chosen.
pub const EXPLAINED_MIN: f64 = 0.95;

/// Vectors whose second moment is added up at one time.
const BLOCK: usize = 512;

/// Which of the cosines, in the order of how far they move, a report gives.
const COSINE_QUANTILE: f64 = 0.99;

/// A projection, and what it does to cosines.
#[derive(Debug, Clone)]
pub struct Reduction {
    /// Learnt from all vectors.
    pub projection: Projection,
    /// How far the cosine of two later vectors moves under what the earlier taught, in 99 cases of 100 no further.
    pub cosine_error: f64,
}

/// Which of so many slots, that lie side by side in each vector, is empty in all of them. A projection would take the whole slot away, and
/// what fills it later would no longer tell one request from another.
pub fn empty_slot(vectors: &[UnitVector], slots: usize) -> Option<usize> {
    let width = vectors.first()?.dim() / slots.max(1);
    (0..slots).find(|slot| {
        let empty = |vector: &UnitVector| vector.as_slice().iter().skip(slot * width).take(width).all(|value| *value == 0.0);
        vectors.iter().all(empty)
    })
}

/// Learns a projection to each of some dimensions that keeps enough, the fewest first.
///
/// # Errors
/// Why there is none, in words.
pub fn reduce(early: &[UnitVector], late: &[UnitVector], dimensions: &[usize]) -> Result<Vec<Reduction>, String> {
    let (Some(first), false) = (early.first(), late.is_empty()) else {
        return Err("there are too few texts to learn a projection from".to_owned());
    };
    let from = first.dim();
    let fewer: Vec<usize> = dimensions.iter().copied().filter(|to| *to < from).collect();
    let Some(most) = fewer.last().copied() else {
        return Err(format!("composed vectors have {from} dimensions, and no fewer were tried"));
    };
    let unsolved = || "the principal components could not be computed".to_owned();
    let of_early = principal(early, most).ok_or_else(unsolved)?;
    let kept = kept(&of_early, from, late);
    let share = |to: usize| kept.iter().take(to).sum::<f64>() / late.len() as f64;
    let enough: Vec<usize> = fewer.into_iter().filter(|to| share(*to) >= EXPLAINED_MIN).collect();
    if enough.is_empty() {
        return Err(format!(
            "{most} of {from} dimensions keep {:.2}% of the second moment of later vectors, less than {:.0}%",
            share(most) * 100.0,
            EXPLAINED_MIN * 100.0
        ));
    }
    let both: Vec<UnitVector> = early.iter().chain(late).cloned().collect();
    let of_both = principal(&both, most).ok_or_else(unsolved)?;
    let one = |to: usize| {
        let cosine_error = cosine_error(&projection(&of_early, from, (to, share(to)))?, late);
        Ok(Reduction { projection: projection(&of_both, from, (to, share(to)))?, cosine_error })
    };
    enough.into_iter().map(one).collect()
}

fn projection(rows: &[f32], from: usize, (to, explained): (usize, f64)) -> Result<Projection, String> {
    let rows = rows.get(..to * from).unwrap_or_default().to_vec();
    Projection::new(from, rows, explained.clamp(0.0, 1.0)).map_err(|error| error.to_string())
}

/// The first `most` principal directions, one row after the other. A direction and its opposite are the same, so the largest value of each
/// is made positive, and the bytes don't depend on chance. `None` where the iteration doesn't converge.
fn principal(vectors: &[UnitVector], most: usize) -> Option<Vec<f32>> {
    let dim = vectors.first()?.dim();
    let mut moment = DMatrix::<f64>::zeros(dim, dim);
    for block in vectors.chunks(BLOCK) {
        let values = block.iter().flat_map(|vector| vector.as_slice()).map(|value| f64::from(*value));
        let columns = DMatrix::from_iterator(dim, block.len(), values);
        moment.gemm(1.0, &columns, &columns.transpose(), 1.0);
    }
    let solved = SymmetricEigen::try_new(moment, f64::EPSILON, 0)?;
    let mut order: Vec<usize> = (0..dim).collect();
    order.sort_by(|a, b| solved.eigenvalues[*b].total_cmp(&solved.eigenvalues[*a]));
    let mut rows = Vec::with_capacity(most * dim);
    for at in order.into_iter().take(most) {
        let column = solved.eigenvectors.column(at);
        let largest = column.iter().fold(0.0_f64, |largest, value| if value.abs() > largest.abs() { *value } else { largest });
        rows.extend(column.iter().map(|value| (value * largest.signum()) as f32));
    }
    Some(rows)
}

/// How much of the squared length of all `vectors` lies along each row.
fn kept(rows: &[f32], from: usize, vectors: &[UnitVector]) -> Vec<f64> {
    let along = |row: &[f32], vector: &UnitVector| f64::from(crate::domain::vector::dot(row, vector.as_slice())).powi(2);
    rows.chunks_exact(from).map(|row| vectors.iter().map(|vector| along(row, vector)).sum()).collect()
}

/// How far the cosine of each vector with one some places on moves, at [`COSINE_QUANTILE`]. A vector of which nothing is left has moved by
/// all that it had.
fn cosine_error(projection: &Projection, vectors: &[UnitVector]) -> f64 {
    let projected: Vec<Option<UnitVector>> = vectors.iter().map(|vector| projection.apply(vector)).collect();
    let half = vectors.len() / 2;
    let moved = |at: usize| -> f64 {
        let other = (at + half) % vectors.len();
        let Some((a, b)) = vectors.get(at).zip(vectors.get(other)) else { return 0.0 };
        let now = match (projected.get(at), projected.get(other)) {
            (Some(Some(a)), Some(Some(b))) => a.dot(b),
            _ => 0.0,
        };
        f64::from((a.dot(b) - now).abs())
    };
    let mut all: Vec<f64> = (0..vectors.len()).map(moved).collect();
    all.sort_by(f64::total_cmp);
    all.get((all.len().saturating_sub(1) as f64 * COSINE_QUANTILE) as usize).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Vectors of 24 dimensions in a space of `rank`, and a little noise outside of it.
    fn vectors(rank: usize, noise: f32, seed: u64) -> Vec<UnitVector> {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut value = || random.f32() * 2.0 - 1.0;
        let basis: Vec<Vec<f32>> = (0..rank).map(|_| (0..24).map(|_| value()).collect()).collect();
        let mut one = || {
            let mut sum: Vec<f32> = (0..24).map(|_| noise * value()).collect();
            for row in &basis {
                let weight = value();
                sum.iter_mut().zip(row).for_each(|(total, part)| *total += weight * part);
            }
            UnitVector::normalised(sum)
        };
        (0..80).filter_map(|_| one()).collect()
    }

    fn whole(vectors: &[UnitVector], to: usize) -> Projection {
        projection(&principal(vectors, to).unwrap(), 24, (to, 1.0)).unwrap()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn cosines_stay_as_they_are_where_as_many_dimensions_are_left_as_the_vectors_span(rank in 1_usize..24, seed in any::<u64>()) {
            let all = vectors(rank, 0.0, seed);
            let projection = whole(&all, rank);
            for (a, b) in all.iter().zip(all.iter().skip(1)) {
                let (x, y) = (projection.apply(a).unwrap(), projection.apply(b).unwrap());
                prop_assert!((x.dot(&y) - a.dot(b)).abs() < 1e-3, "{} {}", x.dot(&y), a.dot(b));
                prop_assert!((x.dot(&x) - 1.0).abs() < 1e-4);
            }
        }

        #[test]
        fn a_cosine_moves_by_no_more_than_what_the_vectors_lose(to in 1_usize..24, noise in 0.0_f32..0.5, seed in any::<u64>()) {
            let all = vectors(4, noise, seed);
            let rows = principal(&all, to).unwrap();
            let lost = |vector: &UnitVector| (1.0 - kept(&rows, 24, std::slice::from_ref(vector)).iter().sum::<f64>()).max(0.0);
            let projection = whole(&all, to);
            for (a, b) in all.iter().zip(all.iter().skip(1)) {
                let (Some(x), Some(y)) = (projection.apply(a), projection.apply(b)) else { continue };
                let scale = ((1.0 - lost(a)) * (1.0 - lost(b))).sqrt();
                if scale < 1e-3 {
                    continue;
                }
                let bound = ((lost(a) * lost(b)).sqrt() + 1.0 - scale) / scale;
                prop_assert!(f64::from((x.dot(&y) - a.dot(b)).abs()) <= bound + 2e-3);
            }
        }
    }

    #[test]
    fn each_of_the_dimensions_that_keep_enough_of_later_vectors_is_learnt_the_fewest_first() {
        let all = vectors(6, 0.01, 7);
        let (early, late) = all.split_at(40);
        let made = reduce(early, late, &[4, 8, 12, 24]).unwrap();
        assert_eq!(made.iter().map(|one| (one.projection.from, one.projection.to)).collect::<Vec<_>>(), [(24, 8), (24, 12)]);
        assert!(made.iter().all(|one| one.projection.explained >= EXPLAINED_MIN && one.cosine_error < 0.02), "{made:?}");
        assert!(made[0].projection.explained < made[1].projection.explained);
    }

    #[test]
    fn what_only_the_earlier_vectors_span_is_refused_in_words() {
        let (early, late) = (vectors(6, 0.0, 1), vectors(24, 0.0, 2));
        let why = reduce(early.get(..6).unwrap(), &late, &[4, 8]).unwrap_err();
        assert!(why.contains("8 of 24 dimensions keep") && why.contains("less than 95%"), "{why}");
        assert!(reduce(&early, &late, &[24, 64]).unwrap_err().contains("no fewer"));
        assert!(reduce(&early, &[], &[4]).unwrap_err().contains("too few texts"));
    }

    #[test]
    fn a_slot_that_no_vector_fills_is_found() {
        let all = vectors(3, 0.1, 5);
        assert_eq!(empty_slot(&all, 3), None);
        let half_empty = |vector: &UnitVector| {
            let mut values = vector.as_slice().to_vec();
            values[8..16].fill(0.0);
            UnitVector::normalised(values).unwrap()
        };
        let mut some: Vec<UnitVector> = all.iter().map(half_empty).collect();
        assert_eq!(empty_slot(&some, 3), Some(1));
        some.push(all[0].clone());
        assert_eq!(empty_slot(&some, 3), None);
    }

    #[test]
    fn the_same_vectors_give_the_same_bytes() {
        let all = vectors(9, 0.1, 3);
        assert_eq!(whole(&all, 12).digest, whole(&all, 12).digest);
    }
}
