//! A question in words: which case it is for, with which parameters, what the fit says, and the sentence around it.

use super::{Consulted, NumericError, NumericQuestion};
use crate::decide::Decider;
use crate::domain::deadline::Deadline;
use crate::domain::decision::{Decision, Numeric, NumericFit, Payload};
use crate::domain::fit_record::{FitKey, FitRecord};
use crate::domain::ids::TenantId;
use crate::domain::text::FreshText;
use crate::domain::time::Timestamp;
use crate::domain::vector::UnitVector;
use crate::engine::numeric::Desk;
use crate::engine::numeric::catalogue::{Case, Moment, Scope, key_of};
use crate::engine::numeric::matching::{Matched, Nearness, without_symbols};
use crate::engine::numeric::slots;
use crate::engine::{EngineFailure, Question};
use crate::limits::CHART_IN_ANSWER_BYTES_MAX;
use crate::telemetry::metrics::numeric as metrics;
use async_trait::async_trait;
use serde_json::{Map, Value};
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::time::timeout;

/// Milliseconds before now from which on a question is of the past.
const PAST_MS: i64 = 60_000;

/// Vectors of questions that are kept.
const MEANINGS_MAX: usize = 1_024;

/// The desk of a service, which does not keep the service up.
#[derive(Debug)]
pub struct Counter(pub Weak<Decider>);

#[async_trait]
impl Desk for Counter {
    async fn answer(&self, question: &Question) -> Result<Payload, EngineFailure> {
        let Some(decider) = self.0.upgrade() else {
            return Err(EngineFailure::Failed { detail: "the service is gone".to_owned() });
        };
        decider.research(question).await
    }

    fn fresh_at(&self, tenant: &TenantId, case: &str, given: &Map<String, Value>, moment: Timestamp) -> Option<Arc<FitRecord>> {
        let decider = self.0.upgrade()?;
        let case = decider.numeric.case(case).ok()?;
        let given = given.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        let parameters = case.given(&given).ok()?;
        let key = FitKey { case: Arc::clone(&case.id), parameters: Case::fit_key(&case.of_fit(&parameters)).into() };
        let fit = decider.numeric.index.at(tenant, &key, moment)?;
        // Data that came in later were not known at that moment, so only its age counts.
        let seen = fit.about.window.is_none_or(|[_, end]| end <= moment);
        (seen && fit.stale_at > moment).then_some(fit)
    }
}

impl Decider {
    async fn research(self: &Arc<Self>, question: &Question) -> Result<Payload, EngineFailure> {
        let text = question.text.as_str();
        let matched = self.matched(question).await?;
        let case = self.numeric.case(&matched.case).map_err(|error| abstained(error.to_string()))?;
        question.steps.tell(
            "case",
            format!("{} {}, as \"{}\" at a cosine of {:.2}", case.id, case.title, matched.question, matched.similarity),
        );
        let likely: Vec<String> = question.instruments.iter().map(|instrument| instrument.as_str().to_owned()).collect();
        let parameters = slots::fill(case, text, &likely).map_err(|lacks| {
            let asks: Vec<String> = lacks.into_iter().map(|lack| lack.ask).collect();
            abstained(format!("this is for {} ({}), which needs to know more: {}", case.id, case.title, asks.join("; ")))
        })?;
        let asked = NumericQuestion {
            tenant: question.tenant.clone(),
            case: Arc::clone(case),
            parameters,
            deadline: earlier(question.deadline, question.wanted_by),
            again: None,
        };
        let now = self.clock.now();
        let found = if now.millis_since(question.as_of) > PAST_MS {
            let key = asked.key();
            let then = self.numeric.index.at(&question.tenant, &key, question.as_of);
            let fit = then.ok_or_else(|| abstained(format!("{} had no fit yet at {}", case.id, question.as_of)))?;
            self.found(&asked, fit, false)
        } else {
            self.consult(&asked).await.map_err(|error| failure(error, case))?
        };
        let mut found = found;
        slots::fill_from_values(case, text, &mut found.parameters, &found.fit.values);
        question.steps.tell(
            "fit",
            format!(
                "version {} of {}, {}",
                found.fit.version,
                found.fit.created_at,
                if found.standing.is_stale() { "stale" } else { "fresh" }
            ),
        );
        let sentence = found.sentence(now).map_err(|reason| {
            self.numeric.wish(&question.tenant, ("not_in_fit", &reason), Some((&case.id, &asked.parameters)), Some(text), now);
            abstained(format!("no model for this yet: {reason}"))
        })?;
        payload(&found, sentence).map_err(|detail| EngineFailure::Failed { detail })
    }

    /// The case that a question is for. While that is still being learnt, this waits for half of the time that is left.
    async fn matched(&self, question: &Question) -> Result<Nearness, EngineFailure> {
        let mut learnt = self.numeric.matcher.clone();
        let waits = question.wanted_by.remaining().min(question.deadline.remaining()) / 2;
        let Ok(Ok(_)) = timeout(waits, learnt.wait_for(Option::is_some)).await else { return Err(EngineFailure::TimedOut) };
        let Some(matcher) = self.numeric.matcher() else { return Err(EngineFailure::TimedOut) };
        let title = |near: &Nearness| {
            self.numeric.case(&near.case).map_or_else(|_| String::new(), |case| format!("{} ({})", case.id, case.title))
        };
        match matcher.of(&self.meaning(question).await?) {
            Matched::Case(near) => Ok(near),
            Matched::Between(a, b) => {
                let like = format!("\"{}\" or \"{}\"", a.question, b.question);
                Err(abstained(format!(
                    "it is not clear which case this is for, {} or {}: ask, for instance, {like}",
                    title(&a),
                    title(&b)
                )))
            }
            Matched::Nothing(nearest) => {
                metrics::looked_up("none", "missing");
                let nearest =
                    nearest.map(|near| format!("; the nearest is {}, at a cosine of {:.2}", title(&near), near.similarity));
                let reason = format!("no case of the catalogue answers this{}", nearest.unwrap_or_default());
                self.numeric.wish(&question.tenant, ("no_case", &reason), None, Some(question.text.as_str()), self.clock.now());
                Err(abstained(reason))
            }
        }
    }
}

