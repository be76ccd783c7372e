//! What requests are read through, so that they mean what the OpenAPI document says and nothing more.
//!
//! serde's derived readers take an array for a struct, its values in the order of the fields: `{"market": [{"ETH": 1.0}]}` would be read as a
//! price; and `{"fast": null}` for the word `"fast"`. Here only an object is a struct and only a string is a word. They also refuse `1.0` for
//! an integer, which to JSON Schema it is (2020-12, section 4.2.3 of the core), and which clients write whose numbers are all floats.

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, IntoDeserializer, MapAccess, SeqAccess, Visitor};
use std::fmt;

/// The largest whole number up to which a double has all of them.
const WHOLE_MAX: f64 = 9_007_199_254_740_992.0;

/// A deserialiser, a visitor or what they hand to one another, so that whatever is nested is read in the same way.
pub(super) struct Strict<T> {
    inner: T,
    /// Whether a visitor waits for an integer.
    integer: bool,
    /// A field of an object that says of which kind the object is, and which was read before.
    tag: Option<&'static str>,
}

impl<T> Strict<T> {
    /// Reads `inner` strictly, and passes over the field `tag` of the outermost object.
    pub(super) fn tagged(inner: T, tag: Option<&'static str>) -> Self {
        Self { inner, integer: false, tag }
    }

    fn new(inner: T) -> Self {
        Self::tagged(inner, None)
    }
}

macro_rules! hand_on {
    ($($method:ident($($name:ident: $type:ty),*))*) => {
        $(fn $method<V: Visitor<'de>>(self, $($name: $type,)* visitor: V) -> Result<V::Value, D::Error> {
            self.inner.$method($($name,)* Strict::tagged(visitor, self.tag))
        })*
    };
}

macro_rules! integers {
    ($($method:ident)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
            self.inner.$method(Strict { inner: visitor, integer: true, tag: None })
        })*
    };
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Strict<D> {
    type Error = D::Error;

    hand_on! {
        deserialize_any() deserialize_bool() deserialize_f32() deserialize_f64() deserialize_char() deserialize_str() deserialize_string()
        deserialize_bytes() deserialize_byte_buf() deserialize_option() deserialize_unit() deserialize_seq() deserialize_map()
        deserialize_identifier() deserialize_ignored_any()
        deserialize_unit_struct(name: &'static str) deserialize_newtype_struct(name: &'static str) deserialize_tuple(len: usize)
        deserialize_tuple_struct(name: &'static str, len: usize)
    }

    integers! {
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.deserialize_map(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.inner.deserialize_str(Word(visitor))
    }

    fn is_human_readable(&self) -> bool {
        self.inner.is_human_readable()
    }
}

macro_rules! values {
    ($($method:ident: $type:ty,)*) => {
        $(fn $method<E: Error>(self, value: $type) -> Result<V::Value, E> {
            self.inner.$method(value)
        })*
    };
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Strict<V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.expecting(f)
    }

    values! {
        visit_bool: bool, visit_i8: i8, visit_i16: i16, visit_i32: i32, visit_i64: i64, visit_i128: i128,
        visit_u8: u8, visit_u16: u16, visit_u32: u32, visit_u64: u64, visit_u128: u128, visit_f32: f32,
        visit_char: char, visit_str: &str, visit_borrowed_str: &'de str, visit_string: String,
        visit_bytes: &[u8], visit_borrowed_bytes: &'de [u8], visit_byte_buf: Vec<u8>,
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<V::Value, E> {
        // The casts are of whole numbers within the range that both have.
        match self.integer && value.fract() == 0.0 && value.abs() <= WHOLE_MAX {
            true if value < 0.0 => self.inner.visit_i64(value as i64),
            true => self.inner.visit_u64(value as u64),
            false => self.inner.visit_f64(value),
        }
    }

    fn visit_none<E: Error>(self) -> Result<V::Value, E> {
        self.inner.visit_none()
    }

    fn visit_unit<E: Error>(self) -> Result<V::Value, E> {
        self.inner.visit_unit()
    }

    fn visit_some<D: Deserializer<'de>>(self, inner: D) -> Result<V::Value, D::Error> {
        self.inner.visit_some(Strict::new(inner))
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, inner: D) -> Result<V::Value, D::Error> {
        self.inner.visit_newtype_struct(Strict::new(inner))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, inner: A) -> Result<V::Value, A::Error> {
        self.inner.visit_seq(Strict::new(inner))
    }

    fn visit_map<A: MapAccess<'de>>(self, inner: A) -> Result<V::Value, A::Error> {
        self.inner.visit_map(Strict::tagged(inner, self.tag))
    }
}

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for Strict<S> {
    type Value = S::Value;

    fn deserialize<D: Deserializer<'de>>(self, inner: D) -> Result<S::Value, D::Error> {
        self.inner.deserialize(Strict::new(inner))
    }
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for Strict<A> {
    type Error = A::Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, A::Error> {
        self.inner.next_element_seed(Strict::new(seed))
    }

    fn size_hint(&self) -> Option<usize> {
        self.inner.size_hint()
    }
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Strict<A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        let Some(tag) = self.tag else { return self.inner.next_key_seed(Strict::new(seed)) };
        while let Some(key) = self.inner.next_key::<String>()? {
            if key != tag {
                return seed.deserialize(key.into_deserializer()).map(Some);
            }
            self.inner.next_value::<IgnoredAny>()?;
        }
        Ok(None)
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, A::Error> {
        self.inner.next_value_seed(Strict::new(seed))
    }

    fn size_hint(&self) -> Option<usize> {
        self.inner.size_hint()
    }
}

