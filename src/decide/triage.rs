//! Which engine decides: the one that the strategy names, or the one that the request needs.

use super::background::Background;
use super::{DecideError, Decided, Decider, Run, Strategies};
use crate::domain::answer::Path;
use crate::domain::deadline::Deadline;
use crate::domain::field::FieldError;
use crate::domain::ids::StrategyName;
use crate::domain::request::Request;
use crate::domain::strategy::Strategy;
use crate::domain::text::FreshText;
use crate::domain::triage::{Clarify, NONE, Triaged};
use crate::domain::vector::UnitVector;
use crate::embed::{EmbedError, Embedder};
use crate::engine::{Engines, analytics};
use crate::triage::{self, CONFIDENCE_MIN, Example, Triage, Verdict};
use futures_util::{StreamExt, stream};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

/// Examples that are embedded at one time, for two workers or more to be busy. They give way to the texts of requests, as documents do.
const EMBEDDED_AT_ONCE: usize = 4;

/// How long one example may take to embed while the service is busy otherwise.
const EMBEDDED_WITHIN: Duration = Duration::from_secs(120);

/// What tells engines apart, for each strategy that has them found by what a request means. It is learnt in the background of the start,
/// and a request that needs it waits.
#[derive(Debug, Default)]
pub struct Triages {
    by_strategy: BTreeMap<StrategyName, watch::Receiver<Option<Arc<Triage>>>>,
}

/// What is to be learnt for one strategy, and who waits for it.
struct Lesson {
    strategy: StrategyName,
    own: Vec<Example>,
    learnt: watch::Sender<Option<Arc<Triage>>>,
}

/// Who decides.
#[derive(Debug)]
pub(super) enum Chosen {
    /// This engine; found by triage where that is told.
    Engine { name: String, triaged: Option<Triaged> },
    /// That is not clear.
    Unclear { triaged: Triaged, clarify: Clarify },
    /// No engine, and why.
    NoEngine(String),
}

impl Triages {
    /// Begins to learn to tell the engines that are here apart, for each strategy that needs it. Where none does, nothing is embedded.
    ///
    /// # Errors
    /// A [`FieldError`] where the examples that are compiled in are damaged.
    pub fn learn(
        strategies: &Strategies,
        embedder: &Arc<dyn Embedder>,
        engines: &Engines,
        background: &Background,
    ) -> Result<Self, FieldError> {
        let mut by_strategy = BTreeMap::new();
        let mut lessons = Vec::new();
        for strategy in strategies.by_name.values().filter(|strategy| strategy.triages()).map(|strategy| &strategy.name) {
            let (learnt, waits) = watch::channel(None);
            by_strategy.insert(strategy.clone(), waits);
            let own = strategies.examples.get(strategy).cloned().unwrap_or_default();
            lessons.push(Lesson { strategy: strategy.clone(), own, learnt });
        }
        if !lessons.is_empty() {
            let (built_in, embedder) = (triage::built_in()?, Arc::clone(embedder));
            // Who asks about data where there are none is better asked back than sent to an engine that can't say anything.
            let no_data = engines.analytics().is_some_and(|analytics| !analytics.is_ready());
            let names = engines.names().filter(|name| !(no_data && *name == analytics::NAME));
            let here: Vec<String> = names.map(ToOwned::to_owned).collect();
            background.spawn(async move {
                let built_in = embedded(built_in, &*embedder).await;
                for lesson in lessons {
                    let examples = built_in.iter().cloned().chain(embedded(lesson.own, &*embedder).await).collect();
                    let here = here.clone();
                    // It compares each example with each other, which is too much for a thread that serves requests.
                    let learning = move || Triage::learn(examples, here.iter().map(String::as_str));
                    let Ok(triage) = tokio::task::spawn_blocking(learning).await else { continue };
                    let (strategy, figures, calibration) = (lesson.strategy, triage.leave_one_out(), triage.calibration());
                    tracing::info!(%strategy, ?figures, ?calibration, "learnt to tell engines apart");
                    lesson.learnt.send_replace(Some(Arc::new(triage)));
                }
            });
        }
        Ok(Self { by_strategy })
    }

