//! Decision variables: name, kind, index sets, bounds, unit.

use super::{Fields, Reader, field};
use crate::limits::{MODEL_ERRORS_MAX, PROGRAM_COLUMNS_MAX};
use crate::modelling::error::Fault;
use crate::modelling::json::Json;
use crate::modelling::names::did_you_mean;
use crate::modelling::node::{Node, NodeKind, Over};
use crate::modelling::parts::{Formula, Thing, Variable, VariableKind};
use crate::modelling::resolve::Resolver;
use crate::modelling::syntax;
use std::collections::HashMap;

const FIELDS: [&str; 8] = ["name", "type", "index", "lb", "ub", "unit", "description", "comment"];

/// Prefixes of scalars that are looked at before an expression names them; each costs a pass over all variables.
const EAGER_FAMILIES_MAX: usize = 100;

impl Reader {
    pub(super) fn variables(&mut self, fields: Fields<'_>) {
        let items = match field(fields, "decision_variables") {
            Some(Json::List(items)) if !items.is_empty() => items,
            Some(Json::List(_)) | None => return self.wrong("/decision_variables", "a model needs a decision variable at least"),
            Some(other) => {
                return self
                    .wrong("/decision_variables", format!("found {} where a list of variables would be right", other.kind()));
            }
        };
        for (at, item) in items.iter().enumerate() {
            self.variable(item, &format!("/decision_variables/{at}"));
        }
        self.name_families();
    }

    fn variable(&mut self, json: &Json, pointer: &str) {
        let Some(fields) = self.fields(json, pointer, &FIELDS) else { return };
        let Some(name) = self.text(fields, pointer, "name") else {
            return self.wrong(format!("{pointer}/name"), "the name of the variable is missing");
        };
        let kind = match self.text(fields, pointer, "type") {
            Some("continuous") | None => VariableKind::Continuous,
            Some("integer") => VariableKind::Integer,
            Some("binary") => VariableKind::Binary,
            Some(other) => {
                let hint = did_you_mean(&other.to_lowercase(), ["continuous", "integer", "binary"]);
                let detail = format!("`{other}` is no type{hint}; there are `continuous`, `integer` and `binary`");
                return self.wrong(format!("{pointer}/type"), detail);
            }
        };
        let unit = self.text(fields, pointer, "unit").map(ToOwned::to_owned);
        let sets = match field(fields, "index") {
            None => Vec::new(),
            Some(index) => match self.index_sets(index, &format!("{pointer}/index")) {
                Some(sets) => sets.into_iter().map(|(set, _)| set).collect(),
                None => return,
            },
        };
        let size = sets.iter().map(|set| self.parts.sets[*set].len()).try_fold(1_usize, |all, size| all.checked_mul(size));
        let total =
            size.and_then(|size| size.checked_add(self.parts.instances as usize)).filter(|total| *total <= PROGRAM_COLUMNS_MAX);
        let (Some(Ok(total)), Some(Ok(len))) = (total.map(u32::try_from), size.map(u32::try_from)) else {
            return self.wrong(pointer, format!("with `{name}` the model has more than {PROGRAM_COLUMNS_MAX} variables"));
        };
        if self.name(name, Thing::Var(self.parts.variables.len()), &format!("{pointer}/name")) {
            let base = self.parts.instances;
            self.parts.instances = total;
            let (name, pointer) = (name.to_owned(), pointer.to_owned());
            self.parts.variables.push(Variable {
                name,
                kind,
                sets,
                base,
                len,
                lower: None,
                upper: None,
                unit,
                family: None,
                pointer,
            });
        }
    }

    /// `"s"`, `["s", "t"]` or `["i in s", "j in t"]`: sets, each with the name of its index.
    pub(super) fn index_sets(&mut self, json: &Json, pointer: &str) -> Option<Vec<(usize, String)>> {
        let items = match json {
            Json::List(items) => items.as_slice(),
            one => std::slice::from_ref(one),
        };
        let mut found = Vec::new();
        for item in items {
            let Json::Text(text) = item else {
                self.wrong(pointer, format!("found {} where the name of a set would be right", item.kind()));
                return None;
            };
            let (letter, name) =
                text.split_once(" in ").map_or((text.trim(), text.trim()), |(letter, name)| (letter.trim(), name.trim()));
            let Some(Thing::Set(set)) = self.parts.names.get(name) else {
                let sets = self.parts.names.iter().filter(|(_, thing)| matches!(thing, Thing::Set(_)));
                let hint = did_you_mean(name, sets.map(|(name, _)| name.as_str()));
                self.wrong(pointer, format!("there is no set `{name}`{hint}"));
                return None;
            };
            found.push((*set, letter.to_owned()));
        }
        Some(found)
    }

