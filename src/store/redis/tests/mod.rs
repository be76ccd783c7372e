//! The contracts against real servers, and what only a server can do wrong.

mod faults;
mod streams;

use super::Config;
use crate::domain::time::Clock;
use crate::redis::Config as Connection;
use crate::redis::server::{Certificates, Cluster, RedisServer, Sentinel};
use crate::store::sample::{component_of, entry_of, moment, same, text_of};
use crate::store::{Record, RecordKind, Store, StoreError, Write, contract, shared_contract};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Rights that are enough, as the message for a right that is missing says.
const RIGHTS: [&str; 9] =
    ["~{*}*", "~instinct:*", "+@read", "+@write", "+@scripting", "+@connection", "+info", "+time", "+cluster"];

fn quick() -> Connection {
    Connection { command_timeout_ms: 400, reconnect_pause_max_ms: 200, ..Connection::default() }
}

fn try_open(url: &str, connection: &Connection, config: &Config, clock: Clock) -> Result<Arc<dyn Store>, StoreError> {
    crate::store::open_redis(&url.parse().unwrap(), connection, config, clock)
}

fn open(url: &str) -> Arc<dyn Store> {
    try_open(url, &quick(), &Config::default(), Clock::manual(moment())).unwrap()
}

fn component(tenant: &str, id: &str, text: &str) -> Record {
    Record::Component(component_of(tenant, id, text).into())
}

fn entry(tenant: &str, text: &str) -> Record {
    Record::Entry(entry_of(tenant, text))
}

fn put(record: &Record) -> Vec<Write> {
    vec![Write::Put(record.clone())]
}

async fn holds(store: &Arc<dyn Store>, record: &Record) -> bool {
    store.get(&record.key()).await.unwrap().is_some_and(|found| same(&found, record))
}

