//! Records of which this process does not know whether its write of them is stored.
//!
//! A commit whose answer was lost may be stored, or may still come to be; one that waits in a journal will be. Memory went one way and the
//! store perhaps the other. So they are read anew as soon as the store answers, and once more with each change of theirs that this process
//! seems to have made itself, until such a change can no longer come.

use crate::store::RecordKey;
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// How long after the store was last away a write that was begun before may still take effect.
const LASTS: Duration = Duration::from_secs(120);

/// As many as are remembered. Past it memory is held against the whole store.
const MOST: usize = 65_536;

#[derive(Debug, Default)]
pub(super) struct Doubts {
    // Since when, and whether it was read anew since.
    keys: HashMap<RecordKey, (Instant, bool)>,
    failed: Option<Instant>,
    unread: usize,
    too_many: bool,
}

impl Doubts {
    /// These may be stored or not.
    pub(super) fn add(&mut self, keys: impl IntoIterator<Item = RecordKey>) {
        for key in keys {
            if self.has_room_for(&key) {
                let before = self.keys.insert(key, (Instant::now(), false));
                self.unread += usize::from(before.is_none_or(|(_, read)| read));
            }
        }
    }

    /// Memory has these already, and they may be stored at any time.
    pub(super) fn expect(&mut self, keys: impl IntoIterator<Item = RecordKey>) {
        for key in keys {
            if self.has_room_for(&key) {
                self.keys.entry(key).or_insert((Instant::now(), true));
            }
        }
    }

    fn has_room_for(&mut self, key: &RecordKey) -> bool {
        let room = self.keys.len() < MOST || self.keys.contains_key(key);
        self.too_many |= !room;
        room
    }

    /// Whether there were more than are remembered since this was last asked.
    pub(super) fn were_too_many(&mut self) -> bool {
        std::mem::take(&mut self.too_many)
    }

    pub(super) fn has(&self, key: &RecordKey) -> bool {
        !self.keys.is_empty() && self.keys.contains_key(key)
    }

    pub(super) fn unread(&self) -> impl Iterator<Item = &RecordKey> {
        let some = self.unread > 0;
        some.then(|| self.keys.iter().filter(|(_, (_, read))| !read).map(|(key, _)| key)).into_iter().flatten()
    }

    /// The store did not answer.
    pub(super) fn store_failed(&mut self) {
        self.failed = Some(Instant::now());
    }

    /// All that [`Self::unread`] gave at `moment` was read anew.
    pub(super) fn looked_at(&mut self, moment: Instant) {
        if self.keys.is_empty() {
            return;
        }
        let (failed, now) = (self.failed, Instant::now());
        self.keys.values_mut().for_each(|(since, read)| *read |= *since < moment);
        self.unread = self.keys.values().filter(|(_, read)| !read).count();
        self.keys.retain(|_, (since, _)| now.saturating_duration_since(failed.map_or(*since, |at| at.max(*since))) < LASTS);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::TenantId;

    fn key(tag: &str) -> RecordKey {
        RecordKey::TagEnd { tenant: TenantId::default_tenant(), tag: tag.to_owned() }
    }

    #[test]
    fn what_was_read_anew_stays_in_doubt_for_changes_that_come_late() {
        let mut doubts = Doubts::default();
        doubts.add([key("a")]);
        assert_eq!(doubts.unread().collect::<Vec<_>>(), [&key("a")]);
        doubts.looked_at(Instant::now());
        assert!(doubts.unread().next().is_none() && doubts.has(&key("a")) && !doubts.has(&key("b")));
        doubts.add([key("a")]);
        assert_eq!(doubts.unread().count(), 1, "it failed again");
        doubts.looked_at(Instant::now().checked_sub(LASTS).unwrap());
        assert_eq!(doubts.unread().count(), 1, "it came after what was read");
    }

    #[test]
    fn what_is_only_expected_is_not_read_before_its_change_comes() {
        let mut doubts = Doubts::default();
        doubts.expect([key("a")]);
        assert!(doubts.unread().next().is_none() && doubts.has(&key("a")));
    }

    #[test]
    fn more_doubts_than_are_remembered_are_told_once() {
        let mut doubts = Doubts::default();
        doubts.add((0..MOST).map(|n| key(&n.to_string())));
        assert!(!doubts.were_too_many());
        doubts.add([key("one more"), key("0")]);
        assert!(doubts.were_too_many() && !doubts.were_too_many());
    }

    #[test]
    fn a_doubt_ends_long_after_the_store_was_last_away() {
        let mut doubts = Doubts::default();
        let long_ago = Instant::now().checked_sub(LASTS).unwrap();
        doubts.keys.insert(key("a"), (long_ago, true));
        doubts.failed = Some(Instant::now());
        doubts.looked_at(Instant::now());
        assert!(doubts.has(&key("a")));
        doubts.failed = Some(long_ago);
        doubts.looked_at(Instant::now());
        assert!(!doubts.has(&key("a")));
    }
}
