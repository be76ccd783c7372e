use super::*;
use proptest::prelude::*;

const NAMES: [&str; 4] = ["news_sentiment", "market_context", "flow", "macro"];

fn opinion(signal: i8, conviction: f64) -> Opinion {
    Opinion { signal, conviction, reasoning: format!("it says {signal}") }
}

fn votes(opinions: &[(usize, Opinion)]) -> Vec<Vote<'_>> {
    opinions.iter().map(|(agent, opinion)| Vote { name: NAMES[*agent], opinion }).collect()
}

fn decided(opinions: &[(usize, Opinion)], risk: Option<&RiskView>) -> Result<Verdict, Abstention> {
    aggregate(&Config::default(), &votes(opinions), risk)
}

fn even() -> Config {
    Config { weights: BTreeMap::new(), conviction_min: 0.0, ..Config::default() }
}

fn allowed(size_factor: f64) -> RiskView {
    RiskView { veto: None, veto_up: None, veto_down: None, size_factor, reasoning: String::new() }
}

#[test]
fn the_signal_with_the_most_weight_wins_whatever_the_convictions() {
    let verdict = decided(&[(0, opinion(1, 0.2)), (1, opinion(-1, 1.0))], None).unwrap();
    assert_eq!(verdict.signal, 1);
    assert!((verdict.conviction - 0.7 * 0.2).abs() < 1e-12, "{verdict:?}");
    assert!(verdict.reasoning.starts_with("a rise, by 1 of 2. news_sentiment: it says 1."), "{}", verdict.reasoning);
    assert!(verdict.reasoning.ends_with("Against: market_context."), "{}", verdict.reasoning);
}

#[test]
fn conviction_breaks_a_tie_and_nothing_breaks_a_dead_one() {
    let decided = |a, b| aggregate(&even(), &votes(&[(0, opinion(1, a)), (1, opinion(-1, b))]), None);
    assert_eq!(decided(0.3, 0.4).unwrap().signal, -1);
    assert_eq!(decided(0.4, 0.3).unwrap().signal, 1);
    assert_eq!(decided(0.4, 0.4).unwrap_err().reason, "the opinions cancel out");
}

#[test]
fn too_few_opinions_are_an_abstention_and_never_a_default() {
    assert!(decided(&[], None).unwrap_err().reason.contains("no agent"));
    assert!(decided(&[], Some(&allowed(0.5))).is_err(), "risk alone decides nothing");
    let two = Config { quorum: 2, ..Config::default() };
    let one = [(0, opinion(1, 0.9))];
    assert!(aggregate(&two, &votes(&one), None).unwrap_err().reason.contains("1 of the 2"));
}

#[test]
fn an_agent_that_is_hardly_better_than_a_coin_decides_nothing_alone() {
    let reason = decided(&[(1, opinion(-1, 0.07))], None).unwrap_err().reason;
    assert!(reason.contains("market_context would decide") && reason.contains("0.07"), "{reason}");
    assert_eq!(decided(&[(1, opinion(1, 0.07)), (0, opinion(1, 0.5))], None).unwrap().signal, 1);
}

#[test]
fn a_veto_makes_the_signal_0_with_its_reason() {
    let veto = RiskView { veto: Some("ETH is halted".into()), ..allowed(1.0) };
    let verdict = decided(&[(0, opinion(1, 0.9))], Some(&veto)).unwrap();
    assert_eq!((verdict.signal, verdict.conviction, verdict.vetoed), (0, 1.0, true));
    assert_eq!(verdict.reasoning, "vetoed by risk: ETH is halted");
}

#[test]
fn a_veto_of_one_direction_stops_that_direction_and_no_other() {
    let no_more = RiskView { veto_up: Some("the position is full".into()), ..allowed(1.0) };
    let up = decided(&[(0, opinion(1, 0.9))], Some(&no_more)).unwrap();
    assert_eq!((up.signal, up.vetoed), (0, true));
    assert!(up.reasoning.contains("the position is full. Without it: a rise"), "{}", up.reasoning);
    let down = decided(&[(0, opinion(-1, 0.9))], Some(&no_more)).unwrap();
    assert_eq!((down.signal, down.vetoed), (-1, false));
}

#[test]
fn conviction_is_scaled_by_the_size_that_risk_leaves() {
    let verdict = decided(&[(0, opinion(1, 0.8))], Some(&allowed(0.5))).unwrap();
    assert!((verdict.conviction - 0.4).abs() < 1e-12);
    assert!(verdict.reasoning.ends_with("Risk leaves 0.50 of the size."), "{}", verdict.reasoning);
}

#[test]
fn agents_of_no_weight_decide_nothing() {
    let config = Config { weights: [("news_sentiment".to_owned(), 0.0)].into(), ..Config::default() };
    assert!(aggregate(&config, &votes(&[(0, opinion(1, 0.9))]), None).is_err());
}

