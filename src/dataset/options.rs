//! What a caller says of the rows that it sends.

use crate::domain::dataset::{ColumnType, DatasetSettings, checked_zone};
use crate::domain::field::FieldError;
use std::collections::BTreeMap;

/// How rows are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// One row a line, its values apart by one character (RFC 4180, and its kin).
    Csv,
    /// One JSON object a line.
    Ndjson,
    /// Apache Parquet.
    Parquet,
}

impl Format {
    /// The format of a media type; `None` where it is none of them.
    pub fn of_media_type(text: &str) -> Option<Self> {
        let essence = text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        match &*essence {
            "text/csv" | "text/tab-separated-values" | "application/csv" => Some(Self::Csv),
            "application/x-ndjson" | "application/ndjson" | "application/jsonl" => Some(Self::Ndjson),
            "application/vnd.apache.parquet" | "application/x-parquet" => Some(Self::Parquet),
            _ => None,
        }
    }

    /// The format of a file by its name, and by its first bytes where that says nothing.
    pub fn of_file(name: &str, head: &[u8]) -> Self {
        let name = name.to_ascii_lowercase();
        let name = name.strip_suffix(".gz").unwrap_or(&name);
        if head.starts_with(b"PAR1") || name.ends_with(".parquet") {
            return Self::Parquet;
        }
        let object = head.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{');
        if [".ndjson", ".jsonl"].iter().any(|end| name.ends_with(end)) || object { Self::Ndjson } else { Self::Csv }
    }
}

/// What a column holds, as a caller says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ToldType {
    /// Numbers.
    Number,
    /// Texts.
    Text,
    /// Yes or no.
    Flag,
    /// Moments, written or counted, whichever they turn out to be.
    Time,
    /// Moments, in seconds since 1970.
    EpochSeconds,
    /// Moments, in milliseconds since 1970.
    EpochMillis,
}

impl ToldType {
    /// Reads its word.
    pub fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "number" => Self::Number,
            "text" => Self::Text,
            "flag" => Self::Flag,
            "time" => Self::Time,
            "epoch_s" => Self::EpochSeconds,
            "epoch_ms" => Self::EpochMillis,
            _ => return None,
        })
    }
}

impl From<ColumnType> for ToldType {
    fn from(holds: ColumnType) -> Self {
        match holds {
            ColumnType::Number => Self::Number,
            ColumnType::Time => Self::Time,
            ColumnType::Text => Self::Text,
            ColumnType::Flag => Self::Flag,
        }
    }
}

/// How rows are to be read.
#[derive(Debug, Clone)]
pub struct ReadOptions {
    /// How they are written.
    pub format: Format,
    /// What stands between the values of a line; found out where absent.
    pub delimiter: Option<u8>,
    /// Whether the first line has the names; found out where absent.
    pub header: Option<bool>,
    /// What columns hold; found out for the others.
    pub types: BTreeMap<String, ToldType>,
    /// What columns of these names held before; those that are not there are no matter.
    pub before: BTreeMap<String, ToldType>,
    /// Which column says when, in which zone, and what makes two rows the same.
    pub settings: DatasetSettings,
    /// Whether one bad row refuses all.
    pub strict: bool,
}

impl ReadOptions {
    /// Rows of this format, of which nothing else is said.
    pub fn new(format: Format) -> Self {
        Self {
            format,
            delimiter: None,
            header: None,
            types: BTreeMap::new(),
            before: BTreeMap::new(),
            settings: DatasetSettings::default(),
            strict: false,
        }
    }
}

/// Options as texts: the parameters of a query, or of a command line.
#[derive(Debug, Clone, Default)]
pub struct WrittenOptions<'a> {
    /// The column that says when.
    pub time_column: Option<&'a str>,
    /// An IANA name.
    pub time_zone: Option<&'a str>,
    /// Names of columns, with commas.
    pub key: Option<&'a str>,
    /// Names of columns, with commas.
    pub order: Option<&'a str>,
    /// `name:type`, with commas.
    pub types: Option<&'a str>,
    /// Seconds.
    pub step: Option<&'a str>,
    /// One character, or `tab`.
    pub delimiter: Option<&'a str>,
    /// `true` or `false`.
    pub header: Option<&'a str>,
    /// `true` or `false`.
    pub strict: Option<&'a str>,
}

