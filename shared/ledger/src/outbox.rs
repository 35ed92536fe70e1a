//! The outbox: messages that were decided, and what became of them.
//!
//! A message is claimed for a while before it is sent. If the claim runs out without a word, nobody knows whether the message
//! went out, and it is not sent again: Meta's status webhook brings the callback data back and settles it.

use std::fmt;
use std::str::FromStr;

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{ReturnValue, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update};
use consent::id::{ContactId, OutgoingId};
use consent::outgoing::Outgoing;
use consent::time::{Span, Time};

use crate::error::LedgerError;
use crate::schema::{
    self, ATTEMPTS, BODY, CONTACT, DUE_AT, DUE_INDEX, DUE_SHARD, Item, KIND, OUTBOX_SHARDS, PK, REASON, STATE,
};
use crate::store::{Ledger, action};

/// Where a message stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OutboxState {
    /// It waits to be sent.
    Waiting,
    /// Someone is sending it.
    Claimed,
    /// It may have gone out: Meta's status webhook will tell.
    Uncertain,
    /// Meta accepted it.
    Sent,
    /// It could not be sent.
    Failed,
    /// It was not to be sent any more.
    Dropped,
}

impl OutboxState {
    const ALL: [Self; 6] = [
        Self::Waiting,
        Self::Claimed,
        Self::Uncertain,
        Self::Sent,
        Self::Failed,
        Self::Dropped,
    ];

    fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Claimed => "claimed",
            Self::Uncertain => "uncertain",
            Self::Sent => "sent",
            Self::Failed => "failed",
            Self::Dropped => "dropped",
        }
    }

    /// Whether nothing more will happen to the message.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Sent | Self::Failed | Self::Dropped)
    }
}

impl fmt::Display for OutboxState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for OutboxState {
    type Err = LedgerError;

    fn from_str(text: &str) -> Result<Self, LedgerError> {
        Self::ALL
            .into_iter()
            .find(|state| state.as_str() == text)
            .ok_or(LedgerError::corrupt(STATE))
    }
}

/// A message of the outbox.
#[derive(Debug, Clone)]
pub struct OutboxMessage {
    /// What was decided.
    pub outgoing: Outgoing,
    /// Whom it goes to.
    pub contact: ContactId,
    /// Where it stands.
    pub state: OutboxState,
    /// How often sending was begun.
    pub attempts: u32,
    /// When something is due to happen to it.
    pub due_at: Option<Time>,
}

/// A message that may be sent now, by the caller alone.
#[derive(Debug, Clone)]
pub struct Claimed {
    /// The message.
    pub message: OutboxMessage,
    /// Which attempt this is, from 1.
    pub attempt: u32,
}

/// What came of trying to claim a message.
#[derive(Debug, Clone)]
pub enum Claim {
    /// The caller may send it.
    Claimed(Box<Claimed>),
    /// Its last sender never said what came of it.
    Abandoned(Box<OutboxMessage>),
    /// Its reconciliation ran out: Meta never told whether it went out.
    Unreconciled(Box<OutboxMessage>),
    /// There is nothing to do at this time.
    NotDue,
}

/// What a message becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled {
    /// Meta accepted it.
    Sent,
    /// It waits for another attempt.
    Retry(Time),
    /// It may have gone out; until then Meta may still tell.
    Uncertain(Time),
    /// It could not be sent, or was not to be.
    Ended(OutboxState, &'static str),
}

/// A change of a message, on condition that nobody else settled it meanwhile.
#[derive(Debug, Clone, Copy)]
pub struct OutboxChange {
    /// The message.
    pub id: OutgoingId,
    /// The attempt that the change concludes, as long as no other was begun and nothing final is known; none if the message
    /// may be settled from whatever unfinished state.
    pub attempt: Option<u32>,
    /// What it becomes.
    pub settled: Settled,
}

