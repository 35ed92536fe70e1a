//! Checks: each person counted once, whoever counts them.

use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};

use consent::campaign::{Cause, Clearance, Reason, Stage, Tally};
use consent::policy::Policy;
use consent::time::{Span, Time};
use futures::future::join_all;
use ledger::CheckOutcome;

use crate::calls::Calls;
use crate::deeds::POLICY;
use crate::half;
use crate::mortal::{Death, Mortal};
use crate::page::all_pages;
use crate::people::{policy_with, somebody};
use crate::wire::Fault;
use crate::world::{CLAIM, World, finished, ids, plan, tally, verdict};

#[tokio::test]
async fn each_on_the_lists_counts_once_and_the_counts_add_up() {
    let world = World::new().await;
    let people = world.people(6).await;
    let asked = world.base.somebody_asks().await;
    let mut first = ids(&people[..4]);
    first.push(somebody());
    // Twice on the same list.
    first.push(people[0].who.clone());
    // And on another one.
    let second = [
        people[4].who.clone(),
        people[5].who.clone(),
        people[1].who.clone(),
        asked.who,
    ];
    world.put_with_invalid(1, &first, 2).await;
    world.put(2, &second).await;

    let verdict = world.verdict().await;
    let denied = [
        (Reason::BadIdentifier, 2),
        (Reason::DuplicateRecipient, 2),
        (Reason::UnknownContact, 1),
        (Reason::PendingUnconfirmed, 1),
    ];
    assert_eq!(verdict.tally, tally(6, &denied));
    assert_eq!(verdict.tally.total(), 10 + 2);
    assert_eq!(verdict.causes, [Cause::DeniedShare]);
    let stored = world.stored().await;
    assert!(stored.is_intact);
    assert_eq!(stored.campaign.verdict.as_deref(), Some(&verdict));
}

#[tokio::test]
async fn a_campaign_for_nobody_is_blocked() {
    let world = World::new().await;
    let verdict = world.verdict().await;
    assert_eq!(verdict.clearance, Clearance::Blocked);
    assert_eq!(verdict.tally.total(), 0);
}

#[tokio::test]
async fn who_left_since_the_last_check_is_the_difference() {
    let world = World::new().await;
    let people = world.people(10).await;
    world.put_in_parts(&people, 2).await;
    let before = world.verdict().await;
    assert_eq!((before.clearance, before.difference), (Clearance::Cleared, None));

    world.base.wait(Span::minutes(5));
    world.base.says(&people[3].who, "STOP").await;
    let after = world.verdict().await;
    assert_eq!(after.clearance, Clearance::ClearedWithExclusions);
    let difference = after.difference.unwrap();
    assert_eq!((difference.since, difference.allowed), (before.began_at, -1));
    assert_eq!(difference.reasons.values().sum::<i64>(), 1);
}

#[tokio::test]
async fn who_opts_in_after_the_list_was_made_counts() {
    let world = World::new().await;
    let late = somebody();
    world.put(1, std::slice::from_ref(&late)).await;
    assert_eq!(world.verdict().await.tally, tally(0, &[(Reason::UnknownContact, 1)]));

    world.opts_in(late).await;
    assert_eq!(world.verdict().await.tally, tally(1, &[]));
}

#[tokio::test]
async fn who_is_gone_is_unknown_until_they_come_back() {
    let world = World::new().await;
    let people = world.people(2).await;
    world.put(1, &ids(&people)).await;
    world.remove(&people[0]).await;
    let gone = world.verdict().await.tally;
    assert_eq!(gone, tally(1, &[(Reason::UnknownContact, 1)]));
    assert_eq!(shown(&world).await, gone);

    let again = world.opts_in(people[0].who.clone()).await;
    assert_ne!(again.id, people[0].id);
    let back = world.verdict().await.tally;
    assert_eq!(back, tally(2, &[]));
    assert_eq!(shown(&world).await, back);
}

/// What the pages add up to.
async fn shown(world: &World) -> Tally {
    let mut shown = Tally::default();
    for judged in all_pages(world).await {
        shown.add(judged.judgement);
    }
    shown
}

