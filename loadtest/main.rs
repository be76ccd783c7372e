//! Puts the service under load over HTTP, checks every answer, and reports latencies. It fails on wrong answers and on errors, never on
//! times: those depend on the machine, and whoever reads them must judge.

mod arrivals;
mod capacity;
mod client;
mod fill;
mod html;
mod latency;
mod measure;
mod open_loop;
mod overload;
mod questions;
mod report;
mod sample;
mod slow;
mod soak;
mod target;
mod telemetry;
mod tenants;
mod trust;

use arrivals::Arrivals;
use clap::Parser;
use client::Connection;
use open_loop::Load;
use questions::Scenario;
use report::{Report, cores, say};
use sample::Sample;
use std::error::Error;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use target::Target;

/// The service's own allocator, so that the empty handler of `--capacity` differs from it in what it does and in nothing else.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Why a run failed.
type Failure = Box<dyn Error + Send + Sync>;

/// Requests of one scenario, so that no combination of rate and time runs for hours.
const REQUESTS_MAX: u64 = 2_000_000;

/// Load, capacity and latency of the service, every answer checked.
#[derive(Debug, Parser)]
#[command(name = "loadtest")]
struct Args {
    /// The service that is started for the run, on a free port and an empty folder.
    #[arg(long, value_name = "FILE", default_value = "target/release/instinct")]
    binary: PathBuf,
    /// A service on this machine that runs already, such as http://127.0.0.1:8005; the sample is loaded into it.
    #[arg(long, value_name = "URL", value_parser = target::loopback, conflicts_with = "binary")]
    target: Option<SocketAddr>,
    /// The folder of the sample.
    #[arg(long, value_name = "DIR", default_value = "sample")]
    sample: PathBuf,
    /// Seconds of each scenario, and of each round of --capacity.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=3_600))]
    seconds: u32,
    /// Requests a second; a rate of its own for each scenario where it is not said.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    rate: Option<u32>,
    /// Which texts are asked; `all` is each scenario in turn and the trust report.
    #[arg(long, value_name = "NAME", default_value = "all", value_parser = scenarios)]
    scenario: Scenarios,
    /// Connections, each with one request at a time.
    #[arg(long, default_value_t = 8, value_parser = connections)]
    connections: usize,
    /// When requests come: `even`, `bursts` (a second's requests in its first tenth), or a CSV whose first column is the time of each
    /// arrival, made faster or slower to the rate.
    #[arg(long, value_name = "HOW", default_value = "even")]
    arrivals: String,
    /// Only see what twice the capacity for new texts does, and what busy engines do to exact hits.
    #[arg(long)]
    overload: bool,
    /// Only see what clients that send or take a byte at a time do to exact hits of others, and when they are cut off.
    #[arg(long, conflicts_with = "target")]
    slow: bool,
    /// Only see what one noisy tenant does to the exact hits of others; the service is started with tenants of its own.
    #[arg(long, conflicts_with_all = ["target", "fill"])]
    tenants: bool,
    /// Only measure what traces cost exact hits: services without, with those of every hundredth request and with all, in turns.
    #[arg(long, conflicts_with_all = ["target", "fill"])]
    telemetry: bool,
    /// Also read the memory, the file handles and the threads of the service each second, and say how they grew.
    #[arg(long, conflicts_with = "target")]
    soak: bool,
    /// Only measure requests a second of exact hits, beside an HTTP handler that does nothing.
    #[arg(long)]
    capacity: bool,
    /// Threads of the empty handler's server; as many as the service has, which is one for each core where it is not told otherwise.
    #[arg(long, value_name = "N", requires = "capacity")]
    workers: Option<usize>,
    /// Only measure what one client sees that asks one new text after the other.
    #[arg(long)]
    latency: bool,
    /// Requests of --latency.
    #[arg(long, value_name = "N", default_value_t = 2_000, requires = "latency")]
    count: usize,
    /// Further texts that are loaded as entries first: NDJSON with a `text`, or CSV whose first column is the text.
    #[arg(long, value_name = "FILE")]
    fill: Option<PathBuf>,
    /// How many of them.
    #[arg(long, value_name = "N", default_value_t = 10_000, requires = "fill")]
    fill_count: usize,
    /// Also write the report as JSON.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Also write the report as one page with charts.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

/// One scenario, or all.
#[derive(Debug, Clone, Copy)]
enum Scenarios {
    One(Scenario),
    All,
}

fn scenarios(name: &str) -> Result<Scenarios, String> {
    if name == "all" {
        return Ok(Scenarios::All);
    }
    let one = Scenario::ALL.into_iter().find(|scenario| scenario.name() == name);
    one.map(Scenarios::One).ok_or_else(|| "it is one of exact, semantic, miss, mix, zipf, all".to_owned())
}

fn connections(digits: &str) -> Result<usize, String> {
    match digits.parse() {
        Ok(connections @ 1..=1_024) => Ok(connections),
        _ => Err("it is 1 to 1024".to_owned()),
    }
}

fn main() -> ExitCode {
    let args = Args::parse();
    match block_on(&args) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(faults) => {
            say(&format!("failed: {faults} wrong answers or errors"));
            ExitCode::FAILURE
        }
        Err(failure) => {
            say(&failure.to_string());
            ExitCode::FAILURE
        }
    }
}

