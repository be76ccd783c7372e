//! Tenants with rates of their own beside one that asks for as much as it can: what it does to them.

use crate::Failure;
use crate::client::Connection;
use crate::overload::{Hits, hits};
use crate::questions::{Asker, Scenario};
use crate::report::{say, table as lay_out};
use crate::sample::Sample;
use crate::target::Settings;
use serde::Serialize;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// Tenants with the requests a second that each may make, and those that it makes. The last is the noisy one and makes as many as it can.
const TENANTS: [(&str, u32, u32); 4] = [("large", 1_000, 150), ("medium", 200, 100), ("small", 80, 50), (NOISY, 50, 0)];
const NOISY: &str = "noisy";

/// Connections of the noisy one.
const NOISY_CONNECTIONS: usize = 64;

/// How long one request may take.
const WITHIN: Duration = Duration::from_secs(10);

/// The least pause after a refusal, so that the client's own cost is not what is measured: about 6,000 tries a second in all.
const AFTER_REFUSAL: Duration = Duration::from_millis(10);

/// One tenant, with its key.
#[derive(Debug)]
pub(crate) struct Tenant {
    name: &'static str,
    asks: u32,
    key: Arc<str>,
}

/// A quiet tenant's hits.
#[derive(Debug, Serialize)]
struct Quiet {
    name: &'static str,
    may_per_second: u32,
    alone: Hits,
    beside: Hits,
}

/// What the noisy one was answered.
#[derive(Debug, Default, Serialize)]
struct Noise {
    may_per_second: u32,
    seconds: f64,
    answered: u64,
    refused: u64,
    /// Its deadline passed while its texts waited to be embedded.
    late: u64,
    errors: u64,
    examples: Vec<String>,
}

/// What was seen.
#[derive(Debug, Serialize)]
pub(crate) struct Mixed {
    quiet: Vec<Quiet>,
    noisy: Noise,
}

/// The settings of a service for these tenants, whose keys go to a file in `folder`; and the tenants.
pub(crate) fn prepare(binary: &Path, folder: &Path) -> Result<(Settings, Vec<Tenant>), Failure> {
    let (keys, settings) = (folder.join("keys.toml"), folder.join("instinct.toml"));
    let mut tenants = Vec::new();
    let mut text = String::new();
    for (name, may, asks) in TENANTS {
        let made = Command::new(binary)
            .args(["keys", "new", "--tenant", name, "--role", "admin", "--file"])
            .arg(&keys)
            .output()
            .map_err(|e| format!("{} can't be started: {e}", binary.display()))?;
        if !made.status.success() {
            return Err(format!("no key could be made: {}", String::from_utf8_lossy(&made.stderr)).into());
        }
        tenants.push(Tenant { name, asks, key: String::from_utf8(made.stdout)?.trim().into() });
        text += &format!("[tenants.{name}.rate]\ndecide = {{ per_second = {may} }}\n");
    }
    std::fs::write(&settings, text)?;
    let set = |name: &str, path: &Path| (format!("INSTINCT_{name}"), path.display().to_string());
    Ok((vec![set("AUTH__KEYS_FILE", &keys), set("CONFIG", &settings)], tenants))
}

/// Asks for the hits of all quiet tenants, alone and beside the noisy one.
pub(crate) async fn run(address: SocketAddr, folder: &Path, tenants: &[Tenant], seconds: u32) -> Result<Mixed, Failure> {
    let mut samples = Vec::new();
    for tenant in tenants {
        say(&format!("the sample for the tenant {}", tenant.name));
        samples.push(Arc::new(Sample::load(folder, &mut Connection::keyed(address, &tenant.key)).await?));
    }
    say(&format!("the quiet tenants alone, {seconds} s"));
    let alone = quiet(address, (tenants, &samples), seconds).await?;
    say("the same beside the noisy one");
    let over = Arc::new(AtomicBool::new(false));
    let mut noise = JoinSet::new();
    if let Some((tenant, sample)) = tenants.iter().zip(&samples).find(|(tenant, _)| tenant.asks == 0) {
        for _ in 0..NOISY_CONNECTIONS {
            noise.spawn(make_noise(Connection::keyed(address, &tenant.key), Arc::clone(sample), Arc::clone(&over)));
        }
    }
    let since = Instant::now();
    let beside = quiet(address, (tenants, &samples), seconds).await?;
    over.store(true, Ordering::Relaxed);
    let mut noisy = Noise { seconds: since.elapsed().as_secs_f64(), ..Noise::default() };
    while let Some(one) = noise.join_next().await {
        noisy.add(one??);
    }
    let may = |name: &str| TENANTS.iter().find(|(of, _, _)| *of == name).map_or(0, |(_, may, _)| *may);
    noisy.may_per_second = may(NOISY);
    let of = |((name, alone), (_, beside))| Quiet { name, may_per_second: may(name), alone, beside };
    Ok(Mixed { quiet: alone.into_iter().zip(beside).map(of).collect(), noisy })
}

