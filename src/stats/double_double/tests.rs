use super::*;
use proptest::prelude::*;

fn near(a: DoubleDouble, b: DoubleDouble, digits: i32) -> bool {
    let scale = a.rounded().abs().max(b.rounded().abs()).max(f64::MIN_POSITIVE);
    (a - b).rounded().abs() <= scale * 10.0_f64.powi(-digits)
}

#[test]
fn a_decimal_is_read_as_it_was_written() {
    for (value, whole, power) in [(0.1, 1.0, 10.0), (1.2, 12.0, 10.0), (1_000_000_000_000.4, 10_000_000_000_004.0, 10.0)] {
        assert_eq!(DoubleDouble::decimal(value), DoubleDouble::of(whole) / DoubleDouble::of(power), "{value}");
    }
    let long = DoubleDouble::decimal(107.868_156_8);
    assert!(near(long * DoubleDouble::of(1e7), DoubleDouble::of(1_078_681_568.0), 31));
    assert_eq!(DoubleDouble::decimal(3.0), DoubleDouble::of(3.0));
}

/// The digits are those of any table of constants to 40 places.
#[test]
fn elementary_functions_agree_with_known_constants_to_30_digits() {
    let e = DoubleDouble::new(std::f64::consts::E, 1.445_646_891_729_250_2e-16);
    assert!(near(DoubleDouble::ONE.exp(), e, 30));
    assert!(near(e.ln(), DoubleDouble::ONE, 30));
    assert!(near(DoubleDouble::ONE.atan() * DoubleDouble::of(4.0), DoubleDouble::PI, 30));
    let (sine, cosine) = (DoubleDouble::PI / DoubleDouble::of(6.0)).sin_cos();
    assert!(near(sine, DoubleDouble::of(0.5), 30));
    assert!(near(cosine * cosine, DoubleDouble::of(0.75), 30));
    assert!(near(DoubleDouble::of(2.0).sqrt().powi(2), DoubleDouble::of(2.0), 31));
    assert!(near(DoubleDouble::of(3.0).powi(-3) * DoubleDouble::of(27.0), DoubleDouble::ONE, 31));
}

#[test]
fn what_overflows_or_has_no_value_is_as_in_f64() {
    assert_eq!(DoubleDouble::of(1e3).exp().rounded(), f64::INFINITY);
    assert_eq!(DoubleDouble::of(-1e3).exp().rounded(), 0.0);
    assert!(DoubleDouble::of(-1.0).ln().rounded().is_nan());
    assert!(DoubleDouble::of(-1.0).sqrt().rounded().is_nan());
    assert!(!(DoubleDouble::of(1.0) / DoubleDouble::ZERO).is_finite());
    assert!(!(DoubleDouble::of(1e300) * DoubleDouble::of(1e300)).is_finite());
}

proptest! {
    #[test]
    fn a_quotient_times_its_divisor_is_the_dividend(a in -1e12..1e12_f64, b in 1e-9..1e9_f64) {
        let (a, b) = (DoubleDouble::of(a), DoubleDouble::of(b));
        prop_assert!(near(a / b * b, a, 30));
        prop_assert!(near((a + b) - a, b, 8));
    }

    #[test]
    fn the_logarithm_undoes_the_exponential(x in -300.0..300.0_f64) {
        let x = DoubleDouble::of(x);
        prop_assert!((x.exp().ln() - x).rounded().abs() < 1e-28);
    }

    #[test]
    fn sine_and_cosine_lie_on_the_circle_and_the_tangent_is_undone(x in -50.0..50.0_f64) {
        let (sine, cosine) = DoubleDouble::of(x).sin_cos();
        prop_assert!((sine * sine + cosine * cosine - DoubleDouble::ONE).rounded().abs() < 1e-30);
        prop_assert!((sine.rounded() - x.sin()).abs() < 1e-15);
        let (s, c) = DoubleDouble::of(x).atan().sin_cos();
        prop_assert!(near(s, c * DoubleDouble::of(x), 28) || x == 0.0);
    }

    #[test]
    fn a_decimal_rounds_to_the_number_it_came_from(bits in any::<u64>()) {
        let value = f64::from_bits(bits);
        prop_assume!(value.is_finite());
        prop_assert_eq!(DoubleDouble::decimal(value).rounded(), value);
    }
}
