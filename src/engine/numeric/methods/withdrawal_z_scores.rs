//! NR-10: which accounts take out far more than they are used to.

use super::estimates::{complete, keep, once, span};
use super::tabular::{doubt, labels};
use super::{plot, setting};
use crate::domain::answer::Confidence;
use crate::domain::field::FieldError;
use crate::domain::frame::Frame;
use crate::engine::numeric::method::{FitFault, FitInput, FitRun, Fitted, Method};
use crate::stats::StatsError;
use crate::stats::robust::{Centre, centre};
use serde_json::{Map, Value, json};
use statrs::distribution::{ContinuousCDF, Normal};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Robust z-scores of the last day's withdrawals (Iglewicz and Hoaglin, 1993): the logarithm of what an account took out, less the median of its
/// own earlier days with withdrawals, by their scaled median absolute deviation. An account with too few such days is held against all
/// accounts. Its frame `withdrawals` has `time`, `account`, `amount` and, where there is one, `id`. Settings: `threshold`; `history_days`;
/// `least_days`, the days of its own that an account needs; `listed`; `scale_min`, the least deviation that scores are divided by.
#[derive(Debug, Clone, Copy)]
pub struct WithdrawalZScores;

/// Accounts whose scores are kept for being asked after.
const SCORES_MAX: usize = 500;
const DAY_MICROS: i64 = 86_400_000_000;

struct Settings {
    threshold: f64,
    history_days: u32,
    least_days: usize,
    listed: usize,
    scale_min: f64,
}

impl Settings {
    fn read(given: &Map<String, Value>) -> Result<Self, FieldError> {
        setting::only(given, &["threshold", "history_days", "least_days", "listed", "scale_min"])?;
        Ok(Self {
            threshold: setting::number(given, "threshold", 3.5, 1.0..=20.0)?,
            history_days: setting::whole(given, "history_days", 90, 7..=3_650)?,
            least_days: setting::whole(given, "least_days", 8, 3..=1_000)? as usize,
            listed: setting::whole(given, "listed", 10, 1..=100)? as usize,
            scale_min: setting::number(given, "scale_min", 0.1, 0.001..=10.0)?,
        })
    }
}

/// What one account took out by day; day 0 is the last one.
type Days = BTreeMap<i64, f64>;

struct Score {
    account: Arc<str>,
    z: f64,
    amount: f64,
    usual: f64,
    own: bool,
}

impl Method for WithdrawalZScores {
    fn check(&self, settings: &Map<String, Value>) -> Result<(), FieldError> {
        Settings::read(settings).map(drop)
    }

    fn fit(&self, input: &FitInput<'_>, _run: &FitRun<'_>) -> Result<Fitted, FitFault> {
        let settings = Settings::read(input.settings)?;
        let mut told = Vec::new();
        let rows = complete(input.frame("withdrawals")?, &["time", "account", "amount"], &mut told)?;
        let rows = if super::estimates::has(&rows, "id") { once(&rows, &["id"], &mut told)? } else { rows };
        let amounts = rows.numbers("amount")?;
        let rows = keep(&rows, &mut told, "the amount is not above 0", |row| amounts[row] > 0.0);
        let accounts = by_account(&rows, settings.history_days)?;
        let scores = scores(&accounts, &settings, &mut told)?;
        let flagged = scores.iter().filter(|score| score.z > settings.threshold).count();
        let borrowed = scores.iter().filter(|score| !score.own).count();
        let half = (2 * borrowed > scores.len())
            .then(|| doubt(Confidence::Medium, "More than half of the accounts have too little history of their own."));
        Ok(Fitted {
            values: values(&scores, &settings, flagged, borrowed),
            observations: rows.rows() as u64,
            window: span(&rows),
            doubts: half.into_iter().collect(),
            told,
            chart: Some(chart(&scores, &settings)),
        })
    }
}

