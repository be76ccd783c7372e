//! The fact reader on headlines, and all gates on five candidates, with the 99th percentile beside criterion's means.

#![expect(clippy::unwrap_used, reason = "a bench that can't be set up must stop")]
#![expect(clippy::print_stdout, reason = "the percentiles are what the bench is for")]

use criterion::{Criterion, criterion_group, criterion_main};
use hdrhistogram::Histogram;
use instinct::domain::component::ModelRef;
use instinct::domain::decision::Payload;
use instinct::domain::entry::{Entry, Provenance, Validity};
use instinct::domain::ids::{EntryId, StrategyName, TenantId};
use instinct::domain::partition::PartitionKey;
use instinct::domain::request::Market;
use instinct::domain::strategy::Strategy;
use instinct::domain::text::FreshText;
use instinct::domain::time::Timestamp;
use instinct::facts::paraphrase::{Said, is_paraphrase};
use instinct::facts::{Lexicon, Rules, compare, read};
use instinct::gates::{self, Circumstances, Nearness, Reading};
use std::hint::black_box;
use std::time::Instant;

const STRATEGY: &str = r#"
    name = "s"
    version = 1
    composition = "sum"
    deadline_ms = 500
    thresholds = { tau = 0.9, tau_fresh = 0.8 }
    slots = [{ role = "fresh", weight = 1.0 }]
"#;
const CANDIDATES: usize = 5;
const ROUNDS: usize = 50;

fn now() -> Timestamp {
    Timestamp::parse("2026-11-14T12:00:00Z").unwrap()
}

/// Both sides of every pair of the suite.
fn pairs() -> Vec<(String, String)> {
    let text = include_str!("../tests/data/traps.ndjson").lines().chain(include_str!("../tests/data/paraphrases.ndjson").lines());
    text.map(|line| {
        let pair: serde_json::Value = serde_json::from_str(line).unwrap();
        let side = |name: &str| pair[name].as_str().unwrap().to_owned();
        (side("a"), side("b"))
    })
    .collect()
}

fn entry(text: &str) -> Entry {
    let text = FreshText::new(text).unwrap();
    Entry {
        id: EntryId::from_bytes(text.hash().0),
        tenant: TenantId::default_tenant(),
        strategy: StrategyName::new("s").unwrap(),
        strategy_version: 1,
        partition: PartitionKey::parse(&"0".repeat(64)).unwrap(),
        model: ModelRef { id: "m".into(), revision: "1".into() },
        text: text.as_str().into(),
        text_hash: text.hash(),
        cut: None,
        parts: Vec::new(),
        tau: 0.9,
        decision: Payload::parse(r#"{"kind":"trade","signal":1,"conviction":0.5}"#).unwrap(),
        validity: Validity::default(),
        provenance: Provenance::Import,
        as_of: now(),
        created_at: now(),
        ttl_sec: None,
        tags: Vec::new(),
        generation: 0,
        quarantine: None,
    }
}

/// Times each call by itself and prints the percentiles.
fn percentiles<T>(name: &str, inputs: &[T], mut call: impl FnMut(&T)) {
    // Up to ten seconds: a recorder that saturates keeps what is longer at its greatest value.
    let mut nanos = Histogram::<u64>::new_with_max(10_000_000_000, 3).unwrap();
    for round in 0..=ROUNDS {
        for input in inputs {
            let since = Instant::now();
            call(input);
            // The first round fills the caches.
            if round > 0 {
                nanos.saturating_record(since.elapsed().as_nanos() as u64);
            }
        }
    }
    let at = |quantile: f64| nanos.value_at_quantile(quantile) as f64 / 1e3;
    println!("{name}: p50 {:.1} us, p99 {:.1} us, p99.9 {:.1} us", at(0.5), at(0.99), at(0.999));
}

fn facts(c: &mut Criterion) {
    let (lexicon, rules, pairs, market) = (Lexicon::built_in().unwrap(), Rules::default(), pairs(), Market::default());
    percentiles("facts/read", &pairs, |(a, _)| drop(black_box(read(a, now(), &lexicon))));
    let readings: Vec<_> = pairs.iter().map(|(a, b)| (read(a, now(), &lexicon), read(b, now(), &lexicon))).collect();
    percentiles("facts/compare", &readings, |(a, b)| drop(black_box(compare(a, b, &rules))));
    let said: Vec<_> = pairs.iter().zip(&readings).collect();
    percentiles("facts/paraphrase", &said, |((a, b), (held, asked))| {
        let (held, asked) = (Said { text: a, facts: held }, Said { text: b, facts: asked });
        black_box(is_paraphrase(held, asked, &rules, &lexicon));
    });
    let entries: Vec<Entry> = pairs.iter().map(|(a, _)| entry(a)).collect();
    let strategy = Strategy::from_toml(STRATEGY).unwrap();
    let near = Nearness { similarity: 0.95, fresh_similarity: 0.9 };
    let five = |from: usize, asked: &str| {
        let facts = read(asked, now(), &lexicon);
        let reading = Some(Reading { text: asked, asked: &facts, lexicon: &lexicon, rules: &rules });
        let text_hash = FreshText::new(asked).unwrap().hash();
        let seen =
            Circumstances { strategy: &strategy, reading, as_of: now(), now: now(), market: &market, text_hash, cut: None };
        for entry in entries.iter().cycle().skip(from).take(CANDIDATES) {
            let _ = black_box(gates::judge(entry, near, &seen));
        }
    };
    let numbered: Vec<(usize, &str)> = pairs.iter().enumerate().map(|(at, (_, b))| (at, b.as_str())).collect();
    percentiles("gates/the request read and five candidates judged", &numbered, |(at, asked)| five(*at, asked));

    let headline = "Fed raises rates by a quarter point to 4.5% as inflation cools, Powell says";
    c.bench_function("facts/read a headline", |bench| bench.iter(|| read(black_box(headline), now(), &lexicon)));
    let long = headline.repeat(8192 / headline.len());
    c.bench_function("facts/read 8 KiB", |bench| bench.iter(|| read(black_box(&long), now(), &lexicon)));
    let (a, b) = (read(headline, now(), &lexicon), read("Federal Reserve lifts rates by 25 bps to 4.5%", now(), &lexicon));
    c.bench_function("facts/compare", |bench| bench.iter(|| compare(black_box(&a), black_box(&b), &rules)));
    c.bench_function("gates/five candidates", |bench| bench.iter(|| five(0, black_box(headline))));
}

criterion_group!(benches, facts);
criterion_main!(benches);
