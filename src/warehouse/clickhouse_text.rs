//! What ClickHouse reads and writes as text, of a server and of the engine in process alike: values, rows, names, its catalogue and its
//! faults.

mod catalogue;
mod rows;

pub(super) use catalogue::{ESTIMATE, Version, catalogue, estimate, tables};
pub(super) use rows::Decoder;

use super::{Statement, WarehouseError};
use crate::domain::sql_value::Scalar;

/// The format in which rows come back.
pub(super) const FORMAT: &str = "JSONCompactEachRowWithNamesAndTypes";

/// Settings under which [`Decoder`] reads what comes back, other than what is so by default.
pub(super) const FORMAT_SETTINGS: [(&str, &str); 6] = [
    ("date_time_output_format", "iso"),
    ("session_timezone", "UTC"),
    ("output_format_json_quote_64bit_integers", "0"),
    ("output_format_json_quote_decimals", "0"),
    ("output_format_json_quote_denormals", "0"),
    ("output_format_json_escape_forward_slashes", "0"),
];

/// A name in quotes.
pub(super) fn quoted(name: &str) -> String {
    format!("`{}`", name.replace('\\', "\\\\").replace('`', "\\`"))
}

/// The values of a statement, each with its name, in the form in which ClickHouse reads a parameter: a field of a tab-separated file.
pub(super) fn parameters(statement: &Statement) -> Vec<(String, String)> {
    let text = |value: &Scalar| match value {
        Scalar::Boolean(flag) => flag.to_string(),
        Scalar::Integer(number) => number.to_string(),
        Scalar::Text(text) => escaped(text),
    };
    statement.values.iter().map(|binding| (binding.name.clone(), text(&binding.value))).collect()
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\0' => out.push_str("\\0"),
            letter => out.push(letter),
        }
    }
    out
}

/// What a message of ClickHouse, `Code: 62. DB::Exception: …`, means here.
pub(super) fn fault(said: &str) -> WarehouseError {
    let code =
        said.split("Code: ").nth(1).map_or("", |rest| rest.split(|letter: char| !letter.is_ascii_digit()).next().unwrap_or(""));
    match code {
        // TIMEOUT_EXCEEDED, TOO_SLOW, QUERY_WAS_CANCELLED, QUERY_WAS_CANCELLED_BY_CLIENT
        "159" | "160" | "394" | "734" => WarehouseError::Late,
        // TOO_MANY_ROWS_OR_BYTES
        "396" if said.contains("max bytes") => WarehouseError::TooLarge("the bytes"),
        "396" => WarehouseError::TooLarge("the rows"),
        // TOO_MANY_SIMULTANEOUS_QUERIES
        "202" => WarehouseError::Busy,
        "" => WarehouseError::Refused { code: "unknown".to_owned(), said: said.to_owned() },
        code => WarehouseError::Refused { code: code.to_owned(), said: said.to_owned() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_known_by_its_code() {
        let refused = "Code: 47. DB::Exception: Unknown identifier x. (UNKNOWN_IDENTIFIER)";
        assert!(matches!(fault(refused), WarehouseError::Refused { code, .. } if code == "47"));
        assert!(matches!(fault("Code: 159. DB::Exception: Timeout exceeded"), WarehouseError::Late));
        let large = "Code: 396. DB::Exception: Limit for result exceeded, max bytes: 3.91 KiB";
        assert!(matches!(fault(large), WarehouseError::TooLarge("the bytes")));
        assert!(matches!(fault("no code"), WarehouseError::Refused { code, .. } if code == "unknown"));
    }

    #[test]
    fn a_name_stays_within_its_quotes() {
        assert_eq!(quoted("a`b\\"), "`a\\`b\\\\`");
    }
}
