//! The frames between the service and a worker that was taken over, or a service that was: whatever they hold, they are read or refused.
#![no_main]

use instinct::solver::frame::{JOB_BYTES_MAX, Job, REPLY_BYTES_MAX, Reply, decode};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = decode::<Job>(bytes, JOB_BYTES_MAX);
    let _ = decode::<Reply>(bytes, REPLY_BYTES_MAX);
    // A whole frame around what else would never come past the header.
    let mut frame = b"ISLV\x01\x00".to_vec();
    frame.extend((bytes.len() as u64).to_le_bytes());
    frame.extend(bytes);
    let _ = decode::<Job>(&frame, JOB_BYTES_MAX);
    let _ = decode::<Reply>(&frame, REPLY_BYTES_MAX);
});
