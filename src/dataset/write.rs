//! Rows of a frame as text.

use crate::domain::frame::{Column, Frame};
use serde::ser::{SerializeMap, Serializer};

/// The rows as NDJSON; what is missing is null.
///
/// # Errors
/// Where a value can't be written, which none of a frame is.
pub fn ndjson_rows(frame: &Frame) -> serde_json::Result<Vec<u8>> {
    let mut text = Vec::with_capacity(frame.rows() * frame.columns().len() * 24);
    for row in 0..frame.rows() {
        let mut writer = serde_json::Serializer::new(&mut text);
        let mut object = writer.serialize_map(Some(frame.columns().len()))?;
        for (name, column) in frame.columns() {
            object.serialize_key(&**name)?;
            match column {
                // JSON has no NaN, and a missing number is one.
                Column::Number(values) => object.serialize_value(&Some(values[row]).filter(|value| value.is_finite()))?,
                Column::Time(values) => object.serialize_value(&values[row])?,
                Column::Text(values) => object.serialize_value(&values[row])?,
                Column::Flag(values) => object.serialize_value(&values[row])?,
            }
        }
        object.end()?;
        text.push(b'\n');
    }
    Ok(text)
}

/// The rows as CSV (RFC 4180) with a heading; what is missing is empty.
///
/// # Errors
/// Where a value can't be written, which none of a frame is.
pub fn csv_rows(frame: &Frame) -> csv::Result<Vec<u8>> {
    let mut writer = csv::Writer::from_writer(Vec::with_capacity(frame.rows() * frame.columns().len() * 12));
    writer.write_record(frame.columns().iter().map(|(name, _)| &**name))?;
    for row in 0..frame.rows() {
        for (_, column) in frame.columns() {
            let text = match column {
                Column::Number(values) if values[row].is_nan() => String::new(),
                Column::Number(values) => values[row].to_string(),
                Column::Time(values) => values[row].map(|at| at.to_string()).unwrap_or_default(),
                Column::Text(values) => values[row].as_deref().unwrap_or_default().to_owned(),
                Column::Flag(values) => values[row].map(|flag| flag.to_string()).unwrap_or_default(),
            };
            writer.write_field(text)?;
        }
        writer.write_record(None::<&[u8]>)?;
    }
    writer.into_inner().map_err(|error| csv::Error::from(error.into_error()))
}
