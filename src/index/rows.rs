//! Append-only rows that readers see without a lock. All `unsafe` of the index is in this file.
//!
//! [`Rows`] is a table of rows of one width, cut into chunks that double in size. A chunk never moves and a row
//! never changes once it is published, so a reader holds plain slices into it while a writer appends. What must
//! change later (links, states) is stored as rows of atomics, which readers load one by one.
//!
//! Chunks double so that an index of one entry costs eight rows and one of a million needs seventeen chunks. They
//! are allocated zeroed and filled from the front: the tail of the last chunk is address space, not memory.

use std::cell::UnsafeCell;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

use parking_lot::Mutex;

use crate::limits::INDEX_SLOTS_MAX;

/// Rows of the first chunk; chunk `n` holds `FIRST << n`.
const FIRST: usize = 8;

/// Chunks that it takes to hold every slot, and as many again for the upper layers, which are a row each.
const CHUNKS: usize = (INDEX_SLOTS_MAX / FIRST).ilog2() as usize + 2;

/// Bytes of a processor's cache line.
const LINE_BYTES: usize = 64;

/// Lanes of a [`Block`].
pub(super) const LANES: usize = 64;

/// One cache line of 8-bit codes. Vectors are padded with zeros to whole blocks, which add nothing to a dot
/// product, so that the kernels need no remainder loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C, align(64))]
pub(super) struct Block(pub [i8; LANES]);

impl Block {
    pub(super) const ZERO: Self = Self([0; LANES]);

    /// The lanes of many blocks as one slice. Over it the compiler keeps its sums in vector registers to the end; over
    /// blocks it adds up each block on its own, which takes twice as long.
    #[inline]
    pub(super) fn lanes(blocks: &[Self]) -> &[i8] {
        // SAFETY: a block is 64 bytes of `i8` with an alignment of 64, so blocks in a slice lie end to end without
        // padding: `64 · len` initialised bytes, borrowed for as long as the result is.
        unsafe { std::slice::from_raw_parts(blocks.as_ptr().cast(), size_of_val(blocks)) }
    }
}

/// A type for which memory of zero bytes is a valid value.
///
/// # Safety
///
/// Implementors promise that every bit pattern of all zeros is a valid value of the type.
pub(super) unsafe trait Zeroable: Send + Sync {}

// SAFETY: an array of integers; zero is a valid value of each, and there is no padding.
unsafe impl Zeroable for Block {}
// SAFETY: zero bits are 0.0.
unsafe impl Zeroable for f32 {}
// SAFETY: zero bits are 0.
unsafe impl Zeroable for u32 {}
// SAFETY: zero bits are 0.
unsafe impl Zeroable for u64 {}
// SAFETY: an `AtomicU32` has the layout of a `u32`, of which zero bits are 0.
unsafe impl Zeroable for AtomicU32 {}

/// Append-only rows of `width` values each.
pub(super) struct Rows<T> {
    width: usize,
    /// Rows that are published. Stored with Release after a row is complete, loaded with Acquire before it is read.
    len: AtomicUsize,
    /// Held while a row is appended; readers never touch it.
    appending: Mutex<()>,
    chunks: [OnceLock<Box<[UnsafeCell<T>]>>; CHUNKS],
}

// SAFETY: the only access through `UnsafeCell` is in `append` and `get`. `append` writes a row only while it holds
// `appending` and only at an index that is not below `len`; `get` hands out only rows below `len`, after an Acquire
// load of the Release store that followed the write. So no value is written while a reference to it exists, and
// sharing the rest needs no more than `T: Sync`, and dropping it elsewhere no more than `T: Send`.
unsafe impl<T: Zeroable> Sync for Rows<T> {}

impl<T: Zeroable> Rows<T> {
    /// An empty table of rows of `width` values.
    pub(super) fn new(width: usize) -> Self {
        Self { width, len: AtomicUsize::new(0), appending: Mutex::new(()), chunks: [const { OnceLock::new() }; CHUNKS] }
    }

    /// Rows that are published.
    pub(super) fn len(&self) -> usize {
        self.len.load(Ordering::Acquire)
    }

    /// Bytes of the published rows: what is resident, since the tail of the last chunk was never touched.
    pub(super) fn bytes(&self) -> usize {
        self.len() * self.width * size_of::<T>()
    }

    /// Appends a row of zeros, for rows of atomics. Its number, or `None` where the table is full.
    pub(super) fn push_zeroed(&self) -> Option<usize> {
        self.append(|_| {})
    }

    /// Row `row`, or `None` where it is not published.
    #[inline]
    pub(super) fn get(&self, row: usize) -> Option<&[T]> {
        if row >= self.len.load(Ordering::Acquire) {
            return None;
        }
        let cells = self.cells(row)?;
        let (start, width) = (cells.as_ptr().cast::<T>(), cells.len());
        // SAFETY: `UnsafeCell<T>` has the layout of `T`, and `cells` is a live slice of `width` of them that are
        // initialised: zeroed at allocation, and `T: Zeroable`. The row is below `len`, so by the argument at `Sync`
        // its last write happened before and there will be no other; the chunk lives as long as `self`.
        Some(unsafe { std::slice::from_raw_parts(start, width) })
    }

