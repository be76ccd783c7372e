//! Answers that can be judged afterwards, and what earlier verdicts mean for an answer.

use super::{Analyst, Came, DataQuestion, Resulted};
use crate::domain::answer::Confidence;
use crate::domain::ids::{QueryId, TenantId};
use crate::domain::time::Timestamp;
use crate::engine::analytics::intent::Intent;
use crate::engine::analytics::knowledge::{Answer, Candidate, Check, Standing};
use crate::engine::analytics::library::Reader;
use crate::engine::analytics::reconcile::{Derivation, Outcome, Severity};
use crate::engine::analytics::words::Asked;
use crate::limits::ANSWERS_JUDGED_MAX;
use parking_lot::Mutex;
use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

/// An answer, as it is remembered for whoever judges it.
#[derive(Debug, Clone)]
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

impl Analyst {
    /// Remembers an answer, and gives the name under which it can be judged.
    pub fn remember_answer(&self, tenant: &TenantId, answer: Judgeable, now: Timestamp) -> QueryId {
        let id = QueryId::new(now, u128::from(fastrand::u64(..)) << 64 | u128::from(fastrand::u64(..)));
        let mut by_tenant = self.answers.by_tenant.lock();
        let latest = by_tenant.entry(tenant.clone()).or_default();
        latest.push_back((id, Arc::new(answer)));
        if latest.len() > ANSWERS_JUDGED_MAX {
            latest.pop_front();
        }
        id
    }

    /// The answer of a name.
    pub fn answer_of(&self, tenant: &TenantId, id: QueryId) -> Found {
        let by_tenant = self.answers.by_tenant.lock();
        let Some(latest) = by_tenant.get(tenant) else { return Found::Unknown };
        if let Some((_, answer)) = latest.iter().rfind(|(known, _)| *known == id) {
            return Found::There(Arc::clone(answer));
        }
        // Where as many are remembered as may be there were earlier ones.
        let dropped = latest.len() >= ANSWERS_JUDGED_MAX && latest.front().is_some_and(|(oldest, _)| id < *oldest);
        if dropped { Found::Past } else { Found::Unknown }
    }

    /// What an answer is made of, for whoever judges it.
    pub(super) fn judgeable(
        &self,
        question: &DataQuestion,
        (reader, asked): (&Reader, &Asked),
        (result, came): (&Resulted, Came),
        label: Confidence,
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
            answer: Answer::Intent(Box::new(asked.intent.clone())),
            sql: result.compiled.primary.inlined.clone(),
            columns: BTreeSet::new(),
            layer: (reader.layer.name.clone(), self.reviewed(&reader.layer)),
            label,
            checks,
        };
        Judgeable { candidate, role: Arc::clone(&question.role) }
    }

    /// Why an answer to this very question is doubted, where somebody found it wrong.
    pub(super) fn doubted(&self, question: &DataQuestion, reader: &Reader, intent: &Intent) -> Option<String> {
        let taught = self.taught(&question.tenant);
        let answer = Answer::Intent(Box::new(intent.clone()));
        let id = taught.doubts().of((&reader.layer.name, self.reviewed(&reader.layer)), &question.text, &answer)?;
        let Standing::Quarantined { by, .. } = &taught.pair(id)?.standing else { return None };
        Some(format!(
            "somebody found the answer to this question wrong at {}, and no operator has released it (pair {id})",
            by.at
        ))
    }

    /// What a result is worth as the answer to a question, with what was said of that answer before.
    pub(super) fn worth(&self, question: &DataQuestion, (reader, asked): (&Reader, &Asked), result: &Resulted) -> Derivation {
        let mut derivation = result.label(asked);
        if let Some(why) = self.doubted(question, reader, &asked.intent) {
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

    fn answer(n: usize) -> Judgeable {
        let candidate = Candidate {
            question: format!("How many of {n}?"),
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
        let analyst = Analyst::new(None);
        let [one, other] = ["one", "other"].map(|name| TenantId::new(name).expect("a name"));
        let at = |n: usize| Timestamp::from_micros(1_000_000 + n as i64);
        let first = analyst.remember_answer(&one, answer(0), at(0));
        assert!(matches!(analyst.answer_of(&other, first), Found::Unknown), "nobody else's");
        let ids: Vec<QueryId> = (1..ANSWERS_JUDGED_MAX).map(|n| analyst.remember_answer(&one, answer(n), at(n))).collect();
        let found = |id| match analyst.answer_of(&one, id) {
            Found::There(answer) => Some(answer.candidate.question.clone()),
            _ => None,
        };
        assert_eq!(found(first).as_deref(), Some("How many of 0?"));
        analyst.remember_answer(&one, answer(7), at(ANSWERS_JUDGED_MAX));
        assert!(matches!(analyst.answer_of(&one, first), Found::Past));
        assert_eq!(found(ids[0]).as_deref(), Some("How many of 1?"));
        let never = QueryId::new(at(ANSWERS_JUDGED_MAX + 1), 1);
        assert!(matches!(analyst.answer_of(&one, never), Found::Unknown));
    }
}