impl Ledger {
    /// Takes a message for so long, if it is due.
    ///
    /// # Errors
    /// When DynamoDB fails or the item is not readable.
    pub async fn claim(&self, id: &OutgoingId, now: Time, lease: Span) -> Result<Claim, LedgerError> {
        let what = "claim a message";
        let call = self
            .client
            .update_item()
            .table_name(&self.tables.ledger)
            .set_key(Some(schema::outbox_key(id)))
            .update_expression("SET #state = :claimed, #attempts = #attempts + :one, #due_at = :lease")
            .condition_expression("#state = :waiting AND #due_at <= :now")
            .expression_attribute_names("#state", STATE)
            .expression_attribute_names("#attempts", ATTEMPTS)
            .expression_attribute_names("#due_at", DUE_AT)
            .expression_attribute_values(":claimed", schema::s(OutboxState::Claimed.as_str()))
            .expression_attribute_values(":waiting", schema::s(OutboxState::Waiting.as_str()))
            .expression_attribute_values(":one", schema::n(1))
            .expression_attribute_values(":lease", schema::time(now + lease))
            .expression_attribute_values(":now", schema::time(now))
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send();
        match self.within(what, call).await? {
            Ok(answer) => {
                let message = message(&answer.attributes.unwrap_or_default())?;
                Ok(Claim::Claimed(Box::new(Claimed {
                    attempt: message.attempts,
                    message,
                })))
            }
            Err(SdkError::ServiceError(failure)) if failure.err().is_conditional_check_failed_exception() => {
                let UpdateItemError::ConditionalCheckFailedException(failed) = failure.into_err() else {
                    return Ok(Claim::NotDue);
                };
                let Some(item) = failed.item else {
                    return Ok(Claim::NotDue);
                };
                let message = Box::new(message(&item)?);
                let overdue = message.due_at.is_some_and(|due_at| due_at <= now);
                Ok(match message.state {
                    OutboxState::Claimed if overdue => Claim::Abandoned(message),
                    OutboxState::Uncertain if overdue => Claim::Unreconciled(message),
                    _ => Claim::NotDue,
                })
            }
            Err(error) => Err(LedgerError::call(what, &error)),
        }
    }

    /// A message of the outbox.
    ///
    /// # Errors
    /// When DynamoDB fails or the item is not readable.
    pub async fn outbox_message(&self, id: &OutgoingId) -> Result<Option<OutboxMessage>, LedgerError> {
        self.get("read a message of the outbox", schema::outbox_key(id))
            .await?
            .as_ref()
            .map(message)
            .transpose()
    }

    /// Messages that are due, oldest first, at most so many from each partition of the index. The index lags behind the table,
    /// so a message is claimed before anything is done to it.
    ///
    /// # Errors
    /// When DynamoDB fails.
    pub async fn due_messages(&self, now: Time, most: i32) -> Result<Vec<OutgoingId>, LedgerError> {
        let what = "look for messages that are due";
        let mut due = vec![];
        for shard in 0..OUTBOX_SHARDS {
            let call = self
                .client
                .query()
                .table_name(&self.tables.ledger)
                .index_name(DUE_INDEX)
                .key_condition_expression("#shard = :shard AND #due_at <= :now")
                .expression_attribute_names("#shard", DUE_SHARD)
                .expression_attribute_names("#due_at", DUE_AT)
                .expression_attribute_values(":shard", schema::s(schema::outbox_shard_name(shard)))
                .expression_attribute_values(":now", schema::time(now))
                .limit(most)
                .send();
            let page = self
                .within(what, call)
                .await?
                .map_err(|error| LedgerError::call(what, &error))?;
            for item in page.items.unwrap_or_default() {
                due.extend(schema::outbox_id(schema::text(&item, PK)?));
            }
        }
        Ok(due)
    }

    /// Changes a message without touching its contact. False if someone else settled it meanwhile.
    ///
    /// # Errors
    /// When DynamoDB fails.
    pub async fn close(&self, change: &OutboxChange) -> Result<bool, LedgerError> {
        let what = "settle a message";
        let update = self.settle_update(change)?;
        let call = self
            .client
            .update_item()
            .table_name(update.table_name())
            .set_key(Some(update.key().clone()))
            .update_expression(update.update_expression())
            .set_condition_expression(update.condition_expression().map(str::to_owned))
            .set_expression_attribute_names(update.expression_attribute_names().cloned())
            .set_expression_attribute_values(update.expression_attribute_values().cloned())
            .send();
        self.conditionally(what, call).await
    }

    pub(crate) fn settlement(&self, change: &OutboxChange) -> Result<TransactWriteItem, LedgerError> {
        Ok(TransactWriteItem::builder().update(self.settle_update(change)?).build())
    }

