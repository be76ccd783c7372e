//! Entries: known decisions in bulk, search, one whole, deletion.

pub(super) mod bulk;
pub(super) mod delete;
pub(super) mod search;
pub(super) mod whole;
