//! One named way to decide, as its TOML file says it.

use super::budget::{BudgetRules, BudgetTable};
use super::component::Role;
use super::entry::{Band, Validity};
use super::fact_rules::Rules;
use super::field::FieldError;
use super::ids::{ComponentId, StrategyName};
use super::request::Market;
use super::slow::SlowRules;
use super::triage::{AUTO, TriageRules};
use super::trust::{ActionClass, Provenance};
use super::vote::VoteRules;
use crate::limits::{CONTEXT_IDS_MAX, DEADLINE_MS_MAX, SLOTS_MAX, TTL_SEC_MAX};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How the vectors of the slots become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Composition {
    /// V = normalise(Σ wᵢ·vᵢ).
    Sum,
    /// Each slot scaled by the root of its weight and laid side by side, so that the cosine of two is the weighted mean of
    /// the cosines of their slots.
    Concat,
}

impl Composition {
    /// The name in strategy files.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sum => "sum",
            Self::Concat => "concat",
        }
    }
}

/// Whether a slot must match exactly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Binding {
    /// Its component is in the partition key: a search never crosses it.
    Hard,
    /// It moves the composed vector and no more.
    Soft,
}

/// Where the vector of a slot comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum SlotSource {
    /// The text of the request.
    Fresh,
    /// One component, by id.
    Component {
        /// What the slot is for.
        role: Role,
        /// Which component.
        #[schema(value_type = String)]
        id: ComponentId,
        /// The text of the component for tenants that have written none of this id.
        #[serde(skip_serializing_if = "Option::is_none")]
        text: Option<String>,
    },
    /// The newest components of a role that share a tag with the request, or those that the request names.
    Latest {
        /// Of which role.
        role: Role,
        /// How many at most.
        max: usize,
    },
}

impl SlotSource {
    /// The role of the slot; `fresh` for the request's own text.
    pub fn role_name(&self) -> &'static str {
        match self {
            Self::Fresh => "fresh",
            Self::Component { role, .. } | Self::Latest { role, .. } => role.as_str(),
        }
    }
}

/// A place in the composition.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Slot {
    /// Where its vector comes from.
    pub source: SlotSource,
    /// Whether it must match exactly.
    pub bind: Binding,
    /// Its share of the composed vector, above 0; the weights of a strategy add up to 1.
    pub weight: f32,
}

/// The two floors that a hit must clear.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Thresholds {
    /// Least cosine of the composed vectors.
    pub tau: f32,
    /// Least cosine of the fresh vectors.
    pub tau_fresh: f32,
}

/// How long the entries of a strategy are good for.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ValidityRules {
    /// Seconds to live for an entry that doesn't say its own; for ever where absent.
    pub ttl_sec: Option<u64>,
    /// How far a price may move from the one that an engine saw, as a share of it, above 0 and below 1: what the engine decided serves only
    /// within. It serves at any price where absent, and where the request gave none.
    pub price_band: Option<f64>,
}

impl ValidityRules {
    /// Under which conditions what an engine decided may be used again: in the regime that it was told of, near the prices that it was told
    /// of, by the versions that took part, and for the same book where it was told of one.
    pub fn of_engine(&self, market: &Market, versions: &BTreeMap<String, String>) -> Validity {
        let band = |price: f64| self.price_band.map(|share| Band { min: price * (1.0 - share), max: price * (1.0 + share) });
        Validity {
            price: market.price.iter().filter_map(|(name, price)| Some((name.clone(), band(*price)?))).collect(),
            regime: market.regime.clone(),
            versions: versions.clone(),
            book: market.book(),
            ..Validity::default()
        }
    }
}

/// Whom a strategy trusts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TrustRules {
    /// The least trusted who may have decided: import < feedback < engine < operator.
    pub provenance: Provenance,
}

/// What acting on the decisions of a strategy would mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ActionRules {
    /// The class of a decision that doesn't say its own.
    pub class: ActionClass,
    /// Whether an irreversible action may be taken from a near text, and not only from the very same.
    pub semantic: bool,
}

