//! Generations of the embedded store: the same knowledge under different embedding models, side by side.
//!
//! A data folder is its own first generation. Others lie in `generations/<number>`, each a data folder with a store and graphs of its own. The
//! file `current` names the one that is served; it is replaced as a whole, so that a cut-over has happened or not, and a way back is
//! another. What is known of a generation is in its `generation.json`; a data folder that never had a second has none.

use super::StoreError;
use crate::domain::component::ModelRef;
use crate::domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

const CURRENT: &str = "current";
const ABOUT: &str = "generation.json";

/// The version of `generation.json`.
const VERSION: u32 = 1;

/// What is known of a generation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct About {
    version: u32,
    /// Which model made its vectors.
    pub model: ModelRef,
    /// From which generation it was built.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub built_from: Option<u32>,
    /// Whether all of it was built.
    pub complete: bool,
    /// Up to when it has what there was: the start of its building, or when it was served last.
    pub as_of: Timestamp,
}

impl About {
    /// What is known of a generation with vectors of `model`.
    pub fn new(model: ModelRef, built_from: Option<u32>, as_of: Timestamp) -> Self {
        Self { version: VERSION, model, built_from, complete: built_from.is_none(), as_of }
    }

    /// The same, all of it built.
    #[must_use]
    pub fn completed(self) -> Self {
        Self { complete: true, ..self }
    }

    /// The same, with what there was up to `as_of`.
    #[must_use]
    pub fn up_to(self, as_of: Timestamp) -> Self {
        Self { as_of, ..self }
    }
}

/// The generations of a data folder.
#[derive(Debug, Clone)]
pub struct Generations {
    data_dir: PathBuf,
}

impl Generations {
    /// Those of the data folder `data_dir`, which need not be there.
    pub fn of(data_dir: &Path) -> Self {
        Self { data_dir: data_dir.to_owned() }
    }

    /// The number of the one that is served.
    ///
    /// # Errors
    /// [`StoreError`] where `current` can't be read or names none that is there. It is never guessed.
    pub fn current(&self) -> Result<u32, StoreError> {
        let text = match fs::read_to_string(self.data_dir.join(CURRENT)) {
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(1),
            read => read.map_err(|error| self.damaged(format!("{CURRENT}: {error}")))?,
        };
        let number = text.trim().parse().ok().filter(|number| *number == 1 || self.dir(*number).is_dir());
        number.ok_or_else(|| self.damaged(format!("{CURRENT} says {:?}, which is no generation that is there", text.trim())))
    }

    /// The folder of the one that is served.
    ///
    /// # Errors
    /// As [`Self::current`].
    pub fn current_dir(&self) -> Result<PathBuf, StoreError> {
        Ok(self.dir(self.current()?))
    }

    /// The folder of a generation.
    pub fn dir(&self, number: u32) -> PathBuf {
        if number == 1 { self.data_dir.clone() } else { self.data_dir.join("generations").join(number.to_string()) }
    }