/// The days of every account within the history, counted back from the last withdrawal of all.
fn by_account(rows: &Frame, history_days: u32) -> Result<BTreeMap<Arc<str>, Days>, FitFault> {
    let (times, names, amounts) = (rows.times("time")?, labels(rows, "account")?, rows.numbers("amount")?);
    let last = times.iter().flatten().max().ok_or_else(|| FitFault::NoData("withdrawals".to_owned()))?;
    let mut accounts: BTreeMap<Arc<str>, Days> = BTreeMap::new();
    for row in 0..rows.rows() {
        let (Some(time), Some(name)) = (times[row], &names[row]) else { continue };
        let day = (last.as_micros() - time.as_micros()) / DAY_MICROS;
        if day <= i64::from(history_days) {
            *accounts.entry(Arc::clone(name)).or_default().entry(day).or_default() += amounts[row];
        }
    }
    Ok(accounts)
}

/// A score for every account that took something out on the last day, the highest first.
fn scores(accounts: &BTreeMap<Arc<str>, Days>, settings: &Settings, told: &mut Vec<String>) -> Result<Vec<Score>, FitFault> {
    let earlier = |days: &Days| -> Vec<f64> { days.iter().filter(|(day, _)| **day > 0).map(|(_, amount)| amount.ln()).collect() };
    let everyone: Vec<f64> = accounts.values().flat_map(earlier).collect();
    let all = match centre(&everyone) {
        Ok(all) => all,
        // Days that are all alike have a centre, and the least scale stands for their spread.
        Err(StatsError::Constant(_)) => Centre { median: everyone[0], scale: 0.0, mad: 0.0, interval: [everyone[0]; 2] },
        Err(error) => return Err(error.into()),
    };
    let mut scores: Vec<Score> = accounts
        .iter()
        .filter_map(|(account, days)| {
            let amount = *days.get(&0)?;
            let own = earlier(days);
            let enough = own.len() >= settings.least_days;
            let same = || Centre { median: own[0], scale: 0.0, mad: 0.0, interval: [own[0]; 2] };
            let usual = if enough { centre(&own).unwrap_or_else(|_| same()) } else { all };
            let z = (amount.ln() - usual.median) / usual.mad.max(settings.scale_min);
            Some(Score { account: Arc::clone(account), z, amount, usual: usual.median.exp(), own: enough })
        })
        .collect();
    scores.sort_by(|a, b| b.z.total_cmp(&a.z).then_with(|| a.account.cmp(&b.account)));
    if scores.len() > SCORES_MAX {
        told.push(format!("Of {} accounts the {SCORES_MAX} with the highest scores are kept.", scores.len()));
    }
    Ok(scores)
}

fn values(scores: &[Score], settings: &Settings, flagged: usize, borrowed: usize) -> Map<String, Value> {
    let entry = |score: &Score| {
        json!({
            "z": score.z,
            "amount": score.amount,
            "usual_amount": score.usual,
            "times_usual": score.amount / score.usual,
            "basis": if score.own { "own history" } else { "all accounts" },
            "flagged": score.z > settings.threshold,
        })
    };
    let listed = scores.iter().filter(|score| score.z > settings.threshold).take(settings.listed).map(|score| {
        let mut value = entry(score);
        value["account"] = json!(score.account);
        value
    });
    let by_account: Map<String, Value> =
        scores.iter().take(SCORES_MAX).map(|score| (score.account.to_string(), entry(score))).collect();
    let by_chance = Normal::new(0.0, 1.0).map_or(0.0, |normal| normal.sf(settings.threshold)) * scores.len() as f64;
    let value = json!({
        "flagged": listed.collect::<Vec<_>>(),
        "flagged_count": flagged,
        "accounts_scored": scores.len(),
        "expected_by_chance": by_chance,
        "threshold": settings.threshold,
        "without_own_history": borrowed,
        "highest_z": scores.first().map_or(0.0, |score| score.z),
        "scores": by_account,
    });
    value.as_object().cloned().unwrap_or_default()
}

