//! Names and identifiers, each a type of its own so that one can't stand where another belongs.

use crate::limits::ID_BYTES_MAX;
use serde::{Deserialize, Deserializer, Serialize};
use std::fmt;
use std::sync::Arc;

/// Why a text can't be an identifier.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{given}` is not {what}: {rule}")]
pub struct IdError {
    /// What was given, cut to a printable length.
    pub given: String,
    /// What it was meant to be.
    pub what: &'static str,
    /// The rule that it breaks.
    pub rule: &'static str,
}

const NAME_RULE: &str = "1 to 128 letters, digits, '.', '_', '-' or ':' are allowed, beginning with a letter or digit";

pub(super) fn check_name(text: &str, what: &'static str) -> Result<(), IdError> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-' | b':');
    let good =
        text.len() <= ID_BYTES_MAX && text.as_bytes().first().is_some_and(u8::is_ascii_alphanumeric) && text.bytes().all(allowed);
    if good { Ok(()) } else { Err(IdError { given: text.chars().take(64).collect(), what, rule: NAME_RULE }) }
}

macro_rules! name_type {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Checks `text` against the rule for names.
            ///
            /// # Errors
            /// [`IdError`] where it is empty, too long or holds a character that is not allowed.
            pub fn new(text: &str) -> Result<Self, IdError> {
                check_name(text, $what)?;
                Ok(Self(text.into()))
            }

            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&*self.0, f)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                Self::new(&text).map_err(serde::de::Error::custom)
            }
        }
    };
}

name_type!(
    /// Whose data it is. Nothing of one tenant is ever seen by another.
    TenantId, "a tenant"
);
name_type!(
    /// The name of a strategy, one way to decide.
    StrategyName, "a strategy name"
);
name_type!(
    /// The name of a dataset.
    DatasetName, "a dataset name"
);
name_type!(
    /// The id of a component, chosen by whoever writes it.
    ComponentId, "a component id"
);

impl TenantId {
    /// The tenant of a service that runs without credentials.
    pub fn default_tenant() -> Self {
        Self("default".into())
    }
}

/// The id of a semantic-cache entry: SHA-256 over the sorted component ids, the model, the strategy and the hash of
/// the fresh text. Printed as `sc:combo:<64 hex digits>`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryId([u8; 32]);

impl EntryId {
    const PREFIX: &'static str = "sc:combo:";

    /// The id with these 32 bytes.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes of the hash.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Reads `sc:combo:<64 hex digits>`.
    ///
    /// # Errors
    /// [`IdError`] where the prefix or the digits are wrong.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        let refused = || IdError {
            given: text.chars().take(80).collect(),
            what: "an entry id",
            rule: "sc:combo: and 64 hexadecimal digits are expected",
        };
        let digits = text.strip_prefix(Self::PREFIX).ok_or_else(refused)?;
        let mut bytes = [0; 32];
        hex::decode_to_slice(digits, &mut bytes).map_err(|_| refused())?;
        Ok(Self(bytes))
    }
}

impl fmt::Display for EntryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Self::PREFIX)?;
        // Written by hand because an answer prints ids on the hot path and `hex::encode` would allocate.
        let mut digits = [0; 64];
        hex::encode_to_slice(self.0, &mut digits).map_err(|_| fmt::Error)?;
        f.write_str(std::str::from_utf8(&digits).map_err(|_| fmt::Error)?)
    }
}

impl fmt::Debug for EntryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for EntryId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for EntryId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

