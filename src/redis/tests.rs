//! Links to real servers: what is refused, what hangs, what comes back.

use super::server::{Certificates, Cluster, RedisServer, Sentinel};
use super::{Address, Command, Config, Found, Link, Redis, RedisError, Value};
use std::time::{Duration, Instant};

fn quick() -> Config {
    Config { connect_timeout_ms: 2_000, command_timeout_ms: 300, reconnect_pause_max_ms: 200, ..Config::default() }
}

fn redis(url: &str, config: &Config) -> Redis {
    Redis::start(&url.parse::<Address>().unwrap(), config).unwrap()
}

async fn refused(url: &str, config: &Config) -> RedisError {
    redis(url, config).link().await.unwrap_err()
}

async fn works(link: &Link) {
    assert_eq!(link.ask(Command::new("SET").key("{a}:k").arg("v")).await.unwrap(), Value::from("OK"));
    let answers = link
        .ask_all(vec![Command::new("GET").key("{a}:k"), Command::new("NONE").arg("x"), Command::new("GET").key("{b}:k")])
        .await;
    let answers = answers.unwrap();
    assert_eq!(answers[0], Ok(Value::from("v")));
    assert!(matches!(&answers[1], Err(RedisError::Refused { detail }) if detail.contains("unknown command")), "{:?}", answers[1]);
    assert_eq!(answers[2], Ok(Value::Null));
}