/// Runs on one thread: a second one would only take a core from the service.
fn block_on(args: &Args) -> Result<u64, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        use tokio::signal::unix::{SignalKind, signal};
        let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        // Where the run is dropped, the service that it started is stopped.
        tokio::select! {
            faults = run(args) => faults,
            _ = interrupt.recv() => Err("interrupted".into()),
            _ = terminate.recv() => Err("terminated".into()),
        }
    })
}

async fn run(args: &Args) -> Result<u64, Failure> {
    let report = match args {
        Args { tenants: true, .. } => among_tenants(args).await?,
        Args { telemetry: true, binary, sample, .. } => {
            let telemetry = telemetry::run(binary, sample, (args.connections, args.seconds)).await?;
            Report { target: binary.display().to_string(), telemetry: Some(telemetry), ..Report::default() }
        }
        _ => of_one(args).await?,
    };
    report.print();
    if let Some(path) = &args.json {
        report.write(path)?;
    }
    if let Some(path) = &args.html {
        report.write_page(path)?;
    }
    Ok(report.faults())
}

async fn among_tenants(args: &Args) -> Result<Report, Failure> {
    let folder = tempfile::tempdir()?;
    let (settings, tenants) = tenants::prepare(&args.binary, folder.path())?;
    let target = Target::start_with(&args.binary, folder, settings).await?;
    let mixed = tenants::run(target.address, &args.sample, &tenants, args.seconds).await?;
    Ok(Report { target: target.name.clone(), tenants: Some(mixed), ..Report::default() })
}

async fn of_one(args: &Args) -> Result<Report, Failure> {
    let plan = plan(args)?;
    let target = match args.target {
        Some(address) => Target::running(address).await?,
        None if args.slow => Target::start_with(&args.binary, tempfile::tempdir()?, slow::settings()).await?,
        None => Target::start(&args.binary).await?,
    };
    let address = target.address;
    let mut connection = Connection::new(address);
    let sample = Arc::new(Sample::load(&args.sample, &mut connection).await?);
    if let Some(file) = &args.fill {
        let taken = fill::load(file, args.fill_count, &sample, &mut connection).await?;
        say(&format!("{taken} further entries are loaded"));
    }
    let entries = target.entries().await?;
    let mut report = Report { target: target.name.clone(), entries, ..Report::default() };
    if args.capacity {
        let workers = args.workers.unwrap_or_else(cores).max(1);
        report.capacity = Some(capacity::run(address, &sample, args.connections, args.seconds, workers).await?);
    }
    if args.latency {
        say(&format!("{} requests, one after the other", args.count));
        report.latency = Some(latency::run(address, &sample, args.count, entries).await?);
    }
    if args.overload {
        report.overload = Some(overload::run(address, &sample, args.seconds).await?);
    }
    if args.slow {
        report.slow = Some(slow::run(address, &sample, args.seconds).await?);
    }
    let arrivals = match args.arrivals.as_str() {
        "even" => Arrivals::Even,
        "bursts" => Arrivals::Bursts,
        path => Arrivals::recorded(path.as_ref())?,
    };
    let watch = target.pid().filter(|_| args.soak).map(soak::Watch::start);
    for (scenario, load) in plan {
        say(&format!("{}: {} requests a second for {} s", scenario.name(), load.rate, load.seconds));
        report.scenarios.push(open_loop::run(address, &sample, scenario, (load, arrivals.clone())).await?);
    }
    report.soak = watch.map(soak::Watch::end).transpose()?;
    if matches!(args.scenario, Scenarios::All) && !report.scenarios.is_empty() {
        report.trust = Some(trust::run(address, &sample).await?);
    }
    Ok(report)
}

/// Which scenarios run in the open loop: none where something else was asked for.
fn plan(args: &Args) -> Result<Vec<(Scenario, Load)>, Failure> {
    if args.capacity || args.latency || args.overload || args.slow {
        return Ok(Vec::new());
    }
    let chosen = match args.scenario {
        Scenarios::One(scenario) => vec![scenario],
        Scenarios::All => Scenario::ALL.to_vec(),
    };
    let load = |scenario: Scenario| {
        let rate = args.rate.unwrap_or_else(|| scenario.default_rate());
        match u64::from(rate) * u64::from(args.seconds) {
            0..=REQUESTS_MAX => Ok((scenario, Load { rate, seconds: args.seconds, connections: args.connections })),
            count => {
                Err(format!("{count} requests are more than the {REQUESTS_MAX} of one scenario; lower --rate or --seconds")
                    .into())
            }
        }
    };
    chosen.into_iter().map(load).collect()
}
