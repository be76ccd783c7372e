//! Looking a fit up, and having it made where it is stale or missing.

use super::{NumericError, Standing};
use crate::decide::Decider;
use crate::domain::deadline::Deadline;
use crate::domain::fit_record::{FitKey, FitRecord};
use crate::domain::ids::TenantId;
use crate::engine::numeric::catalogue::Case;
use crate::limits::PENDING_NOTICE_MS;
use crate::telemetry::metrics::numeric as metrics;
use serde_json::{Map, Value};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// Milliseconds for which a fit that failed on these very data is not tried again by who only looks.
const TRIED_AGAIN_AFTER_MS: i64 = 60_000;

/// What is asked of a case.
#[derive(Debug, Clone)]
pub struct NumericQuestion {
    /// Whose fit.
    pub tenant: TenantId,
    /// Of which case.
    pub case: Arc<Case>,
    /// Its parameters, checked.
    pub parameters: Map<String, Value>,
    /// By when the caller wants to hear.
    pub deadline: Deadline,
    /// Whether it is fitted again though it is fresh, and for whom.
    pub again: Option<Option<Arc<str>>>,
}

/// A fit that was found.
#[derive(Debug, Clone)]
pub struct Consulted {
    /// The case.
    pub case: Arc<Case>,
    /// The parameters of the question.
    pub parameters: Map<String, Value>,
    /// The fit.
    pub fit: Arc<FitRecord>,
    /// How it stands.
    pub standing: Standing,
    /// Whether it was made now.
    pub refitted: bool,
}

impl NumericQuestion {
    /// Of which fit it is.
    pub fn key(&self) -> FitKey {
        FitKey { case: Arc::clone(&self.case.id), parameters: Case::fit_key(&self.case.of_fit(&self.parameters)).into() }
    }
}

impl Decider {
    /// The fit that answers a question: the one that is there where it is fresh, else one that is made now, else the stale one, told so.
    ///
    /// # Errors
    /// [`NumericError`] where there is none at all.
    pub async fn consult(self: &Arc<Self>, question: &NumericQuestion) -> Result<Consulted, NumericError> {
        let (key, case) = (question.key(), &question.case);
        let known = self.numeric.index.latest(&question.tenant, &key);
        let stands = known.as_ref().map(|fit| self.numeric.standing(case, fit, self.clock.now()));
        if let (Some(fit), Some(standing)) = (&known, &stands)
            && question.again.is_none()
            && !standing.is_stale()
        {
            metrics::looked_up(&case.id, "fresh");
            return Ok(self.found(question, Arc::clone(fit), false));
        }
        let tried = if question.again.is_none() { self.tried_lately(&question.tenant, &key, case) } else { None };
        let outcome = match (tried, &known) {
            (Some(failed), None) => Err(NumericError::NoModel { reason: failed }),
            (Some(_), Some(_)) => Err(NumericError::Busy),
            (None, _) => self.refit(question, &key, known.is_some()).await,
        };
        match (outcome, known) {
            (Ok(fit), _) => {
                metrics::looked_up(&case.id, "refitted");
                Ok(self.found(question, fit, true))
            }
            // Whoever asks for a refit is told that there was none.
            (Err(error), Some(fit)) if question.again.is_none() => {
                metrics::looked_up(&case.id, "stale");
                tracing::debug!(%error, case = &*case.id, "a stale fit is served");
                Ok(self.found(question, fit, false))
            }
            (Err(error), _) => {
                metrics::looked_up(&case.id, if matches!(error, NumericError::NoModel { .. }) { "missing" } else { "failed" });
                if let NumericError::NoModel { reason } = &error {
                    self.numeric.wish(
                        &question.tenant,
                        ("no_model", reason),
                        Some((&case.id, &question.parameters)),
                        None,
                        self.clock.now(),
                    );
                }
                Err(error)
            }
        }
    }

    pub(super) fn found(&self, question: &NumericQuestion, fit: Arc<FitRecord>, refitted: bool) -> Consulted {
        let standing = self.numeric.standing(&question.case, &fit, self.clock.now());
        Consulted { case: Arc::clone(&question.case), parameters: question.parameters.clone(), fit, standing, refitted }
    }

    /// Why a fit failed a moment ago on the data as they are; `None` where it is worth a try.
    fn tried_lately(&self, tenant: &TenantId, key: &FitKey, case: &Case) -> Option<String> {
        let failures = self.numeric.failures.lock();
        let failure = failures.get(&(tenant.clone(), key.clone()))?;
        let recent = self.clock.now().millis_since(failure.at) < TRIED_AGAIN_AFTER_MS;
        (recent && failure.data == self.numeric.data_of(tenant, case)).then(|| failure.detail.clone())
    }

    /// Joins or starts the making of a fit, and waits for it as long as the caller would: who has a stale one to tell a little less. It goes on
    /// after that, but is given up where all who wait leave before, by dropping this.
    async fn refit(
        self: &Arc<Self>,
        question: &NumericQuestion,
        key: &FitKey,
        has_one: bool,
    ) -> Result<Arc<FitRecord>, NumericError> {
        let (seat, pilot) = self.numeric.flights.board((question.tenant.clone(), key.clone()));
        if let Some(pilot) = pilot {
            let by = question.again.clone().flatten();
            let fly = Arc::clone(self).fit(
                pilot,
                (question.tenant.clone(), key.clone()),
                Arc::clone(&question.case),
                (question.parameters.clone(), by),
            );
            self.background.spawn(fly);
        }
        let left = question.deadline.remaining();
        let notice = if has_one { Duration::from_millis(3 * PENDING_NOTICE_MS).min(left / 4) } else { Duration::ZERO };
        let landed = timeout(left.saturating_sub(notice), seat.landed()).await;
        landed.unwrap_or_else(|_| {
            seat.keep();
            let budget = question.deadline.at().saturating_duration_since(question.deadline.start());
            Err(NumericError::TooLate { deadline_ms: u64::try_from(budget.as_millis()).unwrap_or(u64::MAX) })
        })
    }
}
