//! The pipeline: every branch of a decision, read from top to bottom.
//!
//! 1. exact: the same text was decided before in this partition;
//! 2. fast: embed the text, compose it with its context, take the nearest entry that passes every gate;
//! 3. slow: match the whole prompt, and let the near misses vote, where the strategy says how;
//! 4. engine: ask what thinks, where the strategy names an engine or has it found by what the request means;
//! 5. else abstain, with the reason.
//!
//! The parts that are called here return plain values and never know who is next.

pub mod analytics;
mod audit;
mod backfill;
mod background;
mod budgets;
mod components;
pub mod datasets;
mod fast;
mod feedback;
mod flights;
mod follow;
mod forget;
mod lead;
mod lease;
mod market;
pub mod numeric;
mod order;
mod pending;
pub mod plans;
mod prompt;
mod question;
mod quotas;
mod recall;
mod recent;
mod reembed;
mod restore;
mod run;
mod search;
mod served;
mod shadow;
mod situation;
mod slow;
mod stored;
mod think;
mod triage;
mod turn;
mod vote;

pub use backfill::{NewEntry, RememberError};
pub use background::Background;
pub use budgets::Budgets;
pub use components::{ComponentError, NewComponent};
pub use feedback::{Consequences, Feedback, FeedbackError};
pub use flights::Flights;
pub use follow::{Follow, Followed, PastBound, Replicas, Standing};
pub use forget::Forget;
pub use market::{BarWritten, MarketError, NewBar};
pub use order::Order;
pub use pending::{Pending, Work};
pub use quotas::{Holdings, QuotaReached};
pub use recall::Recall;
pub use recent::{Recent, RecentDecision, RecentNeighbour, RecentPayload};
pub use reembed::Reembedded;
pub use restore::Restored;
pub use search::{Probe, Scored};
pub use served::{Served, served_from};
pub use shadow::Shadows;
pub use think::Thinking;
pub use triage::Triages;

