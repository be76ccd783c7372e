//! Which products a text is about.

use super::super::names::{List, Mention, Name};
use super::super::owners::Owned;
use super::super::tokens::Text;

/// Products that a text has at most.
const PRODUCTS_MAX: usize = 6;

/// The list of names that numbers stand beside most evenly, with where they are mentioned.
pub(super) fn find(text: &Text<'_>) -> Option<(Vec<Name>, Vec<Mention>)> {
    let lists =
        (0..text.tokens.len()).filter_map(|at| text.list_at(at)).filter(|list| (2..=PRODUCTS_MAX).contains(&list.names.len()));
    let ranked = lists.filter_map(|list| {
        let mentions = text.mentions(&list.names);
        let score = score(text, &list, &mentions);
        (score.0 > 0).then_some((score, list.names, mentions))
    });
    let (_, names, mentions) = ranked.max_by(|a, b| a.0.cmp(&b.0))?;
    Some((names, mentions))
}

/// Of the product that is least told of, beside how many numbers it stands, and beside how many it stands whole; how many products there
/// are; and how few words they have.
fn score(text: &Text<'_>, list: &List, mentions: &[Mention]) -> (usize, usize, usize, isize) {
    let words = |name: &Name| name.said.split_whitespace().count();
    let is_whole = |m: &&Mention| list.names.get(m.name).is_some_and(|name| words(name) == m.tokens.len());
    let whole: Vec<Mention> = mentions.iter().filter(is_whole).cloned().collect();
    let least = |mentions: &[Mention]| {
        let owned = owners(text, mentions);
        (0..list.names.len()).map(|name| owned.iter().filter(|owned| owned.name == name).count()).min().unwrap_or(0)
    };
    let all: usize = list.names.iter().map(words).sum();
    (least(mentions).min(3), least(&whole).min(3), list.names.len(), -all.cast_signed())
}

/// To which product each number belongs: one that it is told for, as in `$8 per chair`, else the last that was named in its sentence.
pub(super) fn owners(text: &Text<'_>, mentions: &[Mention]) -> Vec<Owned> {
    let sentence = |at: usize| text.tokens.get(at).map(|t| t.sentence);
    let word = |at: usize| text.tokens.get(at).filter(|t| t.is_word()).map_or("", |t| &*t.lower);
    let owner = |token: usize| {
        let ahead =
            mentions.iter().find(|mention| mention.tokens.start > token && sentence(mention.tokens.start) == sentence(token));
        let tied = ahead.filter(|mention| {
            let between = token + 1..mention.tokens.start;
            let ties = between.clone().any(|at| matches!(word(at), "per" | "for" | "each" | "every"));
            between.len() <= 9
                && ties
                && between.clone().all(|at| !word(at).is_empty() && !matches!(word(at), "and" | "while" | "whereas"))
        });
        let before =
            mentions.iter().rfind(|mention| mention.tokens.end <= token && sentence(mention.tokens.start) == sentence(token));
        Some(Owned { token, name: tied.or(before)?.name })
    };
    text.numbers.iter().filter_map(|number| owner(number.token)).collect()
}
