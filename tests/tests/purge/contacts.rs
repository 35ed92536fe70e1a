//! What goes, what stays, and when.

use assent::local::EXAMPLE_POLICY;
use consent::policy::Policy;
use consent::retention::{Kind, Outcome, RunEnd};
use consent::time::Span;
use consent::token::Action;
use ledger::purge::{Preview, Previewed};
use ledger::{Found, HoldReason, KeyUse, LegalHold};

use crate::deeds::POLICY;
use crate::world::{DAY, World, policy_with};

fn hold(until: consent::time::Time) -> LegalHold {
    LegalHold {
        until,
        reason: HoldReason::new("a claim for damages"),
    }
}

#[tokio::test]
async fn a_request_that_nobody_confirms_is_gone_after_seven_days_with_all_that_belongs_to_it() {
    let world = World::new().await;
    world.somebody_asks().await;
    world.wait(Span::days(6));
    assert_eq!(world.purge().await.counts.iter().count(), 0);
    assert_eq!(world.count(Kind::Contact).await, 1);

    world.wait(DAY);
    let report = world.purge().await;
    assert_eq!(report.end, RunEnd::Complete);
    for (kind, amount) in [
        (Kind::Contact, 1),
        (Kind::Alias, 2),
        (Kind::Evidence, 1),
        (Kind::Outbox, 1),
        (Kind::SubjectKey, 1),
    ] {
        assert_eq!(report.counts.get(kind, Outcome::Deleted), amount, "{kind}");
        assert_eq!(world.count(kind).await, 0, "{kind}");
    }
    assert_eq!(world.there().await["keys"], 0);
    assert_eq!(world.fixture.tally.total("retention", "purge_deleted"), 6.0);
}

#[tokio::test]
async fn a_no_is_kept_as_a_keyed_hash_for_six_months_and_then_not_at_all() {
    let world = World::new().await;
    let somebody = world.somebody_asks().await;
    world.taps(&somebody, Action::Decline).await;
    world.wait(Span::days(8));
    let report = world.purge().await;
    assert_eq!(report.counts.get(Kind::Alias, Outcome::Reduced), 2);
    assert_eq!(
        (world.count(Kind::Contact).await, world.count(Kind::Tombstone).await),
        (0, 2)
    );

    world.wait(Span::days(190));
    let report = world.purge().await;
    assert_eq!(report.counts.get(Kind::Tombstone, Outcome::Deleted), 2);
    assert_eq!(world.count(Kind::Tombstone).await, 0);
}

#[tokio::test]
async fn a_stop_outlives_its_contact_for_as_long_as_there_is_marketing() {
    let world = World::new().await;
    let somebody = world.somebody_asks().await;
    world.says(&somebody.who, "STOP").await;
    for years in 0..6 {
        world.wait(Span::days(366));
        world.purge().await;
        assert_eq!(world.count(Kind::Tombstone).await, 2, "after {years} years");
    }
    let back = world.says(&somebody.who, "HILFE").await;
    assert!(!back.contact.unwrap().stops.everything.is_empty());
}

#[tokio::test]
async fn a_consent_that_is_used_no_more_is_kept_for_three_years_after_its_lapse_and_to_the_end_of_the_year() {
    let world = World::new().await;
    let somebody = world.somebody_asks().await;
    let confirmed = world.taps(&somebody, Action::Confirm).await.contact.unwrap();
    let due_at = confirmed.due_at(&POLICY).unwrap();
    assert!(due_at.since(world.now()) > Span::days(3 * 365 + 17 * 30));
    world.wait(Span::days(3 * 365));
    world.purge().await;
    assert_eq!(world.count(Kind::Contact).await, 1);
    world.wait_until(due_at);
    let report = world.purge().await;
    assert_eq!(report.counts.get(Kind::Contact, Outcome::Deleted), 1);
    assert_eq!(world.count(Kind::Contact).await, 0);
}

