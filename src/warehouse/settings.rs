//! Which warehouse questions about data are put to.

use super::config::{BadSetting, Config as EmbeddedConfig};
use serde::Deserialize;

/// Which warehouse it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// The ClickHouse engine in this process, over the data sets of each tenant.
    #[default]
    Embedded,
    /// None: questions about data are refused.
    None,
}

/// The settings of the warehouse.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Which it is.
    pub kind: Kind,
    /// That in process.
    pub embedded: EmbeddedConfig,
}

impl Settings {
    /// Checks what a type can't, for the warehouse that is used.
    ///
    /// # Errors
    /// The first rule that a setting breaks.
    pub fn check(&self) -> Result<(), BadSetting> {
        match self.kind {
            Kind::Embedded => self.embedded.check(),
            Kind::None => Ok(()),
        }
    }
}
