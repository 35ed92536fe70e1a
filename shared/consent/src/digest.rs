//! The figures of a week, for the data protection officer.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use jiff::civil::{ISOWeekDate, Weekday};
use jiff::tz::Offset;
use serde::{Serialize, Serializer};

use crate::case::{Case, CaseKind, CaseState};
use crate::contact::{Contact, Status};
use crate::evidence::{Evidence, EvidenceKind, Validity};
use crate::id::{CaseId, ContactId, EventId, PurposeId};
use crate::policy::Policy;
use crate::register::Grant;
use crate::time::{Span, Time};

/// A week of the calendar (ISO 8601, in UTC): `2026-W47`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Week {
    year: i16,
    week: i8,
    begins_at: Time,
}

/// The text names no week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a week: write its year and number as ISO 8601 has them, such as 2026-W47")]
pub struct InvalidWeek;

impl Week {
    /// The week that a time lies in.
    pub fn of(time: Time) -> Option<Self> {
        let timestamp = jiff::Timestamp::from_second(time.unix_seconds()).ok()?;
        let week = Offset::UTC.to_datetime(timestamp).date().iso_week_date();
        Self::new(week.year(), week.week())
    }

    fn new(year: i16, week: i8) -> Option<Self> {
        let monday = ISOWeekDate::new(year, week, Weekday::Monday).ok()?.date();
        let begins_at = Offset::UTC.to_timestamp(monday.at(0, 0, 0, 0)).ok()?.as_second();
        Some(Self {
            year,
            week,
            begins_at: Time::from_unix_seconds(begins_at),
        })
    }

    /// Its first moment, on a Monday.
    pub fn begins_at(&self) -> Time {
        self.begins_at
    }

    /// The first moment after it.
    pub fn ends_at(&self) -> Time {
        self.begins_at + Span::days(7)
    }

    /// Whether a time lies in it.
    pub fn contains(&self, time: Time) -> bool {
        self.begins_at <= time && time < self.ends_at()
    }
}

impl FromStr for Week {
    type Err = InvalidWeek;

    fn from_str(text: &str) -> Result<Self, InvalidWeek> {
        let week = || {
            let (year, week) = text.split_once("-W")?;
            let is_plain = |digits: &str, length| digits.len() == length && digits.bytes().all(|b| b.is_ascii_digit());
            (is_plain(year, 4) && is_plain(week, 2)).then_some(())?;
            Self::new(year.parse().ok()?, week.parse().ok()?)
        };
        week().ok_or(InvalidWeek)
    }
}

impl fmt::Display for Week {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-W{:02}", self.year, self.week)
    }
}

impl Serialize for Week {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// From being asked to having agreed: how often each happened within the week.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Funnel {
    /// Consent was asked for.
    pub requested: u64,
    /// Meta accepted the prompt.
    pub prompt_sent: u64,
    /// The prompt arrived.
    pub prompt_delivered: u64,
    /// It did not.
    pub prompt_failed: u64,
    /// The contact agreed.
    pub confirmed: u64,
    /// The contact said no.
    pub declined: u64,
    /// The contact said that it was not them.
    pub not_me: u64,
}

/// What ended consents, or may have, within the week.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Stops {
    /// The contact withdrew, or objected.
    pub withdrawn: u64,
    /// The contact stopped advertising in WhatsApp's settings.
    pub platform_stop: u64,
    /// The contact may have meant STOP, and was asked.
    pub held: u64,
    /// The number or id changed hands, or may have.
    pub invalidated: u64,
}

/// The cases: what came and went within the week, and what is open now.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Cases {
    /// Came within the week.
    pub received: u64,
    /// Ended within the week, by how.
    pub closed: BTreeMap<CaseState, u64>,
    /// Open now, those that are due first first.
    pub open: Vec<OpenCase>,
}

/// A case that is open.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct OpenCase {
    /// When its answer is due.
    pub due_at: Time,
    /// Its id.
    pub id: CaseId,
    /// What is demanded.
    pub kind: CaseKind,
    /// Where it stands.
    pub state: CaseState,
    /// Whether that is over.
    pub overdue: bool,
}

/// The figures.
#[derive(Debug, Clone, Serialize)]
pub struct Digest {
    /// The week.
    pub week: Week,
    /// From being asked to having agreed.
    pub funnel: Funnel,
    /// What ended consents.
    pub stops: Stops,
    /// How consents stand now, by purpose.
    pub standing: BTreeMap<PurposeId, BTreeMap<Status, u64>>,
    /// Confirmed consents whose evidence is not complete: nothing is sent under them.
    pub incomplete_evidence: u64,
    /// Stops that may have been missed, found out within the week.
    pub findings: u64,
    /// The cases.
    pub cases: Cases,
    /// Records that could not be read.
    pub unreadable: u64,
    #[serde(skip)]
    unproven: BTreeMap<(ContactId, EventId), Vec<(Grant, PurposeId)>>,
}