#[tokio::test]
async fn evidence_of_a_consent_that_is_over_is_reduced_while_another_consent_lives_on() {
    let world = World::new().await;
    let somebody = world.somebody_asks().await;
    let first = world.taps(&somebody, Action::Confirm).await.contact.unwrap();
    let due_at = first.due_at(&POLICY).unwrap();
    world.wait(Span::days(4 * 365));
    world.taps_for(&somebody, Action::Confirm, &["orders"]).await;
    world.wait_until(due_at);
    let report = world.purge().await;
    assert_eq!(report.counts.get(Kind::Contact, Outcome::Trimmed), 1);
    assert!(report.counts.get(Kind::Evidence, Outcome::Reduced) >= 1);
    let Found::One(subject) = world.ledger().find(&somebody.who).await.unwrap() else {
        panic!("gone")
    };
    let history = world.ledger().history(&subject).await.unwrap();
    assert!(history.intact);
    let purposes: Vec<_> = history
        .entries
        .iter()
        .flat_map(|entry| &entry.evidence.purposes)
        .map(ToString::to_string)
        .collect();
    assert!(!purposes.contains(&"offers".to_owned()), "{purposes:?}");
    assert!(purposes.contains(&"orders".to_owned()), "{purposes:?}");
    assert!(
        world.only("contact").await.contains_key("countries"),
        "what campaigns go by is still there"
    );
}

#[tokio::test]
async fn words_that_nobody_explains_become_a_withdrawal_on_record() {
    let world = World::new().await;
    let somebody = world.somebody_asks().await;
    world.taps(&somebody, Action::Confirm).await;
    world.wait(DAY);
    world.marketing_was_sent_to(&somebody).await;
    world.wait(DAY);
    world.says(&somebody.who, "stip").await;
    world.wait(Span::hours(73));
    let before = world.count(Kind::Evidence).await;
    let report = world.purge().await;
    assert_eq!(report.counts.get(Kind::Contact, Outcome::Trimmed), 1);
    assert_eq!(world.count(Kind::Evidence).await, before + 1);
    let Found::One(subject) = world.ledger().find(&somebody.who).await.unwrap() else {
        panic!("gone")
    };
    let offers = crate::deeds::purpose("offers");
    let standing = subject.contact.standing(&offers, &POLICY, world.now());
    assert_eq!(standing.status, consent::contact::Status::Withdrawn);
    assert!(world.ledger().history(&subject).await.unwrap().intact);
    assert_eq!(world.purge().await.counts.iter().count(), 0);
}

#[tokio::test]
async fn under_a_legal_hold_nothing_goes_and_everybody_else_does() {
    let world = World::new().await;
    let held = world.somebody_asks().await;
    for _ in 0..20 {
        world.somebody_asks().await;
    }
    let until = world.now() + Span::days(40);
    assert!(world.ledger().hold(&held.id, &hold(until), world.now()).await.unwrap());
    world.wait(Span::days(8));
    for _ in 0..2 {
        let report = world.purge().await;
        assert_eq!(report.counts.get(Kind::Contact, Outcome::LegalHold), 1);
        assert_eq!((report.oldest_due, report.lag_seconds), (None, 0));
    }
    assert_eq!(world.count(Kind::Contact).await, 1);
    assert!(matches!(world.ledger().find(&held.who).await, Ok(Found::One(_))));
    assert_eq!(world.fixture.tally.total("retention", "purge_held"), 2.0);

    world.wait_until(until);
    let report = world.purge().await;
    assert_eq!(report.counts.get(Kind::Contact, Outcome::Deleted), 1);
    assert_eq!(report.counts.get(Kind::LegalHold, Outcome::Deleted), 1);
    assert_eq!(world.there().await["keys"], 0);
}

#[tokio::test]
async fn a_hold_that_is_over_ends_by_itself() {
    let world = World::new().await;
    let held = world.somebody_asks().await;
    world.taps(&held, Action::Confirm).await;
    world
        .ledger()
        .hold(&held.id, &hold(world.now() + DAY), world.now())
        .await
        .unwrap();
    world.wait(DAY);
    assert_eq!(world.purge().await.counts.get(Kind::LegalHold, Outcome::Deleted), 1);
    assert_eq!(
        (world.count(Kind::LegalHold).await, world.count(Kind::Contact).await),
        (0, 1)
    );
}

#[tokio::test]
async fn what_belongs_to_nobody_goes_when_its_time_is_over() {
    let world = World::new().await;
    world.puzzle(b"{").await;
    let used = world
        .ledger()
        .use_key("/v1/x", "key", b"request", world.now())
        .await
        .unwrap();
    assert!(matches!(used, KeyUse::This { .. }));
    world.wait(Span::days(15));
    let report = world.purge().await;
    assert_eq!(report.counts.get(Kind::Quarantine, Outcome::Deleted), 1);
    assert_eq!(report.counts.get(Kind::Idempotency, Outcome::Deleted), 1);
    assert_eq!(world.there().await["keys"], 0);

    // Its own reports, too.
    world.wait(Span::days(3 * 366));
    let report = world.purge().await;
    assert_eq!(report.counts.get(Kind::PurgeRun, Outcome::Deleted), 1);
    assert_eq!(world.reports().await, [report]);
}

