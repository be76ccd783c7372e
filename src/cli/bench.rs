//! `instinct bench`: the hot path's own figures, stage by stage, in process and without HTTP.
//!
//! The texts of the sample are embedded for real. Entries beyond them get vectors drawn around those of the sample, so that a
//! partition of a million has the shape of real text without a million runs of the model; what the model takes is measured on texts
//! that it has not seen.

use super::{Failure, Settings, block_on, say, tell};
use crate::app::{self, App, Parts, near_or_beside_the_program};
use crate::domain::answer::TimingUs;
use crate::domain::deadline::Deadline;
use crate::domain::decision::Payload;
use crate::domain::entry::{Entry, Provenance, StoredEntry, Validity};
use crate::domain::ids::TenantId;
use crate::domain::partition::entry_id;
use crate::domain::request::{Allow, Caller, Request};
use crate::domain::text::FreshText;
use crate::domain::time::Clock;
use crate::domain::vector::UnitVector;
use crate::embed;
use crate::store;
use clap::Args;
use serde::Serialize;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Measure the hot path.
#[derive(Debug, Args)]
pub(super) struct Bench {
    #[command(flatten)]
    settings: Settings,
    /// Sizes of the partition, in entries; a million takes half an hour and 3 GB.
    #[arg(long, value_delimiter = ',', default_value = "10000,100000,1000000")]
    entries: Vec<usize>,
    /// Requests of each kind at each size.
    #[arg(long, default_value_t = 500)]
    requests: usize,
    /// As JSON.
    #[arg(long)]
    json: bool,
}

/// What one kind of request took at one size, in microseconds.
#[derive(Debug, Serialize)]
struct Row {
    entries: usize,
    kind: &'static str,
    requests: usize,
    exact: [u64; 2],
    embed: [u64; 2],
    compose: [u64; 2],
    search: [u64; 2],
    gates: [u64; 2],
    total: [u64; 2],
    total_less_embed: [u64; 2],
}

const HEADLINES: &str = include_str!("../../sample/entries.ndjson");

