//! The probabilistic ranking of documents by the words that they share with a query (Robertson and Zaragoza, *The Probabilistic Relevance
//! Framework: BM25 and Beyond*, 2009).

use super::super::words::grammar::{GLUE, SAYS_NOTHING};
use super::super::words::token::{lemma, tokens};
use std::collections::{BTreeMap, BTreeSet};

/// How soon more of the same word counts for nothing more.
const K1: f64 = 1.2;

/// How much a long document pays for its length.
const B: f64 = 0.75;

/// Documents by the words in them.
#[derive(Debug, Clone, Default)]
pub struct Bm25 {
    postings: BTreeMap<String, Vec<(usize, f64)>>,
    // Of each document, how its length weighs.
    norms: Vec<f64>,
}

/// A document that shares words with a query.
#[derive(Debug, Clone, PartialEq)]
pub struct Shared {
    /// Which document.
    pub document: usize,
    /// How much; above nought.
    pub score: f64,
    /// The words, without their endings.
    pub words: Vec<String>,
}

/// The words of a text that may tell documents apart, without their endings. Names such as `order_id` and `orderId` are taken apart.
pub fn terms(text: &str) -> Vec<String> {
    let mut apart = String::with_capacity(text.len() + 8);
    let mut before = ' ';
    for c in text.chars() {
        if c.is_uppercase() && before.is_lowercase() {
            apart.push(' ');
        }
        // `table.column` is two names.
        apart.push(if c == '.' && before.is_alphabetic() { ' ' } else { c });
        before = c;
    }
    let plain = tokens(&apart).into_iter().filter(|token| !says_nothing(&token.word));
    plain.map(|token| lemma(&token.stem).to_owned()).collect()
}

fn says_nothing(word: &str) -> bool {
    const ASKED: &[&str] =
        &["what", "which", "many", "much", "be", "is", "are", "was", "were", "and", "or", "by", "per", "each", "than"];
    GLUE.contains(&word) || ASKED.contains(&word) || SAYS_NOTHING.split(' ').any(|nothing| nothing == word)
}

impl Bm25 {
    /// The documents of these texts, by their place among them.
    pub fn new<'t>(texts: impl Iterator<Item = &'t str>) -> Self {
        let mut postings: BTreeMap<String, Vec<(usize, f64)>> = BTreeMap::new();
        let mut lengths: Vec<f64> = Vec::new();
        for (document, text) in texts.enumerate() {
            let mut counts: BTreeMap<String, f64> = BTreeMap::new();
            for term in terms(text) {
                *counts.entry(term).or_default() += 1.0;
            }
            lengths.push(counts.values().sum());
            for (term, count) in counts {
                postings.entry(term).or_default().push((document, count));
            }
        }
        let mean = lengths.iter().sum::<f64>() / count(lengths.len()).max(1.0);
        let norms = lengths.iter().map(|length| K1 * (1.0 - B + B * length / mean.max(1.0))).collect();
        Self { postings, norms }
    }

    /// The documents that share words with a query, the best first, and of equals the earlier.
    pub fn rank(&self, query: &str) -> Vec<Shared> {
        let mut found: BTreeMap<usize, Shared> = BTreeMap::new();
        let asked: BTreeSet<String> = terms(query).into_iter().collect();
        for term in asked {
            let Some(postings) = self.postings.get(&term) else { continue };
            let (all, with) = (count(self.norms.len()), count(postings.len()));
            // One is added within the logarithm, as is usual, so that a word of most documents counts for little but not against them.
            let rarity = (1.0 + (all - with + 0.5) / (with + 0.5)).ln();
            for (document, frequency) in postings {
                let norm = self.norms.get(*document).copied().unwrap_or(K1);
                let shared = found.entry(*document).or_insert(Shared { document: *document, score: 0.0, words: Vec::new() });
                shared.score += rarity * frequency * (K1 + 1.0) / (frequency + norm);
                shared.words.push(term.clone());
            }
        }
        let mut ranked: Vec<Shared> = found.into_values().collect();
        ranked.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.document.cmp(&b.document)));
        ranked
    }
}

#[expect(clippy::cast_precision_loss, reason = "there are some thousand documents and words at most")]
fn count(number: usize) -> f64 {
    number as f64
}
