//! A campaign's question about each contact, and the contacts it is asked about, a hundred at a time.

use std::collections::HashMap;

use consent::campaign::{
    Campaign, Circumstances, Health, Judgement, Listing, Message, Proof, Recipient, Usage, decide,
};
use consent::contact::Contact;
use consent::id::{ContactId, PurposeId};
use consent::policy::{Country, Policy};
use consent::retention::Kind;
use consent::time::Time;

use crate::contact::countries;
use crate::error::LedgerError;
use crate::schema::{self, Item, PK};
use crate::store::Ledger;

/// How many contacts are read together: a BatchGetItem takes 100 items.
pub(super) const BATCH: usize = 100;

/// A contact, as far as its item alone tells.
#[derive(Debug)]
pub(crate) struct Candidate {
    pub(crate) contact: Contact,
    /// The countries that the number may be of; none if that is not known.
    pub(crate) countries: Vec<Country>,
}

impl Candidate {
    /// The contact of an item.
    pub(super) fn read(item: &Item) -> Result<Self, LedgerError> {
        Ok(Self {
            contact: schema::body(item)?,
            countries: countries(item),
        })
    }
}

/// What a campaign asks about each recipient.
#[derive(Debug, Clone, Copy)]
pub(super) struct Question<'a> {
    purpose: &'a PurposeId,
    message: Message<'a>,
    health: &'a Health,
    usage: Option<Usage>,
    policy: &'a Policy,
    now: Time,
}

impl<'a> Question<'a> {
    pub(super) fn of(
        campaign: &'a Campaign,
        health: &'a Health,
        usage: Option<Usage>,
        policy: &'a Policy,
        now: Time,
    ) -> Self {
        Self {
            purpose: &campaign.plan.purpose,
            message: campaign.plan.message(&campaign.id, now),
            health,
            usage,
            policy,
            now,
        }
    }

    /// The engine's answer on a contact.
    pub(super) fn on(
        &self,
        contact: &Contact,
        countries: &[Country],
        proof: Option<Proof>,
        listing: Listing,
    ) -> Judgement {
        let circumstances = Circumstances {
            listing,
            proof,
            countries,
            ..self.circumstances()
        };
        self.answer(Recipient::Known(contact), &circumstances)
    }

    /// The same as far as the contact's registers tell. That is enough for a check; evidence is read where it comes to sending.
    pub(super) fn on_registers_of(&self, candidate: &Candidate) -> Judgement {
        let Candidate { contact, countries } = candidate;
        self.on(contact, countries, Some(Proof::Registers), Listing::First)
    }

    /// The engine's answer on somebody whom the ledger does not know, or cannot tell of.
    pub(super) fn on_nobody(&self, recipient: Recipient<'_>, listing: Listing) -> Judgement {
        let circumstances = Circumstances {
            listing,
            ..self.circumstances()
        };
        self.answer(recipient, &circumstances)
    }

    fn circumstances(&self) -> Circumstances<'a> {
        Circumstances {
            health: Some(self.health),
            usage: self.usage,
            ..Circumstances::default()
        }
    }

    fn answer(&self, recipient: Recipient<'_>, circumstances: &Circumstances<'_>) -> Judgement {
        decide(
            recipient,
            self.purpose,
            &self.message,
            circumstances,
            self.policy,
            self.now,
        )
    }
}

impl Ledger {
    /// Those of at most [`BATCH`] different contacts that are there, as their items say them; one that cannot be read is there as
    /// nothing. Consistent, and one call unless DynamoDB leaves some for another.
    pub(crate) async fn candidates(
        &self,
        ids: &[ContactId],
    ) -> Result<HashMap<ContactId, Option<Candidate>>, LedgerError> {
        let keys = ids.iter().map(schema::contact_key).collect();
        let request = vec![(self.tables.ledger.clone(), keys)];
        let items = self.batch_get("read contacts", request).await?;
        items
            .iter()
            // What is left of a contact on its way out is none.
            .filter(|item| schema::is_kind(item, Kind::Contact))
            .map(|item| Ok((id_of(item)?, Candidate::read(item).ok())))
            .collect()
    }
}

/// Whose item it is.
pub(super) fn id_of(item: &Item) -> Result<ContactId, LedgerError> {
    schema::contact_id(schema::text(item, PK)?).ok_or(LedgerError::corrupt(PK))
}
