//! Events in, contacts and evidence out.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use consent::campaign::{Fact, Quality};
use consent::contact::{Carried, Contact, Status};
use consent::event::{Act, Asked, Event};
use consent::evidence::{Actor, ChainKey, EvidenceKind, ReducedRecord};
use consent::id::{ContactId, EventId, RequestId, SenderId};
use consent::outgoing::OutgoingKind;
use consent::register::RequestSource;
use consent::retention::Tombstone;
use consent::suppression::{MessageClass, SuppressionKind};
use consent::time::{Span, Time};
use consent::token::Action;
use futures::FutureExt;
use futures::future::join_all;
use identity::{Identifiers, PhoneNumber, PseudonymDomain, Sealed, WrappedKey};
use ledger::{Found, HealthReport, KeyUse, Ledger, LedgerError, OutboxState, Published, Quarantined, Who};
use tokio::time::Instant;

use crate::deeds::{BEGIN, POLICY, message, purpose, rules, signed, token};
use crate::wire::Fault;
use crate::world::{World, bsuid, digits, event, keys, on_every_store, phone, says, says_at, somebody};

fn offers(contact: &Contact, now: Time) -> Status {
    contact.standing(&purpose("offers"), &POLICY, now).status
}

fn minute(minutes: u32) -> Time {
    BEGIN + Span::minutes(minutes)
}

fn only_phone(phone: &PhoneNumber) -> Identifiers {
    Identifiers::new(Some(phone.clone()), None).unwrap()
}

fn taps(action: Action, contact: ContactId, request: RequestId, prompted_at: Time, at: Time) -> Event {
    let payload = signed(&token(action, contact, request, prompted_at, &[purpose("offers")]));
    event(
        at,
        Act::Tapped {
            payload,
            message: message(1),
            context: None,
        },
    )
}

fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

/// Everything in the ledger's table.
pub(crate) async fn all_items(world: &World) -> String {
    let mut pages = world
        .client
        .scan()
        .table_name(&world.tables.ledger)
        .into_paginator()
        .items()
        .send();
    let mut items = String::new();
    while let Some(item) = pages.next().await {
        items += &format!("{:?}\n", item.unwrap());
    }
    items
}

// ---- what one record writes ----

#[test]
fn a_new_contact_is_written_whole() {
    on_every_store(async |world| {
        let who = somebody();
        let recorded = world.record(&who, &[says("START")], BEGIN).await;
        let contact = recorded.contact.unwrap();
        assert_eq!((recorded.evidence.len(), recorded.outbox.len()), (1, 1));
        for identifier in who.iter() {
            let subject = world.known(&identifier.into()).await;
            assert_eq!(subject.contact, contact);
            assert_eq!(subject.identity, who);
        }
        let subject = world.known(&who).await;
        let history = world.ledger().history(&subject).await.unwrap();
        assert!(history.intact);
        let entry = &history.entries[0];
        assert_eq!(
            (entry.evidence.kind, entry.words.as_deref()),
            (EvidenceKind::Requested, Some("START"))
        );
        let queued = world
            .ledger()
            .outbox_message(&recorded.outbox[0].id)
            .await
            .unwrap()
            .unwrap();
        assert_eq!((queued.contact, queued.state), (contact.id, OutboxState::Waiting));
        assert_eq!(queued.outgoing, recorded.outbox[0]);
        let key = world
            .client
            .get_item()
            .table_name(&world.tables.keys)
            .key("pk", text(format!("contact#{}", contact.id)));
        assert!(key.send().await.unwrap().item.is_some());
    });
}

/// A contact's item.
async fn contact_item(world: &World, id: &ContactId) -> HashMap<String, AttributeValue> {
    item(world, &format!("contact#{id}"), "contact").await.unwrap()
}

async fn item(world: &World, pk: &str, sk: &str) -> Option<HashMap<String, AttributeValue>> {
    let get = world
        .client
        .get_item()
        .table_name(&world.tables.ledger)
        .consistent_read(true)
        .key("pk", text(pk))
        .key("sk", text(sk));
    get.send().await.unwrap().item
}

fn json(item: &HashMap<String, AttributeValue>, name: &str) -> serde_json::Value {
    serde_json::from_str(item[name].as_s().unwrap()).unwrap()
}

#[test]
fn a_contact_says_when_it_is_due_and_where_the_rest_of_it_lies() {
    on_every_store(async |world| {
        let who = somebody();
        let first = world
            .record(&only_phone(who.phone().unwrap()), &[says("START")], BEGIN)
            .await;
        let second = world.record(&who, &[says_at(minute(1), "STOP")], minute(1)).await;
        let subject = world.known(&who).await;
        let item = contact_item(world, &subject.contact.id).await;
        let due_at = subject.contact.due_at(&POLICY).unwrap();
        assert_eq!(item["due_at"].as_n().unwrap(), &due_at.unix_seconds().to_string());
        let shard = subject.contact.id.as_bytes()[0] % 8;
        assert_eq!(item["due_shard"].as_s().unwrap(), &format!("purge#{shard}"));
        assert!(!item.contains_key("expires_at"), "a legal hold may keep a contact");
        let places = json(&item, "places");
        // In the order in which they came to be known: the first is the one that campaigns know a contact by, and stays first.
        let alias = |identifier| keys().pseudonym.alias(&identifier).to_string();
        let aliases = [
            alias(who.phone().unwrap().clone().into()),
            alias(who.bsuid().unwrap().clone().into()),
        ];
        assert_eq!(places["aliases"], serde_json::json!(aliases));
        let messages = places["messages"].as_object().unwrap();
        assert_eq!(messages.len(), 2);
        for outgoing in first.outbox.iter().chain(&second.outbox) {
            assert_eq!(messages[&outgoing.id.to_string()], outgoing.created_at.to_string());
        }
    });
}