fn chart(scores: &[Score], settings: &Settings) -> Value {
    let points: Vec<(f64, f64)> = scores.iter().map(|score| (score.usual, score.z)).collect();
    let ends = points.iter().fold([f64::INFINITY, 0.0_f64], |[low, high], point| [low.min(point.0), high.max(point.0)]);
    let limit: Vec<(f64, f64)> = ends.iter().map(|&x| (x, settings.threshold)).collect();
    let mut marks = super::estimates::dots("accounts", &points);
    marks["text"] =
        json!(scores.iter().map(|score| score.account.to_string()).take(points.len().min(plot::POINTS_MAX)).collect::<Vec<_>>());
    let mut chart = plot::chart(
        vec![marks, plot::line("threshold", &limit, "linear")],
        "Withdrawals of the last day against what is usual",
        "usual amount of a day, in the unit of the data",
        "robust z-score",
    );
    chart["layout"]["xaxis"]["type"] = json!("log");
    chart
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::frame::Column;
    use crate::engine::numeric::methods::trial;

    /// The script that simulates the sample lets the accounts take out 30 to 60 times what they are used to.
    #[test]
    fn the_sample_has_the_accounts_flagged_that_were_made_to_be() {
        let fitted = trial::fit(&WithdrawalZScores, &[("withdrawals", trial::sample("withdrawals.csv"))], json!({})).unwrap();
        trial::sound(&fitted);
        let flagged: Vec<&str> =
            fitted.values["flagged"].as_array().unwrap().iter().map(|one| one["account"].as_str().unwrap()).collect();
        assert!(["A-017", "A-042", "A-091"].iter().all(|account| flagged.contains(account)), "{flagged:?}");
        assert!(flagged.len() <= 5, "{flagged:?}");
        assert_eq!(fitted.values["scores"]["A-017"]["flagged"], true);
        assert!(fitted.told.iter().any(|told| told.contains("came again")), "{:?}", fitted.told);
    }

    fn steady(days: i64, last: f64, wild: Option<f64>) -> Frame {
        let day = |at: i64| crate::domain::time::Timestamp::from_micros(1_760_000_000_000_000 + at * DAY_MICROS);
        let usual = |at: i64| (70 + at * 37 % 60) as f64;
        let amounts = (0..days).map(|at| if at == 1 { wild.unwrap_or(usual(at)) } else { usual(at) }).chain([last]);
        trial::frame(vec![
            ("time", Column::Time((0..=days).map(|at| Some(day(at))).collect())),
            ("account", trial::texts(&vec!["a"; days as usize + 1])),
            ("amount", Column::Number(amounts.collect())),
        ])
    }

    #[test]
    fn one_wild_day_in_the_past_does_not_hide_one_today() {
        let z = |frame: Frame| {
            trial::number(&trial::fit(&WithdrawalZScores, &[("withdrawals", frame)], json!({})).unwrap(), "scores.a.z")
        };
        let (clean, soiled) = (z(steady(31, 1_000.0, None)), z(steady(31, 1_000.0, Some(1e9))));
        assert!(clean > 10.0 && (soiled / clean - 1.0).abs() < 0.2, "{clean} {soiled}");
        assert!(z(steady(31, 105.0, None)).abs() < 1.0);
    }

    #[test]
    fn an_account_that_always_takes_out_the_same_is_scored_with_the_least_scale() {
        let frame = steady(20, 110.0, None);
        let same = Frame::new(vec![
            ("time".into(), frame.column("time").unwrap().clone()),
            ("account".into(), frame.column("account").unwrap().clone()),
            ("amount".into(), Column::Number([vec![100.0; 20], vec![200.0]].concat())),
        ]);
        let fitted = trial::fit(&WithdrawalZScores, &[("withdrawals", same.unwrap())], json!({})).unwrap();
        assert!((trial::number(&fitted, "scores.a.z") - 2.0_f64.ln() / 0.1).abs() < 1e-9);
    }

    #[test]
    fn one_withdrawal_or_none_is_told() {
        let frame = steady(10, 100.0, None);
        let one = trial::fit(&WithdrawalZScores, &[("withdrawals", frame.take(&[10]))], json!({}));
        assert!(matches!(one, Err(FitFault::Stats(StatsError::TooFew { .. }))), "{one:?}");
        assert!(matches!(
            trial::fit(&WithdrawalZScores, &[("withdrawals", frame.take(&[]))], json!({})),
            Err(FitFault::NoData(_))
        ));
        assert!(WithdrawalZScores.check(json!({"threshold": 0}).as_object().unwrap()).is_err());
    }
}
