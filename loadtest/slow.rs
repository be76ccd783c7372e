//! Clients that send a byte at a time, or take nothing of what they asked for, beside exact hits of others.
//!
//! Each must be cut off when its time is over, and the others must not notice that it is there.

use crate::Failure;
use crate::client::{Connection, request};
use crate::overload::{HITS_RATE, Hits, hits};
use crate::report::{say, table as lay_out};
use crate::sample::Sample;
use crate::target::Settings;
use serde::Serialize;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;

/// Seconds that the service gives a client, where it is started here. One that runs already has limits of its own.
pub(crate) const LIMIT_SECONDS: u64 = 3;

/// How much later than that one may be cut off: the service looks at its clock now and then, and so does the kernel.
const LATER: Duration = Duration::from_secs(7);

/// Connections of each kind.
const OF_EACH_KIND: usize = 100;

/// The pause between two bytes.
const BYTE_EVERY: Duration = Duration::from_millis(200);

/// Room for what comes in at one who takes nothing of it.
const NARROW_BYTES: u32 = 4_096;

/// Requests that one who takes nothing sends ahead: their answers fill the room of both ends.
const SENT_AHEAD: usize = 400;

/// How a client is slow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Head,
    Body,
    TakesNothing,
}

/// What became of the slow clients of one kind.
#[derive(Debug, Serialize)]
struct Cut {
    name: &'static str,
    connections: usize,
    /// Still open when their time had been over for long.
    kept: usize,
    /// The longest that one stayed.
    longest_ms: u64,
}

/// What was seen.
#[derive(Debug, Serialize)]
pub(crate) struct Slow {
    limit_seconds: u64,
    cut: Vec<Cut>,
    hits_alone: Hits,
    hits_beside: Hits,
}

impl Kind {
    const ALL: [Self; 3] = [Self::Head, Self::Body, Self::TakesNothing];

    fn name(self) -> &'static str {
        match self {
            Self::Head => "a head, a byte at a time",
            Self::Body => "a body, a byte at a time",
            Self::TakesNothing => "takes nothing of its answers",
        }
    }
}

/// The settings of a service that is started for this.
pub(crate) fn settings() -> Settings {
    let limit = |name: &str| (format!("INSTINCT_SERVER__{name}_WITHIN_SEC"), LIMIT_SECONDS.to_string());
    ["HEAD", "BODY", "TAKEN"].map(limit).to_vec()
}

/// Asks for hits alone, and beside slow clients.
pub(crate) async fn run(address: SocketAddr, sample: &Arc<Sample>, seconds: u32) -> Result<Slow, Failure> {
    let limit = Duration::from_secs(LIMIT_SECONDS) + LATER;
    let part = seconds.max(u32::try_from(limit.as_secs())? + 2);
    say(&format!("exact hits alone, {HITS_RATE} a second for {part} s"));
    let hits_alone = hits(Connection::new(address), sample, (HITS_RATE, part)).await?;
    say(&format!("exact hits beside {} slow clients", OF_EACH_KIND * Kind::ALL.len()));
    let mut slow = JoinSet::new();
    for kind in Kind::ALL {
        for _ in 0..OF_EACH_KIND {
            slow.spawn(async move { (kind, be_slow(address, kind, limit).await) });
        }
    }
    let hits_beside = hits(Connection::new(address), sample, (HITS_RATE, part)).await?;
    let mut ends = Vec::new();
    while let Some(end) = slow.join_next().await {
        let (kind, stayed) = end?;
        ends.push((kind, stayed?));
    }
    let cut = Kind::ALL.map(|kind| Cut::of(kind, ends.iter().filter(|(of, _)| *of == kind).map(|(_, stayed)| *stayed), limit));
    Ok(Slow { limit_seconds: LIMIT_SECONDS, cut: Vec::from(cut), hits_alone, hits_beside })
}

