//! News Sentiment without a language model: a small head on the embedder's vector joined with what a finance lexicon reads in context.
//!
//! The lexicon gives evidence with its sign (`reading`), the head weighs it against the meaning of the whole text (`head`) and gives
//! calibrated probabilities. Where the likeliest outcome is not likely enough there is no opinion.
//!
//! The lexicon is one of its own and not that of [`facts`](crate::facts): that one tells whether two texts say the same, and takes sides
//! on nothing; a loss that narrows is to it a fall like any other.

mod features;
mod figures;
mod head;
mod lexicon;
mod reading;
#[cfg(test)]
mod tests;
mod words;

pub use head::{HeadError, Probabilities};

use super::opinion::{Abstention, Opinion};
use crate::domain::component::ModelRef;
use crate::domain::text::FreshText;
use crate::domain::vector::UnitVector;
use head::Head;
use lexicon::Lexicon;
use reading::Reading;

/// The finance lexicon by itself: what the head is trained on, and the baseline that it is held against.
#[derive(Debug)]
pub struct SentimentLexicon(Lexicon);

impl SentimentLexicon {
    /// The words that are compiled in.
    ///
    /// # Errors
    /// What is wrong with them, as text.
    pub fn built_in() -> Result<Self, String> {
        Lexicon::built_in().map(Self)
    }

    /// What the lexicon alone would say (1, −1, or 0 for neither), and the features of the text in the order of the head's weights.
    pub fn features(&self, text: &FreshText) -> (i8, Vec<f32>) {
        let reading = self.read(text);
        (features::lean(&reading), features::features(&reading).to_vec())
    }

    fn read(&self, text: &FreshText) -> Reading {
        reading::read(text.as_str(), &self.0)
    }
}

/// What was made of one text.
#[derive(Debug, Clone, PartialEq)]
pub struct Assessment {
    /// How likely each outcome is, whether or not there is an opinion.
    pub probabilities: Probabilities,
    /// What the lexicon alone would say: 1, −1, or 0 for neither.
    pub lean: i8,
    /// The likeliest outcome where it is likely enough.
    pub opinion: Result<Opinion, Abstention>,
}

/// The agent.
#[derive(Debug)]
pub struct NewsSentiment {
    lexicon: SentimentLexicon,
    head: Head,
    version: String,
}

impl NewsSentiment {
    /// The agent for the vectors of one embedder. Reads what is compiled in; call it once.
    ///
    /// # Errors
    /// [`HeadError`] where it was trained on another embedder's.
    pub fn open(model: &ModelRef, dim: usize) -> Result<Self, HeadError> {
        let head = Head::built_in(model, dim)?;
        let lexicon = SentimentLexicon::built_in().map_err(|detail| HeadError::Malformed { detail })?;
        Ok(Self { lexicon, head, version: head::version() })
    }

    /// A short digest of the weights, which names them in a decision.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// What the text says, given its vector. The same input gives the same answer.
    ///
    /// # Errors
    /// An [`Abstention`] where the vector has another dimension.
    pub fn assess(&self, text: &FreshText, vector: &UnitVector) -> Result<Assessment, Abstention> {
        if vector.dim() != self.head.dim() {
            let (wanted, given) = (self.head.dim(), vector.dim());
            return Err(Abstention::new(format!(
                "the text's vector has {given} dimensions and the sentiment head reads {wanted}"
            )));
        }
        let reading = self.lexicon.read(text);
        let probabilities = self.head.probabilities(vector.as_slice(), &features::features(&reading));
        let (signal, conviction) = probabilities.best();
        let opinion = if conviction >= self.head.threshold {
            Ok(Opinion { signal, conviction, reasoning: reasoning(signal, conviction, &reading) })
        } else {
            let Probabilities { up, neutral, down } = probabilities;
            Err(Abstention::new(format!(
                "the text is not clear enough: a rise is {up:.2} likely, a fall {down:.2}, neither {neutral:.2}, and {:.2} is asked",
                self.head.threshold
            )))
        };
        Ok(Assessment { probabilities, lean: features::lean(&reading), opinion })
    }

    /// What the agent has to say.
    ///
    /// # Errors
    /// An [`Abstention`] where no outcome is likely enough, or the vector has another dimension.
    pub fn opinion(&self, text: &FreshText, vector: &UnitVector) -> Result<Opinion, Abstention> {
        self.assess(text, vector)?.opinion
    }
}

/// How many pieces of evidence the reasoning names.
const NAMED: usize = 3;

fn reasoning(signal: i8, conviction: f64, reading: &Reading) -> String {
    let outcome = match signal {
        1 => "a rise",
        -1 => "a fall",
        _ => "neither a rise nor a fall",
    };
    let mut evidence: Vec<_> = reading.evidence.iter().filter(|evidence| evidence.weight != 0.0).collect();
    evidence.sort_by(|a, b| b.weight.abs().total_cmp(&a.weight.abs()));
    let named = |evidence: &&reading::Evidence| {
        format!("\"{}\" ({})", evidence.words, if evidence.weight > 0.0 { "good" } else { "bad" })
    };
    let words: Vec<_> = evidence.iter().take(NAMED).map(named).collect();
    let told = if words.is_empty() {
        "no word of the lexicon says good or bad, so the text's meaning alone decided".to_owned()
    } else {
        format!("the text says {}", words.join(", "))
    };
    format!("The news is {conviction:.2} likely to mean {outcome}: {told}.")
}
