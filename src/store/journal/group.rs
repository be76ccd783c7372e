//! The bytes of a segment of the journal.
//!
//! A segment begins with [`HEADER`], whose last byte is the version. Groups follow: four bytes of length, four bytes of CRC-32 over the
//! body, then the body, all numbers little-endian. A body is the moment at which it was written (eight bytes, microseconds) and its items:
//! one byte of what it is, four bytes of length and the key, and for a put four bytes of length and the record as the embedded store frames
//! it, which has a sum of its own over key and fields.
//!
//! Invariants: what was written reads back as the same; a group is read whole or not at all; no damage makes another record of one; the
//! groups before a damage are read.

use crate::domain::time::Timestamp;
use crate::store::codec::{self, CodecError};
use crate::store::record::{RecordKey, Write};
use std::ops::Range;

/// The first bytes of a segment.
pub(super) const HEADER: [u8; 8] = *b"INJRNAL\x01";

/// Bytes before the body of a group.
const HEAD_BYTES: usize = 8;

/// Bytes that a group may have. A backfill is an entry and an audit record, each of which is bounded far below by its parts.
pub(super) const GROUP_BYTES_MAX: usize = 16 << 20;

const PUT: u8 = 1;
const DELETE: u8 = 2;
const SUPERSEDED: u8 = 3;

/// What one item of a group says of its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum What {
    /// A record, which lies at these bytes of the group.
    Put(Range<usize>),
    /// No record any more.
    Delete,
    /// What was journaled of it before is out of date: the store was told something newer.
    Superseded,
}

/// One item of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Item {
    pub key: RecordKey,
    pub what: What,
}

/// A group as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Group {
    /// When it was journaled.
    pub at: Timestamp,
    pub items: Vec<Item>,
}

impl Group {
    /// How many writes the store is owed for it.
    pub(super) fn writes(&self) -> usize {
        self.items.iter().filter(|item| item.what != What::Superseded).count()
    }
}

/// How a segment ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// With a whole group.
    Whole,
    /// Within a group, as a kill leaves it. Nobody was told that this group was kept.
    Torn,
    /// Bytes in the middle are not what was written.
    Damaged,
    /// It was written by a later version.
    Later(u8),
}

/// The group of these writes, as bytes.
pub(super) fn of_writes(at: Timestamp, writes: &[Write]) -> Result<Vec<u8>, CodecError> {
    let mut body = begin(at);
    for write in writes {
        match write {
            Write::Put(record) => {
                let (key, bytes) = codec::encode(record)?;
                item(&mut body, PUT, &key);
                sized(&mut body, &bytes);
            }
            Write::Delete(key) => item(&mut body, DELETE, &key.to_string()),
        }
    }
    Ok(end(body))
}

/// The group that says that what was journaled under `keys` is out of date, as bytes.
pub(super) fn of_superseded<'a>(at: Timestamp, keys: impl Iterator<Item = &'a RecordKey>) -> Vec<u8> {
    let mut body = begin(at);
    keys.for_each(|key| item(&mut body, SUPERSEDED, &key.to_string()));
    end(body)
}

fn begin(at: Timestamp) -> Vec<u8> {
    let mut group = vec![0; HEAD_BYTES];
    group.extend_from_slice(&at.as_micros().to_le_bytes());
    group
}

fn item(group: &mut Vec<u8>, what: u8, key: &str) {
    group.push(what);
    sized(group, key.as_bytes());
}

fn sized(group: &mut Vec<u8>, bytes: &[u8]) {
    // Keys and records are bounded where they are made, far below four gigabytes.
    group.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
    group.extend_from_slice(bytes);
}

fn end(mut group: Vec<u8>) -> Vec<u8> {
    let body = group.get(HEAD_BYTES..).unwrap_or_default();
    let (length, sum) = ((body.len() as u32).to_le_bytes(), crc32fast::hash(body).to_le_bytes());
    if let Some(head) = group.get_mut(..HEAD_BYTES) {
        head[..4].copy_from_slice(&length);
        head[4..].copy_from_slice(&sum);
    }
    group
}

