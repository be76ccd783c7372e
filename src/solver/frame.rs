//! What goes between the service and a worker: one frame with the job, one with the reply.
//!
//! A frame is a mark, the version of the codec, the length of the payload and the payload, in `postcard`'s format. The version goes up
//! whenever a type in it changes: an old binary's worker is never asked, for a worker is the same binary, but a mix is seen at once.

use super::program::Program;
use super::solution::{Limits, Solution};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::io::{self, Read};

const MARK: [u8; 4] = *b"ISLV";
const VERSION: u16 = 1;
const HEADER_BYTES: usize = 4 + 2 + 8;

/// Bytes of a job, enough for 10⁷ coefficients.
pub const JOB_BYTES_MAX: usize = 256 << 20;
/// Bytes of a reply, enough for the values, duals and ray of 10⁶ columns and rows.
pub const REPLY_BYTES_MAX: usize = 64 << 20;

/// What a worker is to do, as the service writes it.
#[derive(Debug, Serialize)]
pub(super) enum JobRef<'a> {
    /// Solve this.
    Solve(&'a Program, &'a Limits),
    /// Try what a worker must not be able to do.
    #[cfg(test)]
    Probe(super::worker::probe::Probe),
}

/// What a worker is to do, as it reads it.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub enum Job {
    /// Solve this.
    Solve(Box<Program>, Limits),
    /// Try what a worker must not be able to do.
    #[cfg(test)]
    Probe(super::worker::probe::Probe),
}

/// What a worker says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Reply {
    /// The solver ended.
    Solved(Box<Solution>),
    /// The program is not one that the solver takes.
    Refused(String),
    /// There was not enough memory.
    OutOfMemory,
    /// It went wrong.
    Failed(String),
}

/// Why a frame can't be read or written.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// The pipe broke.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// It is not a frame of this version.
    #[error("not a frame of version {VERSION}")]
    Foreign,
    /// It is longer than it may be.
    #[error("a frame of {bytes} bytes, and {max} are allowed")]
    TooLong {
        /// How long it is.
        bytes: u64,
        /// How long it may be.
        max: usize,
    },
    /// The payload does not read.
    #[error("{0}")]
    Payload(#[from] postcard::Error),
}

/// Writes a frame into memory.
pub(super) fn encode<T: Serialize>(message: &T, max: usize) -> Result<Vec<u8>, FrameError> {
    let mut frame = postcard::to_extend(message, vec![0; HEADER_BYTES])?;
    let bytes = frame.len() - HEADER_BYTES;
    if bytes > max {
        return Err(FrameError::TooLong { bytes: bytes as u64, max });
    }
    frame[..4].copy_from_slice(&MARK);
    frame[4..6].copy_from_slice(&VERSION.to_le_bytes());
    frame[6..HEADER_BYTES].copy_from_slice(&(bytes as u64).to_le_bytes());
    Ok(frame)
}

/// Reads a frame that may come in pieces: how many bytes it has in all, once that is known.
pub(super) fn length(start: &[u8], max: usize) -> Result<Option<usize>, FrameError> {
    let Some(header) = start.get(..HEADER_BYTES) else {
        return if MARK.starts_with(&start[..start.len().min(4)]) { Ok(None) } else { Err(FrameError::Foreign) };
    };
    if header[..4] != MARK || header[4..6] != VERSION.to_le_bytes() {
        return Err(FrameError::Foreign);
    }
    let bytes = header[6..].iter().rev().fold(0_u64, |sum, byte| (sum << 8) | u64::from(*byte));
    match usize::try_from(bytes) {
        Ok(payload) if payload <= max => Ok(Some(HEADER_BYTES + payload)),
        _ => Err(FrameError::TooLong { bytes, max }),
    }
}

/// Reads the payload of a whole frame.
///
/// # Errors
/// Where it is not a whole frame of this version, or does not read.
pub fn decode<T: DeserializeOwned>(frame: &[u8], max: usize) -> Result<T, FrameError> {
    match length(frame, max)? {
        Some(bytes) if bytes == frame.len() => Ok(postcard::from_bytes(&frame[HEADER_BYTES..])?),
        _ => Err(FrameError::Io(io::ErrorKind::UnexpectedEof.into())),
    }
}

/// Reads one frame to its end from a stream.
pub(super) fn read<T: DeserializeOwned>(stream: &mut impl Read, max: usize) -> Result<T, FrameError> {
    let mut frame = vec![0; HEADER_BYTES];
    stream.read_exact(&mut frame)?;
    let bytes = length(&frame, max)?.ok_or(FrameError::Foreign)?;
    frame.resize(bytes, 0);
    stream.read_exact(&mut frame[HEADER_BYTES..])?;
    decode(&frame, max)
}

#[cfg(test)]
mod tests {
    use super::super::contract::{column, empty, limits, row};
    use super::*;
    use crate::solver::Class;
    use proptest::prelude::*;

    fn program() -> Program {
        let mut program = empty(Class::Lp);
        program.columns = vec![column(0.0, f64::INFINITY), column(-1.5, 2.0)];
        program.rows = vec![row(&[(0, 1.0), (1, -1e-9)], f64::NEG_INFINITY, 7.0)];
        program
    }

    #[test]
    fn a_job_comes_out_as_it_went_in() {
        let frame = encode(&JobRef::Solve(&program(), &limits()), JOB_BYTES_MAX).unwrap();
        assert_eq!(read::<Job>(&mut &*frame, JOB_BYTES_MAX).unwrap(), Job::Solve(Box::new(program()), limits()));
        assert_eq!(length(&frame[..10], JOB_BYTES_MAX).unwrap(), None);
        assert_eq!(length(&frame, JOB_BYTES_MAX).unwrap(), Some(frame.len()));
    }

    #[test]
    fn a_frame_that_is_cut_foreign_or_too_long_is_refused() {
        let frame = encode(&Reply::OutOfMemory, REPLY_BYTES_MAX).unwrap();
        assert!(matches!(read::<Reply>(&mut &frame[..frame.len() - 1], REPLY_BYTES_MAX), Err(FrameError::Io(_))));
        let changed = |at: usize| {
            let mut frame = frame.clone();
            frame[at] ^= 0x40;
            decode::<Reply>(&frame, REPLY_BYTES_MAX)
        };
        assert!(matches!(changed(0), Err(FrameError::Foreign)));
        assert!(matches!(changed(4), Err(FrameError::Foreign)));
        assert!(matches!(changed(12), Err(FrameError::TooLong { .. })));
        assert!(matches!(changed(HEADER_BYTES), Err(FrameError::Payload(_))));
        assert!(matches!(encode(&program(), 10), Err(FrameError::TooLong { .. })));
        assert!(matches!(length(b"no frame", REPLY_BYTES_MAX), Err(FrameError::Foreign)));
    }

    proptest! {
        #[test]
        fn a_payload_of_any_bytes_is_read_or_refused_and_takes_no_memory_for_what_it_only_claims(bytes in any::<Vec<u8>>()) {
            let mut frame = [&MARK[..], &VERSION.to_le_bytes(), &(bytes.len() as u64).to_le_bytes()].concat();
            frame.extend(&bytes);
            let _ = decode::<Job>(&frame, JOB_BYTES_MAX);
            let _ = decode::<Reply>(&frame, REPLY_BYTES_MAX);
        }
    }
}
