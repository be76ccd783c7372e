//! A JSON object each of whose names stands in it once.
//!
//! Of two members of one name readers take the first, the last or both, so that a token could say one thing to who checked it and another
//! to who uses it (RFC 8725, 2.4; RFC 8259, 4). An object with such a pair is refused.

use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt;

/// The members of an object.
#[derive(Debug, Clone, Default)]
pub(super) struct Members(BTreeMap<String, Value>);

impl Members {
    /// The member of this name.
    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// The same, where it is a text.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.get(name)?.as_str()
    }

    /// What a setting names: a member, or with a slash before it a place further in, as a JSON Pointer (RFC 6901).
    pub(super) fn at(&self, place: &str) -> Option<&Value> {
        let Some(path) = place.strip_prefix('/') else { return self.get(place) };
        let (first, rest) = path.find('/').map_or((path, ""), |slash| path.split_at(slash));
        self.get(&first.replace("~1", "/").replace("~0", "~"))?.pointer(rest)
    }
}

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Once;
        impl<'de> Visitor<'de> for Once {
            type Value = Members;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = BTreeMap::new();
                while let Some((name, value)) = map.next_entry::<String, Value>()? {
                    if members.insert(name, value).is_some() {
                        return Err(A::Error::custom("two members have one name"));
                    }
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Once)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_stands_twice_is_refused_however_it_is_written() {
        for json in [r#"{"a":1,"a":1}"#, r#"{"a":1,"b":2,"\u0061":3}"#, "[1]", "1", ""] {
            assert!(serde_json::from_str::<Members>(json).is_err(), "{json}");
        }
    }

    #[test]
    fn a_place_is_a_name_or_a_pointer() {
        let json = r#"{"https://x.example/roles":["a"],"realm_access":{"roles":["b"]},"a/b":{"c":"d"}}"#;
        let members: Members = serde_json::from_str(json).unwrap();
        assert_eq!(members.at("https://x.example/roles").unwrap()[0], "a");
        assert_eq!(members.at("/realm_access/roles").unwrap()[0], "b");
        assert_eq!(members.at("/a~1b/c").unwrap(), "d");
        assert!(members.at("realm_access/roles").is_none() && members.at("/no").is_none() && members.at("/").is_none());
    }
}
