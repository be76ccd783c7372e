//! Load at a constant rate, whatever the service does.
//!
//! Every request has a moment at which it is due, and its latency counts from there. A client that waits for each answer before it
//! sends the next request slows down together with the service and leaves out just the requests that would have waited: coordinated
//! omission. See Gil Tene, "How NOT to Measure Latency", and wrk2, which corrects for it the same way. The time from the actual send is
//! kept beside it: where the two differ, requests stood in a queue.

use crate::Failure;
use crate::arrivals::Arrivals;
use crate::client::Connection;
use crate::measure::{Latencies, Quantiles};
use crate::questions::{Asker, Question, Scenario, Verdict, read};
use crate::report::{percent, table as lay_out};
use crate::sample::Sample;
use serde::Serialize;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinSet;

/// Requests that are due and wait for a connection. Past it they count as unsent, so that memory stays bounded.
const WAITING_MAX: usize = 10_000;

/// How long one request may take.
pub(crate) const ANSWERED_WITHIN: Duration = Duration::from_secs(10);

/// How long after the last request was due those that still wait may be sent.
const GRACE: Duration = Duration::from_secs(5);

/// Requests before the measurement, so that it doesn't see the service's first touch of its memory.
const WARM_UP_REQUESTS: usize = 50;

/// A request that is sent later than this after it was due is counted as late.
const LATE_AFTER: Duration = Duration::from_millis(1);

/// A sleeping thread wakes up to about this much after it asked to; the rest is spent in a busy wait, so that requests aren't sent late by
/// the timer's own slack. The price is at most this much of one core for each request.
const SLEEP_SLACK: Duration = Duration::from_micros(60);

/// Faulty answers that are shown.
const EXAMPLES_MAX: usize = 5;

/// How much load.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Load {
    pub(crate) rate: u32,
    pub(crate) seconds: u32,
    pub(crate) connections: usize,
}

/// What a scenario showed. Times are in microseconds.
#[derive(Debug, Serialize)]
pub(crate) struct ScenarioReport {
    scenario: &'static str,
    rate_asked: u32,
    rate_achieved: f64,
    requests: u64,
    /// From the moment at which the request was due.
    from_intended_us: Quantiles,
    /// From the moment at which it was sent.
    service_us: Quantiles,
    served: u64,
    abstained: u64,
    pub(crate) wrong: u64,
    pub(crate) errors: u64,
    /// Sent more than 1 ms after they were due.
    late: u64,
    /// Never sent: too many waited, or the run was over.
    unsent: u64,
    pub(crate) examples: Vec<String>,
}

/// A request with the moment at which it is due.
#[derive(Debug)]
pub(crate) struct Due {
    pub(crate) at: Instant,
    pub(crate) question: Question,
}

/// What one connection saw.
#[derive(Debug)]
struct Seen {
    from_intended: Latencies,
    service: Latencies,
    requests: u64,
    late: u64,
    unsent: u64,
    last: Option<Instant>,
    tally: Tally,
}

/// Answers by verdict.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) served: u64,
    pub(crate) abstained: u64,
    pub(crate) wrong: u64,
    pub(crate) errors: u64,
    pub(crate) examples: Vec<String>,
}

/// Runs one scenario to its end.
pub(crate) async fn run(
    address: SocketAddr,
    sample: &Arc<Sample>,
    scenario: Scenario,
    (load, arrivals): (Load, Arrivals),
) -> Result<ScenarioReport, Failure> {
    let mut asker = Asker::new(sample, scenario)?;
    let mut connections: Vec<Connection> = (0..load.connections).map(|_| Connection::new(address)).collect();
    for connection in &mut connections {
        connection.open().await?;
    }
    for _ in 0..WARM_UP_REQUESTS.div_ceil(load.connections) {
        for connection in &mut connections {
            connection.ask(&asker.draw().request, ANSWERED_WITHIN).await?.ok()?;
        }
    }
    let (send, receive) = mpsc::channel(WAITING_MAX);
    let waiting = Arc::new(Mutex::new(receive));
    let start = Instant::now();
    let give_up = start + Duration::from_secs(load.seconds.into()) + GRACE;
    let mut all = JoinSet::new();
    for connection in connections {
        all.spawn(serve(connection, Arc::clone(&waiting), Arc::clone(sample), give_up));
    }
    drop(waiting);
    let pacer = std::thread::spawn(move || pace(&mut asker, (load, &arrivals), start, &send));
    let mut seen = Seen::new()?;
    while let Some(one) = all.join_next().await {
        seen.add(one??)?;
    }
    let unpaced = pacer.join().map_err(|_| "the thread that paces requests panicked")?;
    seen.unsent += unpaced;
    let took = seen.last.map_or(Duration::ZERO, |last| last.duration_since(start));
    Ok(ScenarioReport {
        scenario: scenario.name(),
        rate_asked: load.rate,
        rate_achieved: seen.requests as f64 / took.as_secs_f64().max(f64::from(load.seconds)),
        requests: seen.requests,
        from_intended_us: seen.from_intended.quantiles(),
        service_us: seen.service.quantiles(),
        served: seen.tally.served,
        abstained: seen.tally.abstained,
        wrong: seen.tally.wrong,
        errors: seen.tally.errors,
        late: seen.late,
        unsent: seen.unsent,
        examples: seen.tally.examples,
    })
}

