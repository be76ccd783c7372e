//! What a data file can't say of itself, in a file beside it.

use super::{Kind, ReadError};
use serde::Deserialize;
use std::path::Path;

/// The companion `<name>.eval.toml` of a data file.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Sidecar {
    /// What the file is.
    pub kind: Option<Kind>,
    /// Whether its pairs share a decision where they don't say so.
    pub same: Option<bool>,
    /// The class of its pairs where they name none.
    pub class: Option<String>,
}

impl Sidecar {
    /// The companion of a file; empty where there is none.
    ///
    /// # Errors
    /// [`ReadError::Sidecar`] where it is there and says something unknown.
    pub fn beside(path: &Path) -> Result<Self, ReadError> {
        let companion = path.with_extension("eval.toml");
        let shown = companion.display().to_string();
        match std::fs::read_to_string(&companion) {
            Ok(text) => toml::from_str(&text).map_err(|error| ReadError::Sidecar { path: shown, detail: error.to_string() }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(ReadError::File { path: shown, error }),
        }
    }
}
