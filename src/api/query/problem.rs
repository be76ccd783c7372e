//! From what went wrong with a question about data to a problem.

use super::super::error::{Kind, Problem};
use crate::decide::analytics::{AnalyticsError, TeachError};
use crate::domain::field::FieldError;
use crate::engine::analytics::knowledge::{NotKept, NotMoved};
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

impl From<TeachError> for Problem {
    fn from(error: TeachError) -> Self {
        let detail = error.to_string();
        match error {
            TeachError::UnknownAnswer { .. } => Self::field(Kind::NOT_FOUND, FieldError::new("/query_id", detail)),
            TeachError::PastAnswer { .. } => Self::field(Kind::GONE, FieldError::new("/query_id", detail)),
            TeachError::Layer(field) => Self::field(Kind::NOT_FOUND, field),
            TeachError::NotKept(error) => match error {
                NotKept::Unknown => Self::new(Kind::NOT_FOUND, detail),
                NotKept::NotWrong => Self::new(Kind::CONFLICT, detail),
                NotKept::TooMuch(_) => Self::new(Kind::QUOTA, detail),
                NotKept::Label(_) | NotKept::InContext | NotKept::Unchecked(_) | NotKept::Quarantined => {
                    Self::field(Kind::NOT_ALLOWED, FieldError::new("/verdict", detail))
                }
            },
            TeachError::NotMoved(error) => match error {
                NotMoved::Unknown => Self::new(Kind::NOT_FOUND, detail),
                NotMoved::NoWay { .. } => Self::new(Kind::CONFLICT, detail),
                NotMoved::OwnProposal | NotMoved::NotAllowed => Self::new(Kind::FORBIDDEN, detail),
                NotMoved::Full(_) => Self::new(Kind::QUOTA, detail),
                NotMoved::Wrong(field) => Self::field(Kind::NOT_ALLOWED, placed(field)),
            },
            TeachError::Store(error) => error.into(),
            TeachError::Unwritten(_) | TeachError::Broken { .. } => Self::new(Kind::INTERNAL, detail),
        }
    }
}

/// What is wrong with a proposal, at its place in the body: the layer speaks of where it would stand in its own file.
fn placed(field: FieldError) -> FieldError {
    let pointer = match field.pointer.as_str() {
        "/phrase" => "/term".to_owned(),
        layers if layers.starts_with("/glossary/") && layers.ends_with("/where") => "/meaning/where".to_owned(),
        layers if layers.starts_with("/glossary/") => "/term".to_owned(),
        other => other.to_owned(),
    };
    FieldError::new(pointer, field.detail)
}
