//! What is asked, and whether the answer is right.

use crate::Failure;
use crate::client::{Reply, request};
use crate::sample::Sample;
use serde::Deserialize;
use serde_json::Value;
use std::borrow::Cow;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// Which texts are asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scenario {
    /// The entries' own texts: answered by the exact path, with the entry's decision.
    Exact,
    /// The entries' texts with a suffix that was never asked before, so that each is embedded.
    Semantic,
    /// Headlines that no entry is about, each with a new suffix: nothing may be served.
    Miss,
    /// 60% exact, 30% semantic, 10% miss.
    Mix,
    /// Variants of the entries' texts, some asked again and again and most of them seldom, after Zipf's law: what is asked twice is known.
    Zipf,
}

/// What must be true of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rule {
    /// Served by the exact path, from this entry.
    Exactly(usize),
    /// Served from this entry, or not at all.
    Only(usize),
    /// Not served.
    Nothing,
}

/// One request, ready to be sent.
#[derive(Debug)]
pub(crate) struct Question {
    pub(crate) request: Vec<u8>,
    pub(crate) rule: Rule,
}

/// How an answer is judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    Served,
    /// Nothing was served. That is a price, never a danger.
    Abstained,
    Wrong(String),
    Error(String),
}

/// What is read of an answer.
#[derive(Debug, Deserialize)]
pub(crate) struct Answer<'a> {
    #[serde(borrow)]
    pub(crate) outcome: Cow<'a, str>,
    #[serde(borrow)]
    pub(crate) path: Cow<'a, str>,
    pub(crate) decision: Option<Value>,
    #[serde(borrow, rename = "match")]
    pub(crate) matched: Option<Matched<'a>>,
    pub(crate) timing_us: Timing,
}

/// What is read of the entry that was served.
#[derive(Debug, Deserialize)]
pub(crate) struct Matched<'a> {
    #[serde(borrow)]
    pub(crate) entry: Cow<'a, str>,
}

/// What is read of the service's own times, in microseconds.
#[derive(Debug, Clone, Copy, Deserialize)]
pub(crate) struct Timing {
    pub(crate) embed: u64,
    pub(crate) total: u64,
}

/// Draws the questions of a scenario; the same ones in each run, but for their suffixes.
#[derive(Debug)]
pub(crate) struct Asker {
    sample: Arc<Sample>,
    scenario: Scenario,
    unrelated: Vec<usize>,
    ask: Ask,
    random: fastrand::Rng,
    serial: u64,
}

/// How a decision is asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ask {
    /// How far the service may go.
    pub(crate) allow: &'static str,
    /// How long it may take; the strategy's own deadline where absent. With one, no answer may be `pending`.
    pub(crate) deadline_ms: Option<u32>,
}

/// From memory alone, so that a load test never pays for a model.
const FROM_MEMORY: Ask = Ask { allow: "fast", deadline_ms: None };

impl Ask {
    fn request(self, text: &str, tags: &[String]) -> Vec<u8> {
        let mut body = serde_json::json!({"text": text, "tags": tags, "allow": self.allow});
        if let Some(deadline_ms) = self.deadline_ms {
            body["deadline_ms"] = deadline_ms.into();
            body["pending"] = false.into();
        }
        request("POST", "/v1/decide", "application/json", body.to_string().as_bytes())
    }
}

/// A request that asks for a decision from memory.
pub(crate) fn decide(text: &str, tags: &[String]) -> Vec<u8> {
    FROM_MEMORY.request(text, tags)
}

/// Words that say nothing of what happened. Any other word that an entry lacks is one for which the fact gate refuses it.
const EMPTY_WORDS: [&str; 16] = [
    "said",
    "announced",
    "reported",
    "stated",
    "noted",
    "update",
    "breaking",
    "official",
    "statement",
    "announcement",
    "spokesman",
    "currently",
    "meanwhile",
    "please",
    "indeed",
    "also",
];

/// Variants that `zipf` chooses from.
const ZIPF_VARIANTS: f64 = 100_000.0;

/// Words of a suffix: sixteen to the fifth is more than there are serials.
const SUFFIX_WORDS: u32 = 5;

