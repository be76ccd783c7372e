//! Tables of the tests, as statements for a server's owner.

use crate::warehouse::{Holds, NewTable, made};
use jiff::Timestamp;

/// Makes a table in place of that of its name, with its rows.
pub(in crate::warehouse) fn statements(
    database: &str,
    table: &NewTable,
    quote: char,
    type_of: fn(Holds) -> &'static str,
    written: impl Fn(&str) -> String,
) -> String {
    let quoted = |name: &str| format!("{quote}{name}{quote}");
    let (columns, target) = (made::columns(table).unwrap(), format!("{database}.{}", quoted(&table.name)));
    let heads: Vec<String> = columns.iter().map(|(name, holds, _)| format!("{} {}", quoted(name), type_of(*holds))).collect();
    let rows = (0..table.rows.rows()).map(|row| {
        let values = columns.iter().map(|(_, holds, column)| {
            let value = match holds {
                Holds::Text => made::text(column, row).map(|text| written(&text)),
                Holds::Integer => made::integer(column, row).map(|number| number.to_string()),
                Holds::Number => made::number(column, row).map(|number| format!("{number:e}")),
                Holds::Timestamp => made::micros(column, row).map(|micros| {
                    let moment = Timestamp::from_microsecond(micros).unwrap();
                    format!("'{}'", moment.strftime("%Y-%m-%d %H:%M:%S.%6f"))
                }),
                Holds::Flag => made::flag(column, row).map(|flag| flag.to_string()),
            };
            value.unwrap_or_else(|| "NULL".to_owned())
        });
        format!("({})", values.collect::<Vec<_>>().join(", "))
    });
    let rows: Vec<String> = rows.collect();
    let insert = if rows.is_empty() { String::new() } else { format!("; INSERT INTO {target} VALUES {}", rows.join(", ")) };
    format!("DROP TABLE IF EXISTS {target}; CREATE TABLE {target} ({}){insert}", heads.join(", "))
}