impl Digest {
    /// The figures of a week of which nothing was counted yet.
    pub fn new(week: Week) -> Self {
        Self {
            week,
            funnel: Funnel::default(),
            stops: Stops::default(),
            standing: BTreeMap::new(),
            incomplete_evidence: 0,
            findings: 0,
            cases: Cases::default(),
            unreadable: 0,
            unproven: BTreeMap::new(),
        }
    }

    /// Counts a contact as it stands now. Its events have to be counted after it.
    pub fn count_contact(&mut self, contact: &Contact, policy: &Policy, now: Time) {
        for purpose in contact.purposes_of_interest(policy) {
            let status = contact.standing(purpose, policy, now).status;
            if status == Status::None {
                continue;
            }
            let counts = self.standing.entry(purpose.clone()).or_default();
            *counts.entry(status).or_default() += 1;
            let grant = contact
                .purposes
                .get(purpose)
                .and_then(|registers| registers.granted.get());
            if let (Status::Confirmed, Some(grant)) = (status, grant) {
                let unproven = self.unproven.entry((contact.id, grant.event)).or_default();
                unproven.push((grant.clone(), purpose.clone()));
                self.incomplete_evidence += 1;
            }
        }
    }

    /// Counts an event of a contact.
    pub fn count_event(&mut self, contact: ContactId, evidence: &Evidence) {
        if let Some(grants) = self.unproven.remove(&(contact, evidence.event)) {
            let shown = grants.iter().filter(|(grant, purpose)| evidence.shows(grant, purpose));
            let shown = u64::try_from(shown.count()).unwrap_or(0);
            self.incomplete_evidence = self.incomplete_evidence.saturating_sub(shown);
        }
        if evidence.validity != Validity::Counted || !self.week.contains(evidence.recorded_at) {
            return;
        }
        let (funnel, stops) = (&mut self.funnel, &mut self.stops);
        let count = match evidence.kind {
            EvidenceKind::Requested => &mut funnel.requested,
            EvidenceKind::PromptSent => &mut funnel.prompt_sent,
            EvidenceKind::PromptDelivered => &mut funnel.prompt_delivered,
            EvidenceKind::PromptFailed => &mut funnel.prompt_failed,
            EvidenceKind::Confirmed => &mut funnel.confirmed,
            EvidenceKind::Declined => &mut funnel.declined,
            EvidenceKind::NotMe => &mut funnel.not_me,
            EvidenceKind::Withdrawn | EvidenceKind::Objected => &mut stops.withdrawn,
            EvidenceKind::PlatformStop => &mut stops.platform_stop,
            EvidenceKind::Held => &mut stops.held,
            EvidenceKind::Invalidated => &mut stops.invalidated,
            EvidenceKind::PlatformResume
            | EvidenceKind::Kept
            | EvidenceKind::ErasureRefused
            | EvidenceKind::Restricted
            | EvidenceKind::Unrestricted
            | EvidenceKind::Rectified => return,
        };
        *count += 1;
    }

    /// Counts that a stop may have been missed, which was found out then.
    pub fn count_finding(&mut self, at: Time) {
        self.findings += u64::from(self.week.contains(at));
    }

    /// Counts a case.
    pub fn count_case(&mut self, case: &Case, policy: &Policy, now: Time) {
        self.cases.received += u64::from(self.week.contains(case.received_at));
        if let Some(closed_at) = case.closed_at() {
            if self.week.contains(closed_at) {
                *self.cases.closed.entry(case.state()).or_default() += 1;
            }
            return;
        }
        let due_at = case.due_at(policy.controller(), now);
        let open = OpenCase {
            due_at,
            id: case.id,
            kind: case.kind,
            state: case.state(),
            overdue: due_at < now,
        };
        let place = self.cases.open.partition_point(|other| *other < open);
        self.cases.open.insert(place, open);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_week_begins_on_a_monday_and_belongs_to_the_year_that_has_its_thursday() {
        let time = |text: &str| text.parse::<Time>().unwrap();
        let week: Week = "2026-W53".parse().unwrap();
        assert_eq!(week.begins_at(), time("2026-12-28T00:00:00Z"));
        assert!(week.contains(time("2027-01-03T23:59:59Z")) && !week.contains(time("2027-01-04T00:00:00Z")));
        assert_eq!(Week::of(time("2027-01-01T12:00:00Z")), Some(week));
        assert_eq!(week.to_string(), "2026-W53");
        for wrong in [
            "", "2026", "2026-47", "2026-W00", "2026-W54", "2025-W53", "2026-W4", "26-W47", "2026-W+7", "2026-w47",
        ] {
            assert_eq!(wrong.parse::<Week>(), Err(InvalidWeek), "{wrong}");
        }
    }
}
