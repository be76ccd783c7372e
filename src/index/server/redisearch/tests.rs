use super::*;
use crate::domain::entry::StoredEntry;
use crate::index::contract::vector;
use crate::index::server::contract::{self, SOON, World, near, space, stored};
use crate::redis::server::{Cluster, RedisServer, file};
use crate::redis::{Config as RedisConfig, Redis};

/// A server of its own for one test.
struct Real {
    server: RedisServer,
    redis: Redis,
    search: RediSearch,
}

fn redis(url: &str) -> Redis {
    Redis::start(&url.parse().unwrap(), &RedisConfig::default()).unwrap()
}

async fn real() -> Real {
    let server = RedisServer::start_with_search(&[]);
    server.say(&["DEBUG", "SET-ACTIVE-EXPIRE", "0"]);
    let redis = redis(&server.url());
    let search = RediSearch::open(redis.link().await.unwrap(), &Config::default()).await.unwrap();
    Real { server, redis, search }
}

fn key(stored: &StoredEntry) -> String {
    format!("{{{}}}:{}", stored.entry.tenant, stored.entry.id)
}

#[async_trait]
impl World for Real {
    fn search(&self) -> &dyn ServerSearch {
        &self.search
    }

    async fn put(&self, stored: &StoredEntry) {
        let entry = &stored.entry;
        let vector = stored.vector.to_le_bytes();
        let mut command = Command::new("HSET").key(&key(stored)).arg("vector").arg(&vector[..]);
        for (name, value) in [
            ("partition", entry.partition.to_string()),
            ("text_hash", entry.text_hash.to_string()),
            ("created_at", entry.created_at.to_string()),
            ("as_of", entry.as_of.to_string()),
        ] {
            command = command.arg(name).arg(value);
        }
        if let Some(prompt) = &stored.prompt {
            command = command.arg("prompt_vector").arg(&prompt.to_le_bytes()[..]);
        }
        if entry.quarantine.is_some() {
            command = command.arg("quarantine").arg("{}");
        }
        self.search.say(command).await.unwrap();
    }

    async fn delete(&self, stored: &StoredEntry) {
        self.search.say(Command::new("DEL").key(&key(stored))).await.unwrap();
    }

    async fn expire(&self, stored: &StoredEntry) {
        self.search.say(Command::new("PEXPIRE").key(&key(stored)).arg("1")).await.unwrap();
    }
}

