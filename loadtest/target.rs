//! The service under load: one that is running already on this machine, or one that is started here and stopped again.

use crate::Failure;
use crate::client::{Connection, request};
use crate::report::say;
use serde_json::Value;
use std::fs::File;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How long the service may take until it is ready. A checksum of the model and an empty store take about a second.
const READY_WITHIN: Duration = Duration::from_secs(60);

/// How long it may take to stop: its own drain time and the last sync.
const STOPPED_WITHIN: Duration = Duration::from_secs(30);

const ASK_WITHIN: Duration = Duration::from_secs(10);

/// Settings of a service, as variables of its environment.
pub(crate) type Settings = Vec<(String, String)>;

/// A service that answers.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) address: SocketAddr,
    pub(crate) name: String,
    started: Option<Started>,
}

/// A service that was started here: stopped, and its data removed, when it is dropped.
#[derive(Debug)]
struct Started {
    child: Child,
    folder: TempDir,
    was_ready: bool,
}

/// Reads a `--target`. Only this machine may be put under load.
pub(crate) fn loopback(url: &str) -> Result<SocketAddr, String> {
    let Some(rest) = url.strip_prefix("http://") else {
        return Err(format!("`{url}` doesn't start with http://; a loopback target needs no TLS"));
    };
    let authority = rest.strip_suffix('/').unwrap_or(rest);
    if authority.contains(['/', '?', '#', '@']) {
        return Err(format!("`{url}` must end after its port"));
    }
    let refused = || {
        format!("`{authority}` is not on this machine: only 127.0.0.0/8, [::1] and localhost, with a port, may be put under load")
    };
    let address = match authority.strip_prefix("localhost:") {
        Some(port) => SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port.parse().map_err(|_| refused())?),
        // Names are never looked up: what they mean may be elsewhere.
        None => authority.parse::<SocketAddr>().map_err(|_| refused())?,
    };
    if address.ip().is_loopback() { Ok(address) } else { Err(refused()) }
}

impl Target {
    /// A service that is running already.
    pub(crate) async fn running(address: SocketAddr) -> Result<Self, Failure> {
        ready(address).await.map_err(|e| format!("the target isn't ready: {e}"))?;
        Ok(Self { address, name: format!("http://{address}"), started: None })
    }

    /// Starts the real binary on a free port and an empty folder, and waits until it is ready.
    pub(crate) async fn start(binary: &Path) -> Result<Self, Failure> {
        Self::start_with(binary, tempfile::tempdir()?, Vec::new()).await
    }

    /// The same with a folder that has something in it already, and with settings, as variables of the environment.
    pub(crate) async fn start_with(binary: &Path, folder: TempDir, settings: Settings) -> Result<Self, Failure> {
        // The port is free now; should another program take it first, the service says so and the run ends.
        let address = TcpListener::bind((IpAddr::from(Ipv4Addr::LOCALHOST), 0))?.local_addr()?;
        let log = File::create(folder.path().join("service.log"))?;
        let child = Command::new(binary)
            .arg("serve")
            .arg("--listen")
            .arg(address.to_string())
            .arg("--data-dir")
            .arg(folder.path().join("data"))
            .envs(settings)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .map_err(|e| {
                format!(
                    "{} can't be started: {e}; build it with `cargo build --release`, or name it with --binary",
                    binary.display()
                )
            })?;
        let mut started = Started { child, folder, was_ready: false };
        let since = Instant::now();
        loop {
            if let Some(status) = started.child.try_wait()? {
                return Err(format!("the service ended with {status}; its last words:\n{}", started.last_words()).into());
            }
            match ready(address).await {
                Ok(()) => break,
                Err(e) if since.elapsed() > READY_WITHIN => {
                    return Err(format!(
                        "the service wasn't ready within {} s: {e}\n{}",
                        READY_WITHIN.as_secs(),
                        started.last_words()
                    )
                    .into());
                }
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
        started.was_ready = true;
        say(&format!("{} is ready at {address} after {:.1} s", binary.display(), since.elapsed().as_secs_f64()));
        Ok(Self { address, name: binary.display().to_string(), started: Some(started) })
    }

    /// The process, where it was started here.
    pub(crate) fn pid(&self) -> Option<u32> {
        self.started.as_ref().map(|started| started.child.id())
    }

    /// Entries that the service holds.
    pub(crate) async fn entries(&self) -> Result<u64, Failure> {
        let mut connection = Connection::new(self.address);
        let reply = connection.ask(&request("GET", "/health/ready", "application/json", b""), ASK_WITHIN).await?;
        let state: Value = serde_json::from_slice(reply.ok()?)?;
        Ok(state.pointer("/parts/cache/entries").and_then(Value::as_u64).unwrap_or_default())
    }
}

async fn ready(address: SocketAddr) -> Result<(), Failure> {
    let mut connection = Connection::new(address);
    connection.ask(&request("GET", "/health/ready", "application/json", b""), ASK_WITHIN).await?.ok().map(|_| ())
}

impl Started {
    fn last_words(&self) -> String {
        let log = std::fs::read_to_string(self.folder.path().join("service.log")).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines.get(lines.len().saturating_sub(20)..).unwrap_or_default().join("\n")
    }

    /// Asks it to stop, and waits. Only a service that doesn't listen is killed.
    fn stop(&mut self) -> Result<(), Failure> {
        if self.child.try_wait()?.is_some() {
            return Err(format!("the service ended during the run; its last words:\n{}", self.last_words()).into());
        }
        // The standard library can only kill; `kill` is in every POSIX system.
        Command::new("kill").arg("-TERM").arg(self.child.id().to_string()).status()?;
        let since = Instant::now();
        while since.elapsed() < STOPPED_WITHIN {
            match self.child.try_wait()? {
                Some(status) if status.success() => return Ok(()),
                Some(status) => {
                    return Err(format!("the service stopped with {status}; its last words:\n{}", self.last_words()).into());
                }
                None => std::thread::sleep(Duration::from_millis(20)),
            }
        }
        Err(format!("the service didn't stop within {} s and is killed", STOPPED_WITHIN.as_secs()).into())
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        if let Err(failure) = self.stop() {
            // One that never was ready has been complained about already.
            if self.was_ready {
                say(&failure.to_string());
            }
            // Nothing is left to do about a failure here: it has ended already, or the system refuses.
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_may_be_put_under_load() {
        assert!(loopback("http://127.0.0.1:8005").is_ok());
        assert!(loopback("http://localhost:8005/").is_ok());
        assert!(loopback("http://[::1]:8005").is_ok());
        for elsewhere in
            ["http://example.com:80", "http://10.0.0.1:8005", "https://127.0.0.1:1", "http://127.0.0.1", "http://127.0.0.1:1/v1"]
        {
            assert!(loopback(elsewhere).is_err(), "{elsewhere}");
        }
    }
}