#[tokio::test]
async fn a_preview_says_what_a_purge_would_do_and_why_and_does_nothing() {
    let world = World::new().await;
    world.somebody_asks().await;
    let declined = world.somebody_asks().await;
    world.taps(&declined, Action::Decline).await;
    let before = world.there().await;
    let mut preview = Preview::new(world.now() + Span::days(8));
    let mut found = vec![];
    while let Some(page) = world.ledger().preview(&mut preview, &POLICY).await.unwrap() {
        found.extend(page);
    }
    let mut whys: Vec<_> = found
        .iter()
        .map(|previewed| match previewed {
            Previewed::Known {
                kind, outcome, line, ..
            } => (*kind, *outcome, line.what),
            Previewed::Unknown => panic!("unknown"),
        })
        .collect();
    whys.sort();
    assert_eq!(
        whys,
        [
            (
                Kind::Contact,
                Outcome::Deleted,
                "a refusal or a stop by somebody who had not consented"
            ),
            (Kind::Contact, Outcome::Deleted, "a request that nobody confirmed"),
        ]
    );
    assert_eq!(world.there().await, before);
}

#[tokio::test]
async fn a_policy_that_keeps_things_for_longer_reaches_what_is_stored() {
    let world = World::new().await;
    let shorter = policy_with("unconfirmed_days", 7, 3);
    world.publish(&shorter).await;
    assert!(world.purge().await.scheduled_by_policy);
    let asked = world.now();
    world.somebody_asks_under(&Policy::parse(&shorter).unwrap()).await;
    world.publish(EXAMPLE_POLICY).await;
    let report = world.purge().await;
    assert!(report.scheduled_by_policy);
    assert_eq!(report.counts.get(Kind::Contact, Outcome::Rescheduled), 1);
    world.wait_until(asked + Span::days(6));
    assert_eq!(world.purge().await.counts.iter().count(), 0);
    world.wait_until(asked + Span::days(7));
    assert_eq!(world.purge().await.counts.get(Kind::Contact, Outcome::Deleted), 1);
}

#[tokio::test]
async fn a_policy_that_keeps_things_for_less_long_reaches_what_is_stored_in_the_same_run() {
    let world = World::new().await;
    world.publish(&policy_with("unconfirmed_days", 7, 14)).await;
    let by_the_longer = Policy::parse(&policy_with("unconfirmed_days", 7, 14)).unwrap();
    for _ in 0..40 {
        world.somebody_asks_under(&by_the_longer).await;
    }
    world.puzzle(b"{").await;
    world.wait(Span::days(9));
    assert!(world.purge().await.scheduled_by_policy);
    world.publish(EXAMPLE_POLICY).await;
    let report = world.purge().await;
    assert!(report.scheduled_by_policy);
    assert_eq!(report.counts.get(Kind::Contact, Outcome::Rescheduled), 40);
    assert_eq!(report.counts.get(Kind::Contact, Outcome::Deleted), 40);
    assert_eq!(
        (world.count(Kind::Contact).await, world.count(Kind::Quarantine).await),
        (0, 1)
    );
}

#[tokio::test]
async fn a_policy_is_not_gone_by_before_everybody_knows_it() {
    let world = World::new().await;
    world.somebody_asks().await;
    assert!(!world.purge().await.scheduled_by_policy);
    world.wait(Span::minutes(2));
    assert!(world.purge().await.scheduled_by_policy);
}

#[tokio::test]
async fn a_contact_that_acts_between_the_look_and_the_purge_stays() {
    let world = World::new().await;
    let somebody = world.somebody_asks().await;
    world.wait(Span::days(7));
    let (retention, wire) = world.retention_on_a_wire();
    let (ledger, who) = (world.ledger(), somebody.who.clone());
    let (now, rest) = (world.now(), wire.clone());
    // The first transaction begins the run, the second removes the contact.
    wire.before_the_next_transaction(Box::pin(async move {
        rest.before_the_next_transaction(Box::pin(async move {
            let start = crate::world::event(now, consent::event::Act::Said(crate::deeds::said("START")));
            let who = ledger::Who::Person(who);
            ledger.record(&who, &[start], &crate::deeds::rules(now)).await.unwrap();
        }));
    }));
    let purged = retention
        .handle(platform::deadline::Deadline::after(assent_tests::AMPLE))
        .await
        .unwrap();
    assert_eq!(
        crate::world::report(purged).counts.get(Kind::Contact, Outcome::Deleted),
        0
    );
    assert_eq!(world.count(Kind::Contact).await, 1);
}