async fn built(search: &RediSearch, space: &Space) -> IndexState {
    for _ in 0..1_000 {
        let state = search.ensure(space).await.unwrap();
        if state.ready() && state.successor.is_none() {
            return state;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it is not built");
}

/// The same search with another version of the definition.
async fn of_version(real: &Real, version: u32) -> RediSearch {
    let mut search = RediSearch::open(real.redis.link().await.unwrap(), &Config::default()).await.unwrap();
    search.definition.version = version;
    search
}

#[tokio::test]
async fn a_redis_with_the_module_holds_the_contract() {
    contract::hold(real).await;
}

#[tokio::test]
async fn a_search_that_runs_out_of_time_in_the_server_gives_no_part_of_a_result() {
    for told_to_return in [false, true] {
        let real = real().await;
        if told_to_return {
            // As where this user may not change that setting.
            real.server.say(&["FT.CONFIG", "SET", "ON_TIMEOUT", "RETURN"]);
        }
        let space = space("a", 1);
        built(&real.search, &space).await;
        for n in 0..3_000 {
            real.put(&stored(&space, n)).await;
        }
        // The server gets a millisecond for a walk through all entries, and we wait as long as it takes.
        let query = vector(space.dim, 9_999);
        let wanted = Query::Nearest(Nearest { by: By::Composed, vector: &query, k: 1_000 });
        let command = wanted.command(&real.search.definition.alias(&space), 3_000, (4_096, 1));
        let said = real.search.say(command).await.and_then(|said| Page::read(&said, |_| None));
        assert!(matches!(&said, Err(SearchError::Refused { detail }) if detail.contains("Timeout")), "{said:?}");
    }
}

#[tokio::test]
async fn a_server_that_hangs_costs_no_more_than_the_time_that_was_given() {
    let real = real().await;
    let space = space("a", 1);
    built(&real.search, &space).await;
    real.server.pause();
    let since = Instant::now();
    let wanted = Nearest { by: By::Composed, vector: &vector(space.dim, 1), k: 1 };
    let late = real.search.nearest(&space, wanted, Duration::from_millis(50)).await;
    real.server.resume();
    assert!(matches!(late, Err(SearchError::Late { .. })) && since.elapsed() < Duration::from_secs(2));
}

#[tokio::test]
async fn a_new_version_is_built_beside_the_old_and_then_takes_its_place() {
    let real = real().await;
    let space = space("a", 1);
    built(&real.search, &space).await;
    for n in 0..2_000 {
        real.put(&stored(&space, n)).await;
    }
    let query = vector(space.dim, 5);
    let first = near(&real, &space, &query, 1).await;
    let later = of_version(&real, 2).await;
    let begun = later.ensure(&space).await.unwrap();
    assert_eq!((begun.version, begun.successor.map(|(version, _)| version)), (1, Some(2)), "the old one answers until then");
    assert_eq!(near(&real, &space, &query, 1).await, first);
    let state = built(&later, &space).await;
    assert_eq!((state.version, state.entries), (2, 2_000));
    assert_eq!(near(&real, &space, &query, 1).await, first, "who knows only the old version finds the same by the alias");
    assert_eq!(real.server.say(&["FT._LIST"]), state.name, "the old one is gone");
    assert_eq!(real.search.ensure(&space).await.unwrap().version, 2, "an earlier program leaves a later index alone");
    assert_eq!(real.server.say(&["FT._LIST"]), state.name);
}

#[tokio::test]
async fn two_processes_that_start_at_once_make_one_index() {
    let real = real().await;
    let (other, space) = (of_version(&real, 1).await, space("a", 1));
    let (one, two) = tokio::join!(real.search.ensure(&space), other.ensure(&space));
    assert_eq!(one.unwrap().name, two.unwrap().name);
    assert_eq!(real.server.say(&["FT._LIST"]).lines().count(), 1);
}

#[tokio::test]
async fn an_index_that_was_lost_is_told_and_made_again() {
    let real = real().await;
    let space = space("a", 1);
    let state = built(&real.search, &space).await;
    let one = stored(&space, 1);
    real.put(&one).await;
    real.server.say(&["FT.DROPINDEX", &state.name]);
    let lost = real.search.exact(&space, one.entry.text_hash, SOON).await;
    assert!(matches!(lost, Err(SearchError::NoIndex { .. })), "{lost:?}");
    built(&real.search, &space).await;
    assert_eq!(near(&real, &space, &one.vector, 1).await[0].id, one.entry.id);
}

#[tokio::test]
async fn a_server_without_the_module_is_refused_in_words_that_say_what_is_missing() {
    let server = RedisServer::start(&[]);
    let redis = redis(&server.url());
    let refused = RediSearch::open(redis.link().await.unwrap(), &Config::default()).await.unwrap_err();
    assert!(matches!(&refused, SearchError::Unfit { detail } if detail.contains("RediSearch 2.8.0")), "{refused}");
}

#[tokio::test]
async fn a_cluster_without_a_coordinator_is_refused_in_words_that_say_what_to_do() {
    let module = file("redisearch.so").display().to_string();
    let cluster = Cluster::start(3, 0, &["--loadmodule", &module]);
    let redis = redis(&cluster.url());
    let refused = RediSearch::open(redis.link().await.unwrap(), &Config::default()).await.unwrap_err();
    assert!(matches!(&refused, SearchError::Unfit { detail } if detail.contains("coordinator")), "{refused}");
}
