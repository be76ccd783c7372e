//! How long requests wait for a server that doesn't answer: a few of them for their whole time, and then one now and again.
//!
//! A server that is down refuses at once and costs nobody anything. One that hangs would cost each look all the time that it may take.

use parking_lot::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// Looks in a row that wait in vain before the server is left alone.
const TRIES: u32 = 3;

/// How long it is left alone; then one look tries again.
const PAUSE: Duration = Duration::from_millis(500);

/// Whether the server is worth asking.
#[derive(Debug, Default)]
pub(super) struct Patience {
    in_vain: AtomicU32,
    until: Mutex<Option<Instant>>,
}

impl Patience {
    /// Whether a look is to ask. After a pause just one is, until it has ended.
    pub(super) fn asks(&self) -> bool {
        if self.in_vain.load(Ordering::Relaxed) < TRIES {
            return true;
        }
        let now = Instant::now();
        let mut until = self.until.lock();
        let due = until.is_none_or(|until| until <= now);
        if due {
            *until = Some(now + PAUSE);
        }
        due
    }

    /// Notes how a look ended.
    pub(super) fn ended(&self, answered: bool) {
        if answered {
            self.in_vain.store(0, Ordering::Relaxed);
        } else if self.in_vain.fetch_add(1, Ordering::Relaxed) + 1 >= TRIES {
            *self.until.lock() = Some(Instant::now() + PAUSE);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_in_vain_and_it_is_left_alone_until_one_tries_again() {
        let patience = Patience::default();
        for _ in 0..TRIES {
            assert!(patience.asks());
            patience.ended(false);
        }
        assert!(!patience.asks());
        *patience.until.lock() = Some(Instant::now());
        assert!(patience.asks() && !patience.asks(), "one tries, and the others wait for it");
        patience.ended(false);
        assert!(!patience.asks());
        *patience.until.lock() = Some(Instant::now());
        assert!(patience.asks());
        patience.ended(true);
        assert!(patience.asks() && patience.asks());
    }

    #[test]
    fn now_and_then_one_in_vain_changes_nothing() {
        let patience = Patience::default();
        for n in 0..30 {
            assert!(patience.asks());
            patience.ended(n % TRIES == 0);
        }
    }
}
