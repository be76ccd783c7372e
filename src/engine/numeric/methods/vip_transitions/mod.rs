//! NR-08: how users move between tiers from month to month, and where that leads.

#[cfg(test)]
mod tests;

use super::setting;
use super::tabular::{doubt, last_of_each, left_out, pair, window};
use crate::domain::answer::Confidence;
use crate::domain::field::FieldError;
use crate::domain::frame::Frame;
use crate::domain::time::Timestamp;
use crate::engine::numeric::method::{FitFault, FitInput, FitRun, Fitted, Method};
use crate::stats::StatsError;
use crate::stats::markov::{self, Chain, Expected, Homogeneity, Persistence};
use crate::stats::proportion::{Proportion, difference, wilson};
use nalgebra::DMatrix;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// A Markov chain over tiers. Its frame `moves` has `month`, `from`, `to` (tiers by number) and `users`, how many made the move;
/// a row without `from` counts newcomers, one without `to` those who left.
#[derive(Debug, Clone, Copy)]
pub struct VipTransitions;

struct Settings {
    lowest: i64,
    tiers: usize,
    forecast_months: usize,
    level: f64,
}

impl Settings {
    fn read(given: &Map<String, Value>) -> Result<Self, FieldError> {
        setting::only(given, &["lowest", "tiers", "forecast_months", "level"])?;
        Ok(Self {
            lowest: i64::from(setting::whole(given, "lowest", 0, 0..=100)?),
            tiers: setting::whole(given, "tiers", 7, 2..=20)? as usize,
            forecast_months: setting::whole(given, "forecast_months", 3, 1..=120)? as usize,
            level: setting::number(given, "level", 0.95, 0.5..=0.999)?,
        })
    }

    fn place(&self, tier: f64) -> Option<usize> {
        let place = tier - self.lowest as f64;
        ((0.0..self.tiers as f64).contains(&place) && place.fract() == 0.0).then_some(place as usize)
    }
}

/// The moves of each month, and who is in which tier after the last.
struct Moves {
    months: Vec<(Timestamp, DMatrix<f64>)>,
    now: Vec<f64>,
    users: f64,
    left: f64,
    told: Vec<String>,
}

impl Method for VipTransitions {
    fn check(&self, settings: &Map<String, Value>) -> Result<(), FieldError> {
        Settings::read(settings).map(drop)
    }

    fn fit(&self, input: &FitInput<'_>, run: &FitRun<'_>) -> Result<Fitted, FitFault> {
        let settings = Settings::read(input.settings)?;
        let moves = Moves::read(input.frame("moves")?, &settings)?;
        if (run.stop)() {
            return Err(StatsError::Stopped.into());
        }
        let (last, history) = moves.months.split_last().ok_or_else(|| FitFault::NoData("moves".to_owned()))?;
        if history.is_empty() {
            return Err(StatsError::TooFew { needed: 2, got: 1 }.into());
        }
        let sum = |months: &[(Timestamp, DMatrix<f64>)]| {
            months.iter().fold(DMatrix::zeros(settings.tiers, settings.tiers), |all, (_, m)| all + m)
        };
        let from = moves.months.len().saturating_sub(settings.forecast_months);
        let chain = markov::chain(&sum(&moves.months[from..]), settings.level)?;
        let periods: Vec<DMatrix<f64>> = moves.months.iter().map(|(_, counts)| counts.clone()).collect();
        let same = markov::homogeneity(&periods)?;
        let forecast = chain.forecast(&moves.now, settings.level)?;
        let past = sum(history);
        let stationary = chain.stationary();
        let persistence = chain.persistence();
        let mut tiers = Map::new();
        for at in 0..settings.tiers {
            let told = Tier {
                tier: settings.lowest + at as i64,
                current: moves.now[at],
                forecast: forecast[at],
                persistence: persistence[at],
                long_run: stationary.as_ref().map(|shares| shares[at]),
                demotion: if at == 0 { None } else { Demotion::of(&last.1, &past, at, settings.level)? },
            };
            tiers.insert(told.tier.to_string(), told.json());
        }
        let mut doubts = Vec::new();
        if let Some(doubt_) = thin_rows(&chain, &moves.now) {
            doubts.push(doubt_);
        }
        if same.p_value < 0.001 {
            doubts.push(doubt(
                Confidence::Medium,
                "The months differ from one another by more than chance, so that next month may as well.",
            ));
        }
        let months = moves.months.len();
        let mut fitted = Fitted {
            values: values(&chain, &same, &moves, months - from),
            observations: moves.users.round() as u64,
            window: window(moves.months.iter().map(|(month, _)| *month)),
            doubts,
            chart: Some(heat_map(&chain, &settings)),
            told: moves.told,
        };
        fitted.values.insert("tiers".to_owned(), tiers.into());
        fitted.values.insert("stationary".to_owned(), json!(stationary));
        fitted.values.insert("forecast_months".to_owned(), json!(months - from));
        Ok(fitted)
    }
}

