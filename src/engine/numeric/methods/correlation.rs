//! NR-16: how markets move together, how that changes, and whether it broke.

use super::bars::{Bars, DAY, common};
use super::plot::{chart, line};
use super::setting;
use super::tabular::doubt;
use crate::domain::answer::Confidence;
use crate::domain::field::FieldError;
use crate::domain::frame::Frame;
use crate::domain::time::Timestamp;
use crate::engine::numeric::method::{Doubt, FitFault, FitInput, FitRun, Fitted, Method};
use crate::engine::numeric::symbol;
use crate::stats::StatsError;
use crate::stats::correlation::{Break, Correlation, Shrunk, compare, jennrich, pearson, rolling, shrunk};
use crate::stats::points::Points;
use crate::stats::serial::ChiSquareTest;
use crate::stats::univariate::quantile;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Shrunk and rolling correlations of daily log-returns, and a test for a break. Its frame `bars` has `time`, `symbol` and `close` of all
/// markets; the parameters `symbol` and `other` say which two are asked for.
#[derive(Debug, Clone, Copy)]
pub struct MarketCorrelation;

/// Markets in one matrix.
const MARKETS_MAX: usize = 40;
/// Returns farther from the median than this many usual deviations are drawn in: one crash would else be the whole correlation.
const REACH: f64 = 5.0;
/// The mean absolute deviation from the median of the standard normal law is 1 / 1.4826.
const NORMAL_DEVIATION: f64 = 1.482_602_218_505_602;

struct Settings {
    window_days: usize,
    rolling_days: usize,
    before_days: usize,
    level: f64,
}

impl Settings {
    fn read(given: &Map<String, Value>) -> Result<Self, FieldError> {
        setting::only(given, &["window_days", "rolling_days", "before_days", "level"])?;
        Ok(Self {
            window_days: setting::whole(given, "window_days", 90, 20..=2_000)? as usize,
            rolling_days: setting::whole(given, "rolling_days", 30, 10..=500)? as usize,
            before_days: setting::whole(given, "before_days", 180, 20..=2_000)? as usize,
            level: setting::number(given, "level", 0.95, 0.5..=0.999)?,
        })
    }
}

/// The returns of all markets on the days that they share.
struct Returns {
    markets: Vec<Arc<str>>,
    days: Vec<Timestamp>,
    columns: Vec<Vec<f64>>,
    bars: u64,
    window: Option<[Timestamp; 2]>,
    told: Vec<String>,
}

impl Method for MarketCorrelation {
    fn check(&self, settings: &Map<String, Value>) -> Result<(), FieldError> {
        Settings::read(settings).map(drop)
    }

    fn fit(&self, input: &FitInput<'_>, run: &FitRun<'_>) -> Result<Fitted, FitFault> {
        let settings = Settings::read(input.settings)?;
        let returns = Returns::read(input.frame("bars")?, input.as_of, run)?;
        let needed = settings.window_days.max(2 * settings.rolling_days);
        if returns.days.len() < needed {
            return Err(StatsError::TooFew { needed, got: returns.days.len() }.into());
        }
        let pair = [returns.place(input.parameters, "symbol")?, returns.place(input.parameters, "other")?];
        if pair[0] == pair[1] {
            return Err(FieldError::new("/other", "a second market is needed").into());
        }
        let found = Found::of(&returns, pair, &settings)?;
        Ok(Fitted {
            values: found.values(&returns, pair, &settings),
            doubts: found.doubts(),
            chart: Some(found.picture(&returns, pair, &settings)),
            observations: returns.bars,
            window: returns.window,
            told: returns.told,
        })
    }
}

