//! What a question is about, by its words and by what they mean: the part of the schema that a language model is shown, and what may have
//! been meant by words that had no place.
//!
//! Texts are embedded in the background, once for each text, and until that is done a question is linked by its words alone.

use super::floor::Listed;
use super::{AnalyticsError, DataQuestion};
use crate::admission::Class;
use crate::decide::Decider;
use crate::decide::triage::embedded_texts;
use crate::domain::deadline::Deadline;
use crate::domain::ids::{DatasetName, TenantId};
use crate::domain::text::{FreshText, TextHash};
use crate::domain::vector::UnitVector;
use crate::embed::Embedder;
use crate::engine::analytics::Source;
use crate::engine::analytics::layer::Layer;
use crate::engine::analytics::library::Reader;
use crate::engine::analytics::linking::{Documents, Excerpt, Linked, Linker, Pair, Place};
use crate::engine::analytics::words::{Reading, Unplaced};
use crate::engine::analytics::written::Example;
use crate::warehouse::TableInfo;
use parking_lot::RwLock;
use quick_cache::sync::Cache;
use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Linkers that are held: one for each layer, and for each tenant who has answered questions.
const LINKERS_MAX: usize = 128;

/// Vectors of their texts, of 1.5 kB each, that are held beside them, so that another linker over the same layer embeds only what is new.
const VECTORS_MAX: usize = 16_384;

/// Texts of one linker that are embedded; the rest is found by words alone.
const TEXTS_MAX: usize = 4_096;

/// Links of a question that its part of the schema is made from, as it was measured.
const LINKS_MAX: usize = 20;

/// How long the vector of a question is waited for. Without it the words alone decide.
const MEANT_WITHIN: Duration = Duration::from_millis(500);

/// Words of a question that choices are looked for.
const CHOSEN_MAX: usize = 4;

/// What is offered for one of them.
const CHOICES_MAX: usize = 3;

/// The same with what is spelt a little like it.
const CHOICES_IN_ALL_MAX: usize = 5;

/// Letters at the beginning of a word that make another one near to it.
const ALIKE_CHARS: usize = 4;

/// The linkers of a service.
#[derive(Debug)]
pub(super) struct Links {
    linkers: Cache<[u8; 32], Arc<Link>>,
    vectors: Arc<Cache<TextHash, UnitVector>>,
}

impl Default for Links {
    fn default() -> Self {
        Self { linkers: Cache::new(LINKERS_MAX), vectors: Arc::new(Cache::new(VECTORS_MAX)) }
    }
}

/// One linker: by words alone, until its texts are embedded.
#[derive(Debug)]
struct Link {
    linker: RwLock<Arc<Linker>>,
    begun: AtomicBool,
}

impl Link {
    fn new(layer: &Layer, tables: &[TableInfo], pairs: &[Pair]) -> Self {
        // Values are those that the layer lists, which everyone may see. Cells of a tenant are in no linker.
        let documents = Documents::default().with_layer(layer).with_tables(tables, &BTreeMap::new()).with_pairs(pairs);
        Self { linker: RwLock::new(Arc::new(Linker::new(documents))), begun: AtomicBool::new(false) }
    }

    /// Embeds what has no vector yet, and links by meaning from then on.
    async fn embed(&self, vectors: &Cache<TextHash, UnitVector>, embedder: &dyn Embedder) {
        let linker = (**self.linker.read()).clone();
        let texts: Vec<Option<FreshText>> = linker.texts().map(|text| FreshText::new(text).ok()).collect();
        let known = |text: &FreshText| Some((text.hash(), vectors.get(&text.hash())?));
        let mut found: BTreeMap<TextHash, UnitVector> = texts.iter().flatten().filter_map(known).collect();
        let missing = texts.iter().flatten().take(TEXTS_MAX).filter(|text| !found.contains_key(&text.hash())).cloned().collect();
        for (text, vector) in embedded_texts(missing, embedder).await {
            vectors.insert(text.hash(), vector.clone());
            found.insert(text.hash(), vector);
        }
        let own = texts.iter().map(|text| found.get(&text.as_ref()?.hash()).cloned()).collect();
        *self.linker.write() = Arc::new(linker.with_vectors(own));
    }
}

/// The part of a schema that a language model is shown, of what the caller may see.
#[derive(Debug)]
pub(super) struct Shown {
    pub excerpt: Excerpt,
    /// Questions like it that were answered and found right.
    pub examples: Vec<Example>,
    /// The versions of its tables.
    pub versions: Vec<(String, String)>,
}

