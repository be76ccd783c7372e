//! Flat against graph around the size where they cross, and both against `hnsw_rs`.
//!
//! `cargo bench --bench index`. The figures settle `Config::flat_max`; `index_scale` has recall and memory.

#![expect(clippy::expect_used, reason = "a bench that cannot go on stops")]

use std::hint::black_box;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use hnsw_rs::prelude::DistDot;
use instinct::domain::vector::UnitVector;
use instinct::index::{Config, Flat, Hnsw, Index, Search};

const DIM: usize = 384;
/// Neighbours that the fast path asks for.
const K: usize = 8;

/// A vector without structure, the same for the same seed.
fn vector(seed: u64) -> UnitVector {
    let mut word = seed.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mut next = || {
        word ^= word << 13;
        word ^= word >> 7;
        word ^= word << 17;
        (word >> 40) as f32 / (1 << 24) as f32 - 0.5
    };
    UnitVector::normalised((0..DIM).map(|_| next()).collect()).expect("it has a direction")
}

fn search(bench: &mut Criterion) {
    let mut group = bench.benchmark_group("search");
    group.sample_size(20).warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(2));
    let queries: Vec<UnitVector> = (0..256).map(|n| vector(1 << 40 | n)).collect();
    for size in [250_u64, 500, 1_000, 2_000, 4_000, 10_000] {
        let config = Config::default();
        let flat = Flat::new(DIM).expect("the dimension is valid");
        let graph = Hnsw::new(DIM, &config).expect("the configuration is valid");
        let theirs = hnsw_rs::prelude::Hnsw::<f32, DistDot>::new(config.m, size as usize, 16, config.ef_construction, DistDot {});
        for label in 0..size {
            let vector = vector(label);
            flat.insert(label, &vector).expect("there is room");
            graph.insert(label, &vector).expect("there is room");
            theirs.insert((vector.as_slice(), label as usize));
        }
        let (mut turn, mut out) = (0, Vec::new());
        for (name, index) in [("flat", &flat as &dyn Search), ("graph", &graph)] {
            group.bench_function(BenchmarkId::new(name, size), |bench| {
                bench.iter(|| {
                    turn += 1;
                    let searched = index.search(black_box(&queries[turn % queries.len()]), K, &mut out);
                    (searched.is_ok(), out.len())
                });
            });
        }
        group.bench_function(BenchmarkId::new("hnsw_rs", size), |bench| {
            bench.iter(|| {
                turn += 1;
                theirs.search(black_box(queries[turn % queries.len()].as_slice()), K, config.ef_search).len()
            });
        });
    }
    group.finish();
}

criterion_group!(benches, search);
criterion_main!(benches);
