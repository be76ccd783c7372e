//! Retention: which share of those who came together is still active so many periods later.

use super::interval::{Interval, normal_quantile};
use super::proportion::{Proportion, wilson};
use super::{StatsError, Stop};
use nalgebra::{Matrix2, Vector2};

/// One who came: in which cohort, and for each age from 1 on that can be seen whether active then.
#[derive(Debug, Clone, PartialEq)]
pub struct Member {
    /// Which cohort, from 0.
    pub cohort: usize,
    /// Whether active at age 1, 2, …; its length is how long the member can have been seen.
    pub active: Vec<bool>,
}

/// One cohort.
#[derive(Debug, Clone, PartialEq)]
pub struct Cohort {
    /// How many came.
    pub size: usize,
    /// For each age from 1 on the share that was active, with Wilson's interval; only ages that all of it can have reached.
    pub retained: Vec<Proportion>,
}

/// The fitted share by age.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RetentionCurve {
    /// The logit at age 1.
    pub level: f64,
    /// What the logit loses by each doubling of the age, divided by log 2: the slope on log age with its sign turned.
    pub decay: f64,
    /// The standard error of the level.
    pub level_error: f64,
    /// The standard error of the decay.
    pub decay_error: f64,
    /// Their covariance.
    pub covariance: f64,
    z: f64,
}

/// The table of cohorts, one row each (empty cohorts included, with no ages).
///
/// # Errors
/// [`StatsError`] without a member or with a level out of range.
pub fn cohorts(members: &[Member], level: f64) -> Result<Vec<Cohort>, StatsError> {
    if members.is_empty() {
        return Err(StatsError::TooFew { needed: 1, got: 0 });
    }
    let count = members.iter().map(|member| member.cohort + 1).max().unwrap_or(0);
    let mut table = Vec::with_capacity(count);
    for cohort in 0..count {
        let of: Vec<&Member> = members.iter().filter(|member| member.cohort == cohort).collect();
        let ages = of.iter().map(|member| member.active.len()).min().unwrap_or(0);
        let share = |age: usize| wilson(of.iter().filter(|member| member.active[age]).count() as f64, of.len() as f64, level);
        table.push(Cohort { size: of.len(), retained: (0..ages).map(share).collect::<Result<_, _>>()? });
    }
    Ok(table)
}

/// The share by age over all who can have reached it, with Wilson's interval; `(at age 1, 2, …)`.
///
/// # Errors
/// [`StatsError`] without a member that was seen after it came.
pub fn pooled(members: &[Member], level: f64) -> Result<Vec<Proportion>, StatsError> {
    let cells = cells(members);
    if cells.is_empty() {
        return Err(StatsError::TooFew { needed: 1, got: 0 });
    }
    cells.iter().map(|&(active, all)| wilson(active, all, level)).collect()
}

/// logit share(age) = level − decay · log age, by maximum likelihood as if each age were seen on its own (McCullagh and Nelder
/// 1989, "Generalized Linear Models", section 4.4), with errors that allow for one member being seen at many ages: the sandwich
/// with members as clusters, Liang and Zeger (1986), "Longitudinal data analysis using generalized linear models", Biometrika
/// 73:13–22. The shape is the log-logistic one (Bennett 1983).
///
/// # Errors
/// [`StatsError`] with fewer than two ages or ten members, or where all or none were active.
pub fn retention_curve(members: &[Member], level: f64, stop: Stop<'_>) -> Result<RetentionCurve, StatsError> {
    let z = normal_quantile(level)?;
    if members.len() < 10 {
        return Err(StatsError::TooFew { needed: 10, got: members.len() });
    }
    let cells = cells(members);
    if cells.len() < 2 {
        return Err(StatsError::TooFew { needed: 2, got: cells.len() });
    }
    let (active, all) = cells.iter().fold((0.0, 0.0), |(a, n), cell| (a + cell.0, n + cell.1));
    if active <= 0.0 || active >= all {
        return Err(StatsError::Constant("whether members are active"));
    }
    let start = Vector2::new((active / (all - active)).ln(), 0.0);
    let (beta, information, iterations) = newton(&cells, start, stop)?;
    let singular = StatsError::NotConverged { iterations, why: "the information matrix is singular" };
    let bread = information.try_inverse().ok_or(singular)?;
    let mut meat = Matrix2::zeros();
    for member in members {
        let score: Vector2<f64> =
            member.active.iter().enumerate().map(|(at, &was)| row(at) * (f64::from(u8::from(was)) - share(beta, at))).sum();
        meat += score * score.transpose();
    }
    let count = members.len() as f64;
    let covariance = bread * meat * bread * (count / (count - 1.0));
    Ok(RetentionCurve {
        level: beta[0],
        decay: -beta[1],
        level_error: covariance[(0, 0)].max(0.0).sqrt(),
        decay_error: covariance[(1, 1)].max(0.0).sqrt(),
        covariance: -covariance[(0, 1)],
        z,
    })
}

