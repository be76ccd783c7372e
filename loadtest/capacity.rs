//! Requests a second in a closed loop, beside an HTTP handler that does nothing: what the service costs over its own frame.

use crate::Failure;
use crate::client::{Connection, request};
use crate::measure::{Latencies, Quantiles};
use crate::open_loop::ANSWERED_WITHIN;
use crate::questions::decide;
use crate::report::{cores, say, table};
use crate::sample::Sample;
use actix_web::dev::ServerHandle;
use actix_web::web::{Bytes, Data};
use actix_web::{App, HttpResponse, HttpServer, web};
use serde::Serialize;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// How often each of the two is measured, alternating, so that a change of the machine's speed falls on both.
const ROUNDS: usize = 2;

/// Load before the first round, of each.
const WARM_UP: Duration = Duration::from_millis(500);

/// What every right answer has near its start.
const MARK: &[u8] = b"\"path\":\"exact\"";

/// Where the mark is looked for.
const MARK_WITHIN: usize = 256;

/// What was measured.
#[derive(Debug, Serialize)]
pub(crate) struct Capacity {
    connections: usize,
    client_threads: usize,
    workers: usize,
    answer_bytes: usize,
    rounds: Vec<Round>,
    /// Requests a second of the service over those of the empty handler, each over all rounds.
    ratio: f64,
}

/// One measurement.
#[derive(Debug, Serialize)]
pub(crate) struct Round {
    of: &'static str,
    per_second: f64,
    pub(crate) requests: u64,
    pub(crate) errors: u64,
    latency_us: Quantiles,
}

/// The empty handler.
#[derive(Debug, Clone)]
struct Empty {
    answer: Bytes,
}

/// Measures both.
pub(crate) async fn run(
    service: SocketAddr,
    sample: &Sample,
    connections: usize,
    seconds: u32,
    workers: usize,
) -> Result<Capacity, Failure> {
    let for_service: Arc<Vec<Vec<u8>>> = Arc::new(sample.entries.iter().map(|entry| decide(&entry.text, &entry.tags)).collect());
    // Its answer is one of the service's own, so that both write and read the same bytes.
    let first = for_service.first().ok_or("the sample has no entries")?;
    let answer = Bytes::copy_from_slice(Connection::new(service).ask(first, ANSWERED_WITHIN).await?.ok()?);
    let answer_bytes = answer.len();
    let (empty, handle) = empty_server(Empty { answer }, workers).await?;
    let for_empty: Arc<Vec<Vec<u8>>> =
        Arc::new(sample.entries.iter().map(|entry| to_empty(&decide(&entry.text, &entry.tags))).collect());

    // The client must not be what limits, nor take all cores from the servers.
    let client_threads = (cores() / 2).clamp(1, connections);
    let length = Duration::from_secs(seconds.into());
    let sides = [("service", service, &for_service), ("empty handler", empty, &for_empty)];
    for (of, address, requests) in sides {
        closed_loop((of, address), requests, (connections, client_threads), WARM_UP).await?;
    }
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        for (of, address, requests) in sides {
            say(&format!("closed loop on the {of}, {seconds} s"));
            rounds.push(closed_loop((of, address), requests, (connections, client_threads), length).await?);
        }
    }
    handle.stop(false).await;
    let mean = |of: &str| rounds.iter().filter(|round| round.of == of).map(|round| round.per_second).sum::<f64>() / ROUNDS as f64;
    let ratio = mean("service") / mean("empty handler");
    Ok(Capacity { connections, client_threads, workers, answer_bytes, rounds, ratio })
}

/// The same body, posted to the empty handler.
fn to_empty(decide: &[u8]) -> Vec<u8> {
    let body = decide.windows(4).position(|window| window == b"\r\n\r\n").and_then(|end| decide.get(end + 4..));
    request("POST", "/empty", "application/json", body.unwrap_or_default())
}

