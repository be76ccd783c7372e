//! What the people of each tenant taught, in memory: what the store holds of it, and the layers with the terms that apply.

use super::Analyst;
use crate::domain::ids::TenantId;
use crate::domain::knowledge_record::{KnowledgeKey, KnowledgeRecord};
use crate::engine::analytics::knowledge::{Doubts, Knowledge, LeftOut, VerifiedPair};
use crate::engine::analytics::layer::Layer;
use crate::engine::analytics::library::Library;
use crate::engine::analytics::linking::Pair;
use crate::limits::TAUGHT_LIBRARIES_MAX;
use parking_lot::RwLock;
use quick_cache::sync::Cache;
use std::collections::HashMap;
use std::sync::Arc;

/// What one tenant's people taught, as of one moment.
#[derive(Debug, Default)]
pub struct Taught {
    /// All of it.
    pub knowledge: Knowledge,
    doubts: Doubts,
}

impl Taught {
    /// The answers that were found wrong.
    pub(super) fn doubts(&self) -> &Doubts {
        &self.doubts
    }

    /// A pair that is known to be there.
    pub(super) fn pair(&self, id: &str) -> Option<&Arc<VerifiedPair>> {
        self.knowledge.pairs().get(id)
    }
}

/// The layers of a tenant, with the terms that apply.
#[derive(Debug, Clone)]
pub struct Vocabulary {
    /// The layers.
    pub library: Arc<Library>,
    /// Approved terms that do not apply, with the reason.
    pub left_out: Arc<[LeftOut]>,
}

/// What is held of one tenant.
#[derive(Debug, Default)]
struct Held {
    knowledge: Knowledge,
    // Made when it is next asked for, so that many changes in a row cost one.
    taught: Option<Arc<Taught>>,
}

/// What the people of all tenants taught.
#[derive(Debug)]
pub(super) struct TaughtOfAll {
    by_tenant: RwLock<HashMap<TenantId, Held>>,
    vocabularies: Cache<(TenantId, [u8; 32]), Vocabulary>,
    nothing: Arc<Taught>,
}

impl Default for TaughtOfAll {
    fn default() -> Self {
        Self { by_tenant: RwLock::default(), vocabularies: Cache::new(TAUGHT_LIBRARIES_MAX), nothing: Arc::default() }
    }
}

impl TaughtOfAll {
    fn of(&self, tenant: &TenantId) -> Arc<Taught> {
        match self.by_tenant.read().get(tenant) {
            None => return Arc::clone(&self.nothing),
            Some(Held { taught: Some(taught), .. }) => return Arc::clone(taught),
            Some(Held { taught: None, .. }) => {}
        }
        let mut by_tenant = self.by_tenant.write();
        let Some(held) = by_tenant.get_mut(tenant) else { return Arc::clone(&self.nothing) };
        let make = || Arc::new(Taught { knowledge: held.knowledge.clone(), doubts: held.knowledge.doubts() });
        Arc::clone(held.taught.get_or_insert_with(make))
    }

    pub fn set(&self, tenant: &TenantId, knowledge: Knowledge) {
        self.by_tenant.write().insert(tenant.clone(), Held { knowledge, taught: None });
    }

    /// Takes in one record; one that can't be read is none.
    pub fn put(&self, record: &KnowledgeRecord) {
        let mut by_tenant = self.by_tenant.write();
        let held = by_tenant.entry(record.tenant.clone()).or_default();
        held.taught = None;
        if let Err(error) = held.knowledge.put(record.key, record.version, record.data.get()) {
            tracing::warn!(%error, key = %record.key, "what was taught can't be read and is left out of memory");
        }
    }

    pub fn remove(&self, tenant: &TenantId, key: KnowledgeKey) {
        if let Some(held) = self.by_tenant.write().get_mut(tenant) {
            held.taught = None;
            held.knowledge.remove(key);
        }
    }

    fn keys(&self) -> Vec<(TenantId, KnowledgeKey)> {
        let by_tenant = self.by_tenant.read();
        by_tenant.iter().flat_map(|(tenant, held)| held.knowledge.keys().map(|key| (tenant.clone(), key))).collect()
    }
}

impl Analyst {
    /// What a tenant's people taught.
    pub fn taught(&self, tenant: &TenantId) -> Arc<Taught> {
        self.taught.of(tenant)
    }

    /// The layers as a tenant's questions are read by them: with the terms that his people gave a meaning.
    pub fn library_of(&self, tenant: &TenantId) -> Arc<Library> {
        self.vocabulary(tenant).library
    }

    /// The same with what does not apply. It takes a while where a term has just been approved.
    pub fn vocabulary(&self, tenant: &TenantId) -> Vocabulary {
        let taught = self.taught(tenant);
        let digests: HashMap<&str, [u8; 32]> = self
            .library
            .all()
            .filter_map(|reader| Some((reader.layer.name.as_str(), taught.knowledge.terms_digest(&reader.layer.name)?)))
            .collect();
        if digests.is_empty() {
            return Vocabulary { library: Arc::clone(&self.library), left_out: Arc::default() };
        }
        let mut hasher = blake3::Hasher::new_derive_key("instinct 2026 vocabulary");
        self.library
            .all()
            .filter_map(|reader| digests.get(reader.layer.name.as_str()))
            .for_each(|digest| _ = hasher.update(digest));
        let key = (tenant.clone(), *hasher.finalize().as_bytes());
        let made = self
            .taught
            .vocabularies
            .get_or_insert_with(&key, || Ok::<_, std::convert::Infallible>(self.with_terms(&taught, &digests)));
        match made {
            Ok(vocabulary) => vocabulary,
            Err(never) => match never {},
        }
    }

    fn with_terms(&self, taught: &Taught, digests: &HashMap<&str, [u8; 32]>) -> Vocabulary {
        let (mut library, mut left_out) = (Library::clone(&self.library), Vec::new());
        for reader in self.library.all() {
            let Some(digest) = digests.get(reader.layer.name.as_str()) else { continue };
            match taught.knowledge.applied(&reader.layer) {
                Ok(applied) => {
                    let mut hasher = blake3::Hasher::new_derive_key("instinct 2026 taught layer");
                    hasher.update(&reader.digest).update(digest);
                    library.add(applied.layer, *hasher.finalize().as_bytes());
                    left_out.extend(applied.left_out);
                }
                Err(error) => tracing::warn!(%error, layer = reader.layer.name, "no term applies to a layer"),
            }
        }
        Vocabulary { library: Arc::new(library), left_out: left_out.into() }
    }

    /// Questions that were answered right by this layer, for whoever writes SQL.
    pub fn pairs(&self, tenant: &TenantId, layer: &Layer) -> Vec<Pair> {
        self.taught(tenant).knowledge.usable((&layer.name, self.reviewed(layer)))
    }

    /// The version of a layer as it was reviewed, whatever terms apply to it.
    pub(super) fn reviewed(&self, layer: &Layer) -> u32 {
        self.library.named(&layer.name).map_or(layer.version, |reader| reader.layer.version)
    }

    /// Takes in what the store holds, at the start.
    pub(in crate::decide) fn restore_taught(&self, record: &KnowledgeRecord) {
        self.taught.put(record);
    }

    /// All that memory holds.
    pub(in crate::decide) fn taught_keys(&self) -> Vec<(TenantId, KnowledgeKey)> {
        self.taught.keys()
    }
}
