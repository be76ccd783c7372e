//! A text as an MPS file; what is read is written so that it reads the same.
#![no_main]

use instinct::modelling::Model;
use instinct::modelling::mps::{read, write};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(program) = read(bytes) else { return };
    let text = write(&program).expect("what was read can be written");
    let again = read(text.as_bytes()).expect("what was written can be read");
    assert_eq!((again.columns.len(), again.rows.len(), again.sense), (program.columns.len(), program.rows.len(), program.sense));
    let _ = Model::from_program(program).expand();
});
