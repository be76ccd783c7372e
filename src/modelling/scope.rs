//! What the indices are while an expression is walked, and what it is there.

use super::error::Fault;
use super::members::Member;
use super::node::{Chosen, Items, Look, Node, NodeKind, Over, Pick};
use super::parts::Parts;
use super::syntax::Relation;
use std::ops::Range;

mod evaluate;

pub(super) use evaluate::power as real_power;

/// The indices of an expression, and the numbers that stand for its names.
pub(super) struct Scope<'a> {
    pub(super) parts: &'a Parts,
    /// The values of all parameters.
    pub(super) params: &'a [f64],
    /// The values of all variables, where it is the checker that walks.
    pub(super) values: &'a [f64],
    slots: Vec<Bound>,
}

/// What is done with the bodies of an item, for each choice of its indices.
pub(super) type Bodies<'f, 'a> = dyn FnMut(&mut Scope<'a>, &[Node]) -> Result<(), Fault> + 'f;

/// What an index is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bound {
    member: u32,
    place: u32,
}

const FREE: Bound = Bound { member: u32::MAX, place: u32::MAX };

impl<'a> Scope<'a> {
    pub(super) fn new(parts: &'a Parts, params: &'a [f64], values: &'a [f64]) -> Self {
        Self { parts, params, values, slots: Vec::new() }
    }

    /// Makes room for the indices of another expression.
    pub(super) fn enter(&mut self, slots: usize) {
        self.slots.clear();
        self.slots.resize(slots, FREE);
    }

    /// Sets the indices of an instance of a variable, which are the first of its bounds.
    pub(super) fn enter_instance(&mut self, slots: usize, sets: &[usize], mut offset: u32) {
        self.enter(slots.max(sets.len()));
        for (slot, set) in sets.iter().enumerate().rev() {
            let set = &self.parts.sets[*set];
            let size = u32::try_from(set.len()).unwrap_or(u32::MAX).max(1);
            let place = offset % size;
            self.slots[slot] = Bound { member: set.members[place as usize], place };
            offset /= size;
        }
    }

    /// Runs `then` for each choice of indices.
    pub(super) fn each(&mut self, over: &[Over], then: &mut dyn FnMut(&mut Self) -> Result<(), Fault>) -> Result<(), Fault> {
        let Some((first, rest)) = over.split_first() else { return then(self) };
        let parts = self.parts;
        let set = &parts.sets[first.set];
        for (place, member) in set.members.iter().enumerate() {
            match (&first.slots[..], parts.members.get(*member)) {
                ([slot], _) => self.slots[*slot] = Bound { member: *member, place: u32::try_from(place).unwrap_or(u32::MAX) },
                (slots, Member::Tuple(ids)) => {
                    slots.iter().zip(ids).for_each(|(slot, id)| self.slots[*slot] = Bound { member: *id, place: u32::MAX });
                }
                _ => {}
            }
            if let Some(filter) = &first.filter
                && !self.holds(filter)?
            {
                continue;
            }
            self.each(rest, then)?;
        }
        Ok(())
    }

    /// Runs `then` for each body of each item.
    pub(super) fn each_item(&mut self, items: &[Items], then: &mut Bodies<'_, 'a>) -> Result<(), Fault> {
        for items in items {
            self.each(&items.over, &mut |scope| then(scope, &items.of))?;
        }
        Ok(())
    }

    /// The indices as they are written, such as `btc` or `btc,eth`.
    pub(super) fn index_text(&self, over: &[Over]) -> String {
        let slots = over.iter().flat_map(|over| &over.slots);
        slots.map(|slot| self.parts.members.text(self.slots[*slot].member)).collect::<Vec<_>>().join(",")
    }

    /// The position of what is picked.
    pub(super) fn position(&mut self, pick: &Pick, at: &Range<usize>) -> Result<u32, Fault> {
        let mut offset = 0;
        for dim in &pick.dims {
            let place = match &dim.look {
                Look::Same(slot) => self.slots[*slot].place,
                Look::Fixed(place) => *place,
                Look::Find(chosen) => {
                    let set = &self.parts.sets[dim.set];
                    let member = self.member(chosen)?;
                    match member.as_ref().ok().and_then(|id| set.place(*id)) {
                        Some(place) => place,
                        None => {
                            let member = member.map_or_else(|text| text, |id| self.parts.members.text(id));
                            return Err(Fault::new(
                                at,
                                format!("nothing is at the index `{member}`, which is no member of `{}`", set.name),
                            ));
                        }
                    }
                }
            };
            offset += place * dim.stride;
        }
        match &pick.list {
            Some(list) => Ok(list[offset as usize]),
            None => Ok(pick.base + offset),
        }
    }

