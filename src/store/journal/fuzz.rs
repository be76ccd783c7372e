//! What the fuzzer gives to the reader of segments.

use super::group::{HEADER, What, of_superseded, of_writes, read_group, read_segment};
use crate::domain::time::Timestamp;
use crate::store::codec;
use crate::store::record::Write;

/// Reads bytes as a segment, as what stands behind its header, and as a body with a right sum. What a group says to be a record lies within
/// it; what of it is readable is written and read again as the same.
pub fn segment(bytes: &[u8]) {
    read(bytes);
    read(&[&HEADER[..], bytes].concat());
    let framed = [&(bytes.len() as u32).to_le_bytes()[..], &crc32fast::hash(bytes).to_le_bytes(), bytes].concat();
    let _ = read_group(&framed);
    read(&[&HEADER[..], &framed, &framed].concat());
}

fn read(segment: &[u8]) {
    let (groups, _) = read_segment(segment);
    for (range, group) in groups {
        let bytes = &segment[range];
        let mut writes = Vec::new();
        for item in &group.items {
            match &item.what {
                What::Put(at) => {
                    let record = codec::decode(item.key.to_string().as_bytes(), &bytes[at.clone()]);
                    writes.extend(record.ok().map(Write::Put));
                }
                What::Delete => writes.push(Write::Delete(item.key.clone())),
                What::Superseded => {}
            }
        }
        let _ = of_superseded(group.at, group.items.iter().map(|item| &item.key));
        if let Ok(again) = of_writes(Timestamp::from_micros(group.at.as_micros()), &writes) {
            let read = read_group(&again).map(|(length, group)| (length, group.writes()));
            assert_eq!(read, Ok((again.len(), writes.len())));
        }
    }
}
