//! The retention schedule: one table for the purge, the policy check and the documentation.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::policy::{Keep, Policy};
use crate::suppression::HOLD;
use crate::time::{Span, Time};

/// For how long Meta repeats a delivery that was not answered (Meta's pages say 36 hours in one place and seven days in another).
pub const REDELIVERY: Span = Span::days(7);

/// How long a message of the outbox is remembered once nothing more happens to it: Meta's reports about it may still come, and
/// be repeated.
pub const MESSAGE_MEMORY: Span = Span::days(14);

/// How long a caller's idempotency key stands for its request. Whoever repeats a request does it within days.
pub const KEY_MEMORY: Span = Span::days(7);

/// How long an audience is kept once its campaign is over.
pub const AUDIENCE_MEMORY: Span = Span::days(30);

/// How long it is remembered how many people were written to in an hour: Meta counts 24 of them.
pub const USAGE_MEMORY: Span = Span::days(2);

/// How much longer than any backup the erasure register lasts.
const REGISTER_MARGIN: Span = Span::days(7);

/// What a stored record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A contact: its registers, and its sealed identity.
    Contact,
    /// The key that everything personal of one contact is sealed with.
    SubjectKey,
    /// The keyed hash under which a contact is found.
    Alias,
    /// What stays of a contact: the keyed hash with the wishes that outlive it.
    Tombstone,
    /// A contact whose removal has begun.
    Remains,
    /// One event of a contact's history.
    Evidence,
    /// A message that was decided.
    Outbox,
    /// A version of the policy.
    Policy,
    /// Which policy is in force.
    ActivePolicy,
    /// What Meta reported of an account, a number or a template.
    Health,
    /// A delivery that could not be read.
    Quarantine,
    /// What a caller's idempotency key stands for.
    Idempotency,
    /// That a contact's records must be kept.
    LegalHold,
    /// An erasure, and its certificate.
    Erasure,
    /// Who was erased lately, by keyed hash.
    ErasureRegister,
    /// The report of a purge.
    PurgeRun,
    /// What one lane of a purge has counted so far.
    PurgeTally,
    /// What a campaign is to do, and what its checks came to.
    Campaign,
    /// A check of a campaign in progress, or one worker's share of it.
    CampaignCheck,
    /// Of which parts a campaign's audience is made.
    Audience,
    /// Recipients of a campaign: ids of contacts and keyed hashes.
    AudiencePart,
    /// That a campaign's message was let go to a contact, and what became of it.
    Send,
    /// That a stop must have been missed.
    Finding,
    /// How many people were written to first in an hour.
    Usage,
    /// What somebody demanded about their data, and what became of it.
    Case,
    /// Whose case it is, by keyed hash.
    CaseLink,
    /// A copy of all that is held about somebody, until they fetch it.
    Copy,
    /// Where the purge stands.
    RetentionState,
}

