//! How much of a text is read at once: where a fresh text is cut, and how a document is chunked.

use super::{Config, OpenError};
use crate::domain::component::Cut;
use crate::limits::CHUNKS_MAX;
use std::ops::Range;

/// The lengths that a model's texts are cut to, in tokens.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pieces {
    /// Tokens of a fresh text, without the marks that the model puts around it.
    fresh: usize,
    /// Tokens of a chunk, without its marks.
    chunk: usize,
    /// Tokens from the start of one chunk to that of the next.
    stride: usize,
    /// Marks around each text or chunk.
    marks: usize,
}

impl Pieces {
    /// Checks the lengths of `config` against a model that reads `model_tokens_max` tokens, `marks` of them its own.
    pub(super) fn new(config: &Config, marks: usize, model_tokens_max: usize) -> Result<Self, OpenError> {
        for (name, tokens) in [("max_tokens", config.max_tokens), ("chunk_tokens", config.chunk_tokens)] {
            if tokens <= marks || tokens > model_tokens_max {
                let detail = format!("{tokens} is not within {} to {model_tokens_max}, what the model reads", marks + 1);
                return Err(OpenError::Setting { name, detail });
            }
        }
        let chunk = config.chunk_tokens - marks;
        // From half a chunk on, an overlap embeds most of the text more than twice.
        if config.chunk_overlap > chunk / 2 {
            let detail = format!("{} is more than half of a chunk of {chunk} tokens", config.chunk_overlap);
            return Err(OpenError::Setting { name: "chunk_overlap", detail });
        }
        Ok(Self { fresh: config.max_tokens - marks, chunk, stride: chunk - config.chunk_overlap, marks })
    }

    /// Tokens of the longest piece there can be, without its marks.
    pub(super) fn longest(&self) -> usize {
        self.fresh.max(self.chunk)
    }

    /// What is read of a fresh text.
    pub(super) fn fresh<'t, T>(&self, tokens: &'t [T]) -> (&'t [T], Option<Cut>) {
        match tokens.get(..self.fresh) {
            Some(kept) if kept.len() < tokens.len() => (kept, Some(cut(tokens.len() + self.marks, self.fresh + self.marks))),
            _ => (tokens, None),
        }
    }

    /// Into how many chunks a document of `tokens` is cut, and what of it is left out past [`CHUNKS_MAX`].
    pub(super) fn chunks(&self, tokens: usize) -> (usize, Option<Cut>) {
        let chunks = 1 + tokens.saturating_sub(self.chunk).div_ceil(self.stride);
        if chunks <= CHUNKS_MAX {
            return (chunks, None);
        }
        let kept = self.chunk_range(CHUNKS_MAX - 1, tokens).end;
        (CHUNKS_MAX, (kept < tokens).then(|| cut(tokens, kept)))
    }

    /// Where chunk `index` lies in a document of `tokens`.
    pub(super) fn chunk_range(&self, index: usize, tokens: usize) -> Range<usize> {
        let start = (index * self.stride).min(tokens);
        start..(start + self.chunk).min(tokens)
    }
}

fn cut(tokens: usize, kept: usize) -> Cut {
    Cut { tokens: u32::try_from(tokens).unwrap_or(u32::MAX), kept: u32::try_from(kept).unwrap_or(u32::MAX) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pieces(max_tokens: usize, chunk_tokens: usize, chunk_overlap: usize) -> Result<Pieces, OpenError> {
        Pieces::new(&Config { max_tokens, chunk_tokens, chunk_overlap, ..Config::default() }, 2, 512)
    }

    #[test]
    fn a_cut_is_said_from_the_first_token_over_and_counts_the_marks() {
        let pieces = pieces(10, 256, 64).unwrap();
        assert_eq!(pieces.fresh(&[0; 8]), (&[0; 8][..], None));
        assert_eq!(pieces.fresh(&[0; 9]), (&[0; 8][..], Some(Cut { tokens: 11, kept: 10 })));
    }

    #[test]
    fn the_chunks_of_a_document_that_just_fits_and_that_just_does_not() {
        let pieces = pieces(256, 256, 64).unwrap();
        assert_eq!(pieces.chunks(0), (1, None));
        assert_eq!(pieces.chunks(254), (1, None));
        assert_eq!(pieces.chunks(255), (2, None));
        assert_eq!(pieces.chunks(254 + 190), (2, None));
        assert_eq!(pieces.chunks(254 + 191), (3, None));
    }

    #[test]
    fn what_lies_past_the_last_chunk_allowed_is_reported_as_cut() {
        let pieces = pieces(256, 256, 64).unwrap();
        let kept = 190 * (CHUNKS_MAX - 1) + 254;
        assert_eq!(pieces.chunks(kept), (CHUNKS_MAX, None));
        assert_eq!(pieces.chunks(kept + 1), (CHUNKS_MAX, Some(cut(kept + 1, kept))));
    }

    #[test]
    fn lengths_that_the_model_cannot_read_are_refused() {
        assert!(pieces(513, 256, 64).is_err());
        assert!(pieces(2, 256, 64).is_err());
        assert!(pieces(256, 513, 64).is_err());
        assert!(pieces(256, 256, 128).is_err());
        assert!(pieces(512, 512, 255).is_ok());
    }

    proptest! {
        #[test]
        fn chunks_cover_the_document_and_each_brings_something_new(tokens in 1_usize..20_000, overlap in 0_usize..31) {
            let pieces = pieces(64, 64, overlap).unwrap();
            let (chunks, cut) = pieces.chunks(tokens);
            let mut covered = 0;
            for index in 0..chunks {
                let range = pieces.chunk_range(index, tokens);
                prop_assert!(range.start <= covered && range.end > covered);
                covered = range.end;
            }
            prop_assert_eq!(covered, cut.map_or(tokens, |cut| cut.kept as usize));
        }
    }
}
