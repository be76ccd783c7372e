//! The settings of the whole service: each module's own `Config`, gathered from defaults, file, environment and flags.

use crate::domain::ids::TenantId;
use crate::{
    admission, audit, cache, decide, embed, engine, facts, index, llm, redis, solver, store, telemetry, tenant, warehouse,
};
use figment::Figment;
use figment::providers::{Env, Format, Toml};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// The commented defaults, which are the reference of every setting.
pub const DEFAULTS: &str = include_str!("../config.default.toml");

/// Every setting.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The HTTP server.
    pub server: Server,
    /// Logs.
    pub log: telemetry::logs::Config,
    /// Traces.
    #[serde(default)]
    pub traces: telemetry::traces::Config,
    /// Strategies.
    pub strategies: Strategies,
    /// Where records last.
    pub store: Store,
    /// Processes that share a store.
    pub replicas: decide::Replicas,
    /// How a Redis is reached.
    pub redis: redis::Config,
    /// Text to vector.
    pub embed: embed::Config,
    /// Who may have a text embedded.
    #[serde(default)]
    pub admission: admission::Config,
    /// Vectors that are known.
    pub embedding_cache: cache::embedding::Config,
    /// What short texts say.
    pub facts: facts::Config,
    /// Vector to neighbours.
    pub index: index::Config,
    /// What thinks.
    pub engine: engine::Config,
    /// Solvers.
    #[serde(default)]
    pub solver: solver::Config,
    /// The warehouse that questions about data are put to.
    #[serde(default)]
    pub warehouse: warehouse::Settings,
    /// Optimisation plans.
    #[serde(default)]
    pub plans: decide::plans::Config,
    /// Datasets.
    #[serde(default)]
    pub datasets: decide::datasets::Config,
    /// Language models.
    pub llm: llm::Config,
    /// Work in the background.
    pub upkeep: Upkeep,
    /// What was done, by whom.
    #[serde(default)]
    pub audit: audit::Config,
    /// Who is let in.
    #[serde(default)]
    pub auth: tenant::AuthConfig,
    /// What each tenant may have.
    #[serde(default)]
    pub tenants: BTreeMap<TenantId, tenant::TenantConfig>,
}

/// The HTTP server.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Server {
    /// Address and port.
    pub listen: SocketAddr,
    /// Whether an address beyond this machine is allowed although callers are asked for no credentials.
    pub allow_remote: bool,
    /// Threads; 0 is one for each core.
    pub workers: usize,
    /// Open connections.
    pub connections_max: usize,
    /// Seconds for which an idle connection is kept.
    pub keep_alive_sec: u64,
    /// Seconds that a client has to send the head of a request.
    pub head_within_sec: u64,
    /// Seconds that it has for a body.
    pub body_within_sec: u64,
    /// Seconds after which a client that takes nothing of its answer is cut off.
    pub taken_within_sec: u64,
    /// Seconds that requests under way get to end.
    pub drain_sec: u64,
    /// Bulk writes at once.
    pub bulk_writes_max: usize,
}

/// Strategies.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Strategies {
    /// Their folder.
    pub dir: PathBuf,
    /// The one of a request that names none.
    pub default: String,
}

/// Where records last.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Store {
    /// Which implementation, and where it is.
    pub backend: store::Backend,
    /// Folder of the embedded one.
    pub data_dir: PathBuf,
    /// Its queue and its bounds.
    #[serde(default)]
    pub embedded: store::Config,
    /// What is kept for a store on a server while it is away.
    #[serde(default)]
    pub journal: store::journal::Config,
    /// The same of the one in Redis.
    #[serde(default)]
    pub redis: store::RedisConfig,
}

/// Work in the background.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Upkeep {
    /// Seconds between sweeps.
    pub sweep_sec: u64,
    /// Seconds between two times at which the graphs of the indexes are kept.
    pub save_graphs_sec: u64,
}

/// Why the settings can't be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file isn't there.
    #[error("there is no configuration file {path}")]
    NoFile {
        /// What was given.
        path: PathBuf,
    },
    /// A setting is unknown, missing or of the wrong type.
    #[error("{0}")]
    Bad(Box<figment::Error>),
    /// A rule between settings is broken.
    #[error("{setting}: {rule}")]
    Rule {
        /// Which setting.
        setting: &'static str,
        /// What it must be.
        rule: String,
    },
}

/// What flags of the command line override.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    /// `--listen`.
    pub listen: Option<SocketAddr>,
    /// `--data-dir`.
    pub data_dir: Option<PathBuf>,
    /// `--store`.
    pub store: Option<store::Backend>,
}

/// Variables of the environment that are not settings: where set-up scripts put the model files, and the file of settings itself.
const NOT_SETTINGS: [&str; 2] = ["config", "runtime_dir"];

