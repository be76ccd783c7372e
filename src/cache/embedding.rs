//! The embedding cache: components by id, by tag and time; fresh texts by their hash.

use super::usage::{Usage, Used};
use crate::domain::component::Cut;
use crate::domain::component::{Component, EmbeddedText, Role};
use crate::domain::ids::{ComponentId, TenantId};
use crate::domain::text::TextHash;
use crate::domain::time::Timestamp;
use crate::domain::vector::UnitVector;
use quick_cache::sync::Cache;
use serde::Deserialize;
use std::sync::Arc;

/// How much is remembered.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Vectors of fresh texts kept in memory; the least used leave first. One takes 1.6 kB at 384 dimensions.
    pub texts_max: usize,
    /// Seconds for which the vector of a fresh text is kept in the store.
    pub text_ttl_sec: u64,
    /// Components kept in memory.
    pub components_max: usize,
}

/// The vector of a fresh text.
#[derive(Debug, Clone)]
pub struct KnownText {
    /// Its vector.
    pub vector: UnitVector,
    /// Where the text was longer than the model reads.
    pub cut: Option<Cut>,
}

/// Why a component is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{components_max} components are in memory, which is the limit (embedding_cache.components_max)")]
pub struct Full {
    /// The limit.
    pub components_max: usize,
}

type TagKey = (TenantId, Role, Arc<str>);

/// Components and fresh-text vectors in memory.
#[derive(Debug)]
pub struct EmbeddingCache {
    components_max: usize,
    components: papaya::HashMap<(TenantId, ComponentId), Arc<Component>>,
    builtin: papaya::HashMap<ComponentId, Arc<Component>>,
    // For each tag the components that carry it, the latest first, so that the hot path takes the head of a list.
    by_tag: papaya::HashMap<TagKey, Arc<[Arc<Component>]>>,
    texts: Cache<(TenantId, TextHash), KnownText>,
    usage: Usage,
    writing: parking_lot::Mutex<()>,
}

impl EmbeddingCache {
    /// An empty cache.
    pub fn new(config: &Config) -> Self {
        Self {
            components_max: config.components_max,
            components: papaya::HashMap::new(),
            builtin: papaya::HashMap::new(),
            by_tag: papaya::HashMap::new(),
            texts: Cache::new(config.texts_max),
            usage: Usage::default(),
            writing: parking_lot::Mutex::new(()),
        }
    }

    /// The vector of a text that was embedded before.
    pub fn text(&self, tenant: &TenantId, hash: TextHash) -> Option<KnownText> {
        self.texts.get(&(tenant.clone(), hash))
    }

    /// Remembers the vector of a text.
    pub fn remember_text(&self, tenant: &TenantId, hash: TextHash, known: KnownText) {
        self.texts.insert((tenant.clone(), hash), known);
    }

    /// Remembers the vector of a text that the store held.
    pub fn restore_text(&self, text: EmbeddedText) {
        self.texts.insert((text.tenant, text.text_hash), KnownText { vector: text.vector, cut: text.cut });
    }

    /// The component of this id, unless it has ended: the tenant's own, or else the one that a strategy file brought along.
    pub fn component(&self, tenant: &TenantId, id: &ComponentId, now: Timestamp) -> Option<Arc<Component>> {
        let own = self.components.pin().get(&(tenant.clone(), id.clone())).filter(|c| !c.expired(now)).cloned();
        own.or_else(|| self.builtin.pin().get(id).cloned())
    }

    /// The tenant's own component of this id, whether it has ended or not.
    pub fn own_component(&self, tenant: &TenantId, id: &ComponentId) -> Option<Arc<Component>> {
        self.components.pin().get(&(tenant.clone(), id.clone())).cloned()
    }

    /// The latest components of a role that carry one of the tags, at most `max`, none of them later than `as_of` nor ended at `now`;
    /// the latest first, and in the order of their ids where two are of one moment.
    pub fn latest(&self, of: &Wanted<'_>) -> Vec<Arc<Component>> {
        let by_tag = self.by_tag.pin();
        let mut found: Vec<Arc<Component>> = Vec::new();
        for tag in of.tags {
            let key = (of.tenant.clone(), of.role, Arc::from(tag.as_str()));
            let Some(tagged) = by_tag.get(&key) else { continue };
            let live = tagged.iter().filter(|c| c.as_of <= of.as_of && !c.expired(of.now)).take(of.max);
            found.extend(live.cloned());
        }
        found.sort_by(latest_first);
        found.dedup_by(|a, b| a.id == b.id);
        found.truncate(of.max);
        found
    }

    /// Takes a component in, in place of an earlier one of its id, which is returned.
    ///
    /// # Errors
    /// [`Full`] where the limit is reached and the id is new.
    pub fn put(&self, component: Arc<Component>) -> Result<Option<Arc<Component>>, Full> {
        let _one_writer = self.writing.lock();
        let key = (component.tenant.clone(), component.id.clone());
        let components = self.components.pin();
        let old = components.get(&key).cloned();
        if old.is_none() && components.len() >= self.components_max {
            return Err(Full { components_max: self.components_max });
        }
        components.insert(key, Arc::clone(&component));
        self.usage.changed(&component.tenant, old.as_deref().map(bytes_of), Some(bytes_of(&component)));
        if let Some(old) = &old {
            self.untag(old);
        }
        self.tag(&component);
        Ok(old)
    }

