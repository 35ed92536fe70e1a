//! Policies: immutable versions, and the one in force.

use aws_sdk_dynamodb::types::TransactWriteItem;
use consent::id::PolicyVersion;
use consent::policy::Policy;
use consent::time::Time;

use crate::error::LedgerError;
use crate::schema::{self, BODY, Item, KIND, OBSERVED_AT, VERSION};
use crate::store::{Ledger, action};

/// The policy in force.
#[derive(Debug, Clone)]
pub struct ActivePolicy {
    /// Its version.
    pub version: PolicyVersion,
    /// Its text.
    pub text: String,
}

/// What publishing a policy did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Published {
    /// It is in force now.
    InForce,
    /// It was in force already.
    Unchanged,
}

impl Ledger {
    /// Which version is in force.
    ///
    /// # Errors
    /// When DynamoDB fails or the item is not readable.
    pub async fn active_policy_version(&self) -> Result<Option<PolicyVersion>, LedgerError> {
        let what = "look up the policy in force";
        let call = self
            .client
            .get_item()
            .table_name(&self.tables.ledger)
            .set_key(Some(schema::active_policy_key()))
            .consistent_read(true)
            .projection_expression("#version")
            .expression_attribute_names("#version", VERSION)
            .send();
        let answer = self.within(what, call).await?;
        let item = answer.map_err(|error| LedgerError::call(what, &error))?.item;
        item.map(|item| schema::parsed(&item, VERSION)).transpose()
    }

    /// The policy in force: its text stands beside its name, so that one call is enough for a function that starts.
    ///
    /// # Errors
    /// When DynamoDB fails or the item is not readable.
    pub async fn active_policy(&self) -> Result<Option<ActivePolicy>, LedgerError> {
        let item = self
            .get("read the policy in force", schema::active_policy_key())
            .await?;
        let read = |item: Item| {
            Ok(ActivePolicy {
                version: schema::parsed(&item, VERSION)?,
                text: schema::text(&item, BODY)?.to_owned(),
            })
        };
        item.map(read).transpose()
    }

    /// Stores a policy as an immutable version and puts it in force.
    ///
    /// # Errors
    /// When DynamoDB fails.
    pub async fn publish_policy(&self, policy: &Policy, at: Time) -> Result<Published, LedgerError> {
        if self.active_policy_version().await? == Some(policy.version()) {
            return Ok(Published::Unchanged);
        }
        let mut version = schema::policy_key(&policy.version());
        version.insert(KIND.to_owned(), schema::s(schema::kind::POLICY));
        version.insert(BODY.to_owned(), schema::s(policy.text()));
        let mut active = schema::active_policy_key();
        active.insert(KIND.to_owned(), schema::s(schema::kind::ACTIVE_POLICY));
        active.insert(VERSION.to_owned(), schema::s(policy.version().to_string()));
        active.insert(BODY.to_owned(), schema::s(policy.text()));
        active.insert(OBSERVED_AT.to_owned(), schema::time(at));
        // The text is named by its hash, so writing it again writes the same.
        let actions: Vec<TransactWriteItem> = [version, active]
            .into_iter()
            .map(|item| action(self.put_ledger().set_item(Some(item))))
            .collect::<Result<_, _>>()?;
        let what = "publish a policy";
        let call = self
            .client
            .transact_write_items()
            .set_transact_items(Some(actions))
            .send();
        self.within(what, call)
            .await?
            .map_err(|error| LedgerError::call(what, &error))?;
        Ok(Published::InForce)
    }
}
