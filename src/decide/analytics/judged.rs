//! Answers that can be judged afterwards, and what earlier verdicts mean for an answer.

use super::{Analyst, Came, DataQuestion, Resulted, Turn, Wrote};
use crate::decide::Decider;
use crate::domain::answer::Confidence;
use crate::domain::ids::{QueryId, TenantId};
use crate::domain::judgeable_record::{JudgeableRecord, slot_of};
use crate::engine::analytics::knowledge::{Answer, Candidate, Check, FORMAT, Standing};
use crate::engine::analytics::library::Reader;
use crate::engine::analytics::reconcile::{Derivation, Outcome, Severity};
use crate::engine::analytics::words::Asked;
use crate::engine::analytics::written::{Answered, Review};
use crate::limits::ANSWERS_JUDGED_MAX;
use crate::store::{Record, RecordKey, StoreError, Write};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use serde_json::value::to_raw_value;
use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

/// An answer, as it is remembered for whoever judges it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Judgeable {
    /// What it is. The columns are found when somebody judges it.
    pub candidate: Candidate,
    /// In which role it was asked for.
    pub role: Arc<str>,
}

/// What came of looking for an answer.
#[derive(Debug)]
pub enum Found {
    /// It is remembered.
    There(Arc<Judgeable>),
    /// It was, and later ones took its place.
    Past,
    /// Nothing is known of it.
    Unknown,
}

type Latest = VecDeque<(QueryId, Arc<Judgeable>)>;

/// The latest answers of each tenant, the oldest first.
#[derive(Debug, Default)]
pub(super) struct Answers {
    by_tenant: Mutex<HashMap<TenantId, Latest>>,
}

impl Answers {
    fn put(&self, tenant: &TenantId, id: QueryId, answer: Arc<Judgeable>) {
        let mut by_tenant = self.by_tenant.lock();
        let latest = by_tenant.entry(tenant.clone()).or_default();
        latest.push_back((id, answer));
        if latest.len() > ANSWERS_JUDGED_MAX {
            latest.pop_front();
        }
    }

    fn get(&self, tenant: &TenantId, id: QueryId) -> Found {
        let by_tenant = self.by_tenant.lock();
        let Some(latest) = by_tenant.get(tenant) else { return Found::Unknown };
        if let Some((_, answer)) = latest.iter().rfind(|(known, _)| *known == id) {
            return Found::There(Arc::clone(answer));
        }
        // Where as many are remembered as may be there were earlier ones.
        let dropped = latest.len() >= ANSWERS_JUDGED_MAX && latest.front().is_some_and(|(oldest, _)| id < *oldest);
        if dropped { Found::Past } else { Found::Unknown }
    }
}

impl Decider {
    /// Remembers an answer, and gives the name under which it can be judged: here at once, elsewhere as soon as it is stored, which nobody
    /// waits for.
    pub fn remember_answer(&self, tenant: &TenantId, answer: Judgeable) -> QueryId {
        let at = self.clock.now();
        let query = QueryId::new(at, u128::from(fastrand::u64(..)) << 64 | u128::from(fastrand::u64(..)));
        match to_raw_value(&answer) {
            Ok(data) => {
                let record = JudgeableRecord { tenant: tenant.clone(), query, at, version: FORMAT, data: data.into() };
                if let Err(error) = self.store.record(Write::Put(Record::Judgeable(Arc::new(record)))) {
                    tracing::debug!(%error, "an answer can be judged in this process alone");
                }
            }
            Err(error) => tracing::warn!(%error, "an answer that can be judged can't be written"),
        }
        self.analyst.answers.put(tenant, query, Arc::new(answer));
        query
    }

    /// The answer of a name, whichever process gave it.
    ///
    /// # Errors
    /// [`StoreError`] where this process does not know it, and the store can't be read.
    pub(super) async fn answer_of(&self, tenant: &TenantId, query: QueryId) -> Result<Found, StoreError> {
        let found = self.analyst.answers.get(tenant, query);
        if let Found::There(_) = found {
            return Ok(found);
        }
        let key = RecordKey::Judgeable { tenant: tenant.clone(), slot: slot_of(query) };
        let Some(Record::Judgeable(stored)) = self.store.get(&key).await? else { return Ok(found) };
        if stored.query != query {
            // A later answer has taken its place, if there ever was one.
            return Ok(if stored.query > query { Found::Past } else { found });
        }
        let read = (stored.version == FORMAT).then(|| serde_json::from_str::<Judgeable>(stored.data.get()).ok()).flatten();
        Ok(read.map_or(found, |answer| Found::There(Arc::new(answer))))
    }
}

impl Analyst {
    /// What an answer is made of, for whoever judges it.
    pub(super) fn judgeable(
        &self,
        question: &DataQuestion,
        (reader, asked): (&Reader, &Asked),
        (result, came): (&Resulted, Came),
        (turn, label): (Turn, Confidence),
    ) -> Judgeable {
        // Every number of the text was held against the rows when it was written.
        let mut checks = BTreeSet::from([Check::Citations]);
        // What followed from another result has not been through the gate itself.
        if came != Came::Derived {
            checks.insert(Check::Gate);
        }
        if result.findings.iter().all(|finding| finding.severity != Severity::Major) {
            checks.insert(Check::Sanity);
        }
        if result.reconciliations.iter().any(|compared| compared.outcome == Outcome::Agreed) {
            checks.insert(Check::Reconciled);
        }
        let candidate = Candidate {
            question: question.text.trim().to_owned(),
            alone: turn == Turn::NewQuery,
            answer: Answer::Intent(Box::new(asked.intent.clone())),
            sql: result.compiled.primary.inlined.clone(),
            columns: BTreeSet::new(),
            layer: (reader.layer.name.clone(), self.reviewed(&reader.layer)),
            label,
            checks,
        };
        Judgeable { candidate, role: Arc::clone(&question.role) }
    }

