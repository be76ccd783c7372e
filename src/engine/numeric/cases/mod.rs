//! The entries of the catalogue that are compiled in.

/// Their texts, by their ids.
pub const BUILT_IN: &[&str] = &[];
