//! Tokens of an identity provider: JWTs that are signed by RS256, ES256 or EdDSA (RFC 7519, with the practices of RFC 8725).
//!
//! A token that was verified is remembered by its hash for a short while, never past its end and never past a change of the signing keys, so
//! that a caller pays for the signature once and not with each request.

use super::config::JwtConfig;
use super::jwk::is_key_id;
use super::jwks::Jwks;
use super::members::Members;
use super::refusal::Refusal;
use crate::domain::ids::TenantId;
use crate::domain::request::Caller;
use crate::domain::role::{Role, Roles};
use crate::limits::{TOKENS_REMEMBERED_MAX, USER_BYTES_MAX};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, Validation, get_current_timestamp};
use quick_cache::sync::Cache;
use serde_json::Value;
use std::sync::Arc;

/// Members of a header that bring a key along, say where one is, or change how the rest is to be read. Nothing here follows them, and an
/// issuer that is configured with its keys has no use for them.
const REFUSED_MEMBERS: [&str; 8] = ["crit", "jwk", "jku", "x5c", "x5u", "b64", "enc", "zip"];

/// The types of token that are taken: access tokens, with their type stated or not. Whatever else an issuer signs, such as a token that ends
/// a session, is no access token (RFC 8725, 3.11).
const TYPES: [&str; 3] = ["jwt", "at+jwt", "application/at+jwt"];

/// A token that was verified.
#[derive(Debug)]
struct Verified {
    caller: Caller,
    /// In seconds since the epoch.
    until: u64,
    /// By which set of keys.
    set: u64,
}

/// What checks tokens.
#[derive(Debug)]
pub(super) struct Tokens {
    pub(super) jwks: Jwks,
    config: JwtConfig,
    validations: [(Algorithm, Validation); 3],
    verified: Cache<[u8; 32], Arc<Verified>>,
}

/// What the header of a token says.
#[derive(Debug, PartialEq, Eq)]
struct Head {
    algorithm: Algorithm,
    key_id: Option<String>,
}

impl Tokens {
    pub(super) fn open(config: &JwtConfig) -> Result<Self, String> {
        let validation = |algorithm| {
            let mut validation = Validation::new(algorithm);
            validation.leeway = config.leeway_sec;
            validation.validate_nbf = true;
            validation.set_issuer(&[&config.issuer]);
            validation.set_audience(&config.audience);
            validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
            (algorithm, validation)
        };
        Ok(Self {
            jwks: Jwks::open(config)?,
            config: config.clone(),
            validations: [Algorithm::RS256, Algorithm::ES256, Algorithm::EdDSA].map(validation),
            verified: Cache::new(TOKENS_REMEMBERED_MAX),
        })
    }

    /// Who a token says is asking. Waits where the key is not known and may be looked up.
    pub(super) async fn caller(&self, token: &str) -> Result<Caller, Refusal> {
        match self.caller_now(token) {
            Err(Refusal::UnknownSigningKey | Refusal::SigningKeysAway) if self.jwks.look_again().await => self.caller_now(token),
            known => known,
        }
    }

    /// The same by the keys that are known.
    pub(super) fn caller_now(&self, token: &str) -> Result<Caller, Refusal> {
        let held = self.jwks.held()?;
        let hash = *blake3::hash(token.as_bytes()).as_bytes();
        let now = get_current_timestamp();
        if let Some(known) = self.verified.get(&hash).filter(|known| known.set == held.number && now < known.until) {
            return Ok(known.caller.clone());
        }
        let head = Head::read(token)?;
        let key = held.keys.named(head.key_id.as_deref())?;
        let validation = self.validations.iter().find(|(algorithm, _)| *algorithm == key.algorithm);
        let (_, validation) = validation.filter(|_| head.algorithm == key.algorithm).ok_or(Refusal::Algorithm)?;
        let claims: Members = jsonwebtoken::decode(token, &key.key, validation).map_err(|e| refusal_of(e.kind()))?.claims;
        let caller = self.caller_of(&claims)?;
        let ends = claims.get("exp").and_then(|exp| exp.as_u64().or_else(|| exp.as_f64().map(|exp| exp as u64))).unwrap_or(now);
        let until = ends.min(now + self.config.remember_sec);
        self.verified.insert(hash, Arc::new(Verified { caller: caller.clone(), until, set: held.number }));
        Ok(caller)
    }

    /// Who the claims of a verified token speak of.
    fn caller_of(&self, claims: &Members) -> Result<Caller, Refusal> {
        // The library would also take a list that has the issuer in it.
        if claims.text("iss") != Some(&self.config.issuer) {
            return Err(Refusal::Issuer);
        }
        let user =
            claims.text("sub").filter(|user| (1..=USER_BYTES_MAX).contains(&user.len()) && !user.chars().any(char::is_control));
        let tenant = match &self.config.tenant {
            Some(tenant) => Some(tenant.clone()),
            None => claims.at(&self.config.tenant_claim).and_then(Value::as_str).and_then(|name| TenantId::new(name).ok()),
        };
        let (user, tenant) = user.zip(tenant).ok_or(Refusal::Claims)?;
        let words: Vec<&str> = match claims.at(&self.config.roles_claim) {
            Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).collect(),
            Some(Value::String(words)) => words.split(' ').collect(),
            _ => Vec::new(),
        };
        // An issuer lists the roles of all its services; those of others say nothing here.
        let roles = words.into_iter().filter_map(|word| Role::parse(word.strip_prefix(&*self.config.roles_prefix)?));
        Ok(Caller { tenant, user: Some(user.into()), roles: Roles::granted(roles) })
    }
}

