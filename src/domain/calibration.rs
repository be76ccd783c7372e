//! What was learnt about the reuse of a strategy's decisions: the file that a strategy names as its `calibration`.

use super::component::ModelRef;
use super::field::FieldError;
use super::ids::StrategyName;
use super::projection::Projection;
use super::strategy::{Composition, Strategy, Thresholds};
use super::time::Timestamp;
use crate::limits::{CALIBRATION_BYTES_MAX, SCORE_BINS_MAX};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The version of the file's shape. A file of another version is learnt anew, not converted.
pub const CALIBRATION_FORMAT: u32 = 1;

/// What speaks for or against the reuse of one near candidate.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    /// Cosine of the fresh vectors.
    pub fresh_similarity: f32,
    /// Cosine of the composed vectors.
    pub similarity: f32,
    /// How much nearer it is than the nearest neighbour with another decision, or than the last that was looked at.
    pub margin: f32,
    /// Whether all neighbours agree with the candidate.
    pub unanimous: bool,
    /// Share of the neighbours, weighted by their nearness, whose decision agrees with the candidate's.
    pub agreement: f32,
    /// How many of the neighbours agree, the candidate among them.
    pub agreeing: u8,
    /// How much nearer it is than the neighbours are on average.
    pub spread: f32,
    /// Seconds since the candidate was written.
    pub age_sec: u64,
    /// Share of the request's words that the reader of facts doesn't know.
    pub unread: f32,
    /// How many neighbours were looked at, the candidate among them.
    pub neighbours: u8,
}

/// One number that the model of acceptance reads from the evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Feature {
    /// Cosine of the fresh vectors.
    FreshSimilarity,
    /// Cosine of the composed vectors.
    Similarity,
    /// Distance to the nearest neighbour with another decision.
    Margin,
    /// One where all neighbours agree, else zero.
    Unanimous,
    /// Weighted share of the neighbours that agree.
    Agreement,
    /// How many neighbours agree.
    Agreeing,
    /// Distance to the neighbours on average.
    Spread,
    /// Logarithm of one plus the age in hours: what an hour does to fresh news, a day does to old.
    LogAge,
    /// Share of the request's words that the reader of facts doesn't know.
    Unread,
    /// How many neighbours were looked at.
    Neighbours,
}

impl Feature {
    /// Every feature there is.
    pub const ALL: [Self; 10] = [
        Self::FreshSimilarity,
        Self::Similarity,
        Self::Margin,
        Self::Unanimous,
        Self::Agreement,
        Self::Agreeing,
        Self::Spread,
        Self::LogAge,
        Self::Unread,
        Self::Neighbours,
    ];

    /// Its value.
    pub fn of(self, evidence: &Evidence) -> f64 {
        match self {
            Self::FreshSimilarity => f64::from(evidence.fresh_similarity),
            Self::Similarity => f64::from(evidence.similarity),
            Self::Margin => f64::from(evidence.margin),
            Self::Unanimous => f64::from(u8::from(evidence.unanimous)),
            Self::Agreement => f64::from(evidence.agreement),
            Self::Agreeing => f64::from(evidence.agreeing),
            Self::Spread => f64::from(evidence.spread),
            Self::LogAge => (evidence.age_sec as f64 / 3_600.0).ln_1p(),
            Self::Unread => f64::from(evidence.unread),
            Self::Neighbours => f64::from(evidence.neighbours),
        }
    }

    /// Its name in the file, and in words.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::FreshSimilarity => "fresh_similarity",
            Self::Similarity => "similarity",
            Self::Margin => "margin",
            Self::Unanimous => "unanimous",
            Self::Agreement => "agreement",
            Self::Agreeing => "agreeing",
            Self::Spread => "spread",
            Self::LogAge => "log_age",
            Self::Unread => "unread",
            Self::Neighbours => "neighbours",
        }
    }
}