    /// The same of an answer that a language model's SQL brought; none where it has several parts, of which a verdict would not say which.
    pub(super) fn judgeable_written(&self, question: &DataQuestion, reader: &Reader, answered: &Answered) -> Option<Judgeable> {
        let ([part], []) = (&answered.parts[..], &answered.missing[..]) else { return None };
        let mut checks = BTreeSet::from([Check::Citations, Check::Gate]);
        if answered.derivation.label <= Confidence::Medium {
            checks.insert(Check::Sanity);
        }
        if matches!(part.review, Review::Agreed { .. }) {
            checks.insert(Check::Review);
        }
        let candidate = Candidate {
            question: question.text.trim().to_owned(),
            alone: true,
            answer: Answer::Sql(part.query.sql.clone()),
            sql: part.query.sql.clone(),
            columns: BTreeSet::new(),
            layer: (reader.layer.name.clone(), self.reviewed(&reader.layer)),
            label: answered.derivation.label,
            checks,
        };
        Some(Judgeable { candidate, role: Arc::clone(&question.role) })
    }

    /// Why an answer to this very question is doubted, where somebody found it wrong.
    pub(super) fn doubted(&self, question: &DataQuestion, reader: &Reader, answer: &Answer) -> Option<String> {
        let taught = self.taught(&question.tenant);
        let id = taught.doubts().of((&reader.layer.name, self.reviewed(&reader.layer)), &question.text, answer)?;
        let Standing::Quarantined { by, .. } = &taught.pair(id)?.standing else { return None };
        Some(format!(
            "somebody found the answer to this question wrong at {}, and no operator has released it (pair {id})",
            by.at
        ))
    }

    /// The same of an answer that a language model's SQL brought.
    pub(super) fn doubted_of_model(&self, question: &DataQuestion, reader: &Reader, wrote: &Wrote) -> Option<String> {
        let judgeable = self.judgeable_written(question, reader, wrote.answered()?)?;
        self.doubted(question, reader, &judgeable.candidate.answer)
    }

    /// What a result is worth as the answer to a question, with what was said of that answer before.
    pub(super) fn worth(
        &self,
        question: &DataQuestion,
        (reader, asked): (&Reader, &Asked),
        (result, confirmed): (&Resulted, bool),
    ) -> Derivation {
        let mut derivation = result.label(asked, confirmed);
        if let Some(why) = self.doubted(question, reader, &Answer::Intent(Box::new(asked.intent.clone()))) {
            // The order of the labels is from high to unable.
            derivation.label = derivation.label.max(Confidence::Low);
            derivation.reasons.push((Confidence::Low, why));
        }
        derivation
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::Timestamp;

    fn answer(n: usize) -> Judgeable {
        let candidate = Candidate {
            question: format!("How many of {n}?"),
            alone: true,
            answer: Answer::Sql(format!("SELECT {n}")),
            sql: format!("SELECT {n}"),
            columns: BTreeSet::new(),
            layer: ("library".to_owned(), 3),
            label: Confidence::High,
            checks: BTreeSet::from([Check::Gate, Check::Sanity]),
        };
        Judgeable { candidate, role: Arc::from("decide") }
    }

    #[test]
    fn the_latest_answers_of_a_tenant_can_be_judged_and_older_ones_are_told_from_unknown_ones() {
        let answers = Answers::default();
        let [one, other] = ["one", "other"].map(|name| TenantId::new(name).expect("a name"));
        let id = |n: usize| QueryId::new(Timestamp::from_micros(1_000_000 + n as i64), 7);
        (0..ANSWERS_JUDGED_MAX).for_each(|n| answers.put(&one, id(n), Arc::new(answer(n))));
        let found = |n: usize| match answers.get(&one, id(n)) {
            Found::There(answer) => Some(answer.candidate.question.clone()),
            _ => None,
        };
        assert!(matches!(answers.get(&other, id(0)), Found::Unknown), "nobody else's");
        assert_eq!(found(0).as_deref(), Some("How many of 0?"));
        answers.put(&one, id(ANSWERS_JUDGED_MAX), Arc::new(answer(7)));
        assert!(matches!(answers.get(&one, id(0)), Found::Past));
        assert_eq!(found(1).as_deref(), Some("How many of 1?"));
        assert!(matches!(answers.get(&one, id(ANSWERS_JUDGED_MAX + 1)), Found::Unknown));
    }

    #[test]
    fn an_answer_reads_back_from_the_store_as_it_was() {
        let written = serde_json::to_string(&answer(1)).expect("JSON");
        let read: Judgeable = serde_json::from_str(&written).expect("it reads back");
        assert_eq!((&read.candidate, &*read.role), (&answer(1).candidate, "decide"));
    }
}
