//! What people say around a question to be polite, which is no part of it.

use super::token::Token;

/// Phrases, each longer one before what it begins with.
const COURTESIES: &str = "good morning|good afternoon|good evening|good day|dear sir or madam|dear team|dear all|dear colleagues|dear colleague|hi there|hi all|\
     hi team|hello there|hello team|hello all|hello everyone|when you have a moment|when you have a minute|when you have time|if you have a moment|\
     if you have a minute|if you have time|at your convenience|at your earliest convenience|would you be so kind as to|would you be so kind|\
     would you be kind enough to|be so kind as to|would you mind|do you mind|i would be grateful if you could|i would be grateful|\
     we would be grateful if you could|i would appreciate it if you could|it would be great if you could|would it be possible to|would it be possible|\
     is it possible to|might i ask|may i ask|can i ask|could i ask|i was wondering if you could|i was wondering|letting me know|let me know|let us know|\
     send me|send us|send over|with many thanks|many thanks in advance|many thanks|thanks a lot|thanks so much|thanks very much|thanks in advance|thank you very much|\
     thank you so much|thank you kindly|thank you in advance|thank you|thanks|kind regards|best regards|warm regards|regards|best wishes|much appreciated|\
     much obliged|sincerely|yours sincerely|cheers|quick question|quick one";

/// The words without courtesies; all of them, where they are nothing else.
pub(super) fn without_courtesies(tokens: Vec<Token>) -> Vec<Token> {
    let mut left = tokens.clone();
    for phrase in COURTESIES.split('|') {
        let words: Vec<&str> = phrase.split(' ').collect();
        while let Some(at) =
            left.windows(words.len()).position(|said| said.iter().map(|token| &token.word).eq(words.iter().copied()))
        {
            left.drain(at..at + words.len());
        }
    }
    if left.is_empty() { tokens } else { left }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::analytics::words::token::tokens;

    fn left(question: &str) -> String {
        without_courtesies(tokens(question)).into_iter().map(|token| token.word).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_question_is_the_same_with_and_without_courtesies() {
        assert_eq!(left("Good afternoon, would you be so kind as to count the orders? Kind regards."), "count the orders");
        assert_eq!(
            left("Dear team, might I ask how many sellers there are? Many thanks in advance"),
            "how many sellers there are"
        );
        assert_eq!(left("Best wishes for 2017"), "for 2017");
        assert_eq!(left("the best sellers by day"), "the best sellers by day", "no phrase begins within another");
    }

    #[test]
    fn thanks_alone_stay_thanks() {
        assert_eq!(left("Thank you!"), "thank you");
    }
}
