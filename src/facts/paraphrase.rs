//! Whether texts that differ in their wording alone say the same: a small model over how much of them is the same.
//!
//! The reader asks that the remaining words agree one by one, which a trap of one word never passes and a free paraphrase seldom does. Where
//! nothing that both texts say differs (no number, date, name, direction, negation, role, list), this model tells the two apart by shape: who
//! says a thing anew changes many words and keeps the facts, and who says another thing in a sentence like it changes few. It is gradient
//! boosting over [`NAMES`] (Friedman, "Greedy function approximation: a gradient boosting machine", 2001), trained by
//! `scripts/train_paraphrase/train.py` on the pairs of `tests/data`.

use super::compare::compare;
use super::lexicon::Lexicon;
use crate::domain::fact_rules::{Rule, Rules, SlotRule, Unknown};
use crate::domain::facts::Facts;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

/// A longer text is no short sentence, and the model has seen none.
const TOKENS_MAX: usize = 48;

/// What the model looks at, in this order.
pub const NAMES: [&str; 23] = [
    "canon_only_least",
    "canon_only_most",
    "canon_shared",
    "canon_overlap",
    "unread_least",
    "unread_most",
    "token_shared",
    "token_only_least",
    "token_only_most",
    "token_overlap",
    "token_order",
    "token_difference",
    "names",
    "quantities",
    "dates",
    "poles",
    "polarity_alone",
    "qualifier_alone",
    "question_alone",
    "asks",
    "trigram_overlap",
    "known_only_least",
    "known_only_most",
];

/// A text and what was read out of it.
#[derive(Debug, Clone, Copy)]
pub struct Said<'a> {
    /// The text.
    pub text: &'a str,
    /// Its facts.
    pub facts: &'a Facts,
}

/// Whether `asked` is a paraphrase of `held` by the model and by the least probability that `rules` ask for.
pub fn is_paraphrase(held: Said<'_>, asked: Said<'_>, rules: &Rules, lexicon: &Lexicon) -> bool {
    rules.paraphrase_min < 1.0
        && features(held, asked, rules, lexicon)
            .zip(model())
            .is_some_and(|(features, model)| model.probability(&features) >= rules.paraphrase_min)
}

/// What the model looks at; `None` where texts differ in more than wording, or are too long, so that it isn't asked.
pub fn features(held: Said<'_>, asked: Said<'_>, rules: &Rules, lexicon: &Lexicon) -> Option<[f64; NAMES.len()]> {
    if rules.wording.rule != Rule::MustNotConflict || !differ_in_wording_alone(held.facts, asked.facts, rules) {
        return None;
    }
    let (a, b) = (held.facts, asked.facts);
    let (least, most) = (a.unread_share().min(b.unread_share()), a.unread_share().max(b.unread_share()));
    // Above the strategy's share only the same wording passes.
    if most > rules.unread_share_max {
        return None;
    }
    let tokens = (tokens(held.text), tokens(asked.text));
    if tokens.0.len().max(tokens.1.len()) > TOKENS_MAX {
        return None;
    }
    let canons = Overlap::of(content(a), content(b));
    let words = Overlap::of(tokens.0.iter().map(String::as_str), tokens.1.iter().map(String::as_str));
    let known = |alone: &[&str]| alone.iter().filter(|word| is_known(word, lexicon)).count();
    let (known_a, known_b) = (known(&canons.only.0), known(&canons.only.1));
    let names = |facts: &Facts| -> BTreeSet<String> {
        facts.entities.iter().map(|entity| entity.id.clone()).chain(facts.names.iter().cloned()).collect()
    };
    let alone = |rule: fn(&mut Rules) -> &mut SlotRule| {
        let mut strict = only_two_sided(rules);
        rule(&mut strict).unknown = Unknown::Refuse;
        compare(a, b, &strict).is_err()
    };
    let (n, m) = (tokens.0.len(), tokens.1.len());
    let n_m = (n + m).max(1) as f64;
    Some([
        canons.least() as f64,
        canons.most() as f64,
        canons.shared as f64,
        canons.share(),
        f64::from(least),
        f64::from(most),
        words.shared as f64,
        words.least() as f64,
        words.most() as f64,
        words.share(),
        2.0 * longest_common_subsequence(&tokens.0, &tokens.1) as f64 / n_m,
        n.abs_diff(m) as f64,
        names(a).intersection(&names(b)).count() as f64,
        Overlap::of(
            a.quantities.iter().map(|q| (q.value.to_bits(), &q.unit)),
            b.quantities.iter().map(|q| (q.value.to_bits(), &q.unit)),
        )
        .shared as f64,
        Overlap::of(a.dates.iter(), b.dates.iter()).shared as f64,
        Overlap::of(a.events.iter().map(|e| (&e.axis, e.pole)), b.events.iter().map(|e| (&e.axis, e.pole))).shared as f64,
        f64::from(u8::from(alone(|rules| &mut rules.polarity))),
        f64::from(u8::from(alone(|rules| &mut rules.qualifier))),
        f64::from(u8::from(alone(|rules| &mut rules.question))),
        f64::from(u8::from(!a.question.is_empty() || !b.question.is_empty())),
        trigram_overlap(&words.only.0, &words.only.1),
        known_a.min(known_b) as f64,
        known_a.max(known_b) as f64,
    ])
}

