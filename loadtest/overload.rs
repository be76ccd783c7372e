//! What the service does with more than it can do.
//!
//! First its capacity for new texts is found in a closed loop. Then twice as many come in an open loop, each with a deadline: what is
//! answered in time is goodput, and what is refused should be refused at once. At last exact hits are asked while engines are kept as busy
//! as they can be, beside the same without them.

use crate::Failure;
use crate::arrivals::Arrivals;
use crate::client::{Connection, Reply};
use crate::measure::{Latencies, Quantiles};
use crate::open_loop::{Due, Load, pace};
use crate::questions::{Ask, Asker, Scenario, Verdict, read};
use crate::report::{percent, say, table as lay_out};
use crate::sample::Sample;
use serde::Serialize;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinSet;

/// Connections of the closed loop that finds the capacity: enough for all workers to be busy, and not more than are answered in time.
const CAPACITY_CONNECTIONS: usize = 16;

/// Connections of the flood. Each carries one request at a time, so there must be more than are ever under way.
const FLOOD_CONNECTIONS: usize = 512;

/// Milliseconds that each request gives the service.
const DEADLINE_MS: u32 = 500;

/// How late an answer may come over the wire of a busy machine and still count as in time.
const WIRE: Duration = Duration::from_millis(5);

/// Requests that may wait for a connection.
const WAITING_MAX: usize = 10_000;

/// How long a client waits at most.
const WITHIN: Duration = Duration::from_secs(10);

/// Exact hits a second beside busy engines.
pub(crate) const HITS_RATE: u32 = 300;

/// Connections that keep the engines busy.
const ENGINE_CONNECTIONS: usize = 32;

/// What was seen. Times are in microseconds.
#[derive(Debug, Serialize)]
pub(crate) struct Overload {
    /// New texts a second in a closed loop, answered in time.
    capacity_per_second: f64,
    flood: Flood,
    /// Goodput of the flood over the capacity.
    goodput_ratio: f64,
    hits_alone: Hits,
    hits_beside_engines: Hits,
    /// Requests that asked the engines meanwhile.
    engine_requests: u64,
}

/// A flood's answers.
#[derive(Debug, Default, Serialize)]
struct Flood {
    rate: u32,
    seconds: u32,
    sent: u64,
    in_time: u64,
    /// Answers that came after their deadline.
    late: u64,
    refused: u64,
    /// Refusals without `Retry-After` would be errors; so is any status but 200, 429, 503 and 504.
    errors: u64,
    gave_up: u64,
    unsent: u64,
    answered_us: Option<Quantiles>,
    refused_us: Option<Quantiles>,
    examples: Vec<String>,
}

/// Exact hits at a steady rate.
#[derive(Debug, Serialize)]
pub(crate) struct Hits {
    requests: u64,
    pub(crate) failed: u64,
    service_us: Quantiles,
    /// What the first that failed were answered.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    examples: Vec<String>,
}

/// Failures that are shown.
const EXAMPLES_MAX: usize = 3;

/// How one request ended.
#[derive(Debug)]
enum End {
    Answered,
    Refused,
    GaveUp,
    Error(String),
}

/// Runs the three parts.
pub(crate) async fn run(address: SocketAddr, sample: &Arc<Sample>, seconds: u32) -> Result<Overload, Failure> {
    say(&format!("capacity: a closed loop of {CAPACITY_CONNECTIONS} connections, {} s", seconds.min(10)));
    let capacity = capacity(address, sample, Duration::from_secs(u64::from(seconds.min(10)))).await?;
    let rate = ((2.0 * capacity).round() as u32).max(2);
    say(&format!("flood: {rate} requests a second for {seconds} s, twice the capacity"));
    let flood = flood(address, sample, Load { rate, seconds, connections: FLOOD_CONNECTIONS }).await?;
    say(&format!("exact hits alone, {HITS_RATE} a second"));
    let part = seconds.min(20);
    let hits_alone = hits(Connection::new(address), sample, (HITS_RATE, part)).await?;
    say("exact hits while the engines are kept busy");
    let (hits_beside_engines, engine_requests) = beside_engines(address, sample, part).await?;
    let goodput = flood.in_time as f64 / f64::from(seconds);
    let goodput_ratio = goodput / capacity;
    Ok(Overload { capacity_per_second: capacity, flood, goodput_ratio, hits_alone, hits_beside_engines, engine_requests })
}

fn new_texts(sample: &Arc<Sample>) -> Result<Asker, Failure> {
    Ok(Asker::new(sample, Scenario::Semantic)?.with(Ask { allow: "fast", deadline_ms: Some(DEADLINE_MS) }))
}