#[test]
fn what_makes_further_identifiers_known_leaves_the_due_time_alone() {
    on_every_store(async |world| {
        let contact = world.starter(&only_phone(&phone())).await;
        let before = contact_item(world, &contact.id).await;
        let further = Identifiers::new(None, Some(bsuid())).unwrap();
        world.ledger().learn(&contact.id, &further).await.unwrap();
        let after = contact_item(world, &contact.id).await;
        assert_eq!(after["due_at"], before["due_at"]);
        let [before, after] = [before, after].map(|item| json(&item, "places"));
        assert_eq!(after["messages"], before["messages"]);
        assert_eq!(after["aliases"].as_array().unwrap().len(), 2);
    });
}

#[test]
fn a_contact_says_which_countries_its_number_may_be_of_without_being_opened() {
    on_every_store(async |world| {
        let by_id = Identifiers::new(None, Some(bsuid())).unwrap();
        let contact = world.starter(&by_id).await;
        let countries = async || contact_item(world, &contact.id).await["countries"].clone();
        let list = |codes: &[&str]| AttributeValue::L(codes.iter().copied().map(text).collect());
        assert_eq!(countries().await, list(&["DE"]), "as the id says");
        let american = PhoneNumber::parse(&format!("+1650{}", digits())).unwrap();
        world.ledger().learn(&contact.id, &only_phone(&american)).await.unwrap();
        assert_eq!(countries().await, list(&["CA", "US"]), "as the number says");
        world.record(&by_id, &[says_at(minute(1), "STOP")], minute(1)).await;
        assert_eq!(countries().await, list(&["CA", "US"]), "whatever else is written");
    });
}

#[test]
fn a_contact_whose_processing_is_restricted_is_never_due() {
    on_every_store(async |world| {
        let who = somebody();
        let carried = Carried {
            everything: None,
            marketing: None,
            purposes: vec![],
            suppressions: vec![(SuppressionKind::RestrictionArt18, BEGIN)],
        };
        let restricted = world.record(&who, &[event(BEGIN, Act::Arrived(carried))], BEGIN).await;
        let item = contact_item(world, &restricted.contact.unwrap().id).await;
        assert!(!item.contains_key("due_at") && !item.contains_key("due_shard"));
    });
}

#[test]
fn nothing_is_written_unless_all_of_it_is() {
    on_every_store(async |world| {
        for fault in [Fault::NotSent, Fault::Throttled] {
            let (ledger, wire) = world.ledger_on_a_wire(1);
            let who = somebody();
            wire.fail([Fault::Nothing, fault]);
            let failed = ledger
                .record(&Who::Person(who.clone()), &[says("START")], &rules(BEGIN))
                .await;
            assert!(matches!(failed, Err(LedgerError::Unavailable { .. })), "{failed:?}");
            assert!(world.is_unknown(&who).await);
        }
    });
}

#[test]
fn neither_numbers_nor_ids_nor_words_stand_in_the_table_in_the_open() {
    on_every_store(async |world| {
        let (number, name) = (digits(), bsuid());
        let phone = PhoneNumber::parse(&format!("+49151{number}")).unwrap();
        let who = Identifiers::new(Some(phone), Some(name.clone())).unwrap();
        world
            .record(&who, &[says("Bitte keine Werbung mehr, danke"), says("STOP")], BEGIN)
            .await;
        let items = all_items(world).await;
        for secret in [number.as_str(), name.as_str(), "Werbung", "STOP"] {
            assert!(!items.contains(secret), "{secret} is in the table");
        }
    });
}

#[test]
fn a_person_of_whom_nothing_has_to_be_known_stays_unknown() {
    on_every_store(async |world| {
        let who = somebody();
        let recorded = world.record(&who, &[says("guten tag"), says("ja")], BEGIN).await;
        assert!(recorded.contact.is_none() && world.is_unknown(&who).await);
        let stop = world
            .ledger()
            .record(&Who::IfKnown(who.clone()), &[says("STOP")], &rules(BEGIN))
            .await;
        assert!(stop.unwrap()[0].contact.is_none() && world.is_unknown(&who).await);
        let nobody = Who::Contact(ContactId::from_bytes([0; 16]));
        assert!(
            world
                .ledger()
                .record(&nobody, &[says("STOP")], &rules(BEGIN))
                .await
                .unwrap()[0]
                .contact
                .is_none()
        );
    });
}

// ---- events that come again ----

#[test]
fn a_delivery_that_comes_again_records_nothing_twice() {
    on_every_store(async |world| {
        let who = somebody();
        let [start, stop, help] = [says("START"), says_at(minute(1), "STOP"), says_at(minute(2), "HILFE")];
        let first = world.record(&who, &[start.clone(), stop.clone()], minute(3)).await;
        assert_eq!((first.evidence.len(), first.outbox.len()), (2, 2));
        // One that is known among others that are not, in another order, and twice.
        let second = world
            .record(
                &who,
                &[help.clone(), stop.clone(), help.clone(), start.clone()],
                minute(4),
            )
            .await;
        assert_eq!((second.evidence.len(), second.outbox.len()), (0, 1));
        assert_eq!(second.outbox[0].kind, OutgoingKind::Help);
        let before = world.known(&who).await;
        let third = world
            .record(&who, &[stop.clone(), help, start.clone()], minute(5))
            .await;
        assert!(third.evidence.is_empty() && third.outbox.is_empty());
        let after = world.known(&who).await;
        assert_eq!(before.contact, after.contact);
        assert_eq!(world.event_ids(&after).await, [start.id, stop.id]);
    });
}

#[test]
fn an_event_that_comes_again_with_another_time_is_the_same_event() {
    on_every_store(async |world| {
        let who = somebody();
        let stop = says("STOP");
        world.record(&who, std::slice::from_ref(&stop), minute(1)).await;
        world
            .record(
                &who,
                &[Event {
                    at: minute(2),
                    ..stop.clone()
                }],
                minute(3),
            )
            .await;
        assert_eq!(world.event_ids(&world.known(&who).await).await, [stop.id]);
    });
}

