//! Contacts: finding them by what they are known by, and reading them with their key.

use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes};
use consent::contact::Contact;
use consent::id::ContactId;
use consent::retention::Kind;
use consent::time::Time;
use identity::{Identifiers, Pseudonym, Sealed, SubjectKey, WrappedKey};

use crate::error::LedgerError;
use crate::places::Places;
use crate::schema::{self, BODY, CONTACT, DUE_AT, IDENTITY, Item, PK, PLACES, VERSION, WRAPPED_KEY};
use crate::store::Ledger;

/// A contact as it was read, with all that is needed to write it back.
#[derive(Debug)]
pub struct Subject {
    /// The contact.
    pub contact: Contact,
    /// What it is known by.
    pub identity: Identifiers,
    pub(crate) key: SubjectKey,
    /// The version that was read; none if the contact is new.
    pub(crate) version: Option<i64>,
    /// What its removal goes by.
    pub(crate) upkeep: Upkeep,
    /// Aliases that are not in the table yet.
    pub(crate) new_aliases: Vec<Pseudonym>,
}

/// What a contact's item says for the sake of its removal.
#[derive(Debug, Clone, Default)]
pub(crate) struct Upkeep {
    /// When something is to be done with the contact; none if it is kept as it is.
    pub(crate) due_at: Option<Time>,
    /// Where else something of it lies.
    pub(crate) places: Places,
}

/// Whom some identifiers belong to.
#[derive(Debug)]
pub enum Found {
    /// Nobody that is known.
    Nobody,
    /// One contact.
    One(Box<Subject>),
    /// The phone number belongs to one contact and the business-scoped id to another.
    Two(Box<[Subject; 2]>),
}

impl Ledger {
    /// The contact or contacts that the identifiers belong to: two round trips, one if there are none.
    ///
    /// # Errors
    /// When DynamoDB fails or an item is not readable.
    pub async fn find(&self, identifiers: &Identifiers) -> Result<Found, LedgerError> {
        let (ids, unknown) = self.owners_and_unknown(identifiers).await?;
        let mut subjects = self.read_all(&ids).await?.into_iter();
        let found = match (subjects.next(), subjects.next()) {
            (None, _) => Found::Nobody,
            (Some(mut subject), None) => {
                subject.new_aliases = unknown;
                subject.identity.learn(identifiers);
                Found::One(Box::new(subject))
            }
            (Some(first), Some(second)) => Found::Two(Box::new([first, second])),
        };
        Ok(found)
    }

    /// The contact with that id.
    ///
    /// # Errors
    /// When DynamoDB fails or an item is not readable.
    pub async fn read(&self, id: &ContactId) -> Result<Option<Subject>, LedgerError> {
        Ok(self.read_all(&[*id]).await?.into_iter().next())
    }

    /// A contact that nobody knew before, with a key of its own. It is not written yet.
    pub(crate) fn new_subject(&self, id: ContactId, identifiers: &Identifiers) -> Result<Subject, LedgerError> {
        Ok(Subject {
            contact: Contact::new(id),
            identity: identifiers.clone(),
            key: SubjectKey::generate().map_err(|_| LedgerError::NoEntropy)?,
            version: None,
            upkeep: Upkeep::default(),
            new_aliases: self.aliases(identifiers),
        })
    }

    pub(crate) fn aliases(&self, identifiers: &Identifiers) -> Vec<Pseudonym> {
        identifiers
            .iter()
            .map(|identifier| self.keys.pseudonym.alias(&identifier))
            .collect()
    }

    /// Whom the identifiers belong to, each once, and the aliases that belong to nobody.
    pub(crate) async fn owners_and_unknown(
        &self,
        identifiers: &Identifiers,
    ) -> Result<(Vec<ContactId>, Vec<Pseudonym>), LedgerError> {
        let aliases = self.aliases(identifiers);
        let owners = self.owners(&aliases).await?;
        let mut ids: Vec<ContactId> = owners.iter().flatten().copied().collect();
        ids.dedup();
        let unknown = aliases
            .into_iter()
            .zip(owners)
            .filter(|(_, owner)| owner.is_none())
            .map(|(alias, _)| alias)
            .collect();
        Ok((ids, unknown))
    }

    /// The owner of each alias, in the order asked.
    async fn owners(&self, aliases: &[Pseudonym]) -> Result<Vec<Option<ContactId>>, LedgerError> {
        let keys = aliases.iter().map(schema::alias_key).collect();
        let items = self
            .batch_get("look up an alias", vec![(self.tables.ledger.clone(), keys)])
            .await?;
        let mut owners = vec![None; aliases.len()];
        for item in &items {
            let slot = aliases
                .iter()
                .zip(owners.iter_mut())
                .find(|(alias, _)| schema::alias_key(alias).get(PK) == item.get(PK));
            if let Some((_, owner)) = slot {
                *owner = Some(schema::parsed(item, CONTACT)?);
            }
        }
        Ok(owners)
    }

