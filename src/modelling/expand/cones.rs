//! Functions that become cones (Grant, *Disciplined Convex Programming*, 2004, chapter 4; MOSEK Modeling Cookbook 3.3, chapters 3 to 5).

use super::affine::{Total, column, constant, plus, put, times};
use super::function::{Call, Curvature};
use super::{Builder, Need};
use crate::modelling::error::Fault;
use crate::modelling::function::Function;
use crate::modelling::node::{Node, NodeKind};
use crate::modelling::scope::{Scope, real_power};
use crate::solver::program::{Affine, ConeKind};
use std::ops::Range;

const FREE: (f64, f64) = (f64::NEG_INFINITY, f64::INFINITY);

/// Whether an expression can't be negative because of what it is.
pub(super) fn never_negative(node: &Node) -> bool {
    match &node.kind {
        NodeKind::Call(function, _) => matches!(
            function,
            Function::Abs
                | Function::Norm
                | Function::Norm1
                | Function::NormInf
                | Function::Square
                | Function::SumSquares
                | Function::Exp
        ),
        _ => false,
    }
}

impl<'a> Builder<'a> {
    pub(super) fn cone_function(&mut self, scope: &mut Scope<'a>, call: Call<'_>, need: Need) -> Result<Affine, Fault> {
        let (node, function, items) = call;
        let at = &node.at;
        self.must_be_convex_class(node)?;
        let (curvature, inner) = match function {
            // It grows with its arguments where they are never negative.
            Function::Norm if items.iter().flat_map(|items| &items.of).all(never_negative) => (Curvature::Convex, Need::Above),
            Function::Norm => (Curvature::Convex, Need::Exact),
            Function::Exp | Function::LogSumExp => (Curvature::Convex, Need::Above),
            // It falls as its argument grows.
            Function::InvPos => (Curvature::Convex, Need::Below),
            Function::Entropy => (Curvature::Concave, Need::Exact),
            _ => (Curvature::Concave, Need::Below),
        };
        self.must_bend(node, curvature, need)?;
        let sums = self.sums(scope, items, inner)?;
        let Some(first) = sums.first().cloned() else {
            return Err(Fault::new(at, format!("`{}` of nothing: no index passes the condition", function.name())));
        };
        let bound = column(self.auxiliary(FREE, false, at)?, 1.0);
        match function {
            Function::Norm => self.cone(ConeKind::SecondOrder, std::iter::once(bound.clone()).chain(sums).collect(), at)?,
            Function::Exp => self.cone(ConeKind::Exponential, vec![first, constant(1.0), bound.clone()], at)?,
            Function::Log => self.cone(ConeKind::Exponential, vec![bound.clone(), constant(1.0), first], at)?,
            Function::Entropy => self.cone(ConeKind::Exponential, vec![bound.clone(), first, constant(1.0)], at)?,
            Function::Sqrt => self.squares_within(vec![bound.clone()], first, at)?,
            Function::InvPos => {
                // bound * first >= 1, both at least 0
                let (sum, apart) = (plus(bound.clone(), &first, 1.0), plus(bound.clone(), &first, -1.0));
                self.cone(ConeKind::SecondOrder, vec![sum, constant(2.0), apart], at)?;
            }
            Function::LogSumExp => self.log_sum_exp(&bound, sums, at)?,
            _ => self.geo_mean(&bound, sums, at)?,
        }
        Ok(bound)
    }

    /// The exponentials of what each argument is past the bound add up to 1 at most.
    fn log_sum_exp(&mut self, bound: &Affine, sums: Vec<Affine>, at: &Range<usize>) -> Result<(), Fault> {
        let mut all = Affine::default();
        for sum in sums {
            let part = self.auxiliary((0.0, f64::INFINITY), false, at)?;
            all.terms.push((part, 1.0));
            let past = plus(sum, bound, -1.0);
            self.cone(ConeKind::Exponential, vec![past, constant(1.0), column(part, 1.0)], at)?;
        }
        self.row(all, (f64::NEG_INFINITY, 1.0), Vec::new(), at)
    }

