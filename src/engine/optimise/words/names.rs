//! Names in a text: lists of them, and where each is mentioned again.

use super::tokens::{Kind, Text, Token};
use std::collections::BTreeSet;
use std::ops::Range;

/// Words that no name has.
const STOP: &[&str] = &[
    "with", "to", "for", "so", "at", "in", "subject", "by", "where", "that", "which", "using", "given", "while", "under", "must",
    "should", "is", "are", "was", "has", "have", "each", "if", "such", "no", "not", "than", "from", "on", "across", "among",
    "between", "into", "over", "per", "costs", "cost", "takes", "take", "needs", "need", "require", "requires", "returns",
    "return", "yields", "covers", "cover", "serves", "serve", "reaches", "can", "cannot", "may", "will", "would", "before",
    "after", "when", "then", "only", "minimum", "maximum", "least", "most", "every", "it", "they", "them", "we", "our", "my",
    "their", "its", "how", "what", "who", "because", "but", "keeping", "keep", "without", "within", "holding", "he", "she",
    "this", "be",
];

/// Words before a name that are none of it.
const ARTICLES: &[&str] = &["the", "a", "an", "both", "either", "respectively", "these"];

/// Words behind the last name of a list that say what the names are of.
const GENERIC: &[&str] = &[
    "market",
    "markets",
    "asset",
    "assets",
    "fund",
    "funds",
    "project",
    "projects",
    "plant",
    "plants",
    "site",
    "sites",
    "coin",
    "coins",
    "token",
    "tokens",
    "position",
    "positions",
    "station",
    "stations",
    "warehouse",
    "warehouses",
    "store",
    "stores",
    "customer",
    "customers",
    "today",
    "respectively",
    "alike",
    "instead",
    "task",
    "tasks",
    "job",
    "jobs",
];

/// Words that a name has at most.
const NAME_WORDS_MAX: usize = 3;

/// Names that a list has at most.
const NAMES_MAX: usize = 200;

/// A name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    /// As a model knows it.
    pub id: String,
    /// As it was said.
    pub said: String,
}

/// Names, and the tokens that list them.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct List {
    /// In their order.
    pub names: Vec<Name>,
    /// From the first to behind the last.
    pub tokens: Range<usize>,
}

/// Where a name is mentioned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mention {
    /// Which name.
    pub name: usize,
    /// The tokens.
    pub tokens: Range<usize>,
}

/// A word without the ending of a plural.
pub fn singular(word: &str) -> String {
    let word = word.strip_suffix("'s").or_else(|| word.strip_suffix("’s")).unwrap_or(word);
    match word {
        word if word.len() > 4 && word.ends_with("ies") => format!("{}y", word.strip_suffix("ies").unwrap_or(word)),
        word if word.len() > 4 && ["sses", "shes", "ches", "xes"].iter().any(|end| word.ends_with(end)) => {
            word.strip_suffix("es").unwrap_or(word).to_owned()
        }
        word if word.len() > 3
            && word.ends_with('s')
            && !word.ends_with("ss")
            && !word.ends_with("us")
            && !word.ends_with("is") =>
        {
            word.strip_suffix('s').unwrap_or(word).to_owned()
        }
        word => word.to_owned(),
    }
}

/// What a model calls what was said so.
pub fn identifier(said: &str) -> String {
    let words: Vec<String> = said.split_whitespace().map(|word| singular(&word.to_lowercase())).collect();
    let clean: String = words.join("_").chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    let clean = clean.trim_matches('_').to_owned();
    if clean.starts_with(|c: char| c.is_ascii_alphabetic()) { clean } else { format!("n_{clean}") }
}

