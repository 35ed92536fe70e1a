//! Public holidays, as a controller lists them: each country, and many a region, has its own.

use std::fmt;
use std::str::FromStr;

use jiff::ToSpan;
use jiff::civil::{Date, date};

/// A day on which no office works. A Saturday or a Sunday need not be one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holiday {
    /// The same day of every year: `12-25`.
    Yearly {
        /// From 1 to 12.
        month: i8,
        /// From 1 to 31.
        day: i8,
    },
    /// So many days after Easter Sunday of the Western churches, or before it: `easter+1`.
    Easter(i16),
    /// The same for Easter Sunday of the Eastern churches: `orthodox-easter+1`.
    OrthodoxEaster(i16),
    /// One day of one year: `2027-05-08`.
    Once(Date),
}

/// The text names no holiday.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a holiday: write 12-25 for a day of every year, 2027-05-08 for one day, or easter+1 or orthodox-easter-2 for \
     days after or before Easter Sunday, at most 80"
)]
pub struct InvalidHoliday;

/// How far from Easter Sunday a holiday can be, in days: never in another year.
const FARTHEST: i16 = 80;

impl Holiday {
    /// Whether it is on that day.
    pub fn is_on(self, day: Date) -> bool {
        let is_after = |easter: Option<Date>, days: i16| {
            easter.and_then(|easter| easter.checked_add(i64::from(days).days()).ok()) == Some(day)
        };
        match self {
            Self::Yearly { month, day: of_month } => (day.month(), day.day()) == (month, of_month),
            Self::Easter(days) => is_after(easter(day.year()), days),
            Self::OrthodoxEaster(days) => is_after(orthodox_easter(day.year()), days),
            Self::Once(once) => once == day,
        }
    }
}

impl FromStr for Holiday {
    type Err = InvalidHoliday;

    fn from_str(text: &str) -> Result<Self, InvalidHoliday> {
        let holiday = match text.split_once("easter") {
            Some(("", days)) => Self::Easter(distance(days).ok_or(InvalidHoliday)?),
            Some(("orthodox-", days)) => Self::OrthodoxEaster(distance(days).ok_or(InvalidHoliday)?),
            Some(_) => return Err(InvalidHoliday),
            // The 29th of February is a day, too: of a leap year.
            None => match format!("2000-{text}").parse::<Date>() {
                Ok(day) => Self::Yearly {
                    month: day.month(),
                    day: day.day(),
                },
                Err(_) => Self::Once(text.parse().map_err(|_| InvalidHoliday)?),
            },
        };
        // One holiday is written in one way.
        (holiday.to_string() == text).then_some(holiday).ok_or(InvalidHoliday)
    }
}

impl fmt::Display for Holiday {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut relative = |feast: &str, days: i16| match days {
            0 => f.write_str(feast),
            days => write!(f, "{feast}{days:+}"),
        };
        match self {
            Self::Yearly { month, day } => write!(f, "{month:02}-{day:02}"),
            Self::Easter(days) => relative("easter", *days),
            Self::OrthodoxEaster(days) => relative("orthodox-easter", *days),
            Self::Once(day) => write!(f, "{day}"),
        }
    }
}

fn distance(days: &str) -> Option<i16> {
    if days.is_empty() {
        return Some(0);
    }
    let days: i16 = days.parse().ok()?;
    (-FARTHEST..=FARTHEST).contains(&days).then_some(days)
}

/// Easter Sunday of the Gregorian calendar: the Sunday after the full moon on or after the 21st of March, both as the church
/// reckons them.
fn easter(year: i16) -> Option<Date> {
    let y = i32::from(year);
    let golden = y.rem_euclid(19);
    let century = y.div_euclid(100);
    // The moon's age moves with the leap days that the centuries leave out, and with its own slow drift.
    let drift = (8 * century + 13) / 25;
    let age = (19 * golden + century - century / 4 - drift + 15).rem_euclid(30);
    let full_moon = age - i32::from(age == 29 || (age == 28 && golden > 10));
    sunday_after(march(year, 21)?, full_moon)
}

/// Easter Sunday of the Julian calendar, as a day of the Gregorian one.
fn orthodox_easter(year: i16) -> Option<Date> {
    let y = i32::from(year);
    let full_moon = (19 * y.rem_euclid(19) + 15).rem_euclid(30);
    // So many days the Julian calendar is behind.
    let behind = y.div_euclid(100) - y.div_euclid(400) - 2;
    sunday_after(march(year, 21)?, full_moon + behind)
}

fn march(year: i16, day: i8) -> Option<Date> {
    (year >= 1).then(|| date(year, 3, day))
}

/// The first Sunday that is later than so many days after that.
fn sunday_after(day: Date, days: i32) -> Option<Date> {
    let full_moon = day.checked_add(i64::from(days).days()).ok()?;
    full_moon.nth_weekday(1, jiff::civil::Weekday::Sunday).ok()
}

#[cfg(test)]
mod tests {
    use chrono::Datelike;
    use proptest::prelude::*;

    use super::*;

    fn day(year: i16, month: u32, day: u32) -> Date {
        date(year, i8::try_from(month).unwrap(), i8::try_from(day).unwrap())
    }

    proptest! {
        #[test]
        fn easter_is_when_others_reckon_it_to_be(year in 1900_i16..2300) {
            let western = computus::gregorian(i32::from(year)).unwrap();
            prop_assert_eq!(easter(year), Some(day(year, western.month, western.day)));
            // They reckon the Eastern one in the Julian calendar, which is 13 days behind from 1900 to 2100.
            prop_assume!(year < 2100);
            let eastern = computus::julian(i32::from(year)).unwrap();
            let eastern = day(year, eastern.month, eastern.day).checked_add(13.days()).unwrap();
            prop_assert_eq!(orthodox_easter(year), Some(eastern));
        }

        #[test]
        fn a_holiday_is_read_as_it_is_written(month in 1_i8..=12, of_month in 1_i8..=28, days in -80_i16..=80, year in 1970_i16..2200) {
            for holiday in [
                Holiday::Yearly { month, day: of_month },
                Holiday::Easter(days),
                Holiday::OrthodoxEaster(days),
                Holiday::Once(date(year, month, of_month)),
            ] {
                prop_assert_eq!(holiday.to_string().parse(), Ok(holiday));
            }
        }

        #[test]
        fn a_feast_after_easter_comes_once_a_year(year in 1970_i16..2200, days in -80_i16..=80) {
            let first = chrono::NaiveDate::from_ymd_opt(i32::from(year), 1, 1).unwrap();
            let all = first.iter_days().take_while(|at| at.year() == i32::from(year));
            let all: Vec<_> = all.map(|at| day(year, at.month(), at.day())).collect();
            for holiday in [Holiday::Easter(days), Holiday::OrthodoxEaster(days)] {
                prop_assert_eq!(all.iter().filter(|day| holiday.is_on(**day)).count(), 1);
            }
        }
    }

    #[test]
    fn what_is_no_holiday_is_refused() {
        for text in [
            "",
            "easter+",
            "easter+0",
            "easter+081",
            "easter+81",
            "easter 1",
            "Easter",
            "eastern",
            "13-01",
            "02-30",
            "2-3",
            "12-25 ",
            "2027-02-29",
            "western-easter",
            "christmas",
        ] {
            assert_eq!(text.parse::<Holiday>(), Err(InvalidHoliday), "{text}");
        }
        assert!("02-29".parse::<Holiday>().is_ok());
    }
}
