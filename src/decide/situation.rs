//! From a text to the place where its neighbours are: which partition, which context, which composed vector.

use super::{DecideError, Decider};
use crate::cache::embedding::Wanted;
use crate::compose::{self, Piece};
use crate::domain::component::{Component, ModelRef};
use crate::domain::entry::{Entry, Part};
use crate::domain::ids::{ComponentId, StrategyName, TenantId};
use crate::domain::partition::PartitionKey;
use crate::domain::strategy::{Binding, SlotSource, Strategy};
use crate::domain::time::Timestamp;
use crate::domain::vector::UnitVector;
use std::sync::Arc;

/// What a strategy needs of the components, found once for each request.
#[derive(Debug)]
pub(super) struct Setting {
    pub strategy: Arc<Strategy>,
    pub partition: PartitionKey,
}

/// By what soft context is chosen.
#[derive(Debug, Clone, Copy)]
pub(super) struct ContextChoice<'a> {
    pub tenant: &'a TenantId,
    pub tags: &'a [String],
    pub named: &'a [ComponentId],
    pub as_of: Timestamp,
    pub now: Timestamp,
}

/// The components that fill the slots of a strategy, in the order of the slots; the fresh slot has none.
#[derive(Debug)]
pub(super) struct Context {
    filled: Vec<Vec<Arc<Component>>>,
}

impl Decider {
    /// Finds the strategy and the partition.
    pub(super) fn setting(&self, tenant: &TenantId, strategy: &Arc<Strategy>, now: Timestamp) -> Result<Setting, DecideError> {
        let mut partition = self.whole_partition(tenant, strategy, (self.embedder.model(), now))?;
        if let Some(projection) = self.strategies.projections.get(&strategy.name) {
            partition = partition.projected(&projection.digest);
        }
        Ok(Setting { strategy: Arc::clone(strategy), partition })
    }

    /// The partition of a strategy under a model, for vectors that lost no dimensions.
    pub(super) fn whole_partition(
        &self,
        tenant: &TenantId,
        strategy: &Strategy,
        (model, now): (&ModelRef, Timestamp),
    ) -> Result<PartitionKey, DecideError> {
        let hard = strategy
            .hard_components()
            .map(|id| {
                let component = self
                    .embeddings
                    .component(tenant, id, now)
                    .ok_or_else(|| DecideError::MissingComponent { strategy: strategy.name.clone(), component: id.clone() })?;
                Ok((id.clone(), component.text_hash))
            })
            .collect::<Result<Vec<_>, DecideError>>()?;
        Ok(PartitionKey::new(tenant, strategy, model, &hard))
    }

    /// The partition of a strategy for a tenant.
    ///
    /// # Errors
    /// [`DecideError`] where the strategy or a component of one of its hard slots is not there.
    pub fn partition_of(&self, tenant: &TenantId, strategy: &StrategyName) -> Result<PartitionKey, DecideError> {
        Ok(self.setting_of(tenant, strategy)?.partition)
    }

    /// As [`Self::setting`], of a strategy by its name.
    pub(super) fn setting_of(&self, tenant: &TenantId, strategy: &StrategyName) -> Result<Setting, DecideError> {
        self.setting(tenant, self.strategies.named(strategy)?, self.clock.now())
    }

    /// Chooses the components for every slot.
    pub(super) fn context(&self, strategy: &Strategy, choice: &ContextChoice<'_>) -> Result<Context, DecideError> {
        let named = choice
            .named
            .iter()
            .map(|id| {
                let found = self.embeddings.component(choice.tenant, id, choice.now);
                found.ok_or_else(|| DecideError::UnknownComponent { component: id.clone() })
            })
            .collect::<Result<Vec<_>, _>>()?;
        let fill = |source: &SlotSource| match source {
            SlotSource::Fresh => Vec::new(),
            SlotSource::Component { id, .. } => self.embeddings.component(choice.tenant, id, choice.now).into_iter().collect(),
            SlotSource::Latest { role, max } if choice.named.is_empty() => self.embeddings.latest(&Wanted {
                tenant: choice.tenant,
                role: *role,
                tags: choice.tags,
                as_of: choice.as_of,
                now: choice.now,
                max: *max,
            }),
            SlotSource::Latest { role, max } => {
                named.iter().filter(|c| c.role == *role && c.as_of <= choice.as_of).take(*max).cloned().collect()
            }
        };
        Ok(Context { filled: strategy.slots.iter().map(|slot| fill(&slot.source)).collect() })
    }

