//! Says of pairs of texts what the model of paraphrases looks at, for `scripts/train_paraphrase/train.py`.
//!
//! Reads lines of `{"a", "b"}` and writes for each `{"served": by the fact reader alone, "features": null where the model isn't asked}`.

use instinct::domain::time::Timestamp;
use instinct::facts::paraphrase::{NAMES, Said, features};
use instinct::facts::{Lexicon, Rules, compare, read};
use serde_json::{Value, json};
use std::error::Error;
use std::io::{BufRead, Write};

/// The day from which relative days are told.
const AS_OF: &str = "2026-11-14T12:00:00Z";

fn main() -> Result<(), Box<dyn Error>> {
    let (lexicon, rules) = (Lexicon::built_in()?, Rules::default());
    let as_of = Timestamp::parse(AS_OF)?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", json!({ "names": NAMES }))?;
    for line in std::io::stdin().lock().lines() {
        let pair: Value = serde_json::from_str(&line?)?;
        let text = |side: &str| pair[side].as_str().ok_or_else(|| format!("a pair lacks `{side}`"));
        let (a, b) = (text("a")?, text("b")?);
        let (held, asked) = (read(a, as_of, &lexicon), read(b, as_of, &lexicon));
        let served = compare(&held, &asked, &rules).is_ok();
        let features = features(Said { text: a, facts: &held }, Said { text: b, facts: &asked }, &rules, &lexicon);
        writeln!(out, "{}", json!({ "served": served, "features": features }))?;
    }
    Ok(())
}
