//! Numbers as they are written, and whether a double says the same.

/// Whole numbers past which a double tells neighbours no longer apart.
const EXACT_MAX: f64 = 9_007_199_254_740_992.0;

/// Significant digits that every double keeps (IEEE 754-2019, 5.12.2).
const DIGITS_KEPT: usize = 15;

/// Significant digits of the longest double when it is written out in full.
const DIGITS_MAX: usize = 767;

/// Digits behind a plus from which they are a telephone number (ITU-T E.164) rather than an amount.
const DIALLED_MIN: usize = 7;

/// A written number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Number {
    Finite(f64),
    Infinite,
    None,
}

pub(super) fn number(text: &str) -> Number {
    let bare = text.strip_prefix(['-', '+']).unwrap_or(text);
    if ["inf", "infinity", "∞"].iter().any(|word| bare.eq_ignore_ascii_case(word)) {
        return Number::Infinite;
    }
    let digits = bare.bytes().any(|byte| byte.is_ascii_digit());
    if !digits || !bare.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'E' | b'+' | b'-')) {
        return Number::None;
    }
    match text.parse::<f64>() {
        Ok(value) if value.is_finite() => Number::Finite(value),
        Ok(_) => Number::Infinite,
        Err(_) => Number::None,
    }
}

/// Whether the number that a text was read as says all that was written. It does not of what only looks like one: an id with noughts before
/// it, a telephone number, more digits than a double has.
pub(super) fn keeps(text: &str, value: f64) -> bool {
    let bare = text.strip_prefix(['-', '+']).unwrap_or(text);
    let leading = bare.starts_with('0') && bare.as_bytes().get(1).is_some_and(u8::is_ascii_digit);
    let whole = is_whole(bare);
    let dialled = whole && text.starts_with('+') && bare.len() >= DIALLED_MIN;
    let long = whole && value.abs() > EXACT_MAX && value.abs().to_string() != bare;
    !leading && !dialled && !long && same_digits(bare, value)
}

/// Whether a text is of digits alone.
pub(super) fn is_whole(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether a text is of digits, one `e` and digits: a number in a column of measurements, and a code like `12e3` among ids.
pub(super) fn may_be_code(text: &str) -> bool {
    text.split_once(['e', 'E']).is_some_and(|(before, after)| is_whole(before) && is_whole(after))
}

/// Whether the double, written with as many digits, has the same ones.
fn same_digits(bare: &str, value: f64) -> bool {
    let mantissa = bare.split(['e', 'E']).next().unwrap_or_default();
    let count = mantissa.bytes().filter(u8::is_ascii_digit).count();
    if count <= DIGITS_KEPT && value.abs() >= f64::MIN_POSITIVE {
        return true;
    }
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    let digits = digits.trim_start_matches('0').trim_end_matches('0');
    match digits.len() {
        0 => true,
        _ if value == 0.0 => false,
        count if count <= DIGITS_KEPT && value.abs() >= f64::MIN_POSITIVE => true,
        count if count > DIGITS_MAX => false,
        count => {
            let says = |written: String| {
                let written = written.split('e').next().unwrap_or_default().bytes().filter(u8::is_ascii_digit);
                written.eq(digits.bytes())
            };
            // Half way between two texts, as a quarter is between .2 and .3, the shortest text of a double may be the other one.
            says(format!("{:.*e}", count - 1, value.abs())) || says(format!("{:e}", value.abs()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn kept(text: &str) -> bool {
        match number(text) {
            Number::Finite(value) => keeps(text, value),
            Number::Infinite | Number::None => false,
        }
    }

    #[test]
    fn what_a_double_would_change_is_not_kept() {
        for text in ["01310", "-007", "+007", "00", "00.5", "000", "0e1e", "9007199254740993", "12345678901234567936"] {
            assert!(!kept(text), "{text}");
        }
        for text in ["+4930901820", "0.12345678901234567890123", "1.234567890123456789", "1e-400", "1.23456789e-320"] {
            assert!(!kept(text), "{text}");
        }
    }

    #[test]
    fn what_a_program_prints_of_a_double_is_kept() {
        for text in ["0", "-0", "0.5", ".5", "5.", "+1.25", "1e5", "1.50000000000000000000000", "0.30000000000000004"] {
            assert!(kept(text), "{text}");
        }
        for text in [
            "1.000000000000000056e-01",
            "-1588994069162871.3",
            "1588994069162871.2",
            "9007199254740992",
            "9007199254740994",
            "250000000000000000000",
            "1.7976931348623157e+308",
            "5e-324",
            "2.2250738585072014e-308",
        ] {
            assert!(kept(text), "{text}");
        }
    }

    #[test]
    fn digits_around_an_e_may_be_a_code() {
        assert!(may_be_code("12e3") && may_be_code("0E9"));
        assert!(!["1.0e3", "1e+3", "1e-3", "e3", "3e", "12", "1e2e3"].into_iter().any(may_be_code));
    }

    proptest! {
        #[test]
        fn every_double_is_kept_however_many_digits_it_is_printed_with(number in any::<f64>().prop_filter("finite", |n| n.is_finite()), more in 16_usize..40) {
            for text in [format!("{number:?}"), number.to_string(), format!("{number:.more$e}")] {
                prop_assert!(kept(&text), "{}", text);
            }
        }

        #[test]
        fn of_two_whole_numbers_that_are_kept_no_two_become_one(a: u64, step in 1_u64..9) {
            let (a, b) = (a.to_string(), a.saturating_add(step).to_string());
            if let (Number::Finite(one), Number::Finite(other)) = (number(&a), number(&b)) && a != b && kept(&a) && kept(&b) {
                prop_assert_ne!(one, other);
            }
        }

        #[test]
        fn no_text_makes_the_look_at_digits_panic(text in "[0-9eE.+-]{0,40}|\\PC{0,24}") {
            let _ = kept(&text);
        }
    }
}
