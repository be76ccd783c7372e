//! k-means and the silhouette.

use super::points::{Points, squared_distance};
use super::{StatsError, Stop};
use fastrand::Rng;

/// What k-means found.
#[derive(Debug, Clone, PartialEq)]
pub struct Clusters {
    /// The centres, row by row.
    pub centres: Vec<f64>,
    /// The cluster of each observation.
    pub labels: Vec<usize>,
    /// The sum of squared distances to the own centre.
    pub inertia: f64,
    /// How many rounds the best start took.
    pub iterations: usize,
}

const ROUNDS_MAX: usize = 300;

/// k-means by Lloyd's algorithm (1982) from k-means++ starts (Arthur & Vassilvitskii, 2007); the best of `starts`. Distances are
/// Euclidean, so the caller brings the columns to one scale. A cluster that runs empty takes the point that is farthest from its centre.
///
/// # Errors
/// [`StatsError::TooFew`] for fewer observations than clusters, [`StatsError::Constant`] where fewer than `clusters` differ,
/// [`StatsError::Setting`] and [`StatsError::Stopped`].
pub fn k_means(points: Points<'_>, clusters: usize, starts: usize, seed: u64, stop: Stop<'_>) -> Result<Clusters, StatsError> {
    if clusters == 0 || starts == 0 {
        return Err(StatsError::Setting { name: "clusters", wanted: "at least one cluster and one start are needed" });
    }
    if points.len() < clusters {
        return Err(StatsError::TooFew { needed: clusters, got: points.len() });
    }
    let mut chance = Rng::with_seed(seed);
    let mut best: Option<Clusters> = None;
    for _ in 0..starts {
        let found = lloyd(points, plus_plus(points, clusters, &mut chance)?, stop)?;
        if best.as_ref().is_none_or(|best| found.inertia < best.inertia) {
            best = Some(found);
        }
    }
    best.ok_or(StatsError::Setting { name: "starts", wanted: "at least one start is needed" })
}

/// The first centre at random, each further one with a chance in proportion to its squared distance from those that there are.
fn plus_plus(points: Points<'_>, clusters: usize, chance: &mut Rng) -> Result<Vec<f64>, StatsError> {
    let mut centres = points.row(chance.usize(..points.len())).to_vec();
    let mut distances: Vec<f64> = points.rows().map(|row| squared_distance(row, &centres)).collect();
    for _ in 1..clusters {
        let total: f64 = distances.iter().sum();
        if total <= 0.0 {
            return Err(StatsError::Constant("the observations: fewer differ than there are clusters, and the rest"));
        }
        let mut left = chance.f64() * total;
        let drawn = distances.iter().position(|distance| {
            left -= distance;
            left < 0.0
        });
        // Rounding may leave a rest at the end: the farthest point is as good.
        let drawn = drawn.unwrap_or_else(|| farthest(&distances));
        let row = points.row(drawn);
        centres.extend_from_slice(row);
        distances.iter_mut().zip(points.rows()).for_each(|(least, other)| *least = least.min(squared_distance(row, other)));
    }
    Ok(centres)
}

fn farthest(distances: &[f64]) -> usize {
    (0..distances.len()).max_by(|&a, &b| distances[a].total_cmp(&distances[b])).unwrap_or(0)
}

fn lloyd(points: Points<'_>, mut centres: Vec<f64>, stop: Stop<'_>) -> Result<Clusters, StatsError> {
    let (dim, clusters) = (points.dim(), centres.len() / points.dim());
    let mut labels = vec![usize::MAX; points.len()];
    let mut distances = vec![0.0; points.len()];
    for iterations in 1..=ROUNDS_MAX {
        if stop() {
            return Err(StatsError::Stopped);
        }
        let mut changed = false;
        let (mut sums, mut counts) = (vec![0.0; centres.len()], vec![0_usize; clusters]);
        for (at, row) in points.rows().enumerate() {
            let (label, distance) = nearest(row, &centres);
            changed |= labels[at] != label;
            (labels[at], distances[at]) = (label, distance);
            counts[label] += 1;
            sums[label * dim..(label + 1) * dim].iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
        }
        if !changed {
            return Ok(Clusters { inertia: distances.iter().sum(), centres, labels, iterations });
        }
        for cluster in 0..clusters {
            let centre = &mut centres[cluster * dim..(cluster + 1) * dim];
            if counts[cluster] == 0 {
                let far = farthest(&distances);
                distances[far] = 0.0;
                centre.copy_from_slice(points.row(far));
            } else {
                let sums = &sums[cluster * dim..(cluster + 1) * dim];
                centre.iter_mut().zip(sums).for_each(|(centre, sum)| *centre = sum / counts[cluster] as f64);
            }
        }
    }
    Ok(Clusters { inertia: distances.iter().sum(), centres, labels, iterations: ROUNDS_MAX })
}

/// The nearest centre and its squared distance.
fn nearest(row: &[f64], centres: &[f64]) -> (usize, f64) {
    let distances = centres.chunks_exact(row.len()).map(|centre| squared_distance(row, centre)).enumerate();
    distances.fold((0, f64::INFINITY), |best, (at, distance)| if distance < best.1 { (at, distance) } else { best })
}

