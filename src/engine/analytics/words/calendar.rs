//! Periods in words: years, quarters, months, days, and what is counted back from the day of asking.

use super::super::intent::period::{Level, Unit, Window};
use super::token::Token;
use jiff::civil::Date;

/// A period or a step of time that some tokens say.
#[derive(Debug, Clone, PartialEq)]
pub struct Said {
    /// The first token.
    pub first: usize,
    /// The last token.
    pub last: usize,
    /// What they say.
    pub what: What,
}

/// What is said of time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum What {
    /// A window.
    Window(Window),
    /// A step to take time by; `certain` where it can't be meant otherwise.
    Level {
        /// The step.
        level: Level,
        /// Whether nothing need stand before it.
        certain: bool,
    },
    /// A month or quarter without its year.
    Yearless(Yearless),
}

/// A part of a year that is not told.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Yearless {
    month: i8,
    day: i8,
    unit: Unit,
}

impl Yearless {
    /// In this year.
    pub(super) fn of(self, year: i16) -> Option<Window> {
        Window::of(Date::new(year, self.month, self.day).ok()?, self.unit, 1)
    }
}

const MONTHS: [(&str, i8); 24] = [
    ("january", 1),
    ("february", 2),
    ("march", 3),
    ("april", 4),
    ("may", 5),
    ("june", 6),
    ("july", 7),
    ("august", 8),
    ("september", 9),
    ("october", 10),
    ("november", 11),
    ("december", 12),
    ("jan", 1),
    ("feb", 2),
    ("mar", 3),
    ("apr", 4),
    ("jun", 6),
    ("jul", 7),
    ("aug", 8),
    ("sep", 9),
    ("sept", 9),
    ("oct", 10),
    ("nov", 11),
    ("dec", 12),
];

const ORDINALS: [(&str, i8); 10] = [
    ("first", 1),
    ("1st", 1),
    ("second", 2),
    ("2nd", 2),
    ("third", 3),
    ("3rd", 3),
    ("fourth", 4),
    ("4th", 4),
    ("last", 4),
    ("final", 4),
];

struct Reader<'a> {
    tokens: &'a [Token],
    as_of: Date,
}

/// Whether a word is the name of a month.
pub(in crate::engine::analytics) fn is_month(word: &str) -> bool {
    MONTHS.iter().any(|(name, _)| *name == word)
}

/// All that a question says of time. `counted` says which numbers are something else.
pub fn said(tokens: &[Token], as_of: Date, counted: &dyn Fn(usize) -> bool) -> Vec<Said> {
    let reader = Reader { tokens, as_of };
    let mut all: Vec<Said> = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let found = if counted(at) { None } else { reader.at(at) };
        match found {
            Some((length, what)) => {
                all.push(Said { first: at, last: at + length - 1, what });
                at += length;
            }
            None => at += 1,
        }
    }
    dated(&mut all);
    all
}

/// Gives a month or quarter the year of the period that follows it: `July to September 2017`.
fn dated(all: &mut [Said]) {
    for index in (0..all.len()).rev() {
        let What::Yearless(part) = all[index].what else { continue };
        let next = all.get(index + 1).filter(|next| next.first <= all[index].last + 3).map(|next| next.what);
        let near = next.filter(|next| matches!(next, What::Window(_))).or_else(|| {
            let prior = all[..index].iter().rev().find(|prior| matches!(prior.what, What::Window(_)));
            prior.map(|prior| prior.what)
        });
        if let Some(What::Window(Window { from: Some(from), .. })) = near
            && let Some(window) = part.of(from.year())
        {
            all[index].what = What::Window(window);
        }
    }
}