/// Commits again and again until it is done, and gives how long that took.
async fn until_stored(store: &Arc<dyn Store>, record: &Record) -> Duration {
    let since = Instant::now();
    while let Err(error) = store.commit(put(record)).await {
        assert!(since.elapsed() < Duration::from_secs(15), "{error}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    since.elapsed()
}

/// Both contracts, each part of which begins with empty servers.
async fn hold(servers: &[&RedisServer], url: &str, connection: &Connection) {
    let empty = || {
        servers
            .iter()
            .filter(|server| !server.say(&["ROLE"]).starts_with("slave"))
            .for_each(|server| _ = server.say(&["FLUSHALL"]))
    };
    contract::hold_where(true, |clock| {
        empty();
        try_open(url, connection, &Config::default(), clock).unwrap()
    })
    .await;
    shared_contract::hold(|clock| {
        empty();
        let (url, connection) = (url.to_owned(), connection.clone());
        Box::new(move || try_open(&url, &connection, &Config::default(), clock.clone()).unwrap())
    })
    .await;
}

#[tokio::test]
async fn the_store_in_redis_holds_the_contracts() {
    let server = RedisServer::start(&[]);
    hold(&[&server], &server.url(), &quick()).await;
}

#[tokio::test]
async fn the_store_in_a_cluster_holds_the_contracts() {
    let cluster = Cluster::start(3, 0, &[]);
    hold(&cluster.nodes().collect::<Vec<_>>(), &cluster.url(), &quick()).await;
}

#[tokio::test]
async fn an_encrypted_store_with_a_user_of_few_rights_holds_the_contracts() {
    let certificates = Certificates::new();
    let (server, port) = RedisServer::start_with_tls(&certificates, false, &[]);
    server.say(&[&["ACL", "SETUSER", "instinct", "on", ">s3cret"], &RIGHTS[..]].concat());
    let connection = Connection { tls_ca_file: Some(certificates.file("ca.pem")), ..quick() };
    hold(&[&server], &format!("rediss://instinct:s3cret@localhost:{port}"), &connection).await;
    let scarce = [&["ACL", "SETUSER", "scarce", "on", ">s3cret"], &RIGHTS[..2], &["+@read", "+@connection", "+info"]].concat();
    server.say(&scarce);
    let url = format!("rediss://scarce:s3cret@localhost:{port}");
    let store = try_open(&url, &connection, &Config::default(), Clock::manual(moment())).unwrap();
    let error = store.commit(put(&component("a", "c", "text"))).await.unwrap_err();
    assert!(error.to_string().contains("lacks a right"), "{error}");
    for right in RIGHTS {
        assert!(error.to_string().contains(right.trim_start_matches('~')), "the message does not name {right}: {error}");
    }
}

#[tokio::test]
async fn commits_of_many_callers_and_tenants_are_all_kept() {
    let server = RedisServer::start(&[]);
    let store = open(&server.url());
    let tasks: Vec<_> = (0..400)
        .map(|i| {
            let store = Arc::clone(&store);
            tokio::spawn(async move { store.commit(put(&component(["a", "b", "c"][i % 3], &format!("c{i}"), "text"))).await })
        })
        .collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    assert_eq!(contract::keys_of(&*store, RecordKind::Component).len(), 400);
    let another = open(&server.url());
    assert_eq!(contract::keys_of(&*another, RecordKind::Component).len(), 400);
    // One commit to three tenants, and one of several kinds.
    let writes = ["a", "b", "c"].map(|tenant| Write::Put(component(tenant, "common", "text")));
    another.commit(writes.into()).await.unwrap();
    for tenant in ["a", "b", "c"] {
        assert!(holds(&store, &component(tenant, "common", "text")).await);
    }
}

#[tokio::test]
async fn what_was_written_behind_is_there_once_the_store_is_closed() {
    let server = RedisServer::start(&[]);
    let store = open(&server.url());
    for i in 0..1_000 {
        store.record(Write::Put(component("a", &format!("c{i}"), "text"))).unwrap();
    }
    drop(store);
    assert_eq!(contract::keys_of(&*open(&server.url()), RecordKind::Component).len(), 1_000);
}

#[tokio::test]
async fn redis_drops_what_has_ended_by_itself() {
    let server = RedisServer::start(&[]);
    let store = try_open(&server.url(), &quick(), &Config::default(), Clock::System).unwrap();
    let mut text = text_of("a", "short");
    (text.created_at, text.ttl_sec) = (Clock::System.now(), Some(2));
    let record = Record::Text(text.clone());
    store.commit(put(&record)).await.unwrap();
    let left: i64 = server.say(&["PTTL", &record.key().to_string()]).parse().unwrap();
    assert!((1..=2_000).contains(&left), "{left}");
    assert!(holds(&store, &record).await);
    // Written again without an end it stays.
    (text.text_hash, text.ttl_sec) = (text_of("a", "other").text_hash, None);
    let endless = Record::Text(text);
    store.commit(put(&endless)).await.unwrap();
    assert_eq!(server.say(&["PTTL", &endless.key().to_string()]), "-1");
    tokio::time::sleep(Duration::from_millis(2_100)).await;
    assert_eq!(server.say(&["EXISTS", &record.key().to_string()]), "0");
    // What had ended before it came is not stored at all.
    store.commit(put(&Record::Text(text_of("a", "long ago")))).await.unwrap();
    assert_eq!(contract::keys_of(&*store, RecordKind::Text).len(), 1);
}

#[tokio::test]
async fn a_failover_is_ridden_out_and_what_the_replica_acknowledged_is_there() {
    let mut servers = Sentinel::start(&[]);
    let config = Config { wait_replicas: 1, ..Config::default() };
    let store = try_open(&servers.url(), &quick(), &config, Clock::manual(moment())).unwrap();
    let before = component("a", "before", "text");
    store.commit(put(&before)).await.unwrap();
    servers.primary.stop();
    let error = store.commit(put(&component("a", "lost", "text"))).await.unwrap_err();
    assert!(error.passes(), "{error}");
    // The successor has no replica that could acknowledge, which is said although it has the write.
    let since = Instant::now();
    let after = component("a", "after", "text");
    let error = loop {
        match store.commit(put(&after)).await.unwrap_err() {
            error @ StoreError::Redis(_) => break error,
            error => assert!(since.elapsed() < Duration::from_secs(12), "{error}"),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    assert!(error.to_string().contains("0 of 1 replicas"), "{error}");
    assert!(holds(&store, &before).await && holds(&store, &after).await);
}

#[tokio::test]
async fn a_cluster_that_loses_a_primary_takes_writes_again_within_seconds() {
    let mut cluster = Cluster::start(3, 1, &[]);
    let store = open(&cluster.url());
    // The slots of `a`, `b` and `c` lie in three different thirds.
    for tenant in ["a", "b", "c"] {
        store.commit(put(&component(tenant, "before", "text"))).await.unwrap();
    }
    cluster.primaries[2].stop();
    let mut slowest = Duration::ZERO;
    for tenant in ["a", "b", "c"] {
        slowest = slowest.max(until_stored(&store, &component(tenant, "after", "text")).await);
    }
    assert!(slowest < Duration::from_secs(10), "{slowest:?}");
    assert_eq!(contract::keys_of(&*store, RecordKind::Component).len(), 6);
}