    /// Says of each scalar which family it is of, where another shares what stands before the first `_`.
    fn name_families(&mut self) {
        let prefix = |name: &str| name.split_once('_').map(|(prefix, _)| prefix.to_owned());
        let mut count: HashMap<String, usize> = HashMap::new();
        for variable in self.parts.variables.iter().filter(|variable| variable.sets.is_empty()) {
            if let Some(prefix) = prefix(&variable.name) {
                *count.entry(prefix).or_default() += 1;
            }
        }
        // `cvar_btc` picks from a list by the place of `btc` in a family, so families are known before the first expression.
        if count.len() <= EAGER_FAMILIES_MAX {
            let mut shared: Vec<&String> = count.iter().filter(|(_, count)| **count > 1).map(|(prefix, _)| prefix).collect();
            shared.sort();
            for prefix in shared {
                Resolver::new(&mut self.parts).family(prefix, true);
            }
        }
        for variable in &mut self.parts.variables {
            variable.family = match variable.sets.is_empty() {
                false => Some(variable.name.clone()),
                true => prefix(&variable.name).filter(|prefix| count.get(prefix).is_some_and(|count| *count > 1)),
            };
        }
    }

    pub(super) fn bounds(&mut self, fields: Fields<'_>) {
        let Some(Json::List(items)) = field(fields, "decision_variables") else { return };
        for (at, item) in items.iter().enumerate() {
            let Json::Object(fields) = item else { continue };
            if self.errors.len() >= MODEL_ERRORS_MAX {
                return;
            }
            let letters = match field(fields, "index") {
                Some(index) => self.index_sets(index, "").unwrap_or_default(),
                None => Vec::new(),
            };
            for (name, upper) in [("lb", false), ("ub", true)] {
                let pointer = format!("/decision_variables/{at}/{name}");
                let bound = field(fields, name).and_then(|json| self.bound(json, &pointer, &letters));
                let variable = &mut self.parts.variables[at];
                if upper { variable.upper = bound } else { variable.lower = bound }
            }
        }
    }

    fn bound(&mut self, json: &Json, pointer: &str, letters: &[(usize, String)]) -> Option<Formula> {
        let text = match json {
            Json::Number(value) => {
                let value = self.number(*value, pointer)?;
                let node = Node::new(NodeKind::Number(value), &(0..0));
                return Some(Formula { text: value.to_string(), pointer: pointer.to_owned(), node, slots: letters.len() });
            }
            Json::Text(text) => text,
            other => {
                self.wrong(
                    pointer,
                    format!("found {} where a number, an expression of parameters or null would be right", other.kind()),
                );
                return None;
            }
        };
        let mut resolver = Resolver::new(&mut self.parts);
        let found = syntax::read(text).and_then(|(syntax, over)| {
            for (set, letter) in letters {
                let slot = resolver.slot(Some(*set));
                resolver.bound.push((letter.clone(), slot));
            }
            // A letter that nothing binds stands for the index of the first set of the variable that it fits.
            let mut free = letters.iter().enumerate().collect::<Vec<_>>();
            let implied: Vec<Over> = resolver.implied(&syntax);
            for over in implied {
                let Some(place) = free.iter().position(|(_, (set, _))| *set == over.set) else { continue };
                let (slot, _) = free.remove(place);
                resolver.bound.iter_mut().filter(|(_, bound)| over.slots.contains(bound)).for_each(|(_, bound)| *bound = slot);
            }
            let node = resolver.number(&syntax)?;
            if node.varies || !over.is_empty() {
                return Err(Fault::new(&syntax.at, "a bound can't depend on a variable; state it as a constraint"));
            }
            Ok((node, resolver.slots.len()))
        });
        match found {
            Ok((node, slots)) => Some(Formula { text: text.clone(), pointer: pointer.to_owned(), node, slots }),
            Err(fault) => {
                self.fault(fault.within(pointer));
                None
            }
        }
    }
}
