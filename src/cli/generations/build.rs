//! `instinct generations build`: everything under another model, beside what is served.

use super::report::Report;
use super::{Failure, Folder, Settings, block_on, folder, say, tell, usage};
use crate::app::{self, App, Parts};
use crate::config::Config;
use crate::decide::{DecideError, Decider, Forget, Reembedded, RememberError};
use crate::domain::component::{Component, ModelRef};
use crate::domain::deadline::Deadline;
use crate::domain::entry::StoredEntry;
use crate::domain::ids::{ComponentId, EntryId, TenantId};
use crate::domain::time::{Clock, Timestamp};
use crate::embed::EmbedError;
use crate::engine::Engines;
use crate::store::generations::About;
use crate::store::moving::{Feed, Move, Options};
use crate::store::{self, Record, RecordKind, Store, Write};
use clap::Args;
use futures_util::{StreamExt, stream};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long one text may take: nobody waits for it, and a long component has hundreds of chunks.
const PATIENCE: Duration = Duration::from_secs(600);

/// Texts that are embedded at one time, so that each worker has the next at hand.
const AT_ONCE: usize = 32;

/// What is the same under every model. Vectors of fresh texts are not: they are made anew when they are asked for.
const COPIED: [RecordKind; 9] = [
    RecordKind::TagEnd,
    RecordKind::Decision,
    RecordKind::Market,
    RecordKind::Plan,
    RecordKind::Fit,
    RecordKind::DatasetPart,
    RecordKind::Dataset,
    RecordKind::Knowledge,
    RecordKind::Judgeable,
];

/// Embed what is served with another model.
#[derive(Debug, Args)]
pub(super) struct Build {
    #[command(flatten)]
    settings: Settings,
    /// The model, by its id; `instinct models` lists them.
    #[arg(long, value_name = "ID")]
    model: String,
    /// Report as JSON.
    #[arg(long)]
    json: bool,
}