impl Bench {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        let config = self.settings.load(None)?;
        let rows = block_on(async {
            let mut rows = Vec::new();
            let mut embed_config = config.embed.clone();
            embed_config.runtime_dir = near_or_beside_the_program(&embed_config.runtime_dir);
            let embedder = embed::open(&embed_config)?;
            for size in &self.entries {
                let parts = Parts {
                    embedder: Arc::clone(&embedder),
                    store: store::in_memory(Clock::System),
                    search: None,
                    graphs: None,
                    engines: app::engines(&config, &embedder)?,
                    clock: Clock::System,
                };
                let app = App::with_parts(&config, parts).await?;
                rows.extend(measure(&app, *size, self.requests).await?);
            }
            Ok::<_, Failure>(rows)
        })?;
        if self.json {
            tell(&serde_json::to_string_pretty(&rows)?)?;
        } else {
            print_table(&rows)?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn headlines() -> Vec<String> {
    let text = |line: &str| serde_json::from_str::<serde_json::Value>(line).ok()?.get("text")?.as_str().map(str::to_owned);
    HEADLINES.lines().filter_map(text).collect()
}

async fn measure(app: &App, size: usize, requests: usize) -> Result<Vec<Row>, Failure> {
    say(&format!("filling a partition with {size} entries"));
    let texts = headlines();
    fill(app, &texts, size).await?;
    wait_for_index(app).await;
    let mut rows = Vec::new();
    for (kind, text) in [
        ("exact", Box::new(|i: usize| texts[i % texts.len()].clone()) as Box<dyn Fn(usize) -> String>),
        // A word that no entry has makes a text that was never embedded, as near to its entry as a second wire's version. A number
        // would be a fact that differs.
        ("near", Box::new(|i: usize| format!("{} (update {})", texts[i % texts.len()], letters(i)))),
    ] {
        let mut timings = Vec::with_capacity(requests);
        for i in 0..requests + requests / 10 {
            let timing = ask(app, &text(i)).await?;
            // The first tenth warms the caches and is not counted.
            if i >= requests / 10 {
                timings.push(timing);
            }
        }
        rows.push(row(size, kind, &timings));
    }
    Ok(rows)
}

/// A word of four letters for each number.
fn letters(n: usize) -> String {
    (0..4).map(|place| char::from(b'a' + u8::try_from(n / 26_usize.pow(place) % 26).unwrap_or(0))).collect()
}

async fn ask(app: &App, text: &str) -> Result<TimingUs, Failure> {
    let request = Request {
        tags: vec!["crypto".to_owned()],
        allow: Allow::Fast,
        pending: false,
        ..Request::plain(
            FreshText::new(text)?,
            app.decider.strategies.default.clone(),
            app.decider.clock.now(),
            Deadline::after(Duration::from_secs(10)),
        )
    };
    let caller = Caller::trusted(TenantId::default_tenant());
    Ok(app.decider.decide(&caller, &request).await?.answer.timing_us)
}

/// Fills the partition of the default strategy: the sample's texts for real, the rest drawn around them.
async fn fill(app: &App, texts: &[String], size: usize) -> Result<(), Failure> {
    let decider = &app.decider;
    let tenant = TenantId::default_tenant();
    let strategy = decider.strategies.named(&decider.strategies.default)?;
    let partition = decider.partition_of(&tenant, &strategy.name)?;
    let decision = Payload::parse(r#"{"kind":"trade","signal":1,"conviction":0.5,"reasoning":"a bench"}"#)?;
    let mut real: Vec<StoredEntry> = Vec::with_capacity(texts.len());
    for text in texts.iter().take(size) {
        let new = crate::decide::NewEntry {
            text: FreshText::new(text)?,
            decision: decision.clone(),
            strategy: strategy.name.clone(),
            as_of: decider.clock.now(),
            ttl_sec: None,
            tags: Vec::new(),
            context: Vec::new(),
            validity: Validity::default(),
            provenance: Provenance::Import,
        };
        let stored = decider.prepare(&tenant, new, Deadline::after(Duration::from_secs(10))).await?;
        decider.semantic.insert(&stored)?;
        real.push(stored);
    }
    let mut random = fastrand::Rng::with_seed(7);
    for i in real.len()..size {
        let Some(near) = real.get(random.usize(..real.len())) else { break };
        let text = FreshText::new(&format!("drawn {i}"))?;
        let entry = Entry {
            id: entry_id(&partition, std::iter::empty(), &near.entry.model, &strategy.name, text.hash()),
            text: text.as_str().into(),
            text_hash: text.hash(),
            ..(*near.entry).clone()
        };
        let vector = drawn_around(&near.vector, &mut random);
        let fresh = drawn_around(&near.fresh, &mut random);
        decider.semantic.insert(&StoredEntry { entry: Arc::new(entry), vector, fresh, prompt: None, facts: None })?;
    }
    Ok(())
}

/// A vector at a cosine of about 0.7 from `center`: as near as two headlines on one subject.
fn drawn_around(center: &UnitVector, random: &mut fastrand::Rng) -> UnitVector {
    let spread = (1.0 / center.dim() as f32).sqrt() * 3.46;
    let values = center.as_slice().iter().map(|v| v + spread * (random.f32() - 0.5)).collect();
    UnitVector::normalised(values).unwrap_or_else(|| center.clone())
}

/// Waits until no index is being built, so that what is measured is the state that a service settles in.
async fn wait_for_index(app: &App) {
    let since = Instant::now();
    while app.decider.semantic.stats().building > 0 && since.elapsed() < Duration::from_secs(1_800) {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn row(entries: usize, kind: &'static str, timings: &[TimingUs]) -> Row {
    let of = |stage: fn(&TimingUs) -> u64| {
        let mut values: Vec<u64> = timings.iter().map(stage).collect();
        values.sort_unstable();
        let at = |share: f64| values.get(((values.len() as f64 - 1.0) * share).round() as usize).copied().unwrap_or(0);
        [at(0.5), at(0.99)]
    };
    Row {
        entries,
        kind,
        requests: timings.len(),
        exact: of(|t| t.exact),
        embed: of(|t| t.embed),
        compose: of(|t| t.context + t.compose),
        search: of(|t| t.search),
        gates: of(|t| t.gates),
        total: of(|t| t.total),
        total_less_embed: of(|t| t.total - t.embed),
    }
}

fn print_table(rows: &[Row]) -> Result<(), Failure> {
    tell("microseconds, p50 / p99")?;
    tell(&format!(
        "{:>9} {:>6} {:>13} {:>15} {:>13} {:>13} {:>13} {:>15} {:>15}",
        "entries", "kind", "exact", "embed", "compose", "search", "gates", "total", "less embed"
    ))?;
    let pair = |[p50, p99]: [u64; 2]| format!("{p50} / {p99}");
    for r in rows {
        tell(&format!(
            "{:>9} {:>6} {:>13} {:>15} {:>13} {:>13} {:>13} {:>15} {:>15}",
            r.entries,
            r.kind,
            pair(r.exact),
            pair(r.embed),
            pair(r.compose),
            pair(r.search),
            pair(r.gates),
            pair(r.total),
            pair(r.total_less_embed)
        ))?;
    }
    Ok(())
}
