//! Which function becomes what.

use super::affine::{Total, put};
use super::{Builder, Need};
use crate::modelling::error::Fault;
use crate::modelling::function::Function;
use crate::modelling::node::{Items, Node};
use crate::modelling::scope::Scope;
use crate::solver::program::{Affine, Class};

/// A call: all of it, its function, its arguments.
pub(super) type Call<'n> = (&'n Node, Function, &'n [Items]);

/// How a function bends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Curvature {
    Convex,
    Concave,
}

impl Curvature {
    const fn suits(self, need: Need) -> bool {
        matches!((self, need), (Self::Convex, Need::Above) | (Self::Concave, Need::Below))
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Convex => "convex",
            Self::Concave => "concave",
        }
    }
}

impl<'a> Builder<'a> {
    /// Adds `scale` times a call to a sum.
    pub(super) fn function(
        &mut self,
        scope: &mut Scope<'a>,
        call: Call<'_>,
        scale: f64,
        need: Need,
        into: &mut Total,
    ) -> Result<(), Fault> {
        let (node, function, items) = call;
        let inner = need.times(scale);
        let value = match function {
            Function::Square => {
                let [argument] = self.arguments(items);
                return self.square(scope, (node, argument), scale, need, into);
            }
            Function::SumSquares => {
                return scope.each_item(items, &mut |scope, of| self.square(scope, (node, &of[0]), scale, need, into));
            }
            Function::Norm1 => {
                return scope.each_item(items, &mut |scope, of| {
                    let value = self.absolute(scope, node, &of[0], inner)?;
                    put(into, &value, scale);
                    Ok(())
                });
            }
            Function::Pow => {
                let [base, exponent] = self.arguments(items);
                return self.power(scope, (node, base, exponent), scale, need, into);
            }
            Function::Abs => {
                let [argument] = self.arguments(items);
                self.absolute(scope, node, argument, inner)?
            }
            Function::Max | Function::Min | Function::NormInf => self.extreme(scope, call, inner)?,
            Function::Norm | Function::Exp | Function::Log | Function::Sqrt | Function::InvPos => {
                self.cone_function(scope, call, inner)?
            }
            Function::Entropy | Function::LogSumExp | Function::GeoMean => self.cone_function(scope, call, inner)?,
            _ => return Err(Fault::new(&node.at, format!("`{}` says what must hold and is no number", function.name()))),
        };
        put(into, &value, scale);
        Ok(())
    }

    /// The arguments of a function that takes so many and no index.
    #[expect(clippy::unused_self, reason = "it reads as the others do")]
    pub(super) fn arguments<'n, const N: usize>(&self, items: &'n [Items]) -> [&'n Node; N] {
        std::array::from_fn(|place| &items[place].of[0])
    }

    /// Whether a curved expression may stand here; the error names it, what it is and what would be right.
    pub(super) fn must_bend(&self, node: &Node, curvature: Curvature, need: Need) -> Result<(), Fault> {
        if curvature.suits(need) {
            return Ok(());
        }
        let words = self.words(&node.at);
        let (is, wants) = (curvature.name(), need.wants());
        let instead = match self.class {
            Class::Lp => "; where it can't be stated otherwise, `mip` has it by binary variables",
            Class::Convex => "; the model is not convex by the rules of disciplined convex programming",
            Class::Mip | Class::Cp => "",
        };
        Err(Fault::new(&node.at, format!("`{words}` is {is}, and {wants} is needed here{instead}")))
    }

    /// What only a convex model has.
    pub(super) fn must_be_convex_class(&self, node: &Node) -> Result<(), Fault> {
        if self.class == Class::Convex { Ok(()) } else { Err(self.only(node, "`convex`")) }
    }

    /// All arguments as sums.
    pub(super) fn sums(&mut self, scope: &mut Scope<'a>, items: &[Items], need: Need) -> Result<Vec<Affine>, Fault> {
        let mut found = Vec::new();
        scope.each_item(items, &mut |scope, of| {
            found.push(self.affine(scope, &of[0], need)?);
            Ok(())
        })?;
        Ok(found)
    }
}
