//! The outbox: messages that were decided, steps of cases, deletions from Meta's contact book, and what became of them.
//!
//! A message is claimed for a while before it is sent. If the claim runs out without a word, nobody knows whether the message
//! went out, and it is not sent again: Meta's status webhook brings the callback data back and settles it. A step is taken, and a
//! deletion asked for, again, since doing it twice does nothing more.
//!
//! A step of a case carries the message that follows from it, which comes into the outbox in the transaction that closes the step:
//! so nobody can answer a question, or tell a code, that the case knows nothing of.
//!
//! A deletion needs the id of somebody whose own key is gone. It is sealed under a key of its own, which goes when it ends.

use std::fmt;
use std::str::FromStr;

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{
    ConditionCheck, Delete, ReturnValue, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update,
};
use consent::case::PendingStep;
use consent::id::{ContactId, ErasureId, OutgoingId, SenderId};
use consent::outgoing::{ForgetContact, Outgoing};
use consent::retention::{Kind, MESSAGE_MEMORY};
use consent::time::{Span, Time};
use identity::{Bsuid, Sealed, SubjectKey};
use serde::Serialize;

use crate::error::LedgerError;
use crate::schema::{
    self, ATTEMPTS, BODY, CASE, CLAIM, CONTACT, CONTACT_BOOK, DUE_AT, DUE_INDEX, DUE_SHARD, ERASURE, IDENTITY, Item,
    KIND, OUTBOX_SHARDS, PK, REASON, STATE, contact_book,
};
use crate::store::{Ledger, action};
use crate::transaction::{Transacted, check_action, delete_action, update_action};

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
    /// When something is due to happen to it; of what is final, when it is purged.
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

/// A deletion from Meta's contact book that may be asked for now, by the caller alone.
#[derive(Debug, Clone)]
pub struct Forgetting {
    /// What Meta is asked for.
    pub forget: ForgetContact,
    /// Which attempt this is, from 1.
    pub attempt: u32,
    person: Sealed,
}

/// A step of a case that may be taken now, by the caller alone.
#[derive(Debug, Clone)]
pub struct ClaimedStep {
    /// What was decided.
    pub pending: PendingStep,
    /// Whose case it is.
    pub contact: ContactId,
    /// Which attempt this is, from 1.
    pub attempt: u32,
}

/// How a deletion from Meta's contact book ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forgotten {
    /// Meta has no entry any more.
    Deleted,
    /// Meta was asked for the last time, for this reason.
    GaveUp(&'static str),
}

impl Forgotten {
    fn settled(self) -> Settled {
        match self {
            Self::Deleted => Settled::Sent,
            Self::GaveUp(reason) => Settled::Ended(OutboxState::Failed, reason),
        }
    }

    fn on_the_certificate(self) -> &'static str {
        match self {
            Self::Deleted => contact_book::DELETED,
            Self::GaveUp(_) => contact_book::GAVE_UP,
        }
    }
}

/// What a claim goes by. Whoever heard no answer claims again by the same name, and gets what is theirs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClaimId([u8; 16]);

impl ClaimId {
    /// A name that nobody else claims by.
    ///
    /// # Errors
    /// [`LedgerError::NoEntropy`].
    pub fn new() -> Result<Self, LedgerError> {
        let bytes = identity::random_bytes().map_err(|_| LedgerError::NoEntropy)?;
        Ok(Self(bytes))
    }
}

/// What came of trying to claim an entry of the outbox.
#[derive(Debug, Clone)]
pub enum Claim {
    /// The caller may send it.
    Claimed(Box<Claimed>),
    /// Its last sender never said what came of it.
    Abandoned(Box<OutboxMessage>),
    /// Its reconciliation ran out: Meta never told whether it went out.
    Unreconciled(Box<OutboxMessage>),
    /// It is no message: the caller may have Meta delete somebody from its contact book.
    Forget(Box<Forgetting>),
    /// It is no message: the caller may take this step of a case.
    Step(Box<ClaimedStep>),
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
    /// When.
    pub at: Time,
}