/// The mean silhouette (Rousseeuw, 1987): 1 where clusters lie far apart, 0 where they touch, negative where points lie nearer to
/// another cluster. Where there are more than `most` observations, a sample of `most` drawn without replacement stands for them. A
/// cluster of one counts as 0, as Rousseeuw has it.
///
/// # Errors
/// [`StatsError::Lengths`], [`StatsError::Constant`] where all observations of the sample are in one cluster, and [`StatsError::Stopped`].
pub fn silhouette(points: Points<'_>, labels: &[usize], most: usize, seed: u64, stop: Stop<'_>) -> Result<f64, StatsError> {
    if labels.len() != points.len() {
        return Err(StatsError::Lengths(points.len(), labels.len()));
    }
    let chosen = Rng::with_seed(seed).choose_multiple(0..points.len(), most);
    let clusters = labels.iter().max().map_or(0, |most| most + 1);
    let mut counts = vec![0_usize; clusters];
    chosen.iter().for_each(|&at| counts[labels[at]] += 1);
    if counts.iter().filter(|count| **count > 0).count() < 2 {
        return Err(StatsError::Constant("the cluster of the observations"));
    }
    let mut total = 0.0;
    for &at in &chosen {
        if stop() {
            return Err(StatsError::Stopped);
        }
        let mut sums = vec![0.0; clusters];
        for &other in &chosen {
            sums[labels[other]] += squared_distance(points.row(at), points.row(other)).sqrt();
        }
        total += width(labels[at], &sums, &counts);
    }
    Ok(total / chosen.len() as f64)
}

/// The silhouette of one observation, from its summed distances to each cluster.
fn width(own: usize, sums: &[f64], counts: &[usize]) -> f64 {
    if counts[own] < 2 {
        return 0.0;
    }
    let within = sums[own] / (counts[own] - 1) as f64;
    let others = (0..counts.len()).filter(|&cluster| cluster != own && counts[cluster] > 0);
    let between = others.map(|cluster| sums[cluster] / counts[cluster] as f64).fold(f64::INFINITY, f64::min);
    let larger = within.max(between);
    if larger > 0.0 { (between - within) / larger } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fastrand::Rng;
    use proptest::prelude::*;

    const ON: fn() -> bool = || false;

    fn blobs(seed: u64, each: usize) -> Vec<f64> {
        let mut chance = Rng::with_seed(seed);
        let centres = [[0.0, 0.0], [8.0, 0.0], [0.0, 8.0]];
        (0..each * 3).flat_map(|at| centres[at % 3].map(|centre| centre + chance.f64() - 0.5)).collect()
    }

    #[test]
    fn clusters_that_lie_apart_are_found_with_their_centres() {
        let values = blobs(1, 40);
        let found = k_means(Points::new(&values, 2).unwrap(), 3, 4, 7, &ON).unwrap();
        let own: Vec<usize> = (0..3).map(|at| found.labels[at]).collect();
        assert!((0..120).all(|at| found.labels[at] == own[at % 3]));
        let nearest = found.centres.chunks(2).map(|centre| squared_distance(centre, &[8.0, 0.0])).fold(f64::MAX, f64::min);
        assert!(nearest < 0.02, "{nearest}");
    }

    #[test]
    fn the_silhouette_is_that_of_rousseeuw_by_hand() {
        // Points 0, 1 | 10, 12: a = 1, 1, 2, 2; b = 11, 10, 9.5, 11.5.
        let values = [0.0, 1.0, 10.0, 12.0];
        let score = silhouette(Points::new(&values, 1).unwrap(), &[0, 0, 1, 1], 100, 1, &ON).unwrap();
        let by_hand = ((1.0 - 1.0 / 11.0) + (1.0 - 1.0 / 10.0) + (1.0 - 2.0 / 9.5) + (1.0 - 2.0 / 11.5)) / 4.0;
        assert!((score - by_hand).abs() < 1e-12, "{score} {by_hand}");
    }

    #[test]
    fn a_sample_of_the_silhouette_comes_near_the_whole() {
        let values = blobs(3, 100);
        let points = Points::new(&values, 2).unwrap();
        let labels: Vec<usize> = (0..300).map(|at| at % 3).collect();
        let whole = silhouette(points, &labels, 300, 1, &ON).unwrap();
        let sample = silhouette(points, &labels, 90, 1, &ON).unwrap();
        assert!((whole - sample).abs() < 0.02 && whole > 0.9, "{whole} {sample}");
    }

    #[test]
    fn too_few_observations_and_observations_that_are_all_the_same_are_refused() {
        assert!(matches!(k_means(Points::new(&[1.0], 1).unwrap(), 2, 1, 1, &ON), Err(StatsError::TooFew { .. })));
        assert!(matches!(k_means(Points::new(&[1.0; 9], 1).unwrap(), 2, 1, 1, &ON), Err(StatsError::Constant(_))));
        assert!(matches!(silhouette(Points::new(&[1.0; 9], 1).unwrap(), &[0; 9], 9, 1, &ON), Err(StatsError::Constant(_))));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]
        #[test]
        fn every_observation_is_in_the_cluster_of_its_nearest_centre(values in prop::collection::vec(-100.0..100.0_f64, 12..60), seed: u64) {
            let points = Points::new(&values, 1).unwrap();
            let found = k_means(points, 3, 2, seed, &ON).unwrap();
            for (row, label) in points.rows().zip(&found.labels) {
                let own = squared_distance(row, &found.centres[*label..=*label]);
                prop_assert!(own <= nearest(row, &found.centres).1 + 1e-9);
            }
            let score = silhouette(points, &found.labels, 1000, seed, &ON).unwrap();
            prop_assert!((-1.0..=1.0).contains(&score));
        }
    }
}
