//! Reading many items together.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::KeysAndAttributes;

use crate::error::LedgerError;
use crate::schema::{self, Item, PK, SK};
use crate::store::Ledger;

/// How many items one BatchGetItem may ask for.
pub(crate) const MOST_KEYS: usize = 100;

/// Items that were read together, by their keys. A row of the key table has no sort key.
#[derive(Debug, Default)]
pub(crate) struct ReadItems(HashMap<(String, Option<String>), Item>);

impl ReadItems {
    pub(crate) fn of(items: Vec<Item>) -> Self {
        let place = |item: Item| Some((Self::place(&item)?, item));
        Self(items.into_iter().filter_map(place).collect())
    }

    pub(crate) fn get(&self, key: &Item) -> Option<&Item> {
        self.0.get(&Self::place(key)?)
    }

    fn place(item: &Item) -> Option<(String, Option<String>)> {
        let pk = schema::text(item, PK).ok()?.to_owned();
        Some((pk, schema::text(item, SK).ok().map(str::to_owned)))
    }
}

impl Ledger {
    /// Reads items consistently until none is left unprocessed.
    pub(crate) async fn batch_get(
        &self,
        what: &'static str,
        requests: Vec<(String, Vec<Item>)>,
    ) -> Result<Vec<Item>, LedgerError> {
        let whole = |(table, keys)| Ok((table, wanted(keys, None)?));
        let requests = requests.into_iter().map(whole).collect::<Result<_, LedgerError>>()?;
        self.batch_get_wanted(what, requests).await
    }

    /// Reads items of the ledger, and which rows of the key table are there: of a key nothing but its name is asked for, so whoever
    /// asks need not be allowed to read it. That takes no more calls and no more units than to read the keys, and a condition
    /// in a transaction, which would tell the same, takes writes.
    pub(crate) async fn batch_get_unopened(
        &self,
        what: &'static str,
        items: Vec<Item>,
        keys: Vec<Item>,
    ) -> Result<ReadItems, LedgerError> {
        let mut requests = HashMap::new();
        if !items.is_empty() {
            requests.insert(self.tables.ledger.clone(), wanted(items, None)?);
        }
        if !keys.is_empty() {
            requests.insert(self.tables.keys.clone(), wanted(keys, Some(PK))?);
        }
        Ok(ReadItems::of(self.batch_get_wanted(what, requests).await?))
    }

    async fn batch_get_wanted(
        &self,
        what: &'static str,
        mut wanted: HashMap<String, KeysAndAttributes>,
    ) -> Result<Vec<Item>, LedgerError> {
        let mut items = vec![];
        let mut attempt = 0;
        while !wanted.is_empty() {
            if attempt > 0 {
                self.back_off(attempt - 1, what).await?;
            }
            attempt += 1;
            let call = self.client.batch_get_item().set_request_items(Some(wanted)).send();
            let answer = self
                .within(what, call)
                .await?
                .map_err(|error| LedgerError::call(what, &error))?;
            items.extend(answer.responses.unwrap_or_default().into_values().flatten());
            wanted = answer.unprocessed_keys.unwrap_or_default();
        }
        Ok(items)
    }
}

/// The items with these keys, or the one attribute of them.
fn wanted(keys: Vec<Item>, attribute: Option<&str>) -> Result<KeysAndAttributes, LedgerError> {
    KeysAndAttributes::builder()
        .set_keys(Some(keys))
        .set_projection_expression(attribute.map(str::to_owned))
        .consistent_read(true)
        .build()
        .map_err(|_| LedgerError::corrupt(PK))
}
