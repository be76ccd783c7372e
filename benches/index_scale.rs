//! Time, recall and memory of the index by size, as a table.
//!
//! `cargo bench --bench index_scale -- [sizes …] [--data uniform|clustered] [--m M] [--efc EF] [--hnsw-rs] [--bulk]`
//!
//! Sizes are 10000 and 100000 where none is given. The query is a planted neighbour: a vector at cosine 0.9 to a stored
//! one, which is then the true nearest. In `uniform` the stored vectors have no structure at all, which is the hardest
//! case for a graph; in `clustered` they lie in groups of 500 at cosine 0.8 to a centre, more like sentences.

#![expect(clippy::expect_used, reason = "a bench that cannot go on stops")]

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use instinct::domain::vector::UnitVector;
use instinct::index::{Builder, Config, Hnsw, Index, Search, open};

const DIM: usize = 384;
const QUERIES: usize = 2_000;
const CLUSTER: u64 = 500;

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Near enough to a normal distribution: the sum of four uniform numbers.
    fn direction(&mut self) -> Vec<f32> {
        let four = |w: u64| (0..4).map(|n| ((w >> (16 * n)) & 0xFFFF) as f32 - 32_767.5).sum();
        (0..DIM).map(|_| four(self.next())).collect()
    }
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum Data {
    Uniform,
    Clustered,
}

fn unit(values: Vec<f32>) -> UnitVector {
    UnitVector::normalised(values).expect("random values have a direction")
}

/// A vector at the given cosine to `to`.
fn at_cosine(to: &UnitVector, cosine: f32, random: &mut Random) -> UnitVector {
    let noise = unit(random.direction());
    let along = noise.dot(to);
    let aside = unit(noise.as_slice().iter().zip(to.as_slice()).map(|(n, t)| n - along * t).collect());
    let sine = (1.0 - cosine * cosine).sqrt();
    unit(to.as_slice().iter().zip(aside.as_slice()).map(|(t, a)| cosine * t + sine * a).collect())
}

/// The stored vector of a label, made anew each time so that the table's memory is the index's alone.
fn stored(data: Data, label: u64) -> UnitVector {
    let mut random = Random(label.wrapping_mul(0xA24B_AED4_963E_E407));
    match data {
        Data::Uniform => unit(random.direction()),
        Data::Clustered => {
            let mut centre = Random(!(label / CLUSTER).wrapping_mul(0x9FB2_1C65_1E98_DF25));
            at_cosine(&unit(centre.direction()), 0.8, &mut random)
        }
    }
}

/// Bytes of memory that the process has resident.
fn resident() -> usize {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    text.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok()).unwrap_or(0) * 4096
}

struct Planted {
    label: u64,
    query: UnitVector,
}

fn planted(data: Data, size: u64) -> Vec<Planted> {
    let mut random = Random(7);
    let plant = |_| {
        // Labels are inserted in a shuffled order, so any choice is fair.
        let label = random.next() % size;
        Planted { label, query: at_cosine(&stored(data, label), 0.9, &mut random) }
    };
    (0..QUERIES).map(plant).collect()
}

/// 10th, 50th and 99th percentile in µs, and recall@1. The 10th is what a quiet machine would show as the median.
fn measure(queries: &[Planted], mut search: impl FnMut(&UnitVector) -> Option<u64>) -> [f64; 4] {
    let (mut times, mut found) = (Vec::new(), 0);
    for planted in queries {
        let start = Instant::now();
        let label = search(&planted.query);
        times.push(start.elapsed().as_nanos() as f64 / 1e3);
        found += usize::from(label == Some(planted.label));
    }
    times.sort_by(f64::total_cmp);
    [times[times.len() / 10], times[times.len() / 2], times[times.len() * 99 / 100], found as f64 / queries.len() as f64]
}

/// A permutation of 0..size: neighbours in a cluster do not arrive together.
fn shuffled(size: u64) -> impl Iterator<Item = u64> {
    let mut order: Vec<u32> = (0..size as u32).collect();
    let mut random = Random(11);
    for at in (1..order.len()).rev() {
        order.swap(at, (random.next() % (at as u64 + 1)) as usize);
    }
    order.into_iter().map(u64::from)
}

fn ours(data: Data, size: u64, config: &Config) {
    let order = shuffled(size);
    let before = resident();
    let index = Hnsw::new(DIM, config).expect("the configuration is valid");
    let mut inserting = 0.0;
    for label in order {
        let vector = stored(data, label);
        let start = Instant::now();
        index.insert(label, &vector).expect("there is room");
        inserting += start.elapsed().as_secs_f64();
    }
    let per_entry = (resident() - before) as f64 / size as f64;
    println!(
        "ours     {data:?} n={size} m={} efc={}: built in {inserting:.1} s ({:.0} us each), resident {per_entry:.0} B, stats {:.0} B per entry",
        config.m,
        config.ef_construction,
        inserting * 1e6 / size as f64,
        index.stats().bytes as f64 / size as f64
    );
    save_and_restore(&index, data, size, config);
    let queries = planted(data, size);
    let mut out = Vec::new();
    for ef in [48, 64, 84, 96, 120, 192, 256, 384] {
        let [p10, p50, p99, recall] = measure(&queries, |query| {
            index.search_with(query, 1, ef, &mut out).ok()?;
            out.first().map(|n| n.label)
        });
        println!("         ef={ef:3}: p10 {p10:6.1} us, p50 {p50:6.1} us, p99 {p99:6.1} us, recall@1 {recall:.4}");
    }
}

