//! The framing of fields in the embedded store.
//!
//! One byte of format, four bytes of CRC-32 over the key and the body, then the body: for each field its number (one
//! byte), its length (four bytes, little-endian) and its bytes. The key is in the sum, so that bytes under the wrong
//! key are noticed.

use super::{Fault, Fields, table};
use crate::store::record::RecordKind;

const HEAD_BYTES: usize = 5;
const FIELD_HEAD_BYTES: usize = 5;

pub(super) fn write(key: &str, fields: &Fields<'_>) -> Vec<u8> {
    let body: usize = fields.present().map(|(_, bytes)| FIELD_HEAD_BYTES + bytes.len()).sum();
    let mut frame = Vec::with_capacity(HEAD_BYTES + body);
    frame.push(super::FORMAT);
    frame.extend_from_slice(&[0; 4]);
    for (field, bytes) in fields.present() {
        frame.push(field.number);
        // The largest value is a report of 64 MiB, bounded where reports are made, so its length always fits.
        frame.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
        frame.extend_from_slice(bytes);
    }
    let sum = checksum(key, frame.get(HEAD_BYTES..).unwrap_or_default());
    if let Some(slot) = frame.get_mut(1..HEAD_BYTES) {
        slot.copy_from_slice(&sum);
    }
    frame
}

pub(super) fn read<'a>(kind: RecordKind, key: &str, frame: &'a [u8]) -> Result<Fields<'a>, Fault> {
    let (&format, rest) = frame.split_first().ok_or(Fault::Damaged)?;
    if !super::is_read(format) {
        return Err(Fault::Format);
    }
    let (sum, mut body) = rest.split_first_chunk::<4>().ok_or(Fault::Damaged)?;
    if *sum != checksum(key, body) {
        return Err(Fault::Damaged);
    }
    let mut fields = Fields::new(kind);
    while let Some((&number, rest)) = body.split_first() {
        let (length, rest) = rest.split_first_chunk::<4>().ok_or(Fault::Damaged)?;
        let length = usize::try_from(u32::from_le_bytes(*length)).map_err(|_| Fault::Damaged)?;
        let (bytes, rest) = rest.split_at_checked(length).ok_or(Fault::Damaged)?;
        let field = table(kind).iter().find(|field| field.number == number);
        fields.put(field.ok_or_else(|| Fault::UnknownField { field: number.to_string() })?, bytes);
        body = rest;
    }
    Ok(fields)
}

pub(super) fn checksum(key: &str, body: &[u8]) -> [u8; 4] {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(key.as_bytes());
    hasher.update(body);
    hasher.finalize().to_le_bytes()
}