    /// The mean of the first `k` from that of the first `k - 1`, by a power cone each.
    fn geo_mean(&mut self, bound: &Affine, sums: Vec<Affine>, at: &Range<usize>) -> Result<(), Fault> {
        let count = sums.len();
        let mut mean = Affine::default();
        for (place, sum) in sums.into_iter().enumerate() {
            if place == 0 {
                if count == 1 {
                    let apart = plus(sum, bound, -1.0);
                    return self.row(apart, (0.0, f64::INFINITY), Vec::new(), at);
                }
                mean = sum;
                continue;
            }
            let next =
                if place + 1 == count { bound.clone() } else { column(self.auxiliary((0.0, f64::INFINITY), false, at)?, 1.0) };
            #[expect(clippy::cast_precision_loss, reason = "there are fewer than 2^52 of them")]
            let part = place as f64 / (place + 1) as f64;
            self.cone(ConeKind::Power(part), vec![mean, sum, next.clone()], at)?;
            mean = next;
        }
        Ok(())
    }

    /// Adds `scale * base ^ exponent`.
    pub(super) fn power(
        &mut self,
        scope: &mut Scope<'a>,
        (node, base, exponent): (&Node, &Node, &Node),
        scale: f64,
        need: Need,
        into: &mut Total,
    ) -> Result<(), Fault> {
        if exponent.varies {
            let words = self.words(&exponent.at);
            return Err(Fault::new(&exponent.at, format!("the exponent `{words}` depends on a variable; `exp(…)` has base e")));
        }
        let p = scope.number(exponent)?;
        if !base.varies {
            into.affine.constant += scale * real_power(scope.number(base)?, p, &node.at)?;
            return Ok(());
        }
        if p == 1.0 {
            return self.add(scope, base, scale, need, into);
        }
        if p == 0.0 {
            into.affine.constant += scale;
            return Ok(());
        }
        if p == 2.0 {
            return self.square(scope, (node, base), scale, need, into);
        }
        if self.class != crate::solver::program::Class::Convex && p.fract() == 0.0 && (2.0..=8.0).contains(&p) {
            let sum = self.affine(scope, base, Need::Exact)?;
            let mut product = sum.clone();
            let mut left = p;
            while left > 1.0 {
                product = self.times(&product, &sum, node)?;
                left -= 1.0;
            }
            put(into, &product, scale);
            return Ok(());
        }
        self.must_be_convex_class(node)?;
        let value = self.power_cone(scope, (node, base), p, need.times(scale))?;
        put(into, &value, scale);
        Ok(())
    }

    fn power_cone(&mut self, scope: &mut Scope<'a>, (node, base): (&Node, &Node), p: f64, need: Need) -> Result<Affine, Fault> {
        let at = &node.at;
        let curvature = if (0.0..1.0).contains(&p) { Curvature::Concave } else { Curvature::Convex };
        self.must_bend(node, curvature, need)?;
        let even = p > 0.0 && p % 2.0 == 0.0;
        let inner = match p {
            _ if even => Need::Exact,
            p if p > 1.0 => Need::Above,
            _ => Need::Below,
        };
        let mut sum = self.affine(scope, base, if p > 1.0 && !even && !never_negative(base) { Need::Exact } else { inner })?;
        if p > 1.0 && !even && self.range(&sum).0 < 0.0 {
            let words = self.words(&base.at);
            let detail = format!(
                "a power of {p} is convex only of what is never negative; give the variables in `{words}` bounds that say so"
            );
            return Err(Fault::new(&base.at, detail));
        }
        let bound = column(self.auxiliary(FREE, false, at)?, 1.0);
        let (kind, members) = if (0.0..1.0).contains(&p) {
            (ConeKind::Power(p), vec![sum, constant(1.0), bound.clone()])
        } else if p > 1.0 {
            (ConeKind::Power(1.0 / p), vec![bound.clone(), constant(1.0), sum])
        } else {
            sum = times(sum, 1.0);
            (ConeKind::Power(1.0 / (1.0 - p)), vec![bound.clone(), sum, constant(1.0)])
        };
        self.cone(kind, members, at)?;
        Ok(bound)
    }
}
