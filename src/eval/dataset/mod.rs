//! Labelled data: pairs, streams and windows of events, each read in the form that it was published in.
//!
//! A reader gives every row or says what is wrong with its line; a bad line never stops the rest, and no bytes make a reader panic.

mod clusters;
mod events;
mod kind;
mod lines;
mod sidecar;
mod tables;
#[cfg(test)]
mod tests;
mod tree;

pub use kind::Kind;
pub use sidecar::Sidecar;

pub(super) use lines::each;

use crate::domain::component::Role;
use crate::domain::decision::Payload;
use crate::domain::ids::ComponentId;
use crate::domain::text::FreshText;
use crate::domain::time::Timestamp;
use flate2::read::MultiGzDecoder;
use serde::Serialize;
use std::io::Read;
use std::path::Path;

/// Bytes of a file once it is unpacked. The largest set in use has 40 MB; a bomb has more.
const BYTES_MAX: u64 = 1 << 30;

/// A text written ahead that a row is decided in.
#[derive(Debug, Clone, PartialEq)]
pub struct Piece {
    /// Its id, made of its text, so that rows share it.
    pub id: ComponentId,
    /// What it is.
    pub role: Role,
    /// The text.
    pub text: FreshText,
    /// The moment that it speaks of.
    pub at: Timestamp,
}

/// A row of a stream.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The line of the file, from 1; the place among the rows where the format has no lines.
    pub line: usize,
    /// All of what was asked, as one text.
    pub text: FreshText,
    /// The part that is new, where the format keeps it apart from what it stands in.
    pub headline: Option<FreshText>,
    /// What was decided.
    pub decision: Payload,
    /// The moment that it speaks of.
    pub at: Option<Timestamp>,
    /// By what soft context is chosen.
    pub tags: Vec<String>,
    /// The pieces that [`Self::text`] is made of, the oldest first, where the format keeps them apart.
    pub pieces: Vec<Piece>,
}

/// Two texts that do or don't share a decision.
#[derive(Debug, Clone, PartialEq)]
pub struct Pair {
    /// The line of the file, from 1.
    pub line: usize,
    /// What is remembered.
    pub a: FreshText,
    /// What is asked.
    pub b: FreshText,
    /// Whether the decision of the one is right for the other.
    pub same: bool,
    /// What kind of pair it is.
    pub class: String,
}

/// What a file holds.
#[derive(Debug, Clone, PartialEq)]
pub enum Rows {
    /// Requests in an order.
    Stream(Vec<Row>),
    /// Pairs, each on its own.
    Pairs(Vec<Pair>),
}

impl Rows {
    /// How many.
    pub fn len(&self) -> usize {
        match self {
            Self::Stream(rows) => rows.len(),
            Self::Pairs(pairs) => pairs.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A line that can't be used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BadLine {
    /// Which line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub detail: String,
}

impl BadLine {
    fn new(line: usize, detail: impl std::fmt::Display) -> Self {
        Self { line, detail: detail.to_string() }
    }
}

/// The order that a stream is replayed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ordering {
    /// By the rows' own times.
    Time,
    /// Shuffled with the seed, since the rows have no times.
    Shuffled,
    /// As in the file; the order of pairs changes nothing.
    File,
}

/// One file, read.
#[derive(Debug, Clone)]
pub struct Dataset {
    /// The name of the file.
    pub name: String,
    /// BLAKE3 of its bytes, in hexadecimal digits.
    pub blake3: String,
    /// How many bytes it has.
    pub bytes: usize,
    /// What it was read as.
    pub kind: Kind,
    /// The rows, in the order of their replay.
    pub rows: Rows,
    /// How that order came about.
    pub ordering: Ordering,
    /// The lines that can't be used.
    pub bad: Vec<BadLine>,
    /// Rows that were left out by the limit.
    pub left_out: usize,
}

/// How to read a file.
#[derive(Debug, Clone, Default)]
pub struct Reading {
    /// What it is; found from its content where absent.
    pub kind: Option<Kind>,
    /// Whether pairs that don't say so share a decision.
    pub same: Option<bool>,
    /// The class of pairs that name none.
    pub class: Option<String>,
    /// The seed of the shuffle of a stream without times.
    pub seed: u64,
    /// Rows to use at most.
    pub limit: Option<usize>,
}

/// Why a file can't be read at all.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It can't be opened or unpacked.
    #[error("{path}: {error}")]
    File {
        /// Which file.
        path: String,
        /// Why.
        error: std::io::Error,
    },
    /// Its content is of no kind that is known.
    #[error("{path}: this is no kind of labelled data that is known; `--kind` says which it is")]
    UnknownKind {
        /// Which file.
        path: String,
    },
    /// Its companion file is wrong.
    #[error("{path}: {detail}")]
    Sidecar {
        /// Which file.
        path: String,
        /// What is wrong.
        detail: String,
    },
}

