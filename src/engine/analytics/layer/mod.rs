//! The semantic layer: what the words of a business mean in the tables of a warehouse, read from a YAML file that people review.

mod check;
pub mod expression;
mod model;
mod paths;
mod reader;
#[cfg(test)]
pub mod sample;
#[cfg(test)]
mod tests;

pub use self::model::{
    Absent, Aggregation, Cardinality, ColumnName, ColumnType, Dimension, End, Join, Layer, Measure, Per, Step, Table, Term,
    TimeDimension, Unit,
};
pub use self::paths::{Bridge, Hop};

use crate::domain::field::FieldError;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The longest file that is read, in bytes: a layer is written by hand.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// Why a layer was not read.
#[derive(Debug, thiserror::Error)]
pub enum LayerError {
    /// Its file could not be read.
    #[error("{}: {source}", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It says something that is not so.
    #[error("{}: {error}", file.display())]
    Wrong {
        /// The file.
        file: PathBuf,
        /// What, and where.
        error: FieldError,
    },
}

impl Layer {
    /// Reads the layer in a file.
    ///
    /// # Errors
    /// [`LayerError`] with the file, and the pointer where it is the layer that is wrong.
    pub fn load(file: &Path) -> Result<Self, LayerError> {
        let unreadable = |source| LayerError::Unreadable { file: file.to_owned(), source };
        let size = fs::metadata(file).map_err(unreadable)?.len();
        if size > FILE_BYTES_MAX {
            let error = FieldError::new("", format!("{size} bytes are more than {FILE_BYTES_MAX}"));
            return Err(LayerError::Wrong { file: file.to_owned(), error });
        }
        let text = fs::read_to_string(file).map_err(unreadable)?;
        Self::read(&text).map_err(|error| LayerError::Wrong { file: file.to_owned(), error })
    }

    /// Reads a layer from YAML and checks that all that it names is there.
    ///
    /// # Errors
    /// A [`FieldError`] at the first thing that is wrong.
    pub fn read(text: &str) -> Result<Self, FieldError> {
        // By way of JSON values, so that every error below the syntax has a pointer.
        let value: serde_json::Value =
            serde_saphyr::from_str(text).map_err(|error| FieldError::new("", format!("not YAML: {error}")))?;
        let mut layer: Self = serde_path_to_error::deserialize(value)
            .map_err(|error| FieldError::new(pointer(error.path()), error.inner().to_string()))?;
        check::check(&mut layer)?;
        Ok(layer)
    }

    /// The layer with one more term; what it has already stays as it is.
    ///
    /// # Errors
    /// A [`FieldError`] where there is a term of that name, or the layer would be wrong with it.
    pub fn with_term(&self, name: &str, term: Term) -> Result<Self, FieldError> {
        if self.glossary.contains_key(name) {
            return Err(FieldError::new(format!("/glossary/{name}"), "there is a term of this name"));
        }
        let mut layer = self.clone();
        layer.glossary.insert(name.to_owned(), term);
        check::check(&mut layer)?;
        Ok(layer)
    }
}

fn pointer(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    let mut pointer = String::new();
    for segment in path {
        pointer.push('/');
        match segment {
            Segment::Seq { index } => pointer.push_str(&index.to_string()),
            Segment::Map { key } => pointer.push_str(&key.replace('~', "~0").replace('/', "~1")),
            Segment::Enum { variant } => pointer.push_str(variant),
            Segment::Unknown => pointer.push('?'),
        }
    }
    pointer
}
