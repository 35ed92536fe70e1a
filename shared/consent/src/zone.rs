//! Time zones, from the IANA database that is built in: the same wherever the same version runs.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::LazyLock;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::policy::Country;
use crate::time::Time;

/// The database that is built in; the machine's own is never read.
static DATABASE: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

static BY_COUNTRY: LazyLock<BTreeMap<Country, Vec<Zone>>> = LazyLock::new(|| {
    let mut zones: BTreeMap<Country, Vec<Zone>> = BTreeMap::new();
    for name in DATABASE.available() {
        // An alias has the clock of the zone that it stands for.
        let zone = DATABASE.get(name.as_str()).ok().filter(TimeZone::is_primary);
        let country = |zone: &TimeZone| zone.location()?.country().parse().ok();
        if let Some((country, zone)) = zone.and_then(|zone| Some((country(&zone)?, zone))) {
            zones.entry(country).or_default().push(Zone(zone));
        }
    }
    zones
});

/// A time zone with a name: `Europe/Berlin`.
#[derive(Clone, PartialEq, Eq)]
pub struct Zone(TimeZone);

/// The text names no time zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a time zone: write its IANA name, such as Europe/Berlin")]
pub struct InvalidZone;

impl Zone {
    /// The zones of a country; none if it is no country.
    pub fn of(country: Country) -> &'static [Self] {
        BY_COUNTRY.get(&country).map_or(&[], Vec::as_slice)
    }

    /// The zone of those who have none.
    pub(crate) fn utc() -> Self {
        Self(TimeZone::UTC)
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        self.0.iana_name().unwrap_or("UTC")
    }

    /// What the clocks of the zone show; nothing for a moment that no clock can show.
    pub(crate) fn clock(&self, at: Time) -> Option<DateTime> {
        let at = Timestamp::from_second(at.unix_seconds()).ok()?;
        Some(self.0.to_datetime(at))
    }

    /// When the clocks of the zone show this; nothing if they never do, or do so twice.
    pub(crate) fn only_moment(&self, clock: DateTime) -> Option<Time> {
        let at = self.0.to_ambiguous_timestamp(clock).unambiguous().ok()?;
        Some(Time::from_unix_seconds(at.as_second()))
    }

    /// When the clocks of the zone show this: the first time of two, and after the gap if they never do.
    pub(crate) fn when(&self, clock: DateTime) -> Option<Time> {
        let at = self.0.to_ambiguous_timestamp(clock).compatible().ok()?;
        Some(Time::from_unix_seconds(at.as_second()))
    }
}

impl FromStr for Zone {
    type Err = InvalidZone;

    fn from_str(name: &str) -> Result<Self, InvalidZone> {
        let zone = DATABASE.get(name).map_err(|_| InvalidZone)?;
        // The database reads names in any case; one zone is written in one way.
        let written_so = zone.iana_name() == Some(name) && !zone.is_unknown();
        written_so.then_some(Self(zone)).ok_or(InvalidZone)
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Zone({self})")
    }
}

impl Serialize for Zone {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Zone {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::time::Span;

    fn zone(name: &str) -> Zone {
        name.parse().unwrap()
    }

    fn names(country: &str) -> Vec<&'static str> {
        let zones = Zone::of(country.parse().unwrap());
        zones.iter().map(Zone::as_str).collect()
    }

    fn at(text: &str) -> Time {
        text.parse().unwrap()
    }

    fn clock(text: &str) -> DateTime {
        text.parse().unwrap()
    }

    fn any_zone() -> impl Strategy<Value = Zone> {
        let zones: Vec<_> = BY_COUNTRY.values().flatten().cloned().collect();
        prop::sample::select(zones)
    }

    #[test]
    fn a_zone_has_one_name_and_nothing_else_names_it() {
        for name in ["Europe/Berlin", "America/Argentina/Buenos_Aires", "UTC"] {
            assert_eq!(zone(name).to_string(), name);
        }
        for name in [
            "",
            "Berlin",
            "Europe/Bielefeld",
            "europe/berlin",
            "Europe/Berlin ",
            "CEST",
            "+01:00",
            "Etc/Unknown",
            "posix/Europe/Berlin",
            "localtime",
        ] {
            assert_eq!(name.parse::<Zone>(), Err(InvalidZone), "{name}");
        }
    }

    #[test]
    fn a_country_has_the_zones_that_its_clocks_go_by() {
        assert_eq!(names("DE"), ["Europe/Berlin", "Europe/Busingen"]);
        assert_eq!(names("AT"), ["Europe/Vienna"]);
        assert_eq!(names("GG"), ["Europe/Guernsey"]);
        assert_eq!(names("ES"), ["Africa/Ceuta", "Atlantic/Canary", "Europe/Madrid"]);
        assert!(names("US").contains(&"Pacific/Honolulu"));
        assert!(names("RU").len() > 20);
        assert_eq!(names("ZZ"), [""; 0]);
    }

    #[test]
    fn a_clock_that_is_put_forward_or_back_is_read_as_people_read_it() {
        let berlin = zone("Europe/Berlin");
        for (shown, first) in [
            ("2026-12-01T08:00", "2026-12-01T07:00:00Z"),
            ("2026-03-29T02:30", "2026-03-29T01:30:00Z"),
            ("2026-10-25T02:30", "2026-10-25T00:30:00Z"),
        ] {
            assert_eq!(berlin.when(clock(shown)), Some(at(first)), "{shown}");
        }
        assert!(berlin.only_moment(clock("2026-12-01T08:00")).is_some());
        for not_one in ["2026-03-29T02:30", "2026-10-25T02:30"] {
            assert_eq!(berlin.only_moment(clock(not_one)), None, "{not_one}");
        }
        assert_eq!(
            berlin.clock(at("2026-03-29T01:00:00Z")),
            Some(clock("2026-03-29T03:00"))
        );
    }

    #[test]
    fn a_moment_that_no_calendar_knows_has_no_clock() {
        let beyond = Time::from_unix_seconds(i64::MAX);
        assert_eq!(zone("Europe/Berlin").clock(beyond), None);
    }

    proptest! {
        #[test]
        fn what_a_clock_shows_is_when_it_shows_it_or_when_it_first_did(
            zone in any_zone(),
            seconds in 0..=4_102_444_800_i64,
        ) {
            let now = Time::from_unix_seconds(seconds);
            let shown = zone.clock(now).unwrap();
            let first = zone.when(shown).unwrap();
            prop_assert!(first <= now && now <= first + Span::hours(3));
            prop_assert_eq!(zone.clock(first), Some(shown));
            prop_assert_eq!(zone.only_moment(shown), zone.only_moment(shown).map(|_| now));
        }

        #[test]
        fn a_zone_survives_json(zone in any_zone()) {
            let json = serde_json::to_string(&zone).unwrap();
            prop_assert_eq!(&json, &format!("\"{zone}\""));
            let read = serde_json::from_str::<Zone>(&json).unwrap();
            prop_assert_eq!(read.as_str(), zone.as_str());
        }

        #[test]
        fn no_text_makes_reading_panic(text in any::<String>()) {
            let _ = text.parse::<Zone>();
        }
    }
}
