//! From what the agents say to one decision, the learnt way: a multinomial logistic regression over their signals, probabilities and
//! figures, in place of the weighted vote of [`aggregate`].
//!
//! `instinct tune --aggregator` learns one and proves, on a part of the data that it was not fitted on, from which probability on it is
//! better than always saying one thing; below that it abstains. It was learnt from what the local paths say, so it is asked only
//! where no language model answered. Risk vetoes and sizes its decisions like those of the vote.

mod features;
#[cfg(test)]
mod tests;

pub use features::{FEATURES_VERSION, Feature, Seen};

use super::aggregate::{self, Verdict};
use super::opinion::Abstention;
use super::risk::RiskView;
use super::sentiment::Probabilities;
use serde::{Deserialize, Serialize};

/// The shape of the file.
pub const FORMAT: u32 = 1;

/// Contributions that the reasoning names, on either side.
const NAMED: usize = 3;

/// Logits below which a contribution isn't worth a word.
const WORTH_NAMING: f64 = 0.01;

/// Why a classifier can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClassifierError {
    /// It is not the file of a classifier.
    #[error("it does not read: {detail}")]
    Malformed {
        /// What is wrong with it.
        detail: String,
    },
    /// It was learnt with something that is not here.
    #[error("it was learnt with {what} {learnt} and here is {here}: run `instinct tune --aggregator` anew")]
    Other {
        /// What differs.
        what: &'static str,
        /// The version that it was learnt with.
        learnt: String,
        /// The version that is here.
        here: String,
    },
    /// Its data proved nothing.
    #[error("it proved nothing and would abstain always: leave engine.trading.aggregate.classifier out. {why}")]
    Unproven {
        /// What the file says of it.
        why: String,
    },
}

/// What a classifier was learnt with, which must be the same where it is used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LearntWith {
    /// The version of the sentiment head, which names its weights and, by them, the embedder.
    pub head: String,
    /// The version of the trading engine's local paths.
    pub trading: String,
    /// The version of the features.
    pub features: u32,
}

impl LearntWith {
    /// What is here, beside a sentiment head of this version.
    pub fn here(head: &str) -> Self {
        Self { head: head.to_owned(), trading: super::VERSION.to_owned(), features: FEATURES_VERSION }
    }
}

/// One feature with its weights for down, neutral and up, over its value less `mean` by `scale`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Term {
    /// Which one.
    pub feature: Feature,
    /// Its mean where the classifier was fitted.
    pub mean: f64,
    /// Its standard deviation there.
    pub scale: f64,
    /// By how much it speaks for each outcome, in the order down, neutral, up.
    pub weights: [f64; 3],
}

/// The file that `instinct tune --aggregator` writes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Classifier {
    /// See [`FORMAT`].
    pub format: u32,
    /// What it was learnt with.
    pub learnt_with: LearntWith,
    /// How likely each outcome is before anything is known, as logits in the order down, neutral, up.
    pub intercepts: [f64; 3],
    /// The features, in the order of [`Feature::ALL`].
    pub terms: Vec<Term>,
    /// By what logits are divided (Guo et al., "On Calibration of Modern Neural Networks", 2017).
    pub temperature: f64,
    /// The least probability with which it decides; absent where none was proven to be worth it.
    pub threshold: Option<f64>,
    /// BLAKE3 of the data that it was learnt from.
    pub data_hash: String,
    /// The day on which it was learnt.
    pub made_on: String,
    /// How it did, for people.
    pub figures: serde_json::Value,
    /// What the figures come to.
    pub why: String,
}

/// What is read of a file before all of it is.
#[derive(Deserialize)]
struct Versions {
    learnt_with: LearntWith,
}

fn other(what: &'static str, learnt: &dyn ToString, here: &dyn ToString) -> ClassifierError {
    ClassifierError::Other { what, learnt: learnt.to_string(), here: here.to_string() }
}

impl Classifier {
    /// Reads and checks a file.
    ///
    /// # Errors
    /// [`ClassifierError`], which says what is wrong.
    pub fn parse(json: &str) -> Result<Self, ClassifierError> {
        let malformed = |error: serde_json::Error| ClassifierError::Malformed { detail: error.to_string() };
        // Features of another version may have names that are not known here, and the version is the better thing to say.
        let Versions { learnt_with } = serde_json::from_str(json).map_err(malformed)?;
        if learnt_with.features != FEATURES_VERSION {
            return Err(other("the features of version", &learnt_with.features, &FEATURES_VERSION));
        }
        let read: Self = serde_json::from_str(json).map_err(malformed)?;
        read.check().map_err(|detail| ClassifierError::Malformed { detail })?;
        Ok(read)
    }

