//! Rows, as `JSONCompactEachRowWithNamesAndTypes` writes them: names, types, then one array a row.

use super::super::gathered::Gathered;
use super::super::{Bounds, Rows, WarehouseError};
use crate::domain::sql_value::Cell;
use serde_json::Value;
use serde_json::value::RawValue;

/// How a value of a column becomes a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reading {
    /// A whole number, as far as one of 64 bits with a sign holds it; a number beyond.
    Whole,
    /// A number.
    Number,
    /// A moment, whose `Z` and needless noughts are left away.
    Moment,
    /// A text; of what is none, its JSON.
    Text,
}

fn unreadable(said: impl std::fmt::Display) -> WarehouseError {
    WarehouseError::Refused { code: "format".to_owned(), said: format!("the rows do not read: {said}") }
}

/// Reads rows within the bounds.
pub(in super::super) fn decode(bytes: &[u8], bounds: &Bounds) -> Result<Rows, WarehouseError> {
    // A text of ClickHouse may be any bytes.
    let text = String::from_utf8_lossy(bytes);
    let mut lines = text.split('\n').filter(|line| !line.is_empty());
    let mut head = || -> Result<Vec<String>, WarehouseError> {
        let line = lines.next().ok_or_else(|| unreadable("there is no head"))?;
        serde_json::from_str(line).map_err(unreadable)
    };
    let (names, types) = (head()?, head()?);
    let readings: Vec<Reading> = types.iter().map(|one| reading(one)).collect();
    let mut gathered = Gathered::new(names, bounds);
    for line in lines {
        let values: Vec<&RawValue> = serde_json::from_str(line).map_err(unreadable)?;
        if values.len() != readings.len() {
            return Err(unreadable("a row is not as long as the head"));
        }
        let cells = values.iter().zip(&readings).map(|(value, reading)| cell(value, *reading));
        gathered.push(cells.collect::<Result<_, _>>()?)?;
    }
    Ok(gathered.done())
}

/// The type without what is around it.
fn reading(data_type: &str) -> Reading {
    let mut inner = data_type;
    for around in ["LowCardinality(", "Nullable("] {
        inner = inner.strip_prefix(around).and_then(|rest| rest.strip_suffix(')')).unwrap_or(inner);
    }
    let name = inner.split('(').next().unwrap_or(inner);
    match name {
        // Intervals too, which are whole numbers of something.
        _ if name.starts_with("Int") || name.starts_with("UInt") => Reading::Whole,
        _ if name.starts_with("Float") || name.starts_with("Decimal") || name == "BFloat16" => Reading::Number,
        "DateTime" | "DateTime64" => Reading::Moment,
        _ => Reading::Text,
    }
}

fn cell(value: &RawValue, reading: Reading) -> Result<Cell, WarehouseError> {
    let text = value.get();
    if text == "null" {
        return Ok(Cell::Null);
    }
    let number =
        || text.trim_matches('"').parse::<f64>().ok().filter(|number| number.is_finite()).map_or(Cell::Null, Cell::Number);
    Ok(match reading {
        Reading::Whole => text.trim_matches('"').parse().map_or_else(|_| number(), Cell::Integer),
        Reading::Number => number(),
        Reading::Moment | Reading::Text => match serde_json::from_str(text).map_err(unreadable)? {
            Value::String(text) if reading == Reading::Moment => Cell::Text(moment(&text)),
            Value::String(text) => Cell::Text(text),
            _ => Cell::Text(text.to_owned()),
        },
    })
}

fn moment(text: &str) -> String {
    let text = text.trim_end_matches('Z');
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text };
    text.to_owned()
}

#[cfg(test)]
mod tests {
    use super::super::super::contract::bounds;
    use super::*;

    fn row(types: &str, values: &str) -> Vec<Cell> {
        let count = serde_json::from_str::<Vec<String>>(types).unwrap().len();
        let names = serde_json::to_string(&vec!["a"; count]).unwrap();
        decode(format!("{names}\n{types}\n{values}\n").as_bytes(), &bounds()).unwrap().rows.remove(0)
    }

    #[test]
    fn whole_numbers_stay_whole_as_far_as_they_fit() {
        let found = row(
            r#"["UInt64","Int64","Nullable(UInt8)","Int128","IntervalDay"]"#,
            "[18446744073709551615,-9223372036854775808,null,\"5\",3]",
        );
        let wanted =
            [Cell::Number(1.844_674_407_370_955_2e19), Cell::Integer(i64::MIN), Cell::Null, Cell::Integer(5), Cell::Integer(3)];
        assert_eq!(found, wanted);
    }

    #[test]
    fn numbers_are_finite_or_nothing() {
        let found = row(r#"["Float64","Decimal(18, 2)","Float32","Float64"]"#, r#"[1,1.25,"inf",null]"#);
        assert_eq!(found, [Cell::Number(1.0), Cell::Number(1.25), Cell::Null, Cell::Null]);
    }

    #[test]
    fn moments_lose_their_zone_and_their_noughts() {
        let types = r#"["DateTime('Europe/Berlin')","LowCardinality(Nullable(DateTime64(6)))","DateTime64(3, 'UTC')","Date"]"#;
        let found =
            row(types, r#"["2019-12-31T23:00:00Z","2020-01-01T00:00:00.100000Z","1960-01-01T00:00:10.000Z","2020-01-10"]"#);
        let wanted = ["2019-12-31T23:00:00", "2020-01-01T00:00:00.1", "1960-01-01T00:00:10", "2020-01-10"];
        assert_eq!(found, wanted.map(|text| Cell::Text(text.to_owned())));
    }

    #[test]
    fn what_is_no_number_is_a_text() {
        let types = r#"["Bool","Array(Int8)","Enum8('a' = 1)","Map(String, Int8)","FixedString(2)"]"#;
        let found = row(types, r#"[true,[1,2],"a",{"k":1},"a\u0000"]"#);
        assert_eq!(found, ["true", "[1,2]", "a", r#"{"k":1}"#, "a\0"].map(|text| Cell::Text(text.to_owned())));
    }

    #[test]
    fn what_is_not_the_format_is_refused() {
        for bytes in [&b""[..], b"1\n", b"[\"a\"]\n[\"Int8\"]\n[1,2]\n", b"[\"a\"]\n[\"Int8\"]\n[1\n", b"\xff"] {
            assert!(matches!(decode(bytes, &bounds()), Err(WarehouseError::Refused { .. })));
        }
    }
}
