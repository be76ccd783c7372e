//! Where the stores of several replicas come from: the twin in memory, or a real Redis.

use super::redis::RedisServer;
use instinct::domain::time::Clock;
use instinct::redis::Config as Connection;
use instinct::store::{Common, RedisConfig, Store, open_redis};
use std::sync::Arc;
use std::time::Duration;

/// A server that replicas share.
#[derive(Debug)]
pub enum Stores {
    InMemory(Common),
    /// With how long a command waits for its answer.
    InRedis(RedisServer, Duration),
}

impl Stores {
    pub fn in_memory() -> Self {
        Self::InMemory(Common::new(Clock::System))
    }

    /// A server that is paused now and then, so that nobody waits long for it.
    pub fn in_redis() -> Self {
        Self::InRedis(RedisServer::start(&[]), Duration::from_millis(400))
    }

    /// A server that always answers, however busy the machine is.
    pub fn in_redis_unpaused() -> Self {
        Self::InRedis(RedisServer::start(&[]), Duration::from_secs(20))
    }

    /// The store of one more process.
    pub fn join(&self) -> Arc<dyn Store> {
        match self {
            Self::InMemory(common) => common.join(),
            Self::InRedis(server, patience) => {
                let command_timeout_ms = patience.as_millis().try_into().unwrap();
                let quick = Connection { command_timeout_ms, reconnect_pause_max_ms: 200, ..Connection::default() };
                open_redis(&server.url().parse().unwrap(), &quick, &RedisConfig::default(), Clock::System).unwrap()
            }
        }
    }

    /// Has it answer nobody, or answer again.
    pub fn set_away(&self, away: bool) {
        match self {
            Self::InMemory(common) => common.set_away(away),
            Self::InRedis(server, _) if away => server.pause(),
            Self::InRedis(server, _) => server.resume(),
        }
    }

    /// Drops all but the last `keep` changes.
    pub fn trim(&self, keep: usize) {
        match self {
            Self::InMemory(common) => common.trim(keep),
            Self::InRedis(server, _) => drop(server.say(&["XTRIM", "{default}:changes", "MAXLEN", &keep.to_string()])),
        }
    }
}

/// Runs tests that take the [`Stores`] of their replicas over each kind of them.
macro_rules! over_each_store {
    ($($name:ident),* $(,)?) => {
        mod in_memory {
            $(#[tokio::test] async fn $name() { super::$name($crate::stores::Stores::in_memory()).await })*
        }
        mod in_redis {
            $(#[tokio::test] async fn $name() { super::$name($crate::stores::Stores::in_redis()).await })*
        }
    };
}
pub(super) use over_each_store;
