//! Callers' idempotency keys: what each was first used for.
//!
//! An event is recorded once for each contact, so a repetition that reaches the same contact is met there. That one key came
//! with another recipient can only be seen where nothing but the key leads. The item there holds two keyed hashes, of the
//! key and of the request, and a time: it says neither who was meant nor what was asked.

use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::ReturnValuesOnConditionCheckFailure;
use consent::id::EventId;
use consent::retention::{KEY_MEMORY, Kind};
use consent::time::Time;
use identity::PseudonymDomain;

use crate::error::LedgerError;
use crate::schema::{self, DUE_AT, KIND, OBSERVED_AT, PK, REQUEST};
use crate::store::Ledger;

/// What a caller's idempotency key stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyUse {
    /// This very request, whether it was carried out before or not.
    This {
        /// The id of the event that the request makes, the same at every repetition.
        event: EventId,
        /// When the request came first.
        first_at: Time,
    },
    /// Another request.
    Another,
}

impl Ledger {
    /// Uses a key for a request, in one round trip: the first use binds it. Keys of one route say nothing on another.
    ///
    /// # Errors
    /// When DynamoDB fails or the item is not readable.
    pub async fn use_key(&self, route: &str, key: &str, request: &[u8], now: Time) -> Result<KeyUse, LedgerError> {
        let what = "use an idempotency key";
        let (route, key) = (route.as_bytes(), key.as_bytes());
        let hash = |parts: &[&[u8]]| self.event_id(PseudonymDomain::Idempotency, parts);
        let bound_to = hash(&[b"request", route, request]);
        let this = |first_at: Time| KeyUse::This {
            // With the time, so that a key that comes again after it was forgotten makes another event.
            event: hash(&[b"event", route, key, &first_at.unix_seconds().to_be_bytes()]),
            first_at,
        };
        let name = hash(&[b"key", route, key]);
        let mut item = schema::idempotency_key(&name);
        item.insert(KIND.to_owned(), schema::s(schema::kind::IDEMPOTENCY));
        item.insert(REQUEST.to_owned(), schema::s(bound_to.to_string()));
        item.insert(OBSERVED_AT.to_owned(), schema::time(now));
        let [first, ..] = name.as_bytes();
        let shard = schema::purge_shard(*first);
        schema::set_due(&mut item, Kind::Idempotency, shard, now + KEY_MEMORY);
        let call = self
            .client
            .put_item()
            .table_name(&self.tables.ledger)
            .set_item(Some(item))
            // A purge that is late makes no key last longer.
            .condition_expression(format!("attribute_not_exists({PK}) OR #due_at <= :now"))
            .expression_attribute_names("#due_at", DUE_AT)
            .expression_attribute_values(":now", schema::time(now))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send();
        let Err(error) = self.within(what, call).await? else {
            return Ok(this(now));
        };
        let Some(PutItemError::ConditionalCheckFailedException(refused)) = error.as_service_error() else {
            return Err(LedgerError::call(what, &error));
        };
        let known = refused.item().ok_or(LedgerError::corrupt(REQUEST))?;
        if schema::parsed::<EventId>(known, REQUEST)? != bound_to {
            return Ok(KeyUse::Another);
        }
        Ok(this(Time::from_unix_seconds(schema::number(known, OBSERVED_AT)?)))
    }
}