/// The text with a suffix that changes nothing about its facts, but makes it one that was never embedded.
fn updated(text: &str, serial: u64) -> String {
    let word = |place: u32| EMPTY_WORDS[(serial >> (4 * place)) as usize % EMPTY_WORDS.len()];
    format!("{text} ({})", (0..SUFFIX_WORDS).map(word).collect::<Vec<_>>().join(" "))
}

impl Scenario {
    pub(crate) const ALL: [Self; 5] = [Self::Exact, Self::Semantic, Self::Miss, Self::Mix, Self::Zipf];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Semantic => "semantic",
            Self::Miss => "miss",
            Self::Mix => "mix",
            Self::Zipf => "zipf",
        }
    }

    /// Requests a second that two cores keep up with, the load test on the same cores included.
    pub(crate) fn default_rate(self) -> u32 {
        match self {
            Self::Exact => 1_000,
            Self::Semantic | Self::Miss => 100,
            Self::Mix | Self::Zipf => 200,
        }
    }
}

impl Asker {
    pub(crate) fn new(sample: &Arc<Sample>, scenario: Scenario) -> Result<Self, Failure> {
        let unrelated: Vec<usize> =
            sample.requests.iter().enumerate().filter(|(_, request)| request.kind == "unrelated").map(|(i, _)| i).collect();
        if sample.entries.is_empty() || unrelated.is_empty() {
            return Err("the sample has no entries or no unrelated requests".into());
        }
        // Starting from the clock, a second run against the same service doesn't repeat the suffixes of the first.
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis();
        let serial = u64::try_from(now / 10 % 900_000)?;
        Ok(Self {
            sample: Arc::clone(sample),
            scenario,
            unrelated,
            ask: FROM_MEMORY,
            random: fastrand::Rng::with_seed(1),
            serial,
        })
    }

    /// The same, asked in another way.
    pub(crate) fn with(self, ask: Ask) -> Self {
        Self { ask, ..self }
    }

    /// The next question.
    pub(crate) fn draw(&mut self) -> Question {
        match self.scenario {
            Scenario::Exact => self.exact(),
            Scenario::Semantic => self.semantic(),
            Scenario::Miss => self.miss(),
            Scenario::Mix => match self.random.u8(0..100) {
                0..60 => self.exact(),
                60..90 => self.semantic(),
                _ => self.miss(),
            },
            Scenario::Zipf => self.zipf(),
        }
    }

    /// The next question of `semantic` whose text has a number of words within `words`, or any after a thousand tries.
    pub(crate) fn semantic_of(&mut self, words: std::ops::RangeInclusive<usize>) -> Question {
        for _ in 0..1_000 {
            let entry = self.random.usize(..self.sample.entries.len());
            let own = self.sample.entries[entry].text.split_whitespace().count();
            if words.contains(&(own + SUFFIX_WORDS as usize)) {
                return self.semantic_on(entry);
            }
        }
        self.semantic()
    }

    fn exact(&mut self) -> Question {
        let entry = self.random.usize(..self.sample.entries.len());
        let known = &self.sample.entries[entry];
        Question { request: self.ask.request(&known.text, &known.tags), rule: Rule::Exactly(entry) }
    }

    fn semantic(&mut self) -> Question {
        let entry = self.random.usize(..self.sample.entries.len());
        self.semantic_on(entry)
    }

    fn semantic_on(&mut self, entry: usize) -> Question {
        let serial = self.next_serial();
        let known = &self.sample.entries[entry];
        Question { request: self.ask.request(&updated(&known.text, serial), &known.tags), rule: Rule::Only(entry) }
    }

    /// A variant by its rank, drawn after Zipf's law with exponent one: the inverse of a continuous distribution with that density.
    fn zipf(&mut self) -> Question {
        let rank = (ZIPF_VARIANTS.ln() * self.random.f64()).exp() as u64;
        let entry = (rank as usize).wrapping_mul(7_919) % self.sample.entries.len();
        let known = &self.sample.entries[entry];
        Question { request: self.ask.request(&updated(&known.text, rank), &known.tags), rule: Rule::Only(entry) }
    }

    fn miss(&mut self) -> Question {
        let serial = self.next_serial();
        let unrelated = &self.sample.requests[self.unrelated[self.random.usize(..self.unrelated.len())]];
        Question { request: self.ask.request(&updated(&unrelated.text, serial), &unrelated.tags), rule: Rule::Nothing }
    }

