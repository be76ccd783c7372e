use super::*;
use crate::domain::market::Bar;
use proptest::prelude::*;

fn eth() -> Instrument {
    Instrument::new("ETH").unwrap()
}

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

fn now() -> Timestamp {
    at("2025-03-14T12:00:00Z")
}

fn assessed(market: &Market, series: Option<&Series>) -> Result<RiskView, Abstention> {
    let instrument = eth();
    assess(&Config::default(), &Book { instrument: Some(&instrument), series, market, as_of: now() })
}

fn market(risk: Risk) -> Market {
    Market { risk, ..Market::default() }
}

fn limits(limits: Limits) -> Risk {
    Risk { limits, ..Risk::default() }
}

/// Ten days of hourly bars up to now that move by `step` to and fro.
fn bars(step: f64) -> Series {
    let bar = |n: i64| {
        let close = if n % 2 == 0 { 100.0 } else { 100.0 * f64::exp(step) };
        Bar::new(now().plus_millis((n - 240) * 3_600_000), [close; 4], 1.0).unwrap()
    };
    Series::new(3_600, (0..240).map(bar).collect()).unwrap()
}

#[test]
fn without_limits_and_bars_it_abstains_and_says_so() {
    let reason = assessed(&Market::default(), None).unwrap_err().reason;
    assert!(reason.contains("neither limits nor events") && reason.contains("no bars of ETH"), "{reason}");
    assert!(assessed(&Market::default(), Some(&bars(0.001))).is_ok());
    assert!(assessed(&market(Risk { equity: Some(1.0), ..Risk::default() }), None).is_ok());
}

#[test]
fn a_halted_instrument_is_vetoed_in_whichever_case_it_is_written() {
    let view = assessed(&market(Risk { halted: vec!["eth".into()], ..Risk::default() }), None).unwrap();
    assert_eq!(view.veto.as_deref(), Some("ETH is halted"));
    assert!([-1, 0, 1].iter().all(|signal| view.forbids(*signal).is_some()));
    assert_eq!((view.opinion().signal, view.opinion().conviction), (0, 1.0));
    let other = assessed(&market(Risk { halted: vec!["SOL".into()], ..Risk::default() }), None).unwrap();
    assert_eq!(other.veto, None);
}

#[test]
fn a_daily_loss_at_its_limit_vetoes_and_a_gain_of_that_size_does_not() {
    let with = |pnl| {
        let risk = Risk { daily_pnl: Some(pnl), ..limits(Limits { max_daily_loss: Some(100.0), ..Limits::default() }) };
        assessed(&market(risk), None).unwrap().veto
    };
    assert!(with(-100.0).unwrap().contains("has reached its limit"));
    assert_eq!((with(-99.0), with(100.0)), (None, None));
}

#[test]
fn a_position_at_its_limit_may_be_made_smaller_and_not_larger() {
    let with = |held: f64| {
        let risk = limits(Limits { max_position: Some(1_000.0), ..Limits::default() });
        let market =
            Market { position: [("ETH".to_owned(), held)].into(), price: [("eth".to_owned(), 100.0)].into(), ..market(risk) };
        let view = assessed(&market, None).unwrap();
        (view.forbids(1).is_some(), view.forbids(-1).is_some())
    };
    assert_eq!(with(10.0), (true, false));
    assert_eq!(with(-10.0), (false, true));
    assert_eq!(with(9.9), (false, false));
    assert_eq!(with(0.0), (false, false));
}

#[test]
fn gross_exposure_or_leverage_at_the_limit_lets_only_what_reduces_pass() {
    let both = [
        Risk { gross_exposure: Some(500.0), ..limits(Limits { max_gross: Some(500.0), ..Limits::default() }) },
        Risk {
            gross_exposure: Some(500.0),
            equity: Some(100.0),
            ..limits(Limits { max_leverage: Some(5.0), ..Limits::default() })
        },
    ];
    for risk in both {
        let unknown = assessed(&market(risk.clone()), None).unwrap();
        assert!(unknown.forbids(1).is_some() && unknown.forbids(-1).is_some() && unknown.forbids(0).is_none());
        let long = Market { position: [("ETH".to_owned(), 2.0)].into(), ..market(risk) };
        let long = assessed(&long, None).unwrap();
        assert!(long.forbids(1).is_some() && long.forbids(-1).is_none(), "{long:?}");
    }
}

