//! Server-sent events, as the HTML standard reads them ("Server-sent events", section 9.2.6, "Interpreting an event stream"), from bytes
//! that come in pieces of any size.
//!
//! Two things are stricter than the standard: text that is not UTF-8 is an error instead of being repaired, and a line and an event have a
//! most of bytes, so that a server which never ends a line can't fill the memory. An event that the stream's end cuts off is not given.

/// One event.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Event {
    /// Its type; empty where the stream named none.
    pub name: String,
    /// Its data, the lines joined by line feeds.
    pub data: String,
}

/// Why a stream can't be read on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SseError {
    /// A line is too long.
    #[error("a line of the event stream has more than {max} bytes")]
    LineTooLong {
        /// The most.
        max: usize,
    },
    /// The data of one event are too long.
    #[error("an event of the stream has more than {max} bytes")]
    EventTooLong {
        /// The most.
        max: usize,
    },
    /// It is not text.
    #[error("the event stream is not UTF-8")]
    NotUtf8,
}

/// Reads a stream piece by piece.
#[derive(Debug)]
pub struct Parser {
    line_bytes_max: usize,
    event_bytes_max: usize,
    line: Vec<u8>,
    event: Event,
    has_data: bool,
    after_cr: bool,
    first_line: bool,
    failed: Option<SseError>,
}

impl Parser {
    /// A parser at the start of a stream.
    pub fn new(line_bytes_max: usize, event_bytes_max: usize) -> Self {
        Self {
            line_bytes_max,
            event_bytes_max,
            line: Vec::new(),
            event: Event::default(),
            has_data: false,
            after_cr: false,
            first_line: true,
            failed: None,
        }
    }

    /// Takes the next piece and adds the events that it completes to `events`.
    ///
    /// # Errors
    /// [`SseError`], from then on for every further piece too. The events before the fault are given.
    pub fn feed(&mut self, mut piece: &[u8], events: &mut Vec<Event>) -> Result<(), SseError> {
        if let Some(failed) = &self.failed {
            return Err(failed.clone());
        }
        while let Some(&first) = piece.first() {
            // The standard takes CR LF for one line end, and the two may come in different pieces.
            if std::mem::take(&mut self.after_cr) && first == b'\n' {
                piece = piece.get(1..).unwrap_or_default();
                continue;
            }
            let end = piece.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
            let (part, rest) = piece.split_at(end.unwrap_or(piece.len()));
            self.extend_line(part)?;
            if let Some((&ending, rest)) = rest.split_first() {
                self.after_cr = ending == b'\r';
                self.end_line(events)?;
                piece = rest;
            } else {
                piece = rest;
            }
        }
        Ok(())
    }

    /// Whether the stream stands between two events, with nothing begun.
    pub fn is_between_events(&self) -> bool {
        self.line.is_empty() && !self.has_data
    }

    fn fail(&mut self, error: SseError) -> Result<(), SseError> {
        self.failed = Some(error.clone());
        Err(error)
    }

    fn extend_line(&mut self, part: &[u8]) -> Result<(), SseError> {
        if self.line.len() + part.len() > self.line_bytes_max {
            return self.fail(SseError::LineTooLong { max: self.line_bytes_max });
        }
        self.line.extend_from_slice(part);
        Ok(())
    }

    fn end_line(&mut self, events: &mut Vec<Event>) -> Result<(), SseError> {
        let bytes = std::mem::take(&mut self.line);
        let Ok(mut line) = std::str::from_utf8(&bytes) else { return self.fail(SseError::NotUtf8) };
        if std::mem::take(&mut self.first_line) {
            line = line.strip_prefix('\u{feff}').unwrap_or(line);
        }
        if line.is_empty() {
            let event = std::mem::take(&mut self.event);
            if std::mem::take(&mut self.has_data) {
                events.push(event);
            }
            return Ok(());
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.event.name),
            "data" => {
                if self.event.data.len() + value.len() > self.event_bytes_max {
                    return self.fail(SseError::EventTooLong { max: self.event_bytes_max });
                }
                if std::mem::replace(&mut self.has_data, true) {
                    self.event.data.push('\n');
                }
                self.event.data.push_str(value);
            }
            // A comment, an id or a time to reconnect after, none of which an answer to a POST has a use for.
            _ => {}
        }
        // The room of the line is kept for the next one.
        self.line = bytes;
        self.line.clear();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(pieces: &[&[u8]]) -> (Vec<Event>, Result<(), SseError>) {
        let (mut parser, mut events) = (Parser::new(64, 100), Vec::new());
        for piece in pieces {
            if let Err(error) = parser.feed(piece, &mut events) {
                return (events, Err(error));
            }
        }
        (events, Ok(()))
    }