#[test]
fn what_was_carried_out_without_an_answer_is_not_carried_out_again() {
    on_every_store(async |world| {
        for attempts in [1, 3] {
            let (ledger, wire) = world.ledger_on_a_wire(attempts);
            let who = somebody();
            let start = says("START");
            wire.fail([Fault::Nothing, Fault::AnswerLost]);
            let answer = ledger
                .record(&Who::Person(who.clone()), std::slice::from_ref(&start), &rules(BEGIN))
                .await;
            assert_eq!(answer.is_ok(), attempts > 1);
            world.record(&who, std::slice::from_ref(&start), minute(1)).await;
            let subject = world.known(&who).await;
            assert_eq!(world.event_ids(&subject).await, [start.id]);
            assert_eq!(subject.contact.prompts.len(), 1);
        }
    });
}

// ---- at the same time ----

#[test]
fn events_recorded_at_the_same_time_on_one_contact_all_survive() {
    on_every_store(async |world| {
        let who = somebody();
        world.starter(&who).await;
        let tasks = (1..=8).map(|task| {
            let (ledger, who) = (world.ledger(), Who::Person(who.clone()));
            tokio::spawn(async move {
                let mut ids = vec![];
                for number in 0..4 {
                    let at = minute(task * 10 + number);
                    let events = [says_at(at, "STOP"), says_at(at + Span::seconds(1), "START")];
                    ledger.record(&who, &events, &rules(minute(100))).await.unwrap();
                    ids.extend(events.map(|event| event.id));
                }
                ids
            })
        });
        let mut ids: Vec<_> = join_all(tasks).await.into_iter().flat_map(Result::unwrap).collect();
        let subject = world.known(&who).await;
        let mut known = world.event_ids(&subject).await.split_off(1);
        ids.sort_unstable();
        known.sort_unstable();
        assert_eq!(known, ids);
        assert_eq!(subject.contact.stops.everything.get().unwrap().at, minute(83));
    });
}

#[test]
fn first_contacts_at_the_same_time_with_one_number_are_one_contact() {
    on_every_store(async |world| {
        let phone = phone();
        let tasks = (0..8).map(|number| {
            let ledger = world.ledger();
            let who = only_phone(&phone);
            tokio::spawn(async move {
                let stop = says_at(minute(number), "STOP");
                let recorded = ledger
                    .record(&Who::Person(who), &[stop], &rules(minute(20)))
                    .await
                    .unwrap();
                recorded[0].contact.as_ref().unwrap().id
            })
        });
        let ids: Vec<_> = join_all(tasks).await.into_iter().map(Result::unwrap).collect();
        let subject = world.known(&only_phone(&phone)).await;
        assert!(ids.iter().all(|id| *id == subject.contact.id));
        assert_eq!(world.event_ids(&subject).await.len(), 8);
    });
}

#[test]
fn a_conflict_with_another_transaction_is_tried_again() {
    on_every_store(async |world| {
        let (ledger, wire) = world.ledger_on_a_wire(1);
        let who = somebody();
        wire.fail([Fault::Nothing, Fault::Conflict, Fault::Nothing, Fault::Conflict]);
        ledger
            .record(&Who::Person(who.clone()), &[says("STOP")], &rules(BEGIN))
            .await
            .unwrap();
        assert_eq!(world.event_ids(&world.known(&who).await).await.len(), 1);
    });
}

// ---- who is who ----

#[test]
fn all_ways_of_writing_one_line_find_one_contact() {
    on_every_store(async |world| {
        let line = &digits()[1..];
        let [long, short] = [format!("+556198{line}"), format!("+55618{line}")];
        let [long, short] = [long, short].map(|number| only_phone(&PhoneNumber::parse(&number).unwrap()));
        let contact = world.starter(&long).await;
        assert_eq!(world.known(&short).await.contact.id, contact.id);
        let stopped = world.record(&short, &[says_at(minute(1), "STOP")], minute(2)).await;
        assert_eq!(stopped.contact.unwrap().id, contact.id);
    });
}

#[test]
fn a_new_id_beside_a_known_number_becomes_an_alias_and_the_other_way_round() {
    on_every_store(async |world| {
        let (phone, id) = (phone(), bsuid());
        let both = Identifiers::new(Some(phone.clone()), Some(id.clone())).unwrap();
        for known in [only_phone(&phone), Identifiers::new(None, Some(id)).unwrap()] {
            let contact = world.starter(&known).await;
            world.record(&both, &[says_at(minute(1), "STOP")], minute(1)).await;
            for identifier in both.iter() {
                let subject = world.known(&identifier.into()).await;
                assert_eq!((subject.contact.id, subject.identity), (contact.id, both.clone()));
            }
            // The second turn finds what the first has made.
            assert_eq!(world.known(&both).await.contact.id, contact.id);
        }
    });
}

/// One person whom the ledger knows as two: by the number, and by the id.
async fn twins(world: &World) -> (Identifiers, [Identifiers; 2], [Contact; 2]) {
    let (phone, id) = (phone(), bsuid());
    let both = Identifiers::new(Some(phone.clone()), Some(id.clone())).unwrap();
    let names = [only_phone(&phone), Identifiers::new(None, Some(id)).unwrap()];
    let contacts = [world.starter(&names[0]).await, world.starter(&names[1]).await];
    (both, names, contacts)
}

async fn both_stopped(world: &World, names: &[Identifiers; 2]) -> [bool; 2] {
    let mut stopped = [false; 2];
    for (name, stopped) in names.iter().zip(&mut stopped) {
        let status = offers(&world.known(name).await.contact, minute(60));
        *stopped = matches!(status, Status::Withdrawn | Status::Declined);
    }
    stopped
}

#[test]
fn a_stop_of_a_person_known_as_two_contacts_binds_both() {
    on_every_store(async |world| {
        let (both, names, [first, second]) = twins(world).await;
        assert_ne!(first.id, second.id);
        let recorded = world
            .ledger()
            .record(&Who::Person(both), &[says_at(minute(1), "STOP")], &rules(minute(2)))
            .await;
        assert_eq!(recorded.unwrap().len(), 2);
        assert_eq!(both_stopped(world, &names).await, [true, true]);
    });
}