impl Shown {
    /// The names of tables and columns that it holds.
    pub fn names(&self) -> BTreeSet<String> {
        let columns = self.excerpt.tables.values().flat_map(|table| table.columns.keys());
        self.excerpt.tables.keys().chain(columns).cloned().collect()
    }
}

impl Decider {
    /// What links questions about a layer and the tables beside it. The first that asks has its texts embedded.
    fn linker(&self, reader: &Reader, listed: &Listed, pairs: &[Pair]) -> Arc<Linker> {
        let links = &self.analyst.links;
        let new = || Ok::<_, Infallible>(Arc::new(Link::new(&reader.layer, &listed.tables, pairs)));
        let Ok(link) = links.linkers.get_or_insert_with(&key(reader, listed, pairs), new);
        if !link.begun.swap(true, Ordering::Relaxed) {
            let (link, vectors, embedder) = (Arc::clone(&link), Arc::clone(&links.vectors), Arc::clone(&self.embedder));
            self.background.spawn(async move { link.embed(&vectors, &*embedder).await });
        }
        Arc::clone(&link.linker.read())
    }

    /// What a text means, where that is known soon.
    async fn vector_of_words(&self, tenant: &TenantId, text: &str, deadline: Deadline) -> Option<UnitVector> {
        let text = FreshText::new(text).ok()?;
        let deadline = Deadline::after(deadline.remaining().min(MEANT_WITHIN));
        self.vector_of(tenant, &text, (Class::Decision, deadline)).await.ok().map(|known| known.vector)
    }

    /// The part of the schema that a question is about; none where it is about nothing that the caller may see.
    pub(super) async fn shown(
        &self,
        question: &DataQuestion,
        reader: &Reader,
        deadline: Deadline,
    ) -> Result<Option<Shown>, AnalyticsError> {
        let source = self.analyst.source.as_ref().ok_or(AnalyticsError::NoWarehouse)?;
        let listed = self.listed(&question.tenant, source, deadline).await?;
        let pairs = self.analyst.pairs(&question.tenant, &reader.layer);
        let linker = self.linker(reader, &listed, &pairs);
        let vector = self.vector_of_words(&question.tenant, &question.text, deadline).await;
        let mut linked = linker.link(&question.text, vector.as_ref(), LINKS_MAX);
        let columns_max = self.analyst.config.written.columns_max;
        linked.extend(all_if_few(&linker, columns_max));
        let excerpt = within(&linker, &linked, (&reader.layer, &listed.tables), columns_max);
        let shows = self.seen_by(question, source).await;
        let sees = |table: &str, column: &str| match &shows {
            Some(gate) => gate.get(table).is_some_and(|columns| columns.contains(column)),
            // In process a tenant sees his own data sets, of which each holds at least the columns of the layer or is refused.
            None => {
                DatasetName::new(table).is_ok_and(|name| self.dataset_version(&question.tenant, &name).is_some())
                    && self.analyst.config.columns.get(table).is_none_or(|rules| rules.sees(&question.role, column))
            }
        };
        let excerpt = seen(excerpt, sees);
        let tables: Vec<String> = excerpt.tables.keys().cloned().collect();
        if tables.is_empty() {
            return Ok(None);
        }
        let versions = self.table_versions(&question.tenant, (&reader.layer, &tables), deadline).await?;
        let example = |id: &String| {
            let pair = pairs.iter().find(|pair| pair.id == *id)?;
            // Somebody else may have asked it, who sees more.
            let seen = pair.columns.iter().all(|(table, column)| sees(table, column));
            seen.then_some(())?;
            Some(Example { question: pair.question.clone(), sql: pair.sql.clone() })
        };
        let examples = excerpt.pairs.iter().filter_map(example).collect();
        Ok(Some(Shown { excerpt, examples, versions }))
    }

    /// What the gate of a server shows the caller.
    async fn seen_by(&self, question: &DataQuestion, source: &Source) -> Option<BTreeMap<String, BTreeSet<String>>> {
        if matches!(source, Source::Filled(_)) {
            return None;
        }
        let floor = self.analyst.floors.of(&question.tenant, source);
        let gate = floor.tables.read().await.gate.clone();
        Some(gate.map(|gate| gate.shows(&question.role)).unwrap_or_default())
    }

