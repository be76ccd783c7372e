//! Parameters: a number, a list, a table by members, each with a unit and a source where it is given.

use super::{Fields, Reader, field, step};
use crate::limits::MODEL_ENTRIES_MAX;
use crate::modelling::json::Json;
use crate::modelling::members::{Member, Set};
use crate::modelling::names::did_you_mean;
use crate::modelling::parts::{ParamSet, Parameter, Thing};

const FIELDS: [&str; 7] = ["value", "unit", "source", "index", "default", "description", "comment"];

/// What is known of one level of a table while it is read.
enum Level {
    /// A list, with its length.
    List(usize),
    /// An object, with the members that its keys are.
    Table(Vec<u32>),
}

/// One way into a table.
#[derive(Clone, Copy)]
enum Key {
    Place(usize),
    Member(u32),
}

impl Reader {
    pub(super) fn parameters(&mut self, fields: Fields<'_>) {
        let Some(found) = field(fields, "parameters") else { return };
        let Json::Object(parameters) = found else {
            return self.wrong("/parameters", format!("found {} where an object of parameters would be right", found.kind()));
        };
        for (name, json) in parameters {
            let pointer = format!("/parameters{}", step(name));
            self.parameter(name, json, &pointer);
        }
    }

    fn parameter(&mut self, name: &str, json: &Json, pointer: &str) {
        let rich = matches!(json, Json::Object(fields) if fields.iter().any(|(name, _)| name == "value"));
        let (mut value, mut at) = (json, pointer.to_owned());
        let (mut unit, mut source, mut index, mut default) = (None, None, None, None);
        if rich {
            let Some(fields) = self.fields(json, pointer, &FIELDS) else { return };
            at = format!("{pointer}/value");
            let Some(found) = field(fields, "value") else { return self.wrong(at, "the value is missing") };
            value = found;
            unit = self.text(fields, pointer, "unit").map(ToOwned::to_owned);
            source = self.text(fields, pointer, "source").map(ToOwned::to_owned);
            if let Some(found) = field(fields, "index") {
                let Some(sets) = self.index_sets(found, &format!("{pointer}/index")) else { return };
                index = Some(sets.into_iter().map(|(set, _)| set).collect::<Vec<_>>());
            }
            default = match field(fields, "default") {
                None => None,
                Some(Json::Number(value)) => self.number(*value, &format!("{pointer}/default")),
                Some(other) => {
                    return self
                        .wrong(format!("{pointer}/default"), format!("found {} where a number would be right", other.kind()));
                }
            };
        }
        let Some((sets, values)) = self.table(value, &at, index.as_deref(), default) else { return };
        if !self.name(name, Thing::Param(self.parts.parameters.len()), pointer) {
            return;
        }
        let (Ok(base), Ok(len)) = (u32::try_from(self.values.len()), u32::try_from(values.len())) else { return };
        self.parts.values = base + len;
        self.values.extend(values);
        self.parts.parameters.push(Parameter { name: name.to_owned(), sets, base, len, unit, source, pointer: at });
    }

    fn table(
        &mut self,
        json: &Json,
        pointer: &str,
        index: Option<&[usize]>,
        default: Option<f64>,
    ) -> Option<(Vec<ParamSet>, Vec<f64>)> {
        let (mut levels, mut entries) = (Vec::new(), Vec::new());
        self.entries(json, pointer, &mut Vec::new(), &mut (&mut levels, &mut entries))?;
        if let Some(index) = index
            && index.len() != levels.len()
        {
            self.wrong(pointer, format!("the value has {} levels and `index` names {} sets", levels.len(), index.len()));
            return None;
        }
        let mut sets = Vec::new();
        for (place, level) in levels.iter().enumerate() {
            sets.push(self.level_set(level, index.map(|index| index[place]), pointer)?);
        }
        let size = sets.iter().map(|set| self.parts.sets[set.set].len()).try_fold(1_usize, |all, size| all.checked_mul(size));
        let room = MODEL_ENTRIES_MAX.saturating_sub(self.values.len());
        let Some(size) = size.filter(|size| *size <= room) else {
            self.wrong(
                pointer,
                format!("the parameters have more than {MODEL_ENTRIES_MAX} entries together, gaps in tables included"),
            );
            return None;
        };
        let mut values = vec![default.unwrap_or(f64::NAN); size];
        for (keys, value) in entries {
            let mut offset = 0;
            for (key, set) in keys.iter().zip(&sets) {
                let set = &self.parts.sets[set.set];
                let place = match key {
                    Key::Place(place) => *place,
                    Key::Member(member) => set.place(*member)? as usize,
                };
                offset = offset * set.len() + place;
            }
            values[offset] = value;
        }
        Some((sets, values))
    }

