//! The ledger against a model of it that knows neither tables nor races nor failures.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};

use consent::contact::Contact;
use consent::event::Event;
use consent::id::{ContactId, EventId};
use consent::retention::Tombstone;
use consent::suppression::{Suppression, SuppressionKind};
use consent::time::{Span, Time};
use identity::Identifiers;
use ledger::{Ledger, Who};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::TestCaseError;

use crate::contract::{bury, delete_key, delete_messages};
use crate::deeds::{BEGIN, Before, Deed, FIRST_DELIVERY, POLICY, before, cases, deeds, events, lasting, rules};
use crate::wire::{Fault, Wire};
use crate::world::{RUNTIME, World, embedded, somebody};

const PEOPLE: usize = 3;

/// A contact as the rules say it must be, with the events that are part of its history.
struct Model {
    life: Life,
    known: BTreeSet<EventId>,
}

/// Whether a person is known.
enum Life {
    /// As this contact.
    Known(Box<Contact>),
    /// Not any more. This is left of the contact.
    Over(Left),
}

/// What is left of a contact.
enum Left {
    Tombstone(Tombstone),
    /// All of it but the key.
    Registers(Box<Contact>),
}

impl Life {
    /// The contact, or the new one that somebody becomes with the next act.
    fn contact(&self, now: Time) -> Contact {
        let wishes = match self {
            Self::Known(contact) => return *contact.clone(),
            Self::Over(Left::Tombstone(tombstone)) => tombstone.clone().without_what_is_over(&POLICY, now),
            Self::Over(Left::Registers(contact)) => contact.wishes(&POLICY, now),
        };
        let mut contact = Contact::new(NOT_KNOWN_YET);
        contact.begin_after(&wishes);
        contact
    }
}

/// The id of a contact that the ledger has still to choose.
const NOT_KNOWN_YET: ContactId = ContactId::from_bytes([0; 16]);

impl Model {
    fn record(&mut self, events: &[Event], now: Time) {
        let mut seen = self.known.clone();
        let fresh: Vec<_> = events.iter().filter(|event| seen.insert(event.id)).cloned().collect();
        let decision = self.life.contact(now).apply(&fresh, &rules(now));
        // What leaves no trace is not written.
        if !decision.is_nothing() {
            self.known
                .extend(decision.evidence.iter().map(|draft| draft.evidence.event));
            self.life = Life::Known(Box::new(decision.contact));
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

/// How a contact comes to an end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// The purge takes it.
    Purged,
    Erased,
    /// A backup brings it back after its key is gone.
    KeyLost,
}

/// One delivery, or two at the same time, for one of the people, whose contact may have come to an end before.
#[derive(Debug, Clone)]
struct Delivery {
    person: usize,
    after: Option<End>,
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
    let ends = vec![
        None,
        None,
        None,
        Some(End::Purged),
        Some(End::Erased),
        Some(End::KeyLost),
    ];
    (
        0..PEOPLE,
        select(ends),
        events(),
        proptest::option::of(events()),
        vec(select(faults), 0..=5),
        any::<bool>(),
    )
        .prop_map(|(person, after, events, at_the_same_time, faults, patient)| Delivery {
            person,
            after,
            events,
            at_the_same_time,
            faults,
            patient,
        })
}

struct Person {
    who: Identifiers,
    /// The contacts that they have been.
    ids: Vec<ContactId>,
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
                life: Life::Known(Box::new(Contact::new(contact.id))),
                known: BTreeSet::new(),
            });
            model.record(&prompting, at);
        }
        let model = model.unwrap();
        let id = model.life.contact(BEGIN).id;
        let events = events(&before, id, deeds);
        Self {
            who,
            ids: vec![id],
            events,
            model,
        }
    }

    fn pick(&self, indexes: &[Index]) -> Vec<Event> {
        if self.events.is_empty() {
            return vec![];
        }
        indexes.iter().map(|index| index.get(&self.events).clone()).collect()
    }

    /// Lets the contact come to an end, if there is one.
    async fn end(&mut self, world: &World, end: End, now: Time) {
        let Life::Known(contact) = &self.model.life else {
            return;
        };
        let left = match end {
            End::Purged => Left::Tombstone(contact.wishes(&POLICY, now)),
            End::Erased => Left::Tombstone(Tombstone::erased(now)),
            End::KeyLost => Left::Registers(contact.clone()),
        };
        delete_messages(world, &contact.id).await;
        match &left {
            Left::Tombstone(tombstone) => bury(world, &self.who, tombstone).await,
            Left::Registers(_) => delete_key(world, &contact.id).await,
        }
        self.model = Model {
            life: Life::Over(left),
            known: BTreeSet::new(),
        };
    }

    async fn check(&mut self, world: &World) -> Result<(), TestCaseError> {
        let Life::Known(contact) = &mut self.model.life else {
            prop_assert!(world.is_unknown(&self.who).await);
            return Ok(());
        };
        let subject = world.known(&self.who).await;
        if contact.id == NOT_KNOWN_YET {
            contact.id = subject.contact.id;
            prop_assert!(!self.ids.contains(&contact.id));
            self.ids.push(contact.id);
        }
        prop_assert_eq!(compared(&subject.contact), compared(contact));
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
        if let Some(end) = delivery.after {
            person.end(world, end, now).await;
        }
        let (ledger, wire) = &wires[usize::from(delivery.patient)];
        let who = Who::Person(person.who.clone());
        let one = person.pick(&delivery.events);
        let other = delivery.at_the_same_time.as_ref().map(|events| person.pick(events));
        let rules = rules(now);
        wire.fail(delivery.faults.iter().copied());
        let outcomes = match &other {
            None => vec![ledger.record(&who, &one, &rules).await],
            // Whoever begins anew is told apart from before by their first act, so it matters which that is.
            Some(other) if person.ids.len() > 1 || matches!(person.model.life, Life::Over(_)) => {
                vec![
                    ledger.record(&who, &one, &rules).await,
                    ledger.record(&who, other, &rules).await,
                ]
            }
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
