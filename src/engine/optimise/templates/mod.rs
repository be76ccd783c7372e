//! The catalogue of templates: kinds of plans that are known in advance, each a file of data.
//!
//! A template says which questions are like it, what has to be known (its slots), and which model follows. Adding one is adding a file to
//! this folder and its line to `BUILT_IN`; an operator's own are read from the files that the settings name.

mod render;

pub use render::{Drawn, Filled, Filling, Slots, render};

use super::words::bounds::Bound;
use super::words::numbers::Unit;
use crate::domain::field::FieldError;
use serde::Deserialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The files that are compiled in.
const BUILT_IN: [(&str, &str); 11] = [
    ("allocation.toml", include_str!("allocation.toml")),
    ("allocation_return.toml", include_str!("allocation_return.toml")),
    ("assignment.toml", include_str!("assignment.toml")),
    ("covering.toml", include_str!("covering.toml")),
    ("execution.toml", include_str!("execution.toml")),
    ("fee_tiers.toml", include_str!("fee_tiers.toml")),
    ("rebalancing.toml", include_str!("rebalancing.toml")),
    ("selection.toml", include_str!("selection.toml")),
    ("sequencing.toml", include_str!("sequencing.toml")),
    ("shifts.toml", include_str!("shifts.toml")),
    ("transport.toml", include_str!("transport.toml")),
];

/// The glossary that is compiled in.
const GLOSSARY: &str = include_str!("glossary.toml");

/// A kind of plan.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Template {
    /// Its name.
    pub id: String,
    /// What the plan is called; `{slot}` stands for what was said.
    pub title: String,
    /// Questions of this kind.
    pub samples: Vec<String>,
    /// Phrases of which a question of this kind has at least one; `*` at the end of a word stands for any ending.
    pub cues: Vec<String>,
    /// What such a question may ask for.
    pub goals: Vec<Goal>,
    /// What has to be known.
    pub slots: Vec<Slot>,
    /// What the model rests on beside the slots.
    #[serde(default)]
    pub assumptions: Vec<Assumed>,
    /// The model, with `$slot` in place of what is filled in. A part with `when` is there only if that slot is filled.
    pub model: Value,
}

/// What is to become as small or as large as can be.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Goal {
    /// `minimize` or `maximize`.
    pub sense: Sense,
    /// Words for what is meant, of which the question has one beside the word for the sense.
    pub words: Vec<String>,
}

/// Which way a goal goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sense {
    /// As small as can be.
    Minimize,
    /// As large as can be.
    Maximize,
}

/// Something that has to be known.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Slot {
    /// Its name, which the model refers to.
    pub name: String,
    /// What it is.
    pub kind: SlotKind,
    /// What is asked where it can't be filled.
    pub ask: String,
    /// What may be answered.
    pub example: String,
    /// Phrases beside which it stands; `*` at the end of a word stands for any ending.
    #[serde(default)]
    pub cues: Vec<String>,
    /// It is a least or a most.
    #[serde(default)]
    pub bound: Option<Bound>,
    /// It is taken only where a cue or its bound stands beside it.
    #[serde(default)]
    pub marked: bool,
    /// Of a slot for each name: the slot with the names.
    #[serde(default)]
    pub of: Option<String>,
    /// Of a table: the slot with the names of the columns.
    #[serde(default)]
    pub to: Option<String>,
    /// Of a slot for each name: what a name has that is not told of, where that of another is.
    #[serde(default)]
    pub fill: Option<f64>,
    /// What is looked up in the glossary where the question does not say.
    #[serde(default)]
    pub glossary: Option<String>,
    /// Nothing has to be in it.
    #[serde(default)]
    pub optional: bool,
    /// A count that must be the number of names of this slot, or the sum of this slot.
    #[serde(default)]
    pub counts: Option<String>,
    /// It has to be known only where this slot is filled.
    #[serde(default)]
    pub with: Option<String>,
    /// The names that it may hold, where they are known in advance, such as the days of a week.
    #[serde(default)]
    pub words: Vec<String>,
}

/// What a slot holds.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SlotKind {
    /// A number of this unit.
    Number(Unit),
    /// Names.
    Names,
    /// Names with how many of each; `<name>.count` holds the counts.
    Counted,
    /// Names that stand before a cue, such as `A` in `A costs $3M`.
    Subjects,
    /// Names of a range, such as `tiers 1–5`.
    Range,
    /// Names, or only how many: `the 8 investigators`.
    Crew,
    /// Those of a crew that a cue tells apart, by how many they are or by name: 1 for each of them, else 0.
    Some,
    /// A number of this unit for each name.
    PerName(Unit),
    /// 1 for each name that stands in a clause with a cue, else 0.
    Marked,
    /// Pairs of names of which the first comes before the second.
    Order,
    /// What each of some names covers: `<name>.by` holds those that cover, `<name>.of` what is covered, the slot itself a table of 0 and 1.
    Covers,
    /// A number of this unit for each pair of names.
    Table(Unit),
    /// Which names of a cycle are among so many in a row from each, by the number in the slot `with`: a table of 0 and 1.
    InARow,
}