    /// Gathers the numbers of a table with the way to each.
    fn entries(
        &mut self,
        json: &Json,
        pointer: &str,
        keys: &mut Vec<Key>,
        found: &mut (&mut Vec<Level>, &mut Vec<(Vec<Key>, f64)>),
    ) -> Option<()> {
        let depth = keys.len();
        match json {
            Json::Number(value) => {
                if found.0.len() != depth {
                    self.wrong(
                        pointer,
                        format!("a number stands here {depth} levels deep and others stand {} levels deep", found.0.len()),
                    );
                    return None;
                }
                let value = self.number(*value, pointer)?;
                found.1.push((keys.clone(), value));
                Some(())
            }
            Json::List(items) => {
                if found.0.len() == depth && found.1.is_empty() {
                    found.0.push(Level::List(items.len()));
                }
                match found.0.get(depth) {
                    Some(Level::List(length)) if *length == items.len() && *length > 0 => {}
                    Some(Level::List(length)) => {
                        self.wrong(
                            pointer,
                            format!("a list of {} stands where others have {length}; a list can't be empty", items.len()),
                        );
                        return None;
                    }
                    _ => return self.mixed(pointer),
                }
                for (place, item) in items.iter().enumerate() {
                    keys.push(Key::Place(place));
                    self.entries(item, &format!("{pointer}/{place}"), keys, found)?;
                    keys.pop();
                }
                Some(())
            }
            Json::Object(fields) => {
                if found.0.len() == depth && found.1.is_empty() {
                    found.0.push(Level::Table(Vec::new()));
                }
                for (name, item) in fields {
                    let member = self.key(name);
                    match found.0.get_mut(depth) {
                        Some(Level::Table(members)) => members.push(member),
                        _ => return self.mixed(pointer),
                    }
                    keys.push(Key::Member(member));
                    self.entries(item, &format!("{pointer}{}", step(name)), keys, found)?;
                    keys.pop();
                }
                if fields.is_empty() {
                    self.wrong(pointer, "a table can't be empty");
                    return None;
                }
                Some(())
            }
            other => {
                self.wrong(pointer, format!("found {} where a number, a list or a table would be right", other.kind()));
                None
            }
        }
    }

    fn mixed(&mut self, pointer: &str) -> Option<()> {
        self.wrong(pointer, "lists, tables and numbers stand mixed at one level; each level is all of one kind");
        None
    }

    /// The member that a key of a table names; one with commas is a tuple where a set has that tuple.
    fn key(&mut self, name: &str) -> u32 {
        if name.contains(',') {
            let parts: Option<Vec<u32>> =
                name.split(',').map(|part| self.parts.members.find(&Member::from_text(part.trim()))).collect();
            if let Some(id) = parts.and_then(|parts| self.parts.members.find(&Member::Tuple(parts.into()))) {
                return id;
            }
        }
        self.parts.members.intern(Member::from_text(name))
    }

    fn level_set(&mut self, level: &Level, declared: Option<usize>, pointer: &str) -> Option<ParamSet> {
        match (level, declared) {
            (Level::List(length), Some(set)) => {
                let found = self.parts.sets[set].len();
                if found == *length {
                    return Some(ParamSet { set, open: false });
                }
                let name = self.parts.sets[set].name.clone();
                self.wrong(pointer, format!("the list has {length} entries and the set `{name}` has {found} members"));
                None
            }
            (Level::List(length), None) => {
                let members =
                    (0..*length as u64).map(|place| self.parts.members.intern(Member::Whole(place.cast_signed()))).collect();
                self.parts.sets.push(Set::new("a list", members, 1));
                Some(ParamSet { set: self.parts.sets.len() - 1, open: true })
            }
            (Level::Table(members), Some(set)) => {
                let stranger = members.iter().find(|member| self.parts.sets[set].place(**member).is_none());
                if let Some(member) = stranger {
                    let (member, set) = (self.parts.members.text(*member), &self.parts.sets[set]);
                    let texts: Vec<String> = set.members.iter().take(2_000).map(|id| self.parts.members.text(*id)).collect();
                    let hint = did_you_mean(&member, texts.iter().map(String::as_str));
                    let detail = format!("`{member}` is not a member of the set `{}`{hint}", set.name);
                    self.wrong(pointer, detail);
                    return None;
                }
                Some(ParamSet { set, open: false })
            }
            (Level::Table(members), None) => {
                // The smallest set that has all these members; a set of their own where there is none, as for `cvar_btc`.
                let sets = self.parts.sets.iter().enumerate();
                let fitting = sets
                    .filter(|(_, set)| members.iter().all(|member| set.place(*member).is_some()))
                    .min_by_key(|(_, set)| set.len());
                if let Some((set, _)) = fitting {
                    return Some(ParamSet { set, open: false });
                }
                let mut own = Vec::new();
                let mut seen = std::collections::HashSet::new();
                own.extend(members.iter().copied().filter(|member| seen.insert(*member)));
                self.parts.sets.push(Set::new("the keys of a table", own, 1));
                Some(ParamSet { set: self.parts.sets.len() - 1, open: false })
            }
        }
    }
}
