//! One suite that the model and its twin both pass.
//!
//! The model's half wants the files of the runtime folder, `INSTINCT_RUNTIME_DIR` or `runtime/` beside `Cargo.toml`. Where
//! they are missing it fails and says so: a suite that skips itself proves nothing.

use super::{Config, DocumentEmbedding, EmbedError, EmbedStats, Embedder, Embedding, open};
use crate::domain::component::Cut;
use crate::domain::deadline::Deadline;
use crate::domain::text::FreshText;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;

/// Where the tests find the runtime folder.
pub(super) fn runtime_dir() -> PathBuf {
    std::env::var_os("INSTINCT_RUNTIME_DIR")
        .map_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/runtime")), PathBuf::from)
}

/// Opens `model` with one worker unless `config` says otherwise.
pub(super) fn opened(model: &str, config: Config) -> Arc<dyn Embedder> {
    let config = Config { model: model.to_owned(), runtime_dir: runtime_dir(), workers: config.workers.max(1), ..config };
    open(&config).unwrap_or_else(|error| panic!("the embedder did not open, run `make setup`: {error}"))
}

pub(super) fn text(text: &str) -> FreshText {
    FreshText::stored(text).unwrap()
}

pub(super) fn in_time() -> Deadline {
    Deadline::after(Duration::from_secs(60))
}

async fn embed(embedder: &Arc<dyn Embedder>, of: &str) -> Embedding {
    embedder.embed(&text(of), in_time()).await.unwrap()
}

async fn embed_document(embedder: &Arc<dyn Embedder>, of: &str) -> DocumentEmbedding {
    embedder.embed_document(&text(of), in_time()).await.unwrap()
}

/// A word that is one token for either.
fn words(count: usize) -> String {
    vec!["up"; count].join(" ")
}

/// How many marks the model puts around a text.
async fn marks(embedder: &Arc<dyn Embedder>) -> usize {
    embed(embedder, &words(600)).await.cut.unwrap().tokens as usize - 600
}

async fn vectors_have_length_one_and_the_dimension_said(model: &str) {
    let embedder = opened(model, Config::default());
    for of in ["Fed raises rates by 25 basis points", "x", &words(600)] {
        let vector = embed(&embedder, of).await.vector;
        assert_eq!(vector.dim(), embedder.dim());
        assert!((vector.dot(&vector) - 1.0).abs() < 1e-5);
    }
    let document = embed_document(&embedder, &words(600)).await;
    assert!((document.vector.dot(&document.vector) - 1.0).abs() < 1e-5);
}

async fn the_same_text_has_the_same_vector_bit_for_bit(model: &str) {
    let embedder = opened(model, Config { workers: 2, ..Config::default() });
    let first = embed(&embedder, "SEC approves spot ether ETF").await;
    for _ in 0..8 {
        embed(&embedder, &words(300)).await;
        let again = embed(&embedder, "SEC approves spot ether ETF").await;
        assert_eq!(again.vector.to_le_bytes(), first.vector.to_le_bytes());
    }
    let reopened = opened(model, Config::default());
    assert_eq!(embed(&reopened, "SEC approves spot ether ETF").await.vector, first.vector);
    assert_eq!(reopened.model(), embedder.model());
}

async fn a_cut_is_reported_exactly_when_the_text_is_longer_than_the_model_reads(model: &str) {
    let embedder = opened(model, Config { max_tokens: 16, ..Config::default() });
    let fits = 16 - marks(&embedder).await;
    let whole = embed(&embedder, &words(fits)).await;
    assert_eq!(whole.cut, None);
    let over = embed(&embedder, &words(fits + 1)).await;
    assert_eq!(over.cut, Some(Cut { tokens: 17, kept: 16 }));
    assert_eq!(over.vector, whole.vector);
}

async fn a_document_has_the_chunks_that_its_length_asks_for(model: &str) {
    let embedder = opened(model, Config { chunk_tokens: 32, chunk_overlap: 8, ..Config::default() });
    let chunk = 32 - marks(&embedder).await;
    for (count, chunks) in [(1, 1), (chunk, 1), (chunk + 1, 2), (2 * chunk - 8, 2), (2 * chunk - 7, 3)] {
        let document = embed_document(&embedder, &words(count)).await;
        assert_eq!((document.chunks, document.cut), (chunks, None), "{count} words");
    }
}

async fn a_document_of_one_chunk_has_the_vector_of_its_text(model: &str) {
    let embedder = opened(model, Config::default());
    let document = embed_document(&embedder, "Copper slides as inventories build").await;
    let fresh = embed(&embedder, "Copper slides as inventories build").await;
    assert!(document.vector.dot(&fresh.vector) > 0.999_999);
}

async fn a_document_is_near_each_of_its_parts(model: &str) {
    let embedder = opened(model, Config::default());
    let oil = "Crude oil prices rose after the producers agreed to cut output. ".repeat(30);
    let chips = "The chip maker raised its revenue guidance on strong demand. ".repeat(30);
    let both = embed_document(&embedder, &format!("{oil}{chips}")).await;
    assert!(both.chunks > 1);
    for part in [&oil, &chips] {
        let part = embed_document(&embedder, part).await.vector;
        let other = embed(&embedder, "gardening tips for growing tomatoes").await.vector;
        assert!(both.vector.dot(&part) > both.vector.dot(&other) + 0.2);
    }
}