    /// A number of six digits, so that a suffix is seldom given twice.
    fn next_serial(&mut self) -> u64 {
        self.serial = (self.serial + 1) % 900_000;
        100_000 + self.serial
    }
}

/// Reads the answer of a reply.
pub(crate) fn read<'a>(reply: &Reply<'a>) -> Result<Answer<'a>, Failure> {
    Ok(serde_json::from_slice(reply.ok()?)?)
}

impl Answer<'_> {
    /// Which entry of the sample was served: none where nothing was, an error where it is no entry of the sample.
    pub(crate) fn served(&self, sample: &Sample) -> Result<Option<usize>, String> {
        match (&*self.outcome, &self.matched) {
            ("decided", Some(matched)) => {
                let found = sample.entries.iter().position(|entry| entry.id == matched.entry);
                found.map(Some).ok_or_else(|| format!("{}, which is no entry of the sample", matched.entry))
            }
            ("decided", None) => Err("no remembered entry".to_owned()),
            _ => Ok(None),
        }
    }

    /// Whether the rule holds.
    pub(crate) fn judge(&self, rule: Rule, sample: &Sample) -> Verdict {
        let (Rule::Exactly(meant) | Rule::Only(meant)) = rule else {
            return match &*self.outcome {
                "decided" => Verdict::Wrong("something was served for a headline that no entry is about".to_owned()),
                _ => Verdict::Abstained,
            };
        };
        let entry = &sample.entries[meant];
        let wrong = |said: &str| Verdict::Wrong(format!("`{}`: {said}", entry.text));
        // Compared with the one id that is right, not looked up: this runs between two requests.
        match &*self.outcome {
            "decided" if self.matched.as_ref().is_none_or(|matched| matched.entry != entry.id) => {
                wrong("served from another entry")
            }
            "decided" if self.decision.as_ref() != Some(&entry.decision) => wrong("served with another decision"),
            _ if matches!(rule, Rule::Exactly(_)) && (self.outcome != "decided" || self.path != "exact") => {
                wrong(&format!("{} by the {} path instead of the exact one", self.outcome, self.path))
            }
            "decided" => Verdict::Served,
            _ => Verdict::Abstained,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(rule: Rule, answer: &str) -> Verdict {
        let sample = Sample::of(&[("up", "sc:1"), ("down", "sc:2")]);
        let body = format!("{{{answer},\"timing_us\":{{\"embed\":1,\"total\":2}}}}");
        let answer: Answer<'_> = serde_json::from_str(&body).unwrap();
        answer.judge(rule, &sample)
    }

    const FROM_FIRST: &str = r#""outcome":"decided","path":"fast","decision":{"of":"up"},"match":{"entry":"sc:1"}"#;
    const NOTHING: &str = r#""outcome":"abstained","path":"fast","decision":null,"match":null"#;

    #[test]
    fn an_answer_from_another_entry_or_with_another_decision_is_wrong() {
        assert_eq!(verdict(Rule::Only(0), FROM_FIRST), Verdict::Served);
        assert!(matches!(verdict(Rule::Only(1), FROM_FIRST), Verdict::Wrong(_)));
        assert!(matches!(verdict(Rule::Only(0), &FROM_FIRST.replace("up", "down")), Verdict::Wrong(_)));
        assert!(matches!(verdict(Rule::Nothing, FROM_FIRST), Verdict::Wrong(_)));
    }

    #[test]
    fn an_abstention_is_wrong_for_the_very_text_of_an_entry_only() {
        assert_eq!(verdict(Rule::Only(0), NOTHING), Verdict::Abstained);
        assert_eq!(verdict(Rule::Nothing, NOTHING), Verdict::Abstained);
        assert!(matches!(verdict(Rule::Exactly(0), NOTHING), Verdict::Wrong(_)));
    }

    #[test]
    fn the_very_text_of_an_entry_is_answered_by_the_exact_path() {
        assert!(matches!(verdict(Rule::Exactly(0), FROM_FIRST), Verdict::Wrong(_)));
        assert_eq!(verdict(Rule::Exactly(0), &FROM_FIRST.replace("fast", "exact")), Verdict::Served);
    }
}
