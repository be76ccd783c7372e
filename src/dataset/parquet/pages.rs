//! What the pages of a Parquet file come to, found out without making anything as large as they say.
//!
//! Readers make room for as many bytes and values as the head of a page says, or for as many as come out of it. A page of some kilobytes can
//! say or hold gigabytes, so each head is looked at first. It is a struct in Thrift's compact protocol, whose layout is that of `PageHeader`
//! in parquet.thrift; an enum there is a number here.

use crate::dataset::rows::ReadError;
use crate::domain::field::FieldError;
use crate::limits::{DATASET_ROWS_MAX, DATASET_UNPACKED_BYTES_MAX};
use ::parquet::basic::Compression;
use ::parquet::file::metadata::ParquetMetaData;
use flate2::read::MultiGzDecoder;
use std::io::Read;

/// Encodings whose pages say within how many values they have: `DELTA_LENGTH_BYTE_ARRAY` and `DELTA_BYTE_ARRAY`.
const OF_UNKNOWN_SIZE: [i64; 2] = [6, 7];

/// Encodings by the place in a dictionary: `PLAIN_DICTIONARY` and `RLE_DICTIONARY`.
const BY_DICTIONARY: [i64; 2] = [2, 8];

/// The type of a page with a dictionary.
const DICTIONARY_PAGE: i64 = 2;

/// Structs within structs of a head: the statistics of a data page are at the second level.
const DEPTH_MAX: u32 = 8;

fn bad(detail: &str) -> ReadError {
    FieldError::new("", format!("the Parquet can't be read: {detail}")).into()
}

/// The bytes of all pages of a file when they are decompressed.
pub(super) fn unpacked_bytes(file: &[u8], metadata: &ParquetMetaData) -> Result<u64, ReadError> {
    let mut sum = 0_u64;
    for column in metadata.row_groups().iter().flat_map(|group| group.columns()) {
        let codec = column.compression();
        if !matches!(
            codec,
            Compression::UNCOMPRESSED | Compression::SNAPPY | Compression::ZSTD(_) | Compression::LZ4_RAW | Compression::GZIP(_)
        ) {
            let detail = format!("{codec} is not read; write it with snappy, zstd, gzip or lz4_raw");
            return Err(ReadError::not_allowed("", detail));
        }
        // What `byte_range` of the library says, which panics where one of them is less than nothing.
        let (start, length) = (column.dictionary_page_offset().unwrap_or(column.data_page_offset()), column.compressed_size());
        let range = usize::try_from(start).ok().zip(usize::try_from(length).ok());
        let end = range.and_then(|(start, length)| Some(start..start.checked_add(length)?));
        let chunk = end.and_then(|range| file.get(range)).ok_or_else(|| bad("a column is outside of the file"))?;
        sum = sum.saturating_add(of_chunk(chunk, codec)?);
        if sum > DATASET_UNPACKED_BYTES_MAX as u64 {
            break;
        }
    }
    Ok(sum)
}

fn of_chunk(mut rest: &[u8], codec: Compression) -> Result<u64, ReadError> {
    let (mut sum, mut dictionary) = (0_u64, false);
    while !rest.is_empty() {
        let mut reader = Compact(rest);
        let head = reader.page_head().ok_or_else(|| bad("the head of a page is damaged"))?;
        let cut = |n: i64| usize::try_from(n).ok().and_then(|n| reader.0.split_at_checked(n));
        let (page, after) = cut(head.compressed).ok_or_else(|| bad("a page is cut short"))?;
        let unpacked = u64::try_from(head.unpacked).map_err(|_| bad("a page has less than no bytes"))?;
        if usize::try_from(head.values).is_ok_and(|values| values > DATASET_ROWS_MAX) || head.values < 0 {
            return Err(ReadError::not_allowed(
                "/rows",
                format!("a page has {} values, more than {DATASET_ROWS_MAX}", head.values),
            ));
        }
        if OF_UNKNOWN_SIZE.contains(&head.encoding) {
            return Err(ReadError::not_allowed(
                "",
                "texts in delta encoding are not read; write them plain or with a dictionary",
            ));
        }
        if head.kind == DICTIONARY_PAGE {
            dictionary = true;
        } else if BY_DICTIONARY.contains(&head.encoding) && !dictionary {
            return Err(bad("a page is of a dictionary that is not there"));
        }
        if matches!(codec, Compression::GZIP(_)) {
            let most = unpacked.min(DATASET_UNPACKED_BYTES_MAX as u64);
            let come = std::io::copy(&mut MultiGzDecoder::new(page).take(most + 1), &mut std::io::sink());
            if come.is_ok_and(|come| come > most) {
                return Err(ReadError::TooLarge("a page holds more than it says".to_owned()));
            }
        }
        sum = sum.saturating_add(unpacked);
        if sum > DATASET_UNPACKED_BYTES_MAX as u64 {
            break;
        }
        rest = after;
    }
    Ok(sum)
}