#[test]
fn a_refusing_button_binds_both_contacts_of_a_person_whichever_it_was_made_for() {
    on_every_store(async |world| {
        for action in [Action::Stop, Action::Decline, Action::NotMe] {
            for made_for in [0, 1] {
                let (both, names, contacts) = twins(world).await;
                let request = *contacts[made_for].prompts.keys().next().unwrap();
                let tap = taps(action, contacts[made_for].id, request, BEGIN, minute(1));
                world
                    .ledger()
                    .record(&Who::Person(both), &[tap], &rules(minute(2)))
                    .await
                    .unwrap();
                assert_eq!(
                    both_stopped(world, &names).await,
                    [true, true],
                    "{action:?} made for {made_for}"
                );
            }
        }
    });
}

#[test]
fn a_yes_counts_for_the_contact_that_was_asked_and_for_no_other() {
    on_every_store(async |world| {
        let (both, names, contacts) = twins(world).await;
        let request = *contacts[1].prompts.keys().next().unwrap();
        let tap = taps(Action::Confirm, contacts[1].id, request, BEGIN, minute(1));
        world
            .ledger()
            .record(&Who::Person(both), &[tap], &rules(minute(2)))
            .await
            .unwrap();
        let first = world.known(&names[0]).await.contact;
        let second = world.known(&names[1]).await.contact;
        assert_eq!(
            (offers(&first, minute(3)), offers(&second, minute(3))),
            (Status::Requested, Status::Confirmed)
        );
    });
}

#[test]
fn a_stop_binds_both_contacts_even_if_they_became_known_while_it_was_recorded() {
    on_every_store(async |world| {
        let (phone, id) = (phone(), bsuid());
        let both = Identifiers::new(Some(phone.clone()), Some(id.clone())).unwrap();
        let names = [only_phone(&phone), Identifiers::new(None, Some(id)).unwrap()];
        let (ledger, wire) = world.ledger_on_a_wire(1);
        let (other, [by_phone, by_id]): (Ledger, _) = (world.ledger(), names.clone());
        wire.before_the_next_transaction(
            async move {
                for who in [by_phone, by_id] {
                    other
                        .record(&Who::Person(who), &[says("START")], &rules(BEGIN))
                        .await
                        .unwrap();
                }
            }
            .boxed(),
        );
        let stop = says_at(minute(1), "STOP");
        ledger
            .record(&Who::Person(both), &[stop], &rules(minute(2)))
            .await
            .unwrap();
        assert_eq!(both_stopped(world, &names).await, [true, true]);
    });
}

#[test]
fn what_meta_answers_makes_further_identifiers_known_unless_they_are_somebody_elses() {
    on_every_store(async |world| {
        let (mine, id) = (only_phone(&phone()), bsuid());
        let contact = world.starter(&mine).await;
        let known_as = Identifiers::new(None, Some(id)).unwrap();
        world.ledger().learn(&contact.id, &known_as).await.unwrap();
        assert_eq!(world.known(&known_as).await.contact.id, contact.id);
        let stranger = only_phone(&phone());
        let other = world.starter(&stranger).await;
        world.ledger().learn(&contact.id, &stranger).await.unwrap();
        assert_eq!(world.known(&stranger).await.contact.id, other.id);
    });
}

#[test]
fn a_contact_without_its_key_is_read_as_nobody() {
    on_every_store(async |world| {
        let who = somebody();
        let contact = world.starter(&who).await;
        delete_key(world, &contact.id).await;
        assert!(matches!(world.ledger().find(&who).await.unwrap(), Found::Nobody));
        assert!(world.ledger().read(&contact.id).await.unwrap().is_none());
    });
}

// ---- who was somebody once ----

/// What the purge or an erasure leaves of a contact.
pub(crate) async fn bury(world: &World, who: &Identifiers, tombstone: &Tombstone) {
    let Found::One(subject) = world.ledger().find(who).await.unwrap() else {
        panic!("nobody to bury")
    };
    delete_key(world, &subject.contact.id).await;
    let pk = text(format!("contact#{}", subject.contact.id));
    let delete = world.client.delete_item().table_name(&world.tables.ledger);
    delete.key("pk", pk).key("sk", text("contact")).send().await.unwrap();
    for identifier in who.iter() {
        lay_tombstone(world, &identifier.into(), tombstone).await;
    }
}

async fn lay_tombstone(world: &World, who: &Identifiers, tombstone: &Tombstone) {
    for identifier in who.iter() {
        let put = world
            .client
            .put_item()
            .table_name(&world.tables.ledger)
            .item("pk", text(format!("alias#{}", keys().pseudonym.alias(&identifier))))
            .item("sk", text("alias"))
            .item("kind", text("tombstone"))
            .item("body", text(serde_json::to_string(tombstone).unwrap()));
        put.send().await.unwrap();
    }
}

/// Deletes all messages that were put into the outbox for a contact.
pub(crate) async fn delete_messages(world: &World, id: &ContactId) {
    let places = json(&contact_item(world, id).await, "places");
    for message in places["messages"].as_object().unwrap().keys() {
        let delete = world.client.delete_item().table_name(&world.tables.ledger);
        let delete = delete.key("pk", text(format!("outbox#{message}")));
        delete.key("sk", text("outbox")).send().await.unwrap();
    }
}

pub(crate) async fn delete_key(world: &World, id: &ContactId) {
    let delete = world.client.delete_item().table_name(&world.tables.keys);
    delete.key("pk", text(format!("contact#{id}"))).send().await.unwrap();
}

fn is_objecting(contact: &Contact, now: Time) -> bool {
    contact
        .suppressions
        .since(&SuppressionKind::ObjectionMarketing, now)
        .is_some()
}

