//! A JSON document, read into the parts of a model.

use super::error::ModelError;
use super::json::Json;
use super::members::Members;
use super::names::{did_you_mean, wrong};
use super::node::{Node, NodeKind};
use super::parts::{Formula, Objective, Parts, Thing};
use super::resolve::Resolver;
use super::syntax;
use crate::domain::plan::Assumption;
use crate::limits::{MODEL_ASSUMPTIONS_MAX, MODEL_ERRORS_MAX, MODEL_NUMBER_MAX, MODEL_TEXT_CHARS_MAX};
use crate::solver::program::{Class, Sense};
use std::collections::HashMap;

mod constraints;
mod parameters;
mod sets;
mod variables;

const FIELDS: [&str; 10] = [
    "model_type",
    "title",
    "description",
    "comment",
    "sets",
    "parameters",
    "decision_variables",
    "objective",
    "constraints",
    "assumptions",
];

/// Reads a document; what is wrong is gathered, so that a caller sees more than the first error.
pub(super) struct Reader {
    pub(super) parts: Parts,
    pub(super) values: Vec<f64>,
    pub(super) errors: Vec<ModelError>,
}

/// The parts of a model and the values of its parameters.
pub(super) fn read(bytes: &[u8]) -> Result<(Parts, Vec<f64>), Vec<ModelError>> {
    let document = Json::read(bytes).map_err(|error| vec![error])?;
    let mut reader = Reader { parts: empty(), values: Vec::new(), errors: Vec::new() };
    reader.document(&document);
    if reader.errors.is_empty() {
        return Ok((reader.parts, reader.values));
    }
    reader.errors.truncate(MODEL_ERRORS_MAX);
    Err(reader.errors)
}

/// A model without anything in it.
pub(super) fn empty() -> Parts {
    let zero = Node::new(NodeKind::Number(0.0), &(0..0));
    let formula = Formula { text: "0".into(), pointer: "/objective".into(), node: zero, slots: 0 };
    Parts {
        title: None,
        class: Class::Lp,
        assumptions: Vec::new(),
        members: Members::default(),
        sets: Vec::new(),
        parameters: Vec::new(),
        variables: Vec::new(),
        families: Vec::new(),
        family_of: HashMap::new(),
        objective: Objective { sense: Sense::Minimize, formula, unit: None },
        constraints: Vec::new(),
        names: HashMap::new(),
        instances: 0,
        values: 0,
    }
}

/// A part of a JSON Pointer, escaped.
pub(super) fn step(name: &str) -> String {
    format!("/{}", name.replace('~', "~0").replace('/', "~1"))
}

type Fields<'a> = &'a [(String, Json)];

/// A field of an object; `null` is none.
pub(super) fn field<'a>(fields: Fields<'a>, name: &str) -> Option<&'a Json> {
    fields.iter().find(|(known, value)| known == name && *value != Json::Null).map(|(_, value)| value)
}

impl Reader {
    pub(super) fn wrong(&mut self, pointer: impl Into<String>, detail: impl Into<String>) {
        if self.errors.len() < MODEL_ERRORS_MAX {
            self.errors.push(ModelError::new(pointer, detail));
        }
    }

    pub(super) fn fault(&mut self, error: ModelError) {
        if self.errors.len() < MODEL_ERRORS_MAX {
            self.errors.push(error);
        }
    }

