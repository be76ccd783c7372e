//! `instinct inspect`.

use super::{Failure, Settings, block_on, tell};
use crate::app;
use crate::decide::served_from;
use crate::domain::audit::DecisionRecord;
use crate::domain::ids::{ComponentId, DatasetName, EntryId, PlanId, StrategyName, TenantId};
use crate::store::{Family, Record, RecordKey, RecordKind, Store};
use clap::Args;
use serde_json::{Value, json};
use std::ops::ControlFlow;
use std::process::ExitCode;

/// Decisions of the past that are shown with an entry.
const HISTORY_SHOWN_MAX: usize = 20;

/// Show one thing whole, with its history.
#[derive(Debug, Args)]
pub(super) struct Inspect {
    #[command(flatten)]
    settings: Settings,
    /// Of which tenant.
    #[arg(long, value_name = "TENANT", default_value = "default", value_parser = super::tenant)]
    tenant: TenantId,
    /// The id of an entry (`sc:combo:…`), of a component or of a plan, or the name of a strategy or of a dataset.
    #[arg(value_name = "ENTRY|COMPONENT|PLAN|STRATEGY|DATASET")]
    what: String,
}

impl Inspect {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        let config = self.settings.load(None)?;
        let strategies = app::read_strategies(&config.strategies, &app::ENGINES)?;
        let named = StrategyName::new(&self.what).ok().and_then(|name| strategies.by_name.get(&name).cloned());
        let shown = if let Some(strategy) = named {
            Some(json!({"kind": "strategy", "strategy": &*strategy}))
        } else {
            let store = app::open_records(&config)?;
            block_on(stored(&*store, &self.tenant, &self.what))?
        };
        match shown {
            Some(value) => {
                tell(&serde_json::to_string_pretty(&value)?)?;
                Ok(ExitCode::SUCCESS)
            }
            None => Err(format!("there is no entry, component, plan, strategy or dataset \"{}\"", self.what).into()),
        }
    }
}

async fn stored(store: &dyn Store, tenant: &TenantId, what: &str) -> Result<Option<Value>, Failure> {
    if let Ok(id) = EntryId::parse(what) {
        let found = store.get(&RecordKey::Entry { tenant: tenant.clone(), id }).await?;
        return match found {
            Some(record) => {
                Ok(Some(json!({"kind": "entry", "record": fields(&record)?, "served": history(store, tenant, &id)?})))
            }
            None => Ok(None),
        };
    }
    if let Ok(id) = PlanId::parse(what)
        && let Some(record) = store.get(&RecordKey::Plan { tenant: tenant.clone(), id }).await?
    {
        return Ok(Some(json!({"kind": "plan", "record": fields(&record)?})));
    }
    let Ok(id) = ComponentId::new(what) else { return Ok(None) };
    for family in Family::ALL {
        let key = RecordKey::Component { tenant: tenant.clone(), family, id: id.clone() };
        if let Some(record) = store.get(&key).await? {
            return Ok(Some(
                json!({"kind": "component", "record": fields(&record)?, "used_by_entries": users(store, tenant, &id)?}),
            ));
        }
    }
    if let Ok(name) = DatasetName::new(what)
        && let Some(record) = store.get(&RecordKey::Dataset { tenant: tenant.clone(), name }).await?
    {
        return Ok(Some(json!({"kind": "dataset", "record": fields(&record)?})));
    }
    Ok(None)
}

/// The fields of a record as its schema lists them, the vectors cut to their first values.
fn fields(record: &Record) -> Result<Value, Failure> {
    let vector = |v: &crate::domain::vector::UnitVector| {
        let head: Vec<f32> = v.as_slice().iter().take(4).copied().collect();
        json!({"dim": v.dim(), "first_values": head})
    };
    Ok(match record {
        Record::Entry(stored) => {
            let e = &stored.entry;
            json!({
                "key": record.key().to_string(), "text": &*e.text, "strategy": e.strategy, "strategy_version": e.strategy_version,
                "partition": e.partition.to_string(), "model": e.model.to_string(), "decision": e.decision, "vec_details": e.parts,
                "tau": e.tau, "validity": e.validity, "provenance": e.provenance, "as_of": e.as_of, "created_at": e.created_at,
                "ttl_sec": e.ttl_sec, "expires_at": e.expires_at(), "tags": e.tags, "truncated": e.cut,
                "generation": e.generation, "quarantine": e.quarantine,
                "vector": vector(&stored.vector), "fresh_vector": vector(&stored.fresh),
            })
        }
        Record::Component(c) => json!({
            "key": record.key().to_string(), "role": c.role, "text": &*c.text, "tags": c.tags, "as_of": c.as_of,
            "created_at": c.created_at, "ttl_sec": c.ttl_sec, "expires_at": c.expires_at(), "meta": c.meta,
            "model": c.model.to_string(), "chunks": c.chunks, "vector": vector(&c.vector),
        }),
        Record::Plan(plan) => json!({
            "key": record.key().to_string(), "created_at": plan.created_at, "asked_by": plan.asked_by, "intent_key": plan.key.to_string(),
            "state": plan.state, "history": plan.history, "asked": plan.asked, "model": &*plan.model, "report": plan.report.as_deref(),
            "failure": plan.failure, "refers_to": plan.refers_to, "handed_to": plan.handed_to, "made_with": plan.made_with,
            "ttl_sec": plan.ttl_sec, "expires_at": plan.expires_at(),
        }),
        Record::Dataset(head) => json!({
            "key": record.key().to_string(), "version": head.version, "created_at": head.created_at, "written_by": head.written_by,
            "columns": head.columns, "rows": head.rows, "hash": head.hash, "window": head.window, "settings": head.settings,
            "report": head.report, "upload": head.upload, "parts": head.parts, "unfinished": head.unfinished,
            "ttl_sec": head.ttl_sec, "expires_at": head.expires_at(),
        }),
        Record::Text(_)
        | Record::Fit(_)
        | Record::Decision(_)
        | Record::TagEnd(_)
        | Record::Judgement(_)
        | Record::Market(_)
        | Record::AuditEvent(_)
        | Record::AuditChain(_)
        | Record::DatasetPart(_)
        | Record::Knowledge(_)
        | Record::Judgeable(_) => {
            return Err("this kind of record has no view".into());
        }
    })
}

/// The latest decisions that were served from an entry, and how many there were.
fn history(store: &dyn Store, tenant: &TenantId, id: &EntryId) -> Result<Value, Failure> {
    let served = served_from(store, tenant, id, HISTORY_SHOWN_MAX)?;
    let told = |d: &DecisionRecord| {
        let asked: Value = serde_json::from_str(d.request.get()).unwrap_or_default();
        json!({"id": d.id, "at": d.at, "text": asked["text"]})
    };
    Ok(json!({"count": served.count, "latest": served.latest.iter().map(told).collect::<Vec<_>>()}))
}

/// How many entries were composed with a component.
fn users(store: &dyn Store, tenant: &TenantId, id: &ComponentId) -> Result<usize, Failure> {
    let mut count = 0;
    store.scan(RecordKind::Entry, &mut |record| {
        if let Ok(Record::Entry(stored)) = record
            && stored.entry.tenant == *tenant
        {
            count += usize::from(stored.entry.parts.iter().any(|part| part.id == id.as_str() && part.role != "fresh"));
        }
        ControlFlow::Continue(())
    })?;
    Ok(count)
}
