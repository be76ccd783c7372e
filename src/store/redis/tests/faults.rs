//! Servers that are away, slow, full, or hold what they should not.

use super::*;
use crate::domain::ids::TenantId;
use crate::domain::tag_end::TagEnd;
use crate::domain::trust::Quarantine;
use crate::redis::{Redis, RedisError};
use crate::store::codec::{CodecError, Fault};
use crate::store::journal::Journaled;
use crate::store::redis::operation::{Operation, Writer};
use crate::store::sample::decision_of;
use crate::store::shared::Acquired;
use std::ops::ControlFlow;

fn seen(store: &Arc<dyn Store>, kind: RecordKind) -> (usize, Vec<CodecError>) {
    let (mut good, mut bad) = (0, Vec::new());
    let mut visit = |record: Result<Record, CodecError>| {
        match record {
            Ok(_) => good += 1,
            Err(error) => bad.push(error),
        }
        ControlFlow::Continue(())
    };
    store.scan(kind, &mut visit).unwrap();
    (good, bad)
}

#[tokio::test]
async fn a_key_of_another_type_or_a_damaged_hash_is_named_and_the_rest_goes_on() {
    let server = RedisServer::start(&[]);
    let store = open(&server.url());
    let records: Vec<Record> = (0..5).map(|i| entry("a", &format!("text {i}"))).collect();
    store.commit(records.iter().cloned().map(Write::Put).collect()).await.unwrap();
    let keys: Vec<String> = records.iter().map(|record| record.key().to_string()).collect();
    server.say(&["DEL", &keys[0]]);
    server.say(&["SET", &keys[0], "no hash"]);
    server.say(&["HSET", &keys[1], "vector", "four"]);
    server.say(&["HSET", &keys[2], "colour", "blue"]);
    server.say(&["HDEL", &keys[3], "format"]);
    server.say(&["HSET", "{a}:sc:combo:none", "vector", "x"]);
    let (good, bad) = seen(&store, RecordKind::Entry);
    assert_eq!((good, bad.len()), (1, 5), "{bad:?}");
    for (place, key) in keys[..4].iter().enumerate() {
        let error = store.get(&records[place].key()).await.unwrap_err();
        assert!(matches!(&error, StoreError::Codec(error) if error.key == *key), "{error}");
        assert!(bad.iter().any(|error| error.key == *key));
    }
    let many = store.shared().unwrap().get_many(&records.iter().map(Record::key).collect::<Vec<_>>()).await.unwrap();
    assert!(matches!(&many[0], Err(CodecError { fault: Fault::NotAHash, .. })));
    assert!(matches!(&many[1], Err(CodecError { fault: Fault::Value { field: "vector", .. }, .. })), "{:?}", many[1]);
    assert!(matches!(&many[2], Err(CodecError { fault: Fault::UnknownField { .. }, .. })));
    assert!(many[4].as_ref().unwrap().is_some());
    // Writing them again makes them good.
    store.commit(records.iter().cloned().map(Write::Put).collect()).await.unwrap();
    server.say(&["DEL", "{a}:sc:combo:none"]);
    assert_eq!(seen(&store, RecordKind::Entry), (5, vec![]));
}

#[tokio::test]
async fn a_stream_that_is_none_stops_the_writes_of_its_tenant_whole_and_nobody_elses() {
    let server = RedisServer::start(&[]);
    let store = open(&server.url());
    server.say(&["SET", "{a}:changes", "no stream"]);
    let error = store.commit(put(&entry("a", "text"))).await.unwrap_err();
    assert!(matches!(&error, StoreError::Redis(RedisError::WrongType { .. })), "{error}");
    assert!(store.get(&entry("a", "text").key()).await.unwrap().is_none(), "no part of the commit is done");
    let position = crate::store::shared::Position::default();
    store.commit(put(&entry("b", "text"))).await.unwrap();
    let changes = store.shared().unwrap().changes(&position, Duration::from_secs(1)).await.unwrap();
    assert_eq!(changes.changes.len(), 1);
}

