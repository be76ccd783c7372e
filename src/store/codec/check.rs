//! What every kind of record is held to.

use super::{FORMAT, frame};
use crate::store::Record;
use crate::store::sample::same;
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::TestCaseError;

/// What can happen to bytes.
#[derive(Debug)]
pub(super) enum Damage {
    /// The end is lost.
    Cut(Index),
    /// One bit turns over.
    Flip(Index, u8),
    /// Something is appended.
    Grown(u8),
    /// Bytes of a field are overwritten, and the sum is made right again: what a faulty writer would leave.
    Forged(Index, Vec<u8>),
    /// Other bytes altogether.
    Replaced(Vec<u8>),
}

pub(super) fn damage() -> impl Strategy<Value = Damage> {
    prop_oneof![
        any::<Index>().prop_map(Damage::Cut),
        (any::<Index>(), 0_u8..8).prop_map(|(at, bit)| Damage::Flip(at, bit)),
        any::<u8>().prop_map(Damage::Grown),
        (any::<Index>(), any::<Vec<u8>>()).prop_map(|(at, bytes)| Damage::Forged(at, bytes)),
        any::<Vec<u8>>().prop_map(Damage::Replaced),
    ]
}

pub(super) fn reads_back(record: &Record) -> Result<(), TestCaseError> {
    let (key, bytes) = super::encode(record).unwrap();
    let read = super::decode(key.as_bytes(), &bytes).unwrap();
    prop_assert!(same(record, &read), "{record:?} reads back as {read:?}");
    let fields = super::to_fields(record).unwrap();
    let format = FORMAT.to_string();
    let pairs = fields.pairs().chain([(super::FORMAT_FIELD, format.as_bytes())]);
    let from_hash = super::Fields::from_pairs(record.kind(), pairs).unwrap();
    let read = super::from_fields(&record.key(), &from_hash).unwrap();
    prop_assert!(same(record, &read), "{record:?} reads back from a hash as {read:?}");
    Ok(())
}

pub(super) fn damage_is_noticed(record: &Record, damage: &Damage) -> Result<(), TestCaseError> {
    let (key, mut bytes) = super::encode(record).unwrap();
    match damage {
        Damage::Cut(at) => bytes.truncate(at.index(bytes.len())),
        Damage::Flip(at, bit) => {
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
        }
        Damage::Grown(byte) => bytes.push(*byte),
        Damage::Forged(at, with) => {
            let mut body = bytes.split_off(5);
            let at = at.index(body.len());
            let end = body.len().min(at + with.len());
            body[at..end].copy_from_slice(&with[..end - at]);
            bytes = [&[FORMAT][..], &frame::checksum(&key, &body), &body].concat();
            // Whatever it is now, reading it must not panic, and it may well be a record.
            let _ = super::decode(key.as_bytes(), &bytes);
            return Ok(());
        }
        Damage::Replaced(with) => bytes.clone_from(with),
    }
    prop_assert!(super::decode(key.as_bytes(), &bytes).is_err());
    Ok(())
}

/// Old bytes must read for ever; and while the format is theirs, they are what is written today.
pub(super) fn fixture_reads(record: &Record, bytes: &[u8]) {
    let (key, written) = super::encode(record).unwrap();
    let read = super::decode(key.as_bytes(), bytes).unwrap();
    assert!(same(record, &read), "{record:?} reads as {read:?}");
    if bytes.first() == Some(&FORMAT) {
        assert_eq!(written, bytes, "the format changed and its number did not");
    }
}

#[test]
fn bytes_under_the_key_of_another_record_are_not_served_as_that_record() {
    use crate::store::sample;
    let (_, bytes) = super::encode(&sample::fixed_decision()).unwrap();
    let other = Record::Decision(sample::decision_of("other", sample::moment(), 7)).key().to_string();
    assert!(super::decode(other.as_bytes(), &bytes).is_err());
    assert!(super::decode(b"\xff{}", &bytes).is_err());
}

#[test]
fn a_field_of_a_newer_writer_is_refused_by_name() {
    let pairs = [("format", &b"1"[..]), ("mood", b"good")];
    let error = super::Fields::from_pairs(crate::store::RecordKind::Entry, pairs.into_iter()).unwrap_err();
    assert!(error.to_string().contains("`mood`"), "{error}");
    let pairs = [("format", &b"3"[..])];
    assert_eq!(super::Fields::from_pairs(crate::store::RecordKind::Entry, pairs.into_iter()).unwrap_err(), super::Fault::Format);
}

#[test]
fn no_number_and_no_name_is_given_twice() {
    for kind in crate::store::RecordKind::ALL {
        let table = super::table(kind);
        let numbers: std::collections::BTreeSet<u8> = table.iter().map(|field| field.number).collect();
        let names: std::collections::BTreeSet<&str> = table.iter().map(|field| field.name).collect();
        assert_eq!((numbers.len(), names.len()), (table.len(), table.len()), "{kind:?}");
    }
}

#[test]
#[ignore = "writes the fixtures of a new format; run by hand, once, when FORMAT is raised"]
fn write_fixtures() {
    use crate::store::sample;
    for record in sample::one_of_each() {
        let name = format!("src/store/codec/fixtures/{}.v{FORMAT}.bin", record.kind().as_str());
        std::fs::write(name, super::encode(&record).unwrap().1).unwrap();
    }
}
