//! The catalogue: one file for each case says what is asked, of which data, by which method, and how the numbers are put into words.
//!
//! Adding a case is adding a file to `cases/`, or to the folder that the settings name; unknown keys are refused, and an error names the
//! file and the key.

mod case;
mod condition;
mod parameter;
mod path;
mod schema;
mod sentence;

pub use case::{Case, Headline, Input, UsedBy};
pub use condition::{Condition, DoubtRule};
pub use parameter::{Kind, Parameter, Parameters, key_of, of_percent};
pub use path::{Path, Scope};
pub use schema::Schema;
pub use sentence::{Moment, Sentence, Unsaid};

use super::method::Method;
use crate::domain::field::FieldError;
use crate::limits::NUMERIC_CASES_MAX;
use std::collections::BTreeMap;
use std::path::Path as FilePath;
use std::sync::Arc;

/// Where the methods that entries name are found.
pub type Named<'a> = &'a dyn Fn(&str) -> Option<Arc<dyn Method>>;

/// All cases by id.
#[derive(Debug, Clone, Default)]
pub struct Catalogue {
    cases: BTreeMap<Arc<str>, Arc<Case>>,
}

impl Catalogue {
    /// The cases that are compiled in.
    ///
    /// # Errors
    /// A [`FieldError`] that names the case and the key.
    pub fn built_in() -> Result<Self, FieldError> {
        let mut catalogue = Self::default();
        for (at, text) in super::cases::BUILT_IN.iter().enumerate() {
            catalogue.add(&format!("built-in case {}", at + 1), text, &super::methods::named)?;
        }
        Ok(catalogue)
    }

    /// Adds every `*.toml` of a folder, in the order of their names. One that has the id of a case that is there takes its place.
    ///
    /// # Errors
    /// A [`FieldError`] that names the file and the key.
    pub fn add_folder(&mut self, folder: &FilePath, named: Named<'_>) -> Result<(), FieldError> {
        let unreadable =
            |path: &FilePath, error: std::io::Error| FieldError::new(format!("/{}", path.display()), error.to_string());
        let mut paths = Vec::new();
        for item in std::fs::read_dir(folder).map_err(|error| unreadable(folder, error))? {
            let path = item.map_err(|error| unreadable(folder, error))?.path();
            if path.extension().is_some_and(|extension| extension == "toml") {
                paths.push(path);
            }
        }
        paths.sort();
        for path in paths {
            let text = std::fs::read_to_string(&path).map_err(|error| unreadable(&path, error))?;
            self.add(&path.display().to_string(), &text, named)?;
        }
        Ok(())
    }

    /// Adds the case of one entry.
    ///
    /// # Errors
    /// A [`FieldError`] whose pointer begins with `file`.
    pub fn add(&mut self, file: &str, text: &str, named: Named<'_>) -> Result<(), FieldError> {
        let placed = |error: FieldError| FieldError::new(format!("/{file}{}", error.pointer), error.detail);
        let case = Case::read(text, named).map_err(placed)?;
        self.cases.insert(Arc::clone(&case.id), Arc::new(case));
        if self.cases.len() > NUMERIC_CASES_MAX {
            return Err(placed(FieldError::new("", format!("the catalogue has more than {NUMERIC_CASES_MAX} cases"))));
        }
        Ok(())
    }

    /// The case of this id, whatever the case of its letters.
    pub fn get(&self, id: &str) -> Option<&Arc<Case>> {
        self.cases.get(id).or_else(|| self.cases.values().find(|case| case.id.eq_ignore_ascii_case(id)))
    }

    /// All of them by id.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Case>> {
        self.cases.values()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.cases.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.cases.is_empty()
    }
}

#[cfg(test)]
pub(crate) mod tests;