impl Build {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        let config = self.settings.load(None)?;
        crate::telemetry::logs::start(&config.log)?;
        let since = Instant::now();
        let mut report = block_on(build(&config, &self.model))?;
        report.seconds = since.elapsed().as_secs_f64();
        if self.json {
            tell(&serde_json::to_string(&report)?)?
        } else {
            report.in_words()?
        }
        Ok(if report.damaged == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

async fn build(config: &Config, model: &str) -> Result<Report, Failure> {
    let folder = folder(config)?;
    let current = folder.current()?;
    if !folder.numbers()?.contains(&current) {
        return Err(usage("generations build", format!("there is nothing in {} yet", config.store.data_dir.display())));
    }
    let from = store::open(&config.store.embedded, &folder.dir(current).join("store"), Clock::System)?;
    let embedder = app::open_embedder_of(config, model)?;
    let was = match folder.about(current)? {
        Some(about) => about.model,
        None => most_used(&from).await?.ok_or_else(|| usage("generations build", "nothing is remembered yet".to_owned()))?,
    };
    if was == *embedder.model() {
        return Err(usage("generations build --model", format!("generation {current} is of {was} already")));
    }
    let strategies = app::without_engines(app::read_strategies(&config.strategies, &app::ENGINES)?);
    app::check_calibrations(&strategies, (embedder.model(), embedder.dim()))?;
    let now = Clock::System.now();
    let number = place(&folder, (current, &was), (embedder.model(), now))?;
    let to = store::open(&config.store.embedded, &folder.dir(number).join("store"), Clock::System)?;
    let options = Options {
        verify_only: false,
        merge: true,
        kinds: &COPIED,
        now,
        decision_retention_sec: config.store.embedded.decision_retention_sec,
    };
    let moved = Move { from: Arc::clone(&from), to: Arc::clone(&to), options }.run(&|_| {}).await?;
    let graphs = folder.dir(number).join("graphs");
    std::fs::create_dir_all(&graphs)?;
    let model = embedder.model().to_string();
    let parts = Parts {
        embedder,
        store: Arc::clone(&to),
        search: None,
        graphs: Some(graphs),
        engines: Engines::default(),
        clock: Clock::System,
    };
    let app = Arc::new(App::with_strategies(config, parts, strategies).await?);
    let mut building = Building {
        from,
        decider: Arc::clone(&app.decider),
        was: was.clone(),
        ids: HashMap::new(),
        components: BTreeSet::new(),
        told: Instant::now(),
        report: Report { generation: number, built_from: current, model, was: was.to_string(), ..Report::default() },
    };
    building.report.copied = moved.kinds.iter().map(|kind| kind.written + kind.equal).sum();
    building.report.damaged = moved.damaged.len();
    building.components().await?;
    building.entries().await?;
    building.judgements().await?;
    building.remove_the_rest().await?;
    to.flush().await?;
    app.save_graphs().await;
    let about = About::new(app.decider.embedder.model().clone(), Some(current), now);
    folder.describe(number, &about.completed())?;
    Ok(building.report)
}

/// The number of the generation to build: one of this model that was built in part, or a new one.
fn place(folder: &Folder, (current, was): (u32, &ModelRef), (model, now): (&ModelRef, Timestamp)) -> Result<u32, Failure> {
    let numbers = folder.numbers()?;
    for number in numbers.iter().copied().filter(|number| *number != current && *number != 1) {
        if folder
            .about(number)?
            .is_some_and(|about| !about.complete && about.built_from == Some(current) && about.model == *model)
        {
            return Ok(number);
        }
    }
    // From now on it is known of the first one too which model it needs.
    if folder.about(current)?.is_none() {
        folder.describe(current, &About::new(was.clone(), None, now))?;
    }
    let number = numbers.last().copied().unwrap_or(1) + 1;
    folder.describe(number, &About::new(model.clone(), Some(current), now))?;
    Ok(number)
}

/// The model of most components and entries; `None` where there are none.
async fn most_used(store: &Arc<dyn Store>) -> Result<Option<ModelRef>, Failure> {
    let mut models: HashMap<ModelRef, usize> = HashMap::new();
    for kind in [RecordKind::Component, RecordKind::Entry] {
        let mut feed = Feed::start(store, kind);
        while let Some(batch) = feed.next().await? {
            for record in batch.into_iter().flatten() {
                match record {
                    Record::Component(component) => *models.entry(component.model.clone()).or_default() += 1,
                    Record::Entry(stored) => *models.entry(stored.entry.model.clone()).or_default() += 1,
                    _ => {}
                }
            }
        }
    }
    Ok(models.into_iter().max_by_key(|(_, count)| *count).map(|(model, _)| model))
}

/// A generation on its way.
struct Building {
    from: Arc<dyn Store>,
    decider: Arc<Decider>,
    was: ModelRef,
    /// The ids of the entries that are served, from what they were to what they are; by tenant, for two could have one text.
    ids: HashMap<(TenantId, EntryId), EntryId>,
    components: BTreeSet<(TenantId, ComponentId)>,
    told: Instant,
    report: Report,
}

fn not_embeddable(error: &EmbedError) -> bool {
    matches!(error, EmbedError::TextNotEmbeddable { .. })
}

impl Building {
    /// The readable records of a batch.
    fn readable(&mut self, batch: Vec<Result<Record, store::CodecError>>) -> Vec<Record> {
        let mut records = Vec::new();
        for read in batch {
            match read {
                Ok(record) => records.push(record),
                Err(error) => {
                    self.report.damaged += 1;
                    say(&error.to_string());
                }
            }
        }
        records
    }

    fn progress(&mut self) {
        if self.told.elapsed() > Duration::from_secs(2) {
            self.told = Instant::now();
            let Report { components, components_here, entries, entries_here, .. } = self.report;
            say(&format!("{} components and {} entries so far", components + components_here, entries + entries_here));
        }
    }

    async fn components(&mut self) -> Result<(), Failure> {
        let mut feed = Feed::start(&self.from, RecordKind::Component);
        while let Some(batch) = feed.next().await? {
            let mut wanted = Vec::new();
            for record in self.readable(batch) {
                let Record::Component(old) = record else { continue };
                self.components.insert((old.tenant.clone(), old.id.clone()));
                let here = self.decider.embeddings.own_component(&old.tenant, &old.id);
                let same = |here: Arc<Component>| {
                    let Component { model, vector, chunks, .. } = (*here).clone();
                    Component { model, vector, chunks, ..(*old).clone() } == *here
                };
                if here.is_some_and(same) { self.report.components_here += 1 } else { wanted.push(old) }
            }
            let decider = &self.decider;
            let mut made = Vec::new();
            let mut embedding = stream::iter(wanted)
                .map(|old| async move { decider.reembed_component(&old, Deadline::after(PATIENCE)).await })
                .buffered(AT_ONCE);
            while let Some(embedded) = embedding.next().await {
                match embedded {
                    Ok(component) => made.push(component),
                    Err(error) if not_embeddable(&error) => self.report.not_embeddable += 1,
                    Err(error) => return Err(error.into()),
                }
            }
            drop(embedding);
            self.report.components += made.len();
            let mut by_tenant: BTreeMap<TenantId, Vec<Arc<Component>>> = BTreeMap::new();
            made.into_iter().for_each(|component| by_tenant.entry(component.tenant.clone()).or_default().push(component));
            for components in by_tenant.into_values() {
                self.decider.put_components(components).await?;
            }
            self.progress();
        }
        Ok(())
    }

    async fn entries(&mut self) -> Result<(), Failure> {
        let mut feed = Feed::start(&self.from, RecordKind::Entry);
        while let Some(batch) = feed.next().await? {
            let mut wanted = Vec::new();
            for record in self.readable(batch) {
                let Record::Entry(old) = record else { continue };
                if old.entry.model == self.was { wanted.push(old) } else { self.report.of_another_model += 1 }
            }
            let decider = &self.decider;
            let results: Vec<(StoredEntry, Result<Reembedded, DecideError>)> = stream::iter(wanted)
                .map(|old| async move {
                    let made = decider.reembed_entry(&old, Deadline::after(PATIENCE)).await;
                    (old, made)
                })
                .buffered(AT_ONCE)
                .collect()
                .await;
            let mut made = Vec::new();
            for (old, result) in results {
                let was = (old.entry.tenant.clone(), old.entry.id);
                match result {
                    Ok(Reembedded::Made { stored, without_context }) => {
                        self.report.without_context += usize::from(without_context);
                        self.ids.insert(was, stored.entry.id);
                        made.push(*stored);
                    }
                    Ok(Reembedded::Here(id)) => {
                        self.report.entries_here += 1;
                        self.ids.insert(was, id);
                    }
                    Ok(Reembedded::OfAnotherVersion) => self.report.of_another_version += 1,
                    Err(DecideError::Embed(error)) if not_embeddable(&error) => self.report.not_embeddable += 1,
                    Err(error) => return Err(error.into()),
                }
            }
            self.report.entries += made.len();
            self.remember(made).await?;
            self.progress();
        }
        Ok(())
    }

    async fn remember(&self, made: Vec<StoredEntry>) -> Result<(), RememberError> {
        let mut by_tenant: BTreeMap<TenantId, Vec<StoredEntry>> = BTreeMap::new();
        made.into_iter().for_each(|stored| by_tenant.entry(stored.entry.tenant.clone()).or_default().push(stored));
        for entries in by_tenant.into_values() {
            self.decider.remember(entries).await?;
        }
        Ok(())
    }

    /// Judgements are kept as they are, and those that close a question close it under the new model.
    async fn judgements(&mut self) -> Result<(), Failure> {
        let mut feed = Feed::start(&self.from, RecordKind::Judgement);
        while let Some(batch) = feed.next().await? {
            for record in self.readable(batch) {
                let Record::Judgement(old) = &record else { continue };
                let closing = match self.decider.reembed_judgement(old, Deadline::after(PATIENCE)).await {
                    Err(DecideError::Embed(error)) if not_embeddable(&error) => None,
                    made => made?,
                };
                self.report.closed_questions += usize::from(closing.is_some());
                let kept = closing.map_or(record.clone(), |mut judgement| {
                    let was = judgement.entry.map(|id| (judgement.tenant.clone(), id));
                    judgement.entry = was.and_then(|was| self.ids.get(&was).copied());
                    Record::Judgement(judgement.into())
                });
                self.decider.store.commit(vec![Write::Put(kept)]).await?;
            }
        }
        Ok(())
    }

    /// Removes what an earlier run built of what is no longer served.
    async fn remove_the_rest(&mut self) -> Result<(), Failure> {
        let made: BTreeSet<EntryId> = self.ids.values().copied().collect();
        let mut left: BTreeMap<TenantId, BTreeSet<EntryId>> = BTreeMap::new();
        let mut feed = Feed::start(&self.decider.store, RecordKind::Entry);
        while let Some(batch) = feed.next().await? {
            for record in batch.into_iter().flatten() {
                let Record::Entry(stored) = record else { continue };
                if !made.contains(&stored.entry.id) {
                    left.entry(stored.entry.tenant.clone()).or_default().insert(stored.entry.id);
                }
            }
        }
        for (tenant, ids) in left {
            let filter = Forget { ids: Some(ids), ..Forget::default() };
            self.report.removed += self.decider.forget(&tenant, filter).await?.len();
        }
        let mut feed = Feed::start(&self.decider.store, RecordKind::Component);
        let mut gone = Vec::new();
        while let Some(batch) = feed.next().await? {
            for record in batch.into_iter().flatten() {
                let Record::Component(component) = record else { continue };
                let id = (component.tenant.clone(), component.id.clone());
                gone.extend((!self.components.contains(&id)).then_some(id));
            }
        }
        for (tenant, id) in gone {
            self.report.removed += usize::from(self.decider.delete_component(&tenant, &id).await?);
        }
        Ok(())
    }
}