/// One named way to decide.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Strategy {
    /// Its name.
    #[schema(value_type = String)]
    pub name: StrategyName,
    /// Its version. A new version starts with an empty cache, since it is part of the partition key.
    pub version: u32,
    /// What it is for, in words.
    pub description: String,
    /// How its slots become one vector.
    pub composition: Composition,
    /// Its slots, one of them fresh.
    pub slots: Vec<Slot>,
    /// The floors.
    pub thresholds: Thresholds,
    /// What must agree in what the texts say.
    pub facts: Rules,
    /// How long its entries are good for.
    pub validity: ValidityRules,
    /// Whom it trusts.
    pub trust: TrustRules,
    /// What acting on its decisions would mean.
    pub action: ActionRules,
    /// The versions of what takes part in its decisions now, by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub versions: BTreeMap<String, String>,
    /// How much of what it reuses may be wrong; unbounded where absent.
    pub budget: Option<BudgetRules>,
    /// How near misses vote; they don't where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vote: Option<VoteRules>,
    /// How whole prompts are matched where no near text answers; they aren't where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slow: Option<SlowRules>,
    /// Milliseconds that a request has which names no deadline.
    pub deadline_ms: u32,
    /// The engine that decides where nothing may be reused; none where absent, and `auto` where each request gets the one that it needs.
    pub engine: Option<String>,
    /// How that one is found, where the strategy knows more of it than is compiled in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub triage: Option<TriageRules>,
}

/// A strategy as its file spells it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct StrategyFile {
    name: StrategyName,
    version: u32,
    #[serde(default)]
    description: String,
    composition: Composition,
    thresholds: Thresholds,
    facts: Option<toml::Value>,
    #[serde(default)]
    validity: ValidityRules,
    #[serde(default)]
    trust: TrustRules,
    #[serde(default)]
    action: ActionRules,
    #[serde(default)]
    versions: BTreeMap<String, String>,
    error_budget: Option<f64>,
    budget: Option<BudgetTable>,
    calibration: Option<String>,
    vote: Option<VoteRules>,
    slow: Option<SlowRules>,
    deadline_ms: u32,
    engine: Option<String>,
    triage: Option<TriageRules>,
    slots: Vec<SlotFile>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SlotFile {
    role: String,
    #[serde(default = "soft")]
    bind: Binding,
    weight: f32,
    component: Option<ComponentId>,
    latest: Option<usize>,
    text: Option<String>,
}

fn soft() -> Binding {
    Binding::Soft
}

impl Strategy {
    /// Reads a strategy file.
    ///
    /// # Errors
    /// A [`FieldError`] for the first thing wrong; what the TOML reader finds has the pointer `` and the place in its text.
    pub fn from_toml(text: &str) -> Result<Self, FieldError> {
        let file: StrategyFile = toml::from_str(text).map_err(|e| FieldError::new("", e.to_string()))?;
        let slots = file.slots.into_iter().enumerate().map(|(i, slot)| slot.check(i)).collect::<Result<_, _>>()?;
        let facts = Rules::from_toml(file.facts)?;
        let strategy = Self {
            name: file.name,
            version: file.version,
            description: file.description,
            composition: file.composition,
            slots,
            thresholds: file.thresholds,
            validity: file.validity,
            trust: file.trust,
            action: file.action,
            versions: file.versions,
            vote: file.vote,
            slow: file.slow,
            budget: BudgetRules::gathered(file.error_budget, file.budget, file.calibration, facts.enabled)?,
            facts,
            deadline_ms: file.deadline_ms,
            engine: file.engine,
            triage: file.triage,
        };
        strategy.check()?;
        Ok(strategy)
    }

    /// The floors that the gates hold a candidate against: those of [`Self::thresholds`], or, where an error budget decides what is near
    /// enough, the cosine from which it weighs a candidate.
    pub fn floors(&self) -> Thresholds {
        match &self.budget {
            Some(budget) if budget.starts_closed() => {
                let Thresholds { tau, tau_fresh } = self.thresholds;
                Thresholds { tau: tau.min(budget.weighed_from), tau_fresh: tau_fresh.min(budget.weighed_from) }
            }
            _ => self.thresholds,
        }
    }

    /// Whether each request gets the engine that it needs.
    pub fn triages(&self) -> bool {
        self.engine.as_deref() == Some(AUTO)
    }

    /// The slot of the request's own text.
    pub fn fresh_weight(&self) -> f32 {
        self.slots.iter().find(|slot| slot.source == SlotSource::Fresh).map_or(0.0, |slot| slot.weight)
    }

    /// The components in hard slots, in the order of the slots.
    pub fn hard_components(&self) -> impl Iterator<Item = &ComponentId> {
        self.slots.iter().filter(|slot| slot.bind == Binding::Hard).filter_map(|slot| match &slot.source {
            SlotSource::Component { id, .. } => Some(id),
            SlotSource::Fresh | SlotSource::Latest { .. } => None,
        })
    }

