//! From what went wrong with a fitted model to a problem.

use super::super::error::{Kind, Problem};
use crate::decide::numeric::NumericError;

/// Seconds after which a thread that fits may be free.
const BUSY_RETRY_SEC: u32 = 5;

impl From<NumericError> for Problem {
    fn from(error: NumericError) -> Self {
        let detail = error.to_string();
        match error {
            NumericError::UnknownCase { .. } | NumericError::UnknownVersion { .. } => Self::new(Kind::NOT_FOUND, detail),
            NumericError::Parameters(errors) => Self::fields(Kind::BAD_REQUEST, detail, errors),
            NumericError::NoModel { .. } => Self::new(Kind::NO_MODEL, detail),
            NumericError::Busy => Self::new(Kind::OVERLOADED, detail).retry_after(BUSY_RETRY_SEC),
            NumericError::TooLate { .. } => Self::new(Kind::TOO_LATE, detail),
            NumericError::Store(error) => error.into(),
            NumericError::Stopped { .. } | NumericError::Broken { .. } => Self::new(Kind::INTERNAL, detail),
        }
    }
}