impl Decider {
    /// The vector of a question without the symbols of markets; its own where it names none.
    async fn meaning(&self, question: &Question) -> Result<UnitVector, EngineFailure> {
        let plain = without_symbols(question.text.as_str());
        if plain == question.text.as_str() {
            return Ok(question.fresh.clone());
        }
        if let Some(known) = self.numeric.meanings.lock().get(&plain) {
            return Ok(known.clone());
        }
        let text = FreshText::new(&plain).map_err(|error| EngineFailure::Failed { detail: error.to_string() })?;
        let embedded = self.embedder.embed(&text, question.deadline).await;
        let vector = embedded.map_err(|error| EngineFailure::Failed { detail: error.to_string() })?.vector;
        let mut meanings = self.numeric.meanings.lock();
        if meanings.len() >= MEANINGS_MAX {
            meanings.clear();
        }
        meanings.insert(plain, vector.clone());
        Ok(vector)
    }
}

impl Consulted {
    /// The sentence of the case over the values.
    ///
    /// # Errors
    /// What the fit lacks, in words.
    pub fn sentence(&self, now: Timestamp) -> Result<String, String> {
        let moment = Moment { fitted_at: self.fit.created_at, now };
        let mut said = self.case.sentence.say(&self.parameters, &self.fit.values, moment).map_err(|unsaid| {
            let chosen: Vec<String> = self.chosen().map(|(name, value)| format!("{name} {}", key_of(value))).collect();
            let of = if chosen.is_empty() { String::new() } else { format!(" for {}", chosen.join(", ")) };
            format!("{} says nothing{of}: {unsaid}", self.case.id)
        })?;
        if self.standing.is_stale() {
            said.push_str(" This is stale: ");
            said.push_str(&self.standing.stale_because.join(" "));
        }
        Ok(said)
    }

    /// The parameters that are chosen from one fit.
    fn chosen(&self) -> impl Iterator<Item = (&String, &Value)> {
        self.parameters.iter().filter(|(name, _)| self.case.parameters.get(*name).is_some_and(|parameter| !parameter.fit))
    }

    /// The one number of the case, its unit and its interval.
    pub fn headline(&self) -> (Option<f64>, String, Option<[f64; 2]>) {
        let Some(headline) = &self.case.headline else { return (None, String::new(), None) };
        let scope = Scope::new(&self.parameters, &self.fit.values);
        let interval = headline.interval.as_ref().and_then(|path| path.find(&scope)).and_then(|found| {
            let ends: Vec<f64> = found.as_array()?.iter().filter_map(Value::as_f64).collect();
            <[f64; 2]>::try_from(ends).ok().filter(|[low, high]| low <= high)
        });
        (headline.value.find(&scope).and_then(Value::as_f64), headline.unit.clone(), interval)
    }
}

fn payload(found: &Consulted, sentence: String) -> Result<Payload, String> {
    let (value, unit, interval) = found.headline();
    let (fit, case) = (&found.fit, &found.case);
    let small = fit.chart.as_ref().filter(|chart| chart.get().len() <= CHART_IN_ANSWER_BYTES_MAX);
    let about = NumericFit {
        case: case.id.to_string(),
        title: case.title.clone(),
        parameters: found.parameters.clone(),
        sentence,
        result: fit.values.clone(),
        chart: small.and_then(|chart| serde_json::from_str(chart.get()).ok()),
        fitted_at: fit.created_at,
        next_run_at: fit.next_run_at,
        version: fit.version,
        stale: found.standing.is_stale(),
        confidence: found.standing.confidence,
        confidence_reasons: found.standing.reasons.clone(),
    };
    let method = format!("{}: {}", case.method_name, case.reference);
    let mut numeric = Numeric { value, unit, interval, method, fit: Some(Box::new(about)) };
    if let Ok(payload) = Payload::new(&Decision::Numeric(numeric.clone())) {
        return Ok(payload);
    }
    if let Some(about) = &mut numeric.fit {
        about.chart = None;
    }
    Payload::new(&Decision::Numeric(numeric)).map_err(|error| error.to_string())
}

fn earlier(a: Deadline, b: Deadline) -> Deadline {
    // A little is left for the answer itself.
    let wanted = Deadline::from_start(b.start(), b.at().saturating_duration_since(b.start()).mul_f64(0.9));
    let at_least = Duration::from_millis(1);
    let wanted = if wanted.remaining() < at_least { b } else { wanted };
    if wanted.at() < a.at() { wanted } else { a }
}

fn abstained(reason: String) -> EngineFailure {
    EngineFailure::Abstained { reason }
}

fn failure(error: NumericError, case: &Case) -> EngineFailure {
    match error {
        NumericError::TooLate { .. } => EngineFailure::TimedOut,
        NumericError::NoModel { .. } | NumericError::Stopped { .. } => abstained(error.to_string()),
        NumericError::Busy => abstained(format!("{} has no fit yet, and {error}; ask again", case.id)),
        other => EngineFailure::Failed { detail: other.to_string() },
    }
}
