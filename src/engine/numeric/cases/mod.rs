//! The entries of the catalogue that are compiled in.

/// Their texts, by their ids.
pub const BUILT_IN: &[&str] = &[
    include_str!("nr-01.toml"),
    include_str!("nr-04.toml"),
    include_str!("nr-13.toml"),
    include_str!("nr-16.toml"),
    include_str!("nr-18.toml"),
];