impl Text<'_> {
    /// Whether a token may be part of a name.
    fn nameable(&self, at: usize) -> bool {
        let stops = |t: &Token| {
            STOP.contains(&&*t.lower) || t.separates() || t.lower.starts_with("minimi") || t.lower.starts_with("maximi")
        };
        self.tokens.get(at).is_some_and(|t| t.is_word() && !stops(t))
    }

    /// The words of a name from a place on, behind an article: as many as there are, at most `NAME_WORDS_MAX`.
    pub fn name_at(&self, mut at: usize) -> Option<Range<usize>> {
        // A lone `A` is a name.
        while self.tokens.get(at).is_some_and(|t| ARTICLES.contains(&&*t.lower)) && self.nameable(at + 1) {
            at += 1;
        }
        let words = (at..at + NAME_WORDS_MAX).take_while(|at| self.nameable(*at)).count();
        (words > 0).then_some(at..at + words)
    }

    /// The words of a name that end before a place.
    pub fn name_before(&self, end: usize) -> Option<Range<usize>> {
        let mut from = end;
        while from > 0 && end - from < NAME_WORDS_MAX && self.nameable(from - 1) {
            if from < end && ARTICLES.contains(&&*self.tokens.get(from - 1)?.lower) {
                break;
            }
            from -= 1;
        }
        (from < end).then_some(from..end)
    }

    /// A list of names from a place on: `BTC/ETH/SOL`, `A, B and C`, `A (100), B (150)`.
    pub fn list_at(&self, at: usize) -> Option<List> {
        let (mut parts, mut from) = (Vec::new(), at);
        while let Some(name) = self.name_at(from) {
            let end = self.behind_brackets(name.end);
            parts.push(name);
            let mut next = end;
            while self.tokens.get(next).is_some_and(|t| t.separates() && !t.is_sign(';')) {
                next += 1;
            }
            from = next;
            if next == end || parts.len() >= NAMES_MAX {
                break;
            }
        }
        self.list(parts)
    }

    /// Names of these tokens. The generic word behind the last is none of it.
    pub fn list(&self, mut parts: Vec<Range<usize>>) -> Option<List> {
        let generic = |at: usize| self.tokens.get(at).is_some_and(|t| GENERIC.contains(&&*t.lower));
        if let Some(last) = parts.last_mut() {
            while last.len() > 1 && generic(last.end - 1) {
                last.end -= 1;
            }
        }
        parts.retain(|part| !(part.len() == 1 && generic(part.start)));
        let tokens = parts.first()?.start..parts.last()?.end;
        let names: Vec<Name> = parts.iter().map(|part| self.name(part.clone())).collect();
        let ids: BTreeSet<&str> = names.iter().map(|name| &*name.id).collect();
        (ids.len() == names.len()).then_some(List { names, tokens })
    }

    /// The name that these tokens are.
    pub fn name(&self, tokens: Range<usize>) -> Name {
        let said = self.slice(tokens).trim().to_owned();
        Name { id: identifier(&said), said }
    }

    /// Behind what stands in brackets at a place, else the place itself.
    fn behind_brackets(&self, at: usize) -> usize {
        if !self.tokens.get(at).is_some_and(|t| t.is_sign('(')) {
            return at;
        }
        let close = (at..self.tokens.len().min(at + 8)).find(|at| self.tokens.get(*at).is_some_and(|t| t.is_sign(')')));
        close.map_or(at, |close| close + 1)
    }

    /// Counts with what they count: `12 SAR drafts, 8 KYC reviews and 5 transaction audits`. The numbers are told by their token.
    pub fn counted(&self, free: impl Fn(usize) -> bool) -> Option<(List, Vec<usize>)> {
        let mut at = 0;
        while at < self.tokens.len() {
            let (mut parts, mut counts, mut from) = (Vec::new(), Vec::new(), at);
            while matches!(self.tokens.get(from).map(|t| t.kind), Some(Kind::Number(_))) && free(from) {
                let Some(name) = self.name_at(from + 1).filter(|name| name.start == from + 1) else { break };
                counts.push(from);
                let mut next = name.end;
                parts.push(name);
                while self.tokens.get(next).is_some_and(|t| t.separates() && !t.is_sign('/')) {
                    next += 1;
                }
                from = next;
            }
            if parts.len() >= 2
                && let Some(list) = self.list(parts)
            {
                return Some((list, counts));
            }
            at += 1;
        }
        None
    }

    /// Where names are mentioned, in order: whole, in singular or plural, or by a word that no other of them has.
    pub fn mentions(&self, names: &[Name]) -> Vec<Mention> {
        let words: Vec<Vec<String>> =
            names.iter().map(|name| name.said.split_whitespace().map(|word| singular(&word.to_lowercase())).collect()).collect();
        let own = |name: usize, word: &String| {
            word.len() >= 3 && words.iter().enumerate().all(|(other, all)| other == name || !all.contains(word))
        };
        let stems: Vec<String> = self.tokens.iter().map(|token| singular(&token.lower)).collect();
        let (mut found, mut at) = (Vec::new(), 0);
        while at < stems.len() {
            let whole = (0..names.len()).filter_map(|name| {
                let of = words.get(name).filter(|of| !of.is_empty())?;
                (stems.get(at..at + of.len()) == Some(&**of)).then_some((name, of.len()))
            });
            let part = || {
                (0..names.len()).find_map(|name| {
                    let of = words.get(name).filter(|of| of.len() > 1)?;
                    let taken = stems.get(at..)?.iter().take_while(|stem| of.contains(stem) && own(name, stem)).count();
                    (taken > 0).then_some((name, taken))
                })
            };
            match whole.max_by_key(|(_, taken)| *taken).or_else(part) {
                Some((name, taken)) => {
                    found.push(Mention { name, tokens: at..at + taken });
                    at += taken;
                }
                None => at += 1,
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ids(text: &str) -> Vec<String> {
        let read = Text::read(text);
        read.list_at(0).map(|list| list.names.into_iter().map(|name| name.id).collect()).unwrap_or_default()
    }

    #[test]
    fn a_list_is_read_with_slashes_commas_articles_and_brackets() {
        assert_eq!(ids("BTC/ETH/SOL to minimize"), ["btc", "eth", "sol"]);
        assert_eq!(ids("the Lisbon plant, the Porto plant and Faro with 5%"), ["lisbon_plant", "porto_plant", "faro"]);
        assert_eq!(ids("A (100), B (150) and C (80)"), ["a", "b", "c"]);
        assert_eq!(ids("BTC, ETH and SOL markets"), ["btc", "eth", "sol"]);
        assert_eq!(ids("with 5%"), Vec::<String>::new());
    }

    #[test]
    fn what_is_counted_is_read_with_its_counts() {
        let text =
            Text::read("Assign the 25 open cases (12 SAR drafts, 8 KYC reviews, 5 transaction audits) to the 8 investigators");
        let (list, counts) = text.counted(|_| true).unwrap();
        let ids: Vec<&str> = list.names.iter().map(|name| &*name.id).collect();
        assert_eq!((ids, counts.len()), (vec!["sar_draft", "kyc_review", "transaction_audit"], 3));
    }

    #[test]
    fn a_name_is_found_again_in_singular_or_by_a_word_of_its_own() {
        let text = Text::read("12 SAR drafts, 8 KYC reviews, 5 transaction audits. An audit takes 2 hours, a SAR draft 3 hours");
        let (list, _) = text.counted(|_| true).unwrap();
        let found: Vec<usize> = text.mentions(&list.names).iter().map(|mention| mention.name).collect();
        assert_eq!(found, [0, 1, 2, 2, 0]);
    }

    proptest! {
        #[test]
        fn whatever_is_read_never_panics(raw in "[a-zA-Z0-9,/()%$. and]{0,80}") {
            let text = Text::read(&raw);
            for at in 0..=text.tokens.len() {
                if let Some(list) = text.list_at(at) {
                    let _ = text.mentions(&list.names);
                }
            }
            let _ = text.counted(|_| true);
        }
    }
}
