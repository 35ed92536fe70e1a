//! A campaign and its audience: those who may get it, those who left, those who never answered, and strangers.

use assent_tests::campaigns::all_is_well;
use aws_sdk_dynamodb::Client;
use consent::campaign::{Limit, PART_SIZE, PartId, Plan, Reason, Tally};
use consent::id::CampaignId;
use consent::time::Span;
use dynoxide::Database;
use identity::{Identifiers, PhoneNumber};
use ledger::{CallerRef, Listed, PutPart, RecipientId};
use serde::{Deserialize, Serialize};

use crate::measure::copies::{Template, fill, phone};
use crate::measure::people::Person;
use crate::measure::{ledger, policy};
use crate::{NOON, STORED_AT};

/// How long ago people have agreed: they have not written since, so whoever gets the message is written to first.
const LATELY: Span = Span::days(40);

/// What an audience is.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Filling {
    pub(crate) recipients: u64,
    /// How many of them are the ledger's own. The others are copies and strangers.
    pub(crate) gated: u64,
}

/// What is copied, and who is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sort {
    Agreed,
    Left,
    NeverAnswered,
    Stranger,
}

impl Sort {
    /// Of a hundred, 88 have agreed.
    fn of(number: u64) -> Self {
        match number % 100 {
            0..5 => Self::Left,
            5..10 => Self::NeverAnswered,
            10..12 => Self::Stranger,
            _ => Self::Agreed,
        }
    }
}

impl Filling {
    fn copied(&self) -> u64 {
        self.recipients - self.gated
    }

    /// Everyone counts, and as what they are.
    pub(crate) fn assert_counted(&self, tally: &Tally) {
        let copied = |sort| {
            let copied = (0..self.copied()).filter(|number| Sort::of(*number) == sort);
            u64::try_from(copied.count()).unwrap()
        };
        assert_eq!(tally.total(), self.recipients);
        assert_eq!(tally.allow, self.gated + copied(Sort::Agreed), "{tally:?}");
        assert_eq!(tally.count(Reason::UnknownContact), copied(Sort::Stranger), "{tally:?}");
    }
}

/// Fills a ledger with the people and the campaign that is for them.
pub(crate) async fn store(database: &Database, client: &Client, filling: Filling) -> usize {
    let policy = policy();
    ledger(client)
        .publish_policy(&policy, STORED_AT - LATELY)
        .await
        .unwrap();
    let [agreed, left, asked] = templates().await;
    let items = fill(database, filling.copied(), |number| match Sort::of(number) {
        Sort::Agreed => Some(&agreed),
        Sort::Left => Some(&left),
        Sort::NeverAnswered => Some(&asked),
        Sort::Stranger => None,
    });
    for number in 0..filling.gated {
        let person = Person {
            ledger: &ledger(client),
            policy: &policy,
            phone: &phone_of_gated(number),
        };
        let contact = person.is_asked(STORED_AT - LATELY).await;
        person.agrees(contact.id, STORED_AT - LATELY).await;
    }
    put_audience(client, filling).await;
    for report in all_is_well(NOON, Limit::Unlimited) {
        ledger(client).report_health(&report).await.unwrap();
    }
    items
}

async fn templates() -> [Template; 3] {
    let at = STORED_AT - LATELY;
    let agreed = Template::of(async |person: &Person<'_>| {
        let contact = person.is_asked(at).await;
        person.agrees(contact.id, at).await
    });
    let left = Template::of(async |person: &Person<'_>| {
        let contact = person.is_asked(at).await;
        person.agrees(contact.id, at).await;
        person.leaves(STORED_AT).await
    });
    let asked = Template::of(async |person: &Person<'_>| person.is_asked(STORED_AT).await);
    [agreed.await, left.await, asked.await].map(Template::without_evidence)
}

/// Puts the campaign and its audience, part by part, as a campaign tool does.
async fn put_audience(client: &Client, filling: Filling) {
    let policy = policy();
    let put = ledger(client)
        .put_campaign(&campaign(), &plan(), &policy, STORED_AT)
        .await;
    put.unwrap();
    let gated = (0..filling.gated).map(gated);
    let everyone: Vec<_> = gated
        .chain((0..filling.copied()).map(|number| person(phone(number))))
        .collect();
    for (number, people) in (1..).zip(everyone.chunks(PART_SIZE)) {
        let listed: Vec<_> = people
            .iter()
            .zip(0..)
            .map(|(who, place): (_, u32)| Listed {
                who: RecipientId::Person(who.clone()),
                reference: Some(CallerRef::new(&format!("customer-{number}-{place}")).unwrap()),
            })
            .collect();
        let part = PartId::try_from(number).unwrap();
        let ledger = ledger(client);
        let put = ledger.put_part(&campaign(), part, &listed, 0, &policy, STORED_AT).await;
        assert!(matches!(put, Ok(PutPart::Stored { duplicates: 0, .. })), "{put:?}");
    }
}

pub(crate) fn campaign() -> CampaignId {
    "summer".parse().unwrap()
}

pub(crate) fn plan() -> Plan {
    assent_tests::campaigns::plan("2026-07-14T12:00:00[Europe/Berlin]")
}

/// Somebody whom the gate is asked about.
pub(crate) fn gated(number: u64) -> Identifiers {
    person(phone_of_gated(number))
}

fn phone_of_gated(number: u64) -> PhoneNumber {
    PhoneNumber::parse(&format!("+49170{:08}", 10_000_000 + number)).unwrap()
}

fn person(phone: PhoneNumber) -> Identifiers {
    Identifiers::new(Some(phone), None).unwrap()
}