/// Reads the groups of a segment up to its end or to the first damage: for each where it lies, and what it says.
pub(super) fn read_segment(bytes: &[u8]) -> (Vec<(Range<usize>, Group)>, Ending) {
    let mut groups = Vec::new();
    let Some((header, _)) = bytes.split_first_chunk::<8>() else { return (groups, Ending::Torn) };
    if header[..7] != HEADER[..7] {
        return (groups, if header.iter().all(|byte| *byte == 0) { Ending::Torn } else { Ending::Damaged });
    }
    if header[7] != HEADER[7] {
        return (groups, Ending::Later(header[7]));
    }
    let mut at = HEADER.len();
    loop {
        let rest = bytes.get(at..).unwrap_or_default();
        if rest.is_empty() {
            return (groups, Ending::Whole);
        }
        match read_group(rest) {
            Ok((length, group)) => {
                groups.push((at..at + length, group));
                at += length;
            }
            Err(ending) => return (groups, ending),
        }
    }
}

/// Reads the group that begins `bytes`, and how many of them it has.
pub(super) fn read_group(bytes: &[u8]) -> Result<(usize, Group), Ending> {
    // A file that had grown before its bytes were there is zero behind them.
    let bad = if bytes.iter().all(|byte| *byte == 0) { Ending::Torn } else { Ending::Damaged };
    let Some((length, rest)) = bytes.split_first_chunk::<4>() else { return Err(Ending::Torn) };
    let Some((sum, rest)) = rest.split_first_chunk::<4>() else { return Err(Ending::Torn) };
    let length = u32::from_le_bytes(*length) as usize;
    if length > GROUP_BYTES_MAX {
        return Err(bad);
    }
    let Some(body) = rest.get(..length) else { return Err(Ending::Torn) };
    if *sum != crc32fast::hash(body).to_le_bytes() {
        // The last group may have been cut short in its middle, where the disk wrote its pages in another order.
        return Err(if rest.len() == length { Ending::Torn } else { bad });
    }
    read_body(body).map(|group| (HEAD_BYTES + length, group)).ok_or(bad)
}

fn read_body(body: &[u8]) -> Option<Group> {
    let (at, mut rest) = body.split_first_chunk::<8>()?;
    let mut items = Vec::new();
    while let Some((what, behind)) = rest.split_first() {
        let (key, behind) = read_sized(behind)?;
        let key = RecordKey::parse(std::str::from_utf8(key).ok()?)?;
        let (what, behind) = match *what {
            PUT => {
                let (record, behind) = read_sized(behind)?;
                let end = HEAD_BYTES + body.len() - behind.len();
                (What::Put(end - record.len()..end), behind)
            }
            DELETE => (What::Delete, behind),
            SUPERSEDED => (What::Superseded, behind),
            _ => return None,
        };
        items.push(Item { key, what });
        rest = behind;
    }
    Some(Group { at: Timestamp::from_micros(i64::from_le_bytes(*at)), items })
}

