//! The copy: all that is held about one person, as they get it (Art. 15 and 20 GDPR).
//!
//! It holds everything that it speaks of, so that it can be read, checked and given another form without the ledger: each event
//! with its exact text and the links around it, and each notice with the words that the person was shown. Whoever has the chain's
//! key can verify it ([`Copy::verify`]).

mod parts;
mod verify;

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::case::CaseKind;
use crate::contact::Contact;
use crate::evidence::{ChainHead, Chained, Link};
use crate::id::{CaseId, ContactId, Locale};
use crate::policy::Policy;
use crate::retention::Kind;
use crate::time::Time;

pub use parts::{
    AuthorityPart, ConsentPart, ControllerPart, NoticePart, OfficerPart, PromptPart, RetentionPart, SuppressionPart,
};
pub use verify::{Finding, Verified};

/// The version of the structure.
pub const COPY_SCHEMA: u32 = 1;

/// The structure, as JSON Schema (2020-12).
pub const JSON_SCHEMA: &str = include_str!("../../schema/copy.schema.json");

/// All that is held about one person.
#[derive(Clone, Serialize, Deserialize)]
pub struct Copy {
    /// [`COPY_SCHEMA`].
    pub schema: u32,
    /// When it was made: it says how things stood then.
    pub made_at: Time,
    /// What was demanded.
    pub demanded: Demanded,
    /// The person's language, as far as it is known.
    pub locale: Locale,
    /// Who is answerable.
    pub controller: ControllerPart,
    /// Whom the person can complain to.
    pub supervisory_authority: AuthorityPart,
    /// Who the person is.
    pub person: PersonPart,
    /// How things stand with each purpose that consent can be given to.
    pub consents: Vec<ConsentPart>,
    /// What forbids, or forbade, messages besides.
    pub suppressions: Vec<SuppressionPart>,
    /// All that happened, the oldest first.
    pub events: Vec<EventPart>,
    /// Where the chain of events ends; none if the person is no contact.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chain: Option<ChainHead>,
    /// What the person was told, each notice that an event or a consent names.
    pub notices: Vec<NoticePart>,
    /// What else is held, record by record.
    pub records: Vec<HeldRecord>,
    /// Who else receives the data.
    pub recipients: Vec<String>,
    /// What leaves the European Economic Area, and by what safeguard.
    pub transfers: String,
    /// How long each kind of record is kept.
    pub retention: Vec<RetentionPart>,
    /// Whether anything is decided about the person by a machine alone (Art. 22): nothing is.
    pub automated_decisions: bool,
}

/// The demand that a copy answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Demanded {
    /// The case.
    pub case: CaseId,
    /// What kind it is.
    pub kind: CaseKind,
    /// When it was received.
    pub received_at: Time,
}

/// Who the person is.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonPart {
    /// The id that the person has here; none if they are no contact.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact_id: Option<ContactId>,
    /// The phone number, with `+`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// The id by which WhatsApp names the person to this business.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bsuid: Option<String>,
}

/// One event: its text exactly as it is chained, or its place in the chain where nothing else may be kept of it any more.
#[derive(Clone, Serialize, Deserialize)]
pub struct EventPart {
    /// Its place in the chain, from 1; none if it cannot be read.
    pub sequence: Option<u64>,
    /// The record, byte for byte.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub record: Option<Box<RawValue>>,
    /// What the person wrote, as far as it was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub words: Option<String>,
    /// The link before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<Link>,
    /// The link that it makes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<Link>,
    /// The proof that it was reduced by the ledger.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reduction: Option<Link>,
}

impl EventPart {
    /// The event as it lies in the chain; none of it where it cannot be read.
    pub fn new(sequence: Option<u64>, chained: Option<Chained>, words: Option<String>) -> Self {
        let unread = Self {
            sequence,
            record: None,
            words,
            previous: None,
            link: None,
            reduction: None,
        };
        match chained {
            None => unread,
            Some(Chained::Whole(record)) => Self {
                previous: Some(record.previous),
                link: Some(record.link),
                record: RawValue::from_string(record.record).ok(),
                ..unread
            },
            Some(Chained::Reduced(record)) => Self {
                sequence: Some(record.sequence),
                previous: Some(record.previous),
                link: Some(record.link),
                reduction: Some(record.reduction),
                ..unread
            },
        }
    }
}

/// One record of the tables, in its own words.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldRecord {
    /// What it is.
    pub kind: Kind,
    /// Until when it is kept, if it says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept_until: Option<Time>,
    /// What it says. What is sealed in the tables is opened here, unless it may be about others.
    pub says: serde_json::Value,
}

/// What the ledger holds about a person.
#[derive(Clone)]
pub struct Held {
    /// Who they are.
    pub person: PersonPart,
    /// Their registers, if they are a contact.
    pub contact: Option<Contact>,
    /// Their events.
    pub events: Vec<EventPart>,
    /// All else.
    pub records: Vec<HeldRecord>,
}

impl Copy {
    /// The copy of what is held. `policies` are those that events name, with the one in force first; without any there is no copy.
    pub fn new(held: Held, demanded: Demanded, policies: &[&Policy], now: Time) -> Option<Self> {
        let policy = *policies.first()?;
        let contact = held.contact.as_ref();
        let locale = contact
            .and_then(|contact| contact.locale.get())
            .map_or_else(|| policy.default_locale().clone(), |(_, locale)| locale.clone());
        let notices = parts::notices(contact, &held.events, policies);
        let consents = contact.map_or_else(Vec::new, |contact| parts::consents(contact, policy, &locale, now));
        let mut recipients: Vec<String> = notices.iter().flat_map(|notice| notice.recipients.clone()).collect();
        if recipients.is_empty() {
            recipients = policy.recipients(&locale, now);
        }
        recipients.sort_unstable();
        recipients.dedup();
        Some(Self {
            schema: COPY_SCHEMA,
            made_at: now,
            demanded,
            controller: ControllerPart::of(policy),
            supervisory_authority: AuthorityPart::of(policy),
            person: held.person,
            consents,
            suppressions: contact.map_or_else(Vec::new, |contact| parts::suppressions(contact, now)),
            chain: contact.map(|contact| contact.chain),
            events: held.events,
            notices,
            records: held.records,
            recipients,
            transfers: policy.rights().transfers(&locale).to_owned(),
            retention: parts::retention(policy),
            automated_decisions: false,
            locale,
        })
    }

    /// The records of one kind.
    pub fn of_kind(&self, kind: Kind) -> impl Iterator<Item = &HeldRecord> {
        self.records.iter().filter(move |record| record.kind == kind)
    }
}

macro_rules! redacted {
    ($($name:ident),*) => {
        $(impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "([redacted])"))
            }
        })*
    };
}

redacted!(Copy, PersonPart, EventPart, HeldRecord, Held);
