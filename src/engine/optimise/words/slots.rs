//! Filling the slots of a template from a text: by rule, and never by a guess.

use super::goal::Stated;
use super::names::{List, Mention, Name};
use super::numbers::Unit;
use super::tokens::{Kind, Text};
use crate::domain::plan::MissingSlot;
use crate::engine::optimise::templates::{Filled, Filling, Glossary, Slot, SlotKind, Slots, Template};
use std::collections::BTreeMap;
use std::ops::Range;

/// Where what a caller said comes from.
pub const CALLER: &str = "caller";

/// A template whose slots are being filled.
#[derive(Debug)]
pub struct Filler<'a> {
    /// What is read.
    pub text: &'a Text<'a>,
    /// Whose slots.
    pub template: &'a Template,
    /// What is known without being said.
    pub glossary: &'a Glossary,
    /// Which tokens were taken up.
    pub taken: Vec<bool>,
    /// What is filled.
    pub slots: Slots,
    /// What is not.
    pub missing: Vec<MissingSlot>,
    /// What contradicts itself.
    pub wrong: Vec<String>,
    /// The lists of names by slot, with where they are told.
    pub lists: BTreeMap<String, List>,
}

impl<'a> Filler<'a> {
    /// Fills what can be filled.
    pub fn fill(text: &'a Text<'a>, template: &'a Template, glossary: &'a Glossary, goal: Option<Range<usize>>) -> Self {
        let taken = vec![false; text.tokens.len()];
        let (slots, lists) = (Slots::new(), BTreeMap::new());
        let mut filler = Self { text, template, glossary, taken, slots, missing: Vec::new(), wrong: Vec::new(), lists };
        filler.take(goal.unwrap_or_default());
        for slot in &template.slots {
            filler.names(slot);
        }
        filler.owned();
        for slot in &template.slots {
            filler.related(slot);
        }
        filler.scalars();
        for slot in &template.slots {
            filler.in_a_row(slot);
            filler.known(slot);
        }
        filler.consistent();
        filler
    }

    /// Takes tokens up; their numbers are accounted for.
    pub fn take(&mut self, tokens: Range<usize>) {
        for at in tokens {
            // A number within a phrase is taken up by its own slot alone.
            let number = self.text.tokens.get(at).is_some_and(|token| matches!(token.kind, Kind::Number(_)));
            if let Some(taken) = self.taken.get_mut(at).filter(|_| !number) {
                *taken = true;
            }
        }
    }

    /// Takes a number up.
    pub fn take_number(&mut self, token: usize) {
        if let Some(taken) = self.taken.get_mut(token) {
            *taken = true;
        }
        if let Some((_, tokens)) = self.text.bound_with_place(token) {
            self.take(tokens);
        }
    }

    /// Whether a token is still to be had.
    pub fn free(&self, token: usize) -> bool {
        self.taken.get(token).is_some_and(|taken| !taken)
    }

    /// Fills a slot with what the caller said.
    pub fn put(&mut self, slot: &str, filling: Filling, said: String) {
        self.slots.insert(slot.to_owned(), Filled { filling, said, source: CALLER.to_owned() });
    }

    /// Fills a slot with names.
    pub fn put_names(&mut self, slot: &str, list: List) {
        self.take(list.tokens.clone());
        let said: Vec<&str> = list.names.iter().map(|name| &*name.said).collect();
        self.put(slot, Filling::Names(list.names.clone()), said.join(", "));
        self.lists.insert(slot.to_owned(), list);
    }

    /// The names that a slot is for.
    pub fn names_of(&self, slot: &str) -> Vec<Name> {
        match self.slots.get(slot).map(|filled| &filled.filling) {
            Some(Filling::Names(names)) => names.clone(),
            _ => Vec::new(),
        }
    }

    /// Where the names of a slot are mentioned, and where they are listed.
    pub fn mentions_of(&self, slot: &str) -> (Vec<Name>, Vec<Mention>, Range<usize>) {
        let names = self.names_of(slot);
        let mentions = self.text.mentions(&names);
        let list = self.lists.get(slot).map(|list| list.tokens.clone()).unwrap_or_default();
        (names, mentions, list)
    }

    /// The numbers that are still to be had.
    pub fn free_numbers(&self) -> Vec<usize> {
        let number = |at: &usize| self.text.tokens.get(*at).is_some_and(|token| matches!(token.kind, Kind::Number(_)));
        (0..self.text.tokens.len()).filter(|at| number(at) && self.free(*at)).collect()
    }

