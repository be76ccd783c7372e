//! What no slot took up: a plan that leaves out what was asked would be another plan.

use super::tokens::{Kind, Text};

/// Words of which a clause has one where it may restrict the plan.
const RESTRICTS: &[&str] = &[
    "must",
    "cannot",
    "can't",
    "only",
    "except",
    "exclud*",
    "unless",
    "without",
    "not",
    "never",
    "no",
    "before",
    "after",
    "requir*",
    "avoid*",
    "at least",
    "at most",
    "no more than",
    "no less than",
    "a maximum of",
    "a minimum of",
    "more than",
    "less than",
    "fewer than",
    "should not",
    "mustn't",
    "don't",
    "twice",
    "equal",
    "same",
    "if",
    "may not",
    "prefer*",
    "limit*",
];

/// What is told of it at most.
const TOLD_MAX: usize = 10;

/// Phrases of which only a restriction has one, whatever a text tells beside.
const PLAINLY: &[&str] = &[
    "must",
    "cannot",
    "at least",
    "at most",
    "no more than",
    "no less than",
    "a maximum of",
    "a minimum of",
    "should not",
    "not exceed",
    "twice",
    "except",
];

/// The same for a text that tells a story, where `only` and `needs` restrict nothing by themselves.
pub fn unread_of_story(text: &Text<'_>, taken: &[bool]) -> Vec<String> {
    look(text, taken, PLAINLY)
}

/// Numbers that were not taken up, and clauses that restrict something and of which nothing was, as they were written.
pub fn unread(text: &Text<'_>, taken: &[bool]) -> Vec<String> {
    look(text, taken, RESTRICTS)
}

fn look(text: &Text<'_>, taken: &[bool], restricting: &[&str]) -> Vec<String> {
    let mut told = Vec::new();
    for clause in clauses(text) {
        let free = |at: &usize| taken.get(*at).is_some_and(|taken| !taken);
        let number = |at: &usize| text.tokens.get(*at).is_some_and(|token| matches!(token.kind, Kind::Number(_)));
        let lost: Vec<usize> = clause.clone().filter(|at| number(at) && free(at)).collect();
        let untouched = clause.clone().all(|at| free(&at));
        let restricts = clause.clone().any(|at| restricting.iter().any(|phrase| text.phrase_at(at, phrase).is_some()));
        if !lost.is_empty() || (untouched && restricts) {
            told.push(text.slice(clause).trim().to_owned());
        }
    }
    if text.cut {
        told.push("what comes after that, for the text is too long".to_owned());
    }
    told.truncate(TOLD_MAX);
    told
}

/// The clauses of a text: what stands between the ends of sentences, commas, brackets and semicolons.
fn clauses(text: &Text<'_>) -> Vec<std::ops::Range<usize>> {
    let (mut all, mut from) = (Vec::new(), 0);
    for (at, token) in text.tokens.iter().enumerate() {
        let other_sentence = text.tokens.get(at + 1).is_none_or(|next| next.sentence != token.sentence);
        if other_sentence || matches!(token.kind, Kind::Sign(',' | ';' | '(' | ')' | ':' | '.' | '?' | '!')) {
            all.push(from..at + usize::from(other_sentence && token.is_word() || matches!(token.kind, Kind::Number(_))));
            from = at + 1;
        }
    }
    all.retain(|clause| !clause.is_empty());
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_and_a_restriction_that_nothing_took_up_are_told() {
        let text = Text::read("Split $50M over A and B, never more in A than in B, with 7 things (as usual).");
        let mut taken = vec![false; text.tokens.len()];
        taken[1] = true;
        assert_eq!(unread(&text, &taken), ["never more in A than in B", "with 7 things"]);
        assert_eq!(unread(&Text::read("hello there, as usual"), &[false; 5]), Vec::<String>::new());
    }
}
