//! What is due: the walk through the index, and a second look at what it names.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use consent::campaign::Campaign;
use consent::case::Case;
use consent::contact::Contact;
use consent::id::{CampaignId, CaseId, ContactId, RunId};
use consent::policy::Policy;
use consent::retention::{Certificate, Kind, Tombstone};
use consent::time::{Span, Time};
use identity::Pseudonym;
use serde::{Deserialize, Serialize};

use crate::case::{case_aliases, case_contact};
use crate::error::LedgerError;
use crate::schema::{
    self, AUDIENCES_SHARD, BODY, CLOSED_CASES_SHARD, CONTACT, DUE_AT, DUE_INDEX, DUE_SHARD, ERASURE, FAILURES,
    HOME_SHARD, Item, KIND, OBSERVED_AT, PK, PURGE_SHARDS, QUARANTINE_SHARD, SET_ASIDE_SHARD, SK, UNTIL, VERSION,
};
use crate::store::Ledger;

/// How many records are looked at together: with a legal hold for each, 100 items are read at most.
const PAGE: i32 = 33;

/// How many quarantined deliveries are looked at together. Each may have 400 kB.
const PAGE_OF_DELIVERIES: i32 = 8;

/// How many pages of records under a legal hold are passed by in search of the oldest that is under none.
const MOST_HELD_PAGES: u32 = 5;

/// A partition of the index that a run walks beside the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Lane {
    /// The records whose id or hash falls to it.
    Records(u8),
    /// The quarantined deliveries.
    Quarantine,
    /// The audiences of campaigns.
    Audiences,
    /// The cases that are closed.
    Cases,
}

impl Lane {
    /// Every lane.
    pub const ALL: [Self; PURGE_SHARDS as usize + 3] = [
        Self::Records(0),
        Self::Records(1),
        Self::Records(2),
        Self::Records(3),
        Self::Records(4),
        Self::Records(5),
        Self::Records(6),
        Self::Records(7),
        Self::Quarantine,
        Self::Audiences,
        Self::Cases,
    ];
}

impl fmt::Display for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Records(shard) => f.write_str(&schema::purge_shard(*shard)),
            Self::Quarantine => f.write_str(QUARANTINE_SHARD),
            Self::Audiences => f.write_str(AUDIENCES_SHARD),
            Self::Cases => f.write_str(CLOSED_CASES_SHARD),
        }
    }
}

/// The text names no lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the purge has no such lane")]
pub struct UnknownLane;

impl FromStr for Lane {
    type Err = UnknownLane;

    fn from_str(name: &str) -> Result<Self, UnknownLane> {
        Self::ALL
            .into_iter()
            .find(|lane| lane.to_string() == name)
            .ok_or(UnknownLane)
    }
}

impl From<Lane> for String {
    fn from(lane: Lane) -> Self {
        lane.to_string()
    }
}

impl TryFrom<String> for Lane {
    type Error = UnknownLane;

    fn try_from(name: String) -> Result<Self, UnknownLane> {
        name.parse()
    }
}

/// A way through a partition of the index, oldest first.
#[derive(Debug, Clone)]
pub struct Walk {
    shard: String,
    from: Time,
    to: Time,
    /// The key after which it goes on.
    pub(super) after: Option<Item>,
}

impl Walk {
    /// The way through what is due in a lane from one time to another, both included.
    pub fn new(lane: Lane, from: Time, to: Time) -> Self {
        Self {
            shard: lane.to_string(),
            from,
            to,
            after: None,
        }
    }

    /// The way through all that is due in a lane at whatever time.
    pub(super) fn all(lane: Lane) -> Self {
        Self::new(lane, Time::EPOCH, Time::MAX)
    }

    /// The way through all that was set aside.
    pub(super) fn set_aside() -> Self {
        Self {
            shard: SET_ASIDE_SHARD.to_owned(),
            from: Time::EPOCH,
            to: Time::MAX,
            after: None,
        }
    }

    /// From which time on it goes on.
    pub fn reached(&self) -> Time {
        let last = self.after.as_ref().map(|last| schema::time_if_there(last, DUE_AT));
        last.and_then(Result::ok).flatten().unwrap_or(self.from)
    }

    pub(super) fn shard(&self) -> &str {
        &self.shard
    }

    fn page(&self) -> i32 {
        if self.shard == QUARANTINE_SHARD {
            PAGE_OF_DELIVERIES
        } else {
            PAGE
        }
    }
}

