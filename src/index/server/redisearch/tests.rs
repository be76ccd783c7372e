use super::*;
use crate::domain::entry::StoredEntry;
use crate::index::contract::vector;
use crate::index::server::contract::{self, SOON, World, near, space, stored};
use fred::prelude::{Builder, Config as ClientConfig};
use fred::types::RespVersion;

#[path = "../../../../tests/support/redis/mod.rs"]
#[expect(
    dead_code,
    unused_imports,
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    reason = "other tests use more of it"
)]
mod servers;

use servers::{Cluster, RedisServer};

/// A server of its own for one test.
struct Real {
    server: RedisServer,
    search: RediSearch,
}

async fn client(server: &RedisServer, version: RespVersion) -> Client {
    let mut config = ClientConfig::from_url(&server.url()).unwrap();
    config.version = version;
    let client = Builder::from_config(config).build().unwrap();
    client.init().await.unwrap();
    client
}

async fn real(version: RespVersion) -> Real {
    let server = RedisServer::start_with_search(&[]);
    server.say(&["DEBUG", "SET-ACTIVE-EXPIRE", "0"]);
    let search = RediSearch::open(client(&server, version).await, &Config::default()).await.unwrap();
    Real { server, search }
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
        let mut args: Vec<Value> = vec![
            key(stored).into(),
            "vector".into(),
            Bytes::from(stored.vector.to_le_bytes()).into(),
            "partition".into(),
            entry.partition.to_string().into(),
            "text_hash".into(),
            entry.text_hash.to_string().into(),
            "created_at".into(),
            entry.created_at.to_string().into(),
            "as_of".into(),
            entry.as_of.to_string().into(),
        ];
        if let Some(prompt) = &stored.prompt {
            args.extend(["prompt_vector".into(), Bytes::from(prompt.to_le_bytes()).into()]);
        }
        if entry.quarantine.is_some() {
            args.extend(["quarantine".into(), "{}".into()]);
        }
        self.search.say("HSET", args).await.unwrap();
    }

    async fn delete(&self, stored: &StoredEntry) {
        self.search.say("DEL", vec![key(stored).into()]).await.unwrap();
    }

    async fn expire(&self, stored: &StoredEntry) {
        self.search.say("PEXPIRE", vec![key(stored).into(), 1.into()]).await.unwrap();
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
    let mut search = RediSearch::open(client(&real.server, RespVersion::RESP3).await, &Config::default()).await.unwrap();
    search.definition.version = version;
    search
}

#[tokio::test]
async fn a_redis_with_the_module_holds_the_contract() {
    contract::hold(|| real(RespVersion::RESP3)).await;
}

#[tokio::test]
async fn it_does_so_in_the_older_protocol() {
    contract::hold(|| real(RespVersion::RESP2)).await;
}

#[tokio::test]
async fn a_search_that_runs_out_of_time_in_the_server_gives_no_part_of_a_result() {
    for told_to_return in [false, true] {
        let real = real(RespVersion::RESP3).await;
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
        let args = wanted.args(real.search.definition.alias(&space), 3_000, (4_096, 1));
        let said = real.search.say("FT.SEARCH", args).await.and_then(|said| Page::read(&said, |_| None));
        assert!(matches!(&said, Err(SearchError::Refused { detail }) if detail.contains("Timeout")), "{said:?}");
    }
}

#[tokio::test]
async fn a_server_that_hangs_costs_no_more_than_the_time_that_was_given() {
    let real = real(RespVersion::RESP3).await;
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
    let real = real(RespVersion::RESP3).await;
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
    let real = real(RespVersion::RESP3).await;
    let (other, space) = (of_version(&real, 1).await, space("a", 1));
    let (one, two) = tokio::join!(real.search.ensure(&space), other.ensure(&space));
    assert_eq!(one.unwrap().name, two.unwrap().name);
    assert_eq!(real.server.say(&["FT._LIST"]).lines().count(), 1);
}

#[tokio::test]
async fn an_index_that_was_lost_is_told_and_made_again() {
    let real = real(RespVersion::RESP3).await;
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
    let refused = RediSearch::open(client(&server, RespVersion::RESP3).await, &Config::default()).await.unwrap_err();
    assert!(matches!(&refused, SearchError::Unfit { detail } if detail.contains("RediSearch 2.8.0")), "{refused}");
}

#[tokio::test]
async fn a_cluster_without_a_coordinator_is_refused_in_words_that_say_what_to_do() {
    let module = servers::file("redisearch.so").display().to_string();
    let cluster = Cluster::start(3, 0, &["--loadmodule", &module]);
    let client = Builder::from_config(ClientConfig::from_url(&cluster.url()).unwrap()).build().unwrap();
    client.init().await.unwrap();
    let refused = RediSearch::open(client, &Config::default()).await.unwrap_err();
    assert!(matches!(&refused, SearchError::Unfit { detail } if detail.contains("coordinator")), "{refused}");
}
