//! Squares and products in a convex program.

use super::affine::{Total, column, constant, plus, put, times};
use super::function::Curvature;
use super::{Builder, Need};
use crate::modelling::error::Fault;
use crate::modelling::node::Node;
use crate::modelling::scope::Scope;
use crate::solver::program::{Affine, Class, ConeKind};
use nalgebra::DMatrix;
use std::collections::BTreeSet;
use std::ops::Range;

/// Variables of a quadratic form whose curvature is looked at; a factorisation takes the third power of it, about a second for this many.
const ORDER_MAX: usize = 1_000;

/// Terms of a sum that is squared as it stands; of a longer one a helping column is squared.
const SQUARED_TERMS_MAX: usize = 32;

impl<'a> Builder<'a> {
    /// Adds `scale * argument^2`.
    pub(super) fn square(
        &mut self,
        scope: &mut Scope<'a>,
        (node, argument): (&Node, &Node),
        scale: f64,
        need: Need,
        into: &mut Total,
    ) -> Result<(), Fault> {
        if !argument.varies {
            into.affine.constant += scale * scope.number(argument)?.powi(2);
            return Ok(());
        }
        if self.class != Class::Convex {
            let sum = self.affine(scope, argument, Need::Exact)?;
            let product = self.times(&sum, &sum, node)?;
            put(into, &product, scale);
            return Ok(());
        }
        self.must_bend(node, Curvature::Convex, need.times(scale))?;
        let sum = self.affine(scope, argument, self.squared_need(argument))?;
        into.squares.push((scale, self.short(sum, &node.at)?));
        Ok(())
    }

    /// The square grows with what is never negative, so that may itself be replaced by something larger.
    fn squared_need(&self, argument: &Node) -> Need {
        if super::cones::never_negative(argument) { Need::Above } else { Need::Exact }
    }

    fn short(&mut self, sum: Affine, at: &Range<usize>) -> Result<Affine, Fault> {
        if sum.terms.len() <= SQUARED_TERMS_MAX {
            return Ok(sum);
        }
        let range = self.range(&sum);
        let auxiliary = column(self.auxiliary(range, false, at)?, 1.0);
        self.row(plus(sum, &auxiliary, -1.0), (0.0, 0.0), Vec::new(), at)?;
        Ok(auxiliary)
    }

    /// Puts squares among the products, so that the curvature of both is looked at together: `x^2 + x*y + y^2`.
    pub(super) fn fold(total: &mut Total) {
        for (scale, sum) in std::mem::take(&mut total.squares) {
            for (place, (a, p)) in sum.terms.iter().enumerate() {
                total.products.push((*a, *a, scale * p * p));
                for (b, q) in &sum.terms[place + 1..] {
                    total.products.push((*a.min(b), *a.max(b), 2.0 * scale * p * q));
                }
                total.affine.terms.push((*a, 2.0 * scale * p * sum.constant));
            }
            total.affine.constant += scale * sum.constant * sum.constant;
        }
        total.merge();
    }

    /// Refuses a sum with products of variables that is not convex, or not concave where that is needed.
    pub(super) fn check_curvature(&self, total: &Total, need: Need, at: &Range<usize>) -> Result<(), Fault> {
        if total.products.is_empty() {
            return Ok(());
        }
        self.factor(total, need, at).map(|_| ())
    }

