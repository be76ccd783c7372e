//! The trading engine: what a headline does to the price of an asset, by three agents that look at the same question in parallel.
//!
//! News Sentiment reads the text, Market Context the past prices, Risk the caller's book. Each has a local path, which decides without a
//! language model, and one that asks a language model; [`agents`] says which is taken. What they say is weighed in [`aggregate`]. An agent that
//! fails, is late or has nothing to say is left out and named; it never counts as a signal.

pub mod agents;
pub mod aggregate;
mod asked;
pub mod classifier;
pub mod market_context;
pub mod opinion;
pub mod risk;
pub mod sentiment;

use self::agents::{Agent, AgentConfig, Heard};
use self::aggregate::Verdict;
use self::classifier::{Classifier, ClassifierError, Seen};
use self::market_context::{FittedRegime, MarketContext};
use self::opinion::{Abstention, Opinion};
use self::risk::{Book, RiskView};
use self::sentiment::{Assessment, NewsSentiment, Probabilities};
use super::numeric::Numeric;
use super::{Engine, EngineFailure, Question};
use crate::domain::component::ModelRef;
use crate::domain::deadline::Deadline;
use crate::domain::decision::{AgentReport, AgentSource, Decision, Payload, Trade};
use crate::domain::field::FieldError;
use crate::llm::ChatModel;
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

/// The name under which strategies ask for it.
pub const NAME: &str = "trading";

/// The version of the local paths and of how they are weighed; raised where the same question would be decided otherwise.
const VERSION: &str = "2";

/// The case of the numeric catalogue that tells the regime of a market.
const REGIMES: &str = "NR-01";

const NEWS_SENTIMENT: &str = "news_sentiment";
const MARKET_CONTEXT: &str = "market_context";
const RISK: &str = "risk";

/// The settings of the trading engine.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// How News Sentiment is run.
    pub news_sentiment: AgentConfig,
    /// How Market Context is run.
    pub market_context: AgentConfig,
    /// How Risk is run.
    pub risk_agent: AgentConfig,
    /// What Risk forbids by rule.
    pub risk: risk::Config,
    /// How opinions are weighed.
    pub aggregate: aggregate::Config,
}

impl Config {
    /// Checks every setting against its range.
    ///
    /// # Errors
    /// A [`FieldError`] for the first that is out of it.
    pub fn check(&self) -> Result<(), FieldError> {
        let named = |table: &str, (field, rule): (&str, &str)| FieldError::new(format!("/engine/trading/{table}/{field}"), rule);
        for (table, agent) in
            [(NEWS_SENTIMENT, &self.news_sentiment), (MARKET_CONTEXT, &self.market_context), ("risk_agent", &self.risk_agent)]
        {
            agent.check().map_err(|wrong| named(table, wrong))?;
        }
        self.risk.check().map_err(|wrong| named("risk", wrong))?;
        self.aggregate.check().map_err(|wrong| named("aggregate", wrong))
    }
}

/// The engine.
#[derive(Debug)]
pub struct Trading {
    sentiment: Result<NewsSentiment, String>,
    model: Option<Arc<dyn ChatModel>>,
    news_sentiment: Agent,
    market_context: Agent,
    risk_agent: Agent,
    classifier: Option<Classifier>,
    numeric: Option<Arc<Numeric>>,
    config: Config,
}

impl Trading {
    /// The engine for the vectors of one embedder, with a language model where there is one. Where the local News Sentiment was trained on
    /// another embedder's vectors it abstains, and says so.
    pub fn new(config: &Config, embedder: (&ModelRef, usize), model: Option<Arc<dyn ChatModel>>) -> Self {
        let (embedder, dim) = embedder;
        Self {
            sentiment: NewsSentiment::open(embedder, dim).map_err(|error| error.to_string()),
            model,
            news_sentiment: Agent::new(NEWS_SENTIMENT, config.news_sentiment),
            market_context: Agent::new(MARKET_CONTEXT, config.market_context),
            risk_agent: Agent::new(RISK, config.risk_agent),
            classifier: None,
            numeric: None,
            config: config.clone(),
        }
    }

    /// The engine with a classifier in place of the vote.
    ///
    /// # Errors
    /// [`ClassifierError`] where it was learnt with something else than what is here, or proved nothing.
    pub fn with_classifier(mut self, classifier: Classifier) -> Result<Self, ClassifierError> {
        classifier.check_against(self.sentiment.as_ref().ok().map(NewsSentiment::version))?;
        self.classifier = Some(classifier);
        Ok(self)
    }

