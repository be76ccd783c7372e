//! The signing keys of an issuer (RFC 7517, RFC 7518), as many of them as can be used.
//!
//! The key says by which algorithm its signatures are checked, and the token has no say: a key for RSA is never a secret for HMAC, and
//! `none` is the algorithm of no key (RFC 8725, 3.1).

use super::refusal::Refusal;
use crate::limits::{JWKS_KEYS_MAX, KEY_ID_BYTES_MAX, RSA_BITS};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// One key.
#[derive(Debug, Clone)]
pub(super) struct SigningKey {
    pub algorithm: Algorithm,
    pub key: DecodingKey,
}

/// The keys that can be used.
#[derive(Debug, Clone, Default)]
pub(super) struct SigningKeys {
    by_id: BTreeMap<String, SigningKey>,
    // Of a set of one key tokens may leave out which they mean.
    only: Option<SigningKey>,
}

#[derive(Deserialize)]
struct Set {
    keys: Vec<Value>,
}

#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: Option<String>,
    alg: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    key_ops: Option<Vec<String>>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

/// Whether a text may be the id of a key. It is only ever compared.
pub(super) fn is_key_id(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"._-+/=:~@".contains(&b);
    (1..=KEY_ID_BYTES_MAX).contains(&text.len()) && text.bytes().all(allowed)
}

impl SigningKeys {
    /// Reads a JWK set. Keys that are for something else, or of a kind or a strength that is not taken, are left out.
    ///
    /// # Errors
    /// Where it is no set of keys.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, String> {
        let Set { keys } = serde_json::from_slice(bytes).map_err(|e| format!("it is no set of keys: {e}"))?;
        if keys.len() > JWKS_KEYS_MAX {
            return Err(format!("it has {} keys, and {JWKS_KEYS_MAX} are allowed", keys.len()));
        }
        let mut set = Self::default();
        let mut usable = Vec::new();
        for (at, key) in keys.into_iter().enumerate() {
            match read(key) {
                Ok(read) => usable.push(read),
                Err(why) => tracing::debug!(at, why, "a signing key is left out"),
            }
        }
        set.only = match usable.as_slice() {
            [(_, key)] => Some(key.clone()),
            _ => None,
        };
        for (id, key) in usable {
            let Some(id) = id else { continue };
            if set.by_id.contains_key(&id) {
                tracing::warn!(kid = id, "two signing keys have one id; the first is taken");
                continue;
            }
            set.by_id.insert(id, key);
        }
        Ok(set)
    }

    /// The key that a token names.
    pub(super) fn named(&self, id: Option<&str>) -> Result<&SigningKey, Refusal> {
        match id {
            Some(id) => self.by_id.get(id).ok_or(Refusal::UnknownSigningKey),
            None => self.only.as_ref().ok_or(Refusal::Header),
        }
    }

    /// How many keys a token may name.
    pub(super) fn len(&self) -> usize {
        self.by_id.len().max(usize::from(self.only.is_some()))
    }
}

fn read(key: Value) -> Result<(Option<String>, SigningKey), &'static str> {
    let jwk: Jwk = serde_json::from_value(key).map_err(|_| "it is no key")?;
    if jwk.usage.as_ref().is_some_and(|usage| usage != "sig") {
        return Err("it is not for signatures");
    }
    if jwk.key_ops.as_ref().is_some_and(|ops| !ops.iter().any(|op| op == "verify")) {
        return Err("it is not for verifying");
    }
    if jwk.kid.as_ref().is_some_and(|id| !is_key_id(id)) {
        return Err("its id is none");
    }
    let part = |part: &Option<String>| {
        let part = part.as_ref().ok_or("a part of it is missing")?;
        URL_SAFE_NO_PAD.decode(part).map_err(|_| "a part of it is not in base64url")
    };
    let is_for = |names: &[&str]| jwk.alg.as_deref().is_none_or(|alg| names.contains(&alg));
    let signing = match (&*jwk.kty, jwk.crv.as_deref()) {
        ("RSA", None) if is_for(&["RS256"]) => {
            let (n, e) = (part(&jwk.n)?, part(&jwk.e)?);
            if !RSA_BITS.contains(&bits(&n)) {
                return Err("it is too short to be safe, or too long to be quick");
            }
            SigningKey { algorithm: Algorithm::RS256, key: DecodingKey::from_rsa_raw_components(&n, &e) }
        }
        ("EC", Some("P-256")) if is_for(&["ES256"]) => {
            let (x, y) = (part(&jwk.x)?, part(&jwk.y)?);
            if (x.len(), y.len()) != (32, 32) {
                return Err("it is no point of its curve");
            }
            // SEC 1, 2.3.3: an uncompressed point.
            SigningKey { algorithm: Algorithm::ES256, key: DecodingKey::from_ec_der(&[&[4], &x[..], &y[..]].concat()) }
        }
        ("OKP", Some("Ed25519")) if is_for(&["EdDSA", "Ed25519"]) => {
            let x = part(&jwk.x)?;
            if x.len() != 32 {
                return Err("it is no point of its curve");
            }
            SigningKey { algorithm: Algorithm::EdDSA, key: DecodingKey::from_ed_der(&x) }
        }
        _ => return Err("it is of another kind or algorithm than RS256, ES256 and EdDSA"),
    };
    Ok((jwk.kid, signing))
}

