//! The audience that is everyone who has consented to a purpose: found by going through the table, since nobody lists them.

use consent::campaign::{Everyone, Listing, Recipient, Tally};
use consent::id::ContactId;
use consent::policy::Policy;
use consent::time::Time;

use crate::error::LedgerError;
use crate::schema::{self, BODY, COUNTRIES, Item, KIND, PK};
use crate::store::Ledger;

use super::candidates::{Candidate, Question};

/// Into how many segments the table is divided for a check. Each is a worker's share.
pub(super) const SEGMENTS: u8 = 32;

/// A share of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Segment {
    pub(super) number: u8,
    pub(super) of: u8,
}

impl Segment {
    pub(super) const WHOLE_TABLE: Self = Self { number: 0, of: 1 };
}

/// Some of the contacts that there are.
pub(super) struct Crowd {
    /// Their items, in the order of the table.
    pub(super) items: Vec<Item>,
    /// Where the table goes on; none at its end.
    pub(super) next: Option<Item>,
}

impl Ledger {
    /// Judges everyone in a segment; none if the time was up before its end.
    pub(super) async fn judge_segment(
        &self,
        everyone: &Everyone,
        segment: Segment,
        question: &Question<'_>,
        policy: &Policy,
        now: Time,
        has_time: &(dyn Fn() -> bool + Sync),
    ) -> Result<Option<Tally>, LedgerError> {
        let (mut tally, mut after) = (Tally::default(), None);
        loop {
            if !has_time() {
                return Ok(None);
            }
            let crowd = self.crowd(segment, after, None).await?;
            for item in &crowd.items {
                match Candidate::read(item) {
                    Ok(candidate) => {
                        if everyone.includes(&candidate.contact, &candidate.countries, policy, now) {
                            tally.add(question.on_registers_of(&candidate));
                        }
                    }
                    // Whether they belong to it cannot be told.
                    Err(_) => tally.add(question.on_nobody(Recipient::Unread, Listing::First)),
                }
            }
            after = crowd.next;
            if after.is_none() {
                return Ok(Some(tally));
            }
        }
    }

    /// The contacts among the next items of a segment: as many items as DynamoDB reads at once, or as `most` says.
    pub(super) async fn crowd(
        &self,
        segment: Segment,
        after: Option<Item>,
        most: Option<i32>,
    ) -> Result<Crowd, LedgerError> {
        let what = "go through the contacts";
        let call = self
            .client
            .scan()
            .table_name(&self.tables.ledger)
            .consistent_read(true)
            .segment(i32::from(segment.number))
            .total_segments(i32::from(segment.of))
            .filter_expression("#kind = :contact")
            .projection_expression("#pk, #kind, #body, #countries")
            .expression_attribute_names("#pk", PK)
            .expression_attribute_names("#kind", KIND)
            .expression_attribute_names("#body", BODY)
            .expression_attribute_names("#countries", COUNTRIES)
            .expression_attribute_values(":contact", schema::s(schema::kind::CONTACT))
            .set_exclusive_start_key(after)
            .set_limit(most)
            .send();
        let page = self
            .within(what, call)
            .await?
            .map_err(|error| LedgerError::call(what, &error))?;
        Ok(Crowd {
            items: page.items.unwrap_or_default(),
            next: page.last_evaluated_key,
        })
    }

    /// The contacts that come after one in the table.
    pub(super) async fn crowd_after(&self, contact: Option<&ContactId>, most: i32) -> Result<Crowd, LedgerError> {
        let mut crowd = Crowd {
            items: vec![],
            next: contact.map(schema::contact_key),
        };
        // Most of the table is none of the contacts. Nothing but a contact can be named as the place to go on from.
        loop {
            crowd = self.crowd(Segment::WHOLE_TABLE, crowd.next, Some(most)).await?;
            if !crowd.items.is_empty() || crowd.next.is_none() {
                return Ok(crowd);
            }
        }
    }
}
