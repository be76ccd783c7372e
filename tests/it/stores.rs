//! Where the stores of several replicas come from: the twin in memory, or a real Redis.

use super::redis::RedisServer;
use instinct::domain::time::Clock;
use instinct::redis::Config as Connection;
use instinct::store::{Common, RedisConfig, Store, open_redis};
use std::sync::Arc;

/// A server that replicas share.
#[derive(Debug)]
pub enum Stores {
    InMemory(Common),
    InRedis(RedisServer),
}

impl Stores {
    pub fn in_memory() -> Self {
        Self::InMemory(Common::new(Clock::System))
    }

    pub fn in_redis() -> Self {
        Self::InRedis(RedisServer::start(&[]))
    }

    /// The store of one more process.
    pub fn join(&self) -> Arc<dyn Store> {
        match self {
            Self::InMemory(common) => common.join(),
            Self::InRedis(server) => {
                let quick = Connection { command_timeout_ms: 400, reconnect_pause_max_ms: 200, ..Connection::default() };
                open_redis(&server.url().parse().unwrap(), &quick, &RedisConfig::default(), Clock::System).unwrap()
            }
        }
    }

    /// Has it answer nobody, or answer again.
    pub fn set_away(&self, away: bool) {
        match self {
            Self::InMemory(common) => common.set_away(away),
            Self::InRedis(server) if away => server.pause(),
            Self::InRedis(server) => server.resume(),
        }
    }

    /// Drops all but the last `keep` changes.
    pub fn trim(&self, keep: usize) {
        match self {
            Self::InMemory(common) => common.trim(keep),
            Self::InRedis(server) => drop(server.say(&["XTRIM", "{default}:changes", "MAXLEN", &keep.to_string()])),
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
