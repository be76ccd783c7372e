//! The number that an expression is.

use super::Scope;
use crate::modelling::error::Fault;
use crate::modelling::function::Function;
use crate::modelling::members::Member;
use crate::modelling::node::{Items, Node, NodeKind};
use std::ops::Range;

impl Scope<'_> {
    /// The number that `node` is; variables are what the values say.
    pub(in crate::modelling) fn number(&mut self, node: &Node) -> Result<f64, Fault> {
        let value = match &node.kind {
            NodeKind::Number(value) => *value,
            NodeKind::Param(pick) => self.param(pick, &node.at)?,
            NodeKind::Var(pick) => {
                let position = self.position(pick, &node.at)?;
                self.values.get(position as usize).copied().unwrap_or(f64::NAN)
            }
            NodeKind::Index(slot) => match self.parts.members.get(self.slots[*slot].member) {
                #[expect(clippy::cast_precision_loss, reason = "whole members are below 1e15")]
                Member::Whole(value) => *value as f64,
                _ => {
                    let name = self.parts.members.text(self.slots[*slot].member);
                    return Err(Fault::new(&node.at, format!("this index is the name `{name}`, and a number would be right")));
                }
            },
            NodeKind::Sum(terms) => {
                let mut total = 0.0;
                for (minus, term) in terms {
                    let value = self.number(term)?;
                    total += if *minus { -value } else { value };
                }
                total
            }
            NodeKind::Product { times, over } => {
                let mut product = 1.0;
                for factor in times {
                    product *= self.number(factor)?;
                }
                for divisor in over {
                    product /= self.divisor(divisor)?;
                }
                product
            }
            NodeKind::Power(base, exponent) => power(self.number(base)?, self.number(exponent)?, &node.at)?,
            NodeKind::Call(function, items) => self.function(*function, items, &node.at)?,
            NodeKind::Piecewise(x, points) => {
                let points = self.points(points, &node.at)?;
                between(&points, self.number(x)?, &node.at)?
            }
            NodeKind::To(inner, factor, _) => self.number(inner)? * factor,
            NodeKind::Choose(when, then, other) => {
                let branch = if self.holds(when)? { then } else { other };
                self.number(branch)?
            }
            _ => return Err(Fault::new(&node.at, "found a comparison where a number would be right")),
        };
        if value.is_finite() || node.varies {
            return Ok(value);
        }
        Err(Fault::new(&node.at, "this is not a finite number"))
    }

    /// What an expression is divided by.
    pub(in crate::modelling) fn divisor(&mut self, node: &Node) -> Result<f64, Fault> {
        let value = self.number(node)?;
        if value == 0.0 {
            return Err(Fault::new(&node.at, "division by zero: this is 0"));
        }
        Ok(value)
    }

    /// The points of a piecewise function, in the order of their places.
    pub(in crate::modelling) fn points(&mut self, points: &[Items], at: &Range<usize>) -> Result<Vec<(f64, f64)>, Fault> {
        let mut found: Vec<(f64, f64)> = Vec::new();
        self.each_item(points, &mut |scope, of| {
            let point = (scope.number(&of[0])?, scope.number(&of[1])?);
            if found.last().is_some_and(|last| last.0 >= point.0) {
                return Err(Fault::new(
                    &of[0].at,
                    format!("the points must go up, and {} stands before {}", found[found.len() - 1].0, point.0),
                ));
            }
            found.push(point);
            Ok(())
        })?;
        if found.len() < 2 {
            return Err(Fault::new(at, "`piecewise` needs two points at least"));
        }
        Ok(found)
    }

    fn all(&mut self, items: &[Items]) -> Result<Vec<f64>, Fault> {
        let mut found = Vec::new();
        self.each_item(items, &mut |scope, of| {
            found.push(scope.number(&of[0])?);
            Ok(())
        })?;
        Ok(found)
    }

    fn function(&mut self, function: Function, items: &[Items], at: &Range<usize>) -> Result<f64, Fault> {
        if function == Function::Sum {
            let mut total = 0.0;
            self.each_item(items, &mut |scope, of| {
                total += scope.number(&of[0])?;
                Ok(())
            })?;
            return Ok(total);
        }
        let all = self.all(items)?;
        if all.is_empty() {
            return match function {
                Function::Norm | Function::Norm1 | Function::NormInf | Function::SumSquares => Ok(0.0),
                _ => Err(Fault::new(at, format!("`{}` of nothing: no index passes the condition", function.name()))),
            };
        }
        let first = all[0];
        let wrong = |what: &str| Err(Fault::new(at, format!("`{}` of {first}, which must be {what}", function.name())));
        Ok(match function {
            Function::Abs => first.abs(),
            Function::Min => all.iter().copied().fold(f64::INFINITY, f64::min),
            Function::Max => all.iter().copied().fold(f64::NEG_INFINITY, f64::max),
            Function::Norm => norm(&all),
            Function::Norm1 => all.iter().map(|value| value.abs()).sum(),
            Function::NormInf => all.iter().map(|value| value.abs()).fold(0.0, f64::max),
            Function::Square => first * first,
            Function::SumSquares => all.iter().map(|value| value * value).sum(),
            Function::Exp => first.exp(),
            Function::Log if first <= 0.0 => return wrong("above 0"),
            Function::Log => first.ln(),
            // A solver leaves the last digits of a zero.
            Function::Sqrt if first < -1e-9 => return wrong("0 or more"),
            Function::Sqrt => first.max(0.0).sqrt(),
            Function::Pow => power(first, all[1], at)?,
            Function::InvPos if first <= 0.0 => return wrong("above 0"),
            Function::InvPos => 1.0 / first,
            Function::Entropy if first < -1e-9 => return wrong("0 or more"),
            Function::Entropy => {
                if first <= 0.0 {
                    0.0
                } else {
                    -first * first.ln()
                }
            }
            Function::LogSumExp => log_sum_exp(&all),
            #[expect(clippy::cast_precision_loss, reason = "there are fewer than 2^52 of them")]
            Function::GeoMean => match all.iter().any(|value| *value < -1e-9) {
                true => return Err(Fault::new(at, "`geo_mean` of a negative number")),
                false => (all.iter().map(|value| value.max(0.0).ln()).sum::<f64>() / all.len() as f64).exp(),
            },
            _ => return Err(Fault::new(at, format!("`{}` says what must hold and is no number", function.name()))),
        })
    }
}

