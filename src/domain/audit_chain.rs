//! What was done to a tenant's data, by whom: events in a hash chain.
//!
//! Each event holds the hash of the one before it (Haber and Stornetta, "How to time-stamp a digital document", 1991), so that whoever has
//! one hash can tell whether anything before it was changed, removed or put elsewhere. What goes into a hash is written as netstrings
//! (Bernstein, 1997) in a fixed order, so that no two events have the same bytes; the hash is BLAKE3 in its mode for deriving keys, whose
//! context keeps it apart from every other use of it.

use super::ids::{TenantId, TraceId};
use super::role::{Role, Roles};
use super::time::Timestamp;
use blake3::Hash;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::fmt::Write;
use std::sync::Arc;

/// The context of the hash.
const CONTEXT: &str = "instinct audit chain v1";

/// What the first event of a chain has as the hash before it.
pub const GENESIS: Hash = Hash::from_bytes([0; 32]);

macro_rules! words {
    ($(#[$of:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $word:tt,)* }) => {
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
        $(#[$of])*
        pub enum $name { $($(#[$doc])* #[serde(rename = $word)] $variant,)* }

        impl $name {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The word on the wire and in the store.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }

            /// Reads that word.
            pub fn parse(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|known| known.as_str() == word)
            }
        }
    };
}

words! {
    /// What can be done that is kept on record.
    #[schema(as = AuditAction)]
    Action {
        /// Entries were written.
        EntriesWrite = "entries.write",
        /// Entries were deleted by a filter.
        EntriesDelete = "entries.delete",
        /// All entries of the tenant were deleted.
        EntriesClear = "entries.clear",
        /// Components were written.
        ComponentsWrite = "components.write",
        /// A component was deleted.
        ComponentsDelete = "components.delete",
        /// Bars were written.
        MarketWrite = "market.write",
        /// The bars of an instrument were deleted.
        MarketDelete = "market.delete",
        /// A decision was said to be right or wrong.
        Feedback = "feedback",
        /// An optimisation plan was made.
        PlansAsk = "plans.ask",
        /// A plan was approved.
        PlansApprove = "plans.approve",
        /// A plan was rejected.
        PlansReject = "plans.reject",
        /// A model was fitted because somebody asked for it.
        NumericRun = "numeric.run",
        /// Rows of a dataset were written.
        DatasetsWrite = "datasets.write",
        /// A dataset was deleted.
        DatasetsDelete = "datasets.delete",
        /// An answer to a question about data was said to be right or wrong.
        QueryFeedback = "query.feedback",
        /// An answer that was found wrong was released.
        QueryRelease = "query.release",
        /// A meaning was proposed for a word.
        TermsPropose = "terms.propose",
        /// A user confirmed it.
        TermsConfirm = "terms.confirm",
        /// It was approved.
        TermsApprove = "terms.approve",
        /// It was rejected.
        TermsReject = "terms.reject",
        /// It was taken back, or no longer applies.
        TermsWithdraw = "terms.withdraw",
        /// A process began to serve, with these settings, strategies and calibrations.
        ServiceStart = "service.start",
        /// The API keys were read again because they had changed.
        KeysReload = "keys.reload",
        /// Another generation of data is served.
        GenerationsUse = "generations.use",
    }
}

impl Action {
    /// Whether it is a write as it comes every day, which may be left off the record.
    pub fn is_write(self) -> bool {
        matches!(self, Self::EntriesWrite | Self::ComponentsWrite | Self::MarketWrite | Self::DatasetsWrite)
    }
}

words! {
    /// What came of it.
    #[schema(as = AuditOutcome)]
    Outcome {
        /// It was done.
        Done = "done",
        /// It ended before all of it was done.
        Failed = "failed",
    }
}

/// What was done, before it has its place in a chain.
#[derive(Debug, Clone)]
pub struct Deed {
    /// To whose data.
    pub tenant: TenantId,
    /// By whom; absent where no credentials are asked for.
    pub user: Option<Arc<str>>,
    /// What that caller may do.
    pub roles: Roles,
    /// What.
    pub action: Action,
    /// To what, as JSON: filters, counts, ids. Never the text of a request.
    pub about: Arc<RawValue>,
    /// What came of it.
    pub outcome: Outcome,
    /// The trace of the request.
    pub trace: Option<TraceId>,
}

/// An event of a chain.
#[derive(Debug, Clone)]
pub struct AuditEvent {
    /// Its place: one more than that of the event before it.
    pub number: u64,
    /// When it was put on record.
    pub at: Timestamp,
    /// What was done.
    pub deed: Deed,
    /// The hash of the event before it.
    pub previous: Hash,
    /// Its own hash, of all the above.
    pub hash: Hash,
}

impl AuditEvent {
    /// The hash that it must have.
    pub fn expected_hash(&self) -> Hash {
        let deed = &self.deed;
        let roles: Vec<&str> = names(deed.roles).map(Role::as_str).collect();
        let mut bytes = String::with_capacity(512);
        let mut put = |part: &str| _ = write!(bytes, "{}:{part},", part.len());
        put(deed.tenant.as_str());
        put(&self.number.to_string());
        put(&self.at.to_string());
        // Someone without a name is another than someone with an empty one.
        put(if deed.user.is_some() { "by" } else { "" });
        put(deed.user.as_deref().unwrap_or_default());
        put(&roles.join(" "));
        put(deed.action.as_str());
        put(deed.about.get());
        put(deed.outcome.as_str());
        put(&deed.trace.map(|trace| trace.to_string()).unwrap_or_default());
        put(self.previous.to_hex().as_str());
        Hash::from_bytes(blake3::derive_key(CONTEXT, bytes.as_bytes()))
    }
}

/// The roles of a set, in their order.
pub fn names(roles: Roles) -> impl Iterator<Item = Role> {
    Role::ALL.into_iter().filter(move |role| roles.may(*role))
}

/// How far a tenant's chain goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditChain {
    /// Whose it is.
    pub tenant: TenantId,
    /// The number of the oldest event that is kept; one more than `last` where there is none.
    pub first: u64,
    /// The hash of the event before that one: what the rest of the chain hangs on.
    pub anchor: Hash,
    /// The number of the latest event; 0 where there is none.
    pub last: u64,
    /// Its hash.
    pub head: Hash,
}

impl AuditChain {
    /// A chain without events.
    pub fn new(tenant: TenantId) -> Self {
        Self { tenant, first: 1, anchor: GENESIS, last: 0, head: GENESIS }
    }

    /// Gives a deed the next place.
    pub fn append(&mut self, deed: Deed, at: Timestamp) -> AuditEvent {
        let mut event = AuditEvent { number: self.last + 1, at, deed, previous: self.head, hash: GENESIS };
        event.hash = event.expected_hash();
        (self.last, self.head) = (event.number, event.hash);
        event
    }

    /// Lets go of the oldest event.
    pub fn drop_first(&mut self, event: &AuditEvent) {
        (self.first, self.anchor) = (event.number + 1, event.hash);
    }
}

/// Where a chain is broken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the chain is broken at event {number}: {why}")]
pub struct Broken {
    /// The event that is wrong or not there.
    pub number: u64,
    /// What is wrong with it.
    pub why: &'static str,
}

/// Goes along a chain, event by event.
#[derive(Debug, Clone)]
pub struct Verifier {
    tenant: TenantId,
    next: u64,
    previous: Hash,
}

impl Verifier {
    /// Begins at the oldest event that a chain keeps.
    pub fn of(chain: &AuditChain) -> Self {
        Self { tenant: chain.tenant.clone(), next: chain.first, previous: chain.anchor }
    }

    /// Begins at an event of a part of a chain, and believes what that says of the one before it.
    pub fn from(event: &AuditEvent) -> Self {
        Self { tenant: event.deed.tenant.clone(), next: event.number, previous: event.previous }
    }

    /// The number of the event that comes next.
    pub fn next(&self) -> u64 {
        self.next
    }

    /// Checks the next event.
    ///
    /// # Errors
    /// [`Broken`], where it isn't what must stand there.
    pub fn check(&mut self, event: &AuditEvent) -> Result<(), Broken> {
        let broken = |why| Err(Broken { number: self.next, why });
        if event.number != self.next {
            return broken("it is missing, or stands elsewhere");
        }
        if event.deed.tenant != self.tenant {
            return broken("it is of another tenant");
        }
        if event.previous != self.previous {
            return broken("it does not follow the event before it");
        }
        if event.hash != event.expected_hash() {
            return broken("it was changed");
        }
        (self.next, self.previous) = (event.number.saturating_add(1), event.hash);
        Ok(())
    }

    /// Checks that the chain ends here.
    ///
    /// # Errors
    /// [`Broken`], where there must be more.
    pub fn end(&self, chain: &AuditChain) -> Result<(), Broken> {
        if self.next <= chain.last {
            return Err(Broken { number: self.next, why: "it is missing" });
        }
        if self.previous == chain.head {
            Ok(())
        } else {
            Err(Broken { number: chain.last, why: "it is not the one that the chain ends with" })
        }
    }
}

/// An event as one line of an export.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ExportedEvent {
    /// Its place in the chain of its tenant.
    pub number: u64,
    /// When it was put on record.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// To whose data it was done.
    #[schema(value_type = String)]
    pub tenant: TenantId,
    /// By whom; null where no credentials are asked for.
    pub user: Option<String>,
    /// What that caller may do.
    #[schema(value_type = Vec<String>)]
    pub roles: Vec<Role>,
    /// What was done.
    #[schema(value_type = String, example = "entries.delete")]
    pub action: Action,
    /// To what: filters, counts, ids.
    #[schema(value_type = Object)]
    pub about: Box<RawValue>,
    /// What came of it: `done` or `failed`.
    #[schema(value_type = String, pattern = "^(done|failed)$")]
    pub outcome: Outcome,
    /// The trace of the request.
    pub trace_id: Option<String>,
    /// The hash of the event before it.
    pub previous: String,
    /// Its own hash.
    pub hash: String,
}

impl From<&AuditEvent> for ExportedEvent {
    fn from(event: &AuditEvent) -> Self {
        let AuditEvent { number, at, deed, previous, hash } = event;
        Self {
            number: *number,
            at: *at,
            tenant: deed.tenant.clone(),
            user: deed.user.as_deref().map(str::to_owned),
            roles: names(deed.roles).collect(),
            action: deed.action,
            about: Box::<RawValue>::clone(&(*deed.about).to_owned()),
            outcome: deed.outcome,
            trace_id: deed.trace.map(|trace| trace.to_string()),
            previous: previous.to_string(),
            hash: hash.to_string(),
        }
    }
}

/// Reads a trace id.
pub fn trace_of(digits: &str) -> Option<TraceId> {
    let trace = TraceId::new(u128::from_str_radix(digits, 16).ok()?);
    (trace.to_string() == digits).then_some(trace)
}

impl ExportedEvent {
    /// The event that it is of; `None` where a hash or a trace is none.
    pub fn read(self) -> Option<AuditEvent> {
        let deed = Deed {
            tenant: self.tenant,
            user: self.user.map(Into::into),
            roles: Roles::granted(self.roles),
            action: self.action,
            about: self.about.into(),
            outcome: self.outcome,
            trace: self.trace_id.map(|digits| trace_of(&digits).ok_or(())).transpose().ok()?,
        };
        let (previous, hash) = (Hash::from_hex(self.previous).ok()?, Hash::from_hex(self.hash).ok()?);
        Some(AuditEvent { number: self.number, at: self.at, deed, previous, hash })
    }
}

#[cfg(test)]
mod tests;
