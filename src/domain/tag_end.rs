//! A deletion by tag, as it is stored.

use super::ids::TenantId;
use super::time::Timestamp;

/// That the entries with a tag, made in an earlier generation, have ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagEnd {
    /// Whose entries.
    pub tenant: TenantId,
    /// With which tag.
    pub tag: String,
    /// Made before which generation.
    pub generation: u64,
    /// When it was deleted.
    pub at: Timestamp,
}