    /// The same with what may have been meant by the words that had no place, where the reader of questions knows nothing near to them.
    pub(super) async fn with_choices(&self, question: &DataQuestion, reader: &Reader, reading: Reading) -> Reading {
        let Reading::Unclear { mut unplaced, reason } = reading else { return reading };
        let open = |word: &Unplaced| !has_near(word) && reader.words().is_free(&word.words);
        let asked = unplaced.iter_mut().filter(|word| open(word)).take(CHOSEN_MAX);
        let mut linker = None;
        for word in asked {
            let linker = linker.get_or_insert_with(|| self.linker(reader, &Listed::default(), &[]));
            let vector = self.vector_of_words(&question.tenant, &word.words, question.deadline).await;
            let meant = linker.choices(&word.words, vector.as_ref(), CHOICES_MAX).into_iter().map(|linked| linked.called);
            let mut choices: Vec<String> = meant.collect();
            let spelt: Vec<String> = word.choices.drain(..).filter(|spelt| !choices.contains(spelt)).collect();
            choices.extend(spelt);
            choices.truncate(CHOICES_IN_ALL_MAX);
            word.choices = choices;
        }
        Reading::Unclear { unplaced, reason }
    }
}

/// Whether what is offered for a word already begins as it does: that is nearer than anything of a like meaning. What only has some of its
/// letters is not.
fn has_near(word: &Unplaced) -> bool {
    let beginning = |word: &str| word.to_lowercase().chars().take(ALIKE_CHARS).collect::<String>();
    let own: BTreeSet<String> =
        word.words.split_whitespace().map(beginning).filter(|own| own.chars().count() == ALIKE_CHARS).collect();
    word.choices.iter().flat_map(|choice| choice.split_whitespace()).any(|offered| own.contains(&beginning(offered)))
}

/// What a linker is held by: equal for the same layer, tables and answered questions.
fn key(reader: &Reader, listed: &Listed, pairs: &[Pair]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new_derive_key("instinct 2026 analytics linker");
    hasher.update(&reader.digest).update(&listed.digest);
    for pair in pairs {
        for part in [&pair.id, &pair.question, &pair.sql] {
            hasher.update(&(part.len() as u64).to_le_bytes()).update(part.as_bytes());
        }
    }
    *hasher.finalize().as_bytes()
}

/// Every table, where all columns of all of them have room: what is missing costs more than what is too much.
fn all_if_few(linker: &Linker, columns_max: usize) -> Vec<Linked> {
    let places = || linker.documents().iter().map(|document| (&document.place, &document.called));
    if places().filter(|(place, _)| matches!(place, Place::Column { .. })).count() > columns_max {
        return Vec::new();
    }
    let tables = places().filter(|(place, _)| matches!(place, Place::Table { .. }));
    let link = |(place, called): (&Place, &String)| Linked {
        place: place.clone(),
        called: called.clone(),
        score: 0.0,
        by_words: None,
        by_meaning: None,
        words: Vec::new(),
    };
    tables.map(link).collect()
}

/// The excerpt with at most so many columns, those of keys and joins counted.
fn within(linker: &Linker, linked: &[Linked], (layer, tables): (&Layer, &[TableInfo]), columns_max: usize) -> Excerpt {
    let mut asked = columns_max;
    loop {
        let excerpt = linker.excerpt(linked, (layer, tables), asked);
        let columns: usize = excerpt.tables.values().map(|table| table.columns.len()).sum();
        if columns <= columns_max || asked == 0 {
            return excerpt;
        }
        asked = asked.saturating_sub(columns - columns_max);
    }
}

/// The excerpt without what the caller may not see, be it named in a join or in a definition.
fn seen(mut excerpt: Excerpt, sees: impl Fn(&str, &str) -> bool) -> Excerpt {
    for (table, told) in &mut excerpt.tables {
        told.columns.retain(|column, _| sees(table, column));
    }
    excerpt.tables.retain(|_, told| !told.columns.is_empty());
    let named = |written: &str| written.split_once('.').is_none_or(|(table, column)| sees(table, column));
    excerpt.joins.retain(|(many, one)| named(many) && named(one));
    let tables = &excerpt.tables;
    excerpt.definitions.retain(|defined| {
        let expressions = [Some(&defined.value), defined.condition.as_ref()];
        let names =
            expressions.into_iter().flatten().flat_map(|text| text.split(|c: char| !c.is_alphanumeric() && c != '_' && c != '.'));
        let columns = names.filter(|name| name.starts_with(|c: char| !c.is_ascii_digit()));
        tables.contains_key(&defined.table) && columns.into_iter().all(named)
    });
    excerpt
}

#[cfg(test)]
mod tests;
