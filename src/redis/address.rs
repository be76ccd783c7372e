//! Where a Redis is, as a URL.

use fred::types::config::Config as FredConfig;
use serde::{Deserialize, Deserializer};
use std::fmt;
use std::str::FromStr;

/// The schemes, without and with TLS.
const SCHEMES: [&str; 6] = ["redis", "rediss", "redis-cluster", "rediss-cluster", "redis-sentinel", "rediss-sentinel"];

/// The URL of a Redis: of one server, of a cluster, or of the sentinels that know the primary. It may hold a user and a password, which
/// are never printed.
///
/// ```text
/// redis://[user:password@]host[:6379][/database]
/// redis-cluster://[user:password@]host[:6379][?node=host2:6379&node=host3:6379]
/// redis-sentinel://[user:password@]host[:26379][/database]?sentinelServiceName=name[&node=host2:26379][&sentinelUsername=…&sentinelPassword=…]
/// ```
/// With `rediss` in place of `redis` the connection is encrypted.
#[derive(Clone, PartialEq, Eq)]
pub struct Address {
    url: String,
}

/// A URL that is none of a Redis. It holds nothing of the URL, which may hold a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadAddress(String);

impl Address {
    /// Whether `text` is meant as one.
    pub fn is_meant(text: &str) -> bool {
        text.split_once("://").is_some_and(|(scheme, _)| scheme.starts_with("redis"))
    }

    /// What the client makes of it.
    pub(super) fn settings(&self) -> Result<FredConfig, BadAddress> {
        FredConfig::from_url(&self.url)
            .map_err(|error| BadAddress(format!("it is not read as the URL of a Redis: {}", error.details())))
    }

    /// Whether it asks for encryption.
    pub fn encrypted(&self) -> bool {
        self.url.starts_with("rediss")
    }

    /// Whether it is of a cluster.
    pub fn clustered(&self) -> bool {
        self.url.split_once("://").is_some_and(|(scheme, _)| scheme.ends_with("-cluster"))
    }
}

impl FromStr for Address {
    type Err = BadAddress;

    fn from_str(text: &str) -> Result<Self, BadAddress> {
        let scheme = text.split_once("://").map(|(scheme, _)| scheme);
        if !scheme.is_some_and(|scheme| SCHEMES.contains(&scheme)) {
            return Err(BadAddress(format!(
                "the URL of a Redis begins with one of {}",
                SCHEMES.map(|s| format!("{s}://")).join(", ")
            )));
        }
        let address = Self { url: text.to_owned() };
        let settings = address.settings()?;
        if settings.server.hosts().iter().any(|server| server.host.is_empty()) {
            return Err(BadAddress("the URL of a Redis names a host".to_owned()));
        }
        Ok(address)
    }
}

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
    }
}

/// The URL without what is secret in it.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, rest) = self.url.split_once("://").unwrap_or(("redis", ""));
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        // A password may hold any sign, so the host begins after the last `@`, wherever that is.
        let (authority, tail) = match rest.rfind('@') {
            Some(at) if at >= end => (rest.get(..at).unwrap_or_default(), rest.get(at..).unwrap_or_default()),
            _ => rest.split_at(end),
        };
        let (user, host) = match authority.rsplit_once('@') {
            _ if tail.starts_with('@') => (Some(authority), ""),
            Some((user, host)) => (Some(user), host),
            None => (None, authority),
        };
        write!(f, "{scheme}://")?;
        if let Some(user) = user {
            write!(f, "{}:***", user.split_once(':').map_or("", |(name, _)| name))?;
        }
        let separator = if user.is_some() && !tail.starts_with('@') { "@" } else { "" };
        let (path, query) = tail.split_once('?').map_or((tail, None), |(path, query)| (path, Some(query)));
        write!(f, "{separator}{host}{path}")?;
        let shown = |pair: &str| match pair.split_once('=') {
            Some((name, _)) if name.to_ascii_lowercase().contains("password") => format!("{name}=***"),
            _ => pair.to_owned(),
        };
        query.map_or(Ok(()), |query| write!(f, "?{}", query.split('&').map(shown).collect::<Vec<_>>().join("&")))
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(text: &str) -> String {
        text.parse::<Address>().unwrap().to_string()
    }

    #[test]
    fn an_address_is_shown_without_its_passwords() {
        assert_eq!(shown("redis://localhost"), "redis://localhost");
        assert_eq!(shown("rediss://app:s3cret@db.example:6380/2"), "rediss://app:***@db.example:6380/2");
        assert_eq!(shown("redis://:s3cret@db"), "redis://:***@db");
        assert_eq!(shown("redis://user:a@b?s3cret@db:1/3?node=x:1"), "redis://user:***@db:1/3?node=x:1");
        assert_eq!(shown("redis-cluster://u:p@a:1?node=b:2&node=c:3"), "redis-cluster://u:***@a:1?node=b:2&node=c:3");
        let text = "redis-sentinel://u:p@a:1?sentinelServiceName=m&sentinelUsername=s&sentinelPassword=hidden";
        assert_eq!(shown(text), "redis-sentinel://u:***@a:1?sentinelServiceName=m&sentinelUsername=s&sentinelPassword=***");
        assert_eq!(format!("{:?}", text.parse::<Address>().unwrap()), shown(text));
    }

    #[test]
    fn what_is_no_address_is_refused_and_not_repeated() {
        for text in [
            "",
            "redis",
            "http://u:hidden@x",
            "redis+unix:///x",
            "redis://",
            "redis-sentinel://u:hidden@a:1",
            "redis://u:hidden@a:99999",
        ] {
            let error = text.parse::<Address>().unwrap_err().to_string();
            assert!(!error.contains("hidden"), "{text}: {error}");
        }
    }

    proptest! {
        #[test]
        fn no_password_is_ever_shown(password in "[!-~]{0,3}HIDDEN[!-~]{0,3}") {
            if let Ok(address) = format!("redis://user:{password}@host:1/3?node=x:1").parse::<Address>() {
                prop_assert!(!address.to_string().contains("HIDDEN"), "{address}");
            }
        }
    }
}
