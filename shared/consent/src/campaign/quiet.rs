//! Hours at which contacts are left alone.

use crate::policy::{Campaigns, Country, QuietHours};
use crate::time::Time;
use crate::zone::Zone;

/// How often quiet hours may follow on each other, zone by zone, before there is no end to wait for. A country with eleven
/// zones needs two rounds at most.
const ROUNDS: usize = 64;

/// Whether a message would disturb.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rest {
    /// It is quiet nowhere.
    Awake,
    /// It is quiet until then.
    Until(Time),
    /// Nobody can say when it is not quiet.
    Unknown,
}

/// Whether the contact is to be left alone. It is quiet as soon as it is quiet in one zone of one country that the contact
/// may be in.
pub(super) fn rest(countries: &[Country], rules: &Campaigns, now: Time) -> Rest {
    if countries.is_empty() && rules.has_quiet_hours() {
        return Rest::Unknown;
    }
    let quiet = || countries.iter().filter_map(|country| rules.quiet_hours(*country));
    let mut until = now;
    for _ in 0..ROUNDS {
        match quiet().find_map(|quiet| first_end(quiet, until)) {
            None if until == now => return Rest::Awake,
            None => return Rest::Until(until),
            Some(end) if end > until => until = end,
            Some(_) => return Rest::Unknown,
        }
    }
    Rest::Unknown
}

/// When the quiet hours end in one of the zones in which they last.
fn first_end(quiet: &QuietHours, at: Time) -> Option<Time> {
    let zones = std::iter::once(quiet.zone()).chain(Zone::of(quiet.country()));
    zones.into_iter().find_map(|zone| end(quiet, zone, at))
}

/// When the quiet hours end in the zone, if they last; the moment itself if no calendar knows.
fn end(quiet: &QuietHours, zone: &Zone, at: Time) -> Option<Time> {
    let Some(clock) = zone.clock(at) else {
        return Some(at);
    };
    let minute = minute_of_day(clock);
    let (from, to) = (quiet.from_minute(), quiet.to_minute());
    let is_quiet = if from < to {
        (from..to).contains(&minute)
    } else {
        minute >= from || minute < to
    };
    let ends = || {
        let day = if minute < to {
            clock.date()
        } else {
            clock.date().tomorrow().ok()?
        };
        let (hour, minute) = (i8::try_from(to / 60).ok()?, i8::try_from(to % 60).ok()?);
        zone.when(day.at(hour, minute, 0, 0))
    };
    is_quiet.then(|| ends().unwrap_or(at))
}

fn minute_of_day(clock: jiff::civil::DateTime) -> u16 {
    // Hours and minutes of a clock are never negative.
    u16::try_from(i32::from(clock.hour()) * 60 + i32::from(clock.minute())).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::policy::Policy;

    fn rules(country: &str, zone: &str, from: &str, to: &str) -> Campaigns {
        let text = include_str!("../../../../infra/policy.example.toml");
        let text = text
            .replace(
                "country = \"DE\"\nzone = \"Europe/Berlin\"",
                &format!("country = \"{country}\"\nzone = \"{zone}\""),
            )
            .replace(
                "from = 20:00:00\nto = 08:00:00",
                &format!("from = {from}:00\nto = {to}:00"),
            );
        Policy::parse(&text).unwrap().campaigns().clone()
    }

    fn at(text: &str) -> Time {
        text.parse().unwrap()
    }

    fn countries(codes: &[&str]) -> Vec<Country> {
        codes.iter().map(|code| code.parse().unwrap()).collect()
    }

    fn check(codes: &[&str], rules: &Campaigns, now: &str) -> Rest {
        rest(&countries(codes), rules, at(now))
    }

    #[test]
    fn a_night_ends_in_the_morning_of_the_contact() {
        let german = rules("DE", "Europe/Berlin", "20:00", "08:00");
        for (now, rest) in [
            ("2026-12-01T18:59:59Z", Rest::Awake),
            ("2026-12-01T19:00:00Z", Rest::Until(at("2026-12-02T07:00:00Z"))),
            ("2026-12-02T06:59:59Z", Rest::Until(at("2026-12-02T07:00:00Z"))),
            ("2026-12-02T07:00:00Z", Rest::Awake),
            ("2026-07-01T18:00:00Z", Rest::Until(at("2026-07-02T06:00:00Z"))),
            // The clocks are put forward in this night, and back in the next.
            ("2026-03-28T23:00:00Z", Rest::Until(at("2026-03-29T06:00:00Z"))),
            ("2026-10-24T23:00:00Z", Rest::Until(at("2026-10-25T07:00:00Z"))),
        ] {
            assert_eq!(check(&["DE"], &german, now), rest, "{now}");
        }
        assert_eq!(check(&["FR"], &german, "2026-12-01T23:00:00Z"), Rest::Awake);
    }

    #[test]
    fn quiet_hours_in_the_middle_of_the_day_end_on_the_same_day() {
        let siesta = rules("ES", "Europe/Madrid", "14:00", "17:00");
        // In Madrid it is one hour later than on the Canary Islands.
        assert_eq!(
            check(&["ES"], &siesta, "2026-12-01T13:30:00Z"),
            Rest::Until(at("2026-12-01T17:00:00Z"))
        );
        assert_eq!(check(&["ES"], &siesta, "2026-12-01T12:59:59Z"), Rest::Awake);
        assert_eq!(check(&["ES"], &siesta, "2026-12-01T17:00:00Z"), Rest::Awake);
    }

    #[test]
    fn where_a_country_has_several_zones_it_is_quiet_if_it_is_quiet_in_one() {
        let american = rules("US", "America/New_York", "21:00", "08:00");
        let until = Rest::Until(at("2026-12-01T18:00:00Z"));
        assert_eq!(
            check(&["US"], &american, "2026-12-01T14:00:00Z"),
            until,
            "eight in Hawaii"
        );
        assert_eq!(check(&["CA", "US"], &american, "2026-12-01T14:00:00Z"), until);
        assert_eq!(check(&["US"], &american, "2026-12-01T18:00:00Z"), Rest::Awake);
    }

    #[test]
    fn who_may_be_anywhere_is_left_alone_wherever_somebody_is() {
        let german = rules("DE", "Europe/Berlin", "20:00", "08:00");
        assert_eq!(check(&[], &german, "2026-12-01T12:00:00Z"), Rest::Unknown);
    }

    #[test]
    fn where_it_is_never_loud_everywhere_there_is_nothing_to_wait_for() {
        let russian = rules("RU", "Europe/Moscow", "10:00", "09:00");
        assert_eq!(check(&["RU"], &russian, "2026-12-01T12:00:00Z"), Rest::Unknown);
    }

    proptest! {
        #[test]
        fn the_end_is_later_and_not_quiet_and_never_too_far(
            seconds in 0..=Time::MAX.unix_seconds(),
            country in prop::sample::select(vec!["DE", "US", "RU", "KI", "NP", "AU", "FK"]),
            (from, to) in (0..1_440_u32, 0..1_440_u32).prop_filter("the same", |(from, to)| from != to),
        ) {
            let clock = |minute: u32| format!("{:02}:{:02}", minute / 60, minute % 60);
            let rules = rules(country, "Europe/Berlin", &clock(from), &clock(to));
            let (countries, now) = (countries(&[country]), Time::from_unix_seconds(seconds));
            if let Rest::Until(until) = rest(&countries, &rules, now) {
                prop_assert!(until > now);
                prop_assert_eq!(rest(&countries, &rules, until), Rest::Awake);
            }
        }
    }
}
