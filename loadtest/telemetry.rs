//! What traces cost: exact hits in a closed loop on a service that sends none, on one that sends those of every hundredth request, and on
//! one that sends all, in turns. They are sent to a collector of this process, which takes them and does nothing; it has the same cores.

use crate::Failure;
use crate::capacity::{Round, closed_loop, table_of};
use crate::client::Connection;
use crate::questions::decide;
use crate::report::{cores, say};
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
    /// For each side, its requests a second over those of the one without traces: the median over the rounds.
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
    let mut rounds = Vec::new();
    for round in 0..ROUNDS {
        say(&format!("round {} of {ROUNDS}, {seconds} s on each of {} services", round + 1, SIDES.len()));
        for (name, target) in &services {
            let length = Duration::from_secs(seconds.into());
            rounds.push(closed_loop((name, target.address), &requests, (connections, threads), length).await?);
        }
    }
    handle.stop(false).await;
    let ratios = SIDES.iter().enumerate().map(|(side, (name, _))| (*name, median_ratio(&rounds, side))).collect();
    Ok(Telemetry { rounds, ratios })
}

/// The median over the rounds of a side's requests a second over those of the first side in the same round.
fn median_ratio(rounds: &[Round], side: usize) -> f64 {
    let of = |round: &[Round]| Some(round.get(side)?.per_second / round.first()?.per_second);
    let mut ratios: Vec<f64> = rounds.chunks(SIDES.len()).filter_map(of).collect();
    ratios.sort_by(f64::total_cmp);
    ratios.get(ratios.len() / 2).copied().unwrap_or(f64::NAN)
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
        let ratios: Vec<String> = self.ratios.iter().map(|(name, ratio)| format!("{name} {ratio:.3}")).collect();
        format!(
            "What traces cost: exact hits in a closed loop, in turns; times in ms.\n{}\nrequests a second over those without traces, median of {ROUNDS} rounds: {}",
            table_of(&self.rounds),
            ratios.join(", ")
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_is_within_a_round_and_the_median_over_all() {
        let round = |per_second| Round::of("x", per_second).unwrap();
        let rounds: Vec<Round> = [100.0, 98.0, 90.0, 50.0, 48.0, 45.0, 10.0, 5.0, 1.0].map(round).into_iter().collect();
        assert!((median_ratio(&rounds, 0) - 1.0).abs() < 1e-9);
        assert!((median_ratio(&rounds, 1) - 0.96).abs() < 1e-9);
        assert!((median_ratio(&rounds, 2) - 0.9).abs() < 1e-9);
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
