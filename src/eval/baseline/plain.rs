//! Baselines without a memory of their own errors.

use super::{Point, Run};
use crate::domain::answer::Path;
use crate::domain::text::TextHash;
use crate::eval::statistics::Served;
use std::collections::HashMap;

fn by_meaning(right: bool) -> Option<Served> {
    Some(Served { path: Path::Fast, right })
}

/// Always the decision that is the most common one of the whole stream, which only hindsight knows.
pub fn most_common(points: &[Point]) -> Run {
    let mut counts: HashMap<usize, usize> = HashMap::new();
    for point in points {
        *counts.entry(point.decision).or_default() += 1;
    }
    // Of two that are as common the one with the smaller number, so that a run repeats.
    let best =
        counts.into_iter().max_by_key(|(decision, count)| (*count, std::cmp::Reverse(*decision))).map(|(decision, _)| decision);
    points.iter().map(|point| by_meaning(Some(point.decision) == best)).collect()
}

/// Always the decision of the row before, whatever was asked.
pub fn repeat_last(points: &[Point]) -> Run {
    let before = std::iter::once(None).chain(points.iter().map(|point| Some(point.decision)));
    points.iter().zip(before).map(|(point, before)| before.and_then(|last| by_meaning(last == point.decision))).collect()
}

/// The decision of the very same text; stored on a miss.
pub fn exact_only(points: &[Point]) -> Run {
    let mut known: HashMap<TextHash, usize> = HashMap::new();
    let answer = |point: &Point| match known.get(&point.text) {
        Some(decision) => Some(Served { path: Path::Exact, right: *decision == point.decision }),
        None => {
            known.insert(point.text, point.decision);
            None
        }
    };
    points.iter().map(answer).collect()
}

/// For each floor the decision of the nearest stored text whose cosine reaches it, without any gate; stored on a miss. This is what a
/// semantic cache with a fixed threshold does.
pub fn cosine(points: &[Point], floors: &[f32]) -> Vec<Run> {
    let least = floors.iter().copied().fold(f32::INFINITY, f32::min);
    let earlier: Vec<Vec<(f32, usize)>> = (0..points.len()).map(|i| nearest_before(points, i, least)).collect();
    floors.iter().map(|floor| replay(points, &earlier, *floor)).collect()
}

/// The earlier points whose cosine with point `i` reaches `floor`, the nearest first, and the earliest of two that are as near.
fn nearest_before(points: &[Point], i: usize, floor: f32) -> Vec<(f32, usize)> {
    let Some(vector) = points.get(i).and_then(|point| point.vector.as_ref()) else { return Vec::new() };
    let earlier = points.iter().take(i).enumerate();
    let similar = earlier.filter_map(|(j, other)| Some((vector.dot(other.vector.as_ref()?), j)));
    let mut near: Vec<(f32, usize)> = similar.filter(|(similarity, _)| *similarity >= floor).collect();
    near.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    near
}

fn replay(points: &[Point], earlier: &[Vec<(f32, usize)>], floor: f32) -> Run {
    let mut stored: Vec<bool> = Vec::with_capacity(points.len());
    let mut run = Vec::with_capacity(points.len());
    for (point, near) in points.iter().zip(earlier) {
        let within = near.iter().take_while(|(similarity, _)| *similarity >= floor);
        let found = within.map(|(_, j)| *j).find(|j| stored.get(*j) == Some(&true)).and_then(|j| points.get(j));
        let served = found.and_then(|found| by_meaning(found.decision == point.decision));
        stored.push(served.is_none());
        run.push(served);
    }
    run
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::text::FreshText;
    use crate::domain::vector::UnitVector;

    fn point(text: &str, decision: usize, angle: f32) -> Point {
        let vector = UnitVector::normalised(vec![angle.cos(), angle.sin()]);
        Point { decision, text: FreshText::new(text).unwrap().hash(), vector }
    }

    fn rights(run: &Run) -> Vec<Option<bool>> {
        run.iter().map(|served| served.map(|s| s.right)).collect()
    }

    #[test]
    fn each_does_as_its_name_says() {
        let points = [point("a", 1, 0.0), point("b", 1, 0.1), point("a", 2, 0.0), point("c", 1, 1.5)];
        assert_eq!(rights(&most_common(&points)), [Some(true), Some(true), Some(false), Some(true)]);
        assert_eq!(rights(&repeat_last(&points)), [None, Some(true), Some(false), Some(false)]);
        assert_eq!(rights(&exact_only(&points)), [None, None, Some(false), None]);
    }

    #[test]
    fn a_lower_floor_serves_what_a_higher_one_stores() {
        let points = [point("a", 1, 0.0), point("b", 1, 0.1), point("c", 2, 0.15), point("d", 3, 1.5)];
        let runs = cosine(&points, &[0.999, 0.9]);
        // At 0.999 the second is stored (cos 0.1 = 0.995), and the third is as near as 0.05 to it (0.99875).
        assert_eq!(rights(&runs[0]), [None, None, None, None]);
        assert_eq!(rights(&runs[1]), [None, Some(true), Some(false), None]);
    }
}
