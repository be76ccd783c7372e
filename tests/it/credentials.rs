//! Who is let in, over HTTP: every known way to forge a token is refused with one and the same answer.

use super::issuer::{AUDIENCE, ISSUER, Issuer, Manner, Signer, claims, keys, now};
use super::service::{Builder, Reply, Service, binary};
use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use instinct::config::{Config, Overrides};
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A new API key, whose line is added to a file.
pub fn new_key(file: &Path, tenant: &str, roles: &[&str]) -> String {
    let mut command = Command::new(binary());
    command.args(["keys", "new", "--tenant", tenant, "--file"]).arg(file);
    roles.iter().for_each(|role| _ = command.args(["--role", role]));
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// A request with a value of `Authorization`.
pub fn ask(service: &Service, authorization: &str, (method, path): (&str, &str), body: &str) -> Reply {
    let http = reqwest::blocking::Client::builder().timeout(Duration::from_secs(60)).build().unwrap();
    let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
    let response = http
        .request(method, format!("{}{path}", service.url))
        .header("authorization", authorization)
        .body(body.to_owned())
        .send()
        .unwrap();
    Reply { status: response.status().as_u16(), headers: response.headers().clone(), text: response.text().unwrap() }
}

/// A service that takes the tokens of an issuer, and one API key.
struct Guarded {
    service: Service,
    key: String,
    _folder: TempDir,
}

impl Guarded {
    fn start(issuer: &Issuer, settings: &[(&str, &str)]) -> Self {
        let folder = TempDir::new().unwrap();
        let file = folder.path().join("keys.toml");
        let key = new_key(&file, "acme", &["admin"]);
        let builder = Builder::new()
            .set("AUTH__KEYS_FILE", file.to_str().unwrap())
            .set("AUTH__JWT__ISSUER", ISSUER)
            .set("AUTH__JWT__AUDIENCE", &format!("[\"{AUDIENCE}\"]"))
            .set("AUTH__JWT__JWKS_URL", &issuer.url)
            .set("AUTH__JWT__TIMEOUT_MS", "500");
        let builder = settings.iter().fold(builder, |builder, (name, value)| builder.set(name, value));
        Self { service: builder.start(), key, _folder: folder }
    }

    fn strategies(&self, token: &str) -> Reply {
        ask(&self.service, &format!("Bearer {token}"), ("GET", "/v1/strategies"), "")
    }

    /// Waits until a token is answered with a status; what happens in the background takes its time.
    fn until(&self, token: &str, status: u16) {
        let since = Instant::now();
        while self.strategies(token).status != status {
            assert!(since.elapsed() < Duration::from_secs(30), "the status did not become {status}");
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    fn refused_for(&self, reason: &str) -> u64 {
        let metrics = self.service.get("/metrics").text;
        let line = format!("auth_refused_total{{reason=\"{reason}\"}} ");
        metrics.lines().find_map(|found| found.strip_prefix(&line)?.parse().ok()).unwrap_or(0)
    }
}

fn with(mut claims: Value, name: &str, value: Value) -> Value {
    claims[name] = value;
    claims
}

fn without(mut claims: Value, name: &str) -> Value {
    claims.as_object_mut().unwrap().remove(name);
    claims
}

fn hmac_token(header: &str, claims: &Value, secret: &[u8]) -> String {
    let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims.to_string()));
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), message.as_bytes());
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(tag))
}

