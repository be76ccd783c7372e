//! `instinct generations compare`: the same questions to both.

use super::{Failure, Settings, block_on, folder, tell, usage, whole};
use crate::app::{self, App, Parts};
use crate::config::Config;
use crate::domain::time::Clock;
use crate::engine::Engines;
use crate::eval::generations::{self, Agreement, Comparison, Question, Side};
use crate::store::moving::Feed;
use crate::store::{self, Record, RecordKind, Store};
use clap::Args;
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

/// Ask the generation that is served and another the same.
#[derive(Debug, Args)]
pub(super) struct Compare {
    #[command(flatten)]
    settings: Settings,
    /// The number of the other one.
    #[arg(value_name = "NUMBER")]
    number: u32,
    /// Questions as NDJSON in the form of requests; what callers asked lately where absent.
    #[arg(long, value_name = "FILE")]
    questions: Option<PathBuf>,
    /// Questions, and remembered texts, that are put to each at most.
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    most: usize,
    /// Report as JSON.
    #[arg(long)]
    json: bool,
}

impl Compare {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        let config = self.settings.load(None)?;
        crate::telemetry::logs::start(&config.log)?;
        let comparison = block_on(self.compare(&config))?;
        if self.json {
            tell(&serde_json::to_string(&comparison)?)?
        } else {
            in_words(&comparison)?
        }
        Ok(ExitCode::SUCCESS)
    }

    async fn compare(&self, config: &Config) -> Result<Comparison, Failure> {
        let folder = folder(config)?;
        let current = folder.current()?;
        whole(&folder, self.number)?;
        if self.number == current {
            return Err(usage("generations compare", format!("generation {current} is the one that is served: name another")));
        }
        let mut sides = Vec::new();
        for number in [current, self.number] {
            let about = folder.about(number)?;
            let model = about.map_or(config.embed.model.clone(), |about| about.model.id.to_string());
            sides.push(side(config, number, (&folder.dir(number), &model)).await?);
        }
        let [a, b] = sides.as_slice() else { return Err("two generations are compared".into()) };
        let asked = match &self.questions {
            Some(file) => of_file(file, self.most)?,
            None => asked_lately(&a.decider.store, self.most).await?,
        };
        let own = remembered(&a.decider.store, self.most).await?;
        Ok(generations::compare([a, b], &asked, &own).await?)
    }
}

/// A generation in memory, over a store that is left as it is.
async fn side(config: &Config, number: u32, (dir, model): (&Path, &str)) -> Result<Side, Failure> {
    let embedder = app::open_embedder_of(config, model)?;
    let store = store::read_only(store::open(&config.store.embedded, &dir.join("store"), Clock::System)?);
    let mut strategies = app::without_engines(app::read_strategies(&config.strategies, &app::ENGINES)?);
    if let Err(error) = app::check_calibrations(&strategies, (embedder.model(), embedder.dim())) {
        tracing::warn!(generation = number, %error, "a generation is asked without the calibrations of the strategies");
        strategies.calibrations.clear();
        strategies.projections.clear();
    }
    let parts = Parts {
        embedder,
        store,
        search: None,
        graphs: Some(dir.join("graphs")),
        engines: Engines::default(),
        clock: Clock::System,
    };
    Ok(Side { generation: number, decider: App::with_strategies(config, parts, strategies).await?.decider })
}

fn of_file(path: &Path, most: usize) -> Result<Vec<Question>, Failure> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()).take(most);
    lines
        .map(|(i, line)| serde_json::from_str(line).map_err(|error| format!("{}:{}: {error}", path.display(), i + 1).into()))
        .collect()
}

/// What callers asked, each question once, the latest.
async fn asked_lately(store: &Arc<dyn Store>, most: usize) -> Result<Vec<Question>, Failure> {
    let mut latest: HashMap<String, (u64, Question)> = HashMap::new();
    let mut feed = Feed::start(store, RecordKind::Decision);
    while let Some(batch) = feed.next().await? {
        for record in batch.into_iter().flatten() {
            let Record::Decision(decision) = record else { continue };
            let Ok(question) = serde_json::from_str::<Question>(decision.request.get()) else { continue };
            let question = Question { tenant: decision.tenant.clone(), ..question };
            let name = format!(
                "{}\n{:?}\n{:?}\n{:?}\n{}",
                question.tenant, question.strategy, question.tags, question.context, question.text
            );
            let at = decision.id.millis();
            if latest.get(&name).is_none_or(|(before, _)| *before < at) {
                latest.insert(name, (at, question));
            }
        }
    }
    let mut questions: Vec<(u64, Question)> = latest.into_values().collect();
    questions.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
    Ok(questions.into_iter().take(most).map(|(_, question)| question).collect())
}

/// A sample of what is remembered: those of the least ids, which are hashes.
async fn remembered(store: &Arc<dyn Store>, most: usize) -> Result<Vec<Question>, Failure> {
    let mut sample = BTreeMap::new();
    let mut feed = Feed::start(store, RecordKind::Entry);
    while let Some(batch) = feed.next().await? {
        for record in batch.into_iter().flatten() {
            let Record::Entry(stored) = record else { continue };
            let entry = stored.entry;
            let question = Question {
                text: entry.text.to_string(),
                strategy: Some(entry.strategy.clone()),
                as_of: None,
                tags: entry.tags.clone(),
                context: Vec::new(),
                market: Default::default(),
                tenant: entry.tenant.clone(),
            };
            sample.insert(entry.id, question);
            if sample.len() > most {
                sample.pop_last();
            }
        }
    }
    Ok(sample.into_values().collect())
}

fn in_words(comparison: &Comparison) -> Result<(), Failure> {
    let Comparison { generations: [a, b], models, entries, asked, neighbours } = comparison;
    tell(&format!(
        "generation {a}: {}, {} entries; generation {b}: {}, {} entries",
        models[0], entries[0], models[1], entries[1]
    ))?;
    for (what, agreement) in [("questions that were asked", asked), ("remembered texts, each without itself", neighbours)] {
        let Agreement { questions, hits, both, same_decision, both_near, same_entry, same_share, similarity, .. } = agreement;
        if *questions == 0 {
            tell(&format!("{what}: none"))?;
            continue;
        }
        let percent = |share: f64| share * 100.0;
        tell(&format!("{what}: {questions}, of which {:.1}% came to the same", percent(*same_share)))?;
        tell(&format!(
            "  served {} and {}, {both} by both: {same_decision} with the same decision; the same entry for {same_entry} of {both_near}",
            hits[0], hits[1]
        ))?;
        let shift = agreement.shift.map_or_else(String::new, |[low, middle, high]| {
            format!("; it moved by {middle:+.3} in the middle, {low:+.3} to {high:+.3} for nine in ten")
        });
        tell(&format!("  mean similarity {:.3} and {:.3}{shift}", similarity[0], similarity[1]))?;
        if agreement.unanswerable > 0 {
            tell(&format!("  {} could not be put to both", agreement.unanswerable))?;
        }
        for text in &agreement.otherwise {
            tell(&format!("  decided otherwise: {text}"))?;
        }
    }
    Ok(())
}