impl Moves {
    fn read(frame: &Frame, settings: &Settings) -> Result<Self, FitFault> {
        let (month, from, to, users) =
            (frame.times("month")?, frame.numbers("from")?, frame.numbers("to")?, frame.numbers("users")?);
        let mut told = Vec::new();
        // NaN is no key of its own: bits stand for the tier, and a missing one is the same missing one.
        let bits = |tier: f64| if tier.is_nan() { None } else { Some(tier.to_bits()) };
        let kept = last_of_each((0..frame.rows()).map(|row| month[row].map(|at| (at, bits(from[row]), bits(to[row])))));
        kept.tell("month, with both tiers,", &mut told);
        let mut months: BTreeMap<Timestamp, (DMatrix<f64>, Vec<f64>)> = BTreeMap::new();
        let (mut wrong, mut all, mut left) = (0, 0.0, 0.0);
        for row in kept.rows {
            let Some(at) = month[row] else { continue };
            let count = users[row];
            let (start, end) = (settings.place(from[row]), settings.place(to[row]));
            let known = |tier: f64, place: Option<usize>| tier.is_nan() || place.is_some();
            let fine = count >= 0.0 && known(from[row], start) && known(to[row], end) && (start.is_some() || end.is_some());
            if !fine {
                wrong += 1;
                continue;
            }
            let fresh = || (DMatrix::zeros(settings.tiers, settings.tiers), vec![0.0; settings.tiers]);
            let (counts, after) = months.entry(at).or_insert_with(fresh);
            match (start, end) {
                (Some(start), Some(end)) => {
                    counts[(start, end)] += count;
                    all += count;
                }
                (Some(_), None) => left += count,
                _ => {}
            }
            if let Some(end) = end {
                after[end] += count;
            }
        }
        left_out(&mut told, wrong, "a tier that there is not, or a number of users below 0");
        if left > 0.0 {
            told.push(format!("{left:.0} users left; the chain is that of those who stayed."));
        }
        let now =
            months.last_key_value().map(|(_, (_, after))| after.clone()).ok_or_else(|| FitFault::NoData("moves".to_owned()))?;
        let months = months.into_iter().map(|(at, (counts, _))| (at, counts)).collect();
        Ok(Self { months, now, users: all, left, told })
    }
}

/// How many fall to the tier below, in the last month and before.
struct Demotion {
    now: Proportion,
    history: Proportion,
    gap: Proportion,
}

impl Demotion {
    /// None where nobody was in the tier in the last month or before.
    fn of(last: &DMatrix<f64>, past: &DMatrix<f64>, at: usize, level: f64) -> Result<Option<Self>, StatsError> {
        let counts = |moves: &DMatrix<f64>| (moves[(at, at - 1)], moves.row(at).iter().sum::<f64>());
        let (now, history) = (counts(last), counts(past));
        if now.1 <= 0.0 || history.1 <= 0.0 {
            return Ok(None);
        }
        Ok(Some(Self {
            now: wilson(now.0, now.1, level)?,
            history: wilson(history.0, history.1, level)?,
            gap: difference(now, history, level)?,
        }))
    }

