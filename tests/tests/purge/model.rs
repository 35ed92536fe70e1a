//! The purge and the erasure against a model that knows neither tables nor failures: made-up lives, clocks that go forward and
//! sometimes back, policies that change, runs and erasures that die anywhere, and people who act while a run is at work.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock};

use assent::local::EXAMPLE_POLICY;
use assent_tests::{AMPLE, keys, tables};
use consent::contact::{Contact, Standing, Status};
use consent::decide::Rules;
use consent::event::{Act, Asked, Event};
use consent::evidence::{Actor, TypedWords};
use consent::id::{ContactId, EventId, RequestId};
use consent::policy::Policy;
use consent::register::{RequestSource, Stop};
use consent::retention::{Counts, Kind, Outcome, Purge, RunEnd, Setting, Tombstone};
use consent::suppression::SuppressionKind;
use consent::time::{Span, Time};
use consent::token::Action;
use identity::Identifiers;
use ledger::{ErasureRequest, ErasureStart, Found, HoldReason, Ledger, LegalHold, Who};
use platform::deadline::Deadline;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use tokio::time::Instant;

use crate::deeds::{POLICY, purpose, rules, said, signed, token};
use crate::mortal::{Death, Mortal};
use crate::world::{Somebody, World, event, somebody};

const PEOPLE: usize = 3;

/// Longer than any lease.
const AFTER_THE_LEASE: Span = Span::minutes(20);

/// The example with the shortest periods.
static BRIEF_TEXT: LazyLock<String> = LazyLock::new(|| {
    let change = |text: String, setting: Setting| {
        let from = format!("{} = {}", setting.key(), setting.default());
        text.replace(&from, &format!("{} = {}", setting.key(), setting.limits().start()))
    };
    Setting::ALL.into_iter().fold(EXAMPLE_POLICY.to_owned(), change)
});
static BRIEF: LazyLock<Policy> = LazyLock::new(|| Policy::parse(&BRIEF_TEXT).unwrap());