/// Whether no slot but those of wording, polarity, qualifiers and questions differs, and of these only in what one side leaves out. Of texts
/// that repeat themselves the order of the words is not always judged alike from both sides, so that both are asked.
fn differ_in_wording_alone(held: &Facts, asked: &Facts, rules: &Rules) -> bool {
    let rules = only_two_sided(rules);
    compare(held, asked, &rules).is_ok() && compare(asked, held, &rules).is_ok() && qualifiers_tell_little(held, asked)
}

/// The rules without the wording, and without what one side leaves out.
fn only_two_sided(rules: &Rules) -> Rules {
    let soft = |slot: SlotRule| match slot.rule {
        Rule::MustNotConflict => SlotRule { unknown: Unknown::Pass, ..slot },
        _ => slot,
    };
    Rules {
        polarity: soft(rules.polarity),
        qualifier: soft(rules.qualifier),
        question: soft(rules.question),
        wording: SlotRule { rule: Rule::Ignore, unknown: Unknown::Pass },
        ..rules.clone()
    }
}

/// A condition, an exception or an `only` that one side lacks is a fact of its own; the form of a question is none.
fn qualifiers_tell_little(held: &Facts, asked: &Facts) -> bool {
    let little = |word: &String| {
        ["asks:", "degree:", "cause:because", "compare:more", "quantifier:all", "quantifier:both"]
            .iter()
            .any(|light| word.starts_with(light))
    };
    let lacks = |a: &Facts, b: &Facts| a.qualifiers.iter().all(|word| b.qualifiers.contains(word) || little(word));
    lacks(held, asked) && lacks(asked, held)
}

fn content(facts: &Facts) -> impl Iterator<Item = &str> {
    facts.words.iter().map(String::as_str).filter(|word| *word != "," && !word.starts_with('|'))
}

/// Whether the lexicon knows a common form: two words that it knows apart mean different things.
fn is_known(word: &str, lexicon: &Lexicon) -> bool {
    word.ends_with(['+', '-', '=']) || word.contains('-') || lexicon.single(word).is_some()
}

