//! Statements that must not pass.

use super::{analyst, dialects, gate};
use crate::sql::RefusalKind;
use serde::Deserialize;

const ATTACKS: &str = include_str!("../../../tests/data/sql/attacks.ndjson");

#[derive(Deserialize)]
struct Attack {
    dialect: String,
    kind: RefusalKind,
    sql: String,
}

#[test]
fn every_attack_of_the_list_is_refused_for_its_reason() {
    let (mut tried, mut wrong) = (0, Vec::new());
    for line in ATTACKS.lines() {
        let attack: Attack = serde_json::from_str(line).expect("a line of the list");
        for dialect in dialects(&attack.dialect) {
            tried += 1;
            let shown: String = attack.sql.chars().take(160).collect();
            match gate(dialect).pass(&attack.sql, &analyst()) {
                Ok(passed) => wrong.push(format!("PASSED {}: {shown}\n      {}", dialect.as_str(), passed.sql)),
                Err(refused) if refused.kind == attack.kind => {}
                Err(refused) => {
                    wrong.push(format!("{:?} for {:?} {}: {shown}\n      {refused}", refused.kind, attack.kind, dialect.as_str()))
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {tried}:\n{}", wrong.len(), wrong.join("\n"));
    assert!(ATTACKS.lines().count() >= 150, "the list is long enough");
}
