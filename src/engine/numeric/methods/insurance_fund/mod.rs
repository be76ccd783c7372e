//! NR-04: whether the insurance fund covers what liquidated positions leave behind.

mod book;
mod moves;

use super::plot::{bars, chart};
use super::setting;
use super::tabular::{doubt, left_out};
use crate::domain::answer::Confidence;
use crate::domain::field::FieldError;
use crate::domain::frame::Frame;
use crate::domain::time::Timestamp;
use crate::engine::numeric::method::{Doubt, FitFault, FitInput, FitRun, Fitted, Method};
use crate::stats::proportion::wilson;
use crate::stats::{StatsError, Stop};
use book::Market;
use moves::Moves;
use serde_json::{Map, Value, json};

/// Monte Carlo: all markets gap down together by the shock, each by its beta to the whole; while positions are closed, prices move on
/// at random, correlated and with heavy tails; positions that then lack margin are closed at a cost, and what they lack falls to the
/// fund. Margin is isolated: a position answers for itself alone. Frames: `positions` (`market`,
/// `notional_usdt`, `margin_usdt`), `fund` (`time`, `balance_usdt`) and `bars` (`time`, `symbol`, `close`).
#[derive(Debug, Clone, Copy)]
pub struct InsuranceFundCoverage;

/// Moves that are held at one time: 160 MB of them.
const DRAWS_MAX: usize = 20_000_000;

struct Settings {
    trials: usize,
    shock_step: f64,
    shocks: usize,
    days: usize,
    cost: f64,
    /// How much wider than a usual day the time is in which positions are closed.
    width: f64,
    headline: f64,
}

impl Settings {
    fn read(given: &Map<String, Value>) -> Result<Self, FieldError> {
        let known = [
            "trials",
            "shock_step",
            "shock_max",
            "history_days",
            "liquidation_cost",
            "liquidation_hours",
            "stress_multiple",
            "contributors_at",
        ];
        setting::only(given, &known)?;
        let step = setting::number(given, "shock_step", 0.01, 0.005..=0.25)?;
        let most = setting::number(given, "shock_max", 0.5, step..=0.95)?;
        let hours = setting::number(given, "liquidation_hours", 24.0, 0.1..=240.0)?;
        Ok(Self {
            trials: setting::whole(given, "trials", 100_000, 1_000..=1_000_000)? as usize,
            shock_step: step,
            shocks: (most / step + 1e-9).floor() as usize,
            days: setting::whole(given, "history_days", 365, 60..=3_650)? as usize,
            cost: setting::number(given, "liquidation_cost", 0.002, 0.0..=0.2)?,
            width: (hours / 24.0).sqrt() * setting::number(given, "stress_multiple", 1.5, 0.1..=10.0)?,
            headline: setting::number(given, "contributors_at", 0.15, step..=most)?,
        })
    }

    fn shock(&self, at: usize) -> f64 {
        // Two or three digits, so that the key is what people write.
        (self.shock_step * (at + 1) as f64 * 1e6).round() / 1e6
    }
}

/// What came of one shock.
struct Outcome {
    shock: f64,
    breaches: usize,
    interval: [f64; 2],
    mean_loss: f64,
    mean_error: f64,
    loss_99: f64,
    /// Share of each market in the losses of the tail and its standard error, the largest first.
    contributors: Vec<(usize, f64, f64)>,
}

impl Method for InsuranceFundCoverage {
    fn check(&self, settings: &Map<String, Value>) -> Result<(), FieldError> {
        Settings::read(settings).map(drop)
    }

    fn fit(&self, input: &FitInput<'_>, run: &FitRun<'_>) -> Result<Fitted, FitFault> {
        let settings = Settings::read(input.settings)?;
        let mut told = Vec::new();
        let (markets, positions) = book::read(input.frame("positions")?, &mut told)?;
        if settings.trials * markets.len() > DRAWS_MAX {
            return Err(FieldError::new(
                "/trials",
                format!("{} markets allow {} trials", markets.len(), DRAWS_MAX / markets.len()),
            )
            .into());
        }
        let fund = last_balance(input.frame("fund")?, input.as_of, &mut told)?;
        let moves = Moves::read(input.frame("bars")?, &markets, settings.days, input.as_of, &mut told)?;
        let draws = moves.draws(settings.trials, run.seed, run.stop)?;
        let betas = moves.betas();
        let one = |at: usize| outcome(&markets, fund, settings.shock(at), (&settings, run.stop), (&betas, &draws));
        let outcomes: Vec<Outcome> = (0..settings.shocks).map(one).collect::<Result<_, _>>()?;
        told.push(
            "The intervals are those of the simulation; that volatilities, correlations and tails are estimates is not in them."
                .to_owned(),
        );
        Ok(Fitted {
            values: values(&markets, fund, &outcomes, (&settings, &moves), (positions, run.seed)),
            observations: positions as u64,
            window: moves.window,
            doubts: doubts(&moves),
            told,
            chart: Some(picture(&markets, &outcomes, &settings)),
        })
    }
}

