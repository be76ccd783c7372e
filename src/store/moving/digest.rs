//! A checksum of a set of records that does not depend on their order.
//!
//! Each record has a BLAKE3 of its key and its fields; the checksum of a set is the sum of those of its records (Bellare and Micciancio,
//! "A New Paradigm for Collision-Free Hashing: Incrementality at Reduced Cost", EUROCRYPT 1997). The fields are those that a
//! record has in either store, so the sums of two stores compare.

use crate::store::codec::{self, CodecError};
use crate::store::record::Record;
use serde::{Serialize, Serializer};
use std::fmt;

/// The checksum of a set of records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Checksum([u64; 4]);

impl Checksum {
    /// That of one record.
    ///
    /// # Errors
    /// [`CodecError`] where the record could not be stored.
    pub fn of(record: &Record) -> Result<Self, CodecError> {
        let mut hasher = blake3::Hasher::new_derive_key("instinct record v1");
        let mut part = |bytes: &[u8]| {
            // A length before each part keeps ("ab", "c") apart from ("a", "bc").
            hasher.update(&(bytes.len() as u64).to_le_bytes());
            hasher.update(bytes);
        };
        part(record.key().to_string().as_bytes());
        for (name, bytes) in codec::to_fields(record)?.pairs() {
            part(name.as_bytes());
            part(bytes);
        }
        let mut words = [0; 4];
        for (word, bytes) in words.iter_mut().zip(hasher.finalize().as_bytes().as_chunks::<8>().0) {
            *word = u64::from_le_bytes(*bytes);
        }
        Ok(Self(words))
    }

    /// Adds a record to the set.
    pub fn add(&mut self, other: Self) {
        for (sum, word) in self.0.iter_mut().zip(other.0) {
            *sum = sum.wrapping_add(word);
        }
    }
}

impl fmt::Display for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|word| write!(f, "{word:016x}"))
    }
}

impl Serialize for Checksum {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::sample;
    use proptest::prelude::*;

    fn sum<'a>(records: impl IntoIterator<Item = &'a Record>) -> Checksum {
        let mut sum = Checksum::default();
        records.into_iter().for_each(|record| sum.add(Checksum::of(record).unwrap()));
        sum
    }

    #[test]
    fn a_sum_does_not_depend_on_the_order_and_tells_what_is_missing_doubled_or_changed() {
        let all = sample::one_of_each();
        assert_eq!(sum(&all), sum(all.iter().rev()));
        assert_ne!(sum(&all), sum(&all[1..]));
        assert_ne!(sum(&all), sum(all.iter().chain([&all[0]])));
        assert_ne!(sum(&all[..1]), sum([&Record::Component(sample::component_of("acme", "news:01J", "other").into())]));
    }

    proptest! {
        #[test]
        fn a_record_that_was_stored_and_read_has_the_sum_that_it_had(record in prop_oneof![
            sample::component(), sample::text(), sample::entry(), sample::decision(), sample::tag_end(), sample::judgement(), sample::market(),
            sample::audit_event(), sample::audit_chain(),
        ]) {
            let (key, bytes) = codec::encode(&record).unwrap();
            prop_assert_eq!(Checksum::of(&record), Checksum::of(&codec::decode(key.as_bytes(), &bytes).unwrap()));
        }
    }
}
