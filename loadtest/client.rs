//! A lean HTTP/1.1 client: one connection, kept alive, one request at a time, written as it was prepared beforehand.
//!
//! On a small machine the client shares its cores with the service, so whatever the client costs is taken from the figures. A full
//! client spends more on one request than the service does on an exact hit.

use crate::Failure;
use std::net::SocketAddr;
use std::ops::Range;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Bytes of a response head. The service's have about 200.
const HEAD_BYTES_MAX: usize = 16 * 1024;

/// Bytes of a response body. A bulk write of 5,000 lines is answered with 600 kB.
const REPLY_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Up to this many bytes a request fits the socket's buffer, so it is written before the answer is read. A longer one is written while
/// the answer is read, or both sides could wait for each other.
const WRITE_AHEAD_BYTES_MAX: usize = 64 * 1024;

/// One connection, opened when it is first needed.
#[derive(Debug)]
pub(crate) struct Connection {
    address: SocketAddr,
    stream: Option<TcpStream>,
    received: Vec<u8>,
    /// The line of a head that shows who is asking.
    authorization: Option<String>,
}

/// An answer, read to its end.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reply<'a> {
    pub(crate) status: u16,
    pub(crate) body: &'a [u8],
}

impl<'a> Reply<'a> {
    /// The body where the status is 200, and what the service said otherwise.
    pub(crate) fn ok(&self) -> Result<&'a [u8], Failure> {
        if self.status == 200 {
            return Ok(self.body);
        }
        let said = String::from_utf8_lossy(self.body);
        Err(format!("status {}: {}", self.status, said.chars().take(300).collect::<String>()).into())
    }
}

/// Lays out a request.
pub(crate) fn request(method: &str, path: &str, content_type: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: {content_type}\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

/// A request with one more line in its head.
fn with_line(request: &[u8], line: &str) -> Vec<u8> {
    let first = position(request, b"\r\n").map_or(0, |end| end + 2);
    let (before, after) = request.split_at(first);
    [before, line.as_bytes(), after].concat()
}

impl Connection {
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self { address, stream: None, received: Vec::with_capacity(HEAD_BYTES_MAX), authorization: None }
    }

    /// One whose requests show an API key.
    pub(crate) fn keyed(address: SocketAddr, key: &str) -> Self {
        Self { authorization: Some(format!("authorization: Bearer {key}\r\n")), ..Self::new(address) }
    }

    /// Connects now, so that the first measured request doesn't pay for it.
    pub(crate) async fn open(&mut self) -> Result<(), Failure> {
        if self.stream.is_none() {
            let stream = TcpStream::connect(self.address).await.map_err(|e| format!("can't connect to {}: {e}", self.address))?;
            stream.set_nodelay(true)?;
            self.stream = Some(stream);
        }
        Ok(())
    }

    /// Sends a request and reads its answer to the end.
    pub(crate) async fn ask(&mut self, request: &[u8], within: Duration) -> Result<Reply<'_>, Failure> {
        let shown = self.authorization.as_ref().map(|line| with_line(request, line));
        let request = shown.as_deref().unwrap_or(request);
        let exchanged = match tokio::time::timeout(within, self.exchange(request)).await {
            Ok(exchanged) => exchanged,
            Err(_) => Err(format!("no answer within {} s", within.as_secs()).into()),
        };
        match exchanged {
            Ok((status, body)) => Ok(Reply { status, body: self.received.get(body).unwrap_or_default() }),
            Err(failure) => {
                // Half an answer may still be under way: this connection can't carry another.
                self.stream = None;
                Err(failure)
            }
        }
    }

    async fn exchange(&mut self, request: &[u8]) -> Result<(u16, Range<usize>), Failure> {
        let reused = self.stream.is_some();
        match self.exchange_once(request).await {
            // A server may close an idle connection just when it is used again. That is HTTP's own race, not a fault of the service.
            Err(_) if reused && self.received.is_empty() => {
                self.stream = None;
                self.exchange_once(request).await
            }
            exchanged => exchanged,
        }
    }

    async fn exchange_once(&mut self, request: &[u8]) -> Result<(u16, Range<usize>), Failure> {
        self.received.clear();
        self.open().await?;
        let Some(stream) = &mut self.stream else { return Err("there is no connection".into()) };
        let (head, body) = if request.len() <= WRITE_AHEAD_BYTES_MAX {
            stream.write_all(request).await?;
            read_reply(stream, &mut self.received).await?
        } else {
            let (mut reader, mut writer) = stream.split();
            let write = async { writer.write_all(request).await.map_err(Failure::from) };
            tokio::try_join!(write, read_reply(&mut reader, &mut self.received))?.1
        };
        if head.closes {
            self.stream = None;
        }
        Ok((head.status, body))
    }
}

