//! The runs: one at a time, and nothing lost or counted twice.

use std::sync::atomic::{AtomicUsize, Ordering};

use assent_tests::AMPLE;
use consent::retention::{Kind, Outcome, RunEnd};
use consent::time::Span;
use ledger::purge::Lane;
use platform::deadline::Deadline;
use retention::Purged;

use crate::mortal::{Death, Mortal};
use crate::wire::Fault;
use crate::world::{DAY, World, report, total};

/// Longer than any lease.
const AFTER_THE_LEASE: Span = Span::minutes(17);

#[tokio::test]
async fn one_run_is_at_work_at_a_time() {
    let world = World::new().await;
    let run = world.begin(world.now()).await.unwrap();
    assert_eq!(world.purged().await, Purged::Busy);
    assert_eq!(world.fixture.tally.total("retention", "purge_runs_busy"), 1.0);
    let ending = ledger::purge::Ending {
        end: RunEnd::Complete,
        passed_over: consent::retention::Counts::default(),
        cursor: std::collections::BTreeMap::new(),
        oldest_due: None,
    };
    let ended = world
        .ledger()
        .end_purge(run, ending, &crate::deeds::POLICY, world.now())
        .await;
    assert!(ended.unwrap().is_some());
    assert!(matches!(world.purged().await, Purged::Run(_)));
}

#[tokio::test]
async fn a_clock_that_ran_ahead_locks_nobody_out_when_it_is_put_back() {
    let world = World::new().await;
    let ahead = world.begin(world.now() + Span::days(365)).await;
    assert!(ahead.is_some());
    assert_eq!(world.purge().await.end, RunEnd::Complete);
    let ends: Vec<_> = world.reports().await.iter().map(|report| report.end).collect();
    assert_eq!(ends, [RunEnd::Complete, RunEnd::Died]);
}

#[tokio::test]
async fn a_run_that_was_taken_for_dead_does_nothing_more() {
    let world = World::new().await;
    world.somebody_asks().await;
    world.wait(Span::days(8));
    let dead = world.begin(world.now()).await.unwrap();
    world.wait(AFTER_THE_LEASE);
    let alive = world.begin(world.now()).await.unwrap();
    for lane in Lane::ALL {
        let walk = ledger::purge::Walk::new(lane, consent::time::Time::EPOCH, world.now());
        for due in world.ledger().look(&walk).await.unwrap().records {
            let handled = world
                .ledger()
                .purge_record(&dead, lane, due, &crate::deeds::POLICY, world.now())
                .await;
            assert!(handled.is_err() || handled.is_ok_and(|handled| handled != ledger::purge::Handled::Done));
        }
    }
    assert_eq!(world.count(Kind::Contact).await, 1);
    drop(alive);
}

/// People and things that are all due, and what they are.
async fn full_world() -> World {
    let world = World::new().await;
    for _ in 0..4 {
        world.somebody_asks().await;
    }
    let declined = world.somebody_asks().await;
    world.taps(&declined, consent::token::Action::Decline).await;
    world.puzzle(b"{").await;
    world
        .ledger()
        .use_key("/v1/x", "key", b"request", world.now())
        .await
        .unwrap();
    world.wait(Span::days(15));
    world
}

#[tokio::test]
async fn wherever_a_run_dies_nothing_is_lost_and_nothing_counted_twice() {
    for death in [Death::BeforeSending, Death::BeforeHearing] {
        for requests in 0.. {
            let world = full_world().await;
            let before = world.there().await;
            let mortal = Mortal::after(requests, death);
            let retention = world.mortal_retention(&mortal);
            let lived = mortal.lives(Box::pin(retention.handle(Deadline::after(AMPLE)))).await;
            world.wait(AFTER_THE_LEASE);
            let last = world.purge().await;
            assert_eq!(last.end, RunEnd::Complete, "{death:?} after {requests}");

            let reports = world.reports().await;
            let left = world.there().await;
            assert_eq!(left.get("purge_tally"), None, "{death:?} after {requests}");
            for kind in [
                Kind::Contact,
                Kind::Evidence,
                Kind::Outbox,
                Kind::Quarantine,
                Kind::Idempotency,
            ] {
                assert_eq!(left.get(kind.as_str()), None, "{kind}: {death:?} after {requests}");
                assert_eq!(
                    total(&reports, kind, Outcome::Deleted),
                    before[kind.as_str()],
                    "{kind}: {death:?} after {requests}"
                );
            }
            let aliases = (
                total(&reports, Kind::Alias, Outcome::Deleted),
                total(&reports, Kind::Alias, Outcome::Reduced),
            );
            assert_eq!(aliases, (8, 2), "{death:?} after {requests}");
            assert_eq!((left["keys"], left["tombstone"]), (0, 2));
            if lived.is_some() {
                assert!(requests > 20);
                break;
            }
        }
    }
}