#[test]
fn who_is_but_a_tombstone_is_nobody_until_they_act_and_then_a_new_contact_that_remembers() {
    on_every_store(async |world| {
        let who = somebody();
        let first = world.record(&who, &[says("STOP")], BEGIN).await.contact.unwrap();
        bury(world, &who, &first.wishes(&POLICY, minute(1))).await;
        assert!(world.is_unknown(&who).await);
        let nothing = world.record(&who, &[says_at(minute(2), "guten tag")], minute(2)).await;
        assert!(
            nothing.contact.is_none() && world.is_unknown(&who).await,
            "nothing to remember it for"
        );

        let asked = asked(minute(3));
        let second = world.record(&who, std::slice::from_ref(&asked), minute(3)).await;
        let second = second.contact.unwrap();
        assert_ne!(second.id, first.id);
        assert_eq!(second.stops.everything, first.stops.everything);
        assert!(is_objecting(&second, minute(4)) && second.prompts.is_empty());
        assert_eq!(
            second.due_at(&POLICY),
            Some(minute(3) + Span::days(7)),
            "as any refused request"
        );
        for identifier in who.iter() {
            assert_eq!(world.known(&identifier.into()).await.contact, second);
        }
        assert_eq!(world.event_ids(&world.known(&who).await).await, [asked.id]);
    });
}

/// A form on the web that somebody filled in, not necessarily the person it is about.
fn asked(at: Time) -> Event {
    let asked = Asked {
        request: RequestId::from_bytes(identity::random_bytes().unwrap()),
        purposes: vec![purpose("offers")],
        locale: "de".parse().unwrap(),
        source: RequestSource::WebForm,
        url: None,
        form: None,
        actor: Actor::System,
    };
    event(at, Act::Asked(asked))
}

#[test]
fn a_known_contact_that_takes_an_identifier_over_remembers_what_stood_there() {
    on_every_store(async |world| {
        for by_answer in [false, true] {
            let (phone, id) = (phone(), bsuid());
            let known = only_phone(&phone);
            let news = Identifiers::new(None, Some(id.clone())).unwrap();
            let contact = world.starter(&known).await;
            let stopped = Contact::new(contact.id).apply(&[says_at(minute(1), "STOP")], &rules(minute(1)));
            lay_tombstone(world, &news, &stopped.contact.wishes(&POLICY, minute(1))).await;
            if by_answer {
                world.ledger().learn(&contact.id, &news).await.unwrap();
            } else {
                let both = Identifiers::new(Some(phone), Some(id)).unwrap();
                world.record(&both, &[says_at(minute(2), "HILFE")], minute(2)).await;
            }
            let contact = world.known(&news).await.contact;
            assert_eq!(contact.stops, stopped.contact.stops, "by Meta's answer: {by_answer}");
            assert!(is_objecting(&contact, minute(3)));
        }
    });
}

#[test]
fn of_two_who_take_an_identifier_over_at_the_same_time_both_end_as_one_contact() {
    on_every_store(async |world| {
        let who = somebody();
        let first = world.record(&who, &[says("STOP")], BEGIN).await.contact.unwrap();
        bury(world, &who, &first.wishes(&POLICY, BEGIN)).await;
        let tasks = (1..=6).map(|number| {
            let (ledger, who) = (world.ledger(), Who::Person(who.clone()));
            tokio::spawn(async move {
                let stop = says_at(minute(number), "STOP");
                ledger.record(&who, &[stop], &rules(minute(9))).await.unwrap();
            })
        });
        join_all(tasks).await.into_iter().for_each(Result::unwrap);
        assert_eq!(world.event_ids(&world.known(&who).await).await.len(), 6);
    });
}

#[test]
fn a_late_stop_of_somebody_known_counts_though_another_id_of_theirs_was_erased_since() {
    on_every_store(async |world| {
        let who = somebody();
        let phone = only_phone(who.phone().unwrap());
        world.record(&phone, &[says("START")], BEGIN).await;
        lay_tombstone(
            world,
            &Identifiers::from(identity::Identifier::from(who.bsuid().unwrap().clone())),
            &Tombstone::erased(minute(9)),
        )
        .await;
        let stopped = world.record(&who, &[says_at(minute(5), "STOP")], minute(10)).await;
        assert_eq!(stopped.evidence.len(), 1, "the contact with the number was not erased");
        assert!(is_objecting(&world.known(&who).await.contact, minute(11)));
    });
}

#[test]
fn a_tombstone_that_changes_meanwhile_is_read_again() {
    on_every_store(async |world| {
        let who = only_phone(&phone());
        let (ledger, wire) = world.ledger_on_a_wire(1);
        lay_tombstone(world, &who, &Tombstone::erased(BEGIN)).await;
        let (client, table) = (world.client.clone(), world.tables.ledger.clone());
        let alias = keys().pseudonym.alias(&who.iter().next().unwrap());
        wire.before_the_next_transaction(
            async move {
                let later = serde_json::to_string(&Tombstone::erased(minute(5))).unwrap();
                let update = client
                    .update_item()
                    .table_name(table)
                    .key("pk", text(format!("alias#{alias}")))
                    .key("sk", text("alias"))
                    .update_expression("SET body = :body")
                    .expression_attribute_values(":body", text(later));
                update.send().await.unwrap();
            }
            .boxed(),
        );
        let start = says_at(minute(1), "START");
        ledger
            .record(&Who::Person(who.clone()), &[start], &rules(minute(6)))
            .await
            .unwrap();
        assert!(world.is_unknown(&who).await, "it was erased after they wrote that");
    });
}

#[test]
fn a_delivery_that_comes_again_after_an_erasure_makes_nobody_known_and_a_later_act_begins_anew() {
    on_every_store(async |world| {
        let who = somebody();
        let start = says_at(minute(1), "START");
        world.record(&who, std::slice::from_ref(&start), minute(1)).await;
        bury(world, &who, &Tombstone::erased(minute(2))).await;
        let (ledger, wire) = world.ledger_on_a_wire(1);
        for again in [start, says_at(minute(2), "STOP")] {
            let person = Who::Person(who.clone());
            let recorded = ledger.record(&person, &[again], &rules(minute(3))).await.unwrap();
            assert!(recorded[0].contact.is_none() && recorded[0].evidence.is_empty());
            assert_eq!(wire.requests(), 1, "it looks, and writes nothing");
        }

        let recorded = world.record(&who, &[says_at(minute(4), "START")], minute(4)).await;
        let contact = recorded.contact.unwrap();
        assert_eq!(contact.chain.length, 1);
        assert_eq!(contact.prompts.len(), 1);
        assert!(
            contact.is_reachable(MessageClass::Prompt, minute(5)),
            "the erasure binds no longer"
        );
        assert_eq!(contact.erased_at(), Some(minute(2)), "and is remembered");
    });
}

