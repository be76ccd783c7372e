//! The entries of the catalogue that are compiled in.

/// Their texts, by their ids.
pub const BUILT_IN: &[&str] = &[
    include_str!("nr-02.toml"),
    include_str!("nr-03.toml"),
    include_str!("nr-07.toml"),
    include_str!("nr-10.toml"),
    include_str!("nr-19.toml"),
    include_str!("nr-20.toml"),
];
