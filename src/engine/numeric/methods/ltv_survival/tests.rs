use super::super::trial;
use super::*;
use crate::domain::frame::Column;

fn fitted(rows: &[(&str, &str, &str, f64)], settings: Value) -> Result<Fitted, FitFault> {
    let frame = trial::frame(vec![
        ("user", trial::texts(&rows.iter().map(|row| row.0).collect::<Vec<_>>())),
        ("joined", trial::times(&rows.iter().map(|row| row.1).collect::<Vec<_>>())),
        ("left", trial::times(&rows.iter().map(|row| row.2).collect::<Vec<_>>())),
        ("revenue", Column::Number(rows.iter().map(|row| row.3).collect())),
    ]);
    trial::fit(&LtvSurvival, &[("users", frame)], settings)
}

const JOINED: &str = "2025-01-01T00:00:00Z";

#[test]
fn without_censoring_the_value_is_the_mean_revenue() {
    let rows = [
        ("a", JOINED, "2025-03-02T00:00:00Z", 100.0),
        ("b", JOINED, "2025-05-01T00:00:00Z", 300.0),
        ("c", JOINED, "2025-02-01T00:00:00Z", 20.0),
    ];
    let fit = fitted(&rows, json!({"horizon_months": 24})).unwrap();
    assert!((trial::number(&fit, "segments.all.ltv") - 140.0).abs() < 1e-9);
    assert!((trial::number(&fit, "segments.all.median_months") - 60.0 / DAYS_PER_MONTH).abs() < 1e-9);
    assert_eq!(fit.values["segments"]["all"]["ltv_model"], "kaplan-meier");
    assert_eq!(fit.values["segments"]["all"]["staying"]["12"]["share"], 0.0);
    trial::sound(&fit);
}

#[test]
fn users_still_there_are_censored_at_the_last_moment_and_odd_rows_are_told() {
    let rows = [
        ("a", JOINED, "2025-03-02T00:00:00Z", 100.0),
        ("b", JOINED, "", 300.0),
        ("c", JOINED, "2024-02-01T00:00:00Z", 20.0),
        ("d", "", "", 20.0),
        ("a", JOINED, "2025-04-01T00:00:00Z", 100.0),
        ("e", JOINED, JOINED, 0.0),
    ];
    let fit = fitted(&rows, json!({"horizon_months": 2, "ages_months": [1]})).unwrap();
    assert_eq!(trial::number(&fit, "users"), 3.0);
    assert!((trial::number(&fit, "segments.all.longest_followed_months") - 90.0 / DAYS_PER_MONTH).abs() < 1e-9);
    assert!((trial::number(&fit, "segments.all.staying.1.share") - 2.0 / 3.0).abs() < 1e-12);
    assert_eq!(fit.told.len(), 3, "{:?}", fit.told);
    trial::sound(&fit);
}

#[test]
fn nobody_who_left_and_nobody_at_all() {
    let fit = fitted(&[("a", JOINED, "", 5.0), ("b", "2025-02-01T00:00:00Z", "", 5.0)], json!({"horizon_months": 24})).unwrap();
    assert_eq!(fit.values["segments"]["all"]["median_months"], Value::Null);
    assert!(trial::number(&fit, "segments.all.horizon_months") < 2.0);
    trial::sound(&fit);
    assert!(matches!(fitted(&[], json!({})), Err(FitFault::NoData(_))));
    // One moment alone leaves no time to look at.
    assert!(matches!(fitted(&[("a", JOINED, "", 5.0)], json!({})), Err(FitFault::Stats(StatsError::Constant(_)))));
    assert!(matches!(fitted(&[("a", JOINED, "", 5.0)], json!({"covariates": ["x"]})), Err(FitFault::Frame(_))));
}

#[test]
fn the_sample_has_the_parameters_that_it_was_made_with() {
    let fit = trial::case(include_str!("../../cases/nr-06.toml"), &[]);
    for (at, truth) in [-0.08, -0.45, 0.0].into_iter().enumerate() {
        let (estimate, error) = (
            trial::number(&fit, &format!("drivers.{at}.coefficient")),
            trial::number(&fit, &format!("drivers.{at}.standard_error")),
        );
        assert!((estimate - truth).abs() < 3.0 * error, "{at}: {estimate} ± {error}");
    }
    assert!(trial::number(&fit, "segments.vip.ltv") > trial::number(&fit, "segments.retail.ltv"));
    assert_eq!(fit.values["segments_differ"], true);
    assert_eq!(fit.values["segments"]["all"]["churn_risk"], "falls with age");
}

#[test]
fn covariates_that_say_nothing_new_leave_the_rest_of_the_fit() {
    let sample = trial::sample("user_lifetimes.csv");
    let own = [("user", "user"), ("joined", "joined"), ("left", "left"), ("revenue", "revenue_usdt"), ("used_bot", "used_bot")];
    let mut columns = trial::renamed(&sample, &own).columns().to_vec();
    columns.push(("again".into(), sample.column("used_bot").unwrap().clone()));
    let frame = Frame::new(columns).unwrap();
    let fit = trial::fit(&LtvSurvival, &[("users", frame)], json!({"covariates": ["used_bot", "again"]})).unwrap();
    assert!(fit.values.get("drivers").is_none());
    assert!(fit.doubts.iter().any(|doubt| doubt.reason.contains("linear combination")), "{:?}", fit.doubts);
}

#[test]
fn the_interval_of_the_value_covers_within_the_data_and_beyond_them() {
    let mut random = fastrand::Rng::with_seed(61);
    let (runs, stay, monthly) = (200, 10.0, 20.0);
    for horizon in [12.0, 30.0] {
        let settings = Settings { horizon_months: horizon, ages: vec![6], level: 0.95, covariates: Vec::new() };
        let truth = monthly * stay * -(-horizon / stay).exp_m1();
        let mut covered = 0;
        for _ in 0..runs {
            let users: Vec<User> = (0..150)
                .map(|_| {
                    // Nobody is seen for more than 18 months; revenue a month differs from user to user.
                    let (t, c) = (-stay * random.f64().ln(), 18.0 * random.f64().sqrt());
                    let life = Life { time: t.min(c), event: t <= c };
                    User {
                        segment: None,
                        life,
                        revenue: -2.0 * monthly * random.f64() * random.f64().ln() * life.time,
                        covariates: Vec::new(),
                    }
                })
                .collect();
            let found = Segment::of(&users.iter().collect::<Vec<_>>(), &settings).unwrap().json(ALL);
            let ends = |at: usize| found["ltv_interval"][at].as_f64().unwrap();
            covered += u32::from((ends(0)..=ends(1)).contains(&truth));
            assert_eq!(found["extrapolated"], horizon > 18.0);
        }
        // Three binomial errors of 0.95 at 200 runs are 0.046.
        assert!((f64::from(covered) / f64::from(runs) - 0.95).abs() < 0.047, "{horizon}: {covered}");
    }
}