/// What the head of a page says.
#[derive(Debug, Default, Clone, Copy)]
struct PageHead {
    kind: i64,
    unpacked: i64,
    compressed: i64,
    values: i64,
    encoding: i64,
}

/// Bytes in Thrift's compact protocol.
struct Compact<'a>(&'a [u8]);

impl Compact<'_> {
    fn byte(&mut self) -> Option<u8> {
        let (byte, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*byte)
    }

    fn unsigned(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    /// Zigzag, as all whole numbers are.
    fn signed(&mut self) -> Option<i64> {
        let n = self.unsigned()?;
        Some((n >> 1).cast_signed() ^ -(n & 1).cast_signed())
    }

    fn skip_bytes(&mut self, n: u64) -> Option<()> {
        self.0 = self.0.get(usize::try_from(n).ok()?..)?;
        Some(())
    }

    /// Goes through the fields of a struct: `read` is given the number and the type of each, and says whether it has read it.
    fn fields(&mut self, depth: u32, mut read: impl FnMut(&mut Self, i16, u8) -> Option<bool>) -> Option<()> {
        let (mut last, mut seen) = (0_i16, [false; 64]);
        loop {
            let head = self.byte()?;
            if head == 0 {
                return Some(());
            }
            let number = match head >> 4 {
                0 => i16::try_from(self.signed()?).ok()?,
                more => last.checked_add(i16::from(more))?,
            };
            // Of a field that is there twice another reader may take the other.
            if let Some(seen) = usize::try_from(number).ok().and_then(|n| seen.get_mut(n))
                && std::mem::replace(seen, true)
            {
                return None;
            }
            last = number;
            if !read(self, number, head & 0x0f)? {
                self.skip(head & 0x0f, depth)?;
            }
        }
    }

    fn skip(&mut self, kind: u8, depth: u32) -> Option<()> {
        if depth > DEPTH_MAX {
            return None;
        }
        match kind {
            // True and false have no bytes of their own.
            1 | 2 => Some(()),
            3 => self.skip_bytes(1),
            4..=6 => self.signed().map(drop),
            7 => self.skip_bytes(8),
            8 => {
                let length = self.unsigned()?;
                self.skip_bytes(length)
            }
            9 | 10 => {
                let head = self.byte()?;
                let length = if head >> 4 == 15 { self.unsigned()? } else { u64::from(head >> 4) };
                // Each element has a byte at least, so that no length takes longer than there are bytes.
                for _ in 0..length {
                    if matches!(head & 0x0f, 1 | 2) { self.skip_bytes(1)? } else { self.skip(head & 0x0f, depth + 1)? }
                }
                Some(())
            }
            12 => self.fields(depth + 1, |_, _, _| Some(false)),
            _ => None,
        }
    }

    fn page_head(&mut self) -> Option<PageHead> {
        let mut head = PageHead::default();
        self.fields(0, |reader, number, kind| {
            match (number, kind) {
                (1, 4..=6) => head.kind = reader.signed()?,
                (2, 4..=6) => head.unpacked = reader.signed()?,
                (3, 4..=6) => head.compressed = reader.signed()?,
                // The heads of data pages, of dictionaries, and of data pages of the second version, each with its encoding.
                (5 | 7, 12) => reader.of_values(2, &mut head)?,
                (8, 12) => reader.of_values(4, &mut head)?,
                _ => return Some(false),
            }
            Some(true)
        })?;
        Some(head)
    }

    fn of_values(&mut self, encoding_at: i16, head: &mut PageHead) -> Option<()> {
        self.fields(1, |reader, number, kind| {
            match (number, kind) {
                (1, 4..=6) => head.values = reader.signed()?,
                (n, 4..=6) if n == encoding_at => head.encoding = reader.signed()?,
                _ => return Some(false),
            }
            Some(true)
        })
    }
}