/// A kind that this version has no line for. Nothing is done to such a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the retention schedule has no such kind of record")]
pub struct UnknownKind;

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 28] = [
        Self::Contact,
        Self::SubjectKey,
        Self::Alias,
        Self::Tombstone,
        Self::Remains,
        Self::Evidence,
        Self::Outbox,
        Self::Policy,
        Self::ActivePolicy,
        Self::Health,
        Self::Quarantine,
        Self::Idempotency,
        Self::LegalHold,
        Self::Erasure,
        Self::ErasureRegister,
        Self::PurgeRun,
        Self::PurgeTally,
        Self::Campaign,
        Self::CampaignCheck,
        Self::Audience,
        Self::AudiencePart,
        Self::Send,
        Self::Finding,
        Self::Usage,
        Self::Case,
        Self::CaseLink,
        Self::Copy,
        Self::RetentionState,
    ];

    /// The stable name, as it is stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Contact => "contact",
            Self::SubjectKey => "subject_key",
            Self::Alias => "alias",
            Self::Tombstone => "tombstone",
            Self::Remains => "remains",
            Self::Evidence => "evidence",
            Self::Outbox => "outbox",
            Self::Policy => "policy",
            Self::ActivePolicy => "active_policy",
            Self::Health => "health",
            Self::Quarantine => "quarantine",
            Self::Idempotency => "idempotency",
            Self::LegalHold => "legal_hold",
            Self::Erasure => "erasure",
            Self::ErasureRegister => "erasure_register",
            Self::PurgeRun => "purge_run",
            Self::PurgeTally => "purge_tally",
            Self::Campaign => "campaign",
            Self::CampaignCheck => "campaign_check",
            Self::Audience => "audience",
            Self::AudiencePart => "audience_part",
            Self::Send => "send",
            Self::Finding => "finding",
            Self::Usage => "usage",
            Self::Case => "case",
            Self::CaseLink => "case_link",
            Self::Copy => "copy",
            Self::RetentionState => "retention_state",
        }
    }

    /// What it holds about a person; none if it holds nothing about anybody.
    pub const fn personal_data(self) -> Option<&'static str> {
        match self {
            Self::Contact => Some(
                "phone number and WhatsApp id, sealed; language; how every consent stands and since when; what the person does not \
                 want; when they were last written to and last wrote",
            ),
            Self::SubjectKey => Some("the key that seals the data of one person"),
            Self::Alias => Some("a keyed hash of a number or id"),
            Self::Tombstone => Some("a keyed hash of a number or id, with what its owner does not want"),
            Self::Remains => Some("where records of a person lie who is being removed"),
            Self::Evidence => Some(
                "what happened, when, from where and how it was expressed; words of consent and of its end, sealed; the signed \
                 delivery's fingerprint",
            ),
            Self::Outbox => Some("that a message to the person was decided, and what became of it"),
            Self::Quarantine => {
                Some("a delivery that could not be read, sealed, with keyed hashes of whom it mentions")
            }
            Self::Idempotency => Some("keyed hashes of a request of the controller's own systems"),
            Self::LegalHold => Some("that the law wants a person's data, and why, sealed"),
            Self::ErasureRegister => Some("keyed hashes of the numbers and ids of people who were erased lately"),
            Self::AudiencePart => {
                Some("keyed hashes of the people whom a campaign is meant for, and what the caller calls them, sealed")
            }
            Self::Send => Some("that a campaign's message was allowed, by what, and what became of it"),
            Self::Finding => Some("that a stop may have been missed"),
            Self::Case => Some(
                "what the person demanded about their data and what became of it; who they are and what was noted, sealed",
            ),
            Self::CaseLink => Some("a keyed hash of a number or id that leads to a case"),
            Self::Copy => Some("a copy of all of the above, sealed"),
            Self::Policy
            | Self::ActivePolicy
            | Self::Health
            | Self::Erasure
            | Self::PurgeRun
            | Self::PurgeTally
            | Self::Campaign
            | Self::CampaignCheck
            | Self::Audience
            | Self::Usage
            | Self::RetentionState => None,
        }
    }

    /// When a record of this kind is due whose time runs from that moment; none if its kind alone does not say it, as with a
    /// contact, or if it is kept.
    pub fn due_at(self, from: Time, policy: &Policy) -> Option<Time> {
        let mut of_this_kind = schedule().iter().filter(|line| line.kind == self);
        match (of_this_kind.next()?.after, of_this_kind.next()) {
            (after, None) => after.until(from, policy),
            (_, Some(_)) => None,
        }
    }

    /// Whether deleting the item is all there is to do when it is due, so that DynamoDB's own expiry may do it as well, should the
    /// purge fail to.
    pub const fn may_expire(self) -> bool {
        match self {
            Self::Idempotency
            | Self::LegalHold
            | Self::Erasure
            | Self::PurgeRun
            | Self::Usage
            | Self::Copy
            | Self::Tombstone => true,
            // Something else goes with them, or a legal hold has to be looked at.
            Self::Contact
            | Self::SubjectKey
            | Self::Alias
            | Self::Remains
            | Self::Evidence
            | Self::Outbox
            | Self::Quarantine
            | Self::ErasureRegister
            | Self::PurgeTally
            | Self::Campaign
            | Self::CampaignCheck
            | Self::Audience
            | Self::AudiencePart
            | Self::Send
            | Self::Finding
            | Self::Case
            | Self::CaseLink
            // They are kept.
            | Self::Policy
            | Self::ActivePolicy
            | Self::Health
            | Self::RetentionState => false,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Kind {
    type Err = UnknownKind;

    fn from_str(name: &str) -> Result<Self, UnknownKind> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.as_str() == name)
            .ok_or(UnknownKind)
    }
}

impl Serialize for Kind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Kind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        name.parse().map_err(serde::de::Error::custom)
    }
}