#[tokio::test]
async fn a_full_memory_refuses_writes_whole_keeps_what_there_is_and_recovers() {
    let server = RedisServer::start(&[]);
    let store = open(&server.url());
    let (old, new) = (component("a", "c", "old"), component("a", "c", "new"));
    store.commit(put(&old)).await.unwrap();
    server.say(&["CONFIG", "SET", "maxmemory", "1"]);
    let error = store.commit(put(&new)).await.unwrap_err();
    assert!(matches!(&error, StoreError::Redis(RedisError::OutOfMemory { .. })) && error.passes(), "{error}");
    assert!(holds(&store, &old).await, "what was there is not deleted for what does not fit");
    let behind = component("a", "behind", "text");
    store.record(Write::Put(behind.clone())).unwrap();
    assert!(store.flush().await.is_err());
    assert!(store.health().failed.is_some_and(|why| why.contains("maxmemory")));
    server.say(&["CONFIG", "SET", "maxmemory", "0"]);
    until_stored(&store, &new).await;
    assert!(holds(&open(&server.url()), &behind).await, "what was written behind was tried again, in its order");
    assert_eq!(store.health().failed, None);
}

#[tokio::test]
async fn a_killed_server_costs_no_write_behind_and_is_used_again_when_it_is_back() {
    let mut server = RedisServer::start(&["--appendonly", "yes", "--appendfsync", "always"]);
    let config = Config { wait_fsync: true, ..Config::default() };
    let store = try_open(&server.url(), &quick(), &config, Clock::manual(moment())).unwrap();
    let before = component("a", "before", "text");
    store.commit(put(&before)).await.unwrap();
    server.stop();
    let behind: Vec<Record> = (0..200).map(|i| component("a", &format!("behind {i}").replace(' ', "-"), "text")).collect();
    for record in &behind {
        store.record(Write::Put(record.clone())).unwrap();
        assert!(holds(&store, record).await, "it is seen at once, server or not");
    }
    let since = Instant::now();
    let error = store.commit(put(&component("a", "refused", "text"))).await.unwrap_err();
    assert!(matches!(error, StoreError::Away { .. }), "{error}");
    assert!(matches!(store.get(&before.key()).await, Err(StoreError::Away { .. })));
    assert!(store.flush().await.is_err());
    assert!(since.elapsed() < Duration::from_secs(3), "{:?}", since.elapsed());
    assert!(store.health().failed.is_some() && store.health().queued >= 200);
    server.restart();
    until_stored(&store, &component("a", "after", "text")).await;
    assert!(holds(&store, &before).await, "what was acknowledged is there");
    assert_eq!((store.health().queued, store.health().lost, store.health().failed), (0, 0, None));
    let other = open(&server.url());
    for record in &behind {
        assert!(holds(&other, record).await);
    }
    assert!(other.get(&component("a", "refused", "text").key()).await.unwrap().is_none());
}

#[tokio::test]
async fn a_server_that_hangs_ends_waiting_and_what_it_does_late_undoes_nothing() {
    let server = RedisServer::start(&[]);
    let store = open(&server.url());
    let versions: Vec<Record> = (0..4).map(|i| component("a", "c", &format!("version {i}"))).collect();
    store.commit(put(&versions[0])).await.unwrap();
    server.pause();
    for version in &versions[1..3] {
        let since = Instant::now();
        let error = store.commit(put(version)).await.unwrap_err();
        assert!(matches!(error, StoreError::Away { .. }), "{error}");
        assert!(since.elapsed() < Duration::from_millis(1_500), "{:?}", since.elapsed());
    }
    server.resume();
    until_stored(&store, &versions[3]).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(holds(&store, &versions[3]).await);
}

#[tokio::test]
async fn a_write_that_was_overtaken_on_its_way_is_refused() {
    let server = RedisServer::start(&[]);
    let redis = Redis::start(&server.url().parse().unwrap(), &quick()).unwrap();
    let link = redis.link().await.unwrap();
    let writer = Writer { name: "w".to_owned(), stream_length_max: 1_000, decision_retention_sec: 60 };
    let tenant = TenantId::new("a").unwrap();
    let command = |number, text: &str| {
        let operation = Operation::of(&Write::Put(component("a", "c", text)), 60).unwrap();
        writer.commit(&tenant, number, None, &[operation], moment())
    };
    link.ask(command(2, "later")).await.unwrap();
    for number in [1, 2] {
        let error = link.ask(command(number, "earlier")).await.unwrap_err();
        assert!(error.to_string().contains("STALE"), "{error}");
    }
    let store = open(&server.url());
    assert!(holds(&store, &component("a", "c", "later")).await);
}