impl Returns {
    fn read(frame: &Frame, as_of: Timestamp, run: &FitRun<'_>) -> Result<Self, FitFault> {
        let symbols = frame.texts("symbol")?;
        let mut rows: BTreeMap<Arc<str>, Vec<usize>> = BTreeMap::new();
        for (row, symbol) in symbols.iter().enumerate() {
            if let Some(symbol) = symbol {
                rows.entry(Arc::clone(symbol)).or_default().push(row);
            }
        }
        if rows.is_empty() {
            return Err(FitFault::NoData("bars".to_owned()));
        }
        if rows.len() > MARKETS_MAX {
            return Err(FieldError::new("/symbol", format!("{} markets are more than {MARKETS_MAX}", rows.len())).into());
        }
        let (mut markets, mut all, mut told, mut bars, mut window) = (Vec::new(), Vec::new(), Vec::new(), 0, None);
        for (market, rows) in rows {
            if (run.stop)() {
                return Err(StatsError::Stopped.into());
            }
            let own = Bars::read(&frame.take(&rows), "bars", as_of)?;
            let mut own_told = own.told.clone();
            all.push(own.days(&mut own_told)?);
            told.extend(own_told.into_iter().map(|told| format!("{market}: {told}")));
            bars += own.rows.len() as u64;
            window = own
                .window()
                .map(|[first, last]| window.map_or([first, last], |[f, l]: [Timestamp; 2]| [f.min(first), l.max(last)]));
            markets.push(market);
        }
        let (days, mut columns) = common(&all);
        for (market, column) in markets.iter().zip(&mut columns) {
            let drawn = draw_in(column);
            if drawn > 0 {
                told.push(format!(
                    "{market}: {drawn} daily returns were so far out that they were drawn in to {REACH} usual deviations."
                ));
            }
        }
        Ok(Self { markets, days, columns, bars, window, told })
    }

    fn place(&self, parameters: &Map<String, Value>, name: &str) -> Result<usize, FitFault> {
        let asked = parameters.get(name).and_then(Value::as_str).unwrap_or_default();
        let found = self.markets.iter().position(|market| **market == *asked);
        let same = || self.markets.iter().position(|market| symbol::base(market) == symbol::base(asked));
        found.or_else(same).ok_or_else(|| FitFault::NoData(asked.to_owned()))
    }

    /// The days from `from` on, row by row.
    fn rows(&self, from: usize, until: usize) -> Vec<f64> {
        (from..until).flat_map(|day| self.columns.iter().map(move |column| column[day])).collect()
    }
}

fn draw_in(column: &mut [f64]) -> usize {
    let middle = quantile(column, 0.5);
    let away: Vec<f64> = column.iter().map(|value| (value - middle).abs()).collect();
    let reach = REACH * NORMAL_DEVIATION * quantile(&away, 0.5);
    if reach.is_nan() || reach <= 0.0 {
        return 0;
    }
    let far = column.iter_mut().filter(|value| (**value - middle).abs() > reach);
    far.map(|value| *value = value.clamp(middle - reach, middle + reach)).count()
}

struct Found {
    matrix: Shrunk,
    own: Correlation,
    rolling: Vec<Option<f64>>,
    broke: Vec<(usize, usize, Break)>,
    whole: Option<ChiSquareTest>,
    pair: [usize; 2],
}

impl Found {
    fn of(returns: &Returns, pair: [usize; 2], settings: &Settings) -> Result<Self, FitFault> {
        let (n, p) = (returns.days.len(), returns.markets.len());
        let from = n - settings.window_days;
        let recent = returns.rows(from, n);
        let matrix = shrunk(Points::new(&recent, p)?)?;
        let column = |at: usize| &returns.columns[at];
        let own = pearson(&column(pair[0])[from..], &column(pair[1])[from..], settings.level)?;
        let rolling = rolling(column(pair[0]), column(pair[1]), settings.rolling_days)?;
        let turn = n - settings.rolling_days;
        let begin = turn.saturating_sub(settings.before_days);
        let mut broke = Vec::new();
        for i in 0..p {
            for j in i + 1..p {
                let old = (&column(i)[begin..turn], &column(j)[begin..turn]);
                if let Ok(found) = compare(old, (&column(i)[turn..], &column(j)[turn..])) {
                    broke.push((i, j, found));
                }
            }
        }
        let (old, new) = (returns.rows(begin, turn), returns.rows(turn, n));
        // With many markets and few days there is no matrix to compare.
        let whole = jennrich(Points::new(&old, p)?, Points::new(&new, p)?).ok();
        Ok(Self { matrix, own, rolling, broke: holm(broke), whole, pair })
    }

    fn of_pair(&self) -> Option<&Break> {
        let [a, b] = [self.pair[0].min(self.pair[1]), self.pair[0].max(self.pair[1])];
        self.broke.iter().find(|(i, j, _)| (*i, *j) == (a, b)).map(|(_, _, found)| found)
    }

