//! The two-phase simplex method on a dense tableau, with Bland's rule, under which it always ends (Bland, *New finite pivoting rules for
//! the simplex method*, 1977).

use crate::solver::program::{Column, Program, Sense};

/// What is smaller than this is zero.
const ZERO: f64 = 1e-9;

/// What a linear program came to.
#[derive(Debug)]
pub(super) enum Outcome {
    Optimal { values: Vec<f64>, duals: Vec<f64>, reduced_costs: Vec<f64> },
    Infeasible,
    Unbounded { ray: Vec<f64> },
}

/// How a column is made of variables that are not negative: `base + Σ factor * variable`.
struct Made {
    base: f64,
    of: Vec<(usize, f64)>,
}

/// `Σ terms <= right`, or `= right`; which row of the program it is, and whether its lower bound.
struct Line {
    terms: Vec<(u32, f64)>,
    right: f64,
    equation: bool,
    of: Option<(usize, f64)>,
}

/// Solves the program with these bounds of its columns, whether they are integer or not.
pub(super) fn solve(program: &Program, columns: &[Column]) -> Outcome {
    let crossed = columns.iter().any(|column| column.lower > column.upper);
    if crossed || program.rows.iter().any(|row| row.lower > row.upper) {
        return Outcome::Infeasible;
    }
    let (made, variables) = variables(columns);
    let lines = lines(program, columns);
    let sign = if program.sense == Sense::Minimize { 1.0 } else { -1.0 };
    let mut cost = vec![0.0; variables];
    for &(column, coefficient) in &program.objective {
        for &(variable, factor) in &made[column as usize].of {
            cost[variable] += sign * coefficient * factor;
        }
    }
    let mut tableau = Tableau::new(&lines, &made, variables);
    if !tableau.phase_one() {
        return Outcome::Infeasible;
    }
    if let Some(direction) = tableau.phase_two(&cost) {
        let ray = made.iter().map(|made| made.of.iter().map(|&(variable, factor)| factor * direction[variable]).sum()).collect();
        return Outcome::Unbounded { ray };
    }
    let at = tableau.values();
    let values: Vec<f64> = made
        .iter()
        .map(|made| made.base + made.of.iter().map(|&(variable, factor)| factor * at[variable]).sum::<f64>())
        .collect();
    let mut duals = vec![0.0; program.rows.len()];
    for (line, dual) in lines.iter().zip(tableau.duals()) {
        if let Some((row, factor)) = line.of {
            duals[row] += sign * factor * dual;
        }
    }
    let mut reduced_costs = vec![0.0; columns.len()];
    program.objective.iter().for_each(|&(column, coefficient)| reduced_costs[column as usize] += coefficient);
    for (row, dual) in program.rows.iter().zip(&duals) {
        row.terms.iter().for_each(|&(column, coefficient)| reduced_costs[column as usize] -= coefficient * dual);
    }
    Outcome::Optimal { values, duals, reduced_costs }
}

fn variables(columns: &[Column]) -> (Vec<Made>, usize) {
    let mut count = 0;
    let mut next = || {
        count += 1;
        count - 1
    };
    let made = columns
        .iter()
        .map(|column| match (column.lower.is_finite(), column.upper.is_finite()) {
            (true, _) => Made { base: column.lower, of: vec![(next(), 1.0)] },
            (false, true) => Made { base: column.upper, of: vec![(next(), -1.0)] },
            (false, false) => Made { base: 0.0, of: vec![(next(), 1.0), (next(), -1.0)] },
        })
        .collect();
    (made, count)
}

/// The rows, each bound as a line, and the bounds of columns that have two.
fn lines(program: &Program, columns: &[Column]) -> Vec<Line> {
    let mut lines = Vec::new();
    for (at, row) in program.rows.iter().enumerate() {
        if row.lower >= row.upper {
            lines.push(Line { terms: row.terms.clone(), right: row.upper, equation: true, of: Some((at, 1.0)) });
            continue;
        }
        if row.upper.is_finite() {
            lines.push(Line { terms: row.terms.clone(), right: row.upper, equation: false, of: Some((at, 1.0)) });
        }
        if row.lower.is_finite() {
            let terms = row.terms.iter().map(|&(column, coefficient)| (column, -coefficient)).collect();
            lines.push(Line { terms, right: -row.lower, equation: false, of: Some((at, -1.0)) });
        }
    }
    for (at, column) in (0_u32..).zip(columns) {
        if column.lower.is_finite() && column.upper.is_finite() {
            lines.push(Line { terms: vec![(at, 1.0)], right: column.upper, equation: false, of: None });
        }
    }
    lines
}

/// One row for each line, with a column for each variable, each slack, an artificial variable for each line, and the right side.
struct Tableau {
    rows: Vec<Vec<f64>>,
    basis: Vec<usize>,
    /// Whether a line was multiplied by −1, so that its right side is not negative.
    signs: Vec<f64>,
    variables: usize,
    /// Where the artificial variables begin.
    artificial: usize,
    /// Reduced costs, in the columns of the rows; at the right side the objective, negated.
    costs: Vec<f64>,
}

