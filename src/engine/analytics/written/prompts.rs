//! What a language model is asked, and the shape of what it answers. The words are in the files of `prompts/`.
//!
//! The system text is constant. All that comes from a question, a schema, a warehouse or an earlier answer stands in the user text, as one
//! JSON object of bounded size, so that nothing in it can end its quotes and pass for an instruction of ours.

use super::super::linking::Excerpt;
use super::part::Noted;
use super::{Ask, Example};
use crate::domain::field::FieldError;
use crate::llm::Chat;
use crate::warehouse::Rows;
use serde::Deserialize;
use serde_json::{Value, json};

/// The version of the prompts; raised where a model is asked otherwise.
pub const VERSION: &str = "1";

const PLAN: &str = include_str!("prompts/plan.txt");
const SQL: &str = include_str!("prompts/sql.txt");
const REVIEW: &str = include_str!("prompts/review.txt");

/// Questions that one is taken apart into at most.
pub(super) const PARTS_MAX: usize = 4;

/// Tokens of each kind of answer.
const PLAN_TOKENS: u32 = 500;
const SQL_TOKENS: u32 = 1_200;
const REVIEW_TOKENS: u32 = 250;

/// Bytes of the schema in a prompt.
const SCHEMA_BYTES_MAX: usize = 24_000;

/// Answered questions that are shown.
const EXAMPLES_MAX: usize = 4;

/// Characters of one text of a prompt that comes from elsewhere.
const TEXT_CHARS_MAX: usize = 2_000;

/// Characters of one cell that the review is shown.
const CELL_CHARS_MAX: usize = 60;

/// What kind of question it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Class {
    Data,
    Conversational,
    OutOfScope,
    Unanswerable,
}

/// The first answer.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Plan {
    pub(super) class: Class,
    pub(super) reason: String,
    pub(super) parts: Vec<String>,
}

impl Plan {
    /// For whoever follows the work.
    pub(super) fn told(&self) -> String {
        match (self.class, self.parts.len()) {
            (Class::Data, 1) => "a language model takes it for a question about data".to_owned(),
            (Class::Data, parts) => format!("a language model takes it for a question about data of {parts} parts"),
            (Class::Conversational, _) => "a language model takes it for conversation".to_owned(),
            (Class::OutOfScope, _) => "a language model takes it for a question about something else".to_owned(),
            (Class::Unanswerable, _) => "a language model takes it for a question that these tables can't answer".to_owned(),
        }
    }

    pub(super) fn check(&self) -> Result<(), FieldError> {
        let empty = self.parts.iter().any(|part| part.trim().is_empty() || part.chars().count() > TEXT_CHARS_MAX);
        match (self.class, self.parts.len()) {
            (Class::Data, 0) => Err(FieldError::new("/parts", "a question about data has at least one part")),
            (Class::Data, many) if many > PARTS_MAX => Err(FieldError::new("/parts", format!("at most {PARTS_MAX} parts"))),
            (Class::Data, _) if empty => Err(FieldError::new("/parts", "each part is a question")),
            _ => Ok(()),
        }
    }
}

/// A query that a model wrote.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Draft {
    pub(super) sql: String,
    pub(super) explanation: String,
    pub(super) columns: Vec<Described>,
    pub(super) assumptions: Vec<String>,
    pub(super) refusal: String,
}

/// A column as the model describes it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Described {
    pub(super) name: String,
    pub(super) role: String,
    pub(super) unit: String,
}

impl Draft {
    pub(super) fn check(&self) -> Result<(), FieldError> {
        match (self.sql.trim().is_empty(), self.refusal.trim().is_empty()) {
            (true, true) => Err(FieldError::new("/sql", "either a query or a refusal")),
            (false, false) => Err(FieldError::new("/refusal", "a refusal comes without a query")),
            (true, false) => Ok(()),
            (false, true) if self.columns.iter().all(|column| column.role != "value") => {
                Err(FieldError::new("/columns", "at least one column is a value"))
            }
            (false, true) => Ok(()),
        }
    }
}

/// What a model thinks of a result.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Verdict {
    pub(super) answers: bool,
    pub(super) problem: String,
}

impl Verdict {
    pub(super) fn check(&self) -> Result<(), FieldError> {
        match self.answers || !self.problem.trim().is_empty() {
            true => Ok(()),
            false => Err(FieldError::new("/problem", "what is wrong, where it does not answer the question")),
        }
    }
}