/// What happens.
#[derive(Debug, Clone)]
enum Step {
    Acts(usize, Deed),
    /// Meta delivers something once more.
    Again(usize, Index),
    /// Hours pass; if there are fewer than none, the clock is put back.
    Passes(i32),
    Purge,
    /// A run dies after so many requests.
    PurgeThatDies(u8, Death),
    /// Somebody acts while a run is at work.
    PurgeWhile(usize, Deed),
    Erase(usize),
    /// Whoever erases dies after so many requests.
    EraseThatDies(usize, u8, Death),
    HoldForDays(usize, u32),
    Release(usize),
    Policy(bool),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Deed {
    Says(&'static str),
    Form,
    Taps(Action),
    Stops,
    Resumes,
    IsSentMarketing,
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        3 => Just(Deed::Says("START")),
        2 => Just(Deed::Says("STOP")),
        1 => Just(Deed::Says("stip")),
        1 => Just(Deed::Says("hilfe")),
        2 => Just(Deed::Form),
        4 => select(vec![Action::Confirm, Action::Confirm, Action::Decline, Action::NotMe]).prop_map(Deed::Taps),
        1 => Just(Deed::Stops),
        1 => Just(Deed::Resumes),
        1 => Just(Deed::IsSentMarketing),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let who = || 0..PEOPLE;
    let death = || select(vec![Death::BeforeSending, Death::BeforeHearing]);
    let hours = prop_oneof![
        3 => 1..100_i32,
        3 => 100..400_i32,
        2 => 2_000..12_000_i32,
        2 => 20_000..50_000_i32,
        1 => -30..0_i32,
    ];
    prop_oneof![
        8 => (who(), deed()).prop_map(|(who, deed)| Step::Acts(who, deed)),
        2 => (who(), any::<Index>()).prop_map(|(who, which)| Step::Again(who, which)),
        6 => hours.prop_map(Step::Passes),
        3 => Just(Step::Purge),
        3 => (0..60_u8, death()).prop_map(|(requests, death)| Step::PurgeThatDies(requests, death)),
        2 => (who(), deed()).prop_map(|(who, deed)| Step::PurgeWhile(who, deed)),
        1 => who().prop_map(Step::Erase),
        1 => (who(), 0..12_u8, death()).prop_map(|(who, requests, death)| Step::EraseThatDies(who, requests, death)),
        1 => (who(), 1..60_u32).prop_map(|(who, days)| Step::HoldForDays(who, days)),
        1 => who().prop_map(Step::Release),
        1 => any::<bool>().prop_map(Step::Policy),
    ]
}

/// What must be known of somebody.
#[derive(Debug, Clone)]
enum Life {
    /// A contact.
    Known(Box<Contact>),
    /// Nobody, but for what stays of whom they were.
    Nobody(Tombstone),
}

#[derive(Debug, Clone)]
struct Person {
    who: Identifiers,
    life: Life,
    recorded: BTreeSet<EventId>,
    held_until: Option<Time>,
    past: Vec<Event>,
}

impl Person {
    fn new() -> Self {
        Self {
            who: somebody(),
            life: Life::Nobody(Tombstone::default()),
            recorded: BTreeSet::new(),
            held_until: None,
            past: vec![],
        }
    }

    fn id(&self) -> Option<ContactId> {
        match &self.life {
            Life::Known(contact) => Some(contact.id),
            Life::Nobody(_) => None,
        }
    }

    fn is_held(&self, now: Time) -> bool {
        self.held_until.is_some_and(|until| now < until)
    }

    fn record(&mut self, event: &Event, rules: &Rules<'_>) {
        let contact = match &self.life {
            Life::Known(contact) => *contact.clone(),
            Life::Nobody(tombstone) => {
                let mut contact = Contact::new(ContactId::from_bytes([0; 16]));
                contact.begin_after(&tombstone.clone().without_what_is_over(rules.policy, rules.now));
                contact
            }
        };
        if self.recorded.contains(&event.id) {
            return;
        }
        let decision = contact.apply(std::slice::from_ref(event), rules);
        if !decision.is_nothing() {
            self.recorded
                .extend(decision.evidence.iter().map(|draft| draft.evidence.event));
            self.life = Life::Known(Box::new(decision.contact));
        }
    }

    fn purge(&mut self, policy: &Policy, now: Time) {
        for _ in 0..20 {
            match &self.life {
                Life::Known(_) if self.is_held(now) => return,
                Life::Known(contact) => match contact.clone().purge(policy, now) {
                    Purge::NotDue(_) => return,
                    Purge::Trim { contact, .. } => self.life = Life::Known(contact),
                    Purge::Remove { tombstone } => self.end(tombstone),
                },
                Life::Nobody(tombstone) => {
                    self.life = Life::Nobody(tombstone.clone().without_what_is_over(policy, now));
                    return;
                }
            }
        }
        panic!("always due again");
    }

    fn end(&mut self, tombstone: Tombstone) {
        self.life = Life::Nobody(tombstone);
        self.recorded.clear();
        self.held_until = None;
    }

    /// What somebody does, as an event; none if it needs what is not there.
    fn event(&self, deed: Deed, now: Time) -> Option<Event> {
        let act = match deed {
            Deed::Says(words) => Act::Said(said(words)),
            Deed::Form => Act::Asked(Asked {
                request: RequestId::from_bytes(identity::random_bytes().unwrap()),
                purposes: vec![purpose("offers")],
                locale: "de".parse().unwrap(),
                source: RequestSource::WebForm,
                url: None,
                form: None,
                actor: Actor::System,
            }),
            Deed::Stops => Act::PlatformStopped,
            Deed::Resumes => Act::PlatformResumed,
            Deed::Taps(action) => {
                let Life::Known(contact) = &self.life else { return None };
                let latest = contact
                    .prompts
                    .iter()
                    .max_by_key(|(request, prompt)| (prompt.at, **request));
                let (request, prompt) = latest?;
                let purposes: Vec<_> = prompt.notices.keys().cloned().collect();
                let token = token(action, contact.id, *request, prompt.at, &purposes);
                Act::Tapped {
                    payload: signed(&token),
                    message: crate::deeds::message(7),
                    context: None,
                }
            }
            Deed::IsSentMarketing => return None,
        };
        Some(event(now, act))
    }
}

/// What is compared.
#[derive(Debug, PartialEq)]
struct Seen {
    standings: Vec<Standing>,
    stops: Vec<Option<Stop>>,
    suppressions: Vec<(SuppressionKind, Time)>,
    due_at: Option<Time>,
}

fn seen(contact: &Contact, policy: &Policy, now: Time) -> Seen {
    let purposes = ["offers", "orders"].map(purpose);
    // An address that could be reached again is remembered only where something else is.
    let is_wish = |kind: &SuppressionKind| *kind != SuppressionKind::Undeliverable;
    let active = contact.suppressions.active(now).filter(|(kind, _)| is_wish(kind));
    Seen {
        standings: purposes
            .iter()
            .map(|purpose| contact.standing(purpose, policy, now))
            .collect(),
        stops: purposes
            .iter()
            .map(|purpose| contact.stop(purpose, policy, now))
            .collect(),
        suppressions: active.map(|(kind, since)| (kind.clone(), since)).collect(),
        due_at: contact.due_at(policy),
    }
}

/// The ledger and the model of it, side by side.
struct Both {
    world: World,
    people: Vec<Person>,
    policy: &'static Policy,
    /// The clock is not put back behind this: what was to be done then is not to be done yet.
    not_before: Time,
    /// Every contact that there ever was.
    contacts: BTreeSet<ContactId>,
    /// What each run and each erasure has counted.
    counts: BTreeMap<String, Counts>,
}

impl Both {
    async fn new() -> Self {
        let world = World::new().await;
        // Until everybody goes by the policy.
        world.wait(Span::minutes(3));
        Self {
            not_before: world.now(),
            world,
            people: (0..PEOPLE).map(|_| Person::new()).collect(),
            policy: &POLICY,
            contacts: BTreeSet::new(),
            counts: BTreeMap::new(),
        }
    }

    fn now(&self) -> Time {
        self.world.now()
    }

    fn rules(&self) -> Rules<'static> {
        Rules {
            policy: self.policy,
            ..rules(self.now())
        }
    }

    async fn take(&mut self, step: &Step) {
        match step {
            Step::Acts(who, deed) => self.act(*who, *deed).await,
            Step::Again(who, which) => {
                let past = &self.people[*who].past;
                if !past.is_empty() {
                    let event = past[which.index(past.len())].clone();
                    self.record(*who, &event).await;
                }
            }
            Step::Passes(hours) => {
                let seconds = i64::from(*hours) * 3_600;
                if self.now().unix_seconds() + seconds >= self.not_before.unix_seconds() {
                    self.world.fixture.clock.advance(seconds);
                }
            }
            Step::Purge => {}
            Step::PurgeThatDies(requests, death) => {
                let mortal = Mortal::after((*requests).into(), *death);
                let retention = self.world.mortal_retention(&mortal);
                let _ = mortal.lives(Box::pin(retention.handle(Deadline::after(AMPLE)))).await;
                self.world.wait(AFTER_THE_LEASE);
            }
            Step::PurgeWhile(who, deed) => return self.purge_while(*who, *deed).await,
            Step::Erase(who) => self.erase(*who, &self.world.ledger()).await,
            Step::EraseThatDies(who, requests, death) => self.erase_and_die(*who, *requests, *death).await,
            Step::HoldForDays(who, days) => {
                let until = self.now() + Span::days(*days);
                let hold = LegalHold {
                    until,
                    reason: HoldReason::new("a claim"),
                };
                if let Some(id) = self.people[*who].id() {
                    assert!(self.world.ledger().hold(&id, &hold, self.now()).await.unwrap());
                    self.people[*who].held_until = Some(until);
                }
            }
            Step::Release(who) => {
                if let Some(id) = self.people[*who].id() {
                    self.world.ledger().release_hold(&id).await.unwrap();
                    self.people[*who].held_until = None;
                }
            }
            Step::Policy(is_brief) => {
                self.policy = if *is_brief { &BRIEF } else { &POLICY };
                let text = if *is_brief { &BRIEF_TEXT } else { EXAMPLE_POLICY };
                self.world.publish(text).await;
                self.not_before = self.now();
            }
        }
        self.read_the_counts().await;
        if matches!(step, Step::Purge | Step::PurgeThatDies(..)) {
            self.purge_completely().await;
        }
    }

    async fn act(&mut self, who: usize, deed: Deed) {
        if deed == Deed::IsSentMarketing {
            return self.send_marketing(who).await;
        }
        if let Some(event) = self.people[who].event(deed, self.now()) {
            self.people[who].past.push(event.clone());
            self.record(who, &event).await;
        }
    }

    async fn send_marketing(&mut self, who: usize) {
        let (now, policy) = (self.now(), self.policy);
        let person = &mut self.people[who];
        let is_allowed =
            |contact: &Contact| contact.standing(&purpose("offers"), policy, now).status == Status::Confirmed;
        if let Life::Known(contact) = &mut person.life
            && is_allowed(contact)
        {
            contact.sent(&purpose("offers"), policy, now);
            let somebody = Somebody {
                who: person.who.clone(),
                id: contact.id,
                request: RequestId::from_bytes([0; 16]),
            };
            self.world.marketing_was_sent_to(&somebody).await;
        }
    }

    async fn record(&mut self, who: usize, event: &Event) {
        let rules = self.rules();
        let person = &mut self.people[who];
        let asked = Who::Person(person.who.clone());
        let recorded = self
            .world
            .ledger()
            .record(&asked, std::slice::from_ref(event), &rules)
            .await
            .unwrap();
        person.record(event, &rules);
        let found = recorded.into_iter().find_map(|recorded| recorded.contact);
        if let (Life::Known(contact), Some(found)) = (&mut person.life, found) {
            contact.id = found.id;
            self.contacts.insert(found.id);
        }
    }

    /// The run may see what somebody does, or not.
    async fn purge_while(&mut self, who: usize, deed: Deed) {
        let (now, rules) = (self.now(), self.rules());
        let Some(event) = self.people[who].event(deed, now) else {
            return self.purge_completely().await;
        };
        let person = self.people[who].clone();
        let asked = Who::Person(person.who.clone());
        let ledger = self.world.ledger();
        let retention = self.world.retention();
        let (_, recorded) = tokio::join!(
            Box::pin(retention.handle(Deadline::after(AMPLE))),
            Box::pin(ledger.record(&asked, std::slice::from_ref(&event), &rules)),
        );
        let found = recorded.unwrap().into_iter().find_map(|recorded| recorded.contact);
        let id = found.map(|contact| contact.id);
        self.contacts.extend(id);
        let (mut first, mut last) = (person.clone(), person);
        first.record(&event, &rules);
        first.purge(self.policy, now);
        last.purge(self.policy, now);
        last.record(&event, &rules);
        // Whoever was known and is found under another id was purged first.
        let was_first = match (self.people[who].id(), id) {
            (Some(before), Some(after)) => before == after,
            (Some(_), None) | (None, _) => true,
        };
        let mut person = if was_first { first } else { last };
        if let (Life::Known(contact), Some(id)) = (&mut person.life, id) {
            contact.id = id;
        }
        person.past.push(event);
        self.people[who] = person;
        self.purge_completely().await;
    }

    async fn purge_completely(&mut self) {
        let report = self.world.purge().await;
        assert_eq!(report.end, RunEnd::Complete);
        assert!(report.scheduled_by_policy);
        let now = self.now();
        for person in &mut self.people {
            person.purge(self.policy, now);
        }
        self.compare().await;
    }

    async fn erase(&mut self, who: usize, ledger: &Ledger) {
        let Some(id) = self.people[who].id() else { return };
        let asked = ErasureRequest {
            actor: Actor::System,
            reason: &TypedWords::new("a request"),
        };
        match ledger.begin_erasure(&id, &asked, &self.rules()).await.unwrap() {
            ErasureStart::Begun(erasure) => {
                let now = self.now();
                assert!(!self.people[who].is_held(now), "a hold stands");
                self.people[who].end(Tombstone::erased(now));
                ledger.continue_erasure(&erasure, &self.rules()).await.unwrap();
            }
            ErasureStart::Held { until } => {
                assert_eq!(self.people[who].held_until, Some(until));
                self.refused(who);
            }
            other => panic!("{other:?}"),
        }
    }

    /// The refusal is part of the contact's history.
    fn refused(&mut self, who: usize) {
        let act = Act::ErasureRefused {
            actor: Actor::System,
            reason: TypedWords::new("a request"),
        };
        let (event, rules) = (event(self.now(), act), self.rules());
        self.people[who].record(&event, &rules);
    }

    async fn erase_and_die(&mut self, who: usize, requests: u8, death: Death) {
        let Some(id) = self.people[who].id() else { return };
        let mortal = Mortal::after(requests.into(), death);
        let until = Instant::now() + AMPLE;
        let client = mortal.client(&self.world.client());
        let store = &self.world.fixture.store;
        let ledger = Ledger::new(client, Arc::new(tables(store)), Arc::new(keys()), until);
        let reason = TypedWords::new("a request");
        let asked = ErasureRequest {
            actor: Actor::System,
            reason: &reason,
        };
        let (now, rules) = (self.now(), self.rules());
        let erasing = async {
            if let ErasureStart::Begun(erasure) = ledger.begin_erasure(&id, &asked, &rules).await.unwrap() {
                ledger.continue_erasure(&erasure, &rules).await.unwrap();
            }
        };
        let _ = mortal.lives(Box::pin(erasing)).await;
        self.not_before = now;
        // Nobody may have heard of it, but once it has begun the contact cannot be read any more.
        match self.world.ledger().find(&self.people[who].who).await.unwrap() {
            Found::Nobody => {
                assert!(!self.people[who].is_held(now), "a hold stands");
                self.people[who].end(Tombstone::erased(now));
            }
            // If a hold stood against it, that may be on record, or not yet.
            Found::One(_) if self.people[who].is_held(now) => self.refused(who),
            Found::One(_) => {}
            Found::Two(_) => panic!("two"),
        }
    }

    async fn compare(&mut self) {
        let now = self.now();
        self.read_the_counts().await;
        for person in &self.people {
            match (&person.life, self.world.ledger().find(&person.who).await.unwrap()) {
                (Life::Known(expected), Found::One(found)) => {
                    assert_eq!(seen(&found.contact, self.policy, now), seen(expected, self.policy, now));
                    assert!(self.world.ledger().history(&found).await.unwrap().intact);
                }
                (Life::Nobody(_), Found::Nobody) => {}
                (expected, found) => panic!("{found:?} and not {expected:?}"),
            }
        }
        let held: BTreeSet<_> = self
            .people
            .iter()
            .filter(|person| person.is_held(now))
            .filter_map(Person::id)
            .collect();
        self.world.assert_nothing_is_due(&held).await;
        self.counts_add_up().await;
    }

    /// Reports and certificates go when their time is over; what they counted stands.
    async fn read_the_counts(&mut self) {
        for report in self.world.reports().await {
            self.counts.insert(report.run.to_string(), report.counts);
        }
        for id in self.world.erasures().await {
            let erasure = self.world.ledger().erasure(&id, Time::EPOCH).await.unwrap().unwrap();
            assert!(erasure.proof.is_none_or(|proof| proof.is_genuine));
            self.counts.insert(id.to_string(), erasure.certificate.counts);
        }
    }

    /// What is gone was counted once, in a report or a certificate, and what is there is what must be.
    async fn counts_add_up(&self) {
        let there = self.world.there().await;
        let of = |kind: &str| there.get(kind).copied().unwrap_or(0);
        let known = self.people.iter().filter_map(Person::id).count() as u64;
        let keys = self.world.subject_keys().await;
        assert_eq!((of("contact"), keys, of("remains")), (known, known, 0), "{there:?}");
        assert_eq!(of("alias"), known * 2);
        let tombstones = self
            .people
            .iter()
            .filter(|person| matches!(&person.life, Life::Nobody(tombstone) if !tombstone.is_empty()))
            .count() as u64;
        assert_eq!(of("tombstone"), tombstones * 2, "{there:?}");
        let gone = self.contacts.len() as u64 - known;
        for kind in [Kind::Contact, Kind::SubjectKey] {
            let deleted: u64 = self
                .counts
                .values()
                .map(|counts| counts.get(kind, Outcome::Deleted))
                .sum();
            assert_eq!(deleted, gone, "{kind}");
        }
    }
}

/// How many made-up stories are told; more by the environment.
fn cases() -> u32 {
    std::env::var_os("ASSENT_MODEL_CASES")
        .and_then(|cases| cases.to_str()?.parse().ok())
        .unwrap_or(40)
}

#[test]
fn whatever_happens_nothing_due_survives_nothing_else_goes_and_every_deletion_is_counted_once() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let config = Config {
        cases: cases(),
        failure_persistence: None,
        max_shrink_iters: 200,
        ..Config::default()
    };
    let told = TestRunner::new(config).run(&vec(step(), 1..30), |steps| {
        let told = runtime.block_on(async {
            let story = async {
                let mut both = Both::new().await;
                for step in &steps {
                    both.take(step).await;
                    // No two things happen in the same second: Meta's order is in whole seconds.
                    both.world.wait(Span::seconds(1));
                }
                both.purge_completely().await;
            };
            futures::FutureExt::catch_unwind(std::panic::AssertUnwindSafe(story)).await
        });
        told.map_err(|_| TestCaseError::fail("not as the model says"))
    });
    if let Err(error) = told {
        panic!("{error}");
    }
}
