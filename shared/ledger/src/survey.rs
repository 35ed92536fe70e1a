//! Going through everything, for figures and for whoever has to know whom something concerns.

use std::pin::pin;

use consent::case::Case;
use consent::contact::Contact;
use consent::evidence::Evidence;
use consent::id::ContactId;
use consent::retention::Kind;
use consent::time::Time;
use futures::{Stream, TryStreamExt, stream};
use serde::Deserialize;

use crate::error::LedgerError;
use crate::schema::{self, BODY, Item, KIND, PK};
use crate::store::Ledger;

/// Into how many segments the table is divided, which are read beside each other.
const SEGMENTS: i32 = 8;

/// A record that a survey meets. Of a contact, its own record comes before its events.
#[derive(Debug, Clone)]
pub enum Surveyed {
    /// A contact.
    Contact(Box<Contact>),
    /// An event of a contact, as long as it is whole.
    Evidence(ContactId, Box<Evidence>),
    /// That a campaign's message was allowed to go to a contact.
    Send {
        /// The contact.
        contact: ContactId,
        /// When.
        decided_at: Time,
    },
    /// That a stop of a contact may have been missed.
    Finding {
        /// The contact.
        contact: ContactId,
        /// When that was found out.
        at: Time,
    },
    /// A case.
    Case(Box<Case>),
}

#[derive(Deserialize)]
struct Decided {
    decided_at: Time,
    #[serde(default)]
    at: Option<Time>,
}

impl Ledger {
    /// Shows every contact, event, send, finding and case. It reads the whole table: about a unit for each eight kilobytes. What
    /// cannot be read is counted in the answer.
    ///
    /// # Errors
    /// When DynamoDB fails, or the deadline comes before the end.
    pub async fn survey(&self, visit: &mut (dyn FnMut(Surveyed) + Send)) -> Result<u64, LedgerError> {
        let segments = (0..SEGMENTS).map(|segment| Box::pin(self.pages(segment)));
        let mut pages = pin!(stream::select_all(segments));
        let mut unreadable = 0;
        while let Some(items) = pages.try_next().await? {
            for item in items {
                match surveyed(&item) {
                    Ok(Some(record)) => visit(record),
                    Ok(None) => {}
                    Err(_) => unreadable += 1,
                }
            }
        }
        Ok(unreadable)
    }

    /// The pages of a segment.
    fn pages(&self, segment: i32) -> impl Stream<Item = Result<Vec<Item>, LedgerError>> {
        let what = "survey the ledger";
        stream::try_unfold(Some(None), move |after: Option<Option<Item>>| async move {
            let Some(after) = after else {
                return Ok(None);
            };
            let call = self
                .client
                .scan()
                .table_name(&self.tables.ledger)
                .segment(segment)
                .total_segments(SEGMENTS)
                .filter_expression("#kind IN (:contact, :evidence, :send, :finding, :case)")
                .projection_expression("#pk, #kind, #body")
                .expression_attribute_names("#pk", PK)
                .expression_attribute_names("#kind", KIND)
                .expression_attribute_names("#body", BODY)
                .expression_attribute_values(":contact", schema::s(schema::kind::CONTACT))
                .expression_attribute_values(":evidence", schema::s(schema::kind::EVIDENCE))
                .expression_attribute_values(":send", schema::s(schema::kind::SEND))
                .expression_attribute_values(":finding", schema::s(schema::kind::FINDING))
                .expression_attribute_values(":case", schema::s(schema::kind::CASE))
                .set_exclusive_start_key(after)
                .send();
            let page = self
                .within(what, call)
                .await?
                .map_err(|error| LedgerError::call(what, &error))?;
            let rest = page.last_evaluated_key.map(Some);
            Ok(Some((page.items.unwrap_or_default(), rest)))
        })
    }
}

/// What an item says; none if it is an event that was reduced.
fn surveyed(item: &Item) -> Result<Option<Surveyed>, LedgerError> {
    let contact = || schema::contact_id(schema::text(item, PK)?).ok_or(LedgerError::corrupt(PK));
    let kind: Kind = schema::parsed(item, KIND)?;
    Ok(Some(match kind {
        Kind::Contact => Surveyed::Contact(Box::new(schema::body(item)?)),
        Kind::Evidence if !item.contains_key(BODY) => return Ok(None),
        Kind::Evidence => Surveyed::Evidence(contact()?, Box::new(schema::body(item)?)),
        Kind::Send => {
            let Decided { decided_at, .. } = schema::body(item)?;
            Surveyed::Send {
                contact: contact()?,
                decided_at,
            }
        }
        Kind::Finding => {
            let Decided { decided_at, at } = schema::body(item)?;
            Surveyed::Finding {
                contact: contact()?,
                at: at.unwrap_or(decided_at),
            }
        }
        Kind::Case => Surveyed::Case(Box::new(schema::body(item)?)),
        // The filter lets nothing else through.
        _ => return Err(LedgerError::corrupt(KIND)),
    }))
}
