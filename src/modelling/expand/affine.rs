//! Sums of columns.

use super::{Builder, Need};
use crate::modelling::error::Fault;
use crate::modelling::function::Function;
use crate::modelling::node::{Node, NodeKind};
use crate::modelling::scope::Scope;
use crate::solver::program::Affine;
use std::ops::Range;

/// A sum of columns, and where the class has them products of two and squares.
#[derive(Debug, Clone, Default)]
pub(super) struct Total {
    pub(super) affine: Affine,
    /// Products of two columns as the caller wrote them, the lower column first.
    pub(super) products: Vec<(u32, u32, f64)>,
    /// Squares of sums, each with what it is multiplied by.
    pub(super) squares: Vec<(f64, Affine)>,
    /// Where the first product stands.
    pub(super) product_at: Option<Range<usize>>,
}

impl Total {
    pub(super) fn is_affine(&self) -> bool {
        self.products.is_empty() && self.squares.is_empty()
    }

    pub(super) fn merge(&mut self) {
        merge(&mut self.affine);
        let products = std::mem::take(&mut self.products);
        let mut sorted = products;
        sorted.sort_by_key(|(a, b, _)| (*a, *b));
        for (a, b, value) in sorted {
            match self.products.last_mut() {
                Some(last) if (last.0, last.1) == (a, b) => last.2 += value,
                _ => self.products.push((a, b, value)),
            }
        }
        self.products.retain(|(.., value)| *value != 0.0);
    }
}

/// Puts terms of the same column together, in the order of the columns.
pub(super) fn merge(sum: &mut Affine) {
    let ordered = sum.terms.windows(2).all(|pair| pair[0].0 < pair[1].0);
    if !ordered {
        sum.terms.sort_by_key(|(column, _)| *column);
        sum.terms.dedup_by(|later, first| {
            let same = later.0 == first.0;
            if same {
                first.1 += later.1;
            }
            same
        });
    }
    sum.terms.retain(|(_, coefficient)| *coefficient != 0.0);
}

/// `scale * column`.
pub(super) fn column(column: u32, scale: f64) -> Affine {
    Affine { terms: vec![(column, scale)], constant: 0.0 }
}

/// A number.
pub(super) const fn constant(value: f64) -> Affine {
    Affine { terms: Vec::new(), constant: value }
}

/// `a + scale * b`.
pub(super) fn plus(mut a: Affine, b: &Affine, scale: f64) -> Affine {
    a.terms.extend(b.terms.iter().map(|(column, value)| (*column, value * scale)));
    a.constant += b.constant * scale;
    merge(&mut a);
    a
}

/// `scale * a`.
pub(super) fn times(mut a: Affine, scale: f64) -> Affine {
    a.terms.iter_mut().for_each(|(_, value)| *value *= scale);
    a.constant *= scale;
    a
}

impl<'a> Builder<'a> {
    /// Adds `scale * node` to a sum.
    pub(super) fn add(
        &mut self,
        scope: &mut Scope<'a>,
        node: &Node,
        scale: f64,
        need: Need,
        into: &mut Total,
    ) -> Result<(), Fault> {
        if scale == 0.0 {
            return Ok(());
        }
        if !node.varies {
            into.affine.constant += scale * scope.number(node)?;
            return Ok(());
        }
        match &node.kind {
            NodeKind::Var(pick) => {
                let column = scope.position(pick, &node.at)?;
                into.affine.terms.push((column, scale));
                Ok(())
            }
            NodeKind::Sum(terms) => {
                for (minus, term) in terms {
                    self.add(scope, term, if *minus { -scale } else { scale }, need, into)?;
                }
                Ok(())
            }
            NodeKind::Product { times, over } => self.product(scope, (node, times, over), scale, need, into),
            NodeKind::Power(base, exponent) => self.power(scope, (node, base, exponent), scale, need, into),
            NodeKind::Call(Function::Sum, items) => {
                scope.each_item(items, &mut |scope, of| self.add(scope, &of[0], scale, need, into))
            }
            NodeKind::Call(function, items) => self.function(scope, (node, *function, items), scale, need, into),
            NodeKind::Piecewise(x, points) => {
                let value = self.piecewise(scope, (node, x, points), need.times(scale))?;
                put(into, &value, scale);
                Ok(())
            }
            NodeKind::To(inner, factor, _) => self.add(scope, inner, scale * factor, need, into),
            NodeKind::Choose(when, then, other) => {
                let branch = if scope.holds(when)? { then } else { other };
                self.add(scope, branch, scale, need, into)
            }
            _ => Err(Fault::new(&node.at, "found a comparison where a number would be right")),
        }
    }

    /// `node` as a sum of columns, helping ones where it is not affine.
    pub(super) fn affine(&mut self, scope: &mut Scope<'a>, node: &Node, need: Need) -> Result<Affine, Fault> {
        let mut total = Total::default();
        self.add(scope, node, 1.0, need, &mut total)?;
        total.merge();
        let sum = if total.is_affine() { total.affine } else { self.bound_quadratic(total, need, &node.at)? };
        self.fits(&sum, &node.at)?;
        Ok(sum)
    }

    /// The least and the most that a sum can be within the bounds of its columns.
    pub(super) fn range(&self, sum: &Affine) -> (f64, f64) {
        let (mut lower, mut upper) = (sum.constant, sum.constant);
        for (column, coefficient) in &sum.terms {
            let column = &self.columns[*column as usize];
            let (a, b) = (column.lower * coefficient, column.upper * coefficient);
            lower += a.min(b);
            upper += a.max(b);
        }
        (lower, upper)
    }

    /// Whether a sum is a whole number whatever its columns are.
    pub(super) fn is_whole(&self, sum: &Affine) -> bool {
        let columns =
            sum.terms.iter().all(|(column, coefficient)| self.columns[*column as usize].integer && coefficient.fract() == 0.0);
        columns && sum.constant.fract() == 0.0
    }

    /// The name of a column of a sum that has no bound, for a message.
    pub(super) fn unbounded(&self, sum: &Affine) -> String {
        let open = |column: &u32| {
            !(self.columns[*column as usize].lower.is_finite() && self.columns[*column as usize].upper.is_finite())
        };
        let name = sum.terms.iter().map(|(column, _)| column).find(|column| open(column));
        name.map_or_else(String::new, |column| self.columns[*column as usize].name.clone())
    }
}

/// Adds `scale * value` to a sum.
pub(super) fn put(into: &mut Total, value: &Affine, scale: f64) {
    into.affine.terms.extend(value.terms.iter().map(|(column, coefficient)| (*column, coefficient * scale)));
    into.affine.constant += value.constant * scale;
}
