//! Campaigns and their audiences, as they are stored.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use aws_sdk_dynamodb::types::AttributeValue;
use consent::campaign::{
    CampaignVerdict, Checked, Everyone, PART_SIZE, PartId, Plan, SENDING_WINDOW, Stage, State, Template,
};
use consent::evidence::{Actor, TypedWords};
use consent::id::{CampaignId, CheckId, ContactId};
use consent::policy::Mode;
use consent::retention::{Kind, ReportKey};
use consent::time::{Span, Time};
use futures::future::{join, join_all};
use identity::{Identifiers, PhoneNumber};
use ledger::{CallerRef, ErasureRequest, ErasureStart, Listed, PutCampaign, PutPart, RecipientId, StoredCampaign};
use serde_json::{Value, json};

use crate::deeds::{BEGIN, POLICY, purpose, rules};
use crate::world::{World, bsuid, digits, keys, on_every_store, phone, says, somebody};

fn new_id() -> CampaignId {
    let random = u64::from_be_bytes(identity::random_bytes().unwrap());
    format!("summer-{random:x}").parse().unwrap()
}

fn starts_at() -> Time {
    BEGIN + Span::days(3)
}

fn plan_at(at: Time) -> Plan {
    Plan {
        purpose: purpose("offers"),
        sender: assent_tests::SENDER.parse().unwrap(),
        template: Template {
            name: "summer_sale".parse().unwrap(),
            language: "de".parse().unwrap(),
        },
        scheduled_at: at.into(),
        mode: Mode::Enforce,
    }
}

fn part(number: u16) -> PartId {
    PartId::try_from(number).unwrap()
}

fn listed(who: RecipientId) -> Listed {
    Listed { who, reference: None }
}

fn by_phone(phone: &PhoneNumber) -> Listed {
    listed(RecipientId::Person(
        Identifiers::new(Some(phone.clone()), None).unwrap(),
    ))
}

fn strangers(count: usize) -> Vec<Listed> {
    (0..count).map(|_| by_phone(&phone())).collect()
}

/// A campaign that was just put, without an audience.
async fn new_campaign(world: &World) -> CampaignId {
    let id = new_id();
    let put = world
        .ledger()
        .put_campaign(&id, &plan_at(starts_at()), &POLICY, BEGIN)
        .await;
    assert!(matches!(put.unwrap(), PutCampaign::Created(_)));
    id
}

async fn put(world: &World, id: &CampaignId, number: u16, recipients: &[Listed]) -> PutPart {
    let ledger = world.ledger();
    let put = ledger.put_part(id, part(number), recipients, 0, &POLICY, BEGIN);
    put.await.unwrap()
}

/// How many were taken, how many were there twice, and how many are unknown.
fn counts(put: &PutPart) -> (u32, u32, u32) {
    match put {
        PutPart::Stored {
            accepted,
            duplicates,
            unknown,
            ..
        } => (*accepted, *duplicates, *unknown),
        other => panic!("not stored: {other:?}"),
    }
}

async fn stored(world: &World, id: &CampaignId) -> StoredCampaign {
    world.ledger().campaign(id).await.unwrap().unwrap()
}

type Item = HashMap<String, AttributeValue>;

fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

/// All items of a campaign, by sort key.
async fn items(world: &World, id: &CampaignId) -> BTreeMap<String, Item> {
    let mut items = world
        .client
        .query()
        .table_name(&world.tables.ledger)
        .consistent_read(true)
        .key_condition_expression("pk = :pk")
        .expression_attribute_values(":pk", text(format!("campaign#{id}")))
        .into_paginator()
        .items()
        .send();
    let mut all = BTreeMap::new();
    while let Some(item) = items.next().await {
        let item = item.unwrap();
        all.insert(item["sk"].as_s().unwrap().clone(), item);
    }
    all
}

/// Somebody on an audience, as the table has them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct OnShelf {
    part: u16,
    bucket: String,
    alias: Vec<u8>,
    contact: Option<ContactId>,
}

