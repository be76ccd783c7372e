//! The search of the server beside the index in process: time, recall and memory over the same vectors, in one run.
//!
//! `cargo bench --bench server_search -- REDIS_URL [SIZE]`, over an empty Redis with the search module. The vectors lie in groups of 500 at
//! cosine 0.8 to a centre, and a query is a planted neighbour: a vector at cosine 0.9 to a stored one.

#![expect(clippy::expect_used, reason = "a bench that cannot go on stops")]

use instinct::domain::ids::{EntryId, TenantId};
use instinct::domain::partition::PartitionKey;
use instinct::domain::text::TextHash;
use instinct::domain::vector::UnitVector;
use instinct::index::server::{By, Config as ServerConfig, Nearest, RediSearch, ServerSearch, Space};
use instinct::index::{Builder, Config, Index, Search, open};
use instinct::redis::{Address, Command, Config as RedisConfig, Link, Redis};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

const DIM: usize = 384;
const QUERIES: usize = 1_000;
const K: usize = 8;
const CLUSTER: usize = 500;

fn unit(values: Vec<f32>) -> UnitVector {
    UnitVector::normalised(values).expect("random values have a direction")
}

fn direction(random: &mut fastrand::Rng) -> UnitVector {
    unit((0..DIM).map(|_| (0..4).map(|_| random.f32() - 0.5).sum()).collect())
}

/// A vector at the given cosine to `to`.
fn at_cosine(to: &UnitVector, cosine: f32, random: &mut fastrand::Rng) -> UnitVector {
    let noise = direction(random);
    let along = noise.dot(to);
    let aside = unit(noise.as_slice().iter().zip(to.as_slice()).map(|(n, t)| n - along * t).collect());
    let sine = (1.0 - cosine * cosine).sqrt();
    unit(to.as_slice().iter().zip(aside.as_slice()).map(|(t, a)| cosine * t + sine * a).collect())
}

fn stored(label: usize) -> UnitVector {
    let mut centre = fastrand::Rng::with_seed(1_000_000 + (label / CLUSTER) as u64);
    at_cosine(&direction(&mut centre), 0.8, &mut fastrand::Rng::with_seed(label as u64))
}

fn id_of(label: u64) -> EntryId {
    let mut id = [0; 32];
    id[..8].copy_from_slice(&label.to_le_bytes());
    EntryId::from_bytes(id)
}

struct Asked {
    query: UnitVector,
    nearest: Vec<EntryId>,
}

/// Prints percentiles and the share of the true nearest, and of the true nearest eight, that were found.
fn tell(what: &str, asked: &[Asked], answers: &[(Duration, Vec<EntryId>)]) {
    let mut times: Vec<f64> = answers.iter().map(|(took, _)| took.as_secs_f64() * 1e3).collect();
    times.sort_by(f64::total_cmp);
    let first = asked.iter().zip(answers).filter(|(asked, (_, found))| found.first() == asked.nearest.first()).count();
    let met = |(asked, (_, found)): (&Asked, &(Duration, Vec<EntryId>))| {
        let found: BTreeSet<&EntryId> = found.iter().collect();
        asked.nearest.iter().filter(|id| found.contains(id)).count()
    };
    let all: usize = asked.iter().zip(answers).map(met).sum();
    println!(
        "{what:<24} p50 {:.3} ms, p99 {:.3} ms, recall@1 {:.3}, recall@{K} {:.3}",
        times[times.len() / 2],
        times[times.len() * 99 / 100],
        first as f64 / asked.len() as f64,
        all as f64 / (asked.len() * K) as f64
    );
}