fn last_balance(frame: &Frame, as_of: Timestamp, told: &mut Vec<String>) -> Result<f64, FitFault> {
    let (times, balances) = (frame.times("time")?, frame.numbers("balance_usdt")?);
    let rows = times.iter().zip(balances).filter_map(|(time, balance)| Some(((*time)?, *balance)));
    let rows: Vec<(Timestamp, f64)> = rows.filter(|(_, balance)| balance.is_finite() && *balance >= 0.0).collect();
    left_out(told, frame.rows() - rows.len(), "the time or a balance of zero or more is missing");
    // Of two at one moment the later row counts.
    let last = rows.iter().filter(|(time, _)| *time <= as_of).max_by_key(|(time, _)| *time);
    last.map(|(_, balance)| *balance).ok_or_else(|| FitFault::NoData("fund".to_owned()))
}

fn outcome(
    markets: &[Market],
    fund: f64,
    shock: f64,
    (settings, stop): (&Settings, Stop<'_>),
    (betas, draws): (&[f64], &[f64]),
) -> Result<Outcome, StatsError> {
    let (p, trials) = (markets.len(), settings.trials);
    let gap = (1.0 - shock).ln();
    let (mut parts, mut losses) = (vec![0.0; trials * p], vec![0.0; trials]);
    for trial in 0..trials {
        if trial.is_multiple_of(4_096) && stop() {
            return Err(StatsError::Stopped);
        }
        for at in 0..p {
            let log_return = betas[at] * gap + settings.width * draws[trial * p + at];
            let lacking = markets[at].shortfall(log_return.exp_m1(), settings.cost);
            parts[trial * p + at] = lacking;
            losses[trial] += lacking;
        }
    }
    let breaches = losses.iter().filter(|loss| **loss > fund).count();
    let mean_loss = losses.iter().sum::<f64>() / trials as f64;
    let variance = losses.iter().map(|loss| (loss - mean_loss).powi(2)).sum::<f64>() / (trials - 1) as f64;
    let mut sorted = losses.clone();
    let (_, &mut loss_99, _) = sorted.select_nth_unstable_by(trials * 99 / 100, f64::total_cmp);
    let interval = wilson(breaches as f64, trials as f64, 0.95)?.interval;
    // A tail of a few trials says nothing of shares: then the worst hundredth stands for it.
    let edge = if breaches * 100 >= trials { fund } else { loss_99 };
    Ok(Outcome {
        shock,
        breaches,
        interval: [interval.low, interval.high],
        mean_loss,
        mean_error: (variance / trials as f64).sqrt(),
        loss_99,
        contributors: contributors(&parts, &losses, p, edge),
    })
}

/// Each market's share in the mean loss beyond `edge`: Euler's allocation of expected shortfall (Tasche, 1999; McNeil, Frey & Embrechts,
/// 2015, §8.5), with the standard error of a ratio of means (Cochran, 1977, §2.11).
fn contributors(parts: &[f64], losses: &[f64], p: usize, edge: f64) -> Vec<(usize, f64, f64)> {
    let tail: Vec<usize> = (0..losses.len()).filter(|&trial| losses[trial] > edge).collect();
    let whole: f64 = tail.iter().map(|&trial| losses[trial]).sum();
    if whole <= 0.0 {
        return Vec::new();
    }
    let mut shares: Vec<(usize, f64, f64)> = (0..p)
        .map(|at| {
            let share = tail.iter().map(|&trial| parts[trial * p + at]).sum::<f64>() / whole;
            let squares: f64 = tail.iter().map(|&trial| (parts[trial * p + at] - share * losses[trial]).powi(2)).sum();
            (at, share, squares.sqrt() / whole)
        })
        .collect();
    shares.sort_by(|left, right| right.1.total_cmp(&left.1));
    shares
}

fn told_contributors(markets: &[Market], found: &[(usize, f64, f64)], most: usize) -> Vec<Value> {
    // Tenths of a percent, as far as the simulation goes.
    let tenth = |share: f64| (1_000.0 * share).round() / 10.0;
    let one = |(at, share, error): &(usize, f64, f64)| json!({"market": &*markets[*at].name, "share_pct": tenth(*share), "standard_error_pct": 100.0 * error});
    found.iter().take(most).map(one).collect()
}

fn values(
    markets: &[Market],
    fund: f64,
    outcomes: &[Outcome],
    (settings, moves): (&Settings, &Moves),
    (positions, seed): (usize, u64),
) -> Map<String, Value> {
    let near = |shock: f64| outcomes.iter().find(|one| (one.shock - shock).abs() < 1e-9);
    let coverage = |one: &Outcome| 1.0 - one.breaches as f64 / settings.trials as f64;
    let told = |one: &Outcome| {
        let worse = near(one.shock + 0.05);
        json!({
            "p_breach": one.breaches as f64 / settings.trials as f64,
            "wilson_ci_95": one.interval,
            "coverage": coverage(one),
            "coverage_ci_95_pct": [100.0 * (1.0 - one.interval[1]), 100.0 * (1.0 - one.interval[0])],
            "worse": worse.map(|worse| json!({"shock_pct": worse.shock, "coverage": coverage(worse)})),
            "mean_loss_usdt": one.mean_loss,
            "mean_loss_standard_error": one.mean_error,
            "loss_99_usdt": one.loss_99,
            "tail_contributors": told_contributors(markets, &one.contributors, 3),
        })
    };
    let key = |shock: f64| if (shock * 100.0).fract().abs() < 1e-6 { format!("{shock:.2}") } else { format!("{shock}") };
    let by_shock: Map<String, Value> = outcomes.iter().map(|one| (key(one.shock), told(one))).collect();
    let headline = near(settings.headline).or(outcomes.last());
    let each = |value: &dyn Fn(usize) -> Value| {
        markets.iter().enumerate().map(|(at, market)| (market.name.to_string(), value(at))).collect::<Map<_, _>>()
    };
    let betas = moves.betas();
    let mut values = Map::new();
    let mut put = |name: &str, value: Value| values.insert(name.to_owned(), value);
    let thousands = settings.trials % 1_000 == 0;
    let trials = if thousands { format!("{}k", settings.trials / 1_000) } else { settings.trials.to_string() };
    put("method", json!(format!("monte_carlo_{trials}_trials")));
    put("current_if_usdt", json!(fund));
    put("results_by_shock", by_shock.into());
    put(
        "top_tail_risk_contributors",
        headline.map_or_else(Vec::new, |one| told_contributors(markets, &one.contributors, 3)).into(),
    );
    put("contributors_at_shock", json!(settings.headline));
    put("trials", json!(settings.trials));
    put("positions", json!(positions));
    put("open_interest_usdt", each(&|at| json!(markets[at].open_usdt)).into());
    put("beta_to_the_whole", each(&|at| json!(betas[at])).into());
    put("daily_volatility", each(&|at| json!(moves.deviations[at])).into());
    put("tail_degrees_of_freedom", json!(moves.degrees));
    put("tail_degrees_interval", json!(moves.degrees_interval));
    put("shrinkage_intensity", json!(moves.intensity));
    put("history_days", json!(moves.days));
    put("liquidation_cost", json!(settings.cost));
    put("closing_width", json!(settings.width));
    put("seed", json!(seed));
    values
}

fn doubts(moves: &Moves) -> Vec<Doubt> {
    let mut doubts = Vec::new();
    if moves.days < 180 {
        doubts.push(doubt(Confidence::Medium, "Volatilities and tails come from less than half a year of days."));
    }
    if moves.degrees_interval[0] < 2.5 {
        doubts.push(doubt(Confidence::Medium, "The tails may be so heavy that the simulation can't tell how bad a bad day is."));
    }
    doubts
}

fn picture(markets: &[Market], outcomes: &[Outcome], settings: &Settings) -> Value {
    // Every fifth point is a bar that can be read.
    let every = (0.05 / settings.shock_step).round().max(1.0) as usize;
    let chosen: Vec<&Outcome> = outcomes.iter().skip(every - 1).step_by(every).collect();
    let labels: Vec<String> = chosen.iter().map(|one| format!("{:.0}%", 100.0 * one.shock)).collect();
    let heights: Vec<f64> = chosen.iter().map(|one| 100.0 * one.breaches as f64 / settings.trials as f64).collect();
    let ends: Vec<[f64; 2]> = chosen.iter().map(|one| one.interval.map(|end| 100.0 * end)).collect();
    let mut data = vec![bars("chance of a breach", &labels, &heights, Some(&ends))];
    data[0]["marker"] = json!({"color": "#1c2430"});
    for (at, market) in markets.iter().enumerate() {
        let share =
            |one: &&Outcome| one.contributors.iter().find(|(own, _, _)| *own == at).map_or(0.0, |(_, share, _)| 100.0 * share);
        let mut trace =
            bars(&format!("{} in the tail", market.name), &labels, &chosen.iter().map(share).collect::<Vec<f64>>(), None);
        (trace["xaxis"], trace["yaxis"]) = (json!("x2"), json!("y2"));
        data.push(trace);
    }
    let mut picture = chart(
        data,
        "Insurance fund: chance of a breach, and who is in the tail",
        "fall of all markets on the whole",
        "chance of a breach, %",
    );
    picture["layout"]["barmode"] = json!("stack");
    picture["layout"]["xaxis"]["domain"] = json!([0.0, 0.45]);
    picture["layout"]["xaxis2"] =
        json!({"title": {"text": "fall of all markets on the whole"}, "domain": [0.55, 1.0], "anchor": "y2", "type": "category"});
    // Else "10%" is read as the number 10.
    picture["layout"]["xaxis"]["type"] = json!("category");
    // No red and green here: a market is neither good nor bad.
    picture["layout"]["colorway"] = json!(["#1c2430", "#4c8fd6", "#6a4fb3", "#d9a441", "#5fa8a3", "#a05d7d"]);
    picture["layout"]["yaxis2"] =
        json!({"title": {"text": "share of the losses of the tail, %"}, "anchor": "x2", "range": [0, 100]});
    picture
}

#[cfg(test)]
mod tests;
