//! Labelled data, as each of the kinds that are read.
#![no_main]

use instinct::eval::dataset::{Kind, Reading, parse};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let reading = Reading::default();
    let found = Kind::of(bytes);
    for kind in [Kind::Pairs, Kind::Clusters, Kind::Mrpc, Kind::Stream, Kind::Csv, Kind::Clinc, Kind::Events].into_iter().chain(found) {
        let (rows, bad) = parse(bytes, kind, &reading);
        assert!(rows.is_empty() || !bytes.is_empty());
        drop(bad);
    }
});