    /// Whether these components would fit; one that takes the place of another needs no room.
    ///
    /// # Errors
    /// [`Full`] where they would not.
    pub fn room_for(&self, components: &[Arc<Component>]) -> Result<(), Full> {
        let known = self.components.pin();
        let more = components.iter().filter(|c| !known.contains_key(&(c.tenant.clone(), c.id.clone()))).count();
        let fits = more == 0 || known.len() + more <= self.components_max;
        if fits { Ok(()) } else { Err(Full { components_max: self.components_max }) }
    }

    /// Makes a component known to every tenant that has none of its id: one that a strategy file brings along.
    pub fn put_builtin(&self, component: Arc<Component>) {
        self.builtin.pin().insert(component.id.clone(), component);
    }

    /// Forgets a component, which is returned.
    pub fn remove(&self, tenant: &TenantId, id: &ComponentId) -> Option<Arc<Component>> {
        let _one_writer = self.writing.lock();
        let old = self.components.pin().remove(&(tenant.clone(), id.clone())).cloned()?;
        self.untag(&old);
        self.usage.changed(tenant, Some(bytes_of(&old)), None);
        Some(old)
    }

    /// Forgets all that ended at `now`, and returns it.
    pub fn expire(&self, now: Timestamp) -> Vec<Arc<Component>> {
        let _one_writer = self.writing.lock();
        let components = self.components.pin();
        let ended: Vec<_> = components.values().filter(|c| c.expired(now)).cloned().collect();
        for component in &ended {
            components.remove(&(component.tenant.clone(), component.id.clone()));
            self.usage.changed(&component.tenant, Some(bytes_of(component)), None);
            self.untag(component);
        }
        ended
    }

    /// The ids of all components that tenants wrote.
    pub fn ids(&self) -> Vec<(TenantId, ComponentId)> {
        self.components.pin().keys().cloned().collect()
    }

    /// The components of a tenant, and the bytes that they take.
    pub fn used(&self, tenant: &TenantId) -> Used {
        self.usage.of(tenant)
    }

    /// The same of every tenant.
    pub fn used_by_all(&self) -> Vec<(TenantId, Used)> {
        self.usage.all()
    }

    /// What a tenant would hold more of with these components; those that take the place of another count for the difference.
    pub fn more_with(&self, components: &[Arc<Component>]) -> Used {
        let more = |new: &Arc<Component>| match self.own_component(&new.tenant, &new.id) {
            Some(old) => Used { count: 0, bytes: bytes_of(new).saturating_sub(bytes_of(&old)) },
            None => Used { count: 1, bytes: bytes_of(new) },
        };
        components.iter().map(more).fold(Used::default(), |sum, more| sum + more)
    }

    /// How many components are in memory.
    pub fn len(&self) -> usize {
        self.components.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.components.is_empty()
    }

    fn tag(&self, component: &Arc<Component>) {
        let by_tag = self.by_tag.pin();
        for key in tag_keys(component) {
            let mut tagged: Vec<_> = by_tag.get(&key).map(|list| list.to_vec()).unwrap_or_default();
            tagged.push(Arc::clone(component));
            tagged.sort_by(latest_first);
            by_tag.insert(key, tagged.into());
        }
    }

    fn untag(&self, component: &Arc<Component>) {
        let by_tag = self.by_tag.pin();
        for key in tag_keys(component) {
            let left: Vec<_> = by_tag
                .get(&key)
                .map(|list| list.iter().filter(|c| !Arc::ptr_eq(c, component)).cloned().collect())
                .unwrap_or_default();
            if left.is_empty() {
                by_tag.remove(&key);
            } else {
                by_tag.insert(key, left.into());
            }
        }
    }
}

/// Which components a slot wants.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// Of which tenant.
    pub tenant: &'a TenantId,
    /// Of which role.
    pub role: Role,
    /// With one of these tags.
    pub tags: &'a [String],
    /// Not later than this.
    pub as_of: Timestamp,
    /// Not ended at this moment.
    pub now: Timestamp,
    /// At most so many.
    pub max: usize,
}

/// Bytes of memory that a component takes, about.
fn bytes_of(component: &Component) -> u64 {
    const PLACES: usize = 512;
    let meta = if component.meta.is_empty() { 0 } else { serde_json::to_string(&component.meta).map_or(0, |json| json.len()) };
    let tags: usize = component.tags.iter().map(|tag| tag.len() + 64).sum();
    (component.text.len() + meta + tags + component.vector.dim() * 4 + PLACES) as u64
}

fn latest_first(a: &Arc<Component>, b: &Arc<Component>) -> std::cmp::Ordering {
    b.as_of.cmp(&a.as_of).then_with(|| a.id.cmp(&b.id))
}

