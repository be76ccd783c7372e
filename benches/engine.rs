//! The trading engine without a language model: a decision over a year of hourly bars.

#![expect(clippy::expect_used, reason = "a bench has nobody to answer an error to")]

use criterion::{Criterion, criterion_group, criterion_main};
use instinct::domain::component::ModelRef;
use instinct::domain::deadline::Deadline;
use instinct::domain::ids::{StrategyName, TenantId};
use instinct::domain::market::{Bar, Instrument, Series};
use instinct::domain::request::Market;
use instinct::domain::text::FreshText;
use instinct::domain::time::Timestamp;
use instinct::domain::vector::UnitVector;
use instinct::engine::steps::Steps;
use instinct::engine::trading::{Config, Trading};
use instinct::engine::{Engine, Question};
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

const HOURS: i64 = 365 * 24;

/// Decisions that the percentiles are taken of.
const DECISIONS: usize = 2_000;

const TEXTS: [&str; 4] = [
    "SEC approves spot ETH ETF",
    "Ethereum developers delay the upgrade after a bug in the test network",
    "Exchange halts ETH withdrawals after a theft of 120 million dollars",
    "Profit rises 20 percent, beats expectations, and the forecast is raised",
];

/// A random walk of one per cent an hour, the same each time.
fn year() -> Series {
    let mut random = fastrand::Rng::with_seed(1);
    let start = Timestamp::parse("2024-01-01T00:00:00Z").expect("a moment");
    let mut price = 2_000.0;
    let bar = |n: i64| {
        let open: f64 = price;
        price *= 1.0 + 0.02 * (random.f64() - 0.5);
        let (high, low) = (open.max(price) * 1.001, open.min(price) * 0.999);
        Bar::new(start.plus_millis(n * 3_600_000), [open, high, low, price], 10.0 + random.f64()).expect("a bar")
    };
    Series::new(3_600, (0..HOURS).map(bar).collect()).expect("a series")
}

fn question(text: &str, series: &Arc<Series>) -> Question {
    let eth = Instrument::new("ETH").expect("a name");
    let last = series.last().expect("a bar");
    let risk = r#"{"position":{"ETH":1.0},"risk":{"daily_pnl":-5.0,"limits":{"max_daily_loss":100.0,"max_position":1e6}}}"#;
    Question {
        tenant: TenantId::default_tenant(),
        strategy: StrategyName::new("news-impact").expect("a name"),
        text: FreshText::new(text).expect("a text"),
        as_of: series.closes_at(last),
        fresh: UnitVector::normalised((0..384).map(|i| (i as f32 * 0.37).sin()).collect()).expect("a direction"),
        context: Vec::new(),
        market: serde_json::from_str::<Market>(risk).expect("a book"),
        instruments: vec![eth.clone()],
        history: [(eth, Arc::clone(series))].into(),
        deadline: Deadline::after(Duration::from_secs(30)),
        wanted_by: Deadline::after(Duration::from_secs(30)),
        steps: Steps::new(Instant::now()),
    }
}

fn engine(criterion: &mut Criterion) {
    let embedder = ModelRef { id: "all-minilm-l6-v2-int8".into(), revision: "278ea1622058".into() };
    let trading = Trading::new(&Config::default(), (&embedder, 384), None);
    assert!(trading.without_sentiment().is_none(), "the sentiment head is of another embedder");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    let series = Arc::new(year());
    let decide = |at: usize| {
        let question = question(TEXTS[at % TEXTS.len()], &series);
        let since = Instant::now();
        let decided = runtime.block_on(trading.decide(black_box(question)));
        (since.elapsed(), decided)
    };
    let mut took: Vec<Duration> = (0..DECISIONS).map(|at| decide(at).0).collect();
    took.sort();
    let percentile = |share: usize| took[(took.len() * share / 100).min(took.len() - 1)];
    println!("engine/trading_local: p50 {:?}, p95 {:?}, p99 {:?}\n", percentile(50), percentile(95), percentile(99));
    let mut at = 0;
    criterion.bench_function("engine/trading_local", |bencher| {
        bencher.iter_custom(|times| {
            (0..times)
                .map(|_| {
                    at += 1;
                    decide(at).0
                })
                .sum()
        });
    });
}

criterion_group!(benches, engine);
criterion_main!(benches);