/// The bits of a number, the first of which is one.
fn bits(number: &[u8]) -> usize {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    number.get(zeros).map_or(0, |first| (number.len() - zeros) * 8 - first.leading_zeros() as usize)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn ec(kid: &str) -> Value {
        json!({"kty": "EC", "crv": "P-256", "kid": kid, "x": URL_SAFE_NO_PAD.encode([1; 32]), "y": URL_SAFE_NO_PAD.encode([2; 32])})
    }

    fn rsa(bytes: usize) -> Value {
        json!({"kty": "RSA", "kid": "r", "n": URL_SAFE_NO_PAD.encode(vec![0xc1; bytes]), "e": "AQAB"})
    }

    fn count(keys: &[Value]) -> usize {
        SigningKeys::parse(json!({"keys": keys}).to_string().as_bytes()).unwrap().by_id.len()
    }

    #[test]
    fn keys_of_another_use_kind_curve_or_strength_are_left_out() {
        let with = |mut key: Value, name: &str, value: Value| {
            key[name] = value;
            key
        };
        assert_eq!(count(&[ec("a"), rsa(256)]), 2);
        for unfit in [
            with(ec("a"), "use", json!("enc")),
            with(ec("a"), "key_ops", json!(["sign"])),
            with(ec("a"), "alg", json!("ES384")),
            with(ec("a"), "alg", json!("none")),
            with(ec("a"), "alg", json!("HS256")),
            with(ec("a"), "crv", json!("P-384")),
            with(ec("a"), "x", json!("AA")),
            with(ec("a"), "x", json!("!")),
            with(ec("a"), "kid", json!("a b")),
            with(ec("a"), "kid", json!(7)),
            with(rsa(256), "alg", json!("HS256")),
            with(rsa(256), "alg", json!("RSA-OAEP")),
            rsa(128),
            rsa(255),
            rsa(1_025),
            json!({"kty": "oct", "kid": "o", "k": "c2VjcmV0"}),
            json!("key"),
        ] {
            assert_eq!(count(std::slice::from_ref(&unfit)), 0, "{unfit}");
        }
        assert!(SigningKeys::parse(b"<html>").is_err() && SigningKeys::parse(b"{}").is_err());
        let many = json!({"keys": vec![ec("a"); JWKS_KEYS_MAX + 1]}).to_string();
        assert!(SigningKeys::parse(many.as_bytes()).is_err());
    }

    #[test]
    fn a_token_may_leave_out_its_key_only_where_there_is_one() {
        let set = |keys: &[Value]| SigningKeys::parse(json!({"keys": keys}).to_string().as_bytes()).unwrap();
        assert!(set(&[ec("a")]).named(None).is_ok());
        assert_eq!(set(&[ec("a"), ec("b")]).named(None).unwrap_err(), Refusal::Header);
        assert_eq!(set(&[ec("a")]).named(Some("b")).unwrap_err(), Refusal::UnknownSigningKey);
        assert_eq!(set(&[]).named(Some("b")).unwrap_err(), Refusal::UnknownSigningKey);
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(bytes: Vec<u8>, text in "\\{\"keys\":\\[\\{\"kty\":\"(RSA|EC|OKP)\",\"[a-z]{1,3}\":\"[A-Za-z0-9_-]{0,60}\"\\}\\]\\}") {
            let _ = SigningKeys::parse(&bytes);
            prop_assert_eq!(SigningKeys::parse(text.as_bytes()).unwrap().len(), 0);
        }

        #[test]
        fn bits_are_counted_from_the_first_that_is_one(number: u64, zeros in 0_usize..9) {
            let bytes = [vec![0; zeros], number.to_be_bytes().to_vec()].concat();
            prop_assert_eq!(bits(&bytes), 64 - number.leading_zeros() as usize);
        }
    }
}