async fn shelves(world: &World, id: &CampaignId) -> Vec<OnShelf> {
    let mut all = vec![];
    for (sk, item) in items(world, id).await {
        let Some((bucket, part)) = sk.strip_prefix("bucket#").and_then(|place| place.split_once('#')) else {
            continue;
        };
        let mut bytes = item["entries"].as_b().unwrap().as_ref();
        while let Some((alias, rest)) = bytes.split_at_checked(32) {
            let (contact, rest) = match rest[0] {
                0 => (None, &rest[1..]),
                _ => (
                    Some(ContactId::from_bytes(rest[1..17].try_into().unwrap())),
                    &rest[17..],
                ),
            };
            all.push(OnShelf {
                part: part.parse().unwrap(),
                bucket: bucket.to_owned(),
                alias: alias.to_vec(),
                contact,
            });
            bytes = rest;
        }
    }
    all
}

fn alias(listed: &Listed) -> Vec<u8> {
    match &listed.who {
        RecipientId::Person(who) => keys().pseudonym.alias(&who.iter().next().unwrap()).as_bytes().to_vec(),
        RecipientId::Contact(_) => panic!("nobody's number"),
    }
}

fn aliases(listed: &[Listed]) -> BTreeSet<Vec<u8>> {
    listed.iter().map(alias).collect()
}

async fn aliases_of_part(world: &World, id: &CampaignId, number: u16) -> BTreeSet<Vec<u8>> {
    let all = shelves(world, id).await.into_iter();
    all.filter(|on| on.part == number).map(|on| on.alias).collect()
}

/// Writes attributes of a campaign's item by hand.
async fn tamper(world: &World, id: &CampaignId, attributes: &[(&str, String)]) {
    for (name, value) in attributes {
        let update = world
            .client
            .update_item()
            .table_name(&world.tables.ledger)
            .key("pk", text(format!("campaign#{id}")))
            .key("sk", text("campaign"))
            .update_expression("SET #name = :value")
            .expression_attribute_names("#name", *name)
            .expression_attribute_values(":value", text(value));
        update.send().await.unwrap();
    }
}

/// The campaign has begun to send.
async fn begin_sending(world: &World, id: &CampaignId) {
    let item = &items(world, id).await["campaign"];
    let mut body: Value = serde_json::from_str(item["body"].as_s().unwrap()).unwrap();
    body["sending_since"] = json!(starts_at());
    tamper(world, id, &[("body", body.to_string())]).await;
}

// ---- plans ----

#[test]
fn a_campaign_that_is_put_again_is_the_same() {
    on_every_store(async |world| {
        let id = new_campaign(world).await;
        let before = items(world, &id).await;
        let again = world
            .ledger()
            .put_campaign(&id, &plan_at(starts_at()), &POLICY, BEGIN + Span::hours(1))
            .await;
        assert!(matches!(again.unwrap(), PutCampaign::Same(same) if same.campaign.registered_at == BEGIN));
        assert_eq!(items(world, &id).await, before);
    });
}

#[test]
fn another_plan_takes_the_audience_along() {
    on_every_store(async |world| {
        let id = new_campaign(world).await;
        put(world, &id, 1, &strangers(3)).await;
        let before = (stored(world, &id).await.campaign, shelves(world, &id).await);

        let later = starts_at() + Span::days(10);
        let changed = world.ledger().put_campaign(&id, &plan_at(later), &POLICY, BEGIN).await;
        let PutCampaign::Changed(changed) = changed.unwrap() else {
            panic!("not changed")
        };
        assert_eq!(changed.campaign.plan, plan_at(later));
        assert_eq!(changed.campaign, stored(world, &id).await.campaign);
        assert_eq!(
            (&changed.campaign.audience, shelves(world, &id).await),
            (&before.0.audience, before.1)
        );

        let items = items(world, &id).await;
        let due = |sk: &str| items[sk]["due_at"].as_n().unwrap().parse().map(Time::from_unix_seconds);
        assert_eq!(due("campaign"), Ok(later));
        assert_eq!(
            due("audience").ok(),
            Kind::Audience.due_at(later + SENDING_WINDOW, &POLICY)
        );
        // What has come of it can be put once more.
        put(world, &id, 2, &strangers(1)).await;
    });
}

