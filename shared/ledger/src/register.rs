//! The erasure register: who was erased lately, as keyed hashes, so that a restored backup does not bring them back.
//!
//! It lies in the key table, of which there are no backups, so that a restore of the ledger leaves it as it is. A day has a few
//! rows, which are enumerated and never searched for. The deadline of each is an item of the ledger, where the purge finds it.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem, Update};
use consent::contact::Contact;
use consent::decide::Rules;
use consent::id::ContactId;
use consent::policy::Policy;
use consent::retention::{Kind, Tombstone};
use consent::time::{Span, Time};
use identity::Pseudonym;

use crate::erasure::{Begun, Plan};
use crate::error::LedgerError;
use crate::removal::{Leaving, tombstone_item};
use crate::schema::{self, BODY, CONTACT, ERASED, Item, KIND, PK, PURGE_SHARD};
use crate::store::{Ledger, action};
use crate::transaction::{ATTEMPTS, update_action};

/// Among how many rows the register of one day is divided.
const SHARDS: u8 = 64;

/// The most keys of one BatchGetItem.
const BATCH: usize = 100;

/// What came of erasing again whom a backup had brought back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ReplayReport {
    /// How many keyed hashes the register holds.
    pub entries: u64,
    /// How many contacts had to be erased again.
    pub erased_again: u64,
    /// How many entries led to nobody who had to be: the contact is gone, or came back on its own.
    pub already: u64,
}

/// A day of the calendar (UTC), as the number of days since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Day(i64);

impl Day {
    const SECONDS: i64 = Span::days(1).as_seconds();

    fn of(time: Time) -> Self {
        Self(time.unix_seconds() / Self::SECONDS)
    }

    fn end(self) -> Time {
        Time::from_unix_seconds((self.0 + 1) * Self::SECONDS)
    }

    fn name(self) -> String {
        let begin = Time::from_unix_seconds(self.0 * Self::SECONDS).to_string();
        begin.split('T').next().unwrap_or_default().to_owned()
    }

    fn due_at(self, policy: &Policy) -> Option<Time> {
        Kind::ErasureRegister.due_at(self.end(), policy)
    }
}

/// Who was erased, and when.
type Entries = BTreeMap<Pseudonym, Time>;

fn entry(text: &str) -> Result<(Pseudonym, Time), LedgerError> {
    let parts = text.split_once('@');
    let parsed = parts.and_then(|(alias, at)| Some((alias.parse().ok()?, at.parse().ok()?)));
    let (alias, seconds) = parsed.ok_or(LedgerError::corrupt(ERASED))?;
    Ok((alias, Time::from_unix_seconds(seconds)))
}

impl Ledger {
    /// Enters a contact that was erased at that time into the register of this day.
    pub(crate) fn register(
        &self,
        leaving: &Leaving,
        erased_at: Time,
        rules: &Rules<'_>,
    ) -> Result<Vec<TransactWriteItem>, LedgerError> {
        if leaving.places.aliases.is_empty() {
            return Ok(vec![]);
        }
        let [first, ..] = leaving.id.as_bytes();
        let day = Day::of(rules.now);
        let pk = schema::erasure_register_pk(&day.name(), first % SHARDS);
        let entries = leaving.places.aliases.iter();
        let entries = entries.map(|alias| format!("{alias}@{}", erased_at.unix_seconds()));
        let add = Update::builder()
            .table_name(&self.tables.keys)
            .set_key(Some(schema::key_row(&*pk)))
            .update_expression("ADD #erased :erased")
            .expression_attribute_names("#erased", ERASED)
            .expression_attribute_values(":erased", AttributeValue::Ss(entries.collect()));
        let pointer = self.put_ledger().set_item(Some(pointer(&pk, day, rules.policy)));
        Ok(vec![update_action(add.build())?, action(pointer)?])
    }

    /// Everybody who was erased so lately that a backup may bring them back, with the last time that they were.
    ///
    /// # Errors
    /// When DynamoDB fails or a row is not readable.
    pub(crate) async fn erased_lately(&self, now: Time, policy: &Policy) -> Result<Entries, LedgerError> {
        let mut erased = Entries::new();
        for (_, entries) in self.register_rows(now, policy).await? {
            for (alias, at) in entries {
                let last = erased.entry(alias).or_insert(at);
                *last = at.max(*last);
            }
        }
        Ok(erased)
    }

    /// The rows of the days that no purge has deleted yet, as their deadlines' items.
    async fn register_rows(
        &self,
        now: Time,
        policy: &Policy,
    ) -> Result<Vec<(Item, Vec<(Pseudonym, Time)>)>, LedgerError> {
        // A clock may run ahead of this one.
        let mut day = Day(Day::of(now).0 + 1);
        let mut pointers = BTreeMap::new();
        while day.0 >= 0 && day.due_at(policy).is_some_and(|due_at| now < due_at) {
            for shard in 0..SHARDS {
                let pk = schema::erasure_register_pk(&day.name(), shard);
                pointers.insert(pk.clone(), pointer(&pk, day, policy));
            }
            day = Day(day.0 - 1);
        }
        let keys: Vec<_> = pointers.keys().map(schema::key_row).collect();
        let mut rows = vec![];
        for keys in keys.chunks(BATCH) {
            let request = vec![(self.tables.keys.clone(), keys.to_vec())];
            for row in self.batch_get("read the erasure register", request).await? {
                let texts = row.get(ERASED).and_then(|erased| erased.as_ss().ok());
                let texts = texts.ok_or(LedgerError::corrupt(ERASED))?;
                let entries = texts.iter().map(|text| entry(text)).collect::<Result<_, _>>()?;
                let pointer = pointers.remove(schema::text(&row, PK)?);
                rows.push((pointer.ok_or(LedgerError::corrupt(PK))?, entries));
            }
        }
        Ok(rows)
    }

