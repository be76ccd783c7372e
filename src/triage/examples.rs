//! Texts that say by example what an engine is for.

use crate::domain::field::FieldError;
use crate::domain::text::FreshText;
use crate::limits::{ID_BYTES_MAX, TRIAGE_EXAMPLES_MAX};
use serde::Deserialize;

/// The examples that every triage knows: what each engine is for, and what none is for.
const BUILT_IN: [&str; 5] = [
    include_str!("analytics.ndjson"),
    include_str!("none.ndjson"),
    include_str!("numeric.ndjson"),
    include_str!("optimise.ndjson"),
    include_str!("trading.ndjson"),
];

/// A text, and the engine that it needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Example {
    /// The text.
    pub text: FreshText,
    /// The name of the engine; [`NONE`](crate::domain::triage::NONE) where it needs none.
    pub engine: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    text: String,
    engine: String,
}

/// Reads examples, a JSON object `{"text": …, "engine": …}` on each line; blank lines are passed over.
///
/// # Errors
/// A [`FieldError`] for the first line that is wrong, whose pointer begins with the number of the line, counted from 1.
pub fn read(ndjson: &str) -> Result<Vec<Example>, FieldError> {
    let mut examples = Vec::new();
    for (at, line) in ndjson.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let wrong = |field: &str, detail: String| FieldError::new(format!("/{}{field}", at + 1), detail);
        let Line { text, engine } = serde_json::from_str(line).map_err(|error| wrong("", error.to_string()))?;
        let text = FreshText::new(&text).map_err(|error| wrong("/text", error.to_string()))?;
        if engine.trim().is_empty() || engine.len() > ID_BYTES_MAX {
            return Err(wrong("/engine", format!("an engine has a name of 1 to {ID_BYTES_MAX} bytes")));
        }
        if examples.len() == TRIAGE_EXAMPLES_MAX {
            return Err(wrong("", format!("there are more than the {TRIAGE_EXAMPLES_MAX} examples that are allowed")));
        }
        examples.push(Example { text, engine });
    }
    Ok(examples)
}

/// The examples that are compiled in.
///
/// # Errors
/// A [`FieldError`] where a line is damaged, which a test rules out.
pub fn built_in() -> Result<Vec<Example>, FieldError> {
    Ok(BUILT_IN.into_iter().map(read).collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::triage::NONE;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_examples_that_are_compiled_in_are_many_and_no_text_is_there_twice() {
        let all = built_in().unwrap();
        let of = |engine: &str| all.iter().filter(|example| example.engine == engine).count();
        assert!(of("trading") >= 150 && of(NONE) >= 200, "{} and {}", of("trading"), of(NONE));
        assert!(of("optimise") >= 80, "{}", of("optimise"));
        assert!(of("numeric") >= 70, "{}", of("numeric"));
        assert!(of("analytics") >= 80, "{}", of("analytics"));
        assert_eq!(of("trading") + of("optimise") + of("numeric") + of("analytics") + of(NONE), all.len());
        let texts: BTreeSet<String> = all.iter().map(|example| example.text.as_str().to_lowercase()).collect();
        assert_eq!(texts.len(), all.len());
    }

    #[test]
    fn a_line_that_is_wrong_is_named_with_its_number_and_field() {
        let good = r#"{"text":"a","engine":"x"}"#;
        for (line, pointer) in [
            ("{", "/3"),
            (r#"{"text":"a"}"#, "/3"),
            (r#"{"text":"a","engine":"x","more":1}"#, "/3"),
            (r#"{"text":"  ","engine":"x"}"#, "/3/text"),
            (r#"{"text":"a","engine":" "}"#, "/3/engine"),
        ] {
            assert_eq!(read(&format!("{good}\n\n{line}")).unwrap_err().pointer, pointer, "{line}");
        }
        let too_many = vec![good; TRIAGE_EXAMPLES_MAX + 1].join("\n");
        assert_eq!(read(&too_many).unwrap_err().pointer, format!("/{}", TRIAGE_EXAMPLES_MAX + 1));
    }

    proptest! {
        #[test]
        fn whatever_is_read_never_panics(text in any::<String>()) {
            let _ = read(&text);
        }

        #[test]
        fn what_is_written_reads_back(texts in prop::collection::vec("[a-z]{1,9}( [a-z]{1,9}){0,3}", 0..20)) {
            let lines: Vec<String> = texts.iter().map(|t| serde_json::json!({"text": t, "engine": "e"}).to_string()).collect();
            let back: Vec<String> = read(&lines.join("\n")).unwrap().iter().map(|e| e.text.as_str().to_owned()).collect();
            prop_assert_eq!(back, texts);
        }
    }
}
