//! The model of the regimes, their names, and the numbers that are told of them.

use super::features::Features;
use super::{NAMES, Settings};
use crate::engine::numeric::method::{FitFault, FitRun};
use crate::engine::numeric::methods::bars::Day;
use crate::stats::StatsError;
use crate::stats::cluster::{k_means, silhouette};
use crate::stats::gaussian::{MixtureSettings, mixture};
use crate::stats::hidden_markov::{self, Errors, Fit, Model, Prior, Shape};
use crate::stats::points::{Points, matching};
use serde_json::{Map, Value, json};

/// How many regimes there are.
pub(super) const COUNT: usize = NAMES.len();
/// Where they are expected, on the common scale: calm, usual, and on both sides of a high volatility.
const EXPECTED: [f64; 2 * COUNT] = [-1.1, 0.0, 0.0, 0.0, 1.1, 1.2, 1.1, -1.2];
/// Days that are told one by one.
const RECENT_DAYS: usize = 60;
/// How much likelier, as a logarithm, regimes have to be than those that come from the fit before, to be taken instead of them.
const LOYALTY: f64 = 2.0;
/// Days that the silhouette looks at.
const SILHOUETTE_MOST: usize = 2_000;

/// The regimes of each day.
pub(super) struct Regimes {
    pub fit: Fit,
    pub errors: Option<Errors>,
    silhouette: f64,
    k_means_silhouette: f64,
    mixture_bic: Vec<Option<f64>>,
    agreement: Option<f64>,
    relabelled: bool,
}

impl Regimes {
    pub fn find(
        features: &Features,
        settings: &Settings,
        previous: Option<&Map<String, Value>>,
        run: &FitRun<'_>,
    ) -> Result<Self, FitFault> {
        let points = Points::new(&features.scaled, 2)?;
        let prior = Prior {
            means: EXPECTED.to_vec(),
            weight: settings.prior_share * points.len() as f64 / COUNT as f64,
            stay: 8.0,
            spread: 0.5,
        };
        let before = previous.and_then(|previous| earlier_model(previous, features));
        let how = hidden_markov::Settings {
            states: COUNT,
            shape: Shape::Tied,
            prior: Some(&prior),
            first: before.as_ref(),
            loyalty: LOYALTY,
            starts: settings.starts,
            ridge: 1e-4,
            iterations_max: 1_000,
            tolerance: 1e-8,
            seed: run.seed,
        };
        let mut fit = hidden_markov::fit(points, &how, run.stop)?;
        let relabelled = keep_labels(&mut fit, before.as_ref())?;
        let errors = match hidden_markov::standard_errors(points, &fit.model, Shape::Tied, Some(&prior), run.stop) {
            Err(StatsError::Stopped) => return Err(StatsError::Stopped.into()),
            found => found.ok(),
        };
        let score = |labels: &[usize]| match silhouette(points, labels, SILHOUETTE_MOST, run.seed, run.stop) {
            // One regime for all days is no structure at all.
            Err(StatsError::Constant(_)) => Ok(0.0),
            other => other,
        };
        let plain = k_means(points, COUNT, 8, run.seed, run.stop)?;
        Ok(Self {
            silhouette: score(&fit.path)?,
            k_means_silhouette: score(&plain.labels)?,
            mixture_bic: mixtures(points, run)?,
            agreement: None,
            relabelled,
            errors,
            fit,
        })
    }

    pub fn current(&self) -> usize {
        self.fit.path.last().copied().unwrap_or(0)
    }

    /// How sure the present regime is.
    pub fn current_chance(&self) -> f64 {
        self.fit.smoothed[self.fit.smoothed.len() - COUNT + self.current()]
    }

    /// Whether low volatility is low, and bullish goes up.
    pub fn named_rightly(&self) -> bool {
        named_rightly(&self.fit.model.means)
    }

    /// How often the days that both fits tell of have the same regime.
    fn agree(&mut self, days: &[Day], previous: Option<&Map<String, Value>>) {
        let recent = previous.and_then(|previous| previous.get("recent_days")).and_then(Value::as_array);
        let told = recent.into_iter().flatten().filter_map(|one| {
            let (day, regime) = (one.get("day")?.as_str()?, one.get("regime")?.as_u64()?);
            let at = days.iter().position(|own| own.start.to_string().starts_with(day))?;
            Some(self.fit.path[at] as u64 == regime)
        });
        let told: Vec<bool> = told.collect();
        self.agreement = (!told.is_empty()).then(|| told.iter().filter(|same| **same).count() as f64 / told.len() as f64);
    }

    /// The lengths of the spells on the likeliest path, and which regime each was.
    pub fn spells(&self) -> Vec<(usize, usize)> {
        let mut spells: Vec<(usize, usize)> = Vec::new();
        for &regime in &self.fit.path {
            match spells.last_mut() {
                Some((own, days)) if *own == regime => *days += 1,
                _ => spells.push((regime, 1)),
            }
        }
        spells
    }