/// `base` to the power of `exponent`, where that is a real number.
pub(in crate::modelling) fn power(base: f64, exponent: f64, at: &Range<usize>) -> Result<f64, Fault> {
    if base == 0.0 && exponent < 0.0 {
        return Err(Fault::new(at, "division by zero: 0 to a negative power"));
    }
    if base < 0.0 && exponent.fract() != 0.0 {
        return Err(Fault::new(at, format!("{base} to the power of {exponent} is not a real number")));
    }
    Ok(base.powf(exponent))
}

/// Scaled, so that squares of large numbers don't overflow.
fn norm(all: &[f64]) -> f64 {
    let largest = all.iter().map(|value| value.abs()).fold(0.0, f64::max);
    if largest == 0.0 || !largest.is_finite() {
        return largest;
    }
    largest * all.iter().map(|value| (value / largest).powi(2)).sum::<f64>().sqrt()
}

fn log_sum_exp(all: &[f64]) -> f64 {
    let largest = all.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    largest + all.iter().map(|value| (value - largest).exp()).sum::<f64>().ln()
}

/// The value at `x` on the lines between the points.
fn between(points: &[(f64, f64)], x: f64, at: &Range<usize>) -> Result<f64, Fault> {
    let (first, last) = (points[0].0, points[points.len() - 1].0);
    let slack = 1e-6 * first.abs().max(last.abs()).max(1.0);
    if x < first - slack || x > last + slack {
        return Err(Fault::new(at, format!("`piecewise` has points from {first} to {last} only, and this is {x}")));
    }
    let upper = points.iter().skip(1).position(|point| x <= point.0).map_or(points.len() - 1, |place| place + 1);
    let (a, b) = (points[upper - 1], points[upper]);
    Ok(a.1 + (b.1 - a.1) * (x - a.0) / (b.0 - a.0))
}
