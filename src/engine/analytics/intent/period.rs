//! Windows of time in the calendar, and the steps that time is taken by.

use jiff::civil::Date;
use jiff::{Span, ToSpan};
use serde::{Deserialize, Serialize};

/// A window: from the first day, up to but without the last. An end that is open has no day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// The first day in it.
    pub from: Option<Date>,
    /// The first day after it.
    pub until: Option<Date>,
}

/// A step that time is taken by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Hours of the day, 0 to 23.
    HourOfDay,
    /// Days of the week, 1 (Monday) to 7.
    DayOfWeek,
    /// Days.
    Day,
    /// Weeks, by their Monday.
    Week,
    /// Months.
    Month,
    /// Quarters.
    Quarter,
    /// Years.
    Year,
}

/// A unit of the calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Day.
    Day,
    /// Week.
    Week,
    /// Month.
    Month,
    /// Quarter.
    Quarter,
    /// Year.
    Year,
}

impl Unit {
    /// So many of it.
    pub fn span(self, count: i64) -> Span {
        // Outside of ten thousand of anything there is no calendar.
        let count = count.clamp(-9_999, 9_999);
        match self {
            Self::Day => count.days(),
            Self::Week => count.weeks(),
            Self::Month => count.months(),
            Self::Quarter => (count.saturating_mul(3)).months(),
            Self::Year => count.years(),
        }
    }

    /// The first day of the unit that `day` is in.
    pub fn start(self, day: Date) -> Option<Date> {
        let month = match self {
            Self::Day => return Some(day),
            Self::Week => return day.checked_sub(i64::from(day.weekday().to_monday_zero_offset()).days()).ok(),
            Self::Month => day.month(),
            Self::Quarter => (day.month() - 1) / 3 * 3 + 1,
            Self::Year => 1,
        };
        Date::new(day.year(), month, 1).ok()
    }
}

impl Window {
    /// The unit that begins on `from`, `count` times over.
    pub fn of(from: Date, unit: Unit, count: i64) -> Option<Self> {
        let until = from.checked_add(unit.span(count)).ok()?;
        (from < until).then_some(Self { from: Some(from), until: Some(until) })
    }

    /// A whole year.
    pub fn year(year: i16) -> Option<Self> {
        Self::of(Date::new(year, 1, 1).ok()?, Unit::Year, 1)
    }

    /// From the first day of this window to the last of the other.
    #[must_use]
    pub fn through(self, other: Self) -> Option<Self> {
        let whole = Self { from: self.from, until: other.until };
        match (whole.from, whole.until) {
            (Some(from), Some(until)) if from >= until => None,
            _ => Some(whole),
        }
    }

    /// Whether the two have a day in common.
    pub fn overlaps(&self, other: &Self) -> bool {
        let before =
            |until: Option<Date>, from: Option<Date>| matches!((until, from), (Some(until), Some(from)) if until <= from);
        !before(self.until, other.from) && !before(other.until, self.from)
    }

    /// The window moved back by so many units.
    #[must_use]
    pub fn earlier(self, unit: Unit, count: i64) -> Option<Self> {
        let moved = |day: Option<Date>| match day {
            Some(day) => day.checked_sub(unit.span(count)).ok().map(Some),
            None => Some(None),
        };
        Some(Self { from: moved(self.from)?, until: moved(self.until)? })
    }

    /// The unit of the calendar that this window is exactly one of.
    pub fn unit(&self) -> Option<Unit> {
        let (from, until) = (self.from?, self.until?);
        let units = [Unit::Year, Unit::Quarter, Unit::Month, Unit::Week, Unit::Day];
        units.into_iter().find(|unit| unit.start(from) == Some(from) && from.checked_add(unit.span(1)).ok() == Some(until))
    }

    /// As a reader would write it.
    pub fn label(&self) -> String {
        let (Some(from), Some(until)) = (self.from, self.until) else {
            return match (self.from, self.until) {
                (Some(from), None) => format!("since {from}"),
                (None, Some(until)) => format!("before {until}"),
                _ => "all time".to_owned(),
            };
        };
        match self.unit() {
            Some(Unit::Year) => format!("{}", from.year()),
            Some(Unit::Quarter) => format!("{}-Q{}", from.year(), (from.month() - 1) / 3 + 1),
            Some(Unit::Month) => format!("{}-{:02}", from.year(), from.month()),
            Some(Unit::Day) => from.to_string(),
            _ => format!("{from} to {}", until.yesterday().unwrap_or(until)),
        }
    }
}
