//! The canonical form of an intent and its digest.

use super::{Filter, Intent};
use std::collections::BTreeMap;

impl Intent {
    /// The same intent with everything whose order says nothing in one order.
    #[must_use]
    pub fn canonical(mut self) -> Self {
        self.dimensions.sort();
        self.dimensions.dedup();
        self.filters = sorted(self.filters);
        if let Some(share) = &mut self.share {
            share.of = sorted(std::mem::take(&mut share.of));
        }
        let mut seen = Vec::new();
        self.measures.retain(|measure| {
            let new = !seen.contains(measure);
            seen.push(measure.clone());
            new
        });
        // What is ranked by is the first measure, so only measures that nothing is ranked by have no order.
        if self.ranking.is_none() {
            self.measures.sort();
        }
        let order = |threshold: &super::Threshold| (threshold.measure.clone(), threshold.relation as u8);
        self.thresholds.sort_by(|a, b| order(a).cmp(&order(b)).then(a.bound.total_cmp(&b.bound)));
        self.thresholds.dedup();
        self
    }

    /// The key of a cache: equal for intents of the same canonical form, and for no others.
    pub fn digest(&self) -> [u8; 32] {
        // A struct's fields come out in the order of its declaration, and no map stands in it, so the same intent gives the same bytes.
        let bytes = serde_json::to_vec(&self.clone().canonical()).unwrap_or_default();
        *blake3::Hasher::new_derive_key("instinct 2026 analytics intent").update(&bytes).finalize().as_bytes()
    }
}

/// Filters on the same dimension in the same sense become one, sorted.
fn sorted(filters: Vec<Filter>) -> Vec<Filter> {
    let mut values: BTreeMap<(String, bool), Vec<String>> = BTreeMap::new();
    let mut rest = Vec::new();
    for filter in filters {
        match filter {
            Filter::Values { dimension, values: list, negated } => values.entry((dimension, negated)).or_default().extend(list),
            term @ Filter::Term { .. } => rest.push(term),
        }
    }
    for ((dimension, negated), mut values) in values {
        values.sort();
        values.dedup();
        rest.push(Filter::Values { dimension, values, negated });
    }
    rest.sort();
    rest.dedup();
    rest
}