#[tokio::test]
async fn a_check_costs_four_calls_for_each_unit_and_one_for_each_hundred_people() {
    let world = World::new().await;
    let people = world.people(4).await;
    world.put_in_parts(&people, 1).await;
    let calls = Calls::default();
    finished(
        world
            .demand_of(&world.ledger_over(calls.client(&world.base.client())))
            .await,
    );
    // The campaign, the beginning with the first claim, the audience and its bucket, the contacts, the end.
    assert_eq!(calls.total(), 6);

    world.put_in_parts(&people, 4).await;
    let calls = Calls::default();
    finished(
        world
            .demand_of(&world.ledger_over(calls.client(&world.base.client())))
            .await,
    );
    assert_eq!(calls.of("Query"), 4);
    assert!(calls.of("BatchGetItem") <= 5);
    assert!(calls.total() <= 4 * 4 + 1 + 4);
}

#[tokio::test]
async fn several_at_once_share_the_units_and_do_none_twice() {
    let world = World::new().await;
    let people = world.people(24).await;
    world.put_in_parts(&people, 12).await;
    for workers in [2, 6] {
        let calls = Calls::default();
        let ledger = world.ledger_over(calls.client(&world.base.client()));
        // Somebody began it and died, so that all of them go for the same unit first.
        let mortal = Mortal::after(2, Death::BeforeSending);
        let dead = world.ledger_over(mortal.client(&world.base.client()));
        assert!(mortal.lives(world.demand_of(&dead)).await.is_none());
        world.base.wait(CLAIM);

        let outcomes = join_all((0..workers).map(|_| world.demand_of(&ledger))).await;
        // Whoever comes last ends it; to the others nothing is left.
        let is_fine = |outcome: &CheckOutcome| matches!(outcome, CheckOutcome::Finished(_) | CheckOutcome::Busy);
        assert!(outcomes.iter().all(is_fine), "{outcomes:?}");
        assert_eq!(world.stored().await.campaign.verdict.unwrap().tally, tally(24, &[]));
        assert_eq!(calls.of("Query"), 12, "{workers}");
    }
}

#[tokio::test]
async fn whoever_dies_wherever_each_counts_once() {
    let world = World::new().await;
    let people = world.people(9).await;
    world.put_in_parts(&people, 3).await;
    world.put(4, &[people[0].who.clone(), somebody()]).await;
    let whole = tally(9, &[(Reason::DuplicateRecipient, 1), (Reason::UnknownContact, 1)]);
    for death in [Death::BeforeSending, Death::BeforeHearing] {
        for requests in 0.. {
            let mortal = Mortal::after(requests, death);
            let ledger = world.ledger_over(mortal.client(&world.base.client()));
            let lived = mortal.lives(world.demand_of(&ledger)).await;
            world.base.wait(CLAIM);
            let verdict = world.verdict().await;
            assert_eq!(verdict.tally, whole, "after {requests} requests, {death:?}");
            if lived.is_some() {
                break;
            }
            assert!(requests < 60, "it never gets done");
        }
    }
}

#[tokio::test]
async fn who_comes_while_another_is_at_work_does_not_wait_for_them() {
    let world = World::new().await;
    world.put_in_parts(&world.people(2).await, 1).await;
    // They have begun and claimed the only unit.
    let mortal = Mortal::after(3, Death::BeforeSending);
    let dead = world.ledger_over(mortal.client(&world.base.client()));
    assert!(mortal.lives(world.demand_of(&dead)).await.is_none());
    assert!(matches!(world.demand_of(&world.ledger()).await, CheckOutcome::Busy));
    world.base.wait(CLAIM);
    assert_eq!(world.verdict().await.tally, tally(2, &[]));
}

#[tokio::test]
async fn a_check_that_runs_out_of_time_goes_on_where_it_was() {
    let world = World::new().await;
    let people = world.people(8).await;
    world.put_in_parts(&people, 8).await;
    let calls = Calls::default();
    let ledger = world.ledger_over(calls.client(&world.base.client()));
    let mut rounds = 0;
    let tally_at_last = loop {
        let left = AtomicUsize::new(6);
        let has_time = || {
            left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1))
                .is_ok()
        };
        let clock = || world.now();
        match world.check_of(&ledger, None, &POLICY, &clock, &has_time).await {
            CheckOutcome::OutOfTime => rounds += 1,
            outcome => break verdict(outcome).tally,
        }
        world.base.wait(CLAIM);
        assert!(rounds < 20);
    };
    assert_eq!(tally_at_last, tally(8, &[]));
    assert!(rounds > 1);
    // What was done is not done again: a round leaves no more than one unit half done.
    assert!(calls.of("Query") <= 8 + rounds);
}

