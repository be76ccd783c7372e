//! Names, with and without an index.

use super::Resolver;
use crate::modelling::error::Fault;
use crate::modelling::members::{Member, Set};
use crate::modelling::names::did_you_mean;
use crate::modelling::node::{Chosen, Dim, Look, Node, NodeKind, Pick};
use crate::modelling::parts::{Family, Thing};
use crate::modelling::syntax::{Form, Relation, Syntax};
use std::ops::Range;

impl Resolver<'_> {
    /// A name that stands alone.
    pub(super) fn named(&mut self, name: &str, at: &Range<usize>) -> Result<Node, Fault> {
        if let Some(slot) = self.bound_slot(name) {
            return Ok(Node::new(NodeKind::Index(slot), at));
        }
        match self.parts.names.get(name).copied() {
            Some(Thing::Set(_)) => return Err(Fault::new(at, format!("`{name}` is a set; a number would be right"))),
            Some(thing) => return self.pick(thing, name, &[], at),
            None => {}
        }
        if let Some((thing, prefix, index)) = self.suffixed(name, at) {
            return self.pick(thing, &prefix, &index, at);
        }
        if let Some(family) = self.family(name, true) {
            let detail = format!("`{name}` stands for a whole family of variables; write `{name}_i`, or `sum({name})`");
            return Err(Fault::new(at, format!("{detail} for their sum ({} of them)", self.parts.families[family].list.len())));
        }
        Err(Fault::new(at, self.unknown(name)))
    }

    pub(super) fn unknown(&self, name: &str) -> String {
        let known = self.parts.names.keys().map(String::as_str).chain(self.bound.iter().map(|(name, _)| name.as_str()));
        let hint = did_you_mean(name, known);
        format!("there is no variable, parameter or index `{name}`{hint}")
    }

    /// A name with an index.
    pub(super) fn indexed(&mut self, name: &str, index: &[Syntax], at: &Range<usize>) -> Result<Node, Fault> {
        let thing = match self.parts.names.get(name).copied() {
            Some(Thing::Set(_)) => {
                return Err(Fault::new(at, format!("`{name}` is a set, which has no index; write `i in {name}`")));
            }
            Some(thing) => thing,
            None => match self.family(name, true).or_else(|| self.family(name, false)) {
                Some(family) => Thing::Family(family),
                None => return Err(Fault::new(at, self.unknown(name))),
            },
        };
        self.pick(thing, name, index, at)
    }

    /// `cvar_btc` and `x_i`: a name before its last `_` and an index behind it.
    pub(super) fn suffixed(&mut self, name: &str, at: &Range<usize>) -> Option<(Thing, String, Vec<Syntax>)> {
        for (cut, _) in name.match_indices('_').collect::<Vec<_>>().into_iter().rev() {
            let (prefix, suffix) = (&name[..cut], &name[cut + 1..]);
            if prefix.is_empty() || suffix.is_empty() {
                continue;
            }
            let thing = match self.parts.names.get(prefix).copied() {
                Some(Thing::Set(_)) => continue,
                Some(thing) => thing,
                None => match self.family(prefix, true).or_else(|| self.family(prefix, false)) {
                    Some(family) => Thing::Family(family),
                    None => continue,
                },
            };
            let sets = self.sets_of(thing);
            if sets.is_empty() {
                continue;
            }
            let words: Vec<&str> = if sets.len() == 1 { vec![suffix] } else { suffix.split('_').collect() };
            if words.len() != sets.len() || !words.iter().zip(&sets).all(|(word, set)| self.may_index(word, *set)) {
                continue;
            }
            let index = words.iter().map(|word| Syntax { kind: Form::Name((*word).to_owned()), at: at.clone() }).collect();
            return Some((thing, prefix.to_owned(), index));
        }
        None
    }

    fn may_index(&self, word: &str, (set, open): (usize, bool)) -> bool {
        if self.bound_slot(word).is_some() || is_letter(word) {
            return true;
        }
        let Some(member) = self.parts.members.find(&Member::from_text(word)) else { return false };
        let set = &self.parts.sets[set];
        if open { self.sets_of_length(set.len(), member).next().is_some() } else { set.place(member).is_some() }
    }

    /// The index sets of what a name stands for, each with whether it is still open which set it is.
    pub(super) fn sets_of(&self, thing: Thing) -> Vec<(usize, bool)> {
        match thing {
            Thing::Set(_) => Vec::new(),
            Thing::Param(param) => self.parts.parameters[param].sets.iter().map(|set| (set.set, set.open)).collect(),
            Thing::Var(variable) => self.parts.variables[variable].sets.iter().map(|set| (*set, false)).collect(),
            Thing::Family(family) => vec![(self.parts.families[family].set, false)],
        }
    }

    /// The scalars whose names begin with `prefix_`, if there are any.
    pub(in crate::modelling) fn family(&mut self, prefix: &str, variables: bool) -> Option<usize> {
        if let Some(known) = self.parts.family_of.get(&(variables, prefix.to_owned())) {
            return *known;
        }
        let after =
            |name: &str| name.strip_prefix(prefix)?.strip_prefix('_').filter(|rest| !rest.is_empty()).map(Member::from_text);
        let mut found = Vec::new();
        if variables {
            let scalars = self.parts.variables.iter().enumerate().filter(|(_, variable)| variable.sets.is_empty());
            found.extend(scalars.filter_map(|(at, variable)| Some((after(&variable.name)?, variable.base, at))));
        } else {
            let scalars = self.parts.parameters.iter().enumerate().filter(|(_, parameter)| parameter.sets.is_empty());
            found.extend(scalars.filter_map(|(at, parameter)| Some((after(&parameter.name)?, parameter.base, at))));
        }
        let new = (!found.is_empty()).then_some(self.parts.families.len());
        self.parts.family_of.insert((variables, prefix.to_owned()), new);
        new?;
        let members: Vec<u32> = found.iter().map(|(member, ..)| self.parts.members.intern(member.clone())).collect();
        // Families with the same members share one set, so that one index runs over both.
        let same = self.parts.sets.iter().position(|set| set.members == members && set.arity == 1);
        let set = same.unwrap_or_else(|| {
            self.parts.sets.push(Set::new(format!("{prefix}_…"), members, 1));
            self.parts.sets.len() - 1
        });
        let (list, of) = found.iter().map(|(_, base, at)| (*base, *at)).unzip();
        self.parts.families.push(Family { prefix: prefix.to_owned(), variables, set, list, of });
        new
    }

    pub(super) fn pick(&mut self, thing: Thing, name: &str, index: &[Syntax], at: &Range<usize>) -> Result<Node, Fault> {
        let sets = self.sets_of(thing);
        let arities: Vec<usize> = sets.iter().map(|(set, _)| self.parts.sets[*set].arity).collect();
        let apart = index.len() == arities.iter().sum::<usize>() && index.len() != sets.len();
        if index.len() != sets.len() && !apart {
            return Err(Fault::new(at, self.index_count(name, &sets, index.len())));
        }
        let (mut dims, mut next) = (Vec::new(), 0);
        for (place, arity) in arities.iter().enumerate() {
            let take = if apart { *arity } else { 1 };
            let words = &index[next..next + take];
            next += take;
            let set = self.close(thing, place, words, name, at)?;
            let look = if take == 1 { self.look(&words[0], set)? } else { self.look_tuple(words, set, at)? };
            dims.push(Dim { set, stride: 1, look });
        }
        for place in (1..dims.len()).rev() {
            let size = u32::try_from(self.parts.sets[dims[place].set].len()).unwrap_or(u32::MAX);
            dims[place - 1].stride = dims[place].stride.saturating_mul(size);
        }
        let kind = match thing {
            Thing::Var(of) => NodeKind::Var(Pick { base: self.parts.variables[of].base, dims, list: None, of }),
            Thing::Param(of) => NodeKind::Param(Pick { base: self.parts.parameters[of].base, dims, list: None, of }),
            Thing::Family(family) => {
                let Family { variables, list, of, .. } = &self.parts.families[family];
                let pick = Pick { base: 0, dims, list: Some(list.clone()), of: of.first().copied().unwrap_or(0) };
                if *variables { NodeKind::Var(pick) } else { NodeKind::Param(pick) }
            }
            Thing::Set(_) => return Err(Fault::new(at, format!("`{name}` is a set; a number would be right"))),
        };
        Ok(Node::new(kind, at))
    }

    fn index_count(&self, name: &str, sets: &[(usize, bool)], found: usize) -> String {
        let names: Vec<&str> = sets.iter().map(|(set, _)| self.parts.sets[*set].name.as_str()).collect();
        match (sets.len(), found) {
            (0, _) => format!("`{name}` is a single value and has no index"),
            (1, 0) => {
                format!("`{name}` has one value for each of `{}`; write `{name}[i]`, or `sum({name})` for their sum", names[0])
            }
            (_, 0) => format!("`{name}` has one value for each of `{}`; say which, as in `{name}[i, j]`", names.join("`, `")),
            (count, _) => format!("`{name}` has {count} indices (`{}`) and {found} are given", names.join("`, `")),
        }
    }

    /// The index set at `place` of a thing; where it is open still, this use says which set it is.
    fn close(&mut self, thing: Thing, place: usize, words: &[Syntax], name: &str, at: &Range<usize>) -> Result<usize, Fault> {
        let (set, open) = self.sets_of(thing)[place];
        let Thing::Param(param) = thing else { return Ok(set) };
        if !open {
            return Ok(set);
        }
        let length = self.parts.sets[set].len();
        let word = &words[0];
        let chosen = match &word.kind {
            Form::Name(letter) if self.bound_slot(letter).is_some() => self.bound_slot(letter).and_then(|slot| self.slots[slot]),
            Form::Name(member) | Form::Text(member) => {
                let member = self.parts.members.find(&Member::from_text(member));
                let mut fitting = member.into_iter().flat_map(|member| self.sets_of_length(length, member));
                fitting
                    .next()
                    .filter(|first| fitting.all(|other| self.parts.sets[other].members == self.parts.sets[*first].members))
            }
            _ => None,
        };
        let Some(chosen) = chosen else {
            let detail = format!(
                "`{name}` is a list whose index set is not known here; give it `\"index\"`, as in {{\"index\": [\"…\"], \"value\": […]}}"
            );
            return Err(Fault::new(at, detail));
        };
        let found = self.parts.sets[chosen].len();
        if found != length {
            let set = &self.parts.sets[chosen].name;
            return Err(Fault::new(
                at,
                format!("`{name}` has {length} entries and `{set}` has {found} members; they must be as many"),
            ));
        }
        let entry = &mut self.parts.parameters[param].sets[place];
        (entry.set, entry.open) = (chosen, false);
        Ok(chosen)
    }

    fn sets_of_length(&self, length: usize, member: u32) -> impl Iterator<Item = usize> + use<'_> {
        let sets = self.parts.sets.iter().enumerate();
        sets.filter(move |(_, set)| set.len() == length && set.place(member).is_some()).map(|(at, _)| at)
    }

    fn look(&mut self, word: &Syntax, set: usize) -> Result<Look, Fault> {
        if let Form::Name(name) = &word.kind
            && let Some(slot) = self.bound_slot(name)
        {
            return Ok(if self.slots[slot] == Some(set) { Look::Same(slot) } else { Look::Find(Chosen::Slot(slot)) });
        }
        match self.chosen(word, Some(set))? {
            Chosen::Fixed(member) => match self.parts.sets[set].place(member) {
                Some(place) => Ok(Look::Fixed(place)),
                None => Err(Fault::new(&word.at, self.no_member(&self.parts.members.text(member), set))),
            },
            chosen => Ok(Look::Find(chosen)),
        }
    }

    fn look_tuple(&mut self, words: &[Syntax], set: usize, at: &Range<usize>) -> Result<Look, Fault> {
        let parts = words.iter().map(|word| self.chosen(word, None)).collect::<Result<Vec<_>, _>>()?;
        let fixed: Option<Vec<u32>> =
            parts.iter().map(|part| if let Chosen::Fixed(id) = part { Some(*id) } else { None }).collect();
        let Some(fixed) = fixed else { return Ok(Look::Find(Chosen::Tuple(parts))) };
        let id = self.parts.members.intern(Member::Tuple(fixed.into()));
        match self.parts.sets[set].place(id) {
            Some(place) => Ok(Look::Fixed(place)),
            None => Err(Fault::new(at, self.no_member(&self.parts.members.text(id), set))),
        }
    }

    pub(super) fn no_member(&self, member: &str, set: usize) -> String {
        let set = &self.parts.sets[set];
        let texts: Vec<String> = set.members.iter().take(2_000).map(|id| self.parts.members.text(*id)).collect();
        let hint = did_you_mean(member, texts.iter().map(String::as_str));
        format!("`{member}` is neither an index here nor a member of `{}`{hint}", set.name)
    }

    /// The member that a word stands for, of `set` where that is known.
    pub(super) fn chosen(&mut self, word: &Syntax, set: Option<usize>) -> Result<Chosen, Fault> {
        match &word.kind {
            Form::Name(name) => {
                if let Some(slot) = self.bound_slot(name) {
                    return Ok(Chosen::Slot(slot));
                }
                let member = self.parts.members.find(&Member::from_text(name));
                if let Some(id) = member.filter(|id| set.is_none_or(|set| self.parts.sets[set].place(*id).is_some())) {
                    return Ok(Chosen::Fixed(id));
                }
                if let Some(Thing::Param(param)) = self.parts.names.get(name) {
                    let (param, at) = (*param, word.at.clone());
                    return Ok(Chosen::Whole(Box::new(self.pick(Thing::Param(param), name, &[], &at)?)));
                }
                match set {
                    Some(set) => Err(Fault::new(&word.at, self.no_member(name, set))),
                    None => Err(Fault::new(&word.at, self.unknown(name))),
                }
            }
            Form::Text(text) => match (self.parts.members.find(&Member::from_text(text)), set) {
                (Some(id), _) => Ok(Chosen::Fixed(id)),
                (None, Some(set)) => Err(Fault::new(&word.at, self.no_member(text, set))),
                (None, None) => Err(Fault::new(&word.at, format!("\"{text}\" is not a member of any set"))),
            },
            #[expect(clippy::cast_possible_truncation, reason = "a whole number below 1e15 is kept as it is")]
            Form::Number(value) if value.fract() == 0.0 => {
                let member = Member::Whole(*value as i64);
                match (self.parts.members.find(&member), set) {
                    (Some(id), _) => Ok(Chosen::Fixed(id)),
                    (None, Some(set)) => Err(Fault::new(&word.at, self.no_member(&value.to_string(), set))),
                    (None, None) => Err(Fault::new(&word.at, format!("`{value}` is not a member of any set"))),
                }
            }
            Form::Tuple(parts) => Ok(Chosen::Tuple(parts.iter().map(|part| self.chosen(part, None)).collect::<Result<_, _>>()?)),
            _ => {
                let node = self.number(word)?;
                if node.varies {
                    return Err(Fault::new(&word.at, "an index can't depend on a variable"));
                }
                Ok(Chosen::Whole(Box::new(node)))
            }
        }
    }

    /// A comparison: of members where both sides name one, else of numbers.
    pub(super) fn compare(&mut self, sides: &[Syntax], relations: &[Relation], at: &Range<usize>) -> Result<Node, Fault> {
        if let ([left, right], [relation]) = (sides, relations)
            && (self.is_index(left) || self.is_index(right))
        {
            let set = [left, right].iter().find_map(|side| match &side.kind {
                Form::Name(name) => self.bound_slot(name).and_then(|slot| self.slots[slot]),
                _ => None,
            });
            let ordered = !matches!(relation, Relation::Equal | Relation::Differs);
            let whole = |node: &Syntax| matches!(node.kind, Form::Number(_) | Form::Sum(_) | Form::Product(_));
            let scalar = |resolver: &Self, node: &Syntax| matches!(&node.kind, Form::Name(name) if resolver.parts.names.contains_key(name));
            let numeric = whole(left)
                || whole(right)
                || scalar(self, left)
                || scalar(self, right)
                || matches!((&left.kind, &right.kind), (Form::At(..), _) | (_, Form::At(..)));
            if !numeric {
                let (left, right) = (self.chosen(left, set)?, self.chosen(right, set)?);
                if ordered && set.is_none() {
                    return Err(Fault::new(at, "these members have no order: they are parts of tuples"));
                }
                return Ok(Node::new(NodeKind::CompareMembers(left, *relation, right), at));
            }
        }
        let sides = sides.iter().map(|side| self.number(side)).collect::<Result<_, _>>()?;
        Ok(Node::new(NodeKind::Compare(sides, relations.to_vec()), at))
    }

    fn is_index(&self, side: &Syntax) -> bool {
        match &side.kind {
            Form::Name(name) => self.bound_slot(name).is_some(),
            Form::Text(_) => true,
            _ => false,
        }
    }
}

/// Whether a word reads as an index that runs over a set: one letter, with a digit or without.
pub(super) fn is_letter(word: &str) -> bool {
    let mut chars = word.chars();
    chars.next().is_some_and(|first| first.is_ascii_lowercase())
        && chars.next().is_none_or(|digit| digit.is_ascii_digit())
        && chars.next().is_none()
}
