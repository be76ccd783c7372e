//! Labels as decisions, and when two decisions are the same.

use crate::domain::decision::{Decision, Payload, Report, Trade};
use crate::domain::field::FieldError;
use std::collections::BTreeMap;

/// The decision of a row that is labelled with a trading signal.
///
/// # Errors
/// A [`FieldError`] where the signal or the conviction is out of range.
pub fn trade(signal: i8, conviction: f64) -> Result<Payload, FieldError> {
    let (agents, versions, labels) = (Vec::new(), BTreeMap::new(), BTreeMap::new());
    let reasoning = String::new();
    Payload::new(&Decision::Trade(Trade { signal, conviction, reasoning, agents, versions, labels }))
}

/// The decision of a row that is labelled with a word: a report that says the word and nothing else.
///
/// # Errors
/// A [`FieldError`] where it doesn't pass its own check.
pub fn labelled(label: &str) -> Result<Payload, FieldError> {
    Payload::new(&Decision::Report(Report { text: label.to_owned(), sections: BTreeMap::new() }))
}

/// A decision as a person reads it in a report: the signal of a trade, the word of a label, all of any other.
pub fn label(decision: &Payload) -> String {
    match decision.decision() {
        Ok(Decision::Trade(trade)) => trade.signal.to_string(),
        Ok(Decision::Report(report)) if report.sections.is_empty() => report.text,
        _ => decision.as_json().to_owned(),
    }
}

/// Whether to serve the one in place of the other would be right.
pub fn same_decision(a: &Payload, b: &Payload) -> bool {
    a.agreement_key() == b.agreement_key()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trades_agree_by_their_signal_alone_and_labels_by_their_word() {
        assert!(same_decision(&trade(1, 0.9).unwrap(), &trade(1, 0.2).unwrap()));
        assert!(!same_decision(&trade(1, 0.9).unwrap(), &trade(-1, 0.9).unwrap()));
        assert!(same_decision(&labelled("card_arrival").unwrap(), &labelled("card_arrival").unwrap()));
        assert!(!same_decision(&labelled("card_arrival").unwrap(), &labelled("card_lost").unwrap()));
    }

    #[test]
    fn decisions_of_two_kinds_never_agree() {
        assert!(!same_decision(&trade(1, 0.9).unwrap(), &labelled("1").unwrap()));
    }

    #[test]
    fn a_signal_that_is_none_is_refused() {
        assert!(trade(2, 0.5).is_err());
    }
}
