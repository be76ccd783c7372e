//! From what went wrong with a question about data to a problem.

use super::super::error::{Kind, Problem};
use crate::decide::analytics::AnalyticsError;
use crate::warehouse::WarehouseError;

/// Seconds after which a question may have its turn.
const BUSY_RETRY_SEC: u32 = 2;

impl From<AnalyticsError> for Problem {
    fn from(error: AnalyticsError) -> Self {
        let detail = error.to_string();
        match error {
            AnalyticsError::NoLayer { .. } => Self::new(Kind::NOT_FOUND, detail),
            AnalyticsError::Busy => Self::new(Kind::OVERLOADED, detail).retry_after(BUSY_RETRY_SEC),
            AnalyticsError::Late => Self::new(Kind::TOO_LATE, detail),
            AnalyticsError::NoWarehouse => Self::new(Kind::AWAY, detail),
            AnalyticsError::Warehouse(error) => {
                // What the warehouse said may quote the data: it stays here.
                tracing::warn!(?error, "the warehouse gave no rows");
                let away = matches!(error, WarehouseError::Away { .. });
                Self::new(if away { Kind::AWAY } else { Kind::INTERNAL }, detail)
            }
            AnalyticsError::Datasets(error) => error.into(),
            AnalyticsError::Catalogue(_)
            | AnalyticsError::Missing { .. }
            | AnalyticsError::Compile(_)
            | AnalyticsError::Gate(_)
            | AnalyticsError::Hidden { .. }
            | AnalyticsError::TooCostly { .. } => Self::new(Kind::INTERNAL, detail),
        }
    }
}