    /// The engine whose Market Context takes the regime of a market from fitted models, where there is a fresh one.
    #[must_use]
    pub fn with_regimes(mut self, numeric: Arc<Numeric>) -> Self {
        self.numeric = Some(numeric);
        self
    }

    /// Why its local News Sentiment can say nothing; `None` where it can.
    pub fn without_sentiment(&self) -> Option<&str> {
        self.sentiment.as_ref().err().map(String::as_str)
    }

    /// What News Sentiment says, and how likely its local path holds each outcome.
    async fn hear_news(&self, question: &Question, since: Instant) -> (Heard<Opinion>, Option<Probabilities>) {
        let subject = question.subject().map(|(instrument, _)| instrument);
        let assessed = match &self.sentiment {
            Ok(sentiment) => sentiment.assess(subject, &question.text, &question.fresh),
            Err(why) => Err(Abstention::new(why.clone())),
        };
        let probabilities = assessed.as_ref().ok().and_then(Assessment::in_scope);
        let local = assessed.and_then(|assessment| assessment.opinion);
        let until = by(&self.news_sentiment, since, question);
        let model = self.model.as_deref().map(|model| asked::sentiment(model, question, until));
        (self.news_sentiment.run((since, question.deadline), local, model).await, probabilities)
    }

    /// What Market Context says, and what its local path measured.
    async fn hear_market(&self, question: &Question, since: Instant) -> (Heard<Opinion>, Option<MarketContext>) {
        let read = match question.subject() {
            Some((instrument, series)) => market_context::read(instrument, series.map(|s| &**s), question.as_of),
            None => Err(Abstention::new("no instrument is named")),
        };
        let until = by(&self.market_context, since, question);
        let read = read.map(|context| self.with_fitted_regime(question, context));
        let summary = read.as_ref().map(|context| context.summary());
        // Without figures there is nothing to ask about either.
        let model = match (&self.model, &summary) {
            (Some(model), Ok(summary)) => Some(asked::market(&**model, question, summary, until)),
            _ => None,
        };
        let context = read.as_ref().ok().cloned();
        let local = read.and_then(|context| context.opinion());
        (self.market_context.run((since, question.deadline), local, model).await, context)
    }

    /// The regime as the fitted model had it at the moment of the question: only a fit that was there and fresh then, and saw nothing later.
    fn with_fitted_regime(&self, question: &Question, context: MarketContext) -> MarketContext {
        let desk = self.numeric.as_ref().and_then(|numeric| numeric.desk());
        let fit = desk.and_then(|desk| {
            let given = [("symbol".to_owned(), Value::String(context.instrument.to_string()))].into_iter().collect();
            desk.fresh_at(&question.tenant, REGIMES, &given, question.as_of)
        });
        let fitted = fit.as_ref().and_then(|fit| FittedRegime::of(fit));
        MarketContext { fitted, ..context }
    }

    /// What the agent says, and what holds: where its language model gives nothing, the rules do all the same.
    async fn hear_risk(&self, question: &Question, since: Instant) -> (Heard<RiskView>, Option<RiskView>) {
        let subject = question.subject();
        let book = Book {
            instrument: subject.map(|(instrument, _)| instrument),
            series: subject.and_then(|(_, series)| series.map(|s| &**s)),
            market: &question.market,
            as_of: question.as_of,
        };
        let rules = risk::assess(&self.config.risk, &book);
        let until = by(&self.risk_agent, since, question);
        // What the rules forbid outright needs no second opinion.
        let open = rules.as_ref().ok().filter(|view| view.veto.is_none());
        let model = match (&self.model, open) {
            (Some(model), Some(view)) => Some(asked::risk(&**model, question, view, until)),
            _ => None,
        };
        let mut heard = self.risk_agent.run((since, question.deadline), rules.clone(), model).await;
        if let (None, Ok(rules)) = (&heard.value, &rules) {
            heard.reason = format!("{}; the rules alone hold: {}", heard.reason, rules.reasoning);
        }
        let holds = heard.value.clone().or(rules.ok());
        (heard, holds)
    }

