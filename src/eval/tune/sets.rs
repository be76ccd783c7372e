//! The data of a tuning, each set cut in three by time: to fit on, to calibrate on, and to report on.

use crate::domain::text::TextHash;
use crate::eval::dataset::{Dataset, Pair, Row, Rows};
use std::collections::HashMap;
use std::ops::Range;

/// The shares of a set at whose ends it is cut. The last part is the larger for being what an operator will believe.
const FIT_ENDS: f64 = 0.2;
const LEARNING_ENDS: f64 = 0.6;

/// Requests that belong together.
#[derive(Debug)]
pub enum Source<'a> {
    /// A stream in the order of its replay.
    Stream(&'a [Row]),
    /// All pairs.
    Pairs(Vec<Pair>),
}

/// Requests that belong together, and where they are cut.
#[derive(Debug)]
pub struct Set<'a> {
    /// The name of the file; `pairs` for all pairs together.
    pub name: String,
    /// The requests.
    pub source: Source<'a>,
    cuts: [usize; 2],
}

impl<'a> Set<'a> {
    /// The sets of some files: each stream on its own, all pairs together.
    pub fn of(data: &'a [Dataset], seed: u64) -> Vec<Self> {
        let mut sets = Vec::new();
        let mut pooled: Vec<Pair> = Vec::new();
        for dataset in data {
            match &dataset.rows {
                Rows::Stream(rows) if rows.is_empty() => {}
                Rows::Stream(rows) => {
                    let cuts = [FIT_ENDS, LEARNING_ENDS].map(|share| (rows.len() as f64 * share) as usize);
                    sets.push(Self { name: dataset.name.clone(), source: Source::Stream(rows), cuts });
                }
                Rows::Pairs(pairs) => pooled.extend(pairs.iter().cloned()),
            }
        }
        if !pooled.is_empty() {
            sets.push(Self::pairs(pooled, seed));
        }
        sets
    }

    /// Pairs have no times, so chance orders them. Those that share their first text stay in one part, for the one tells of the other.
    fn pairs(mut pairs: Vec<Pair>, seed: u64) -> Self {
        let mut rng = fastrand::Rng::with_seed(seed);
        let mut places: HashMap<TextHash, u64> = HashMap::new();
        for pair in &pairs {
            places.entry(pair.a.hash()).or_insert_with(|| rng.u64(..));
        }
        let place = |pair: &Pair| places.get(&pair.a.hash()).copied();
        pairs.sort_by_key(place);
        let cuts = [FIT_ENDS, LEARNING_ENDS].map(|share| {
            let at = (pairs.len() as f64 * share) as usize;
            let family = pairs.get(at).map(place);
            at + pairs.iter().skip(at).take_while(|pair| at > 0 && Some(place(pair)) == family).count()
        });
        Self { name: "pairs".to_owned(), source: Source::Pairs(pairs), cuts }
    }

    /// How many requests it has.
    pub fn len(&self) -> usize {
        match &self.source {
            Source::Stream(rows) => rows.len(),
            Source::Pairs(pairs) => pairs.len(),
        }
    }

    /// The part that models are fitted on, and that choices are made on.
    pub fn fit(&self) -> Range<usize> {
        0..self.cuts[0]
    }

    /// The part that proofs are made on.
    pub fn calibrate(&self) -> Range<usize> {
        self.cuts[0]..self.cuts[1]
    }

    /// The part that nothing is learnt from.
    pub fn test(&self) -> Range<usize> {
        self.cuts[1]..self.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::text::FreshText;

    fn pair(a: usize, b: usize) -> Pair {
        let text = |n: usize| FreshText::new(&format!("text {n}")).unwrap();
        Pair { line: b, a: text(a), b: text(1_000 + b), same: true, class: String::new() }
    }

    #[test]
    fn pairs_with_the_same_first_text_never_stand_in_two_parts() {
        let set = Set::pairs((0..300).map(|i| pair(i / 7, i)).collect(), 3);
        let Source::Pairs(pairs) = &set.source else { panic!("pairs became a stream") };
        let firsts =
            |range: Range<usize>| pairs[range].iter().map(|pair| pair.a.hash()).collect::<std::collections::HashSet<_>>();
        let parts = [set.fit(), set.calibrate(), set.test()].map(firsts);
        assert!(parts.iter().all(|part| !part.is_empty()));
        assert_eq!(parts.iter().map(std::collections::HashSet::len).sum::<usize>(), 43, "43 first texts, each in one part");
    }
}
