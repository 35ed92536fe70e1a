//! Nothing is kept longer than it may be, nothing goes earlier, and no stop goes with what it stopped.

use std::sync::LazyLock;

use consent::contact::{Contact, Status};
use consent::event::{Act, Asked, Event};
use consent::evidence::{Actor, EvidenceKind};
use consent::id::{ContactId, RequestId};
use consent::policy::Policy;
use consent::register::{RequestSource, StopKind};
use consent::retention::{Counts, Kind, Outcome, Purge, REDELIVERY, ReportKey, Setting, Then, Tombstone, schedule};
use consent::suppression::{MessageClass, SuppressionKind};
use consent::time::{Span, Time};
use proptest::prelude::*;

use crate::deeds::{
    BEGIN, Before, FIRST_DELIVERY, POLICY, before, cases, deeds, deliver, event_id, events, german, purpose, rules,
    said,
};

const CONTACT: ContactId = ContactId::from_bytes([7; 16]);
const ANOTHER: ContactId = ContactId::from_bytes([8; 16]);
const DAY: Span = Span::days(1);

/// The example with the shortest periods.
static BRIEF: LazyLock<Policy> = LazyLock::new(|| {
    let mut text = include_str!("../../../../infra/policy.example.toml").to_owned();
    for setting in Setting::ALL {
        let written = format!("{} = {}", setting.key(), setting.default());
        assert!(text.contains(&written), "{written}");
        text = text.replace(&written, &format!("{} = {}", setting.key(), setting.limits().start()));
    }
    Policy::parse(&text).expect("no faults")
});

/// A policy that a failed case does not print.
#[derive(Clone, Copy)]
struct Under(&'static Policy);

impl std::fmt::Debug for Under {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if std::ptr::eq(self.0, &raw const *POLICY) {
            "the example"
        } else {
            "the briefest"
        })
    }
}

fn policies() -> impl Strategy<Value = Under> {
    prop_oneof![Just(Under(&POLICY)), Just(Under(&BRIEF))]
}

fn stories() -> impl Strategy<Value = Contact> {
    (before(), deeds(8)).prop_map(|(before, deeds)| {
        let (contact, _) = deliver(before.contact(CONTACT), &[events(&before, CONTACT, &deeds)]);
        contact
    })
}

/// Up to nine years after the story.
fn later() -> impl Strategy<Value = Time> {
    prop_oneof![0..20_u32, 0..400_u32, 0..3_300_u32].prop_map(|days| FIRST_DELIVERY + Span::days(days))
}

/// The contact after every run of the purge that is due until then, one at each due time. None if it was removed.
fn purged_until(mut contact: Contact, policy: &Policy, until: Time) -> Result<Contact, Box<Tombstone>> {
    for _ in 0..100 {
        let Some(due_at) = contact.due_at(policy).filter(|due_at| *due_at <= until) else {
            return Ok(contact);
        };
        // A run is never earlier than the story.
        let now = due_at.max(FIRST_DELIVERY);
        match contact.purge(policy, now) {
            Purge::Trim { contact: left, .. } => contact = *left,
            Purge::Remove { tombstone } => return Err(Box::new(tombstone)),
            Purge::NotDue(_) => panic!("due at {due_at} and not due at {now}"),
        }
    }
    panic!("always due again")
}

