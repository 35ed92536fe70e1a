//! When an answer is due.
//!
//! A period of months ends with the last hour of the day that has the number of the day on which it began, or of the month's
//! last day if there is none such. If that day is a Saturday, a Sunday or a public holiday, it ends with the next working day
//! (Regulation (EEC, Euratom) No 1182/71, Art. 3(2)(c) and (4); EDPB Guidelines 01/2022, no. 158 to 160).

use jiff::ToSpan;
use jiff::civil::{Date, Weekday};

use crate::policy::Controller;
use crate::time::{Span, Time};
use crate::zone::Zone;

use super::holiday::Holiday;

/// The last second of a period of so many months that begins with a moment, where the controller is. In a country with several
/// time zones it is the earliest of all.
pub fn end_of_months(from: Time, months: u32, controller: &Controller) -> Time {
    let zones = Zone::of(controller.country());
    let ends = zones
        .iter()
        .map(|zone| end_in(zone, from, months, controller.public_holidays()));
    // Where no zone is known the day is UTC's.
    ends.min()
        .unwrap_or_else(|| end_in(&Zone::utc(), from, months, controller.public_holidays()))
}

fn end_in(zone: &Zone, from: Time, months: u32, holidays: &[Holiday]) -> Time {
    let last_second = || {
        let began = zone.clock(from)?.date();
        let last = began.checked_add(i64::from(months).months()).ok()?;
        let next = working_day(last, holidays)?.tomorrow().ok()?;
        Some(zone.when(next.at(0, 0, 0, 0))? - Span::seconds(1))
    };
    last_second().unwrap_or(Time::MAX)
}

/// That day, or the first working day after it.
fn working_day(mut day: Date, holidays: &[Holiday]) -> Option<Date> {
    let rests = |day: Date| {
        matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday)
            || holidays.iter().any(|holiday| holiday.is_on(day))
    };
    while rests(day) {
        day = day.tomorrow().ok()?;
    }
    Some(day)
}
