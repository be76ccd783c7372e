//! What is known of plans in memory: their list, and under which key which of them is found again. The plans themselves are in the store,
//! for one may have megabytes and few are looked at.

use super::usage::{Usage, Used};
use crate::domain::ids::{PlanId, TenantId};
use crate::domain::plan_record::{PlanBrief, PlanKey, PlanState};
use crate::domain::time::Timestamp;
use crate::limits::PLANS_MAX;
use parking_lot::RwLock;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Why a further plan is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{held} plans are held of all tenants together, and no more than {PLANS_MAX} may be")]
pub struct PlansFull {
    /// How many are held.
    pub held: usize,
}

/// Which plans a list is of.
#[derive(Debug, Clone, Copy, Default)]
pub struct PlanFilter {
    /// Those in this state alone.
    pub state: Option<PlanState>,
    /// Those from before this one alone.
    pub before: Option<PlanId>,
}

#[derive(Debug, Default)]
struct OfTenant {
    by_id: BTreeMap<PlanId, Arc<PlanBrief>>,
    // The latest of each key that answers whoever asks the same.
    by_key: HashMap<PlanKey, PlanId>,
}

/// The plans in memory.
#[derive(Debug, Default)]
pub struct PlanIndex {
    tenants: papaya::HashMap<TenantId, Arc<RwLock<OfTenant>>>,
    count: AtomicUsize,
    usage: Usage,
}

impl PlanIndex {
    fn of(&self, tenant: &TenantId) -> Option<Arc<RwLock<OfTenant>>> {
        self.tenants.pin().get(tenant).cloned()
    }

    /// What is known of a plan.
    pub fn get(&self, tenant: &TenantId, id: PlanId) -> Option<Arc<PlanBrief>> {
        self.of(tenant)?.read().by_id.get(&id).cloned()
    }

    /// The latest plan that answers this key.
    pub fn by_key(&self, tenant: &TenantId, key: PlanKey) -> Option<Arc<PlanBrief>> {
        let of_tenant = self.of(tenant)?;
        let held = of_tenant.read();
        held.by_id.get(held.by_key.get(&key)?).cloned()
    }

