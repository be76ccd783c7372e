//! The tokeniser of a model: text to token ids, without padding and without truncation.
//!
//! `tokenizer.json` often asks for both. Padding would make every headline pay for 128 tokens, and truncation would hide
//! how long the text was, so both are switched off and texts are cut by [`Pieces`](super::pieces::Pieces).

use super::EmbedError;
use tokenizers::Tokenizer;

/// Token ids of texts, and the marks that a model wants around them.
pub(super) struct TextTokens {
    tokenizer: Tokenizer,
    before: Vec<i64>,
    after: Vec<i64>,
}

impl TextTokens {
    /// Reads the bytes of a `tokenizer.json`. A prefix that the model wants before each text counts among its marks. The error is
    /// text for the operator.
    pub(super) fn from_bytes(bytes: &[u8], prefix: &str) -> Result<Self, String> {
        let mut tokenizer = Tokenizer::from_bytes(bytes).map_err(|error| error.to_string())?;
        tokenizer.with_padding(None);
        tokenizer.with_truncation(None).map_err(|error| error.to_string())?;
        let (before, after) = marks(&tokenizer)?;
        let mut tokens = Self { tokenizer, before, after };
        let prefix = tokens.ids(prefix).map_err(|error| error.to_string())?;
        tokens.before.extend(prefix);
        Ok(tokens)
    }

    /// How many marks a model's input has besides the text.
    pub(super) fn marks(&self) -> usize {
        self.before.len() + self.after.len()
    }

    /// Ids of all tokens of a text, without marks.
    pub(super) fn ids(&self, text: &str) -> Result<Vec<i64>, EmbedError> {
        // `encode_fast` leaves out the offsets, of which nothing is asked here.
        let encoding = self
            .tokenizer
            .encode_fast(text, false)
            .map_err(|error| EmbedError::TextNotEmbeddable { detail: error.to_string() })?;
        Ok(encoding.get_ids().iter().map(|id| i64::from(*id)).collect())
    }

    /// Appends a piece with its marks to `ids`.
    pub(super) fn push_marked(&self, piece: &[i64], ids: &mut Vec<i64>) {
        ids.extend_from_slice(&self.before);
        ids.extend_from_slice(piece);
        ids.extend_from_slice(&self.after);
    }
}

/// Learns the marks from a probe: what is around its own tokens once marks are asked for.
fn marks(tokenizer: &Tokenizer) -> Result<(Vec<i64>, Vec<i64>), String> {
    let ids = |marked| {
        let encoding = tokenizer.encode_fast("a", marked).map_err(|error| error.to_string())?;
        Ok::<Vec<i64>, String>(encoding.get_ids().iter().map(|id| i64::from(*id)).collect())
    };
    let (bare, marked) = (ids(false)?, ids(true)?);
    let start = marked.windows(bare.len().max(1)).position(|window| window == bare);
    let start = start.ok_or("the tokeniser does not keep a text's own tokens together")?;
    Ok((marked[..start].to_vec(), marked[start + bare.len()..].to_vec()))
}

#[cfg(test)]
mod tests {
    use super::super::contract::runtime_dir;
    use super::*;

    #[test]
    fn a_prefix_becomes_part_of_the_marks_and_gives_the_ids_of_the_prefixed_text() {
        let bytes = std::fs::read(runtime_dir().join("all-minilm-l6-v2/tokenizer.json")).expect("run `make setup`");
        let (bare, prefixed) = (TextTokens::from_bytes(&bytes, "").unwrap(), TextTokens::from_bytes(&bytes, "query: ").unwrap());
        let input = |tokens: &TextTokens, text: &str| {
            let mut ids = Vec::new();
            tokens.push_marked(&tokens.ids(text).unwrap(), &mut ids);
            ids
        };
        assert_eq!(input(&prefixed, "gold rises"), input(&bare, "query: gold rises"));
        assert_eq!(prefixed.marks(), bare.marks() + 2);
    }
}
