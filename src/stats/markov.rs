//! Markov chains with finitely many states in discrete time: from counts of moves to probabilities, forecasts and the long run.

use super::StatsError;
use super::interval::{Interval, chi_square_tail, normal_quantile};
use super::proportion::wilson;
use nalgebra::{DMatrix, DVector};

/// A chain as estimated.
#[derive(Debug, Clone, PartialEq)]
pub struct Chain {
    /// The probability to go from the row's state to the column's; every row adds up to 1.
    pub probabilities: DMatrix<f64>,
    /// Lower ends by Wilson's interval, each probability for itself.
    pub low: DMatrix<f64>,
    /// Upper ends.
    pub high: DMatrix<f64>,
    /// How many moves were seen from each state.
    pub moves: Vec<f64>,
    /// States that nothing was seen to leave or stay in: taken to stay where they are, their interval [0, 1].
    pub unseen: Vec<usize>,
}

/// How many are expected in one state one step ahead.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Expected {
    /// The expectation.
    pub count: f64,
    /// The standard error of the count that will be seen: each one moves by chance, and the probabilities are estimates.
    pub standard_error: f64,
    /// Where that count may lie.
    pub interval: Interval,
}

/// How long a state lasts once it is entered, in steps.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Persistence {
    /// 1 ⁄ (1 − the probability to stay); none where nothing was seen to leave.
    pub mean: Option<f64>,
    /// The lower end, from the interval of the probability.
    pub low: f64,
    /// The upper end; none where the probability may be 1.
    pub high: Option<f64>,
}

/// Whether the chain was the same in each period.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Homogeneity {
    /// χ².
    pub statistic: f64,
    /// Its degrees of freedom.
    pub freedom: usize,
    /// How probable so large a statistic is if it was.
    pub p_value: f64,
}

/// The maximum likelihood estimate, each row's share of moves: Anderson and Goodman (1957), "Statistical inference about Markov
/// chains", Annals of Mathematical Statistics 28:89–110, section 2. Intervals by Wilson's method for each cell.
///
/// # Errors
/// [`StatsError`] where the counts are not square, empty, negative or no numbers.
pub fn chain(counts: &DMatrix<f64>, level: f64) -> Result<Chain, StatsError> {
    checked(counts)?;
    let size = counts.nrows();
    let mut found = Chain {
        probabilities: DMatrix::identity(size, size),
        low: DMatrix::zeros(size, size),
        high: DMatrix::from_element(size, size, 1.0),
        moves: Vec::with_capacity(size),
        unseen: Vec::new(),
    };
    for row in 0..size {
        let all: f64 = counts.row(row).iter().sum();
        found.moves.push(all);
        if all <= 0.0 {
            found.unseen.push(row);
            continue;
        }
        for column in 0..size {
            let share = wilson(counts[(row, column)].min(all), all, level)?;
            found.probabilities[(row, column)] = share.estimate;
            found.low[(row, column)] = share.interval.low;
            found.high[(row, column)] = share.interval.high;
        }
    }
    if found.unseen.len() == size {
        return Err(StatsError::TooFew { needed: 1, got: 0 });
    }
    Ok(found)
}

/// χ² of each period's chain against that of all together: Anderson and Goodman (1957), section 3.2. Cells that were never seen
/// add neither to the statistic nor to its degrees of freedom, nor do rows without a move in a period.
///
/// # Errors
/// [`StatsError`] with fewer than two periods or matrices of different sizes.
pub fn homogeneity(periods: &[DMatrix<f64>]) -> Result<Homogeneity, StatsError> {
    if periods.len() < 2 {
        return Err(StatsError::TooFew { needed: 2, got: periods.len() });
    }
    let size = periods[0].nrows();
    let mut all = DMatrix::zeros(size, size);
    for counts in periods {
        checked(counts)?;
        if counts.nrows() != size {
            return Err(StatsError::Lengths(size, counts.nrows()));
        }
        all += counts;
    }
    let (mut statistic, mut freedom) = (0.0, 0);
    for row in 0..size {
        let total: f64 = all.row(row).iter().sum();
        let reached = all.row(row).iter().filter(|&&n| n > 0.0).count();
        let seen: Vec<(f64, &DMatrix<f64>)> = periods
            .iter()
            .map(|counts| (counts.row(row).iter().sum::<f64>(), counts))
            .filter(|(moves, _)| *moves > 0.0)
            .collect();
        freedom += reached.saturating_sub(1) * seen.len().saturating_sub(1);
        for (moves, counts) in seen {
            for column in (0..size).filter(|&column| all[(row, column)] > 0.0) {
                let expected = moves * all[(row, column)] / total;
                statistic += (counts[(row, column)] - expected).powi(2) / expected;
            }
        }
    }
    Ok(Homogeneity { statistic, freedom, p_value: chi_square_tail(statistic, freedom) })
}

