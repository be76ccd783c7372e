//! What there is to know about a Redis before it is relied on.

use super::{Command, Link, RedisError, Value};

/// The oldest version whose scripts and streams are enough.
const VERSION_MIN: (u32, u32) = (7, 0);
const VERSION_MIN_TEXT: &str = "7.0";

/// What a Redis says about itself. In a cluster, what its first primary says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Found {
    /// Its version.
    pub version: String,
    /// Whether it logs each write to a file.
    pub append_only: bool,
    /// Whether it saves snapshots, where it tells.
    pub snapshots: Option<bool>,
    /// What it does when its memory is full.
    pub eviction: String,
    /// Bytes that its memory is limited to; 0 for no limit.
    pub memory_max: u64,
    /// Names of its modules with their versions.
    pub modules: Vec<(String, u64)>,
}

impl Found {
    /// Asks.
    ///
    /// # Errors
    /// [`RedisError`] where it can't be asked, or is too old.
    pub async fn ask(link: &Link) -> Result<Self, RedisError> {
        let node = link.primaries().into_iter().next().flatten();
        let info = link.ask(Command::new("INFO").at(node.clone())).await?;
        let mut found = Self::of_info(&info.as_str_lossy().unwrap_or_default());
        // Managed services forbid this one.
        if let Ok(saved) = link.ask(Command::new("CONFIG").arg("GET").arg("save").at(node)).await {
            found.snapshots = value_of(&saved, "save").map(|rules| !rules.is_empty());
        }
        found.check()
    }

    /// Refuses a version that is too old.
    fn check(self) -> Result<Self, RedisError> {
        let parts: Vec<u32> = self.version.split('.').map_while(|part| part.parse().ok()).collect();
        match parts[..] {
            [major, minor, ..] if (major, minor) >= VERSION_MIN => Ok(self),
            _ => Err(RedisError::Version { found: self.version, needed: VERSION_MIN_TEXT }),
        }
    }

    fn of_info(info: &str) -> Self {
        let value = |name: &str| info.lines().find_map(|line| line.trim_end().strip_prefix(name)?.strip_prefix(':'));
        let modules = info.lines().filter_map(|line| line.trim_end().strip_prefix("module:")).map(|module| {
            let part = |name: &str| module.split(',').find_map(|part| part.strip_prefix(name)?.strip_prefix('='));
            (part("name").unwrap_or_default().to_owned(), part("ver").and_then(|version| version.parse().ok()).unwrap_or(0))
        });
        Self {
            version: value("redis_version").unwrap_or("unknown").to_owned(),
            append_only: value("aof_enabled") == Some("1"),
            snapshots: None,
            eviction: value("maxmemory_policy").unwrap_or("unknown").to_owned(),
            memory_max: value("maxmemory").and_then(|bytes| bytes.parse().ok()).unwrap_or(0),
            modules: modules.collect(),
        }
    }

    /// Why records may be lost although nobody deletes them; none where it is set up to keep them.
    pub fn warnings(&self) -> Vec<String> {
        let mut all = Vec::new();
        if self.memory_max > 0 && self.eviction != "noeviction" {
            all.push(format!(
                "Redis drops keys when its memory is full (maxmemory-policy {}), and with them records that were promised to last: set noeviction",
                self.eviction
            ));
        }
        if !self.append_only {
            let kept = if self.snapshots == Some(true) { "only snapshots" } else { "nothing" };
            all.push(format!(
                "Redis keeps {kept} on disk (appendonly no): what was stored may be gone after its restart; set appendonly yes"
            ));
        }
        all
    }
}

/// The value of a name in an answer of names and values, in either version of the protocol.
fn value_of(answer: &Value, name: &str) -> Option<String> {
    let pairs = answer.clone().into_map().ok()?;
    pairs.inner().into_iter().find(|(key, _)| key.as_str() == Some(name)).and_then(|(_, value)| value.as_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_may_lose_records_is_warned_of() {
        let info = "redis_version:7.2.4\r\naof_enabled:0\r\nmaxmemory:100\r\nmaxmemory_policy:allkeys-lru\r\n\
                    module:name=search,ver=21005,api=1,filters=0\r\n";
        let found = Found::of_info(info);
        assert_eq!((found.version.as_str(), found.modules.clone()), ("7.2.4", vec![("search".to_owned(), 21_005)]));
        assert_eq!(found.warnings().len(), 2);
        let safe = Found { append_only: true, eviction: "noeviction".to_owned(), ..found };
        assert!(safe.warnings().is_empty());
    }

    #[test]
    fn a_version_that_is_too_old_or_none_is_refused_by_its_name() {
        for (version, taken) in
            [("7.0.15", true), ("8.2.3", true), ("10.0.0", true), ("6.2.14", false), ("unknown", false), ("7", false)]
        {
            let checked = Found { version: version.to_owned(), ..Found::default() }.check();
            assert_eq!(checked.is_ok(), taken, "{version}");
            assert!(checked.map_or_else(|error| error.to_string().contains(version), |_| true));
        }
    }
}
