//! A program written as CP-SAT takes it: whole numbers alone, and most rules over expressions of one column.

use super::cp_messages::{
    AllDifferent, BoolArgument, Constraint, CpModel, Cumulative, FloatObjective, IntegerVariable, Interval, Kind, Linear,
    LinearArgument, LinearExpression, NoOverlap, Objective,
};
use crate::solver::program::{self, Affine, Program, Row, RuleKind, Sense};

/// The largest whole number up to which a float has every one.
const WHOLE_MAX: f64 = 9_007_199_254_740_992.0;
/// Decimals that a row or the objective may have: it is multiplied by a power of ten until it is whole.
const DECIMALS_MAX: i32 = 9;
/// How far from a whole number one may be that only rounding has made so.
const WHOLE_WITHIN: f64 = 1e-12;
/// How far a bound may be past a whole number, for each unit, and still allow it: bounds are sums.
const BOUND_WITHIN: f64 = 1e-9;

/// Writes it, or says what CP-SAT would not take.
pub(super) fn write(program: &Program) -> Result<CpModel, String> {
    let mut writer = Writer { model: CpModel::default() };
    for column in &program.columns {
        let domain = vec![whole(&column.name, column.lower.ceil())?, whole(&column.name, column.upper.floor())?];
        if !column.integer {
            return Err(format!("{} is not an integer column, and CP takes no others", column.name));
        }
        writer.model.variables.push(IntegerVariable { domain });
    }
    for row in &program.rows {
        writer.row(row)?;
    }
    for rule in &program.rules {
        writer.rule(&rule.name, &rule.kind)?;
    }
    writer.objective(program);
    Ok(writer.model)
}

struct Writer {
    model: CpModel,
}

impl Writer {
    fn add(&mut self, only_if: &[(u32, bool)], kind: Kind) {
        self.model.constraints.push(Constraint { enforcement_literal: literals(only_if), kind: Some(kind) });
    }

    fn row(&mut self, row: &Row) -> Result<(), String> {
        let coefficients = row.terms.iter().map(|(_, coefficient)| *coefficient);
        let scale = scale(coefficients).ok_or_else(|| {
            format!("{} has coefficients with more than {DECIMALS_MAX} decimals, and CP takes whole numbers", row.name)
        })?;
        let (vars, coeffs) = self.terms(&row.name, &row.terms, scale)?;
        let lower = (row.lower * scale - BOUND_WITHIN * row.lower.abs().max(1.0)).ceil();
        let upper = (row.upper * scale + BOUND_WITHIN * row.upper.abs().max(1.0)).floor();
        let end = |bound: f64| if bound.is_finite() { bound.clamp(-4e18, 4e18) as i64 } else { i64::MAX };
        let lower = if lower.is_finite() { end(lower) } else { i64::MIN };
        let upper = end(upper);
        if lower > upper {
            // Between two whole numbers: nothing holds it. An empty clause says so under the same conditions.
            self.add(&row.only_if, Kind::BoolOr(BoolArgument { literals: Vec::new() }));
            return Ok(());
        }
        self.add(&row.only_if, Kind::Linear(Linear { vars, coeffs, domain: vec![lower, upper] }));
        Ok(())
    }

    fn terms(&self, name: &str, terms: &[(u32, f64)], scale: f64) -> Result<(Vec<i32>, Vec<i64>), String> {
        let coefficients: Result<Vec<i64>, String> =
            terms.iter().map(|&(_, coefficient)| whole(name, coefficient * scale)).collect();
        Ok((terms.iter().map(|&(column, _)| variable(column)).collect(), coefficients?))
    }

    fn rule(&mut self, name: &str, kind: &RuleKind) -> Result<(), String> {
        let kind = match kind {
            RuleKind::AllDifferent(of) => Kind::AllDiff(AllDifferent { exprs: self.each(name, of)? }),
            RuleKind::AnyOf(of) => Kind::BoolOr(BoolArgument { literals: literals(of) }),
            RuleKind::AtMostOne(of) => Kind::AtMostOne(BoolArgument { literals: literals(of) }),
            RuleKind::ExactlyOne(of) => Kind::ExactlyOne(BoolArgument { literals: literals(of) }),
            RuleKind::MaxOf { target, of } => {
                let (target, exprs) = (Some(self.of_one(name, target)?), self.each(name, of)?);
                Kind::LinMax(LinearArgument { target, exprs })
            }
            RuleKind::Product { target, of } => {
                let (target, exprs) = (Some(self.of_one(name, target)?), self.each(name, of)?);
                Kind::IntProd(LinearArgument { target, exprs })
            }
            RuleKind::NoOverlap(of) => Kind::NoOverlap(NoOverlap { intervals: self.intervals(name, of)? }),
            RuleKind::Cumulative { intervals, demands, capacity } => Kind::Cumulative(Cumulative {
                intervals: self.intervals(name, intervals)?,
                demands: self.each(name, demands)?,
                capacity: Some(self.of_one(name, capacity)?),
            }),
        };
        self.add(&[], kind);
        Ok(())
    }

