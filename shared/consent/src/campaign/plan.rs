//! A campaign: what shall be sent, for which purpose, to whom and when.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use jiff::civil::DateTime;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::id::{AudienceDigest, CampaignId, Locale, PurposeId, SenderId, TemplateName};
use crate::policy::{Mode, Policy};
use crate::time::{Span, Time};

use super::audience::AudienceSummary;
use super::clearance::Clearance;
use super::verdict::CampaignVerdict;

/// How long after its start a campaign may still send: long enough for those who are asleep or were written to a day ago.
pub const SENDING_WINDOW: Span = Span::days(7);

/// How long a check is good for at the gate.
const CHECK_LIFETIME: Span = Span::hours(24);

/// A message template at Meta, in one language.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Template {
    /// Its name.
    pub name: TemplateName,
    /// Its language.
    pub language: Locale,
}

/// When a campaign starts: a moment, written with the zone or the offset that its manager thinks in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    at: Time,
    written: Box<str>,
}

/// The text is no time with a zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a time with its zone: write the offset, such as 2026-12-01T10:00:00+01:00, or the zone, such as \
     2026-12-01T10:00:00[Europe/Berlin]"
)]
pub struct InvalidSchedule;

impl Schedule {
    /// The moment.
    pub fn at(&self) -> Time {
        self.at
    }

    /// How it was written.
    pub fn as_str(&self) -> &str {
        &self.written
    }
}

impl From<Time> for Schedule {
    fn from(at: Time) -> Self {
        Self {
            at,
            written: at.to_string().into(),
        }
    }
}

impl FromStr for Schedule {
    type Err = InvalidSchedule;

    fn from_str(text: &str) -> Result<Self, InvalidSchedule> {
        let at = moment(text).ok_or(InvalidSchedule)?;
        let written = (0..=Time::MAX.unix_seconds()).contains(&at);
        written
            .then(|| Self {
                at: Time::from_unix_seconds(at),
                written: text.into(),
            })
            .ok_or(InvalidSchedule)
    }
}

/// The seconds since 1970. A time that the clocks of its zone skip, or show twice, is refused: nobody can tell which is meant.
fn moment(text: &str) -> Option<i64> {
    let Some((clock, zone)) = text.strip_suffix(']').and_then(|text| text.split_once('[')) else {
        return text.parse().ok().map(Timestamp::as_second);
    };
    let zone: crate::zone::Zone = zone.parse().ok()?;
    if let Ok(at) = clock.parse::<Timestamp>() {
        // Whoever writes both must mean the same by both.
        let shown = clock.get(..19)?.parse().ok()?;
        return (zone.clock(Time::from_unix_seconds(at.as_second()))? == shown).then(|| at.as_second());
    }
    let clock: DateTime = clock.parse().ok()?;
    zone.only_moment(clock).map(Time::unix_seconds)
}

impl Serialize for Schedule {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.written)
    }
}

impl<'de> Deserialize<'de> for Schedule {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// What a campaign is to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The purpose that contacts consented to.
    pub purpose: PurposeId,
    /// The number that sends.
    pub sender: SenderId,
    /// What it sends.
    pub template: Template,
    /// When it starts.
    pub scheduled_at: Schedule,
    /// What a verdict does, unless the policy is stricter.
    pub mode: Mode,
}

/// Why a plan cannot be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PlanFault {
    /// It starts in the past.
    #[error("the campaign would have started already; schedule it for a time to come")]
    Past,
    /// It starts in more than a year.
    #[error("the campaign is more than a year away; nobody can say what contacts will have agreed to by then")]
    TooFar,
    /// The policy has no such purpose.
    #[error("the policy has no such purpose; take one of its purposes, or publish a policy with it")]
    UnknownPurpose,
    /// The policy has no such sender.
    #[error("the policy has no such sender; write the phone number id of one of its senders")]
    UnknownSender,
    /// The sender may not send for the purpose.
    #[error("consent to this purpose does not cover messages from this sender")]
    SenderOutOfScope,
}

impl Plan {
    /// The farthest that a campaign may lie ahead.
    const FARTHEST: Span = Span::days(366);

    /// What is wrong with the plan under a policy.
    ///
    /// # Errors
    /// The first [`PlanFault`].
    pub fn check(&self, policy: &Policy, now: Time) -> Result<(), PlanFault> {
        let purpose = policy.purpose(&self.purpose).ok_or(PlanFault::UnknownPurpose)?;
        if policy.sender(&self.sender).is_none() {
            return Err(PlanFault::UnknownSender);
        }
        if !purpose.serves(&self.sender) {
            return Err(PlanFault::SenderOutOfScope);
        }
        match self.scheduled_at.at() {
            at if at <= now => Err(PlanFault::Past),
            at if at > now + Self::FARTHEST => Err(PlanFault::TooFar),
            _ => Ok(()),
        }
    }