    fn values(&self, returns: &Returns, pair: [usize; 2], settings: &Settings) -> Map<String, Value> {
        let (p, markets) = (returns.markets.len(), &returns.markets);
        let row =
            |i: usize| (0..p).map(|j| (markets[j].to_string(), json!(self.matrix.correlation[i * p + j]))).collect::<Map<_, _>>();
        let matrix: Map<String, Value> = (0..p).map(|i| (markets[i].to_string(), row(i).into())).collect();
        let breaks: Vec<Value> =
            self.broke.iter().map(|(i, j, found)| told_break(&format!("{}/{}", markets[*i], markets[*j]), found)).collect();
        let own = self.of_pair();
        let broken: Vec<&Value> = breaks.iter().filter(|one| one["broke"] == json!(true)).collect();
        let mut values = Map::new();
        let mut put = |name: &str, value: Value| values.insert(name.to_owned(), value);
        put("correlation", json!(self.matrix.correlation[pair[0] * p + pair[1]]));
        put("sample_correlation", json!(self.own.value));
        put("correlation_interval", json!(self.own.interval));
        put("rolling_correlation", json!(self.rolling.last().copied().flatten()));
        put("before_correlation", json!(own.map(|found| found.before)));
        put("break_p_value", json!(own.map(|found| found.p_value)));
        put("broke", json!(own.is_some_and(|found| found.p_value < 0.05)));
        put("broken_pairs", json!(broken));
        put("pairs", json!(breaks));
        put("matrix", matrix.into());
        put("mean_correlation", json!(self.matrix.target));
        put("shrinkage_intensity", json!(self.matrix.intensity));
        put(
            "jennrich",
            self.whole.map_or(
                Value::Null,
                |test| json!({"statistic": test.statistic, "degrees": test.degrees, "p_value": test.p_value}),
            ),
        );
        put("window_days", json!(settings.window_days));
        put("rolling_days", json!(settings.rolling_days));
        put("before_days", json!(settings.before_days));
        put("days", json!(returns.days.len()));
        put("method", json!("ledoit_wolf_constant_correlation_daily"));
        values
    }

    fn doubts(&self) -> Vec<Doubt> {
        let mut doubts = Vec::new();
        if self.of_pair().is_some_and(|found| found.p_value < 0.05) {
            doubts.push(doubt(Confidence::Medium, "The correlation changed lately, so that the longer window mixes two states."));
        }
        if self.own.interval[1] - self.own.interval[0] > 0.4 {
            doubts.push(doubt(Confidence::Medium, "The days leave the correlation open by more than 0.4."));
        }
        doubts
    }

    fn picture(&self, returns: &Returns, pair: [usize; 2], settings: &Settings) -> Value {
        let [a, b] = pair.map(|at| &returns.markets[at]);
        let first = settings.rolling_days - 1;
        let last = returns.days.last().map_or(0, |day| day.as_micros());
        let points = self.rolling.iter().enumerate().filter_map(|(at, value)| {
            let day = returns.days.get(first + at)?;
            Some((((day.as_micros() - last) / DAY) as f64, (*value)?))
        });
        let points: Vec<(f64, f64)> = points.collect();
        let mean = |value: f64| [(points.first().map_or(0.0, |point| point.0), value), (0.0, value)];
        let mut data = vec![
            line(&format!("over {} days", settings.rolling_days), &points, "linear"),
            line(&format!("over the last {} days", settings.window_days), &mean(self.own.value), "linear"),
        ];
        data[1]["line"] = json!({"dash": "dot", "color": "#6a4fb3"});
        let mut picture =
            chart(data, &format!("{a} and {b}: correlation of daily returns"), "days from the last whole day", "correlation");
        picture["layout"]["yaxis"]["range"] = json!([-1, 1]);
        picture
    }
}

fn told_break(pair: &str, found: &Break) -> Value {
    json!({"pair": pair, "before": found.before, "after": found.after, "z": found.z, "p_value": found.p_value, "broke": found.p_value < 0.05})
}

/// Holm's (1979) step-down: p-values that hold for all pairs together.
fn holm(mut tests: Vec<(usize, usize, Break)>) -> Vec<(usize, usize, Break)> {
    let count = tests.len();
    let mut order: Vec<usize> = (0..count).collect();
    order.sort_by(|&a, &b| tests[a].2.p_value.total_cmp(&tests[b].2.p_value));
    let mut most = 0.0_f64;
    for (rank, at) in order.into_iter().enumerate() {
        most = most.max(tests[at].2.p_value * (count - rank) as f64).min(1.0);
        tests[at].2.p_value = most;
    }
    tests
}

#[cfg(test)]
mod tests;
