//! `abs`, `min`, `max` and `norm_inf`.

use super::affine::{column, plus, times};
use super::function::{Call, Curvature};
use super::{Builder, Need};
use crate::modelling::error::Fault;
use crate::modelling::function::Function;
use crate::modelling::node::Node;
use crate::modelling::scope::Scope;
use crate::solver::program::{Affine, Class, RuleKind};
use std::ops::Range;

impl<'a> Builder<'a> {
    pub(super) fn absolute(&mut self, scope: &mut Scope<'a>, node: &Node, argument: &Node, need: Need) -> Result<Affine, Fault> {
        if !argument.varies {
            return Ok(super::affine::constant(scope.number(argument)?.abs()));
        }
        let sum = self.affine(scope, argument, Need::Exact)?;
        let (lower, upper) = self.range(&sum);
        // Where its sign is known it is the argument itself.
        if lower >= 0.0 {
            return Ok(sum);
        }
        if upper <= 0.0 {
            return Ok(times(sum, -1.0));
        }
        let opposite = times(sum.clone(), -1.0);
        self.largest(node, vec![sum, opposite], need, Curvature::Convex)
    }

    pub(super) fn extreme(
        &mut self,
        scope: &mut Scope<'a>,
        (node, function, items): Call<'_>,
        need: Need,
    ) -> Result<Affine, Fault> {
        match function {
            Function::Max => {
                let sums = self.sums(scope, items, if need == Need::Above { need } else { Need::Exact })?;
                self.largest(node, sums, need, Curvature::Convex)
            }
            Function::Min => {
                // The smallest is what the largest of the opposites is the opposite of.
                let sums = self.sums(scope, items, if need == Need::Below { need } else { Need::Exact })?;
                let opposites = sums.into_iter().map(|sum| times(sum, -1.0)).collect();
                Ok(times(self.largest(node, opposites, need.turned(), Curvature::Concave)?, -1.0))
            }
            _ => {
                let sums = self.sums(scope, items, Need::Exact)?;
                let opposites: Vec<Affine> = sums.iter().map(|sum| times(sum.clone(), -1.0)).collect();
                self.largest(node, sums.into_iter().chain(opposites).collect(), need, Curvature::Convex)
            }
        }
    }

    /// The largest of several sums; `bends` is how what the caller wrote bends, for a message.
    fn largest(&mut self, node: &Node, sums: Vec<Affine>, need: Need, bends: Curvature) -> Result<Affine, Fault> {
        let at = &node.at;
        if sums.is_empty() {
            return Err(Fault::new(at, "the largest or smallest of nothing: no index passes the condition"));
        }
        if sums.len() == 1 || sums.windows(2).all(|pair| pair[0] == pair[1]) {
            return Ok(sums[0].clone());
        }
        let ranges: Vec<(f64, f64)> = sums.iter().map(|sum| self.range(sum)).collect();
        let lower = ranges.iter().map(|range| range.0).fold(f64::NEG_INFINITY, f64::max);
        let upper = ranges.iter().map(|range| range.1).fold(f64::NEG_INFINITY, f64::max);
        let whole = sums.iter().all(|sum| self.is_whole(sum));
        if self.class == Class::Cp {
            for sum in &sums {
                self.must_be_whole(sum, at)?;
            }
            let target = self.auxiliary((lower, upper), true, at)?;
            self.rule(RuleKind::MaxOf { target: column(target, 1.0), of: sums }, at)?;
            return Ok(column(target, 1.0));
        }
        if need != Need::Above && self.class != Class::Mip {
            let need = if bends == Curvature::Concave { need.turned() } else { need };
            self.must_bend(node, bends, need)?;
        }
        let target = self.auxiliary((lower, upper), whole && self.class == Class::Mip && need != Need::Above, at)?;
        let largest = column(target, 1.0);
        for sum in &sums {
            self.row(plus(sum.clone(), &largest, -1.0), (f64::NEG_INFINITY, 0.0), Vec::new(), at)?;
        }
        if need != Need::Above {
            self.reached(&largest, &sums, (upper, &ranges), at)?;
        }
        Ok(largest)
    }

    /// `target` is no more than one of the sums, by a binary column for each.
    fn reached(
        &mut self,
        target: &Affine,
        sums: &[Affine],
        (upper, ranges): (f64, &[(f64, f64)]),
        at: &Range<usize>,
    ) -> Result<(), Fault> {
        let mut one = Affine::default();
        for (sum, range) in sums.iter().zip(ranges) {
            let slack = upper - range.0;
            if !slack.is_finite() {
                let words = self.words(at);
                let open = sums.iter().map(|sum| self.unbounded(sum)).find(|name| !name.is_empty()).unwrap_or_default();
                let detail = format!(
                    "`{words}` bends the wrong way here, and takes binary variables and bounds; give `{open}` both `lb` and `ub`"
                );
                return Err(Fault::new(at, detail));
            }
            let chosen = self.binary(at)?;
            one.terms.push((chosen, 1.0));
            let apart = plus(target.clone(), sum, -1.0);
            self.row(plus(apart, &column(chosen, slack), 1.0), (f64::NEG_INFINITY, slack), Vec::new(), at)?;
        }
        self.row(one, (1.0, 1.0), Vec::new(), at)
    }
}
