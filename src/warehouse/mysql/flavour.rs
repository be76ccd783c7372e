//! What differs between the servers that speak MySQL's protocol.

use std::time::Duration;

/// Whose server it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flavour {
    MySql,
    MariaDb,
    /// StarRocks, and Doris, of which it is a branch.
    StarRocks,
}

/// What every session of MySQL and MariaDB is set to. A gate that wrote the statement counts on what a quote and a backslash mean; grouping is
/// strict, for a value from any row of a group is none that anybody asked for; means have ten digits more than what they are of; and a joined
/// text is not cut short in silence.
const STRICT: [&str; 7] = [
    "SET SESSION TRANSACTION READ ONLY",
    "SET SESSION sql_mode = 'ONLY_FULL_GROUP_BY,STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION'",
    "SET SESSION time_zone = '+00:00'",
    "SET SESSION div_precision_increment = 10",
    "SET SESSION group_concat_max_len = 16777216",
    "SET SESSION lock_wait_timeout = 5",
    "SET SESSION innodb_lock_wait_timeout = 5",
];

impl Flavour {
    /// Whose it is by what it says of its version.
    pub(super) fn of(version: &str, comment: &str) -> Self {
        let said = format!("{version} {comment}").to_ascii_lowercase();
        if said.contains("starrocks") || said.contains("doris") {
            Self::StarRocks
        } else if said.contains("mariadb") {
            Self::MariaDb
        } else {
            Self::MySql
        }
    }

    /// What a session must be set to.
    pub(super) fn settings(self) -> &'static [&'static str] {
        match self {
            Self::MySql | Self::MariaDb => &STRICT,
            Self::StarRocks => &["SET time_zone = '+00:00'"],
        }
    }

    /// What a session is set to where the server knows the setting.
    pub(super) fn wishes(self) -> &'static [&'static str] {
        match self {
            // Otherwise the number of rows and the time of the last change are up to a day old.
            Self::MySql => &["SET SESSION information_schema_stats_expiry = 0"],
            Self::MariaDb => &[],
            Self::StarRocks => &["SET SESSION TRANSACTION READ ONLY"],
        }
    }

    /// Limits the time of the statements that follow. None of them takes a fraction of its unit for no limit.
    pub(super) fn limit(self, left: Duration) -> String {
        match self {
            Self::MySql => format!("SET SESSION max_execution_time = {}", left.as_millis().clamp(1, u128::from(u32::MAX))),
            Self::MariaDb => format!("SET SESSION max_statement_time = {:.3}", left.as_secs_f64().clamp(0.001, 31_536_000.0)),
            Self::StarRocks => format!("SET query_timeout = {}", left.as_secs_f64().ceil().clamp(1.0, 259_200.0)),
        }
    }

    /// Whether every SELECT can be prepared.
    pub(super) fn prepares(self) -> bool {
        self != Self::StarRocks
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_known_by_its_version() {
        assert_eq!(Flavour::of("10.11.19-MariaDB-0+deb12u1", "Debian 12"), Flavour::MariaDb);
        assert_eq!(Flavour::of("8.0.33", "StarRocks version 3.3.2"), Flavour::StarRocks);
        assert_eq!(Flavour::of("8.4.0", "MySQL Community Server - GPL"), Flavour::MySql);
    }

    #[test]
    fn no_time_left_is_never_no_limit() {
        for left in [Duration::ZERO, Duration::from_nanos(1)] {
            assert_eq!(Flavour::MySql.limit(left), "SET SESSION max_execution_time = 1");
            assert_eq!(Flavour::MariaDb.limit(left), "SET SESSION max_statement_time = 0.001");
            assert_eq!(Flavour::StarRocks.limit(left), "SET query_timeout = 1");
        }
        assert_eq!(Flavour::MariaDb.limit(Duration::from_millis(1_500)), "SET SESSION max_statement_time = 1.500");
    }
}
