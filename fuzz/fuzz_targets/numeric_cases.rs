//! A text as an entry of the numeric catalogue, as its sentence, and as a question for its parameters.
#![no_main]

use instinct::engine::numeric::catalogue::{Catalogue, Condition, Moment, Sentence};
use instinct::engine::numeric::{methods, slots};
use instinct::domain::time::Timestamp;
use libfuzzer_sys::fuzz_target;
use serde_json::Map;

fuzz_target!(|text: &str| {
    let mut catalogue = Catalogue::default();
    let _ = catalogue.add("fuzz", text, &methods::named);
    for case in catalogue.iter() {
        let _ = slots::fill(case, text, &[]);
    }
    let _ = Condition::read(text);
    if let Ok(sentence) = Sentence::read(text) {
        let at = Timestamp::from_micros(0);
        let _ = sentence.say(&Map::new(), &Map::new(), Moment { fitted_at: at, now: at });
    }
});