    /// What tells engines apart for a strategy, if it is learnt by now.
    fn now(&self, strategy: &StrategyName) -> Option<Arc<Triage>> {
        self.by_strategy.get(strategy)?.borrow().clone()
    }

    /// The same once it is learnt; absent where it never will be.
    async fn learnt(&self, strategy: &StrategyName) -> Option<Arc<Triage>> {
        let mut waits = self.by_strategy.get(strategy)?.clone();
        waits.wait_for(Option::is_some).await.ok()?.clone()
    }
}

/// The examples with their vectors. One that has none is left out, for the others tell as much as before.
async fn embedded(examples: Vec<Example>, embedder: &dyn Embedder) -> Vec<(Example, UnitVector)> {
    let embed = |example: Example| async move {
        let deadline = Deadline::after(EMBEDDED_WITHIN);
        loop {
            match embedder.embed_document(&example.text, deadline).await {
                Ok(embedding) => return Some((example, embedding.vector)),
                Err(EmbedError::Overloaded { .. }) if !deadline.passed() => sleep(Duration::from_millis(50)).await,
                Err(error) => {
                    tracing::warn!(%error, text = example.text.as_str(), "an example of an engine could not be embedded and is left out");
                    return None;
                }
            }
        }
    };
    stream::iter(examples).map(embed).buffered(EMBEDDED_AT_ONCE).filter_map(|found| async { found }).collect().await
}

/// Texts with their vectors, without those that have none.
pub(super) async fn embedded_texts(texts: Vec<FreshText>, embedder: &dyn Embedder) -> Vec<(FreshText, UnitVector)> {
    let examples = texts.into_iter().map(|text| Example { text, engine: String::new() }).collect();
    embedded(examples, embedder).await.into_iter().map(|(example, vector)| (example.text, vector)).collect()
}

impl Decider {
    /// Who decides on a text of this vector. While it is not learnt yet how to tell, this waits for half of the time that is left.
    pub(super) async fn engine_for(&self, strategy: &Strategy, fresh: &UnitVector, request: &Request) -> Chosen {
        // Which engines may be chosen was checked where the request came in.
        if let Some(name) = request.engine.clone().filter(|_| strategy.triages()) {
            return Chosen::Engine { name, triaged: None };
        }
        let deadline = request.deadline;
        if strategy.triages() && self.triages.now(&strategy.name).is_none() {
            let _ = timeout(deadline.remaining() / 2, self.triages.learnt(&strategy.name)).await;
        }
        self.engine_now(strategy, fresh)
    }

    /// The same without waiting.
    pub(super) fn engine_now(&self, strategy: &Strategy, fresh: &UnitVector) -> Chosen {
        let Some(name) = &strategy.engine else {
            return Chosen::NoEngine(format!("strategy \"{}\" names no engine to ask", strategy.name));
        };
        if !strategy.triages() {
            return Chosen::Engine { name: name.clone(), triaged: None };
        }
        match self.triages.now(&strategy.name).map(|triage| triage.of(fresh)) {
            Some(Verdict::Clear(triaged)) => Chosen::Engine { name: triaged.engine.clone(), triaged: Some(triaged) },
            Some(Verdict::Unclear(triaged, clarify)) => Chosen::Unclear { triaged, clarify },
            None => Chosen::NoEngine("the service has just started and can't tell yet which engine a request needs".to_owned()),
        }
    }

    /// Abstains, and asks the caller which engine the request is for.
    pub(super) fn ask_back(
        &self,
        run: Run<'_>,
        missed: String,
        (triaged, clarify): (Triaged, Clarify),
    ) -> Result<Decided, DecideError> {
        let Triaged { engine, confidence, reason, .. } = &triaged;
        let why = match &**engine {
            NONE => format!("{missed}; no engine here is for this request, at a confidence of {confidence:.2}: {reason}"),
            engine => {
                format!(
                    "{missed}; it is not clear which engine this request needs, {engine} being the likeliest at a confidence of \
                     {confidence:.2}, below {CONFIDENCE_MIN}: {reason}"
                )
            }
        };
        self.close(run, |answer| {
            answer.path = Path::Engine;
            answer.reason = Some(why);
            answer.clarify = Some(clarify);
            answer.triage = Some(triaged);
        })
    }
}