    fn intervals(&mut self, name: &str, of: &[program::Interval]) -> Result<Vec<i32>, String> {
        of.iter().map(|interval| self.interval(name, interval)).collect()
    }

    /// Adds an interval and gives its position.
    fn interval(&mut self, name: &str, interval: &program::Interval) -> Result<i32, String> {
        let only_if: Vec<(u32, bool)> = interval.present.map(|column| (column, true)).into_iter().collect();
        let end = Affine {
            terms: interval.start.terms.iter().chain(&interval.length.terms).copied().collect(),
            constant: interval.start.constant + interval.length.constant,
        };
        let start = Some(self.of_one(name, &interval.start)?);
        let (size, end) = (Some(self.of_one(name, &interval.length)?), Some(self.of_one(name, &end)?));
        let position = position(self.model.constraints.len());
        self.add(&only_if, Kind::Interval(Interval { start, end, size }));
        Ok(position)
    }

    fn each(&mut self, name: &str, of: &[Affine]) -> Result<Vec<LinearExpression>, String> {
        of.iter().map(|affine| self.of_one(name, affine)).collect()
    }

    /// The expression over one column at most; one over more becomes a column of its own, which equals it.
    fn of_one(&mut self, name: &str, affine: &Affine) -> Result<LinearExpression, String> {
        let (vars, coeffs) = self.terms(name, &affine.terms, 1.0)?;
        let offset = whole(name, affine.constant)?;
        if vars.len() <= 1 {
            return Ok(LinearExpression { vars, coeffs, offset });
        }
        let (mut least, mut most) = (i128::from(offset), i128::from(offset));
        for (var, coefficient) in vars.iter().zip(&coeffs) {
            let domain = &self.model.variables[var.unsigned_abs() as usize].domain;
            let ends = [domain[0], domain[1]].map(|end| i128::from(end) * i128::from(*coefficient));
            least += ends[0].min(ends[1]);
            most += ends[0].max(ends[1]);
        }
        let end = |value: i128| i64::try_from(value).ok().filter(|value| value.unsigned_abs() < 1 << 62);
        let (Some(least), Some(most)) = (end(least), end(most)) else {
            return Err(format!("{name} has an expression that is too large for CP"));
        };
        let own = position(self.model.variables.len());
        self.model.variables.push(IntegerVariable { domain: vec![least, most] });
        let (mut vars, mut coeffs) = (vars, coeffs);
        vars.push(own);
        coeffs.push(-1);
        self.add(&[], Kind::Linear(Linear { vars, coeffs, domain: vec![-offset, -offset] }));
        Ok(LinearExpression { vars: vec![own], coeffs: vec![1], offset: 0 })
    }

    /// The objective in whole numbers where a power of ten makes them so, else as floats, which CP-SAT scales itself.
    fn objective(&mut self, program: &Program) {
        if program.objective.is_empty() {
            return;
        }
        let maximize = program.sense == Sense::Maximize;
        let vars = program.objective.iter().map(|&(column, _)| variable(column)).collect();
        let sign = if maximize { -1.0 } else { 1.0 };
        let exact = scale(program.objective.iter().map(|(_, coefficient)| *coefficient));
        let terms =
            exact.and_then(|scale| self.terms("the objective", &program.objective, sign * scale).ok().map(|t| (scale, t.1)));
        if let Some((scale, coeffs)) = terms {
            let (offset, scaling_factor) = (sign * scale * program.offset, sign / scale);
            self.model.objective = Some(Objective { vars, offset, scaling_factor, coeffs });
        } else {
            let coeffs = program.objective.iter().map(|&(_, coefficient)| coefficient).collect();
            self.model.floating_point_objective = Some(FloatObjective { vars, coeffs, offset: program.offset, maximize });
        }
    }
}

fn literals(of: &[(u32, bool)]) -> Vec<i32> {
    of.iter().map(|&(column, value)| if value { variable(column) } else { -1 - variable(column) }).collect()
}

/// The least power of ten that makes all of them whole.
fn scale(coefficients: impl Iterator<Item = f64> + Clone) -> Option<f64> {
    (0..=DECIMALS_MAX).map(|decimals| 10_f64.powi(decimals)).find(|scale| {
        coefficients.clone().all(|coefficient| {
            let scaled = coefficient * scale;
            (scaled - scaled.round()).abs() <= WHOLE_WITHIN * scaled.abs().max(1.0) && scaled.abs() <= WHOLE_MAX
        })
    })
}

fn whole(name: &str, value: f64) -> Result<i64, String> {
    let near = value.round();
    if near.abs() > WHOLE_MAX || (value - near).abs() > WHOLE_WITHIN * near.abs().max(1.0) {
        return Err(format!("{name} has the number {value}, and CP takes whole numbers up to 2^53"));
    }
    Ok(near as i64)
}

fn variable(column: u32) -> i32 {
    i32::try_from(column).unwrap_or(i32::MAX)
}

fn position(count: usize) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}
