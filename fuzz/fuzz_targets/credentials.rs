//! Bytes of a stranger as `Authorization`: as they are, as a bearer, and as header, claims and signature of a token, cut where the first two
//! bytes say. Nobody who does not hold the key gets in.
#![no_main]

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use instinct::tenant::{AuthConfig, Credentials, JwtConfig};
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

/// Keys of RFC 8037 (A.2) and RFC 7515 (A.3), and a line of a key that nobody has.
const JWKS: &str = r#"{"keys":[
    {"kty":"OKP","crv":"Ed25519","kid":"ed","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},
    {"kty":"EC","crv":"P-256","kid":"ec","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}
]}"#;
const API_KEYS: &str = "0123456789abcdef = { hash = \"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\", tenant = \"a\", roles = [\"admin\"] }";

static CREDENTIALS: LazyLock<Credentials> = LazyLock::new(|| {
    let folder = std::env::temp_dir().join(format!("instinct-fuzz-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("there is a folder for temporary files");
    let (jwks, keys) = (folder.join("jwks.json"), folder.join("keys.toml"));
    std::fs::write(&jwks, JWKS).expect("a file is written");
    std::fs::write(&keys, API_KEYS).expect("a file is written");
    let jwt = serde_json::json!({"issuer": "i", "audience": ["a"], "jwks_file": jwks});
    let jwt: JwtConfig = serde_json::from_value(jwt).expect("the settings are good");
    let config = AuthConfig { keys_file: Some(keys), jwt: Some(jwt), ..AuthConfig::default() };
    let credentials = Credentials::open(&config).expect("the files are good");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime starts");
    assert!(runtime.block_on(credentials.refresh()), "the keys are there");
    credentials
});

fuzz_target!(|bytes: &[u8]| {
    let refused = |header: &[u8]| assert!(CREDENTIALS.caller_now(header).is_err());
    refused(bytes);
    refused(&[b"Bearer ", bytes].concat());
    let [first, second, rest @ ..] = bytes else { return };
    let (head, rest) = rest.split_at(usize::from(*first).min(rest.len()));
    let (claims, signature) = rest.split_at(usize::from(*second).min(rest.len()));
    let part = |bytes| URL_SAFE_NO_PAD.encode(bytes);
    refused(format!("Bearer {}.{}.{}", part(head), part(claims), part(signature)).as_bytes());
    // With a header that is good, so that what comes after it is looked at.
    for header in [r#"{"alg":"EdDSA","kid":"ed"}"#, r#"{"alg":"ES256","kid":"ec"}"#] {
        refused(format!("Bearer {}.{}.{}", part(header.as_bytes()), part(claims), part(signature)).as_bytes());
    }
});
