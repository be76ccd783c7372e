//! The search module of Redis.
//!
//! Beside the index in process, in one run of `benches/server_search.rs` on a busy machine, 100,000 vectors of 384 dimensions in groups, the
//! nearest eight of a query whose nearest is at cosine 0.9:
//!
//! | | p50 | p99 | recall@1 | recall@8 | memory |
//! |---|---|---|---|---|---|
//! | in process | 0.06 ms | 4.1 ms | 0.960 | 0.964 | 103 MiB |
//! | server, `ef_runtime` 32 | 0.26 ms | 8.6 ms | 0.947 | 0.932 | 211 MiB beside the records |
//! | 64 | 0.26 ms | 8.4 ms | 0.965 | 0.961 | |
//! | 100 | 0.36 ms | 11.7 ms | 0.980 | 0.976 | |
//! | 200, the default | 0.47 ms | 12.1 ms | 0.992 | 0.988 | |
//! | 400 | 0.57 ms | 12.0 ms | 0.994 | 0.990 | |
//!
//! The module keeps each vector in full beside its graph. The entries of a text are found in 0.3 ms.
//!
//! What the traps are, and what is done about them:
//!
//! - A key that has expired and was not removed yet is found all the same, without its fields. A search asks for a few more than it wants,
//!   leaves those out, and asks for twice as many where too many were.
//! - By default a search that runs out of time returns what it has. Each names its time; the server is told to fail then, and where it may
//!   not be told so, its warning is taken for the error that it is.
//! - A record whose vector has the wrong size is skipped without a word; FT.INFO counts those.
//! - An index is empty when it is made, and fills while the server looks through all its keys; until then it is not asked.
//! - In a cluster each node indexes its own keys. Only a coordinator, which is a part of some builds of the module, searches them all.
//!   Where the nodes have none, this search refuses to be opened.

mod definition;
#[cfg(fuzzing)]
pub mod fuzz;
mod reply;

use self::definition::Definition;
use self::reply::{DISTANCE, Info, Page, VERSION_FIELDS, module_version};
use super::{By, Config, Found, IndexState, Nearest, SearchError, ServerSearch, Space};
use crate::domain::ids::EntryId;
use crate::domain::text::TextHash;
use crate::limits::{EXACT_VERSIONS_MAX, INDEX_NEIGHBOURS_MAX};
use crate::redis::{self, Address, Command, Link, Redis, RedisError, Value};
use async_trait::async_trait;
use std::time::{Duration, Instant};

/// The name of the module, and the first version whose errors and counts are as they are read here.
const MODULE: (&str, u64) = ("search", 20_800);

/// Results that a search asks for beyond those wanted, to stand in for such as have expired.
const SPARE: usize = 4;

/// Entries of one text that are asked for, of which the latest are kept: one for each soft context that it was ever decided in.
const VERSIONS_ASKED: usize = 32 * EXACT_VERSIONS_MAX;

/// A Redis with the search module.
#[derive(Debug)]
pub struct RediSearch {
    link: Link,
    /// Keeps the connection alive, where it is this search's own.
    _redis: Option<Redis>,
    definition: Definition,
    ef_runtime: usize,
}

impl RediSearch {
    /// Connects to a Redis, and looks whether it can be searched. Searches have a connection of their own, so that no write waits behind one.
    ///
    /// # Errors
    /// [`SearchError::Away`], or [`SearchError::Unfit`], which says what is missing.
    pub async fn connect(address: &Address, connection: &redis::Config, config: &Config) -> Result<Self, SearchError> {
        let redis = Redis::start(address, connection).map_err(told)?;
        let opened = Self::open(redis.link().await.map_err(told)?, config).await?;
        Ok(Self { _redis: Some(redis), ..opened })
    }

    /// Looks whether the server can be searched.
    ///
    /// # Errors
    /// [`SearchError::Unfit`], which says what is missing.
    pub async fn open(link: Link, config: &Config) -> Result<Self, SearchError> {
        let search = Self { link, _redis: None, definition: Definition::current()?, ef_runtime: config.ef_runtime };
        search.probe().await?;
        Ok(search)
    }

