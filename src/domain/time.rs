//! Moments and the clock.
//!
//! A [`Timestamp`] is microseconds since the Unix epoch. On the wire it is RFC 3339 with an offset.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// A moment, in microseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// Why a text is not a moment.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{text}` is not a time: RFC 3339 with an offset is expected, such as 2025-03-14T12:30:00Z")]
pub struct TimeError {
    /// What was given, cut to a printable length.
    pub text: String,
}

impl Timestamp {
    /// The moment `micros` microseconds after the epoch, held within the years that RFC 3339 can print.
    pub fn from_micros(micros: i64) -> Self {
        Self(micros.clamp(-62_135_596_800_000_000, 253_402_207_200_000_000))
    }

    /// Microseconds since the epoch.
    pub fn as_micros(self) -> i64 {
        self.0
    }

    /// Milliseconds since the epoch, rounded down.
    pub fn as_millis(self) -> i64 {
        self.0.div_euclid(1_000)
    }

    /// Reads RFC 3339 with an offset. A date without a time, or a time without an offset, is refused.
    ///
    /// # Errors
    /// [`TimeError`] with the text that was given.
    pub fn parse(text: &str) -> Result<Self, TimeError> {
        let refused = || TimeError { text: text.chars().take(64).collect() };
        // The parser of the calendar library also takes a blank for the `T` and annotations in brackets, which
        // RFC 3339 as other programs read it does not have.
        let shape_ok = text.len() <= 40 && matches!(text.as_bytes().get(10), Some(b'T' | b't')) && !text.contains('[');
        if !shape_ok {
            return Err(refused());
        }
        let moment: jiff::Timestamp = text.parse().map_err(|_| refused())?;
        Ok(Self::from_micros(moment.as_microsecond()))
    }

    /// This moment plus `millis` milliseconds, saturating.
    pub fn plus_millis(self, millis: i64) -> Self {
        Self::from_micros(self.0.saturating_add(millis.saturating_mul(1_000)))
    }

    /// This moment plus `seconds` seconds, saturating.
    pub fn plus_seconds(self, seconds: u64) -> Self {
        let seconds = i64::try_from(seconds).unwrap_or(i64::MAX);
        Self::from_micros(self.0.saturating_add(seconds.saturating_mul(1_000_000)))
    }

    /// Milliseconds from `earlier` to this moment; negative where `earlier` is later.
    pub fn millis_since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0).div_euclid(1_000)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_microsecond(self.0) {
            Ok(moment) => write!(f, "{moment}"),
            Err(_) => write!(f, "{}us", self.0),
        }
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

/// Where the time of day comes from, so that a test can move it.
#[derive(Clone, Debug)]
pub enum Clock {
    /// The machine's clock.
    System,
    /// A clock that a test sets by hand, in microseconds since the epoch.
    Manual(Arc<AtomicI64>),
}

impl Clock {
    /// A clock that stands still at `start` until it is moved.
    pub fn manual(start: Timestamp) -> Self {
        Self::Manual(Arc::new(AtomicI64::new(start.as_micros())))
    }

    /// The present moment.
    pub fn now(&self) -> Timestamp {
        match self {
            Self::System => Timestamp::from_micros(jiff::Timestamp::now().as_microsecond()),
            Self::Manual(at) => Timestamp::from_micros(at.load(Ordering::Relaxed)),
        }
    }

    /// Moves a manual clock by `millis`, backwards too; the machine's clock is left alone.
    pub fn advance_millis(&self, millis: i64) {
        if let Self::Manual(at) = self {
            at.fetch_add(millis.saturating_mul(1_000), Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_time_without_an_offset_or_without_a_time_of_day_is_refused() {
        for text in ["2025-03-14T12:30:00", "2025-03-14", "2025-03-14 12:30:00Z", "", "yesterday", "2025-13-01T00:00:00Z"] {
            assert!(Timestamp::parse(text).is_err(), "{text}");
        }
        let text = "2025-03-14T12:30:00+02:00[Europe/Paris]";
        assert!(Timestamp::parse(text).is_err(), "{text}");
    }

    #[test]
    fn offsets_are_resolved_to_one_moment() {
        let utc = Timestamp::parse("2025-03-14T12:30:00Z").unwrap();
        assert_eq!(utc, Timestamp::parse("2025-03-14T08:30:00-04:00").unwrap());
        assert_eq!(utc.to_string(), "2025-03-14T12:30:00Z");
    }

    proptest! {
        #[test]
        fn what_is_printed_reads_back_as_the_same_moment(micros in -30_000_000_000_000_000_i64..200_000_000_000_000_000) {
            let moment = Timestamp::from_micros(micros);
            prop_assert_eq!(Timestamp::parse(&moment.to_string()).unwrap(), moment);
        }

        #[test]
        fn no_text_makes_the_reader_panic(text in "\\PC{0,48}") {
            let _ = Timestamp::parse(&text);
        }
    }
}