async fn fill(link: &Link, space: &Space, size: usize) {
    for from in (0..size).step_by(1_000) {
        let put = |label: usize| {
            let key = format!("{{{}}}:{}", space.tenant, id_of(label as u64));
            let vector = stored(label).to_le_bytes();
            let fields = [("partition", space.partition.to_string()), ("text_hash", hex::encode(id_of(label as u64).as_bytes()))];
            let times = ["created_at", "as_of"].map(|name| (name, "2026-01-01T00:00:00Z".to_owned()));
            let command = Command::new("HSET").key(&key).arg("vector").arg(&vector[..]);
            fields.into_iter().chain(times).fold(command, |command, (name, value)| command.arg(name).arg(value))
        };
        link.ask_all((from..size.min(from + 1_000)).map(put).collect()).await.expect("Redis takes them");
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let mut given = std::env::args().skip(1).filter(|arg| !arg.starts_with("--"));
    let Some(url) = given.next() else { return println!("give the URL of an empty Redis with the search module") };
    let size: usize = given.next().and_then(|n| n.parse().ok()).unwrap_or(100_000);
    let address: Address = url.parse().expect("it is a URL of Redis");
    let redis = Redis::start(&address, &RedisConfig::default()).expect("a thread can be started");
    let link = redis.link().await.expect("Redis is there");
    let partition = PartitionKey::parse(&"ab".repeat(32)).expect("it is a hash");
    let space = Space { tenant: TenantId::default_tenant(), partition, dim: DIM, prompt_dim: DIM };

    let index = open(DIM, Config::default(), &Builder::start(1).expect("a thread")).expect("the settings are good");
    let since = Instant::now();
    (0..size).for_each(|label| index.insert(label as u64, &stored(label)).expect("there is room"));
    while index.stats().building {
        std::thread::sleep(Duration::from_millis(50));
    }
    println!(
        "in process: {size} in {:.1} s, {:.0} MiB",
        since.elapsed().as_secs_f64(),
        index.stats().bytes as f64 / f64::from(1 << 20)
    );

    let mut random = fastrand::Rng::with_seed(7);
    let vectors: Vec<UnitVector> = (0..size).map(stored).collect();
    let ask = |_| {
        let query = at_cosine(&vectors[random.usize(..size)], 0.9, &mut random);
        let mut all: Vec<(f32, usize)> = vectors.iter().enumerate().map(|(n, v)| (v.dot(&query), n)).collect();
        all.select_nth_unstable_by(K, |a, b| b.0.total_cmp(&a.0));
        all.truncate(K);
        all.sort_by(|a, b| b.0.total_cmp(&a.0));
        Asked { query, nearest: all.into_iter().map(|(_, n)| id_of(n as u64)).collect() }
    };
    let asked: Vec<Asked> = (0..QUERIES).map(ask).collect();
    drop(vectors);
    let mut out = Vec::new();
    let answers: Vec<_> = asked
        .iter()
        .map(|asked| {
            let since = Instant::now();
            index.search(&asked.query, K, &mut out).expect("the dimensions fit");
            (since.elapsed(), out.iter().map(|n| id_of(n.label)).collect())
        })
        .collect();
    tell("in process", &asked, &answers);

    let opened = RediSearch::open(link.clone(), &ServerConfig::default()).await.expect("it can be searched");
    opened.ensure(&space).await.expect("an index can be made");
    let since = Instant::now();
    fill(&link, &space, size).await;
    let state = opened.ensure(&space).await.expect("it is there");
    println!(
        "server: {} in {:.1} s, {:.0} MiB beside the records, {} failures",
        state.entries,
        since.elapsed().as_secs_f64(),
        state.bytes as f64 / f64::from(1 << 20),
        state.failures
    );
    for ef_runtime in [32, 64, 100, 128, 200, 400] {
        let config = ServerConfig { ef_runtime, ..ServerConfig::default() };
        let search = RediSearch::open(link.clone(), &config).await.expect("it can be searched");
        let mut answers = Vec::with_capacity(asked.len());
        for asked in &asked {
            let since = Instant::now();
            let wanted = Nearest { by: By::Composed, vector: &asked.query, k: K };
            let found = search.nearest(&space, wanted, Duration::from_secs(10)).await.expect("it answers");
            answers.push((since.elapsed(), found.into_iter().map(|found| found.id).collect()));
        }
        tell(&format!("server, ef {ef_runtime}"), &asked, &answers);
    }
    let since = Instant::now();
    for label in 0..100 {
        let text = TextHash(*id_of(label).as_bytes());
        let found = opened.exact(&space, text, Duration::from_secs(10)).await.expect("it answers");
        assert_eq!(found.len(), 1);
    }
    println!("server, by text          {:.3} ms", since.elapsed().as_secs_f64() * 10.0);
}
