//! Constraints: an expression, what it is stated for, and a name.

use super::{Fields, Reader, field};
use crate::limits::{MODEL_CONSTRAINTS_MAX, MODEL_ERRORS_MAX, MODEL_NAME_CHARS_MAX};
use crate::modelling::error::Fault;
use crate::modelling::json::Json;
use crate::modelling::node::{Node, Over};
use crate::modelling::parts::{Constraint, Formula, Thing};
use crate::modelling::resolve::Resolver;
use crate::modelling::syntax::{self, Binder, Form, Relation, Syntax};
use std::collections::{HashMap, HashSet};

const FIELDS: [&str; 6] = ["name", "expression", "for", "unit", "description", "comment"];

/// A constraint while it is read.
struct Stated<'a> {
    name: Option<&'a str>,
    text: &'a str,
    over: Vec<Binder>,
    stated_for: String,
    unit: Option<String>,
    pointer: String,
}

/// Names that constraints have.
#[derive(Default)]
struct Taken {
    names: HashSet<String>,
    /// The last number that was put behind each derived name.
    numbers: HashMap<String, usize>,
}

impl Reader {
    pub(super) fn constraints(&mut self, fields: Fields<'_>) {
        let items = match field(fields, "constraints") {
            None => return,
            Some(Json::List(items)) => items,
            Some(other) => return self.wrong("/constraints", format!("found {} where a list would be right", other.kind())),
        };
        if items.len() > MODEL_CONSTRAINTS_MAX {
            return self.wrong("/constraints", format!("{} constraints; at most {MODEL_CONSTRAINTS_MAX} are taken", items.len()));
        }
        let mut taken = Taken::default();
        for (at, item) in items.iter().enumerate() {
            if let Json::Object(fields) = item
                && let Some(Json::Text(name)) = field(fields, "name")
                && !taken.names.insert(name.clone())
            {
                self.wrong(format!("/constraints/{at}/name"), format!("another constraint is called `{name}` already"));
            }
        }
        for (at, item) in items.iter().enumerate() {
            if self.errors.len() >= MODEL_ERRORS_MAX {
                return;
            }
            let Some(stated) = self.stated(item, &format!("/constraints/{at}")) else { continue };
            self.constraint(stated, &mut taken);
        }
    }