#[test]
fn settings_out_of_their_range_are_named() {
    let with = |weight| Config { weights: [("a".to_owned(), weight)].into(), ..Config::default() }.check();
    assert_eq!((with(-1.0).unwrap_err().0, with(f64::NAN).unwrap_err().0), ("weights", "weights"));
    assert_eq!(Config { quorum: 0, ..Config::default() }.check().unwrap_err().0, "quorum");
    assert_eq!(Config { conviction_min: 2.0, ..Config::default() }.check().unwrap_err().0, "conviction_min");
    assert_eq!(Config::default().check(), Ok(()));
}

/// An opinion of each of some agents, and their weights.
fn any_opinions() -> impl Strategy<Value = (Vec<(usize, Opinion)>, Config)> {
    let opinion = (-1_i8..=1, 0.0_f64..=1.0).prop_map(|(signal, conviction)| opinion(signal, conviction));
    // Few different weights, so that ties come up.
    let weights = prop::collection::vec(prop::sample::select(vec![0.0, 0.3, 0.5, 1.0, 1.3]), NAMES.len());
    (prop::collection::btree_map(0..NAMES.len(), opinion, 0..=NAMES.len()), weights, 1_usize..3, 0.0_f64..0.5).prop_map(
        |(opinions, weights, quorum, conviction_min)| {
            let weights = NAMES.iter().map(ToString::to_string).zip(weights).collect();
            (opinions.into_iter().collect(), Config { weights, quorum, conviction_min, classifier: None })
        },
    )
}

proptest! {
    #[test]
    fn the_order_of_the_agents_does_not_matter((opinions, config) in any_opinions(), seed: u64, size in 0.0_f64..=1.0) {
        let mut shuffled = opinions.clone();
        fastrand::Rng::with_seed(seed).shuffle(&mut shuffled);
        let risk = allowed(size);
        prop_assert_eq!(aggregate(&config, &votes(&opinions), Some(&risk)), aggregate(&config, &votes(&shuffled), Some(&risk)));
    }

    #[test]
    fn more_weight_to_one_who_agrees_never_flips_the_result((opinions, config) in any_opinions(), more in 0.0_f64..5.0) {
        if let Ok(verdict) = aggregate(&config, &votes(&opinions), None) {
            for (agent, opinion) in &opinions {
                if opinion.signal == verdict.signal {
                    let mut heavier = config.clone();
                    *heavier.weights.get_mut(NAMES[*agent]).unwrap() += more;
                    let again = aggregate(&heavier, &votes(&opinions), None).unwrap();
                    prop_assert_eq!(again.signal, verdict.signal);
                }
            }
        }
    }

    #[test]
    fn a_veto_always_wins((opinions, config) in any_opinions(), size in 0.0_f64..=1.0) {
        let veto = RiskView { veto: Some("no".into()), ..allowed(size) };
        let verdict = aggregate(&config, &votes(&opinions), Some(&veto)).unwrap();
        prop_assert!(verdict.vetoed && verdict.signal == 0);
        let both = RiskView { veto_up: Some("no".into()), veto_down: Some("no".into()), ..allowed(size) };
        if let Ok(verdict) = aggregate(&config, &votes(&opinions), Some(&both)) {
            prop_assert_eq!(verdict.signal, 0);
        }
    }

    #[test]
    fn where_all_abstained_so_does_the_decision((_, config) in any_opinions(), size in 0.0_f64..=1.0) {
        prop_assert!(aggregate(&config, &[], None).is_err() && aggregate(&config, &[], Some(&allowed(size))).is_err());
    }

    #[test]
    fn the_signal_is_one_that_an_agent_gave_and_no_surer_than_the_surest((opinions, config) in any_opinions(), size in 0.0_f64..=1.0) {
        if let Ok(verdict) = aggregate(&config, &votes(&opinions), Some(&allowed(size))) {
            let agreeing = opinions.iter().filter(|(_, opinion)| opinion.signal == verdict.signal);
            let surest = agreeing.map(|(_, opinion)| opinion.conviction).fold(-1.0, f64::max);
            prop_assert!((0.0..=1.0).contains(&verdict.conviction) && verdict.conviction <= surest * size + 1e-9);
        }
    }

    #[test]
    fn risk_never_makes_a_decision_surer((opinions, config) in any_opinions(), size in 0.0_f64..=1.0) {
        if let (Ok(alone), Ok(with)) = (aggregate(&config, &votes(&opinions), None), aggregate(&config, &votes(&opinions), Some(&allowed(size)))) {
            prop_assert!(with.signal == alone.signal && with.conviction <= alone.conviction);
        }
    }
}
