//! A result as it is held in memory: as it is where its rows are few, else with its rows as an Arrow IPC stream under LZ4.
//!
//! Of results with 500 to 1,000 rows that takes a tenth to a quarter of the memory, so that four to ten times as many are kept in the same
//! room, and costs some 0.4 to 0.8 ms at each hit, four to ten times what a copy of the rows does and a small part of a query. Below
//! [`PACKED_FROM_BYTES`] there is less to save than the stream's own head takes.

use super::Resulted;
use crate::engine::analytics::frames::{decode, encode};
use crate::engine::analytics::reconcile::Frame;
use std::sync::Arc;

/// Bytes of a result from which its rows are packed.
const PACKED_FROM_BYTES: u64 = 64 << 10;

/// A result in memory.
#[derive(Debug)]
pub(super) enum Held {
    /// As it is.
    Plain(Arc<Resulted>),
    /// All of it but its rows, and those as bytes, one stream for each of its frames.
    Packed { bare: Box<Resulted>, streams: Vec<Vec<u8>> },
}

impl Held {
    pub fn of(result: &Arc<Resulted>) -> Self {
        let plain = result.bytes();
        if plain < PACKED_FROM_BYTES {
            return Self::Plain(Arc::clone(result));
        }
        let streams = match result.frames().map(encode).collect::<Result<Vec<_>, _>>() {
            Ok(streams) => streams,
            Err(error) => {
                tracing::debug!(%error, "a result is kept as it is");
                return Self::Plain(Arc::clone(result));
            }
        };
        let mut bare = Resulted::clone(result);
        bare.frames_mut().for_each(|frame| frame.rows = Vec::new());
        let packed = Self::Packed { bare: Box::new(bare), streams };
        if packed.bytes() < plain { packed } else { Self::Plain(Arc::clone(result)) }
    }

    /// The result; none where its bytes can't be read, which nobody but a fault of the memory brings about.
    pub fn result(&self) -> Option<Arc<Resulted>> {
        match self {
            Self::Plain(result) => Some(Arc::clone(result)),
            Self::Packed { bare, streams } => {
                let frames = streams.iter().map(|stream| decode(stream)).collect::<Result<Vec<Frame>, _>>();
                let frames = frames.inspect_err(|error| tracing::error!(%error, "a kept result can't be read")).ok()?;
                let mut result = Resulted::clone(bare);
                result.frames_mut().zip(frames).for_each(|(held, frame)| *held = frame);
                Some(Arc::new(result))
            }
        }
    }

    /// The versions of its tables, by name.
    pub fn versions(&self) -> &[(String, String)] {
        match self {
            Self::Plain(result) => &result.versions,
            Self::Packed { bare, .. } => &bare.versions,
        }
    }

    /// Bytes that it takes, about.
    pub fn bytes(&self) -> u64 {
        match self {
            Self::Plain(result) => result.bytes(),
            Self::Packed { bare, streams } => bare.bytes() + streams.iter().map(|stream| stream.len() as u64).sum::<u64>(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::sql_value::Cell;
    use crate::engine::analytics::compile::compile;
    use crate::engine::analytics::compile::sql::Dialect;
    use crate::engine::analytics::intent::Intent;
    use crate::engine::analytics::layer::Layer;

    /// A result by state and month, with another definition, one that could not be run, and one without thresholds.
    fn result(rows: usize) -> Arc<Resulted> {
        let layer = Layer::read(include_str!("../../../layers/olist.yaml")).unwrap();
        let mut intent = Intent::of("olist", vec!["revenue".to_owned()]);
        intent.dimensions = vec!["customer_state".to_owned()];
        let compiled = compile(&layer, &intent, Dialect::Clickhouse).unwrap();
        let row = |row: usize, place: usize| match (row + place) % 4 {
            0 => Cell::Text(format!("state {}", row % 27)),
            1 => Cell::Number(row as f64 / 7.0),
            2 => Cell::Integer(i64::MAX - row as i64),
            _ => Cell::Null,
        };
        let columns = compiled.primary.columns.clone();
        let frame = |rows: usize| Frame {
            rows: (0..rows).map(|at| (0..columns.len()).map(|place| row(at, place)).collect()).collect(),
            columns: columns.clone(),
        };
        Arc::new(Resulted {
            compiled,
            primary: frame(rows),
            siblings: vec![Some(frame(rows / 2)), None],
            relaxed: Some(frame(3)),
            findings: Vec::new(),
            reconciliations: Vec::new(),
            versions: vec![("orders".to_owned(), "1".to_owned())],
            query_ms: 4.25,
        })
    }

    #[test]
    fn many_rows_are_packed_into_less_memory_and_come_back_as_they_were() {
        for rows in [1_000, 5_000] {
            let result = result(rows);
            let held = Held::of(&result);
            assert!(
                matches!(held, Held::Packed { .. }) && held.bytes() * 3 < result.bytes(),
                "{} of {}",
                held.bytes(),
                result.bytes()
            );
            assert_eq!(held.versions(), result.versions);
            assert_eq!(held.result(), Some(result));
        }
    }

    #[test]
    fn few_rows_stay_as_they_are() {
        let result = result(20);
        let held = Held::of(&result);
        assert!(held.result().is_some_and(|held| Arc::ptr_eq(&held, &result)));
    }

    #[test]
    fn rows_whose_bytes_were_damaged_are_none() {
        let Held::Packed { bare, mut streams } = Held::of(&result(1_000)) else { panic!("it is small") };
        streams[1][40] ^= 1;
        assert_eq!(Held::Packed { bare, streams }.result(), None);
    }
}
