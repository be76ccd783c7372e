use super::*;
use crate::domain::market::Bar;
use proptest::prelude::*;

fn eth() -> Instrument {
    Instrument::new("ETH").unwrap()
}

fn hour(n: i64) -> Timestamp {
    Timestamp::parse("2025-01-01T00:00:00Z").unwrap().plus_millis(n * 3_600_000)
}

fn bar(n: i64, open: f64, close: f64) -> Bar {
    Bar::new(hour(n), [open, open.max(close) * 1.001, open.min(close) * 0.999, close], 5.0).unwrap()
}

/// Hourly bars through these closes.
fn through(closes: &[f64]) -> Series {
    let bars = closes.iter().enumerate().map(|(n, close)| {
        let before = closes[n.saturating_sub(1)];
        bar(n as i64, before, *close)
    });
    Series::new(3_600, bars.collect()).unwrap()
}

/// Closes that go to and fro by a fixed share, 24 of them a day, ending with the last day's steps all of one sign.
fn ending_with(days: usize, last_step: f64) -> Vec<f64> {
    let mut close = 100.0;
    let step = |n: usize| {
        let to_and_fro = if n.is_multiple_of(2) { 0.005 } else { -0.005 };
        if n >= (days - 1) * 24 { last_step } else { to_and_fro }
    };
    (0..days * 24)
        .map(|n| {
            close *= f64::exp(step(n));
            close
        })
        .collect()
}

fn context(closes: &[f64]) -> MarketContext {
    read(&eth(), Some(&through(closes)), hour(closes.len() as i64)).unwrap()
}

#[test]
fn a_day_that_fell_is_expected_to_be_followed_by_a_rise_and_the_other_way_round() {
    let fell = context(&ending_with(60, -0.001)).opinion().unwrap();
    let rose = context(&ending_with(60, 0.001)).opinion().unwrap();
    assert_eq!((fell.signal, rose.signal), (1, -1));
    assert!(fell.reasoning.contains("ETH -2.4% in a day"), "{}", fell.reasoning);
}

#[test]
fn conviction_never_says_more_than_was_ever_measured() {
    for step in [-0.02, -0.001, 0.001, 0.02] {
        let opinion = context(&ending_with(60, step)).opinion().unwrap();
        assert!((0.0..=0.07).contains(&opinion.conviction), "{opinion:?}");
    }
    assert_eq!(context(&ending_with(60, 0.02)).opinion().unwrap().conviction, 0.07, "its week is the wildest of its year");
}

#[test]
fn a_day_that_hardly_moved_says_nothing() {
    let still = context(&ending_with(60, 1e-5));
    assert!(still.day_deviations.abs() < MOVE_MIN);
    assert!(still.opinion().unwrap_err().reason.contains("says nothing"));
}

#[test]
fn figures_are_those_that_can_be_worked_out_by_hand() {
    // Each hour moves by half a per cent, to and fro: a variance of 0.005² an hour.
    let context = context(&ending_with(60, 0.001));
    let variance_hour = (144.0 * 0.005_f64.powi(2) + 24.0 * 0.001_f64.powi(2)) / 168.0;
    assert!((context.volatility.close_to_close - (variance_hour * 8_760.0).sqrt()).abs() < 1e-9);
    assert!((context.day_deviations - 0.024 / (variance_hour * 24.0).sqrt()).abs() < 1e-9);
    assert!((context.returns.hour.unwrap() - 0.001_f64.exp_m1()).abs() < 1e-9);
    assert!((context.returns.four_hours.unwrap() - 0.004_f64.exp_m1()).abs() < 1e-9);
    assert!((context.returns.day.unwrap() - 0.024_f64.exp_m1()).abs() < 1e-9);
    assert!((context.returns.week.unwrap() - 0.024_f64.exp_m1()).abs() < 1e-9);
    assert!((context.volume_ratio.unwrap() - 1.0).abs() < 1e-9);
    assert_eq!(context.drawdown, 0.0);
    assert_eq!((context.bars, context.closed_at), (60 * 24, hour(60 * 24)));
    let fallen = self::context(&ending_with(60, -0.01));
    assert!((fallen.drawdown - ((-0.01_f64 * 24.0 - 0.005).exp_m1())).abs() < 1e-9, "{}", fallen.drawdown);
    assert_eq!(fallen.regime.direction, Direction::Down);
}

#[test]
fn garman_and_klass_estimate_is_that_of_their_paper() {
    let bars = (0..200).map(|n| Bar::new(hour(n), [100.0, 102.0, 99.0, 101.0], 1.0).unwrap());
    let series = Series::new(3_600, bars.chain([bar(200, 101.0, 101.1)]).collect()).unwrap();
    let one = 0.5 * (102.0_f64 / 99.0).ln().powi(2) - (2.0 * 2.0_f64.ln() - 1.0) * (101.0_f64 / 100.0).ln().powi(2);
    let measured = read(&eth(), Some(&series), hour(201)).unwrap().volatility.garman_klass;
    assert!((measured / (one * 8_760.0).sqrt() - 1.0).abs() < 0.01, "{measured}");
}

