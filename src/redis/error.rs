//! What Redis refuses, in words that an operator can act on.

use fred::error::{Error, ErrorKind};

/// What the client itself says of a command whose connection is gone; the server's refusals begin with other words.
const OF_THE_CLIENT: [&str; 5] = [
    "Too many failed write attempts",
    "Failed to route command",
    "Failed to send command to router",
    "Client is not initialized",
    "Missing expected connection",
];

/// Why Redis can't be reached or did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the fields are the words of each message")]
pub enum RedisError {
    /// A setting can't be used.
    #[error("the setting redis.{field}: {rule}")]
    Setting { field: &'static str, rule: String },
    /// It can't be connected to, or the connection broke.
    #[error("Redis can't be reached: {detail}")]
    Unreachable { detail: String },
    /// It did not answer in time.
    #[error("Redis did not answer within {ms} ms")]
    Timeout { ms: u64 },
    /// It reads its files after a start.
    #[error("Redis is still loading its data: {detail}")]
    Loading { detail: String },
    /// Nobody serves the key just now.
    #[error("the Redis Cluster does not serve this key just now: {detail}")]
    ClusterDown { detail: String },
    /// It is a replica, which takes no writes.
    #[error(
        "this Redis is a replica and takes no writes ({detail}): name the primary, or the sentinels or the cluster that know it"
    )]
    ReadOnly { detail: String },
    /// Its memory is full.
    #[error("the memory of Redis is full ({detail}): raise its maxmemory, shorten times to live, or delete entries")]
    OutOfMemory { detail: String },
    /// It can't write its files, or has too few replicas, and refuses writes for that.
    #[error("Redis refuses writes because it could not keep them: {detail}")]
    Unsafe { detail: String },
    /// Too few acknowledged in time.
    #[error("Redis has the write, and {what} within {ms} ms")]
    NotAcknowledged { what: String, ms: u64 },
    /// User or password are wrong or missing.
    #[error("Redis does not accept the user or the password: {detail}")]
    Credentials { detail: String },
    /// The user may not do that.
    #[error(
        "the user of Redis lacks a right: {detail}; it needs +@read +@write +@scripting +@connection +info +time, in a cluster +cluster, on the keys ~{{*}}* and ~instinct:*"
    )]
    Denied { detail: String },
    /// A key holds another type of value.
    #[error("a key in Redis holds another type of value than it should: {detail}")]
    WrongType { detail: String },
    /// Encryption failed.
    #[error("the encrypted connection to Redis failed: {detail}; check tls_ca_file, the server's name and its certificate")]
    Tls { detail: String },
    /// It is too old.
    #[error("this Redis is version {found}, and {needed} or later is needed")]
    Version { found: String, needed: &'static str },
    /// Anything else that it said.
    #[error("Redis refused: {detail}")]
    Refused { detail: String },
    /// This process is shutting down.
    #[error("the connection to Redis is closed")]
    Closed,
}

impl RedisError {
    pub(super) fn setting(field: &'static str, rule: String) -> Self {
        Self::Setting { field, rule }
    }

    /// Of what the client says of a command that had `ms` milliseconds.
    pub(super) fn of(error: &Error, ms: u64) -> Self {
        match error.kind() {
            ErrorKind::Timeout => Self::Timeout { ms },
            _ => Self::said(error),
        }
    }

    fn said(error: &Error) -> Self {
        let detail = error.details().to_owned();
        // What a script raises goes on after the error itself: `… script: 5f1b…, on @user_script:12.`
        let detail = detail.split(" script: ").next().unwrap_or_default().trim_end_matches(',').to_owned();
        match detail.split_whitespace().next().unwrap_or_default() {
            "NOAUTH" | "WRONGPASS" => return Self::Credentials { detail },
            "NOPERM" => return Self::Denied { detail },
            "OOM" => return Self::OutOfMemory { detail },
            "READONLY" => return Self::ReadOnly { detail },
            "WRONGTYPE" => return Self::WrongType { detail },
            "LOADING" => return Self::Loading { detail },
            "MISCONF" | "NOREPLICAS" => return Self::Unsafe { detail },
            "CLUSTERDOWN" | "MOVED" | "ASK" | "TRYAGAIN" | "MASTERDOWN" => return Self::ClusterDown { detail },
            _ => {}
        }
        if ["InvalidCertificate", "InvalidMessage", "AlertReceived", "PeerIncompatible"].iter().any(|sign| detail.contains(sign))
        {
            return Self::Tls { detail };
        }
        match error.kind() {
            ErrorKind::IO
            | ErrorKind::Canceled
            | ErrorKind::Routing
            | ErrorKind::Sentinel
            | ErrorKind::Backpressure
            | ErrorKind::Protocol => Self::Unreachable { detail },
            ErrorKind::Auth => Self::Credentials { detail },
            ErrorKind::Cluster => Self::ClusterDown { detail },
            ErrorKind::Tls => Self::Tls { detail },
            _ if OF_THE_CLIENT.iter().any(|words| detail.starts_with(words)) => Self::Unreachable { detail },
            _ => Self::Refused { detail },
        }
    }

    /// The kind in metrics: a constant word.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Setting { .. } => "setting",
            Self::Unreachable { .. } => "unreachable",
            Self::Timeout { .. } => "timeout",
            Self::Loading { .. } => "loading",
            Self::ClusterDown { .. } => "cluster-down",
            Self::ReadOnly { .. } => "read-only",
            Self::OutOfMemory { .. } => "out-of-memory",
            Self::Unsafe { .. } => "unsafe",
            Self::NotAcknowledged { .. } => "not-acknowledged",
            Self::Credentials { .. } => "credentials",
            Self::Denied { .. } => "denied",
            Self::WrongType { .. } => "wrong-type",
            Self::Tls { .. } => "tls",
            Self::Version { .. } => "version",
            Self::Refused { .. } => "refused",
            Self::Closed => "closed",
        }
    }

    /// Whether it is away: nobody answers, or whoever answers is not yet or no longer the one to ask.
    pub fn away(&self) -> bool {
        matches!(
            self,
            Self::Unreachable { .. }
                | Self::Timeout { .. }
                | Self::Loading { .. }
                | Self::ClusterDown { .. }
                | Self::ReadOnly { .. }
        )
    }

    /// Whether the same command may succeed later without anybody changing it. What an operator has to put right counts, for that is
    /// done while this process goes on.
    pub fn passes(&self) -> bool {
        self.away()
            || matches!(
                self,
                Self::OutOfMemory { .. }
                    | Self::Unsafe { .. }
                    | Self::NotAcknowledged { .. }
                    | Self::Credentials { .. }
                    | Self::Denied { .. }
                    | Self::Tls { .. }
            )
    }

    /// Whether the one that is connected to should be left for whoever serves now.
    pub(super) fn wants_another(&self) -> bool {
        matches!(self, Self::Timeout { .. } | Self::ReadOnly { .. } | Self::ClusterDown { .. })
    }
}
