//! Contacts: finding them by what they are known by, and reading them with their key.

use aws_sdk_dynamodb::types::AttributeValue;
use consent::contact::Contact;
use consent::decide::Rules;
use consent::id::ContactId;
use consent::policy::Country;
use consent::retention::{Kind, Tombstone};
use consent::time::Time;
use identity::{Identifiers, Pseudonym, Sealed, SubjectKey};

use crate::alias::{Alias, FreeAlias, GoneContact, Standing};
use crate::error::LedgerError;
use crate::places::Places;
use crate::read::ReadItems;
use crate::schema::{self, BODY, COUNTRIES, DUE_AT, IDENTITY, Item, KIND, PK, PLACES, VERSION};
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
    /// Aliases that become the contact's own with the next write.
    pub(crate) new_aliases: Vec<FreeAlias>,
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

/// Whom some identifiers belong to, and which of them belong to nobody.
pub(crate) enum Owner {
    /// Nobody that is known.
    Nobody(Vec<FreeAlias>),
    /// One contact, which takes the other identifier too if it belongs to nobody.
    One(Box<Subject>),
    /// One contact each.
    Two(Box<[Subject; 2]>),
}

/// What is there of a contact.
enum Reading {
    /// All of it.
    Whole(Box<Subject>),
    /// Less than it takes to read it.
    Gone(Box<GoneContact>),
}

/// The aliases that belong to nobody, or to a contact that is gone.
pub(crate) fn free_aliases(aliases: Vec<(Pseudonym, Option<Alias>)>, gone: &[Box<GoneContact>]) -> Vec<FreeAlias> {
    let free = |(alias, item)| {
        let standing = match item {
            None => Standing::Nothing,
            Some(Alias::Tombstone(body)) => Standing::Tombstone(body),
            Some(Alias::Of(owner)) => {
                let contact = gone.iter().find(|contact| contact.id == owner)?;
                Standing::Gone(contact.clone())
            }
        };
        Some(FreeAlias { alias, standing })
    };
    aliases.into_iter().filter_map(free).collect()
}

/// The countries that the contact's number may be of, by its item; none if the item does not say so.
pub(crate) fn countries(item: &Item) -> Vec<Country> {
    let read = || -> Option<Vec<Country>> {
        let countries = item.get(COUNTRIES)?.as_l().ok()?;
        let country = |value: &AttributeValue| value.as_s().ok()?.parse().ok();
        // A country that is left out would be one whose quiet hours are not kept.
        countries.iter().map(country).collect()
    };
    read().unwrap_or_default()
}

impl Ledger {
    /// The contact or contacts that the identifiers belong to: two round trips, one if there are none.
    ///
    /// # Errors
    /// When DynamoDB fails or an item is not readable.
    pub async fn find(&self, identifiers: &Identifiers) -> Result<Found, LedgerError> {
        Ok(match self.look_up(identifiers).await? {
            Owner::Nobody(_) => Found::Nobody,
            Owner::One(subject) => Found::One(subject),
            Owner::Two(subjects) => Found::Two(subjects),
        })
    }

    /// What stays of somebody who was known by these identifiers and is not any more; none if nothing does.
    ///
    /// # Errors
    /// When DynamoDB fails or an item is not readable.
    pub async fn remembered(
        &self,
        identifiers: &Identifiers,
        rules: &Rules<'_>,
    ) -> Result<Option<Tombstone>, LedgerError> {
        let Owner::Nobody(free) = self.look_up(identifiers).await? else {
            return Ok(None);
        };
        let mut remembered = Tombstone::default();
        for free in &free {
            if let Some(wishes) = free.wishes(rules)? {
                remembered.merge(&wishes);
            }
        }
        Ok(Some(remembered).filter(|remembered| !remembered.is_empty()))
    }

