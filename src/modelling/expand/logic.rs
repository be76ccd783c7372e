//! Statements: comparisons joined by and, or, not and implications.
//!
//! A statement is enforced under columns that are 0 or 1, its literals. A part that is itself such a column is used as it is; any other part of
//! an `or`, or condition of an implication, gets a binary column that enforces it (Tseitin 1968, one direction, which suffices for what must
//! hold).

use super::{Builder, Literals, Need};
use crate::modelling::error::Fault;
use crate::modelling::function::Function;
use crate::modelling::node::{Node, NodeKind};
use crate::modelling::scope::Scope;
use crate::solver::program::{Affine, Class, RuleKind};
use std::ops::Range;

impl<'a> Builder<'a> {
    /// Enforces that `node` holds, or does not where `truth` is false, where all `only_if` have their values.
    pub(super) fn state(
        &mut self,
        scope: &mut Scope<'a>,
        node: &Node,
        truth: bool,
        only_if: &[(u32, bool)],
    ) -> Result<(), Fault> {
        if !node.varies {
            let holds = scope.holds(node)? == truth;
            return if holds { Ok(()) } else { self.refuse(only_if, &node.at) };
        }
        match &node.kind {
            NodeKind::Compare(sides, relations) if truth => self.compare(scope, (node, sides, relations), only_if),
            NodeKind::Compare(sides, relations) => {
                let mut parts = Vec::new();
                for (pair, relation) in sides.windows(2).zip(relations) {
                    let kind = NodeKind::Compare(pair.to_vec(), vec![relation.negated()]);
                    parts.push(Node::new(kind, &node.at));
                }
                self.any(scope, node, &parts.iter().map(|part| (part, true)).collect::<Vec<_>>(), only_if)
            }
            NodeKind::Var(_) => {
                let column = self.truth_column(scope, node)?;
                self.literal_row(&[(column, truth)], only_if, &node.at)
            }
            NodeKind::Not(inner) => self.state(scope, inner, !truth, only_if),
            NodeKind::And(parts) | NodeKind::Or(parts) => {
                if matches!(node.kind, NodeKind::And(_)) == truth {
                    return parts.iter().try_for_each(|part| self.state(scope, part, truth, only_if));
                }
                self.any(scope, node, &parts.iter().map(|part| (part, truth)).collect::<Vec<_>>(), only_if)
            }
            NodeKind::Implies(when, then) if truth => self.implies(scope, (node, when, true), (then, true), only_if),
            NodeKind::Implies(when, then) => {
                self.state(scope, when, true, only_if)?;
                self.state(scope, then, false, only_if)
            }
            NodeKind::Same(a, b) => {
                self.implies(scope, (node, a, true), (b, truth), only_if)?;
                self.implies(scope, (node, a, false), (b, !truth), only_if)
            }
            NodeKind::Choose(when, then, other) => {
                let branch = if scope.holds(when)? { then } else { other };
                self.state(scope, branch, truth, only_if)
            }
            NodeKind::Call(function, items) if function.is_rule() => {
                self.rule_of(scope, (node, *function, items), truth, only_if)
            }
            _ => Err(Fault::new(&node.at, "found a number where a comparison would be right")),
        }
    }

    /// What can't hold, whatever the variables are: a row that no values satisfy, so that the solver and a search for conflicts see it.
    fn refuse(&mut self, only_if: &[(u32, bool)], at: &Range<usize>) -> Result<(), Fault> {
        if only_if.is_empty() {
            return self.row(Affine::default(), (1.0, f64::INFINITY), Vec::new(), at);
        }
        let opposite: Literals = only_if.iter().map(|(column, value)| (*column, !value)).collect();
        self.literal_row(&opposite, &[], at)
    }

    /// Logic needs columns that are 0 or 1.
    pub(super) fn needs_choices(&self, node: &Node) -> Result<(), Fault> {
        match self.class {
            Class::Mip | Class::Cp => Ok(()),
            Class::Lp | Class::Convex => Err(self.only(node, "`mip` or `cp`, which have choices")),
        }
    }

