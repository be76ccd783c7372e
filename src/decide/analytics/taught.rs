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
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// What one tenant's people taught, as of one moment.
#[derive(Debug, Default)]
pub struct Taught {
    /// All of it.
    pub knowledge: Knowledge,
    doubts: Doubts,
    // By the layer, what applies to it in short.
    terms: BTreeMap<String, [u8; 32]>,
}

impl Taught {
    fn of(knowledge: &Knowledge) -> Self {
        let layers: BTreeSet<&String> = knowledge.proposals().values().map(|proposal| &proposal.layer).collect();
        let terms = layers.into_iter().filter_map(|layer| Some((layer.clone(), knowledge.terms_digest(layer)?)));
        Self { knowledge: knowledge.clone(), doubts: knowledge.doubts(), terms: terms.collect() }
    }

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
        Arc::clone(held.taught.get_or_insert_with(|| Arc::new(Taught::of(&held.knowledge))))
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
        if taught.terms.is_empty() {
            return Vocabulary { library: Arc::clone(&self.library), left_out: Arc::default() };
        }
        let mut hasher = blake3::Hasher::new_derive_key("instinct 2026 vocabulary");
        taught.terms.values().for_each(|digest| _ = hasher.update(digest));
        let key = (tenant.clone(), *hasher.finalize().as_bytes());
        let make = || Ok::<_, std::convert::Infallible>(self.with_terms(&taught));
        match self.taught.vocabularies.get_or_insert_with(&key, make) {
            Ok(vocabulary) => vocabulary,
            Err(never) => match never {},
        }
    }

    fn with_terms(&self, taught: &Taught) -> Vocabulary {
        let (mut library, mut left_out) = (Library::clone(&self.library), Vec::new());
        for reader in self.library.all() {
            let Some(digest) = taught.terms.get(&reader.layer.name) else { continue };
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::Timestamp;
    use crate::engine::analytics::knowledge::{Act, Meaning, Says, State};
    use crate::engine::analytics::layer::sample;
    use crate::engine::analytics::{Analytics, Config};
    use std::time::Instant;

    fn act(who: &str, at: i64) -> Act {
        Act { who: who.to_owned(), at: Timestamp::from_micros(at) }
    }

    /// Knowledge with so many approved terms.
    fn taught(terms: usize) -> Knowledge {
        let mut knowledge = Knowledge::default();
        let says = Says::Rows { table: "loans".to_owned(), condition: "back_at > due_at".to_owned() };
        for n in 0..terms {
            let meaning = Meaning { comment: "Back after the day due.".to_owned(), says: says.clone() };
            let phrase = format!("zz{}q{}", char::from(b'a' + (n / 20) as u8), char::from(b'a' + (n % 20) as u8)).repeat(3);
            let id = knowledge.propose(&sample::library(), &phrase, meaning, act("ana", 1)).expect("it is proposed");
            knowledge.moved(&id, State::Confirmed, act("ana", 2), false).expect("it is confirmed");
            knowledge.moved(&id, State::Approved, act("otto", 3), true).expect("it is approved");
        }
        knowledge
    }

    #[test]
    fn the_words_of_a_tenant_are_his_alone_and_each_state_of_them_has_a_digest_of_its_own() {
        let mut library = Library::default();
        library.add(Layer::clone(&sample::library()), [7; 32]);
        let analyst = Analyst::new(Some(&Arc::new(Analytics::new(&Config::default(), library))));
        let [one, other] = ["one", "other"].map(|name| TenantId::new(name).expect("a name"));
        let digest = |tenant: &TenantId| analyst.library_of(tenant).named("library").map(|reader| reader.digest);
        assert_eq!(digest(&one), Some([7; 32]));
        let mut knowledge = taught(1);
        analyst.taught.set(&one, knowledge.clone());
        let with = digest(&one);
        assert!(with != Some([7; 32]) && digest(&other) == Some([7; 32]));
        let layer = analyst.library_of(&one).named("library").map(|reader| Arc::clone(&reader.layer)).expect("it is there");
        assert_eq!((layer.version, analyst.reviewed(&layer), layer.glossary.len()), (30_001, 3, 2));
        let id = knowledge.proposals().keys().next().cloned().expect("a term");
        knowledge.moved(&id, State::Withdrawn, act("otto", 4), true).expect("it is withdrawn");
        analyst.taught.set(&one, knowledge);
        assert!(digest(&one) != with && digest(&one) != Some([7; 32]), "what was kept under the word is not taken up again");
    }

    #[test]
    fn as_many_words_as_may_be_are_indexed_in_a_moment() {
        let knowledge = taught(200);
        let began = Instant::now();
        let applied = knowledge.applied(&sample::library()).expect("they apply");
        assert_eq!((applied.left_out.len(), applied.layer.glossary.len()), (0, 201), "{:?}", applied.left_out);
        // Without optimisation, beside other tests; it is done once for each approval, in a thread of its own.
        assert!(began.elapsed().as_secs() < 60, "{:?}", began.elapsed());
    }
}
