//! The manifest: which models there are, where their files lie under the runtime folder, and what those must contain.
//!
//! One manifest is compiled in. A further one, named by [`Config::manifest`], adds models or replaces them, so a model is
//! added by an entry alone.

use super::{Config, OpenError};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

const COMPILED_IN: &str = include_str!("../../models/manifest.toml");

/// The compiled-in manifest with what a further file added.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Manifest {
    /// ONNX Runtime.
    pub runtime: Library,
    #[serde(rename = "model")]
    models: Vec<Model>,
    #[expect(dead_code, reason = "read by who solves; a field here, for unknown fields are refused")]
    #[serde(rename = "solver", default)]
    solvers: serde::de::IgnoredAny,
}

/// A further manifest: it may leave ONNX Runtime as it is.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Further {
    runtime: Option<Library>,
    #[serde(rename = "model", default)]
    models: Vec<Model>,
}

/// ONNX Runtime.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Library {
    /// Its version.
    pub version: String,
    #[expect(dead_code, reason = "for who reads the manifest; a field here, for unknown fields are refused")]
    licence: String,
    /// The shared library; size and checksum are those for x86-64.
    pub file: FileRef,
    /// What it contains on 64-bit ARM, where its path is the same.
    aarch64: Option<Content>,
}

/// An embedding model.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Model {
    /// Its name in settings and records.
    pub id: String,
    /// Which bytes of it; another revision makes other vectors.
    pub revision: String,
    /// What its weights are made of.
    pub precision: Precision,
    /// Dimensions of its vectors.
    pub dim: usize,
    /// Tokens that it reads, its marks among them.
    pub tokens_max: usize,
    /// How the vectors of the tokens become one, in the graph itself.
    pub pooling: Pooling,
    /// What the model was trained to see before each text, such as `query: `; often nothing.
    #[serde(default)]
    pub prefix: String,
    /// Under which terms it comes.
    pub licence: String,
    /// The ONNX graph.
    pub model: FileRef,
    /// Its `tokenizer.json`.
    pub tokenizer: FileRef,
}

/// What a model's weights are made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// 32-bit floats.
    Fp32,
    /// 8-bit integers, scaled anew for each run.
    Int8,
}

/// How the vectors of the tokens become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Pooling {
    /// Their mean.
    Mean,
    /// The one of the first token.
    Cls,
}

/// A file and what it must contain.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FileRef {
    /// Relative to the runtime folder.
    pub path: PathBuf,
    bytes: u64,
    sha256: String,
}

/// What a file must contain.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    bytes: u64,
    sha256: String,
}

/// One model for the operator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ModelStatus {
    /// Its name in settings and records.
    pub id: String,
    /// Which bytes of it.
    pub revision: String,
    /// Dimensions of its vectors.
    pub dim: usize,
    /// What its weights are made of.
    pub precision: Precision,
    /// How the vectors of the tokens become one.
    pub pooling: Pooling,
    /// What is put before each text.
    pub prefix: String,
    /// Under which terms it comes.
    pub licence: String,
    /// All that it needs: ONNX Runtime, the graph and the tokeniser.
    pub files: Vec<FileStatus>,
}

/// One file for the operator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileStatus {
    /// Where it is looked for.
    pub path: PathBuf,
    /// Whether it is there, whatever is in it.
    pub present: bool,
    /// Whether size and SHA-256 are those of the manifest; true of a library for a processor that the manifest does not know.
    pub checksum_ok: bool,
}

/// Every model of the manifest, with its files read through and checked; about 0.1 s for each 90 MB.
///
/// # Errors
/// [`OpenError::Manifest`] where the further manifest cannot be read.
pub fn inventory(config: &Config) -> Result<Vec<ModelStatus>, OpenError> {
    let manifest = read(config.manifest.as_deref())?;
    let runtime = manifest.runtime.status(&config.runtime_dir);
    Ok(manifest.models.into_iter().map(|model| model.status(&config.runtime_dir, &runtime)).collect())
}

/// Reads the compiled-in manifest, and a further one over it.
pub(super) fn read(further: Option<&Path>) -> Result<Manifest, OpenError> {
    let fault = |path: &str, detail: String| OpenError::Manifest { path: path.to_owned(), detail };
    let mut manifest: Manifest = toml::from_str(COMPILED_IN).map_err(|error| fault("compiled in", error.to_string()))?;
    if let Some(path) = further {
        let name = path.display().to_string();
        let text = fs::read_to_string(path).map_err(|error| fault(&name, error.to_string()))?;
        let added: Further = toml::from_str(&text).map_err(|error| fault(&name, error.to_string()))?;
        manifest.models.retain(|model| added.models.iter().all(|other| other.id != model.id));
        manifest.models.extend(added.models);
        manifest.runtime = added.runtime.unwrap_or(manifest.runtime);
    }
    Ok(manifest)
}

impl Manifest {
    /// The model of this id.
    pub(super) fn find(&self, id: &str) -> Result<&Model, OpenError> {
        self.models.iter().find(|model| model.id == id).ok_or_else(|| OpenError::UnknownModel {
            id: id.to_owned(),
            known: self.models.iter().map(|model| model.id.as_str()).collect::<Vec<_>>().join(", "),
        })
    }
}