#[test]
fn an_event_of_high_impact_vetoes_close_by_and_lowers_from_afar() {
    let with = |time: &str, impact| {
        let event = ScheduledEvent { at: at(time), name: "FOMC".into(), impact };
        assessed(&market(Risk { events: vec![event], ..Risk::default() }), None).unwrap()
    };
    for time in ["2025-03-14T13:00:00Z", "2025-03-14T12:00:00Z", "2025-03-14T11:30:00Z"] {
        assert!(with(time, Impact::High).veto.unwrap().contains("FOMC"), "{time}");
        assert_eq!((with(time, Impact::Medium).veto, with(time, Impact::Medium).size_factor), (None, 0.5), "{time}");
        assert_eq!(with(time, Impact::Low).size_factor, 1.0, "{time}");
    }
    let tomorrow = with("2025-03-15T12:00:00Z", Impact::High);
    assert_eq!((tomorrow.veto.as_deref(), tomorrow.size_factor), (None, 0.5));
    for time in ["2025-03-15T12:00:01Z", "2025-03-14T11:29:59Z"] {
        assert_eq!((with(time, Impact::High).veto, with(time, Impact::High).size_factor), (None, 1.0), "{time}");
    }
}

#[test]
fn size_is_the_target_over_the_realised_volatility_and_never_more_than_one() {
    let quiet = assessed(&Market::default(), Some(&bars(0.001))).unwrap();
    assert_eq!(quiet.size_factor, 1.0);
    let wild = assessed(&Market::default(), Some(&bars(0.02))).unwrap();
    let realised = 0.02 * 8_760.0_f64.sqrt();
    assert!((wild.size_factor - 0.6 / realised).abs() < 1e-9, "{wild:?}");
    assert!((wild.opinion().conviction - (1.0 - wild.size_factor)).abs() < 1e-12 && wild.opinion().signal == 0);
}

#[test]
fn what_can_not_be_checked_is_said() {
    let all = Limits { max_position: Some(1.0), max_gross: Some(1.0), max_leverage: Some(1.0), max_daily_loss: Some(1.0) };
    let view = assessed(&market(limits(all)), None).unwrap();
    for name in ["max_position", "max_gross", "max_leverage", "max_daily_loss", "not scaled by volatility"] {
        assert!(view.reasoning.contains(name), "{name}: {}", view.reasoning);
    }
    assert_eq!((view.veto, view.veto_up, view.veto_down), (None, None, None));
}

#[test]
fn a_bar_after_the_moment_prices_no_position() {
    let later = Bar::new(now(), [1e6; 4], 1.0).unwrap();
    let series = Series::new(3_600, vec![later]).unwrap();
    let risk = limits(Limits { max_position: Some(1_000.0), ..Limits::default() });
    let market = Market { position: [("ETH".to_owned(), 1.0)].into(), ..market(risk) };
    assert!(assessed(&market, Some(&series)).unwrap().reasoning.contains("max_position can't be checked"));
}

#[test]
fn settings_out_of_their_range_are_named() {
    assert_eq!(Config { target_volatility: 0.0, ..Config::default() }.check().unwrap_err().0, "target_volatility");
    assert_eq!(Config { event_factor: 1.5, ..Config::default() }.check().unwrap_err().0, "event_factor");
    assert_eq!(Config::default().check(), Ok(()));
}

proptest! {
    #[test]
    fn it_never_initiates_and_size_stays_between_nothing_and_all(
        amounts in prop::collection::vec(prop::option::of(0.0_f64..1e6), 6), pnl in prop::option::of(-1e6_f64..1e6),
        held in prop::option::of(-1e3_f64..1e3), minutes in prop::collection::vec(-3_000_i64..3_000, 0..4), step in 0.0_f64..0.2,
    ) {
        let limits = Limits { max_position: amounts[0], max_gross: amounts[1], max_leverage: amounts[2], max_daily_loss: amounts[3] };
        let event = |minutes: &i64| ScheduledEvent { at: now().plus_millis(minutes * 60_000), name: "E".into(), impact: Impact::High };
        let risk = Risk {
            equity: amounts[4].map(|equity| equity + 1.0),
            gross_exposure: amounts[5],
            daily_pnl: pnl,
            limits,
            halted: Vec::new(),
            events: minutes.iter().map(event).collect(),
        };
        let market = Market { position: held.map(|held| ("ETH".to_owned(), held)).into_iter().collect(), ..market(risk) };
        if let Ok(view) = assessed(&market, Some(&bars(step))) {
            prop_assert!((0.0..=1.0).contains(&view.size_factor));
            prop_assert_eq!(view.opinion().signal, 0);
            prop_assert!((0.0..=1.0).contains(&view.opinion().conviction));
        }
    }

    #[test]
    fn a_further_loss_never_lifts_a_veto(limit in 1.0_f64..1e6, loss in 0.0_f64..1e6, more in 0.0_f64..1e6) {
        let vetoed = |loss: f64| {
            let risk = Risk { daily_pnl: Some(-loss), ..limits(Limits { max_daily_loss: Some(limit), ..Limits::default() }) };
            assessed(&market(risk), None).unwrap().veto.is_some()
        };
        prop_assert!(!vetoed(loss) || vetoed(loss + more));
    }
}