/// What stands at a place of the index, read anew.
#[derive(Debug)]
pub struct Due {
    /// What it is.
    pub kind: Kind,
    /// When it is due.
    pub due_at: Time,
    pub(super) key: Item,
    pub(super) shard: String,
    /// The partition of the index that it was in before it was set aside.
    pub(super) home_shard: Option<String>,
    pub(super) failures: u32,
    /// What there is to know of it; the error of whatever cannot be read.
    pub(super) record: Result<Record, LedgerError>,
}

/// What is known of a record that is due.
#[derive(Debug, Clone)]
pub(super) enum Record {
    Contact(Box<DueContact>),
    /// A contact whose removal was begun, as its item says it.
    Remains(Item),
    Tombstone {
        alias: Pseudonym,
        tombstone: Tombstone,
        /// Exactly as it is written.
        body: String,
    },
    /// A message to a contact.
    Message(ContactId),
    /// What was decided about a contact at that time: a send, or a finding.
    Decision(ContactId, Time),
    /// A campaign that ended at that time.
    Campaign(CampaignId, Time),
    /// The audience of a campaign.
    Audience(CampaignId),
    /// A case that was closed at that time, and whose it is.
    Case {
        id: CaseId,
        closed_at: Time,
        aliases: Vec<Pseudonym>,
        contact: Option<ContactId>,
    },
    /// A delivery that could not be read, which came at that time.
    Delivery(Time),
    /// A part of the erasure register, and the end of its day.
    Register(Time),
    /// What is due so long after that time as the policy says.
    Since(Time),
    /// What is due when it says, whatever the policy.
    Fixed,
    /// The same, with a row of its own in the key table.
    WithKey,
}

/// A contact that is due.
#[derive(Debug, Clone)]
pub(super) struct DueContact {
    pub(super) contact: Contact,
    pub(super) version: i64,
    /// Its item, which a removal goes by.
    pub(super) item: Item,
    /// Until when its records are held.
    pub(super) held_until: Option<Time>,
}

/// A kind of record that is never due by itself, or that this version does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct UnknownKind;

/// What was found on the way.
#[derive(Debug)]
pub struct Look {
    /// Records that are there, in the order of their due times.
    pub records: Vec<Due>,
    /// Whether there was a record among them that the retention schedule knows nothing to do with.
    pub met_unknown_kind: bool,
    /// The rest of the way; none at its end.
    pub rest: Option<Walk>,
}

impl Look {
    /// The same without what is not due at that time: an index lags behind its table.
    #[must_use]
    pub fn due(mut self, now: Time) -> Self {
        self.records.retain(|due| due.due_at <= now);
        self
    }
}

impl Due {
    fn read(item: &Item, held_until: Option<Time>) -> Result<Option<Self>, UnknownKind> {
        let name = schema::text(item, KIND).map_err(|_| UnknownKind)?;
        let kind: Kind = name.parse().map_err(|_| UnknownKind)?;
        let is_due_by_itself = match kind {
            Kind::Contact
            | Kind::Tombstone
            | Kind::Remains
            | Kind::Outbox
            | Kind::Quarantine
            | Kind::Idempotency
            | Kind::LegalHold
            | Kind::Erasure
            | Kind::ErasureRegister
            | Kind::PurgeRun
            | Kind::Campaign
            | Kind::Audience
            | Kind::Send
            | Kind::Finding
            | Kind::Usage
            | Kind::Copy
            | Kind::Case => true,
            Kind::SubjectKey
            | Kind::Alias
            | Kind::Evidence
            | Kind::Policy
            | Kind::ActivePolicy
            | Kind::Health
            | Kind::PurgeTally
            | Kind::CampaignCheck
            | Kind::AudiencePart
            | Kind::CaseLink
            | Kind::RetentionState => false,
        };
        if !is_due_by_itself {
            return Err(UnknownKind);
        }
        let (Ok(due_at), Ok(shard)) = (schema::number(item, DUE_AT), schema::text(item, DUE_SHARD)) else {
            return Ok(None);
        };
        Ok(Some(Self {
            kind,
            due_at: Time::from_unix_seconds(due_at),
            key: schema::key_of(item),
            shard: shard.to_owned(),
            home_shard: schema::text(item, HOME_SHARD).ok().map(str::to_owned),
            failures: schema::number(item, FAILURES)
                .ok()
                .and_then(|failures| u32::try_from(failures).ok())
                .unwrap_or(0),
            record: Record::read(kind, item, held_until),
        }))
    }