type Named = Vec<(&'static str, Hits)>;

async fn quiet(address: SocketAddr, (tenants, samples): (&[Tenant], &[Arc<Sample>]), seconds: u32) -> Result<Named, Failure> {
    let of = |(tenant, sample): (&Tenant, &Arc<Sample>)| {
        let (name, rate, sample) = (tenant.name, tenant.asks, Arc::clone(sample));
        let connection = Connection::keyed(address, &tenant.key);
        async move { Ok::<_, Failure>((name, hits(connection, &sample, (rate, seconds)).await?)) }
    };
    let asking = tenants.iter().zip(samples).filter(|(tenant, _)| tenant.asks > 0).map(of);
    futures_util::future::try_join_all(asking).await
}

async fn make_noise(mut connection: Connection, sample: Arc<Sample>, over: Arc<AtomicBool>) -> Result<Noise, Failure> {
    let mut asker = Asker::new(&sample, Scenario::Mix)?;
    let mut noise = Noise::default();
    while !over.load(Ordering::Relaxed) {
        match connection.ask(&asker.draw().request, WITHIN).await {
            Ok(reply) if reply.status == 200 => noise.answered += 1,
            Ok(reply) if matches!(reply.status, 429 | 503) => {
                noise.refused += 1;
                tokio::time::sleep(AFTER_REFUSAL).await;
            }
            Ok(reply) if reply.status == 504 => noise.late += 1,
            Ok(reply) => noise.error(reply.ok().err().map(|failure| failure.to_string()).unwrap_or_default()),
            Err(failure) => noise.error(failure.to_string()),
        }
    }
    Ok(noise)
}

impl Noise {
    fn error(&mut self, said: String) {
        self.errors += 1;
        self.examples.push(said);
        self.examples.truncate(5);
    }

    fn add(&mut self, other: Self) {
        self.answered += other.answered;
        self.refused += other.refused;
        self.late += other.late;
        self.errors += other.errors;
        self.examples.extend(other.examples);
        self.examples.truncate(5);
    }

    /// Whether it got more than its rate: what a second allows at once, and a tenth for the clocks.
    fn got_too_much(&self) -> bool {
        let may = f64::from(self.may_per_second);
        self.answered as f64 > may * (self.seconds + 1.0) * 1.1
    }
}

impl Mixed {
    /// Hits of quiet tenants that were none, errors, and a noisy tenant that got more than its rate.
    pub(crate) fn faults(&self) -> u64 {
        let failed = self.quiet.iter().map(|quiet| quiet.alone.failed + quiet.beside.failed).sum::<u64>();
        failed + self.noisy.errors + u64::from(self.noisy.got_too_much())
    }

    pub(crate) fn table(&self) -> String {
        let rows: Vec<Vec<String>> = self
            .quiet
            .iter()
            .flat_map(|quiet| {
                [quiet.alone.row(&format!("{} alone", quiet.name)), quiet.beside.row(&format!("{} beside", quiet.name))]
            })
            .collect();
        let noisy = &self.noisy;
        let mut text = format!(
            "Tenants; exact hits of the quiet ones alone and beside one that asks for as much as it can; times in ms.\n{}\n\
             the noisy one may make {} a second: {} were answered in {:.1} s, {} refused, {} too late, {} errors",
            lay_out(&Hits::HEAD, &rows),
            noisy.may_per_second,
            noisy.answered,
            noisy.seconds,
            noisy.refused,
            noisy.late,
            noisy.errors
        );
        text += &Hits::failures(self.quiet.iter().flat_map(|quiet| [&quiet.alone, &quiet.beside]));
        for example in &noisy.examples {
            text += &format!("\n  {example}");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_noisy_tenant_that_gets_more_than_its_rate_is_a_fault() {
        let got = |answered| Noise { may_per_second: 50, seconds: 10.0, answered, ..Noise::default() };
        assert!(!got(550).got_too_much() && got(700).got_too_much());
        let mixed = Mixed { quiet: Vec::new(), noisy: got(700) };
        assert_eq!(mixed.faults(), 1);
    }

    #[test]
    fn the_quiet_tenants_ask_for_less_than_they_may_and_one_is_noisy() {
        assert_eq!(TENANTS.iter().filter(|(_, _, asks)| *asks == 0).count(), 1);
        assert!(TENANTS.iter().all(|(_, may, asks)| asks < may));
    }
}