    /// The fields of an object, of which only `known` may be there.
    pub(super) fn fields<'a>(&mut self, json: &'a Json, pointer: &str, known: &[&str]) -> Option<Fields<'a>> {
        let Json::Object(fields) = json else {
            self.wrong(pointer, format!("found {} where an object with the fields {} would be right", json.kind(), list(known)));
            return None;
        };
        for (name, _) in fields {
            if !known.contains(&name.as_str()) {
                let hint = did_you_mean(name, known.iter().copied());
                self.wrong(
                    format!("{pointer}{}", step(name)),
                    format!("there is no field `{name}` here{hint}; there are {}", list(known)),
                );
            }
        }
        Some(fields)
    }

    /// A text of a field, if it is there.
    pub(super) fn text<'a>(&mut self, fields: Fields<'a>, pointer: &str, name: &str) -> Option<&'a str> {
        match field(fields, name)? {
            Json::Text(text) if text.chars().count() <= MODEL_TEXT_CHARS_MAX => Some(text),
            Json::Text(_) => {
                self.wrong(format!("{pointer}/{name}"), format!("at most {MODEL_TEXT_CHARS_MAX} characters"));
                None
            }
            other => {
                self.wrong(format!("{pointer}/{name}"), format!("found {} where a text would be right", other.kind()));
                None
            }
        }
    }

    /// A number that a solver can work with.
    pub(super) fn number(&mut self, value: f64, pointer: &str) -> Option<f64> {
        if value.abs() <= MODEL_NUMBER_MAX {
            return Some(value);
        }
        self.wrong(
            pointer,
            format!("the number {value:e} is larger than {MODEL_NUMBER_MAX:e}, past what a solver can tell apart"),
        );
        None
    }

    /// Takes `name` for `thing`, if it may be a name and nothing else has it.
    pub(super) fn name(&mut self, name: &str, thing: Thing, pointer: &str) -> bool {
        if let Some(detail) = wrong(name) {
            self.wrong(pointer, detail);
            return false;
        }
        if let Some(other) = self.parts.names.get(name) {
            let other = match other {
                Thing::Set(_) => "a set",
                Thing::Param(_) => "a parameter",
                Thing::Var(_) | Thing::Family(_) => "a variable",
            };
            self.wrong(pointer, format!("`{name}` is the name of {other} already; every name stands for one thing"));
            return false;
        }
        self.parts.names.insert(name.to_owned(), thing);
        true
    }

    fn document(&mut self, document: &Json) {
        let Some(fields) = self.fields(document, "", &FIELDS) else { return };
        let title = self.text(fields, "", "title").map(ToOwned::to_owned);
        self.parts.title = title;
        self.text(fields, "", "description");
        self.class(fields);
        self.assumptions(fields);
        self.sets(fields);
        self.parameters(fields);
        self.variables(fields);
        // With names missing the rest would only repeat the same errors.
        if !self.errors.is_empty() {
            return;
        }
        self.bounds(fields);
        self.objective(fields);
        self.constraints(fields);
        if self.errors.is_empty() {
            self.errors = super::units::check(&self.parts);
            self.errors.extend(super::cost::check(&self.parts));
        }
    }

    fn class(&mut self, fields: Fields<'_>) {
        self.parts.class = match self.text(fields, "", "model_type") {
            Some("lp") => Class::Lp,
            Some("mip") => Class::Mip,
            Some("convex") => Class::Convex,
            Some("cp") => Class::Cp,
            Some(other) => {
                let lower = other.to_lowercase();
                let hint = did_you_mean(&lower, ["lp", "mip", "convex", "cp"]);
                self.wrong("/model_type", format!("`{other}` is no model type{hint}; there are `lp`, `mip`, `convex` and `cp`"));
                return;
            }
            None => {
                if self.errors.is_empty() {
                    self.wrong("/model_type", "the model type is missing; it is `lp`, `mip`, `convex` or `cp`");
                }
                return;
            }
        };
    }

    fn assumptions(&mut self, fields: Fields<'_>) {
        let Some(found) = field(fields, "assumptions") else { return };
        let Json::List(items) = found else {
            return self.wrong("/assumptions", format!("found {} where a list would be right", found.kind()));
        };
        if items.len() > MODEL_ASSUMPTIONS_MAX {
            return self.wrong("/assumptions", format!("{} assumptions; at most {MODEL_ASSUMPTIONS_MAX} are taken", items.len()));
        }
        for (at, item) in items.iter().enumerate() {
            let pointer = format!("/assumptions/{at}");
            let (text, source) = match item {
                Json::Text(text) => (Some(text.as_str()), None),
                _ => {
                    let Some(fields) = self.fields(item, &pointer, &["text", "source"]) else { continue };
                    (self.text(fields, &pointer, "text"), self.text(fields, &pointer, "source"))
                }
            };
            match text {
                Some(text) => {
                    let source = source.unwrap_or("caller").to_owned();
                    self.parts.assumptions.push(Assumption { text: text.to_owned(), source });
                }
                None => self.wrong(pointer, "an assumption is a text, or an object with `text` and `source`"),
            }
        }
    }

    fn objective(&mut self, fields: Fields<'_>) {
        let Some(found) = field(fields, "objective") else {
            return self.wrong(
                "/objective",
                "the objective is missing; where any solution will do, it is {\"sense\": \"minimize\", \"expression\": \"0\"}",
            );
        };
        let known = ["sense", "expression", "unit", "name", "description", "comment"];
        let Some(fields) = self.fields(found, "/objective", &known) else { return };
        let sense = match self.text(fields, "/objective", "sense") {
            Some("minimize" | "minimise" | "min") => Sense::Minimize,
            Some("maximize" | "maximise" | "max") => Sense::Maximize,
            Some(other) => return self.wrong("/objective/sense", format!("`{other}` is neither `minimize` nor `maximize`")),
            None => return self.wrong("/objective/sense", "the sense is missing; it is `minimize` or `maximize`"),
        };
        let unit = self.text(fields, "/objective", "unit").map(ToOwned::to_owned);
        let text = match field(fields, "expression") {
            Some(Json::Text(text)) => text.clone(),
            Some(Json::Number(value)) => value.to_string(),
            _ => {
                return self.wrong(
                    "/objective/expression",
                    "the expression is missing; it is a text such as `sum(i in s: cost[i] * x[i])`",
                );
            }
        };
        let pointer = "/objective/expression";
        let found = syntax::read(&text).and_then(|(syntax, over)| {
            if let Some(binder) = over.first() {
                let detail = "an objective is one number and is not stated for each of a set; write a `sum`";
                return Err(super::error::Fault::new(&binder.set_at, detail));
            }
            let mut resolver = Resolver::new(&mut self.parts);
            let node = resolver.number(&syntax)?;
            Ok((node, resolver.slots.len()))
        });
        match found {
            Ok((node, slots)) => {
                let formula = Formula { text, pointer: pointer.into(), node, slots };
                self.parts.objective = Objective { sense, formula, unit };
            }
            Err(fault) => self.fault(fault.within(pointer)),
        }
    }
}

fn list(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
