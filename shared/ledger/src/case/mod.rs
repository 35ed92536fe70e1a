//! Cases: what people demand about their data.
//!
//! A case is there whether the ledger knows the person or not, and costs the same calls either way, so that nobody learns from
//! it who is a contact. What is personal of it is sealed under a key of its own; keyed hashes lead from the person to the case.

mod change;
mod list;

use std::fmt;

use aws_sdk_dynamodb::types::AttributeValue;
use consent::case::{Case, CaseKind};
use consent::evidence::Actor;
use consent::id::{CaseId, ContactId};
use consent::policy::Policy;
use consent::retention::Kind;
use consent::time::Time;
use identity::{Identifiers, Pseudonym, Sealed, SubjectKey};
use serde::{Deserialize, Serialize};

use crate::error::LedgerError;
use crate::schema::{
    self, BODY, CASE, CLOSED_CASES_SHARD, CONTACT, DETAILS, Item, KIND, MENTIONS, OPEN_CASES_SHARD, PK, VERSION,
    WRAPPED_KEY,
};
use crate::store::{Ledger, action};
use crate::transaction::{ATTEMPTS, Transacted};

pub use change::Stepped;
pub use list::{CaseFilter, CasePage};

/// A demand, as somebody registers it.
#[derive(Debug, Clone)]
pub struct NewCase {
    /// The demand itself.
    pub case: Case,
    /// Whose it is.
    pub recipient: Identifiers,
    /// Where it came from in particular, in words.
    pub source: Option<String>,
    /// Who registers it.
    pub actor: Actor,
}

/// What was written about a case, and by whom.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaseNote {
    /// When.
    pub at: Time,
    /// By whom.
    pub actor: Actor,
    /// What it is about.
    pub about: Noted,
    /// The text. It may name somebody.
    pub text: String,
}

/// What a note is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Noted {
    /// Where the demand came from.
    Source,
    /// Why it takes longer.
    Extension,
    /// Why it is refused, or not done as a whole.
    Refusal,
    /// What was done.
    Outcome,
    /// How the person was told of something, where it was not in the chat.
    Told,
}

/// What is personal of a case.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaseDetails {
    /// Whose it is.
    pub recipient: Identifiers,
    /// What was written about it, the oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<CaseNote>,
}

impl fmt::Debug for CaseNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CaseNote({:?} at {})", self.about, self.at)
    }
}

impl fmt::Debug for CaseDetails {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CaseDetails({:?})", self.notes)
    }
}

/// A case as it was read.
#[derive(Debug, Clone)]
pub struct StoredCase {
    /// The case itself.
    pub case: Case,
    /// The contact that the person was when the case was registered.
    pub contact: Option<ContactId>,
    /// What is personal of it; none once the person was erased.
    pub details: Option<CaseDetails>,
    pub(crate) key: Option<SubjectKey>,
    aliases: Vec<Pseudonym>,
    version: i64,
}

/// What came of registering a demand.
#[derive(Debug, Clone)]
pub enum Opened {
    /// It is registered.
    Now(StoredCase),
    /// It was before, and this is what became of it.
    Before(StoredCase),
}

impl Opened {
    /// The case, whenever it was registered.
    pub fn into_case(self) -> StoredCase {
        match self {
            Self::Now(stored) | Self::Before(stored) => stored,
        }
    }
}

impl StoredCase {
    /// The partition of the index that it stands in, and at what time: while it is open, when its answer is due; then, until when it is
    /// kept.
    fn due(&self, policy: &Policy, now: Time) -> Option<(&'static str, Time)> {
        match self.case.closed_at() {
            None => Some((OPEN_CASES_SHARD, self.case.due_at(policy.controller(), now))),
            Some(closed) => Some((CLOSED_CASES_SHARD, Kind::Case.due_at(closed, policy)?)),
        }
    }
}

impl Ledger {
    /// Registers a demand, once. If the same person demands the same in a case that is open, this one is closed as its repetition.
    ///
    /// It takes the same calls whether the person is a contact or not.
    ///
    /// # Errors
    /// When DynamoDB fails, others win every race, or an item is not readable.
    pub async fn open_case(&self, new: &NewCase, policy: &Policy, now: Time) -> Result<Opened, LedgerError> {
        let what = "register a case";
        let aliases: Vec<_> = new
            .recipient
            .iter()
            .map(|identifier| self.keys.pseudonym.alias(&identifier))
            .collect();
        let owners = self.owners(&aliases.iter().copied().collect()).await?;
        let contact = aliases.iter().find_map(|alias| owners.get(alias).copied());
        let id = new.case.id;
        let key = SubjectKey::generate().map_err(|_| LedgerError::NoEntropy)?;
        let notes = new.source.iter().map(|source| CaseNote {
            at: now,
            actor: new.actor.clone(),
            about: Noted::Source,
            text: source.clone(),
        });
        let mut stored = StoredCase {
            case: new.case.clone(),
            contact,
            details: Some(CaseDetails {
                recipient: new.recipient.clone(),
                notes: notes.collect(),
            }),
            key: Some(key.clone()),
            aliases,
            version: 1,
        };
        for attempt in 0..ATTEMPTS {
            let mut actions = vec![self.put_key(&schema::case_pk(&id), &key)?];
            let mut item = self.case_item(&stored, policy, now)?;
            item.insert(VERSION.to_owned(), schema::n(stored.version));
            let put = self.put_ledger().set_item(Some(item));
            actions.push(action(put.condition_expression(format!("attribute_not_exists({PK})")))?);
            for alias in &stored.aliases {
                actions.push(self.put_link(schema::case_link_key(alias, &id), &id, false)?);
                if !stored.case.state().is_closed() {
                    actions.push(self.put_link(schema::open_case_key(alias, stored.case.kind), &id, true)?);
                }
            }
            if self.transact(what, &actions).await? == Transacted::Committed {
                return Ok(Opened::Now(stored));
            }
            // It is there already, or another one is open, unless that was closed just now.
            if let Some(there) = self.case(&id).await? {
                return Ok(Opened::Before(there));
            }
            if let Some(other) = self.open_case_of(&stored.aliases, stored.case.kind).await? {
                stored
                    .case
                    .repeats(other, now)
                    .map_err(|_| LedgerError::corrupt(BODY))?;
            }
            self.back_off(attempt, what).await?;
        }
        Err(LedgerError::Contended { attempts: ATTEMPTS })
    }

