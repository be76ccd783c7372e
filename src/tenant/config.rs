//! The settings of credentials and of tenants.

use crate::domain::field::FieldError;
use crate::domain::ids::TenantId;
use crate::domain::role::Role;
use crate::limits::TENANTS_NAMED_MAX;
use crate::store::buckets::Rate;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Who is let in.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AuthConfig {
    /// A file of hashed API keys.
    pub keys_file: Option<PathBuf>,
    /// Seconds between two times at which that file is read again.
    pub reload_sec: u64,
    /// Who may read `/metrics`.
    pub metrics: MetricsReaders,
    /// Tokens of an identity provider.
    pub jwt: Option<JwtConfig>,
}

impl Default for AuthConfig {
    fn default() -> Self {
        Self { keys_file: None, reload_sec: 10, metrics: MetricsReaders::Loopback, jwt: None }
    }
}

/// Who may read `/metrics` where credentials are configured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MetricsReaders {
    /// Who connects from this machine, and whoever has the role `operate`.
    #[default]
    Loopback,
    /// Whoever has the role `operate`.
    Operate,
    /// Everybody.
    Everybody,
}

/// Tokens of an identity provider (RFC 7519, RFC 9068).
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JwtConfig {
    /// The `iss` that a token must have.
    pub issuer: String,
    /// The `aud` that a token must have, or several of which one is enough.
    pub audience: Vec<String>,
    /// Where the issuer publishes its signing keys.
    pub jwks_url: Option<String>,
    /// A file with the signing keys, instead.
    pub jwks_file: Option<PathBuf>,
    /// The tenant of every token; then `tenant_claim` is not read.
    pub tenant: Option<TenantId>,
    /// The claim that says the tenant: its name, or a JSON Pointer.
    #[serde(default = "JwtConfig::tenant_claim")]
    pub tenant_claim: String,
    /// The claim that says the roles, a list or words with blanks between them: its name, or a JSON Pointer.
    #[serde(default = "JwtConfig::roles_claim")]
    pub roles_claim: String,
    /// What stands before the name of a role.
    #[serde(default)]
    pub roles_prefix: String,
    /// Seconds by which clocks may differ.
    #[serde(default = "JwtConfig::leeway_sec")]
    pub leeway_sec: u64,
    /// Seconds for which a verified token is not verified again.
    #[serde(default = "JwtConfig::remember_sec")]
    pub remember_sec: u64,
    /// Seconds between two times at which the signing keys are read.
    #[serde(default = "JwtConfig::refresh_sec")]
    pub refresh_sec: u64,
    /// Seconds between two times at which they are read for a token of an unknown key.
    #[serde(default = "JwtConfig::refetch_min_sec")]
    pub refetch_min_sec: u64,
    /// Seconds for which they hold while the issuer is away.
    #[serde(default = "JwtConfig::max_age_sec")]
    pub max_age_sec: u64,
    /// Milliseconds that reading them may take.
    #[serde(default = "JwtConfig::timeout_ms")]
    pub timeout_ms: u64,
}

impl JwtConfig {
    fn tenant_claim() -> String {
        "tenant".to_owned()
    }

    fn roles_claim() -> String {
        "roles".to_owned()
    }

    fn leeway_sec() -> u64 {
        30
    }

    fn remember_sec() -> u64 {
        60
    }

    fn refresh_sec() -> u64 {
        300
    }

    fn refetch_min_sec() -> u64 {
        30
    }

    fn max_age_sec() -> u64 {
        86_400
    }

    fn timeout_ms() -> u64 {
        2_000
    }

    fn check(&self) -> Result<(), FieldError> {
        let refuse = |name: &str, why: &str| Err(FieldError::new(format!("/jwt/{name}"), why));
        let within = |name: &str, given: u64, min: u64, max: u64| match (min..=max).contains(&given) {
            true => Ok(()),
            false => refuse(name, &format!("{given} is not {min} to {max}")),
        };
        if self.issuer.is_empty() {
            return refuse("issuer", "without it every issuer would do");
        }
        if self.audience.is_empty() || self.audience.iter().any(String::is_empty) {
            return refuse("audience", "without it a token for any other service would do");
        }
        if self.jwks_url.is_some() == self.jwks_file.is_some() {
            return refuse("jwks_url", "one of jwks_url and jwks_file says where the signing keys are");
        }
        if self.tenant_claim.is_empty() || self.roles_claim.is_empty() {
            return refuse("tenant_claim", "tenant_claim and roles_claim are names of claims");
        }
        within("leeway_sec", self.leeway_sec, 0, 120)?;
        within("remember_sec", self.remember_sec, 0, 600)?;
        within("refresh_sec", self.refresh_sec, 1, 86_400)?;
        within("refetch_min_sec", self.refetch_min_sec, 1, 3_600)?;
        within("max_age_sec", self.max_age_sec, self.refresh_sec, 30 * 86_400)?;
        within("timeout_ms", self.timeout_ms, 10, 30_000)
    }
}

impl AuthConfig {
    /// Whether callers are asked for credentials.
    pub fn asks(&self) -> bool {
        self.keys_file.is_some() || self.jwt.is_some()
    }

