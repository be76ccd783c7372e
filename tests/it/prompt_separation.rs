//! What cutting a prompt in one way or another does to what its vector says of the fresh text: the table in `decide/prompt.rs`.

use super::service::project;
use instinct::domain::deadline::Deadline;
use instinct::domain::strategy::{SlotSource, Strategy};
use instinct::domain::text::FreshText;
use instinct::domain::vector::UnitVector;
use instinct::embed::{self, Config, Embedder};
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;

/// How the vector of a prompt is made.
#[derive(Clone, Copy)]
enum Cut {
    /// The fresh text with so many bytes of what comes before it, read together.
    LastChunk(usize),
    /// All of the prompt, in chunks that overlap.
    MeanOfAll,
    /// The fresh text alone at this weight, and the mean of what comes before it.
    Weighed(f32),
}

struct Prompts {
    embedder: Arc<dyn Embedder>,
    before: String,
    before_vector: UnitVector,
}

impl Prompts {
    async fn of_the_shipped_strategy() -> Self {
        let config = Config { runtime_dir: project().join("runtime"), ..Config::default() };
        let embedder = embed::open(&config).unwrap();
        let file = std::fs::read_to_string(project().join("strategies/news-impact.toml")).unwrap();
        let texts = Strategy::from_toml(&file).unwrap().slots.into_iter().filter_map(|slot| match slot.source {
            SlotSource::Component { text, .. } => text,
            _ => None,
        });
        let before = FreshText::stored(&texts.collect::<Vec<_>>().join(" ")).unwrap();
        let before_vector = embedder.embed_document(&before, patience()).await.unwrap().vector;
        Self { embedder, before: before.as_str().to_owned(), before_vector }
    }

    async fn vector(&self, text: &str, cut: Cut) -> UnitVector {
        let read = async |text: String| {
            let text = FreshText::stored(&text).unwrap();
            self.embedder.embed_document(&text, patience()).await.unwrap().vector
        };
        match cut {
            Cut::LastChunk(0) => read(text.to_owned()).await,
            Cut::LastChunk(bytes) => read(format!("{} {text}", &self.before[self.before.len() - bytes..])).await,
            Cut::MeanOfAll => read(format!("{} {text}", self.before)).await,
            Cut::Weighed(weight) => {
                let fresh = read(text.to_owned()).await;
                let both = fresh.as_slice().iter().zip(self.before_vector.as_slice());
                UnitVector::normalised(both.map(|(f, b)| weight * f + (1.0 - weight) * b).collect()).unwrap()
            }
        }
    }

    /// The vectors of both sides of pairs.
    async fn pairs(&self, name: &str, cut: Cut) -> Vec<(UnitVector, UnitVector)> {
        let file = std::fs::read_to_string(project().join("tests/data").join(name)).unwrap();
        let mut pairs = Vec::new();
        for line in file.lines() {
            let pair: Value = serde_json::from_str(line).unwrap();
            let side = |side: &str| pair[side].as_str().unwrap().to_owned();
            let (a, b) = (side("a"), side("b"));
            pairs.push(tokio::join!(self.vector(&a, cut), self.vector(&b, cut)));
        }
        pairs
    }
}

fn patience() -> Deadline {
    Deadline::after(Duration::from_secs(60))
}

fn average(all: impl ExactSizeIterator<Item = f32>) -> f32 {
    let count = all.len() as f32;
    all.sum::<f32>() / count
}

#[tokio::test]
#[ignore = "prints a table and takes some minutes; run by hand when the cut of prompts or the model changes"]
async fn what_a_cut_leaves_of_the_fresh_text() {
    let prompts = Prompts::of_the_shipped_strategy().await;
    println!("{} bytes come before the fresh text", prompts.before.len());
    let named = [
        ("the fresh text alone", Cut::LastChunk(0)),
        ("last chunk, 64 bytes of what comes before", Cut::LastChunk(64)),
        ("last chunk, 128 bytes", Cut::LastChunk(128)),
        ("last chunk, 256 bytes", Cut::LastChunk(256)),
        ("last chunk, 1,000 bytes", Cut::LastChunk(1_000)),
        ("mean of all chunks", Cut::MeanOfAll),
        ("fresh text 0.7, mean of what comes before 0.3", Cut::Weighed(0.7)),
        ("fresh text 0.5, mean of what comes before 0.5", Cut::Weighed(0.5)),
    ];
    println!("| the vector of a prompt | paraphrase | trap | other | found |\n|---|---|---|---|---|");
    for (name, cut) in named {
        let (same, traps) = (prompts.pairs("paraphrases.ndjson", cut).await, prompts.pairs("traps.ndjson", cut).await);
        let cosine = |(a, b): &(UnitVector, UnitVector)| a.dot(b);
        let nearest_other = |(at, (_, asked)): (usize, &(UnitVector, UnitVector))| {
            // Some texts come up twice, and a text is no other than itself.
            let others = same.iter().enumerate().filter(|(other, (a, _))| *other != at && *a != same[at].0);
            others.map(|(_, (a, _))| a.dot(asked)).fold(-1.0, f32::max)
        };
        let mut others: Vec<f32> = same.iter().enumerate().map(nearest_other).collect();
        others.sort_by(f32::total_cmp);
        let line = others[others.len() * 99 / 100];
        let found = same.iter().filter(|pair| cosine(pair) > line).count() as f32 / same.len() as f32;
        let means = [average(same.iter().map(cosine)), average(traps.iter().map(cosine)), average(others.iter().copied())];
        println!("| {name} | {:.3} | {:.3} | {:.3} | {found:.2} |", means[0], means[1], means[2]);
    }
}
