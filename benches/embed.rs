//! What the embedder adds to the model: bare ONNX Runtime against the pool, at one caller, tokenising included.
//!
//! ONNX Runtime allows one environment in a process, so the bare half runs in a process of its own, which this one starts.
//! The machine may be noisier in one than in the other; hence the pool's half also prints the ratio of a caller's time to
//! the time that the worker spent in tokeniser and model during the same calls.

#![expect(clippy::expect_used, reason = "a bench has nobody to answer an error to")]

use criterion::{BenchmarkId, Criterion};
use instinct::domain::deadline::Deadline;
use instinct::domain::text::FreshText;
use instinct::embed::{Config, Embedder, open};
use ort::session::{Session, builder::GraphOptimizationLevel};
use ort::value::TensorRef;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};
use tokenizers::Tokenizer;

const TOKENS: [usize; 6] = [8, 16, 32, 64, 128, 256];

/// Words of one token each.
const WORDS: [&str; 12] =
    ["bank", "raises", "rates", "after", "inflation", "report", "shows", "strong", "growth", "in", "march", "again"];

/// A text of `tokens` tokens, [CLS] and [SEP] among them.
fn text(tokens: usize) -> FreshText {
    let words: Vec<_> = WORDS.iter().copied().cycle().take(tokens - 2).collect();
    FreshText::new(&words.join(" ")).expect("a short text")
}

fn runtime_dir() -> PathBuf {
    std::env::var_os("INSTINCT_RUNTIME_DIR")
        .map_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/runtime")), PathBuf::from)
}

fn tokenizer() -> Tokenizer {
    let mut tokenizer = Tokenizer::from_file(runtime_dir().join("all-minilm-l6-v2/tokenizer.json")).expect("run `make setup`");
    tokenizer.with_padding(None).with_truncation(None).expect("truncation is off");
    tokenizer
}

fn pool(criterion: &mut Criterion) {
    let config = Config { runtime_dir: runtime_dir(), workers: 1, ..Config::default() };
    let embedder = open(&config).expect("run `make setup`");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let mut group = criterion.benchmark_group("pool");
    for tokens in TOKENS {
        let text = text(tokens);
        let mut ratios = Vec::new();
        group.bench_function(BenchmarkId::from_parameter(tokens), |bencher| {
            bencher.iter_custom(|times| runtime.block_on(calls(&*embedder, &text, times, &mut ratios)));
        });
        ratios.sort_by(f64::total_cmp);
        println!("pool/{tokens}: median ratio of the caller's time to the model's {:.3}\n", ratios[ratios.len() / 2]);
    }
}

async fn calls(embedder: &dyn Embedder, text: &FreshText, times: u64, ratios: &mut Vec<f64>) -> Duration {
    let mut sum = Duration::ZERO;
    for _ in 0..times {
        let start = Instant::now();
        let embedding = embedder.embed(text, Deadline::after(Duration::from_secs(10))).await.expect("a vector");
        let elapsed = start.elapsed();
        assert!(embedding.cut.is_none());
        ratios.push(elapsed.as_secs_f64() * 1e6 / (embedding.tokenize_us + embedding.run_us) as f64);
        sum += elapsed;
    }
    sum
}

fn bare(criterion: &mut Criterion) {
    let tokenizer = tokenizer();
    let library = runtime_dir().join("onnxruntime/libonnxruntime.so").canonicalize().expect("run `make setup`");
    let environment = ort::init_from(library).expect("run `make setup`").build().expect("an environment");
    let mut session = session(&environment, &runtime_dir().join("all-minilm-l6-v2/model-int8.onnx")).expect("a session");
    let mut group = criterion.benchmark_group("bare");
    for tokens in TOKENS {
        let text = text(tokens);
        group.bench_function(BenchmarkId::from_parameter(tokens), |bencher| {
            bencher.iter(|| {
                let encoding = tokenizer.encode_fast(text.as_str(), true).expect("tokens");
                let ids: Vec<i64> = encoding.get_ids().iter().map(|id| i64::from(*id)).collect();
                assert_eq!(ids.len(), tokens);
                let mask = vec![1_i64; tokens];
                let ids = TensorRef::from_array_view(([1, tokens], ids.as_slice())).expect("a tensor");
                let mask = TensorRef::from_array_view(([1, tokens], mask.as_slice())).expect("a tensor");
                let outputs = session.run(ort::inputs![ids, mask]).expect("a vector");
                outputs[0].try_extract_tensor::<f32>().expect("floats").1.to_vec()
            });
        });
    }
}

fn session(environment: &ort::environment::Environment, model: &Path) -> Result<Session, ort::Error> {
    Session::builder(environment)?
        .with_optimization_level(GraphOptimizationLevel::All)?
        .with_intra_threads(1)?
        .with_inter_threads(1)?
        .with_intra_op_spinning(false)?
        .commit_from_file(model)
}

fn tokeniser(criterion: &mut Criterion) {
    let tokenizer = tokenizer();
    let mut group = criterion.benchmark_group("tokeniser");
    for tokens in TOKENS {
        let text = text(tokens);
        group.bench_function(BenchmarkId::from_parameter(tokens), |bencher| {
            bencher.iter(|| tokenizer.encode_fast(text.as_str(), false).expect("tokens").get_ids().to_vec());
        });
    }
}

fn main() {
    let mut criterion = Criterion::default()
        .measurement_time(Duration::from_secs(3))
        .warm_up_time(Duration::from_secs(1))
        .sample_size(40)
        .configure_from_args();
    if std::env::var_os("EMBED_BENCH_BARE").is_some() {
        bare(&mut criterion);
        return;
    }
    pool(&mut criterion);
    tokeniser(&mut criterion);
    let itself = std::env::current_exe().expect("the path of this binary");
    let bare = Command::new(itself).args(std::env::args_os().skip(1)).env("EMBED_BENCH_BARE", "1").status();
    assert!(bare.is_ok_and(|status| status.success()), "the bare half failed");
}