impl Chain {
    /// The distribution `steps` steps ahead: the row vector times the matrix, so many times.
    ///
    /// # Errors
    /// [`StatsError::Lengths`].
    pub fn ahead(&self, now: &[f64], steps: usize) -> Result<Vec<f64>, StatsError> {
        if now.len() != self.moves.len() {
            return Err(StatsError::Lengths(now.len(), self.moves.len()));
        }
        let mut state = DVector::from_column_slice(now);
        for _ in 0..steps {
            state = self.probabilities.tr_mul(&state);
        }
        Ok(state.as_slice().to_vec())
    }

    /// How many there will be in each state one step ahead. The variance of a count adds, from each state i, nᵢ p (1 − p) of
    /// chance and nᵢ² p (1 − p) ⁄ movesᵢ of the estimate, both multinomial (delta method).
    ///
    /// # Errors
    /// [`StatsError`] for another number of states or a level out of range.
    pub fn forecast(&self, now: &[f64], level: f64) -> Result<Vec<Expected>, StatsError> {
        let z = normal_quantile(level)?;
        let counts = self.ahead(now, 1)?;
        let all: f64 = now.iter().sum();
        let error = |column: usize| -> f64 {
            let parts = now.iter().enumerate().map(|(row, n)| {
                let p = self.probabilities[(row, column)];
                let estimated = if self.moves[row] > 0.0 { n * n / self.moves[row] } else { 0.0 };
                p * (1.0 - p) * (n + estimated)
            });
            parts.sum::<f64>().max(0.0).sqrt()
        };
        let expected = counts.iter().enumerate().map(|(column, &count)| {
            let standard_error = error(column);
            Expected { count, standard_error, interval: Interval::around(count, standard_error, z).within(0.0, all) }
        });
        Ok(expected.collect())
    }

    /// How long each state lasts (a geometric distribution).
    pub fn persistence(&self) -> Vec<Persistence> {
        let steps = |stay: f64| (stay < 1.0).then(|| 1.0 / (1.0 - stay));
        (0..self.moves.len())
            .map(|at| Persistence {
                mean: steps(self.probabilities[(at, at)]),
                low: steps(self.low[(at, at)]).unwrap_or(1.0),
                high: steps(self.high[(at, at)]),
            })
            .collect()
    }

    /// The distribution that the chain settles into wherever it begins; none where that depends on the beginning. By state
    /// reduction without a subtraction: Grassmann, Taksar and Heyman (1985), "Regenerative analysis and steady state
    /// distributions for Markov chains", Operations Research 33:1107–1116.
    pub fn stationary(&self) -> Option<Vec<f64>> {
        let size = self.moves.len();
        let class = self.recurrent()?;
        let mut p = DMatrix::from_fn(class.len(), class.len(), |i, j| self.probabilities[(class[i], class[j])]);
        for n in (1..class.len()).rev() {
            let out: f64 = (0..n).map(|j| p[(n, j)]).sum();
            for i in 0..n {
                p[(i, n)] /= out;
                for j in 0..n {
                    p[(i, j)] += p[(i, n)] * p[(n, j)];
                }
            }
        }
        let mut weight = vec![1.0];
        for n in 1..class.len() {
            weight.push((0..n).map(|i| weight[i] * p[(i, n)]).sum());
        }
        let total: f64 = weight.iter().sum();
        let mut found = vec![0.0; size];
        for (state, weight) in class.into_iter().zip(weight) {
            found[state] = weight / total;
        }
        found.iter().all(|share| share.is_finite()).then_some(found)
    }

    /// The one class of states that is never left once entered; none where there are several.
    fn recurrent(&self) -> Option<Vec<usize>> {
        let size = self.moves.len();
        let mut reach: Vec<Vec<bool>> =
            (0..size).map(|i| (0..size).map(|j| i == j || self.probabilities[(i, j)] > 0.0).collect()).collect();
        for via in 0..size {
            let onward = reach[via].clone();
            for from in reach.iter_mut().filter(|from| from[via]) {
                from.iter_mut().zip(&onward).for_each(|(reached, more)| *reached |= more);
            }
        }
        // A state is recurrent where all that it reaches leads back.
        let recurrent: Vec<usize> = (0..size).filter(|&i| (0..size).all(|j| !reach[i][j] || reach[j][i])).collect();
        let first = *recurrent.first()?;
        recurrent.iter().all(|&state| reach[first][state]).then_some(recurrent)
    }
}

