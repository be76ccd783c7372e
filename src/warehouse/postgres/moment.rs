//! Days and moments as PostgreSQL counts them, in the words of ISO 8601.

const MICROS_PER_SEC: i64 = 1_000_000;
const MICROS_PER_DAY: i64 = 86_400 * MICROS_PER_SEC;
/// Days from 1970-01-01 to 2000-01-01, from which PostgreSQL counts.
const EPOCH_DAYS: i64 = 10_957;

/// A day, of its number from 2000-01-01.
pub(super) fn date(days: i32) -> String {
    match days {
        i32::MAX => "infinity".to_owned(),
        i32::MIN => "-infinity".to_owned(),
        _ => day(i64::from(days)),
    }
}

/// A moment, of its microseconds from 2000-01-01.
pub(super) fn timestamp(micros: i64, suffix: &str) -> String {
    match micros {
        i64::MAX => "infinity".to_owned(),
        i64::MIN => "-infinity".to_owned(),
        _ => {
            let (days, rest) = (micros.div_euclid(MICROS_PER_DAY), micros.rem_euclid(MICROS_PER_DAY));
            format!("{}T{}{suffix}", day(days), time(rest))
        }
    }
}

/// A time of day, of its microseconds from midnight.
pub(super) fn time(micros: i64) -> String {
    let (seconds, fraction) = (micros.div_euclid(MICROS_PER_SEC), micros.rem_euclid(MICROS_PER_SEC));
    let clock = format!("{:02}:{:02}:{:02}", seconds / 3_600, seconds / 60 % 60, seconds % 60);
    if fraction == 0 {
        return clock;
    }
    let digits = format!("{fraction:06}");
    format!("{clock}.{}", digits.trim_end_matches('0'))
}

/// Howard Hinnant, "chrono-compatible low-level date algorithms", `civil_from_days`: eras of 400 years that begin in March.
fn day(days: i64) -> String {
    let from_march_0 = days + EPOCH_DAYS + 719_468;
    let (era, of_era) = (from_march_0.div_euclid(146_097), from_march_0.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    // Years of more than four digits, or before the year 0, have a sign and six digits: the expanded form.
    if (0..=9_999).contains(&year) { format!("{year:04}-{month:02}-{day:02}") } else { format!("{year:+07}-{month:02}-{day:02}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil;
    use proptest::prelude::*;

    #[test]
    fn days_and_moments_are_written_as_iso_8601_has_them() {
        assert_eq!(date(0), "2000-01-01");
        assert_eq!(date(59), "2000-02-29");
        assert_eq!(date(-1), "1999-12-31");
        assert_eq!(date(i32::MAX), "infinity");
        assert_eq!(date(2_921_940), "+010000-01-01");
        assert_eq!(timestamp(1, ""), "2000-01-01T00:00:00.000001");
        assert_eq!(timestamp(-MICROS_PER_SEC, "Z"), "1999-12-31T23:59:59Z");
        assert_eq!(timestamp(500_000, "Z"), "2000-01-01T00:00:00.5Z");
        assert_eq!(timestamp(i64::MIN, ""), "-infinity");
        assert_eq!(time(MICROS_PER_DAY), "24:00:00");
    }

    proptest! {
        #[test]
        fn every_moment_of_four_digit_years_is_that_of_another_calendar(micros in -63_000_000_000_000_000_i64..252_000_000_000_000_000) {
            let start = civil::date(2000, 1, 1).at(0, 0, 0, 0);
            let other = start + jiff::SignedDuration::from_micros(micros);
            prop_assert_eq!(timestamp(micros, ""), other.to_string());
        }

        #[test]
        fn no_number_of_days_or_microseconds_is_a_panic(days: i32, micros: i64) {
            prop_assert!(!date(days).is_empty() && !timestamp(micros, "").is_empty() && !time(micros).is_empty());
        }
    }
}
