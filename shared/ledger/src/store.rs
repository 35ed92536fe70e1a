//! The ledger itself: a client, the names of the tables, the keys, and the caller's deadline.

use std::sync::Arc;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::types::builders::PutBuilder;
use aws_sdk_dynamodb::types::{Put, TransactWriteItem};
use consent::evidence::ChainKey;
use consent::retention::ReportKey;
use consent::time::Time;
use identity::{PseudonymKey, SealingKey, SubjectKey, WrappedKey};
use tokio::time::Instant;

use crate::error::LedgerError;
use crate::schema::{self, Item, PK, WRAPPED_KEY};

/// The names of the two tables.
#[derive(Debug, Clone)]
pub struct Tables {
    /// Contacts, evidence, outbox and all else.
    pub ledger: String,
    /// One wrapped data key for each contact.
    pub keys: String,
}

/// The keys that the ledger works with.
#[derive(Debug)]
pub struct Keys {
    /// Names contacts, messages and events without giving them away.
    pub pseudonym: PseudonymKey,
    /// Wraps data keys: the newest first, then those that older records may have been sealed with.
    pub sealing: Vec<SealingKey>,
}

impl Keys {
    /// The key that evidence is chained with.
    pub fn chain(&self) -> ChainKey {
        ChainKey::from_bytes(*self.pseudonym.chain_key().as_bytes())
    }

    /// The key that reports and certificates are signed with.
    pub(crate) fn report(&self) -> ReportKey {
        ReportKey::from_bytes(*self.pseudonym.report_key().as_bytes())
    }

    pub(crate) fn sealing(&self) -> Result<&SealingKey, LedgerError> {
        self.sealing.first().ok_or(LedgerError::Sealed)
    }
}

/// The ledger, as one invocation sees it.
#[derive(Debug, Clone)]
pub struct Ledger {
    pub(crate) client: Client,
    pub(crate) tables: Arc<Tables>,
    pub(crate) keys: Arc<Keys>,
    until: Instant,
}

impl Ledger {
    /// A ledger whose every call ends before that moment.
    pub fn new(client: Client, tables: Arc<Tables>, keys: Arc<Keys>, until: Instant) -> Self {
        Self {
            client,
            tables,
            keys,
            until,
        }
    }

    /// The keys.
    pub fn keys(&self) -> &Keys {
        &self.keys
    }