/// Forged, spoilt and foreign tokens, each with the reason that is counted for it.
fn attacks(good: &Value, (rsa, ec, ed): (&Signer, &Signer, &Signer)) -> Vec<(String, &'static str, String)> {
    let mut list: Vec<(String, &'static str, String)> = Vec::new();
    let mut add = |name: &str, reason, token: String| list.push((name.to_owned(), reason, token));
    let text = good.to_string();
    let body = URL_SAFE_NO_PAD.encode(&text);
    for alg in ["none", "None", "NONE", "nOnE", "", "null"] {
        let head = URL_SAFE_NO_PAD.encode(json!({"alg": alg, "typ": "JWT", "kid": "rsa"}).to_string());
        add(&format!("alg {alg:?} without a signature"), "malformed", format!("{head}.{body}."));
        add(&format!("alg {alg:?} with a signature"), "algorithm", format!("{head}.{body}.{}", URL_SAFE_NO_PAD.encode("x")));
    }
    let jwk = rsa.jwk("rsa");
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", jwk["n"].as_str().unwrap());
    for secret in [rsa.public_bytes(), jwk["n"].as_str().unwrap().into(), jwk.to_string().into_bytes(), pem.into_bytes(), vec![0]]
    {
        add("HS256 with the public key as its secret", "algorithm", hmac_token(r#"{"alg":"HS256","kid":"rsa"}"#, good, &secret));
        add("RS256 that is an HMAC", "signature", hmac_token(r#"{"alg":"RS256","kid":"rsa"}"#, good, &secret));
    }
    for alg in ["HS384", "HS512", "RS384", "RS512", "PS256", "ES384", "ES512", "rs256", "RSA-OAEP", "A128GCM"] {
        add(&format!("alg {alg}"), "algorithm", rsa.token_of(&json!({"alg": alg, "kid": "rsa"}).to_string(), &text));
    }
    for (name, signer, kid) in
        [("RS256 under an EC key", rsa, "ec"), ("ES256 under an RSA key", ec, "rsa"), ("EdDSA under an EC key", ed, "ec")]
    {
        add(name, "algorithm", signer.token(kid, good));
    }
    let (other_rsa, other_ec) = (Signer::rsa(), Signer::ec());
    add("another RSA key of the same id", "signature", other_rsa.token("rsa", good));
    add("another EC key of the same id", "signature", other_ec.token("ec", good));
    // CVE-2022-21449: r = s = 0 verifies where nobody looks.
    let head = URL_SAFE_NO_PAD.encode(r#"{"alg":"ES256","kid":"ec"}"#);
    for signature in [vec![0; 64], vec![0; 63], vec![], vec![0; 8], [[0; 32], [0xff; 32]].concat(), vec![0xff; 64]] {
        let reason = if signature.is_empty() { "malformed" } else { "signature" };
        add("ES256 with a signature of zeros", reason, format!("{head}.{body}.{}", URL_SAFE_NO_PAD.encode(signature)));
    }
    let order = hex::decode("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551").unwrap();
    add("ES256 with r = s = n", "signature", format!("{head}.{body}.{}", URL_SAFE_NO_PAD.encode([&order[..], &order].concat())));
    let whole = rsa.token("rsa", good);
    let (message, signature) = whole.rsplit_once('.').unwrap();
    let (head, _) = message.split_once('.').unwrap();
    let elsewhere = URL_SAFE_NO_PAD.encode(with(good.clone(), "tenant", json!("other")).to_string());
    add("claims exchanged", "signature", format!("{head}.{elsewhere}.{signature}"));
    add("no signature", "malformed", format!("{message}."));
    add("two parts", "malformed", message.to_owned());
    add("four parts", "malformed", format!("{whole}.AA"));
    add("five parts, as of an encrypted token", "malformed", format!("{whole}.AA.AA"));
    add("padded", "malformed", format!("{whole}="));
    add("not base64url in the signature", "malformed", format!("{message}.+/+/"));
    add("not base64url in the header", "malformed", format!("{{}}.{body}.{signature}"));
    add("not JSON", "malformed", rsa.token_of("{", "{"));
    add("an array for a header", "malformed", rsa.token_of("[]", &text));
    let plain = r#"{"alg":"RS256","kid":"rsa"}"#;
    add("an array for claims", "malformed", rsa.token_of(plain, "[]"));
    add("claims that are no UTF-8", "malformed", {
        let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(plain), URL_SAFE_NO_PAD.encode([0xff, 0xfe]));
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(rsa.signature(message.as_bytes())))
    });
    let doubled = text.replacen('{', r#"{"tenant":"other","#, 1);
    add("a claim twice", "malformed", rsa.token_of(plain, &doubled));
    add("a claim twice, once escaped", "malformed", rsa.token_of(plain, &text.replacen('{', r#"{"\u0074enant":"other","#, 1)));
    add("exp twice", "malformed", rsa.token_of(plain, &text.replacen('{', r#"{"exp":99999999999,"#, 1)));
    add("alg twice", "malformed", rsa.token_of(r#"{"alg":"none","alg":"RS256","kid":"rsa"}"#, &text));
    for (name, value) in [("aud", json!("another")), ("aud", json!(["a", "b"])), ("aud", json!([]))] {
        add(&format!("{name} {value}"), "audience", rsa.token("rsa", &with(good.clone(), name, value)));
    }
    for value in [
        json!("https://evil.example/"),
        json!("https://login.example"),
        json!([ISSUER]),
        json!([ISSUER, "https://evil.example/"]),
    ] {
        add(&format!("iss {value}"), "issuer", rsa.token("rsa", &with(good.clone(), "iss", value)));
    }
    for name in ["exp", "iss", "aud", "sub", "tenant"] {
        add(&format!("no {name}"), "claims", rsa.token("rsa", &without(good.clone(), name)));
        add(&format!("{name} null"), "claims", rsa.token("rsa", &with(good.clone(), name, Value::Null)));
    }
    add("ended", "expired", rsa.token("rsa", &with(good.clone(), "exp", json!(now() - 31))));
    add("ended at the epoch", "expired", rsa.token("rsa", &with(good.clone(), "exp", json!(0))));
    add("not yet", "not_yet", rsa.token("rsa", &with(good.clone(), "nbf", json!(now() + 90))));
    for value in [json!("9999999999"), json!(-1), json!(1e300), json!([]), json!({})] {
        add(&format!("exp {value}"), "claims", rsa.token("rsa", &with(good.clone(), "exp", value)));
    }
    add("nbf as a text", "claims", rsa.token("rsa", &with(good.clone(), "nbf", json!("0"))));
    for value in [json!(""), json!("a b"), json!("../default"), json!(["acme"]), json!("é"), json!("a".repeat(129))] {
        add(&format!("tenant {value}"), "claims", rsa.token("rsa", &with(good.clone(), "tenant", value)));
    }
    for value in [json!(""), json!("a\nb"), json!(7), json!("u".repeat(257))] {
        add(&format!("sub {value}"), "claims", rsa.token("rsa", &with(good.clone(), "sub", value)));
    }
    for kid in ["nobody", "../../../../dev/null", "https://evil.example/jwks.json", "rsa/../rsa", "RSA", "rsa="] {
        add(&format!("kid {kid}"), "unknown_signing_key", other_rsa.token(kid, good));
    }
    for kid in ["' OR '1'='1", "'; DROP TABLE keys;--", "| id", "$(id)", "rsa\u{0}", "rsa ", "", "é", &"k".repeat(129), "<a>"] {
        add(&format!("kid {kid:?}"), "header", rsa.token(kid, good));
    }
    add("no kid, and several keys", "header", rsa.token_of(r#"{"alg":"RS256"}"#, &text));
    for kid in [json!(null), json!(["rsa"]), json!({"rsa": 1}), json!(0)] {
        add(&format!("kid {kid}"), "header", rsa.token_of(&json!({"alg": "RS256", "kid": kid}).to_string(), &text));
    }
    for (name, value) in [
        ("jwk", other_rsa.jwk("rsa")),
        ("jku", json!("https://evil.example/jwks.json")),
        ("x5u", json!("https://evil.example/cert.pem")),
        ("x5c", json!(["MIIB"])),
        ("crit", json!(["b64"])),
        ("crit", json!([])),
        ("crit", json!(null)),
        ("b64", json!(false)),
        ("zip", json!("DEF")),
        ("enc", json!("A128GCM")),
    ] {
        let mut header = json!({"alg": "RS256", "kid": "rsa"});
        header[name] = value;
        add(&format!("{name} by a stranger"), "header", other_rsa.token_of(&header.to_string(), &text));
        add(&format!("{name} by the issuer"), "header", rsa.token_of(&header.to_string(), &text));
    }
    for typ in [json!("logout+jwt"), json!("dpop+jwt"), json!("secevent+jwt"), json!("JWE"), json!(""), json!(null), json!(1)] {
        add(
            &format!("typ {typ}"),
            "algorithm",
            rsa.token_of(&json!({"alg": "RS256", "kid": "rsa", "typ": typ}).to_string(), &text),
        );
    }
    add("huge", "too_long", rsa.token("rsa", &with(good.clone(), "groups", json!(vec!["group"; 2_000]))));
    add("huge and shapeless", "too_long", "a".repeat(60_000));
    list
}

#[test]
fn every_forged_token_is_refused_with_the_same_answer_which_tells_nothing() {
    let (rsa, ec, ed) = (Signer::rsa(), Signer::ec(), Signer::ed());
    let issuer = Issuer::start(keys(&[("rsa", &rsa), ("ec", &ec), ("ed", &ed)]));
    let guarded = Guarded::start(&issuer, &[]);
    let good = claims("acme", &["operate"]);
    guarded.until(&rsa.token("rsa", &good), 200);
    for (kid, signer) in [("rsa", &rsa), ("ec", &ec), ("ed", &ed)] {
        assert_eq!(guarded.strategies(&signer.token(kid, &good)).status, 200, "{kid}");
        let plain = json!({"alg": signer.algorithm(), "kid": kid}).to_string();
        assert_eq!(guarded.strategies(&signer.token_of(&plain, &good.to_string())).status, 200, "{kid}");
    }
    let mut said = None;
    let attacks = attacks(&good, (&rsa, &ec, &ed));
    assert!(attacks.len() > 130, "{}", attacks.len());
    for (name, reason, token) in &attacks {
        let before = guarded.refused_for(reason);
        let reply = guarded.strategies(token);
        assert_eq!(reply.status, 401, "{name}: {}", reply.text);
        assert_eq!(reply.headers["www-authenticate"], "Bearer", "{name}");
        assert_eq!(reply.headers["content-type"], "application/problem+json", "{name}");
        assert_eq!(&reply.text, said.get_or_insert_with(|| reply.text.clone()), "{name}: every refusal reads the same");
        assert_eq!(guarded.refused_for(reason), before + 1, "{name} is not counted as {reason}");
    }
    let detail = said.unwrap();
    for word in ["signature", "expired", "kid", "audience", "issuer", "algorithm", "claim", "token", "jwt"] {
        assert!(!detail.to_lowercase().contains(word), "{word}: {detail}");
    }
    println!("{} tokens were refused", attacks.len());
}

#[test]
fn credentials_that_are_none_are_refused_and_two_of_them_are_no_better_than_one() {
    let issuer = Issuer::start(Manner::Fails);
    let guarded = Guarded::start(&issuer, &[]);
    let key = &guarded.key;
    let (id, secret) = (&key[3..19], &key[20..]);
    for (authorization, reason) in [
        (format!("Basic {key}"), "scheme"),
        (key.clone(), "scheme"),
        ("Bearer".to_owned(), "scheme"),
        (format!("Bearer  {key}"), "malformed"),
        (format!("Bearer {key} {key}"), "malformed"),
        (format!("Bearer {key}0"), "malformed"),
        (format!("Bearer ik_{id}_"), "malformed"),
        (format!("Bearer {}", key.to_uppercase().replacen("IK_", "ik_", 1)), "malformed"),
        (format!("Bearer ik_{id}_{}", "0".repeat(64)), "wrong_secret"),
        (format!("Bearer ik_{}_{secret}", "0".repeat(16)), "unknown_key"),
    ] {
        let before = guarded.refused_for(reason);
        let reply = ask(&guarded.service, &authorization, ("GET", "/v1/strategies"), "");
        assert_eq!((reply.status, guarded.refused_for(reason)), (401, before + 1), "{authorization}");
    }
    let http = reqwest::blocking::Client::new();
    let twice = http.get(format!("{}/v1/strategies", guarded.service.url)).header("authorization", format!("Bearer {key}"));
    assert_eq!(twice.header("authorization", format!("Bearer {key}")).send().unwrap().status(), 401);
    assert_eq!(guarded.service.get("/v1/strategies").status, 401);
    assert_eq!(guarded.service.get("/nowhere").status, 404);
    assert_eq!(guarded.service.request("PUT", "/v1/decide", "").status, 405);
    assert_eq!(guarded.strategies(key).status, 200);
}

#[test]
fn whatever_the_issuer_does_tokens_wait_for_its_keys_and_nothing_else_does() {
    let signer = Signer::ec();
    let elsewhere = Issuer::start(keys(&[("ec", &signer)]));
    let token = signer.token("ec", &claims("acme", &["operate"]));
    for manner in [
        Manner::Fails,
        Manner::Garbage,
        Manner::Huge,
        Manner::Hangs,
        Manner::EndlesslySlow,
        Manner::Redirects(elsewhere.url.clone()),
    ] {
        let issuer = Issuer::start(manner.clone());
        let guarded = Guarded::start(&issuer, &[("AUTH__JWT__REFETCH_MIN_SEC", "1")]);
        let since = Instant::now();
        assert_eq!(guarded.strategies(&token).status, 401, "{manner:?}");
        assert!(since.elapsed() < Duration::from_secs(10), "{manner:?} held a request for {:?}", since.elapsed());
        assert_eq!(guarded.strategies(&guarded.key).status, 200, "{manner:?}");
        issuer.set(keys(&[("ec", &signer)]));
        guarded.until(&token, 200);
        // It goes away again, and the keys hold.
        issuer.set(manner.clone());
        std::thread::sleep(Duration::from_millis(1_500));
        assert_eq!(guarded.strategies(&token).status, 200, "{manner:?}");
    }
    assert_eq!(elsewhere.asked(), 0, "no redirect was followed");
}

#[test]
fn keys_are_rotated_taken_back_and_not_believed_for_ever() {
    let (old, new) = (Signer::ed(), Signer::ec());
    let issuer = Issuer::start(keys(&[("old", &old)]));
    let soon = [("AUTH__JWT__REFETCH_MIN_SEC", "1"), ("AUTH__JWT__REFRESH_SEC", "2"), ("AUTH__JWT__MAX_AGE_SEC", "5")];
    let guarded = Guarded::start(&issuer, &soon);
    let of = |signer: &Signer, kid: &str| signer.token(kid, &claims("acme", &["operate"]));
    let (by_old, by_new) = (of(&old, "old"), of(&new, "new"));
    guarded.until(&by_old, 200);
    assert_eq!(guarded.strategies(&by_new).status, 401);
    issuer.set(keys(&[("new", &new), ("old", &old)]));
    guarded.until(&by_new, 200);
    assert_eq!(guarded.strategies(&by_old).status, 200);
    issuer.set(keys(&[("new", &new)]));
    guarded.until(&by_old, 401);
    assert_eq!(guarded.strategies(&by_new).status, 200);
    issuer.set(Manner::Fails);
    guarded.until(&by_new, 401);
    assert!(guarded.refused_for("signing_keys_away") > 0);
    issuer.set(keys(&[("new", &new)]));
    guarded.until(&by_new, 200);
}

#[test]
fn unknown_keys_without_end_do_not_make_us_hammer_the_issuer() {
    let (signer, stranger) = (Signer::ed(), Signer::ed());
    let issuer = Issuer::start(keys(&[("ed", &signer)]));
    let guarded = Guarded::start(&issuer, &[("AUTH__JWT__REFETCH_MIN_SEC", "600"), ("AUTH__JWT__REFRESH_SEC", "600")]);
    guarded.until(&signer.token("ed", &claims("acme", &["operate"])), 200);
    let asked = issuer.asked();
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let (guarded, stranger) = (&guarded, &stranger);
            scope.spawn(move || {
                for n in 0..25 {
                    let token = stranger.token(&format!("k{thread}.{n}"), &claims("acme", &["operate"]));
                    assert_eq!(guarded.strategies(&token).status, 401);
                }
            });
        }
    });
    assert!(issuer.asked() <= asked + 1, "asked {} times more", issuer.asked() - asked);
    assert_eq!(guarded.refused_for("unknown_signing_key"), 200);
}

#[test]
fn each_operation_is_open_to_its_roles_and_to_no_other() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("keys.toml");
    let key = |role: &str| (role.to_owned(), new_key(&file, "acme", &[role]));
    let all = ["decide", "write", "operate", "admin"].map(key);
    let service = Builder::new().set("AUTH__KEYS_FILE", file.to_str().unwrap()).set("AUTH__METRICS", "operate").start();
    let document = service.get("/openapi.json").json();
    let mut tried = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let path = path.replace("{id}", "none").replace("{instrument}", "none").replace("{name}", "none");
            let at = (&*method.to_uppercase(), &*path);
            let Some(roles) = operation["x-roles"].as_array() else {
                assert!(operation["security"].is_null() && service.request(at.0, at.1, "").status < 400, "{at:?}");
                continue;
            };
            assert_eq!(operation["security"][0], json!({"bearer": []}), "{at:?}");
            for status in ["401", "403", "429"] {
                assert!(operation["responses"][status].is_object(), "{at:?} {status}");
            }
            assert_eq!(service.request(at.0, at.1, "").status, 401, "{at:?}");
            for (role, key) in &all {
                let may =
                    role == "admin" || roles.iter().any(|needed| needed == role || (role == "operate" && needed == "decide"));
                let reply = ask(&service, &format!("Bearer {key}"), at, "");
                assert_eq!(reply.status != 403, may, "{role} {at:?}: {}", reply.text);
                assert_ne!(reply.status, 401, "{role} {at:?}");
                if !may {
                    let detail = reply.json()["detail"].as_str().unwrap().to_owned();
                    assert!(roles.iter().all(|needed| detail.contains(needed.as_str().unwrap())), "{detail}");
                }
                tried += 1;
            }
        }
    }
    assert!(tried >= 80, "{tried}");
}

#[test]
fn a_key_that_is_taken_out_of_the_file_is_refused_while_the_service_runs_and_a_new_one_is_taken() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("keys.toml");
    let key = new_key(&file, "acme", &["operate"]);
    let service = Builder::new().set("AUTH__KEYS_FILE", file.to_str().unwrap()).set("AUTH__RELOAD_SEC", "1").start();
    let until = |key: &str, status: u16| {
        let since = Instant::now();
        while ask(&service, &format!("Bearer {key}"), ("GET", "/v1/strategies"), "").status != status {
            assert!(since.elapsed() < Duration::from_secs(30), "the status did not become {status}");
            std::thread::sleep(Duration::from_millis(100));
        }
    };
    until(&key, 200);
    let other = new_key(&file, "acme", &["operate"]);
    until(&other, 200);
    let left: String = std::fs::read_to_string(&file).unwrap().lines().filter(|line| !line.starts_with(&key[3..19])).collect();
    std::fs::write(&file, left).unwrap();
    until(&key, 401);
    assert_eq!(ask(&service, &format!("Bearer {other}"), ("GET", "/v1/strategies"), "").status, 200);
}

#[test]
fn a_page_of_another_site_does_nothing_here_though_its_reader_could() {
    let service = Builder::new().start();
    let clear = |site: &str| {
        let http = reqwest::blocking::Client::new();
        http.post(format!("{}/clear", service.url)).header("sec-fetch-site", site).send().unwrap().status().as_u16()
    };
    assert_eq!((clear("cross-site"), clear("same-origin"), clear("none")), (403, 200, 200));
}

#[test]
fn without_credentials_only_this_machine_may_be_listened_to() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("settings.toml");
    let load = |settings: &str, listen: &str| {
        std::fs::write(&file, settings).unwrap();
        let overrides = Overrides { listen: Some(listen.parse().unwrap()), ..Overrides::default() };
        Config::load(Some(&file), &overrides).map(|_| ()).map_err(|error| error.to_string())
    };
    for beyond in ["0.0.0.0:8005", "[::]:8005", "192.0.2.1:8005"] {
        assert!(load("", beyond).unwrap_err().contains("auth.keys_file"), "{beyond}");
        assert_eq!(load("[auth]\nkeys_file = 'keys.toml'", beyond), Ok(()), "{beyond}");
        assert_eq!(load("[server]\nallow_remote = true", beyond), Ok(()), "{beyond}");
    }
    for here in ["127.0.0.1:8005", "127.8.8.8:1", "[::1]:8005"] {
        assert_eq!(load("", here), Ok(()), "{here}");
    }
    for (settings, said) in [
        ("[auth.jwt]\nissuer = 'i'\naudience = []\njwks_file = 'j'", "audience"),
        ("[auth.jwt]\nissuer = 'i'\naudience = ['a']", "jwks_url"),
        ("[auth]\nkeys = 1", "keys"),
        ("[tenants.acme]\nrate.decide = { per_second = -1 }", "/acme/rate/decide"),
        ("[tenants.'a b']", "a tenant"),
    ] {
        let error = load(settings, "127.0.0.1:1").unwrap_err();
        assert!(error.contains(said), "{settings}: {error}");
    }
}
