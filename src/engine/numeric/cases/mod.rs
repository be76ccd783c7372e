//! The entries of the catalogue that are compiled in.

/// Their texts, by their ids.
pub const BUILT_IN: &[&str] = &[
    include_str!("nr-01.toml"),
    include_str!("nr-02.toml"),
    include_str!("nr-03.toml"),
    include_str!("nr-04.toml"),
    include_str!("nr-05.toml"),
    include_str!("nr-06.toml"),
    include_str!("nr-07.toml"),
    include_str!("nr-08.toml"),
    include_str!("nr-09.toml"),
    include_str!("nr-10.toml"),
    include_str!("nr-11.toml"),
    include_str!("nr-12.toml"),
    include_str!("nr-13.toml"),
    include_str!("nr-14.toml"),
    include_str!("nr-15.toml"),
    include_str!("nr-16.toml"),
    include_str!("nr-17.toml"),
    include_str!("nr-18.toml"),
    include_str!("nr-19.toml"),
    include_str!("nr-20.toml"),
];
