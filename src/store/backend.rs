//! Which store, in one word of the settings.

use crate::redis::Address;
use serde::{Deserialize, Deserializer};
use std::fmt;
use std::str::FromStr;

/// Where records last. Printed it holds no password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Backend {
    /// On the local disk, for one process.
    Embedded,
    /// In Redis.
    Redis(Address),
}

/// Why a text names no store.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadBackend(String);

impl FromStr for Backend {
    type Err = BadBackend;

    fn from_str(text: &str) -> Result<Self, BadBackend> {
        match text {
            "embedded" => Ok(Self::Embedded),
            url if Address::is_meant(url) => {
                url.parse().map(Self::Redis).map_err(|error: crate::redis::BadAddress| BadBackend(error.to_string()))
            }
            _ => Err(BadBackend("the store is \"embedded\" or the URL of a Redis, such as redis://localhost:6379".to_owned())),
        }
    }
}

impl<'de> Deserialize<'de> for Backend {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
    }
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Embedded => write!(f, "embedded"),
            Self::Redis(address) => write!(f, "{address}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_is_embedded_or_a_redis_and_nothing_else() {
        assert_eq!("embedded".parse(), Ok(Backend::Embedded));
        assert!(matches!("redis-cluster://u:p@h".parse(), Ok(Backend::Redis(_))));
        for text in ["", "Embedded", "redis", "mysql://u:hidden@h", "redis://u:hidden@"] {
            let error = text.parse::<Backend>().unwrap_err();
            assert!(!error.to_string().contains("hidden"), "{error}");
        }
    }
}
