//! What of a question makes it the same question: its very words, and the day where they speak of it.

use super::super::words::calendar::is_month;
use super::super::words::token::{Token, tokens};

/// Words that count from the day of asking.
const TODAY: &[&str] = &[
    "today",
    "yesterday",
    "tomorrow",
    "now",
    "currently",
    "current",
    "recent",
    "recently",
    "latest",
    "last",
    "past",
    "previous",
    "prior",
    "this",
    "ago",
    "since",
    "until",
    "till",
    "lately",
    "next",
    "date",
    "ytd",
    "mtd",
    "qtd",
    "yet",
    "still",
    "far",
    "age",
    "old",
    "newest",
    "running",
    "rolling",
    "trailing",
    "present",
];

/// Words of the calendar beside the months, which speak of the day of asking where no year stands beside them.
const CALENDAR: &[&str] = &[
    "q1",
    "q2",
    "q3",
    "q4",
    "quarter",
    "half",
    "h1",
    "h2",
    "week",
    "day",
    "month",
    "year",
    "christmas",
    "easter",
    "summer",
    "winter",
    "spring",
    "autumn",
    "fall",
];

/// A question without what makes no difference: runs of blanks, and capitals but in words of capitals alone, such as codes.
pub fn folded(question: &str) -> String {
    let word = |word: &str| {
        let code = word.chars().any(char::is_alphabetic) && !word.chars().any(char::is_lowercase);
        if code { word.to_owned() } else { word.to_lowercase() }
    };
    question.split_whitespace().map(word).collect::<Vec<_>>().join(" ")
}

/// Whether a question may mean something else on another day. Where in doubt, it does.
pub fn speaks_of_today(question: &str) -> bool {
    let tokens = tokens(question);
    let any =
        |words: &[&str]| tokens.iter().any(|token| words.contains(&token.word.as_str()) || words.contains(&token.stem.as_str()));
    let year = |token: &Token| {
        token.day.is_some() || token.number.is_some_and(|number| number.fract() == 0.0 && (1900.0..2200.0).contains(&number))
    };
    let month = || tokens.iter().any(|token| is_month(&token.word) || is_month(&token.stem));
    any(TODAY) || ((any(CALENDAR) || month()) && !tokens.iter().any(year))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_words_are_the_same_question_and_other_words_or_codes_are_not() {
        assert_eq!(folded("  How many\n orders? "), folded("how many orders?"));
        assert_ne!(folded("orders in PA"), folded("orders in pa"));
        assert_ne!(folded("top 5 towns"), folded("top 6 towns"));
    }

    #[test]
    fn a_question_that_counts_from_today_or_leaves_the_year_open_speaks_of_today() {
        for question in ["orders of last month", "orders so far", "orders in March", "who bought 3 days ago", "orders this year"]
        {
            assert!(speaks_of_today(question), "{question}");
        }
        for question in ["orders in March 2017", "orders by town", "orders on 2017-03-04", "median price per seller"] {
            assert!(!speaks_of_today(question), "{question}");
        }
    }
}