#[test]
fn many_who_put_a_campaign_at_once_make_one() {
    on_every_store(async |world| {
        let id = new_id();
        let ledger = world.ledger();
        let plan = plan_at(starts_at());
        let puts = join_all((0..5).map(|_| ledger.put_campaign(&id, &plan, &POLICY, BEGIN))).await;
        let created = puts
            .iter()
            .filter(|put| matches!(put, Ok(PutCampaign::Created(_))))
            .count();
        let same = puts
            .iter()
            .filter(|put| matches!(put, Ok(PutCampaign::Same(_))))
            .count();
        assert_eq!((created, same), (1, 4));
    });
}

#[test]
fn a_campaign_that_sends_or_is_over_is_closed() {
    on_every_store(async |world| {
        let id = new_campaign(world).await;
        put(world, &id, 1, &strangers(1)).await;
        let ledger = world.ledger();
        let other = plan_at(starts_at() + Span::hours(1));
        let over = starts_at() + SENDING_WINDOW;
        let everyone = Everyone {
            purpose: purpose("offers"),
            locale: None,
            country: None,
        };
        let late = ledger.put_part(&id, part(1), &strangers(1), 0, &POLICY, over).await;
        assert_eq!(late.unwrap(), PutPart::Closed(State::Over));
        begin_sending(world, &id).await;
        let before = items(world, &id).await;

        let plan = ledger.put_campaign(&id, &other, &POLICY, BEGIN).await;
        assert!(matches!(plan.unwrap(), PutCampaign::Closed(State::Sending)));
        assert_eq!(put(world, &id, 1, &strangers(1)).await, PutPart::Closed(State::Sending));
        assert_eq!(put(world, &id, 2, &strangers(1)).await, PutPart::Closed(State::Sending));
        let all = ledger.put_everyone(&id, &everyone, &POLICY, BEGIN).await;
        assert_eq!(all.unwrap(), PutPart::Closed(State::Sending));
        assert_eq!(items(world, &id).await, before);
        // Saying the same once more is no change.
        let same = ledger.put_campaign(&id, &plan_at(starts_at()), &POLICY, BEGIN).await;
        assert!(matches!(same.unwrap(), PutCampaign::Same(_)));
    });
}

#[test]
fn campaigns_are_due_the_nearest_first_from_the_look_ahead_until_they_are_retired() {
    on_every_store(async |world| {
        let ledger = world.ledger();
        // Far from the campaigns of other tests.
        let start = BEGIN + Span::days(300);
        let ids = [new_id(), new_id(), new_id()];
        for (id, hours) in ids.iter().zip([2, 1, 3]) {
            let plan = plan_at(start + Span::hours(hours));
            ledger.put_campaign(id, &plan, &POLICY, BEGIN).await.unwrap();
        }
        let due = async |now| {
            let due = ledger.campaigns_due(&POLICY, now).await.unwrap();
            due.into_iter().filter(|id| ids.contains(id)).collect::<Vec<_>>()
        };
        let ahead = POLICY.campaigns().look_ahead();
        assert_eq!(due(start - ahead).await, []);
        assert_eq!(
            due(start - ahead + Span::hours(2)).await,
            [ids[1].clone(), ids[0].clone()]
        );
        let over = start + SENDING_WINDOW + Span::hours(3);
        assert_eq!(due(over).await, [ids[1].clone(), ids[0].clone(), ids[2].clone()]);

        let read = stored(world, &ids[0]).await;
        assert!(ledger.retire_campaign(&read, &POLICY).await.unwrap());
        assert!(!ledger.retire_campaign(&read, &POLICY).await.unwrap(), "it has changed");
        assert_eq!(due(over).await, [ids[1].clone(), ids[2].clone()]);
        let item = &items(world, &ids[0]).await["campaign"];
        let until = Kind::Campaign.due_at(read.campaign.plan.ends_at(), &POLICY).unwrap();
        assert_eq!(item["due_at"].as_n().unwrap(), &until.unix_seconds().to_string());
        assert!(item["due_shard"].as_s().unwrap().starts_with("purge#"));
        assert_eq!(stored(world, &ids[0]).await.campaign, read.campaign);
    });
}

