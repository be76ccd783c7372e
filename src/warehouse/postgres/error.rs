//! What PostgreSQL and its client say of a failure, and what it means here.
//!
//! Source: appendix A of PostgreSQL's manual, "PostgreSQL Error Codes".

use crate::warehouse::WarehouseError;
use tokio_postgres::Error;
use tokio_postgres::error::{DbError, SqlState};

/// Why a statement failed.
pub(super) fn of_statement(error: &Error) -> WarehouseError {
    match error.as_db_error() {
        Some(said) if *said.code() == SqlState::QUERY_CANCELED => WarehouseError::Late,
        Some(said) if ends_connection(said) => WarehouseError::Away { said: worded(said) },
        Some(said) => WarehouseError::Refused { code: said.code().code().to_owned(), said: worded(said) },
        None => WarehouseError::Away { said: with_cause(error) },
    }
}

/// Why there is no connection.
pub(super) fn of_connection(error: &Error) -> WarehouseError {
    match error.as_db_error() {
        Some(said) if *said.code() == SqlState::TOO_MANY_CONNECTIONS => WarehouseError::Busy,
        Some(said) => WarehouseError::Away { said: worded(said) },
        None => WarehouseError::Away { said: with_cause(error) },
    }
}

/// The server shuts down, was told to end this connection, or knows no more of it.
fn ends_connection(said: &DbError) -> bool {
    let class = said.code().code();
    class.starts_with("08") || class.starts_with("57P") || class == "25P03"
}

fn worded(said: &DbError) -> String {
    format!("{}: {}", said.code().code(), said.message())
}

fn with_cause(error: &Error) -> String {
    std::error::Error::source(error).map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}"))
}
