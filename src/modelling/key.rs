//! The key of what a model asks: two models with the same key have the same plan.

use super::model::{Body, Model};
use super::parts::{Formula, Parts};
use super::token::{Kind, tokens};
use blake3::Hasher;

/// Raised whenever what is hashed changes, so that no plan is found under the key of another question.
const VERSION: &[u8] = b"model 1";

/// What is hashed, each part with its length before it, so that two neighbours can't be read as one.
struct Canonical(Hasher);

impl Canonical {
    fn text(&mut self, text: &str) {
        self.0.update(&(text.len() as u64).to_le_bytes());
        self.0.update(text.as_bytes());
    }

    fn number(&mut self, value: f64) {
        // 0 and -0 are one number.
        self.0.update(&(value + 0.0).to_bits().to_le_bytes());
    }

    fn count(&mut self, value: usize) {
        self.0.update(&(value as u64).to_le_bytes());
    }

    fn optional(&mut self, text: Option<&str>) {
        self.count(usize::from(text.is_some()));
        self.text(text.unwrap_or_default());
    }

    /// An expression by its tokens: spaces don't count, and `≤` is `<=`.
    fn expression(&mut self, text: &str) {
        for token in tokens(text).unwrap_or_default() {
            match token.kind {
                Kind::Number(value) => {
                    self.text("number");
                    self.number(value);
                }
                Kind::Name(name) => self.text(&name),
                Kind::Text(text) => {
                    self.text("text");
                    self.text(&text);
                }
                Kind::Symbol(symbol) => self.text(symbol),
                Kind::End => self.text("end"),
            }
        }
    }

    fn bound(&mut self, bound: Option<&Formula>) {
        self.count(usize::from(bound.is_some()));
        self.expression(bound.map_or("", |formula| formula.text.as_str()));
    }
}

impl Model {
    /// BLAKE3 of what the model asks: its class, sets, parameters with their values, variables, objective, constraints, and what it assumes
    /// and where from, for a plan tells that. Its title, descriptions, the order of fields and spaces don't count; every number does.
    pub fn intent_key(&self) -> [u8; 32] {
        let mut canonical = Canonical(Hasher::new());
        canonical.0.update(VERSION);
        canonical.text(&format!("{:?}", self.class));
        match &self.body {
            Body::Stated { parts, params } => stated(&mut canonical, parts, params, &self.dropped),
            Body::Written(program) => written(&mut canonical, program, &self.dropped),
        }
        *canonical.0.finalize().as_bytes()
    }
}

fn stated(canonical: &mut Canonical, parts: &Parts, params: &[f64], dropped: &[bool]) {
    let mut sets: Vec<_> = parts
        .names
        .iter()
        .filter_map(|(name, thing)| if let super::parts::Thing::Set(set) = thing { Some((name, *set)) } else { None })
        .collect();
    sets.sort();
    canonical.count(sets.len());
    for (name, set) in sets {
        canonical.text(name);
        canonical.count(parts.sets[set].len());
        parts.sets[set].members.iter().for_each(|member| canonical.text(&parts.members.text(*member)));
    }
    parameters(canonical, parts, params);
    canonical.count(parts.variables.len());
    for variable in &parts.variables {
        canonical.text(&variable.name);
        canonical.text(&format!("{:?}", variable.kind));
        canonical.count(variable.sets.len());
        variable.sets.iter().for_each(|set| canonical.text(&parts.sets[*set].name));
        canonical.bound(variable.lower.as_ref());
        canonical.bound(variable.upper.as_ref());
        canonical.optional(variable.unit.as_deref());
    }
    canonical.text(&format!("{:?}", parts.objective.sense));
    canonical.expression(&parts.objective.formula.text);
    canonical.optional(parts.objective.unit.as_deref());
    let kept = parts.constraints.iter().zip(dropped).filter(|(_, dropped)| !**dropped);
    for (constraint, _) in kept {
        canonical.text(&constraint.name);
        canonical.expression(&constraint.formula.text);
        canonical.text(&constraint.stated_for);
        canonical.optional(constraint.unit.as_deref());
    }
    canonical.count(parts.assumptions.len());
    for assumption in &parts.assumptions {
        canonical.text(&assumption.text);
        canonical.text(&assumption.source);
    }
}

fn parameters(canonical: &mut Canonical, parts: &Parts, params: &[f64]) {
    let mut sorted: Vec<_> = parts.parameters.iter().collect();
    sorted.sort_by(|a, b| a.name.cmp(&b.name));
    canonical.count(sorted.len());
    for parameter in sorted {
        canonical.text(&parameter.name);
        canonical.optional(parameter.unit.as_deref());
        canonical.optional(parameter.source.as_deref());
        let sets: Vec<usize> = parameter.sets.iter().map(|set| set.set).collect();
        // A table may name its entries in any order.
        let mut entries: Vec<(Vec<String>, f64)> = (0..parameter.len)
            .map(|offset| (parts.index_texts(&sets, offset), params[(parameter.base + offset) as usize]))
            .collect();
        entries.retain(|(_, value)| !value.is_nan());
        entries.sort_by(|a, b| a.0.cmp(&b.0));
        canonical.count(entries.len());
        for (index, value) in entries {
            canonical.count(index.len());
            index.iter().for_each(|part| canonical.text(part));
            canonical.number(value);
        }
    }
}

fn written(canonical: &mut Canonical, program: &crate::solver::Program, dropped: &[bool]) {
    canonical.text(&format!("{:?}", program.sense));
    canonical.count(program.columns.len());
    for column in &program.columns {
        canonical.text(&column.name);
        canonical.number(column.lower);
        canonical.number(column.upper);
        canonical.count(usize::from(column.integer));
    }
    let sum = |canonical: &mut Canonical, terms: &[(u32, f64)]| {
        canonical.count(terms.len());
        for (column, coefficient) in terms {
            canonical.count(*column as usize);
            canonical.number(*coefficient);
        }
    };
    sum(canonical, &program.objective);
    canonical.number(program.offset);
    for (row, _) in program.rows.iter().zip(dropped).filter(|(_, dropped)| !**dropped) {
        canonical.text(&row.name);
        sum(canonical, &row.terms);
        canonical.number(row.lower);
        canonical.number(row.upper);
    }
    canonical.text(&format!("{:?}{:?}{:?}", program.quadratic, program.cones, program.rules));
}
