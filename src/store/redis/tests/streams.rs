//! What is followed, and what is noticed when it can't be.

use super::*;
use crate::store::shared::{Changes, Position};

const SOON: Duration = Duration::from_secs(5);

async fn position(store: &Arc<dyn Store>) -> Position {
    store.shared().unwrap().position().await.unwrap()
}

async fn after(store: &Arc<dyn Store>, position: &Position, wait: Duration) -> Changes {
    store.shared().unwrap().changes(position, wait).await.unwrap()
}

async fn write(store: &Arc<dyn Store>, tenant: &str, texts: std::ops::Range<usize>) {
    store.commit(texts.map(|i| Write::Put(entry(tenant, &format!("text {i}")))).collect()).await.unwrap();
}

#[tokio::test]
async fn a_new_tenant_is_found_while_others_are_waited_for() {
    let server = RedisServer::start(&[]);
    let (writer, reader) = (open(&server.url()), open(&server.url()));
    write(&writer, "a", 0..1).await;
    let from = position(&reader).await;
    let later = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        write(&writer, "new", 0..1).await;
    };
    let since = Instant::now();
    let (found, ()) = tokio::join!(after(&reader, &from, SOON), later);
    assert_eq!((found.changes.len(), found.gap), (1, false));
    assert!(since.elapsed() < Duration::from_secs(2), "{:?}", since.elapsed());
}

#[tokio::test]
async fn who_is_in_step_is_told_so_in_time_and_who_fell_behind_the_stream_too() {
    let server = RedisServer::start(&[]);
    let (writer, reader) = (open(&server.url()), open(&server.url()));
    write(&writer, "a", 0..10).await;
    let from = position(&reader).await;
    let since = Instant::now();
    let found = after(&reader, &from, Duration::from_millis(300)).await;
    assert!(found.changes.is_empty() && !found.gap && found.position == from);
    assert!((300..700).contains(&u64::try_from(since.elapsed().as_millis()).unwrap()), "{:?}", since.elapsed());
    write(&writer, "a", 10..20).await;
    // As long as the next one is there, nothing was missed.
    server.say(&["XTRIM", "{a}:changes", "MAXLEN", "10"]);
    let found = after(&reader, &from, SOON).await;
    assert_eq!((found.changes.len(), found.gap), (10, false));
    server.say(&["XTRIM", "{a}:changes", "MAXLEN", "9"]);
    let found = after(&reader, &from, SOON).await;
    assert_eq!((found.changes.len(), found.gap), (9, true));
}

#[tokio::test]
async fn a_server_that_lost_changes_is_noticed_at_rest_and_after_new_ones() {
    let server = RedisServer::start(&[]);
    let (writer, reader) = (open(&server.url()), open(&server.url()));
    write(&writer, "a", 0..10).await;
    write(&writer, "b", 0..10).await;
    let from = position(&reader).await;
    server.say(&["DEL", "{a}:changes"]);
    assert!(after(&reader, &from, Duration::from_millis(50)).await.gap, "at rest");
    write(&writer, "a", 10..11).await;
    let found = after(&reader, &from, SOON).await;
    assert!(found.gap && found.changes.len() == 1, "{found:?}");
    // From there on all is well again.
    let from = position(&reader).await;
    write(&writer, "a", 11..12).await;
    assert!(!after(&reader, &from, SOON).await.gap);
    server.say(&["FLUSHALL"]);
    assert!(after(&reader, &from, Duration::from_secs(3)).await.gap);
}