impl RetentionCurve {
    /// The share at an age of at least 1.
    pub fn at(&self, age: f64) -> Proportion {
        let log = age.max(1.0).ln();
        let centre = self.level - self.decay * log;
        let variance = self.level_error.powi(2) + (log * self.decay_error).powi(2) - 2.0 * log * self.covariance;
        let half = self.z * variance.max(0.0).sqrt();
        Proportion {
            estimate: logistic(centre),
            interval: Interval { low: logistic(centre - half), high: logistic(centre + half) },
        }
    }
}

/// For each age from 1 on, how many were active and how many can have been seen.
fn cells(members: &[Member]) -> Vec<(f64, f64)> {
    let ages = members.iter().map(|member| member.active.len()).max().unwrap_or(0);
    let mut cells = vec![(0.0, 0.0); ages];
    for member in members {
        for (cell, &active) in cells.iter_mut().zip(&member.active) {
            cell.0 += f64::from(u8::from(active));
            cell.1 += 1.0;
        }
    }
    cells
}

fn logistic(x: f64) -> f64 {
    if x >= 0.0 { 1.0 / (1.0 + (-x).exp()) } else { x.exp() / (1.0 + x.exp()) }
}

fn row(at: usize) -> Vector2<f64> {
    Vector2::new(1.0, ((at + 1) as f64).ln())
}

fn share(beta: Vector2<f64>, at: usize) -> f64 {
    logistic(beta.dot(&row(at)))
}