impl WrittenOptions<'_> {
    /// Reads them.
    ///
    /// # Errors
    /// The first that is wrong, with its name as the pointer.
    pub fn read(&self, format: Format) -> Result<ReadOptions, FieldError> {
        let zone = self.time_zone.map(|name| checked_zone(name).map(|_| name.to_owned())).transpose()?;
        let settings = DatasetSettings {
            time_column: self.time_column.map(str::to_owned),
            time_zone: zone,
            key: names(self.key),
            order: names(self.order),
            step_sec: self.step.map(step).transpose()?,
        };
        let mut types = BTreeMap::new();
        for pair in names(self.types) {
            let (name, word) = pair.rsplit_once(':').ok_or_else(|| bad_type(&pair))?;
            types.insert(name.to_owned(), ToldType::parse(word).ok_or_else(|| bad_type(&pair))?);
        }
        Ok(ReadOptions {
            format,
            delimiter: self.delimiter.map(delimiter).transpose()?,
            header: self.header.map(|text| flag("/header", text)).transpose()?,
            types,
            before: BTreeMap::new(),
            settings,
            strict: self.strict.map(|text| flag("/strict", text)).transpose()?.unwrap_or(false),
        })
    }
}

fn names(list: Option<&str>) -> Vec<String> {
    let parts = list.unwrap_or_default().split(',').map(str::trim);
    parts.filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

fn bad_type(pair: &str) -> FieldError {
    let rule = "a column, a colon and one of number, text, flag, time, epoch_s and epoch_ms are expected";
    FieldError::new("/types", format!("`{pair}`: {rule}"))
}

fn step(text: &str) -> Result<u64, FieldError> {
    let read = text.parse().ok().filter(|step| (1..=366 * 86_400).contains(step));
    read.ok_or_else(|| FieldError::new("/step", format!("`{text}` is not 1 to 31622400 seconds")))
}

fn delimiter(text: &str) -> Result<u8, FieldError> {
    match text.as_bytes() {
        b"tab" => Ok(b'\t'),
        [byte] if byte.is_ascii() && !byte.is_ascii_alphanumeric() && !b"\"\r\n.-+".contains(byte) => Ok(*byte),
        _ => {
            Err(FieldError::new("/delimiter", format!("`{text}` is not one character that could stand between values, or `tab`")))
        }
    }
}

fn flag(pointer: &str, text: &str) -> Result<bool, FieldError> {
    text.parse().map_err(|_| FieldError::new(pointer, format!("`{text}` is not true or false")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_format_is_known_by_its_media_type_and_a_file_by_its_name_or_its_first_bytes() {
        assert_eq!(Format::of_media_type("text/CSV; charset=utf-8"), Some(Format::Csv));
        assert_eq!(Format::of_media_type("application/json"), None);
        assert_eq!(Format::of_file("a.csv.gz", b"{}"), Format::Ndjson, "what is in it counts more than a general name");
        assert_eq!(Format::of_file("a.JSONL", b""), Format::Ndjson);
        assert_eq!(Format::of_file("data", b"PAR1.."), Format::Parquet);
        assert_eq!(Format::of_file("data", b"a,b\n"), Format::Csv);
    }

    #[test]
    fn what_is_wrong_with_an_option_names_it() {
        let refused = |options: WrittenOptions<'_>| options.read(Format::Csv).unwrap_err().pointer;
        assert_eq!(refused(WrittenOptions { types: Some("a:number,b:date"), ..Default::default() }), "/types");
        assert_eq!(refused(WrittenOptions { time_zone: Some("CET+9"), ..Default::default() }), "/time_zone");
        assert_eq!(refused(WrittenOptions { step: Some("0"), ..Default::default() }), "/step");
        assert_eq!(refused(WrittenOptions { delimiter: Some("ab"), ..Default::default() }), "/delimiter");
        assert_eq!(refused(WrittenOptions { strict: Some("yes"), ..Default::default() }), "/strict");
        let good = WrittenOptions { types: Some("a:b:epoch_ms, c:text"), key: Some("a:b,c"), ..Default::default() };
        let read = good.read(Format::Csv).unwrap();
        assert_eq!(read.types["a:b"], ToldType::EpochMillis);
        assert_eq!(read.settings.key, ["a:b", "c"]);
    }
}
