//! What the head of News Sentiment sees of each text: the vector of the service's embedder and the features of the lexicon.
//!
//! Reads NDJSON with a field `text` from standard input and writes one JSON object for each line: `lean`, `features`, `vector`, and `about`:
//! 1 where the words name a company or a coin, −1 where they name what the head is not made for, and 0 where they don't tell.
//! `scripts/train_sentiment` trains on what this prints, so the reader of texts exists once.

use instinct::domain::deadline::Deadline;
use instinct::domain::text::FreshText;
use instinct::embed;
use instinct::engine::trading::sentiment::{About, SentimentLexicon};
use std::error::Error;
use std::io::{BufRead, Write, stdin, stdout};
use std::time::Duration;

#[derive(serde::Deserialize)]
struct Line {
    text: String,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let config = embed::Config { workers: 1, ..embed::Config::default() };
    let embedder = embed::open(&config)?;
    let lexicon = SentimentLexicon::built_in()?;
    let mut out = stdout().lock();
    for line in stdin().lock().lines() {
        let Line { text } = serde_json::from_str(&line?)?;
        let text = FreshText::new(&text)?;
        let embedding = embedder.embed(&text, Deadline::after(Duration::from_secs(60))).await?;
        let (lean, features) = lexicon.features(&text);
        let about = match lexicon.about(None, &text) {
            About::CompanyOrCoin => 1,
            About::Other(_) => -1,
            About::Unknown => 0,
        };
        let row =
            serde_json::json!({ "about": about, "lean": lean, "features": features, "vector": embedding.vector.as_slice() });
        writeln!(out, "{row}")?;
    }
    Ok(())
}
