//! PostgreSQL's `numeric` as it is sent: digits to the base 10,000.
//!
//! Source: `numeric_send` in PostgreSQL's `src/backend/utils/adt/numeric.c`.

use crate::domain::sql_value::Cell;

const NEGATIVE: u16 = 0x4000;
const POSITIVE: u16 = 0x0000;
/// What stands in the place of the sign of a number that is not finite.
const NOT_FINITE: [u16; 3] = [0xC000, 0xD000, 0xF000];

/// The number; nothing where the bytes are none.
///
/// One without digits after the point is whole, where it fits. One that is not finite, or too large for a float, is null.
pub(super) fn cell(bytes: &[u8]) -> Option<Cell> {
    let mut words = bytes.chunks_exact(2).filter_map(|pair| pair.try_into().ok()).map(u16::from_be_bytes);
    let [count, weight, sign, scale] = [words.next()?, words.next()?, words.next()?, words.next()?];
    if NOT_FINITE.contains(&sign) {
        return Some(Cell::Null);
    }
    let digits: Vec<u16> = words.collect();
    let whole_bytes = bytes.len() == 8 + 2 * usize::from(count);
    if !whole_bytes || !matches!(sign, NEGATIVE | POSITIVE) || digits.iter().any(|digit| *digit > 9_999) {
        return None;
    }
    // The first digit counts 10,000 to the power of the weight, so the last one counts ten to the power of this.
    let exponent = 4 * (i32::from(weight.cast_signed()) + 1 - i32::from(count));
    if scale == 0
        && let Some(whole) = integer(&digits, exponent, sign == NEGATIVE)
    {
        return Some(Cell::Integer(whole));
    }
    let mut text = String::from(if sign == NEGATIVE { "-0" } else { "0" });
    digits.iter().for_each(|digit| text.push_str(&format!("{digit:04}")));
    let number: f64 = format!("{text}e{exponent}").parse().ok()?;
    Some(if number.is_finite() { Cell::Number(number) } else { Cell::Null })
}

fn integer(digits: &[u16], exponent: i32, negative: bool) -> Option<i64> {
    let mantissa = digits.iter().try_fold(0_i128, |sum, digit| sum.checked_mul(10_000)?.checked_add(i128::from(*digit)))?;
    let scaled = if mantissa == 0 { 0 } else { mantissa.checked_mul(10_i128.checked_pow(u32::try_from(exponent).ok()?)?)? };
    i64::try_from(if negative { -scaled } else { scaled }).ok()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The bytes of a decimal number, as the server sends them.
    pub fn sent(text: &str) -> Vec<u8> {
        let (sign, text) = text.strip_prefix('-').map_or((POSITIVE, text), |rest| (NEGATIVE, rest));
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let whole = format!("{}{whole}", "0".repeat((4 - whole.len() % 4) % 4));
        let padded = format!("{fraction}{}", "0".repeat((4 - fraction.len() % 4) % 4));
        let mut weight = i16::try_from(whole.len() / 4).unwrap() - 1;
        let all = format!("{whole}{padded}");
        let mut digits: Vec<u16> = (0..all.len() / 4).map(|at| all[at * 4..at * 4 + 4].parse().unwrap()).collect();
        while digits.first() == Some(&0) {
            digits.remove(0);
            weight -= 1;
        }
        while digits.last() == Some(&0) {
            digits.pop();
        }
        let weight = if digits.is_empty() { 0 } else { weight };
        let head = [u16::try_from(digits.len()).unwrap(), weight.cast_unsigned(), sign, u16::try_from(fraction.len()).unwrap()];
        head.into_iter().chain(digits).flat_map(u16::to_be_bytes).collect()
    }

    #[test]
    fn numbers_that_are_whole_not_finite_or_too_large_are_told_apart() {
        assert_eq!(cell(&sent("0")), Some(Cell::Integer(0)));
        assert_eq!(cell(&sent("-9223372036854775808")), Some(Cell::Integer(i64::MIN)));
        assert_eq!(cell(&sent("9223372036854775808")), Some(Cell::Number(9_223_372_036_854_775_808.0)));
        assert_eq!(cell(&sent("120000")), Some(Cell::Integer(120_000)));
        assert_eq!(cell(&sent("2.00")), Some(Cell::Number(2.0)));
        assert_eq!(cell(&sent("-0.00012")), Some(Cell::Number(-0.00012)));
        assert_eq!(cell(&sent(&"9".repeat(400))), Some(Cell::Null));
        for sign in NOT_FINITE {
            let bytes: Vec<u8> = [0, 0, sign, 0].into_iter().flat_map(u16::to_be_bytes).collect();
            assert_eq!(cell(&bytes), Some(Cell::Null));
        }
    }

    proptest! {
        #[test]
        fn a_decimal_number_is_read_as_its_text_would_be(text in "-?(0|[1-9][0-9]{0,30})(\\.[0-9]{1,30})?") {
            let expected = match text.parse::<i64>() {
                Ok(whole) => Cell::Integer(whole),
                Err(_) => Cell::Number(text.parse().unwrap()),
            };
            prop_assert_eq!(cell(&sent(&text)), Some(expected));
        }

        #[test]
        fn bytes_of_a_stranger_are_a_number_or_nothing(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            if let Some(Cell::Number(number)) = cell(&bytes) {
                prop_assert!(number.is_finite());
            }
        }
    }
}