#[tokio::test]
async fn whom_dynamodb_throttles_counts_as_unread_and_holds_the_campaign() {
    let world = World::new().await;
    let people = world.people(120).await;
    world.put_in_parts(&people, 1).await;
    let (ledger, wire) = world.ledger_on_a_wire(1);
    // The campaign, the beginning, the audience, its buckets; then the two batches, one of which fails.
    wire.fail([[Fault::Nothing; 4].as_slice(), &[Fault::Throttled]].concat());
    let held = verdict(world.demand_of(&ledger).await);
    let unread = held.tally.count(Reason::LedgerUnavailable);
    assert!([20, 100].contains(&unread), "{unread}");
    assert_eq!(held.tally, tally(120 - unread, &[(Reason::LedgerUnavailable, unread)]));
    assert_eq!(held.clearance, Clearance::Held);
    assert!(held.causes.contains(&Cause::Unchecked));

    // Where trying again helps, nobody is missing. Nor are those whom DynamoDB leaves out of each answer.
    let (ledger, wire) = world.ledger_on_a_wire(3);
    wire.fail([[Fault::Nothing; 4].as_slice(), &[Fault::Throttled, Fault::AnswerLost]].concat());
    assert_eq!(verdict(world.demand_of(&ledger).await).tally, tally(120, &[]));
    let ledger = world.ledger_over(half::client(&world.base.client()));
    assert_eq!(verdict(world.demand_of(&ledger).await).tally, tally(120, &[]));
}

#[tokio::test]
async fn an_answer_that_is_lost_costs_nobody_their_place() {
    let world = World::new().await;
    let people = world.people(6).await;
    world.put_in_parts(&people, 3).await;
    for lost in 0..20 {
        let (ledger, wire) = world.ledger_on_a_wire(3);
        wire.fail((0..=lost).map(|request| {
            if request == lost {
                Fault::AnswerLost
            } else {
                Fault::Nothing
            }
        }));
        assert_eq!(
            verdict(world.demand_of(&ledger).await).tally,
            tally(6, &[]),
            "request {lost}"
        );
    }
}

#[tokio::test]
async fn an_audience_that_is_replaced_during_a_check_makes_it_void() {
    let world = World::new().await;
    let people = world.people(4).await;
    world.put_in_parts(&people, 2).await;
    let mortal = Mortal::after(6, Death::BeforeSending);
    let dead = world.ledger_over(mortal.client(&world.base.client()));
    assert!(mortal.lives(world.demand_of(&dead)).await.is_none());

    world.put(2, &[somebody()]).await;
    let after = world.verdict().await;
    assert_eq!(after.tally, tally(2, &[(Reason::UnknownContact, 1)]));
    assert_eq!(after.audience, world.stored().await.campaign.audience.digest);
}

#[tokio::test]
async fn an_audience_that_is_replaced_before_the_verdict_is_checked_anew() {
    let world = World::new().await;
    let people = world.people(3).await;
    world.put_in_parts(&people[..2], 1).await;
    let (ledger, wire) = world.ledger_on_a_wire(3);
    let (check, replaced) = (world.demand_of(&ledger), tokio::sync::Notify::new());
    let replace = async {
        world.put(1, &ids(&people)).await;
        replaced.notify_one();
    };
    // The only transaction of a check is its end.
    let (tell, told) = tokio::sync::oneshot::channel::<()>();
    let (go_on, gone_on) = tokio::sync::oneshot::channel::<()>();
    wire.before_the_next_transaction(Box::pin(async move {
        tell.send(()).unwrap();
        gone_on.await.unwrap();
    }));
    let meanwhile = async {
        told.await.unwrap();
        replace.await;
        go_on.send(()).unwrap();
    };
    let (outcome, ()) = tokio::join!(check, meanwhile);
    assert_eq!(verdict(outcome).tally, tally(3, &[]));
}

