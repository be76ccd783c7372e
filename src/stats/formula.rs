//! Formulas such as `b1*(1-exp(-b2*x))`: read, evaluated, and differentiated in their parameters.
//!
//! The language: numbers, names, `+ - * / ** ^`, brackets `( )` and `[ ]`, `pi`, and the functions of [`Function`]. A power binds tighter than a
//! sign before it and goes from right to left. Names that are no parameters are variables. Derivatives are exact, by forward-mode automatic
//! differentiation (Griewank and Walther, 2008, "Evaluating Derivatives", section 3.1), over `f64` and over double-double numbers alike.

mod parse;

use super::double_double::{DoubleDouble, Real};
use std::cmp::Ordering;

/// Why a text is no formula.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{why}, at character {at} of the formula")]
pub struct FormulaError {
    /// Where, from 1.
    pub at: usize,
    /// What is wrong.
    pub why: String,
}

/// What a formula can call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "their names say it")]
pub enum Function {
    Exp,
    /// Natural, as `log` and `ln`.
    Log,
    Log10,
    Sqrt,
    Sin,
    Cos,
    Tan,
    Arctan,
    Tanh,
    Abs,
}

impl Function {
    /// The function of this name.
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "exp" => Self::Exp,
            "log" | "ln" => Self::Log,
            "log10" => Self::Log10,
            "sqrt" => Self::Sqrt,
            "sin" => Self::Sin,
            "cos" => Self::Cos,
            "tan" => Self::Tan,
            "arctan" | "atan" => Self::Arctan,
            "tanh" => Self::Tanh,
            "abs" => Self::Abs,
            _ => return None,
        })
    }

    /// Value and slope.
    fn at<R: Real>(self, x: R) -> (R, R) {
        match self {
            Self::Exp => {
                let value = x.exp();
                (value, value)
            }
            Self::Log => (x.ln(), R::ONE / x),
            Self::Log10 => {
                let ten = R::of(10.0).ln();
                (x.ln() / ten, R::ONE / (x * ten))
            }
            Self::Sqrt => {
                let root = x.sqrt();
                (root, R::of(0.5) / root)
            }
            Self::Sin => x.sin_cos(),
            Self::Cos => {
                let (sine, cosine) = x.sin_cos();
                (cosine, -sine)
            }
            Self::Tan => {
                let (sine, cosine) = x.sin_cos();
                (sine / cosine, R::ONE / (cosine * cosine))
            }
            Self::Arctan => (x.atan(), R::ONE / (R::ONE + x * x)),
            Self::Tanh => {
                // From the side where the exponential is below 1, so that nothing overflows.
                let shrunk = (-(x.abs() + x.abs())).exp();
                let size = (R::ONE - shrunk) / (R::ONE + shrunk);
                (if x < R::ZERO { -size } else { size }, R::ONE - size * size)
            }
            Self::Abs => (x.abs(), if x < R::ZERO { -R::ONE } else { R::ONE }),
        }
    }
}

/// One operation; the numbers are places of earlier ones.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Operation {
    Constant(DoubleDouble),
    Variable(usize),
    Parameter(usize),
    Negate(usize),
    Add(usize, usize),
    Subtract(usize, usize),
    Multiply(usize, usize),
    Divide(usize, usize),
    Power(usize, usize),
    WholePower(usize, i32),
    Call(Function, usize),
}

/// A formula that has been read. Invariant: an operation names earlier ones alone, and the last is the value.
#[derive(Debug, Clone, PartialEq)]
pub struct Formula {
    operations: Vec<Operation>,
    /// Whether a parameter is in it, by operation.
    varies: Vec<bool>,
    parameters: Vec<String>,
    variables: Vec<String>,
}

/// Room for the values of one evaluation, kept from row to row.
#[derive(Debug, Clone, Default)]
pub struct Workspace<R> {
    values: Vec<R>,
    slopes: Vec<R>,
}

impl Formula {
    /// Reads a formula; every name that is not among `parameters` is a variable.
    ///
    /// # Errors
    /// [`FormulaError`] with the place.
    pub fn parse(text: &str, parameters: &[&str]) -> Result<Self, FormulaError> {
        parse::parse(text, parameters)
    }

    /// The parameters in the order that they were named in.
    pub fn parameters(&self) -> &[String] {
        &self.parameters
    }

    /// The variables in the order that they appear in.
    pub fn variables(&self) -> &[String] {
        &self.variables
    }

