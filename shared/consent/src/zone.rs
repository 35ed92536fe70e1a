//! Time zones, from the IANA database that is built in: the same wherever the same version runs.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::LazyLock;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{TimeZone, TimeZoneDatabase};

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