/// log(1 + e^x) without overflow.
fn softplus(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

fn newton(cells: &[(f64, f64)], start: Vector2<f64>, stop: Stop<'_>) -> Result<(Vector2<f64>, Matrix2<f64>, usize), StatsError> {
    let value = |beta: Vector2<f64>| -> f64 {
        let terms = cells.iter().enumerate().map(|(at, &(active, all))| {
            let eta = beta.dot(&row(at));
            active * eta - all * softplus(eta)
        });
        terms.sum()
    };
    let mut beta = start;
    for iteration in 1..=60 {
        if stop() {
            return Err(StatsError::Stopped);
        }
        let (mut gradient, mut information) = (Vector2::zeros(), Matrix2::zeros());
        for (at, &(active, all)) in cells.iter().enumerate() {
            let (x, p) = (row(at), share(beta, at));
            gradient += x * (active - all * p);
            information += x * x.transpose() * (all * p * (1.0 - p));
        }
        let singular = StatsError::NotConverged { iterations: iteration, why: "the information matrix is singular" };
        let mut step = information.cholesky().ok_or(singular)?.solve(&gradient);
        // Close to the maximum the value is flat within rounding, so that a full step is right there.
        let settled = gradient.dot(&step) < 1e-11;
        for _ in 0..40 {
            if settled || value(beta + step) >= value(beta) {
                break;
            }
            step *= 0.5;
        }
        beta += step;
        if beta.amax() > 30.0 {
            break;
        }
        if settled {
            return Ok((beta, information, iteration));
        }
    }
    Err(StatsError::NotConverged { iterations: 60, why: "ages separate the active from the others" })
}

#[cfg(test)]
mod tests {
    use super::*;

    const GO_ON: &(dyn Fn() -> bool + Sync) = &|| false;

    fn members(random: &mut fastrand::Rng, count: usize, spread: f64) -> Vec<Member> {
        // Some are more faithful than others throughout, so that what one does at one age tells of the next.
        (0..count)
            .map(|at| {
                let own = spread * (random.f64() - 0.5);
                let ages = 1 + at % 8;
                let active =
                    (0..ages).map(|age| random.f64() < (logistic(0.6 - 0.8 * ((age + 1) as f64).ln()) + own).clamp(0.0, 1.0));
                Member { cohort: 7 - at % 8, active: active.collect() }
            })
            .collect()
    }

    #[test]
    fn a_table_of_cohorts_counts_who_was_active() {
        let one = |cohort, active: &[bool]| Member { cohort, active: active.to_vec() };
        let table = cohorts(&[one(0, &[true, true]), one(0, &[true, false]), one(1, &[false])], 0.95).unwrap();
        assert_eq!(table[0].size, 2);
        assert_eq!(table[0].retained.iter().map(|p| p.estimate).collect::<Vec<_>>(), [1.0, 0.5]);
        assert_eq!(table[1].retained[0].estimate, 0.0);
        let pooled = pooled(&[one(0, &[true, true]), one(0, &[true, false]), one(1, &[false])], 0.95).unwrap();
        assert!((pooled[0].estimate - 2.0 / 3.0).abs() < 1e-12 && pooled[1].estimate == 0.5);
    }

    #[test]
    fn two_ages_are_met_exactly() {
        // 60 of 100 at age 1 and 30 of 100 at age 2: two parameters for two shares.
        let members: Vec<Member> = (0..100).map(|at| Member { cohort: 0, active: vec![at < 60, at < 30] }).collect();
        let curve = retention_curve(&members, 0.95, GO_ON).unwrap();
        assert!((curve.at(1.0).estimate - 0.6).abs() < 1e-10 && (curve.at(2.0).estimate - 0.3).abs() < 1e-10);
        // The error of the logit at age 1 is that of a share, √(1 ⁄ (n p (1 − p))), but for n ⁄ (n − 1).
        assert!((curve.level_error - (1.0_f64 / (99.0 * 0.24)).sqrt()).abs() < 1e-9);
    }

    #[test]
    fn intervals_cover_at_their_level_although_members_are_seen_many_times() {
        let mut random = fastrand::Rng::with_seed(47);
        let (mut covered, runs) = ([0u32; 3], 200);
        for _ in 0..runs {
            let fit = retention_curve(&members(&mut random, 300, 0.3), 0.95, GO_ON).unwrap();
            covered[0] += u32::from(Interval::around(fit.level, fit.level_error, 1.96).contains(0.6));
            covered[1] += u32::from(Interval::around(fit.decay, fit.decay_error, 1.96).contains(0.8));
            covered[2] += u32::from(fit.at(12.0).interval.contains(logistic(0.6 - 0.8 * 12.0_f64.ln())));
        }
        for covers in covered {
            assert!((f64::from(covers) / f64::from(runs) - 0.95).abs() < 0.047, "{covered:?}");
        }
    }

    #[test]
    fn nobody_all_and_none_active_are_refused() {
        assert!(retention_curve(&[], 0.95, GO_ON).is_err());
        let all = |was: bool| (0..20).map(|_| Member { cohort: 0, active: vec![was; 3] }).collect::<Vec<_>>();
        assert!(matches!(retention_curve(&all(true), 0.95, GO_ON), Err(StatsError::Constant(_))));
        assert!(matches!(retention_curve(&all(false), 0.95, GO_ON), Err(StatsError::Constant(_))));
        let mut random = fastrand::Rng::with_seed(1);
        assert_eq!(retention_curve(&members(&mut random, 100, 0.0), 0.95, &|| true).unwrap_err(), StatsError::Stopped);
    }
}