#[test]
fn a_form_for_somebody_who_was_erased_asks_nobody() {
    on_every_store(async |world| {
        let who = somebody();
        world.starter(&who).await;
        bury(world, &who, &Tombstone::erased(minute(1))).await;
        let recorded = world.record(&who, &[asked(minute(2))], minute(2)).await;
        assert!(recorded.outbox.is_empty());
        let contact = recorded.contact.unwrap();
        assert!(!contact.is_reachable(MessageClass::OptoutConfirmation, minute(3)));
        assert_eq!(offers(&contact, minute(3)), Status::Requested, "as for anybody else");
        assert_eq!(contact.due_at(&POLICY), Some(minute(2) + Span::days(7)));
    });
}

/// Ways in which a contact can be half there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Half {
    WithoutKey,
    WithoutContact,
    WithoutEither,
    Remains,
}

#[test]
fn whose_contact_is_half_gone_starts_anew_and_keeps_what_they_wished() {
    on_every_store(async |world| {
        for half in [
            Half::WithoutKey,
            Half::WithoutContact,
            Half::WithoutEither,
            Half::Remains,
        ] {
            let who = somebody();
            let first = world.record(&who, &[says("STOP")], BEGIN).await.contact.unwrap();
            let (pk, sk) = (text(format!("contact#{}", first.id)), text("contact"));
            if half != Half::WithoutContact {
                delete_key(world, &first.id).await;
            }
            if matches!(half, Half::WithoutContact | Half::WithoutEither) {
                let delete = world.client.delete_item().table_name(&world.tables.ledger);
                delete.key("pk", pk).key("sk", sk).send().await.unwrap();
            } else if half == Half::Remains {
                let update = world.client.update_item().table_name(&world.tables.ledger);
                let update = update
                    .key("pk", pk)
                    .key("sk", sk)
                    .update_expression("SET kind = :remains");
                let update = update.expression_attribute_values(":remains", text("remains"));
                update.send().await.unwrap();
            }
            assert!(world.is_unknown(&who).await, "{half:?}");
            let by_id = Who::Contact(first.id);
            let stop = [says_at(minute(1), "STOP")];
            let nothing = world.ledger().record(&by_id, &stop, &rules(minute(1))).await.unwrap();
            assert!(
                nothing[0].contact.is_none() && nothing[0].evidence.is_empty(),
                "{half:?}"
            );

            let recorded = world.record(&who, &[asked(minute(2))], minute(2)).await;
            let second = recorded.contact.unwrap();
            assert_ne!(second.id, first.id);
            assert_eq!(world.known(&who).await.contact, second, "{half:?}");
            let remembered = half == Half::WithoutKey;
            assert_eq!(is_objecting(&second, minute(3)), remembered, "{half:?}");
            assert_eq!(recorded.outbox.is_empty(), remembered, "{half:?}");
        }
    });
}

#[test]
fn nobody_takes_the_aliases_of_a_contact_of_which_one_half_was_read_too_early() {
    on_every_store(async |world| {
        let who = somebody();
        let first = world.record(&who, &[says("STOP")], BEGIN).await.contact.unwrap();
        let key = world
            .client
            .get_item()
            .table_name(&world.tables.keys)
            .key("pk", text(format!("contact#{}", first.id)));
        let key = key.send().await.unwrap().item;
        delete_key(world, &first.id).await;
        let (client, table) = (world.client.clone(), world.tables.keys.clone());
        let (ledger, wire) = world.ledger_on_a_wire(1);
        wire.before_the_next_transaction(
            async move {
                client.put_item().table_name(table).set_item(key).send().await.unwrap();
            }
            .boxed(),
        );
        let stop = [says_at(minute(1), "STOP")];
        ledger
            .record(&Who::Person(who.clone()), &stop, &rules(minute(1)))
            .await
            .unwrap();
        let subject = world.known(&who).await;
        assert_eq!(subject.contact.id, first.id);
        assert_eq!(world.event_ids(&subject).await.len(), 2);
    });
}

// ---- history ----

#[test]
fn a_record_that_was_changed_or_removed_in_the_table_shows() {
    on_every_store(async |world| {
        for removed in [false, true] {
            let who = somebody();
            world.starter(&who).await;
            world.record(&who, &[says_at(minute(1), "STOP")], minute(1)).await;
            let subject = world.known(&who).await;
            let first = world.event_ids(&subject).await[0];
            let (pk, sk) = (
                text(format!("contact#{}", subject.contact.id)),
                text(format!("evidence#{first}")),
            );
            if removed {
                let delete = world.client.delete_item().table_name(&world.tables.ledger);
                delete.key("pk", pk).key("sk", sk).send().await.unwrap();
            } else {
                let change = world
                    .client
                    .update_item()
                    .table_name(&world.tables.ledger)
                    .key("pk", pk)
                    .key("sk", sk);
                let change = change
                    .update_expression("SET body = :body")
                    .expression_attribute_values(":body", text("{}"));
                change.send().await.unwrap();
            }
            assert!(
                !world.ledger().history(&subject).await.unwrap().intact,
                "removed: {removed}"
            );
        }
    });
}

