//! What the gate refuses and passes, by the fixtures of `tests/data/sql` and by properties of whatever passes.

mod attacks;
mod legitimate;
mod properties;
mod rewriting;

use super::{Catalogue, Column, Dialect, Gate, Limits, Rows, Scalar, Table, Values, Who};
use std::collections::{BTreeMap, BTreeSet};

/// A shop of two tenants' rows: orders and customers are a tenant's, products everybody's, and an analyst does not see everything.
fn catalogue() -> Catalogue {
    let table = |name: &str, columns: &[(&str, &str)], rows: Rows, hidden: &[&str]| {
        let columns: Vec<Column> =
            columns.iter().map(|(name, data_type)| Column { name: (*name).into(), data_type: (*data_type).into() }).collect();
        let visible: BTreeSet<String> =
            columns.iter().map(|column| column.name.clone()).filter(|name| !hidden.contains(&name.as_str())).collect();
        Table {
            schema: Some("shop".into()),
            name: name.into(),
            columns,
            rows,
            roles: BTreeMap::from([("analyst".to_owned(), visible)]),
        }
    };
    let tenant = || Rows::Tenant("tenant_id".into());
    let orders = [
        ("order_id", "BIGINT"),
        ("customer_id", "BIGINT"),
        ("product_id", "BIGINT"),
        ("status", "VARCHAR"),
        ("amount", "DECIMAL(12, 2)"),
        ("created_at", "TIMESTAMP"),
        ("tenant_id", "VARCHAR"),
    ];
    let customers = [
        ("customer_id", "BIGINT"),
        ("name", "VARCHAR"),
        ("country", "VARCHAR"),
        ("email", "VARCHAR"),
        ("credit_card", "VARCHAR"),
        ("tenant_id", "VARCHAR"),
    ];
    let products = [("product_id", "BIGINT"), ("category", "VARCHAR"), ("price", "DECIMAL(12, 2)")];
    let mut audit = table("audit", &[("line", "VARCHAR")], Rows::All, &[]);
    audit.roles = BTreeMap::from([("auditor".to_owned(), BTreeSet::from(["line".to_owned()]))]);
    Catalogue {
        tables: vec![
            table("orders", &orders, tenant(), &["tenant_id"]),
            table("customers", &customers, tenant(), &["tenant_id", "email", "credit_card"]),
            table("products", &products, Rows::All, &[]),
            audit,
        ],
    }
}

fn gate(dialect: Dialect) -> Gate {
    Gate::new(catalogue(), dialect, Limits { values: Values::Written, ..Limits::default() }).expect("the catalogue is sound")
}

fn analyst() -> Who {
    Who { tenant: Scalar::Text("acme".into()), role: "analyst".into(), attributes: BTreeMap::new() }
}

/// The dialects that a line of a fixture names: one, or all of them.
fn dialects(name: &str) -> Vec<Dialect> {
    let found: Vec<Dialect> = Dialect::ALL.into_iter().filter(|dialect| name == "every" || dialect.as_str() == name).collect();
    assert!(!found.is_empty(), "there is no dialect {name}");
    found
}
