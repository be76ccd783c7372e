//! Looks up every name of an expression.

use super::error::Fault;
use super::function::Function;
use super::members::{Member, Set};
use super::names::did_you_mean;
use super::node::{Items, Node, NodeKind, Over};
use super::parts::{Parts, Thing};
use super::syntax::{Binder, BinderSet, Form, Syntax};
use crate::limits::MODEL_ENTRIES_MAX;
use std::ops::Range;

mod call;
mod index;
mod letters;

/// Looks up names within one expression.
pub(super) struct Resolver<'a> {
    pub(super) parts: &'a mut Parts,
    /// The indices that are bound here, the innermost last: name and slot.
    pub(super) bound: Vec<(String, usize)>,
    /// The set that each slot runs over; `None` for a part of a tuple.
    pub(super) slots: Vec<Option<usize>>,
}

impl<'a> Resolver<'a> {
    pub(super) fn new(parts: &'a mut Parts) -> Self {
        Self { parts, bound: Vec::new(), slots: Vec::new() }
    }

    pub(super) fn slot(&mut self, set: Option<usize>) -> usize {
        self.slots.push(set);
        self.slots.len() - 1
    }

    fn bound_slot(&self, name: &str) -> Option<usize> {
        self.bound.iter().rev().find(|(bound, _)| bound == name).map(|(_, slot)| *slot)
    }

    /// Binds indices; whoever calls cuts `bound` back to what it was.
    pub(super) fn bind(&mut self, binders: &[Binder]) -> Result<Vec<Over>, Fault> {
        let mut found = Vec::new();
        for binder in binders {
            let set = self.binder_set(binder)?;
            let arity = self.parts.sets[set].arity;
            for (name, at) in &binder.names {
                if self.parts.names.contains_key(name) {
                    return Err(Fault::new(at, format!("`{name}` is a name of the model already; give the index another")));
                }
            }
            let count = binder.names.len();
            let before = found.len();
            if count == arity && arity > 1 {
                let slots = binder.names.iter().map(|_| self.slot(None)).collect::<Vec<_>>();
                self.bound.extend(binder.names.iter().map(|(name, _)| name.clone()).zip(slots.iter().copied()));
                found.push(Over { slots, set, filter: None });
            } else if arity == 1 || count == 1 {
                for (name, _) in &binder.names {
                    let slot = self.slot(Some(set));
                    self.bound.push((name.clone(), slot));
                    found.push(Over { slots: vec![slot], set, filter: None });
                }
            } else {
                let detail = format!("the members of this set have {arity} parts, and {count} indices stand for them");
                return Err(Fault::new(&binder.set_at, detail));
            }
            if let Some(filter) = &binder.filter {
                let node = self.condition(filter)?;
                if found.len() > before
                    && let Some(last) = found.last_mut()
                {
                    last.filter = Some(node);
                }
            }
        }
        Ok(found)
    }

    fn binder_set(&mut self, binder: &Binder) -> Result<usize, Fault> {
        match &binder.set {
            BinderSet::Name(name) => self.set_named(name, &binder.set_at),
            BinderSet::Range(from, to) => {
                let length = usize::try_from(to.saturating_sub(*from).saturating_add(1)).unwrap_or(0);
                if length == 0 {
                    return Err(Fault::new(&binder.set_at, format!("the range {from}..{to} is empty")));
                }
                let name = format!("{from}..{to}");
                if let Some(known) = self.parts.sets.iter().position(|set| set.name == name) {
                    return Ok(known);
                }
                let all: usize = self.parts.sets.iter().map(Set::len).sum();
                if length > MODEL_ENTRIES_MAX.saturating_sub(all) {
                    return Err(Fault::new(
                        &binder.set_at,
                        format!("the range has {length} numbers, and all sets together at most {MODEL_ENTRIES_MAX} members"),
                    ));
                }
                let members = (*from..=*to).map(|value| self.parts.members.intern(Member::Whole(value))).collect();
                self.parts.sets.push(Set::new(name, members, 1));
                Ok(self.parts.sets.len() - 1)
            }
        }
    }

    fn set_named(&mut self, name: &str, at: &Range<usize>) -> Result<usize, Fault> {
        match self.parts.names.get(name) {
            Some(Thing::Set(set)) => Ok(*set),
            Some(_) => Err(Fault::new(at, format!("`{name}` is not a set"))),
            None => match self.family(name, true) {
                // `i in x` runs over the family `x_btc`, `x_eth`.
                Some(family) => Ok(self.parts.families[family].set),
                None => {
                    let sets = self.parts.names.iter().filter(|(_, thing)| matches!(thing, Thing::Set(_)));
                    let hint = did_you_mean(name, sets.map(|(name, _)| name.as_str()));
                    Err(Fault::new(at, format!("there is no set `{name}`{hint}")))
                }
            },
        }
    }

    /// Something that is a number.
    pub(super) fn number(&mut self, syntax: &Syntax) -> Result<Node, Fault> {
        let node = self.node(syntax)?;
        if node.is_statement() {
            return Err(Fault::new(&node.at, "found a comparison where a number would be right"));
        }
        Ok(node)
    }

    /// Something that holds or doesn't. A variable that is 0 or 1 holds where it is 1.
    pub(super) fn statement(&mut self, syntax: &Syntax) -> Result<Node, Fault> {
        let node = self.node(syntax)?;
        if node.is_statement() || matches!(node.kind, NodeKind::Var(_)) {
            return Ok(node);
        }
        Err(Fault::new(&node.at, "found a number where a comparison with `<=`, `==` or `>=` would be right"))
    }