    /// The components that an entry was composed with, and whether one of them is gone.
    pub(super) fn context_of(&self, strategy: &Strategy, entry: &Entry, now: Timestamp) -> (Context, bool) {
        let (mut parts, mut gone) = (entry.parts.iter().peekable(), false);
        let mut filled = Vec::new();
        for slot in &strategy.slots {
            // The parts of an entry are listed in the order of the slots.
            let room = match &slot.source {
                SlotSource::Fresh | SlotSource::Component { .. } => 1,
                SlotSource::Latest { max, .. } => *max,
            };
            let meant = |part: &&Part| match &slot.source {
                SlotSource::Component { id, .. } => part.id == id.as_str(),
                SlotSource::Fresh | SlotSource::Latest { .. } => part.role == slot.source.role_name(),
            };
            let mut components = Vec::new();
            for part in std::iter::from_fn(|| parts.next_if(meant)).take(room) {
                if slot.source == SlotSource::Fresh {
                    continue;
                }
                let found = ComponentId::new(&part.id).ok().and_then(|id| self.embeddings.component(&entry.tenant, &id, now));
                gone |= found.is_none();
                components.extend(found);
            }
            filled.push(components);
        }
        (Context { filled }, gone || parts.next().is_some())
    }

    /// Composes the fresh vector with its context, in as many dimensions as the strategy's projection leaves.
    pub(super) fn compose(&self, strategy: &Strategy, context: &Context, fresh: &UnitVector) -> Result<UnitVector, DecideError> {
        let slots: Vec<Option<UnitVector>> = strategy
            .slots
            .iter()
            .zip(&context.filled)
            .map(|(slot, filled)| match (&slot.source, filled.as_slice()) {
                (SlotSource::Fresh, _) => Some(fresh.clone()),
                (_, []) => None,
                (_, [one]) => Some(one.vector.clone()),
                (_, many) => compose::mean(many.iter().map(|c| &c.vector)),
            })
            .collect();
        let pieces: Vec<Piece<'_>> =
            strategy.slots.iter().zip(&slots).map(|(slot, v)| Piece { vector: v.as_ref(), weight: slot.weight }).collect();
        let composed = compose::compose(strategy.composition, &pieces, self.embedder.dim()).ok_or(DecideError::NoDirection)?;
        match self.strategies.projections.get(&strategy.name) {
            Some(projection) => projection.apply(&composed).ok_or(DecideError::NoDirection),
            None => Ok(composed),
        }
    }
}

impl Context {
    /// What a vector composed with this context is made of, as the record lists it.
    pub(super) fn parts(&self, strategy: &Strategy, fresh_id: &str) -> Vec<Part> {
        let mut parts = Vec::new();
        for (slot, filled) in strategy.slots.iter().zip(&self.filled) {
            let part = |id: &str, weight| Part { role: slot.source.role_name().to_owned(), id: id.to_owned(), weight };
            if slot.source == SlotSource::Fresh {
                parts.push(part(fresh_id, slot.weight));
            }
            // The slot's weight is shared among the components that fill it together.
            parts.extend(filled.iter().map(|c| part(c.id.as_str(), slot.weight / filled.len() as f32)));
        }
        parts
    }

    /// The ids of the components in soft slots.
    pub(super) fn soft_ids<'a>(&'a self, strategy: &'a Strategy) -> impl Iterator<Item = &'a ComponentId> {
        self.soft(strategy).map(|c| &c.id)
    }

    /// The components in soft slots, in the order of the slots.
    pub(super) fn soft<'a>(&'a self, strategy: &'a Strategy) -> impl Iterator<Item = &'a Arc<Component>> {
        let soft = strategy.slots.iter().zip(&self.filled).filter(|(slot, _)| slot.bind == Binding::Soft);
        soft.flat_map(|(_, filled)| filled)
    }

    /// The components in all slots, in the order of the slots.
    pub(super) fn all(&self) -> impl Iterator<Item = &Arc<Component>> {
        self.filled.iter().flatten()
    }

    /// The component that stands next to the fresh text in a prompt: of the last soft slot that is filled the first, which is the latest
    /// where time chose them. What all prompts of a partition share is never it.
    pub(super) fn nearest<'a>(&'a self, strategy: &'a Strategy) -> Option<&'a Arc<Component>> {
        let soft = strategy.slots.iter().zip(&self.filled).filter(|(slot, _)| slot.bind == Binding::Soft);
        soft.filter_map(|(_, filled)| filled.first()).next_back()
    }

    /// The ids of all components.
    pub(super) fn ids(&self) -> impl Iterator<Item = &ComponentId> {
        self.all().map(|c| &c.id)
    }
}
