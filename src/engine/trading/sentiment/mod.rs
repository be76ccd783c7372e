//! News Sentiment without a language model: a small head on the embedder's vector joined with what a finance lexicon reads in context.
//!
//! The lexicon gives evidence with its sign (`reading`), the head weighs it against the meaning of the whole text (`head`) and gives
//! calibrated probabilities. Where the likeliest outcome is not likely enough there is no opinion, nor where the text is about something
//! that the head was not trained on (`scope`).
//!
//! The lexicon is one of its own and not that of [`facts`](crate::facts): that one tells whether two texts say the same, and takes sides
//! on nothing; a loss that narrows is to it a fall like any other.

mod features;
mod figures;
mod head;
mod lexicon;
mod reading;
mod scope;
#[cfg(test)]
mod tests;
mod words;

pub use head::{HeadError, Probabilities};
pub use scope::About;

use super::opinion::{Abstention, Opinion};
use crate::domain::component::ModelRef;
use crate::domain::market::Instrument;
use crate::domain::text::FreshText;
use crate::domain::vector::UnitVector;
use head::Head;
use lexicon::Lexicon;
use reading::Reading;
use scope::Names;

/// The finance lexicon by itself: what the head is trained on, and the baseline that it is held against.
#[derive(Debug)]
pub struct SentimentLexicon {
    lexicon: Lexicon,
    names: Names,
}

impl SentimentLexicon {
    /// The words that are compiled in.
    ///
    /// # Errors
    /// What is wrong with them, as text.
    pub fn built_in() -> Result<Self, String> {
        Ok(Self { lexicon: Lexicon::built_in()?, names: Names::built_in()? })
    }

    /// What the lexicon alone would say (1, −1, or 0 for neither), and the features of the text in the order of the head's weights.
    pub fn features(&self, text: &FreshText) -> (i8, Vec<f32>) {
        let reading = self.read(text);
        (features::lean(&reading), features::features(&reading).to_vec())
    }

    fn read(&self, text: &FreshText) -> Reading {
        reading::read(text.as_str(), &self.lexicon)
    }

    /// What the words say that a question is about, by what it is for and by its text.
    pub fn about(&self, subject: Option<&Instrument>, text: &FreshText) -> About {
        self.names.about(subject, text.as_str())
    }
}

/// What was made of one text.
#[derive(Debug, Clone, PartialEq)]
pub struct Assessment {
    /// How likely each outcome is, whether or not there is an opinion.
    pub probabilities: Probabilities,
    /// What the lexicon alone would say: 1, −1, or 0 for neither.
    pub lean: i8,
    /// What it is about, where that is nothing that the head was trained on.
    pub beyond: Option<String>,
    /// The likeliest outcome where it is likely enough and the head was trained on such texts.
    pub opinion: Result<Opinion, Abstention>,
}

impl Assessment {
    /// The probabilities, where the head was trained on such texts.
    pub fn in_scope(&self) -> Option<Probabilities> {
        self.beyond.is_none().then_some(self.probabilities)
    }
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

    /// What the text says, given what the decision is for and the text's vector. The same input gives the same answer.
    ///
    /// # Errors
    /// An [`Abstention`] where the vector has another dimension.
    pub fn assess(&self, subject: Option<&Instrument>, text: &FreshText, vector: &UnitVector) -> Result<Assessment, Abstention> {
        if vector.dim() != self.head.dim() {
            let (wanted, given) = (self.head.dim(), vector.dim());
            return Err(Abstention::new(format!(
                "the text's vector has {given} dimensions and the sentiment head reads {wanted}"
            )));
        }
        let reading = self.lexicon.read(text);
        let probabilities = self.head.probabilities(vector.as_slice(), &features::features(&reading));
        let (signal, conviction) = probabilities.best();
        let beyond = self.beyond(subject, text, vector);
        let opinion = match &beyond {
            Some(about) => Err(Abstention::new(format!(
                "the news is about {about}, and the local reader knows companies and coins: for anything else the sign often turns around"
            ))),
            None if conviction >= self.head.threshold => {
                Ok(Opinion { signal, conviction, reasoning: reasoning(signal, conviction, &reading) })
            }
            None => Err(self.unclear(&probabilities)),
        };
        Ok(Assessment { probabilities, lean: features::lean(&reading), beyond, opinion })
    }

    /// What a text is about, where that is nothing that the head was trained on.
    fn beyond(&self, subject: Option<&Instrument>, text: &FreshText, vector: &UnitVector) -> Option<String> {
        match self.lexicon.about(subject, text) {
            About::CompanyOrCoin => None,
            About::Other(words) => Some(words.to_owned()),
            About::Unknown => {
                let (likely, least) = self.head.company_or_coin(vector.as_slice());
                let told = || format!("neither a company nor a coin, as far as its meaning tells ({likely:.2} likely to be)");
                (likely < least).then(told)
            }
        }
    }

    fn unclear(&self, probabilities: &Probabilities) -> Abstention {
        let Probabilities { up, neutral, down } = probabilities;
        Abstention::new(format!(
            "the text is not clear enough: a rise is {up:.2} likely, a fall {down:.2}, neither {neutral:.2}, and {:.2} is asked",
            self.head.threshold
        ))
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
