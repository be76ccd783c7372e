//! Steps of time within one another.

use super::super::intent::period::{Level, Unit, Window};
use super::super::reconcile::Cell;
use jiff::civil::Date;

/// The unit of the calendar that a level's steps are; none for steps that come round again.
fn unit(level: Level) -> Option<Unit> {
    Some(match level {
        Level::Day => Unit::Day,
        Level::Week => Unit::Week,
        Level::Month => Unit::Month,
        Level::Quarter => Unit::Quarter,
        Level::Year => Unit::Year,
        Level::HourOfDay | Level::DayOfWeek => return None,
    })
}

/// Whether every step of the finer lies in one step of the coarser.
pub(super) fn nests(fine: Level, coarse: Level) -> bool {
    match fine {
        Level::Day => !matches!(coarse, Level::HourOfDay | Level::Day),
        Level::Month => matches!(coarse, Level::Quarter | Level::Year),
        Level::Quarter => coarse == Level::Year,
        Level::Week | Level::Year | Level::HourOfDay | Level::DayOfWeek => false,
    }
}

/// Whether no step lies across an edge of a window.
pub(super) fn is_aligned(level: Level, window: &Window) -> bool {
    let Some(unit) = unit(level) else { return false };
    [window.from, window.until].into_iter().flatten().all(|day| unit.start(day) == Some(day))
}

/// The first day of the step that a key names.
pub(super) fn first_day(level: Level, key: &Cell) -> Option<Date> {
    let number = |text: &str| text.parse::<i16>().ok();
    let month = |year: i16, month: i16| Date::new(year, i8::try_from(month).ok()?, 1).ok();
    match (level, key) {
        (Level::Year, Cell::Integer(year)) => month(i16::try_from(*year).ok()?, 1),
        (Level::Year, Cell::Text(text)) => month(number(text)?, 1),
        (Level::Quarter, Cell::Text(text)) => {
            let (year, quarter) = text.split_once("-Q")?;
            month(number(year)?, number(quarter)?.checked_mul(3)?.checked_sub(2)?)
        }
        (Level::Month, Cell::Text(text)) => {
            let (year, rest) = text.split_once('-')?;
            month(number(year)?, number(rest)?)
        }
        (Level::Day | Level::Week, Cell::Text(text)) => text.parse().ok(),
        _ => None,
    }
}

/// The key of the coarser step that a key lies in, written as the compiler's SQL writes it.
pub(super) fn coarser(fine: Level, key: &Cell, coarse: Level) -> Option<Cell> {
    let day = first_day(fine, key)?;
    Some(match coarse {
        Level::Year => Cell::Integer(i64::from(day.year())),
        Level::Quarter => Cell::Text(format!("{:04}-Q{}", day.year(), (day.month() - 1) / 3 + 1)),
        Level::Month => Cell::Text(format!("{:04}-{:02}", day.year(), day.month())),
        Level::Week => Cell::Text(Unit::Week.start(day)?.to_string()),
        Level::Day => Cell::Text(day.to_string()),
        Level::DayOfWeek => Cell::Integer(i64::from(day.weekday().to_monday_one_offset())),
        Level::HourOfDay => return None,
    })
}
