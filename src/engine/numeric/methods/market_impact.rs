//! NR-19: what an order moves the price by, α·(size / depth)^β for each market.

use super::estimates::{complete, dots, groups, keep, span};
use super::tabular::{doubt, labels};
use super::{plot, setting};
use crate::domain::answer::Confidence;
use crate::domain::field::FieldError;
use crate::engine::numeric::method::{Doubt, FitFault, FitInput, FitRun, Fitted, Method};
use crate::stats::formula::Formula;
use crate::stats::nonlinear::{FormulaCurve, NonlinearFit, Options, formula};
use crate::stats::regression::{self, Covariance, Estimate};
use crate::stats::robust::z_scores;
use crate::stats::{StatsError, Stop};
use serde_json::{Map, Value, json};

/// The law impact = α·(size / depth)^β of Almgren, Thum, Hauptmann and Li (2005) by generalised nonlinear least squares, for the noise grows with
/// the impact, with HC3 errors. Its frame `executions` has `symbol`, `size` and `depth` in one unit, `impact_bps` (signed, against
/// the trader above 0), and `time` where there is one. Settings: `level`; `least`, the rows that a market needs; `outlier`, the robust z-score
/// of a residual from which a row is left out.
#[derive(Debug, Clone, Copy)]
pub struct MarketImpact;

struct Settings {
    level: f64,
    least: usize,
    outlier: f64,
}

impl Settings {
    fn read(given: &Map<String, Value>) -> Result<Self, FieldError> {
        setting::only(given, &["level", "least", "outlier"])?;
        Ok(Self {
            level: setting::number(given, "level", 0.95, 0.5..=0.999)?,
            least: setting::whole(given, "least", 30, 5..=1_000_000)? as usize,
            outlier: setting::number(given, "outlier", 8.0, 3.0..=1e6)?,
        })
    }
}

/// Below this the market's own law explains too little to be relied on.
const R_SQUARED_WEAK: f64 = 0.3;

/// Executions of like size that an outlier is looked for among.
const NEIGHBOURS: usize = 50;

/// How often the law is fitted, each time with the weights of the time before.
const ROUNDS: u32 = 3;

/// The law of one market.
struct Law {
    alpha: Estimate,
    beta: Estimate,
    /// Impact less the law, unweighted.
    residuals: Vec<f64>,
    residual_sd: f64,
    r_squared: f64,
}

impl Law {
    fn new(fit: NonlinearFit, residuals: Vec<f64>, impact: &[f64]) -> Self {
        let mean = impact.iter().sum::<f64>() / impact.len() as f64;
        let total: f64 = impact.iter().map(|impact| (impact - mean).powi(2)).sum();
        let left: f64 = residuals.iter().map(|residual| residual * residual).sum();
        Self {
            alpha: fit.parameters[0],
            beta: fit.parameters[1],
            residual_sd: (left / fit.residual_degrees as f64).sqrt(),
            r_squared: if total > 0.0 { 1.0 - left / total } else { 0.0 },
            residuals,
        }
    }

    fn at(&self, share: f64) -> f64 {
        self.alpha.value * share.powf(self.beta.value)
    }
}

/// With which power of the law the noise grows, from 0 to 1.5 (Davidian and Carroll, 1987): the slope of log |residual| in log value.
fn noise_power(values: &[f64], residuals: &[f64], stop: Stop<'_>) -> f64 {
    let floor = 1e-9 * values.iter().fold(0.0, |most: f64, value| most.max(*value));
    let sizes: Vec<f64> = residuals.iter().map(|residual| (residual.abs() + floor).ln()).collect();
    let logs: Vec<f64> = values.iter().map(|value| value.ln()).collect();
    let line = regression::linear(&sizes, &[&logs], &regression::Options::default(), stop);
    line.map_or(0.0, |line| line.coefficients[1].value.clamp(0.0, 1.5))
}

/// One market's executions.
struct Market {
    symbol: String,
    /// size / depth.
    share: Vec<f64>,
    impact: Vec<f64>,
}

impl Method for MarketImpact {
    fn check(&self, settings: &Map<String, Value>) -> Result<(), FieldError> {
        Settings::read(settings).map(drop)
    }