fn read_sized(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    rest.split_at_checked(usize::try_from(u32::from_le_bytes(*length)).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::sample::{self, moment, same};
    use crate::store::{Record, codec};
    use proptest::prelude::*;
    use proptest::sample::Index;

    fn fixed() -> Vec<u8> {
        let writes =
            [Write::Put(sample::fixed_entry()), Write::Put(sample::fixed_decision()), Write::Delete(sample::fixed_text().key())];
        let group = of_writes(moment(), &writes).unwrap();
        let key = sample::fixed_component().key();
        [&HEADER[..], &group, &of_superseded(moment(), std::iter::once(&key))].concat()
    }

    fn records(bytes: &[u8], (range, group): &(Range<usize>, Group)) -> Vec<Record> {
        let group_bytes = &bytes[range.clone()];
        let read = |item: &Item| match &item.what {
            What::Put(at) => Some(codec::decode(item.key.to_string().as_bytes(), &group_bytes[at.clone()]).unwrap()),
            _ => None,
        };
        group.items.iter().filter_map(read).collect()
    }

    #[test]
    fn a_segment_of_any_version_still_reads_and_the_latest_is_what_is_written() {
        let bytes = include_bytes!("fixtures/segment.v1.bin");
        assert_eq!(bytes[..], fixed()[..], "the format changed and its number did not");
        let (groups, ending) = read_segment(bytes);
        assert_eq!((groups.len(), ending), (2, Ending::Whole));
        assert_eq!((groups[0].1.at, groups[0].1.writes(), groups[1].1.writes()), (moment(), 3, 0));
        let read = records(bytes, &groups[0]);
        assert!(same(&read[0], &sample::fixed_entry()) && same(&read[1], &sample::fixed_decision()));
        assert_eq!(groups[0].1.items[2], Item { key: sample::fixed_text().key(), what: What::Delete });
        assert_eq!(groups[1].1.items, [Item { key: sample::fixed_component().key(), what: What::Superseded }]);
    }

    #[test]
    #[ignore = "writes the fixture of a new version; run by hand, once, when the version is raised"]
    fn write_fixture() {
        std::fs::write(format!("src/store/journal/fixtures/segment.v{}.bin", HEADER[7]), fixed()).unwrap();
    }

    #[test]
    fn a_segment_of_a_later_version_is_told_from_a_damaged_one() {
        let mut bytes = fixed();
        bytes[7] = 9;
        assert_eq!(read_segment(&bytes).1, Ending::Later(9));
        bytes[0] = b'X';
        assert_eq!(read_segment(&bytes).1, Ending::Damaged);
        assert_eq!(read_segment(&[0; 64]).1, Ending::Torn);
    }

    /// Segments of one to five groups, with where each group ends.
    fn segment() -> impl Strategy<Value = (Vec<u8>, Vec<usize>, Vec<Vec<Record>>)> {
        let group = prop::collection::vec(prop_oneof![sample::entry(), sample::decision()], 1..3);
        prop::collection::vec(group, 1..6).prop_map(|groups| {
            let (mut bytes, mut ends) = (HEADER.to_vec(), Vec::new());
            for records in &groups {
                let writes: Vec<Write> = records.iter().cloned().map(Write::Put).collect();
                bytes.extend(of_writes(moment(), &writes).unwrap());
                ends.push(bytes.len());
            }
            (bytes, ends, groups)
        })
    }

    fn reads_the_first(bytes: &[u8], count: usize, expected: &[Vec<Record>]) -> Result<Ending, TestCaseError> {
        let (groups, ending) = read_segment(bytes);
        prop_assert_eq!(groups.len(), count);
        for (group, expected) in groups.iter().zip(expected) {
            let read = records(bytes, group);
            prop_assert!(read.len() == expected.len() && read.iter().zip(expected).all(|(a, b)| same(a, b)));
        }
        Ok(ending)
    }

    proptest! {
        #[test]
        fn a_cut_loses_the_group_that_it_falls_into_and_what_follows_and_nothing_else((bytes, ends, groups) in segment(), cut: Index) {
            let cut = cut.index(bytes.len() + 1);
            let whole = ends.iter().filter(|end| **end <= cut).count();
            let ending = reads_the_first(&bytes[..cut], whole, &groups)?;
            let expected = if cut == HEADER.len() || ends.contains(&cut) { Ending::Whole } else { Ending::Torn };
            prop_assert_eq!(ending, expected);
            // A file may have grown before its bytes were there.
            let grown = [&bytes[..cut], &[0; 40]].concat();
            if expected == Ending::Whole {
                prop_assert_eq!(reads_the_first(&grown, whole, &groups)?, Ending::Torn);
            }
        }

        #[test]
        fn a_damage_never_makes_another_record_and_leaves_what_stands_before_it(
            (mut bytes, ends, groups) in segment(), at: Index, bit in 0_u8..8,
        ) {
            let at = HEADER.len() + at.index(bytes.len() - HEADER.len());
            bytes[at] ^= 1 << bit;
            let before = ends.iter().filter(|end| **end <= at).count();
            let ending = reads_the_first(&bytes, before, &groups)?;
            prop_assert!(ending != Ending::Whole);
        }

        #[test]
        fn no_bytes_make_the_reader_panic(bytes: Vec<u8>, body: Vec<u8>) {
            let _ = read_segment(&bytes);
            let _ = read_segment(&[&HEADER[..], &bytes].concat());
            let forged = [&(body.len() as u32).to_le_bytes()[..], &crc32fast::hash(&body).to_le_bytes(), &body].concat();
            let _ = read_group(&forged);
        }
    }
}
