//! The contracts against real servers, and what only a server can do wrong.

use super::{Config, InRedis};
use crate::domain::time::Clock;
use crate::redis::server::{Certificates, Cluster, RedisServer, Sentinel, wait_until};
use crate::redis::{Config as Connection, Redis, RedisError};
use crate::store::codec::Fault;
use crate::store::sample::{component_of, decision_of, entry_of, moment, same, tenant};
use crate::store::shared::{Acquired, CHANGES_MAX};
use crate::store::{CodecError, Record, RecordKind, Store, StoreError, Write, contract, shared_contract};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};

fn quick() -> Connection {
    Connection { command_timeout_ms: 400, reconnect_pause_max_ms: 200, ..Connection::default() }
}

fn try_open(url: &str, connection: &Connection, config: &Config, clock: Clock) -> Result<Arc<dyn Store>, StoreError> {
    crate::store::open_redis(&url.parse().unwrap(), connection, config, clock)
}

fn open(url: &str) -> Arc<dyn Store> {
    try_open(url, &quick(), &Config::default(), Clock::manual(moment())).unwrap()
}

fn component(tenant: &str, id: &str) -> Record {
    Record::Component(component_of(tenant, id, "some text").into())
}

fn put(record: &Record) -> Vec<Write> {
    vec![Write::Put(record.clone())]
}

async fn holds(store: &dyn Store, record: &Record) -> bool {
    store.get(&record.key()).await.unwrap().is_some_and(|found| same(&found, record))
}

#[tokio::test]
async fn the_store_in_redis_holds_the_contracts() {
    let server = RedisServer::start(&[]);
    let url = server.url();
    contract::hold_where(true, |clock| {
        server.say(&["FLUSHALL"]);
        try_open(&url, &quick(), &Config::default(), clock).unwrap()
    })
    .await;
    shared_contract::hold(|clock| {
        server.say(&["FLUSHALL"]);
        let url = url.clone();
        Box::new(move || try_open(&url, &quick(), &Config::default(), clock.clone()).unwrap())
    })
    .await;
}
