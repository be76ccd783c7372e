//! Hard negatives: the questions that were once answered wrongly.
//!
//! A wrong reuse closes its entry by quarantine. Another entry with the same decision may lie as near, and would be served the next time.
//! So the question itself is remembered: whoever asks nearly the same isn't given the same wrong decision by anyone.

use crate::domain::agreement::AgreementKey;
use crate::domain::time::Timestamp;
use crate::domain::vector::UnitVector;
use crate::limits::{HARD_NEGATIVE_COSINE_MIN, HARD_NEGATIVES_MAX};
use arc_swap::ArcSwap;
use parking_lot::Mutex;
use std::sync::Arc;

/// A question that was answered wrongly.
#[derive(Debug, Clone, PartialEq)]
pub struct HardNegative {
    /// The vector of its fresh text.
    pub fresh: UnitVector,
    /// What was served.
    pub wrong: AgreementKey,
    /// What should have been, where it is known.
    pub expected: Option<AgreementKey>,
    /// When that became known.
    pub at: Timestamp,
}

/// The hard negatives of one partition, the newest few hundred. Readers wait for nobody.
#[derive(Debug)]
pub struct Neighbourhood {
    list: ArcSwap<Vec<Arc<HardNegative>>>,
    writing: Mutex<()>,
}

impl Default for Neighbourhood {
    fn default() -> Self {
        Self { list: ArcSwap::from_pointee(Vec::new()), writing: Mutex::new(()) }
    }
}

/// How near a request is to one that was answered wrongly.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TooNear {
    /// Cosine of the fresh vectors.
    pub similarity: f32,
    /// When the other was found to be wrong.
    pub at: Timestamp,
}

impl TooNear {
    /// What a gate says of it.
    pub fn saw(&self) -> String {
        format!("this decision was wrong at {} for a question as near as {:.3}", self.at, self.similarity)
    }
}

impl Neighbourhood {
    /// Remembers a wrong reuse. The oldest is forgotten where there are too many, and an earlier one of the same question and decision
    /// gives its place to this.
    pub fn remember(&self, negative: HardNegative) {
        self.change(|list| {
            list.retain(|held| !(held.wrong == negative.wrong && held.fresh == negative.fresh));
            list.push(Arc::new(negative));
            let over = list.len().saturating_sub(HARD_NEGATIVES_MAX);
            list.drain(..over);
        });
    }

    /// Forgets those that `keep` doesn't want, such as a verdict that was taken back.
    pub fn retain(&self, keep: impl Fn(&HardNegative) -> bool) {
        self.change(|list| list.retain(|held| keep(held)));
    }

    /// Whether `decision` was wrong for a question that is nearly the one of `fresh`; the nearest of those.
    pub fn refuses(&self, fresh: &UnitVector, decision: AgreementKey) -> Option<TooNear> {
        let list = self.list.load();
        let near = |held: &Arc<HardNegative>| TooNear { similarity: held.fresh.dot(fresh), at: held.at };
        // Keys are compared first, since most negatives speak of another decision.
        let same = list.iter().filter(|held| held.wrong == decision).map(near);
        same.filter(|near| near.similarity >= HARD_NEGATIVE_COSINE_MIN).max_by(|a, b| a.similarity.total_cmp(&b.similarity))
    }

    /// All of them, the oldest first.
    pub fn list(&self) -> Arc<Vec<Arc<HardNegative>>> {
        self.list.load_full()
    }

    fn change(&self, change: impl FnOnce(&mut Vec<Arc<HardNegative>>)) {
        let _one_writer = self.writing.lock();
        let mut list = self.list.load().to_vec();
        change(&mut list);
        self.list.store(Arc::new(list));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const UP: u64 = 1;
    const DOWN: u64 = 2;

    fn key(bits: u64) -> AgreementKey {
        AgreementKey::from_bits(bits)
    }

    /// The vector at this angle, in degrees.
    fn at(degrees: f32) -> UnitVector {
        UnitVector::normalised(vec![degrees.to_radians().cos(), degrees.to_radians().sin()]).unwrap()
    }

    fn negative(degrees: f32, wrong: u64) -> HardNegative {
        HardNegative { fresh: at(degrees), wrong: key(wrong), expected: None, at: Timestamp::from_micros(0) }
    }

    #[test]
    fn nearly_the_same_question_is_not_given_the_same_wrong_decision() {
        let near = Neighbourhood::default();
        near.remember(negative(0.0, UP));
        // The cosine of 0.92 is that of 23 degrees.
        assert!(near.refuses(&at(0.0), key(UP)).is_some());
        assert!(near.refuses(&at(20.0), key(UP)).unwrap().saw().contains("as near as 0.940"));
        assert!(near.refuses(&at(26.0), key(UP)).is_none());
        assert!(near.refuses(&at(0.0), key(DOWN)).is_none());
    }

    #[test]
    fn the_nearest_of_several_is_named() {
        let near = Neighbourhood::default();
        [20.0, 5.0, 15.0].into_iter().for_each(|degrees| near.remember(negative(degrees, UP)));
        assert!((near.refuses(&at(0.0), key(UP)).unwrap().similarity - at(5.0).dot(&at(0.0))).abs() < 1e-6);
    }

    #[test]
    fn a_verdict_that_is_taken_back_opens_the_neighbourhood_again() {
        let near = Neighbourhood::default();
        near.remember(negative(0.0, UP));
        near.retain(|held| held.wrong != key(UP));
        assert!(near.refuses(&at(0.0), key(UP)).is_none());
    }

    #[test]
    fn the_same_wrong_reuse_takes_one_place() {
        let near = Neighbourhood::default();
        near.remember(negative(0.0, UP));
        near.remember(HardNegative { at: Timestamp::from_micros(9), ..negative(0.0, UP) });
        near.remember(negative(0.0, DOWN));
        assert_eq!(near.list().len(), 2);
        assert_eq!(near.refuses(&at(0.0), key(UP)).unwrap().at, Timestamp::from_micros(9));
    }

    #[test]
    fn a_vector_of_another_model_or_of_no_direction_refuses_nothing() {
        let near = Neighbourhood::default();
        near.remember(negative(0.0, UP));
        let longer = UnitVector::normalised(vec![1.0, 0.0, 0.0]).unwrap();
        assert!(near.refuses(&longer, key(UP)).is_none());
    }

    proptest! {
        #[test]
        fn the_newest_are_kept_and_no_more_than_the_cap(n in 1_usize..600) {
            let near = Neighbourhood::default();
            (0..n).for_each(|i| near.remember(negative(0.0, i as u64)));
            let kept: Vec<u64> = near.list().iter().map(|held| held.wrong.to_bits()).collect();
            let expected: Vec<u64> = (n.saturating_sub(HARD_NEGATIVES_MAX)..n).map(|i| i as u64).collect();
            prop_assert_eq!(kept, expected);
        }
    }
}
