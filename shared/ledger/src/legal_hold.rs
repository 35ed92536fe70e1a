//! Legal holds: while one stands, nothing of its contact is deleted (Art. 17(3)(b) and (e) GDPR). Each ends by itself.

use std::fmt;

use aws_sdk_dynamodb::types::{ConditionCheck, Delete, TransactWriteItem};
use consent::id::ContactId;
use consent::retention::Kind;
use consent::time::Time;

use crate::error::LedgerError;
use crate::schema::{self, KIND, PK, REASON, UNTIL};
use crate::store::{Ledger, action};
use crate::transaction::{Transacted, check_action, delete_action};

/// Why a contact's records must be kept. It is written by hand and may name somebody, so it is never shown; it is sealed before it
/// is stored.
#[derive(Clone, PartialEq, Eq)]
pub struct HoldReason(String);

impl HoldReason {
    /// The reason as it was given.
    pub fn new(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl fmt::Debug for HoldReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HoldReason([redacted])")
    }
}

/// That a contact's records must be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LegalHold {
    /// Until when. From then on it counts for nothing, whether the purge has deleted it yet or not.
    pub until: Time,
    /// Why.
    pub reason: HoldReason,
}

impl Ledger {
    /// Holds a contact's records, in place of a hold that stands. False if there is no such contact.
    ///
    /// # Errors
    /// When DynamoDB fails or an item is not readable.
    pub async fn hold(&self, contact: &ContactId, hold: &LegalHold, now: Time) -> Result<bool, LedgerError> {
        let Some(subject) = self.read(contact).await? else {
            return Ok(false);
        };
        let sealed = subject
            .key
            .seal(&contact.to_string(), REASON, hold.reason.0.as_bytes())
            .map_err(|_| LedgerError::NoEntropy)?;
        let mut item = schema::legal_hold_key(contact);
        item.insert(KIND.to_owned(), schema::s(schema::kind::LEGAL_HOLD));
        item.insert(UNTIL.to_owned(), schema::time(hold.until));
        item.insert(REASON.to_owned(), schema::bytes(sealed.into_bytes()));
        item.insert(schema::OBSERVED_AT.to_owned(), schema::time(now));
        schema::set_due(&mut item, Kind::LegalHold, schema::contact_shard(contact), hold.until);
        let is_there = ConditionCheck::builder()
            .table_name(&self.tables.ledger)
            .set_key(Some(schema::contact_key(contact)))
            .condition_expression("#kind = :contact")
            .expression_attribute_names("#kind", KIND)
            .expression_attribute_values(":contact", schema::s(schema::kind::CONTACT));
        let actions = [
            check_action(is_there.build())?,
            action(self.put_ledger().set_item(Some(item)))?,
        ];
        let held = self.transact("hold a contact's records", &actions).await?;
        Ok(held == Transacted::Committed)
    }

    /// Ends the hold on a contact's records. False if there was none.
    ///
    /// # Errors
    /// When DynamoDB fails.
    pub async fn release_hold(&self, contact: &ContactId) -> Result<bool, LedgerError> {
        let call = self
            .client
            .delete_item()
            .table_name(&self.tables.ledger)
            .set_key(Some(schema::legal_hold_key(contact)))
            .condition_expression(format!("attribute_exists({PK})"))
            .send();
        self.conditionally("release a contact's records", call).await
    }

    /// Until when a contact's records are held; none if no hold stands at that time.
    ///
    /// # Errors
    /// When DynamoDB fails or the item is not readable.
    pub async fn held_until(&self, contact: &ContactId, now: Time) -> Result<Option<Time>, LedgerError> {
        let until = self.hold_until(contact).await?;
        Ok(until.filter(|until| now < *until))
    }

    /// The end of the hold that is there, whether it stands or is over.
    pub(crate) async fn hold_until(&self, contact: &ContactId) -> Result<Option<Time>, LedgerError> {
        let item = self
            .get("look for a legal hold", schema::legal_hold_key(contact))
            .await?;
        item.map_or(Ok(None), |item| schema::time_if_there(&item, UNTIL))
    }

    /// The condition that no legal hold stands against what a transaction does to a contact.
    pub(crate) fn no_hold(&self, contact: &ContactId, now: Time) -> Result<TransactWriteItem, LedgerError> {
        let check = ConditionCheck::builder()
            .table_name(&self.tables.ledger)
            .set_key(Some(schema::legal_hold_key(contact)))
            .condition_expression(format!("attribute_not_exists({PK}) OR #until <= :now"))
            .expression_attribute_names("#until", UNTIL)
            .expression_attribute_values(":now", schema::time(now));
        check_action(check.build())
    }

    /// The deletion of a hold that is over.
    pub(crate) fn delete_past_hold(&self, contact: &ContactId, now: Time) -> Result<TransactWriteItem, LedgerError> {
        let delete = Delete::builder()
            .table_name(&self.tables.ledger)
            .set_key(Some(schema::legal_hold_key(contact)))
            .condition_expression("#until <= :now")
            .expression_attribute_names("#until", UNTIL)
            .expression_attribute_values(":now", schema::time(now));
        delete_action(delete.build())
    }
}