    /// A case with all that is known of it.
    ///
    /// # Errors
    /// When DynamoDB fails or an item is not readable.
    pub async fn case(&self, id: &CaseId) -> Result<Option<StoredCase>, LedgerError> {
        let requests = vec![
            (self.tables.ledger.clone(), vec![schema::case_key(id)]),
            (self.tables.keys.clone(), vec![schema::key_row(schema::case_pk(id))]),
        ];
        let items = self.batch_get("read a case", requests).await?;
        let item = items.iter().find(|item| schema::is_kind(item, Kind::Case));
        let row = items.iter().find(|item| item.contains_key(WRAPPED_KEY));
        item.map(|item| self.read_case(id, item, row)).transpose()
    }

    fn read_case(&self, id: &CaseId, item: &Item, row: Option<&Item>) -> Result<StoredCase, LedgerError> {
        let owner = schema::case_pk(id);
        let key = row.map(|row| self.open_key(&owner, row)).transpose()?;
        let open = |key: &SubjectKey| {
            let sealed = Sealed::from_bytes(schema::blob(item, DETAILS)?);
            let details = key.open(&owner, DETAILS, &sealed).map_err(|_| LedgerError::Sealed)?;
            serde_json::from_slice(&details).map_err(|_| LedgerError::corrupt(DETAILS))
        };
        Ok(StoredCase {
            case: schema::body(item)?,
            contact: case_contact(item)?,
            details: key
                .as_ref()
                .filter(|_| item.contains_key(DETAILS))
                .map(open)
                .transpose()?,
            key,
            aliases: case_aliases(item)?,
            version: schema::number(item, VERSION)?,
        })
    }

    /// The item of a case, without its version.
    fn case_item(&self, stored: &StoredCase, policy: &Policy, now: Time) -> Result<Item, LedgerError> {
        let id = &stored.case.id;
        let mut item = schema::case_key(id);
        item.insert(KIND.to_owned(), schema::s(schema::kind::CASE));
        let body = serde_json::to_string(&stored.case).map_err(|_| LedgerError::corrupt(BODY))?;
        item.insert(BODY.to_owned(), schema::s(body));
        if let (Some(key), Some(details)) = (&stored.key, &stored.details) {
            let details = serde_json::to_vec(details).map_err(|_| LedgerError::corrupt(DETAILS))?;
            let sealed = key.seal(&schema::case_pk(id), DETAILS, &details);
            let sealed = sealed.map_err(|_| LedgerError::NoEntropy)?.into_bytes();
            item.insert(DETAILS.to_owned(), schema::bytes(sealed));
        }
        if !stored.aliases.is_empty() {
            let aliases = stored.aliases.iter().map(ToString::to_string).collect();
            item.insert(MENTIONS.to_owned(), AttributeValue::Ss(aliases));
        }
        if let Some(contact) = &stored.contact {
            item.insert(CONTACT.to_owned(), schema::s(contact.to_string()));
        }
        if let Some((shard, due_at)) = stored.due(policy, now) {
            schema::set_due(&mut item, Kind::Case, shard.to_owned(), due_at);
        }
        Ok(item)
    }

    fn put_link(
        &self,
        mut key: Item,
        case: &CaseId,
        is_only: bool,
    ) -> Result<aws_sdk_dynamodb::types::TransactWriteItem, LedgerError> {
        key.insert(KIND.to_owned(), schema::s(schema::kind::CASE_LINK));
        key.insert(CASE.to_owned(), schema::s(case.to_string()));
        let put = self.put_ledger().set_item(Some(key));
        action(if is_only {
            put.condition_expression(format!("attribute_not_exists({PK})"))
        } else {
            put
        })
    }

    /// The case about something that one of the aliases has open.
    async fn open_case_of(&self, aliases: &[Pseudonym], kind: CaseKind) -> Result<Option<CaseId>, LedgerError> {
        let keys = aliases.iter().map(|alias| schema::open_case_key(alias, kind)).collect();
        let request = vec![(self.tables.ledger.clone(), keys)];
        let links = self.batch_get("look for an open case", request).await?;
        links.first().map(|link| schema::parsed(link, CASE)).transpose()
    }
}

/// Whom a case is about, by their aliases.
pub(crate) fn case_aliases(item: &Item) -> Result<Vec<Pseudonym>, LedgerError> {
    let aliases = match item.get(MENTIONS) {
        None => return Ok(vec![]),
        Some(aliases) => aliases.as_ss().map_err(|_| LedgerError::corrupt(MENTIONS))?,
    };
    let read = |alias: &String| alias.parse().map_err(|_| LedgerError::corrupt(MENTIONS));
    aliases.iter().map(read).collect()
}

/// The contact that a case is about.
pub(crate) fn case_contact(item: &Item) -> Result<Option<ContactId>, LedgerError> {
    let is_there = item.contains_key(CONTACT);
    is_there.then(|| schema::parsed(item, CONTACT)).transpose()
}
