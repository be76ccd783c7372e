//! Rules that only a CP program has, and the semidefinite cone.

use super::function::Call;
use super::{Builder, Need};
use crate::modelling::error::Fault;
use crate::modelling::function::Function;
use crate::modelling::node::{Items, Node};
use crate::modelling::scope::Scope;
use crate::solver::program::{Affine, Class, ConeKind, Interval, RuleKind};

impl<'a> Builder<'a> {
    pub(super) fn rule_of(
        &mut self,
        scope: &mut Scope<'a>,
        call: Call<'_>,
        truth: bool,
        only_if: &[(u32, bool)],
    ) -> Result<(), Fault> {
        let (node, function, items) = call;
        if matches!(function, Function::AnyOf | Function::AllOf | Function::AtMostOne | Function::ExactlyOne) {
            return self.counted(scope, call, truth, only_if);
        }
        if !truth || !only_if.is_empty() {
            let words = self.words(&node.at);
            return Err(Fault::new(
                &node.at,
                format!("`{words}` can only be stated as it is, not under a condition and not negated"),
            ));
        }
        if function == Function::Semidefinite {
            self.must_be_convex_class(node)?;
            return self.semidefinite(scope, node, items);
        }
        if self.class != Class::Cp {
            return Err(self.only(node, "`cp`"));
        }
        let kind = match function {
            Function::AllDifferent => {
                let sums = self.sums(scope, items, Need::Exact)?;
                for sum in &sums {
                    self.must_be_whole(sum, &node.at)?;
                }
                RuleKind::AllDifferent(sums)
            }
            Function::NoOverlap => {
                let (intervals, _) = self.intervals(scope, items, true)?;
                RuleKind::NoOverlap(intervals)
            }
            _ => {
                let (jobs, capacity) = items.split_at(1);
                let (intervals, demands) = self.intervals(scope, jobs, false)?;
                let capacity = self.whole(scope, &capacity[0].of[0])?;
                RuleKind::Cumulative { intervals, demands, capacity }
            }
        };
        self.rule(kind, &node.at)
    }

    fn whole(&mut self, scope: &mut Scope<'a>, node: &Node) -> Result<Affine, Fault> {
        let sum = self.affine(scope, node, Need::Exact)?;
        self.must_be_whole(&sum, &node.at)?;
        Ok(sum)
    }

    /// Intervals, with what stands third of each: a column that says whether it is there, or a demand.
    fn intervals(
        &mut self,
        scope: &mut Scope<'a>,
        items: &[Items],
        presence: bool,
    ) -> Result<(Vec<Interval>, Vec<Affine>), Fault> {
        let (mut found, mut thirds) = (Vec::new(), Vec::new());
        scope.each_item(items, &mut |scope, of| {
            let start = self.whole(scope, &of[0])?;
            let length = self.whole(scope, &of[1])?;
            if self.range(&length).0 < 0.0 {
                return Err(Fault::new(&of[1].at, "a length can't be negative; give it a lower bound of 0"));
            }
            let third = of.get(2).map(|node| self.whole(scope, node)).transpose()?;
            let mut present = None;
            if let Some(sum) = third {
                match (presence, &sum.terms[..]) {
                    (false, _) => thirds.push(sum),
                    (true, [(column, 1.0)]) if sum.constant == 0.0 && self.columns[*column as usize].upper <= 1.0 => {
                        present = Some(*column)
                    }
                    (true, []) if sum.constant == 1.0 => {}
                    (true, []) if sum.constant == 0.0 => return Ok(()),
                    (true, _) => return Err(Fault::new(&of[2].at, "whether an interval is there is a binary variable")),
                }
            }
            found.push(Interval { start, length, present });
            Ok(())
        })?;
        Ok((found, thirds))
    }

    /// The upper triangle, column by column; what stands below must be the same.
    fn semidefinite(&mut self, scope: &mut Scope<'a>, node: &Node, items: &[Items]) -> Result<(), Fault> {
        let entries = self.sums(scope, items, Need::Exact)?;
        let order = entries.len().isqrt();
        let mut members = Vec::new();
        for j in 0..order {
            for i in 0..=j {
                let (above, below) = (&entries[i * order + j], &entries[j * order + i]);
                members.push(above.clone());
                if above != below {
                    // The matrix is symmetric.
                    let apart = super::affine::plus(above.clone(), below, -1.0);
                    self.row(apart, (0.0, 0.0), Vec::new(), &node.at)?;
                }
            }
        }
        self.cone(ConeKind::Semidefinite(u32::try_from(order).unwrap_or(u32::MAX)), members, &node.at)
    }
}