fn checked(counts: &DMatrix<f64>) -> Result<(), StatsError> {
    if counts.nrows() != counts.ncols() {
        return Err(StatsError::Lengths(counts.nrows(), counts.ncols()));
    }
    if counts.is_empty() {
        return Err(StatsError::TooFew { needed: 1, got: 0 });
    }
    match counts.iter().position(|n| !(n.is_finite() && *n >= 0.0)) {
        Some(at) => Err(StatsError::Value {
            what: "moves",
            row: at % counts.nrows() + 1,
            value: counts.as_slice()[at],
            wanted: "a count",
        }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_land_of_oz_settles_as_in_the_textbook() {
        // Kemeny and Snell (1960), "Finite Markov Chains": rain, nice, snow; in the long run 2/5, 1/5, 2/5.
        let counts = DMatrix::from_row_slice(3, 3, &[50.0, 25.0, 25.0, 50.0, 0.0, 50.0, 25.0, 25.0, 50.0]);
        let oz = chain(&counts, 0.95).unwrap();
        for (got, wanted) in oz.stationary().unwrap().iter().zip([0.4, 0.2, 0.4]) {
            assert!((got - wanted).abs() < 1e-14);
        }
        // Its third power, first row: 13/32, 13/64, 25/64.
        let third = oz.ahead(&[1.0, 0.0, 0.0], 3).unwrap();
        for (got, wanted) in third.iter().zip([13.0 / 32.0, 13.0 / 64.0, 25.0 / 64.0]) {
            assert!((got - wanted).abs() < 1e-14);
        }
        assert_eq!(oz.persistence()[1].mean, Some(1.0));
        assert_eq!(oz.persistence()[0].mean, Some(2.0));
    }

    #[test]
    fn two_closed_classes_have_no_long_run_and_a_transient_state_has_no_share_in_it() {
        let two = chain(&DMatrix::identity(2, 2), 0.95).unwrap();
        assert_eq!(two.stationary(), None);
        assert_eq!(two.persistence()[0].mean, None);
        let drain = chain(&DMatrix::from_row_slice(2, 2, &[9.0, 1.0, 0.0, 10.0]), 0.95).unwrap();
        assert_eq!(drain.stationary(), Some(vec![0.0, 1.0]));
    }

    #[test]
    fn a_state_that_was_never_seen_stays_and_is_named() {
        let gap = chain(&DMatrix::from_row_slice(2, 2, &[3.0, 1.0, 0.0, 0.0]), 0.95).unwrap();
        assert_eq!(gap.unseen, [1]);
        assert_eq!(gap.probabilities[(1, 1)], 1.0);
        assert!(chain(&DMatrix::zeros(2, 2), 0.95).is_err());
        assert!(chain(&DMatrix::zeros(2, 3), 0.95).is_err());
        assert!(chain(&DMatrix::from_element(1, 1, -1.0), 0.95).is_err());
    }

    #[test]
    fn periods_of_one_chain_are_alike_at_the_level_and_a_changed_one_is_not() {
        let mut random = fastrand::Rng::with_seed(41);
        let p = [[0.7, 0.2, 0.1], [0.2, 0.6, 0.2], [0.1, 0.3, 0.6]];
        let mut period = |p: &[[f64; 3]; 3]| {
            let mut counts = DMatrix::zeros(3, 3);
            for (row, p) in p.iter().enumerate() {
                for _ in 0..200 {
                    let u = random.f64();
                    counts[(row, if u < p[0] { 0 } else { 1 + usize::from(u >= p[0] + p[1]) })] += 1.0;
                }
            }
            counts
        };
        let (mut rejected, mut covered, runs) = (0, 0, 200);
        for _ in 0..runs {
            let periods = [period(&p), period(&p), period(&p)];
            let test = homogeneity(&periods).unwrap();
            assert_eq!(test.freedom, 12);
            rejected += u32::from(test.p_value < 0.05);
            let pooled = chain(&(&periods[0] + &periods[1]), 0.95).unwrap();
            // 200 in each state now; the third period shows where they went.
            let forecast = pooled.forecast(&[200.0; 3], 0.95).unwrap();
            covered += u32::from(forecast[0].interval.contains(periods[2].column(0).sum()));
        }
        assert!((f64::from(rejected) / f64::from(runs) - 0.05).abs() < 0.047, "{rejected}");
        assert!((f64::from(covered) / f64::from(runs) - 0.95).abs() < 0.047, "{covered}");
        let changed = [[0.4, 0.5, 0.1], p[1], p[2]];
        assert!(homogeneity(&[period(&p), period(&changed)]).unwrap().p_value < 1e-4);
    }

    proptest! {
        #[test]
        fn the_long_run_is_left_as_it_is_and_no_one_is_lost(cells in prop::collection::vec(1u32..50, 16)) {
            let counts = DMatrix::from_iterator(4, 4, cells.into_iter().map(f64::from));
            let found = chain(&counts, 0.95).unwrap();
            let settled = found.stationary().unwrap();
            for (after, before) in found.ahead(&settled, 1).unwrap().iter().zip(&settled) {
                prop_assert!((after - before).abs() < 1e-14);
            }
            let all: f64 = found.ahead(&[480.0, 20.0, 7.0, 0.0], 5).unwrap().iter().sum();
            prop_assert!((all - 507.0).abs() < 1e-9);
        }
    }
}