    /// The classifier, where there is one; the vote where there is none, and where a language model spoke, which it knows nothing of.
    fn decide_on(&self, seen: &Seen, agents: &[AgentReport], risk: Option<&RiskView>) -> Result<Verdict, Abstention> {
        match self.classifier_for(agents) {
            Some(classifier) => classifier.decide(self.config.aggregate.quorum, seen, risk),
            None => aggregate::aggregate(&self.config.aggregate, &seen.votes(), risk),
        }
    }

    fn classifier_for(&self, agents: &[AgentReport]) -> Option<&Classifier> {
        let modelled = |agent: &AgentReport| agent.source == AgentSource::Llm && agent.name != RISK;
        self.classifier.as_ref().filter(|_| !agents.iter().any(modelled))
    }

    fn versions(&self, agents: &[AgentReport]) -> BTreeMap<String, String> {
        let mut versions = BTreeMap::from([(NAME.to_owned(), VERSION.to_owned())]);
        if let Ok(sentiment) = &self.sentiment {
            versions.insert(NEWS_SENTIMENT.to_owned(), sentiment.version().to_owned());
        }
        if agents.iter().any(|agent| agent.source == AgentSource::Llm) {
            versions.insert("prompts".to_owned(), asked::VERSION.to_owned());
        }
        if let Some(classifier) = self.classifier_for(agents) {
            versions.insert("classifier".to_owned(), classifier.version());
        }
        versions
    }
}

/// By when a language model must have answered an agent.
fn by(agent: &Agent, since: Instant, question: &Question) -> Deadline {
    Deadline::from_start(since, agent.hard(since, question.deadline).saturating_duration_since(since))
}

#[async_trait]
impl Engine for Trading {
    async fn decide(&self, question: Question) -> Result<Payload, EngineFailure> {
        let since = Instant::now();
        let steps = &question.steps;
        let (news, market, (risk, bounds)) = tokio::join!(
            async {
                let heard = self.hear_news(&question, since).await;
                tell(steps, NEWS_SENTIMENT, &heard.0);
                heard
            },
            async {
                let heard = self.hear_market(&question, since).await;
                tell(steps, MARKET_CONTEXT, &heard.0);
                heard
            },
            async {
                let (heard, bounds) = self.hear_risk(&question, since).await;
                tell(steps, RISK, &heard);
                (heard, bounds)
            },
        );
        let ((news, probabilities), (market, context)) = (news, market);
        let agents = vec![
            news.report(NEWS_SENTIMENT, Opinion::clone),
            market.report(MARKET_CONTEXT, Opinion::clone),
            risk.report(RISK, RiskView::opinion),
        ];
        let seen = Seen { news: news.value, probabilities, market: market.value, context };
        let verdict = self
            .decide_on(&seen, &agents, bounds.as_ref())
            .map_err(|abstention| EngineFailure::Abstained { reason: because(&abstention, &agents) })?;
        steps.tell("aggregate", verdict.reasoning.clone());
        let labels = question.subject().map(|(instrument, _)| ("instrument".to_owned(), instrument.to_string()));
        let trade = Trade {
            signal: verdict.signal,
            conviction: verdict.conviction,
            reasoning: verdict.reasoning,
            versions: self.versions(&agents),
            agents,
            labels: labels.into_iter().collect(),
        };
        Payload::new(&Decision::Trade(trade)).map_err(|error| EngineFailure::Failed { detail: error.to_string() })
    }
}

fn tell<T>(steps: &super::steps::Steps, name: &str, heard: &Heard<T>) {
    let source = match heard.source {
        AgentSource::Llm => "language model",
        AgentSource::Local => "local",
    };
    let outcome = if heard.value.is_some() { "has an opinion" } else { &*heard.reason };
    steps.tell(name, format!("{source}: {outcome}"));
}

/// Why nothing was decided, with what each agent that had nothing to say gave as its reason.
fn because(abstention: &Abstention, agents: &[AgentReport]) -> String {
    use crate::domain::decision::AgentOutcome;
    let silent = agents.iter().filter(|agent| agent.outcome != AgentOutcome::Ok && agent.name != RISK);
    let told: Vec<String> = silent.map(|agent| format!("{}: {}", agent.name, agent.reasoning)).collect();
    if told.is_empty() { abstention.reason.clone() } else { format!("{} ({})", abstention.reason, told.join("; ")) }
}