    /// Runs a call unless the deadline comes first.
    ///
    /// The call is kept on the heap: futures of the SDK nest deeply, and whoever awaits one would carry all of it.
    pub(crate) fn within<'a, T>(
        &self,
        what: &'static str,
        call: impl Future<Output = T> + 'a,
    ) -> impl Future<Output = Result<T, LedgerError>> + 'a {
        let (until, call) = (self.until, Box::pin(call));
        async move {
            // A timer looks at the call before it looks at the time, and a request that was begun may still arrive.
            if Instant::now() >= until {
                return Err(LedgerError::OutOfTime { what });
            }
            tokio::time::timeout_at(until, call)
                .await
                .map_err(|_| LedgerError::OutOfTime { what })
        }
    }

    /// Runs a conditional write. False if its condition does not hold.
    pub(crate) async fn conditionally<T, E: ProvideErrorMetadata, R>(
        &self,
        what: &'static str,
        write: impl Future<Output = Result<T, SdkError<E, R>>>,
    ) -> Result<bool, LedgerError> {
        match self.within(what, write).await? {
            Ok(_) => Ok(true),
            Err(error) if error.code() == Some("ConditionalCheckFailedException") => Ok(false),
            Err(error) => Err(LedgerError::call(what, &error)),
        }
    }

    /// A put into the ledger's table, to be completed.
    pub(crate) fn put_ledger(&self) -> PutBuilder {
        Put::builder().table_name(&self.tables.ledger)
    }

    /// A new key, wrapped for its owner, who names its row in the key table.
    pub(crate) fn put_key(&self, owner: &str, key: &SubjectKey) -> Result<TransactWriteItem, LedgerError> {
        let wrapped = self.keys.sealing()?.wrap(key, owner);
        let wrapped = wrapped.map_err(|_| LedgerError::NoEntropy)?.into_bytes();
        let mut row = schema::key_row(owner);
        row.insert(WRAPPED_KEY.to_owned(), schema::bytes(wrapped));
        action(
            Put::builder()
                .table_name(&self.tables.keys)
                .set_item(Some(row))
                .condition_expression(format!("attribute_not_exists({PK})")),
        )
    }

    /// The key in a row of the key table, for its owner alone.
    pub(crate) fn open_key(&self, owner: &str, row: &Item) -> Result<SubjectKey, LedgerError> {
        let wrapped = WrappedKey::from_bytes(schema::blob(row, WRAPPED_KEY)?);
        let mut sealing = self.keys.sealing.iter();
        let key = sealing.find_map(|sealing| sealing.unwrap(&wrapped, owner).ok());
        key.ok_or(LedgerError::Sealed)
    }

    /// All items of a partition of the ledger.
    pub(crate) async fn partition(&self, what: &'static str, pk: String) -> Result<Vec<Item>, LedgerError> {
        let (mut items, mut after) = (vec![], None);
        loop {
            let call = self
                .client
                .query()
                .table_name(&self.tables.ledger)
                .key_condition_expression("#pk = :pk")
                .expression_attribute_names("#pk", schema::PK)
                .expression_attribute_values(":pk", schema::s(&*pk))
                .consistent_read(true)
                .set_exclusive_start_key(after)
                .send();
            let page = self
                .within(what, call)
                .await?
                .map_err(|error| LedgerError::call(what, &error))?;
            items.extend(page.items.unwrap_or_default());
            after = page.last_evaluated_key;
            if after.is_none() {
                return Ok(items);
            }
        }
    }

    /// The keys of all items in a partition of the index that are due until then. The index is a moment behind.
    pub(crate) async fn indexed(&self, what: &'static str, shard: &str, until: Time) -> Result<Vec<Item>, LedgerError> {
        let (mut keys, mut after) = (vec![], None);
        loop {
            let call = self
                .client
                .query()
                .table_name(&self.tables.ledger)
                .index_name(schema::DUE_INDEX)
                .key_condition_expression("#shard = :shard AND #due_at <= :until")
                .expression_attribute_names("#shard", schema::DUE_SHARD)
                .expression_attribute_names("#due_at", schema::DUE_AT)
                .expression_attribute_values(":shard", schema::s(shard))
                .expression_attribute_values(":until", schema::time(until))
                .set_exclusive_start_key(after)
                .send();
            let page = self
                .within(what, call)
                .await?
                .map_err(|error| LedgerError::call(what, &error))?;
            keys.extend(page.items().iter().map(schema::key_of));
            after = page.last_evaluated_key;
            if after.is_none() {
                return Ok(keys);
            }
        }
    }

    /// Writes an item of the ledger, whatever is there.
    pub(crate) async fn put_item(&self, what: &'static str, item: Item) -> Result<(), LedgerError> {
        let call = self
            .client
            .put_item()
            .table_name(&self.tables.ledger)
            .set_item(Some(item))
            .send();
        self.within(what, call)
            .await?
            .map_err(|error| LedgerError::call(what, &error))?;
        Ok(())
    }

    /// Deletes an item of the ledger, if it is there.
    pub(crate) async fn delete_item(&self, what: &'static str, key: Item) -> Result<(), LedgerError> {
        let call = self
            .client
            .delete_item()
            .table_name(&self.tables.ledger)
            .set_key(Some(key))
            .send();
        self.within(what, call)
            .await?
            .map_err(|error| LedgerError::call(what, &error))?;
        Ok(())
    }

    /// Waits before the next attempt, longer each time and by chance, so that rivals do not meet again. Fails if the
    /// deadline would pass.
    pub(crate) async fn back_off(&self, attempt: u32, what: &'static str) -> Result<(), LedgerError> {
        let [chance] = identity::random_bytes::<1>().map_err(|_| LedgerError::NoEntropy)?;
        let ceiling = 10_u64 << attempt.min(6);
        let pause = std::time::Duration::from_millis(ceiling * u64::from(chance) / 255);
        if Instant::now() + pause >= self.until {
            return Err(LedgerError::OutOfTime { what });
        }
        tokio::time::sleep(pause).await;
        Ok(())
    }
}

/// A put as an action of a transaction.
pub(crate) fn action(put: PutBuilder) -> Result<TransactWriteItem, LedgerError> {
    let put = put.build().map_err(|_| LedgerError::corrupt(PK))?;
    Ok(TransactWriteItem::builder().put(put).build())
}
