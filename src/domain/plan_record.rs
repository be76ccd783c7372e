//! An optimisation plan as it is kept: what was asked, by whom, what was found, and what people made of it since.
//!
//! A plan is a proposal. Its state says whether a person approved it; nothing in this service acts on one that was.

use super::field::FieldError;
use super::ids::{DecisionId, PlanId, TenantId};
use super::plan::{Assumption, PlanReport, PlanStatus};
use super::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// The context of the hash that a [`PlanKey`] is.
const KEY_CONTEXT: &str = "instinct plan key v1";

/// A plan on record.
#[derive(Debug, Clone)]
pub struct PlanRecord {
    /// Whose it is.
    pub tenant: TenantId,
    /// Its id.
    pub id: PlanId,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// By whom; absent where no credentials are asked for.
    pub asked_by: Option<Arc<str>>,
    /// Under what it is found again.
    pub key: PlanKey,
    /// The model as it was given: an object in the model language, or a string in MPS.
    pub model: Arc<RawValue>,
    /// What was asked beside the model.
    pub asked: PlanAsked,
    /// What was found, a [`PlanReport`] as it was written; absent while it is being made and where that failed.
    pub report: Option<Arc<RawValue>>,
    /// Why there is no report.
    pub failure: Option<PlanFailure>,
    /// What became of it.
    pub state: PlanState,
    /// Every change of the state, oldest first.
    pub history: Vec<PlanChange>,
    /// Decisions and plans that it was made from.
    pub refers_to: Vec<PlanLink>,
    /// Plans and decisions that were made from it.
    pub handed_to: Vec<PlanLink>,
    /// What it was made with, for who makes it again.
    pub made_with: Option<MadeWith>,
    /// Seconds after which it ends; `None` for never.
    pub ttl_sec: Option<u64>,
}

/// What was asked beside the model.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PlanAsked {
    /// What the plan is to be called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The words that the model was made from, where it was made from words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Decisions of the caller's own, to be held against the plan.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub alternatives: Vec<AskedAlternative>,
    /// Parameters to be changed, beside those that are changed by themselves.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sensitivity: Vec<AskedChange>,
    /// What was assumed where the model was made from words.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub assumptions: Vec<Assumption>,
    /// How far the solvers may go.
    #[serde(skip_serializing_if = "PlanLimits::is_default")]
    pub limits: PlanLimits,
}

/// A decision of the caller's own, to be held against the plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AskedAlternative {
    /// What it is called, 1 to 128 bytes.
    #[schema(min_length = 1, max_length = 128)]
    pub name: String,
    /// Its values by variable.
    pub values: BTreeMap<String, f64>,
}

/// A parameter to be changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AskedChange {
    /// Which, with its index where it has one, such as `max_pct` or `cvar[sol]`.
    #[schema(min_length = 1, max_length = 128)]
    pub parameter: String,
    /// What it is to be.
    pub to: f64,
}

/// How far the solvers may go for one plan. What is absent is as the settings say.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PlanLimits {
    /// Milliseconds of one solve.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 60_000)]
    pub time_ms: Option<u64>,
    /// Nodes of a branch-and-bound tree.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1)]
    pub nodes: Option<u64>,
    /// The gap between objective and bound, relative to the objective, at which a MIP or CP counts as optimal.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, maximum = 1)]
    pub gap: Option<f64>,
}

impl PlanLimits {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// What became of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum PlanState {
    /// It is being made.
    Pending,
    /// It is there, and nobody has said what is to become of it.
    Draft,
    /// A person approved it. Nothing here acts on it for that.
    Approved,
    /// A person rejected it.
    Rejected,
    /// It could not be made.
    Failed,
}

impl PlanState {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Pending, Self::Draft, Self::Approved, Self::Rejected, Self::Failed];

    /// The word on the wire and in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Draft => "draft",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::Failed => "failed",
        }
    }

    /// Reads that word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }
}

/// A change of the state of a plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PlanChange {
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// By whom; absent where no credentials are asked for.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schema(value_type = Option<String>)]
    pub by: Option<Arc<str>>,
    /// What it became.
    pub state: PlanState,
    /// Why, in that person's words.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub note: Option<String>,
}

/// What a plan was made from, or what was made from it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum PlanLink {
    /// A decision.
    #[schema(value_type = String)]
    Decision(DecisionId),
    /// A plan.
    #[schema(value_type = String)]
    Plan(PlanId),
    /// A version of a fitted model, as `<case>:<digest of its parameters>:<version>`.
    Fit(String),
}

/// What a plan was made with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MadeWith {
    /// The version of this service.
    pub instinct: String,
    /// The solver, with its version.
    pub solver: String,
}

/// Why a plan could not be made, as its caller would have been told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PlanFailure {
    /// What kind of failure it is, in one word.
    pub kind: String,
    /// What happened.
    pub detail: String,
    /// The places in the model that are wrong.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub errors: Vec<FieldError>,
}

/// Under what a plan is found again: the structure and the numbers of its model, and what else of the question changes the answer. Two
/// questions that differ in one number have two keys.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct PlanKey([u8; 32]);