impl Head {
    /// Reads the header of a token strictly, before anything is done with it.
    fn read(token: &str) -> Result<Self, Refusal> {
        let mut parts = token.split('.');
        let (Some(head), Some(claims), Some(signature), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
            return Err(Refusal::Malformed);
        };
        if head.is_empty() || claims.is_empty() || signature.is_empty() {
            return Err(Refusal::Malformed);
        }
        let head = URL_SAFE_NO_PAD.decode(head).map_err(|_| Refusal::Malformed)?;
        let head: Members = serde_json::from_slice(&head).map_err(|_| Refusal::Malformed)?;
        if REFUSED_MEMBERS.iter().any(|name| head.get(name).is_some()) {
            return Err(Refusal::Header);
        }
        let algorithm = match head.text("alg") {
            Some("RS256") => Algorithm::RS256,
            Some("ES256") => Algorithm::ES256,
            Some("EdDSA") => Algorithm::EdDSA,
            _ => return Err(Refusal::Algorithm),
        };
        match head.get("typ").map(Value::as_str) {
            None => {}
            Some(Some(given)) if TYPES.iter().any(|known| known.eq_ignore_ascii_case(given)) => {}
            Some(_) => return Err(Refusal::Algorithm),
        }
        let key_id = match head.get("kid") {
            None => None,
            Some(Value::String(id)) if is_key_id(id) => Some(id.clone()),
            Some(_) => return Err(Refusal::Header),
        };
        Ok(Self { algorithm, key_id })
    }
}

fn refusal_of(kind: &ErrorKind) -> Refusal {
    match kind {
        ErrorKind::ExpiredSignature => Refusal::Expired,
        ErrorKind::ImmatureSignature => Refusal::NotYet,
        ErrorKind::InvalidIssuer => Refusal::Issuer,
        ErrorKind::InvalidAudience => Refusal::Audience,
        ErrorKind::MissingRequiredClaim(_) | ErrorKind::InvalidClaimFormat(_) | ErrorKind::InvalidSubject => Refusal::Claims,
        ErrorKind::InvalidAlgorithm | ErrorKind::UnsupportedAlgorithm | ErrorKind::InvalidAlgorithmName => Refusal::Algorithm,
        ErrorKind::InvalidToken | ErrorKind::Base64(_) | ErrorKind::Json(_) | ErrorKind::Utf8(_) => Refusal::Malformed,
        _ => Refusal::Signature,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn head(json: &str) -> Result<Head, Refusal> {
        Head::read(&format!("{}.e30.AA", URL_SAFE_NO_PAD.encode(json)))
    }

    #[test]
    fn a_header_of_the_known_kinds_is_read() {
        assert_eq!(head(r#"{"alg":"ES256"}"#), Ok(Head { algorithm: Algorithm::ES256, key_id: None }));
        let read = head(r#"{"alg":"RS256","typ":"at+JWT","kid":"2026-01/a+b=","x5t":"abc"}"#);
        assert_eq!(read, Ok(Head { algorithm: Algorithm::RS256, key_id: Some("2026-01/a+b=".to_owned()) }));
    }

    #[test]
    fn every_other_header_is_refused_before_a_key_is_looked_for() {
        for alg in ["none", "None", "NONE", "nOnE", "", "HS256", "HS512", "RS384", "PS256", "ES384", "es256", "ES256 ", "Ed25519"]
        {
            assert_eq!(head(&format!(r#"{{"alg":"{alg}","kid":"a"}}"#)), Err(Refusal::Algorithm), "{alg}");
        }
        for json in [
            r#"{}"#,
            r#"{"alg":null}"#,
            r#"{"alg":["ES256"]}"#,
            r#"{"alg":"ES256","typ":"logout+jwt"}"#,
            r#"{"alg":"ES256","typ":1}"#,
        ] {
            assert_eq!(head(json), Err(Refusal::Algorithm), "{json}");
        }
        for name in REFUSED_MEMBERS {
            assert_eq!(head(&format!(r#"{{"alg":"ES256","{name}":null}}"#)), Err(Refusal::Header), "{name}");
        }
        for id in ["\"\"", "7", "null", "\"a b\"", "\"'; DROP TABLE keys --\"", "\"a\\u0000\"", "{}", "\"é\""] {
            assert_eq!(head(&format!(r#"{{"alg":"ES256","kid":{id}}}"#)), Err(Refusal::Header), "{id}");
        }
        assert_eq!(head(&format!(r#"{{"alg":"ES256","kid":"{}"}}"#, "a".repeat(129))), Err(Refusal::Header));
        for json in ["", "[]", "{", r#"{"alg":"ES256","alg":"none"}"#, r#"{"alg":"ES256"} "#] {
            let expected = if json.ends_with("} ") {
                Ok(Head { algorithm: Algorithm::ES256, key_id: None })
            } else {
                Err(Refusal::Malformed)
            };
            assert_eq!(head(json), expected, "{json}");
        }
    }

    #[test]
    fn a_token_without_its_three_parts_is_malformed() {
        for token in
            ["", ".", "..", "a.b", "a..c", ".b.c", "a.b.", "a.b.c.d", "a.b.c.d.e", "!.b.c", "eyJhbGciOiJFUzI1NiJ9=.e30.AA"]
        {
            assert_eq!(Head::read(token), Err(Refusal::Malformed), "{token}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_the_reader_panic(text in "\\PC{0,60}|[A-Za-z0-9_.-]{0,80}", json in "\\{(\"(alg|kid|typ)\":(\"[A-Za-z0-9]{0,5}\"|1|null),?){0,3}\\}") {
            let _ = (Head::read(&text), head(&json));
        }
    }
}
