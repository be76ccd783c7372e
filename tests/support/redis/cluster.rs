//! A Redis Cluster on one machine.

use super::{RedisServer, free_port, wait_until};

/// Slots of a cluster.
const SLOTS: usize = 16_384;

/// Primaries with an equal share of the slots each, and their replicas.
#[derive(Debug)]
pub struct Cluster {
    /// The primaries.
    pub primaries: Vec<RedisServer>,
    /// As many of each primary as was asked for: those of the first one first.
    pub replicas: Vec<RedisServer>,
}

impl Cluster {
    /// A cluster of `primaries`, each with `replicas`, that takes commands.
    pub fn start(primaries: usize, replicas: usize, arguments: &[&str]) -> Self {
        let node = || {
            let (bus, cluster) = (free_port().to_string(), ["--cluster-enabled", "yes", "--cluster-node-timeout", "1000"]);
            let own = ["--cluster-port", &bus, "--cluster-replica-validity-factor", "0"];
            RedisServer::start(&[&cluster, &own, arguments].concat())
        };
        let cluster = Self {
            primaries: (0..primaries).map(|_| node()).collect(),
            replicas: (0..primaries * replicas).map(|_| node()).collect(),
        };
        cluster.meet();
        for (place, replica) in cluster.replicas.iter().enumerate() {
            let id = cluster.primaries[place / replicas].say(&["CLUSTER", "MYID"]);
            wait_until("a replica knows its primary", || replica.try_say(&["CLUSTER", "REPLICATE", &id]).is_ok());
        }
        cluster.wait_until_whole();
        cluster
    }

    /// `redis-cluster://…` with every primary in it.
    pub fn url(&self) -> String {
        let (first, others) = self.primaries.split_first().unwrap();
        let others: Vec<String> = others.iter().map(|node| format!("node=127.0.0.1:{}", node.port())).collect();
        format!("redis-cluster://127.0.0.1:{}?{}", first.port(), others.join("&"))
    }

    /// All its servers.
    pub fn nodes(&self) -> impl Iterator<Item = &RedisServer> {
        self.primaries.iter().chain(&self.replicas)
    }

    fn meet(&self) {
        let count = self.primaries.len();
        for (place, node) in self.nodes().enumerate() {
            node.say(&["CLUSTER", "SET-CONFIG-EPOCH", &(place + 1).to_string()]);
            if place < count {
                let (first, end) = (SLOTS * place / count, SLOTS * (place + 1) / count - 1);
                node.say(&["CLUSTER", "ADDSLOTSRANGE", &first.to_string(), &end.to_string()]);
            }
            let bus = node.say(&["CONFIG", "GET", "cluster-port"]);
            let bus = bus.lines().last().unwrap();
            self.primaries[0].say(&["CLUSTER", "MEET", "127.0.0.1", &node.port().to_string(), bus]);
        }
    }

    fn wait_until_whole(&self) {
        let known = format!("cluster_known_nodes:{}", self.nodes().count());
        for node in self.nodes() {
            wait_until("the cluster is whole", || {
                let said = node.say(&["CLUSTER", "INFO"]);
                said.contains("cluster_state:ok") && said.contains(&known)
            });
        }
        for replica in &self.replicas {
            wait_until("a replica is in step", || replica.say(&["INFO", "replication"]).contains("master_link_status:up"));
        }
    }
}
