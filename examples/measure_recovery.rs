//! How often intervals hold what the data were made with: indices of concentration under heavy tails, and mixtures.
//!
//! `cargo run --release --example measure_recovery -- --runs 300`. The nominal level is 0.95; nothing is a bound here, since some laws are
//! heavier than any interval can know of a sample of that size.

use clap::Parser;
use fastrand::Rng;
use instinct::stats::concentration::{Index, Resampling, gini, hhi};
use instinct::stats::gaussian::{MixtureSettings, mixture};
use instinct::stats::monte_carlo::normal;
use instinct::stats::points::Points;
use std::error::Error;
use std::io::{Write, stdout};

/// How often intervals hold the truth.
#[derive(Debug, Parser)]
struct Arguments {
    /// Runs of each law and size.
    #[arg(long, default_value_t = 300)]
    runs: u32,
    /// Draws anew in each run.
    #[arg(long, default_value_t = 999)]
    trials: usize,
}

/// A law with its Gini index and its n · HHI, where there is such a number.
struct Law {
    name: &'static str,
    draw: fn(&mut Rng) -> f64,
    gini: f64,
    hhi: Option<f64>,
}

fn pareto<const TENTHS: u32>(chance: &mut Rng) -> f64 {
    (1.0 - chance.f64()).powf(-10.0 / f64::from(TENTHS))
}

fn of_pareto(name: &'static str, draw: fn(&mut Rng) -> f64, index: f64) -> Law {
    let hhi = (index > 2.0).then(|| (index - 1.0).powi(2) / (index * (index - 2.0)));
    Law { name, draw, gini: 1.0 / (2.0 * index - 1.0), hhi }
}

/// Their truths: 2 Φ(σ ⁄ √2) − 1 and exp σ² for the log-normal law, 1 − 2^(−1 ⁄ k) and Γ(1 + 2 ⁄ k) ⁄ Γ(1 + 1 ⁄ k)² for Weibull's.
fn laws() -> Vec<Law> {
    vec![
        Law { name: "exponential", draw: |chance| -(1.0 - chance.f64()).ln(), gini: 0.5, hhi: Some(2.0) },
        Law { name: "Weibull 2/3", draw: |chance| (-(1.0 - chance.f64()).ln()).powf(1.5), gini: 0.646_447, hhi: Some(3.395_305) },
        Law { name: "log-normal 1.2", draw: |chance| (1.2 * normal(chance)).exp(), gini: 0.603_856, hhi: Some(1.44_f64.exp()) },
        Law { name: "log-normal 1.6", draw: |chance| (1.6 * normal(chance)).exp(), gini: 0.742_101, hhi: Some(2.56_f64.exp()) },
        of_pareto("Pareto 3.5", pareto::<35>, 3.5),
        of_pareto("Pareto 3", pareto::<30>, 3.0),
        of_pareto("Pareto 2.5", pareto::<25>, 2.5),
        of_pareto("Pareto 2", pareto::<20>, 2.0),
        of_pareto("Pareto 1.5", pareto::<15>, 1.5),
    ]
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    let error = (0.95 * 0.05 / f64::from(arguments.runs)).sqrt();
    writeln!(stdout(), "{} runs at 0.95: the share has a Monte Carlo error of {error:.3}", arguments.runs)?;
    concentration(&arguments)?;
    mixtures(arguments.runs)
}

/// How often the new interval holds the truth, and how often that of two jackknife errors would.
fn concentration(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    writeln!(stdout(), "{:<16} {:>6} {:>10} {:>10} {:>10} {:>10}", "law", "n", "HHI", "jackknife", "Gini", "jackknife")?;
    for law in laws() {
        for n in [100_u32, 300, 1_000] {
            let mut held = [0_u32; 4];
            for run in 0..arguments.runs {
                let mut chance = Rng::with_seed(u64::from(run) * 7_919 + u64::from(n));
                let amounts: Vec<f64> = (0..n).map(|_| (law.draw)(&mut chance)).collect();
                let by = Resampling { trials: arguments.trials, seed: u64::from(run) };
                let mut note = |at: usize, found: &Index, truth: f64| {
                    held[at] += u32::from(found.interval.contains(truth));
                    let ratio = found.standard_error / found.estimate;
                    held[at + 1] += u32::from((truth / found.estimate).ln().abs() <= 1.96 * ratio);
                };
                if let Some(truth) = law.hhi {
                    note(0, &hhi(&amounts, 0.95, by, &|| false)?, truth / f64::from(n));
                }
                note(2, &gini(&amounts, 0.95, by, &|| false)?, law.gini);
            }
            let share = |at: usize| f64::from(held[at]) / f64::from(arguments.runs);
            let of_hhi = |at: usize| law.hhi.map_or_else(|| "none".to_owned(), |_| format!("{:.3}", share(at)));
            let (own, plain) = (of_hhi(0), of_hhi(1));
            writeln!(stdout(), "{:<16} {n:>6} {own:>10} {plain:>10} {:>10.3} {:>10.3}", law.name, share(2), share(3))?;
        }
    }
    Ok(())
}

/// Two components, a share of 0.35 about 0 with a variance of 1 and the others so far away with a variance of 0.6.
fn mixtures(runs: u32) -> Result<(), Box<dyn Error>> {
    writeln!(stdout(), "{:<16} {:>6} {:>10} {:>10} {:>10}", "mixture", "n", "share", "mean", "variance")?;
    for (apart, n) in [(3.5, 300_u32), (3.5, 1_000), (2.5, 300), (2.5, 1_000)] {
        let mut held = [0_u32; 3];
        for run in 0..runs {
            let mut chance = Rng::with_seed(100 + u64::from(run));
            let one = |_| {
                if chance.f64() < 0.35 { normal(&mut chance) } else { apart + 0.6_f64.sqrt() * normal(&mut chance) }
            };
            let values: Vec<f64> = (0..n).map(one).collect();
            let points = Points::new(&values, 1)?;
            let settings =
                MixtureSettings { components: 2, starts: 3, ridge: 0.0, iterations_max: 5_000, tolerance: 1e-9, seed: 1 };
            let found = mixture(points, &settings, &|| false)?;
            let errors = found.standard_errors(points, &|| false)?;
            let low = usize::from(found.means[0] > found.means[1]);
            let told = [
                (found.weights[low], 0.35, errors.weights[low]),
                (found.means[low], 0.0, errors.means[low]),
                (found.covariances[low][0], 1.0, errors.covariances[low][0]),
            ];
            for (count, (own, truth, error)) in held.iter_mut().zip(told) {
                *count += u32::from((own - truth).abs() <= 1.96 * error);
            }
        }
        let [share, mean, variance] = held.map(|count| f64::from(count) / f64::from(runs));
        writeln!(stdout(), "{:<16} {n:>6} {share:>10.3} {mean:>10.3} {variance:>10.3}", format!("{apart} apart"))?;
    }
    Ok(())
}
