//! Comparisons, as rows and cones.

use super::affine::{Total, times};
use super::{Builder, Need};
use crate::modelling::error::Fault;
use crate::modelling::node::Node;
use crate::modelling::scope::Scope;
use crate::modelling::syntax::Relation;
use crate::solver::program::{Affine, Class};
use std::ops::Range;

impl<'a> Builder<'a> {
    /// States a comparison of two sides or a chain of them, where all `only_if` have their values.
    pub(super) fn compare(
        &mut self,
        scope: &mut Scope<'a>,
        (node, sides, relations): (&Node, &[Node], &[Relation]),
        only_if: &[(u32, bool)],
    ) -> Result<(), Fault> {
        if let ([low, middle, high], [first, second]) = (sides, relations)
            && !low.varies
            && !high.varies
            && middle.varies
            && let Some((low, high)) = ends(*first, *second, low, high)
        {
            // One row with two bounds, where the middle needs no helping column.
            let (low, high) = (scope.number(low)?, scope.number(high)?);
            if let Some(sum) = self.plain(scope, middle)? {
                return self.between(sum, (low, high), only_if, &node.at);
            }
        }
        for (pair, relation) in sides.windows(2).zip(relations) {
            self.pair(scope, (node, &pair[0], &pair[1]), *relation, only_if)?;
        }
        Ok(())
    }

    /// An expression that is affine as it stands, or nothing.
    fn plain(&mut self, scope: &mut Scope<'a>, node: &Node) -> Result<Option<Affine>, Fault> {
        let before = (self.columns.len(), self.rows.len(), self.cones.len(), self.rules.len(), self.given);
        let mut total = Total::default();
        let added = self.add(scope, node, 1.0, Need::Exact, &mut total);
        let same = before == (self.columns.len(), self.rows.len(), self.cones.len(), self.rules.len(), self.given);
        if added.is_ok() && same && total.is_affine() {
            total.merge();
            return Ok(Some(total.affine));
        }
        self.columns.truncate(before.0);
        self.rows.truncate(before.1);
        self.cones.truncate(before.2);
        self.rules.truncate(before.3);
        self.given = before.4;
        Ok(None)
    }

    fn pair(
        &mut self,
        scope: &mut Scope<'a>,
        (node, left, right): (&Node, &Node, &Node),
        relation: Relation,
        only_if: &[(u32, bool)],
    ) -> Result<(), Fault> {
        // What varies stands on the left, so that a dual is that of the side without variables.
        let (left, right, relation) = if left.varies { (left, right, relation) } else { (right, left, relation.turned()) };
        let need = match relation {
            Relation::Less | Relation::AtMost => Need::Above,
            Relation::More | Relation::AtLeast => Need::Below,
            Relation::Equal => Need::Exact,
            Relation::Differs => return self.differs(scope, (node, left, right), only_if),
        };
        let mut total = Total::default();
        self.add(scope, left, 1.0, need, &mut total)?;
        self.add(scope, right, -1.0, need, &mut total)?;
        total.merge();
        if !total.is_affine() {
            if need == Need::Exact {
                let words = self.words(&node.at);
                let detail =
                    format!("`{words}` sets something curved equal; a convex model has equations of affine expressions only");
                return Err(Fault::new(&node.at, detail));
            }
            return self.quadratic_row(total, need, &node.at);
        }
        let sum = total.affine;
        let bounds = match relation {
            Relation::AtMost => (f64::NEG_INFINITY, 0.0),
            Relation::AtLeast => (0.0, f64::INFINITY),
            Relation::Equal => (0.0, 0.0),
            Relation::Less | Relation::More | Relation::Differs => {
                let step = self.strict(&sum, relation, &node.at)?;
                if relation == Relation::Less { (f64::NEG_INFINITY, -step) } else { (step, f64::INFINITY) }
            }
        };
        self.between(sum, bounds, only_if, &node.at)
    }

    /// By how much whole numbers differ at least where one is less than the other.
    fn strict(&self, sum: &Affine, relation: Relation, at: &Range<usize>) -> Result<f64, Fault> {
        if self.is_whole(sum) {
            return Ok(1.0);
        }
        let (sign, words) = (relation.sign(), self.words(at));
        let detail = format!("`{sign}` in `{words}` has a meaning between whole numbers only; write `{sign}=`");
        Err(Fault::new(at, detail))
    }

    /// `a != b`: less or more.
    fn differs(
        &mut self,
        scope: &mut Scope<'a>,
        (node, left, right): (&Node, &Node, &Node),
        only_if: &[(u32, bool)],
    ) -> Result<(), Fault> {
        self.needs_choices(node)?;
        let mut total = Total::default();
        self.add(scope, left, 1.0, Need::Exact, &mut total)?;
        self.add(scope, right, -1.0, Need::Exact, &mut total)?;
        total.merge();
        let sum = total.affine;
        self.strict(&sum, Relation::Less, &node.at)?;
        let less = self.binary(&node.at)?;
        let with = |value: bool| only_if.iter().copied().chain([(less, value)]).collect::<Vec<_>>();
        self.between(sum.clone(), (f64::NEG_INFINITY, -1.0), &with(true), &node.at)?;
        self.between(sum, (1.0, f64::INFINITY), &with(false), &node.at)
    }

    /// `lower <= sum <= upper`, where all `only_if` have their values: natively in a CP program, else by how far the sum can be off.
    pub(super) fn between(
        &mut self,
        sum: Affine,
        (lower, upper): (f64, f64),
        only_if: &[(u32, bool)],
        at: &Range<usize>,
    ) -> Result<(), Fault> {
        if only_if.is_empty() || self.class == Class::Cp {
            if sum.terms.is_empty() && lower <= sum.constant && sum.constant <= upper {
                return Ok(());
            }
            return self.row(sum, (lower, upper), only_if.to_vec(), at);
        }
        let (least, most) = self.range(&sum);
        if upper.is_finite() && most > upper {
            self.relaxed(sum.clone(), upper, most, only_if, at)?;
        }
        if lower.is_finite() && least < lower {
            self.relaxed(times(sum, -1.0), -lower, -least, only_if, at)?;
        }
        Ok(())
    }

    /// `sum <= upper` where all `only_if` have their values, and `sum <= most` where not.
    fn relaxed(
        &mut self,
        mut sum: Affine,
        upper: f64,
        most: f64,
        only_if: &[(u32, bool)],
        at: &Range<usize>,
    ) -> Result<(), Fault> {
        if !most.is_finite() {
            let (name, words) = (self.unbounded(&sum), self.words(at));
            let detail = format!(
                "`{words}` holds under a condition, which is linear only within bounds; give `{name}` both `lb` and `ub`"
            );
            return Err(Fault::new(at, detail));
        }
        let slack = most - upper;
        let mut limit = upper;
        for (column, value) in only_if {
            // Where the column has its value this adds nothing, else the slack.
            if *value {
                sum.terms.push((*column, slack));
                limit += slack;
            } else {
                sum.terms.push((*column, -slack));
            }
        }
        super::affine::merge(&mut sum);
        self.row(sum, (f64::NEG_INFINITY, limit), Vec::new(), at)
    }
}

/// The lower and the upper end of `low r middle r high`, where both relations go the same way and neither is strict.
fn ends<'n>(first: Relation, second: Relation, low: &'n Node, high: &'n Node) -> Option<(&'n Node, &'n Node)> {
    match (first, second) {
        (Relation::AtMost, Relation::AtMost) => Some((low, high)),
        (Relation::AtLeast, Relation::AtLeast) => Some((high, low)),
        _ => None,
    }
}
