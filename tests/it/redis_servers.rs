//! The servers that other tests stand on do what those take for granted.

use super::redis::{Certificates, Cluster, RedisServer, Sentinel, wait_until};

#[test]
fn a_killed_server_comes_back_on_its_port_with_what_it_had_synced() {
    let mut server = RedisServer::start(&["--appendonly", "yes", "--appendfsync", "always"]);
    server.say(&["SET", "k", "v"]);
    server.stop();
    assert!(server.try_say(&["PING"]).is_err());
    server.restart();
    assert_eq!(server.say(&["GET", "k"]), "v");
}

#[test]
fn a_server_with_search_makes_an_index() {
    let server = RedisServer::start_with_search(&[]);
    assert_eq!(server.say(&["FT.CREATE", "i", "SCHEMA", "t", "TAG"]), "OK");
}

#[test]
fn a_cluster_takes_commands_and_puts_a_replica_in_the_place_of_a_killed_primary() {
    let mut cluster = Cluster::start(3, 1, &[]);
    cluster.primaries[0].stop();
    let replica = &cluster.replicas[0];
    wait_until("the replica is a primary", || replica.say(&["ROLE"]).starts_with("master"));
    assert!(cluster.url().starts_with("redis-cluster://127.0.0.1:"));
}

#[test]
fn a_sentinel_puts_the_replica_in_the_place_of_a_killed_primary() {
    let mut servers = Sentinel::start(&[]);
    servers.primary.stop();
    wait_until("the replica is a primary", || servers.replica.say(&["ROLE"]).starts_with("master"));
    assert!(servers.sentinel.try_say(&["PING"]).is_ok());
}

#[test]
fn a_server_with_tls_starts_with_certificates_of_its_own() {
    let certificates = Certificates::new();
    let (server, port) = RedisServer::start_with_tls(&certificates, true, &[]);
    assert!(server.say(&["INFO", "server"]).contains("redis_version:7"));
    assert!(std::net::TcpStream::connect(("127.0.0.1", port)).is_ok());
}
