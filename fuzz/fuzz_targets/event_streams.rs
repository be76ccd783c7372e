//! An event stream of a stranger: the first byte says how it is cut into pieces, which must not matter.
#![no_main]

use instinct::llm::sse::{Event, Parser, SseError};
use libfuzzer_sys::fuzz_target;

fn read<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> (Vec<Event>, Option<SseError>) {
    let (mut parser, mut events) = (Parser::new(256, 1_024), Vec::new());
    for piece in pieces {
        if let Err(error) = parser.feed(piece, &mut events) {
            return (events, Some(error));
        }
    }
    (events, None)
}

fuzz_target!(|bytes: &[u8]| {
    let Some((&cut, stream)) = bytes.split_first() else { return };
    let whole = read(std::iter::once(stream));
    assert_eq!(read(stream.chunks(usize::from(cut).max(1))), whole);
    assert_eq!(read(stream.chunks(1)), whole);
    assert!(whole.0.iter().all(|event| event.data.len() <= 1_024 + 1));
});