    /// What a verdict does: the stricter of what the policy and the campaign say.
    pub fn mode(&self, policy: &Policy) -> Mode {
        self.mode.max(policy.campaigns().mode())
    }

    /// From when on nothing is sent any more.
    pub fn ends_at(&self) -> Time {
        self.scheduled_at.at() + SENDING_WINDOW
    }
}

/// A campaign as the ledger keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Campaign {
    /// Its id.
    pub id: CampaignId,
    /// What it is to do.
    pub plan: Plan,
    /// When it was registered.
    pub registered_at: Time,
    /// Who is on its audience.
    pub audience: AudienceSummary,
    /// When its first message was let go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sending_since: Option<Time>,
    /// The last check, if it was ever checked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Box<CampaignVerdict>>,
}

/// Where a campaign stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It waits for a check.
    Planned,
    /// It may send when its time comes.
    Cleared,
    /// It may not send until the cause is gone.
    Held,
    /// It may not send until somebody changes it.
    Blocked,
    /// Messages were let go.
    Sending,
    /// Its time is over.
    Over,
}

/// Why the gate lets nothing of a campaign go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotClear {
    /// It has not started.
    #[error("the campaign has not started yet: it starts at {0}")]
    NotStarted(Time),
    /// It is over.
    #[error("the campaign is over: nothing is sent after {0}; register another one")]
    Over(Time),
    /// It was never checked.
    #[error("the audience has not been checked; ask for a check, or wait for the one before the start")]
    NeverChecked,
    /// The last check is too long ago.
    #[error("the last check is more than a day old; ask for another one")]
    CheckTooOld,
    /// The policy changed after the last check.
    #[error("the policy has changed since the last check; ask for another one")]
    PolicyChanged,
    /// The audience or the plan changed after the last check.
    #[error("the audience or the campaign has changed since the last check; ask for another one")]
    AudienceChanged,
    /// It is held.
    #[error("the campaign is held; its verdict says what would release it")]
    Held,
    /// It is blocked.
    #[error("the campaign is blocked; its verdict says what has to be changed")]
    Blocked,
}

impl Campaign {
    /// A campaign without an audience.
    pub fn new(id: CampaignId, plan: Plan, now: Time) -> Self {
        Self {
            id,
            plan,
            registered_at: now,
            audience: AudienceSummary::default(),
            sending_since: None,
            verdict: None,
        }
    }

    /// Where it stands.
    pub fn state(&self, now: Time) -> State {
        if now >= self.plan.ends_at() {
            return State::Over;
        }
        if self.sending_since.is_some() {
            return State::Sending;
        }
        match self.verdict.as_ref().map(|verdict| verdict.clearance) {
            None => State::Planned,
            Some(Clearance::Cleared | Clearance::ClearedWithExclusions) => State::Cleared,
            Some(Clearance::Held) => State::Held,
            Some(Clearance::Blocked) => State::Blocked,
        }
    }

    /// Whether the plan and the audience can still be changed.
    pub fn is_open(&self, now: Time) -> bool {
        self.sending_since.is_none() && now < self.plan.ends_at()
    }

    /// Whether the gate may let anything of the campaign go.
    ///
    /// A campaign that only observes, or only warns, needs no clearance; whom it may reach is decided for each contact in every
    /// mode.
    ///
    /// # Errors
    /// Why not.
    pub fn is_clear(&self, policy: &Policy, now: Time) -> Result<(), NotClear> {
        let starts_at = self.plan.scheduled_at.at();
        if now < starts_at {
            return Err(NotClear::NotStarted(starts_at));
        }
        if now >= self.plan.ends_at() {
            return Err(NotClear::Over(self.plan.ends_at()));
        }
        if self.plan.mode(policy) != Mode::Enforce {
            return Ok(());
        }
        let verdict = self.verdict.as_ref().ok_or(NotClear::NeverChecked)?;
        if verdict.policy != policy.version() {
            return Err(NotClear::PolicyChanged);
        }
        if !self.is_described_by(verdict) {
            return Err(NotClear::AudienceChanged);
        }
        match verdict.clearance {
            Clearance::Held => return Err(NotClear::Held),
            Clearance::Blocked => return Err(NotClear::Blocked),
            Clearance::Cleared | Clearance::ClearedWithExclusions => {}
        }
        // Once messages go out, a check of the whole audience adds nothing to the decision on each contact.
        if self.sending_since.is_none() && now >= verdict.began_at + CHECK_LIFETIME {
            return Err(NotClear::CheckTooOld);
        }
        Ok(())
    }

    /// Whether a verdict is about the campaign as it is.
    pub(super) fn is_described_by(&self, verdict: &CampaignVerdict) -> bool {
        verdict.audience == self.digest() && verdict.plan == self.plan
    }

    /// The SHA-256 of the audience.
    pub fn digest(&self) -> AudienceDigest {
        self.audience.digest
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}