impl Config {
    /// Gathers the settings: defaults, then `file`, then the environment, then `overrides`.
    ///
    /// # Errors
    /// [`ConfigError`], which names the setting and where it came from.
    pub fn load(file: Option<&Path>, overrides: &Overrides) -> Result<Self, ConfigError> {
        let mut figment = Figment::from(Toml::string(DEFAULTS));
        if let Some(path) = file {
            if !path.is_file() {
                return Err(ConfigError::NoFile { path: path.to_owned() });
            }
            figment = figment.merge(Toml::file_exact(path));
        }
        let environment = Env::prefixed("INSTINCT_").filter(|key| !NOT_SETTINGS.iter().any(|n| key == *n)).split("__");
        let mut config: Self = figment.merge(environment).extract().map_err(|e| ConfigError::Bad(Box::new(e)))?;
        if let Some(listen) = overrides.listen {
            config.server.listen = listen;
        }
        if let Some(dir) = &overrides.data_dir {
            config.store.data_dir.clone_from(dir);
        }
        if let Some(store) = &overrides.store {
            config.store.backend.clone_from(store);
        }
        if let Some(dir) = std::env::var_os("INSTINCT_RUNTIME_DIR") {
            config.embed.runtime_dir = dir.into();
        }
        config.check()?;
        Ok(config)
    }

    /// Reads a text as a file of settings, and checks what it makes of the defaults.
    #[cfg(fuzzing)]
    pub fn fuzz(text: &str) {
        if let Ok(config) = Figment::from(Toml::string(DEFAULTS)).merge(Toml::string(text)).extract::<Self>() {
            let _ = config.check();
        }
    }

    fn check(&self) -> Result<(), ConfigError> {
        let rule = |setting, rule: &str| Err(ConfigError::Rule { setting, rule: rule.to_owned() });
        if !self.server.listen.ip().is_loopback() && !self.auth.asks() && !self.server.allow_remote {
            return rule(
                "server.listen",
                "callers are asked for no credentials, so only a loopback address is allowed: set auth.keys_file or [auth.jwt]; or \
                 server.allow_remote = true where the network itself keeps strangers out",
            );
        }
        if self.index.search == index::server::Where::Server && self.store.backend == store::Backend::Embedded {
            return rule("index.search", "\"server\" has Redis search, so store.backend must be a Redis too");
        }
        if self.embedding_cache.texts_max == 0 {
            return rule("embedding_cache.texts_max", "it must be at least 1");
        }
        if self.upkeep.sweep_sec == 0 {
            return rule("upkeep.sweep_sec", "it must be at least 1");
        }
        if self.server.bulk_writes_max == 0 || self.server.connections_max == 0 {
            return rule("server", "bulk_writes_max and connections_max must be at least 1");
        }
        let Server { head_within_sec, body_within_sec, taken_within_sec, .. } = self.server;
        if [head_within_sec, body_within_sec, taken_within_sec].iter().any(|seconds| !(1..=3_600).contains(seconds)) {
            return rule("server", "head_within_sec, body_within_sec and taken_within_sec must be 1 to 3600");
        }
        let broken = |setting, error: &dyn std::fmt::Display| ConfigError::Rule { setting, rule: error.to_string() };
        self.traces.check().map_err(|e| ConfigError::Rule { setting: "traces", rule: e.to_string() })?;
        self.admission.check().map_err(|e| broken("admission", &e))?;
        self.audit.check().map_err(|e| broken("audit", &e))?;
        self.index.validate().map_err(|e| broken("index", &e))?;
        self.engine.check().map_err(|e| broken("engine", &e))?;
        self.solver.check().map_err(|e| broken("solver", &e))?;
        self.warehouse.check().map_err(|e| broken("warehouse", &e))?;
        self.plans.check().map_err(|e| broken("plans", &e))?;
        self.datasets.check().map_err(|e| broken("datasets", &e))?;
        self.replicas.check().map_err(|e| broken("replicas", &e))?;
        self.llm.check().map_err(|e| broken("llm", &e))?;
        self.store.embedded.check().map_err(|e| broken("store.embedded", &e))?;
        self.store.journal.check().map_err(|e| broken("store.journal", &e))?;
        self.auth.check().map_err(|e| broken("auth", &e))?;
        tenant::check_tenants(&self.tenants).map_err(|e| broken("tenants", &e))?;
        self.store.redis.check().map_err(|e| broken("store.redis", &e))?;
        self.redis.check().map_err(|e| broken("redis", &e))?;
        telemetry::logs::check(&self.log).map(drop).map_err(|e| ConfigError::Rule { setting: "log.level", rule: e.to_string() })
    }
}