    fn stated<'a>(&mut self, item: &'a Json, pointer: &str) -> Option<Stated<'a>> {
        if let Json::Text(text) = item {
            return Some(Stated {
                name: None,
                text,
                over: Vec::new(),
                stated_for: String::new(),
                unit: None,
                pointer: pointer.to_owned(),
            });
        }
        let fields = self.fields(item, pointer, &FIELDS)?;
        let name = self.text(fields, pointer, "name");
        if let Some(name) = name
            && (name.is_empty()
                || name.chars().count() > MODEL_NAME_CHARS_MAX
                || name.contains(['[', ']'])
                || name.contains(char::is_control))
        {
            let detail = format!("the name of a constraint has 1 to {MODEL_NAME_CHARS_MAX} characters, and no brackets");
            self.wrong(format!("{pointer}/name"), detail);
            return None;
        }
        let unit = self.text(fields, pointer, "unit").map(ToOwned::to_owned);
        let Some(Json::Text(text)) = field(fields, "expression") else {
            self.wrong(format!("{pointer}/expression"), "the expression is missing; it is a text such as `x + y <= budget`");
            return None;
        };
        let over = match field(fields, "for") {
            None => String::new(),
            Some(Json::Text(text)) => text.clone(),
            Some(Json::List(items)) if items.iter().all(|item| matches!(item, Json::Text(_))) => items
                .iter()
                .filter_map(|item| if let Json::Text(text) = item { Some(text.as_str()) } else { None })
                .collect::<Vec<_>>()
                .join(", "),
            Some(other) => {
                self.wrong(
                    format!("{pointer}/for"),
                    format!("found {} where index sets such as `i in s, j in t` would be right", other.kind()),
                );
                return None;
            }
        };
        let stated_for: String = over.split_whitespace().collect::<Vec<_>>().join(" ");
        let over = if over.trim().is_empty() { Ok(Vec::new()) } else { syntax::read_binders(&over) };
        match over {
            Ok(over) => Some(Stated { name, text, over, stated_for, unit, pointer: format!("{pointer}/expression") }),
            Err(fault) => {
                self.fault(fault.within(&format!("{pointer}/for")));
                None
            }
        }
    }

    fn constraint(&mut self, stated: Stated<'_>, taken: &mut Taken) {
        let Stated { name, text, over, stated_for, unit, pointer } = stated;
        let mut for_pointer = None;
        let found = syntax::read(text).and_then(|(syntax, own)| {
            let mut resolver = Resolver::new(&mut self.parts);
            let mut sets = resolver.bind(&over).inspect_err(|_| for_pointer = Some(pointer.replace("/expression", "/for")))?;
            sets.extend(resolver.bind(&own)?);
            sets.extend(resolver.implied(&syntax));
            let node = resolver.statement(&syntax)?;
            if !node.varies {
                return Err(Fault::new(
                    &syntax.at,
                    "no variable is in this constraint, so no decision can change whether it holds",
                ));
            }
            let slots = resolver.slots.len();
            Ok((syntax, node, sets, slots))
        });
        match found {
            Ok((syntax, node, over, slots)) => {
                self.keep((name, text, pointer, stated_for), unit, (&syntax, node, over, slots), taken)
            }
            Err(fault) => self.fault(fault.within(for_pointer.as_deref().unwrap_or(&pointer))),
        }
    }

    fn keep(
        &mut self,
        (name, text, pointer, stated_for): (Option<&str>, &str, String, String),
        unit: Option<String>,
        (syntax, node, over, slots): (&Syntax, Node, Vec<Over>, usize),
        taken: &mut Taken,
    ) {
        let name = match name {
            Some(name) => name.to_owned(),
            None => {
                let name = self.derived(syntax, taken);
                taken.names.insert(name.clone());
                name
            }
        };
        let formula = Formula { text: text.trim().to_owned(), pointer, node, slots };
        self.parts.constraints.push(Constraint { name, formula, over, stated_for, unit });
    }

    /// A name from what a constraint says: the parameter that bounds it, as `budget` and `max_pct`, else its variables.
    fn derived(&self, syntax: &Syntax, taken: &mut Taken) -> String {
        let (mut parameters, mut variables) = (Vec::new(), Vec::new());
        let (sides, relation) = match &syntax.kind {
            // What stands on the right bounds what stands on the left.
            Form::Compare(sides, relations) => (sides.iter().rev().collect(), relations.first().copied()),
            _ => (vec![syntax], None),
        };
        for side in sides {
            self.names_in(side, &mut parameters, &mut variables);
        }
        let suffix = match relation {
            Some(Relation::AtMost | Relation::Less) => "max",
            Some(Relation::AtLeast | Relation::More) => "min",
            Some(_) => "equal",
            None => "rule",
        };
        let stem = match &variables[..] {
            [] => "constraint".to_owned(),
            [one] => format!("{one}_{suffix}"),
            [one, two] => format!("{one}_{two}_{suffix}"),
            [one, .., last] => format!("{one}_to_{last}_{suffix}"),
        };
        let wanted = parameters.iter().cloned().chain([stem.clone()]);
        if let Some(free) = wanted.into_iter().find(|name| !taken.names.contains(name)) {
            return free;
        }
        let number = taken.numbers.entry(stem.clone()).or_insert(1);
        loop {
            *number += 1;
            let name = format!("{stem}_{number}");
            if !taken.names.contains(&name) {
                return name;
            }
        }
    }

    fn names_in(&self, syntax: &Syntax, parameters: &mut Vec<String>, variables: &mut Vec<String>) {
        let mut add = |name: &str| {
            let known = self.parts.names.get(name).copied();
            let found = match known {
                Some(Thing::Param(_)) => &mut *parameters,
                Some(Thing::Set(_)) => return,
                Some(_) => &mut *variables,
                None => {
                    let prefix = name.rsplit_once('_').map_or(name, |(prefix, _)| prefix);
                    let variable = self.parts.families.iter().any(|family| family.variables && family.prefix == prefix);
                    let scalars = self.parts.families.iter().any(|family| !family.variables && family.prefix == prefix);
                    let parameter = scalars || matches!(self.parts.names.get(prefix), Some(Thing::Param(_)));
                    match (variable, parameter) {
                        (true, _) => &mut *variables,
                        (_, true) => &mut *parameters,
                        _ => return,
                    }
                }
            };
            if !found.iter().any(|known| known == name) {
                found.push(name.to_owned());
            }
        };
        match &syntax.kind {
            Form::Name(name) => add(name),
            Form::At(name, _) => add(name),
            Form::Call { of, .. } | Form::Tuple(of) | Form::List(of) | Form::And(of) | Form::Or(of) | Form::Compare(of, _) => {
                of.iter().for_each(|part| self.names_in(part, parameters, variables));
            }
            Form::Sum(of) | Form::Product(of) => of.iter().for_each(|(_, part)| self.names_in(part, parameters, variables)),
            Form::Power(a, b) | Form::Implies(a, b) | Form::Same(a, b) => {
                self.names_in(a, parameters, variables);
                self.names_in(b, parameters, variables);
            }
            Form::Not(inner) | Form::Among(inner, _) => self.names_in(inner, parameters, variables),
            Form::If(when, then, _) => {
                self.names_in(when, parameters, variables);
                self.names_in(then, parameters, variables);
            }
            Form::Number(_) | Form::Text(_) => {}
        }
    }
}
