//! The slots that hold names: lists, counts, ranges, crews, and what stands before a verb.

use super::names::{List, Name, identifier};
use super::slots::Filler;
use super::tokens::Kind;
use crate::engine::optimise::templates::{Filling, Slot, SlotKind};
use std::ops::Range;

/// How many tokens a list may begin behind the phrase that announces it, as in `across our three markets: BTC, …`.
const LIST_REACH: usize = 5;

/// How many names may be made of a count or a range.
const MADE_MAX: f64 = 500.0;

impl Filler<'_> {
    /// Fills a slot that holds names.
    pub(super) fn names(&mut self, slot: &Slot) {
        match slot.kind {
            SlotKind::Names if !slot.words.is_empty() => self.known_words(slot),
            SlotKind::Names => {
                if let Some((list, cue)) = self.list_of(slot) {
                    self.take(cue);
                    self.count_before(&list);
                    self.put_names(&slot.name, list);
                }
            }
            SlotKind::Counted => self.counted(slot),
            SlotKind::Subjects => {
                let parts = self.subjects(&slot.cues).into_iter().map(|(subject, _)| subject).collect();
                if let Some(list) = self.distinct(parts).filter(|list| list.names.len() >= 2) {
                    // The names are told apart, each in its own place.
                    let list = List { tokens: list.tokens.start..list.tokens.start, ..list };
                    self.put_names(&slot.name, list);
                }
            }
            SlotKind::Range => self.range(slot),
            SlotKind::Crew => self.crew(slot),
            SlotKind::Covers => self.covers(slot),
            _ => {}
        }
    }

    /// Names with capitals behind a phrase that announces them, else wherever they stand; else any names behind such a phrase.
    fn list_of(&self, slot: &Slot) -> Option<(List, Range<usize>)> {
        let text = self.text;
        let many = |list: &List| list.names.len() >= 2;
        let capitals = |list: &List| list.names.iter().all(|name| name.said.starts_with(char::is_uppercase));
        let behind = |at: usize, proper: bool| {
            let cue = slot.cues.iter().find_map(|cue| Some(at..at + text.phrase_at(at, cue)?))?;
            let fits = |list: &List| many(list) && (!proper || capitals(list)) && self.unlisted(list);
            let list = (cue.end..cue.end + LIST_REACH).find_map(|from| text.list_at(from).filter(fits))?;
            Some((list, cue))
        };
        let alone = |at: usize| {
            let list = text.list_at(at).filter(|list| many(list) && capitals(list) && self.unlisted(list))?;
            Some((list, at..at))
        };
        let all = || 0..text.tokens.len();
        all().find_map(|at| behind(at, true)).or_else(|| all().find_map(alone)).or_else(|| all().find_map(|at| behind(at, false)))
    }

    /// Whether no other slot has these tokens.
    fn unlisted(&self, list: &List) -> bool {
        list.tokens.clone().all(|at| self.free(at) || self.text.tokens.get(at).is_none_or(|t| !t.is_word()))
    }

    /// `three markets` before a list of three says nothing new; before a list of four it contradicts it.
    fn count_before(&mut self, list: &List) {
        for back in 1..=3 {
            let Some(at) = list.tokens.start.checked_sub(back) else { return };
            if let Some(Kind::Number(number)) = self.text.tokens.get(at).map(|t| t.kind)
                && let Some(value) =
                    self.text.numbers.get(number).filter(|n| n.unit == super::numbers::Unit::Plain).map(|n| n.value)
            {
                self.take_number(at);
                if (value - list.names.len() as f64).abs() > 1e-9 {
                    self.wrong.push(format!("it says {value}, but lists {}", list.names.len()));
                }
                return;
            }
        }
    }

    fn known_words(&mut self, slot: &Slot) {
        let said: Vec<Range<usize>> =
            slot.words.iter().filter_map(|word| self.text.find(word).or_else(|| self.text.find(&format!("{word}s")))).collect();
        if let Some(list) = self.text.list(said).filter(|list| list.names.len() >= 2) {
            let list = List { tokens: list.tokens.start..list.tokens.start, ..list };
            self.put_names(&slot.name, list);
        }
    }

    fn counted(&mut self, slot: &Slot) {
        let Some((list, counts)) = self.text.counted(|at| self.free(at)) else { return };
        let values =
            list.names.iter().zip(&counts).filter_map(|(name, token)| {
                Some((name.id.clone(), self.text.value_as(*token, super::numbers::Unit::Plain, true)?))
            });
        let values: std::collections::BTreeMap<String, f64> = values.collect();
        if values.len() != list.names.len() {
            return;
        }
        let told = self.text.slice(counts.first().copied().unwrap_or_default()..list.tokens.end).to_owned();
        counts.iter().for_each(|token| self.take_number(*token));
        self.put_names(&slot.name, list);
        self.put(&format!("{}.count", slot.name), Filling::PerName(values), told);
    }

    /// What stands before the phrases, each with where the phrase ends.
    fn subjects(&self, cues: &[String]) -> Vec<(Range<usize>, usize)> {
        let at_cue = |at: usize| {
            let taken = cues.iter().find_map(|cue| self.text.phrase_at(at, cue))?;
            Some((self.text.name_before(at)?, at + taken))
        };
        (0..self.text.tokens.len()).filter_map(at_cue).collect()
    }

    /// Names without those that were told before.
    fn distinct(&self, parts: Vec<Range<usize>>) -> Option<List> {
        let mut seen = std::collections::BTreeSet::new();
        let first = |part: &Range<usize>| seen.insert(identifier(self.text.slice(part.clone())));
        self.text.list(parts.into_iter().filter(first).collect())
    }

    fn range(&mut self, slot: &Slot) {
        for token in self.free_numbers() {
            let Some(Kind::Number(at)) = self.text.tokens.get(token).map(|t| t.kind) else { continue };
            let Some(number) = self.text.numbers.get(at) else { continue };
            if self.text.cue_near(token, &slot.cues).is_none_or(|distance| distance > 2) {
                continue;
            }
            let (from, to) = number.to.map_or((1.0, number.value), |to| (number.value, to));
            if from < 0.0 || to - from >= MADE_MAX || to < from || from.fract() + to.fract() != 0.0 {
                continue;
            }
            let word = slot.words.first().cloned().unwrap_or_else(|| slot.name.clone());
            self.take_number(token);
            self.made(slot, (from as usize..=to as usize).map(|at| format!("{word} {at}")).collect());
            return;
        }
    }

    fn made(&mut self, slot: &Slot, said: Vec<String>) {
        let names: Vec<Name> = said.into_iter().map(|said| Name { id: said.replace(' ', "_").to_lowercase(), said }).collect();
        self.put_names(&slot.name, List { names, tokens: 0..0 });
    }

    /// Names where they are listed behind the phrase, else as many as are told.
    fn crew(&mut self, slot: &Slot) {
        for token in self.free_numbers() {
            let Some(Kind::Number(at)) = self.text.tokens.get(token).map(|t| t.kind) else { continue };
            let Some(number) = self.text.numbers.get(at) else { continue };
            let behind = (token + 1..token + 4)
                .find_map(|at| slot.cues.iter().find_map(|cue| self.text.phrase_at(at, cue).map(|taken| at..at + taken)));
            let (Some(cue), true) = (behind, number.unit == super::numbers::Unit::Plain && number.to.is_none()) else { continue };
            if !(1.0..=MADE_MAX).contains(&number.value) || number.value.fract() != 0.0 {
                continue;
            }
            let count = number.value as usize;
            let told = (cue.end..cue.end + 3)
                .find_map(|from| self.text.list_at(from))
                .filter(|list| list.names.len() == count && count > 1);
            self.take_number(token);
            self.take(cue.clone());
            match told {
                Some(list) => self.put_names(&slot.name, list),
                None => {
                    let word =
                        super::names::singular(&self.text.tokens.get(cue.start).map(|t| t.lower.clone()).unwrap_or_default());
                    self.made(slot, (1..=count).map(|at| format!("{word} {at}")).collect());
                }
            }
            return;
        }
        if let Some((list, cue)) = self.list_of(slot) {
            self.take(cue);
            self.put_names(&slot.name, list);
        }
    }

    /// `A covers X and Y; B covers Y`.
    fn covers(&mut self, slot: &Slot) {
        let (mut by, mut of, mut rows) = (Vec::new(), Vec::new(), Vec::new());
        for (subject, end) in self.subjects(&slot.cues) {
            let Some(list) = self.text.list_at(end) else { continue };
            self.take(subject.start..list.tokens.end);
            let covered: Vec<Range<usize>> = vec![list.tokens.clone()];
            rows.push((identifier(self.text.slice(subject.clone())), list.names.clone()));
            by.push(subject);
            of.push((list, covered));
        }
        let names: Vec<Name> = of.into_iter().flat_map(|(list, _)| list.names).fold(Vec::new(), |mut all, name| {
            if !all.iter().any(|held: &Name| held.id == name.id) {
                all.push(name);
            }
            all
        });
        let Some(stations) = self.distinct(by).filter(|list| list.names.len() == rows.len() && rows.len() >= 2) else { return };
        let row =
            |covers: &[Name]| names.iter().map(|name| (name.id.clone(), f64::from(u8::from(covers.contains(name))))).collect();
        // A name that is said twice in other letters is one.
        let table = rows.iter().map(|(id, covers)| {
            let covers: Vec<Name> = names.iter().filter(|name| covers.iter().any(|c| c.id == name.id)).cloned().collect();
            (id.clone(), row(&covers))
        });
        let said: Vec<String> = stations.names.iter().map(|name| name.said.clone()).collect();
        self.put(&slot.name, Filling::Table(table.collect()), said.join(", "));
        let apart = |names: Vec<Name>| List { names, tokens: 0..0 };
        self.put_names(&format!("{}.by", slot.name), apart(stations.names));
        self.put_names(&format!("{}.of", slot.name), apart(names));
    }
}