    fn fit(&self, input: &FitInput<'_>, run: &FitRun<'_>) -> Result<Fitted, FitFault> {
        let settings = Settings::read(input.settings)?;
        let mut told = Vec::new();
        let rows = complete(input.frame("executions")?, &["symbol", "size", "depth", "impact_bps"], &mut told)?;
        let (sizes, depths) = (rows.numbers("size")?, rows.numbers("depth")?);
        let rows = keep(&rows, &mut told, "size or depth is not above 0", |row| sizes[row] > 0.0 && depths[row] > 0.0);
        let (places, names) = groups(&labels(&rows, "symbol")?);
        let (sizes, depths, impacts) = (rows.numbers("size")?, rows.numbers("depth")?, rows.numbers("impact_bps")?);
        let mut markets: Vec<Market> =
            names.iter().map(|name| Market { symbol: name.to_string(), share: Vec::new(), impact: Vec::new() }).collect();
        for (row, &place) in places.iter().enumerate() {
            markets[place as usize].share.push(sizes[row] / depths[row]);
            markets[place as usize].impact.push(impacts[row]);
        }
        markets.sort_by(|a, b| a.symbol.cmp(&b.symbol));
        let (mut values, mut list, mut traces, mut doubts) = (Map::new(), Vec::new(), Vec::new(), Vec::new());
        let (mut observations, mut refused) = (0, None);
        for market in markets {
            match market.fit(&settings, run, &mut told) {
                Ok((market, law)) => {
                    observations += market.share.len() as u64;
                    doubts.extend(market.doubts(&law));
                    traces.extend(market.traces(&law));
                    let mut entry = market.entry(&law);
                    values.insert(market.symbol.clone(), entry.clone());
                    entry["symbol"] = json!(market.symbol);
                    list.push(entry);
                }
                Err((_, StatsError::Stopped)) => return Err(StatsError::Stopped.into()),
                Err((symbol, error)) => {
                    told.push(format!("{symbol} has no fit: {error}."));
                    refused = Some(error);
                }
            }
        }
        if list.is_empty() {
            return Err(refused.map_or_else(|| FitFault::NoData("executions".to_owned()), FitFault::Stats));
        }
        values.insert("markets".to_owned(), Value::Array(list));
        let mut chart = plot::chart(traces, "Impact by size over depth", "size / depth", "impact, bps");
        chart["layout"]["xaxis"]["type"] = json!("log");
        Ok(Fitted { values, observations, window: span(&rows), doubts, told, chart: Some(chart) })
    }
}

impl Market {
    /// Fits the law, once more without the outliers where there are any.
    fn fit(mut self, settings: &Settings, run: &FitRun<'_>, told: &mut Vec<String>) -> Result<(Self, Law), (String, StatsError)> {
        let named = |error| (self.symbol.clone(), error);
        if self.share.len() < settings.least {
            return Err((self.symbol.clone(), StatsError::TooFew { needed: settings.least, got: self.share.len() }));
        }
        let law = self.law(settings, run).map_err(named)?;
        let fine = self.within(&law.residuals, settings.outlier);
        let wild = self.share.len() - fine.len();
        // Where so many are wild the law is wrong rather than the rows.
        if wild == 0 || wild * 20 > self.share.len() {
            return Ok((self, law));
        }
        told.push(format!(
            "{wild} executions in {} were left out: they lie more than {} robust deviations off.",
            self.symbol, settings.outlier
        ));
        self.share = fine.iter().map(|&row| self.share[row]).collect();
        self.impact = fine.iter().map(|&row| self.impact[row]).collect();
        let law = self.law(settings, run).map_err(|error| (self.symbol.clone(), error))?;
        Ok((self, law))
    }

    /// The rows whose residual is no outlier among those of like size, for the noise grows with size.
    fn within(&self, residuals: &[f64], outlier: f64) -> Vec<usize> {
        let mut order: Vec<usize> = (0..residuals.len()).collect();
        order.sort_by(|&a, &b| self.share[a].total_cmp(&self.share[b]));
        let alike = order.chunks(NEIGHBOURS.max(order.len().div_ceil(20)));
        let mut fine: Vec<usize> = alike
            .flat_map(|rows| {
                let own: Vec<f64> = rows.iter().map(|&row| residuals[row]).collect();
                let scores = z_scores(&own).unwrap_or_else(|_| vec![0.0; own.len()]);
                rows.iter().zip(scores).filter(move |(_, score)| score.abs() <= outlier).map(|(&row, _)| row).collect::<Vec<_>>()
            })
            .collect();
        fine.sort_unstable();
        fine
    }

