//! The libraries of solvers: where they lie under the runtime folder, and what they must contain. Nothing is loaded that was not read
//! through before.

use super::{Class, Name, SolverError};
use parking_lot::Mutex;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

const COMPILED_IN: &str = include_str!("../../models/manifest.toml");

/// Bytes of a file that are read at a time.
const PIECE_BYTES: usize = 1 << 20;

/// The part of the manifest that is about solvers.
#[derive(Debug, Deserialize)]
struct Manifest {
    #[serde(rename = "solver")]
    solvers: Vec<Entry>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: Name,
    version: String,
    #[expect(dead_code, reason = "for who reads the manifest; a field here, for unknown fields are refused")]
    licence: String,
    library: PathBuf,
    #[serde(default)]
    x86_64: Vec<FileRef>,
    #[serde(default)]
    aarch64: Vec<FileRef>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileRef {
    path: PathBuf,
    bytes: u64,
    sha256: String,
}

/// The libraries in one runtime folder.
#[derive(Debug)]
pub(super) struct Libraries {
    runtime_dir: PathBuf,
    entries: Vec<Entry>,
    /// What was read through and found right, by path, as it was then.
    checked: Mutex<BTreeMap<PathBuf, Stamp>>,
}

/// By what a file that changed is known without reading it.
type Stamp = (u64, u64, u64, i64, i64);

/// A library that may be loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Library {
    pub path: PathBuf,
    pub version: String,
}

impl Libraries {
    /// Those of this folder; nothing is read yet.
    pub(super) fn new(runtime_dir: &Path) -> Result<Self, toml::de::Error> {
        let manifest: Manifest = toml::from_str(COMPILED_IN)?;
        Ok(Self { runtime_dir: runtime_dir.to_owned(), entries: manifest.solvers, checked: Mutex::default() })
    }

    /// The library of this solver, each of its files with the size and SHA-256 of the manifest. They are read through once, and again
    /// where one of them was replaced. `None` for a solver that is compiled in.
    pub(super) fn find(&self, name: Name, class: Class) -> Result<Option<Library>, SolverError> {
        let Some(entry) = self.entries.iter().find(|entry| entry.name == name) else { return Ok(None) };
        let missing = |detail: String| SolverError::Missing { class, detail };
        let files = match std::env::consts::ARCH {
            "x86_64" => &entry.x86_64,
            "aarch64" => &entry.aarch64,
            other => return Err(missing(format!("{name} is not pinned for the processor {other}"))),
        };
        for file in files {
            self.check(file).map_err(|flaw| {
                let path = self.runtime_dir.join(&file.path);
                missing(format!("{}: {flaw}; run `make setup`, which fetches {name} {}", path.display(), entry.version))
            })?;
        }
        let path = self.runtime_dir.join(&entry.library);
        let path = path.canonicalize().map_err(|error| missing(format!("{}: {error}", path.display())))?;
        Ok(Some(Library { path, version: entry.version.clone() }))
    }

    fn check(&self, file: &FileRef) -> Result<(), String> {
        let path = self.runtime_dir.join(&file.path);
        let fault = |error: io::Error| match error.kind() {
            io::ErrorKind::NotFound => "it is not there".to_owned(),
            _ => error.to_string(),
        };
        let mut opened = File::open(&path).map_err(fault)?;
        let stamp = stamp(&opened.metadata().map_err(fault)?);
        if self.checked.lock().get(&path) == Some(&stamp) {
            return Ok(());
        }
        if stamp.2 != file.bytes {
            return Err(format!("it has {} bytes instead of {}", stamp.2, file.bytes));
        }
        let mut digest = Sha256::new();
        let mut piece = vec![0; PIECE_BYTES];
        loop {
            match opened.read(&mut piece).map_err(fault)? {
                0 => break,
                bytes => digest.update(&piece[..bytes]),
            }
        }
        let sha256 = hex::encode(digest.finalize());
        if sha256 != file.sha256 {
            return Err(format!("its SHA-256 is {sha256} instead of {}", file.sha256));
        }
        self.checked.lock().insert(path, stamp);
        Ok(())
    }
}

fn stamp(metadata: &fs::Metadata) -> Stamp {
    (metadata.dev(), metadata.ino(), metadata.size(), metadata.ctime(), metadata.ctime_nsec())
}

#[cfg(test)]
mod tests {
    use super::super::contract::runtime_dir;
    use super::*;

    #[test]
    fn the_libraries_compiled_in_are_found_whole_in_the_runtime_folder() {
        let libraries = Libraries::new(&runtime_dir()).unwrap();
        for (name, class) in [(Name::Highs, Class::Lp), (Name::CpSat, Class::Cp)] {
            let library = libraries.find(name, class).unwrap().unwrap();
            assert!(library.path.is_file());
            assert_eq!(libraries.find(name, class).unwrap(), Some(library));
        }
        assert_eq!(libraries.find(Name::Clarabel, Class::Convex).unwrap(), None);
    }

    #[test]
    fn a_missing_library_says_how_it_comes_to_be_there() {
        let folder = tempfile::tempdir().unwrap();
        let error = Libraries::new(folder.path()).unwrap().find(Name::Highs, Class::Lp).unwrap_err();
        let text = error.to_string();
        assert!(matches!(error, SolverError::Missing { class: Class::Lp, .. }), "{text}");
        assert!(text.contains("make setup") && text.contains("libhighs.so") && text.contains("not there"), "{text}");
    }

    #[test]
    fn a_library_that_was_changed_is_not_loaded() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("solvers/highs/libhighs.so");
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        let mut bytes = fs::read(runtime_dir().join("solvers/highs/libhighs.so")).unwrap();
        fs::write(&target, &bytes).unwrap();
        let libraries = Libraries::new(folder.path()).unwrap();
        assert!(libraries.find(Name::Highs, Class::Lp).unwrap().is_some());
        bytes[1_000_000] ^= 1;
        fs::remove_file(&target).unwrap();
        fs::write(&target, &bytes).unwrap();
        let text = libraries.find(Name::Highs, Class::Lp).unwrap_err().to_string();
        assert!(text.contains("SHA-256"), "{text}");
        fs::write(&target, &bytes[1..]).unwrap();
        let text = libraries.find(Name::Highs, Class::Lp).unwrap_err().to_string();
        assert!(text.contains("bytes instead of"), "{text}");
    }
}