/// Starts the server with the empty handler on a thread of its own.
async fn empty_server(empty: Empty, workers: usize) -> Result<(SocketAddr, ServerHandle), Failure> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = listener.local_addr()?;
    let (started, handle) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        actix_web::rt::System::new().block_on(async move {
            let server = HttpServer::new(move || {
                let answer = |body: Bytes, empty: Data<Empty>| async move {
                    // The body is read; that is all that is done with it.
                    drop(body);
                    HttpResponse::Ok().content_type("application/json").body(empty.answer.clone())
                };
                App::new().app_data(Data::new(empty.clone())).route("/empty", web::post().to(answer))
            });
            let server = server.workers(workers).disable_signals().listen(listener)?.run();
            // Where nobody waits any more, the run is over and the server ends with it.
            if started.send(server.handle()).is_ok() { server.await } else { Ok(()) }
        })
    });
    Ok((address, handle.await.map_err(|_| "the empty handler's server didn't start")?))
}

/// Asks on all connections, each as soon as it has its answer.
pub(crate) async fn closed_loop(
    (of, address): (&'static str, SocketAddr),
    requests: &Arc<Vec<Vec<u8>>>,
    (connections, threads): (usize, usize),
    length: Duration,
) -> Result<Round, Failure> {
    let start = Instant::now();
    let end = start + length;
    let mut all = JoinSet::new();
    for thread in 0..threads {
        let requests = Arc::clone(requests);
        all.spawn_blocking(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(async move {
                let mut own = JoinSet::new();
                for connection in (thread..connections).step_by(threads) {
                    own.spawn(ask_until(end, address, Arc::clone(&requests), connection));
                }
                let mut seen = Vec::new();
                while let Some(one) = own.join_next().await {
                    seen.push(one??);
                }
                Ok::<_, Failure>(seen)
            })
        });
    }
    let (mut latencies, mut requests, mut errors) = (Latencies::new()?, 0, 0);
    while let Some(thread) = all.join_next().await {
        for (l, r, e) in thread?? {
            latencies.add(&l)?;
            requests += r;
            errors += e;
        }
    }
    let per_second = (requests - errors) as f64 / start.elapsed().as_secs_f64();
    Ok(Round { of, per_second, requests, errors, latency_us: latencies.quantiles() })
}

/// Asks one request after the other: latencies, requests, errors.
async fn ask_until(
    end: Instant,
    address: SocketAddr,
    requests: Arc<Vec<Vec<u8>>>,
    from: usize,
) -> Result<(Latencies, u64, u64), Failure> {
    let mut connection = Connection::new(address);
    connection.open().await?;
    let (mut latencies, mut count, mut errors) = (Latencies::new()?, 0, 0);
    // Connections start at different texts.
    for request in requests.iter().cycle().skip(from * 37 % requests.len().max(1)) {
        let sent = Instant::now();
        if sent >= end {
            break;
        }
        let good = match connection.ask(request, ANSWERED_WITHIN).await {
            Ok(reply) => reply.status == 200 && reply.body.windows(MARK.len()).take(MARK_WITHIN).any(|window| window == MARK),
            Err(_) => false,
        };
        latencies.record(sent.elapsed());
        count += 1;
        errors += u64::from(!good);
    }
    Ok((latencies, count, errors))
}

/// The rounds as a table.
pub(crate) fn table_of(rounds: &[Round]) -> String {
    let rows: Vec<Vec<String>> = rounds
        .iter()
        .map(|round| {
            let first =
                [round.of.to_owned(), format!("{:.0}", round.per_second), round.requests.to_string(), round.errors.to_string()];
            first.into_iter().chain(round.latency_us.cells()).collect()
        })
        .collect();
    let head = ["closed loop", "requests/s", "requests", "errors", "p50", "p90", "p99", "p99.9", "max"];
    table(&head, &rows)
}

impl Capacity {
    pub(crate) fn faults(&self) -> u64 {
        self.rounds.iter().map(|round| round.errors).sum()
    }

    pub(crate) fn table(&self) -> String {
        format!(
            "Capacity for exact hits: {} connections on {} client threads, {} workers in the empty handler's server, answers of {} bytes; times in ms.\n{}\n\
             ratio: the service does {:.3} of the empty handler's requests a second",
            self.connections,
            self.client_threads,
            self.workers,
            self.answer_bytes,
            table_of(&self.rounds),
            self.ratio
        )
    }
}
