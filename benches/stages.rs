//! Each stage of a decision alone, and the frame with do-nothing parts, which prices the frame itself.

#![expect(clippy::unwrap_used, reason = "a bench that can't be set up must stop")]

use async_trait::async_trait;
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use instinct::app::{App, Parts};
use instinct::cache::semantic::SemanticCache;
use instinct::compose::{Piece, compose};
use instinct::config::{Config, Overrides};
use instinct::decide::NewEntry;
use instinct::domain::component::ModelRef;
use instinct::domain::deadline::Deadline;
use instinct::domain::decision::Payload;
use instinct::domain::entry::{Provenance, StoredEntry, Validity};
use instinct::domain::ids::{StrategyName, TenantId};
use instinct::domain::request::{Allow, Caller, Market, Request};
use instinct::domain::strategy::Composition;
use instinct::domain::text::FreshText;
use instinct::domain::time::Clock;
use instinct::domain::vector::UnitVector;
use instinct::embed::{self, DocumentEmbedding, EmbedError, EmbedStats, Embedder, Embedding};
use instinct::engine::Engines;
use instinct::gates::{self, Circumstances, Nearness};
use instinct::index::{self, Builder};
use instinct::store;
use instinct::store::codec;
use instinct::triage::{Example, Triage};
use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

const DIM: usize = 384;

/// An embedder that does nothing, so that what is measured is the frame around it.
#[derive(Debug)]
struct Nothing {
    model: ModelRef,
    vector: UnitVector,
}

#[async_trait]
impl Embedder for Nothing {
    fn model(&self) -> &ModelRef {
        &self.model
    }

    fn dim(&self) -> usize {
        DIM
    }

    async fn embed(&self, _: &FreshText, _: Deadline) -> Result<Embedding, EmbedError> {
        Ok(Embedding { vector: self.vector.clone(), cut: None, queue_us: 0, tokenize_us: 0, run_us: 0 })
    }

    async fn embed_document(&self, _: &FreshText, _: Deadline) -> Result<DocumentEmbedding, EmbedError> {
        Ok(DocumentEmbedding { vector: self.vector.clone(), chunks: 1, cut: None, queue_us: 0, tokenize_us: 0, run_us: 0 })
    }

    fn stats(&self) -> EmbedStats {
        EmbedStats { workers: 1, queued: 0, queued_documents: 0, queue_capacity: 1 }
    }

    fn close(&self) {}
}

fn random_vector(random: &mut fastrand::Rng) -> UnitVector {
    UnitVector::normalised((0..DIM).map(|_| random.f32() - 0.5).collect()).unwrap()
}

fn config() -> Config {
    let mut config = Config::load(None, &Overrides::default()).unwrap();
    let project = Path::new(env!("CARGO_MANIFEST_DIR"));
    config.strategies.dir = project.join("strategies");
    config.embed.runtime_dir = project.join("runtime");
    config
}

fn request(text: &str) -> Request {
    Request {
        allow: Allow::Fast,
        pending: false,
        ..Request::plain(
            FreshText::new(text).unwrap(),
            StrategyName::new("news-impact").unwrap(),
            Clock::System.now(),
            Deadline::after(Duration::from_secs(60)),
        )
    }
}