/// Takes a string for one of the words of an enumeration; requests have no others.
struct Word<V>(V);

impl<'de, V: Visitor<'de>> Visitor<'de> for Word<V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.expecting(f)
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<V::Value, E> {
        self.0.visit_enum(value.into_deserializer())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde::Deserialize;
    use serde_json::Value;
    use serde_json::value::RawValue;
    use std::collections::BTreeMap;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields, default)]
    #[derive(Default)]
    struct Inner {
        n: i8,
        word: Option<Word>,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Word {
        Up,
        Down,
    }

    fn read<T: for<'de> Deserialize<'de>>(json: &str, tag: Option<&'static str>) -> Result<T, String> {
        T::deserialize(Strict::tagged(&mut serde_json::Deserializer::from_str(json), tag)).map_err(|error| error.to_string())
    }

    #[test]
    fn an_object_is_a_struct_wherever_it_is_nested_and_an_array_never() {
        let one = || Inner { n: 1, word: Some(Word::Up) };
        let good = r#"{"n": 1, "word": "up"}"#;
        assert_eq!(read::<Inner>(good, None), Ok(one()));
        assert_eq!(read::<Vec<Option<Inner>>>(&format!("[{good}, null]"), None), Ok(vec![Some(one()), None]));
        assert_eq!(read::<(BTreeMap<String, Inner>,)>(&format!("[{{\"a\": {good}}}]"), None).map(|(map,)| map.len()), Ok(1));
        for bad in [r#"[1, "up"]"#, r#"{"word": {"up": null}}"#, r#"{"word": ["up"]}"#, r#"{"word": "sideways"}"#] {
            assert!(read::<Inner>(bad, None).is_err(), "{bad}");
            assert!(read::<Vec<Option<Inner>>>(&format!("[{bad}]"), None).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_whole_number_is_an_integer_and_stays_within_its_range() {
        for (json, n) in
            [("1.0", Some(1)), ("-1e0", Some(-1)), ("-0.0", Some(0)), ("1.2e2", Some(120)), ("128.0", None), ("0.5", None)]
        {
            assert_eq!(read::<i8>(json, None).ok(), n, "{json}");
        }
        assert_eq!(read::<u64>("9007199254740992.0", None), Ok(1 << 53));
        assert!(read::<u64>("9007199254740994.0", None).is_err(), "a double has not every number of this size");
        assert_eq!(read::<f64>("2.0", None), Ok(2.0));
    }

    #[test]
    fn a_tag_is_passed_over_in_the_outermost_object_alone() {
        assert_eq!(read::<Inner>(r#"{"kind": {"a": [1]}, "n": 1}"#, Some("kind")), Ok(Inner { n: 1, word: None }));
        assert!(read::<BTreeMap<String, Inner>>(r#"{"kind": 1, "a": {"kind": 1}}"#, Some("kind")).is_err());
        assert!(read::<Inner>(r#"{"kind": 1}"#, None).is_err());
    }

    #[test]
    fn raw_json_is_kept_as_it_is_written() {
        let raw: BTreeMap<String, Box<RawValue>> = read(r#"{"a": [1.0,  {"b":2}]}"#, None).unwrap();
        assert_eq!(raw["a"].get(), r#"[1.0,  {"b":2}]"#);
    }

    proptest! {
        #[test]
        fn a_value_of_any_form_is_read_as_it_always_was(json in "[\\[\\]{},:\"a0-9.e \\-]{0,24}|\\PC{0,12}") {
            let plain: Result<Value, _> = serde_json::from_str(&json);
            prop_assert_eq!(read::<Value>(&json, None).ok().filter(|_| plain.is_ok()), plain.ok());
        }
    }
}
