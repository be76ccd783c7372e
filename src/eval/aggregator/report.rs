//! What learning a classifier came to.

use super::{Example, choose};
use crate::eval::statistics::Rate;
use serde::Serialize;
use std::fmt::Write;

/// One part of the examples.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Part {
    /// How many there are.
    pub examples: usize,
    /// How many independent ones they are worth: those whose outcome prices tell count once for each instrument and day.
    pub worth: u64,
    /// How many fell, did neither, and rose.
    pub outcomes: [usize; 3],
}

impl Part {
    pub(super) fn of(examples: &[&Example]) -> Self {
        let count = |outcome: i8| examples.iter().filter(|example| example.outcome == outcome).count();
        let worth = choose::worth(examples.iter().copied());
        Self { examples: examples.len(), worth, outcomes: [count(-1), count(0), count(1)] }
    }
}

/// What one way to decide comes to.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Line {
    /// Which way.
    pub name: String,
    /// How much of the part it answers.
    pub answered: Rate,
    /// How much of that is right.
    pub right: Rate,
}

/// All figures.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AggregatorReport {
    /// What it was fitted on, what chose, and what it is measured on.
    pub parts: [Part; 3],
    /// The penalty that was chosen.
    pub penalty: f64,
    /// The temperature that was chosen.
    pub temperature: f64,
    /// The least probability with which it decides; absent where nothing was proven.
    pub threshold: Option<f64>,
    /// What each way to decide comes to on the last part.
    pub lines: Vec<Line>,
    /// The mean negative log-likelihood there.
    pub log_loss: f64,
    /// That of the fitting part's shares of outcomes alone.
    pub log_loss_of_shares: f64,
    /// What it comes to, in words.
    pub why: String,
}

impl AggregatorReport {
    pub(super) fn in_words(&self) -> String {
        let told = self.log_loss < self.log_loss_of_shares;
        let loss = format!(
            "On the last part its log loss is {:.4}, against {:.4} of the outcomes' shares alone{}.",
            self.log_loss,
            self.log_loss_of_shares,
            if told { "" } else { ": it knows no more than they do" }
        );
        let Some(threshold) = self.threshold else {
            return format!(
                "On the second part no probability is proven from which on it is right more often than any one label would be on the same \
                 examples, so it would never decide. {loss}"
            );
        };
        let right = |at: usize| self.lines.get(at).map_or_else(|| "–".to_owned(), |line| share(line.right));
        format!(
            "From {threshold:.2} on it was proven on the second part to be right more often than any one label. On the last part it is \
             right in {} of what it answers, and the most common label in {} of the same. {loss}",
            right(0),
            right(1)
        )
    }
}

/// A report as text.
pub fn table(report: &AggregatorReport) -> String {
    let mut out = String::new();
    // Writing into a text can't fail.
    let _ = all(report, &mut out);
    out
}

fn all(report: &AggregatorReport, out: &mut String) -> std::fmt::Result {
    for (name, part) in ["to fit on", "to choose on", "that nothing was learnt from"].iter().zip(&report.parts) {
        let [down, neutral, up] = part.outcomes;
        writeln!(
            out,
            "{:>6} examples {name:<29} worth {:>5}: {down} fell, {neutral} did neither, {up} rose",
            part.examples, part.worth
        )?;
    }
    let threshold = report.threshold.map_or_else(|| "none is proven".to_owned(), |threshold| format!("{threshold:.2}"));
    writeln!(out, "penalty {}, temperature {}, threshold {threshold}\n", report.penalty, report.temperature)?;
    writeln!(out, "{:<26} {:>24} {:>24}", "on the last part", "answered", "right of that")?;
    for line in &report.lines {
        writeln!(out, "{:<26} {:>24} {:>24}", line.name, share(line.answered), share(line.right))?;
    }
    writeln!(
        out,
        "\nThe intervals (95%) take the examples for independent, and are too narrow where they are worth fewer.\n{}",
        report.why
    )
}

/// A share with its interval, in per cent.
fn share(rate: Rate) -> String {
    match rate.rate {
        Some(share) => format!("{:.1}% [{:.1}, {:.1}]", share * 100.0, rate.low * 100.0, rate.high * 100.0),
        None => "–".to_owned(),
    }
}
