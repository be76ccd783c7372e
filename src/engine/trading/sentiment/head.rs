//! The head: a multinomial logistic regression whose weights are compiled in. `models/news-sentiment/MODEL_CARD.md` says what it was
//! trained on and how it does; `scripts/train_sentiment` writes it.

use super::features::NAMES;
use crate::domain::component::ModelRef;
use serde::Deserialize;

const BUILT_IN: &str = include_str!("../../../../models/news-sentiment/head.json");

/// The shape of the file that this code reads.
const FORMAT: u32 = 2;

/// Why the head can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HeadError {
    /// The file, or the lexicon that it was trained with, does not read.
    #[error("the sentiment head does not read: {detail}")]
    Malformed {
        /// What is wrong with it.
        detail: String,
    },
    /// It was trained on the vectors of another model.
    #[error(
        "the sentiment head was trained on vectors of {trained} and cannot read those of {given}: set embed.model to {trained_id}, or train it anew"
    )]
    OtherEmbedder {
        /// Id and revision of the model that it knows.
        trained: String,
        /// The id alone.
        trained_id: String,
        /// Id and revision of the model in use.
        given: String,
    },
    /// The vectors have another dimension.
    #[error("the sentiment head reads vectors of {trained} dimensions, not of {given}")]
    OtherDimension {
        /// Dimensions that it knows.
        trained: usize,
        /// Dimensions in use.
        given: usize,
    },
}

/// How likely each outcome is; together they are 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Probabilities {
    /// Of a rise.
    pub up: f64,
    /// Of neither.
    pub neutral: f64,
    /// Of a fall.
    pub down: f64,
}

impl Probabilities {
    /// The softmax of logits in the order down, neutral, up.
    pub fn of_logits(logits: [f64; 3]) -> Self {
        let most = logits.into_iter().fold(f64::NEG_INFINITY, f64::max);
        let powers = logits.map(|logit| (logit - most).exp());
        let sum: f64 = powers.iter().sum();
        let [down, neutral, up] = powers.map(|power| power / sum);
        Self { up, neutral, down }
    }

    /// The likeliest outcome as a signal (1, 0 or −1), and its probability. Where two are equal it is the more careful one.
    pub fn best(&self) -> (i8, f64) {
        let mut best = (0, self.neutral);
        for candidate in [(-1, self.down), (1, self.up)] {
            if candidate.1 > best.1 {
                best = candidate;
            }
        }
        best
    }
}

#[derive(Debug, Deserialize)]
struct Weights {
    bias: f64,
    features: Vec<f64>,
    vector: Vec<f64>,
}

impl Weights {
    fn logit(&self, vector: &[f32], features: &[f32]) -> f64 {
        let product =
            |weights: &[f64], values: &[f32]| -> f64 { weights.iter().zip(values).map(|(w, x)| w * f64::from(*x)).sum() };
        self.bias + product(&self.vector, vector) + product(&self.features, features)
    }
}

/// A logistic regression on the vector: whether a text is on a company or a coin.
#[derive(Debug, Deserialize)]
struct Scope {
    bias: f64,
    vector: Vec<f64>,
    /// The probability from which on it is taken for one.
    threshold: f64,
}

/// What the file holds; what it says of its training besides is for people.
#[derive(Debug, Deserialize)]
pub(super) struct Head {
    format: u32,
    embedder: ModelRef,
    dim: usize,
    /// Below this probability of the likeliest outcome there is no opinion.
    pub threshold: f64,
    down: Weights,
    neutral: Weights,
    up: Weights,
    scope: Scope,
}

impl Head {
    /// The head that is compiled in, checked against the embedder in use.
    ///
    /// # Errors
    /// [`HeadError`].
    pub fn built_in(model: &ModelRef, dim: usize) -> Result<Self, HeadError> {
        let head = Self::parse(BUILT_IN)?;
        if head.embedder != *model {
            let name = |model: &ModelRef| format!("{} at {}", model.id, model.revision);
            let (trained, trained_id) = (name(&head.embedder), head.embedder.id.to_string());
            return Err(HeadError::OtherEmbedder { trained, trained_id, given: name(model) });
        }
        if head.dim != dim {
            return Err(HeadError::OtherDimension { trained: head.dim, given: dim });
        }
        Ok(head)
    }

