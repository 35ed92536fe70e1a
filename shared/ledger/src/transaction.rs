//! Transactions whose conditions tell the caller what has changed since it looked.

use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::builders::UpdateBuilder;
use aws_sdk_dynamodb::types::{ConditionCheck, Delete, TransactWriteItem, Update};

use crate::error::LedgerError;
use crate::schema::{Item, PK};
use crate::store::Ledger;

/// How often a transaction is sent anew because DynamoDB is busy with its items, or because its caller had to look again.
pub(crate) const ATTEMPTS: u32 = 12;

/// How many actions a transaction is given at most. DynamoDB takes 100; the rest is for what is added at the end.
pub(crate) const MOST_ACTIONS: usize = 90;

/// How a transaction ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Transacted {
    /// All of it is done.
    Committed,
    /// None of it is done: of each action, in their order, whether its condition does not hold.
    Refused(Vec<bool>),
}

impl Ledger {
    /// Carries out all of the actions or none, and again while others are at work on the same items.
    pub(crate) async fn transact(
        &self,
        what: &'static str,
        actions: &[TransactWriteItem],
    ) -> Result<Transacted, LedgerError> {
        for attempt in 0..ATTEMPTS {
            let call = self
                .client
                .transact_write_items()
                .set_transact_items(Some(actions.to_vec()))
                .send();
            let Err(error) = self.within(what, call).await? else {
                return Ok(Transacted::Committed);
            };
            let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) = error.as_service_error()
            else {
                return Err(LedgerError::call(what, &error));
            };
            let mut refused = vec![];
            for reason in cancelled.cancellation_reasons() {
                match reason.code() {
                    None
                    | Some("None" | "TransactionConflict" | "ThrottlingError" | "ProvisionedThroughputExceeded") => {
                        refused.push(false);
                    }
                    Some("ConditionalCheckFailed") => refused.push(true),
                    Some(code) => {
                        return Err(LedgerError::Unavailable {
                            what,
                            code: code.to_owned(),
                        });
                    }
                }
            }
            if refused.contains(&true) {
                return Ok(Transacted::Refused(refused));
            }
            self.back_off(attempt, what).await?;
        }
        Err(LedgerError::Contended { attempts: ATTEMPTS })
    }

    /// The deletion of an item, on condition that it is there: so nothing that is counted is counted twice.
    pub(crate) fn delete_existing(&self, key: Item) -> Result<TransactWriteItem, LedgerError> {
        self.delete_in(&self.tables.ledger, key)
    }

    /// The same in the key table.
    pub(crate) fn delete_existing_key(&self, key: Item) -> Result<TransactWriteItem, LedgerError> {
        self.delete_in(&self.tables.keys, key)
    }

    fn delete_in(&self, table: &str, key: Item) -> Result<TransactWriteItem, LedgerError> {
        let delete = Delete::builder()
            .table_name(table)
            .set_key(Some(key))
            .condition_expression(format!("attribute_exists({PK})"));
        delete_action(delete.build())
    }
}

/// Which attributes of an item change.
#[derive(Debug, Default)]
pub(crate) struct Amendment {
    pub(crate) set: Item,
    pub(crate) remove: Vec<&'static str>,
}

impl Amendment {
    /// The amendment as an action, on the conditions that the update has already. Its own names begin with `#s` and `#r`.
    pub(crate) fn action(self, mut update: UpdateBuilder) -> Result<TransactWriteItem, LedgerError> {
        let (mut sets, mut removes) = (vec![], vec![]);
        for (number, (name, value)) in self.set.into_iter().enumerate() {
            sets.push(format!("#s{number} = :s{number}"));
            update = update
                .expression_attribute_names(format!("#s{number}"), name)
                .expression_attribute_values(format!(":s{number}"), value);
        }
        for (number, name) in self.remove.iter().enumerate() {
            removes.push(format!("#r{number}"));
            update = update.expression_attribute_names(format!("#r{number}"), *name);
        }
        let clause = |verb: &str, parts: &[String]| match parts {
            [] => String::new(),
            parts => format!("{verb} {} ", parts.join(", ")),
        };
        let expression = clause("SET", &sets) + &clause("REMOVE", &removes);
        update_action(update.update_expression(expression).build())
    }
}

/// A deletion as an action of a transaction.
pub(crate) fn delete_action<E>(delete: Result<Delete, E>) -> Result<TransactWriteItem, LedgerError> {
    let delete = delete.map_err(|_| LedgerError::corrupt(PK))?;
    Ok(TransactWriteItem::builder().delete(delete).build())
}

/// An update as an action of a transaction.
pub(crate) fn update_action<E>(update: Result<Update, E>) -> Result<TransactWriteItem, LedgerError> {
    let update = update.map_err(|_| LedgerError::corrupt(PK))?;
    Ok(TransactWriteItem::builder().update(update).build())
}

/// A condition on an item that the transaction leaves as it is.
pub(crate) fn check_action<E>(check: Result<ConditionCheck, E>) -> Result<TransactWriteItem, LedgerError> {
    let check = check.map_err(|_| LedgerError::corrupt(PK))?;
    Ok(TransactWriteItem::builder().condition_check(check).build())
}
