//! Judging recipients one by one, with everything that a decision needs: whose ids they are, the contact, its evidence.
//!
//! Nothing personal is opened, and no key is read: only whether a contact's key is there. One without it was erased and counts as
//! unknown.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use consent::campaign::{Circumstances, Health, Listing, Message, Proof, Recipient, Usage, decide};
use consent::contact::Contact;
use consent::id::{ContactId, PurposeId};
use consent::policy::{Country, Policy};
use consent::retention::Kind;
use consent::time::Time;
use futures::{StreamExt, stream};
use identity::Pseudonym;

use crate::alias::Alias;
use crate::contact::countries;
use crate::error::LedgerError;
use crate::places::Places;
use crate::read::{MOST_KEYS, ReadItems};
use crate::schema::{self, Item, PLACES, VERSION};
use crate::store::Ledger;

use super::{Judged, RecipientId};

/// How many recipients are read together: each may have two aliases, and a contact has its key beside it.
pub(super) const CHUNK: usize = MOST_KEYS / 2;

/// How many chunks are read at a time.
const CHUNKS_AT_A_TIME: usize = 8;

/// Whom a recipient turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Whom {
    /// Neither a number nor an id was given.
    Bad,
    /// It could not be found out.
    Unread,
    /// Nobody that is known.
    Stranger(Pseudonym),
    /// This contact, if it is still there.
    Contact(ContactId),
}

/// A contact as far as a decision needs it.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) contact: Contact,
    pub(super) countries: Vec<Country>,
    pub(super) places: Places,
    pub(super) version: i64,
}

/// A recipient with all that was read about them.
#[derive(Debug, Clone)]
pub(super) enum Reading {
    Bad,
    Unread,
    Unknown,
    Known(Arc<Known>, Option<Proof>),
}

/// Tells who was met before in a list.
#[derive(Debug, Default)]
pub(super) struct Met(HashSet<Whom>);

impl Met {
    /// Whether the recipient was met before, and from now on they were.
    pub(super) fn listing(&mut self, whom: Whom) -> Listing {
        match whom {
            Whom::Bad | Whom::Unread => Listing::First,
            Whom::Stranger(_) | Whom::Contact(_) if self.0.insert(whom) => Listing::First,
            Whom::Stranger(_) | Whom::Contact(_) => Listing::Duplicate,
        }
    }
}