    /// Something that holds or doesn't, whatever the variables are.
    pub(super) fn condition(&mut self, syntax: &Syntax) -> Result<Node, Fault> {
        let node = self.statement(syntax)?;
        if node.varies {
            let detail =
                "a condition on indices can't depend on a variable; what depends on one is an implication, `if … then …` or `=>`";
            return Err(Fault::new(&node.at, detail));
        }
        Ok(node)
    }

    fn statements(&mut self, parts: &[Syntax]) -> Result<Vec<Node>, Fault> {
        parts.iter().map(|part| self.statement(part)).collect()
    }

    pub(super) fn node(&mut self, syntax: &Syntax) -> Result<Node, Fault> {
        let at = &syntax.at;
        let kind = match &syntax.kind {
            Form::Number(value) => NodeKind::Number(*value),
            Form::Name(name) => return self.named(name, at),
            Form::At(name, index) => return self.indexed(name, index, at),
            Form::Sum(terms) => {
                let terms = terms.iter().map(|(minus, term)| Ok((*minus, self.number(term)?))).collect::<Result<_, Fault>>()?;
                NodeKind::Sum(terms)
            }
            Form::Product(factors) => {
                let (mut times, mut over) = (Vec::new(), Vec::new());
                for (divides, factor) in factors {
                    let node = self.number(factor)?;
                    if *divides { over.push(node) } else { times.push(node) }
                }
                NodeKind::Product { times, over }
            }
            Form::Power(base, exponent) => NodeKind::Power(Box::new(self.number(base)?), Box::new(self.number(exponent)?)),
            Form::Call { name, over, of } => return self.call(name, over, of, at),
            Form::Compare(sides, relations) => return self.compare(sides, relations, at),
            Form::Among(member, set) => {
                let set = self.set_named(set, at)?;
                NodeKind::Among(self.chosen(member, Some(set))?, set)
            }
            Form::Not(inner) => NodeKind::Not(Box::new(self.statement(inner)?)),
            Form::And(parts) => NodeKind::And(self.statements(parts)?),
            Form::Or(parts) => NodeKind::Or(self.statements(parts)?),
            Form::Implies(when, then) => NodeKind::Implies(Box::new(self.statement(when)?), Box::new(self.statement(then)?)),
            Form::Same(a, b) => NodeKind::Same(Box::new(self.statement(a)?), Box::new(self.statement(b)?)),
            Form::If(when, then, other) => return self.choice(when, then, other.as_deref(), at),
            Form::Text(text) => {
                return Err(Fault::new(at, format!("the text \"{text}\" is not a number; a text can only be an index")));
            }
            Form::Tuple(_) => return Err(Fault::new(at, "several values in brackets can only be an index")),
            Form::List(_) => return Err(Fault::new(at, "a list in `[…]` can only be a point of `piecewise`")),
        };
        Ok(Node::new(kind, at))
    }

    fn choice(&mut self, when: &Syntax, then: &Syntax, other: Option<&Syntax>, at: &Range<usize>) -> Result<Node, Fault> {
        let when = self.statement(when)?;
        let then = self.node(then)?;
        let other = other.map(|other| self.node(other)).transpose()?;
        if then.is_statement() {
            if other.as_ref().is_some_and(|other| !other.is_statement()) {
                return Err(Fault::new(at, "`then` states something and `else` is a number; both must be of one kind"));
            }
            let mut parts = vec![Node::new(NodeKind::Implies(Box::new(when.clone()), Box::new(then)), at)];
            if let Some(other) = other {
                let not = Node::new(NodeKind::Not(Box::new(when)), at);
                parts.push(Node::new(NodeKind::Implies(Box::new(not), Box::new(other)), at));
            }
            return Ok(Node::new(NodeKind::And(parts), at));
        }
        let Some(other) = other.filter(|other| !other.is_statement()) else {
            return Err(Fault::new(at, "a number under a condition needs `else` and another number"));
        };
        if when.varies {
            let detail =
                "which of two numbers it is can't depend on a variable; state it with implications and a variable of its own";
            return Err(Fault::new(&when.at, detail));
        }
        Ok(Node::new(NodeKind::Choose(Box::new(when), Box::new(then), Box::new(other)), at))
    }

    fn call(&mut self, name: &str, over: &[Binder], of: &[Syntax], at: &Range<usize>) -> Result<Node, Fault> {
        let Some(function) = Function::named(name) else {
            let hint = did_you_mean(name, Function::ALL.iter().map(|(name, _)| *name));
            let detail = match self.parts.names.contains_key(name) {
                true => format!("`{name}` is not a function; an index stands in `[…]`, and a product has a `*`"),
                false => format!("there is no function `{name}`{hint}"),
            };
            return Err(Fault::new(at, detail));
        };
        let (bound, _) = (self.bound.len(), ());
        let found = self.function(function, over, of, at);
        self.bound.truncate(bound);
        found
    }

    /// Bodies without indices of their own.
    fn alone(&mut self, of: &[Syntax]) -> Result<Vec<Items>, Fault> {
        of.iter().map(|body| Ok(Items { over: Vec::new(), of: vec![self.number(body)?] })).collect()
    }
}
