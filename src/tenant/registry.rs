//! What each tenant may have: its rates, its quotas, its place among others, and its name in metrics.

use super::config::{Priority, QuotaConfig, TenantConfig, check_tenants};
use crate::domain::field::FieldError;
use crate::domain::ids::TenantId;
use crate::domain::role::Role;
use crate::store::buckets::{LocalBuckets, Rate, SharedBuckets, Taken};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The name of the settings of every tenant that has none of its own.
const DEFAULT: &str = "default";

/// The label of tenants that the settings don't name, all together: their names come from credentials, and nobody bounds how many there are.
const OTHER: &str = "other";

/// How much a tenant may keep; `None` for as much as fits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Quota {
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

/// What one tenant may have.
#[derive(Debug, Clone, Default)]
struct Terms {
    priority: Priority,
    rates: BTreeMap<Role, Rate>,
    quota: Quota,
}

/// The terms of all tenants.
#[derive(Debug, Default)]
pub struct Tenants {
    default: Terms,
    named: BTreeMap<TenantId, Terms>,
}

impl Terms {
    /// These terms, where `config` doesn't say otherwise.
    fn with(&self, config: &TenantConfig) -> Result<Self, FieldError> {
        let mut rates = self.rates.clone();
        for (role, rate) in &config.rate {
            match rate.rate()? {
                Some(rate) => rates.insert(*role, rate),
                None => rates.remove(role),
            };
        }
        let QuotaConfig { entries, components, plans, datasets, bytes } = config.quota;
        let limit = |own: Option<u64>, of_all: Option<u64>| own.or(of_all).filter(|most| *most > 0);
        let quota = Quota {
            entries: limit(entries, self.quota.entries),
            components: limit(components, self.quota.components),
            plans: limit(plans, self.quota.plans),
            datasets: limit(datasets, self.quota.datasets),
            bytes: limit(bytes, self.quota.bytes),
        };
        Ok(Self { priority: config.priority.unwrap_or(self.priority), rates, quota })
    }
}

impl Tenants {
    /// The terms that the settings say.
    ///
    /// # Errors
    /// The setting that is out of its range.
    pub fn new(config: &BTreeMap<TenantId, TenantConfig>) -> Result<Self, FieldError> {
        check_tenants(config)?;
        let of_all = config.iter().find(|(tenant, _)| tenant.as_str() == DEFAULT).map(|(_, config)| config);
        let default = of_all.map_or_else(|| Ok(Terms::default()), |config| Terms::default().with(config))?;
        let named = config.iter().map(|(tenant, own)| Ok((tenant.clone(), default.with(own)?)));
        Ok(Self { named: named.collect::<Result<_, FieldError>>()?, default })
    }

    fn terms(&self, tenant: &TenantId) -> &Terms {
        self.named.get(tenant).unwrap_or(&self.default)
    }

    /// How much a tenant may keep.
    pub fn quota(&self, tenant: &TenantId) -> Quota {
        self.terms(tenant).quota
    }

    /// Who comes first.
    pub fn priority(&self, tenant: &TenantId) -> Priority {
        self.terms(tenant).priority
    }

    /// The label of a tenant in metrics: its name where the settings have it, which bounds how many labels there are.
    pub fn label<'a>(&self, tenant: &'a TenantId) -> &'a str {
        if tenant.as_str() == DEFAULT || self.named.contains_key(tenant) { tenant.as_str() } else { OTHER }
    }
}

/// How long the shared buckets may take to answer; a decision from memory takes less, and would wait for them.
const SHARED_WITHIN: Duration = Duration::from_millis(50);

/// For how long they are left alone where they didn't, so that not every request waits while they are away.
const LEFT_ALONE: Duration = Duration::from_secs(1);

/// How often each tenant asks.
#[derive(Debug, Default)]
pub struct Rates {
    local: LocalBuckets,
    shared: Option<Arc<dyn SharedBuckets>>,
    away_until: Mutex<Option<Instant>>,
}

impl Rates {
    /// Rates that all processes over one store keep together. While that is away each keeps its own.
    pub fn shared(buckets: Arc<dyn SharedBuckets>) -> Self {
        Self { shared: Some(buckets), ..Self::default() }
    }

    /// Lets a request of a tenant through that needs a role.
    ///
    /// # Errors
    /// After how long it may come again.
    pub async fn admit(&self, tenants: &Tenants, tenant: &TenantId, role: Role) -> Result<(), Duration> {
        let Some(rate) = tenants.terms(tenant).rates.get(&role) else { return Ok(()) };
        let taken = match self.take_shared(tenant, role, *rate).await {
            Some(taken) => taken,
            None => self.local.take_now(tenant, role, *rate),
        };
        match taken {
            Taken::Yes => Ok(()),
            Taken::NotFor(wait) => Err(wait),
        }
    }