impl Ledger {
    /// Judges recipients, none of whom is written to. The answers come in order; who could not be read is denied as such, and who is listed
    /// twice is judged where they are first.
    #[expect(
        clippy::too_many_arguments,
        reason = "a decision takes all of it, and nothing of it belongs together"
    )]
    pub async fn judge(
        &self,
        who: &[Option<RecipientId>],
        purpose: &PurposeId,
        message: &Message<'_>,
        health: Option<&Health>,
        usage: Option<Usage>,
        policy: &Policy,
        now: Time,
    ) -> Vec<Judged> {
        let read = self.read_recipients(who, purpose).await;
        let mut met = Met::default();
        let judge = |(whom, reading): (Whom, Reading)| {
            let listing = met.listing(whom);
            let mut circumstances = Circumstances {
                listing,
                health,
                usage,
                ..Circumstances::default()
            };
            let (contact, recipient) = match &reading {
                Reading::Bad => (None, Recipient::Bad),
                Reading::Unread => (None, Recipient::Unread),
                Reading::Unknown => (None, Recipient::Unknown),
                Reading::Known(known, proof) => {
                    (circumstances.countries, circumstances.proof) = (&known.countries, *proof);
                    (Some(known.contact.id), Recipient::Known(&known.contact))
                }
            };
            let judgement = decide(recipient, purpose, message, &circumstances, policy, now);
            Judged {
                contact,
                reference: None,
                judgement,
            }
        };
        read.into_iter().map(judge).collect()
    }

    /// What is there of some recipients, in order.
    pub(super) async fn read_recipients(
        &self,
        who: &[Option<RecipientId>],
        purpose: &PurposeId,
    ) -> Vec<(Whom, Reading)> {
        let chunks: Vec<_> = who.chunks(CHUNK).map(|chunk| self.read_chunk(chunk, purpose)).collect();
        let read: Vec<Vec<_>> = stream::iter(chunks).buffered(CHUNKS_AT_A_TIME).collect().await;
        read.into_iter().flatten().collect()
    }

    /// What is there of some recipients; all of them are unread if anything fails.
    async fn read_chunk(&self, who: &[Option<RecipientId>], purpose: &PurposeId) -> Vec<(Whom, Reading)> {
        match self.try_read_chunk(who, purpose).await {
            Ok(read) => read,
            Err(_) => who.iter().map(|_| (Whom::Unread, Reading::Unread)).collect(),
        }
    }

    async fn try_read_chunk(
        &self,
        who: &[Option<RecipientId>],
        purpose: &PurposeId,
    ) -> Result<Vec<(Whom, Reading)>, LedgerError> {
        let aliases = self
            .batch_get_unopened("look up recipients", self.alias_keys(who), vec![])
            .await?;
        let whom = self.resolve(who, &aliases);
        let (contacts, keys) = contact_keys(contacts_of(&whom));
        let items = self.batch_get_unopened("read recipients", contacts, keys).await?;
        let known: HashMap<_, _> = contacts_of(&whom).map(|id| (id, read_known(&items, &id))).collect();
        let there: Vec<_> = known.values().flatten().flatten().map(|known| &known.contact).collect();
        let proofs = self.proofs(&there, purpose).await?;
        let reading = |(id, known): (ContactId, Result<Option<Known>, LedgerError>)| {
            let reading = match known {
                Ok(Some(known)) => Reading::Known(Arc::new(known), proofs.get(&id).copied()),
                Ok(None) => Reading::Unknown,
                Err(_) => Reading::Unread,
            };
            (id, reading)
        };
        let readings: HashMap<_, _> = known.into_iter().map(reading).collect();
        let reading = |whom: Whom| {
            let reading = match whom {
                Whom::Bad => Reading::Bad,
                Whom::Unread => Reading::Unread,
                Whom::Stranger(_) => Reading::Unknown,
                Whom::Contact(id) => readings.get(&id).cloned().unwrap_or(Reading::Unread),
            };
            (whom, reading)
        };
        Ok(whom.into_iter().map(reading).collect())
    }

    /// The keys of all aliases that the recipients are named by.
    pub(super) fn alias_keys(&self, who: &[Option<RecipientId>]) -> Vec<Item> {
        let aliases: BTreeSet<_> = who.iter().flatten().flat_map(|who| self.aliases_of(who)).collect();
        aliases.iter().map(schema::alias_key).collect()
    }

    fn aliases_of(&self, who: &RecipientId) -> Vec<Pseudonym> {
        let RecipientId::Person(identifiers) = who else {
            return vec![];
        };
        identifiers
            .iter()
            .map(|identifier| self.keys.pseudonym.alias(&identifier))
            .collect()
    }

    /// Whom the recipients are, by the items of their aliases. Where the number is one contact's and the id another's, nobody goes by
    /// both.
    pub(super) fn resolve(&self, who: &[Option<RecipientId>], aliases: &ReadItems) -> Vec<Whom> {
        let whom = |who: &Option<RecipientId>| match who {
            None => Whom::Bad,
            Some(RecipientId::Contact(id)) => Whom::Contact(*id),
            Some(person) => self.owner_of(&self.aliases_of(person), aliases),
        };
        who.iter().map(whom).collect()
    }

    fn owner_of(&self, named: &[Pseudonym], aliases: &ReadItems) -> Whom {
        let items = named.iter().filter_map(|alias| aliases.get(&schema::alias_key(alias)));
        let Ok(read) = items.map(Alias::read).collect::<Result<Vec<_>, _>>() else {
            return Whom::Unread;
        };
        let owners: BTreeSet<_> = read.iter().filter_map(Alias::owner).collect();
        let mut owners = owners.into_iter();
        match (owners.next(), owners.next(), named.first()) {
            (Some(owner), None, _) => Whom::Contact(owner),
            (_, _, Some(alias)) => Whom::Stranger(*alias),
            (_, _, None) => Whom::Bad,
        }
    }
}

/// The contacts among the recipients, each once.
pub(super) fn contacts_of(whom: &[Whom]) -> impl Iterator<Item = ContactId> {
    let contact = |whom: &Whom| match whom {
        Whom::Contact(id) => Some(*id),
        Whom::Bad | Whom::Unread | Whom::Stranger(_) => None,
    };
    whom.iter().filter_map(contact).collect::<BTreeSet<_>>().into_iter()
}

/// The keys of the contacts' items, and of their rows in the key table.
pub(super) fn contact_keys(contacts: impl IntoIterator<Item = ContactId>) -> (Vec<Item>, Vec<Item>) {
    let keys = contacts.into_iter();
    keys.map(|id| (schema::contact_key(&id), schema::subject_key(&id)))
        .unzip()
}

/// The contact's item; none if it is not there, or cannot be read by anybody any more.
pub(super) fn readable<'a>(items: &'a ReadItems, id: &ContactId) -> Option<&'a Item> {
    items.get(&schema::subject_key(id))?;
    let item = items.get(&schema::contact_key(id))?;
    schema::is_kind(item, Kind::Contact).then_some(item)
}

/// The contact as its item says it; none if it is not there, or cannot be read by anybody any more.
pub(super) fn read_known(items: &ReadItems, id: &ContactId) -> Result<Option<Known>, LedgerError> {
    let read = |item: &Item| {
        Ok(Known {
            contact: schema::body(item)?,
            countries: countries(item),
            places: schema::json(item, PLACES)?,
            version: schema::number(item, VERSION)?,
        })
    };
    readable(items, id).map(read).transpose()
}