#[test]
fn a_record_that_the_ledger_reduced_is_not_missed_and_one_that_others_hid_is() {
    on_every_store(async |world| {
        for hidden in [false, true] {
            let who = somebody();
            let start = says("START");
            let stop = says_at(minute(1), "STOP");
            world
                .record(
                    &who,
                    &[start.clone(), stop.clone(), says_at(minute(2), "START")],
                    minute(3),
                )
                .await;
            let subject = world.known(&who).await;
            let id = subject.contact.id;
            let (pk, sk) = (format!("contact#{id}"), format!("evidence#{}", stop.id));
            let record = item(world, &pk, &sk).await.unwrap();
            let [previous, link] = ["previous", "link"].map(|name| record[name].as_s().unwrap().parse().unwrap());
            let chain = if hidden {
                ChainKey::from_bytes([0; 32])
            } else {
                ChainKey::from_bytes(*keys().pseudonym.chain_key().as_bytes())
            };
            let reduced = ReducedRecord::new(&chain, &id, 2, previous, link);
            let update = world.client.update_item().table_name(&world.tables.ledger);
            let update = update
                .key("pk", text(pk))
                .key("sk", text(sk))
                .update_expression("SET #sequence = :sequence, reduction = :reduction REMOVE body")
                .expression_attribute_names("#sequence", "sequence")
                .expression_attribute_values(":sequence", AttributeValue::N("2".to_owned()))
                .expression_attribute_values(":reduction", text(reduced.reduction.to_string()));
            update.send().await.unwrap();
            let history = world.ledger().history(&subject).await.unwrap();
            assert_eq!(history.intact, !hidden);
            let listed: Vec<_> = history.entries.iter().map(|entry| entry.evidence.sequence).collect();
            assert_eq!(listed, [1, 3]);
            // What was reduced is still known when it comes again, and the chain goes on.
            let again = world.record(&who, &[stop, says_at(minute(4), "STOP")], minute(4)).await;
            assert_eq!(again.evidence.len(), 1);
            let subject = world.known(&who).await;
            assert_eq!(subject.contact.chain.length, 4);
            assert_eq!(world.ledger().history(&subject).await.unwrap().intact, !hidden);
        }
    });
}

#[test]
fn a_long_history_is_read_whole_and_in_the_order_in_which_it_was_recorded() {
    on_every_store(async |world| {
        let who = somebody();
        let mut ids = vec![];
        for batch in 0..8 {
            let events: Vec<_> = (0..25)
                .map(|number| says_at(minute(batch * 25 + number), "STOP"))
                .collect();
            ids.extend(events.iter().map(|event| event.id));
            world.record(&who, &events, minute(300)).await;
        }
        assert_eq!(world.event_ids(&world.known(&who).await).await, ids);
    });
}

// ---- time ----

#[test]
fn a_deadline_in_the_past_fails_and_writes_nothing() {
    on_every_store(async |world| {
        let who = somebody();
        let (ledger, wire) = world.ledger_on_a_wire_until(1, Instant::now());
        let late = ledger
            .record(&Who::Person(who.clone()), &[says("STOP")], &rules(BEGIN))
            .await;
        assert!(matches!(late, Err(LedgerError::OutOfTime { .. })), "{late:?}");
        assert_eq!(wire.requests(), 0, "nothing is even sent");
        assert!(world.is_unknown(&who).await);
    });
}

// ---- what it costs ----

#[test]
fn a_record_takes_two_round_trips_for_a_new_contact_and_three_for_a_known_one() {
    on_every_store(async |world| {
        let (ledger, wire) = world.ledger_on_a_wire(1);
        let who = Who::Person(somebody());
        let events = [says("START"), says("HILFE"), says_at(minute(1), "STOP")];
        ledger.record(&who, &events, &rules(minute(2))).await.unwrap();
        assert_eq!(wire.requests(), 2, "new: aliases, transaction");
        let stop = [says_at(minute(3), "STOP")];
        let contact = ledger.record(&who, &stop, &rules(minute(4))).await.unwrap()[0]
            .contact
            .clone()
            .unwrap();
        assert_eq!(wire.requests(), 3, "known: aliases, contact with key, transaction");
        ledger
            .record(
                &Who::Contact(contact.id),
                &[says_at(minute(5), "STOP")],
                &rules(minute(6)),
            )
            .await
            .unwrap();
        assert_eq!(wire.requests(), 2, "by its id: contact with key, transaction");
        ledger
            .record(&who, &[says("guten tag")], &rules(minute(7)))
            .await
            .unwrap();
        assert_eq!(wire.requests(), 2, "nothing to record: aliases, contact with key");
        ledger.record(&who, &stop, &rules(minute(8))).await.unwrap();
        assert_eq!(wire.requests(), 3, "again: the same as for a known one");
    });
}

// ---- policies, health, quarantine ----

#[test]
fn the_policy_published_last_is_in_force() {
    on_every_store(async |world| {
        let ledger = world.ledger();
        assert!(ledger.active_policy().await.unwrap().is_none());
        let text = POLICY.text().to_owned();
        let other =
            consent::policy::Policy::parse(&format!("{text}\n# Another word makes another version.\n")).unwrap();
        for (policy, outcome) in [
            (&*POLICY, Published::InForce),
            (&*POLICY, Published::Unchanged),
            (&other, Published::InForce),
            (&*POLICY, Published::InForce),
        ] {
            assert_eq!(ledger.publish_policy(policy, BEGIN).await.unwrap(), outcome);
            let active = ledger.active_policy().await.unwrap().unwrap();
            assert_eq!(
                (active.version, active.text.as_str()),
                (policy.version(), policy.text())
            );
            assert_eq!(ledger.active_policy_version().await.unwrap(), Some(policy.version()));
        }
    });
}

#[test]
fn the_newest_report_of_health_stays_and_of_one_second_the_strictest() {
    on_every_store(async |world| {
        let sender: SenderId = digits().parse().unwrap();
        let report = |minutes, value| HealthReport::Number {
            sender: sender.clone(),
            quality: Fact {
                at: minute(minutes),
                value,
            },
        };
        for (minutes, quality, kept) in [
            (5, Quality::Green, true),
            (4, Quality::Red, false),
            (5, Quality::Green, false),
            (5, Quality::Red, true),
            (5, Quality::Yellow, false),
            (6, Quality::Green, true),
        ] {
            let kept_now = world.ledger().report_health(&report(minutes, quality)).await.unwrap();
            assert_eq!(kept_now, kept, "minute {minutes}, {quality:?}");
        }
        let items = all_items(world).await;
        assert_eq!(items.lines().filter(|item| item.contains(sender.as_str())).count(), 1);
    });
}

