//! What a contact remembers of campaigns.

use consent::campaign::{Send, Sends};
use consent::contact::Contact;
use consent::decide::Rules;
use consent::event::{Act, Event};
use consent::evidence::EvidenceKind;
use consent::id::{CampaignId, EventId};
use consent::time::{Span, Time};

use crate::facts::{Facts, POLICY, now};

fn campaign(name: &str) -> CampaignId {
    name.parse().unwrap()
}

fn send(at: Time) -> Send {
    Send {
        purpose: "offers".parse().unwrap(),
        at,
    }
}

fn stop(contact: Contact, at: Time, now: Time) -> Vec<CampaignId> {
    let event = Event {
        id: EventId::from_bytes([7; 32]),
        at,
        act: Act::PlatformStopped,
        delivery: None,
    };
    let rules = Rules {
        policy: &POLICY,
        token_keys: &[],
        now,
    };
    let mut decision = contact.apply(&[event], &rules);
    let evidence = decision.evidence.remove(0).evidence;
    assert_eq!(evidence.kind, EvidenceKind::PlatformStop);
    evidence.crossed
}

#[test]
fn a_stop_names_the_messages_that_may_still_arrive_after_it() {
    let mut contact = Facts::fine().contact;
    let sent = |contact: &mut Contact, name: &str, at| contact.send(campaign(name), send(at), &POLICY);
    sent(&mut contact, "long-ago", now() - Span::hours(2));
    sent(&mut contact, "before", now() - Span::seconds(61));
    sent(&mut contact, "in-flight", now() - Span::seconds(59));
    sent(&mut contact, "after", now());
    let said = now() - Span::seconds(30);
    assert_eq!(
        stop(contact.clone(), said, now()),
        [campaign("after"), campaign("in-flight")]
    );
    let said = now() - Span::minutes(2);
    let crossed = [campaign("after"), campaign("before"), campaign("in-flight")];
    assert_eq!(stop(contact, said, now()), crossed, "the stop came late");
}

#[test]
fn a_send_uses_the_consent_and_counts_as_marketing() {
    let mut contact = Facts::fine().contact;
    contact.send(campaign("winter"), send(now()), &POLICY);
    let offers = "offers".parse().unwrap();
    assert_eq!(contact.purposes[&offers].last_used.get(), Some(&now()));
    assert_eq!(contact.last_marketing.get(), Some(&now()));
}

#[test]
fn sends_are_remembered_for_as_long_as_a_promise_can_count_them() {
    let mut sends = Sends::default();
    sends.record(campaign("first"), send(now()));
    sends.record(campaign("second"), send(now() + Span::days(30) - Span::seconds(1)));
    assert!(sends.of(&campaign("first")).is_some());
    sends.record(campaign("third"), send(now() + Span::days(30)));
    assert!(sends.of(&campaign("first")).is_none());
    assert_eq!(sends.last(), Some(now() + Span::days(30)));
}

#[test]
fn what_came_to_nothing_is_forgotten_unless_it_was_tried_again() {
    let mut sends = Sends::default();
    sends.record(campaign("winter"), send(now()));
    sends.record(campaign("winter"), send(now() + Span::hours(1)));
    sends.forget(&campaign("winter"), now());
    assert!(!sends.is_empty(), "the later one stands");
    sends.forget(&campaign("winter"), now() + Span::hours(1));
    assert!(sends.is_empty());
}

#[test]
fn two_contacts_who_are_one_person_were_sent_what_either_was() {
    let (mut first, mut second) = (Facts::fine().contact, Facts::fine().contact);
    first.send(campaign("winter"), send(now()), &POLICY);
    second.send(campaign("winter"), send(now() + Span::hours(1)), &POLICY);
    second.send(campaign("spring"), send(now()), &POLICY);
    let (mut one_way, mut other_way) = (first.clone(), second.clone());
    one_way.merge(&second);
    other_way.merge(&first);
    assert_eq!(one_way.sends, other_way.sends);
    assert_eq!(
        one_way.sends.of(&campaign("winter")),
        Some(&send(now() + Span::hours(1)))
    );
    assert!(one_way.sends.of(&campaign("spring")).is_some());
}