/// Something that a template takes for granted.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Assumed {
    /// In words; `{slot}` stands for what was said.
    pub text: String,
    /// It is told only where this slot is filled.
    #[serde(default)]
    pub when: Option<String>,
}

/// What is known without being said.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Known {
    /// What it is.
    pub says: String,
    /// Where it comes from.
    pub source: String,
    /// One value.
    #[serde(default)]
    pub value: Option<f64>,
    /// One for each name.
    #[serde(default)]
    pub values: BTreeMap<String, f64>,
}

/// What is known without being said, by name.
pub type Glossary = BTreeMap<String, Known>;

/// The templates and the glossary.
#[derive(Debug, Clone, PartialEq)]
pub struct Catalogue {
    /// In the order of their names.
    pub templates: Vec<Template>,
    /// What is known without being said.
    pub glossary: Glossary,
}

impl Catalogue {
    /// What is compiled in.
    ///
    /// # Errors
    /// A [`FieldError`] where a file is damaged, which a test rules out.
    pub fn built_in() -> Result<Self, FieldError> {
        let mut catalogue = Self { templates: Vec::new(), glossary: Glossary::new() };
        catalogue.know("glossary.toml", GLOSSARY)?;
        BUILT_IN.iter().try_for_each(|(file, text)| catalogue.add(file, text))?;
        Ok(catalogue)
    }

    /// Adds a template; one of the same name makes way.
    ///
    /// # Errors
    /// A [`FieldError`] that names the file and what is wrong in it.
    pub fn add(&mut self, file: &str, text: &str) -> Result<(), FieldError> {
        let wrong = |detail: String| FieldError::new(format!("/{file}"), detail);
        let template: Template = toml::from_str(text).map_err(|error| wrong(error.to_string()))?;
        template.check().map_err(wrong)?;
        self.templates.retain(|other| other.id != template.id);
        self.templates.push(template);
        self.templates.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(())
    }

    /// Adds to the glossary; what has the same name makes way.
    ///
    /// # Errors
    /// A [`FieldError`] that names the file and what is wrong in it.
    pub fn know(&mut self, file: &str, text: &str) -> Result<(), FieldError> {
        let read: Glossary = toml::from_str(text).map_err(|error| FieldError::new(format!("/{file}"), error.to_string()))?;
        self.glossary.extend(read);
        Ok(())
    }
}

impl Template {
    /// Checks what types alone can't say.
    fn check(&self) -> Result<(), String> {
        let names: BTreeSet<&str> = self.slots.iter().map(|slot| &*slot.name).collect();
        if names.len() != self.slots.len() {
            return Err("two slots have the same name".to_owned());
        }
        if self.samples.is_empty() || self.cues.is_empty() || self.goals.is_empty() {
            return Err("a template has at least one sample, one cue and one goal".to_owned());
        }
        for slot in &self.slots {
            let refers = [&slot.of, &slot.to, &slot.counts, &slot.with].into_iter().flatten();
            if let Some(lost) = refers.map(|name| name.split('.').next().unwrap_or(name)).find(|name| !names.contains(name)) {
                return Err(format!("slot {} refers to {lost}, which is no slot", slot.name));
            }
            let owned = matches!(
                slot.kind,
                SlotKind::PerName(_)
                    | SlotKind::Marked
                    | SlotKind::Order
                    | SlotKind::Table(_)
                    | SlotKind::Some
                    | SlotKind::InARow
            );
            if owned && slot.of.is_none() {
                return Err(format!("slot {} needs `of`, the slot of its names", slot.name));
            }
        }
        Ok(())
    }

    /// The slot of this name.
    pub fn slot(&self, name: &str) -> Option<&Slot> {
        self.slots.iter().find(|slot| slot.name == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_the_folder_is_compiled_in_and_reads() {
        let folder = std::path::Path::new(file!()).parent().unwrap();
        let catalogue = Catalogue::built_in().unwrap();
        assert_eq!(catalogue.templates.len(), BUILT_IN.len());
        let Ok(files) = std::fs::read_dir(folder) else { return };
        for file in files.map(|file| file.unwrap().file_name().into_string().unwrap()).filter(|file| file.ends_with(".toml")) {
            assert!(file == "glossary.toml" || BUILT_IN.iter().any(|(name, _)| *name == file), "{file} is not compiled in");
        }
    }

    #[test]
    fn every_name_that_a_slot_looks_up_is_in_the_glossary() {
        let Catalogue { templates, glossary } = Catalogue::built_in().unwrap();
        for name in templates.iter().flat_map(|template| &template.slots).filter_map(|slot| slot.glossary.as_ref()) {
            assert!(glossary.contains_key(name), "{name}");
        }
    }

    #[test]
    fn a_template_that_refers_to_no_slot_is_refused_with_its_file() {
        let mut catalogue = Catalogue::built_in().unwrap();
        let text = BUILT_IN[0].1.replace("of = \"names\"", "of = \"nams\"");
        let error = catalogue.add("mine.toml", &text).unwrap_err();
        assert!(error.pointer.contains("mine.toml") && error.detail.contains("nams"), "{error:?}");
    }
}
