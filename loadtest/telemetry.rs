//! What traces cost: exact hits in a closed loop on a service that sends none, on one that sends those of every hundredth request, and on
//! one that sends all, in turns. They are sent to a collector of this process, which takes them and does nothing.
//!
//! What counts is the time of a processor that the service takes for a request, which other programs of the machine change far less than
//! they change how many requests it gets done.

use crate::Failure;
use crate::capacity::{Round, closed_loop, table_of};
use crate::client::Connection;
use crate::questions::decide;
use crate::report::{cores, say, table as lay_out};
use crate::sample::Sample;
use crate::target::Target;
use actix_web::dev::ServerHandle;
use actix_web::web::Bytes;
use actix_web::{App, HttpResponse, HttpServer, web};
use serde::Serialize;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Rounds of each, in turns, so that a change of the machine's speed falls on all.
const ROUNDS: usize = 5;

const WARM_UP: Duration = Duration::from_millis(500);

/// The services, and the share of requests that each records; none where it is absent.
const SIDES: [(&str, Option<&str>); 3] = [("no traces", None), ("one in a hundred", Some("0.01")), ("all", Some("1"))];

/// What was measured.
#[derive(Debug, Serialize)]
pub(crate) struct Telemetry {
    rounds: Vec<Round>,
    /// Microseconds of a processor for a request, of each round.
    cpu_us: Vec<f64>,
    /// For each side, that time over the one without traces in the same round: the median over the rounds.
    ratios: Vec<(&'static str, f64)>,
}

/// Starts the services, loads the sample into each, and measures.
pub(crate) async fn run(binary: &Path, folder: &Path, (connections, seconds): (usize, u32)) -> Result<Telemetry, Failure> {
    let (collector, handle) = collector().await?;
    let mut services = Vec::new();
    let mut requests = Arc::default();
    for (name, share) in SIDES {
        let settings = share.map(|share| {
            let set = |name: &str, value: String| (format!("INSTINCT_TRACES__{name}"), value);
            vec![set("ENDPOINT", format!("http://{collector}")), set("SAMPLE", share.to_owned())]
        });
        let target = Target::start_with(binary, tempfile::tempdir()?, settings.unwrap_or_default()).await?;
        let sample = Sample::load(folder, &mut Connection::new(target.address)).await?;
        requests = Arc::new(sample.entries.iter().map(|entry| decide(&entry.text, &entry.tags)).collect::<Vec<_>>());
        services.push((name, target));
    }
    let threads = (cores() / 2).clamp(1, connections);
    for (name, target) in &services {
        closed_loop((name, target.address), &requests, (connections, threads), WARM_UP).await?;
    }
    let (mut rounds, mut cpu_us) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        say(&format!("round {} of {ROUNDS}, {seconds} s on each of {} services", round + 1, SIDES.len()));
        for (name, target) in &services {
            let length = Duration::from_secs(seconds.into());
            let before = processor_ns(target)?;
            let round = closed_loop((name, target.address), &requests, (connections, threads), length).await?;
            cpu_us.push((processor_ns(target)? - before) / 1_000.0 / (round.requests.max(1) as f64));
            rounds.push(round);
        }
    }
    handle.stop(false).await;
    let ratios = SIDES.iter().enumerate().map(|(side, (name, _))| (*name, median_ratio(&cpu_us, side))).collect();
    Ok(Telemetry { rounds, cpu_us, ratios })
}

/// The median over the rounds of what a side takes over what the first one takes in the same round.
fn median_ratio(cpu_us: &[f64], side: usize) -> f64 {
    let of = |round: &[f64]| Some(round.get(side)? / round.first()?);
    let mut ratios: Vec<f64> = cpu_us.chunks(SIDES.len()).filter_map(of).collect();
    ratios.sort_by(f64::total_cmp);
    ratios.get(ratios.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Nanoseconds that all threads of a service were on a processor so far.
fn processor_ns(target: &Target) -> Result<f64, Failure> {
    let pid = target.pid().ok_or("the service was not started here")?;
    let mut sum = 0.0;
    for thread in std::fs::read_dir(format!("/proc/{pid}/task"))? {
        // A thread may end while this is read.
        let text = std::fs::read_to_string(thread?.path().join("schedstat")).unwrap_or_default();
        sum += text.split_whitespace().next().and_then(|ns| ns.parse::<f64>().ok()).unwrap_or_default();
    }
    Ok(sum)
}

/// A collector of OTLP over HTTP that takes everything.
async fn collector() -> Result<(SocketAddr, ServerHandle), Failure> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = listener.local_addr()?;
    let (started, handle) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        actix_web::rt::System::new().block_on(async move {
            let take = |body: Bytes| async move {
                drop(body);
                HttpResponse::Ok().content_type("application/x-protobuf").finish()
            };
            let app = move || App::new().app_data(web::PayloadConfig::new(64 << 20)).default_service(web::to(take));
            let server = HttpServer::new(app).workers(1).disable_signals().listen(listener)?.run();
            if started.send(server.handle()).is_ok() { server.await } else { Ok(()) }
        })
    });
    Ok((address, handle.await.map_err(|_| "the collector didn't start")?))
}

impl Telemetry {
    pub(crate) fn faults(&self) -> u64 {
        self.rounds.iter().map(|round| round.errors).sum()
    }

    pub(crate) fn table(&self) -> String {
        let cells = |name: &str, ratio: f64, side: usize| {
            let of_side = self.cpu_us.iter().skip(side).step_by(SIDES.len());
            let mut row = vec![name.to_owned(), format!("{ratio:.3}")];
            row.extend(of_side.map(|us| format!("{us:.1}")));
            row
        };
        let rows: Vec<Vec<String>> =
            self.ratios.iter().enumerate().map(|(side, (name, ratio))| cells(name, *ratio, side)).collect();
        let head: Vec<String> = (1..=ROUNDS).map(|round| format!("round {round}")).collect();
        let head: Vec<&str> = ["µs of a processor", "ratio"].into_iter().chain(head.iter().map(String::as_str)).collect();
        format!(
            "What traces cost: exact hits in a closed loop, in turns; times in ms.\n{}\n\nFor a request; the ratio is the median over the rounds.\n{}",
            table_of(&self.rounds),
            lay_out(&head, &rows)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_is_within_a_round_and_the_median_over_all() {
        let cpu_us = [100.0, 102.0, 120.0, 50.0, 52.0, 55.0, 10.0, 15.0, 30.0];
        assert!((median_ratio(&cpu_us, 0) - 1.0).abs() < 1e-9);
        assert!((median_ratio(&cpu_us, 1) - 1.04).abs() < 1e-9);
        assert!((median_ratio(&cpu_us, 2) - 1.2).abs() < 1e-9);
    }

    #[tokio::test]
    async fn the_collector_takes_what_is_posted_anywhere() {
        let (address, handle) = collector().await.unwrap();
        let mut connection = Connection::new(address);
        let posted = crate::client::request("POST", "/v1/traces", "application/x-protobuf", b"spans");
        assert_eq!(connection.ask(&posted, Duration::from_secs(5)).await.unwrap().status, 200);
        handle.stop(false).await;
    }
}
