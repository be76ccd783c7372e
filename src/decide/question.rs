//! What an engine is asked: the request, with all that was found for it on the way.

use super::Decider;
use super::situation::{Context, Setting};
use crate::domain::deadline::Deadline;
use crate::domain::facts::Facts;
use crate::domain::ids::{ComponentId, TenantId};
use crate::domain::market::{Instrument, Series};
use crate::domain::request::{Caller, Market, PostedSeries, Request};
use crate::domain::vector::UnitVector;
use crate::engine::steps::Steps;
use crate::engine::{ContextText, Question};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The kinds of entity that have a price.
const PRICED: [&str; 5] = ["coin", "company", "commodity", "index", "currency"];

/// What is known of a request by the time an engine may be asked.
#[derive(Debug)]
pub(super) struct Considered<'a> {
    pub caller: &'a Caller,
    pub request: &'a Request,
    pub setting: &'a Setting,
    pub context: &'a Context,
    pub fresh: &'a UnitVector,
    pub facts: Option<Facts>,
}

impl Decider {
    /// The question that a request is.
    pub(super) fn question(&self, considered: &Considered<'_>, deadline: Deadline, steps: Steps) -> Question {
        let Considered { caller, request, setting, context, fresh, facts } = considered;
        let soft = context.soft(&setting.strategy);
        // A slot that names its component takes it whatever its time; an engine must not look past the moment that it decides for.
        let seen = soft.filter(|c| c.as_of <= request.as_of);
        let context = seen.map(|c| ContextText { id: c.id.clone(), role: c.role, text: Arc::clone(&c.text), as_of: c.as_of });
        let (instruments, history) = self.instruments(&caller.tenant, request, facts.as_ref());
        Question {
            tenant: caller.tenant.clone(),
            strategy: request.strategy.clone(),
            text: request.text.clone(),
            as_of: request.as_of,
            fresh: (*fresh).clone(),
            context: context.collect(),
            market: without_bars(&request.market),
            instruments,
            history,
            deadline,
            wanted_by: request.deadline,
            steps,
        }
    }

    /// What a request is about, the likeliest first, and the past prices that are known of it.
    fn instruments(
        &self,
        tenant: &TenantId,
        request: &Request,
        facts: Option<&Facts>,
    ) -> (Vec<Instrument>, BTreeMap<Instrument, Arc<Series>>) {
        let posted = posted(&request.market);
        let mentioned = mentioned(&request.market);
        let (mut instruments, mut history) = (Vec::new(), BTreeMap::new());
        let tags = request.tags.iter().map(|tag| (tag.as_str(), true));
        let entities = facts.into_iter().flat_map(|facts| &facts.entities).filter(|entity| PRICED.contains(&&*entity.kind));
        let read = entities.map(|entity| (entity.id.as_str(), false));
        let said = mentioned.iter().map(|instrument| (instrument.as_str(), false));
        for (name, is_tag) in tags.chain(read).chain(said) {
            let Ok(instrument) = Instrument::new(name) else { continue };
            if instruments.contains(&instrument) {
                continue;
            }
            let held = || self.market.series(tenant, &instrument).map(|series| Series::clone(&series));
            let known = posted.get(&instrument).cloned().or_else(held);
            // A tag is any word; it names an instrument only where something else knows it as one.
            if is_tag && known.is_none() && !mentioned.contains(&instrument) {
                continue;
            }
            let seen = known.map(|series| series.until(request.as_of)).filter(|series| !series.bars().is_empty());
            if let Some(seen) = seen {
                history.insert(instrument.clone(), Arc::new(seen));
            }
            instruments.push(instrument);
        }
        (instruments, history)
    }
}

/// A digest of what an engine looks at besides the text: two requests share a run only where it is the same. Prices are not in it, for they
/// differ from one moment to the next; the bands of the entry judge them.
pub(super) fn circumstances<'a>(request: &Request, context: impl Iterator<Item = &'a ComponentId>) -> blake3::Hash {
    let Market { price: _, regime, position, bars, risk } = &request.market;
    let mut hasher = blake3::Hasher::new_derive_key("instinct circumstances v1");
    // Neither maps nor numbers that were read from JSON can fail to be written as JSON; if they did, nobody would share the run.
    let said = serde_json::to_vec(&(regime, position, bars, risk, &request.tags, &request.engine));
    hasher.update(&said.unwrap_or_else(|_| fastrand::u128(..).to_le_bytes().to_vec()));
    for id in context {
        hasher.update(&[0]).update(id.as_str().as_bytes());
    }
    hasher.finalize()
}

/// The market without its bars: those that an engine may see are in the history.
fn without_bars(market: &Market) -> Market {
    let Market { price, regime, position, bars: _, risk } = market;
    Market { price: price.clone(), regime: regime.clone(), position: position.clone(), bars: BTreeMap::new(), risk: risk.clone() }
}

/// The series that a request brings along. One that doesn't check was refused where the request came in.
fn posted(market: &Market) -> BTreeMap<Instrument, Series> {
    let read = |(name, posted): (&String, &PostedSeries)| Some((Instrument::new(name).ok()?, posted.series().ok()?));
    market.bars.iter().filter_map(read).collect()
}

/// The instruments that the parts of a market name.
fn mentioned(market: &Market) -> BTreeSet<Instrument> {
    let names = market.price.keys().chain(market.position.keys()).chain(market.bars.keys());
    names.filter_map(|name| Instrument::new(name).ok()).collect()
}
