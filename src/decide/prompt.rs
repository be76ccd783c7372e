//! The whole prompt as one vector: instruction, framework, context, and the fresh text last.
//!
//! A prompt is read in two parts. Its end, where the fresh text stands beside the context that is nearest to it, is embedded anew, in
//! overlapping chunks where it is longer than the model reads at once. What comes before is known: it is the mean of the chunks of the
//! components, which were embedded when they were written. The two are weighed [`END_SHARE`] to the rest.
//!
//! What the 1,723 bytes (409 tokens) that `news-impact` puts before the fresh text do to the 230 paraphrases and 430 traps of `tests/data`,
//! by how the prompt is cut: mean cosines of a text with its paraphrase, with its trap, and with the nearest other text; and the share of
//! paraphrases that lie above 99 in a hundred of those others. `tests/it/prompt_separation.rs` prints it.
//!
//! | the vector of a prompt | paraphrase | trap | other | found |
//! |---|---|---|---|---|
//! | the fresh text alone | 0.885 | 0.910 | 0.469 | 0.95 |
//! | last chunk, 64 bytes of what comes before | 0.929 | 0.948 | 0.662 | 0.91 |
//! | last chunk, 128 bytes | 0.963 | 0.972 | 0.853 | 0.79 |
//! | last chunk, 256 bytes | 0.968 | 0.976 | 0.883 | 0.75 |
//! | last chunk, 1,000 bytes | 0.979 | 0.982 | 0.945 | 0.48 |
//! | mean of all chunks | 0.994 | 0.995 | 0.983 | 0.33 |
//! | fresh text 0.7, mean of what comes before 0.3 | 0.914 | 0.933 | 0.606 | 0.95 |
//! | fresh text 0.5, mean of what comes before 0.5 | 0.951 | 0.962 | 0.778 | 0.95 |
//!
//! What all prompts share drowns the fresh text in every chunk that it is read with, and far less where it is added to its vector. So the end
//! takes little of the context, and none of what a partition shares. No way of cutting tells a trap from a paraphrase, which is what the
//! fact gate is for.

use super::Decider;
use super::situation::Context;
use crate::cache::embedding::KnownText;
use crate::compose::{self, Piece};
use crate::domain::deadline::Deadline;
use crate::domain::ids::TenantId;
use crate::domain::strategy::{Composition, Strategy};
use crate::domain::text::{FreshText, TextHash};
use crate::domain::vector::UnitVector;
use crate::embed::EmbedError;

/// What the end of a prompt weighs. Vectors of another share, or of another cut, must not meet those that are stored.
const END_SHARE: f32 = 0.7;

/// Bytes of the nearest context that are read together with the fresh text, about 16 tokens.
const NEAREST_BYTES: usize = 64;

/// The text of a prompt's end, and what is known of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct End<'a> {
    pub tenant: &'a TenantId,
    pub text: &'a FreshText,
    pub known: &'a KnownText,
}

impl Decider {
    /// The vector of a prompt.
    ///
    /// # Errors
    /// [`EmbedError`]; [`EmbedError::TextNotEmbeddable`] too where not all of the fresh text can be read, for what is left out could be where
    /// two prompts differ.
    pub(super) async fn prompt(
        &self,
        strategy: &Strategy,
        context: &Context,
        end: End<'_>,
        deadline: Deadline,
    ) -> Result<UnitVector, EmbedError> {
        let last = self.end(context.nearest(strategy).map(|c| end_of(&c.text)), end, deadline).await?;
        let dim = self.embedder.dim();
        let known: Vec<Piece<'_>> =
            context.all().map(|c| Piece { vector: Some(&c.vector), weight: c.chunks.max(1) as f32 }).collect();
        let before = compose::compose(Composition::Sum, &known, dim);
        let parts =
            [Piece { vector: before.as_ref(), weight: 1.0 - END_SHARE }, Piece { vector: Some(&last), weight: END_SHARE }];
        compose::compose(Composition::Sum, &parts, dim)
            .ok_or_else(|| unreadable("the parts of its prompt cancel each other out".to_owned()))
    }

    /// The vector of the fresh text with its nearest context; embedded at most once.
    async fn end(&self, nearest: Option<&str>, end: End<'_>, deadline: Deadline) -> Result<UnitVector, EmbedError> {
        let End { tenant, text, known } = end;
        let whole = match nearest {
            None if known.cut.is_none() => return Ok(known.vector.clone()),
            None => text.clone(),
            Some(nearest) => {
                FreshText::stored(&format!("{nearest} {}", text.as_str())).map_err(|error| unreadable(error.to_string()))?
            }
        };
        // The same words as a fresh text have another vector where they are longer than the model reads.
        let hash = TextHash(blake3::derive_key("instinct prompt v1", whole.as_str().as_bytes()));
        if let Some(known) = self.embeddings.text(tenant, hash) {
            return Ok(known.vector);
        }
        let embedded = self.embedder.embed_document(&whole, deadline).await?;
        if let Some(cut) = embedded.cut {
            return Err(unreadable(format!("only {} of {} tokens of its prompt can be read", cut.kept, cut.tokens)));
        }
        self.embeddings.remember_text(tenant, hash, KnownText { vector: embedded.vector.clone(), cut: None });
        Ok(embedded.vector)
    }
}

fn unreadable(detail: String) -> EmbedError {
    EmbedError::TextNotEmbeddable { detail }
}

/// The last words of a text, at most [`NEAREST_BYTES`] of them.
fn end_of(text: &str) -> &str {
    if text.len() <= NEAREST_BYTES {
        return text;
    }
    let least = text.len() - NEAREST_BYTES;
    let word = text.match_indices(' ').map(|(at, _)| at + 1).find(|at| *at >= least);
    // A text of one long word, such as one without blanks between words, is cut between two characters.
    let character = || text.char_indices().map(|(at, _)| at).find(|at| *at >= least);
    word.filter(|at| *at < text.len()).or_else(character).and_then(|at| text.get(at..)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_end_of_a_text_begins_with_a_whole_word() {
        assert_eq!(end_of("rates are high"), "rates are high");
        let long = format!("first {} second words", "x".repeat(60));
        assert_eq!(end_of(&long), "second words");
    }

    proptest! {
        #[test]
        fn the_end_of_any_text_is_an_end_of_it_and_not_too_long(text in "\\PC{0,200}") {
            let end = end_of(&text);
            prop_assert!(text.ends_with(end) && end.len() <= NEAREST_BYTES);
            prop_assert!(text.is_empty() || !end.is_empty());
        }
    }
}
