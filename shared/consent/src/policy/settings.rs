//! Numbers: how often to ask, how long to keep, how campaigns are checked.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::retention::Setting;
use crate::time::{Span, Time};
use crate::zone::Zone;

use super::controller::Country;
use super::document::{Node, Table};

/// How contacts are asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prompting {
    pub(super) token_lifetime: Span,
    pub(super) prompts_per_day: u32,
}

impl Prompting {
    /// How long a prompt can be answered.
    pub fn token_lifetime(&self) -> Span {
        self.token_lifetime
    }

    /// The most prompts to one contact within 24 hours.
    pub fn prompts_per_day(&self) -> u32 {
        self.prompts_per_day
    }
}

/// How long something is kept, counted in the calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// Days of 24 hours.
    Days(u32),
    /// Calendar months.
    Months(u32),
    /// Calendar years.
    Years(u32),
}

impl Keep {
    /// The moment until which something is kept that ended at `from`.
    pub fn until(self, from: Time) -> Time {
        let span = match self {
            Self::Days(days) => return from + Span::days(days),
            Self::Months(months) => jiff::Span::new().try_months(months),
            Self::Years(years) => jiff::Span::new().try_years(years),
        };
        let utc = jiff::tz::Offset::UTC;
        let until = || {
            let from = jiff::Timestamp::from_second(from.unix_seconds()).ok()?;
            let until = utc.to_datetime(from).checked_add(span.ok()?).ok()?;
            utc.to_timestamp(until).ok()
        };
        until().map_or(Time::MAX, |until| Time::from_unix_seconds(until.as_second()))
    }
}

impl fmt::Display for Keep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (number, one, many) = match self {
            Self::Days(number) => (number, "day", "days"),
            Self::Months(number) => (number, "month", "months"),
            Self::Years(number) => (number, "year", "years"),
        };
        write!(f, "{number} {}", if *number == 1 { one } else { many })
    }
}

/// How long each kind of record is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retention([(Setting, Keep); Setting::ALL.len()]);

impl Retention {
    /// How long the policy keeps something.
    pub fn keep(&self, setting: Setting) -> Keep {
        let Self(periods) = self;
        periods
            .iter()
            .find(|(which, _)| *which == setting)
            .map_or(setting.of(setting.default()), |(_, keep)| *keep)
    }

    /// When the proof of a consent is due that ended (withdrawn, lapsed or invalidated) at `ended`: the end of the
    /// calendar year, as German limitation periods run (BGB § 199).
    pub fn proof_until(&self, ended: Time) -> Time {
        self.keep(Setting::Proof).until(ended).end_of_year()
    }
}

/// How campaigns are checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Campaigns {
    pub(super) mode: Mode,
    pub(super) look_ahead: Span,
    pub(super) denied_share_percent: u32,
    pub(super) quiet_hours: Vec<QuietHours>,
    pub(super) health_lifetime: Span,
}

impl Campaigns {
    /// What a verdict does.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// How long before its start a campaign is checked.
    pub fn look_ahead(&self) -> Span {
        self.look_ahead
    }

    /// A campaign is held when more than this share of its audience, in percent, is denied.
    pub fn denied_share_percent(&self) -> u32 {
        self.denied_share_percent
    }

    /// When contacts in a country are left alone, if anything is said about the country.
    pub fn quiet_hours(&self, country: Country) -> Option<&QuietHours> {
        self.quiet_hours.iter().find(|quiet| quiet.country == country)
    }

    /// Whether there is a country whose contacts are left alone at times.
    pub fn has_quiet_hours(&self) -> bool {
        !self.quiet_hours.is_empty()
    }

    /// For how long what Meta said of the account and the template is believed.
    pub fn health_lifetime(&self) -> Span {
        self.health_lifetime
    }
}

/// What a campaign verdict does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// It is recorded.
    Observe,
    /// It is recorded and raises an alarm.
    Warn,
    /// It decides.
    Enforce,
}

/// When contacts in a country are left alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuietHours {
    pub(super) country: Country,
    pub(super) zone: Zone,
    pub(super) from_minute: u16,
    pub(super) to_minute: u16,
}

impl QuietHours {
    /// The country.
    pub fn country(&self) -> Country {
        self.country
    }

    /// The time zone that the hours are told in.
    pub fn zone(&self) -> &Zone {
        &self.zone
    }

    /// The first quiet minute of the day, 0 to 1439.
    pub fn from_minute(&self) -> u16 {
        self.from_minute
    }

    /// The first minute that is not quiet any more, 0 to 1439; before `from_minute` where the night lies between.
    pub fn to_minute(&self) -> u16 {
        self.to_minute
    }
}

impl Prompting {
    pub(super) fn read(table: &Table<'_>) -> Option<Self> {
        let hours = table.read_or("token_hours", 72, |node| node.number(1..=72));
        let prompts_per_day = table.read_or("prompts_per_day", 3, |node| node.number(1..=10));
        table.finish();
        Some(Self {
            token_lifetime: Span::hours(hours?),
            prompts_per_day: prompts_per_day?,
        })
    }
}

impl Retention {
    pub(super) fn read(table: &Table<'_>) -> Option<Self> {
        // All are read before the first fault ends it, so that every fault is named.
        let periods = Setting::ALL.map(|setting| {
            let number = table.read_or(setting.key(), setting.default(), |node| node.number(setting.limits()));
            number.map(|number| (setting, setting.of(number)))
        });
        table.finish();
        let periods: Vec<_> = periods.into_iter().collect::<Option<_>>()?;
        periods.try_into().ok().map(Self)
    }
}

impl Campaigns {
    pub(super) fn read(table: &Table<'_>) -> Option<Self> {
        let modes = [
            ("observe", Mode::Observe),
            ("warn", Mode::Warn),
            ("enforce", Mode::Enforce),
        ];
        let mode = table.read_or("mode", Mode::Enforce, |node| node.one_of(&modes));
        let hours = table.read_or("look_ahead_hours", 24, |node| node.number(1..=168));
        let denied_share_percent = table.read_or("denied_share_percent", 20, |node| node.number(1..=100));
        let health_days = table.read_or("health_days", 30, |node| node.number(1..=90));
        let quiet_hours = table.read_or("quiet_hours", Vec::new(), |node| {
            let quiet_hours = node.list_of(QuietHours::read)?;
            node.distinct(&quiet_hours.iter().map(QuietHours::country).collect::<Vec<_>>());
            Some(quiet_hours)
        });
        table.finish();
        Some(Self {
            mode: mode?,
            look_ahead: Span::hours(hours?),
            denied_share_percent: denied_share_percent?,
            quiet_hours: quiet_hours?,
            health_lifetime: Span::days(health_days?),
        })
    }
}

impl QuietHours {
    fn read(node: &Node<'_>) -> Option<Self> {
        let table = node.table()?;
        let country = table.need("country").and_then(|node| node.parsed());
        let zone = table.need("zone").and_then(|node| node.parsed());
        let from_minute = table.need("from").and_then(|node| node.minute_of_day());
        let to_minute = table.need("to").and_then(|node| node.minute_of_day());
        table.finish();
        let quiet = Self {
            country: country?,
            zone: zone?,
            from_minute: from_minute?,
            to_minute: to_minute?,
        };
        if quiet.from_minute == quiet.to_minute {
            node.fault("from and to are the same");
        }
        Some(quiet)
    }
}