    /// Takes from the shared buckets; `None` where there are none, or none that answer.
    async fn take_shared(&self, tenant: &TenantId, role: Role, rate: Rate) -> Option<Taken> {
        let shared = self.shared.as_ref()?;
        let away_until = *self.away_until.lock();
        if away_until.is_some_and(|until| Instant::now() < until) {
            return None;
        }
        let error = match tokio::time::timeout(SHARED_WITHIN, shared.take(tenant, role, rate)).await {
            Ok(Ok(taken)) => {
                if away_until.is_some() {
                    *self.away_until.lock() = None;
                }
                return Some(taken);
            }
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("no answer within {} ms", SHARED_WITHIN.as_millis()),
        };
        if self.away_until.lock().replace(Instant::now() + LEFT_ALONE).is_none() {
            tracing::warn!(error, "the shared rates are away, and this process keeps its own meanwhile");
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::StoreError;
    use async_trait::async_trait;

    fn tenants(text: &str) -> Tenants {
        Tenants::new(&toml::from_str(text).unwrap()).unwrap()
    }

    fn tenant(name: &str) -> TenantId {
        TenantId::new(name).unwrap()
    }

    const SETTINGS: &str = "
        [default]
        rate.decide = { per_second = 1 }
        quota = { entries = 10, bytes = 1000 }
        [acme]
        priority = 'high'
        quota = { entries = 20, bytes = 0 }
        [other-desk]
        rate.decide = { per_second = 0 }
    ";

    #[test]
    fn what_a_tenant_does_not_say_is_as_for_all() {
        let tenants = tenants(SETTINGS);
        let quota = |name| tenants.quota(&tenant(name));
        assert_eq!(quota("acme"), Quota { entries: Some(20), ..Quota::default() }, "0 lifts the limit of all");
        assert_eq!(quota("stranger"), Quota { entries: Some(10), bytes: Some(1000), ..Quota::default() });
        assert_eq!((quota("default"), quota("other-desk")), (quota("stranger"), quota("stranger")));
        assert_eq!((tenants.priority(&tenant("acme")), tenants.priority(&tenant("x"))), (Priority::High, Priority::Normal));
    }

    #[test]
    fn only_tenants_of_the_settings_have_a_label_of_their_own() {
        let tenants = tenants(SETTINGS);
        let label = |name| tenants.label(&tenant(name)).to_owned();
        assert_eq!(
            [label("acme"), label("default"), label("stranger"), label("stranger2")],
            ["acme", "default", "other", "other"]
        );
    }

    #[derive(Debug)]
    struct Away;

    #[async_trait]
    impl SharedBuckets for Away {
        async fn take(&self, _: &TenantId, _: Role, _: Rate) -> Result<Taken, StoreError> {
            Err(StoreError::Closed)
        }
    }

    /// Buckets that never answer, and count how often they are asked.
    #[derive(Debug, Default)]
    struct Silent(std::sync::atomic::AtomicUsize);

    #[async_trait]
    impl SharedBuckets for Silent {
        async fn take(&self, _: &TenantId, _: Role, _: Rate) -> Result<Taken, StoreError> {
            self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            std::future::pending().await
        }
    }

    #[tokio::test]
    async fn shared_buckets_that_do_not_answer_hold_up_one_request_and_not_the_next() {
        let (tenants, silent) = (tenants(SETTINGS), Arc::<Silent>::default());
        let rates = Rates::shared(Arc::clone(&silent) as Arc<dyn SharedBuckets>);
        let since = Instant::now();
        assert_eq!(rates.admit(&tenants, &tenant("acme"), Role::Decide).await, Ok(()));
        for _ in 0..100 {
            assert!(rates.admit(&tenants, &tenant("acme"), Role::Decide).await.is_err());
        }
        assert!(since.elapsed() >= SHARED_WITHIN);
        assert_eq!(silent.0.load(std::sync::atomic::Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn one_too_many_is_told_when_to_come_again_also_while_the_shared_buckets_are_away() {
        let tenants = tenants(SETTINGS);
        for rates in [Rates::default(), Rates::shared(Arc::new(Away)), Rates::shared(Arc::<LocalBuckets>::default())] {
            for name in ["acme", "stranger"] {
                assert_eq!(rates.admit(&tenants, &tenant(name), Role::Decide).await, Ok(()));
                let wait = rates.admit(&tenants, &tenant(name), Role::Decide).await.unwrap_err();
                assert!(wait <= Duration::from_secs(1), "{wait:?}");
                assert_eq!(rates.admit(&tenants, &tenant(name), Role::Write).await, Ok(()), "no rate is set for it");
            }
            for _ in 0..5 {
                assert_eq!(rates.admit(&tenants, &tenant("other-desk"), Role::Decide).await, Ok(()), "0 lifts the rate of all");
            }
        }
    }
}
