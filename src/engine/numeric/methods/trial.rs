//! What the tests of methods share: frames by hand, a fit, and a check of what comes out.

use super::super::method::{FitFault, FitInput, FitRun, Fitted, Method};
use crate::domain::frame::{Column, Frame};
use crate::domain::time::Timestamp;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::sync::Arc;

pub(super) fn frame(columns: Vec<(&str, Column)>) -> Frame {
    Frame::new(columns.into_iter().map(|(name, column)| (name.into(), column)).collect()).unwrap()
}

pub(super) fn texts(values: &[&str]) -> Column {
    Column::Text(values.iter().map(|text| if text.is_empty() { None } else { Some((*text).into()) }).collect())
}

pub(super) fn times(values: &[&str]) -> Column {
    Column::Time(values.iter().map(|text| if text.is_empty() { None } else { Some(Timestamp::parse(text).unwrap()) }).collect())
}

/// A fit as of the first day of 2027.
pub(super) fn fit(method: &dyn Method, frames: &[(&str, Frame)], settings: Value) -> Result<Fitted, FitFault> {
    let frames: BTreeMap<String, Arc<Frame>> =
        frames.iter().map(|(name, frame)| ((*name).to_owned(), Arc::new(frame.clone()))).collect();
    let settings = settings.as_object().cloned().unwrap();
    let as_of = Timestamp::parse("2027-01-01T00:00:00Z").unwrap();
    let input = FitInput { frames: &frames, parameters: &Map::new(), settings: &settings, previous: None, as_of };
    method.fit(&input, &FitRun { seed: 7, stop: &|| false })
}

/// A sample data set: times, numbers and texts told apart by what each column holds.
pub(super) fn sample(name: &str) -> Frame {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("sample/datasets").join(name);
    let mut reader = csv::Reader::from_path(&path).unwrap();
    let names: Vec<String> = reader.headers().unwrap().iter().map(ToOwned::to_owned).collect();
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    let column = |at: usize| {
        let cells: Vec<Option<&str>> = rows.iter().map(|row| row.get(at).filter(|cell| !cell.is_empty())).collect();
        let all = |fits: &dyn Fn(&str) -> bool| cells.iter().flatten().all(|cell| fits(cell));
        if all(&|cell| cell.parse::<f64>().is_ok()) {
            Column::Number(cells.iter().map(|cell| cell.map_or(f64::NAN, |cell| cell.parse().unwrap())).collect())
        } else if all(&|cell| Timestamp::parse(cell).is_ok()) {
            Column::Time(cells.iter().map(|cell| cell.map(|cell| Timestamp::parse(cell).unwrap())).collect())
        } else if all(&|cell| cell.parse::<bool>().is_ok()) {
            Column::Flag(cells.iter().map(|cell| cell.map(|cell| cell.parse().unwrap())).collect())
        } else {
            Column::Text(cells.iter().map(|cell| cell.map(Into::into)).collect())
        }
    };
    Frame::new(names.iter().enumerate().map(|(at, name)| (name.as_str().into(), column(at))).collect()).unwrap()
}

/// The rows of a frame in which a column of texts has this value.
pub(super) fn only(frame: &Frame, column: &str, value: &str) -> Frame {
    let texts = frame.texts(column).unwrap();
    frame.take(&(0..frame.rows()).filter(|&row| texts[row].as_deref() == Some(value)).collect::<Vec<_>>())
}

/// Renames columns, as the inputs of a case do.
pub(super) fn renamed(frame: &Frame, pairs: &[(&str, &str)]) -> Frame {
    let take = |name: &str| frame.column(name).unwrap().clone();
    Frame::new(pairs.iter().map(|(own, theirs)| ((*own).into(), take(theirs))).collect()).unwrap()
}

/// A fit as a catalogue entry says: its method and settings, and for each input the sample data set of its name, with its columns
/// renamed and its rows chosen by these parameters.
pub(super) fn case(entry: &str, parameters: &[(&str, &str)]) -> Fitted {
    let entry: Value = serde_json::to_value(toml::from_str::<toml::Table>(entry).unwrap()).unwrap();
    let frames: Vec<(&str, Frame)> = entry["inputs"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, input)| {
            let mut frame = sample(&format!("{}.csv", input["dataset"].as_str().unwrap()));
            for (column, parameter) in input["where"].as_object().into_iter().flatten() {
                let (_, value) = parameters.iter().find(|(name, _)| parameter == name).unwrap();
                frame = only(&frame, column, value);
            }
            let columns: Vec<(&str, &str)> = input["columns"]
                .as_object()
                .unwrap()
                .iter()
                .map(|(own, theirs)| (own.as_str(), theirs.as_str().unwrap()))
                .collect();
            (name.as_str(), renamed(&frame, &columns))
        })
        .collect();
    let method = super::named(entry["method"].as_str().unwrap()).unwrap();
    let settings = entry.get("settings").cloned().unwrap_or_else(|| Map::new().into());
    method.check(settings.as_object().unwrap()).unwrap();
    let fitted = fit(&*method, &frames, settings).unwrap();
    for name in entry["output"]["required"].as_array().unwrap() {
        assert!(fitted.values.contains_key(name.as_str().unwrap()), "{name} is missing");
    }
    sound(&fitted);
    fitted
}

/// A number among the values, by its path with points.
pub(super) fn number(fitted: &Fitted, path: &str) -> f64 {
    let pointer = format!("/{}", path.replace('.', "/"));
    let all = Value::Object(fitted.values.clone());
    all.pointer(&pointer).and_then(Value::as_f64).unwrap_or_else(|| panic!("{path} is no number in {all}"))
}

/// What holds for every fit: JSON has no NaN, intervals are in order, and a chart has data and titles.
pub(super) fn sound(fitted: &Fitted) {
    fn walk(name: &str, value: &Value) {
        match value {
            Value::Object(map) => map.iter().for_each(|(name, value)| walk(name, value)),
            Value::Array(list) => {
                if name.ends_with("interval")
                    && let [Value::Number(low), Value::Number(high)] = list.as_slice()
                {
                    assert!(low.as_f64() <= high.as_f64(), "{name}: {list:?}");
                }
                list.iter().for_each(|value| walk("", value));
            }
            _ => {}
        }
    }
    fitted.values.iter().for_each(|(name, value)| walk(name, value));
    assert!(fitted.told.iter().all(|told| told.ends_with('.')), "{:?}", fitted.told);
    let chart = fitted.chart.as_ref().unwrap();
    assert!(!chart["data"].as_array().unwrap().is_empty());
    for title in ["/layout/title/text", "/layout/xaxis/title/text", "/layout/yaxis/title/text"] {
        assert!(chart.pointer(title).and_then(Value::as_str).is_some_and(|text| !text.is_empty()), "{title}");
    }
}