#[tokio::test]
async fn a_full_queue_refuses_at_once_and_loses_nothing_that_it_took() {
    let server = RedisServer::start(&[]);
    let config = Config { queue_records: 8, ..Config::default() };
    let store = try_open(&server.url(), &quick(), &config, Clock::manual(moment())).unwrap();
    server.pause();
    let records: Vec<Record> = (0..9).map(|i| component("a", &format!("c{i}"), "text")).collect();
    for record in &records[..8] {
        store.record(Write::Put(record.clone())).unwrap();
    }
    let since = Instant::now();
    assert!(matches!(store.record(Write::Put(records[8].clone())), Err(StoreError::QueueFull { capacity: 8 })));
    assert!(since.elapsed() < Duration::from_millis(50));
    tokio::time::sleep(Duration::from_millis(600)).await;
    server.resume();
    until_stored(&store, &records[8]).await;
    assert_eq!(contract::keys_of(&*store, RecordKind::Component).len(), 9);
    assert_eq!(store.health().lost, 0);
}

#[tokio::test]
async fn writes_behind_that_fill_the_queue_keep_no_commit_waiting_while_the_server_is_away() {
    let mut server = RedisServer::start(&[]);
    let config = Config { queue_records: 8, ..Config::default() };
    let store = try_open(&server.url(), &quick(), &config, Clock::manual(moment())).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let journal = crate::store::journal::Config::default();
    let journaled = Journaled::open(Arc::clone(&store), &journal, dir.path(), Clock::manual(moment())).unwrap();
    server.stop();
    for i in 0..8 {
        store.record(Write::Put(component("a", &format!("c{i}"), "text"))).unwrap();
    }
    assert!(matches!(store.record(Write::Put(component("a", "full", "text"))), Err(StoreError::QueueFull { .. })));
    for tenant in ["a", "b"] {
        let record = component(tenant, "promised", "text");
        let answer = tokio::time::timeout(Duration::from_secs(5), store.commit(put(&record))).await;
        let error = answer.expect("the caller is told").unwrap_err();
        assert!(matches!(error, StoreError::Away { .. }), "{error}");
    }
    assert!(!journaled.backfill(put(&entry("a", "text"))).await.unwrap(), "a backfill goes to the journal");
    // Commits that fill their own room are told too.
    server.restart();
    until_stored(&store, &component("a", "after", "text")).await;
    server.pause();
    let since = Instant::now();
    let commits = (0..20).map(|i| {
        let store = Arc::clone(&store);
        tokio::spawn(async move { store.commit(put(&component("a", &format!("c{i}"), "text"))).await })
    });
    for commit in commits.collect::<Vec<_>>() {
        assert!(commit.await.unwrap().is_err());
    }
    assert!(since.elapsed() < Duration::from_secs(4), "{:?}", since.elapsed());
    server.resume();
}