    async fn read_all(&self, ids: &[ContactId]) -> Result<Vec<Subject>, LedgerError> {
        if ids.is_empty() {
            return Ok(vec![]);
        }
        let contacts = ids.iter().map(schema::contact_key).collect();
        let keys = ids.iter().map(schema::subject_key).collect();
        let requests = vec![(self.tables.ledger.clone(), contacts), (self.tables.keys.clone(), keys)];
        let items = self.batch_get("read a contact", requests).await?;
        let with_pk = |pk: String| {
            let pk = AttributeValue::S(pk);
            items.iter().find(move |item| item.get(PK) == Some(&pk))
        };
        ids.iter()
            .filter_map(|id| {
                // A contact without its key was erased: nothing of it can be read, and nothing may be made of it.
                let item = with_pk(schema::contact_pk(id))?;
                let key = with_pk(id.to_string())?;
                Some(self.subject(id, item, key))
            })
            .collect()
    }

    fn subject(&self, id: &ContactId, item: &Item, key: &Item) -> Result<Subject, LedgerError> {
        let owner = id.to_string();
        let wrapped = WrappedKey::from_bytes(schema::blob(key, WRAPPED_KEY)?);
        let key = self
            .keys
            .sealing
            .iter()
            .find_map(|sealing| sealing.unwrap(&wrapped, &owner).ok());
        let key = key.ok_or(LedgerError::Sealed)?;
        let sealed = Sealed::from_bytes(schema::blob(item, IDENTITY)?);
        let identity = key.open(&owner, IDENTITY, &sealed).map_err(|_| LedgerError::Sealed)?;
        Ok(Subject {
            contact: schema::body(item)?,
            identity: serde_json::from_slice(&identity).map_err(|_| LedgerError::corrupt(IDENTITY))?,
            key,
            version: Some(schema::number(item, VERSION)?),
            upkeep: Upkeep {
                due_at: schema::time_if_there(item, DUE_AT)?,
                places: schema::json(item, PLACES)?,
            },
            new_aliases: vec![],
        })
    }

    /// Reads items consistently until none is left unprocessed.
    async fn batch_get(
        &self,
        what: &'static str,
        requests: Vec<(String, Vec<Item>)>,
    ) -> Result<Vec<Item>, LedgerError> {
        let mut pending = Vec::with_capacity(requests.len());
        for (table, keys) in requests {
            let keys = KeysAndAttributes::builder()
                .set_keys(Some(keys))
                .consistent_read(true)
                .build();
            pending.push((table, keys.map_err(|_| LedgerError::corrupt(PK))?));
        }
        let mut pending: std::collections::HashMap<_, _> = pending.into_iter().collect();
        let mut items = vec![];
        for attempt in 0.. {
            let call = self.client.batch_get_item().set_request_items(Some(pending)).send();
            let answer = self
                .within(what, call)
                .await?
                .map_err(|error| LedgerError::call(what, &error))?;
            items.extend(answer.responses.unwrap_or_default().into_values().flatten());
            pending = answer.unprocessed_keys.unwrap_or_default();
            if pending.is_empty() {
                break;
            }
            self.back_off(attempt, what).await?;
        }
        Ok(items)
    }
}

impl Subject {
    /// The contact's items as they will be: itself, its new aliases, and its key if it is new.
    pub(crate) fn sealed_identity(&self) -> Result<AttributeValue, LedgerError> {
        let plain = serde_json::to_vec(&self.identity).map_err(|_| LedgerError::corrupt(IDENTITY))?;
        let sealed = self.key.seal(&self.contact.id.to_string(), IDENTITY, &plain);
        Ok(schema::bytes(sealed.map_err(|_| LedgerError::NoEntropy)?.into_bytes()))
    }

    /// The contact's item after a decision.
    pub(crate) fn item(&self, contact: &Contact, upkeep: Upkeep) -> Result<Item, LedgerError> {
        let Upkeep { due_at, mut places } = upkeep;
        places.aliases.extend(&self.new_aliases);
        let mut item = schema::contact_key(&contact.id);
        let body = serde_json::to_string(contact).map_err(|_| LedgerError::corrupt(BODY))?;
        item.insert(schema::KIND.to_owned(), schema::s(schema::kind::CONTACT));
        item.insert(VERSION.to_owned(), schema::n(self.version.unwrap_or(0) + 1));
        item.insert(BODY.to_owned(), schema::s(body));
        item.insert(IDENTITY.to_owned(), self.sealed_identity()?);
        let places = serde_json::to_string(&places).map_err(|_| LedgerError::corrupt(PLACES))?;
        item.insert(PLACES.to_owned(), schema::s(places));
        if let Some(due_at) = due_at {
            schema::set_due(&mut item, Kind::Contact, schema::contact_shard(&contact.id), due_at);
        }
        Ok(item)
    }
}
