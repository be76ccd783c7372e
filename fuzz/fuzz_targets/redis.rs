//! An address of a Redis, and what a server that went mad replies: to the reader of changes and to the one of searches.
#![no_main]

use instinct::index::server::redisearch;
use instinct::{redis, store};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(text) = std::str::from_utf8(bytes) {
        redis::fuzz::address(text);
    }
    if let Some(reply) = redis::fuzz::reply(bytes) {
        redisearch::fuzz::replies(&reply);
        store::fuzz_redis::changes(reply);
    }
});
