//! `instinct health`: asks a running service how it is, for the health check of a container that has no other program.

use super::{Failure, Settings, block_on, say, tell};
use clap::Args;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::process::ExitCode;
use std::time::Duration;

/// Ask a running service whether it is ready.
#[derive(Debug, Args)]
pub(super) struct Health {
    #[command(flatten)]
    settings: Settings,
    /// Where it listens; as the settings say where absent.
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
    /// Ask only whether the process answers.
    #[arg(long)]
    live: bool,
    /// Milliseconds to wait.
    #[arg(long, value_name = "MS", default_value_t = 2_000, value_parser = clap::value_parser!(u64).range(1..=60_000))]
    timeout_ms: u64,
}

impl Health {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        let address = match self.listen {
            Some(address) => address,
            None => self.settings.load(None)?.server.listen,
        };
        let path = if self.live { "/health/live" } else { "/health/ready" };
        let url = format!("http://{}{path}", reachable(address));
        block_on(ask(&url, Duration::from_millis(self.timeout_ms)))
    }
}

/// Where a service that listens on `address` is asked from its own machine.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

async fn ask(url: &str, within: Duration) -> Result<ExitCode, Failure> {
    // No proxy stands between a program and its own machine.
    let client = reqwest::Client::builder().timeout(within).no_proxy().build()?;
    let response = client.get(url).send().await.map_err(|error| format!("{url} does not answer: {error}"))?;
    let status = response.status();
    tell(&response.text().await?)?;
    if status.is_success() {
        return Ok(ExitCode::SUCCESS);
    }
    say(&format!("{url} answers {status}"));
    Ok(ExitCode::FAILURE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_that_listens_everywhere_is_asked_on_its_own_machine() {
        for (listens, asked) in [
            ("0.0.0.0:8005", "127.0.0.1:8005"),
            ("[::]:8005", "[::1]:8005"),
            ("127.0.0.1:1", "127.0.0.1:1"),
            ("10.0.0.7:80", "10.0.0.7:80"),
        ] {
            assert_eq!(reachable(listens.parse().unwrap()), asked.parse().unwrap());
        }
    }
}