async fn capacity(address: SocketAddr, sample: &Arc<Sample>, length: Duration) -> Result<f64, Failure> {
    let asker = Arc::new(Mutex::new(new_texts(sample)?));
    let start = Instant::now();
    let mut all = JoinSet::new();
    for _ in 0..CAPACITY_CONNECTIONS {
        let asker = Arc::clone(&asker);
        all.spawn(async move {
            let (mut connection, mut in_time) = (Connection::new(address), 0_u64);
            while start.elapsed() < length {
                let question = asker.lock().await.draw();
                let sent = Instant::now();
                let reply = connection.ask(&question.request, WITHIN).await?;
                let answered = matches!(end(&reply), End::Answered);
                in_time += u64::from(answered && sent.elapsed() <= Duration::from_millis(DEADLINE_MS.into()) + WIRE);
            }
            Ok::<u64, Failure>(in_time)
        });
    }
    let mut in_time = 0;
    while let Some(one) = all.join_next().await {
        in_time += one??;
    }
    if in_time == 0 {
        return Err("no new text was answered in time, so there is no capacity to exceed".into());
    }
    Ok(in_time as f64 / start.elapsed().as_secs_f64())
}

/// What the connections of the flood saw, all in one place: a histogram for each would take the flood's first half second to lay out, in
/// which its first requests would pile up and then all come at once.
struct Seen {
    flood: Flood,
    answered: Latencies,
    refused: Latencies,
}

impl Seen {
    fn record(&mut self, end: End, took: Duration) {
        let flood = &mut self.flood;
        flood.sent += 1;
        match end {
            End::Answered => {
                self.answered.record(took);
                if took <= Duration::from_millis(DEADLINE_MS.into()) + WIRE { flood.in_time += 1 } else { flood.late += 1 }
            }
            End::Refused => {
                self.refused.record(took);
                flood.refused += 1;
            }
            End::GaveUp => flood.gave_up += 1,
            End::Error(said) => {
                flood.errors += 1;
                if flood.examples.len() < EXAMPLES_MAX {
                    flood.examples.push(said);
                }
            }
        }
    }
}

async fn flood(address: SocketAddr, sample: &Arc<Sample>, load: Load) -> Result<Flood, Failure> {
    let mut asker = new_texts(sample)?;
    let (send, receive) = mpsc::channel(WAITING_MAX);
    let waiting = Arc::new(Mutex::new(receive));
    let mut connections: Vec<Connection> = (0..load.connections).map(|_| Connection::new(address)).collect();
    for connection in &mut connections {
        connection.open().await?;
    }
    let seen = Seen { flood: Flood::default(), answered: Latencies::new()?, refused: Latencies::new()? };
    let seen = Arc::new(Mutex::new(seen));
    let start = Instant::now();
    let mut all = JoinSet::new();
    for connection in connections {
        all.spawn(drown(connection, Arc::clone(&waiting), Arc::clone(&seen)));
    }
    drop(waiting);
    let pacer = std::thread::spawn(move || pace(&mut asker, (load, &Arrivals::Even), start, &send));
    while let Some(one) = all.join_next().await {
        one?;
    }
    let unsent = pacer.join().map_err(|_| "the thread that paces requests panicked")?;
    let mut seen = seen.lock().await;
    let (answered, refused) = (seen.answered.quantiles(), seen.refused.quantiles());
    let flood = std::mem::take(&mut seen.flood);
    let Load { rate, seconds, .. } = load;
    Ok(Flood { rate, seconds, unsent, answered_us: Some(answered), refused_us: Some(refused), ..flood })
}

async fn drown(mut connection: Connection, waiting: Arc<Mutex<mpsc::Receiver<Due>>>, seen: Arc<Mutex<Seen>>) {
    loop {
        let next = waiting.lock().await.recv().await;
        let Some(due) = next else { return };
        let sent = Instant::now();
        let end = match connection.ask(&due.question.request, WITHIN).await {
            Ok(reply) => end(&reply),
            Err(failure) => End::Error(failure.to_string()),
        };
        let took = sent.elapsed();
        seen.lock().await.record(end, took);
    }
}

fn end(reply: &Reply<'_>) -> End {
    match reply.status {
        200 => read(reply).map_or_else(|failure| End::Error(failure.to_string()), |_| End::Answered),
        429 | 503 => End::Refused,
        504 => End::GaveUp,
        _ => End::Error(reply.ok().err().map(|failure| failure.to_string()).unwrap_or_default()),
    }
}

