//! A text at the SQL gate of each dialect: what passes is filtered throughout, so that it passes again as it is.
#![no_main]

use instinct::sql::{Catalogue, Dialect, Gate, Limits, RefusalKind, Scalar, Values, Who};
use libfuzzer_sys::fuzz_target;
use std::collections::BTreeMap;
use std::sync::LazyLock;

const CATALOGUE: &str = r#"{"tables": [
    {"schema": "shop", "name": "orders", "rows": {"tenant": "tenant_id"}, "roles": {"analyst": ["order_id", "customer_id", "product_id", "status",
     "amount", "created_at"]}, "columns": [{"name": "order_id", "type": "BIGINT"}, {"name": "customer_id", "type": "BIGINT"},
     {"name": "product_id", "type": "BIGINT"}, {"name": "status", "type": "VARCHAR"}, {"name": "amount", "type": "DECIMAL(12, 2)"},
     {"name": "created_at", "type": "TIMESTAMP"}, {"name": "tenant_id", "type": "VARCHAR"}]},
    {"schema": "shop", "name": "customers", "rows": {"where": "tenant_id = :tenant"}, "roles": {"analyst": ["customer_id", "name", "country"]},
     "columns": [{"name": "customer_id", "type": "BIGINT"}, {"name": "name", "type": "VARCHAR"}, {"name": "country", "type": "VARCHAR"},
     {"name": "email", "type": "VARCHAR"}, {"name": "credit_card", "type": "VARCHAR"}, {"name": "tenant_id", "type": "VARCHAR"}]},
    {"schema": "shop", "name": "products", "rows": "all", "columns": [{"name": "product_id", "type": "BIGINT"},
     {"name": "category", "type": "VARCHAR"}, {"name": "price", "type": "DECIMAL(12, 2)"}]}]}"#;

static GATES: LazyLock<Vec<[Gate; 2]>> = LazyLock::new(|| {
    let gate = |dialect, values| {
        let catalogue: Catalogue = serde_json::from_str(CATALOGUE).expect("a catalogue");
        Gate::new(catalogue, dialect, Limits { values, ..Limits::default() }).expect("a sound catalogue")
    };
    Dialect::ALL.map(|dialect| [gate(dialect, Values::Written), gate(dialect, Values::Bound)]).into()
});

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    // A seed is a line of the fixtures, whose statement is the same in every dialect; what is mutated need not be JSON any longer.
    let line: Option<serde_json::Value> = serde_json::from_str(text).ok();
    let sql = line.as_ref().and_then(|line| line.get("sql")?.as_str()).unwrap_or(text);
    let who = Who { tenant: Scalar::Text("acme".into()), role: "analyst".into(), attributes: BTreeMap::new() };
    for [written, bound] in &*GATES {
        let Ok(passed) = written.pass(sql, &who) else { continue };
        match written.pass(&passed.sql, &who) {
            Ok(again) => assert_eq!(again.sql, passed.sql, "{:?}: it passes as it is", written.dialect()),
            Err(refused) => assert_eq!(refused.kind, RefusalKind::Size, "{:?}: {refused}: {}", written.dialect(), passed.sql),
        }
        let beside = bound.pass(sql, &who).expect("a parameter passes where a literal does");
        assert_eq!(beside.tables, passed.tables);
        assert!(beside.bindings.iter().all(|binding| binding.value == who.tenant));
    }
});
