//! What can't be opened, in words that an operator can act on.

/// Why a warehouse can't be opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// A setting can't be used.
    #[error("the setting warehouse.{field}: {rule}")]
    Setting {
        /// Its name, from the section of the warehouse on.
        field: String,
        /// What is wrong with it.
        rule: String,
    },
}

impl OpenError {
    pub(in crate::warehouse) fn setting(field: impl Into<String>, rule: impl Into<String>) -> Self {
        Self::Setting { field: field.into(), rule: rule.into() }
    }
}

/// Checks a number against its range.
pub(super) fn within(section: &str, field: &str, given: u64, min: u64, max: u64) -> Result<(), OpenError> {
    if (min..=max).contains(&given) {
        return Ok(());
    }
    Err(OpenError::setting(format!("{section}.{field}"), format!("{given} can't be used: it must be {min} to {max}")))
}
