//! What the fuzzer gives to the readers of replies.

use super::reply::{Info, Page, module_version};
use crate::domain::ids::EntryId;
use crate::redis::Value;

/// Reads a reply as that of every command that is sent.
pub fn replies(reply: &Value) {
    if let Ok(page) = Page::read(reply, |key| EntryId::parse(key.strip_prefix("{t}:")?).ok()) {
        assert!(page.found.len() <= page.came && page.found.iter().all(|found| (-1.0..=1.0).contains(&found.similarity)));
    }
    if let Ok(info) = Info::read(reply) {
        assert!((0.0..=1.0).contains(&info.built), "{}", info.built);
    }
    let _ = module_version(reply, "search");
}