    fn settle_update(&self, change: &OutboxChange) -> Result<Update, LedgerError> {
        let (state, due_at, reason) = match change.settled {
            Settled::Sent => (OutboxState::Sent, None, None),
            Settled::Retry(at) => (OutboxState::Waiting, Some(at), None),
            Settled::Uncertain(until) => (OutboxState::Uncertain, Some(until), None),
            Settled::Ended(state, reason) => (state, None, Some(reason)),
        };
        let mut set = "SET #state = :state".to_owned();
        let mut update = Update::builder()
            .table_name(&self.tables.ledger)
            .set_key(Some(schema::outbox_key(&change.id)))
            .expression_attribute_names("#state", STATE)
            .expression_attribute_values(":state", schema::s(state.as_str()))
            .expression_attribute_names("#due_at", DUE_AT)
            .expression_attribute_values(":claimed", schema::s(OutboxState::Claimed.as_str()))
            .expression_attribute_values(":uncertain", schema::s(OutboxState::Uncertain.as_str()));
        if let Some(reason) = reason {
            set.push_str(", #reason = :reason");
            update = update
                .expression_attribute_names("#reason", REASON)
                .expression_attribute_values(":reason", schema::s(reason));
        }
        match due_at {
            Some(at) => {
                set.push_str(", #due_at = :due_at");
                update = update.expression_attribute_values(":due_at", schema::time(at));
            }
            None => {
                set.push_str(" REMOVE #due_at, #shard");
                update = update.expression_attribute_names("#shard", DUE_SHARD);
            }
        }
        let update = match change.attempt {
            Some(attempt) => update
                .condition_expression("#state IN (:claimed, :uncertain) AND #attempts = :attempt")
                .expression_attribute_names("#attempts", ATTEMPTS)
                .expression_attribute_values(":attempt", schema::n(attempt)),
            None => update
                .condition_expression("#state IN (:claimed, :waiting, :uncertain)")
                .expression_attribute_values(":waiting", schema::s(OutboxState::Waiting.as_str())),
        };
        update
            .update_expression(set)
            .build()
            .map_err(|_| LedgerError::corrupt(STATE))
    }

    pub(crate) fn put_outgoing(
        &self,
        contact: &ContactId,
        outgoing: &Outgoing,
    ) -> Result<TransactWriteItem, LedgerError> {
        let mut item = schema::outbox_key(&outgoing.id);
        let body = serde_json::to_string(outgoing).map_err(|_| LedgerError::corrupt(BODY))?;
        item.insert(KIND.to_owned(), schema::s(schema::kind::OUTBOX));
        item.insert(BODY.to_owned(), schema::s(body));
        item.insert(CONTACT.to_owned(), schema::s(contact.to_string()));
        item.insert(STATE.to_owned(), schema::s(OutboxState::Waiting.as_str()));
        item.insert(ATTEMPTS.to_owned(), schema::n(0));
        item.insert(DUE_SHARD.to_owned(), schema::s(schema::outbox_shard(&outgoing.id)));
        item.insert(DUE_AT.to_owned(), schema::time(outgoing.created_at));
        action(
            self.put_ledger()
                .set_item(Some(item))
                .condition_expression(format!("attribute_not_exists({PK})")),
        )
    }

    /// One item, read consistently.
    pub(crate) async fn get(&self, what: &'static str, key: Item) -> Result<Option<Item>, LedgerError> {
        let call = self
            .client
            .get_item()
            .table_name(&self.tables.ledger)
            .set_key(Some(key))
            .consistent_read(true)
            .send();
        Ok(self
            .within(what, call)
            .await?
            .map_err(|error| LedgerError::call(what, &error))?
            .item)
    }
}

fn message(item: &Item) -> Result<OutboxMessage, LedgerError> {
    let due_at = item
        .contains_key(DUE_AT)
        .then(|| schema::number(item, DUE_AT))
        .transpose()?;
    Ok(OutboxMessage {
        outgoing: schema::body(item)?,
        contact: schema::parsed(item, CONTACT)?,
        state: schema::text(item, STATE)?.parse()?,
        attempts: u32::try_from(schema::number(item, ATTEMPTS)?).map_err(|_| LedgerError::corrupt(ATTEMPTS))?,
        due_at: due_at.map(Time::from_unix_seconds),
    })
}

/// The message that a record of the table's stream is about, given the keys of its item as DynamoDB writes them in JSON; none if
/// the item is no message.
pub fn outgoing_in_stream(keys: &serde_json::Value) -> Option<OutgoingId> {
    schema::outbox_id(keys.get(PK)?.get("S")?.as_str()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_record_names_its_message_and_others_name_none() {
        let keys = serde_json::json!({"pk": {"S": "outbox#000102030405060708090a0b0c0d0e0f"}, "sk": {"S": "outbox"}});
        assert_eq!(
            outgoing_in_stream(&keys).unwrap().to_string(),
            "000102030405060708090a0b0c0d0e0f"
        );
        assert_eq!(
            outgoing_in_stream(&serde_json::json!({"pk": {"S": "contact#00"}})),
            None
        );
        assert_eq!(outgoing_in_stream(&serde_json::json!({"pk": 7})), None);
        assert_eq!(outgoing_in_stream(&serde_json::Value::Null), None);
    }
}