use self::budgets::Weighed;
use self::fast::Situated;
use self::question::Considered;
use self::run::Run;
use self::situation::{Context, ContextChoice, Setting};
use self::slow::Slow;
use self::think::Place;
use self::triage::Chosen;
use crate::admission::{Admission, Refused};
use crate::cache::embedding::{EmbeddingCache, Full};
use crate::cache::market::MarketCache;
use crate::cache::partition::LiveEntry;
use crate::cache::semantic::SemanticCache;
use crate::domain::answer::{Answer, Confidence, Explanation, Match, Outcome, Path};
use crate::domain::calibration::Calibration;
use crate::domain::decision::Payload;
use crate::domain::ids::{ComponentId, StrategyName};
use crate::domain::projection::Projection;
use crate::domain::request::{Allow, Caller, Request};
use crate::domain::strategy::Strategy;
use crate::domain::time::Clock;
use crate::embed::{EmbedError, Embedder};
use crate::engine::Engines;
use crate::facts::Lexicon;
use crate::store::{Store, StoreError};
use crate::telemetry::{metrics, traces};
use crate::tenant::Tenants;
use crate::triage::Example;
use crate::verify::confidence;
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Why a request has no answer.
#[derive(Debug, thiserror::Error)]
pub enum DecideError {
    /// No such strategy.
    #[error("there is no strategy \"{strategy}\"")]
    UnknownStrategy {
        /// The name that was given.
        strategy: StrategyName,
    },
    /// No such component.
    #[error("there is no component \"{component}\"")]
    UnknownComponent {
        /// The id that was given.
        component: ComponentId,
    },
    /// A component that a hard slot names was never written, or has ended.
    #[error("strategy \"{strategy}\" needs the component \"{component}\", which is not there: PUT /v1/components/{component}")]
    MissingComponent {
        /// Whose slot names it.
        strategy: StrategyName,
        /// Its id.
        component: ComponentId,
    },
    /// The text was not let to the embedder.
    #[error(transparent)]
    NotAdmitted(#[from] Refused),
    /// The text could not be embedded.
    #[error(transparent)]
    Embed(#[from] EmbedError),
    /// The parts of a vector cancel each other out.
    #[error("the parts of the composed vector cancel each other out")]
    NoDirection,
    /// The deadline passed.
    #[error("the deadline of {deadline_ms} ms passed")]
    DeadlinePassed {
        /// How long the caller would wait.
        deadline_ms: u64,
    },
    /// The answer could not be written as JSON.
    #[error("the answer could not be written: {0}")]
    Json(#[from] serde_json::Error),
    /// A write broke off.
    #[error("the write broke off: {detail}")]
    Broken {
        /// For the log.
        detail: String,
    },
    /// What memory holds may be older than it may be.
    #[error("memory may be {} ms behind the store, which is more than {} ms", behind.as_millis(), bound.as_millis())]
    OutOfStep {
        /// How far.
        behind: Duration,
        /// How far it may be.
        bound: Duration,
    },
    /// As much is under way as may be.
    #[error("too many {what} are under way")]
    Overloaded {
        /// Of what.
        what: &'static str,
    },
    /// There is no room for more components.
    #[error(transparent)]
    ComponentsFull(#[from] Full),
    /// A quota of the tenant is reached.
    #[error(transparent)]
    Quota(#[from] QuotaReached),
    /// The store failed where the answer depends on it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The strategies of a service.
#[derive(Debug, Clone)]
pub struct Strategies {
    /// By name.
    pub by_name: BTreeMap<StrategyName, Arc<Strategy>>,
    /// What was learnt about those that name a calibration.
    pub calibrations: BTreeMap<StrategyName, Arc<Calibration>>,
    /// By what the composed vectors of some lose dimensions, as their calibrations say.
    pub projections: BTreeMap<StrategyName, Arc<Projection>>,
    /// Further examples of engines, of those that bring some along.
    pub examples: BTreeMap<StrategyName, Vec<Example>>,
    /// Which one a request gets that names none.
    pub default: StrategyName,
}

impl Strategies {
    /// The strategy of this name.
    ///
    /// # Errors
    /// [`DecideError::UnknownStrategy`].
    pub fn named(&self, name: &StrategyName) -> Result<&Arc<Strategy>, DecideError> {
        self.by_name.get(name).ok_or_else(|| DecideError::UnknownStrategy { strategy: name.clone() })
    }
}

/// The parts of the pipeline, put together.
#[derive(Debug)]
pub struct Decider {
    /// What is configured.
    pub strategies: Strategies,
    /// Text to vector.
    pub embedder: Arc<dyn Embedder>,
    /// Who may have a text embedded now.
    pub admission: Admission,
    /// Vectors that are known.
    pub embeddings: EmbeddingCache,
    /// Seconds for which the store keeps the vector of a fresh text.
    pub text_ttl_sec: u64,
    /// Decisions that are remembered.
    pub semantic: SemanticCache,
    /// The search of the server, where memory has not all that is remembered.
    pub recall: Option<Recall>,
    /// Past prices.
    pub market: MarketCache,
    /// Where the graphs of the indexes are kept between runs; they are built anew where absent.
    pub graphs: Option<PathBuf>,
    /// How far the other processes over the store were followed.
    pub follow: Follow,
    /// Who writes which id now.
    pub order: Order,
    /// Held by whoever deletes by tag, one after the other.
    pub ending_tags: tokio::sync::Mutex<()>,
    /// What lasts.
    pub store: Arc<dyn Store>,
    /// The words that the fact gate knows.
    pub lexicon: Lexicon,
    /// What thinks.
    pub engines: Engines,
    /// Which of it a request needs.
    pub triages: Triages,
    /// How much of what is reused may be wrong, and how it stands with that.
    pub budgets: Budgets,
    /// Hits that are decided again after they were served.
    pub shadows: Shadows,
    /// What engines are at work for.
    pub thinking: Thinking,
    /// Optimisation plans.
    pub plans: plans::Plans,
    /// Fitted models.
    pub numeric: numeric::Research,
    /// Questions about data.
    pub analyst: analytics::Analyst,
    /// Datasets.
    pub datasets: datasets::Datasets,
    /// What each tenant may have.
    pub tenants: Arc<Tenants>,
    /// The latest answers, for whoever watches.
    pub recent: Recent,
    /// Work that outlives the request that it is about.
    pub background: Background,
    /// The time of day.
    pub clock: Clock,
}

/// An answer with the bytes that say it.
#[derive(Debug, Clone)]
pub struct Decided {
    /// The answer.
    pub answer: Answer,
    /// The same, as JSON.
    pub json: Arc<RawValue>,
}

/// What a step found.
#[derive(Debug)]
enum Found {
    Hit(Box<Hit>),
    /// Nothing, and why.
    Nothing(String),
}

#[derive(Debug)]
struct Hit {
    path: Path,
    decision: Payload,
    confidence: Confidence,
    matched: Option<Match>,
    // What the budget made of a near hit.
    weighed: Option<(Arc<LiveEntry>, Weighed)>,
}

impl Decider {
    /// Answers a request.
    ///
    /// # Errors
    /// [`DecideError`] where the request can't be answered at all; having nothing to serve is an answer.
    pub async fn decide(self: &Arc<Self>, caller: &Caller, request: &Request) -> Result<Decided, DecideError> {
        self.check_in_step()?;
        let strategy = Arc::clone(self.strategies.named(&request.strategy)?);
        let mut run = Run::new(caller, request, strategy, self.clock.now());
        run.generation = self.semantic.generations().current();
        let setting = self.setting(&caller.tenant, &run.strategy, run.now)?;
        run.budget = self.budgets.of(&caller.tenant, &run.strategy, run.now);
        run.neighbourhood = self.budgets.neighbourhood(&setting.partition);
        run.explanation = request.explain.then(|| Explanation {
            partition: setting.partition.to_string(),
            strategy: setting.strategy.description.clone(),
            composed_of: Vec::new(),
            candidates: 0,
            allowed: request.allow,
        });

        let since = Instant::now();
        let choice = ContextChoice {
            tenant: &caller.tenant,
            tags: &request.tags,
            named: &request.context,
            as_of: request.as_of,
            now: run.now,
        };
        let context = self.context(&run.strategy, &choice)?;
        run.timing.context = micros(since.elapsed());

        let one_may_answer = run.strategy.vote.is_none_or(|rules| !rules.alone);
        if one_may_answer && let Some(hit) = self.exact(&mut run, &setting, &context).await {
            return self.answer(run, hit);
        }
        let mut situated = self.situate(&mut run, &setting, &context).await?;
        let mut missed = "only the near misses together may answer".to_owned();
        let mut path = Path::Fast;
        if one_may_answer {
            match self.fast(&mut run, &setting, &situated).await {
                Found::Hit(hit) => return self.answer_near(run, &setting, *hit, (&context, &situated)),
                Found::Nothing(why) => missed = why,
            }
        }
        if request.allow >= Allow::Slow
            && let Some(came) = self.slow(&mut run, (&setting, &context), &mut situated).await
        {
            match came {
                Slow::Hit(hit) => return self.answer(run, *hit),
                Slow::Nothing(why) => (path, missed) = (Path::Slow, format!("{missed}; {why}")),
                Slow::LeftOut(why) => missed = format!("{missed}; {why}"),
            }
        }
        if request.allow < Allow::Engine {
            return self.abstain(run, path, missed);
        }
        let engine = match self.engine_for(&run.strategy, &situated.known.vector, request).await {
            Chosen::Engine { name, triaged } => {
                run.triaged = triaged;
                name
            }
            Chosen::Unclear { triaged, clarify } => return self.ask_back(run, missed, (triaged, clarify)),
            Chosen::NoEngine(why) => return self.abstain(run, path, format!("{missed}; {why}")),
        };
        self.think(run, Place { setting, context, situated }, engine).await
    }

    /// Answers from a near entry, and draws the lot whether it is decided again.
    fn answer_near(
        self: &Arc<Self>,
        mut run: Run<'_>,
        setting: &Setting,
        mut hit: Hit,
        found: (&Context, &Situated),
    ) -> Result<Decided, DecideError> {
        let (budget, weighed) = (run.budget.clone(), hit.weighed.take());
        let considered = considered(&mut run, setting, found);
        let decided = self.answer(run, hit)?;
        if let (Some(budget), Some(weighed)) = (budget, weighed) {
            budget.ledger.served();
            if budget.sampler.chooses(budget.ledger.shadows(), self.clock.now()) {
                self.decide_again(&considered, &decided.answer, weighed);
            }
        }
        Ok(decided)
    }

    fn answer(&self, run: Run<'_>, hit: Hit) -> Result<Decided, DecideError> {
        let Hit { path, decision, confidence, matched, weighed: _ } = hit;
        self.close(run, |answer| {
            answer.path = path;
            answer.outcome = Outcome::Decided;
            answer.decision = Some(decision);
            answer.confidence = confidence;
            answer.matched = matched;
        })
    }

    fn abstain(&self, run: Run<'_>, path: Path, reason: String) -> Result<Decided, DecideError> {
        self.close(run, |answer| {
            answer.path = path;
            answer.reason = Some(reason);
        })
    }

    /// Makes the one answer, counts it, and keeps its audit record.
    fn close(&self, run: Run<'_>, fill: impl FnOnce(&mut Answer)) -> Result<Decided, DecideError> {
        if run.request.deadline.passed() {
            return Err(run.too_late());
        }
        let (caller, request) = (run.caller, run.request);
        let decided = self.make(run, fill)?;
        metrics::decided(decided.answer.path, decided.answer.outcome, &decided.answer.timing_us);
        self.queue_audit(self.audit_of(caller, request, &decided)?);
        self.recent.keep(&caller.tenant, self.in_short(request, &decided.answer));
        Ok(decided)
    }

    /// Makes an answer of what is known, an abstention until `fill` says more.
    fn make(&self, mut run: Run<'_>, fill: impl FnOnce(&mut Answer)) -> Result<Decided, DecideError> {
        run.timing.total = micros(run.start.elapsed());
        let mut answer = Answer {
            id: run.id,
            outcome: Outcome::Abstained,
            path: Path::Fast,
            strategy: run.strategy.name.clone(),
            strategy_version: run.strategy.version,
            decision: None,
            confidence: confidence::NOTHING,
            reason: None,
            clarify: None,
            triage: run.triaged.take(),
            location: None,
            matched: None,
            refused: std::mem::take(&mut run.refused),
            exact_only: run.budget.as_ref().and_then(|budget| budget.exact_only()),
            truncated: run.cut,
            explanation: run.explanation.take(),
            timing_us: run.timing,
            trace_id: run.request.trace,
        };
        fill(&mut answer);
        if let Some(parent) = run.request.span {
            traces::decision(parent, run.start, &answer);
        }
        let json: Arc<RawValue> = serde_json::value::to_raw_value(&answer)?.into();
        Ok(Decided { answer, json })
    }
}

/// What is known of a request once its gates are through; takes the facts that were read for them.
fn considered<'a, 'r: 'a>(
    run: &mut Run<'r>,
    setting: &'a Setting,
    (context, situated): (&'a Context, &'a Situated),
) -> Considered<'a> {
    let facts = run.facts.take();
    Considered { caller: run.caller, request: run.request, setting, context, fresh: &situated.known.vector, facts }
}

fn micros(took: Duration) -> u64 {
    u64::try_from(took.as_micros()).unwrap_or(u64::MAX)
}
