//! What a layer holds, as its file writes it.

use super::expression::Expression;
use serde::{Deserialize, Deserializer, Serialize, de};
use std::collections::BTreeMap;

/// A semantic layer: what the words of a business mean in the tables of a warehouse.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Layer {
    /// Its name.
    pub name: String,
    /// Raised with each change of meaning; what is cached under another version is not reused.
    pub version: u32,
    /// What it is about.
    pub comment: String,
    /// The currency of its money, by its ISO 4217 code.
    #[serde(default)]
    pub currency: Option<String>,
    /// The tables.
    pub tables: BTreeMap<String, Table>,
    /// How they are joined.
    #[serde(default)]
    pub joins: Vec<Join>,
    /// What rows are grouped and filtered by.
    #[serde(default)]
    pub dimensions: BTreeMap<String, Dimension>,
    /// The moments that windows and periods are about.
    #[serde(default)]
    pub times: BTreeMap<String, TimeDimension>,
    /// What is counted, summed and averaged.
    pub measures: BTreeMap<String, Measure>,
    /// Terms with a fixed meaning.
    #[serde(default)]
    pub glossary: BTreeMap<String, Term>,
    /// What the tables do not hold, so that nobody answers with something near it.
    #[serde(default)]
    pub absent: BTreeMap<String, Absent>,
    /// Words of the trade that say nothing in a question, such as the name of the company.
    #[serde(default)]
    pub said_in_passing: Vec<String>,
    /// Words that stand for another one in the phrases of this layer, by that one: `promised: [estimated, expected]`.
    #[serde(default)]
    pub alike: BTreeMap<String, Vec<String>>,
}

/// A table.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    /// What one row is.
    pub comment: String,
    /// The columns that tell one row from another; empty where rows may repeat.
    #[serde(default)]
    pub key: Vec<String>,
    /// The columns.
    pub columns: BTreeMap<String, ColumnType>,
    /// What columns mean.
    #[serde(default)]
    pub comments: BTreeMap<String, String>,
}

/// The type of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ColumnType {
    /// Text.
    Text,
    /// A whole number.
    Integer,
    /// A number.
    Number,
    /// A moment.
    Timestamp,
}

/// A column of a table, written `table.column`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ColumnName {
    /// The table.
    pub table: String,
    /// The column.
    pub column: String,
}

impl<'de> Deserialize<'de> for ColumnName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let (table, column) = text.split_once('.').ok_or_else(|| de::Error::custom("a column is written `table.column`"))?;
        Ok(Self { table: table.to_owned(), column: column.to_owned() })
    }
}

/// How rows of two tables belong together.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Join {
    /// The column on the side of many.
    pub many: ColumnName,
    /// The column on the side of one, which is that table's key.
    pub one: ColumnName,
    /// How many rows stand on the side of many for each on the other.
    pub cardinality: Cardinality,
    /// Whether a row on the side of many may have no partner and is kept all the same.
    #[serde(default)]
    pub optional: bool,
}

/// How many rows of one table stand for one of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cardinality {
    /// Many.
    ManyToOne,
    /// One, so the join multiplies nothing in either direction.
    OneToOne,
}

/// What rows are grouped and filtered by.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dimension {
    /// What it is.
    pub comment: String,
    /// The table that it belongs to.
    pub table: String,
    /// Its value on a row of that table.
    pub value: Expression,
    /// Whether its values are numbers.
    #[serde(default)]
    pub numeric: bool,
    /// What people call it.
    #[serde(default)]
    pub synonyms: Vec<String>,
    /// Its values, each with what people call it; empty where they are too many to list.
    #[serde(default)]
    pub values: BTreeMap<String, Vec<String>>,
    /// Rows that have no meaningful value are left out.
    #[serde(default, rename = "where")]
    pub filter: Option<Expression>,
    /// Steps that a number is sorted into, in ascending order.
    #[serde(default)]
    pub steps: Vec<Step>,
    /// The measure that a distribution over it counts.
    #[serde(default)]
    pub counts: Option<String>,
    /// The next coarser level.
    #[serde(default)]
    pub rolls_up_to: Option<String>,
    /// Whether every row that reaches its table without a detour has a partner there and a value, so that its groups make up the whole.
    #[serde(default)]
    pub complete: bool,
}

/// A step of a number.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// What it is called.
    pub label: String,
    /// The greatest number in it; the last step has none.
    #[serde(default)]
    pub up_to: Option<f64>,
}

/// A moment that windows and periods are about.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TimeDimension {
    /// What it is.
    pub comment: String,
    /// The column.
    pub column: ColumnName,
    /// Words before a period that choose this moment, such as `delivered` in `delivered in March`.
    #[serde(default)]
    pub synonyms: Vec<String>,
}