/// One summand of the model: coefficient · (value − mean) / scale.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Term {
    /// What it reads.
    pub feature: Feature,
    /// Mean over the part that the model was fitted on.
    pub mean: f64,
    /// Standard deviation there; 1 where the value never changed.
    pub scale: f64,
    /// What one standard deviation adds to the log-odds of being right.
    pub coefficient: f64,
}

/// A logistic model of P(right | evidence).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Logistic {
    /// The log-odds where every feature has its mean.
    pub intercept: f64,
    /// One for each feature.
    pub terms: Vec<Term>,
}

/// Candidates whose score lies between `from` and the next bin's.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ScoreBin {
    /// The least score.
    pub from: f64,
    /// How many samples fell here; a fraction where old ones have faded.
    pub n: f64,
    /// How many of them were wrong.
    pub wrong: f64,
}

/// Above which score a near candidate is served.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(tag = "state", rename_all = "snake_case", deny_unknown_fields)]
pub enum Acceptance {
    /// The data prove that the error stays within the budget from this score on.
    Proven {
        /// The least score that is served.
        score_min: f64,
        /// Upper confidence bound of the error among what is served.
        error_upper: f64,
    },
    /// No score can be proven.
    Unattainable {
        /// Why, in words.
        reason: String,
    },
}

impl Acceptance {
    /// The least score that is served; `None` where nothing near is.
    pub fn score_min(&self) -> Option<f64> {
        match self {
            Self::Proven { score_min, .. } => Some(*score_min),
            Self::Unattainable { .. } => None,
        }
    }
}

/// What a calibration was learnt for. It says nothing about anything else.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LearntFor {
    /// Which strategy.
    #[schema(value_type = String)]
    pub strategy: StrategyName,
    /// Which version of it.
    pub strategy_version: u32,
    /// The embedder, as `id@revision`.
    pub model: String,
    /// How the slots become one vector.
    pub composition: Composition,
    /// The weights of the slots, in their order.
    pub weights: Vec<f32>,
    /// The floors that every sample had cleared.
    pub thresholds: Thresholds,
    /// The share of wrong reuses that is tolerated.
    pub error_budget: f64,
    /// How sure the bound on that share must be.
    pub confidence: f64,
}

impl LearntFor {
    /// What a calibration of `strategy` under `model` is learnt for; `budget` is the error budget and the confidence.
    pub fn new(strategy: &Strategy, model: &ModelRef, (error_budget, confidence): (f64, f64)) -> Self {
        Self {
            strategy: strategy.name.clone(),
            strategy_version: strategy.version,
            model: model.to_string(),
            composition: strategy.composition,
            weights: strategy.slots.iter().map(|slot| slot.weight).collect(),
            thresholds: strategy.thresholds,
            error_budget,
            confidence,
        }
    }
}

/// What one part of the data showed.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PartFigures {
    /// Near candidates in it.
    pub candidates: u64,
    /// How many of them would have been wrong, had all been served.
    pub candidates_wrong: u64,
    /// How many were served.
    pub served: u64,
    /// How many of those were wrong.
    pub served_wrong: u64,
    /// Served over candidates.
    pub hit_rate: f64,
    /// Wrong over served; 0 where nothing was.
    pub error: f64,
    /// Lower end of the two-sided Wilson interval of the error.
    pub error_low: f64,
    /// Its upper end.
    pub error_high: f64,
    /// The exact (Clopper–Pearson) one-sided upper bound of the error.
    pub error_upper: f64,
}

/// The figures of the three parts of the data, in the order of time.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Figures {
    /// The part that the model was fitted on.
    pub fit: PartFigures,
    /// The part that the score was chosen on.
    pub calibrate: PartFigures,
    /// The part that nothing was learnt from.
    pub test: PartFigures,
}