    fn implies(
        &mut self,
        scope: &mut Scope<'a>,
        (node, when, holds): (&Node, &Node, bool),
        (then, truth): (&Node, bool),
        only_if: &[(u32, bool)],
    ) -> Result<(), Fault> {
        if !when.varies {
            return if scope.holds(when)? == holds { self.state(scope, then, truth, only_if) } else { Ok(()) };
        }
        self.needs_choices(node)?;
        if let Some(literals) = self.literals(scope, when, holds)? {
            let all: Literals = only_if.iter().copied().chain(literals).collect();
            return self.state(scope, then, truth, &all);
        }
        // Either the condition does not hold, or what follows does.
        let follows = self.binary(&node.at)?;
        let with = |value: bool| only_if.iter().copied().chain([(follows, value)]).collect::<Literals>();
        self.state(scope, when, !holds, &with(false))?;
        self.state(scope, then, truth, &with(true))
    }

    /// Enforces that one part at least holds as it is to.
    pub(super) fn any(
        &mut self,
        scope: &mut Scope<'a>,
        node: &Node,
        parts: &[(&Node, bool)],
        only_if: &[(u32, bool)],
    ) -> Result<(), Fault> {
        let mut varying = Vec::new();
        for (part, truth) in parts {
            if part.varies {
                varying.push((*part, *truth));
            } else if scope.holds(part)? == *truth {
                return Ok(());
            }
        }
        match varying[..] {
            [] => return self.refuse(only_if, &node.at),
            [(only, truth)] => return self.state(scope, only, truth, only_if),
            _ => self.needs_choices(node)?,
        }
        let mut literals = Literals::new();
        for (part, truth) in varying {
            match self.literals(scope, part, truth)?.as_deref() {
                Some([]) => return Ok(()),
                Some([one]) => literals.push(*one),
                _ => {
                    let holds = self.binary(&part.at)?;
                    self.state(scope, part, truth, &[(holds, true)])?;
                    literals.push((holds, true));
                }
            }
        }
        self.literal_row(&literals, only_if, &node.at)
    }

    /// One at least of the literals has its value.
    pub(super) fn literal_row(
        &mut self,
        literals: &[(u32, bool)],
        only_if: &[(u32, bool)],
        at: &Range<usize>,
    ) -> Result<(), Fault> {
        if self.class == Class::Cp {
            let opposite = only_if.iter().map(|(column, value)| (*column, !value));
            let all: Literals = literals.iter().copied().chain(opposite).collect();
            return self.rule(RuleKind::AnyOf(all), at);
        }
        let opposite = only_if.iter().map(|(column, value)| (*column, !value));
        let sum = sum_of(literals.iter().copied().chain(opposite));
        self.row(sum, (1.0, f64::INFINITY), Vec::new(), at)
    }

    /// The binary columns that say whether `node` holds as `truth` says: it does exactly where all have their values. Nothing where it takes
    /// more than such columns to say.
    pub(super) fn literals(&mut self, scope: &mut Scope<'a>, node: &Node, truth: bool) -> Result<Option<Literals>, Fault> {
        match &node.kind {
            NodeKind::Var(_) => Ok(Some(vec![(self.truth_column(scope, node)?, truth)])),
            NodeKind::Not(inner) => self.literals(scope, inner, !truth),
            NodeKind::And(parts) if truth => self.all_literals(scope, parts, truth),
            NodeKind::Or(parts) if !truth => self.all_literals(scope, parts, truth),
            NodeKind::Compare(sides, relations) if relations.len() == 1 => {
                let before = (self.columns.len(), self.rows.len(), self.given);
                let sum = match self.difference(scope, &sides[0], &sides[1]) {
                    Ok(sum) if before == (self.columns.len(), self.rows.len(), self.given) => sum,
                    _ => {
                        self.columns.truncate(before.0);
                        self.rows.truncate(before.1);
                        self.given = before.2;
                        return Ok(None);
                    }
                };
                let [(column, coefficient)] = sum.terms[..] else { return Ok(None) };
                if !self.is_binary(column) {
                    return Ok(None);
                }
                let holds = |value: f64| relations[0].holds(coefficient * value + sum.constant, 0.0) == truth;
                Ok(match (holds(0.0), holds(1.0)) {
                    (false, true) => Some(vec![(column, true)]),
                    (true, false) => Some(vec![(column, false)]),
                    (true, true) => Some(Vec::new()),
                    (false, false) => None,
                })
            }
            _ => Ok(None),
        }
    }

