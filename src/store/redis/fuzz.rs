//! What the fuzzer gives to the reader of changes.

use super::follow;
use crate::domain::ids::TenantId;
use crate::redis::Value;
use crate::store::shared::Position;

/// Reads replies as those to XREAD and to XINFO, of a reader who follows two tenants.
pub fn changes(reply: Value) {
    let parts = ["a", "b"].into_iter().filter_map(|name| TenantId::new(name).ok()).map(|tenant| (tenant, (1, 0))).collect();
    follow::fuzz(&Position { parts }, reply);
}