fn tag_keys(component: &Component) -> impl Iterator<Item = TagKey> {
    let mut tags: Vec<&String> = component.tags.iter().collect();
    tags.sort_unstable();
    tags.dedup();
    tags.into_iter().map(|tag| (component.tenant.clone(), component.role, Arc::from(tag.as_str())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::component::ModelRef;
    use crate::domain::text::FreshText;

    fn cache() -> EmbeddingCache {
        EmbeddingCache::new(&Config { texts_max: 10, text_ttl_sec: 60, components_max: 3 })
    }

    fn at(day: u8) -> Timestamp {
        Timestamp::parse(&format!("2026-01-{day:02}T00:00:00Z")).unwrap()
    }

    fn component(id: &str, tags: &[&str], day: u8) -> Arc<Component> {
        Arc::new(Component {
            tenant: TenantId::default_tenant(),
            id: ComponentId::new(id).unwrap(),
            role: Role::Context,
            text: id.into(),
            text_hash: FreshText::new(id).unwrap().hash(),
            tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
            as_of: at(day),
            created_at: at(day),
            ttl_sec: Some(20 * 86_400),
            meta: serde_json::Map::new(),
            model: ModelRef { id: "m".into(), revision: "1".into() },
            vector: UnitVector::normalised(vec![1.0, 2.0]).unwrap(),
            chunks: 1,
        })
    }

    fn latest(cache: &EmbeddingCache, tags: &[&str], as_of: Timestamp, max: usize) -> Vec<String> {
        let tags: Vec<String> = tags.iter().map(|tag| (*tag).to_owned()).collect();
        let tenant = TenantId::default_tenant();
        let wanted = Wanted { tenant: &tenant, role: Role::Context, tags: &tags, as_of, now: at(20), max };
        cache.latest(&wanted).iter().map(|c| c.id.to_string()).collect()
    }

    #[test]
    fn the_latest_by_tag_come_first_and_never_from_after_the_question() {
        let cache = cache();
        for (id, tags, day) in [("a", &["ETH", "BTC"][..], 1), ("b", &["ETH"], 5), ("c", &["BTC"], 9)] {
            cache.put(component(id, tags, day)).unwrap();
        }
        assert_eq!(latest(&cache, &["ETH"], at(20), 5), ["b", "a"]);
        assert_eq!(latest(&cache, &["BTC", "ETH"], at(20), 2), ["c", "b"]);
        assert_eq!(latest(&cache, &["BTC", "ETH"], at(20), 5), ["c", "b", "a"], "one that carries both tags is named once");
        assert_eq!(latest(&cache, &["BTC", "ETH"], at(4), 5), ["a"]);
        assert!(latest(&cache, &["SOL"], at(20), 5).is_empty() && latest(&cache, &[], at(20), 5).is_empty());
    }

    #[test]
    fn what_is_overwritten_removed_or_ended_is_not_found_by_its_tags() {
        let cache = cache();
        cache.put(component("a", &["ETH"], 1)).unwrap();
        cache.put(component("a", &["BTC"], 2)).unwrap();
        assert!(latest(&cache, &["ETH"], at(20), 5).is_empty());
        assert_eq!(latest(&cache, &["BTC"], at(20), 5), ["a"]);
        assert_eq!(cache.expire(at(21)).len(), 0);
        assert_eq!(cache.expire(at(22)).len(), 1);
        assert!(latest(&cache, &["BTC"], at(20), 5).is_empty() && cache.is_empty());
    }

    #[test]
    fn a_full_cache_takes_a_known_id_and_refuses_a_new_one() {
        let cache = cache();
        for id in ["a", "b", "c"] {
            cache.put(component(id, &[], 1)).unwrap();
        }
        assert!(cache.put(component("a", &[], 2)).is_ok());
        assert_eq!(cache.put(component("d", &[], 2)).unwrap_err(), Full { components_max: 3 });
        let (tenant, used) = (TenantId::default_tenant(), |cache: &EmbeddingCache| cache.used(&TenantId::default_tenant()));
        let more = cache.more_with(&[component("a", &[], 3), component("d", &[], 2)]);
        assert_eq!((used(&cache).count, more.count), (3, 1));
        for id in ["a", "b", "c"] {
            cache.remove(&tenant, &ComponentId::new(id).unwrap());
        }
        assert_eq!(used(&cache), Used::default());
    }

    #[test]
    fn a_tenants_own_component_stands_before_the_one_that_a_strategy_brings() {
        let cache = cache();
        let (tenant, id) = (TenantId::default_tenant(), ComponentId::new("a").unwrap());
        cache.put_builtin(component("a", &["built-in"], 1));
        let tag = |cache: &EmbeddingCache| cache.component(&tenant, &id, at(2)).map(|c| c.tags[0].clone());
        assert_eq!(tag(&cache).as_deref(), Some("built-in"));
        cache.put(component("a", &["own"], 1)).unwrap();
        assert_eq!(tag(&cache).as_deref(), Some("own"));
        cache.remove(&tenant, &id);
        assert_eq!(tag(&cache).as_deref(), Some("built-in"));
    }
}