macro_rules! ulid_type {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(ulid::Ulid);

        impl $name {
            /// A new id for the moment `now`, with 70 random bits. The ten bits before them are the microsecond within the millisecond, so
            /// that two of one millisecond sort in their order too.
            pub fn new(now: super::time::Timestamp, random: u128) -> Self {
                let millis = u64::try_from(now.as_millis()).unwrap_or(0);
                let micros = u128::try_from(now.as_micros().rem_euclid(1_000)).unwrap_or(0);
                Self(ulid::Ulid::from_parts(millis, micros << 70 | random & ((1 << 70) - 1)))
            }

            /// Reads the 26 characters of a ULID.
            ///
            /// # Errors
            /// [`IdError`] where it isn't one.
            pub fn parse(text: &str) -> Result<Self, IdError> {
                let refused = || IdError {
                    given: text.chars().take(64).collect(),
                    what: $what,
                    rule: "the 26 characters of a ULID are expected",
                };
                if text.len() != 26 {
                    return Err(refused());
                }
                ulid::Ulid::from_string(text).map(Self).map_err(|_| refused())
            }

            /// The sixteen bytes, big-endian, which sort like the id.
            pub fn to_bytes(self) -> [u8; 16] {
                self.0.to_bytes()
            }

            /// When the id was given out, in milliseconds since the epoch.
            pub fn millis(self) -> u64 {
                self.0.timestamp_ms()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let mut buffer = [0; ulid::ULID_LEN];
                f.write_str(self.0.array_to_str(&mut buffer))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let mut buffer = [0; ulid::ULID_LEN];
                serializer.serialize_str(self.0.array_to_str(&mut buffer))
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                Self::parse(&text).map_err(serde::de::Error::custom)
            }
        }
    };
}

ulid_type!(
    /// The id of one decision: a ULID, so that ids sort by the time they were given out.
    DecisionId, "a decision id"
);
ulid_type!(
    /// The id of one optimisation plan: a ULID too.
    PlanId, "a plan id"
);
ulid_type!(
    /// The id of one write of a dataset, under which its parts are stored: a ULID too.
    UploadId, "an upload id"
);

ulid_type!(
    /// The id of one answer to a question about data, under which it can be judged: a ULID too.
    QueryId, "the id of an answer"
);

/// The trace that a request belongs to: the 16 bytes of a W3C trace id.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TraceId(u128);

impl TraceId {
    /// The trace with these bits; all zero is not a valid trace, so it becomes one.
    pub fn new(bits: u128) -> Self {
        Self(bits.max(1))
    }

    /// Its bytes as a number, the first the most significant.
    pub fn bits(self) -> u128 {
        self.0
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for TraceId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_with_braces_blanks_or_slashes_are_refused_since_they_are_parts_of_keys() {
        for text in ["", " ", "a b", "{a}", "a/b", "-a", "é", &"x".repeat(129)] {
            assert!(TenantId::new(text).is_err(), "{text}");
        }
        assert!(ComponentId::new("news-impact.instruction").is_ok());
        assert!(ComponentId::new("news:01J").is_ok());
    }

    #[test]
    fn decisions_of_one_millisecond_sort_in_their_order_whatever_their_random_bits_are() {
        let at = |micros: i64| super::super::time::Timestamp::from_micros(1_700_000_000_000_000 + micros);
        let ids = [
            DecisionId::new(at(0), u128::MAX),
            DecisionId::new(at(1), 7),
            DecisionId::new(at(999), u128::MAX),
            DecisionId::new(at(1_000), 0),
        ];
        assert!(ids.is_sorted());
        assert_eq!(ids[2].millis(), ids[0].millis());
    }

    proptest! {
        #[test]
        fn an_entry_id_reads_back_as_itself(bytes: [u8; 32]) {
            let id = EntryId::from_bytes(bytes);
            prop_assert_eq!(EntryId::parse(&id.to_string()).unwrap(), id);
        }

        #[test]
        fn a_decision_id_reads_back_as_itself(millis in 0_i64..(1 << 47), random: u128) {
            let id = DecisionId::new(super::super::time::Timestamp::from_micros(millis), random);
            prop_assert_eq!(DecisionId::parse(&id.to_string()).unwrap(), id);
            let id = PlanId::new(super::super::time::Timestamp::from_micros(millis), random);
            prop_assert_eq!(PlanId::parse(&id.to_string()).unwrap(), id);
        }

        #[test]
        fn no_text_makes_a_reader_of_ids_panic(text in "\\PC{0,80}") {
            let _ = (EntryId::parse(&text), DecisionId::parse(&text), TenantId::new(&text));
        }
    }
}