#[tokio::test]
async fn a_follower_outlives_a_restart_of_the_server() {
    let mut server = RedisServer::start(&["--appendonly", "yes", "--appendfsync", "always"]);
    let (writer, reader) = (open(&server.url()), open(&server.url()));
    write(&writer, "a", 0..1).await;
    let from = position(&reader).await;
    let following = {
        let (reader, from) = (Arc::clone(&reader), from.clone());
        tokio::spawn(async move { reader.shared().unwrap().changes(&from, SOON).await })
    };
    tokio::time::sleep(Duration::from_millis(100)).await;
    server.stop();
    assert!(following.await.unwrap().unwrap_err().passes());
    server.restart();
    until_stored(&writer, &entry("a", "text 1")).await;
    let since = Instant::now();
    let found = loop {
        match reader.shared().unwrap().changes(&from, SOON).await {
            Ok(found) => break found,
            Err(error) => assert!(since.elapsed() < SOON, "{error}"),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert_eq!((found.changes.len(), found.gap), (1, false));
}

#[tokio::test]
async fn the_stream_is_kept_to_its_length() {
    let server = RedisServer::start(&[]);
    let config = Config { stream_length_max: 1_000, ..Config::default() };
    let store = try_open(&server.url(), &quick(), &config, Clock::manual(moment())).unwrap();
    for batch in 0..40 {
        write(&store, "a", batch * 64..(batch + 1) * 64).await;
    }
    let length: usize = server.say(&["XLEN", "{a}:changes"]).parse().unwrap();
    assert!((1_000..1_300).contains(&length), "{length}");
}

#[tokio::test]
async fn in_a_cluster_changes_of_every_shard_come_in_time() {
    let cluster = Cluster::start(3, 0, &[]);
    let (writer, reader) = (open(&cluster.url()), open(&cluster.url()));
    for tenant in ["a", "b", "c"] {
        write(&writer, tenant, 0..1).await;
    }
    let mut from = position(&reader).await;
    let mut slowest = Duration::ZERO;
    for tenant in ["a", "b", "c"] {
        write(&writer, tenant, 1..2).await;
        let since = Instant::now();
        let found = after(&reader, &from, SOON).await;
        slowest = slowest.max(since.elapsed());
        assert_eq!((found.changes.len(), found.gap), (1, false));
        from = found.position;
    }
    assert!(slowest < Duration::from_millis(500), "{slowest:?}");
}

#[tokio::test]
async fn who_lost_the_set_of_tenants_follows_those_it_knew() {
    let server = RedisServer::start(&[]);
    let (writer, reader) = (open(&server.url()), open(&server.url()));
    write(&writer, "a", 0..10).await;
    let from = position(&reader).await;
    server.say(&["FLUSHALL"]);
    assert!(after(&reader, &from, SOON).await.gap);
    let from = position(&reader).await;
    // The writer announced the tenant a moment ago and does not do so again.
    write(&writer, "a", 10..11).await;
    let found = after(&reader, &from, SOON).await;
    assert_eq!((found.changes.len(), found.gap), (1, false));
}

#[tokio::test]
async fn a_tenant_is_announced_again_to_a_server_that_was_started_without_data() {
    let mut server = RedisServer::start(&[]);
    let writer = open(&server.url());
    write(&writer, "a", 0..1).await;
    server.stop();
    assert!(writer.commit(put(&entry("b", "text"))).await.is_err());
    server.restart();
    until_stored(&writer, &entry("b", "text")).await;
    write(&writer, "a", 1..2).await;
    assert_eq!(server.say(&["SISMEMBER", "instinct:tenants", "a"]), "1");
}

#[tokio::test]
async fn quiet_looks_do_not_ask_each_stream_for_its_end() {
    let server = RedisServer::start(&[]);
    let (writer, reader) = (open(&server.url()), open(&server.url()));
    for tenant in ["a", "b", "c"] {
        write(&writer, tenant, 0..1).await;
    }
    let from = position(&reader).await;
    server.say(&["CONFIG", "RESETSTAT"]);
    let since = Instant::now();
    for _ in 0..30 {
        assert!(after(&reader, &from, Duration::from_millis(10)).await.changes.is_empty());
    }
    let stats = server.say(&["INFO", "commandstats"]);
    let asked = stats.lines().find_map(|line| line.strip_prefix("cmdstat_xinfo|stream:calls="));
    let asked: u64 = asked.map_or(0, |rest| rest.split(',').next().unwrap().parse().unwrap());
    assert!((3..=3 * (1 + since.elapsed().as_secs())).contains(&asked), "{asked} in {:?}", since.elapsed());
}