/// A period that the policy sets, within a hard limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Setting {
    /// A request that was never confirmed.
    Unconfirmed,
    /// That a contact said no.
    Declined,
    /// That a contact said "that wasn't me".
    NotMe,
    /// The proof of a consent after its end.
    Proof,
    /// A stop.
    Suppression,
    /// That a message was allowed or denied.
    Decision,
    /// A rights case, from its closing on.
    Case,
    /// A package of data made for a contact.
    Export,
    /// A delivery that could not be read.
    Quarantine,
    /// The report of a purge, and the certificate of an erasure.
    PurgeRun,
    /// How far back the tables can be restored.
    Backup,
}

/// The unit that a period is counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    Days,
    Months,
    Years,
}

impl Setting {
    /// Every setting, in the order in which a policy lists them.
    pub const ALL: [Self; 11] = [
        Self::Unconfirmed,
        Self::Declined,
        Self::NotMe,
        Self::Proof,
        Self::Suppression,
        Self::Decision,
        Self::Case,
        Self::Export,
        Self::Quarantine,
        Self::PurgeRun,
        Self::Backup,
    ];

    /// Its key in the policy's table `retention`.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Unconfirmed => "unconfirmed_days",
            Self::Declined => "declined_months",
            Self::NotMe => "not_me_months",
            Self::Proof => "proof_years",
            Self::Suppression => "suppression_years",
            Self::Decision => "decision_years",
            Self::Case => "case_years",
            Self::Export => "export_days",
            Self::Quarantine => "quarantine_days",
            Self::PurgeRun => "purge_run_years",
            Self::Backup => "backup_days",
        }
    }

    /// What it is where the policy says nothing.
    pub const fn default(self) -> u32 {
        match self {
            Self::Unconfirmed | Self::Export | Self::Backup => 7,
            Self::Declined => 6,
            Self::NotMe => 12,
            Self::Proof | Self::Suppression | Self::Decision | Self::Case | Self::PurgeRun => 3,
            Self::Quarantine => 14,
        }
    }

    /// What it must lie within. What serves the person has a least, what burdens them a most.
    pub const fn limits(self) -> RangeInclusive<u32> {
        match self {
            Self::Unconfirmed | Self::Quarantine => 1..=14,
            Self::Declined => 1..=6,
            Self::NotMe => 1..=12,
            Self::Proof | Self::Decision | Self::Case | Self::PurgeRun => 1..=3,
            Self::Suppression => 3..=100,
            Self::Export => 1..=7,
            Self::Backup => 1..=35,
        }
    }

    const fn unit(self) -> Unit {
        match self {
            Self::Unconfirmed | Self::Export | Self::Quarantine | Self::Backup => Unit::Days,
            Self::Declined | Self::NotMe => Unit::Months,
            Self::Proof | Self::Suppression | Self::Decision | Self::Case | Self::PurgeRun => Unit::Years,
        }
    }

    /// So many of the unit that the setting is counted in.
    pub const fn of(self, number: u32) -> Keep {
        match self.unit() {
            Unit::Days => Keep::Days(number),
            Unit::Months => Keep::Months(number),
            Unit::Years => Keep::Years(number),
        }
    }
}

/// When a record is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum After {
    /// So long as the policy says after something.
    Setting(Setting, &'static str),
    /// The policy's period after something, and on to the end of that calendar year (UTC).
    EndOfYear(Setting, &'static str),
    /// So long after something, whatever the policy says.
    Fixed(Span, &'static str),
    /// So long after everything in the backups is older.
    Backups(Span),
    /// At the time that the record itself names.
    Stated,
    /// Together with another record.
    With(Kind),
    /// At once: it is there only until it is dealt with.
    AtOnce,
    /// Never.
    Never,
}

impl After {
    fn until(self, from: Time, policy: &Policy) -> Option<Time> {
        let keep = |setting| policy.retention().keep(setting).until(from);
        match self {
            Self::Setting(setting, _) => Some(keep(setting)),
            Self::EndOfYear(setting, _) => Some(keep(setting).end_of_year()),
            Self::Fixed(span, _) => Some(from + span),
            Self::Backups(span) => Some(keep(Setting::Backup) + span),
            Self::Stated | Self::AtOnce => Some(from),
            Self::With(_) | Self::Never => None,
        }
    }

    /// When it is, by that policy, for people.
    pub fn by(self, policy: &Policy) -> String {
        let keep = |setting| policy.retention().keep(setting);
        match self {
            Self::Setting(setting, event) => format!("{} after {event}", keep(setting)),
            Self::EndOfYear(setting, event) => {
                format!("{} after {event}, to the end of the calendar year", keep(setting))
            }
            Self::Backups(span) => format!(
                "{} days after every backup is younger than the erasure ({})",
                span.as_seconds() / 86_400,
                keep(Setting::Backup)
            ),
            Self::Fixed(..) | Self::Stated | Self::With(_) | Self::AtOnce | Self::Never => self.to_string(),
        }
    }
}

impl fmt::Display for After {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Setting(setting, event) => write!(f, "{} after {event} (`{}`)", Period(*setting), setting.key()),
            Self::EndOfYear(setting, event) => write!(
                f,
                "{} after {event}, to the end of the calendar year (`{}`)",
                Period(*setting),
                setting.key()
            ),
            Self::Fixed(span, event) => {
                let hours = span.as_seconds() / 3_600;
                if hours > 72 {
                    write!(f, "{} days after {event}", hours / 24)
                } else {
                    write!(f, "{hours} hours after {event}")
                }
            }
            Self::Backups(span) => write!(
                f,
                "{} days after every backup is younger than the erasure (`{}`)",
                span.as_seconds() / 86_400,
                Setting::Backup.key()
            ),
            Self::Stated => f.write_str("at the time it names"),
            Self::With(kind) => write!(f, "with the {kind} it belongs to"),
            Self::AtOnce => f.write_str("at once"),
            Self::Never => f.write_str("never"),
        }
    }
}