/// Asks what kind of question it is, and for its parts.
pub(super) fn plan(ask: &Ask<'_>) -> Chat {
    let user = json!({ "question": short(ask.question), "today": ask.as_of.to_string(), "schema": schema(ask.excerpt) });
    let shape = object(&[
        ("class", json!({ "enum": ["data", "conversational", "out_of_scope", "unanswerable"] })),
        ("reason", json!({ "type": "string" })),
        ("parts", json!({ "type": "array", "items": { "type": "string" }, "maxItems": PARTS_MAX })),
    ]);
    Chat::new(PLAN, user.to_string()).with_schema("plan", shape).with_max_tokens(PLAN_TOKENS)
}

/// Asks for the query of one part, after those that did not do.
pub(super) fn sql(ask: &Ask<'_>, part: &str, tried: &[Noted]) -> Chat {
    let example = |example: &Example| json!({ "question": short(&example.question), "sql": short(&example.sql) });
    let noted = |noted: &Noted| json!({ "sql": short(&noted.sql), "wrong": short(&noted.wrong) });
    let user = json!({
        "question": short(part),
        "of": short(ask.question),
        "today": ask.as_of.to_string(),
        "dialect": ask.dialect.as_str(),
        "schema": schema(ask.excerpt),
        "examples": ask.examples.iter().take(EXAMPLES_MAX).map(example).collect::<Vec<_>>(),
        "tried": tried.iter().map(noted).collect::<Vec<_>>(),
    });
    let column = object(&[
        ("name", json!({ "type": "string" })),
        ("role", json!({ "enum": ["key", "value", "support", "aside"] })),
        ("unit", json!({ "enum": ["count", "money", "share", "days", "points", "number", "none"] })),
    ]);
    let shape = object(&[
        ("sql", json!({ "type": "string" })),
        ("explanation", json!({ "type": "string" })),
        ("columns", json!({ "type": "array", "items": column })),
        ("assumptions", json!({ "type": "array", "items": { "type": "string" } })),
        ("refusal", json!({ "type": "string" })),
    ]);
    Chat::new(SQL, user.to_string()).with_schema("query", shape).with_max_tokens(SQL_TOKENS)
}

/// Asks whether a result answers its question.
pub(super) fn review(ask: &Ask<'_>, part: &str, (sql, rows): (&str, &Rows)) -> Chat {
    let cell = |cell: &crate::domain::sql_value::Cell| match serde_json::to_value(cell).unwrap_or_default() {
        Value::String(text) => Value::from(text.chars().take(CELL_CHARS_MAX).collect::<String>()),
        other => other,
    };
    let row = |row: &Vec<crate::domain::sql_value::Cell>| row.iter().map(cell).collect::<Vec<_>>();
    let user = json!({
        "question": short(part),
        "today": ask.as_of.to_string(),
        "sql": short(sql),
        "columns": rows.columns.iter().map(|name| short(name)).collect::<Vec<_>>(),
        "rows_in_all": rows.rows.len(),
        "first_rows": rows.rows.iter().take(ask.rows_shown).map(row).collect::<Vec<_>>(),
    });
    let shape = object(&[("answers", json!({ "type": "boolean" })), ("problem", json!({ "type": "string" }))]);
    Chat::new(REVIEW, user.to_string()).with_schema("verdict", shape).with_max_tokens(REVIEW_TOKENS)
}

/// The schema of an object of exactly these fields.
fn object(fields: &[(&str, Value)]) -> Value {
    let names: Vec<&str> = fields.iter().map(|(name, _)| *name).collect();
    let properties: serde_json::Map<String, Value> =
        fields.iter().map(|(name, shape)| ((*name).to_owned(), shape.clone())).collect();
    json!({ "type": "object", "additionalProperties": false, "required": names, "properties": properties })
}

/// As much of the schema as a prompt has room for: definitions are left out from the last link on, then what is said of columns.
fn schema(excerpt: &Excerpt) -> Value {
    let mut excerpt = Excerpt { pairs: Vec::new(), ..excerpt.clone() };
    let size = |excerpt: &Excerpt| serde_json::to_string(excerpt).map_or(usize::MAX, |text| text.len());
    while size(&excerpt) > SCHEMA_BYTES_MAX && excerpt.definitions.pop().is_some() {}
    while size(&excerpt) > SCHEMA_BYTES_MAX {
        let widest = excerpt.tables.values_mut().max_by_key(|table| table.columns.len());
        if widest.is_none_or(|table| table.columns.pop_last().is_none()) {
            break;
        }
    }
    serde_json::to_value(&excerpt).unwrap_or_default()
}

fn short(text: &str) -> String {
    text.chars().take(TEXT_CHARS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prompts_that_change_have_another_version() {
        let digest = blake3::hash([PLAN, SQL, REVIEW].concat().as_bytes()).to_hex();
        assert_eq!((VERSION, &digest[..16]), ("1", "75d86e342da30403"), "raise VERSION and put the new digest here");
    }
}