    /// Asks the processor to fetch row `row` into its caches. Without effect where it is not published.
    #[inline]
    pub(super) fn prefetch(&self, row: usize) {
        if let Some(cells) = self.cells(row) {
            let start = cells.as_ptr().cast::<u8>();
            for line in 0..size_of_val(cells).div_ceil(LINE_BYTES) {
                prefetch_line(start.wrapping_add(line * LINE_BYTES));
            }
        }
    }

    /// The cells of row `row`, where its chunk exists. They must not be dereferenced before `row` is below `len`.
    #[inline]
    fn cells(&self, row: usize) -> Option<&[UnsafeCell<T>]> {
        let (chunk, at) = locate(row);
        let cells = self.chunks.get(chunk)?.get()?;
        cells.get(at * self.width..(at + 1) * self.width)
    }

    /// Appends a row that `fill` writes. `fill` is given zeroed values and must not panic half way.
    fn append(&self, fill: impl FnOnce(&mut [T])) -> Option<usize> {
        let _only_one = self.appending.lock();
        let row = self.len.load(Ordering::Relaxed);
        let (chunk, at) = locate(row);
        let cells = self.chunks.get(chunk)?.get_or_init(|| zeroed(self.width * (FIRST << chunk)));
        let cells = cells.get(at * self.width..(at + 1) * self.width)?;
        let (start, width) = (UnsafeCell::raw_get(cells.as_ptr()), cells.len());
        // SAFETY: the pointer comes from a live slice of `width` cells, initialised as in `get`, and `UnsafeCell`
        // permits writing through it. No other reference exists: `get` refuses rows that are not below `len`, this
        // one is not, and other appenders wait for the lock.
        fill(unsafe { std::slice::from_raw_parts_mut(start, width) });
        self.len.store(row + 1, Ordering::Release);
        Some(row)
    }
}

impl<T: Zeroable + Copy> Rows<T> {
    /// Appends a copy of `values`, cut or padded with zeros to the width. Its number, or `None` where the table is
    /// full.
    pub(super) fn push(&self, values: &[T]) -> Option<usize> {
        self.append(|row| {
            for (cell, value) in row.iter_mut().zip(values) {
                *cell = *value;
            }
        })
    }

    /// The first value of row `row`, for tables of width one.
    #[inline]
    pub(super) fn value(&self, row: usize) -> Option<T> {
        self.get(row).and_then(|values| values.first().copied())
    }
}

impl<T> std::fmt::Debug for Rows<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rows").field("width", &self.width).field("len", &self.len).finish_non_exhaustive()
    }
}

/// Chunk of a row and its place in it. Chunk `n` starts at row `FIRST * (2^n - 1)`.
#[inline]
fn locate(row: usize) -> (usize, usize) {
    let chunk = (row / FIRST + 1).ilog2() as usize;
    (chunk, row - FIRST * ((1 << chunk) - 1))
}

/// `count` zeroed cells. Large ones come from the system as untouched pages. (Huge pages were tried, by `madvise`: of
/// two pairs of runs at 100,000 vectors one was faster with them and one slower.)
fn zeroed<T: Zeroable>(count: usize) -> Box<[UnsafeCell<T>]> {
    // SAFETY: all bytes are zero, which `T: Zeroable` makes a valid `T`, and `UnsafeCell<T>` has the layout of `T`.
    unsafe { Box::new_zeroed_slice(count).assume_init() }
}

#[inline]
fn prefetch_line(address: *const u8) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a prefetch is a hint: it reads nothing and faults on no address. SSE is part of x86-64.
    unsafe {
        std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T0 }>(address.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = address;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_keep_their_values_across_chunks() {
        let rows = Rows::<u64>::new(3);
        for n in 0..1000_u64 {
            assert_eq!(rows.push(&[n, n + 1, n + 2]), Some(n as usize));
        }
        for n in 0..1000_u64 {
            assert_eq!(rows.get(n as usize), Some(&[n, n + 1, n + 2][..]));
        }
        assert_eq!(rows.get(1000), None);
    }

    #[test]
    fn every_row_has_its_own_place() {
        let mut expected = (0, 0);
        for row in 0..100_000 {
            assert_eq!(locate(row), expected);
            expected.1 += 1;
            if expected.1 == FIRST << expected.0 {
                expected = (expected.0 + 1, 0);
            }
        }
        assert!(locate(INDEX_SLOTS_MAX - 1).0 < CHUNKS);
    }

    #[test]
    fn blocks_start_on_cache_lines() {
        let rows = Rows::<Block>::new(6);
        rows.push(&[Block::ZERO; 6]);
        assert_eq!(rows.get(0).unwrap().as_ptr() as usize % LINE_BYTES, 0);
    }

    #[test]
    fn a_reader_sees_only_whole_rows_while_a_writer_appends() {
        let rows = Rows::<u64>::new(16);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for n in 0..20_000 {
                    rows.push(&[n; 16]);
                }
            });
            scope.spawn(|| {
                while rows.len() < 20_000 {
                    let last = rows.len().saturating_sub(1);
                    if let Some(row) = rows.get(last) {
                        assert!(row.iter().all(|v| *v == last as u64));
                    }
                }
            });
        });
    }
}
