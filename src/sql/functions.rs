//! The functions that a statement may call, for each dialect. What is not listed is refused: a new function of a warehouse is unknown
//! until somebody has read what it does.

use super::dialect::Dialect;
use std::collections::HashSet;
use std::sync::LazyLock;

const COMMON: &str = include_str!("functions/common.txt");
const CLICKHOUSE: &str = include_str!("functions/clickhouse.txt");
const CLICKHOUSE_AGGREGATES: &str = include_str!("functions/clickhouse_aggregates.txt");
const DUCKDB: &str = include_str!("functions/duckdb.txt");
const MYSQL: &str = include_str!("functions/mysql.txt");
const POSTGRESQL: &str = include_str!("functions/postgresql.txt");

/// ClickHouse's aggregate functions take these endings, several at once. `State` and `Merge` are left out: states are bytes of the server's.
const COMBINATORS: [&str; 7] = ["if", "array", "distinct", "ordefault", "ornull", "foreach", "map"];

/// Functions whose first argument may be a bare unit of time.
const WITH_UNIT: [&str; 16] = [
    "timestampdiff",
    "timestampadd",
    "datediff",
    "date_diff",
    "dateadd",
    "date_add",
    "datesub",
    "date_sub",
    "date_trunc",
    "datetrunc",
    "timestamp_diff",
    "timestamp_add",
    "age",
    "datename",
    "datepart",
    "date_part",
];

/// Units of time that such an argument may be.
const UNITS: [&str; 20] = [
    "microsecond",
    "millisecond",
    "second",
    "minute",
    "hour",
    "day",
    "week",
    "month",
    "quarter",
    "year",
    "seconds",
    "minutes",
    "hours",
    "days",
    "weeks",
    "months",
    "quarters",
    "years",
    "dow",
    "doy",
];

/// Functions that are written without parentheses.
const BARE: [&str; 5] = ["current_date", "current_timestamp", "current_time", "localtimestamp", "localtime"];

/// The functions of one dialect, in small letters.
#[derive(Debug)]
pub(super) struct Functions {
    scalar: HashSet<&'static str>,
    combining: HashSet<&'static str>,
}

impl Functions {
    fn read(lists: &[&'static str], combining: &'static str) -> Self {
        let words = |text: &'static str| text.lines().filter(|line| !line.starts_with('#')).flat_map(str::split_whitespace);
        Self { scalar: lists.iter().flat_map(|list| words(list)).collect(), combining: words(combining).collect() }
    }

    pub(super) fn of(dialect: Dialect) -> &'static Self {
        static LISTS: LazyLock<[Functions; 4]> = LazyLock::new(|| {
            [
                Functions::read(&[COMMON, CLICKHOUSE], CLICKHOUSE_AGGREGATES),
                Functions::read(&[COMMON, DUCKDB], ""),
                Functions::read(&[COMMON, MYSQL], ""),
                Functions::read(&[COMMON, POSTGRESQL], ""),
            ]
        });
        let [clickhouse, duckdb, mysql, postgresql] = &*LISTS;
        match dialect {
            Dialect::ClickHouse => clickhouse,
            Dialect::DuckDb => duckdb,
            Dialect::MySql => mysql,
            Dialect::PostgreSql => postgresql,
        }
    }

    /// Whether a function is on the list.
    pub(super) fn has(&self, name: &str) -> bool {
        let name = name.to_ascii_lowercase();
        self.scalar.contains(name.as_str()) || self.combines(&name)
    }

    fn combines(&self, name: &str) -> bool {
        if self.combining.contains(name) {
            return true;
        }
        COMBINATORS.iter().any(|ending| name.strip_suffix(ending).is_some_and(|stem| !stem.is_empty() && self.combines(stem)))
    }
}

/// Whether the first argument of this function may be a bare unit of time.
pub(super) fn takes_unit(name: &str) -> bool {
    WITH_UNIT.contains(&name.to_ascii_lowercase().as_str())
}

/// Whether a word is a unit of time.
pub(super) fn is_unit(word: &str) -> bool {
    UNITS.contains(&word.to_ascii_lowercase().as_str())
}

/// Whether a function may be called without parentheses.
pub(super) fn is_bare(name: &str) -> bool {
    BARE.contains(&name.to_ascii_lowercase().as_str())
}