impl Tableau {
    fn new(lines: &[Line], made: &[Made], variables: usize) -> Self {
        let artificial = variables + lines.iter().filter(|line| !line.equation).count();
        let width = artificial + lines.len() + 1;
        let (mut rows, mut signs, mut slack) = (Vec::new(), Vec::new(), variables);
        for (at, line) in lines.iter().enumerate() {
            let mut row = vec![0.0; width];
            row[width - 1] = line.right;
            for &(column, coefficient) in &line.terms {
                let made = &made[column as usize];
                row[width - 1] -= coefficient * made.base;
                made.of.iter().for_each(|&(variable, factor)| row[variable] += coefficient * factor);
            }
            if !line.equation {
                row[slack] = 1.0;
                slack += 1;
            }
            let sign = if row[width - 1] < 0.0 { -1.0 } else { 1.0 };
            row.iter_mut().for_each(|value| *value *= sign);
            row[artificial + at] = 1.0;
            rows.push(row);
            signs.push(sign);
        }
        let basis = (artificial..artificial + lines.len()).collect();
        Self { rows, basis, signs, variables, artificial, costs: vec![0.0; width] }
    }

    /// Whether there are values that hold every line: the artificial variables can all be zero.
    fn phase_one(&mut self) -> bool {
        self.costs.fill(0.0);
        let end = self.costs.len() - 1;
        self.costs[self.artificial..end].fill(1.0);
        self.price_out();
        self.pivot_to_the_end(self.artificial);
        let scale = self.rows.iter().map(|row| row[end].abs()).fold(1.0, f64::max);
        if -self.costs[end] > ZERO * scale * 10.0 {
            return false;
        }
        // An artificial variable that stays in the basis at zero leaves it, where another can take its place.
        for at in 0..self.rows.len() {
            if self.basis[at] >= self.artificial
                && let Some(enter) = (0..self.artificial).find(|column| self.rows[at][*column].abs() > ZERO)
            {
                self.pivot(at, enter);
            }
        }
        true
    }

    /// Minimises; a direction where there is no end.
    fn phase_two(&mut self, cost: &[f64]) -> Option<Vec<f64>> {
        self.costs.fill(0.0);
        self.costs[..cost.len()].copy_from_slice(cost);
        self.price_out();
        let enter = self.pivot_to_the_end(self.artificial)?;
        let mut direction = vec![0.0; self.variables];
        if enter < self.variables {
            direction[enter] = 1.0;
        }
        for (row, basic) in self.rows.iter().zip(&self.basis) {
            if *basic < self.variables {
                direction[*basic] = -row[enter];
            }
        }
        Some(direction)
    }

    fn price_out(&mut self) {
        for (row, basic) in self.rows.iter().zip(&self.basis) {
            let factor = self.costs[*basic];
            if factor != 0.0 {
                self.costs.iter_mut().zip(row).for_each(|(cost, value)| *cost -= factor * value);
            }
        }
    }

    /// Pivots until no column before `columns` improves; the column that improves without end, where there is one.
    fn pivot_to_the_end(&mut self, columns: usize) -> Option<usize> {
        let right = self.costs.len() - 1;
        while let Some(enter) = (0..columns).find(|column| self.costs[*column] < -ZERO) {
            let mut leave: Option<(usize, f64)> = None;
            for (at, row) in self.rows.iter().enumerate() {
                if row[enter] <= ZERO {
                    continue;
                }
                let ratio = row[right] / row[enter];
                let better = leave.is_none_or(|(best, least)| {
                    ratio < least - ZERO || (ratio <= least + ZERO && self.basis[at] < self.basis[best])
                });
                if better {
                    leave = Some((at, ratio));
                }
            }
            let Some((leave, _)) = leave else { return Some(enter) };
            self.pivot(leave, enter);
        }
        None
    }

    fn pivot(&mut self, leave: usize, enter: usize) {
        let by = self.rows[leave][enter];
        self.rows[leave].iter_mut().for_each(|value| *value /= by);
        let pivot = self.rows[leave].clone();
        let others = self.rows.iter_mut().enumerate().filter(|(at, _)| *at != leave).map(|(_, row)| row);
        for row in others.chain([&mut self.costs]) {
            let factor = row[enter];
            if factor != 0.0 {
                row.iter_mut().zip(&pivot).for_each(|(value, of_pivot)| *value -= factor * of_pivot);
                row[enter] = 0.0;
            }
        }
        self.basis[leave] = enter;
    }

    fn values(&self) -> Vec<f64> {
        let mut values = vec![0.0; self.variables];
        for (row, basic) in self.rows.iter().zip(&self.basis) {
            if let (Some(value), Some(right)) = (values.get_mut(*basic), row.last()) {
                *value = *right;
            }
        }
        values
    }

    /// The dual of each line: what its artificial variable, which costs nothing now, would cost.
    fn duals(&self) -> Vec<f64> {
        self.signs.iter().zip(&self.costs[self.artificial..]).map(|(sign, cost)| -sign * cost + 0.0).collect()
    }
}
