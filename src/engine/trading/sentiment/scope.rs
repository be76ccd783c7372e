//! What the head can read: news on a company or a coin. For a currency, a rate or a raw material the sign often turns around with what is
//! asked about ("output rises" is bad for the price of oil), and the head, which is not told that, would be sure and wrong.
//!
//! What the question is for decides where the fact reader knows it, else what the text names, and where it names neither a probability
//! that was learnt with the head (a logistic regression on the vector).

use crate::domain::market::Instrument;
use crate::domain::time::Timestamp;
use crate::facts::{self, Lexicon};

/// What the head was trained on, by the kinds of the fact reader.
const READ: [&str; 2] = ["company", "coin"];

/// What it was not, with the words for it. An index of shares is not among them: what is good for shares is good for it.
const NOT_READ: [(&str, &str); 3] = [("commodity", "a raw material"), ("currency", "a currency"), ("bank", "a central bank")];

/// Letters of a currency's code, of which two make a pair.
const CODE: usize = 3;

/// What the words say a text is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum About {
    /// A company or a coin.
    CompanyOrCoin,
    /// Something else, in words.
    Other(&'static str),
    /// The words don't tell.
    Unknown,
}

impl About {
    fn of<'a>(kinds: impl Iterator<Item = &'a str> + Clone) -> Self {
        let other = |kind: &str| NOT_READ.iter().find(|(known, _)| *known == kind).map(|(_, words)| *words);
        if kinds.clone().any(|kind| READ.contains(&kind)) {
            return Self::CompanyOrCoin;
        }
        kinds.filter_map(other).next().map_or(Self::Unknown, Self::Other)
    }
}

/// The names that the fact reader knows, with their kinds.
#[derive(Debug)]
pub(super) struct Names(Lexicon);

impl Names {
    /// Those that are compiled in.
    ///
    /// # Errors
    /// What is wrong with them, as text.
    pub fn built_in() -> Result<Self, String> {
        Lexicon::built_in().map(Self).map_err(|error| error.to_string())
    }

    /// What a question is about: what it is for, else what its text names.
    pub fn about(&self, subject: Option<&Instrument>, text: &str) -> About {
        match subject.map_or(About::Unknown, |instrument| self.of_instrument(instrument.as_str())) {
            About::Unknown => self.of_text(text),
            known => known,
        }
    }

    /// `AAPL`, `BTC`, and pairs such as `EURUSD` and `ETHUSDT`, which are about what stands first.
    fn of_instrument(&self, name: &str) -> About {
        let whole = self.of_text(name);
        let halves = name.split_at_checked(CODE).map(|(first, second)| (self.of_text(first), self.of_text(second)));
        match (whole, halves) {
            (About::Unknown, Some((first, second))) if name.len() <= 2 * CODE + 1 && second != About::Unknown => first,
            (whole, _) => whole,
        }
    }

    fn of_text(&self, text: &str) -> About {
        // The moment only says which day "Monday" is.
        let facts = facts::read(text, Timestamp::from_micros(0), &self.0);
        About::of(facts.entities.iter().map(|entity| &*entity.kind))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn about(subject: Option<&str>, text: &str) -> About {
        let subject = subject.map(|name| Instrument::new(name).unwrap());
        Names::built_in().unwrap().about(subject.as_ref(), text)
    }

    #[test]
    fn a_text_is_about_the_company_or_the_coin_that_it_names() {
        assert_eq!(about(None, "Nvidia lifts its guidance"), About::CompanyOrCoin);
        assert_eq!(about(None, "Bitcoin falls as the dollar gains"), About::CompanyOrCoin, "a currency beside it is no matter");
        assert_eq!(about(None, "Brent crude slides on higher output"), About::Other("a raw material"));
        assert_eq!(about(None, "Fed cuts rates by 25 basis points"), About::Other("a central bank"));
        assert_eq!(about(None, "Korven Oyj wins an order"), About::Unknown);
    }

    #[test]
    fn what_the_question_is_for_decides_over_what_the_text_names() {
        assert_eq!(about(Some("GOLD"), "Nvidia lifts its guidance"), About::Other("a raw material"));
        assert_eq!(about(Some("BTC"), "Fed cuts rates by 25 basis points"), About::CompanyOrCoin);
        assert_eq!(about(Some("XYZ1"), "Fed cuts rates by 25 basis points"), About::Other("a central bank"));
    }

    #[test]
    fn a_pair_is_about_what_stands_first() {
        assert_eq!(about(Some("EURUSD"), "Growth picks up"), About::Other("a currency"));
        assert_eq!(about(Some("ETHUSD"), "Growth picks up"), About::CompanyOrCoin);
        assert_eq!(about(Some("ABCDEF"), "Growth picks up"), About::Unknown);
    }
}