    /// Whom the identifiers belong to, with what stands at the aliases that belong to nobody.
    pub(crate) async fn look_up(&self, identifiers: &Identifiers) -> Result<Owner, LedgerError> {
        let aliases = self.read_aliases(identifiers).await?;
        let mut ids: Vec<ContactId> = aliases
            .iter()
            .filter_map(|(_, alias)| alias.as_ref()?.owner())
            .collect();
        ids.dedup();
        let (mut subjects, mut gone) = (vec![], vec![]);
        for reading in self.read_all(&ids).await? {
            match reading {
                Reading::Whole(subject) => subjects.push(*subject),
                Reading::Gone(contact) => gone.push(contact),
            }
        }
        let free = free_aliases(aliases, &gone);
        let mut subjects = subjects.into_iter();
        Ok(match (subjects.next(), subjects.next()) {
            (None, _) => Owner::Nobody(free),
            (Some(mut subject), None) => {
                subject.new_aliases = free;
                subject.identity.learn(identifiers);
                Owner::One(Box::new(subject))
            }
            (Some(first), Some(second)) => Owner::Two(Box::new([first, second])),
        })
    }

    /// The contact with that id.
    ///
    /// # Errors
    /// When DynamoDB fails or an item is not readable.
    pub async fn read(&self, id: &ContactId) -> Result<Option<Subject>, LedgerError> {
        Ok(match self.read_all(&[*id]).await?.pop() {
            Some(Reading::Whole(subject)) => Some(*subject),
            Some(Reading::Gone(_)) | None => None,
        })
    }

    /// The alias of each identifier, with what the table says of it.
    pub(crate) async fn read_aliases(
        &self,
        identifiers: &Identifiers,
    ) -> Result<Vec<(Pseudonym, Option<Alias>)>, LedgerError> {
        let aliases: Vec<_> = identifiers
            .iter()
            .map(|identifier| self.keys.pseudonym.alias(&identifier))
            .collect();
        let keys = aliases.iter().map(schema::alias_key).collect();
        let items = self
            .batch_get("look up an alias", vec![(self.tables.ledger.clone(), keys)])
            .await?;
        let read = |alias: Pseudonym| {
            let key = schema::alias_key(&alias);
            let item = items.iter().find(|item| item.get(PK) == key.get(PK));
            Ok((alias, item.map(Alias::read).transpose()?))
        };
        aliases.into_iter().map(read).collect()
    }

    async fn read_all(&self, ids: &[ContactId]) -> Result<Vec<Reading>, LedgerError> {
        if ids.is_empty() {
            return Ok(vec![]);
        }
        let contacts = ids.iter().map(schema::contact_key).collect();
        let keys = ids.iter().map(schema::subject_key).collect();
        let requests = vec![(self.tables.ledger.clone(), contacts), (self.tables.keys.clone(), keys)];
        let items = self.batch_get("read a contact", requests).await?;
        let items = ReadItems::of(items);
        let read = |id: &ContactId| {
            let contact = items.get(&schema::contact_key(id));
            let contact = contact.filter(|item| schema::is_kind(item, Kind::Contact));
            let key = items.get(&schema::subject_key(id));
            Ok(match (contact, key) {
                (Some(item), Some(key)) => Reading::Whole(Box::new(self.subject(id, item, key)?)),
                // A contact without its key was erased: nothing personal of it can be read, and nothing may be made of it.
                (item, key) => Reading::Gone(Box::new(GoneContact {
                    id: *id,
                    has_key: key.is_some(),
                    registers: item.map(schema::body).transpose()?,
                })),
            })
        };
        ids.iter().map(read).collect()
    }

    fn subject(&self, id: &ContactId, item: &Item, key: &Item) -> Result<Subject, LedgerError> {
        let key = self.open_key(&schema::contact_pk(id), key)?;
        let owner = id.to_string();
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
}

impl Subject {
    /// A contact that nobody knew before, with a key of its own. It is not written yet.
    pub(crate) fn new(id: ContactId, identifiers: &Identifiers, aliases: Vec<FreeAlias>) -> Result<Self, LedgerError> {
        Ok(Self {
            contact: Contact::new(id),
            identity: identifiers.clone(),
            key: SubjectKey::generate().map_err(|_| LedgerError::NoEntropy)?,
            version: None,
            upkeep: Upkeep::default(),
            new_aliases: aliases,
        })
    }

    /// The contact, with the wishes that stayed of whoever had its new aliases before.
    pub(crate) fn remembering(&self, rules: &Rules<'_>) -> Result<Contact, LedgerError> {
        let mut contact = self.contact.clone();
        for free in &self.new_aliases {
            let Some(wishes) = free.wishes(rules)? else {
                continue;
            };
            match self.version {
                None => contact.begin_after(&wishes),
                Some(_) => contact.remember(&wishes),
            }
        }
        Ok(contact)
    }