    fn check(&self) -> Result<(), String> {
        if self.format != FORMAT {
            return Err(format!("its format is {}, and {FORMAT} is read", self.format));
        }
        if !self.terms.iter().map(|term| term.feature).eq(Feature::ALL) {
            return Err("its terms are not the features, each once and in order".to_owned());
        }
        let numbers = self.terms.iter().flat_map(|term| term.weights.into_iter().chain([term.mean, term.scale]));
        if !numbers.chain(self.intercepts).all(f64::is_finite) || self.terms.iter().any(|term| term.scale <= 0.0) {
            return Err("a weight is no number, or a scale is not above 0".to_owned());
        }
        if !(1e-3..=1e3).contains(&self.temperature) {
            return Err(format!("its temperature is {}, not 0.001 to 1,000", self.temperature));
        }
        match self.threshold {
            Some(threshold) if !(0.0..=1.0).contains(&threshold) => {
                Err(format!("its threshold is {threshold}, which is no probability"))
            }
            _ => Ok(()),
        }
    }

    /// Checks that it was learnt with what is here. `head` is the version of the local News Sentiment; absent where there is none.
    ///
    /// # Errors
    /// [`ClassifierError`], which names what differs.
    pub fn check_against(&self, head: Option<&str>) -> Result<(), ClassifierError> {
        let here = LearntWith::here(head.unwrap_or("none"));
        let LearntWith { head, trading, features: _ } = &self.learnt_with;
        if *head != here.head {
            return Err(other("the sentiment head", head, &here.head));
        }
        if *trading != here.trading {
            return Err(other("local paths of version", trading, &here.trading));
        }
        match self.threshold {
            Some(_) => Ok(()),
            None => Err(ClassifierError::Unproven { why: self.why.clone() }),
        }
    }

    /// The first twelve digits of the BLAKE3 of what decides, which names it in a decision.
    pub fn version(&self) -> String {
        let decides = (&self.learnt_with, &self.intercepts, &self.terms, self.temperature, self.threshold);
        // Finite numbers and names can't fail to be written as JSON; without a text all would share one name, which says so.
        let text = serde_json::to_vec(&decides).unwrap_or_default();
        blake3::hash(&text).to_hex().chars().take(12).collect()
    }

    /// The logits of a row of features before the temperature, in the order down, neutral, up.
    pub fn logits(&self, row: &[f64]) -> [f64; 3] {
        let mut logits = self.intercepts;
        for (term, value) in self.terms.iter().zip(row) {
            let standard = (value - term.mean) / term.scale;
            logits.iter_mut().zip(term.weights).for_each(|(logit, weight)| *logit += weight * standard);
        }
        logits
    }

    /// How likely each outcome is.
    pub fn probabilities(&self, row: &[f64]) -> Probabilities {
        Probabilities::of_logits(self.logits(row).map(|logit| logit / self.temperature))
    }

    /// Decides. `quorum` opinions are needed as for the vote; `risk` is absent where that agent abstained.
    ///
    /// # Errors
    /// [`Abstention`] where there are too few opinions, or no outcome is likely enough.
    pub fn decide(&self, quorum: usize, seen: &Seen, risk: Option<&RiskView>) -> Result<Verdict, Abstention> {
        aggregate::under(risk, || {
            aggregate::enough(quorum, seen.votes().len())?;
            let row = Feature::row(seen);
            let (signal, conviction) = self.probabilities(&row).best();
            let told = self.told(signal, &row);
            let Some(least) = self.threshold.filter(|least| conviction >= *least) else {
                let least = self.threshold.map_or_else(|| "nothing is enough".to_owned(), |least| format!("{least:.2} is asked"));
                let outcome = aggregate::outcome(signal);
                return Err(Abstention::new(format!(
                    "the classifier holds {outcome} {conviction:.2} likely, and {least}; {told}"
                )));
            };
            let outcome = aggregate::outcome(signal);
            let reasoning = format!("{outcome}, {conviction:.2} likely by the classifier, which asks {least:.2}; {told}.");
            Ok(Verdict { signal, conviction, reasoning, vetoed: false })
        })
    }

    /// What spoke for the outcome and what against it: how much each feature, against its mean, lifted its logit above those of the others.
    fn told(&self, signal: i8, row: &[f64]) -> String {
        let class = usize::from((signal + 1).unsigned_abs());
        let mut contributions: Vec<(f64, f64, Feature)> = self
            .terms
            .iter()
            .zip(row)
            .map(|(term, value)| {
                let over = term.weights.get(class).copied().unwrap_or(0.0) - term.weights.iter().sum::<f64>() / 3.0;
                let lifted = over * (value - term.mean) / term.scale / self.temperature;
                (lifted, *value, term.feature)
            })
            .collect();
        contributions.sort_by(|a, b| b.0.abs().total_cmp(&a.0.abs()));
        let named = |sign: f64| {
            let side = contributions.iter().filter(|(lifted, ..)| lifted * sign >= WORTH_NAMING).take(NAMED);
            side.map(|(lifted, value, feature)| format!("{} at {value:.2} ({lifted:+.2})", feature.words())).collect::<Vec<_>>()
        };
        match (named(1.0).join(", "), named(-1.0).join(", ")) {
            (by, against) if by.is_empty() && against.is_empty() => "nothing stands out".to_owned(),
            (by, against) if against.is_empty() => format!("for it: {by}"),
            (by, against) if by.is_empty() => format!("against it: {against}"),
            (by, against) => format!("for it: {by}; against it: {against}"),
        }
    }
}
