//! `instinct serve`: config, open, listen, wait, drain.

use super::{Failure, Settings, block_on};
use crate::app::App;
use crate::audit::{self, AuditError};
use crate::config::Config;
use crate::domain::audit_chain::{Action, Deed, Outcome};
use crate::domain::ids::TenantId;
use crate::domain::role::Roles;
use crate::tenant::Credentials;
use crate::{api, telemetry};
use actix_web::web::Data;
use clap::Args;
use serde_json::{Value, json};
use std::net::{SocketAddr, TcpListener};
use std::process::ExitCode;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

/// Run the service.
#[derive(Debug, Args)]
pub(super) struct Serve {
    #[command(flatten)]
    settings: Settings,
    /// Address and port to listen on.
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
}

impl Serve {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        let config = self.settings.load(self.listen)?;
        telemetry::logs::start(&config.log)?;
        telemetry::traces::start(&config.traces)?;
        let served = block_on(serve(config));
        telemetry::traces::stop();
        served?;
        Ok(ExitCode::SUCCESS)
    }
}

async fn serve(config: Config) -> Result<(), Failure> {
    let since = Instant::now();
    // The port is taken first: where another service has it, nothing else has to be undone.
    let listener = listen(config.server.listen)?;
    let credentials = Data::new(Credentials::open(&config.auth)?);
    let app = Data::new(App::open_to_serve(&config).await?);
    let restored = &app.restored;
    tracing::info!(
        entries = restored.entries,
        from_graphs = restored.from_graphs,
        components = restored.components,
        texts = restored.texts,
        bars = restored.bars,
        ended = restored.ended,
        other_model = restored.other_model,
        damaged = restored.damaged,
        took_ms = u64::try_from(restored.took.as_millis()).unwrap_or(u64::MAX),
        "memory is filled from the store"
    );
    // Memory answers also where nothing can be written, so a start that can't be put on record is no reason to serve nobody.
    if let Err(error) = record(&app, Action::ServiceStart, started(&app, &config)).await {
        tracing::error!(%error, "the start could not be put on record");
    }
    let upkeep = actix_web::rt::spawn({
        let app = Data::clone(&app);
        let (upkeep, audit) = (config.upkeep.clone(), config.audit.clone());
        async move { App::keep_up(&app.into_inner(), &upkeep, &audit).await }
    });
    let following = actix_web::rt::spawn({
        let decider = Arc::clone(&app.decider);
        async move { decider.keep_in_step().await }
    });
    let knowing = actix_web::rt::spawn(know_callers(Data::clone(&credentials)));
    let noting = actix_web::rt::spawn(note_reloads(Data::clone(&app), Data::clone(&credentials)));
    let server = api::server(Data::clone(&app), Data::clone(&credentials), listener, &config)?;
    let address = config.server.listen;
    if !credentials.asked_for() && !address.ip().is_loopback() {
        tracing::warn!(%address, "server.allow_remote: EVERYBODY who reaches this address may do EVERYTHING without credentials");
    }
    tracing::info!(%address, model = %app.decider.embedder.model(), started_in_ms = u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX),
        "Instinct is listening; see http://{address}/docs/");
    let handle = server.handle();
    let stopping = Arc::new(OnceLock::new());
    let signals = actix_web::rt::spawn({
        let (app, stopping) = (Data::clone(&app), Arc::clone(&stopping));
        async move {
            stop_asked().await;
            let _ = stopping.set(Instant::now());
            tracing::info!("stopping: requests under way are being ended");
            app.start_draining();
            handle.stop(true).await;
        }
    });
    server.await?;
    signals.abort();
    upkeep.abort();
    following.abort();
    knowing.abort();
    noting.abort();
    // What was learnt from the last requests is kept too, but a slow engine must not hold up the end.
    // The same seconds are for both: who still waited for an answer took of them.
    let drain =
        Duration::from_secs(config.server.drain_sec).saturating_sub(stopping.get().map_or(Duration::ZERO, Instant::elapsed));
    if tokio::time::timeout(drain, app.decider.settled()).await.is_err() {
        tracing::warn!("engines that are still at work were left behind");
        app.decider.plans.give_up();
        app.decider.numeric.give_up();
    }
    app.decider.embedder.close();
    app.decider.store.flush().await?;
    app.into_inner().save_graphs().await;
    tracing::info!("stopped");
    Ok(())
}

/// Asks the issuer of tokens for its keys, and keeps all keys fresh. An issuer that is away delays no start: API keys work without it.
async fn know_callers(credentials: Data<Credentials>) {
    if !credentials.refresh().await {
        tracing::warn!("no token can be checked until the issuer's signing keys are there");
    }
    credentials.keep_fresh().await;
}

/// Puts something on record that nobody asked for over the wire.
async fn record(app: &App, action: Action, about: Value) -> Result<(), AuditError> {
    let deed = Deed {
        tenant: TenantId::default_tenant(),
        user: Some("instinct serve".into()),
        roles: Roles::ALL,
        action,
        about: audit::about(about)?,
        outcome: Outcome::Done,
        trace: None,
    };
    app.audit.append(deed).await.map(drop)
}

/// With what this process serves: digests that are the same where it is the same, under one version of the program.
fn started(app: &App, config: &Config) -> Value {
    let digest = |text: &str| blake3::hash(text.as_bytes()).to_string();
    let of = |value: Option<Value>| value.map(|value| digest(&value.to_string()));
    let strategies = &app.decider.strategies;
    let strategy = |(name, strategy): (&crate::domain::ids::StrategyName, &Arc<crate::domain::strategy::Strategy>)| {
        json!({
            "name": name, "version": strategy.version, "digest": of(serde_json::to_value(&**strategy).ok()),
            "calibration": of(strategies.calibrations.get(name).and_then(|calibration| serde_json::to_value(&**calibration).ok())),
        })
    };
    json!({
        "version": env!("CARGO_PKG_VERSION"), "model": app.decider.embedder.model().to_string(),
        // What is printed of the settings holds no secret.
        "config": digest(&format!("{config:?}")), "strategies": strategies.by_name.iter().map(strategy).collect::<Vec<_>>(),
    })
}

/// Puts each time on record that the API keys were read again.
async fn note_reloads(app: Data<App>, credentials: Data<Credentials>) {
    let Some(mut reloads) = credentials.key_reloads() else { return };
    while reloads.changed().await.is_ok() {
        if let Err(error) = record(&app, Action::KeysReload, json!({ "keys": credentials.state().api_keys })).await {
            tracing::error!(%error, "that the API keys were read again could not be put on record");
        }
    }
}

/// Waits for SIGTERM or SIGINT.
async fn stop_asked() {
    use tokio::signal::unix::{SignalKind, signal};
    match (signal(SignalKind::terminate()), signal(SignalKind::interrupt())) {
        (Ok(mut terminate), Ok(mut interrupt)) => {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        }
        _ => std::future::pending().await,
    }
}

fn listen(address: SocketAddr) -> Result<TcpListener, Failure> {
    let listener = TcpListener::bind(address)
        .map_err(|e| format!("{address} can't be listened on: {e}; another service may have it, choose one with --listen"))?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}
