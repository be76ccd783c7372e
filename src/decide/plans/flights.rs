//! Plans that are being made: of several callers who ask the same one starts it, and all wait for it.

use super::PlansError;
use crate::domain::ids::{PlanId, TenantId};
use crate::domain::plan_record::{PlanKey, PlanRecord};
use crate::domain::time::Timestamp;
use crate::solver::Cancel;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;
use tokio::sync::watch;

/// How it ended.
pub(super) type Landed = Result<Arc<PlanRecord>, PlansError>;

/// Which record of it was written last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Written {
    /// None.
    Nothing,
    /// That it is being made.
    Pending,
    /// How it ended.
    Final,
}

/// A plan that is being made.
#[derive(Debug)]
pub(super) struct Flight {
    pub id: PlanId,
    pub tenant: TenantId,
    pub created_at: Timestamp,
    /// Under what others find it; `None` where each who asks has one of its own.
    key: Option<PlanKey>,
    pub cancel: Cancel,
    landed: watch::Sender<Option<Landed>>,
    /// How many wait, and whether it is made though nobody does.
    waiting: Mutex<(usize, bool)>,
    /// Held while a record is written, so that what is final comes last.
    pub written: tokio::sync::Mutex<Written>,
}

impl Flight {
    /// Waits for the end.
    pub(super) async fn landed(&self) -> Landed {
        let mut landed = self.landed.subscribe();
        let seen = landed.wait_for(Option::is_some).await.map(|landed| landed.clone());
        seen.ok().flatten().unwrap_or_else(|| Err(PlansError::broken("it was lost")))
    }

    /// Has it made to its end though nobody waits.
    pub(super) fn keep(&self) {
        self.waiting.lock().1 = true;
    }
}

/// A caller who waits. The last who leaves a plan that nobody was told to come back for has it ended.
#[derive(Debug)]
pub(super) struct Seat(pub Arc<Flight>);

impl Drop for Seat {
    fn drop(&mut self) {
        let mut waiting = self.0.waiting.lock();
        waiting.0 -= 1;
        if *waiting == (0, false) {
            self.0.cancel.cancel();
        }
    }
}

#[derive(Debug, Default)]
struct UnderWay {
    by_key: HashMap<(TenantId, PlanKey), Arc<Flight>>,
    by_id: HashMap<PlanId, Arc<Flight>>,
}

/// The plans that are being made.
#[derive(Debug, Default)]
pub(super) struct Flights(Mutex<UnderWay>);

/// Whoever makes a plan. One that is lost on the way, by a panic, ends as failed.
pub(super) struct Pilot {
    flights: Arc<Flights>,
    pub flight: Arc<Flight>,
}

impl Flights {
    /// Joins the making of the same plan, or starts one, which is then for the caller to make.
    pub(super) fn board(
        self: &Arc<Self>,
        tenant: &TenantId,
        key: Option<PlanKey>,
        (id, created_at): (PlanId, Timestamp),
    ) -> (Seat, Option<Pilot>) {
        let mut under_way = self.0.lock();
        let place = key.map(|key| (tenant.clone(), key));
        if let Some(flight) = place.as_ref().and_then(|place| under_way.by_key.get(place)) {
            let mut waiting = flight.waiting.lock();
            // One that was given up is not taken up again.
            if !flight.cancel.is_cancelled() {
                waiting.0 += 1;
                return (Seat(Arc::clone(flight)), None);
            }
        }
        let flight = Arc::new(Flight {
            id,
            tenant: tenant.clone(),
            created_at,
            key,
            cancel: Cancel::default(),
            landed: watch::Sender::new(None),
            waiting: Mutex::new((1, false)),
            written: tokio::sync::Mutex::new(Written::Nothing),
        });
        under_way.by_id.insert(id, Arc::clone(&flight));
        if let Some(place) = place {
            under_way.by_key.insert(place, Arc::clone(&flight));
        }
        (Seat(Arc::clone(&flight)), Some(Pilot { flights: Arc::clone(self), flight }))
    }

    /// The one of this id.
    pub(super) fn get(&self, tenant: &TenantId, id: PlanId) -> Option<Arc<Flight>> {
        self.0.lock().by_id.get(&id).filter(|flight| flight.tenant == *tenant).cloned()
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.0.lock().by_id.len()
    }

    /// Ends all of them.
    pub(super) fn cancel_all(&self) {
        self.0.lock().by_id.values().for_each(|flight| flight.cancel.cancel());
    }
}

impl Pilot {
    /// Ends it: those who waited are told, and who comes later looks at what is stored.
    pub(super) fn land(self, landed: Landed) {
        self.leave();
        self.flight.landed.send_replace(Some(landed));
    }

    fn leave(&self) {
        let mut under_way = self.flights.0.lock();
        under_way.by_id.remove(&self.flight.id);
        let place = self.flight.key.map(|key| (self.flight.tenant.clone(), key));
        if let Some(place) = place
            && under_way.by_key.get(&place).is_some_and(|flight| Arc::ptr_eq(flight, &self.flight))
        {
            under_way.by_key.remove(&place);
        }
    }
}

impl Drop for Pilot {
    fn drop(&mut self) {
        self.leave();
        self.flight.landed.send_if_modified(|landed| {
            let lost = landed.is_none();
            if lost {
                *landed = Some(Err(PlansError::broken("the making of it broke off")));
            }
            lost
        });
    }
}