// ---- verdicts ----

async fn verdict(world: &World, id: &CampaignId) -> CampaignVerdict {
    let checked = Checked {
        check: CheckId::from_bytes([1; 16]),
        stage: Stage::OnDemand,
        began_at: BEGIN,
        ended_at: BEGIN,
        health: Default::default(),
        usage: None,
        tally: Default::default(),
    };
    CampaignVerdict::of(&stored(world, id).await.campaign, checked, &POLICY)
}

async fn give(world: &World, id: &CampaignId, text: &str, signed: &str) {
    let key = ReportKey::from_bytes(*keys().pseudonym.report_key().as_bytes());
    let signature = key.sign("verdict", signed).to_string();
    tamper(world, id, &[("verdict", text.to_owned()), ("signature", signature)]).await;
}

#[test]
fn a_verdict_is_intact_as_it_was_signed_for_its_campaign_alone() {
    on_every_store(async |world| {
        let (id, another) = (new_campaign(world).await, new_campaign(world).await);
        assert!(stored(world, &id).await.is_intact, "it has none");
        let verdict = verdict(world, &id).await;
        let written = serde_json::to_string(&verdict).unwrap();

        give(world, &id, &written, &written).await;
        let read = stored(world, &id).await;
        assert!(read.is_intact);
        assert_eq!(read.campaign.verdict.as_deref(), Some(&verdict));

        let forged = written
            .replace("\"held\"", "\"cleared\"")
            .replace("\"blocked\"", "\"cleared\"");
        assert_ne!(forged, written);
        give(world, &id, &forged, &written).await;
        assert!(!stored(world, &id).await.is_intact);
        give(world, &another, &written, &written).await;
        assert!(!stored(world, &another).await.is_intact);
        tamper(world, &id, &[("verdict", written), ("signature", "none".to_owned())]).await;
        assert!(!stored(world, &id).await.is_intact);
    });
}

#[test]
fn a_change_of_the_plan_or_the_audience_leaves_a_verdict_as_it_was_signed() {
    on_every_store(async |world| {
        let id = new_campaign(world).await;
        let written = serde_json::to_string_pretty(&verdict(world, &id).await).unwrap();
        give(world, &id, &written, &written).await;
        let ledger = world.ledger();
        let later = plan_at(starts_at() + Span::hours(1));
        ledger.put_campaign(&id, &later, &POLICY, BEGIN).await.unwrap();
        put(world, &id, 1, &strangers(2)).await;
        assert_eq!(items(world, &id).await["campaign"]["verdict"].as_s().unwrap(), &written);
        assert!(stored(world, &id).await.is_intact);
    });
}

// ---- parts ----

#[test]
fn nobody_is_put_on_an_audience_without_a_campaign_or_beyond_the_size_of_a_part() {
    on_every_store(async |world| {
        assert_eq!(put(world, &new_id(), 1, &strangers(1)).await, PutPart::NoCampaign);
        let id = new_campaign(world).await;
        let before = items(world, &id).await;
        assert_eq!(put(world, &id, 1, &strangers(PART_SIZE + 1)).await, PutPart::TooMany);
        assert_eq!(items(world, &id).await, before);
    });
}