impl PlanKey {
    /// The key of a model, whose own key this is, and of what was asked beside it. Its title and its words don't count.
    pub fn of(model: [u8; 32], asked: &PlanAsked) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key(KEY_CONTEXT);
        hasher.update(&model);
        let rest = (&asked.alternatives, &asked.sensitivity, &asked.limits);
        // Numbers and texts can always be written.
        hasher.update(serde_json::to_string(&rest).unwrap_or_default().as_bytes());
        Self(*hasher.finalize().as_bytes())
    }

    /// Reads 64 hexadecimal digits.
    pub fn parse(text: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).ok()?;
        Some(Self(bytes))
    }
}

impl fmt::Display for PlanKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for PlanKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What is kept of a plan in memory, and what a list shows of it.
#[derive(Debug, Clone, PartialEq)]
pub struct PlanBrief {
    /// Its id.
    pub id: PlanId,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// By whom; absent where no credentials are asked for.
    pub asked_by: Option<Arc<str>>,
    /// What became of it.
    pub state: PlanState,
    /// When that last changed.
    pub changed_at: Timestamp,
    /// What was found, in short; absent where there is no report.
    pub found: Option<PlanHeadline>,
    /// Under what it is found again.
    pub key: PlanKey,
    /// Bytes that it takes in the store, about.
    pub bytes: u64,
    /// When it ends; `None` for never.
    pub expires_at: Option<Timestamp>,
}

/// A report in short.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct PlanHeadline {
    /// What it is a plan for.
    pub title: String,
    /// `lp`, `mip`, `convex` or `cp`.
    pub model_type: String,
    /// How the search for the best values ended.
    pub status: PlanStatus,
    /// The objective at the decision; absent where there is none.
    pub objective: Option<f64>,
    /// The unit of the objective.
    pub unit: Option<String>,
}

impl PlanRecord {
    /// When it ends; `None` for never.
    pub fn expires_at(&self) -> Option<Timestamp> {
        self.ttl_sec.map(|ttl| self.created_at.plus_seconds(ttl))
    }

    /// When its state last changed.
    pub fn changed_at(&self) -> Timestamp {
        self.history.last().map_or(self.created_at, |change| change.at)
    }

    /// What a list shows of its report.
    pub fn headline(&self) -> Option<PlanHeadline> {
        serde_json::from_str(self.report.as_ref()?.get()).ok()
    }

    /// Its report, read anew.
    ///
    /// # Errors
    /// Where what was stored is none.
    pub fn read_report(&self) -> Result<Option<PlanReport>, serde_json::Error> {
        self.report.as_ref().map(|report| serde_json::from_str(report.get())).transpose()
    }

    /// What is kept of it in memory.
    pub fn brief(&self) -> PlanBrief {
        PlanBrief {
            id: self.id,
            created_at: self.created_at,
            asked_by: self.asked_by.clone(),
            state: self.state,
            changed_at: self.changed_at(),
            found: self.headline(),
            key: self.key,
            bytes: self.bytes(),
            expires_at: self.expires_at(),
        }
    }

    /// Bytes that it takes in the store, about.
    pub fn bytes(&self) -> u64 {
        (self.model.get().len() + self.report.as_ref().map_or(0, |report| report.get().len()) + 1_024) as u64
    }

    /// The same in another state.
    #[must_use]
    pub fn changed(&self, to: PlanChange) -> Self {
        let mut record = self.clone();
        record.state = to.state;
        record.history.push(to);
        record
    }
}

impl PlanBrief {
    /// Whether it answers the next who asks the same: it was looked for to the end, or as far as the limits that were asked for allow.
    pub fn answers(&self) -> bool {
        let there = matches!(self.state, PlanState::Draft | PlanState::Approved | PlanState::Rejected);
        there && self.found.as_ref().is_some_and(|found| found.status != PlanStatus::Unknown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(time_ms: Option<u64>) -> PlanAsked {
        PlanAsked { limits: PlanLimits { time_ms, ..PlanLimits::default() }, ..PlanAsked::default() }
    }

    #[test]
    fn a_key_tells_models_and_limits_apart_and_not_titles() {
        let key = PlanKey::of([1; 32], &asked(None));
        assert_eq!(key, PlanKey::of([1; 32], &PlanAsked { title: Some("a".into()), text: Some("b".into()), ..asked(None) }));
        assert_ne!(key, PlanKey::of([2; 32], &asked(None)));
        assert_ne!(key, PlanKey::of([1; 32], &asked(Some(5))));
        let change = AskedChange { parameter: "p".into(), to: 1.0 };
        assert_ne!(key, PlanKey::of([1; 32], &PlanAsked { sensitivity: vec![change], ..asked(None) }));
        assert_eq!(PlanKey::parse(&key.to_string()), Some(key));
        assert_eq!(PlanKey::parse("ab"), None);
    }

    #[test]
    fn every_state_reads_back_from_its_word() {
        for state in PlanState::ALL {
            assert_eq!(PlanState::parse(state.as_str()), Some(state));
            assert_eq!(serde_json::to_string(&state).unwrap(), format!("\"{}\"", state.as_str()));
        }
    }
}
