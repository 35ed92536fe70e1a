//! Deliveries come late, twice, concurrently and out of order.

use consent::contact::Status;
use consent::event::Event;
use consent::id::ContactId;
use consent::time::{Span, Time};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::deeds::{
    Before, Deed, FIRST_DELIVERY, POLICY, before, cases, could_confirm, deeds, deliver, ends, event, events, hour,
    lasting, purpose, rules,
};

const CONTACT: ContactId = ContactId::from_bytes([7; 16]);

/// The times at which a standing is asked for: at once, after every hold and token has run out, and much later.
fn looks() -> [Time; 4] {
    [Span::hours(0), Span::hours(80), Span::days(30), Span::days(300)].map(|later| FIRST_DELIVERY + later)
}

/// Some events, and the deliveries in which they come: shuffled, some of them twice or more, and cut anywhere.
fn deliveries(events: Vec<Event>) -> impl Strategy<Value = (Vec<Event>, Vec<Vec<Event>>)> {
    let again = vec(
        any::<prop::sample::Index>(),
        if events.is_empty() { 0..=0 } else { 0..=6 },
    );
    again
        .prop_flat_map(move |again| {
            let mut sent = events.clone();
            sent.extend(again.iter().map(|index| index.get(&events).clone()));
            let cuts = vec(any::<bool>(), sent.len());
            (Just(events.clone()), Just(sent).prop_shuffle(), cuts)
        })
        .prop_map(|(events, sent, cuts)| {
            let mut deliveries = vec![vec![]];
            for (event, cut) in sent.into_iter().zip(cuts) {
                if cut {
                    deliveries.push(vec![]);
                }
                deliveries.last_mut().unwrap().push(event);
            }
            (events, deliveries)
        })
}

fn delivered() -> impl Strategy<Value = (Before, Vec<Event>, Vec<Vec<Event>>)> {
    (before(), deeds(12)).prop_flat_map(|(before, deeds)| {
        let events = events(&before, CONTACT, &deeds);
        deliveries(events).prop_map(move |(events, deliveries)| (before.clone(), events, deliveries))
    })
}

fn confirmed_by(contact: &consent::contact::Contact, id: &str, now: Time) -> Option<Time> {
    let id = purpose(id);
    let standing = contact.standing(&id, &POLICY, now);
    let grant = contact.purposes.get(&id).and_then(|registers| registers.granted.get());
    (standing.status == Status::Confirmed).then(|| grant.unwrap().prompted_at)
}

proptest! {
    #![proptest_config(cases(4_000))]

    #[test]
    fn the_order_number_and_grouping_of_deliveries_make_no_difference((before, events, deliveries) in delivered()) {
        let contact = before.contact(CONTACT);
        let (at_once, known_at_once) = deliver(contact.clone(), &[events]);
        let (in_pieces, known_in_pieces) = deliver(contact, &deliveries);
        prop_assert_eq!(known_at_once, known_in_pieces);
        prop_assert_eq!(lasting(&at_once), lasting(&in_pieces));
        for now in looks() {
            for id in ["offers", "orders"] {
                let ends = [&at_once, &in_pieces].map(|contact| confirmed_by(contact, id, now));
                prop_assert_eq!(ends[0], ends[1], "{} at {}", id, now);
            }
        }
    }

    #[test]
    fn no_stop_is_ever_lost((before, deeds) in (before(), deeds(10))) {
        let events = events(&before, CONTACT, &deeds);
        let (contact, _) = deliver(before.contact(CONTACT), &events.into_iter().map(|event| vec![event]).collect::<Vec<_>>());
        for (hours, deed) in deeds.iter().filter(|(hours, deed)| event(&before, CONTACT, 0, *hours, deed).is_some()) {
            for purpose in ends(&before, deed) {
                for now in looks() {
                    if let Some(prompted_at) = confirmed_by(&contact, purpose.as_str(), now) {
                        prop_assert!(prompted_at > hour(*hours), "{deed:?} at hour {hours} was lost");
                    }
                }
            }
        }
    }

    #[test]
    fn nothing_but_a_yes_to_a_prompt_of_ours_confirms(before in before(), deeds in deeds(10)) {
        let before = Before { agreed: false, ..before };
        let no_yes: Vec<_> = deeds.into_iter().filter(|(_, deed)| !could_confirm(deed)).collect();
        let mut contact = before.contact(CONTACT);
        for event in events(&before, CONTACT, &no_yes) {
            contact = contact.apply(&[event], &rules(FIRST_DELIVERY)).contact;
            for now in looks() {
                for id in ["offers", "orders"] {
                    prop_assert_eq!(confirmed_by(&contact, id, now), None);
                }
            }
        }
    }

    #[test]
    fn what_was_not_asked_for_is_never_confirmed(before in before(), deeds in deeds(10)) {
        let asked: Vec<_> = before.prompts.iter().flat_map(|(_, purposes)| purposes.clone()).collect();
        let before = Before { agreed: false, ..before };
        let (contact, _) = deliver(before.contact(CONTACT), &[events(&before, CONTACT, &deeds)]);
        for id in ["offers", "orders"] {
            prop_assert!(asked.contains(&id) || confirmed_by(&contact, id, FIRST_DELIVERY).is_none());
        }
    }

    #[test]
    fn at_most_one_opt_out_is_confirmed_until_the_contact_agrees_anew(before in before(), deeds in deeds(10)) {
        let no_yes: Vec<(u32, Deed)> = deeds.into_iter().filter(|(_, deed)| !could_confirm(deed)).collect();
        let mut contact = before.contact(CONTACT);
        let mut confirmations = 0;
        for event in events(&before, CONTACT, &no_yes) {
            let decision = contact.apply(&[event], &rules(FIRST_DELIVERY));
            let is_confirmation = |kind: &_| matches!(kind, consent::outgoing::OutgoingKind::OptoutConfirmation);
            confirmations += decision.outbox.iter().filter(|outgoing| is_confirmation(&outgoing.kind)).count();
            contact = decision.contact;
        }
        prop_assert!(confirmations <= 1, "{confirmations} confirmations");
    }

    #[test]
    fn a_purpose_never_has_two_prompts_that_wait(deeds in deeds(12)) {
        let before = Before { agreed: false, prompts: vec![(0, vec!["offers"])], marketing: None, salt: 0 };
        let mut contact = before.contact(CONTACT);
        let mut events = events(&before, CONTACT, &deeds);
        events.sort_by_key(|event| event.at);
        for event in events {
            // Carried out as it happens, so that new prompts come in between.
            let now = event.at;
            contact = contact.apply(&[event], &rules(now)).contact;
            for id in ["offers", "orders"] {
                let id = purpose(id);
                let stop = contact.stop(&id, &POLICY, now);
                let waiting = contact.prompts.values().filter(|prompt| {
                    prompt.can_be_answered(now)
                        && prompt.notices.contains_key(&id)
                        && stop.is_none_or(|stop| prompt.at > stop.at)
                });
                prop_assert!(waiting.count() <= 1 || confirmed_by(&contact, id.as_str(), now).is_some());
            }
        }
    }
}