/// A setting's default with its hard limit, for people.
struct Period(Setting);

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = match self.0.unit() {
            Unit::Days => "days",
            Unit::Months => "months",
            Unit::Years => "years",
        };
        let (least, most) = self.0.limits().into_inner();
        let default = self.0.default();
        if self.0 == Setting::Suppression {
            write!(f, "{default} {unit} (at least {least})")
        } else {
            write!(f, "{default} {unit} (at most {most})")
        }
    }
}

/// What is done with a record that is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Then {
    /// It is deleted.
    Delete,
    /// It is reduced to a keyed hash, which says no more than what must outlive it.
    Reduce,
    /// It becomes a withdrawal, unless it was answered; then it ends.
    WithdrawOrEnd,
    /// Nothing: it is kept.
    Keep,
}

impl fmt::Display for Then {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Delete => "deleted",
            Self::Reduce => "reduced to a keyed hash",
            Self::WithdrawOrEnd => "a withdrawal; ended, if it was answered",
            Self::Keep => "kept",
        })
    }
}

/// One line of the schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line {
    /// What is stored.
    pub kind: Kind,
    /// What of it the line is about, for people.
    pub what: &'static str,
    /// When it is due.
    pub after: After,
    /// What is done then.
    pub then: Then,
    /// Why it is kept so long and no longer.
    pub why: &'static str,
}

/// Every kind of record that can be stored, with how long it is kept and why.
pub const fn schedule() -> &'static [Line] {
    &SCHEDULE
}

macro_rules! lines {
    ($($kind:ident: $what:literal, $after:expr, $then:ident, $why:literal;)*) => {
        [$(Line { kind: Kind::$kind, what: $what, after: $after, then: Then::$then, why: $why }),*]
    };
}