/// The file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Calibration {
    /// [`CALIBRATION_FORMAT`].
    pub format: u32,
    /// What it holds for.
    pub learnt_for: LearntFor,
    /// P(right | evidence).
    pub model: Logistic,
    /// The counts of the calibration part by score, the least score first.
    pub bins: Vec<ScoreBin>,
    /// From which score a proof may well begin, as the part says that the model was fitted on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<f64>,
    /// Above which score a candidate is served.
    pub acceptance: Acceptance,
    /// By what composed vectors lose dimensions; absent where they keep them all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Projection>)]
    pub projection: Option<Arc<Projection>>,
    /// BLAKE3 of the data, in hexadecimal digits.
    pub data_hash: String,
    /// When it was learnt.
    #[schema(value_type = String, format = DateTime)]
    pub made_at: Timestamp,
    /// What the parts of the data showed.
    pub figures: Figures,
    /// Why it came out so, in words.
    pub why: String,
}

impl Calibration {
    /// Reads a calibration file.
    ///
    /// # Errors
    /// A [`FieldError`] for the first thing wrong.
    pub fn parse(json: &str) -> Result<Self, FieldError> {
        if json.len() > CALIBRATION_BYTES_MAX {
            return Err(FieldError::new("", format!("a calibration has at most {CALIBRATION_BYTES_MAX} bytes")));
        }
        let mut reader = serde_json::Deserializer::from_str(json);
        let calibration: Self = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
            let path = error.path().to_string();
            let pointer =
                if path == "." { String::new() } else { format!("/{}", path.replace(['.', '['], "/").replace(']', "")) };
            FieldError::new(pointer, error.into_inner().to_string())
        })?;
        reader.end().map_err(|error| FieldError::new("", error.to_string()))?;
        calibration.check()?;
        Ok(calibration)
    }

    /// Checks what types alone can't say.
    ///
    /// # Errors
    /// A [`FieldError`] for the first thing wrong.
    pub fn check(&self) -> Result<(), FieldError> {
        let wrong = |pointer: &str, detail: String| Err(FieldError::new(pointer, detail));
        if self.format != CALIBRATION_FORMAT {
            return wrong("/format", format!("it is {}, and this version reads {CALIBRATION_FORMAT}: tune again", self.format));
        }
        check_budget(
            "/learnt_for/error_budget",
            "/learnt_for/confidence",
            self.learnt_for.error_budget,
            self.learnt_for.confidence,
        )?;
        let numbers = self.model.terms.iter().flat_map(|term| [term.mean, term.scale, term.coefficient]);
        if !numbers.chain([self.model.intercept]).all(f64::is_finite) {
            return wrong("/model", "a number is not finite".to_owned());
        }
        if let Some(i) = self.model.terms.iter().position(|term| term.scale <= 0.0) {
            return wrong(&format!("/model/terms/{i}/scale"), "a scale is above 0".to_owned());
        }
        if self.bins.is_empty() || self.bins.len() > SCORE_BINS_MAX {
            return wrong("/bins", format!("1 to {SCORE_BINS_MAX} bins are expected"));
        }
        for (i, bin) in self.bins.iter().enumerate() {
            let counted = bin.wrong >= 0.0 && bin.wrong <= bin.n && bin.n.is_finite();
            let in_order = i == 0 || self.bins[i - 1].from < bin.from;
            if !(counted && in_order && bin.from.is_finite()) {
                return wrong(&format!("/bins/{i}"), "bins ascend by `from`, and 0 ≤ wrong ≤ n".to_owned());
            }
        }
        if self.acceptance.score_min().is_some_and(|score| !(0.0..=1.0).contains(&score)) {
            return wrong("/acceptance/score_min", "a score is 0 to 1".to_owned());
        }
        let at = |error: FieldError| FieldError::new(format!("/projection{}", error.pointer), error.detail);
        self.projection.as_ref().map_or(Ok(()), |projection| projection.check()).map_err(at)
    }

    /// Whether it was learnt for what `strategy` is now. Everything but the model, which not every reader of strategies knows.
    ///
    /// # Errors
    /// A [`FieldError`] which names the first field of the calibration that differs, and both values.
    pub fn check_against(&self, strategy: &Strategy) -> Result<(), FieldError> {
        let budget = strategy.budget.as_ref().map_or((f64::NAN, f64::NAN), |b| (b.error_budget, b.confidence));
        let (held, now) = (&self.learnt_for, strategy);
        let near = |a: f64, b: f64| (a - b).abs() <= 1e-6;
        let same = |field: &str, same: bool, was: &dyn std::fmt::Debug, is: &dyn std::fmt::Debug| {
            let detail =
                || format!("the calibration was learnt for {was:?}, and the strategy has {is:?}: tune again, or restore it");
            if same { Ok(()) } else { Err(FieldError::new(format!("/learnt_for/{field}"), detail())) }
        };
        let weights: Vec<f32> = now.slots.iter().map(|slot| slot.weight).collect();
        let same_weights =
            weights.len() == held.weights.len() && weights.iter().zip(&held.weights).all(|(a, b)| (a - b).abs() <= 1e-6);
        same("strategy", held.strategy == now.name, &held.strategy, &now.name)?;
        same("strategy_version", held.strategy_version == now.version, &held.strategy_version, &now.version)?;
        same("composition", held.composition == now.composition, &held.composition.as_str(), &now.composition.as_str())?;
        same("weights", same_weights, &held.weights, &weights)?;
        let floors = [
            (held.thresholds.tau, now.thresholds.tau, "tau"),
            (held.thresholds.tau_fresh, now.thresholds.tau_fresh, "tau_fresh"),
        ];
        for (was, is, name) in floors {
            same(&format!("thresholds/{name}"), near(was.into(), is.into()), &was, &is)?;
        }
        same("error_budget", near(held.error_budget, budget.0), &held.error_budget, &budget.0)?;
        same("confidence", near(held.confidence, budget.1), &held.confidence, &budget.1)?;
        match &self.projection {
            Some(_) if now.composition != Composition::Concat => {
                let detail = "only a strategy of the composition \"concat\" has dimensions to spare: tune again, or restore it";
                Err(FieldError::new("/projection", detail))
            }
            _ => Ok(()),
        }
    }

    /// Whether its projection takes vectors of so many dimensions as `strategy` composes from an embedder of `dim`.
    ///
    /// # Errors
    /// A [`FieldError`] with both numbers.
    pub fn check_dimensions(&self, strategy: &Strategy, dim: usize) -> Result<(), FieldError> {
        let (slots, Some(projection)) = (strategy.slots.len(), &self.projection) else { return Ok(()) };
        if projection.from == slots * dim {
            return Ok(());
        }
        let detail = format!(
            "the projection takes vectors of {} dimensions, and {slots} slots of an embedder of {dim} compose one of {}: tune again, or restore it",
            projection.from,
            slots * dim
        );
        Err(FieldError::new("/projection/from", detail))
    }

    /// The same without the matrix of its projection, for whoever only shows it.
    #[must_use]
    pub fn in_short(&self) -> Self {
        let projection = self.projection.as_ref().map(|projection| Arc::new(projection.in_short()));
        Self { projection, ..self.clone() }
    }

    /// Whether it was learnt with this embedder.
    ///
    /// # Errors
    /// A [`FieldError`] with both names.
    pub fn check_model(&self, model: &ModelRef) -> Result<(), FieldError> {
        let (held, now) = (&self.learnt_for.model, model.to_string());
        if *held == now {
            return Ok(());
        }
        let detail = format!("the calibration was learnt with {held}, and the embedder is {now}: tune again, or restore it");
        Err(FieldError::new("/learnt_for/model", detail))
    }
}

/// Checks an error budget and a confidence, wherever they stand.
///
/// # Errors
/// A [`FieldError`] at the pointer that was given for the one that is wrong.
pub fn check_budget(at_budget: &str, at_confidence: &str, error_budget: f64, confidence: f64) -> Result<(), FieldError> {
    if !(error_budget > 0.0 && error_budget < 0.5) {
        return Err(FieldError::new(at_budget, format!("{error_budget} is not above 0 and below 0.5")));
    }
    if !(0.5..1.0).contains(&confidence) {
        return Err(FieldError::new(at_confidence, format!("{confidence} is not at least 0.5 and below 1")));
    }
    Ok(())
}

#[cfg(test)]
pub(crate) mod fixture;
#[cfg(test)]
mod tests;
