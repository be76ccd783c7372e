//! What the fuzzer gives to the readers of keys.

use super::jwk::{SigningKeys, is_key_id};
use super::keys::KeySet;
use crate::limits::JWKS_KEYS_MAX;

/// Reads bytes as the set of keys of an issuer. No more are kept than are allowed.
pub fn signing_keys(bytes: &[u8]) {
    if let Ok(keys) = SigningKeys::parse(bytes) {
        assert!(keys.len() <= JWKS_KEYS_MAX);
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = is_key_id(text);
    }
}

/// Reads a text as a file of API keys.
pub fn api_keys(text: &str) {
    let _ = KeySet::parse(text);
}
