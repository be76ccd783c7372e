//! The layers of a service, each with what reads questions about it.

use super::layer::{Layer, LayerError};
use super::words::{Reading, Words};
use crate::domain::field::FieldError;
use jiff::civil::Date;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

/// Layers that are read; each is written by hand, and every question is read by each.
const LAYERS_MAX: usize = 64;

/// The layers by name.
#[derive(Debug, Clone, Default)]
pub struct Library {
    readers: BTreeMap<String, Arc<Reader>>,
}

/// A layer, with what reads questions about it.
#[derive(Debug)]
pub struct Reader {
    /// The layer.
    pub layer: Arc<Layer>,
    /// BLAKE3 of its file: results of another are not reused.
    pub digest: [u8; 32],
    words: Words,
}

impl Reader {
    /// Reads a question that is asked on a day.
    pub fn read(&self, question: &str, as_of: Date) -> Reading {
        self.words.read(question, as_of)
    }

    /// What reads questions.
    pub fn words(&self) -> &Words {
        &self.words
    }
}

impl Library {
    /// Reads every `.yaml` of a folder; none where there is no folder.
    ///
    /// # Errors
    /// [`LayerError`], which names the file.
    pub fn read(folder: &Path) -> Result<Self, LayerError> {
        let unreadable = |source| LayerError::Unreadable { file: folder.to_owned(), source };
        let mut library = Self::default();
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(library),
            Err(error) => return Err(unreadable(error)),
        };
        let mut files: Vec<_> =
            entries.collect::<Result<Vec<_>, _>>().map_err(unreadable)?.into_iter().map(|e| e.path()).collect();
        files.retain(|file| file.extension().is_some_and(|extension| extension == "yaml" || extension == "yml"));
        files.sort();
        for file in files {
            let layer = Layer::load(&file)?;
            let wrong = |detail: String| LayerError::Wrong { file: file.clone(), error: FieldError::new("/name", detail) };
            if library.readers.contains_key(&layer.name) {
                return Err(wrong(format!("there is another layer `{}`", layer.name)));
            }
            if library.readers.len() >= LAYERS_MAX {
                return Err(wrong(format!("there are more than {LAYERS_MAX} layers")));
            }
            let text = fs::read(&file).map_err(|source| LayerError::Unreadable { file: file.clone(), source })?;
            library.add(layer, *blake3::hash(&text).as_bytes());
        }
        Ok(library)
    }

    /// Adds a layer, in place of that of its name.
    pub fn add(&mut self, layer: Layer, digest: [u8; 32]) {
        let layer = Arc::new(layer);
        let reader = Reader { words: Words::new(Arc::clone(&layer)), layer: Arc::clone(&layer), digest };
        self.readers.insert(layer.name.clone(), Arc::new(reader));
    }

    /// The layer of a name.
    pub fn named(&self, name: &str) -> Option<&Arc<Reader>> {
        self.readers.get(name)
    }

    /// All of them, by name.
    pub fn all(&self) -> impl Iterator<Item = &Arc<Reader>> {
        self.readers.values()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.readers.is_empty()
    }

    /// What a question turns out to be: by the first layer that understands it whole, else by the one that comes nearest to that. `None`
    /// where there is no layer.
    pub fn understand(&self, question: &str, as_of: Date) -> Option<(&Arc<Reader>, Reading)> {
        let nearness = |reading: &Reading| match reading {
            Reading::Data(_) => 0,
            Reading::Unanswerable { .. } => 1,
            Reading::Unclear { unplaced, .. } => 1 + unplaced.len(),
            Reading::Conversational => 1_000,
            Reading::OutOfScope { .. } => 1_001,
        };
        self.all().map(|reader| (reader, reader.read(question, as_of))).min_by_key(|(_, reading)| nearness(reading))
    }
}