    fn data(text: &str) -> Vec<String> {
        read(&[text.as_bytes()]).0.into_iter().map(|event| event.data).collect()
    }

    #[test]
    fn the_examples_of_the_standard_read_as_it_says() {
        assert_eq!(data("data: YHOO\ndata: +2\ndata: 10\n\n"), ["YHOO\n+2\n10"]);
        assert_eq!(
            data(": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n"),
            ["first event", "second event"]
        );
        assert_eq!(data("data\n\ndata\ndata\n\ndata:"), ["", "\n"]);
        assert_eq!(data("data:test\n\ndata: test\n\n"), ["test", "test"]);
        let (named, _) = read(&[b"event: error\ndata: 1\n\ndata: 2\n\n"]);
        assert_eq!((named[0].name.as_str(), named[1].name.as_str()), ("error", ""));
    }

    #[test]
    fn the_three_line_ends_and_the_mark_of_byte_order_are_taken() {
        for text in [
            "data: a\n\ndata: b\n\n",
            "data: a\r\n\r\ndata: b\r\n\r\n",
            "data: a\r\rdata: b\r\r",
            "\u{feff}data: a\n\r\ndata: b\r\n\n",
        ] {
            assert_eq!(data(text), ["a", "b"], "{text:?}");
        }
    }

    #[test]
    fn an_event_that_the_end_cuts_off_is_not_given() {
        for text in ["data: {\"half", "data: whole line\n", "data: whole line\r\n"] {
            assert_eq!(data(text), Vec::<String>::new());
        }
    }

    #[test]
    fn a_line_without_end_an_endless_event_and_bytes_that_are_no_text_are_errors() {
        assert_eq!(read(&[&[b'x'; 65]]).1, Err(SseError::LineTooLong { max: 64 }));
        let lines = "data: 0123456789012345678901234567890123456789\n".repeat(3);
        assert_eq!(
            read(&[b"data: ok\n\n", lines.as_bytes()]),
            (read(&[b"data: ok\n\n"]).0, Err(SseError::EventTooLong { max: 100 }))
        );
        assert_eq!(read(&[b"data: \xff\n\n"]).1, Err(SseError::NotUtf8));
        let mut parser = Parser::new(4, 4);
        parser.feed(b"12345", &mut Vec::new()).unwrap_err();
        assert!(parser.feed(b"\n\n", &mut Vec::new()).is_err(), "a stream that failed stays failed");
    }

    /// The standard's words, on the whole text at once.
    fn by_the_book(text: &str) -> Vec<Event> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text).replace("\r\n", "\n").replace('\r', "\n");
        let mut lines: Vec<&str> = text.split('\n').collect();
        lines.pop();
        let (mut events, mut name, mut data) = (Vec::new(), "", Vec::new());
        for line in lines {
            if line.is_empty() {
                if !data.is_empty() {
                    events.push(Event { name: name.to_owned(), data: data.join("\n") });
                }
                (name, data) = ("", Vec::new());
            } else if let Some(value) = line.strip_prefix("data:") {
                data.push(value.strip_prefix(' ').unwrap_or(value));
            } else if let Some(value) = line.strip_prefix("event:") {
                name = value.strip_prefix(' ').unwrap_or(value);
            } else if line == "data" {
                data.push("");
            } else if line == "event" {
                name = "";
            }
        }
        events
    }

    /// Bytes that are likely to mean something to the parser.
    fn stream() -> impl Strategy<Value = Vec<u8>> {
        let word = prop_oneof![
            8 => prop::sample::select(vec!["data", ":", " ", "\n", "\r", "\r\n", "\n\n", "event", "id", "\u{feff}", "é", "x", "data: "])
                .prop_map(|word| word.as_bytes().to_vec()),
            1 => prop::collection::vec(any::<u8>(), 0..40),
        ];
        prop::collection::vec(word, 0..60).prop_map(|words| words.concat())
    }

    proptest! {
        #[test]
        fn any_split_into_pieces_gives_the_same_events(bytes in stream(), cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..20)) {
            let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let pieces: Vec<&[u8]> = cuts.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect();
            let single: Vec<&[u8]> = bytes.chunks(1).collect();
            let whole = read(&[&bytes]);
            prop_assert_eq!(&read(&pieces), &whole);
            prop_assert_eq!(&read(&single), &whole);
        }

        #[test]
        fn what_is_read_is_what_the_standard_says(bytes in stream()) {
            if let (events, Ok(())) = read(&[&bytes]) {
                // The text behind the last line end is not looked at, so it may be anything.
                let ended = bytes.iter().rposition(|b| matches!(b, b'\n' | b'\r')).map_or(0, |at| at + 1);
                prop_assert_eq!(events, by_the_book(std::str::from_utf8(&bytes[..ended]).unwrap()));
            }
        }
    }
}
