//! Pairs as a stream: texts that pairs of one decision tie together, directly or through others, have one label.

use super::{BadLine, Pair, Row};
use crate::domain::text::{FreshText, TextHash};
use crate::eval::decision;
use std::collections::HashMap;

/// The texts of the pairs, each once, in the order in which they come up.
pub(super) fn of_pairs(pairs: Vec<Result<Pair, BadLine>>) -> Vec<Result<Row, BadLine>> {
    let mut places: HashMap<TextHash, usize> = HashMap::new();
    let mut texts: Vec<(usize, FreshText)> = Vec::new();
    let mut above: Vec<usize> = Vec::new();
    let mut bad = Vec::new();
    for pair in pairs {
        let pair = match pair {
            Ok(pair) => pair,
            Err(line) => {
                bad.push(Err(line));
                continue;
            }
        };
        let [a, b] = [pair.a, pair.b].map(|text| {
            *places.entry(text.hash()).or_insert_with(|| {
                texts.push((pair.line, text));
                above.push(above.len());
                above.len() - 1
            })
        });
        if pair.same {
            let (a, b) = (root(&mut above, a), root(&mut above, b));
            // The earlier text names the cluster, so that the order of the pairs decides nothing else.
            if let Some(place) = above.get_mut(a.max(b)) {
                *place = a.min(b);
            }
        }
    }
    let row = |(at, (line, text)): (usize, (usize, FreshText))| {
        let label = format!("cluster {}", root(&mut above, at));
        let decision = decision::labelled(&label).map_err(|error| BadLine::new(line, error))?;
        Ok(Row { line, text, headline: None, decision, at: None, tags: Vec::new(), pieces: Vec::new() })
    };
    texts.into_iter().enumerate().map(row).chain(bad).collect()
}

/// The text that names the cluster of another; paths are halved on the way (Tarjan and van Leeuwen 1984).
fn root(above: &mut [usize], mut at: usize) -> usize {
    while let Some(up) = above.get(at).copied().filter(|up| *up != at) {
        let further = above.get(up).copied().unwrap_or(up);
        if let Some(place) = above.get_mut(at) {
            *place = further;
        }
        at = further;
    }
    at
}
