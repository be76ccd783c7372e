//! The slots that hold something for each name: numbers, marks, orders, tables.

use super::names::Mention;
use super::numbers::Unit;
use super::owners::Owned;
use super::slots::Filler;
use super::tokens::Kind;
use crate::engine::optimise::templates::{Filling, Slot, SlotKind};
use std::collections::BTreeMap;

/// Words that say that a number holds for each name alike.
const ALIKE: &[&str] = &["each", "every", "any", "all", "per"];

impl Filler<'_> {
    /// Fills the slots that hold a number for each name.
    pub(super) fn owned(&mut self) {
        let template = self.template;
        for slot in &template.slots {
            if let (SlotKind::PerName(unit), Some(of)) = (&slot.kind, &slot.of)
                && self.slots.contains_key(of)
            {
                self.run(slot, of, *unit);
            }
        }
        let mut holders: Vec<&String> =
            template.slots.iter().filter(|s| matches!(s.kind, SlotKind::PerName(_))).filter_map(|s| s.of.as_ref()).collect();
        holders.sort_unstable();
        holders.dedup();
        for of in holders {
            self.one_by_one(of);
        }
        for slot in &template.slots {
            if let (SlotKind::PerName(unit), Some(of)) = (&slot.kind, &slot.of) {
                self.alike(slot, of, *unit);
            }
        }
    }

    /// `18%, 31% and 42%` beside its phrase, in the order of the names.
    fn run(&mut self, slot: &Slot, of: &str, unit: Unit) {
        let names = self.names_of(of);
        if names.len() < 2 {
            return;
        }
        let runs = self.text.runs(names.len(), |at| self.free(at));
        let fits = |run: &Vec<usize>| {
            let ends = run.first().copied().unwrap_or_default()..run.last().copied().unwrap_or_default() + 1;
            let near = self.text.cue_about(ends, &slot.cues);
            let values = self.text.run_as(run, unit, near.is_some())?;
            near.map(|near| (near, run.clone(), values))
        };
        let Some((_, run, values)) = runs.iter().filter_map(fits).min_by_key(|(near, ..)| *near) else { return };
        run.iter().for_each(|token| self.take_number(*token));
        let said =
            self.text.slice(run.first().copied().unwrap_or_default()..run.last().copied().unwrap_or_default() + 1).to_owned();
        let values = names.into_iter().map(|name| name.id).zip(values).collect();
        self.put(&slot.name, Filling::PerName(values), said);
    }

    /// `BTC 18%, ETH 31%`, `3 hours for a SAR draft`, `A costs $3M and returns $5M`.
    fn one_by_one(&mut self, of: &str) {
        let (names, mentions, list) = self.mentions_of(of);
        let template = self.template;
        let slots: Vec<(&Slot, Unit)> = template
            .slots
            .iter()
            .filter(|slot| slot.of.as_deref() == Some(of) && !self.slots.contains_key(&slot.name))
            .filter_map(|slot| if let SlotKind::PerName(unit) = slot.kind { Some((slot, unit)) } else { None })
            .collect();
        let owned = self.text.owned(&self.free_numbers(), &mentions, &list);
        let mut found: BTreeMap<&str, BTreeMap<String, (usize, f64)>> = BTreeMap::new();
        for Owned { token, name } in owned {
            let Some((slot, value)) = self.attribute(&slots, token, &mentions) else { continue };
            let Some(name) = names.get(name) else { continue };
            let held = found.entry(&slot.name).or_default();
            if let Some((_, other)) = held.insert(name.id.clone(), (token, value))
                && (other - value).abs() > 1e-12
            {
                self.wrong.push(format!("it says both {other} and {value} for {} ({})", name.said, slot.name));
            }
        }
        for (slot, _) in slots {
            let Some(held) = found.remove(&*slot.name) else { continue };
            let lost: Vec<&str> = names.iter().filter(|name| !held.contains_key(&name.id)).map(|name| &*name.said).collect();
            held.values().for_each(|(token, _)| self.take_number(*token));
            if !lost.is_empty() && slot.fill.is_none() {
                self.ask(slot, Some(lost.join(", ")));
                continue;
            }
            let value = |id: &str| held.get(id).map(|(_, value)| *value).or(slot.fill);
            let said: Vec<String> = names.iter().filter_map(|n| Some(format!("{} {}", n.said, value(&n.id)?))).collect();
            let values = names.iter().filter_map(|name| Some((name.id.clone(), value(&name.id)?))).collect();
            self.put(&slot.name, Filling::PerName(values), said.join(", "));
        }
    }

    /// Which of the slots a number fills by the phrases about it; one without phrases takes what no other is marked for.
    fn attribute<'s>(&self, slots: &[(&'s Slot, Unit)], token: usize, mentions: &[Mention]) -> Option<(&'s Slot, f64)> {
        let bound = self.text.bound_at(token);
        let marked = slots.iter().filter_map(|(slot, unit)| {
            let near = self.text.cue_near(token, &slot.cues)?;
            let value = self.text.value_as(token, *unit, true)?;
            (slot.bound == bound).then_some((near, *slot, value))
        });
        if let Some((_, slot, value)) = marked.min_by_key(|(near, ..)| *near) {
            return Some((slot, value));
        }
        let beside = |mention: &Mention| {
            let between = mention.tokens.end..token;
            let soft = |at: usize| {
                self.text.tokens.get(at).is_some_and(|t| {
                    matches!(t.kind, Kind::Sign('(' | ':' | '=' | '-' | '–'))
                        || matches!(&*t.lower, "at" | "is" | "of" | "has" | "with" | "needs" | "takes")
                })
            };
            mention.tokens.end <= token && between.len() <= 2 && between.clone().all(soft)
        };
        let tied = mentions.iter().any(beside);
        let plain = slots.iter().filter_map(|(slot, unit)| {
            let by_bound = bound.is_some() && slot.bound == bound;
            let loose = slot.bound.is_none() && bound.is_none() && tied && !slot.marked;
            (by_bound || loose).then(|| Some((*slot, self.text.value_as(token, *unit, false)?))).flatten()
        });
        let all: Vec<_> = plain.collect();
        if let [only] = &*all { Some(*only) } else { None }
    }

    /// `each case takes 2 hours`.
    fn alike(&mut self, slot: &Slot, of: &str, unit: Unit) {
        if self.slots.contains_key(&slot.name)
            || slot.fill.is_some()
            || slot.bound.is_some()
            || self.missing.iter().any(|m| m.slot == slot.name)
        {
            return;
        }
        let names = self.names_of(of);
        for token in self.free_numbers() {
            let Some(value) = self.text.value_as(token, unit, true) else { continue };
            let sentence = self.text.tokens.get(token).map(|t| t.sentence);
            let alike = (token.saturating_sub(6)..token + 4)
                .any(|at| self.text.tokens.get(at).is_some_and(|t| Some(t.sentence) == sentence && ALIKE.contains(&&*t.lower)));
            if !names.is_empty() && alike && self.text.cue_near(token, &slot.cues).is_some() {
                self.take_number(token);
                let values = names.iter().map(|name| (name.id.clone(), value)).collect();
                self.put(&slot.name, Filling::PerName(values), format!("{} each", self.text.slice(token..token + 1)));
                return;
            }
        }
    }

    /// Fills a slot that relates names to one another or tells some of them apart.
    pub(super) fn related(&mut self, slot: &Slot) {
        let Some(of) = slot.of.as_deref().filter(|of| self.slots.contains_key(*of)) else { return };
        match slot.kind {
            SlotKind::Marked => self.marked(slot, of),
            SlotKind::Some => self.some(slot, of),
            SlotKind::Order => self.order(slot, of),
            SlotKind::Table(unit) => self.table(slot, of, unit),
            _ => {}
        }
    }

    /// `SAR drafts require senior investigators` marks SAR drafts.
    fn marked(&mut self, slot: &Slot, of: &str) {
        let (names, mentions, list) = self.mentions_of(of);
        let mut values: BTreeMap<String, f64> = names.iter().map(|name| (name.id.clone(), 0.0)).collect();
        let mut said = Vec::new();
        for mention in mentions.iter().filter(|mention| !list.contains(&mention.tokens.start)) {
            let cue = (mention.tokens.end..mention.tokens.end + 6)
                .find_map(|at| slot.cues.iter().find_map(|cue| Some(at..at + self.text.phrase_at(at, cue)?)));
            let same = |end: usize| {
                (mention.tokens.end..end).all(|at| {
                    self.text
                        .tokens
                        .get(at)
                        .is_some_and(|t| !t.is_sign('.') && !t.is_sign(';') && !matches!(&*t.lower, "not" | "no" | "never"))
                })
            };
            if let (Some(cue), Some(name)) = (cue.filter(|cue| same(cue.start)), names.get(mention.name)) {
                values.insert(name.id.clone(), 1.0);
                said.push(name.said.clone());
                self.take(mention.tokens.start..cue.end);
            }
        }
        if !said.is_empty() {
            self.put(&slot.name, Filling::PerName(values), said.join(", "));
        }
    }

    /// `4 of them are senior`: which of a crew that is only counted does not matter, so the first ones are.
    fn some(&mut self, slot: &Slot, of: &str) {
        let names = self.names_of(of);
        for token in self.free_numbers() {
            let Some(count) = self.text.value_as(token, Unit::Plain, true) else { continue };
            let behind = (token + 1..token + 6)
                .take_while(|at| self.text.tokens.get(*at).is_some_and(|t| t.is_word() && !t.separates()))
                .find_map(|at| slot.cues.iter().find_map(|cue| Some(at..at + self.text.phrase_at(at, cue)?)));
            let Some(cue) = behind else { continue };
            if count > names.len() as f64 || count < 0.0 || count.fract() != 0.0 {
                self.wrong.push(format!("it says {count} of {}", names.len()));
                continue;
            }
            self.take_number(token);
            self.take(cue);
            let flag = |at: usize| f64::from(u8::from(at < count as usize));
            let values = names.iter().enumerate().map(|(at, name)| (name.id.clone(), flag(at))).collect();
            self.put(&slot.name, Filling::PerName(values), format!("{count} of {}", names.len()));
            return;
        }
    }

    /// Which names of a cycle are among so many in a row from each.
    pub(super) fn in_a_row(&mut self, slot: &Slot) {
        let (Some(of), Some(with)) = (&slot.of, &slot.with) else { return };
        let names = self.names_of(of);
        let Some(Filling::Number(run)) = self.slots.get(with).map(|filled| filled.filling.clone()) else { return };
        let count = names.len();
        if slot.kind != SlotKind::InARow || count == 0 || run < 1.0 || run > count as f64 || run.fract() != 0.0 {
            return;
        }
        let row = |from: usize| {
            let flag = |to: usize| f64::from(u8::from(((to + count - from) % count) < run as usize));
            names.iter().enumerate().map(|(to, name)| (name.id.clone(), flag(to))).collect()
        };
        let table = names.iter().enumerate().map(|(from, name)| (name.id.clone(), row(from))).collect();
        self.put(&slot.name, Filling::Table(table), format!("{run} in a row"));
    }

    /// `A before B`, `B after A`, `A must precede B`.
    fn order(&mut self, slot: &Slot, of: &str) {
        let (names, mentions, _) = self.mentions_of(of);
        let mut pairs = Vec::new();
        for pair in mentions.windows(2) {
            let [first, second] = pair else { continue };
            let between = first.tokens.end..second.tokens.start;
            let said = |word: &str| between.clone().any(|at| self.text.phrase_at(at, word).is_some());
            let apart = between.clone().any(|at| self.text.tokens.get(at).is_none_or(|t| !t.is_word())) || said("not");
            let turned = said("after") || said("follow*");
            let cued = turned || slot.cues.iter().any(|cue| said(cue));
            if apart || !cued {
                continue;
            }
            let (Some(a), Some(b)) = (names.get(first.name), names.get(second.name)) else { continue };
            let (a, b) = if turned { (b, a) } else { (a, b) };
            self.take(first.tokens.start..second.tokens.end);
            pairs.push((a.id.clone(), b.id.clone()));
        }
        if !pairs.is_empty() {
            let said: Vec<String> = pairs.iter().map(|(a, b)| format!("{a} before {b}")).collect();
            self.put(&slot.name, Filling::Pairs(pairs), said.join(", "));
        }
    }

    /// `from Porto to Lyon costs $4`, `$4 from Porto to Lyon`: the two names that stand nearest to the number.
    fn table(&mut self, slot: &Slot, of: &str, unit: Unit) {
        let Some(to) = slot.to.as_deref() else { return };
        let ((rows, from, rows_list), (columns, into, columns_list)) = (self.mentions_of(of), self.mentions_of(to));
        let free = |mentions: Vec<Mention>, list: std::ops::Range<usize>| {
            mentions.into_iter().filter(move |m| !list.contains(&m.tokens.start)).collect::<Vec<_>>()
        };
        let (from, into) = (free(from, rows_list), free(into, columns_list));
        let mut table: BTreeMap<String, BTreeMap<String, f64>> = BTreeMap::new();
        let pairs: Vec<(&Mention, &Mention)> = from
            .iter()
            .filter_map(|a| {
                Some((a, into.iter().find(|b| b.tokens.start >= a.tokens.end && b.tokens.start - a.tokens.end <= 2)?))
            })
            .collect();
        for token in self.free_numbers() {
            let Some(value) = self.text.value_as(token, unit, true) else { continue };
            let sentence = self.text.tokens.get(token).map(|t| t.sentence);
            let same = |at: usize| self.text.tokens.get(at).map(|t| t.sentence) == sentence;
            let before = pairs.iter().rfind(|(_, b)| b.tokens.end <= token && same(b.tokens.start) && token - b.tokens.end <= 3);
            let behind =
                pairs.iter().find(|(a, _)| a.tokens.start > token && same(a.tokens.start) && a.tokens.start - token <= 3);
            let Some((a, b)) = before.or(behind) else { continue };
            let (Some(row), Some(column)) = (rows.get(a.name), columns.get(b.name)) else { continue };
            self.take_number(token);
            table.entry(row.id.clone()).or_default().insert(column.id.clone(), value);
        }
        let lost: Vec<String> = rows
            .iter()
            .flat_map(|row| columns.iter().map(move |column| (row, column)))
            .filter(|(row, column)| table.get(&row.id).is_none_or(|of| !of.contains_key(&column.id)))
            .map(|(row, column)| format!("{} to {}", row.said, column.said))
            .collect();
        match &*lost {
            [] => self.put(&slot.name, Filling::Table(table), "as told".to_owned()),
            lost => self.ask(slot, (!table.is_empty()).then(|| lost.join(", "))),
        }
    }
}