impl Library {
    /// Checks the file, where the manifest knows what it contains on this processor.
    pub(super) fn check(&self, runtime_dir: &Path) -> Result<(), OpenError> {
        self.expected().map_or(Ok(()), |file| file.read(runtime_dir, true).map(drop))
    }

    fn expected(&self) -> Option<FileRef> {
        let path = self.file.path.clone();
        match std::env::consts::ARCH {
            "x86_64" => Some(self.file.clone()),
            "aarch64" => self.aarch64.clone().map(|Content { bytes, sha256 }| FileRef { path, bytes, sha256 }),
            _ => None,
        }
    }

    fn status(&self, runtime_dir: &Path) -> FileStatus {
        let path = runtime_dir.join(&self.file.path);
        let present = path.is_file();
        FileStatus { path, present, checksum_ok: present && self.check(runtime_dir).is_ok() }
    }
}

impl Model {
    fn status(self, runtime_dir: &Path, runtime: &FileStatus) -> ModelStatus {
        let files = vec![runtime.clone(), self.model.status(runtime_dir), self.tokenizer.status(runtime_dir)];
        let Self { id, revision, dim, precision, pooling, prefix, licence, .. } = self;
        ModelStatus { id, revision, dim, precision, pooling, prefix, licence, files }
    }
}

impl FileRef {
    /// The file's bytes, checked; what is checked is what is used, so nothing can change in between.
    pub(super) fn read(&self, runtime_dir: &Path, verify_checksum: bool) -> Result<Vec<u8>, OpenError> {
        let path = runtime_dir.join(&self.path);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(OpenError::MissingFile { path }),
            Err(error) => return Err(OpenError::DamagedFile { path, detail: error.to_string() }),
        };
        match self.flaw(&bytes, verify_checksum) {
            None => Ok(bytes),
            Some(detail) => Err(OpenError::DamagedFile { path, detail }),
        }
    }

    /// What is wrong with these bytes.
    fn flaw(&self, bytes: &[u8], verify_checksum: bool) -> Option<String> {
        if bytes.len() as u64 != self.bytes {
            return Some(format!("it has {} bytes instead of {}", bytes.len(), self.bytes));
        }
        if !verify_checksum {
            return None;
        }
        let sha256 = hex::encode(Sha256::digest(bytes));
        (sha256 != self.sha256).then(|| format!("its SHA-256 is {sha256} instead of {}", self.sha256))
    }

    fn status(&self, runtime_dir: &Path) -> FileStatus {
        let path = runtime_dir.join(&self.path);
        let present = path.is_file();
        let checksum_ok = present && self.read(runtime_dir, true).is_ok();
        FileStatus { path, present, checksum_ok }
    }
}

#[cfg(test)]
mod tests {
    use super::super::contract::runtime_dir;
    use super::*;

    const ENTRY: &str = r#"
[[model]]
id = "all-minilm-l6-v2-int8"
revision = "of-our-own"
precision = "int8"
dim = 384
tokens_max = 512
pooling = "mean"
licence = "Apache-2.0"
model = { path = "own/model.onnx", bytes = 1, sha256 = "00" }
tokenizer = { path = "all-minilm-l6-v2/tokenizer.json", bytes = 466247, sha256 = "00" }
"#;

    fn config(further: &str) -> (tempfile::TempDir, Config) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("models.toml");
        fs::write(&path, further).unwrap();
        (folder, Config { manifest: Some(path), runtime_dir: runtime_dir(), ..Config::default() })
    }

    #[test]
    fn the_models_compiled_in_are_found_whole_in_the_runtime_folder() {
        let models = inventory(&Config { runtime_dir: runtime_dir(), ..Config::default() }).unwrap();
        assert!(models.iter().any(|model| model.id == Config::default().model));
        for file in models.iter().flat_map(|model| &model.files) {
            assert!(file.present && file.checksum_ok, "{} is not as the manifest says: run `make setup`", file.path.display());
        }
    }

    #[test]
    fn a_further_manifest_replaces_a_model_of_the_same_id_and_keeps_the_others() {
        let (_folder, config) = config(ENTRY);
        let models = inventory(&config).unwrap();
        let replaced: Vec<_> = models.iter().filter(|model| model.id == "all-minilm-l6-v2-int8").collect();
        assert_eq!(replaced.len(), 1);
        assert_eq!(replaced[0].revision, "of-our-own");
        let seen: Vec<_> = replaced[0].files.iter().map(|file| (file.present, file.checksum_ok)).collect();
        assert_eq!(seen, [(true, true), (false, false), (true, false)]);
        assert!(models.iter().any(|model| model.id == "all-minilm-l6-v2-fp32"));
    }

    #[test]
    fn an_unknown_field_is_refused_with_the_name_of_the_file() {
        let (_folder, config) = config(&ENTRY.replace("revision", "revison"));
        let error = inventory(&config).unwrap_err().to_string();
        assert!(error.contains("models.toml") && error.contains("revison"), "{error}");
    }

    #[test]
    fn an_unknown_model_is_answered_with_the_known_ones() {
        let error = read(None).unwrap().find("bge-m3").map(|model| panic!("{model:?}")).unwrap_err().to_string();
        assert!(error.contains("bge-m3") && error.contains("all-minilm-l6-v2-int8"), "{error}");
    }
}
