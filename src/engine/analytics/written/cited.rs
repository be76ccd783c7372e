//! The check of citations as the check of a model's texts.

use super::super::answer::citations::{Evidence, check};
use super::super::reconcile::Frame;
use super::Checks;

/// Lets sentences through whose every number is cited and rests on the rows, or is of the question.
#[derive(Debug, Clone, Copy, Default)]
pub struct Cited;

impl Checks for Cited {
    fn sound(&self, text: &str, frames: &[Option<&Frame>], said: &[String]) -> String {
        check(text, &Evidence { frames: frames.to_vec(), said: said.to_vec() }).sound().0
    }
}

/// The words of a question that have a digit, such as `2017`, `Q3` and `1,000`: a text may repeat them.
pub(in crate::engine::analytics) fn numbers_of(question: &str) -> Vec<String> {
    let bare = |word: &str| word.trim_matches(|c: char| !c.is_alphanumeric()).to_owned();
    question.split_whitespace().map(bare).filter(|word| word.chars().any(|c| c.is_ascii_digit())).collect()
}

#[cfg(test)]
mod tests {
    use super::super::super::compile::{Column, ColumnRole};
    use super::super::super::reconcile::Cell;
    use super::*;

    #[test]
    fn a_number_of_the_question_or_of_the_rows_is_let_through_and_any_other_with_its_sentence_is_not() {
        let column = Column { name: "n".to_owned(), role: ColumnRole::Value, unit: None, range: None };
        let frame = Frame { columns: vec![column], rows: vec![vec![Cell::Integer(812)]] };
        let said = numbers_of("How many loans were there in Q3 2017?");
        let sound = |text: &str| Cited.sound(text, &[Some(&frame)], &said);
        assert_eq!(sound("Counts the loans of 2017."), "Counts the loans of 2017.");
        assert_eq!(sound("There are 812 loans [Q1]. Another 4711 are missing."), "There are 812 loans [Q1].");
        assert_eq!(sound("There should be 99 rows."), "");
    }
}