impl Ledger {
    /// Takes an entry for so long, if it is due, or was taken by the same claim before.
    ///
    /// A claim that fails may have been taken all the same. As long as nothing is sent under it, it can be repeated.
    ///
    /// # Errors
    /// When DynamoDB fails or the item is not readable.
    pub async fn claim(&self, id: &OutgoingId, claim: ClaimId, now: Time, lease: Span) -> Result<Claim, LedgerError> {
        let what = "claim a message";
        let call = self
            .client
            .update_item()
            .table_name(&self.tables.ledger)
            .set_key(Some(schema::outbox_key(id)))
            .update_expression("SET #state = :claimed, #claim = :claim, #attempts = #attempts + :one, #due_at = :lease")
            // Of a deletion or a step it does not matter whether an earlier attempt came through.
            .condition_expression(
                "((#state = :waiting OR (#state = :claimed AND (attribute_exists(#erasure) OR attribute_exists(#case)))) \
                 AND #due_at <= :now) OR (#state = :claimed AND #claim = :claim)",
            )
            .expression_attribute_names("#state", STATE)
            .expression_attribute_names("#claim", CLAIM)
            .expression_attribute_names("#erasure", ERASURE)
            .expression_attribute_names("#case", CASE)
            .expression_attribute_names("#attempts", ATTEMPTS)
            .expression_attribute_names("#due_at", DUE_AT)
            .expression_attribute_values(":claimed", schema::s(OutboxState::Claimed.as_str()))
            .expression_attribute_values(":waiting", schema::s(OutboxState::Waiting.as_str()))
            .expression_attribute_values(":claim", schema::bytes(claim.0.to_vec()))
            .expression_attribute_values(":one", schema::n(1))
            .expression_attribute_values(":lease", schema::time(now + lease))
            .expression_attribute_values(":now", schema::time(now))
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send();
        match self.within(what, call).await? {
            Ok(answer) => {
                let item = answer.attributes.unwrap_or_default();
                if item.contains_key(CASE) {
                    return Ok(Claim::Step(Box::new(claimed_step(&item)?)));
                }
                if item.contains_key(ERASURE) {
                    return Ok(Claim::Forget(Box::new(forgetting(&item)?)));
                }
                let message = message(&item)?;
                Ok(Claim::Claimed(Box::new(Claimed {
                    attempt: message.attempts,
                    message,
                })))
            }
            Err(SdkError::ServiceError(failure)) if failure.err().is_conditional_check_failed_exception() => {
                let UpdateItemError::ConditionalCheckFailedException(failed) = failure.into_err() else {
                    return Ok(Claim::NotDue);
                };
                let Some(item) = failed.item.filter(is_message) else {
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
            .filter(is_message)
            .as_ref()
            .map(message)
            .transpose()
    }

    /// Whom Meta is to forget. None if the key is gone: so it is if the deletion has ended and a backup brought it back.
    ///
    /// # Errors
    /// When DynamoDB fails, or the key or the id is not readable.
    pub async fn person_to_forget(&self, forgetting: &Forgetting) -> Result<Option<Bsuid>, LedgerError> {
        let what = "read the key of a deletion";
        let id = forgetting.forget.id();
        let call = self
            .client
            .get_item()
            .table_name(&self.tables.keys)
            .set_key(Some(schema::one_off_key(&id)))
            .consistent_read(true)
            .send();
        let answer = self
            .within(what, call)
            .await?
            .map_err(|error| LedgerError::call(what, &error))?;
        answer.item.map(|row| self.person(forgetting, &row)).transpose()
    }

    /// Whom a deletion is about, given the row of its key.
    fn person(&self, forgetting: &Forgetting, row: &Item) -> Result<Bsuid, LedgerError> {
        let owner = schema::outbox_pk(&forgetting.forget.id());
        let key = self.open_key(&owner, row)?;
        let person = key.open(&owner, IDENTITY, &forgetting.person);
        serde_json::from_slice(&person.map_err(|_| LedgerError::Sealed)?).map_err(|_| LedgerError::corrupt(IDENTITY))
    }

    /// Ends a deletion from Meta's contact book: closes its entry, deletes its key and notes on the erasure what came of it, all
    /// at once. False if somebody else has taken the entry up meanwhile.
    ///
    /// # Errors
    /// When DynamoDB fails.
    pub async fn conclude_forgetting(
        &self,
        forgetting: &Forgetting,
        end: Forgotten,
        now: Time,
    ) -> Result<bool, LedgerError> {
        let what = "conclude a deletion";
        let id = forgetting.forget.id();
        let change = OutboxChange {
            id,
            attempt: Some(forgetting.attempt),
            settled: end.settled(),
            at: now,
        };
        let delete_key = Delete::builder()
            .table_name(&self.tables.keys)
            .set_key(Some(schema::one_off_key(&id)))
            .build();
        let closing = vec![self.settlement(&change)?, delete_action(delete_key)?];
        let mut noting = closing.clone();
        noting.push(self.note_on_erasure(forgetting.forget.erasure(), end)?);
        // If the certificate is gone already, the key must go all the same.
        for actions in [noting, closing] {
            match self.transact(what, &actions).await? {
                Transacted::Committed => return Ok(true),
                Transacted::Refused(refused) if refused.first() == Some(&true) => break,
                Transacted::Refused(_) => {}
            }
        }
        Ok(false)
    }

    fn note_on_erasure(&self, erasure: &ErasureId, end: Forgotten) -> Result<TransactWriteItem, LedgerError> {
        let update = Update::builder()
            .table_name(&self.tables.ledger)
            .set_key(Some(schema::erasure_key(erasure)))
            .update_expression("SET #contact_book = :end")
            .condition_expression(format!("attribute_exists({PK})"))
            .expression_attribute_names("#contact_book", CONTACT_BOOK)
            .expression_attribute_values(":end", schema::s(end.on_the_certificate()))
            .build();
        update_action(update)
    }

    /// Ends a step of a case that was taken, and puts the message that follows from it into the outbox, unless the contact is gone by
    /// then. False if somebody else has taken the step up meanwhile.
    ///
    /// # Errors
    /// When DynamoDB fails.
    pub async fn conclude_step(&self, claimed: &ClaimedStep, now: Time) -> Result<bool, LedgerError> {
        let what = "conclude a step of a case";
        let change = OutboxChange {
            id: claimed.pending.id,
            attempt: Some(claimed.attempt),
            settled: Settled::Sent,
            at: now,
        };
        let Some(message) = &claimed.pending.then else {
            return self.close(&change).await;
        };
        // An erasure looks for messages once it has taken the contact away: none may come after that.
        let is_there = ConditionCheck::builder()
            .table_name(&self.tables.ledger)
            .set_key(Some(schema::contact_key(&claimed.contact)))
            .condition_expression("#kind = :contact")
            .expression_attribute_names("#kind", KIND)
            .expression_attribute_values(":contact", schema::s(schema::kind::CONTACT));
        let actions = [
            self.settlement(&change)?,
            self.put_outgoing(&claimed.contact, message)?,
            check_action(is_there.build())?,
        ];
        match self.transact(what, &actions).await? {
            Transacted::Committed => Ok(true),
            Transacted::Refused(refused) if refused.first() == Some(&true) => Ok(false),
            Transacted::Refused(_) => self.close(&change).await,
        }
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
            Settled::Sent => (OutboxState::Sent, change.at + MESSAGE_MEMORY, None),
            Settled::Retry(at) => (OutboxState::Waiting, at, None),
            Settled::Uncertain(until) => (OutboxState::Uncertain, until, None),
            Settled::Ended(state, reason) => (state, change.at + MESSAGE_MEMORY, Some(reason)),
        };
        let mut set = "SET #state = :state, #due_at = :due_at".to_owned();
        let mut update = Update::builder()
            .table_name(&self.tables.ledger)
            .set_key(Some(schema::outbox_key(&change.id)))
            .expression_attribute_names("#state", STATE)
            .expression_attribute_values(":state", schema::s(state.as_str()))
            .expression_attribute_names("#due_at", DUE_AT)
            .expression_attribute_values(":due_at", schema::time(due_at))
            .expression_attribute_values(":claimed", schema::s(OutboxState::Claimed.as_str()))
            .expression_attribute_values(":uncertain", schema::s(OutboxState::Uncertain.as_str()));
        if let Some(reason) = reason {
            set.push_str(", #reason = :reason");
            update = update
                .expression_attribute_names("#reason", REASON)
                .expression_attribute_values(":reason", schema::s(reason));
        }
        if state.is_final() {
            // From now on the purge waits for it.
            let [first, ..] = change.id.as_bytes();
            set.push_str(", #shard = :shard");
            update = update
                .expression_attribute_names("#shard", DUE_SHARD)
                .expression_attribute_values(":shard", schema::s(schema::purge_shard(*first)));
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
        let mut item = waiting(&outgoing.id, outgoing, outgoing.created_at)?;
        item.insert(CONTACT.to_owned(), schema::s(contact.to_string()));
        self.put_waiting(item)
    }

    /// A step of a case that waits to be taken.
    pub(crate) fn put_step(&self, contact: &ContactId, step: &PendingStep) -> Result<TransactWriteItem, LedgerError> {
        let mut item = waiting(&step.id, step, step.created_at)?;
        item.insert(CONTACT.to_owned(), schema::s(contact.to_string()));
        item.insert(CASE.to_owned(), schema::s(step.step.case().to_string()));
        self.put_waiting(item)
    }

    /// The deletion from Meta's contact book that is a part of this erasure: its entry, and the key of its own that seals whom
    /// it is about.
    pub(crate) fn put_forget(
        &self,
        erasure: &ErasureId,
        bsuid: &Bsuid,
        sender: &SenderId,
        now: Time,
    ) -> Result<Vec<TransactWriteItem>, LedgerError> {
        let forget = ForgetContact::new(*erasure, sender.clone(), now);
        let id = forget.id();
        let owner = schema::outbox_pk(&id);
        let key = SubjectKey::generate().map_err(|_| LedgerError::NoEntropy)?;
        let person = serde_json::to_vec(bsuid).map_err(|_| LedgerError::corrupt(IDENTITY))?;
        let sealed = key.seal(&owner, IDENTITY, &person);
        let mut item = waiting(&id, &forget, now)?;
        item.insert(ERASURE.to_owned(), schema::s(erasure.to_string()));
        item.insert(
            IDENTITY.to_owned(),
            schema::bytes(sealed.map_err(|_| LedgerError::NoEntropy)?.into_bytes()),
        );
        Ok(vec![self.put_waiting(item)?, self.put_key(&owner, &key)?])
    }

    fn put_waiting(&self, item: Item) -> Result<TransactWriteItem, LedgerError> {
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

/// An entry that nobody has taken up yet.
fn waiting(id: &OutgoingId, body: &impl Serialize, since: Time) -> Result<Item, LedgerError> {
    let body = serde_json::to_string(body).map_err(|_| LedgerError::corrupt(BODY))?;
    let mut item = schema::outbox_key(id);
    item.insert(KIND.to_owned(), schema::s(schema::kind::OUTBOX));
    item.insert(BODY.to_owned(), schema::s(body));
    item.insert(STATE.to_owned(), schema::s(OutboxState::Waiting.as_str()));
    item.insert(ATTEMPTS.to_owned(), schema::n(0));
    schema::set_due(&mut item, Kind::Outbox, schema::outbox_shard(id), since);
    Ok(item)
}

/// Whether the entry is a message, or else a step of a case or a deletion from Meta's contact book.
fn is_message(item: &Item) -> bool {
    !item.contains_key(ERASURE) && !item.contains_key(CASE)
}

fn claimed_step(item: &Item) -> Result<ClaimedStep, LedgerError> {
    Ok(ClaimedStep {
        pending: schema::body(item)?,
        contact: schema::parsed(item, CONTACT)?,
        attempt: attempts(item)?,
    })
}

fn forgetting(item: &Item) -> Result<Forgetting, LedgerError> {
    Ok(Forgetting {
        forget: schema::body(item)?,
        attempt: attempts(item)?,
        person: Sealed::from_bytes(schema::blob(item, IDENTITY)?),
    })
}

fn attempts(item: &Item) -> Result<u32, LedgerError> {
    u32::try_from(schema::number(item, ATTEMPTS)?).map_err(|_| LedgerError::corrupt(ATTEMPTS))
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
        attempts: attempts(item)?,
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
    use std::sync::Arc;

    use aws_sdk_dynamodb::Client;
    use aws_sdk_dynamodb::config::{BehaviorVersion, Config};
    use aws_sdk_dynamodb::primitives::Blob;
    use identity::SecretKey;

    use super::*;
    use crate::store::{Keys, Tables};

    /// A ledger that never calls anybody.
    fn ledger() -> Ledger {
        let config = Config::builder().behavior_version(BehaviorVersion::v2026_01_12());
        let tables = Tables {
            ledger: "ledger".to_owned(),
            keys: "keys".to_owned(),
        };
        let secret = |byte| SecretKey::from_bytes([byte; 32]);
        let keys = Keys {
            pseudonym: secret(1).into(),
            sealing: vec![secret(2).into()],
        };
        let until = tokio::time::Instant::now();
        Ledger::new(
            Client::from_conf(config.build()),
            Arc::new(tables),
            Arc::new(keys),
            until,
        )
    }

    #[test]
    fn a_deletion_shows_nobody_and_opens_with_its_own_key_alone() {
        let ledger = ledger();
        let bsuid = Bsuid::parse("DE.7201449983120557").unwrap();
        let now = Time::from_unix_seconds(1_763_890_200);
        let put = |erasure: u8| {
            let erasure = ErasureId::from_bytes([erasure; 16]);
            let sender = "106540352242922".parse().unwrap();
            let puts = ledger.put_forget(&erasure, &bsuid, &sender, now).unwrap();
            let [entry, row] = <[TransactWriteItem; 2]>::try_from(puts).unwrap().map(|action| {
                let put = action.put().unwrap();
                assert_eq!(put.condition_expression(), Some("attribute_not_exists(pk)"));
                (put.table_name().to_owned(), put.item().clone())
            });
            assert_eq!((&*entry.0, &*row.0), ("ledger", "keys"));
            for value in entry.1.values().chain(row.1.values()) {
                let text = value.as_s().map(String::as_bytes);
                let shown = text.or_else(|_| value.as_b().map(Blob::as_ref)).unwrap_or_default();
                assert!(!shown.windows(16).any(|bytes| bytes == b"7201449983120557"));
            }
            (entry.1, row.1)
        };
        let ((entry, row), (other_entry, other_row)) = (put(1), put(2));
        assert_ne!(entry[PK], other_entry[PK], "each erasure has its own entry");
        assert_eq!(entry[PK], row[PK]);
        let forgetting = forgetting(&entry).unwrap();
        assert_eq!(ledger.person(&forgetting, &row).unwrap(), bsuid);
        assert!(matches!(
            ledger.person(&forgetting, &other_row),
            Err(LedgerError::Sealed)
        ));
        assert_eq!(forgetting.forget.expires_at(), now + Span::days(30));
    }

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
