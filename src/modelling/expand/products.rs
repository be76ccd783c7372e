//! Products and quotients.

use super::affine::{Total, column, constant, merge, plus, put, times};
use super::{Builder, Need};
use crate::modelling::error::Fault;
use crate::modelling::node::Node;
use crate::modelling::scope::Scope;
use crate::solver::program::{Affine, Class, RuleKind};
use std::ops::Range;

/// How many values a whole number may take that is multiplied in a mixed-integer program; each doubling is a binary column.
const DIGITS_RANGE_MAX: f64 = 65_536.0;

type Product<'n> = (&'n Node, &'n [Node], &'n [Node]);

impl<'a> Builder<'a> {
    pub(super) fn product(
        &mut self,
        scope: &mut Scope<'a>,
        (node, factors, over): Product<'_>,
        mut scale: f64,
        need: Need,
        into: &mut Total,
    ) -> Result<(), Fault> {
        for divisor in over {
            if divisor.varies {
                let words = self.words(&divisor.at);
                let detail = format!(
                    "division by `{words}`, which depends on a variable; multiply both sides by it, or in `convex` write `inv_pos(…)`"
                );
                return Err(Fault::new(&divisor.at, detail));
            }
            scale /= scope.divisor(divisor)?;
        }
        let mut varying = Vec::new();
        for factor in factors {
            if factor.varies { varying.push(factor) } else { scale *= scope.number(factor)? }
        }
        if scale == 0.0 {
            return Ok(());
        }
        match varying[..] {
            [] => {
                into.affine.constant += scale;
                Ok(())
            }
            [only] => self.add(scope, only, scale, need, into),
            [first, ref rest @ ..] => {
                let mut sum = self.affine(scope, first, Need::Exact)?;
                for (place, factor) in rest.iter().enumerate() {
                    let other = self.affine(scope, factor, Need::Exact)?;
                    if self.class == Class::Convex && place + 1 == rest.len() {
                        self.count(sum.terms.len().saturating_mul(other.terms.len()), &node.at)?;
                        multiply_out(&sum, &other, scale, into);
                        into.product_at.get_or_insert(node.at.clone());
                        return Ok(());
                    }
                    sum = self.times(&sum, &other, node)?;
                }
                put(into, &sum, scale);
                Ok(())
            }
        }
    }

    /// The product of two sums, as a sum.
    pub(super) fn times(&mut self, a: &Affine, b: &Affine, node: &Node) -> Result<Affine, Fault> {
        if a.terms.is_empty() {
            return Ok(times(b.clone(), a.constant));
        }
        if b.terms.is_empty() {
            return Ok(times(a.clone(), b.constant));
        }
        match self.class {
            Class::Mip => self.mip_product(a, b, node),
            Class::Cp => self.cp_product(a, b, &node.at),
            Class::Lp | Class::Convex => {
                let (words, class) = (self.words(&node.at), self.class_name());
                let detail = format!(
                    "`{words}` is a product of variables, which model type `{class}` has not; `mip` has products of a binary or a bounded \
                     integer variable, `cp` any, `convex` a convex quadratic form"
                );
                Err(Fault::new(&node.at, detail))
            }
        }
    }

