//! Time in whole seconds.

use std::fmt;
use std::ops::{Add, Sub};
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A moment in whole seconds since 1970-01-01T00:00:00Z.
///
/// Meta's webhooks carry whole seconds, so all order in the ledger is decided in whole seconds: two acts in the same
/// second cannot be ordered, and a tie resolves to the stop.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(i64);

impl Time {
    /// The last second of the year 9999, the latest that RFC 3339 can write.
    pub const MAX: Self = Self(253_402_300_799);
    /// 1970-01-01T00:00:00Z.
    pub const EPOCH: Self = Self(0);

    /// The moment so many seconds after the epoch, held within the epoch and the year 9999.
    pub const fn from_unix_seconds(seconds: i64) -> Self {
        match seconds {
            s if s < 0 => Self::EPOCH,
            s if s > Self::MAX.0 => Self::MAX,
            s => Self(s),
        }
    }

    /// Seconds since the epoch.
    pub const fn unix_seconds(self) -> i64 {
        self.0
    }

    /// How long ago `earlier` was; zero if it is later than `self`.
    pub fn since(self, earlier: Self) -> Span {
        Span(self.0.saturating_sub(earlier.0).max(0))
    }

    /// The last second of the calendar year (UTC) that the moment lies in.
    pub fn end_of_year(self) -> Self {
        let Ok(stamp) = jiff::Timestamp::from_second(self.0) else {
            return Self::MAX;
        };
        let utc = jiff::tz::Offset::UTC;
        let end = jiff::civil::date(utc.to_datetime(stamp).year(), 12, 31).at(23, 59, 59, 0);
        utc.to_timestamp(end)
            .map_or(Self::MAX, |end| Self::from_unix_seconds(end.as_second()))
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Every value lies within what jiff can hold, so the other arm is never taken.
        match jiff::Timestamp::from_second(self.0) {
            Ok(stamp) => write!(f, "{stamp}"),
            Err(_) => write!(f, "{}", self.0),
        }
    }
}

impl fmt::Debug for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The text is no RFC 3339 time in UTC between 1970 and 9999.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a time: write RFC 3339 in UTC, such as 2026-11-23T09:30:00Z")]
pub struct InvalidTime;

impl FromStr for Time {
    type Err = InvalidTime;

    fn from_str(text: &str) -> Result<Self, InvalidTime> {
        let stamp: jiff::Timestamp = text.parse().map_err(|_| InvalidTime)?;
        let seconds = stamp.as_second();
        if !(0..=Self::MAX.0).contains(&seconds) {
            return Err(InvalidTime);
        }
        Ok(Self(seconds))
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// A length of time in whole seconds, never negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span(i64);

impl Span {
    /// So many seconds.
    pub const fn seconds(seconds: u32) -> Self {
        Self(seconds as i64)
    }

    /// So many minutes.
    pub const fn minutes(minutes: u32) -> Self {
        Self(minutes as i64 * 60)
    }

    /// So many hours.
    pub const fn hours(hours: u32) -> Self {
        Self(hours as i64 * 3_600)
    }

    /// So many days of 24 hours.
    pub const fn days(days: u32) -> Self {
        Self(days as i64 * 86_400)
    }

    /// So many months of 30.44 days, the average of the Gregorian calendar rounded to whole seconds. For limits such as
    /// "18 months without use", where a day more or less does not matter; legal deadlines count calendar months.
    pub const fn months(months: u32) -> Self {
        Self(months as i64 * 2_630_016)
    }

    /// The length in seconds.
    pub const fn as_seconds(self) -> i64 {
        self.0
    }
}

impl Add<Span> for Time {
    type Output = Self;

    fn add(self, span: Span) -> Self {
        Self::from_unix_seconds(self.0.saturating_add(span.0))
    }
}

impl Sub<Span> for Time {
    type Output = Self;

    fn sub(self, span: Span) -> Self {
        Self::from_unix_seconds(self.0.saturating_sub(span.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_written_and_read_as_rfc_3339_in_utc() {
        let time = Time::from_unix_seconds(1_763_890_200);
        assert_eq!(time.to_string(), "2025-11-23T09:30:00Z");
        assert_eq!("2025-11-23T10:30:00+01:00".parse(), Ok(time));
        assert_eq!(serde_json::from_str::<Time>("\"2025-11-23T09:30:00Z\"").unwrap(), time);
        assert_eq!("yesterday".parse::<Time>(), Err(InvalidTime));
        assert_eq!("1969-12-31T23:59:59Z".parse::<Time>(), Err(InvalidTime));
    }

    #[test]
    fn no_arithmetic_leaves_the_range_that_can_be_written() {
        assert_eq!(Time::MAX + Span::days(1), Time::MAX);
        assert_eq!(Time::EPOCH - Span::days(1), Time::EPOCH);
        assert_eq!(Time::EPOCH.since(Time::MAX), Span::seconds(0));
        assert_eq!(Time::from_unix_seconds(i64::MIN), Time::EPOCH);
    }

    #[test]
    fn the_end_of_the_year_is_its_last_second() {
        let time: Time = "2026-03-01T00:00:00Z".parse().unwrap();
        assert_eq!(time.end_of_year().to_string(), "2026-12-31T23:59:59Z");
    }
}