proptest! {
    #![proptest_config(cases(2_000))]

    #[test]
    fn after_a_purge_nothing_is_due_that_is_not_later((contact, Under(policy), now) in (stories(), policies(), later())) {
        match contact.clone().purge(policy, now) {
            Purge::NotDue(due_at) => {
                prop_assert_eq!(due_at, contact.due_at(policy));
                prop_assert!(due_at.is_none_or(|due_at| due_at > now));
            }
            Purge::Trim { contact: left, .. } => {
                prop_assert!(contact.due_at(policy).unwrap() <= now);
                prop_assert!(left.due_at(policy).unwrap() > now, "{:?}", left);
            }
            Purge::Remove { tombstone } => {
                prop_assert!(contact.due_at(policy).unwrap() <= now);
                prop_assert!(tombstone.due_at(policy, now).is_none_or(|due_at| due_at > now));
            }
        }
    }

    #[test]
    fn a_late_purge_comes_to_the_same_as_punctual_ones((contact, Under(policy), now) in (stories(), policies(), later())) {
        let punctual = purged_until(contact.clone(), policy, now);
        let late = match contact.purge(policy, now) {
            Purge::NotDue(_) => return Ok(()),
            Purge::Trim { contact, .. } => Some(contact),
            Purge::Remove { .. } => None,
        };
        match (punctual, late) {
            (Ok(punctual), Some(late)) => {
                prop_assert_eq!(punctual.purposes, late.purposes);
                prop_assert_eq!(punctual.suppressions, late.suppressions);
                prop_assert_eq!(punctual.stops.everything, late.stops.everything);
            }
            (Err(_), None) => {}
            (punctual, late) => prop_assert!(false, "{:?} {:?}", punctual, late),
        }
    }

    #[test]
    fn what_a_contact_agreed_to_or_is_asked_for_outlives_every_purge((contact, Under(policy), now) in (stories(), policies(), later())) {
        let alive = [Status::Confirmed, Status::Pending, Status::Requested];
        let (offers, orders) = (purpose("offers"), purpose("orders"));
        let before = [&offers, &orders].map(|purpose| contact.standing(purpose, policy, now));
        match contact.purge(policy, now) {
            Purge::NotDue(_) => {}
            Purge::Trim { contact, .. } => {
                let after = [&offers, &orders].map(|purpose| contact.standing(purpose, policy, now));
                for (before, after) in before.into_iter().zip(after) {
                    prop_assert!(!alive.contains(&before.status) || before == after, "{:?} became {:?}", before, after);
                    prop_assert!(alive.contains(&before.status) || !alive.contains(&after.status), "{:?} became {:?}", before, after);
                }
            }
            Purge::Remove { .. } => {
                prop_assert!(before.iter().all(|standing| !alive.contains(&standing.status)), "{:?}", before);
            }
        }
    }

    #[test]
    fn no_stop_and_no_objection_is_ever_purged_while_it_binds((contact, Under(policy), now) in (stories(), policies(), later())) {
        let keep = |setting, at| policy.retention().keep(setting).until(at) > now;
        let binding = |contact: &Contact| {
            ["offers", "orders"].map(|id| {
                contact.stop(&purpose(id), policy, now).filter(|stop| match stop.kind {
                    StopKind::Declined => keep(Setting::Declined, stop.at),
                    StopKind::NotMe => keep(Setting::NotMe, stop.at),
                    StopKind::Withdrawn => true,
                    StopKind::Invalidated => false,
                })
            })
        };
        let before = binding(&contact);
        let objected = contact.suppressions.forbid(MessageClass::Marketing, now);
        let undeliverable = contact.suppressions.since(&SuppressionKind::Undeliverable, now).is_some();
        let after = match purged_until(contact, policy, now) {
            Ok(contact) => contact,
            Err(tombstone) => {
                let mut another = Contact::new(ANOTHER);
                another.begin_after(&tombstone);
                another
            }
        };
        for (before, after) in before.into_iter().zip(binding(&after)) {
            prop_assert!(before.is_none_or(|before| after.is_some_and(|after| after.at >= before.at)), "{:?} {:?}", before, after);
        }
        prop_assert!(!objected || undeliverable || after.suppressions.forbid(MessageClass::Marketing, now));
    }

    #[test]
    fn of_a_request_that_nobody_confirmed_nothing_is_left_when_its_days_are_over(
        (hours, days) in (0..200_u32, 0..40_u32),
        Under(policy) in policies(),
        source in prop_oneof![Just(RequestSource::WebForm), Just(RequestSource::Account)],
    ) {
        let asked_at = BEGIN + Span::hours(hours);
        let mut contact = Contact::new(CONTACT);
        contact = contact.apply(&[asks(asked_at, source)], &rules(asked_at)).contact;
        let now = asked_at + Span::days(days);
        let answerable = asked_at + policy.prompting().token_lifetime();
        let over = policy.retention().keep(Setting::Unconfirmed).until(asked_at).max(answerable) <= now;
        match contact.purge(policy, now) {
            Purge::Remove { tombstone } => prop_assert!(over && tombstone.is_empty(), "{:?}", tombstone),
            kept => prop_assert!(!over, "{:?}", kept),
        }
    }

    #[test]
    fn a_purge_of_a_tombstone_leaves_what_is_not_over_and_looks_again_later((contact, Under(policy), now) in (stories(), policies(), later())) {
        let Err(tombstone) = purged_until(contact, policy, now + Span::days(4_000)) else { return Ok(()) };
        let tombstone = *tombstone;
        let left = tombstone.clone().without_what_is_over(policy, now);
        prop_assert!(left.due_at(policy, now).is_none_or(|due_at| due_at > now));
        prop_assert_eq!(&left.clone().without_what_is_over(policy, now), &left);
        let mut merged = left;
        merged.merge(&tombstone);
        prop_assert_eq!(merged, tombstone.clone());
        let stored = serde_json::to_string(&tombstone).unwrap();
        prop_assert_eq!(serde_json::from_str::<Tombstone>(&stored).unwrap(), tombstone);
    }

    #[test]
    fn what_happened_before_an_erasure_never_happened(
        (before, deeds) in (before(), deeds(8)),
        erased_hour in 0..120_u32,
    ) {
        let erased_at = BEGIN + Span::hours(erased_hour);
        let fresh = || {
            let mut contact = Contact::new(ANOTHER);
            contact.begin_after(&Tombstone::erased(erased_at));
            contact
        };
        let events = events(&before, ANOTHER, &deeds);
        let later: Vec<_> = events.iter().filter(|event| event.at > erased_at).cloned().collect();
        let all = fresh().apply(&events, &rules(FIRST_DELIVERY));
        prop_assert_eq!(&all, &fresh().apply(&later, &rules(FIRST_DELIVERY)));
        if later.is_empty() {
            prop_assert_eq!(all.contact, fresh());
            prop_assert!(all.evidence.is_empty() && all.outbox.is_empty());
        }
    }
}