    /// Generalised least squares (Carroll and Ruppert, 1988, section 2.1): the deviation of the noise is taken to go with a power of the law, the
    /// power is estimated from the residuals, and the law is fitted again with its weights. HC3 errors hold where that is not quite so.
    fn law(&self, settings: &Settings, run: &FitRun<'_>) -> Result<Law, StatsError> {
        let wrong = |_| StatsError::Setting { name: "formula", wanted: "the law of impact" };
        let law = Formula::parse("alpha*share**beta*weight", &["alpha", "beta"]).map_err(wrong)?;
        let options = Options { covariance: Covariance::Hc3, level: settings.level, seed: run.seed };
        let mut weights = vec![1.0; self.share.len()];
        let mut start = self.start(run.stop);
        let mut round = 0;
        loop {
            let weighted: Vec<f64> = self.impact.iter().zip(&weights).map(|(impact, weight)| impact * weight).collect();
            let columns = law.variables().iter().map(|name| if name == "share" { &self.share[..] } else { &weights[..] });
            let curve = FormulaCurve::new(&law, &columns.collect::<Vec<_>>(), &weighted, None)?;
            let fit = formula(&curve, &start, &options, run.stop)?;
            start = [fit.parameters[0].value, fit.parameters[1].value];
            let values: Vec<f64> = self.share.iter().map(|share| start[0] * share.powf(start[1])).collect();
            let residuals: Vec<f64> = self.impact.iter().zip(&values).map(|(impact, value)| impact - value).collect();
            round += 1;
            if round == ROUNDS || values.iter().any(|value| *value <= 0.0) {
                return Ok(Law::new(fit, residuals, &self.impact));
            }
            let power = noise_power(&values, &residuals, run.stop);
            weights = values.iter().map(|value| value.powf(-power)).collect();
        }
    }

    /// The line through the logarithms of the impacts above 0; a square root through the mean where there is none.
    fn start(&self, stop: Stop<'_>) -> [f64; 2] {
        let above = || self.share.iter().zip(&self.impact).filter(|(_, impact)| **impact > 0.0);
        let x: Vec<f64> = above().map(|(share, _)| share.ln()).collect();
        let y: Vec<f64> = above().map(|(_, impact)| impact.ln()).collect();
        let line = regression::linear(&y, &[&x], &regression::Options::default(), stop);
        let mean = self.impact.iter().sum::<f64>() / self.impact.len() as f64;
        line.map_or([mean, 0.5], |line| [line.coefficients[0].value.exp(), line.coefficients[1].value])
    }

    fn entry(&self, law: &Law) -> Value {
        let Law { alpha, beta, .. } = law;
        json!({
            "alpha": alpha.value,
            "beta": beta.value,
            "r_squared": law.r_squared,
            "n_obs": self.share.len(),
            "alpha_standard_error": alpha.standard_error,
            "alpha_interval": alpha.interval,
            "beta_standard_error": beta.standard_error,
            "beta_interval": beta.interval,
            "residual_sd_bps": law.residual_sd,
            "impact_of_tenth_of_depth_bps": law.at(0.1),
        })
    }

    fn doubts(&self, law: &Law) -> Option<Doubt> {
        let symbol = &self.symbol;
        if law.alpha.interval[0] <= 0.0 {
            return Some(doubt(Confidence::Low, format!("The impact in {symbol} can't be told from none.")));
        }
        let weak = law.r_squared < R_SQUARED_WEAK;
        weak.then(|| {
            doubt(
                Confidence::Medium,
                format!("Size over depth explains {:.0}% of the impact in {symbol}.", 100.0 * law.r_squared),
            )
        })
    }

