//! What a column holds, from all of its values.
//!
//! Nothing may be lost by the guess: a column is of numbers only where each of them says what was written, and what is no number there is a
//! word without a digit, such as `unknown`, whose row is told to be bad. A value with a digit in it that no number would keep makes the
//! column one of texts, and so does a number among ids that could be a code.

use super::cell::{Cell, Form, TimeForm, flag, shown, stands_for_nothing, written};
use super::number::{Number, is_whole, keeps, may_be_code, number};

/// What is known of the values of a column.
#[derive(Debug, Clone, Default)]
pub(super) struct Guess {
    values: u64,
    numbers: u64,
    flags: u64,
    // Of the flags: any of true and false, any yes, any no.
    words: [bool; 3],
    times: u64,
    // The first value that is more than a number would keep.
    more: Option<String>,
    // Words for a missing value, with the first of them.
    nothing: u64,
    nothing_word: Option<String>,
    digits_alone: bool,
    code: Option<String>,
    whole: u64,
    least: f64,
    greatest: f64,
}

/// Of ten values this many must be what a column is taken for.
const NINE_OF_TEN: u64 = 9;

/// Moments of 1973 to 2286 in whole seconds; the same a thousand times finer are milliseconds, and so on.
const SECONDS: std::ops::Range<f64> = 1e8..1e10;

impl Guess {
    pub(super) fn see(&mut self, cell: &Cell<'_>) {
        match cell {
            Cell::Missing | Cell::Bad(_) => return,
            Cell::Number(value) => self.see_number(*value),
            Cell::Flag(_) => self.see_flag("true"),
            Cell::Time(_) => self.times += 1,
            Cell::Text(text) => {
                let text = text.trim();
                if text.is_empty() {
                    return;
                }
                if stands_for_nothing(text) {
                    self.nothing += 1;
                    self.nothing_word.get_or_insert_with(|| shown(text));
                    return;
                }
                self.see_text(text);
            }
        }
        self.values += 1;
    }

    fn see_text(&mut self, text: &str) {
        match number(text) {
            Number::Finite(value) if keeps(text, value) => {
                self.see_number(value);
                self.digits_alone |= is_whole(text);
                if may_be_code(text) {
                    self.code.get_or_insert_with(|| shown(text));
                }
            }
            Number::Infinite => self.numbers += 1,
            _ if flag(text).is_some() => self.see_flag(text),
            _ if written(text).is_some() => self.times += 1,
            _ if text.chars().any(char::is_numeric) => {
                self.more.get_or_insert_with(|| shown(text));
            }
            _ => {}
        }
    }

    fn see_number(&mut self, value: f64) {
        self.numbers += 1;
        if value.fract() == 0.0 {
            self.whole += 1;
        }
        if self.numbers == 1 {
            (self.least, self.greatest) = (value, value);
        }
        (self.least, self.greatest) = (self.least.min(value), self.greatest.max(value));
    }

    fn see_flag(&mut self, text: &str) {
        self.flags += 1;
        let seen = ["yes", "no"].iter().position(|word| text.eq_ignore_ascii_case(word)).map_or(0, |at| at + 1);
        self.words[seen] = true;
    }

    fn nearly_all(&self, count: u64) -> bool {
        count > 0 && count * 10 >= self.values * NINE_OF_TEN
    }

    /// What the column is read as, where nobody said it.
    pub(super) fn form(&self, says_when: bool) -> Form {
        let [truth, yes, no] = self.words;
        match self.epoch() {
            Some(unit) if says_when && self.nearly_all(self.numbers) => Form::Time(TimeForm::Epoch(unit)),
            _ if self.nearly_all(self.numbers) && self.more_than_numbers().is_none() => Form::Number,
            // A column of one word alone says nothing of its other: `NO` may be Norway.
            _ if self.values > 0 && self.flags == self.values && (truth || (yes && no)) => Form::Flag,
            _ if self.nearly_all(self.times) => Form::Time(TimeForm::Written),
            _ => Form::Text,
        }
    }

    /// A value for which a column of numbers would be no good.
    fn more_than_numbers(&self) -> Option<&str> {
        let code = self.code.as_deref().filter(|_| self.digits_alone);
        let other = (self.flags + self.times > 0).then_some("a flag or a time");
        self.more.as_deref().or(code).or(other)
    }

    /// The form of a column that is said to hold moments.
    pub(super) fn time_form(&self) -> TimeForm {
        match self.epoch() {
            Some(unit) if self.numbers > self.times => TimeForm::Epoch(unit),
            _ => TimeForm::Written,
        }
    }

    /// Microseconds of the unit in which these numbers count moments, by how large they are.
    fn epoch(&self) -> Option<i64> {
        let within = |scale: f64| self.least >= SECONDS.start * scale && self.greatest < SECONDS.end * scale;
        let units = [(1.0, 1_000_000), (1e3, 1_000), (1e6, 1), (1e9, 0)];
        let whole_or_seconds = |scale: f64| scale == 1.0 || self.whole == self.numbers;
        units.into_iter().find(|(scale, _)| within(*scale) && whole_or_seconds(*scale)).map(|(_, unit)| unit)
    }

    /// How many values are not what the column is read as, and how many there are.
    pub(super) fn misfits(&self, form: Form) -> (u64, u64) {
        let fits = match form {
            Form::Number | Form::Rounded | Form::Time(TimeForm::Epoch(_)) => self.numbers,
            Form::Flag => self.flags,
            Form::Time(TimeForm::Written) => self.times,
            Form::Text => self.values,
        };
        (self.values - fits, self.values)
    }

    /// What is to be told of a column whose form was found out.
    pub(super) fn notes(&self, name: &str, form: Form) -> Vec<String> {
        let mut notes = Vec::new();
        let (misfits, values) = self.misfits(form);
        let kind = match form {
            Form::Number | Form::Rounded => "numbers",
            Form::Flag => "flags",
            Form::Time(_) => "times",
            Form::Text => "texts",
        };
        if values == 0 {
            notes.push(format!("Column `{name}` has no value, and was taken for texts."));
        }
        if let Form::Time(TimeForm::Epoch(unit)) = form {
            let unit = ["nanoseconds", "microseconds", "milliseconds", "seconds"]
                .into_iter()
                .zip([0, 1, 1_000, 1_000_000])
                .find_map(|(word, known)| (known == unit).then_some(word))
                .unwrap_or("seconds");
            notes.push(format!("Column `{name}` was taken for {unit} since 1970."));
        }
        if misfits > 0 {
            notes.push(format!("Column `{name}` was taken for {kind}, which {misfits} of its {values} values are not."));
        }
        // Of a column that is mostly numbers, and was not taken for them, somebody will ask why.
        if form == Form::Text
            && self.numbers * 2 > values
            && let Some(value) = self.more_than_numbers()
        {
            let what = if self.flags + self.times > 0 && self.more.is_none() && self.code.is_none() {
                format!("{value} is among its numbers")
            } else {
                format!("`{value}` is more than a number would keep")
            };
            notes.push(format!("Column `{name}` was taken for texts: {what}."));
        }
        if form != Form::Text
            && let Some(word) = &self.nothing_word
        {
            notes.push(format!("{} values of column `{name}`, such as `{word}`, were taken for missing ones.", self.nothing));
        }
        notes
    }
}

/// Whether a value says that it is none of a heading.
pub(super) fn is_data(text: &str) -> bool {
    let text = text.trim();
    text.is_empty() || number(text) != Number::None || flag(text).is_some() || written(text).is_some()
}