fn save_and_restore(index: &Hnsw, data: Data, size: u64, config: &Config) {
    let path = std::env::temp_dir().join(format!("index_scale_{}.graph", std::process::id()));
    let start = Instant::now();
    index.save(&path).expect("the temporary folder can be written");
    let (saving, bytes) = (start.elapsed().as_secs_f64(), std::fs::metadata(&path).map_or(0, |m| m.len()));
    // The vectors are made beforehand, as many as fit, so that the time is the index's alone.
    if size <= 100_000 {
        let vectors: Vec<UnitVector> = (0..size).map(|label| stored(data, label)).collect();
        let start = Instant::now();
        let restored = Hnsw::restore(&path, DIM, config, &|label| vectors.get(label as usize).cloned());
        let restored = restored.map_or(0, |(_, restored)| restored.restored);
        println!("         restored {restored} in {:.2} s", start.elapsed().as_secs_f64());
    }
    println!("         saved in {saving:.2} s, {:.0} B per entry", bytes as f64 / size as f64);
    std::fs::remove_file(&path).expect("the file was just written");
}

/// Loads an adaptive index as fast as it takes entries, and searches from another thread until the graph is in place.
fn bulk(data: Data, size: u64) {
    let vectors: Vec<UnitVector> = (0..size).map(|label| stored(data, label)).collect();
    let index = open(DIM, Config::default(), &Builder::start(1).expect("a thread")).expect("the configuration is valid");
    let loaded = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let (mut out, mut times, mut turn) = (Vec::new(), Vec::new(), 0);
            while !loaded.load(Ordering::Acquire) || index.stats().building {
                let start = Instant::now();
                index.search(&vectors[turn % vectors.len()], 8, &mut out).expect("the dimension is right");
                times.push(start.elapsed().as_secs_f64() * 1e3);
                turn += 7_919;
            }
            times.sort_by(f64::total_cmp);
            times
        });
        let (start, mut writes) = (Instant::now(), Vec::new());
        for (label, vector) in (0..).zip(&vectors) {
            let start = Instant::now();
            index.insert(label, vector).expect("there is room");
            writes.push(start.elapsed().as_secs_f64() * 1e3);
        }
        let loading = start.elapsed().as_secs_f64();
        loaded.store(true, Ordering::Release);
        let searches = reader.join().expect("the reader does not panic");
        let built = start.elapsed().as_secs_f64();
        writes.sort_by(f64::total_cmp);
        let show =
            |t: &[f64]| format!("p50 {:.3}, p99 {:.3}, max {:.1} ms", t[t.len() / 2], t[t.len() * 99 / 100], t[t.len() - 1]);
        println!("bulk     {data:?} n={size}: loaded in {loading:.1} s, graph after {built:.1} s");
        println!("         writes {}; {} searches until then {}", show(&writes), searches.len(), show(&searches));
    });
}

fn theirs(data: Data, size: u64, config: &Config) {
    use hnsw_rs::prelude::{DistDot, Hnsw};
    let order = shuffled(size);
    let before = resident();
    let index = Hnsw::<f32, DistDot>::new(config.m, size as usize, 16, config.ef_construction, DistDot {});
    let mut inserting = 0.0;
    for label in order {
        let vector = stored(data, label);
        let start = Instant::now();
        index.insert((vector.as_slice(), label as usize));
        inserting += start.elapsed().as_secs_f64();
    }
    let per_entry = (resident() - before) as f64 / size as f64;
    println!(
        "hnsw_rs  {data:?} n={size} m={} efc={}: built in {inserting:.1} s ({:.0} us each), resident {per_entry:.0} B",
        config.m,
        config.ef_construction,
        inserting * 1e6 / size as f64
    );
    let queries = planted(data, size);
    for ef in [64, 96, 128, 256] {
        let search = |query: &UnitVector| index.search(query.as_slice(), 1, ef).first().map(|n| n.d_id as u64);
        let [p10, p50, p99, recall] = measure(&queries, search);
        println!("         ef={ef:3}: p10 {p10:6.1} us, p50 {p50:6.1} us, p99 {p99:6.1} us, recall@1 {recall:.4}");
    }
}

fn main() {
    let (mut sizes, mut data, mut config, mut compare, mut load) = (vec![], vec![], Config::default(), false, false);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut number = || arguments.next().and_then(|n| n.parse().ok()).expect("a number");
        match argument.as_str() {
            "--m" => config.m = number(),
            "--efc" => config.ef_construction = number(),
            "--hnsw-rs" => compare = true,
            "--bulk" => load = true,
            "--bench" | "--data" => {}
            "uniform" => data.push(Data::Uniform),
            "clustered" => data.push(Data::Clustered),
            size => sizes.push(size.parse().expect("a size")),
        }
    }
    if sizes.is_empty() {
        sizes = vec![10_000, 100_000];
    }
    if data.is_empty() {
        data = vec![Data::Uniform, Data::Clustered];
    }
    for size in sizes {
        for data in &data {
            if load {
                bulk(*data, size);
                continue;
            }
            ours(*data, size, &config);
            if compare {
                theirs(*data, size, &config);
            }
        }
    }
}