#[tokio::test]
async fn a_plan_or_a_policy_that_changes_makes_the_last_check_count_for_nothing() {
    let world = World::new().await;
    world.put_in_parts(&world.people(2).await, 1).await;
    finished(world.scheduled(&POLICY).await);
    assert!(matches!(world.scheduled(&POLICY).await, CheckOutcome::NotDue));

    let stricter = Policy::parse(&policy_with("denied_share_percent", 20, 10)).unwrap();
    assert_eq!(verdict(world.scheduled(&stricter).await).policy, stricter.version());
    assert!(matches!(world.scheduled(&stricter).await, CheckOutcome::NotDue));

    let later = plan("2026-07-14T15:00:00[Europe/Berlin]");
    world.plan(&later).await;
    assert_eq!(verdict(world.scheduled(&stricter).await).plan, later);
}

#[tokio::test]
async fn a_policy_that_changes_during_a_check_makes_it_void() {
    let world = World::new().await;
    world.put_in_parts(&world.people(2).await, 2).await;
    let mortal = Mortal::after(6, Death::BeforeSending);
    let dead = world.ledger_over(mortal.client(&world.base.client()));
    let clock = || world.now();
    let check = world.check_of(&dead, None, &POLICY, &clock, &|| true);
    assert!(mortal.lives(check).await.is_none());
    world.base.wait(CLAIM);
    let stricter = Policy::parse(&policy_with("denied_share_percent", 20, 10)).unwrap();
    let after = verdict(world.scheduled(&stricter).await);
    assert_eq!((after.policy, after.began_at), (stricter.version(), world.now()));
    assert_eq!(after.tally, tally(2, &[]));
}

#[tokio::test]
async fn a_clock_that_jumps_makes_nobody_count_twice_and_nothing_go_on_for_ever() {
    let world = World::new().await;
    let people = world.people(6).await;
    world.put_in_parts(&people, 3).await;
    for jump in [-7_200, -90, -1, 90, 3_600] {
        let readings = AtomicI64::new(0);
        let clock = || {
            let count = readings.fetch_add(1, Ordering::SeqCst);
            let away = if count % 2 == 0 { 0 } else { jump };
            Time::from_unix_seconds(world.now().unix_seconds() + away)
        };
        let outcome = world
            .check_of(&world.ledger(), Some(Stage::OnDemand), &POLICY, &clock, &|| true)
            .await;
        let verdict = verdict(outcome);
        assert_eq!(verdict.tally, tally(6, &[]), "{jump}");
        assert!(verdict.began_at <= verdict.ended_at);
    }
}

#[tokio::test]
async fn what_a_clock_that_ran_ahead_left_behind_binds_nobody() {
    let world = World::new().await;
    world.put_in_parts(&world.people(2).await, 1).await;
    for ahead in [Span::minutes(30), Span::days(1)] {
        let mortal = Mortal::after(3, Death::BeforeSending);
        let dead = world.ledger_over(mortal.client(&world.base.client()));
        let clock = || world.now() + ahead;
        let check = world.check_of(&dead, Some(Stage::OnDemand), &POLICY, &clock, &|| true);
        assert!(mortal.lives(check).await.is_none());
        assert_eq!(world.verdict().await.tally, tally(2, &[]));
    }
}

#[tokio::test]
async fn a_campaign_is_checked_when_it_is_due_and_not_when_it_is_over() {
    let world = World::new().await;
    world.put_in_parts(&world.people(2).await, 1).await;
    assert_eq!(verdict(world.scheduled(&POLICY).await).stage, Stage::Ahead);
    assert!(matches!(world.scheduled(&POLICY).await, CheckOutcome::NotDue));
    let starts_at = world.stored().await.campaign.plan.scheduled_at.at();
    world.base.wait_until(starts_at - Span::minutes(40));
    assert_eq!(verdict(world.scheduled(&POLICY).await).stage, Stage::LastHour);
    world.base.wait_until(starts_at - Span::minutes(5));
    assert_eq!(verdict(world.scheduled(&POLICY).await).stage, Stage::Start);
    world.base.wait_until(starts_at + Span::days(7));
    assert!(matches!(world.scheduled(&POLICY).await, CheckOutcome::NotDue));
    assert!(matches!(world.demand_of(&world.ledger()).await, CheckOutcome::NotDue));
}
