//! Which of several equal minima is reported.
//!
//! A sum of like terms is the same curve with two terms exchanged: in b1·exp(−b2·x) + b3·exp(−b4·x) the pairs (b1, b2) and (b3, b4). A search may
//! end at any of them, and the one that is meant has its terms in the order that they have at the start: the faster
//! decay first, say.

use super::super::{Curve, Stop};

/// Pairs of parameters that change places together.
const PAIRS_MAX: usize = 3;
/// Beyond so many parameters there are too many ways to try.
const PARAMETERS_MAX: usize = 10;
/// Exchanges that are looked at one after the other.
const ROUNDS_MAX: usize = 10;

/// The place ordered most like `start` among those that exchanges of parameters lead to at the same sum of squares.
pub(super) fn ordered(curve: &dyn Curve<f64>, mut place: Vec<f64>, start: &[f64], (squares, stop): (f64, Stop<'_>)) -> Vec<f64> {
    if place.len() > PARAMETERS_MAX {
        return place;
    }
    let ways = exchanges(place.len());
    for _ in 0..ROUNDS_MAX {
        let better = ways.iter().find_map(|way| {
            let mut other = place.clone();
            way.iter().for_each(|&(a, b)| other.swap(a, b));
            let same = |found: f64| (found - squares).abs() <= 1e-10 * squares;
            (against_start(way, &place, start) && curve.at(&other, stop).is_some_and(|point| same(point.squares())))
                .then_some(other)
        });
        match better {
            Some(other) => place = other,
            None => break,
        }
    }
    place
}

/// Whether more of the exchanged pairs stand in another order than at the start, rather than in the same.
fn against_start(way: &[(usize, usize)], place: &[f64], start: &[f64]) -> bool {
    let turned = |&&(a, b): &&(usize, usize)| (place[a] - place[b]) * (start[a] - start[b]) < 0.0;
    2 * way.iter().filter(turned).count() > way.len()
}

/// All ways to exchange one to three pairs among so many parameters.
fn exchanges(parameters: usize) -> Vec<Vec<(usize, usize)>> {
    let pairs: Vec<(usize, usize)> = (0..parameters).flat_map(|a| (a + 1..parameters).map(move |b| (a, b))).collect();
    let mut ways: Vec<Vec<(usize, usize)>> = Vec::new();
    let mut last: Vec<Vec<(usize, usize)>> = vec![Vec::new()];
    for _ in 0..PAIRS_MAX {
        let longer = |way: &Vec<(usize, usize)>| {
            let free = |&&(a, b): &&(usize, usize)| {
                way.last().is_none_or(|last| *last < (a, b))
                    && way.iter().all(|&(c, d)| ![c, d].contains(&a) && ![c, d].contains(&b))
            };
            pairs.iter().filter(free).map(|&pair| way.iter().copied().chain([pair]).collect::<Vec<_>>()).collect::<Vec<_>>()
        };
        last = last.iter().flat_map(longer).collect();
        ways.extend(last.iter().cloned());
    }
    ways
}
