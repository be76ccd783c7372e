//! Leases and generations: small scripts, each one step for all who ask. They take next to no memory, so they run where it is full too:
//! deletes need them.

use super::names;
use crate::domain::ids::TenantId;
use crate::redis::{Command, Link, RedisError, Value};
use crate::store::shared::{Acquired, Lease};
use std::time::Duration;

/// Gives the lease to who asks where nobody has it. The fence is at least the time, so that it grows even where a failover lost the
/// counter. What is there begins with `w` where it is a word and is a fence otherwise.
const ACQUIRE: &str = "#!lua flags=allow-oom
local held = redis.call('GET', KEYS[1])
if held then return held end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local fence = math.max((tonumber(redis.call('GET', KEYS[2])) or 0) + 1, now)
redis.call('SET', KEYS[2], string.format('%.0f', fence))
redis.call('SET', KEYS[1], string.format('%.0f', fence), 'PX', ARGV[1])
return fence";

const RENEW: &str = "#!lua flags=allow-oom
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])";

const RELEASE: &str = "#!lua flags=allow-oom
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
if ARGV[2] == '' then return redis.call('DEL', KEYS[1]) end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1";

const GENERATION: &str = "#!lua flags=no-writes
return tonumber(redis.call('GET', KEYS[1])) or 0";

const NEXT_GENERATION: &str = "#!lua flags=allow-oom
local next = math.max(tonumber(redis.call('GET', KEYS[1])) or 0, tonumber(ARGV[1])) + 1
redis.call('SET', KEYS[1], string.format('%.0f', next))
return next";

pub(super) async fn acquire(link: &Link, tenant: &TenantId, name: &str, lasts: Duration) -> Result<Acquired, RedisError> {
    let command = Command::new("EVAL").arg(ACQUIRE).arg("2").key(&names::lease(tenant, name)).key(&names::fence(tenant));
    match link.ask(command.arg(millis(lasts))).await? {
        Value::Integer(fence) => {
            let fence = u64::try_from(fence).map_err(|_| RedisError::Refused { detail: format!("it gave the fence {fence}") })?;
            Ok(Acquired::Mine(Lease { tenant: tenant.clone(), name: name.to_owned(), fence }))
        }
        held => {
            let held = held.into_string().unwrap_or_default();
            Ok(held.strip_prefix('w').map_or(Acquired::Held, |word| Acquired::Done(word.to_owned())))
        }
    }
}

pub(super) async fn renew(link: &Link, lease: &Lease, lasts: Duration) -> Result<bool, RedisError> {
    held(link, RENEW, lease, vec![millis(lasts)]).await
}

pub(super) async fn release(link: &Link, lease: &Lease, word: Option<(&str, Duration)>) -> Result<bool, RedisError> {
    let words = word.map_or_else(|| vec![String::new()], |(word, lingers)| vec![format!("w{word}"), millis(lingers)]);
    held(link, RELEASE, lease, words).await
}

async fn held(link: &Link, script: &'static str, lease: &Lease, words: Vec<String>) -> Result<bool, RedisError> {
    let command =
        Command::new("EVAL").arg(script).arg("1").key(&names::lease(&lease.tenant, &lease.name)).arg(lease.fence.to_string());
    let answer = link.ask(words.into_iter().fold(command, Command::arg)).await?;
    Ok(answer.as_i64() == Some(1))
}

pub(super) async fn generation(link: &Link) -> Result<u64, RedisError> {
    let answer = link.ask(Command::new("EVAL").arg(GENERATION).arg("1").key(names::GENERATION)).await?;
    answer.as_u64().ok_or_else(|| RedisError::Refused { detail: format!("it gave the generation {answer:?}") })
}

pub(super) async fn next_generation(link: &Link, above: u64) -> Result<u64, RedisError> {
    let command = Command::new("EVAL").arg(NEXT_GENERATION).arg("1").key(names::GENERATION).arg(above.to_string());
    let answer = link.ask(command).await?;
    answer.as_u64().ok_or_else(|| RedisError::Refused { detail: format!("it gave the generation {answer:?}") })
}

/// At least one, for Redis takes no less.
fn millis(duration: Duration) -> String {
    duration.as_millis().max(1).to_string()
}
