//! The suite of traps and paraphrases, held against the fact reader alone.

use super::service::{entry, project, start};
use instinct::domain::time::Timestamp;
use instinct::facts::{Lexicon, Rules, compare, read};
use serde_json::{Value, json};

const TRAPS: [&str; 2] = ["traps.ndjson", "extra_traps.ndjson"];
const PARAPHRASES: [&str; 2] = ["paraphrases.ndjson", "extra_paraphrases.ndjson"];
const BOTH: [&str; 4] = ["pairs_markets.ndjson", "pairs_ops.ndjson", "pairs_minimal.ndjson", "pairs_wider.ndjson"];
/// Pairs whose paraphrases are not all seen through yet; only the traps must hold.
const LOOSE: [&str; 2] = ["pairs_loose.ndjson", "pairs_plain.ndjson"];

/// The pairs of a file for which the reader did not do as it should, and how many pairs there are. Of a file that holds both kinds only
/// those are taken whose `same` says the kind.
fn failures(file: &str, must_conflict: bool) -> (Vec<String>, usize) {
    let text = std::fs::read_to_string(project().join("tests/data").join(file)).unwrap();
    let lexicon = Lexicon::built_in().unwrap();
    let (now, rules) = (Timestamp::parse("2026-11-14T12:00:00Z").unwrap(), Rules::default());
    let (mut failed, mut count) = (Vec::new(), 0);
    for line in text.lines() {
        let pair: Value = serde_json::from_str(line).unwrap();
        if pair["same"].as_bool().is_some_and(|same| same == must_conflict) {
            continue;
        }
        count += 1;
        let facts = |side: &str| read(pair[side].as_str().unwrap(), now, &lexicon);
        if compare(&facts("a"), &facts("b"), &rules).is_err() != must_conflict {
            failed.push(line.to_owned());
        }
    }
    (failed, count)
}

#[test]
fn every_trap_of_the_suite_conflicts() {
    for file in TRAPS.iter().chain(&BOTH).chain(&LOOSE) {
        let (failed, count) = failures(file, true);
        println!("{file}: {} of {count} conflict", count - failed.len());
        assert!(failed.is_empty(), "{file} would be served:\n{}", failed.join("\n"));
    }
}

#[test]
fn four_of_five_paraphrases_of_the_suite_pass() {
    for file in PARAPHRASES.iter().chain(&BOTH) {
        let (failed, count) = failures(file, false);
        println!("{file}: {} of {count} pass", count - failed.len());
        assert!(failed.len() * 5 <= count, "{file} would be refused:\n{}", failed.join("\n"));
    }
}

#[test]
fn what_was_read_is_shown_by_the_search_and_with_the_entry() {
    let service = start();
    let id = service.remember(&entry("Bitcoin rises 5%", 1));
    let found = service.post("/v1/entries/search", &json!({"text": "BTC falls 5%"})).json();
    assert_eq!(found["facts"]["events"][0]["pole"], -1, "{found}");
    assert_eq!(found["candidates"][0]["facts"]["events"][0]["pole"], 1, "{found}");
    let whole = service.get(&format!("/v1/entries/{id}")).json();
    assert_eq!(whole["facts"]["entities"][0]["id"], "BTC", "{whole}");
    let strategies = service.get("/v1/strategies").text;
    assert!(strategies.contains("\"words_added_max\""), "{strategies}");
}