async fn a_full_queue_refuses_at_once_and_serves_what_it_took(model: &str) {
    let embedder = opened(model, Config { queue_capacity: 2, ..Config::default() });
    let long = text(&words(2_000));
    let mut callers = JoinSet::new();
    for _ in 0..32 {
        let (embedder, long) = (embedder.clone(), long.clone());
        callers.spawn(async move { embedder.embed_document(&long, in_time()).await.map(|document| document.vector) });
    }
    let answers = callers.join_all().await;
    let (served, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
    assert!(served.len() >= 2);
    assert!(!refused.is_empty());
    assert!(refused.iter().all(|answer| *answer == Err(EmbedError::Overloaded { queue_capacity: 2 })));
    assert_eq!(embedder.stats(), EmbedStats { workers: 1, queued: 0, queued_documents: 0, queue_capacity: 2 });
    embed(&embedder, "the queue has room again").await;
}

async fn a_passed_deadline_is_said_and_the_worker_goes_on(model: &str) {
    let embedder = opened(model, Config::default());
    let late = Deadline::after(Duration::ZERO);
    assert_eq!(embedder.embed(&text("too late"), late).await, Err(EmbedError::DeadlinePassed));
    let document = text(&words(20_000));
    let soon = Deadline::after(Duration::from_micros(500));
    assert_eq!(embedder.embed_document(&document, soon).await, Err(EmbedError::DeadlinePassed));
    embed(&embedder, "in time").await;
}

async fn many_callers_at_once_each_get_their_own_vector(model: &str) {
    let embedder = opened(model, Config { workers: 3, ..Config::default() });
    let texts: Vec<_> = (0..64).map(|i| format!("{} number {i} moved {}%", ["gold", "oil", "copper"][i % 3], i * 7)).collect();
    let mut alone = Vec::new();
    for of in &texts {
        alone.push(embed(&embedder, of).await.vector);
    }
    let mut callers = JoinSet::new();
    for (i, of) in texts.into_iter().enumerate() {
        let embedder = embedder.clone();
        callers.spawn(async move { (i, embed(&embedder, &of).await.vector) });
    }
    for (i, vector) in callers.join_all().await {
        assert_eq!(vector, alone[i]);
    }
}

async fn no_text_makes_it_panic(model: &str) {
    let embedder = opened(model, Config::default());
    let long = ["a", "é", "漢", "🚀", "\u{200d}", "."].map(|c| c.repeat(8_192 / c.len()));
    let short = [
        "🚀🚀👩‍👩‍👧‍👦",
        "مرحبا بالعالم",
        "\u{202e}abc\u{202c}",
        "\u{200b}",
        "e\u{301}\u{301}",
        "\u{fffd}",
        "[CLS] [SEP] [PAD]",
        "\u{10ffff}",
    ];
    for of in long.iter().map(String::as_str).chain(short) {
        for outcome in [
            embedder.embed(&text(of), in_time()).await.map(|fresh| fresh.vector),
            embedder.embed_document(&text(of), in_time()).await.map(|document| document.vector),
        ] {
            match outcome {
                Ok(vector) => assert_eq!(vector.dim(), embedder.dim()),
                Err(error) => assert!(matches!(error, EmbedError::TextNotEmbeddable { .. }), "{of:.20}: {error}"),
            }
        }
    }
}

async fn texts_that_share_their_words_are_nearer_than_texts_that_do_not(model: &str) {
    let embedder = opened(model, Config::default());
    let first = embed(&embedder, "Central bank raises interest rates by 25 basis points").await.vector;
    let near = embed(&embedder, "The central bank raised its interest rate by 25 basis points").await.vector;
    let far = embed(&embedder, "Local team wins football match after penalties").await.vector;
    assert!(first.dot(&near) > first.dot(&far) + 0.3, "{} {}", first.dot(&near), first.dot(&far));
}

async fn once_closed_it_takes_no_more_and_finishes_what_it_took(model: &str) {
    let embedder = opened(model, Config::default());
    let taken = tokio::spawn({
        let embedder = embedder.clone();
        async move { embedder.embed_document(&text(&words(2_000)), in_time()).await }
    });
    tokio::task::yield_now().await;
    embedder.close();
    assert_eq!(embedder.embed(&text("too late"), in_time()).await, Err(EmbedError::ShuttingDown));
    assert!(taken.await.unwrap().is_ok());
}

macro_rules! contract {
    ($($test:ident),* $(,)?) => {
        mod model {
            $(#[tokio::test] async fn $test() { super::$test("all-minilm-l6-v2-int8").await; })*
        }
        mod twin {
            $(#[tokio::test] async fn $test() { super::$test("hashing-384").await; })*
        }
    };
}

contract! {
    vectors_have_length_one_and_the_dimension_said,
    the_same_text_has_the_same_vector_bit_for_bit,
    a_cut_is_reported_exactly_when_the_text_is_longer_than_the_model_reads,
    a_document_has_the_chunks_that_its_length_asks_for,
    a_document_of_one_chunk_has_the_vector_of_its_text,
    a_document_is_near_each_of_its_parts,
    a_full_queue_refuses_at_once_and_serves_what_it_took,
    a_passed_deadline_is_said_and_the_worker_goes_on,
    many_callers_at_once_each_get_their_own_vector,
    no_text_makes_it_panic,
    texts_that_share_their_words_are_nearer_than_texts_that_do_not,
    once_closed_it_takes_no_more_and_finishes_what_it_took,
}
