//! Pages of what was taught.

use super::super::error::{Kind, Problem};
use crate::domain::field::FieldError;
use crate::domain::knowledge_record::{KnowledgeKey, KnowledgeKind};
use crate::limits::KNOWLEDGE_PAGE_MAX;

/// How many a page has that says nothing of it.
const PAGE: usize = 50;

/// How many are asked for.
pub(super) fn limit(text: Option<&str>) -> Result<usize, Problem> {
    let bad = |kind, detail: String| Problem::field(kind, FieldError::new("/limit", detail));
    let limit = match text {
        Some(text) => text.parse::<usize>().map_err(|error| bad(Kind::BAD_REQUEST, error.to_string()))?,
        None => PAGE,
    };
    match (1..=KNOWLEDGE_PAGE_MAX).contains(&limit) {
        true => Ok(limit),
        false => Err(bad(Kind::NOT_ALLOWED, format!("{limit} is not 1 to {KNOWLEDGE_PAGE_MAX}"))),
    }
}

/// The name that a page comes after.
pub(super) fn after(text: Option<&str>) -> Result<Option<&str>, Problem> {
    let is_name = |text: &str| KnowledgeKey::new(KnowledgeKind::Pair, text).is_some();
    match text.filter(|text| !is_name(text)) {
        None => Ok(text),
        Some(_) => {
            let error = FieldError::new("/after", "an id of 32 small hexadecimal digits is expected, as `next` gives it");
            Err(Problem::field(Kind::BAD_REQUEST, error))
        }
    }
}

/// Those behind `after`, at most `limit`; and the name to go on from, where there are more.
pub(super) fn of<'a, T>(
    all: impl Iterator<Item = (&'a String, T)>,
    (after, limit): (Option<&str>, usize),
) -> (Vec<(&'a String, T)>, Option<String>) {
    let mut behind = all.filter(|(id, _)| after.is_none_or(|after| id.as_str() > after));
    let found: Vec<_> = behind.by_ref().take(limit).collect();
    let next = behind.next().and(found.last()).map(|(id, _)| (*id).clone());
    (found, next)
}

/// The name of a pair or a term in a path.
pub(super) fn name(id: &str) -> Result<String, Problem> {
    let known = KnowledgeKey::new(KnowledgeKind::Pair, id);
    known.map(KnowledgeKey::name).ok_or_else(|| Problem::new(Kind::NOT_FOUND, "an id has 32 small hexadecimal digits"))
}