fn asks(at: Time, source: RequestSource) -> Event {
    let act = Act::Asked(Asked {
        request: RequestId::from_bytes([1; 16]),
        purposes: vec![purpose("offers")],
        locale: german(),
        source,
        url: None,
        form: None,
        actor: Actor::System,
    });
    Event {
        id: event_id(1),
        at,
        act,
        delivery: None,
    }
}

fn says(number: u8, at: Time, text: &str) -> Event {
    Event {
        id: event_id(number),
        at,
        act: Act::Said(said(text)),
        delivery: None,
    }
}

/// Somebody who agreed to everything a month before [`BEGIN`].
fn subscriber() -> Contact {
    let before = Before {
        agreed: true,
        prompts: vec![],
        marketing: None,
        salt: 0,
    };
    before.contact(CONTACT)
}

#[test]
fn a_consent_that_nobody_used_is_kept_as_proof_to_the_end_of_the_third_year_after_it_lapsed() {
    let contact = subscriber();
    // Agreed in January 2026, lapsed after 18 months in July 2027.
    let due_at = contact.due_at(&POLICY).unwrap();
    assert_eq!(due_at.to_string(), "2030-12-31T23:59:59Z");
    assert!(matches!(contact.clone().purge(&POLICY, due_at - DAY), Purge::NotDue(_)));
    let Purge::Remove { tombstone } = contact.purge(&POLICY, due_at) else {
        panic!("still there")
    };
    assert!(tombstone.is_empty(), "who never said no may be asked again");
}