    /// The contact's items as they will be: itself, its new aliases, and its key if it is new.
    pub(crate) fn sealed_identity(&self) -> Result<AttributeValue, LedgerError> {
        let plain = serde_json::to_vec(&self.identity).map_err(|_| LedgerError::corrupt(IDENTITY))?;
        let sealed = self.key.seal(&self.contact.id.to_string(), IDENTITY, &plain);
        Ok(schema::bytes(sealed.map_err(|_| LedgerError::NoEntropy)?.into_bytes()))
    }

    /// The contact's item after a decision.
    pub(crate) fn item(&self, contact: &Contact, upkeep: Upkeep) -> Result<Item, LedgerError> {
        let Upkeep { due_at, mut places } = upkeep;
        places.add_aliases(self.new_aliases.iter().map(|free| free.alias));
        let mut item = schema::contact_key(&contact.id);
        let body = serde_json::to_string(contact).map_err(|_| LedgerError::corrupt(BODY))?;
        item.insert(KIND.to_owned(), schema::s(schema::kind::CONTACT));
        item.insert(VERSION.to_owned(), schema::n(self.version.unwrap_or(0) + 1));
        item.insert(BODY.to_owned(), schema::s(body));
        item.insert(IDENTITY.to_owned(), self.sealed_identity()?);
        let countries = self.identity.countries().map(schema::s).collect();
        item.insert(COUNTRIES.to_owned(), AttributeValue::L(countries));
        let places = serde_json::to_string(&places).map_err(|_| LedgerError::corrupt(PLACES))?;
        item.insert(PLACES.to_owned(), schema::s(places));
        if let Some(due_at) = due_at {
            schema::set_due(&mut item, Kind::Contact, schema::contact_shard(&contact.id), due_at);
        }
        Ok(item)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use consent::zone::Zone;
    use identity::PhoneNumber;
    use proptest::prelude::*;

    use super::*;

    fn item_of(identity: &Identifiers) -> Item {
        let subject = Subject::new(ContactId::from_bytes([7; 16]), identity, vec![]).unwrap();
        subject.item(&subject.contact, Upkeep::default()).unwrap()
    }

    fn item_with(countries: AttributeValue) -> Item {
        Item::from([(COUNTRIES.to_owned(), countries)])
    }

    #[test]
    fn the_clocks_are_known_in_every_country_that_a_number_can_be_of_but_kosovo() {
        let numbers = (1..=9_999).map(|beginning| PhoneNumber::from_wa_id(&format!("{beginning}0000000")).unwrap());
        let countries: BTreeSet<Country> = numbers
            .flat_map(|number| number.countries())
            .map(|country| country.parse().unwrap())
            .collect();
        let without: Vec<_> = countries.iter().filter(|one| Zone::of(**one).is_empty()).collect();
        // It has no code in ISO 3166-1, so the database of zones does not know it.
        assert_eq!(without, [&"XK".parse().unwrap()]);
    }

    #[test]
    fn where_one_country_cannot_be_read_none_is_known() {
        let list = |values: &[&str]| AttributeValue::L(values.iter().copied().map(schema::s).collect());
        assert_eq!(countries(&item_with(list(&["DE"]))), ["DE".parse().unwrap()]);
        for unreadable in [list(&[]), list(&["DE", "Germany"]), schema::s("DE"), schema::n(49)] {
            assert_eq!(countries(&item_with(unreadable.clone())), [], "{unreadable:?}");
        }
        assert_eq!(countries(&Item::new()), []);
    }

    proptest! {
        #[test]
        fn the_countries_of_a_contact_are_read_as_they_were_written(
            number in prop::option::of("[1-9][0-9]{6,14}"),
            id in "[A-Z]{2}\\.[0-9]{5}",
        ) {
            let identity = Identifiers::from_meta(number.as_deref(), Some(&id)).unwrap();
            let read = countries(&item_of(&identity));
            let written: Vec<_> = identity.countries().collect();
            prop_assert_eq!(read.iter().map(Country::as_str).collect::<Vec<_>>(), written);
        }
    }
}