    fn cp_product(&mut self, a: &Affine, b: &Affine, at: &Range<usize>) -> Result<Affine, Fault> {
        self.must_be_whole(a, at)?;
        self.must_be_whole(b, at)?;
        let (p, q) = (self.range(a), self.range(b));
        let ends = [p.0 * q.0, p.0 * q.1, p.1 * q.0, p.1 * q.1];
        let bounds =
            ends.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(lower, upper), end| (lower.min(*end), upper.max(*end)));
        let target = self.auxiliary(bounds, true, at)?;
        self.rule(RuleKind::Product { target: column(target, 1.0), of: vec![a.clone(), b.clone()] }, at)?;
        Ok(column(target, 1.0))
    }

    pub(super) fn must_be_whole(&self, sum: &Affine, at: &Range<usize>) -> Result<(), Fault> {
        if self.is_whole(sum) {
            return Ok(());
        }
        let words = self.words(at);
        Err(Fault::new(
            at,
            format!("`{words}` takes whole numbers in a model of type `cp`; multiply by what makes its numbers whole"),
        ))
    }

    /// A product with a column of whole values, by the binary digits of that column.
    fn mip_product(&mut self, a: &Affine, b: &Affine, node: &Node) -> Result<Affine, Fault> {
        let (whole_a, whole_b) = (self.one_column(a, &node.at)?, self.one_column(b, &node.at)?);
        let (a, b) = (whole_a.as_ref().unwrap_or(a), whole_b.as_ref().unwrap_or(b));
        let (one, other) = match (self.digits(a), self.digits(b)) {
            (Some(x), Some(y)) if self.width(x) <= self.width(y) => ((a, x), b),
            (_, Some(y)) => ((b, y), a),
            (Some(x), None) => ((a, x), b),
            (None, None) => {
                let words = self.words(&node.at);
                let detail = format!(
                    "`{words}` is a product of variables of which neither is binary or a whole number with both bounds, at most \
                     {DIGITS_RANGE_MAX} apart; only such a product is linear"
                );
                return Err(Fault::new(&node.at, detail));
            }
        };
        let (sum, whole) = one;
        let scale = sum.terms[0].1;
        let mut product = times(other.clone(), sum.constant);
        let (lower, width) = (self.columns[whole as usize].lower, self.width(whole));
        if lower == 0.0 && width == 1.0 {
            let part = self.binary_times(whole, other, &node.at)?;
            return Ok(plus(product, &part, scale));
        }
        product = plus(product, other, scale * lower);
        // whole = lower + the sum of its digits
        let (mut digits, mut value) = (constant(lower), 1.0);
        while value <= width {
            let digit = self.binary(&node.at)?;
            digits.terms.push((digit, value));
            let part = self.binary_times(digit, other, &node.at)?;
            product = plus(product, &part, scale * value);
            value *= 2.0;
        }
        merge(&mut digits);
        let defines = plus(digits, &column(whole, 1.0), -1.0);
        self.row(defines, (0.0, 0.0), Vec::new(), &node.at)?;
        Ok(product)
    }

    /// A column that equals a sum of several columns, where that is a whole number within bounds.
    fn one_column(&mut self, sum: &Affine, at: &Range<usize>) -> Result<Option<Affine>, Fault> {
        let (lower, upper) = self.range(sum);
        // An infinite width is no number, or past the range.
        if sum.terms.len() < 2 || !self.is_whole(sum) || upper - lower > DIGITS_RANGE_MAX || !(upper - lower).is_finite() {
            return Ok(None);
        }
        let auxiliary = column(self.auxiliary((lower, upper), true, at)?, 1.0);
        self.row(plus(sum.clone(), &auxiliary, -1.0), (0.0, 0.0), Vec::new(), at)?;
        Ok(Some(auxiliary))
    }

    /// The column of whole values, with both bounds and not too many values, that a sum of one term has.
    fn digits(&self, sum: &Affine) -> Option<u32> {
        let [(column, _)] = sum.terms[..] else { return None };
        (self.columns[column as usize].integer && self.width(column) <= DIGITS_RANGE_MAX).then_some(column)
    }

    fn width(&self, column: u32) -> f64 {
        let column = &self.columns[column as usize];
        column.upper - column.lower
    }

    /// A column that equals `binary * sum` (McCormick 1976; exact because the one is binary).
    fn binary_times(&mut self, binary: u32, sum: &Affine, at: &Range<usize>) -> Result<Affine, Fault> {
        if let [(only, coefficient)] = sum.terms[..]
            && only == binary
        {
            return Ok(column(binary, coefficient + sum.constant));
        }
        let (lower, upper) = self.range(sum);
        if !(lower.is_finite() && upper.is_finite()) {
            let name = self.unbounded(sum);
            return Err(Fault::new(
                at,
                format!("a product with a whole number is linear only within bounds; give `{name}` both `lb` and `ub`"),
            ));
        }
        let target = self.auxiliary((lower.min(0.0), upper.max(0.0)), self.is_whole(sum), at)?;
        let z = column(target, 1.0);
        self.row(plus(z.clone(), &column(binary, upper), -1.0), (f64::NEG_INFINITY, 0.0), Vec::new(), at)?;
        self.row(plus(z.clone(), &column(binary, lower), -1.0), (0.0, f64::INFINITY), Vec::new(), at)?;
        let apart = plus(z.clone(), sum, -1.0);
        self.row(plus(apart.clone(), &column(binary, lower), -1.0), (f64::NEG_INFINITY, -lower), Vec::new(), at)?;
        self.row(plus(apart, &column(binary, upper), -1.0), (-upper, f64::INFINITY), Vec::new(), at)?;
        Ok(z)
    }
}

/// Adds `scale * a * b`, term by term.
fn multiply_out(a: &Affine, b: &Affine, scale: f64, into: &mut Total) {
    for (i, p) in &a.terms {
        for (j, q) in &b.terms {
            into.products.push((*i.min(j), *i.max(j), scale * p * q));
        }
    }
    put(into, &Affine { terms: a.terms.clone(), constant: 0.0 }, scale * b.constant);
    put(into, &Affine { terms: b.terms.clone(), constant: 0.0 }, scale * a.constant);
    into.affine.constant += scale * a.constant * b.constant;
}
