//! placeholder
#[derive(Debug)]
pub struct Restored;
#[derive(Debug)]
pub struct SnapshotError;
