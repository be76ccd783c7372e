//! Text to vector: the seam to the embedding model.
//!
//! One text goes in, one vector of length one comes out. Embedding is work for the processor, so it is done by
//! threads of its own behind a bounded queue, and an async caller awaits the reply. The model runs in ONNX Runtime;
//! its twin hashes words, needs no files, and is held to the same contract.
//!
//! Architecture Invariant: a text's vector depends on the text and the [`ModelRef`] alone, bit for bit on one
//! processor. Dynamic int8 takes its scales from the whole batch, so on the CPU nothing is ever batched.
//!
//! What the seam costs: at one caller and 8, 16, 32, 64, 128 and 256 tokens, a caller waited 1.04, 1.02, 1.01, 1.02, 1.01
//! and 1.00 times what the worker spent in tokeniser and model (medians, int8, two shared cores; `benches/embed.rs` prints
//! them). Against the same encoder on the caller's own thread, call by call in turns, it was 1.07 at most. The tokeniser
//! is 1 to 2% of it, so it runs on the worker, where it takes nothing from the threads that answer HTTP.
//!
//! Architecture Invariant: a full queue refuses at once, a job whose deadline has passed is never run, and a long
//! document gives way to fresh texts after each chunk, so a write delays a request by one chunk at most.

#[cfg(test)]
mod contract;
pub mod hashing;
mod manifest;
mod onnx;
mod pieces;
mod pool;
mod queue;
mod runtime;
mod tokens;
mod worker;

pub use manifest::{FileStatus, ModelStatus, Pooling, Precision, inventory};

use crate::domain::component::{Cut, ModelRef};
use crate::domain::deadline::Deadline;
use crate::domain::text::FreshText;
use crate::domain::vector::UnitVector;
use async_trait::async_trait;
use serde::Deserialize;
use std::fmt;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;

/// A model that turns a text into a vector.
///
/// Both methods that embed wait on tokio's timer, so they want a runtime with time enabled.
#[async_trait]
pub trait Embedder: Send + Sync + fmt::Debug {
    /// Which model makes the vectors; those of different models never meet.
    fn model(&self) -> &ModelRef;

    /// Dimensions of every vector.
    fn dim(&self) -> usize;

    /// The vector of a fresh text: the hot path. A text longer than [`Config::max_tokens`] is cut there, and the
    /// answer says so.
    ///
    /// # Errors
    /// [`EmbedError`]; what it says of each cause is all there is.
    async fn embed(&self, text: &FreshText, deadline: Deadline) -> Result<Embedding, EmbedError>;

    /// The vector of a text written ahead: the normalised mean over overlapping chunks of [`Config::chunk_tokens`].
    ///
    /// # Errors
    /// [`EmbedError`]; what it says of each cause is all there is.
    async fn embed_document(&self, text: &FreshText, deadline: Deadline) -> Result<DocumentEmbedding, EmbedError>;

    /// How busy it is.
    fn stats(&self) -> EmbedStats;

    /// Takes no more texts, which are answered [`EmbedError::ShuttingDown`] from now on; those queued are still embedded.
    fn close(&self);
}

/// The vector of a fresh text.
#[derive(Debug, Clone, PartialEq)]
pub struct Embedding {
    /// Of dimension [`Embedder::dim`].
    pub vector: UnitVector,
    /// Where the text was longer than the model was let read; tokens count the marks that the model puts around a text.
    pub cut: Option<Cut>,
    /// Microseconds in the queue.
    pub queue_us: u64,
    /// Microseconds in the tokeniser.
    pub tokenize_us: u64,
    /// Microseconds in the model.
    pub run_us: u64,
}

/// The vector of a document.
#[derive(Debug, Clone, PartialEq)]
pub struct DocumentEmbedding {
    /// The normalised mean of the vectors of its chunks.
    pub vector: UnitVector,
    /// Into how many chunks it was cut, 1 to [`CHUNKS_MAX`](crate::limits::CHUNKS_MAX).
    pub chunks: u32,
    /// Where it had more chunks than are let in. Tokens here count the text alone, for each chunk has marks of its own.
    pub cut: Option<Cut>,
    /// Microseconds in the queue until its first chunk was taken.
    pub queue_us: u64,
    /// Microseconds in the tokeniser.
    pub tokenize_us: u64,
    /// Microseconds in the model, all chunks together.
    pub run_us: u64,
}

/// How busy an embedder is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EmbedStats {
    /// Threads that embed.
    pub workers: usize,
    /// Fresh texts that wait.
    pub queued: usize,
    /// Documents that wait.
    pub queued_documents: usize,
    /// How many of each may wait.
    pub queue_capacity: usize,
}

