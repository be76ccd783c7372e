//! A text as each file that an operator writes: settings, a calibration, examples for triage, where a store is.
#![no_main]

use instinct::config::Config;
use instinct::domain::calibration::Calibration;
use instinct::store::Backend;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    Config::fuzz(text);
    let _ = (Calibration::parse(text), instinct::triage::read(text), text.parse::<Backend>());
});