#[test]
fn who_left_three_years_ago_is_a_keyed_hash_that_still_says_no() {
    let stopped = subscriber().apply(&[says(1, BEGIN, "STOP")], &rules(BEGIN)).contact;
    let due_at = stopped.due_at(&POLICY).unwrap();
    assert_eq!(due_at.to_string(), "2029-12-31T23:59:59Z");
    let Purge::Remove { tombstone } = stopped.purge(&POLICY, due_at) else {
        panic!("still there")
    };
    let mut again = Contact::new(ANOTHER);
    again.begin_after(&tombstone);
    let again = again.apply(&[asks(due_at + DAY, RequestSource::WebForm)], &rules(due_at + DAY));
    assert_eq!(
        again.contact.standing(&purpose("offers"), &POLICY, due_at + DAY).status,
        Status::Withdrawn
    );
    assert!(again.outbox.is_empty(), "an open form asks nobody who has stopped");
    let review = tombstone.due_at(&POLICY, due_at).unwrap();
    assert_eq!(
        tombstone.clone().without_what_is_over(&POLICY, review),
        tombstone,
        "as long as the controller markets"
    );
}

#[test]
fn somebody_who_said_no_is_a_keyed_hash_after_a_week_and_forgotten_after_six_months() {
    let mut contact = Contact::new(CONTACT);
    contact = contact
        .apply(&[asks(BEGIN, RequestSource::Account)], &rules(BEGIN))
        .contact;
    let declined_at = BEGIN + Span::hours(1);
    contact = contact
        .apply(&[says(2, declined_at, "nein")], &rules(declined_at))
        .contact;
    assert_eq!(
        contact.stop(&purpose("offers"), &POLICY, declined_at).unwrap().kind,
        StopKind::Declined
    );
    let Purge::Trim { contact, .. } = contact.clone().purge(&POLICY, BEGIN + Span::days(7)) else {
        panic!("{:?}", contact.due_at(&POLICY))
    };
    assert_eq!(contact.due_at(&POLICY), Some(declined_at + REDELIVERY));
    let Purge::Remove { tombstone } = contact.purge(&POLICY, declined_at + REDELIVERY) else {
        panic!("still there")
    };
    let forgotten_at = POLICY.retention().keep(Setting::Declined).until(declined_at);
    assert_eq!(tombstone.due_at(&POLICY, declined_at + REDELIVERY), Some(forgotten_at));
    assert!(tombstone.without_what_is_over(&POLICY, forgotten_at).is_empty());
}

#[test]
fn silence_after_marketing_becomes_a_withdrawal_on_record_and_stays_one() {
    let mut contact = subscriber();
    contact.sent(&purpose("offers"), &POLICY, BEGIN);
    let held_at = BEGIN + Span::hours(1);
    contact = contact.apply(&[says(1, held_at, "stip")], &rules(held_at)).contact;
    let silent_at = held_at + Span::hours(72);
    assert_eq!(contact.due_at(&POLICY), Some(silent_at));
    let Purge::Trim { contact, evidence } = contact.purge(&POLICY, silent_at) else {
        panic!("not due")
    };
    let [draft] = evidence.as_slice() else {
        panic!("{evidence:?}")
    };
    assert_eq!(
        (draft.evidence.kind, &draft.evidence.actor, draft.evidence.occurred_at),
        (EvidenceKind::Withdrawn, &Actor::System, silent_at)
    );
    assert_eq!(
        contact.standing(&purpose("offers"), &POLICY, silent_at).status,
        Status::Withdrawn
    );
    // Until no late answer can come any more, it is not settled.
    let settled_at = contact.due_at(&POLICY).unwrap();
    assert_eq!(settled_at, silent_at + REDELIVERY);
    let Purge::Trim { contact, evidence } = contact.purge(&POLICY, settled_at) else {
        panic!("not due")
    };
    assert!(evidence.is_empty(), "said once");
    assert_eq!(contact.stops.marketing.get().unwrap().at, held_at);
}

