//! Fits that are being made: of several who ask for the same one starts it, and all wait for it.

use super::NumericError;
use crate::domain::fit_record::{FitKey, FitRecord};
use crate::domain::ids::TenantId;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;
use tokio::sync::watch;

/// How it ended.
pub(super) type Landed = Result<Arc<FitRecord>, NumericError>;

type Place = (TenantId, FitKey);

/// The fits that are being made.
#[derive(Debug, Default)]
pub(super) struct FitFlights(Mutex<HashMap<Place, watch::Receiver<Option<Landed>>>>);

/// Who waits for a fit.
#[derive(Debug, Clone)]
pub(super) struct Seat(watch::Receiver<Option<Landed>>);

/// Whoever makes a fit. One that is lost on the way, by a panic, ends as failed.
#[derive(Debug)]
pub(super) struct Pilot {
    flights: Arc<FitFlights>,
    place: Place,
    landed: watch::Sender<Option<Landed>>,
}

impl FitFlights {
    /// Joins the making of the same fit, or starts one, which is then for the caller to make.
    pub(super) fn board(self: &Arc<Self>, place: Place) -> (Seat, Option<Pilot>) {
        let mut under_way = self.0.lock();
        if let Some(flight) = under_way.get(&place) {
            return (Seat(flight.clone()), None);
        }
        let (landed, seat) = watch::channel(None);
        under_way.insert(place.clone(), seat.clone());
        (Seat(seat), Some(Pilot { flights: Arc::clone(self), place, landed }))
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
    pub(super) async fn landed(mut self) -> Landed {
        let seen = self.0.wait_for(Option::is_some).await.map(|landed| landed.clone());
        seen.ok().flatten().unwrap_or_else(|| Err(NumericError::broken("the fit was lost")))
    }
}

impl Pilot {
    /// Ends it: those who waited are told, and who comes later looks at what is there.
    pub(super) fn land(self, landed: Landed) {
        self.flights.0.lock().remove(&self.place);
        self.landed.send_replace(Some(landed));
    }
}

impl Drop for Pilot {
    fn drop(&mut self) {
        let mut under_way = self.flights.0.lock();
        if self.landed.borrow().is_none() {
            under_way.remove(&self.place);
            drop(under_way);
            self.landed.send_replace(Some(Err(NumericError::broken("the fit broke off"))));
        }
    }
}
