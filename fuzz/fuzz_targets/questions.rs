//! A question of a stranger about the sample's tables: read twice it means the same, and what is understood compiles in every dialect or says why not.
#![no_main]

use instinct::engine::analytics::compile::compile;
use instinct::engine::analytics::compile::sql::Dialect;
use instinct::engine::analytics::layer::Layer;
use instinct::engine::analytics::words::{Reading, Words};
use libfuzzer_sys::fuzz_target;
use std::sync::{Arc, LazyLock};

static WORDS: LazyLock<Words> = LazyLock::new(|| {
    let layer = Layer::read(include_str!("../../layers/olist.yaml")).expect("the reviewed layer reads");
    Words::new(Arc::new(layer))
});

fuzz_target!(|text: &str| {
    let today = jiff::civil::date(2018, 9, 1);
    let reading = WORDS.read(text, today);
    assert_eq!(WORDS.read(text, today), reading);
    let _ = WORDS.is_free(text);
    let Reading::Data(asked) = reading else { return };
    let json = serde_json::to_string(&asked.intent).expect("an intent is JSON");
    assert_eq!(serde_json::from_str::<instinct::engine::analytics::intent::Intent>(&json).expect("it reads back"), asked.intent);
    for dialect in [Dialect::Clickhouse, Dialect::Duckdb, Dialect::Mysql, Dialect::Postgres, Dialect::Sqlite] {
        let _ = compile(WORDS.layer(), &asked.intent, dialect);
    }
});
