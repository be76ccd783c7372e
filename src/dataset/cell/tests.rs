use super::super::guess::Guess;
use super::*;
use proptest::prelude::*;

fn guess(texts: &[&str]) -> Guess {
    let mut guess = Guess::default();
    texts.iter().for_each(|text| guess.see(&Cell::Text((*text).into())));
    guess
}

fn read(text: &str, form: Form, zone: &str) -> Result<String, String> {
    let cell = Cell::Text(text.into());
    let zone = TimeZone::get(zone).unwrap();
    match value(&cell, form, &zone, &mut Noticed::default()) {
        Ok(Value::Time(at)) => Ok(at.to_string()),
        Ok(other) => Ok(format!("{other:?}")),
        Err(bad) => Err(bad.detail),
    }
}

const WRITTEN: Form = Form::Time(TimeForm::Written);

#[test]
fn columns_are_taken_for_what_nearly_all_of_their_values_are() {
    let numbers = Form::Number;
    assert_eq!(guess(&["1", "-2.5e3", "NaN", "", "+.5"]).form(false), numbers);
    assert_eq!(guess(&["1", "2", "x"]).form(false), Form::Text);
    let mut nine = vec!["1"; 9];
    nine.push("x");
    assert_eq!((guess(&nine).form(false), guess(&nine).misfits(numbers)), (numbers, (1, 10)));
    assert_eq!(guess(&["true", "No", "YES"]).form(false), Form::Flag);
    assert_eq!(guess(&["yes", "no"]).form(false), Form::Flag);
    assert_eq!(guess(&["NO", "NO"]).form(false), Form::Text, "it may be Norway");
    assert_eq!(guess(&["true"; 19].into_iter().chain(["x"]).collect::<Vec<_>>()).form(false), Form::Text);
    assert_eq!(guess(&["0", "1"]).form(false), numbers);
    assert_eq!(guess(&["2025-01-01", "2025-01-01 10:00:00", "2025-01-01T10:00:00+02:00"]).form(false), WRITTEN);
    assert_eq!(guess(&["", "na"]).form(true), Form::Text);
}

#[test]
fn ids_stay_texts_where_a_number_would_lose_a_digit() {
    assert_eq!(guess(&["007", "012"]).form(false), Form::Text);
    assert_eq!(guess(&["9007199254740993", "9007199254740995"]).form(false), Form::Text);
    assert_eq!(guess(&["0", "0.5", "9007199254740992"]).form(false), Form::Number);
}

#[test]
fn one_value_that_a_number_would_not_keep_makes_a_column_one_of_texts() {
    for odd in
        ["01310", "+4930901820", "1,234", "A17", "12e3", "12.3.4", "1 000", "5%", "0.1234567890123456789", "true", "2025-01-01"]
    {
        let mut column = vec!["12"; 99];
        column.push(odd);
        assert_eq!(guess(&column).form(false), Form::Text, "{odd}");
        let notes = guess(&column).notes("c", Form::Text);
        assert!(notes.len() == 1 && notes[0].contains("`c`"), "{odd}: {notes:?}");
    }
    assert_eq!(guess(&["1.5", "2e3"]).form(false), Form::Number, "among measurements an exponent is one");
    assert_eq!(guess(&["1e3", "2e3"]).form(false), Form::Number);
}

#[test]
fn a_column_that_held_numbers_refuses_what_they_would_not_keep_and_one_that_is_told_to_rounds_it() {
    assert!(read("01310", Form::Number, "UTC").unwrap_err().contains("`01310` would be 1310"));
    assert_eq!(read("01310", Form::Rounded, "UTC").unwrap(), "Number(1310.0)");
    let cell = Cell::Text("01310".into());
    let mut noticed = Noticed::default();
    value(&cell, Form::Rounded, &TimeZone::UTC, &mut noticed).unwrap();
    assert_eq!(noticed.rounded, 1);
}

#[test]
fn noughts_and_ones_are_flags_where_flags_are_expected() {
    assert_eq!((read("1", Form::Flag, "UTC"), read("0", Form::Flag, "UTC")), (Ok("Flag(true)".into()), Ok("Flag(false)".into())));
    assert_eq!(value(&Cell::Number(1.0), Form::Flag, &TimeZone::UTC, &mut Noticed::default()), Ok(Value::Flag(true)));
    assert!(read("2", Form::Flag, "UTC").is_err());
}

#[test]
fn what_is_finer_than_a_microsecond_is_noticed() {
    let finer = |text: &str| {
        let (cell, mut noticed) = (Cell::Text(text.into()), Noticed::default());
        value(&cell, WRITTEN, &TimeZone::UTC, &mut noticed).unwrap();
        noticed.finer
    };
    assert_eq!(finer("2025-03-14T12:30:00.123456789Z"), 1);
    assert_eq!(finer("2025-03-14T12:30:00.123456000Z") + finer("2025-03-14 12:30:00"), 0);
}

