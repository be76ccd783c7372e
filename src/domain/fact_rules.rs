//! What a strategy asks of the facts of two texts: a rule for each slot.
//!
//! A strategy file says `facts = true` or `false`, or has a table `[facts]`. What the table leaves out is as in [`Rules::default`], slot
//! by slot and key by key.

use super::field::FieldError;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A slot of the facts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Slot {
    /// Instruments, companies, places, names.
    Entity,
    /// Numbers with a unit.
    Amount,
    /// Dates and periods.
    Date,
    /// Up, down, unchanged.
    Direction,
    /// Every other pair of opposites.
    Polarity,
    /// What is denied of the text.
    Negation,
    /// Fact, plan, rumour.
    Modality,
    /// Who did what to whom.
    Role,
    /// Members of lists.
    List,
    /// Words that limit.
    Qualifier,
    /// The shape of a question.
    Question,
    /// The remaining content words.
    Wording,
}

impl Slot {
    /// The name that an answer shows.
    pub fn label(self) -> &'static str {
        match self {
            Self::Entity => "entity",
            Self::Amount => "amount",
            Self::Date => "date",
            Self::Direction => "direction",
            Self::Polarity => "polarity",
            Self::Negation => "negation",
            Self::Modality => "modality",
            Self::Role => "roles",
            Self::List => "list",
            Self::Qualifier => "qualifier",
            Self::Question => "question",
            Self::Wording => "wording",
        }
    }
}

/// How a slot is held against another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
#[schema(as = FactRule)]
pub enum Rule {
    /// Both sides say the same.
    MustEqual,
    /// What both sides say doesn't contradict; what one side leaves out is judged by [`Unknown`].
    MustNotConflict,
    /// Not looked at.
    Ignore,
}

/// What it means that one side says something which the other leaves out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
#[schema(as = FactUnknown)]
pub enum Unknown {
    /// It is refused.
    Refuse,
    /// It is refused where the request says more than the entry.
    RefuseAdded,
    /// It passes.
    Pass,
}

/// The rule of one slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = FactSlotRule)]
pub struct SlotRule {
    /// How the two sides are held against each other.
    pub rule: Rule,
    /// What an omission means, under `must-not-conflict`.
    pub unknown: Unknown,
}

/// The rules of a strategy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = FactRules)]
pub struct Rules {
    /// Whether what the texts say must agree at all. For texts that are no short sentences it says little.
    pub enabled: bool,
    /// Instruments, companies, places, names.
    pub entity: SlotRule,
    /// Numbers with a unit.
    pub amount: SlotRule,
    /// Dates and periods.
    pub date: SlotRule,
    /// Up, down, unchanged.
    pub direction: SlotRule,
    /// Every other pair of opposites.
    pub polarity: SlotRule,
    /// Negations.
    pub negation: SlotRule,
    /// Fact, plan, rumour.
    pub modality: SlotRule,
    /// Who did what to whom.
    pub role: SlotRule,
    /// Members of lists.
    pub list: SlotRule,
    /// Words that limit.
    pub qualifier: SlotRule,
    /// The shape of a question.
    pub question: SlotRule,
    /// The remaining content words.
    pub wording: SlotRule,
    /// The relative difference up to which two numbers are one.
    pub number_tolerance: f64,
    /// The same for numbers of one unit, such as `pct`, `USD` or `count`, in place of `number_tolerance`.
    pub unit_tolerance: BTreeMap<String, f64>,
    /// How many content words one side may say that the other lacks.
    pub words_added_max: u32,
    /// How many content words each side may say in place of the other's.
    pub words_replaced_max: u32,
    /// Above this share of unread words on either side, only the same wording passes.
    pub unread_share_max: f32,
    /// The least probability of being a paraphrase with which texts pass that differ in their wording alone, and in what one side leaves out
    /// of polarity, qualifiers and questions: 0 to 1; 1 for never.
    pub paraphrase_min: f64,
}

impl Default for Rules {
    fn default() -> Self {
        let slot = |unknown| SlotRule { rule: Rule::MustNotConflict, unknown };
        Self {
            enabled: true,
            entity: slot(Unknown::Refuse),
            amount: slot(Unknown::Refuse),
            date: slot(Unknown::Refuse),
            direction: slot(Unknown::Refuse),
            polarity: slot(Unknown::Refuse),
            negation: slot(Unknown::Refuse),
            modality: slot(Unknown::Refuse),
            role: slot(Unknown::Pass),
            list: slot(Unknown::Refuse),
            qualifier: slot(Unknown::Refuse),
            question: slot(Unknown::Refuse),
            wording: slot(Unknown::Pass),
            number_tolerance: 1e-6,
            unit_tolerance: BTreeMap::new(),
            words_added_max: 0,
            words_replaced_max: 0,
            unread_share_max: 1.0,
            paraphrase_min: 0.85,
        }
    }
}