/// How long one slow client stayed until it was cut off, or until `limit`.
async fn be_slow(address: SocketAddr, kind: Kind, limit: Duration) -> Result<Duration, Failure> {
    let socket = TcpSocket::new_v4()?;
    socket.set_recv_buffer_size(NARROW_BYTES)?;
    let mut stream = socket.connect(address).await?;
    let since = Instant::now();
    let over = match kind {
        Kind::Head => tokio::time::timeout(limit, trickle(&mut stream, b"GET /health/live HTTP/1.1\r\nx: ")).await,
        Kind::Body => {
            let head = b"POST /v1/decide HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100000\r\n\r\n";
            tokio::time::timeout(limit, trickle(&mut stream, head)).await
        }
        Kind::TakesNothing => tokio::time::timeout(limit, take_nothing(&mut stream)).await,
    };
    // An error is what being cut off looks like.
    let _ = over;
    Ok(since.elapsed())
}

/// Sends a beginning at once and then a byte at a time; ends when the other end says something or is gone.
async fn trickle(stream: &mut TcpStream, beginning: &[u8]) -> std::io::Result<()> {
    stream.write_all(beginning).await?;
    let (mut reader, mut writer) = stream.split();
    let mut said = [0; 64];
    loop {
        tokio::select! {
            _ = reader.read(&mut said) => return Ok(()),
            () = tokio::time::sleep(BYTE_EVERY) => writer.write_all(b"a").await?,
        }
    }
}

/// Asks for the service's longest document again and again and reads none of it; ends when the other end is gone.
async fn take_nothing(stream: &mut TcpStream) -> std::io::Result<()> {
    let asked = request("GET", "/openapi.json", "application/json", b"").repeat(SENT_AHEAD);
    stream.write_all(&asked).await?;
    loop {
        tokio::time::sleep(BYTE_EVERY).await;
        // A connection that was reset has an error to tell, once.
        if let Some(error) = stream.take_error()? {
            return Err(error);
        }
        stream.write_all(b"\r\n").await?;
    }
}

impl Cut {
    fn of(kind: Kind, stayed: impl Iterator<Item = Duration>, limit: Duration) -> Self {
        let stayed: Vec<Duration> = stayed.collect();
        let longest = stayed.iter().max().copied().unwrap_or_default();
        Self {
            name: kind.name(),
            connections: stayed.len(),
            kept: stayed.iter().filter(|stayed| **stayed >= limit).count(),
            longest_ms: u64::try_from(longest.as_millis()).unwrap_or(u64::MAX),
        }
    }
}

impl Slow {
    /// Clients that were not cut off, and hits that were none.
    pub(crate) fn faults(&self) -> u64 {
        self.cut.iter().map(|cut| cut.kept as u64).sum::<u64>() + self.hits_alone.failed + self.hits_beside.failed
    }

    pub(crate) fn table(&self) -> String {
        let rows: Vec<Vec<String>> = self
            .cut
            .iter()
            .map(|cut| {
                let figures =
                    [cut.connections.to_string(), cut.kept.to_string(), format!("{:.1}", cut.longest_ms as f64 / 1_000.0)];
                std::iter::once(cut.name.to_owned()).chain(figures).collect()
            })
            .collect();
        format!(
            "Slow clients; the service gives each {} s.\n{}\n\nExact hits, {HITS_RATE} a second; times in ms.\n{}{}",
            self.limit_seconds,
            lay_out(&["", "connections", "not cut off", "longest, s"], &rows),
            lay_out(&Hits::HEAD, &[self.hits_alone.row("alone"), self.hits_beside.row("beside slow clients")]),
            Hits::failures([&self.hits_alone, &self.hits_beside]),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_that_stays_past_its_time_counts_as_kept() {
        let (limit, second) = (Duration::from_secs(10), Duration::from_secs(1));
        let cut = Cut::of(Kind::Head, [second, limit, second * 3].into_iter(), limit);
        assert_eq!((cut.connections, cut.kept, cut.longest_ms), (3, 1, 10_000));
    }

    #[tokio::test]
    async fn a_server_that_says_something_or_hangs_up_ends_a_trickle() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut first = [0; 8];
            stream.read_exact(&mut first).await.unwrap();
        });
        let stayed = be_slow(address, Kind::Head, Duration::from_secs(9)).await.unwrap();
        server.await.unwrap();
        assert!(stayed < Duration::from_secs(5), "{stayed:?}");
    }

    #[tokio::test]
    async fn a_server_that_waits_for_ever_is_found_out() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let limit = Duration::from_millis(600);
        let stayed = be_slow(listener.local_addr().unwrap(), Kind::Body, limit).await.unwrap();
        assert!(stayed >= limit);
    }
}
