//! Reading a chain, and proving that it is whole.

use super::AuditLog;
use crate::domain::audit_chain::{AuditChain, AuditEvent, Broken, Verifier};
use crate::domain::ids::TenantId;
use crate::store::{Record, RecordKey, StoreError};
use std::sync::Arc;

/// Events that are read together.
const READ_TOGETHER: usize = 256;

/// Times that a proof begins anew where retention dropped what it was about to read.
const BEGIN_AGAIN_MAX: usize = 8;

/// Events of a chain, as the store has them.
#[derive(Debug)]
pub struct Page {
    /// How far the chain went when they were read.
    pub chain: AuditChain,
    /// In their order; what is missing or can't be read is left out.
    pub events: Vec<Arc<AuditEvent>>,
    /// Events that can't be read, with why.
    pub damaged: Vec<String>,
    /// The number of the last that was asked for.
    pub asked_to: u64,
}

/// Why a chain is not known to be whole.
#[derive(Debug, Clone, thiserror::Error)]
pub enum VerifyError {
    /// The store could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It is not.
    #[error(transparent)]
    Broken(#[from] Broken),
}

impl AuditLog {
    /// The events behind the one of number `after`, at most `limit`.
    ///
    /// # Errors
    /// [`StoreError`] where the store is away, or the end of the chain is damaged.
    pub async fn page(&self, tenant: &TenantId, after: u64, limit: usize) -> Result<Page, StoreError> {
        let chain = self.chain(tenant).await?;
        let from = after.saturating_add(1).max(chain.first);
        let to = chain.last.min(from.saturating_add(limit as u64).saturating_sub(1));
        let mut page = Page { chain, events: Vec::new(), damaged: Vec::new(), asked_to: to };
        let keys: Vec<RecordKey> = (from..=to).map(|number| RecordKey::AuditEvent { tenant: tenant.clone(), number }).collect();
        for some in keys.chunks(READ_TOGETHER) {
            let records = match self.store.shared() {
                Some(shared) => shared.get_many(some).await?.into_iter().map(|read| read.map_err(StoreError::from)).collect(),
                None => {
                    let mut records = Vec::with_capacity(some.len());
                    for key in some {
                        records.push(self.store.get(key).await);
                    }
                    records
                }
            };
            for record in records {
                match record {
                    Ok(Some(Record::AuditEvent(event))) => page.events.push(event),
                    Ok(_) => {}
                    Err(StoreError::Codec(error)) => page.damaged.push(error.to_string()),
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(page)
    }

    /// Goes along the whole chain of a tenant, shows each event to `visit`, and gives how far it goes where it is whole. Events that are
    /// put on record meanwhile are left for another time.
    ///
    /// # Errors
    /// [`VerifyError`], which says where it is broken.
    pub async fn verify(
        &self,
        tenant: &TenantId,
        visit: &mut (dyn FnMut(&AuditEvent) + Send),
    ) -> Result<AuditChain, VerifyError> {
        let mut chain = self.chain(tenant).await?;
        let mut verifier = Verifier::of(&chain);
        let mut begun = 0;
        while verifier.next() <= chain.last {
            let limit = usize::try_from(chain.last - verifier.next() + 1).unwrap_or(usize::MAX);
            let page = self.page(tenant, verifier.next() - 1, limit.min(READ_TOGETHER)).await?;
            if page.chain.first > verifier.next() && begun < BEGIN_AGAIN_MAX {
                // Dropped since: the rest hangs on another anchor now.
                (verifier, chain, begun) = (Verifier::of(&page.chain), page.chain, begun + 1);
                continue;
            }
            for event in &page.events {
                verifier.check(event)?;
                visit(event);
            }
            if verifier.next() <= page.asked_to {
                let why = if page.damaged.is_empty() { "it is missing" } else { "it can't be read" };
                return Err(Broken { number: verifier.next(), why }.into());
            }
        }
        verifier.end(&chain)?;
        Ok(chain)
    }
}