impl Rules {
    /// Reads what a strategy file says under `facts`.
    ///
    /// # Errors
    /// A [`FieldError`] that names the field below `/facts`.
    pub fn from_toml(said: Option<toml::Value>) -> Result<Self, FieldError> {
        let bad = |at: &str, detail: &dyn std::fmt::Display| FieldError::new(format!("/facts{at}"), detail.to_string());
        let table = match said {
            None => return Ok(Self::default()),
            Some(toml::Value::Boolean(enabled)) => return Ok(Self { enabled, ..Self::default() }),
            Some(toml::Value::Table(table)) => table,
            Some(_) => return Err(bad("", &"it is `true`, `false` or a table of rules")),
        };
        let mut whole = toml::Table::try_from(Self::default()).map_err(|error| bad("", &error))?;
        lay_over(&mut whole, table);
        let rules: Self = serde_path_to_error::deserialize(toml::Value::Table(whole)).map_err(|error| {
            let path = error.path().to_string();
            let at = if path == "." { String::new() } else { format!("/{}", path.replace('.', "/")) };
            bad(&at, &error.inner().message())
        })?;
        rules.check()?;
        Ok(rules)
    }

    fn check(&self) -> Result<(), FieldError> {
        let share = |at: &str, value: f64| match (0.0..=1.0).contains(&value) {
            true => Ok(()),
            false => Err(FieldError::new(format!("/facts/{at}"), format!("{value} is not from 0 to 1"))),
        };
        share("number_tolerance", self.number_tolerance)?;
        share("unread_share_max", f64::from(self.unread_share_max))?;
        share("paraphrase_min", self.paraphrase_min)?;
        self.unit_tolerance.iter().try_for_each(|(unit, value)| share(&format!("unit_tolerance/{unit}"), *value))
    }

    /// The relative difference up to which two numbers of a unit are one.
    pub fn tolerance_of(&self, unit: &str) -> f64 {
        self.unit_tolerance.get(unit).copied().unwrap_or(self.number_tolerance)
    }

    /// The rule of a slot.
    pub fn of(&self, slot: Slot) -> SlotRule {
        match slot {
            Slot::Entity => self.entity,
            Slot::Amount => self.amount,
            Slot::Date => self.date,
            Slot::Direction => self.direction,
            Slot::Polarity => self.polarity,
            Slot::Negation => self.negation,
            Slot::Modality => self.modality,
            Slot::Role => self.role,
            Slot::List => self.list,
            Slot::Qualifier => self.qualifier,
            Slot::Question => self.question,
            Slot::Wording => self.wording,
        }
    }
}

/// Puts what a file says over the defaults, table by table.
fn lay_over(whole: &mut toml::Table, said: toml::Table) {
    for (key, value) in said {
        match (whole.get_mut(&key), value) {
            (Some(toml::Value::Table(inner)), toml::Value::Table(value)) => lay_over(inner, value),
            (_, value) => {
                whole.insert(key, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(text: &str) -> Result<Rules, FieldError> {
        let file: toml::Table = toml::from_str(text).unwrap();
        Rules::from_toml(file.get("facts").cloned())
    }

    #[test]
    fn the_short_form_switches_the_rules_on_and_off() {
        assert!(rules("").unwrap().enabled);
        assert_eq!(rules("facts = true").unwrap(), Rules::default());
        assert_eq!(rules("facts = false").unwrap(), Rules { enabled: false, ..Rules::default() });
    }

    #[test]
    fn what_a_table_leaves_out_is_the_default_of_that_slot() {
        let said =
            rules("[facts]\nrole = { rule = \"must-equal\" }\nentity = { unknown = \"pass\" }\nwords_added_max = 2").unwrap();
        assert_eq!(said.role, SlotRule { rule: Rule::MustEqual, unknown: Unknown::Pass });
        assert_eq!(said.entity, SlotRule { rule: Rule::MustNotConflict, unknown: Unknown::Pass });
        assert_eq!(said, Rules { role: said.role, entity: said.entity, words_added_max: 2, ..Rules::default() });
        let said = rules("[facts.unit_tolerance]\nUSD = 0.01").unwrap();
        assert_eq!((said.tolerance_of("USD"), said.tolerance_of("pct")), (0.01, 1e-6));
    }

    #[test]
    fn a_value_that_is_wrong_is_named_by_its_field() {
        for (text, pointer) in [
            ("facts = 3", "/facts"),
            ("[facts]\nentity = { rule = \"perhaps\" }", "/facts/entity/rule"),
            ("[facts]\nentity = { unknown = 3 }", "/facts/entity/unknown"),
            ("[facts]\nentity = { mood = 3 }", "/facts/entity/mood"),
            ("[facts]\nmood = 3", "/facts/mood"),
            ("[facts]\nnumber_tolerance = -0.5", "/facts/number_tolerance"),
            ("[facts]\nunread_share_max = nan", "/facts/unread_share_max"),
            ("[facts.unit_tolerance]\nUSD = 7.5", "/facts/unit_tolerance/USD"),
            ("[facts]\nwords_added_max = -1", "/facts/words_added_max"),
        ] {
            let error = rules(text).unwrap_err();
            assert_eq!(error.pointer, pointer, "{text}: {error}");
        }
    }
}
