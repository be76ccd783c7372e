//! The rule of each slot, and what a comparison says when it refuses.

use serde::{Deserialize, Serialize};

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

/// Why two readings aren't the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// The slot that refused.
    pub slot: Slot,
    /// What it saw, held first: `direction: up vs down`.
    pub saw: String,
}

/// How a slot is held against another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// Both sides say the same.
    MustEqual,
    /// What both sides say doesn't contradict; what one side leaves out is judged by [`Unknown`].
    MustNotConflict,
    /// Not looked at.
    Ignore,
}

/// What it means that one side says something which the other leaves out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unknown {
    /// It is refused.
    Refuse,
    /// It is refused where the request says more than the entry.
    RefuseAdded,
    /// It passes.
    Pass,
}

/// The rule of one slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SlotRule {
    /// How the two sides are held against each other.
    pub rule: Rule,
    /// What an omission means, under `must-not-conflict`.
    #[serde(default = "refuse")]
    pub unknown: Unknown,
}

fn refuse() -> Unknown {
    Unknown::Refuse
}

/// The rules of a strategy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Rules {
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
    /// How many content words one side may say that the other lacks.
    pub words_added_max: u32,
    /// How many content words each side may say in place of the other's.
    pub words_replaced_max: u32,
    /// Above this share of unread words on either side, only the same wording passes.
    pub unread_share_max: f32,
}

impl Default for Rules {
    fn default() -> Self {
        let slot = |unknown| SlotRule { rule: Rule::MustNotConflict, unknown };
        Self {
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
            words_added_max: 3,
            words_replaced_max: 0,
            unread_share_max: 1.0,
        }
    }
}

impl Rules {
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
