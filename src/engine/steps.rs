//! What an engine tells while it is at work.

use crate::limits::STEPS_MAX;
use parking_lot::Mutex;
use serde::Serialize;
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::watch;

/// One thing that happened on the way to a decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Step {
    /// What, such as `news_sentiment`.
    pub step: String,
    /// In words.
    pub detail: String,
    /// Milliseconds since the request came in.
    pub at_ms: u64,
}

/// Where an engine tells its steps, and whoever wants reads them. Clones share one list, which holds the first few dozen.
#[derive(Debug, Clone)]
pub struct Steps {
    list: Arc<Mutex<Vec<Step>>>,
    told: Arc<watch::Sender<usize>>,
    since: Instant,
}

impl Steps {
    /// An empty list that counts time from `since`.
    pub fn new(since: Instant) -> Self {
        Self { list: Arc::default(), told: Arc::new(watch::Sender::new(0)), since }
    }

    /// Tells a step. What is told beyond the room of the list is left out.
    pub fn tell(&self, step: &str, detail: impl Into<String>) {
        let mut list = self.list.lock();
        if list.len() < STEPS_MAX {
            let at_ms = u64::try_from(self.since.elapsed().as_millis()).unwrap_or(u64::MAX);
            list.push(Step { step: step.to_owned(), detail: detail.into(), at_ms });
            self.told.send_replace(list.len());
        }
    }

    /// The steps from the `from`th on.
    pub fn from(&self, from: usize) -> Vec<Step> {
        self.list.lock().get(from..).unwrap_or_default().to_vec()
    }

    /// Waits until more than `known` steps were told.
    pub async fn more_than(&self, known: usize) {
        // It fails only once the sender is gone, and `self` holds it.
        let _ = self.told.subscribe().wait_for(|told| *told > known).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_step_that_was_told_wakes_who_waits_for_it_and_the_list_is_bounded() {
        let steps = Steps::new(Instant::now());
        let teller = steps.clone();
        let waits = tokio::spawn(async move {
            steps.more_than(0).await;
            steps.from(0)
        });
        for i in 0..=STEPS_MAX {
            teller.tell("agent", format!("{i}"));
        }
        assert_eq!(waits.await.unwrap()[0].detail, "0");
        assert_eq!(teller.from(0).len(), STEPS_MAX);
        assert!(teller.from(STEPS_MAX + 1).is_empty());
    }
}