    pub fn values(
        mut self,
        days: &[Day],
        features: &Features,
        settings: &Settings,
        seed: u64,
        previous: Option<&Map<String, Value>>,
    ) -> Map<String, Value> {
        self.agree(days, previous);
        let (now, model, spells) = (self.current(), &self.fit.model, self.spells());
        let ahead = model.after(settings.horizon_days);
        let chances = &ahead[now * COUNT..(now + 1) * COUNT];
        let errors = self.errors.as_ref().map(|errors| errors.after(model, now, settings.horizon_days));
        let keyed = |value: &dyn Fn(usize) -> Value| {
            NAMES.iter().enumerate().map(|(at, name)| (name[0].to_owned(), value(at))).collect::<Map<_, _>>()
        };
        let mut next: Vec<(usize, f64)> = chances.iter().copied().enumerate().collect();
        next.sort_by(|left, right| (right.0 == now).cmp(&(left.0 == now)).then(right.1.total_cmp(&left.1)));
        let next: Vec<Value> = next
            .iter()
            .map(|(at, chance)| json!({"name": if *at == now { "stay" } else { NAMES[*at][2] }, "regime": at, "probability": chance}))
            .collect();
        let stationary = model.stationary().ok();
        let mut values = Map::new();
        let mut put = |name: &str, value: Value| values.insert(name.to_owned(), value);
        put("current_regime", json!(now));
        put("regime_label", json!(NAMES[now][1]));
        put("days_in_current_regime", json!(spells.last().map_or(0, |spell| spell.1)));
        put("avg_persistence_days", json!(self.persistence(stationary.as_deref(), &spells)));
        put("transition_probs", keyed(&|at| json!(chances[at])).into());
        put("silhouette_score", json!(self.silhouette));
        if let Some(errors) = errors {
            put("transition_probs_interval", keyed(&|at| json!(within(chances[at], errors[at]))).into());
        }
        put("next_week", next.into());
        put("current_probability", json!(self.current_chance()));
        put("horizon_days", json!(settings.horizon_days));
        put("regimes", self.each(days, features, stationary.as_deref(), &spells).into());
        put("transition_matrix_daily", rows(&model.transitions));
        put("transition_standard_errors", self.errors.as_ref().map_or(Value::Null, |errors| rows(&errors.transitions)));
        put("spells", json!(spells.len()));
        put("days", json!(days.len()));
        put("recent_days", self.recent(days));
        put("agreement_with_previous_fit", json!(self.agreement));
        put("relabelled", json!(self.relabelled));
        put("k_means_silhouette", json!(self.k_means_silhouette));
        put("mixture_bic_by_components", json!(self.mixture_bic));
        put("log_likelihood", json!(self.fit.log_likelihood));
        put("start_objectives", json!(self.fit.starts));
        put("iterations", json!(self.fit.iterations));
        put("covariance", json!(model.covariances[0]));
        put("scales", json!(features.scales()));
        put("seed", json!(seed));
        put("method", json!("gaussian_hmm_map_tied_covariance"));
        values
    }

    /// The mean length of a spell under the model: one over the share of days on which the regime changes.
    fn persistence(&self, stationary: Option<&[f64]>, spells: &[(usize, usize)]) -> f64 {
        let leaving = stationary
            .map(|shares| (0..COUNT).map(|at| shares[at] * (1.0 - self.fit.model.transitions[at * (COUNT + 1)])).sum::<f64>());
        let seen = self.fit.path.len() as f64 / spells.len() as f64;
        leaving.filter(|leaving| *leaving > 1e-9).map_or(seen, |leaving| 1.0 / leaving)
    }

    fn each(&self, days: &[Day], features: &Features, stationary: Option<&[f64]>, spells: &[(usize, usize)]) -> Vec<Value> {
        let model = &self.fit.model;
        let one = |at: usize| {
            let own: Vec<usize> = (0..days.len()).filter(|&day| self.fit.path[day] == at).collect();
            let mean = |value: &dyn Fn(&Day) -> f64| own.iter().map(|&day| value(&days[day])).sum::<f64>() / own.len() as f64;
            let [level, trend] = features.unscale([model.means[2 * at], model.means[2 * at + 1]]);
            let stay = model.transitions[at * (COUNT + 1)];
            let error = self.errors.as_ref().map(|errors| errors.transitions[at * (COUNT + 1)]);
            json!({
                "regime": at,
                "label": NAMES[at][1],
                "days": own.len(),
                "share": own.len() as f64 / days.len() as f64,
                "long_run_share": stationary.map(|shares| shares[at]),
                "spells": spells.iter().filter(|spell| spell.0 == at).count(),
                "persistence_days": 1.0 / (1.0 - stay).max(1e-9),
                "persistence_interval": error.map(|error| lasting(stay, error)),
                "annual_volatility": level.exp(),
                "trend_per_day": trend * features.usual_volatility(),
                "realised_volatility": (!own.is_empty()).then(|| (crate::engine::numeric::methods::bars::DAYS_PER_YEAR * mean(&|day| day.variance)).sqrt()),
                "mean_daily_return": (!own.is_empty()).then(|| mean(&|day| day.log_return)),
                "centre": [level, trend],
                "centre_standard_errors": self.errors.as_ref().map(|errors| [errors.means[2 * at] * features.scales()[0], errors.means[2 * at + 1] * features.scales()[1]]),
            })
        };
        (0..COUNT).map(one).collect()
    }

