//! Schema linking: which tables, columns, values, definitions and answered questions a question is about.
//!
//! Words and meanings are ranked each by itself, the words by BM25, the meanings by the cosine of vectors that the caller has
//! embedded, and the two rankings are fused by their ranks alone (reciprocal rank fusion: Cormack, Clarke and Büttcher, SIGIR 2009), because
//! their scores have no common scale. The order is the same for the same input, always.

mod bm25;
mod documents;
mod excerpt;
#[cfg(test)]
mod tests;

pub use self::documents::{Document, Documents, Pair, Place};
pub use self::excerpt::{Defined, Excerpt, TableExcerpt};

use self::bm25::Bm25;
use crate::domain::vector::UnitVector;
use serde::Serialize;
use std::collections::BTreeMap;

/// How little a rank at the top is worth more than the one behind it; the constant of the paper.
const FUSION_K: f64 = 60.0;

/// Neighbours by meaning that are fused: what is further away adds noise alone.
const DENSE_RANKS: usize = 50;

/// The cosine below which two texts are not held to mean something alike, where there is no word to confirm it. Measured with
/// all-MiniLM-L6-v2 on the marketplace's layer: words of the trade that it does not have (`income`, `vendors`, `postage`) reach 0.36 to 0.70
/// with what they mean, words of something else (`weather`, `churn`, `unicorn`) stay below with all.
const CHOICE_COSINE_MIN: f32 = 0.35;

/// Finds what questions are about.
#[derive(Debug, Clone)]
pub struct Linker {
    documents: Vec<Document>,
    words: Bm25,
    vectors: Vec<Option<UnitVector>>,
}

/// Something that a question may be about, and why.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Linked {
    /// What it is.
    pub place: Place,
    /// How a question calls it.
    pub called: String,
    /// The fused score, for the order alone.
    pub score: f64,
    /// Its place by words.
    pub by_words: Option<Ranked>,
    /// Its place by meaning.
    pub by_meaning: Option<Ranked>,
    /// The words that it shares with the question, without their endings.
    pub words: Vec<String>,
}

/// A place in one ranking.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Ranked {
    /// The place, from one.
    pub rank: usize,
    /// The score there: BM25, or the cosine.
    pub score: f64,
}

impl Linker {
    /// A linker by words alone.
    pub fn new(documents: Documents) -> Self {
        let documents = documents.into_vec();
        let words = Bm25::new(documents.iter().map(|document| document.text.as_str()));
        let vectors = vec![None; documents.len()];
        Self { documents, words, vectors }
    }

    /// The texts to embed, in the order in which [`Self::with_vectors`] takes their vectors.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        self.documents.iter().map(|document| document.text.as_str())
    }

    /// What it knows, in order.
    pub fn documents(&self) -> &[Document] {
        &self.documents
    }

    /// The linker with the vectors of its texts; a text without one is found by its words alone.
    #[must_use]
    pub fn with_vectors(mut self, mut vectors: Vec<Option<UnitVector>>) -> Self {
        vectors.resize(self.documents.len(), None);
        self.vectors = vectors;
        self
    }

    /// What a question may be about, the likeliest first, `top` at most.
    pub fn link(&self, question: &str, vector: Option<&UnitVector>, top: usize) -> Vec<Linked> {
        self.ranked(question, vector, top, |_| true)
    }

    /// What may have been meant by words that had no place: measures, dimensions, values and terms that share a word with them or mean
    /// something alike, called as the reader of questions knows them.
    pub fn choices(&self, words: &str, vector: Option<&UnitVector>, top: usize) -> Vec<Linked> {
        let offered = |document: &Document| {
            matches!(document.place, Place::Measure { .. } | Place::Dimension { .. } | Place::Value { .. } | Place::Term { .. })
        };
        let near = |linked: &Linked| {
            linked.by_words.is_some() || linked.by_meaning.is_some_and(|near| near.score >= f64::from(CHOICE_COSINE_MIN))
        };
        let mut choices: Vec<Linked> = Vec::new();
        for linked in self.ranked(words, vector, usize::MAX, offered).into_iter().filter(near) {
            // Two definitions of one name are one choice; the reader asks further where it must.
            if choices.len() < top && choices.iter().all(|known| known.called != linked.called) {
                choices.push(linked);
            }
        }
        choices
    }

    fn ranked(&self, text: &str, vector: Option<&UnitVector>, top: usize, keep: impl Fn(&Document) -> bool) -> Vec<Linked> {
        let mut found: BTreeMap<usize, Linked> = BTreeMap::new();
        let kept = |index: &usize| self.documents.get(*index).is_some_and(&keep);
        let by_words = self.words.rank(text).into_iter().filter(|shared| kept(&shared.document));
        for (at, shared) in by_words.enumerate() {
            let ranked = Ranked { rank: at + 1, score: shared.score };
            let Some(linked) = self.entry(&mut found, shared.document) else { continue };
            linked.score += fused(ranked.rank);
            linked.by_words = Some(ranked);
            linked.words = shared.words;
        }
        for (at, (document, cosine)) in self.near(vector, kept).into_iter().enumerate() {
            let ranked = Ranked { rank: at + 1, score: f64::from(cosine) };
            let Some(linked) = self.entry(&mut found, document) else { continue };
            linked.score += fused(ranked.rank);
            linked.by_meaning = Some(ranked);
        }
        let mut all: Vec<(usize, Linked)> = found.into_iter().collect();
        all.sort_by(|(i, a), (j, b)| b.score.total_cmp(&a.score).then(i.cmp(j)));
        all.into_iter().take(top).map(|(_, linked)| linked).collect()
    }

    fn entry<'f>(&self, found: &'f mut BTreeMap<usize, Linked>, index: usize) -> Option<&'f mut Linked> {
        let document = self.documents.get(index)?;
        Some(found.entry(index).or_insert_with(|| Linked {
            place: document.place.clone(),
            called: document.called.clone(),
            score: 0.0,
            by_words: None,
            by_meaning: None,
            words: Vec::new(),
        }))
    }

    /// The documents nearest in meaning, the nearest first, and of equals the earlier.
    fn near(&self, vector: Option<&UnitVector>, kept: impl Fn(&usize) -> bool) -> Vec<(usize, f32)> {
        let Some(vector) = vector else { return Vec::new() };
        let with = self.vectors.iter().enumerate().filter(|(index, _)| kept(index));
        let mut near: Vec<(usize, f32)> = with
            .filter_map(|(index, own)| own.as_ref().map(|own| (index, vector.dot(own))))
            .filter(|(_, cosine)| *cosine > 0.0)
            .collect();
        near.sort_by(|(i, a), (j, b)| b.total_cmp(a).then(i.cmp(j)));
        near.truncate(DENSE_RANKS);
        near
    }
}

/// What a rank adds to the fused score.
#[expect(clippy::cast_precision_loss, reason = "there are some thousand documents at most")]
fn fused(rank: usize) -> f64 {
    1.0 / (FUSION_K + rank as f64)
}
