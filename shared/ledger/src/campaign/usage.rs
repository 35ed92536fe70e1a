//! How much of the portfolio's messaging limit is used.
//!
//! Meta counts the people to whom a business wrote first within any 24 hours. Here each hour has its own count, and every hour that
//! touches the last 24 counts in full: the sum is never less than Meta's.

use aws_sdk_dynamodb::types::ReturnValue;
use consent::campaign::Usage;
use consent::contact::Contact;
use consent::policy::Policy;
use consent::retention::Kind;
use consent::time::{Span, Time};

use crate::error::LedgerError;
use crate::schema::{self, COUNT, DUE_AT, DUE_SHARD, EXPIRES_AT, Item, KIND, PURGE_SHARD};
use crate::store::Ledger;

/// How many hours touch the last 24: the present one and the one that has not quite left among them.
const HOURS: u32 = 25;

/// What the hours that touch the last 24 counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Counted {
    /// What they come to.
    pub(super) usage: Usage,
    /// What the present hour has counted of it.
    present: u32,
}

impl Counted {
    /// What these items, among any others, have counted.
    pub(super) fn read(items: &crate::read::ReadItems, now: Time) -> Result<Self, LedgerError> {
        let present = hour_of(now);
        let mut counted = Self {
            usage: Usage {
                people: 0,
                frees_at: frees(present),
            },
            present: 0,
        };
        // From the oldest on, so that the first that counted anybody says when they no longer count.
        for hour in hours(now) {
            let Some(item) = items.get(&schema::usage_key(hour)) else {
                continue;
            };
            let people = count(item)?;
            if counted.usage.people == 0 && people > 0 {
                counted.usage.frees_at = frees(hour);
            }
            counted.usage.people = counted.usage.people.saturating_add(people);
            if hour == present {
                counted.present = people;
            }
        }
        Ok(counted)
    }

    /// The usage that one of so many people meets who were just counted in the present hour, whose count is now `present`: the
    /// one after so many others of them. Whoever asks for more than were counted meets the limit.
    pub(super) fn before(&self, reserved: u32, present: u32, others: u32) -> Usage {
        let people = self.usage.people.saturating_sub(self.present).saturating_add(present);
        Usage {
            people: people.saturating_sub(reserved).saturating_add(others),
            ..self.usage
        }
    }
}

/// The keys of the hours that touch the last 24.
pub(super) fn usage_keys(now: Time) -> Vec<Item> {
    hours(now).map(schema::usage_key).collect()
}

/// Whether a message to the contact takes from the messaging limit: Meta does not count who wrote within 24 hours, and counts nobody
/// twice. Who was written to in this very hour is counted in it already; in an earlier hour, would no longer count when that hour leaves.
pub(super) fn takes_from_limit(contact: &Contact, now: Time) -> bool {
    let is_counted = contact.sends.last().is_some_and(|sent| sent >= hour_of(now));
    !is_counted && !contact.window_is_open(now)
}

impl Ledger {
    /// To how many people messages were let go within 24 hours, each of whom had to be written to first.
    ///
    /// # Errors
    /// When DynamoDB fails or an item is not readable.
    pub async fn usage(&self, now: Time) -> Result<Usage, LedgerError> {
        let keys = vec![(self.tables.ledger.clone(), usage_keys(now))];
        let items = self.batch_get("read how much of the limit is used", keys).await?;
        Ok(Counted::read(&crate::read::ReadItems::of(items), now)?.usage)
    }

    /// Counts people in the present hour before anything is sent to them, and says how many it has counted then.
    pub(super) async fn reserve(&self, people: u32, policy: &Policy, now: Time) -> Result<u32, LedgerError> {
        let what = "count whom messages are let go to";
        let hour = hour_of(now);
        let mut item = Item::from([(KIND.to_owned(), schema::s(schema::kind::USAGE))]);
        if let Some(due_at) = Kind::Usage.due_at(hour, policy) {
            schema::set_due(&mut item, Kind::Usage, PURGE_SHARD.to_owned(), due_at);
        }
        let mut call = self
            .client
            .update_item()
            .table_name(&self.tables.ledger)
            .set_key(Some(schema::usage_key(hour)))
            .expression_attribute_names("#count", COUNT)
            .expression_attribute_values(":people", schema::n(people))
            .return_values(ReturnValue::UpdatedNew);
        let mut sets = vec![];
        for (number, name) in [KIND, DUE_SHARD, DUE_AT, EXPIRES_AT].into_iter().enumerate() {
            let Some(value) = item.remove(name) else { continue };
            sets.push(format!("#s{number} = :s{number}"));
            call = call
                .expression_attribute_names(format!("#s{number}"), name)
                .expression_attribute_values(format!(":s{number}"), value);
        }
        let call = call.update_expression(format!("SET {} ADD #count :people", sets.join(", ")));
        let answer = self
            .within(what, call.send())
            .await?
            .map_err(|error| LedgerError::call(what, &error))?;
        count(&answer.attributes.unwrap_or_default())
    }
}

fn count(item: &Item) -> Result<u32, LedgerError> {
    u32::try_from(schema::number(item, COUNT)?).map_err(|_| LedgerError::corrupt(COUNT))
}

/// The hour that a moment lies in, by its beginning.
fn hour_of(now: Time) -> Time {
    let seconds = now.unix_seconds();
    Time::from_unix_seconds(seconds - seconds % 3_600)
}

/// The hours that touch the last 24, the oldest first.
fn hours(now: Time) -> impl Iterator<Item = Time> {
    let present = hour_of(now);
    (0..HOURS).rev().map(move |ago| present - Span::hours(ago))
}

/// When the last who was counted in an hour no longer counts.
fn frees(hour: Time) -> Time {
    hour + Span::hours(HOURS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read::ReadItems;

    const HALF_PAST: Time = Time::from_unix_seconds(1_800_000_000 + 1_800);

    fn counted(hours_ago: &[(u32, u32)]) -> Counted {
        let item = |(ago, people): &(u32, u32)| {
            let mut item = schema::usage_key(hour_of(HALF_PAST) - Span::hours(*ago));
            item.insert(COUNT.to_owned(), schema::n(*people));
            item
        };
        Counted::read(&ReadItems::of(hours_ago.iter().map(item).collect()), HALF_PAST).unwrap()
    }

    #[test]
    fn every_hour_that_touches_the_last_day_counts_until_its_last_minute_is_a_day_old() {
        let usage = counted(&[(25, 7), (24, 3), (2, 2), (0, 1)]).usage;
        assert_eq!(usage.people, 6);
        assert_eq!(usage.frees_at, hour_of(HALF_PAST) + Span::hours(1));
        let later = counted(&[(2, 2), (0, 1)]).usage;
        assert_eq!(later.frees_at, hour_of(HALF_PAST) + Span::hours(23));
    }

    #[test]
    fn who_reserves_comes_after_all_who_did_before() {
        let counted = counted(&[(5, 10), (0, 4)]);
        // Meanwhile somebody else counted 6, and now 5 are.
        assert_eq!([0, 4].map(|others| counted.before(5, 15, others).people), [20, 24]);
    }
}
