//! A primary, a replica, and a sentinel that watches them and puts the replica in the primary's place.

use super::{RedisServer, wait_until};

/// The name of the primary in the sentinel's settings.
const SERVICE: &str = "instinct";

/// Two servers under a sentinel.
#[derive(Debug)]
pub struct Sentinel {
    /// The primary at the start.
    pub primary: RedisServer,
    /// Its replica.
    pub replica: RedisServer,
    /// Who watches them.
    pub sentinel: RedisServer,
}

impl Sentinel {
    /// A primary with a replica in step, and a sentinel that knows both.
    pub fn start(arguments: &[&str]) -> Self {
        let primary = RedisServer::start(arguments);
        let port = primary.port().to_string();
        let replica = RedisServer::start(&[&["--replicaof", "127.0.0.1", &port], arguments].concat());
        wait_until("the replica is in step", || replica.say(&["INFO", "replication"]).contains("master_link_status:up"));
        // A sentinel writes what it learns into its settings, so it wants a file of them.
        let settings = tempfile::NamedTempFile::with_suffix(".conf").unwrap();
        let sentinel = RedisServer::start(&[&settings.path().to_string_lossy(), "--sentinel"]);
        sentinel.say(&["SENTINEL", "MONITOR", SERVICE, "127.0.0.1", &port, "1"]);
        sentinel.say(&["SENTINEL", "SET", SERVICE, "down-after-milliseconds", "500", "failover-timeout", "3000"]);
        wait_until("the sentinel knows the replica", || {
            sentinel.say(&["SENTINEL", "REPLICAS", SERVICE]).contains(&replica.port().to_string())
        });
        Self { primary, replica, sentinel }
    }

    /// `redis-sentinel://…`.
    pub fn url(&self) -> String {
        format!("redis-sentinel://127.0.0.1:{}?sentinelServiceName={SERVICE}", self.sentinel.port())
    }
}
