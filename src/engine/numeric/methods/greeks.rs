//! NR-18: what a book of options is worth, and how that moves.

use super::plot::{bars, chart, line};
use super::setting;
use super::tabular::{doubt, left_out};
use crate::domain::answer::Confidence;
use crate::domain::field::FieldError;
use crate::domain::frame::Frame;
use crate::domain::time::Timestamp;
use crate::engine::numeric::method::{FitFault, FitInput, FitRun, Fitted, Method};
use crate::engine::numeric::methods::bars::DAY;
use crate::stats::StatsError;
use crate::stats::options::{Contract, Greeks, Kind, Underlying};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Black–Scholes–Merton for options on a spot price, Black-76 for those on a future. Its frame `positions` has `underlying`, `kind` (call or
/// put), `style` (spot or future), `strike`, `expiry`, `quantity` (negative where short, contracts times multiplier), `price` of the
/// underlying, `volatility` and `rate` per year. Everything is European; years have 365 days. The sums are exact for what is given, which is no
/// sample, so that they have no intervals: how they move with an error of a point of volatility or of 1% of the price is told by scenarios.
#[derive(Debug, Clone, Copy)]
pub struct GreeksAggregation;

/// The scenarios that a desk looks at beside the ladder, all prices and all volatilities at once: by a share, and by points of volatility.
const SCENARIOS: [(f64, f64); 8] =
    [(-0.01, 0.0), (0.01, 0.0), (0.0, -0.01), (0.0, 0.01), (-0.01, -0.01), (-0.01, 0.01), (0.01, -0.01), (0.01, 0.01)];
/// No scenario takes a volatility below this, or below what it is where that is less.
const VOLATILITY_MIN: f64 = 0.001;

/// Microseconds of a year.
const YEAR: f64 = 365.0 * DAY as f64;

struct Settings {
    ladder_max: f64,
}

impl Settings {
    fn read(given: &Map<String, Value>) -> Result<Self, FieldError> {
        setting::only(given, &["ladder_max"])?;
        Ok(Self { ladder_max: setting::number(given, "ladder_max", 0.3, 0.05..=0.9)? })
    }
}

struct Position {
    underlying: Arc<str>,
    expiry: Timestamp,
    quantity: f64,
    contract: Contract,
}

/// Sums over positions, in the currency of the prices.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
struct Sums {
    positions: u64,
    value: f64,
    /// Units of the underlying.
    delta: f64,
    /// Delta times price: what the book gains where prices double, were it straight.
    delta_money: f64,
    /// By how much that changes where prices rise by one percent.
    gamma_money: f64,
    /// For a point of volatility.
    vega: f64,
    /// For a day.
    theta: f64,
    /// For a hundredth of a percent of the rate.
    rho: f64,
    /// The sum of sizes of vega: what the book has on both sides together.
    vega_gross: f64,
}

impl Sums {
    fn add(&mut self, position: &Position, greeks: &Greeks) {
        let (q, s) = (position.quantity, position.contract.price);
        self.positions += 1;
        self.value += q * greeks.value;
        self.delta += q * greeks.delta;
        self.delta_money += q * greeks.delta * s;
        self.gamma_money += q * greeks.gamma * s * s / 100.0;
        self.vega += q * greeks.vega / 100.0;
        self.theta += q * greeks.theta / 365.0;
        self.rho += q * greeks.rho / 10_000.0;
        self.vega_gross += (q * greeks.vega / 100.0).abs();
    }

    fn json(&self) -> Value {
        json!({
            "positions": self.positions, "value": self.value, "delta_units": self.delta, "delta": self.delta_money,
            "gamma_1pct": self.gamma_money, "vega_point": self.vega, "theta_day": self.theta, "rho_bp": self.rho, "vega_gross": self.vega_gross,
        })
    }
}

impl Method for GreeksAggregation {
    fn check(&self, settings: &Map<String, Value>) -> Result<(), FieldError> {
        Settings::read(settings).map(drop)
    }

    fn fit(&self, input: &FitInput<'_>, run: &FitRun<'_>) -> Result<Fitted, FitFault> {
        let settings = Settings::read(input.settings)?;
        let mut told = Vec::new();
        let (positions, quoted) = read(input.frame("positions")?, input.as_of, &mut told)?;
        let (mut total, mut by_underlying, mut by_expiry) =
            (Sums::default(), BTreeMap::<Arc<str>, Sums>::new(), BTreeMap::<String, Sums>::new());
        let mut parity = 0.0_f64;
        for position in &positions {
            let greeks = position.contract.greeks()?;
            parity = parity.max(parity_gap(&position.contract)?);
            let day = position.expiry.to_string().get(..10).unwrap_or_default().to_owned();
            for sums in [
                &mut total,
                by_underlying.entry(Arc::clone(&position.underlying)).or_default(),
                by_expiry.entry(day).or_default(),
            ] {
                sums.add(position, &greeks);
            }
        }
        let ladder = ladder(&positions, total.value, &settings, run)?;
        let scenarios = scenarios(&positions, total.value, run)?;
        let mut doubts = Vec::new();
        if positions.len() < quoted {
            doubts.push(doubt(Confidence::Medium, "Some positions could not be valued and are not in the sums."));
        }
        let chart = picture(&by_underlying, &ladder);
        let mut values = values(&total, (&by_underlying, &by_expiry), &ladder, parity, quoted - positions.len());
        values.insert("scenarios".to_owned(), scenarios.into());
        Ok(Fitted { values, observations: positions.len() as u64, window: None, doubts, told, chart: Some(chart) })
    }
}

/// The positions that can be valued, and how many of them have not ended.
fn read(frame: &Frame, as_of: Timestamp, told: &mut Vec<String>) -> Result<(Vec<Position>, usize), FitFault> {
    let (underlying, kind, style, expiry) =
        (frame.texts("underlying")?, frame.texts("kind")?, frame.texts("style")?, frame.times("expiry")?);
    let number = |name: &str| frame.numbers(name);
    let (strike, quantity, price) = (number("strike")?, number("quantity")?, number("price")?);
    let (volatility, rate) = (number("volatility")?, number("rate")?);
    let (mut positions, mut ended, mut wrong) = (Vec::new(), 0, 0);
    for row in 0..frame.rows() {
        let word = |column: &[Option<Arc<str>>]| column[row].as_deref().map(str::to_ascii_lowercase);
        let kind = match word(kind).as_deref() {
            Some("call" | "c") => Some(Kind::Call),
            Some("put" | "p") => Some(Kind::Put),
            _ => None,
        };
        let on = match word(style).as_deref() {
            Some("spot") => Some(Underlying::Spot { dividend_yield: 0.0 }),
            Some("future" | "futures") => Some(Underlying::Future),
            _ => None,
        };
        let (Some(name), Some(kind), Some(on), Some(expiry)) = (&underlying[row], kind, on, expiry[row]) else {
            wrong += 1;
            continue;
        };
        let years = (expiry.as_micros() - as_of.as_micros()) as f64 / YEAR;
        if years <= 0.0 {
            ended += 1;
            continue;
        }
        let contract = Contract {
            kind,
            underlying: on,
            price: price[row],
            strike: strike[row],
            years,
            rate: rate[row],
            volatility: volatility[row],
        };
        if !quantity[row].is_finite() || contract.greeks().is_err() {
            wrong += 1;
            continue;
        }
        positions.push(Position { underlying: Arc::clone(name), expiry, quantity: quantity[row], contract });
    }
    left_out(told, ended, "the option has ended");
    left_out(told, wrong, "a number, the kind or the style is missing or makes no sense");
    if positions.is_empty() {
        return Err(FitFault::NoData("positions".to_owned()));
    }
    let quoted = positions.len() + wrong;
    Ok((positions, quoted))
}

/// By how much call less put misses the discounted forward less the strike, as a share of the price: a check of the valuation itself.
fn parity_gap(contract: &Contract) -> Result<f64, StatsError> {
    let value = |kind| Contract { kind, ..*contract }.greeks().map(|greeks| greeks.value);
    let discount = (-contract.rate * contract.years).exp();
    let forward = if contract.underlying == Underlying::Future { contract.price * discount } else { contract.price };
    Ok((value(Kind::Call)? - value(Kind::Put)? - forward + contract.strike * discount).abs() / contract.price)
}

/// What the book gains where all prices move by a share at once, each position valued anew.
fn ladder(positions: &[Position], value: f64, settings: &Settings, run: &FitRun<'_>) -> Result<Vec<(f64, f64)>, StatsError> {
    let moves = (-10_i32..=10).map(|step| settings.ladder_max * f64::from(step) / 10.0);
    moves
        .map(|share| {
            if (run.stop)() {
                return Err(StatsError::Stopped);
            }
            let mut there = 0.0;
            for position in positions {
                let moved = Contract { price: position.contract.price * (1.0 + share), ..position.contract };
                there += position.quantity * moved.greeks()?.value;
            }
            Ok((share, there - value))
        })
        .collect()
}

/// The sums in each scenario, every position valued anew, and what the book gains by it.
fn scenarios(positions: &[Position], value: f64, run: &FitRun<'_>) -> Result<Vec<Value>, StatsError> {
    let one = |(share, points): &(f64, f64)| {
        if (run.stop)() {
            return Err(StatsError::Stopped);
        }
        let mut sums = Sums::default();
        for position in positions {
            let (price, before) = (position.contract.price * (1.0 + share), position.contract.volatility);
            let volatility = (before + points).max(VOLATILITY_MIN.min(before));
            let contract = Contract { price, volatility, ..position.contract };
            let moved = Position { underlying: Arc::clone(&position.underlying), contract, ..*position };
            sums.add(&moved, &moved.contract.greeks()?);
        }
        let mut told = sums.json();
        told["price_move"] = json!(share);
        told["volatility_move"] = json!(points);
        told["gain"] = json!(sums.value - value);
        Ok(told)
    };
    SCENARIOS.iter().map(one).collect()
}

type Tables<'a> = (&'a BTreeMap<Arc<str>, Sums>, &'a BTreeMap<String, Sums>);

fn values(
    total: &Sums,
    (by_underlying, by_expiry): Tables<'_>,
    ladder: &[(f64, f64)],
    parity: f64,
    left_out: usize,
) -> Map<String, Value> {
    let worst = ladder.iter().copied().min_by(|left, right| left.1.total_cmp(&right.1)).unwrap_or_default();
    let mut values = total.json().as_object().cloned().unwrap_or_default();
    let mut put = |name: &str, value: Value| values.insert(name.to_owned(), value);
    let named: Map<String, Value> = by_underlying.iter().map(|(name, sums)| (name.to_string(), sums.json())).collect();
    let expiries: Vec<Value> = by_expiry
        .iter()
        .map(|(day, sums)| {
            let mut one = sums.json();
            one["expiry"] = json!(day);
            one
        })
        .collect();
    put("by_underlying", named.into());
    put("by_expiry", expiries.into());
    put("ladder", ladder.iter().map(|(share, gain)| json!({"move": share, "gain": gain})).collect::<Vec<_>>().into());
    put("worst_move", json!({"move": worst.0, "gain": worst.1}));
    put("left_out", json!(left_out));
    put("parity_gap_max", json!(parity));
    put("method", json!("black_scholes_merton_and_black_76"));
    values
}

fn picture(by_underlying: &BTreeMap<Arc<str>, Sums>, ladder: &[(f64, f64)]) -> Value {
    let names: Vec<String> = by_underlying.keys().map(ToString::to_string).collect();
    let heights = |value: &dyn Fn(&Sums) -> f64| by_underlying.values().map(value).collect::<Vec<f64>>();
    let points: Vec<(f64, f64)> = ladder.iter().map(|(share, gain)| (100.0 * share, *gain)).collect();
    let mut data = vec![line("gain", &points, "linear")];
    data[0]["line"] = json!({"color": "#1c2430", "width": 2});
    for (name, of) in [
        ("gamma, 1%", heights(&|sums| sums.gamma_money)),
        ("vega, a point", heights(&|sums| sums.vega)),
        ("theta, a day", heights(&|sums| sums.theta)),
    ] {
        let mut trace = bars(name, &names, &of, None);
        (trace["xaxis"], trace["yaxis"]) = (json!("x2"), json!("y2"));
        data.push(trace);
    }
    let mut picture = chart(data, "Options: gain by move of the market, and the Greeks", "move of all prices, %", "gain, USD");
    picture["layout"]["xaxis"]["domain"] = json!([0.0, 0.5]);
    picture["layout"]["xaxis2"] = json!({"title": {"text": "underlying"}, "domain": [0.6, 1.0], "anchor": "y2"});
    picture["layout"]["yaxis2"] = json!({"title": {"text": "USD"}, "anchor": "x2"});
    picture["layout"]["colorway"] = json!(["#1c2430", "#4c8fd6", "#6a4fb3", "#d9a441"]);
    picture
}

#[cfg(test)]
mod tests;