/// Asks for exact hits on one connection, `rate` of them a second.
pub(crate) async fn hits(mut connection: Connection, sample: &Arc<Sample>, (rate, seconds): (u32, u32)) -> Result<Hits, Failure> {
    let mut asker = Asker::new(sample, Scenario::Exact)?;
    let mut latencies = Latencies::new()?;
    let (mut requests, mut failed, mut examples) = (0, 0, Vec::new());
    let start = Instant::now();
    for i in 0..u64::from(rate) * u64::from(seconds) {
        let question = asker.draw();
        tokio::time::sleep_until((start + Arrivals::Even.due(i, rate)).into()).await;
        let sent = Instant::now();
        let reply = connection.ask(&question.request, WITHIN).await;
        latencies.record(sent.elapsed());
        requests += 1;
        let verdict = reply.and_then(|reply| Ok(read(&reply)?.judge(question.rule, sample)));
        let said = match verdict {
            Ok(Verdict::Served) => continue,
            Ok(other) => format!("{other:?}"),
            Err(failure) => failure.to_string(),
        };
        failed += 1;
        if examples.len() < EXAMPLES_MAX {
            examples.push(said);
        }
    }
    Ok(Hits { requests, failed, service_us: latencies.quantiles(), examples })
}

async fn beside_engines(address: SocketAddr, sample: &Arc<Sample>, seconds: u32) -> Result<(Hits, u64), Failure> {
    let asker = Asker::new(sample, Scenario::Miss)?.with(Ask { allow: "engine", deadline_ms: Some(DEADLINE_MS) });
    let (asker, over) = (Arc::new(Mutex::new(asker)), Arc::new(std::sync::atomic::AtomicBool::new(false)));
    let mut all = JoinSet::new();
    for _ in 0..ENGINE_CONNECTIONS {
        let (asker, over) = (Arc::clone(&asker), Arc::clone(&over));
        all.spawn(async move {
            let (mut connection, mut asked) = (Connection::new(address), 0_u64);
            while !over.load(std::sync::atomic::Ordering::Relaxed) {
                let question = asker.lock().await.draw();
                // However they end: what counts is what they do to the hits.
                if connection.ask(&question.request, WITHIN).await.is_err() {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
                asked += 1;
            }
            asked
        });
    }
    let hits = hits(Connection::new(address), sample, (HITS_RATE, seconds)).await;
    over.store(true, std::sync::atomic::Ordering::Relaxed);
    let mut asked = 0;
    while let Some(one) = all.join_next().await {
        asked += one?;
    }
    Ok((hits?, asked))
}

impl Hits {
    /// The head of a table of hits.
    pub(crate) const HEAD: [&str; 8] = ["hits", "count", "failed", "p50", "p90", "p99", "p99.9", "max"];

    /// What failed hits were answered, a line for each.
    pub(crate) fn failures<'a>(all: impl IntoIterator<Item = &'a Self>) -> String {
        all.into_iter().flat_map(|hits| &hits.examples).map(|example| format!("\n  {example}")).collect()
    }

    /// As a row of it.
    pub(crate) fn row(&self, name: &str) -> Vec<String> {
        let first = [name.to_owned(), self.requests.to_string(), self.failed.to_string()];
        first.into_iter().chain(self.service_us.cells()).collect()
    }
}

impl Overload {
    /// Errors: refusals and late answers are figures, for whoever reads them.
    pub(crate) fn faults(&self) -> u64 {
        self.flood.errors + self.hits_alone.failed + self.hits_beside_engines.failed
    }

    pub(crate) fn table(&self) -> String {
        let cells = |name: &str, count: u64, quantiles: Option<&Quantiles>| {
            let first = [name.to_owned(), count.to_string(), percent(count, self.flood.sent)];
            first.into_iter().chain(quantiles.map(Quantiles::cells).unwrap_or_default()).collect::<Vec<String>>()
        };
        let flood = &self.flood;
        let rows = [
            cells("answered in time", flood.in_time, flood.answered_us.as_ref()),
            cells("answered late", flood.late, None),
            cells("refused", flood.refused, flood.refused_us.as_ref()),
            cells("504", flood.gave_up, None),
            cells("errors", flood.errors, None),
        ];
        let beside = format!("beside {} engine requests", self.engine_requests);
        let of_hits = [self.hits_alone.row("alone"), self.hits_beside_engines.row(&beside)];
        format!(
            "Overload: capacity {:.0} new texts a second; {} a second for {} s, deadline {DEADLINE_MS} ms; times in ms.\n{}\n\
             goodput is {:.2} of the capacity; {} were never sent\n\nExact hits, {HITS_RATE} a second; times in ms.\n{}{}",
            self.capacity_per_second,
            flood.rate,
            flood.seconds,
            lay_out(&["flood", "count", "share", "p50", "p90", "p99", "p99.9", "max"], &rows),
            self.goodput_ratio,
            flood.unsent,
            lay_out(&Hits::HEAD, &of_hits),
            Hits::failures([&self.hits_alone, &self.hits_beside_engines]),
        )
    }
}
