//! The deterministic twin: hashed features of words, without any file.
//!
//! Words, pairs of neighbouring words and letter trigrams of each word are hashed into a fixed number of dimensions, each
//! with a hashed sign so that collisions cancel on average (Weinberger et al., "Feature Hashing for Large Scale Multitask
//! Learning", ICML 2009). Texts that share words or parts of words are near one another; synonyms are not. A token is a
//! word, and there are no marks around a text.

use super::pieces::Pieces;
use super::pool::{Encoder, Pool, Terms};
use super::{Config, EmbedError, OpenError};
use crate::domain::component::ModelRef;
use crate::domain::vector::UnitVector;
use crate::limits::VECTOR_DIM_MAX;

/// The most words that `max_tokens` or `chunk_tokens` may ask for: what a model of BERT's kind reads.
const WORDS_MAX: usize = 512;

/// Fewer dimensions would leave hardly anything but collisions.
const DIM_MIN: usize = 16;

/// How much each feature counts. Whole words lead; trigrams carry inflections, pairs carry order.
const WORD_WEIGHT: f32 = 1.0;
const PAIR_WEIGHT: f32 = 0.5;
const TRIGRAM_WEIGHT: f32 = 0.3;

/// The twin, behind the same queue and workers as the model.
pub type HashingEmbedder = Pool<WordHasher>;

impl HashingEmbedder {
    /// A twin of `dim` dimensions with one worker and the default lengths, for tests of what is built on the seam.
    ///
    /// # Errors
    /// [`OpenError`] where `dim` is out of range or the thread could not be started.
    pub fn new(dim: usize) -> Result<Self, OpenError> {
        open(dim, &Config { workers: 1, ..Config::default() })
    }
}

/// Opens a twin of `dim` dimensions with the lengths, the workers and the queue of `config`.
///
/// # Errors
/// [`OpenError`] where `dim` or a length is out of range, or a thread could not be started.
pub fn open(dim: usize, config: &Config) -> Result<HashingEmbedder, OpenError> {
    if !(DIM_MIN..=VECTOR_DIM_MAX).contains(&dim) {
        let detail = format!("{dim} dimensions are not within {DIM_MIN} to {VECTOR_DIM_MAX}");
        return Err(OpenError::Setting { name: "model", detail });
    }
    let terms = Terms {
        model: ModelRef { id: format!("hashing-{dim}").into(), revision: "1".into() },
        dim,
        pieces: Pieces::new(config, 0, WORDS_MAX)?,
        queue_capacity: config.queue_capacity,
        batch_size_max: 1,
    };
    Pool::start(terms, vec![WordHasher { dim }; config.worker_count()])
}

/// Hashes the words of a text into a vector.
#[derive(Debug, Clone)]
pub struct WordHasher {
    dim: usize,
}

impl WordHasher {
    fn add(&self, values: &mut [f32], feature: u64, weight: f32) {
        let hash = scrambled(feature);
        let sign = if hash >> 63 == 0 { weight } else { -weight };
        // The lower half chooses the place, so that sign and place are independent.
        values[(hash & 0xffff_ffff) as usize % self.dim] += sign;
    }
}

impl Encoder for WordHasher {
    type Token = String;

    fn tokenise(&mut self, text: &str) -> Result<Vec<String>, EmbedError> {
        Ok(text.split_whitespace().map(bare).collect())
    }

    fn run(&mut self, pieces: &[&[String]]) -> Result<Vec<Option<UnitVector>>, EmbedError> {
        Ok(pieces.iter().map(|words| self.vector(words)).collect())
    }
}

impl WordHasher {
    fn vector(&self, words: &[String]) -> Option<UnitVector> {
        let mut values = vec![0.0; self.dim];
        let mut before = None;
        for word in words {
            let whole = hashed(b'w', word.bytes());
            self.add(&mut values, whole, WORD_WEIGHT);
            if let Some(before) = before.replace(whole) {
                self.add(&mut values, scrambled(before).wrapping_add(whole), PAIR_WEIGHT);
            }
            let edged: Vec<char> = std::iter::once('<').chain(word.chars()).chain(std::iter::once('>')).collect();
            for trigram in edged.windows(3) {
                let bytes = trigram.iter().flat_map(|c| u32::from(*c).to_le_bytes());
                self.add(&mut values, hashed(b't', bytes), TRIGRAM_WEIGHT);
            }
        }
        UnitVector::normalised(values)
    }
}

/// A word in lower case without the punctuation around it; a token of punctuation alone stays as it is.
fn bare(token: &str) -> String {
    let word = token.trim_matches(|c: char| !c.is_alphanumeric());
    if word.is_empty() { token.to_owned() } else { word.to_lowercase() }
}

/// FNV-1a of a feature under the tag of its kind.
fn hashed(kind: u8, bytes: impl Iterator<Item = u8>) -> u64 {
    std::iter::once(kind)
        .chain(bytes)
        .fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3))
}

/// The finaliser of SplitMix64: FNV alone leaves the upper bits of short features poorly mixed.
fn scrambled(hash: u64) -> u64 {
    let hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}