    /// Puts what is known of a plan in place of what was known before.
    pub fn put(&self, tenant: &TenantId, brief: PlanBrief) {
        let of_tenant = Arc::clone(self.tenants.pin().get_or_insert_with(tenant.clone(), Arc::default));
        let mut held = of_tenant.write();
        let (id, came) = (brief.id, brief.bytes);
        if brief.answers() && held.by_key.get(&brief.key).is_none_or(|latest| *latest <= id) {
            held.by_key.insert(brief.key, id);
        }
        let gone = held.by_id.insert(id, Arc::new(brief));
        self.usage.changed(tenant, gone.as_ref().map(|gone| gone.bytes), Some(came));
        if gone.is_none() {
            self.count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Forgets a plan.
    pub fn remove(&self, tenant: &TenantId, id: PlanId) {
        if let Some(of_tenant) = self.of(tenant) {
            self.take_out(tenant, &mut of_tenant.write(), id);
        }
    }

    fn take_out(&self, tenant: &TenantId, held: &mut OfTenant, id: PlanId) {
        let Some(gone) = held.by_id.remove(&id) else { return };
        if held.by_key.get(&gone.key) == Some(&id) {
            held.by_key.remove(&gone.key);
        }
        self.usage.changed(tenant, Some(gone.bytes), None);
        self.count.fetch_sub(1, Ordering::Relaxed);
    }

    /// Forgets those that have ended by `now`.
    pub fn expire(&self, now: Timestamp) {
        for (tenant, of_tenant) in &self.tenants.pin() {
            let mut held = of_tenant.write();
            let ended = held.by_id.values().filter(|brief| brief.expires_at.is_some_and(|end| end <= now));
            let ended: Vec<PlanId> = ended.map(|brief| brief.id).collect();
            for id in ended {
                self.take_out(tenant, &mut held, id);
            }
        }
    }

    /// The plans of a tenant, newest first, at most `limit`; and whether there are more.
    pub fn list(&self, tenant: &TenantId, filter: PlanFilter, limit: usize) -> (Vec<Arc<PlanBrief>>, bool) {
        let Some(of_tenant) = self.of(tenant) else { return (Vec::new(), false) };
        let held = of_tenant.read();
        let wanted = |brief: &&Arc<PlanBrief>| {
            filter.before.is_none_or(|before| brief.id < before) && filter.state.is_none_or(|state| brief.state == state)
        };
        let mut found: Vec<Arc<PlanBrief>> = held.by_id.values().rev().filter(wanted).take(limit + 1).cloned().collect();
        let more = found.len() > limit;
        found.truncate(limit);
        (found, more)
    }

    /// Every plan of every tenant.
    pub fn ids(&self) -> Vec<(TenantId, PlanId)> {
        let all = self.tenants.pin();
        let of_all =
            all.iter().flat_map(|(tenant, held)| held.read().by_id.keys().map(|id| (tenant.clone(), *id)).collect::<Vec<_>>());
        of_all.collect()
    }

    /// Whether one more may join.
    ///
    /// # Errors
    /// [`PlansFull`].
    pub fn room(&self) -> Result<(), PlansFull> {
        let held = self.len();
        if held < PLANS_MAX { Ok(()) } else { Err(PlansFull { held }) }
    }

    /// The plans of a tenant, and the bytes that they take in the store.
    pub fn used(&self, tenant: &TenantId) -> Used {
        self.usage.of(tenant)
    }

    /// The same of every tenant.
    pub fn used_by_all(&self) -> Vec<(TenantId, Used)> {
        self.usage.all()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::plan::PlanStatus;
    use crate::domain::plan_record::{PlanAsked, PlanHeadline};

    fn tenant(name: &str) -> TenantId {
        TenantId::new(name).unwrap()
    }

    fn brief(n: i64, model: u8, state: PlanState, status: PlanStatus) -> PlanBrief {
        let at = Timestamp::from_micros(n * 1_000);
        PlanBrief {
            id: PlanId::new(at, 0),
            created_at: at,
            asked_by: None,
            state,
            changed_at: at,
            found: Some(PlanHeadline { title: "t".into(), model_type: "lp".into(), status, objective: None, unit: None }),
            key: PlanKey::of([model; 32], &PlanAsked::default()),
            bytes: 10,
            expires_at: Some(at.plus_seconds(60)),
        }
    }

    #[test]
    fn the_latest_plan_of_a_key_answers_and_nobody_elses() {
        let (index, a, b) = (PlanIndex::default(), tenant("a"), tenant("b"));
        let found = |tenant: &TenantId, n: i64| {
            let key = brief(n, 1, PlanState::Draft, PlanStatus::Optimal).key;
            index.by_key(tenant, key).map(|brief| brief.created_at.as_millis())
        };
        index.put(&a, brief(2, 1, PlanState::Draft, PlanStatus::Optimal));
        index.put(&a, brief(1, 1, PlanState::Draft, PlanStatus::Optimal));
        index.put(&a, brief(3, 1, PlanState::Pending, PlanStatus::Optimal));
        index.put(&a, brief(4, 1, PlanState::Draft, PlanStatus::Unknown));
        index.put(&a, brief(5, 2, PlanState::Draft, PlanStatus::Infeasible));
        assert_eq!((found(&a, 0), found(&b, 0)), (Some(2), None));
        assert_eq!((index.len(), index.used(&a)), (5, Used { count: 5, bytes: 50 }));
        index.put(&a, brief(2, 1, PlanState::Rejected, PlanStatus::Optimal));
        assert_eq!((found(&a, 0), index.len()), (Some(2), 5));
        index.remove(&a, PlanId::new(Timestamp::from_micros(2_000), 0));
        assert_eq!((found(&a, 0), index.len()), (None, 4));
    }

    #[test]
    fn a_list_is_newest_first_and_goes_on_where_it_ended() {
        let (index, a) = (PlanIndex::default(), tenant("a"));
        for n in 1..=5 {
            let state = if n % 2 == 0 { PlanState::Approved } else { PlanState::Draft };
            index.put(&a, brief(n, 1, state, PlanStatus::Optimal));
        }
        let list = |state, before: Option<i64>, limit| {
            let before = before.map(|n| PlanId::new(Timestamp::from_micros(n * 1_000), 0));
            let (found, more) = index.list(&a, PlanFilter { state, before }, limit);
            (found.iter().map(|brief| brief.created_at.as_millis()).collect::<Vec<_>>(), more)
        };
        assert_eq!(list(None, None, 2), (vec![5, 4], true));
        assert_eq!(list(None, Some(4), 3), (vec![3, 2, 1], false));
        assert_eq!(list(Some(PlanState::Approved), None, 9), (vec![4, 2], false));
        index.expire(Timestamp::from_micros(3_000).plus_seconds(60));
        assert_eq!(list(None, None, 9), (vec![5, 4], false));
        assert_eq!(index.used(&a), Used { count: 2, bytes: 20 });
    }
}
