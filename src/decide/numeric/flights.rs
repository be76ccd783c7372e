//! Fits that are being made: of several who ask for the same one starts it, and all wait for it.
//!
//! Who leaves before the end, as a caller whose connection closes, waits no more; a fit that nobody waits for is given up. Who only had no
//! more time was told that the fit goes on, and so it does.

use super::NumericError;
use crate::domain::fit_record::{FitKey, FitRecord};
use crate::domain::ids::TenantId;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::watch;

/// How it ended.
pub(super) type Landed = Result<Arc<FitRecord>, NumericError>;

type Place = (TenantId, FitKey);

/// A fit that is being made.
#[derive(Debug)]
struct Flight {
    landed: watch::Sender<Option<Landed>>,
    /// How many wait, and whether it is made though nobody does.
    waiting: Mutex<(usize, bool)>,
    given_up: Arc<AtomicBool>,
}

/// The fits that are being made.
#[derive(Debug, Default)]
pub(super) struct FitFlights(Mutex<HashMap<Place, Arc<Flight>>>);

/// Who waits for a fit. The last who leaves one that nobody was told to come back for has it given up.
#[derive(Debug)]
pub(super) struct Seat(Arc<Flight>);

/// Whoever makes a fit. One that is lost on the way, by a panic, ends as failed.
#[derive(Debug)]
pub(super) struct Pilot {
    flights: Arc<FitFlights>,
    place: Place,
    flight: Arc<Flight>,
}

impl FitFlights {
    /// Joins the making of the same fit, or starts one, which is then for the caller to make.
    pub(super) fn board(self: &Arc<Self>, place: Place) -> (Seat, Option<Pilot>) {
        let mut under_way = self.0.lock();
        if let Some(flight) = under_way.get(&place) {
            let mut waiting = flight.waiting.lock();
            // One that was given up is not taken up again.
            if !flight.given_up.load(Ordering::Acquire) {
                waiting.0 += 1;
                return (Seat(Arc::clone(flight)), None);
            }
        }
        let flight =
            Arc::new(Flight { landed: watch::Sender::new(None), waiting: Mutex::new((1, false)), given_up: Arc::default() });
        under_way.insert(place.clone(), Arc::clone(&flight));
        (Seat(Arc::clone(&flight)), Some(Pilot { flights: Arc::clone(self), place, flight }))
    }

    /// Whether this fit is being made.
    pub(super) fn has(&self, place: &Place) -> bool {
        self.0.lock().contains_key(place)
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.0.lock().len()
    }
}

impl Seat {
    /// Waits for the end.
    pub(super) async fn landed(&self) -> Landed {
        let mut landed = self.0.landed.subscribe();
        let seen = landed.wait_for(Option::is_some).await.map(|landed| landed.clone());
        seen.ok().flatten().unwrap_or_else(|| Err(NumericError::broken("the fit was lost")))
    }

    /// Has it made to its end though nobody waits.
    pub(super) fn keep(&self) {
        self.0.waiting.lock().1 = true;
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut waiting = self.0.waiting.lock();
        waiting.0 -= 1;
        if *waiting == (0, false) {
            self.0.given_up.store(true, Ordering::Release);
        }
    }
}

impl Pilot {
    /// Tells whether nobody waits for it any more.
    pub(super) fn given_up(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.flight.given_up)
    }

    /// Ends it: those who waited are told, and who comes later looks at what is there.
    pub(super) fn land(self, landed: Landed) {
        self.leave();
        self.flight.landed.send_replace(Some(landed));
    }

    /// Makes room for the next, unless that has come already.
    fn leave(&self) {
        let mut under_way = self.flights.0.lock();
        if under_way.get(&self.place).is_some_and(|flight| Arc::ptr_eq(flight, &self.flight)) {
            under_way.remove(&self.place);
        }
    }
}

impl Drop for Pilot {
    fn drop(&mut self) {
        self.leave();
        self.flight.landed.send_if_modified(|landed| {
            let lost = landed.is_none();
            if lost {
                *landed = Some(Err(NumericError::broken("the fit broke off")));
            }
            lost
        });
    }
}
