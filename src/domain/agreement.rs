//! What it means that two decisions are the same.
//!
//! The same decision may be put in other words, with another conviction or by other agents. Each kind has a core that a caller acts on,
//! and two decisions agree where their cores are equal.

use super::decision::{Decision, Numeric, Plan, Report, Table};
use serde_json::Value;
use std::fmt;

/// The core of a decision, as eight bytes of a BLAKE3 hash: the same on every machine and in every version, since records hold it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AgreementKey(u64);

impl AgreementKey {
    /// The key with these bits, as a record holds them.
    pub fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// Its bits.
    pub fn to_bits(self) -> u64 {
        self.0
    }
}

impl fmt::Debug for AgreementKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl Decision {
    /// The key that two decisions share where they agree: the signal of a trade, value and unit of a number or what a fitted model says, the rows of a table, the
    /// variables of a plan, the text of a report, the reason of a refusal.
    pub fn agreement_key(&self) -> AgreementKey {
        let mut core = Core(blake3::Hasher::new_derive_key("instinct agreement v1"));
        match self {
            Self::Trade(trade) => core.part(b"trade", &trade.signal.to_le_bytes()),
            Self::Numeric(Numeric { value, unit, fit, .. }) => {
                if let Some(value) = value {
                    core.number(*value);
                }
                core.part(b"unit", unit.trim().as_bytes());
                if let Some(fit) = fit {
                    core.part(b"case", fit.case.as_bytes());
                    core.part(b"result", Value::Object(fit.result.clone()).to_string().as_bytes());
                }
            }
            Self::Table(Table { rows, .. }) => {
                core.part(b"table", &(rows.len() as u64).to_le_bytes());
                rows.iter().for_each(|row| core.list(row));
            }
            Self::Plan(Plan { variables, report, .. }) => {
                core.part(b"plan", b"");
                // That there is no decision is a core of its own; plans without a report have the key that they always had.
                if let Some(report) = report.as_ref().filter(|_| variables.is_empty()) {
                    core.part(b"status", format!("{:?}", report.status).as_bytes());
                }
                for (name, value) in variables {
                    core.part(b"variable", name.as_bytes());
                    core.number(*value);
                }
            }
            Self::Report(Report { text, .. }) => core.words(b"report", text),
            Self::Refusal(refusal) => core.words(b"refusal", &refusal.reason),
        }
        core.key()
    }
}

struct Core(blake3::Hasher);

impl Core {
    fn part(&mut self, tag: &[u8], bytes: &[u8]) {
        // Lengths keep ("ab", "c") apart from ("a", "bc").
        for bytes in [tag, bytes] {
            self.0.update(&(bytes.len() as u64).to_le_bytes());
            self.0.update(bytes);
        }
    }

    fn number(&mut self, value: f64) {
        // Adding zero makes the negative zero, which equals the positive one, the same bits.
        self.part(b"number", &(value + 0.0).to_le_bytes());
    }

    /// The words of a text, however they are set.
    fn words(&mut self, tag: &[u8], text: &str) {
        self.part(tag, b"");
        text.split_whitespace().for_each(|word| self.part(b"word", word.as_bytes()));
    }

    fn list(&mut self, values: &[Value]) {
        self.part(b"list", &(values.len() as u64).to_le_bytes());
        values.iter().for_each(|value| self.value(value));
    }

    fn value(&mut self, value: &Value) {
        match value {
            Value::Null => self.part(b"null", b""),
            Value::Bool(truth) => self.part(b"bool", &[u8::from(*truth)]),
            // 1 and 1.0 are one number to whoever reads a table; integers past 2^53 keep all their digits.
            Value::Number(number) => match number.as_f64().filter(|n| n.abs() < 9e15) {
                Some(number) => self.number(number),
                None => self.part(b"number", number.to_string().as_bytes()),
            },
            Value::String(text) => self.part(b"text", text.as_bytes()),
            Value::Array(values) => self.list(values),
            Value::Object(fields) => {
                self.part(b"object", &(fields.len() as u64).to_le_bytes());
                for (name, value) in fields {
                    self.part(b"field", name.as_bytes());
                    self.value(value);
                }
            }
        }
    }

    fn key(&self) -> AgreementKey {
        let [a, b, c, d, e, f, g, h, ..] = *self.0.finalize().as_bytes();
        AgreementKey(u64::from_le_bytes([a, b, c, d, e, f, g, h]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::decision::Payload;

    fn key(json: &str) -> AgreementKey {
        Payload::parse(json).unwrap().agreement_key()
    }

    #[test]
    fn trades_agree_by_their_signal_and_not_by_conviction_or_words() {
        let buy = key(r#"{"kind":"trade","signal":1,"conviction":0.9,"reasoning":"a"}"#);
        assert_eq!(buy, key(r#"{"kind":"trade","signal":1,"conviction":0.2,"reasoning":"b","labels":{"x":"y"}}"#));
        assert_ne!(buy, key(r#"{"kind":"trade","signal":-1,"conviction":0.9,"reasoning":"a"}"#));
        assert_ne!(buy, key(r#"{"kind":"trade","signal":0,"conviction":0.9,"reasoning":"a"}"#));
    }

    #[test]
    fn each_kind_agrees_by_its_core() {
        for (one, same, other) in [
            (
                r#"{"kind":"numeric","value":1.5,"unit":"bps"}"#,
                r#"{"kind":"numeric","value":1.50,"unit":"bps","method":"m","interval":[1,2]}"#,
                r#"{"kind":"numeric","value":1.5,"unit":"%"}"#,
            ),
            (
                r#"{"kind":"table","columns":["a"],"rows":[[1],["x"]]}"#,
                r#"{"kind":"table","columns":["b"],"rows":[[1.0],["x"]],"summary":"s"}"#,
                r#"{"kind":"table","columns":["a"],"rows":[["x"],[1]]}"#,
            ),
            (
                r#"{"kind":"plan","objective":1,"variables":{"x":0.0,"y":2}}"#,
                r#"{"kind":"plan","objective":3,"variables":{"y":2,"x":-0.0},"summary":"s"}"#,
                r#"{"kind":"plan","objective":1,"variables":{"x":2,"y":0}}"#,
            ),
            (
                r#"{"kind":"report","text":"up  and away"}"#,
                r#"{"kind":"report","text":" up and\naway ","sections":{"a":"b"}}"#,
                r#"{"kind":"report","text":"up and down"}"#,
            ),
            (
                r#"{"kind":"refusal","reason":"no data"}"#,
                r#"{"kind":"refusal","reason":"no data "}"#,
                r#"{"kind":"report","text":"no data"}"#,
            ),
        ] {
            assert_eq!(key(one), key(same), "{one} and {same}");
            assert_ne!(key(one), key(other), "{one} and {other}");
        }
    }

    #[test]
    fn what_stands_in_one_cell_is_not_taken_for_what_stands_in_two() {
        let table = |rows: &str| key(&format!(r#"{{"kind":"table","columns":["a","b"],"rows":{rows}}}"#));
        assert_ne!(table(r#"[["ab","c"]]"#), table(r#"[["a","bc"]]"#));
        assert_ne!(table(r#"[["1",null]]"#), table(r"[[1,null]]"));
        assert_ne!(table(r"[[9007199254740993,0]]"), table(r"[[9007199254740992,0]]"));
    }

    #[test]
    fn a_key_is_the_same_in_every_version() {
        // Records hold keys: a change of this value asks for a new version of the derivation and a migration.
        assert_eq!(format!("{:?}", key(r#"{"kind":"trade","signal":1,"conviction":1}"#)), "fea62a994cf504cd");
    }
}
