//! Baum–Welch, from several starts.

use super::Model;
use super::passes::{Passes, passes, viterbi};
use crate::stats::cluster::k_means;
use crate::stats::points::{Points, add_outer, matching, squared_distance};
use crate::stats::{StatsError, Stop};

/// Which covariances may differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Each state has its own.
    Full,
    /// All states share one.
    Tied,
}

/// What is believed of the states before the data are seen; the fit is then the mode of the posterior (Gauvain & Lee, 1994).
#[derive(Debug, Clone, PartialEq)]
pub struct Prior {
    /// Where the means are expected, row by row: this also fixes the order of the states.
    pub means: Vec<f64>,
    /// As how many observations of each state that counts. The distance is measured by the state's own covariance.
    pub weight: f64,
    /// As how many steps from each state to itself are added: above zero, spells are longer than the data alone say.
    pub stay: f64,
    /// As how many steps to each state are added, so that no chance is exactly zero.
    pub spread: f64,
}

/// How a model is fitted.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings<'a> {
    /// How many states.
    pub states: usize,
    /// Which covariances may differ.
    pub shape: Shape,
    /// What is believed before.
    pub prior: Option<&'a Prior>,
    /// Where one start begins: the fit before this one.
    pub first: Option<&'a Model>,
    /// By how much another start has to be better than that from `first`, in units of the objective: two optima that are nearly as good
    /// would else take turns from one fit to the next.
    pub loyalty: f64,
    /// How many starts begin at k-means with seeds of their own.
    pub starts: usize,
    /// Added to the diagonal of every covariance, in squared units of the data.
    pub ridge: f64,
    /// The rounds at most.
    pub iterations_max: usize,
    /// It has settled where the objective of an observation gains less.
    pub tolerance: f64,
    /// Where chance begins.
    pub seed: u64,
}

/// A fitted model.
#[derive(Debug, Clone, PartialEq)]
pub struct Fit {
    /// The parameters.
    pub model: Model,
    /// The logarithm of the likelihood.
    pub log_likelihood: f64,
    /// That, and the logarithm of the prior up to a constant: what was maximised.
    pub objective: f64,
    /// The rounds of the best start.
    pub iterations: usize,
    /// The chance of each state at each observation, given all of them.
    pub smoothed: Vec<f64>,
    /// The likeliest path.
    pub path: Vec<usize>,
    /// The objective that each start came to, or nothing where it failed.
    pub starts: Vec<Option<f64>>,
}

/// Fits by Baum–Welch (Baum, Petrie, Soules & Weiss, 1970), the best of all starts: the prior's means, the fit before, and k-means.
///
/// # Errors
/// [`StatsError::TooFew`], those of [`k_means`], [`StatsError::NotConverged`] where no start settles, and [`StatsError::Stopped`].
pub fn fit(points: Points<'_>, settings: &Settings<'_>, stop: Stop<'_>) -> Result<Fit, StatsError> {
    let needed = settings.states * (points.dim() + 1) * 2;
    if points.len() < needed {
        return Err(StatsError::TooFew { needed, got: points.len() });
    }
    let mut best: Option<Climbed> = None;
    let (mut outcomes, mut fault) = (Vec::new(), None);
    let starts = starts(points, settings, stop)?;
    let mut loyalty = if settings.first.is_some() { settings.loyalty } else { 0.0 };
    for start in starts {
        match climb(points, start, settings, stop) {
            Ok(climbed) => {
                outcomes.push(Some(climbed.objective));
                match &best {
                    Some(best_yet) if climbed.objective <= best_yet.objective + loyalty => {}
                    Some(_) => (best, loyalty) = (Some(climbed), 0.0),
                    None => best = Some(climbed),
                }
            }
            Err(StatsError::Stopped) => return Err(StatsError::Stopped),
            Err(error) => {
                outcomes.push(None);
                fault = Some(error);
            }
        }
    }
    let none = StatsError::Setting { name: "starts", wanted: "at least one start is needed" };
    let Climbed { model, passes, objective, iterations } = best.ok_or(fault.unwrap_or(none))?;
    let path = viterbi(points, &model, stop)?;
    let (log_likelihood, smoothed) = (passes.log_likelihood, passes.smoothed);
    Ok(Fit { model, log_likelihood, objective, iterations, smoothed, path, starts: outcomes })
}

struct Climbed {
    model: Model,
    passes: Passes,
    objective: f64,
    iterations: usize,
}

fn starts(points: Points<'_>, settings: &Settings<'_>, stop: Stop<'_>) -> Result<Vec<Model>, StatsError> {
    let (k, dim) = (settings.states, points.dim());
    let mut all: Vec<Model> =
        settings.first.filter(|first| first.states() == k && first.means.len() == k * dim).cloned().into_iter().collect();
    if let Some(prior) = settings.prior {
        if prior.means.len() != k * dim {
            return Err(StatsError::Lengths(prior.means.len(), k * dim));
        }
        all.push(around(points, &prior.means, settings));
    }
    for start in 0..settings.starts as u64 {
        let found = k_means(points, k, 1, settings.seed.wrapping_add(start), stop)?;
        let mut centres = found.centres;
        if let Some(prior) = settings.prior {
            let places = matching(&centres, &prior.means, dim)?;
            let mut ordered = centres.clone();
            places.iter().enumerate().for_each(|(from, &to)| {
                ordered[to * dim..(to + 1) * dim].copy_from_slice(&centres[from * dim..(from + 1) * dim])
            });
            centres = ordered;
        }
        all.push(around(points, &centres, settings));
    }
    Ok(all)
}