    /// In which way it changed; beyond chance only where the interval of the difference leaves 0 out.
    fn word(&self) -> &'static str {
        match (self.gap.interval.low > 0.0, self.gap.interval.high < 0.0) {
            (true, _) if self.now.estimate >= 1.5 * self.history.estimate => "spiked",
            (true, _) => "risen",
            (_, true) => "eased",
            _ => "moved within chance",
        }
    }
}

struct Tier {
    tier: i64,
    current: f64,
    forecast: Expected,
    persistence: Persistence,
    long_run: Option<f64>,
    demotion: Option<Demotion>,
}

impl Tier {
    fn json(&self) -> Value {
        let change = self.forecast.count - self.current;
        let direction = match (self.forecast.count.round() - self.current.round()).total_cmp(&0.0) {
            std::cmp::Ordering::Less => "drop",
            std::cmp::Ordering::Equal => "stay",
            std::cmp::Ordering::Greater => "rise",
        };
        let mut value = json!({
            "tier": self.tier,
            "current": self.current,
            "forecast": self.forecast.count,
            "forecast_standard_error": self.forecast.standard_error,
            "forecast_interval": pair(self.forecast.interval),
            "change": change,
            "direction": direction,
            "moves": direction != "stay",
            "persistence_months": self.persistence.mean,
            "persistence_interval": [Some(self.persistence.low), self.persistence.high],
            "long_run_share": self.long_run,
        });
        if self.current > 0.0 {
            value["change_percent"] = json!(100.0 * change / self.current);
        }
        if let Some(demotion) = &self.demotion {
            value["below"] = json!(self.tier - 1);
            value["demotion"] = json!({
                "now": demotion.now.estimate,
                "now_interval": pair(demotion.now.interval),
                "history": demotion.history.estimate,
                "history_interval": pair(demotion.history.interval),
                "difference": demotion.gap.estimate,
                "difference_interval": pair(demotion.gap.interval),
                "change": demotion.word(),
                "alarming": matches!(demotion.word(), "spiked" | "risen"),
            });
        }
        value
    }
}

fn values(chain: &Chain, same: &Homogeneity, moves: &Moves, forecast_months: usize) -> Map<String, Value> {
    let rows = |matrix: &DMatrix<f64>| -> Vec<Vec<f64>> { matrix.row_iter().map(|row| row.iter().copied().collect()).collect() };
    let value = json!({
        "transition_matrix": rows(&chain.probabilities),
        "transition_low": rows(&chain.low),
        "transition_high": rows(&chain.high),
        "moves_seen": chain.moves,
        "homogeneity": {"chi_square": same.statistic, "freedom": same.freedom, "p_value": same.p_value},
        "months": moves.months.len(),
        "forecast_months": forecast_months,
        "last_month": moves.months.last().map(|(at, _)| at.to_string()),
        "users_now": moves.now.iter().sum::<f64>(),
        "users_left": moves.left,
    });
    value.as_object().cloned().unwrap_or_default()
}

fn thin_rows(chain: &Chain, now: &[f64]) -> Option<crate::engine::numeric::method::Doubt> {
    let thin = chain.moves.iter().zip(now).any(|(moves, now)| *now > 0.0 && *moves < 30.0);
    thin.then(|| doubt(Confidence::Medium, "A tier that has users now was seen in fewer than 30 moves."))
}

fn heat_map(chain: &Chain, settings: &Settings) -> Value {
    let names: Vec<String> = (0..settings.tiers).map(|at| format!("VIP-{}", settings.lowest + at as i64)).collect();
    let rows: Vec<Vec<f64>> = chain.probabilities.row_iter().map(|row| row.iter().copied().collect()).collect();
    let text: Vec<Vec<String>> = rows.iter().map(|row| row.iter().map(|p| format!("{:.1}%", 100.0 * p)).collect()).collect();
    let map = json!({"type": "heatmap", "x": names, "y": names, "z": rows, "text": text, "texttemplate": "%{text}",
        "colorscale": "Blues", "reversescale": true, "zmin": 0, "zmax": 1, "colorbar": {"title": {"text": "probability"}}});
    let mut chart =
        super::plot::chart(vec![map], "Tier transitions from one month to the next", "tier next month", "tier this month");
    chart["layout"]["yaxis"]["autorange"] = json!("reversed");
    chart
}