#[test]
fn an_idempotency_key_is_forgotten_after_a_week_and_if_the_purge_fails_dynamodb_forgets_it() {
    on_every_store(async |world| {
        let key = digits();
        let used = world.ledger().use_key("opt-ins", &key, b"one", BEGIN).await.unwrap();
        let KeyUse::This { event, first_at: BEGIN } = used else {
            panic!("{used:?}")
        };
        let parts: [&[u8]; 3] = [b"key", b"opt-ins", key.as_bytes()];
        let hash = EventId::from_bytes(keys().pseudonym.of(PseudonymDomain::Idempotency, &parts));
        let item = item(world, &format!("idempotency#{hash}"), "idempotency")
            .await
            .unwrap();
        let shard = hash.as_bytes()[0] % 8;
        assert_eq!(item["due_shard"].as_s().unwrap(), &format!("purge#{shard}"));
        let [due_at, expires_at] = ["due_at", "expires_at"].map(|name| item[name].as_n().unwrap().parse::<i64>());
        assert_eq!(due_at, Ok((BEGIN + Span::days(7)).unix_seconds()));
        assert_eq!(expires_at, Ok((BEGIN + Span::days(10)).unix_seconds()));
        // Though neither has come round to it yet, the key is free again.
        let later = BEGIN + Span::days(7);
        let again = world.ledger().use_key("opt-ins", &key, b"two", later).await.unwrap();
        assert!(matches!(again, KeyUse::This { event: another, first_at } if another != event && first_at == later));
    });
}

/// A quarantined delivery: its item, and what was sealed.
async fn quarantined(world: &World, raw: &[u8]) -> (HashMap<String, AttributeValue>, Vec<u8>) {
    let hash = EventId::from_bytes(keys().pseudonym.of(PseudonymDomain::Quarantine, &[raw]));
    let pk = format!("quarantine#{hash}");
    let item = item(world, &pk, "quarantine").await.unwrap();
    let row = world
        .client
        .get_item()
        .table_name(&world.tables.keys)
        .key("pk", text(&pk));
    let row = row.send().await.unwrap().item.unwrap();
    let wrapped = WrappedKey::from_bytes(row["wrapped_key"].as_b().unwrap().as_ref().to_vec());
    let key = keys().sealing[0].unwrap(&wrapped, &pk).unwrap();
    let sealed = Sealed::from_bytes(item["body"].as_b().unwrap().as_ref().to_vec());
    let opened = key.open(&pk, "body", &sealed).unwrap();
    (item, opened)
}

async fn put_aside(world: &World, raw: &[u8]) -> bool {
    let unreadable = Quarantined {
        raw,
        reason: "no JSON".to_owned(),
        received_at: BEGIN,
    };
    world.ledger().quarantine(&unreadable, &POLICY).await.unwrap()
}

fn is_mentioned(item: &HashMap<String, AttributeValue>, who: &Identifiers) -> bool {
    let mentions = item["mentions"].as_ss().unwrap();
    who.iter()
        .all(|identifier| mentions.contains(&keys().pseudonym.alias(&identifier).to_string()))
}

#[test]
fn an_unreadable_delivery_is_put_aside_once_and_sealed_under_a_key_of_its_own() {
    on_every_store(async |world| {
        let who = somebody();
        let (digits, id) = (who.phone().unwrap().digits().to_owned(), who.bsuid().unwrap().clone());
        let raw = format!("not json, from +{digits} or {}", id.as_str());
        assert!(put_aside(world, raw.as_bytes()).await);
        assert!(!put_aside(world, raw.as_bytes()).await);
        let (item, opened) = quarantined(world, raw.as_bytes()).await;
        assert_eq!(
            (opened.as_slice(), item["reason"].as_s().unwrap().as_str()),
            (raw.as_bytes(), "no JSON")
        );
        assert!(is_mentioned(&item, &who));
        assert_eq!(item["due_shard"].as_s().unwrap(), "quarantine#0");
        let due_at = BEGIN + Span::days(14);
        assert_eq!(item["due_at"].as_n().unwrap(), &due_at.unix_seconds().to_string());
        let items = all_items(world).await;
        for secret in ["not json, from", digits.as_str(), id.as_str()] {
            assert!(!items.contains(secret), "{secret} is in the table");
        }
    });
}

#[test]
fn of_a_delivery_that_is_too_large_the_beginning_is_kept_with_all_that_it_mentions() {
    on_every_store(async |world| {
        let who = only_phone(&phone());
        let first = format!("[{:?}", who.phone().unwrap().digits());
        let mut numbers = first.clone();
        for number in 0.. {
            if numbers.len() > 3 << 20 {
                break;
            }
            numbers += &format!(",\"4917{number:08}\"");
        }
        let noise = format!("{first}{}", "-".repeat(3 << 20));
        for raw in [numbers, noise] {
            assert!(put_aside(world, raw.as_bytes()).await);
            let (item, opened) = quarantined(world, raw.as_bytes()).await;
            assert!(
                raw.as_bytes().starts_with(&opened) && opened.len() > 10_000,
                "{}",
                opened.len()
            );
            assert!(is_mentioned(&item, &who));
            let mentions = item["mentions"].as_ss().unwrap().len();
            let numbers = opened
                .split(|byte| !byte.is_ascii_digit())
                .filter(|run| !run.is_empty());
            assert_eq!(mentions, numbers.count());
            let reason = item["reason"].as_s().unwrap();
            assert!(
                reason.ends_with(&format!("kept are the first {} of {} bytes", opened.len(), raw.len())),
                "{reason}"
            );
        }
    });
}