/// A model around these means: covariances of the observations that are nearest, and spells of ten steps.
fn around(points: Points<'_>, means: &[f64], settings: &Settings<'_>) -> Model {
    let (k, dim) = (settings.states, points.dim());
    let mut within = vec![0.0; dim * dim];
    for row in points.rows() {
        let nearest = means.chunks_exact(dim).min_by(|a, b| squared_distance(row, a).total_cmp(&squared_distance(row, b)));
        add_outer(&mut within, row, nearest.unwrap_or(row), 1.0 / points.len() as f64);
    }
    (0..dim).for_each(|at| within[at * dim + at] += settings.ridge);
    let others = 0.1 / (k.max(2) - 1) as f64;
    let transitions = (0..k * k)
        .map(|at| {
            if k == 1 {
                1.0
            } else if at / k == at % k {
                0.9
            } else {
                others
            }
        })
        .collect();
    Model { start: vec![1.0 / k as f64; k], transitions, means: means.to_vec(), covariances: vec![within; k] }
}

fn climb(points: Points<'_>, mut model: Model, settings: &Settings<'_>, stop: Stop<'_>) -> Result<Climbed, StatsError> {
    let mut before = f64::NEG_INFINITY;
    for iterations in 1..=settings.iterations_max {
        if stop() {
            return Err(StatsError::Stopped);
        }
        let seen = passes(points, &model, stop)?;
        let objective = seen.log_likelihood + settings.prior.map_or(Ok(0.0), |prior| log_prior(&model, prior))?;
        if (objective - before).abs() <= settings.tolerance * points.len() as f64 {
            return Ok(Climbed { model, passes: seen, objective, iterations });
        }
        before = objective;
        model = maximise(points, &seen, settings);
    }
    Err(StatsError::NotConverged {
        iterations: settings.iterations_max,
        why: "the likelihood of the hidden Markov model still grows",
    })
}

/// The logarithm of the prior, up to a constant: its observations stand at the means that it expects, and its steps are counted.
fn log_prior(model: &Model, prior: &Prior) -> Result<f64, StatsError> {
    let (k, dim) = (model.states(), model.dim());
    let expected = model.densities()?.into_iter().zip(prior.means.chunks_exact(dim));
    let mut total: f64 = expected.map(|(density, mean)| prior.weight * density.log_density(mean)).sum();
    for from in 0..k {
        for to in 0..k {
            let count = prior.spread + if from == to { prior.stay } else { 0.0 };
            if count > 0.0 {
                total += count * model.transitions[from * k + to].ln();
            }
        }
    }
    Ok(total)
}

/// The next parameters: weighted means and covariances, with the prior's observations among them.
fn maximise(points: Points<'_>, seen: &Passes, settings: &Settings<'_>) -> Model {
    let (k, dim) = (settings.states, points.dim());
    let (mut totals, mut means) = (vec![1e-10; k], vec![0.0; k * dim]);
    if let Some(prior) = settings.prior {
        totals.iter_mut().for_each(|total| *total += prior.weight);
        means.iter_mut().zip(&prior.means).for_each(|(sum, expected)| *sum += prior.weight * expected);
    }
    for (row, chances) in points.rows().zip(seen.smoothed.chunks_exact(k)) {
        for (state, chance) in chances.iter().enumerate() {
            totals[state] += chance;
            (0..dim).for_each(|at| means[state * dim + at] += chance * row[at]);
        }
    }
    means.iter_mut().enumerate().for_each(|(at, mean)| *mean /= totals[at / dim]);
    let covariances = spreads(points, seen, settings, &totals, &means);
    let start = seen.smoothed[..k].to_vec();
    Model { start, transitions: chances(seen, settings), means, covariances }
}

fn spreads(points: Points<'_>, seen: &Passes, settings: &Settings<'_>, totals: &[f64], means: &[f64]) -> Vec<Vec<f64>> {
    let (k, dim) = (settings.states, points.dim());
    let mut sums = vec![vec![0.0; dim * dim]; k];
    for (state, sums) in sums.iter_mut().enumerate() {
        let mean = &means[state * dim..(state + 1) * dim];
        if let Some(prior) = settings.prior {
            add_outer(sums, &prior.means[state * dim..(state + 1) * dim], mean, prior.weight);
        }
        for (row, chances) in points.rows().zip(seen.smoothed.chunks_exact(k)) {
            add_outer(sums, row, mean, chances[state]);
        }
    }
    if settings.shape == Shape::Tied {
        let whole: f64 = totals.iter().sum();
        let mut shared: Vec<f64> = (0..dim * dim).map(|at| sums.iter().map(|sums| sums[at]).sum::<f64>() / whole).collect();
        (0..dim).for_each(|at| shared[at * dim + at] += settings.ridge);
        return vec![shared; k];
    }
    for (sums, total) in sums.iter_mut().zip(totals) {
        sums.iter_mut().for_each(|sum| *sum /= total);
        (0..dim).for_each(|at| sums[at * dim + at] += settings.ridge);
    }
    sums
}

fn chances(seen: &Passes, settings: &Settings<'_>) -> Vec<f64> {
    let k = settings.states;
    let mut counts = seen.steps.clone();
    for from in 0..k {
        for to in 0..k {
            // A trace keeps a state that is never left, or never met, a state.
            let prior = settings.prior.map_or(1e-12, |prior| prior.spread + if from == to { prior.stay } else { 0.0 });
            counts[from * k + to] += prior;
        }
        let row = &mut counts[from * k..(from + 1) * k];
        let total: f64 = row.iter().sum();
        row.iter_mut().for_each(|count| *count /= total);
    }
    counts
}

#[cfg(test)]
mod tests;