/// Reads a file. What a companion file `<name>.eval.toml` says holds where `reading` says nothing.
///
/// # Errors
/// [`ReadError`]; a line that can't be used is no error.
pub fn read(path: &Path, reading: &Reading) -> Result<Dataset, ReadError> {
    let shown = path.display().to_string();
    let raw = std::fs::read(path).map_err(|error| ReadError::File { path: shown.clone(), error })?;
    let plain = unpacked(&raw).map_err(|error| ReadError::File { path: shown.clone(), error })?;
    // A packed file is named for what is in it.
    let inner = if path.extension().is_some_and(|e| e == "gz") { path.with_extension("") } else { path.to_owned() };
    let stem = inner.file_stem().map_or_else(|| shown.clone(), |stem| stem.to_string_lossy().into_owned());
    let sidecar = Sidecar::beside(&inner)?;
    let reading = Reading {
        kind: reading.kind.or(sidecar.kind),
        same: reading.same.or(sidecar.same),
        class: reading.class.clone().or(sidecar.class).or(Some(stem)),
        ..reading.clone()
    };
    let Some(kind) = reading.kind.or_else(|| Kind::of(&plain)) else {
        return Err(ReadError::UnknownKind { path: shown });
    };
    let (rows, mut bad) = parse(&plain, kind, &reading);
    let (mut rows, ordering) = ordered(rows, reading.seed, &mut bad);
    let limit = reading.limit.unwrap_or(usize::MAX);
    let left_out = rows.len().saturating_sub(limit);
    match &mut rows {
        Rows::Stream(rows) => rows.truncate(limit),
        Rows::Pairs(pairs) => pairs.truncate(limit),
    }
    let name = path.file_name().map_or(shown, |name| name.to_string_lossy().into_owned());
    Ok(Dataset { name, blake3: blake3::hash(&raw).to_hex().to_string(), bytes: raw.len(), kind, rows, ordering, bad, left_out })
}

/// Reads bytes that are unpacked already, as what `kind` says they are.
pub fn parse(bytes: &[u8], kind: Kind, reading: &Reading) -> (Rows, Vec<BadLine>) {
    match kind {
        Kind::Pairs => split(lines::pairs(bytes, reading), Rows::Pairs),
        Kind::Clusters => split(clusters::of_pairs(lines::pairs(bytes, reading)), Rows::Stream),
        Kind::Mrpc => split(tables::mrpc(bytes, reading), Rows::Pairs),
        Kind::Stream => split(lines::stream(bytes), Rows::Stream),
        Kind::Csv => split(tables::labelled(bytes), Rows::Stream),
        Kind::Clinc => split(tree::clinc(bytes), Rows::Stream),
        Kind::Events => split(events::windows(bytes), Rows::Stream),
    }
}

fn split<T>(read: Vec<Result<T, BadLine>>, rows: impl Fn(Vec<T>) -> Rows) -> (Rows, Vec<BadLine>) {
    let (mut good, mut bad) = (Vec::new(), Vec::new());
    for one in read {
        match one {
            Ok(row) => good.push(row),
            Err(line) => bad.push(line),
        }
    }
    (rows(good), bad)
}

/// Puts a stream into the order of its replay. Where some rows have a time, those without one have no place in it.
fn ordered(rows: Rows, seed: u64, bad: &mut Vec<BadLine>) -> (Rows, Ordering) {
    let Rows::Stream(mut rows) = rows else { return (rows, Ordering::File) };
    if rows.iter().all(|row| row.at.is_none()) {
        fastrand::Rng::with_seed(seed).shuffle(&mut rows);
        return (Rows::Stream(rows), Ordering::Shuffled);
    }
    let without = rows.iter().filter(|row| row.at.is_none());
    bad.extend(without.map(|row| BadLine::new(row.line, "the row has no time, and others have one")));
    rows.retain(|row| row.at.is_some());
    rows.sort_by_key(|row| row.at);
    (Rows::Stream(rows), Ordering::Time)
}

/// The bytes of a file that may be packed with gzip.
pub(super) fn unpacked(raw: &[u8]) -> std::io::Result<Vec<u8>> {
    if !raw.starts_with(&[0x1f, 0x8b]) {
        return Ok(raw.to_vec());
    }
    let mut plain = Vec::new();
    MultiGzDecoder::new(raw).take(BYTES_MAX).read_to_end(&mut plain)?;
    Ok(plain)
}
