//! Calls of the language's functions.

use super::Resolver;
use super::letters::binds_its_own;
use crate::modelling::error::Fault;
use crate::modelling::function::Function;
use crate::modelling::node::{Items, Node, NodeKind, Over};
use crate::modelling::parts::Thing;
use crate::modelling::syntax::{Binder, Form, Syntax};
use std::ops::Range;

impl Resolver<'_> {
    pub(super) fn function(
        &mut self,
        function: Function,
        over: &[Binder],
        of: &[Syntax],
        at: &Range<usize>,
    ) -> Result<Node, Fault> {
        let name = function.name();
        if let Some(takes) = function.takes() {
            if of.len() != takes || !over.is_empty() {
                let s = if takes == 1 { "" } else { "s" };
                return Err(Fault::new(at, format!("`{name}` takes {takes} value{s} and no index; {} given", of.len())));
            }
            let items = self.alone(of)?;
            return Ok(Node::new(NodeKind::Call(function, items), at));
        }
        match function {
            Function::To => self.to(of, at),
            Function::QuadForm => self.quad_form(of, at),
            Function::Piecewise => self.piecewise(over, of, at),
            Function::AllDifferent | Function::NoOverlap | Function::Cumulative => self.schedule(function, over, of, at),
            Function::Semidefinite => self.semidefinite(over, of, at),
            Function::AnyOf | Function::AllOf | Function::AtMostOne | Function::ExactlyOne => {
                let items = self.items(function, over, of, at)?;
                Ok(Node::new(NodeKind::Call(function, items), at))
            }
            _ => {
                let items = self.items(function, over, of, at)?;
                if let Some(wrong) = items.iter().flat_map(|items| &items.of).find(|node| node.is_statement()) {
                    return Err(Fault::new(&wrong.at, format!("`{name}` takes numbers, and this is a comparison")));
                }
                Ok(Node::new(NodeKind::Call(function, items), at))
            }
        }
    }

    /// What a function is taken over: `f(i in s: a)`, `f(x)` of all of `x`, `f(x_i)`, `f(a, b)`.
    fn items(&mut self, function: Function, over: &[Binder], of: &[Syntax], at: &Range<usize>) -> Result<Vec<Items>, Fault> {
        let name = function.name();
        if !over.is_empty() {
            if of.len() != 1 {
                return Err(Fault::new(at, format!("`{name}` over an index takes one expression, and {} are given", of.len())));
            }
            let over = self.bind(over)?;
            return Ok(vec![Items { over, of: vec![self.body(function, &of[0])?] }]);
        }
        let own = binds_its_own(name, of.len());
        let mut found = Vec::new();
        for body in of {
            let bound = self.bound.len();
            let items = match self.whole(body)? {
                Some(items) => items,
                None => {
                    let over = if own { self.bind_letters(std::slice::from_ref(body)) } else { Vec::new() };
                    if own && over.is_empty() && function == Function::Sum {
                        let detail = "this sums a single value; say over what, as in `sum(i in s: …)`";
                        return Err(Fault::new(at, detail));
                    }
                    Items { over, of: vec![self.body(function, body)?] }
                }
            };
            self.bound.truncate(bound);
            found.push(items);
        }
        Ok(found)
    }

    fn body(&mut self, function: Function, body: &Syntax) -> Result<Node, Fault> {
        if function.is_rule() { self.statement(body) } else { self.number(body) }
    }

    /// All of an indexed variable or parameter that is named without an index.
    fn whole(&mut self, body: &Syntax) -> Result<Option<Items>, Fault> {
        let Form::Name(name) = &body.kind else { return Ok(None) };
        let Some((over, index, thing)) = self.whole_index(name, body) else { return Ok(None) };
        let node = self.pick(thing, name, &index, &body.at)?;
        Ok(Some(Items { over, of: vec![node] }))
    }

    /// Indices that run over all of what `name` stands for, where that has indices.
    fn whole_index(&mut self, name: &str, body: &Syntax) -> Option<(Vec<Over>, Vec<Syntax>, Thing)> {
        if self.bound.iter().any(|(bound, _)| bound == name) {
            return None;
        }
        let known = self.parts.names.get(name).copied();
        let thing = known.or_else(|| self.family(name, true).map(Thing::Family))?;
        let sets = self.sets_of(thing);
        if sets.is_empty() || sets.iter().any(|(_, open)| *open) {
            return None;
        }
        let (mut over, mut index) = (Vec::new(), Vec::new());
        for (set, _) in sets {
            // No index of a caller's is written like this one.
            let name = format!("#{}", self.slots.len());
            let slot = self.slot(Some(set));
            self.bound.push((name.clone(), slot));
            index.push(Syntax { kind: Form::Name(name), at: body.at.clone() });
            over.push(Over { slots: vec![slot], set, filter: None });
        }
        Some((over, index, thing))
    }

    fn to(&mut self, of: &[Syntax], at: &Range<usize>) -> Result<Node, Fault> {
        let [body, Syntax { kind: Form::Text(unit) | Form::Name(unit), .. }] = of else {
            return Err(Fault::new(at, "`to` takes an amount and a unit, as in `to(fee * volume, \"USD\")`"));
        };
        let body = self.number(body)?;
        let factor = crate::modelling::units::conversion(self.parts, &body, unit)?;
        Ok(Node::new(NodeKind::To(Box::new(body), factor, unit.clone()), at))
    }

    /// `quad_form(x, P)`, the sum of `P[i,j] * x[i] * x[j]`.
    fn quad_form(&mut self, of: &[Syntax], at: &Range<usize>) -> Result<Node, Fault> {
        let wrong = || {
            Fault::new(
                at,
                "`quad_form` takes a variable over one set and a parameter over that set twice, as in `quad_form(x, cov)`",
            )
        };
        let [x, Syntax { kind: Form::Name(matrix), .. }] = of else { return Err(wrong()) };
        let Form::Name(name) = &x.kind else { return Err(wrong()) };
        let Some(Thing::Param(param)) = self.parts.names.get(matrix).copied() else { return Err(wrong()) };
        let (mut over, mut rows, thing) = self.whole_index(name, x).ok_or_else(wrong)?;
        let (more, columns, _) = self.whole_index(name, x).ok_or_else(wrong)?;
        if rows.len() != 1 || self.parts.parameters[param].sets.len() != 2 {
            return Err(wrong());
        }
        over.extend(more);
        let (a, b) = (self.pick(thing, name, &rows, &x.at)?, self.pick(thing, name, &columns, &x.at)?);
        rows.extend(columns);
        let weight = self.pick(Thing::Param(param), matrix, &rows, at)?;
        let product = Node::new(NodeKind::Product { times: vec![weight, a, b], over: Vec::new() }, at);
        Ok(Node::new(NodeKind::Call(Function::Sum, vec![Items { over, of: vec![product] }]), at))
    }

    fn piecewise(&mut self, over: &[Binder], of: &[Syntax], at: &Range<usize>) -> Result<Node, Fault> {
        let wrong = || Fault::new(at, "`piecewise` takes an expression and points, as in `piecewise(x, [[0, 0], [10, 25]])`");
        let (x, points) = of.split_first().ok_or_else(wrong)?;
        let x = self.number(x)?;
        let over = self.bind(over)?;
        let flat: Vec<&Syntax> = match points {
            [Syntax { kind: Form::List(inner), .. }] if inner.iter().all(|point| matches!(point.kind, Form::List(_))) => {
                inner.iter().collect()
            }
            _ => points.iter().collect(),
        };
        if !over.is_empty() && flat.len() != 1 {
            return Err(Fault::new(at, "points over an index are written once, as in `piecewise(x, [p[k], v[k]] for k in s)`"));
        }
        let mut found = Vec::new();
        for point in flat {
            let Form::List(pair) = &point.kind else { return Err(wrong()) };
            let [place, value] = &pair[..] else { return Err(Fault::new(&point.at, "a point is two numbers, `[x, value]`")) };
            let of = vec![self.number(place)?, self.number(value)?];
            if let Some(varying) = of.iter().find(|node| node.varies) {
                return Err(Fault::new(&varying.at, "a point of `piecewise` can't depend on a variable"));
            }
            found.push(Items { over: over.clone(), of });
        }
        if over.is_empty() && found.len() < 2 {
            return Err(Fault::new(at, "`piecewise` needs two points at least"));
        }
        Ok(Node::new(NodeKind::Piecewise(Box::new(x), found), at))
    }

    /// `no_overlap(start, length)`, `cumulative(start, length, demand, capacity)`, `all_different(x)`, over all of what is named or over
    /// indices. A third part of `no_overlap` says whether the interval is there.
    fn schedule(&mut self, function: Function, over: &[Binder], of: &[Syntax], at: &Range<usize>) -> Result<Node, Fault> {
        let name = function.name();
        let right = match function {
            Function::NoOverlap => (2..=3).contains(&of.len()),
            Function::Cumulative => of.len() == 4,
            _ => of.len() == 1 || over.is_empty(),
        };
        if !right {
            let takes = match function {
                Function::NoOverlap => "a start and a length, and where it has one whether the interval is there",
                Function::Cumulative => "a start, a length, a demand and the capacity",
                _ => "one expression over an index",
            };
            return Err(Fault::new(at, format!("`{name}` takes {takes}; {} given", of.len())));
        }
        if function == Function::AllDifferent && of.len() > 1 {
            let items = self.alone(of)?;
            return Ok(Node::new(NodeKind::Call(function, items), at));
        }
        let (each, capacity) = if function == Function::Cumulative { of.split_at(3) } else { (of, &[][..]) };
        let capacity = self.alone(capacity)?;
        let mut items = vec![self.parallel(over, each, at)?];
        items.extend(capacity);
        Ok(Node::new(NodeKind::Call(function, items), at))
    }

    /// Expressions that run side by side over the same indices.
    fn parallel(&mut self, over: &[Binder], each: &[Syntax], at: &Range<usize>) -> Result<Items, Fault> {
        if !over.is_empty() {
            let over = self.bind(over)?;
            let of = each.iter().map(|body| self.number(body)).collect::<Result<_, _>>()?;
            return Ok(Items { over, of });
        }
        let Form::Name(first) = &each[0].kind else {
            let over = self.bind_letters(each);
            if over.is_empty() {
                return Err(Fault::new(at, "say over what, as in `no_overlap(i in job: start[i], length[i])`"));
            }
            let of = each.iter().map(|body| self.number(body)).collect::<Result<_, _>>()?;
            return Ok(Items { over, of });
        };
        let Some((over, index, _)) = self.whole_index(first, &each[0]) else {
            let over = self.bind_letters(each);
            if over.is_empty() {
                return Err(Fault::new(at, format!("`{first}` is a single value; say over what, as in `i in job: …`")));
            }
            let of = each.iter().map(|body| self.number(body)).collect::<Result<_, _>>()?;
            return Ok(Items { over, of });
        };
        let mut of = Vec::new();
        for body in each {
            let node = match &body.kind {
                Form::Name(name) => match self.parts.names.get(name).copied() {
                    Some(thing) if self.sets_of(thing).len() == index.len() => self.pick(thing, name, &index, &body.at)?,
                    None if self.family(name, true).is_some() || self.family(name, false).is_some() => {
                        self.indexed(name, &index, &body.at)?
                    }
                    _ => self.number(body)?,
                },
                _ => self.number(body)?,
            };
            of.push(node);
        }
        Ok(Items { over, of })
    }

    /// `semidefinite(X)` or `semidefinite(i in s, j in s: …)`.
    fn semidefinite(&mut self, over: &[Binder], of: &[Syntax], at: &Range<usize>) -> Result<Node, Fault> {
        let wrong = || {
            Fault::new(at, "`semidefinite` takes a square, as in `semidefinite(i in s, j in s: X[i, j])` or `semidefinite(X)`")
        };
        let [body] = of else { return Err(wrong()) };
        let items = if over.is_empty() {
            self.whole(body)?.ok_or_else(wrong)?
        } else {
            let over = self.bind(over)?;
            Items { over, of: vec![self.number(body)?] }
        };
        let square = items.over.len() == 2 && items.over.iter().all(|over| over.slots.len() == 1 && over.filter.is_none());
        if !square || items.over[0].set != items.over[1].set {
            return Err(wrong());
        }
        Ok(Node::new(NodeKind::Call(Function::Semidefinite, vec![items]), at))
    }
}