#[test]
fn of_two_consents_the_one_that_is_over_goes_and_its_evidence_with_it() {
    let mut contact = subscriber();
    let orders = purpose("orders");
    let withdrew = Act::Withdrew {
        purposes: Some(vec![purpose("offers")]),
        source: consent::evidence::WithdrawalSource::Email,
        actor: Actor::System,
    };
    let withdrawal = Event {
        id: event_id(1),
        at: BEGIN,
        act: withdrew,
        delivery: None,
    };
    let decision = contact.apply(&[withdrawal], &rules(BEGIN));
    contact = decision.contact;
    contact.sent(&orders, &POLICY, BEGIN + Span::days(300));
    let due_at = contact.due_at(&POLICY).unwrap();
    assert_eq!(due_at.to_string(), "2029-12-31T23:59:59Z");
    // Orders go on being used.
    contact.sent(&orders, &POLICY, due_at - DAY);
    let Purge::Trim { contact, .. } = contact.purge(&POLICY, due_at) else {
        panic!("all or nothing")
    };
    assert_eq!(contact.standing(&orders, &POLICY, due_at).status, Status::Confirmed);
    assert_eq!(
        contact.standing(&purpose("offers"), &POLICY, due_at).status,
        Status::Withdrawn
    );
    let mut evidence = decision.evidence[0].evidence.clone();
    assert!(contact.has_done_with(&evidence));
    evidence.purposes.push(orders);
    assert!(!contact.has_done_with(&evidence), "it proves the other consent too");
    evidence.purposes.clear();
    assert!(!contact.has_done_with(&evidence), "it is about the contact");
}

#[test]
fn whose_processing_is_restricted_is_kept_until_that_ends() {
    let mut contact = Contact::new(CONTACT);
    contact = contact
        .apply(&[asks(BEGIN, RequestSource::WebForm)], &rules(BEGIN))
        .contact;
    contact.suppressions.set(SuppressionKind::RestrictionArt18, BEGIN + DAY);
    let years_later = BEGIN + Span::days(4_000);
    assert_eq!(
        contact.clone().purge(&POLICY, years_later),
        Purge::NotDue(None),
        "restricted data may be stored, and nothing else (Art. 18(2) GDPR)"
    );
    contact
        .suppressions
        .lift(SuppressionKind::RestrictionArt18, years_later);
    assert!(contact.due_at(&POLICY).is_some_and(|due_at| due_at <= years_later));
}

#[test]
fn who_was_erased_is_written_to_again_only_after_an_act_of_their_own() {
    let mut contact = Contact::new(ANOTHER);
    contact.begin_after(&Tombstone::erased(BEGIN));
    let form = contact.apply(&[asks(BEGIN + DAY, RequestSource::WebForm)], &rules(BEGIN + DAY));
    assert!(form.outbox.is_empty());
    let mut story = form.contact;
    for class in [
        MessageClass::Marketing,
        MessageClass::Prompt,
        MessageClass::ServiceReply,
    ] {
        assert!(story.suppressions.forbid(class, BEGIN + DAY));
    }
    let start = story.apply(
        &[says(2, BEGIN + DAY + Span::hours(1), "start")],
        &rules(BEGIN + DAY + Span::hours(1)),
    );
    assert!(!start.outbox.is_empty(), "asked like anybody new");
    story = start.contact;
    assert_eq!(
        story.erased_at(),
        Some(BEGIN),
        "a redelivery is still told from a new act"
    );
}

#[test]
fn the_schedule_has_a_line_for_every_kind_and_knows_no_other() {
    for kind in Kind::ALL {
        assert!(schedule().iter().any(|line| line.kind == kind), "{kind}");
        assert_eq!(kind.as_str().parse(), Ok(kind));
        let deletes = schedule()
            .iter()
            .filter(|line| line.kind == kind)
            .all(|line| line.then == Then::Delete);
        assert!(deletes || !kind.may_expire(), "{kind} is more than deleted");
    }
    assert!("court_order".parse::<Kind>().is_err());
}

#[test]
fn a_report_that_was_changed_or_passed_for_another_document_shows() {
    let key = ReportKey::from_bytes([3; 32]);
    let mut counts = Counts::default();
    counts.add(Kind::Evidence, Outcome::Deleted, 7);
    let text = serde_json::to_string(&counts).unwrap();
    assert_eq!(text, r#"{"evidence":{"deleted":7}}"#);
    let signature = key.sign("purge run", &text);
    assert!(key.verify("purge run", &text, &signature));
    assert!(!key.verify("purge run", &text.replace('7', "8"), &signature));
    assert!(!key.verify("erasure", &text, &signature));
    assert!(!ReportKey::from_bytes([4; 32]).verify("purge run", &text, &signature));
    assert_eq!(signature.to_string().parse(), Ok(signature));
}