#[test]
fn counted_moments_are_known_by_their_size_in_the_column_that_says_when() {
    for (text, unit) in
        [("1741955400", 1_000_000), ("1741955400.25", 1_000_000), ("1741955400000", 1_000), ("1741955400000000", 1)]
    {
        assert_eq!(guess(&[text]).form(true), Form::Time(TimeForm::Epoch(unit)), "{text}");
        assert_eq!(guess(&[text]).form(false), Form::Number, "{text}");
    }
    let form = Form::Time(TimeForm::Epoch(1_000));
    assert_eq!(read("1741955400123", form, "UTC").unwrap(), "2025-03-14T12:30:00.123Z");
    assert!(read("1e300", form, "UTC").unwrap_err().contains("years"));
}

#[test]
fn times_are_read_with_any_offset_and_without_one_in_the_told_zone() {
    assert_eq!(read("2025-03-14T08:30:00-04:00", WRITTEN, "UTC").unwrap(), "2025-03-14T12:30:00Z");
    assert_eq!(read("2025-03-14 12:30:00Z", WRITTEN, "Asia/Tokyo").unwrap(), "2025-03-14T12:30:00Z");
    assert_eq!(read("2025-03-14 08:30:00.5", WRITTEN, "America/New_York").unwrap(), "2025-03-14T12:30:00.5Z");
    assert_eq!(read("2025-03-14", WRITTEN, "Europe/Zurich").unwrap(), "2025-03-13T23:00:00Z");
    for bad in ["2025-02-30", "14.03.2025", "2025-03-14 25:00:00", "yesterday", "2025-03-14T10:00:00+99:00"] {
        assert!(read(bad, WRITTEN, "UTC").is_err(), "{bad}");
    }
}

#[test]
fn an_hour_that_a_zone_has_twice_or_not_at_all_is_noticed() {
    let zone = TimeZone::get("Europe/Zurich").unwrap();
    let mut noticed = Noticed::default();
    for (text, at) in [
        ("2024-10-27 02:30:00", "2024-10-27T00:30:00Z"),
        ("2024-03-31 02:30:00", "2024-03-31T01:30:00Z"),
        ("2024-06-01 02:30:00", "2024-06-01T00:30:00Z"),
    ] {
        let cell = Cell::Text(text.into());
        let read = value(&cell, WRITTEN, &zone, &mut noticed).unwrap();
        assert_eq!(read, Value::Time(Timestamp::parse(at).unwrap()), "{text}");
    }
    assert_eq!(noticed, Noticed { local: 3, ambiguous: 2, ..Noticed::default() });
}

#[test]
fn what_stands_for_nothing_is_missing_but_in_a_column_of_texts() {
    for word in ["", " ", "NaN", "NULL", "n/a"] {
        assert_eq!(read(word, Form::Number, "UTC").unwrap(), "Missing", "{word}");
    }
    assert_eq!(read("NA", Form::Text, "UTC").unwrap(), "Text(\"NA\")");
    assert_eq!(read("", Form::Text, "UTC").unwrap(), "Missing");
}

#[test]
fn infinite_numbers_are_bad_and_told_so() {
    for text in ["inf", "-Infinity", "1e999", "∞"] {
        assert_eq!(read(text, Form::Number, "UTC").unwrap_err(), "the number is infinite", "{text}");
    }
    let mut noticed = Noticed::default();
    let bad = value(&Cell::Number(f64::NEG_INFINITY), Form::Number, &TimeZone::UTC, &mut noticed).unwrap_err();
    assert!(bad.infinite);
}

proptest! {
    #[test]
    fn a_number_reads_back_as_it_was_printed(number in any::<f64>().prop_filter("finite", |n| n.is_finite())) {
        let cell = Cell::Text(number.to_string().into());
        let read = value(&cell, Form::Number, &TimeZone::UTC, &mut Noticed::default());
        prop_assert_eq!(read, Ok(Value::Number(number)));
    }

    #[test]
    fn no_text_makes_the_reader_of_values_panic(text in "\\PC{0,48}", digits in "[0-9TZ: .+-]{0,32}") {
        for text in [text, digits] {
            let mut seen = Guess::default();
            let cell = Cell::Text(text.into());
            seen.see(&cell);
            for form in [seen.form(true), Form::Number, Form::Flag, WRITTEN, Form::Time(TimeForm::Epoch(0))] {
                if let Ok(Value::Number(number)) = value(&cell, form, &TimeZone::UTC, &mut Noticed::default()) {
                    prop_assert!(number.is_finite());
                }
            }
        }
    }
}
