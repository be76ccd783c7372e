//! Index letters that nothing binds: `x_i <= cap` is stated for each `i`.

use super::Resolver;
use super::index::is_letter;
use crate::modelling::function::Function;
use crate::modelling::members::Member;
use crate::modelling::node::Over;
use crate::modelling::parts::Thing;
use crate::modelling::syntax::{Form, Syntax};

/// Letters found, each with the set that it runs over.
#[derive(Default)]
struct Letters {
    shadowed: Vec<String>,
    found: Vec<(String, usize)>,
}

impl Resolver<'_> {
    /// Binds the letters of `syntax` that nothing binds, each to the set of the first variable or parameter that it stands at.
    pub(super) fn bind_letters(&mut self, syntax: &[Syntax]) -> Vec<Over> {
        let mut letters = Letters::default();
        for part in syntax {
            self.scan(part, &mut letters);
        }
        letters
            .found
            .into_iter()
            .map(|(name, set)| {
                let slot = self.slot(Some(set));
                self.bound.push((name, slot));
                Over { slots: vec![slot], set, filter: None }
            })
            .collect()
    }

    /// The index sets that a statement is for because of its letters.
    pub(in crate::modelling) fn implied(&mut self, syntax: &Syntax) -> Vec<Over> {
        self.bind_letters(std::slice::from_ref(syntax))
    }

    fn scan(&mut self, syntax: &Syntax, letters: &mut Letters) {
        match &syntax.kind {
            Form::Number(_) | Form::Text(_) | Form::Among(..) => {}
            Form::Name(name) => {
                if self.bound_slot(name).is_none()
                    && !self.parts.names.contains_key(name)
                    && let Some((thing, _, index)) = self.suffixed(name, &syntax.at)
                {
                    self.scan_index(thing, &index, letters);
                }
            }
            Form::At(name, index) => {
                let known = self.parts.names.get(name).copied();
                let thing = known.or_else(|| self.family(name, true).or_else(|| self.family(name, false)).map(Thing::Family));
                if let Some(thing) = thing {
                    self.scan_index(thing, index, letters);
                }
            }
            Form::Call { name, over, of } => {
                if over.is_empty() && binds_its_own(name, of.len()) {
                    return;
                }
                let before = letters.shadowed.len();
                letters.shadowed.extend(over.iter().flat_map(|binder| binder.names.iter().map(|(name, _)| name.clone())));
                let filters = over.iter().filter_map(|binder| binder.filter.as_ref());
                filters.chain(of).for_each(|part| self.scan(part, letters));
                letters.shadowed.truncate(before);
            }
            Form::Tuple(parts) | Form::List(parts) | Form::And(parts) | Form::Or(parts) | Form::Compare(parts, _) => {
                parts.iter().for_each(|part| self.scan(part, letters));
            }
            Form::Sum(parts) | Form::Product(parts) => parts.iter().for_each(|(_, part)| self.scan(part, letters)),
            Form::Power(a, b) | Form::Implies(a, b) | Form::Same(a, b) => {
                self.scan(a, letters);
                self.scan(b, letters);
            }
            Form::Not(inner) => self.scan(inner, letters),
            Form::If(when, then, other) => {
                self.scan(when, letters);
                self.scan(then, letters);
                if let Some(other) = other {
                    self.scan(other, letters);
                }
            }
        }
    }

    fn scan_index(&mut self, thing: Thing, index: &[Syntax], letters: &mut Letters) {
        let sets = self.sets_of(thing);
        if sets.len() != index.len() {
            return;
        }
        for (word, (set, open)) in index.iter().zip(sets) {
            let Form::Name(name) = &word.kind else { continue };
            let bound = self.bound_slot(name).is_some()
                || letters.shadowed.contains(name)
                || letters.found.iter().any(|(known, _)| known == name);
            let letter = is_letter(name) || self.parts.sets[set].name == *name;
            let known = self.parts.names.get(name).is_some_and(|thing| !matches!(thing, Thing::Set(_)));
            let member =
                self.parts.members.find(&Member::from_text(name)).is_some_and(|id| self.parts.sets[set].place(id).is_some());
            if !bound && letter && !known && !member && !open {
                letters.found.push((name.clone(), set));
            }
        }
    }
}

/// Whether a function without indices of its own runs over the letters in it, as `sum(x_i)` does.
pub(super) fn binds_its_own(name: &str, arguments: usize) -> bool {
    match Function::named(name) {
        Some(Function::AllDifferent | Function::NoOverlap | Function::Cumulative) => true,
        Some(Function::Sum | Function::Norm | Function::Norm1 | Function::NormInf | Function::SumSquares) => arguments == 1,
        Some(Function::Max | Function::Min | Function::LogSumExp | Function::GeoMean) => arguments == 1,
        Some(Function::AnyOf | Function::AllOf | Function::AtMostOne | Function::ExactlyOne) => arguments == 1,
        _ => false,
    }
}