#[test]
fn a_part_that_is_put_again_is_replaced_and_the_others_stay() {
    on_every_store(async |world| {
        let id = new_campaign(world).await;
        let (first, other, second) = (strangers(300), strangers(40), strangers(5));
        put(world, &id, 1, &first).await;
        put(world, &id, 10, &other).await;
        assert_eq!(aliases_of_part(world, &id, 1).await, aliases(&first));
        let before = stored(world, &id).await.campaign.audience;
        assert_eq!((before.parts, before.recipients), (2, 340));

        assert_eq!(counts(&put(world, &id, 1, &second).await), (5, 0, 5));
        assert_eq!(aliases_of_part(world, &id, 1).await, aliases(&second));
        assert_eq!(aliases_of_part(world, &id, 10).await, aliases(&other));
        let after = stored(world, &id).await.campaign.audience;
        assert_eq!((after.parts, after.recipients), (2, 45));
        assert_ne!(after.digest, before.digest);

        // The order of the same list makes no difference.
        let reversed: Vec<_> = first.into_iter().rev().collect();
        put(world, &id, 1, &reversed).await;
        assert_eq!(stored(world, &id).await.campaign.audience, before);
        put(world, &id, 1, &[]).await;
        assert_eq!(aliases_of_part(world, &id, 1).await.len(), 0);
    });
}

#[test]
fn a_person_is_on_every_part_under_one_hash_before_and_after_they_are_known() {
    on_every_store(async |world| {
        let id = new_campaign(world).await;
        let (phone, bsuid) = (phone(), bsuid());
        let who = Identifiers::new(Some(phone.clone()), Some(bsuid.clone())).unwrap();
        assert_eq!(counts(&put(world, &id, 1, &[by_phone(&phone)]).await), (1, 0, 1));

        let contact = world.record(&who, &[says("START")], BEGIN).await.contact.unwrap().id;
        let by_bsuid = listed(RecipientId::Person(Identifiers::new(None, Some(bsuid)).unwrap()));
        let by_id = listed(RecipientId::Contact(contact));
        let ways = [by_phone(&phone), by_bsuid, by_id];
        assert_eq!(counts(&put(world, &id, 2, &ways).await), (1, 2, 0));
        for (number, way) in (3..).zip(&ways) {
            let way = std::slice::from_ref(way);
            assert_eq!(counts(&put(world, &id, number, way).await), (1, 0, 0));
        }

        let all = shelves(world, &id).await;
        assert_eq!(all.len(), 5);
        for on in &all {
            assert_eq!((&on.alias, &on.bucket), (&alias(&ways[0]), &all[0].bucket));
            assert_eq!(on.contact, (on.part > 1).then_some(contact));
        }
        let audience = stored(world, &id).await.campaign.audience;
        assert_eq!((audience.recipients, audience.duplicates), (5, 2));
    });
}

#[test]
fn whoever_is_known_by_an_id_alone_and_whoever_is_known_by_nothing_are_told_apart() {
    on_every_store(async |world| {
        let id = new_campaign(world).await;
        let bsuid = Identifiers::new(None, Some(bsuid())).unwrap();
        let contact = world.record(&bsuid, &[says("START")], BEGIN).await.contact.unwrap().id;
        let nobody = ContactId::from_bytes(identity::random_bytes().unwrap());
        let list = [
            listed(RecipientId::Contact(contact)),
            listed(RecipientId::Contact(nobody)),
            listed(RecipientId::Person(bsuid)),
            listed(RecipientId::Contact(nobody)),
        ];
        assert_eq!(counts(&put(world, &id, 1, &list).await), (2, 2, 1));
        let all = shelves(world, &id).await;
        let known = all.iter().find(|on| on.contact == Some(contact)).unwrap();
        assert_eq!(known.alias, alias(&list[2]));
        assert!(all.iter().any(|on| on.contact.is_none()));
    });
}

#[test]
fn whoever_is_known_by_a_number_only_later_stays_the_same_person_on_every_audience() {
    on_every_store(async |world| {
        let id = new_campaign(world).await;
        let (phone, bsuid) = (phone(), bsuid());
        let first = Identifiers::new(None, Some(bsuid.clone())).unwrap();
        let contact = world.record(&first, &[says("START")], BEGIN).await.contact.unwrap().id;
        let by_first = listed(RecipientId::Person(first));
        assert_eq!(
            counts(&put(world, &id, 1, std::slice::from_ref(&by_first)).await),
            (1, 0, 0)
        );

        let both = Identifiers::new(Some(phone.clone()), Some(bsuid)).unwrap();
        world.record(&both, &[says("STOP")], BEGIN + Span::minutes(1)).await;
        let ways = [by_phone(&phone), by_first, listed(RecipientId::Contact(contact))];
        assert_eq!(counts(&put(world, &id, 2, &ways).await), (1, 2, 0));
        for on in shelves(world, &id).await {
            assert_eq!((on.alias, on.contact), (alias(&ways[1]), Some(contact)));
        }
    });
}