    fn parse(json: &str) -> Result<Self, HeadError> {
        let malformed = |detail: String| HeadError::Malformed { detail };
        let head: Self = serde_json::from_str(json).map_err(|error| malformed(error.to_string()))?;
        if head.format != FORMAT {
            return Err(malformed(format!("its format is {}, and {FORMAT} is read", head.format)));
        }
        for weights in [&head.down, &head.neutral, &head.up] {
            let (vector, features) = (weights.vector.len(), weights.features.len());
            if vector != head.dim || features != NAMES.len() {
                return Err(malformed(format!("a class has {vector} + {features} weights, not {} + {}", head.dim, NAMES.len())));
            }
        }
        if head.scope.vector.len() != head.dim {
            return Err(malformed(format!("its scope has {} weights, not {}", head.scope.vector.len(), head.dim)));
        }
        for threshold in [head.threshold, head.scope.threshold] {
            if !(0.0..=1.0).contains(&threshold) {
                return Err(malformed(format!("its threshold is {threshold}, which is no probability")));
            }
        }
        Ok(head)
    }

    /// Dimensions of the vectors that it reads.
    pub fn dim(&self) -> usize {
        self.dim
    }

    #[cfg(test)]
    pub fn set_scope_threshold(&mut self, threshold: f64) {
        self.scope.threshold = threshold;
    }

    /// How likely a text is on a company or a coin, and how likely it must be. The vector must have [`Self::dim`] dimensions.
    pub fn company_or_coin(&self, vector: &[f32]) -> (f64, f64) {
        let product: f64 = self.scope.vector.iter().zip(vector).map(|(weight, x)| weight * f64::from(*x)).sum();
        (1.0 / (1.0 + (-(self.scope.bias + product)).exp()), self.scope.threshold)
    }

    /// The probabilities of a text, by a softmax over the classes. The vector must have [`Self::dim`] dimensions.
    pub fn probabilities(&self, vector: &[f32], features: &[f32]) -> Probabilities {
        Probabilities::of_logits([&self.down, &self.neutral, &self.up].map(|weights| weights.logit(vector, features)))
    }
}

/// The first twelve digits of the BLAKE3 of the weights that are compiled in.
pub(super) fn version() -> String {
    blake3::hash(BUILT_IN.as_bytes()).to_hex().chars().take(12).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use sha2::{Digest, Sha256};

    fn embedder() -> ModelRef {
        ModelRef { id: "all-minilm-l6-v2-int8".into(), revision: "278ea1622058".into() }
    }

    #[test]
    fn the_embedder_of_the_training_is_taken() {
        assert!(Head::built_in(&embedder(), 384).is_ok());
    }

    #[test]
    fn another_model_revision_or_dimension_is_refused_by_name() {
        let other = ModelRef { revision: "000000000000".into(), ..embedder() };
        let error = Head::built_in(&other, 384).unwrap_err().to_string();
        assert!(error.contains("278ea1622058") && error.contains("000000000000"), "{error}");
        let twin = ModelRef { id: "hashing-384".into(), ..embedder() };
        assert!(matches!(Head::built_in(&twin, 384), Err(HeadError::OtherEmbedder { .. })));
        assert_eq!(Head::built_in(&embedder(), 383).unwrap_err(), HeadError::OtherDimension { trained: 384, given: 383 });
    }

    #[test]
    fn a_damaged_head_is_refused() {
        for (from, to) in
            [("\"format\": 2", "\"format\": 3"), ("\"dim\": 384", "\"dim\": 383"), ("\"threshold\": 0", "\"threshold\": 7")]
        {
            let damaged = BUILT_IN.replacen(from, to, 1);
            assert_ne!(damaged, BUILT_IN, "{from}");
            assert!(matches!(Head::parse(&damaged), Err(HeadError::Malformed { .. })), "{from}");
        }
    }

    #[test]
    fn the_head_was_trained_on_the_lexicon_and_the_sentences_that_are_here() {
        let head: serde_json::Value = serde_json::from_str(BUILT_IN).unwrap();
        let hash = |bytes: &str| hex::encode(Sha256::digest(bytes.as_bytes()));
        assert_eq!(head["trained_on"]["lexicon"], hash(include_str!("lexicon.toml")), "train the head anew");
        let own = include_str!("../../../../scripts/train_sentiment/own.ndjson");
        assert_eq!(head["trained_on"]["own"], hash(own), "train the head anew");
    }

    #[test]
    fn equal_odds_lean_to_neither() {
        let third = 1.0 / 3.0;
        assert_eq!(Probabilities { up: third, neutral: third, down: third }.best(), (0, third));
    }
}
