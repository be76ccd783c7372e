use super::*;
use crate::limits::{FORMULA_BYTES_MAX, FORMULA_DEPTH_MAX};
use proptest::prelude::*;

fn value(text: &str, x: f64) -> f64 {
    let formula = Formula::parse(text, &[]).unwrap();
    let row = vec![x; formula.variables().len()];
    formula.evaluate(&row, &[], &mut Workspace::default(), &mut [])
}

#[test]
fn operations_bind_as_in_mathematics() {
    for (text, expected) in [
        ("1 + 2*3", 7.0),
        ("(1 + 2)*3", 9.0),
        ("8/2/2", 2.0),
        ("8-2-2", 4.0),
        ("-x**2", -9.0),
        ("2**3**2", 512.0),
        ("2^-1", 0.5),
        ("4**.5 * 1E1", 20.0),
        ("--x", 3.0),
        ("exp[0]*[x]", 3.0),
        ("x*x - x*x + x", 3.0),
        ("log10(1000) + ln(1) + log(1) + abs(-2)", 5.0),
    ] {
        assert!((value(text, 3.0) - expected).abs() < 1e-12, "{text}: {}", value(text, 3.0));
    }
    assert!((value("4*arctan(1) - pi + tan(0) + sqrt(4) + cos(0) + sin(pi) + tanh(0)", 0.0) - 3.0).abs() < 1e-15);
}

#[test]
fn what_is_no_formula_is_refused_with_its_place() {
    for (text, at) in
        [("", 1), ("1+", 3), ("(1", 3), ("exp 2", 5), ("1 2", 3), ("x ! y", 3), ("b1(2)", 3), ("..", 1), ("1e999", 1)]
    {
        assert_eq!(Formula::parse(text, &[]).unwrap_err().at, at, "{text}");
    }
    assert!(Formula::parse("x", &["b"]).unwrap_err().why.contains("does not occur"));
    assert!(Formula::parse("exp(b)", &["exp"]).is_err());
    assert!(Formula::parse("b", &["b", "b"]).is_err());
}

#[test]
fn long_and_deep_formulas_are_refused_before_they_cost_anything() {
    let nested = |depth: usize| format!("{}x{}", "(".repeat(depth), ")".repeat(depth));
    assert!(Formula::parse(&nested(FORMULA_DEPTH_MAX - 1), &[]).is_ok());
    assert!(Formula::parse(&nested(FORMULA_DEPTH_MAX), &[]).is_err());
    assert!(Formula::parse(&"-".repeat(FORMULA_BYTES_MAX), &[]).is_err());
    assert!(Formula::parse(&format!("x{}", "+1".repeat(FORMULA_BYTES_MAX)), &[]).is_err());
    let wide = (0..450).map(|at| format!("x*{at}")).collect::<Vec<_>>().join("+");
    assert!(Formula::parse(&wide[..1_900], &[]).unwrap_err().why.contains("too many operations"));
}

#[test]
fn the_parameters_that_enter_linearly_are_found() {
    let linear = |text: &str, names: &[&str]| Formula::parse(text, names).unwrap().linear_parameters();
    assert_eq!(linear("b1*(1-exp(-b2*x))", &["b1", "b2"]), [true, false]);
    assert_eq!(linear("b1 + b2*exp(-x*b4) + b3*exp(-x*b5)", &["b1", "b2", "b3", "b4", "b5"]), [true, true, true, false, false]);
    assert_eq!(linear("(b1 + b2*x)/(1 + b3*x)", &["b1", "b2", "b3"]), [true, true, false]);
    assert_eq!(linear("b1*b2*x", &["b1", "b2"]), [true, false]);
    assert_eq!(linear("b1**2 + log(b2)", &["b1", "b2"]), [false, false]);
}

/// A formula as text from a small grammar, which always has a value near x, a, b in (½, 2).
fn expression() -> impl Strategy<Value = String> {
    let leaf =
        prop_oneof![Just("x".to_owned()), Just("a".to_owned()), Just("b".to_owned()), (1..9_u8).prop_map(|n| format!("{n}.5"))];
    leaf.prop_recursive(4, 24, 2, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone(), prop::sample::select(vec!["+", "-", "*"]))
                .prop_map(|(a, b, sign)| format!("({a} {sign} {b})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a})/(2 + ({b})**2)")),
            inner.clone().prop_map(|a| format!("sin[{a}]")),
            inner.clone().prop_map(|a| format!("arctan({a})")),
            inner.clone().prop_map(|a| format!("exp(-abs({a}))")),
            inner.clone().prop_map(|a| format!("log(1 + ({a})^2)")),
            inner.prop_map(|a| format!("sqrt(1 + ({a})^2)**1.5")),
        ]
    })
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused_and_never_breaks(text in "\\PC{0,60}") {
        let _ = Formula::parse(&text, &["b"]);
    }

    #[test]
    fn any_text_of_the_alphabet_is_read_or_refused_and_never_breaks(text in "[-+*/^()\\[\\]0-9.exbpi ]{0,60}") {
        if let Ok(formula) = Formula::parse(&text, &["b"]) {
            let row = vec![1.5; formula.variables().len()];
            formula.evaluate(&row, &[0.5], &mut Workspace::default(), &mut [0.0]);
        }
    }

    #[test]
    fn the_derivative_is_the_limit_of_differences(text in expression(), x in 0.5..2.0_f64, a in 0.5..2.0_f64, b in 0.5..2.0_f64) {
        let formula = Formula::parse(&format!("{text} + a*0 + b*0"), &["a", "b"]).unwrap();
        let row = vec![DoubleDouble::of(x); formula.variables().len()];
        let mut gradient = [DoubleDouble::ZERO; 2];
        let mut unused = gradient;
        let at = |a: f64, b: f64, gradient: &mut [DoubleDouble]| {
            formula.evaluate(&row, &[DoubleDouble::of(a), DoubleDouble::of(b)], &mut Workspace::default(), gradient)
        };
        let value = at(a, b, &mut gradient).rounded();
        prop_assume!(value.is_finite() && value.abs() < 1e6);
        let h = 2.0_f64.powi(-30);
        let slope = ((at(a + h, b, &mut unused) - at(a - h, b, &mut unused)) / DoubleDouble::of(2.0 * h)).rounded();
        prop_assert!((slope - gradient[0].rounded()).abs() <= 1e-7 * (1.0 + slope.abs()), "{text}: {slope} {:?}", gradient[0]);
    }

    #[test]
    fn both_kinds_of_numbers_give_the_same_value(text in expression(), x in 0.5..2.0_f64) {
        let formula = Formula::parse(&text, &[]).unwrap();
        let width = formula.variables().len();
        let plain = formula.evaluate(&vec![x; width], &[], &mut Workspace::default(), &mut []);
        let precise = formula.evaluate(&vec![DoubleDouble::of(x); width], &[], &mut Workspace::default(), &mut []).rounded();
        prop_assume!(plain.abs() < 1e6);
        prop_assert!((plain - precise).abs() <= 1e-9 * (1.0 + plain.abs()), "{text}: {plain} {precise}");
    }
}