    /// The member that is chosen, or how it would be written where no set has it.
    fn member(&mut self, chosen: &Chosen) -> Result<Result<u32, String>, Fault> {
        match chosen {
            Chosen::Slot(slot) => Ok(Ok(self.slots[*slot].member)),
            Chosen::Fixed(id) => Ok(Ok(*id)),
            Chosen::Whole(node) => {
                let value = self.number(node)?;
                if value.fract() != 0.0 {
                    return Err(Fault::new(&node.at, format!("an index is a whole number, and this is {value}")));
                }
                #[expect(clippy::cast_possible_truncation, reason = "a whole number below 1e15 is kept as it is")]
                let member = Member::Whole(value as i64);
                Ok(self.parts.members.find(&member).ok_or_else(|| value.to_string()))
            }
            Chosen::Tuple(parts) => {
                let mut ids = Vec::with_capacity(parts.len());
                for part in parts {
                    match self.member(part)? {
                        Ok(id) => ids.push(id),
                        Err(text) => return Ok(Err(text)),
                    }
                }
                let text = ids.iter().map(|id| self.parts.members.text(*id)).collect::<Vec<_>>().join(",");
                Ok(self.parts.members.find(&Member::Tuple(ids.into())).ok_or(text))
            }
        }
    }

    /// The value of a parameter.
    pub(super) fn param(&mut self, pick: &Pick, at: &Range<usize>) -> Result<f64, Fault> {
        let position = self.position(pick, at)?;
        let value = self.params[position as usize];
        if value.is_nan() {
            let parameter = &self.parts.parameters[pick.of];
            let sets: Vec<usize> = parameter.sets.iter().map(|set| set.set).collect();
            let index = self.parts.index_texts(&sets, position - parameter.base).join(", ");
            let detail = format!("`{}` has no entry for `{index}`; add it, or give the parameter a `default`", parameter.name);
            return Err(Fault::new(at, detail));
        }
        Ok(value)
    }

    /// Whether a condition on indices and parameters holds.
    pub(super) fn holds(&mut self, node: &Node) -> Result<bool, Fault> {
        match &node.kind {
            NodeKind::Compare(sides, relations) => {
                let mut left = self.number(&sides[0])?;
                for (side, relation) in sides[1..].iter().zip(relations) {
                    let right = self.number(side)?;
                    if !relation.holds(left, right) {
                        return Ok(false);
                    }
                    left = right;
                }
                Ok(true)
            }
            NodeKind::CompareMembers(left, relation, right) => self.compare_members(left, *relation, right, &node.at),
            NodeKind::Among(chosen, set) => {
                let member = self.member(chosen)?;
                Ok(member.is_ok_and(|id| self.parts.sets[*set].place(id).is_some()))
            }
            NodeKind::Not(inner) => Ok(!self.holds(inner)?),
            NodeKind::And(parts) => parts.iter().try_fold(true, |all, part| Ok(all && self.holds(part)?)),
            NodeKind::Or(parts) => parts.iter().try_fold(false, |any, part| Ok(any || self.holds(part)?)),
            NodeKind::Implies(when, then) => Ok(!self.holds(when)? || self.holds(then)?),
            NodeKind::Same(a, b) => Ok(self.holds(a)? == self.holds(b)?),
            _ => Err(Fault::new(&node.at, "found a number or a rule where a condition on indices would be right")),
        }
    }

    fn compare_members(&mut self, left: &Chosen, relation: Relation, right: &Chosen, at: &Range<usize>) -> Result<bool, Fault> {
        let (a, b) = (self.member(left)?, self.member(right)?);
        match relation {
            Relation::Equal => return Ok(a == b),
            Relation::Differs => return Ok(a != b),
            _ => {}
        }
        let (Ok(a), Ok(b)) = (a, b) else { return Err(Fault::new(at, "an index that is no member of a set has no order")) };
        if let (Member::Whole(a), Member::Whole(b)) = (self.parts.members.get(a), self.parts.members.get(b)) {
            return Ok(relation.orders(a.cmp(b)));
        }
        // Names are in the order of the set that both are in.
        let set = self.parts.sets.iter().find_map(|set| Some((set.place(a)?, set.place(b)?)));
        match set {
            Some((a, b)) => Ok(relation.orders(a.cmp(&b))),
            None => Err(Fault::new(at, "these members are in no common set and have no order")),
        }
    }
}

impl Relation {
    /// Whether it holds between two numbers, exactly.
    pub(super) fn holds(self, left: f64, right: f64) -> bool {
        left.partial_cmp(&right).is_some_and(|order| self.orders(order))
    }

    fn orders(self, order: std::cmp::Ordering) -> bool {
        match self {
            Self::Less => order.is_lt(),
            Self::AtMost => order.is_le(),
            Self::Equal => order.is_eq(),
            Self::Differs => order.is_ne(),
            Self::AtLeast => order.is_ge(),
            Self::More => order.is_gt(),
        }
    }
}