/// Tries until a command is done, and gives how long that took.
async fn until_it_works(link: &Link) -> Duration {
    let since = Instant::now();
    while let Err(error) = link.ask(Command::new("SET").key("{a}:k").arg("v")).await {
        assert!(since.elapsed() < Duration::from_secs(15), "{error}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    since.elapsed()
}

#[tokio::test]
async fn one_server_is_asked_and_tells_what_it_is() {
    let server = RedisServer::start(&["--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru"]);
    let redis = redis(&server.url(), &quick());
    let link = redis.link().await.unwrap();
    works(&link).await;
    let found = Found::ask(&link).await.unwrap();
    assert!(found.version.starts_with('8') && !found.append_only && found.snapshots == Some(false), "{found:?}");
    assert_eq!(found.warnings().len(), 2);
    link.close().await;
}

#[tokio::test]
async fn a_user_needs_the_right_password_and_the_right_to_a_command() {
    let server = RedisServer::start(&[]);
    server.say(&["ACL", "SETUSER", "app", "on", ">s3cret", "~{a}*", "+@connection", "+get", "+info"]);
    let url = |password: &str| format!("redis://app:{password}@127.0.0.1:{}", server.port());
    let error = refused(&url("wrong"), &quick()).await;
    assert!(matches!(error, RedisError::Credentials { .. }), "{error}");
    assert!(!error.to_string().contains("wrong@"));
    let redis = redis(&url("s3cret"), &quick());
    let link = redis.link().await.unwrap();
    assert_eq!(link.ask(Command::new("GET").key("{a}:k")).await, Ok(Value::Null));
    for denied in [Command::new("SET").key("{a}:k").arg("v"), Command::new("GET").key("{b}:k")] {
        let error = link.ask(denied).await.unwrap_err();
        assert!(matches!(error, RedisError::Denied { .. }), "{error}");
    }
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "s3cret\n").unwrap();
    let config = Config { password_file: Some(file.path().to_owned()), ..quick() };
    assert!(self::redis(&format!("redis://app@127.0.0.1:{}", server.port()), &config).link().await.is_ok());
}

#[tokio::test]
async fn an_encrypted_link_knows_its_authority_and_shows_its_own_certificate() {
    let certificates = Certificates::new();
    let (_server, port) = RedisServer::start_with_tls(&certificates, true, &[]);
    let url = format!("rediss://127.0.0.1:{port}");
    let config = Config {
        tls_ca_file: Some(certificates.file("ca.pem")),
        tls_certificate_file: Some(certificates.file("client.pem")),
        tls_key_file: Some(certificates.file("client.key")),
        ..quick()
    };
    let encrypted = redis(&url, &config);
    let link = encrypted.link().await.unwrap();
    works(&link).await;
    assert!(Found::ask(&link).await.unwrap().version.starts_with('7'));
    let other = Certificates::new();
    let error = refused(&url, &Config { tls_ca_file: Some(other.file("ca.pem")), ..config.clone() }).await;
    assert!(matches!(error, RedisError::Tls { .. }), "{error}");
    let nameless = Config { tls_certificate_file: None, tls_key_file: None, ..config };
    let error = refused(&url, &nameless).await;
    assert!(matches!(error, RedisError::Tls { .. } | RedisError::Unreachable { .. }), "{error}");
}

#[tokio::test]
async fn nobody_there_is_said_at_once() {
    let port = super::server::free_port();
    let since = Instant::now();
    let error = refused(&format!("redis://127.0.0.1:{port}"), &quick()).await;
    assert!(matches!(error, RedisError::Unreachable { .. }) && error.away(), "{error}");
    assert!(since.elapsed() < Duration::from_secs(2));
}

#[tokio::test]
async fn a_killed_server_fails_commands_at_once_and_is_found_again_when_it_is_back() {
    let mut server = RedisServer::start(&[]);
    let redis = redis(&server.url(), &quick());
    let link = redis.link().await.unwrap();
    server.stop();
    let since = Instant::now();
    for _ in 0..20 {
        assert!(link.ask(Command::new("GET").key("k")).await.unwrap_err().away());
    }
    assert!(since.elapsed() < Duration::from_secs(2), "{:?}", since.elapsed());
    assert!(!link.connected());
    server.restart();
    assert!(until_it_works(&link).await < Duration::from_secs(2));
}

#[tokio::test]
async fn a_server_that_hangs_costs_a_timeout_and_no_more() {
    let server = RedisServer::start(&[]);
    let redis = redis(&server.url(), &quick());
    let link = redis.link().await.unwrap();
    server.pause();
    let since = Instant::now();
    assert_eq!(link.ask(Command::new("GET").key("k")).await, Err(RedisError::Timeout { ms: 300 }));
    assert!(since.elapsed() < Duration::from_millis(900), "{:?}", since.elapsed());
    tokio::time::sleep(Duration::from_millis(100)).await;
    let since = Instant::now();
    assert!(link.ask(Command::new("GET").key("k")).await.unwrap_err().away());
    assert!(
        since.elapsed() < Duration::from_millis(100),
        "the link is renewed by now, and commands fail at once: {:?}",
        since.elapsed()
    );
    server.resume();
    assert!(until_it_works(&link).await < Duration::from_secs(4));
}

#[tokio::test]
async fn a_cluster_is_asked_by_key_and_outlives_the_loss_of_a_primary() {
    let mut cluster = Cluster::start(3, 1, &[]);
    let redis = redis(&cluster.url(), &quick());
    let link = redis.link().await.unwrap();
    works(&link).await;
    assert_eq!(link.primaries().len(), 3);
    // The slot of `{a}` is 15495, which the last third has.
    cluster.primaries[2].stop();
    assert!(link.ask(Command::new("SET").key("{a}:k").arg("v")).await.is_err());
    let took = until_it_works(&link).await;
    assert!(took < Duration::from_secs(8), "{took:?}");
}

#[tokio::test]
async fn the_sentinels_name_the_primary_and_its_successor() {
    let mut servers = Sentinel::start(&[]);
    let redis = redis(&servers.url(), &quick());
    let link = redis.link().await.unwrap();
    works(&link).await;
    servers.primary.stop();
    let took = until_it_works(&link).await;
    assert!(took < Duration::from_secs(8), "{took:?}");
    assert_eq!(servers.replica.say(&["GET", "{a}:k"]), "v");
}

#[tokio::test]
async fn a_replica_and_a_full_memory_say_what_they_are() {
    let primary = RedisServer::start(&["--maxmemory", "1"]);
    let port = primary.port().to_string();
    let replica = RedisServer::start(&["--replicaof", "127.0.0.1", &port]);
    let redis_of = |server: &RedisServer| redis(&server.url(), &quick());
    let (of_primary, of_replica) = (redis_of(&primary), redis_of(&replica));
    let error = of_replica.link().await.unwrap().ask(Command::new("SET").key("k").arg("v")).await.unwrap_err();
    assert!(matches!(error, RedisError::ReadOnly { .. }), "{error}");
    let error = of_primary.link().await.unwrap().ask(Command::new("SET").key("k").arg("v")).await.unwrap_err();
    assert!(matches!(error, RedisError::OutOfMemory { .. }), "{error}");
}

#[test]
fn a_setting_out_of_its_range_or_a_missing_file_is_named() {
    let address: Address = "rediss://localhost".parse().unwrap();
    let error = Redis::start(&address, &Config { command_timeout_ms: 0, ..Config::default() }).unwrap_err();
    assert!(error.to_string().contains("redis.command_timeout_ms"), "{error}");
    let config = Config { tls_ca_file: Some("/nowhere/ca.pem".into()), ..Config::default() };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let error = runtime.block_on(async { Redis::start(&address, &config).unwrap().link().await.unwrap_err() });
    assert!(error.to_string().contains("/nowhere/ca.pem"), "{error}");
}
