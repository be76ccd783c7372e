//! `instinct generations use`: the cut-over, and the way back.

use super::{Failure, Folder, Settings, block_on, folder, tell, usage, whole};
use crate::app;
use crate::audit::{self, AuditLog};
use crate::config::Config;
use crate::domain::audit_chain::{Action, Deed, Outcome};
use crate::domain::ids::TenantId;
use crate::domain::role::Roles;
use crate::domain::time::{Clock, Timestamp};
use crate::store::generations::About;
use crate::store::moving::{Feed, Move, Options};
use crate::store::{self, RecordKind, Store};
use clap::Args;
use serde::Serialize;
use serde_json::json;
use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::Arc;

/// Have another generation be served from the next start on.
#[derive(Debug, Args)]
pub(super) struct Use {
    #[command(flatten)]
    settings: Settings,
    /// Its number.
    #[arg(value_name = "NUMBER")]
    number: u32,
    /// Report as JSON.
    #[arg(long)]
    json: bool,
}

/// What was switched.
#[derive(Debug, Serialize)]
struct Report {
    served: u32,
    model: String,
    left: u32,
    /// Up to when the one that is served now has what there was.
    as_of: Timestamp,
    /// What the one that was left has of later moments, by kind.
    made_since: BTreeMap<&'static str, usize>,
}

impl Use {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        let config = self.settings.load(None)?;
        let report = block_on(switch(&config, self.number))?;
        if self.json {
            tell(&serde_json::to_string(&report)?)?;
        } else {
            let Report { served, model, left, as_of, made_since } = &report;
            tell(&format!(
                "generation {served} of {model} is served from the next start on; the way back is `instinct generations use {left}`"
            ))?;
            if made_since.values().sum::<usize>() > 0 {
                let kinds: Vec<String> = made_since.iter().map(|(kind, count)| format!("{count} {kind} records")).collect();
                tell(&format!(
                    "generation {left} has {} made since {as_of}, which generation {served} has not; `instinct generations build` brings them along",
                    kinds.join(", ")
                ))?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

async fn switch(config: &Config, number: u32) -> Result<Report, Failure> {
    let folder = folder(config)?;
    whole(&folder, number)?;
    let left = folder.current()?;
    if left == number {
        return Err(usage("generations use", format!("generation {number} is served already")));
    }
    let known = |about: Option<About>, number| about.ok_or_else(|| format!("nothing is known of generation {number}"));
    let to = known(folder.about(number)?, number)?;
    can_be_served(config, &to)?;
    // Held while the switch is made: a service that runs would go on writing to what is left.
    let store = store::open(&config.store.embedded, &folder.dir(left).join("store"), Clock::System)?;
    let mut made_since = BTreeMap::new();
    // Vectors of fresh texts are made anew wherever they are asked for.
    let brought = |kind: &RecordKind| *kind == RecordKind::Text || RecordKind::TRAIL.contains(kind);
    for kind in RecordKind::ALL.into_iter().filter(|kind| !brought(kind)) {
        let (mut feed, mut count) = (Feed::start(&store, kind), 0);
        while let Some(batch) = feed.next().await? {
            count += batch.into_iter().flatten().filter(|record| record.made_at().is_some_and(|made| made > to.as_of)).count();
        }
        if count > 0 {
            made_since.insert(kind.as_str(), count);
        }
    }
    bring_the_trail(config, store, (&folder, left, number)).await?;
    note_left(&folder, left)?;
    folder.switch(number)?;
    Ok(Report { served: number, model: to.model.to_string(), left, as_of: to.as_of, made_since })
}

/// Takes the audit trails along, so that each goes on where it is, and puts the switch on record in that of the default tenant.
async fn bring_the_trail(
    config: &Config,
    from: Arc<dyn Store>,
    (folder, left, number): (&Folder, u32, u32),
) -> Result<(), Failure> {
    let to = store::open(&config.store.embedded, &folder.dir(number).join("store"), Clock::System)?;
    let options = Options {
        verify_only: false,
        merge: true,
        kinds: &RecordKind::TRAIL,
        now: Clock::System.now(),
        decision_retention_sec: config.store.embedded.decision_retention_sec,
    };
    Move { from, to: Arc::clone(&to), options }.run(&|_| {}).await?;
    let deed = Deed {
        tenant: TenantId::default_tenant(),
        user: Some("instinct generations use".into()),
        roles: Roles::ALL,
        action: Action::GenerationsUse,
        about: audit::about(json!({ "left": left, "served": number }))?,
        outcome: Outcome::Done,
        trace: None,
    };
    AuditLog::new(to, Clock::System).append(deed).await?;
    Ok(())
}

/// Whether its model is here and is the one that every strategy was calibrated for: what would keep the service from starting is told now.
fn can_be_served(config: &Config, about: &About) -> Result<(), Failure> {
    let embedder = app::open_embedder_of(config, &about.model.id)?;
    if *embedder.model() != about.model {
        return Err(format!("the generation is of {}, and the model that is here is {}", about.model, embedder.model()).into());
    }
    let strategies = app::read_strategies(&config.strategies, &app::ENGINES)?;
    Ok(app::check_calibrations(&strategies, (embedder.model(), embedder.dim()))?)
}

/// Notes of the generation that is left that it has everything up to now.
fn note_left(folder: &Folder, left: u32) -> Result<(), Failure> {
    if let Some(about) = folder.about(left)? {
        folder.describe(left, &about.up_to(Clock::System.now()))?;
    }
    Ok(())
}