/// Hands out each request when it is due, and says how many found no room. A thread of its own, because the timers of an event loop
/// are a millisecond coarse: ten times what an exact hit takes.
pub(crate) fn pace(asker: &mut Asker, (load, arrivals): (Load, &Arrivals), start: Instant, send: &mpsc::Sender<Due>) -> u64 {
    let count = u64::from(load.rate) * u64::from(load.seconds);
    let mut unsent = 0;
    for i in 0..count {
        // Drawn before it is due, so that the drawing isn't measured.
        let question = asker.draw();
        let at = start + arrivals.due(i, load.rate);
        let early = at.saturating_duration_since(Instant::now());
        if early > SLEEP_SLACK {
            std::thread::sleep(early - SLEEP_SLACK);
        }
        while Instant::now() < at {
            std::hint::spin_loop();
        }
        match send.try_send(Due { at, question }) {
            Ok(()) => {}
            Err(mpsc::error::TrySendError::Full(_)) => unsent += 1,
            Err(mpsc::error::TrySendError::Closed(_)) => return unsent + (count - i),
        }
    }
    unsent
}

/// Takes what is due, one request after the other, until there is no more.
async fn serve(
    mut connection: Connection,
    waiting: Arc<Mutex<mpsc::Receiver<Due>>>,
    sample: Arc<Sample>,
    give_up: Instant,
) -> Result<Seen, Failure> {
    let mut seen = Seen::new()?;
    loop {
        let next = waiting.lock().await.recv().await;
        let Some(Due { at, question }) = next else { return Ok(seen) };
        let sent = Instant::now();
        if sent > give_up {
            seen.unsent += 1;
            continue;
        }
        let reply = connection.ask(&question.request, ANSWERED_WITHIN).await;
        let end = Instant::now();
        seen.requests += 1;
        seen.late += u64::from(sent.saturating_duration_since(at) > LATE_AFTER);
        seen.from_intended.record(end.saturating_duration_since(at));
        seen.service.record(end.saturating_duration_since(sent));
        seen.last = Some(end);
        let verdict = match reply.and_then(|reply| read(&reply).map(|answer| answer.judge(question.rule, &sample))) {
            Ok(verdict) => verdict,
            Err(failure) => Verdict::Error(failure.to_string()),
        };
        seen.tally.count(verdict);
    }
}

impl Seen {
    fn new() -> Result<Self, Failure> {
        let (from_intended, service) = (Latencies::new()?, Latencies::new()?);
        Ok(Self { from_intended, service, requests: 0, late: 0, unsent: 0, last: None, tally: Tally::default() })
    }

    fn add(&mut self, other: Self) -> Result<(), Failure> {
        self.from_intended.add(&other.from_intended)?;
        self.service.add(&other.service)?;
        self.requests += other.requests;
        self.late += other.late;
        self.unsent += other.unsent;
        self.last = self.last.max(other.last);
        self.tally.add(other.tally);
        Ok(())
    }
}

impl Tally {
    pub(crate) fn count(&mut self, verdict: Verdict) {
        let example = match verdict {
            Verdict::Served => return self.served += 1,
            Verdict::Abstained => return self.abstained += 1,
            Verdict::Wrong(said) => {
                self.wrong += 1;
                format!("wrong: {said}")
            }
            Verdict::Error(said) => {
                self.errors += 1;
                format!("error: {said}")
            }
        };
        if self.examples.len() < EXAMPLES_MAX {
            self.examples.push(example);
        }
    }

    fn add(&mut self, other: Self) {
        self.served += other.served;
        self.abstained += other.abstained;
        self.wrong += other.wrong;
        self.errors += other.errors;
        self.examples.extend(other.examples);
        self.examples.truncate(EXAMPLES_MAX);
    }
}

/// Two rows for each scenario: from the intended moment, and from the actual send.
pub(crate) fn table(reports: &[ScenarioReport]) -> String {
    let head = [
        "scenario",
        "from",
        "asked/s",
        "achieved/s",
        "requests",
        "p50",
        "p90",
        "p99",
        "p99.9",
        "max",
        "wrong",
        "errors",
        "hits",
        "late",
        "unsent",
    ];
    let rows = reports.iter().flat_map(|report| {
        let first = [
            report.scenario,
            "intended",
            &report.rate_asked.to_string(),
            &format!("{:.1}", report.rate_achieved),
            &report.requests.to_string(),
        ];
        let last = [
            report.wrong.to_string(),
            report.errors.to_string(),
            percent(report.served, report.requests),
            report.late.to_string(),
            report.unsent.to_string(),
        ];
        let first = first.map(str::to_owned).into_iter().chain(report.from_intended_us.cells()).chain(last).collect();
        let service = ["", "service", "", "", ""].map(str::to_owned).into_iter().chain(report.service_us.cells()).collect();
        [first, service]
    });
    let mut text = lay_out(&head, &rows.collect::<Vec<Vec<String>>>());
    if reports.iter().any(|report| report.unsent > 0) {
        text.push_str("\nSome requests were never sent, so the true latencies at this rate are worse than these.");
    }
    text
}
