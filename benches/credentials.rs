//! What it costs to know who is asking: an API key, a token that was verified a moment ago, and one that is verified now.

#![expect(clippy::unwrap_used, reason = "a benchmark that meets what it does not expect must fail")]

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use criterion::{Criterion, criterion_group, criterion_main};
use instinct::domain::ids::TenantId;
use instinct::domain::role::Role;
use instinct::tenant::{AuthConfig, Credentials, KeyTerms, NewKey};
use serde_json::json;
use std::hint::black_box;

fn text(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn token(algorithm: &str, kid: &str, sign: impl Fn(&[u8]) -> Vec<u8>) -> String {
    let claims = json!({"iss": "i", "aud": "a", "sub": "u", "exp": 4_000_000_000_u64, "tenant": "acme", "roles": ["decide"],
        "groups": vec!["a-group-of-some-length"; 20]});
    let message =
        format!("{}.{}", text(json!({"alg": algorithm, "kid": kid}).to_string().as_bytes()), text(claims.to_string().as_bytes()));
    let signature = text(&sign(message.as_bytes()));
    format!("Bearer {message}.{signature}")
}

fn credentials(c: &mut Criterion) {
    let folder = tempfile::TempDir::new().unwrap();
    let (ed, ec) = (Ed25519KeyPair::generate().unwrap(), EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap());
    let point = ec.public_key().as_ref();
    let jwks = json!({"keys": [
        {"kty": "OKP", "crv": "Ed25519", "kid": "ed", "x": text(ed.public_key().as_ref())},
        {"kty": "EC", "crv": "P-256", "kid": "ec", "x": text(&point[1..33]), "y": text(&point[33..])},
    ]});
    std::fs::write(folder.path().join("jwks.json"), jwks.to_string()).unwrap();
    let key = NewKey::generate().unwrap();
    let tenant = TenantId::new("acme").unwrap();
    let terms = KeyTerms { tenant, roles: vec![Role::Decide], user: None, not_after: None };
    std::fs::write(folder.path().join("keys.toml"), key.line(&terms)).unwrap();
    let open = |remember_sec: u64| {
        let jwt =
            json!({"issuer": "i", "audience": ["a"], "jwks_file": folder.path().join("jwks.json"), "remember_sec": remember_sec});
        let config = AuthConfig {
            keys_file: Some(folder.path().join("keys.toml")),
            jwt: Some(serde_json::from_value(jwt).unwrap()),
            ..AuthConfig::default()
        };
        let credentials = Credentials::open(&config).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        assert!(runtime.block_on(credentials.refresh()));
        credentials
    };
    let (remembering, forgetful) = (open(60), open(0));
    let header = format!("Bearer {}", key.as_str());
    let rng = aws_lc_rs::rand::SystemRandom::new();
    let by_ed = token("EdDSA", "ed", |message| ed.sign(message).as_ref().to_vec());
    let by_ec = token("ES256", "ec", |message| ec.sign(&rng, message).unwrap().as_ref().to_vec());
    for (name, credentials, header) in [
        ("credentials/an API key", &remembering, &header),
        ("credentials/a token that is remembered", &remembering, &by_ec),
        ("credentials/a token by ES256", &forgetful, &by_ec),
        ("credentials/a token by EdDSA", &forgetful, &by_ed),
    ] {
        assert!(credentials.caller_now(header.as_bytes()).is_ok(), "{name}");
        c.bench_function(name, |bench| bench.iter(|| credentials.caller_now(black_box(header.as_bytes()))));
    }
}

criterion_group!(benches, credentials);
criterion_main!(benches);