impl Reader<'_> {
    fn word(&self, at: usize) -> &str {
        self.tokens.get(at).map_or("", |token| token.word.as_str())
    }

    fn year(&self, at: usize) -> Option<i16> {
        let token = self.tokens.get(at)?;
        let whole =
            token.number.filter(|number| number.fract() == 0.0 && (1900.0..2100.0).contains(number) && token.raw.len() == 4)?;
        #[expect(clippy::cast_possible_truncation, reason = "held to four digits just before")]
        Some(whole as i16)
    }

    /// A year behind `at`, perhaps after `of`, `in` or `the year`; and how many tokens that takes.
    fn year_behind(&self, at: usize) -> Option<(usize, i16)> {
        const PASSING: [&str; 9] = ["of", "in", "the", "year", "during", "calendar", "for", "from", "within"];
        (0..4).find_map(|skipped| {
            let passing = (at..at + skipped).all(|between| PASSING.contains(&self.word(between)));
            let year = self.year(at + skipped).filter(|_| passing)?;
            // `July from 2016 to 2018` is no month of 2016.
            let from = (at..at + skipped).any(|between| ["from", "for"].contains(&self.word(between)));
            let on = ["to", "through", "until", "till", "and", "versus", "vs"].contains(&self.word(at + skipped + 1));
            (!(from && on)).then_some((skipped + 1, year))
        })
    }

    fn at(&self, at: usize) -> Option<(usize, What)> {
        if let Some(day) = self.tokens.get(at)?.day {
            return Some((1, What::Window(Window::of(day, Unit::Day, 1)?)));
        }
        if self.word(at) == "year"
            && let Some(year) = self.year(at + 1)
        {
            return Some((2, What::Window(Window::year(year)?)));
        }
        self.day(at)
            .or_else(|| self.ending(at))
            .or_else(|| self.months_of_year(at))
            .or_else(|| self.part_of_year(at))
            .or_else(|| self.month(at))
            .or_else(|| self.relative(at))
            .or_else(|| Some((1, What::Window(Window::year(self.year(at)?)?))))
            .or_else(|| self.level(at))
    }

    fn month_named(&self, at: usize) -> Option<i8> {
        MONTHS.iter().find(|(name, _)| *name == self.word(at)).map(|(_, month)| *month)
    }

    fn month(&self, at: usize) -> Option<(usize, What)> {
        let month = self.month_named(at)?;
        if let Some((length, year)) = self.year_behind(at + 1) {
            return Some((length + 1, What::Window(Yearless { month, day: 1, unit: Unit::Month }.of(year)?)));
        }
        // `may` and `march` are also verbs, so alone they are months only where a period is expected.
        let doubtful = ["may", "march", "mar", "jun", "dec", "sep"].contains(&self.word(at));
        let expected = at.checked_sub(1).is_some_and(|before| {
            ["in", "since", "from", "between", "during", "to", "and", "until"].contains(&self.word(before))
        });
        (!doubtful || expected).then_some((1, What::Yearless(Yearless { month, day: 1, unit: Unit::Month })))
    }

    /// `24 November 2017`, `November 24, 2017`, `November 24th 2017`.
    fn day(&self, at: usize) -> Option<(usize, What)> {
        let number = |at: usize| {
            let token = self.tokens.get(at)?;
            let digits = token.word.trim_end_matches(|c: char| c.is_ascii_alphabetic());
            digits.parse::<i8>().ok().filter(|day| (1..=31).contains(day))
        };
        let (day, month, length) = match (number(at), self.month_named(at)) {
            (Some(day), _) => {
                let of = usize::from(self.word(at + 1) == "of");
                (day, self.month_named(at + 1 + of)?, 2 + of)
            }
            (None, Some(month)) => (number(at + 1)?, month, 2),
            _ => return None,
        };
        let Some((more, year)) = self.year_behind(at + length) else {
            // `1 January and 31 December 2017`; behind the month only where it can't be a number of something else.
            let verb = (0..length).any(|back| ["may", "march"].contains(&self.word(at + back)));
            let certain = !verb && (number(at).is_some() || self.tokens[at + 1].number.is_none());
            return certain.then_some((length, What::Yearless(Yearless { month, day, unit: Unit::Day })));
        };
        Some((length + more, What::Window(Window::of(Date::new(year, month, day).ok()?, Unit::Day, 1)?)))
    }

    /// Quarters and halves of a year.
    fn part_of_year(&self, at: usize) -> Option<(usize, What)> {
        let (length, part, months) = self.part_named(at)?;
        let month = (part - 1) * months + 1;
        let whole = |year: i16| Window::of(Date::new(year, month, 1).ok()?, Unit::Month, i64::from(months));
        if let Some((more, year)) = self.year_behind(at + length) {
            return Some((length + more, What::Window(whole(year)?)));
        }
        // `Q3 17`.
        let short = self.tokens.get(at + length).filter(|token| length == 1 && token.raw.len() == 2);
        let year = short.and_then(|token| token.raw.parse::<i16>().ok()).filter(|year| (10..40).contains(year));
        if let Some(year) = year.filter(|_| at + length + 1 == self.tokens.len() || self.word(at).starts_with('q')) {
            return Some((length + 1, What::Window(whole(2_000 + year)?)));
        }
        (months == 3).then_some((length, What::Yearless(Yearless { month, day: 1, unit: Unit::Quarter })))
    }

    /// `the first three months of 2017`.
    fn months_of_year(&self, at: usize) -> Option<(usize, What)> {
        let last = match self.word(at) {
            "first" | "1st" | "opening" => false,
            "last" | "final" | "closing" => true,
            _ => return None,
        };
        let count = self.small(at + 1)?;
        let months = match self.unit(at + 2)? {
            Unit::Month => count,
            Unit::Quarter => count * 3,
            _ => return None,
        };
        let (more, year) = self.year_behind(at + 3).filter(|_| (1..=12).contains(&months))?;
        let month = if last { 13 - i8::try_from(months).ok()? } else { 1 };
        Some((3 + more, What::Window(Window::of(Date::new(year, month, 1).ok()?, Unit::Month, months)?)))
    }

    /// `the three months ending September 2017`, `the quarter ending in September 2017`.
    fn ending(&self, at: usize) -> Option<(usize, What)> {
        let counted = usize::from(self.small(at).is_some());
        let count = self.small(at).unwrap_or(1);
        let unit = self.unit(at + counted)?;
        let verb = at + counted + 1;
        if !["ending", "ended"].contains(&self.word(verb)) {
            return None;
        }
        let skipped = usize::from(["in", "with", "on"].contains(&self.word(verb + 1)));
        let (length, What::Window(Window { until: Some(until), .. })) =
            self.month(verb + 1 + skipped).or_else(|| self.day(verb + 1 + skipped))?
        else {
            return None;
        };
        let from = until.checked_sub(unit.span(count)).ok()?;
        Some((verb + 1 + skipped + length - at, What::Window(Window { from: Some(from), until: Some(until) })))
    }

    fn part_named(&self, at: usize) -> Option<(usize, i8, i8)> {
        // `2017 Q3` as well as `Q3 2017`; the year before is taken up by `relative`-free lookahead in `at`.
        let word = self.word(at);
        let short = word.strip_prefix('q').map(|rest| (rest, 3, 4)).or_else(|| word.strip_prefix('h').map(|rest| (rest, 6, 2)));
        if let Some((rest, months, most)) = short
            && let Ok(part) = rest.parse::<i8>()
            && (1..=most).contains(&part)
        {
            return Some((1, part, months));
        }
        let months = |word: &str| match word {
            "quarter" => Some((3, 4)),
            "half" => Some((6, 2)),
            _ => None,
        };
        if let Some((size, most)) = months(word)
            && let Some(number) = self.small(at + 1)
        {
            let part = i8::try_from(number).ok()?;
            return (1..=most).contains(&part).then_some((2, part, size));
        }
        let (_, part) = ORDINALS.iter().find(|(name, _)| *name == word)?;
        let (size, most) = months(self.word(at + 1))?;
        let part = if ["last", "final"].contains(&word) { most } else { *part };
        // `last quarter` without a year is counted back from today.
        let dated = self.year_behind(at + 2).is_some() || !["last", "final"].contains(&word);
        (part <= most && dated).then_some((2, part, size))
    }

    fn unit(&self, at: usize) -> Option<Unit> {
        Some(match self.word(at) {
            "day" | "days" => Unit::Day,
            "week" | "weeks" => Unit::Week,
            "month" | "months" => Unit::Month,
            "quarter" | "quarters" => Unit::Quarter,
            "year" | "years" => Unit::Year,
            _ => return None,
        })
    }

    /// `last quarter`, `past 6 months`, `this year`, `yesterday`, `2017 Q3`.
    fn relative(&self, at: usize) -> Option<(usize, What)> {
        if let Some(year) = self.year(at)
            && let Some((length, part, months)) = self.part_named(at + 1)
            && self.year_behind(at + 1 + length).is_none()
        {
            let from = Date::new(year, (part - 1) * months + 1, 1).ok()?;
            return Some((length + 1, What::Window(Window::of(from, Unit::Month, i64::from(months))?)));
        }
        let today = self.as_of;
        match self.word(at) {
            "today" => return Some((1, What::Window(Window::of(today, Unit::Day, 1)?))),
            "yesterday" => return Some((1, What::Window(Window::of(today.yesterday().ok()?, Unit::Day, 1)?))),
            _ => {}
        }
        let (back, count) = match self.word(at) {
            "last" | "previous" | "prior" => (true, self.small(at + 1)),
            // `the past year` may end today or with the year.
            "past" => (true, Some(self.small(at + 1)?)),
            "this" | "current" => (false, None),
            _ => return None,
        };
        let unit = self.unit(at + 1 + usize::from(count.is_some()))?;
        let length = 2 + usize::from(count.is_some());
        let window = match (back, count) {
            // Whole units before the one that today is in, but days up to and with yesterday, which is the same thing.
            (true, count) => {
                let until = unit.start(today)?;
                Window { from: Some(until.checked_sub(unit.span(count.unwrap_or(1))).ok()?), until: Some(until) }
            }
            (false, _) => Window::of(unit.start(today)?, unit, 1)?,
        };
        Some((length, What::Window(window)))
    }

    fn small(&self, at: usize) -> Option<i64> {
        let token = self.tokens.get(at)?;
        let spelt = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"];
        if let Some(index) = spelt.iter().position(|word| *word == token.word) {
            return i64::try_from(index).ok().map(|index| index + 1);
        }
        #[expect(clippy::cast_possible_truncation, reason = "held to 1 to 1,000 just before")]
        token.number.filter(|number| number.fract() == 0.0 && (1.0..=1000.0).contains(number)).map(|number| number as i64)
    }

    fn level(&self, at: usize) -> Option<(usize, What)> {
        let (first, second) = (self.word(at), self.word(at + 1));
        let third = self.word(at + 2);
        let certain = |length: usize, level: Level| Some((length, What::Level { level, certain: true }));
        match (first, second) {
            ("day" | "days", "of") if third == "week" => return certain(3, Level::DayOfWeek),
            ("day" | "days", "of") if third == "the" && self.word(at + 3) == "week" => return certain(4, Level::DayOfWeek),
            ("hour" | "hours", "of") if third == "day" => return certain(3, Level::HourOfDay),
            ("hour" | "hours", "of") if third == "the" && self.word(at + 3) == "day" => return certain(4, Level::HourOfDay),
            _ => {}
        }
        let level = match first {
            "monthly" => return certain(1, Level::Month),
            "yearly" | "annual" | "annually" => return certain(1, Level::Year),
            "quarterly" => return certain(1, Level::Quarter),
            "weekly" => return certain(1, Level::Week),
            "daily" => return certain(1, Level::Day),
            "hourly" => return certain(1, Level::HourOfDay),
            "weekday" | "weekdays" => Level::DayOfWeek,
            "hour" | "hours" => Level::HourOfDay,
            "day" | "days" => Level::Day,
            "week" | "weeks" => Level::Week,
            "month" | "months" => Level::Month,
            "quarter" | "quarters" => Level::Quarter,
            "year" | "years" => Level::Year,
            _ => return None,
        };
        // `month by month`.
        if second == "by" && third == first {
            return certain(3, level);
        }
        Some((1, What::Level { level, certain: false }))
    }
}