static SCHEDULE: [Line; 33] = lines! {
    Contact: "a request that nobody confirmed", After::Setting(Setting::Unconfirmed, "the request"), Delete,
        "Nobody consented, so nothing justifies keeping it (Art. 17(1)(a) GDPR). It is never due while its prompt can be answered.";
    Contact: "a refusal or a stop by somebody who had not consented", After::Fixed(REDELIVERY, "it"), Reduce,
        "Until then Meta may deliver it again. After that, the keyed hash is all that is needed to respect it.";
    Contact: "a consent with its proof", After::EndOfYear(Setting::Proof, "it ended by withdrawal, lapse or invalidation"), Reduce,
        "The controller must be able to demonstrate it (Art. 7(1) GDPR, EDPB Guidelines 05/2020 §107) until claims are barred (§§ 195, 199 BGB).";
    Contact: "words that may have meant STOP, without an answer", After::Fixed(HOLD, "them"), WithdrawOrEnd,
        "Silence after marketing is taken for a stop. A late delivery may still bring the answer within seven more days.";
    SubjectKey: "the key of one contact", After::With(Kind::Contact), Delete,
        "Without it nobody can read what it sealed, in backups either.";
    Alias: "a keyed hash of a number or id", After::With(Kind::Contact), Reduce,
        "It stays as a tombstone where a stop must outlive the contact; else it is deleted.";
    Tombstone: "that somebody said no", After::Setting(Setting::Declined, "they said it"), Delete,
        "Not to ask again too soon.";
    Tombstone: "that somebody said \"that wasn't me\"", After::Setting(Setting::NotMe, "they said it"), Delete,
        "Not to ask again too soon.";
    Tombstone: "a stop, an objection or an erasure", After::Setting(Setting::Suppression, "it, and as long as the policy has marketing"), Delete,
        "Who said stop must not be written to again (Art. 21(3) GDPR); only the keyed hash can tell.";
    Remains: "a contact whose removal has begun", After::AtOnce, Delete,
        "It cannot be read any more. The purge finishes what was interrupted.";
    Evidence: "one event, without the words after the contact's key is gone", After::With(Kind::Contact), Reduce,
        "It goes with the contact. Where another consent of the contact lives on, it is reduced to its link in the chain when the consents it is about are due.";
    Outbox: "a message to a contact, or a step of their case", After::Fixed(MESSAGE_MEMORY, "nothing more happens to it"), Delete,
        "Meta reports what became of it, and repeats its reports for up to seven days.";
    Quarantine: "a delivery that could not be read, sealed", After::Setting(Setting::Quarantine, "it came"), Delete,
        "To repair what it may have carried, a stop for instance.";
    Idempotency: "what a caller's idempotency key stands for, two keyed hashes", After::Fixed(KEY_MEMORY, "its first use"), Delete,
        "To tell a repetition from another request.";
    LegalHold: "that a contact's records must be kept, with the sealed reason", After::Stated, Delete,
        "A hold ends by itself (Art. 17(3)(e) GDPR covers no more than the claim).";
    Erasure: "the certificate of an erasure, without identifiers", After::Setting(Setting::PurgeRun, "it was done"), Delete,
        "Proof that a request was fulfilled (Art. 5(2) GDPR).";
    ErasureRegister: "who was erased lately, as keyed hashes", After::Backups(REGISTER_MARGIN), Delete,
        "To erase again what a restored backup brings back.";
    PurgeRun: "the report of a purge, without personal data", After::Setting(Setting::PurgeRun, "it began"), Delete,
        "Proof of deletion (Art. 5(2) GDPR).";
    PurgeTally: "what a purge in progress has counted", After::With(Kind::PurgeRun), Delete,
        "It is summed up in the report.";
    Campaign: "a campaign with its verdicts", After::Setting(Setting::Decision, "its end"), Delete,
        "Proof of what was known before it was sent (Art. 5(2) GDPR). It names no person.";
    CampaignCheck: "a check in progress", After::With(Kind::Campaign), Delete,
        "It is summed up in the verdict.";
    Audience: "of which parts an audience is made", After::Fixed(AUDIENCE_MEMORY, "the campaign's end"), Delete,
        "To say who was left out and why, while anybody asks.";
    AudiencePart: "recipients, as ids and keyed hashes with the caller's sealed references", After::With(Kind::Audience), Delete,
        "A list of recipients has no use once the campaign is over (Art. 5(1)(e) GDPR).";
    Send: "that a message was let go to a contact", After::Setting(Setting::Decision, "it"), Delete,
        "Proof of lawful use (Art. 5(2) GDPR). It goes with the contact if that goes before.";
    Finding: "that a stop must have been missed", After::Setting(Setting::Decision, "it"), Delete,
        "To find out why (Art. 5(2) and 32(1)(d) GDPR). It goes with the contact if that goes before.";
    Usage: "how many people were written to first in an hour", After::Fixed(USAGE_MEMORY, "that hour"), Delete,
        "To stay within Meta's messaging limit. It names no person.";
    Case: "what somebody demanded about their data, with their sealed number and what was written about it", After::Setting(Setting::Case, "it was closed"), Delete,
        "To show that it was answered, and in time (Art. 5(2) and 12(3) GDPR). When the person is erased, what is sealed goes at once.";
    CaseLink: "whose case it is, a keyed hash", After::With(Kind::Case), Delete,
        "To find the cases of a person.";
    Policy: "a version of the policy", After::Never, Keep,
        "It holds the wording that consents were given to, and no personal data.";
    ActivePolicy: "which policy is in force", After::Never, Keep,
        "It names a version, and no person.";
    Health: "what Meta reported of an account, a number or a template", After::Never, Keep,
        "A newer report takes its place; it is about no person.";
    Copy: "a copy of all that is held about somebody, sealed", After::Setting(Setting::Export, "it was made"), Delete,
        "So long the person can fetch it. It is made again when they ask again.";
    RetentionState: "where the purge stands", After::Never, Keep,
        "One item, about no person.";
};