    fn recent(&self, days: &[Day]) -> Value {
        let from = days.len().saturating_sub(RECENT_DAYS);
        let one = |at: usize| json!({"day": days[at].start.to_string().get(..10), "regime": self.fit.path[at]});
        (from..days.len()).map(one).collect::<Vec<_>>().into()
    }
}

/// What lies around a chance, from 0 to 1, at 95%.
fn within(chance: f64, error: f64) -> [f64; 2] {
    [(chance - 1.96 * error).max(0.0), (chance + 1.96 * error).min(1.0)]
}

/// The mean length of a spell at both ends of the interval of the chance to stay, which is even on the scale of log-odds.
fn lasting(stay: f64, error: f64) -> [f64; 2] {
    let (odds, spread) = ((stay / (1.0 - stay)).ln(), 1.96 * error / (stay * (1.0 - stay)));
    // 1 / (1 − p) = 1 + odds.
    [odds - spread, odds + spread].map(|odds| 1.0 + odds.min(20.0).exp())
}

fn rows(matrix: &[f64]) -> Value {
    matrix.chunks_exact(COUNT).map(|row| json!(row)).collect::<Vec<_>>().into()
}

/// Low volatility below neutral, neutral below both high ones, those on their side of no trend, and neutral without much of one.
fn named_rightly(means: &[f64]) -> bool {
    let (level, trend) = (|at: usize| means[2 * at], |at: usize| means[2 * at + 1]);
    let ordered = level(0) < level(1) && level(1) < level(2).min(level(3));
    ordered && trend(2) > 0.0 && trend(3) < 0.0 && trend(1).abs() < 0.5 * trend(2).max(-trend(3))
}

/// Orders the regimes as those of the fit before, where they then still are what they are called; tells whether another order was found.
fn keep_labels(fit: &mut Fit, before: Option<&Model>) -> Result<bool, StatsError> {
    let Some(before) = before else { return Ok(false) };
    let places = matching(&fit.model.means, &before.means, 2)?;
    let mut order = vec![0; COUNT];
    places.iter().enumerate().for_each(|(own, &old)| order[old] = own);
    let turned = fit.model.reordered(&order);
    if order.iter().enumerate().all(|(at, own)| at == *own) || !named_rightly(&turned.means) {
        return Ok(false);
    }
    fit.model = turned;
    fit.path.iter_mut().for_each(|regime| *regime = places[*regime]);
    fit.smoothed =
        fit.smoothed.chunks_exact(COUNT).flat_map(|row| order.iter().map(|&own| row[own]).collect::<Vec<_>>()).collect();
    Ok(true)
}

/// The model of the fit before, on the scale of this one.
fn earlier_model(previous: &Map<String, Value>, features: &Features) -> Option<Model> {
    let numbers = |value: &Value| value.as_array()?.iter().map(Value::as_f64).collect::<Option<Vec<f64>>>();
    let centres = previous.get("regimes")?.as_array()?.iter().map(|one| numbers(one.get("centre")?));
    let centres: Vec<Vec<f64>> = centres.collect::<Option<_>>()?;
    let matrix = previous.get("transition_matrix_daily")?.as_array()?.iter().map(numbers);
    let transitions: Vec<f64> = matrix.collect::<Option<Vec<_>>>()?.concat();
    let (covariance, scales) = (numbers(previous.get("covariance")?)?, numbers(previous.get("scales")?)?);
    let fits = centres.len() == COUNT && centres.iter().all(|row| row.len() == 2) && transitions.len() == COUNT * COUNT;
    let positive = transitions.iter().all(|chance| *chance > 0.0 && *chance <= 1.0) && scales.iter().all(|scale| *scale > 0.0);
    if !fits || !positive || covariance.len() != 4 || scales.len() != 2 {
        return None;
    }
    let ratio = [scales[0] / features.scales()[0], scales[1] / features.scales()[1]];
    let covariance: Vec<f64> = (0..4).map(|at| covariance[at] * ratio[at / 2] * ratio[at % 2]).collect();
    Some(Model {
        start: vec![1.0 / COUNT as f64; COUNT],
        transitions,
        means: centres.iter().flat_map(|row| features.scale([row[0], row[1]])).collect(),
        covariances: vec![covariance; COUNT],
    })
}

/// The Bayesian information criterion of mixtures of one component and more, to show how many the days ask for.
fn mixtures(points: Points<'_>, run: &FitRun<'_>) -> Result<Vec<Option<f64>>, StatsError> {
    let one = |components: usize| {
        let settings =
            MixtureSettings { components, starts: 2, ridge: 1e-4, iterations_max: 1_000, tolerance: 1e-6, seed: run.seed };
        match mixture(points, &settings, run.stop) {
            Ok(found) => Ok(Some(found.bic)),
            Err(StatsError::Stopped) => Err(StatsError::Stopped),
            Err(_) => Ok(None),
        }
    };
    (1..=5).map(one).collect()
}