    /// The numbers of those that are there, in order.
    ///
    /// # Errors
    /// [`StoreError`] where the folder can't be read.
    pub fn numbers(&self) -> Result<Vec<u32>, StoreError> {
        let mut numbers: Vec<u32> = self.dir(1).join("store").is_dir().then_some(1).into_iter().collect();
        let folder = self.data_dir.join("generations");
        let items = match fs::read_dir(&folder) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(numbers),
            read => read.map_err(|error| self.damaged(error.to_string()))?,
        };
        for item in items {
            let name = item.map_err(|error| self.damaged(error.to_string()))?.file_name();
            numbers.extend(name.to_str().and_then(|name| name.parse::<u32>().ok()).filter(|number| *number > 1));
        }
        numbers.sort_unstable();
        Ok(numbers)
    }

    /// What is known of a generation; `None` for a first one that has always been alone, and for one that was hardly begun.
    ///
    /// # Errors
    /// [`StoreError`] where it can't be read.
    pub fn about(&self, number: u32) -> Result<Option<About>, StoreError> {
        let path = self.dir(number).join(ABOUT);
        let bytes = match fs::read(&path) {
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(None),
            read => read.map_err(|error| self.damaged(format!("{}: {error}", path.display())))?,
        };
        let about: About =
            serde_json::from_slice(&bytes).map_err(|error| self.damaged(format!("{}: {error}", path.display())))?;
        if about.version != VERSION {
            let found = format!("{} of {ABOUT}", about.version);
            return Err(StoreError::Layout { dir: self.dir(number), found, known: "1" });
        }
        Ok(Some(about))
    }

    /// Writes down what is known of a generation, and makes its folder where it is missing.
    ///
    /// # Errors
    /// [`StoreError`] where that can't be written.
    pub fn describe(&self, number: u32, about: &About) -> Result<(), StoreError> {
        let dir = self.dir(number);
        fs::create_dir_all(&dir).map_err(|error| self.unwritten(&error))?;
        let bytes = serde_json::to_vec_pretty(about).map_err(|error| self.damaged(error.to_string()))?;
        replace(&dir, ABOUT, &bytes).map_err(|error| self.unwritten(&error))
    }

    /// Has a generation be the one that is served from the next start on: the one durable switch.
    ///
    /// # Errors
    /// [`StoreError`] where that can't be written; then nothing has changed.
    pub fn switch(&self, number: u32) -> Result<(), StoreError> {
        replace(&self.data_dir, CURRENT, format!("{number}\n").as_bytes()).map_err(|error| self.unwritten(&error))
    }

    fn damaged(&self, detail: String) -> StoreError {
        StoreError::Damaged { dir: self.data_dir.clone(), detail }
    }

    fn unwritten(&self, error: &std::io::Error) -> StoreError {
        StoreError::Disk { action: "writing down a generation", dir: self.data_dir.clone(), detail: error.to_string() }
    }
}

/// Puts a file in the place of another, whole and durably.
fn replace(dir: &Path, name: &str, bytes: &[u8]) -> std::io::Result<()> {
    let half_written = dir.join(format!("{name}.tmp"));
    let mut file = File::create(&half_written)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&half_written, dir.join(name))?;
    File::open(dir)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn about() -> About {
        let model = ModelRef { id: "m".into(), revision: "r".into() };
        About::new(model, Some(1), Timestamp::from_micros(1))
    }

    #[test]
    fn a_folder_that_was_always_alone_is_its_own_first_generation() {
        let dir = tempfile::tempdir().unwrap();
        let alone = Generations::of(dir.path());
        assert_eq!((alone.current().unwrap(), alone.about(1).unwrap()), (1, None));
        assert_eq!(alone.current_dir().unwrap(), dir.path());
        assert!(alone.numbers().unwrap().is_empty(), "nothing was stored yet");
        assert_eq!(Generations::of(&dir.path().join("nowhere")).current().unwrap(), 1);
    }

    #[test]
    fn a_switch_goes_forth_and_back_and_names_only_what_is_there() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("store")).unwrap();
        let generations = Generations::of(dir.path());
        generations.describe(2, &about()).unwrap();
        assert_eq!((generations.about(2).unwrap(), generations.numbers().unwrap()), (Some(about()), vec![1, 2]));
        generations.switch(2).unwrap();
        assert_eq!(generations.current_dir().unwrap(), dir.path().join("generations/2"));
        generations.switch(1).unwrap();
        assert_eq!(generations.current_dir().unwrap(), dir.path());
        for damage in ["3", "", "two", "-1"] {
            fs::write(dir.path().join(CURRENT), damage).unwrap();
            assert!(matches!(generations.current(), Err(StoreError::Damaged { .. })), "{damage}");
        }
    }

    #[test]
    fn what_a_later_version_wrote_of_a_generation_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let generations = Generations::of(dir.path());
        generations.describe(2, &About { version: 9, ..about() }).unwrap();
        assert!(matches!(generations.about(2), Err(StoreError::Layout { .. })));
        fs::write(dir.path().join("generations/2").join(ABOUT), "{").unwrap();
        assert!(matches!(generations.about(2), Err(StoreError::Damaged { .. })));
    }
}