    /// When it is due by that policy; none if it is not, because processing is restricted.
    pub(super) fn due_by(&self, policy: &Policy, now: Time) -> Option<Time> {
        match &self.record {
            Ok(Record::Contact(due)) => due.contact.due_at(policy),
            Ok(Record::Tombstone { tombstone, .. }) => tombstone.due_at(policy, now).or(Some(self.due_at)),
            Ok(
                Record::Since(from)
                | Record::Decision(_, from)
                | Record::Campaign(_, from)
                | Record::Case { closed_at: from, .. }
                | Record::Delivery(from)
                | Record::Register(from),
            ) => self.kind.due_at(*from, policy).or(Some(self.due_at)),
            Ok(Record::Remains(_) | Record::Message(_) | Record::Audience(_) | Record::Fixed | Record::WithKey)
            | Err(_) => Some(self.due_at),
        }
    }
}

impl Record {
    fn read(kind: Kind, item: &Item, held_until: Option<Time>) -> Result<Self, LedgerError> {
        let pk = schema::text(item, PK)?;
        Ok(match kind {
            Kind::Contact => Self::Contact(Box::new(DueContact {
                contact: schema::body(item)?,
                version: schema::number(item, VERSION)?,
                item: item.clone(),
                held_until,
            })),
            Kind::Remains => Self::Remains(item.clone()),
            Kind::Tombstone => Self::Tombstone {
                alias: named(pk, "alias#")?,
                tombstone: schema::body(item)?,
                body: schema::text(item, BODY)?.to_owned(),
            },
            // What belongs to an erasure is no message, and names nobody.
            Kind::Outbox if item.contains_key(ERASURE) => Self::WithKey,
            Kind::Outbox => Self::Message(schema::parsed(item, CONTACT)?),
            Kind::Quarantine => Self::Delivery(Time::from_unix_seconds(schema::number(item, OBSERVED_AT)?)),
            Kind::ErasureRegister => Self::Register(end_of_day(pk)?),
            Kind::Erasure => {
                let certificate: Certificate = schema::body(item)?;
                Self::Since(certificate.finished_at.unwrap_or(certificate.began_at))
            }
            Kind::Send | Kind::Finding => {
                let decided: Decided = schema::body(item)?;
                Self::Decision(named(pk, "contact#")?, decided.at.unwrap_or(decided.decided_at))
            }
            Kind::Campaign => {
                let campaign: Campaign = schema::body(item)?;
                Self::Campaign(campaign.id, campaign.plan.ends_at())
            }
            Kind::Audience => Self::Audience(named(pk, "campaign#")?),
            Kind::Case => {
                let case: Case = schema::body(item)?;
                Self::Case {
                    id: case.id,
                    closed_at: case.closed_at().ok_or(LedgerError::corrupt(BODY))?,
                    aliases: case_aliases(item)?,
                    contact: case_contact(item)?,
                }
            }
            Kind::Copy => Self::Since(Time::from_unix_seconds(schema::number(item, OBSERVED_AT)?)),
            Kind::PurgeRun => Self::Since(began_at(schema::text(item, SK)?)?),
            _ => Self::Fixed,
        })
    }
}

/// When something was decided about a contact, and when it was found out if that was later.
#[derive(Deserialize)]
struct Decided {
    decided_at: Time,
    at: Option<Time>,
}

/// What a key names behind a prefix.
fn named<T: FromStr>(pk: &str, prefix: &str) -> Result<T, LedgerError> {
    let name = pk.strip_prefix(prefix).and_then(|name| name.parse().ok());
    name.ok_or(LedgerError::corrupt(PK))
}

fn began_at(sk: &str) -> Result<Time, LedgerError> {
    let (began_at, run) = sk.split_once('#').ok_or(LedgerError::corrupt(SK))?;
    run.parse::<RunId>().map_err(|_| LedgerError::corrupt(SK))?;
    began_at.parse().map_err(|_| LedgerError::corrupt(SK))
}

/// The end of the day that a part of the erasure register is named after.
fn end_of_day(pk: &str) -> Result<Time, LedgerError> {
    let day = pk.strip_prefix("erased#").and_then(|name| name.split_once('#'));
    let begin = day.and_then(|(day, _)| format!("{day}T00:00:00Z").parse::<Time>().ok());
    Ok(begin.ok_or(LedgerError::corrupt(PK))? + Span::days(1))
}

/// The key of an item as something that can be compared.
fn place(item: &Item) -> Result<(String, String), LedgerError> {
    Ok((schema::text(item, PK)?.to_owned(), schema::text(item, SK)?.to_owned()))
}

impl Ledger {
    /// Goes on for a page, and looks at the records anew that the index names there.
    ///
    /// # Errors
    /// When DynamoDB fails and stays away.
    pub async fn look(&self, walk: &Walk) -> Result<Look, LedgerError> {
        self.patiently("look at what is due", || self.look_once(walk)).await
    }

