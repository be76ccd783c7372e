//! Token buckets that all processes take from: a small script for each taking, one step for all who ask.

use crate::domain::ids::TenantId;
use crate::domain::role::Role;
use crate::redis::{Command, Link, RedisError};
use crate::store::buckets::{Rate, Taken};
use std::time::Duration;

/// [`Rate::take`], by the clock of the server, in microseconds: a number of Lua's has 53 bits, which nanoseconds since the epoch pass. Gives how
/// long to wait, 0 where one was taken. A bucket that has filled up again is the same as none, and ends then.
const TAKE: &str = "#!lua
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local interval, room = tonumber(ARGV[1]), tonumber(ARGV[2])
local filled = math.max(tonumber(redis.call('GET', KEYS[1])) or 0, now) + interval
if filled - room > now then return math.ceil(filled - room - now) end
redis.call('SET', KEYS[1], string.format('%.3f', filled), 'PX', math.ceil((filled - now) / 1000))
return 0";

pub(super) async fn take(link: &Link, tenant: &TenantId, role: Role, rate: Rate) -> Result<Taken, RedisError> {
    let interval = rate.interval_ns as f64 / 1e3;
    let command = Command::new("EVAL")
        .arg(TAKE)
        .arg("1")
        .key(&super::names::bucket(tenant, role))
        .arg(interval.to_string())
        .arg((interval * f64::from(rate.burst)).to_string());
    match link.ask(command).await?.as_u64() {
        Some(0) => Ok(Taken::Yes),
        Some(micros) => Ok(Taken::NotFor(Duration::from_micros(micros))),
        None => Err(RedisError::Refused { detail: "it gave no time to wait".to_owned() }),
    }
}