    fn check(&self) -> Result<(), FieldError> {
        if self.slots.len() > SLOTS_MAX {
            return Err(FieldError::new("/slots", format!("a strategy has at most {SLOTS_MAX} slots")));
        }
        if self.slots.iter().filter(|slot| slot.source == SlotSource::Fresh).count() != 1 {
            return Err(FieldError::new("/slots", "exactly one slot must have the role \"fresh\""));
        }
        let sum: f32 = self.slots.iter().map(|slot| slot.weight).sum();
        if (sum - 1.0).abs() > 1e-3 {
            return Err(FieldError::new("/slots", format!("the weights add up to {sum}, and they must add up to 1")));
        }
        for (name, floor) in [("tau", self.thresholds.tau), ("tau_fresh", self.thresholds.tau_fresh)] {
            if !(floor > 0.0 && floor <= 1.0) {
                return Err(FieldError::new(format!("/thresholds/{name}"), format!("{floor} is not above 0 and at most 1")));
            }
        }
        if !(1..=DEADLINE_MS_MAX).contains(&self.deadline_ms) {
            return Err(FieldError::new("/deadline_ms", format!("it must be 1 to {DEADLINE_MS_MAX}")));
        }
        self.vote.map_or(Ok(()), |vote| vote.check())?;
        if self.triage.is_some() && !self.triages() {
            return Err(FieldError::new("/triage", format!("it holds only where `engine = \"{AUTO}\"`")));
        }
        self.slow.map_or(Ok(()), |slow| slow.check())?;
        if let Some(band) = self.validity.price_band.filter(|band| !(*band > 0.0 && *band < 1.0)) {
            return Err(FieldError::new("/validity/price_band", format!("{band} is not above 0 and below 1")));
        }
        if self.validity.ttl_sec.is_some_and(|ttl| !(1..=TTL_SEC_MAX).contains(&ttl)) {
            return Err(FieldError::new("/validity/ttl_sec", format!("it must be 1 to {TTL_SEC_MAX}")));
        }
        Ok(())
    }
}