    async fn look_once(&self, walk: &Walk) -> Result<Look, LedgerError> {
        let what = "walk the index of what is due";
        let call = self
            .client
            .query()
            .table_name(&self.tables.ledger)
            .index_name(DUE_INDEX)
            .key_condition_expression("#shard = :shard AND #due_at BETWEEN :from AND :to")
            .expression_attribute_names("#shard", DUE_SHARD)
            .expression_attribute_names("#due_at", DUE_AT)
            .expression_attribute_values(":shard", schema::s(&*walk.shard))
            .expression_attribute_values(":from", schema::time(walk.from))
            .expression_attribute_values(":to", schema::time(walk.to))
            .set_exclusive_start_key(walk.after.clone())
            .limit(walk.page())
            .send();
        let page = self
            .within(what, call)
            .await?
            .map_err(|error| LedgerError::call(what, &error))?;
        let (records, met_unknown_kind) = self.read_anew(page.items()).await?;
        Ok(Look {
            records,
            met_unknown_kind,
            rest: page.last_evaluated_key.map(|after| Walk {
                after: Some(after),
                ..walk.clone()
            }),
        })
    }

    /// The oldest due time in a lane that nothing but time stands against: no legal hold. None if nothing else is due.
    ///
    /// # Errors
    /// When DynamoDB fails and stays away.
    pub async fn oldest_due(&self, lane: Lane, now: Time) -> Result<Option<Time>, LedgerError> {
        let mut walk = Walk::new(lane, Time::EPOCH, now);
        for _ in 0..MOST_HELD_PAGES {
            let look = self.look(&walk).await?.due(now);
            for due in &look.records {
                if !self.is_held(due, now).await? {
                    return Ok(Some(due.due_at));
                }
            }
            if look.met_unknown_kind {
                return Ok(Some(walk.reached()));
            }
            let Some(rest) = look.rest else {
                return Ok(None);
            };
            walk = rest;
        }
        Ok(Some(walk.reached()))
    }

    async fn is_held(&self, due: &Due, now: Time) -> Result<bool, LedgerError> {
        Ok(match &due.record {
            Ok(Record::Contact(contact)) => contact.held_until.is_some_and(|until| now < until),
            Ok(Record::Message(contact) | Record::Decision(contact, _)) => {
                self.held_until(contact, now).await?.is_some()
            }
            _ => false,
        })
    }

    /// A record as it is now; none if it is gone or has no due time any more.
    pub(super) async fn look_again(&self, due: &Due) -> Result<Option<Due>, LedgerError> {
        let (records, _) = self.read_anew(std::slice::from_ref(&due.key)).await?;
        Ok(records.into_iter().next())
    }

    /// The records of those keys, in that order, and whether there is one among them that the schedule knows nothing to do with.
    async fn read_anew(&self, keys: &[Item]) -> Result<(Vec<Due>, bool), LedgerError> {
        let mut wanted = BTreeSet::new();
        for key in keys {
            let (pk, sk) = place(key)?;
            if sk == schema::kind::CONTACT {
                wanted.insert((pk.clone(), schema::kind::LEGAL_HOLD.to_owned()));
            }
            wanted.insert((pk, sk));
        }
        if wanted.is_empty() {
            return Ok((vec![], false));
        }
        let wanted = wanted
            .into_iter()
            .map(|(pk, sk)| Item::from([(PK.to_owned(), schema::s(pk)), (SK.to_owned(), schema::s(sk))]))
            .collect();
        let items = self
            .batch_get("look at what is due", vec![(self.tables.ledger.clone(), wanted)])
            .await?;
        let mut there = BTreeMap::new();
        for item in items {
            there.insert(place(&item)?, item);
        }
        let (mut records, mut met_unknown_kind) = (vec![], false);
        for key in keys {
            let place = place(key)?;
            let Some(item) = there.get(&place) else {
                continue;
            };
            let hold = there.get(&(place.0, schema::kind::LEGAL_HOLD.to_owned()));
            let held_until = hold
                .map(|hold| schema::time_if_there(hold, UNTIL))
                .transpose()?
                .flatten();
            match Due::read(item, held_until) {
                Ok(due) => records.extend(due),
                Err(UnknownKind) => met_unknown_kind = true,
            }
        }
        Ok((records, met_unknown_kind))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_lane_is_read_as_it_is_written() {
        for lane in Lane::ALL {
            assert_eq!(lane.to_string().parse(), Ok(lane));
        }
        assert_eq!("set_aside".parse::<Lane>(), Err(UnknownLane));
    }
}