    /// Gives each number that is no name's own to the slot that it fits best.
    fn scalars(&mut self) {
        let mut offers: Vec<(f64, usize, usize, f64)> = Vec::new();
        let owned = self.tokens_of_names();
        for token in self.free_numbers().into_iter().filter(|token| !owned.contains(token)) {
            for (at, slot) in self.template.slots.iter().enumerate() {
                let SlotKind::Number(unit) = slot.kind else { continue };
                if let Some((score, value)) = self.offer(slot, unit, token) {
                    offers.push((score, at, token, value));
                }
            }
        }
        offers.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.2.cmp(&b.2)).then(a.1.cmp(&b.1)));
        for (_, at, token, value) in offers {
            let Some(slot) = self.template.slots.get(at) else { continue };
            if self.free(token) && !self.slots.contains_key(&slot.name) {
                self.take_number(token);
                self.put(&slot.name, Filling::Number(value), self.text.slice(token..token + 1).to_owned());
            }
        }
    }

    /// How well a number fits a slot.
    fn offer(&self, slot: &Slot, unit: Unit, token: usize) -> Option<(f64, f64)> {
        let near = self.text.cue_near(token, &slot.cues);
        let value = self.text.value_as(token, unit, near.is_some())?;
        let bound = self.text.bound_at(token);
        let mut score = near.map_or(1.0, |distance| 10.0 - distance as f64);
        match (slot.bound, bound) {
            (Some(wanted), Some(is)) if wanted == is => score += 4.0,
            (Some(_), Some(_)) => return None,
            (Some(_), None) if near.is_none() => return None,
            (None, Some(_)) => score -= 3.0,
            _ => {}
        }
        let marked = near.is_some() || (slot.bound.is_some() && bound == slot.bound);
        (marked || !slot.marked).then_some((score, value))
    }

    /// Numbers that belong to one name alone: they are never taken for all of them.
    fn tokens_of_names(&self) -> Vec<usize> {
        let numbers = self.free_numbers();
        let mut owned = Vec::new();
        for slot in self.template.slots.iter().filter(|slot| self.lists.contains_key(&slot.name)) {
            let (_, mentions, list) = self.mentions_of(&slot.name);
            owned.extend(self.text.owned(&numbers, &mentions, &list).into_iter().map(|owned| owned.token));
        }
        owned
    }

    /// What was not said is looked up, left out where that is allowed, or asked for.
    fn known(&mut self, slot: &Slot) {
        if self.slots.contains_key(&slot.name) || self.missing.iter().any(|missing| missing.slot == slot.name) {
            return;
        }
        if let Some((key, known)) = slot.glossary.as_ref().and_then(|name| Some((name, self.glossary.get(name)?))) {
            let source = format!("{} ({key})", known.source);
            if let (SlotKind::Number(_), Some(value)) = (&slot.kind, known.value) {
                self.slots
                    .insert(slot.name.clone(), Filled { filling: Filling::Number(value), said: known.says.clone(), source });
                return;
            }
            let names = slot.of.as_ref().map(|of| self.names_of(of)).unwrap_or_default();
            let values: Option<BTreeMap<String, f64>> =
                names.iter().map(|name| Some((name.id.clone(), *known.values.get(&name.id)?))).collect();
            if let Some(values) = values.filter(|values| !values.is_empty()) {
                let told: Vec<String> = names.iter().filter_map(|n| Some(format!("{} {}", n.said, values.get(&n.id)?))).collect();
                let said = format!("{}: {}", known.says, told.join(", "));
                self.slots.insert(slot.name.clone(), Filled { filling: Filling::PerName(values), said, source });
                return;
            }
        }
        let needed = slot.with.as_ref().is_none_or(|with| self.slots.contains_key(with)) && !slot.optional;
        if needed {
            let lost = self.lacking(slot);
            self.ask(slot, lost);
        }
    }

    /// Which names the glossary doesn't know.
    fn lacking(&self, slot: &Slot) -> Option<String> {
        let known = self.glossary.get(slot.glossary.as_ref()?)?;
        let names = self.names_of(slot.of.as_ref()?);
        let lost: Vec<String> =
            names.into_iter().filter(|name| !known.values.contains_key(&name.id)).map(|name| name.said).collect();
        (!lost.is_empty()).then(|| lost.join(", "))
    }

    /// Asks for a slot, perhaps only for some of its names.
    pub fn ask(&mut self, slot: &Slot, of: Option<String>) {
        let question = of.map_or_else(|| slot.ask.clone(), |of| format!("{} It is not known for {of}.", slot.ask));
        self.missing.push(MissingSlot { slot: slot.name.clone(), question, example: slot.example.clone() });
    }

    /// Counts that are told twice must agree.
    fn consistent(&mut self) {
        for slot in &self.template.slots {
            let (Some(of), Some(told)) = (&slot.counts, self.slots.get(&slot.name)) else { continue };
            let (Filling::Number(said), Some(filled)) = (&told.filling, self.slots.get(of)) else { continue };
            let (is, what) = match &filled.filling {
                Filling::Names(names) => (names.len() as f64, "are listed"),
                Filling::PerName(values) => (values.values().sum(), "is what they add up to"),
                _ => continue,
            };
            if (is - said).abs() > 1e-9 {
                self.wrong.push(format!(
                    "it says {} {}, but {is} {what} ({})",
                    said,
                    slot.cues.first().map_or("", |c| c),
                    filled.said
                ));
            }
        }
    }

    /// Which of the goals of the template is meant; an error where none is.
    pub fn goal(text: &Text<'_>, template: &Template) -> Result<Option<Range<usize>>, String> {
        let all = text.goals();
        let plain: Vec<&Stated> = all.iter().filter(|stated| stated.plain).collect();
        let meant: Vec<&Stated> = if plain.is_empty() { all.iter().collect() } else { plain };
        let fits: Vec<_> = meant.iter().filter_map(|stated| text.goal_among(stated, &template.goals)).collect();
        let lost = meant.len().saturating_sub(fits.len());
        match fits.first() {
            Some((_, tokens)) if lost == 0 || meant.iter().all(|stated| !stated.plain) => Ok(Some(tokens.clone())),
            Some(_) => Err("it asks for more than one goal".to_owned()),
            None if meant.iter().any(|stated| stated.plain) => Err("it asks for another goal".to_owned()),
            None => Ok(None),
        }
    }
}
