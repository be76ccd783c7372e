//! Where the data of fits come from, and how a frame becomes what a method takes.

use super::catalogue::{Input, Parameters};
use super::method::FitFault;
use super::{catalogue::Kind, symbol};
use crate::domain::frame::{Column, Frame};
use crate::domain::ids::TenantId;
use crate::domain::time::Timestamp;
use async_trait::async_trait;
use parking_lot::RwLock;
use serde_json::{Map, Value};
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Arc;

/// The data sets of all tenants.
#[async_trait]
pub trait Frames: Send + Sync + Debug {
    /// The version of a data set as it stands; `None` where there is none. Neither waits nor reads.
    fn version(&self, tenant: &TenantId, dataset: &str) -> Option<String>;

    /// The data sets that there are, with whose they are.
    fn known(&self) -> Vec<(TenantId, String)>;

    /// The rows of a data set; `None` where there is none.
    ///
    /// # Errors
    /// What is wrong, in words.
    async fn frame(&self, tenant: &TenantId, dataset: &str) -> Result<Option<Sourced>, String>;
}

/// The rows of a data set.
#[derive(Debug, Clone)]
pub struct Sourced {
    /// The rows.
    pub frame: Arc<Frame>,
    /// The version that they are of.
    pub version: String,
    /// What was done with them before, in whole sentences.
    pub told: Vec<String>,
}

/// A frame as a method takes it.
#[derive(Debug, Clone)]
pub struct Shaped {
    /// The rows that the parameters choose, in order, with the columns that the method names.
    pub frame: Arc<Frame>,
    /// A BLAKE3 of all of it.
    pub hash: String,
}

/// The rows of a data set that parameters choose, not later than `as_of`, in their order, their columns renamed as the method has them.
///
/// # Errors
/// [`FitFault::NoData`] where no row is left, [`FitFault::Frame`] where a column is missing.
pub fn shape(
    frame: &Frame,
    input: &Input,
    (parameters, given): (&Parameters, &Map<String, Value>),
    as_of: Timestamp,
) -> Result<Shaped, FitFault> {
    let mut rows: Vec<usize> = (0..frame.rows()).collect();
    for (column, name) in &input.filter {
        let (Some(wanted), Some(parameter)) = (given.get(name), parameters.get(name)) else { continue };
        let column = frame.column(column)?;
        let exact: Vec<usize> = rows.iter().copied().filter(|&row| is(column, row, wanted, false)).collect();
        rows = match parameter.kind {
            Kind::Symbol if exact.is_empty() => rows.into_iter().filter(|&row| is(column, row, wanted, true)).collect(),
            _ => exact,
        };
    }
    if let Some(name) = &input.order_by {
        let column = frame.column(name)?;
        if let Column::Time(times) = column {
            rows.retain(|&row| times.get(row).copied().flatten().is_none_or(|at| at <= as_of));
        }
        rows.sort_by(|&a, &b| order(column, a, b));
    }
    if rows.is_empty() {
        return Err(FitFault::NoData(input.dataset.clone()));
    }
    let columns = input.columns.iter().map(|(own, theirs)| Ok((own.as_str().into(), frame.column(theirs)?.take(&rows))));
    let frame = Frame::new(columns.collect::<Result<Vec<_>, FitFault>>()?)?;
    let hash = digest(&frame);
    Ok(Shaped { frame: Arc::new(frame), hash })
}

fn is(column: &Column, row: usize, wanted: &Value, by_base: bool) -> bool {
    match (column, wanted) {
        (Column::Text(texts), Value::String(wanted)) => texts.get(row).and_then(Option::as_ref).is_some_and(|text| {
            if by_base { symbol::base(text) == symbol::base(wanted) } else { text.eq_ignore_ascii_case(wanted) }
        }),
        (Column::Number(numbers), wanted) => wanted
            .as_f64()
            .zip(numbers.get(row))
            .is_some_and(|(wanted, number)| (number - wanted).abs() <= 1e-9 * wanted.abs().max(1.0)),
        (Column::Flag(flags), Value::Bool(wanted)) => flags.get(row).copied().flatten() == Some(*wanted),
        _ => false,
    }
}

/// Rows that miss the value come last.
fn order(column: &Column, a: usize, b: usize) -> Ordering {
    fn missing_last<T: Ord>(a: Option<T>, b: Option<T>) -> Ordering {
        a.is_none().cmp(&b.is_none()).then_with(|| a.cmp(&b))
    }
    match column {
        Column::Number(values) => {
            let (a, b) = (values[a], values[b]);
            a.is_nan().cmp(&b.is_nan()).then_with(|| a.total_cmp(&b))
        }
        Column::Time(values) => missing_last(values[a], values[b]),
        Column::Text(values) => missing_last(values[a].as_deref(), values[b].as_deref()),
        Column::Flag(values) => missing_last(values[a], values[b]),
    }
}

/// A digest of names, types and values.
fn digest(frame: &Frame) -> String {
    let mut hasher = blake3::Hasher::new_derive_key("instinct frame v1");
    for (name, column) in frame.columns() {
        hasher.update(&(name.len() as u64).to_le_bytes()).update(name.as_bytes()).update(column.holds().as_bytes());
        let mut feed = |bytes: &[u8]| {
            hasher.update(bytes);
        };
        match column {
            Column::Number(values) => values.iter().for_each(|value| feed(&value.to_le_bytes())),
            Column::Time(values) => values.iter().for_each(|at| feed(&at.map_or(i64::MIN, Timestamp::as_micros).to_le_bytes())),
            Column::Text(values) => values.iter().for_each(|text| {
                let text = text.as_deref().unwrap_or("\u{0}");
                feed(&(text.len() as u64).to_le_bytes());
                feed(text.as_bytes());
            }),
            Column::Flag(values) => values.iter().for_each(|flag| feed(&[flag.map_or(2, u8::from)])),
        }
    }
    hasher.finalize().to_hex().to_string()
}

/// Whose data set, and which.
type Place = (TenantId, String);

/// Data sets in memory, for tests and for who has the data already.
#[derive(Debug, Default)]
pub struct InMemory {
    sets: RwLock<BTreeMap<Place, (u64, Arc<Frame>)>>,
}

impl InMemory {
    /// Puts a data set in place of the one before.
    pub fn put(&self, tenant: &TenantId, dataset: &str, frame: Frame) {
        let mut sets = self.sets.write();
        let version = sets.get(&(tenant.clone(), dataset.to_owned())).map_or(1, |(version, _)| version + 1);
        sets.insert((tenant.clone(), dataset.to_owned()), (version, Arc::new(frame)));
    }
}

#[async_trait]
impl Frames for InMemory {
    fn version(&self, tenant: &TenantId, dataset: &str) -> Option<String> {
        self.sets.read().get(&(tenant.clone(), dataset.to_owned())).map(|(version, _)| version.to_string())
    }

    fn known(&self) -> Vec<Place> {
        self.sets.read().keys().cloned().collect()
    }

    async fn frame(&self, tenant: &TenantId, dataset: &str) -> Result<Option<Sourced>, String> {
        let sets = self.sets.read();
        let found = sets.get(&(tenant.clone(), dataset.to_owned()));
        Ok(found.map(|(version, frame)| Sourced { frame: Arc::clone(frame), version: version.to_string(), told: Vec::new() }))
    }
}