/// Why a text has no vector. Every cause but [`Self::TextNotEmbeddable`] may be gone when it is tried again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EmbedError {
    /// The queue is full.
    #[error("the embedder is overloaded: {queue_capacity} texts wait already")]
    Overloaded {
        /// How many may wait.
        queue_capacity: usize,
    },
    /// The deadline passed before the vector was there.
    #[error("the deadline passed before the text was embedded")]
    DeadlinePassed,
    /// [`Embedder::close`] was called.
    #[error("the embedder is shutting down")]
    ShuttingDown,
    /// The model failed; text for the log.
    #[error("the embedding model failed: {detail}")]
    Runtime {
        /// What it said.
        detail: String,
    },
    /// The model makes no direction of this text, and never will.
    #[error("the text cannot be embedded: {detail}")]
    TextNotEmbeddable {
        /// What is wrong with it.
        detail: String,
    },
}

/// Where the model is and how it is run.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The model's id in the manifest, or `hashing-384` for the twin that hashes words, of 384 dimensions.
    pub model: String,
    /// The folder that `make setup` fills with ONNX Runtime and the models.
    pub runtime_dir: PathBuf,
    /// A further manifest beside the one compiled in: it adds models, replaces those of the same id, and may name another
    /// build of ONNX Runtime.
    pub manifest: Option<PathBuf>,
    /// Threads that embed, each with a session of its own; 0 is one for each core. On CUDA it is one.
    pub workers: usize,
    /// Fresh texts that may wait, and as many documents; one more is refused.
    pub queue_capacity: usize,
    /// Tokens of a fresh text that are read, the model's own marks among them.
    pub max_tokens: usize,
    /// Tokens of one chunk of a document, the model's own marks among them.
    pub chunk_tokens: usize,
    /// Tokens that a chunk shares with the one before it.
    pub chunk_overlap: usize,
    /// What runs the model.
    pub device: Device,
    /// Texts that one run on CUDA takes together; the CPU always runs one.
    pub batch_size_max: usize,
    /// Whether the SHA-256 of the library and of the model's files is checked when they are opened; about 0.1 s.
    pub verify_checksum: bool,
}

/// What runs the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Device {
    /// The processor.
    Cpu,
    /// The first CUDA device; for builds with the feature `cuda` and the GPU build of ONNX Runtime.
    Cuda,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            model: "all-minilm-l6-v2-int8".to_owned(),
            runtime_dir: PathBuf::from("runtime"),
            manifest: None,
            workers: 0,
            queue_capacity: 1_024,
            max_tokens: 256,
            chunk_tokens: 256,
            chunk_overlap: 64,
            device: Device::Cpu,
            batch_size_max: 32,
            verify_checksum: true,
        }
    }
}

impl Config {
    fn check(&self) -> Result<(), OpenError> {
        for (name, value) in [("queue_capacity", self.queue_capacity), ("batch_size_max", self.batch_size_max)] {
            if value == 0 {
                return Err(OpenError::Setting { name, detail: "0 would refuse every text".to_owned() });
            }
        }
        Ok(())
    }

    fn worker_count(&self) -> usize {
        match self.workers {
            0 => thread::available_parallelism().map_or(1, NonZeroUsize::get),
            workers => workers,
        }
    }
}

/// Why no embedder could be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A setting is out of its range.
    #[error("embed.{name}: {detail}")]
    Setting {
        /// The field of [`Config`].
        name: &'static str,
        /// What is wrong with it.
        detail: String,
    },
    /// A manifest does not read.
    #[error("the model manifest ({path}) does not read: {detail}")]
    Manifest {
        /// Its file, or that it is the one compiled in.
        path: String,
        /// What is wrong with it.
        detail: String,
    },
    /// No manifest names this model.
    #[error("there is no model {id:?}; known are: {known}")]
    UnknownModel {
        /// The id asked for.
        id: String,
        /// The ids there are.
        known: String,
    },
    /// A model's file is not there.
    #[error("{} is missing: run `make setup`", path.display())]
    MissingFile {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// A model's file is not what the manifest says: truncated, changed, or of another version.
    #[error("{} is damaged: {detail}; run `make setup` again", path.display())]
    DamagedFile {
        /// The file.
        path: PathBuf,
        /// How it differs.
        detail: String,
    },
    /// ONNX Runtime could not be loaded.
    #[error("ONNX Runtime {version} could not be loaded from {}: {detail}; run `make setup`", path.display())]
    Library {
        /// The version that the manifest asks for.
        version: String,
        /// Its file.
        path: PathBuf,
        /// What the loader said.
        detail: String,
    },
    /// ONNX Runtime or the tokeniser does not take the model.
    #[error("the model {id} could not be opened: {detail}")]
    Model {
        /// The model's id.
        id: String,
        /// What was said.
        detail: String,
    },
    /// A worker thread could not be started.
    #[error("an embedding thread could not be started: {0}")]
    Thread(std::io::Error),
}

/// Opens the embedder that `config` names. Reads and checks the files and builds a session for each worker, which takes
/// a few hundred milliseconds: call it before serving.
///
/// # Errors
/// [`OpenError`], whose text says what to do.
pub fn open(config: &Config) -> Result<Arc<dyn Embedder>, OpenError> {
    config.check()?;
    if let Some(dim) = config.model.strip_prefix("hashing-").and_then(|dim| dim.parse().ok()) {
        return Ok(Arc::new(hashing::open(dim, config)?));
    }
    Ok(Arc::new(onnx::open(config)?))
}
