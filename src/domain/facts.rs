//! What was read out of a text: plain data, stored with the entry and compared slot by slot.

use serde::{Deserialize, Serialize};

/// The version of the shape and of the grammar that fills it.
pub const FACTS_VERSION: u32 = 5;

/// What a reader found in one text. The default has read nothing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Facts {
    /// The version of the grammar that read this.
    pub version: u32,
    /// Instruments, companies, places and whatever else the lexicon knows by name, in order of appearance.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub entities: Vec<Entity>,
    /// Capitalised words that the lexicon doesn't know.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<String>,
    /// Numbers with their unit.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub quantities: Vec<Quantity>,
    /// Dates and periods: `2026-09-18`, `2026-Q3`, `*-09` where the year isn't said, `day-1` for a weekday.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dates: Vec<String>,
    /// Moves along an axis: up or down, approve or reject.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<Event>,
    /// What a negation that no event took up stands before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub negations: Vec<String>,
    /// How the text stands to what it tells, apart from telling it as a fact.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub modality: Vec<Modality>,
    /// Who did what to whom.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<Role>,
    /// Words that limit what is said: `only`, `temporary`, `core`, and `group:value` for one of several that exclude each other, such as
    /// `quantifier:all`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub qualifiers: Vec<String>,
    /// The shape of a question to a warehouse.
    #[serde(default, skip_serializing_if = "Question::is_empty")]
    pub question: Question,
    /// Members of lists: `A, B and C`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub members: Vec<String>,
    /// Content words in their common form, understood or not, in the order of the text, with `,` where a clause ends and
    /// prepositions that order what stands around them as `|from`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub words: Vec<String>,
    /// How many content words there are.
    #[serde(default)]
    pub content: u32,
    /// How many of them the lexicon doesn't know.
    #[serde(default)]
    pub unread: u32,
}

impl Default for Facts {
    fn default() -> Self {
        Self {
            version: FACTS_VERSION,
            entities: Vec::new(),
            names: Vec::new(),
            quantities: Vec::new(),
            dates: Vec::new(),
            events: Vec::new(),
            negations: Vec::new(),
            modality: Vec::new(),
            roles: Vec::new(),
            qualifiers: Vec::new(),
            question: Question::default(),
            members: Vec::new(),
            words: Vec::new(),
            content: 0,
            unread: 0,
        }
    }
}

impl Facts {
    /// Facts as a record holds them; `None` for those of another version, which are to be read anew from the text.
    ///
    /// # Errors
    /// What serde says, where the JSON isn't that of facts of this version.
    pub fn from_record(json: &str) -> Result<Option<Self>, serde_json::Error> {
        #[derive(Deserialize)]
        struct Versioned {
            version: u32,
        }
        let Versioned { version } = serde_json::from_str(json)?;
        if version == FACTS_VERSION { serde_json::from_str(json).map(Some) } else { Ok(None) }
    }

    /// The share of content words that weren't understood; 1 where there was nothing to understand.
    pub fn unread_share(&self) -> f32 {
        if self.content == 0 { 1.0 } else { self.unread as f32 / self.content as f32 }
    }
}

/// Something that the lexicon knows by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = FactEntity)]
pub struct Entity {
    /// Its one name, whatever the text called it.
    pub id: String,
    /// The table of the lexicon that it comes from: `coin`, `company`, `place`.
    pub kind: String,
}

/// A number with what it counts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = FactQuantity)]
pub struct Quantity {
    /// In the unit below, scale applied: `1.4bn` is 1 400 000 000.
    pub value: f64,
    /// `pct` (a basis point is 0.01), a currency, `min`, `month`, `x`, `nth`, `bpd`, or `count`.
    pub unit: String,
    /// How the text bounds it.
    #[serde(default, skip_serializing_if = "Bound::is_exact")]
    pub bound: Bound,
    /// What it belongs to, as far as the words beside it tell.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub of: String,
}

/// How a number is bounded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
#[schema(as = FactBound)]
pub enum Bound {
    /// This number.
    #[default]
    Exact,
    /// This or more.
    AtLeast,
    /// This or less.
    AtMost,
    /// More than this.
    MoreThan,
    /// Less than this.
    LessThan,
    /// Where a move began.
    From,
    /// Where a move ended.
    To,
    /// How far a move went.
    By,
}

impl Bound {
    fn is_exact(&self) -> bool {
        *self == Self::Exact
    }
}

/// A move along an axis of opposites.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = FactEvent)]
pub struct Event {
    /// The axis: `direction`, `approve`.
    pub axis: String,
    /// 1, -1, or 0 for neither, negation applied.
    pub pole: i8,
    /// What moved, as far as the words beside it tell.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub of: String,
}

/// How a text stands to what it tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
#[schema(as = FactModality)]
pub enum Modality {
    /// It has happened.
    Done,
    /// It will happen.
    Future,
    /// Somebody plans it.
    Planned,
    /// It may happen.
    Possible,
    /// It is proposed or sought.
    Proposed,
    /// Somebody unnamed says so.
    Reported,
    /// Somebody says that it isn't so.
    Denied,
    /// It was put off.
    Delayed,
    /// It was tried without success, or called off.
    Failed,
    /// It depends on something else.
    Conditional,
    /// It is under way.
    Ongoing,
    /// It was so, and the text says that it is over.
    Former,
}

/// Who did what to whom, by the content words on each side of a verb.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = FactRole)]
pub struct Role {
    /// Who acts.
    pub subject: Vec<String>,
    /// The verb in its common form, or a preposition that orders its two sides.
    pub verb: String,
    /// What is acted on.
    pub object: Vec<String>,
}

/// The shape of a question to a warehouse.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = FactQuestion)]
pub struct Question {
    /// `sum`, `mean`, `median`, `count`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aggregate: Vec<String>,
    /// What is counted or ranked: the content word right after the aggregate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<String>,
    /// What the rows are grouped by.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub group_by: Vec<String>,
    /// How many rows, negative for the lowest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub top: Option<i64>,
    /// The time that it is asked over, such as `last 10080 min`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub window: Vec<String>,
    /// `asc` or `desc`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<String>,
}

impl Question {
    /// That the text has no such shape.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