fn new_entry(text: &str) -> NewEntry {
    NewEntry {
        text: FreshText::new(text).unwrap(),
        decision: Payload::parse(r#"{"kind":"trade","signal":1,"conviction":0.7,"reasoning":"a bench"}"#).unwrap(),
        strategy: StrategyName::new("news-impact").unwrap(),
        as_of: Clock::System.now(),
        ttl_sec: None,
        tags: Vec::new(),
        context: Vec::new(),
        validity: Validity::default(),
        provenance: Provenance::Import,
    }
}

async fn app(embedder: Arc<dyn Embedder>) -> (App, StoredEntry) {
    let parts = Parts {
        embedder,
        store: store::in_memory(Clock::System),
        search: None,
        graphs: None,
        engines: Engines::default(),
        clock: Clock::System,
    };
    let app = App::with_parts(&config(), parts).await.unwrap();
    let deadline = Deadline::after(Duration::from_secs(10));
    let stored = app.decider.prepare(&TenantId::default_tenant(), new_entry("Gold rises to a record"), deadline).await.unwrap();
    app.decider.remember(vec![stored.clone()]).await.unwrap();
    (app, stored)
}

fn parts(c: &mut Criterion) {
    let mut random = fastrand::Rng::with_seed(1);
    let (a, b) = (random_vector(&mut random), random_vector(&mut random));
    let pieces = [Piece { vector: Some(&a), weight: 0.4 }, Piece { vector: Some(&b), weight: 0.6 }];
    c.bench_function("compose/sum", |bench| bench.iter(|| compose(Composition::Sum, black_box(&pieces), DIM)));
    c.bench_function("compose/concat", |bench| bench.iter(|| compose(Composition::Concat, black_box(&pieces), DIM)));
    let headline = "Federal Reserve unexpectedly cuts rates by 50 basis points, cites rapid cooling of labour market";
    let example = |at: usize, random: &mut fastrand::Rng| {
        let text = FreshText::new(&format!("example {at}")).unwrap();
        (Example { text, engine: if at.is_multiple_of(2) { "trading" } else { "none" }.to_owned() }, random_vector(random))
    };
    let examples = (0..500).map(|at| example(at, &mut random)).collect();
    let (triage, fresh) = (Triage::learn(examples, std::iter::once("trading")), random_vector(&mut random));
    c.bench_function("triage/500 examples", |bench| bench.iter(|| triage.of(black_box(&fresh))));
    c.bench_function("text/normalise and hash", |bench| bench.iter(|| FreshText::new(black_box(headline)).unwrap().hash()));
}

fn frame(c: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let vector = random_vector(&mut fastrand::Rng::with_seed(2));
    let nothing = Arc::new(Nothing { model: ModelRef { id: "nothing".into(), revision: "1".into() }, vector });
    let (app, stored) = runtime.block_on(app(nothing));
    let caller = Caller::trusted(TenantId::default_tenant());
    let ask = |text: &str| {
        let request = request(text);
        runtime.block_on(app.decider.decide(&caller, &request)).unwrap()
    };
    c.bench_function("frame/exact hit", |bench| bench.iter(|| ask("Gold rises to a record")));
    c.bench_function("frame/fast, nothing embedded", |bench| bench.iter(|| ask("Gold climbs to a record")));

    let market = Market::default();
    let now = Clock::System.now();
    let strategies = &app.decider.strategies;
    let strategy = strategies.named(&strategies.default).unwrap();
    let text_hash = stored.entry.text_hash;
    let seen = Circumstances { strategy, reading: None, as_of: now, now, market: &market, text_hash, cut: None };
    let near = Nearness { similarity: 0.95, fresh_similarity: 0.9 };
    c.bench_function("gates/one candidate passes", |bench| bench.iter(|| gates::judge(black_box(&stored.entry), near, &seen)));
    let record = store::Record::Entry(stored);
    let (key, bytes) = codec::encode(&record).unwrap();
    c.bench_function("codec/entry encode", |bench| bench.iter(|| codec::encode(black_box(&record)).unwrap()));
    c.bench_function("codec/entry decode", |bench| bench.iter(|| codec::decode(key.as_bytes(), black_box(&bytes)).unwrap()));
}

fn model(c: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (app, _) = runtime.block_on(app(embed::open(&config().embed).unwrap()));
    let caller = Caller::trusted(TenantId::default_tenant());
    let mut n = 0_u64;
    c.bench_function("whole/fast, embedded", |bench| {
        bench.iter_batched(
            || {
                n += 1;
                request(&format!("Gold rises to a record as funds flee bonds, a dealer says, in update number {n}"))
            },
            |request| runtime.block_on(app.decider.decide(&caller, &request)).unwrap(),
            BatchSize::SmallInput,
        );
    });
}

fn insertion(c: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let vector = random_vector(&mut fastrand::Rng::with_seed(3));
    let nothing = Arc::new(Nothing { model: ModelRef { id: "nothing".into(), revision: "1".into() }, vector });
    let (_, stored) = runtime.block_on(app(nothing));
    let semantic = SemanticCache::new(index::Config::default(), Builder::start(1).unwrap());
    c.bench_function("semantic/overwrite one entry", |bench| bench.iter(|| semantic.insert(black_box(&stored)).unwrap()));
}

criterion_group!(benches, parts, frame, model, insertion);
criterion_main!(benches);
