//! Replies of a server that the fuzzer makes up.

use super::{Address, Value};
use std::collections::HashMap;
use std::str::FromStr;

/// The reply that some JSON stands for; `None` where the bytes are none. A text that begins with a NUL is one of bytes.
pub fn reply(json: &[u8]) -> Option<Value> {
    Some(value(serde_json::from_slice(json).ok()?))
}

fn value(json: serde_json::Value) -> Value {
    match json {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(truth) => Value::Boolean(truth),
        serde_json::Value::Number(number) => {
            number.as_i64().map_or_else(|| Value::Double(number.as_f64().unwrap_or(f64::NAN)), Value::Integer)
        }
        serde_json::Value::String(text) => match text.strip_prefix('\0') {
            Some(bytes) => Value::Bytes(bytes.chars().map(|c| c as u8).collect::<Vec<u8>>().into()),
            None => Value::from(text),
        },
        serde_json::Value::Array(values) => Value::Array(values.into_iter().map(value).collect()),
        serde_json::Value::Object(pairs) => {
            let pairs: HashMap<String, Value> = pairs.into_iter().map(|(name, inner)| (name, value(inner))).collect();
            pairs.try_into().map_or(Value::Null, Value::Map)
        }
    }
}

/// Reads a text as an address. One that is taken is taken again as it is shown, where it has no secrets, and makes settings.
pub fn address(text: &str) {
    if let Ok(address) = Address::from_str(text) {
        assert!(address.settings().is_ok());
        let shown = address.to_string();
        assert!(shown.starts_with("redis"), "{shown}");
        let _ = (address.encrypted(), address.clustered());
    }
}
