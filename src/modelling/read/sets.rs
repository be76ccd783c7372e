//! Sets: a list of members, of tuples, or a range of whole numbers.

use super::{Fields, Reader, field, step};
use crate::limits::{MODEL_ENTRIES_MAX, MODEL_NAME_CHARS_MAX};
use crate::modelling::json::Json;
use crate::modelling::members::{Member, Set};
use crate::modelling::parts::Thing;
use std::collections::HashSet;

impl Reader {
    pub(super) fn sets(&mut self, fields: Fields<'_>) {
        let Some(found) = field(fields, "sets") else { return };
        let Json::Object(sets) = found else {
            return self.wrong("/sets", format!("found {} where an object of sets would be right", found.kind()));
        };
        let mut total = 0_usize;
        for (name, json) in sets {
            let pointer = format!("/sets{}", step(name));
            let Some((members, arity)) = self.set_members(json, &pointer, MODEL_ENTRIES_MAX.saturating_sub(total)) else {
                continue;
            };
            total += members.len();
            if members.is_empty() {
                self.wrong(
                    &pointer,
                    format!("the set `{name}` is empty; a sum over it would be nothing, so leave it out or give it members"),
                );
                continue;
            }
            if self.name(name, Thing::Set(self.parts.sets.len()), &pointer) {
                self.parts.sets.push(Set::new(name.clone(), members, arity));
            }
        }
    }

    fn set_members(&mut self, json: &Json, pointer: &str, most: usize) -> Option<(Vec<u32>, usize)> {
        let items = match json {
            Json::List(items) => items,
            Json::Object(_) => return Some((self.range(json, pointer, most)?, 1)),
            other => {
                let detail =
                    format!("found {} where a list of members, or {{\"from\": 1, \"to\": 10}}, would be right", other.kind());
                self.wrong(pointer, detail);
                return None;
            }
        };
        if items.len() > most {
            self.wrong(pointer, format!("more than {MODEL_ENTRIES_MAX} members in all sets together"));
            return None;
        }
        let (mut members, mut seen, mut arity) = (Vec::new(), HashSet::new(), None);
        for (at, item) in items.iter().enumerate() {
            let pointer = format!("{pointer}/{at}");
            let parts = match item {
                Json::List(parts) => parts.as_slice(),
                one => std::slice::from_ref(one),
            };
            let ids = parts.iter().map(|part| self.member(part, &pointer)).collect::<Option<Vec<_>>>()?;
            if ids.len() != *arity.get_or_insert(ids.len()) || ids.is_empty() {
                self.wrong(pointer, format!("this member has {} parts and the first has {}", ids.len(), arity.unwrap_or(0)));
                return None;
            }
            let id = if ids.len() == 1 { ids[0] } else { self.parts.members.intern(Member::Tuple(ids.into())) };
            if !seen.insert(id) {
                let text = self.parts.members.text(id);
                self.wrong(pointer, format!("`{text}` is in the set twice"));
                return None;
            }
            members.push(id);
        }
        Some((members, arity.unwrap_or(1)))
    }

    fn member(&mut self, json: &Json, pointer: &str) -> Option<u32> {
        #[expect(clippy::cast_possible_truncation, reason = "a whole number below 1e15 is kept as it is")]
        let member = match json {
            Json::Text(text) if !text.is_empty() && text.chars().count() <= MODEL_NAME_CHARS_MAX => Member::from_text(text),
            Json::Number(value) if value.fract() == 0.0 && value.abs() < 1e15 => Member::Whole(*value as i64),
            Json::Text(_) => {
                self.wrong(pointer, format!("a member has 1 to {MODEL_NAME_CHARS_MAX} characters"));
                return None;
            }
            other => {
                self.wrong(pointer, format!("found {} where a member, a text or a whole number, would be right", other.kind()));
                return None;
            }
        };
        Some(self.parts.members.intern(member))
    }

    fn range(&mut self, json: &Json, pointer: &str, most: usize) -> Option<Vec<u32>> {
        let fields = self.fields(json, pointer, &["from", "to"])?;
        let mut ends = Vec::new();
        for name in ["from", "to"] {
            match field(fields, name) {
                #[expect(clippy::cast_possible_truncation, reason = "a whole number below 1e9 is kept as it is")]
                Some(Json::Number(value)) if value.fract() == 0.0 && value.abs() < 1e9 => ends.push(*value as i64),
                _ => {
                    self.wrong(format!("{pointer}/{name}"), "a range has whole numbers `from` and `to`");
                    return None;
                }
            }
        }
        let length = usize::try_from(ends[1] - ends[0] + 1).unwrap_or(0);
        if length > most {
            self.wrong(pointer, format!("more than {MODEL_ENTRIES_MAX} members in all sets together"));
            return None;
        }
        Some((ends[0]..=ends[1]).map(|value| self.parts.members.intern(Member::Whole(value))).collect())
    }
}