    fn traces(&self, law: &Law) -> [Value; 2] {
        let points: Vec<(f64, f64)> = self.share.iter().copied().zip(self.impact.iter().copied()).collect();
        let [low, high] =
            self.share.iter().fold([f64::INFINITY, 0.0_f64], |[low, high], &share| [low.min(share), high.max(share)]);
        let step = (high / low).ln() / 60.0;
        let at = |place: i32| low * (step * f64::from(place)).exp();
        let line: Vec<(f64, f64)> = (0..=60).map(|place| (at(place), law.at(at(place)))).collect();
        [dots(&self.symbol, &points), plot::line(&format!("{} law", self.symbol), &line, "linear")]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::frame::{Column, Frame};
    use crate::engine::numeric::methods::trial;

    fn executions(count: usize, seed: u64) -> Frame {
        let mut chance = fastrand::Rng::with_seed(seed);
        let mut gauss = || (-2.0 * (1.0 - chance.f64()).ln()).sqrt() * (std::f64::consts::TAU * chance.f64()).cos();
        let size: Vec<f64> = (0..count).map(|_| (gauss() * 1.2 - 2.0).exp()).collect();
        let impact = size.iter().map(|size| 1.5 * size.powf(0.6) * (1.0 + 0.4 * gauss())).collect();
        trial::frame(vec![
            ("symbol", trial::texts(&vec!["X-PERP"; count])),
            ("size", Column::Number(size)),
            ("depth", Column::Number(vec![1.0; count])),
            ("impact_bps", Column::Number(impact)),
        ])
    }

    /// The true parameters are in the script that simulates the sample; the seed's example of this case has the same ones.
    #[test]
    fn the_sample_gives_back_the_coefficients_that_it_was_made_with() {
        let fitted = trial::fit(&MarketImpact, &[("executions", trial::sample("executions.csv"))], json!({})).unwrap();
        trial::sound(&fitted);
        for (symbol, alpha, beta) in [("BTC-PERP", 1.24, 0.51), ("ETH-PERP", 1.55, 0.49), ("SOL-PERP", 2.18, 0.62)] {
            for (name, truth) in [("alpha", alpha), ("beta", beta)] {
                let error = trial::number(&fitted, &format!("{symbol}.{name}_standard_error"));
                assert!((trial::number(&fitted, &format!("{symbol}.{name}")) - truth).abs() < 3.0 * error, "{symbol} {name}");
                assert!(error < 0.12, "{symbol} {name}: {error}");
            }
            assert!((0.6..0.9).contains(&trial::number(&fitted, &format!("{symbol}.r_squared"))));
        }
        assert_eq!(fitted.values["markets"].as_array().unwrap().len(), 3);
        assert!(fitted.told.iter().any(|told| told.contains("not above 0")), "{:?}", fitted.told);
        assert!(fitted.told.iter().any(|told| told.contains("robust deviations")), "{:?}", fitted.told);
    }

    /// 60 runs in which the noise grows with size; 95% intervals cover within four Monte Carlo standard errors.
    #[test]
    fn intervals_cover_the_coefficients_where_noise_grows_with_size() {
        let mut covered = [0, 0];
        for seed in 0..60 {
            let fitted = trial::fit(&MarketImpact, &[("executions", executions(80, seed))], json!({"outlier": 1000})).unwrap();
            for (count, (name, truth)) in covered.iter_mut().zip([("alpha", 1.5), ("beta", 0.6)]) {
                let end = |at: usize| trial::number(&fitted, &format!("X-PERP.{name}_interval.{at}"));
                *count += i32::from(end(0) <= truth && truth <= end(1));
            }
        }
        assert!(covered.iter().all(|count| *count >= 48), "{covered:?}");
    }

    #[test]
    fn a_market_with_too_few_executions_is_told_and_none_at_all_is_a_fault() {
        let few = trial::fit(&MarketImpact, &[("executions", executions(10, 1))], json!({}));
        assert_eq!(few, Err(FitFault::Stats(StatsError::TooFew { needed: 30, got: 10 })));
        assert!(matches!(trial::fit(&MarketImpact, &[], json!({})), Err(FitFault::NoData(_))));
        assert!(MarketImpact.check(json!({"least": 1}).as_object().unwrap()).is_err());
    }
}