/// What is counted, summed or averaged.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Measure {
    /// What it is, in words for a reader of an answer.
    pub comment: String,
    /// The table whose rows it is taken over.
    pub table: String,
    /// The measure, an expression with aggregates.
    pub value: Expression,
    /// Rows that count.
    #[serde(default, rename = "where")]
    pub filter: Option<Expression>,
    /// What kind of aggregate it is.
    pub aggregation: Aggregation,
    /// Of what unit it is.
    pub unit: Unit,
    /// The moment that a window is about.
    #[serde(default)]
    pub time: Option<String>,
    /// An inner step: rows are first brought together by a key, such as a person, and the measure is taken over those.
    #[serde(default)]
    pub per: Option<Per>,
    /// Other definitions of the same thing, to be held against it.
    #[serde(default)]
    pub siblings: Vec<String>,
    /// What people call it; a measure without a name is a definition of another.
    #[serde(default)]
    pub synonyms: Vec<String>,
    /// What people call it where they speak of a share, rank it or relate it; alone such a phrase may as well be after a count.
    #[serde(default)]
    pub share_synonyms: Vec<String>,
    /// Measures whose things this one is taken over: `orders` of a share of orders.
    #[serde(default)]
    pub population: Vec<String>,
    /// The measure of all that this one leaves out: `late` of `on time`. Both are shares of the same population.
    #[serde(default)]
    pub complement: Option<String>,
    /// How many things a share is of: the late orders, for the share of late orders.
    #[serde(default)]
    pub counted: Option<String>,
    /// What `how much` of one of these is on average: the value of an order, for orders.
    #[serde(default)]
    pub worth: Option<String>,
    /// What `how long` of one of these is: the delivery time, for deliveries.
    #[serde(default)]
    pub lasts: Option<String>,
    /// The two counts that this is the quotient of, where it is one: items and orders, for the items of an order.
    #[serde(default)]
    pub of_each: Option<(String, String)>,
    /// How many things stand behind a value; rows where nothing is said.
    #[serde(default)]
    pub support: Option<Expression>,
    /// How many things must stand behind a value before it is ranked, where the question says nothing of it.
    #[serde(default)]
    pub ranking_support: Option<u32>,
    /// Which end is the better one.
    #[serde(default)]
    pub better: Option<End>,
    /// Words for its ends beside the general ones, such as `slowest` for the high end of a time.
    #[serde(default)]
    pub high_words: Vec<String>,
    /// Words for its low end.
    #[serde(default)]
    pub low_words: Vec<String>,
    /// The dimension of the same number, for its distribution; with steps, also what something else is held against it by.
    #[serde(default)]
    pub stepped: Option<String>,
    /// The least and the greatest value that can be true.
    #[serde(default)]
    pub range: Option<(f64, f64)>,
    /// Places behind the point that a result keeps.
    #[serde(default)]
    pub decimals: Option<u8>,
    /// Places behind the point that the numbers it is summed from have at most: where a result keeps as many, rounded parts add up to the
    /// rounded whole.
    #[serde(default)]
    pub places: Option<u8>,
}

/// What kind of aggregate a measure is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Aggregation {
    /// A sum; sums of parts make the whole.
    Sum,
    /// A count of rows; counts of parts make the whole.
    Count,
    /// A count of different things; parts may overlap.
    Distinct,
    /// A mean.
    Average,
    /// A share of its population, 0 to 1.
    Share,
    /// A quotient of two aggregates.
    Ratio,
}

impl Aggregation {
    /// Whether the values of parts add up to the value of the whole.
    pub fn is_additive(self) -> bool {
        matches!(self, Self::Sum | Self::Count)
    }

    /// Whether it is taken over a population whose size matters.
    pub fn has_support(self) -> bool {
        matches!(self, Self::Average | Self::Share | Self::Ratio)
    }
}

/// The unit of a measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = MeasureUnit)]
pub enum Unit {
    /// Things.
    Count,
    /// Money in the currency of the layer.
    Money,
    /// A share, 0 to 1.
    Share,
    /// Days.
    Days,
    /// Points of a score.
    Points,
    /// A number without a unit.
    Number,
}

/// An inner step of a measure.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Per {
    /// What rows are brought together by.
    pub key: ColumnName,
    /// Aggregates of each key, by the name that the measure reads them by.
    pub values: BTreeMap<String, Expression>,
}

/// One of two ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// The high one.
    High,
    /// The low one.
    Low,
}

/// A term with a fixed meaning: a condition on the rows of a table.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Term {
    /// What it means.
    pub comment: String,
    /// The table that it is said of.
    pub table: String,
    /// The condition.
    #[serde(rename = "where")]
    pub filter: Expression,
    /// What people call it.
    pub synonyms: Vec<String>,
}

/// Something that the tables do not hold.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Absent {
    /// Why it can't be answered, in words for the asker.
    pub reason: String,
    /// What people call it.
    pub synonyms: Vec<String>,
}