#[test]
fn the_invalid_ones_of_a_list_are_counted_with_its_part() {
    on_every_store(async |world| {
        let id = new_campaign(world).await;
        let ledger = world.ledger();
        for (number, invalid) in [(1, 7), (2, 3), (1, 2)] {
            let list = strangers(1);
            let put = ledger.put_part(&id, part(number), &list, invalid, &POLICY, BEGIN);
            put.await.unwrap();
        }
        let audience = stored(world, &id).await.campaign.audience;
        assert_eq!((audience.recipients, audience.invalid), (2, 5));
    });
}

#[test]
fn a_full_part_with_the_longest_references_fits() {
    on_every_store(async |world| {
        let id = new_campaign(world).await;
        let longest = "\u{1F600}".repeat(CallerRef::LONGEST);
        let mut list = strangers(PART_SIZE);
        for listed in &mut list {
            listed.reference = Some(CallerRef::new(&longest).unwrap());
        }
        let full = u32::try_from(PART_SIZE).unwrap();
        // Into the place of another that is as large.
        put(world, &id, 200, &strangers(PART_SIZE)).await;
        assert_eq!(counts(&put(world, &id, 200, &list).await), (full, 0, full));
        assert_eq!(aliases_of_part(world, &id, 200).await, aliases(&list));
    });
}

// ---- everyone ----

#[test]
fn everyone_takes_the_place_of_all_parts_and_a_part_the_place_of_everyone() {
    on_every_store(async |world| {
        let id = new_campaign(world).await;
        let ledger = world.ledger();
        put(world, &id, 1, &strangers(20)).await;
        put(world, &id, 2, &strangers(20)).await;
        let everyone = Everyone {
            purpose: purpose("offers"),
            locale: None,
            country: None,
        };
        let put_all = ledger.put_everyone(&id, &everyone, &POLICY, BEGIN).await.unwrap();
        assert_eq!(counts(&put_all), (0, 0, 0));
        let audience = stored(world, &id).await.campaign.audience;
        assert_eq!(
            (audience.everyone, audience.parts, audience.recipients),
            (Some(everyone), 0, 0)
        );
        assert_eq!(shelves(world, &id).await, [], "nothing is kept of who was listed");

        let list = strangers(3);
        put(world, &id, 2, &list).await;
        let audience = stored(world, &id).await.campaign.audience;
        assert_eq!((audience.everyone, audience.parts, audience.recipients), (None, 1, 3));
        assert_eq!(aliases_of_part(world, &id, 2).await, aliases(&list));
    });
}

// ---- at once ----

#[test]
fn of_two_who_put_one_part_at_once_one_wins_as_a_whole() {
    on_every_store(async |world| {
        for _ in 0..5 {
            let id = new_campaign(world).await;
            let (first, second) = (strangers(60), strangers(70));
            let (one, other) = join(put(world, &id, 1, &first), put(world, &id, 1, &second)).await;
            let audience = stored(world, &id).await.campaign.audience;
            let there = aliases_of_part(world, &id, 1).await;
            let won = [(&first, &one), (&second, &other)]
                .into_iter()
                .find(|(list, _)| aliases(list) == there);
            let (_, put) = won.expect("a mixture of both");
            assert!(matches!(put, PutPart::Stored { audience: stored, .. } if *stored == audience));
        }
    });
}