    /// Erases again whom a restored backup has brought back, and leaves alone who came back on their own. Doing it twice does
    /// nothing more, and whoever was interrupted begins anew.
    ///
    /// # Errors
    /// When DynamoDB fails, the deadline comes, or an item is not readable.
    pub async fn replay_erasures(&self, rules: &Rules<'_>) -> Result<ReplayReport, LedgerError> {
        for (pointer, _) in self.register_rows(rules.now, rules.policy).await? {
            self.put_if_missing("restore the deadline of an erasure register", pointer)
                .await?;
        }
        let mut report = ReplayReport::default();
        for (alias, erased_at) in self.erased_lately(rules.now, rules.policy).await? {
            report.entries += 1;
            if self.replay(&alias, erased_at, rules).await? {
                report.erased_again += 1;
            } else {
                report.already += 1;
            }
        }
        Ok(report)
    }

    /// Whether somebody had to be erased again.
    async fn replay(&self, alias: &Pseudonym, erased_at: Time, rules: &Rules<'_>) -> Result<bool, LedgerError> {
        let tombstone = Tombstone::erased(erased_at);
        for _ in 0..ATTEMPTS {
            let item = self.get("look up an alias", schema::alias_key(alias)).await?;
            let is_settled = match &item {
                None => self.settle_alias(alias, None, &tombstone, rules).await?,
                Some(item) if schema::text(item, KIND)? == schema::kind::TOMBSTONE => {
                    let stands: Tombstone = schema::body(item)?;
                    let mut both = stands.clone();
                    both.merge(&tombstone);
                    both == stands || self.settle_alias(alias, Some((BODY, item)), &both, rules).await?
                }
                Some(item) => {
                    let contact: ContactId = schema::parsed(item, CONTACT)?;
                    let named = self.get("read a contact", schema::contact_key(&contact)).await?;
                    match named {
                        Some(named) if schema::text(&named, KIND)? == schema::kind::CONTACT => {
                            let registers: Contact = schema::body(&named)?;
                            if registers.erased_at() >= Some(erased_at) {
                                return Ok(false);
                            }
                            let plan = Plan::again(&named, erased_at)?;
                            if let Begun::Yes(erasure) = self.begin_plan(plan, rules).await? {
                                self.continue_erasure(&erasure, rules).await?;
                                return Ok(true);
                            }
                            false
                        }
                        // The contact is gone, and the alias was left behind.
                        _ => {
                            self.settle_alias(alias, Some((CONTACT, item)), &tombstone, rules)
                                .await?
                        }
                    }
                }
            };
            if is_settled {
                return Ok(false);
            }
        }
        Err(LedgerError::Contended { attempts: ATTEMPTS })
    }

    /// Writes the tombstone, if nothing has changed at the alias: nothing stands there, or what its attribute said.
    async fn settle_alias(
        &self,
        alias: &Pseudonym,
        stands: Option<(&'static str, &Item)>,
        tombstone: &Tombstone,
        rules: &Rules<'_>,
    ) -> Result<bool, LedgerError> {
        let what = "restore a tombstone";
        let Some(item) = tombstone_item(alias, tombstone, rules.policy, rules.now)? else {
            return Ok(true);
        };
        let Some((attribute, stands)) = stands else {
            return self.put_if_missing(what, item).await;
        };
        let call = self
            .client
            .put_item()
            .table_name(&self.tables.ledger)
            .set_item(Some(item))
            .condition_expression("#stands = :stands")
            .expression_attribute_names("#stands", attribute)
            .expression_attribute_values(":stands", schema::s(schema::text(stands, attribute)?))
            .send();
        self.conditionally(what, call).await
    }

    async fn put_if_missing(&self, what: &'static str, item: Item) -> Result<bool, LedgerError> {
        let call = self
            .client
            .put_item()
            .table_name(&self.tables.ledger)
            .set_item(Some(item))
            .condition_expression(format!("attribute_not_exists({PK})"))
            .send();
        self.conditionally(what, call).await
    }
}

/// The item that holds the deadline of a part of a day's register.
fn pointer(pk: &str, day: Day, policy: &Policy) -> Item {
    let mut item = schema::erasure_register_key(pk);
    item.insert(KIND.to_owned(), schema::s(schema::kind::ERASURE_REGISTER));
    if let Some(due_at) = day.due_at(policy) {
        schema::set_due(&mut item, Kind::ErasureRegister, PURGE_SHARD.to_owned(), due_at);
    }
    item
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_named_as_the_calendar_does_and_ends_at_midnight() {
        let day = Day::of("2026-11-23T23:59:59Z".parse().unwrap());
        assert_eq!(day.name(), "2026-11-23");
        assert_eq!(day.end().to_string(), "2026-11-24T00:00:00Z");
        assert_eq!(Day::of(day.end()).name(), "2026-11-24");
    }

    #[test]
    fn an_entry_is_read_as_it_is_written_and_nothing_else_is() {
        let alias = "ab".repeat(32);
        let (read, at) = entry(&format!("{alias}@1784000000")).unwrap();
        assert_eq!((read.to_string(), at.unix_seconds()), (alias.clone(), 1_784_000_000));
        for wrong in [&*alias, "@1784000000", &format!("{alias}@"), ""] {
            assert!(entry(wrong).is_err(), "{wrong}");
        }
    }
}