#[tokio::test]
async fn a_kind_that_the_schedule_does_not_know_stops_the_run_before_it_is_touched() {
    let world = World::new().await;
    for kind in ["novelty", "policy"] {
        world.put(kind, kind).await;
        let before = world.only_named(kind).await;
        let report = world.purge().await;
        assert_eq!(report.end, RunEnd::UnknownKind);
        assert!(report.oldest_due.is_some());
        assert_eq!(world.only_named(kind).await, before);
        world.take_away(kind).await;
    }
    assert_eq!(world.fixture.tally.total("retention", "purge_unknown_kind"), 2.0);
    assert_eq!(world.purge().await.end, RunEnd::Complete);
}

#[tokio::test]
async fn a_record_that_fails_ten_times_is_set_aside_and_the_others_go() {
    let world = World::new().await;
    world.somebody_asks().await;
    world.wait(Span::days(8));
    // A tombstone without a name.
    world.put("nobody", "tombstone").await;
    for time in 1..=9 {
        let report = world.purge().await;
        assert_eq!(report.end, RunEnd::Complete);
        assert_eq!(report.counts.get(Kind::Tombstone, Outcome::Failed), 1, "time {time}");
        assert_eq!(report.oldest_due, Some(world.now()));
    }
    assert_eq!(world.count(Kind::Contact).await, 0);
    assert_eq!(world.purge().await.counts.get(Kind::Tombstone, Outcome::SetAside), 1);
    assert_eq!(world.purge().await.counts.iter().count(), 0);
    assert_eq!(world.fixture.tally.total("retention", "purge_set_aside"), 1.0);
    assert_eq!(world.only("tombstone").await["due_shard"].as_s().unwrap(), "set_aside");

    // Another policy, or another version of this program, may have an answer.
    world
        .publish(&crate::world::policy_with("unconfirmed_days", 7, 6))
        .await;
    world.purge().await;
    assert_eq!(world.only("tombstone").await["due_shard"].as_s().unwrap(), "purge#0");
    assert_eq!(world.purge().await.counts.get(Kind::Tombstone, Outcome::Failed), 1);
}

#[tokio::test]
async fn a_run_whose_time_is_up_stops_and_the_next_ones_go_on_until_nothing_is_left() {
    let world = World::new().await;
    let people = 60;
    for _ in 0..people {
        world.somebody_asks().await;
    }
    world.wait(Span::days(8));
    let (mut runs, mut before) = (0, people);
    loop {
        let steps = AtomicUsize::new(0);
        let has_time = || steps.fetch_add(1, Ordering::SeqCst) < 30;
        let purged = world.retention().handle_while(Deadline::after(AMPLE), &has_time).await;
        let report = report(purged.unwrap());
        let left = world.count(Kind::Contact).await;
        runs += 1;
        match report.end {
            RunEnd::Complete => break assert_eq!(left, 0),
            RunEnd::OutOfTime => {
                assert!(left < before);
                before = left;
                if left > 0 {
                    assert_eq!(report.oldest_due.map(|oldest| oldest < world.now()), Some(true));
                    assert!(report.lag_seconds >= DAY.as_seconds());
                    assert!(!report.cursor.is_empty());
                }
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(runs > 2);
    assert_eq!(total(&world.reports().await, Kind::Contact, Outcome::Deleted), people);
}

#[tokio::test]
async fn a_store_that_is_busy_for_a_while_delays_a_run_and_one_that_stays_away_ends_it() {
    let world = full_world().await;
    let (retention, wire) = world.retention_on_a_wire();
    retention.handle_while(Deadline::after(AMPLE), &|| false).await.unwrap();
    wire.requests();
    // What begins a run is tried once, and what the lanes do five times.
    let begins = [Fault::Nothing, Fault::Nothing];
    wire.fail(begins.into_iter().chain([Fault::Throttled; 5 * Lane::ALL.len()]));
    let away = report(retention.handle(Deadline::after(AMPLE)).await.unwrap());
    assert_eq!(away.end, RunEnd::Unavailable);
    assert!(away.counts.is_empty() && away.oldest_due.is_some());

    wire.fail(begins.into_iter().chain([Fault::Throttled; 20]));
    let busy = report(retention.handle(Deadline::after(AMPLE)).await.unwrap());
    assert_eq!(busy.end, RunEnd::Complete);
    assert_eq!(world.count(Kind::Contact).await, 0);
}