#[test]
fn different_parts_that_are_put_at_once_are_all_there() {
    on_every_store(async |world| {
        let id = new_campaign(world).await;
        let lists: Vec<_> = (1..=4).map(|number| (number, strangers(9))).collect();
        join_all(lists.iter().map(|(number, list)| put(world, &id, *number, list))).await;
        for (number, list) in &lists {
            assert_eq!(aliases_of_part(world, &id, *number).await, aliases(list));
        }
        let audience = stored(world, &id).await.campaign.audience;
        assert_eq!((audience.parts, audience.recipients), (4, 36));
    });
}

// ---- personal data ----

/// Whether a text stands anywhere in a value: as it is, or in its bytes.
fn holds(value: &AttributeValue, secret: &str) -> bool {
    match value {
        AttributeValue::B(blob) => blob
            .as_ref()
            .windows(secret.len())
            .any(|window| window == secret.as_bytes()),
        other => format!("{other:?}").contains(secret),
    }
}

#[test]
fn no_number_no_id_and_no_reference_stands_in_an_audience_in_the_open() {
    on_every_store(async |world| {
        let id = new_campaign(world).await;
        let (number, name) = (digits(), bsuid());
        let known = Identifiers::new(None, Some(name.clone())).unwrap();
        world.starter(&somebody()).await;
        world.starter(&known).await;
        let unknown = PhoneNumber::parse(&format!("+49151{number}")).unwrap();
        let list: Vec<_> = [listed(RecipientId::Person(known)), by_phone(&unknown)]
            .into_iter()
            .map(|listed| Listed {
                reference: Some(CallerRef::new("Frau Schmidt 4711").unwrap()),
                ..listed
            })
            .collect();
        put(world, &id, 1, &list).await;
        let items = items(world, &id).await;
        assert!(items.values().any(|item| item.contains_key("references")));
        assert!(!format!("{list:?}").contains("Schmidt"));
        let values = || items.values().flat_map(HashMap::values);
        // A text that is there is found.
        assert!(values().any(|value| holds(value, "summer_sale")));
        for secret in [number.as_str(), name.as_str(), "Schmidt", "4711"] {
            assert!(!values().any(|value| holds(value, secret)), "{secret} is in the table");
        }
    });
}

#[test]
fn an_erasure_takes_the_person_from_every_audience_and_leaves_the_others_on_it() {
    on_every_store(async |world| {
        let id = new_campaign(world).await;
        let who = somebody();
        let contact = world.starter(&who).await.id;
        let by_number = by_phone(who.phone().unwrap());
        // So many that somebody else lies in the same bucket, with a reference of their own.
        let mut list = strangers(300);
        list.push(by_number.clone());
        for listed in &mut list {
            listed.reference = Some(CallerRef::new(&format!("{:?}", alias(listed))[..64]).unwrap());
        }
        put(world, &id, 1, &list).await;
        put(world, &id, 2, std::slice::from_ref(&by_number)).await;
        let before = stored(world, &id).await.campaign;

        let request = ErasureRequest {
            actor: Actor::System,
            reason: &TypedWords::new("Art. 17"),
        };
        let erasure = world.ledger().begin_erasure(&contact, &request, &rules(BEGIN)).await;
        let ErasureStart::Begun(erasure) = erasure.unwrap() else {
            panic!("not begun")
        };
        world.ledger().continue_erasure(&erasure, &rules(BEGIN)).await.unwrap();

        let all = shelves(world, &id).await;
        assert_eq!(all.len(), 300);
        assert!(
            all.iter()
                .all(|on| on.contact.is_none() && on.alias != alias(&by_number))
        );
        let read = stored(world, &id).await;
        assert_eq!(read.campaign, before);
        let expected: BTreeSet<_> = list[..300].iter().map(|listed| listed.reference.clone()).collect();
        let (mut references, mut cursor) = (BTreeSet::new(), None);
        loop {
            let ledger = world.ledger();
            let page = ledger
                .recipients(&read, cursor.as_ref(), &Default::default(), None, &POLICY, BEGIN)
                .await
                .unwrap();
            references.extend(page.judged.into_iter().map(|judged| judged.reference));
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!(references, expected);
    });
}