fn tokens(text: &str) -> Vec<String> {
    text.split(|sign: char| !sign.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .take(TOKENS_MAX + 1)
        .map(str::to_lowercase)
        .collect()
}

/// What two lists have in common, each counted as often as both have it.
struct Overlap<T> {
    shared: usize,
    only: (Vec<T>, Vec<T>),
}

impl<T: Ord + Clone> Overlap<T> {
    fn of(a: impl Iterator<Item = T>, b: impl Iterator<Item = T>) -> Self {
        let mut there: BTreeMap<T, usize> = BTreeMap::new();
        let b: Vec<T> = b.collect();
        b.iter().for_each(|item| *there.entry(item.clone()).or_default() += 1);
        let (mut shared, mut only_a) = (0, Vec::new());
        for item in a {
            match there.get_mut(&item).filter(|left| **left > 0) {
                Some(left) => {
                    *left -= 1;
                    shared += 1;
                }
                None => only_a.push(item),
            }
        }
        let only_b = b
            .into_iter()
            .filter(|item| there.get_mut(item).is_some_and(|left| std::mem::replace(left, left.saturating_sub(1)) > 0));
        Self { shared, only: (only_a, only_b.collect()) }
    }

    fn least(&self) -> usize {
        self.only.0.len().min(self.only.1.len())
    }

    fn most(&self) -> usize {
        self.only.0.len().max(self.only.1.len())
    }

    fn share(&self) -> f64 {
        self.shared as f64 / (self.shared + self.only.0.len() + self.only.1.len()).max(1) as f64
    }
}

fn longest_common_subsequence(a: &[String], b: &[String]) -> usize {
    let mut row = vec![0; b.len() + 1];
    for x in a {
        let mut corner = 0;
        for (at, y) in b.iter().enumerate() {
            let above = row[at + 1];
            row[at + 1] = if x == y { corner + 1 } else { above.max(row[at]) };
            corner = above;
        }
    }
    row.last().copied().unwrap_or(0)
}

/// The share of runs of three letters that the words of both sides have: `restarting` and `restart`.
fn trigram_overlap(a: &[&str], b: &[&str]) -> f64 {
    let all = |words: &[&str]| -> BTreeSet<[char; 3]> {
        let runs = |word: &&str| -> Vec<[char; 3]> {
            let letters: Vec<char> = word.chars().collect();
            letters.windows(3).map(|run| [run[0], run[1], run[2]]).collect()
        };
        words.iter().flat_map(runs).collect()
    };
    let (a, b) = (all(a), all(b));
    let either = a.union(&b).count();
    if either == 0 { 0.0 } else { a.intersection(&b).count() as f64 / either as f64 }
}

/// Trees whose leaves add up to the logarithm of the odds.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Model {
    #[cfg_attr(not(test), expect(dead_code, reason = "a test holds the file to the code by it"))]
    version: u32,
    #[cfg_attr(not(test), expect(dead_code, reason = "a test holds the file to the code by it"))]
    features: Vec<String>,
    /// The logarithm of the odds before any tree.
    base: f64,
    trees: Vec<Vec<Node>>,
}

/// A question on one feature, or a leaf.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Node {
    /// Up to the threshold it goes on at the first node, above it at the second. The trees were grown on features of single precision.
    Split(usize, f64, usize, usize),
    Leaf(f64),
}

/// The model that is compiled in; `None` never, as a test shows.
fn model() -> Option<&'static Model> {
    static MODEL: OnceLock<Option<Model>> = OnceLock::new();
    MODEL.get_or_init(|| serde_json::from_str(include_str!("paraphrase.json")).ok()).as_ref()
}

impl Model {
    fn probability(&self, features: &[f64]) -> f64 {
        let odds: f64 = self.base + self.trees.iter().map(|tree| leaf(tree, features)).sum::<f64>();
        1.0 / (1.0 + (-odds).exp())
    }
}

/// The leaf that the features lead to. Nodes point forward, so a damaged tree ends as well.
fn leaf(tree: &[Node], features: &[f64]) -> f64 {
    let mut at = 0;
    loop {
        match tree.get(at) {
            Some(Node::Leaf(value)) => return *value,
            Some(Node::Split(feature, most, low, high)) => {
                let next =
                    if features.get(*feature).is_some_and(|value| f64::from(*value as f32) <= *most) { *low } else { *high };
                if next <= at {
                    return 0.0;
                }
                at = next;
            }
            None => return 0.0,
        }
    }
}

#[cfg(test)]
mod tests;
