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

/// Bytes of a message that are kept.
const SAID_BYTES_MAX: usize = 16_384;

/// Reads rows as their bytes come, within the bounds.
#[derive(Debug)]
pub(in super::super) struct Decoder {
    bounds: Bounds,
    /// A line that has no end yet.
    open: Vec<u8>,
    names: Option<Vec<String>>,
    rows: Option<(Vec<Reading>, Gathered)>,
    /// What came since a line that does not read: a server that fails at a query that it answers already says so in between.
    broken: Option<Vec<u8>>,
}

impl Decoder {
    /// Nothing so far.
    pub(in super::super) fn new(bounds: &Bounds) -> Self {
        Self { bounds: *bounds, open: Vec::new(), names: None, rows: None, broken: None }
    }

    /// More bytes.
    pub(in super::super) fn feed(&mut self, mut bytes: &[u8]) -> Result<(), WarehouseError> {
        while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
            self.open.extend(&bytes[..end]);
            bytes = &bytes[end + 1..];
            let line = std::mem::take(&mut self.open);
            self.line(&line)?;
        }
        self.open.extend(bytes);
        // An escape has six bytes for one.
        if self.open.len() / 6 > self.bounds.bytes_max { Err(WarehouseError::TooLarge("the bytes")) } else { Ok(()) }
    }

    /// All of them.
    pub(in super::super) fn finish(mut self) -> Result<Rows, WarehouseError> {
        let line = std::mem::take(&mut self.open);
        self.line(&line)?;
        if let Some(said) = self.broken {
            let said = String::from_utf8_lossy(&said).into_owned();
            return Err(if said.contains("DB::Exception") { super::fault(&said) } else { unreadable(said) });
        }
        self.rows.map(|(_, gathered)| gathered.done()).ok_or_else(|| unreadable("there is no head"))
    }

    fn line(&mut self, line: &[u8]) -> Result<(), WarehouseError> {
        if let Some(said) = &mut self.broken {
            said.extend(line.iter().chain(b"\n").take(SAID_BYTES_MAX.saturating_sub(said.len())));
        } else if !line.is_empty() {
            // A text of ClickHouse may be any bytes.
            match self.read(&String::from_utf8_lossy(line)) {
                Err(WarehouseError::Refused { .. }) => self.broken = Some(line[..line.len().min(SAID_BYTES_MAX)].to_vec()),
                other => return other,
            }
        }
        Ok(())
    }

    /// The first line has the names, the second the types, each further one a row.
    fn read(&mut self, line: &str) -> Result<(), WarehouseError> {
        if let Some((readings, gathered)) = &mut self.rows {
            let values: Vec<&RawValue> = serde_json::from_str(line).map_err(unreadable)?;
            if values.len() != readings.len() {
                return Err(unreadable("a row is not as long as the head"));
            }
            let cells = values.iter().zip(&*readings).map(|(value, reading)| cell(value, *reading));
            return gathered.push(cells.collect::<Result<_, _>>()?);
        }
        let texts: Vec<String> = serde_json::from_str(line).map_err(unreadable)?;
        match self.names.take() {
            None => self.names = Some(texts),
            Some(names) if names.len() == texts.len() => {
                let readings = texts.iter().map(|data_type| reading(data_type)).collect();
                self.rows = Some((readings, Gathered::new(names, &self.bounds)));
            }
            Some(_) => return Err(unreadable("there are not as many types as names")),
        }
        Ok(())
    }
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

    /// In two pieces, wherever they part.
    fn decode(bytes: &[u8]) -> Result<Rows, WarehouseError> {
        let answers: Vec<_> = (0..=bytes.len())
            .map(|at| {
                let mut decoder = Decoder::new(&bounds());
                decoder.feed(&bytes[..at])?;
                decoder.feed(&bytes[at..])?;
                decoder.finish()
            })
            .collect();
        assert!(answers.iter().all(|answer| answer.as_ref().ok() == answers[0].as_ref().ok()), "{answers:?}");
        answers.into_iter().next().unwrap()
    }

    fn row(types: &str, values: &str) -> Vec<Cell> {
        let count = serde_json::from_str::<Vec<String>>(types).unwrap().len();
        let names = serde_json::to_string(&vec!["a"; count]).unwrap();
        decode(format!("{names}\n{types}\n{values}\n").as_bytes()).unwrap().rows.remove(0)
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
            assert!(matches!(decode(bytes), Err(WarehouseError::Refused { .. })));
        }
    }

    #[test]
    fn a_fault_among_the_rows_is_the_servers() {
        let late = "[\"a\"]\n[\"Int8\"]\n[1]\n\r\n__exception__\r\nabc\r\nCode: 159. DB::Exception: Timeout exceeded\r\n__exception__\r\n";
        assert!(matches!(decode(late.as_bytes()), Err(WarehouseError::Late)));
        let fault = "[\"a\"]\n[\"Int8\"]\n[1]\nCode: 395. DB::Exception: thrown";
        assert!(matches!(decode(fault.as_bytes()), Err(WarehouseError::Refused { code, .. }) if code == "395"));
    }

    #[test]
    fn a_row_that_does_not_end_is_no_way_to_take_all_memory() {
        let mut decoder = Decoder::new(&Bounds { bytes_max: 1_000, ..bounds() });
        decoder.feed(b"[\"a\"]\n[\"String\"]\n[\"").unwrap();
        let fed = (0..100).find_map(|_| decoder.feed(&[b'x'; 1_000]).err());
        assert!(matches!(fed, Some(WarehouseError::TooLarge("the bytes"))));
    }
}
