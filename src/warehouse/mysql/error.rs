//! What a server and its client say of a failure, and what it means here.
//!
//! Source: "Server Error Message Reference" of MySQL's manual, "MariaDB Error Codes" of MariaDB's.

use crate::warehouse::WarehouseError;
use mysql_async::{DriverError, Error, ServerError};

/// The statement was ended: interrupted, or over its time in MySQL or MariaDB.
const ENDED: [u16; 3] = [1_317, 3_024, 1_969];
/// The server shuts down, or has ended the connection.
const CLOSED: [u16; 5] = [1_053, 1_152, 1_927, 2_006, 2_013];
/// Too many connections, of all or of the role.
const CROWDED: [u16; 3] = [1_040, 1_203, 1_226];

/// Why a statement failed.
pub(super) fn of_statement(error: &Error) -> WarehouseError {
    match error {
        Error::Server(said) if ENDED.contains(&said.code) || over_time(said) => WarehouseError::Late,
        Error::Server(said) if CLOSED.contains(&said.code) => WarehouseError::Away { said: worded(said) },
        Error::Server(said) => WarehouseError::Refused { code: said.code.to_string(), said: worded(said) },
        Error::Driver(DriverError::StmtParamsMismatch { .. } | DriverError::MixedParams) => {
            WarehouseError::Refused { code: "values".to_owned(), said: error.to_string() }
        }
        Error::Driver(_) | Error::Io(_) | Error::Other(_) | Error::Url(_) => WarehouseError::Away { said: error.to_string() },
    }
}

/// Why there is no connection.
pub(super) fn of_connection(error: &Error) -> WarehouseError {
    match error {
        Error::Server(said) if CROWDED.contains(&said.code) => WarehouseError::Busy,
        Error::Server(said) => WarehouseError::Away { said: worded(said) },
        other => WarehouseError::Away { said: other.to_string() },
    }
}

/// StarRocks has one number for most of its errors.
fn over_time(said: &ServerError) -> bool {
    said.code == 1_064 && (said.message.contains("exceeded time limit") || said.message.contains("Query timeout"))
}

fn worded(said: &ServerError) -> String {
    format!("{}: {}", said.code, said.message)
}