    async fn probe(&self) -> Result<(), SearchError> {
        let (name, least) = MODULE;
        let modules = self.say(Command::new("MODULE").arg("LIST")).await.map_err(unfit)?;
        let found = module_version(&modules, name);
        let version = |v: u64| format!("{}.{}.{}", v / 10_000, v / 100 % 100, v % 100);
        match found {
            None => {
                let detail = format!("it has no module \"{name}\": load RediSearch {} or later (Redis 8 has it)", version(least));
                return Err(SearchError::Unfit { detail });
            }
            Some(found) if found < least => {
                let detail =
                    format!("its module \"{name}\" is version {}, and {} or later is needed", version(found), version(least));
                return Err(SearchError::Unfit { detail });
            }
            Some(_) => {}
        }
        let cluster = self.say(Command::new("INFO").arg("cluster")).await.map_err(unfit)?;
        let in_cluster = cluster.as_str_lossy().is_some_and(|said| said.contains("cluster_enabled:1"));
        if in_cluster && !self.has_coordinator().await {
            let detail = "it is a cluster, and its search module has no coordinator, so that each node would search its own entries: \
                          use index.search = \"process\", or a build of the module with a coordinator";
            return Err(SearchError::Unfit { detail: detail.to_owned() });
        }
        // Where a setting of the server is not this user's to change, the warning in the reply is taken for the error.
        if let Err(error) = self.say(Command::new("FT.CONFIG").arg("SET").arg("ON_TIMEOUT").arg("FAIL")).await {
            tracing::debug!(%error, "the server was not told to fail a search that runs out of time");
        }
        tracing::info!(module = found.map(version), in_cluster, "the server can be searched");
        Ok(())
    }

    async fn has_coordinator(&self) -> bool {
        let known = self.say(Command::new("COMMAND").arg("INFO").arg("SEARCH.CLUSTERINFO")).await;
        matches!(known, Ok(Value::Array(list)) if list.iter().any(|command| !command.is_null()))
    }

    async fn say(&self, command: Command) -> Result<Value, SearchError> {
        self.link.ask(command).await.map_err(told)
    }