    /// Sums whose squares add up to the products and squares of `total`, or to their opposite where a concave one is needed.
    fn factor(&self, total: &Total, need: Need, at: &Range<usize>) -> Result<Vec<Affine>, Fault> {
        let at = total.product_at.as_ref().unwrap_or(at);
        let sign = match need {
            Need::Above => 1.0,
            Need::Below => -1.0,
            Need::Exact => {
                let words = self.words(at);
                let detail = format!("`{words}` is a product of variables, and an affine expression is needed here");
                return Err(Fault::new(at, detail));
            }
        };
        if total.products.is_empty() {
            return Ok(total.squares.iter().map(|(scale, sum)| times(sum.clone(), (sign * scale).sqrt())).collect());
        }
        let columns: BTreeSet<u32> = total.products.iter().flat_map(|(a, b, _)| [*a, *b]).collect();
        let columns: Vec<u32> = columns.into_iter().collect();
        if columns.len() > ORDER_MAX {
            let detail = format!(
                "a quadratic form of {} variables; at most {ORDER_MAX} are looked at, write it as `sum_squares`",
                columns.len()
            );
            return Err(Fault::new(at, detail));
        }
        let place = |column: u32| columns.binary_search(&column).unwrap_or(0);
        let mut matrix = DMatrix::<f64>::zeros(columns.len(), columns.len());
        for (a, b, value) in &total.products {
            matrix[(place(*a), place(*b))] += sign * value / 2.0;
            matrix[(place(*b), place(*a))] += sign * value / 2.0;
        }
        let size = matrix.diagonal().amax().max(matrix.amax());
        // A form that is flat in some direction is convex too, and rounding may tilt it.
        let shifted = &matrix + DMatrix::identity(columns.len(), columns.len()) * (size * 1e-9);
        let Some(root) = nalgebra::Cholesky::new(shifted) else { return Err(self.not_convex(need, &matrix, &columns, at)) };
        let lower = root.l();
        let mut found: Vec<Affine> = (0..columns.len())
            .map(|k| {
                let terms = (k..columns.len()).map(|row| (columns[row], lower[(row, k)]));
                Affine { terms: terms.filter(|(_, value)| *value != 0.0).collect(), constant: 0.0 }
            })
            .collect();
        found.retain(|sum| !sum.terms.is_empty());
        Ok(found)
    }

    fn not_convex(&self, need: Need, matrix: &DMatrix<f64>, columns: &[u32], at: &Range<usize>) -> Fault {
        let words = self.words(at);
        let bent = if need == Need::Above { "convex" } else { "concave" };
        let wants = need.wants();
        let names: Vec<&str> = columns.iter().take(4).map(|column| self.columns[*column as usize].name.as_str()).collect();
        let more = if columns.len() > names.len() { ", …" } else { "" };
        let mut detail = format!(
            "the products of variables in `{words}` (`{}`{more}) are not {bent}, and {wants} is needed here",
            names.join("`, `")
        );
        if columns.len() <= 100 {
            let least = matrix.clone().symmetric_eigen().eigenvalues.min();
            detail.push_str(&format!(
                ": the quadratic form has the eigenvalue {:.4}",
                if need == Need::Above { least } else { -least }
            ));
        }
        Fault::new(at, detail)
    }

    /// The row `total <= 0`, or `total >= 0` where a concave one is needed, as a second-order cone: what is squared is no more than the rest.
    pub(super) fn quadratic_row(&mut self, mut total: Total, need: Need, at: &Range<usize>) -> Result<(), Fault> {
        if !total.products.is_empty() {
            Self::fold(&mut total);
        }
        let members = self.factor(&total, need, at)?;
        let rest = times(total.affine, if need == Need::Above { -1.0 } else { 1.0 });
        self.squares_within(members, rest, at)
    }

    /// `the sum of the squares of members <= rest`: `‖(2 members, rest - 1)‖ <= rest + 1`.
    pub(super) fn squares_within(&mut self, members: Vec<Affine>, rest: Affine, at: &Range<usize>) -> Result<(), Fault> {
        let mut all = vec![plus(rest.clone(), &constant(1.0), 1.0), plus(rest, &constant(1.0), -1.0)];
        all.extend(members.into_iter().map(|member| times(member, 2.0)));
        self.cone(ConeKind::SecondOrder, all, at)
    }

    /// A column on the right side of something quadratic.
    pub(super) fn bound_quadratic(&mut self, mut total: Total, need: Need, at: &Range<usize>) -> Result<Affine, Fault> {
        let bound = column(self.auxiliary((f64::NEG_INFINITY, f64::INFINITY), false, at)?, 1.0);
        total.affine = plus(total.affine, &bound, -1.0);
        self.quadratic_row(total, need, at)?;
        Ok(bound)
    }
}
