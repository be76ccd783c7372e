//! A text as a model, and where it is one written out, checked and read again.
#![no_main]

use instinct::modelling::Model;
use libfuzzer_sys::fuzz_target;
use std::collections::BTreeMap;

fuzz_target!(|bytes: &[u8]| {
    let Ok(model) = Model::parse(bytes) else { return };
    assert_eq!(model.intent_key(), Model::parse(bytes).expect("what was read reads again").intent_key());
    let Ok(expanded) = model.expand() else { return };
    let zeros: BTreeMap<String, f64> = expanded.variables.iter().map(|variable| (variable.name.clone(), 0.0)).collect();
    let _ = model.check(&zeros, 1e-6);
    assert_eq!(expanded.program, model.expand().expect("what was written out is written out again").program);
    if let Some(constraint) = expanded.constraints.first() {
        assert!(model.without(&[&constraint.constraint]).constraints().len() < model.constraints().len());
    }
});