    async fn info(&self, name: String) -> Result<Option<Info>, SearchError> {
        match self.say(Command::new("FT.INFO").key(&name)).await {
            Ok(said) => Info::read(&said).map(Some),
            Err(SearchError::NoIndex { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Makes the index of the current definition; nothing happens where another process was first.
    async fn create(&self, space: &Space) -> Result<Info, SearchError> {
        let name = self.definition.name(space);
        let create = self.definition.create(space).into_iter().fold(Command::new("FT.CREATE").key(&name), Command::arg);
        match self.say(create).await {
            Ok(_) => tracing::info!(index = name, "the server builds an index"),
            Err(SearchError::Refused { detail }) if detail.contains("already exists") => {}
            Err(error) => return Err(error),
        }
        self.info(name.clone()).await?.ok_or(SearchError::NoIndex { name })
    }

    async fn point_alias(&self, space: &Space) -> Result<(), SearchError> {
        let command = Command::new("FT.ALIASUPDATE").key(&self.definition.alias(space));
        self.say(command.arg(self.definition.name(space))).await.map(drop)
    }

    /// Has searches go to the successor of an index, which is built, and drops the old one.
    async fn switch(&self, space: &Space, old: &str) -> Result<(), SearchError> {
        self.point_alias(space).await?;
        tracing::info!(index = self.definition.name(space), old, "searches go to the new index, and the old one is dropped");
        match self.say(Command::new("FT.DROPINDEX").key(old)).await {
            Ok(_) | Err(SearchError::NoIndex { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn state(&self, space: &Space, info: Info, successor: Option<&Info>) -> IndexState {
        IndexState {
            version: self.definition.version_of(space, &info.name).unwrap_or_default(),
            name: info.name,
            entries: info.entries,
            failures: info.failures,
            last_failure: info.last_failure,
            bytes: info.bytes,
            built: info.built,
            successor: successor.map(|next| (self.definition.version, next.built)),
        }
    }

    async fn page(&self, space: &Space, query: Query<'_>, limit: usize, deadline: Instant) -> Result<Page, SearchError> {
        let left = deadline.saturating_duration_since(Instant::now());
        let within_ms = u64::try_from(left.as_millis()).unwrap_or(u64::MAX);
        let late = || SearchError::Late { within_ms };
        let in_time = |error| match error {
            SearchError::Refused { detail } if detail.contains("Timeout limit") => late(),
            other => other,
        };
        if left.is_zero() {
            return Err(late());
        }
        let command = query.command(&self.definition.alias(space), limit, (self.ef_runtime, within_ms));
        let said = tokio::time::timeout(left, self.say(command)).await.map_err(|_| late())?.map_err(in_time)?;
        Page::read(&said, |key| EntryId::parse(self.definition.id_of(space, key)?).ok()).map_err(in_time)
    }

    /// Up to `wanted` entries that are still there, and more than so many only where `all` are asked for at once.
    async fn live(&self, space: &Space, query: Query<'_>, wanted: usize, within: Duration) -> Result<Vec<Found>, SearchError> {
        let deadline = Instant::now() + within;
        let mut limit = wanted + SPARE;
        loop {
            let Page { mut found, came } = self.page(space, query, limit, deadline).await?;
            if found.len() >= wanted || came < limit {
                found.truncate(wanted);
                return Ok(found);
            }
            limit *= 2;
        }
    }
}

/// What a search asks.
#[derive(Debug, Clone, Copy)]
enum Query<'a> {
    Nearest(Nearest<'a>),
    SameText(TextHash),
}

impl Query<'_> {
    /// FT.SEARCH. What is looked for goes in as a parameter and never into the text of the query.
    fn command(self, index: &str, limit: usize, (ef_runtime, within_ms): (usize, u64)) -> Command {
        let count = |n: usize| n.to_string();
        let command = Command::new("FT.SEARCH").key(index);
        let (command, distance) = match self {
            Self::Nearest(Nearest { by, vector, .. }) => {
                let field = match by {
                    By::Composed => "vector",
                    By::Prompt => "prompt_vector",
                };
                let command =
                    command.arg(format!("*=>[KNN $k @{field} $v EF_RUNTIME $ef AS {DISTANCE}]")).arg("SORTBY").arg(DISTANCE);
                let command =
                    command.arg("PARAMS").arg("6").arg("k").arg(count(limit)).arg("ef").arg(count(ef_runtime.max(limit)));
                (command.arg("v").arg(&vector.to_le_bytes()[..]), Some(DISTANCE))
            }
            Self::SameText(hash) => (command.arg("@text_hash:{$h}").arg("PARAMS").arg("2").arg("h").arg(hash.to_string()), None),
        };
        let returned: Vec<&str> = VERSION_FIELDS.into_iter().chain(distance).collect();
        let command = returned.iter().fold(command.arg("RETURN").arg(count(returned.len())), |command, name| command.arg(*name));
        // No time at all would mean no limit.
        let within_ms = within_ms.max(1).to_string();
        command.arg("LIMIT").arg("0").arg(count(limit)).arg("TIMEOUT").arg(within_ms).arg("DIALECT").arg("2")
    }
}

#[async_trait]
impl ServerSearch for RediSearch {
    async fn ensure(&self, space: &Space) -> Result<IndexState, SearchError> {
        let Some(info) = self.info(self.definition.alias(space)).await? else {
            let info = self.create(space).await?;
            self.point_alias(space).await?;
            return Ok(self.state(space, info, None));
        };
        // What a later version of the program made serves as well, and is not for this one to replace.
        let version = self.definition.version_of(space, &info.name);
        if version.is_some_and(|version| version >= self.definition.version) {
            return Ok(self.state(space, info, None));
        }
        let next = match self.info(self.definition.name(space)).await? {
            Some(next) => next,
            None => self.create(space).await?,
        };
        if next.built < 1.0 {
            return Ok(self.state(space, info, Some(&next)));
        }
        self.switch(space, &info.name).await?;
        Ok(self.state(space, next, None))
    }

    async fn nearest(&self, space: &Space, wanted: Nearest<'_>, within: Duration) -> Result<Vec<Found>, SearchError> {
        let k = wanted.k.min(INDEX_NEIGHBOURS_MAX);
        self.live(space, Query::Nearest(wanted), k, within).await
    }

    async fn exact(&self, space: &Space, text: TextHash, within: Duration) -> Result<Vec<Found>, SearchError> {
        let mut found = self.live(space, Query::SameText(text), VERSIONS_ASKED, within).await?;
        found.sort_by_key(|found| std::cmp::Reverse(found.version.as_of));
        found.truncate(EXACT_VERSIONS_MAX);
        Ok(found)
    }
}

/// What a refusal means to a search.
fn told(error: RedisError) -> SearchError {
    if error.away() || error == RedisError::Closed {
        return SearchError::Away { detail: error.to_string() };
    }
    let RedisError::Refused { detail } = error else { return SearchError::Refused { detail: error.to_string() } };
    let said = detail.to_ascii_lowercase();
    match said.contains("no such index") || said.contains("unknown index name") {
        true => SearchError::NoIndex { name: detail },
        false => SearchError::Refused { detail },
    }
}

/// What can't be found out at the start can't be relied on.
fn unfit(error: SearchError) -> SearchError {
    match error {
        SearchError::Refused { detail } => SearchError::Unfit { detail },
        other => other,
    }
}

#[cfg(test)]
mod tests;