impl SlotFile {
    fn check(self, at: usize) -> Result<Slot, FieldError> {
        let wrong = |field: &str, detail: &str| Err(FieldError::new(format!("/slots/{at}{field}"), detail));
        if !(self.weight > 0.0 && self.weight <= 1.0) {
            return wrong("/weight", "a weight is above 0 and at most 1");
        }
        let source = if self.role == "fresh" {
            if self.component.is_some() || self.latest.is_some() || self.text.is_some() {
                return wrong("", "the fresh slot takes its vector from the request; it names no component");
            }
            SlotSource::Fresh
        } else {
            let role: serde::de::value::StrDeserializer<'_, serde::de::value::Error> =
                serde::de::IntoDeserializer::into_deserializer(&*self.role);
            let Ok(role) = Role::deserialize(role) else {
                return wrong("/role", "it is one of fresh, instruction, framework, tool, exemplar, context and news");
            };
            match (self.component, self.latest) {
                (Some(id), None) => SlotSource::Component { role, id, text: self.text },
                (None, Some(_)) if self.text.is_some() => {
                    return wrong("/text", "only a slot that names its component brings a text");
                }
                (None, Some(max)) if (1..=CONTEXT_IDS_MAX).contains(&max) => SlotSource::Latest { role, max },
                (None, Some(_)) => return wrong("/latest", "it must be 1 to 16"),
                _ => return wrong("", "a slot names either `component = \"id\"` or `latest = count`"),
            }
        };
        if self.bind == Binding::Hard && !matches!(source, SlotSource::Component { .. }) {
            return wrong("/bind", "only a slot that names its component can be hard");
        }
        Ok(Slot { source, bind: self.bind, weight: self.weight })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::budget::Start;

    const GOOD: &str = r#"
        name = "s"
        version = 1
        composition = "sum"
        deadline_ms = 500
        thresholds = { tau = 0.9, tau_fresh = 0.8 }
        slots = [
            { role = "instruction", bind = "hard", component = "i", weight = 0.4 },
            { role = "context", latest = 2, weight = 0.2 },
            { role = "fresh", weight = 0.4 },
        ]
    "#;

    #[test]
    fn a_good_file_reads_as_written() {
        let strategy = Strategy::from_toml(GOOD).unwrap();
        assert_eq!(strategy.hard_components().map(ComponentId::as_str).collect::<Vec<_>>(), ["i"]);
        assert!((strategy.fresh_weight() - 0.4).abs() < 1e-6);
    }

    #[test]
    fn an_error_budget_alone_brings_the_usual_rules_and_none_is_kept_where_none_is_stated() {
        assert_eq!(Strategy::from_toml(GOOD).unwrap().budget, None);
        let with =
            |lines: &str| Strategy::from_toml(&GOOD.replace("version = 1", &format!("version = 1\n{lines}"))).unwrap().budget;
        let usual = BudgetRules {
            error_budget: 0.01,
            confidence: 0.95,
            shadow_rate: 0.02,
            start: Start::Open,
            weighed_from: 0.6,
            calibration: None,
        };
        assert_eq!(with("error_budget = 0.01"), Some(usual.clone()));
        let own = with("error_budget = 0.01\ncalibration = \"c.json\"\nbudget.confidence = 0.9");
        assert_eq!(own, Some(BudgetRules { confidence: 0.9, calibration: Some("c.json".to_owned()), ..usual }));
    }

    #[test]
    fn near_reuse_starts_closed_where_no_fact_gate_reads_the_texts_and_then_the_proof_stands_in_place_of_the_floors() {
        let with = |lines: &str| Strategy::from_toml(&GOOD.replace("version = 1", &format!("version = 1\n{lines}"))).unwrap();
        let start = |lines: &str| with(lines).budget.unwrap().start;
        assert_eq!(start("error_budget = 0.01"), Start::Open);
        assert_eq!(start("error_budget = 0.01\nfacts = false"), Start::Closed);
        assert_eq!(start("error_budget = 0.01\nfacts = false\nbudget.start = \"open\""), Start::Open);
        let open = with("error_budget = 0.01");
        assert_eq!(open.floors(), open.thresholds);
        let closed = with("error_budget = 0.01\nbudget.start = \"closed\"\nbudget.weighed_from = 0.7");
        assert_eq!(closed.floors(), Thresholds { tau: 0.7, tau_fresh: 0.7 });
        assert_eq!(closed.thresholds, open.thresholds);
        let calibrated = with("error_budget = 0.01\nfacts = false\ncalibration = \"c.json\"");
        assert_eq!(calibrated.floors(), calibrated.thresholds, "a calibration was learnt above the strategy's floors");
    }

    #[test]
    fn each_rule_that_is_broken_is_named_with_its_field() {
        for (from, to, pointer) in [
            ("weight = 0.2", "weight = 0.3", "/slots"),
            ("weight = 0.2", "weight = -0.2", "/slots/1/weight"),
            ("role = \"fresh\"", "role = \"news\", latest = 1", "/slots"),
            ("role = \"context\"", "role = \"mood\"", "/slots/1/role"),
            ("latest = 2", "latest = 2, bind = \"hard\"", "/slots/1/bind"),
            ("latest = 2", "latest = 2, component = \"c\"", "/slots/1"),
            ("latest = 2", "latest = 99", "/slots/1/latest"),
            ("tau = 0.9", "tau = 1.9", "/thresholds/tau"),
            ("deadline_ms = 500", "deadline_ms = 0", "/deadline_ms"),
            ("version = 1", "version = 1\nmood = 2", ""),
            ("version = 1", "version = 1\nvote = { share_min = 0.5 }", "/vote/share_min"),
            ("version = 1", "version = 1\nvote = { voters = 65 }", "/vote/voters"),
            ("version = 1", "version = 1\nslow = { tau_prompt = 1.0 }", "/slow/tau_prompt"),
            ("version = 1", "version = 1\nslow = { near = -0.1 }", "/slow/near"),
            ("version = 1", "version = 1\nslow = { candidates = 0 }", "/slow/candidates"),
            ("version = 1", "version = 1\nslow = { least_ms = 0 }", "/slow/least_ms"),
            ("version = 1", "version = 1\nslow = { mood = 1 }", ""),
            ("version = 1", "version = 1\nerror_budget = 0.5", "/error_budget"),
            ("version = 1", "version = 1\nerror_budget = 0.0", "/error_budget"),
            ("version = 1", "version = 1\nerror_budget = nan", "/error_budget"),
            ("version = 1", "version = 1\nerror_budget = 0.01\nbudget.confidence = 1.0", "/budget/confidence"),
            ("version = 1", "version = 1\nerror_budget = 0.01\nbudget.shadow_rate = 1.1", "/budget/shadow_rate"),
            ("version = 1", "version = 1\nerror_budget = 0.01\nbudget.mood = 1.1", ""),
            ("version = 1", "version = 1\nerror_budget = 0.01\nbudget.weighed_from = 0.0", "/budget/weighed_from"),
            ("version = 1", "version = 1\nerror_budget = 0.01\ncalibration = \"c\"\nbudget.start = \"open\"", "/budget/start"),
            ("version = 1", "version = 1\nbudget.shadow_rate = 0.1", "/budget"),
            ("version = 1", "version = 1\ncalibration = \"c.json\"", "/calibration"),
            ("version = 1", "version = 1\nengine = \"trading\"\ntriage.examples = \"e.ndjson\"", "/triage"),
            ("version = 1", "version = 1\nengine = \"auto\"\ntriage.mood = 1", ""),
        ] {
            let error = Strategy::from_toml(&GOOD.replace(from, to)).unwrap_err();
            assert_eq!(error.pointer, pointer, "{to}: {error}");
        }
    }
}