#[tokio::test]
async fn a_tenant_whose_writes_are_refused_for_good_stops_neither_the_journal_nor_the_followers_of_the_others() {
    let server = RedisServer::start(&[]);
    let store = open(&server.url());
    store.commit(put(&entry("a", "before"))).await.unwrap();
    let dir = tempfile::tempdir().unwrap();
    let config = crate::store::journal::Config::default();
    let journaled = Journaled::open(Arc::clone(&store), &config, dir.path(), Clock::manual(moment())).unwrap();
    server.say(&["SET", "{a}:changes", "no stream"]);
    server.pause();
    for record in [entry("a", "one"), entry("a", "two"), entry("b", "three")] {
        assert!(!journaled.backfill(put(&record)).await.unwrap());
    }
    server.resume();
    let since = Instant::now();
    while !holds(&store, &entry("b", "three")).await || journaled.health().journal.unwrap().records > 0 {
        assert!(since.elapsed() < Duration::from_secs(15), "{:?}", journaled.health());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(journaled.health().journal.unwrap().refused, 2);
    assert!(std::fs::read_dir(dir.path()).unwrap().count() > 1, "what was refused is kept");
    let error = journaled.backfill(put(&entry("a", "four"))).await.unwrap_err();
    assert!(matches!(&error, StoreError::Redis(RedisError::WrongType { .. })), "{error}");
    assert!(journaled.backfill(put(&entry("b", "five"))).await.unwrap());
    let shared = store.shared().unwrap();
    let position = shared.position().await.unwrap();
    let quiet = shared.changes(&position, Duration::ZERO).await.unwrap();
    assert!(!quiet.gap && quiet.changes.is_empty(), "{quiet:?}");
    store.commit(put(&entry("b", "six"))).await.unwrap();
    assert_eq!(shared.changes(&position, Duration::from_secs(1)).await.unwrap().changes.len(), 1);
}

#[tokio::test]
async fn what_takes_an_answer_back_is_done_in_a_full_memory_too() {
    let server = RedisServer::start(&[]);
    let store = open(&server.url());
    let (wrong, stays) = (entry("a", "wrong"), entry("a", "stays"));
    store.commit(vec![Write::Put(wrong.clone()), Write::Put(stays.clone())]).await.unwrap();
    server.say(&["CONFIG", "SET", "maxmemory", "1"]);
    // Another process has to announce the tenant before its first write.
    let store = open(&server.url());
    let shared = store.shared().unwrap();
    let tenant = TenantId::new("a").unwrap();
    let Acquired::Mine(lease) = shared.acquire(&tenant, "purge", Duration::from_secs(10)).await.unwrap() else {
        panic!("nobody else has the lease")
    };
    assert!(shared.renew(&lease, Duration::from_secs(10)).await.unwrap());
    assert!(shared.commit_under(&lease, vec![Write::Delete(wrong.key())]).await.unwrap());
    assert!(shared.release(&lease, None).await.unwrap());
    assert!(store.get(&wrong.key()).await.unwrap().is_none());
    let generation = shared.next_generation(0).await.unwrap();
    let end = TagEnd { tenant, tag: "NVDA".to_owned(), generation, at: moment() };
    store.commit(put(&Record::TagEnd(end))).await.unwrap();
    let mut closed = entry_of("a", "stays");
    let quarantine = Quarantine { since: moment(), decision: decision_of("a", moment(), 1).id, note: None };
    Arc::make_mut(&mut closed.entry).quarantine = Some(quarantine);
    let closed = Record::Entry(closed);
    store.commit(put(&closed)).await.unwrap();
    assert!(holds(&store, &closed).await);
    assert!(store.commit(put(&stays)).await.is_err(), "all else waits for room");
}

#[tokio::test]
async fn durability_that_the_server_can_not_give_is_said() {
    let server = RedisServer::start(&[]);
    let open = |config: &Config| try_open(&server.url(), &quick(), config, Clock::manual(moment())).unwrap();
    let store = open(&Config { wait_replicas: 1, ..Config::default() });
    let error = store.commit(put(&component("a", "c", "text"))).await.unwrap_err();
    assert!(error.to_string().contains("0 of 1 replicas"), "{error}");
    let error =
        open(&Config { wait_fsync: true, ..Config::default() }).commit(put(&component("a", "c", "text"))).await.unwrap_err();
    assert!(error.to_string().contains("appendonly"), "{error}");
}

#[tokio::test]
async fn who_can_not_connect_at_the_start_is_told_why() {
    let server = RedisServer::start(&["--requirepass", "s3cret"]);
    let fails = |url: &str| try_open(url, &quick(), &Config::default(), Clock::System).unwrap_err();
    let error = fails(&server.url());
    assert!(matches!(&error, StoreError::Redis(RedisError::Credentials { .. })), "{error}");
    let error = fails(&format!("redis://127.0.0.1:{}", crate::redis::server::free_port()));
    assert!(matches!(&error, StoreError::Away { .. }), "{error}");
    let error = fails(&format!("redis-cluster://:s3cret@127.0.0.1:{}", server.port()));
    assert!(error.to_string().contains("cluster support disabled"), "{error}");
    let config = Config { stream_length_max: 1, ..Config::default() };
    let error = try_open(&server.url(), &quick(), &config, Clock::System).unwrap_err();
    assert!(error.to_string().contains("store.redis.stream_length_max = 1"), "{error}");
}

#[tokio::test]
async fn a_commit_that_waits_for_replicas_holds_up_no_write_behind_and_no_answer_of_another_tenant() {
    let server = RedisServer::start(&[]);
    let connection = Connection { command_timeout_ms: 2_000, ..quick() };
    let config = Config { wait_replicas: 1, ..Config::default() };
    let store = try_open(&server.url(), &connection, &config, Clock::manual(moment())).unwrap();
    let commits = ["a", "c"].map(|tenant| {
        let store = Arc::clone(&store);
        tokio::spawn(async move { store.commit(put(&component(tenant, "c", "text"))).await })
    });
    tokio::time::sleep(Duration::from_millis(200)).await;
    let behind = component("b", "behind", "text");
    store.record(Write::Put(behind.clone())).unwrap();
    let since = Instant::now();
    while server.say(&["EXISTS", &behind.key().to_string()]) == "0" {
        assert!(since.elapsed() < Duration::from_millis(500), "it stands behind what waits for replicas");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    for commit in commits {
        let error = commit.await.unwrap().unwrap_err();
        assert!(error.to_string().contains("0 of 1 replicas"), "{error}");
    }
}
