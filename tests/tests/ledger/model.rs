//! The ledger against a model of it that knows neither tables nor races nor failures.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};

use consent::contact::Contact;
use consent::event::Event;
use consent::id::{ContactId, EventId};
use consent::suppression::{Suppression, SuppressionKind};
use consent::time::{Span, Time};
use identity::Identifiers;
use ledger::{Ledger, Who};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::TestCaseError;

use crate::deeds::{Before, Deed, FIRST_DELIVERY, before, cases, deeds, events, lasting, rules};
use crate::wire::{Fault, Wire};
use crate::world::{RUNTIME, World, embedded, somebody};

const PEOPLE: usize = 3;

/// A contact as the rules say it must be, with the events that are part of its history.
struct Model {
    contact: Contact,
    known: BTreeSet<EventId>,
}

impl Model {
    fn record(&mut self, events: &[Event], now: Time) {
        let mut seen = self.known.clone();
        let fresh: Vec<_> = events.iter().filter(|event| seen.insert(event.id)).cloned().collect();
        let decision = self.contact.clone().apply(&fresh, &rules(now));
        // What leaves no trace is not written.
        if !decision.evidence.is_empty() || !decision.outbox.is_empty() {
            self.known
                .extend(decision.evidence.iter().map(|draft| draft.evidence.event));
            self.contact = decision.contact;
        }
    }
}

/// What must be the same in the model and in the ledger: not when the contact last wrote something that was nothing, which
/// is kept only where it is written along with something else.
fn compared(contact: &Contact) -> (Contact, BTreeMap<SuppressionKind, Suppression>) {
    let mut contact = lasting(contact);
    let mut suppressions: BTreeMap<_, _> = contact
        .suppressions
        .iter()
        .map(|(kind, suppression)| (kind.clone(), suppression.clone()))
        .collect();
    if let Some(undeliverable) = suppressions.get_mut(&SuppressionKind::Undeliverable) {
        undeliverable.lifted = consent::register::Register::default();
    }
    suppressions.retain(|_, suppression| *suppression != Suppression::default());
    contact.suppressions = consent::suppression::Suppressions::default();
    contact.last_inbound = consent::register::Register::default();
    contact.sender = consent::register::Register::default();
    (contact, suppressions)
}

/// One delivery, or two at the same time, for one of the people.
#[derive(Debug, Clone)]
struct Delivery {
    person: usize,
    events: Vec<Index>,
    at_the_same_time: Option<Vec<Index>>,
    faults: Vec<Fault>,
    patient: bool,
}

fn delivery() -> impl Strategy<Value = Delivery> {
    let faults = vec![
        Fault::Nothing,
        Fault::Nothing,
        Fault::NotSent,
        Fault::AnswerLost,
        Fault::Conflict,
        Fault::Throttled,
    ];
    let events = || vec(any::<Index>(), 1..=4);
    (
        0..PEOPLE,
        events(),
        proptest::option::of(events()),
        vec(select(faults), 0..=5),
        any::<bool>(),
    )
        .prop_map(|(person, events, at_the_same_time, faults, patient)| Delivery {
            person,
            events,
            at_the_same_time,
            faults,
            patient,
        })
}

struct Person {
    who: Identifiers,
    id: ContactId,
    events: Vec<Event>,
    model: Model,
}

impl Person {
    /// Someone who was asked, as `before` says, in the ledger and in the model alike.
    async fn new(world: &World, before: &Before, deeds: &[(u32, Deed)]) -> Self {
        static SALT: AtomicU64 = AtomicU64::new(1);
        let before = Before {
            salt: SALT.fetch_add(1, Ordering::SeqCst),
            ..before.clone()
        };
        let who = somebody();
        let mut model = None;
        for number in 0..before.prompts.len() {
            let prompting = before.prompting(number);
            let at = prompting[0].at;
            let contact = world.record(&who, &prompting, at).await.contact.unwrap();
            let model = model.get_or_insert_with(|| Model {
                contact: Contact::new(contact.id),
                known: BTreeSet::new(),
            });
            model.record(&prompting, at);
        }
        let model = model.unwrap();
        let id = model.contact.id;
        let events = events(&before, id, deeds);
        Self { who, id, events, model }
    }

    fn pick(&self, indexes: &[Index]) -> Vec<Event> {
        if self.events.is_empty() {
            return vec![];
        }
        indexes.iter().map(|index| index.get(&self.events).clone()).collect()
    }

    async fn check(&self, world: &World) -> Result<(), TestCaseError> {
        let subject = world.known(&self.who).await;
        prop_assert_eq!(subject.contact.id, self.id);
        prop_assert_eq!(compared(&subject.contact), compared(&self.model.contact));
        let recorded = world.event_ids(&subject).await;
        let ids: BTreeSet<_> = recorded.iter().copied().collect();
        prop_assert_eq!(recorded.len(), ids.len());
        prop_assert_eq!(&ids, &self.model.known);
        Ok(())
    }
}

async fn play(
    world: &World,
    wires: &[(Ledger, Wire); 2],
    people: &mut [Person],
    deliveries: &[Delivery],
) -> Result<(), TestCaseError> {
    for (minutes, delivery) in (0..).zip(deliveries) {
        let now = FIRST_DELIVERY + Span::minutes(minutes);
        let person = &mut people[delivery.person];
        let (ledger, wire) = &wires[usize::from(delivery.patient)];
        let who = Who::Person(person.who.clone());
        let one = person.pick(&delivery.events);
        let other = delivery.at_the_same_time.as_ref().map(|events| person.pick(events));
        let rules = rules(now);
        wire.fail(delivery.faults.iter().copied());
        let outcomes = match &other {
            None => vec![ledger.record(&who, &one, &rules).await],
            Some(other) => {
                let both = tokio::join!(ledger.record(&who, &one, &rules), ledger.record(&who, other, &rules));
                vec![both.0, both.1]
            }
        };
        wire.fail([]);
        for (outcome, events) in outcomes
            .into_iter()
            .zip([Some(&one), other.as_ref()].into_iter().flatten())
        {
            if outcome.is_err() {
                prop_assert!(!delivery.faults.is_empty(), "{:?}", outcome);
                // It is delivered again, as by Meta, until it is taken.
                prop_assert!(ledger.record(&who, events, &rules).await.is_ok());
            }
            person.model.record(events, now);
        }
        person.check(world).await?;
    }
    Ok(())
}

fn stories() -> impl Strategy<Value = Vec<(Before, Vec<(u32, Deed)>)>> {
    // Neither a consent of old nor marketing, which come to the ledger in other ways.
    let before = before().prop_map(|before| Before {
        agreed: false,
        marketing: None,
        prompts: if before.prompts.is_empty() {
            vec![(0, vec!["offers"])]
        } else {
            before.prompts
        },
        ..before
    });
    vec((before, deeds(6)), PEOPLE)
}

proptest! {
    #![proptest_config(cases(200))]

    #[test]
    fn whatever_fails_in_between_the_ledger_ends_as_the_model(stories in stories(), deliveries in vec(delivery(), 0..=8)) {
        let world = embedded();
        RUNTIME.block_on(async {
            let mut people = vec![];
            for (before, deeds) in &stories {
                people.push(Person::new(world, before, deeds).await);
            }
            let wires = [world.ledger_on_a_wire(1), world.ledger_on_a_wire(3)];
            play(world, &wires, &mut people, &deliveries).await
        })?;
    }
}
