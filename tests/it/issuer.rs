//! An identity provider for tests: it signs whatever it is asked to, and publishes its keys in the manner that it is told.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair, RsaPublicKeyComponents,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

/// A key that signs.
pub enum Signer {
    Rsa(RsaKeyPair),
    Ec(EcdsaKeyPair),
    Ed(Ed25519KeyPair),
}

impl Signer {
    pub fn rsa() -> Self {
        Self::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).unwrap())
    }

    pub fn ec() -> Self {
        Self::Ec(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap())
    }

    pub fn ed() -> Self {
        Self::Ed(Ed25519KeyPair::generate().unwrap())
    }

    pub fn algorithm(&self) -> &'static str {
        match self {
            Self::Rsa(_) => "RS256",
            Self::Ec(_) => "ES256",
            Self::Ed(_) => "EdDSA",
        }
    }

    pub fn signature(&self, message: &[u8]) -> Vec<u8> {
        match self {
            Self::Rsa(key) => {
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature).unwrap();
                signature
            }
            Self::Ec(key) => key.sign(&SystemRandom::new(), message).unwrap().as_ref().to_vec(),
            Self::Ed(key) => key.sign(message).as_ref().to_vec(),
        }
    }

    /// The public key, as a set of keys has it.
    pub fn jwk(&self, kid: &str) -> Value {
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let mut jwk = match self {
            Self::Rsa(key) => {
                let RsaPublicKeyComponents { n, e } = RsaPublicKeyComponents::<Vec<u8>>::from(key.public_key());
                json!({"kty": "RSA", "n": text(&n), "e": text(&e)})
            }
            Self::Ec(key) => {
                let point = key.public_key().as_ref();
                json!({"kty": "EC", "crv": "P-256", "x": text(&point[1..33]), "y": text(&point[33..])})
            }
            Self::Ed(key) => json!({"kty": "OKP", "crv": "Ed25519", "x": text(key.public_key().as_ref())}),
        };
        jwk["kid"] = json!(kid);
        jwk["use"] = json!("sig");
        jwk
    }

    /// The public key in the form that a careless library would take for a secret.
    pub fn public_bytes(&self) -> Vec<u8> {
        match self {
            Self::Rsa(key) => key.public_key().as_ref().to_vec(),
            Self::Ec(key) => key.public_key().as_ref().to_vec(),
            Self::Ed(key) => key.public_key().as_ref().to_vec(),
        }
    }

    /// A token of this header and these claims, each written as it stands.
    pub fn token_of(&self, header: &str, claims: &str) -> String {
        let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
        let signature = URL_SAFE_NO_PAD.encode(self.signature(message.as_bytes()));
        format!("{message}.{signature}")
    }

    pub fn token(&self, kid: &str, claims: &Value) -> String {
        self.token_of(&json!({"alg": self.algorithm(), "typ": "at+jwt", "kid": kid}).to_string(), &claims.to_string())
    }
}

pub fn now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs()
}

pub const ISSUER: &str = "https://login.example/";
pub const AUDIENCE: &str = "instinct";

/// Claims that are good for ten minutes.
pub fn claims(tenant: &str, roles: &[&str]) -> Value {
    json!({"iss": ISSUER, "aud": AUDIENCE, "sub": "u1", "exp": now() + 600, "nbf": now() - 10, "tenant": tenant, "roles": roles})
}

/// How it publishes its keys.
#[derive(Debug, Clone, PartialEq)]
pub enum Manner {
    Publishes(Value),
    Fails,
    Hangs,
    Garbage,
    Huge,
    EndlesslySlow,
    Redirects(String),
}

/// A server of keys.
#[derive(Debug)]
pub struct Issuer {
    pub url: String,
    manner: Arc<Mutex<Manner>>,
    asked: Arc<AtomicUsize>,
}

impl Issuer {
    pub fn start(manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/jwks.json", listener.local_addr().unwrap());
        let (manner, asked) = (Arc::new(Mutex::new(manner)), Arc::<AtomicUsize>::default());
        let (at, counted) = (Arc::clone(&manner), Arc::clone(&asked));
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (at, counted) = (Arc::clone(&at), Arc::clone(&counted));
                std::thread::spawn(move || {
                    counted.fetch_add(1, Ordering::Relaxed);
                    let manner = at.lock().clone();
                    // That the client goes away is what some of these are about.
                    let _ = behave(stream, manner);
                });
            }
        });
        Self { url, manner, asked }
    }

    pub fn set(&self, manner: Manner) {
        *self.manner.lock() = manner;
    }

    /// How many times it was asked.
    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }
}

pub fn keys(of: &[(&str, &Signer)]) -> Manner {
    Manner::Publishes(json!({"keys": of.iter().map(|(kid, signer)| signer.jwk(kid)).collect::<Vec<_>>()}))
}

fn behave(mut stream: TcpStream, manner: Manner) -> std::io::Result<()> {
    let mut head = [0; 4_096];
    let _ = stream.read(&mut head)?;
    let mut answer = |status: &str, more: &str, body: &str| {
        let length = body.len();
        let head = format!(
            "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n{more}\r\n"
        );
        stream.write_all((head + body).as_bytes())
    };
    match manner {
        Manner::Publishes(keys) => answer("200 OK", "", &keys.to_string()),
        Manner::Fails => answer("500 Internal Server Error", "", "{}"),
        Manner::Garbage => answer("200 OK", "", "<html>we are down for maintenance</html>"),
        Manner::Redirects(to) => answer("302 Found", &format!("location: {to}\r\n"), ""),
        Manner::Hangs => {
            std::thread::sleep(Duration::from_secs(30));
            Ok(())
        }
        Manner::Huge => {
            stream.write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{\"keys\":[")?;
            (0..10_000).try_for_each(|_| stream.write_all(&[b' '; 1_024]))
        }
        Manner::EndlesslySlow => {
            stream.write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{\"keys\":[")?;
            (0..300).try_for_each(|_| {
                std::thread::sleep(Duration::from_millis(100));
                stream.write_all(b" ")
            })
        }
    }
}