#[test]
fn a_quiet_week_after_wild_ones_is_calm_and_a_wild_one_after_quiet_ones_is_high() {
    let steps = |n: usize, last_week: f64, before: f64| if n >= 60 * 24 - 168 { last_week } else { before };
    let walk = |last_week: f64, before: f64| {
        let closes = (0..60 * 24).scan(100.0_f64, |close, n| {
            *close *= f64::exp(steps(n, last_week, before) * if n % 2 == 0 { 1.0 } else { -1.0 });
            Some(*close)
        });
        context(&closes.collect::<Vec<_>>()).regime.volatility
    };
    assert_eq!(walk(0.001, 0.01), Some(VolatilityRegime::Calm));
    assert_eq!(walk(0.01, 0.001), Some(VolatilityRegime::High));
    let short = context(&ending_with(20, 0.001));
    assert_eq!((short.volatility.percentile, short.regime.volatility), (None, None), "twelve days are too few to rank");
}

#[test]
fn no_bars_too_few_old_or_still_ones_are_an_abstention_that_says_so() {
    let reason = |series: Option<&Series>, as_of| opine(&eth(), series, as_of).unwrap_err().reason;
    assert!(reason(None, hour(0)).contains("no bars of ETH"));
    let closes = ending_with(60, 0.001);
    let series = through(&closes);
    assert!(reason(Some(&series), hour(0)).contains("no bars of ETH"), "none had closed by then");
    assert!(reason(Some(&series), hour(100)).contains("do not fill the last 7 days"));
    let end = closes.len() as i64;
    assert!(opine(&eth(), Some(&series), hour(end + 3)).is_ok());
    assert!(reason(Some(&series), hour(end + 4)).contains("more than 3 bars before"));
    assert!(reason(Some(&through(&[100.0; 400])), hour(400)).contains("did not move"));
    let weekly = Series::new(604_800, (0..60).map(|n| bar(n * 168, 100.0, 100.0 + n as f64)).collect()).unwrap();
    assert!(reason(Some(&weekly), hour(60 * 168)).contains("do not show its last day"));
}

#[test]
fn a_gap_does_not_pass_for_a_shorter_window() {
    let mut bars = through(&ending_with(60, 0.001)).bars().to_vec();
    let last = bars.len() - 1;
    bars.drain(last - 40..last);
    let series = Series::new(3_600, bars).unwrap();
    assert!(opine(&eth(), Some(&series), hour(60 * 24)).unwrap_err().reason.contains("do not show its last day"));
}

#[test]
fn daily_bars_are_read_as_well() {
    let bars = (0..200).map(|n| bar(n * 24, 100.0, if n % 2 == 0 { 101.0 } else { 99.0 }));
    let series = Series::new(86_400, bars.collect()).unwrap();
    let context = read(&eth(), Some(&series), hour(200 * 24)).unwrap();
    assert!(context.returns.hour.is_none() && context.returns.day.is_some() && context.volatility.percentile.is_some());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn nothing_that_closes_after_the_moment_changes_what_is_said(steps in prop::collection::vec(-0.05_f64..0.05, 240..400), cut in 200_usize..240) {
        let closes: Vec<f64> = steps.iter().scan(100.0, |close, step| { *close *= f64::exp(*step); Some(*close) }).collect();
        let as_of = hour(cut as i64).plus_millis(1);
        let (whole, past) = (through(&closes), through(&closes[..cut]));
        prop_assert_eq!(read(&eth(), Some(&whole), as_of), read(&eth(), Some(&past), as_of));
    }

    #[test]
    fn whatever_the_prices_the_figures_are_finite_and_in_their_range(
        closes in prop::collection::vec(prop_oneof![Just(1e-12_f64), Just(1e12), 1e-6..1e6_f64], 169..400), as_of in 160_i64..410,
    ) {
        let series = Series::new(3_600, closes.iter().enumerate().map(|(n, c)| Bar::new(hour(n as i64), [*c; 4], 1.0).unwrap()).collect()).unwrap();
        if let Ok(context) = read(&eth(), Some(&series), hour(as_of)) {
            let Volatility { close_to_close, garman_klass, percentile } = context.volatility;
            prop_assert!([close_to_close, garman_klass, context.trend, context.day_deviations, context.drawdown].iter().all(|v| v.is_finite()));
            prop_assert!((-1.0..=0.0).contains(&context.drawdown) && percentile.is_none_or(|p| (0.0..=1.0).contains(&p)));
            if let Ok(opinion) = context.opinion() {
                prop_assert!(opinion.signal.abs() == 1 && opinion.conviction <= 0.07);
            }
        }
    }
}