/// What the head of a response says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Head {
    bytes: usize,
    status: u16,
    /// The length of the body; none where it comes in chunks.
    length: Option<usize>,
    closes: bool,
}

async fn read_reply(reader: &mut (impl AsyncRead + Unpin), received: &mut Vec<u8>) -> Result<(Head, Range<usize>), Failure> {
    let head = loop {
        if let Some(head) = parse_head(received)? {
            break head;
        }
        if received.len() > HEAD_BYTES_MAX {
            return Err("the head of the response is too long".into());
        }
        read_more(reader, received).await?;
    };
    let Some(length) = head.length else {
        let body = read_chunks(reader, received, head.bytes).await?;
        *received = body;
        return Ok((head, 0..received.len()));
    };
    if length > REPLY_BYTES_MAX {
        return Err(format!("a response of {length} bytes is too long").into());
    }
    let end = head.bytes + length;
    while received.len() < end {
        read_more(reader, received).await?;
    }
    if received.len() > end {
        return Err("the response is longer than it says".into());
    }
    Ok((head, head.bytes..end))
}

async fn read_more(reader: &mut (impl AsyncRead + Unpin), received: &mut Vec<u8>) -> Result<(), Failure> {
    match reader.read_buf(received).await? {
        0 => Err("the service closed the connection".into()),
        _ => Ok(()),
    }
}

/// Reads a body that comes in chunks, which start at `at`.
async fn read_chunks(reader: &mut (impl AsyncRead + Unpin), received: &mut Vec<u8>, mut at: usize) -> Result<Vec<u8>, Failure> {
    let mut body = Vec::new();
    loop {
        let line = loop {
            let rest = received.get(at..).unwrap_or_default();
            match position(rest, b"\r\n") {
                Some(end) => break rest.get(..end).unwrap_or_default(),
                None => read_more(reader, received).await?,
            }
        };
        let digits = std::str::from_utf8(line)?.split(';').next().unwrap_or_default().trim();
        let size = usize::from_str_radix(digits, 16).map_err(|_| format!("`{digits}` is no size of a chunk"))?;
        if body.len().saturating_add(size) > REPLY_BYTES_MAX {
            return Err("the response is too long".into());
        }
        let start = at + line.len() + 2;
        // The data of a chunk ends with a line break of its own; the last chunk is empty and has no trailers here.
        while received.len() < start + size + 2 {
            read_more(reader, received).await?;
        }
        body.extend_from_slice(received.get(start..start + size).unwrap_or_default());
        at = start + size + 2;
        if size == 0 {
            return Ok(body);
        }
    }
}

/// Reads the head where all of it is there.
fn parse_head(received: &[u8]) -> Result<Option<Head>, Failure> {
    let Some(end) = position(received, b"\r\n\r\n") else { return Ok(None) };
    let text = std::str::from_utf8(received.get(..end).unwrap_or_default())?;
    let mut lines = text.split("\r\n");
    let first = lines.next().unwrap_or_default();
    let status = first.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)).and_then(|digits| digits.parse().ok());
    let status = status.ok_or_else(|| format!("`{first}` is no status line"))?;
    let mut head = Head { bytes: end + 4, status, length: None, closes: false };
    let mut chunked = false;
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        let value = value.trim();
        if name.eq_ignore_ascii_case("content-length") {
            head.length = Some(value.parse().map_err(|_| format!("`{value}` is no length"))?);
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            chunked = value.eq_ignore_ascii_case("chunked");
        } else if name.eq_ignore_ascii_case("connection") {
            head.closes = value.eq_ignore_ascii_case("close");
        }
    }
    match head.length.is_some() || chunked {
        true => Ok(Some(head)),
        false => Err("the response says neither its length nor that it comes in chunks".into()),
    }
}

fn position(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(mut bytes: &[u8]) -> Result<(u16, String), Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread().build()?;
        let mut received = Vec::new();
        let (head, body) = runtime.block_on(read_reply(&mut bytes, &mut received))?;
        Ok((head.status, String::from_utf8(received[body].to_vec())?))
    }

    #[test]
    fn a_body_of_a_known_length_is_read() {
        assert_eq!(read(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc").unwrap(), (200, "abc".to_owned()));
    }

    #[test]
    fn a_body_in_chunks_is_put_together() {
        let reply = b"HTTP/1.1 404 Not Found\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n1;x=y\r\nc\r\n0\r\n\r\n";
        assert_eq!(read(reply).unwrap(), (404, "abc".to_owned()));
    }

    #[test]
    fn a_body_that_ends_early_or_late_is_an_error() {
        assert!(read(b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nab").is_err());
        assert!(read(b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabcd").is_err());
    }
}
