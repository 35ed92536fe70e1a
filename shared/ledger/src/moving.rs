//! People whose number or id is another one now. Two contacts are written, in a transaction each, and both can be repeated.

use consent::contact::{Carried, Contact};
use consent::decide::Rules;
use consent::event::{Act, Event};
use consent::evidence::DeliveryEvidence;
use consent::id::EventId;
use consent::time::Time;
use identity::{Identifiers, PseudonymDomain};

use crate::change::Who;
use crate::contact::Found;
use crate::error::LedgerError;
use crate::store::Ledger;

/// A number or id that went from one identity to another, or may have another owner now.
#[derive(Debug)]
pub struct Move {
    /// The event that says so.
    pub event: EventId,
    /// When it happened.
    pub at: Time,
    /// What the person was known by, if that is said.
    pub from: Option<Identifiers>,
    /// What they are known by now, if that is said.
    pub to: Option<Identifiers>,
    /// The signed webhook that says so; none if somebody had it corrected.
    pub delivery: Option<DeliveryEvidence>,
}

impl Ledger {
    /// A number or id that changed hands: stops travel to the new identity, grants end on both.
    ///
    /// # Errors
    /// When DynamoDB fails or an item is not readable. Doing it again does the rest.
    pub async fn move_person(&self, change: &Move, rules: &Rules<'_>) -> Result<(), LedgerError> {
        let event = |act| Event {
            id: change.event,
            at: change.at,
            act,
            delivery: change.delivery.clone(),
        };
        let old = self.contact_of(change.from.as_ref()).await?;
        let new = self.contact_of(change.to.as_ref()).await?;
        let (old, to) = match (old, change.to.clone()) {
            (Some(old), Some(to)) if new.as_ref().is_none_or(|new| new.id != old.id) => (old, to),
            (None, Some(to))
                if let Some(carried) = self.left_behind(change.from.as_ref(), change.at, rules).await? =>
            {
                self.record(&Who::Person(to), &[event(Act::Arrived(carried))], rules)
                    .await?;
                return Ok(());
            }
            (old, to) => {
                // Nobody to take anything along from, no word of where they went, or the same contact under a further id. Whoever
                // is known there must agree anew.
                let who = to
                    .or(change.from.clone())
                    .map(Who::IfKnown)
                    .or(old.map(|old| Who::Contact(old.id)));
                if let Some(who) = who {
                    self.record(&who, &[event(Act::Left { to: None })], rules).await?;
                }
                return Ok(());
            }
        };
        let arrival = event(Act::Arrived(old.carried(change.at)));
        for arrived in self.record(&Who::Person(to), &[arrival], rules).await? {
            let Some(new) = arrived.contact else { continue };
            let departure = [event(Act::Left { to: Some(new.id) })];
            for left in self.record(&Who::Contact(old.id), &departure, rules).await? {
                // What stopped between the two steps goes along as well.
                if let Some(old) = left.contact {
                    self.take_along(&old, &departure, rules).await?;
                }
            }
        }
        Ok(())
    }

    /// Brings stops that reached a contact after it had moved to where it moved to. Each time the same event makes the same
    /// record there, so a repetition changes nothing.
    ///
    /// # Errors
    /// When DynamoDB fails or an item is not readable.
    pub async fn take_along(&self, contact: &Contact, events: &[Event], rules: &Rules<'_>) -> Result<(), LedgerError> {
        let Some(moved) = contact.moved.get() else {
            return Ok(());
        };
        let travels = |event: &&Event| event.binds_the_person() || matches!(event.act, Act::Left { to: Some(_) });
        let arrivals: Vec<_> = events
            .iter()
            .filter(travels)
            .map(|event| Event {
                id: self.event_id(
                    PseudonymDomain::Event,
                    &[b"taken along".as_slice(), event.id.as_bytes()],
                ),
                at: moved.at,
                act: Act::Arrived(contact.carried(moved.at)),
                delivery: event.delivery.clone(),
            })
            .collect();
        if !arrivals.is_empty() {
            self.record(&Who::Contact(moved.to), &arrivals, rules).await?;
        }
        Ok(())
    }

    /// What travels from a number or id whose contact is gone.
    async fn left_behind(
        &self,
        who: Option<&Identifiers>,
        at: Time,
        rules: &Rules<'_>,
    ) -> Result<Option<Carried>, LedgerError> {
        let Some(who) = who else {
            return Ok(None);
        };
        let remembered = self.remembered(who, rules).await?;
        Ok(remembered.and_then(|tombstone| tombstone.carried(at)))
    }

    async fn contact_of(&self, who: Option<&Identifiers>) -> Result<Option<Contact>, LedgerError> {
        let Some(who) = who else {
            return Ok(None);
        };
        Ok(match self.find(who).await? {
            Found::Nobody => None,
            Found::One(subject) => Some(subject.contact),
            Found::Two(subjects) => {
                let [first, _] = *subjects;
                Some(first.contact)
            }
        })
    }
}