    /// The value for one row, and its derivative in each parameter. Not finite where the formula has no value.
    pub fn evaluate<R: Real>(&self, row: &[R], parameters: &[R], space: &mut Workspace<R>, gradient: &mut [R]) -> R {
        let width = parameters.len();
        space.values.clear();
        space.slopes.clear();
        space.slopes.resize(self.operations.len() * width, R::ZERO);
        for (at, operation) in self.operations.iter().enumerate() {
            let (value, partials) = step(operation, &space.values, row, parameters);
            space.values.push(value);
            if !self.varies[at] {
                continue;
            }
            if let Operation::Parameter(parameter) = operation {
                space.slopes[at * width + parameter] = R::ONE;
            }
            let (earlier, own) = space.slopes.split_at_mut(at * width);
            for (from, partial) in partials.into_iter().flatten().filter(|(from, _)| self.varies[*from]) {
                let slopes = &earlier[from * width..(from + 1) * width];
                own.iter_mut().zip(slopes).for_each(|(own, &slope)| *own = *own + partial * slope);
            }
        }
        let start = space.slopes.len() - width;
        gradient.copy_from_slice(&space.slopes[start..]);
        space.values.last().copied().unwrap_or(R::ZERO)
    }

    /// The most parameters, first come first, in which together the formula is linear while the others stay (Golub and Pereyra, 1973).
    pub fn linear_parameters(&self) -> Vec<bool> {
        let mut chosen = vec![false; self.parameters.len()];
        for parameter in 0..chosen.len() {
            chosen[parameter] = true;
            chosen[parameter] = self.degree(&chosen) == 1;
        }
        chosen
    }

    /// The degree in these parameters together: 0, 1, or 2 for everything beyond.
    fn degree(&self, chosen: &[bool]) -> u8 {
        let mut degrees: Vec<u8> = Vec::with_capacity(self.operations.len());
        for operation in &self.operations {
            let of = |at: usize| degrees[at];
            let bent = |degree: u8| if degree == 0 { 0 } else { 2 };
            degrees.push(match *operation {
                Operation::Constant(_) | Operation::Variable(_) => 0,
                Operation::Parameter(parameter) => u8::from(chosen[parameter]),
                Operation::Negate(a) => of(a),
                Operation::Add(a, b) | Operation::Subtract(a, b) => of(a).max(of(b)),
                Operation::Multiply(a, b) => (of(a) + of(b)).min(2),
                Operation::Divide(a, b) => of(a).max(bent(of(b))),
                Operation::Power(a, b) => bent(of(a).max(of(b))),
                Operation::WholePower(a, power) => {
                    if power == 1 {
                        of(a)
                    } else {
                        bent(of(a))
                    }
                }
                Operation::Call(_, a) => bent(of(a)),
            });
        }
        degrees.last().copied().unwrap_or(0)
    }
}

type Partials<R> = [Option<(usize, R)>; 2];

/// The value of one operation and its slope in each operand.
fn step<R: Real>(operation: &Operation, values: &[R], row: &[R], parameters: &[R]) -> (R, Partials<R>) {
    match *operation {
        Operation::Constant(constant) => (R::narrowed(constant), [None, None]),
        Operation::Variable(variable) => (row[variable], [None, None]),
        Operation::Parameter(parameter) => (parameters[parameter], [None, None]),
        Operation::Negate(a) => (-values[a], [Some((a, -R::ONE)), None]),
        Operation::Add(a, b) => (values[a] + values[b], [Some((a, R::ONE)), Some((b, R::ONE))]),
        Operation::Subtract(a, b) => (values[a] - values[b], [Some((a, R::ONE)), Some((b, -R::ONE))]),
        Operation::Multiply(a, b) => (values[a] * values[b], [Some((a, values[b])), Some((b, values[a]))]),
        Operation::Divide(a, b) => {
            let quotient = values[a] / values[b];
            (quotient, [Some((a, R::ONE / values[b])), Some((b, -(quotient / values[b])))])
        }
        Operation::Power(a, b) => {
            let (value, of_base, of_exponent) = power(values[a], values[b]);
            (value, [Some((a, of_base)), Some((b, of_exponent))])
        }
        Operation::WholePower(a, exponent) => {
            let slope = if exponent == 0 { R::ZERO } else { R::of(f64::from(exponent)) * values[a].powi(exponent - 1) };
            (values[a].powi(exponent), [Some((a, slope)), None])
        }
        Operation::Call(function, a) => {
            let (value, slope) = function.at(values[a]);
            (value, [Some((a, slope)), None])
        }
    }
}

/// bᵉ with its slopes in b and e; NaN for a negative base. 0ᵉ is 0 for a positive exponent.
fn power<R: Real>(base: R, exponent: R) -> (R, R, R) {
    match base.partial_cmp(&R::ZERO) {
        Some(Ordering::Greater) => {
            let logarithm = base.ln();
            let value = (exponent * logarithm).exp();
            (value, exponent * value / base, value * logarithm)
        }
        Some(Ordering::Equal) if exponent > R::ZERO => {
            let slope = if exponent > R::ONE {
                R::ZERO
            } else if exponent < R::ONE {
                R::of(f64::INFINITY)
            } else {
                R::ONE
            };
            (R::ZERO, slope, R::ZERO)
        }
        _ => (R::of(f64::NAN), R::ZERO, R::ZERO),
    }
}

#[cfg(test)]
mod tests;
