//! Learning the catalogue's sample questions in the background of the start.

use crate::decide::Background;
use crate::decide::triage::embedded_texts;
use crate::domain::text::FreshText;
use crate::embed::Embedder;
use crate::engine::numeric::catalogue::Catalogue;
use crate::engine::numeric::matching::{Matcher, without_symbols};
use std::sync::Arc;
use tokio::sync::watch;

/// Begins to embed the sample questions; what is given has them once they are.
pub(super) fn learn(
    catalogue: &Arc<Catalogue>,
    embedder: &Arc<dyn Embedder>,
    background: &Background,
) -> watch::Receiver<Option<Arc<Matcher>>> {
    let (learnt, waits) = watch::channel(None);
    if catalogue.is_empty() {
        learnt.send_replace(Some(Arc::default()));
        return waits;
    }
    let (catalogue, embedder) = (Arc::clone(catalogue), Arc::clone(embedder));
    background.spawn(async move {
        let mut matcher = Matcher::default();
        for case in catalogue.iter() {
            let texts = case.questions.iter().filter_map(|question| FreshText::new(&without_symbols(question)).ok()).collect();
            let samples = embedded_texts(texts, &*embedder).await;
            let samples = samples.into_iter().map(|(text, vector)| (text.as_str().to_owned(), vector)).collect();
            matcher.add(Arc::clone(&case.id), samples);
        }
        tracing::info!(cases = catalogue.len(), "learnt to tell the cases of the numeric catalogue apart");
        learnt.send_replace(Some(Arc::new(matcher)));
    });
    waits
}
