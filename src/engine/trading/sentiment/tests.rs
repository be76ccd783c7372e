use super::*;
use proptest::prelude::*;
use std::sync::OnceLock;

fn agent() -> NewsSentiment {
    let model = ModelRef { id: "all-minilm-l6-v2-int8".into(), revision: "278ea1622058".into() };
    NewsSentiment::open(&model, 384).unwrap()
}

/// One for all cases of a property, since it takes a while to open.
static AGENT: OnceLock<NewsSentiment> = OnceLock::new();

fn text(text: &str) -> FreshText {
    FreshText::new(text).unwrap()
}

fn lean(of: &str) -> i8 {
    SentimentLexicon::built_in().unwrap().features(&text(of)).0
}

fn vector(seed: f32) -> UnitVector {
    UnitVector::normalised((0..384).map(|i| (i as f32 * seed).sin()).collect()).unwrap()
}

#[derive(serde::Deserialize)]
struct Case {
    text: String,
    features: Vec<f32>,
    vector: Vec<f32>,
    probabilities: Fitted,
}

#[derive(serde::Deserialize)]
struct Fitted {
    up: f64,
    neutral: f64,
    down: f64,
    company_or_coin: f64,
}

fn said(agent: &NewsSentiment) -> Result<Opinion, Abstention> {
    agent.assess(None, &text("Nvidia's profit rose"), &vector(0.3)).unwrap().opinion
}

#[test]
fn python_and_rust_agree() {
    let cases: Vec<Case> = serde_json::from_str(include_str!("../../../../tests/data/sentiment_parity.json")).unwrap();
    assert!(cases.len() >= 6);
    let agent = agent();
    for case in cases {
        let of = text(&case.text);
        assert_eq!(agent.lexicon.features(&of).1, case.features, "{}", case.text);
        let vector = UnitVector::normalised(case.vector).unwrap();
        let got = agent.assess(None, &of, &vector).unwrap().probabilities;
        let scope = agent.head.company_or_coin(vector.as_slice()).0;
        let Fitted { up, neutral, down, company_or_coin } = case.probabilities;
        for (got, wanted) in [(got.up, up), (got.neutral, neutral), (got.down, down), (scope, company_or_coin)] {
            assert!((got - wanted).abs() < 1e-5, "{}: {got} is not {wanted}", case.text);
        }
    }
}

#[test]
fn a_move_takes_its_sign_from_what_moves() {
    for (of, sign) in [
        ("Operating profit rose to EUR 4.1 mn", 1),
        ("Operating profit fell to EUR 4.1 mn", -1),
        ("The net loss narrowed", 1),
        ("The net loss widened", -1),
        ("Operating costs rose sharply", -1),
        ("The airline cut costs", 1),
        ("The board cuts its dividend", -1),
        ("Unemployment falls again", 1),
        ("A decrease of 5% in net sales", -1),
        ("The company raised its guidance", 1),
        ("Revenue came in above analysts' expectations", 1),
        ("Revenue came in below analysts' expectations", -1),
        ("The broker upgraded the stock", 1),
        ("EPS misses by three cents", -1),
        ("The company has an office in Oulu", 0),
    ] {
        assert_eq!(lean(of), sign, "{of}");
    }
}

#[test]
fn figures_are_held_against_those_of_before() {
    for (of, sign) in [
        ("Net sales were EUR 13.1 mn compared with EUR 8.7 mn a year earlier", 1),
        ("Net sales were EUR 8.7 mn compared with EUR 13.1 mn a year earlier", -1),
        ("Net sales went from EUR 8.7 mn to EUR 13.1 mn", 1),
        ("Net sales were EUR 950,000 against EUR 1.1 mn", -1),
        ("Net sales EUR 53.3 mn (48.9)", 1),
        ("EBIT was EUR -2.2 mn against EUR -1.7 mn", -1),
        ("Profit of EUR 2 mn compared to a loss of EUR 4 mn", 1),
    ] {
        assert_eq!(lean(of), sign, "{of}");
    }
}

#[test]
fn a_negation_turns_the_lexicon_around() {
    for (plain, turned) in [
        ("Sales fell in the quarter", "Sales did not fall in the quarter"),
        ("The results were good", "The results were not good"),
        ("Demand is strong", "Demand is no longer strong"),
        ("The bank defaults", "The bank avoids default"),
        ("The trial was a success", "The trial was hardly a success"),
        ("Profit rose", "Profit failed to rise"),
    ] {
        assert_ne!(lean(plain), 0, "{plain}");
        assert_eq!(lean(turned), -lean(plain), "{turned}");
    }
}