    fn all_literals(&mut self, scope: &mut Scope<'a>, parts: &[Node], truth: bool) -> Result<Option<Literals>, Fault> {
        let mut all = Literals::new();
        for part in parts {
            if !part.varies {
                if scope.holds(part)? == truth {
                    continue;
                }
                return Ok(None);
            }
            match self.literals(scope, part, truth)? {
                Some(literals) => all.extend(literals),
                None => return Ok(None),
            }
        }
        Ok(Some(all))
    }

    fn difference(&mut self, scope: &mut Scope<'a>, left: &Node, right: &Node) -> Result<Affine, Fault> {
        let left = self.affine(scope, left, Need::Exact)?;
        let right = self.affine(scope, right, Need::Exact)?;
        Ok(super::affine::plus(left, &right, -1.0))
    }

    fn is_binary(&self, column: u32) -> bool {
        let column = &self.columns[column as usize];
        column.integer && column.lower >= 0.0 && column.upper <= 1.0
    }

    /// The column of a variable that stands as a statement: it holds where it is 1.
    fn truth_column(&mut self, scope: &mut Scope<'a>, node: &Node) -> Result<u32, Fault> {
        let NodeKind::Var(pick) = &node.kind else {
            return Err(Fault::new(&node.at, "found a number where a comparison would be right"));
        };
        let column = scope.position(pick, &node.at)?;
        if self.is_binary(column) {
            return Ok(column);
        }
        let words = self.words(&node.at);
        Err(Fault::new(
            &node.at,
            format!("`{words}` is not binary, so it neither holds nor fails; compare it, as in `{words} >= 1`"),
        ))
    }

    /// `any_of`, `all_of`, `at_most_one`, `exactly_one`.
    pub(super) fn counted(
        &mut self,
        scope: &mut Scope<'a>,
        (node, function, items): super::function::Call<'_>,
        truth: bool,
        only_if: &[(u32, bool)],
    ) -> Result<(), Fault> {
        let all = function == Function::AllOf;
        if (all && truth) || (function == Function::AnyOf && !truth) {
            return scope.each_item(items, &mut |scope, of| self.state(scope, &of[0], truth, only_if));
        }
        self.needs_choices(node)?;
        if !truth && !all {
            let words = self.words(&node.at);
            return Err(Fault::new(&node.at, format!("`not {words}` is not known here; say with a sum what is to hold instead")));
        }
        let one_way = all || function == Function::AnyOf;
        let mut literals = Literals::new();
        scope.each_item(items, &mut |scope, of| {
            let part = &of[0];
            if !part.varies {
                let holds = self.binary(&part.at)?;
                let value = f64::from(scope.holds(part)? == truth);
                (self.columns[holds as usize].lower, self.columns[holds as usize].upper) = (value, value);
                literals.push((holds, true));
                return Ok(());
            }
            match self.literals(scope, part, truth)?.as_deref() {
                Some([one]) => literals.push(*one),
                _ => {
                    let holds = self.binary(&part.at)?;
                    self.state(scope, part, truth, &[(holds, true)])?;
                    if !one_way {
                        self.state(scope, part, !truth, &[(holds, false)])?;
                    }
                    literals.push((holds, true));
                }
            }
            Ok(())
        })?;
        if one_way {
            return self.literal_row(&literals, only_if, &node.at);
        }
        let least = if function == Function::ExactlyOne { 1.0 } else { f64::NEG_INFINITY };
        if self.class == Class::Cp && only_if.is_empty() {
            let kind =
                if function == Function::ExactlyOne { RuleKind::ExactlyOne(literals) } else { RuleKind::AtMostOne(literals) };
            return self.rule(kind, &node.at);
        }
        self.between(sum_of(literals.into_iter()), (least, 1.0), only_if, &node.at)
    }
}

/// How many literals have their value, as a sum.
fn sum_of(literals: impl Iterator<Item = (u32, bool)>) -> Affine {
    let mut sum = Affine::default();
    for (column, value) in literals {
        if value {
            sum.terms.push((column, 1.0));
        } else {
            sum.terms.push((column, -1.0));
            sum.constant += 1.0;
        }
    }
    super::affine::merge(&mut sum);
    sum
}