    /// Checks every setting against its range.
    ///
    /// # Errors
    /// The first that is out of it.
    pub fn check(&self) -> Result<(), FieldError> {
        if !(1..=3_600).contains(&self.reload_sec) {
            return Err(FieldError::new("/reload_sec", format!("{} is not 1 to 3,600", self.reload_sec)));
        }
        self.jwt.as_ref().map_or(Ok(()), JwtConfig::check)
    }
}

/// What one tenant may have. What is absent is as for tenants that have no settings of their own.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TenantConfig {
    /// Who comes first where not all can be served.
    pub priority: Option<Priority>,
    /// How often it may ask, by the role that a request needs.
    pub rate: BTreeMap<Role, RateConfig>,
    /// How much it may keep.
    pub quota: QuotaConfig,
}

/// Who comes first where not all can be served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Priority {
    /// After all others.
    Low,
    /// As most.
    #[default]
    Normal,
    /// Before all others.
    High,
}

impl Priority {
    /// Its share of what may be on its way at one time: who comes last is refused while there is still room for others, and who comes
    /// first while there is none.
    pub fn share(self) -> f64 {
        match self {
            Self::Low => 0.5,
            Self::Normal => 1.0,
            Self::High => 1.25,
        }
    }
}

/// How often.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RateConfig {
    /// Requests a second; 0 for as many as come.
    pub per_second: f64,
    /// Requests at once; as many as in a second where absent.
    pub burst: Option<u32>,
}

/// How much. 0 stands for as much as fits.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct QuotaConfig {
    /// Entries.
    pub entries: Option<u64>,
    /// Components.
    pub components: Option<u64>,
    /// Optimisation plans.
    pub plans: Option<u64>,
    /// Datasets.
    pub datasets: Option<u64>,
    /// Bytes that entries, components, bars, plans and datasets take, about.
    pub bytes: Option<u64>,
}

impl RateConfig {
    /// The rate; `None` for as many as come.
    ///
    /// # Errors
    /// Where it is out of range.
    pub(super) fn rate(self) -> Result<Option<Rate>, FieldError> {
        if self.per_second == 0.0 {
            return Ok(None);
        }
        // A whole number of requests, and one at least.
        let burst = self.burst.unwrap_or(self.per_second.clamp(1.0, 1e6) as u32);
        let rule = "per_second is 0, or 0.001 to 1,000,000, and burst 1 to 10,000,000";
        Rate::new(self.per_second, burst).map(Some).ok_or_else(|| FieldError::new("", rule))
    }
}

/// Checks the settings of all tenants.
///
/// # Errors
/// The first that is out of its range.
pub fn check_tenants(tenants: &BTreeMap<TenantId, TenantConfig>) -> Result<(), FieldError> {
    if tenants.len() > TENANTS_NAMED_MAX {
        let detail = format!("{} tenants have settings of their own, and {TENANTS_NAMED_MAX} may", tenants.len());
        return Err(FieldError::new("", detail));
    }
    for (tenant, config) in tenants {
        for (role, rate) in &config.rate {
            rate.rate().map_err(|error| FieldError::new(format!("/{tenant}/rate/{role}"), error.detail))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jwt(more: &str) -> AuthConfig {
        let text = format!("[jwt]\nissuer = \"https://i\"\naudience = [\"instinct\"]\n{more}");
        toml::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text}"))
    }

    #[test]
    fn what_would_let_strangers_in_is_refused_by_name() {
        assert!(jwt("jwks_file = \"a\"").check().is_ok());
        for (more, pointer) in [
            ("", "/jwt/jwks_url"),
            ("jwks_file = \"a\"\njwks_url = \"https://b\"", "/jwt/jwks_url"),
            ("jwks_file = \"a\"\nleeway_sec = 121", "/jwt/leeway_sec"),
            ("jwks_file = \"a\"\nmax_age_sec = 10", "/jwt/max_age_sec"),
            ("jwks_file = \"a\"\nrefetch_min_sec = 0", "/jwt/refetch_min_sec"),
        ] {
            assert_eq!(jwt(more).check().unwrap_err().pointer, pointer, "{more}");
        }
        let mut config = jwt("jwks_file = \"a\"");
        config.jwt.as_mut().unwrap().audience.clear();
        assert_eq!(config.check().unwrap_err().pointer, "/jwt/audience");
    }

    #[test]
    fn a_rate_out_of_range_is_named_with_its_tenant_and_role() {
        let tenants = toml::from_str("[acme.rate]\ndecide = { per_second = -1 }").unwrap();
        assert_eq!(check_tenants(&tenants).unwrap_err().pointer, "/acme/rate/decide");
        let tenants = toml::from_str("[acme.rate]\ndecide = { per_second = 0.5 }\nwrite = { per_second = 0 }").unwrap();
        assert!(check_tenants(&tenants).is_ok());
        assert!(toml::from_str::<BTreeMap<TenantId, TenantConfig>>("[acme.rate]\nask = { per_second = 1 }").is_err());
        assert!(toml::from_str::<BTreeMap<TenantId, TenantConfig>>("[\"a b\"]").is_err());
    }
}
