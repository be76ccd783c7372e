//! From a template with its slots filled to a model.

use super::Template;
use crate::domain::plan::Assumption;
use crate::engine::optimise::words::names::Name;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// What a slot holds.
#[derive(Debug, Clone, PartialEq)]
pub enum Filling {
    /// A number.
    Number(f64),
    /// Names in their order.
    Names(Vec<Name>),
    /// A number for each name, by its identifier.
    PerName(BTreeMap<String, f64>),
    /// Pairs of identifiers.
    Pairs(Vec<(String, String)>),
    /// A number for each pair.
    Table(BTreeMap<String, BTreeMap<String, f64>>),
}

/// A filled slot.
#[derive(Debug, Clone, PartialEq)]
pub struct Filled {
    /// What it holds.
    pub filling: Filling,
    /// As the question said it, or as the glossary does.
    pub said: String,
    /// Where it comes from: `caller`, or what the glossary says.
    pub source: String,
}

/// Filled slots by name.
pub type Slots = BTreeMap<String, Filled>;

/// A model that was drawn up.
#[derive(Debug, Clone, PartialEq)]
pub struct Drawn {
    /// What the plan is called.
    pub title: String,
    /// The model, as the language of models writes it.
    pub model: Value,
    /// What it rests on.
    pub assumptions: Vec<Assumption>,
}

impl Filling {
    /// As the model has it.
    fn json(&self) -> Value {
        match self {
            Self::Number(value) => number(*value),
            Self::Names(names) => names.iter().map(|name| Value::from(&*name.id)).collect(),
            Self::PerName(values) => values.iter().map(|(name, value)| (name.clone(), number(*value))).collect(),
            Self::Pairs(pairs) => pairs.iter().map(|(first, second)| json!([first, second])).collect(),
            Self::Table(rows) => {
                let row = |row: &BTreeMap<String, f64>| {
                    row.iter().map(|(name, value)| (name.clone(), number(*value))).collect::<Value>()
                };
                rows.iter().map(|(name, of)| (name.clone(), row(of))).collect()
            }
        }
    }
}

/// A whole number is written as one, for a count reads better without a point.
fn number(value: f64) -> Value {
    if value.fract() == 0.0 && value.abs() < 9e15 { Value::from(value as i64) } else { Value::from(value) }
}

/// Draws up the model of a template.
pub fn render(template: &Template, slots: &Slots) -> Drawn {
    let title = interpolate(&template.title, slots);
    let source = format!("template {}", template.id);
    let mut assumptions: Vec<Assumption> = slots
        .iter()
        .filter(|(name, filled)| filled.source != "caller" && !name.contains('.'))
        .map(|(_, filled)| Assumption { text: filled.said.clone(), source: filled.source.clone() })
        .collect();
    let told = template.assumptions.iter().filter(|assumed| assumed.when.as_ref().is_none_or(|slot| holds(slot, slots)));
    assumptions.extend(told.map(|assumed| Assumption { text: interpolate(&assumed.text, slots), source: source.clone() }));
    let mut model = fill(&template.model, slots).unwrap_or(Value::Null);
    if let Value::Object(fields) = &mut model {
        fields.insert("title".to_owned(), Value::from(&*title));
        let told = assumptions.iter().map(|assumed| json!({"text": assumed.text, "source": assumed.source}));
        fields.insert("assumptions".to_owned(), told.collect());
    }
    Drawn { title, model, assumptions }
}

/// Whether a slot is filled; with `!` before its name, whether it is not.
fn holds(slot: &str, slots: &Slots) -> bool {
    match slot.strip_prefix('!') {
        Some(slot) => !slots.contains_key(slot),
        None => slots.contains_key(slot),
    }
}

/// A part of the model with its slots filled in; absent where its condition does not hold, or its slot is empty.
fn fill(part: &Value, slots: &Slots) -> Option<Value> {
    match part {
        Value::Object(fields) => {
            if fields.get("when").and_then(Value::as_str).is_some_and(|slot| !holds(slot, slots)) {
                return None;
            }
            let rest = fields.iter().filter(|(name, _)| *name != "when");
            Some(Value::Object(rest.filter_map(|(name, value)| Some((name.clone(), fill(value, slots)?))).collect::<Map<_, _>>()))
        }
        Value::Array(values) => Some(values.iter().filter_map(|value| fill(value, slots)).collect()),
        Value::String(text) => Some(match text.strip_prefix('$') {
            Some(slot) => match slot.strip_suffix(".source") {
                Some(slot) => Value::from(slots.get(slot).map_or("", |filled| &*filled.source)),
                None => return slots.get(slot).map(|filled| filled.filling.json()),
            },
            None => Value::from(interpolate(text, slots)),
        }),
        other => Some(other.clone()),
    }
}

/// A text with what was said in place of each `{slot}`.
fn interpolate(text: &str, slots: &Slots) -> String {
    let (mut out, mut rest) = (String::with_capacity(text.len()), text);
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        match after.split_once('}').and_then(|(name, tail)| Some((slots.get(name)?, tail))) {
            Some((filled, tail)) => {
                out.push_str(&filled.said);
                rest = tail;
            }
            None => {
                out.push('{');
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_whose_condition_does_not_hold_is_left_out_and_a_slot_stands_for_its_value() {
        let slots = Slots::from([(
            "budget".to_owned(),
            Filled { filling: Filling::Number(5e7), said: "$50M".to_owned(), source: "caller".to_owned() },
        )]);
        let part = json!({"a": "$budget", "b": {"when": "cap", "c": 1}, "d": [{"when": "!cap", "text": "of {budget}"}, {"when": "cap"}], "s": "$budget.source"});
        let filled = fill(&part, &slots).unwrap();
        assert_eq!(filled, json!({"a": 50_000_000, "d": [{"text": "of $50M"}], "s": "caller"}));
        assert_eq!(interpolate("{lost} {budget", &slots), "{lost} {budget");
    }
}