#[test]
fn what_is_conceded_weighs_less_than_what_is_said() {
    assert_eq!(lean("Profit rose despite higher costs"), 1);
    assert_eq!(lean("Despite higher sales, profit fell"), -1);
}

#[test]
fn an_unclear_text_gets_an_abstention_with_its_figures_and_a_clear_one_an_opinion_with_its_words() {
    let mut agent = agent();
    agent.head.threshold = 1.0;
    let refused = said(&agent).unwrap_err();
    assert!(refused.reason.contains("likely"), "{refused}");
    agent.head.threshold = 0.0;
    let opinion = said(&agent).unwrap();
    assert!(opinion.reasoning.contains("\"profit rose\" (good)"), "{}", opinion.reasoning);
}

#[test]
fn news_on_what_the_head_was_not_trained_on_gets_an_abstention_that_says_what_it_is_about() {
    let mut agent = agent();
    agent.head.threshold = 0.0;
    let said = |subject: Option<&str>, of: &str| {
        let subject = subject.map(|name| Instrument::new(name).unwrap());
        agent.assess(subject.as_ref(), &text(of), &vector(0.3)).unwrap()
    };
    let oil = said(None, "Brent crude output rises to a record");
    assert!(oil.opinion.clone().unwrap_err().reason.contains("about a raw material"), "{oil:?}");
    assert_eq!(oil.in_scope(), None);
    assert!(said(None, "Nvidia's output rises to a record").opinion.is_ok());
    assert!(said(Some("EURUSD"), "Nvidia's output rises to a record").opinion.is_err(), "the question is for the pair");
    assert!(said(Some("BTC"), "Fed cuts rates").opinion.is_ok(), "the question is for the coin");
}

#[test]
fn where_the_words_do_not_tell_the_meaning_does() {
    let mut agent = agent();
    agent.head.threshold = 0.0;
    let (likely, _) = agent.head.company_or_coin(vector(0.3).as_slice());
    for (least, within) in [(likely - 0.01, true), (likely + 0.01, false)] {
        agent.head.set_scope_threshold(least);
        let said = agent.assess(None, &text("Output rises to a record"), &vector(0.3)).unwrap();
        assert_eq!(said.opinion.is_ok(), within, "{said:?}");
    }
}

#[test]
fn a_vector_of_another_dimension_gets_an_abstention() {
    let short = UnitVector::normalised(vec![1.0; 3]).unwrap();
    assert!(agent().assess(None, &text("Profit rose"), &short).unwrap_err().reason.contains("3 dimensions"));
}

proptest! {
    #[test]
    fn any_text_and_vector_give_probabilities_that_sum_to_one_and_the_same_again(of in "\\PC{1,400}", seed in 0.01_f32..9.0) {
        let Ok(of) = FreshText::new(&of) else { return Ok(()) };
        let agent = AGENT.get_or_init(agent);
        let got = agent.assess(None, &of, &vector(seed)).unwrap();
        let Probabilities { up, neutral, down } = got.probabilities;
        prop_assert!([up, neutral, down].iter().all(|p| (0.0..=1.0).contains(p)));
        prop_assert!((up + neutral + down - 1.0).abs() < 1e-9);
        prop_assert_eq!(agent.assess(None, &of, &vector(seed)).unwrap(), got);
    }

    #[test]
    fn financial_words_and_figures_in_any_order_never_panic(
        words in prop::collection::vec(prop::sample::select(vec![
            "profit", "loss", "rose", "fell", "not", "from", "to", "EUR", "5", "-3.2", "(", ")", "1e9", "9999999999999999999999", "mn", "bn", "%", ",", ".", "?",
            "compared", "with", "despite", "but", "avoids", "$X", "above", "expectations", "+4%", "in", "of", "0", "١٢", "’s", "-", "2010",
        ]), 1..60),
    ) {
        let (lean, features) = AGENT.get_or_init(agent).lexicon.features(&text(&words.join(" ")));
        prop_assert!((-1..=1).contains(&lean));
        prop_assert!(features.iter().all(|feature| feature.abs() <= 1.0));
    }
}
